//SOURCES Checksums.java Project.java

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The jars that scripts depend on. JBang resolves each set of dependencies once; the set of the
 * running program is on its own class path already.
 */
final class ClassPath {
  private final Path root;
  private final Checksums checksums;
  private final Map<Set<String>, List<Path>> found = new HashMap<>();

  /**
   * @param root of the project, whose start script is asked
   * @param running the script of this process
   * @param jar that JBang has built from that script
   */
  ClassPath(Path root, String running, Path jar) throws IOException {
    this.root = root;
    checksums = new Checksums(root);
    found.put(
        dependencies(running),
        jars(System.getProperty("java.class.path")).stream()
            .filter(path -> !path.equals(jar))
            .toList());
  }

  /**
   * The jars that a script depends on, in class path order; downloads those that are missing.
   *
   * @throws IOException if JBang cannot resolve them, with JBang's own words, or if one is not the
   *     jar that is expected
   */
  List<Path> of(String script) throws IOException {
    List<Path> jars = unchecked(script);
    checksums.check(jars);
    return jars;
  }

  /** The same, whatever is in them. */
  List<Path> unchecked(String script) throws IOException {
    Set<String> dependencies = dependencies(script);
    List<Path> jars = found.get(dependencies);
    if (jars == null) {
      jars = ask(script);
      found.put(dependencies, jars);
    }
    return jars;
  }

  private Set<String> dependencies(String script) throws IOException {
    Set<String> dependencies = new TreeSet<>();
    collect(root.resolve(script), dependencies, new HashSet<>());
    return dependencies;
  }

  /** Collects the {@code //DEPS} lines of a file and of its {@code //SOURCES}. */
  private static void collect(Path file, Set<String> dependencies, Set<Path> seen)
      throws IOException {
    if (seen.add(file)) {
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith("//DEPS ")) {
          dependencies.add(line);
        } else if (line.startsWith("//SOURCES ")) {
          for (String source : line.substring("//SOURCES ".length()).split(" ")) {
            collect(file.resolveSibling(source).normalize(), dependencies, seen);
          }
        }
      }
    }
  }

  private List<Path> ask(String script) throws IOException {
    Project.Outcome outcome =
        Project.run(root.resolve("jbang"), "info", "classpath", "--deps-only", script)
            .in(root)
            .go();
    if (outcome.exit() != 0) {
      throw new IOException(
          "JBang cannot find the class path of " + script + ":\n" + outcome.stderr());
    }
    return jars(outcome.stdout().strip());
  }

  private static List<Path> jars(String classPath) {
    return Stream.of(classPath.split(File.pathSeparator))
        .filter(jar -> !jar.isEmpty())
        .map(Path::of)
        .toList();
  }
}
