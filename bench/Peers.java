//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The independent programs that tests and measurements compare with: what both sides agree on is no
 * mistake of ours.
 *
 * <p>{@link #prepare} downloads what can be downloaded, before the tests: they contact loopback
 * only. A test asks for a peer where it needs it. A peer that is not there skips that test, with
 * the reason; with {@code REQUIRE_PEERS=1} in the environment (as in CI) the test fails.
 */
final class Peers {

  /**
   * A virtual environment of Python.
   *
   * @param oldestMinor of Python 3, the oldest that the requirements support
   * @param requirements exact versions; they name the folder, so another list makes another one
   * @param fromSource packages that are not published otherwise; all others are installed as built,
   *     for a build needs compilers and takes minutes
   * @param imports what the requirements install: an environment may outlive its Python
   */
  private record Environment(
      String name,
      int oldestMinor,
      List<String> requirements,
      List<String> fromSource,
      String imports) {

    Path home() {
      return cache().resolve("peers-" + hash(String.join("\n", requirements)));
    }

    Path program() {
      return home().resolve("bin").resolve("python");
    }

    /** Written last: tells a finished environment from one that was interrupted. */
    Path ready() {
      return home().resolve("requirements.txt");
    }

    boolean isReady() {
      return Files.exists(ready()) && run(program().toString(), "-c", imports).code() == 0;
    }

    /** Debian splits venv off. */
    boolean canBeMadeBy(Path python) {
      String isUsable =
          "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, " + oldestMinor + "))";
      return run(python.toString(), "-c", isUsable).code() == 0;
    }

    String remark() {
      return String.join(", ", requirements).replace("==", " ");
    }
  }

  private static final Environment PYTHON =
      new Environment(
          "python",
          9,
          List.of("canonicaljson-rs==0.9.3", "cryptography==50.0.2"),
          List.of(),
          "import canonicaljson, cryptography");

  /**
   * The newest signer and changes plug-in that are packages of their own, and what they run with: a
   * newer Pyramid or multiauth breaks this Kinto's accounts, a newer setuptools has no more of the
   * pkg_resources that all of them import.
   */
  private static final Environment KINTO =
      new Environment(
          "kinto",
          10,
          List.of(
              "kinto==16.3.0",
              "kinto-signer==8.1.1",
              "kinto-changes==4.1.2",
              "kinto-http==11.11.0",
              "pyramid==2.0.2",
              "pyramid-multiauth==1.0.1",
              "setuptools==79.0.1",
              "waitress==3.0.2"),
          List.of("kinto"),
          "import kinto, kinto_signer, kinto_changes, kinto_http, waitress");

  /** Of what moto's server imports, it brings along all but Flask. */
  private static final Environment MOTO =
      new Environment(
          "moto",
          10,
          List.of("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "werkzeug==3.1.9"),
          List.of(),
          "import moto, flask, flask_cors, werkzeug");

  /** For a benchmark only, which has it made. */
  private static final Environment JINJA =
      new Environment(
          "jinja", 9, List.of("jinja2==3.1.6", "nh3==0.3.8"), List.of(), "import jinja2, nh3");

  /** Looks at templates of AWS CloudFormation, as {@code deploy/template.yaml} is one. */
  private static final Environment CFN_LINT =
      new Environment("cfn-lint", 10, List.of("cfn-lint==1.58.0"), List.of(), "import cfnlint");

  /** Brings along the schemas of Kubernetes up to its own version. */
  private static final Environment KUBERNETES_VALIDATE =
      new Environment(
          "kubernetes-validate",
          10,
          List.of("kubernetes-validate==1.37.0"),
          List.of(),
          "import kubernetes_validate");

  /** Looks at workflows of GitHub Actions; published as source, which Go builds. */
  private static final String ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

  /**
   * A program in a jar with all that it needs. It is no {@code //DEPS} of a test: JBang would take
   * the versions that its POM manages for everybody's, the AWS SDK's among them.
   */
  private static final String S3MOCK = "com.adobe.testing:s3mock:5.2.0:exec@fatjar";

  /** Programs that are looked for on PATH; the first of several names is that of the peer. */
  private static final List<String> CHROMIUM =
      List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

  private static final List<String> OPENSSL = List.of("openssl");
  private static final List<String> NODE = List.of("node");
  private static final List<String> SYSTEMD_ANALYZE = List.of("systemd-analyze");
  private static final List<String> CURL = List.of("curl");
  private static final List<String> FLOCK = List.of("flock");
  private static final List<String> BASH = List.of("bash");
  private static final List<String> ZSH = List.of("zsh");

  /** Where {@code python3} is too old or lacks venv, another one may stand beside it. */
  private static final List<String> PYTHONS =
      List.of("python3", "python3.13", "python3.12", "python3.11", "python3.10");

  private static final Map<Environment, Peer> environments = new HashMap<>();
  private static final Map<List<String>, Peer> onPath = new HashMap<>();
  private static Peer s3mock;
  private static Peer actionlint;

  private Peers() {}

  /**
   * A program, or why it is not there.
   *
   * @param path null if it is not there
   * @param remark what it is, or what is missing
   */
  record Peer(String name, Path path, String remark) {
    boolean isReady() {
      return path != null;
    }

    @Override
    public String toString() {
      return name + ": " + remark;
    }
  }

  /** A Python that has canonicaljson-rs and cryptography. */
  static Path python() {
    return path(pythonPeer(PYTHON, false, line -> {}));
  }

  /** A Python that has Kinto with the signer and changes plug-ins, a server and a client. */
  static Path kinto() {
    return path(pythonPeer(KINTO, false, line -> {}));
  }

  /** A Python that has moto, an S3. */
  static Path moto() {
    return path(pythonPeer(MOTO, false, line -> {}));
  }

  /** The jar of Adobe's S3Mock, an S3. */
  static Path s3mock() {
    return path(s3mockPeer(false, line -> {}));
  }

  /** Chromium, the browser that pages are looked at with, or one that is made of it. */
  static Path chromium() {
    return path(onPath(CHROMIUM));
  }

  /**
   * A Python that renders templates and cleans HTML, made if it is not there.
   *
   * @param progress gets a line before that
   */
  static Path jinja(Consumer<String> progress) {
    return path(pythonPeer(JINJA, true, progress));
  }

  /** OpenSSL's command. */
  static Path openssl() {
    return path(onPath(OPENSSL));
  }

  /** Node.js, the ECMAScript that numbers are compared with. */
  static Path node() {
    return path(onPath(NODE));
  }

  /** The program that looks at templates of CloudFormation. */
  static Path cfnLint() {
    return path(pythonPeer(CFN_LINT, false, line -> {})).resolveSibling("cfn-lint");
  }

  /** The program that looks at manifests of Kubernetes. */
  static Path kubernetesValidate() {
    return path(pythonPeer(KUBERNETES_VALIDATE, false, line -> {}))
        .resolveSibling("kubernetes-validate");
  }

  /** The program that looks at workflows of GitHub Actions. */
  static Path actionlint() {
    return path(actionlintPeer(false, line -> {}));
  }

  /** What the runbooks ask a server with, where no command of ours does. */
  static Path curl() {
    return path(onPath(CURL));
  }

  /** A shell that completes, which not every system has. */
  static Path bash() {
    return path(onPath(BASH));
  }

  /** A shell that completes otherwise than bash does. */
  static Path zsh() {
    return path(onPath(ZSH));
  }

  /** What keeps a cron job from running twice at once. */
  static Path flock() {
    return path(onPath(FLOCK));
  }

  /** The program that looks at units of systemd. */
  static Path systemdAnalyze() {
    return path(onPath(SYSTEMD_ANALYZE));
  }

  /**
   * Makes ready what is not yet; the other peers are looked for.
   *
   * @param progress gets a line before something that takes a while
   */
  static List<Peer> prepare(Consumer<String> progress) {
    return List.of(
        pythonPeer(PYTHON, true, progress),
        pythonPeer(KINTO, true, progress),
        pythonPeer(MOTO, true, progress),
        pythonPeer(CFN_LINT, true, progress),
        pythonPeer(KUBERNETES_VALIDATE, true, progress),
        s3mockPeer(true, progress),
        actionlintPeer(true, progress),
        onPath(CHROMIUM),
        onPath(OPENSSL),
        onPath(NODE),
        onPath(SYSTEMD_ANALYZE),
        onPath(CURL),
        onPath(FLOCK),
        onPath(BASH),
        onPath(ZSH));
  }

  /** Whether a test fails, and is not skipped, where a peer is missing. */
  static boolean areRequired() {
    return "1".equals(System.getenv("REQUIRE_PEERS"));
  }

  private static Path path(Peer peer) {
    if (peer.isReady()) {
      return peer.path();
    }
    if (areRequired()) {
      return fail("REQUIRE_PEERS is set and there is no " + peer);
    }
    return abort("no " + peer);
  }

  private static synchronized Peer actionlintPeer(boolean make, Consumer<String> progress) {
    if (actionlint == null || (make && !actionlint.isReady())) {
      actionlint = findActionlint(make, progress);
    }
    return actionlint;
  }

  private static Peer findActionlint(boolean make, Consumer<String> progress) {
    String name = "actionlint";
    String remark = ACTIONLINT.replaceFirst(".*@v", "");
    Path program = cache().resolve(name + "-" + remark);
    if (Files.isExecutable(program)) {
      return new Peer(name, program, remark);
    }
    if (!make) {
      return new Peer(name, null, remark + " not prepared (./jbang prepare)");
    }
    if (programs("go").isEmpty()) {
      return new Peer(name, null, remark + " cannot be built: no go found on PATH");
    }
    progress.accept("Preparing the peer " + name + " in " + program);
    try {
      Files.createDirectories(program.getParent());
      Path work = Files.createTempDirectory(program.getParent(), name);
      try {
        // what is downloaded stays out of the user's own module cache, and can be deleted
        Map<String, String> go =
            Map.of(
                "GOPATH", work.resolve("path").toString(),
                "GOBIN", work.resolve("bin").toString(),
                "GOFLAGS", "-mod=mod -modcacherw");
        Run run = run(go, programs("go").getFirst().toString(), "install", ACTIONLINT);
        if (run.code() != 0) {
          return new Peer(name, null, remark + " could not be built: " + run.lastLine());
        }
        Path built = work.resolve("bin").resolve(name);
        Files.move(built, program, StandardCopyOption.ATOMIC_MOVE);
        return new Peer(name, program, remark);
      } finally {
        delete(work);
      }
    } catch (IOException e) {
      return new Peer(name, null, "cannot write to " + program + ": " + e);
    }
  }

  private static synchronized Peer s3mockPeer(boolean make, Consumer<String> progress) {
    if (s3mock == null || (make && !s3mock.isReady())) {
      s3mock = findS3Mock(make, progress);
    }
    return s3mock;
  }

  private static Peer findS3Mock(boolean make, Consumer<String> progress) {
    String name = "s3mock";
    String remark = S3MOCK.split(":")[2];
    Path jar = cache().resolve("s3mock-" + remark + "-exec.jar");
    if (Files.exists(jar)) {
      return new Peer(name, jar, remark);
    }
    if (!make) {
      return new Peer(name, null, remark + " not prepared (./jbang prepare)");
    }
    progress.accept("Preparing the peer " + name + " in " + jar);
    Path root = Project.root();
    Run run =
        run(
            root.resolve("jbang").toString(),
            "info",
            "classpath",
            "--deps",
            S3MOCK,
            root.resolve("deploy/Project.java").toString());
    Optional<Path> found =
        Stream.of(run.lastLine().split(File.pathSeparator))
            .map(Path::of)
            .filter(path -> path.endsWith(jar.getFileName()))
            .findFirst();
    if (run.code() != 0 || found.isEmpty()) {
      return new Peer(name, null, remark + " could not be downloaded: " + run.lastLine());
    }
    try {
      Files.createDirectories(jar.getParent());
      Path copy = Files.createTempFile(jar.getParent(), name, ".jar");
      Files.copy(found.get(), copy, StandardCopyOption.REPLACE_EXISTING);
      Files.move(copy, jar, StandardCopyOption.ATOMIC_MOVE);
      return new Peer(name, jar, remark);
    } catch (IOException e) {
      return new Peer(name, null, "cannot write to " + jar + ": " + e);
    }
  }

  private static synchronized Peer onPath(List<String> names) {
    return onPath.computeIfAbsent(names, Peers::find);
  }

  private static Peer find(List<String> names) {
    String option = names.equals(OPENSSL) ? "version" : "--version";
    for (Path program : names.stream().flatMap(name -> programs(name).stream()).toList()) {
      Run run = run(program.toString(), option);
      if (run.code() == 0) {
        return new Peer(names.getFirst(), program, run.version());
      }
    }
    return new Peer(names.getFirst(), null, "not found on PATH");
  }

  private static synchronized Peer pythonPeer(
      Environment environment, boolean make, Consumer<String> progress) {
    Peer known = environments.get(environment);
    if (known == null || (make && !known.isReady())) {
      known = findPython(environment, make, progress);
      environments.put(environment, known);
    }
    return known;
  }

  private static Peer findPython(Environment environment, boolean make, Consumer<String> progress) {
    String name = environment.name();
    String remark = environment.remark();
    if (environment.isReady()) {
      return new Peer(name, environment.program(), remark);
    }
    if (!make) {
      return new Peer(name, null, remark + " not prepared (./jbang prepare)");
    }
    Optional<Path> base =
        PYTHONS.stream()
            .flatMap(program -> programs(program).stream())
            .filter(environment::canBeMadeBy)
            .findFirst();
    if (base.isEmpty()) {
      String needed = "no python3 (3." + environment.oldestMinor() + " or newer, with venv)";
      return new Peer(name, null, needed + " found on PATH");
    }
    try {
      String failure = makeEnvironment(base.get(), environment, progress);
      return failure == null
          ? new Peer(name, environment.program(), remark)
          : new Peer(name, null, remark + " could not be installed: " + failure);
    } catch (IOException e) {
      return new Peer(name, null, "cannot write to " + environment.home() + ": " + e);
    }
  }

  /**
   * Two runs at once: the second waits for the first one's lock and finds its work done. It is made
   * in its place, for a virtual environment cannot be moved.
   *
   * @return null or why it failed
   */
  @SuppressWarnings("try") // the lock is held, not used
  private static String makeEnvironment(
      Path base, Environment environment, Consumer<String> progress) throws IOException {
    Path home = environment.home();
    Files.createDirectories(home.getParent());
    Path lockFile = home.resolveSibling(home.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      if (environment.isReady()) {
        return null;
      }
      progress.accept("Preparing the peer " + environment.name() + " in " + home);
      delete(home);
      String program = environment.program().toString();
      List<String> install = new ArrayList<>(List.of(program, "-m", "pip", "install", "--quiet"));
      install.addAll(List.of("--disable-pip-version-check", "--only-binary=:all:"));
      environment.fromSource().forEach(name -> install.add("--no-binary=" + name));
      install.addAll(List.of("--retries", "2"));
      install.addAll(environment.requirements());
      for (List<String> command :
          List.of(
              List.of(base.toString(), "-m", "venv", home.toString()),
              install,
              List.of(program, "-c", environment.imports()))) {
        Run run = run(command.toArray(String[]::new));
        if (run.code() != 0) {
          return run.lastLine();
        }
      }
      Files.writeString(environment.ready(), String.join("\n", environment.requirements()) + "\n");
      return null;
    }
  }

  /** Deletes a folder with all that is in it. */
  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  static Path cache() {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path folder =
        cache == null || cache.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(cache);
    return folder.resolve("remote-settings-lambdas");
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 6);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The programs of that name in the folders of PATH, in its order. */
  private static List<Path> programs(String name) {
    String path = System.getenv("PATH");
    return Stream.of((path == null ? "" : path).split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, name))
        .filter(Files::isExecutable)
        .toList();
  }

  private record Run(int code, String output) {
    /** The first line that looks like a name and a version. */
    String version() {
      return output
          .lines()
          .map(String::strip)
          .filter(line -> line.matches("[A-Za-z].*\\d.*"))
          .findFirst()
          .orElseGet(this::lastLine);
    }

    String lastLine() {
      String[] lines = output.strip().split("\\R");
      return lines[lines.length - 1].strip();
    }
  }

  private static Run run(String... command) {
    return run(Map.of(), command);
  }

  /** Runs a program to its end, with nothing on its stdin, for ten minutes at most. */
  private static Run run(Map<String, String> variables, String... command) {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
      builder.environment().putAll(variables);
      Process process = builder.start();
      Thread.ofVirtual()
          .start(() -> {
            try {
              if (!process.waitFor(10, TimeUnit.MINUTES)) {
                process.destroyForcibly();
              }
            } catch (InterruptedException e) {
              process.destroyForcibly();
            }
          });
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Run(process.waitFor(), output);
    } catch (IOException e) {
      return new Run(-1, e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new IOException("interrupted", e));
    }
  }
}
