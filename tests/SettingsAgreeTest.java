//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/Runner.java
//SOURCES ../common/Setting.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES Differences.java
//SOURCES ReadmeTest.java
//SOURCES SettingsTables.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Runner;
import common.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Names, variables, defaults and descriptions are the same wherever somebody looks for them: {@code
 * --help}, README, {@code docs/}, catalog, completion, and the keys of Lambda's events.
 *
 * <p>The measure is {@link Settings#settings}, what the options of a command declare.
 */
class SettingsAgreeTest {

  private static final Pattern OPTION_OF_HELP =
      Pattern.compile(
          "^  ((?:-h, )?--[a-z0-9, -]+?)(?:=(\\S+))?\n((?:        .*\n)+)", Pattern.MULTILINE);
  private static final Pattern VARIABLES_OF_HELP =
      Pattern.compile("(.*?) \\[([A-Z0-9_]+(?: or [A-Z0-9_]+)*)(?:, default (.*))?\\]");

  private static Set<String> commands() {
    return ReadmeTest.COMMANDS.keySet();
  }

  private static List<Setting> settings(String command) {
    return Runner.settings(ReadmeTest.COMMANDS.get(command).get());
  }

  private static String printed(String command, String option) {
    Terminal.Outcome outcome = new Terminal().run(ReadmeTest.COMMANDS.get(command).get(), option);
    assertEquals(0, outcome.exit(), outcome::toString);
    return outcome.stdout();
  }

  // ---- help and the documents

  @ParameterizedTest
  @MethodSource("commands")
  void help_says_what_each_option_declares(String command) {
    List<String> declared = settings(command).stream().map(SettingsAgreeTest::text).toList();
    List<String> shown = new ArrayList<>();
    for (MatchResult option :
        OPTION_OF_HELP.matcher(printed(command, "--help")).results().toList()) {
      Matcher setting = VARIABLES_OF_HELP.matcher(option.group(3).replaceAll("\\s+", " ").strip());
      if (!setting.matches()) {
        assertTrue(
            List.of("-h, --help", "--version", "--completion").contains(option.group(1)),
            option.group());
        continue;
      }
      shown.add(
          text(
              option.group(1),
              setting.group(2).replace(" or ", ", "),
              setting.group(3),
              setting.group(1)));
    }
    Differences.assertSameText(String.join("\n", declared), String.join("\n", shown));
    assertTrue(shown.size() > 20, shown.toString());
  }

  @TestFactory
  Stream<DynamicTest> the_tables_of_the_pages_say_the_same() throws IOException {
    return SettingsTables.pages().entrySet().stream()
        .map(page ->
            DynamicTest.dynamicTest(
                page.getKey().getFileName().toString(),
                () ->
                    Differences.assertFile(
                        page.getKey(),
                        page.getValue(),
                        "SettingsAgreeTest.the_tables_of_the_pages_say_the_same")));
  }

  private static String text(Setting setting) {
    return text(
        String.join(", ", setting.options()),
        String.join(", ", setting.variables()),
        setting.defaultValue(),
        setting.description());
  }

  private static String text(String options, String variables, String value, String description) {
    return "%s [%s] (%s): %s"
        .formatted(options, variables, value == null ? "no default" : value, description);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void descriptions_read_as_part_of_a_sentence(String command) {
    for (Setting setting : settings(command)) {
      String text = setting.description();
      assertFalse(text.endsWith(".") || text.matches(".*\\s{2}.*"), text);
      assertTrue(text.length() <= 210, () -> "too long for help: " + text);
      if (setting.label() != null && setting.label().matches("SECONDS|DAYS|MIB|PERCENT")) {
        String unit = setting.label().replace("MIB", "MiB");
        assertTrue(text.matches("(?i).*\\b%s\\b.*".formatted(unit)), () -> "no unit: " + text);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("commands")
  void script_catalog_help_and_readme_describe_a_command_in_one_sentence(String command)
      throws IOException {
    String script = Files.readString(Project.root().resolve(command + ".java"));
    Matcher header = Pattern.compile("(?m)^//DESCRIPTION (.*)$").matcher(script);
    assertTrue(header.find());
    String sentence = header.group(1);
    String catalog = Files.readString(Project.root().resolve("jbang-catalog.json"));
    assertEquals(
        sentence,
        Store.JSON.readTree(catalog).path("aliases").path(command).path("description").asString());
    assertEquals(sentence, printed(command, "--help").lines().findFirst().orElse(""));
    assertTrue(
        ReadmeTest.readme()
            .contains("\n| [`%s`](docs/%s.md) | %s |\n".formatted(command, command, sentence)));
  }

  // ---- completion

  @ParameterizedTest
  @MethodSource("commands")
  void completion_offers_every_option_of_help_and_no_other(String command) {
    String script = printed(command, "--completion");
    Set<String> offered = new TreeSet<>();
    for (String kind : List.of("flag_opts", "arg_opts")) {
      Matcher list = Pattern.compile("local %s=\"(.*)\"".formatted(kind)).matcher(script);
      assertTrue(list.find(), script);
      Arrays.stream(list.group(1).split(" "))
          .forEach(option -> offered.add(option.replace("'", "")));
    }
    Set<String> listed = new TreeSet<>();
    OPTION_OF_HELP
        .matcher(printed(command, "--help"))
        .results()
        .forEach(option -> listed.addAll(List.of(option.group(1).split(", "))));
    assertEquals(listed, offered);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void completion_knows_the_values_of_a_closed_set_and_what_is_a_file(String command) {
    String script = printed(command, "--completion");
    for (Setting setting : settings(command)) {
      if (setting.label() == null) {
        continue;
      }
      Matcher values =
          Pattern.compile(
                  "_option_args=\\((.*)\\) # %s values".formatted(setting.options().getFirst()))
              .matcher(script);
      assertEquals(setting.label().contains("|"), values.find(), setting.toString());
      if (setting.label().contains("|")) {
        assertEquals(setting.label(), values.group(1).replace("\"", "").replace(' ', '|'));
      }
      String names = "'" + String.join("'|'", setting.options()) + "')\n";
      int start = script.indexOf(names);
      assertTrue(start > 0, names);
      String branch = script.substring(start, script.indexOf(";;", start));
      boolean isFile = setting.isSecret() || setting.label().matches("FILE|DIR");
      assertEquals(isFile, branch.contains("compgen -f "), branch);
    }
  }

  @Test
  void a_shell_completes_options_values_and_the_files_of_secrets(@TempDir Path folder)
      throws IOException {
    Path script =
        Files.writeString(
            folder.resolve("completion"), printed("refresh_signature", "--completion"));
    Files.createFile(folder.resolve("credentials"));
    Files.createFile(folder.resolve("other"));
    assertEquals("--verify --verbose --version", completed(script, "--ver"));
    assertEquals("text json", completed(script, "--format", ""));
    assertEquals("json", completed(script, "--format", "j"));
    assertEquals("credentials", completed(script, "--refresh-signature-auth-file", "cr"));
    assertEquals("", completed(script, "--server", "cr"));
  }

  /** What bash would offer for the last of these words. */
  private static String completed(Path script, String... words) throws IOException {
    List<Object> command =
        new ArrayList<>(
            List.of(
                Peers.BASH.path(),
                "-c",
                "cd \"${0%/*}\" && . \"$0\" && COMP_WORDS=(refresh_signature \"$@\") COMP_CWORD=$#"
                    + " && _complete_refresh_signature 2>/dev/null; echo \"${COMPREPLY[*]}\"",
                script));
    command.addAll(List.of(words));
    Project.Outcome outcome = Project.run(command.toArray()).go();
    assertEquals(0, outcome.exit(), outcome::toString);
    return outcome.stdout().strip().replaceAll("\\s+", " ");
  }

  @Test
  void completion_is_printed_whatever_the_environment_holds() {
    assertEquals(
        printed("validate_signature", "--completion"),
        new Terminal()
            .set("SERVER", "nowhere")
            .set("FORMAT", "json")
            .set("COMPLETION", "false")
            .run(new validate_signature(), "--completion")
            .stdout());
    assertFalse(
        new Terminal()
            .set("COMPLETION", "true")
            .run(new validate_signature(), "--version")
            .stdout()
            .contains("complete"));
  }

  // ---- variables, and the keys of events

  @ParameterizedTest
  @MethodSource("commands")
  void each_option_has_the_variable_of_its_name_and_each_variable_one_option(String command) {
    Set<String> variables = new HashSet<>();
    for (Setting setting : settings(command)) {
      List<String> names =
          setting.options().stream()
              .map(name -> setting.isSecret() ? name.replaceFirst("-file$", "") : name)
              .map(name -> name.substring(2).replace('-', '_').toUpperCase(Locale.ROOT))
              .toList();
      assertEquals(names, setting.variables());
      for (String variable : setting.variables()) {
        assertTrue(variables.add(variable), variable);
      }
    }
  }

  @Test
  void secrets_have_no_default_and_an_option_that_names_a_file() {
    Set<String> secrets = new TreeSet<>();
    commands().stream()
        .flatMap(command -> settings(command).stream())
        .filter(Setting::isSecret)
        .forEach(setting -> {
          assertEquals("FILE", setting.label());
          assertEquals(null, setting.defaultValue());
          secrets.addAll(setting.variables());
        });
    assertEquals(
        Set.of(
            "AUTH",
            "BACKPORT_RECORDS_DEST_AUTH",
            "BACKPORT_RECORDS_SOURCE_AUTH",
            "REDASH_API_KEY",
            "REFRESH_SIGNATURE_AUTH",
            "SENTRY_DSN"),
        secrets);
  }

  @Test
  void switches_are_false_unless_set() {
    for (String command : commands()) {
      for (Setting setting : settings(command)) {
        if (setting.label() == null) {
          assertEquals("false", setting.defaultValue(), setting.toString());
        }
      }
    }
  }
}
