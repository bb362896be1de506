//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../backport_records.java
//SOURCES ../common/Runner.java
//SOURCES KintoClient.java
//SOURCES ../server/KintoRequest.java
//SOURCES ../server/KintoResponse.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The command as a whole, against the embedded server over HTTP. */
class BackportRecordsTest {

  /** What is copied: main/from, which everybody may read. */
  private static final String SOURCE = "main/from";

  /** Destinations that nobody signs, that are signed at once, that are reviewed. */
  private static final String UNSIGNED = "backup/to";

  private static final String AUTOMATIC = "main-workspace/auto";
  private static final String REVIEWED = "main-workspace/to";

  private static RemoteSettingsServer server() throws IOException {
    return start(RemoteSettingsServer.builder());
  }

  /** A server with those three, which are empty. */
  private static RemoteSettingsServer start(RemoteSettingsServer.Builder builder)
      throws IOException {
    RemoteSettingsServer server = builder.clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC)).start();
    server.bucket("backup");
    server.create("main", "from");
    server.create("backup", "to");
    KintoClient client = new KintoClient(server.url());
    client.createSource("main-workspace", "auto");
    client.createSource("main-workspace", "to");
    server.forgetRequests();
    return server;
  }

  private static void put(RemoteSettingsServer server, String place, String... records) {
    String[] names = place.split("/");
    for (String record : records) {
      server.put(names[0], names[1], record);
    }
  }

  private static Terminal terminal(RemoteSettingsServer server) {
    return new Terminal()
        .set("SERVER", server.url())
        .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor");
  }

  private static Terminal.Outcome copy(
      RemoteSettingsServer server, String destination, String... arguments) {
    return copy(terminal(server), destination, arguments);
  }

  private static Terminal.Outcome copy(Terminal terminal, String destination, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.add("--backport-records-mappings=" + SOURCE + " -> " + destination);
    return terminal.run(new backport_records(), all.toArray(String[]::new));
  }

  /** The records of a collection by their ids, as far as they are content. */
  private static Map<String, ObjectNode> content(RemoteSettingsServer server, String place) {
    String[] names = place.split("/");
    Map<String, ObjectNode> content = new TreeMap<>();
    for (ObjectNode record : server.store().get(names[0], names[1]).records()) {
      content.put(record.path("id").asString(), record.deepCopy().without("last_modified"));
    }
    return content;
  }

  private static void assertCopied(RemoteSettingsServer server, String destination) {
    assertEquals(content(server, SOURCE), content(server, destination));
  }

  private static String attribute(RemoteSettingsServer server, String place, String name) {
    String[] names = place.split("/");
    return server.store().get(names[0], names[1]).metadata().path(name).asString("");
  }

  private static List<KintoRequest> requests(RemoteSettingsServer server, String method) {
    return server.requests().stream().filter(it -> it.method().equals(method)).toList();
  }

  /** The parts of all batches so far. */
  private static List<JsonNode> parts(RemoteSettingsServer server) {
    List<JsonNode> parts = new ArrayList<>();
    for (KintoRequest batch : requests(server, "POST")) {
      assertEquals("/v1/batch", batch.path());
      Store.JSON.readTree(batch.body()).path("requests").forEach(parts::add);
    }
    return parts;
  }

  /** Nothing but reads. */
  private static void assertNothingWritten(RemoteSettingsServer server) {
    assertEquals(
        List.of(),
        server.requests().stream().filter(request -> !request.method().equals("GET")).toList());
  }

  private static void fill(RemoteSettingsServer server, String place, int count) {
    String[] names = place.split("/");
    for (int i = 0; i < count; i++) {
      server.put(names[0], names[1], "{\"id\":\"r%05d\",\"n\":%d}".formatted(i, i));
    }
  }

  // ---- what is sent

  @Test
  void each_change_is_guarded_by_the_timestamp_of_its_own_record() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"new\",\"n\":1}", "{\"id\":\"same\",\"n\":1}");
      put(server, SOURCE, "{\"id\":\"other\",\"n\":[{\"é\":null}],\"schema\":7}");
      put(server, UNSIGNED, "{\"n\":1,\"id\":\"same\"}", "{\"id\":\"other\"}", "{\"id\":\"gone\"}");
      Map<String, Long> before = new TreeMap<>();
      for (ObjectNode record : server.store().get("backup", "to").records()) {
        before.put(record.path("id").asString(), record.path("last_modified").asLong());
      }
      assertEquals(0, copy(server, UNSIGNED).exit());
      assertEquals(
          List.of(
              part("PUT", "new", "If-None-Match", "*", "{\"id\":\"new\",\"n\":1}"),
              part(
                  "PUT",
                  "other",
                  "If-Match",
                  "\"%d\"".formatted(before.get("other")),
                  "{\"id\":\"other\",\"n\":[{\"é\":null}],\"schema\":7}"),
              part("DELETE", "gone", "If-Match", "\"%d\"".formatted(before.get("gone")), null)),
          parts(server));
      assertCopied(server, UNSIGNED);
      assertEquals(
          before.get("same"),
          server.store().get("backup", "to").records().stream()
              .filter(record -> record.path("id").asString().equals("same"))
              .findFirst()
              .orElseThrow()
              .path("last_modified")
              .asLong(),
          "what is the same is left alone");
    }
  }

  private static JsonNode part(
      String method, String id, String guard, String value, String record) {
    ObjectNode part = Store.JSON.createObjectNode();
    part.put("method", method).put("path", "/buckets/backup/collections/to/records/" + id);
    part.putObject("headers").put(guard, value);
    if (record != null) {
      part.putObject("body").set("data", Store.JSON.readTree(record));
    }
    return part;
  }

  @ParameterizedTest
  @CsvSource({"1,60", "25,3", "100,1"})
  void a_batch_holds_as_many_requests_as_the_server_takes(int most, int batches)
      throws IOException {
    try (RemoteSettingsServer server =
        start(RemoteSettingsServer.builder().batchMaxRequests(most))) {
      fill(server, SOURCE, 60);
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 60 changes.\n"));
      assertEquals(
          IntStream.range(0, 60).mapToObj("Batch #%d:"::formatted).toList(),
          outcome
              .stdout()
              .lines()
              .filter(line -> line.startsWith("Batch"))
              .map(line -> line.replaceFirst(": .*", ":"))
              .toList());
      assertEquals(batches, requests(server, "POST").size());
      assertEquals(60, parts(server).size());
      assertEquals(1, requests(server, "PATCH").size());
      assertCopied(server, REVIEWED);
    }
  }

  @Test
  void ten_thousand_records_are_copied_page_by_page_and_a_second_run_changes_nothing()
      throws IOException {
    try (RemoteSettingsServer server =
        start(RemoteSettingsServer.builder().batchMaxRequests(100).pageSize(3_000))) {
      fill(server, SOURCE, 10_000);
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::stderr);
      assertTrue(outcome.stdout().endsWith("Done. 10000 changes applied.\n"));
      assertEquals(100, requests(server, "POST").size());
      assertCopied(server, UNSIGNED);
      server.forgetRequests();
      outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::stderr);
      assertTrue(outcome.stdout().endsWith("Records are in sync. Nothing to do.\n"));
      assertNothingWritten(server);
    }
  }

  @Test
  void an_id_is_escaped_in_the_path_and_travels_as_it_is() throws IOException {
    try (RemoteSettingsServer server = start(RemoteSettingsServer.builder().withAnyRecordId())) {
      List<String> ids =
          List.of("a b", "é😀", "100%", "x?y=1#z", "..", "a+b&c", "batch-1", "\"q\"", "%2F");
      for (String id : ids) {
        ObjectNode record = Store.JSON.createObjectNode().put("id", id).put("n", 1);
        server.put("main", "from", record);
        server.put("backup", "to", record.deepCopy().put("id", "old " + id));
      }
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(new TreeSet<>(ids), content(server, UNSIGNED).keySet());
      assertTrue(outcome.stdout().contains("/records/a%20b - 201\n"), outcome::toString);
      assertTrue(outcome.stdout().contains("/records/batch-1 - 201\n"), outcome::toString);
      assertTrue(outcome.stdout().contains("/records/%2E%2E - 201\n"), outcome::toString);
      for (String id : ids) {
        server.put("main", "from", Store.JSON.createObjectNode().put("id", id).put("n", 2));
      }
      assertEquals(0, copy(server, UNSIGNED).exit());
      assertCopied(server, UNSIGNED);
    }
  }

  @Test
  void the_attachment_of_a_record_travels_and_its_file_is_shared() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(
          server,
          SOURCE,
          "{\"id\":\"a\",\"attachment\":{\"hash\":\"b5bb\",\"size\":12,\"filename\":\"a.bin\","
              + "\"location\":\"main/from/f.bin\",\"mimetype\":\"application/octet-stream\"}}");
      assertEquals(0, copy(server, REVIEWED).exit());
      assertCopied(server, REVIEWED);
      assertEquals(
          Set.of("GET", "POST", "PATCH"),
          new TreeSet<>(server.requests().stream().map(KintoRequest::method).toList()),
          "no file is fetched or sent");
      assertEquals(1, requests(server, "POST").size());
    }
  }

  @Test
  void filters_select_what_is_copied_and_what_lies_outside_is_deleted() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"age\":50}", "{\"id\":\"b\",\"age\":50,\"x\":\"y z\"}");
      put(server, SOURCE, "{\"id\":\"c\",\"age\":20}");
      put(server, UNSIGNED, "{\"id\":\"c\",\"age\":20}");
      Terminal terminal =
          terminal(server)
              .set("BACKPORT_RECORDS_SOURCE_BUCKET", "main")
              .set("BACKPORT_RECORDS_SOURCE_COLLECTION", "from")
              .set("BACKPORT_RECORDS_DEST_BUCKET", "backup")
              .set("BACKPORT_RECORDS_DEST_COLLECTION", "to")
              .set(
                  "BACKPORT_RECORDS_SOURCE_FILTERS",
                  "{\"min_age\": 42, \"exclude_id\": [\"é&=#+\", \"b\"], \"_sort\": \"-age\"}");
      Terminal.Outcome outcome = terminal.run(new backport_records());
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(Set.of("a"), content(server, UNSIGNED).keySet());
      assertTrue(
          outcome.stderr().contains("1 to create, 0 to update, 1 to delete"), outcome::toString);
      String target =
          server.requests("/v1/buckets/main/collections/from/records?").getFirst().target();
      assertEquals(
          "&min_age=42&exclude_id=%C3%A9%26%3D%23%2B&exclude_id=b&_sort=-age",
          target.replaceFirst(".*_expected=\\d+", ""));
    }
  }

  @Test
  void each_side_is_read_and_written_with_its_own_credentials_only() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      Path file = Files.createTempFile("auth", ".txt");
      try {
        Files.writeString(file, "reviewer:reviewer\n");
        Terminal.Outcome outcome =
            copy(server, REVIEWED, "--backport-records-dest-auth-file=" + file, "--verbose");
        assertEquals(0, outcome.exit(), outcome::toString);
        assertFalse(outcome.toString().contains("editor:editor"), outcome::toString);
        assertFalse(outcome.toString().contains("reviewer:reviewer"), outcome::toString);
      } finally {
        Files.delete(file);
      }
      for (KintoRequest request : server.requests()) {
        boolean isOfSource = request.path().contains("/from");
        if (!request.path().equals("/v1/")) {
          assertEquals(Optional.of(isOfSource ? "editor" : "reviewer"), request.user());
        }
      }
      assertEquals("account:reviewer", attribute(server, REVIEWED, "last_review_request_by"));
    }
  }

  @Test
  void an_account_that_may_see_only_some_records_copies_none_of_them() throws IOException {
    try (RemoteSettingsServer server = server()) {
      KintoClient client = new KintoClient(server.url());
      client.must("admin", "PUT", "/buckets/closed", "{}");
      client.must("admin", "PUT", "/buckets/closed/collections/c", "{}");
      String records = "/buckets/closed/collections/c/records/";
      client.must("admin", "PUT", records + "hidden", "{\"data\":{}}");
      client.must(
          "admin",
          "PUT",
          records + "shared",
          "{\"data\":{},\"permissions\":{\"read\":[\"account:editor\"]}}");
      put(server, UNSIGNED, "{\"id\":\"hidden\"}");
      Terminal.Outcome outcome =
          terminal(server)
              .set("BACKPORT_RECORDS_MAPPINGS", "closed/c -> backup/to")
              .run(new backport_records());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("NO VERDICT (source closed/c: 403: "));
      client.must(
          "admin",
          "PATCH",
          "/buckets/closed/collections/c",
          "{\"permissions\":{\"record:create\":[\"account:editor\"]}}");
      put(server, SOURCE, "{\"id\":\"shared\"}");
      for (String option : List.of("--check", "--dry-run", "--quiet")) {
        outcome = copy(server, "closed/c", option);
        assertEquals(2, outcome.exit(), outcome::toString);
        assertTrue(outcome.stdout().contains("NO VERDICT (destination closed/c: 403: "));
      }
      assertEquals(Set.of("hidden"), content(server, UNSIGNED).keySet());
    }
  }

  // ---- nothing is written

  @ParameterizedTest
  @ValueSource(strings = {"--dry-run", "--check"})
  void a_dry_run_and_a_check_write_nothing_whatever_there_is_to_do(String option)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}", "{\"id\":\"b\",\"n\":1}");
      for (String destination : List.of(UNSIGNED, AUTOMATIC, REVIEWED, "main-workspace/missing")) {
        copy(server, destination, option, "--create-destination");
        put(server, destination.replace("missing", "to"), "{\"id\":\"b\"}", "{\"id\":\"c\"}");
        copy(server, destination, option, "--create-destination");
      }
      server.edit(
          "main-workspace",
          "auto",
          attributes ->
              attributes
                  .put("status", "work-in-progress")
                  .put("last_edit_by", "account:editor")
                  .put("last_edit_date", "2026-11-24T11:00:00Z"));
      put(server, AUTOMATIC, "{\"id\":\"a\"}", "{\"id\":\"b\",\"n\":1}");
      server.delete("main-workspace", "auto", "c");
      Terminal.Outcome owed = copy(server, AUTOMATIC, option);
      assertTrue(
          owed.stdout()
              .matches("(?s).*(Would request the outstanding signature|BEHIND for 3600 s).*"),
          owed::toString);
      assertNothingWritten(server);
    }
  }

  @Test
  void dry_run_and_check_may_come_from_the_environment() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      assertEquals(0, copy(terminal(server).set("DRY_RUN", "true"), UNSIGNED).exit());
      assertEquals(1, copy(terminal(server).set("CHECK", "true"), UNSIGNED).exit());
      assertNothingWritten(server);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "main/to2, --max-deletions=9",
    "main-preview/to2, --max-deletions=9",
    "backup/to, --max-deletions=0",
    "backup/missing, --max-deletions=9"
  })
  void what_is_refused_is_refused_before_any_write(String destination, String option)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      server.create("main", "to2");
      server.create("main-preview", "to2");
      put(server, UNSIGNED, "{\"id\":\"extra\"}");
      Terminal.Outcome outcome =
          copy(
              terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "admin:admin"),
              destination,
              option);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertNothingWritten(server);
    }
  }

  @Test
  void as_many_deletions_as_allowed_are_made() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      put(server, UNSIGNED, "{\"id\":\"x\"}", "{\"id\":\"y\"}");
      assertEquals(0, copy(server, UNSIGNED, "--max-deletions=2").exit());
      assertCopied(server, UNSIGNED);
    }
  }

  @Test
  void the_signed_destination_is_written_if_that_is_meant() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      server.create("main", "to2");
      Terminal.Outcome outcome =
          copy(
              terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "admin:admin"),
              "main/to2",
              "--allow-signed-destination");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. 1 changes applied.\n"), outcome::toString);
      assertCopied(server, "main/to2");
    }
  }

  @Test
  void a_missing_destination_is_made_and_signed_off_like_any_other() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      for (String destination : List.of("backup/made", "main-workspace/made")) {
        Terminal.Outcome outcome = copy(server, destination, "--create-destination");
        assertEquals(0, outcome.exit(), outcome::toString);
        assertCopied(server, destination);
      }
      assertEquals("to-review", attribute(server, "main-workspace/made", "status"));
      List<KintoRequest> made = requests(server, "PUT");
      assertEquals(2, made.size());
      assertEquals(Optional.of("*"), made.getFirst().header("If-None-Match"));
    }
  }

  @Test
  void a_destination_that_somebody_else_makes_meanwhile_is_filled() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}");
      server.before(
          "PUT /v1/buckets/backup/collections/made",
          _ -> put(server, "backup/made", "{\"id\":\"a\",\"n\":0}", "{\"id\":\"theirs\"}"));
      Terminal.Outcome outcome = copy(server, "backup/made", "--create-destination");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(
          List.of("backup/made: changed since it was read; the copy overwrites a, theirs"),
          warnings(outcome));
      assertCopied(server, "backup/made");
    }
  }

  @Test
  void deletions_of_what_others_put_into_a_new_destination_are_limited_too() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}");
      server.before(
          "PUT /v1/buckets/backup/collections/made",
          _ -> put(server, "backup/made", "{\"id\":\"theirs\"}"));
      Terminal.Outcome outcome =
          copy(server, "backup/made", "--create-destination", "--max-deletions=0");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals(Set.of("theirs"), content(server, "backup/made").keySet());
    }
  }

  @ParameterizedTest
  @CsvSource({"lost,4", "lost,0", "503-done,4"})
  void a_creation_whose_answer_is_lost_is_sent_once_and_the_destination_is_filled(
      String fault, int retries) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault(fault + "=PUT main-workspace/made:1");
      Terminal terminal = terminal(server).set("REQUESTS_NB_RETRIES", retries);
      Terminal.Outcome outcome = copy(terminal, "main-workspace/made", "--create-destination");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 3 changes.\n"));
      assertEquals(1, requests(server, "PUT").size());
      assertCopied(server, "main-workspace/made");
    }
  }

  @Test
  void a_bucket_that_vanishes_before_the_creation_is_named() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      once(
          server,
          "PUT /v1/buckets/backup/collections/made",
          () -> new KintoClient(server.url()).must("admin", "DELETE", "/buckets/backup", null));
      Terminal.Outcome outcome = copy(server, "backup/made", "--create-destination");
      assertTrue(
          outcome.stdout().contains("NO VERDICT (destination backup/made cannot be created: 40"),
          outcome::toString);
      assertEquals(
          "does the bucket backup exist? BACKPORT_RECORDS_SOURCE_AUTH (environment) is"
              + " account:editor: set it to an account that may create collections in it",
          hints(outcome));
      assertEquals(List.of(), requests(server, "POST"));
    }
  }

  @Test
  void one_that_is_made_but_not_filled_is_filled_by_the_next_run() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault("403=POST /v1/batch:1");
      Terminal.Outcome outcome = copy(server, "main-workspace/made", "--create-destination");
      assertTrue(
          outcome.stdout().contains("NO VERDICT (0 of 3 changes applied, then POST "),
          outcome::toString);
      assertEquals(
          "BACKPORT_RECORDS_SOURCE_AUTH (environment) is account:editor: set it to an account with"
              + " write permission on main-workspace/made",
          hints(outcome));
      assertEquals(List.of(), requests(server, "PATCH"));
      outcome = copy(server, "main-workspace/made");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 3 changes.\n"));
    }
  }

  private static List<String> warnings(Terminal.Outcome outcome) {
    String start = "backport_records: warning: ";
    return outcome
        .stderr()
        .lines()
        .filter(line -> line.startsWith(start))
        .map(line -> line.substring(start.length()))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"lost", "503-done", "503"})
  void what_others_edit_after_a_lost_answer_is_overwritten_with_a_warning(String fault)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
      put(server, UNSIGNED, "{\"id\":\"a\",\"n\":0}", "{\"id\":\"c\"}");
      server.fault(fault + "=POST /v1/batch:1");
      Terminal terminal =
          terminal(server)
              .onPause(() -> {
                put(server, UNSIGNED, "{\"id\":\"a\",\"n\":7}", "{\"id\":\"c\",\"n\":7}");
              });
      Terminal.Outcome outcome = copy(terminal, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(
          List.of("backup/to: changed since it was read; the copy overwrites a, c"),
          warnings(outcome));
      assertCopied(server, UNSIGNED);
    }
  }

  @Test
  void what_conflicts_undo_is_sent_again_without_a_warning() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 2);
      put(server, UNSIGNED, "{\"id\":\"x\"}");
      server.fault("409=PUT /v1/buckets/backup/collections/to/records/r00001:1");
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(List.of(), warnings(outcome));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--dry-run", "--quiet"})
  void an_edit_between_the_attributes_and_the_records_is_warned_of(String option)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      once(
          server,
          "GET /v1/buckets/main-workspace/collections/to/records*",
          () -> editByReviewer(server, "to/records/theirs", "{\"data\":{}}"));
      assertEquals(
          List.of(
              "main-workspace/to: work in progress by account:reviewer; the copy overwrites it"),
          warnings(copy(server, REVIEWED, option)));
    }
  }

  // ---- somebody writes meanwhile

  @Test
  void a_record_that_changed_since_it_was_read_is_read_again_before_it_is_overwritten()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}", "{\"id\":\"c\"}");
      put(server, REVIEWED, "{\"id\":\"a\",\"n\":0}", "{\"id\":\"d\",\"n\":0}");
      once(
          server,
          () -> {
            put(server, REVIEWED, "{\"id\":\"a\",\"n\":7}", "{\"id\":\"b\",\"n\":7}");
            put(server, REVIEWED, "{\"id\":\"d\",\"n\":7}");
          });
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(
          List.of(
              "main/from -> main-workspace/to",
              "Batch #0: PUT B - 412 Resource was modified meanwhile",
              "Batch #1: PUT C - 201",
              "Batch #2: PUT A - 412 Resource was modified meanwhile",
              "Batch #3: DELETE D - 412 Resource was modified meanwhile",
              "Batch #4: PUT A - 200",
              "Batch #5: PUT B - 200",
              "Batch #6: DELETE D - 200",
              "Done. Requested review for 4 changes."),
          short_(outcome));
      assertEquals(
          List.of("main-workspace/to: changed since it was read; the copy overwrites a, b, d"),
          warnings(outcome));
      assertCopied(server, REVIEWED);
      assertEquals(2, requests(server, "POST").size());
      assertEquals(
          3,
          server.requests("/v1/buckets/main-workspace/collections/to/records?").size(),
          "read before, re-read once, and read when all was done");
    }
  }

  /** Before the first batch only. */
  private static void once(RemoteSettingsServer server, Runnable task) {
    once(server, "POST /v1/batch", task);
  }

  /** Before the first of such requests only. */
  private static void once(RemoteSettingsServer server, String where, Runnable task) {
    AtomicInteger times = new AtomicInteger();
    server.before(
        where,
        _ -> {
          if (times.getAndIncrement() == 0) {
            task.run();
          }
        });
  }

  private static List<String> short_(Terminal.Outcome outcome) {
    return outcome
        .stdout()
        .lines()
        .map(line -> {
          int records = line.indexOf("/records/");
          return records < 0
              ? line
              : line.replaceFirst("/buckets/.*/records/\\w", "")
                  .replaceFirst(
                      "(PUT|DELETE) ",
                      "$1 " + line.substring(records + 9, records + 10).toUpperCase());
        })
        .toList();
  }

  @Test
  void one_that_changes_again_is_left_as_it_is_and_nothing_is_signed_off() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
      put(server, REVIEWED, "{\"id\":\"a\",\"n\":0}");
      AtomicInteger times = new AtomicInteger();
      server.before(
          "POST /v1/batch",
          _ ->
              put(
                  server,
                  REVIEWED,
                  "{\"id\":\"a\",\"n\":%d}".formatted(100 + times.getAndIncrement())));
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  "NO VERDICT (1 of 2 changes applied; missing:"
                      + " a (412: Resource was modified meanwhile))\n"),
          outcome::toString);
      assertEquals(ALL + "; to keep what others did to a, bring it into main/from", hints(outcome));
      assertEquals(101, content(server, REVIEWED).get("a").path("n").asInt(), "not overwritten");
      assertEquals(1, content(server, REVIEWED).get("b").path("n").asInt(), "the rest is applied");
      assertEquals(2, times.get());
      assertEquals(List.of(), requests(server, "PATCH"));
    }
  }

  @Test
  void one_that_became_right_by_itself_counts_as_done() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
      put(server, UNSIGNED, "{\"id\":\"b\",\"n\":0}", "{\"id\":\"c\"}");
      once(
          server,
          () -> {
            put(server, UNSIGNED, "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
            server.delete("backup", "to", "c");
          });
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(1, requests(server, "POST").size());
      assertTrue(outcome.stdout().contains("records/a - 412 (already there)\n"));
      assertTrue(outcome.stdout().contains("records/c - 404 (already gone)\n"));
    }
  }

  @Test
  void one_that_is_gone_meanwhile_is_made_again() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}");
      put(server, UNSIGNED, "{\"id\":\"a\",\"n\":0}");
      once(server, () -> server.delete("backup", "to", "a"));
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertCopied(server, UNSIGNED);
    }
  }

  @Test
  void what_others_add_meanwhile_is_left_to_them_and_nothing_is_signed_off() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\"}");
      put(server, REVIEWED, "{\"id\":\"a\",\"n\":0}", "{\"id\":\"b\"}");
      once(server, () -> put(server, REVIEWED, "{\"id\":\"b\",\"n\":2}", "{\"id\":\"y\"}"));
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "1 of 1 changes applied;"
                      + " missing: b (changed since), y (added since, to be deleted)"),
          outcome::toString);
      assertEquals(
          ALL + "; to keep what others did to b, y, bring it into main/from", hints(outcome));
      assertEquals(2, content(server, REVIEWED).get("b").path("n").asInt());
      assertEquals(Set.of("a", "b", "y"), content(server, REVIEWED).keySet());
      assertEquals(List.of(), requests(server, "PATCH"));
    }
  }

  // ---- the server refuses, fails, loses

  @ParameterizedTest
  @CsvSource({"403,403", "400,400", "413,413", "401,401", "404,404", "control-characters,403"})
  void a_part_that_is_refused_leaves_the_rest_and_the_next_run_finishes_it(String fault, int status)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 40);
      server.fault(fault + "=PUT /v1/buckets/main-workspace/collections/to/records/r00007");
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("r00007 - %d".formatted(status)), outcome::toString);
      assertTrue(
          outcome.stdout().contains("NO VERDICT (39 of 40 changes applied; missing: r00007 ("),
          outcome::toString);
      assertEquals(39, content(server, REVIEWED).size());
      assertEquals(List.of(), requests(server, "PATCH"), "no signoff while something is missing");
      assertEquals("work-in-progress", attribute(server, REVIEWED, "status"));
      server.clearFaults();
      outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 1 changes.\n"));
      assertCopied(server, REVIEWED);
      assertEquals("to-review", attribute(server, REVIEWED, "status"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"429", "500", "502", "503", "503-date", "504", "409", "412"})
  void a_part_that_fails_for_a_moment_is_done_in_the_second_round(String fault) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 40);
      server.fault(fault + "=PUT /v1/buckets/main-workspace/collections/to/records/r00007:1");
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 40 changes.\n"));
      assertCopied(server, REVIEWED);
      assertEquals(1, requests(server, "PATCH").size());
    }
  }

  @Test
  void one_record_that_has_its_batch_refused_is_found_and_the_others_are_written()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 60);
      put(server, SOURCE, "{\"id\":\"r00007\",\"n\":0.5}"); // which the signer does not take
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("NO VERDICT (59 of 60 changes applied; missing: r00007 (400: "),
          outcome::toString);
      assertEquals(59, content(server, REVIEWED).size());
      assertTrue(requests(server, "POST").size() <= 3 + 2 * 6, "by halves");
      assertEquals(List.of(), requests(server, "PATCH"));
    }
  }

  @ParameterizedTest
  @CsvSource({"400=POST /v1/batch, 196", "413=POST /v1/batch, 196", "403=PUT backup/to, 4"})
  void a_server_that_takes_nothing_is_not_asked_for_every_record(String fault, int batches)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 300);
      server.fault(fault);
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("NO VERDICT (0 of 300 changes applied; missing: "));
      assertEquals(batches, requests(server, "POST").size());
    }
  }

  @Test
  void nor_one_that_takes_nothing_any_more() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1000);
      AtomicInteger batches = new AtomicInteger();
      server.after(
          "POST /v1/batch",
          _ -> {
            if (batches.getAndIncrement() == 0) {
              server.fault("400=POST /v1/batch");
            }
          });
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("NO VERDICT (25 of 1000 changes applied; missing: "));
      assertEquals(197, requests(server, "POST").size());
      assertEquals(
          2, server.requests("/v1/buckets/backup/collections/to/records?").size(), "no third look");
    }
  }

  @Test
  void what_a_refusal_and_a_weakness_leave_open_is_told_apart() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      put(server, UNSIGNED, "{\"id\":\"r00001\"}", "{\"id\":\"x\"}");
      String records = " /v1/buckets/backup/collections/to/records/";
      server.fault("403=PUT" + records + "r00000");
      server.fault("403=PUT" + records + "r00001");
      server.fault("403=DELETE" + records + "x");
      server.fault("412=PUT" + records + "r00002:1");
      Terminal.Outcome outcome = copy(server, UNSIGNED, "--quiet");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("1 of 4 changes applied; missing: r00000 (403: "),
          outcome::toString);
      assertEquals(5, parts(server).size(), "the refused ones are sent once");
      assertTrue(outcome.stdout().contains("r00002 - 412 "), "what is not well is shown");
      assertFalse(outcome.stdout().contains(" - 201"), outcome::toString);
    }
  }

  @Test
  void a_server_that_asks_for_a_longer_wait_than_ours_gets_it() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 60);
      server.fault("503-long=POST /v1/batch");
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("asks to wait 3600 s"), outcome::toString);
      assertEquals(1, requests(server, "POST").size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "\"<html>\"", "{}"})
  void a_success_without_a_record_is_believed_when_it_is_read(String body) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      server.answer(
          "POST /v1/batch",
          200,
          "application/json",
          "{\"responses\":[{\"status\":200,\"body\":%s}]}".formatted(body));
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains("0 of 1 changes applied; missing: r00000 (different when read afterwards)"),
          outcome::toString);
    }
  }

  @Test
  void a_server_that_fails_for_good_is_not_asked_for_every_batch() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 300);
      server.fault("503-plain=POST /v1/batch");
      Terminal.Outcome outcome = copy(terminal(server).set("REQUESTS_NB_RETRIES", "1"), UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals(4, requests(server, "POST").size(), "two rounds of two attempts");
    }
  }

  @Test
  void what_conflicts_have_undone_does_not_count_as_applied() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 2);
      server.fault("409=PUT /v1/buckets/backup/collections/to/records/r00001");
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "0 of 2 changes applied; missing: r00000 (different when read afterwards),"
                      + " r00001 (409: "),
          outcome::toString);
    }
  }

  @Test
  void a_long_message_of_the_server_is_shortened() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      server.answer(
          "POST /v1/batch",
          200,
          "application/json",
          "{\"responses\":[{\"status\":400,\"body\":{\"message\":\"%s\"}}]}"
              .formatted("no ".repeat(200)));
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      outcome.stdout().lines().forEach(line -> assertTrue(line.length() < 300, line));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"id\":\"x\"}", "{\"id\":\"x\",\"last_modified\":0}"})
  void a_record_that_cannot_be_guarded_is_not_changed(String record) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      server.answer(
          "GET /v1/buckets/backup/collections/to/records",
          KintoResponse.of(200, "application/json", "{\"data\":[" + record + "]}")
              .with("ETag", "\"5\""));
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("record x has no last_modified, so it cannot be changed"),
          outcome::toString);
      assertNothingWritten(server);
    }
  }

  @Test
  void a_batch_that_a_gateway_finds_too_large_is_sent_by_halves() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 20);
      server.fault("413=POST /v1/batch:3");
      Terminal.Outcome outcome = copy(server, UNSIGNED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertCopied(server, UNSIGNED);
      assertTrue(requests(server, "POST").size() > 4);
    }
  }

  @Test
  void a_batch_that_fails_waits_as_long_as_the_server_asks() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 30);
      server.fault("503=POST /v1/batch:1");
      Terminal terminal = terminal(server);
      Terminal.Outcome outcome = copy(terminal, AUTOMATIC);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(List.of(Duration.ofSeconds(1)), terminal.waits());
      assertTrue(outcome.stdout().endsWith("Done. 30 changes applied and signed.\n"));
      assertEquals("signed", attribute(server, AUTOMATIC, "status"));
      assertCopied(server, "main/auto");
    }
  }

  @ParameterizedTest
  @CsvSource({"lost,4", "lost,0", "503-done,4", "503-done,0"})
  void what_was_applied_before_its_answer_was_lost_is_neither_doubled_nor_destroyed(
      String fault, int retries) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 30);
      put(server, SOURCE, "{\"id\":\"upd\",\"n\":1}");
      put(server, REVIEWED, "{\"id\":\"upd\",\"n\":0}", "{\"id\":\"del\"}");
      server.fault(fault + "=POST /v1/batch:1");
      Map<String, Long> written = new TreeMap<>();
      AtomicInteger batches = new AtomicInteger();
      server.after(
          "POST /v1/batch",
          _ -> {
            if (batches.getAndIncrement() == 0) {
              written.putAll(timestamps(server));
            }
          });
      Terminal.Outcome outcome =
          copy(terminal(server).set("REQUESTS_NB_RETRIES", retries), REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith("Done. Requested review for 32 changes.\n"), outcome::toString);
      assertCopied(server, REVIEWED);
      Map<String, Long> after = timestamps(server);
      written.keySet().removeIf(id -> id.equals("upd") || id.equals("del")); // of the second batch
      assertEquals(25, written.size());
      written.forEach((id, timestamp) -> assertEquals(timestamp, after.get(id), id));
      assertEquals(1, requests(server, "PATCH").size());
    }
  }

  private static Map<String, Long> timestamps(RemoteSettingsServer server) {
    Map<String, Long> timestamps = new TreeMap<>();
    for (ObjectNode record : server.store().get("main-workspace", "to").records()) {
      timestamps.put(record.path("id").asString(), record.path("last_modified").asLong());
    }
    return timestamps;
  }

  @Test
  void a_server_that_fails_in_the_middle_is_asked_no_more_and_the_next_run_goes_on()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 100);
      AtomicInteger batches = new AtomicInteger();
      server.after(
          "POST /v1/batch",
          _ -> {
            if (batches.incrementAndGet() == 2) {
              server.fault("reset=/v1/*");
            }
          });
      Terminal.Outcome outcome = copy(terminal(server).set("REQUESTS_NB_RETRIES", "1"), REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains("NO VERDICT (50 of 100 changes applied, then POST " + server.url()),
          outcome::toString);
      assertEquals(50, content(server, REVIEWED).size());
      server.clearFaults();
      outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 50 changes.\n"));
      assertCopied(server, REVIEWED);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"responses\":[]}",
        "{\"responses\":[{},{}]}",
        "{\"responses\":[{\"status\":\"201\"},{\"status\":\"201\"}]}",
        "{\"responses\":[{\"status\":201},7]}",
        "{\"responses\":{}}",
        "{}",
        "[]"
      })
  void an_answer_that_is_no_batch_s_is_no_success(String answer) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 2);
      server.answer("POST /v1/batch", 200, "application/json", answer);
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("NO VERDICT (0 of 2 changes applied, then POST "),
          outcome::toString);
      assertTrue(outcome.stdout().contains("unexpected answer: "), outcome::toString);
      assertEquals(List.of(), requests(server, "PATCH"));
    }
  }

  @Test
  void a_record_that_the_server_has_made_something_else_of_is_no_success() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}");
      server.answer(
          "POST /v1/batch",
          200,
          "application/json",
          "{\"responses\":[{\"status\":201,\"path\":\"/x\",\"headers\":{},"
              + "\"body\":{\"data\":{\"id\":\"a\",\"n\":2}}}]}");
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("- 201 (the server stored something else)\n"),
          outcome::toString);
      assertEquals(List.of(), requests(server, "PATCH"));
    }
  }

  // ---- signoff

  @Test
  void a_collection_s_own_resource_goes_before_its_bucket_s() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      Terminal.Outcome outcome = copy(server, AUTOMATIC);
      assertTrue(
          outcome.stdout().endsWith("Done. 3 changes applied and signed.\n"), outcome::toString);
      assertEquals("signed", attribute(server, AUTOMATIC, "status"));
      assertCopied(server, "main/auto");
      outcome = copy(server, REVIEWED);
      assertTrue(
          outcome.stdout().endsWith("Done. Requested review for 3 changes.\n"), outcome::toString);
      assertEquals("to-review", attribute(server, REVIEWED, "status"));
      assertCopied(server, "main-preview/to");
      assertEquals(Map.of(), content(server, "main/to"), "nobody has approved it");
    }
  }

  @Test
  void a_review_that_was_refused_is_owed_and_asked_for_by_the_next_run_once() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault("403=PATCH main-workspace/to");
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains("NO VERDICT (3 changes applied, but requesting the review failed: 403"),
          outcome::toString);
      outcome = copy(server, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("NO VERDICT (requesting the review failed: 403"));
      server.clearFaults();
      server.forgetRequests();
      outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested the outstanding review.\n"));
      outcome = copy(server, REVIEWED);
      assertTrue(outcome.stdout().endsWith("Records are in sync. Nothing to do.\n"));
      assertEquals(1, requests(server, "PATCH").size());
      assertEquals(List.of(), requests(server, "POST"));
    }
  }

  @Test
  void a_review_request_whose_answer_is_lost_is_sent_once() throws IOException {
    for (String fault : List.of("lost", "503-done")) {
      for (int retries : List.of(0, 4)) {
        try (RemoteSettingsServer server = server()) {
          fill(server, SOURCE, 3);
          server.fault(fault + "=PATCH main-workspace/to:1");
          Terminal.Outcome outcome =
              copy(terminal(server).set("REQUESTS_NB_RETRIES", retries), REVIEWED);
          assertEquals(0, outcome.exit(), outcome::toString);
          assertEquals(1, requests(server, "PATCH").size());
        }
      }
    }
  }

  @Test
  void a_rejected_review_is_not_asked_for_again_until_something_new_is_to_be_copied()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      KintoClient client = new KintoClient(server.url());
      fill(server, SOURCE, 3);
      assertEquals(0, copy(server, REVIEWED).exit());
      client.must(
          "reviewer",
          "PATCH",
          "/buckets/main-workspace/collections/to",
          "{\"data\":{\"status\":\"work-in-progress\",\"last_reviewer_comment\":\"Not this"
              + " one.\"}}");
      server.forgetRequests();
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith(": review rejected: Not this one.\n"));
      assertNothingWritten(server);
      put(server, SOURCE, "{\"id\":\"r00000\",\"n\":7}");
      outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 1 changes.\n"));
      client.status("reviewer", "main-workspace", "to", "to-sign");
      assertCopied(server, "main/to");
      server.forgetRequests();
      assertEquals(0, copy(server, REVIEWED).exit());
      assertNothingWritten(server);
    }
  }

  private static void editByReviewer(RemoteSettingsServer server, String path, String record) {
    new KintoClient(server.url())
        .must("reviewer", "PUT", "/buckets/main-workspace/collections/" + path, record);
  }

  @Test
  void what_a_reviewer_edits_after_our_records_is_not_submitted_by_us() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.after(
          "POST /v1/batch",
          _ -> editByReviewer(server, "to/records/r00001", "{\"data\":{\"n\":1}}"));
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith("3 changes applied, work in progress by account:reviewer\n"),
          outcome::toString);
      assertEquals(List.of(), requests(server, "PATCH"), "theirs would be reviewed as ours");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"to", "auto"})
  void what_is_edited_just_before_the_signoff_is_neither_submitted_nor_published(String name)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.before("PATCH main-workspace/" + name, _ -> addRecordByReviewer(server, name));
      assertNotSubmitted(server, name, copy(terminal(server), "main-workspace/" + name));
    }
  }

  @Test
  void nor_is_what_is_edited_before_the_signoff_is_tried_again() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault("503=PATCH main-workspace/auto:1");
      Terminal terminal = terminal(server).onPause(() -> addRecordByReviewer(server, "auto"));
      assertNotSubmitted(server, "auto", copy(terminal, "main-workspace/auto"));
    }
  }

  private static void addRecordByReviewer(RemoteSettingsServer server, String name) {
    editByReviewer(server, name + "/records/evil", "{\"data\":{}}");
  }

  private static void assertNotSubmitted(
      RemoteSettingsServer server, String name, Terminal.Outcome outcome) {
    assertEquals(1, outcome.exit(), outcome::toString);
    assertTrue(
        outcome.stdout().endsWith("3 changes applied, work in progress by account:reviewer\n"),
        outcome::toString);
    assertEquals("work-in-progress", attribute(server, "main-workspace/" + name, "status"));
    assertEquals(Map.of(), content(server, "main/" + name), "nothing is published");
    assertEquals(4, server.store().get("main-workspace", name).records().size());
  }

  @Test
  void what_somebody_edits_and_signs_off_before_us_is_not_reported_as_ours() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      once(
          server,
          "PATCH main-workspace/auto",
          () -> {
            editByReviewer(server, "auto/records/theirs", "{\"data\":{}}");
            new KintoClient(server.url()).status("reviewer", "main-workspace", "auto", "to-sign");
          });
      Terminal.Outcome outcome = copy(server, AUTOMATIC);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  "3 changes applied, edited by account:reviewer"
                      + " and signed off by another account\n"),
          outcome::toString);
    }
  }

  @Test
  void a_destination_that_somebody_makes_alike_meanwhile_has_its_own_signoff() throws IOException {
    try (RemoteSettingsServer server = server()) {
      KintoClient client = new KintoClient(server.url());
      put(server, SOURCE, "{\"id\":\"a\",\"n\":1}");
      once(
          server,
          "PUT /v1/buckets/main-workspace/collections/made",
          () -> {
            client.createSource("main-workspace", "made");
            editByReviewer(server, "made/records/a", "{\"data\":{\"n\":1}}");
          });
      Terminal.Outcome outcome = copy(server, "main-workspace/made", "--create-destination");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith(": work in progress by account:reviewer\n"), outcome::toString);
      assertEquals("work-in-progress", attribute(server, "main-workspace/made", "status"));
    }
  }

  @Test
  void a_copy_that_goes_over_somebody_s_work_says_so() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      editByReviewer(server, "to/records/theirs", "{\"data\":{}}");
      for (String option : List.of("--dry-run", "--quiet")) {
        Terminal.Outcome outcome = copy(server, REVIEWED, option);
        assertEquals(0, outcome.exit(), outcome::toString);
        assertTrue(
            outcome
                .stderr()
                .contains(
                    "warning: main-workspace/to: work in progress by account:reviewer;"
                        + " the copy overwrites it\n"),
            outcome::toString);
      }
    }
  }

  /** As if a node whose clock is ahead had set the date. */
  private static void ahead(RemoteSettingsServer server, String date) {
    server.edit(
        "main-workspace", "to", attributes -> attributes.put(date, "2126-11-24T13:00:00+00:00"));
  }

  @Test
  void our_changes_are_submitted_though_the_last_request_is_dated_ahead() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      assertEquals(0, copy(server, REVIEWED).exit());
      ahead(server, "last_review_request_date");
      fill(server, SOURCE, 2);
      Terminal.Outcome outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 1 changes.\n"));
      assertEquals(List.of(), warnings(outcome));
      assertEquals("to-review", attribute(server, REVIEWED, "status"));
    }
  }

  @Test
  void an_edit_after_a_request_that_is_dated_ahead_is_no_rejection() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 2);
      assertEquals(0, copy(server, REVIEWED).exit());
      editByReviewer(server, "to/records/r00001", "{\"data\":{\"n\":7}}");
      put(server, SOURCE, "{\"id\":\"r00001\",\"n\":7}");
      ahead(server, "last_review_request_date");
      server.forgetRequests();
      for (String option : List.of("--check", "--dry-run", "--quiet")) {
        Terminal.Outcome outcome = copy(server, REVIEWED, option);
        assertEquals(1, outcome.exit(), outcome::toString);
        assertTrue(
            outcome.stdout().endsWith(": work in progress by account:reviewer\n"),
            outcome::toString);
      }
      assertNothingWritten(server);
      put(server, SOURCE, "{\"id\":\"r00001\",\"n\":8}");
      assertEquals(
          List.of(
              "main-workspace/to: work in progress by account:reviewer; the copy overwrites it"),
          warnings(copy(server, REVIEWED, "--dry-run")));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "404, 1, review rejected without a comment",
    "403, 1, review rejected without a comment",
    "503-plain, 2, 'NO VERDICT (preview main-preview/to: 503'",
    "cut, 2, 'NO VERDICT (preview main-preview/to: '"
  })
  void where_there_is_no_preview_to_read_the_dates_decide(String fault, int exit, String text)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 2);
      assertEquals(0, copy(server, REVIEWED).exit());
      editByReviewer(server, "to/records/r00001", "{\"data\":{\"n\":7}}");
      put(server, SOURCE, "{\"id\":\"r00001\",\"n\":7}");
      ahead(server, "last_review_request_date");
      server.fault(fault + "=main-preview/to");
      Terminal.Outcome outcome = copy(terminal(server).once(), REVIEWED);
      assertEquals(exit, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(": " + text), outcome::toString);
    }
  }

  @Test
  void a_signature_that_is_dated_behind_the_last_one_counts() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.edit(
          "main-workspace",
          "auto",
          attributes -> attributes.put("last_signature_date", "2126-11-24T13:00:00+00:00"));
      server.after(
          "POST /v1/batch",
          _ ->
              new KintoClient(server.url())
                  .status("reviewer", "main-workspace", "auto", "to-sign"));
      Terminal.Outcome outcome = copy(server, AUTOMATIC);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. 3 changes applied and signed.\n"));
    }
  }

  @Test
  void a_status_that_stays_signed_is_not_reported_as_signed() throws IOException {
    for (String destination : List.of(AUTOMATIC, REVIEWED)) {
      try (RemoteSettingsServer server = server()) {
        fill(server, SOURCE, 3);
        server.after(
            "POST /v1/batch",
            _ ->
                server.edit(
                    "main-workspace",
                    destination.replace("main-workspace/", ""),
                    attributes -> attributes.put("status", "signed")));
        Terminal.Outcome outcome = copy(server, destination);
        assertEquals(1, outcome.exit(), outcome::toString);
        assertTrue(
            outcome
                .stdout()
                .endsWith(
                    "3 changes applied,"
                        + " the status is signed, but nothing was signed since the changes\n"),
            outcome::toString);
        assertEquals(List.of(), requests(server, "PATCH"));
      }
    }
  }

  /** Another editor requests the review of our changes just before we do; a reviewer answers. */
  private static Terminal.Outcome reviewedBeforeOurRequest(
      RemoteSettingsServer server, String moment, String answer) throws IOException {
    KintoClient client = new KintoClient(server.url());
    client.must(
        "admin",
        "PATCH",
        "/buckets/main-workspace/groups/to-editors",
        "{\"data\":{\"members\":[\"account:editor\",\"account:admin\"]}}");
    fill(server, SOURCE, 3);
    once(
        server,
        moment,
        () -> {
          client.status("admin", "main-workspace", "to", "to-review");
          client.status("reviewer", "main-workspace", "to", answer);
        });
    return copy(server, REVIEWED);
  }

  @Test
  void a_review_that_others_request_and_approve_before_our_request_is_not_ours()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal.Outcome outcome =
          reviewedBeforeOurRequest(server, "PATCH main-workspace/to", "to-sign");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("\nDone. 3 changes applied.\n"), outcome::toString);
      assertEquals("signed", attribute(server, REVIEWED, "status"));
      assertCopied(server, "main/to");
    }
  }

  @Test
  void nor_is_one_that_is_rejected_before_our_request() throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal.Outcome outcome =
          reviewedBeforeOurRequest(server, "PATCH main-workspace/to", "work-in-progress");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith("3 changes applied, review rejected without a comment\n"),
          outcome::toString);
      assertEquals("work-in-progress", attribute(server, REVIEWED, "status"));
    }
  }

  @Test
  void a_collection_that_is_signed_already_is_signed() throws IOException {
    try (RemoteSettingsServer server = server()) {
      KintoClient client = new KintoClient(server.url());
      fill(server, SOURCE, 3);
      AtomicInteger requests = new AtomicInteger();
      server.before(
          "PATCH main-workspace/auto",
          _ -> {
            if (requests.getAndIncrement() == 0) {
              client.status("reviewer", "main-workspace", "auto", "to-sign");
            }
          });
      Terminal.Outcome outcome = copy(server, AUTOMATIC);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(2, requests.get(), "theirs, and ours, which is refused");
      assertTrue(outcome.stdout().endsWith("Done. 3 changes applied and signed.\n"));
    }
  }

  @Test
  void who_is_not_in_the_group_is_told_before_the_first_write_where_the_server_tells()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      Terminal admin = terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "admin:admin");
      Terminal.Outcome outcome = copy(admin, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("account:admin is not in the group to-editors"));
      assertNothingWritten(server);
      assertEquals(0, copy(admin, UNSIGNED).exit(), "no group is asked for there");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void where_no_review_is_needed_only_an_old_signer_asks_for_a_group(boolean old)
      throws IOException {
    RemoteSettingsServer.Builder builder = RemoteSettingsServer.builder();
    try (RemoteSettingsServer server = start(old ? builder.withOldSigner() : builder)) {
      fill(server, SOURCE, 3);
      Terminal admin = terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "admin:admin");
      Terminal.Outcome outcome = copy(admin, AUTOMATIC);
      assertEquals(old ? 2 : 0, outcome.exit(), outcome::toString);
      if (old) {
        assertTrue(outcome.stdout().contains("account:admin is not in the group auto-reviewers"));
        assertNothingWritten(server);
        outcome = copy(server, AUTOMATIC);
      }
      assertTrue(outcome.stdout().endsWith("Done. 3 changes applied and signed.\n"));
      assertEquals("signed", attribute(server, AUTOMATIC, "status"));
      assertCopied(server, "main/auto");
    }
  }

  // ---- what is said about the next run

  private static final String ALL = "the next run applies what is missing";
  private static final String REST = "the next run applies the rest";

  private static String hints(Terminal.Outcome outcome) {
    assertEquals(2, outcome.exit(), outcome::toString);
    return outcome
        .stderr()
        .lines()
        .filter(line -> line.startsWith("hint: "))
        .map(line -> line.substring(6).replace(" (docs/runbooks/backport-behind.md)", ""))
        .collect(Collectors.joining("\n"));
  }

  /** The hints of one attempt to copy three records to a server with a fault. */
  private static String hintsAfter(String fault, String destination, String... arguments)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault(fault);
      return hints(copy(terminal(server).once(), destination, arguments));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"409", "412", "429", "500", "502", "503", "504"})
  void the_next_run_applies_what_failed_for_the_moment(String fault) throws IOException {
    assertEquals(
        ALL, hintsAfter(fault + "=PUT /v1/buckets/backup/collections/to/records/r00001", UNSIGNED));
  }

  @ParameterizedTest
  @CsvSource({
    "400, 'change it in main/from, or leave it out by a filter'",
    "401, BACKPORT_RECORDS_DEST_AUTH (environment) is account:editor: set it to an account with"
        + " write permission on backup/to",
    "403, BACKPORT_RECORDS_DEST_AUTH (environment) is account:editor: set it to an account with"
        + " write permission on backup/to",
    "404, ask those who run the server",
    "413, 'change it in main/from, or leave it out by a filter'"
  })
  void a_refused_record_is_named_with_what_to_change_and_the_rest_with_the_next_run(
      String fault, String remedy) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      String records = "=PUT /v1/buckets/backup/collections/to/records/";
      server.fault(fault + records + "r00001");
      server.fault("503" + records + "r00002");
      Terminal terminal = terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "editor:editor");
      String hint = hints(copy(terminal, UNSIGNED));
      assertTrue(hint.startsWith("the server refuses r00001 (" + fault), hint);
      assertTrue(hint.endsWith("): " + remedy + "; " + REST), hint);
      server.clearFaults();
      server.fault(fault + records + "r00001");
      hint = hints(copy(terminal, UNSIGNED));
      assertEquals(Set.of("r00000", "r00002"), content(server, UNSIGNED).keySet(), "as was said");
      assertTrue(hint.startsWith("the server refuses r00001 (" + fault), hint);
      assertTrue(hint.endsWith("): " + remedy), hint);
    }
  }

  @Test
  void a_deletion_that_is_refused_is_no_fault_of_what_the_record_holds() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      put(server, UNSIGNED, "{\"id\":\"x\"}");
      server.fault("400=DELETE /v1/buckets/backup/collections/to/records/x");
      String hint = hints(copy(server, UNSIGNED));
      assertTrue(
          hint.matches("the server refuses x \\(400.*\\): ask those who run the server"), hint);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "401, BACKPORT_RECORDS_SOURCE_AUTH (environment) is account:editor: set it to an account with"
        + " write permission on backup/to",
    "403, BACKPORT_RECORDS_SOURCE_AUTH (environment) is account:editor: set it to an account with"
        + " write permission on backup/to",
    "404, ask those who run the server",
    "429, the next run applies what is missing",
    "500, the next run applies what is missing",
    "503-long, the next run applies what is missing",
    "reset, the next run applies what is missing",
    "not-json, the next run applies what is missing"
  })
  void a_batch_that_is_refused_as_a_whole_says_so_too(String fault, String hint)
      throws IOException {
    assertEquals(hint, hintsAfter(fault + "=POST /v1/batch", UNSIGNED));
  }

  @Test
  void where_java_cannot_ask_the_next_run_cannot_either() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      KintoResponse away = KintoResponse.empty(307).with("Location", "https://rs_writer/there");
      server.after("POST /v1/batch", _ -> server.answer("GET /v1/buckets/backup/*", away));
      assertEquals("ask those who run the server", hints(copy(server, UNSIGNED)));
    }
  }

  @Test
  void what_was_refused_before_the_server_failed_is_said_with_the_rest() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 60);
      server.fault("403=PUT /v1/buckets/backup/collections/to/records/r00001");
      server.after("POST /v1/batch", _ -> server.fault("503=POST /v1/batch"));
      String hint = hints(copy(terminal(server).once(), UNSIGNED));
      assertTrue(hint.startsWith("the server refuses r00001 (403"), hint);
      assertTrue(hint.endsWith("; " + REST), hint);
    }
  }

  @Test
  void a_server_that_refuses_a_hundred_records_in_a_row_does_not_get_the_others_next_time()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 300);
      server.fault("400=POST /v1/batch");
      String hint = hints(copy(server, UNSIGNED));
      assertTrue(hint.startsWith("the server refuses r00000 (400"), hint);
      assertTrue(hint.contains(" and 97 more: change it in main/from"), hint);
      assertTrue(hint.endsWith("; only then are the others tried"), hint);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "400, ask those who run the server",
    "401, 'add account:editor to the group that may do this, or set"
        + " BACKPORT_RECORDS_SOURCE_AUTH (environment) to another account'",
    "403, 'add account:editor to the group that may do this, or set"
        + " BACKPORT_RECORDS_SOURCE_AUTH (environment) to another account'",
    "409, run the command again: it repeats the request",
    "412, run the command again: it repeats the request",
    "503, run the command again: it repeats the request"
  })
  void a_refused_signoff_is_repeated_where_that_helps(String fault, String hint)
      throws IOException {
    assertEquals(hint, hintsAfter(fault + "=PATCH main-workspace/to", REVIEWED));
  }

  @ParameterizedTest
  @CsvSource({
    "400, ask those who run the server",
    "503, run the command again: it continues from there"
  })
  void a_destination_that_is_not_created_says_what_to_change(String fault, String hint)
      throws IOException {
    assertEquals(hint, hintsAfter(fault + "=PUT backup/new", "backup/new", "--create-destination"));
  }

  @ParameterizedTest
  @CsvSource({
    "--check, 'without --check, --create-destination creates the collection'",
    "--dry-run, --create-destination creates the collection",
    "--quiet, --create-destination creates the collection"
  })
  void the_hint_of_a_missing_destination_is_an_option_that_has_an_effect(String option, String hint)
      throws IOException {
    assertEquals(hint, hintsAfter("404=GET backup/to", UNSIGNED, option));
  }

  @ParameterizedTest
  @CsvSource({"--check, read", "--dry-run, read and write", "--quiet, read and write"})
  void who_only_compares_need_not_be_able_to_write(String option, String rights)
      throws IOException {
    assertEquals(
        ("BACKPORT_RECORDS_SOURCE_AUTH (environment) is account:editor:"
                + " set it to an account that may %s the whole collection, if it exists")
            .formatted(rights),
        hintsAfter("403=GET backup/to", UNSIGNED, option));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--check", "--dry-run", "--quiet"})
  void nothing_is_said_to_be_emptied_by_who_only_looks(String option) throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, UNSIGNED, "{\"id\":\"x\"}");
      assertEquals(
          "--allow-empty-source accepts that: a copy then empties the destination",
          hints(copy(server, UNSIGNED, option)));
      copy(server, UNSIGNED, option, "--allow-empty-source");
      boolean copies = option.equals("--quiet");
      assertEquals(copies ? Set.of() : Set.of("x"), content(server, UNSIGNED).keySet());
    }
  }

  @Test
  void a_dry_run_shows_the_deletions_that_are_too_many_and_says_what_allows_them()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      put(server, UNSIGNED, "{\"id\":\"a\"}", "{\"id\":\"x\"}", "{\"id\":\"y\"}");
      Terminal.Outcome outcome = copy(server, UNSIGNED, "--max-deletions=1");
      assertEquals("--dry-run shows them", hints(outcome));
      assertFalse(outcome.stdout().contains("/records/"), outcome::toString);
      outcome = copy(server, UNSIGNED, "--max-deletions=1", "--dry-run");
      assertEquals("raise --max-deletions if that is right", hints(outcome));
      assertEquals(
          List.of("Batch #0: DELETE X", "Batch #1: DELETE Y"), short_(outcome).subList(1, 3));
      assertNothingWritten(server);
    }
  }

  @Test
  void no_filter_is_blamed_where_there_is_none() throws IOException {
    assertEquals(
        "ask those who run the server",
        hintsAfter("400=GET /v1/buckets/main/collections/from/records", UNSIGNED));
  }

  @Test
  void a_filter_that_the_server_refuses_is_named() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault("400=GET /v1/buckets/main/collections/from/records");
      assertEquals(
          "change the filters: ?min_n=x",
          hints(
              terminal(server)
                  .run(
                      new backport_records(),
                      "--backport-records-mappings=main/from?min_n=x -> backup/to")));
    }
  }

  // ---- a reader, and who else gets no credentials

  @Test
  void good_credentials_that_a_redirect_drops_are_not_blamed_alone() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("redirect-elsewhere=GET /v1/");
      String hint = hints(copy(server, UNSIGNED));
      assertTrue(hint.endsWith("; a redirect to another origin drops them"), hint);
    }
  }

  @Test
  void a_reader_is_told_before_anything_is_read_or_written() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      Terminal reader = terminal(server).set("SERVER", server.readerUrl());
      for (String option : List.of("--quiet", "--check", "--dry-run")) {
        server.forgetRequests();
        Terminal.Outcome outcome = copy(reader, UNSIGNED, option);
        assertEquals("", outcome.stdout());
        assertEquals("/v2 is a reader: run on the writer's /v1", hints(outcome));
        assertTrue(
            outcome
                .stderr()
                .startsWith(
                    "backport_records: error: %s takes no credentials\n"
                        .formatted(server.readerUrl())),
            outcome::toString);
        assertEquals(List.of("/v2/"), server.requests().stream().map(KintoRequest::path).toList());
      }
    }
  }

  @Test
  void an_owed_signoff_needs_the_group_too() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      put(server, REVIEWED, "{\"id\":\"a\"}");
      server.edit(
          "main-workspace",
          "to",
          attributes ->
              attributes
                  .put("status", "work-in-progress")
                  .put("last_edit_by", "account:admin")
                  .put("last_edit_date", "2026-11-24T11:00:00Z"));
      Terminal admin = terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "admin:admin");
      Terminal.Outcome outcome = copy(admin, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("account:admin is not in the group to-editors"));
      assertNothingWritten(server);
    }
  }

  @Test
  void a_source_that_was_never_signed_is_owed_nothing_until_it_is_copied_to() throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"a\"}");
      put(server, REVIEWED, "{\"id\":\"a\"}");
      server.edit("main-workspace", "to", attributes -> attributes.remove("status"));
      for (String option : List.of("--check", "--quiet")) {
        assertEquals(0, copy(server, REVIEWED, option).exit());
      }
      assertNothingWritten(server);
      put(server, SOURCE, "{\"id\":\"b\"}");
      assertEquals(0, copy(server, REVIEWED).exit());
      assertEquals("to-review", attribute(server, REVIEWED, "status"));
    }
  }

  @Test
  void where_the_server_does_not_tell_the_refused_review_is_owed() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      ObjectNode info = (ObjectNode) new KintoClient(server.url()).must("admin", "GET", "/", null);
      ((ObjectNode) info.get("user")).remove("principals");
      server.answer("/v1/", 200, "application/json", info.toString());
      Terminal admin = terminal(server).set("BACKPORT_RECORDS_DEST_AUTH", "admin:admin");
      Terminal.Outcome outcome = copy(admin, REVIEWED);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "3 changes applied, but requesting the review failed: 403: Not in to-editors"
                      + " group"),
          outcome::toString);
      new KintoClient(server.url())
          .must(
              "admin",
              "PATCH",
              "/buckets/main-workspace/groups/to-editors",
              "{\"data\":{\"members\":[\"account:admin\"]}}");
      outcome = copy(admin, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested the outstanding review.\n"));
    }
  }

  @Test
  void what_is_about_to_be_written_is_said_before_it_is() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault("reset=POST /v1/batch");
      Terminal.Outcome outcome = copy(terminal(server).once(), REVIEWED, "--quiet");
      assertEquals(Map.of(), content(server, REVIEWED));
      assertTrue(
          outcome
              .stderr()
              .startsWith(
                  "backport_records: about to write to %s as account:editor: main-workspace/to:"
                          .formatted(server.url())
                      + " 3 to create, 0 to update, 0 to delete, then request a review\n"),
          outcome::toString);
    }
  }

  // ---- check

  @Test
  void a_destination_is_behind_since_its_oldest_missing_change() throws IOException {
    try (RemoteSettingsServer server = server()) {
      long now = Terminal.NOW.toEpochMilli();
      put(
          server,
          SOURCE,
          "{\"id\":\"a\",\"last_modified\":%d}".formatted(now - 90_000),
          "{\"id\":\"b\",\"last_modified\":%d}".formatted(now - 50_000));
      put(server, UNSIGNED, "{\"id\":\"a\"}");
      assertEquals(0, copy(server, UNSIGNED, "--check", "--max-lag=50").exit());
      assertEquals(1, copy(server, UNSIGNED, "--check", "--max-lag=49").exit());
      assertEquals(1, copy(server, UNSIGNED, "--check").exit());
      server.store().putTombstone("main", "from", "c", now - 70_000);
      put(server, UNSIGNED, "{\"id\":\"c\"}");
      assertEquals(0, copy(server, UNSIGNED, "--check", "--max-lag=70").exit());
      Terminal.Outcome outcome = copy(server, UNSIGNED, "--check", "--max-lag=69");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("BEHIND for 70 s, 1 to create, 0 to update, 1 to delete\n"),
          outcome::toString);
      assertNothingWritten(server);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "60, 0, 'except for 1 to create, 0 to update, 0 to delete (lag 0 s).'",
    "59, 1, 'BEHIND since a change dated 60 s ahead, 1 to create, 0 to update, 0 to delete'",
    "0, 1, 'BEHIND since a change dated 60 s ahead, 1 to create, 0 to update, 0 to delete'"
  })
  void a_change_that_is_dated_ahead_is_not_young_for_ever(int maxLag, int exit, String text)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      long ahead = Terminal.NOW.toEpochMilli() + 60_000;
      put(server, SOURCE, "{\"id\":\"a\",\"last_modified\":%d}".formatted(ahead));
      Terminal.Outcome outcome = copy(server, UNSIGNED, "--check", "--max-lag=" + maxLag);
      assertEquals(exit, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(text + "\n"), outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource({"2, 0, Records are in sync. Nothing to do.", "3, 1, ' - r00002 missing'"})
  void a_check_reads_a_second_time_before_a_difference_counts(int copied, int exit, String end)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      put(server, SOURCE, "{\"id\":\"r00000\"}", "{\"id\":\"r00001\"}");
      AtomicInteger reads = new AtomicInteger();
      server.after(
          "GET /v1/buckets/backup/collections/to/records",
          _ -> {
            if (reads.getAndIncrement() == 0) { // the other's copy goes on meanwhile
              put(server, UNSIGNED, "{\"id\":\"r00000\"}", "{\"id\":\"r00001\"}");
              IntStream.range(2, copied)
                  .forEach(i -> put(server, SOURCE, "{\"id\":\"r%05d\"}".formatted(i)));
            }
          });
      Terminal.Outcome outcome = copy(server, UNSIGNED, "--check");
      assertEquals(exit, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith(end + "\n"), outcome::toString);
      assertEquals(2, reads.get());
    }
  }

  @Test
  void of_many_changes_ten_are_shown_and_all_with_verbose() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 10);
      Terminal.Outcome ten = copy(server, UNSIGNED, "--check");
      assertFalse(ten.stdout().contains(" more, "), ten::toString);
      fill(server, SOURCE, 15);
      Terminal.Outcome outcome = copy(server, UNSIGNED, "--check");
      assertEquals(11, outcome.stdout().lines().filter(line -> line.startsWith(" - ")).count());
      assertTrue(outcome.stdout().endsWith(" - and 5 more, --verbose shows all\n"));
      outcome = copy(server, UNSIGNED, "--check", "--verbose");
      assertEquals(15, outcome.stdout().lines().filter(line -> line.startsWith(" - ")).count());
    }
  }

  // ---- interrupts, formats

  /** Counts the batches that are done, and interrupts after the second. */
  private static AtomicInteger interruptAtSecondBatch(
      RemoteSettingsServer server, Terminal terminal) {
    AtomicInteger batches = new AtomicInteger();
    server.after(
        "POST /v1/batch",
        _ -> {
          if (batches.incrementAndGet() == 2) {
            terminal.interrupts().forEach(Runnable::run);
          }
        });
    return batches;
  }

  @Test
  void ctrl_c_ends_the_writing_and_the_next_run_goes_on() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 100);
      Terminal terminal = terminal(server);
      AtomicInteger batches = interruptAtSecondBatch(server, terminal);
      Terminal.Outcome outcome = copy(terminal, REVIEWED);
      assertEquals(130, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .endsWith(
                  "backport_records: interrupted: 1 collection: 1 NO VERDICT"
                      + " (main-workspace/to)\n"),
          outcome::toString);
      assertTrue(
          outcome.stdout().endsWith(": NO VERDICT (interrupted, 25 of 100 changes applied)\n"),
          outcome::toString);
      assertEquals(2, batches.get(), "nothing is sent after it");
      assertEquals(List.of(), requests(server, "PATCH"));
      outcome = copy(server, REVIEWED);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("Done. Requested review for 50 changes.\n"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "to, GET /v1/, 0, 0",
    "to, GET /v1/buckets/main/collections/from/records*, 0, 0",
    "to, GET /v1/buckets/main-workspace/collections/to, 0, 0",
    "new, GET /v1/buckets/main/collections/from/records*, 0, 0",
    "new, GET /v1/buckets/main-workspace/collections/new, 0, 0",
    "new, PUT /v1/buckets/main-workspace/collections/new, 1, 0",
    "to, POST /v1/batch, 0, 1"
  })
  void nothing_is_written_after_ctrl_c_whenever_it_comes(
      String destination, String moment, int creations, int batches) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      Terminal terminal = terminal(server);
      server.after(moment, _ -> terminal.interrupts().forEach(Runnable::run));
      Terminal.Outcome outcome =
          copy(terminal, "main-workspace/" + destination, "--create-destination");
      assertEquals(130, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("backport_records: interrupted"), outcome::toString);
      assertEquals(batches, requests(server, "POST").size());
      assertEquals(creations, requests(server, "PUT").size());
      assertEquals(List.of(), requests(server, "PATCH"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST /v1/batch",
        "PATCH main-workspace/auto",
        "PUT /v1/buckets/main-workspace/collections/auto"
      })
  void a_write_that_waits_to_be_repeated_is_not_after_ctrl_c(String write) throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      if (write.startsWith("PUT")) {
        server.store().drop("main-workspace", "auto");
      }
      server.fault("503=" + write + ":1");
      Terminal terminal = terminal(server);
      Terminal.Outcome outcome =
          copy(
              terminal.onPause(() -> terminal.interrupts().forEach(Runnable::run)),
              AUTOMATIC,
              "--create-destination");
      assertEquals(130, outcome.exit(), outcome::toString);
      assertEquals(1, requests(server, write.split(" ")[0]).size(), "sent once");
      assertTrue(
          server.store().find("main", "auto").stream().allMatch(it -> it.records().isEmpty()),
          "nothing is published");
    }
  }

  @Test
  void an_owed_signoff_is_not_asked_for_after_ctrl_c() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 3);
      server.fault("403=PATCH main-workspace/to");
      copy(server, REVIEWED);
      server.clearFaults();
      server.forgetRequests();
      Terminal terminal = terminal(server);
      server.after(
          "GET /v1/buckets/main-workspace/collections/to/records",
          _ -> terminal.interrupts().forEach(Runnable::run));
      assertEquals(130, copy(terminal, REVIEWED).exit());
      assertNothingWritten(server);
    }
  }

  @Test
  void the_document_of_an_interrupted_run_has_what_was_done() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 30);
      Terminal terminal = terminal(server);
      interruptAtSecondBatch(server, terminal);
      Terminal.Outcome outcome = copy(terminal, UNSIGNED, "--format=json");
      assertEquals(130, outcome.exit(), outcome::toString);
      JsonNode result = Store.JSON.readTree(outcome.stdout()).path("results").get(0);
      assertEquals("no-verdict", result.path("status").asString());
      assertEquals(25, result.path("requests").size());
      assertEquals(30, result.path("create").size());
    }
  }

  @Test
  void json_and_text_give_the_same_verdicts() throws IOException {
    Map<Integer, Consumer<RemoteSettingsServer>> states =
        Map.of(
            0, server -> {},
            1,
                server ->
                    server.edit(
                        "main-workspace",
                        "to",
                        attributes ->
                            attributes
                                .put("status", "work-in-progress")
                                .put("last_edit_by", "account:x")),
            2, server -> server.fault("403=main/from"));
    for (int exit : states.keySet()) {
      try (RemoteSettingsServer server = server()) {
        put(server, SOURCE, "{\"id\":\"a\"}");
        put(server, REVIEWED, "{\"id\":\"a\"}");
        states.get(exit).accept(server);
        Terminal.Outcome text = copy(server, REVIEWED);
        Terminal.Outcome json = copy(server, REVIEWED, "--format=json");
        assertEquals(exit, text.exit(), text::toString);
        assertEquals(exit, json.exit(), json::toString);
        JsonNode document = Store.JSON.readTree(json.stdout());
        assertEquals(exit, document.path("exit").asInt());
        assertEquals(
            List.of("in-sync", "waiting", "no-verdict").get(exit),
            document.path("results").get(0).path("status").asString());
      }
    }
  }

  @Test
  void exit_zero_turns_findings_into_zero_but_not_a_missing_verdict() throws IOException {
    try (RemoteSettingsServer server = server()) {
      fill(server, SOURCE, 1);
      assertEquals(0, copy(server, UNSIGNED, "--check", "--exit-zero").exit());
      assertEquals(2, copy(server, "backup/missing", "--check", "--exit-zero").exit());
    }
  }
}
