//DEPS io.github.java-diff-utils:java-diff-utils:4.18
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.fail;

import com.github.difflib.DiffUtils;
import com.github.difflib.UnifiedDiffUtils;
import com.github.difflib.patch.Patch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Compares texts of many lines: a failure shows a unified diff and the place. */
final class Differences {

  /** Whether files are written instead of compared; read the difference before you commit it. */
  static final boolean UPDATE = "1".equals(System.getenv("UPDATE_GOLDEN"));

  private static final int CONTEXT_LINES = 3;

  private Differences() {}

  /**
   * Fails unless the file holds this text, or writes it with {@code UPDATE_GOLDEN=1}.
   *
   * @param test the name that {@code ./jbang test} knows the test by
   */
  static void assertFile(Path file, String text, String test) throws IOException {
    if (UPDATE) {
      Files.writeString(file, text);
      return;
    }
    String differences = inFile(file, text);
    if (!differences.isEmpty()) {
      fail("%sto replace - by +: UPDATE_GOLDEN=1 ./jbang test %s".formatted(differences, test));
    }
  }

  /** Where and how the file differs from this text; empty if it does not. */
  static String inFile(Path file, String text) throws IOException {
    List<String> lines = lines(Files.readString(file));
    Patch<String> patch = DiffUtils.diff(lines, lines(text));
    if (patch.getDeltas().isEmpty()) {
      return "";
    }
    return "%s:%d: the file (-) is not as it should be (+)\n%s"
        .formatted(
            Project.root().relativize(file),
            patch.getDeltas().getFirst().getSource().getPosition() + 1,
            hunks(lines, patch));
  }

  /** Fails unless the texts are equal; the message names the line of the test. */
  static void assertSameText(String expected, String actual) {
    List<String> lines = lines(expected);
    Patch<String> patch = DiffUtils.diff(lines, lines(actual));
    if (!patch.getDeltas().isEmpty()) {
      StackTraceElement caller = new Throwable().getStackTrace()[1];
      fail(
          "%s:%d: expected (-) is not what was seen (+)\n%s"
              .formatted(caller.getFileName(), caller.getLineNumber(), hunks(lines, patch)));
    }
  }

  /** Every line, and an empty one after the last line break. */
  private static List<String> lines(String text) {
    return List.of(text.split("\n", -1));
  }

  private static String hunks(List<String> lines, Patch<String> patch) {
    return UnifiedDiffUtils.generateUnifiedDiff("", "", lines, patch, CONTEXT_LINES).stream()
        .skip(2) // the names of the files
        .map(line -> visible(line) + "\n")
        .collect(Collectors.joining());
  }

  /** Shows what two lines may differ in without looking different. */
  private static String visible(String line) {
    return line.replace("\r", "\\r")
        .replace("\t", "\\t")
        .replace("\u001b", "\\e")
        .replaceFirst("^([-+].* )$", "$1\\$");
  }
}
