//DEPS org.junit.jupiter:junit-jupiter:5.14.4

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
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The independent programs that tests compare with: what both sides agree on is no mistake of ours.
 *
 * <p>{@link #prepare} downloads what can be downloaded, before the tests: they contact loopback
 * only. A test asks for a peer where it needs it. A peer that is not there skips that test, with
 * the reason; with {@code REQUIRE_PEERS=1} in the environment (as in CI) the test fails.
 */
final class Peers {

  /** Exact versions; they name the virtual environment, so another list makes another one. */
  private static final List<String> REQUIREMENTS =
      List.of("canonicaljson-rs==0.9.3", "cryptography==50.0.2");

  /** Imports what {@link #REQUIREMENTS} installs: an environment may outlive its Python. */
  private static final String IMPORTS = "import canonicaljson, cryptography";

  /** Python 3.9 is the oldest that the requirements support; Debian splits venv off. */
  private static final String IS_USABLE =
      "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))";

  private static Peer python;
  private static Peer openssl;
  private static Peer node;

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
    return path(pythonPeer(false, line -> {}));
  }

  /** OpenSSL's command. */
  static Path openssl() {
    return path(opensslPeer());
  }

  /** Node.js, the ECMAScript that numbers are compared with. */
  static Path node() {
    return path(nodePeer());
  }

  /**
   * Makes ready what is not yet; the other peers are looked for.
   *
   * @param progress gets a line before something that takes a while
   */
  static List<Peer> prepare(Consumer<String> progress) {
    return List.of(pythonPeer(true, progress), opensslPeer(), nodePeer());
  }

  private static Path path(Peer peer) {
    if (peer.isReady()) {
      return peer.path();
    }
    if ("1".equals(System.getenv("REQUIRE_PEERS"))) {
      return fail("REQUIRE_PEERS is set and there is no " + peer);
    }
    return abort("no " + peer);
  }

  private static synchronized Peer opensslPeer() {
    if (openssl == null) {
      openssl = onPath("openssl", "version");
    }
    return openssl;
  }

  private static synchronized Peer nodePeer() {
    if (node == null) {
      node = onPath("node", "--version");
    }
    return node;
  }

  private static Peer onPath(String name, String version) {
    for (Path program : programs(name)) {
      Run run = run(program.toString(), version);
      if (run.code() == 0) {
        return new Peer(name, program, run.lastLine());
      }
    }
    return new Peer(name, null, "not found on PATH");
  }

  private static synchronized Peer pythonPeer(boolean make, Consumer<String> progress) {
    if (python == null || (make && !python.isReady())) {
      python = findPython(make, progress);
    }
    return python;
  }

  private static Peer findPython(boolean make, Consumer<String> progress) {
    String name = "python";
    Path home = cache().resolve("peers-" + hash(String.join("\n", REQUIREMENTS)));
    Path program = home.resolve("bin").resolve("python");
    String remark = String.join(", ", REQUIREMENTS).replace("==", " ");
    if (Files.exists(ready(home)) && run(program.toString(), "-c", IMPORTS).code() == 0) {
      return new Peer(name, program, remark);
    }
    if (!make) {
      return new Peer(name, null, remark + " not prepared (./jbang prepare)");
    }
    Path base = null;
    for (Path candidate : programs("python3")) {
      if (run(candidate.toString(), "-c", IS_USABLE).code() == 0) {
        base = candidate;
        break;
      }
    }
    if (base == null) {
      return new Peer(name, null, "no python3 (3.9 or newer, with venv) found on PATH");
    }
    try {
      String failure = makeEnvironment(base, home, program, progress);
      return failure == null
          ? new Peer(name, program, remark)
          : new Peer(name, null, remark + " could not be installed: " + failure);
    } catch (IOException e) {
      return new Peer(name, null, "cannot write to " + home + ": " + e);
    }
  }

  /**
   * Two runs at once: the second waits for the first one's lock and finds its work done. A file
   * written last tells a finished environment from one that was interrupted. It is made in its
   * place, for a virtual environment cannot be moved.
   *
   * @return null or why it failed
   */
  @SuppressWarnings("try") // the lock is held, not used
  private static String makeEnvironment(
      Path base, Path home, Path program, Consumer<String> progress) throws IOException {
    Files.createDirectories(home.getParent());
    Path lockFile = home.resolveSibling(home.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      if (Files.exists(ready(home)) && run(program.toString(), "-c", IMPORTS).code() == 0) {
        return null;
      }
      progress.accept("Preparing Python peers in " + home);
      delete(home);
      List<String> install =
          new ArrayList<>(List.of(program.toString(), "-m", "pip", "install", "--quiet"));
      // no build from source: it needs compilers and takes minutes
      install.addAll(List.of("--disable-pip-version-check", "--only-binary=:all:"));
      install.addAll(List.of("--retries", "2"));
      install.addAll(REQUIREMENTS);
      for (List<String> command :
          List.of(
              List.of(base.toString(), "-m", "venv", home.toString()),
              install,
              List.of(program.toString(), "-c", IMPORTS))) {
        Run run = run(command.toArray(String[]::new));
        if (run.code() != 0) {
          return run.lastLine();
        }
      }
      Files.writeString(ready(home), String.join("\n", REQUIREMENTS) + "\n");
      return null;
    }
  }

  private static Path ready(Path home) {
    return home.resolve("requirements.txt");
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private static Path cache() {
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
    String lastLine() {
      String[] lines = output.strip().split("\\R");
      return lines[lines.length - 1].strip();
    }
  }

  /** Runs a program to its end, with nothing on its stdin, for ten minutes at most. */
  private static Run run(String... command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
              .start();
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
