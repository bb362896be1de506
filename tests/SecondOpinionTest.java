//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.bouncycastle:bcpkix-jdk18on:1.87
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/Changesets.java
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/signature/ContentSignature.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ChainFamilies.java
//SOURCES SampleChain.java
//SOURCES SignedChangeset.java
//SOURCES Vectors.java

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import common.Changesets;
import common.Changesets.Changeset;
import common.signature.CertificateChain;
import common.signature.CertificateChain.Refused;
import common.signature.ContentSignature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERSequence;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Chains and signatures, good and bad, as two other programs judge them: Mozilla's autograph-utils
 * and OpenSSL. A table says where one of them differs from us, and why.
 *
 * <p>Neither does all that clients do. To autograph-utils, the payload is what the server's library
 * prints; OpenSSL gets payloads that are written out here.
 */
class SecondOpinionTest {

  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  private static final String SIGNER = "remote-settings";
  private static final String HOST = "remote-settings.content-signature.mozilla.org";
  private static final SigningAuthority AUTHORITY = SigningAuthority.of(NOW);
  private static final SigningAuthority OTHER = SigningAuthority.builder().now(NOW).build();
  private static final JsonMapper JSON = new JsonMapper();
  private static final String AUTOGRAPH_UTILS = "autograph-utils";
  private static final String OPENSSL = "openssl";

  // Chains

  private static final List<Difference> DIFFERENCES_OF_CHAINS =
      List.of(
          accepts(
              AUTOGRAPH_UTILS,
              "passes over the names of issuers: the next certificate's key is enough",
              "issuer/leaf-*",
              "issuer/intermediate-*",
              "issuer/root-*"),
          accepts(
              AUTOGRAPH_UTILS,
              "knows the root by its hash, and passes over its issuer and its signature",
              "the last certificate is not self-signed",
              "signature/root-by-another-key"),
          accepts(
              AUTOGRAPH_UTILS,
              "takes the leaf's name from its subject, and passes over the SAN",
              "the leaf has no subject alternative name",
              "san/leaf-absent"),
          accepts(
              AUTOGRAPH_UTILS,
              "looks at the basic constraints and the key usage of parents alone",
              "the leaf's key usage is key agreement, not digital signature",
              "bc/leaf-true",
              "ku/leaf-cert-sign"),
          accepts(
              AUTOGRAPH_UTILS,
              "looks at the extended key usage of the leaf alone",
              "the intermediate's extended key usage is TLS server",
              "eku/intermediate-any",
              "eku/intermediate-server",
              "eku/intermediate-server-and-ocsp",
              "eku/root-any",
              "eku/root-server",
              "eku/root-server-and-ocsp"),
          refuses(
              AUTOGRAPH_UTILS,
              "wants code signing alone in the extended key usage of the leaf",
              "eku/leaf-any-and-code-signing",
              "eku/leaf-server-and-code-signing"),
          accepts(
              AUTOGRAPH_UTILS,
              "passes over the leaf's key until it verifies a signature",
              "the leaf's key is RSA 2048",
              "the leaf's key is on the curve P-256",
              "keys/*-leaf"),
          accepts(
              AUTOGRAPH_UTILS,
              "takes any hash, and an RSA key of any length",
              "signature/*SHA1",
              "keys/rsa-1024-*"),
          refuses(
              AUTOGRAPH_UTILS,
              "knows no RSASSA-PSS",
              "signature/*-pss-SHA256",
              "signature/*-pss-SHA384"),
          accepts(
              AUTOGRAPH_UTILS,
              "passes over extensions that it does not know, critical or not",
              "the leaf has an unknown critical extension",
              "the intermediate has an unknown critical extension",
              "extension/*.1-critical",
              "extension/*-tls-feature"),
          accepts(
              AUTOGRAPH_UTILS,
              "passes over the path length",
              "the root allows no intermediate below it",
              "path/root-0",
              "path/root-0-self-issued"),
          refuses(
              AUTOGRAPH_UTILS,
              "holds constraints of any kind against the next certificate's common name alone",
              "nc/root-host",
              "nc/root-two",
              "nc/root-critical-two",
              "nc/*-permits-mail",
              "nc/*-permits-organisation"),
          accepts(
              AUTOGRAPH_UTILS,
              "holds constraints against the next certificate's common name alone",
              "nc/root-excludes-the-host",
              "nc/root-critical-excludes-the-host"),
          accepts(
              AUTOGRAPH_UTILS,
              "does not know that an empty constraint stands for every host",
              "nc/*-excludes-every-host"),
          accepts(
              OPENSSL,
              "compares names regardless of string type, case and white space (RFC 5280, 7.1)",
              "issuer/*-printable",
              "issuer/*-case",
              "issuer/*-white-space",
              "issuer/*-space-at-end"),
          accepts(
              OPENSSL,
              "asks what a chain is for with -purpose alone, and knows no code signing before 3.2",
              "the leaf's extended key usage is TLS server, not code signing",
              "the leaf has no extended key usage",
              "the leaf's key usage is key agreement, not digital signature",
              "the intermediate's extended key usage is TLS server",
              "eku/leaf-absent",
              "eku/*-empty",
              "eku/*-any",
              "eku/*-server",
              "eku/*-server-and-ocsp",
              "eku/leaf-code-signing-and-ocsp",
              "bc/leaf-true",
              "ku/leaf-cert-sign"),
          accepts(
              OPENSSL,
              "takes a key usage that is absent for every usage",
              "ku/intermediate-absent",
              "ku/root-absent"),
          accepts(OPENSSL, "takes a root for a CA if its key usage says so", "bc/root-absent"),
          accepts(
              OPENSSL,
              "takes the name from the subject if there is no SAN",
              "the leaf has no subject alternative name",
              "san/leaf-absent"),
          accepts(
              OPENSSL,
              "verifies chains of any kind of key",
              "the leaf's key is RSA 2048",
              "the leaf's key is on the curve P-256",
              "keys/*-leaf",
              "keys/ed25519-*"),
          accepts(
              OPENSSL,
              "leaves it to the TLS handshake whether a feature is there",
              "extension/*-tls-feature"),
          accepts(
              OPENSSL,
              "builds a path of its own to the trusted root from whatever certificates it gets",
              "the chain has only leaf and intermediate",
              "the chain has a fourth certificate after the root",
              "mixed: 2",
              "order: 021",
              "order: 011"),
          refuses(
              OPENSSL,
              "tells certificates of the same name apart by key identifiers, which these lack",
              "path/self-issued",
              "path/root-1-self-issued",
              "nc/root-permits-organisation"));

  @Test
  void autograph_utils_judges_chains_as_we_do_but_for_the_differences_in_the_table() {
    List<String> reasons = texts(askAutographUtils(CHAINS, List.of()).path("chains"));
    assertAgreed("57 good, 109 bad", AUTOGRAPH_UTILS, ours(CHAINS), reasons, DIFFERENCES_OF_CHAINS);
  }

  @Test
  void openssl_judges_chains_as_we_do_but_for_the_differences_in_the_table(@TempDir Path folder)
      throws Exception {
    Path openssl = openssl();
    Path chainFile = folder.resolve("chain.pem");
    Path rootFile = folder.resolve("root.pem");
    List<String> verify = new ArrayList<>(List.of(openssl.toString(), "verify"));
    verify.addAll(List.of("-attime", Long.toString(NOW.getEpochSecond())));
    verify.addAll(List.of("-verify_hostname", HOST));
    verify.addAll(List.of("-auth_level", "2")); // SHA-1 and short keys do not do
    verify.add("-check_ss_sig"); // the root's own signature, too
    verify.addAll(List.of("-no-CApath", "-no-CAstore", "-CAfile", rootFile.toString()));
    verify.addAll(List.of("-untrusted", chainFile.toString()));
    verify.add(chainFile.toString()); // of which it reads the first certificate
    List<String> reasons = new ArrayList<>();
    for (Chain chain : CHAINS) {
      Files.writeString(chainFile, chain.pem);
      Files.writeString(rootFile, SampleChain.pem(chain.root));
      Project.Outcome outcome = Project.run(verify.toArray()).go();
      reasons.add(outcome.exit() == 0 ? "" : outcome.stderr().strip());
    }
    assertAgreed("69 good, 112 bad", OPENSSL, ours(CHAINS), reasons, DIFFERENCES_OF_CHAINS);
  }

  /**
   * A chain to judge.
   *
   * @param root the DER of the one that is trusted
   */
  private record Chain(String name, String pem, byte[] root) {

    Chain(String name, SigningAuthority authority) {
      this(name, authority.chainPem(), encoded(authority.root()));
    }

    /** Empty if it is good, else why not. */
    String ours() {
      try {
        CertificateChain chain = CertificateChain.parse(bytes(pem));
        chain.verify(NOW);
        chain.verifySigner(SIGNER);
        chain.verifyRoot(Set.of(SampleChain.hash(root)));
        return "";
      } catch (Refused e) {
        return e.getMessage();
      }
    }
  }

  private static Map<String, String> ours(List<Chain> chains) {
    Map<String, String> ours = new LinkedHashMap<>();
    chains.forEach(chain -> ours.put(chain.name, chain.ours()));
    return ours;
  }

  /**
   * The families that say something else. Those that say the same in other bytes are left out,
   * because every reader of PEM and DER is lenient in its own way; so are kinds of keys and hashes
   * that some builds of OpenSSL lack.
   */
  private static final List<String> FAMILIES =
      List.of(
          "issuer/*",
          "eku/*-absent",
          "eku/*-empty",
          "eku/*-any",
          "eku/*-server",
          "eku/*-code-signing",
          "eku/*-ocsp",
          "bc/*-absent",
          "bc/*-empty",
          "bc/*-true",
          "bc/*-path-length-127",
          "ku/*-absent",
          "ku/*-cert-sign",
          "ku/*-digital-signature",
          "ku/*-not-critical",
          "nc/intermediate-host",
          "nc/root-host",
          "nc/*-two",
          "nc/*-other-domain",
          "nc/*-excludes-*-host",
          "nc/*-permits-mail",
          "nc/*-permits-organisation",
          "san/leaf-absent",
          "san/leaf-in-capitals",
          "san/leaf-second-of-two",
          "san/leaf-after-names-of-other-kinds",
          "extension/*.1-critical",
          "extension/*-tls-feature",
          "keys/p*-leaf",
          "keys/rsa-2048-*",
          "keys/rsa-1024-*",
          "keys/ed25519-*",
          "signature/*-SHA256",
          "signature/*-SHA384",
          "signature/leaf-*SHA1",
          "signature/intermediate-*SHA1",
          "signature/*-by-another-key",
          "path/*");

  private static final List<Chain> CHAINS = chains();

  private static List<Chain> chains() {
    List<Chain> chains = new ArrayList<>();
    chains.add(new Chain("the embedded server's", AUTHORITY));
    for (SigningAuthority.Defect defect : SigningAuthority.Defect.values()) {
      SigningAuthority authority = SigningAuthority.builder().now(NOW).defect(defect).build();
      chains.add(new Chain(defect.toString(), authority));
    }
    chains.addAll(chainsAtTheEndsOfValidities());
    chains.addAll(chainsOfOtherCertificates());
    chains.addAll(chainsWithOneBitChanged());
    chains.addAll(chainsOfFamilies());
    return chains;
  }

  /** Without the last second of a validity, which OpenSSL counts as over. */
  private static List<Chain> chainsAtTheEndsOfValidities() {
    Map<String, BiFunction<Instant, Instant, SigningAuthority.Builder>> certificates =
        new LinkedHashMap<>();
    certificates.put("leaf", SigningAuthority.builder().now(NOW)::leafValidity);
    certificates.put("intermediate", SigningAuthority.builder().now(NOW)::intermediateValidity);
    certificates.put("root", SigningAuthority.builder().now(NOW)::rootValidity);
    Instant yesterday = NOW.minus(Duration.ofDays(1));
    Instant tomorrow = NOW.plus(Duration.ofDays(1));
    List<Chain> chains = new ArrayList<>();
    certificates.forEach((name, validity) -> {
      for (int seconds : new int[] {-1, 0, 1}) {
        String when = "%+d s: ".formatted(seconds);
        SigningAuthority begun = validity.apply(NOW.plusSeconds(seconds), tomorrow).build();
        chains.add(new Chain("begin " + when + name, begun));
      }
      for (int seconds : new int[] {-1, 1}) {
        String when = "end %+d s: ".formatted(seconds);
        SigningAuthority ending = validity.apply(yesterday, NOW.plusSeconds(seconds)).build();
        chains.add(new Chain("end " + when + name, ending));
      }
    });
    return chains;
  }

  private static List<Chain> chainsOfOtherCertificates() {
    byte[] root = encoded(AUTHORITY.root());
    List<Chain> chains = new ArrayList<>();
    chains.add(new Chain("another root is trusted", OTHER.chainPem(), root));
    for (int place = 0; place < 3; place++) {
      List<X509Certificate> mixed = new ArrayList<>(AUTHORITY.chain());
      mixed.set(place, OTHER.chain().get(place));
      chains.add(new Chain("mixed: " + place, pem(mixed), root));
    }
    for (String order : List.of("021", "102", "120", "201", "210", "0", "011", "022", "222")) {
      List<X509Certificate> ordered =
          order.chars().mapToObj(place -> AUTHORITY.chain().get(place - '0')).toList();
      chains.add(new Chain("order: " + order, pem(ordered), root));
    }
    chains.add(new Chain("text: empty", "", root));
    chains.add(new Chain("text: HTML", "<!doctype html><title>404 Not Found</title>", root));
    return chains;
  }

  /** Leaves and intermediates of a chain that an Autograph made. */
  private static List<Chain> chainsWithOneBitChanged() {
    Random random = new Random(20261124);
    List<X509Certificate> real = certificates(Vectors.text("kinto-26/chain.pem"));
    byte[] root = encoded(real.getLast());
    List<Chain> chains = new ArrayList<>();
    chains.add(new Chain("real", pem(real), root));
    for (int round = 0; round < 40; round++) {
      int changed = round % 2;
      byte[] der = encoded(real.get(changed));
      int place = random.nextInt(der.length);
      der[place] ^= (byte) (1 << random.nextInt(8));
      List<String> pems = new ArrayList<>(real.stream().map(SigningAuthority::pem).toList());
      pems.set(changed, SampleChain.pem(der));
      String name = "bit changed: certificate %d, byte %d".formatted(changed, place);
      chains.add(new Chain(name, String.join("", pems), root));
    }
    return chains;
  }

  private static List<Chain> chainsOfFamilies() {
    List<Chain> chains = new ArrayList<>();
    for (ChainFamilies.Made made : ChainFamilies.all()) {
      if (FAMILIES.stream().anyMatch(family -> matches(family, made.name()))) {
        List<X509Certificate> certificates = certificates(made.pem());
        chains.add(new Chain(made.name(), made.pem(), encoded(certificates.getLast())));
      }
    }
    return chains;
  }

  private static List<X509Certificate> certificates(String pem) {
    try {
      return SignedChangeset.certificates(pem);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] encoded(X509Certificate certificate) {
    try {
      return certificate.getEncoded().clone();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String pem(List<X509Certificate> certificates) {
    return certificates.stream().map(SigningAuthority::pem).collect(joining());
  }

  // Signatures

  private static final List<Difference> DIFFERENCES_OF_SIGNATURES =
      List.of(
          refuses(
              AUTOGRAPH_UTILS,
              "the server's library prints fractions in its own way (1E-1), and so signs them",
              "fractions: *",
              "zero: 0.0",
              "zero: -0.0"),
          refuses(
              AUTOGRAPH_UTILS, "Python reads -0 as an integer, which has no sign then", "zero: -0"),
          refuses(
              AUTOGRAPH_UTILS,
              "the server's library knows integers of 64 bits alone",
              "integers: beyond 2^64"),
          refuses(
              AUTOGRAPH_UTILS,
              "the server's library knows whole characters alone",
              "text: half a character"),
          accepts(
              AUTOGRAPH_UTILS,
              "Python's decoder takes both alphabets of base64, and passes over what is in neither",
              "signature: text: padding",
              "signature: text: other alphabet",
              "signature: text: a space before it",
              "signature: text: a line end after it"));

  @Test
  void autograph_utils_judges_signatures_as_we_do_but_for_the_differences_in_the_table()
      throws Exception {
    List<Signed> signed = signatures();
    List<Chain> chains = List.of(new Chain("the embedded server's", AUTHORITY));
    assertAgreed(
        "29 good, 72 bad",
        AUTOGRAPH_UTILS,
        oursOf(signed),
        texts(askAutographUtils(chains, signed).path("signatures")),
        DIFFERENCES_OF_SIGNATURES);
  }

  /** Without those that are not r and s, which OpenSSL knows in DER only. */
  @Test
  void openssl_judges_signatures_as_we_do_but_for_the_differences_in_the_table(@TempDir Path folder)
      throws Exception {
    Path openssl = openssl();
    Path chain = Files.writeString(folder.resolve("chain.pem"), AUTHORITY.chainPem());
    Path key = folder.resolve("key.pem");
    Project.Outcome outcome =
        Project.run(openssl, "x509", "-in", chain, "-pubkey", "-noout", "-out", key).go();
    assertEquals(0, outcome.exit(), outcome::toString);
    Path payload = folder.resolve("payload");
    Path der = folder.resolve("der");
    List<Signed> signed = signatures().stream().filter(one -> one.raw().length == 96).toList();
    List<String> reasons = new ArrayList<>();
    for (Signed one : signed) {
      Files.write(payload, prefixed(one.payload));
      Files.write(der, der(one.raw()));
      outcome =
          Project.run(openssl, "dgst", "-sha384", "-verify", key, "-signature", der, payload).go();
      reasons.add(outcome.exit() == 0 ? "" : outcome.stdout().strip());
    }
    assertAgreed("40 good, 61 bad", OPENSSL, oursOf(signed), reasons, DIFFERENCES_OF_SIGNATURES);
  }

  /**
   * A signed changeset to judge.
   *
   * @param records as a server sends them, separated by commas
   * @param payload what has to be signed, without the prefix; written by hand
   */
  private record Signed(
      String name, String records, long timestamp, String payload, String signature) {

    /** The bytes of the signature; none if its text is not URL-safe base64. */
    byte[] raw() {
      try {
        return Base64.getUrlDecoder().decode(signature);
      } catch (IllegalArgumentException e) {
        return new byte[0];
      }
    }

    /** Empty if it is good, else why not. */
    String ours() throws IOException {
      String text =
          """
          {"metadata": {"signatures":
              [{"mode": "p384ecdsa", "x5u": "https://example.org/chain", "signature": %s}]},
           "timestamp": %d, "changes": [%s]}
          """
              .formatted(JSON.writeValueAsString(signature), timestamp, records);
      Changeset changeset = Changesets.read(new ByteArrayInputStream(bytes(text)));
      ContentSignature.Verdict verdict =
          ContentSignature.verify(
              ContentSignature.signatures(changeset.metadata()),
              new ContentSignature.Content(changeset.records(), changeset.timestamp(), List.of()),
              _ -> CertificateChain.parse(bytes(AUTHORITY.chainPem())),
              new ContentSignature.Trust(
                  Set.of(AUTHORITY.rootHash()), SIGNER, true, true, null, NOW));
      return verdict instanceof ContentSignature.Invalid invalid
          ? invalid.reason().getMessage()
          : "";
    }
  }

  private static Map<String, String> oursOf(List<Signed> signed) throws IOException {
    Map<String, String> ours = new LinkedHashMap<>();
    for (Signed one : signed) {
      ours.put(one.name, one.ours());
    }
    return ours;
  }

  private static List<Signed> signatures() {
    return Stream.of(signaturesOfRecords(), signaturesOfOtherContent(), signaturesAltered())
        .flatMap(List::stream)
        .toList();
  }

  private static final long TIMESTAMP = 1795486758330L;

  /** Records as a server sends them, and as they are signed. */
  private static final String RECORDS =
      """
      plain | {"id":"a","last_modified":1} | {"id":"a","last_modified":1}
      order of keys | {"last_modified":1,"id":"a","Z":0,"_":0,"aa":0} | {"Z":0,"_":0,"aa":0,"id":"a","last_modified":1}
      order of keys: astral | {"\ud83d\ude00":1,"\uffff":2,"id":"a"} | {"id":"a","\\uffff":2,"\\ud83d\\ude00":1}
      key twice | {"id":"a","n":1,"n":2} | {"id":"a","n":2}
      spaces | { "id" : "a",\t"n" : [ 1 , 2 ] } | {"id":"a","n":[1,2]}
      nested | {"id":"a","o":{"b":{"d":[],"c":{}},"a":[[],[{}]]}} | {"id":"a","o":{"a":[[],[{}]],"b":{"c":{},"d":[]}}}
      constants | {"id":"a","n":[true,false,null]} | {"id":"a","n":[true,false,null]}
      text: empty | {"":"","id":"a"} | {"":"","id":"a"}
      text: short escapes | {"id":"a","t":"\\u0008\\u0009\\u000A\\u000c\\u000d\\u0022\\u005c\\u002f\\/"} | {"id":"a","t":"\\b\\t\\n\\f\\r\\"\\\\//"}
      text: other escapes | {"id":"a","t":"\\u0000\\u001F\\u007F\\u0041"} | {"id":"a","t":"\\u0000\\u001f\\u007fA"}
      text: markup | {"id":"a","t":"<b>&amp;'</b>"} | {"id":"a","t":"<b>&amp;'</b>"}
      text: accents | {"id":"a","\u00e9":"caf\u00e9 e\u0301 \u0100"} | {"id":"a","\\u00e9":"caf\\u00e9 e\\u0301 \\u0100"}
      text: separators | {"id":"a","t":"\\u2028\\u2029\u00a0\ufeff"} | {"id":"a","t":"\\u2028\\u2029\\u00a0\\ufeff"}
      text: astral | {"id":"a","t":"\ud83d\ude00 \\uD83D\\uDE00"} | {"id":"a","t":"\\ud83d\\ude00 \\ud83d\\ude00"}
      text: half a character | {"id":"a","t":"\\uD83D"} | {"id":"a","t":"\\ud83d"}
      order of ids | {"id":"10"},{"id":"9"},{"id":"B"},{"id":"b"},{"id":"A"} | {"id":"10"},{"id":"9"},{"id":"A"},{"id":"B"},{"id":"b"}
      order of ids: astral | {"id":"\ud83d\ude00"},{"id":"\uffff"} | {"id":"\\uffff"},{"id":"\\ud83d\\ude00"}
      integers | {"id":"a","n":[0,-1,2147483648,9007199254740991]} | {"id":"a","n":[0,-1,2147483648,9007199254740991]}
      integers: beyond 2^53 | {"id":"a","n":9007199254740993} | {"id":"a","n":9007199254740993}
      integers: 64 bits | {"id":"a","n":[18446744073709551615,-9223372036854775808]} | {"id":"a","n":[18446744073709551615,-9223372036854775808]}
      integers: beyond 2^64 | {"id":"a","n":18446744073709551616} | {"id":"a","n":18446744073709551616}
      zero: -0 | {"id":"a","n":-0} | {"id":"a","n":-0}
      zero: -0.0 | {"id":"a","n":-0.0} | {"id":"a","n":-0}
      zero: 0.0 | {"id":"a","n":0.0} | {"id":"a","n":0}
      fractions: 1.0 | {"id":"a","n":1.0} | {"id":"a","n":1}
      fractions: 1e2 | {"id":"a","n":1e2} | {"id":"a","n":100}
      fractions: 0.5 | {"id":"a","n":0.5} | {"id":"a","n":0.5}
      fractions: 12.25 | {"id":"a","n":12.25} | {"id":"a","n":12.25}
      fractions: 1e21 | {"id":"a","n":1e21} | {"id":"a","n":1e+21}
      fractions: 1e-7 | {"id":"a","n":1e-7} | {"id":"a","n":1e-7}
      deleted: true | {"id":"a"},{"id":"b","deleted":true} | {"id":"a"}
      deleted: 1 | {"id":"a"},{"id":"b","deleted":1} | {"id":"a"}
      deleted: "yes" | {"id":"a"},{"id":"b","deleted":"yes"} | {"id":"a"}
      deleted: "" | {"id":"a","deleted":""} | {"deleted":"","id":"a"}
      deleted: 0 | {"id":"a","deleted":0} | {"deleted":0,"id":"a"}
      deleted: false | {"id":"a","deleted":false} | {"deleted":false,"id":"a"}
      deleted: null | {"id":"a","deleted":null} | {"deleted":null,"id":"a"}
      """;

  private static List<Signed> signaturesOfRecords() {
    List<Signed> all = new ArrayList<>();
    for (String row : RECORDS.lines().toList()) {
      String[] cells = row.split(" *\\| *");
      String payload = payload(cells[2], TIMESTAMP);
      all.add(new Signed(cells[0], cells[1], TIMESTAMP, payload, sign(payload)));
    }
    String payload = payload("", TIMESTAMP);
    all.add(new Signed("no record", "", TIMESTAMP, payload, sign(payload)));
    return all;
  }

  /** In canonical form, and so are all its edits. */
  private static final String RECORD =
      "{\"b\":true,\"id\":\"a\",\"last_modified\":1795486758330,\"list\":[1,2],\"n\":7,"
          + "\"nothing\":null,\"text\":\"caf\\u00e9\"}";

  private static final String EDITS =
      """
      boolean | true | false
      integer | "n":7 | "n":8
      integer as text | "n":7 | "n":"7"
      integer as fraction | "n":7 | "n":7.5
      order of a list | [1,2] | [2,1]
      depth of a list | [1,2] | [1,[2]]
      null | null | {}
      missing member | ,"n":7 |
      more members | "n":7 | "n":7,"n2":7
      case of a key | "text" | "tExt"
      accent | caf\\u00e9 | cafe
      id | "id":"a" | "id":"b"
      last_modified | 758330 | 758331
      more records | 9"} | 9"},{"id":"b"}
      """;

  private static List<Signed> signaturesOfOtherContent() {
    String signature = sign(payload(RECORD, TIMESTAMP));
    List<Signed> all = new ArrayList<>();
    for (String row : EDITS.lines().toList()) {
      String[] cells = row.split(" *\\| *", -1);
      String served = RECORD.replace(cells[1], cells[2]);
      String payload = payload(served, TIMESTAMP);
      all.add(new Signed("other content: " + cells[0], served, TIMESTAMP, payload, signature));
    }
    all.add(
        new Signed("other content: no record", "", TIMESTAMP, payload("", TIMESTAMP), signature));
    for (long timestamp : new long[] {0, TIMESTAMP - 1, TIMESTAMP + 1}) {
      String name = "other content: timestamp " + timestamp;
      all.add(new Signed(name, RECORD, timestamp, payload(RECORD, timestamp), signature));
    }
    return all;
  }

  private static final BigInteger ORDER = // SEC 2, section 2.5.1: n of secp384r1
      new BigInteger(
          "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
              + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
          16);

  private static List<Signed> signaturesAltered() {
    String payload = payload(RECORD, TIMESTAMP);
    byte[] good =
        Stream.generate(() -> AUTHORITY.signRaw(prefixed(payload)))
            .filter(raw -> base64(raw).matches(".*[-_].*")) // as all but one in fifty
            .findFirst()
            .orElseThrow();
    BigInteger r = new BigInteger(1, good, 0, 48);
    BigInteger s = new BigInteger(1, good, 48, 48);
    Map<String, byte[]> raw = new LinkedHashMap<>();
    raw.put("good", good);
    raw.put("as good: -s", raw(r, ORDER.subtract(s)));
    for (int place = 0; place < 96; place += 5) {
      byte[] changed = good.clone();
      changed[place] ^= (byte) (1 << place % 8);
      raw.put("bit changed: byte " + place, changed);
    }
    raw.put("s and r", raw(s, r));
    raw.put("-r", raw(ORDER.subtract(r), s));
    Map<String, BigInteger> numbers = new LinkedHashMap<>();
    numbers.put("0", BigInteger.ZERO);
    numbers.put("1", BigInteger.ONE);
    numbers.put("n - 1", ORDER.subtract(BigInteger.ONE));
    numbers.put("n", ORDER);
    numbers.put("n + 1", ORDER.add(BigInteger.ONE));
    numbers.put("2^384 - 1", BigInteger.ONE.shiftLeft(384).subtract(BigInteger.ONE));
    numbers.forEach((name, number) -> {
      raw.put("r is " + name, raw(number, s));
      raw.put("s is " + name, raw(r, number));
      raw.put("r and s are " + name, raw(number, number));
    });
    raw.put("length: 0", new byte[0]);
    raw.put("length: 48", Arrays.copyOf(good, 48));
    raw.put("length: 64", Arrays.copyOf(good, 64));
    raw.put("length: 95", Arrays.copyOf(good, 95));
    raw.put("length: 97", Arrays.copyOf(good, 97));
    raw.put("length: 192", Arrays.copyOf(good, 192));
    raw.put("DER", der(good));
    raw.put("another key", OTHER.signRaw(prefixed(payload)));
    raw.put("without the prefix", AUTHORITY.signRaw(bytes(payload)));
    raw.put("with a line end", AUTHORITY.signRaw(prefixed(payload + "\n")));
    Map<String, String> texts = new LinkedHashMap<>();
    raw.forEach((name, bytes) -> texts.put(name, base64(bytes)));
    String text = base64(good);
    texts.put("text: padding", text + "=");
    texts.put("text: other alphabet", Base64.getEncoder().encodeToString(good));
    texts.put("text: one character less", text.substring(1));
    texts.put("text: one character more", text + "A");
    texts.put("text: a space before it", " " + text);
    texts.put("text: a line end after it", text + "\n");
    texts.put("text: beyond ASCII", text.substring(1) + "\u0141");
    texts.put("text: hex", r.toString(16) + s.toString(16));
    return texts.entrySet().stream()
        .map(entry ->
            new Signed(
                "signature: " + entry.getKey(), RECORD, TIMESTAMP, payload, entry.getValue()))
        .toList();
  }

  private static String payload(String records, long timestamp) {
    return "{\"data\":[%s],\"last_modified\":\"%d\"}".formatted(records, timestamp);
  }

  private static byte[] prefixed(String payload) {
    return bytes("Content-Signature:\0" + payload);
  }

  private static String sign(String payload) {
    return AUTHORITY.sign(prefixed(payload));
  }

  private static String base64(byte[] raw) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(raw);
  }

  private static byte[] raw(BigInteger r, BigInteger s) {
    byte[] raw = new byte[96];
    String hex = "%096x%096x".formatted(r, s);
    for (int i = 0; i < raw.length; i++) {
      raw[i] = (byte) Integer.parseInt(hex, 2 * i, 2 * i + 2, 16);
    }
    return raw;
  }

  private static byte[] der(byte[] raw) {
    try {
      return new DERSequence(
              new ASN1Encodable[] {
                new ASN1Integer(new BigInteger(1, raw, 0, 48)),
                new ASN1Integer(new BigInteger(1, raw, 48, 48))
              })
          .getEncoded();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  // The others

  /** Since OpenSSL 3; LibreSSL has no version of its own that would do. */
  private static Path openssl() {
    Path openssl = Peers.OPENSSL.path();
    String version = Project.run(openssl, "version").go().stdout().strip();
    assumeTrue(
        version.matches("OpenSSL ([3-9]|\\d\\d)\\..*") || Peers.areRequired(),
        "no OpenSSL 3 or newer");
    return openssl;
  }

  /** Asks about all of them at once; each reason is empty if the chain or signature is good. */
  private static JsonNode askAutographUtils(List<Chain> chains, List<Signed> signatures) {
    Path python = Peers.AUTOGRAPH_UTILS.path();
    List<Map<String, Object>> ofChains = new ArrayList<>();
    for (Chain chain : chains) {
      ofChains.add(Map.of("pem", chain.pem, "root", SampleChain.hash(chain.root), "host", HOST));
    }
    List<Map<String, Object>> ofSignatures = new ArrayList<>();
    for (Signed signed : signatures) {
      ofSignatures.add(
          Map.of(
              "chain",
              0,
              "changes",
              "[" + signed.records + "]",
              "timestamp",
              signed.timestamp,
              "signature",
              signed.signature));
    }
    Map<String, Object> question =
        Map.of("at", NOW.getEpochSecond(), "chains", ofChains, "signatures", ofSignatures);
    Project.Outcome outcome =
        Project.run(python, Project.root().resolve("tests/second_opinion.py"))
            .input(JSON.writeValueAsString(question))
            .go();
    assertEquals(0, outcome.exit(), outcome::toString);
    return JSON.readTree(outcome.stdout());
  }

  private static List<String> texts(JsonNode list) {
    return list.valueStream().map(JsonNode::asString).toList();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  // Differences

  /**
   * Why one of the others differs from us.
   *
   * @param verdict of the other; ours is the reverse
   * @param cases their names; an asterisk stands for any text
   */
  private record Difference(String peer, String verdict, String reason, List<String> cases) {

    boolean isOf(String peer, String verdict, String name) {
      return this.peer.equals(peer)
          && this.verdict.equals(verdict)
          && cases.stream().anyMatch(one -> matches(one, name));
    }
  }

  /** Whether a name is of a pattern, in which an asterisk stands for any text. */
  private static boolean matches(String pattern, String name) {
    return Pattern.matches("\\Q" + pattern.replace("*", "\\E.*\\Q") + "\\E", name);
  }

  private static Difference accepts(String peer, String reason, String... cases) {
    return new Difference(peer, "accepts", reason, List.of(cases));
  }

  private static Difference refuses(String peer, String reason, String... cases) {
    return new Difference(peer, "refuses", reason, List.of(cases));
  }

  /**
   * @param expected how many cases we both accept, and refuse
   * @param ours to each case the reason why we refuse it, else an empty text
   * @param theirs the same of the peer, in the same order
   */
  private static void assertAgreed(
      String expected,
      String peer,
      Map<String, String> ours,
      List<String> theirs,
      List<Difference> table) {
    assertEquals(ours.size(), theirs.size(), "one answer to each case");
    Set<String> unseen = new LinkedHashSet<>();
    table.stream()
        .filter(difference -> difference.peer.equals(peer))
        .forEach(difference -> unseen.addAll(difference.cases));
    List<String> unexplained = new ArrayList<>();
    Map<Boolean, Integer> agreed = new HashMap<>(Map.of(true, 0, false, 0));
    Iterator<String> reasons = theirs.iterator();
    ours.forEach((name, our) -> {
      String their = reasons.next();
      if (our.isEmpty() == their.isEmpty()) {
        agreed.merge(our.isEmpty(), 1, Integer::sum);
        return;
      }
      String verdict = their.isEmpty() ? "accepts" : "refuses";
      if (table.stream().noneMatch(difference -> difference.isOf(peer, verdict, name))) {
        unexplained.add("%s %s %s: %s".formatted(peer, verdict, name, our + their));
      }
      unseen.removeIf(one -> matches(one, name));
    });
    assertEquals("", String.join("\n", unexplained), "differences that no row explains");
    assertEquals(Set.of(), unseen, "cases of the table that do not differ");
    assertEquals(expected, "%d good, %d bad".formatted(agreed.get(true), agreed.get(false)));
  }
}
