//JAVA 25+
//SOURCES ../Changesets.java CanonicalJson.java CertificateChain.java Libcrypto.java
//SOURCES MozillaRoots.java

package common.signature;

import common.Changesets.SignedRecord;
import common.signature.CanonicalJson.Canonical;
import common.signature.CanonicalJson.ServerForm;
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
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Verifies the content signature of a collection, as every client does before it trusts its records
 * (<i>Client specifications › Signature Verification</i>; docs/specification.md,
 * <i>validate_signature</i>, steps 1 to 4).
 *
 * <p>Pure: a {@link ChainSource} supplies the chain, the caller the time. Anything unexpected
 * refuses the signature with its reason.
 */
public final class ContentSignature {

  private static final byte[] COMMA = {','};
  private static final String MODE = "p384ecdsa"; // the only one that clients verify
  private static final int SIGNATURE_BYTES = 96; // r and s, 48 bytes each
  private static final int MAX_ENTRIES = 10; // a collection has one, or two while signers change
  private static final BigInteger P384_ORDER = // SEC 2, 2.5.1
      new BigInteger(
          "ffffffffffffffffffffffffffffffffffffffffffffffff"
              + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
          16);

  private ContentSignature() {}

  /**
   * The signatures in a collection's metadata.
   *
   * @param entries of {@code signatures}; the older single {@code signature} where that is missing
   *     or empty; none if the collection was never signed
   * @param older the single {@code signature}, which clients from before 2026 read; null if there
   *     is none
   * @param list what {@code signatures} is if the only entry is the older one: "missing" or
   *     "empty"; null otherwise
   */
  public record Signatures(List<?> entries, Object older, String list) {
    private List<?> tried() {
      return entries.subList(0, Math.min(entries.size(), MAX_ENTRIES));
    }

    /** The URLs of chains that the entries name, as texts. */
    public List<String> chainUrls() {
      return tried().stream()
          .flatMap(
              entry -> entry instanceof Map<?, ?> map ? Stream.ofNullable(map.get("x5u")) : null)
          .filter(String.class::isInstance)
          .map(String.class::cast)
          .filter(x5u -> !x5u.isEmpty())
          .toList();
    }
  }

  /**
   * One signature in a collection's metadata; what is missing there is null here.
   *
   * @param signature URL-safe base64 of raw r‖s
   * @param x5u URL of the chain; empty if the server signs with a key of its own
   * @param mode the curve and hash, {@code p384ecdsa}
   */
  private record Entry(String signature, String x5u, String mode) {}

  /** Checks what was signed; the entry's form and its chain have been verified. */
  public interface Payload {
    void verify(PublicKey key, byte[] signature) throws Refused;
  }

  /** For those who look at certificates alone. */
  public static final Payload UNREAD = (_, _) -> {};

  /**
   * What a signature covers.
   *
   * @param records in any order; no two with the same id
   * @param timestamp the collection's, epoch milliseconds
   * @param otherTimestamps timestamps that may have been signed instead: tried only to name the
   *     cause
   */
  public record Content(
      List<SignedRecord> records, long timestamp, Collection<Long> otherTimestamps)
      implements Payload {
    public Content {
      records =
          records.stream()
              .sorted(Comparator.comparing(SignedRecord::id, CanonicalJson::byCodePoint))
              .toList();
    }

    @Override
    public void verify(PublicKey key, byte[] signature) throws Refused {
      if (!fits(key, signature, this, timestamp, Canonical::bytes)) {
        throw difference(key, signature, this);
      }
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
   * @param listDemanded whether the older single signature is refused where there is no list
   * @param publicKey for signatures without a chain; null if they are refused
   * @param at the instant at which the certificates must be valid
   */
  public record Trust(
      Set<String> roots,
      String signer,
      boolean signerDemanded,
      boolean listDemanded,
      PublicKey publicKey,
      Instant at) {}

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
   * @param chain its chain; null if it has none, and the public key verifies it
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
   * @param where the end of the sentence, if another collection has another one
   */
  public record Warning(String before, String after, String where) {
    Warning(String before, String after) {
      this(before, after, "");
    }

    /** The whole sentence. */
    public String about(String collections) {
      return before + collections + after + where;
    }

    Warning kind() {
      return new Warning(before, after);
    }
  }

  /**
   * No signature is valid.
   *
   * @param reason the one to show
   * @param refused what was wrong with each entry
   */
  public record Invalid(Refused reason, List<Refused> refused) implements Verdict {}

  /**
   * No signature is valid, but one of them might be.
   *
   * @param reason why it could not be verified
   */
  public record Undecided(Refused reason) implements Verdict {}

  /** Verifies the entries in their order, until one is valid. */
  public static Verdict verify(
      Signatures signatures, Payload payload, ChainSource chains, Trust trust) {
    if (signatures.list() != null && (trust.listDemanded() || signatures.list().equals("empty"))) {
      String reason =
          "the list of signatures is %s, and clients do not read the older single signature";
      return invalid(missing(reason.formatted(signatures.list())));
    }
    List<Refused> refused = new ArrayList<>();
    for (Object value : signatures.tried()) {
      try {
        Entry entry = entry(value);
        CertificateChain chain = verify(entry, payload, chains, trust);
        return new Valid(chain, warnings(signatures, entry, chain, refused, trust), refused);
      } catch (Refused e) {
        refused.add(e);
      }
    }
    if (signatures.entries().isEmpty()) {
      return invalid(missing("the signature is missing"));
    }
    if (signatures.entries().size() > MAX_ENTRIES) {
      refused.add(
          malformed(
              "there are %d signatures, the first %d were tried",
              signatures.entries().size(), MAX_ENTRIES));
    }
    return refused.stream()
        .filter(Refused::isUndecided)
        .findFirst()
        .<Verdict>map(Undecided::new)
        .orElseGet(() -> new Invalid(reason(refused, signatures), refused));
  }

  private static Invalid invalid(Refused refused) {
    return new Invalid(refused, List.of(refused));
  }

  private static Refused missing(String reason) {
    return new Refused(Cause.SIGNATURE_MISSING, reason);
  }

  /** Clients pass over entries of another mode: these are the reason only if there is no other. */
  private static Refused reason(List<Refused> refused, Signatures signatures) {
    return refused.stream()
        .filter(one -> one.cause() != Cause.UNKNOWN_MODE)
        .findFirst()
        .orElseGet(() ->
            new Refused(
                Cause.UNKNOWN_MODE,
                "no signature of a mode that clients verify (%s)"
                    .formatted(
                        signatures.tried().stream()
                            .map(entry -> shown((String) ((Map<?, ?>) entry).get("mode")))
                            .distinct()
                            .collect(Collectors.joining(", ")))));
  }

  private static CertificateChain verify(
      Entry entry, Payload payload, ChainSource chains, Trust trust) throws Refused {
    if (entry.mode() != null && !entry.mode().equals(MODE)) {
      String reason = "its mode is %s, which clients pass over";
      throw new Refused(Cause.UNKNOWN_MODE, reason.formatted(shown(entry.mode())));
    }
    boolean hasChain = !"".equals(entry.x5u());
    if (!hasChain && trust.publicKey() == null) {
      throw new Refused(Cause.NO_CHAIN, "no chain to verify (x5u is empty)");
    }
    byte[] signature = decoded(entry);
    if (entry.x5u() == null) {
      throw malformed("the signature's x5u is missing");
    }
    if (!hasChain) {
      payload.verify(trust.publicKey(), signature);
      return null;
    }
    CertificateChain chain = chains.chain(entry.x5u());
    chain.verify(trust.at());
    boolean demanded = trust.signerDemanded() || MozillaRoots.isBuiltIn(chain.rootHash());
    chain.verifySigner(demanded ? trust.signer() : null);
    if (!trust.roots().isEmpty()) {
      chain.verifyRoot(trust.roots());
    }
    payload.verify(chain.leafKey(), signature);
    return chain;
  }

  /** What some clients do not take, though the signature is valid. */
  private static List<Warning> warnings(
      Signatures signatures,
      Entry valid,
      CertificateChain chain,
      List<Refused> before,
      Trust trust) {
    List<Warning> warnings = new ArrayList<>();
    if (chain == null) {
      warnings.add(new Warning("", ": clients refuse a signature without a chain"));
    } else if (!chain.isIssuedFor(trust.signer())) {
      warnings.add(
          new Warning(
              "the leaf of ",
              " is for %s, clients ask for %s"
                  .formatted(
                      String.join(", ", chain.signerNames()),
                      CertificateChain.signerName(trust.signer()))));
    }
    if (signatures.list() != null) {
      warnings.add(
          new Warning(
              "", ": the list of signatures is missing, and today's clients read nothing else"));
    } else if (signatures.older() instanceof Map<?, ?> older
        ? !valid.signature().equals(older.get("signature"))
        : !before.isEmpty()) {
      warnings.add(
          new Warning(
              "",
              ": the valid signature is not the first one, which clients from before 2026 read"));
    }
    if (chain != null && chain.hasCrLf()) {
      warnings.add(
          new Warning("the chain of ", " has CRLF line ends, which Android and iOS refuse"));
    }
    if (before.stream()
        .anyMatch(one -> one.cause() == Cause.CHAIN_NOT_REACHABLE && !one.isUndecided())) {
      warnings.add(
          new Warning("", ": Android and iOS stop at a signature whose chain is not reachable"));
    }
    for (String member : List.of("mode", "x5u", "signature")) {
      if (signatures.entries().stream()
          .anyMatch(entry -> entry instanceof Map<?, ?> map && map.get(member) == null)) {
        warnings.add(
            new Warning(
                "", ": a signature has no %s, which Android and iOS need".formatted(member)));
      }
    }
    return warnings;
  }

  /** Step 2: the form, before any arithmetic. */
  private static byte[] decoded(Entry entry) throws Refused {
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
    String safe = text.replaceAll("//[^/?#]*@", "//***@");
    return safe.length() <= 200 ? safe : safe.substring(0, 200) + "…";
  }

  /** Step 1 and the arithmetic of step 2: the payload is fed piece by piece, never joined. */
  private static boolean fits(
      PublicKey key,
      byte[] signature,
      Content content,
      long timestamp,
      Function<Canonical, byte[]> text)
      throws Refused {
    Libcrypto.Payload payload =
        sink -> {
          sink.update(ascii("Content-Signature:\0{\"data\":["));
          boolean isFirst = true;
          for (SignedRecord record : content.records()) {
            if (!isFirst) {
              sink.update(COMMA);
            }
            isFirst = false;
            sink.update(text.apply(record.json()));
          }
          sink.update(ascii("],\"last_modified\":\"%d\"}".formatted(timestamp)));
        };
    if (Libcrypto.verifies(key, signature, payload)) {
      return true;
    }
    try {
      Signature ecdsa = Signature.getInstance("SHA384withECDSAinP1363Format");
      ecdsa.initVerify(key);
      payload.writeTo(ecdsa::update);
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
  private static Refused difference(PublicKey key, byte[] signature, Content content)
      throws Refused {
    for (long other : content.otherTimestamps()) {
      if (other != content.timestamp() && fits(key, signature, content, other, Canonical::bytes)) {
        return new Refused(
            Cause.TIMESTAMP_DIFFERS,
            "the timestamp differs: %d is signed, %d is served"
                .formatted(other, content.timestamp()));
      }
    }
    if (content.records().stream().anyMatch(record -> record.json().hasFractions())) {
      for (ServerForm form : ServerForm.values()) {
        if (fits(key, signature, content, content.timestamp(), json -> json.bytes(form))) {
          return new Refused(
              Cause.SERVER_FRACTIONS,
              switch (form) {
                case CANONICALJSON_RS ->
                    "fractions are signed as the server's library prints them (1E-1),"
                        + " Firefox computes 0.1";
                case PYTHON ->
                    "fractions are signed as Python prints them (1e-05), Firefox computes 0.00001";
              });
        }
      }
    }
    return new Refused(
        Cause.RECORDS_DIFFER,
        "the records differ from what was signed (%d record%s, timestamp %d)"
            .formatted(
                content.records().size(),
                content.records().size() == 1 ? "" : "s",
                content.timestamp()));
  }

  /** Finds the signatures in a collection's metadata; {@link #verify} checks what they hold. */
  public static Signatures signatures(Map<String, Object> metadata) {
    Object single = metadata.get("signature");
    Object older = single instanceof Map<?, ?> map && map.isEmpty() ? null : single;
    Object several = metadata.get("signatures");
    if (several instanceof List<?> list && !list.isEmpty()) {
      return new Signatures(list, older, null);
    }
    if (several != null && !(several instanceof List<?>)) {
      // not a list: refused as an entry that is not an object
      return new Signatures(List.of(List.of(several)), older, null);
    }
    return older == null
        ? new Signatures(List.of(), null, null)
        : new Signatures(
            List.of(older), older, metadata.containsKey("signatures") ? "empty" : "missing");
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
