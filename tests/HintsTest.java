//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/Http.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../common/Runner.java
//SOURCES ../common/UsageException.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES ReadmeTest.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.Http;
import common.RemoteSettings;
import common.Runner;
import common.UsageException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Hints on settings that are not what was meant: patterns, arguments, credentials, the server. */
class HintsTest {

  private static final String DEFAULT = "http://localhost:8888/v1";
  private static final String NOT_SET =
      "hint: SERVER is not set; asked the default "
          + DEFAULT
          + ": set it, or start one with ./jbang local_server --sample\n";

  private static RemoteSettingsServer server;

  @TempDir Path folder;

  @BeforeAll
  static void start() throws IOException {
    server = RemoteSettingsServer.builder().sample(true).start();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Terminal terminal() {
    return new Terminal().once().set("SERVER", server.url());
  }

  private static Runner.Command command(String name) {
    return ReadmeTest.COMMANDS.get(name).get();
  }

  private static void assertHint(String hint, Terminal.Outcome outcome) {
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(outcome.stderr().contains("\nhint: " + hint + "\n"), outcome::toString);
  }

  // ---- patterns

  private static Stream<Arguments> patterns() {
    String all =
        "main/search-config-v2, main/regions, main/anti-tracking-url-decoration, main/cfr,"
            + " main/fxmonitor-breaches, main/newtab-wallpapers-v2";
    String path = "/buckets/main/collections/regions";
    return Stream.of(
        arguments("regions", "patterns are like main/regions; regions is in main, main-preview"),
        arguments("Regions", "patterns are like main/regions; regions is in main, main-preview"),
        arguments("main", "did you mean main/*?"),
        arguments("main/", "did you mean main/*?"),
        arguments("MAIN/REGIONS", "did you mean main/regions?"),
        arguments("Main/*", "did you mean main/*?"),
        arguments("/main/regions", "did you mean main/regions?"),
        arguments(path, "did you mean main/regions?"),
        arguments(path + "/records", "did you mean main/regions?"),
        arguments(DEFAULT + path + "/changeset?_expected=0", "did you mean main/regions?"),
        arguments("main/region", "did you mean main/regions?"),
        arguments("main/regoins", "did you mean main/regions?"),
        arguments("region", "did you mean main/regions or main-preview/regions?"),
        arguments("mian/regions", "regions is in main, main-preview"),
        arguments("main-workspace/regions", "regions is in main, main-preview"),
        arguments("main/nothing", "there are " + all),
        arguments(
            "nothing/nothing",
            "the buckets are blocklists, blocklists-preview, main, main-preview, security-state,"
                + " security-state-preview"));
  }

  @ParameterizedTest
  @MethodSource("patterns")
  void a_pattern_that_matches_nothing_has_a_hint_on_what_is_meant(String only, String meant) {
    Terminal.Outcome outcome = terminal().run(new validate_signature(), "--only", only);
    assertHint(meant, outcome);
    assertEquals(2, outcome.stderr().lines().count(), outcome::toString);
  }

  @ParameterizedTest
  @MethodSource("patterns")
  void if_others_match_it_is_a_warning_with_the_same_sentence(String only, String meant) {
    Terminal.Outcome outcome =
        terminal().run(new validate_changes_collection(), "--only", "main/cfr," + only);
    assertEquals(0, outcome.exit(), outcome::toString);
    String warning = "validate_changes_collection: warning: --only %s matches no collection: %s\n";
    assertTrue(outcome.stderr().contains(warning.formatted(only, meant)), outcome::toString);
  }

  @Test
  void of_several_patterns_that_match_nothing_each_has_a_hint() {
    assertHint(
        "main/region: did you mean main/regions?, main: did you mean main/*?",
        terminal().run(new validate_signature(), "--only", "main/region,main"));
  }

  @Test
  void a_pattern_that_excludes_everything_is_named() {
    String hint = "--exclude leaves none of them";
    assertHint(hint, terminal().run(new validate_signature(), "--exclude", "*"));
    assertHint(
        hint, terminal().run(new validate_signature(), "--only", "main/*", "--exclude", "m*"));
  }

  @Test
  void a_source_is_a_name_that_refresh_signature_takes_and_a_preview_is_not() {
    Terminal terminal = terminal().set("REFRESH_SIGNATURE_AUTH", "editor:editor");
    Terminal.Outcome outcome =
        terminal.run(
            new refresh_signature(),
            "--dry-run",
            "--only",
            "main-workspace/regions,main-preview/cfr");
    assertEquals(0, outcome.exit(), outcome::toString);
    assertFalse(outcome.stderr().contains("main-workspace/regions matches"), outcome::toString);
    assertTrue(
        outcome.stderr().contains("--only main-preview/cfr matches no collection: cfr is in main,"),
        outcome::toString);
  }

  @Test
  void where_destinations_are_compared_no_preview_is_meant() {
    Terminal.Outcome outcome =
        terminal()
            .set("AUTH", "editor:editor")
            .run(new consistency_checks(), "--only", "main-preview/regions,main/search-config-v2");
    assertEquals(0, outcome.exit(), outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains("--only main-preview/regions matches no collection: regions is in main\n"),
        outcome::toString);
  }

  // ---- arguments

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          validate_signature | main/regions      | did you mean --only main/regions?
          validate_signature | help              | did you mean --help?
          validate_signature | -help             | did you mean --help?
          validate_signature | -version          | did you mean --version?
          validate_signature | server=http://x   | did you mean --server=URL?
          validate_signature | -server           | did you mean --server=URL?
          validate_signature | --server:http://x | did you mean --server=URL?
          validate_signature | --SERVER=http://x | did you mean --server=URL?
          validate_signature | —server           | did you mean --server=URL?
          validate_signature | --max_response_mib=1 | did you mean --max-response-mib=MIB?
          consistency_checks | --auth=a:b        | did you mean --auth-file=FILE?
          backport_records   | main/regions      | --help lists the options
          """)
  void an_argument_without_an_option_has_a_hint_on_what_is_meant(
      String name, String argument, String hint) {
    assertHint(hint, terminal().run(command(name), argument));
  }

  @ParameterizedTest
  @CsvSource({
    "SERVER=https://a.test/v1, SERVER",
    "ONLY=main/regions, ONLY",
    "SENTRY_DSN=https://a:b@c.test/1, SENTRY_DSN",
    "HTTPS_PROXY=http://a:b@c.test, HTTPS_PROXY",
    "REDASH_API_KEY=hunter2, NAME",
    "AUTH=user:hunter2, NAME",
    "HUNTER2=, NAME"
  })
  void a_variable_after_the_command_is_named_without_its_value(String argument, String shown) {
    Terminal.Outcome outcome = terminal().run(new validate_signature(), argument);
    assertHint("variables stand before the command: " + shown + "=… validate_signature", outcome);
    assertFalse(outcome.stderr().toLowerCase().contains("hunter2"), outcome::toString);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hunter2",
        "user:hunter2",
        "Hunter/two",
        "a/b/c",
        "hunter2/hunter2=",
        "hunter_2/a",
        "2hunter/a",
        "https://hunter.test/v1",
        "-hunter",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij/hunter"
      })
  void an_argument_that_may_be_a_secret_is_not_shown(String argument) {
    Terminal.Outcome outcome = terminal().run(new validate_signature(), argument);
    SettingsTest.assertUsage(outcome, "option");
    assertFalse(outcome.stderr().toLowerCase().contains("hunter"), outcome::toString);
    outcome = terminal().run(new validate_signature(), "--verbose", "--format=json", argument);
    assertFalse(outcome.toString().toLowerCase().contains("hunter"), outcome::toString);
  }

  @Test
  void after_an_unknown_option_no_argument_is_shown() {
    Terminal.Outcome outcome = terminal().run(new validate_signature(), "--password", "hunter/two");
    SettingsTest.assertUsage(outcome, "--password");
    assertFalse(outcome.stderr().contains("hunter"), outcome::toString);
  }

  // ---- credentials that are refused

  private static Stream<Arguments> credentials() {
    String mappings = "--backport-records-mappings=main/cfr -> main-workspace/cfr";
    return Stream.of(
        arguments("consistency_checks", "AUTH", new String[] {}),
        arguments("refresh_signature", "REFRESH_SIGNATURE_AUTH", new String[] {}),
        arguments("backport_records", "BACKPORT_RECORDS_SOURCE_AUTH", new String[] {mappings}));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("credentials")
  void credentials_that_are_refused_are_named_with_where_they_are_set(
      String name, String variable, String[] args) throws IOException {
    String option = "--" + variable.toLowerCase().replace('_', '-') + "-file";
    Path secret = Files.writeString(folder.resolve("secret"), "editor:nope");
    Path settings = Files.writeString(folder.resolve("cron.env"), variable + "=editor:nope");
    String refused = "%s: error: %s (%s) is refused: %s does not know these credentials\n";
    Map<String, Terminal.Outcome> byOrigin =
        Map.of(
            "environment",
            terminal().set(variable, "editor:nope").run(command(name), args),
            "file " + settings,
            terminal().run(command(name), with(args, "--env-file", settings.toString())),
            option,
            terminal().run(command(name), with(args, option, secret.toString())));
    byOrigin.forEach((origin, outcome) -> {
      assertEquals(2, outcome.exit(), outcome::toString);
      String line = refused.formatted(name, variable, origin, server.url());
      assertTrue(outcome.stderr().startsWith(line), outcome::toString);
      assertFalse(outcome.stderr().contains("nope"), outcome::toString);
    });
  }

  @Test
  void credentials_that_are_set_twice_are_named_where_they_count() throws IOException {
    Path settings = Files.writeString(folder.resolve("cron.env"), "AUTH=editor:fromfile");
    Path secret = Files.writeString(folder.resolve("secret"), "editor:fromoption");
    Terminal terminal = terminal().set("AUTH", "editor:nope").set("ENV_FILE", settings);
    String refused = "error: AUTH (%s) is refused";
    Terminal.Outcome outcome = terminal.run(new consistency_checks());
    assertTrue(outcome.stderr().contains(refused.formatted("environment")), outcome::toString);
    outcome = terminal.run(new consistency_checks(), "--auth-file", secret.toString());
    assertTrue(outcome.stderr().contains(refused.formatted("--auth-file")), outcome::toString);
  }

  @Test
  void the_name_of_a_file_that_credentials_are_from_cannot_steer_the_terminal() throws IOException {
    Path settings = Files.writeString(folder.resolve("cr\u001b[2Jon\n.env"), "AUTH=editor:nope");
    Terminal.Outcome outcome = terminal().set("ENV_FILE", settings).run(new consistency_checks());
    assertTrue(outcome.stderr().contains("cr[2Jon .env) is refused"), outcome::toString);
    assertFalse(outcome.stderr().contains("\u001b"), outcome::toString);
    assertEquals(2, outcome.stderr().lines().count(), outcome::toString);
  }

  private static String[] with(String[] args, String... more) {
    return Stream.concat(Stream.of(args), Stream.of(more)).toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403})
  void a_server_info_that_is_refused_names_the_credentials_or_what_to_set(int status)
      throws IOException {
    try (RecordingServer refusing = RecordingServer.of(Reply.status(status))) {
      Terminal terminal = new Terminal().once().set("SERVER", refusing.url("/v1"));
      assertHint("set AUTH (docs/runbooks/no-verdict.md)", terminal.run(new consistency_checks()));
      assertHint(
          "is it AUTH (environment) that is wrong, or SERVER (environment)?"
              + " (docs/runbooks/no-verdict.md)",
          terminal.set("AUTH", "editor:nope").run(new consistency_checks()));
    }
  }

  // ---- the default server

  /** Asks this server, whatever SERVER says. */
  private static Terminal.Outcome ask(URI asked, Terminal terminal, String... args) {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    return terminal.run(
        probe.doing((surroundings, report) -> {
          try (Http http = probe.server.http(surroundings, report)) {
            new RemoteSettings(http, asked, 1_000).announced("monitor", "changes");
          }
        }),
        args);
  }

  private static Stream<Arguments> failures() {
    return Stream.of(
        arguments(RecordingServer.nobody("/v1"), "is the server running, and SERVER right?"),
        arguments(
            URI.create("http://nobody.invalid/v1"),
            "check the host's name in SERVER, and this machine's DNS"),
        arguments(
            server.url().resolve("/v9"), "is SERVER right, with the version at its end (/v1)?"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void a_hint_on_the_server_says_where_it_is_set_or_that_it_is_not(URI asked, String hint)
      throws IOException {
    Path settings = Files.writeString(folder.resolve("cron.env"), "SERVER=" + asked);
    String[] file = {"--env-file", settings.toString()};
    String page = " (docs/runbooks/no-verdict.md)";
    assertTrue(ask(asked, new Terminal().once()).stderr().endsWith(NOT_SET.strip() + page + "\n"));
    assertHint(
        hint.replace("SERVER", "SERVER (environment)") + page,
        ask(asked, new Terminal().once().set("SERVER", asked)));
    assertHint(
        hint.replace("SERVER", "SERVER (file " + settings + ")") + page,
        ask(asked, new Terminal().once(), file));
    assertHint(
        hint.replace("SERVER", "--server") + page,
        ask(asked, new Terminal().once(), "--server", asked.toString()));
    assertHint(
        hint.replace("SERVER", "SERVER (environment)") + page,
        ask(URI.create(asked.toString()), new Terminal().once().set("SERVER", DEFAULT)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "null",
      textBlock =
          """
          GET http://localhost:8888/v1/: a web page instead of JSON | null
          AUTH is refused: http://localhost:8888/v1 does not know it | of an account of SERVER
          No signer capabilities found. Run on *writer* server! | SERVER is x, which signs nothing
          """)
  void whatever_else_answers_at_the_default_server_has_that_hint_too(String error, String hint) {
    Terminal.Outcome outcome = failing(error, hint, new Terminal());
    assertEquals("probe: error: %s\n%s".formatted(error, NOT_SET), outcome.stderr());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          GET https://redash.test/api: 404 | is REDASH_API_KEY right?
          GET http://localhost:8888/v1/: no time left | RUN_DEADLINE_SECONDS is too short
          """)
  void a_failure_of_something_else_keeps_its_hint(String error, String hint) {
    Terminal.Outcome outcome = failing(error, hint, new Terminal());
    assertEquals("probe: error: %s\nhint: %s\n".formatted(error, hint), outcome.stderr());
  }

  @Test
  void a_failure_without_a_hint_has_none_if_the_server_is_set() {
    Terminal terminal = new Terminal().set("SERVER", DEFAULT);
    String error = "GET " + DEFAULT + "/: 503";
    assertEquals("probe: error: x is odd\n", failing("x is odd", null, terminal).stderr());
    assertEquals("probe: error: %s\n".formatted(error), failing(error, null, terminal).stderr());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          401 | check that it exists and that this account may read it
          404 | is SERVER (environment) right, with the version at its end (/v1)?
          418 | ask the server's operators: its log may say why
          503 | run the command again later; if that does not help, ask the server's operators
          """)
  void an_error_of_the_server_has_a_hint_and_a_page(int status, String hint) throws IOException {
    try (RecordingServer failing = RecordingServer.of(Reply.status(status))) {
      URI asked = failing.url("/v1");
      assertHint(
          hint + " (docs/runbooks/no-verdict.md)",
          ask(asked, new Terminal().once().set("SERVER", asked)));
    }
  }

  private static Terminal.Outcome failing(String error, String hint, Terminal terminal) {
    SettingsTest.Probe.Task task =
        (_, _) -> {
          throw new UsageException(error, hint);
        };
    return terminal.run(new SettingsTest.Probe().doing(task));
  }

  @Test
  void a_server_info_that_is_not_there_asks_for_the_version() {
    assertHint(
        "is SERVER (environment) right, with the version at its end (/v1)?"
            + " (docs/runbooks/no-verdict.md)",
        new Terminal()
            .once()
            .set("SERVER", server.url().resolve("/v9"))
            .run(new consistency_checks()));
  }
}
