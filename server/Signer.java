//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES SigningAuthority.java Store.java ../common/signature/CanonicalReader.java
//SOURCES ../common/Json.java

import common.Json;
import common.signature.CanonicalReader;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Signs collections: chooses the authority for a bucket, makes signature entries as Autograph does,
 * and keeps the chains to which they point.
 */
final class Signer {

  /** Path under which the chains are served. */
  static final String CHAINS = "/chains/";

  private final URI origin;
  private final SigningAuthority authority;
  private final Map<String, String> chains = new ConcurrentHashMap<>();

  /**
   * @param origin that each {@code x5u} names: {@code http://127.0.0.1:8888}
   */
  Signer(URI origin, SigningAuthority authority) {
    this.origin = origin;
    this.authority = authority;
  }

  SigningAuthority authority() {
    return authority;
  }

  /** Mozilla signs the revocation lists under their own signer name. */
  SigningAuthority authorityOf(String bucket) {
    return bucket.contains("security-state") ? authority.sibling("onecrl") : authority;
  }

  /** A signature entry for a collection's metadata; signs its records and their timestamp. */
  ObjectNode entry(SigningAuthority by, Store.Snapshot collection) {
    return entry(by, payload(collection.records(), collection.timestamp()));
  }

  /** A signature entry for any payload, prefix included. */
  ObjectNode entry(SigningAuthority by, byte[] payload) {
    chains.put(by.chainName(), by.chainPem());
    return Store.object()
        .put("ref", UUID.randomUUID().toString().replace("-", "").substring(0, 26))
        .put("x5u", chainUrl(by.chainName()))
        .put("mode", "p384ecdsa")
        .put("type", "contentsignaturepki")
        .put("signature", by.sign(payload))
        .put("signer_id", by.signerId())
        .put("public_key", "");
  }

  /**
   * Autograph's {@code /sign/data}: returns a signature entry for each {@code input}, which is the
   * base64 of a payload without the prefix.
   */
  ArrayNode signData(byte[] requests) {
    ArrayNode entries = Store.JSON.createArrayNode();
    for (JsonNode request : Store.JSON.readTree(requests)) {
      byte[] input = Base64.getDecoder().decode(request.path("input").asString());
      entries.add(entry(authority, prefixed(input)));
    }
    return entries;
  }

  /** Replaces the signatures; the first entry also becomes the single {@code signature}. */
  static void setSignatures(ObjectNode attributes, List<ObjectNode> entries) {
    attributes.set("signature", entries.getFirst().deepCopy());
    attributes.putArray("signatures").addAll(entries);
  }

  String chainUrl(String name) {
    return origin + CHAINS + name;
  }

  /** Serves a text as a chain and returns its URL, for use as an {@code x5u}. */
  String addChain(String name, String text) {
    chains.put(name, text);
    return chainUrl(name);
  }

  Optional<String> chain(String name) {
    return Optional.ofNullable(chains.get(name));
  }

  /** The bytes to sign: the prefix, then canonical JSON of the sorted records and the timestamp. */
  static byte[] payload(List<ObjectNode> records, long timestamp) {
    ObjectNode document = Store.object();
    ArrayNode data = document.putArray("data");
    records.stream().sorted(Comparator.comparing(Store::id)).forEach(data::add);
    document.put("last_modified", Long.toString(timestamp));
    try {
      return prefixed(CanonicalReader.read(Store.JSON.writeValueAsBytes(document)).bytes());
    } catch (Json.BadJson e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] prefixed(byte[] content) {
    byte[] prefix = "Content-Signature:\0".getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(prefix.length + content.length).put(prefix).put(content).array();
  }
}
