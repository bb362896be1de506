//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../validate_signature.java
//SOURCES ../common/Display.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/KintoRequest.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Signer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES Terminal.java
//SOURCES Transcript.java
//SOURCES Vectors.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Display;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** The command as a whole, against the embedded server over HTTP and HTTPS. */
class ValidateSignatureTest {

  private static final String STAGE_AT = "2021-03-12T14:35:19Z";
  private static final String STAGE_ROOT = // of tests/vectors/mozilla-stage-2021
      "3C:01:44:6A:BE:90:36:CE:A9:A0:9A:CA:A3:A5:20:AC:62:8F:20:A7:AE:32:CE:86:1C:B2:EF:B7:0F:A0:C7:45";
  private static final Path VECTORS = Project.root().resolve("tests/vectors");

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  private static Terminal.Outcome run(RemoteSettingsServer server, String... arguments) {
    return new Terminal().set("SERVER", server.url()).run(new validate_signature(), arguments);
  }

  // ---- what is read

  @Test
  void the_server_info_and_the_list_and_each_changeset_and_each_chain_are_read_once()
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.publish("main", "b", "{\"id\":\"1\"}");
      server.publish("main", "c", "{\"id\":\"1\"}");
      server.forgetRequests();
      assertEquals(0, run(server).exit());
      assertEquals(1, server.requests("/chains/").size());
      assertEquals(6, server.requests().size(), server.requests().toString());
      assertEquals(
          1,
          server
              .requests(
                  "/v1/buckets/main/collections/b/changeset?_expected="
                      + server.timestamp("main", "b"))
              .size());
    }
  }

  @Test
  void the_list_is_read_past_the_caches() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      run(server);
      run(server);
      List<String> targets =
          server.requests("/v1/buckets/monitor/collections/changes/changeset?_expected=").stream()
              .map(KintoRequest::target)
              .toList();
      assertEquals(2, Set.copyOf(targets).size(), targets.toString());
    }
  }

  @Test
  void an_old_server_without_changesets_is_read_page_by_page() throws IOException {
    try (RemoteSettingsServer server =
        server().withoutChangesets().withSingleSignature().pageSize(2).start()) {
      server.publish(
          "main", "a", "{\"id\":\"1\"}", "{\"id\":\"2\"}", "{\"id\":\"3\"}", "{\"id\":\"4\"}");
      server.publish("main", "b", "{\"id\":\"1\"}");
      server.publish("main", "c", "{\"id\":\"1\"}");
      server.put("main", "c", "{\"id\":\"2\"}");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains("/buckets/main/collections/a:  OK"), outcome::toString);
      assertTrue(outcome.stdout().contains("/buckets/main/collections/b:  OK"), outcome::toString);
      assertTrue(
          outcome.stdout().contains("/buckets/main/collections/c:  ⚠ BAD Signature ⚠"),
          outcome::toString);
    }
  }

  @Test
  void another_list_of_collections_may_be_read() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      Terminal.Outcome outcome = run(server, "--bucket", "nope", "--collection", "list");
      assertEquals(2, outcome.exit());
      assertTrue(
          outcome.stdout().startsWith("Read collection list from /buckets/nope/collections/list\n"),
          outcome::toString);
    }
  }

  @Test
  void tombstones_alone_are_no_newly_configured_collection() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.put("main", "a", "{\"id\":\"1\"}");
      server.delete("main", "a", "1");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stdout().endsWith(" - Cause: the signature is missing\n"), outcome::toString);
    }
  }

  @Test
  void a_tombstone_without_a_timestamp_is_one_too() throws IOException {
    try (RecordingServer server =
        RecordingServer.routes(request ->
            Reply.json(
                request.path().contains("/monitor/")
                    ? "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"a\","
                        + " \"last_modified\": 1}]}"
                    : request.path().endsWith("/changeset")
                        ? "{\"metadata\": {}, \"timestamp\": 1,"
                            + " \"changes\": [{\"id\": \"x\", \"deleted\": true}]}"
                        : "{\"data\": []}"))) {
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", server.url("/v1")).run(new validate_signature());
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stdout().endsWith(" - Cause: the signature is missing\n"), outcome::toString);
    }
  }

  @Test
  void a_signed_empty_collection_is_verified() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a");
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stdout().contains("01/01 /buckets/main/collections/a:  OK"), outcome::toString);
    }
  }

  // ---- several signatures

  @Test
  void one_valid_signature_of_several_is_enough_and_the_refused_one_is_explained()
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      SigningAuthority expired =
          server.authority().sibling().defect(SigningAuthority.Defect.LEAF_EXPIRED).build();
      server.edit(
          "main",
          "a",
          attributes ->
              Signer.setSignatures(
                  attributes,
                  List.of(
                      server.signatureEntry("main", "a", expired),
                      server.signatureEntry("main", "a", server.authority()))));
      assertEquals(0, run(server).exit());
      Terminal.Outcome verbose = run(server, "--verbose");
      assertTrue(
          verbose.stderr().contains("main/a: a signature is refused: the leaf expired on "),
          verbose::toString);
    }
  }

  // ---- order and parallel requests

  @Test
  void lines_come_in_the_order_of_the_list_whatever_finishes_first() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("503-plain=main/search-config-v2:1");
      List<String> expected = new ArrayList<>();
      for (String line : run(server, "--parallel-requests", "8").stdout().split("\n")) {
        if (line.startsWith("0") || line.startsWith("1")) {
          expected.add(line.replaceAll(":  .*", ""));
        }
      }
      assertEquals(19, expected.size());
      for (int i = 0; i < 3; i++) {
        List<String> lines =
            Stream.of(run(server, "--parallel-requests", "3").stdout().split("\n"))
                .filter(line -> line.contains("/19 "))
                .map(line -> line.replaceAll(":  .*", ""))
                .toList();
        assertEquals(expected, lines);
      }
    }
  }

  // ---- caches

  @ParameterizedTest
  @ValueSource(
      strings = {
        "altered-record",
        "altered-timestamp",
        "altered-signature",
        "malformed-signature",
        "missing-signature",
        "expired-leaf",
        "wrong-root",
        "404"
      })
  void what_is_bad_only_in_a_cache_is_told_as_that(String fault) throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault(fault + "=main/a:1");
      Terminal.Outcome outcome = run(server, "--root-hash", server.authority().rootHash());
      assertEquals(1, outcome.exit(), outcome.toString());
      String reason =
          " - Cause: a cache serves what the server no longer has:"
              + " the server's is signed on %d (%s), records timestamp %d (%s)\n";
      String now = "2026-11-24 12:00:00 UTC";
      long signedOn = server.store().get("main", "a").modified();
      long timestamp = server.timestamp("main", "a");
      assertTrue(
          outcome.stdout().endsWith(reason.formatted(signedOn, now, timestamp, now)),
          outcome::toString);
      assertTrue(outcome.stderr().contains("hint: purge the cache"), outcome::toString);
      assertEquals(2, expected(server).size(), "once more");
      assertEquals(2, Set.copyOf(expected(server)).size(), "past the caches");
    }
  }

  @Test
  void a_new_collection_that_only_a_cache_does_not_know_is_told_as_that() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.create("main", "new");
      server.timestamp("main", "new");
      server.fault("404=main/new:1");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith("the server's is signed on unknown, records timestamp unknown\n"),
          outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "altered-record, the records differ from what was signed",
    "expired-leaf, the leaf expired on",
    "404, not readable: 404"
  })
  void what_is_bad_past_the_caches_too_keeps_its_cause(String fault, String cause)
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault(fault + "=main/a");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains(" - Cause: " + cause), outcome::toString);
      assertEquals(2, expected(server).size());
    }
  }

  @Test
  void a_bad_one_that_cannot_be_read_again_keeps_its_cause() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault("altered-signature=main/a:1");
      server.after("main/a", _ -> server.fault("500=main/a"));
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", server.url()).once().run(new validate_signature());
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains(" - Cause: the records differ from"), outcome::toString);
    }
  }

  @Test
  void what_was_wrong_with_a_signature_in_a_cache_is_explained() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault("altered-record=main/a:1");
      Terminal.Outcome outcome = run(server, "--verbose");
      assertTrue(outcome.stdout().contains(" - Cause: a cache serves"), outcome::toString);
      assertTrue(
          outcome.stderr().contains("main/a: a signature is refused: the records differ from"),
          outcome::toString);
    }
  }

  private static List<String> expected(RemoteSettingsServer server) {
    return server.requests("/v1/buckets/main/collections/a/changeset?").stream()
        .map(KintoRequest::target)
        .toList();
  }

  @Test
  void what_to_set_on_a_server_that_names_itself_otherwise_is_said_below() throws IOException {
    try (RecordingServer server =
        RecordingServer.routes(request ->
            request.path().contains("/monitor/")
                ? Reply.json(
                    "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"a\","
                        + " \"last_modified\": 1}]}")
                : Reply.answer(302, "", "Location: " + RecordingServer.nobody(request.path())))) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url("/v1"))
              .run(new validate_signature(), "--requests-nb-retries=0");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("set http_host = 127.0.0.1:" + server.port()),
          outcome::toString);
    }
  }

  // ---- lists that are cut

  @Test
  void a_list_that_the_server_cuts_is_told_with_both_numbers() throws IOException {
    try (RemoteSettingsServer server = server().maxFetchSize(10).start()) {
      server.publish("main", "a", records(12));
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  " - Cause: 10 of 12 records are served: the server cuts the list at its"
                      + " limit\n"),
          outcome::toString);
      assertFalse(outcome.stderr().contains("refresh"), outcome::toString);
    }
  }

  @Test
  void a_cut_list_is_bad_though_its_signature_fits() throws IOException {
    try (RemoteSettingsServer server = server().maxFetchSize(10).start()) {
      server.publish("main", "a", records(12));
      Store.Snapshot all = server.store().get("main", "a");
      byte[] served = Signer.payload(all.records().subList(0, 10), all.timestamp());
      server.edit(
          "main",
          "a",
          attributes ->
              Signer.setSignatures(
                  attributes, List.of(server.signer().entry(server.authority(), served))));
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains("10 of 12 records are served"), outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "9, 0", "10, 1", "11, 0", "20, 1"})
  void records_are_counted_only_where_their_number_may_be_a_limit(int records, int counted)
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", records(records));
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertEquals(counted, server.requests("/v1/buckets/main/collections/a/records").size());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          10000 | OK |
          10001 | BAD | Cause: 10000 records are served, at which servers cut the list, and they are not what was signed
          """)
  void as_many_records_as_servers_leave_may_be_cut_on_a_reader_unless_their_signature_fits(
      int records, String word, String cause) throws IOException {
    try (RemoteSettingsServer server = server().maxFetchSize(10_000).start()) {
      server.publish("main", "a", records(records));
      server.forgetRequests();
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", server.readerUrl()).run(new validate_signature());
      assertEquals(cause == null ? 0 : 1, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(word), outcome::toString);
      assertTrue(cause == null || outcome.stdout().contains(cause), outcome::toString);
      assertTrue(
          server.requests().stream().allMatch(request -> request.method().equals("GET")),
          "a reader does not tell how many there are");
    }
  }

  private static String[] records(int count) {
    return IntStream.range(0, count)
        .mapToObj("{\"id\":\"r%02d\"}"::formatted)
        .toArray(String[]::new);
  }

  // ---- certificates

  private static void sign(RemoteSettingsServer server, SigningAuthority... authorities) {
    server.edit(
        "main",
        "a",
        attributes ->
            Signer.setSignatures(
                attributes,
                Stream.of(authorities).map(by -> server.signatureEntry("main", "a", by)).toList()));
  }

  private static Instant day(int day) {
    return Terminal.NOW.plus(Duration.ofDays(day));
  }

  @Test
  void a_leaf_that_ends_soon_is_a_warning_from_the_day_asked_for() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      assertFalse(run(server).stderr().contains("warning: the leaf"));
      assertFalse(run(server, "--certificate-warn-days", "28").stderr().contains("the leaf of"));
      Terminal.Outcome warned = run(server, "--certificate-warn-days", "30");
      assertEquals(0, warned.exit());
      assertTrue(
          warned.stderr().contains("warning: the leaf of main/a expires in 2"), warned::toString);
      assertEquals(1, run(server, "--certificate-warn-days", "30", "--strict").exit());
    }
  }

  static Stream<Arguments> ending() {
    return Stream.of(
        Arguments.of(
            SigningAuthority.builder().leafValidity(day(-25), day(5)),
            "the leaf of main/a expires in 5 days (2026-11-29)"),
        Arguments.of(
            SigningAuthority.builder().intermediateValidity(day(-25), day(5)),
            "the intermediate of main/a expires in 5 days (2026-11-29)"),
        Arguments.of(
            SigningAuthority.builder().rootValidity(day(-1000), day(50)),
            "the root of main/a expires in 50 days (2027-01-13)"));
  }

  @ParameterizedTest
  @MethodSource("ending")
  void each_certificate_of_a_chain_is_watched(SigningAuthority.Builder ending, String sentence)
      throws IOException {
    try (RemoteSettingsServer server =
        server().authority(ending.now(Terminal.NOW).build()).start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      for (String[] arguments : List.of(new String[0], new String[] {"--only-certificates"})) {
        Terminal.Outcome outcome = run(server, arguments);
        assertEquals(0, outcome.exit(), outcome.toString());
        assertTrue(outcome.stderr().contains("warning: " + sentence + "\n"), outcome::toString);
      }
      Terminal.Outcome strict = run(server, "--strict");
      assertEquals(1, strict.exit(), strict.toString());
      assertTrue(strict.stdout().endsWith(sentence + "\n"), strict::toString);
    }
  }

  @Test
  void the_certificates_of_a_signature_that_is_not_needed_are_watched_too() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      SigningAuthority.Builder other = server.authority().sibling();
      sign(server, server.authority(), other.leafValidity(day(-25), day(5)).build());
      assertTrue(
          run(server).stderr().contains("the leaf of main/a expires in 5 days (2026-11-29)\n"));
      sign(server, server.authority(), other.leafValidity(day(-25), day(-5)).build());
      assertTrue(
          run(server).stderr().contains("the leaf of main/a expired 5 days ago (2026-11-19)\n"));
    }
  }

  @Test
  void an_expired_certificate_that_is_not_the_cause_is_a_warning() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      SigningAuthority.Builder other = server.authority().sibling();
      sign(server, server.authority(), other.leafValidity(day(-25), day(-5)).build());
      server.fault("altered-record=main/a");
      Terminal.Outcome outcome = run(server);
      assertTrue(outcome.stdout().contains(" - Cause: the records differ"), outcome::toString);
      assertTrue(
          outcome.stderr().contains("the leaf of main/a expired 5 days ago (2026-11-19)\n"),
          outcome::toString);
    }
  }

  @Test
  void a_certificate_that_many_collections_use_is_told_once() throws IOException {
    SigningAuthority authority =
        SigningAuthority.builder().now(Terminal.NOW).intermediateValidity(day(-25), day(5)).build();
    try (RemoteSettingsServer server = server().authority(authority).start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.publish("main", "b", "{\"id\":\"1\"}");
      server.publish("security-state", "c", "{\"id\":\"1\"}"); // by another leaf below it
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.stderr().split("the intermediate of").length - 1, outcome::toString);
      assertTrue(
          outcome.stderr().contains(" and 2 more expires in 5 days (2026-11-29)\n"),
          outcome::toString);
    }
  }

  @Test
  void an_expired_certificate_is_the_verdict_and_no_warning_besides() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault("expired-leaf");
      for (String[] arguments : List.of(new String[0], new String[] {"--only-certificates"})) {
        Terminal.Outcome outcome = run(server, arguments);
        assertEquals(1, outcome.exit(), outcome.toString());
        assertTrue(outcome.stdout().contains(" - Cause: the leaf expired on"), outcome::toString);
        assertFalse(outcome.stderr().contains("the leaf of"), outcome::toString);
      }
    }
  }

  @Test
  void with_certificates_alone_an_expired_one_is_a_finding_whichever_signature_needs_it()
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      SigningAuthority.Builder other = server.authority().sibling();
      sign(server, server.authority(), other.leafValidity(day(-25), day(-5)).build());
      assertEquals(0, run(server).exit());
      Terminal.Outcome outcome = run(server, "--only-certificates");
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stdout().endsWith("the leaf of main/a expired 5 days ago (2026-11-19)\n"),
          outcome::toString);
    }
  }

  @Test
  void certificates_alone_are_verified_without_the_records() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\",\"n\":9007199254740993}", "{\"id\":\"2\"}");
      server.fault("altered-record=main/a");
      server.fault("altered-signature=main/a");
      Terminal.Outcome outcome = run(server, "--only-certificates");
      assertEquals(0, outcome.exit(), outcome.toString());
      assertFalse(outcome.stderr().contains("Firefox"), outcome::toString);
      assertEquals(1, expected(server).size());
      assertTrue(expected(server).getFirst().endsWith("&_limit=1"), expected(server)::toString);
      assertEquals(1, run(server, "--only-certificates", "--root-hash", "00".repeat(32)).exit());
    }
  }

  @Test
  void certificates_alone_of_an_old_server_are_verified_by_its_metadata() throws IOException {
    try (RemoteSettingsServer server =
        server().withoutChangesets().withSingleSignature().pageSize(2).start()) {
      server.publish("main", "a", records(12));
      server.forgetRequests();
      Terminal.Outcome outcome = run(server, "--only-certificates");
      assertEquals(0, outcome.exit(), outcome.toString());
      assertFalse(outcome.stderr().contains("older than announced"), outcome::toString);
      assertEquals(0, server.requests("/v1/buckets/main/collections/a/records").size());
    }
  }

  @Test
  void certificates_alone_show_who_serves_which_chain_and_until_when() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      for (String name : List.of("a", "b", "c", "d")) {
        server.publish("main", name, "{\"id\":\"1\"}");
      }
      server.publish("security-state", "onecrl", "{\"id\":\"1\"}");
      Terminal.Outcome outcome = run(server, "--only-certificates", "--quiet");
      List<String> chains = outcome.stderr().lines().filter(it -> it.contains(": chain ")).toList();
      assertEquals(2, chains.size(), outcome::toString);
      String line = chains.getFirst();
      assertTrue(line.contains("remote-settings.content-signature.mozilla.org-"), line);
      assertTrue(
          line.contains(": leaf of remote-settings.content-signature.mozilla.org ends on 2"), line);
      assertTrue(line.endsWith("; in 4 collections: main/a, main/b, main/c and 1 more"), line);
      assertTrue(
          chains.getLast().endsWith("; in 1 collection: security-state/onecrl"), outcome::toString);
      assertFalse(run(server).stderr().contains(": chain "));
      server.fault("chain-missing");
      String missing = run(server, "--only-certificates").stderr();
      assertTrue(missing.contains("missing.chain: cannot be read; in 5 collections: "), missing);
    }
  }

  // ---- what some clients do not take

  @Test
  void warnings_about_clients_are_findings_with_strict() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      sign(
          server,
          server.authority().sibling().defect(SigningAuthority.Defect.LEAF_EXPIRED).build(),
          server.authority());
      String sentence =
          "main/a: the valid signature is not the first one, which clients from before 2026 read\n";
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(outcome.stderr().contains("warning: " + sentence), outcome::toString);
      Terminal.Outcome strict = run(server, "--strict");
      assertEquals(1, strict.exit(), strict.toString());
      assertTrue(strict.stdout().contains(sentence), strict::toString);
      assertTrue(strict.stdout().contains("/buckets/main/collections/a:  OK"), strict::toString);
    }
  }

  @Test
  void of_warnings_that_only_name_other_records_one_is_said_and_the_others_with_verbose()
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      for (int i = 1; i <= 20; i++) {
        server.publish("main", "c" + i, "{\"id\":\"r%d\",\"n\":9007199254740993}".formatted(i));
      }
      String words = "integers beyond";
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.stderr().split(words).length - 1, outcome::toString);
      assertTrue(outcome.stderr().contains(" in r1 (n); 19 more (--verbose)\n"));
      assertEquals(20, run(server, "--verbose").stderr().split(words).length - 1);
      String json = run(server, "--format", "json").stdout();
      assertEquals(21, json.split(words).length - 1, "each result, and the run");
      Terminal.Outcome strict = run(server, "--strict");
      assertEquals(1, strict.exit());
      assertEquals(1, strict.stdout().split(words).length - 1, strict::toString);
    }
  }

  // ---- no chain

  @Test
  void a_public_key_verifies_what_a_local_signer_signs(@TempDir Path folder) throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      ObjectNode entry = server.signatureEntry("main", "a", server.authority()).put("x5u", "");
      server.edit("main", "a", it -> Signer.setSignatures(it, List.of(entry)));
      Terminal.Outcome without = run(server);
      assertEquals(1, without.exit(), without.toString());
      assertTrue(
          without.stdout().endsWith(" - Cause: no chain to verify (x5u is empty)\n"),
          without::toString);
      assertTrue(without.stderr().contains("--public-key FILE"), without::toString);

      Path key = Files.writeString(folder.resolve("key.pem"), server.authority().leafKeyPem());
      Terminal.Outcome outcome = run(server, "--public-key", key.toString());
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stderr()
              .contains("warning: main/a: clients refuse a signature without a chain\n"),
          outcome::toString);
      assertEquals(1, run(server, "--public-key", key.toString(), "--strict").exit());
      server.fault("altered-record=main/a");
      assertEquals(1, run(server, "--public-key", key.toString()).exit());
    }
  }

  static Stream<Arguments> badKeys() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    String pem = "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n";
    KeyPair keys = generator.generateKeyPair();
    String none = "is not a public key on an elliptic curve";
    return Stream.of(
        Arguments.of(pem.formatted("PUBLIC KEY", base64(keys.getPublic())), "is EC P-256"),
        Arguments.of(pem.formatted("PRIVATE KEY", base64(keys.getPrivate())), none),
        Arguments.of(pem.formatted("PUBLIC KEY", ""), none),
        Arguments.of("", none),
        Arguments.of("hello", none));
  }

  private static String base64(Key key) {
    return Base64.getMimeEncoder().encodeToString(key.getEncoded());
  }

  @ParameterizedTest
  @MethodSource("badKeys")
  void a_public_key_that_is_not_one_is_a_usage_error(
      String pem, String reason, @TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("key.pem"), pem);
    assertBadKey(file, reason);
    Files.delete(file);
    assertBadKey(file, "cannot be read: no such file");
  }

  private static void assertBadKey(Path file, String reason) {
    Terminal.Outcome outcome =
        new Terminal().run(new validate_signature(), "--public-key", file.toString());
    assertEquals(2, outcome.exit());
    assertEquals(
        """
        validate_signature: error: --public-key: "%s" %s
        hint: expected a PEM file with a public key on P-384 (BEGIN PUBLIC KEY)
        """
            .formatted(file, reason),
        outcome.stderr());
  }

  // ---- exit codes and forms of output

  @Test
  void json_and_text_give_the_same_verdicts() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("altered-record=main/regions");
      server.fault("500=blocklists/plugins");
      Terminal.Outcome text = run(server);
      Terminal.Outcome json = run(server, "--format", "json");
      assertEquals(text.exit(), json.exit());
      var document = Store.JSON.readTree(json.stdout());
      assertEquals(2, document.path("exit").asInt());
      List<String> verdicts = new ArrayList<>();
      for (var result : document.path("results")) {
        verdicts.add(
            "/buckets/%s/collections/%s:  %s"
                .formatted(
                    result.path("bucket").asString(),
                    result.path("collection").asString(),
                    switch (result.path("status").asString()) {
                      case "ok" -> "OK";
                      case "bad" -> "⚠ BAD Signature ⚠";
                      case "skip" -> "SKIP";
                      default -> "NO VERDICT (" + result.path("reason").asString() + ")";
                    }));
      }
      List<String> lines =
          Stream.of(text.stdout().split("\n"))
              .filter(line -> line.contains("/19 "))
              .map(line -> line.substring(6).replaceAll(" \\(\\d+\\.\\d\\ds\\)$", ""))
              .toList();
      assertEquals(lines, verdicts);
    }
  }

  @Test
  void exit_zero_turns_findings_into_zero_but_not_a_missing_verdict() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("altered-record=main/regions");
      assertEquals(1, run(server).exit());
      assertEquals(0, run(server, "--exit-zero").exit());
      server.fault("500=main/cfr");
      assertEquals(2, run(server).exit());
      assertEquals(2, run(server, "--exit-zero").exit());
    }
  }

  @Test
  void patterns_that_match_nothing_are_no_verdict() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal.Outcome outcome = run(server, "--only", "nope/*");
      assertEquals(2, outcome.exit());
      assertTrue(
          outcome
              .stderr()
              .contains("error: none of 19 collections is selected: nothing was verified\n"),
          outcome::toString);
    }
  }

  @Test
  void ctrl_c_prints_what_was_done_so_far_and_nothing_more() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal terminal = new Terminal().set("SERVER", server.url());
      Terminal.Outcome outcome = terminal.run(new validate_signature());
      assertEquals(1, terminal.interrupts().size());
      terminal.interrupts().forEach(Runnable::run); // after the end: nothing is left to say
      assertEquals(0, outcome.exit());
    }
  }

  // ---- TLS

  @Test
  void a_private_ca_is_trusted_through_its_bundle_and_refused_without(@TempDir Path folder)
      throws IOException {
    SigningAuthority.TlsIdentity tls = SigningAuthority.tlsForLoopback();
    Path bundle = Files.writeString(folder.resolve("ca.pem"), tls.caPem());
    try (RemoteSettingsServer server = server().tls(tls.context()).sample(true).start()) {
      Terminal.Outcome trusted =
          new Terminal()
              .set("SERVER", server.url())
              .set("REQUESTS_CA_BUNDLE", bundle)
              .run(new validate_signature());
      assertEquals(0, trusted.exit(), trusted.toString());
      assertTrue(trusted.stderr().contains("19 collections: 18 OK, 1 SKIP"), trusted::toString);
      Terminal.Outcome refused = run(server);
      assertEquals(2, refused.exit());
      assertTrue(
          refused.stderr().contains("the TLS certificate of 127.0.0.1 is refused"),
          refused::toString);
      assertTrue(
          refused
              .stderr()
              .endsWith(
                  "hint: is the server's CA missing? name its PEM file with"
                      + " REQUESTS_CA_BUNDLE (docs/runbooks/no-verdict.md)\n"),
          refused::toString);
    }
  }

  // ---- where chains are read from

  /** Another host than loopback, reached through a proxy that is the embedded server itself. */
  private static Terminal elsewhere(RemoteSettingsServer server) {
    return new Terminal()
        .set("SERVER", "http://settings.test/v1")
        .set("HTTP_PROXY", "http://127.0.0.1:" + server.port());
  }

  @Test
  void a_chain_on_loopback_is_not_read_for_a_server_elsewhere() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      for (String root : List.of("--any-root", "--root-hash=" + server.authority().rootHash())) {
        Terminal.Outcome outcome = elsewhere(server).run(new validate_signature(), root);
        assertEquals(1, outcome.exit(), outcome.toString());
        assertTrue(
            outcome
                .stdout()
                .endsWith(
                    " is not read: its host is at 127.0.0.1 (loopback), expected an address that"
                        + " clients reach\n"),
            outcome::toString);
      }
      assertEquals(List.of(), server.requests("/chains/"));
    }
  }

  @Test
  void a_chain_over_http_is_read_under_a_pinned_root_and_else_there_is_no_verdict()
      throws IOException {
    try (RemoteSettingsServer server = server().chainsAt(URI.create("http://cdn.test")).start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      String x5u = "http://cdn.test/chains/";
      for (String[] arguments : new String[][] {{}, {"--any-root"}}) {
        Terminal.Outcome outcome = elsewhere(server).run(new validate_signature(), arguments);
        assertEquals(2, outcome.exit(), outcome.toString());
        assertTrue(
            outcome
                .stdout()
                .contains("01/01 /buckets/main/collections/a:  NO VERDICT (the x5u " + x5u),
            outcome::toString);
        assertTrue(
            outcome.stdout().endsWith(" is not read: http needs a pinned root, set ROOT_HASH)\n"),
            outcome::toString);
        assertTrue(
            outcome.stderr().contains("hint: a pinned root proves the chain, "), outcome::toString);
        assertEquals(List.of(), server.requests(x5u));
      }
      String root = "--root-hash=" + server.authority().rootHash();
      Terminal.Outcome pinned = elsewhere(server).run(new validate_signature(), root);
      assertEquals(0, pinned.exit(), pinned.toString());
      assertEquals(1, server.requests(x5u).size());
      Terminal.Outcome loopback =
          elsewhere(server).set("SERVER", server.url()).run(new validate_signature());
      assertEquals(0, loopback.exit(), loopback.toString());
    }
  }

  /** Publishes two collections with a relative x5u. */
  private static void publishRelative(RemoteSettingsServer server) {
    for (String name : List.of("a", "b")) {
      server.publish("main", name, "{\"id\":\"1\"}");
      ObjectNode entry = server.signatureEntry("main", name, server.authority());
      entry.put("x5u", "cert-chains/a.chain");
      server.edit("main", name, attributes -> Signer.setSignatures(attributes, List.of(entry)));
    }
  }

  @Test
  void a_relative_x5u_is_resolved_against_the_server() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      publishRelative(server);
      Terminal.Outcome missing = run(server);
      assertEquals(1, missing.exit(), missing.toString());
      assertTrue(
          missing
              .stdout()
              .contains(
                  "the chain %s/cert-chains/a.chain is not reachable: 404".formatted(server.url())),
          missing::toString);
      server.answer("/v1/cert-chains/a.chain", 200, "text/plain", server.authority().chainPem());
      server.forgetRequests();
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertEquals(1, server.requests("/v1/cert-chains/a.chain").size());
      assertEquals(
          1, server.requests().stream().filter(request -> request.target().equals("/v1/")).count());
    }
  }

  @Test
  void a_relative_x5u_is_resolved_against_the_base_that_the_server_announces() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      publishRelative(server);
      server.answer(
          "/v1/",
          200,
          "application/json",
          "{\"capabilities\": {\"changes\": {\"certs_chains_base_url\": \"%s\"}}}"
              .formatted(server.url().resolve("/base/")));
      server.answer("/base/cert-chains/a.chain", 200, "text/plain", server.authority().chainPem());
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertEquals(1, server.requests("/base/").size());
      assertEquals(List.of(), server.requests("/v1/cert-chains/"));
    }
  }

  // ---- readers

  private static void isReader(RemoteSettingsServer server, Instant exported) {
    server.answer(
        "/v1/",
        200,
        "application/json",
        "{\"git\": {\"common\": {\"timestamp\": %d}}, \"capabilities\": {}}"
            .formatted(exported.getEpochSecond()));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          PT-1S,         24, fine
          PT-1H,         24, fine
          PT24H,         24, fine
          PT24H1S,       24, old
          PT48H,         48, fine
          PT48H1S,       48, old
          P300000000DT0S, 24, old
          """)
  void a_reader_whose_content_is_old_is_warned_of(Duration age, String hours, String verdict)
      throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      isReader(server, Terminal.NOW.minus(age));
      String[] arguments = {"--only=main/regions", "--max-export-age", hours};
      Terminal.Outcome outcome = run(server, arguments);
      assertEquals(0, outcome.exit(), outcome::toString);
      boolean isOld = verdict.equals("old");
      assertEquals(
          isOld,
          outcome
              .stderr()
              .contains(
                  "warning: the content of this reader was exported %d hours ago (%s)"
                      .formatted(age.toHours(), Display.moment(Terminal.NOW.minus(age)))),
          outcome::toString);
      Terminal.Outcome strict =
          run(server, "--only=main/regions", "--strict", "--max-export-age", hours);
      assertEquals(isOld ? 1 : 0, strict.exit(), strict::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"2026-11-24T13:00:01Z", "+58866-04-15T00:00:00Z"}) // or milliseconds
  void a_reader_whose_content_is_of_the_future_is_warned_of(Instant exported) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      isReader(server, exported);
      String sentence =
          "this reader says that its content was exported in the future (%s)"
              .formatted(Display.moment(exported));
      Terminal.Outcome outcome = run(server, "--only=main/regions");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("warning: " + sentence + "\n"), outcome::toString);
      Terminal.Outcome strict = run(server, "--only=main/regions", "--strict");
      assertEquals(1, strict.exit(), strict::toString);
      assertTrue(strict.stdout().endsWith("\n" + sentence + "\n"), strict::toString);
    }
  }

  @Test
  void the_age_of_an_export_is_that_of_the_clock_whatever_the_moment_of_the_check()
      throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      isReader(server, Terminal.NOW);
      for (Duration other : List.of(Duration.ofHours(-2), Duration.ofHours(25))) {
        Terminal.Outcome outcome =
            run(server, "--only=main/regions", "--strict", "--at=" + Terminal.NOW.plus(other));
        assertFalse(outcome.toString().contains("exported"), outcome::toString);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"http_api_version": "2.0", "capabilities": {}}        | 1
          {"http_api_version": "2", "capabilities": {}}          | 1
          {"git": {}, "capabilities": {}}                        | 1
          {"git": {"common": {"timestamp": "x"}}, "capabilities": {}} | 1
          {"git": {"common": {"timestamp": 9e99}}, "capabilities": {}} | 1
          {"git": {"common": {"timestamp": 9223372036854775807}}, "capabilities": {}} | 1
          {"git": {"common": {"timestamp": -31557014167219200}}, "capabilities": {}} | 1
          {"http_api_version": "1.23", "capabilities": {}}       | 0
          {"http_api_version": 2, "capabilities": {}}            | 0
          {"git": null, "capabilities": {}}                      | 0
          """)
  void a_reader_is_told_by_its_server_info(String info, int exit) throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.answer("/v1/", 200, "application/json", info);
      Terminal.Outcome outcome = run(server, "--only=main/regions", "--strict");
      assertEquals(exit, outcome.exit(), outcome::toString);
      assertEquals(
          exit == 1,
          outcome.stdout().endsWith("\nthis reader does not say when its content was exported\n"),
          outcome::toString);
    }
  }

  @Test
  void an_empty_collection_without_a_signature_is_skipped_on_a_reader_with_a_warning()
      throws IOException {
    String sentence =
        "main/a: empty and not signed, though today's servers sign a collection when it is created";
    try (RemoteSettingsServer server = server().start()) {
      server.put("main", "a", "{\"id\":\"1\"}");
      server.delete("main", "a", "1"); // a reader does not tell this from a new collection
      server.answer("/v1/buckets/main/collections/a/records", 404, "application/json", "{}");
      isReader(server, Terminal.NOW);
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith("/a:  SKIP\n"), outcome::toString);
      assertTrue(outcome.stderr().contains("warning: " + sentence + "\n"), outcome::toString);
      assertEquals(1, run(server, "--strict").exit());
      server.put("main", "a", "{\"id\":\"1\"}");
      Terminal.Outcome unsigned = run(server);
      assertEquals(1, unsigned.exit(), unsigned::toString);
      assertTrue(
          unsigned.stdout().endsWith(" - Cause: the signature is missing\n"), unsigned::toString);
    }
  }

  @Test
  void the_single_signature_is_not_enough_on_a_reader() throws IOException {
    try (RemoteSettingsServer server = server().withSingleSignature().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      assertEquals(0, run(server).exit());
      isReader(server, Terminal.NOW);
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("clients do not read the older single signature"),
          outcome::toString);
    }
  }

  @Test
  void without_a_server_info_only_what_depends_on_it_has_no_verdict() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "signed", "{\"id\":\"1\"}");
      server.create("main", "new");
      server.timestamp("main", "new");
      server.fault("503=/v1/");
      Terminal.Outcome outcome = run(server);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("/signed:  OK"), outcome::toString);
      assertTrue(outcome.stdout().contains("/new:  NO VERDICT (503"), outcome::toString);
      assertTrue(
          outcome.stderr().contains("warning: the server info cannot be read: GET "),
          outcome::toString);
      assertEquals(5, server.requests().stream().filter(it -> it.path().equals("/v1/")).count());
    }
  }

  @Test
  void old_content_cannot_be_ruled_out_without_a_server_info() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.answer("/v1/", 405, "application/json", "{}");
      assertEquals(0, run(server).exit());
      Terminal.Outcome strict = run(server, "--strict");
      assertEquals(2, strict.exit(), strict::toString);
      assertTrue(
          strict.stderr().contains("error: the server info cannot be read: GET "),
          strict::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404})
  void a_server_info_that_is_not_public_is_a_kinto_s(int status) throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "signed", "{\"id\":\"1\"}");
      server.create("main", "new");
      server.timestamp("main", "new");
      server.answer("/v1/", status, "application/json", "{}");
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("/new:  SKIP"), outcome::toString);
      assertFalse(outcome.stderr().contains("server info"), outcome::toString);
      assertFalse(outcome.stderr().contains("not signed"), "a warning for readers alone");
    }
  }

  @Test
  void a_page_instead_of_a_chain_is_usually_temporary() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      server.fault("html=/chains/*:1");
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      server.fault("html=/chains/*");
      Terminal.Outcome lasting = run(server);
      assertEquals(1, lasting.exit(), lasting.toString());
      assertTrue(
          lasting
              .stdout()
              .endsWith(" is not reachable: HTML instead of a PEM chain (after 5 attempts)\n"),
          lasting::toString);
    }
  }

  @Test
  void a_chain_that_is_not_asked_for_yet_leaves_no_verdict() throws IOException {
    String signature = ("A".repeat(63) + "B").repeat(2);
    String changeset =
        """
        {"metadata": {"signatures": [{"x5u": "/chain", "signature": "%s"}]}, "timestamp": 1,
         "changes": [{"id": "x"}]}\
        """;
    try (RecordingServer server =
        RecordingServer.routes(request ->
            switch (request.path().replaceFirst(".*/", "")) {
              case "" -> Reply.json("{\"capabilities\": {}}");
              case "changeset" ->
                  request.path().contains("/monitor/")
                      ? Reply.json(
                          "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"a\","
                              + " \"last_modified\": 1}]}")
                      : Reply.json(changeset.formatted(signature), "Backoff: 60");
              default -> Reply.answer(404, "");
            })) {
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", server.url("/v1")).run(new validate_signature());
      assertEquals(2, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "/chain is not reachable: the server asks to wait 60 s (Backoff), longer than"),
          outcome::toString);
    }
  }

  @Test
  void a_chain_with_a_broken_certificate_is_read_once() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      String pem = server.authority().chainPem().replaceFirst("MII", "AAA");
      server.answer("/chains/*", 200, "text/plain", pem);
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(
          outcome.stdout().endsWith(" - Cause: certificate 1 of the chain cannot be parsed\n"),
          outcome::toString);
      assertEquals(1, server.requests("/chains/").size());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "http://127.0.0.1:1/, connection refused, ''",
    "http://[::1%25none]/, unknown host, hint: check this machine's DNS"
  })
  void nobody_is_sent_to_the_address_of_the_server_for_another_s_chain(
      String address, String reason, String hint) throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      ObjectNode entry = server.signatureEntry("main", "a", server.authority());
      entry.put("x5u", address + "a".repeat(100_000));
      server.edit("main", "a", attributes -> Signer.setSignatures(attributes, List.of(entry)));
      Terminal.Outcome outcome = run(server, "--requests-nb-retries", "1");
      assertTrue(outcome.stdout().contains(" is not reachable: " + reason), outcome::toString);
      assertTrue(outcome.stderr().contains(hint), outcome::toString);
      assertFalse(outcome.stderr().contains("SERVER"), outcome::toString);
      assertTrue(outcome.toString().length() < 5_000, "a URL is shortened");
    }
  }

  // ---- saved changesets

  /** Saves a real changeset with another x5u. */
  private static Path withChainAt(Path folder, String x5u) throws IOException {
    String text = Vectors.text("kinto-26/changeset-recorded.json");
    String other = text.replaceAll("\"x5u\": ?\"[^\"]*\"", "\"x5u\": \"" + x5u + "\"");
    assertNotEquals(text, other);
    return Files.writeString(folder.resolve("changeset.json"), other);
  }

  @Test
  void the_chain_of_a_saved_changeset_is_read_from_loopback_by_nobody(@TempDir Path folder)
      throws IOException {
    try (RecordingServer chains = RecordingServer.of(Reply.json(""))) {
      Path file = withChainAt(folder, chains.url("/chain").toString());
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", chains.url("/v1"))
              .run(new validate_signature(), "--any-root", "--changeset=" + file);
      assertEquals(1, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains("(loopback)"), outcome::toString);
      assertEquals(List.of(), chains.requests());
    }
  }

  @Test
  void a_relative_x5u_of_a_saved_changeset_needs_the_chain_beside_it(@TempDir Path folder)
      throws IOException {
    Path file = withChainAt(folder, "cert-chains/a.chain");
    Terminal.Outcome outcome =
        new Terminal().run(new validate_signature(), "--any-root", "--changeset=" + file);
    assertEquals(2, outcome.exit(), outcome.toString());
    assertTrue(
        outcome
            .stdout()
            .endsWith(
                ":  NO VERDICT (the x5u cert-chains/a.chain is relative, and there is no"
                    + " server)\n"),
        outcome::toString);
    assertTrue(
        outcome.stderr().contains("hint: name a file that holds the chain with --chain (docs"),
        outcome::toString);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"cert-chains/a.chain", "http://127.0.0.1:1/chain", "http://autograph:8000/chain"})
  void a_chain_in_a_file_is_used_whatever_the_x5u_says(String x5u, @TempDir Path folder)
      throws IOException {
    Terminal.Outcome outcome =
        new Terminal()
            .run(
                new validate_signature(),
                "--any-root",
                "--changeset=" + withChainAt(folder, x5u),
                "--chain=" + VECTORS.resolve("kinto-26/chain.pem"));
    assertEquals(0, outcome.exit(), outcome.toString());
  }

  private static Terminal.Outcome saved(String folder, String changeset, String... arguments) {
    List<String> all = new ArrayList<>();
    all.add("--changeset=" + VECTORS.resolve(folder + "/" + changeset));
    all.add("--chain=" + VECTORS.resolve(folder + "/chain.pem"));
    all.addAll(List.of(arguments));
    return new Terminal().run(new validate_signature(), all.toArray(String[]::new));
  }

  @Test
  void a_real_signature_of_stage_is_valid_as_of_its_time() {
    Terminal.Outcome outcome =
        saved(
            "mozilla-stage-2021",
            "changeset.json",
            "--at=" + STAGE_AT,
            "--root-hash=" + STAGE_ROOT);
    assertEquals(
        "01/01 /buckets/main/collections/pioneer-study-addons:  OK (0.02s)\n",
        Transcript.normalised(outcome.stdout()));
    assertEquals(0, outcome.exit());
  }

  @Test
  void the_real_chain_of_stage_is_expired_today_and_each_certificate_is_named() {
    Terminal.Outcome outcome =
        saved("mozilla-stage-2021", "changeset.json", "--root-hash=" + STAGE_ROOT);
    assertEquals(1, outcome.exit());
    assertTrue(
        outcome
            .stdout()
            .endsWith(
                " - Cause: the leaf expired on 2021-04-24 15:04:05 UTC,"
                    + " the intermediate expired on 2024-11-14 20:48:59 UTC,"
                    + " the root expired on 2024-11-14 20:48:59 UTC"
                    + " (checked as of 2026-11-24 12:00:00 UTC)\n"),
        outcome::toString);
  }

  @Test
  void three_real_changesets_of_a_current_server_are_valid() {
    for (String changeset :
        List.of(
            "changeset-recorded.json",
            "changeset-search-config-v2.json",
            "changeset-search-telemetry-v2.json")) {
      Terminal.Outcome outcome = saved("kinto-26", changeset, "--any-root");
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(outcome.stdout().contains(":  OK ("), outcome::toString);
    }
  }

  @Test
  void a_saved_changeset_that_is_none_is_a_usage_error(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("c.json"), "[1]".getBytes(StandardCharsets.UTF_8));
    Terminal.Outcome outcome =
        new Terminal().run(new validate_signature(), "--changeset", file.toString());
    assertEquals(2, outcome.exit());
    assertEquals(
        "validate_signature: error: --changeset: \"%s\" is not a changeset: unexpected answer: it is not an object\n"
            .formatted(file),
        outcome.stderr());
    Terminal.Outcome missing =
        new Terminal().run(new validate_signature(), "--changeset", folder + "/none");
    assertEquals(2, missing.exit());
    assertTrue(missing.stderr().contains("no such file"), missing::toString);
  }

  @Test
  void the_moment_may_be_given_with_any_offset() {
    assertEquals(
        0,
        saved(
                "mozilla-stage-2021",
                "changeset.json",
                "--at=2021-03-12T15:35:19+01:00",
                "--root-hash=" + STAGE_ROOT)
            .exit());
    Terminal.Outcome outcome = new Terminal().run(new validate_signature(), "--at", "yesterday");
    assertEquals(
        "validate_signature: error: --at: \"yesterday\" is not a moment like"
            + " 2026-11-24T12:00:00Z\n",
        outcome.stderr());
  }

  @ParameterizedTest
  @ValueSource(strings = {"+999999999-12-31T23:59:59Z", "-999999999-01-01T00:00:00Z"})
  void the_moment_may_be_as_far_away_as_can_be(String moment) {
    Terminal.Outcome outcome =
        saved(
            "kinto-26", "changeset-recorded.json", "--at", moment, "--certificate-warn-days=3650");
    assertEquals(1, outcome.exit(), outcome.toString());
  }

  @Test
  void the_moment_of_the_run_is_the_clocks() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish("main", "a", "{\"id\":\"1\"}");
      Terminal later =
          new Terminal().set("SERVER", server.url()).at(Instant.parse("2027-11-24T12:00:00Z"));
      assertEquals(1, later.run(new validate_signature()).exit());
    }
  }

  // ---- what Firefox would compute otherwise

  @Test
  void integers_and_keys_that_firefox_treats_otherwise_are_a_warning() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.publish(
          "main",
          "a",
          "{\"id\":\"1\",\"n\":9007199254740993}",
          "{\"id\":\"2\",\"\\uffff\":1,\"\\ud83d\\ude00\":2}",
          "{\"id\":\"3\",\"n\":9007199254740992}");
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome.toString());
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "warning: main/a: Firefox would compute other bytes,"
                      + " for integers beyond 2^53 in 1 (n)\n"),
          outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "warning: main/a: Firefox would compute other bytes,"
                      + " for keys that UTF-16 sorts differently in 2\n"),
          outcome::toString);
    }
  }
}
