//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES Batch.java Changesets.java Guard.java Http.java Json.java Link.java OtherContent.java
//SOURCES Place.java ServerException.java ServerInfo.java UnexpectedBody.java Urls.java

package common;

import common.Batch.RecordWrite;
import common.Batch.Written;
import common.Changesets.Changeset;
import common.Changesets.SignedRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A Remote Settings server as the commands see it: server info, monitor/changes, changesets,
 * collections and records, chains. The shape of answers is checked here, once.
 */
public final class RemoteSettings {

  /**
   * A timestamp in quotes. Whoever compresses an answer makes its ETag weak (nginx, HAProxy,
   * Varnish) or appends the compression: {@code -gzip} and {@code -br} (Apache), {@code -df}
   * (Traffic Server), {@code --gzip} (Jetty), {@code ;gz} and, uncompressed, {@code ;;;}
   * (LiteSpeed).
   */
  private static final Pattern ETAG =
      Pattern.compile("(?:W/)?\"(\\d{1,18})(?:(?:--?|;)(?:gzip|gz|br|zstd|deflate|df)|;;;)?\"");

  private static final DateTimeFormatter ISO_OR_UTC =
      DateTimeFormatter.ISO_DATE_TIME.withZone(ZoneOffset.UTC); // unless it has an offset

  private static final int MAX_CHAIN_BYTES = 64 * 1024;
  private static final int CONSISTENT_READS = 3;
  private static final int MAX_PAGES = 10_000;

  /** Servers cut changesets at a round number of records. */
  public static final int LIMITS_END_WITH = 10;

  /** The limit of servers that are not configured otherwise. */
  public static final int USUAL_LIMIT = 10_000;

  private final Http http;
  private final URI server;
  private final long maxBytes;
  private final SecureRandom random = new SecureRandom(); // one a run: its provider is slow to find
  private volatile boolean changesets = true;
  private Optional<ServerInfo> info; // null until it is asked for
  private ServerException infoFailure;

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
   * @param problem why it cannot be checked, or null
   */
  public record Announced(String bucket, String collection, long timestamp, String problem) {
    /** {@code bucket/collection}. */
    public String name() {
      return place().name();
    }

    /** Whether it names a possible collection, whatever else may be wrong with it. */
    public boolean isNamed() {
      return place().isNamed();
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

  /** Reads the server info. */
  public ServerInfo serverInfo() throws ServerException {
    try {
      return get("/", body -> ServerInfo.of(Json.parse(body)));
    } catch (ServerException e) {
      throw atAddress(e);
    }
  }

  /**
   * What the server info says, for those who can do without: it is read once, when it is first
   * asked for. Empty if the server has none, which is no reader then.
   *
   * @throws ServerException each time, if it could not be read
   */
  public synchronized Optional<ServerInfo> info() throws ServerException {
    if (info == null && infoFailure == null) {
      try {
        info = Optional.of(serverInfo());
      } catch (ServerException e) {
        if (e.isNotReadable()) {
          info = Optional.empty();
        } else {
          infoFailure = e;
        }
      }
    }
    if (infoFailure != null) {
      throw infoFailure;
    }
    return info;
  }

  /** Whether the server is a reader ({@code /v2}). */
  public boolean isReader() throws ServerException {
    return info().filter(ServerInfo::isReader).isPresent();
  }

  /** Reads the list of collections, usually {@code monitor/changes}, past the caches. */
  public List<Announced> announced(String bucket, String collection) throws ServerException {
    return entries(new Place(bucket, collection).path(), "");
  }

  /** Reads the entry of a collection again; empty if the list no longer announces it. */
  public Optional<Announced> announced(String bucket, String collection, Announced entry)
      throws ServerException {
    String filter = "&bucket=%s&collection=%s".formatted(entry.bucket(), entry.collection());
    return entries(new Place(bucket, collection).path(), filter).stream()
        .filter(other -> other.name().equals(entry.name()))
        .findFirst();
  }

  /**
   * @param filter further parameters that select entries; an old server sends all of them
   */
  private List<Announced> entries(String path, String filter) throws ServerException {
    List<Object> entries;
    try {
      entries =
          get(
              path + "/changeset?_expected=" + cacheBuster() + filter,
              body -> list(body, "the changeset", "changes"));
    } catch (ServerException e) {
      if (e.status() != 404 && e.status() != 405) {
        throw e;
      }
      changesets = false;
      entries = listedAsRecords(path);
    }
    return entries.stream().map(RemoteSettings::announced).toList();
  }

  /** The entries of an old server, which does not know changesets. */
  private List<Object> listedAsRecords(String path) throws ServerException {
    List<Object> entries = new ArrayList<>();
    try {
      pages(path + "/records", RemoteSettings::list, entries::addAll);
    } catch (ServerException e) {
      throw atAddress(e);
    }
    return entries;
  }

  /** Something that every server has is not there. */
  private static ServerException atAddress(ServerException e) {
    return e.status() == 404
        ? e.withHint("is SERVER right, with the version at its end (/v1)?")
        : e;
  }

  private static Announced announced(Object entry) {
    if (!(entry instanceof Map<?, ?> map)
        || !(map.get("bucket") instanceof String bucket)
        || !(map.get("collection") instanceof String collection)) {
      return new Announced("?", "?", 0, "the entry names no bucket and collection");
    }
    long timestamp = map.get("last_modified") instanceof Long number ? number : 0;
    String problem =
        !new Place(bucket, collection).isNamed()
            ? "the entry does not name a valid bucket and collection"
            : timestamp <= 0 ? "the entry's last_modified is not a timestamp" : null;
    return new Announced(bucket, collection, timestamp, problem);
  }

  /**
   * Reads a collection at one moment.
   *
   * <p>A changeset that is older than announced is read once more past the caches. A server without
   * changesets is asked for metadata and records one after the other, until nothing changes in
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

  /**
   * The same collection with all its records: servers cut changesets at their limit, a round number
   * of records, but not lists of records, which have pages.
   *
   * @param read what a changeset has of it
   * @throws ServerException on a reader, too, which has no lists of records, if there are exactly
   *     as many as servers leave
   */
  public Changeset whole(Place collection, Changeset read) throws ServerException {
    int served = read.records().size() + read.tombstones();
    if (!changesets || served == 0 || served % LIMITS_END_WITH != 0) {
      return read;
    }
    String path = collection.path();
    if (isReader()) {
      if (served != USUAL_LIMIT) {
        return read;
      }
      String reason = "it has %d records, at which servers cut a changeset; there may be more";
      throw unexpected("GET", url(path + "/changeset"), reason.formatted(served))
          .withHint("ask the writer's /v1, which tells how many there are");
    }
    return isWhole(collection, read) ? read : separately(path, cacheBuster());
  }

  private boolean isWhole(Place collection, Changeset read) {
    try {
      long live = read.records().size(); // lists count no tombstones
      return total(collection, read.timestamp()).filter(all -> all == live).isPresent();
    } catch (ServerException e) {
      return false; // the list itself will tell
    }
  }

  /** Reads a collection past the caches, with one record at most: for what its metadata say. */
  public Changeset freshMetadata(Announced entry) throws ServerException {
    return changesets
        ? read(entry.path(), cacheBuster() + "&_limit=1")
        : new Changeset(metadata(entry.path()), entry.timestamp(), List.of(), 0, Map.of(), 0);
  }

  private Changeset read(String path, String expected) throws ServerException {
    return changesets
        ? get(path + "/changeset?_expected=" + expected, Changesets::read)
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
    throw keepsChanging(path);
  }

  /**
   * Reads the records of a collection at one moment, past the caches. An account that may see only
   * some of them is refused, because the server would silently leave out the others.
   *
   * @param filters parameters that select some, each with its values
   */
  public List<SignedRecord> records(Place collection, Map<String, List<String>> filters)
      throws ServerException {
    // an account that may read all records gets a 404 for this one, others get 401 or 403
    exists(collection.path() + "/records/" + UUID.randomUUID());
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
    throw keepsChanging(collection.path());
  }

  private boolean exists(String path) throws ServerException {
    try {
      get(path, Json::parse);
      return true;
    } catch (ServerException e) {
      if (e.status() == 404) {
        return false;
      }
      throw e;
    }
  }

  /** Refuses ids that no path can hold: half a surrogate pair would name another record. */
  private List<SignedRecord> addressable(List<SignedRecord> records, Place collection)
      throws ServerException {
    CharsetEncoder utf8 = StandardCharsets.UTF_8.newEncoder();
    for (SignedRecord record : records) {
      if (!utf8.canEncode(record.id())) {
        URI url = url(collection.path() + "/records");
        throw unexpected("GET", url, "the id of a record holds half a surrogate pair");
      }
    }
    return records;
  }

  /**
   * Delays the next request as long as answers ask for, at least a moment.
   *
   * @param retryAfter values of that header
   */
  public void postpone(List<String> retryAfter) {
    http.postpone(server, retryAfter);
  }

  /** From now on no write is begun or repeated. */
  public void endWrites() {
    http.endWrites();
  }

  /** When each record was changed last, epoch milliseconds; deleted ones are included. */
  public Map<String, Long> lastModified(Place collection) throws ServerException {
    Map<String, Long> lastModified = new HashMap<>();
    pages(
        collection.path() + "/records?_since=0&_expected=" + cacheBuster(),
        RemoteSettings::list,
        page ->
            page.forEach(record -> {
              if (record instanceof Map<?, ?> fields
                  && fields.get("id") instanceof String id
                  && fields.get("last_modified") instanceof Long timestamp) {
                lastModified.put(id, timestamp);
              }
            }));
    return lastModified;
  }

  private record Listed(long timestamp, Changesets.Records records) {}

  /** All pages of a list of records; empty if it changed in between. */
  private Optional<Listed> listed(String path) throws ServerException {
    Changesets.Records all = new Changesets.Records();
    Set<Long> timestamps = new HashSet<>();
    for (String etag : pages(path, Changesets::page, all::addAll)) {
      timestamps.add(timestamp(etag, "GET", url(path)));
    }
    return timestamps.size() != 1 || all.hasDuplicates()
        ? Optional.empty()
        : Optional.of(new Listed(timestamps.iterator().next(), all));
  }

  private ServerException keepsChanging(String path) {
    String reason = "the collection kept changing while it was read (%d times)";
    return unexpected("GET", url(path + "/records"), reason.formatted(CONSISTENT_READS));
  }

  /**
   * Reads the attributes of a collection.
   *
   * @param path {@code /buckets/BUCKET/collections/COLLECTION}
   */
  public Map<String, Object> metadata(String path) throws ServerException {
    return get(
        path,
        body -> Json.object(Json.object(Json.parse(body), "the collection").get("data"), "data"));
  }

  /**
   * Reads the attributes of every collection of a bucket that the account may see.
   *
   * @return the attributes by the name of the collection
   */
  public Map<String, Map<String, Object>> collections(String bucket) throws ServerException {
    Map<String, Map<String, Object>> collections = new LinkedHashMap<>();
    pages(
        "/buckets/" + bucket + "/collections",
        RemoteSettings::readCollections,
        collections::putAll);
    return collections;
  }

  private static Map<String, Map<String, Object>> readCollections(InputStream body)
      throws IOException {
    Map<String, Map<String, Object>> collections = new LinkedHashMap<>();
    for (Object collection : list(body)) {
      Map<String, Object> attributes = Json.object(collection, "a collection");
      if (!(attributes.get("id") instanceof String id) || !Place.isName(id)) {
        throw new UnexpectedBody("unexpected answer: a collection's id is not a valid name");
      }
      collections.put(id, attributes);
    }
    return collections;
  }

  /**
   * Changes attributes of a collection; may be repeated when an answer is lost.
   *
   * @param path {@code /buckets/BUCKET/collections/COLLECTION}
   * @param check says, before a retry, whether the change was applied
   */
  public void patch(String path, Map<String, Object> attributes, Http.WriteCheck check)
      throws ServerException {
    patch(path, attributes, Map.of(), check);
  }

  /**
   * The same, on condition that nobody has changed the collection since it was read.
   *
   * @param lastModified attribute of the collection when it was read, epoch milliseconds
   */
  public void patch(
      String path, Map<String, Object> attributes, long lastModified, Http.WriteCheck check)
      throws ServerException {
    patch(path, attributes, Batch.ifMatch(lastModified), check);
  }

  private void patch(
      String path, Map<String, Object> attributes, Map<String, String> guard, Http.WriteCheck check)
      throws ServerException {
    write("PATCH", path, Map.of("data", attributes), guard, _ -> null, check);
  }

  /** Creates a collection without attributes, unless it exists. */
  public void create(Place collection) throws ServerException {
    String path = collection.path();
    Map<String, String> guard = Map.of("If-None-Match", "*");
    try {
      write("PUT", path, Map.of("data", Map.of()), guard, _ -> null, () -> exists(path));
    } catch (ServerException e) {
      if (e.status() != 412) {
        throw e;
      }
    }
  }

  /**
   * Changes records, each on condition that it has not changed since it was read. So a batch can be
   * sent again when its answer is lost: writes that were applied are refused then, with the record
   * that is there.
   *
   * @param writes no more than {@link ServerInfo#batchMaxRequests}
   * @return what became of each, in their order
   */
  public List<Written> batch(List<RecordWrite> writes) throws ServerException {
    List<Map<String, Object>> parts = writes.stream().map(RecordWrite::json).toList();
    Map<String, Object> document = Map.of("requests", parts);
    Http.Body<List<Written>> answer = body -> Batch.written(body, parts.size());
    return write("POST", "/batch", document, Map.of(), answer, () -> false).orElseThrow().body();
  }

  private <T> Optional<Http.Response<T>> write(
      String method,
      String path,
      Map<String, Object> document,
      Map<String, String> guard,
      Http.Body<T> answer,
      Http.WriteCheck check)
      throws ServerException {
    byte[] json = Json.compact(document);
    return http.send(new Http.Request<>(method, url(path), json, guard, maxBytes, answer, check));
  }

  /** When something happened to a collection, by its attribute; a date without an offset is UTC. */
  public static Optional<Instant> date(Map<String, Object> attributes, String name) {
    if (!(attributes.get(name) instanceof String date)) {
      return Optional.empty();
    }
    try {
      return Optional.of(ISO_OR_UTC.parse(date, Instant::from));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /** Whether a date was set meanwhile; the clock of another node may have set an earlier one. */
  public static boolean isNewDate(
      String name, Map<String, Object> before, Map<String, Object> after) {
    return date(after, name).isPresent() && !after.get(name).equals(before.get(name));
  }

  /** Reads the timestamp of a collection's records as clients do: a cache may answer. */
  public long timestamp(Announced entry) throws ServerException {
    return timestamp(entry, Long.toString(entry.timestamp()));
  }

  /**
   * Reads the timestamp of a collection's records past the caches. A changeset is asked only for
   * what is newer than announced. Servers disagree on how to spell that (plug-ins of old want
   * quotes, {@code /v2} refuses them), and {@code /v2} redirects if it does not know that moment:
   * if that fails, it is asked for everything.
   */
  public long timestampPastCaches(Announced entry) throws ServerException {
    if (changesets) {
      try {
        return timestamp(entry, cacheBuster() + "&_since=" + entry.timestamp());
      } catch (ServerException e) {
        if (e.status() != 400 && e.status() != 307) {
          throw e;
        }
      }
    }
    return timestamp(entry, cacheBuster());
  }

  private long timestamp(Announced entry, String expected) throws ServerException {
    if (changesets) {
      URI url = url(entry.path() + "/changeset?_expected=" + expected);
      Http.Start<Long> timestamp = Changesets::timestamp;
      return http.get(url, maxBytes, timestamp).body();
    }
    URI url = url(entry.path() + "/records?_expected=" + expected);
    return timestamp(http.head(url).firstValue("ETag").orElse(""), "HEAD", url);
  }

  /** The timestamp that an ETag holds in quotes. */
  private static long timestamp(String etag, String method, URI url) throws ServerException {
    Matcher quoted = ETAG.matcher(etag);
    if (!quoted.matches()) {
      throw unexpected(method, url, etag.isEmpty() ? "no ETag" : "the ETag is not a timestamp");
    }
    return Long.parseLong(quoted.group(1));
  }

  /**
   * How many records a collection has; empty if the server does not say, or if they are not those
   * of that timestamp any more.
   */
  public Optional<Long> total(Place collection, long timestamp) throws ServerException {
    if (!changesets) {
      return Optional.empty(); // its lists were read page by page
    }
    URI url = url(collection.path() + "/records?_expected=" + cacheBuster());
    HttpHeaders headers = http.head(url);
    boolean isSame =
        headers.firstValue("ETag").map(ETAG::matcher).filter(Matcher::matches).stream()
            .anyMatch(etag -> etag.group(1).equals(Long.toString(timestamp)));
    return Stream.of("Total-Records", "Total-Objects")
        .flatMap(name -> headers.firstValue(name).stream())
        .filter(total -> isSame && total.matches("\\d{1,18}"))
        .map(Long::valueOf)
        .findFirst();
  }

  /** Whether the collection ever had a record: it has one or a tombstone. */
  public boolean everHadRecords(Announced entry) throws ServerException {
    String path = entry.path() + "/records?_since=0&_limit=1";
    return !get(path, body -> list(body, "the records", "data")).isEmpty();
  }

  /** Reads a chain, in PEM, without credentials, as clients do. */
  public byte[] chain(URI url, Guard guard) throws ServerException {
    return http.get(url, MAX_CHAIN_BYTES, RemoteSettings::pem, guard).body();
  }

  /** Only tells PEM from a login page and the like: what is in it is for others to judge. */
  private static byte[] pem(InputStream body) throws IOException {
    byte[] pem = body.readNBytes(MAX_CHAIN_BYTES);
    String text = new String(pem, StandardCharsets.ISO_8859_1);
    boolean isPage = text.stripLeading().startsWith("<");
    if (!isPage) {
      body.transferTo(OutputStream.nullOutputStream()); // fails if there is more
    }
    if (isPage || !text.contains("-----BEGIN CERTIFICATE-----")) {
      throw new OtherContent(
          "a PEM chain", pem.length == 0 ? "the answer is empty" : "no certificate in the answer");
    }
    return pem;
  }

  /** What a relative {@code x5u} is relative to: what the server info says, else the server. */
  public URI chainsBase() {
    try {
      return info().map(ServerInfo::chainsBase).orElse(url("/"));
    } catch (ServerException e) {
      return url("/"); // a chain may be there nevertheless
    }
  }

  private <T> T get(String path, Http.Body<T> body) throws ServerException {
    return http.get(url(path), maxBytes, body).body();
  }

  private static List<Object> list(InputStream body) throws IOException {
    return list(body, "the list", "data");
  }

  private static List<Object> list(InputStream body, String what, String key) throws IOException {
    return Json.list(Json.object(Json.parse(body), what).get(key), key);
  }

  /**
   * Reads a list to its end, page by page.
   *
   * @return the ETags of the pages, an empty one for a page without
   */
  private <T> Set<String> pages(String path, Http.Body<T> body, Consumer<T> eachPage)
      throws ServerException {
    Set<String> etags = new HashSet<>();
    Set<URI> seen = new HashSet<>();
    for (URI next = url(path); next != null; ) {
      if (!seen.add(next)) {
        throw unexpected("GET", url(path), "its pages form a loop (Next-Page)");
      }
      if (seen.size() > MAX_PAGES) {
        throw unexpected("GET", url(path), "more than %d pages (Next-Page)".formatted(MAX_PAGES));
      }
      Http.Response<T> page = http.get(next, maxBytes, body);
      eachPage.accept(page.body());
      etags.add(page.headers().firstValue("ETag").orElse(""));
      next = nextPage(next, page.headers().firstValue("Next-Page").orElse(""));
    }
    return etags;
  }

  /** The next page of a list, on the same origin, or null. */
  private static URI nextPage(URI page, String next) throws ServerException {
    if (next.isBlank()) {
      return null;
    }
    Link link = Link.nextPage(page, next);
    if (link.to() == null) {
      throw unexpected("GET", page, link.refusal()).withHint(link.hint());
    }
    return link.to();
  }

  /** The failure for a successful answer whose content is not as expected. */
  private static ServerException unexpected(String method, URI url, String reason) {
    return new ServerException(
        method + " " + Urls.shown(url), ServerException.Kind.UNEXPECTED, 200, reason);
  }

  private URI url(String path) {
    return URI.create(server + path);
  }

  /**
   * An {@code _expected} that no cache has seen: servers and CDNs keep answers to {@code 9999…} for
   * the shortest time, and readers want it above every timestamp. Any other generator would give
   * the same one to all processes that start from one snapshot, as on Lambda.
   */
  private String cacheBuster() {
    return "9999%09d".formatted(random.nextInt(1_000_000_000));
  }
}
