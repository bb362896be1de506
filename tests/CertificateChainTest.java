//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.bouncycastle:bcpkix-jdk18on:1.87
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/signature/MozillaRoots.java
//SOURCES ../server/SigningAuthority.java
//SOURCES SampleChain.java Vectors.java

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.signature.CertificateChain;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import common.signature.MozillaRoots;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Chains by example, by mutation, and two real ones.
 *
 * <p>A bad chain differs from a good one in one field, so that it can only be refused for that; the
 * expected reason is written out in full. {@link SigningAuthority} makes the defects that the
 * embedded server can serve, {@link SampleChain} those that only this test needs.
 */
class CertificateChainTest {

  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  private static final Instant THEN = Instant.parse("2021-03-12T14:35:19Z");
  private static final String SIGNER = "remote-settings";
  private static final String HOST = "remote-settings.content-signature.mozilla.org";

  // From the contract, by hand.
  private static final String PRODUCTION =
      "C8:A8:0E:9A:FA:EF:4E:21:9B:6F:B5:D7:A7:1D:0F:10:12:23:BA:C5:00:1A:C2:8F:9B:0D:43:DC:59:A1:06:DB";
  private static final String STAGE =
      "3C:01:44:6A:BE:90:36:CE:A9:A0:9A:CA:A3:A5:20:AC:62:8F:20:A7:AE:32:CE:86:1C:B2:EF:B7:0F:A0:C7:45";
  private static final String KINTO_26 =
      "5E:36:F2:14:DE:82:3F:8B:29:96:89:23:5F:03:41:AC:AF:A0:75:AF:82:CB:4C:D4:30:7C:3D:B3:43:39:2A:FE";

  // A good chain

  @Test
  void a_good_chain_is_accepted() throws Exception {
    SigningAuthority authority = SigningAuthority.builder().now(NOW).build();
    CertificateChain chain = CertificateChain.parse(bytes(authority.chainPem()));
    chain.verify(NOW);
    chain.verifySigner(SIGNER);
    chain.verifySigner(null);
    chain.verifyRoot(Set.of(authority.rootHash()));
    assertEquals(authority.rootHash(), chain.rootHash());
    assertEquals(authority.leaf().getNotAfter().toInstant(), chain.leafEnd());
  }

  @Test
  void the_chain_that_the_samples_differ_from_is_accepted() {
    assertAccepted(new SampleChain().pem());
  }

  @Test
  void lines_around_the_certificates_are_passed_over() {
    String pem = new SampleChain().pem();
    assertAccepted(
        "# leaf\n" + pem.replace("-----BEGIN", "\nsubject=CN=\u00e9\n-----BEGIN") + "\n\n");
    assertAccepted(pem.stripTrailing());
  }

  @Test
  void a_chain_says_whether_a_certificate_has_lines_that_end_with_crlf() {
    String pem = new SampleChain().pem();
    assertFalse(parsed(pem).hasCrLf());
    assertTrue(parsed(pem.replace("\n", "\r\n")).hasCrLf());
    assertTrue(parsed(pem.replaceFirst("(\nMII.*)", "$1\r")).hasCrLf());
  }

  @Test
  void crlf_outside_the_base64_disturbs_no_client() {
    String pem = new SampleChain().pem();
    assertFalse(parsed("# leaf\r\n" + pem).hasCrLf());
    assertFalse(parsed(pem.replace("-----\n", "-----\r\n")).hasCrLf());
  }

  @Test
  void a_chain_that_is_not_utf_8_is_refused() {
    byte[] latin = ("# \u00e9\n" + new SampleChain().pem()).getBytes(StandardCharsets.ISO_8859_1);
    assertRefused(
        Cause.BROKEN_CHAIN,
        "the chain is not PEM: it is not UTF-8",
        () -> CertificateChain.parse(latin));
  }

  /** What Mozilla's chains have or may have, and what RFC 5280 leaves open. */
  static Stream<Good> harmless_variants() {
    return Stream.of(
        new Good("leaf without key usage", s -> s.leaf.without(Extension.keyUsage)),
        new Good(
            "leaf for servers and code signing",
            s -> s.leaf.purposes(KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_codeSigning)),
        new Good(
            "leaf with another name before the signer's",
            s ->
                s.leaf.names(
                    SampleChain.dns("other.content-signature.mozilla.org"), SampleChain.dns(HOST))),
        new Good(
            "leaf's name in capitals",
            s -> s.leaf.names(SampleChain.dns("REMOTE-SETTINGS.Content-Signature.Mozilla.ORG"))),
        new Good(
            "intermediate without extended key usage",
            s -> s.intermediate.without(Extension.extendedKeyUsage)),
        new Good(
            "intermediate that allows no other below it",
            s -> s.intermediate.constraints(new BasicConstraints(0))),
        new Good(
            "intermediate without name constraints",
            s -> s.intermediate.without(Extension.nameConstraints)),
        new Good("root for one intermediate", s -> s.root.constraints(new BasicConstraints(1))),
        new Good("root with a wider name constraint", s -> s.root.permits("mozilla.org")),
        new Good("root that signed itself with SHA-1", s -> s.root.hash = "SHA1"),
        new Good("leaf signed with SHA-256", s -> s.leaf.hash = "SHA256"),
        new Good("RSA root", s -> s.root.keys = SampleChain.rsa(2048)),
        new Good(
            "leaf signed with RSASSA-PSS",
            s -> {
              s.intermediate.keys = SampleChain.rsa(2048);
              s.leaf.scheme = "withRSAandMGF1";
            }),
        new Good("RSA intermediate", s -> s.intermediate.keys = SampleChain.rsa(2048)));
  }

  @ParameterizedTest
  @MethodSource("harmless_variants")
  void a_harmless_variant_is_accepted(Good good) {
    assertAccepted(new SampleChain().with(good.change).pem());
  }

  // One defect each

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          LEAF_NOT_YET_VALID | NOT_YET_VALID | the leaf is not valid before 2026-11-25 12:00:00 UTC (checked as of 2026-11-24 12:00:00 UTC)
          LEAF_EXPIRED | EXPIRED | the leaf expired on 2026-11-23 12:00:00 UTC (checked as of 2026-11-24 12:00:00 UTC)
          INTERMEDIATE_NOT_YET_VALID | NOT_YET_VALID | the intermediate is not valid before 2026-11-25 12:00:00 UTC (checked as of 2026-11-24 12:00:00 UTC)
          INTERMEDIATE_EXPIRED | EXPIRED | the intermediate expired on 2026-11-23 12:00:00 UTC (checked as of 2026-11-24 12:00:00 UTC)
          ROOT_NOT_YET_VALID | NOT_YET_VALID | the root is not valid before 2026-11-25 12:00:00 UTC (checked as of 2026-11-24 12:00:00 UTC)
          ROOT_EXPIRED | EXPIRED | the root expired on 2026-11-23 12:00:00 UTC (checked as of 2026-11-24 12:00:00 UTC)
          LEAF_FOR_SERVERS | WRONG_USAGE | the leaf's extended key usage is [1.3.6.1.5.5.7.3.1], expected code signing
          LEAF_WITHOUT_EXTENDED_KEY_USAGE | WRONG_USAGE | the leaf's extended key usage is missing, expected code signing
          LEAF_WITHOUT_DIGITAL_SIGNATURE | WRONG_USAGE | the leaf's key usage lacks digital signature
          LEAF_OF_OTHER_SIGNER | WRONG_SAN | the leaf's SAN is someone-else.content-signature.mozilla.org, expected remote-settings.content-signature.mozilla.org
          LEAF_WITHOUT_NAME | WRONG_SAN | the leaf's SAN is missing, expected remote-settings.content-signature.mozilla.org
          LEAF_OUTSIDE_NAME_CONSTRAINT | BROKEN_CHAIN | the leaf's names break the name constraints above it
          LEAF_RSA | WRONG_KEY | the leaf's key is RSA, expected EC P-384
          LEAF_P256 | WRONG_KEY | the leaf's key is EC P-256, expected EC P-384
          LEAF_SIGNED_BY_OTHER_KEY | BROKEN_CHAIN | the leaf is not signed by the intermediate
          LEAF_WITH_UNKNOWN_CRITICAL_EXTENSION | BROKEN_CHAIN | the leaf is refused: unrecognized critical extension(s)
          INTERMEDIATE_NOT_A_CA | BROKEN_CHAIN | the intermediate is not a CA certificate
          INTERMEDIATE_WITHOUT_BASIC_CONSTRAINTS | BROKEN_CHAIN | the intermediate is not a CA certificate
          INTERMEDIATE_WITHOUT_CERT_SIGN | BROKEN_CHAIN | the intermediate's key usage lacks certificate signing
          INTERMEDIATE_FOR_SERVERS | WRONG_USAGE | the intermediate's extended key usage is [1.3.6.1.5.5.7.3.1], expected code signing
          INTERMEDIATE_WITH_UNKNOWN_CRITICAL_EXTENSION | BROKEN_CHAIN | the intermediate is refused: unrecognized critical extension(s)
          ROOT_NOT_A_CA | BROKEN_CHAIN | the root is not a CA certificate
          ROOT_WITH_PATH_LENGTH_ZERO | BROKEN_CHAIN | the intermediate exceeds the path length of the certificate above it
          ROOT_NOT_SELF_SIGNED | BROKEN_CHAIN | the root is not self-signed: issued by CN=above the root, O=Mozilla, L=Mountain View, ST=CA, C=US
          OTHER_ROOT | BROKEN_CHAIN | the intermediate is not signed by the root
          MISSING_INTERMEDIATE | BROKEN_CHAIN | the chain has 2 certificates, expected 3 (leaf, intermediate, root)
          MISSING_ROOT | BROKEN_CHAIN | the chain has 2 certificates, expected 3 (leaf, intermediate, root)
          EXTRA_CERTIFICATE | BROKEN_CHAIN | the chain has 4 certificates, expected 3 (leaf, intermediate, root)
          WRONG_ORDER | BROKEN_CHAIN | the certificates are in the wrong order, expected leaf, intermediate, root
          """)
  void a_chain_with_one_defect_is_refused_for_it(
      SigningAuthority.Defect defect, Cause cause, String reason) {
    assertRefused(
        bad(cause, reason), SigningAuthority.builder().now(NOW).defect(defect).build().chainPem());
  }

  static Stream<Bad> defects() {
    return Stream.of(
        new Bad(
            "leaf that is a CA",
            s -> s.leaf.constraints(new BasicConstraints(true)),
            Cause.WRONG_USAGE,
            "the leaf is a CA certificate"),
        new Bad(
            "leaf on P-521",
            s -> s.leaf.keys = SampleChain.ec("secp521r1"),
            Cause.WRONG_KEY,
            "the leaf's key is EC P-521, expected EC P-384"),
        new Bad(
            "leaf on another curve of 384 bits",
            s -> s.leaf.keys = SampleChain.ec("brainpoolP384r1"),
            Cause.WRONG_KEY,
            "the leaf's key is EC on another curve of 384 bits, expected EC P-384"),
        new Bad(
            "leaf with an Edwards key",
            s -> s.leaf.keys = SampleChain.keys("Ed25519"),
            Cause.WRONG_KEY,
            "the leaf's key is EdDSA, expected EC P-384"),
        new Bad(
            "leaf for any purpose",
            s -> s.leaf.purposes(KeyPurposeId.anyExtendedKeyUsage),
            Cause.WRONG_USAGE,
            "the leaf's extended key usage is [2.5.29.37.0], expected code signing"),
        new Bad(
            "leaf whose extended key usage is not a list",
            s -> s.leaf.garbled(Extension.extendedKeyUsage),
            Cause.BROKEN_CHAIN,
            "the leaf's extended key usage cannot be parsed"),
        // not critical, so that the JDK passes over what it cannot parse
        new Bad(
            "leaf whose key usage is not a list of bits",
            s -> s.leaf.garbled(Extension.keyUsage),
            Cause.BROKEN_CHAIN,
            "the leaf's key usage cannot be parsed"),
        new Bad(
            "intermediate whose extended key usage is not a list",
            s -> s.intermediate.garbled(Extension.extendedKeyUsage),
            Cause.BROKEN_CHAIN,
            "the intermediate's extended key usage cannot be parsed"),
        new Bad(
            "intermediate whose name constraints are none",
            s -> s.intermediate.garbled(Extension.nameConstraints),
            Cause.BROKEN_CHAIN,
            "the intermediate's name constraints cannot be parsed"),
        new Bad(
            "root whose name constraints are none",
            s -> s.root.garbled(Extension.nameConstraints),
            Cause.BROKEN_CHAIN,
            "the root's name constraints cannot be parsed"),
        // the JDK would take the common name for a DNS name then, and this one is not permitted
        new Bad(
            "leaf without names and of another common name",
            s -> {
              s.leaf.without(Extension.subjectAlternativeName);
              s.leaf.subject = SampleChain.name("example.org");
            },
            Cause.WRONG_SAN,
            "the leaf's SAN is missing, expected " + HOST),
        new Bad(
            "leaf whose names are not a list",
            s -> s.leaf.garbled(Extension.subjectAlternativeName),
            Cause.BROKEN_CHAIN,
            "the leaf's subject alternative name cannot be parsed"),
        // The common name is right, but clients look at the SAN alone. The JDK's check of name
        // constraints adds the common name to a SAN without DNS names.
        new Bad(
            "leaf whose name is an address of a page",
            s ->
                s.leaf.names(
                    new GeneralName(
                        GeneralName.uniformResourceIdentifier, "https://" + HOST + "/")),
            Cause.WRONG_SAN,
            "the leaf's SAN is missing, expected " + HOST),
        new Bad(
            "leaf whose name goes on after the domain",
            s -> {
              s.intermediate.without(Extension.nameConstraints);
              s.leaf.names(SampleChain.dns(HOST + ".example.org"));
            },
            Cause.WRONG_SAN,
            "the leaf's SAN is " + HOST + ".example.org, expected " + HOST),
        new Bad(
            "leaf for every signer",
            s -> s.leaf.names(SampleChain.dns("*.content-signature.mozilla.org")),
            Cause.WRONG_SAN,
            "the leaf's SAN is *.content-signature.mozilla.org, expected " + HOST),
        new Bad(
            "leaf of two other signers",
            s ->
                s.leaf.names(
                    SampleChain.dns("onecrl.content-signature.mozilla.org"),
                    SampleChain.dns("a.remote-settings.content-signature.mozilla.org")),
            Cause.WRONG_SAN,
            "the leaf's SAN is onecrl.content-signature.mozilla.org,"
                + " a.remote-settings.content-signature.mozilla.org, expected "
                + HOST),
        new Bad(
            "second name outside the name constraint",
            s -> s.leaf.names(SampleChain.dns(HOST), SampleChain.dns("example.org")),
            Cause.BROKEN_CHAIN,
            "the leaf's names break the name constraints above it"),
        new Bad(
            "name that the intermediate excludes",
            s ->
                s.intermediate.constrainNames(
                    SampleChain.subtree(".content-signature.mozilla.org"),
                    SampleChain.subtree(HOST)),
            Cause.BROKEN_CHAIN,
            "the leaf's names break the name constraints above it"),
        new Bad(
            "name that the root excludes",
            s -> s.root.constrainNames(null, SampleChain.subtree("mozilla.org")),
            Cause.BROKEN_CHAIN,
            "the leaf's names break the name constraints above it"),
        new Bad(
            "intermediate without key usage",
            s -> s.intermediate.without(Extension.keyUsage),
            Cause.BROKEN_CHAIN,
            "the intermediate's key usage lacks certificate signing"),
        new Bad(
            "root without key usage",
            s -> s.root.without(Extension.keyUsage),
            Cause.BROKEN_CHAIN,
            "the root's key usage lacks certificate signing"),
        new Bad(
            "root whose key usage is to sign",
            s -> s.root.usage(KeyUsage.digitalSignature),
            Cause.BROKEN_CHAIN,
            "the root's key usage lacks certificate signing"),
        new Bad(
            "root without basic constraints",
            s -> s.root.without(Extension.basicConstraints),
            Cause.BROKEN_CHAIN,
            "the root is not a CA certificate"),
        new Bad(
            "root of X.509 version 1",
            s -> s.root.isVersion1 = true,
            Cause.BROKEN_CHAIN,
            "the root is not a CA certificate"),
        // what PKIX allows and Firefox does not (its CSTrustDomain)
        new Bad(
            "leaf signed with SHA-1",
            s -> s.leaf.hash = "SHA1",
            Cause.BROKEN_CHAIN,
            "the leaf is signed with SHA1withECDSA, expected ECDSA or RSA with SHA-256, -384 or"
                + " -512"),
        new Bad(
            "intermediate signed with SHA-1",
            s -> s.intermediate.hash = "SHA1",
            Cause.BROKEN_CHAIN,
            "the intermediate is signed with SHA1withECDSA, expected ECDSA or RSA with SHA-256,"
                + " -384 or -512"),
        new Bad(
            "leaf signed with SHA-1 behind RSASSA-PSS",
            s -> {
              s.intermediate.keys = SampleChain.rsa(2048);
              s.leaf.hash = "SHA1";
              s.leaf.scheme = "withRSAandMGF1";
            },
            Cause.BROKEN_CHAIN,
            "the leaf is signed with RSASSA-PSS of unusual parameters, expected ECDSA or RSA with"
                + " SHA-256, -384 or -512"),
        new Bad(
            "short RSA key of the root",
            s -> s.root.keys = SampleChain.rsa(1024),
            Cause.BROKEN_CHAIN,
            "the root's key is RSA of 1024 bits, expected 2048 or more"),
        new Bad(
            "short RSA key of the intermediate",
            s -> s.intermediate.keys = SampleChain.rsa(1024),
            Cause.BROKEN_CHAIN,
            "the intermediate's key is RSA of 1024 bits, expected 2048 or more"),
        new Bad(
            "root with an unknown critical extension",
            s -> s.root.unknownCritical(),
            Cause.BROKEN_CHAIN,
            "the root is refused: unrecognized critical extension(s)"),
        new Bad(
            "intermediate for any purpose",
            s -> s.intermediate.purposes(KeyPurposeId.anyExtendedKeyUsage),
            Cause.WRONG_USAGE,
            "the intermediate's extended key usage is [2.5.29.37.0], expected code signing"),
        new Bad(
            "root signed by another key in its own name",
            s -> s.root.signer = new SampleChain().root,
            Cause.BROKEN_CHAIN,
            "the root is not self-signed"),
        new Bad(
            "intermediate signed by another key in the root's name",
            s -> s.intermediate.signer = new SampleChain().root,
            Cause.BROKEN_CHAIN,
            "the intermediate is not signed by the root"),
        new Bad(
            "leaf signed by the root's key in the intermediate's name",
            s -> s.leaf.signer = s.root,
            Cause.BROKEN_CHAIN,
            "the leaf is not signed by the intermediate"),
        new Bad(
            "leaf issued by another intermediate",
            s -> s.leaf.issuer = SampleChain.name("another intermediate"),
            Cause.BROKEN_CHAIN,
            "the leaf was issued by CN=another intermediate, but the intermediate is CN=the"
                + " intermediate"),
        new Bad(
            "intermediate issued by another root",
            s -> s.intermediate.issuer = SampleChain.name("another root"),
            Cause.BROKEN_CHAIN,
            "the intermediate was issued by CN=another root, but the root is CN=the root"));
  }

  @ParameterizedTest
  @MethodSource("defects")
  void a_sample_with_one_defect_is_refused_for_it(Bad bad) {
    assertRefused(bad, new SampleChain().with(bad.change).pem());
  }

  @Test
  void the_certificates_of_two_chains_do_not_mix() {
    List<String> ours = new SampleChain().pems();
    List<String> theirs = new SampleChain().pems();
    assertRefused(
        bad(Cause.BROKEN_CHAIN, "the leaf is not signed by the intermediate"),
        theirs.get(0) + ours.get(1) + ours.get(2));
    assertRefused(
        bad(Cause.BROKEN_CHAIN, "the intermediate is not signed by the root"),
        ours.get(0) + ours.get(1) + theirs.get(2));
    assertRefused(
        bad(Cause.BROKEN_CHAIN, "the intermediate is not signed by the root"),
        theirs.get(0) + theirs.get(1) + ours.get(2));
  }

  @Test
  void three_certificates_in_any_other_order_are_refused() {
    List<String> good = new SampleChain().pems();
    int[][] orders = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int[] order : orders) {
      assertRefused(
          bad(
              Cause.BROKEN_CHAIN,
              "the certificates are in the wrong order, expected leaf, intermediate, root"),
          good.get(order[0]) + good.get(order[1]) + good.get(order[2]));
    }
  }

  @Test
  void a_certificate_twice_does_not_stand_for_a_missing_one() {
    List<String> good = new SampleChain().pems();
    String leaf = good.get(0);
    String intermediate = good.get(1);
    String root = good.get(2);
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the leaf was issued by CN=the intermediate, but the intermediate is CN=the root"),
        leaf + root + root);
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the intermediate was issued by CN=the root, but the root is CN=the intermediate"),
        leaf + intermediate + intermediate);
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the leaf was issued by CN=the intermediate, but the intermediate is CN=" + HOST),
        leaf + leaf + root);
    assertRefused(bad(Cause.WRONG_USAGE, "the leaf is a CA certificate"), root + root + root);
  }

  @Test
  void a_leaf_right_below_the_root_is_refused_with_two_certificates() {
    SampleChain sample = new SampleChain();
    sample.leaf.issuer = SampleChain.name("the root");
    sample.leaf.signer = sample.root;
    List<String> pems = sample.pems();
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the chain has 2 certificates, expected 3 (leaf, intermediate, root)"),
        pems.get(0) + pems.get(2));
  }

  // Dates

  private static final Instant FROM = Instant.parse("2026-10-01T08:09:10Z");
  private static final Instant TO = Instant.parse("2026-10-30T18:19:20Z");

  /** The other two certificates are valid for longer at both ends. */
  static Stream<Arguments> certificates_of_that_validity() {
    return Stream.of(
        Arguments.of("leaf", authority().leafValidity(FROM, TO)),
        Arguments.of("intermediate", authority().intermediateValidity(FROM, TO)),
        Arguments.of("root", authority().rootValidity(FROM, TO)));
  }

  private static SigningAuthority.Builder authority() {
    return SigningAuthority.builder()
        .now(NOW)
        .leafValidity(FROM.minusSeconds(60), TO.plusSeconds(60));
  }

  /** Both ends belong to a validity; certificates know whole seconds, the clock milliseconds. */
  @ParameterizedTest
  @MethodSource("certificates_of_that_validity")
  void each_certificate_is_valid_to_the_millisecond(String name, SigningAuthority.Builder builder)
      throws Exception {
    CertificateChain chain = parsed(builder.build().chainPem());
    chain.verify(FROM);
    chain.verify(FROM.plusMillis(1));
    chain.verify(TO.minusMillis(1));
    chain.verify(TO);
    assertRefused(
        Cause.NOT_YET_VALID,
        "the "
            + name
            + " is not valid before 2026-10-01 08:09:10 UTC (checked as of 2026-10-01 08:09:09"
            + " UTC)",
        () -> chain.verify(FROM.minusMillis(1)));
    assertRefused(
        Cause.EXPIRED,
        "the "
            + name
            + " expired on 2026-10-30 18:19:20 UTC (checked as of 2026-10-30 18:19:20 UTC)",
        () -> chain.verify(TO.plusMillis(1)));
  }

  @Test
  void every_certificate_out_of_its_validity_is_named() {
    Instant yesterday = Instant.parse("2026-11-23T12:00:00Z");
    Instant lastYear = Instant.parse("2025-01-02T03:04:05Z");
    Instant tomorrow = Instant.parse("2026-11-25T12:00:00Z");
    Instant nextYear = Instant.parse("2027-01-02T03:04:05Z");
    assertRefused(
        bad(
            Cause.EXPIRED,
            "the leaf expired on 2026-11-23 12:00:00 UTC, the root expired on 2025-01-02 03:04:05"
                + " UTC (checked as of 2026-11-24 12:00:00 UTC)"),
        SigningAuthority.builder()
            .now(NOW)
            .leafValidity(lastYear, yesterday)
            .rootValidity(Instant.EPOCH, lastYear)
            .build()
            .chainPem());
    assertRefused(
        bad(
            Cause.NOT_YET_VALID,
            "the leaf is not valid before 2026-11-25 12:00:00 UTC, the intermediate is not valid"
                + " before 2027-01-02 03:04:05 UTC, the root expired on 2026-11-23 12:00:00 UTC"
                + " (checked as of 2026-11-24 12:00:00 UTC)"),
        SigningAuthority.builder()
            .now(NOW)
            .leafValidity(tomorrow, nextYear)
            .intermediateValidity(nextYear, nextYear)
            .rootValidity(lastYear, yesterday)
            .build()
            .chainPem());
  }

  @Test
  void moments_far_away_are_refused_like_others() {
    CertificateChain chain = parsed(new SampleChain().pem());
    assertEquals(
        Cause.EXPIRED,
        assertThrows(Refused.class, () -> chain.verify(Instant.parse("+999999999-12-31T23:59:59Z")))
            .cause());
    assertEquals(
        Cause.NOT_YET_VALID,
        assertThrows(Refused.class, () -> chain.verify(Instant.parse("-999999999-01-01T00:00:00Z")))
            .cause());
    String ides =
        assertThrows(Refused.class, () -> chain.verify(Instant.parse("-0044-03-15T00:00:00Z")))
            .getMessage();
    assertTrue(ides.endsWith("(checked as of -0044-03-15 00:00:00 UTC)"), ides);
  }

  // PEM

  @Test
  void an_empty_chain_is_named_so() {
    assertRefused(bad(Cause.BROKEN_CHAIN, "the chain is empty"), "");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\n",
        "<!doctype html><title>404 Not Found</title>",
        "{\"code\":404}",
        "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n",
        "-----BEGIN TRUSTED CERTIFICATE-----\nMIG2\n-----END TRUSTED CERTIFICATE-----\n"
      })
  void text_without_certificates_is_not_pem(String text) {
    assertRefused(bad(Cause.BROKEN_CHAIN, "the chain is not PEM: no certificate in it"), text);
  }

  @Test
  void certificates_in_der_are_not_pem() {
    byte[] der = ders(new SampleChain().pem()).getFirst();
    assertRefused(
        Cause.BROKEN_CHAIN,
        "the chain is not PEM: it is not UTF-8",
        () -> CertificateChain.parse(der));
  }

  @Test
  void a_chain_that_ends_within_a_certificate_is_refused() {
    List<String> pems = new SampleChain().pems();
    String before = "";
    for (String pem : pems) {
      int begin = "-----BEGIN CERTIFICATE-----".length();
      for (int length = begin; length < pem.strip().length(); length += 7) {
        assertRefused(
            bad(Cause.BROKEN_CHAIN, "the chain is not PEM: a certificate has no end"),
            before + pem.substring(0, length));
      }
      before += pem;
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0 | the chain is not PEM: no certificate in it
          1 | the chain has 1 certificate, expected 3 (leaf, intermediate, root)
          2 | the chain has 2 certificates, expected 3 (leaf, intermediate, root)
          """)
  void a_chain_that_ends_within_the_first_line_of_a_certificate_is_refused(
      int whole, String reason) {
    List<String> pems = new SampleChain().pems();
    String before = String.join("", pems.subList(0, whole));
    for (int length = 1; length < "-----BEGIN CERTIFICATE".length(); length++) {
      assertRefused(bad(Cause.BROKEN_CHAIN, reason), before + pems.get(whole).substring(0, length));
    }
  }

  @Test
  void a_certificate_that_begins_within_another_is_refused() {
    List<String> good = new SampleChain().pems();
    String open = good.get(0).replace("-----END CERTIFICATE-----\n", "");
    assertRefused(
        bad(Cause.BROKEN_CHAIN, "the chain is not PEM: a certificate has no end"),
        open + good.get(1) + good.get(2));
  }

  @Test
  void one_certificate_is_counted_in_the_singular() {
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the chain has 1 certificate, expected 3 (leaf, intermediate, root)"),
        new SampleChain().pems().getFirst());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "MIIB", "AAAA", "TUlJQg==", "MIIB\n\nMIIB"})
  void a_block_that_holds_no_certificate_is_named_by_its_place(String garbage) {
    String block = "-----BEGIN CERTIFICATE-----\n" + garbage + "\n-----END CERTIFICATE-----\n";
    for (int place = 0; place < 3; place++) {
      List<String> pems = new ArrayList<>(new SampleChain().pems());
      pems.set(place, block);
      assertRefused(
          bad(Cause.BROKEN_CHAIN, "certificate " + (place + 1) + " of the chain cannot be parsed"),
          String.join("", pems));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"!!!!", "M", "TUlJQg=", "MIIB==\nMIIB", "MI IB", "MII\u00e9"})
  void a_block_that_is_not_base64_is_named_by_its_place(String garbage) {
    String block = "-----BEGIN CERTIFICATE-----\n" + garbage + "\n-----END CERTIFICATE-----\n";
    for (int place = 0; place < 3; place++) {
      List<String> pems = new ArrayList<>(new SampleChain().pems());
      pems.set(place, block);
      assertRefused(
          bad(
              Cause.BROKEN_CHAIN,
              "certificate " + (place + 1) + " of the chain is not base64 as clients read it"),
          String.join("", pems));
    }
  }

  @Test
  void a_block_that_holds_more_than_one_certificate_is_refused() {
    List<String> good = new SampleChain().pems();
    byte[] der = ders(good.getFirst()).getFirst();
    byte[] more = Arrays.copyOf(der, der.length + 1);
    String whole =
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getEncoder().encodeToString(bytes(good.getFirst()))
            + "\n-----END CERTIFICATE-----\n";
    for (String block : List.of(SampleChain.pem(more), whole)) {
      assertRefused(
          bad(Cause.BROKEN_CHAIN, "certificate 1 of the chain cannot be parsed"),
          block + good.get(1) + good.get(2));
    }
  }

  // Signers

  @ParameterizedTest
  @ValueSource(
      strings = {
        "remote-settings.content-signature.mozilla.org",
        "onecrl.content-signature.mozilla.org",
        "X.Content-Signature.Mozilla.Org"
      })
  void any_signer_is_one_label_before_the_domain(String name) throws Exception {
    parsed(named(name)).verifySigner(null);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a.b.content-signature.mozilla.org",
        "*.content-signature.mozilla.org",
        "r*.content-signature.mozilla.org",
        ".content-signature.mozilla.org",
        "content-signature.mozilla.org",
        "xcontent-signature.mozilla.org",
        "mozilla.org",
        "remote-settings.content-signature.mozilla.org.example.org",
        "remote-settings.content-signature.mozilla.com"
      })
  void any_signer_is_nothing_else(String name) {
    CertificateChain chain = parsed(named(name));
    assertRefused(
        Cause.WRONG_SAN,
        "the leaf's SAN is " + name + ", expected NAME.content-signature.mozilla.org",
        () -> chain.verifySigner(null));
  }

  @Test
  void a_signer_is_the_whole_label() {
    CertificateChain chain = parsed(new SampleChain().pem());
    for (String other : List.of("onecrl", "settings", "remote", "", "*", "a.remote-settings")) {
      assertRefused(
          Cause.WRONG_SAN,
          "the leaf's SAN is " + HOST + ", expected " + other + ".content-signature.mozilla.org",
          () -> chain.verifySigner(other));
    }
  }

  /** Unicode takes the Kelvin sign for a K, the long s for an S, and the dotless i for an I. */
  @ParameterizedTest
  @ValueSource(strings = {"\u212aits", "k\u0131ts", "kit\u017f", "k\u0130ts"})
  void a_signer_is_compared_in_ascii(String signer) throws Exception {
    CertificateChain chain = parsed(named("Kits.content-signature.mozilla.org"));
    chain.verifySigner("kits");
    assertEquals(
        Cause.WRONG_SAN, assertThrows(Refused.class, () -> chain.verifySigner(signer)).cause());
  }

  // Roots

  @Test
  void the_root_hash_is_the_sha_256_of_its_der() throws Exception {
    List<String> pems = new SampleChain().pems();
    byte[] der = ders(pems.get(2)).getFirst();
    String hash =
        HexFormat.ofDelimiter(":")
            .withUpperCase()
            .formatHex(MessageDigest.getInstance("SHA-256").digest(der));
    CertificateChain chain = parsed(String.join("", pems));
    assertEquals(hash, chain.rootHash());
    chain.verifyRoot(Set.of(PRODUCTION, hash));
  }

  @Test
  void an_unknown_root_is_refused_with_every_hash_that_would_do() {
    SigningAuthority authority = SigningAuthority.builder().now(NOW).build();
    CertificateChain chain = parsed(authority.chainPem());
    Set<String> trusted = new LinkedHashSet<>(List.of(PRODUCTION, STAGE));
    Refused refused =
        assertRefused(
            Cause.WRONG_ROOT,
            "the root is " + authority.rootHash() + ", expected " + PRODUCTION + " or " + STAGE,
            () -> chain.verifyRoot(trusted));
    assertEquals(
        "stage or production? this root is not one of Mozilla's production, stage or dev",
        refused.advice().hint());
  }

  @Test
  void a_root_of_the_same_name_is_another_root() {
    String ours = parsed(new SampleChain().pem()).rootHash();
    CertificateChain theirs = parsed(new SampleChain().pem());
    assertRefused(
        Cause.WRONG_ROOT,
        "the root is " + theirs.rootHash() + ", expected " + ours,
        () -> theirs.verifyRoot(Set.of(ours)));
  }

  @Test
  void no_root_is_trusted_when_none_is_given() {
    assertThrows(Refused.class, () -> parsed(new SampleChain().pem()).verifyRoot(Set.of()));
  }

  // Warnings

  @ParameterizedTest
  @CsvSource({
    "1, P7D",
    "29, P7D",
    "69, P7D",
    "70, P7D",
    "71, P7DT2H24M",
    "80, P8D",
    "365, P36DT12H",
    "599, P59DT21H36M",
    "600, P60D",
    "601, P60D",
    "3650, P60D"
  })
  void the_usual_warning_is_a_tenth_of_the_lifetime_from_7_to_60_days(int days, Duration expected) {
    Instant from = Instant.parse("2026-11-24T00:00:00Z");
    SigningAuthority authority =
        SigningAuthority.builder()
            .now(NOW)
            .leafValidity(from, from.plus(Duration.ofDays(days)))
            .build();
    CertificateChain chain = parsed(authority.chainPem());
    assertEquals(expected, chain.certificates().getFirst().defaultWarningPeriod());
    assertEquals(from.plus(Duration.ofDays(days)), chain.leafEnd());
  }

  // Real chains

  @Test
  void the_real_chain_of_stage_was_valid_in_2021() throws Exception {
    CertificateChain chain = parsed(Vectors.text("mozilla-stage-2021/chain.pem"));
    chain.verify(THEN);
    chain.verifySigner(SIGNER);
    chain.verifySigner(null);
    chain.verifyRoot(MozillaRoots.builtIn("firefox.settings.services.allizom.org", THEN));
    assertEquals(STAGE, chain.rootHash());
    assertEquals(Instant.parse("2021-04-24T15:04:05Z"), chain.leafEnd());
    assertEquals(
        List.of("leaf", "intermediate", "root"),
        chain.certificates().stream().map(CertificateChain.Certificate::role).toList());
    assertEquals(
        List.of(Duration.ofDays(8), Duration.ofDays(60), Duration.ofDays(60)),
        chain.certificates().stream()
            .map(CertificateChain.Certificate::defaultWarningPeriod)
            .toList());
    assertEquals(
        List.of("2021-02-03T15:04:05Z", "2021-01-11T00:00:00Z", "2021-02-11T20:48:59Z"),
        chain.certificates().stream().map(it -> it.start().toString()).toList());
    assertEquals(
        List.of("2021-04-24T15:04:05Z", "2024-11-14T20:48:59Z", "2024-11-14T20:48:59Z"),
        chain.certificates().stream().map(it -> it.end().toString()).toList());
    assertEquals(STAGE, chain.certificates().getLast().hash());
  }

  @Test
  void the_real_chain_of_stage_is_expired_today_all_three() {
    assertRefused(
        bad(
            Cause.EXPIRED,
            "the leaf expired on 2021-04-24 15:04:05 UTC, the intermediate expired on 2024-11-14"
                + " 20:48:59 UTC, the root expired on 2024-11-14 20:48:59 UTC (checked as of"
                + " 2026-11-24 12:00:00 UTC)"),
        Vectors.text("mozilla-stage-2021/chain.pem"));
  }

  @Test
  void the_root_of_the_real_chain_of_stage_is_expired_from_the_second_after_its_end() {
    CertificateChain chain = parsed(Vectors.text("mozilla-stage-2021/chain.pem"));
    Instant end = Instant.parse("2024-11-14T20:48:59Z");
    assertRefused(
        Cause.EXPIRED,
        "the leaf expired on 2021-04-24 15:04:05 UTC (checked as of 2024-11-14 20:48:59 UTC)",
        () -> chain.verify(end));
    assertRefused(
        Cause.EXPIRED,
        "the leaf expired on 2021-04-24 15:04:05 UTC, the intermediate expired on 2024-11-14"
            + " 20:48:59 UTC, the root expired on 2024-11-14 20:48:59 UTC (checked as of 2024-11-14"
            + " 20:49:00 UTC)",
        () -> chain.verify(end.plusSeconds(1)));
  }

  @Test
  void the_real_chain_of_stage_does_not_do_for_production() {
    CertificateChain chain = parsed(Vectors.text("mozilla-stage-2021/chain.pem"));
    Refused refused =
        assertRefused(
            Cause.WRONG_ROOT,
            "the root is " + STAGE + ", expected " + PRODUCTION,
            () -> chain.verifyRoot(Set.of(PRODUCTION)));
    assertEquals(
        "stage or production? this is an earlier root of Mozilla's stage and dev, until 2024-11-14",
        refused.advice().hint());
  }

  @Test
  void the_real_chain_of_stage_is_not_that_of_another_signer() {
    CertificateChain chain = parsed(Vectors.text("mozilla-stage-2021/chain.pem"));
    assertRefused(
        Cause.WRONG_SAN,
        "the leaf's SAN is " + HOST + ", expected onecrl.content-signature.mozilla.org",
        () -> chain.verifySigner("onecrl"));
  }

  @Test
  void the_chain_of_a_real_autograph_is_valid() throws Exception {
    CertificateChain chain = parsed(Vectors.text("kinto-26/chain.pem"));
    chain.verify(NOW);
    chain.verifySigner(SIGNER);
    chain.verifyRoot(Set.of(KINTO_26));
    assertEquals(KINTO_26, chain.rootHash());
    assertEquals(Instant.parse("2026-12-23T15:16:12Z"), chain.leafEnd());
    assertEquals(Duration.ofDays(7), chain.certificates().getFirst().defaultWarningPeriod());
    assertRefused(
        Cause.NOT_YET_VALID,
        "the leaf is not valid before 2026-11-24 01:16:12 UTC (checked as of 2026-11-24 01:16:11"
            + " UTC)",
        () -> chain.verify(Instant.parse("2026-11-24T01:16:11Z")));
  }

  @Test
  void the_leaf_of_one_real_chain_does_not_fit_the_other() {
    List<String> autograph = blocks(Vectors.text("kinto-26/chain.pem"));
    List<String> stage = blocks(Vectors.text("mozilla-stage-2021/chain.pem"));
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the leaf was issued by CN=csinter1553186747, O=Mozilla, L=Mountain View, ST=CA, C=US,"
                + " but the intermediate is CN=\"Content Signing"
                + " Intermediate/emailAddress=foxsec@mozilla.com\", OU=Mozilla AMO Production"
                + " Signing Service, O=Mozilla Corporation, C=US"),
        autograph.get(0) + stage.get(1) + stage.get(2));
  }

  // Mutations

  /** A change is accepted only where it leaves all three certificates as they were. */
  @Test
  void one_byte_of_the_pem_changed_never_makes_another_chain() {
    byte[] good = bytes(Vectors.text("kinto-26/chain.pem"));
    Random random = new Random(20261124);
    Map<String, byte[]> mutants = new LinkedHashMap<>();
    for (int round = 0; round < 300; round++) {
      byte[] mutant = good.clone();
      mutants.put(changed(mutant, random), mutant);
    }
    mutants.values().removeIf(mutant -> !isAccepted(mutant));
    assertTrue(mutants.size() < 100, mutants.size() + " of 300 were accepted");
    mutants.forEach((what, mutant) -> assertEquals(hex(good), hex(mutant), what));
  }

  /** The same one level deeper, where no base64 is in the way. */
  @Test
  void one_byte_of_a_certificate_changed_never_makes_another_chain() {
    Random random = new Random(20261124);
    for (int round = 0; round < 300; round++) {
      List<byte[]> mutants = ders(Vectors.text("kinto-26/chain.pem"));
      int certificate = round % 3;
      String what = changed(mutants.get(certificate), random);
      StringBuilder pem = new StringBuilder();
      mutants.forEach(der -> pem.append(SampleChain.pem(der)));
      assertFalse(
          isAccepted(bytes(pem.toString())),
          () -> "certificate " + (certificate + 1) + ": " + what);
    }
  }

  /** Changes one byte, and says which. */
  private static String changed(byte[] bytes, Random random) {
    int place = random.nextInt(bytes.length);
    bytes[place] = (byte) (bytes[place] ^ (1 + random.nextInt(255)));
    return "byte %d became %#x".formatted(place, bytes[place]);
  }

  /** What is not accepted is refused: any other exception goes on. */
  private static boolean isAccepted(byte[] pem) {
    try {
      CertificateChain chain = CertificateChain.parse(pem);
      chain.verify(NOW);
      chain.verifySigner(SIGNER);
      chain.verifyRoot(Set.of(KINTO_26));
      return true;
    } catch (Refused e) {
      return false;
    }
  }

  private static List<String> hex(byte[] pem) {
    return ders(new String(pem, StandardCharsets.ISO_8859_1)).stream()
        .map(HexFormat.of()::formatHex)
        .toList();
  }

  // Helpers

  /** Names itself in the list of tests. */
  record Good(String name, Consumer<SampleChain> change) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Names itself in the list of tests. */
  record Bad(String name, Consumer<SampleChain> change, Cause cause, String reason) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Bad bad(Cause cause, String reason) {
    return new Bad(reason, null, cause, reason);
  }

  private interface Check {
    void run() throws Refused;
  }

  private static Refused assertRefused(Cause cause, String reason, Check check) {
    Refused refused = assertThrows(Refused.class, check::run);
    assertEquals(reason, refused.getMessage());
    assertEquals(cause, refused.cause());
    return refused;
  }

  /** Goes through all steps but the root's, as the command does. */
  private static void assertRefused(Bad expected, String pem) {
    assertRefused(
        expected.cause,
        expected.reason,
        () -> {
          CertificateChain chain = CertificateChain.parse(bytes(pem));
          chain.verify(NOW);
          chain.verifySigner(SIGNER);
        });
  }

  private static void assertAccepted(String pem) {
    CertificateChain chain = parsed(pem);
    assertDoesNotThrow(() -> chain.verify(NOW));
    assertDoesNotThrow(() -> chain.verifySigner(SIGNER));
  }

  private static CertificateChain parsed(String pem) {
    return assertDoesNotThrow(() -> CertificateChain.parse(bytes(pem)));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----\\s*");

  private static List<String> blocks(String pem) {
    return BLOCK.matcher(pem).results().map(result -> result.group()).toList();
  }

  private static List<byte[]> ders(String pem) {
    return BLOCK
        .matcher(pem)
        .results()
        .map(block -> Base64.getMimeDecoder().decode(block.group(1)))
        .toList();
  }

  private static String named(String name) {
    return new SampleChain()
        .with(sample -> {
          sample.intermediate.without(Extension.nameConstraints);
          sample.leaf.names(SampleChain.dns(name));
        })
        .pem();
  }
}
