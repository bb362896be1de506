//JAVA 25+
//SOURCES OldClasses.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Makes the archive that lets a command start fast through {@code ./jbang}: of the classes that its
 * first runs have loaded. {@code remember.sh} starts it in the background, from this source.
 *
 * <p>Its folder has a list {@code *.classes} of each of those runs. It writes {@code archive},
 * {@code jars} (copies whose classes can be archived, as {@link OldClasses} says) and last {@code
 * start}: the command line to use from then on, without archive if none can be made.
 */
final class FastStart {

  private final Path folder;
  private final List<String> line;
  private final int classPath;

  /**
   * @param folder that belongs to the command line
   * @param line JBang's command line, words
   */
  FastStart(Path folder, List<String> line) {
    this.folder = folder;
    this.line = new ArrayList<>(line);
    this.classPath = line.indexOf("-classpath") + 1;
  }

  static void main(String[] arguments) throws IOException, InterruptedException {
    List<String> words = List.of(arguments);
    new FastStart(Path.of(words.getFirst()), words.subList(1, words.size())).make();
  }

  private void make() throws IOException, InterruptedException {
    List<String> start = line;
    Path archive = folder.resolve("archive.next");
    List<String> fast = withUpgradedJars();
    if (dump(fast, archive)) {
      replace(archive, "archive");
      fast.addAll(
          1,
          List.of(
              "-XX:SharedArchiveFile=" + folder.resolve("archive"),
              "-Xlog:disable", // else it says on stdout why it does without the archive
              "-XX:+DisplayVMOutputToStderr"));
      start = fast;
    }
    Path next = folder.resolve("start.next");
    Files.writeString(
        next, start.stream().map(FastStart::quoted).collect(Collectors.joining(" ", "", "\n")));
    replace(next, "start");
    Files.deleteIfExists(folder.resolve("jar.next"));
  }

  /** The command line with the upgraded copies of those jars that have old classes. */
  private List<String> withUpgradedJars() throws IOException {
    Path copies = Files.createDirectories(folder.resolve("jars"));
    List<String> jars = new ArrayList<>();
    for (String jar : line.get(classPath).split(":")) {
      Path original = Path.of(jar);
      Path copy = copies.resolve(original.getFileName());
      if (!Files.exists(copy)) { // else a run may use it
        Path next = folder.resolve("jar.next");
        Files.deleteIfExists(next);
        OldClasses.copy(original, next);
        if (Files.mismatch(original, next) == -1) {
          jars.add(jar);
          continue;
        }
        replace(next, "jars/" + original.getFileName());
      }
      jars.add(copy.toString());
    }
    List<String> upgraded = new ArrayList<>(line);
    upgraded.set(classPath, String.join(":", jars));
    return upgraded;
  }

  /** Whether Java could make an archive for the command line. It loads classes and runs nothing. */
  private boolean dump(List<String> fast, Path archive) throws IOException, InterruptedException {
    Path classes = folder.resolve("classes");
    Files.write(classes, loaded());
    List<String> dump = new ArrayList<>(fast);
    dump.addAll(
        1,
        List.of(
            "-Xshare:dump",
            "-XX:+AOTClassLinking",
            "-XX:SharedClassListFile=" + classes,
            "-XX:SharedArchiveFile=" + archive,
            "-XX:ErrorFile=" + folder.resolve("crash"),
            "-XX:-CreateCoredumpOnCrash",
            "-Xlog:disable"));
    Process process =
        new ProcessBuilder(dump)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return process.waitFor() == 0 && Files.exists(archive);
  }

  /** The lines of all runs' lists, in a form that lets one follow the other. */
  private Collection<String> loaded() throws IOException {
    Collection<String> lines = new LinkedHashSet<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(it -> it.toString().endsWith(".classes")).sorted().toList()) {
        String list = Files.readString(file);
        list.substring(0, list.lastIndexOf('\n') + 1) // the last line may be cut short
            .lines()
            .filter(it -> !it.startsWith("#") && !it.contains(" source: "))
            .map(it -> it.replaceFirst(" id: \\d+$", "")) // a number of that run
            .forEach(lines::add);
      }
    }
    return lines;
  }

  private void replace(Path next, String name) throws IOException {
    Files.move(next, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  private static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }
}
