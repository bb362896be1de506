//DEPS org.bouncycastle:bcpkix-jdk18on:1.87
//SOURCES ../common/signature/CertificateChain.java
//SOURCES SampleChain.java

import common.signature.CertificateChain.Cause;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1UTCTime;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.ECNamedCurveTable;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;

/**
 * Chains that each differ from a good one in one trait, in families: the same trait in leaf,
 * intermediate and root, critical or not, absent, empty, several. The verdicts are those of
 * Firefox's certificate code (mozilla::pkix, which the client of Android and iOS uses, too) and of
 * their readers of PEM, except where the reason says that we are stricter.
 */
final class ChainFamilies {

  /**
   * A chain.
   *
   * @param name family and trait
   * @param rootHash of the root that it ends in
   * @param expected why it is refused, or null for a good one
   * @param reason the sentence that refuses it, or why it is good
   */
  record Made(String name, String pem, String rootHash, Cause expected, String reason) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final KeyPair ROOT_KEYS = SampleChain.ec("secp384r1");
  private static final KeyPair INTERMEDIATE_KEYS = SampleChain.ec("secp384r1");

  /** The keys of most leaves, for those who want to sign with them. */
  static final KeyPair LEAF_KEYS = SampleChain.ec("secp384r1");

  private static final KeyPair RSA_KEYS = SampleChain.rsa(2048);

  private static final List<String> ROLES = List.of("leaf", "intermediate", "root");
  private static final List<String> PARENTS = List.of("intermediate", "root");
  private static final String CODE_SIGNING = "06082b06010505070303";
  private static final String TLS_SERVER = "06082b06010505070301";
  private static final String OCSP = "06082b06010505070309";
  private static final String ANY_PURPOSE = "0604551d2500";
  private static final ASN1ObjectIdentifier TLS_FEATURE =
      new ASN1ObjectIdentifier("1.3.6.1.5.5.7.1.24");
  private static final ASN1ObjectIdentifier TIMESTAMPS =
      new ASN1ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2");
  private static final ASN1ObjectIdentifier EXAMPLE =
      new ASN1ObjectIdentifier("1.3.6.1.4.1.32473.1"); // reserved for examples (RFC 5612)

  private final List<Made> made = new ArrayList<>();

  private ChainFamilies() {}

  /** All of them. */
  static List<Made> all() {
    ChainFamilies families = new ChainFamilies();
    families.good("good", "the chain that the others differ from", _ -> {});
    families.lines();
    families.names();
    families.purposes();
    families.basicConstraints();
    families.keyUsages();
    families.nameConstraints();
    families.alternativeNames();
    families.extensions();
    families.keys();
    families.signatures();
    families.selfIssued();
    families.encodings();
    return List.copyOf(families.made);
  }

  // ---- PEM

  private void lines() {
    String noEnd = "the chain is not PEM: a certificate has no end";
    String two = "the chain has 2 certificates, expected 3 (leaf, intermediate, root)";
    String first = "certificate 1 of the chain is not base64 as clients read it";
    String stray =
        "the chain is not PEM: clients disagree whether line 1 begins or ends a certificate";
    goodText("pem/crlf", "Firefox takes CRLF", pem -> pem.replace("\n", "\r\n"));
    goodText("pem/empty-lines", "clients pass over them", pem -> pem.replace("\n", "\n\n"));
    goodText("pem/no-last-line-end", "the last line needs none", String::stripTrailing);
    goodText("pem/one-line", "lines may have any length", pem -> joined(pem, 100_000));
    goodText("pem/lines-of-76", "lines may have any length", pem -> joined(pem, 76));
    goodText("pem/lines-of-1", "lines may have any length", pem -> joined(pem, 1));
    goodText(
        "pem/text-around",
        "clients pass over what is outside",
        pem -> "# é\n" + pem.replace("-----BEGIN", "\nsubject=CN=x\n-----BEGIN") + "\nend\n");
    goodText(
        "pem/other-block",
        "clients pass over other blocks",
        pem -> "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n" + pem);
    badText("pem/space-at-line-ends", stray, pem -> pem.replace("\n", " \n"));
    badText("pem/space-before-lines", stray, pem -> " " + pem.replace("\n", "\n "));
    badText("pem/space-in-base64-line", first, pem -> pem.replaceFirst("\nMII", "\nMI I"));
    badText("pem/space-after-base64-line", first, pem -> pem.replaceFirst("\nMII(.*)", "\nMII$1 "));
    badText("pem/space-before-base64-line", first, pem -> pem.replaceFirst("\nMII", "\n MII"));
    badText("pem/tab-in-base64-line", first, pem -> pem.replaceFirst("\nMII", "\nMI\tI"));
    badText("pem/form-feed-in-base64-line", first, pem -> pem.replaceFirst("\nMII", "\nMI\fI"));
    badText("pem/space-after-begin", stray, pem -> pem.replaceFirst("(BEGIN.*)", "$1 "));
    badText("pem/space-before-begin", stray, pem -> " " + pem);
    badText("pem/space-after-end", noEnd, pem -> pem.replaceFirst("(END.*)", "$1 "));
    badText("pem/space-after-last-end", noEnd, pem -> pem.stripTrailing() + " ");
    badText("pem/byte-order-mark", stray, pem -> "\ufeff" + pem);
    badText("pem/lines-end-with-cr", stray, pem -> pem.replace("\n", "\r"));
    badText("pem/begin-in-lower-case", null, pem -> pem.replaceFirst("BEGIN C", "begin c"));
    badText("pem/trusted-certificate", two, pem -> labelled(pem, "TRUSTED CERTIFICATE"));
    badText("pem/x509-certificate", two, pem -> labelled(pem, "X509 CERTIFICATE"));
    badText("pem/comment-with-begin", stray, pem -> "# -----BEGIN CERTIFICATE-----\n" + pem);
    badText("pem/end-before-begin", stray, pem -> "-----END CERTIFICATE-----\n" + pem);
    badText("pem/end-twice", null, pem -> pem.replaceFirst("(-----END.*\n)", "$1$1"));
    badText("pem/begin-twice", noEnd, pem -> pem.replaceFirst("(-----BEGIN.*\n)", "$1$1"));
    badText(
        "pem/header-in-block",
        first,
        pem -> pem.replaceFirst("(BEGIN.*\n)", "$1Proc-Type: 4,ENCRYPTED\n"));
    badText("pem/url-safe-base64", first, pem -> pem.replaceFirst("\nMII(.)", "\nMII-"));
    for (int place = 0; place < ROLES.size(); place++) {
      String message =
          "certificate %d of the chain is not base64 as clients read it".formatted(place + 1);
      String name = ROLES.get(place);
      int at = place;
      badText("pem/no-padding-" + name, message, pem -> padded(pem, at, "no"));
      badText("pem/half-padding-" + name, message, pem -> padded(pem, at, "half"));
      badText("pem/loose-bits-" + name, message, pem -> padded(pem, at, "loose"));
      badText(
          "pem/more-padding-" + name,
          message,
          pem -> replaced(pem, at, it -> it.replace("\n-----END", "====\n-----END")));
    }
  }

  private static String labelled(String pem, String label) {
    return pem.replaceFirst("BEGIN CERTIFICATE", "BEGIN " + label)
        .replaceFirst("END CERTIFICATE", "END " + label);
  }

  /** Cuts the padding of a certificate, or makes it ambiguous; null if it has none to cut. */
  private static String padded(String pem, int place, String change) {
    String padding = change.equals("no") ? "[^=]=" : change.equals("half") ? "==" : "=";
    String block = blocks(pem)[place];
    if (!Pattern.compile(padding + "\n-----END").matcher(block).find()) {
      return null;
    }
    return replaced(
        pem,
        place,
        it -> change.equals("loose") ? loosened(it) : it.replaceFirst("=\n-----END", "\n-----END"));
  }

  /** Sets a bit of the last digit that belongs to no byte. */
  private static String loosened(String pem) {
    String digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int last = pem.indexOf('=', pem.indexOf("-----\n") + 6) - 1;
    char next = digits.charAt(digits.indexOf(pem.charAt(last)) + 1);
    return pem.substring(0, last) + next + pem.substring(last + 1);
  }

  private static String joined(String pem, int length) {
    StringBuilder text = new StringBuilder();
    for (String block : blocks(pem)) {
      String base64 = block.replaceAll("-----.*", "").replace("\n", "");
      text.append("-----BEGIN CERTIFICATE-----\n")
          .append(base64.replaceAll("(.{" + length + "})(?!$)", "$1\n"))
          .append("\n-----END CERTIFICATE-----\n");
    }
    return text.toString();
  }

  private static String[] blocks(String pem) {
    return pem.split("(?<=-----END CERTIFICATE-----\n)");
  }

  private static String replaced(String pem, int place, UnaryOperator<String> change) {
    String[] blocks = blocks(pem);
    blocks[place] = change.apply(blocks[place]);
    return String.join("", blocks);
  }

  // ---- issuer and subject

  private void names() {
    String bytes = ", and clients compare names byte by byte";
    Map<String, X500Name> intermediates =
        Map.of(
            "printable", SampleChain.name(new DERPrintableString("the intermediate")),
            "case", SampleChain.name("The Intermediate"),
            "white-space", SampleChain.name("the  intermediate"),
            "space-at-end", SampleChain.name("the intermediate "));
    intermediates.forEach((trait, name) ->
        broken(
            "issuer/leaf-" + trait,
            "the leaf was issued by "
                + shown(name)
                + ", but the intermediate is CN=the intermediate"
                + bytes,
            s -> s.leaf.issuer = name));
    Map<String, X500Name> roots =
        Map.of(
            "printable", SampleChain.name(new DERPrintableString("the root")),
            "case", SampleChain.name("THE ROOT"),
            "white-space", SampleChain.name("the  root"),
            "space-at-end", SampleChain.name("the root "));
    roots.forEach((trait, name) -> {
      broken(
          "issuer/intermediate-" + trait,
          "the intermediate was issued by " + shown(name) + ", but the root is CN=the root" + bytes,
          s -> s.intermediate.issuer = name);
      broken(
          "issuer/root-" + trait,
          "the root is not self-signed: issued by " + shown(name) + bytes,
          s -> s.root.issuer = name);
    });
    good(
        "issuer/printable-everywhere",
        "the bytes are the same",
        s -> {
          s.root.subject = roots.get("printable");
          s.root.issuer = roots.get("printable");
          s.intermediate.issuer = roots.get("printable");
          s.intermediate.subject = intermediates.get("printable");
          s.leaf.issuer = intermediates.get("printable");
        });
    X500Name longer =
        new X500NameBuilder(BCStyle.INSTANCE)
            .addRDN(BCStyle.C, "US")
            .addRDN(BCStyle.CN, "the intermediate")
            .build();
    broken(
        "issuer/leaf-longer",
        "the leaf was issued by CN=the intermediate, C=US, but the intermediate is CN=the"
            + " intermediate",
        s -> s.leaf.issuer = longer);
  }

  private static String shown(X500Name name) {
    String text = name.getRDNs()[0].getFirst().getValue().toString();
    boolean quoted = text.endsWith(" ") || text.contains("  ");
    return quoted ? "CN=\"" + text + "\"" : "CN=" + text;
  }

  // ---- extended key usage

  private void purposes() {
    Map<String, String> lists =
        Map.of(
            "server",
            TLS_SERVER,
            "any",
            ANY_PURPOSE,
            "empty",
            "",
            "server-and-ocsp",
            TLS_SERVER + OCSP);
    Map<String, String> shown =
        Map.of(
            "server", "[1.3.6.1.5.5.7.3.1]",
            "any", "[2.5.29.37.0]",
            "empty", "empty",
            "server-and-ocsp", "[1.3.6.1.5.5.7.3.1, 1.3.6.1.5.5.7.3.9]");
    for (String role : ROLES) {
      for (boolean critical : new boolean[] {false, true}) {
        String suffix = critical ? "-critical" : "";
        lists.forEach((trait, list) ->
            bad(
                "eku/" + role + "-" + trait + suffix,
                Cause.WRONG_USAGE,
                "the "
                    + role
                    + "'s extended key usage is "
                    + shown.get(trait)
                    + ", expected code signing",
                s -> purposes(s, role, critical, list)));
        good(
            "eku/" + role + "-code-signing" + suffix,
            "as it should be",
            s -> purposes(s, role, critical, CODE_SIGNING));
        good(
            "eku/" + role + "-server-and-code-signing" + suffix,
            "one of them is enough",
            s -> purposes(s, role, critical, TLS_SERVER + CODE_SIGNING));
        good(
            "eku/" + role + "-any-and-code-signing" + suffix,
            "one of them is enough",
            s -> purposes(s, role, critical, ANY_PURPOSE + CODE_SIGNING));
      }
      malformed(
          "eku/" + role,
          role,
          "extended key usage",
          Extension.extendedKeyUsage,
          Map.of(
              "not-a-list", "040100",
              "no-content", "",
              "cut", "300a06082b060105050703",
              "more-after-it", "300a" + CODE_SIGNING + "0500",
              "long-length", "30810a" + CODE_SIGNING,
              "indefinite-length", "3080" + CODE_SIGNING + "0000",
              "not-an-identifier", "300c" + CODE_SIGNING + "0500",
              "identifier-without-content", "300c" + CODE_SIGNING + "0600"));
    }
    for (String role : PARENTS) {
      good(
          "eku/" + role + "-absent",
          "without one, a parent serves every purpose",
          s -> certificate(s, role).without(Extension.extendedKeyUsage));
      good(
          "eku/" + role + "-code-signing-and-ocsp",
          "a parent may sign revocations, too",
          s -> purposes(s, role, false, CODE_SIGNING + OCSP));
    }
    bad(
        "eku/leaf-absent",
        Cause.WRONG_USAGE,
        "the leaf's extended key usage is missing, expected code signing",
        s -> s.leaf.without(Extension.extendedKeyUsage)); // stricter than clients
    bad(
        "eku/leaf-code-signing-and-ocsp",
        Cause.WRONG_USAGE,
        "the leaf's extended key usage has OCSP signing, which clients refuse",
        s -> purposes(s, "leaf", false, CODE_SIGNING + OCSP));
  }

  private static void purposes(SampleChain sample, String role, boolean critical, String list) {
    certificate(sample, role)
        .extend(
            Extension.extendedKeyUsage, critical, SampleChain.element(0x30, SampleChain.hex(list)));
  }

  // ---- basic constraints

  private void basicConstraints() {
    for (String role : ROLES) {
      malformed(
          "bc/" + role,
          role,
          "basic constraints",
          Extension.basicConstraints,
          Map.ofEntries(
              Map.entry("not-a-list", "040178"),
              Map.entry("no-content", ""),
              Map.entry("true-as-1", "3003010101"),
              Map.entry("boolean-of-two-bytes", "30040102ffff"),
              Map.entry("boolean-without-content", "30020100"),
              Map.entry("more-in-it", "30050101ff0500"),
              Map.entry("more-after-it", "30030101ff0500"),
              Map.entry("long-length", "3081030101ff"),
              Map.entry("cut", "30030101"),
              Map.entry("path-length-128", "30070101ff02020080"),
              Map.entry("path-length-negative", "30060101ff0201ff"),
              Map.entry("path-length-padded", "30070101ff02020001"),
              Map.entry("path-length-without-content", "30050101ff0200")));
    }
    for (String role : PARENTS) {
      for (boolean critical : new boolean[] {false, true}) {
        String suffix = critical ? "-critical" : "";
        broken(
            "bc/" + role + "-empty" + suffix,
            "the " + role + " is not a CA certificate",
            s -> constraints(s, role, critical, "3000"));
        broken(
            "bc/" + role + "-false" + suffix,
            "the " + role + " is not a CA certificate",
            s -> constraints(s, role, critical, "3003010100"));
        good(
            "bc/" + role + "-true" + suffix,
            "as it should be",
            s -> constraints(s, role, critical, "30030101ff"));
        good(
            "bc/" + role + "-path-length-127" + suffix,
            "the longest that clients read",
            s -> constraints(s, role, critical, "30060101ff02017f"));
      }
      broken(
          "bc/" + role + "-absent",
          "the " + role + " is not a CA certificate",
          s -> certificate(s, role).without(Extension.basicConstraints));
    }
    for (boolean critical : new boolean[] {false, true}) {
      String suffix = critical ? "-critical" : "";
      good("bc/leaf-empty" + suffix, "not a CA", s -> constraints(s, "leaf", critical, "3000"));
      good(
          "bc/leaf-false" + suffix,
          "clients allow a default value that is written out",
          s -> constraints(s, "leaf", critical, "3003010100"));
      bad(
          "bc/leaf-true" + suffix,
          Cause.WRONG_USAGE,
          "the leaf is a CA certificate",
          s -> constraints(s, "leaf", critical, "30030101ff"));
    }
  }

  private static void constraints(SampleChain sample, String role, boolean critical, String der) {
    certificate(sample, role).extend(Extension.basicConstraints, critical, SampleChain.hex(der));
  }

  // ---- key usage

  private void keyUsages() {
    for (String role : ROLES) {
      malformed(
          "ku/" + role,
          role,
          "key usage",
          Extension.keyUsage,
          Map.of(
              "not-bits", "040186",
              "no-content", "",
              "no-bits", "030100",
              "without-padding", "0300",
              "padding-of-8", "03020886",
              "bits-in-the-padding", "03020787",
              "long-length", "0381020186",
              "cut", "030201"));
      good(
          "ku/" + role + "-two-bytes",
          "decipherOnly is in the second byte",
          s -> keyUsage(s, role, true, "0303078680"));
      good(
          "ku/" + role + "-not-critical",
          "it may be either",
          s -> keyUsage(s, role, false, "03020186"));
    }
    good("ku/leaf-absent", "it is optional", s -> s.leaf.without(Extension.keyUsage));
    bad(
        "ku/leaf-cert-sign",
        Cause.WRONG_USAGE,
        "the leaf's key usage lacks digital signature", // stricter than clients
        s -> keyUsage(s, "leaf", true, "03020204"));
    for (String role : PARENTS) {
      broken(
          "ku/" + role + "-digital-signature",
          "the " + role + "'s key usage lacks certificate signing",
          s -> keyUsage(s, role, true, "03020780"));
      broken(
          "ku/" + role + "-absent",
          "the " + role + "'s key usage lacks certificate signing", // stricter than clients
          s -> certificate(s, role).without(Extension.keyUsage));
    }
  }

  private static void keyUsage(SampleChain sample, String role, boolean critical, String der) {
    certificate(sample, role).extend(Extension.keyUsage, critical, SampleChain.hex(der));
  }

  // ---- name constraints

  private void nameConstraints() {
    String outside = "the leaf's names break the name constraints above it";
    byte[] host = SampleChain.ascii(".content-signature.mozilla.org");
    byte[] dns = SampleChain.element(0x82, host);
    byte[] subtree = SampleChain.element(0x30, dns);
    Map<String, byte[]> garbage =
        Map.ofEntries(
            Map.entry("not-a-list", SampleChain.hex("040100")),
            Map.entry("no-content", new byte[0]),
            Map.entry("empty", SampleChain.hex("3000")),
            Map.entry("permits-nothing", SampleChain.hex("3002a000")),
            Map.entry("excludes-nothing", SampleChain.hex("3002a100")),
            Map.entry("more-after-it", joined(constraint(0xa0, subtree), SampleChain.hex("0500"))),
            Map.entry("third-part", constraint(0xa2, subtree)),
            Map.entry(
                "wrong-order",
                SampleChain.element(
                    0x30,
                    SampleChain.element(0xa1, SampleChain.hex("30058203782e79")),
                    SampleChain.element(0xa0, subtree))),
            Map.entry("not-a-name", constraint(0xa0, SampleChain.hex("30030c0178"))),
            Map.entry(
                "minimum-written-out",
                constraint(0xa0, SampleChain.element(0x30, dns, SampleChain.hex("800100")))),
            Map.entry(
                "maximum",
                constraint(0xa0, SampleChain.element(0x30, dns, SampleChain.hex("810105")))));
    for (String role : PARENTS) {
      garbage.forEach((trait, value) -> {
        for (boolean critical : new boolean[] {false, true}) {
          bad(
              "nc/" + role + "-" + trait + (critical ? "-critical" : ""),
              Cause.BROKEN_CHAIN,
              critical ? null : "the " + role + "'s name constraints cannot be parsed",
              s -> certificate(s, role).extend(Extension.nameConstraints, critical, value));
        }
      });
      for (boolean critical : new boolean[] {false, true}) {
        String prefix = "nc/" + role + (critical ? "-critical" : "");
        good(
            prefix + "-with-dot",
            "every signer is below that domain",
            s -> permitted(s, role, critical, dns));
        good(
            prefix + "-without-dot",
            "every signer is below that domain",
            s -> permitted(s, role, critical, dnsName("content-signature.mozilla.org")));
        good(
            prefix + "-host",
            "the name itself is permitted",
            s -> permitted(s, role, critical, dnsName(SampleChain.HOST)));
        good(
            prefix + "-other-case",
            "case does not matter in host names",
            s -> permitted(s, role, critical, dnsName(".Content-Signature.MOZILLA.org")));
        good(
            prefix + "-any-host",
            "an empty name permits every host",
            s -> permitted(s, role, critical, dnsName("")));
        good(
            prefix + "-two",
            "one that permits is enough",
            s -> permitted(s, role, critical, dnsName("example.org"), dns));
        broken(
            prefix + "-other-domain",
            outside,
            s -> permitted(s, role, critical, dnsName("example.org")));
        broken(
            prefix + "-part-of-a-label",
            outside,
            s -> permitted(s, role, critical, dnsName("settings.content-signature.mozilla.org")));
        broken(
            prefix + "-dot-and-host",
            outside,
            s -> permitted(s, role, critical, dnsName("." + SampleChain.HOST)));
        broken(
            prefix + "-wildcard",
            outside,
            s -> permitted(s, role, critical, dnsName("*.mozilla.org")));
        broken(
            prefix + "-dot-at-end",
            outside,
            s -> permitted(s, role, critical, dnsName("mozilla.org.")));
        broken(
            prefix + "-excludes-the-host",
            outside,
            s -> excluded(s, role, critical, dnsName(SampleChain.HOST)));
        broken(
            prefix + "-excludes-every-host",
            outside,
            s -> excluded(s, role, critical, dnsName("")));
        good(
            prefix + "-excludes-another-host",
            "the leaf has another name",
            s -> excluded(s, role, critical, dnsName("example.org")));
        good(
            prefix + "-permits-mail",
            "no certificate has a mail address",
            s -> permitted(s, role, critical, SampleChain.element(0x81, host)));
        good(
            prefix + "-permits-addresses",
            "no certificate has an address",
            s -> permitted(s, role, critical, SampleChain.hex("87087f000000ff000000")));
        good(
            prefix + "-permits-uri",
            "no certificate has a URI",
            s -> permitted(s, role, critical, SampleChain.element(0x86, host)));
      }
    }
    X500Name ours = common("O", "Mozilla");
    X500Name cased = common("O", "mozilla");
    for (String role : PARENTS) {
      String child = role.equals("root") ? "intermediate" : "leaf";
      good(
          "nc/" + role + "-permits-organisation",
          "all subjects below begin with it",
          s -> {
            organisation(s, child);
            s.leaf.subject = ours;
            permitted(s, role, false, directory(ours));
          });
      good(
          "nc/" + role + "-permits-organisation-in-other-string-type",
          "clients take PrintableString and UTF8String for the same here",
          s -> {
            organisation(s, child);
            s.leaf.subject = ours;
            permitted(s, role, false, directory(printable("Mozilla")));
          });
      broken(
          "nc/" + role + "-permits-organisation-in-other-case",
          "the " + child + "'s names break the name constraints above it",
          s -> {
            organisation(s, child);
            s.leaf.subject = ours;
            permitted(s, role, false, directory(cased));
          });
      broken(
          "nc/" + role + "-excludes-another-organisation",
          "the " + child + "'s names break the name constraints above it",
          s -> excluded(s, role, false, directory(ours)));
      good(
          "nc/" + role + "-permits-every-subject",
          "an empty name permits every subject",
          s -> permitted(s, role, false, directory(new X500Name(new RDN[0]))));
    }
    broken(
        "nc/root-on-names-of-the-intermediate",
        "the intermediate's names break the name constraints above it",
        s -> {
          s.intermediate.names(SampleChain.dns("example.org"));
          permitted(s, "root", true, dns);
        });
    broken(
        "nc/root-on-names-of-a-self-issued-intermediate",
        "the intermediate's names break the name constraints above it",
        s -> {
          selfIssue(s);
          s.intermediate.names(SampleChain.dns("example.org"));
          permitted(s, "root", true, dns);
        });
    good(
        "nc/intermediate-on-its-own-names",
        "constraints hold below a certificate",
        s -> s.intermediate.names(SampleChain.dns("example.org")));
    good(
        "nc/leaf-garbage",
        "clients do not decode those of a leaf",
        s -> s.leaf.garbled(Extension.nameConstraints));
    for (boolean excluded : new boolean[] {false, true}) {
      String prefix = "nc/intermediate-" + (excluded ? "excludes" : "permits");
      for (String tag : List.of("81", "86", "87", "88")) {
        boolean passes = !excluded && !tag.equals("86") && !tag.equals("88");
        byte[] name = otherName(tag);
        Consumer<SampleChain> change =
            s -> {
              s.leaf.extend(
                  Extension.subjectAlternativeName,
                  false,
                  SampleChain.element(0x30, dnsName(SampleChain.HOST), name));
              byte[] base = tag.equals("87") ? SampleChain.hex("87087f000000ff000000") : name;
              if (excluded) {
                excluded(s, "intermediate", false, base);
              } else {
                permitted(s, "intermediate", false, base);
              }
            };
        if (passes) {
          good(prefix + "-the-leaf-s-" + tag, "the leaf has that name", change);
        } else {
          broken(prefix + "-the-leaf-s-" + tag, outside, change);
        }
      }
    }
    broken(
        "nc/intermediate-permits-another-mail",
        outside,
        s -> {
          s.leaf.subject =
              new X500NameBuilder(BCStyle.INSTANCE)
                  .addRDN(BCStyle.EmailAddress, "someone@example.org")
                  .build();
          s.leaf.without(Extension.subjectAlternativeName);
          permitted(s, "intermediate", false, SampleChain.element(0x81, host));
        });
  }

  private static byte[] otherName(String tag) {
    return switch (tag) {
      case "81" -> SampleChain.element(0x81, SampleChain.ascii("someone@mozilla.org"));
      case "86" -> SampleChain.element(0x86, SampleChain.ascii("https://mozilla.org/"));
      case "87" -> SampleChain.hex("87047f000001");
      default -> SampleChain.hex("88022a03");
    };
  }

  private static void organisation(SampleChain sample, String child) {
    if (child.equals("intermediate")) {
      X500Name name = common("O", "Mozilla");
      sample.intermediate.subject = name;
      sample.leaf.issuer = name;
    }
  }

  private static X500Name common(String attribute, String value) {
    return new X500NameBuilder(BCStyle.INSTANCE)
        .addRDN(BCStyle.INSTANCE.attrNameToOID(attribute), new DERUTF8String(value))
        .build();
  }

  private static X500Name printable(String value) {
    return new X500NameBuilder(BCStyle.INSTANCE)
        .addRDN(BCStyle.O, new DERPrintableString(value))
        .build();
  }

  private static byte[] directory(X500Name name) {
    return SampleChain.element(0xa4, SampleChain.encoded(name));
  }

  private static byte[] dnsName(String name) {
    return SampleChain.element(0x82, SampleChain.ascii(name));
  }

  private static byte[] constraint(int tag, byte[]... subtrees) {
    return SampleChain.element(0x30, SampleChain.element(tag, subtrees));
  }

  private static void permitted(
      SampleChain sample, String role, boolean critical, byte[]... names) {
    constrain(sample, role, critical, 0xa0, names);
  }

  private static void excluded(SampleChain sample, String role, boolean critical, byte[]... names) {
    constrain(sample, role, critical, 0xa1, names);
  }

  private static void constrain(
      SampleChain sample, String role, boolean critical, int tag, byte[]... names) {
    byte[][] subtrees = new byte[names.length][];
    for (int place = 0; place < names.length; place++) {
      subtrees[place] = SampleChain.element(0x30, names[place]);
    }
    certificate(sample, role)
        .extend(Extension.nameConstraints, critical, constraint(tag, subtrees));
  }

  private static byte[] joined(byte[] first, byte[] second) {
    byte[] element = SampleChain.element(0x30, first, second);
    return Arrays.copyOfRange(
        element, element.length - first.length - second.length, element.length);
  }

  // ---- subject alternative names

  private void alternativeNames() {
    Map<String, byte[]> garbage =
        Map.of(
            "not-a-list", SampleChain.hex("040100"),
            "no-content", new byte[0],
            "not-a-name", SampleChain.hex("30030c0178"),
            "cut", SampleChain.hex("3005820278"),
            "more-after-it", SampleChain.hex("300382017a0500"));
    for (String role : ROLES) {
      garbage.forEach((trait, value) -> {
        boolean decoded = role.equals("leaf") || trait.equals("no-content");
        Consumer<SampleChain> change =
            s -> certificate(s, role).extend(Extension.subjectAlternativeName, false, value);
        if (decoded) {
          broken(
              "san/" + role + "-" + trait,
              "the " + role + "'s subject alternative name cannot be parsed",
              change);
        } else {
          good(
              "san/" + role + "-" + trait, "clients decode it only below name constraints", change);
        }
      });
    }
    broken(
        "san/intermediate-garbage-below-name-constraints",
        "the intermediate's subject alternative name cannot be parsed",
        s -> {
          s.intermediate.garbled(Extension.subjectAlternativeName);
          s.root.permits("mozilla.org");
        });
    bad(
        "san/leaf-absent",
        Cause.WRONG_SAN,
        "the leaf's SAN is missing, expected " + SampleChain.HOST,
        s -> s.leaf.without(Extension.subjectAlternativeName));
    bad(
        "san/leaf-empty",
        Cause.WRONG_SAN,
        "the leaf's SAN is missing, expected " + SampleChain.HOST,
        s -> s.leaf.extend(Extension.subjectAlternativeName, false, SampleChain.hex("3000")));
    good(
        "san/leaf-in-capitals",
        "case does not matter in host names",
        s -> s.leaf.names(SampleChain.dns("Remote-Settings.CONTENT-SIGNATURE.mozilla.org")));
    good(
        "san/leaf-second-of-two",
        "one of them is enough",
        s ->
            s.leaf.names(
                SampleChain.dns("onecrl.content-signature.mozilla.org"),
                SampleChain.dns(SampleChain.HOST)));
    good(
        "san/leaf-after-names-of-other-kinds",
        "they are passed over",
        s ->
            s.leaf.extend(
                Extension.subjectAlternativeName,
                false,
                SampleChain.element(
                    0x30,
                    otherName("81"),
                    otherName("86"),
                    otherName("87"),
                    otherName("88"),
                    dnsName(SampleChain.HOST))));
    Map<String, String> others =
        Map.ofEntries(
            Map.entry("kelvin-sign", "remote-settings.content-signature.mozilla.or\u212a"),
            Map.entry("long-s", "remote-\u017fettings.content-signature.mozilla.org"),
            Map.entry("dotless-i", "remote-sett\u0131ngs.content-signature.mozilla.org"),
            Map.entry("dotted-capital-i", "remote-sett\u0130ngs.content-signature.mozilla.org"),
            Map.entry("dot-at-end", SampleChain.HOST + "."),
            Map.entry("dot-at-start", "." + SampleChain.HOST),
            Map.entry("space-at-end", SampleChain.HOST + " "),
            Map.entry("nul-at-end", SampleChain.HOST + "\0.example.org"),
            Map.entry("empty-label", "remote-settings..content-signature.mozilla.org"),
            Map.entry("hyphen-at-end", "remote-settings-.content-signature.mozilla.org"));
    others.forEach((trait, name) -> {
      byte[] value = SampleChain.element(0x82, name.getBytes(StandardCharsets.UTF_8));
      bad(
          "san/leaf-" + trait,
          Cause.WRONG_SAN,
          null,
          s -> {
            s.intermediate.without(Extension.nameConstraints);
            s.leaf.extend(
                Extension.subjectAlternativeName, false, SampleChain.element(0x30, value));
          });
      broken(
          "san/leaf-" + trait + "-below-name-constraints",
          "the leaf's names break the name constraints above it",
          s ->
              s.leaf.extend(
                  Extension.subjectAlternativeName,
                  false,
                  SampleChain.element(0x30, dnsName(SampleChain.HOST), value)));
      bad(
          "san/leaf-after-" + trait,
          Cause.WRONG_SAN,
          null,
          s -> {
            s.intermediate.without(Extension.nameConstraints);
            s.leaf.extend(
                Extension.subjectAlternativeName,
                false,
                SampleChain.element(0x30, value, dnsName(SampleChain.HOST)));
          });
    });
    good(
        "san/leaf-before-what-is-not-a-host-name",
        "clients stop at the name that they ask for",
        s -> {
          s.intermediate.without(Extension.nameConstraints);
          s.leaf.names(SampleChain.dns(SampleChain.HOST), SampleChain.dns("a..b"));
        });
  }

  // ---- any extension

  private void extensions() {
    Map<String, ASN1ObjectIdentifier> passedOver =
        Map.of(
            "authority-key", Extension.authorityKeyIdentifier,
            "subject-key", Extension.subjectKeyIdentifier,
            "issuer-names", Extension.issuerAlternativeName,
            "revocation-lists", Extension.cRLDistributionPoints,
            "policy-mappings", Extension.policyMappings,
            "unknown", EXAMPLE);
    Map<String, ASN1ObjectIdentifier> remembered =
        Map.of(
            "policies", Extension.certificatePolicies,
            "policy-constraints", Extension.policyConstraints,
            "any-policy", Extension.inhibitAnyPolicy,
            "authority-access", Extension.authorityInfoAccess);
    for (String role : ROLES) {
      passedOver.forEach((trait, extension) -> {
        good(
            "extension/" + role + "-" + trait + "-garbage",
            "clients pass over it",
            s -> certificate(s, role).garbled(extension));
        good(
            "extension/" + role + "-" + trait + "-no-content",
            "clients pass over it",
            s -> certificate(s, role).extend(extension, false, new byte[0]));
      });
      for (ASN1ObjectIdentifier extension : List.of(Extension.policyMappings, EXAMPLE)) {
        broken(
            "extension/" + role + "-" + extension + "-critical",
            "the " + role + " is refused: unrecognized critical extension(s)",
            s ->
                certificate(s, role)
                    .extend(
                        extension,
                        true,
                        SampleChain.hex("3010300e0605550429" + "0a00" + "0605550429" + "0a01")));
      }
      remembered.forEach((trait, extension) -> {
        good(
            "extension/" + role + "-" + trait + "-garbage",
            "clients do not decode it",
            s -> certificate(s, role).garbled(extension));
        broken(
            "extension/" + role + "-" + trait + "-no-content",
            null,
            s -> certificate(s, role).extend(extension, false, new byte[0]));
      });
      for (ASN1ObjectIdentifier extension :
          List.of(
              Extension.extendedKeyUsage,
              Extension.keyUsage,
              Extension.certificatePolicies,
              EXAMPLE)) {
        broken(
            "extension/" + role + "-" + extension + "-twice",
            null,
            s -> {
              SampleChain.Certificate certificate = certificate(s, role);
              if (certificate.extensions.stream()
                  .noneMatch(it -> it.getExtnId().equals(extension))) {
                certificate.garbled(extension);
              }
              certificate.otherExtensions.add(certificate.extension(extension));
            });
      }
      broken(
          "extension/" + role + "-critical-as-1", null, s -> raw(s, role, "0101010402" + "0500"));
      good(
          "extension/" + role + "-critical-false",
          "clients allow a default value that is written out",
          s -> raw(s, role, "010100" + "0402" + "0500"));
      broken(
          "extension/" + role + "-more-in-it", null, s -> raw(s, role, "0402" + "0500" + "0500"));
      broken("extension/" + role + "-value-not-in-octets", null, s -> raw(s, role, "0500"));
      good(
          "extension/" + role + "-timestamps",
          "an octet string",
          s -> certificate(s, role).extend(TIMESTAMPS, false, SampleChain.hex("040100")));
    }
    broken(
        "extension/leaf-timestamps-garbage",
        "the leaf's certificate timestamps cannot be parsed",
        s -> s.leaf.extend(TIMESTAMPS, false, SampleChain.hex("3000")));
    for (String role : PARENTS) {
      good(
          "extension/" + role + "-timestamps-garbage",
          "clients decode those of the leaf alone",
          s -> certificate(s, role).extend(TIMESTAMPS, false, SampleChain.hex("3000")));
    }
    byte[] feature = SampleChain.hex("3003020105");
    broken(
        "extension/intermediate-tls-feature",
        "the leaf lacks the TLS features of the intermediate",
        s -> s.intermediate.extend(TLS_FEATURE, false, feature));
    broken(
        "extension/root-tls-feature",
        "the intermediate lacks the TLS features of the root",
        s -> s.root.extend(TLS_FEATURE, false, feature));
    good(
        "extension/leaf-tls-feature",
        "what a leaf demands of TLS does not matter here",
        s -> s.leaf.extend(TLS_FEATURE, false, feature));
    good(
        "extension/tls-feature-everywhere",
        "each has what its parent has",
        s -> ROLES.forEach(role -> certificate(s, role).extend(TLS_FEATURE, false, feature)));
  }

  private static void raw(SampleChain sample, String role, String rest) {
    byte[] extension =
        SampleChain.element(0x30, SampleChain.encoded(EXAMPLE), SampleChain.hex(rest));
    certificate(sample, role).otherExtensions.add(raw(extension));
  }

  private static ASN1Encodable raw(byte[] der) {
    try {
      return ASN1Primitive.fromByteArray(der);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // ---- keys

  private void keys() {
    KeyPair p256 = SampleChain.ec("secp256r1");
    KeyPair p521 = SampleChain.ec("secp521r1");
    KeyPair brainpool = SampleChain.ec("brainpoolP384r1");
    KeyPair koblitz = SampleChain.ec("secp256k1");
    KeyPair shortRsa = SampleChain.rsa(1024);
    KeyPair ed25519 = SampleChain.keys("Ed25519");
    KeyPair ed448 = SampleChain.keys("Ed448");
    KeyPair dsa = SampleChain.keys("DSA");
    Map<String, KeyPair> known = Map.of("p256", p256, "p521", p521, "rsa-2048", RSA_KEYS);
    for (String role : PARENTS) {
      known.forEach((trait, keys) ->
          good("keys/" + trait + "-" + role, "clients know it", s -> signingKeys(s, role, keys)));
      broken(
          "keys/rsa-1024-" + role,
          "the " + role + "'s key is RSA of 1024 bits, expected 2048 or more",
          s -> signingKeys(s, role, shortRsa));
      Map<String, KeyPair> unknown =
          Map.of(
              "brainpool", brainpool,
              "secp256k1", koblitz,
              "dsa", dsa,
              "ed25519", ed25519,
              "ed448", ed448);
      unknown.forEach((trait, keys) ->
          broken(
              "keys/" + trait + "-" + role,
              null,
              s -> {
                signingKeys(s, role, keys);
                if (trait.startsWith("ed")) {
                  edwards(s, role, trait.equals("ed448") ? "Ed448" : "Ed25519");
                }
                if (trait.equals("dsa")) {
                  s.root.hash = role.equals("root") ? "SHA256" : s.root.hash;
                  s.intermediate.hash = role.equals("root") ? "SHA256" : s.intermediate.hash;
                  s.leaf.hash = role.equals("root") ? s.leaf.hash : "SHA256";
                }
              }));
      broken(
          "keys/rsa-pss-" + role,
          null,
          s -> {
            signingKeys(s, role, RSA_KEYS);
            certificate(s, role).publicKey =
                publicKey("1.2.840.113549.1.1.10", null, RSA_KEYS, UnaryOperator.identity());
          });
      broken(
          "keys/rsa-without-parameters-" + role,
          null,
          s -> {
            signingKeys(s, role, RSA_KEYS);
            certificate(s, role).publicKey =
                publicKey("1.2.840.113549.1.1.1", null, RSA_KEYS, UnaryOperator.identity());
          });
    }
    Map<String, KeyPair> wrong =
        Map.of(
            "p256", p256,
            "p521", p521,
            "brainpool", brainpool,
            "rsa-2048", RSA_KEYS,
            "ed25519", ed25519,
            "ed448", ed448,
            "dsa", dsa);
    wrong.forEach((trait, keys) ->
        bad("keys/" + trait + "-leaf", Cause.WRONG_KEY, null, s -> s.leaf.keys = keys));
    for (String role : ROLES) {
      broken(
          "keys/compressed-point-" + role,
          null,
          s ->
              certificate(s, role).publicKey =
                  publicKey(
                      X9ObjectIdentifiers.id_ecPublicKey.getId(),
                      SECObjectIdentifiers.secp384r1,
                      certificate(s, role).keys,
                      ChainFamilies::compressed));
      broken(
          "keys/explicit-curve-" + role,
          null,
          s ->
              certificate(s, role).publicKey =
                  publicKey(
                      X9ObjectIdentifiers.id_ecPublicKey.getId(),
                      ECNamedCurveTable.getByName("secp384r1").toASN1Primitive(),
                      certificate(s, role).keys,
                      UnaryOperator.identity()));
    }
  }

  private static ASN1Encodable publicKey(
      String algorithm, ASN1Encodable parameters, KeyPair keys, UnaryOperator<byte[]> change) {
    byte[] key =
        SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded())
            .getPublicKeyData()
            .getBytes();
    ASN1ObjectIdentifier identifier = new ASN1ObjectIdentifier(algorithm);
    return new DERSequence(
        new ASN1Encodable[] {
          parameters == null
              ? new AlgorithmIdentifier(identifier)
              : new AlgorithmIdentifier(identifier, parameters),
          new DERBitString(change.apply(key))
        });
  }

  /** A point by one coordinate, which the JDK reads no more than clients do. */
  private static byte[] compressed(byte[] point) {
    byte[] half = Arrays.copyOf(point, 1 + point.length / 2);
    half[0] = (byte) (2 + (point[point.length - 1] & 1));
    return half;
  }

  /** Gives a parent other keys. */
  private static void signingKeys(SampleChain sample, String role, KeyPair keys) {
    certificate(sample, role).keys = keys;
  }

  private static void edwards(SampleChain sample, String role, String algorithm) {
    List<SampleChain.Certificate> children =
        role.equals("root") ? List.of(sample.root, sample.intermediate) : List.of(sample.leaf);
    children.forEach(child -> {
      child.hash = algorithm;
      child.scheme = "";
    });
  }

  // ---- signatures

  private void signatures() {
    for (String role : List.of("leaf", "intermediate")) {
      for (String hash : List.of("SHA256", "SHA384", "SHA512")) {
        good(
            "signature/" + role + "-" + hash,
            "clients know it",
            s -> certificate(s, role).hash = hash);
        good(
            "signature/" + role + "-rsa-" + hash,
            "clients know it",
            s -> {
              certificate(s, role).signer.keys = RSA_KEYS;
              certificate(s, role).hash = hash;
            });
        good(
            "signature/" + role + "-pss-" + hash,
            "clients know it with a salt as long as the hash",
            s -> {
              certificate(s, role).signer.keys = RSA_KEYS;
              certificate(s, role).hash = hash;
              certificate(s, role).scheme = "withRSAandMGF1";
            });
      }
      for (String hash : List.of("SHA1", "SHA224", "SHA3-384")) {
        broken("signature/" + role + "-" + hash, null, s -> certificate(s, role).hash = hash);
        broken(
            "signature/" + role + "-rsa-" + hash,
            null,
            s -> {
              certificate(s, role).signer.keys = RSA_KEYS;
              certificate(s, role).hash = hash;
            });
      }
      broken(
          "signature/" + role + "-pss-SHA1",
          null,
          s -> {
            certificate(s, role).signer.keys = RSA_KEYS;
            certificate(s, role).hash = "SHA1";
            certificate(s, role).scheme = "withRSAandMGF1";
          });
      broken(
          "signature/" + role + "-other-algorithm-within",
          null,
          s ->
              certificate(s, role).innerAlgorithm =
                  new AlgorithmIdentifier(X9ObjectIdentifiers.ecdsa_with_SHA256));
    }
    good(
        "signature/root-SHA1",
        "clients trust the root's bytes, not its signature",
        s -> s.root.hash = "SHA1");
    broken(
        "signature/leaf-by-another-key",
        "the leaf is not signed by the intermediate",
        s -> s.leaf.signer = new SampleChain(LEAF_KEYS, LEAF_KEYS, LEAF_KEYS).intermediate);
    broken(
        "signature/intermediate-by-another-key",
        "the intermediate is not signed by the root",
        s -> s.intermediate.signer = new SampleChain(LEAF_KEYS, LEAF_KEYS, LEAF_KEYS).root);
    broken(
        "signature/root-by-another-key",
        "the root is not self-signed", // stricter than clients
        s -> s.root.signer = new SampleChain(LEAF_KEYS, LEAF_KEYS, LEAF_KEYS).root);
  }

  // ---- path length

  private void selfIssued() {
    String tooLong = "the intermediate exceeds the path length of the certificate above it";
    broken("path/root-0", tooLong, s -> s.root.constraints(new BasicConstraints(0)));
    good(
        "path/root-1",
        "one intermediate is allowed",
        s -> s.root.constraints(new BasicConstraints(1)));
    good(
        "path/intermediate-0",
        "the leaf is not counted",
        s -> s.intermediate.constraints(new BasicConstraints(0)));
    broken(
        "path/root-0-self-issued",
        tooLong,
        s -> {
          s.root.constraints(new BasicConstraints(0));
          selfIssue(s);
        });
    good(
        "path/root-1-self-issued",
        "it counts as one",
        s -> {
          s.root.constraints(new BasicConstraints(1));
          selfIssue(s);
        });
    good("path/self-issued", "a new key in the root's name", ChainFamilies::selfIssue);
  }

  private static void selfIssue(SampleChain sample) {
    sample.intermediate.subject = SampleChain.name("the root");
    sample.leaf.issuer = SampleChain.name("the root");
  }

  // ---- the certificate around it

  private void encodings() {
    for (String role : ROLES) {
      int place = ROLES.indexOf(role) + 1;
      String unreadable = "certificate " + place + " of the chain cannot be parsed";
      good(
          "der/" + role + "-negative-serial",
          "clients take any number",
          s -> certificate(s, role).serial = BigInteger.valueOf(-5));
      good(
          "der/" + role + "-long-serial",
          "clients take any number",
          s -> certificate(s, role).serial = BigInteger.TWO.pow(200));
      broken(
          "der/" + role + "-padded-serial",
          unreadable,
          s -> {
            certificate(s, role).serial = BigInteger.valueOf(0x1234);
            certificate(s, role).encoding = ChainFamilies::paddedSerial;
          });
      broken(
          "der/" + role + "-long-length",
          unreadable,
          s -> certificate(s, role).encoding = ChainFamilies::longLength);
      Map<String, ASN1Encodable> starts =
          Map.of(
              "without-seconds", new ASN1UTCTime("2611231200Z"),
              "with-offset", new ASN1UTCTime("261123120000+0000"),
              "with-fraction", new ASN1GeneralizedTime("20261123120000.5Z"),
              "before-1970", new ASN1GeneralizedTime("19691231235959Z"),
              "before-1970-in-short", new ASN1UTCTime("500101000000Z"));
      starts.forEach((trait, start) ->
          broken(
              "der/" + role + "-from-" + trait,
              unreadable,
              s -> certificate(s, role).from = start));
      good(
          "der/" + role + "-from-in-long-form",
          "clients take either form for any year",
          s -> certificate(s, role).from = new ASN1GeneralizedTime("20261123120000Z"));
    }
  }

  /** 02 02 12 34 becomes 02 03 00 12 34, right after the version. */
  private static byte[] paddedSerial(byte[] signed) {
    return changed(
        signed,
        content -> {
          String hex = HexFormat.of().formatHex(content);
          return SampleChain.hex(hex.replaceFirst("02021234", "0203001234"));
        });
  }

  /** A length of one byte in two: the serial number's again. */
  private static byte[] longLength(byte[] signed) {
    return changed(
        signed,
        content -> {
          String hex = HexFormat.of().formatHex(content);
          return SampleChain.hex(hex.replaceFirst("^(a003020102)02(..)", "$1" + "0281$2"));
        });
  }

  private static byte[] changed(byte[] element, UnaryOperator<byte[]> change) {
    int header = element[1] == (byte) 0x82 ? 4 : element[1] == (byte) 0x81 ? 3 : 2;
    byte[] content = Arrays.copyOfRange(element, header, element.length);
    return SampleChain.element(0x30, change.apply(content));
  }

  // ---- making them

  private static SampleChain sample() {
    return new SampleChain(ROOT_KEYS, INTERMEDIATE_KEYS, LEAF_KEYS);
  }

  /** One whose certificates are made once, as long as nothing in them changes. */
  private static SampleChain cachedSample() {
    SampleChain sample = sample();
    for (String role : ROLES) {
      certificate(sample, role).serial = BigInteger.valueOf(1 + ROLES.indexOf(role));
    }
    return sample;
  }

  private static SampleChain.Certificate certificate(SampleChain sample, String role) {
    return switch (role) {
      case "leaf" -> sample.leaf;
      case "intermediate" -> sample.intermediate;
      default -> sample.root;
    };
  }

  /** An extension whose value is not what it should be, not critical and critical. */
  private void malformed(
      String prefix,
      String role,
      String what,
      ASN1ObjectIdentifier extension,
      Map<String, String> values) {
    values.forEach((trait, value) -> {
      for (boolean critical : new boolean[] {false, true}) {
        broken(
            prefix + "-" + trait + (critical ? "-critical" : ""),
            critical ? null : "the " + role + "'s " + what + " cannot be parsed",
            s -> certificate(s, role).extend(extension, critical, SampleChain.hex(value)));
      }
    });
  }

  private void good(String name, String reason, Consumer<SampleChain> change) {
    add(name, null, reason, change);
  }

  /**
   * One that is refused.
   *
   * @param reason null where it is the JDK that says so, in words of its own
   */
  private void bad(String name, Cause cause, String reason, Consumer<SampleChain> change) {
    add(name, cause, reason, change);
  }

  private void broken(String name, String reason, Consumer<SampleChain> change) {
    add(name, Cause.BROKEN_CHAIN, reason, change);
  }

  private void add(String name, Cause cause, String reason, Consumer<SampleChain> change) {
    SampleChain sample = cachedSample().with(change);
    byte[] root = sample.root.der();
    made.add(
        new Made(
            name,
            sample.leaf.pem() + sample.intermediate.pem() + SampleChain.pem(root),
            SampleChain.hash(root),
            cause,
            reason));
  }

  private void goodText(String name, String reason, UnaryOperator<String> change) {
    addText(name, null, reason, change);
  }

  private void badText(String name, String reason, UnaryOperator<String> change) {
    addText(name, Cause.BROKEN_CHAIN, reason, change);
  }

  /** Serial number and signature have no fixed length, so not every chain can be changed so. */
  private void addText(String name, Cause cause, String reason, UnaryOperator<String> change) {
    String changed = null;
    byte[] root = null;
    while (changed == null) {
      SampleChain sample = sample();
      root = sample.root.der();
      changed = change.apply(sample.leaf.pem() + sample.intermediate.pem() + SampleChain.pem(root));
    }
    made.add(new Made(name, changed, SampleChain.hash(root), cause, reason));
  }
}
