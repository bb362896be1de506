//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../Display.java ../HelpGroup.java ../Urls.java ../UsageException.java ../Values.java
//SOURCES CertificateChain.java ContentSignature.java MozillaRoots.java

package common.signature;

import common.Display;
import common.HelpGroup;
import common.Urls;
import common.UsageException;
import common.Values;
import common.signature.ContentSignature.Trust;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine.Option;

/** Settings: whose signatures are trusted. */
@HelpGroup(HelpGroup.Title.TRUST)
public final class TrustSettings {
  @Option(
      names = "--root-hash",
      paramLabel = "HASH",
      split = ",",
      converter = RootHashConverter.class,
      description =
          "SHA-256 of the root certificates to trust, like C8:A8:0E:…, comma separated;"
              + " unset: Mozilla's own on its hosts, any root on loopback, none elsewhere")
  List<String> rootHashes;

  @Option(names = "--any-root", description = "trust a chain whatever its root is")
  boolean anyRoot;

  @Option(
      names = "--signer",
      paramLabel = "NAME",
      description =
          "signer that the leaf certificate must name, before"
              + " .content-signature.mozilla.org; unset: onecrl in buckets like"
              + " *security-state*, else remote-settings; another is a warning, or bad if"
              + " host or root is Mozilla's")
  String signer;

  @Option(
      names = "--public-key",
      paramLabel = "FILE",
      description =
          "PEM file with the P-384 key of a server that signs without a chain (empty x5u); other"
              + " signatures are verified as usual")
  Path publicKeyFile;

  /** What to do with a chain that is valid except for its root, when no root is known. */
  enum WithoutRoots {
    WARN,
    REFUSE
  }

  /**
   * Whom to trust on one server.
   *
   * @param roots colon hex; empty if there are none to compare with
   * @param signer null if it depends on the bucket
   * @param publicKey null if there is none
   */
  record Trusted(
      Set<String> roots,
      WithoutRoots withoutRoots,
      String signer,
      boolean isMozilla,
      PublicKey publicKey,
      Instant at) {

    /**
     * Whom clients, or the user, trust for the collections of a bucket.
     *
     * @param reader whether only today's clients read from the server
     */
    Trust of(String bucket, boolean reader) {
      String asked =
          signer != null
              ? signer
              : bucket.contains("security-state") ? "onecrl" : "remote-settings";
      return new Trust(
          roots, asked, signer != null || isMozilla, isMozilla || reader, publicKey, at);
    }

    /** Whether a chain proves nothing, because no root is known to compare its root with. */
    boolean isUndecided() {
      return roots.isEmpty() && withoutRoots == WithoutRoots.REFUSE;
    }
  }

  /**
   * @param host of the server, whose roots may be built in; empty for none
   * @param at the moment at which certificates must be valid
   */
  Trusted trusted(String host, Instant at) throws UsageException {
    Set<String> given = new LinkedHashSet<>(Values.entries(rootHashes));
    if (anyRoot && !given.isEmpty()) {
      throw new UsageException("ROOT_HASH and --any-root contradict each other", "give one");
    }
    return new Trusted(
        anyRoot ? Set.of() : given.isEmpty() ? MozillaRoots.builtIn(host, at) : given,
        anyRoot || Urls.isLoopback(host) ? WithoutRoots.WARN : WithoutRoots.REFUSE,
        signer,
        MozillaRoots.isMozilla(host),
        publicKeyFile == null ? null : publicKey(),
        at);
  }

  private PublicKey publicKey() throws UsageException {
    try {
      String base64 =
          Files.readString(publicKeyFile)
              .strip()
              .replaceFirst("(?s)^-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----$", "$1");
      byte[] der = Base64.getMimeDecoder().decode(base64);
      PublicKey key = KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(der));
      if (CertificateChain.isP384(key)) {
        return key;
      }
      throw badKey("is " + CertificateChain.keyName(key));
    } catch (IOException e) {
      throw badKey("cannot be read: " + Display.reason(e));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw badKey("is not a public key on an elliptic curve");
    }
  }

  private UsageException badKey(String reason) {
    return new UsageException(
        "--public-key: \"%s\" %s".formatted(publicKeyFile, reason),
        "expected a PEM file with a public key on P-384 (BEGIN PUBLIC KEY)");
  }

  private static final class RootHashConverter extends Values.Converter<String> {
    RootHashConverter() {
      super("a SHA-256 in hex, like C8:A8:0E:…", TrustSettings::rootHash);
    }
  }

  private static String rootHash(String text) {
    String hex = Values.entries(List.of(text)).stream().findFirst().orElse("");
    String digits = hex.replace(":", "").toUpperCase(Locale.ROOT);
    return hex.isEmpty() || digits.matches("[0-9A-F]{64}")
        ? digits.replaceAll("(..)(?!$)", "$1:")
        : null;
  }
}
