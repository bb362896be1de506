//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java Fault.java Faults.java KintoError.java KintoRequest.java KintoResponse.java
//SOURCES Reads.java RecordQuery.java Store.java

import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import tools.jackson.databind.node.ObjectNode;

/**
 * Mozilla's changes plug-in: {@code monitor/changes}, the list of all collections that clients
 * follow, and the changesets of the list and of the collections.
 */
final class ChangesPlugin {

  /** The buckets whose collections are announced. */
  static final List<String> BUCKETS =
      List.of(
          "main",
          "main-preview",
          "blocklists",
          "blocklists-preview",
          "security-state",
          "security-state-preview");

  private static final Set<String> ENTRY_FIELDS =
      Set.of("id", "last_modified", "bucket", "collection", "host");

  /** A client whose {@code _since} is older is redirected to the whole list. */
  private static final Duration OLDEST_SINCE = Duration.ofDays(21);

  private final Store store;
  private final Faults faults;
  private final Reads reads;
  private final Clock clock;
  private final URI origin;
  private final int maxFetchSize;
  private final List<ObjectNode> rawEntries = new CopyOnWriteArrayList<>();

  /**
   * @param maxFetchSize at how many records a changeset is cut, 0 for no limit
   */
  ChangesPlugin(
      Store store, Faults faults, Reads reads, Clock clock, URI origin, int maxFetchSize) {
    this.store = store;
    this.faults = faults;
    this.reads = reads;
    this.clock = clock;
    this.origin = origin;
    this.maxFetchSize = maxFetchSize;
  }

  /** Whether a path below the root, by its segments, is that of a changeset. */
  static boolean isChangeset(List<String> below) {
    return below.size() == 5
        && below.getFirst().equals("buckets")
        && below.get(2).equals("collections")
        && below.get(4).equals("changeset");
  }

  static boolean isChanges(String bucket, String collection) {
    return bucket.equals("monitor") && collection.equals("changes");
  }

  /** Adds an entry to monitor/changes without checking what it names. */
  void announce(ObjectNode entry) {
    rawEntries.add(entry);
  }

  // --- The list ------------------------------------------------------------------------------

  KintoResponse list(KintoRequest request) {
    Optional<KintoResponse> early =
        redirectOldSince(request).or(() -> emptyIfNothingNewer(request));
    if (early.isPresent()) {
      return early.get();
    }
    Store.Listing list = listing(request);
    long newest = list.timestamp();
    // Mozilla's server sends an empty list instead of a 304, which a CDN would not cache.
    Optional<Long> seen = request.etag("If-None-Match");
    if (seen.isPresent() && newest <= seen.get()) {
      return KintoResponse.data(200, Store.JSON.createArrayNode()).at(newest).uncached();
    }
    return reads.list(request, list, ENTRY_FIELDS, false);
  }

  /** All entries, with the timestamp of the list. */
  Store.Listing listing(KintoRequest request) {
    List<ObjectNode> entries = entries(request);
    return new Store.Listing(entries, List.of(), store.newest(entries));
  }

  /** What the push service broadcasts: the timestamp of the list. */
  ObjectNode broadcasts(KintoRequest request) {
    ObjectNode body = Store.object();
    body.putObject("broadcasts")
        .put("remote-settings/monitor_changes", "\"" + listing(request).timestamp() + "\"");
    return body.put("code", 200);
  }

  /** At how many records a changeset is cut. */
  long mostRecords() {
    return maxFetchSize == 0 ? Long.MAX_VALUE : maxFetchSize;
  }

  /**
   * One entry per collection of the announced buckets, with the timestamp of its records. The order
   * means nothing, as in the real plug-in's changeset.
   */
  private List<ObjectNode> entries(KintoRequest request) {
    List<Fault.Kind> listFaults =
        faults.takeAll(Fault.Point.LIST, request.path(), "monitor/changes");
    List<ObjectNode> entries = new ArrayList<>();
    if (listFaults.contains(Fault.Kind.EMPTY_LIST)) {
      return entries;
    }
    for (String bucket : BUCKETS) {
      for (Store.Snapshot collection : store.list(bucket)) {
        List<Fault.Kind> kinds =
            faults.takeAll(Fault.Point.LIST, "", bucket + "/" + collection.name());
        if (kinds.contains(Fault.Kind.ENTRY_MISSING)) {
          continue;
        }
        boolean isAltered = kinds.contains(Fault.Kind.ALTERED_ANNOUNCEMENT);
        long announced = isAltered ? collection.timestamp() - 1000 : collection.timestamp();
        entries.add(entry(bucket, collection.name(), announced));
      }
    }
    if (listFaults.contains(Fault.Kind.ENTRY_DOTS)) {
      entries.add(entry("main", "..", clock.millis()));
    }
    if (listFaults.contains(Fault.Kind.ENTRY_SLASH)) {
      entries.add(entry("main/../x", "regions", clock.millis()));
    }
    if (listFaults.contains(Fault.Kind.ENTRY_GONE)) {
      entries.add(entry("main", "gone", clock.millis()));
    }
    entries.addAll(rawEntries);
    return entries;
  }

  private ObjectNode entry(String bucket, String name, long timestamp) {
    String uri = origin.getAuthority() + "/buckets/" + bucket + "/collections/" + name;
    return Store.object()
        .put("id", md5(uri).toString())
        .put("last_modified", timestamp)
        .put("bucket", bucket)
        .put("collection", name)
        .put("host", origin.getAuthority());
  }

  private static UUID md5(String text) {
    try {
      ByteBuffer digest =
          ByteBuffer.wrap(
              MessageDigest.getInstance("MD5").digest(text.getBytes(StandardCharsets.UTF_8)));
      return new UUID(digest.getLong(), digest.getLong());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  // --- Changesets ----------------------------------------------------------------------------

  KintoResponse changeset(KintoRequest request, String bucket, String name) {
    return isChanges(bucket, name) ? changesetOfList(request) : changesetOf(request, bucket, name);
  }

  private KintoResponse changesetOf(KintoRequest request, String bucket, String name) {
    Access.Target records = Access.Target.records(bucket, name, null);
    Store.Snapshot collection = reads.readable(request, records, KintoError::unknownPath);
    expected(request);
    return changeset(
        filters(request, false),
        reads.shown(collection.metadata()).deepCopy().put("bucket", bucket),
        collection.listing(),
        // The metadata's timestamp, so that caches that revalidate notice a refreshed signature.
        collection.modified(),
        mostRecords());
  }

  private KintoResponse changesetOfList(KintoRequest request) {
    String expected = expected(request);
    Optional<KintoResponse> early =
        redirectOldSince(request)
            .or(() -> redirectQuotedExpected(request, expected))
            .or(() -> emptyIfNothingNewer(request));
    if (early.isPresent()) {
      return early.get();
    }
    List<KintoRequest.Parameter> filters = filters(request, true);
    Store.Listing list = listing(request);
    return changeset(
        filters, Store.object().put("bucket", "monitor"), list, list.timestamp(), Long.MAX_VALUE);
  }

  private static KintoResponse changeset(
      List<KintoRequest.Parameter> filters,
      ObjectNode metadata,
      Store.Listing all,
      long modified,
      long most) {
    ObjectNode body = Store.object();
    body.set("metadata", metadata);
    body.put("timestamp", all.timestamp());
    List<ObjectNode> selected =
        filters.isEmpty()
            ? all.objects()
            : RecordQuery.parse(filters, Set.of(), 0)
                .apply(all.objects(), all.tombstones())
                .records();
    body.putArray("changes").addAll(selected.stream().limit(most).toList());
    return KintoResponse.json(200, body).lastModified(modified);
  }

  private static String expected(KintoRequest request) {
    return request
        .parameter("_expected")
        .orElseThrow(() -> KintoError.invalid("querystring", "_expected", "Required"));
  }

  /** The parameters that a changeset accepts; all others are ignored. */
  private static List<KintoRequest.Parameter> filters(KintoRequest request, boolean isOfList) {
    List<KintoRequest.Parameter> filters = new ArrayList<>();
    for (KintoRequest.Parameter parameter : request.parameters()) {
      switch (parameter.name()) {
        case "_since" -> {
          KintoRequest.quotedNumber("querystring", "_since", parameter.value());
          filters.add(parameter);
        }
        case "_limit" -> {
          RecordQuery.number("_limit", parameter.value());
          filters.add(parameter);
        }
        case "bucket", "collection" -> {
          if (isOfList) {
            // Quoted, because a name of only digits is a string here.
            String text = Store.JSON.writeValueAsString(parameter.value());
            filters.add(new KintoRequest.Parameter(parameter.name(), text));
          }
        }
        default -> {}
      }
    }
    return filters;
  }

  // --- Answers without any entries -----------------------------------------------------------

  private Optional<KintoResponse> redirectOldSince(KintoRequest request) {
    long oldest = clock.instant().minus(OLDEST_SINCE).toEpochMilli();
    return request
        .number("_since")
        .filter(since -> since < oldest)
        .map(_ -> redirect(request, request.queryWith("_since", null)));
  }

  private Optional<KintoResponse> redirectQuotedExpected(KintoRequest request, String expected) {
    if (!expected.startsWith("\"")) {
      return Optional.empty();
    }
    String bare = expected.replace("\"", "");
    return Optional.of(redirect(request, request.queryWith("_expected", bare)));
  }

  /** Redirects to the same path with another query string, cacheable for a day. */
  private KintoResponse redirect(KintoRequest request, String query) {
    String location = request.base() + request.path() + query;
    return KintoResponse.redirect(location, location, Duration.ofDays(1), clock.instant());
  }

  /** 204 if the client has already seen a newer timestamp than the one it expects. */
  private static Optional<KintoResponse> emptyIfNothingNewer(KintoRequest request) {
    Optional<Long> expected = request.number("_expected").filter(number -> number > 0);
    Optional<Long> since = request.number("_since");
    return expected.isPresent() && since.isPresent() && expected.get() < since.get()
        ? Optional.of(KintoResponse.empty(204))
        : Optional.empty();
  }
}
