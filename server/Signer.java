//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES SigningAuthority.java Store.java ../common/signature/CanonicalJson.java
//SOURCES ../common/Json.java

import common.Json;
import common.signature.CanonicalJson;
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
 * The only place that signs: says who signs a bucket, makes signature entries as Autograph does,
 * and keeps the chains they point to.
 */
final class Signer {

  /** Folder, at the root of the server, under which the chains are served. */
  static final String CHAINS = "/chains/";

  private final URI origin;
  private final SigningAuthority authority;
  private final Map<String, String> chains = new ConcurrentHashMap<>();

  /**
   * @param origin of the server that serves the chains: {@code http://127.0.0.1:8888}
   */
  Signer(URI origin, SigningAuthority authority) {
    this.origin = origin;
    this.authority = authority;
  }

  SigningAuthority authority() {
    return authority;
  }

  /** Mozilla signs the revocation lists under a name of their own. */
  SigningAuthority authorityOf(String bucket) {
    return bucket.contains("security-state") ? authority.sibling("onecrl") : authority;
  }

  /** The signature entry of a collection's metadata, over its records and their timestamp. */
  ObjectNode entry(SigningAuthority by, Store.Snapshot collection) {
    return entry(by, payload(collection.records(), collection.timestamp()));
  }

  /** The same over any payload, prefix included. */
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
   * What Autograph answers at {@code /sign/data}: to each {@code input}, base64 of what a client
   * knows without the prefix, a signature entry.
   */
  ArrayNode signData(byte[] requests) {
    ArrayNode entries = Store.JSON.createArrayNode();
    for (JsonNode request : Store.JSON.readTree(requests)) {
      byte[] input = Base64.getDecoder().decode(request.path("input").asString());
      entries.add(entry(authority, prefixed(input)));
    }
    return entries;
  }

  /** Puts these entries in place of the signatures; the first is the single one too. */
  static void setSignatures(ObjectNode attributes, List<ObjectNode> entries) {
    attributes.set("signature", entries.getFirst().deepCopy());
    attributes.putArray("signatures").addAll(entries);
  }

  String chainUrl(String name) {
    return origin + CHAINS + name;
  }

  /** Serves a text as a chain, so that its URL can stand in an {@code x5u}. */
  String addChain(String name, String text) {
    chains.put(name, text);
    return chainUrl(name);
  }

  Optional<String> chain(String name) {
    return Optional.ofNullable(chains.get(name));
  }

  /** What is signed: prefix, then canonical JSON of the records by id and their timestamp. */
  static byte[] payload(List<ObjectNode> records, long timestamp) {
    ObjectNode document = Store.object();
    ArrayNode data = document.putArray("data");
    records.stream().sorted(Comparator.comparing(Store::id)).forEach(data::add);
    document.put("last_modified", Long.toString(timestamp));
    try {
      return prefixed(CanonicalJson.canonical(Store.JSON.writeValueAsBytes(document)));
    } catch (Json.BadJson e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] prefixed(byte[] content) {
    byte[] prefix = "Content-Signature:\0".getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(prefix.length + content.length).put(prefix).put(content).array();
  }
}
