//SOURCES ../deploy/Installation.java
//SOURCES ../deploy/Project.java
//SOURCES Patience.java

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * The commands as {@code ./jbang install} installs them, once for all tests that use them. Two
 * installations are begun at the same time, as may happen: one of them does the work. The umask is
 * a strict one.
 */
final class Installed {
  private static Installed once;

  private final Path folder;
  private final List<Project.Outcome> outcomes;

  private Installed(Path folder) throws IOException, InterruptedException {
    this.folder = folder;
    String strict = "umask 077; exec \"$@\"";
    Path jbang = Project.root().resolve("jbang");
    Callable<Project.Outcome> installation =
        () ->
            Patience.run("sh", "-c", strict, "sh", jbang, "install", folder)
                .in(folder.getParent())
                .env("PATH", folder + File.pathSeparator + System.getenv("PATH"))
                .go();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<Project.Outcome>> both = threads.invokeAll(List.of(installation, installation));
      outcomes = List.of(both.getFirst().get(), both.getLast().get());
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  /** The commands' names: those of the scripts at the top of the project. */
  static List<String> commands() throws IOException {
    try (Stream<Path> files = Files.list(Project.root())) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".java"))
          .map(name -> name.replace(".java", ""))
          .sorted()
          .toList();
    }
  }

  /** Installs them, unless that is done. */
  static synchronized Installed once() {
    if (once == null) {
      try {
        Path parent = Files.createTempDirectory("installed-").toRealPath();
        Files.setPosixFilePermissions( // other users run them too
            parent, PosixFilePermissions.fromString("rwxr-xr-x"));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(parent)));
        once = new Installed(Files.createDirectories(parent.resolve(".local")).resolve("bin"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
    }
    return once;
  }

  /** Where the launchers are. */
  Path folder() {
    return folder;
  }

  /** The home of a user who has installed them into {@code ~/.local/bin}. */
  Path home() {
    return folder.getParent().getParent();
  }

  /** What the two installations said. */
  List<Project.Outcome> outcomes() {
    return outcomes;
  }

  /** Prepares to run one of them, with the folder on the PATH. */
  Project.Run run(String command, Object... arguments) {
    Object[] line = new Object[arguments.length + 1];
    line[0] = folder.resolve(command);
    System.arraycopy(arguments, 0, line, 1, arguments.length);
    return Patience.run(line).env("PATH", path());
  }

  /** The PATH of the tests, with the commands first. */
  String path() {
    return folder + File.pathSeparator + System.getenv("PATH");
  }

  private static void delete(Path folder) {
    try {
      Installation.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
