//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/signature/ChainAddresses.java
//SOURCES ../common/signature/ContentSignature.java
//SOURCES ../common/signature/MozillaRoots.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../bench/Peers.java
//SOURCES Vectors.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/SigningAuthority.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Changesets;
import common.Changesets.Changeset;
import common.signature.CertificateChain;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import common.signature.ChainAddresses;
import common.signature.ContentSignature;
import common.signature.ContentSignature.ChainSource;
import common.signature.ContentSignature.Content;
import common.signature.ContentSignature.Invalid;
import common.signature.ContentSignature.Trust;
import common.signature.ContentSignature.Undecided;
import common.signature.ContentSignature.Valid;
import common.signature.ContentSignature.Verdict;
import common.signature.MozillaRoots;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Signatures by OpenSSL over payloads written by hand (tests/vectors/openssl/README.md), good and
 * with each single defect, and real ones.
 *
 * <p>OpenSSL's stored signatures are there without it; a few tests have it sign anew.
 */
class ContentSignatureTest {

  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  private static final long TIMESTAMP = 1795486758330L; // of every payload in vectors/openssl
  private static final BigInteger ORDER = // SEC 2, section 2.5.1: n of secp384r1
      new BigInteger(
          "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
              + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
          16);

  private static final String PRODUCTION = // from the contract, by hand
      "C8:A8:0E:9A:FA:EF:4E:21:9B:6F:B5:D7:A7:1D:0F:10:12:23:BA:C5:00:1A:C2:8F:9B:0D:43:DC:59:A1:06:DB";

  private static final CertificateChain CHAIN = chain("openssl/chain.pem");
  private static final Trust TRUST = trust(Set.of(CHAIN.rootHash()), NOW);
  private static final String RECORDS = Vectors.text("openssl/good.changes.json");
  private static final byte[] RAW = raw("good");
  private static final String GOOD = base64(RAW);

  private static final String DIFFER_HINT =
      "refresh the signature if the records are right, else find out who changed them";

  // By OpenSSL

  @ParameterizedTest
  @ValueSource(strings = {"good", "empty", "fractions"})
  void a_stored_signature_by_openssl_is_valid(String name) {
    assertValid(changeset(changes(name), TIMESTAMP, entry(base64(raw(name)))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"good", "empty", "fractions", "negative-zero"})
  void a_fresh_signature_by_openssl_is_valid(String name, @TempDir Path folder) throws Exception {
    SigningAuthority authority = SigningAuthority.builder().now(NOW).build();
    for (int round = 0; round < 10; round++) {
      String signature = signedByOpenssl(authority, payload(name), folder);
      Verdict verdict = verify(changes(name), signature, authority);
      assertInstanceOf(Valid.class, verdict, signature);
    }
  }

  private static String signedByOpenssl(SigningAuthority authority, byte[] payload, Path folder)
      throws Exception {
    Path key = Files.writeString(folder.resolve("key.pem"), authority.signingKeyPem());
    Path file = Files.write(folder.resolve("payload"), payload);
    Path der = folder.resolve("der");
    Project.Outcome outcome =
        Project.run(Peers.OPENSSL.path(), "dgst", "-sha384", "-sign", key, "-out", der, file).go();
    assertEquals(0, outcome.exit(), outcome.stderr());
    return base64(rawOfDer(Files.readAllBytes(der)));
  }

  private static Verdict verify(String changes, String signature, SigningAuthority authority)
      throws Refused {
    CertificateChain chain = CertificateChain.parse(bytes(authority.chainPem()));
    return verify(
        changeset(changes, TIMESTAMP, entry(signature)),
        List.of(),
        _ -> chain,
        trust(Set.of(authority.rootHash()), NOW));
  }

  @Test
  void openssl_finds_the_stored_signature_good_too(@TempDir Path folder) throws Exception {
    Path chain = Project.root().resolve("tests/vectors/openssl/chain.pem");
    Path key = folder.resolve("key.pem");
    Path payload = Files.write(folder.resolve("payload"), payload("good"));
    Path der = Files.write(folder.resolve("der"), der("good.signature"));
    Object openssl = Peers.OPENSSL.path();
    Project.Outcome outcome =
        Project.run(openssl, "x509", "-in", chain, "-pubkey", "-noout", "-out", key).go();
    assertEquals(0, outcome.exit(), outcome.stderr());
    outcome =
        Project.run(openssl, "dgst", "-sha384", "-verify", key, "-signature", der, payload).go();
    assertEquals("Verified OK", outcome.stdout().strip());
  }

  @Test
  void the_signature_of_another_key_is_refused() {
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (6 records, timestamp 1795486758330)",
        changeset(RECORDS, TIMESTAMP, entry(base64(rawOfDer(der("good.other-key.signature"))))));
  }

  @Test
  void fractions_signed_in_the_servers_form_are_a_cause_of_their_own() {
    String changeset =
        changeset(changes("fractions"), TIMESTAMP, entry(base64(raw("server-fractions"))));
    Refused refused =
        assertRefused(
            Cause.SERVER_FRACTIONS,
            "fractions are signed as the server's library prints them (1E-1), Firefox computes 0.1",
            changeset);
    assertEquals(
        "keep fractions out of records, or put them into strings", refused.advice().hint());
    // another difference on top of it is the one that counts
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (1 record, timestamp 1795486758330)",
        changeset.replace("\"integer\": 7", "\"integer\": 8"));
  }

  @Test
  void fractions_signed_in_the_form_of_an_older_server_are_that_cause_too(@TempDir Path folder)
      throws Exception {
    String changes = changes("python-fractions");
    SigningAuthority authority = SigningAuthority.builder().now(NOW).build();
    String signature = signedByOpenssl(authority, payload("python-fractions"), folder);
    Refused refused =
        assertRefused(
            Cause.SERVER_FRACTIONS,
            "fractions are signed as Python prints them (1e-05), Firefox computes 0.00001",
            verify(changes, signature, authority));
    assertEquals(
        "keep fractions out of records, or put them into strings", refused.advice().hint());
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (1 record, timestamp 1795486758330)",
        verify(changes.replace("\"integer\": 7", "\"integer\": 8"), signature, authority));
  }

  // Content

  static Stream<String[]> edits() {
    return Stream.of(
        new String[] {"a boolean", "\"enabled\": true", "\"enabled\": false", "6 records"},
        new String[] {"a text", "\"astral\"", "\"Astral\"", "6 records"},
        new String[] {"a control character", "\\u001B", "\\u001C", "6 records"},
        new String[] {"an accent", "caf\u00e9", "cafe", "6 records"},
        new String[] {"a combined accent", "caf\u00e9", "cafe\u0301", "6 records"},
        new String[] {"the last digit of a large integer", "40993", "40992", "6 records"},
        new String[] {"an integer as text", "[1, -2", "[\"1\", -2", "6 records"},
        new String[] {"the sign of an integer", "-2", "2", "6 records"},
        new String[] {"the order of a list", "[1, -2, [3]]", "[-2, 1, [3]]", "6 records"},
        new String[] {"how lists are nested", "[1, -2, [3]]", "[1, [-2], 3]", "6 records"},
        new String[] {"null as nothing", "\"nothing\": null,", "", "6 records"},
        new String[] {"an object as a list", "\"z\": {}", "\"z\": []", "6 records"},
        new String[] {"a key", "\"nothing\"", "\"Nothing\"", "6 records"},
        new String[] {"a key more", "\"minus\"", "\"x\": 1, \"minus\"", "6 records"},
        new String[] {"an id", "\"id\": \"10\"", "\"id\": \"11\"", "6 records"},
        new String[] {"a record's timestamp", "758001", "758000", "6 records"},
        new String[] {"a tombstone alive", "\"deleted\": true,", "", "7 records"},
        new String[] {
          "a tombstone half alive", "\"deleted\": true", "\"deleted\": false", "7 records"
        },
        new String[] {
          "a record deleted", "\"id\": \"10\"", "\"id\": \"10\", \"deleted\": true", "5 records"
        },
        new String[] {"a record more", "[\n", "[{\"id\": \"more\"},\n", "7 records"});
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("edits")
  void one_difference_in_the_records_is_refused(
      String name, String from, String to, String records) {
    assertEquals(RECORDS.indexOf(from), RECORDS.lastIndexOf(from), name);
    assertTrue(RECORDS.contains(from), name);
    Refused refused =
        assertRefused(
            Cause.RECORDS_DIFFER,
            "the records differ from what was signed (" + records + ", timestamp 1795486758330)",
            changeset(RECORDS.replace(from, to), TIMESTAMP, entry(GOOD)));
    assertEquals(DIFFER_HINT, refused.advice().hint());
  }

  @Test
  void a_missing_record_is_refused() throws Exception {
    List<String> records = lines();
    for (int missing = 0; missing < records.size(); missing++) {
      List<String> others = new ArrayList<>(records);
      String record = others.remove(missing);
      String changeset = changeset("[" + String.join(",", others) + "]", TIMESTAMP, entry(GOOD));
      if (record.contains("\"deleted\"")) {
        assertValid(changeset);
      } else {
        assertRefused(
            Cause.RECORDS_DIFFER,
            "the records differ from what was signed (5 records, timestamp 1795486758330)",
            changeset);
      }
    }
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (0 records, timestamp 1795486758330)",
        changeset("[]", TIMESTAMP, entry(GOOD)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "1", "-1", "0.5", "\"yes\"", "\"0\"", "[]", "{}", "[0]"})
  void tombstones_are_not_signed(String deleted) {
    String more = "[{\"id\": \"z\", \"deleted\": %s, \"last_modified\": 1},".formatted(deleted);
    assertValid(changeset(RECORDS.replaceFirst("\\[", more), TIMESTAMP, entry(GOOD)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "0", "-0", "0.0", "0E5", "1e-400", "\"\"", "null"})
  void a_record_whose_deleted_is_falsy_is_signed(String deleted) {
    String more = "[{\"id\": \"z\", \"deleted\": %s, \"last_modified\": 1},".formatted(deleted);
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (7 records, timestamp 1795486758330)",
        changeset(RECORDS.replaceFirst("\\[", more), TIMESTAMP, entry(GOOD)));
  }

  @Test
  void the_order_in_which_records_come_is_irrelevant() throws Exception {
    List<String> records = lines();
    Random random = new Random(20261124);
    for (int round = 0; round < 100; round++) {
      Collections.shuffle(records, random);
      String changes = "[" + String.join(",\n", records) + "]";
      assertInstanceOf(Valid.class, verify(changeset(changes, TIMESTAMP, entry(GOOD))), changes);
    }
  }

  @Test
  void records_are_sorted_by_the_code_points_of_their_ids() {
    Changeset changeset = read(changeset(RECORDS, TIMESTAMP, entry(GOOD)));
    // in UTF-16, U+1F600 would come before U+FFFF
    assertEquals(
        List.of("10", "9", "B", "b", "\uffff", "\ud83d\ude00"),
        new Content(changeset.records(), TIMESTAMP, List.of())
            .records().stream().map(r -> r.id()).toList());
  }

  @Test
  void spaces_escapes_and_the_order_of_keys_are_irrelevant() {
    String other =
        RECORDS
            .replace("  {", "\n\n\t { ")
            .replace(", ", "\r\n,")
            .replace("caf\u00e9", "c\\u0061f\\u00E9")
            .replace(
                "{\"last_modified\": 1795486758001\r\n,\"id\": \"10\"",
                "{\"id\" :\"10\",\"last_modified\":1795486758001");
    assertNotEquals(RECORDS, other);
    assertValid(changeset(other, TIMESTAMP, entry(GOOD)));
  }

  // Timestamp

  @Test
  void a_timestamp_that_was_announced_and_signed_is_named() {
    String changeset = changeset(RECORDS, TIMESTAMP + 1, entry(GOOD));
    Refused refused =
        assertRefused(
            Cause.TIMESTAMP_DIFFERS,
            "the timestamp differs: 1795486758330 is signed, 1795486758331 is served",
            verify(changeset, List.of(0L, TIMESTAMP + 1, TIMESTAMP - 1, TIMESTAMP)));
    assertEquals(Cause.TIMESTAMP_DIFFERS.slug(), refused.advice().cause());
  }

  @Test
  void a_timestamp_that_nobody_knows_is_a_difference_like_others() {
    for (long other : new long[] {0, TIMESTAMP - 1, TIMESTAMP + 1, Long.MAX_VALUE}) {
      assertRefused(
          Cause.RECORDS_DIFFER,
          "the records differ from what was signed (6 records, timestamp " + other + ")",
          verify(changeset(RECORDS, other, entry(GOOD)), List.of(other)));
    }
  }

  @Test
  void timestamp_and_records_together_are_a_difference_of_the_records() {
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (6 records, timestamp 1795486758331)",
        verify(
            changeset(RECORDS.replace("astral", "Astral"), TIMESTAMP + 1, entry(GOOD)),
            List.of(TIMESTAMP)));
  }

  @Test
  void another_known_timestamp_never_makes_a_good_signature_bad() {
    assertInstanceOf(
        Valid.class,
        verify(changeset(RECORDS, TIMESTAMP, entry(GOOD)), List.of(TIMESTAMP + 1, TIMESTAMP)));
  }

  // Signature

  @Test
  void any_byte_of_the_signature_altered_is_refused() {
    for (int place = 0; place < RAW.length; place++) {
      byte[] altered = RAW.clone();
      altered[place] ^= 1;
      assertRefused(
          Cause.RECORDS_DIFFER,
          "the records differ from what was signed (6 records, timestamp 1795486758330)",
          changeset(RECORDS, TIMESTAMP, entry(base64(altered))));
    }
  }

  /** What a verifier without a check of the range takes for the signature of anything. */
  @Test
  void r_and_s_out_of_range_are_malformed() {
    byte[] r = Arrays.copyOfRange(RAW, 0, 48);
    byte[] s = Arrays.copyOfRange(RAW, 48, 96);
    byte[] zero = new byte[48];
    byte[] one = fixed(BigInteger.ONE);
    byte[] n = fixed(ORDER);
    byte[] beyond = fixed(ORDER.add(BigInteger.ONE));
    byte[] most = fixed(BigInteger.ONE.shiftLeft(384).subtract(BigInteger.ONE));
    for (byte[] bad : List.of(zero, n, beyond, most)) {
      for (byte[] signature : List.of(join(bad, s), join(r, bad), join(bad, bad), join(bad, one))) {
        assertRefused(
            Cause.MALFORMED_SIGNATURE,
            "the signature's r or s is zero or too large for P-384",
            changeset(RECORDS, TIMESTAMP, entry(base64(signature))));
      }
    }
    byte[] last = fixed(ORDER.subtract(BigInteger.ONE));
    for (byte[] signature :
        List.of(join(one, one), join(last, last), join(one, last), join(s, r))) {
      assertRefused(
          Cause.RECORDS_DIFFER,
          "the records differ from what was signed (6 records, timestamp 1795486758330)",
          changeset(RECORDS, TIMESTAMP, entry(base64(signature))));
    }
  }

  record Bad(String name, String entry, Cause cause, String reason) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Bad> malformed() {
    String standard = Base64.getEncoder().encodeToString(RAW);
    char first = standard.charAt(firstOf(standard, "+/"));
    return Stream.of(
        bad(
            "95 bytes",
            entry(base64(Arrays.copyOf(RAW, 95))),
            "the signature has 95 bytes, expected 96"),
        bad(
            "97 bytes",
            entry(base64(Arrays.copyOf(RAW, 97))),
            "the signature has 97 bytes, expected 96"),
        bad(
            "r and s of P-256",
            entry(base64(Arrays.copyOf(RAW, 64))),
            "the signature has 64 bytes, expected 96"),
        bad(
            "DER",
            entry(base64(der("good.signature"))),
            "the signature has " + der("good.signature").length + " bytes, expected 96"),
        bad("no bytes", entry(""), "the signature has 0 bytes, expected 96"),
        bad(
            "standard base64",
            entry(standard),
            "the signature is not URL-safe base64: Illegal base64 character "
                + Integer.toHexString(first)),
        bad(
            "padding",
            entry(GOOD + "="),
            "the signature is not URL-safe base64: Input byte array has wrong 4-byte ending unit"),
        bad(
            "a space before it",
            entry(" " + GOOD),
            "the signature is not URL-safe base64: Illegal base64 character 20"),
        bad(
            "a line end after it",
            entry(GOOD + "\\n"),
            "the signature is not URL-safe base64: Illegal base64 character a"),
        bad(
            "beyond ASCII",
            entry(GOOD.substring(1) + "\u0141"), // as one byte it would be an A
            "the signature is not URL-safe base64: Illegal base64 character 3f"),
        bad("no signature", without("signature"), "the signature's text is missing"),
        bad("signature null", with("signature", "null"), "the signature's text is missing"),
        bad(
            "signature a number",
            with("signature", "96"),
            "a signature's signature is not a string"),
        bad("signature a list", with("signature", "[]"), "a signature's signature is not a string"),
        bad("mode a boolean", with("mode", "true"), "a signature's mode is not a string"),
        bad("no x5u", without("x5u"), "the signature's x5u is missing"),
        bad("x5u a list", with("x5u", "[\"https://x/\"]"), "a signature's x5u is not a string"),
        bad("an empty object", "{}", "the signature's text is missing"),
        bad("a text", "\"" + GOOD + "\"", "a signature is not an object"),
        bad("a list", "[" + entry(GOOD) + "]", "a signature is not an object"),
        bad("null", "null", "a signature is not an object"));
  }

  private static Bad bad(String name, String entry, String reason) {
    return new Bad(name, entry, Cause.MALFORMED_SIGNATURE, reason);
  }

  @ParameterizedTest
  @MethodSource("malformed")
  void a_malformed_signature_is_refused_for_it(Bad bad) {
    assertRefused(bad.cause, bad.reason, changeset(RECORDS, TIMESTAMP, bad.entry));
  }

  // Chain

  /** Reads chains as on a server on loopback; notes where from. */
  private static ChainSource on(List<URI> asked) {
    ChainAddresses addresses =
        new ChainAddresses(
            URI.create("http://127.0.0.1:8888/v1"),
            () -> URI.create("http://127.0.0.1:8888/v1/"),
            false);
    return x5u -> {
      asked.add(addresses.resolve(x5u));
      return CHAIN;
    };
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://example.org/chain",
        "file:///etc/passwd",
        "data:text/plain,chain",
        "jar:https://example.org/a.jar!/chain",
        "https:///chain",
        "https:chain",
        "http://user@127.0.0.1/chain",
        "https://user:password@example.org/chain",
        "https://@example.org/chain"
      })
  void a_chain_is_read_from_nowhere_else_than_https(String x5u) {
    List<URI> asked = new ArrayList<>();
    String changeset = changeset(RECORDS, TIMESTAMP, with("x5u", "\"" + x5u + "\""));
    Verdict verdict = verify(changeset, List.of(), on(asked), TRUST);
    Refused refused = assertInstanceOf(Invalid.class, verdict).reason();
    assertEquals(Cause.CHAIN_NOT_REACHABLE, refused.cause());
    String shown = x5u.replaceFirst("//[a-z:]*@", "//***@");
    assertTrue(
        refused.getMessage().startsWith("the x5u " + shown + " is not read: expected "),
        refused.getMessage());
    assertEquals(List.of(), asked);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://example.org/chain?a=b",
        "HTTPS://example.org:8443/chain",
        "http://localhost/chain",
        "http://LOCALHOST:8888/chain",
        "http://127.0.0.1:8888/chain",
        "http://127.1.2.3/chain",
        "http://[::1]:8888/chain",
        "http://[0:0:0:0:0:0:0:1]/chain",
        "http://[::ffff:127.0.0.1]/chain"
      })
  void a_chain_is_read_from_https_or_loopback(String x5u) {
    List<URI> asked = new ArrayList<>();
    String changeset = changeset(RECORDS, TIMESTAMP, with("x5u", "\"" + x5u + "\""));
    Verdict verdict = verify(changeset, List.of(), on(asked), TRUST);
    assertSame(CHAIN, assertInstanceOf(Valid.class, verdict).chain());
    assertEquals(List.of(URI.create(x5u)), asked);
  }

  /** An x5u that proves nothing; every other one leads to the chain. */
  private static CertificateChain unlessPlain(String x5u) throws Refused {
    if (x5u.startsWith("http:")) {
      throw Refused.undecided(Cause.CHAIN_NOT_REACHABLE, "as the source says", "pin a root");
    }
    return CHAIN;
  }

  @Test
  void a_chain_that_is_not_read_for_lack_of_settings_leaves_the_verdict_open() {
    String plain = with("x5u", "\"http://example.org/chain\"");
    String bad = entry(base64(raw("empty")));
    for (String[] entries : new String[][] {{plain}, {plain, bad}, {bad, plain}, {"7", plain}}) {
      Verdict verdict =
          verify(
              changeset(RECORDS, TIMESTAMP, entries),
              List.of(),
              ContentSignatureTest::unlessPlain,
              TRUST);
      Refused reason = assertInstanceOf(Undecided.class, verdict).reason();
      assertEquals("as the source says", reason.getMessage());
      assertEquals("pin a root", reason.advice().hint());
    }
  }

  @Test
  void a_valid_entry_outweighs_one_that_leaves_the_verdict_open() {
    String plain = with("x5u", "\"http://example.org/chain\"");
    for (String[] entries : new String[][] {{plain, entry(GOOD)}, {entry(GOOD), plain}}) {
      Verdict verdict =
          verify(
              changeset(RECORDS, TIMESTAMP, entries),
              List.of(),
              ContentSignatureTest::unlessPlain,
              TRUST);
      Valid valid = assertInstanceOf(Valid.class, verdict);
      assertFalse(warnings(valid).toString().contains("not reachable"), "clients may reach it");
    }
  }

  @Test
  void a_chain_that_cannot_be_had_is_the_reason() {
    Refused refused = new Refused(Cause.CHAIN_NOT_REACHABLE, "as the source says");
    Verdict verdict =
        verify(
            changeset(RECORDS, TIMESTAMP, entry(GOOD)),
            List.of(),
            _ -> {
              throw refused;
            },
            TRUST);
    assertSame(refused, assertInstanceOf(Invalid.class, verdict).reason());
  }

  @Test
  void a_chain_is_verified_as_of_the_instant_whatever_its_source_did() {
    assertInstanceOf(Valid.class, asOf(CHAIN.leafEnd()));
    Verdict later = asOf(CHAIN.leafEnd().plusSeconds(1));
    assertEquals(Cause.EXPIRED, assertInstanceOf(Invalid.class, later).reason().cause());
  }

  private static Verdict asOf(Instant instant) {
    return verify(
        changeset(RECORDS, TIMESTAMP, entry(GOOD)),
        List.of(),
        _ -> chain("openssl/chain.pem"),
        trust(TRUST.roots(), instant));
  }

  @Test
  void a_chain_that_was_good_at_one_instant_is_not_good_at_every_other() {
    String changeset = changeset(RECORDS, TIMESTAMP, entry(GOOD));
    assertValid(changeset);
    Trust later = trust(TRUST.roots(), CHAIN.leafEnd().plusMillis(1));
    Invalid invalid =
        assertInstanceOf(Invalid.class, verify(changeset, List.of(), _ -> CHAIN, later));
    assertEquals(Cause.EXPIRED, invalid.reason().cause());
    assertValid(changeset);
  }

  @Test
  void the_right_key_under_a_forged_leaf_is_refused() {
    for (SigningAuthority.Defect defect :
        List.of(
            SigningAuthority.Defect.LEAF_SIGNED_BY_OTHER_KEY,
            SigningAuthority.Defect.OTHER_ROOT,
            SigningAuthority.Defect.LEAF_FOR_SERVERS)) {
      SigningAuthority authority = SigningAuthority.builder().now(NOW).defect(defect).build();
      Verdict verdict =
          verify(
              changeset(RECORDS, TIMESTAMP, entry(authority.sign(payload("good")))),
              List.of(),
              _ -> CertificateChain.parse(bytes(authority.chainPem())),
              trust(Set.of(authority.rootHash()), NOW));
      assertInstanceOf(Invalid.class, verdict, defect.toString());
    }
  }

  @Test
  void another_root_is_refused_and_no_root_leaves_it_to_the_caller() {
    String changeset = changeset(RECORDS, TIMESTAMP, entry(GOOD));
    Trust production = trust(Set.of(PRODUCTION), NOW);
    Refused refused =
        assertRefused(
            Cause.WRONG_ROOT,
            "the root is " + CHAIN.rootHash() + ", expected " + PRODUCTION,
            verify(changeset, List.of(), _ -> CHAIN, production));
    assertEquals(
        "stage or production? this root is not one of Mozilla's production, stage or dev",
        refused.advice().hint());
    assertInstanceOf(Valid.class, verify(changeset, List.of(), _ -> CHAIN, trust(Set.of(), NOW)));
  }

  // Signer

  private static final String OTHER_SIGNER =
      "the leaf's SAN is remote-settings.content-signature.mozilla.org,"
          + " expected onecrl.content-signature.mozilla.org";

  private static Trust asking(String signer, boolean demanded) {
    return new Trust(TRUST.roots(), signer, demanded, false, null, NOW);
  }

  @Test
  void another_signer_is_refused_where_the_signer_is_demanded() {
    String changeset = changeset(RECORDS, TIMESTAMP, entry(GOOD));
    Valid valid =
        assertInstanceOf(
            Valid.class, verify(changeset, List.of(), _ -> CHAIN, asking("remote-settings", true)));
    assertEquals(List.of(), valid.warnings());
    assertRefused(
        Cause.WRONG_SAN,
        OTHER_SIGNER,
        verify(changeset, List.of(), _ -> CHAIN, asking("onecrl", true)));
  }

  @Test
  void another_signer_is_a_warning_where_none_is_demanded() {
    String changeset = changeset(RECORDS, TIMESTAMP, entry(GOOD));
    Valid valid =
        assertInstanceOf(
            Valid.class, verify(changeset, List.of(), _ -> CHAIN, asking("onecrl", false)));
    assertEquals(
        List.of(
            "the leaf of main/a and 3 more is for remote-settings.content-signature.mozilla.org,"
                + " clients ask for onecrl.content-signature.mozilla.org"),
        valid.warnings().stream().map(warning -> warning.about("main/a and 3 more")).toList());
    Valid asked =
        assertInstanceOf(
            Valid.class,
            verify(changeset, List.of(), _ -> CHAIN, asking("remote-settings", false)));
    assertEquals(List.of(), asked.warnings());
  }

  @Test
  void a_leaf_without_the_name_of_any_signer_is_refused_everywhere() {
    SigningAuthority authority =
        SigningAuthority.builder()
            .now(NOW)
            .defect(SigningAuthority.Defect.LEAF_WITHOUT_NAME)
            .build();
    Map.of(true, "remote-settings", false, "NAME")
        .forEach((demanded, expected) ->
            assertRefused(
                Cause.WRONG_SAN,
                "the leaf's SAN is missing, expected %s.content-signature.mozilla.org"
                    .formatted(expected),
                verify(
                    changeset(RECORDS, TIMESTAMP, entry(authority.sign(payload("good")))),
                    List.of(),
                    _ -> CertificateChain.parse(bytes(authority.chainPem())),
                    new Trust(
                        Set.of(authority.rootHash()),
                        "remote-settings",
                        demanded,
                        false,
                        null,
                        NOW))));
  }

  @Test
  void another_signer_is_refused_under_a_built_in_root_whoever_pinned_it() {
    CertificateChain chain = chain("mozilla-stage-2021/chain.pem");
    Instant then = Instant.parse("2021-03-12T14:35:19Z");
    String text = Vectors.text("mozilla-stage-2021/changeset.json");
    for (Set<String> roots : List.of(Set.of(chain.rootHash()), Set.<String>of())) {
      assertInstanceOf(
          Valid.class,
          verify(
              text,
              List.of(),
              _ -> chain,
              new Trust(roots, "remote-settings", false, false, null, then)));
      assertRefused(
          Cause.WRONG_SAN,
          OTHER_SIGNER,
          verify(
              text, List.of(), _ -> chain, new Trust(roots, "onecrl", false, false, null, then)));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"\"onecrl\"", "\"\"", "null", "1", "true", "[]", "{\"id\": \"remote-settings\"}"})
  void the_signer_id_of_an_entry_decides_nothing(String signerId) {
    String entry = with("signer_id", signerId);
    assertValid(changeset(RECORDS, TIMESTAMP, entry));
    assertRefused(
        Cause.WRONG_SAN,
        OTHER_SIGNER,
        verify(
            changeset(RECORDS, TIMESTAMP, entry), List.of(), _ -> CHAIN, asking("onecrl", true)));
  }

  @Test
  void an_entry_may_leave_out_its_signer_id() {
    assertValid(changeset(RECORDS, TIMESTAMP, without("signer_id")));
  }

  // Several signatures

  @Test
  void one_valid_signature_is_enough_and_the_refused_ones_before_it_are_explained() {
    String bad = entry(base64(rawOfDer(der("good.other-key.signature"))));
    Verdict verdict =
        verify(changeset(RECORDS, TIMESTAMP, bad, "7", with("mode", "\"x\""), entry(GOOD)));
    Valid valid = assertInstanceOf(Valid.class, verdict);
    assertEquals(
        List.of(
            "the records differ from what was signed (6 records, timestamp 1795486758330)",
            "a signature is not an object",
            "its mode is x, which clients pass over"),
        valid.refused().stream().map(Refused::getMessage).toList());
    assertSame(CHAIN, valid.chain());
  }

  @Test
  void of_many_signatures_the_first_ten_are_tried() {
    String[] entries = new String[11];
    Arrays.fill(entries, "7");
    entries[9] = entry(GOOD);
    assertValid(changeset(RECORDS, TIMESTAMP, entries));
    entries[9] = "7";
    entries[10] = entry(GOOD);
    Invalid invalid =
        assertInstanceOf(Invalid.class, verify(changeset(RECORDS, TIMESTAMP, entries)));
    assertEquals("a signature is not an object", invalid.reason().getMessage());
    assertEquals(
        "there are 11 signatures, the first 10 were tried",
        invalid.refused().getLast().getMessage());
  }

  @Test
  void what_comes_after_a_valid_signature_is_not_looked_at() {
    Valid valid =
        assertInstanceOf(
            Valid.class, verify(changeset(RECORDS, TIMESTAMP, entry(GOOD), "null", "{}")));
    assertEquals(List.of(), valid.refused());
  }

  @Test
  void without_a_valid_signature_the_first_reason_is_the_one_to_show() {
    Verdict verdict =
        verify(changeset(RECORDS, TIMESTAMP, without("x5u"), "null", with("mode", "\"x\"")));
    Invalid invalid = assertInstanceOf(Invalid.class, verdict);
    assertEquals(
        List.of(
            "the signature's x5u is missing",
            "a signature is not an object",
            "its mode is x, which clients pass over"),
        invalid.refused().stream().map(Refused::getMessage).toList());
    assertEquals("the signature's x5u is missing", invalid.reason().getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\"signatures\": []",
        "\"signatures\": null",
        "\"signature\": null",
        "\"signature\": {}",
        "\"signatures\": [], \"signature\": {}"
      })
  void no_signature_is_missing(String members) {
    assertRefused(
        Cause.SIGNATURE_MISSING, "the signature is missing", document(RECORDS, TIMESTAMP, members));
  }

  // Modes

  private static final String BAD = entry(base64(rawOfDer(der("good.other-key.signature"))));
  private static final String OTHER_MODE = with("mode", "\"mldsa65\"");
  private static final String DIFFER =
      "the records differ from what was signed (6 records, timestamp 1795486758330)";

  static Stream<Bad> modes() {
    return Stream.of(
        mode("one", "mldsa65", OTHER_MODE),
        mode("capitals", "P384ECDSA", with("mode", "\"P384ECDSA\"")),
        mode("P-256", "p256ecdsa", with("mode", "\"p256ecdsa\"")),
        mode("no text", "", with("mode", "\"\"")),
        mode(
            "1000 characters", "m".repeat(200) + "…", with("mode", "\"" + "m".repeat(1000) + "\"")),
        mode("two", "mldsa65, x", OTHER_MODE + "," + with("mode", "\"x\"")),
        mode("twice the same", "mldsa65", OTHER_MODE + "," + OTHER_MODE),
        new Bad("before a bad one", OTHER_MODE + "," + BAD, Cause.RECORDS_DIFFER, DIFFER),
        new Bad("behind a bad one", BAD + "," + OTHER_MODE, Cause.RECORDS_DIFFER, DIFFER),
        bad("before a malformed one", OTHER_MODE + ", 7", "a signature is not an object"));
  }

  private static Bad mode(String name, String modes, String entries) {
    String reason = "no signature of a mode that clients verify (%s)".formatted(modes);
    return new Bad(name, entries, Cause.UNKNOWN_MODE, reason);
  }

  @ParameterizedTest
  @MethodSource("modes")
  void a_signature_of_another_mode_is_passed_over_and_the_cause_only_where_it_is_alone(Bad bad) {
    assertRefused(bad.cause, bad.reason, changeset(RECORDS, TIMESTAMP, bad.entry));
  }

  // What some clients do not take

  private static final String NOT_FIRST =
      "main/a: the valid signature is not the first one, which clients from before 2026 read";

  static Stream<Arguments> accepted() {
    String list = "\"signatures\": [%s]";
    String both = list + ", \"signature\": %s";
    String single =
        "main/a: the list of signatures is missing, and today's clients read nothing else";
    String no = "main/a: a signature has no %s, which Android and iOS need";
    return Stream.of(
        accepted("one", list.formatted(entry(GOOD))),
        accepted("one, in both places", both.formatted(entry(GOOD), entry(GOOD))),
        accepted("before another mode", list.formatted(entry(GOOD) + "," + OTHER_MODE)),
        accepted("before a bad one", list.formatted(entry(GOOD) + "," + BAD)),
        accepted("behind another mode", list.formatted(OTHER_MODE + "," + entry(GOOD)), NOT_FIRST),
        accepted("behind a bad one", list.formatted(BAD + "," + entry(GOOD)), NOT_FIRST),
        accepted("the other place is bad", both.formatted(entry(GOOD), BAD), NOT_FIRST),
        accepted(
            "the other place has the one behind a bad one",
            both.formatted(BAD + "," + entry(GOOD), entry(GOOD))),
        accepted("the other place is no object", both.formatted(entry(GOOD), "[]")),
        accepted("the older one", "\"signature\": " + entry(GOOD), single),
        accepted("no mode", list.formatted(without("mode")), no.formatted("mode")),
        accepted("mode null", list.formatted(with("mode", "null")), no.formatted("mode")),
        accepted(
            "no mode in the older one",
            "\"signature\": " + without("mode"),
            single,
            no.formatted("mode")),
        accepted(
            "another without anything",
            list.formatted(entry(GOOD) + ", {}"),
            no.formatted("mode"),
            no.formatted("x5u"),
            no.formatted("signature")));
  }

  private static Arguments accepted(String name, String members, String... warnings) {
    return Arguments.of(name, members, List.of(warnings));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("accepted")
  void a_valid_signature_that_some_clients_do_not_take_has_a_warning(
      String name, String members, List<String> warnings) {
    Verdict verdict =
        verify(document(RECORDS, TIMESTAMP, members), List.of(), _ -> CHAIN, ELSEWHERE);
    assertEquals(warnings, warnings(assertInstanceOf(Valid.class, verdict, name)), name);
  }

  private static List<String> warnings(Valid valid) {
    return valid.warnings().stream().map(warning -> warning.about("main/a")).toList();
  }

  @Test
  void an_earlier_signature_whose_chain_is_not_reachable_stops_some_clients() {
    String gone = with("x5u", "\"https://example.org/gone\"");
    Verdict verdict =
        verify(
            changeset(RECORDS, TIMESTAMP, gone, entry(GOOD)),
            List.of(),
            url -> {
              if (url.endsWith("/gone")) {
                throw new Refused(Cause.CHAIN_NOT_REACHABLE, "it is gone");
              }
              return CHAIN;
            },
            TRUST);
    assertEquals(
        List.of(
            NOT_FIRST, "main/a: Android and iOS stop at a signature whose chain is not reachable"),
        warnings(assertInstanceOf(Valid.class, verdict)));
  }

  @Test
  void a_chain_with_crlf_is_valid_with_a_warning() throws Refused {
    String pem = Vectors.text("openssl/chain.pem").replace("\n", "\r\n");
    CertificateChain chain = CertificateChain.parse(bytes(pem));
    Verdict verdict =
        verify(changeset(RECORDS, TIMESTAMP, entry(GOOD)), List.of(), _ -> chain, TRUST);
    assertEquals(
        List.of("the chain of main/a has CRLF line ends, which Android and iOS refuse"),
        warnings(assertInstanceOf(Valid.class, verdict)));
  }

  // The older single signature

  private static final String SINGLE = "\"signature\": " + entry(GOOD);
  private static final Trust ELSEWHERE =
      new Trust(TRUST.roots(), TRUST.signer(), true, false, null, NOW);

  @ParameterizedTest
  @ValueSource(strings = {"\"signatures\": [], ", "\"signatures\": null, "})
  void the_older_single_signature_is_refused_where_an_empty_list_is(String list) {
    assertRefused(
        Cause.SIGNATURE_MISSING,
        "the list of signatures is empty, and clients do not read the older single signature",
        verify(document(RECORDS, TIMESTAMP, list + SINGLE), List.of(), _ -> CHAIN, ELSEWHERE));
  }

  @Test
  void the_older_single_signature_is_refused_on_mozillas_hosts() {
    String changeset = document(RECORDS, TIMESTAMP, SINGLE);
    assertInstanceOf(Valid.class, verify(changeset, List.of(), _ -> CHAIN, ELSEWHERE));
    assertRefused(
        Cause.SIGNATURE_MISSING,
        "the list of signatures is missing, and clients do not read the older single signature",
        verify(
            changeset,
            List.of(),
            _ -> CHAIN,
            new Trust(TRUST.roots(), TRUST.signer(), true, true, null, NOW)));
  }

  @Test
  void where_there_is_a_list_the_older_single_signature_is_not_read() {
    assertRefused(
        Cause.MALFORMED_SIGNATURE,
        "a signature is not an object",
        document(RECORDS, TIMESTAMP, "\"signatures\": [null], " + SINGLE));
  }

  // No chain

  @Test
  void an_empty_x5u_is_a_cause_of_its_own() {
    Refused refused =
        assertRefused(
            Cause.NO_CHAIN,
            "no chain to verify (x5u is empty)",
            changeset(RECORDS, TIMESTAMP, with("x5u", "\"\"")));
    assertEquals(
        "a local signer of the server? --public-key FILE verifies what it signs",
        refused.advice().hint());
  }

  @Test
  void a_public_key_verifies_signatures_without_a_chain_and_only_such() throws Exception {
    PublicKey key =
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(bytes(Vectors.text("openssl/chain.pem"))))
            .getPublicKey();
    Trust trust = new Trust(Set.of(PRODUCTION), "remote-settings", true, true, key, NOW);
    String empty = with("x5u", "\"\"");
    Verdict verdict = verify(changeset(RECORDS, TIMESTAMP, empty), List.of(), _ -> CHAIN, trust);
    Valid valid = assertInstanceOf(Valid.class, verdict);
    assertNull(valid.chain());
    assertEquals(List.of("main/a: clients refuse a signature without a chain"), warnings(valid));
    assertRefused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (0 records, timestamp 1795486758330)",
        verify(changeset("[]", TIMESTAMP, empty), List.of(), _ -> CHAIN, trust));
    assertRefused(
        Cause.WRONG_ROOT,
        "the root is " + CHAIN.rootHash() + ", expected " + PRODUCTION,
        verify(changeset(RECORDS, TIMESTAMP, entry(GOOD)), List.of(), _ -> CHAIN, trust));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"text\"", "1", "true", "{}"})
  void signatures_that_are_no_list_are_malformed(String value) {
    assertRefused(
        Cause.MALFORMED_SIGNATURE,
        "a signature is not an object",
        document(RECORDS, TIMESTAMP, "\"signatures\": " + value));
  }

  @Test
  void an_entry_in_place_of_the_list_of_entries_is_malformed() {
    assertRefused(
        Cause.MALFORMED_SIGNATURE,
        "a signature is not an object",
        document(RECORDS, TIMESTAMP, "\"signatures\": " + entry(GOOD)));
    assertRefused(
        Cause.MALFORMED_SIGNATURE,
        "a signature is not an object",
        verify(
            document(RECORDS, TIMESTAMP, "\"signature\": [" + entry(GOOD) + "]"),
            List.of(),
            _ -> CHAIN,
            ELSEWHERE));
  }

  // Real ones

  @ParameterizedTest
  @ValueSource(strings = {"recorded", "search-config-v2", "search-telemetry-v2"})
  void the_real_changesets_of_kinto_are_valid(String name) {
    assertInstanceOf(Valid.class, kinto(Vectors.text("kinto-26/changeset-" + name + ".json")));
  }

  @Test
  void the_real_changeset_of_stage_was_valid_in_2021() {
    String text = Vectors.text("mozilla-stage-2021/changeset.json");
    Instant at = Instant.parse("2021-03-12T14:35:19Z");
    Trust then = trust(MozillaRoots.builtIn("firefox.settings.services.allizom.org", at), at);
    CertificateChain chain = chain("mozilla-stage-2021/chain.pem");
    assertInstanceOf(Valid.class, verify(text, List.of(), _ -> chain, then));

    String differs = "the records differ from what was signed (%s, timestamp %s)";
    assertRefused(
        Cause.RECORDS_DIFFER,
        differs.formatted("1 record", "1603992731957"),
        verify(
            text.replace("\"changes\": []", "\"changes\": [{\"id\": \"a\"}]"),
            List.of(),
            _ -> chain,
            then));
    String later = text.replace("\"timestamp\": 1603992731957", "\"timestamp\": 1603992731958");
    assertRefused(
        Cause.RECORDS_DIFFER,
        differs.formatted("0 records", "1603992731958"),
        verify(later, List.of(), _ -> chain, then));
    assertRefused(
        Cause.TIMESTAMP_DIFFERS,
        "the timestamp differs: 1603992731957 is signed, 1603992731958 is served",
        verify(later, List.of(1603992731957L), _ -> chain, then));
    assertRefused(
        Cause.EXPIRED,
        "the leaf expired on 2021-04-24 15:04:05 UTC, the intermediate expired on 2024-11-14"
            + " 20:48:59 UTC, the root expired on 2024-11-14 20:48:59 UTC (checked as of 2026-11-24"
            + " 12:00:00 UTC)",
        verify(text, List.of(), _ -> chain, trust(then.roots(), NOW)));
  }

  /**
   * Another parser says what an edit means: where its records without tombstones, its timestamp,
   * and text and mode of the signatures that count are as before, the edit touched white space or
   * what is not signed, and proves nothing; any other must not be valid. Where the metadata are as
   * before too, the signature must still be valid.
   */
  @ParameterizedTest
  @ValueSource(strings = {"recorded", "search-config-v2", "search-telemetry-v2"})
  void a_real_changeset_with_one_character_edited_is_refused(String name) {
    String good = Vectors.text("kinto-26/changeset-" + name + ".json");
    Object signed = signed(good);
    Object metadata = metadata(good);
    Random random = new Random(20261124);
    int changed = 0;
    for (int round = 0; round < 200; round++) {
      int place = random.nextInt(good.length());
      String edited = edited(good, place, random);
      String what =
          "%s, round %d, at %d: %s"
              .formatted(
                  name,
                  round,
                  place,
                  edited.substring(Math.max(0, place - 20), Math.min(edited.length(), place + 20)));
      boolean same = signed.equals(signed(edited));
      boolean harmless = same && metadata.equals(metadata(edited));
      changed += same ? 0 : 1;
      Verdict verdict = null;
      try {
        verdict = kinto(edited);
      } catch (UncheckedIOException e) {
        assertFalse(harmless, what + ": " + e.getCause());
      }
      if (!same) {
        assertFalse(verdict instanceof Valid, what);
      } else if (harmless) {
        assertInstanceOf(Valid.class, verdict, what);
      }
    }
    assertTrue(changed > 80, changed + " of 200 edits changed what is signed");
  }

  /** One character replaced, most often by one of its kind; removed; or inserted. */
  private static String edited(String text, int place, Random random) {
    char before = text.charAt(place);
    String kind =
        Character.isDigit(before)
            ? "0123456789"
            : Character.isLetter(before) ? "abcdefghijklmnopqrstuvwxyzABCDEF" : "{}[]\",: -.0e\\u";
    String other;
    do {
      other =
          random.nextInt(4) == 0
              ? String.valueOf((char) (' ' + random.nextInt(0x60)))
              : String.valueOf(kind.charAt(random.nextInt(kind.length())));
    } while (other.charAt(0) == before);
    int end =
        switch (random.nextInt(4)) {
          case 0 -> place; // insert
          case 1 -> {
            other = "";
            yield place + 1;
          }
          default -> place + 1;
        };
    return text.substring(0, place) + other + text.substring(end);
  }

  private static final JsonMapper OTHER_PARSER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  /** What the signature depends on, by another parser; a text if it is not a changeset. */
  private static Object signed(String json) {
    JsonNode document;
    try {
      document = OTHER_PARSER.readTree(json);
    } catch (JacksonException e) {
      return "no JSON: " + e.getMessage();
    }
    List<Object> records = new ArrayList<>();
    for (JsonNode record : document.path("changes")) {
      if (!isTruthy(record.path("deleted"))) {
        records.add(plain(record));
      }
    }
    JsonNode metadata = document.path("metadata");
    List<JsonNode> entries = new ArrayList<>();
    metadata.path("signatures").forEach(entries::add);
    if (entries.isEmpty()) {
      entries.add(metadata.path("signature"));
    }
    List<Object> signatures =
        entries.stream()
            .<Object>map(
                entry -> List.of(plain(entry.path("signature")), plain(entry.path("mode"))))
            .toList();
    return List.of(Set.copyOf(records), plain(document.path("timestamp")), signatures);
  }

  private static boolean isTruthy(JsonNode node) {
    return switch (node.getNodeType()) {
      case BOOLEAN -> node.booleanValue();
      case NUMBER -> node.decimalValue().signum() != 0;
      case STRING -> !node.asString().isEmpty();
      case ARRAY, OBJECT -> true;
      default -> false;
    };
  }

  private static Object metadata(String json) {
    return plain(OTHER_PARSER.readTree(json).path("metadata"));
  }

  /** A value that equals another if both mean the same: 1.0 and 1, whatever the order of keys. */
  private static Object plain(JsonNode node) {
    if (node.isObject()) {
      Map<String, Object> members = new TreeMap<>();
      node.properties().forEach(member -> members.put(member.getKey(), plain(member.getValue())));
      return members;
    }
    if (node.isArray()) {
      List<Object> values = new ArrayList<>();
      node.forEach(value -> values.add(plain(value)));
      return values;
    }
    if (node.isNumber()) {
      BigDecimal number = node.decimalValue();
      return number.signum() == 0 ? BigDecimal.ZERO : number.stripTrailingZeros();
    }
    return node.isMissingNode() ? "missing" : List.of(node.getNodeType(), node.asString());
  }

  private static Verdict kinto(String changeset) {
    return verify(changeset, List.of(), _ -> KINTO_CHAIN, trust(Set.of(KINTO_ROOT), NOW));
  }

  private static final CertificateChain KINTO_CHAIN = chain("kinto-26/chain.pem");
  private static final String KINTO_ROOT =
      "5E:36:F2:14:DE:82:3F:8B:29:96:89:23:5F:03:41:AC:AF:A0:75:AF:82:CB:4C:D4:30:7C:3D:B3:43:39:2A:FE";

  // Helpers

  /** As on Mozilla's hosts. */
  private static Trust trust(Set<String> roots, Instant at) {
    return new Trust(roots, "remote-settings", true, true, null, at);
  }

  private static void assertValid(String changeset) {
    Verdict verdict = verify(changeset);
    if (verdict instanceof Invalid invalid) {
      assertEquals("valid", invalid.reason().getMessage());
    }
  }

  private static Refused assertRefused(Cause cause, String reason, String changeset) {
    return assertRefused(cause, reason, verify(changeset));
  }

  private static Refused assertRefused(Cause cause, String reason, Verdict verdict) {
    Refused refused = assertInstanceOf(Invalid.class, verdict).reason();
    assertEquals(reason, refused.getMessage());
    assertEquals(cause, refused.cause());
    return refused;
  }

  private static Verdict verify(String changeset) {
    return verify(changeset, List.of());
  }

  private static Verdict verify(String changeset, Collection<Long> otherTimestamps) {
    return verify(changeset, otherTimestamps, _ -> CHAIN, TRUST);
  }

  private static Verdict verify(
      String json, Collection<Long> otherTimestamps, ChainSource chains, Trust trust) {
    Changeset changeset = read(json);
    return ContentSignature.verify(
        ContentSignature.signatures(changeset.metadata()),
        new Content(changeset.records(), changeset.timestamp(), otherTimestamps),
        chains,
        trust);
  }

  private static Changeset read(String json) {
    try {
      return Changesets.read(new ByteArrayInputStream(bytes(json)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String changeset(String changes, long timestamp, String... entries) {
    return document(changes, timestamp, "\"signatures\": [" + String.join(", ", entries) + "]");
  }

  private static String document(String changes, long timestamp, String members) {
    return "{\"metadata\": {%s}, \"timestamp\": %d, \"changes\": %s}"
        .formatted(members, timestamp, changes);
  }

  /** An entry as Autograph makes it. */
  private static String entry(String signature) {
    return entry(Map.of("signature", "\"" + signature + "\""));
  }

  /** A good entry but for one member, which is JSON text. */
  private static String with(String key, String value) {
    return entry(Map.of(key, value));
  }

  private static String without(String key) {
    return entry(Map.of(key, ""));
  }

  private static String entry(Map<String, String> changes) {
    Map<String, String> members = new HashMap<>();
    members.put("ref", "\"3a4jk7yvteqp83ig19m0m6niny\"");
    members.put("type", "\"contentsignaturepki\"");
    members.put("x5u", "\"https://example.org/chains/remote-settings\"");
    members.put("mode", "\"p384ecdsa\"");
    members.put("signer_id", "\"remote-settings\"");
    members.put("signature", "\"" + GOOD + "\"");
    members.putAll(changes);
    members.values().removeIf(String::isEmpty);
    return "{"
        + String.join(
            ", ",
            members.entrySet().stream()
                .map(member -> "\"%s\": %s".formatted(member.getKey(), member.getValue()))
                .toList())
        + "}";
  }

  /** The records of {@link #RECORDS}, each as JSON. */
  private static List<String> lines() {
    List<String> records = new ArrayList<>();
    OTHER_PARSER.readTree(RECORDS).forEach(record -> records.add(record.toString()));
    return records;
  }

  private static String changes(String name) {
    return Vectors.text("openssl/" + name + ".changes.json");
  }

  private static byte[] payload(String name) {
    byte[] json = bytes(Vectors.text("openssl/" + name + ".payload.json"));
    return join(bytes("Content-Signature:\0"), json);
  }

  private static byte[] der(String file) {
    return Base64.getDecoder().decode(Vectors.text("openssl/" + file).strip());
  }

  private static byte[] raw(String name) {
    return rawOfDer(der(name + ".signature"));
  }

  /** r and s out of {@code SEQUENCE { INTEGER r, INTEGER s }}, 48 bytes each (RFC 3279, 2.2.3). */
  private static byte[] rawOfDer(byte[] der) {
    assertEquals(0x30, der[0], "a sequence");
    assertEquals(der.length - 2, der[1], "of this length: " + HexFormat.of().formatHex(der));
    int rLength = der[3];
    int sLength = der[4 + rLength + 1];
    assertEquals(der.length, 6 + rLength + sLength, "nothing after s");
    BigInteger r = new BigInteger(Arrays.copyOfRange(der, 4, 4 + rLength));
    BigInteger s = new BigInteger(Arrays.copyOfRange(der, 6 + rLength, der.length));
    return join(fixed(r), fixed(s));
  }

  /** 48 bytes, big endian. */
  private static byte[] fixed(BigInteger number) {
    byte[] bytes = number.toByteArray();
    byte[] fixed = new byte[48];
    int length = Math.min(48, bytes.length);
    System.arraycopy(bytes, bytes.length - length, fixed, 48 - length, length);
    return fixed;
  }

  private static byte[] join(byte[] first, byte[] second) {
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    joined.writeBytes(first);
    joined.writeBytes(second);
    return joined.toByteArray();
  }

  private static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static int firstOf(String text, String characters) {
    for (int i = 0; i < text.length(); i++) {
      if (characters.indexOf(text.charAt(i)) >= 0) {
        return i;
      }
    }
    throw new AssertionError("the stored signature needs one of " + characters);
  }

  private static CertificateChain chain(String file) {
    try {
      return CertificateChain.parse(bytes(Vectors.text(file)));
    } catch (Refused e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
