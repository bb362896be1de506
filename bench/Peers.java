//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/StatusLine.java ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import common.StatusLine;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The independent programs that tests and measurements compare ours with.
 *
 * <p>A program that can be downloaded is kept in the user's cache folder; the others are looked for
 * on {@code PATH}. {@code ./jbang prepare} downloads, and so does a run of all tests; a test that
 * runs alone does not, so that nobody waits for a download that they did not ask for. Where a
 * program is missing, the test that asks for it is skipped with the reason; with {@code
 * REQUIRE_PEERS=1} in the environment, as in CI, it is downloaded, or the test fails.
 */
final class Peers {

  static final Peer PYTHON =
      new PythonPackages(
          "python",
          "python",
          9,
          "canonicaljson, cryptography",
          "canonicaljson-rs==0.9.3",
          "cryptography==50.0.2");

  /**
   * Mozilla's own verifier of chains and signatures, and the library with which servers print what
   * they sign. Its aiohttp is for its command alone, which nobody calls.
   */
  static final Peer AUTOGRAPH_UTILS =
      new PythonPackages(
          "autograph-utils",
          "python",
          10,
          "autograph_utils, canonicaljson",
          "autograph-utils==1.0.1",
          "canonicaljson-rs==0.9.3",
          "cryptography==50.0.2",
          "ecdsa==0.19.2");

  /**
   * A Kinto server and a client. The signer and the changes plug-in are the newest that are
   * packages of their own; the rest are the versions that work with them. A newer Pyramid or
   * multiauth breaks the accounts of this Kinto, and a newer setuptools lacks pkg_resources, which
   * all of them import.
   */
  static final Peer KINTO =
      new PythonPackages(
          "kinto",
          "python",
          10,
          "kinto, kinto_signer, kinto_changes, kinto_http, waitress",
          "kinto==16.3.0",
          "kinto-signer==8.1.1",
          "kinto-changes==4.1.2",
          "kinto-http==11.11.0",
          "pyramid==2.0.2",
          "pyramid-multiauth==1.0.1",
          "setuptools==79.0.1",
          "waitress==3.0.2");

  /** An S3 server. */
  static final Peer MOTO =
      new PythonPackages(
          "moto",
          "python",
          10,
          "moto, flask, flask_cors, werkzeug",
          "moto[s3]==5.2.5",
          "flask==3.1.3",
          "flask-cors==6.0.5",
          "werkzeug==3.1.9");

  /** An S3 server. */
  static final Peer S3MOCK = new S3Mock();

  /** What the Python programs of benchmarks use: the libraries of the Python lambdas. */
  static final Peer LAMBDAS =
      new PythonPackages(
          "lambdas",
          "python",
          10,
          "canonicaljson, cryptography, jinja2, kinto_http, nh3, requests",
          "canonicaljson-rs==0.9.3",
          "cryptography==50.0.2",
          "jinja2==3.1.6",
          "kinto-http==11.11.0",
          "nh3==0.3.8",
          "requests==2.34.2");

  /** Checks templates of AWS CloudFormation. */
  static final Peer CFN_LINT =
      new PythonPackages("cfn-lint", "cfn-lint", 10, "cfnlint", "cfn-lint==1.58.0");

  /** Checks manifests of Kubernetes; the schemas come with it. */
  static final Peer KUBERNETES_VALIDATE =
      new PythonPackages(
          "kubernetes-validate",
          "kubernetes-validate",
          10,
          "kubernetes_validate",
          "kubernetes-validate==1.37.0");

  /** The font of the pictures in docs, which are the same on every machine. */
  static final Peer INTER =
      new PythonPackages("inter", "python", 9, "fontpkg_inter", "fontpkg-inter==4.1.post1");

  /** Checks workflows of GitHub Actions. */
  static final Peer ACTIONLINT = new Actionlint();

  static final Peer CHROMIUM =
      new OnPath("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

  static final Peer OPENSSL = new OnPath("openssl");
  static final Peer NODE = new OnPath("node");
  static final Peer GO = new OnPath("go");
  static final Peer SYSTEMD_ANALYZE = new OnPath("systemd-analyze");
  static final Peer CURL = new OnPath("curl");
  static final Peer FLOCK = new OnPath("flock");

  /** Gives a program a terminal of its own: that of util-linux, and its options. */
  static final Peer SCRIPT = new OnPath("script");

  static final Peer BASH = new OnPath("bash");
  static final Peer ZSH = new OnPath("zsh");

  /** All that tests ask for. */
  static final List<Peer> OF_TESTS =
      List.of(
          PYTHON,
          AUTOGRAPH_UTILS,
          KINTO,
          MOTO,
          CFN_LINT,
          KUBERNETES_VALIDATE,
          S3MOCK,
          ACTIONLINT,
          CHROMIUM,
          OPENSSL,
          NODE,
          GO,
          SYSTEMD_ANALYZE,
          CURL,
          FLOCK,
          SCRIPT,
          BASH,
          ZSH);

  private Peers() {}

  /** Whether a test fails, instead of being skipped, where a peer is missing. */
  static boolean areRequired() {
    return "1".equals(System.getenv("REQUIRE_PEERS"));
  }

  /**
   * Looks for, and downloads if necessary, all that tests ask for. A terminal is shown how far it
   * is.
   *
   * @param found told of each
   * @return whether all are there
   */
  static boolean prepareAll(Consumer<Peer> found) {
    boolean areAllReady = true;
    AtomicInteger number = new AtomicInteger();
    try (StatusLine status =
        StatusLine.ofProcess(() ->
            "preparing %s, %d of %d programs that tests compare with"
                .formatted(OF_TESTS.get(number.get()).name, number.get() + 1, OF_TESTS.size()))) {
      for (Peer peer : OF_TESTS) {
        number.set(OF_TESTS.indexOf(peer));
        areAllReady &= peer.prepare();
        status.erase();
        found.accept(peer);
      }
    }
    return areAllReady;
  }

  /**
   * What became of the search for a peer.
   *
   * @param path null if it is missing
   * @param remark its version, or why it is missing
   */
  private record Found(Path path, String remark) {}

  /** A program that is looked for once: when somebody first asks for it. */
  abstract static class Peer {
    final String name;
    private Found found; // null until somebody asks

    private Peer(String name) {
      this.name = name;
    }

    /**
     * The message of the exception says why the peer is missing.
     *
     * @param downloads whether it is downloaded where it is not there
     */
    abstract Found find(boolean downloads) throws IOException;

    private synchronized Found found(boolean downloads) {
      if (found == null) {
        try {
          found = find(downloads);
        } catch (IOException e) {
          found = new Found(null, e.getMessage());
        }
      }
      return found;
    }

    /** Downloads it if necessary; returns whether it is there. */
    boolean prepare() {
      return found(true).path() != null;
    }

    /** The program. Where it is missing, the test is skipped or fails. */
    Path path() {
      Path path = found(areRequired()).path();
      if (path != null) {
        return path;
      }
      return areRequired()
          ? fail("REQUIRE_PEERS is set and there is no " + this)
          : abort("no " + this);
    }

    @Override
    public String toString() {
      return name + ": " + found(false).remark();
    }
  }

  /** A program that the user may have installed, under one of several names. */
  private static final class OnPath extends Peer {
    private final List<String> names;

    OnPath(String... names) {
      super(names[0]);
      this.names = List.of(names);
    }

    @Override
    Found find(boolean downloads) throws IOException {
      String option = List.of("go", "openssl").contains(name) ? "version" : "--version";
      for (Path program : programs(names)) {
        try {
          String printed = output(Project.run(program, option));
          return new Found(program, nameAndVersion(printed));
        } catch (IOException e) {
          continue; // a later one may work
        }
      }
      throw new IOException("not found on PATH");
    }

    private static String nameAndVersion(String printed) {
      return printed
          .lines()
          .map(String::strip)
          .filter(line -> line.matches("[A-Za-z].*\\d.*"))
          .findFirst()
          .orElse(printed);
    }
  }

  /**
   * A program in the cache folder; where several runs want it at once, one of them downloads it.
   */
  private abstract static class Download extends Peer {
    final String version;
    final Path home;

    /**
     * @param home the name of its file or folder in the cache folder; another version has another
     */
    Download(String name, String version, String home) {
      super(name);
      this.version = version;
      this.home = cache().resolve(home);
    }

    Path program() {
      return home;
    }

    boolean isReady() {
      return Files.exists(home);
    }

    /** Downloads it. A run that is interrupted leaves nothing that looks ready. */
    abstract void download() throws IOException;

    @Override
    Found find(boolean downloads) throws IOException {
      if (!isReady()) {
        if (!downloads) {
          throw new IOException("not downloaded yet; ./jbang prepare does it");
        }
        try {
          downloadOnce();
        } catch (FileSystemException e) { // its message may be the path alone
          throw new IOException(version + " cannot be written: " + e, e);
        } catch (IOException e) {
          throw new IOException(version + " cannot be prepared: " + e.getMessage(), e);
        }
      }
      return new Found(program(), version);
    }

    @SuppressWarnings("try") // the lock is held, not used
    private void downloadOnce() throws IOException {
      Files.createDirectories(cache());
      Path lockFile = home.resolveSibling(home.getFileName() + ".lock");
      try (FileChannel channel =
              FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock lock = channel.lock()) {
        if (!isReady()) { // another run may have done it while this one waited for the lock
          download();
        }
      }
    }

    /** Tells the user why the run takes a while. */
    void announce() {
      StatusLine.println(System.err, "Downloading " + name + " to " + home);
    }
  }

  /** Packages of Python, in a virtual environment. */
  private static final class PythonPackages extends Download {
    private final String program;
    private final int oldestMinor;
    private final String imports;
    private final List<String> requirements;

    /**
     * @param program the one that is called
     * @param oldestMinor of Python 3, the oldest version that the packages support
     * @param imports the modules that have to be there: an environment may outlive its Python
     * @param requirements exact versions
     */
    PythonPackages(
        String name, String program, int oldestMinor, String imports, String... requirements) {
      super(
          name,
          String.join(", ", requirements).replace("==", " "),
          "peers-" + hash(String.join("\n", requirements)));
      this.program = program;
      this.oldestMinor = oldestMinor;
      this.imports = "import " + imports;
      this.requirements = List.of(requirements);
    }

    @Override
    Path program() {
      return home.resolve("bin").resolve(program);
    }

    private Path python() {
      return home.resolve("bin/python");
    }

    /** Written last. */
    private Path mark() {
      return home.resolve("requirements.txt");
    }

    @Override
    boolean isReady() {
      return Files.exists(mark()) && succeeds(python(), imports);
    }

    @Override
    void download() throws IOException {
      // where python3 is too old or, as in Debian, lacks venv, another one may be beside it
      String test =
          "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, " + oldestMinor + "))";
      Path base =
          programs(List.of("python3", "python3.13", "python3.12", "python3.11", "python3.10"))
              .stream()
              .filter(python -> succeeds(python, test))
              .findFirst()
              .orElseThrow(() ->
                  new IOException(
                      "no python3 (3." + oldestMinor + " or newer, with venv) found on PATH"));
      announce();
      delete(home);
      output(Project.run(base, "-m", "venv", home)); // in place: it cannot be moved
      List<Object> install = new ArrayList<>(List.of(python(), "-m", "pip", "install", "--quiet"));
      install.addAll(List.of("--disable-pip-version-check", "--retries=2"));
      // a build needs compilers and takes minutes; but Kinto is published as source only
      install.addAll(List.of("--only-binary=:all:", "--no-binary=kinto"));
      install.addAll(requirements);
      output(Project.run(install.toArray()));
      output(Project.run(python(), "-c", imports));
      Files.writeString(mark(), String.join("\n", requirements) + "\n");
    }

    private static boolean succeeds(Path python, String code) {
      try {
        output(Project.run(python, "-c", code));
        return true;
      } catch (IOException e) {
        return false;
      }
    }
  }

  /**
   * Adobe's S3Mock, a jar with all that it needs. It is not among the {@code //DEPS} of a test,
   * because JBang would then use the versions that its POM manages, among them the AWS SDK's, for
   * all.
   */
  private static final class S3Mock extends Download {
    private static final String VERSION = "5.2.0";

    S3Mock() {
      super("s3mock", VERSION, "s3mock-" + VERSION + "-exec.jar");
    }

    @Override
    void download() throws IOException {
      announce();
      String artifact = "com.adobe.testing:s3mock:" + VERSION + ":exec@fatjar";
      Path root = Project.root();
      String printed =
          output(
              Project.run(
                  root.resolve("jbang"),
                  "info",
                  "classpath",
                  "--deps",
                  artifact,
                  root.resolve("deploy/Project.java")));
      Path jar =
          Stream.of(printed.split("\\R|" + File.pathSeparator))
              .filter(entry -> entry.endsWith(home.getFileName().toString()))
              .map(Path::of)
              .findFirst()
              .orElseThrow(() -> new IOException("JBang does not name its jar: " + printed));
      Path copy = home.resolveSibling(home.getFileName() + ".part");
      Files.copy(jar, copy, StandardCopyOption.REPLACE_EXISTING);
      Files.move(copy, home, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** Published as source, which Go builds. */
  private static final class Actionlint extends Download {
    private static final String VERSION = "1.7.12";

    Actionlint() {
      super("actionlint", VERSION, "actionlint-" + VERSION);
    }

    @Override
    void download() throws IOException {
      Path go =
          programs(List.of("go")).stream()
              .findFirst()
              .orElseThrow(() -> new IOException("no go found on PATH"));
      announce();
      Path work = Files.createTempDirectory(cache(), name);
      try {
        // what is downloaded stays out of the user's own module cache, and can be deleted
        output(
            Project.run(go, "install", "github.com/rhysd/actionlint/cmd/actionlint@v" + VERSION)
                .env("GOPATH", work.resolve("path"))
                .env("GOBIN", work.resolve("bin"))
                .env("GOFLAGS", "-mod=mod -modcacherw"));
        Files.move(work.resolve("bin").resolve(name), home, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        delete(work);
      }
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

  /** The folder of this project in the user's cache folder. */
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

  /** The programs of these names in the folders of {@code PATH}, in the order of the names. */
  private static List<Path> programs(List<String> names) {
    String path = System.getenv("PATH");
    List<String> folders = List.of((path == null ? "" : path).split(File.pathSeparator));
    return names.stream()
        .flatMap(name ->
            folders.stream()
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .toList();
  }

  /** What a program prints. If it fails, the exception has its last line. */
  private static String output(Project.Run run) throws IOException {
    try {
      Project.Outcome outcome = run.go();
      String printed = (outcome.stdout() + outcome.stderr()).strip();
      if (outcome.exit() != 0) {
        throw new IOException(printed.lines().reduce("no output", (line, last) -> last).strip());
      }
      return printed;
    } catch (UncheckedIOException | IllegalStateException e) { // it cannot be started, or hangs
      throw new IOException(e.getMessage(), e);
    }
  }
}
