//JAVA 25+
//SOURCES ../Advice.java ../Display.java CertificateFields.java Der.java MozillaRoots.java NameConstraints.java

package common.signature;

import common.Advice;
import common.Advice.Runbook;
import common.Display;
import common.signature.Der.Malformed;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.SignatureException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The chain that an {@code x5u} names: leaf, intermediate and root, trusted for nothing until each
 * step of {@link #verify} and {@link #verifySigner} has passed (docs/specification.md,
 * <i>validate_signature</i>, steps 3 and 4).
 *
 * <p>The JDK parses certificates and verifies signatures. The rest is judged as Mozilla's clients
 * judge it (mozilla::pkix), with {@link CertificateFields} and {@link NameConstraints}: the JDK's
 * own validation compares names more loosely, passes over extensions that it cannot parse, knows
 * nothing of code signing, and names only one of several expired certificates.
 */
public final class CertificateChain {

  private static final String SIGNER_DOMAIN = ".content-signature.mozilla.org";
  private static final Pattern SIGNER_NAME =
      Pattern.compile("[A-Za-z0-9_-]+" + Pattern.quote(SIGNER_DOMAIN), Pattern.CASE_INSENSITIVE);
  private static final String CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
  private static final String OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
  private static final int DIGITAL_SIGNATURE = 0; // bits of the key usage
  private static final int KEY_CERT_SIGN = 5;
  private static final String LEAF_KEY = "EC P-384";
  private static final String BEGIN = "-----BEGIN CERTIFICATE-----";
  private static final String END = "-----END CERTIFICATE-----";
  private static final Pattern LIKE_BEGIN_OR_END = Pattern.compile("-----(BEGIN|END) CERTIFICATE");
  private static final int MIN_RSA_BITS = 2048;

  /** Why a signature or its chain is refused; the JSON output has its name in lower case. */
  public enum Cause {
    RECORDS_DIFFER(
        "refresh the signature if the records are right, else find out who changed them"),
    TIMESTAMP_DIFFERS("refresh the signature; if it comes back, compare the timestamps"),
    SERVER_FRACTIONS("keep fractions out of records, or put them into strings"),
    EXPIRED(
        "ask whoever runs the signer for a new chain, then refresh the signatures",
        Runbook.CERTIFICATE_EXPIRED),
    NOT_YET_VALID(
        "check the clock of this machine (date -u), then that of the signer",
        Runbook.CERTIFICATE_EXPIRED),
    WRONG_ROOT("are SERVER and ROOT_HASH of the same environment?"),
    BROKEN_CHAIN("ask whoever runs the signer to mend the chain that x5u names"),
    WRONG_SAN("ask whoever runs the signer which name signs this bucket"),
    WRONG_USAGE("ask whoever runs the signer for certificates for code signing"),
    WRONG_KEY("ask whoever runs the signer for a leaf with a P-384 key"),
    CHAIN_NOT_REACHABLE("ask whoever runs the signer where its chains are served"),
    MALFORMED_SIGNATURE("refresh the signature; if that does not help, see the server's log"),
    UNKNOWN_MODE("clients verify p384ecdsa: add such a signer to the server"),
    NO_CHAIN("a local signer of the server? --public-key FILE verifies what it signs"),
    SIGNATURE_MISSING("refresh the signature; if none appears, see the server's log"),
    CUT("raise the server's limit of records in one answer, or remove records"),
    CACHED("purge the cache, or wait until it asks the server again"),
    NOT_READABLE("check that the collection exists and that everyone may read it");

    private final Advice advice;

    Cause(String hint) {
      this(hint, Runbook.BAD_SIGNATURE);
    }

    Cause(String hint, Runbook page) {
      advice = new Advice(Advice.slug(this), hint, page);
    }

    /** The cause as the JSON output names it: {@code wrong-root}. */
    public String slug() {
      return advice.cause();
    }
  }

  /** One reason why a signature is not accepted, with the values that differ. */
  public static final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private final Cause cause;
    private final transient Advice advice;
    private final boolean undecided;

    public Refused(Cause cause, String reason) {
      this(cause, reason, null);
    }

    public Refused(Cause cause, String reason, String hint) {
      this(cause, reason, hint, false);
    }

    private Refused(Cause cause, String reason, String hint, boolean undecided) {
      super(reason, null, false, false); // used as a value: nobody reads its stack trace
      this.cause = cause;
      Advice usual = cause.advice.or(hint);
      this.advice = undecided ? new Advice(usual.cause(), usual.hint(), Runbook.NO_VERDICT) : usual;
      this.undecided = undecided;
    }

    /** A reason that proves nothing: with other settings, the signature might be accepted. */
    public static Refused undecided(Cause cause, String reason, String hint) {
      return new Refused(cause, reason, hint, true);
    }

    public boolean isUndecided() {
      return undecided;
    }

    public Cause cause() {
      return cause;
    }

    /** What to do about it. */
    public Advice advice() {
      return advice;
    }
  }

  private final X509Certificate leaf;
  private final X509Certificate intermediate;
  private final X509Certificate root;
  private final List<CertificateFields> fields; // of the three, as clients decode them
  private final List<String> leafNames; // DNS names of the SAN
  private final List<Certificate> certificates;
  private final boolean hasCrLf;
  private final Set<Instant> goodAt = ConcurrentHashMap.newKeySet();

  private CertificateChain(
      List<X509Certificate> certificates, List<CertificateFields> fields, boolean hasCrLf) {
    this.leaf = certificates.get(0);
    this.intermediate = certificates.get(1);
    this.root = certificates.get(2);
    this.fields = List.copyOf(fields);
    this.leafNames = dnsNames(fields.getFirst());
    this.certificates =
        certificates.stream()
            .map(it ->
                new Certificate(
                    name(it),
                    it.getNotBefore().toInstant(),
                    it.getNotAfter().toInstant(),
                    hash(it)))
            .toList();
    this.hasCrLf = hasCrLf;
  }

  /**
   * Reads the three certificates of a chain in PEM, in their order. Lines outside the certificates'
   * blocks are passed over, as clients do; the lines of a block are taken as they stand.
   */
  public static CertificateChain parse(byte[] pem) throws Refused {
    List<X509Certificate> certificates = new ArrayList<>();
    List<CertificateFields> fields = new ArrayList<>();
    StringBuilder block = null; // null outside
    boolean hasCrLf = false;
    int number = 0;
    for (String line : text(pem).split("\n", -1)) {
      number++;
      String text = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
      if (block == null) {
        if (text.equals(BEGIN)) {
          block = new StringBuilder();
        } else if (LIKE_BEGIN_OR_END.matcher(text).find()) {
          throw broken(
              "the chain is not PEM: clients disagree whether line %d begins or ends a certificate",
              number);
        }
      } else if (text.equals(END)) {
        int place = certificates.size() + 1;
        byte[] der = decoded(block.toString(), place);
        certificates.add(certificate(der, place));
        fields.add(fields(der, place));
        block = null;
      } else if (LIKE_BEGIN_OR_END.matcher(text).find()) {
        throw broken("the chain is not PEM: a certificate has no end");
      } else {
        block.append(text);
        hasCrLf |= line.endsWith("\r");
      }
    }
    if (block != null) {
      throw broken("the chain is not PEM: a certificate has no end");
    }
    if (certificates.isEmpty()) {
      throw broken(
          pem.length == 0 ? "the chain is empty" : "the chain is not PEM: no certificate in it");
    }
    if (certificates.size() != 3) {
      throw broken(
          "the chain has %d certificate%s, expected 3 (leaf, intermediate, root)",
          certificates.size(), certificates.size() == 1 ? "" : "s");
    }
    return new CertificateChain(certificates, fields, hasCrLf);
  }

  private static String text(byte[] pem) throws Refused {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(pem)).toString();
    } catch (CharacterCodingException e) {
      throw broken("the chain is not PEM: it is not UTF-8"); // Android and iOS refuse it
    }
  }

  /** Neither spaces nor digits without padding: the same bytes give the same text. */
  private static byte[] decoded(String base64, int place) throws Refused {
    try {
      byte[] der = Base64.getDecoder().decode(base64);
      if (Base64.getEncoder().encodeToString(der).equals(base64)) {
        return der;
      }
    } catch (IllegalArgumentException e) {
      // reported in the same way as padding that is missing
    }
    throw broken("certificate %s of the chain is not base64 as clients read it", place);
  }

  private static X509Certificate certificate(byte[] der, int place) throws Refused {
    try {
      X509Certificate certificate =
          (X509Certificate)
              CertificateFactory.getInstance("X.509")
                  .generateCertificate(new ByteArrayInputStream(der));
      if (Arrays.equals(der, certificate.getEncoded())) { // nothing follows it
        return certificate;
      }
    } catch (CertificateException | RuntimeException e) {
      // reported in the same way as extra bytes after the certificate
    }
    throw broken("certificate %s of the chain cannot be parsed", place);
  }

  private static CertificateFields fields(byte[] der, int place) throws Refused {
    try {
      return new CertificateFields(der);
    } catch (Malformed e) {
      throw broken("certificate %s of the chain cannot be parsed", place);
    }
  }

  /**
   * Verifies everything but the root's identity and the signer's name, as of an instant. The result
   * is kept for the instant, because hundreds of collections share a chain.
   */
  public void verify(Instant at) throws Refused {
    if (isVerified(at)) {
      return;
    }
    checkOrder();
    checkDates(at);
    checkStrength();
    checkExtensions();
    checkAuthorities();
    checkNames();
    checkSignatures();
    checkLeaf();
    goodAt.add(at);
  }

  /** Whether {@link #verify} has passed for this instant. */
  public boolean isVerified(Instant at) {
    return goodAt.contains(at);
  }

  private void checkOrder() throws Refused {
    boolean lower = issued(intermediate, leaf);
    if (lower && issued(root, intermediate)) {
      if (!issued(root, root)) {
        throw broken(
            "the root is not self-signed: issued by %s%s",
            root.getIssuerX500Principal(), otherBytes(root, root));
      }
      return;
    }
    boolean reordered =
        isChain(leaf, root, intermediate)
            || isChain(intermediate, leaf, root)
            || isChain(intermediate, root, leaf)
            || isChain(root, leaf, intermediate)
            || isChain(root, intermediate, leaf);
    if (reordered && Stream.of(leaf, intermediate, root).distinct().count() == 3) {
      throw broken("the certificates are in the wrong order, expected leaf, intermediate, root");
    }
    throw lower
        ? broken(
            "the intermediate was issued by %s, but the root is %s%s",
            intermediate.getIssuerX500Principal(),
            root.getSubjectX500Principal(),
            otherBytes(root, intermediate))
        : broken(
            "the leaf was issued by %s, but the intermediate is %s%s",
            leaf.getIssuerX500Principal(),
            intermediate.getSubjectX500Principal(),
            otherBytes(intermediate, leaf));
  }

  private boolean isChain(X509Certificate first, X509Certificate second, X509Certificate third) {
    return issued(second, first) && issued(third, second) && issued(third, third);
  }

  private boolean issued(X509Certificate parent, X509Certificate child) {
    return Arrays.equals(fields(child).issuer, fields(parent).subject);
  }

  /** The rest of the sentence where the JDK takes two names for the same. */
  private static String otherBytes(X509Certificate parent, X509Certificate child) {
    return child.getIssuerX500Principal().equals(parent.getSubjectX500Principal())
        ? ", and clients compare names byte by byte"
        : "";
  }

  private CertificateFields fields(X509Certificate certificate) {
    return fields.get(certificate == leaf ? 0 : certificate == intermediate ? 1 : 2);
  }

  /** Names every certificate that is outside its validity, which includes both ends. */
  private void checkDates(Instant at) throws Refused {
    List<String> reasons = new ArrayList<>();
    Cause cause = null;
    for (X509Certificate certificate : List.of(leaf, intermediate, root)) {
      Instant start = certificate.getNotBefore().toInstant();
      Instant end = certificate.getNotAfter().toInstant();
      if (at.isAfter(end)) {
        reasons.add("the " + name(certificate) + " expired on " + Display.moment(end));
        cause = cause == null ? Cause.EXPIRED : cause;
      } else if (at.isBefore(start)) {
        reasons.add("the " + name(certificate) + " is not valid before " + Display.moment(start));
        cause = cause == null ? Cause.NOT_YET_VALID : cause;
      }
    }
    if (cause != null) {
      throw new Refused(
          cause, "%s (checked as of %s)".formatted(String.join(", ", reasons), Display.moment(at)));
    }
  }

  /**
   * Refuses signatures and keys that clients do not know, or that a forger could afford. The root's
   * own signature proves nothing and may be old. The JDK has such rules, too, but they depend on
   * its configuration.
   */
  private void checkStrength() throws Refused {
    for (X509Certificate certificate : List.of(leaf, intermediate)) {
      if (!fields(certificate).hasKnownSignature()) {
        throw broken(
            "the %s is signed with %s%s, expected ECDSA or RSA with SHA-256, -384 or -512",
            name(certificate),
            certificate.getSigAlgName(),
            certificate.getSigAlgName().equals("RSASSA-PSS") ? " of unusual parameters" : "");
      }
    }
    for (X509Certificate parent : List.of(intermediate, root)) {
      if (fields(parent).knownKey() == null) {
        throw broken(
            "the %s's key is %s, expected RSA or EC P-256, P-384 or P-521",
            name(parent), keyName(parent.getPublicKey()));
      }
      if (parent.getPublicKey() instanceof RSAPublicKey key
          && key.getModulus().bitLength() < MIN_RSA_BITS) {
        throw broken(
            "the %s's key is RSA of %d bits, expected %d or more",
            name(parent), key.getModulus().bitLength(), MIN_RSA_BITS);
      }
    }
  }

  /**
   * Refuses what clients cannot parse, whether or not it is critical, and critical unknown ones.
   */
  private void checkExtensions() throws Refused {
    boolean constrained = fields(root).extension(CertificateFields.NAME_CONSTRAINTS) != null;
    for (X509Certificate certificate : List.of(leaf, intermediate, root)) {
      Set<String> passedOver =
          certificate == leaf
              ? Set.of(CertificateFields.NAME_CONSTRAINTS)
              : certificate == intermediate && constrained
                  ? Set.of(CertificateFields.TIMESTAMPS)
                  : Set.of(CertificateFields.TIMESTAMPS, CertificateFields.ALTERNATIVE_NAME);
      String unreadable = fields(certificate).unreadableExtension(passedOver);
      if (unreadable != null) {
        throw broken("the %s's %s cannot be parsed", name(certificate), unreadable);
      }
      if (fields(certificate).hasUnknownCriticalExtension()) {
        throw broken("the %s is refused: unrecognized critical extension(s)", name(certificate));
      }
    }
  }

  private void checkAuthorities() throws Refused {
    for (X509Certificate parent : List.of(intermediate, root)) {
      if (parent.getBasicConstraints() < 0) {
        throw broken("the %s is not a CA certificate", name(parent));
      }
      boolean[] usage = parent.getKeyUsage();
      if (usage == null || !usage[KEY_CERT_SIGN]) {
        throw broken("the %s's key usage lacks certificate signing", name(parent));
      }
      List<String> purposes = fields(parent).purposes();
      if (purposes != null && !purposes.contains(CODE_SIGNING)) {
        throw wrongUsage(
            "the %s's extended key usage is %s, expected code signing",
            name(parent), shown(purposes));
      }
    }
    if (root.getBasicConstraints() == 0) { // also where the intermediate is self-issued
      throw broken("the intermediate exceeds the path length of the certificate above it");
    }
    checkTlsFeatures(leaf, intermediate);
    checkTlsFeatures(intermediate, root);
  }

  private void checkTlsFeatures(X509Certificate child, X509Certificate parent) throws Refused {
    if (!fields(child).hasTlsFeaturesOf(fields(parent))) {
      throw broken("the %s lacks the TLS features of the %s", name(child), name(parent));
    }
  }

  /** The name constraints of a parent hold for every certificate below it. */
  private void checkNames() throws Refused {
    List<X509Certificate> upwards = List.of(leaf, intermediate, root);
    for (int parent = 1; parent < upwards.size(); parent++) {
      NameConstraints constraints = fields.get(parent).nameConstraints();
      for (int child = parent - 1; constraints != null && child >= 0; child--) {
        if (!constraints.permit(fields.get(child).names(), fields.get(child).subject)) {
          throw broken(
              "the %s's names break the name constraints above it", name(upwards.get(child)));
        }
      }
    }
  }

  private void checkSignatures() throws Refused {
    checkSignature(root, root, "the root is not self-signed");
    checkSignature(intermediate, root, "the intermediate is not signed by the root");
    checkSignature(leaf, intermediate, "the leaf is not signed by the intermediate");
  }

  private static void checkSignature(X509Certificate child, X509Certificate parent, String reason)
      throws Refused {
    try {
      child.verify(parent.getPublicKey());
    } catch (SignatureException | InvalidKeyException e) {
      throw broken(reason);
    } catch (GeneralSecurityException | RuntimeException e) {
      // the provider failed (an algorithm that it does not know): nothing is proven
      throw broken("%s: %s", reason, e.getMessage());
    }
  }

  private void checkLeaf() throws Refused {
    if (!LEAF_KEY.equals(fields(leaf).knownKey())) {
      throw new Refused(
          Cause.WRONG_KEY,
          "the leaf's key is %s, expected %s".formatted(keyName(leaf.getPublicKey()), LEAF_KEY));
    }
    if (leaf.getBasicConstraints() >= 0) {
      throw wrongUsage("the leaf is a CA certificate");
    }
    boolean[] usage = leaf.getKeyUsage();
    if (usage != null && !usage[DIGITAL_SIGNATURE]) {
      throw wrongUsage("the leaf's key usage lacks digital signature");
    }
    List<String> purposes = fields(leaf).purposes();
    if (purposes == null || !purposes.contains(CODE_SIGNING)) {
      throw wrongUsage(
          "the leaf's extended key usage is %s, expected code signing",
          purposes == null ? "missing" : shown(purposes));
    }
    if (purposes.contains(OCSP_SIGNING)) {
      throw wrongUsage("the leaf's extended key usage has OCSP signing, which clients refuse");
    }
  }

  private static String shown(List<String> purposes) {
    return purposes.isEmpty() ? "empty" : purposes.toString();
  }

  /** Whether a key verifies collections. */
  static boolean isP384(PublicKey key) {
    return LEAF_KEY.equals(CertificateFields.knownKey(key.getEncoded()));
  }

  static String keyName(PublicKey key) {
    if (!(key instanceof ECPublicKey ec)) {
      return key.getAlgorithm();
    }
    int bits = ec.getParams().getCurve().getField().getFieldSize();
    return bits == 384 ? "EC on another curve of 384 bits" : "EC P-" + bits;
  }

  /**
   * Verifies that the leaf was issued for the signer.
   *
   * @param signer the part of the name before {@code .content-signature.mozilla.org}, or null for
   *     any
   */
  public void verifySigner(String signer) throws Refused {
    boolean found = signer == null ? !signerNames().isEmpty() : isIssuedFor(signer);
    if (!found) {
      throw new Refused(
          Cause.WRONG_SAN,
          "the leaf's SAN is %s, expected %s"
              .formatted(
                  leafNames.isEmpty() ? "missing" : String.join(", ", leafNames),
                  signerName(signer == null ? "NAME" : signer)));
    }
  }

  /** The name that a leaf of this signer carries. */
  static String signerName(String signer) {
    return signer + SIGNER_DOMAIN;
  }

  /**
   * Whether the leaf carries the name of this signer, whatever other names it carries. Clients
   * compare in ASCII, in any case, and get no further than a name that is not one of a host.
   */
  boolean isIssuedFor(String signer) {
    Pattern name = Pattern.compile(signerName(signer), Pattern.LITERAL | Pattern.CASE_INSENSITIVE);
    return leafNames.stream()
        .takeWhile(NameConstraints::isHostName)
        .anyMatch(name.asMatchPredicate());
  }

  /** The names of signers that the leaf carries: those directly below the domain of all signers. */
  List<String> signerNames() {
    return leafNames.stream()
        .takeWhile(NameConstraints::isHostName)
        .filter(SIGNER_NAME.asMatchPredicate())
        .toList();
  }

  private static List<String> dnsNames(CertificateFields leaf) {
    List<NameConstraints.Name> names = leaf.names();
    return names == null
        ? List.of()
        : names.stream()
            .filter(name -> name.kind() == NameConstraints.DNS_NAME)
            .map(NameConstraints.Name::text)
            .toList();
  }

  /** Verifies that the root is one of those trusted, given as colon hex of their SHA-256. */
  public void verifyRoot(Set<String> trusted) throws Refused {
    String seen = rootHash();
    if (!trusted.contains(seen)) {
      throw new Refused(
          Cause.WRONG_ROOT,
          "the root is %s, expected %s".formatted(seen, String.join(" or ", trusted)),
          "stage or production? "
              + MozillaRoots.whose(seen)
                  .orElse("this root is not one of Mozilla's production, stage or dev"));
    }
  }

  /** The root's SHA-256 as upper-case colon hex. */
  public String rootHash() {
    return certificates.getLast().hash();
  }

  private static String hash(X509Certificate certificate) {
    try {
      return HexFormat.ofDelimiter(":")
          .withUpperCase()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // it was parsed, and every JDK has SHA-256
    }
  }

  /** Whether its lines end with CRLF, which Firefox accepts, but Android and iOS refuse. */
  public boolean hasCrLf() {
    return hasCrLf;
  }

  /** The key that signs collections. */
  PublicKey leafKey() {
    return leaf.getPublicKey();
  }

  /**
   * One of the three certificates, for those who watch when it ends.
   *
   * @param role leaf, intermediate or root
   * @param start the first instant at which it is valid
   * @param end the last instant at which it is valid
   * @param hash its SHA-256 as upper-case colon hex, the same in every chain that has it
   */
  public record Certificate(String role, Instant start, Instant end, String hash) {

    /**
     * How long before its end it should be replaced, unless the user says: a tenth of its lifetime,
     * 7 to 60 days.
     */
    public Duration defaultWarningPeriod() {
      long least = Duration.ofDays(7).toMillis();
      long most = Duration.ofDays(60).toMillis();
      long tenth = Duration.between(start, end).dividedBy(10).toMillis();
      return Duration.ofMillis(Math.clamp(tenth, least, most));
    }
  }

  /** Leaf, intermediate and root. */
  public List<Certificate> certificates() {
    return certificates;
  }

  /** When each ends, on which day in UTC, and whose leaf it is, for people. */
  String ends() {
    String names = leafNames.isEmpty() ? "" : " of " + String.join(", ", leafNames);
    List<LocalDate> days =
        certificates.stream().map(it -> LocalDate.ofInstant(it.end(), ZoneOffset.UTC)).toList();
    return "leaf%s ends on %s, intermediate on %s, root on %s"
        .formatted(names, days.get(0), days.get(1), days.get(2));
  }

  /** The last instant at which the leaf is valid. */
  public Instant leafEnd() {
    return leaf.getNotAfter().toInstant();
  }

  private String name(X509Certificate certificate) {
    return certificate == leaf ? "leaf" : certificate == intermediate ? "intermediate" : "root";
  }

  private static Refused broken(String reason, Object... values) {
    return new Refused(Cause.BROKEN_CHAIN, reason.formatted(values));
  }

  private static Refused wrongUsage(String reason, Object... values) {
    return new Refused(Cause.WRONG_USAGE, reason.formatted(values));
  }
}
