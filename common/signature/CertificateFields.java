//JAVA 25+
//SOURCES Der.java NameConstraints.java

package common.signature;

import static common.signature.Der.expect;

import common.signature.Der.Malformed;
import common.signature.NameConstraints.Name;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A certificate as Mozilla's clients decode it (mozilla::pkix, which Firefox and the client of
 * Android and iOS share): names as bytes, and the extensions that they know. What they pass over is
 * passed over here.
 */
final class CertificateFields {

  static final String KEY_USAGE = "2.5.29.15";
  static final String ALTERNATIVE_NAME = "2.5.29.17";
  static final String BASIC_CONSTRAINTS = "2.5.29.19";
  static final String NAME_CONSTRAINTS = "2.5.29.30";
  static final String EXTENDED_KEY_USAGE = "2.5.29.37";
  static final String TLS_FEATURES = "1.3.6.1.5.5.7.1.24";
  static final String TIMESTAMPS = "1.3.6.1.4.1.11129.2.4.2";

  /** The extensions that clients know; none may be empty. */
  private static final Map<String, String> KNOWN =
      Map.ofEntries(
          Map.entry(KEY_USAGE, "key usage"),
          Map.entry(ALTERNATIVE_NAME, "subject alternative name"),
          Map.entry(BASIC_CONSTRAINTS, "basic constraints"),
          Map.entry(NAME_CONSTRAINTS, "name constraints"),
          Map.entry(EXTENDED_KEY_USAGE, "extended key usage"),
          Map.entry(TIMESTAMPS, "certificate timestamps"),
          Map.entry(TLS_FEATURES, "TLS features"),
          Map.entry("2.5.29.32", "certificate policies"),
          Map.entry("2.5.29.36", "policy constraints"),
          Map.entry("2.5.29.54", "inhibit any-policy"),
          Map.entry("1.3.6.1.5.5.7.1.1", "authority information access"));

  /** Signature algorithms that have no parameters, or NULL: ECDSA and RSA with SHA-2. */
  private static final Set<String> SIGNATURES =
      Set.of(
          "1.2.840.10045.4.3.2",
          "1.2.840.10045.4.3.3",
          "1.2.840.10045.4.3.4",
          "1.2.840.113549.1.1.11",
          "1.2.840.113549.1.1.12",
          "1.2.840.113549.1.1.13");

  private static final String RSASSA_PSS = "1.2.840.113549.1.1.10";

  /** Its parameters: the number of the hash, twice, and the length of the salt. */
  private static final String PSS_PARAMETERS =
      "3034a00f300d06096086480165030402%1$s0500a11c301a06092a864886f70d010108"
          + "300d06096086480165030402%1$s0500a2030201%2$s";

  private static final Set<String> PSS =
      Set.of(
          PSS_PARAMETERS.formatted("01", "20"),
          PSS_PARAMETERS.formatted("02", "30"),
          PSS_PARAMETERS.formatted("03", "40"));

  /** A curve, and how many bytes a coordinate has. */
  private record Curve(String name, int bytes) {}

  private static final Map<String, Curve> CURVES =
      Map.of(
          "1.2.840.10045.3.1.7", new Curve("EC P-256", 32),
          "1.3.132.0.34", new Curve("EC P-384", 48),
          "1.3.132.0.35", new Curve("EC P-521", 66));

  private record Extension(boolean critical, byte[] value) {}

  final byte[] issuer;
  final byte[] subject;
  private final byte[] key;
  private final byte[] signature;
  private final Map<String, Extension> extensions = new LinkedHashMap<>();

  CertificateFields(byte[] certificate) throws Malformed {
    Der outer = Der.sequence(certificate);
    Der fields = outer.read(Der.SEQUENCE);
    signature = outer.element(Der.SEQUENCE);
    outer.wholeBits();
    outer.end();
    if (fields.tag() == 0xa0) {
      Der version = fields.read(0xa0);
      version.smallInteger();
      version.end();
    }
    fields.integer();
    fields.read(Der.SEQUENCE); // the algorithm again, which the JDK compares
    issuer = fields.element(Der.SEQUENCE);
    Der validity = fields.read(Der.SEQUENCE);
    checkTime(validity);
    checkTime(validity);
    validity.end();
    subject = fields.element(Der.SEQUENCE);
    key = fields.element(Der.SEQUENCE);
    for (int uniqueId : new int[] {0x81, 0x82}) {
      if (fields.tag() == uniqueId) {
        fields.read(uniqueId);
      }
    }
    if (fields.tag() == 0xa3) {
      Der all = fields.read(0xa3);
      Der list = all.read(Der.SEQUENCE);
      all.end();
      while (!list.isAtEnd()) {
        Der extension = list.read(Der.SEQUENCE);
        String identifier = extension.identifier();
        boolean critical = extension.optionalBoolean();
        byte[] value = extension.read(Der.OCTET_STRING).rest();
        extension.end();
        Extension earlier = extensions.put(identifier, new Extension(critical, value));
        expect(earlier == null, "each extension once");
      }
    }
    fields.end();
  }

  /** Only the two forms of RFC 5280, and no year before 1970. */
  private static void checkTime(Der validity) throws Malformed {
    int tag = validity.tag();
    String time = new String(validity.read(tag).rest(), StandardCharsets.ISO_8859_1);
    expect(
        tag == 0x17 && time.matches("([0-4]|[7-9])[0-9]{11}Z")
            || tag == 0x18 && time.matches("(19[7-9]|[2-9][0-9]{2})[0-9]{11}Z"),
        "a time since 1970");
  }

  /** Whether clients know the algorithm that signed this certificate. */
  boolean hasKnownSignature() {
    try {
      Der algorithm = Der.sequence(signature);
      String identifier = algorithm.identifier();
      String parameters = HexFormat.of().formatHex(algorithm.rest());
      return identifier.equals(RSASSA_PSS)
          ? PSS.contains(parameters)
          : SIGNATURES.contains(identifier) && Set.of("", "0500").contains(parameters);
    } catch (Malformed e) {
      return false;
    }
  }

  /** The kind of key, or null if clients do not know it: they demand whole points, named curves. */
  String knownKey() {
    return knownKey(key);
  }

  /** The same of a key outside a certificate. */
  static String knownKey(byte[] subjectPublicKeyInfo) {
    try {
      Der fields = Der.sequence(subjectPublicKeyInfo);
      Der algorithm = fields.read(Der.SEQUENCE);
      Der bits = fields.wholeBits();
      fields.end();
      switch (algorithm.identifier()) {
        case "1.2.840.113549.1.1.1" -> {
          algorithm.read(Der.NULL).end();
          algorithm.end();
          return "RSA"; // the JDK has read modulus and exponent
        }
        case "1.2.840.10045.2.1" -> {
          Curve curve = CURVES.get(algorithm.identifier());
          algorithm.end();
          return curve != null && bits.next() == 4 && bits.rest().length == 2 * curve.bytes()
              ? curve.name()
              : null;
        }
        default -> {
          return null;
        }
      }
    } catch (Malformed e) {
      return null;
    }
  }

  /** What is in an extension, or null if the certificate does not have it. */
  byte[] extension(String identifier) {
    Extension extension = extensions.get(identifier);
    return extension == null ? null : extension.value();
  }

  /** Whether there is a critical extension that clients do not know. */
  boolean hasUnknownCriticalExtension() {
    return extensions.entrySet().stream()
        .anyMatch(it -> it.getValue().critical() && !KNOWN.containsKey(it.getKey()));
  }

  /**
   * The name of an extension that clients cannot parse, or null.
   *
   * @param passedOver what they do not decode in such a certificate; it may not be empty, though
   */
  String unreadableExtension(Set<String> passedOver) {
    for (Map.Entry<String, Extension> entry : extensions.entrySet()) {
      String identifier = entry.getKey();
      byte[] value = entry.getValue().value();
      try {
        if (KNOWN.containsKey(identifier)) {
          expect(value.length > 0, "content");
          if (!passedOver.contains(identifier)) {
            decode(identifier, value);
          }
        }
      } catch (Malformed e) {
        return KNOWN.get(identifier);
      }
    }
    return null;
  }

  private static void decode(String identifier, byte[] value) throws Malformed {
    switch (identifier) {
      case BASIC_CONSTRAINTS -> checkBasicConstraints(value);
      case KEY_USAGE -> checkKeyUsage(value);
      case EXTENDED_KEY_USAGE -> purposes(value);
      case ALTERNATIVE_NAME -> names(value);
      case NAME_CONSTRAINTS -> new NameConstraints(value);
      case TIMESTAMPS -> {
        Der outer = new Der(value);
        outer.read(Der.OCTET_STRING);
        outer.end();
      }
      default -> {} // clients do not decode it
    }
  }

  private static void checkBasicConstraints(byte[] value) throws Malformed {
    Der fields = Der.sequence(value);
    fields.optionalBoolean();
    if (fields.tag() == Der.INTEGER) {
      fields.smallInteger();
    }
    fields.end();
  }

  private static void checkKeyUsage(byte[] value) throws Malformed {
    Der bits = new Der(value).read(Der.BIT_STRING);
    int padding = bits.next();
    byte[] content = bits.rest();
    expect(padding < 8 && content.length > 0, "bits");
    expect((content[content.length - 1] & (1 << padding) - 1) == 0, "zeros as padding");
  }

  /** Decodes an extension. */
  private interface Decoder<T> {
    T decode(byte[] value) throws Malformed;
  }

  private <T> T decoded(String identifier, Decoder<T> decoder) {
    try {
      byte[] value = extension(identifier);
      return value == null ? null : decoder.decode(value);
    } catch (Malformed e) {
      return null; // see unreadableExtension
    }
  }

  /** The extended key usage, or null if there is none that can be parsed. */
  List<String> purposes() {
    return decoded(EXTENDED_KEY_USAGE, CertificateFields::purposes);
  }

  private static List<String> purposes(byte[] value) throws Malformed {
    List<String> purposes = new ArrayList<>();
    for (Der list = Der.sequence(value); !list.isAtEnd(); ) {
      purposes.add(list.identifier());
    }
    return purposes;
  }

  /** The name constraints, or null if there are none that can be parsed. */
  NameConstraints nameConstraints() {
    return decoded(NAME_CONSTRAINTS, NameConstraints::new);
  }

  /** The names of the SAN, or null if there is none that can be parsed. */
  List<Name> names() {
    return decoded(ALTERNATIVE_NAME, CertificateFields::names);
  }

  private static List<Name> names(byte[] value) throws Malformed {
    List<Name> names = new ArrayList<>();
    for (Der list = Der.sequence(value); !list.isAtEnd(); ) {
      names.add(NameConstraints.name(list));
    }
    return names;
  }

  /** Whether it has the TLS features that a parent demands of those below it. */
  boolean hasTlsFeaturesOf(CertificateFields parent) {
    byte[] demanded = parent.extension(TLS_FEATURES);
    return demanded == null || Arrays.equals(demanded, extension(TLS_FEATURES));
  }
}
