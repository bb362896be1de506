//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS com.google.googlejavaformat:google-java-format:2.0.0
// the formatter needs it; the AWS SDK in the tests would bring an older one
//DEPS com.google.guava:guava:33.8.0-jre
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../deploy/Project.java
//SOURCES Differences.java
//SOURCES format.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.googlejavaformat.java.FormatterException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The format command leaves JBang's directives alone, and the project is formatted with it. */
class FormatTest {
  private static final String HEADER =
      """
      ///usr/bin/env jbang "$0" "$@" ; exit $?
      //DESCRIPTION A sentence.
      //JAVA 25+
      //DEPS a:b:1
      // why the next one is needed
      //DEPS c:d:2

      //Q:CONFIG quarkus.banner.enabled=false
      //RUNTIME_OPTIONS -XX:+UseSerialGC --add-exports=jdk.compiler/com.sun.tools.javac.parser=ALL-UNNAMED
      """;

  @TempDir Path folder;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @Test
  void every_java_file_is_formatted() throws IOException, FormatterException {
    StringBuilder wrong = new StringBuilder();
    for (Path file : format.javaFiles(Project.root())) {
      wrong.append(Differences.inFile(file, format.formatted(Files.readString(file))));
    }
    assertTrue(wrong.isEmpty(), () -> wrong + "to replace - by +: ./jbang format");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "package common;\n\nclass X {}\n",
        "import java.util.List;\n\nrecord X(List<String> names) {}\n",
        "/** A class. */\nclass X {}\n",
        "void main() {\n  IO.println(\"x\");\n}\n",
      })
  void header_survives_before_whatever_follows_it(String rest) throws FormatterException {
    assertEquals(HEADER + "\n" + rest, format.formatted(HEADER + rest));
    assertEquals(HEADER + "\n" + rest, format.formatted(HEADER + "\n\n\n" + rest));
  }

  @Test
  void formatting_again_changes_nothing() throws FormatterException {
    String once =
        format.formatted(
            HEADER
                + "// A comment.\nimport java.util.Set;\nimport java.util.List;\n"
                + "class X{List<String>a;Set<String>b;//DEPS no:directive:1\n}");
    assertEquals(
        HEADER
            + """

            // A comment.
            import java.util.List;
            import java.util.Set;

            class X {
              List<String> a;
              Set<String> b; // DEPS no:directive:1
            }
            """,
        once);
    assertEquals(once, format.formatted(once));
  }

  @Test
  void file_without_header_is_formatted_like_any_other() throws FormatterException {
    assertEquals("package a;\n\nclass X {}\n", format.formatted("package a;\nclass X{}"));
  }

  @Test
  void header_alone_and_windows_line_ends_are_understood() throws FormatterException {
    assertEquals(HEADER, format.formatted(HEADER));
    assertEquals(
        "//JAVA 25+\n\nclass X {}\n", format.formatted("//JAVA 25+\r\nclass X {\r\n}\r\n"));
  }

  @Test
  void text_that_is_no_java_is_refused() {
    assertThrows(FormatterException.class, () -> format.formatted("class {"));
  }

  @Test
  void check_lists_what_is_not_formatted_and_changes_nothing() throws IOException {
    write("good.java", "class good {}\n");
    write("sub/bad.java", "class bad { }\n");
    write(".hidden/bad.java", "class bad { }\n");
    write("build/bad.java", "class bad { }\n");

    assertEquals(1, run("--check"));
    assertEquals("sub/bad.java: not formatted\n", out.toString(StandardCharsets.UTF_8));
    assertEquals("class bad { }\n", Files.readString(folder.resolve("sub/bad.java")));
  }

  @Test
  void formatting_rewrites_what_needs_it_then_the_check_is_silent() throws IOException {
    write("bad.java", "class bad { }\n");

    assertEquals(0, run());
    assertEquals("bad.java: formatted\n", out.toString(StandardCharsets.UTF_8));
    assertEquals("class bad {}\n", Files.readString(folder.resolve("bad.java")));
    out.reset();
    assertEquals(0, run("--check"));
    assertEquals("", out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void broken_file_is_named_and_the_others_are_formatted() throws IOException {
    write("a.java", "class {\n");
    write("b.java", "class b { }\n");

    assertEquals(2, run());
    assertEquals("b.java: formatted\n", out.toString(StandardCharsets.UTF_8));
    assertEquals(
        "format: error: a.java: 1:6: error: <identifier> expected",
        err.toString(StandardCharsets.UTF_8).lines().findFirst().orElse(""));
  }

  private void write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private int run(String... arguments) {
    PrintStream stdout = new PrintStream(out, true, StandardCharsets.UTF_8);
    PrintStream stderr = new PrintStream(err, true, StandardCharsets.UTF_8);
    return new CommandLine(new format(folder, stdout, stderr)).execute(arguments);
  }
}
