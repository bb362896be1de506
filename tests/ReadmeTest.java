//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/CertificateChain.java
//SOURCES ../validate_signature.java
//SOURCES Project.java
//SOURCES RemoteSettingsServer.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.CertificateChain;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** README, {@code --help} and the commands say the same, and what it shows works as typed. */
class ReadmeTest {

  private static final Path ROOT = Project.root();

  private static final Pattern EXAMPLE =
      Pattern.compile("<!-- transcript: (\\S+) -->\n```console\n(.*?)```", Pattern.DOTALL);
  private static final Pattern TYPED = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
  private static final Pattern LINK = Pattern.compile("\\]\\(#([^)]+)\\)");
  private static final Pattern HELP =
      Pattern.compile(
          "^  (?:-h, )?(--[a-z-]+)(?:, (--[a-z-]+))?(?:=(\\S+))?\n((?:        .*\n)+)",
          Pattern.MULTILINE);
  private static final Pattern SETTING =
      Pattern.compile("\\[([A-Z_]+(?: or [A-Z_]+)*)(?:, default (.*))?\\]$");

  private static String readme() throws IOException {
    return Files.readString(ROOT.resolve("README.md"));
  }

  @Test
  void every_example_is_what_a_transcript_says() throws IOException {
    List<MatchResult> examples = EXAMPLE.matcher(readme()).results().toList();
    assertFalse(examples.isEmpty());
    for (MatchResult example : examples) {
      String transcript =
          Files.readString(ROOT.resolve("tests/golden/" + example.group(1) + ".txt"));
      String shown = transcript.substring(transcript.indexOf("$ "));
      assertEquals(shown.substring(0, shown.indexOf("--- stderr\n")), example.group(2));
    }
  }

  @Test
  void every_option_of_help_stands_in_the_tables_with_variable_and_default() throws IOException {
    String readme = readme();
    String help = new Terminal().run(new validate_signature(), "--help").stdout();
    List<String> missing = new ArrayList<>();
    int options = 0;
    for (MatchResult option : HELP.matcher(help).results().toList()) {
      options++;
      Matcher setting = SETTING.matcher(option.group(4).replaceAll("\\s+", " ").strip());
      if (!setting.find()) {
        assertTrue(List.of("--help", "--version").contains(option.group(1)), option.group());
        continue;
      }
      String names =
          Stream.of(option.group(1), option.group(2))
              .filter(name -> name != null)
              .map(name -> "`" + name + "`")
              .reduce((one, other) -> one + ", " + other)
              .orElseThrow();
      String variables = "`" + setting.group(1).replace(" or ", "` or `") + "`";
      String row =
          "| %s | %s | %s|"
              .formatted(
                  variables, names, setting.group(2) == null ? "" : "`" + setting.group(2) + "` ");
      if (!readme.contains(row)) {
        missing.add(row);
      }
    }
    assertEquals(List.of(), missing);
    assertTrue(options > 20, help);
  }

  @Test
  void every_option_of_the_tables_stands_in_help() throws IOException {
    String help = new Terminal().run(new validate_signature(), "--help").stdout();
    List<String> unknown =
        Pattern.compile("^\\| `[A-Z_]+`[^|]*\\| `(--[a-z-]+)`", Pattern.MULTILINE)
            .matcher(readme())
            .results()
            .map(row -> row.group(1))
            .filter(option -> !Pattern.compile("  " + option + "\\b").matcher(help).find())
            .toList();
    assertEquals(List.of(), unknown);
  }

  @Test
  void every_cause_is_explained() throws IOException {
    for (CertificateChain.Cause cause : CertificateChain.Cause.values()) {
      assertTrue(readme().contains("`" + cause.slug() + "`"), cause.slug());
    }
  }

  @Test
  void every_link_to_a_section_leads_somewhere() throws IOException {
    String readme = readme();
    List<String> sections =
        readme
            .lines()
            .filter(line -> line.startsWith("#"))
            .map(line -> line.replaceFirst("^#+ ", "").toLowerCase().replace(' ', '-'))
            .toList();
    for (MatchResult link : LINK.matcher(readme).results().toList()) {
      assertTrue(sections.contains(link.group(1)), link.group(1));
    }
  }

  /**
   * Runs each block with a real shell and the real JBang. Left out are the tests, which run just
   * now, and what would change the checkout.
   */
  @TestFactory
  Stream<DynamicTest> every_block_works_as_typed(@TempDir Path folder) throws IOException {
    return TYPED
        .matcher(readme())
        .results()
        .map(block -> block.group(1))
        .filter(block -> !block.contains("./jbang test") && !block.contains("./jbang format\n"))
        .map(block ->
            DynamicTest.dynamicTest(
                block.strip().replaceAll("\\s+", " "), () -> type(block, folder)));
  }

  private static void type(String block, Path folder) throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Project.Outcome outcome =
          Project.run(
                  "sh",
                  "-e",
                  "-c",
                  block.replace("http://localhost:8888/v1", server.url().toString()))
              .in(ROOT)
              .env("SERVER", server.url())
              .env("JBANG_DIR", folder.resolve("jbang"))
              // on the PATH already, else `app install` edits the user's own start-up files
              .env("PATH", folder.resolve("jbang/bin") + File.pathSeparator + System.getenv("PATH"))
              .limit(Duration.ofMinutes(3))
              .go();
      assertEquals(0, outcome.exit(), outcome.stdout() + outcome.stderr());
    }
  }
}
