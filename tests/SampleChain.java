//DEPS org.bouncycastle:bcpkix-jdk18on:1.87

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
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
import java.util.Base64;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERTaggedObject;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A good chain with every field open to change, before it is signed. */
final class SampleChain {

  static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  static final String HOST = "remote-settings.content-signature.mozilla.org";

  private static final Date FIRST = Date.from(NOW.minus(Duration.ofDays(1)));
  private static final Date LAST = Date.from(NOW.plus(Duration.ofDays(36_500)));
  private static final BouncyCastleProvider BOUNCY_CASTLE = new BouncyCastleProvider();

  /** Of certificates that were made before, because hundreds of chains share them. */
  private static final Map<List<Object>, byte[]> SIGNATURES = new ConcurrentHashMap<>();

  final Certificate root;
  final Certificate intermediate;
  final Certificate leaf;

  /** With keys of its own. */
  SampleChain() {
    this(ec("secp384r1"), ec("secp384r1"), ec("secp384r1"));
  }

  SampleChain(KeyPair rootKeys, KeyPair intermediateKeys, KeyPair leafKeys) {
    root = new Certificate(rootKeys);
    root.subject = name("the root");
    root.issuer = name("the root");
    root.signer = root;
    root.constraints(new BasicConstraints(true));
    root.usage(KeyUsage.keyCertSign | KeyUsage.cRLSign);
    root.purposes(KeyPurposeId.id_kp_codeSigning);

    intermediate = new Certificate(intermediateKeys);
    intermediate.subject = name("the intermediate");
    intermediate.issuer = name("the root");
    intermediate.signer = root;
    intermediate.constraints(new BasicConstraints(true));
    intermediate.usage(KeyUsage.keyCertSign | KeyUsage.cRLSign);
    intermediate.purposes(KeyPurposeId.id_kp_codeSigning);
    intermediate.permits(".content-signature.mozilla.org");

    leaf = new Certificate(leafKeys);
    leaf.subject = name(HOST);
    leaf.issuer = name("the intermediate");
    leaf.signer = intermediate;
    leaf.usage(KeyUsage.digitalSignature);
    leaf.purposes(KeyPurposeId.id_kp_codeSigning);
    leaf.names(dns(HOST));
  }

  SampleChain with(Consumer<SampleChain> change) {
    change.accept(this);
    return this;
  }

  String pem() {
    return String.join("", pems());
  }

  /** Leaf, intermediate, root. */
  List<String> pems() {
    return List.of(leaf.pem(), intermediate.pem(), root.pem());
  }

  /** What stands in one certificate. */
  static final class Certificate {
    X500Name subject;
    X500Name issuer;
    KeyPair keys;
    Certificate signer;
    String hash = "SHA384";
    String scheme; // null for that of the signer's key
    boolean isVersion1;
    BigInteger serial = BigInteger.valueOf(1 + new Random().nextInt(Integer.MAX_VALUE));
    ASN1Encodable from = new Time(FIRST);
    ASN1Encodable to = new Time(LAST);
    ASN1Encodable publicKey; // null for that of the keys
    AlgorithmIdentifier innerAlgorithm; // null for that of the signature
    UnaryOperator<byte[]> encoding = UnaryOperator.identity(); // of what is signed
    final List<Extension> extensions = new ArrayList<>();
    final List<ASN1Encodable> otherExtensions = new ArrayList<>(); // that need not be well-formed

    private Certificate(KeyPair keys) {
      this.keys = keys;
    }

    void constraints(BasicConstraints constraints) {
      extend(Extension.basicConstraints, true, constraints);
    }

    void usage(int usage) {
      extend(Extension.keyUsage, true, new KeyUsage(usage));
    }

    void purposes(KeyPurposeId... purposes) {
      extend(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purposes));
    }

    void names(GeneralName... names) {
      extend(Extension.subjectAlternativeName, false, new GeneralNames(names));
    }

    void permits(String name) {
      constrainNames(subtree(name), null);
    }

    void constrainNames(GeneralSubtree[] permitted, GeneralSubtree[] excluded) {
      extend(Extension.nameConstraints, true, new NameConstraints(permitted, excluded));
    }

    /** An extension of an arc that is reserved for examples (RFC 5612). */
    void unknownCritical() {
      extend(new ASN1ObjectIdentifier("1.3.6.1.4.1.32473.1"), true, DERNull.INSTANCE);
    }

    void garbled(ASN1ObjectIdentifier extension) {
      extend(extension, false, new byte[] {4, 1, 0});
    }

    void without(ASN1ObjectIdentifier extension) {
      extensions.removeIf(it -> it.getExtnId().equals(extension));
    }

    Extension extension(ASN1ObjectIdentifier extension) {
      return extensions.stream()
          .filter(it -> it.getExtnId().equals(extension))
          .findFirst()
          .orElseThrow();
    }

    private void extend(ASN1ObjectIdentifier extension, boolean critical, ASN1Encodable value) {
      extend(extension, critical, encoded(value));
    }

    /** Adds an extension, or puts it in the place of that there is. */
    void extend(ASN1ObjectIdentifier extension, boolean critical, byte[] value) {
      without(extension);
      extensions.add(new Extension(extension, critical, value));
    }

    String pem() {
      return SampleChain.pem(der());
    }

    byte[] der() {
      try {
        String algorithm = hash + (scheme == null ? scheme(signer.keys) : scheme);
        ContentSigner by =
            new JcaContentSignerBuilder(algorithm)
                .setProvider(BOUNCY_CASTLE)
                .build(signer.keys.getPrivate());
        byte[] content = encoding.apply(toBeSigned(by.getAlgorithmIdentifier()));
        List<Object> key = List.of(HexFormat.of().formatHex(content), algorithm, signer.keys);
        byte[] signature = SIGNATURES.computeIfAbsent(key, _ -> signature(by, content));
        return element(
            0x30,
            content,
            encoded(by.getAlgorithmIdentifier()),
            encoded(new DERBitString(signature)));
      } catch (OperatorCreationException e) {
        throw new IllegalStateException(e);
      }
    }

    private static byte[] signature(ContentSigner by, byte[] content) {
      try {
        by.getOutputStream().write(content);
        return by.getSignature();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private byte[] toBeSigned(AlgorithmIdentifier algorithm) {
      ASN1EncodableVector fields = new ASN1EncodableVector();
      if (!isVersion1) {
        fields.add(new DERTaggedObject(true, 0, new ASN1Integer(2)));
      }
      fields.add(new ASN1Integer(serial));
      fields.add(innerAlgorithm == null ? algorithm : innerAlgorithm);
      fields.add(issuer);
      fields.add(new DERSequence(new ASN1Encodable[] {from, to}));
      fields.add(subject);
      fields.add(
          publicKey == null
              ? SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded())
              : publicKey);
      if (!isVersion1) {
        ASN1EncodableVector all = new ASN1EncodableVector();
        extensions.forEach(all::add);
        otherExtensions.forEach(all::add);
        fields.add(new DERTaggedObject(true, 3, new DERSequence(all)));
      }
      return encoded(new DERSequence(fields));
    }
  }

  private static String scheme(KeyPair keys) {
    return switch (keys.getPrivate().getAlgorithm()) {
      case "RSA" -> "withRSA";
      case "DSA" -> "withDSA";
      case "EC" -> "withECDSA";
      case String other -> throw new IllegalArgumentException(other);
    };
  }

  // ---- parts

  /** A common name as BouncyCastle writes it, in UTF-8. */
  static X500Name name(String commonName) {
    return name(new DERUTF8String(commonName));
  }

  static X500Name name(ASN1Encodable commonName) {
    return new X500NameBuilder(BCStyle.INSTANCE).addRDN(BCStyle.CN, commonName).build();
  }

  static GeneralName dns(String name) {
    return new GeneralName(GeneralName.dNSName, name);
  }

  static GeneralSubtree[] subtree(String name) {
    return new GeneralSubtree[] {new GeneralSubtree(dns(name))};
  }

  /** Keys on any curve: BouncyCastle makes those that the JDK lacks, too. */
  static KeyPair ec(String curve) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BOUNCY_CASTLE);
      generator.initialize(new ECGenParameterSpec(curve));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  static KeyPair rsa(int bits) {
    KeyPairGenerator generator = generator("RSA");
    generator.initialize(bits);
    return generator.generateKeyPair();
  }

  static KeyPair keys(String algorithm) {
    return generator(algorithm).generateKeyPair();
  }

  private static KeyPairGenerator generator(String algorithm) {
    try {
      return KeyPairGenerator.getInstance(algorithm);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  // ---- encodings

  static String pem(byte[] der) {
    return "-----BEGIN CERTIFICATE-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der)
        + "\n-----END CERTIFICATE-----\n";
  }

  static byte[] encoded(ASN1Encodable value) {
    try {
      return value.toASN1Primitive().getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An element with this tag around these parts. */
  static byte[] element(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    int length = content.size();
    ByteArrayOutputStream element = new ByteArrayOutputStream();
    element.write(tag);
    if (length >= 0x100) {
      element.write(0x82);
      element.write(length >> 8);
    } else if (length >= 0x80) {
      element.write(0x81);
    }
    element.write(length);
    element.writeBytes(content.toByteArray());
    return element.toByteArray();
  }

  static byte[] hex(String digits) {
    return HexFormat.of().parseHex(digits.replace(" ", ""));
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** The SHA-256 of a certificate, as {@code ROOT_HASH} has it. */
  static String hash(byte[] der) {
    try {
      return HexFormat.ofDelimiter(":")
          .withUpperCase()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(der));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
