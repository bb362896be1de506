//JAVA 25+
//SOURCES ../Changesets.java CanonicalJson.java CertificateChain.java MozillaRoots.java

package common.signature;

import common.Changesets.SignedRecord;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Verifies the content signature of a collection, as every client does before it trusts its records
 * (<i>Client specifications › Signature Verification</i>; docs/specification.md,
 * <i>validate_signature</i>, steps 1 to 4).
 *
 * <p>Pure: a {@link ChainSource} supplies the chain, the caller the time. Anything unexpected
 * refuses the signature with its reason.
 */
public final class ContentSignature {

  private static final String MODE = "p384ecdsa";
  private static final int SIGNATURE_BYTES = 96; // r and s, 48 bytes each
  private static final int MAX_ENTRIES = 10; // a collection has one, or two while signers change
  private static final BigInteger P384_ORDER = // SEC 2, 2.5.1
      new BigInteger(
          "ffffffffffffffffffffffffffffffffffffffffffffffff"
              + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
          16);

  private ContentSignature() {}

  /**
   * One signature in a collection's metadata; what is missing there is null here.
   *
   * @param signature URL-safe base64 of raw r‖s
   * @param x5u URL of the chain
   * @param mode the curve and hash, {@code p384ecdsa}
   */
  public record Entry(String signature, String x5u, String mode) {}

  /**
   * What a signature covers.
   *
   * @param records in any order; no two with the same id
   * @param timestamp the collection's, epoch milliseconds
   */
  public record Content(List<SignedRecord> records, long timestamp) {
    public Content {
      records =
          records.stream()
              .sorted(Comparator.comparing(SignedRecord::id, CanonicalJson::byCodePoint))
              .toList();
    }
  }

  /**
   * What to trust.
   *
   * @param roots colon hex of the trusted roots' SHA-256; empty if any root will do, because the
   *     caller judges it
   * @param signer the name that clients expect in the leaf
   * @param signerDemanded whether a leaf of another signer is refused; under one of Mozilla's roots
   *     it always is
   * @param at the instant at which the certificates must be valid
   */
  public record Trust(Set<String> roots, String signer, boolean signerDemanded, Instant at) {}

  /** Where chains come from. */
  public interface ChainSource {
    /**
     * @param x5u as the entry has it
     * @return the chain as it was read; the caller verifies it
     */
    CertificateChain chain(String x5u) throws Refused;
  }

  /** The outcome for one collection. */
  public sealed interface Verdict {}

  /**
   * One signature is valid.
   *
   * @param chain its chain
   * @param warnings what is odd about it, though it is valid
   * @param refused what was wrong with the entries before it
   */
  public record Valid(CertificateChain chain, List<Warning> warnings, List<Refused> refused)
      implements Verdict {}

  /**
   * A sentence that may apply to many collections.
   *
   * @param before the words before their names
   * @param after the words after their names
   */
  public record Warning(String before, String after) {
    /** The whole sentence. */
    public String about(String collections) {
      return before + collections + after;
    }
  }

  /** No signature is valid; at least one reason, in the order of the entries. */
  public record Invalid(List<Refused> refused) implements Verdict {
    /** The one reason to show. */
    public Refused reason() {
      return refused.getFirst();
    }
  }

  /**
   * No signature is valid, but one of them might be.
   *
   * @param reason why it could not be verified
   */
  public record Undecided(Refused reason) implements Verdict {}

  /**
   * Verifies the entries in their order, until one is valid.
   *
   * @param entries as {@link #entries} found them
   * @param otherTimestamps timestamps that may have been signed instead: tried only to name the
   *     cause
   */
  public static Verdict verify(
      Content content,
      List<?> entries,
      Collection<Long> otherTimestamps,
      ChainSource chains,
      Trust trust) {
    List<Refused> refused = new ArrayList<>();
    for (Object entry : entries) {
      if (refused.size() == MAX_ENTRIES) {
        refused.add(
            malformed(
                "there are %d signatures, the first %d were tried", entries.size(), MAX_ENTRIES));
        break;
      }
      try {
        CertificateChain chain = verify(content, entry(entry), otherTimestamps, chains, trust);
        return new Valid(chain, warnings(chain, trust), refused);
      } catch (Refused e) {
        refused.add(e);
      }
    }
    for (Refused one : refused) {
      if (one.isUndecided()) {
        return new Undecided(one);
      }
    }
    return refused.isEmpty()
        ? new Invalid(List.of(new Refused(Cause.SIGNATURE_MISSING, "the signature is missing")))
        : new Invalid(refused);
  }

  private static CertificateChain verify(
      Content content,
      Entry entry,
      Collection<Long> otherTimestamps,
      ChainSource chains,
      Trust trust)
      throws Refused {
    byte[] signature = decoded(entry);
    if (entry.x5u() == null) {
      throw malformed("the signature's x5u is missing");
    }
    CertificateChain chain = chains.chain(entry.x5u());
    chain.verify(trust.at());
    boolean demanded = trust.signerDemanded() || MozillaRoots.isBuiltIn(chain.rootHash());
    chain.verifySigner(demanded ? trust.signer() : null);
    if (!trust.roots().isEmpty()) {
      chain.verifyRoot(trust.roots());
    }
    PublicKey key = chain.leafKey();
    if (!fits(key, signature, content, content.timestamp(), false)) {
      throw difference(key, signature, content, otherTimestamps);
    }
    return chain;
  }

  private static List<Warning> warnings(CertificateChain chain, Trust trust) {
    if (chain.isIssuedFor(trust.signer())) {
      return List.of();
    }
    return List.of(
        new Warning(
            "the leaf of ",
            " is for %s, clients ask for %s"
                .formatted(
                    String.join(", ", chain.signerNames()),
                    CertificateChain.signerName(trust.signer()))));
  }

  /** Step 2: the mode and the form, before any arithmetic. */
  private static byte[] decoded(Entry entry) throws Refused {
    if (!MODE.equals(entry.mode())) {
      throw malformed("the signature's mode is %s, expected %s", shown(entry.mode()), MODE);
    }
    if (entry.signature() == null) {
      throw malformed("the signature's text is missing");
    }
    byte[] signature;
    try {
      signature = Base64.getUrlDecoder().decode(entry.signature());
    } catch (IllegalArgumentException e) {
      throw malformed("the signature is not URL-safe base64: %s", e.getMessage());
    }
    if (signature.length != SIGNATURE_BYTES) {
      throw malformed("the signature has %d bytes, expected %d", signature.length, SIGNATURE_BYTES);
    }
    if (!isInRange(signature, 0) || !isInRange(signature, SIGNATURE_BYTES / 2)) {
      throw malformed("the signature's r or s is zero or too large for P-384");
    }
    return signature;
  }

  private static boolean isInRange(byte[] signature, int offset) {
    BigInteger number = new BigInteger(1, signature, offset, SIGNATURE_BYTES / 2);
    return number.signum() > 0 && number.compareTo(P384_ORDER) < 0;
  }

  /** A text of the entry, shortened, and without what may be a password in a URL. */
  static String shown(String text) {
    if (text == null) {
      return "missing";
    }
    String safe = text.replaceAll("//[^/?#]*@", "//***@");
    return safe.length() <= 200 ? safe : safe.substring(0, 200) + "…";
  }

  /** Step 1 and the arithmetic of step 2: the payload is fed piece by piece, never joined. */
  private static boolean fits(
      PublicKey key, byte[] signature, Content content, long timestamp, boolean serverForm)
      throws Refused {
    try {
      Signature ecdsa = Signature.getInstance("SHA384withECDSAinP1363Format");
      ecdsa.initVerify(key);
      ecdsa.update(ascii("Content-Signature:\0{\"data\":["));
      String separator = "";
      for (SignedRecord record : content.records()) {
        ecdsa.update(ascii(separator));
        separator = ",";
        ecdsa.update(serverForm ? record.json().serverForm() : record.json().bytes());
      }
      ecdsa.update(ascii("],\"last_modified\":\"%d\"}".formatted(timestamp)));
      return ecdsa.verify(signature);
    } catch (GeneralSecurityException | RuntimeException e) {
      // r or s is out of range, or the provider failed: nothing is proven
      throw malformed("the signature cannot be verified: %s", e.getMessage());
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /** Finds out what differs, as far as the signature can tell. */
  private static Refused difference(
      PublicKey key, byte[] signature, Content content, Collection<Long> otherTimestamps)
      throws Refused {
    for (long other : otherTimestamps) {
      if (other != content.timestamp() && fits(key, signature, content, other, false)) {
        return new Refused(
            Cause.TIMESTAMP_DIFFERS,
            "the timestamp differs: %d is signed, %d is served"
                .formatted(other, content.timestamp()));
      }
    }
    boolean fractions =
        content.records().stream()
            .anyMatch(record -> record.json().serverForm() != record.json().bytes());
    if (fractions && fits(key, signature, content, content.timestamp(), true)) {
      return new Refused(
          Cause.SERVER_FRACTIONS,
          "fractions are signed as the server's library prints them (1E-1), clients compute 0.1",
          "keep fractions out of records, or put them into strings");
    }
    return new Refused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (%d record%s, timestamp %d)"
            .formatted(
                content.records().size(),
                content.records().size() == 1 ? "" : "s",
                content.timestamp()),
        "refresh the signature if the records are right, else find out who changed them");
  }

  /**
   * Finds the signatures in a collection's metadata: {@code signatures}, else the older single
   * {@code signature}; none if it was never signed. {@link #verify} checks what they hold.
   */
  public static List<?> entries(Map<String, Object> metadata) {
    Object several = metadata.get("signatures");
    if (several instanceof List<?> list) {
      if (!list.isEmpty()) {
        return list;
      }
    } else if (several != null) {
      return List.of(List.of(several)); // not a list: refused as an entry that is not an object
    }
    Object single = metadata.get("signature");
    boolean none = single == null || (single instanceof Map<?, ?> map && map.isEmpty());
    return none ? List.of() : List.of(single);
  }

  private static Entry entry(Object value) throws Refused {
    if (!(value instanceof Map<?, ?> map)) {
      throw malformed("a signature is not an object");
    }
    return new Entry(text(map, "signature"), text(map, "x5u"), text(map, "mode"));
  }

  private static String text(Map<?, ?> entry, String key) throws Refused {
    Object value = entry.get(key);
    if (value != null && !(value instanceof String)) {
      throw malformed("a signature's %s is not a string", key);
    }
    return (String) value;
  }

  private static Refused malformed(String reason, Object... values) {
    return new Refused(Cause.MALFORMED_SIGNATURE, reason.formatted(values));
  }
}
