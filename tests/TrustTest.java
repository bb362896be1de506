//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../blockpages_generator.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_signature.java
//SOURCES MozillaRootsTest.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Signer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java
//SOURCES Vectors.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * Whom the commands believe: which roots they trust, which names of signers they take, and what
 * they say of others.
 */
class TrustTest {

  private static final String SUFFIX = ".content-signature.mozilla.org";
  static final String STAGE_AT = "2021-03-12T14:35:19Z";
  private static final String OF_2021 =
      "an earlier root of Mozilla's stage and dev, until 2024-11-14";

  /** Where {@code x5u} leads on servers elsewhere: to a host that has TLS. */
  private static final URI CHAINS = URI.create("https://elsewhere.example.org");

  private static final SigningAuthority.TlsIdentity CHAINS_IDENTITY =
      SigningAuthority.tlsForOtherHost();

  @TempDir static Path shared;

  private static Path bundle;

  private final List<AutoCloseable> opened = new ArrayList<>();

  @BeforeAll
  static void writeBundle() throws IOException {
    bundle = Files.writeString(shared.resolve("ca.pem"), CHAINS_IDENTITY.caPem());
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  private static Terminal.Outcome run(RemoteSettingsServer server, String... arguments) {
    return new Terminal().set("SERVER", server.url()).run(new validate_signature(), arguments);
  }

  private static RemoteSettingsServer.Builder serverElsewhere() {
    return server().chainsAt(CHAINS);
  }

  /**
   * Sends all requests for other hosts than loopback to proxies on loopback: plain ones to the
   * embedded server itself, and a tunnel to a server of its chains.
   */
  private Terminal behindProxies(RemoteSettingsServer server) {
    RecordingServer chains =
        RecordingServer.tls(
            CHAINS_IDENTITY.context(),
            exchange -> {
              String name = exchange.request().path().substring(Signer.CHAINS.length());
              Reply.answer(200, server.signer().chain(name).orElseThrow()).send(exchange);
            });
    RecordingServer proxy = RecordingServer.of(Reply.tunnel(chains.port()));
    opened.addAll(List.of(chains, proxy));
    return new Terminal()
        .set("HTTP_PROXY", "http://127.0.0.1:" + server.port())
        .set("HTTPS_PROXY", "http://127.0.0.1:" + proxy.port())
        .set("REQUESTS_CA_BUNDLE", bundle);
  }

  /** Another host than loopback. */
  private Terminal elsewhere(RemoteSettingsServer server, String host) {
    return behindProxies(server).set("SERVER", "http://" + host + "/v1");
  }

  /** A saved changeset and the chain beside it. */
  private static Terminal.Outcome saved(Path changeset, String chain, String... arguments) {
    List<String> all = new ArrayList<>();
    all.add("--changeset=" + changeset);
    all.add("--chain=" + vector(chain));
    all.addAll(List.of(arguments));
    return new Terminal().run(new validate_signature(), all.toArray(String[]::new));
  }

  private static Path vector(String name) {
    return Project.root().resolve("tests/vectors").resolve(name);
  }

  // ---- roots that are given, or none

  @Test
  void a_pinned_root_is_enough_and_spares_the_warning() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      String plainHex = server.authority().rootHash().replace(":", "").toLowerCase();
      for (String hash :
          List.of(
              server.authority().rootHash(),
              plainHex,
              MozillaRootsTest.STAGE + ", \"" + server.authority().rootHash() + "\"")) {
        Terminal.Outcome outcome = run(server, "--root-hash", hash);
        assertEquals(0, outcome.exit(), outcome.toString());
        assertFalse(outcome.stderr().contains("warning"), outcome::toString);
      }
    }
  }

  @Test
  void elsewhere_than_on_loopback_a_root_must_be_known() throws IOException {
    try (RemoteSettingsServer server = serverElsewhere().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.publish("main", "b", "{\"id\":\"1\"}");
      server.fault("altered-record=main/b");
      Terminal.Outcome outcome =
          elsewhere(server, "settings.example").run(new validate_signature());
      String reason =
          "no root to trust, seen %s: set ROOT_HASH".formatted(server.authority().rootHash());
      assertEquals(2, outcome.exit());
      assertTrue(
          outcome
              .stdout()
              .contains("01/02 /buckets/main/collections/a:  NO VERDICT (" + reason + ")\n"),
          outcome::toString);
      assertTrue(
          outcome.stdout().contains("02/02 /buckets/main/collections/b:  ⚠ BAD Signature ⚠\n"),
          outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "validate_signature: error: "
                      + reason
                      + "\n"
                      + "hint: compare it with one that you know to be right, or use"
                      + " --any-root (docs/runbooks/no-verdict.md)\n"),
          outcome::toString);
    }
  }

  @Test
  void a_root_must_be_known_even_where_every_signature_is_bad() throws IOException {
    try (RemoteSettingsServer server = serverElsewhere().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault("altered-record=main/a");
      String root = server.authority().rootHash();
      Terminal.Outcome outcome =
          elsewhere(server, "settings.example").run(new validate_signature());
      assertEquals(2, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains("collections/a:  ⚠ BAD Signature ⚠\n"));
      assertTrue(
          outcome
              .stderr()
              .contains("error: no root to trust, seen %s: set ROOT_HASH\n".formatted(root)),
          outcome::toString);
      Terminal.Outcome loopback =
          behindProxies(server).set("SERVER", server.url()).run(new validate_signature());
      assertEquals(1, loopback.exit(), loopback.toString());
      assertTrue(
          loopback.stderr().contains("warning: any root is trusted here, seen " + root),
          loopback::toString);
    }
  }

  @Test
  void any_root_will_do_when_the_user_says_so() throws IOException {
    try (RemoteSettingsServer server = serverElsewhere().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      Terminal.Outcome outcome =
          elsewhere(server, "settings.example").run(new validate_signature(), "--any-root");
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stderr()
              .contains("any root is trusted here, seen " + server.authority().rootHash()),
          outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "mozilla-stage-2021 | changeset.json | 2021-03-12T14:35:19Z | this is " + OF_2021,
        "kinto-26 | changeset-recorded.json | 2026-11-24T12:00:00Z"
            + " | this is the development root of Autograph's container"
      })
  void a_known_root_that_is_not_trusted_is_named(
      String folder, String changeset, String at, String sentence) {
    Terminal.Outcome outcome =
        saved(vector(folder + "/" + changeset), folder + "/chain.pem", "--at=" + at);
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(outcome.stdout().contains("NO VERDICT (no root to trust, seen "), outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains(
                "\nhint: "
                    + sentence
                    + "; compare it with one that you know to be right, or use --any-root"
                    + " (docs/runbooks/no-verdict.md)\n"),
        outcome::toString);
  }

  // ---- built-in roots

  @ParameterizedTest
  @CsvSource({
    MozillaRootsTest.PRODUCTION_HOST
        + ", 2024-01-31T23:59:59Z, "
        + MozillaRootsTest.EARLIER_PRODUCTION,
    MozillaRootsTest.PRODUCTION_HOST
        + ", 2024-02-01T00:00:00Z, "
        + MozillaRootsTest.PRODUCTION
        + " or "
        + MozillaRootsTest.EARLIER_PRODUCTION,
    MozillaRootsTest.PRODUCTION_HOST + ", 2025-03-15T00:00:00Z, " + MozillaRootsTest.PRODUCTION,
    MozillaRootsTest.STAGE_HOST + ", 2021-02-10T23:59:59Z, " + MozillaRootsTest.EARLIER_STAGE,
    MozillaRootsTest.STAGE_HOST
        + ", 2024-02-11T23:59:59Z, "
        + MozillaRootsTest.EARLIER_STAGE
        + " or "
        + MozillaRootsTest.STAGE_OF_2021,
    "remote-settings-dev.services.mozilla.com, 2024-02-12T00:00:00Z, "
        + (MozillaRootsTest.STAGE
            + " or "
            + MozillaRootsTest.EARLIER_STAGE
            + " or "
            + MozillaRootsTest.STAGE_OF_2021),
    "stage.remote-settings.nonprod.webservices.mozgcp.net, 2024-11-15T00:00:00Z, "
        + (MozillaRootsTest.STAGE + " or " + MozillaRootsTest.EARLIER_STAGE),
    "remote-settings-dev.allizom.org, 2025-03-15T00:00:00Z, " + MozillaRootsTest.STAGE
  })
  void on_mozillas_hosts_the_roots_of_the_moment_are_built_in(String host, Instant at, String roots)
      throws IOException {
    SigningAuthority authority = SigningAuthority.builder().now(at).build();
    try (RemoteSettingsServer server = serverElsewhere().authority(authority).start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      Terminal.Outcome outcome = elsewhere(server, host).at(at).run(new validate_signature());
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  " - Cause: the root is %s, expected %s\n".formatted(authority.rootHash(), roots)),
          outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "hint: stage or production? this root is not one of Mozilla's production, stage"
                      + " or dev (docs/runbooks/bad-signature.md)\n"),
          outcome::toString);
      Terminal.Outcome asOf = elsewhere(server, host).run(new validate_signature(), "--at=" + at);
      assertEquals(outcome.stdout(), asOf.stdout());
    }
  }

  /** A server that serves what stage had in 2021, as far as one collection goes. */
  static RemoteSettingsServer stageOf2021(RemoteSettingsServer.Builder builder) throws IOException {
    RemoteSettingsServer server = builder.start();
    String chain = server.signer().addChain("stage", Vectors.text("mozilla-stage-2021/chain.pem"));
    String changeset =
        Vectors.text("mozilla-stage-2021/changeset.json")
            .replaceFirst("https://example\\.com/chains/[^\"]*", chain);
    assertTrue(changeset.contains(chain));
    server.answer(
        "/v1/buckets/monitor/collections/changes/changeset",
        200,
        "application/json",
        "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"pioneer-study-addons\","
            + " \"last_modified\": 1603992731957}]}");
    server.answer(
        "/v1/buckets/main/collections/pioneer-study-addons/changeset",
        200,
        "application/json",
        changeset);
    return server;
  }

  @Test
  void the_real_signature_of_stage_is_valid_on_its_hosts_as_of_its_time() throws IOException {
    try (RemoteSettingsServer server = stageOf2021(serverElsewhere())) {
      Terminal.Outcome outcome =
          elsewhere(server, MozillaRootsTest.STAGE_HOST)
              .run(new validate_signature(), "--at=" + STAGE_AT);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stdout().contains("/buckets/main/collections/pioneer-study-addons:  OK ("),
          outcome::toString);
      assertFalse(outcome.stderr().contains("warning"), outcome::toString);
    }
  }

  @Test
  void the_real_chain_of_stage_is_expired_at_any_later_moment_and_never_of_a_wrong_root()
      throws IOException {
    String leaf = "the leaf expired on 2021-04-24 15:04:05 UTC";
    String all =
        leaf
            + ", the intermediate expired on 2024-11-14 20:48:59 UTC,"
            + " the root expired on 2024-11-14 20:48:59 UTC";
    try (RemoteSettingsServer server = stageOf2021(serverElsewhere())) {
      for (String[] expected :
          new String[][] {
            {"2021-04-24T15:04:06Z", leaf},
            {"2024-11-14T20:48:59Z", leaf},
            {"2024-11-14T20:49:00Z", all},
            {"2024-11-15T00:00:00Z", all},
            {"2026-11-24T12:00:00Z", all}
          }) {
        Terminal.Outcome outcome =
            elsewhere(server, MozillaRootsTest.STAGE_HOST)
                .run(new validate_signature(), "--at=" + expected[0]);
        assertEquals(1, outcome.exit(), outcome.toString());
        assertTrue(
            outcome
                .stdout()
                .endsWith(
                    " - Cause: %s (checked as of %s)\n"
                        .formatted(
                            expected[1], expected[0].replace("T", " ").replace("Z", " UTC"))),
            outcome::toString);
      }
    }
  }

  @Test
  void the_real_chain_of_stage_is_refused_on_production_with_whose_root_it_is() throws IOException {
    try (RemoteSettingsServer server = stageOf2021(serverElsewhere())) {
      Terminal.Outcome outcome =
          elsewhere(server, MozillaRootsTest.PRODUCTION_HOST)
              .run(new validate_signature(), "--at=" + STAGE_AT);
      assertStageIsRefusedOnProduction(outcome);
    }
  }

  static void assertStageIsRefusedOnProduction(Terminal.Outcome outcome) {
    assertEquals(1, outcome.exit(), outcome.toString());
    assertTrue(
        outcome
            .stdout()
            .endsWith(
                " - Cause: the root is %s, expected %s\n"
                    .formatted(
                        MozillaRootsTest.STAGE_OF_2021, MozillaRootsTest.EARLIER_PRODUCTION)),
        outcome::toString);
    assertTrue(
        outcome.stderr().contains("hint: stage or production? this is " + OF_2021 + " (docs/"),
        outcome::toString);
  }

  @Test
  void the_root_of_autographs_container_is_named_under_another() {
    Terminal.Outcome outcome =
        saved(
            vector("kinto-26/changeset-recorded.json"),
            "kinto-26/chain.pem",
            "--root-hash=" + MozillaRootsTest.STAGE);
    assertEquals(1, outcome.exit(), outcome.toString());
    assertTrue(
        outcome
            .stderr()
            .contains(
                "hint: stage or production? this is the development root of Autograph's"
                    + " container (docs/runbooks/bad-signature.md)\n"),
        outcome::toString);
  }

  // ---- names of signers

  private static String wrongName(String seen, String expected) {
    return " - Cause: the leaf's SAN is %s%s, expected %s%s\n"
        .formatted(seen, SUFFIX, expected, SUFFIX);
  }

  /** Publishes a collection of a bucket that the embedded server does not announce by itself. */
  private static void publishAnnounced(
      RemoteSettingsServer server, String bucket, String collection) {
    server.publish(bucket, collection, "{\"id\":\"1\"}");
    server.announce(
        "{\"id\":\"%s\",\"last_modified\":%d,\"bucket\":\"%s\",\"collection\":\"%s\"}"
            .formatted(bucket, server.timestamp(bucket, collection), bucket, collection));
  }

  @Test
  void on_mozillas_hosts_security_state_is_signed_by_onecrl_and_the_rest_by_remote_settings()
      throws IOException {
    try (RemoteSettingsServer server = serverElsewhere().start()) {
      server.publish("security-state", "a", "{\"id\":\"1\"}");
      server.publish("main", "a", "{\"id\":\"1\"}");
      publishAnnounced(server, "my-security-state-x", "a");
      publishAnnounced(server, "security", "a");
      SigningAuthority onecrl = server.authority().sibling().signer("onecrl").build();
      for (String host : List.of(MozillaRootsTest.STAGE_HOST, MozillaRootsTest.PRODUCTION_HOST)) {
        Terminal mozilla = elsewhere(server, host).set("ROOT_HASH", server.authority().rootHash());
        assertEquals(0, mozilla.run(new validate_signature()).exit());
        // the other way round: each bucket signed by the other's signer
        for (String bucket : List.of("security-state", "my-security-state-x")) {
          server.sign(bucket, "a", server.authority());
          Terminal.Outcome outcome = mozilla.run(new validate_signature(), "--only", bucket + "/a");
          assertEquals(1, outcome.exit(), outcome.toString());
          assertTrue(
              outcome.stdout().endsWith(wrongName("remote-settings", "onecrl")), outcome::toString);
          server.sign(bucket, "a");
        }
        for (String bucket : List.of("main", "security")) {
          server.sign(bucket, "a", onecrl);
          Terminal.Outcome outcome = mozilla.run(new validate_signature(), "--only", bucket + "/a");
          assertEquals(1, outcome.exit(), outcome.toString());
          assertTrue(
              outcome.stdout().endsWith(wrongName("onecrl", "remote-settings")), outcome::toString);
          server.sign(bucket, "a");
        }
      }
    }
  }

  /** Four collections signed by {@code local}, of which one is asked of another signer. */
  private static void signByAnother(RemoteSettingsServer server) {
    SigningAuthority local = server.authority().sibling().signer("local").build();
    for (String name : List.of("cfr", "a", "c")) {
      server.publish("main", name, "{\"id\":\"1\"}");
      server.sign("main", name, local);
    }
    publishAnnounced(server, "my-security-state-x", "b");
    server.sign("my-security-state-x", "b", local);
    server.publish("main", "right", "{\"id\":\"1\"}");
  }

  @Test
  void elsewhere_another_signer_is_one_warning_for_all_collections_that_share_it()
      throws IOException {
    try (RemoteSettingsServer server = serverElsewhere().start()) {
      signByAnother(server);
      for (Terminal terminal :
          List.of(
              behindProxies(server).set("SERVER", server.url()),
              elsewhere(server, "xallizom.org"),
              elsewhere(server, "allizom.org.example.org"))) {
        Terminal.Outcome outcome =
            terminal
                .set("ROOT_HASH", server.authority().rootHash())
                .run(new validate_signature(), "--parallel-requests=1");
        assertEquals(0, outcome.exit(), outcome.toString());
        assertEquals(
            List.of(
                "validate_signature: warning: the leaf of main/cfr and 2 more is for local"
                    + SUFFIX
                    + ", clients ask for remote-settings"
                    + SUFFIX,
                "validate_signature: warning: the leaf of my-security-state-x/b is for local"
                    + SUFFIX
                    + ", clients ask for onecrl"
                    + SUFFIX),
            outcome.stderr().lines().filter(line -> line.contains("warning")).toList());
      }
    }
  }

  @Test
  void in_json_each_result_has_its_own_warning() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      signByAnother(server);
      JsonNode document =
          Store.JSON.readTree(
              new Terminal()
                  .set("SERVER", server.url())
                  .set("ROOT_HASH", server.authority().rootHash())
                  .run(new validate_signature(), "--format=json")
                  .stdout());
      for (JsonNode result : document.path("results")) {
        String name = result.path("bucket").asString() + "/" + result.path("collection").asString();
        List<String> warnings = new ArrayList<>();
        result.path("warnings").forEach(warning -> warnings.add(warning.asString()));
        String expected =
            "the leaf of %s is for local%s, clients ask for %s%s"
                .formatted(
                    name, SUFFIX, name.startsWith("main/") ? "remote-settings" : "onecrl", SUFFIX);
        assertEquals(name.equals("main/right") ? List.of() : List.of(expected), warnings);
        assertEquals("ok", result.path("status").asString());
      }
      assertEquals(5, document.path("results").size());
      assertEquals(2, document.path("warnings").size(), document::toString);
    }
  }

  @Test
  void a_leaf_without_the_name_of_a_signer_is_bad_elsewhere_too() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.sign(
          "main",
          "a",
          server.authority().sibling().defect(SigningAuthority.Defect.LEAF_WITHOUT_NAME).build());
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stdout()
              .endsWith(" - Cause: the leaf's SAN is missing, expected NAME" + SUFFIX + "\n"),
          outcome::toString);
    }
  }

  @Test
  void a_signer_given_by_the_user_is_demanded_of_every_bucket() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.publish("security-state", "a", "{\"id\":\"1\"}");
      assertEquals(0, run(server, "--signer=remote-settings", "--only=main/*").exit());
      Terminal.Outcome other = run(server, "--signer=remote-settings", "--only=security-state/*");
      assertEquals(1, other.exit(), other.toString());
      assertTrue(other.stdout().endsWith(wrongName("onecrl", "remote-settings")), other::toString);
      Terminal.Outcome outcome = run(server, "--signer", "normandy");
      assertEquals(1, outcome.exit());
      assertTrue(outcome.stderr().contains("2 BAD (main/a, security-state/a)"), outcome::toString);
      assertTrue(
          outcome.stdout().contains(wrongName("remote-settings", "normandy")), outcome::toString);
    }
  }

  @Test
  void a_signer_given_by_the_user_wins_on_mozillas_hosts() throws IOException {
    try (RemoteSettingsServer server = serverElsewhere().start()) {
      signByAnother(server);
      Terminal mozilla =
          elsewhere(server, MozillaRootsTest.STAGE_HOST)
              .set("ROOT_HASH", server.authority().rootHash())
              .set("SIGNER", "local");
      Terminal.Outcome outcome = mozilla.run(new validate_signature(), "--exclude=main/right");
      assertEquals(0, outcome.exit(), outcome.toString());
      assertFalse(outcome.stderr().contains("warning"), outcome::toString);
    }
  }

  @Test
  void under_a_built_in_root_another_signer_is_bad_wherever_it_is_served(@TempDir Path folder)
      throws IOException {
    String text = Vectors.text("mozilla-stage-2021/changeset.json");
    for (String bucket : List.of("security-state", "my-security-state-x")) {
      Path file =
          Files.writeString(
              folder.resolve(bucket),
              text.replace("\"bucket\": \"main\"", "\"bucket\": \"" + bucket + "\""));
      for (String roots : List.of("--root-hash=" + MozillaRootsTest.STAGE_OF_2021, "--any-root")) {
        Terminal.Outcome outcome =
            saved(file, "mozilla-stage-2021/chain.pem", "--at=" + STAGE_AT, roots);
        assertEquals(1, outcome.exit(), outcome.toString());
        assertTrue(
            outcome.stdout().endsWith(wrongName("remote-settings", "onecrl")), outcome::toString);
        assertEquals(
            0,
            saved(
                    file,
                    "mozilla-stage-2021/chain.pem",
                    "--at=" + STAGE_AT,
                    roots,
                    "--signer=remote-settings")
                .exit());
      }
    }
  }

  @Test
  void a_saved_changeset_under_another_root_may_be_of_another_signer(@TempDir Path folder)
      throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("changeset"),
            Vectors.text("kinto-26/changeset-recorded.json")
                .replaceFirst("\"bucket\": ?\"main\"", "\"bucket\": \"security-state\""));
    Terminal.Outcome outcome = saved(file, "kinto-26/chain.pem", "--any-root");
    assertEquals(0, outcome.exit(), outcome.toString());
    assertTrue(
        outcome
            .stderr()
            .contains(
                "warning: the leaf of security-state/recorded is for remote-settings%s,"
                        .formatted(SUFFIX)
                    + " clients ask for onecrl%s\n".formatted(SUFFIX)),
        outcome::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"onecrl\"", "\"remote-settings\"", "null", "7", "[]"})
  void what_the_entry_says_of_its_signer_decides_nothing(String signerId) throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.edit(
          "main",
          "a",
          attributes -> {
            var entry = server.signatureEntry("main", "a", server.authority());
            entry.set("signer_id", Store.JSON.readTree(signerId));
            Signer.setSignatures(attributes, List.of(entry));
          });
      Terminal.Outcome outcome = run(server, "--root-hash", server.authority().rootHash());
      assertEquals(0, outcome.exit(), outcome.toString());
      assertFalse(outcome.stderr().contains("warning"), outcome::toString);
    }
  }

  // ---- refresh_signature

  @Test
  void new_signatures_are_verified_by_the_same_rules() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("wrong-signer=main*/*");
      Terminal terminal =
          new Terminal()
              .set("SERVER", server.url())
              .set("REFRESH_SIGNATURE_AUTH", "editor:editor")
              .set("ROOT_HASH", server.authority().rootHash())
              .set("ONLY", "main/regions,main/cfr");
      Terminal.Outcome lenient = terminal.run(new refresh_signature(), "--verify");
      assertEquals(0, lenient.exit(), lenient.toString());
      assertEquals(
          List.of(
              "refresh_signature: warning: the leaf of main/regions and 3 more is for someone-else"
                  + SUFFIX
                  + ", clients ask for remote-settings"
                  + SUFFIX),
          lenient.stderr().lines().filter(line -> line.contains("warning")).toList());
      Terminal.Outcome demanded =
          terminal.run(new refresh_signature(), "--verify", "--signer=remote-settings");
      assertEquals(1, demanded.exit(), demanded.toString());
      assertTrue(
          demanded.stdout().endsWith(wrongName("someone-else", "remote-settings")),
          demanded::toString);
    }
  }

  // ---- certificates of TLS

  @ParameterizedTest
  @CsvSource({"-30, -1, expired on ", "1, 30, is not valid before "})
  void a_certificate_that_the_bundle_holds_must_be_valid_now_for_s3_too(
      int from, int to, String reason, @TempDir Path folder) throws IOException {
    SigningAuthority.TlsIdentity identity =
        SigningAuthority.tlsForLoopback(
            SigningAuthority.Days.VALID, new SigningAuthority.Days(from, to));
    RecordingServer s3 = RecordingServer.tls(identity.context(), Reply.status(418));
    RemoteSettingsServer settings = server().sample(true).start();
    opened.addAll(List.of(s3, settings));
    Terminal.Outcome outcome =
        new Terminal()
            .once()
            .set("SERVER", settings.url())
            .set("AWS_ENDPOINT_URL_S3", s3.url(""))
            .set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .set("AWS_SECRET_ACCESS_KEY", "s3cret")
            .set(
                "REQUESTS_CA_BUNDLE",
                Files.writeString(folder.resolve("own.pem"), identity.serverPem()))
            .run(new blockpages_generator());
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(
        outcome.stderr().contains(s3.url("") + ": the server's certificate " + reason),
        outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains("hint: renew the certificate, or check the clock of this machine (docs"),
        outcome::toString);
    assertEquals(List.of(), s3.requests());
  }
}
