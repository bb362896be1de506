//JAVA 25+
//SOURCES MozillaRoots.java

package common.signature;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXReason;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The chain that an {@code x5u} names: leaf, intermediate and root, trusted for nothing until each
 * step of {@link #verify} and {@link #verifySigner} has passed (docs/specification.md,
 * <i>validate_signature</i>, steps 3 and 4).
 *
 * <p>The JDK's PKIX validation does the signatures, the CA constraints, the path lengths and the
 * name constraints; the root goes through it like the others, against its own key. Dates, usages,
 * key and names are checked here, because PKIX names only one of several expired certificates and
 * knows nothing of code signing.
 */
public final class CertificateChain {

  private static final String SIGNER_DOMAIN = ".content-signature.mozilla.org";
  private static final Pattern SIGNER_NAME =
      Pattern.compile("[^.*]+" + Pattern.quote(SIGNER_DOMAIN), Pattern.CASE_INSENSITIVE);
  private static final String CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
  private static final String KEY_USAGE = "2.5.29.15";
  private static final String NAME_CONSTRAINTS = "2.5.29.30";
  private static final String EXTENDED_KEY_USAGE = "2.5.29.37";
  private static final int DNS_NAME = 2; // GeneralName's tag in a subject alternative name
  private static final int DIGITAL_SIGNATURE = 0; // bits of the key usage
  private static final int KEY_CERT_SIGN = 5;
  private static final int MIN_RSA_BITS = 2048;
  private static final Pattern WEAK_HASH = Pattern.compile("^(MD|SHA-?1(?!\\d))");

  /** Why a signature or its chain is refused; the JSON output has its name in lower case. */
  public enum Cause {
    RECORDS_DIFFER,
    TIMESTAMP_DIFFERS,
    SERVER_FRACTIONS,
    EXPIRED,
    NOT_YET_VALID,
    WRONG_ROOT,
    BROKEN_CHAIN,
    WRONG_SAN,
    WRONG_USAGE,
    WRONG_KEY,
    CHAIN_NOT_REACHABLE,
    MALFORMED_SIGNATURE,
    UNKNOWN_MODE,
    NO_CHAIN,
    SIGNATURE_MISSING,
    CUT,
    CACHED,
    NOT_READABLE;

    /** The cause as the JSON output names it: {@code wrong-root}. */
    public String slug() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** One reason why a signature is not accepted, with the values that differ. */
  public static final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private final Cause cause;
    private final String hint;
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
      this.hint = hint;
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

    /** What to do about it, or null. */
    public String hint() {
      return hint;
    }
  }

  private final X509Certificate leaf;
  private final X509Certificate intermediate;
  private final X509Certificate root;

  private final List<String> leafNames;
  private final Set<Instant> goodAt = ConcurrentHashMap.newKeySet();

  private final boolean hasCrLf;

  private CertificateChain(List<X509Certificate> certificates, boolean hasCrLf) throws Refused {
    this.leaf = certificates.get(0);
    this.intermediate = certificates.get(1);
    this.root = certificates.get(2);
    this.hasCrLf = hasCrLf;
    // before PKIX runs: for a SAN without DNS names it puts the subject's common name there
    this.leafNames = dnsNames(leaf);
  }

  /**
   * Reads the three certificates of a chain in PEM, in their order; lines outside the certificates'
   * blocks are ignored, as clients do.
   */
  public static CertificateChain parse(byte[] pem) throws Refused {
    List<X509Certificate> certificates = new ArrayList<>();
    String text = new String(pem, StandardCharsets.ISO_8859_1);
    String lines = text.lines().map(String::strip).collect(Collectors.joining("\n", "\n", "\n"));
    String[] blocks = lines.split("(?<=\n)-----BEGIN CERTIFICATE-----(?=\n)");
    for (int number = 1; number < blocks.length; number++) { // the first part precedes all blocks
      int end = blocks[number].indexOf("\n-----END CERTIFICATE-----\n");
      if (end < 0) {
        throw broken("the chain is not PEM: a certificate has no end");
      }
      certificates.add(certificate(blocks[number].substring(0, end).replace("\n", ""), number));
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
    return new CertificateChain(certificates, text.contains("\r\n"));
  }

  private static X509Certificate certificate(String base64, int number) throws Refused {
    try {
      byte[] der = Base64.getDecoder().decode(base64);
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
    throw broken("certificate %s of the chain cannot be parsed", number);
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
    checkAuthorities();
    checkPath(at);
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
        throw broken("the root is not self-signed: issued by %s", root.getIssuerX500Principal());
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
            "the intermediate was issued by %s, but the root is %s",
            intermediate.getIssuerX500Principal(), root.getSubjectX500Principal())
        : broken(
            "the leaf was issued by %s, but the intermediate is %s",
            leaf.getIssuerX500Principal(), intermediate.getSubjectX500Principal());
  }

  private static boolean isChain(
      X509Certificate first, X509Certificate second, X509Certificate third) {
    return issued(second, first) && issued(third, second) && issued(third, third);
  }

  private static boolean issued(X509Certificate parent, X509Certificate child) {
    return child.getIssuerX500Principal().equals(parent.getSubjectX500Principal());
  }

  /** Names every certificate that is outside its validity, which includes both ends. */
  private void checkDates(Instant at) throws Refused {
    List<String> reasons = new ArrayList<>();
    Cause cause = null;
    for (X509Certificate certificate : List.of(leaf, intermediate, root)) {
      Instant start = certificate.getNotBefore().toInstant();
      Instant end = certificate.getNotAfter().toInstant();
      if (at.isAfter(end)) {
        reasons.add("the " + name(certificate) + " expired on " + date(end));
        cause = cause == null ? Cause.EXPIRED : cause;
      } else if (at.isBefore(start)) {
        reasons.add("the " + name(certificate) + " is not valid before " + date(start));
        cause = cause == null ? Cause.NOT_YET_VALID : cause;
      }
    }
    if (cause != null) {
      throw new Refused(
          cause, "%s (checked as of %s)".formatted(String.join(", ", reasons), date(at)));
    }
  }

  /**
   * Refuses what a forger could afford: a SHA-1 signature (the root's own proves nothing and may be
   * old), a short RSA key. The JDK has such rules, too, but they depend on its configuration.
   */
  private void checkStrength() throws Refused {
    for (X509Certificate certificate : List.of(leaf, intermediate)) {
      String algorithm = signatureAlgorithm(certificate);
      if (WEAK_HASH.matcher(algorithm).find()) {
        throw broken(
            "the %s is signed with %s, expected SHA-256 or better", name(certificate), algorithm);
      }
    }
    for (X509Certificate certificate : List.of(intermediate, root)) {
      if (certificate.getPublicKey() instanceof RSAPublicKey key
          && key.getModulus().bitLength() < MIN_RSA_BITS) {
        throw broken(
            "the %s's key is RSA of %d bits, expected %d or more",
            name(certificate), key.getModulus().bitLength(), MIN_RSA_BITS);
      }
    }
  }

  /** The name of the hash comes first: {@code SHA384withECDSA}. */
  private static String signatureAlgorithm(X509Certificate certificate) {
    String name = certificate.getSigAlgName();
    if (!name.equals("RSASSA-PSS")) {
      return name;
    }
    String hash = "SHA-1"; // what absent parameters stand for (RFC 4055, 3.1)
    if (certificate.getSigAlgParams() != null) {
      try {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance(name);
        parameters.init(certificate.getSigAlgParams());
        hash = parameters.getParameterSpec(PSSParameterSpec.class).getDigestAlgorithm();
      } catch (GeneralSecurityException | IOException e) {
        // unreadable parameters count as absent
      }
    }
    return hash + "with" + name;
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
      checkNameConstraints(parent);
    }
    List<String> usages = extendedKeyUsage(intermediate);
    if (!usages.isEmpty() && !usages.contains(CODE_SIGNING)) {
      throw wrongUsage(
          "the intermediate's extended key usage is %s, expected code signing", usages);
    }
  }

  /**
   * Refuses name constraints that cannot be parsed: where they are not critical (as in Mozilla's
   * older chains) the JDK would ignore them.
   */
  private void checkNameConstraints(X509Certificate parent) throws Refused {
    byte[] value = parent.getExtensionValue(NAME_CONSTRAINTS);
    if (value == null) {
      return;
    }
    try {
      int header = value[1] >= 0 ? 2 : 2 + (value[1] & 0x7f); // of the octet string around it
      new X509CertSelector().setNameConstraints(Arrays.copyOfRange(value, header, value.length));
    } catch (IOException | RuntimeException e) {
      throw broken("the %s's name constraints cannot be parsed", name(parent));
    }
  }

  private void checkPath(Instant at) throws Refused {
    try {
      // The root is part of the path, under an anchor made of its own name and key, so that its own
      // signature, path length and name constraints are validated, too.
      TrustAnchor anchor =
          new TrustAnchor(root.getSubjectX500Principal(), root.getPublicKey(), null);
      PKIXParameters parameters = new PKIXParameters(Set.of(anchor));
      parameters.setRevocationEnabled(false); // leaves live for weeks; clients do not check it
      parameters.setDate(Date.from(at));
      CertPathValidator.getInstance("PKIX")
          .validate(
              CertificateFactory.getInstance("X.509")
                  .generateCertPath(List.of(leaf, intermediate, root)),
              parameters);
    } catch (CertPathValidatorException e) {
      if (leafNames.isEmpty() && e.getReason() == PKIXReason.INVALID_NAME) {
        verifySigner(null); // PKIX looked at the common name, which is not a SAN
      }
      throw refused(e);
    } catch (GeneralSecurityException | RuntimeException e) {
      // the provider failed (an unknown key type, a curve it cannot load): nothing is proven
      throw broken("the chain cannot be validated: %s", e.getMessage());
    }
  }

  private Refused refused(CertPathValidatorException e) {
    int index = e.getIndex();
    String certificate = index < 0 ? "chain" : name(List.of(leaf, intermediate, root).get(index));
    CertPathValidatorException.Reason reason = e.getReason();
    if (reason == CertPathValidatorException.BasicReason.INVALID_SIGNATURE) {
      return switch (index) {
        case 0 -> broken("the leaf is not signed by the intermediate");
        case 1 -> broken("the intermediate is not signed by the root");
        default -> broken("the root is not self-signed");
      };
    }
    if (reason == PKIXReason.INVALID_NAME) {
      return broken("the %s's names break the name constraints above it", certificate);
    }
    if (reason == PKIXReason.PATH_TOO_LONG) {
      return broken("the %s exceeds the path length of the certificate above it", certificate);
    }
    return broken("the %s is refused: %s", certificate, e.getMessage());
  }

  private void checkLeaf() throws Refused {
    if (!isP384(leaf.getPublicKey())) {
      throw new Refused(
          Cause.WRONG_KEY,
          "the leaf's key is %s, expected EC P-384".formatted(keyName(leaf.getPublicKey())));
    }
    if (leaf.getBasicConstraints() >= 0) {
      throw wrongUsage("the leaf is a CA certificate");
    }
    boolean[] usage = leaf.getKeyUsage();
    if (usage == null && leaf.getExtensionValue(KEY_USAGE) != null) {
      throw wrongUsage("the leaf's key usage cannot be parsed");
    }
    if (usage != null && !usage[DIGITAL_SIGNATURE]) {
      throw wrongUsage("the leaf's key usage lacks digital signature");
    }
    List<String> usages = extendedKeyUsage(leaf);
    if (!usages.contains(CODE_SIGNING)) {
      throw wrongUsage(
          "the leaf's extended key usage is %s, expected code signing",
          usages.isEmpty() ? "missing" : usages);
    }
  }

  static boolean isP384(PublicKey key) {
    return key instanceof ECPublicKey ec && isP384(ec.getParams());
  }

  private static boolean isP384(ECParameterSpec parameters) {
    try {
      AlgorithmParameters named = AlgorithmParameters.getInstance("EC");
      named.init(new ECGenParameterSpec("secp384r1"));
      ECParameterSpec p384 = named.getParameterSpec(ECParameterSpec.class);
      return parameters.getCurve().equals(p384.getCurve())
          && parameters.getGenerator().equals(p384.getGenerator())
          && parameters.getOrder().equals(p384.getOrder())
          && parameters.getCofactor() == p384.getCofactor();
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  static String keyName(PublicKey key) {
    if (!(key instanceof ECPublicKey ec)) {
      return key.getAlgorithm();
    }
    int bits = ec.getParams().getCurve().getField().getFieldSize();
    return bits == 384 ? "EC on another curve of 384 bits" : "EC P-" + bits;
  }

  private static List<String> extendedKeyUsage(X509Certificate certificate) throws Refused {
    try {
      List<String> usages = certificate.getExtendedKeyUsage();
      if (usages != null) {
        return usages;
      }
      if (certificate.getExtensionValue(EXTENDED_KEY_USAGE) == null) {
        return List.of();
      }
    } catch (CertificateException e) {
      // the JDK throws for some certificates, and returns null for others
    }
    throw wrongUsage("an extended key usage cannot be parsed");
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

  /** Whether the leaf carries the name of this signer, whatever other names it carries. */
  boolean isIssuedFor(String signer) {
    return leafNames.stream().anyMatch(signerName(signer)::equalsIgnoreCase);
  }

  /** The names of signers that the leaf carries: those directly below the domain of all signers. */
  List<String> signerNames() {
    return leafNames.stream().filter(SIGNER_NAME.asMatchPredicate()).toList();
  }

  private static List<String> dnsNames(X509Certificate certificate) throws Refused {
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      return names == null
          ? List.of()
          : names.stream()
              .filter(name -> name.get(0).equals(DNS_NAME))
              .map(name -> (String) name.get(1))
              .toList();
    } catch (CertificateException e) {
      throw new Refused(Cause.WRONG_SAN, "the leaf's SAN cannot be parsed");
    }
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
    return hash(root);
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
    return Stream.of(leaf, intermediate, root)
        .map(it ->
            new Certificate(
                name(it), it.getNotBefore().toInstant(), it.getNotAfter().toInstant(), hash(it)))
        .toList();
  }

  /** The last instant at which the leaf is valid. */
  public Instant leafEnd() {
    return leaf.getNotAfter().toInstant();
  }

  private String name(X509Certificate certificate) {
    return certificate == leaf ? "leaf" : certificate == intermediate ? "intermediate" : "root";
  }

  /** UTC, to the second, as certificates have it: {@code 2026-12-23 15:16:12 UTC}. */
  private static String date(Instant instant) {
    return DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
        .withZone(ZoneOffset.UTC)
        .format(instant);
  }

  private static Refused broken(String reason, Object... values) {
    return new Refused(Cause.BROKEN_CHAIN, reason.formatted(values));
  }

  private static Refused wrongUsage(String reason, Object... values) {
    return new Refused(Cause.WRONG_USAGE, reason.formatted(values));
  }
}
