//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.2.4
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/CrashReports.java
//SOURCES ../common/Settings.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES HttpTest.java
//SOURCES Project.java
//SOURCES RemoteSettingsServer.java
//SOURCES ReportTest.java
//SOURCES SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import common.Settings;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Crash reports as a Sentry of our own on loopback receives them, and as they fail to reach one.
 */
@Timeout(60)
class CrashReportsTest {

  private static final JsonMapper JSON = new JsonMapper();
  private static final String KEY = "publickeyofthetests";

  @TempDir Path folder;

  private FakeSentry sentry;
  private RemoteSettingsServer server;

  @BeforeEach
  void start() throws IOException {
    sentry = new FakeSentry();
    server =
        RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC)).start();
    server.publish("main", "cfr", "{\"id\": \"1\", \"text\": \"abc\"}");
    server.publish("main", "regions", "{\"id\": \"1\", \"text\": \"abc\"}");
  }

  @AfterEach
  void stop() {
    server.close();
    sentry.close();
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
        event.get("release").stringValue().endsWith(Settings.VERSION),
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
  void timestamps_that_differ_are_reported_in_one_message() {
    server.fault("404=main/cfr");
    server.fault("altered-announcement=main/regions");
    long found = server.timestamp("main", "regions");
    assertEquals(1, terminal().run(new validate_changes_collection()).exit());
    JsonNode extra = sentry.items("event").getFirst().get("extra");
    assertEquals(
        "%d != %d".formatted(found - 1000, found), extra.get("main/regions").stringValue());
    assertTrue(extra.get("main/cfr").stringValue().endsWith(" != not readable: 404"));
    assertReported("Timestamps differ on main/cfr, main/regions");
    server.clearFaults();
    server.fault("503-long=main/cfr");
    assertEquals(2, terminal().run(new validate_changes_collection()).exit());
    assertReported("No verdict on main/cfr");
  }

  private void makeSources() {
    for (String name : List.of("cfr", "regions")) {
      for (String bucket : List.of("main-workspace", "main-preview")) {
        server.put(bucket, name, "{\"id\": \"1\", \"text\": \"abc\"}");
      }
      server.edit("main-workspace", name, attributes -> attributes.put("status", "signed"));
    }
  }

  @Test
  void inconsistent_collections_are_reported_in_one_message() {
    makeSources();
    server.fault("altered-record=main/regions");
    server.fault("503-long=main-workspace/cfr");
    Terminal terminal = terminal().set("AUTH", "editor:editor");
    assertEquals(2, terminal.run(new consistency_checks(), "--only", "main/*").exit());
    JsonNode extra = sentry.items("event").getFirst().get("extra");
    assertTrue(extra.get("main/regions").stringValue().contains("differs in text: "));
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
    JsonNode extra = sentry.items("event").getLast().get("extra");
    assertTrue(extra.get("main-workspace/cfr").stringValue().contains("missing: new (403: "));
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
        "record odd of blocklists/addons has no page: blockID \"../x\" is no name for a page",
        "1 of 2 pages failed: the index stays as it was, and nothing is deleted",
        "Not published: good.html");
  }

  @Test
  void a_run_without_findings_reports_nothing() {
    assertEquals(0, terminal().run(new validate_signature()).exit());
    assertEquals(List.of(), sentry.bodies());
  }

  @Test
  void a_bug_is_reported_with_its_trace() {
    SettingsTest.Probe probe =
        new SettingsTest.Probe()
            .doing((_, _) -> {
              throw new IllegalStateException("a bug of the tests");
            });
    Terminal.Outcome outcome = terminal().run(probe);
    assertEquals(2, outcome.exit());
    JsonNode event = sentry.items("event").getFirst();
    assertEquals("fatal", event.get("level").stringValue());
    JsonNode exception = event.get("exception").get("values").get(0);
    assertEquals("IllegalStateException", exception.get("type").stringValue());
    assertEquals("a bug of the tests", exception.get("value").stringValue());
    assertTrue(exception.get("stacktrace").toString().contains("CrashReportsTest"));
  }

  @Test
  void whatever_leaves_a_run_without_a_full_verdict_is_reported() {
    server.fault("503-long=main/cfr");
    assertEquals(2, terminal().run(new validate_signature()).exit());
    assertReported("No verdict on main/cfr");
    server.clearFaults();
    assertEquals(2, terminal().run(new validate_signature(), "--only=nothing/*").exit());
    assertReported("none of 2 collections is selected: nothing was verified");
    server.fault("empty-list");
    assertEquals(2, terminal().run(new validate_signature()).exit());
    assertReported(
        "/buckets/monitor/collections/changes announces no collection: nothing was verified");
  }

  @Test
  void a_finding_beside_the_collections_is_reported() {
    server.fault("expiring-leaf");
    assertEquals(1, terminal().run(new validate_signature(), "--strict").exit());
    assertReported("the leaf of main/cfr and 1 more ends in 3 days (2026-11-27)");
  }

  private void assertReported(String... messages) {
    assertEquals(
        List.of(messages),
        sentry.items("event").stream()
            .map(event -> event.get("message").get("formatted").stringValue())
            .toList());
    sentry.forget();
  }

  @Test
  void a_run_that_nobody_reads_to_its_end_is_no_success() {
    for (String format : List.of("--format=text", "--format=json")) {
      int exit =
          Settings.execute(
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
    try (HttpTest.Wire proxy =
        HttpTest.Wire.routes(asked ->
            asked.headers().toString().contains("cHJveHk6cDpz") // proxy:p:s
                ? HttpTest.Wire.json("{}")
                : HttpTest.Wire.status(407, "Proxy-Authenticate: Basic realm=\"x\""))) {
      terminal()
          .set("SENTRY_DSN", "http://" + KEY + "@sentry.test/42")
          .set("HTTP_PROXY", "http://proxy:p%3As@127.0.0.1:" + proxy.port())
          .run(new validate_signature(), "--allow-insecure-auth");
      HttpTest.Asked last = proxy.asked().getLast();
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

  @Test
  void the_monitor_is_told_of_begin_and_end() {
    Terminal.Outcome outcome =
        terminal().set("SENTRY_MONITOR_SLUG", "auto").run(new validate_signature());
    assertEquals(0, outcome.exit());
    assertCheckIns("validate_signature", "in_progress", "ok");

    server.fault("altered-record=main/cfr");
    terminal().set("SENTRY_MONITOR_SLUG", "my-monitor").run(new validate_signature());
    assertCheckIns("my-monitor", "in_progress", "error");
    server.clearFaults();
    server.close();
    terminal()
        .set("SENTRY_MONITOR_SLUG", "auto")
        .run(new validate_signature(), "--requests-nb-retries=0");
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

  @Test
  void no_secret_no_header_and_no_host_name_is_reported() throws IOException {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((surroundings, report) -> {
      try (common.Http http = probe.server.http("probe", surroundings, report)) {
        http.authorize(server.url(), probe.general.authorization("AUTH", probe.auth, server.url()));
        http.get(server.url().resolve("/v1/nowhere"), 1000, java.io.InputStream::readAllBytes);
      }
    });
    Terminal.Outcome outcome =
        terminal().set("AUTH", "user:s3cret").set("OTHER", "0ther-s3cret").run(probe, "--verbose");
    assertEquals(2, outcome.exit());
    String sent = String.join("\n", sentry.bodies());
    assertEquals(1, sentry.items("event").size());
    for (String hidden :
        List.of(
            "s3cret",
            "dXNlcjpzM2NyZXQ",
            "Authorization",
            "server_name",
            InetAddress.getLocalHost().getHostName(),
            System.getProperty("user.home") + "/")) {
      assertFalse(sent.contains(hidden), () -> hidden + " is in " + sent);
    }
  }

  @Test
  void nothing_of_it_is_printed() {
    server.fault("altered-record=main/cfr");
    Terminal.Outcome without =
        new Terminal().set("SERVER", server.url()).run(new validate_signature());
    Terminal.Outcome with = terminal().run(new validate_signature());
    assertEquals(plain(without), plain(with));
  }

  @Test
  void a_sentry_that_cannot_be_reached_changes_nothing() throws IOException {
    server.fault("altered-record=main/cfr");
    Terminal.Outcome without =
        new Terminal().set("SERVER", server.url()).run(new validate_signature());
    int closed;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      closed = socket.getLocalPort();
    }
    long start = System.nanoTime();
    Terminal.Outcome with =
        terminal()
            .set("SENTRY_DSN", "http://" + KEY + "@127.0.0.1:" + closed + "/1")
            .set("SENTRY_MONITOR_SLUG", "auto")
            .run(new validate_signature());
    assertShort(start);
    assertEquals(plain(without), plain(with));
  }

  @Test
  void a_sentry_that_is_silent_delays_the_end_a_little() throws IOException {
    server.fault("altered-record=main/cfr");
    Terminal.Outcome without =
        new Terminal().set("SERVER", server.url()).run(new validate_signature());
    try (HttpTest.Wire silent = HttpTest.Wire.of(HttpTest.Wire.SILENT)) {
      long start = System.nanoTime();
      Terminal.Outcome with =
          terminal()
              .set("SENTRY_DSN", "http://" + KEY + "@127.0.0.1:" + silent.port() + "/1")
              .set("SENTRY_MONITOR_SLUG", "auto")
              .run(new validate_signature());
      assertShort(start);
      assertEquals(plain(without), plain(with));
    }
  }

  private static void assertShort(long start) {
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    assertTrue(took.compareTo(Duration.ofSeconds(4)) < 0, "took " + took);
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
        "http://s3cret@127.0.0.1:99999/1"
      })
  void a_bad_dsn_is_a_usage_error_without_its_value(String dsn) {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    for (String[] args : List.of(new String[0], new String[] {"--verbose"})) {
      Terminal.Outcome outcome = new Terminal().set("SENTRY_DSN", dsn).run(probe, args);
      SettingsTest.assertUsage(outcome, "SENTRY_DSN");
      assertFalse(outcome.toString().contains("s3cret"), outcome::toString);
    }
  }

  @Test
  void a_bad_proxy_is_not_blamed_on_the_dsn() {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((surroundings, report) -> probe.server.http("probe", surroundings, report).close());
    Terminal.Outcome outcome =
        new Terminal()
            .set("SENTRY_DSN", "https://" + KEY + "@sentry.test/1")
            .set("HTTPS_PROXY", "socks5://127.0.0.1:1080")
            .run(probe);
    SettingsTest.assertUsage(outcome, "HTTPS_PROXY");
  }

  @Test
  void without_a_dsn_no_class_of_sentry_is_loaded() {
    Project.Outcome outcome =
        Project.run(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                "-Xlog:class+load:file=" + folder.resolve("classes.log"),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "validate_signature",
                "--server=" + server.url())
            .env("SENTRY_DSN", null)
            .go();
    assertEquals(0, outcome.exit(), outcome.toString());
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

  /** Without the times that collections took. */
  private static String plain(Terminal.Outcome outcome) {
    return outcome.toString().replaceAll("\\(\\d+\\.\\d\\ds\\)", "");
  }

  /** Takes envelopes and remembers what was in them. */
  private static final class FakeSentry implements AutoCloseable {
    private final HttpServer http;
    private final List<String> bodies = new ArrayList<>();

    FakeSentry() throws IOException {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 10);
      http.createContext("/api/42/envelope/", this::take);
      http.start();
    }

    String dsn() {
      return "http://" + KEY + "@127.0.0.1:" + http.getAddress().getPort() + "/42";
    }

    private void take(HttpExchange exchange) throws IOException {
      try (exchange) {
        byte[] body = exchange.getRequestBody().readAllBytes();
        if ("gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"))) {
          body = new GZIPInputStream(new ByteArrayInputStream(body)).readAllBytes();
        }
        synchronized (bodies) {
          bodies.add(new String(body, StandardCharsets.UTF_8));
        }
        byte[] answer = "{}".getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, answer.length);
        exchange.getResponseBody().write(answer);
      }
    }

    List<String> bodies() {
      synchronized (bodies) {
        return List.copyOf(bodies);
      }
    }

    void forget() {
      synchronized (bodies) {
        bodies.clear();
      }
    }

    /** The items of one type: in an envelope, a header line stands before each. */
    List<JsonNode> items(String type) {
      List<JsonNode> items = new ArrayList<>();
      for (String body : bodies()) {
        List<String> lines = body.lines().toList();
        for (int i = 1; i + 1 < lines.size(); i += 2) {
          if (JSON.readTree(lines.get(i)).get("type").stringValue().equals(type)) {
            items.add(JSON.readTree(lines.get(i + 1)));
          }
        }
      }
      return items;
    }

    @Override
    public String toString() {
      return String.join("\n---\n", bodies());
    }

    @Override
    public void close() {
      http.stop(0);
    }
  }
}
