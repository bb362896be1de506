//DEPS info.picocli:picocli:4.7.7
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java
//SOURCES ../common/Http.java
//SOURCES ../common/Report.java
//SOURCES ../common/Runner.java
//SOURCES ../backport_records.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_signature.java
//SOURCES ../bench/Peers.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.GeneralSettings;
import common.NamePattern;
import common.Report;
import common.Runner;
import common.Secret;
import common.Selection;
import common.ServerSettings;
import common.Surroundings;
import common.Values;
import common.Version;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Settings and secrets: where each value comes from, which values are refused and how, and that no
 * secret is ever shown.
 *
 * <p>The command is {@link Probe}, which has every kind of setting and keeps what it was given;
 * where the contract names options, {@code validate_signature} itself.
 */
@ResourceLock("the SDK of Sentry") // of which a JVM has one
class SettingsTest {

  private static final String SECRET = "s3cret";

  @TempDir Path folder;

  private final Map<String, String> environment = new HashMap<>();
  private Probe probe = new Probe();
  private Probe.Task task = (_, _) -> {};
  private String stdin = "";

  /** A command with every kind of setting; it does nothing but what a test gives it to do. */
  @Command(name = "probe", description = "Keeps what it is given.")
  static final class Probe implements Runner.Command {
    @Mixin ServerSettings server;
    @Mixin Selection selection;

    @Option(names = "--auth-file", paramLabel = "FILE", description = "credentials in this file")
    Secret auth;

    @Option(names = "--dry-run", description = "change nothing")
    boolean dryRun;

    @Option(
        names = "--days",
        paramLabel = "DAYS",
        defaultValue = "7",
        converter = Days.class,
        description = "days to look back")
    Integer days;

    @Option(
        names = "--label",
        paramLabel = "TEXT",
        defaultValue = "none",
        description = "free text")
    String label;

    @Option(names = "--labels", paramLabel = "TEXT", split = ",", description = "free texts")
    List<String> labels;

    @Mixin GeneralSettings general;

    private Task task = (_, _) -> {};
    private boolean ran;

    /** What the command does. */
    interface Task {
      void run(Surroundings surroundings, Report report) throws Exception;
    }

    Probe doing(Task task) {
      this.task = task;
      return this;
    }

    @Override
    public GeneralSettings general() {
      return general;
    }

    @Override
    public void run(Surroundings surroundings, Report report) throws Exception {
      ran = true;
      task.run(surroundings, report);
    }
  }

  static final class Days extends Values.WholeNumber {
    Days() {
      super(0, 30);
    }
  }

  // ---- which value wins

  private static Stream<Arguments> kinds() {
    return Stream.of(
        arguments("--server", List.of("http://a.test/v1", "http://b.test", "http://c.test/x")),
        arguments("--requests-timeout-seconds", List.of("1", "2.5", "0.75")),
        arguments("--requests-deadline-seconds", List.of("10", "20.5", "30")),
        arguments("--run-deadline-seconds", List.of("0", "0.5", "30")),
        arguments("--requests-nb-retries", List.of("0", "1", "2")),
        arguments("--parallel-requests", List.of("1", "2", "3")),
        arguments("--max-response-mib", List.of("1", "2", "3")),
        arguments("--bucket", List.of("a", "b", "c")),
        arguments("--collection", List.of("a", "b", "c")),
        arguments("--only", List.of("a/*", "b/*,x/*", "c/*")),
        arguments("--exclude", List.of("a/*,x/*", "b/*", "c/*")),
        arguments("--labels", List.of("a", "b,b", "c")),
        arguments("--label", List.of("a", "b", "c")),
        arguments("--days", List.of("1", "2", "3")),
        arguments("--sentry-environment", List.of("a", "b", "c")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("kinds")
  void option_then_environment_then_env_file_then_default(String option, List<String> values)
      throws IOException {
    String variable = variable(option);
    String typed = values.get(0);
    String set = values.get(1);
    String inFile = values.get(2);
    String file = envFile(variable + "=" + inFile);

    environment.put(variable, set);
    assertSetting(variable, typed, option, "--env-file", file, option + "=" + typed);
    assertSetting(variable, typed, option, "--env-file", file, option, typed);
    assertSetting(variable, set, "environment", "--env-file", file);
    environment.remove(variable);
    assertSetting(variable, inFile, "file " + file, "--env-file", file);
    assertSetting(variable, null, "default");
  }

  @Test
  void the_value_that_wins_is_the_one_that_is_used() throws IOException {
    String file =
        envFile("SERVER=http://127.0.0.1:3/v1", "PARALLEL_REQUESTS=3", "MAX_RESPONSE_MIB=3");
    environment.put("SERVER", "http://127.0.0.1:2/v1/");
    environment.put("PARALLEL_REQUESTS", "2");
    assertEquals(0, run("--env-file", file, "--server", "http://127.0.0.1:1/v1//").exit());
    assertEquals("http://127.0.0.1:1/v1", probe.server.url().toString());
    assertEquals(2, probe.server.parallel());
    assertEquals(3L * 1024 * 1024, probe.server.requests().maxBytes());
    assertEquals("/buckets/monitor/collections/changes", probe.selection.path());
    assertEquals(7, probe.days);
  }

  @Test
  void a_switch_follows_the_same_order() throws IOException {
    String file = envFile("DRY_RUN=true");
    assertFalse(dryRun());
    assertTrue(dryRun("--env-file", file));
    environment.put("DRY_RUN", "false");
    assertFalse(dryRun("--env-file", file));
    assertTrue(dryRun("--env-file", file, "--dry-run"));
    environment.put("DRY_RUN", "true");
    assertTrue(dryRun());
    assertTrue(dryRun("--dry-run"), "typed and set at once");
    assertFalse(dryRun("--dry-run=false"), "typed wins");
    assertSetting("DRY_RUN", "true", "environment");
  }

  @ParameterizedTest
  @CsvSource({
    "true, true", "TRUE, true", "1, true", "yes, true", "on, true", "'\"true\"', true",
    "false, false", "False, false", "0, false", "no, false", "off, false", "'', false"
  })
  void a_switch_understands_the_usual_words(String value, boolean expected) {
    environment.put("DRY_RUN", value);
    assertEquals(expected, dryRun());
  }

  @Test
  void verbose_quiet_and_format_may_come_from_the_environment() {
    environment.put("VERBOSE", "true");
    assertTrue(run().stderr().contains("setting SERVER = "));
    environment.put("FORMAT", "json");
    assertTrue(run().stdout().startsWith("{"));
    environment.put("EXIT_ZERO", "true");
    task = (_, report) -> report.result(Report.Status.BAD, "bad", Map.of());
    assertEquals(0, run().exit());
  }

  @Test
  void a_secret_is_read_from_its_file_then_environment_then_env_file() throws IOException {
    String file = envFile("AUTH=in:env-file");
    assertEquals("in:env-file", auth("--env-file", file));
    environment.put("AUTH", "in:environment");
    assertEquals("in:environment", auth("--env-file", file));
    assertEquals("in:file", auth("--env-file", file, "--auth-file", file("in:file\n")));
    environment.clear();
    assertEquals(null, auth());
  }

  private static Stream<Arguments> kindsButLists() {
    return kinds()
        .filter(kind -> !List.of("--only", "--exclude", "--labels").contains(kind.get()[0]));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("kindsButLists")
  void the_empty_string_is_not_set(String option, List<String> values) throws IOException {
    String variable = variable(option);
    environment.put(variable, "");
    assertSetting(variable, null, "default");
    String file = envFile(variable + "=" + values.getFirst());
    assertSetting(variable, values.getFirst(), "file " + file, "--env-file", file);
    assertSetting(variable, null, "default", "--env-file", envFile(variable + "="));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("kindsButLists")
  void the_empty_string_in_quotes_is_not_set(String option, List<String> values)
      throws IOException {
    String variable = variable(option);
    for (String empty : List.of("\"\"", "''")) {
      environment.put(variable, empty);
      assertSetting(variable, null, "default");
      String file = envFile(variable + "=" + values.getFirst());
      assertSetting(variable, values.getFirst(), "file " + file, "--env-file", file);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("kindsButLists")
  void the_empty_string_after_an_option_is_not_set(String option, List<String> values) {
    assertSetting(variable(option), null, "default", option + "=");
    environment.put(variable(option), values.getFirst());
    assertSetting(variable(option), values.getFirst(), "environment", option + "=");
  }

  @Test
  void the_empty_string_as_a_list_means_none() throws IOException {
    String file = envFile("EXCLUDE=main/*");
    assertFalse(selects("main/a", "--env-file", file));
    environment.put("EXCLUDE", "");
    assertTrue(selects("main/a", "--env-file", file));
    environment.put("EXCLUDE", "main/*");
    assertFalse(selects("main/a"));
    assertTrue(selects("main/a", "--exclude="), "JBang drops an argument that is just empty");
    assertTrue(selects("main/a", "--exclude", ""));
    environment.clear();
    assertTrue(selects("main/a", "--env-file", envFile("EXCLUDE=")));
    environment.put("EXCLUDE", "\"\"");
    assertTrue(selects("main/a"));
  }

  @Test
  void an_empty_secret_is_not_set() {
    environment.put("AUTH", "");
    assertEquals(null, auth());
    environment.put("AUTH", "\"\"");
    assertEquals(null, auth());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"http://q.test/v1\"", "'http://q.test/v1'", "http://q.test/v1"})
  void quotes_around_a_value_are_removed(String value) throws IOException {
    environment.put("SERVER", value);
    assertEquals(0, run().exit());
    assertEquals("http://q.test/v1", probe.server.url().toString());
    environment.clear();
    assertEquals(0, run("--server=" + value).exit());
    assertEquals("http://q.test/v1", probe.server.url().toString());
    assertEquals(0, run("--env-file", envFile("SERVER=" + value)).exit());
    assertEquals("http://q.test/v1", probe.server.url().toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"don't\" | don't",
        "'say \"x\"' | say \"x\"",
        "\"open | \"open",
        "\" | \"",
        "\"mixed' | \"mixed'"
      })
  void only_one_pair_of_equal_quotes_is_removed(String value, String expected) {
    environment.put("LABEL", value);
    assertEquals(0, run().exit());
    assertEquals(expected, probe.label);
    environment.clear();
    assertEquals(0, run("--label=" + value).exit());
    assertEquals(expected, probe.label);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "main/a,main/b",
        "\"main/a\",\"main/b\"",
        "'main/a','main/b'",
        "\"main/a\", 'main/b'",
        "\"main/a,main/b\"",
        "'main/a, main/b'",
        " main/a , main/b ,,",
      })
  void quotes_around_a_list_or_its_entries_are_removed(String value) throws IOException {
    environment.put("ONLY", value);
    assertOnlyAandB();
    environment.clear();
    assertOnlyAandB("--only=" + value);
    assertOnlyAandB("--env-file", envFile("ONLY=" + value));
  }

  private void assertOnlyAandB(String... args) {
    assertTrue(selects("main/a", args));
    assertTrue(probe.selection.selects("main/b"));
    assertFalse(probe.selection.selects("main/c"));
  }

  @Test
  void a_list_may_be_given_in_parts() {
    assertOnlyAandB("--only=main/a", "--only", "main/b");
  }

  // ---- the env file

  @Test
  void env_file_names_the_file_unless_an_option_does() throws IOException {
    environment.put("ENV_FILE", envFile("LABEL=first"));
    assertEquals(0, run().exit());
    assertEquals("first", probe.label);
    environment.put("ENV_FILE", '"' + envFile("LABEL=quoted") + '"');
    assertEquals(0, run().exit());
    assertEquals("quoted", probe.label);
    assertEquals(0, run("--env-file=" + envFile("LABEL=second")).exit());
    assertEquals("second", probe.label);
    environment.put("ENV_FILE", "");
    assertEquals(0, run().exit());
    assertEquals("none", probe.label);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "LABEL=plain | plain",
        "LABEL=\"quoted\" | quoted",
        "LABEL='quoted' | quoted",
        "LABEL=with#hash | with#hash",
        "LABEL=\"with # hash\" | with # hash",
        "LABEL=a=b=c | a=b=c",
        "LABEL=$HOME and ${HOME} | $HOME and ${HOME}",
        "LABEL=back\\slash\\n | back\\slash\\n",
        "LABEL=⚠ é | ⚠ é",
        "# LABEL=comment | none"
      })
  void a_line_of_the_env_file_is_taken_as_it_is(String line, String expected) throws IOException {
    assertEquals(0, run("--env-file", envFile("# a comment", "", line)).exit());
    assertEquals(expected, probe.label);
  }

  @Test
  void an_env_file_with_line_ends_of_windows_is_read() throws IOException {
    Path file = Files.writeString(folder.resolve("windows.env"), "LABEL=one\r\nDAYS=3\r\n");
    assertEquals(0, run("--env-file", file.toString()).exit());
    assertEquals("one", probe.label);
    assertEquals(3, probe.days);
  }

  @Test
  void a_variable_of_the_process_does_not_shine_through_the_env_file() throws IOException {
    // the parser would prefer the process's environment, which is not the one it was given
    assertEquals(0, run("--env-file", envFile("PATH=x", "LABEL=mine")).exit());
    assertEquals("mine", probe.label);
  }

  @Test
  void an_env_file_that_cannot_be_read_is_named() throws IOException {
    for (String name : List.of(folder.resolve("gone.env").toString(), folder.toString(), "\0")) {
      for (boolean typed : new boolean[] {true, false}) {
        environment.clear();
        Terminal.Outcome outcome;
        if (typed) {
          outcome = run("--env-file", name);
        } else {
          environment.put("ENV_FILE", name);
          outcome = run();
        }
        assertUsage(outcome, typed ? "--env-file" : "ENV_FILE");
        if (!name.equals("\0")) {
          assertTrue(outcome.stderr().contains('"' + name + '"'), outcome::toString);
        }
      }
    }
  }

  @Test
  void the_content_of_a_bad_env_file_is_never_shown() throws IOException {
    for (String content :
        List.of(
            "AUTH " + SECRET + "\n",
            SECRET + "\n",
            "AUTH=\"" + SECRET + "\n",
            "=" + SECRET + "\n",
            "AUTH:" + SECRET + "\n",
            "{\"AUTH\": \"" + SECRET + "\"}\n")) {
      Path file = Files.writeString(folder.resolve("bad.env"), content);
      for (String[] args : List.of(new String[0], new String[] {"--verbose"})) {
        Terminal.Outcome outcome = run(with(args, "--env-file", file.toString()));
        assertHidden(outcome);
      }
    }
    Path binary = Files.write(folder.resolve("binary.env"), new byte[] {'A', '=', -1, 0, -2});
    assertUsage(run("--env-file", binary.toString()), "--env-file");
  }

  // ---- values that are refused

  private static final String SECONDS = "a number of seconds, from 0.001 to 86400";

  private static Stream<Arguments> bad() {
    return Stream.of(
            bad("--server", "http or https", "", "ftp://a.test/v1", "localhost:8888/v1", "http://"),
            bad("--server", "http or https", "http:///v1", "http://a b/v1", "file:///etc/passwd"),
            bad("--server", "http or https", "http://a.test/v1?x=1", "http://127.0.0.1:99999/v1"),
            bad("--requests-timeout-seconds", SECONDS, "0", "-1", "soon", "2s", "1e9", "NaN"),
            bad("--requests-deadline-seconds", SECONDS, "0", "86401", "0x10"),
            bad("--run-deadline-seconds", "0 or " + SECONDS, "-1", "86401", "0.0001", "never"),
            bad("--requests-nb-retries", "a whole number from 0 to 100", "-1", "101", "1.5", "x"),
            bad("--parallel-requests", "a whole number from 1 to 64", "0", "65", "-4", "four"),
            bad("--max-response-mib", "a whole number from 1 to 2047", "0", "2048", "1e1"),
            bad("--requests-ca-bundle", "a file that can be read", "/no/such/file.pem", "/"),
            bad("--bucket", "a name", "..", "a/b", "a b", "é"),
            bad("--collection", "a name", "../x", "a?b"),
            bad("--format", "text or json", "xml", "JSON5"),
            bad("--days", "a whole number from 0 to 30", "31", "99999999999"),
            bad("--dry-run", "true or false", "maybe", "2"),
            bad("--verbose", "true or false", "very"))
        .flatMap(one -> one)
        .filter(one -> !((String) one.get()[1]).isEmpty());
  }

  private static Stream<Arguments> bad(String option, String accepted, String... values) {
    return Stream.of(values).map(value -> arguments(option, value, accepted));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("bad")
  void a_bad_value_is_named_with_what_is_accepted(String option, String value, String accepted)
      throws IOException {
    String variable = variable(option);
    assertRefused(run(option + "=" + value), option, value, accepted);

    environment.put(variable, value);
    Terminal.Outcome outcome = run();
    assertRefused(outcome, variable, value, accepted);
    assertTrue(outcome.stderr().contains("environment"), outcome::toString);

    environment.clear();
    String file = envFile(variable + "=" + value);
    outcome = run("--env-file", file);
    assertRefused(outcome, variable, value, accepted);
    assertTrue(outcome.stderr().contains("(file " + file + ")"), outcome::toString);
  }

  private void assertRefused(Terminal.Outcome outcome, String name, String value, String accepted) {
    assertUsage(outcome, name);
    String shown = value.replaceFirst("^(http:.*\\?).*", "$1***"); // a query may hold a key
    assertTrue(outcome.stderr().contains('"' + shown + '"'), outcome::toString);
    assertTrue(outcome.stderr().contains(accepted), outcome::toString);
    assertFalse(probe.ran);
  }

  @Test
  void a_bad_value_that_is_overridden_does_no_harm() {
    environment.put("REQUESTS_NB_RETRIES", "many");
    assertEquals(0, run("--requests-nb-retries=3").exit());
  }

  @Test
  void credentials_in_the_server_s_url_are_refused_unseen() {
    for (boolean typed : new boolean[] {true, false}) {
      String url = "https://user:" + SECRET + "@a.test/v1";
      if (!typed) {
        environment.put("SERVER", url);
      }
      Terminal.Outcome outcome = typed ? run("--server", url) : run();
      assertUsage(outcome, typed ? "--server" : "SERVER");
      assertTrue(outcome.stderr().contains("no credentials"), outcome::toString);
      assertHidden(outcome);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--sever=http://a.test", "--retries", "--requests-nb-retry=1"})
  void an_unknown_option_suggests_the_one_that_was_meant(String option) {
    Terminal.Outcome outcome = run(option);
    assertUsage(outcome, option.split("=")[0]);
    assertTrue(outcome.stderr().contains("\nhint: "), outcome::toString);
    if (!option.equals("--retries")) {
      assertTrue(outcome.stderr().matches("(?s).*hint: did you mean --.*"), outcome::toString);
    }
  }

  @Test
  void an_option_without_its_value_is_named() {
    assertUsage(run("--server"), "--server");
    assertUsage(run("--auth-file"), "--auth-file");
  }

  @Test
  void an_argument_that_is_no_option_is_refused() {
    assertUsage(run("http://a.test/v1"), "argument");
  }

  // ---- what is shown

  @Test
  void verbose_shows_every_setting_with_its_origin() throws IOException {
    environment.put("AUTH", "user:" + SECRET);
    environment.put("ONLY", "main/*,\"x/*\"");
    String file = envFile("DAYS=3", "SENTRY_ENV=stage");
    Terminal.Outcome outcome = run("--verbose", "--env-file", file, "--label=mine");
    assertEquals(0, outcome.exit(), outcome::toString);
    Map<String, String> settings = settings(outcome);
    assertTrue(settings.get("SERVER").endsWith(" (default)"));
    assertTrue(settings.get("LABEL").equals("mine (--label)"));
    assertTrue(settings.get("DAYS").equals("3 (file " + file + ")"));
    assertTrue(settings.get("SENTRY_ENVIRONMENT").equals("stage (file " + file + ")"));
    assertTrue(settings.get("ENV_FILE").equals(file + " (--env-file)"), settings.toString());
    assertTrue(settings.get("VERBOSE").equals("true (--verbose)"));
    assertTrue(settings.get("ONLY").endsWith(" (environment)"));
    assertTrue(settings.get("AUTH").equals("*** (environment)"), settings.get("AUTH"));
    assertEquals("", outcome.stdout());
    for (String variable : variablesOfHelp(run("--help"))) {
      assertTrue(settings.containsKey(variable), variable);
    }
  }

  @Test
  void without_verbose_no_setting_is_shown() {
    assertEquals("", run().stderr());
  }

  @Test
  void help_lists_each_option_with_its_variable_and_default() {
    Terminal.Outcome outcome = help();
    assertEquals(0, outcome.exit());
    assertEquals("", outcome.stderr());
    assertOption(outcome, "--server=URL", "[SERVER, default ");
    assertOption(
        outcome, "--requests-timeout-seconds=SECONDS", "[REQUESTS_TIMEOUT_SECONDS, default ");
    assertOption(outcome, "--requests-nb-retries=COUNT", "[REQUESTS_NB_RETRIES, default ");
    assertOption(outcome, "--parallel-requests=COUNT", "[PARALLEL_REQUESTS, default ");
    assertOption(
        outcome, "--requests-deadline-seconds=SECONDS", "[REQUESTS_DEADLINE_SECONDS, default ");
    assertOption(outcome, "--run-deadline-seconds=SECONDS", "[RUN_DEADLINE_SECONDS]");
    assertOption(outcome, "--max-response-mib=MIB", "[MAX_RESPONSE_MIB, default ");
    assertOption(outcome, "--requests-ca-bundle=FILE", "[REQUESTS_CA_BUNDLE]");
    assertOption(outcome, "--env-file=FILE", "[ENV_FILE]");
    assertOption(outcome, "--sentry-dsn-file=FILE", "[SENTRY_DSN]");
    assertOption(
        outcome, "--sentry-environment, --sentry-env=NAME", "[SENTRY_ENVIRONMENT or SENTRY_ENV]");
    assertOption(outcome, "--sentry-monitor-slug=SLUG", "[SENTRY_MONITOR_SLUG]");
    assertOption(outcome, "--bucket=NAME", "[BUCKET, default ");
    assertOption(outcome, "--collection=NAME", "[COLLECTION, default ");
    assertOption(outcome, "--only=PATTERN", "[ONLY]");
    assertOption(outcome, "--exclude=PATTERN", "[EXCLUDE]");
    assertOption(outcome, "--format=text|json", "[FORMAT, default ");
    assertOption(outcome, "--verbose", "[VERBOSE, default ");
    assertOption(outcome, "--quiet", "[QUIET, default ");
    assertOption(outcome, "--exit-zero", "[EXIT_ZERO, default ");
    assertOption(outcome, "--help", "help");
    assertOption(outcome, "--version", "version");
  }

  @Test
  void help_names_the_variables_of_proxies_and_colour() {
    for (String variable : List.of("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NO_COLOR")) {
      assertTrue(help().stdout().contains(variable), variable);
    }
  }

  @Test
  void help_lists_the_exit_codes() {
    assertTrue(
        help()
            .stdout()
            .matches("(?s).*Exit codes:\n +0 .*\n +1 .*\n +2 .*\n +130 .* 129 .* 143 .*\n +141 .*"),
        help().stdout());
  }

  @Test
  void help_fits_a_hundred_columns() {
    help().stdout().lines().forEach(line -> assertTrue(line.length() <= 100, line));
  }

  @Test
  void help_shows_defaults_and_not_the_environment() {
    environment.put("SERVER", "http://mine.test/v1");
    environment.put("REQUESTS_NB_RETRIES", "77");
    environment.put("SENTRY_DSN", "https://" + SECRET + "@sentry.test/1");
    environment.put("VERBOSE", "true");
    assertEquals(new Terminal().run(new validate_signature(), "--help"), help());
  }

  @Test
  void no_variable_stands_in_the_way_of_help_and_version() {
    for (Map<String, String> bad :
        List.of(
            Map.of("REQUESTS_NB_RETRIES", "many"),
            Map.of("SERVER", "nowhere"),
            Map.of("VERBOSE", "maybe"),
            Map.of("ENV_FILE", "/no/such/file"))) {
      for (String option : List.of("--help", "-h", "--version")) {
        environment.clear();
        environment.putAll(bad);
        Terminal.Outcome outcome = run(option);
        assertEquals(0, outcome.exit(), () -> bad + " " + option + "\n" + outcome);
        assertEquals("", outcome.stderr());
      }
    }
  }

  @Test
  void version_names_command_and_version() {
    Terminal.Outcome outcome = run("--version");
    assertEquals(0, outcome.exit());
    assertEquals("probe " + Version.NUMBER + "\n", outcome.stdout());
    assertEquals("", outcome.stderr());
    assertFalse(probe.ran);
  }

  // ---- secrets

  @Test
  void no_option_takes_a_secret_and_one_that_is_tried_is_not_shown() {
    for (String option : List.of("--auth", "--sentry-dsn", "--redash-api-key")) {
      String argument = option + "=https://" + SECRET + "@sentry.test/1";
      for (Terminal.Outcome outcome :
          List.of(run(argument), run(new validate_signature(), argument))) {
        assertUsage(outcome, option);
        assertHidden(outcome);
      }
    }
    Terminal.Outcome outcome = run("--sentry-dsn", "https://" + SECRET + "@sentry.test/1");
    assertUsage(outcome, "--sentry-dsn");
    assertHidden(outcome);
  }

  @Test
  void of_an_unknown_option_the_name_alone_is_shown() {
    for (String[] args :
        List.of(
            new String[] {"--auth", "-" + SECRET},
            new String[] {"-u" + SECRET},
            new String[] {"--auth=line\n" + SECRET},
            new String[] {"--auth " + SECRET})) {
      Terminal.Outcome outcome = run(args);
      assertUsage(outcome, args[0].substring(0, 2));
      assertHidden(outcome);
    }
  }

  @Test
  void a_dash_reads_the_secret_from_stdin() {
    stdin = "user:from stdin\n";
    assertEquals("user:from stdin", auth("--auth-file", "-"));
    assertEquals("user:from stdin", auth("--auth-file=-"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "user:pass",
        "user:pass\n",
        "user:pass\r\n",
        "  user:pass  \n\n",
        "\ufeffuser:pass",
        "\ufeff user:pass\r\n"
      })
  void white_space_around_a_secret_in_a_file_is_removed(String content) throws IOException {
    assertEquals("user:pass", auth("--auth-file", file(content)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"%s\n", "%s\r\n", "%s\n\n\r\n", "\"%s\"\n", "'%s\n'", "\ufeff%s", "\ufeff%s\n"})
  void a_line_break_at_the_end_and_a_byte_order_mark_are_no_part_of_a_value(String tool)
      throws IOException {
    environment.put("AUTH", tool.formatted("user:pa ss "));
    assertEquals("user:pa ss ", auth());
    environment.put("SERVER", tool.formatted("http://127.0.0.1:1/v1"));
    environment.put("BUCKET", tool.formatted("some"));
    environment.put("DAYS", tool.formatted("3"));
    environment.put("DRY_RUN", tool.formatted("true"));
    environment.put("LABEL", tool.formatted("a text"));
    environment.put("LABELS", tool.formatted("a, b"));
    environment.put(
        "HTTPS_PROXY", tool.formatted("http://user:pass@127.0.0.1:1").replaceAll("[\"']", ""));
    environment.put("AWS_SECRET_ACCESS_KEY", tool.formatted("key").replaceAll("[\"']", ""));
    Map<String, String> seen = new HashMap<>();
    task =
        (surroundings, report) -> {
          seen.putAll(surroundings.environment());
          probe.server.http(surroundings, report).close();
        };
    Terminal.Outcome outcome = run();
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals("http://127.0.0.1:1/v1", probe.server.url().toString());
    assertEquals("/buckets/some/collections/changes", probe.selection.path());
    assertEquals(3, probe.days);
    assertTrue(probe.dryRun);
    assertEquals("a text", probe.label);
    assertEquals(List.of("a", "b"), Values.entries(probe.labels));
    assertEquals("key", seen.get("AWS_SECRET_ACCESS_KEY"));
    assertEquals("http://user:pass@127.0.0.1:1", seen.get("HTTPS_PROXY"));
  }

  @Test
  void a_variable_that_is_a_line_break_is_not_set() {
    environment.put("AUTH", "\n");
    environment.put("DAYS", "\r\n");
    assertEquals(null, auth());
    assertEquals(7, probe.days);
  }

  @Test
  void of_an_env_file_and_stdin_a_line_break_and_a_byte_order_mark_are_no_part_of_a_secret()
      throws IOException {
    assertEquals("user:pass", auth("--env-file", envFile("AUTH=\ufeffuser:pass\r")));
    stdin = "\ufeffuser:pass\r\n";
    assertEquals("user:pass", auth("--auth-file=-"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"user:" + SECRET + "\nX-More: 1", SECRET + "\rx", SECRET + "\u0000"})
  void a_secret_with_a_line_break_is_refused_unseen(String value) throws IOException {
    environment.put("AUTH", value);
    Terminal.Outcome outcome = run();
    assertUsage(outcome, "AUTH");
    assertTrue(outcome.stderr().contains("line break"), outcome::toString);
    assertHidden(outcome);

    environment.clear();
    outcome = run("--auth-file", file(value));
    assertUsage(outcome, "--auth-file");
    assertHidden(outcome);
  }

  @Test
  void a_secret_s_file_must_hold_one() throws IOException {
    assertUsage(run("--auth-file", file("")), "--auth-file");
    assertUsage(run("--auth-file", file(" \n")), "--auth-file");
    assertUsage(run("--auth-file", "-"), "--auth-file");
    assertUsage(run("--auth-file", folder.resolve("gone").toString()), "--auth-file");
    // somebody may take it for the option that takes the secret
    Terminal.Outcome outcome = run("--auth-file", "user:" + SECRET);
    assertUsage(outcome, "--auth-file");
    assertHidden(outcome);
    assertUsage(run("--auth-file", folder.toString()), "--auth-file");
  }

  @Test
  void a_binary_secret_s_file_is_refused() throws IOException {
    Path file = Files.write(folder.resolve("binary"), new byte[] {'a', ':', -1, -2, 'b'});
    assertUsage(run("--auth-file", file.toString()), "--auth-file: is not UTF-8");
    environment.put("AUTH", "user:p\ufffdss"); // as Java shows a variable that is not UTF-8
    assertUsage(run(), "AUTH (environment): is not UTF-8");
  }

  @ParameterizedTest
  @CsvSource({
    "AUTH, consistency_checks",
    "REFRESH_SIGNATURE_AUTH, refresh_signature",
    "BACKPORT_RECORDS_SOURCE_AUTH, backport_records",
    "BACKPORT_RECORDS_DEST_AUTH, backport_records",
    "REDASH_API_KEY, uptake_health"
  })
  void a_line_break_inside_of_any_secret_is_refused_with_its_name(String variable, String command)
      throws ReflectiveOperationException {
    environment.put(variable, "user:" + SECRET + "\nmore\n");
    Terminal.Outcome outcome =
        run((Runner.Command) Class.forName(command).getDeclaredConstructor().newInstance());
    assertUsage(outcome, variable + " (environment): holds a line break");
    assertHidden(outcome);
  }

  @Test
  void no_secret_is_ever_shown() throws IOException {
    environment.put("AUTH", "user:" + SECRET);
    environment.put("SENTRY_DSN", SECRET + " is not a DSN");
    environment.put("HTTP_PROXY", "http://127.0.0.1:1"); // nothing is sent to another host
    for (String[] args :
        List.of(
            new String[] {},
            new String[] {"--verbose"},
            new String[] {"--help"},
            new String[] {"--version"},
            new String[] {"--verbose", "--format=json"},
            new String[] {"--verbose", "--days=many"},
            new String[] {"--verbose", "--no-such-option"},
            new String[] {"--verbose", "--server=http://far.test"})) {
      task =
          (_, _) -> {
            throw new IllegalStateException("boom " + probe.auth);
          };
      assertHidden(run(args));
      assertHidden(run(new validate_signature(), args));
    }
    task = (_, _) -> {};
    for (String where : List.of("environment", "env file", "file")) {
      environment.clear();
      Terminal.Outcome outcome =
          switch (where) {
            case "environment" -> {
              environment.put("AUTH", "user:" + SECRET);
              yield run("--verbose");
            }
            case "env file" -> run("--verbose", "--env-file", envFile("AUTH=user:" + SECRET));
            default -> run("--verbose", "--auth-file", file("user:" + SECRET));
          };
      assertTrue(outcome.stderr().contains("setting AUTH = ***"), outcome::toString);
      assertHidden(outcome);
      assertFalse(probe.auth.toString().contains(SECRET));
    }
  }

  private static void assertHidden(Terminal.Outcome outcome) {
    assertFalse(outcome.toString().contains(SECRET), outcome::toString);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "user:pass | Basic dXNlcjpwYXNz",
        "user:pa:ss | Basic dXNlcjpwYTpzcw==",
        "user:pass word | Basic dXNlcjpwYXNzIHdvcmQ=",
        "user: | Basic dXNlcjo=",
        "usér:pâss | Basic dXPDqXI6cMOic3M=",
        "t0ken | Bearer t0ken",
        "Bearer t0ken | Bearer t0ken",
        "Token a:b | Token a:b",
        "Basic dXNlcjpwYXNz | Basic dXNlcjpwYXNz"
      })
  void credentials_are_basic_bearer_or_as_they_say(String credentials, String header) {
    environment.put("AUTH", credentials);
    assertEquals(header, header("https://far.test/v1"));
  }

  @Test
  void over_plain_http_credentials_go_to_loopback_only() {
    environment.put("AUTH", "user:" + SECRET);
    for (String near :
        List.of(
            "https://far.test/v1",
            "http://127.0.0.1:8888/v1",
            "http://127.1.2.3/v1",
            "http://localhost:8888/v1",
            "http://localhost.:8888/v1",
            "http://[::1]:8888/v1")) {
      assertTrue(header(near).startsWith("Basic "), near);
    }
    for (String far :
        List.of(
            "http://far.test/v1",
            "http://10.0.0.1/v1",
            "http://localhost.far.test/v1",
            "http://127.0.0.1.far.test/v1",
            "http://0.0.0.0/v1",
            "http://[::2]/v1")) {
      task = sending();
      Terminal.Outcome outcome = run("--server", far);
      assertUsage(outcome, "AUTH");
      assertTrue(outcome.stderr().contains("--allow-insecure-auth"), outcome::toString);
      assertHidden(outcome);
      assertTrue(header(far, "--allow-insecure-auth").startsWith("Basic "), far);
    }
  }

  @Test
  void over_plain_http_the_dsn_goes_to_loopback_only() {
    // a name that fails before anybody asks a name server: its label is too long
    String host = "n".repeat(70) + ".test";
    environment.put("SENTRY_DSN", "http://" + SECRET + "@" + host + "/1");
    Terminal.Outcome outcome = run();
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals(
        "probe: warning: nothing is reported: SENTRY_DSN (environment) would be sent unencrypted to"
            + " "
            + host
            + ": use https, or --allow-insecure-auth if you must\n",
        outcome.stderr());
    assertTrue(probe.ran);
  }

  private String header;

  private Probe.Task sending() {
    return (_, _) -> header = probe.general.authorization(probe.auth, probe.server.url());
  }

  private String header(String server, String... args) {
    header = null;
    task = sending();
    Terminal.Outcome outcome = run(with(args, "--server", server));
    assertEquals(0, outcome.exit(), outcome::toString);
    return header;
  }

  // ---- proxies

  @Test
  void a_bad_proxy_is_a_usage_error_without_its_value() {
    environment.put("HTTPS_PROXY", "socks5://user:" + SECRET + "@127.0.0.1:1080");
    task = (surroundings, report) -> probe.server.http(surroundings, report).close();
    Terminal.Outcome outcome = run();
    assertUsage(outcome, "HTTPS_PROXY");
    assertHidden(outcome);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://user:SECRET@proxy.test:3128",
        "user:SECRET@proxy.test:3128",
        "http://user:half/SECRET@proxy.test:3128",
        "http://user:h@lf@SECRET@proxy.test:3128",
        "user:line\nSECRET@proxy.test"
      })
  void the_user_of_a_url_is_masked_however_it_is_typed(String url) {
    String value = url.replace("SECRET", SECRET);
    for (String variable : List.of("HTTPS_PROXY", "https_proxy", "SERVER")) {
      environment.clear();
      environment.put(variable, value);
      Terminal.Outcome outcome = run("--verbose");
      assertTrue(outcome.stderr().contains(variable), outcome::toString);
      assertTrue(outcome.stderr().contains("***@proxy.test"), outcome::toString);
      assertHidden(outcome);
    }
  }

  @Test
  void a_proxy_may_stand_in_the_env_file() throws IOException {
    task = (surroundings, report) -> probe.server.http(surroundings, report).close();
    Terminal.Outcome outcome = run("--env-file", envFile("HTTPS_PROXY=no proxy at all"));
    assertUsage(outcome, "HTTPS_PROXY");
  }

  @Test
  void an_env_file_may_begin_with_the_mark_of_windows() throws IOException {
    assertEquals(0, run("--env-file", envFile("\ufeffREQUESTS_NB_RETRIES=3\r\n")).exit());
    assertUsage(
        run("--env-file", envFile("\ufeffREQUESTS_NB_RETRIES=x\r\n")), "REQUESTS_NB_RETRIES");
  }

  // ---- patterns

  @ParameterizedTest
  @CsvSource({
    "main/*, main/regions, true",
    "main/*, main-preview/regions, false",
    "*, main/regions, true",
    "*/regions, main/regions, true",
    "main/region?, main/regions, true",
    "main/region?, main/region, false",
    "main/[a-r]*, main/regions, true",
    "main/[!a-r]*, main/regions, false",
    "main/regions, main/Regions, false",
    "main, main/regions, false",
    "main/re.ions, main/regions, false"
  })
  void patterns_are_those_of_the_shell(String pattern, String name, boolean expected) {
    assertEquals(expected, NamePattern.matches(pattern, name));
    assertEquals(expected, selects(name, "--only=" + pattern));
    assertEquals(!expected, selects(name, "--exclude=" + pattern));
  }

  @Test
  void a_pattern_with_many_stars_takes_no_longer_than_in_proportion_to_the_name() {
    String name = "main/" + "a".repeat(255);
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () -> {
          assertFalse(NamePattern.matches("*a".repeat(100) + "*b", name));
          assertTrue(NamePattern.matches("*a".repeat(100) + "*", name));
        });
  }

  @ParameterizedTest
  @CsvSource({"255, true", "256, false"})
  void no_pattern_matches_what_is_too_long_for_a_name(int length, boolean expected) {
    String name = "b".repeat(255) + "/" + "c".repeat(length);
    for (String pattern : List.of("*", "b*", "*c", "*/*", name)) {
      assertEquals(expected, NamePattern.matches(pattern, name), pattern);
    }
    assertEquals(expected, selects(name, "--only=*"));
    assertEquals(!expected, selects(name, "--exclude=*"));
  }

  @Test
  void a_character_beyond_the_first_plane_is_one() {
    assertTrue(NamePattern.matches("?", "\ud83d\ude00"));
    assertTrue(NamePattern.matches("[\ud83d\ude00-\ud83d\ude02]", "\ud83d\ude01"));
    assertFalse(NamePattern.matches("[!\ud83d\ude00]", "\ud83d\ude00"));
  }

  @Test
  void without_patterns_everything_is_selected_and_exclude_outranks_only() {
    assertTrue(selects("main/a"));
    assertTrue(selects("main/a", "--only=main/*,x/*"));
    assertFalse(selects("main/a", "--only=main/*", "--exclude=main/a"));
    assertFalse(selects("main/a", "--only=x/*"));
  }

  @Test
  void patterns_match_as_python_s_fnmatch_does() throws Exception {
    Path python = Peers.PYTHON.path();
    Random random = new Random(20261124);
    List<String> cases = new ArrayList<>();
    for (int i = 0; i < 5_000; i++) {
      cases.add(
          text(random, "ab*?[]!-^/\\.&~|{}", 8).strip() + "\t" + text(random, "ab]-^/!\\.&[", 5));
      cases.add(text(random, "ab**?", 8) + "\t" + text(random, "ab", 9));
    }
    Project.Outcome outcome =
        Project.run(
                python,
                "-c",
                """
                import sys, fnmatch
                for line in sys.stdin:
                    pattern, name = line.rstrip('\\n').split('\\t')
                    print(int(fnmatch.fnmatchcase(name, pattern)))
                """)
            .input(String.join("\n", cases))
            .go();
    assertEquals(0, outcome.exit(), outcome::toString);
    List<String> verdicts = outcome.stdout().lines().toList();
    assertEquals(cases.size(), verdicts.size());
    List<String> differences = new ArrayList<>();
    for (int i = 0; i < cases.size(); i++) {
      String[] one = cases.get(i).split("\t", -1);
      boolean expected = verdicts.get(i).equals("1");
      String ours;
      try {
        ours = String.valueOf(NamePattern.matches(one[0], one[1]));
      } catch (RuntimeException e) {
        ours = e.getClass().getSimpleName();
      }
      if (!ours.equals(String.valueOf(expected))) {
        differences.add("%s on %s: %s, Python %s".formatted(one[0], one[1], ours, expected));
      }
    }
    assertEquals(List.of(), differences.subList(0, Math.min(10, differences.size())));
  }

  private static String text(Random random, String alphabet, int longest) {
    StringBuilder text = new StringBuilder();
    for (int length = random.nextInt(longest + 1); length > 0; length--) {
      text.append(alphabet.charAt(random.nextInt(alphabet.length())));
    }
    return text.toString();
  }

  // ---- what the tests are made of

  private Terminal.Outcome run(String... args) {
    probe = new Probe().doing(task); // a new one: options without default would keep their values
    return run(probe, args);
  }

  private Terminal.Outcome run(Runner.Command command, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exit = Runner.execute(command, surroundings(environment, stdin, false, out, err), args);
    return new Terminal.Outcome(
        exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  static Surroundings surroundings(
      Map<String, String> environment,
      String stdin,
      boolean terminal,
      OutputStream out,
      OutputStream err) {
    return new Surroundings(
        Map.copyOf(environment),
        new ByteArrayInputStream(stdin.getBytes(StandardCharsets.UTF_8)),
        out,
        new PrintStream(err, true, StandardCharsets.UTF_8),
        terminal,
        Clock.systemUTC(),
        _ -> {},
        _ -> {},
        terminal ? Duration.ofDays(1) : null,
        null);
  }

  private static Terminal.Outcome help() {
    return new Terminal().run(new validate_signature(), "--help");
  }

  private static String[] with(String[] args, String... more) {
    return Stream.concat(Stream.of(args), Stream.of(more)).toArray(String[]::new);
  }

  private boolean dryRun(String... args) {
    Terminal.Outcome outcome = run(args);
    assertEquals(0, outcome.exit(), outcome::toString);
    return probe.dryRun;
  }

  private boolean selects(String name, String... args) {
    Terminal.Outcome outcome = run(args);
    assertEquals(0, outcome.exit(), outcome::toString);
    return probe.selection.selects(name);
  }

  private String auth(String... args) {
    Terminal.Outcome outcome = run(args);
    assertEquals(0, outcome.exit(), outcome::toString);
    return probe.auth == null ? null : probe.auth.reveal();
  }

  /** Writes an env file; quotes that a shell would need are the caller's. */
  private String envFile(String... lines) throws IOException {
    return Files.write(Files.createTempFile(folder, "settings", ".env"), List.of(lines)).toString();
  }

  private String file(String content) throws IOException {
    return Files.writeString(Files.createTempFile(folder, "secret", ""), content).toString();
  }

  private static String variable(String option) {
    return option.substring(2).replace('-', '_').toUpperCase(java.util.Locale.ROOT);
  }

  /** Runs with --verbose and looks at what is said of one setting; null: whatever the value. */
  private void assertSetting(String variable, String value, String origin, String... args) {
    Terminal.Outcome outcome = run(with(args, "--verbose"));
    assertEquals(0, outcome.exit(), outcome::toString);
    String shown = settings(outcome).get(variable);
    assertTrue(shown != null, outcome::toString);
    assertTrue(shown.endsWith("(" + origin + ")"), variable + " = " + shown);
    if (value != null) {
      assertEquals(value + " (" + origin + ")", shown, variable);
    }
  }

  private static Map<String, String> settings(Terminal.Outcome outcome) {
    Map<String, String> settings = new LinkedHashMap<>();
    Matcher lines =
        Pattern.compile("(?m)^probe: setting ([A-Z_]+) = (.*)$").matcher(outcome.stderr());
    while (lines.find()) {
      assertEquals(null, settings.put(lines.group(1), lines.group(2)), "shown twice");
    }
    return settings;
  }

  private static List<String> variablesOfHelp(Terminal.Outcome help) {
    return Pattern.compile("\\[([A-Z_]+)[],]")
        .matcher(help.stdout().replaceAll("\\s+", " "))
        .results()
        .map(match -> match.group(1))
        .toList();
  }

  private static void assertOption(Terminal.Outcome help, String option, String bracket) {
    String text = help.stdout().replaceAll("\\s+", " ");
    int start = text.indexOf(" " + option);
    assertTrue(start >= 0, option + " is not in\n" + help.stdout());
    int next = text.indexOf(" --", start + 1 + option.length());
    String part = text.substring(start, next < 0 ? text.length() : next);
    assertTrue(part.contains(bracket), part);
  }

  /** A usage error is exit 2 and one line that names what is wrong, and perhaps a hint. */
  static void assertUsage(Terminal.Outcome outcome, String named) {
    assertEquals(2, outcome.exit(), outcome::toString);
    List<String> lines =
        outcome.stderr().lines().filter(line -> !line.contains(": setting ")).toList();
    assertTrue(lines.getFirst().matches("[a-z_]+: error: .*"), outcome::toString);
    assertTrue(lines.getFirst().contains(named), outcome::toString);
    assertTrue(lines.size() <= 2, outcome::toString);
    if (lines.size() == 2) {
      assertTrue(lines.getLast().startsWith("hint: "), outcome::toString);
    }
  }
}
