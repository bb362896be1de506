//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES SignedChangeset.java
//SOURCES ../server/SigningAuthority.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertPathValidatorException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The chains that the embedded server signs under are what they claim to be, read by the JDK. */
class SigningAuthorityTest {

  private static final Instant MOMENT = Instant.parse("2026-11-24T03:47:46Z");

  /** What the JDK reads from a chain, a property a line. */
  private static List<String> properties(SigningAuthority authority) throws Exception {
    X509Certificate leaf = authority.leaf();
    X509Certificate intermediate = authority.intermediate();
    X509Certificate root = authority.root();
    Map<X509Certificate, String> names =
        Map.of(leaf, "leaf", intermediate, "intermediate", root, "root");
    List<String> properties = new ArrayList<>();
    properties.add(
        "chain: "
            + SignedChangeset.certificates(authority.chainPem()).stream()
                .map(certificate -> names.getOrDefault(certificate, "stranger"))
                .toList());
    properties.addAll(properties("leaf", leaf, intermediate));
    properties.addAll(properties("intermediate", intermediate, root));
    properties.addAll(properties("root", root, root));
    return properties;
  }

  private static List<String> properties(String name, X509Certificate one, X509Certificate above)
      throws Exception {
    boolean[] usage = one.getKeyUsage();
    PublicKey key = one.getPublicKey();
    return Stream.of(
            "from " + one.getNotBefore().toInstant() + " until " + one.getNotAfter().toInstant(),
            "key: %s in %d bytes".formatted(key.getAlgorithm(), key.getEncoded().length),
            "key usage: " + IntStream.range(0, 9).filter(bit -> usage[bit]).boxed().toList(),
            "extended key usage: " + one.getExtendedKeyUsage(),
            "names: " + one.getSubjectAlternativeNames(),
            "path length: " + one.getBasicConstraints(),
            "unknown critical extension: " + one.hasUnsupportedCriticalExtension(),
            "issued by the next: %s, signed: %s"
                .formatted(
                    one.getIssuerX500Principal().equals(above.getSubjectX500Principal()),
                    isSigned(one, above.getPublicKey())))
        .map(property -> name + " " + property)
        .toList();
  }

  private static boolean isSigned(X509Certificate certificate, PublicKey key)
      throws GeneralSecurityException {
    Signature signature = Signature.getInstance(certificate.getSigAlgName());
    signature.initVerify(key);
    signature.update(certificate.getTBSCertificate());
    return signature.verify(certificate.getSignature());
  }

  /** The only property in which a chain differs from the flawless one, by the defect. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          LEAF_NOT_YET_VALID           | leaf from 2026-11-25T03:47:46Z until 2026-12-23T05:47:46Z
          LEAF_EXPIRED                 | leaf from 2026-10-24T15:47:46Z until 2026-11-23T03:47:46Z
          INTERMEDIATE_NOT_YET_VALID   | intermediate from 2026-11-25T03:47:46Z until 2036-11-21T03:47:46Z
          INTERMEDIATE_EXPIRED         | intermediate from 2025-09-21T03:47:46Z until 2026-11-23T03:47:46Z
          ROOT_NOT_YET_VALID           | root from 2026-11-25T03:47:46Z until 2056-11-16T03:47:46Z
          ROOT_EXPIRED                 | root from 2025-09-20T03:47:46Z until 2026-11-23T03:47:46Z
          LEAF_FOR_SERVERS             | leaf extended key usage: [1.3.6.1.5.5.7.3.1]
          LEAF_WITHOUT_EXTENDED_KEY_USAGE | leaf extended key usage: null
          LEAF_WITHOUT_DIGITAL_SIGNATURE  | leaf key usage: [4]
          LEAF_WITHOUT_NAME            | leaf names: null
          LEAF_OF_OTHER_SIGNER         | leaf names: [[2, someone-else.content-signature.mozilla.org]]
          LEAF_OUTSIDE_NAME_CONSTRAINT | leaf names: [[2, remote-settings.content-signature.example.org]]
          LEAF_RSA                     | leaf key: RSA in 294 bytes
          LEAF_P256                    | leaf key: EC in 91 bytes
          LEAF_SIGNED_BY_OTHER_KEY     | leaf issued by the next: true, signed: false
          LEAF_WITH_UNKNOWN_CRITICAL_EXTENSION         | leaf unknown critical extension: true
          INTERMEDIATE_WITH_UNKNOWN_CRITICAL_EXTENSION | intermediate unknown critical extension: true
          INTERMEDIATE_NOT_A_CA                        | intermediate path length: -1
          INTERMEDIATE_WITHOUT_BASIC_CONSTRAINTS       | intermediate path length: -1
          INTERMEDIATE_WITHOUT_CERT_SIGN               | intermediate key usage: [0, 6]
          INTERMEDIATE_FOR_SERVERS                     | intermediate extended key usage: [1.3.6.1.5.5.7.3.1]
          ROOT_NOT_A_CA                | root path length: -1
          ROOT_WITH_PATH_LENGTH_ZERO   | root path length: 0
          ROOT_NOT_SELF_SIGNED         | root issued by the next: false, signed: false
          OTHER_ROOT                   | intermediate issued by the next: true, signed: false
          MISSING_INTERMEDIATE         | chain: [leaf, root]
          MISSING_ROOT                 | chain: [leaf, intermediate]
          WRONG_ORDER                  | chain: [root, intermediate, leaf]
          EXTRA_CERTIFICATE            | chain: [leaf, intermediate, root, stranger]
          """)
  void a_chain_with_a_defect_has_that_defect_alone(SigningAuthority.Defect defect, String change)
      throws Exception {
    SigningAuthority flawed = SigningAuthority.builder().now(MOMENT).defect(defect).build();
    List<String> changed = new ArrayList<>(properties(flawed));
    changed.removeAll(properties(SigningAuthority.builder().now(MOMENT).build()));
    assertEquals(List.of(change), changed);
    assertEquals(96, flawed.signRaw(new byte[1]).length);
  }

  @Test
  void the_jdk_refuses_a_leaf_outside_the_name_constraint() {
    SigningAuthority authority =
        SigningAuthority.with(SigningAuthority.Defect.LEAF_OUTSIDE_NAME_CONSTRAINT);
    assertThrows(
        CertPathValidatorException.class, () -> SignedChangeset.validate(authority.chain()));
  }

  @Test
  void flawless_chain_is_valid_for_the_jdk() throws Exception {
    SigningAuthority authority = SigningAuthority.create();
    SignedChangeset.validate(SignedChangeset.certificates(authority.chainPem()));
    assertEquals(authority.rootHash(), SigningAuthority.hash(authority.chain().getLast()));
    assertTrue(authority.rootHash().matches("([0-9A-F]{2}:){31}[0-9A-F]{2}"));
    SigningAuthority sibling = authority.sibling().signer("onecrl").build();
    SignedChangeset.validate(sibling.chain());
    assertEquals(authority.rootHash(), sibling.rootHash());
  }
}
