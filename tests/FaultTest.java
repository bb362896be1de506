//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-core:3.3.0
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../server/Fault.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES SignedChangeset.java
//SOURCES ../server/Store.java
//SOURCES ../server/local_server.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateExpiredException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Each fault of the embedded server does what its sentence says, and spares all else. */
class FaultTest {

  private static final Duration NEVER = Duration.ofMinutes(5);
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).build();

  private static final long HUGE = 200 * 1024 * 1024;
  private static final String REGIONS = "/buckets/main/collections/regions";
  private static final String CHANGESET = REGIONS + "/changeset?_expected=0";

  private RemoteSettingsServer server;

  @BeforeEach
  void start() throws IOException {
    server = RemoteSettingsServer.builder().sample(true).trickleEvery(NEVER).start();
  }

  @AfterEach
  void close() {
    server.close();
  }

  /** Sets a fault of the collection main/regions. */
  private void spoil(String fault) {
    server.fault(fault + "=main/regions");
  }

  private HttpResponse<byte[]> get(String path) throws IOException, InterruptedException {
    return CLIENT.send(request(path), HttpResponse.BodyHandlers.ofByteArray());
  }

  private HttpRequest request(String path) {
    return HttpRequest.newBuilder(server.url().resolve("/v1" + path)).timeout(NEVER).build();
  }

  private static String header(HttpResponse<?> answer, String name) {
    return answer.headers().firstValue(name).orElse("none");
  }

  private static String text(HttpResponse<byte[]> answer) {
    return new String(answer.body(), StandardCharsets.UTF_8);
  }

  private JsonNode json(String path) throws IOException, InterruptedException {
    return Store.JSON.readTree(get(path).body());
  }

  private SignedChangeset regions() throws IOException, InterruptedException {
    return new SignedChangeset(json(CHANGESET));
  }

  @ParameterizedTest
  @EnumSource(Fault.Kind.class)
  void fault_spares_other_collections_and_what_is_stored(Fault.Kind kind) throws Exception {
    spoil(kind.label());
    new SignedChangeset(json("/buckets/main/collections/cfr/changeset?_expected=0"))
        .verify(server.authority().rootHash());
    server.clearFaults();
    regions().verify(server.authority().rootHash());
  }

  @ParameterizedTest
  @CsvSource({
    "400, 400, none",
    "401, 401, none",
    "403, 403, none",
    "404, 404, none",
    "409, 409, none",
    "412, 412, none",
    "413, 413, none",
    "429, 429, 1",
    "500, 500, none",
    "502, 502, none",
    "503, 503, 1",
    "503-date, 503, '\\w{3}, .* GMT'",
    "503-long, 503, 3600",
    "503-plain, 503, none",
    "503-done, 503, none",
    "504, 504, none",
    "control-characters, 403, none",
  })
  void fault_answers_with_its_status(String fault, int status, String retryAfter) throws Exception {
    spoil(fault);
    HttpResponse<byte[]> answer = get(CHANGESET);
    assertEquals(status, answer.statusCode());
    String actual = header(answer, "Retry-After");
    assertTrue(actual.matches(retryAfter), actual);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          400                | .*"errno":107.*"message":"title in body: 12 is not of type 'string'".*
          412                | (?!.*"details").*"errno":114.*
          413                | <html>.*
          502                | <html>.*
          504                | <html>.*
          control-characters | .*"message":"\\\\u001b\\[2J.*
          html               | <!DOCTYPE html>.*
          wrong-shape        | \\[42]
          """)
  void fault_answers_with_its_body(String fault, String body) throws Exception {
    spoil(fault);
    String actual = text(get(CHANGESET));
    assertTrue(actual.matches("(?s)" + body), actual);
  }

  @Test
  void fault_can_call_json_what_is_not() throws Exception {
    spoil("not-json");
    HttpResponse<byte[]> answer = get(CHANGESET);
    assertEquals("application/json", header(answer, "Content-Type"));
    assertThrows(JacksonException.class, () -> json(CHANGESET));
  }

  @Test
  void silent_server_sends_nothing() throws Exception {
    spoil("silent");
    assertEquals("", received("/v1" + CHANGESET, ""));
  }

  @Test
  void stalled_answer_begins_and_does_not_go_on() throws Exception {
    spoil("stall");
    String half = received("/v1" + CHANGESET, "{\"metadata\"");
    assertTrue(half.startsWith("HTTP/1.1 200"), half);
    assertTrue(half.contains("{\"metadata\""), half);
  }

  @Test
  void trickling_answer_begins_with_one_byte() throws Exception {
    spoil("trickle");
    assertTrue(received("/v1" + CHANGESET, "\r\n\r\n{").endsWith("\r\n\r\n{"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"reset", "cut", "lost"})
  void fault_closes_the_connection(String fault) throws Exception {
    spoil(fault);
    assertThrows(IOException.class, () -> get(CHANGESET));
  }

  @Test
  void huge_answer_has_200_mib() throws Exception {
    spoil("huge");
    assertTrue(size(request(CHANGESET)) > HUGE);
  }

  @Test
  void gzip_bomb_has_them_in_less_than_one() throws Exception {
    spoil("gzip-bomb");
    byte[] zipped = get(CHANGESET).body();
    assertTrue(zipped.length < 1024 * 1024, zipped.length + " bytes");
    assertTrue(size(new GZIPInputStream(new ByteArrayInputStream(zipped))) > HUGE);
  }

  @ParameterizedTest
  @CsvSource({
    "redirect, 127.0.0.1, 200",
    "redirect-elsewhere, localhost, 200",
    "redirect-loop, 127.0.0.1, 307",
  })
  void fault_redirects(String fault, String host, int status) throws Exception {
    spoil(fault);
    HttpResponse<byte[]> first = get(CHANGESET);
    assertEquals(307, first.statusCode());
    URI location = URI.create(header(first, "Location"));
    assertEquals(host, location.getHost());
    HttpRequest second = HttpRequest.newBuilder(location).build();
    assertEquals(status, CLIENT.send(second, HttpResponse.BodyHandlers.discarding()).statusCode());
  }

  @ParameterizedTest
  @CsvSource({"alert, Alert, .*switched off.*", "backoff, Backoff, 1"})
  void fault_adds_a_header(String fault, String name, String value) throws Exception {
    spoil(fault);
    String actual = header(get(CHANGESET), name);
    assertTrue(actual.matches(value), actual);
  }

  @ParameterizedTest
  @CsvSource({
    "altered-record, 7, 7",
    "altered-timestamp, 7, 7",
    "altered-signature, 7, 7",
    "duplicate-id, 8, 7",
    "no-id, 7, 6",
  })
  void content_is_altered_under_a_good_chain(String fault, int records, int ids) throws Exception {
    spoil(fault);
    assertFalse(regions().isSignedByLeaf());
    List<X509Certificate> chain = regions().chain();
    SignedChangeset.validate(chain);
    assertEquals(server.authority().rootHash(), SigningAuthority.hash(chain.getLast()));
    assertEquals(server.authority().leaf(), chain.getFirst());
    JsonNode changes = regions().json().path("changes");
    assertEquals(records, changes.size());
    assertEquals(ids, Set.copyOf(changes.findValuesAsString("id")).size());
  }

  @Test
  void altered_record_is_shown_by_both_endpoints() throws Exception {
    spoil("altered-record");
    JsonNode records = json(REGIONS + "/records").path("data");
    assertEquals(records, regions().json().path("changes"));
  }

  @Test
  void altered_timestamp_is_a_millisecond_late() throws Exception {
    spoil("altered-timestamp");
    assertEquals(
        server.timestamp("main", "regions") + 1, regions().json().path("timestamp").asLong());
  }

  @Test
  void malformed_signature_is_six_bytes_too_short() throws Exception {
    spoil("malformed-signature");
    assertEquals(90, regions().signature().length);
  }

  @Test
  void signature_can_be_missing() throws Exception {
    spoil("missing-signature");
    assertTrue(regions().entry().isMissingNode());
  }

  @Test
  void stale_state_is_what_a_cache_holds() throws Exception {
    spoil("stale");
    long announced = server.timestamp("main", "regions");
    assertStale(announced);
    JsonNode fresh = json(REGIONS + "/changeset?_expected=" + announced + "1");
    assertEquals(announced, fresh.path("timestamp").asLong());
  }

  @Test
  void stale_state_can_be_all_there_is() throws Exception {
    spoil("stale-always");
    long announced = server.timestamp("main", "regions");
    assertStale(announced);
    assertStale(announced * 10 + 1);
  }

  private void assertStale(long expected) throws Exception {
    JsonNode old = json(REGIONS + "/changeset?_expected=" + expected);
    assertTrue(old.path("timestamp").asLong() < server.timestamp("main", "regions"));
    assertEquals(6, old.path("changes").size());
    new SignedChangeset(old).verify(server.authority().rootHash());
  }

  @ParameterizedTest
  @CsvSource({"expired-leaf, 0", "expired-intermediate, 1"})
  void fault_signs_with_an_expired_certificate(String fault, int place) throws Exception {
    spoil(fault);
    List<X509Certificate> chain = regions().chain();
    assertEquals(3, chain.size());
    assertThrows(CertificateExpiredException.class, chain.get(place)::checkValidity);
  }

  @Test
  void leaf_can_expire_in_three_days() throws Exception {
    spoil("expiring-leaf");
    regions().verify(server.authority().rootHash());
    X509Certificate leaf = regions().chain().getFirst();
    Instant inThreeDays = Instant.now().plus(Duration.ofDays(3));
    assertTrue(leaf.getNotAfter().toInstant().isBefore(inThreeDays));
  }

  @Test
  void wrong_root_is_another_one() throws Exception {
    spoil("wrong-root");
    String root = SigningAuthority.hash(regions().chain().getLast());
    assertNotEquals(server.authority().rootHash(), root);
    regions().verify(root);
  }

  @Test
  void wrong_signer_has_a_leaf_under_the_right_root() throws Exception {
    spoil("wrong-signer");
    List<X509Certificate> chain = regions().chain();
    SignedChangeset.validate(chain);
    assertEquals(server.authority().rootHash(), SigningAuthority.hash(chain.getLast()));
    assertEquals(
        "someone-else.content-signature.mozilla.org", SignedChangeset.name(chain.getFirst()));
  }

  @ParameterizedTest
  @CsvSource({
    "chain-missing, 404, '(?s)\\{.*'",
    "chain-not-pem, 200, 'This is not a certificate.\n'",
    "chain-empty, 200, ''",
  })
  void fault_names_a_chain_without_certificates(String fault, int status, String body)
      throws Exception {
    spoil(fault);
    HttpResponse<String> answer = regions().chainAnswer();
    assertEquals(status, answer.statusCode());
    assertTrue(answer.body().matches(body), answer.body());
  }

  @Test
  void huge_chain_has_200_mib() throws Exception {
    spoil("chain-huge");
    assertTrue(size(HttpRequest.newBuilder(regions().chainUrl()).build()) > HUGE);
  }

  @Test
  void trickling_chain_begins_with_one_byte() throws Exception {
    spoil("chain-trickle");
    String path = regions().chainUrl().getPath();
    assertTrue(received(path, "\r\n\r\n-").endsWith("\r\n\r\n-"));
  }

  @ParameterizedTest
  @CsvSource({"entry-dots, main/..", "entry-slash, main/../x/regions", "entry-gone, main/gone"})
  void fault_announces_one_more_collection(String fault, String name) throws Exception {
    List<String> announced = new ArrayList<>(announced().keySet());
    announced.add(name);
    server.fault(fault + "=monitor/changes");
    assertEquals(announced, List.copyOf(announced().keySet()));
    assertEquals(401, get("/buckets/main/collections/gone").statusCode());
  }

  @Test
  void announced_timestamps_are_those_of_the_collections() throws Exception {
    announced()
        .forEach((collection, timestamp) -> {
          String[] parts = collection.split("/");
          assertEquals(server.timestamp(parts[0], parts[1]), timestamp);
        });
  }

  /** The announced timestamps by collection, in the order of the list. */
  private Map<String, Long> announced() throws IOException, InterruptedException {
    return announced(json("/buckets/monitor/collections/changes/changeset?_expected=0"));
  }

  /** The timestamps of a list of changes by collection, in its order. */
  static Map<String, Long> announced(JsonNode list) {
    Map<String, Long> timestamps = new LinkedHashMap<>();
    for (JsonNode entry : list.path("changes")) {
      timestamps.put(
          entry.path("bucket").asString() + "/" + entry.path("collection").asString(),
          entry.path("last_modified").asLong());
    }
    return timestamps;
  }

  @Test
  void altered_announcement_is_a_second_early() throws Exception {
    Map<String, Long> expected = announced();
    server.fault("altered-announcement=main/regions");
    expected.merge("main/regions", -1000L, Long::sum);
    assertEquals(expected, announced());
  }

  @Test
  void entry_can_be_missing() throws Exception {
    Map<String, Long> expected = announced();
    server.fault("entry-missing=main/regions");
    expected.remove("main/regions");
    assertEquals(expected, announced());
  }

  @Test
  void list_can_be_empty() throws Exception {
    server.fault("empty-list=monitor/changes");
    assertEquals(Map.of(), announced());
  }

  private static long size(HttpRequest request) throws Exception {
    return size(CLIENT.send(request, HttpResponse.BodyHandlers.ofInputStream()).body());
  }

  private static long size(InputStream body) throws IOException {
    try (body) {
      return body.transferTo(OutputStream.nullOutputStream());
    }
  }

  /** What comes over the wire: waits for this text, then goes on until nothing more comes. */
  private String received(String path, String atLeast) throws IOException {
    StringBuilder text = new StringBuilder();
    try (Socket socket = new Socket("127.0.0.1", server.port())) {
      String request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      InputStream in = socket.getInputStream();
      while (true) {
        boolean isEnough = text.indexOf(atLeast) >= 0;
        socket.setSoTimeout(isEnough ? 200 : (int) NEVER.toMillis());
        int one = in.read();
        if (one < 0) {
          return fail("the connection was closed after: " + text);
        }
        text.append((char) one);
      }
    } catch (SocketTimeoutException e) {
      return text.toString();
    }
  }

  @Test
  void fault_spoils_the_first_requests_only_when_told_how_many() throws Exception {
    server.fault("503=main/regions:2");
    for (int status : List.of(503, 503, 200, 200)) {
      assertEquals(status, get(REGIONS + "/records").statusCode());
    }
  }

  @Test
  void fault_can_be_aimed_at_any_path() throws Exception {
    server.fault("404=/chains/*");
    assertEquals(404, regions().chainAnswer().statusCode());
    server.clearFaults();
    server.answer("/v1/", 200, "application/json", "{\"capabilities\":[]}");
    assertEquals("{\"capabilities\":[]}", text(get("/")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nonsense           | unknown fault 'nonsense'",
        "503=regions        | in '503=regions', 'regions' is neither bucket/collection nor a path",
        "503:0              | in '503:0', '0' is not a number of requests (1 or more)",
        "503=main/x:many    | in '503=main/x:many', 'many' is not a number of requests (1 or more)",
      })
  void fault_that_is_none_is_explained(String text, String message) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> Fault.parse(text)).getMessage());
  }

  @Test
  void fault_reads_what_it_writes() {
    for (String text : List.of("503", "503=main/*", "altered-record=main/x:3", "cut=/v1/*:1")) {
      assertEquals(text, Fault.parse(text).toString());
    }
  }

  @Test
  void server_closes_at_once_in_the_middle_of_answers() throws Exception {
    List<CompletableFuture<HttpResponse<Void>>> waiting = new ArrayList<>();
    server.fault("silent=main/regions");
    server.fault("stall=main/cfr");
    server.fault("trickle=blocklists/addons");
    for (String name : List.of("main/regions", "main/cfr", "blocklists/addons")) {
      String path = "/buckets/" + name.replace("/", "/collections/") + "/changeset?_expected=0";
      waiting.add(CLIENT.sendAsync(request(path), HttpResponse.BodyHandlers.discarding()));
    }
    while (server.requests().size() < 3) {
      Thread.onSpinWait();
    }
    long start = System.nanoTime();
    server.close();
    assertTrue(Duration.ofNanos(System.nanoTime() - start).compareTo(NEVER) < 0);
    for (CompletableFuture<HttpResponse<Void>> one : waiting) {
      assertThrows(ExecutionException.class, () -> one.get(5, TimeUnit.MINUTES));
    }
  }

  @Test
  void help_of_local_server_explains_every_fault() {
    StringWriter out = new StringWriter();
    int exit =
        local_server.commandLine(new local_server()).setOut(new PrintWriter(out)).execute("--help");
    assertEquals(0, exit);
    for (Fault.Kind kind : Fault.Kind.values()) {
      String help = out.toString().replaceAll("\\s+", " ");
      assertTrue(help.contains(" " + kind.label() + " " + kind.sentence() + "."), kind.label());
    }
  }
}
