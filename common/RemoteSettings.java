//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES Batch.java
//SOURCES Changesets.java
//SOURCES Http.java
//SOURCES Json.java
//SOURCES Place.java
//SOURCES ServerException.java
//SOURCES SignedResources.java
//SOURCES UnexpectedBody.java
//SOURCES Urls.java

package common;

import common.Batch.RecordWrite;
import common.Batch.Written;
import common.Changesets.Changeset;
import common.Changesets.SignedRecord;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Remote Settings server as the commands see it: server info, monitor/changes, changesets,
 * collections and records, chains. Answers are checked for their shape here, once; what passes is a
 * value.
 */
public final class RemoteSettings {

  private static final Pattern ETAG =
      Pattern.compile("(?:W/)?\"(\\d{1,18})\""); // weak where a proxy compresses

  private static final long MAX_CHAIN_BYTES = 64 * 1024;
  private static final int CONSISTENT_READS = 3;
  private static final int MAX_PAGES = 10_000;
  private static final int USUAL_BATCH = 25; // Kinto's own limit, where a server tells none
  private static final long MAX_BATCH = 1_000; // whatever a server allows: one answer holds it all

  private final Http http;
  private final URI server;
  private final long maxBytes;
  private volatile boolean changesets = true;

  /**
   * @param server base URL, without a slash at its end
   * @param maxBytes largest answer after decompression
   */
  public RemoteSettings(Http http, URI server, long maxBytes) {
    this.http = http;
    this.server = server;
    this.maxBytes = maxBytes;
  }

  /**
   * An entry of monitor/changes.
   *
   * @param timestamp announced for the collection's records, epoch milliseconds
   * @param problem why it cannot be looked at, or null
   */
  public record Announced(String bucket, String collection, long timestamp, String problem) {
    /** {@code bucket/collection}. */
    public String name() {
      return place().name();
    }

    /** Whether it names what can be a collection, whatever else may be wrong with it. */
    public boolean isNamed() {
      return Place.isName(bucket) && Place.isName(collection);
    }

    /** The collection that it names. */
    public Place place() {
      return new Place(bucket, collection);
    }

    /** {@code /buckets/BUCKET/collections/COLLECTION}. */
    public String path() {
      return place().path();
    }
  }

  /**
   * What the server info says.
   *
   * @param account whose credentials were sent, like {@code account:editor}; null for anonymous
   * @param principals of the account, the paths of its groups among them; empty if none are told
   * @param batchMaxRequests most parts of a batch
   * @param signed null if the server has no signer: it is no writer
   */
  public record ServerInfo(
      String account, Set<String> principals, int batchMaxRequests, SignedResources signed) {}

  /** Reads the server info. */
  public ServerInfo serverInfo() throws ServerException {
    return http.get(url("/"), maxBytes, body -> serverInfo(Json.parse(body))).body();
  }

  private static ServerInfo serverInfo(Object document) throws UnexpectedBody {
    Map<String, Object> info = Json.object(document, "the server info");
    Map<String, Object> user =
        info.get("user") == null ? Map.of() : Json.object(info.get("user"), "user");
    Set<String> principals = new HashSet<>();
    if (user.get("principals") instanceof List<?> told) {
      told.forEach(principal -> principals.add(String.valueOf(principal)));
    }
    int batchMaxRequests =
        info.get("settings") instanceof Map<?, ?> settings
                && settings.get("batch_max_requests") instanceof Long most
                && most > 0
            ? (int) Math.min(most, MAX_BATCH)
            : USUAL_BATCH;
    Object signer = Json.object(info.get("capabilities"), "capabilities").get("signer");
    return new ServerInfo(
        user.get("id") instanceof String id ? id : null,
        principals,
        batchMaxRequests,
        signer == null ? null : SignedResources.of(Json.object(signer, "capabilities.signer")));
  }

  /**
   * Reads the list of collections, past the caches.
   *
   * @param bucket of the list, usually {@code monitor}
   * @param collection of the list, usually {@code changes}
   */
  public List<Announced> announced(String bucket, String collection) throws ServerException {
    return entries(Place.path(bucket, collection), "");
  }

  /**
   * Reads again what the list says of a collection; empty if it announces it no more.
   *
   * @param bucket of the list
   * @param collection of the list
   */
  public Optional<Announced> announced(String bucket, String collection, Announced entry)
      throws ServerException {
    String filter = "&bucket=%s&collection=%s".formatted(entry.bucket(), entry.collection());
    return entries(Place.path(bucket, collection), filter).stream()
        .filter(other -> other.name().equals(entry.name()))
        .findFirst();
  }

  /**
   * @param filter what is wanted of the list, as further parameters; an old server sends all of it
   */
  private List<Announced> entries(String path, String filter) throws ServerException {
    List<Object> entries;
    try {
      entries =
          http.get(
                  url(path + "/changeset?_expected=" + cacheBuster() + filter),
                  maxBytes,
                  body ->
                      Json.list(
                          Json.object(Json.parse(body), "the changeset").get("changes"), "changes"))
              .body();
    } catch (ServerException e) {
      if (e.status() != 404 && e.status() != 405) {
        throw e;
      }
      changesets = false;
      entries = listedAsRecords(path);
    }
    return entries.stream().map(RemoteSettings::announced).toList();
  }

  /** The entries as an old server has them, which knows no changesets. */
  private List<Object> listedAsRecords(String path) throws ServerException {
    List<Object> entries = new ArrayList<>();
    try {
      pages(
              path + "/records",
              body -> Json.list(Json.object(Json.parse(body), "the list").get("data"), "data"))
          .forEach(page -> entries.addAll(page.body()));
    } catch (ServerException e) {
      throw e.status() == 404
          ? e.withHint("is SERVER right, with the version at its end (/v1)?")
          : e;
    }
    return entries;
  }

  private static Announced announced(Object entry) {
    if (!(entry instanceof Map<?, ?> map)
        || !(map.get("bucket") instanceof String bucket)
        || !(map.get("collection") instanceof String collection)) {
      return new Announced("?", "?", 0, "the entry names no bucket and collection");
    }
    long timestamp = map.get("last_modified") instanceof Long number ? number : 0;
    String problem =
        !Place.isName(bucket) || !Place.isName(collection)
            ? "the entry's name is none of a bucket and collection"
            : timestamp <= 0 ? "the entry's last_modified is no timestamp" : null;
    return new Announced(bucket, collection, timestamp, problem);
  }

  /**
   * Reads a collection at one moment.
   *
   * <p>A changeset that is older than announced is read once more past the caches. A server without
   * changesets is asked for metadata and records one after the other, until nothing changes
   * between.
   */
  public Changeset changeset(Announced entry) throws ServerException {
    Changeset changeset = read(entry.path(), Long.toString(entry.timestamp()));
    return !changesets || changeset.timestamp() >= entry.timestamp()
        ? changeset
        : fresh(entry.place());
  }

  /** Reads a collection at one moment, past the caches. */
  public Changeset fresh(Place collection) throws ServerException {
    return read(collection.path(), cacheBuster());
  }

  private Changeset read(String path, String expected) throws ServerException {
    return changesets
        ? http.get(url(path + "/changeset?_expected=" + expected), maxBytes, Changesets::read)
            .body()
        : separately(path, expected);
  }

  private Changeset separately(String path, String expected) throws ServerException {
    for (int read = 0; read < CONSISTENT_READS; read++) {
      Map<String, Object> before = metadata(path);
      Optional<Listed> all = listed(path + "/records?_expected=" + expected);
      if (all.isPresent() && before.equals(metadata(path))) {
        return all.get().records().changeset(before, all.get().timestamp());
      }
    }
    throw changing(path);
  }

  /**
   * Reads the records of a collection at one moment, past the caches. An account that may see only
   * some of them is refused: the server would leave out the others without a word.
   *
   * @param filters parameters that select some, each with its values
   */
  public List<SignedRecord> records(Place collection, Map<String, List<String>> filters)
      throws ServerException {
    checkAllVisible(collection);
    StringBuilder query = new StringBuilder();
    filters.forEach((name, values) ->
        values.forEach(value ->
            query.append('&').append(Urls.escaped(name)).append('=').append(Urls.escaped(value))));
    for (int read = 0; read < CONSISTENT_READS; read++) {
      Optional<Listed> all =
          listed(collection.path() + "/records?_expected=" + cacheBuster() + query);
      if (all.isPresent()) {
        return addressable(all.get().records().all, collection);
      }
    }
    throw changing(collection.path());
  }

  /** Who may read all records is told of one that is not there; others may not even know that. */
  private void checkAllVisible(Place collection) throws ServerException {
    String path = collection.path() + "/records/" + UUID.randomUUID();
    try {
      http.get(url(path), maxBytes, Json::parse);
    } catch (ServerException e) {
      if (e.status() != 404) {
        throw e;
      }
    }
  }

  /** Refuses ids that no path can hold: half a character would name another record there. */
  private List<SignedRecord> addressable(List<SignedRecord> records, Place collection)
      throws ServerException {
    CharsetEncoder utf8 = StandardCharsets.UTF_8.newEncoder();
    for (SignedRecord record : records) {
      if (!utf8.canEncode(record.id())) {
        throw new ServerException(
            "GET " + url(collection.path() + "/records"),
            200,
            "the id of a record holds half a character",
            1,
            null);
      }
    }
    return records;
  }

  /**
   * Lets the next request wait as long as answers ask for, at least a moment.
   *
   * @param retryAfter of the answers that have one
   */
  public void postpone(List<String> retryAfter) {
    http.postpone(server, retryAfter);
  }

  /** From now on no write is begun or repeated. */
  public void endWrites() {
    http.endWrites();
  }

  /** When each record was changed last, epoch milliseconds, those that were deleted too. */
  public Map<String, Long> lastModified(Place collection) throws ServerException {
    Map<String, Long> lastModified = new HashMap<>();
    for (Http.Response<List<Object>> page :
        pages(
            collection.path() + "/records?_since=0&_expected=" + cacheBuster(),
            body -> Json.list(Json.object(Json.parse(body), "the list").get("data"), "data"))) {
      for (Object record : page.body()) {
        if (record instanceof Map<?, ?> fields
            && fields.get("id") instanceof String id
            && fields.get("last_modified") instanceof Long timestamp) {
          lastModified.put(id, timestamp);
        }
      }
    }
    return lastModified;
  }

  private record Listed(long timestamp, Changesets.Records records) {}

  /** All pages of a list of records; empty if it changed in between. */
  private Optional<Listed> listed(String path) throws ServerException {
    Set<String> timestamps = new HashSet<>();
    Changesets.Records all = new Changesets.Records();
    for (Http.Response<Changesets.Records> page : pages(path, Changesets::page)) {
      timestamps.add(page.headers().firstValue("ETag").orElse(""));
      all.addAll(page.body());
    }
    if (timestamps.size() != 1 || all.hasDoubles()) {
      return Optional.empty();
    }
    return Optional.of(
        new Listed(timestamp(timestamps.iterator().next(), "GET " + url(path)), all));
  }

  private ServerException changing(String path) {
    return new ServerException(
        "GET " + url(path + "/records"),
        200,
        "the collection changes while it is read (%d times)".formatted(CONSISTENT_READS),
        1,
        null);
  }

  /**
   * Reads the attributes of a collection.
   *
   * @param path {@code /buckets/BUCKET/collections/COLLECTION}
   */
  public Map<String, Object> metadata(String path) throws ServerException {
    return http.get(url(path), maxBytes, RemoteSettings::data).body();
  }

  private static Map<String, Object> data(InputStream body) throws IOException {
    return Json.object(Json.object(Json.parse(body), "the collection").get("data"), "data");
  }

  /**
   * Reads the attributes of every collection of a bucket, as far as the account may see them.
   *
   * @return by their names
   */
  public Map<String, Map<String, Object>> collections(String bucket) throws ServerException {
    Map<String, Map<String, Object>> collections = new LinkedHashMap<>();
    for (Http.Response<Map<String, Map<String, Object>>> page :
        pages("/buckets/" + bucket + "/collections", RemoteSettings::readCollections)) {
      collections.putAll(page.body());
    }
    return collections;
  }

  private static Map<String, Map<String, Object>> readCollections(InputStream body)
      throws IOException {
    Map<String, Map<String, Object>> collections = new LinkedHashMap<>();
    for (Object collection :
        Json.list(Json.object(Json.parse(body), "the list").get("data"), "data")) {
      Map<String, Object> attributes = Json.object(collection, "a collection");
      if (!(attributes.get("id") instanceof String id) || !Place.isName(id)) {
        throw new UnexpectedBody("unexpected answer: a collection's id is no name");
      }
      collections.put(id, attributes);
    }
    return collections;
  }

  /**
   * Changes attributes of a collection; may be repeated when an answer is lost.
   *
   * @param path {@code /buckets/BUCKET/collections/COLLECTION}
   * @param done says, before a repetition, whether the change was made nevertheless
   */
  public void patch(String path, Map<String, Object> attributes, Http.Done done)
      throws ServerException {
    patch(path, attributes, Map.of(), done);
  }

  /**
   * The same if nobody has changed the collection since.
   *
   * @param lastModified attribute of the collection as it was read, epoch milliseconds
   */
  public void patch(String path, Map<String, Object> attributes, long lastModified, Http.Done done)
      throws ServerException {
    patch(path, attributes, Batch.ifMatch(lastModified), done);
  }

  private void patch(
      String path, Map<String, Object> attributes, Map<String, String> guard, Http.Done done)
      throws ServerException {
    byte[] json = Json.compact(Map.of("data", attributes));
    http.write("PATCH", url(path), json, guard, maxBytes, _ -> null, done);
  }

  /** Makes a collection, without attributes, unless it is there. */
  public void create(Place collection) throws ServerException {
    URI url = url(collection.path());
    byte[] json = Json.compact(Map.of("data", Map.of()));
    Map<String, String> guard = Map.of("If-None-Match", "*");
    try {
      http.write("PUT", url, json, guard, maxBytes, _ -> null, () -> isThere(collection));
    } catch (ServerException e) {
      if (e.status() != 412) {
        throw e;
      }
    }
  }

  private boolean isThere(Place collection) throws ServerException {
    try {
      metadata(collection.path());
      return true;
    } catch (ServerException e) {
      if (e.status() == 404) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Changes records, each on the condition that it is as it was when it was read. So it can be sent
   * again when an answer is lost: what was done meanwhile is refused then, with the record that is
   * there.
   *
   * @param writes no more than {@link ServerInfo#batchMaxRequests}
   * @return one for each, in their order
   */
  public List<Written> batch(List<RecordWrite> writes) throws ServerException {
    List<Map<String, Object>> parts = writes.stream().map(RecordWrite::json).toList();
    return http.write(
            "POST",
            url("/batch"),
            Json.compact(Map.of("requests", parts)),
            Map.of(),
            maxBytes,
            body -> Batch.written(body, writes.size()),
            () -> false)
        .orElseThrow()
        .body();
  }

  /** When something happened to a collection, by its attribute; a date without an offset is UTC. */
  public static Optional<Instant> date(Map<String, Object> attributes, String name) {
    if (!(attributes.get(name) instanceof String date)) {
      return Optional.empty();
    }
    try {
      TemporalAccessor parsed =
          DateTimeFormatter.ISO_DATE_TIME.parseBest(
              date, OffsetDateTime::from, LocalDateTime::from);
      return Optional.of(
          parsed instanceof LocalDateTime local
              ? local.toInstant(ZoneOffset.UTC)
              : Instant.from(parsed));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /** Reads the timestamp of a collection's records as clients do: a cache may answer. */
  public long timestamp(Announced entry) throws ServerException {
    return timestamp(entry, Long.toString(entry.timestamp()));
  }

  /** Reads the timestamp of a collection's records past the caches. */
  public long timestampPastCaches(Announced entry) throws ServerException {
    return timestamp(entry, cacheBuster());
  }

  private long timestamp(Announced entry, String expected) throws ServerException {
    URI url = url(entry.path() + "/records?_expected=" + expected);
    return timestamp(http.head(url).firstValue("ETag").orElse(""), "HEAD " + url);
  }

  /** The timestamp that an ETag holds in quotes. */
  private static long timestamp(String etag, String request) throws ServerException {
    Matcher quoted = ETAG.matcher(etag);
    if (!quoted.matches()) {
      throw new ServerException(
          request, 200, etag.isEmpty() ? "no ETag" : "the ETag is no timestamp", 1, null);
    }
    return Long.parseLong(quoted.group(1));
  }

  /** Whether the collection holds a record or a tombstone, so ever held a record. */
  public boolean everHadRecords(Announced entry) throws ServerException {
    return !http.get(
            url(entry.path() + "/records?_since=0&_limit=1"),
            maxBytes,
            body -> Json.list(Json.object(Json.parse(body), "the records").get("data"), "data"))
        .body()
        .isEmpty();
  }

  /** Reads a chain, in PEM. */
  public byte[] chain(URI x5u) throws ServerException {
    return http.get(x5u, MAX_CHAIN_BYTES, InputStream::readAllBytes).body();
  }

  /** Reads a list to its end, page by page. */
  private <T> List<Http.Response<T>> pages(String path, Http.Body<T> body) throws ServerException {
    List<Http.Response<T>> pages = new ArrayList<>();
    Set<URI> seen = new HashSet<>();
    for (URI next = url(path); next != null; ) {
      if (!seen.add(next) || seen.size() > MAX_PAGES) {
        throw new ServerException(
            "GET " + url(path),
            200,
            seen.size() > MAX_PAGES
                ? "more than %d pages (Next-Page)".formatted(MAX_PAGES)
                : "its pages lead in a circle (Next-Page)",
            1,
            null);
      }
      Http.Response<T> page = http.get(next, maxBytes, body);
      pages.add(page);
      next = nextPage(next, page);
    }
    return pages;
  }

  /** The next page of a list, on the same origin, or null. */
  private static URI nextPage(URI page, Http.Response<?> response) throws ServerException {
    String link = response.headers().firstValue("Next-Page").orElse(null);
    if (link == null || link.isBlank()) {
      return null;
    }
    try {
      URI next = Urls.resolve(page, link);
      if (Urls.origin(next).equals(Urls.origin(page))) {
        return next;
      }
    } catch (IllegalArgumentException | NullPointerException e) {
      // said below
    }
    throw new ServerException(
        "GET " + page, 200, "Next-Page leads to another origin, which is not followed", 1, null);
  }

  private URI url(String path) {
    return URI.create(server + path);
  }

  /**
   * An {@code _expected} that no cache has seen: processes that start from one snapshot, as on
   * Lambda, would all have the same of any other generator.
   */
  private static String cacheBuster() {
    return Long.toString(new SecureRandom().nextLong(1_000_000_000L, 1_000_000_000_000L));
  }

  // ---- shapes
}
