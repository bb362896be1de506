//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ChangesPlugin.java KintoRequest.java KintoResponse.java Reads.java Store.java

import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The reader of 2026, served as {@code /v2}: what clients may read of the same content, as if it
 * had been exported to a git repository. It has changesets, the server info and heartbeats, and
 * answers 404 to everything else. The answers are those of {@code vectors/v2-2026}.
 *
 * <p>The export is imagined: content is always that of now, and the only older state of a
 * collection that the reader knows is its present one.
 */
final class Reader {

  static final String ROOT = "/v2";

  /** For what changes often: previews, and what is asked past the caches. */
  private static final String SHORT = "max-age=60";

  private static final String LONG = "max-age=3600";

  private final Store store;
  private final Reads reads;
  private final ChangesPlugin changes;
  private final Clock clock;
  private final ObjectNode attachments;

  /** When the last export was, if it is not now. */
  private volatile Instant exported;

  /**
   * @param attachments the capability
   */
  Reader(Store store, Reads reads, ChangesPlugin changes, Clock clock, ObjectNode attachments) {
    this.store = store;
    this.reads = reads;
    this.changes = changes;
    this.clock = clock;
    this.attachments = attachments;
  }

  static boolean serves(KintoRequest request) {
    return request.path().equals(ROOT) || request.path().startsWith(ROOT + "/");
  }

  void exportedAt(Instant moment) {
    exported = moment;
  }

  KintoResponse answer(KintoRequest request) {
    KintoResponse answer = route(request);
    return answer.headers().containsKey("Cache-Control")
        ? answer
        : answer.with("Cache-Control", LONG);
  }

  private KintoResponse route(KintoRequest request) {
    if (request.path().equals(ROOT)) {
      return isGet(request) ? redirect(ROOT + "/") : methodNotAllowed();
    }
    List<String> segments = request.segments();
    List<String> below = segments.subList(1, segments.size());
    boolean isChangeset = ChangesPlugin.isChangeset(below);
    String path = isChangeset ? "changeset" : String.join("/", below);
    return switch (path) {
      case "", "changeset", "__heartbeat__", "__lbheartbeat__", "__version__", "__broadcasts__" ->
          !isGet(request)
              ? methodNotAllowed()
              : isChangeset ? changeset(request, below.get(1), below.get(3)) : own(request, path);
      default -> detail(404, "Not Found");
    };
  }

  private static boolean isGet(KintoRequest request) {
    return request.method().equals("GET");
  }

  // --- About the reader itself ---------------------------------------------------------------

  private KintoResponse own(KintoRequest request, String path) {
    ObjectNode body = Store.object();
    switch (path) {
      case "__heartbeat__" -> {
        body.put("status", "ok").putObject("checks").put("git_repo_health", "ok");
        body.putObject("details");
      }
      case "__lbheartbeat__" -> body.put("status", "ok");
      case "__version__" ->
          body.put("commit", "HEAD")
              .put("version", "v0.0.0")
              .putNull("image_tag")
              .put("source", "https://github.com/mozilla/remote-settings")
              .putNull("build");
      case "__broadcasts__" -> {
        return KintoResponse.json(200, changes.broadcasts(request)).with("Cache-Control", SHORT);
      }
      default -> describe(body);
    }
    return KintoResponse.json(200, body);
  }

  private void describe(ObjectNode info) {
    long seconds = (exported == null ? clock.instant() : exported).getEpochSecond();
    LocalDateTime date = LocalDateTime.ofEpochSecond(seconds, 0, ZoneOffset.UTC);
    info.put("project_version", "0.0.1")
        .putObject("git")
        .putObject("common")
        .put("id", "%040x".formatted(seconds))
        .put("timestamp", seconds)
        .put("datetime", DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss").format(date));
    info.putObject("capabilities").set("attachments", attachments);
  }

  // --- Changesets ----------------------------------------------------------------------------

  private KintoResponse changeset(KintoRequest request, String bucket, String name) {
    ArrayNode wrong = Store.JSON.createArrayNode();
    if (request.parameter("_expected").isEmpty()) {
      wrong.add(wrong("missing", "_expected", "Field required").putNull("input"));
    }
    Optional<BigInteger> expected = number(request, "_expected", wrong);
    Optional<BigInteger> since = number(request, "_since", wrong);
    if (!wrong.isEmpty()) {
      return detail(422, wrong);
    }
    if (expected.get().signum() > 0
        && since.isPresent()
        && expected.get().compareTo(since.get()) < 0) {
      return detail(400, "_expected must be superior to _since if both are provided");
    }
    return ChangesPlugin.isChanges(bucket, name)
        ? changesetOfList(request, expected.get(), since)
        : changesetOf(request, bucket, name, since);
  }

  /** An integer parameter; what is wrong with it is added to the list. */
  private static Optional<BigInteger> number(KintoRequest request, String name, ArrayNode wrong) {
    Optional<String> value = request.parameter(name);
    if (value.isEmpty() || value.get().matches("\\d+")) {
      return value.map(BigInteger::new);
    }
    String input = value.get();
    String hint = "Input should be a valid integer, unable to parse string as an integer";
    wrong.add(
        input.matches("-\\d+")
            ? wrong("greater_than_equal", name, "Input should be greater than or equal to 0")
                .put("input", input)
                .<ObjectNode>set("ctx", Store.object().put("ge", 0))
            : wrong("int_parsing", name, hint).put("input", input));
    return Optional.empty();
  }

  private static ObjectNode wrong(String type, String parameter, String message) {
    ObjectNode wrong = Store.object().put("type", type);
    wrong.putArray("loc").add("query").add(parameter);
    return wrong.put("msg", message);
  }

  private KintoResponse changesetOfList(
      KintoRequest request, BigInteger expected, Optional<BigInteger> since) {
    Store.Listing list = changes.listing(request);
    Stream<ObjectNode> entries =
        list.objects().stream()
            .filter(entry -> since.isEmpty() || isNewer(entry, since.get()))
            .filter(entry -> agrees(request, entry, "bucket"))
            .filter(entry -> agrees(request, entry, "collection"));
    boolean isPastCaches = expected.signum() == 0 || expected.toString().startsWith("9999");
    ObjectNode metadata = Store.object().put("bucket", "monitor");
    return changeset(list.timestamp(), metadata, entries)
        .with("Cache-Control", isPastCaches ? SHORT : LONG);
  }

  private static boolean isNewer(ObjectNode entry, BigInteger since) {
    return BigInteger.valueOf(Store.lastModified(entry)).compareTo(since) > 0;
  }

  private static boolean agrees(KintoRequest request, ObjectNode entry, String field) {
    Optional<String> wanted = request.parameter(field);
    return wanted.isEmpty() || wanted.get().equals(entry.path(field).asString(""));
  }

  private KintoResponse changesetOf(
      KintoRequest request, String bucket, String name, Optional<BigInteger> since) {
    Optional<Store.Snapshot> published =
        ChangesPlugin.BUCKETS.contains(bucket) ? store.find(bucket, name) : Optional.empty();
    if (published.isEmpty()) {
      return detail(404, bucket + "/" + name + " not found");
    }
    Store.Snapshot collection = reads.altered(request, published.get());
    if (since.isPresent() && !since.get().equals(BigInteger.valueOf(collection.timestamp()))) {
      return redirect(request.base() + request.path() + request.queryWith("_since", null));
    }
    boolean isPreview = (bucket + "/" + name).contains("-preview");
    return changeset(
            collection.timestamp(),
            reads.shown(collection.metadata()).deepCopy().put("bucket", bucket),
            since.isPresent()
                ? Stream.of()
                : collection.records().stream().limit(changes.mostRecords()))
        .with("Cache-Control", isPreview ? SHORT : LONG);
  }

  private static KintoResponse changeset(
      long timestamp, ObjectNode metadata, Stream<ObjectNode> changes) {
    ObjectNode body = Store.object().put("timestamp", timestamp);
    body.set("metadata", metadata);
    body.putArray("changes").addAll(changes.toList());
    return KintoResponse.json(200, body);
  }

  // --- Answers without content ---------------------------------------------------------------

  private static KintoResponse methodNotAllowed() {
    return detail(405, "Method Not Allowed").with("Allow", "GET");
  }

  private static KintoResponse detail(int status, String detail) {
    return detail(status, Store.JSON.stringNode(detail));
  }

  /** A refusal in the words of the reader's framework. */
  private static KintoResponse detail(int status, JsonNode detail) {
    return KintoResponse.json(status, Store.object().set("detail", detail));
  }

  private static KintoResponse redirect(String location) {
    return KintoResponse.empty(307).with("Location", location);
  }
}
