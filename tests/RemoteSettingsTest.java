//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Exchange.java
//SOURCES ../common/signature/ChainAddresses.java
//SOURCES ../common/Guard.java
//SOURCES ../common/Http.java
//SOURCES RecordingServer.java
//SOURCES ../common/RemoteSettings.java
//SOURCES HttpTest.java
//SOURCES Reply.java
//SOURCES ../server/SigningAuthority.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.Batch;
import common.Changesets;
import common.Changesets.Changeset;
import common.Changesets.SignedRecord;
import common.Guard;
import common.Http;
import common.Place;
import common.Proxies;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.ServerException;
import common.ServerInfo;
import common.SignedResources;
import common.UsageException;
import common.signature.ChainAddresses;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The client of Remote Settings: the shapes it accepts and refuses, pages, servers without
 * changesets, collections that change while they are read.
 *
 * <p>The server says what each test puts into {@code answers}, by path; 404 to all else.
 */
class RemoteSettingsTest {

  private static final String LIST = "/v1/buckets/monitor/collections/changes";
  private static final String PLACE = "/v1/buckets/main/collections/cfr";
  private static final Announced ENTRY = new Announced("main", "cfr", 200, null);

  @TempDir Path folder;

  private final HttpTest.Time time = new HttpTest.Time(Instant.parse("2026-11-24T12:00:00Z"));
  private final Map<String, Reply> answers = new HashMap<>();
  private Reply everythingElse = Reply.status(404);
  private RecordingServer server;
  private Http http;
  private RemoteSettings remote;

  @BeforeEach
  void start() throws Exception {
    server =
        RecordingServer.routes(request ->
            answers.getOrDefault(
                request.target(), answers.getOrDefault(request.path(), everythingElse)));
    http = http(null);
    remote = new RemoteSettings(http, server.url("/v1"), 1024 * 1024);
  }

  private Http http(Path caBundle) throws UsageException {
    return new Http(
        new Http.Limits(
            "test/1",
            Duration.ofSeconds(10),
            Duration.ofSeconds(20),
            1,
            4,
            caBundle,
            Proxies.of(Map.of()),
            new Http.Names("SERVER", "REQUESTS_TIMEOUT_SECONDS")),
        time,
        time,
        _ -> {},
        _ -> {},
        null);
  }

  @AfterEach
  void stop() throws IOException {
    http.close();
    server.close();
  }

  // ---- the list of collections

  @Test
  void the_list_is_read_from_the_changeset_in_its_order() throws Exception {
    answer(
        LIST + "/changeset",
        """
        {"metadata": {}, "timestamp": 3, "changes": [
          {"id": "2", "bucket": "main", "collection": "z", "last_modified": 300},
          {"id": "1", "bucket": "blocklists", "collection": "a_1-b", "last_modified": 200}
        ]}\
        """);
    assertEquals(
        List.of(
            new Announced("main", "z", 300, null), new Announced("blocklists", "a_1-b", 200, null)),
        announced());
    assertEquals(1, server.requests().size());
  }

  @Test
  void the_list_is_asked_for_past_the_caches() throws Exception {
    answer(LIST + "/changeset", "{\"changes\": []}");
    announced();
    announced();
    List<String> targets = server.requests().stream().map(Exchange.Request::target).toList();
    assertTrue(targets.getFirst().matches(".*\\?_expected=\\d+"), targets.toString());
    assertNotEquals(targets.getFirst(), targets.getLast());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[42] | is not an object",
        "\"text\" | is not an object",
        "null | is not an object",
        "{} | changes is not a list",
        "{\"changes\": {}} | changes is not a list",
        "{\"changes\": null} | changes is not a list",
        "{\"data\": []} | changes is not a list"
      })
  void a_list_of_another_shape_is_refused(String body, String reason) {
    answer(LIST + "/changeset", body);
    ServerException failure = assertThrows(ServerException.class, this::announced);
    assertTrue(failure.reason().startsWith("unexpected answer: "), failure.reason());
    assertTrue(failure.reason().endsWith(reason), failure.reason());
    assertEquals(List.of(), time.pauses(), "asking again would not help");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "42",
        "null",
        "[]",
        "{}",
        "{\"collection\": \"cfr\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"last_modified\": 1}",
        "{\"bucket\": 1, \"collection\": \"cfr\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": null, \"last_modified\": 1}",
        "{\"bucket\": \"..\", \"collection\": \"cfr\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": \"..\", \"last_modified\": 1}",
        "{\"bucket\": \"main/../x\", \"collection\": \"cfr\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": \"cfr?x=1\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\\n\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": \"\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": \"%2e%2e\", \"last_modified\": 1}",
        "{\"bucket\": \"m\u0430in\", \"collection\": \"cfr\", \"last_modified\": 1}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\"}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": 0}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": -1}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": \"1\"}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": 1.5}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": 1e400}",
        "{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": 99999999999999999999}"
      })
  void an_entry_that_names_no_collection_is_a_problem_of_its_own(String entry) throws Exception {
    answer(
        LIST + "/changeset",
        "{\"changes\": [%s, {\"bucket\": \"a\", \"collection\": \"b\", \"last_modified\": 1}]}"
            .formatted(entry));
    List<Announced> entries = announced();
    assertEquals(2, entries.size());
    assertTrue(entries.getFirst().problem() != null, entries.toString());
    assertEquals(new Announced("a", "b", 1, null), entries.getLast());
  }

  @ParameterizedTest
  @ValueSource(ints = {404, 405})
  void a_server_without_changesets_lists_records_page_by_page(int status) throws Exception {
    answers.put(LIST + "/changeset", Reply.status(status));
    page(LIST + "/records", "a", LIST + "/records?_token=2");
    page(LIST + "/records?_token=2", "b", "records?_token=3");
    page(LIST + "/records?_token=3", "c", null);
    assertEquals(List.of("x/a", "x/b", "x/c"), announced().stream().map(Announced::name).toList());
  }

  @Test
  void a_list_that_is_nowhere_makes_one_look_at_the_server_s_url() {
    ServerException failure = assertThrows(ServerException.class, this::announced);
    assertEquals(404, failure.status());
    assertTrue(failure.getMessage().contains(LIST + "/records: 404"), failure.getMessage());
    assertEquals("is SERVER right, with the version at its end (/v1)?", failure.hint());
  }

  @Test
  void an_error_of_the_list_is_no_reason_to_ask_the_old_way() {
    for (int status : new int[] {401, 403, 500}) {
      answers.put(LIST + "/changeset", Reply.status(status));
      page(LIST + "/records", "a", null);
      assertEquals(status, assertThrows(ServerException.class, this::announced).status());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://localhost:%d/v1/x",
        "https://127.0.0.1:%d/v1/x",
        "http://127.0.0.1:1/v1/x",
        "//elsewhere.test/v1/x",
        "file:///etc/passwd",
        "http://[",
        "mailto:x@y.test"
      })
  void a_page_of_another_origin_is_refused(String link) {
    page(LIST + "/records", "a", link.formatted(server.port()));
    http.authorize(server.url(), "Bearer t0ken");
    ServerException failure = assertThrows(ServerException.class, this::announced);
    assertTrue(failure.getMessage().contains("Next-Page"), failure.getMessage());
    assertEquals(2, server.requests().size());
  }

  @ParameterizedTest
  @CsvSource({
    // how the server names itself behind a proxy, and what to set; PORT is the proxy's
    "http://127.0.0.1:PORT, http_scheme = https",
    "http://inner:8888, http_scheme = https and http_host = 127.0.0.1:PORT",
    "https://inner, http_host = 127.0.0.1:PORT",
  })
  void a_page_of_a_server_behind_a_proxy_tells_what_to_set(String named, String settings)
      throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    AtomicReference<String> next = new AtomicReference<>();
    Path bundle = Files.writeString(folder.resolve("ca.pem"), identity.caPem());
    try (RecordingServer proxy =
            RecordingServer.tls(
                identity.context(),
                Reply.status(404),
                exchange ->
                    Reply.json("{\"data\": []}", "Next-Page: " + next.get()).send(exchange));
        Http secure = http(bundle)) {
      String port = Integer.toString(proxy.port());
      String origin = named.replace("PORT", port);
      next.set(origin + LIST + "/records?_token=2");
      RemoteSettings behind = new RemoteSettings(secure, proxy.url("/v1"), 1024 * 1024);
      ServerException failure =
          assertThrows(ServerException.class, () -> behind.announced("monitor", "changes"));
      assertEquals(
          "Next-Page leads to %s, which is not followed from https://127.0.0.1:%s"
              .formatted(origin, port),
          failure.reason());
      assertEquals(
          "if that is the server itself, set %s in its .ini"
                  .formatted(settings.replace("PORT", port))
              + " (/v2: have the proxy send X-Forwarded-Proto and Host)",
          failure.hint());
      assertEquals(2, proxy.requests().size());
    }
  }

  @Test
  void pages_on_the_same_origin_get_the_credentials() throws Exception {
    page(LIST + "/records", "a", server.url(LIST + "/records?_token=2").toString());
    page(LIST + "/records?_token=2", "b", null);
    http.authorize(server.url(), "Bearer t0ken");
    assertEquals(2, announced().size());
    server
        .requests()
        .forEach(request -> assertEquals("Bearer t0ken", request.header("authorization")));
  }

  @Test
  void pages_that_lead_in_a_circle_are_an_error() {
    page(LIST + "/records", "a", LIST + "/records?_token=2");
    page(LIST + "/records?_token=2", "b", LIST + "/records");
    assertThrows(ServerException.class, this::announced);
    assertEquals(3, server.requests().size());
  }

  @Test
  void the_next_page_may_be_named_by_its_query_or_not_at_all() throws Exception {
    answers.put(LIST + "/changeset", Reply.status(404));
    page(LIST + "/records", "a", "?_token=2");
    page(LIST + "/records?_token=2", "b", "");
    assertEquals(List.of("x/a", "x/b"), announced().stream().map(Announced::name).toList());
  }

  @Test
  void a_circle_is_one_whatever_part_of_the_page_is_named() {
    answers.put(LIST + "/changeset", Reply.status(404));
    AtomicInteger number = new AtomicInteger();
    answers.put(
        LIST + "/records",
        exchange ->
            Reply.json(
                    "{\"data\": []}", "Next-Page: " + LIST + "/records#" + number.incrementAndGet())
                .send(exchange));
    ServerException failure = assertThrows(ServerException.class, this::announced);
    assertTrue(failure.reason().contains("loop"), failure.reason());
  }

  @Test
  void what_the_list_says_of_a_collection_is_read_again_past_the_caches() throws Exception {
    answer(
        LIST + "/changeset",
        """
        {"changes": [
          {"bucket": "main-preview", "collection": "cfr", "last_modified": 500},
          {"bucket": "main", "collection": "cfr", "last_modified": 300}
        ]}\
        """);
    assertEquals(
        Optional.of(new Announced("main", "cfr", 300, null)),
        remote.announced("monitor", "changes", ENTRY),
        "whether the server knows the filter or not");
    assertTrue(
        targets()
            .getFirst()
            .matches(".*/changeset\\?_expected=9999\\d{9}&bucket=main&collection=cfr"),
        targets().toString());
  }

  @Test
  void a_collection_that_is_announced_no_more_is_empty() throws Exception {
    answer(LIST + "/changeset", "{\"changes\": []}");
    assertEquals(Optional.empty(), remote.announced("monitor", "changes", ENTRY));
  }

  @Test
  void a_server_without_changesets_sends_its_list_again() throws Exception {
    answers.put(
        LIST + "/records",
        Reply.json(
            "{\"data\": [{\"bucket\": \"main\", \"collection\": \"cfr\", \"last_modified\": 3}]}"));
    assertEquals(3, remote.announced("monitor", "changes", ENTRY).orElseThrow().timestamp());
  }

  // ---- timestamps

  @Test
  void a_timestamp_is_the_changeset_s_as_clients_ask_or_what_is_newer_past_the_caches()
      throws Exception {
    answer(PLACE + "/changeset?_expected=200", "{\"timestamp\": 100, \"changes\": []}");
    answer(PLACE + "/changeset", "{\"timestamp\": 200, \"changes\": []}");
    assertEquals(100, remote.timestamp(ENTRY));
    assertEquals(200, remote.timestampPastCaches(ENTRY));
    assertTrue(
        targets().getLast().matches(".*\\?_expected=9999\\d{9}&_since=200"), targets().toString());
    server.requests().forEach(request -> assertEquals("GET", request.method()));
  }

  @Test
  void a_reader_that_does_not_know_the_moment_redirects_to_the_whole_changeset() throws Exception {
    String whole = PLACE + "/changeset?_expected=9999123456789";
    answers.put(PLACE + "/changeset", Reply.answer(307, "", "Location: " + server.url(whole)));
    answer(whole, changeset("{\"id\": \"a\"}"));
    assertEquals(200, remote.timestampPastCaches(ENTRY));
  }

  @ParameterizedTest
  @CsvSource({"400, ''", "307, Location: file:///etc/passwd"})
  void a_server_that_does_not_take_the_moment_is_asked_for_everything(int status, String header)
      throws Exception {
    everythingElse =
        exchange ->
            (exchange.request().query().contains("&_since=200")
                    ? Reply.status(status, header.isEmpty() ? "X: y" : header)
                    : Reply.json("{\"timestamp\": 300}"))
                .send(exchange);
    assertEquals(300, remote.timestampPastCaches(ENTRY));
    assertTrue(targets().getLast().matches(".*\\?_expected=9999\\d{9}"), targets().toString());
    assertEquals(2, server.requests().size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'metadata': {'timestamp': 1}, 'timestamp': 200, 'changes': [{'timestamp': 2}]}", // /v1
        "{'timestamp': 200, 'metadata': {'timestamp': 1}, 'changes': [{'timestamp': 2}]}", // /v2
        "{'changes': [{'timestamp': 1}, [[]], 'x', 1.5e3, null], 'metadata': {}, 'timestamp': 200}",
        "{'timestamp': 200, 'changes': [",
        "{'timestamp': 200, <html>",
      })
  void the_timestamp_is_found_wherever_it_is_and_what_follows_is_not_read(String changeset)
      throws Exception {
    answer(PLACE + "/changeset", changeset.replace("'", "\""));
    assertEquals(200, remote.timestamp(ENTRY));
  }

  @Test
  void the_records_before_a_timestamp_are_read_past_but_count_for_the_limit() throws Exception {
    String record = "{\"id\": \"%s\"},".formatted("x".repeat(100_000));
    answer(PLACE + "/changeset", "{\"changes\": [" + record.repeat(10) + "1], \"timestamp\": 2}");
    assertEquals(2, remote.timestamp(ENTRY));
    answer(PLACE + "/changeset", "{\"changes\": [" + record.repeat(11) + "1], \"timestamp\": 2}");
    ServerException failure = assertThrows(ServerException.class, () -> remote.timestamp(ENTRY));
    assertEquals("the answer is larger than 1 MiB", failure.reason());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[] | unexpected answer: it is not an object",
        "{} | unexpected answer: timestamp is missing",
        "{\"changes\": []} | unexpected answer: timestamp is missing",
        "{\"timestamp\": null} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": \"200\"} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": 200.5} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": -1} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": [200]} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": {}} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": 99999999999999999999} |"
            + " unexpected answer: timestamp is not epoch milliseconds",
        "{\"changes\": [ | not JSON: Unexpected end-of-input (line 1, column 14) (after 2"
            + " attempts)",
      })
  void a_changeset_without_a_timestamp_is_an_error(String changeset, String reason) {
    answer(PLACE + "/changeset", changeset);
    ServerException failure = assertThrows(ServerException.class, () -> remote.timestamp(ENTRY));
    assertEquals(reason, failure.reason());
  }

  // on a server without changesets

  @Test
  void a_timestamp_is_the_etag_of_the_records_as_clients_ask_or_past_the_caches() throws Exception {
    oldServer();
    answers.put(PLACE + "/records?_expected=200", Reply.answer(200, "", "ETag: \"100\""));
    answers.put(PLACE + "/records", Reply.answer(200, "", "ETag: \"200\""));
    assertEquals(100, remote.timestamp(ENTRY));
    assertEquals(200, remote.timestampPastCaches(ENTRY));
    assertEquals("HEAD", server.requests().getLast().method());
    assertTrue(targets().getLast().matches(".*\\?_expected=9999\\d{9}"), targets().toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"200\"",
        "W/\"200\"", // nginx, HAProxy, Varnish
        "\"200-gzip\"", // Apache
        "\"200-br\"",
        "W/\"200-gzip\"", // nginx before Apache
        "\"200-df\"", // Traffic Server
        "\"200--gzip\"", // Jetty
        "\"200;gzip\"",
        "\"200;gz\"", // LiteSpeed
        "\"200;br\"",
        "\"200;;;\"", // LiteSpeed, not compressed
        "\"200-zstd\"",
      })
  void the_etag_as_whoever_compresses_rewrites_it_is_a_timestamp(String etag) throws Exception {
    oldServer();
    answers.put(PLACE + "/records", Reply.answer(200, "", "ETag: " + etag));
    assertEquals(200, remote.timestamp(ENTRY));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "200",
        "\"\"",
        "\"abc\"",
        "\"-200\"",
        "\"200.5\"",
        "\"200-1\"",
        "\"200-\"",
        "\"200;\"",
        "\"200gzip\"",
        "\"200---gzip\"",
        "\"200-gzip-1\"",
        "\"200-gzip-br\"",
        "\"200-other\"",
        "w/\"200\"",
        "\"1234567890123456789\"",
      })
  void any_other_etag_is_an_error(String etag) throws Exception {
    oldServer();
    answers.put(PLACE + "/records", Reply.answer(200, "", "ETag: " + etag));
    ServerException failure = assertThrows(ServerException.class, () -> remote.timestamp(ENTRY));
    assertEquals("the ETag is not a timestamp", failure.reason());
  }

  @Test
  void a_head_without_an_etag_is_an_error() throws Exception {
    oldServer();
    answers.put(PLACE + "/records", Reply.answer(200, ""));
    ServerException failure = assertThrows(ServerException.class, () -> remote.timestamp(ENTRY));
    assertEquals("no ETag", failure.reason());
  }

  // ---- changesets

  @Test
  void a_changeset_is_metadata_timestamp_and_live_records() throws Exception {
    answer(
        PLACE + "/changeset",
        """
        {"changes": [
          {"id": "b", "last_modified": 150, "n": 1.0},
          {"id": "gone", "last_modified": 190, "deleted": true},
          {"id": "a", "last_modified": 180, "deleted": false}
         ], "more": [1], "metadata": {"id": "cfr", "n": 2}, "timestamp": 200}\
        """);
    Changeset changeset = remote.changeset(ENTRY);
    assertEquals(200, changeset.timestamp());
    assertEquals(190, changeset.latest());
    assertEquals(1, changeset.tombstones());
    assertEquals("cfr", changeset.metadata().get("id"));
    assertEquals(List.of("b", "a"), changeset.records().stream().map(SignedRecord::id).toList());
    assertEquals(List.of(PLACE + "/changeset?_expected=200"), targets());
  }

  private static final String GOOD = "{\"id\": \"a\", \"last_modified\": 1}";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[] | not an object",
        "42 | not an object",
        "{\"metadata\": {}, \"timestamp\": 1} | changes is missing",
        "{\"metadata\": {}, \"timestamp\": 1, \"changes\": {}} | changes is not a list",
        "{\"metadata\": {}, \"timestamp\": 1, \"changes\": null} | changes is not a list",
        "{\"metadata\": {}, \"changes\": []} | timestamp",
        "{\"metadata\": {}, \"changes\": [], \"timestamp\": \"1\"} | timestamp",
        "{\"metadata\": {}, \"changes\": [], \"timestamp\": 1.5} | timestamp",
        "{\"metadata\": {}, \"changes\": [], \"timestamp\": -1} | timestamp",
        "{\"metadata\": {}, \"changes\": [], \"timestamp\": null} | timestamp",
        "{\"metadata\": {}, \"changes\": [], \"timestamp\": 99999999999999999999} | timestamp",
        "{\"changes\": [], \"timestamp\": 1} | metadata is not an object",
        "{\"metadata\": null, \"changes\": [], \"timestamp\": 1} | metadata is not an object",
        "{\"metadata\": [], \"changes\": [], \"timestamp\": 1} | metadata is not an object"
      })
  void a_changeset_of_another_shape_is_refused(String body, String reason) {
    answer(PLACE + "/changeset", body);
    assertRefused(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "42 | record 2 is not an object",
        "null | record 2 is not an object",
        "[] | record 2 is not an object",
        "{} | record 2 has no id",
        "{\"last_modified\": 1} | record 2 has no id",
        "{\"id\": \"\"} | record 2 has no id",
        "{\"id\": 7} | record 2 has no id",
        "{\"id\": null} | record 2 has no id",
        "{\"id\": \"a\"} | two records with the id a",
        "{\"id\": \"a\", \"deleted\": true} | two records with the id a"
      })
  void a_record_of_another_shape_is_named(String record, String reason) {
    answer(PLACE + "/changeset", changeset(GOOD + ", " + record));
    assertRefused(reason);
  }

  @Test
  void changes_that_stand_twice_are_refused() {
    answer(
        PLACE + "/changeset",
        "{\"changes\": [], \"metadata\": {}, \"timestamp\": 1, \"changes\": [" + GOOD + "]}");
    assertRefused("changes occurs twice");
  }

  private void assertRefused(String reason) {
    ServerException failure = assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    assertTrue(failure.reason().startsWith("unexpected answer: "), failure.reason());
    assertTrue(failure.reason().contains(reason), failure.reason());
    assertEquals(List.of(), time.pauses(), "asking again would not help");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"changes\": [", "", "<html>", "{\"changes\": [tru]}"})
  void a_changeset_that_is_not_json_is_asked_for_again(String body) throws Exception {
    answers.put(PLACE + "/changeset", Reply.inTurn(Reply.json(body), Reply.json(changeset(GOOD))));
    assertEquals(1, remote.changeset(ENTRY).records().size());
    assertEquals(1, time.pauses().size());
  }

  @Test
  void text_after_the_document_is_not_json() {
    answer(PLACE + "/changeset", changeset(GOOD) + " x");
    ServerException failure = assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    assertTrue(failure.reason().startsWith("not JSON: "), failure.reason());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"changes\": [{\"id\": \"a\", \"deep\": %s}], \"metadata\": {}, \"timestamp\": 200}",
        "{\"changes\": [], \"metadata\": {\"deep\": %s}, \"timestamp\": 200}",
        "{\"changes\": [], \"metadata\": {}, \"timestamp\": 200, \"deep\": %s}"
      })
  void nesting_without_end_is_an_error_and_no_crash(String document) {
    for (String deep :
        List.of(
            "[".repeat(100_000) + "]".repeat(100_000),
            "{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000))) {
      answer(PLACE + "/changeset", document.formatted(deep));
      assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    }
  }

  /** Two readings of it are compared, value by value. */
  @Test
  void deep_metadata_of_an_old_server_is_an_error_and_no_crash() throws Exception {
    oldServer();
    answers.put(PLACE + "/records", records("a", null));
    String metadata = "{\"data\": {\"n\": %s}}";
    answer(PLACE, metadata.formatted("[".repeat(997) + "]".repeat(997)));
    assertEquals(1, remote.changeset(ENTRY).records().size());
    answer(PLACE, metadata.formatted("[".repeat(9_900) + "]".repeat(9_900)));
    ServerException failure = assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    assertTrue(failure.reason().contains("deeper than 1000 levels"), failure.reason());
  }

  @Test
  void an_endless_number_in_place_of_a_timestamp_is_signed_as_it_is() throws Exception {
    String digits = "7".repeat(1200);
    answer(PLACE + "/changeset", changeset("{\"id\": \"a\", \"last_modified\": " + digits + "}"));
    Changeset changeset = remote.changeset(ENTRY);
    assertEquals(0, changeset.latest());
    assertEquals(
        "{\"id\":\"a\",\"last_modified\":" + digits + "}",
        new String(changeset.records().getFirst().json().bytes(), StandardCharsets.US_ASCII));
  }

  @Test
  void nesting_of_a_thousand_levels_is_read() throws Exception {
    answer(
        PLACE + "/changeset",
        changeset("{\"id\": \"a\", \"deep\": " + "[".repeat(998) + "]".repeat(998) + "}"));
    assertEquals(1, remote.changeset(ENTRY).records().size());
  }

  @Test
  void a_changeset_older_than_announced_is_read_once_more_past_the_caches() throws Exception {
    answer(PLACE + "/changeset?_expected=200", changeset(GOOD).replace("200", "100"));
    answer(PLACE + "/changeset", changeset(GOOD));
    assertEquals(200, remote.changeset(ENTRY).timestamp());
    assertEquals(2, server.requests().size());
    assertTrue(targets().getLast().matches(".*\\?_expected=9999\\d{9}"), targets().toString());
  }

  @Test
  void a_changeset_that_stays_older_is_what_there_is() throws Exception {
    answer(PLACE + "/changeset", changeset(GOOD).replace("200", "100"));
    assertEquals(100, remote.changeset(ENTRY).timestamp());
    assertEquals(2, server.requests().size());
  }

  @Test
  void a_changeset_newer_than_announced_is_read_once() throws Exception {
    answer(PLACE + "/changeset", changeset(GOOD).replace("200", "300"));
    assertEquals(300, remote.changeset(ENTRY).timestamp());
    assertEquals(1, server.requests().size());
  }

  @Test
  void a_saved_changeset_is_read_in_the_same_way() throws Exception {
    byte[] saved = changeset(GOOD).getBytes(StandardCharsets.UTF_8);
    assertEquals(200, Changesets.read(new ByteArrayInputStream(saved)).timestamp());
    byte[] other = "{}".getBytes(StandardCharsets.UTF_8);
    assertThrows(IOException.class, () -> Changesets.read(new ByteArrayInputStream(other)));
  }

  // ---- servers without changesets

  @Test
  void without_changesets_metadata_and_every_page_are_one_collection() throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"id\": \"cfr\", \"last_modified\": 150}}");
    answers.put(PLACE + "/records", records("a", PLACE + "/records?_token=2"));
    answers.put(PLACE + "/records?_token=2", records("b", null));
    Changeset changeset = remote.changeset(ENTRY);
    assertEquals(200, changeset.timestamp());
    assertEquals("cfr", changeset.metadata().get("id"));
    assertEquals(List.of("a", "b"), changeset.records().stream().map(SignedRecord::id).toList());
    assertFalse(targets().contains(PLACE + "/changeset?_expected=200"), targets().toString());
  }

  @Test
  void metadata_that_changes_meanwhile_is_read_again_with_the_records() throws Exception {
    oldServer();
    answers.put(
        PLACE,
        Reply.inTurn(Reply.json("{\"data\": {\"n\": 1}}"), Reply.json("{\"data\": {\"n\": 2}}")));
    answers.put(PLACE + "/records", records("a", null));
    assertEquals(2L, remote.changeset(ENTRY).metadata().get("n"));
  }

  @Test
  void pages_of_two_timestamps_are_read_again() throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"n\": 1}}");
    answers.put(PLACE + "/records", records("a", PLACE + "/records?_token=2"));
    answers.put(
        PLACE + "/records?_token=2",
        Reply.inTurn(Reply.json("{\"data\": []}", "ETag: \"201\""), records("b", null)));
    assertEquals(2, remote.changeset(ENTRY).records().size());
  }

  @Test
  void a_record_on_two_pages_was_moved_and_is_read_again() throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"n\": 1}}");
    answers.put(PLACE + "/records", records("a", PLACE + "/records?_token=2"));
    answers.put(PLACE + "/records?_token=2", Reply.inTurn(records("a", null), records("b", null)));
    assertEquals(
        List.of("a", "b"),
        remote.changeset(ENTRY).records().stream().map(SignedRecord::id).toList());
  }

  @Test
  void a_collection_that_never_stands_still_is_an_error() throws Exception {
    oldServer();
    AtomicInteger number = new AtomicInteger();
    answers.put(
        PLACE,
        exchange ->
            Reply.json("{\"data\": {\"n\": " + number.incrementAndGet() + "}}").send(exchange));
    answers.put(PLACE + "/records", records("a", null));
    ServerException failure = assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    assertTrue(failure.reason().contains("kept changing while it was read"), failure.reason());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "ETag: 200", "ETag: \"x\"", "ETag: w/\"200\"", "ETag: \"-1\""})
  void an_etag_that_is_no_timestamp_is_an_error(String etag) throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"n\": 1}}");
    answers.put(
        PLACE + "/records",
        etag.isEmpty() ? Reply.json("{\"data\": []}") : Reply.json("{\"data\": []}", etag));
    ServerException failure = assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    assertTrue(failure.reason().contains("ETag"), failure.reason());
  }

  @Test
  void the_etag_of_a_proxy_that_compresses_is_weak_and_a_timestamp() throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"n\": 1}}");
    answers.put(PLACE + "/records", Reply.json("{\"data\": []}", "ETag: W/\"200\""));
    assertEquals(200, remote.changeset(ENTRY).timestamp());
  }

  @Test
  void pages_of_one_timestamp_need_not_be_compressed_alike() throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"n\": 1}}");
    String second = PLACE + "/records?_token=2";
    answers.put(
        PLACE + "/records",
        Reply.json("{\"data\": []}", "ETag: W/\"200-gzip\"", "Next-Page: " + second));
    answers.put(second, records("b", null));
    assertEquals(200, remote.changeset(ENTRY).timestamp());
  }

  @Test
  void pages_of_records_that_lead_elsewhere_or_in_a_circle_are_an_error() throws Exception {
    oldServer();
    answer(PLACE, "{\"data\": {\"n\": 1}}");
    answers.put(PLACE + "/records", records("a", "http://localhost:" + server.port() + "/v1/x"));
    assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
    answers.put(PLACE + "/records", records("a", PLACE + "/records?_token=2"));
    answers.put(PLACE + "/records?_token=2", records("b", PLACE + "/records?_token=2"));
    assertThrows(ServerException.class, () -> remote.changeset(ENTRY));
  }

  // ---- records and batches

  private static final Place CFR = new Place("main", "cfr");

  private static List<String> ids(List<SignedRecord> records) {
    return records.stream().map(SignedRecord::id).toList();
  }

  @Test
  void records_are_read_past_the_caches_page_by_page_with_their_filters_escaped() throws Exception {
    answers.put(PLACE + "/records", records("a", PLACE + "/records?_token=2"));
    answers.put(PLACE + "/records?_token=2", records("b", null));
    Map<String, List<String>> filters = new LinkedHashMap<>();
    filters.put("min_age", List.of("4 2"));
    filters.put("é&=", List.of("+#", ".."));
    assertEquals(List.of("a", "b"), ids(remote.records(CFR, filters)));
    assertTrue(
        targets()
            .get(1)
            .matches(".*\\?_expected=\\d+&min_age=4%202&%C3%A9%26%3D=%2B%23&%C3%A9%26%3D=%2E%2E"),
        targets().toString());
  }

  @Test
  void records_that_change_between_two_pages_are_read_again() throws Exception {
    answers.put(PLACE + "/records", records("a", PLACE + "/records?_token=2"));
    answers.put(
        PLACE + "/records?_token=2",
        Reply.inTurn(Reply.json("{\"data\": []}", "ETag: \"201\""), records("b", null)));
    assertEquals(List.of("a", "b"), ids(remote.records(CFR, Map.of())));
    answers.put(PLACE + "/records?_token=2", Reply.json("{\"data\": []}", "ETag: \"201\""));
    ServerException failure =
        assertThrows(ServerException.class, () -> remote.records(CFR, Map.of()));
    assertTrue(failure.reason().contains("kept changing while it was read"), failure.reason());
  }

  @Test
  void a_record_that_looks_like_a_tombstone_is_one_of_the_records() throws Exception {
    answers.put(
        PLACE + "/records",
        Reply.json("{\"data\": [{\"id\": \"a\", \"deleted\": true}]}", "ETag: \"200\""));
    assertEquals(List.of("a"), ids(remote.records(CFR, Map.of())));
  }

  @Test
  void who_may_see_only_some_of_the_records_is_refused() {
    answers.put(PLACE + "/records", records("a", null));
    everythingElse = Reply.status(403);
    ServerException failure =
        assertThrows(ServerException.class, () -> remote.records(CFR, Map.of()));
    assertEquals(403, failure.status());
    assertTrue(
        targets().getFirst().matches(PLACE + "/records/[0-9a-f-]{36}"), targets().toString());
    assertEquals(1, targets().size());
  }

  @Test
  void an_id_that_no_path_can_hold_is_refused() {
    answers.put(
        PLACE + "/records", Reply.json("{\"data\": [{\"id\": \"a\\ud83d\"}]}", "ETag: \"200\""));
    ServerException failure =
        assertThrows(ServerException.class, () -> remote.records(CFR, Map.of()));
    assertTrue(failure.reason().contains("half a surrogate pair"), failure.reason());
  }

  @Test
  void when_each_record_was_changed_last_is_read_with_the_tombstones() throws Exception {
    answer(
        PLACE + "/records",
        "{\"data\": [{\"id\": \"a\", \"last_modified\": 5}, 7, {\"id\": \"odd\"},"
            + " {\"id\": \"b\", \"deleted\": true, \"last_modified\": 6}]}");
    assertEquals(Map.of("a", 5L, "b", 6L), remote.lastModified(CFR));
    assertTrue(targets().getFirst().contains("?_since=0&_expected="), targets().toString());
  }

  private static final Batch.RecordWrite CREATION =
      new Batch.RecordWrite(CFR, "a é", "{\"id\":1}".getBytes(StandardCharsets.UTF_8), 0);
  private static final Batch.RecordWrite DELETION = new Batch.RecordWrite(CFR, "batch", null, 5);

  @Test
  void a_batch_is_one_request_whose_parts_have_their_guards_and_escaped_paths() throws Exception {
    answer("/v1/batch", "{\"responses\": [{\"status\": 201}, {\"status\": 200}]}");
    remote.batch(List.of(CREATION, DELETION));
    Exchange.Request request = server.requests().getLast();
    assertEquals("POST /v1/batch HTTP/1.1", request.line());
    assertEquals(
        "{\"requests\":[{\"method\":\"PUT\",\"path\":\"/buckets/main/collections/cfr/records/a%20%C3%A9\","
            + "\"headers\":{\"If-None-Match\":\"*\"},\"body\":{\"data\":{\"id\":1}}},"
            + "{\"method\":\"DELETE\",\"path\":\"/buckets/main/collections/cfr/records/%62atch\","
            + "\"headers\":{\"If-Match\":\"\\\"5\\\"\"}}]}",
        request.text());
    assertEquals("/buckets/main/collections/cfr/records/batch", DELETION.path(), "as it is shown");
  }

  @Test
  void each_part_s_answer_has_its_status_words_record_and_wait() throws Exception {
    answer(
        "/v1/batch",
        "{\"responses\": [{\"status\": 201, \"body\": {\"data\": {\"b\": 1.0, \"a\":"
            + " \"\\ud83d\"}}}, {\"status\": 412, \"headers\": {\"retry-after\": \"7\"}, \"body\":"
            + " {\"message\": \"No.\", \"data\": 5, \"details\": {\"existing\": {\"id\":"
            + " \"x\"}}}}]}");
    List<Batch.Written> written = remote.batch(List.of(CREATION, DELETION));
    assertEquals(201, written.getFirst().status());
    assertEquals("", written.getFirst().message());
    assertEquals(
        "{\"a\":\"\\ud83d\",\"b\":1}",
        new String(written.getFirst().record(), StandardCharsets.US_ASCII));
    assertNull(written.getFirst().retryAfter());
    assertEquals("No", written.getLast().message());
    assertEquals(
        "{\"id\":\"x\"}", new String(written.getLast().record(), StandardCharsets.US_ASCII));
    assertEquals("7", written.getLast().retryAfter());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"status\": 200, \"body\": null, \"headers\": null}",
        "{\"status\": 200, \"body\": [], \"headers\": []}",
        "{\"status\": 200, \"body\": \"<html>\"}",
        "{\"status\": 200, \"body\": {\"data\": [], \"message\": 5, \"details\": []}}",
        "{\"status\": 200, \"headers\": {\"Retry-After\": \"5\"}}"
      })
  void a_part_s_answer_may_show_nothing_but_its_status(String part) throws Exception {
    answer("/v1/batch", "{\"responses\": [" + part + "]}");
    Batch.Written written = remote.batch(List.of(CREATION)).getFirst();
    assertEquals(new Batch.Written(200, "", null, null), written);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{}",
        "{\"responses\": null}",
        "{\"responses\": []}",
        "{\"responses\": [{\"status\": 200}, {\"status\": 200}]}",
        "{\"responses\": [null]}",
        "{\"responses\": [{\"status\": \"200\"}]}",
        "{\"responses\": [{\"status\": 2000}]}",
        "{\"responses\": [{\"status\": 99}]}"
      })
  void an_answer_that_is_no_batch_s_is_refused(String answer) {
    answer("/v1/batch", answer);
    ServerException failure =
        assertThrows(ServerException.class, () -> remote.batch(List.of(CREATION)));
    assertTrue(failure.reason().startsWith("unexpected answer: "), failure.reason());
  }

  @Test
  void a_collection_is_made_unless_it_is_there() throws Exception {
    answers.put(PLACE, Reply.status(201));
    remote.create(CFR);
    Exchange.Request request = server.requests().getLast();
    assertEquals("PUT " + PLACE + " HTTP/1.1", request.line());
    assertEquals("*", request.header("If-None-Match"));
    assertEquals("{\"data\":{}}", request.text());
    answers.put(PLACE, Reply.status(412));
    remote.create(CFR);
    answers.put(PLACE, Reply.status(403));
    assertThrows(ServerException.class, () -> remote.create(CFR));
    answers.put(PLACE, Reply.inTurn(Reply.status(503), Reply.json("{\"data\": {}}")));
    int before = server.requests().size();
    remote.create(CFR);
    assertEquals(
        List.of("PUT", "GET"),
        server.requests().subList(before, before + 2).stream()
            .map(Exchange.Request::method)
            .toList());
    assertEquals(before + 2, server.requests().size(), "it was made, though the answer failed");
  }

  @ParameterizedTest
  @CsvSource({
    "2026-11-24T03:47:45.606288+00:00, 2026-11-24T03:47:45.606288Z",
    "2026-11-24T05:47:45+02:00, 2026-11-24T03:47:45Z",
    "2026-11-24T03:47:45, 2026-11-24T03:47:45Z",
    "2026-11-24T03:47:45Z, 2026-11-24T03:47:45Z",
    "2026-11-24, ",
    "yesterday, "
  })
  void a_date_of_a_collection_may_have_any_offset_or_none(String date, Instant expected) {
    assertEquals(Optional.ofNullable(expected), RemoteSettings.date(Map.of("date", date), "date"));
    assertEquals(Optional.empty(), RemoteSettings.date(Map.of("date", 5L), "date"));
    assertEquals(Optional.empty(), RemoteSettings.date(Map.of(), "date"));
  }

  // ---- the rest

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "200 | Total-Records: 12 | X: 1 | 12",
        "200 | Total-Objects: 12 | X: 1 | 12",
        "200 | Total-Objects: 11 | Total-Records: 12 | 12",
        "201 | Total-Records: 12 | X: 1 | ",
        "200 | X: 1 | X: 2 | ",
        "200 | Total-Records: many | X: 1 | ",
        "200 | Total-Records: 1234567890123456789 | X: 1 | "
      })
  void the_number_of_records_is_believed_for_the_same_timestamp(
      String etag, String one, String other, Long expected) throws Exception {
    answers.put(PLACE + "/records", Reply.answer(200, "", "ETag: \"" + etag + "\"", one, other));
    assertEquals(Optional.ofNullable(expected), remote.total(ENTRY.place(), 200));
    assertTrue(targets().getLast().matches(".*\\?_expected=\\d+"), "past the caches");
  }

  @ParameterizedTest
  @CsvSource({"8, 2, 8", "10, 0, 10", "20, 0, 20", "9, 0, 12", "10, 1, 12", "0, 0, 12"})
  void a_changeset_with_all_records_is_whole(int live, int tombstones, int total) throws Exception {
    Changeset read = served(live, tombstones, total);
    assertSame(read, remote.whole(CFR, read));
  }

  @ParameterizedTest
  @CsvSource({"10, 0, 11", "10, 0, 9", "8, 2, 9", "8, 2, 10", "1, 9, 10", "0, 10, 1"})
  void another_number_of_records_makes_one_read_the_list(int live, int tombstones, int total)
      throws Exception {
    Changeset read = served(live, tombstones, total);
    List<SignedRecord> records = remote.whole(CFR, read).records();
    assertEquals(List.of("all"), records.stream().map(SignedRecord::id).toList());
  }

  /** Serves a changeset with that many records, and a list of which HEAD tells another number. */
  private Changeset served(int live, int tombstones, int total) throws ServerException {
    answer("/v1/", "{\"capabilities\": {}}");
    answer(PLACE, "{\"data\": {\"id\": \"cfr\"}}");
    answers.put(
        PLACE + "/records",
        Reply.json("{\"data\": [{\"id\": \"all\"}]}", "ETag: \"200\"", "Total-Records: " + total));
    String changes =
        IntStream.range(0, live + tombstones)
            .mapToObj(i -> "{\"id\": \"r%d\", \"deleted\": %b}".formatted(i, i >= live))
            .collect(Collectors.joining(","));
    answer(PLACE + "/changeset", changeset(changes));
    return remote.fresh(CFR);
  }

  @Test
  void metadata_are_read_past_the_caches_with_one_record_at_most() throws Exception {
    answer(PLACE + "/changeset", changeset(GOOD));
    assertEquals(200, remote.freshMetadata(ENTRY).timestamp());
    assertTrue(targets().getLast().matches(".*\\?_expected=\\d+&_limit=1"), targets()::toString);
  }

  @Test
  void a_record_or_a_tombstone_shows_that_there_was_a_record() throws Exception {
    answer(PLACE + "/records", "{\"data\": []}");
    assertFalse(remote.everHadRecords(ENTRY));
    assertTrue(targets().getLast().contains("_since=0"), "asks for tombstones too");
    answer(PLACE + "/records", "{\"data\": [{\"id\": \"a\", \"deleted\": true}]}");
    assertTrue(remote.everHadRecords(ENTRY));
    answer(PLACE + "/records", "{\"data\": [" + GOOD + "]}");
    assertTrue(remote.everHadRecords(ENTRY));
    answer(PLACE + "/records", "{}");
    assertThrows(ServerException.class, () -> remote.everHadRecords(ENTRY));
  }

  private static final String WHOLE_BUCKET =
      "{\"source\": {\"bucket\": \"work\", \"collection\": null},"
          + " \"preview\": {\"bucket\": \"look\", \"collection\": null},"
          + " \"destination\": {\"bucket\": \"main\", \"collection\": null}}";

  private static String info(String... resources) {
    return "{\"capabilities\": {\"signer\": {\"resources\": [%s]}}}"
        .formatted(String.join(",", resources));
  }

  /** A resource of one collection, without preview. */
  private static String ofCollection(String source, String destination) {
    return "{\"source\": {\"bucket\": \"%s\", \"collection\": \"%s\"},"
            .formatted(source.split("/")[0], source.split("/")[1])
        + " \"destination\": {\"bucket\": \"%s\", \"collection\": \"%s\"}}"
            .formatted(destination.split("/")[0], destination.split("/")[1]);
  }

  private static String sourceOf(SignedResources resources, String destination) {
    String[] names = destination.split("/");
    return resources
        .ofDestination(new Place(names[0], names[1]))
        .map(resource -> resource.source().name())
        .orElse("none");
  }

  @Test
  void server_info_tells_the_account_and_what_is_signed() throws Exception {
    answer("/v1/", info(WHOLE_BUCKET).replaceFirst("\\{", "{\"user\": {\"id\": \"account:x\"},"));
    ServerInfo info = remote.serverInfo();
    assertEquals("account:x", info.account());
    assertEquals("work/a", sourceOf(info.signed(), "main/a"));
    assertEquals("none", sourceOf(info.signed(), "look/a"));
    assertEquals("none", sourceOf(info.signed(), "work/a"));
    assertTrue(info.signed().ofPreview(new Place("look", "a")).isPresent());
    assertTrue(info.signed().ofPreview(new Place("main", "a")).isEmpty());
    answer("/v1/", "{\"capabilities\": {}}");
    assertEquals(
        new ServerInfo(false, null, null, Set.of(), 25, null, null, null), remote.serverInfo());
  }

  @Test
  void server_info_tells_the_groups_of_the_account_and_how_large_a_batch_may_be() throws Exception {
    answer(
        "/v1/",
        "{\"user\": {\"id\": \"account:x\", \"principals\": [\"account:x\","
            + " \"/buckets/b/groups/g\"]}, \"settings\": {\"batch_max_requests\": 100},"
            + " \"capabilities\": {}}");
    ServerInfo info = remote.serverInfo();
    assertEquals(Set.of("account:x", "/buckets/b/groups/g"), info.principals());
    assertEquals(100, info.batchMaxRequests());
    for (String odd : List.of("null", "0", "-1", "\"5\"", "{}")) {
      answer(
          "/v1/",
          "{\"settings\": {\"batch_max_requests\": %s}, \"capabilities\": {}}".formatted(odd));
      assertEquals(25, remote.serverInfo().batchMaxRequests(), odd);
    }
    answer("/v1/", "{\"settings\": {\"batch_max_requests\": 5000000000}, \"capabilities\": {}}");
    assertEquals(1000, remote.serverInfo().batchMaxRequests(), "one answer holds it all");
  }

  @Test
  void a_resource_s_own_word_on_reviews_and_groups_goes_before_that_for_all() throws Exception {
    String resource = WHOLE_BUCKET.substring(0, WHOLE_BUCKET.length() - 1);
    String all =
        "\"to_review_enabled\": %s, \"group_check_enabled\": %s, \"editors_group\":"
            + " \"{collection_id}-ed\", \"reviewers_group\": \"rev\"";
    Function<String, SignedResources.SignoffRule> signoff =
        resources -> {
          answer("/v1/", "{\"capabilities\": {\"signer\": {%s}}}".formatted(resources));
          try {
            return remote
                .serverInfo()
                .signed()
                .ofSource(new Place("work", "a"))
                .orElseThrow()
                .signoff();
          } catch (ServerException e) {
            throw new AssertionError(e);
          }
        };
    String plain = "\"resources\": [" + resource + "}]";
    assertEquals(
        new SignedResources.SignoffRule(true, "a-ed", "rev"),
        signoff.apply(all.formatted("true", "true") + "," + plain));
    assertEquals(
        new SignedResources.SignoffRule(false, null, null),
        signoff.apply(all.formatted("false", "false") + "," + plain));
    assertEquals(
        new SignedResources.SignoffRule(false, "mine", "rev"),
        signoff.apply(
            all.formatted("true", "true")
                + ",\"resources\": ["
                + resource
                + ", \"to_review_enabled\": false, \"editors_group\": \"mine\"}]"));
    assertEquals(
        new SignedResources.SignoffRule(true, null, null),
        signoff.apply(plain),
        "a review is the safer of the two");
  }

  @ParameterizedTest
  @CsvSource({
    "'', true, true, a-ed rev",
    "'', false, true, a-ed rev",
    "'', true, false, null null",
    "'', false, false, null null",
    "'\"version\": \"8.1.1\",', false, true, a-ed rev",
    "'\"version\": \"25.9.0\",', true, false, null null",
    "'\"version\": \"2.60\",', false, true, a-ed rev",
    "'\"version\": 26,', false, true, a-ed rev",
    "'\"plugin_userid\": null,', false, true, a-ed rev",
    "'\"version\": \"26.0.0\",', false, true, null null",
    "'\"version\": \"26.0.0\",', true, true, a-ed rev",
    "'\"version\": \"26\",', false, true, null null",
    "'\"version\": \"42.9.0\",', false, true, null null",
    "'\"version\": \"42.9.0\",', true, false, a-ed rev",
    "'\"version\": \"100.1\",', false, true, null null",
    "'\"version\": \"0.0.0\", \"plugin_userid\": \"plugin:remote-settings\",', false, true, null"
        + " null",
    "'\"version\": \"0.0.0\", \"plugin_userid\": \"plugin:remote-settings\",', true, true, a-ed rev"
  })
  void todays_signer_asks_for_groups_where_a_review_is_needed_and_an_old_one_where_it_says_so(
      String kind, boolean reviewed, boolean checked, String groups) throws Exception {
    answer(
        "/v1/",
        "{\"capabilities\": {\"signer\": {%s \"to_review_enabled\": %s, \"group_check_enabled\": %s,"
                .formatted(kind, reviewed, checked)
            + " \"editors_group\": \"{collection_id}-ed\", \"reviewers_group\": \"rev\","
            + " \"resources\": [%s]}}}".formatted(WHOLE_BUCKET));
    SignedResources.SignoffRule rule =
        remote.serverInfo().signed().ofSource(new Place("work", "a")).orElseThrow().signoff();
    assertEquals(reviewed, rule.reviewed());
    assertEquals(groups, rule.editors() + " " + rule.reviewers());
  }

  @Test
  void a_resource_of_one_collection_comes_before_its_bucket_s() throws Exception {
    for (List<String> order :
        List.of(
            List.of(WHOLE_BUCKET, ofCollection("work/a", "main/a")),
            List.of(ofCollection("work/a", "main/a"), WHOLE_BUCKET))) {
      answer("/v1/", info(order.toArray(String[]::new)));
      SignedResources resources = remote.serverInfo().signed();
      assertEquals("work/a", sourceOf(resources, "main/a"));
      assertNull(resources.ofDestination(new Place("main", "a")).orElseThrow().preview());
      assertTrue(resources.ofPreview(new Place("look", "a")).isEmpty(), "it has none");
      assertTrue(resources.ofPreview(new Place("look", "b")).isPresent());
    }
  }

  @Test
  void a_bucket_s_resource_does_not_publish_what_the_source_publishes_elsewhere() throws Exception {
    answer("/v1/", info(WHOLE_BUCKET, ofCollection("work/a", "other/b")));
    SignedResources resources = remote.serverInfo().signed();
    assertEquals("work/a", sourceOf(resources, "other/b"));
    assertEquals("none", sourceOf(resources, "main/a"));
    assertEquals("work/b", sourceOf(resources, "main/b"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{}",
        "{\"capabilities\": []}",
        "{\"capabilities\": {\"signer\": true}}",
        "{\"capabilities\": {\"signer\": {}}}",
        "{\"capabilities\": {\"signer\": {\"resources\": {}}}}",
        "{\"capabilities\": {\"signer\": {\"resources\": [1]}}}",
        "{\"capabilities\": {\"signer\": {\"resources\": [{}]}}}",
        "{\"capabilities\": {\"signer\": {\"resources\": [{\"source\": {\"bucket\": \"a\"}}]}}}",
        "{\"capabilities\": {\"signer\": {\"resources\": [{\"source\": {\"bucket\": \"a/../b\"},"
            + " \"destination\": {\"bucket\": \"c\"}}]}}}",
        "{\"capabilities\": {\"signer\": {\"resources\": [{\"source\": {\"bucket\": \"a\","
            + " \"collection\": 1}, \"destination\": {\"bucket\": \"c\"}}]}}}"
      })
  void server_info_of_another_shape_is_an_error_that_names_it(String info) {
    answer("/v1/", info);
    ServerException refused = assertThrows(ServerException.class, remote::serverInfo);
    assertTrue(refused.getMessage().contains("unexpected answer: "), refused.getMessage());
    assertEquals(1, targets().size(), "asking again would not help");
  }

  // ---- chains

  private static final String PEM = "-----BEGIN CERTIFICATE-----\n";

  /** Lets a chain be read from anywhere. */
  private static final Guard ANYWHERE = Guard.of((_, _) -> null);

  private byte[] chain() throws ServerException {
    return remote.chain(server.url("/chain"), ANYWHERE);
  }

  private ServerException noChain(Reply... replies) {
    answers.put("/chain", Reply.inTurn(replies));
    return assertThrows(ServerException.class, this::chain);
  }

  @Test
  void a_chain_may_have_64_kib() throws Exception {
    int rest = 64 * 1024 - PEM.length();
    answer("/chain", PEM + "x".repeat(rest));
    assertEquals(64 * 1024, chain().length);
    ServerException failure = noChain(Reply.json(PEM + "x".repeat(rest + 1)));
    assertEquals("the answer is larger than 64 KiB", failure.reason());
    assertEquals(2, targets().size(), "asking again would not help");
  }

  @Test
  void a_chain_is_asked_for_without_credentials_even_at_the_server_itself() throws Exception {
    answer("/chain", PEM);
    answer("/v1/", "{\"capabilities\": {}}");
    http.authorize(server.url(), "Bearer t0ken");
    chain();
    assertEquals("", server.requests().getLast().header("authorization"));
    remote.serverInfo();
    assertEquals("Bearer t0ken", server.requests().getLast().header("authorization"));
  }

  @Test
  void a_chain_of_another_origin_is_asked_for_without_credentials() throws Exception {
    answer("/chain", PEM);
    http.authorize(server.url(), "Bearer t0ken");
    remote.chain(URI.create("http://localhost:" + server.port() + "/chain"), ANYWHERE);
    assertEquals("", server.requests().getLast().header("authorization"));
  }

  private static Stream<Arguments> notChains() {
    return Stream.of(
        arguments(
            "HTML instead of a PEM chain",
            Reply.answer(200, "<html>Log in</html>", "Content-Type: text/html; charset=utf-8")),
        arguments(
            "HTML instead of a PEM chain",
            Reply.answer(200, "\n<html>" + "x".repeat(70_000), "Content-Type: text/html")),
        arguments(
            "no certificate in the answer, expected a PEM chain",
            Reply.json("<html>Log in</html>")),
        arguments("no certificate in the answer, expected a PEM chain", Reply.json("{}")),
        arguments("the answer is empty, expected a PEM chain", Reply.json("")));
  }

  @ParameterizedTest
  @MethodSource("notChains")
  void something_else_than_a_chain_is_asked_for_again(String reason, Reply reply) throws Exception {
    answers.put("/chain", Reply.inTurn(reply, Reply.json(PEM)));
    assertEquals(PEM, new String(chain(), StandardCharsets.UTF_8));
    assertEquals(2, targets().size());
  }

  @ParameterizedTest
  @MethodSource("notChains")
  void what_came_instead_of_a_chain_is_named_at_the_end(String reason, Reply reply) {
    assertEquals(reason + " (after 2 attempts)", noChain(reply).reason());
  }

  @Test
  void a_chain_whose_certificates_cannot_be_parsed_is_asked_for_once() throws Exception {
    answer("/chain", PEM + "not base64\n");
    assertEquals(PEM + "not base64\n", new String(chain(), StandardCharsets.UTF_8));
    assertEquals(1, targets().size());
  }

  // ---- where chains may be read from

  /** Guards as for a server elsewhere or on loopback; hosts have the addresses that are given. */
  private static Guard guard(String server, Map<String, String> hosts) {
    ChainAddresses addresses = new ChainAddresses(URI.create(server), null, true);
    return new Guard(
        addresses::refusal,
        host ->
            Stream.of(hosts.getOrDefault(host, host.replaceAll("[\\[\\]]", "")).split(" "))
                .map(InetAddress::ofLiteral)
                .toArray(InetAddress[]::new));
  }

  private String refusal(URI url, Guard guard) {
    return assertThrows(ServerException.class, () -> remote.chain(url, guard)).reason();
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.1 169.254.169.254, 169.254.169.254 (link-local)",
    "169.254.169.254 10.0.0.1, 169.254.169.254 (link-local)",
    "::, 0:0:0:0:0:0:0:0 (unspecified)",
    "fd00:ec2::254, fd00:ec2:0:0:0:0:0:254 (metadata)"
  })
  void nothing_is_sent_to_a_host_of_which_one_address_is_not_allowed(
      String addresses, String named) {
    answer("/chain", PEM);
    Guard guard = guard("http://127.0.0.1/v1", Map.of("localhost", addresses));
    assertEquals(
        "its host is at " + named + ", expected an address that clients reach",
        refusal(URI.create("http://localhost:" + server.port() + "/chain"), guard));
    assertEquals(List.of(), targets());
    assertEquals(List.of(), time.pauses(), "not tried again");
  }

  @Test
  void each_hop_of_a_redirect_is_looked_at_anew() throws Exception {
    Guard guard = guard("http://127.0.0.1/v1", Map.of("elsewhere.test", "192.0.2.1 fe80::1"));
    answers.put("/chain", Reply.status(302, "Location: /second"));
    answer("/third", PEM);
    for (String[] hop :
        new String[][] {
          {"http://169.254.169.254/latest/", "169.254.169.254 (link-local)"},
          {"http://[::ffff:a9fe:a9fe]/latest/", "169.254.169.254 (link-local)"},
          {"http://elsewhere.test/", "fe80:0:0:0:0:0:0:1 (link-local)"},
          {"https://elsewhere.test/", "fe80:0:0:0:0:0:0:1 (link-local)"}
        }) {
      server.forgetRequests();
      answers.put("/second", Reply.status(307, "Location: " + hop[0]));
      assertEquals(
          "redirected to %s: its host is at %s, expected an address that clients reach"
              .formatted(hop[0], hop[1]),
          refusal(server.url("/chain"), guard));
      assertEquals(List.of("/chain", "/second"), targets());
    }
    answers.put("/second", Reply.status(307, "Location: /third"));
    assertEquals(PEM, new String(remote.chain(server.url("/chain"), guard)));
  }

  @Test
  void a_hop_with_user_info_is_refused_and_one_to_the_server_carries_no_credentials()
      throws Exception {
    Guard guard = guard("http://127.0.0.1/v1", Map.of("localhost", "127.0.0.1"));
    http.authorize(server.url(), "Bearer t0ken");
    String server = this.server.url("").toString();
    answer("/second", PEM);
    answers.put(
        "/chain",
        Reply.inTurn(
            Reply.status(302, "Location: " + server.replace("//", "//me:s3cret@") + "/second"),
            Reply.status(302, "Location: " + server + "/second")));
    URI chain = URI.create(server.replace("127.0.0.1", "localhost") + "/chain");
    assertEquals(
        "redirected to %s/second: expected a URL without user info"
            .formatted(server.replace("//", "//***@")),
        refusal(chain, guard));
    assertEquals(PEM, new String(remote.chain(chain, guard), StandardCharsets.UTF_8));
    assertEquals(List.of("/chain", "/chain", "/second"), targets());
    assertEquals("", this.server.requests().getLast().header("authorization"));
  }

  @Test
  void a_chain_is_read_from_loopback_only_for_a_server_on_loopback() throws Exception {
    answer("/chain", PEM);
    String named = ", expected an address that clients reach";
    assertEquals(
        "its host is at 127.0.0.1 (loopback)" + named,
        refusal(server.url("/chain"), guard("https://settings.test/v1", Map.of())));
    assertEquals(
        "its host is at 0:0:0:0:0:0:0:1 (loopback)" + named,
        refusal(
            URI.create("https://cdn.test/chain"),
            guard("https://settings.test/v1", Map.of("cdn.test", "192.0.2.1 ::1"))));
    assertEquals(List.of(), targets());
    remote.chain(server.url("/chain"), guard("http://localhost:8888/v1", Map.of()));
    assertEquals(List.of("/chain"), targets());
  }

  @Test
  void a_host_that_nobody_knows_is_named_as_elsewhere() {
    Guard guard =
        new Guard(
            (_, _) -> null,
            host -> {
              throw new UnknownHostException(host);
            });
    ServerException failure =
        assertThrows(
            ServerException.class, () -> remote.chain(URI.create("https://cdn.test/chain"), guard));
    assertEquals("unknown host cdn.test (after 2 attempts)", failure.reason());
    assertTrue(failure.hint().contains("DNS"), failure.hint());
  }

  // ---- what a relative x5u is relative to

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"https://cdn.test/\" | https://cdn.test/",
        "\"https://cdn.test/a\" | https://cdn.test/a/",
        "\"\" | SERVER",
        "\"chains/\" | SERVER",
        "\"file:///etc/\" | SERVER",
        "\"a b\" | SERVER",
        "null | SERVER",
        "7 | SERVER"
      })
  void the_base_of_chains_is_the_capability_s_if_it_is_a_web_address(String value, String base) {
    answer(
        "/v1/",
        "{\"capabilities\": {\"changes\": {\"certs_chains_base_url\": %s}}}".formatted(value));
    assertEquals(
        URI.create(base.replace("SERVER", server.url("/v1/").toString())), remote.chainsBase());
    remote.chainsBase();
    assertEquals(List.of("/v1/"), targets(), "asked for once");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "{}", "{\"capabilities\": {\"changes\": []}}", "<html>"})
  void a_server_info_that_says_nothing_of_chains_leaves_the_server_itself(String info) {
    answer("/v1/", info);
    assertEquals(server.url("/v1/"), remote.chainsBase());
  }

  @Test
  void a_server_info_that_cannot_be_read_leaves_the_server_itself() {
    assertEquals(server.url("/v1/"), remote.chainsBase());
    remote.chainsBase();
    assertEquals(List.of("/v1/"), targets(), "asked for once");
  }

  @Test
  void names_are_those_that_kinto_allows() {
    for (String name : List.of("a", "main-preview", "A_1", "-", "x".repeat(255))) {
      assertTrue(Place.isName(name), name);
    }
    for (String name : List.of("", ".", "..", "a/b", "a b", "a\n", "é", "x".repeat(256), "%2e")) {
      assertFalse(Place.isName(name), name);
    }
  }

  // ---- what the tests are made of

  private List<Announced> announced() throws ServerException {
    return remote.announced("monitor", "changes");
  }

  private List<String> targets() {
    return server.requests().stream().map(Exchange.Request::target).toList();
  }

  private void answer(String target, String body) {
    answers.put(target, Reply.json(body));
  }

  private static String changeset(String records) {
    return "{\"changes\": [" + records + "], \"metadata\": {}, \"timestamp\": 200}";
  }

  /** A page of monitor/changes with one entry. */
  private void page(String target, String collection, String next) {
    List<String> headers = new ArrayList<>();
    if (next != null) {
      headers.add("Next-Page: " + next);
    }
    answers.put(
        target,
        Reply.json(
            "{\"data\": [{\"bucket\": \"x\", \"collection\": \"%s\", \"last_modified\": 5}]}"
                .formatted(collection),
            headers.toArray(String[]::new)));
  }

  /** A page of records of the timestamp 200. */
  private static Reply records(String id, String next) {
    List<String> headers = new ArrayList<>(List.of("ETag: \"200\""));
    if (next != null) {
      headers.add("Next-Page: " + next);
    }
    return Reply.json(
        "{\"data\": [{\"id\": \"" + id + "\", \"last_modified\": 5}]}",
        headers.toArray(String[]::new));
  }

  /** Makes the client find out that the server has no changesets. */
  private void oldServer() throws ServerException {
    answer(LIST + "/records", "{\"data\": []}");
    announced();
  }
}
