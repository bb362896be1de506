//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../server/KintoRequest.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The command as a whole: against the embedded server, and where it depends on what is answered
 * when, against one that answers in turn.
 */
class ValidateChangesCollectionTest {

  private static final long NOW = Terminal.NOW.toEpochMilli();

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  private static Terminal.Outcome run(Object url, String... arguments) {
    return new Terminal().set("SERVER", url).run(new validate_changes_collection(), arguments);
  }

  // ---- what is read

  @Test
  void each_collection_is_asked_once_as_clients_ask() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.publish("main", "b");
      server.forgetRequests();
      assertEquals(0, run(server.url()).exit());
      assertEquals(4, server.requests().size(), "the list, two changesets, and the server info");
      for (String name : List.of("a", "b")) {
        assertEquals(
            List.of("GET"),
            server
                .requests(
                    "/v1/buckets/main/collections/%s/changeset?_expected=%d"
                        .formatted(name, server.timestamp("main", name)))
                .stream()
                .map(KintoRequest::method)
                .toList());
      }
    }
  }

  @Test
  void a_difference_is_read_again_past_the_caches_and_so_is_its_announcement() throws IOException {
    try (RecordingServer server = server(announced(100), List.of(at(90)))) {
      assertEquals(1, run(server.url("/v1")).exit());
      List<String> asked =
          server.requests().stream().map(one -> one.line().replaceFirst(" HTTP/.*", "")).toList();
      assertEquals(5, asked.size(), asked.toString());
      String list = "GET /v1/buckets/monitor/collections/changes/changeset\\?_expected=9999\\d{9}";
      String changeset = "GET /v1/buckets/main/collections/a/changeset\\?_expected=";
      assertTrue(asked.get(0).matches(list), asked.toString());
      assertEquals(changeset.replace("\\", "") + "100", asked.get(1));
      assertTrue(asked.get(2).matches(changeset + "9999\\d{9}&_since=100"), asked.toString());
      assertTrue(asked.get(3).matches(list + "&bucket=main&collection=a"), asked.toString());
      assertEquals("GET /v1/", asked.get(4));
    }
  }

  @Test
  void a_server_without_changesets_is_asked_for_the_etag_of_its_records() throws IOException {
    try (RemoteSettingsServer server = server().withoutChangesets().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.publish("main", "b", "{\"id\":\"1\"}");
      server.fault("altered-announcement=main/b");
      server.forgetRequests();
      Terminal.Outcome outcome = run(server.url());
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains("Etag OK for main/a : "), outcome::toString);
      assertTrue(outcome.stdout().contains("Etag NOT OK for main/b : "), outcome::toString);
      assertEquals(
          List.of("HEAD"),
          server
              .requests(
                  "/v1/buckets/main/collections/a/records?_expected="
                      + server.timestamp("main", "a"))
              .stream()
              .map(KintoRequest::method)
              .toList());
    }
  }

  /**
   * A server of one collection, {@code main/a}.
   *
   * @param lists what is answered to each reading of the list; the last one to all further ones
   * @param changesets the same for the collection
   */
  private static RecordingServer server(List<Reply> lists, List<Reply> changesets)
      throws IOException {
    AtomicInteger readings = new AtomicInteger();
    AtomicInteger looks = new AtomicInteger();
    return RecordingServer.routes(request -> {
      if (request.path().contains("/monitor/")) {
        return lists.get(Math.min(readings.getAndIncrement(), lists.size() - 1));
      }
      return changesets.get(Math.min(looks.getAndIncrement(), changesets.size() - 1));
    });
  }

  /** A changeset of this timestamp, as current servers order it. */
  private static Reply at(long timestamp) {
    return Reply.json(
        "{\"metadata\": {}, \"timestamp\": %d, \"changes\": []}".formatted(timestamp));
  }

  /** Lists that announce it at these timestamps. */
  private static List<Reply> announced(long... timestamps) {
    return LongStream.of(timestamps)
        .mapToObj(timestamp ->
            Reply.json("{\"changes\": [%s]}".formatted(entry("a", Long.toString(timestamp)))))
        .toList();
  }

  private static String entry(String name, String timestamp) {
    return "{\"bucket\": \"main\", \"collection\": \"%s\", \"last_modified\": %s}"
        .formatted(name, timestamp);
  }

  /** Lists of which the first announces it at 100. */
  private static List<Reply> announcedThen(Reply reply) {
    return List.of(announced(100).getFirst(), reply);
  }

  /** The one result line of such a server. */
  private static String line(List<Reply> lists, List<Reply> changesets, String... arguments)
      throws IOException {
    try (RecordingServer server = server(lists, changesets)) {
      Terminal.Outcome outcome = run(server.url("/v1"), arguments);
      String line = outcome.stdout().split("\n")[1];
      int expected = line.contains(" NOT OK ") ? 1 : line.contains("NO VERDICT") ? 2 : 0;
      assertEquals(expected, outcome.exit(), outcome.toString());
      return line;
    }
  }

  // ---- a change in flight

  @Test
  void a_collection_that_changes_between_list_and_look_is_no_alarm() throws IOException {
    assertEquals("Etag OK for main/a : 200", line(announced(100, 200), List.of(at(200))));
  }

  @Test
  void nor_is_one_that_changes_again_before_the_list_is_read_again() throws IOException {
    assertEquals("Etag OK for main/a : 300", line(announced(100, 300), List.of(at(150), at(200))));
  }

  @Test
  void one_that_is_newer_than_announced_and_stays_so_is_a_finding() throws IOException {
    assertEquals("Etag NOT OK for main/a : 100 != 200", line(announced(100), List.of(at(200))));
  }

  @Test
  void a_change_in_flight_explains_no_timestamp_outside_of_it() throws IOException {
    assertEquals("Etag NOT OK for main/a : 200 != 90", line(announced(100, 200), List.of(at(90))));
    assertEquals(
        "Etag NOT OK for main/a : 200 != 210", line(announced(100, 200), List.of(at(210))));
  }

  @Test
  void nor_a_cache_that_is_older_than_what_was_announced_at_first() throws IOException {
    assertEquals(
        "Etag NOT OK for main/a : 200 != 90 (cache)",
        line(announced(100, 200), List.of(at(90), at(200))));
  }

  @Test
  void an_announcement_that_goes_back_to_what_is_found_was_read_from_a_list_that_lags()
      throws IOException {
    assertEquals("Etag OK for main/a : 100", line(announced(200, 100), List.of(at(100))));
  }

  @Test
  void one_that_is_announced_no_more_is_skipped() throws IOException {
    assertEquals(
        "Etag SKIP for main/a : 100 (no longer announced)",
        line(announcedThen(Reply.json("{\"changes\": []}")), List.of(Reply.status(404))));
  }

  @Test
  void a_list_that_cannot_be_read_again_leaves_no_verdict() throws IOException {
    assertEquals(
        "Etag NO VERDICT (the list cannot be read again: 403) for main/a : 100",
        line(announcedThen(Reply.status(403)), List.of(at(90))));
  }

  @Test
  void its_hint_is_about_the_answer_and_not_about_the_entry() throws IOException {
    try (RecordingServer server = server(announcedThen(Reply.status(403)), List.of(at(90)))) {
      Terminal.Outcome outcome = run(server.url("/v1"));
      assertTrue(
          outcome.stderr().contains("hint: check that it exists and that this account may read it"),
          outcome::toString);
    }
  }

  @Test
  void nor_does_an_entry_that_is_spoiled_meanwhile() throws IOException {
    assertEquals(
        "Etag NO VERDICT (the entry's last_modified is not a timestamp) for main/a : 100",
        line(announced(100, -1), List.of(at(90))));
  }

  // ---- cache or origin

  @Test
  void what_is_right_past_the_caches_only_is_a_cache_s_fault() throws IOException {
    assertEquals(
        "Etag NOT OK for main/a : 100 != 90 (cache)",
        line(announced(100), List.of(at(90), at(100))));
  }

  @Test
  void what_is_wrong_in_two_ways_shows_the_origin_s() throws IOException {
    assertEquals(
        "Etag NOT OK for main/a : 100 != 95", line(announced(100), List.of(at(90), at(95))));
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404})
  void a_collection_that_cannot_be_read_is_a_finding_from_cache_or_origin(int status)
      throws IOException {
    assertEquals(
        "Etag NOT OK for main/a : 100 != not readable: " + status,
        line(announced(100), List.of(Reply.status(status))));
    assertEquals(
        "Etag NOT OK for main/a : 100 != not readable: " + status + " (cache)",
        line(announced(100), List.of(Reply.status(status), at(100))));
    assertEquals(
        "Etag NOT OK for main/a : 100 != not readable: " + status,
        line(announced(100), List.of(at(90), Reply.status(status))));
  }

  // ---- no verdict

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      value = {
        "{\"metadata\": {}, \"changes\": []} | unexpected answer: timestamp is missing",
        "{\"timestamp\": \"100\"} | unexpected answer: timestamp is not epoch milliseconds",
        "{\"timestamp\": 100.5} | unexpected answer: timestamp is not epoch milliseconds",
        "[42] | unexpected answer: it is not an object",
      })
  void a_changeset_without_a_timestamp_leaves_no_verdict(String changeset, String reason)
      throws IOException {
    String expected = "Etag NO VERDICT (%s) for main/a : 100".formatted(reason);
    assertEquals(expected, line(announced(100), List.of(Reply.json(changeset))));
    assertEquals(expected, line(announced(100), List.of(at(90), Reply.json(changeset))));
  }

  @ParameterizedTest
  @CsvSource({
    "'', no ETag",
    "ETag: \"\", the ETag is not a timestamp",
    "ETag: \"abc\", the ETag is not a timestamp",
    "ETag: 1000, the ETag is not a timestamp",
  })
  void an_etag_that_is_missing_or_no_timestamp_leaves_no_verdict(String etag, String reason)
      throws IOException {
    String list = "{\"data\": [%s]}".formatted(entry("a", "100"));
    try (RecordingServer server =
        RecordingServer.routes(request ->
            request.path().endsWith("/changeset")
                ? Reply.status(404)
                : request.path().contains("/monitor/")
                    ? Reply.json(list)
                    : Reply.answer(200, "", etag.isEmpty() ? "X: y" : etag))) {
      Terminal.Outcome outcome = run(server.url("/v1"));
      assertEquals(2, outcome.exit(), outcome.toString());
      assertEquals(
          "Etag NO VERDICT (%s) for main/a : 100".formatted(reason),
          outcome.stdout().split("\n")[1]);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'metadata': {}, 'timestamp': 100, 'changes': []}", // /v1
        "{'timestamp': 100, 'metadata': {}, 'changes': []}", // /v2
        "{'changes': [{'id': 'a'}], 'metadata': {}, 'timestamp': 100}",
      })
  void the_order_within_a_changeset_does_not_matter(String changeset) throws IOException {
    assertEquals(
        "Etag OK for main/a : 100",
        line(announced(100), List.of(Reply.json(changeset.replace("'", "\"")))));
  }

  @Test
  void a_redirect_to_another_name_of_the_server_leaves_no_verdict_and_a_hint() throws IOException {
    try (RecordingServer server =
        server(announced(100), List.of(Reply.status(307, "Location: http://127.0.0.1:1/v1/x")))) {
      Terminal.Outcome outcome = run(server.url("/v1"), "--requests-nb-retries", "0");
      assertEquals(2, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stderr().contains("set http_host = 127.0.0.1:%d ".formatted(server.port())),
          outcome::toString);
    }
  }

  @Test
  void one_that_fails_past_the_caches_leaves_no_verdict() throws IOException {
    assertEquals(
        "Etag NO VERDICT (400) for main/a : 100",
        line(announced(100), List.of(at(90), Reply.status(400))));
  }

  // ---- what is young enough

  @ParameterizedTest
  @CsvSource({
    // announced, found, as milliseconds before now; the lag shown
    "9999, 60000, 9", // announced, but not yet there
    "60000, 9999, 9", // there, but not yet announced
    "60000, 0, 0",
    "60000, -9999, 0", // by a clock that is ahead of ours
  })
  void a_difference_is_tolerated_while_the_newer_timestamp_is_younger_than_max_lag(
      long announced, long found, int lag) throws IOException {
    String expected = "Etag OK for main/a : %d (lag %d s)".formatted(NOW - announced, lag);
    assertEquals(expected, lineWithMaxLag(announced, found));
    assertEquals(expected, lineWithMaxLag(announced, found, announced));
  }

  @ParameterizedTest
  @CsvSource({"10000, 60000", "60000, 10000", "60000, -10000"})
  void a_difference_is_a_finding_when_the_newer_timestamp_is_max_lag_away_from_now(
      long announced, long found) throws IOException {
    String expected = "Etag NOT OK for main/a : %d != %d".formatted(NOW - announced, NOW - found);
    assertEquals(expected, lineWithMaxLag(announced, found));
    assertEquals(expected + " (cache)", lineWithMaxLag(announced, found, announced));
  }

  /** The line for timestamps of so many milliseconds before now; the second is that past caches. */
  private static String lineWithMaxLag(long announced, long... found) throws IOException {
    List<Reply> changesets = LongStream.of(found).mapToObj(before -> at(NOW - before)).toList();
    return line(announced(NOW - announced), changesets, "--max-lag", "10");
  }

  @Test
  void without_max_lag_no_difference_is_tolerated() throws IOException {
    assertEquals(
        "Etag NOT OK for main/a : %d != %d".formatted(NOW, NOW - 1),
        line(announced(NOW), List.of(at(NOW - 1))));
  }

  @Test
  void a_collection_that_cannot_be_read_is_no_lag() throws IOException {
    assertEquals(
        "Etag NOT OK for main/a : %d != not readable: 404".formatted(NOW),
        line(announced(NOW), List.of(Reply.status(404)), "--max-lag", "10"));
  }

  // ---- order and parallel requests

  @Test
  void lines_come_in_the_order_of_the_list_whatever_finishes_first() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("503-plain=main/search-config-v2:1");
      String expected = run(server.url(), "--parallel-requests", "1").stdout();
      assertEquals(20, expected.split("\n").length, expected);
      for (int i = 0; i < 3; i++) {
        server.clearFaults();
        server.fault("503-plain=main/search-config-v2:1");
        assertEquals(expected, run(server.url(), "--parallel-requests", "8").stdout());
      }
    }
  }

  @Test
  void collections_are_looked_at_in_parallel() throws IOException {
    CountDownLatch together = new CountDownLatch(4);
    List<String> entries = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      entries.add(entry("c" + i, "100"));
    }
    try (RecordingServer server =
        RecordingServer.routes(request -> {
          if (request.path().contains("/monitor/")) {
            return Reply.json("{\"changes\": " + entries + "}");
          }
          return exchange -> {
            together.countDown();
            together.await(); // each answer waits for the other requests
            at(100).send(exchange);
          };
        })) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url("/v1"))
              .set("REQUESTS_TIMEOUT_SECONDS", 20)
              .run(new validate_changes_collection());
      assertEquals(0, outcome.exit(), outcome.toString());
    }
  }

  @Test
  void ctrl_c_prints_what_was_done_so_far() throws IOException {
    Terminal terminal = new Terminal();
    try (RecordingServer server =
        RecordingServer.routes(request -> {
          if (request.path().contains("/monitor/")) {
            return Reply.json(
                "{\"changes\": " + List.of(entry("a", "100"), entry("b", "100")) + "}");
          }
          if (request.path().contains("/b/")) {
            terminal.interrupts().forEach(Runnable::run);
          }
          return at(100);
        })) {
      Terminal.Outcome outcome =
          terminal
              .set("SERVER", server.url("/v1"))
              .set("PARALLEL_REQUESTS", 1)
              .run(new validate_changes_collection());
      assertEquals(130, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().endsWith(":\nEtag OK for main/a : 100\n"), outcome::toString);
      assertTrue(
          outcome.stderr().contains("interrupted: 2 collections: 1 OK, 1 not finished\n"),
          outcome::toString);
    }
  }

  // ---- exit codes and forms of output

  @Test
  void json_and_text_give_the_same_verdicts() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("stale=main/regions");
      server.fault("stale-always=main/cfr");
      server.fault("404=blocklists/addons");
      server.fault("500=blocklists/plugins");
      Terminal.Outcome text = run(server.url());
      Terminal.Outcome json = run(server.url(), "--format", "json");
      assertEquals(2, text.exit());
      assertEquals(text.exit(), json.exit());
      List<String> lines = new ArrayList<>();
      lines.add("Looking at /buckets/monitor/collections/changes:");
      for (var result : Store.JSON.readTree(json.stdout()).path("results")) {
        String reason = result.path("reason").asString("");
        String found = reason.isEmpty() ? result.path("found").asString("") : reason;
        String status = result.path("status").asString();
        lines.add(
            "Etag %s for %s/%s : %s%s"
                .formatted(
                    switch (status) {
                      case "ok" -> "OK";
                      case "no-verdict" -> "NO VERDICT (" + reason + ")";
                      default -> "NOT OK";
                    },
                    result.path("bucket").asString(),
                    result.path("collection").asString(),
                    result.path("announced").asString(),
                    switch (status) {
                      case "bad" -> " != " + found;
                      case "cache" -> " != " + found + " (cache)";
                      default -> "";
                    }));
      }
      assertEquals(List.of(text.stdout().split("\n")), lines);
    }
  }

  @Test
  void exit_zero_turns_findings_into_zero_but_not_a_missing_verdict() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("stale=main/regions");
      assertEquals(1, run(server.url()).exit());
      assertEquals(0, run(server.url(), "--exit-zero").exit());
      server.fault("500=main/cfr");
      assertEquals(2, run(server.url(), "--exit-zero").exit());
    }
  }

  @Test
  void patterns_that_match_nothing_are_no_verdict() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal.Outcome outcome = run(server.url(), "--only", "nope/*");
      assertEquals(2, outcome.exit());
      assertTrue(
          outcome
              .stderr()
              .contains("error: none of 19 collections is selected: nothing was compared\n"),
          outcome::toString);
    }
  }

  @Test
  void a_reader_whose_content_is_old_is_warned_of() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      for (long seconds : List.of(24 * 3600L, 24 * 3600L + 1)) {
        server.answer(
            "/v1/",
            200,
            "application/json",
            "{\"git\": {\"common\": {\"timestamp\": %d}}, \"capabilities\": {}}"
                .formatted(Terminal.NOW.getEpochSecond() - seconds));
        boolean isOld = seconds > 24 * 3600;
        Terminal.Outcome outcome = run(server.url());
        assertEquals(0, outcome.exit(), outcome::toString);
        assertEquals(
            isOld,
            outcome.stderr().contains("warning: the content of this reader was exported 24 hours"),
            outcome::toString);
        assertEquals(isOld ? 1 : 0, run(server.url(), "--strict").exit());
        assertEquals(0, run(server.url(), "--strict", "--max-export-age", "25").exit());
      }
    }
  }
}
