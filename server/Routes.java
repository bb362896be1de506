//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java
//SOURCES Fault.java
//SOURCES Faults.java
//SOURCES KintoError.java
//SOURCES RecordQuery.java
//SOURCES Signer.java
//SOURCES Signoff.java
//SOURCES Store.java
//SOURCES Writes.java

import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The protocol: one request in, one answer out, no sockets. What it answers is what a Kinto 26 with
 * Mozilla's signer and changes plug-in was recorded to answer ({@code vectors/kinto-26}).
 */
final class Routes {

  /**
   * A request as the protocol sees it.
   *
   * @param target path and query as they came
   * @param path without the query, still encoded
   * @param parameters the decoded query string, in its order
   * @param headers names in lower case, the last value of each
   * @param user account that the credentials proved, empty for anonymous
   */
  record Request(
      String method,
      String target,
      String path,
      List<RecordQuery.Parameter> parameters,
      Map<String, String> headers,
      byte[] body,
      Optional<String> user) {

    Optional<String> header(String name) {
      return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
    }

    Optional<String> parameter(String name) {
      return parameters.stream()
          .filter(parameter -> parameter.name().equals(name))
          .map(RecordQuery.Parameter::value)
          .findFirst();
    }

    /** {@code bucket/collection} if the path leads into one, else empty. */
    String collection() {
      List<String> segments = segments(path);
      boolean isInside =
          segments.size() >= 5
              && segments.get(1).equals("buckets")
              && segments.get(3).equals("collections");
      return isInside ? segments.get(2) + "/" + segments.get(4) : "";
    }
  }

  /** An answer before compression; a HEAD keeps the body until it is sent. */
  record Answer(int status, Map<String, String> headers, byte[] body) {

    static Answer of(int status, String contentType, String body) {
      Map<String, String> headers = new LinkedHashMap<>();
      headers.put("Content-Type", contentType);
      return new Answer(status, headers, body.getBytes(StandardCharsets.UTF_8));
    }

    static Answer json(int status, ObjectNode body) {
      Map<String, String> headers = new LinkedHashMap<>();
      headers.put("Content-Type", "application/json");
      return new Answer(status, headers, Store.JSON.writeValueAsBytes(body));
    }

    static Answer empty(int status) {
      return new Answer(status, new LinkedHashMap<>(), new byte[0]);
    }

    Answer with(String header, String value) {
      headers.put(header, value);
      return this;
    }

    /** {@code ETag} and {@code Last-Modified} of a timestamp. */
    Answer at(long timestamp) {
      return with("ETag", "\"" + timestamp + "\"").lastModified(timestamp);
    }

    Answer lastModified(long timestamp) {
      return with("Last-Modified", httpDate(Instant.ofEpochMilli(timestamp)));
    }
  }

  /**
   * What kind of server it is.
   *
   * @param changesets false: an old one that answers 404 to {@code /changeset}
   * @param singleSignature true: an old one that has no {@code signatures}
   * @param pageSize most records of one page, 0 for no limit
   * @param batchMaxRequests most requests of one batch
   * @param anyRecordId true: one whose records may have any text as their id
   */
  record Dialect(
      boolean changesets,
      boolean singleSignature,
      int pageSize,
      int batchMaxRequests,
      boolean anyRecordId) {}

  private static final List<String> ANNOUNCED_BUCKETS =
      List.of(
          "main",
          "main-preview",
          "blocklists",
          "blocklists-preview",
          "security-state",
          "security-state-preview");
  private static final Set<String> ENTRY_FIELDS =
      Set.of("id", "last_modified", "bucket", "collection", "host");
  private static final String MONITOR_BUCKET = "monitor";
  private static final String CHANGES_COLLECTION = "changes";

  /** Clients that were away for longer get the whole list of changes, by a redirect. */
  private static final Duration OLDEST_SINCE = Duration.ofDays(21);

  private final Store store;
  private final Signer signer;
  private final Faults faults;
  private final Clock clock;
  private final Dialect dialect;
  private final URI origin;
  private final Access access;
  private final Writes writes;
  private final List<ObjectNode> rawEntries = new ArrayList<>();

  /** A write and what the signer makes of it are one change for all who read. */
  private final ReadWriteLock transactions = new ReentrantReadWriteLock();

  Routes(Store store, Signer signer, Faults faults, Clock clock, Dialect dialect, URI origin) {
    this.store = store;
    this.signer = signer;
    this.faults = faults;
    this.clock = clock;
    this.dialect = dialect;
    this.origin = origin;
    this.access = new Access(store);
    this.writes = new Writes(store, access, new Signoff(store, signer), dialect.anyRecordId());
    makeBuckets();
  }

  /** Sources can be read, and collections be made in them, by everyone who has an account. */
  private void makeBuckets() {
    Map<String, Set<String>> ofSources = new LinkedHashMap<>();
    for (String permission : List.of("read", "collection:create", "group:create")) {
      ofSources.put(permission, Set.of("system.Authenticated"));
    }
    for (String bucket : ANNOUNCED_BUCKETS) {
      makeBucket(bucket, Map.of());
    }
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      makeBucket(resource.source(), ofSources);
    }
  }

  private void makeBucket(String id, Map<String, Set<String>> permissions) {
    ObjectNode data = Store.JSON.createObjectNode().put("id", id).put("last_modified", 1);
    store.save("/buckets", data, permissions);
  }

  /** Adds an entry to monitor/changes as it is, whatever it names. */
  synchronized void announce(ObjectNode entry) {
    rawEntries.add(entry);
  }

  Answer answer(Request request) {
    boolean isRead = request.method().equals("GET") || request.method().equals("HEAD");
    Lock lock = isRead ? transactions.readLock() : transactions.writeLock();
    lock.lock();
    try {
      return route(request);
    } catch (KintoError e) {
      return refusal(e);
    } catch (RuntimeException e) {
      // A bug of this server: said to the client, which would else see a lost connection.
      return refusal(KintoError.fault(500, "Internal Server Error", e.toString()));
    } finally {
      lock.unlock();
    }
  }

  private static Answer refusal(KintoError error) {
    Answer answer = Answer.json(error.status(), error.body());
    if (error.status() == 401) {
      answer.with("WWW-Authenticate", "Basic realm=\"Realm\"");
    }
    return error.timestamp() > 0 ? answer.at(error.timestamp()) : answer;
  }

  private Answer route(Request request) throws KintoError {
    String path = request.path();
    if (path.startsWith(Signer.CHAINS)) {
      return chain(path.substring(Signer.CHAINS.length()));
    }
    if (path.equals("/sign/data") && request.method().equals("POST")) {
      return signData(request);
    }
    if (path.equals("/v1") || !path.startsWith("/v1/")) {
      return redirect(request, "/v1" + (path.equals("/v1") ? "/" : path));
    }
    if (path.endsWith("/") && !path.equals("/v1/")) {
      return redirect(request, path.replaceAll("/+$", ""));
    }
    List<String> below = segments(path).subList(1, segments(path).size());
    Optional<Access.Target> target = target(below);
    boolean isRead = request.method().equals("GET") || request.method().equals("HEAD");
    if (target.isPresent()) {
      return isRead ? read(request, target.get()) : write(request, target.get());
    }
    return switch (String.join("/", below)) {
      case "" -> serverInfo(only(request, isRead));
      case "__heartbeat__", "__lbheartbeat__" -> heartbeat(only(request, isRead));
      case "__flush__" -> flush(only(request, request.method().equals("POST")));
      case "batch" -> batch(only(request, request.method().equals("POST")));
      default -> {
        if (!isChangeset(below) || !dialect.changesets()) {
          throw KintoError.unknownPath();
        }
        yield changeset(only(request, isRead), below.get(1), below.get(3));
      }
    };
  }

  private static Request only(Request request, boolean isAllowed) throws KintoError {
    if (!isAllowed) {
      throw KintoError.methodNotAllowed();
    }
    return request;
  }

  /** Where a path leads among buckets, groups, collections and records; empty for elsewhere. */
  private static Optional<Access.Target> target(List<String> below) {
    if (below.isEmpty() || !below.getFirst().equals("buckets")) {
      return Optional.empty();
    }
    String bucket = below.size() > 1 ? below.get(1) : null;
    String list = below.size() > 2 ? below.get(2) : "";
    String id = below.size() > 3 ? below.get(3) : null;
    boolean isInRecords =
        list.equals("collections") && below.size() > 4 && below.get(4).equals("records");
    return Optional.ofNullable(
        switch (below.size()) {
          case 1, 2 -> Access.Target.buckets(bucket);
          case 3, 4 ->
              switch (list) {
                case "collections" -> Access.Target.collections(bucket, id);
                case "groups" -> Access.Target.groups(bucket, id);
                default -> null;
              };
          case 5 -> isInRecords ? Access.Target.records(bucket, id, null) : null;
          case 6 -> isInRecords ? Access.Target.records(bucket, id, below.get(5)) : null;
          default -> null;
        });
  }

  private static boolean isChangeset(List<String> below) {
    return below.size() == 5
        && below.getFirst().equals("buckets")
        && below.get(2).equals("collections")
        && below.get(4).equals("changeset");
  }

  private Answer read(Request request, Access.Target target) throws KintoError {
    boolean isList = target.id() == null;
    return switch (target.resource()) {
      case "bucket" -> isList ? buckets(request) : object(request, target);
      case "collection" -> isList ? collections(request, target) : collection(request, target);
      case "group" -> isList ? groups(request, target) : object(request, target);
      default -> isList ? records(request, target) : record(request, target);
    };
  }

  private Answer write(Request request, Access.Target target) throws KintoError {
    if (target.is("record") && isChanges(target.bucket(), target.collection())) {
      throw KintoError.methodNotAllowed();
    }
    return writes.answer(request, target);
  }

  // --- What is the same for everybody -------------------------------------------------------

  private Answer chain(String name) throws KintoError {
    String pem = signer.chain(name).orElseThrow(KintoError::unknownPath);
    return Answer.of(200, "application/x-x509-ca-cert", pem).with("Cache-Control", "max-age=3600");
  }

  /** Autograph's place, for a real Kinto; whoever it is that asks may have a signature. */
  private Answer signData(Request request) {
    return Answer.of(201, "application/json", signer.signData(request.body()).toString());
  }

  private static Answer heartbeat(Request request) {
    ObjectNode body = Store.JSON.createObjectNode();
    if (request.path().endsWith("/__heartbeat__")) {
      body.put("storage", true).put("permission", true).put("cache", true).put("signer", true);
    }
    return Answer.json(200, body);
  }

  /** Back to the beginning; the preset buckets stay. */
  private Answer flush(Request request) {
    store.clear();
    makeBuckets();
    return Answer.json(202, Store.JSON.createObjectNode());
  }

  /**
   * One request after the other, whatever becomes of them; each part has its own status. What the
   * signer refuses in one part is refused as a whole.
   *
   * <p>A 409 undoes what the parts before it have done, though these say that it is done; the parts
   * after it are done for good. That is what a Kinto 16.3 on PostgreSQL does, whose batch aborts
   * its transaction there and goes on in a new one.
   */
  private Answer batch(Request request) throws KintoError {
    ObjectNode body = Writes.object(Writes.json(request), "");
    Set<String> unknown = new TreeSet<>(body.propertyNames());
    unknown.removeAll(Set.of("defaults", "requests"));
    if (!unknown.isEmpty()) {
      throw Writes.unrecognised(unknown, body);
    }
    if (!(body.get("requests") instanceof ArrayNode parts)) {
      throw KintoError.invalid("body", "requests", "Required");
    }
    if (parts.size() > dialect.batchMaxRequests()) {
      throw KintoError.tooManyRequests(dialect.batchMaxRequests());
    }
    for (JsonNode part : parts) {
      if (part.path("path").asString("").contains("/batch")) { // as a Kinto looks for it
        String refusal = "Recursive call on /batch endpoint is forbidden.";
        throw KintoError.invalid("body", "requests", refusal);
      }
    }
    List<Request> requests = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      String name = "requests." + i;
      ObjectNode part = Writes.object(parts.get(i), name).deepCopy();
      if (body.get("defaults") instanceof ObjectNode defaults) {
        complete(part, defaults);
      }
      requests.add(part(request, part, name));
    }
    Store.State before = store.state();
    ObjectNode answer = Store.JSON.createObjectNode();
    ArrayNode responses = answer.putArray("responses");
    for (Request part : requests) {
      Optional<Answer> spoiled = faults.takeRefusal(part, request);
      Answer given = spoiled.isPresent() ? spoiled.get() : answerPart(part, before);
      if (given.status() == 409) {
        store.restore(before);
      }
      ObjectNode response = responses.addObject();
      String path = decode(part.path().replace("+", "%2B"));
      response.put("path", path).put("status", given.status());
      ObjectNode headers = response.putObject("headers");
      given.headers().forEach(headers::put);
      headers.put("Content-Length", Integer.toString(given.body().length));
      boolean isJson = given.headers().getOrDefault("Content-Type", "").contains("json");
      if (isJson && !part.method().equals("HEAD")) {
        response.set("body", Store.JSON.readTree(given.body()));
      }
    }
    return Answer.json(200, answer);
  }

  private Answer answerPart(Request part, Store.State beforeBatch) throws KintoError {
    try {
      return route(part);
    } catch (KintoError e) {
      if (e.isOfSigner()) {
        store.restore(beforeBatch);
        throw e;
      }
      return refusal(e);
    }
  }

  /** Adds what is not there, at every depth. */
  private static void complete(ObjectNode part, ObjectNode defaults) {
    for (Map.Entry<String, JsonNode> one : defaults.properties()) {
      JsonNode there = part.get(one.getKey());
      if (there == null) {
        part.set(one.getKey(), one.getValue().deepCopy());
      } else if (there instanceof ObjectNode inner && one.getValue() instanceof ObjectNode more) {
        complete(inner, more);
      }
    }
  }

  private Answer serverInfo(Request request) {
    ObjectNode info = Store.JSON.createObjectNode();
    info.put("project_name", "Remote Settings (embedded)")
        .put("project_version", "26.5.0")
        .put("http_api_version", "1.23")
        .put("project_docs", "https://kinto.readthedocs.io/")
        .put("url", base(request) + "/v1/")
        .putNull("config");
    info.putObject("settings")
        .put("explicit_permissions", true)
        .put("readonly", false)
        .put("batch_max_requests", dialect.batchMaxRequests());
    request.user().ifPresent(user -> info.set("user", user(user)));
    ObjectNode capabilities = info.putObject("capabilities");
    capabilities
        .putObject("accounts")
        .put("description", "Manage user accounts.")
        .put("url", "https://kinto.readthedocs.io/en/latest/api/1.x/accounts.html")
        .put("validation_enabled", false);
    capabilities
        .putObject("flush_endpoint")
        .put(
            "description",
            "The __flush__ endpoint can be used to remove all data from all backends.")
        .put("url", "https://kinto.readthedocs.io/en/latest/api/1.x/flush.html");
    ArrayNode announced =
        capabilities
            .putObject("changes")
            .put(
                "description",
                "Track modifications of records in Kinto and store the collection timestamps"
                    + " into a specific bucket and collection.")
            .put(
                "url",
                "http://kinto.readthedocs.io/en/latest/tutorials/synchronisation.html"
                    + "#polling-for-remote-changes")
            .put("version", "0.0.0")
            .putArray("collections");
    ANNOUNCED_BUCKETS.forEach(bucket -> announced.add("/buckets/" + bucket));
    capabilities.set("signer", signerCapability());
    return Answer.json(200, info);
  }

  private ObjectNode user(String name) {
    ObjectNode user = Store.JSON.createObjectNode().put("id", Access.account(name));
    access.principals(Optional.of(name)).forEach(user.putArray("principals")::add);
    return user;
  }

  private static ObjectNode signerCapability() {
    ObjectNode capability = Store.JSON.createObjectNode();
    capability
        .put("description", "Digital signatures for integrity and authenticity of records.")
        .put("url", "https://github.com/mozilla/remote-settings/tree/main/kinto-remote-settings")
        .put("version", "0.0.0");
    ArrayNode resources = capability.putArray("resources");
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      ObjectNode node = resources.addObject();
      place(node.putObject("source"), resource.source(), resource.collection());
      place(node.putObject("destination"), resource.destination(), resource.collection());
      if (resource.preview() != null) {
        place(node.putObject("preview"), resource.preview(), resource.collection());
      }
      if (!resource.reviewed()) {
        node.put("to_review_enabled", false);
      }
    }
    return capability
        .put("plugin_userid", "plugin:remote-settings")
        .put("group_check_enabled", true)
        .put("editors_group", "{collection_id}-editors")
        .put("reviewers_group", "{collection_id}-reviewers")
        .put("to_review_enabled", true);
  }

  private static void place(ObjectNode node, String bucket, String collection) {
    node.put("bucket", bucket).put("collection", collection);
  }

  // --- Buckets, collections, records --------------------------------------------------------

  /** The answer to who may not do it: anonymous might with credentials, others may not. */
  static KintoError refused(Request request) {
    return request.user().isPresent() ? KintoError.forbidden() : KintoError.unauthorized();
  }

  private Set<String> principals(Request request) {
    return access.principals(request.user());
  }

  private void checkReadable(Request request, Access.Target target) throws KintoError {
    if (!access.mayRead(principals(request), target)) {
      throw refused(request);
    }
  }

  /** Which of a list may be seen. */
  private Predicate<String> visible(Request request, Access.Target list) throws KintoError {
    return access.inList(principals(request), list, false).orElseThrow(() -> refused(request));
  }

  private static List<ObjectNode> some(List<ObjectNode> objects, Predicate<String> visible) {
    return objects.stream().filter(one -> visible.test(one.path("id").asString(""))).toList();
  }

  private Store.Snapshot readable(
      Request request, String bucket, String name, Supplier<KintoError> missing) throws KintoError {
    checkReadable(request, Access.Target.records(bucket, name, null));
    return altered(request, bucket, name, missing);
  }

  /** A collection as it is, or as a fault has it. */
  private Store.Snapshot altered(
      Request request, String bucket, String name, Supplier<KintoError> missing) throws KintoError {
    Store.Snapshot good = store.find(bucket, name).orElseThrow(missing);
    return faults.alter(good, request.path(), request.parameter("_expected"));
  }

  private KintoError missing(String bucket, String collection) {
    return store.entry("/buckets", bucket).isPresent()
        ? KintoError.missing("collection", collection)
        : KintoError.missing("bucket", bucket);
  }

  private Answer buckets(Request request) throws KintoError {
    Set<String> principals = principals(request);
    List<ObjectNode> visible =
        store.listing("/buckets").objects().stream()
            .filter(bucket -> access.mayReadBucket(principals, bucket.path("id").asString()))
            .toList();
    if (visible.isEmpty()) {
      throw refused(request);
    }
    return list(request, visible, List.of(), newest(visible), Set.of(), true);
  }

  private Answer collections(Request request, Access.Target list) throws KintoError {
    Predicate<String> visible = visible(request, list);
    List<ObjectNode> collections = new ArrayList<>();
    for (Store.Snapshot collection : store.list(list.bucket())) {
      if (visible.test(collection.name())) {
        collections.add(shown(collection.metadata()));
      }
    }
    List<ObjectNode> tombstones = some(store.listing(list.plural()).tombstones(), visible);
    return list(request, collections, tombstones, newest(collections), Set.of(), true);
  }

  private Answer groups(Request request, Access.Target list) throws KintoError {
    Predicate<String> visible = visible(request, list);
    Store.Listing groups = store.listing(list.plural());
    return list(
        request,
        some(groups.objects(), visible),
        some(groups.tombstones(), visible),
        groups.timestamp(),
        Set.of(),
        true);
  }

  /** A bucket or a group. */
  private Answer object(Request request, Access.Target target) throws KintoError {
    checkReadable(request, target);
    Store.Entry found =
        store
            .entry(target.plural(), target.id())
            .orElseThrow(() -> KintoError.missing(target.resource(), target.id()));
    return object(request, target, found.data());
  }

  private Answer collection(Request request, Access.Target target) throws KintoError {
    checkReadable(request, target);
    Store.Snapshot collection =
        altered(request, target.bucket(), target.id(), () -> missing(target.bucket(), target.id()));
    return object(request, target, shown(collection.metadata()));
  }

  private Answer records(Request request, Access.Target list) throws KintoError {
    if (isChanges(list.bucket(), list.collection())) {
      return changes(request);
    }
    Predicate<String> visible = visible(request, list);
    Store.Snapshot collection =
        altered(
            request,
            list.bucket(),
            list.collection(),
            () -> KintoError.missingParent(list.collection()));
    return list(
        request,
        some(collection.records(), visible),
        some(collection.tombstones(), visible),
        collection.timestamp(),
        Set.of(),
        true);
  }

  private Answer record(Request request, Access.Target target) throws KintoError {
    checkReadable(request, target);
    Store.Snapshot collection =
        altered(
            request,
            target.bucket(),
            target.collection(),
            () -> KintoError.missingParent(target.collection()));
    ObjectNode record =
        collection.records().stream()
            .filter(one -> one.path("id").asString("").equals(target.id()))
            .findFirst()
            .orElseThrow(() -> KintoError.missing("record", target.id()));
    return object(request, target, record);
  }

  /** Attributes as this kind of server shows them. */
  private ObjectNode shown(ObjectNode metadata) {
    return dialect.singleSignature() ? metadata.deepCopy().without("signatures") : metadata;
  }

  private Answer object(Request request, Access.Target target, ObjectNode data) throws KintoError {
    long modified = Store.lastModified(data);
    Optional<Answer> early = precondition(request, modified, data);
    if (early.isPresent()) {
      return early.get();
    }
    ObjectNode body = Store.JSON.createObjectNode();
    ObjectNode permissions = body.putObject("permissions");
    store
        .entry(target.plural(), target.id())
        .ifPresent(entry -> Writes.show(permissions, entry, principals(request)));
    body.set("data", data);
    return uncached(Answer.json(200, body).at(modified));
  }

  private Answer list(
      Request request,
      List<ObjectNode> records,
      List<ObjectNode> tombstones,
      long timestamp,
      Set<String> knownFields,
      boolean counts)
      throws KintoError {
    RecordQuery query = RecordQuery.parse(request.parameters(), knownFields, dialect.pageSize());
    Optional<Answer> early = precondition(request, timestamp, null);
    if (early.isPresent()) {
      return early.get();
    }
    RecordQuery.Page page = query.apply(records, tombstones);
    ObjectNode body = Store.JSON.createObjectNode();
    ArrayNode data = body.putArray("data");
    page.records().forEach(data::add);
    Answer answer = uncached(Answer.json(200, body).at(timestamp));
    page.nextToken().ifPresent(token -> answer.with("Next-Page", nextPage(request, token)));
    if (counts && request.method().equals("HEAD")) {
      answer.with("Total-Records", Integer.toString(page.total()));
      answer.with("Total-Objects", Integer.toString(page.total()));
    }
    return answer;
  }

  private static Answer uncached(Answer answer) {
    return answer.with("Cache-Control", "no-cache, no-store");
  }

  private String nextPage(Request request, String token) {
    String others =
        request.parameters().stream()
            .filter(parameter -> !parameter.name().equals("_token"))
            .map(parameter -> encode(parameter.name()) + "=" + encode(parameter.value()))
            .collect(Collectors.joining("&"));
    return base(request)
        + request.path()
        + "?"
        + (others.isEmpty() ? "" : others + "&")
        + "_token="
        + encode(token);
  }

  /** 304 for {@code If-None-Match}, 412 for {@code If-Match}, empty when there is more to do. */
  private static Optional<Answer> precondition(Request request, long timestamp, ObjectNode existing)
      throws KintoError {
    Optional<Long> noneMatch = etag(request, "If-None-Match");
    if (noneMatch.isPresent() && timestamp <= noneMatch.get()) {
      return Optional.of(Answer.empty(304).at(timestamp));
    }
    checkUnmodified(request, existing, timestamp);
    return Optional.empty();
  }

  /** 412 when {@code If-Match} names another timestamp. */
  static void checkUnmodified(Request request, ObjectNode existing, long timestamp)
      throws KintoError {
    Optional<Long> match = etag(request, "If-Match");
    if (match.isPresent() && timestamp != match.get()) {
      throw KintoError.modifiedMeanwhile(existing, timestamp);
    }
  }

  private static Optional<Long> etag(Request request, String header) throws KintoError {
    Optional<String> value = request.header(header);
    if (value.isEmpty() || value.get().equals("*")) {
      return Optional.empty();
    }
    if (!value.get().matches("\"[0-9]{1,18}\"")) {
      String allowed = "The value should be integer between double quotes.";
      throw KintoError.invalid("header", header, allowed);
    }
    return Optional.of(Long.parseLong(value.get().substring(1, value.get().length() - 1)));
  }

  // --- monitor/changes and changesets -------------------------------------------------------

  private static boolean isChanges(String bucket, String name) {
    return bucket.equals(MONITOR_BUCKET) && name.equals(CHANGES_COLLECTION);
  }

  /**
   * One entry per collection of the announced buckets, in no useful order: that is how the real one
   * has them in a changeset. Its timestamp is that of the records.
   */
  private synchronized List<ObjectNode> entries(Request request) {
    List<Fault.Kind> spoiled =
        faults.takeAll(Fault.Point.LIST, request.path(), MONITOR_BUCKET + "/" + CHANGES_COLLECTION);
    List<ObjectNode> entries = new ArrayList<>();
    if (spoiled.contains(Fault.Kind.EMPTY_LIST)) {
      return entries;
    }
    for (String bucket : ANNOUNCED_BUCKETS) {
      for (Store.Snapshot collection : store.list(bucket)) {
        List<Fault.Kind> kinds =
            faults.takeAll(Fault.Point.LIST, "", bucket + "/" + collection.name());
        if (kinds.contains(Fault.Kind.ENTRY_MISSING)) {
          continue;
        }
        boolean isLate = kinds.contains(Fault.Kind.ALTERED_ANNOUNCEMENT);
        long announced = isLate ? collection.timestamp() - 1000 : collection.timestamp();
        entries.add(entry(bucket, collection.name(), announced));
      }
    }
    if (spoiled.contains(Fault.Kind.ENTRY_DOTS)) {
      entries.add(entry("main", "..", clock.millis()));
    }
    if (spoiled.contains(Fault.Kind.ENTRY_SLASH)) {
      entries.add(entry("main/../x", "regions", clock.millis()));
    }
    if (spoiled.contains(Fault.Kind.ENTRY_GONE)) {
      entries.add(entry("main", "gone", clock.millis()));
    }
    entries.addAll(rawEntries);
    return entries;
  }

  private ObjectNode entry(String bucket, String name, long timestamp) {
    String uri = origin.getAuthority() + "/buckets/" + bucket + "/collections/" + name;
    return Store.JSON
        .createObjectNode()
        .put("id", md5(uri).toString())
        .put("last_modified", timestamp)
        .put("bucket", bucket)
        .put("collection", name)
        .put("host", origin.getAuthority());
  }

  private static UUID md5(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("MD5").digest(text.getBytes(StandardCharsets.UTF_8));
      long high = 0;
      long low = 0;
      for (int i = 0; i < 8; i++) {
        high = high << 8 | digest[i] & 0xff;
        low = low << 8 | digest[i + 8] & 0xff;
      }
      return new UUID(high, low);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private long newest(List<ObjectNode> entries) {
    return entries.stream().mapToLong(Store::lastModified).max().orElseGet(clock::millis);
  }

  private Answer changes(Request request) throws KintoError {
    Optional<Answer> elsewhere = oldSince(request).or(() -> nothingNewer(request));
    if (elsewhere.isPresent()) {
      return elsewhere.get();
    }
    List<ObjectNode> entries = entries(request);
    long newest = newest(entries);
    // A CDN does not cache a 304, so an unchanged list is an empty one.
    Optional<Long> seen = etag(request, "If-None-Match");
    if (seen.isPresent() && newest <= seen.get()) {
      ObjectNode body = Store.JSON.createObjectNode();
      body.putArray("data");
      return uncached(Answer.json(200, body).at(newest));
    }
    return list(request, entries, List.of(), newest, ENTRY_FIELDS, false);
  }

  private Answer changeset(Request request, String bucket, String name) throws KintoError {
    boolean isChanges = isChanges(bucket, name);
    Store.Snapshot collection =
        isChanges ? null : readable(request, bucket, name, KintoError::unknownPath);
    String expected =
        request
            .parameter("_expected")
            .orElseThrow(() -> KintoError.invalid("querystring", "_expected", "Required"));
    if (isChanges) {
      Optional<Answer> elsewhere =
          oldSince(request).or(() -> quoted(request, expected)).or(() -> nothingNewer(request));
      if (elsewhere.isPresent()) {
        return elsewhere.get();
      }
    }
    List<RecordQuery.Parameter> filters = changesetFilters(request, isChanges);

    ObjectNode body = Store.JSON.createObjectNode();
    ObjectNode metadata;
    long timestamp;
    long modified;
    List<ObjectNode> all;
    List<ObjectNode> tombstones = List.of();
    if (isChanges) {
      all = entries(request);
      metadata = Store.JSON.createObjectNode();
      timestamp = newest(all);
      modified = timestamp;
    } else {
      all = collection.records();
      tombstones = collection.tombstones();
      metadata = shown(collection.metadata()).deepCopy();
      timestamp = collection.timestamp();
      // Not the records': a refreshed signature has to get through caches that revalidate.
      modified = collection.modified();
    }
    metadata.put("bucket", bucket);
    body.set("metadata", metadata);
    body.put("timestamp", timestamp);
    ArrayNode changes = body.putArray("changes");
    boolean isPlain = filters.isEmpty();
    List<ObjectNode> selected =
        isPlain ? all : RecordQuery.parse(filters, Set.of(), 0).apply(all, tombstones).records();
    selected.forEach(changes::add);
    return Answer.json(200, body).lastModified(modified);
  }

  /** The parameters a changeset knows; all others are ignored. */
  private static List<RecordQuery.Parameter> changesetFilters(Request request, boolean isChanges)
      throws KintoError {
    List<RecordQuery.Parameter> filters = new ArrayList<>();
    for (RecordQuery.Parameter parameter : request.parameters()) {
      switch (parameter.name()) {
        case "_since" -> {
          if (!parameter.value().matches("\"[0-9]{1,18}\"")) {
            String allowed = "The value should be integer between double quotes.";
            throw KintoError.invalid("querystring", "_since", allowed);
          }
          filters.add(parameter);
        }
        case "_limit" -> {
          RecordQuery.number("_limit", parameter.value());
          filters.add(parameter);
        }
        case "bucket", "collection" -> {
          if (isChanges) {
            // Quoted, since a name of digits only is a text here.
            String text = Store.JSON.writeValueAsString(parameter.value());
            filters.add(new RecordQuery.Parameter(parameter.name(), text));
          }
        }
        default -> {}
      }
    }
    return filters;
  }

  private Optional<Answer> oldSince(Request request) {
    Optional<Long> since = unquoted(request, "_since");
    long oldest = clock.instant().minus(OLDEST_SINCE).toEpochMilli();
    if (since.isEmpty() || since.get() >= oldest) {
      return Optional.empty();
    }
    return Optional.of(redirectForADay(request, query(request, "_since", null)));
  }

  private Optional<Answer> quoted(Request request, String expected) {
    if (!expected.startsWith("\"")) {
      return Optional.empty();
    }
    String bare = expected.replace("\"", "");
    return Optional.of(redirectForADay(request, query(request, "_expected", bare)));
  }

  private Answer redirectForADay(Request request, String query) {
    String target = request.path() + query;
    return redirect(request, target, base(request) + target, Duration.ofDays(1));
  }

  /** Who has seen more than is expected has nothing to learn. */
  private static Optional<Answer> nothingNewer(Request request) {
    Optional<Long> expected = unquoted(request, "_expected");
    Optional<Long> since = unquoted(request, "_since");
    boolean isAhead =
        expected.isPresent()
            && since.isPresent()
            && 0 < expected.get()
            && expected.get() < since.get();
    return isAhead ? Optional.of(Answer.empty(204)) : Optional.empty();
  }

  private static Optional<Long> unquoted(Request request, String parameter) {
    return request
        .parameter(parameter)
        .map(value -> value.replaceAll("^\"+|\"+$", ""))
        .filter(value -> value.matches("[0-9]{1,18}"))
        .map(Long::parseLong);
  }

  /** The query string with one parameter replaced, or left out when the value is null. */
  private static String query(Request request, String name, String value) {
    String query =
        request.parameters().stream()
            .filter(parameter -> !parameter.name().equals(name) || value != null)
            .map(parameter ->
                encode(parameter.name())
                    + "="
                    + encode(parameter.name().equals(name) ? value : parameter.value()))
            .collect(Collectors.joining("&"));
    return query.isEmpty() ? "" : "?" + query;
  }

  // --- Redirects, addresses, dates ----------------------------------------------------------

  private Answer redirect(Request request, String path) {
    int query = request.target().indexOf('?');
    String rest = query < 0 ? "" : request.target().substring(query);
    return redirect(request, path + rest, path + rest, Duration.ofHours(1));
  }

  /** To a place of this server; the page names it as the real one's does, whole or not. */
  private Answer redirect(Request request, String target, String named, Duration maxAge) {
    String location = base(request) + target;
    String page =
        """
        <html>
         <head>
          <title>307 Temporary Redirect</title>
         </head>
         <body>
          <h1>307 Temporary Redirect</h1>
          The resource has been moved to %s; you should be redirected automatically.


         </body>
        </html>\
        """
            .formatted(named.replace("&", "&amp;").replace("<", "&lt;"));
    return Answer.of(307, "text/html; charset=UTF-8", page)
        .with("Location", location)
        .with("Cache-Control", "max-age=" + maxAge.toSeconds())
        .with("Expires", httpDate(clock.instant().plus(maxAge)));
  }

  /**
   * Scheme and authority under which the client came: a page's link must not lead it from {@code
   * localhost} to {@code 127.0.0.1}, which is another origin.
   */
  static String base(Request request, URI origin) {
    return origin.getScheme() + "://" + request.header("host").orElse(origin.getAuthority());
  }

  private String base(Request request) {
    return base(request, origin);
  }

  /**
   * A part of a batch as a request of its own: what it does not say is that of the whole. Its body
   * is an object, and sent as plain JSON whatever its headers say.
   */
  private static Request part(Request whole, ObjectNode part, String name) throws KintoError {
    String target = part.path("path").asString("");
    if (!target.startsWith("/")) {
      String text = "String does not match expected pattern";
      throw KintoError.invalid("body", name + ".path", text);
    }
    if (!StandardCharsets.US_ASCII.newEncoder().canEncode(target)) {
      throw KintoError.crash();
    }
    boolean hasBody = part.has("body");
    byte[] body =
        hasBody
            ? Store.JSON.writeValueAsBytes(Writes.object(part.get("body"), name + ".body"))
            : new byte[0];
    target = target.startsWith("/v1/") ? target : "/v1" + target;
    int query = target.indexOf('?');
    Map<String, String> headers = new LinkedHashMap<>(whole.headers());
    headers.keySet().removeAll(List.of("if-match", "if-none-match", "content-length"));
    part.path("headers")
        .properties()
        .forEach(header ->
            headers.put(header.getKey().toLowerCase(Locale.ROOT), header.getValue().asString()));
    if (hasBody) {
      headers.put("content-type", "application/json; charset=utf-8");
    }
    return new Request(
        part.path("method").asString("GET"),
        target,
        query < 0 ? target : target.substring(0, query),
        parseQuery(query < 0 ? null : target.substring(query + 1)),
        headers,
        body,
        whole.user());
  }

  static List<RecordQuery.Parameter> parseQuery(String query) {
    List<RecordQuery.Parameter> parameters = new ArrayList<>();
    if (query == null || query.isEmpty()) {
      return parameters;
    }
    for (String pair : query.split("&")) {
      int equals = pair.indexOf('=');
      String name = equals < 0 ? pair : pair.substring(0, equals);
      String value = equals < 0 ? "" : pair.substring(equals + 1);
      if (!name.isEmpty()) {
        parameters.add(new RecordQuery.Parameter(decode(name), decode(value)));
      }
    }
    return parameters;
  }

  /** The decoded segments of a path; an encoded slash stays within its segment. */
  static List<String> segments(String path) {
    return Arrays.stream(path.split("/"))
        .filter(segment -> !segment.isEmpty())
        .map(segment -> decode(segment.replace("+", "%2B")))
        .toList();
  }

  private static String decode(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return text;
    }
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  static String httpDate(Instant instant) {
    return DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT)
        .withZone(ZoneOffset.UTC)
        .format(instant);
  }
}
