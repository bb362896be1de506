//SOURCES ../tests/Project.java

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** What a script needs to run, as JBang finds it. */
final class ClassPath {
  private ClassPath() {}

  /**
   * The jars that a script depends on, in the order in which they are searched; those that are
   * missing are downloaded.
   *
   * @param root of the project, whose start script is asked
   * @throws IOException if they cannot be found; tells what JBang has against it
   */
  static List<Path> of(Path root, String script) throws IOException {
    Project.Outcome told =
        Project.run(root.resolve("jbang"), "info", "classpath", "--deps-only", script)
            .in(root)
            .limit(Duration.ofMinutes(10)) // the first time they are downloaded
            .go();
    if (told.exit() != 0) {
      throw new IOException("JBang finds no class path of " + script + ":\n" + told.stderr());
    }
    return Stream.of(told.stdout().strip().split(File.pathSeparator))
        .filter(jar -> !jar.isEmpty())
        .map(Path::of)
        .toList();
  }
}
