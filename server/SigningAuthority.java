//DEPS org.bouncycastle:bcpkix-jdk18on:1.87

import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
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
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A signing service for tests: a root, an intermediate and a leaf that resemble Mozilla's, and the
 * leaf's key, which signs. They are made on every start and never stored, so they are not secret,
 * and a client must be told the root hash each time.
 *
 * <p>A {@link Defect} makes exactly one thing wrong, so that a test can tell for which reason a
 * chain is refused. BouncyCastle builds the certificates; the JDK makes keys and signatures.
 */
final class SigningAuthority {

  /** What can be wrong with a chain, one thing at a time. */
  enum Defect {
    LEAF_NOT_YET_VALID("the leaf's validity begins tomorrow"),
    LEAF_EXPIRED("the leaf's validity ended yesterday"),
    INTERMEDIATE_NOT_YET_VALID("the intermediate's validity begins tomorrow"),
    INTERMEDIATE_EXPIRED("the intermediate's validity ended yesterday"),
    ROOT_NOT_YET_VALID("the root's validity begins tomorrow"),
    ROOT_EXPIRED("the root's validity ended yesterday"),
    LEAF_FOR_SERVERS("the leaf's extended key usage is TLS server, not code signing"),
    LEAF_WITHOUT_EXTENDED_KEY_USAGE("the leaf has no extended key usage"),
    LEAF_WITHOUT_DIGITAL_SIGNATURE("the leaf's key usage is key agreement, not digital signature"),
    LEAF_OF_OTHER_SIGNER("the leaf names another signer"),
    LEAF_WITHOUT_NAME("the leaf has no subject alternative name"),
    LEAF_OUTSIDE_NAME_CONSTRAINT("the intermediate's name constraints exclude the leaf's name"),
    LEAF_RSA("the leaf's key is RSA 2048"),
    LEAF_P256("the leaf's key is on the curve P-256"),
    LEAF_SIGNED_BY_OTHER_KEY(
        "the leaf names the intermediate as issuer, but another key signed it"),
    LEAF_WITH_UNKNOWN_CRITICAL_EXTENSION("the leaf has an unknown critical extension"),
    INTERMEDIATE_NOT_A_CA("the intermediate's basic constraints say that it is not a CA"),
    INTERMEDIATE_WITHOUT_BASIC_CONSTRAINTS("the intermediate has no basic constraints"),
    INTERMEDIATE_WITHOUT_CERT_SIGN("the intermediate's key usage lacks certificate signing"),
    INTERMEDIATE_FOR_SERVERS("the intermediate's extended key usage is TLS server"),
    INTERMEDIATE_WITH_UNKNOWN_CRITICAL_EXTENSION(
        "the intermediate has an unknown critical extension"),
    ROOT_NOT_A_CA("the root's basic constraints say that it is not a CA"),
    ROOT_WITH_PATH_LENGTH_ZERO("the root allows no intermediate below it"),
    ROOT_NOT_SELF_SIGNED("the last certificate is not self-signed"),
    OTHER_ROOT("the last certificate has the root's name, but another key"),
    MISSING_INTERMEDIATE("the chain has only leaf and root"),
    MISSING_ROOT("the chain has only leaf and intermediate"),
    WRONG_ORDER("the chain runs from root to leaf"),
    EXTRA_CERTIFICATE("the chain has a fourth certificate after the root");

    private final String sentence;

    Defect(String sentence) {
      this.sentence = sentence;
    }

    @Override
    public String toString() {
      return sentence;
    }
  }

  private static final String NAME_SUFFIX = ".content-signature.mozilla.org";
  private static final String NAME_BASE = "C=US,ST=CA,L=Mountain View,O=Mozilla,CN=";
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Map<Instant, SigningAuthority> BY_MOMENT = new ConcurrentHashMap<>();

  private final String signerId;
  private final Instant madeAt;
  private final Authority root;
  private final Authority intermediate;
  private final X509Certificate leaf;
  private final PrivateKey signingKey;
  private final List<X509Certificate> chain;
  private final Map<String, SigningAuthority> siblings = new ConcurrentHashMap<>(); // by signer
  private final Map<String, String> signatures = new ConcurrentHashMap<>(); // by digest

  private record Authority(String name, KeyPair keys, X509Certificate certificate) {}

  private SigningAuthority(Builder wanted)
      throws GeneralSecurityException, OperatorCreationException, IOException {
    signerId = wanted.signer;
    madeAt = wanted.now;
    SigningAuthority parents = wanted.parents;
    boolean hasOwnRoot = parents == null || wanted.rootValidity != null || wanted.concerns("ROOT");
    Authority signingRoot = hasOwnRoot ? wanted.makeRoot() : parents.root;
    X509Certificate shown = signingRoot.certificate();
    if (wanted.has(Defect.OTHER_ROOT)) {
      shown = wanted.certificateOfRoot(signingRoot.name(), signingRoot.name(), keys(), null);
    }
    root = new Authority(signingRoot.name(), signingRoot.keys(), shown);
    boolean hasOwnIntermediate =
        hasOwnRoot || wanted.intermediateValidity != null || wanted.concerns("INTERMEDIATE");
    intermediate = hasOwnIntermediate ? wanted.makeIntermediate(signingRoot) : parents.intermediate;

    // A wrong kind of key only goes into the leaf; a P-384 key signs, so the size stays right.
    KeyPair leafKeys = keys();
    signingKey = leafKeys.getPrivate();
    if (wanted.has(Defect.LEAF_RSA)) {
      leafKeys = rsaKeys();
    } else if (wanted.has(Defect.LEAF_P256)) {
      leafKeys = ecKeys("secp256r1");
    }
    leaf = wanted.makeLeaf(intermediate, leafKeys);

    List<X509Certificate> certificates = new ArrayList<>();
    certificates.add(leaf);
    if (!wanted.has(Defect.MISSING_INTERMEDIATE)) {
      certificates.add(intermediate.certificate());
    }
    if (!wanted.has(Defect.MISSING_ROOT)) {
      certificates.add(shown);
    }
    if (wanted.has(Defect.EXTRA_CERTIFICATE)) {
      String name = NAME_BASE + "stranger";
      certificates.add(wanted.certificateOfRoot(name, name, keys(), null));
    }
    chain = List.copyOf(wanted.has(Defect.WRONG_ORDER) ? certificates.reversed() : certificates);
  }

  /** An authority without defects for the signer {@code remote-settings}, valid now. */
  static SigningAuthority create() {
    return builder().build();
  }

  /** The authority without defects for a moment; the same moment gives the same authority. */
  static SigningAuthority of(Instant now) {
    return BY_MOMENT.computeIfAbsent(
        now.truncatedTo(ChronoUnit.SECONDS), moment -> builder().now(moment).build());
  }

  /** Like {@link #create()}, but with one defect. */
  static SigningAuthority with(Defect defect) {
    return builder().defect(defect).build();
  }

  static Builder builder() {
    return new Builder();
  }

  /**
   * Builds an authority with another leaf under this authority's root, so that one root hash
   * applies to both. It also gets its own intermediate or root if a defect or validity needs one.
   */
  Builder sibling() {
    Builder builder = new Builder().now(madeAt).signer(signerId);
    builder.parents = this;
    return builder;
  }

  /** The sibling without defects for that signer; always the same one. */
  SigningAuthority sibling(String signer) {
    return siblings.computeIfAbsent(signer, name -> sibling().signer(name).build());
  }

  /** Name of the signer, the first label of the leaf's name: {@code remote-settings}. */
  String signerId() {
    return signerId;
  }

  /** The chain as it is served: leaf, intermediate, root, each in PEM. */
  String chainPem() {
    StringBuilder pem = new StringBuilder();
    chain.forEach(certificate -> pem.append(pem(certificate)));
    return pem.toString();
  }

  /** The certificates in the order in which the chain is served. */
  List<X509Certificate> chain() {
    return chain;
  }

  X509Certificate leaf() {
    return leaf;
  }

  X509Certificate intermediate() {
    return intermediate.certificate();
  }

  X509Certificate root() {
    return root.certificate();
  }

  /** SHA-256 of the root's DER as upper-case hex with colons, the form of {@code ROOT_HASH}. */
  String rootHash() {
    return hash(root.certificate());
  }

  /** SHA-256 of any certificate's DER in the form of {@code ROOT_HASH}. */
  static String hash(X509Certificate certificate) {
    try {
      return hash(certificate.getEncoded());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String hash(byte[] content) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
      return HexFormat.ofDelimiter(":").withUpperCase().formatHex(digest);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has SHA-256
    }
  }

  /** The chain's file name in Autograph's form: the signer's name and the end of the leaf. */
  String chainName() {
    DateTimeFormatter form =
        DateTimeFormatter.ofPattern("yyyy-MM-dd-HH-mm-ss").withZone(ZoneOffset.UTC);
    return signerId
        + NAME_SUFFIX
        + "-"
        + form.format(leaf.getNotAfter().toInstant())
        + "-"
        + hash(leaf).substring(0, 5).replace(":", "")
        + ".chain";
  }

  /**
   * Signs a payload that includes the prefix; returns 96 bytes r‖s in URL-safe base64. The same
   * payload always gets the same signature, as with RFC 6979.
   */
  String sign(byte[] payload) {
    return signatures.computeIfAbsent(
        hash(payload),
        _ -> Base64.getUrlEncoder().withoutPadding().encodeToString(signRaw(payload)));
  }

  /** Signs a payload; returns 96 bytes r‖s, which differ each time. */
  byte[] signRaw(byte[] payload) {
    try {
      Signature signature = Signature.getInstance("SHA384withECDSAinP1363Format");
      signature.initSign(signingKey);
      signature.update(payload);
      return signature.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The leaf's private key in PKCS#8 PEM, for independent tools such as {@code openssl dgst}. */
  String signingKeyPem() {
    return pem("PRIVATE KEY", signingKey.getEncoded());
  }

  /** The leaf's public key in PEM. */
  String leafKeyPem() {
    return pem("PUBLIC KEY", leaf.getPublicKey().getEncoded());
  }

  static String pem(X509Certificate certificate) {
    try {
      return pem("CERTIFICATE", certificate.getEncoded());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String pem(String label, byte[] der) {
    String body =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(der);
    return "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n";
  }

  /** Sets validities, names and defects; the defaults give a chain without defects. */
  static final class Builder {
    private final Set<Defect> defects = EnumSet.noneOf(Defect.class);
    private Instant now = Instant.now();
    private String signer = "remote-settings";
    private SigningAuthority parents;
    private Instant[] leafValidity;
    private Instant[] intermediateValidity;
    private Instant[] rootValidity;

    private Builder() {}

    /** The moment at which the chain is valid; default: now. */
    Builder now(Instant now) {
      this.now = now.truncatedTo(ChronoUnit.SECONDS);
      return this;
    }

    /** First label of the leaf's name. */
    Builder signer(String signer) {
      this.signer = signer;
      return this;
    }

    Builder defect(Defect defect) {
      defects.add(defect);
      return this;
    }

    /** Both ends are included, in whole seconds. */
    Builder leafValidity(Instant from, Instant to) {
      leafValidity = new Instant[] {from, to};
      return this;
    }

    Builder intermediateValidity(Instant from, Instant to) {
      intermediateValidity = new Instant[] {from, to};
      return this;
    }

    Builder rootValidity(Instant from, Instant to) {
      rootValidity = new Instant[] {from, to};
      return this;
    }

    SigningAuthority build() {
      try {
        return new SigningAuthority(this);
      } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
        throw new IllegalStateException(e);
      }
    }

    private boolean has(Defect defect) {
      return defects.contains(defect);
    }

    /** Whether a defect concerns that certificate: {@code ROOT}, {@code INTERMEDIATE}. */
    private boolean concerns(String certificate) {
      return defects.stream().anyMatch(defect -> defect.name().startsWith(certificate));
    }

    private Authority makeRoot()
        throws GeneralSecurityException, OperatorCreationException, IOException {
      String name = NAME_BASE + "csroot" + serial().longValue();
      KeyPair keys = keys();
      KeyPair above = has(Defect.ROOT_NOT_SELF_SIGNED) ? keys() : null;
      String issuer = above == null ? name : NAME_BASE + "above the root";
      return new Authority(name, keys, certificateOfRoot(name, issuer, keys, above));
    }

    private X509Certificate certificateOfRoot(
        String name, String issuer, KeyPair keys, KeyPair above)
        throws GeneralSecurityException, OperatorCreationException, IOException {
      Instant[] validity =
          validity(rootValidity, "ROOT", Duration.ofDays(400), Duration.ofDays(30L * 365));
      JcaX509v3CertificateBuilder builder = certificate(issuer, validity, name, keys);
      addKeyUsage(builder, KeyUsage.digitalSignature | KeyUsage.keyCertSign | KeyUsage.cRLSign);
      addExtendedKeyUsage(builder, KeyPurposeId.id_kp_codeSigning);
      BasicConstraints constraints =
          has(Defect.ROOT_WITH_PATH_LENGTH_ZERO)
              ? new BasicConstraints(0)
              : new BasicConstraints(!has(Defect.ROOT_NOT_A_CA));
      builder.addExtension(Extension.basicConstraints, true, constraints);
      return sign(builder, above == null ? keys : above);
    }

    private Authority makeIntermediate(Authority root)
        throws GeneralSecurityException, OperatorCreationException, IOException {
      Instant[] validity =
          validity(
              intermediateValidity,
              "INTERMEDIATE",
              Duration.ofDays(399),
              Duration.ofDays(10L * 365));
      String name = NAME_BASE + "csinter" + serial().longValue();
      KeyPair keys = keys();
      JcaX509v3CertificateBuilder builder = certificate(root.name(), validity, name, keys);
      int certSign = has(Defect.INTERMEDIATE_WITHOUT_CERT_SIGN) ? 0 : KeyUsage.keyCertSign;
      addKeyUsage(builder, KeyUsage.digitalSignature | certSign | KeyUsage.cRLSign);
      KeyPurposeId usage =
          has(Defect.INTERMEDIATE_FOR_SERVERS)
              ? KeyPurposeId.id_kp_serverAuth
              : KeyPurposeId.id_kp_codeSigning;
      addExtendedKeyUsage(builder, usage);
      if (!has(Defect.INTERMEDIATE_WITHOUT_BASIC_CONSTRAINTS)) {
        builder.addExtension(
            Extension.basicConstraints,
            true,
            new BasicConstraints(!has(Defect.INTERMEDIATE_NOT_A_CA)));
      }
      GeneralSubtree permitted =
          new GeneralSubtree(new GeneralName(GeneralName.dNSName, NAME_SUFFIX));
      builder.addExtension(
          Extension.nameConstraints,
          true,
          new NameConstraints(new GeneralSubtree[] {permitted}, null));
      if (has(Defect.INTERMEDIATE_WITH_UNKNOWN_CRITICAL_EXTENSION)) {
        addUnknownExtension(builder);
      }
      return new Authority(name, keys, sign(builder, root.keys()));
    }

    private X509Certificate makeLeaf(Authority intermediate, KeyPair keys)
        throws GeneralSecurityException, OperatorCreationException, IOException {
      Instant[] validity =
          validity(leafValidity, "LEAF", Duration.ofHours(12), Duration.ofDays(29).plusHours(2));
      String host = signer + NAME_SUFFIX;
      if (has(Defect.LEAF_OF_OTHER_SIGNER)) {
        host = "someone-else" + NAME_SUFFIX;
      } else if (has(Defect.LEAF_OUTSIDE_NAME_CONSTRAINT)) {
        host = signer + ".content-signature.example.org";
      }
      String name =
          "C=US,ST=California,L=Mountain View,O=Mozilla Corporation,OU=Cloud Services,CN=" + host;
      JcaX509v3CertificateBuilder builder = certificate(intermediate.name(), validity, name, keys);
      int usage =
          has(Defect.LEAF_WITHOUT_DIGITAL_SIGNATURE)
              ? KeyUsage.keyAgreement
              : KeyUsage.digitalSignature;
      addKeyUsage(builder, usage);
      if (!has(Defect.LEAF_WITHOUT_EXTENDED_KEY_USAGE)) {
        KeyPurposeId purpose =
            has(Defect.LEAF_FOR_SERVERS)
                ? KeyPurposeId.id_kp_serverAuth
                : KeyPurposeId.id_kp_codeSigning;
        addExtendedKeyUsage(builder, purpose);
      }
      if (!has(Defect.LEAF_WITHOUT_NAME)) {
        builder.addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(new GeneralName(GeneralName.dNSName, host)));
      }
      if (has(Defect.LEAF_WITH_UNKNOWN_CRITICAL_EXTENSION)) {
        addUnknownExtension(builder);
      }
      boolean forged = has(Defect.LEAF_SIGNED_BY_OTHER_KEY);
      return sign(builder, forged ? keys() : intermediate.keys());
    }

    /** The validity set on this builder, else that of a defect, else the default. */
    private Instant[] validity(
        Instant[] chosen, String certificate, Duration before, Duration after) {
      if (chosen != null) {
        return chosen;
      }
      Instant from = now.minus(before);
      Instant to = now.plus(after);
      if (has(Defect.valueOf(certificate + "_NOT_YET_VALID"))) {
        return new Instant[] {now.plus(Duration.ofDays(1)), to};
      }
      if (has(Defect.valueOf(certificate + "_EXPIRED"))) {
        return new Instant[] {from.minus(Duration.ofDays(30)), now.minus(Duration.ofDays(1))};
      }
      return new Instant[] {from, to};
    }
  }

  /** Its identifier is reserved for examples (RFC 5612), so no validator knows it. */
  private static void addUnknownExtension(JcaX509v3CertificateBuilder builder) throws IOException {
    builder.addExtension(new ASN1ObjectIdentifier("1.3.6.1.4.1.32473.1"), true, DERNull.INSTANCE);
  }

  private static void addKeyUsage(JcaX509v3CertificateBuilder builder, int usage)
      throws IOException {
    builder.addExtension(Extension.keyUsage, true, new KeyUsage(usage));
  }

  private static void addExtendedKeyUsage(JcaX509v3CertificateBuilder builder, KeyPurposeId purpose)
      throws IOException {
    builder.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose));
  }

  private static JcaX509v3CertificateBuilder certificate(
      String issuer, Instant[] validity, String subject, KeyPair keys) {
    return new JcaX509v3CertificateBuilder(
        new X500Name(issuer),
        serial(),
        Date.from(validity[0]),
        Date.from(validity[1]),
        new X500Name(subject),
        keys.getPublic());
  }

  private static X509Certificate sign(JcaX509v3CertificateBuilder builder, KeyPair issuer)
      throws GeneralSecurityException, OperatorCreationException {
    ContentSigner signer =
        new JcaContentSignerBuilder("SHA384withECDSA").build(issuer.getPrivate());
    return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
  }

  private static BigInteger serial() {
    return new BigInteger(62, RANDOM).setBit(61);
  }

  /** The kind of keys that Mozilla's certificates have. */
  private static KeyPair keys() throws GeneralSecurityException {
    return ecKeys("secp384r1");
  }

  private static KeyPair ecKeys(String curve) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec(curve));
    return generator.generateKeyPair();
  }

  private static KeyPair rsaKeys() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  /**
   * The TLS identity of an HTTPS server on loopback.
   *
   * @param context with the server's key and chain
   * @param caPem the CA that issued the certificate, for {@code REQUESTS_CA_BUNDLE}
   * @param serverPem the certificate itself
   */
  record TlsIdentity(SSLContext context, String caPem, String serverPem) {}

  /** Days from now: the first and the last of a certificate's validity. */
  record Days(int from, int to) {
    static final Days VALID = new Days(-1, 30);

    private Instant[] validity() {
      Instant now = Instant.now();
      return new Instant[] {now.plus(Duration.ofDays(from)), now.plus(Duration.ofDays(to))};
    }
  }

  /** A certificate for {@code 127.0.0.1} and {@code localhost}, issued by a new CA. */
  static TlsIdentity tlsForLoopback() {
    return tlsForLoopback(Days.VALID, Days.VALID);
  }

  /** The same with other times of validity. */
  static TlsIdentity tlsForLoopback(Days ca, Days server) {
    return tlsFor(
        ca,
        server,
        new GeneralName(GeneralName.dNSName, "localhost"),
        new GeneralName(GeneralName.iPAddress, "127.0.0.1"));
  }

  /** A certificate for another host, which a client on loopback must refuse. */
  static TlsIdentity tlsForOtherHost() {
    return tlsFor("elsewhere.example.org");
  }

  /** A certificate for these hosts. */
  static TlsIdentity tlsFor(String... hosts) {
    GeneralName[] names =
        Stream.of(hosts)
            .map(host -> new GeneralName(GeneralName.dNSName, host))
            .toArray(GeneralName[]::new);
    return tlsFor(Days.VALID, Days.VALID, names);
  }

  private static TlsIdentity tlsFor(Days caDays, Days serverDays, GeneralName... names) {
    try {
      String caName = "O=Tests,CN=CA of the tests " + serial();
      KeyPair caKeys = ecKeys("secp256r1");
      JcaX509v3CertificateBuilder ca = certificate(caName, caDays.validity(), caName, caKeys);
      ca.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
      addKeyUsage(ca, KeyUsage.keyCertSign);
      X509Certificate caCertificate = sign(ca, caKeys);

      KeyPair keys = ecKeys("secp256r1");
      JcaX509v3CertificateBuilder server =
          certificate(caName, serverDays.validity(), "O=Tests,CN=embedded server", keys);
      addKeyUsage(server, KeyUsage.digitalSignature);
      addExtendedKeyUsage(server, KeyPurposeId.id_kp_serverAuth);
      server.addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names));
      X509Certificate certificate = sign(server, caKeys);

      char[] password = "changeit".toCharArray();
      KeyStore keyStore = KeyStore.getInstance("PKCS12");
      keyStore.load(null, password);
      keyStore.setKeyEntry(
          "server",
          keys.getPrivate(),
          password,
          new X509Certificate[] {certificate, caCertificate});
      KeyManagerFactory managers =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      managers.init(keyStore, password);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(managers.getKeyManagers(), null, null);
      return new TlsIdentity(context, pem(caCertificate), pem(certificate));
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
