//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/signature/CanonicalJson.java
//SOURCES ../common/Json.java
//SOURCES ../common/RecordDiff.java
//SOURCES RecordingServer.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../consistency_checks.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Reply.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Changesets;
import common.Json;
import common.RecordDiff;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** The command as a whole, against the embedded server over HTTP, and its decisions. */
class ConsistencyChecksTest {

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  private static Terminal.Outcome run(RemoteSettingsServer server, String... arguments) {
    return new Terminal()
        .set("SERVER", server.url())
        .set("AUTH", "editor:editor")
        .run(new consistency_checks(), arguments);
  }

  // ---- reading

  @Test
  void a_change_in_flight_is_no_difference() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      for (String place : List.of("main-workspace", "main-preview", "main")) {
        server.clearFaults();
        server.fault("altered-record=" + place + "/regions:1");
        Terminal.Outcome outcome = run(server, "--only", "main/regions");
        assertEquals(0, outcome.exit(), place + "\n" + outcome);
        server.fault("altered-record=" + place + "/regions:2");
        assertEquals(1, run(server, "--only", "main/regions").exit(), "the second read counts");
      }
    }
  }

  @Test
  void nothing_is_written() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      run(server);
      assertTrue(server.requests().stream().allMatch(request -> request.isRead()));
    }
  }

  @Test
  void a_source_that_is_being_edited_costs_one_read() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      run(server, "--only", "main/cfr");
      assertEquals(1, server.requests("/v1/buckets/main-workspace/collections/cfr").size());
      assertEquals(0, server.requests("/v1/buckets/main/collections/cfr").size());
      assertEquals(0, server.requests("/v1/buckets/main-preview/collections/cfr").size());
    }
  }

  @Test
  void a_draft_that_nobody_announces_is_no_finding() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.put("main-workspace", "draft", "{\"id\":\"1\"}");
      server.edit("main-workspace", "draft", attributes -> attributes.put("status", "to-review"));
      server.put("main-workspace", "private", "{\"id\":\"1\"}");
      server.edit("main-workspace", "private", attributes -> attributes.put("status", "signed"));
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertFalse(outcome.stdout().contains("draft"), outcome::toString);
      assertFalse(outcome.stdout().contains("private"), outcome::toString);
    }
  }

  @Test
  void where_the_sources_cannot_be_listed_there_is_no_full_verdict() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("403=/v1/buckets/staging/collections");
      Terminal.Outcome outcome = run(server);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "staging/* NO VERDICT (403, set AUTH to an account that may read staging/*)\n"),
          outcome::toString);
      assertEquals(0, run(server, "--only", "main/*").exit(), "not asked about");
    }
  }

  /** A server info that says which buckets and collections are to be announced. */
  private static String info(String monitored) {
    return """
    {"user": {"id": "account:editor"}, "capabilities": {"changes": {"collections": %s},
     "signer": {"resources": [{"source": {"bucket": "main-workspace"},
                               "preview": {"bucket": "main-preview"},
                               "destination": {"bucket": "main"}}]}}}\
    """
        .formatted(monitored);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ["/buckets/main"]                                  | 1 | main/regions ERROR
          ["/buckets/main/collections/regions"]              | 1 | main/regions ERROR
          ["/buckets/blocklists", "/buckets/main-workspace"] | 0 | main/regions OK
          ["/buckets/main/collections/cfr"]                  | 0 | main/regions OK
          []                                                 | 0 | main/regions OK
          null                                               | 1 | main/regions ERROR
          """)
  void what_the_server_does_not_mean_to_announce_is_compared_all_the_same(
      String monitored, int exit, String line) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("entry-missing=main/regions");
      server.answer("/v1/", 200, "application/json", info(monitored));
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(exit, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(line), outcome::toString);
      assertEquals(
          exit == 1,
          outcome.stderr().contains("hint: left out on purpose? --exclude main/regions (docs"),
          outcome::toString);
    }
  }

  @Test
  void what_is_not_announced_on_purpose_is_a_finding_if_its_records_differ() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("entry-missing=main/regions");
      server.answer("/v1/", 200, "application/json", info("[]"));
      server.put("main", "regions", "{\"id\":\"more\"}");
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("main/regions ERROR\n - preview → destination: more extra\n"),
          outcome::toString);
    }
  }

  /** Publishes that many records, r00 and so on, from the source to preview and destination. */
  private static void publishBig(RemoteSettingsServer server, int records) {
    String[] all =
        IntStream.range(0, records)
            .mapToObj("{\"id\":\"r%02d\"}"::formatted)
            .toArray(String[]::new);
    for (String bucket : List.of("main-workspace", "main-preview", "main")) {
      server.publish(bucket, "big", all);
    }
    server.edit("main-workspace", "big", attributes -> attributes.put("status", "signed"));
  }

  @ParameterizedTest
  @ValueSource(ints = {9, 10, 11, 12, 20, 21})
  void what_the_server_cuts_is_compared_to_its_end(int records) throws IOException {
    try (RemoteSettingsServer server = server().maxFetchSize(10).pageSize(7).start()) {
      publishBig(server, records);
      Terminal.Outcome same = run(server);
      assertEquals(0, same.exit(), same::toString);
      String last = "r%02d".formatted(records - 1); // which is beyond the limit, if there are more
      for (String bucket : List.of("main", "main-preview", "main-workspace")) {
        server.put(bucket, "big", "{\"id\":\"r00\",\"n\":1}");
        server.put(bucket, "big", "{\"id\":\"%s\",\"n\":1}".formatted(last));
        Terminal.Outcome outcome = run(server);
        boolean isLast = bucket.equals("main-workspace");
        assertEquals(isLast ? 0 : 1, outcome.exit(), outcome::toString);
        assertEquals(
            !isLast, outcome.stdout().contains(": %s differs".formatted(last)), outcome::toString);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 403, 405, 503})
  void where_the_number_of_records_is_not_told_the_list_is_read(int status) throws IOException {
    try (RemoteSettingsServer server = server().maxFetchSize(10).start()) {
      publishBig(server, 12);
      for (String bucket : List.of("main-workspace", "main-preview", "main")) {
        server.answer(
            "HEAD /v1/buckets/%s/collections/big/records".formatted(bucket),
            status,
            "text/plain",
            "");
      }
      assertEquals(0, run(server).exit());
      server.put("main", "big", "{\"id\":\"r00\",\"n\":1}");
      assertEquals(1, run(server).exit());
    }
  }

  @Test
  void all_that_a_destination_without_a_source_has_is_counted() throws IOException {
    try (RemoteSettingsServer server = server().maxFetchSize(10).start()) {
      publishBig(server, 12);
      server.fault("404=main-workspace/big");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains("source main-workspace/big is gone, destination has 12 records"),
          outcome::toString);
    }
  }

  // ---- published metadata

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"flags":["startup"]}       | {"flags":["startup"]}         |
          {"flags":["startup"]}       | {"flags":[]}                  | flags: ["startup"] → []
          {"sort":"-name"}            | {"sort":"name"}               | sort: "-name" → "name"
          {"displayFields":["a","b"]} | {"displayFields":["b","a"]}   | displayFields: ["a","b"] → ["b","a"]
          {"attachment":{"a":1,"b":2}} | {"attachment":{"b":2.0,"a":1}} |
          {"attachment":{"enabled":1}} | {"attachment":{"enabled":true}} | attachment: {"enabled":1} → {"enabled":true}
          {"schema":{"type":"x"}}     | {"schema":{"type":"y"}}       | schema: {"type":"x"} → {"type":"y"}
          {}                          | {"sort":"name"}               | sort: absent → "name"
          {"sort":null}               | {"sort":"name"}               | sort: null → "name"
          {"uiSchema":1,"note":"n"}   | {"uiSchema":2}                |
          {"sort":"\\ud83d"}           | {"sort":"\\ud83e"}             | sort: "?" → "?"
          """)
  void published_metadata_of_a_signed_source_are_those_of_its_destination(
      String source, String destination, String difference) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.edit("main-workspace", "regions", attributes -> attributes.setAll(object(source)));
      server.edit("main", "regions", attributes -> attributes.setAll(object(destination)));
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(
          difference == null
              ? "main/regions OK\n"
              : "main/regions ERROR\n - source → destination: metadata differ in %s\n"
                  .formatted(difference),
          outcome.stdout().replaceFirst(".*\n", ""),
          outcome::toString);
      assertEquals(difference == null ? 0 : 1, outcome.exit(), outcome::toString);
    }
  }

  private static ObjectNode object(String json) {
    return (ObjectNode) Store.JSON.readTree(json);
  }

  @Test
  void metadata_of_a_source_that_is_not_signed_are_not_published_yet() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      for (String status : List.of("to-review", "work-in-progress")) {
        server.edit(
            "main-workspace",
            "regions",
            attributes -> attributes.put("status", status).put("sort", "name"));
        assertEquals(0, run(server, "--only", "main/regions").exit(), status);
      }
    }
  }

  @Test
  void metadata_of_a_source_that_was_never_signed_are_not_published_yet() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.edit("main", "regions", attributes -> attributes.put("sort", "id"));
      server.edit("main-workspace", "regions", attributes -> attributes.putNull("status"));
      assertEquals(0, run(server, "--only", "main/regions").exit());
      server.edit("main-workspace", "regions", attributes -> attributes.put("status", "signed"));
      assertEquals(1, run(server, "--only", "main/regions").exit());
    }
  }

  @Test
  void metadata_that_no_destination_has_are_one_warning() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      for (String collection : List.of("regions", "search-config-v2")) {
        server.edit("main-workspace", collection, attributes -> attributes.put("sort", "name"));
      }
      String warning =
          "warning: no destination has sort, though sources do: this server does not publish it\n";
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(2, outcome.stderr().split(warning, -1).length, outcome::toString);
      server.edit("blocklists", "addons", attributes -> attributes.put("sort", "name"));
      server.edit("staging", "addons", attributes -> attributes.put("sort", "name"));
      outcome = run(server);
      assertEquals(1, outcome.exit(), "one destination has it");
      assertTrue(outcome.stdout().contains("sort: \"name\" → absent"), outcome::toString);
      assertFalse(outcome.stderr().contains("no destination has"), outcome::toString);
    }
  }

  @Test
  void where_destinations_cannot_be_listed_nobody_knows_what_is_published() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.edit("main-workspace", "regions", attributes -> attributes.put("sort", "name"));
      server.fault("503=/v1/buckets/main/collections");
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("main/regions NO VERDICT (destinations: 503"),
          outcome::toString);
      assertFalse(outcome.stderr().contains("no destination has"), outcome::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404})
  void a_bucket_of_destinations_that_is_not_there_publishes_nothing(int status) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.edit("main-workspace", "regions", attributes -> attributes.put("sort", "name"));
      server.fault(status + "=/v1/buckets/main/collections");
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("no destination has sort"), outcome::toString);
    }
  }

  @Test
  void metadata_of_a_destination_that_cannot_be_read_are_not_missed() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.edit("main-workspace", "regions", attributes -> attributes.put("sort", "name"));
      server.edit("blocklists", "addons", attributes -> attributes.put("sort", "name"));
      server.fault("404=main/regions");
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("destination: not readable: 404"), outcome::toString);
      assertFalse(outcome.stdout().contains("metadata"), outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"schema\":{\"maximum\":1e400}} | {\"schema\":{\"maximum\":1e400}} | 0",
        "{\"schema\":{\"maximum\":1e400}} | {\"schema\":{\"maximum\":1e401}} | 1",
        "{\"schema\":{\"maximum\":1e400}} | {\"schema\":{\"maximum\":1}}     | 1",
        "{\"note\":1e400}                 | {\"note\":1}                     | 0"
      })
  void a_number_that_clients_do_not_know_is_compared_as_it_stands(
      String source, String destination, int differences) throws IOException {
    assertEquals(
        differences,
        consistency_checks.metadataDifferences(signed(source), signed(destination)).size());
  }

  private static consistency_checks.Side signed(String metadata) throws IOException {
    Map<String, Object> attributes = new HashMap<>(Json.object(Json.parse(metadata), "metadata"));
    attributes.put("status", "signed");
    return consistency_checks.Side.of("side", List.of(), attributes);
  }

  private static List<String> expected(RemoteSettingsServer server, String collection) {
    return server.requests("/v1/buckets/" + collection + "/changeset?_expected=").stream()
        .map(request -> request.target().replaceFirst(".*_expected=", ""))
        .toList();
  }

  @Test
  void the_destination_is_read_as_clients_do_and_all_else_past_the_caches() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.delete("main", "regions", "jp");
      String announced = Long.toString(server.timestamp("main", "regions"));
      assertEquals(1, run(server, "--only", "main/regions").exit());
      List<String> destination = expected(server, "main/collections/regions");
      assertEquals(2, destination.size(), "a difference is read a second time");
      assertEquals(announced, destination.getFirst());
      assertNotEquals(announced, destination.getLast(), "past the caches");
      for (String other : List.of("main-workspace", "main-preview")) {
        List<String> reads = expected(server, other + "/collections/regions");
        assertEquals(2, reads.size());
        assertEquals(2, new TreeSet<>(reads).size(), "never twice the same");
      }
    }
  }

  @Test
  void an_old_server_too_is_read_past_the_caches_the_second_time() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).withoutChangesets().start()) {
      server.delete("main", "regions", "jp");
      String announced = Long.toString(server.timestamp("main", "regions"));
      assertEquals(1, run(server, "--only", "main/regions").exit());
      List<String> reads =
          server.requests("/v1/buckets/main/collections/regions/records?_expected=").stream()
              .map(request -> request.target().replaceFirst(".*_expected=", ""))
              .toList();
      assertEquals(2, reads.size());
      assertEquals(announced, reads.getFirst());
      assertNotEquals(announced, reads.getLast());
    }
  }

  @Test
  void what_is_published_while_the_list_is_read_is_no_finding() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("entry-missing=main/regions:1");
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome::toString);
      server.fault("entry-missing=main/regions:2");
      assertEquals(1, run(server).exit());
    }
  }

  @Test
  void what_is_not_announced_is_looked_for_among_what_is_selected() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("entry-missing=main/regions");
      assertEquals(0, run(server, "--only", "main/cfr,blocklists/*").exit());
      assertEquals(0, run(server, "--exclude", "main/regions").exit());
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("main/regions ERROR\n - source main-workspace/regions"));
    }
  }

  @Test
  void an_unannounced_destination_that_cannot_be_judged_is_no_draft() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("entry-missing=main/regions");
      server.fault("503-long=main/regions");
      Terminal.Outcome outcome = run(server, "--only", "main/*");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("main/regions NO VERDICT (destination: 503"),
          outcome::toString);
    }
  }

  @Test
  void a_list_that_cannot_be_read_again_leaves_the_other_verdicts() throws IOException {
    try (RecordingServer server =
        RecordingServer.routes(request -> {
          String all = "{\"bucket\": \"%s\", \"collection\": null}";
          return request.path().equals("/v1/")
              ? Reply.json(
                  "{\"capabilities\": {\"signer\": {\"resources\": [{\"source\": %s, \"destination\": %s}]}}}"
                      .formatted(all.formatted("desk"), all.formatted("main")))
              : request.path().contains("/monitor/")
                  ? listed.getAndIncrement() == 0
                      ? Reply.json(
                          "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"a\","
                              + " \"last_modified\": 1}]}")
                      : Reply.status(403)
                  : request.path().equals("/v1/buckets/desk/collections")
                      ? Reply.json("{\"data\": [{\"id\": \"b\", \"status\": \"signed\"}]}")
                      : request.path().endsWith("/changeset")
                          ? Reply.json(
                              "{\"metadata\": {\"status\": \"signed\"}, \"timestamp\": 1,"
                                  + " \"changes\": []}")
                          : Reply.json("{\"data\": {\"id\": \"b\"}}");
        })) {
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", server.url("/v1")).run(new consistency_checks());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("main/a OK\nmain/b ERROR\n"), outcome::toString);
      assertTrue(outcome.stderr().contains("error: cannot read the list again: "));
    }
  }

  @Test
  void the_hint_names_all_that_may_be_left_out_on_purpose() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("entry-missing=main/regions");
      server.fault("entry-missing=main/search-config-v2");
      String names = "main/regions,main/search-config-v2";
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("hint: left out on purpose? --exclude " + names + " (docs"),
          outcome::toString);
      assertTrue(
          run(server, "--format=json")
              .stdout()
              .contains("\"hint\" : \"left out on purpose? --exclude main/regions\""));
      assertEquals(0, run(server, "--exclude", names).exit());
    }
  }

  private final AtomicInteger listed = new AtomicInteger();

  @Test
  void what_to_set_on_a_server_that_names_itself_otherwise_is_said_below() throws IOException {
    String all = "{\"bucket\": \"%s\", \"collection\": null}";
    String info =
        "{\"capabilities\": {\"signer\": {\"resources\": [{\"source\": %s, \"destination\": %s}]}}}"
            .formatted(all.formatted("desk"), all.formatted("main"));
    try (RecordingServer server =
        RecordingServer.routes(request ->
            request.path().equals("/v1/")
                ? Reply.json(info)
                : request.path().contains("/monitor/")
                    ? Reply.json(
                        "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"a\","
                            + " \"last_modified\": 1}]}")
                    : request.path().equals("/v1/buckets/desk/collections")
                        ? Reply.json("{\"data\": []}")
                        : Reply.answer(
                            302, "", "Location: " + RecordingServer.nobody(request.path())))) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url("/v1"))
              .run(new consistency_checks(), "--requests-nb-retries=0");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("set http_host = 127.0.0.1:" + server.port()),
          outcome::toString);
    }
  }

  @Test
  void a_bucket_of_sources_that_is_not_there_is_no_matter() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("404=/v1/buckets/staging/collections");
      Terminal.Outcome outcome = run(server, "--only", "main/*");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(0, run(server).exit());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"b c", "a?x=", "..", "a/b", ""})
  void an_id_that_is_no_name_is_an_unexpected_answer(String id) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.answer(
          "/v1/buckets/main-workspace/collections",
          200,
          "application/json",
          "{\"data\": [{\"id\": \"%s\", \"status\": \"signed\"}]}".formatted(id));
      Terminal.Outcome outcome = run(server, "--only", "main/*");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "main-workspace/* NO VERDICT (source: unexpected answer: a collection's id is not"
                      + " a valid name)\n"),
          outcome::toString);
      assertTrue(outcome.stdout().contains("main/regions OK\n"), outcome::toString);
    }
  }

  @Test
  void one_that_is_announced_twice_is_compared_once() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.announce("{\"bucket\":\"main\",\"collection\":\"regions\",\"last_modified\":5}");
      Terminal.Outcome outcome = run(server, "--only", "main/regions");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(1, outcome.stdout().lines().filter(line -> line.endsWith(" OK")).count());
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "warning: /buckets/monitor/collections/changes announces main/regions more than"
                      + " once"),
          outcome::toString);
    }
  }

  @Test
  void json_and_text_give_the_same_verdicts() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("altered-record=main/regions");
      server.fault("403=main-workspace/onecrl");
      server.fault("403=security-state-staging/onecrl");
      List<String> lines = new ArrayList<>();
      run(server)
          .stdout()
          .lines()
          .filter(line -> line.matches("\\S+/\\S+ .*") && !line.startsWith("Read "))
          .forEach(line ->
              lines.add(line.replaceFirst("\\S+ (NO VERDICT|\\S+).*", "$1").replace(' ', '-')));
      List<String> statuses = new ArrayList<>();
      Store.JSON
          .readTree(run(server, "--format", "json").stdout())
          .path("results")
          .forEach(result ->
              statuses.add(
                  switch (result.path("status").asString()) {
                    case "bad" -> "ERROR";
                    case String status -> status.toUpperCase();
                  }));
      assertEquals(lines, statuses);
      assertEquals(4, new TreeSet<>(lines).size(), lines.toString());
    }
  }

  @Test
  void ctrl_c_prints_what_was_done_so_far() throws IOException {
    Terminal terminal = new Terminal();
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("503=main-workspace/regions:1");
      Terminal.Outcome outcome =
          terminal
              .onPause(() -> terminal.interrupts().forEach(Runnable::run))
              .set("SERVER", server.url())
              .set("AUTH", "editor:editor")
              .set("PARALLEL_REQUESTS", 1)
              .run(new consistency_checks(), "--only", "main/*");
      assertEquals(130, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("main/newtab-wallpapers-v2 OK\n"), outcome::toString);
      assertTrue(
          outcome.stderr().endsWith("interrupted: 6 collections: 3 OK, 1 SKIP, 2 not finished\n"),
          outcome::toString);
    }
  }

  /** Source, preview and destination of so many equal records. */
  private static void fill(RemoteSettingsServer server, String collection, int records) {
    for (String bucket : List.of("main-workspace", "main-preview", "main")) {
      for (int i = 0; i < records; i++) {
        server.put(
            bucket, collection, "{\"id\":\"r%05d\",\"n\":%d,\"text\":\"value\"}".formatted(i, i));
      }
    }
    server.edit("main-workspace", collection, attributes -> attributes.put("status", "signed"));
  }

  @Test
  void of_thousands_of_differences_ten_are_shown_and_all_with_verbose_or_as_json()
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      fill(server, "large", 3_000);
      for (int i = 0; i < 2_500; i++) {
        server.put("main", "large", "{\"id\":\"r%05d\",\"n\":-1,\"text\":\"value\"}".formatted(i));
      }
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit());
      assertEquals(1 + 1 + 10 + 1, outcome.stdout().lines().count(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  " - preview → destination: r00009 differs in n: 9 → -1\n"
                      + " - and 2490 more, --verbose shows all\n"),
          outcome::toString);
      assertEquals(1 + 1 + 2_500, run(server, "--verbose").stdout().lines().count());
      assertEquals(
          2_500,
          Store.JSON
              .readTree(run(server, "--format", "json").stdout())
              .path("results")
              .path(0)
              .path("differences")
              .size());
    }
  }

  @Test
  void an_old_server_is_read_page_by_page() throws IOException {
    try (RemoteSettingsServer server = server().withoutChangesets().pageSize(100).start()) {
      fill(server, "large", 950);
      assertEquals(0, run(server).exit());
      assertEquals(
          10, server.requests("/v1/buckets/main/collections/large/records").size(), "pages");
      server.delete("main", "large", "r00949");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith(" - preview → destination: r00949 missing\n"),
          outcome::toString);
    }
  }

  @Test
  void lines_are_sorted_by_bucket_and_collection_whatever_finishes_first() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("503-plain=main-workspace/regions:1");
      List<String> names =
          run(server, "--parallel-requests", "8")
              .stdout()
              .lines()
              .skip(1)
              .map(line -> line.split(" ")[0])
              .toList();
      assertEquals(names.stream().sorted().toList(), names);
      assertEquals(10, names.size());
    }
  }

  // ---- decisions

  private static consistency_checks.Side side(String name, String... records) {
    String changes = String.join(",", records);
    try {
      return consistency_checks.Side.of(
          name,
          Changesets.read(
                  new ByteArrayInputStream(
                      "{\"metadata\":{},\"timestamp\":1,\"changes\":[%s]}"
                          .formatted(changes)
                          .getBytes(StandardCharsets.UTF_8)))
              .records(),
          Map.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<consistency_checks.Difference> differences(String left, String right) {
    return consistency_checks.differences(side("left", left), side("right", right));
  }

  @Test
  void records_are_compared_by_value() {
    assertEquals(
        List.of(),
        differences(
            "{\"id\":\"a\",\"n\":1,\"o\":{\"x\":[1.50],\"y\":\"\\u00e9\"},\"last_modified\":1}",
            "{\"schema\":7,\"o\":{\"y\":\"é\",\"x\":[1.5]},\"n\":1.0,\"id\":\"a\",\"last_modified\":2}"));
    for (String other :
        List.of(
            "{\"id\":\"a\"}",
            "{\"id\":\"a\",\"n\":null}",
            "{\"id\":\"a\",\"n\":\"1\"}",
            "{\"id\":\"a\",\"n\":1,\"m\":null}",
            "{\"id\":\"a\",\"n\":[1]}",
            "{\"id\":\"a\",\"n\":true}",
            "{\"id\":\"a\",\"n\":12345678901234567890}")) {
      assertEquals(1, differences("{\"id\":\"a\",\"n\":1}", other).size(), other);
    }
    assertEquals(
        1,
        differences("{\"id\":\"a\",\"o\":{\"schema\":1}}", "{\"id\":\"a\",\"o\":{\"schema\":2}}")
            .size(),
        "only a record's own schema is set by the server");
    assertEquals(1, differences("{\"id\":\"a\",\"l\":[1,2]}", "{\"id\":\"a\",\"l\":[2,1]}").size());
  }

  @Test
  void a_difference_says_what_differs_on_which_side() {
    assertEquals(
        List.of(
            new RecordDiff.Field("gone", "{\"x\":1}", null),
            new RecordDiff.Field("n", "1", "2"),
            new RecordDiff.Field("new", null, "null")),
        differences(
                "{\"id\":\"a\",\"n\":1,\"same\":0,\"gone\":{\"x\":1},\"last_modified\":1}",
                "{\"id\":\"a\",\"n\":2,\"same\":0,\"new\":null,\"last_modified\":2}")
            .getFirst()
            .record()
            .fields());
  }

  private static String shown(String left, String right) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      for (String bucket : List.of("main-workspace", "main-preview")) {
        server.put(bucket, "regions", "{\"id\":\"a\",\"v\":%s}".formatted(left));
      }
      server.put("main", "regions", "{\"id\":\"a\",\"v\":%s}".formatted(right));
      return run(server, "--only", "main/regions")
          .stdout()
          .lines()
          .filter(line -> line.startsWith(" - "))
          .findFirst()
          .orElseThrow()
          .replaceFirst(".*differs in v: ", "");
    }
  }

  @Test
  void of_long_values_the_part_that_differs_is_shown() throws IOException {
    String start = "{\"filename\":\"%s\",\"hash\":\"".formatted("a".repeat(60));
    assertEquals(
        "…hash\":\"0123\"} → …hash\":\"0124\"}", shown(start + "0123\"}", start + "0124\"}"));
    assertEquals("\"a\" → \"a\\u0007\"", shown("\"a\"", "\"a\\u0007\""));
    assertEquals("\"a\" → \"a\\u202e\"", shown("\"a\"", "\"a\\u202e\""));
    assertEquals("\"é😀\" → \"東\"", shown("\"é😀\"", "\"\\u6771\""));
    String smiles = "\"" + "😀".repeat(60);
    String shown = shown(smiles + "\"", smiles + "!\"");
    assertTrue(shown.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff), shown);
    assertTrue(shown.endsWith("!\""), shown);
  }

  @Test
  void the_order_of_records_never_matters() {
    Random random = new Random(42);
    for (int round = 0; round < 100; round++) {
      Map<String, String> left = new HashMap<>();
      Map<String, String> right = new HashMap<>();
      int expected = 0;
      for (int i = 0; i < 20; i++) {
        String id = "r" + i;
        int kind = random.nextInt(5);
        String record = "{\"id\":\"%s\",\"n\":%d}".formatted(id, i);
        if (kind != 0) {
          left.put(id, record);
        }
        if (kind != 1) {
          right.put(id, kind == 2 ? record.replace("\"n\"", "\"m\"") : record);
        }
        expected += kind < 3 ? 1 : 0;
      }
      List<List<consistency_checks.Difference>> found = new ArrayList<>();
      for (int shuffle = 0; shuffle < 3; shuffle++) {
        List<String> lefts = new ArrayList<>(left.values());
        List<String> rights = new ArrayList<>(right.values());
        Collections.shuffle(lefts, random);
        Collections.shuffle(rights, random);
        found.add(
            consistency_checks.differences(
                side("left", lefts.toArray(String[]::new)),
                side("right", rights.toArray(String[]::new))));
      }
      assertEquals(expected, found.getFirst().size());
      assertEquals(found.get(0), found.get(1));
      assertEquals(found.get(0), found.get(2));
    }
  }

  private static consistency_checks.Judgement judged(
      Object status, String source, String preview, String destination) {
    Map<String, Object> attributes = new HashMap<>();
    attributes.put("status", status);
    return consistency_checks.judge(
        attributes,
        side("source", source),
        preview == null ? null : side("preview", preview),
        destination == null ? null : side("destination", destination));
  }

  @Test
  void the_status_of_the_source_says_what_must_be_equal() {
    String one = "{\"id\":\"a\"}";
    String two = "{\"id\":\"b\"}";
    consistency_checks.Consistent fine = new consistency_checks.Consistent();
    for (Object status : new Object[] {"signed", null}) {
      assertEquals(fine, judged(status, one, one, one));
      assertEquals(fine, judged(status, one, null, one));
      assertEquals(fine, judged(status, "", "", ""));
      for (List<String> sides :
          List.of(List.of(two, one, one), List.of(one, two, one), List.of(one, one, two))) {
        assertTrue(
            judged(status, sides.get(0), sides.get(1), sides.get(2))
                instanceof consistency_checks.Inconsistent,
            sides.toString());
      }
      assertTrue(
          judged(status, one, null, "") instanceof consistency_checks.Inconsistent,
          "an empty destination");
    }
    assertEquals(fine, judged("to-review", one, one, null));
    assertTrue(judged("to-review", one, two, null) instanceof consistency_checks.Inconsistent);
    assertEquals(new consistency_checks.Skipped("to-review"), judged("to-review", one, null, null));
    assertEquals(
        new consistency_checks.Skipped("work-in-progress"),
        judged("work-in-progress", one, two, two));
    for (Object status : List.of("to-sign", "to-resign", "to-rollback", "nonsense", 3L, true)) {
      assertEquals(
          new consistency_checks.Inconsistent(
              consistency_checks.Finding.STATUS_ODD, "the status is " + status),
          judged(status, one, one, one));
    }
    assertEquals(
        new consistency_checks.Inconsistent(
            consistency_checks.Finding.STATUS_ODD, "\"status\" attribute missing"),
        consistency_checks.judge(Map.of(), side("source", one), null, null));
  }
}
