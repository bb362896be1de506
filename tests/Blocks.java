//SOURCES ../deploy/Project.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The fenced blocks of the documents. A comment right above a block says what a reader need not
 * know:
 *
 * <pre>
 * &lt;!-- exit: 1 --&gt;           the exit code, 0 if nothing is said
 * &lt;!-- parsed only: WHY --&gt;  is not run, for that reason: the shell only reads it
 * &lt;!-- files --&gt;             a list of files, which have to exist
 * </pre>
 *
 * <p>What a reader does know is in the text: {@code ./jbang local_server --sample …} starts a
 * server for the following blocks, and {@code press Enter} mends it. Both are notes of the next
 * block that is typed.
 */
final class Blocks {

  /** What a block can be. Each is checked; a block without a language is none of these. */
  static final Set<String> LANGUAGES =
      Set.of("sh", "text", "console", "crontab", "ini", "yaml", "json", "env");

  private static final Pattern FENCE = Pattern.compile("(\\s*)(`{3,}|~{3,})(.*)");

  /** The name of the note, and what the text has to say. */
  private static final Map<String, Pattern> IN_THE_TEXT =
      Map.of(
          "server", Pattern.compile(".*\\./jbang local_server --sample ?([^`]*).*"),
          "mend", Pattern.compile(".*press (Enter)\\b.*"));

  private static final Pattern NOTE = Pattern.compile("<!-- ([a-z ]+?)(?::(.*?))? -->");

  /**
   * One block.
   *
   * @param line where it begins, from 1
   * @param notes what the comments above it say
   * @param body with the line break at its end
   */
  record Block(Path file, int line, String language, Map<String, String> notes, List<String> body) {

    String text() {
      return String.join("", body.stream().map(one -> one + "\n").toList());
    }

    /** The line after its closing fence. */
    int next() {
      return line + body.size() + 2;
    }

    /** Whether it is not run: it says why, it changes the checkout, or it runs the tests. */
    boolean isLeftOut() {
      return notes.containsKey("parsed only")
          || text().contains("./jbang test")
          || text().contains("./jbang format\n");
    }

    String where() {
      return Project.root().relativize(file).toString().replace('\\', '/') + ":" + line;
    }
  }

  private Blocks() {}

  /** What is read, and typed, in a checkout: README, CONTRIBUTING, the pages of {@code docs/}. */
  static List<Path> guides() throws IOException {
    List<Path> guides = new ArrayList<>();
    for (String name : List.of("README.md", "CONTRIBUTING.md")) {
      guides.add(Project.root().resolve(name));
    }
    guides.addAll(pages(Project.root().resolve("docs")));
    return guides;
  }

  /** What is typed with installed commands, wherever somebody is. */
  static List<Path> runbooks() throws IOException {
    return pages(Project.root().resolve("docs/runbooks"));
  }

  static List<Path> documents() throws IOException {
    return Stream.concat(guides().stream(), runbooks().stream()).toList();
  }

  private static List<Path> pages(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".md")).sorted().toList();
    }
  }

  /** The blocks of a document in their order. */
  static List<Block> of(Path file) throws IOException {
    List<Block> blocks = new ArrayList<>();
    List<String> lines = Files.readAllLines(file);
    Map<String, String> notes = new LinkedHashMap<>();
    Map<String, String> inTheText = new LinkedHashMap<>();
    for (int at = 0; at < lines.size(); at++) {
      String line = lines.get(at);
      note(line, inTheText);
      Matcher fence = FENCE.matcher(line);
      if (!fence.matches()) {
        Matcher note = NOTE.matcher(line);
        if (note.matches()) {
          notes.put(note.group(1), note.group(2) == null ? "" : note.group(2).strip());
        } else {
          notes.clear();
        }
        continue;
      }
      int end = at + 1;
      while (end < lines.size() && !lines.get(end).equals(fence.group(1) + fence.group(2))) {
        end++;
      }
      if (end == lines.size()) {
        throw new AssertionError(file + ":" + (at + 1) + ": the block has no end");
      }
      boolean isTyped = fence.group(3).equals("sh") && !notes.containsKey("parsed only");
      if (isTyped) {
        notes.putAll(inTheText);
        inTheText.clear();
      } else if (fence.group(3).equals("sh")) {
        lines.subList(at + 1, end).forEach(typed -> note(typed, inTheText));
      }
      blocks.add(
          new Block(
              file,
              at + 1,
              // one that is indented, or in other fences, would escape the eye of other readers
              fence.group(1).isEmpty() && fence.group(2).equals("```") ? fence.group(3) : "?",
              Map.copyOf(notes),
              lines.subList(at + 1, end)));
      notes.clear();
      at = end;
    }
    return blocks;
  }

  private static void note(String line, Map<String, String> notes) {
    IN_THE_TEXT.forEach((name, pattern) ->
        pattern.matcher(line).results().forEach(said -> notes.put(name, said.group(1).strip())));
  }

  /** What a block is said to print: the {@code text} that stands below it, perhaps after a line. */
  static Block shownBy(Block block, List<Block> all) {
    int next = all.indexOf(block) + 1;
    boolean isBelow =
        next < all.size()
            && all.get(next).language().equals("text")
            && all.get(next).line() <= block.next() + 1;
    return block.language().equals("sh") && isBelow ? all.get(next) : null;
  }
}
