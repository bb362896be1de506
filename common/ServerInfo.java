//JAVA 25+
//SOURCES Json.java Place.java Secret.java SignedResources.java UnexpectedBody.java Urls.java

package common;

import java.net.URI;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a server says about itself: {@code GET SERVER/}.
 *
 * @param isReader whether it is the reader of 2026 ({@code /v2}), which has changesets and nothing
 *     else; told by its answer, never by its path
 * @param exported when the content of a reader was exported to it; null if it does not say
 * @param account whose credentials were sent, like {@code account:editor}; null for anonymous
 * @param principals of the account, the paths of its groups included; empty if not known
 * @param batchMaxRequests most requests in a batch
 * @param signed null if the server has no signer: it is not a writer
 * @param monitored the paths of the buckets and collections that are to be announced; null if it
 *     does not say
 * @param chainsBase what a relative {@code x5u} is relative to; null if it does not say
 */
public record ServerInfo(
    boolean isReader,
    Instant exported,
    String account,
    Set<String> principals,
    int batchMaxRequests,
    SignedResources signed,
    Set<String> monitored,
    URI chainsBase) {

  private static final int USUAL_BATCH = 25; // Kinto's default, if a server does not say
  private static final long MAX_BATCH = 1_000; // whatever a server allows: one answer holds it all

  /** Whether the server means to announce a collection; true if it does not say. */
  public boolean monitors(Place collection) {
    return monitored == null
        || monitored.contains("/buckets/" + collection.bucket())
        || monitored.contains(collection.path());
  }

  /**
   * The beginning of a hint if this account may not do something.
   *
   * @param credentials of the account
   */
  public String toSet(Secret credentials) {
    return "%s is %s: set it".formatted(credentials.label(), account);
  }

  static ServerInfo of(Object document) throws UnexpectedBody {
    Map<String, Object> info = Json.object(document, "the server info");
    Map<?, ?> user = members(info, "user");
    Object principals = user.get("principals");
    Map<String, Object> capabilities = Json.object(info.get("capabilities"), "capabilities");
    Object signer = capabilities.get("signer");
    Map<?, ?> changes = members(capabilities, "changes");
    return new ServerInfo(
        info.get("git") instanceof Map
            || (info.get("http_api_version") instanceof String version && version.startsWith("2")),
        exported(members(members(info, "git"), "common").get("timestamp")),
        user.get("id") instanceof String id ? id : null,
        principals instanceof List<?> list ? texts(list) : Set.of(),
        members(info, "settings").get("batch_max_requests") instanceof Long most && most > 0
            ? (int) Math.min(most, MAX_BATCH)
            : USUAL_BATCH,
        signer == null ? null : SignedResources.of(Json.object(signer, "capabilities.signer")),
        changes.get("collections") instanceof List<?> list ? texts(list) : null,
        changes.get("certs_chains_base_url") instanceof String base
            ? Urls.web(base.endsWith("/") ? base : base + "/").orElse(null)
            : null);
  }

  private static Map<?, ?> members(Map<?, ?> object, String name) {
    return object.get(name) instanceof Map<?, ?> members ? members : Map.of();
  }

  private static Set<String> texts(List<?> list) {
    return list.stream().map(String::valueOf).collect(Collectors.toCollection(HashSet::new));
  }

  private static Instant exported(Object seconds) {
    try {
      return seconds instanceof Long number
          ? Instant.ofEpochSecond(number).atOffset(ZoneOffset.UTC).toInstant() // it can be shown
          : null;
    } catch (DateTimeException e) {
      return null;
    }
  }
}
