//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java
//SOURCES Differences.java

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A failed comparison shows the lines that differ, and where they are. */
class DifferencesTest {

  private static final Path LICENCE = Project.root().resolve("LICENSE");

  private static String numbers(int... without) {
    return IntStream.rangeClosed(1, 30)
        .filter(number -> IntStream.of(without).noneMatch(other -> other == number))
        .mapToObj(number -> number + "\n")
        .collect(Collectors.joining());
  }

  private static String message(String expected, String actual) {
    return assertThrows(AssertionError.class, () -> Differences.assertSameText(expected, actual))
        .getMessage();
  }

  @Test
  void equal_texts_pass() throws IOException {
    assertDoesNotThrow(() -> Differences.assertSameText(numbers(), numbers()));
    assertEquals("", Differences.inFile(LICENCE, Files.readString(LICENCE)));
  }

  @Test
  void each_change_is_a_hunk_with_three_lines_around_it() {
    String message = message(numbers(), numbers(5, 25).replace("26\n", "twenty-six\n"));
    assertEquals(
        """
        expected (-) is not what was seen (+)
        @@ -2,7 +2,6 @@
         2
         3
         4
        -5
         6
         7
         8
        @@ -22,8 +21,7 @@
         22
         23
         24
        -25
        -26
        +twenty-six
         27
         28
         29
        """,
        message.replaceFirst("^DifferencesTest.java:\\d+: ", ""));
  }

  @Test
  void a_difference_is_shown_with_the_line_of_the_test() {
    StackTraceElement here = new Throwable().getStackTrace()[0];
    AssertionError e =
        assertThrows(AssertionError.class, () -> Differences.assertSameText("a", "b"));
    assertEquals(
        "DifferencesTest.java:" + (here.getLineNumber() + 2), e.getMessage().split(": ")[0]);
  }

  @Test
  void a_file_is_named_with_the_line_and_what_rewrites_it() throws IOException {
    String text = Files.readString(LICENCE);
    String secondLine = text.lines().toList().get(1);
    AssertionError e =
        assertThrows(
            AssertionError.class,
            () ->
                Differences.assertFile(
                    LICENCE, text.replaceFirst("\n.*\n", "\nother\n"), "SomeTest.some"));
    String[] lines = e.getMessage().split("\n");
    assertEquals("LICENSE:2: the file (-) is not as it should be (+)", lines[0]);
    assertEquals("-" + secondLine, lines[3]);
    assertEquals("+other", lines[4]);
    assertEquals(
        "to replace - by +: UPDATE_GOLDEN=1 ./jbang test SomeTest.some", lines[lines.length - 1]);
  }

  @Test
  void what_cannot_be_seen_is_shown() {
    assertEquals(
        """
        @@ -1,1 +1,1 @@
        -a
        +a $
        """,
        hunks("a", "a "));
    assertEquals(
        """
        @@ -1,2 +1,1 @@
         a
        -
        """,
        hunks("a\n", "a"));
    assertEquals(
        """
        @@ -1,1 +1,1 @@
        -\\e[1ma\\tb
        +a b\\r
        """,
        hunks("\u001b[1ma\tb", "a b\r"));
  }

  private static String hunks(String expected, String actual) {
    return message(expected, actual).replaceFirst(".*\n", "");
  }
}
