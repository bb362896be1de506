//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.2.4
//SOURCES CanonicalJson.java
//SOURCES ContentSignature.java
//SOURCES Http.java
//SOURCES Report.java

package common;

import common.CanonicalJson.Canonical;
import common.ContentSignature.SignedRecord;
import common.Http.ServerException;
import common.Http.UnexpectedBody;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * A Remote Settings server as the commands see it: server info, monitor/changes, changesets,
 * collections and records, chains. Answers are checked for their shape here, once; what passes is a
 * value.
 */
public final class RemoteSettings {

  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,255}"); // Kinto's ids
  private static final Pattern ETAG =
      Pattern.compile("(?:W/)?\"(\\d{1,18})\""); // weak where a proxy compresses
  private static final long MAX_CHAIN_BYTES = 64 * 1024;
  private static final int CONSISTENT_READS = 3;
  private static final int MAX_PAGES = 10_000;

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

  /** Whether a text can name a bucket or a collection. */
  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
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
      return isName(bucket) && isName(collection);
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
   * A collection at one moment.
   *
   * @param metadata of the collection, plain values
   * @param timestamp of its records, epoch milliseconds
   * @param records without tombstones
   * @param tombstones how many there are
   * @param latest the highest {@code last_modified} of them all, tombstones too; 0 if there is none
   */
  public record Changeset(
      Map<String, Object> metadata,
      long timestamp,
      List<SignedRecord> records,
      int tombstones,
      long latest) {}

  /** {@code /buckets/BUCKET/collections/COLLECTION}. */
  public static String path(String bucket, String collection) {
    return "/buckets/" + bucket + "/collections/" + collection;
  }

  /**
   * What the server info says.
   *
   * @param account whose credentials were sent, like {@code account:editor}; null for anonymous
   * @param signed null if the server has no signer: it is no writer
   */
  public record ServerInfo(String account, SignedResources signed) {}

  /** Reads the server info. */
  public ServerInfo serverInfo() throws ServerException {
    return http.get(url("/"), maxBytes, body -> serverInfo(document(body))).body();
  }

  private static ServerInfo serverInfo(Object document) throws UnexpectedBody {
    Map<String, Object> info = object(document, "the server info");
    String account =
        info.get("user") instanceof Map<?, ?> user && user.get("id") instanceof String id
            ? id
            : null;
    Object signer = object(info.get("capabilities"), "capabilities").get("signer");
    return new ServerInfo(account, signer == null ? null : signedResources(signer));
  }

  /**
   * A bucket or a collection of the signer's configuration.
   *
   * @param collection null: every collection of the bucket
   */
  public record Place(String bucket, String collection) {

    /** {@code bucket/collection}. */
    public String name() {
      return bucket + "/" + collection;
    }

    /** {@code /buckets/BUCKET/collections/COLLECTION}. */
    public String path() {
      return RemoteSettings.path(bucket, collection);
    }

    /** The beginning of a result in the JSON document. */
    public Map<String, Object> json() {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("bucket", Report.clean(bucket));
      json.put("collection", Report.clean(collection));
      return json;
    }

    private boolean holds(Place other) {
      return bucket.equals(other.bucket)
          && (collection == null || collection.equals(other.collection));
    }

    /** The same for one collection, where it stands for all of the bucket. */
    private Place of(String name) {
      return collection == null ? new Place(bucket, name) : this;
    }
  }

  /**
   * A signed resource: what is edited in the source is copied to the preview for a review and to
   * the destination when it is published.
   *
   * @param preview null where there is none
   */
  public record SignedResource(Place source, Place preview, Place destination) {

    private SignedResource of(String collection) {
      return new SignedResource(
          source.of(collection),
          preview == null ? null : preview.of(collection),
          destination.of(collection));
    }
  }

  /**
   * The signed resources of a server, as its signer capability lists them.
   *
   * <p>One for a single collection comes before one for its whole bucket.
   */
  public record SignedResources(List<SignedResource> all) {

    /** The resource of a source collection. */
    public Optional<SignedResource> ofSource(Place source) {
      return first(source, SignedResource::source);
    }

    /**
     * The resource that publishes to a destination collection. A bucket's resource does not, where
     * the source has one of its own that publishes elsewhere.
     */
    public Optional<SignedResource> ofDestination(Place destination) {
      return first(destination, SignedResource::destination).filter(this::isOfItsSource);
    }

    /** Whether a collection is the preview of a resource. */
    public boolean isPreview(Place place) {
      return first(place, SignedResource::preview).filter(this::isOfItsSource).isPresent();
    }

    private boolean isOfItsSource(SignedResource resource) {
      return ofSource(resource.source()).filter(resource::equals).isPresent();
    }

    private Optional<SignedResource> first(Place place, Function<SignedResource, Place> end) {
      return all.stream()
          .filter(resource -> end.apply(resource) != null && end.apply(resource).holds(place))
          .min(Comparator.comparing(resource -> end.apply(resource).collection() == null))
          .map(resource -> resource.of(place.collection()));
    }
  }

  private static SignedResources signedResources(Object signer) throws UnexpectedBody {
    String name = "capabilities.signer";
    List<SignedResource> resources = new ArrayList<>();
    for (Object resource : list(object(signer, name).get("resources"), name + ".resources")) {
      String which = "%s.resources.%d".formatted(name, resources.size());
      Map<String, Object> ends = object(resource, which);
      resources.add(
          new SignedResource(
              place(ends.get("source"), which + ".source"),
              ends.get("preview") == null ? null : place(ends.get("preview"), which + ".preview"),
              place(ends.get("destination"), which + ".destination")));
    }
    return new SignedResources(resources);
  }

  private static Place place(Object value, String which) throws UnexpectedBody {
    Map<String, Object> place = object(value, which);
    Object collection = place.get("collection");
    if (!(place.get("bucket") instanceof String bucket)
        || !isName(bucket)
        || !(collection == null || (collection instanceof String name && isName(name)))) {
      throw new UnexpectedBody(
          "unexpected answer: %s names no bucket or collection".formatted(which));
    }
    return new Place(bucket, (String) collection);
  }

  /**
   * Reads the list of collections, past the caches.
   *
   * @param bucket of the list, usually {@code monitor}
   * @param collection of the list, usually {@code changes}
   */
  public List<Announced> announced(String bucket, String collection) throws ServerException {
    return listed(path(bucket, collection), "");
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
    return listed(path(bucket, collection), filter).stream()
        .filter(other -> other.name().equals(entry.name()))
        .findFirst();
  }

  /**
   * @param filter what is wanted of the list, as further parameters; an old server sends all of it
   */
  private List<Announced> listed(String path, String filter) throws ServerException {
    List<Object> entries;
    try {
      entries =
          http.get(
                  url(path + "/changeset?_expected=" + cacheBuster() + filter),
                  maxBytes,
                  body -> list(object(document(body), "the changeset").get("changes"), "changes"))
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
      pages(path + "/records", body -> list(object(document(body), "the list").get("data"), "data"))
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
        !isName(bucket) || !isName(collection)
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
        ? http.get(
                url(path + "/changeset?_expected=" + expected),
                maxBytes,
                RemoteSettings::readChangeset)
            .body()
        : separately(path, expected);
  }

  private Changeset separately(String path, String expected) throws ServerException {
    for (int read = 0; read < CONSISTENT_READS; read++) {
      Map<String, Object> before = metadata(path);
      List<Http.Response<Records>> pages =
          pages(
              path + "/records?_expected=" + expected,
              body -> readDocument(body, "data", new Records()));
      Set<String> timestamps = new HashSet<>();
      Records all = new Records();
      for (Http.Response<Records> page : pages) {
        timestamps.add(page.headers().firstValue("ETag").orElse(""));
        all.addAll(page.body());
      }
      String etag = timestamps.iterator().next();
      if (timestamps.size() == 1 && before.equals(metadata(path)) && !all.twice) {
        long timestamp = timestamp(etag, "GET " + url(path + "/records"));
        return new Changeset(before, timestamp, all.live, all.tombstones(), all.latest);
      }
    }
    throw new ServerException(
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
    return object(object(document(body), "the collection").get("data"), "data");
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
    for (Object collection : list(object(document(body), "the list").get("data"), "data")) {
      Map<String, Object> attributes = object(collection, "a collection");
      if (!(attributes.get("id") instanceof String id) || !isName(id)) {
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
    byte[] json = CanonicalJson.document(Map.of("data", attributes));
    http.write("PATCH", url(path), json, Map.of(), maxBytes, _ -> null, done);
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
            body -> list(object(document(body), "the records").get("data"), "data"))
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
      URI next = Http.resolve(page, link);
      if (Http.origin(next).equals(Http.origin(page))) {
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

  /** An {@code _expected} that no cache has seen. */
  private static String cacheBuster() {
    return Long.toString(ThreadLocalRandom.current().nextLong(1_000_000_000L, 1_000_000_000_000L));
  }

  // ---- shapes

  private static Object document(InputStream body) throws IOException {
    try (JsonParser parser = CanonicalJson.parser(body)) {
      CanonicalJson.next(parser);
      Object value = CanonicalJson.value(parser);
      CanonicalJson.end(parser);
      return value;
    }
  }

  @SuppressWarnings("unchecked") // CanonicalJson.value makes maps of this type only
  private static Map<String, Object> object(Object value, String what) throws UnexpectedBody {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new UnexpectedBody("unexpected answer: %s is no object".formatted(what));
  }

  @SuppressWarnings("unchecked") // CanonicalJson.value makes lists of this type only
  private static List<Object> list(Object value, String what) throws UnexpectedBody {
    if (value instanceof List<?> list) {
      return (List<Object>) list;
    }
    throw new UnexpectedBody("unexpected answer: %s is no list".formatted(what));
  }

  /** Records as they come in, in canonical form. */
  private static final class Records {
    final List<SignedRecord> live = new ArrayList<>();
    final Set<String> ids = new HashSet<>();
    long latest;
    boolean twice;

    void add(Canonical record, int number) throws UnexpectedBody {
      if (!(record.fields().get("id") instanceof String id) || id.isEmpty()) {
        throw new UnexpectedBody("unexpected answer: record %d has no id".formatted(number));
      }
      if (!ids.add(id)) {
        throw new UnexpectedBody("unexpected answer: two records with the id " + id);
      }
      if (record.fields().get("last_modified") instanceof Long modified) {
        latest = Math.max(latest, modified);
      }
      if (!Boolean.TRUE.equals(record.fields().get("deleted"))) {
        live.add(new SignedRecord(id, record));
      }
    }

    int tombstones() {
      return ids.size() - live.size();
    }

    /** Adds a page; a record that stands on two pages was moved by a change in between. */
    void addAll(Records page) {
      for (String id : page.ids) {
        twice |= !ids.add(id);
      }
      live.addAll(page.live);
      latest = Math.max(latest, page.latest);
    }
  }

  /** Reads a changeset: records go straight into their canonical bytes. */
  public static Changeset readChangeset(InputStream body) throws IOException {
    Map<String, Object> others = new LinkedHashMap<>();
    Records records = readDocument(body, "changes", new Records(), others);
    if (!(others.get("timestamp") instanceof Long timestamp) || timestamp < 0) {
      throw new UnexpectedBody("unexpected answer: timestamp is no epoch milliseconds");
    }
    return new Changeset(
        object(others.get("metadata"), "metadata"),
        timestamp,
        records.live,
        records.tombstones(),
        records.latest);
  }

  private static Records readDocument(InputStream body, String key, Records records)
      throws IOException {
    return readDocument(body, key, records, new LinkedHashMap<>());
  }

  /** Reads an object whose member {@code key} is a list of records; the others become values. */
  private static Records readDocument(
      InputStream body, String key, Records records, Map<String, Object> others)
      throws IOException {
    try (JsonParser parser = CanonicalJson.parser(body)) {
      if (CanonicalJson.next(parser) != JsonToken.START_OBJECT) {
        throw new UnexpectedBody("unexpected answer: it is no object");
      }
      boolean found = false;
      while (CanonicalJson.next(parser) == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken token = CanonicalJson.next(parser);
        if (!name.equals(key)) {
          others.put(name, CanonicalJson.value(parser));
        } else if (token != JsonToken.START_ARRAY || found) {
          throw new UnexpectedBody(
              "unexpected answer: %s %s".formatted(key, found ? "stands twice" : "is no list"));
        } else {
          found = true;
          for (int number = 1; CanonicalJson.next(parser) != JsonToken.END_ARRAY; number++) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
              throw new UnexpectedBody(
                  "unexpected answer: record %d is no object".formatted(number));
            }
            records.add(CanonicalJson.read(parser), number);
          }
        }
      }
      CanonicalJson.end(parser);
      if (!found) {
        throw new UnexpectedBody("unexpected answer: %s is missing".formatted(key));
      }
      return records;
    }
  }
}
