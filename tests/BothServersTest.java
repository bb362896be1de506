//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../backport_records.java
//SOURCES Exchange.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../common/Runner.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES Differences.java
//SOURCES KintoClient.java
//SOURCES RealKinto.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Runner;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The commands say the same of a real Kinto and of the embedded server, after the same requests:
 * what the embedded server promises to the other tests, a real one keeps.
 */
class BothServersTest {

  /** A server under test. */
  private record Server(String name, KintoClient client, SigningAuthority authority) {

    Terminal terminal() {
      return new Terminal()
          .at(Instant.now()) // its certificates are of today
          .set("SERVER", client.base())
          .set("ROOT_HASH", authority.rootHash())
          .set("AUTH", "editor:editor")
          .set("REFRESH_SIGNATURE_AUTH", "editor:editor")
          .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor");
    }
  }

  private static final String IN_SYNC = "Records are in sync. Nothing to do.\n";
  private static final String IS_SIGNED =
      " is signed by the server: writing to it would break its signature";

  private static RealKinto kinto;
  private static RemoteSettingsServer embedded;
  private static List<Server> servers;

  @BeforeAll
  static void start() throws IOException {
    kinto = RealKinto.start();
    embedded = RemoteSettingsServer.start();
    servers =
        List.of(
            new Server("real Kinto", kinto.client(), kinto.authority()),
            new Server("embedded server", new KintoClient(embedded.url()), embedded.authority()));
    servers.forEach(server -> fill(server.client()));
  }

  @AfterAll
  static void close() {
    if (kinto != null) {
      kinto.close();
    }
    if (embedded != null) {
      embedded.close();
    }
  }

  /** One collection in each state that there is. */
  private static void fill(KintoClient client) {
    String main = "main-workspace";
    for (String name : List.of("published", "reviewed", "edited", "rejected", "deleted", "bare")) {
      client.createSource(main, name);
      if (!name.equals("bare")) {
        client.put(main, name, "a", "{\"title\":\"é \\u2028 😀\",\"n\":1,\"x\":[null,{}]}");
        client.put(main, name, "b", "{\"n\":2}");
        client.status("editor", main, name, "to-review");
        client.status("reviewer", main, name, "to-sign");
      }
    }
    for (String name : List.of("reviewed", "edited", "rejected")) {
      client.put(main, name, "a", "{\"n\":3}");
    }
    client.status("editor", main, "reviewed", "to-review");
    client.status("editor", main, "rejected", "to-review");
    client.status("reviewer", main, "rejected", "work-in-progress");
    client.must("editor", "DELETE", "/buckets/main-workspace/collections/deleted", null);
    client.createSource(main, "auto");
    client.put(main, "auto", "a", "{\"n\":1}");
    client.status("editor", main, "auto", "to-sign");
    client.createSource("staging", "addons-bloomfilters");
    client.put("staging", "addons-bloomfilters", "a", "{\"n\":1}");
    client.status("editor", "staging", "addons-bloomfilters", "to-review");
    client.status("reviewer", "staging", "addons-bloomfilters", "to-sign");
    String nobodySigns = "{\"permissions\":{\"write\":[\"account:editor\"]}}";
    client.must("admin", "PUT", "/buckets/copies", nobodySigns);
  }

  /** What a command prints, the same on both servers, in no order: the lists differ in theirs. */
  private static List<String> lines(
      int exit, Supplier<Runner.Command> command, String... arguments) {
    List<List<String>> printed = new ArrayList<>();
    for (Server server : servers) {
      Terminal.Outcome outcome = server.terminal().run(command.get(), arguments);
      assertEquals(exit, outcome.exit(), () -> server.name() + "\n" + outcome + kinto.log());
      printed.add(
          Arrays.stream(outcome.stdout().split("\n"))
              .map(BothServersTest::normalised)
              .sorted()
              .toList());
    }
    Differences.assertSameText(
        String.join("\n", printed.getFirst()), String.join("\n", printed.getLast()));
    return printed.getFirst();
  }

  private static String normalised(String line) {
    return line.replaceAll("\\b[12][0-9]{12}\\b", "TIMESTAMP")
        .replaceAll("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC", "DATE")
        .replaceAll(" \\(\\d+\\.\\d\\ds\\)", "")
        .replaceAll("^\\d\\d/\\d\\d ", "");
  }

  private static List<String> containing(List<String> lines, String text) {
    return lines.stream().filter(line -> line.contains(text)).collect(Collectors.toList());
  }

  @Test
  void every_signature_is_valid_whatever_the_state_of_its_source() {
    List<String> lines = lines(0, validate_signature::new);
    assertEquals(15, containing(lines, ":  OK").size(), lines.toString());
    assertEquals(16, lines.size(), lines.toString());
  }

  @Test
  void every_collection_is_at_the_timestamp_that_is_announced() {
    List<String> lines = lines(0, validate_changes_collection::new);
    assertEquals(15, containing(lines, "Etag OK for ").size(), lines.toString());
    assertEquals(16, lines.size(), lines.toString());
  }

  @Test
  void sources_agree_with_what_they_published() {
    List<String> lines = lines(0, consistency_checks::new);
    assertEquals(
        List.of(
            "Read collection list from /buckets/monitor/collections/changes",
            "blocklists/addons-bloomfilters OK",
            "main/auto OK",
            "main/bare OK",
            "main/deleted SKIP (source deleted)",
            "main/edited SKIP (work-in-progress)",
            "main/published OK",
            "main/rejected SKIP (work-in-progress)",
            "main/reviewed OK"),
        lines);
  }

  @Test
  void a_refresh_signs_preview_and_destination_and_leaves_the_review_as_it_was() {
    List<String> lines = lines(2, refresh_signature::new, "--verify");
    String trigger = ": Trigger new signature: ";
    assertEquals(
        List.of("auto", "bare", "published"),
        containing(lines, trigger + "signed at DATE ( TIMESTAMP )").stream()
            .filter(line -> line.contains("/main-workspace/"))
            .map(line -> line.replaceFirst(".*/collections/(\\w+):.*", "$1"))
            .toList());
    assertEquals(2, containing(lines, trigger + "work-in-progress at DATE").size());
    assertEquals(1, containing(lines, "/reviewed" + trigger + "to-review at DATE").size());
    assertEquals(1, containing(lines, "/addons-bloomfilters" + trigger + "signed at DATE").size());
    assertEquals(
        List.of(
            "Looking at /buckets/main-workspace/collections/deleted"
                + trigger
                + "NO VERDICT (404, the source is gone)"),
        containing(lines, "NO VERDICT"));
    assertEquals(13, containing(lines, ":  OK").size(), lines.toString());
    List<String> again = lines(2, refresh_signature::new);
    assertEquals(8, containing(again, trigger).size(), "running it again does no harm");
  }

  @Test
  void a_young_signature_is_left_alone() {
    List<String> lines =
        lines(0, refresh_signature::new, "--max-signature-age=1", "--only=main/published");
    assertEquals(1, containing(lines, "published: SKIP (only 0 days old)").size());
  }

  @Test
  void a_collection_that_the_account_may_not_write_is_refused_and_the_others_go_on() {
    String closed = "/buckets/main-workspace/collections/closed";
    for (Server server : servers) {
      server.client().must("editor", "PUT", closed, "{}"); // nobody else is in its groups
      server.client().must("editor", "PUT", closed + "/records/a", "{\"data\":{}}");
      Terminal.Outcome outcome =
          server
              .terminal()
              .set("REFRESH_SIGNATURE_AUTH", "reviewer:reviewer")
              .run(new refresh_signature(), "--only=main/closed,main/published");
      assertEquals(2, outcome.exit(), outcome::toString);
      String trigger = ": Trigger new signature: ";
      assertTrue(
          outcome
              .stdout()
              .contains(
                  closed + trigger + "NO VERDICT (403: This user cannot access this resource)\n"),
          outcome::toString);
      assertTrue(outcome.stdout().contains("/published" + trigger + "signed at "));
      server.client().must("editor", "DELETE", closed, null);
      for (String bucket : List.of("main", "main-preview")) {
        String path = "/buckets/" + bucket + "/collections/closed";
        server.client().must("admin", "DELETE", path, null);
      }
    }
  }

  @Test
  void credentials_that_the_server_does_not_know_are_refused_before_anything_is_done() {
    for (Server server : servers) {
      Terminal.Outcome outcome =
          server
              .terminal()
              .set("REFRESH_SIGNATURE_AUTH", "reviewer:wrong")
              .run(new refresh_signature());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("error: REFRESH_SIGNATURE_AUTH (environment) is refused: "),
          outcome::toString);
    }
  }

  @Test
  void sources_are_not_readable_without_credentials() {
    for (Server server : servers) {
      Terminal.Outcome outcome =
          server.terminal().set("AUTH", "").run(new consistency_checks(), "--only=main/bare");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  "main/bare NO VERDICT (401, set AUTH)\n"
                      + "main-workspace/* NO VERDICT (401, set AUTH)\n"),
          outcome::toString);
    }
  }

  @Test
  void what_was_changed_behind_the_signer_s_back_is_found() {
    for (Server server : servers) {
      KintoClient client = server.client();
      client.createSource("main-workspace", "altered");
      client.put("main-workspace", "altered", "a", "{\"n\":1}");
      client.put("main-workspace", "altered", "b", "{\"n\":1}");
      client.status("editor", "main-workspace", "altered", "to-review");
      client.status("reviewer", "main-workspace", "altered", "to-sign");
      String records = "/buckets/main/collections/altered/records/";
      client.must("admin", "PATCH", records + "a", "{\"data\":{\"n\":2}}");
      client.must("admin", "DELETE", records + "b", null);
      client.must("admin", "PUT", records + "c", "{\"data\":{}}");
    }
    assertEquals(
        List.of(
            " - preview → destination: a differs in n: 1 → 2",
            " - preview → destination: b missing",
            " - preview → destination: c extra",
            "Read collection list from /buckets/monitor/collections/changes",
            "main/altered ERROR"),
        lines(1, consistency_checks::new, "--only=main/altered"));
    List<String> lines = lines(1, validate_signature::new, "--only=*/altered");
    assertEquals(1, containing(lines, "/buckets/main-preview/collections/altered:  OK").size());
    assertEquals(1, containing(lines, "/buckets/main/collections/altered:  ⚠ BAD").size());
    for (Server server : servers) { // so that the other tests find what they expect
      server.client().status("editor", "main-workspace", "altered", "work-in-progress");
      for (String bucket : List.of("main-workspace", "main", "main-preview")) {
        String path = "/buckets/" + bucket + "/collections/altered";
        server.client().must("admin", "DELETE", path, null);
      }
    }
  }

  // ---- backport_records: from copies/from, which nobody signs

  /** Sources that a test has made in main-workspace. */
  private final List<String> made = new ArrayList<>();

  private final List<RecordingServer> relays = new ArrayList<>();

  /** The other tests count what there is. */
  @AfterEach
  void forgetCopies() {
    relays.forEach(RecordingServer::close);
    for (Server server : servers) {
      server.client().must("admin", "DELETE", "/buckets/copies/collections", null);
      for (String name : made) {
        for (String bucket : List.of("main-workspace", "main", "main-preview")) {
          String path = "/buckets/" + bucket + "/collections/" + name;
          int status = server.client().send("admin", "DELETE", path, null).statusCode();
          assertTrue(status == 200 || status == 404, () -> path + ": " + status);
        }
      }
    }
  }

  /** Makes the same collection on both, with these records. */
  private static void collection(String name, String... records) {
    for (Server server : servers) {
      server.client().must("editor", "PUT", "/buckets/copies/collections/" + name, "{}");
    }
    put("copies", name, records);
  }

  private static void put(String bucket, String name, String... records) {
    for (Server server : servers) {
      for (String record : records) {
        String id = Store.JSON.readTree(record).path("id").asString();
        server.client().put(bucket, name, id, record);
      }
    }
  }

  /** Makes the same source on both, publishes these records and forgets it after the test. */
  private String source(String name, String... records) {
    made.add(name);
    for (Server server : servers) {
      server.client().createSource("main-workspace", name);
    }
    put("main-workspace", name, records);
    for (Server server : servers) {
      if (records.length > 0) {
        server.client().status("editor", "main-workspace", name, "to-review");
        server.client().status("reviewer", "main-workspace", name, "to-sign");
      }
    }
    return "main-workspace/" + name;
  }

  /** Changes a collection's attributes on both. */
  private static void patch(String user, String place, String attributes) {
    for (Server server : servers) {
      server.client().must(user, "PATCH", path(place), "{\"data\":" + attributes + "}");
    }
  }

  private static String path(String place) {
    return "/buckets/" + place.replace("/", "/collections/");
  }

  /** Sets who may ask for a review of a source in main-workspace. */
  private static void editors(String name, String members) {
    for (Server server : servers) {
      String group = "/buckets/main-workspace/groups/" + name + "-editors";
      server.client().must("admin", "PATCH", group, "{\"data\":{\"members\":" + members + "}}");
    }
  }

  /** Copies {@code copies/from} on both, which say the same; what they print on stdout. */
  private static String copied(int exit, String destination, String... arguments) {
    return both(exit, "copies/from", destination, Server::terminal, arguments).stdout();
  }

  /** The same, where nothing is sent: the destination stays as it was, in every respect. */
  private static String unchanged(int exit, String destination, String... arguments) {
    List<String> before = state(destination);
    String stdout = copied(exit, destination, arguments);
    assertEquals(before, state(destination), "nothing was sent");
    return stdout;
  }

  private static List<String> state(String place) {
    List<String> state = new ArrayList<>();
    for (Server server : servers) {
      for (String part : List.of("", "/records")) {
        state.add(server.client().send("admin", "GET", path(place) + part, null).body());
      }
    }
    return state;
  }

  /**
   * Copies on both, which say the same, on stderr too; times and the server's place aside.
   *
   * @param terminal from where, with which settings of its own
   */
  private static Terminal.Outcome both(
      int exit,
      String source,
      String destination,
      Function<Server, Terminal> terminal,
      String... arguments) {
    List<Terminal.Outcome> outcomes = new ArrayList<>();
    for (Server server : servers) {
      Terminal.Outcome outcome =
          terminal
              .apply(server)
              .set("BACKPORT_RECORDS_SOURCE_BUCKET", source.replaceFirst("/.*", ""))
              .set("BACKPORT_RECORDS_SOURCE_COLLECTION", source.replaceFirst(".*/", ""))
              .set("BACKPORT_RECORDS_DEST_BUCKET", destination.replaceFirst("/.*", ""))
              .set("BACKPORT_RECORDS_DEST_COLLECTION", destination.replaceFirst(".*/", ""))
              .run(new backport_records(), arguments);
      assertEquals(exit, outcome.exit(), () -> server.name() + "\n" + outcome + kinto.log());
      String stderr =
          outcome
              .stderr()
              .replaceAll("http://127\\.0\\.0\\.1:\\d+/v1", "SERVER")
              .replaceAll("_expected=\\d+", "_expected=0")
              .replaceAll(" \\d+\\.\\d s\\b", " 0.5 s");
      outcomes.add(new Terminal.Outcome(exit, outcome.stdout(), stderr));
    }
    assertEquals(
        outcomes.getFirst().toString(), outcomes.getLast().toString(), "both say the same");
    return outcomes.getFirst();
  }

  /** The records of a collection by their id, without their timestamps, the same on both. */
  private static Map<String, JsonNode> records(String place) {
    List<Map<String, JsonNode>> all = new ArrayList<>();
    for (Server server : servers) {
      Map<String, JsonNode> records = new TreeMap<>();
      for (JsonNode record :
          server.client().must("admin", "GET", path(place) + "/records", null).path("data")) {
        JsonNode content = ((ObjectNode) record).remove(List.of("last_modified"));
        records.put(content.path("id").asString(), content);
      }
      all.add(records);
    }
    assertEquals(all.getFirst(), all.getLast(), "both alike");
    return all.getFirst();
  }

  @Test
  void records_are_copied_with_whatever_they_hold_to_a_collection_that_nobody_signs() {
    String nested = "\"x\":[null,{\"deep\":{\"b\":[1,{\"c\":null}],\"é \u2028 😀\":\"\"}}]";
    collection(
        "from",
        "{\"id\":\"a\",\"n\":9007199254740993,\"f\":[0.1,1e21,1.5E-7],\"_unknown\":true,"
            + nested
            + "}",
        "{\"id\":\"b\",\"n\":2}",
        "{\"id\":\"c\",\"n\":3}");
    collection(
        "to",
        "{\"id\":\"b\",\"n\":1,\"old\":\"\"}",
        "{\"id\":\"c\",\"n\":3}",
        "{\"id\":\"d\",\"n\":4}");
    String planned = copied(0, "copies/to", "--dry-run");
    assertTrue(
        planned.endsWith("Would apply 3 changes: 1 to create, 1 to update, 1 to delete.\n"),
        planned);
    assertEquals(Set.of("b", "c", "d"), records("copies/to").keySet());
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/copies/collections/to/records/a - 201
        Batch #1: PUT /buckets/copies/collections/to/records/b - 200
        Batch #2: DELETE /buckets/copies/collections/to/records/d - 200
        Done. 3 changes applied.
        """,
        copied(0, "copies/to"));
    assertEquals(records("copies/from"), records("copies/to"));
    assertEquals(IN_SYNC, copied(0, "copies/to"));
  }

  @Test
  void a_source_that_needs_no_review_is_signed_at_once_or_by_the_next_run() {
    String to = "main-workspace/auto";
    collection("from", "{\"id\":\"a\",\"n\":2}", "{\"id\":\"b\",\"title\":\"é\"}");
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/main-workspace/collections/auto/records/b - 201
        Batch #1: PUT /buckets/main-workspace/collections/auto/records/a - 200
        Done. 2 changes applied and signed.
        """,
        copied(0, to));
    assertEquals(records("copies/from"), records("main/auto"));
    assertEquals(IN_SYNC, unchanged(0, to));
    List<String> lines = lines(0, validate_signature::new, "--only=main/auto");
    assertEquals(1, containing(lines, "/buckets/main/collections/auto:  OK").size());

    put("copies", "from", "{\"id\":\"a\",\"n\":3}");
    put("main-workspace", "auto", "{\"id\":\"a\",\"n\":3}");
    assertEquals("Done. Signed the outstanding changes.\n", copied(0, to));
    assertEquals(records("copies/from"), records("main/auto"));
    assertEquals(IN_SYNC, unchanged(0, to));
  }

  @Test
  void a_review_is_requested_and_what_the_reviewer_says_to_it_is_heard() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    String to = source("copied", "{\"id\":\"b\",\"n\":1}");
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/main-workspace/collections/copied/records/a - 201
        Batch #1: DELETE /buckets/main-workspace/collections/copied/records/b - 200
        Done. Requested review for 2 changes.
        """,
        copied(0, to));
    assertEquals(records("copies/from"), records("main-preview/copied"));
    assertEquals(IN_SYNC, unchanged(0, to));

    patch("reviewer", to, "{\"status\":\"work-in-progress\",\"last_reviewer_comment\":\"not é\"}");
    assertEquals("copies/from -> " + to + ": review rejected: not é\n", unchanged(1, to));
    put("copies", "from", "{\"id\":\"a\",\"n\":2}");
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/main-workspace/collections/copied/records/a - 200
        Done. Requested review for 1 changes.
        """,
        copied(0, to));

    patch("reviewer", to, "{\"status\":\"to-sign\"}");
    assertEquals(IN_SYNC, unchanged(0, to));
    assertEquals(records("copies/from"), records("main/copied"));
  }

  @Test
  void a_review_that_could_not_be_requested_is_requested_by_the_next_run_that_may() {
    collection("from", "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
    String to = source("owed", "{\"id\":\"a\",\"n\":0}");
    editors("owed", "[]");
    String refused =
        """
        copies/from -> main-workspace/owed: NO VERDICT (account:editor is not in the group \
        owed-editors, so it cannot request a review of main-workspace/owed)
        """;
    assertEquals(refused, unchanged(2, to));

    // what a run leaves that may write and not sign off: the Python original's, say
    put("main-workspace", "owed", "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
    assertEquals(refused, unchanged(2, to));
    editors("owed", "[\"account:editor\"]");
    assertEquals("Done. Requested the outstanding review.\n", copied(0, to));
    assertEquals(records("copies/from"), records("main-preview/owed"));
    assertEquals(IN_SYNC, unchanged(0, to));
  }

  @Test
  void what_somebody_else_is_working_on_is_left_to_them() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    String to = source("others", "{\"id\":\"a\",\"n\":1}");
    for (Server server : servers) {
      for (String n : List.of("2", "1")) {
        String record = "{\"data\":{\"n\":" + n + "}}";
        server.client().must("reviewer", "PUT", path(to) + "/records/a", record);
      }
    }
    assertEquals(
        "copies/from -> %s: work in progress by account:reviewer\n".formatted(to),
        unchanged(1, to));
  }

  @Test
  void what_the_server_signs_is_no_destination() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    for (String bucket : List.of("main", "main-preview")) {
      String to = bucket + "/published";
      List<String> before = state(to);
      Terminal.Outcome outcome = both(2, "copies/from", to, Server::terminal);
      assertEquals(
          "copies/from -> %s: NO VERDICT (destination %s%s)\n".formatted(to, to, IS_SIGNED),
          outcome.stdout());
      assertTrue(
          outcome.stderr().contains("hint: copy to its source, main-workspace/published (docs/"),
          outcome::toString);
      assertEquals(before, state(to), "nothing was sent");
    }
  }

  @Test
  void a_destination_that_is_missing_is_made_if_that_is_asked_for() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    for (String to : List.of("copies/missing", "main-workspace/missing")) {
      made.add("missing");
      String without = copied(2, to);
      assertTrue(
          without.startsWith(
              "copies/from -> %s: NO VERDICT (destination %s: 404".formatted(to, to)),
          without);
      String done =
          to.startsWith("main")
              ? "Done. Requested review for 1 changes.\n"
              : "Done. 1 changes applied.\n";
      assertEquals(
          "Batch #0: PUT %s/records/a - 201\n%s".formatted(path(to), done),
          copied(0, to, "--create-destination"));
      assertEquals(records("copies/from"), records(to));
      assertEquals(IN_SYNC, unchanged(0, to, "--create-destination"));
    }
  }

  @Test
  void record_ids_may_begin_with_batch() {
    collection("from", "{\"id\":\"batch\"}", "{\"id\":\"batch-1\",\"n\":1}");
    collection("to", "{\"id\":\"batch-1\"}", "{\"id\":\"batch-2\"}");
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/copies/collections/to/records/batch - 201
        Batch #1: PUT /buckets/copies/collections/to/records/batch-1 - 200
        Batch #2: DELETE /buckets/copies/collections/to/records/batch-2 - 200
        Done. 3 changes applied.
        """,
        copied(0, "copies/to"));
    assertEquals(records("copies/from"), records("copies/to"));
    collection("batch", "{\"id\":\"old\"}");
    copied(0, "copies/batch");
    assertEquals(records("copies/from"), records("copies/batch"));
  }

  @Test
  void filters_select_what_is_copied_and_the_rest_is_deleted() {
    collection(
        "from",
        "{\"id\":\"a\",\"n\":1}",
        "{\"id\":\"b\",\"n\":2,\"deep\":{\"t\":\"x y&z=é+\"}}",
        "{\"id\":\"c\",\"n\":3}");
    collection("to", "{\"id\":\"a\",\"n\":1}");
    for (String[] filter :
        new String[][] {
          {"{\"min_n\": 2}", "b", "c"},
          {"{\"id\": \"a\"}", "a"},
          {"{\"in_id\": \"a,c\"}", "a", "c"},
          {"{\"min_n\": 1, \"max_n\": \"2\"}", "a", "b"},
          {"{\"in_id\": [\"c\", \"b\"], \"_sort\": \"-n\"}", "b", "c"},
          {"{\"exclude_n\": [1, 2]}", "c"},
          {"{\"deep.t\": \"x y&z=é+\"}", "b"},
          {"{\"has_deep\": true}", "b"},
        }) {
      copied(0, "copies/to", "--backport-records-source-filters", filter[0]);
      assertEquals(
          List.of(filter).subList(1, filter.length), List.copyOf(records("copies/to").keySet()));
    }
    String refused = unchanged(2, "copies/to", "--backport-records-source-filters={\"min_n\": 9}");
    assertTrue(refused.contains("has no records that the filters select"), refused);
    refused =
        unchanged(2, "copies/to", "--backport-records-source-filters={\"id\": [\"a\", \"b\"]}");
    assertTrue(refused.contains("(source copies/from: 400: "), refused);
  }

  @Test
  void what_is_not_there_or_not_for_the_account_is_named() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    collection("to", "{\"id\":\"b\",\"n\":1}");
    String hidden = "403: This user cannot access this resource";
    Map.of(
            "copies/nothing",
            "404",
            "main-workspace/nothing",
            "404",
            "main/nothing",
            hidden,
            "nothing/nothing",
            hidden)
        .forEach((place, reason) -> {
          assertEquals(
              "%s -> copies/to: NO VERDICT (source %s: %s)\n".formatted(place, place, reason),
              both(2, place, "copies/to", Server::terminal).stdout());
          boolean isPublished = place.startsWith("main/");
          assertEquals(
              "copies/from -> %s: NO VERDICT (destination %s%s)\n"
                  .formatted(place, place, isPublished ? IS_SIGNED : ": " + reason),
              copied(2, place));
        });
    assertEquals(
        "copies/from -> copies/to: NO VERDICT (destination copies/to: %s)\n".formatted(hidden),
        both(
                2,
                "copies/from",
                "copies/to",
                server -> server.terminal().set("BACKPORT_RECORDS_DEST_AUTH", "reviewer:reviewer"))
            .stdout());
  }

  @Test
  void source_and_destination_may_have_credentials_of_their_own() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    String to = source("shared", "{\"id\":\"a\",\"n\":0}");
    Terminal.Outcome outcome =
        both(
            0,
            "copies/from",
            to,
            server -> server.terminal().set("BACKPORT_RECORDS_DEST_AUTH", "reviewer:reviewer"));
    assertTrue(
        outcome.stdout().endsWith("Done. Requested review for 1 changes.\n"), outcome::toString);
    assertTrue(outcome.stderr().contains(" as account:reviewer: "), outcome::toString);
  }

  @Test
  void credentials_of_either_side_that_the_server_does_not_know_are_refused() {
    collection("from", "{\"id\":\"a\",\"n\":1}");
    collection("to", "{\"id\":\"b\",\"n\":1}");
    List<String> before = state("copies/to");
    for (String side : List.of("SOURCE", "DEST")) {
      String variable = "BACKPORT_RECORDS_" + side + "_AUTH";
      Terminal.Outcome outcome =
          both(
              2,
              "copies/from",
              "copies/to",
              server -> server.terminal().set(variable, "editor:wrong"));
      assertTrue(
          outcome.stderr().contains("error: " + variable + " (environment) is refused: "),
          outcome::toString);
    }
    assertEquals(before, state("copies/to"), "nothing was sent");
  }

  @Test
  void what_others_do_between_reading_and_writing_is_seen_and_the_rest_is_done() {
    collection(
        "from",
        "{\"id\":\"made-alike\",\"n\":1}",
        "{\"id\":\"made-otherwise\",\"n\":1}",
        "{\"id\":\"changed\",\"n\":1}",
        "{\"id\":\"deleted\",\"n\":1}");
    collection(
        "to",
        "{\"id\":\"changed\",\"n\":0}",
        "{\"id\":\"deleted\",\"n\":0}",
        "{\"id\":\"old-changed\",\"n\":0}",
        "{\"id\":\"old-deleted\",\"n\":0}");
    Consumer<KintoClient> others =
        client -> {
          client.put("copies", "to", "made-alike", "{\"n\":1}");
          for (String id : List.of("made-otherwise", "changed", "old-changed")) {
            client.put("copies", "to", id, "{\"n\":9}");
          }
          for (String id : List.of("deleted", "old-deleted")) {
            client.must("editor", "DELETE", path("copies/to") + "/records/" + id, null);
          }
        };
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/copies/collections/to/records/made-alike - 412 (already there)
        Batch #1: PUT /buckets/copies/collections/to/records/made-otherwise - 412 %1$s
        Batch #2: PUT /buckets/copies/collections/to/records/changed - 412 %1$s
        Batch #3: PUT /buckets/copies/collections/to/records/deleted - 412 %1$s
        Batch #4: DELETE /buckets/copies/collections/to/records/old-changed - 412 %1$s
        Batch #5: DELETE /buckets/copies/collections/to/records/old-deleted - 404 (already gone)
        Batch #6: PUT /buckets/copies/collections/to/records/deleted - 201
        Batch #7: PUT /buckets/copies/collections/to/records/changed - 200
        Batch #8: PUT /buckets/copies/collections/to/records/made-otherwise - 200
        Batch #9: DELETE /buckets/copies/collections/to/records/old-changed - 200
        Done. 6 changes applied.
        """
            .formatted("Resource was modified meanwhile"),
        both(0, "copies/from", "copies/to", server -> behindRelay(server, others, false)).stdout());
    assertEquals(records("copies/from"), records("copies/to"));
    assertEquals(IN_SYNC, unchanged(0, "copies/to"));
  }

  @Test
  void an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice() {
    collection("from", "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}");
    String to = source("lost", "{\"id\":\"b\",\"n\":0}", "{\"id\":\"c\",\"n\":0}");
    Differences.assertSameText(
        """
        Batch #0: PUT /buckets/main-workspace/collections/lost/records/a - 412 (already there)
        Batch #1: PUT /buckets/main-workspace/collections/lost/records/b - 412 (already there)
        Batch #2: DELETE /buckets/main-workspace/collections/lost/records/c - 404 (already gone)
        Done. Requested review for 3 changes.
        """,
        both(0, "copies/from", to, server -> behindRelay(server, _ -> {}, true)).stdout());
    assertEquals(records("copies/from"), records("main-preview/lost"));
    assertEquals(IN_SYNC, unchanged(0, to));
  }

  @Test
  void sixty_changes_are_made_in_three_batches() {
    collection("from", numbered("r", 0, 50, 1));
    String to = source("many", numbered("r", 30, 60, 0));
    Terminal.Outcome outcome =
        both(0, "copies/from", to, server -> behindRelay(server, _ -> {}, false));
    assertEquals(61, outcome.stdout().lines().count(), outcome::toString);
    assertTrue(outcome.stdout().endsWith("Done. Requested review for 60 changes.\n"));
    assertEquals(List.of(3L, 3L), relays.stream().map(BothServersTest::batches).toList());
    assertEquals(records("copies/from"), records("main-preview/many"));
    assertEquals(IN_SYNC, unchanged(0, to));
  }

  private static String[] numbered(String start, int from, int to, int n) {
    return IntStream.range(from, to)
        .mapToObj(i -> "{\"id\":\"%s%02d\",\"n\":%d}".formatted(start, i, n))
        .toArray(String[]::new);
  }

  /**
   * A terminal with a server before the server, for what happens between two requests and what
   * happens to answers.
   *
   * @param onBatch what somebody does before the first batch
   * @param loses whether the answer to the first batch gets lost
   */
  private Terminal behindRelay(Server server, Consumer<KintoClient> onBatch, boolean loses) {
    AtomicInteger batches = new AtomicInteger();
    RecordingServer relay =
        RecordingServer.routes(request -> {
          boolean isFirst = request.path().equals("/v1/batch") && batches.getAndIncrement() == 0;
          if (isFirst) {
            onBatch.accept(server.client());
          }
          Reply reply = relayed(request, server.client());
          return isFirst && loses ? Reply.CLOSED : reply;
        });
    relays.add(relay);
    return server.terminal().set("SERVER", relay.url("/v1"));
  }

  private static Reply relayed(Exchange.Request request, KintoClient server) {
    HttpResponse<String> answer =
        server.send(
            null,
            request.method(),
            request.target().substring("/v1".length()),
            request.text().isEmpty() ? null : request.text(),
            "Authorization",
            request.header("authorization"));
    String[] headers =
        KintoClient.HEADERS.stream()
            .flatMap(name ->
                answer.headers().firstValue(name).stream().map(value -> name + ": " + value))
            .toArray(String[]::new);
    return Reply.answer(answer.statusCode(), answer.body(), headers);
  }

  private static long batches(RecordingServer relay) {
    return relay.requests().stream().filter(request -> request.path().equals("/v1/batch")).count();
  }
}
