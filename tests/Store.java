//DEPS tools.jackson.core:jackson-databind:3.2.4

import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamWriteConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The embedded server's state, in memory: collections with their attributes, records, tombstones
 * and timestamps. It knows nothing of HTTP, accounts' requests or signatures; what it hands out is
 * a copy of one moment, so that an answer never mixes two states.
 *
 * <p>Timestamps (epoch milliseconds) come from the clock and increase strictly over the whole
 * store, as a Kinto's do within one collection.
 */
final class Store {

  /**
   * Reads and writes JSON as a Kinto does: integers of any size, everything outside ASCII escaped
   * (lone surrogates survive that way), fractions with the digits they came with.
   */
  static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(10_000).build())
                  .streamWriteConstraints(
                      StreamWriteConstraints.builder().maxNestingDepth(10_000).build())
                  .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
                  .disable(JsonWriteFeature.WRITE_HEX_UPPER_CASE)
                  .build())
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  /** Newest first: the order in which a Kinto lists records. */
  private static final Comparator<ObjectNode> NEWEST_FIRST =
      Comparator.comparingLong(Store::lastModified).reversed();

  private final Clock clock;
  private final Map<String, Collection> collections = new LinkedHashMap<>();
  private long latest;

  Store(Clock clock) {
    this.clock = clock;
  }

  /**
   * One collection at one moment. The nodes are shared and must not be changed.
   *
   * @param metadata its attributes, {@code id} and {@code last_modified} included
   * @param timestamp of the records, also when there has never been one
   * @param records newest first, without tombstones
   * @param tombstones newest first
   * @param isPublic readable without credentials
   * @param writers principals with write permission on the collection
   */
  record Snapshot(
      String bucket,
      String name,
      ObjectNode metadata,
      long timestamp,
      List<ObjectNode> records,
      List<ObjectNode> tombstones,
      boolean isPublic,
      List<String> writers) {

    long modified() {
      return lastModified(metadata);
    }

    Snapshot withMetadata(ObjectNode changed) {
      return new Snapshot(bucket, name, changed, timestamp, records, tombstones, isPublic, writers);
    }

    Snapshot withRecords(List<ObjectNode> changed, long changedTimestamp) {
      return new Snapshot(
          bucket, name, metadata, changedTimestamp, changed, tombstones, isPublic, writers);
    }
  }

  /** The changing thing behind the snapshots. */
  private static final class Collection {
    private final String bucket;
    private final String name;
    private final boolean isPublic;
    private final Set<String> writers = new LinkedHashSet<>();
    private final Map<String, ObjectNode> records = new LinkedHashMap<>();
    private final Map<String, ObjectNode> tombstones = new LinkedHashMap<>();
    private ObjectNode attributes = JSON.createObjectNode();
    private long modified;
    private long timestamp;

    /** Null after every change. */
    private Snapshot snapshot;

    private Collection(String bucket, String name, boolean isPublic) {
      this.bucket = bucket;
      this.name = name;
      this.isPublic = isPublic;
    }
  }

  static long lastModified(ObjectNode node) {
    return node.path("last_modified").asLong(0);
  }

  /** A new timestamp: now, or one more than the latest. */
  synchronized long nextTimestamp() {
    latest = Math.max(clock.millis(), latest + 1);
    return latest;
  }

  /** Makes the collection if it is not there. */
  synchronized void create(String bucket, String name, boolean isPublic) {
    if (!collections.containsKey(key(bucket, name))) {
      Collection made = new Collection(bucket, name, isPublic);
      made.modified = nextTimestamp();
      collections.put(key(bucket, name), made);
    }
  }

  /** Removes the collection with everything in it. */
  synchronized void drop(String bucket, String name) {
    collections.remove(key(bucket, name));
  }

  synchronized void addWriters(String bucket, String name, List<String> principals) {
    collection(bucket, name).writers.addAll(principals);
  }

  /**
   * Puts one record, in place of the one with the same id. Without {@code id} it is given one;
   * without {@code last_modified}, the next timestamp.
   *
   * @return the record as stored
   */
  synchronized ObjectNode put(String bucket, String name, ObjectNode record) {
    Collection collection = collection(bucket, name);
    String id = record.has("id") ? record.get("id").asString() : UUID.randomUUID().toString();
    long modified = record.has("last_modified") ? lastModified(record) : nextTimestamp();
    ObjectNode stored = record.deepCopy();
    stored.remove(List.of("id", "last_modified"));
    stored.put("id", id).put("last_modified", modified);
    collection.tombstones.remove(id);
    collection.records.put(id, stored);
    collection.timestamp = Math.max(collection.timestamp, modified);
    latest = Math.max(latest, modified);
    return stored;
  }

  /** Deletes one record and leaves its tombstone. */
  synchronized ObjectNode delete(String bucket, String name, String id) {
    if (!collection(bucket, name).records.containsKey(id)) {
      throw new NoSuchElementException("no record " + id + " in " + key(bucket, name));
    }
    return putTombstone(bucket, name, id, nextTimestamp());
  }

  /** Puts a tombstone in place of the record with that id, if there is one. */
  synchronized ObjectNode putTombstone(String bucket, String name, String id, long modified) {
    Collection collection = collection(bucket, name);
    ObjectNode tombstone =
        JSON.createObjectNode().put("deleted", true).put("id", id).put("last_modified", modified);
    collection.records.remove(id);
    collection.tombstones.put(id, tombstone);
    collection.timestamp = Math.max(collection.timestamp, modified);
    latest = Math.max(latest, modified);
    return tombstone;
  }

  /** Changes the attributes ({@code id} and {@code last_modified} aside) and their timestamp. */
  synchronized void edit(String bucket, String name, Consumer<ObjectNode> change) {
    edit(bucket, name, 0, change);
  }

  /** The same with a timestamp of the past, for content that was there before the server. */
  synchronized void edit(String bucket, String name, long modified, Consumer<ObjectNode> change) {
    Collection collection = collection(bucket, name);
    ObjectNode changed = collection.attributes.deepCopy();
    change.accept(changed); // which may look at the collection, as it was
    collection.snapshot = null;
    collection.attributes = changed;
    collection.modified = modified > 0 ? modified : nextTimestamp();
  }

  /** Gives records that have no timestamp yet this one. */
  synchronized void touch(String bucket, String name, long timestamp) {
    Collection collection = collection(bucket, name);
    if (collection.timestamp == 0) {
      collection.timestamp = timestamp;
      latest = Math.max(latest, timestamp);
    }
  }

  synchronized Optional<Snapshot> find(String bucket, String name) {
    return Optional.ofNullable(collections.get(key(bucket, name))).map(this::snapshot);
  }

  Snapshot get(String bucket, String name) {
    return find(bucket, name)
        .orElseThrow(() -> new NoSuchElementException("no collection " + key(bucket, name)));
  }

  /** Snapshots of the bucket's collections in the order in which they were made. */
  synchronized List<Snapshot> list(String bucket) {
    return collections.values().stream()
        .filter(collection -> collection.bucket.equals(bucket))
        .map(this::snapshot)
        .toList();
  }

  /** The collection, about to be changed. */
  private Collection collection(String bucket, String name) {
    Collection found = collections.get(key(bucket, name));
    if (found == null) {
      throw new NoSuchElementException("no collection " + key(bucket, name));
    }
    found.snapshot = null;
    return found;
  }

  /** Looking at records gives them a timestamp if they have none yet, as in a Kinto. */
  private Snapshot snapshot(Collection collection) {
    if (collection.snapshot == null) {
      if (collection.timestamp == 0) {
        collection.timestamp = nextTimestamp();
      }
      ObjectNode metadata = collection.attributes.deepCopy();
      metadata.put("id", collection.name).put("last_modified", collection.modified);
      collection.snapshot =
          new Snapshot(
              collection.bucket,
              collection.name,
              metadata,
              collection.timestamp,
              sorted(collection.records),
              sorted(collection.tombstones),
              collection.isPublic,
              List.copyOf(collection.writers));
    }
    return collection.snapshot;
  }

  private static List<ObjectNode> sorted(Map<String, ObjectNode> nodes) {
    List<ObjectNode> sorted = new ArrayList<>(nodes.values());
    sorted.sort(NEWEST_FIRST);
    return List.copyOf(sorted);
  }

  private static String key(String bucket, String name) {
    return bucket + "/" + name;
  }
}
