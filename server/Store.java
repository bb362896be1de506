//DEPS tools.jackson.core:jackson-databind:3.3.0

import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
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
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.cfg.JsonNodeFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The embedded server's state, in memory, organised like Kinto's: lists of objects by path ({@code
 * /buckets}, {@code /buckets/main/collections}, {@code /buckets/main/collections/cfr/records}).
 * Each object has permissions; each list has tombstones and a timestamp. The store knows nothing
 * about HTTP, accounts or signatures. It never changes an object that it has returned, so an answer
 * never mixes two states.
 *
 * <p>Timestamps (epoch milliseconds) come from the clock and are strictly increasing across the
 * whole store; Kinto guarantees that only within a list.
 */
final class Store {

  /**
   * Reads and writes JSON as Kinto does: integers of any size, fractions with all their digits,
   * everything outside ASCII escaped (which preserves lone surrogates).
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

  /** The principal that every request has, with or without credentials. */
  static final String EVERYONE = "system.Everyone";

  /** The order in which Kinto lists records. */
  private static final Comparator<ObjectNode> NEWEST_FIRST =
      Comparator.comparingLong(Store::lastModified).reversed();

  private final Clock clock;
  private final Map<String, Plural> plurals = new LinkedHashMap<>();
  private Deque<Runnable> undo; // the latest change first; null outside a transaction
  private long latest;

  Store(Clock clock) {
    this.clock = clock;
  }

  /**
   * An object at one moment.
   *
   * @param data its attributes, with {@code id} and {@code last_modified} at the end
   * @param permissions principals by permission: {@code write} → {@code account:editor}
   */
  record Entry(ObjectNode data, Map<String, Set<String>> permissions) {
    long modified() {
      return lastModified(data);
    }

    Set<String> principals(String permission) {
      return permissions.getOrDefault(permission, Set.of());
    }
  }

  /**
   * A list of objects at one moment.
   *
   * @param objects newest first, without tombstones
   * @param tombstones newest first
   * @param timestamp of the list; set even if it has never had an object
   */
  record Listing(List<ObjectNode> objects, List<ObjectNode> tombstones, long timestamp) {}

  /**
   * A collection at one moment. The nodes are shared and must not be changed.
   *
   * @param metadata its attributes, including {@code id} and {@code last_modified}
   * @param timestamp of the records; set even if there has never been one
   * @param records newest first, without tombstones
   * @param tombstones newest first
   */
  record Snapshot(
      String bucket,
      String name,
      ObjectNode metadata,
      long timestamp,
      List<ObjectNode> records,
      List<ObjectNode> tombstones) {

    long modified() {
      return lastModified(metadata);
    }

    Listing listing() {
      return new Listing(records, tombstones, timestamp);
    }

    Snapshot withMetadata(ObjectNode changed) {
      return new Snapshot(bucket, name, changed, timestamp, records, tombstones);
    }

    Snapshot withRecords(List<ObjectNode> changed, long changedTimestamp) {
      return new Snapshot(bucket, name, metadata, changedTimestamp, changed, tombstones);
    }
  }

  /** The mutable state of a list; {@link Listing} is a snapshot of it. */
  private static final class Plural {
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, ObjectNode> tombstones = new LinkedHashMap<>();
    private long timestamp;

    /** Cached snapshot; null after a change. */
    private Listing listing;
  }

  static ObjectNode object() {
    return JSON.createObjectNode();
  }

  static String id(JsonNode node) {
    return node.path("id").asString("");
  }

  static long lastModified(ObjectNode node) {
    return node.path("last_modified").asLong(0);
  }

  /** The latest timestamp of these objects, or the current time if there are none. */
  long newest(List<ObjectNode> objects) {
    return objects.stream().mapToLong(Store::lastModified).max().orElseGet(clock::millis);
  }

  static String groups(String bucket) {
    return "/buckets/" + bucket + "/groups";
  }

  static String collections(String bucket) {
    return "/buckets/" + bucket + "/collections";
  }

  static String records(String bucket, String collection) {
    return collections(bucket) + "/" + collection + "/records";
  }

  /** A new timestamp: now, or one more than the latest. */
  synchronized long nextTimestamp() {
    latest = Math.max(clock.millis(), latest + 1);
    return latest;
  }

  // --- Any object ----------------------------------------------------------------------------

  synchronized Optional<Entry> entry(String plural, String id) {
    Plural found = plurals.get(plural);
    return found == null ? Optional.empty() : Optional.ofNullable(found.entries.get(id));
  }

  /** All objects of a list, in the order of their creation. */
  synchronized List<Entry> entries(String plural) {
    Plural found = plurals.get(plural);
    return found == null ? List.of() : List.copyOf(found.entries.values());
  }

  /** Reads a list; as in Kinto, this gives the list a timestamp if it has none yet. */
  synchronized Listing listing(String path) {
    Plural plural = plurals.computeIfAbsent(path, _ -> new Plural());
    if (plural.timestamp == 0) {
      plural.timestamp = nextTimestamp();
      plural.listing = null;
    }
    if (plural.listing == null) {
      List<ObjectNode> objects = new ArrayList<>();
      plural.entries.values().forEach(entry -> objects.add(entry.data()));
      plural.listing =
          new Listing(sorted(objects), sorted(plural.tombstones.values()), plural.timestamp);
    }
    return plural.listing;
  }

  /**
   * Creates an object, or replaces the one with the same id. A missing {@code id} is generated; a
   * missing {@code last_modified} becomes the next timestamp.
   *
   * @return the object as stored
   */
  synchronized Entry save(String path, ObjectNode data, Map<String, Set<String>> permissions) {
    String id = data.has("id") ? data.get("id").asString() : UUID.randomUUID().toString();
    long modified = data.has("last_modified") ? lastModified(data) : nextTimestamp();
    ObjectNode stored = data.deepCopy();
    stored.remove(List.of("id", "last_modified"));
    stored.put("id", id).put("last_modified", modified);
    Entry entry = new Entry(stored, copy(permissions));
    Plural plural = prepareChange(path, id, modified);
    plural.tombstones.remove(id);
    plural.entries.put(id, entry);
    return entry;
  }

  /** Deletes an object and everything below it, and leaves a tombstone. */
  synchronized ObjectNode remove(String path, String id) {
    if (entry(path, id).isEmpty()) {
      throw new NoSuchElementException("no " + path + "/" + id);
    }
    Map<String, Plural> before = new LinkedHashMap<>(plurals);
    if (plurals.keySet().removeIf(plural -> plural.startsWith(path + "/" + id + "/"))) {
      onUndo(() -> plurals.putAll(before));
    }
    return replaceWithTombstone(path, id, nextTimestamp());
  }

  /** Grants a permission to a principal; no timestamp changes. */
  synchronized void grant(String path, String id, String permission, String principal) {
    Entry entry = entry(path, id).orElseThrow();
    Map<String, Set<String>> permissions = copy(entry.permissions());
    permissions.computeIfAbsent(permission, _ -> new LinkedHashSet<>()).add(principal);
    rememberForUndo(plurals.get(path), id);
    plurals.get(path).entries.put(id, new Entry(entry.data(), permissions));
  }

  /** Removes every object of every list, tombstones too. */
  synchronized void clear() {
    Map<String, Plural> before = new LinkedHashMap<>(plurals);
    onUndo(() -> plurals.putAll(before));
    plurals.clear();
  }

  /** Begins a transaction. The cost depends on what changes, not on the size of the store. */
  synchronized void begin() {
    undo = new ArrayDeque<>();
  }

  /**
   * Undoes all changes since the transaction began. Timestamps are not reused, and deleted objects
   * come back at the end of their list.
   */
  synchronized void undo() {
    while (!undo.isEmpty()) {
      undo.pop().run();
    }
  }

  /** Ends the transaction and keeps its changes. */
  synchronized void end() {
    undo = null;
  }

  private void onUndo(Runnable change) {
    if (undo != null) {
      undo.push(change);
    }
  }

  /** Remembers the present state of an object and of its list's timestamp. */
  private void rememberForUndo(Plural plural, String id) {
    Entry entry = plural.entries.get(id);
    ObjectNode tombstone = plural.tombstones.get(id);
    long timestamp = plural.timestamp;
    onUndo(() -> {
      plural.entries.compute(id, (_, _) -> entry);
      plural.tombstones.compute(id, (_, _) -> tombstone);
      plural.timestamp = timestamp;
      plural.listing = null;
    });
  }

  private ObjectNode replaceWithTombstone(String path, String id, long modified) {
    ObjectNode tombstone =
        object().put("deleted", true).put("id", id).put("last_modified", modified);
    Plural plural = prepareChange(path, id, modified);
    plural.entries.remove(id);
    plural.tombstones.put(id, tombstone);
    return tombstone;
  }

  /** Prepares a list for a change of that object: undo, cached listing and timestamps. */
  private Plural prepareChange(String path, String id, long modified) {
    Plural plural = plurals.computeIfAbsent(path, _ -> new Plural());
    rememberForUndo(plural, id);
    plural.listing = null;
    plural.timestamp = Math.max(plural.timestamp, modified);
    latest = Math.max(latest, modified);
    return plural;
  }

  static Map<String, Set<String>> copy(Map<String, Set<String>> permissions) {
    Map<String, Set<String>> copy = new LinkedHashMap<>();
    permissions.forEach((name, principals) -> copy.put(name, new LinkedHashSet<>(principals)));
    return copy;
  }

  private static List<ObjectNode> sorted(Collection<ObjectNode> nodes) {
    List<ObjectNode> sorted = new ArrayList<>(nodes);
    sorted.sort(NEWEST_FIRST);
    return List.copyOf(sorted);
  }

  // --- Collections and their records ---------------------------------------------------------

  /** Creates the collection if it is missing. */
  synchronized void create(String bucket, String name, boolean isPublic) {
    if (entry(collections(bucket), name).isEmpty()) {
      Map<String, Set<String>> permissions = isPublic ? Map.of("read", Set.of(EVERYONE)) : Map.of();
      save(collections(bucket), object().put("id", name), permissions);
    }
  }

  /** Removes the collection with everything in it, and leaves no tombstone. */
  synchronized void drop(String bucket, String name) {
    remove(collections(bucket), name);
    plurals.get(collections(bucket)).tombstones.remove(name);
  }

  /** Puts one record: see {@link #save}. */
  synchronized ObjectNode put(String bucket, String name, ObjectNode record) {
    check(bucket, name);
    Map<String, Set<String>> permissions =
        entry(records(bucket, name), id(record)).map(Entry::permissions).orElse(Map.of());
    return save(records(bucket, name), record, permissions).data();
  }

  /** Deletes one record and leaves its tombstone. */
  synchronized ObjectNode delete(String bucket, String name, String id) {
    return remove(records(bucket, name), id);
  }

  /** Puts a tombstone in place of the record with that id, if there is one. */
  synchronized ObjectNode putTombstone(String bucket, String name, String id, long modified) {
    check(bucket, name);
    return replaceWithTombstone(records(bucket, name), id, modified);
  }

  /** Changes the attributes other than {@code id}, and sets a new {@code last_modified}. */
  synchronized void edit(String bucket, String name, Consumer<ObjectNode> change) {
    edit(bucket, name, 0, change);
  }

  /** The same with a timestamp in the past, for content that is older than the server. */
  synchronized void edit(String bucket, String name, long modified, Consumer<ObjectNode> change) {
    Entry entry = check(bucket, name);
    ObjectNode changed = entry.data().deepCopy();
    changed.remove(List.of("id", "last_modified"));
    change.accept(changed);
    changed.put("id", name);
    if (modified > 0) {
      changed.put("last_modified", modified);
    }
    save(collections(bucket), changed, entry.permissions());
  }

  /** Sets the timestamp of a collection's records if they have none yet. */
  synchronized void touch(String bucket, String name, long timestamp) {
    Plural plural = plurals.computeIfAbsent(records(bucket, name), _ -> new Plural());
    if (plural.timestamp == 0) {
      plural.timestamp = timestamp;
      latest = Math.max(latest, timestamp);
    }
  }

  synchronized Optional<Snapshot> find(String bucket, String name) {
    return entry(collections(bucket), name).map(entry -> snapshot(bucket, name, entry));
  }

  synchronized Snapshot get(String bucket, String name) {
    return snapshot(bucket, name, check(bucket, name));
  }

  /** Snapshots of the bucket's collections, in the order of their creation. */
  synchronized List<Snapshot> list(String bucket) {
    return entries(collections(bucket)).stream()
        .map(entry -> snapshot(bucket, id(entry.data()), entry))
        .toList();
  }

  private Snapshot snapshot(String bucket, String name, Entry collection) {
    Listing records = listing(records(bucket, name));
    return new Snapshot(
        bucket,
        name,
        collection.data(),
        records.timestamp(),
        records.objects(),
        records.tombstones());
  }

  private Entry check(String bucket, String name) {
    return entry(collections(bucket), name)
        .orElseThrow(() -> new NoSuchElementException("no collection " + bucket + "/" + name));
  }
}
