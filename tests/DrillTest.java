//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../server/Drill.java
//SOURCES ../server/Fault.java
//SOURCES KintoClient.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES SignedChangeset.java
//SOURCES ../server/Store.java
//SOURCES ../server/local_server.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The server of a drill is mended while it runs, and what its faults leave behind stays. */
class DrillTest {

  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static final String SOURCE = "/buckets/main-workspace/collections/";

  private RemoteSettingsServer server;
  private KintoClient client;

  @AfterEach
  void close() {
    server.close();
  }

  private Drill drill(String... faults) throws IOException {
    Clock clock = Clock.systemUTC();
    server = RemoteSettingsServer.builder().clock(clock).sample(true).start();
    client = new KintoClient(server.url());
    List<Fault> parsed = Stream.of(faults).map(Fault::parse).toList();
    return Drill.start(server, clock, true, parsed);
  }

  @ParameterizedTest
  @ValueSource(strings = {"503", "reset", "altered-signature", "stale-always", "chain-missing"})
  void a_request_mends_the_server_whatever_the_fault(String fault) throws Exception {
    drill(fault);
    HttpResponse<String> answer = ask("POST", Drill.MEND);
    assertEquals(200, answer.statusCode(), answer.body());
    changeset("main/regions").verify(server.authority().rootHash());
  }

  @Test
  void only_a_post_mends_the_server() throws Exception {
    drill("503");
    assertEquals(503, ask("GET", Drill.MEND).statusCode());
    assertEquals(503, ask("GET", "/v1/").statusCode());
  }

  @Test
  void a_line_typed_at_the_server_mends_it_and_the_end_of_the_input_does_not() throws Exception {
    Drill drill = drill("503");
    PrintStream out = new PrintStream(OutputStream.nullOutputStream());
    local_server.mendOnEnter(InputStream.nullInputStream(), drill, out);
    assertEquals(503, ask("GET", "/v1/").statusCode());
    local_server.mendOnEnter(new ByteArrayInputStream(new byte[] {'\n'}), drill, out);
    assertEquals(200, ask("GET", "/v1/").statusCode());
  }

  @Test
  void a_record_that_was_altered_stays_so_until_it_is_published_again() throws Exception {
    Drill drill = drill("altered-record=main/regions");
    drill.mend();
    assertFalse(changeset("main/regions").isSignedByLeaf());
    status("editor", "regions", "to-resign");
    assertTrue(changeset("main/regions").isSignedByLeaf(), "the signer signs whatever is there");
    assertNotEquals(content("main-preview/regions"), content("main/regions"));
    status("editor", "regions", "to-review");
    status("reviewer", "regions", "to-sign");
    assertTrue(changeset("main/regions").isSignedByLeaf());
    assertEquals(content("main-preview/regions"), content("main/regions"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "expired-leaf",
        "expired-intermediate",
        "expiring-leaf",
        "wrong-root",
        "wrong-signer"
      })
  void a_signature_by_a_bad_certificate_stays_until_a_mended_signer_signs_again(String fault)
      throws Exception {
    Drill drill = drill(fault + "=*/regions");
    URI good = changeset("main/cfr").chainUrl();
    URI bad = changeset("main/regions").chainUrl();
    assertNotEquals(good, bad);
    status("editor", "regions", "to-resign");
    assertEquals(bad, changeset("main/regions").chainUrl(), "the signer has nothing else yet");
    drill.mend();
    assertEquals(bad, changeset("main/regions").chainUrl(), "nobody has signed again");
    status("editor", "regions", "to-resign");
    assertEquals(good, changeset("main/regions").chainUrl());
    changeset("main/regions").verify(server.authority().rootHash());
  }

  @Test
  void a_fault_of_some_requests_is_not_in_the_content() throws Exception {
    drill("altered-record=main/regions:1");
    assertFalse(changeset("main/regions").isSignedByLeaf());
    assertTrue(changeset("main/regions").isSignedByLeaf());
  }

  @ParameterizedTest
  @ValueSource(strings = {"to-resign", "to-sign"})
  void a_stuck_status_stays_until_somebody_changes_it(String status) throws Exception {
    Drill drill = drill("stuck=main-workspace/fxmonitor-breaches");
    status("reviewer", "fxmonitor-breaches", status);
    drill.mend();
    assertEquals(status, status("fxmonitor-breaches"));
    status("editor", "fxmonitor-breaches", "work-in-progress");
    assertEquals("work-in-progress", status("fxmonitor-breaches"));
  }

  @Test
  void a_status_that_asks_for_no_signature_is_never_stuck() throws Exception {
    drill("stuck");
    status("editor", "cfr", "to-review");
    assertEquals("to-review", status("cfr"));
  }

  @Test
  void clients_report_fewer_errors_once_the_server_is_mended() throws Exception {
    Drill drill = drill();
    String before = ask("GET", Drill.UPTAKE).body();
    drill.mend();
    String after = ask("GET", Drill.UPTAKE).body();
    assertTrue(before.contains("127922") && !after.contains("127922"), after);
  }

  @Test
  void the_history_says_who_edited_a_record_and_how() throws Exception {
    drill();
    String history = "/buckets/main-workspace/history?uri=" + SOURCE + "cfr/records/SAVE_LOGIN";
    JsonNode before = client.must("reviewer", "GET", history, null).path("data");
    assertEquals("update account:editor", action(before.get(0)));
    client.must("reviewer", "DELETE", SOURCE + "cfr/records/SAVE_LOGIN", null);
    JsonNode after = client.must("editor", "GET", history, null).path("data");
    assertEquals("delete account:reviewer", action(after.get(0)));
    assertEquals(before.size() + 1, after.size(), after.toString());
    assertEquals(403, client.send("editor", "GET", "/buckets/none/history", null).statusCode());
    assertEquals(
        400, client.send("editor", "GET", history.replace("uri=", "url="), null).statusCode());
    assertEquals(
        405, client.send("admin", "PUT", "/buckets/main-workspace/history", "{}").statusCode());
    assertEquals(401, client.send(null, "GET", history, null).statusCode());
  }

  private static String action(JsonNode entry) {
    return entry.path("action").asString() + " " + entry.path("user_id").asString();
  }

  @Test
  void what_a_drill_adds_to_the_sample_content_is_well_signed() throws Exception {
    drill();
    changeset("main/tippytop").verify(server.authority().rootHash());
    assertEquals(content("main-preview/tippytop"), content("main/tippytop"));
  }

  private HttpResponse<String> ask(String method, String path) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(server.url().resolve(path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build();
    return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private SignedChangeset changeset(String collection) throws Exception {
    String path = "/v1/buckets/" + collection.replace("/", "/collections/");
    return new SignedChangeset(
        Store.JSON.readTree(ask("GET", path + "/changeset?_expected=0").body()));
  }

  /** Records without what differs from copy to copy. */
  private Set<JsonNode> content(String collection) throws Exception {
    Set<JsonNode> records = new HashSet<>();
    for (JsonNode record : changeset(collection).json().path("changes")) {
      records.add(((ObjectNode) record).deepCopy().without("last_modified"));
    }
    return records;
  }

  private void status(String user, String collection, String status) {
    client.status(user, "main-workspace", collection, status);
  }

  private String status(String collection) {
    return client.must("editor", "GET", SOURCE + collection, null).at("/data/status").asString();
  }
}
