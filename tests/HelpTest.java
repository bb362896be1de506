//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/HelpGroup.java
//SOURCES ../common/Runner.java
//SOURCES ../common/Setting.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../deploy/install.java
//SOURCES ../deploy/packaging.java
//SOURCES ../deploy/uninstall.java
//SOURCES ../server/demo.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Jvm.java
//SOURCES Patience.java
//SOURCES ReadmeTest.java
//SOURCES Terminal.java
//SOURCES all.java
//SOURCES format.java
//SOURCES prepare.java
//SOURCES screenshots.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.HelpGroup;
import common.Runner;
import common.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code --help} begins with what somebody looks for first, has an example that works, and fits the
 * terminal. {@link SettingsAgreeTest} holds what it says of each option.
 */
class HelpTest {

  /** The lines after the caption of an example. */
  private static final Pattern EXAMPLE =
      Pattern.compile("^Example, .*:\n((?:  .+\n)+)", Pattern.MULTILINE);

  /** The end of a line in a shell, a word in quotes, or one without. */
  private static final Pattern WORD = Pattern.compile("\\\\\n|'([^']*)'|([^\\s'\\\\]+)");

  @TempDir Path folder;

  private static Set<String> commands() {
    return ReadmeTest.COMMANDS.keySet();
  }

  private static Runner.Command command(String name) {
    return ReadmeTest.COMMANDS.get(name).get();
  }

  private static String help(Terminal terminal, String command) {
    Terminal.Outcome outcome = terminal.run(command(command), "--help");
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals("", outcome.stderr());
    return outcome.stdout();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void help_begins_with_the_rule_and_an_example_and_ends_with_the_pages_to_read(String command) {
    List<String> titles =
        help(new Terminal(), command)
            .lines()
            .filter(line -> line.matches("[A-Z].*:|Usage: .*"))
            .toList();
    assertEquals("Usage: " + command + " [OPTION ...]", titles.get(0));
    assertTrue(titles.get(1).startsWith("Example, "), titles.get(1));
    boolean hasOwn = !command.equals("consistency_checks");
    assertEquals(hasOwn ? "Options:" : "Which collections:", titles.get(2));
    assertEquals(
        List.of(
            "Requests:",
            "Output:",
            "Settings file, time limit, Sentry:",
            "Variables without an option:",
            "Exit codes:",
            "More in the repository:"),
        titles.subList(titles.size() - 6, titles.size()));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void help_names_pages_that_exist(String command) {
    List<String> pages =
        Pattern.compile("docs/[\\w/-]+\\.md")
            .matcher(help(new Terminal(), command))
            .results()
            .map(MatchResult::group)
            .toList();
    assertEquals(List.of("docs/" + command + ".md", "docs/runbooks/README.md"), pages);
    for (String page : pages) {
      assertTrue(Files.isRegularFile(Project.root().resolve(page)), page);
    }
  }

  /** Those of requests and of the run come after what makes a command. */
  @ParameterizedTest
  @MethodSource("commands")
  void credentials_stand_beside_the_server(String command) {
    List<HelpGroup.Title> titles =
        Runner.settings(command(command)).stream()
            .filter(setting -> setting.isSecret() && !setting.variables().contains("SENTRY_DSN"))
            .map(Setting::group)
            .distinct()
            .toList();
    assertTrue(List.of(HelpGroup.Title.SERVER).containsAll(titles), titles.toString());
  }

  @ParameterizedTest
  @MethodSource("commands")
  void the_example_of_help_can_be_pasted(String command) throws IOException {
    Matcher example = EXAMPLE.matcher(help(new Terminal(), command));
    assertTrue(example.find());
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Terminal terminal = new Terminal().once().set("SERVER", server.url());
      List<String> arguments = new ArrayList<>();
      String line =
          example
              .group(1)
              .replace("https://firefox.settings.services.mozilla.com/v1", server.url().toString())
              .replaceFirst("(?<=--target-dir )\\S+", folder.resolve("pages").toString())
              .replaceFirst("(?<=--html )\\S+", folder.resolve("chart.html").toString())
              .replace("server/sample/", Project.root().resolve("server/sample") + "/");
      for (MatchResult word : WORD.matcher(line).results().toList()) {
        String text = word.group(1) == null ? word.group(2) : word.group(1);
        if (text != null) {
          arguments.add(text);
        }
      }
      while (!arguments.getFirst().equals(command)) {
        String[] variable = arguments.removeFirst().split("=", 2);
        terminal.set(variable[0], variable[1]);
      }
      arguments.removeFirst();
      Terminal.Outcome outcome = terminal.run(command(command), arguments.toArray(String[]::new));
      assertTrue(outcome.exit() < 2, outcome::toString);
      assertFalse(outcome.stderr().contains("error: "), outcome::toString);
      assertFalse(outcome.stdout().isEmpty(), outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource({"60, 60", "110, 110", "40, 40", "1, 40", "120, 120", "500, 120", "0, 100", "x, 100"})
  void columns_is_the_width_of_help_on_a_terminal(String columns, int width) {
    assertWidth(width, help(new Terminal().interactive().set("COLUMNS", columns), "uptake_health"));
  }

  @Test
  void help_that_is_not_read_on_a_terminal_is_the_same_everywhere() {
    String text = help(new Terminal(), "uptake_health");
    assertEquals(text, help(new Terminal().set("COLUMNS", 60), "uptake_health"));
    assertWidth(100, text);
  }

  @ParameterizedTest
  @CsvSource({"60", "110"})
  void help_fits_the_terminal(int width) {
    Path script = Peers.SCRIPT.path();
    String java =
        String.join(
            " ",
            Jvm.commandLine(List.of(), "uptake_health", "--help").stream()
                .map(HelpTest::quoted)
                .toList());
    Project.Outcome outcome =
        Project.run(script, "-qec", "stty cols " + width + "; " + java, "/dev/null")
            .env("COLUMNS", null)
            .go();
    assertEquals(0, outcome.exit(), outcome::toString);
    assertWidth(width, outcome.stdout().replace("\r", ""));
    assertEquals("", outcome.stderr());
  }

  private static List<Class<?>> tools() {
    return List.of(
        all.class,
        demo.class,
        format.class,
        install.class,
        packaging.class,
        prepare.class,
        screenshots.class,
        uninstall.class);
  }

  @ParameterizedTest
  @MethodSource("tools")
  void help_of_a_tool_says_what_it_does_and_fits_the_terminal(Class<?> tool) {
    Project.Outcome outcome =
        Patience.run(Jvm.commandLine(List.of(), tool.getName(), "--help").toArray()).go();
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals("", outcome.stderr());
    String[] lines = outcome.stdout().split("\\R");
    assertTrue(lines[0].matches("[A-Z][a-z]+ .*[.:,]?"), lines[0]);
    assertTrue(outcome.stdout().contains("Usage: "), outcome::toString);
    for (String line : lines) {
      assertTrue(line.length() <= 80, line);
    }
  }

  private static String quoted(String word) {
    return "'" + word + "'";
  }

  /**
   * The longest line has that many columns, the last of which stays empty. Lines of a single word,
   * and the example, may be longer.
   */
  private static void assertWidth(int expected, String help) {
    List<Integer> lengths =
        help.lines()
            .filter(line -> line.strip().contains(" ") && !line.startsWith("  uptake_health "))
            .map(String::length)
            .toList();
    int longest = lengths.stream().max(Integer::compare).orElseThrow();
    assertTrue(longest < expected && longest > expected - 10, longest + " for " + expected);
  }
}
