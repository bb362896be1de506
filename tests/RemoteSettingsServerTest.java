//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES CanonicalJsonTest.java
//SOURCES ../server/Fault.java
//SOURCES KintoClient.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../server/Store.java
//SOURCES ../server/local_server.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Signature;
import java.security.cert.CertPathValidator;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

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
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      JsonNode info = json(get(server, "/"));
      assertEquals(recorded.path("settings"), info.path("settings"));
      assertEquals(
          recorded.path("capabilities").path("signer"), info.path("capabilities").path("signer"));
      assertEquals(
          recorded.path("capabilities").path("changes"), info.path("capabilities").path("changes"));
      assertEquals(server.url() + "/", info.path("url").asString());
      assertFalse(info.has("user"));
      JsonNode editor = json(get(server, "/", "Authorization", basic("editor")));
      assertEquals("account:editor", editor.path("user").path("id").asString());
    }
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
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      fillForQueries(server);
      JsonNode body =
          json(get(server, "/buckets/main/collections/q/records?" + query.replace("\"", "%22")));
      assertEquals(expected.isEmpty() ? List.of() : List.of(expected.split(" ")), sortedIds(body));
    }
  }

  private static void fillForQueries(RemoteSettingsServer server) {
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
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      fillForQueries(server);
      assertEquals(
          List.of(expected.split(" ")),
          ids(json(get(server, "/buckets/main/collections/q/records?" + query))));
    }
  }

  @Test
  void fields_select_also_inside_objects() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      fillForQueries(server);
      JsonNode body =
          json(get(server, "/buckets/main/collections/q/records?id=a&_fields=deep.flag"));
      assertEquals(
          "{\"deep\":{\"flag\":true},\"id\":\"a\",\"last_modified\":1001}",
          body.path("data").get(0).toString());
    }
  }

  @Test
  void pages_lead_through_all_records_under_the_name_the_client_used() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().pageSize(3).start()) {
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
      assertEquals(
          400, get(server, "/buckets/main/collections/many/records?_token=x").statusCode());
    }
  }

  @Test
  void changeset_has_metadata_records_and_timestamp_of_one_moment() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      server.publish("main", "x", "{\"id\":\"a\"}", "{\"id\":\"b\"}");
      long before = server.timestamp("main", "x");
      server.delete("main", "x", "a");
      server.put("main", "x", "{\"id\":\"c\"}");
      server.sign("main", "x");
      JsonNode whole = json(get(server, "/buckets/main/collections/x/changeset?_expected=0"));
      assertEquals(List.of("c", "b"), ids(whole));
      assertEquals(server.timestamp("main", "x"), whole.path("timestamp").asLong());
      assertEquals("main", whole.path("metadata").path("bucket").asString());
      JsonNode since =
          json(
              get(
                  server,
                  "/buckets/main/collections/x/changeset?_expected=0&_since=%22" + before + "%22"));
      assertEquals(List.of("c", "a"), ids(since));
      assertTrue(since.path("changes").get(1).path("deleted").asBoolean());
    }
  }

  @Test
  void changes_redirect_a_quoted_expected_and_answer_204_to_who_is_ahead() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().clock(MOMENT).start()) {
      server.publish("main", "x");
      String list = "/buckets/monitor/collections/changes/changeset";
      HttpResponse<byte[]> quoted = get(server, list + "?_expected=%22123%22&bucket=main");
      assertEquals(307, quoted.statusCode());
      assertEquals(
          server.url() + list + "?_expected=123&bucket=main",
          quoted.headers().firstValue("Location").orElse(""));
      long now = MOMENT.millis();
      String ahead = "?_expected=" + (now - 2) + "&_since=%22" + (now - 1) + "%22";
      assertEquals(204, get(server, list + ahead).statusCode());
      String behind = "?_expected=" + now + "&_since=%22" + (now - 1) + "%22";
      assertEquals(List.of("x"), collections(json(get(server, list + behind))));
    }
  }

  private static List<String> collections(JsonNode changes) {
    List<String> names = new ArrayList<>();
    changes.path("changes").forEach(entry -> names.add(entry.path("collection").asString()));
    return names;
  }

  @Test
  void unchanged_list_of_changes_is_an_empty_list_not_a_304() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      server.publish("main", "x", "{\"id\":\"a\"}");
      String list = "/buckets/monitor/collections/changes/records";
      String etag = get(server, list).headers().firstValue("ETag").orElseThrow();
      HttpResponse<byte[]> again = get(server, list, "If-None-Match", etag);
      assertEquals(200, again.statusCode());
      assertEquals("{\"data\":[]}", text(again));
      String records = "/buckets/main/collections/x/records";
      etag = get(server, records).headers().firstValue("ETag").orElseThrow();
      assertEquals(304, get(server, records, "If-None-Match", etag).statusCode());
      assertEquals(412, get(server, records, "If-Match", "\"1\"").statusCode());
    }
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
    "/buckets/nowhere/collections/x,              401, 403, 404",
    "/buckets,                                    401, 200, 200",
    "/nowhere,                                    404, 404, 404",
  })
  void accounts_see_what_they_may(String path, int anonymous, int editor, int admin)
      throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      server.publish("main", "x");
      server.create("main-workspace", "x");
      assertEquals(anonymous, get(server, path).statusCode());
      assertEquals(editor, get(server, path, "Authorization", basic("editor")).statusCode());
      assertEquals(admin, get(server, path, "Authorization", basic("admin")).statusCode());
      String wrong = basic("admin").replaceFirst(".$", "x");
      assertEquals(anonymous, get(server, path, "Authorization", wrong).statusCode());
    }
  }

  @Test
  void answers_are_gzipped_for_who_accepts_it_and_the_same() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      String path = "/buckets/main/collections/regions/records";
      byte[] plain = get(server, path).body();
      HttpResponse<byte[]> zipped = get(server, path, "Accept-Encoding", "gzip");
      assertEquals("gzip", zipped.headers().firstValue("Content-Encoding").orElse(""));
      assertTrue(zipped.body().length < plain.length);
      try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(zipped.body()))) {
        assertArrayEquals(plain, in.readAllBytes());
      }
    }
  }

  @Test
  void old_servers_have_no_changeset_or_one_signature() throws Exception {
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder().withoutChangesets().withSingleSignature().start()) {
      server.publish("main", "x");
      assertEquals(
          404, get(server, "/buckets/main/collections/x/changeset?_expected=0").statusCode());
      assertEquals(200, get(server, "/buckets/monitor/collections/changes/records").statusCode());
      JsonNode data = json(get(server, "/buckets/main/collections/x")).path("data");
      assertTrue(data.has("signature"));
      assertFalse(data.has("signatures"));
    }
  }

  @Test
  void timestamps_increase_strictly_even_when_the_clock_stands() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().clock(MOMENT).start()) {
      Set<Long> seen = new HashSet<>();
      for (int i = 0; i < 100; i++) {
        seen.add(server.put("main", "x", "{}").path("last_modified").asLong());
      }
      assertEquals(100, seen.size());
    }
  }

  @Test
  void hundreds_of_requests_at_once_are_all_answered() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
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
  }

  @Test
  void https_is_for_who_trusts_its_ca() throws Exception {
    SigningAuthority.TlsIdentity tls = SigningAuthority.tlsForLoopback();
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder().tls(tls.context()).sample(true).start()) {
      assertEquals("https", server.url().getScheme());
      assertThrows(
          IOException.class, () -> get(server, "/buckets/monitor/collections/changes/records"));
      KeyStore trusted = KeyStore.getInstance("PKCS12");
      trusted.load(null, null);
      trusted.setCertificateEntry("ca", certificates(tls.caPem()).getFirst());
      TrustManagerFactory managers =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      managers.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, managers.getTrustManagers(), null);
      try (HttpClient client = HttpClient.newBuilder().sslContext(context).build()) {
        for (String host : List.of("127.0.0.1", "localhost")) {
          URI uri = URI.create("https://" + host + ":" + server.port() + "/v1/");
          HttpResponse<String> answer =
              client.send(
                  HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
          assertEquals(200, answer.statusCode());
        }
      }
    }
  }

  // --- Signatures ----------------------------------------------------------------------------

  @Test
  void every_signature_of_the_sample_verifies_without_our_own_code() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      int verified = 0;
      List<String> unsigned = new ArrayList<>();
      for (JsonNode entry : announced(server)) {
        String name = entry.path("bucket").asString() + "/" + entry.path("collection").asString();
        JsonNode changeset = changeset(server, name);
        if (changeset.path("metadata").has("signature")) {
          assertEquals(Verdict.GOOD, verify(changeset, server.authority().rootHash()), name);
          verified++;
        } else {
          unsigned.add(name);
          assertEquals(0, changeset.path("changes").size());
        }
      }
      assertEquals(List.of("main/newtab-wallpapers-v2"), unsigned);
      assertTrue(verified >= 14, "only " + verified);
    }
  }

  @Test
  void revocation_lists_are_signed_under_a_name_of_their_own() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      assertEquals(
          "onecrl.content-signature.mozilla.org", leafName(server, "security-state/onecrl"));
      assertEquals(
          "onecrl.content-signature.mozilla.org",
          leafName(server, "security-state-preview/onecrl"));
      assertEquals(
          "remote-settings.content-signature.mozilla.org", leafName(server, "main/regions"));
    }
  }

  private static String leafName(RemoteSettingsServer server, String collection) throws Exception {
    JsonNode entry = changeset(server, collection).path("metadata").path("signatures").get(0);
    X509Certificate leaf = chain(entry.path("x5u").asString()).getFirst();
    return (String) leaf.getSubjectAlternativeNames().iterator().next().get(1);
  }

  @ParameterizedTest
  @EnumSource(SigningAuthority.Defect.class)
  void chain_with_a_defect_has_that_defect(SigningAuthority.Defect defect) throws Exception {
    SigningAuthority authority = SigningAuthority.with(defect);
    List<X509Certificate> chain = certificates(authority.chainPem());
    X509Certificate leaf = authority.leaf();
    X509Certificate intermediate = authority.intermediate();
    X509Certificate root = authority.root();
    switch (defect) {
      case LEAF_NOT_YET_VALID -> assertThrows(CertificateException.class, leaf::checkValidity);
      case LEAF_EXPIRED -> assertThrows(CertificateExpiredException.class, leaf::checkValidity);
      case INTERMEDIATE_NOT_YET_VALID ->
          assertThrows(CertificateException.class, intermediate::checkValidity);
      case INTERMEDIATE_EXPIRED ->
          assertThrows(CertificateExpiredException.class, intermediate::checkValidity);
      case ROOT_NOT_YET_VALID -> assertThrows(CertificateException.class, root::checkValidity);
      case ROOT_EXPIRED -> assertThrows(CertificateExpiredException.class, root::checkValidity);
      case LEAF_FOR_SERVERS ->
          assertEquals(List.of("1.3.6.1.5.5.7.3.1"), leaf.getExtendedKeyUsage());
      case INTERMEDIATE_FOR_SERVERS ->
          assertEquals(List.of("1.3.6.1.5.5.7.3.1"), intermediate.getExtendedKeyUsage());
      case LEAF_WITHOUT_EXTENDED_KEY_USAGE -> assertEquals(null, leaf.getExtendedKeyUsage());
      case LEAF_WITHOUT_DIGITAL_SIGNATURE -> assertFalse(leaf.getKeyUsage()[0]);
      case LEAF_WITHOUT_NAME -> assertEquals(null, leaf.getSubjectAlternativeNames());
      case LEAF_OF_OTHER_SIGNER ->
          assertTrue(leaf.getSubjectAlternativeNames().toString().contains("someone-else."));
      case LEAF_RSA -> assertEquals("RSA", leaf.getPublicKey().getAlgorithm());
      case LEAF_P256 -> assertEquals(91, leaf.getPublicKey().getEncoded().length);
      case LEAF_WITH_UNKNOWN_CRITICAL_EXTENSION ->
          assertTrue(leaf.hasUnsupportedCriticalExtension());
      case INTERMEDIATE_WITH_UNKNOWN_CRITICAL_EXTENSION ->
          assertTrue(intermediate.hasUnsupportedCriticalExtension());
      case INTERMEDIATE_NOT_A_CA, INTERMEDIATE_WITHOUT_BASIC_CONSTRAINTS ->
          assertEquals(-1, intermediate.getBasicConstraints());
      case INTERMEDIATE_WITHOUT_CERT_SIGN -> assertFalse(intermediate.getKeyUsage()[5]);
      case ROOT_NOT_A_CA -> assertEquals(-1, root.getBasicConstraints());
      case ROOT_WITH_PATH_LENGTH_ZERO -> assertEquals(0, root.getBasicConstraints());
      case ROOT_NOT_SELF_SIGNED ->
          assertNotEquals(root.getIssuerX500Principal(), root.getSubjectX500Principal());
      case OTHER_ROOT -> {
        assertEquals(root.getSubjectX500Principal(), intermediate.getIssuerX500Principal());
        assertThrows(
            GeneralSecurityException.class, () -> intermediate.verify(root.getPublicKey()));
      }
      case LEAF_SIGNED_BY_OTHER_KEY ->
          assertThrows(
              GeneralSecurityException.class, () -> leaf.verify(intermediate.getPublicKey()));
      case LEAF_OUTSIDE_NAME_CONSTRAINT ->
          assertThrows(GeneralSecurityException.class, () -> validate(chain));
      case MISSING_INTERMEDIATE -> assertEquals(List.of(leaf, root), chain);
      case MISSING_ROOT -> assertEquals(List.of(leaf, intermediate), chain);
      case WRONG_ORDER -> assertEquals(List.of(root, intermediate, leaf), chain);
      case EXTRA_CERTIFICATE -> assertEquals(4, chain.size());
    }
    assertEquals(96, authority.signRaw(new byte[1]).length);
  }

  @Test
  void flawless_chain_is_valid_for_the_jdk() throws Exception {
    SigningAuthority authority = SigningAuthority.create();
    validate(certificates(authority.chainPem()));
    assertEquals(authority.rootHash(), SigningAuthority.hash(authority.chain().getLast()));
    assertTrue(authority.rootHash().matches("([0-9A-F]{2}:){31}[0-9A-F]{2}"));
    SigningAuthority sibling = authority.sibling().signer("onecrl").build();
    validate(sibling.chain());
    assertEquals(authority.rootHash(), sibling.rootHash());
  }

  private enum Verdict {
    GOOD,
    RECORDS_DIFFER,
    MALFORMED,
    UNSIGNED,
    OTHER_ROOT,
    EXPIRED,
    NO_CHAIN,
    OTHER_SIGNER
  }

  /** The client specification's steps with nothing but the JDK. */
  private static Verdict verify(JsonNode changeset, String rootHash) throws Exception {
    JsonNode entry = changeset.path("metadata").path("signatures").path(0);
    if (entry.isMissingNode()) {
      return Verdict.UNSIGNED;
    }
    byte[] raw = Base64.getUrlDecoder().decode(entry.path("signature").asString());
    if (raw.length != 96) {
      return Verdict.MALFORMED;
    }
    List<X509Certificate> chain;
    try {
      chain = chain(entry.path("x5u").asString());
    } catch (CertificateException e) {
      return Verdict.NO_CHAIN;
    }
    if (chain.size() != 3) {
      return Verdict.NO_CHAIN;
    }
    for (X509Certificate certificate : chain) {
      try {
        certificate.checkValidity();
      } catch (CertificateExpiredException e) {
        return Verdict.EXPIRED;
      }
    }
    validate(chain);
    if (!SigningAuthority.hash(chain.getLast()).equals(rootHash)) {
      return Verdict.OTHER_ROOT;
    }
    String name = chain.getFirst().getSubjectAlternativeNames().toString();
    if (!name.contains(entry.path("signer_id").asString() + ".content-signature")) {
      return Verdict.OTHER_SIGNER;
    }
    TreeMap<String, JsonNode> records = new TreeMap<>();
    changeset
        .path("changes")
        .forEach(record -> records.put(record.path("id").asString(""), record));
    StringBuilder payload = new StringBuilder("Content-Signature:\0{\"data\":[");
    String comma = "";
    for (JsonNode record : records.values()) {
      payload.append(comma);
      canonical(record, payload);
      comma = ",";
    }
    payload
        .append("],\"last_modified\":\"")
        .append(changeset.path("timestamp").asLong())
        .append("\"}");
    Signature signature = Signature.getInstance("SHA384withECDSAinP1363Format");
    signature.initVerify(chain.getFirst().getPublicKey());
    signature.update(payload.toString().getBytes(StandardCharsets.US_ASCII));
    return signature.verify(raw) ? Verdict.GOOD : Verdict.RECORDS_DIFFER;
  }

  /** Enough of canonical JSON for the sample: integers, no keys beyond the first plane. */
  private static void canonical(JsonNode node, StringBuilder out) {
    String comma = "";
    if (node.isObject()) {
      out.append('{');
      TreeMap<String, JsonNode> sorted = new TreeMap<>();
      node.properties().forEach(property -> sorted.put(property.getKey(), property.getValue()));
      for (Map.Entry<String, JsonNode> property : sorted.entrySet()) {
        CanonicalJsonTest.quote(property.getKey(), out.append(comma));
        canonical(property.getValue(), out.append(':'));
        comma = ",";
      }
      out.append('}');
    } else if (node.isArray()) {
      out.append('[');
      for (JsonNode element : node) {
        canonical(element, out.append(comma));
        comma = ",";
      }
      out.append(']');
    } else if (node.isString()) {
      CanonicalJsonTest.quote(node.asString(), out);
    } else {
      out.append(node);
    }
  }

  private static void validate(List<X509Certificate> chain) throws GeneralSecurityException {
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(chain.getLast(), null)));
    parameters.setRevocationEnabled(false);
    CertPathValidator.getInstance("PKIX")
        .validate(
            CertificateFactory.getInstance("X.509")
                .generateCertPath(chain.subList(0, chain.size() - 1)),
            parameters);
  }

  private static List<X509Certificate> chain(String url) throws Exception {
    HttpResponse<String> answer =
        CLIENT.send(
            HttpRequest.newBuilder(URI.create(url)).timeout(NEVER).build(),
            HttpResponse.BodyHandlers.ofString());
    return answer.statusCode() == 200 ? certificates(answer.body()) : List.of();
  }

  private static List<X509Certificate> certificates(String pem) throws CertificateException {
    List<X509Certificate> certificates = new ArrayList<>();
    byte[] bytes = pem.getBytes(StandardCharsets.US_ASCII);
    for (Certificate one :
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(bytes))) {
      certificates.add((X509Certificate) one);
    }
    return certificates;
  }

  // --- Writes --------------------------------------------------------------------------------

  @Test
  void nobody_ever_sees_a_half_published_collection() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
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
        JsonNode changeset = changeset(server, "main/x");
        Set<String> rounds = new HashSet<>();
        changeset.path("changes").forEach(record -> rounds.add(record.path("round").asString()));
        assertTrue(rounds.size() <= 1, () -> "records of two publications: " + changeset);
        assertEquals(Verdict.GOOD, verify(changeset, server.authority().rootHash()));
        read++;
      }
      publishing.get(1, TimeUnit.MINUTES);
      assertEquals(5, changeset(server, "main/x").path("changes").size());
    }
  }

  /** All that can be seen of a source and what it publishes. */
  private static String state(RemoteSettingsServer server) {
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
      nullValues = "-",
      value = {
        "-        | PUT    | /records/a | {\"data\":{\"n\":2}}                              |     |"
            + " 401",
        "-        | PATCH  | -          | {\"data\":{\"status\":\"to-resign\"}}               |    "
            + " | 401",
        "-        | DELETE | -          | -                                                 |     |"
            + " 401",
        "editor   | PUT    | /records/a | {\"data\":{\"n\":0.5}}                            |     |"
            + " 400",
        "editor   | PUT    | /records/a | {\"data\":{\"o\":{\"n\":1e3}}}                      |    "
            + " | 400",
        "editor   | PUT    | /records/a | {\"data\":{\"id\":\"b\"}}                         |     |"
            + " 400",
        "editor   | PUT    | /records/a | {\"data\":[]}                                    |     |"
            + " 400",
        "editor   | PUT    | /records/a | {\"x\":1}                                        |     |"
            + " 400",
        "editor   | PUT    | /records/a | {                                                 |     |"
            + " 400",
        "editor   | PUT    | /records/a | {\"data\":{\"n\":2}}                              |"
            + " '\"1\"' | 412",
        "editor   | DELETE | /records/a | -                                                 |"
            + " '\"1\"' | 412",
        "editor   | DELETE | /records/z | -                                                 |     |"
            + " 404",
        "editor   | PATCH  | -          | {\"data\":{\"status\":\"to-sign\"}}                 |    "
            + " | 403",
        "editor   | PATCH  | -          | {\"data\":{\"status\":\"signed\"}}                  |    "
            + " | 400",
        "editor   | PATCH  | -          | {\"data\":{\"status\":null}}                      |     |"
            + " 400",
        "editor   | PATCH  | -          | {\"data\":{\"last_edit_by\":\"account:x\"}}         |    "
            + " | 400",
        "editor   | PUT    | -          | {\"data\":{}}                                    |     |"
            + " 400",
        "editor   | PATCH  | -          | {}                                                |     |"
            + " 400",
        "editor   | POST   | -          | {}                                                |     |"
            + " 405"
      })
  void a_refused_request_changes_nothing(
      String user, String method, String below, String body, String ifMatch, int status)
      throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      client.put("main-workspace", "x", "a", "{\"n\":1}");
      client.status("editor", "main-workspace", "x", "to-review");
      String before = state(server);
      String path = "/buckets/main-workspace/collections/x" + (below == null ? "" : below);
      HttpResponse<String> answer =
          ifMatch == null
              ? client.send(user, method, path, body)
              : client.send(user, method, path, body, "If-Match", ifMatch);
      assertEquals(status, answer.statusCode(), answer.body());
      assertEquals(before, state(server));
    }
  }

  @Test
  void a_flush_leaves_the_server_as_it_began() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      assertEquals(202, client.send("editor", "POST", "/__flush__", null).statusCode());
      assertEquals(0, announced(server).size());
      client.createSource("main-workspace", "x");
      assertEquals(
          Verdict.GOOD, verify(changeset(server, "main/x"), server.authority().rootHash()));
    }
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

  private static JsonNode batch(RemoteSettingsServer server, String... parts) {
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
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().batchMaxRequests(2).start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      JsonNode settings = client.must(null, "GET", "/", null).path("settings");
      assertEquals(2, settings.path("batch_max_requests").asInt());
      assertEquals(List.of(201, 201), statuses(batch(server, put("a"), put("b"))));
      String three = "{\"requests\":[" + put("a") + "," + put("b") + "," + put("c") + "]}";
      HttpResponse<String> refused = client.send("editor", "POST", "/batch", three);
      assertEquals(400, refused.statusCode());
      assertTrue(refused.body().contains("Number of requests is limited to 2"), refused.body());
    }
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
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().withAnyRecordId().start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      String path = SOURCE + "/records/" + encoded;
      assertEquals(201, client.send("editor", "PUT", path, "{}").statusCode());
      client.must("editor", "PATCH", path, "{\"data\":{\"n\":1}}");
      JsonNode record = client.must("editor", "GET", path, null).path("data");
      assertEquals(id, record.path("id").asString());
      assertEquals(1, record.path("n").asInt());
      client.must("editor", "DELETE", path, null);

      JsonNode responses =
          batch(server, put(encoded), part("PATCH", encoded), part("GET", encoded));
      assertEquals(List.of(201, 200, 200), statuses(responses));
      JsonNode last = responses.get(2);
      assertEquals(id, last.path("body").path("data").path("id").asString());
      assertEquals(2, last.path("body").path("data").path("n").asInt());
      assertEquals("/v1" + SOURCE + "/records/" + id, last.path("path").asString(), "decoded");
      assertEquals(List.of(id), idsOfSource(server));
      assertEquals(List.of(200), statuses(batch(server, part("DELETE", encoded))));
      assertEquals(List.of(), idsOfSource(server));
    }
  }

  @Test
  void other_ids_than_those_of_records_stay_as_they_must_be() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().withAnyRecordId().start()) {
      KintoClient client = new KintoClient(server.url());
      String path = "/buckets/main-workspace/collections/with%20space";
      assertEquals(400, client.send("editor", "PUT", path, "{}").statusCode());
    }
  }

  @Test
  void a_part_of_a_batch_can_be_refused() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      new KintoClient(server.url()).createSource("main-workspace", "x");
      server.fault("503=PUT main-workspace/*:1");
      server.fault("403=PUT /v1" + SOURCE + "/records/c");
      server.fault("502=PUT /v1" + SOURCE + "/records/d");
      JsonNode responses = batch(server, put("a"), put("b"), put("c"), put("d"), put("e"));
      assertEquals(List.of(503, 201, 403, 502, 201), statuses(responses));
      assertEquals("1", responses.get(0).path("headers").path("Retry-After").asString());
      assertEquals(201, responses.get(0).path("body").path("errno").asInt());
      assertEquals(121, responses.get(2).path("body").path("errno").asInt());
      assertFalse(responses.get(3).has("body"), "a gateway's HTML is no JSON");
      assertEquals(List.of("e", "b"), idsOfSource(server));
      assertEquals(List.of(201), statuses(batch(server, put("a"))), "once is enough");
    }
  }

  private static List<String> idsOfSource(RemoteSettingsServer server) {
    return server.store().get("main-workspace", "x").records().stream()
        .map(record -> record.path("id").asString())
        .toList();
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.Kind.class,
      names = "(STATUS_(?!503_DONE).*|CONTROL_CHARACTERS)",
      mode = EnumSource.Mode.MATCH_ALL)
  void a_part_is_refused_as_a_request_would_be(Fault.Kind kind) throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().clock(MOMENT).start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      String before = state(server);
      server.fault(Fault.of(kind).at("/v1" + SOURCE + "/records/a"));
      HttpResponse<String> alone = client.send("editor", "PUT", SOURCE + "/records/a", "{}");
      JsonNode part = batch(server, put("a")).get(0);
      assertEquals(before, state(server));
      assertEquals(alone.statusCode(), part.path("status").asInt());
      for (String header : List.of("Content-Type", "Retry-After")) {
        assertEquals(
            alone.headers().firstValue(header), part.path("headers").path(header).asStringOpt());
      }
      assertEquals(
          alone.body().startsWith("{") ? Store.JSON.readTree(alone.body()).toString() : "",
          part.path("body").toString());
    }
  }

  @ParameterizedTest
  @CsvSource({"503:1", "503=/v1/batch:1", "503=POST /v1/*:1"})
  void a_fault_of_a_whole_batch_does_not_spoil_its_parts(String fault) throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      server.fault(fault);
      server.fault("403=/v1/batch:2");
      String requests = "{\"requests\":[" + put("a") + "]}";
      List<Integer> statuses = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        statuses.add(client.send("editor", "POST", "/batch", requests).statusCode());
      }
      assertEquals(List.of(503, 403, 403, 200), statuses);
      assertEquals(List.of("a"), idsOfSource(server));
    }
  }

  @Test
  void a_fault_that_is_no_refusal_spares_the_parts_of_a_batch() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      server.fault("reset=PUT main-workspace/x:1");
      assertEquals(List.of(201), statuses(batch(server, put("a"))));
      assertThrows(
          UncheckedIOException.class, () -> client.put("main-workspace", "x", "a", "{\"n\":1}"));
    }
  }

  @Test
  void a_conflict_undoes_the_parts_before_it_though_they_say_done() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      client.put("main-workspace", "x", "a", "{\"n\":1}");
      String before = state(server);
      server.fault("409=/v1" + SOURCE + "/records/conflict");
      assertEquals(
          List.of(200, 201, 409),
          statuses(batch(server, part("DELETE", "a"), put("b"), put("conflict"))));
      assertEquals(before, state(server));
      long latest = server.store().nextTimestamp();
      assertEquals(
          List.of(201, 409, 201), statuses(batch(server, put("c"), put("conflict"), put("d"))));
      assertEquals(List.of("d", "a"), idsOfSource(server));
      assertTrue(server.timestamp("main-workspace", "x") > latest);
    }
  }

  @Test
  void a_batch_is_refused_as_a_whole_where_the_signer_refuses_a_part() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      String before = state(server);
      String requests =
          "{\"requests\":[" + put("a") + "," + put("b").replace("2", "2.5") + "," + put("c") + "]}";
      HttpResponse<String> answer = client.send("editor", "POST", "/batch", requests);
      assertEquals(400, answer.statusCode());
      assertTrue(answer.body().contains("field contains float value"), answer.body());
      assertEquals(before, state(server));
    }
  }

  // --- What happens between two requests -----------------------------------------------------

  @Test
  void a_test_can_change_something_before_a_request_is_looked_at() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      List<String> seen = new ArrayList<>();
      server.before(
          "POST /v1/batch",
          request -> {
            assertEquals(request, server.requests().getLast(), "remembered already");
            seen.add(request.target());
            server.put("main-workspace", "x", "{\"id\":\"a\",\"n\":" + seen.size() + "}");
            server.edit("main-workspace", "x", attributes -> attributes.put("seen", true));
          });
      String onlyNew =
          put("a").replace("\"body\"", "\"headers\":{\"If-None-Match\":\"*\"},\"body\"");
      JsonNode part = batch(server, onlyNew).get(0);
      assertEquals(412, part.path("status").asInt());
      JsonNode existing = part.path("body").path("details").path("existing");
      assertEquals(1, existing.path("n").asInt());
      client.put("main-workspace", "x", "b", "{}");
      batch(server, onlyNew);
      assertEquals(List.of("/v1/batch", "/v1/batch"), seen, "each of them, and no other request");
    }
  }

  @Test
  void a_test_can_change_something_when_a_request_is_done_and_not_yet_answered() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
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
      assertEquals(List.of(), idsOfSource(server));
      assertEquals(1, server.store().get("main-workspace", "y").records().size());
      assertEquals(401, client.send("editor", "GET", SOURCE, null).statusCode());
    }
  }

  @Test
  void nothing_is_done_after_a_request_that_was_not_done() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      List<String> seen = new ArrayList<>();
      server.before("GET /v1/*", request -> seen.add("before"));
      server.after("GET /v1/*", request -> seen.add("after"));
      server.fault("503:1");
      server.answer("/v1/given", 200, "application/json", "{}");
      for (String path : List.of("/", "/given", "/nowhere")) {
        get(server, path);
      }
      assertEquals(List.of("before", "before", "before", "after"), seen);
    }
  }

  // --- Faults of some requests ---------------------------------------------------------------

  @Test
  void a_fault_can_be_aimed_at_one_method_and_come_when_all_is_done() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      KintoClient client = new KintoClient(server.url());
      client.createSource("main-workspace", "x");
      server.fault("503-done=PUT main-workspace/x:1");
      server.fault("lost=PATCH /v1/buckets/main-workspace/*:1");
      String source = "/buckets/main-workspace/collections/x";
      assertEquals(200, client.send("editor", "GET", source, null).statusCode());
      assertEquals(
          503, client.send("editor", "PUT", source + "/records/a", "{\"data\":{}}").statusCode());
      assertEquals(200, client.send("editor", "GET", source + "/records/a", null).statusCode());
      String review = "{\"data\":{\"status\":\"to-review\"}}";
      assertThrows(
          UncheckedIOException.class, () -> client.send("editor", "PATCH", source, review));
      assertEquals(
          "to-review",
          client.must("editor", "GET", source, null).path("data").path("status").asString());
    }
  }

  // --- Faults --------------------------------------------------------------------------------

  private static final long HUGE = 200 * 1024 * 1024;
  private static final String REGIONS = "/buckets/main/collections/regions";

  @ParameterizedTest
  @EnumSource(Fault.Kind.class)
  void fault_does_what_its_sentence_says(Fault.Kind kind) throws Exception {
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder().sample(true).trickleEvery(NEVER).start()) {
      boolean isList = kind.point() == Fault.Point.LIST && kind != Fault.Kind.ALTERED_ANNOUNCEMENT;
      server.fault(Fault.of(kind).at(isList ? "monitor/changes" : "main/regions"));
      String changeset = REGIONS + "/changeset?_expected=0";
      switch (kind) {
        case SILENT -> assertEquals("", received(server, "/v1" + changeset, ""));
        case STALL -> {
          String half = received(server, "/v1" + changeset, "{\"metadata\"");
          assertTrue(half.startsWith("HTTP/1.1 200") && half.contains("{\"metadata\""), half);
        }
        case RESET, CUT -> assertThrows(IOException.class, () -> get(server, changeset));
        case STATUS_400 -> {
          assertStatus(server, changeset, 400, "");
          JsonNode body = json(get(server, changeset));
          assertEquals(107, body.path("errno").asInt());
          assertEquals(
              "title in body: 12 is not of type 'string'", body.path("message").asString());
        }
        case STATUS_401 -> assertStatus(server, changeset, 401, "");
        case STATUS_403 -> assertStatus(server, changeset, 403, "");
        case STATUS_404 -> assertStatus(server, changeset, 404, "");
        case STATUS_409 -> assertStatus(server, changeset, 409, "");
        case STATUS_412 -> {
          assertStatus(server, changeset, 412, "");
          JsonNode body = json(get(server, changeset));
          assertEquals(114, body.path("errno").asInt());
          assertFalse(body.has("details"));
        }
        case STATUS_413 -> {
          assertStatus(server, changeset, 413, "");
          assertTrue(text(get(server, changeset)).startsWith("<html>"));
        }
        case STATUS_429 -> assertStatus(server, changeset, 429, "1");
        case STATUS_500 -> assertStatus(server, changeset, 500, "");
        case STATUS_502 -> assertStatus(server, changeset, 502, "");
        case STATUS_503 -> assertStatus(server, changeset, 503, "1");
        case STATUS_503_DATE -> assertStatus(server, changeset, 503, "\\w{3}, .* GMT");
        case STATUS_503_LONG -> assertStatus(server, changeset, 503, "3600");
        case STATUS_503_PLAIN -> assertStatus(server, changeset, 503, "");
        case STATUS_504 -> assertStatus(server, changeset, 504, "");
        case NOT_JSON -> {
          HttpResponse<byte[]> answer = get(server, changeset);
          assertEquals("application/json", answer.headers().firstValue("Content-Type").orElse(""));
          assertThrows(tools.jackson.core.JacksonException.class, () -> json(answer));
        }
        case HTML -> assertTrue(text(get(server, changeset)).startsWith("<!DOCTYPE html>"));
        case WRONG_SHAPE -> assertEquals("[42]", text(get(server, changeset)));
        case HUGE -> assertTrue(size(server.url() + changeset) > HUGE);
        case GZIP_BOMB -> {
          byte[] zipped = get(server, changeset).body();
          assertTrue(zipped.length < 1024 * 1024, zipped.length + " bytes");
          assertTrue(size(new GZIPInputStream(new ByteArrayInputStream(zipped))) > HUGE);
        }
        case REDIRECT, REDIRECT_ELSEWHERE, REDIRECT_LOOP -> {
          HttpResponse<byte[]> first = get(server, changeset);
          assertEquals(307, first.statusCode());
          URI location = URI.create(first.headers().firstValue("Location").orElseThrow());
          String host = kind == Fault.Kind.REDIRECT_ELSEWHERE ? "localhost" : "127.0.0.1";
          assertEquals(host, location.getHost());
          int second =
              CLIENT
                  .send(
                      HttpRequest.newBuilder(location).build(),
                      HttpResponse.BodyHandlers.discarding())
                  .statusCode();
          assertEquals(kind == Fault.Kind.REDIRECT_LOOP ? 307 : 200, second);
        }
        case CONTROL_CHARACTERS -> {
          HttpResponse<byte[]> answer = get(server, changeset);
          assertEquals(403, answer.statusCode());
          assertTrue(json(answer).path("message").asString().contains("\u001b[2J"));
        }
        case TRICKLE ->
            assertTrue(received(server, "/v1" + changeset, "\r\n\r\n{").endsWith("\r\n\r\n{"));
        case ALERT ->
            assertTrue(
                get(server, changeset)
                    .headers()
                    .firstValue("Alert")
                    .orElse("")
                    .contains("switched off"));
        case BACKOFF ->
            assertEquals("1", get(server, changeset).headers().firstValue("Backoff").orElse(""));
        case ALTERED_RECORD, ALTERED_TIMESTAMP, ALTERED_SIGNATURE, DUPLICATE_ID, NO_ID -> {
          assertEquals(Verdict.RECORDS_DIFFER, verdict(server));
          assertContentIsSpoiled(server, kind);
        }
        case MALFORMED_SIGNATURE -> assertEquals(Verdict.MALFORMED, verdict(server));
        case MISSING_SIGNATURE -> assertEquals(Verdict.UNSIGNED, verdict(server));
        case STALE, STALE_ALWAYS -> {
          long announced = server.timestamp("main", "regions");
          JsonNode old = json(get(server, REGIONS + "/changeset?_expected=" + announced));
          assertTrue(old.path("timestamp").asLong() < announced);
          assertEquals(6, old.path("changes").size());
          assertEquals(Verdict.GOOD, verify(old, server.authority().rootHash()));
          JsonNode fresh = json(get(server, REGIONS + "/changeset?_expected=" + announced + "1"));
          assertEquals(kind == Fault.Kind.STALE, fresh.path("timestamp").asLong() == announced);
        }
        case EXPIRED_LEAF, EXPIRED_INTERMEDIATE -> assertEquals(Verdict.EXPIRED, verdict(server));
        case EXPIRING_LEAF -> {
          assertEquals(Verdict.GOOD, verdict(server));
          JsonNode entry = changeset(server, "main/regions").path("metadata").path("signature");
          Instant end = chain(entry.path("x5u").asString()).getFirst().getNotAfter().toInstant();
          assertTrue(end.isBefore(Instant.now().plus(Duration.ofDays(3))));
        }
        case WRONG_ROOT -> assertEquals(Verdict.OTHER_ROOT, verdict(server));
        case WRONG_SIGNER -> assertEquals(Verdict.OTHER_SIGNER, verdict(server));
        case CHAIN_MISSING, CHAIN_NOT_PEM, CHAIN_EMPTY ->
            assertEquals(Verdict.NO_CHAIN, verdict(server));
        case CHAIN_HUGE ->
            assertTrue(size(server.url().resolve(chainPath(server)).toString()) > HUGE);
        case CHAIN_TRICKLE ->
            assertTrue(received(server, chainPath(server), "\r\n\r\n-").endsWith("\r\n\r\n-"));
        case ENTRY_DOTS -> assertEquals("main/..", lastEntry(server));
        case ENTRY_SLASH -> assertEquals("main/../x/regions", lastEntry(server));
        case ENTRY_GONE -> {
          assertEquals("main/gone", lastEntry(server));
          assertEquals(401, get(server, "/buckets/main/collections/gone").statusCode());
        }
        case ALTERED_ANNOUNCEMENT -> {
          for (JsonNode entry : announced(server)) {
            String bucket = entry.path("bucket").asString();
            String name = entry.path("collection").asString();
            boolean isSpoiled = bucket.equals("main") && name.equals("regions");
            assertEquals(
                server.timestamp(bucket, name) - (isSpoiled ? 1000 : 0),
                entry.path("last_modified").asLong());
          }
        }
        case EMPTY_LIST -> assertEquals(0, announced(server).size());
      }
      assertEquals(
          Verdict.GOOD,
          verify(changeset(server, "main/cfr"), server.authority().rootHash()),
          "other collections are as they were");
      server.clearFaults();
      assertEquals(Verdict.GOOD, verdict(server), "the store kept what it had");
    }
  }

  private static void assertStatus(
      RemoteSettingsServer server, String path, int status, String retryAfter) throws Exception {
    HttpResponse<byte[]> answer = get(server, path);
    assertEquals(status, answer.statusCode());
    String actual = answer.headers().firstValue("Retry-After").orElse("");
    assertTrue(actual.matches(retryAfter), actual);
  }

  private static void assertContentIsSpoiled(RemoteSettingsServer server, Fault.Kind kind)
      throws Exception {
    JsonNode changeset = changeset(server, "main/regions");
    List<String> ids = ids(changeset);
    switch (kind) {
      case ALTERED_TIMESTAMP ->
          assertEquals(
              server.timestamp("main", "regions") + 1, changeset.path("timestamp").asLong());
      case DUPLICATE_ID -> assertEquals(1, ids.size() - new HashSet<>(ids).size());
      case NO_ID -> assertTrue(ids.contains(""));
      case ALTERED_RECORD -> {
        JsonNode records = json(get(server, REGIONS + "/records")).path("data");
        assertEquals(records, changeset.path("changes"), "both endpoints show it");
      }
      default -> assertEquals(7, ids.size());
    }
  }

  private static Verdict verdict(RemoteSettingsServer server) throws Exception {
    return verify(changeset(server, "main/regions"), server.authority().rootHash());
  }

  private static String lastEntry(RemoteSettingsServer server) throws Exception {
    JsonNode entries = announced(server);
    JsonNode last = entries.get(entries.size() - 1);
    return last.path("bucket").asString() + "/" + last.path("collection").asString();
  }

  private static String chainPath(RemoteSettingsServer server) throws Exception {
    JsonNode entry = changeset(server, "main/regions").path("metadata").path("signature");
    return URI.create(entry.path("x5u").asString()).getPath();
  }

  private static long size(String url) throws Exception {
    return size(
        CLIENT
            .send(
                HttpRequest.newBuilder(URI.create(url)).build(),
                HttpResponse.BodyHandlers.ofInputStream())
            .body());
  }

  private static long size(InputStream body) throws IOException {
    long size = 0;
    byte[] buffer = new byte[1 << 16];
    try (body) {
      for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
        size += read;
      }
    }
    return size;
  }

  /** What comes over the wire: waits for this text, then goes on until nothing more comes. */
  private static String received(RemoteSettingsServer server, String path, String atLeast)
      throws IOException {
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
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      server.publish("main", "x");
      server.fault("503=main/x:2");
      String path = "/buckets/main/collections/x/records";
      List<Integer> statuses = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        statuses.add(get(server, path).statusCode());
      }
      assertEquals(List.of(503, 503, 200, 200), statuses);
    }
  }

  @Test
  void fault_can_be_aimed_at_any_path() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      server.publish("main", "x");
      server.fault("404=/chains/*");
      assertEquals(Verdict.NO_CHAIN, verify(changeset(server, "main/x"), ""));
      server.clearFaults();
      server.answer("/v1/", 200, "application/json", "{\"capabilities\":[]}");
      assertEquals("{\"capabilities\":[]}", text(get(server, "/")));
    }
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
    long start;
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      server.fault("silent=main/regions");
      server.fault("stall=main/cfr");
      server.fault("trickle=blocklists/addons");
      for (String name : List.of("main/regions", "main/cfr", "blocklists/addons")) {
        String path = "/buckets/" + name.replace("/", "/collections/") + "/changeset?_expected=0";
        waiting.add(
            CLIENT.sendAsync(
                HttpRequest.newBuilder(URI.create(server.url() + path)).build(),
                HttpResponse.BodyHandlers.discarding()));
      }
      while (server.requests().size() < 3) {
        Thread.onSpinWait();
      }
      start = System.nanoTime();
    }
    assertTrue(Duration.ofNanos(System.nanoTime() - start).compareTo(NEVER) < 0);
    for (CompletableFuture<HttpResponse<Void>> one : waiting) {
      assertThrows(ExecutionException.class, () -> one.get(5, TimeUnit.MINUTES));
    }
  }

  // --- The script ----------------------------------------------------------------------------

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

  @Test
  void local_server_says_in_one_line_why_it_does_not_start() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      assertEquals(
          "local_server: error: port "
              + server.port()
              + " is taken\n"
              + "hint: --port 0 takes any free port; perhaps a local_server is running already\n",
          refusal("--port", Integer.toString(server.port())));
    }
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

  private static HttpResponse<byte[]> get(
      RemoteSettingsServer server, String path, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(URI.create(server.url() + path)).timeout(NEVER);
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

  private static JsonNode announced(RemoteSettingsServer server) throws Exception {
    return json(get(server, "/buckets/monitor/collections/changes/changeset?_expected=0"))
        .path("changes");
  }

  private static JsonNode changeset(RemoteSettingsServer server, String collection)
      throws Exception {
    String path = "/buckets/" + collection.replace("/", "/collections/");
    return json(get(server, path + "/changeset?_expected=0"));
  }
}
