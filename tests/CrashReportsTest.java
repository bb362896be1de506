//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/Advice.java
//SOURCES ../common/CrashReports.java
//SOURCES Exchange.java
//SOURCES Jvm.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../common/Runner.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES ../deploy/Project.java
//SOURCES Patience.java
//SOURCES ReadmeTest.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ReportTest.java
//SOURCES SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.Advice;
import common.Http;
import common.Runner;
import common.ServerException;
import common.Version;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Crash reports as a Sentry of our own on loopback receives them, and as they fail to reach one.
 */
@ResourceLock("the SDK of Sentry") // of which a JVM has one
class CrashReportsTest {

  private static final JsonMapper JSON = new JsonMapper();
  private static final String KEY = "publickeyofthetests";

  /** Whatever is promised of all commands is tried with each of them. */
  private static Set<String> commands() {
    return ReadmeTest.COMMANDS.keySet();
  }

  /** The credentials of all commands, each with a value of its own. */
  private static final Map<String, String> CREDENTIALS =
      Map.of(
          "AUTH", "editor:s3cret-of-auth",
          "REFRESH_SIGNATURE_AUTH", "s3cret-of-refresh",
          "BACKPORT_RECORDS_SOURCE_AUTH", "Token s3cret-of-source",
          "BACKPORT_RECORDS_DEST_AUTH", "editor:s3cret-of-dest",
          "REDASH_API_KEY", "s3cret-of-redash",
          "AWS_SECRET_ACCESS_KEY", "s3cret-of-aws",
          "HTTPS_PROXY", "http://proxy:s3cret-of-proxy@127.0.0.1:9");

  /** Where the server answers as a Redash. */
  private static final String RESULT = "/queries/61352/results.json";

  @TempDir Path folder;

  private FakeSentry sentry;
  private RemoteSettingsServer server;

  @BeforeEach
  void start() throws IOException {
    sentry = new FakeSentry();
    serve(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  private void serve(Clock clock) throws IOException {
    server = RemoteSettingsServer.builder().clock(clock).start();
    server.answer("/v1" + RESULT, 200, "application/json", uptake(clock.instant()));
    server.publish("main", "cfr", "{\"id\": \"1\", \"text\": \"abc\"}");
    server.publish("main", "regions", "{\"id\": \"1\", \"text\": \"abc\"}");
  }

  /** What clients reported on the day before: one source over its threshold. */
  private static String uptake(Instant instant) {
    long now = instant.getEpochSecond();
    String row =
        "{\"source\": \"%s\", \"min_timestamp\": %d, \"max_timestamp\": %d,"
            + " \"success\": 900, \"sync_error\": %d, \"network_error\": %d}";
    return "{\"query_result\": {\"data\": {\"rows\": [%s, %s]}}}"
        .formatted(
            row.formatted("main/cfr", now - 86_400, now, 0, 10),
            row.formatted("main/regions", now - 86_400, now, 40, 60));
  }

  @AfterEach
  void stop() {
    server.close();
    sentry.close();
    assertEquals(List.of(), sentry.oddities());
  }

  @Test
  void a_failed_check_is_reported_with_its_findings() {
    server.fault("altered-record=main/regions");
    Terminal.Outcome outcome =
        terminal().set("SENTRY_ENVIRONMENT", "stage").run(new validate_signature());
    assertEquals(1, outcome.exit(), outcome::toString);
    assertEquals(1, sentry.items("event").size(), sentry.toString());
    JsonNode event = sentry.items("event").getFirst();
    assertEquals(
        "Signature verification failed on main/regions",
        event.get("message").get("formatted").stringValue());
    assertEquals("error", event.get("level").stringValue());
    assertEquals("stage", event.get("environment").stringValue());
    assertEquals("validate_signature", event.get("tags").get("command").stringValue());
    assertTrue(
        event.get("release").stringValue().endsWith(Version.NUMBER),
        event.get("release")::toString);
    String cause =
        outcome
            .stdout()
            .lines()
            .filter(line -> line.startsWith(" - Cause: "))
            .findFirst()
            .orElseThrow()
            .substring(" - Cause: ".length());
    assertEquals(cause, event.get("extra").get("main/regions").stringValue());
  }

  @Test
  void timestamps_that_differ_are_reported() {
    server.fault("404=main/cfr");
    server.fault("altered-announcement=main/regions");
    long found = server.timestamp("main", "regions");
    assertEquals(1, terminal().run(new validate_changes_collection()).exit());
    JsonNode cfr = event("Timestamps differ on main/cfr");
    JsonNode regions = event("Timestamps differ on main/regions");
    assertTrue(extra(cfr, "main/cfr").contains(" != not readable: 404: "), cfr::toString);
    assertEquals("%d != %d".formatted(found - 1000, found), extra(regions, "main/regions"));
    assertReported("Timestamps differ on main/cfr", "Timestamps differ on main/regions");
    server.clearFaults();
    server.fault("503-long=main/cfr");
    assertEquals(2, terminal().run(new validate_changes_collection()).exit());
    assertReported("No verdict on main/cfr");
  }

  // ---- grouping

  @Test
  void each_collection_is_an_issue_of_its_own_in_every_run() {
    server.fault("altered-announcement=main/*");
    for (int run = 0; run < 2; run++) {
      terminal().run(new validate_changes_collection());
      for (String name : List.of("main/cfr", "main/regions")) {
        JsonNode event = event("Timestamps differ on " + name);
        assertGroup(event, "validate_changes_collection", "Timestamps differ", name);
        assertEquals(1, event.get("extra").size(), event::toString);
      }
      sentry.forget();
      server.put("main", "cfr", "{\"id\": \"" + run + "\"}");
    }
  }

  @Test
  void up_to_ten_collections_are_issues_and_more_are_one() {
    for (int i = 3; i <= 10; i++) {
      server.put("main", "c" + i, "{\"id\": \"1\"}");
    }
    server.fault("altered-announcement=main/*");
    terminal().run(new validate_changes_collection());
    assertEquals(10, sentry.items("event").size());
    sentry.forget();

    server.put("main", "c11", "{\"id\": \"1\"}");
    terminal().run(new validate_changes_collection());
    assertEquals(1, sentry.items("event").size(), sentry::toString);
    JsonNode event = event("Timestamps differ on many collections");
    assertGroup(event, "validate_changes_collection", "Timestamps differ");
    assertEquals(11, event.get("extra").size());
    assertTrue(extra(event, "main/c11").contains(" != "), event::toString);
  }

  @Test
  void what_is_no_collection_s_is_grouped_per_command() {
    String message = "none of N collections is selected: nothing was ";
    terminal().run(new validate_signature(), "--only=nothing/*");
    assertGroup(event(message + "verified"), "validate_signature", "{{ default }}");
    terminal().run(new validate_changes_collection(), "--only=nothing/*");
    assertGroup(event(message + "compared"), "validate_changes_collection", "{{ default }}");
  }

  @Test
  void a_finding_whose_text_has_a_date_stays_one_issue() {
    server.fault("expiring-leaf");
    for (int day = 0; day < 2; day++) {
      terminal()
          .at(Terminal.NOW.plus(Duration.ofDays(day)))
          .run(new validate_signature(), "--strict");
    }
    List<JsonNode> events = sentry.items("event");
    assertEquals(2, events.size(), sentry::toString);
    assertFalse(text(events.getFirst()).equals(text(events.getLast())));
    events.forEach(event -> assertGroup(event, "validate_signature", "leaf expires soon"));
  }

  @Test
  void a_check_may_say_what_it_is_about_and_give_particulars() {
    SettingsTest.Probe probe =
        new SettingsTest.Probe()
            .doing((_, report) ->
                report.failedCheck(
                    "error rate",
                    "main/cfr",
                    "main/cfr is erroring too much.",
                    Map.of("a", "b"),
                    Advice.UNEXPECTED));
    terminal().run(probe);
    JsonNode event = event("main/cfr is erroring too much.");
    assertGroup(event, "probe", "error rate", "main/cfr");
    assertEquals("b", extra(event, "a"));
  }

  private JsonNode event(String message) {
    return sentry.items("event").stream()
        .filter(event -> text(event).equals(message))
        .findFirst()
        .orElseThrow(() -> new AssertionError(message + " is not in\n" + sentry));
  }

  private static String text(JsonNode event) {
    return event.get("message").get("formatted").stringValue();
  }

  private static String extra(JsonNode event, String name) {
    return event.get("extra").get(name).stringValue();
  }

  private static void assertGroup(JsonNode event, String... fingerprint) {
    assertEquals(JSON.valueToTree(fingerprint), event.get("fingerprint"), event::toString);
  }

  private static String tag(JsonNode event, String name) {
    return event.get("tags").get(name).stringValue();
  }

  @Test
  void an_event_names_server_cause_and_page() {
    server.fault("altered-record=main/regions");
    terminal().run(new validate_signature());
    JsonNode event = event("Signature verification failed on main/regions");
    assertEquals(server.url().toString(), tag(event, "server"));
    assertEquals("records-differ", tag(event, "cause"));
    assertEquals("docs/runbooks/bad-signature.md", tag(event, "runbook"));
  }

  @Test
  void one_event_for_many_names_the_cause_that_most_have() {
    for (int i = 3; i <= 12; i++) {
      server.put("main", "c" + i, "{\"id\": \"1\"}");
    }
    server.fault("altered-announcement=main/*");
    server.fault("404=main/cfr");
    terminal().run(new validate_changes_collection());
    JsonNode event = event("Timestamps differ on many collections");
    assertEquals("timestamps-differ", tag(event, "cause"));
    assertEquals("docs/runbooks/timestamps-disagree.md", tag(event, "runbook"));
  }

  @Test
  void what_was_not_asked_is_no_issue_of_its_own() {
    makeSources();
    assertEquals(2, terminal().run(new refresh_signature()).exit());
    assertEquals(1, sentry.items("event").size(), sentry::toString);
    assertEquals("http-401", tag(sentry.items("event").getFirst(), "cause"));
  }

  @Test
  void no_tag_is_longer_than_sentry_takes_and_no_event_larger() {
    Map<String, String> particulars = new HashMap<>();
    for (int i = 0; i < 1_000; i++) {
      particulars.put("main/" + i, "x".repeat(9_000));
    }
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> {
      report.server(URI.create("https://kinto.test/" + "v".repeat(300)));
      report.failedCheck("a", null, "b", particulars, Advice.UNEXPECTED);
    });
    terminal().run(probe);
    JsonNode event = event("b");
    assertEquals(200, tag(event, "server").length());
    assertTrue(event.toString().length() < 300_000);
  }

  @Test
  void a_server_that_fails_is_named_with_its_status() {
    server.fault("503-plain=monitor/changes");
    assertEquals(2, terminal().run(new validate_signature()).exit());
    JsonNode event = sentry.items("event").getFirst();
    assertEquals("http-503", tag(event, "cause"));
    assertEquals(server.url().toString(), tag(event, "server"));
  }

  @Test
  void the_same_trouble_has_the_same_title_in_every_run() {
    server.fault("503-plain=monitor/changes");
    for (int run = 0; run < 2; run++) {
      assertEquals(2, terminal().run(new validate_signature()).exit());
    }
    List<JsonNode> events = sentry.items("event");
    assertEquals(2, events.size(), sentry::toString);
    assertEquals(text(events.getFirst()), text(events.getLast()));
    assertTrue(text(events.getFirst()).contains("_expected=N: 503"), sentry::toString);
    assertTrue(
        extra(events.getFirst(), "text").matches("GET http.*_expected=9999\\d{9}: 503.*"),
        sentry::toString);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          3 of 12 pages failed                              | N of N pages failed
          GET http://h:8888/v1?_expected=9999123456789: 503 | GET http://h:N/v1?_expected=N: 503
          not read for 2.5 s (after 5 attempts)             | not read for N s (after N attempts)
          old on 2026-11-24 02:19:18 UTC                    | old on N N UTC
          old on 2026-11-24T02:19:18.123Z                   | old on N
          in main/c3 of v1, 404: SHA-256 of p384ecdsa       | in main/c3 of v1, 404: SHA-256 of p384ecdsa
          nobody answered                                   | nobody answered
          """)
  void a_title_has_no_number_that_differs_from_run_to_run(String text, String title) {
    terminal().run(new SettingsTest.Probe().doing((_, report) -> report.error(text, "do this")));
    assertEquals(title, text(sentry.items("event").getFirst()));
  }

  // ---- what each command reports

  private void makeSources() {
    for (String name : List.of("cfr", "regions")) {
      for (String bucket : List.of("main-workspace", "main-preview")) {
        server.put(bucket, name, "{\"id\": \"1\", \"text\": \"abc\"}");
      }
      server.edit("main-workspace", name, attributes -> attributes.put("status", "signed"));
    }
  }

  @Test
  void inconsistent_collections_are_reported() {
    makeSources();
    server.fault("altered-record=main/regions");
    server.fault("503-long=main-workspace/cfr");
    Terminal terminal = terminal().set("AUTH", "editor:editor");
    assertEquals(2, terminal.run(new consistency_checks(), "--only", "main/*").exit());
    assertTrue(
        extra(event("Inconsistent: main/regions"), "main/regions").contains("differs in text: "));
    assertReported("Inconsistent: main/regions", "No verdict on main/cfr");
  }

  @Test
  void a_refresh_that_fails_and_a_signature_that_is_bad_are_reported() {
    makeSources();
    server.fault("403=PATCH main-workspace/cfr");
    server.fault("altered-record=main/regions");
    Terminal terminal = terminal().set("REFRESH_SIGNATURE_AUTH", "editor:editor");
    String only = "main/regions,main/cfr";
    assertEquals(2, terminal.run(new refresh_signature(), "--verify", "--only", only).exit());
    assertReported(
        "Signature verification failed on main/regions",
        "Signature refresh failed on main-workspace/cfr");
  }

  @Test
  void a_copy_that_fails_and_one_that_waits_are_reported() {
    makeSources();
    server.put("main", "regions", "{\"id\":\"new\"}");
    server.fault("403=PUT /v1/buckets/main-workspace/collections/cfr/records/new");
    server.edit("main-workspace", "regions", it -> it.put("status", "to-sign"));
    Terminal terminal =
        terminal()
            .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor")
            .set(
                "BACKPORT_RECORDS_MAPPINGS",
                "main/regions -> main-workspace/cfr\n"
                    + "main-preview/regions -> main-workspace/regions");
    assertEquals(2, terminal.run(new backport_records()).exit());
    JsonNode failed = event("Backport failed: main-workspace/cfr");
    assertTrue(extra(failed, "main-workspace/cfr").contains("missing: new (403: "));
    assertReported(
        "Backport held up: main-workspace/regions", "Backport failed: main-workspace/cfr");
  }

  @Test
  void a_page_that_fails_and_a_record_without_one_are_reported(@TempDir Path folder)
      throws IOException {
    server.create("blocklists", "addons");
    server.put("blocklists", "addons", "{\"id\":\"good\"}");
    server.put("blocklists", "addons", "{\"id\":\"odd\",\"blockID\":\"../x\"}");
    Files.createFile(Files.createDirectory(folder.resolve("good.html")).resolve("in-the-way"));
    Terminal terminal = terminal().set("TARGET_DIR", folder).set("PLUGINS_COLLECTIONS", "");
    assertEquals(2, terminal.run(new blockpages_generator()).exit());
    assertReported(
        "record odd of blocklists/addons has no page: blockID \"../x\" is not a valid page name",
        "N of N pages failed: the index stays as it was, and nothing is deleted",
        "Not published: good.html");
  }

  @Test
  void a_source_over_its_threshold_is_reported_with_its_statuses_and_the_settings() {
    Terminal terminal = terminal().set("MIN_TOTAL_ENTRIES", "500");
    terminal.set("DEFAULT_ERROR_THRESHOLD_PERCENT", "2.0");
    terminal.set("SPECIFIC_ERROR_THRESHOLD_PERCENTAGES", "foo/bar= 12; main/x = 5.5");
    assertEquals(1, run("uptake_health", terminal).exit());
    assertEquals(1, sentry.items("event").size());
    JsonNode event = sentry.items("event").getFirst();
    assertEquals(
        "main/regions is erroring too much.\n"
            + "\tnetwork_error    6.00% (60)\n"
            + "\tsync_error       4.00% (40)",
        event.get("message").get("formatted").stringValue());
    assertEquals(
        JSON.valueToTree(List.of("uptake_health", "erroring too much", "main/regions")),
        event.get("fingerprint"));
    assertEquals(
        JSON.valueToTree(
            Map.of(
                "REDASH_API_QUERY_URL", server.url() + RESULT,
                "EXCLUDE_SOURCES",
                    "shield-recipe-client/*, normandy/*, main/url-classifier-skip-urls",
                "MIN_TOTAL_ENTRIES", "500",
                "DEFAULT_ERROR_THRESHOLD_PERCENT", "2.0",
                "SPECIFIC_ERROR_THRESHOLD_PERCENTAGES", "foo/bar= 12; main/x = 5.5")),
        event.get("extra"));
  }

  @Test
  void a_run_without_findings_reports_nothing() {
    assertEquals(0, terminal().run(new validate_signature()).exit());
    assertEquals(List.of(), sentry.bodies());
  }

  // ---- bugs

  @ParameterizedTest
  @MethodSource("commands")
  void an_unexpected_error_is_one_event_with_what_helps_to_find_it(String command) {
    server.fault("503");
    Terminal terminal = terminal().set("SENTRY_ENVIRONMENT", "stage");
    terminal.set("REDASH_API_QUERY_URL", server.url() + "/nowhere"); // where the fault is, too
    CREDENTIALS.forEach(terminal::set);
    terminal.onPause(() -> {
      throw new IllegalStateException(
          "a bug with s3cret-of-auth", new IOException("its cause, " + CREDENTIALS));
    });
    Terminal.Outcome outcome = run(command, terminal);
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(outcome.stderr().contains("error: unexpected "), outcome::toString);

    assertEquals(1, sentry.items("event").size(), sentry::toString);
    JsonNode event = sentry.items("event").getFirst();
    assertEquals("fatal", event.get("level").stringValue());
    assertEquals("stage", event.get("environment").stringValue());
    assertEquals("remote-settings-lambdas@" + Version.NUMBER, event.get("release").stringValue());
    assertEquals(command, event.get("tags").get("command").stringValue());
    assertGroup(event, command, "{{ default }}");

    JsonNode chain = event.get("exception").get("values");
    assertEquals(2, chain.size(), chain::toString);
    assertEquals("IOException", chain.get(0).get("type").stringValue());
    assertTrue(chain.get(0).get("value").stringValue().startsWith("its cause, {"));
    assertEquals("IllegalStateException", chain.get(1).get("type").stringValue());
    assertEquals("a bug with ***", chain.get(1).get("value").stringValue());
    assertTrue(chain.get(1).get("stacktrace").toString().contains("CrashReportsTest"));

    List<JsonNode> crumbs = crumbs(event);
    assertTrue(crumbs.stream().anyMatch(crumb -> isRequest(crumb, "GET", "/v1/", 503)));
    assertTrue(crumbs.stream().anyMatch(crumb -> isSaid(crumb, "trying again in 1 s")));
    assertNoSecret(sentry.toString());
    assertNoSecret(outcome.toString());
  }

  private static void assertNoSecret(String text) {
    CREDENTIALS.forEach((variable, secret) -> {
      String base64 = Base64.getEncoder().encodeToString(secret.getBytes(StandardCharsets.UTF_8));
      assertFalse(text.contains(base64), () -> variable + " as base64 is in\n" + text);
    });
    assertFalse(text.contains("s3cret"), () -> "a secret is in\n" + text);
  }

  @Test
  void a_bug_that_hits_every_collection_is_one_event() {
    server.fault("503=main/*");
    Terminal terminal = terminal();
    terminal.onPause(() -> {
      throw new IllegalStateException("a bug of the tests");
    });
    Terminal.Outcome outcome = run("validate_signature", terminal);
    assertEquals(2, outcome.exit());
    assertReported(
        "No verdict on main/cfr",
        "No verdict on main/regions",
        "unexpected java.lang.IllegalStateException: a bug of the tests");
  }

  // ---- breadcrumbs

  @Test
  void requests_of_all_threads_are_remembered() {
    for (int i = 0; i < 8; i++) {
      server.put("main", "c" + i, "{\"id\": \"1\"}");
    }
    server.fault("altered-announcement=main/cfr");
    terminal().run(new validate_changes_collection(), "--parallel-requests=4");
    List<JsonNode> crumbs = crumbs(event("Timestamps differ on main/cfr"));
    for (int i = 0; i < 8; i++) {
      String path = "/v1/buckets/main/collections/c" + i + "/changeset";
      assertEquals(
          1,
          crumbs.stream().filter(crumb -> isRequest(crumb, "GET", path, 200)).count(),
          () -> path + " is not in " + crumbs);
    }
  }

  @Test
  void a_request_is_remembered_without_credentials_and_query_and_with_its_failure()
      throws IOException {
    try (RecordingServer wire = RecordingServer.of(Reply.status(418))) {
      Runner.Command probe =
          asking(
              wire.url("/a?filter=s3cret#s3cret"),
              URI.create("http://user:s3cret@127.0.0.1:" + wire.port() + "/b?s3cret"),
              RecordingServer.nobody("/c"));
      terminal().run(probe, "--requests-nb-retries=0");
      List<JsonNode> crumbs = crumbs(event("the end"));
      String base = "http://127.0.0.1:" + wire.port();
      assertTrue(isRequest(crumbs.get(0), "GET", base + "/a", 418), crumbs::toString);
      assertTrue(isRequest(crumbs.get(1), "GET", "http://***@" + base.substring(7) + "/b", 418));
      JsonNode failed = crumbs.get(2).get("data");
      assertTrue(failed.get("url").stringValue().endsWith("/c"), crumbs::toString);
      assertEquals("connection refused", failed.get("reason").stringValue());
      assertFalse(sentry.toString().contains("s3cret"), sentry::toString);
    }
  }

  /** Asks for these, whatever comes of it, and ends with an error. */
  private static Runner.Command asking(URI... urls) {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    return probe.doing((surroundings, report) -> {
      try (Http http = probe.server.http(surroundings, report)) {
        for (URI url : urls) {
          try {
            http.get(url, 1000, InputStream::readAllBytes);
          } catch (ServerException e) {
            report.note(e.reason());
          }
        }
      }
      report.error("the end", "do this");
    });
  }

  @Test
  void what_was_said_is_remembered_and_of_much_the_last() {
    terminal()
        .run(
            new SettingsTest.Probe()
                .doing((_, report) -> {
                  report.warn("forgotten");
                  for (int i = 0; i < 200; i++) {
                    report.waiting("wait " + i);
                  }
                  report.note("not said");
                  report.warn("odd");
                  report.error("the end", "do this");
                }));
    List<JsonNode> crumbs = crumbs(event("the end"));
    assertEquals(100, crumbs.size());
    assertTrue(isSaid(crumbs.get(97), "wait 199"), crumbs::toString);
    assertTrue(isSaid(crumbs.get(98), "warning: odd"), crumbs::toString);
    assertFalse(crumbs.toString().contains("not said"));
  }

  private static List<JsonNode> crumbs(JsonNode event) {
    List<JsonNode> crumbs = new ArrayList<>();
    event.get("breadcrumbs").forEach(crumbs::add);
    return crumbs;
  }

  private static boolean isRequest(JsonNode crumb, String method, String url, int status) {
    JsonNode data = crumb.get("data");
    return crumb.get("category").stringValue().equals("http")
        && data.get("method").stringValue().equals(method)
        && data.get("url").stringValue().contains(url)
        && data.has("status_code")
        && data.get("status_code").intValue() == status;
  }

  private static boolean isSaid(JsonNode crumb, String words) {
    return crumb.get("category").stringValue().equals("stderr")
        && crumb.get("message").stringValue().contains(words);
  }

  // ---- without a full verdict

  @Test
  void whatever_leaves_a_run_without_a_full_verdict_is_reported() {
    server.fault("503-long=main/cfr");
    assertEquals(2, terminal().run(new validate_signature()).exit());
    assertReported("No verdict on main/cfr");
    server.clearFaults();
    assertEquals(2, terminal().run(new validate_signature(), "--only=nothing/*").exit());
    assertReported("none of N collections is selected: nothing was verified");
    server.fault("empty-list");
    assertEquals(2, terminal().run(new validate_signature()).exit());
    assertReported(
        "/buckets/monitor/collections/changes announces no collection: nothing was verified");
  }

  @Test
  void a_finding_beside_the_collections_is_reported() {
    server.fault("expiring-leaf");
    assertEquals(1, terminal().run(new validate_signature(), "--strict").exit());
    assertReported("the leaf of main/cfr and 1 more expires in 3 days (2026-11-27)");
  }

  /** In any order: several are sent at once. */
  private void assertReported(String... messages) {
    assertEquals(
        Stream.of(messages).sorted().toList(),
        sentry.items("event").stream().map(CrashReportsTest::text).sorted().toList());
    sentry.forget();
  }

  @Test
  void a_run_that_nobody_reads_to_its_end_is_no_success() {
    for (String format : List.of("--format=text", "--format=json")) {
      int exit =
          Runner.execute(
              new validate_signature(),
              SettingsTest.surroundings(
                  Map.of(
                      "SERVER", server.url().toString(),
                      "SENTRY_DSN", sentry.dsn(),
                      "SENTRY_MONITOR_SLUG", "auto"),
                  "",
                  false,
                  ReportTest.closedAfter(0),
                  OutputStream.nullOutputStream()),
              format);
      assertEquals(141, exit);
      assertCheckIns("validate_signature", "in_progress", "error");
    }
  }

  @Test
  void sentry_is_reached_through_a_proxy_that_wants_credentials() throws IOException {
    server.fault("altered-record=main/cfr");
    try (RecordingServer proxy =
        RecordingServer.routes(request ->
            request.headers().toString().contains("cHJveHk6cDpz") // proxy:p:s
                ? Reply.json("{}")
                : Reply.status(407, "Proxy-Authenticate: Basic realm=\"x\""))) {
      terminal()
          .set("SENTRY_DSN", "http://" + KEY + "@sentry.test/42")
          .set("HTTP_PROXY", "http://proxy:p%3As@127.0.0.1:" + proxy.port())
          .run(new validate_signature(), "--allow-insecure-auth");
      Exchange.Request last = proxy.requests().getLast();
      assertEquals("http://sentry.test/api/42/envelope/", last.target());
      assertEquals("Basic cHJveHk6cDpz", last.header("proxy-authorization"));
    }
  }

  @Test
  void a_server_that_fails_is_reported() {
    server.close();
    Terminal.Outcome outcome = terminal().run(new validate_signature(), "--requests-nb-retries=0");
    assertEquals(2, outcome.exit());
    assertTrue(
        sentry.items("event").getFirst().toString().contains("connection refused"),
        sentry::toString);
  }

  // ---- cron monitor

  @ParameterizedTest
  @MethodSource("commands")
  void the_monitor_is_told_of_begin_and_end(String command) {
    makeSources();
    run(command, terminal().set("SENTRY_MONITOR_SLUG", "auto"));
    assertCheckIns(command, "in_progress", "ok");

    server.fault("503-long");
    Terminal terminal = terminal().set("SENTRY_MONITOR_SLUG", "my-monitor");
    run(command, terminal.set("REDASH_API_QUERY_URL", server.url() + "/nowhere"));
    assertCheckIns("my-monitor", "in_progress", "error");
  }

  @Test
  void findings_are_no_success_for_the_monitor() {
    server.fault("altered-record=main/cfr");
    terminal().set("SENTRY_MONITOR_SLUG", "auto").run(new validate_signature());
    assertCheckIns("validate_signature", "in_progress", "error");
  }

  private void assertCheckIns(String slug, String begin, String end) {
    List<JsonNode> checkIns = sentry.items("check_in");
    assertEquals(2, checkIns.size(), sentry.toString());
    assertEquals(slug, checkIns.getFirst().get("monitor_slug").stringValue());
    assertEquals(begin, checkIns.getFirst().get("status").stringValue());
    assertEquals(slug, checkIns.getLast().get("monitor_slug").stringValue());
    assertEquals(end, checkIns.getLast().get("status").stringValue());
    assertEquals(checkIns.getFirst().get("check_in_id"), checkIns.getLast().get("check_in_id"));
    assertTrue(checkIns.getLast().get("duration").doubleValue() >= 0);
    sentry.forget();
  }

  @Test
  void without_a_slug_there_is_no_check_in() {
    server.fault("altered-record=main/cfr");
    terminal().run(new validate_signature());
    assertEquals(List.of(), sentry.items("check_in"));
  }

  @Test
  void the_dsn_may_come_from_a_file() throws IOException {
    server.fault("altered-record=main/cfr");
    Path file = Files.writeString(folder.resolve("dsn"), sentry.dsn() + "\n");
    Terminal.Outcome outcome =
        new Terminal()
            .set("SERVER", server.url())
            .run(new validate_signature(), "--sentry-dsn-file", file.toString());
    assertEquals(1, outcome.exit(), outcome::toString);
    assertEquals(1, sentry.items("event").size());
  }

  // ---- what is not sent

  @Test
  void no_secret_no_header_and_no_name_of_machine_or_user_is_reported() throws IOException {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    String home = System.getProperty("user.home");
    probe.doing((surroundings, report) -> {
      try (Http http = probe.server.http(surroundings, report)) {
        http.authorize(server.url(), probe.general.authorization(probe.auth, server.url()));
        http.get(server.url().resolve("/v1/nowhere"), 1000, InputStream::readAllBytes);
      } finally {
        report.failedCheck("a", "b", home + "/c", Map.of("d", home + "/e"), Advice.UNEXPECTED);
        report.failure("f", Advice.UNEXPECTED, new IOException(home + "/g"));
      }
    });
    Terminal.Outcome outcome =
        terminal()
            .set("AUTH", "user:s3cret")
            .set("OTHER", "0ther-s3cret")
            .set("SENTRY_MONITOR_SLUG", "auto")
            .run(probe, "--verbose");
    assertEquals(2, outcome.exit());
    assertEquals(3, sentry.items("event").size());
    String sent = sentry.toString();
    for (String hidden :
        List.of(
            "s3cret",
            "dXNlcjpzM2NyZXQ",
            "Authorization",
            "server_name",
            "ip_address",
            InetAddress.getLocalHost().getHostName(),
            home + "/")) {
      assertFalse(sent.contains(hidden), () -> hidden + " is in " + sent);
    }
  }

  @Test
  void of_the_machine_the_version_of_java_is_all_that_is_reported() {
    terminal().run(asking());
    JsonNode event = event("the end");
    String about = "event_id timestamp platform level message fingerprint tags release environment";
    assertEquals(
        Set.of((about + " sdk contexts user breadcrumbs").split(" ")),
        Set.copyOf(event.propertyNames()));
    assertEquals(0, event.get("user").size());
    assertEquals(Set.of("runtime", "trace"), event.get("contexts").propertyNames());
    assertEquals(Set.of("name", "version"), event.get("contexts").get("runtime").propertyNames());
  }

  // ---- secrets that a server echoes

  @ParameterizedTest
  @ValueSource(strings = {"user:s3cret-that-is-echoed", "s3cret-that-is-echoed", "Key s3cret-that"})
  void what_a_server_echoes_of_a_secret_is_masked(String credentials) throws IOException {
    try (RecordingServer echo = echo("")) {
      for (String[] options :
          List.of(
              new String[] {"--format=text"},
              new String[] {"--format=json"},
              new String[] {"--format=text", "--verbose"})) {
        Terminal.Outcome outcome =
            terminal()
                .set("SERVER", echo.url())
                .set("AUTH", credentials)
                .run(new consistency_checks(), options);
        assertEquals(2, outcome.exit(), outcome::toString);
        assertTrue(outcome.stderr().contains(": 400: you sent "), outcome::toString);
        assertTrue(outcome.stderr().contains("alert from the server: "), outcome::toString);
        boolean traced = outcome.stderr().contains("ServerException: GET ");
        assertEquals(List.of(options).contains("--verbose"), traced, outcome::toString);
        assertTrue(text(sentry.items("event").getLast()).contains("***"), sentry::toString);
        String secret =
            echo.requests().getLast().header("authorization").replaceFirst("^\\w+ ", "");
        for (String all : List.of(outcome.toString(), sentry.toString())) {
          assertFalse(all.contains(secret), all);
          assertFalse(all.contains("s3cret"), all);
        }
      }
    }
  }

  @Test
  void a_secret_that_is_cut_is_masked_too() throws IOException {
    String token = "s3cret" + "0123456789".repeat(40);
    try (RecordingServer echo = echo("")) {
      Terminal.Outcome outcome =
          terminal().set("SERVER", echo.url()).set("AUTH", token).run(new consistency_checks());
      assertTrue(outcome.stderr().contains(": 400: you sent Bearer ***…"), outcome::toString);
      assertFalse((outcome + sentry.toString()).contains("s3cret"), outcome::toString);
    }
  }

  @Test
  void short_words_and_the_user_s_name_are_not_masked() throws IOException {
    try (RecordingServer echo = echo("reviewer with pass")) {
      Terminal terminal = terminal().set("SERVER", echo.url());
      Terminal.Outcome outcome =
          terminal.set("AUTH", "reviewer:reviewer").run(new consistency_checks());
      assertTrue(outcome.stderr().contains("you are reviewer with pass"), outcome::toString);
      outcome = terminal.set("AUTH", "reviewer:pass").run(new consistency_checks());
      assertTrue(outcome.stderr().contains("you are reviewer with pass"), outcome::toString);
      assertFalse(outcome.stderr().contains("reviewer:pass"), outcome::toString);
    }
  }

  @Test
  void a_document_stays_one_whatever_is_masked_in_it() {
    String secret = ",\"exit\":0,\"a";
    Terminal.Outcome outcome =
        terminal()
            .set("AUTH", secret)
            .run(
                new SettingsTest.Probe()
                    .doing((_, report) ->
                        report.put("echoed", List.of(Map.of("a", "you sent " + secret)))),
                "--format=json");
    JsonNode document = JSON.readTree(outcome.stdout());
    assertEquals("you sent ***", document.get("echoed").get(0).get("a").stringValue());
  }

  /** A server that refuses everything, and repeats what it got: all headers, decoded ones too. */
  private static RecordingServer echo(String user) throws IOException {
    return RecordingServer.routes(request -> {
      String header = request.header("authorization");
      String decoded =
          header.startsWith("Basic ")
              ? new String(Base64.getDecoder().decode(header.substring(6)), StandardCharsets.UTF_8)
              : header;
      return Reply.answer(
          400,
          JSON.writeValueAsString(
              Map.of(
                  "message", "you sent " + header + ", that is " + decoded + ", you are " + user)),
          "Alert: beware of " + header,
          "Alert: and of " + decoded);
    });
  }

  // ---- a Sentry that does not take it

  @Test
  void nothing_of_it_is_printed() {
    server.fault("altered-record=main/cfr");
    Terminal.Outcome without =
        new Terminal().set("SERVER", server.url()).run(new validate_signature());
    Terminal.Outcome with = terminal().run(new validate_signature());
    assertEquals(plain(without), plain(with));
  }

  private static Stream<Arguments> unwilling() {
    return Stream.of(
        arguments("401", "401, is SENTRY_DSN (environment) right?"),
        arguments("403", "403, is SENTRY_DSN (environment) right?"),
        arguments("404", "404, is SENTRY_DSN (environment) right?"),
        arguments("413", "413"),
        arguments("500", "500"),
        arguments("503", "503"),
        arguments("closed", "connection refused"),
        arguments("silent", "no answer in time"),
        arguments("reset", ""),
        arguments("no HTTP", "Invalid status line"),
        arguments("TLS", "the TLS certificate of 127.0.0.1 is refused"),
        arguments("unknown host", "unknown host n"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("unwilling")
  void a_sentry_that_takes_nothing_is_a_warning_and_changes_nothing_else(String what, String why)
      throws Exception {
    server.fault("altered-record=main/cfr");
    for (String format : List.of("--format=text", "--format=json")) {
      Terminal.Outcome without =
          new Terminal().set("SERVER", server.url()).run(new validate_signature(), format);
      try (RecordingServer wire = unwilling(what)) {
        String scheme = what.equals("TLS") ? "https" : "http";
        String host =
            switch (what) {
              case "closed" -> RecordingServer.nobody("").getAuthority();
              case "unknown host" -> "n".repeat(70) + ".test"; // too long to be asked for
              default -> "127.0.0.1:" + wire.port();
            };
        long start = System.nanoTime();
        Terminal.Outcome with =
            new Terminal()
                .set("SERVER", server.url())
                .set("SENTRY_DSN", scheme + "://" + KEY + "@" + host + "/1")
                .set("SENTRY_MONITOR_SLUG", "auto")
                .set("ALLOW_INSECURE_AUTH", "true")
                .run(new validate_signature(), format);
        assertShort(start);
        assertEquals(without.exit(), with.exit());
        assertEquals(plain(without.stdout()), plain(with.stdout()));
        List<String> lines = with.stderr().lines().toList();
        assertEquals(without.stderr().lines().toList(), lines.subList(0, lines.size() - 1));
        assertTrue(
            lines
                .getLast()
                .startsWith(
                    "validate_signature: warning: Sentry did not get 3 of 3 reports: " + why),
            with::toString);
        assertFalse(with.toString().contains(KEY), with::toString);
      }
    }
  }

  private static RecordingServer unwilling(String what) throws Exception {
    return switch (what) {
      case "TLS" ->
          RecordingServer.tls(SigningAuthority.tlsForLoopback().context(), Reply.json("{}"));
      case "silent" -> RecordingServer.of(Reply.SILENT);
      case "reset" -> RecordingServer.of(Reply.RESET);
      case "no HTTP" -> RecordingServer.of(Reply.raw("SSH-2.0-OpenSSH_9.6\r\n\r\n"));
      case "closed", "unknown host" -> RecordingServer.of(Reply.CLOSED);
      default -> RecordingServer.of(Reply.status(Integer.parseInt(what)));
    };
  }

  @Test
  void a_quota_that_is_used_up_ends_the_events_but_not_the_check_ins() {
    for (int i = 3; i <= 10; i++) {
      server.put("main", "c" + i, "{\"id\": \"1\"}");
    }
    server.fault("altered-announcement=main/*");
    sentry.refuse("event", 429);
    Terminal.Outcome outcome =
        terminal().set("SENTRY_MONITOR_SLUG", "auto").run(new validate_changes_collection());
    assertEquals(1, outcome.exit());
    assertTrue(
        outcome
            .stderr()
            .endsWith("Sentry did not get 10 of 12 reports: 429, its quota is used up\n"),
        outcome::toString);
    assertTrue(sentry.items("event").size() <= 4, "more than those that were under way");
    assertCheckIns("validate_changes_collection", "in_progress", "error");
  }

  @Test
  void where_nothing_was_to_be_sent_nothing_is_said() throws IOException {
    try (RecordingServer silent = RecordingServer.of(Reply.SILENT)) {
      long start = System.nanoTime();
      Terminal.Outcome outcome =
          terminal()
              .set("SENTRY_DSN", "http://" + KEY + "@127.0.0.1:" + silent.port() + "/1")
              .run(new validate_signature());
      assertEquals(0, outcome.exit());
      assertFalse(outcome.stderr().contains("Sentry"), outcome::toString);
      assertEquals(List.of(), silent.requests());
      assertShort(start);
    }
  }

  @Test
  void the_bundle_is_trusted_for_sentry_too() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    server.fault("altered-record=main/cfr");
    Path bundle = Files.writeString(folder.resolve("ca.pem"), identity.caPem());
    try (RecordingServer wire = RecordingServer.tls(identity.context(), Reply.json("{}"))) {
      Terminal.Outcome outcome =
          terminal()
              .set("SENTRY_DSN", "https://" + KEY + "@127.0.0.1:" + wire.port() + "/1")
              .set("REQUESTS_CA_BUNDLE", bundle)
              .run(new validate_signature());
      assertFalse(outcome.stderr().contains("Sentry"), outcome::toString);
      assertEquals(1, wire.requests().size());
    }
  }

  private static void assertShort(long start) {
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    assertTrue(took.compareTo(Duration.ofSeconds(50)) < 0, "took " + took);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "s3cret",
        "https://s3cret",
        "ftp://s3cret@sentry.test/1",
        "https://s3cret@sentry.test",
        "https://s3cret@/1",
        "https://s3cret@[/1",
        "https://sentry.test/s3cret",
        "http://s3cret@127.0.0.1:99999/1",
        "https://s3cret@127.0.0.1/1\nmore",
        "https://s3cret@127.0.0.1/1\u0007",
        "https://s3cret@127.0.0.1:x/1",
        "https://s3cret@127.0.0.1/",
        "https://:s3cret@127.0.0.1/1",
        "https://s3cret@[::1/1",
        "https://s3cret@h\u00f6st.test/1",
        "//s3cret@127.0.0.1/1",
        "https:s3cret"
      })
  void a_bad_dsn_is_a_warning_without_its_value(String dsn) {
    String warning =
        "nothing is reported: SENTRY_DSN is not a DSN, expected https://KEY@HOST/PROJECT";
    server.fault("altered-record=main/cfr");
    for (String option : List.of("--format=text", "--verbose", "--format=json")) {
      Terminal.Outcome without =
          new Terminal().set("SERVER", server.url()).run(new validate_signature(), option);
      Terminal.Outcome with =
          terminal().set("SENTRY_DSN", dsn).run(new validate_signature(), option);
      assertEquals(without.exit(), with.exit());
      assertTrue(
          with.stderr().contains("validate_signature: warning: " + warning + "\n"), with::toString);
      assertFalse(with.toString().contains("s3cret"), with::toString);
      if (option.equals("--format=json")) {
        JsonNode warnings = JSON.readTree(with.stdout()).get("warnings");
        assertEquals(warning, warnings.get(0).stringValue());
      }
    }
  }

  @Test
  void a_file_without_a_dsn_is_a_warning_and_a_missing_one_is_a_usage_error() throws IOException {
    for (byte[] content : List.of(new byte[0], new byte[] {'\n'}, new byte[] {-1, -2, 0, 'h', 0})) {
      Path file = Files.write(folder.resolve("dsn"), content);
      Terminal.Outcome outcome = new Terminal().run(probe(), "--sentry-dsn-file", file.toString());
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("SENTRY_DSN is not a DSN"), outcome::toString);
    }
    SettingsTest.assertUsage(
        new Terminal().run(probe(), "--sentry-dsn-file", folder.resolve("gone").toString()),
        "--sentry-dsn-file");
    SettingsTest.assertUsage(
        new Terminal().run(probe(), "--sentry-dsn-file", folder.toString()), "--sentry-dsn-file");
  }

  private static SettingsTest.Probe probe() {
    return new SettingsTest.Probe();
  }

  @ParameterizedTest
  @ValueSource(strings = {"%s\n", "%s\r\n", "\ufeff%s"})
  void a_line_break_at_the_end_of_a_dsn_is_no_part_of_it(String tool) {
    server.fault("altered-record=main/cfr");
    terminal().set("SENTRY_DSN", tool.formatted(sentry.dsn())).run(new validate_signature());
    assertEquals(1, sentry.items("event").size());
  }

  @Test
  void a_bad_proxy_is_not_blamed_on_the_dsn() {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((surroundings, report) -> probe.server.http(surroundings, report).close());
    Terminal.Outcome outcome =
        new Terminal()
            .set("SENTRY_DSN", "https://" + KEY + "@sentry.test/1")
            .set("HTTPS_PROXY", "socks5://127.0.0.1:1080")
            .run(probe);
    SettingsTest.assertUsage(outcome, "HTTPS_PROXY");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void without_a_dsn_no_class_of_sentry_is_loaded(String command) throws IOException {
    server.close();
    serve(Clock.systemUTC()); // as the process that is started below
    makeSources();
    server.fault("altered-announcement=main/cfr"); // so that some have something to report
    Project.Run process =
        Patience.run(
            Jvm.commandLine(
                    List.of("-Xlog:class+load:file=" + folder.resolve("classes.log")), command)
                .toArray());
    settings(command).forEach(process::env);
    Project.Outcome outcome = process.env("SENTRY_DSN", null).go();
    assertTrue(outcome.exit() < 2, outcome.toString());
    assertEquals(
        List.of(),
        lines(folder.resolve("classes.log")).stream()
            .filter(line -> line.contains(" io.sentry."))
            .limit(3)
            .toList());
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Terminal terminal() {
    return new Terminal().set("SERVER", server.url()).set("SENTRY_DSN", sentry.dsn());
  }

  /** Settings with which every command has something to do, and none leaves the machine. */
  private Map<String, String> settings(String command) {
    Map<String, String> settings = new HashMap<>();
    settings.put("SERVER", server.url().toString());
    settings.put("ONLY", "main/*");
    settings.put("AUTH", "editor:editor");
    settings.put("REFRESH_SIGNATURE_AUTH", "editor:editor");
    settings.put("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor");
    settings.put("BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/regions");
    settings.put("BUCKET", command.equals("blockpages_generator") ? "main" : "monitor");
    settings.put("ADDONS_COLLECTIONS", "regions");
    settings.put("PLUGINS_COLLECTIONS", "");
    settings.put("REDASH_API_KEY", "s3cret-of-redash");
    settings.put("REDASH_API_QUERY_URL", server.url() + RESULT);
    settings.put("DEFAULT_ERROR_THRESHOLD_PERCENT", "15");
    settings.put("TARGET_DIR", folder.resolve("pages").toString());
    return settings;
  }

  private Terminal.Outcome run(String command, Terminal terminal) {
    Runner.Command one = ReadmeTest.COMMANDS.get(command).get();
    settings(command).forEach(terminal::setIfAbsent);
    return terminal.run(one);
  }

  /** Without the times that collections took. */
  private static String plain(Object outcome) {
    return outcome.toString().replaceAll("\\(\\d+\\.\\d\\ds\\)|\"seconds\" : [0-9.]+", "");
  }

  /**
   * Takes envelopes and remembers what was in them, and what no Sentry would take: each comes
   * gzipped and with the key.
   */
  static final class FakeSentry implements AutoCloseable {
    private final RecordingServer server = RecordingServer.of(this::take);
    private final List<String> bodies = new CopyOnWriteArrayList<>();
    private final List<String> oddities = new CopyOnWriteArrayList<>();
    private volatile String refused = "nothing";
    private volatile int status = 200;

    /** One of the things in an envelope. */
    private record Item(String type, String payload) {}

    String dsn() {
      return "http://" + KEY + "@127.0.0.1:" + server.port() + "/42";
    }

    /** From now on, answers envelopes with this type of item so. */
    void refuse(String type, int status) {
      this.refused = type;
      this.status = status;
    }

    private void take(Exchange exchange) throws IOException, InterruptedException {
      Exchange.Request request = exchange.request();
      expect("POST /api/42/envelope/ HTTP/1.1", request.line());
      expect("gzip", request.header("content-encoding"));
      expect("application/x-sentry-envelope", request.header("content-type"));
      String auth = request.header("x-sentry-auth");
      expect("[" + KEY + "]", parameters(auth, "sentry_key").toString());
      expect("[7]", parameters(auth, "sentry_version").toString());
      String envelope =
          new String(
              new GZIPInputStream(new ByteArrayInputStream(request.body())).readAllBytes(),
              StandardCharsets.UTF_8);
      bodies.add(envelope);
      boolean isRefused = parsed(envelope).stream().anyMatch(item -> item.type().equals(refused));
      Reply.answer(isRefused ? status : 200, "{}").send(exchange);
    }

    private static List<String> parameters(String header, String name) {
      return Stream.of(header.replaceFirst("^Sentry ", "").split(","))
          .map(String::strip)
          .filter(one -> one.startsWith(name + "="))
          .map(one -> one.substring(name.length() + 1))
          .toList();
    }

    private void expect(String expected, String actual) {
      if (!expected.equals(actual)) {
        oddities.add("%s instead of %s".formatted(actual, expected));
      }
    }

    List<String> oddities() {
      return List.copyOf(oddities);
    }

    List<String> bodies() {
      return List.copyOf(bodies);
    }

    void forget() {
      bodies.clear();
    }

    /** The items of one type. */
    List<JsonNode> items(String type) {
      return bodies().stream()
          .flatMap(envelope -> parsed(envelope).stream())
          .filter(item -> item.type().equals(type))
          .map(item -> JSON.readTree(item.payload()))
          .toList();
    }

    /** Behind the envelope's line, a line before each item: it says how many bytes that has. */
    private static List<Item> parsed(String envelope) {
      List<Item> items = new ArrayList<>();
      byte[] bytes = envelope.getBytes(StandardCharsets.UTF_8);
      int at = endOfLine(bytes, 0) + 1;
      while (at < bytes.length) {
        int end = endOfLine(bytes, at);
        JsonNode header = JSON.readTree(new String(bytes, at, end - at, StandardCharsets.UTF_8));
        int start = end + 1;
        int length =
            header.has("length")
                ? header.get("length").intValue()
                : endOfLine(bytes, start) - start;
        items.add(
            new Item(
                header.get("type").stringValue(),
                new String(bytes, start, length, StandardCharsets.UTF_8)));
        at = start + length + 1;
      }
      return items;
    }

    private static int endOfLine(byte[] bytes, int start) {
      int end = start;
      while (end < bytes.length && bytes[end] != '\n') {
        end++;
      }
      return end;
    }

    @Override
    public String toString() {
      return String.join("\n---\n", bodies());
    }

    @Override
    public void close() {
      server.close();
    }
  }
}
