//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../server/Fault.java
//SOURCES FaultTest.java
//SOURCES KintoClient.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES SignedChangeset.java
//SOURCES ../server/Store.java
//SOURCES ../server/local_server.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The embedded server answers as the recorded one does, signs for real, and each fault does what
 * its sentence says. Client, canonical JSON and verification here are the test's own or the JDK's,
 * so that nothing is proved with the code it is to prove.
 */
class RemoteSettingsServerTest {

  private static final Duration NEVER = Duration.ofMinutes(5);
  private static final HttpClient CLIENT =
      HttpClient.newBuilder()
          .connectTimeout(NEVER)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  private RemoteSettingsServer server;

  @AfterEach
  void close() {
    server.close();
  }

  /** A moment at which an old {@code _since} is old. */
  private static final Clock MOMENT =
      Clock.fixed(Instant.parse("2026-11-24T03:47:46.600Z"), ZoneOffset.UTC);

  // --- Server info --------------------------------------------------------------------------

  @Test
  void server_info_has_the_recorded_shape() throws Exception {
    JsonNode recorded =
        Store.JSON
            .readTree(
                Files.readAllLines(Project.root().resolve("tests/vectors/kinto-26/exchanges.jsonl"))
                    .getFirst())
            .path("response")
            .path("body");
    server = RemoteSettingsServer.start();
    JsonNode info = json(get("/"));
    assertEquals(recorded.path("settings"), info.path("settings"));
    assertEquals(
        recorded.path("capabilities").path("signer"), info.path("capabilities").path("signer"));
    assertEquals(
        recorded.path("capabilities").path("changes"), info.path("capabilities").path("changes"));
    assertEquals(server.url() + "/", info.path("url").asString());
    assertFalse(info.has("user"));
    JsonNode editor = json(get("/", "Authorization", basic("editor")));
    assertEquals("account:editor", editor.path("user").path("id").asString());
  }

  // --- Protocol ------------------------------------------------------------------------------

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''                       | a b c d e",
        "n=1                      | a",
        "n=\"1\"                  | e",
        "min_n=2                  | b c",
        "gt_n=2                   | c",
        "max_n=2                  | a b",
        "lt_n=2                   | a",
        "not_n=1                  | b c d e",
        "in_n=1,3                 | a c",
        "exclude_n=1,3            | b d e",
        "like_title=gr            | b c",
        "like_title=Gr*n          | b",
        "has_n=true               | a b c e",
        "has_n=false              | d",
        "deep.flag=true           | a",
        "has_deep.flag=true       | a d",
        "n=null                   | ''",
        "title=null               | e",
        "unknown=1                | ''",
        "id=c                     | c",
        "in_id=a,e                | a e",
        "in_id=a&in_id=e          | a e",
        "exclude_n=1&exclude_n=3  | b d e",
        "n=1&n=1                  | ''",
        "not_n=1&not_n=2          | a b c d e",
        "_before=\"1003\"         | a b",
        "_since=\"1003\"          | d e x",
        "_since=1003&_before=1005 | d",
        "min_n=2&like_title=grey  | c",
      })
  void records_are_filtered_as_kinto_does(String query, String expected) throws Exception {
    server = RemoteSettingsServer.start();
    fillForQueries();
    JsonNode body = json(get("/buckets/main/collections/q/records?" + query.replace("\"", "%22")));
    assertEquals(expected.isEmpty() ? List.of() : List.of(expected.split(" ")), sortedIds(body));
  }

  private void fillForQueries() {
    server.put(
        "main",
        "q",
        "{\"id\":\"a\",\"n\":1,\"title\":\"Red\",\"deep\":{\"flag\":true},\"last_modified\":1001}");
    server.put("main", "q", "{\"id\":\"b\",\"n\":2,\"title\":\"Green\",\"last_modified\":1002}");
    server.put("main", "q", "{\"id\":\"c\",\"n\":3,\"title\":\"grey\",\"last_modified\":1003}");
    server.put("main", "q", "{\"id\":\"d\",\"deep\":{\"flag\":0},\"last_modified\":1004}");
    server.put("main", "q", "{\"id\":\"e\",\"n\":\"1\",\"title\":null,\"last_modified\":1005}");
    server.store().putTombstone("main", "q", "x", 1006);
  }

  private static List<String> sortedIds(JsonNode body) {
    return ids(body).stream().sorted().toList();
  }

  private static List<String> ids(JsonNode body) {
    List<String> ids = new ArrayList<>();
    for (JsonNode record : body.has("data") ? body.path("data") : body.path("changes")) {
      ids.add(record.path("id").asString());
    }
    return ids;
  }

  @ParameterizedTest
  @CsvSource({
    "_sort=n, 'e a b c d'",
    "_sort=-n, 'd c b a e'",
    "_sort=last_modified, 'a b c d e'",
    "'_sort=title,n', 'e b a c d'"
  })
  void records_are_sorted_kinds_apart(String query, String expected) throws Exception {
    server = RemoteSettingsServer.start();
    fillForQueries();
    assertEquals(
        List.of(expected.split(" ")),
        ids(json(get("/buckets/main/collections/q/records?" + query))));
  }

  @Test
  void fields_select_also_inside_objects() throws Exception {
    server = RemoteSettingsServer.start();
    fillForQueries();
    JsonNode body = json(get("/buckets/main/collections/q/records?id=a&_fields=deep.flag"));
    assertEquals(
        "{\"deep\":{\"flag\":true},\"id\":\"a\",\"last_modified\":1001}",
        body.path("data").get(0).toString());
  }

  @Test
  void pages_lead_through_all_records_under_the_name_the_client_used() throws Exception {
    server = RemoteSettingsServer.builder().pageSize(3).start();
    for (int i = 0; i < 10; i++) {
      // Equal values on both sides of a page's end are told apart by their timestamps.
      server.put("main", "many", "{\"id\":\"r" + i + "\",\"n\":" + i / 4 + "}");
    }
    List<String> seen = new ArrayList<>();
    URI next =
        URI.create(
            "http://localhost:"
                + server.port()
                + "/v1/buckets/main/collections/many/records?_sort=n");
    int pages = 0;
    while (next != null) {
      HttpResponse<byte[]> page =
          CLIENT.send(
              HttpRequest.newBuilder(next).build(), HttpResponse.BodyHandlers.ofByteArray());
      seen.addAll(ids(json(page)));
      next = page.headers().firstValue("Next-Page").map(URI::create).orElse(null);
      assertTrue(next == null || next.getHost().equals("localhost"), String.valueOf(next));
      pages++;
    }
    assertEquals(4, pages);
    assertEquals(List.of("r3", "r2", "r1", "r0", "r7", "r6", "r5", "r4", "r9", "r8"), seen);
    assertEquals(400, get("/buckets/main/collections/many/records?_token=x").statusCode());
  }

  @Test
  void changeset_has_metadata_records_and_timestamp_of_one_moment() throws Exception {
    server = RemoteSettingsServer.start();
    server.publish("main", "x", "{\"id\":\"a\"}", "{\"id\":\"b\"}");
    long before = server.timestamp("main", "x");
    server.delete("main", "x", "a");
    server.put("main", "x", "{\"id\":\"c\"}");
    server.sign("main", "x");
    JsonNode whole = json(get("/buckets/main/collections/x/changeset?_expected=0"));
    assertEquals(List.of("c", "b"), ids(whole));
    assertEquals(server.timestamp("main", "x"), whole.path("timestamp").asLong());
    assertEquals("main", whole.path("metadata").path("bucket").asString());
    JsonNode since =
        json(get("/buckets/main/collections/x/changeset?_expected=0&_since=%22" + before + "%22"));
    assertEquals(List.of("c", "a"), ids(since));
    assertTrue(since.path("changes").get(1).path("deleted").asBoolean());
  }

  @Test
  void changes_redirect_a_quoted_expected_and_answer_204_to_who_is_ahead() throws Exception {
    server = RemoteSettingsServer.builder().clock(MOMENT).start();
    server.publish("main", "x");
    String list = "/buckets/monitor/collections/changes/changeset";
    HttpResponse<byte[]> quoted = get(list + "?_expected=%22123%22&bucket=main");
    assertEquals(307, quoted.statusCode());
    assertEquals(
        server.url() + list + "?_expected=123&bucket=main",
        quoted.headers().firstValue("Location").orElse(""));
    long now = MOMENT.millis();
    String ahead = "?_expected=" + (now - 2) + "&_since=%22" + (now - 1) + "%22";
    assertEquals(204, get(list + ahead).statusCode());
    String behind = "?_expected=" + now + "&_since=%22" + (now - 1) + "%22";
    assertEquals(List.of("x"), collections(json(get(list + behind))));
  }

  private static List<String> collections(JsonNode changes) {
    List<String> names = new ArrayList<>();
    changes.path("changes").forEach(entry -> names.add(entry.path("collection").asString()));
    return names;
  }

  @Test
  void unchanged_list_of_changes_is_an_empty_list_not_a_304() throws Exception {
    server = RemoteSettingsServer.start();
    server.publish("main", "x", "{\"id\":\"a\"}");
    String list = "/buckets/monitor/collections/changes/records";
    String etag = get(list).headers().firstValue("ETag").orElseThrow();
    HttpResponse<byte[]> again = get(list, "If-None-Match", etag);
    assertEquals(200, again.statusCode());
    assertEquals("{\"data\":[]}", text(again));
    String records = "/buckets/main/collections/x/records";
    etag = get(records).headers().firstValue("ETag").orElseThrow();
    assertEquals(304, get(records, "If-None-Match", etag).statusCode());
    assertEquals(412, get(records, "If-Match", "\"1\"").statusCode());
  }

  @ParameterizedTest
  @CsvSource({
    "/buckets/main/collections/x,                 200, 200, 200",
    "/buckets/main/collections/nope,              401, 403, 404",
    "/buckets/main-workspace/collections/x,       401, 200, 200",
    "/buckets/main-workspace/collections/nope,    401, 404, 404",
    "/buckets/main-workspace/collections/x/records, 401, 200, 200",
    "/buckets/main-workspace/collections/x/changeset?_expected=0, 401, 200, 200",
    "/buckets/main,                               401, 403, 200",
    "/buckets/nowhere/collections/x,              401, 403, 403",
    "/buckets/nowhere/collections/x/records,      401, 403, 403",
    "/buckets/nowhere/collections/x/changeset?_expected=0, 401, 403, 403",
    "/buckets/nowhere/groups/x,                   401, 403, 403",
    "/buckets/nowhere,                            401, 403, 404",
    "/buckets,                                    401, 200, 200",
    "/nowhere,                                    404, 404, 404",
  })
  void accounts_see_what_they_may(String path, int anonymous, int editor, int admin)
      throws Exception {
    server = RemoteSettingsServer.start();
    server.publish("main", "x");
    server.create("main-workspace", "x");
    assertEquals(anonymous, get(path).statusCode());
    assertEquals(editor, get(path, "Authorization", basic("editor")).statusCode());
    assertEquals(admin, get(path, "Authorization", basic("admin")).statusCode());
    String wrong = basic("admin").replaceFirst(".$", "x");
    assertEquals(anonymous, get(path, "Authorization", wrong).statusCode());
  }

  @Test
  void answers_are_gzipped_for_who_accepts_it_and_the_same() throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    String path = "/buckets/main/collections/regions/records";
    byte[] plain = get(path).body();
    HttpResponse<byte[]> zipped = get(path, "Accept-Encoding", "gzip");
    assertEquals("gzip", zipped.headers().firstValue("Content-Encoding").orElse(""));
    assertTrue(zipped.body().length < plain.length);
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped.body()))) {
      assertArrayEquals(plain, in.readAllBytes());
    }
  }

  @Test
  void old_servers_have_no_changeset_or_one_signature() throws Exception {
    server = RemoteSettingsServer.builder().withoutChangesets().withSingleSignature().start();
    server.publish("main", "x");
    assertEquals(404, get("/buckets/main/collections/x/changeset?_expected=0").statusCode());
    assertEquals(200, get("/buckets/monitor/collections/changes/records").statusCode());
    JsonNode data = json(get("/buckets/main/collections/x")).path("data");
    assertTrue(data.has("signature"));
    assertFalse(data.has("signatures"));
  }

  @Test
  void timestamps_increase_strictly_even_when_the_clock_stands() throws Exception {
    server = RemoteSettingsServer.builder().clock(MOMENT).start();
    Set<Long> seen = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      seen.add(server.put("main", "x", "{}").path("last_modified").asLong());
    }
    assertEquals(100, seen.size());
  }

  @Test
  void hundreds_of_requests_at_once_are_all_answered() throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create(
                    server.url() + "/buckets/main/collections/regions/changeset?_expected=0"))
            .build();
    List<CompletableFuture<HttpResponse<Void>>> answers = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      answers.add(CLIENT.sendAsync(request, HttpResponse.BodyHandlers.discarding()));
    }
    for (CompletableFuture<HttpResponse<Void>> answer : answers) {
      assertEquals(200, answer.get(5, TimeUnit.MINUTES).statusCode());
    }
    assertEquals(400, server.requests("/v1/buckets/main/collections/regions/").size());
  }

  @Test
  void https_is_for_who_trusts_its_ca() throws Exception {
    SigningAuthority.TlsIdentity tls = SigningAuthority.tlsForLoopback();
    server = RemoteSettingsServer.builder().tls(tls.context()).sample(true).start();
    assertEquals("https", server.url().getScheme());
    assertThrows(IOException.class, () -> get("/buckets/monitor/collections/changes/records"));
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("ca", SignedChangeset.certificates(tls.caPem()).getFirst());
    TrustManagerFactory managers =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    try (HttpClient client = HttpClient.newBuilder().sslContext(context).build()) {
      for (String host : List.of("127.0.0.1", "localhost")) {
        URI uri = URI.create("https://" + host + ":" + server.port() + "/v1/");
        HttpResponse<String> answer =
            client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode());
      }
    }
  }

  // --- Signatures ----------------------------------------------------------------------------

  @Test
  void every_signature_of_the_sample_verifies_without_our_own_code() throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    Set<String> signed = announced().keySet();
    assertTrue(signed.remove("main/newtab-wallpapers-v2"));
    JsonNode unsigned = changeset("main/newtab-wallpapers-v2");
    assertFalse(unsigned.path("metadata").has("signature"));
    assertEquals(0, unsigned.path("changes").size());
    assertTrue(signed.size() >= 14, signed::toString);
    for (String collection : signed) {
      signed(collection).verify(server.authority().rootHash());
    }
  }

  @Test
  void revocation_lists_are_signed_under_a_name_of_their_own() throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    assertEquals("onecrl.content-signature.mozilla.org", leafName("security-state/onecrl"));
    assertEquals("onecrl.content-signature.mozilla.org", leafName("security-state-preview/onecrl"));
    assertEquals("remote-settings.content-signature.mozilla.org", leafName("main/regions"));
  }

  private String leafName(String collection) throws Exception {
    return SignedChangeset.name(signed(collection).chain().getFirst());
  }

  /** Starts the server with the source that {@link #SOURCE} names. */
  private KintoClient startWithSource(RemoteSettingsServer.Builder builder) throws IOException {
    server = builder.start();
    KintoClient client = new KintoClient(server.url());
    client.createSource("main-workspace", "x");
    return client;
  }

  // --- Writes --------------------------------------------------------------------------------

  @Test
  void nobody_ever_sees_a_half_published_collection() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    CompletableFuture<Void> publishing =
        CompletableFuture.runAsync(() -> {
          for (int round = 0; round < 15; round++) {
            for (int i = 0; i < 5; i++) {
              client.put("main-workspace", "x", "r" + i, "{\"round\":" + round + "}");
            }
            client.status("editor", "main-workspace", "x", "to-review");
            client.status("reviewer", "main-workspace", "x", "to-sign");
          }
        });
    int read = 0;
    while (!publishing.isDone() || read == 0) {
      JsonNode changeset = changeset("main/x");
      Set<String> rounds = new HashSet<>();
      changeset.path("changes").forEach(record -> rounds.add(record.path("round").asString()));
      assertTrue(rounds.size() <= 1, () -> "records of two publications: " + changeset);
      new SignedChangeset(changeset).verify(server.authority().rootHash());
      read++;
    }
    publishing.get(1, TimeUnit.MINUTES);
    assertEquals(5, changeset("main/x").path("changes").size());
  }

  /** All that can be seen of a source and what it publishes. */
  private String state() {
    StringBuilder state = new StringBuilder();
    for (String bucket : List.of("main-workspace", "main-preview", "main")) {
      for (String plural :
          List.of(Store.collections(bucket), Store.groups(bucket), Store.records(bucket, "x"))) {
        state.append(server.store().listing(plural)).append('\n');
        state.append(server.store().entries(plural)).append('\n');
      }
    }
    return state.toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          -      | PUT    | /records/a | {"data":{"n":2}}                    | 401
          -      | PATCH  | ''         | {"data":{"status":"to-resign"}}     | 401
          -      | DELETE | ''         | -                                   | 401
          editor | PUT    | /records/a | {"data":{"n":0.5}}                  | 400
          editor | PUT    | /records/a | {"data":{"o":{"n":1e3}}}            | 400
          editor | PUT    | /records/a | {"data":{"id":"b"}}                 | 400
          editor | PUT    | /records/a | {"data":[]}                         | 400
          editor | PUT    | /records/a | {"x":1}                             | 400
          editor | PUT    | /records/a | {                                   | 400
          editor | DELETE | /records/z | -                                   | 404
          editor | PATCH  | ''         | {"data":{"status":"to-sign"}}       | 403
          editor | PATCH  | ''         | {"data":{"status":"signed"}}        | 400
          editor | PATCH  | ''         | {"data":{"status":null}}            | 400
          editor | PATCH  | ''         | {"data":{"last_edit_by":"account:x"}} | 400
          editor | PUT    | ''         | {"data":{}}                         | 400
          editor | PATCH  | ''         | {}                                  | 400
          editor | POST   | ''         | {}                                  | 405
          """,
      nullValues = "-")
  void a_refused_request_changes_nothing(
      String user, String method, String below, String body, int status) throws IOException {
    assertRefused(status, user, method, below, body);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          PUT    | {"data":{"n":2}}
          DELETE | -
          """,
      nullValues = "-")
  void a_request_for_another_state_changes_nothing(String method, String body) throws IOException {
    assertRefused(412, "editor", method, "/records/a", body, "If-Match", "\"1\"");
  }

  private void assertRefused(
      int status, String user, String method, String below, String body, String... headers)
      throws IOException {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    client.put("main-workspace", "x", "a", "{\"n\":1}");
    client.status("editor", "main-workspace", "x", "to-review");
    String before = state();
    String path = "/buckets/main-workspace/collections/x" + below;
    HttpResponse<String> answer = client.send(user, method, path, body, headers);
    assertEquals(status, answer.statusCode(), answer.body());
    assertEquals(before, state());
  }

  @Test
  void a_flush_leaves_the_server_as_it_began() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    assertEquals(202, client.send("editor", "POST", "/__flush__", null).statusCode());
    assertEquals(Map.of(), announced());
    client.createSource("main-workspace", "x");
    signed("main/x").verify(server.authority().rootHash());
  }

  // --- Signoff -------------------------------------------------------------------------------

  private static final String PUBLISHED =
      """
      {"flags":["startup"],"displayFields":["title"],"sort":"-title","attachment":{"required":true},\
      "schema":{"type":"object"}}\
      """;

  @Test
  void a_signature_publishes_the_metadata_of_the_source() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    client.must("editor", "PATCH", SOURCE, "{\"data\":" + PUBLISHED + "}");
    client.must("editor", "PATCH", SOURCE, "{\"data\":{\"private\":true}}");
    client.put("main-workspace", "x", "a", "{\"n\":1}");
    assertEquals("{}", published("main-preview"));
    client.status("editor", "main-workspace", "x", "to-review");
    assertEquals(PUBLISHED, published("main-preview"));
    assertEquals("{}", published("main"));
    client.status("reviewer", "main-workspace", "x", "to-sign");
    assertEquals(PUBLISHED, published("main"));
    client.must("editor", "PATCH", SOURCE, "{\"data\":{\"flags\":[],\"sort\":\"id\"}}");
    assertEquals(PUBLISHED, published("main"));
    client.status("editor", "main-workspace", "x", "to-resign");
    String changed = PUBLISHED.replace("[\"startup\"]", "[]").replace("-title", "id");
    assertEquals(changed, published("main"));
    assertEquals(changed, published("main-preview"));
  }

  /** What a preview or destination says beside its id, timestamp and signatures, in one order. */
  private String published(String bucket) {
    ObjectNode metadata = server.store().get(bucket, "x").metadata();
    ObjectNode published = Store.object();
    for (String name : List.of("flags", "displayFields", "sort", "attachment", "schema")) {
      if (metadata.has(name)) {
        published.set(name, metadata.get(name));
      }
    }
    int others = metadata.size() - published.size();
    assertEquals(4, others, metadata::toString); // id, last_modified, signature, signatures
    return published.toString();
  }

  @ParameterizedTest
  @CsvSource({
    "auto, to-review, 200",
    "auto, to-sign,   200",
    "x,    to-review, 403",
    "x,    to-sign,   403",
  })
  void groups_count_only_where_a_review_is_needed(String collection, String status, int expected)
      throws Exception {
    server = RemoteSettingsServer.start();
    assertEquals(expected, setByNoMember(collection, status));
  }

  @ParameterizedTest
  @CsvSource({"auto, to-review", "auto, to-sign", "x, to-review", "x, to-sign"})
  void groups_count_everywhere_for_an_old_signer(String collection, String status)
      throws Exception {
    server = RemoteSettingsServer.builder().withOldSigner().start();
    assertEquals(403, setByNoMember(collection, status));
  }

  /** A status set by an account that may write the collection, but is in none of its groups. */
  private int setByNoMember(String collection, String status) {
    KintoClient client = new KintoClient(server.url());
    client.createSource("main-workspace", collection);
    client.put("main-workspace", collection, "a", "{\"n\":1}");
    String path = "/buckets/main-workspace/collections/" + collection;
    String body = "{\"data\":{\"status\":\"" + status + "\"}}";
    return client.send("admin", "PATCH", path, body).statusCode();
  }

  @Test
  void the_capability_of_an_old_signer_differs_from_a_current_one() throws Exception {
    server = RemoteSettingsServer.builder().withOldSigner().start();
    JsonNode signer = json(get("/")).path("capabilities").path("signer");
    assertFalse(signer.has("plugin_userid"));
    assertEquals("6.1.0", signer.path("version").asString());
    assertTrue(signer.path("group_check_enabled").asBoolean());
  }

  // --- What is missing -----------------------------------------------------------------------

  @ParameterizedTest
  @CsvSource({
    "DELETE, main-workspace/collections/y/records,   401, 403, 404",
    "POST,   main-workspace/collections/y/records,   404, 404, 404",
    "PUT,    main-workspace/collections/y/records/a, 404, 404, 404",
    "PATCH,  main-workspace/collections/y/records/a, 404, 404, 404",
    "DELETE, main-workspace/collections/y/records/a, 404, 404, 404",
    "DELETE, nowhere/collections/y/records,          401, 403, 403",
    "POST,   nowhere/collections/y/records,          401, 403, 403",
    "PUT,    nowhere/collections/y/records/a,        401, 403, 403",
    "PUT,    nowhere/collections/y,                  401, 403, 403",
    "PATCH,  nowhere/collections/y,                  401, 403, 403",
    "DELETE, nowhere/collections/y,                  401, 403, 403",
    "POST,   nowhere/collections,                    401, 403, 403",
    "PUT,    nowhere/groups/y,                       401, 403, 403",
  })
  void a_write_below_what_is_missing_is_refused(
      String method, String path, int anonymous, int editor, int admin) throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    List<Integer> statuses = new ArrayList<>();
    for (String user : Arrays.asList(null, "editor", "admin")) {
      statuses.add(client.send(user, method, "/buckets/" + path, "{\"data\":{}}").statusCode());
    }
    assertEquals(List.of(anonymous, editor, admin), statuses);
  }

  // --- The reader ----------------------------------------------------------------------------

  @Test
  void the_reader_serves_the_same_content_with_valid_signatures() throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    String list = "/buckets/monitor/collections/changes/changeset?_expected=0";
    Map<String, Long> announced = FaultTest.announced(json(read(list)));
    assertEquals(announced(), announced);
    for (String collection : announced.keySet()) {
      assertEquals(changeset(collection), json(read(changesetOf(collection))));
    }
    new SignedChangeset(json(read(changesetOf("main/regions"))))
        .verify(server.authority().rootHash());
    assertEquals(404, read(changesetOf("main-workspace/regions")).statusCode());
  }

  @Test
  void the_reader_exports_all_the_time_or_has_stopped_at_a_moment() throws Exception {
    server = RemoteSettingsServer.builder().clock(MOMENT).start();
    assertEquals(MOMENT.instant().getEpochSecond(), exported());
    Instant stopped = MOMENT.instant().minus(Duration.ofDays(3));
    server.exportedAt(stopped);
    assertEquals(stopped.getEpochSecond(), exported());
  }

  private long exported() throws Exception {
    return json(read("/")).path("git").path("common").path("timestamp").asLong();
  }

  @Test
  void what_is_asked_of_a_collection_happens_to_the_reader_too() throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    List<String> seen = new ArrayList<>();
    server.before("main/regions", request -> seen.add(request.path()));
    server.fault("altered-record=main/regions");
    JsonNode altered = json(read(changesetOf("main/regions")));
    assertEquals(List.of("/v2/buckets/main/collections/regions/changeset"), seen);
    assertThrows(
        AssertionError.class,
        () -> new SignedChangeset(altered).verify(server.authority().rootHash()));
    server.answer("main/regions", 418, "text/plain", "teapot");
    assertEquals(418, read(changesetOf("main/regions")).statusCode());
    assertEquals(200, read(changesetOf("main/cfr")).statusCode());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "_expected=1&_since=2 | 400 | \"_expected must be superior to _since if both are"
            + " provided\"",
        "_expected=-1         | 422 |"
            + " [{\"type\":\"greater_than_equal\",\"loc\":[\"query\",\"_expected\"],\"msg\":\"Input"
            + " should be greater than or equal to 0\",\"input\":\"-1\",\"ctx\":{\"ge\":0}}]",
        "_since=1             | 422 | [{\"type\":\"missing\",\"loc\":[\"query\",\"_expected\"],"
            + "\"msg\":\"Field required\",\"input\":null}]",
        "_since=x             | 422 | [{\"type\":\"missing\",\"loc\":[\"query\",\"_expected\"],"
            + "\"msg\":\"Field required\",\"input\":null},{\"type\":\"int_parsing\",\"loc\":"
            + "[\"query\",\"_since\"],\"msg\":\"Input should be a valid integer, unable to parse"
            + " string as an integer\",\"input\":\"x\"}]",
      })
  void the_reader_says_in_its_detail_what_is_wrong(String query, int status, String detail)
      throws Exception {
    server = RemoteSettingsServer.builder().sample(true).start();
    HttpResponse<byte[]> answer = read("/buckets/main/collections/regions/changeset?" + query);
    assertEquals(status, answer.statusCode());
    assertEquals("{\"detail\":" + detail + "}", text(answer));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "/__heartbeat__", "/buckets/main/collections/regions/changeset"})
  void the_reader_is_only_read(String path) throws Exception {
    server = RemoteSettingsServer.start();
    HttpResponse<byte[]> answer = ask("POST", server.readerUrl() + path);
    assertEquals(405, answer.statusCode());
    assertEquals("GET", header(answer, "Allow"));
    assertEquals("{\"detail\":\"Method Not Allowed\"}", text(answer));
  }

  @Test
  void what_an_old_signer_lacks_is_missing_in_the_reader_too() throws Exception {
    server = RemoteSettingsServer.builder().withSingleSignature().start();
    server.publish("main", "x", "{\"id\":\"a\"}");
    JsonNode metadata = json(read(changesetOf("main/x"))).path("metadata");
    assertTrue(metadata.has("signature"));
    assertFalse(metadata.has("signatures"));
  }

  @Test
  void who_expects_nothing_may_know_any_moment() throws Exception {
    server = RemoteSettingsServer.start();
    server.publish("main", "x", "{\"id\":\"a\"}");
    long since = server.timestamp("main", "x");
    String query = "/buckets/main/collections/x/changeset?_expected=0&_since=" + since;
    assertEquals(0, json(read(query)).path("changes").size());
    assertEquals(400, read(query.replace("=0", "=1")).statusCode());
  }

  private static String changesetOf(String collection) {
    return "/buckets/"
        + collection.replace("/", "/collections/")
        + "/changeset?_expected=999912345678";
  }

  private HttpResponse<byte[]> read(String path) throws IOException, InterruptedException {
    return ask("GET", server.readerUrl() + path);
  }

  @Test
  void changesets_are_cut_by_both_servers_and_lists_of_records_are_not() throws Exception {
    server = RemoteSettingsServer.builder().maxFetchSize(2).start();
    server.publish("main", "x", "{\"id\":\"a\"}", "{\"id\":\"b\"}", "{\"id\":\"c\"}");
    JsonNode cut = changeset("main/x");
    assertEquals(2, cut.path("changes").size());
    assertEquals(cut, json(read(changesetOf("main/x"))));
    server.publish("main", "y");
    server.publish("main", "z");
    assertEquals(3, changeset("monitor/changes").path("changes").size());
    assertEquals(3, json(read(changesetOf("monitor/changes"))).path("changes").size());
    String records = "/buckets/main/collections/x/records";
    HttpResponse<byte[]> all = get(records);
    assertEquals(3, json(all).path("data").size());
    assertEquals("none", header(all, "Next-Page"));
    assertEquals("none", header(all, "Total-Records"));
    HttpResponse<byte[]> counted = ask("HEAD", server.url() + records);
    assertEquals("3", header(counted, "Total-Records"));
    assertEquals("3", header(counted, "Total-Objects"));
  }

  // --- Attachments ---------------------------------------------------------------------------

  @Test
  void an_attached_file_is_where_the_record_says_it_is() throws Exception {
    server = RemoteSettingsServer.start();
    byte[] flag =
        "<svg xmlns='http://www.w3.org/2000/svg'/>".repeat(30).getBytes(StandardCharsets.UTF_8);
    server.put("main", "x", "{\"id\":\"br\",\"name\":\"BR\"}");
    JsonNode record = server.attach("main", "x", "br", "flag.svg", flag);
    assertEquals("BR", record.path("name").asString());
    assertEquals(record, json(get("/buckets/main/collections/x/records/br")).path("data"));
    JsonNode attachment = record.path("attachment");
    assertEquals("flag.svg", attachment.path("filename").asString());
    assertEquals("image/svg+xml", attachment.path("mimetype").asString());
    assertEquals(flag.length, attachment.path("size").asInt());
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(flag);
    assertEquals(HexFormat.of().formatHex(digest), attachment.path("hash").asString());
    JsonNode capability = json(get("/")).path("capabilities").path("attachments");
    assertEquals(capability, json(read("/")).path("capabilities").path("attachments"));
    String url = capability.path("base_url").asString() + attachment.path("location").asString();
    HttpResponse<byte[]> file = ask("GET", url, "Accept-Encoding", "gzip");
    assertArrayEquals(flag, file.body());
    assertEquals("image/svg+xml", header(file, "Content-Type"));
    HttpResponse<byte[]> head = ask("HEAD", url);
    assertEquals(Integer.toString(flag.length), header(head, "Content-Length"));
    assertEquals(404, ask("GET", url + "x").statusCode());
    assertEquals(405, ask("DELETE", url).statusCode());
  }

  @Test
  void a_file_is_found_by_its_escaped_name_and_its_head_is_that_of_the_whole() throws Exception {
    server = RemoteSettingsServer.start();
    JsonNode record = server.attach("main", "x", "a", "a.b c", new byte[5]);
    String location = record.path("attachment").path("location").asString();
    String url = server.url().resolve("/attachments/").toString() + location.replace(" ", "%20");
    assertEquals(200, ask("GET", url).statusCode());
    HttpResponse<byte[]> head = ask("HEAD", url, "Range", "bytes=0-0");
    assertEquals(200, head.statusCode());
    assertEquals("5", header(head, "Content-Length"));
    assertEquals(404, ask("GET", url.replace("main/x/", "main/x/../x/")).statusCode());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "bytes=0-0  | 206 | a      | bytes 0-0/5",
        "bytes=1-3  | 206 | bcd    | bytes 1-3/5",
        "bytes=3-   | 206 | de     | bytes 3-4/5",
        "bytes=3-99 | 206 | de     | bytes 3-4/5",
        "bytes=5-   | 416 | ''     | bytes */5",
        "lines=0-0  | 200 | abcde  | none",
      })
  void a_part_of_a_file_is_served(String range, int status, String body, String shown)
      throws Exception {
    server = RemoteSettingsServer.start();
    JsonNode record =
        server.attach("main", "x", "a", "letters", "abcde".getBytes(StandardCharsets.UTF_8));
    String location = record.path("attachment").path("location").asString();
    String url = server.url().resolve("/attachments/" + location).toString();
    HttpResponse<byte[]> part = ask("GET", url, "Range", range);
    assertEquals(status, part.statusCode());
    assertEquals(body, text(part));
    assertEquals(shown, header(part, "Content-Range"));
    assertEquals(Integer.toString(body.length()), header(part, "Content-Length"));
  }

  // --- Batches -------------------------------------------------------------------------------

  private static final String SOURCE = "/buckets/main-workspace/collections/x";

  /** A part that is about a record of the source x, as it stands in a batch. */
  private static String part(String method, String id) {
    return "{\"method\":\"%s\",\"path\":\"%s/records/%s\",\"body\":{\"data\":{\"n\":2}}}"
        .formatted(method, SOURCE, id);
  }

  private static String put(String id) {
    return part("PUT", id);
  }

  private JsonNode batch(String... parts) {
    String body = "{\"requests\":[" + String.join(",", parts) + "]}";
    return new KintoClient(server.url()).must("editor", "POST", "/batch", body).path("responses");
  }

  private static List<Integer> statuses(JsonNode responses) {
    List<Integer> statuses = new ArrayList<>();
    responses.forEach(response -> statuses.add(response.path("status").asInt()));
    return statuses;
  }

  @Test
  void a_server_says_how_long_a_batch_may_be_and_keeps_to_it() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder().batchMaxRequests(2));
    JsonNode settings = client.must(null, "GET", "/", null).path("settings");
    assertEquals(2, settings.path("batch_max_requests").asInt());
    assertEquals(List.of(201, 201), statuses(batch(put("a"), put("b"))));
    String three = "{\"requests\":[" + put("a") + "," + put("b") + "," + put("c") + "]}";
    HttpResponse<String> refused = client.send("editor", "POST", "/batch", three);
    assertEquals(400, refused.statusCode());
    assertTrue(refused.body().contains("Number of requests is limited to 2"), refused.body());
  }

  @ParameterizedTest
  @CsvSource({
    "with space, with%20space",
    "a/b, a%2Fb",
    "50%, 50%25",
    "a%2Fb, a%252Fb",
    "été, %C3%A9t%C3%A9",
    "a+b, a+b",
    "a?b#c, a%3Fb%23c",
    ".., %2E%2E",
    "batch-1, %62atch-1"
  })
  void a_server_can_allow_any_record_id(String id, String encoded) throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder().withAnyRecordId());
    String path = SOURCE + "/records/" + encoded;
    assertEquals(201, client.send("editor", "PUT", path, "{}").statusCode());
    client.must("editor", "PATCH", path, "{\"data\":{\"n\":1}}");
    JsonNode record = client.must("editor", "GET", path, null).path("data");
    assertEquals(id, record.path("id").asString());
    assertEquals(1, record.path("n").asInt());
    client.must("editor", "DELETE", path, null);

    JsonNode responses = batch(put(encoded), part("PATCH", encoded), part("GET", encoded));
    assertEquals(List.of(201, 200, 200), statuses(responses));
    JsonNode last = responses.get(2);
    assertEquals(id, last.path("body").path("data").path("id").asString());
    assertEquals(2, last.path("body").path("data").path("n").asInt());
    assertEquals("/v1" + SOURCE + "/records/" + id, last.path("path").asString(), "decoded");
    assertEquals(List.of(id), idsOfSource());
    assertEquals(List.of(200), statuses(batch(part("DELETE", encoded))));
    assertEquals(List.of(), idsOfSource());
  }

  @Test
  void other_ids_than_those_of_records_stay_as_they_must_be() throws Exception {
    server = RemoteSettingsServer.builder().withAnyRecordId().start();
    KintoClient client = new KintoClient(server.url());
    String path = "/buckets/main-workspace/collections/with%20space";
    assertEquals(400, client.send("editor", "PUT", path, "{}").statusCode());
  }

  @Test
  void a_part_of_a_batch_can_be_refused() throws Exception {
    startWithSource(RemoteSettingsServer.builder());
    server.fault("503=PUT main-workspace/*:1");
    server.fault("403=PUT /v1" + SOURCE + "/records/c");
    server.fault("502=PUT /v1" + SOURCE + "/records/d");
    JsonNode responses = batch(put("a"), put("b"), put("c"), put("d"), put("e"));
    assertEquals(List.of(503, 201, 403, 502, 201), statuses(responses));
    assertEquals("1", responses.get(0).path("headers").path("Retry-After").asString());
    assertEquals(201, responses.get(0).path("body").path("errno").asInt());
    assertEquals(121, responses.get(2).path("body").path("errno").asInt());
    assertFalse(responses.get(3).has("body"), "a gateway's HTML is not JSON");
    assertEquals(List.of("e", "b"), idsOfSource());
    assertEquals(List.of(201), statuses(batch(put("a"))), "once is enough");
  }

  private List<String> idsOfSource() {
    return server.store().get("main-workspace", "x").records().stream()
        .map(record -> record.path("id").asString())
        .toList();
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.Kind.class,
      names = "(STATUS_(?!503_DONE|413|502|504).*|CONTROL_CHARACTERS)",
      mode = EnumSource.Mode.MATCH_ALL)
  void a_part_is_refused_as_a_request_would_be(Fault.Kind kind) throws Exception {
    assertRefusedAlike(kind, body -> Store.JSON.readTree(body).toString());
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.Kind.class,
      names = {"STATUS_413", "STATUS_502", "STATUS_504"})
  void a_part_has_no_body_where_a_request_would_get_html(Fault.Kind kind) throws Exception {
    assertRefusedAlike(kind, _ -> "");
  }

  private void assertRefusedAlike(Fault.Kind kind, UnaryOperator<String> bodyOfPart)
      throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder().clock(MOMENT));
    String before = state();
    server.fault(Fault.of(kind).at("/v1" + SOURCE + "/records/a"));
    HttpResponse<String> alone = client.send("editor", "PUT", SOURCE + "/records/a", "{}");
    JsonNode part = batch(put("a")).get(0);
    assertEquals(before, state());
    assertEquals(alone.statusCode(), part.path("status").asInt());
    for (String header : List.of("Content-Type", "Retry-After")) {
      assertEquals(
          alone.headers().firstValue(header), part.path("headers").path(header).asStringOpt());
    }
    assertEquals(bodyOfPart.apply(alone.body()), part.path("body").toString());
  }

  @ParameterizedTest
  @CsvSource({"503:1", "503=/v1/batch:1", "503=POST /v1/*:1"})
  void a_fault_of_a_whole_batch_does_not_spoil_its_parts(String fault) throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    server.fault(fault);
    server.fault("403=/v1/batch:2");
    String requests = "{\"requests\":[" + put("a") + "]}";
    List<Integer> statuses = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      statuses.add(client.send("editor", "POST", "/batch", requests).statusCode());
    }
    assertEquals(List.of(503, 403, 403, 200), statuses);
    assertEquals(List.of("a"), idsOfSource());
  }

  @Test
  void a_fault_that_is_no_refusal_spares_the_parts_of_a_batch() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    server.fault("reset=PUT main-workspace/x:1");
    assertEquals(List.of(201), statuses(batch(put("a"))));
    assertThrows(
        UncheckedIOException.class, () -> client.put("main-workspace", "x", "a", "{\"n\":1}"));
  }

  @Test
  void a_conflict_undoes_the_parts_before_it_though_they_say_done() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    client.put("main-workspace", "x", "a", "{\"n\":1}");
    String before = state();
    server.fault("409=/v1" + SOURCE + "/records/conflict");
    assertEquals(
        List.of(200, 201, 409), statuses(batch(part("DELETE", "a"), put("b"), put("conflict"))));
    assertEquals(before, state());
    long latest = server.store().nextTimestamp();
    assertEquals(List.of(201, 409, 201), statuses(batch(put("c"), put("conflict"), put("d"))));
    assertEquals(List.of("d", "a"), idsOfSource());
    assertTrue(server.timestamp("main-workspace", "x") > latest);
  }

  @Test
  void a_batch_is_refused_as_a_whole_where_the_signer_refuses_a_part() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    String before = state();
    String requests =
        "{\"requests\":[" + put("a") + "," + put("b").replace("2", "2.5") + "," + put("c") + "]}";
    HttpResponse<String> answer = client.send("editor", "POST", "/batch", requests);
    assertEquals(400, answer.statusCode());
    assertTrue(answer.body().contains("field contains float value"), answer.body());
    assertEquals(before, state());
  }

  // --- What happens between two requests -----------------------------------------------------

  @Test
  void a_test_can_change_something_before_a_request_is_looked_at() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    List<String> seen = new ArrayList<>();
    server.before(
        "POST /v1/batch",
        request -> {
          assertEquals(request, server.requests().getLast(), "remembered already");
          seen.add(request.target());
          server.put("main-workspace", "x", "{\"id\":\"a\",\"n\":" + seen.size() + "}");
          server.edit("main-workspace", "x", attributes -> attributes.put("seen", true));
        });
    String onlyNew = put("a").replace("\"body\"", "\"headers\":{\"If-None-Match\":\"*\"},\"body\"");
    JsonNode part = batch(onlyNew).get(0);
    assertEquals(412, part.path("status").asInt());
    JsonNode existing = part.path("body").path("details").path("existing");
    assertEquals(1, existing.path("n").asInt());
    client.put("main-workspace", "x", "b", "{}");
    batch(onlyNew);
    assertEquals(List.of("/v1/batch", "/v1/batch"), seen, "each of them, and no other request");
  }

  @Test
  void a_test_can_change_something_when_a_request_is_done_and_not_yet_answered() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    client.createSource("main-workspace", "y");
    server.after(
        "PUT main-workspace/x",
        request -> {
          server.delete("main-workspace", "x", "a");
          client.put("main-workspace", "y", "b", "{}"); // it may ask the server too
          server.fault("401");
        });
    HttpResponse<String> answer =
        client.send("editor", "PUT", SOURCE + "/records/a", "{\"data\":{\"n\":1}}");
    assertEquals(201, answer.statusCode());
    assertEquals(List.of(), idsOfSource());
    assertEquals(1, server.store().get("main-workspace", "y").records().size());
    assertEquals(401, client.send("editor", "GET", SOURCE, null).statusCode());
  }

  @Test
  void nothing_is_done_after_a_request_that_was_not_done() throws Exception {
    server = RemoteSettingsServer.start();
    List<String> seen = new ArrayList<>();
    server.before("GET /v1/*", request -> seen.add("before"));
    server.after("GET /v1/*", request -> seen.add("after"));
    server.fault("503:1");
    server.answer("/v1/given", 200, "application/json", "{}");
    for (String path : List.of("/", "/given", "/nowhere")) {
      get(path);
    }
    assertEquals(List.of("before", "before", "before", "after"), seen);
  }

  // --- Faults of some requests ---------------------------------------------------------------

  @Test
  void a_fault_can_be_aimed_at_one_method_and_come_when_all_is_done() throws Exception {
    KintoClient client = startWithSource(RemoteSettingsServer.builder());
    server.fault("503-done=PUT main-workspace/x:1");
    server.fault("lost=PATCH /v1/buckets/main-workspace/*:1");
    String source = "/buckets/main-workspace/collections/x";
    assertEquals(200, client.send("editor", "GET", source, null).statusCode());
    assertEquals(
        503, client.send("editor", "PUT", source + "/records/a", "{\"data\":{}}").statusCode());
    assertEquals(200, client.send("editor", "GET", source + "/records/a", null).statusCode());
    String review = "{\"data\":{\"status\":\"to-review\"}}";
    assertThrows(UncheckedIOException.class, () -> client.send("editor", "PATCH", source, review));
    assertEquals(
        "to-review",
        client.must("editor", "GET", source, null).path("data").path("status").asString());
  }

  // --- The script ----------------------------------------------------------------------------

  @Test
  void local_server_says_in_one_line_why_it_does_not_start() throws Exception {
    server = RemoteSettingsServer.start();
    assertEquals(
        "local_server: error: port "
            + server.port()
            + " is taken\n"
            + "hint: --port 0 takes any free port; perhaps a local_server is running already\n",
        refusal("--port", Integer.toString(server.port())));
    assertTrue(
        refusal("--fault", "nonsense")
            .startsWith("local_server: error: --fault: unknown fault 'nonsense'\nhint: "));
    assertTrue(refusal("--port", "70000").startsWith("local_server: error: --port '70000' "));
    assertTrue(refusal("--prt", "1").startsWith("local_server: error: Unknown option"));
  }

  private static String refusal(String... arguments) {
    StringWriter err = new StringWriter();
    int exit =
        local_server
            .commandLine(new local_server())
            .setErr(new PrintWriter(err))
            .execute(arguments);
    assertEquals(2, exit);
    return err.toString().replace(System.lineSeparator(), "\n");
  }

  // --- Asking --------------------------------------------------------------------------------

  private static String basic(String account) {
    String pair = account + ":" + account;
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }

  private HttpResponse<byte[]> get(String path, String... headers)
      throws IOException, InterruptedException {
    return ask("GET", server.url() + path, headers);
  }

  private static HttpResponse<byte[]> ask(String method, String url, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(URI.create(url))
            .timeout(NEVER)
            .method(method, HttpRequest.BodyPublishers.noBody());
    if (headers.length > 0) {
      builder.headers(headers);
    }
    return CLIENT.send(builder.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  private static String text(HttpResponse<byte[]> answer) {
    return new String(answer.body(), StandardCharsets.UTF_8);
  }

  private static JsonNode json(HttpResponse<byte[]> answer) {
    return Store.JSON.readTree(answer.body());
  }

  private static String header(HttpResponse<byte[]> answer, String name) {
    return answer.headers().firstValue(name).orElse("none");
  }

  private Map<String, Long> announced() throws Exception {
    return FaultTest.announced(
        json(get("/buckets/monitor/collections/changes/changeset?_expected=0")));
  }

  private SignedChangeset signed(String collection) throws Exception {
    return new SignedChangeset(changeset(collection));
  }

  private JsonNode changeset(String collection) throws Exception {
    String path = "/buckets/" + collection.replace("/", "/collections/");
    return json(get(path + "/changeset?_expected=0"));
  }
}
