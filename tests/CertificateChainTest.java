//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.bouncycastle:bcpkix-jdk18on:1.87
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/signature/MozillaRoots.java
//SOURCES ../server/SigningAuthority.java
//SOURCES Vectors.java

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import common.signature.CertificateChain;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import common.signature.MozillaRoots;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.cert.jcajce.JcaX509v1CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Chains by example, by mutation, and two real ones.
 *
 * <p>A bad chain differs from a good one in one field, so that it can only be refused for that; the
 * expected reason is written out in full. {@link SigningAuthority} makes the defects that the
 * embedded server can serve, {@link Sample} those that only this test needs.
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
    assertAccepted(new Sample().pem());
  }

  @Test
  void lines_around_the_certificates_are_passed_over() {
    String pem = new Sample().pem();
    assertAccepted(
        "# leaf\n" + pem.replace("-----BEGIN", "\nsubject=CN=\u00e9\n-----BEGIN") + "\n\n");
    assertAccepted(pem.replace("\n", "\r\n"));
    assertAccepted(pem.stripTrailing());
    assertAccepted(pem.replace("\n", "  \n  "));
  }

  /** What Mozilla's chains have or may have, and what RFC 5280 leaves open. */
  static Stream<Good> harmless_variants() {
    return Stream.of(
        new Good("leaf without key usage", s -> s.leaf.keyUsage = null),
        new Good(
            "leaf for servers and code signing",
            s ->
                s.leaf.purposes =
                    List.of(KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_codeSigning)),
        new Good(
            "leaf with another name before the signer's",
            s -> s.leaf.names = List.of(dns("other.content-signature.mozilla.org"), dns(HOST))),
        new Good(
            "leaf's name in capitals",
            s -> s.leaf.names = List.of(dns("REMOTE-SETTINGS.Content-Signature.Mozilla.ORG"))),
        new Good("intermediate without extended key usage", s -> s.intermediate.purposes = null),
        new Good(
            "intermediate that allows no other below it",
            s -> s.intermediate.constraints = new BasicConstraints(0)),
        new Good(
            "intermediate without name constraints", s -> s.intermediate.permitted = List.of()),
        new Good("root for one intermediate", s -> s.root.constraints = new BasicConstraints(1)),
        new Good(
            "root with a wider name constraint", s -> s.root.permitted = List.of("mozilla.org")),
        new Good("root that signed itself with SHA-1", s -> s.root.hash = "SHA1"),
        new Good("leaf signed with SHA-256", s -> s.leaf.hash = "SHA256"),
        new Good("RSA root", s -> s.root.keys = keys("RSA 2048")),
        new Good(
            "leaf signed with RSASSA-PSS",
            s -> {
              s.intermediate.keys = keys("RSA 2048");
              s.leaf.signing = "SHA384withRSAandMGF1";
            }),
        new Good("RSA intermediate", s -> s.intermediate.keys = keys("RSA 2048")));
  }

  @ParameterizedTest
  @MethodSource("harmless_variants")
  void a_harmless_variant_is_accepted(Good good) {
    assertAccepted(new Sample().with(good.change).pem());
  }

  // One defect each

  @ParameterizedTest
  @EnumSource(SigningAuthority.Defect.class)
  void a_chain_with_one_defect_is_refused_for_it(SigningAuthority.Defect defect) {
    SigningAuthority authority = SigningAuthority.builder().now(NOW).defect(defect).build();
    Bad expected =
        switch (defect) {
          case LEAF_NOT_YET_VALID ->
              bad(
                  Cause.NOT_YET_VALID,
                  "the leaf is not valid before 2026-11-25 12:00:00 UTC (checked as of 2026-11-24"
                      + " 12:00:00 UTC)");
          case LEAF_EXPIRED ->
              bad(
                  Cause.EXPIRED,
                  "the leaf expired on 2026-11-23 12:00:00 UTC (checked as of 2026-11-24 12:00:00"
                      + " UTC)");
          case INTERMEDIATE_NOT_YET_VALID ->
              bad(
                  Cause.NOT_YET_VALID,
                  "the intermediate is not valid before 2026-11-25 12:00:00 UTC (checked as of"
                      + " 2026-11-24 12:00:00 UTC)");
          case INTERMEDIATE_EXPIRED ->
              bad(
                  Cause.EXPIRED,
                  "the intermediate expired on 2026-11-23 12:00:00 UTC (checked as of 2026-11-24"
                      + " 12:00:00 UTC)");
          case ROOT_NOT_YET_VALID ->
              bad(
                  Cause.NOT_YET_VALID,
                  "the root is not valid before 2026-11-25 12:00:00 UTC (checked as of 2026-11-24"
                      + " 12:00:00 UTC)");
          case ROOT_EXPIRED ->
              bad(
                  Cause.EXPIRED,
                  "the root expired on 2026-11-23 12:00:00 UTC (checked as of 2026-11-24 12:00:00"
                      + " UTC)");
          case LEAF_FOR_SERVERS ->
              bad(
                  Cause.WRONG_USAGE,
                  "the leaf's extended key usage is [1.3.6.1.5.5.7.3.1], expected code signing");
          case LEAF_WITHOUT_EXTENDED_KEY_USAGE ->
              bad(
                  Cause.WRONG_USAGE,
                  "the leaf's extended key usage is missing, expected code signing");
          case LEAF_WITHOUT_DIGITAL_SIGNATURE ->
              bad(Cause.WRONG_USAGE, "the leaf's key usage lacks digital signature");
          case LEAF_OF_OTHER_SIGNER ->
              bad(
                  Cause.WRONG_SAN,
                  "the leaf's SAN is someone-else.content-signature.mozilla.org, expected " + HOST);
          case LEAF_WITHOUT_NAME ->
              bad(Cause.WRONG_SAN, "the leaf's SAN is missing, expected " + HOST);
          case LEAF_OUTSIDE_NAME_CONSTRAINT ->
              bad(Cause.BROKEN_CHAIN, "the leaf's names break the name constraints above it");
          case LEAF_RSA -> bad(Cause.WRONG_KEY, "the leaf's key is RSA, expected EC P-384");
          case LEAF_P256 -> bad(Cause.WRONG_KEY, "the leaf's key is EC P-256, expected EC P-384");
          case LEAF_SIGNED_BY_OTHER_KEY ->
              bad(Cause.BROKEN_CHAIN, "the leaf is not signed by the intermediate");
          case LEAF_WITH_UNKNOWN_CRITICAL_EXTENSION ->
              bad(Cause.BROKEN_CHAIN, "the leaf is refused: unrecognized critical extension(s)");
          case INTERMEDIATE_NOT_A_CA, INTERMEDIATE_WITHOUT_BASIC_CONSTRAINTS ->
              bad(Cause.BROKEN_CHAIN, "the intermediate is not a CA certificate");
          case INTERMEDIATE_WITHOUT_CERT_SIGN ->
              bad(Cause.BROKEN_CHAIN, "the intermediate's key usage lacks certificate signing");
          case INTERMEDIATE_FOR_SERVERS ->
              bad(
                  Cause.WRONG_USAGE,
                  "the intermediate's extended key usage is [1.3.6.1.5.5.7.3.1], expected code"
                      + " signing");
          case INTERMEDIATE_WITH_UNKNOWN_CRITICAL_EXTENSION ->
              bad(
                  Cause.BROKEN_CHAIN,
                  "the intermediate is refused: unrecognized critical extension(s)");
          case ROOT_NOT_A_CA -> bad(Cause.BROKEN_CHAIN, "the root is not a CA certificate");
          case ROOT_WITH_PATH_LENGTH_ZERO ->
              bad(
                  Cause.BROKEN_CHAIN,
                  "the intermediate exceeds the path length of the certificate above it");
          case ROOT_NOT_SELF_SIGNED ->
              bad(
                  Cause.BROKEN_CHAIN,
                  "the root is not self-signed: issued by CN=above the root, O=Mozilla, L=Mountain"
                      + " View, ST=CA, C=US");
          case OTHER_ROOT -> bad(Cause.BROKEN_CHAIN, "the intermediate is not signed by the root");
          case MISSING_INTERMEDIATE, MISSING_ROOT ->
              bad(
                  Cause.BROKEN_CHAIN,
                  "the chain has 2 certificates, expected 3 (leaf, intermediate, root)");
          case EXTRA_CERTIFICATE ->
              bad(
                  Cause.BROKEN_CHAIN,
                  "the chain has 4 certificates, expected 3 (leaf, intermediate, root)");
          case WRONG_ORDER ->
              bad(
                  Cause.BROKEN_CHAIN,
                  "the certificates are in the wrong order, expected leaf, intermediate, root");
        };
    assertRefused(expected, authority.chainPem());
  }

  static Stream<Bad> defects() {
    return Stream.of(
        new Bad(
            "leaf that is a CA",
            s -> s.leaf.constraints = new BasicConstraints(true),
            Cause.WRONG_USAGE,
            "the leaf is a CA certificate"),
        new Bad(
            "leaf on P-521",
            s -> s.leaf.keys = keys("secp521r1"),
            Cause.WRONG_KEY,
            "the leaf's key is EC P-521, expected EC P-384"),
        new Bad(
            "leaf on another curve of 384 bits",
            s -> s.leaf.keys = keys("brainpoolP384r1"),
            Cause.WRONG_KEY,
            "the leaf's key is EC on another curve of 384 bits, expected EC P-384"),
        new Bad(
            "leaf with an Edwards key",
            s -> s.leaf.keys = keys("Ed25519"),
            Cause.WRONG_KEY,
            "the leaf's key is EdDSA, expected EC P-384"),
        new Bad(
            "leaf for any purpose",
            s -> s.leaf.purposes = List.of(KeyPurposeId.anyExtendedKeyUsage),
            Cause.WRONG_USAGE,
            "the leaf's extended key usage is [2.5.29.37.0], expected code signing"),
        new Bad(
            "leaf whose extended key usage is no list",
            s -> s.leaf.garbled = Extension.extendedKeyUsage,
            Cause.WRONG_USAGE,
            "an extended key usage cannot be parsed"),
        // not critical, so that the JDK passes over what it cannot parse
        new Bad(
            "leaf whose key usage is no list of bits",
            s -> {
              s.leaf.keyUsage = null;
              s.leaf.garbled = Extension.keyUsage;
            },
            Cause.WRONG_USAGE,
            "the leaf's key usage cannot be parsed"),
        new Bad(
            "intermediate whose extended key usage is no list",
            s -> s.intermediate.garbled = Extension.extendedKeyUsage,
            Cause.WRONG_USAGE,
            "an extended key usage cannot be parsed"),
        new Bad(
            "intermediate whose name constraints are none",
            s -> {
              s.intermediate.permitted = List.of();
              s.intermediate.garbled = Extension.nameConstraints;
            },
            Cause.BROKEN_CHAIN,
            "the intermediate's name constraints cannot be parsed"),
        new Bad(
            "root whose name constraints are none",
            s -> s.root.garbled = Extension.nameConstraints,
            Cause.BROKEN_CHAIN,
            "the root's name constraints cannot be parsed"),
        // PKIX takes the common name for a DNS name then, and this one is not permitted
        new Bad(
            "leaf without names and of another common name",
            s -> {
              s.leaf.names = List.of();
              s.leaf.subject = "CN=example.org";
            },
            Cause.WRONG_SAN,
            "the leaf's SAN is missing, expected NAME.content-signature.mozilla.org"),
        new Bad(
            "leaf whose names are no list",
            s -> s.leaf.garbled = Extension.subjectAlternativeName,
            Cause.WRONG_SAN,
            "the leaf's SAN cannot be parsed"),
        // The common name is right, but clients look at the SAN alone. The JDK's check of name
        // constraints adds the common name to a SAN without DNS names.
        new Bad(
            "leaf whose name is an address of a page",
            s ->
                s.leaf.names =
                    List.of(
                        new GeneralName(
                            GeneralName.uniformResourceIdentifier, "https://" + HOST + "/")),
            Cause.WRONG_SAN,
            "the leaf's SAN is missing, expected " + HOST),
        new Bad(
            "leaf whose name goes on after the domain",
            s -> {
              s.intermediate.permitted = List.of();
              s.leaf.names = List.of(dns(HOST + ".example.org"));
            },
            Cause.WRONG_SAN,
            "the leaf's SAN is " + HOST + ".example.org, expected " + HOST),
        new Bad(
            "leaf for every signer",
            s -> s.leaf.names = List.of(dns("*.content-signature.mozilla.org")),
            Cause.WRONG_SAN,
            "the leaf's SAN is *.content-signature.mozilla.org, expected " + HOST),
        new Bad(
            "leaf of two other signers",
            s ->
                s.leaf.names =
                    List.of(
                        dns("onecrl.content-signature.mozilla.org"),
                        dns("a.remote-settings.content-signature.mozilla.org")),
            Cause.WRONG_SAN,
            "the leaf's SAN is onecrl.content-signature.mozilla.org,"
                + " a.remote-settings.content-signature.mozilla.org, expected "
                + HOST),
        new Bad(
            "second name outside the name constraint",
            s -> s.leaf.names = List.of(dns(HOST), dns("example.org")),
            Cause.BROKEN_CHAIN,
            "the leaf's names break the name constraints above it"),
        new Bad(
            "name that the intermediate excludes",
            s -> s.intermediate.excluded = List.of(HOST),
            Cause.BROKEN_CHAIN,
            "the leaf's names break the name constraints above it"),
        new Bad(
            "name that the root excludes",
            s -> s.root.excluded = List.of("mozilla.org"),
            Cause.BROKEN_CHAIN,
            "the leaf's names break the name constraints above it"),
        new Bad(
            "intermediate without key usage",
            s -> s.intermediate.keyUsage = null,
            Cause.BROKEN_CHAIN,
            "the intermediate's key usage lacks certificate signing"),
        new Bad(
            "root without key usage",
            s -> s.root.keyUsage = null,
            Cause.BROKEN_CHAIN,
            "the root's key usage lacks certificate signing"),
        new Bad(
            "root whose key usage is to sign",
            s -> s.root.keyUsage = KeyUsage.digitalSignature,
            Cause.BROKEN_CHAIN,
            "the root's key usage lacks certificate signing"),
        new Bad(
            "root without basic constraints",
            s -> s.root.constraints = null,
            Cause.BROKEN_CHAIN,
            "the root is not a CA certificate"),
        new Bad(
            "root of X.509 version 1",
            s -> s.root.version1 = true,
            Cause.BROKEN_CHAIN,
            "the root is not a CA certificate"),
        // what PKIX allows and Firefox does not (its CSTrustDomain)
        new Bad(
            "leaf signed with SHA-1",
            s -> s.leaf.hash = "SHA1",
            Cause.BROKEN_CHAIN,
            "the leaf is signed with SHA1withECDSA, expected SHA-256 or better"),
        new Bad(
            "intermediate signed with SHA-1",
            s -> s.intermediate.hash = "SHA1",
            Cause.BROKEN_CHAIN,
            "the intermediate is signed with SHA1withECDSA, expected SHA-256 or better"),
        new Bad(
            "leaf signed with SHA-1 behind RSASSA-PSS",
            s -> {
              s.intermediate.keys = keys("RSA 2048");
              s.leaf.signing = "SHA1withRSAandMGF1";
            },
            Cause.BROKEN_CHAIN,
            "the leaf is signed with SHA-1withRSASSA-PSS, expected SHA-256 or better"),
        new Bad(
            "short RSA key of the root",
            s -> s.root.keys = keys("RSA 1024"),
            Cause.BROKEN_CHAIN,
            "the root's key is RSA of 1024 bits, expected 2048 or more"),
        new Bad(
            "short RSA key of the intermediate",
            s -> s.intermediate.keys = keys("RSA 1024"),
            Cause.BROKEN_CHAIN,
            "the intermediate's key is RSA of 1024 bits, expected 2048 or more"),
        new Bad(
            "root with an unknown critical extension",
            s -> s.root.unknownCritical = true,
            Cause.BROKEN_CHAIN,
            "the root is refused: unrecognized critical extension(s)"),
        new Bad(
            "intermediate for any purpose",
            s -> s.intermediate.purposes = List.of(KeyPurposeId.anyExtendedKeyUsage),
            Cause.WRONG_USAGE,
            "the intermediate's extended key usage is [2.5.29.37.0], expected code signing"),
        new Bad(
            "root signed by another key in its own name",
            s -> s.root.signingKeys = keys("secp384r1"),
            Cause.BROKEN_CHAIN,
            "the root is not self-signed"),
        new Bad(
            "intermediate signed by another key in the root's name",
            s -> s.intermediate.signingKeys = keys("secp384r1"),
            Cause.BROKEN_CHAIN,
            "the intermediate is not signed by the root"),
        new Bad(
            "leaf signed by the root's key in the intermediate's name",
            s -> s.leaf.signingKeys = s.root.keys,
            Cause.BROKEN_CHAIN,
            "the leaf is not signed by the intermediate"),
        new Bad(
            "leaf issued by another intermediate",
            s -> s.leaf.issuer = "CN=another intermediate",
            Cause.BROKEN_CHAIN,
            "the leaf was issued by CN=another intermediate, but the intermediate is CN=the"
                + " intermediate"),
        new Bad(
            "intermediate issued by another root",
            s -> s.intermediate.issuer = "CN=another root",
            Cause.BROKEN_CHAIN,
            "the intermediate was issued by CN=another root, but the root is CN=the root"));
  }

  @ParameterizedTest
  @MethodSource("defects")
  void a_sample_with_one_defect_is_refused_for_it(Bad bad) {
    assertRefused(bad, new Sample().with(bad.change).pem());
  }

  @Test
  void the_certificates_of_two_chains_do_not_mix() {
    List<String> ours = new Sample().pems();
    List<String> theirs = new Sample().pems();
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
    List<String> good = new Sample().pems();
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
    List<String> good = new Sample().pems();
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
    Sample sample = new Sample();
    sample.leaf.issuer = "CN=the root";
    sample.leaf.signingKeys = sample.root.keys;
    List<String> pems = sample.pems();
    assertRefused(
        bad(
            Cause.BROKEN_CHAIN,
            "the chain has 2 certificates, expected 3 (leaf, intermediate, root)"),
        pems.get(0) + pems.get(2));
  }

  // Dates

  /** Both ends belong to a validity; certificates know whole seconds, the clock milliseconds. */
  @ParameterizedTest
  @ValueSource(strings = {"leaf", "intermediate", "root"})
  void each_certificate_is_valid_to_the_millisecond(String name) throws Exception {
    Instant from = Instant.parse("2026-10-01T08:09:10Z");
    Instant to = Instant.parse("2026-10-30T18:19:20Z");
    SigningAuthority.Builder builder = SigningAuthority.builder().now(NOW);
    // the other two are valid for longer at both ends
    builder.leafValidity(from.minusSeconds(60), to.plusSeconds(60));
    switch (name) {
      case "leaf" -> builder.leafValidity(from, to);
      case "intermediate" -> builder.intermediateValidity(from, to);
      default -> builder.rootValidity(from, to);
    }
    CertificateChain chain = CertificateChain.parse(bytes(builder.build().chainPem()));

    chain.verify(from);
    chain.verify(from.plusMillis(1));
    chain.verify(to.minusMillis(1));
    chain.verify(to);
    assertRefused(
        Cause.NOT_YET_VALID,
        "the "
            + name
            + " is not valid before 2026-10-01 08:09:10 UTC (checked as of 2026-10-01 08:09:09"
            + " UTC)",
        () -> chain.verify(from.minusMillis(1)));
    assertRefused(
        Cause.EXPIRED,
        "the "
            + name
            + " expired on 2026-10-30 18:19:20 UTC (checked as of 2026-10-30 18:19:20 UTC)",
        () -> chain.verify(to.plusMillis(1)));
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
    CertificateChain chain = parsed(new Sample().pem());
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
        "-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n",
        "-----BEGIN TRUSTED CERTIFICATE-----\nMIG2\n-----END TRUSTED CERTIFICATE-----\n"
      })
  void text_without_certificates_is_not_pem(String text) {
    assertRefused(bad(Cause.BROKEN_CHAIN, "the chain is not PEM: no certificate in it"), text);
  }

  @Test
  void certificates_in_der_are_not_pem() {
    byte[] der = ders(new Sample().pem()).getFirst();
    assertRefused(
        Cause.BROKEN_CHAIN,
        "the chain is not PEM: no certificate in it",
        () -> CertificateChain.parse(der));
  }

  @Test
  void a_truncated_chain_is_refused_wherever_it_ends() {
    String pem = new Sample().pem();
    for (int length = 1; length < pem.length() - 1; length += 7) {
      String cut = pem.substring(0, length);
      int begun = count(cut, "-----BEGIN CERTIFICATE-----");
      int ended = count(cut, "-----END CERTIFICATE-----");
      String reason =
          begun > ended
              ? "the chain is not PEM: a certificate has no end"
              : ended == 0
                  ? "the chain is not PEM: no certificate in it"
                  : "the chain has %d certificate%s, expected 3 (leaf, intermediate, root)"
                      .formatted(ended, ended == 1 ? "" : "s");
      assertRefused(bad(Cause.BROKEN_CHAIN, reason), cut);
    }
  }

  @Test
  void a_certificate_that_begins_within_another_is_refused() {
    List<String> good = new Sample().pems();
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
        new Sample().pems().getFirst());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "MIIB", "AAAA", "!!!!", "M", "TUlJQg==", "MIIB\n\nMIIB==\nMIIB"})
  void a_block_that_holds_no_certificate_is_named_by_its_place(String garbage) {
    String block = "-----BEGIN CERTIFICATE-----\n" + garbage + "\n-----END CERTIFICATE-----\n";
    for (int place = 0; place < 3; place++) {
      List<String> pems = new ArrayList<>(new Sample().pems());
      pems.set(place, block);
      assertRefused(
          bad(Cause.BROKEN_CHAIN, "certificate " + (place + 1) + " of the chain cannot be parsed"),
          String.join("", pems));
    }
  }

  @Test
  void a_block_that_holds_more_than_one_certificate_is_refused() {
    List<String> good = new Sample().pems();
    byte[] der = ders(good.getFirst()).getFirst();
    byte[] more = Arrays.copyOf(der, der.length + 1);
    String whole =
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getEncoder().encodeToString(bytes(good.getFirst()))
            + "\n-----END CERTIFICATE-----\n";
    for (String block : List.of(pem(more), whole)) {
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
    CertificateChain chain = parsed(new Sample().pem());
    for (String other : List.of("onecrl", "settings", "remote", "", "*", "a.remote-settings")) {
      assertRefused(
          Cause.WRONG_SAN,
          "the leaf's SAN is " + HOST + ", expected " + other + ".content-signature.mozilla.org",
          () -> chain.verifySigner(other));
    }
  }

  // Roots

  @Test
  void the_root_hash_is_the_sha_256_of_its_der() throws Exception {
    List<String> pems = new Sample().pems();
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
        refused.hint());
  }

  @Test
  void a_root_of_the_same_name_is_another_root() {
    String ours = parsed(new Sample().pem()).rootHash();
    CertificateChain theirs = parsed(new Sample().pem());
    assertRefused(
        Cause.WRONG_ROOT,
        "the root is " + theirs.rootHash() + ", expected " + ours,
        () -> theirs.verifyRoot(Set.of(ours)));
  }

  @Test
  void no_root_is_trusted_when_none_is_given() {
    assertThrows(Refused.class, () -> parsed(new Sample().pem()).verifyRoot(Set.of()));
  }

  // Warnings

  @ParameterizedTest
  @ValueSource(ints = {1, 29, 69, 70, 71, 80, 365, 599, 600, 601, 3650})
  void the_usual_warning_is_a_tenth_of_the_lifetime_from_7_to_60_days(int days) {
    Instant from = Instant.parse("2026-11-24T00:00:00Z");
    SigningAuthority authority =
        SigningAuthority.builder()
            .now(NOW)
            .leafValidity(from, from.plus(Duration.ofDays(days)))
            .build();
    CertificateChain chain = parsed(authority.chainPem());
    Duration expected =
        days <= 70
            ? Duration.ofDays(7)
            : days >= 600 ? Duration.ofDays(60) : Duration.ofMinutes(144L * days);
    assertEquals(expected, chain.defaultWarningPeriod());
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
    assertEquals(Duration.ofDays(8), chain.defaultWarningPeriod());
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
        refused.hint());
  }

  @Test
  void the_real_chain_of_stage_is_not_that_of_another_signer() {
    CertificateChain chain = parsed(Vectors.text("mozilla-stage-2021/chain.pem"));
    Refused refused =
        assertRefused(
            Cause.WRONG_SAN,
            "the leaf's SAN is " + HOST + ", expected onecrl.content-signature.mozilla.org",
            () -> chain.verifySigner("onecrl"));
    assertNull(refused.hint());
  }

  @Test
  void the_chain_of_a_real_autograph_is_valid() throws Exception {
    CertificateChain chain = parsed(Vectors.text("kinto-26/chain.pem"));
    chain.verify(NOW);
    chain.verifySigner(SIGNER);
    chain.verifyRoot(Set.of(KINTO_26));
    assertEquals(KINTO_26, chain.rootHash());
    assertEquals(Instant.parse("2026-12-23T15:16:12Z"), chain.leafEnd());
    assertEquals(Duration.ofDays(7), chain.defaultWarningPeriod());
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
    int refusals = 0;
    for (int round = 0; round < 300; round++) {
      byte[] mutant = good.clone();
      int place = random.nextInt(mutant.length);
      mutant[place] = (byte) (mutant[place] ^ (1 + random.nextInt(255)));
      String what = "byte %d became %#x".formatted(place, mutant[place]);
      refusals += staysOrIsRefused(good, mutant, what) ? 0 : 1;
    }
    assertTrue(refusals > 200, refusals + " of 300 were refused");
  }

  /** The same one level deeper, where no base64 is in the way. */
  @Test
  void one_byte_of_a_certificate_changed_never_makes_another_chain() {
    byte[] good = bytes(Vectors.text("kinto-26/chain.pem"));
    Random random = new Random(20261124);
    for (int round = 0; round < 300; round++) {
      List<byte[]> mutants = ders(new String(good, StandardCharsets.US_ASCII));
      int certificate = round % 3;
      byte[] mutant = mutants.get(certificate);
      int place = random.nextInt(mutant.length);
      mutant[place] = (byte) (mutant[place] ^ (1 + random.nextInt(255)));
      StringBuilder pem = new StringBuilder();
      mutants.forEach(der -> pem.append(pem(der)));
      String what =
          "certificate %d: byte %d became %#x".formatted(certificate + 1, place, mutant[place]);
      if (staysOrIsRefused(good, bytes(pem.toString()), what)) {
        fail(what + " and the chain was accepted");
      }
    }
  }

  /** Whether it was accepted with the same certificates; fails if it was with others. */
  private static boolean staysOrIsRefused(byte[] good, byte[] mutant, String what) {
    try {
      CertificateChain chain = CertificateChain.parse(mutant);
      chain.verify(NOW);
      chain.verifySigner(SIGNER);
      chain.verifyRoot(Set.of(KINTO_26));
    } catch (Refused e) {
      return false;
    } catch (RuntimeException e) {
      return fail(what + ": no verdict", e);
    }
    List<String> before = ders(latin1(good)).stream().map(HexFormat.of()::formatHex).toList();
    List<String> after = ders(latin1(mutant)).stream().map(HexFormat.of()::formatHex).toList();
    assertEquals(before, after, what + " and the chain was accepted");
    return true;
  }

  // Helpers

  /** Names itself in the list of tests. */
  record Good(String name, Consumer<Sample> change) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Names itself in the list of tests. */
  record Bad(String name, Consumer<Sample> change, Cause cause, String reason) {
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

  private static String latin1(byte[] text) {
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }

  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----\\s*");

  private static List<String> blocks(String pem) {
    return BLOCK.matcher(pem).results().map(result -> result.group()).toList();
  }

  private static List<byte[]> ders(String pem) {
    List<byte[]> ders = new ArrayList<>();
    Matcher matcher = BLOCK.matcher(pem);
    while (matcher.find()) {
      ders.add(Base64.getMimeDecoder().decode(matcher.group(1)));
    }
    return ders;
  }

  private static String pem(byte[] der) {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, bytes("\n")).encodeToString(der)
        + "\n-----END CERTIFICATE-----\n";
  }

  private static GeneralName dns(String name) {
    return new GeneralName(GeneralName.dNSName, name);
  }

  private static String named(String name) {
    return new Sample()
        .with(sample -> {
          sample.intermediate.permitted = List.of();
          sample.leaf.names = List.of(dns(name));
        })
        .pem();
  }

  /** Keys of an algorithm or a curve; BouncyCastle makes those of curves that the JDK lacks. */
  private static KeyPair keys(String kind) {
    try {
      if (kind.startsWith("brainpool")) {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", new BouncyCastleProvider());
        generator.initialize(new ECGenParameterSpec(kind));
        return generator.generateKeyPair();
      }
      if (kind.equals("Ed25519")) {
        return KeyPairGenerator.getInstance(kind).generateKeyPair();
      }
      if (kind.startsWith("RSA ")) {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(Integer.parseInt(kind.substring(4)));
        return generator.generateKeyPair();
      }
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec(kind));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What stands in one certificate. */
  private static final class Certificate {
    String subject;
    String issuer;
    KeyPair keys = CertificateChainTest.keys("secp384r1");
    KeyPair signingKeys;
    String hash = "SHA384";
    String signing; // instead of the hash and the parent's key
    BasicConstraints constraints;
    Integer keyUsage;
    List<KeyPurposeId> purposes;
    List<GeneralName> names = List.of();
    List<String> permitted = List.of();
    List<String> excluded = List.of();
    boolean unknownCritical;
    boolean version1;
    ASN1ObjectIdentifier garbled;
  }

  /** A good chain with every field open to change, before it is signed. */
  private static final class Sample {
    final Certificate root = new Certificate();
    final Certificate intermediate = new Certificate();
    final Certificate leaf = new Certificate();

    Sample() {
      root.subject = "CN=the root";
      root.constraints = new BasicConstraints(true);
      root.keyUsage = KeyUsage.keyCertSign | KeyUsage.cRLSign;
      root.purposes = List.of(KeyPurposeId.id_kp_codeSigning);

      intermediate.subject = "CN=the intermediate";
      intermediate.constraints = new BasicConstraints(true);
      intermediate.keyUsage = KeyUsage.keyCertSign | KeyUsage.cRLSign;
      intermediate.purposes = List.of(KeyPurposeId.id_kp_codeSigning);
      intermediate.permitted = List.of(".content-signature.mozilla.org");

      leaf.subject = "CN=" + HOST;
      leaf.keyUsage = KeyUsage.digitalSignature;
      leaf.purposes = List.of(KeyPurposeId.id_kp_codeSigning);
      leaf.names = List.of(dns(HOST));
    }

    Sample with(Consumer<Sample> change) {
      change.accept(this);
      return this;
    }

    String pem() {
      return String.join("", pems());
    }

    /** Leaf, intermediate, root. */
    List<String> pems() {
      return List.of(
          certificate(leaf, intermediate),
          certificate(intermediate, root),
          certificate(root, root));
    }

    private static String certificate(Certificate certificate, Certificate parent) {
      try {
        String issuer = certificate.issuer == null ? parent.subject : certificate.issuer;
        KeyPair keys = certificate.signingKeys == null ? parent.keys : certificate.signingKeys;
        String algorithm =
            certificate.signing != null
                ? certificate.signing
                : certificate.hash
                    + (keys.getPrivate().getAlgorithm().equals("RSA") ? "withRSA" : "withECDSA");
        JcaContentSignerBuilder signers = new JcaContentSignerBuilder(algorithm);
        if (certificate.signing != null) {
          signers.setProvider(new BouncyCastleProvider()); // the JDK knows RSASSA-PSS otherwise
        }
        ContentSigner signer = signers.build(keys.getPrivate());
        Date from = Date.from(NOW.minus(Duration.ofDays(1)));
        Date to = Date.from(NOW.plus(Duration.ofDays(28)));
        BigInteger serial = BigInteger.valueOf(1 + new Random().nextInt(Integer.MAX_VALUE));
        if (certificate.version1) {
          return CertificateChainTest.pem(
              new JcaX509v1CertificateBuilder(
                      new X500Name(issuer),
                      serial,
                      from,
                      to,
                      new X500Name(certificate.subject),
                      certificate.keys.getPublic())
                  .build(signer)
                  .getEncoded());
        }
        JcaX509v3CertificateBuilder builder =
            new JcaX509v3CertificateBuilder(
                new X500Name(issuer),
                serial,
                from,
                to,
                new X500Name(certificate.subject),
                certificate.keys.getPublic());
        extend(builder, certificate);
        return CertificateChainTest.pem(builder.build(signer).getEncoded());
      } catch (IOException | OperatorCreationException e) {
        throw new IllegalStateException(e);
      }
    }

    private static void extend(JcaX509v3CertificateBuilder builder, Certificate certificate)
        throws IOException {
      if (certificate.garbled != null) {
        builder.addExtension(certificate.garbled, false, new byte[] {4, 1, 0});
      }
      if (certificate.constraints != null) {
        builder.addExtension(Extension.basicConstraints, true, certificate.constraints);
      }
      if (certificate.keyUsage != null) {
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(certificate.keyUsage));
      }
      if (certificate.purposes != null && certificate.garbled != Extension.extendedKeyUsage) {
        builder.addExtension(
            Extension.extendedKeyUsage,
            false,
            new ExtendedKeyUsage(certificate.purposes.toArray(KeyPurposeId[]::new)));
      }
      if (!certificate.names.isEmpty() && certificate.garbled != Extension.subjectAlternativeName) {
        builder.addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(certificate.names.toArray(GeneralName[]::new)));
      }
      if (!certificate.permitted.isEmpty() || !certificate.excluded.isEmpty()) {
        builder.addExtension(
            Extension.nameConstraints,
            true,
            new NameConstraints(subtrees(certificate.permitted), subtrees(certificate.excluded)));
      }
      if (certificate.unknownCritical) {
        // an arc reserved for examples (RFC 5612)
        builder.addExtension(
            new ASN1ObjectIdentifier("1.3.6.1.4.1.32473.1"), true, DERNull.INSTANCE);
      }
    }

    private static GeneralSubtree[] subtrees(List<String> names) {
      return names.isEmpty()
          ? null
          : names.stream()
              .map(name -> new GeneralSubtree(dns(name)))
              .toArray(GeneralSubtree[]::new);
    }
  }
}
