//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/Settings.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES KintoClient.java
//SOURCES RealKinto.java
//SOURCES RemoteSettingsServer.java
//SOURCES SigningAuthority.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Settings;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The commands around signing say the same of a real Kinto and of the embedded server, after the
 * same requests: what the embedded server promises to the other tests, a real one keeps.
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
          .set("REFRESH_SIGNATURE_AUTH", "editor:editor");
    }
  }

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
  }

  /** What a command prints, the same on both servers, in no order: the lists differ in theirs. */
  private static List<String> lines(
      int exit, Supplier<Settings.Command> command, String... arguments) {
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
    assertEquals(
        String.join("\n", printed.getFirst()), String.join("\n", printed.getLast()), "both alike");
    return printed.getFirst();
  }

  private static String normalised(String line) {
    return line.replaceAll("\\b1[0-9]{12}\\b", "TIMESTAMP")
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
          outcome.stderr().contains("error: REFRESH_SIGNATURE_AUTH is refused: "),
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
}
