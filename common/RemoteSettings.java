//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES Display.java
//SOURCES Http.java
//SOURCES Json.java
//SOURCES ServerException.java
//SOURCES UnexpectedBody.java
//SOURCES Urls.java
//SOURCES signature/CanonicalJson.java
//SOURCES signature/ContentSignature.java

package common;

import common.signature.CanonicalJson;
import common.signature.CanonicalJson.Canonical;
import common.signature.ContentSignature.SignedRecord;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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
  private static final Pattern STATUS = Pattern.compile("[1-5]\\d\\d");
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
    Map<String, Object> info = object(document, "the server info");
    Map<String, Object> user =
        info.get("user") == null ? Map.of() : object(info.get("user"), "user");
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
    Object signer = object(info.get("capabilities"), "capabilities").get("signer");
    return new ServerInfo(
        user.get("id") instanceof String id ? id : null,
        principals,
        batchMaxRequests,
        signer == null ? null : signedResources(object(signer, "capabilities.signer")));
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
      json.put("bucket", Display.clean(bucket));
      json.put("collection", Display.clean(collection));
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
   * @param signoff who may ask for a review and approve it
   */
  public record SignedResource(
      Place source, Place preview, Place destination, SignoffRule signoff) {

    private SignedResource of(String collection) {
      return new SignedResource(
          source.of(collection),
          preview == null ? null : preview.of(collection),
          destination.of(collection),
          signoff.of(collection));
    }
  }

  /**
   * How what is edited in a source gets published.
   *
   * @param reviewed whether a reviewer has to approve it
   * @param editors group whose members may ask for a review, null if that is not checked
   * @param reviewers group whose members may approve, null if that is not checked
   */
  public record SignoffRule(boolean reviewed, String editors, String reviewers) {

    /** The status to set for it. */
    public String status() {
      return reviewed ? "to-review" : "to-sign";
    }

    private SignoffRule of(String collection) {
      return new SignoffRule(reviewed, named(editors, collection), named(reviewers, collection));
    }

    private static String named(String group, String collection) {
      return group == null ? null : group.replace("{collection_id}", collection);
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
      return matching(source, SignedResource::source).findFirst();
    }

    /**
     * The resource that publishes to a destination collection. A bucket's resource does not, where
     * the source has one of its own that publishes elsewhere.
     */
    public Optional<SignedResource> ofDestination(Place destination) {
      return matching(destination, SignedResource::destination)
          .filter(this::isOfItsSource)
          .findFirst();
    }

    /** The resource whose preview a collection is. */
    public Optional<SignedResource> ofPreview(Place place) {
      return matching(place, SignedResource::preview).filter(this::isOfItsSource).findFirst();
    }

    private boolean isOfItsSource(SignedResource resource) {
      return ofSource(resource.source()).filter(resource::equals).isPresent();
    }

    private Stream<SignedResource> matching(Place place, Function<SignedResource, Place> end) {
      return all.stream()
          .filter(resource -> end.apply(resource) != null && end.apply(resource).holds(place))
          .sorted(Comparator.comparing(resource -> end.apply(resource).collection() == null))
          .map(resource -> resource.of(place.collection()));
    }
  }

  private static SignedResources signedResources(Map<String, Object> signer) throws UnexpectedBody {
    String name = "capabilities.signer.resources";
    List<SignedResource> resources = new ArrayList<>();
    for (Object resource : list(signer.get("resources"), name)) {
      String which = "%s.%d".formatted(name, resources.size());
      Map<String, Object> own = object(resource, which);
      resources.add(
          new SignedResource(
              place(own.get("source"), which + ".source"),
              own.get("preview") == null ? null : place(own.get("preview"), which + ".preview"),
              place(own.get("destination"), which + ".destination"),
              signoff(own, signer)));
    }
    return new SignedResources(resources);
  }

  /** What a resource says of its own goes before what is said for all. */
  private static SignoffRule signoff(Map<String, Object> resource, Map<String, Object> signer) {
    Map<String, Object> settings = new HashMap<>(signer);
    settings.putAll(resource);
    boolean isChecked = Boolean.TRUE.equals(settings.get("group_check_enabled"));
    return new SignoffRule(
        !Boolean.FALSE.equals(settings.get("to_review_enabled")),
        isChecked && settings.get("editors_group") instanceof String editors ? editors : null,
        isChecked && settings.get("reviewers_group") instanceof String reviewers
            ? reviewers
            : null);
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
    return entries(path(bucket, collection), "");
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
    return entries(path(bucket, collection), filter).stream()
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
                      list(
                          object(Json.parse(body), "the changeset").get("changes"),
                          "changes"))
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
              body -> list(object(Json.parse(body), "the list").get("data"), "data"))
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
      Optional<Listed> all = listed(path + "/records?_expected=" + expected);
      if (all.isPresent() && before.equals(metadata(path))) {
        Records records = all.get().records();
        return new Changeset(
            before, all.get().timestamp(), records.live, records.tombstones(), records.latest);
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
        values.forEach(
            value -> query.append('&').append(Urls.escaped(name)).append('=').append(Urls.escaped(value))));
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
            body -> list(object(Json.parse(body), "the list").get("data"), "data"))) {
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

  private record Listed(long timestamp, Records records) {}

  /** All pages of a list of records; empty if it changed in between. */
  private Optional<Listed> listed(String path) throws ServerException {
    Set<String> timestamps = new HashSet<>();
    Records all = new Records();
    for (Http.Response<Records> page :
        pages(path, body -> readDocument(body, "data", new Records()))) {
      timestamps.add(page.headers().firstValue("ETag").orElse(""));
      all.addAll(page.body());
    }
    if (timestamps.size() != 1 || all.twice) {
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
    return object(object(Json.parse(body), "the collection").get("data"), "data");
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
        list(object(Json.parse(body), "the list").get("data"), "data")) {
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
    patch(path, attributes, Map.of(), done);
  }

  /**
   * The same if nobody has changed the collection since.
   *
   * @param lastModified attribute of the collection as it was read, epoch milliseconds
   */
  public void patch(String path, Map<String, Object> attributes, long lastModified, Http.Done done)
      throws ServerException {
    patch(path, attributes, ifMatch(lastModified), done);
  }

  private void patch(
      String path, Map<String, Object> attributes, Map<String, String> guard, Http.Done done)
      throws ServerException {
    byte[] json = Json.compact(Map.of("data", attributes));
    http.write("PATCH", url(path), json, guard, maxBytes, _ -> null, done);
  }

  private static Map<String, String> ifMatch(long timestamp) {
    return Map.of("If-Match", "\"%d\"".formatted(timestamp));
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
   * The change of one record, for a batch.
   *
   * @param record its new content as canonical JSON; null to delete it
   * @param timestamp that the record must still have, epoch milliseconds; 0: it must not be there
   */
  public record RecordWrite(Place collection, String id, byte[] record, long timestamp) {

    public String method() {
      return record == null ? "DELETE" : "PUT";
    }

    /** {@code /buckets/BUCKET/collections/COLLECTION/records/ID}, escaped as in a URL. */
    public String path() {
      return collection.path() + "/records/" + Urls.escaped(id);
    }

    private Map<String, Object> json() {
      Map<String, Object> part = new LinkedHashMap<>();
      part.put("method", method());
      // a Kinto refuses a path that holds /batch, and this is the same path
      part.put("path", path().replace("/batch", "/%62atch"));
      part.put("headers", timestamp == 0 ? Map.of("If-None-Match", "*") : ifMatch(timestamp));
      if (record != null) {
        part.put("body", Map.of("data", new Json.Raw(record)));
      }
      return part;
    }
  }

  /**
   * What became of one part of a batch.
   *
   * @param status of its own, whatever that of the batch
   * @param message why, where the server says so; else empty
   * @param record that is there now, as canonical JSON, or null if the answer does not show it: the
   *     one written or, where that was refused, the one that stood in the way
   * @param retryAfter the header of that name, or null
   */
  public record Written(int status, String message, byte[] record, String retryAfter) {}

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
            body -> written(body, writes.size()),
            () -> false)
        .orElseThrow()
        .body();
  }

  private static List<Written> written(InputStream body, int expected) throws IOException {
    List<Written> written = new ArrayList<>();
    readDocument(
        body,
        "responses",
        "response",
        (response, _) -> written.add(written(response.bytes())),
        new LinkedHashMap<>());
    if (written.size() != expected) {
      throw new UnexpectedBody(
          "unexpected answer: %d responses to %d requests".formatted(written.size(), expected));
    }
    return written;
  }

  private static Written written(byte[] response) throws IOException {
    Map<String, String> parts = CanonicalJson.members(response);
    String status = parts.getOrDefault("status", "");
    if (!STATUS.matcher(status).matches()) {
      throw new UnexpectedBody("unexpected answer: a part of the batch has no status");
    }
    Map<String, String> body = members(parts.get("body"));
    boolean isRefused = isObject(body.get("details"));
    String record = isRefused ? members(body.get("details")).get("existing") : body.get("data");
    return new Written(
        Integer.parseInt(status),
        body.containsKey("message")
                && Json.parse(body.get("message")) instanceof String message
            ? message.replaceFirst("\\.$", "")
            : "",
        isObject(record) ? record.getBytes(StandardCharsets.US_ASCII) : null,
        status.startsWith("2") ? null : retryAfter(parts.get("headers")));
  }

  private static boolean isObject(String canonical) {
    return canonical != null && canonical.startsWith("{");
  }

  /** The members of what is, or should be, an object. */
  private static Map<String, String> members(String canonical) {
    return isObject(canonical)
        ? CanonicalJson.members(canonical.getBytes(StandardCharsets.US_ASCII))
        : Map.of();
  }

  private static String retryAfter(String headers) throws IOException {
    for (Map.Entry<String, String> header : members(headers).entrySet()) {
      if (header.getKey().equalsIgnoreCase("Retry-After")) {
        return String.valueOf(Json.parse(header.getValue()));
      }
    }
    return null;
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
            body -> list(object(Json.parse(body), "the records").get("data"), "data"))
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

  @SuppressWarnings("unchecked") // Json.value makes maps of this type only
  private static Map<String, Object> object(Object value, String what) throws UnexpectedBody {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new UnexpectedBody("unexpected answer: %s is no object".formatted(what));
  }

  @SuppressWarnings("unchecked") // Json.value makes lists of this type only
  private static List<Object> list(Object value, String what) throws UnexpectedBody {
    if (value instanceof List<?> list) {
      return (List<Object>) list;
    }
    throw new UnexpectedBody("unexpected answer: %s is no list".formatted(what));
  }

  /** Records as they come in, in canonical form. */
  private static final class Records {
    final List<SignedRecord> live = new ArrayList<>();
    final List<SignedRecord> all = new ArrayList<>(); // and tombstones, or what looks like one
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
      SignedRecord one = new SignedRecord(id, record);
      all.add(one);
      if (!Boolean.TRUE.equals(record.fields().get("deleted"))) {
        live.add(one);
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
      all.addAll(page.all);
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

  private static Records readDocument(
      InputStream body, String key, Records records, Map<String, Object> others)
      throws IOException {
    readDocument(body, key, "record", records::add, others);
    return records;
  }

  /** Gets what is read of a list. */
  private interface Elements {
    void add(Canonical element, int number) throws IOException;
  }

  /**
   * Reads an object whose member {@code key} is a list of objects; the others become values.
   *
   * @param word for one of them
   */
  private static void readDocument(
      InputStream body, String key, String word, Elements elements, Map<String, Object> others)
      throws IOException {
    try (JsonParser parser = Json.parser(body)) {
      if (Json.next(parser) != JsonToken.START_OBJECT) {
        throw new UnexpectedBody("unexpected answer: it is no object");
      }
      boolean found = false;
      while (Json.next(parser) == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken token = Json.next(parser);
        if (!name.equals(key)) {
          others.put(name, Json.value(parser));
        } else if (token != JsonToken.START_ARRAY || found) {
          throw new UnexpectedBody(
              "unexpected answer: %s %s".formatted(key, found ? "stands twice" : "is no list"));
        } else {
          found = true;
          for (int number = 1; Json.next(parser) != JsonToken.END_ARRAY; number++) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
              throw new UnexpectedBody(
                  "unexpected answer: %s %d is no object".formatted(word, number));
            }
            elements.add(CanonicalJson.read(parser), number);
          }
        }
      }
      Json.end(parser);
      if (!found) {
        throw new UnexpectedBody("unexpected answer: %s is missing".formatted(key));
      }
    }
  }
}
