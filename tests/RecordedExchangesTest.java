//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoClient.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The embedded server answers as real ones were recorded to answer: a server of today ({@code
 * vectors/kinto-26}), whose content changes from request to request, and that server beside the
 * reader of the same content ({@code vectors/v2-2026}).
 *
 * <p>What a server chooses (times, ids, signatures, tokens) differs; it must differ consistently: a
 * timestamp of the recording stands for one of ours, wherever it turns up.
 */
class RecordedExchangesTest {

  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  /**
   * What differs, and why, by exchange and place in the answer; a place that agrees after all has
   * to be taken out again.
   */
  private static final Map<String, String> ON_PURPOSE =
      Map.of(
          "0 project_name", "the embedded server says what it is",
          "1 project_name", "the embedded server says what it is",
          "2 attachments", "the recorded server had no attachments",
          "0 capabilities.attachments", "the recorded server had no attachments",
          "1 capabilities.attachments", "the recorded server had no attachments",
          "1 user.principals", "the recorded server had other collections, with their groups");

  private static final Map<String, String> ON_PURPOSE_BESIDE_THE_READER =
      Map.ofEntries(
          Map.entry("0 project_name", "the embedded server says what it is"),
          Map.entry("76 project_name", "the embedded server says what it is"),
          Map.entry("0 config", "it has no configuration file"),
          Map.entry("76 config", "it has no configuration file"),
          Map.entry("0 capabilities.history.excluded_resources", "kinto-26 excludes some"),
          Map.entry("76 capabilities.history.excluded_resources", "kinto-26 excludes some"),
          Map.entry("0 capabilities.schema", "it does not validate records"),
          Map.entry("76 capabilities.schema", "it does not validate records"),
          Map.entry("0 capabilities.permissions_endpoint", "no command reads permissions"),
          Map.entry("76 capabilities.permissions_endpoint", "no command reads permissions"),
          Map.entry("0 capabilities.changes.collections", "kinto-26 has another order"),
          Map.entry("76 capabilities.changes.collections", "kinto-26 has another order"),
          Map.entry("0 capabilities.signer.resources", "it has a resource without preview, too"),
          Map.entry("76 capabilities.signer.resources", "it has a resource without preview, too"),
          Map.entry("76 user.principals", "the recorded server had more groups"),
          Map.entry("1 git.common.id", "it has no git repository"),
          Map.entry("77 git.common.id", "it has no git repository"),
          Map.entry("87 git.common.id", "it has no git repository"),
          Map.entry("72", "the recording does not show the body that was sent"),
          Map.entry("82", "the recorded server lacked the file, the embedded one the path"),
          Map.entry("86", "the root of the port belongs to /v1"),
          Map.entry("87 capabilities.attachments.base_url", "the files are outside of /v2"));

  /** The headers that {@code vectors/v2-2026} has. */
  private static final List<String> HEADERS_BESIDE_THE_READER =
      List.of(
          "allow",
          "cache-control",
          "content-type",
          "etag",
          "last-modified",
          "location",
          "total-objects",
          "total-records");

  private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final Pattern TIMESTAMP = Pattern.compile("17954920\\d{5}");

  private static List<JsonNode> recorded(String folder, int count) throws IOException {
    Path file = Project.root().resolve("tests/vectors/" + folder + "/exchanges.jsonl");
    List<JsonNode> exchanges = Files.readAllLines(file).stream().map(Store.JSON::readTree).toList();
    assertEquals(count, exchanges.size());
    return exchanges;
  }

  @Test
  void every_recorded_request_is_answered_alike() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      // announced by the recorded server too: exchange 68 shows them
      for (String collection : List.of("auto", "empty")) {
        server.create("main", collection);
        server.timestamp("main", collection); // looked at, it has one
      }
      new Replay(server, KintoClient.HEADERS, ON_PURPOSE).all(recorded("kinto-26", 85));
    }
  }

  @Test
  void the_writer_and_the_reader_of_the_same_content_answer_alike() throws Exception {
    List<JsonNode> exchanges = recorded("v2-2026", 89);
    Instant exported = Instant.parse("2026-11-29T13:34:48Z");
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder().clock(Clock.fixed(exported, ZoneOffset.UTC)).start()) {
      fill(server.store(), exchanges);
      server.exportedAt(exported);
      new Replay(server, HEADERS_BESIDE_THE_READER, ON_PURPOSE_BESIDE_THE_READER).all(exchanges);
    }
  }

  /** Stores what the recorded answers of {@code /v1} show, with all its timestamps. */
  private static void fill(Store store, List<JsonNode> exchanges) {
    for (JsonNode entry : body(exchanges, 4).path("changes")) {
      String bucket = entry.path("bucket").asString();
      String collection = entry.path("collection").asString();
      store.create(bucket, collection, true);
      store.touch(bucket, collection, Store.lastModified((ObjectNode) entry));
    }
    for (int changeset : List.of(36, 46, 48, 50)) {
      JsonNode metadata = body(exchanges, changeset).path("metadata");
      String bucket = metadata.path("bucket").asString();
      edit(store, bucket, metadata);
      for (JsonNode change : body(exchanges, changeset).path("changes")) {
        if (change.path("deleted").asBoolean(false)) {
          long deleted = Store.lastModified((ObjectNode) change);
          store.putTombstone(bucket, Store.id(metadata), Store.id(change), deleted);
        } else {
          store.put(bucket, Store.id(metadata), (ObjectNode) change);
        }
      }
    }
    body(exchanges, 68).path("data").forEach(metadata -> edit(store, "main", metadata));
  }

  private static JsonNode body(List<JsonNode> exchanges, int number) {
    return exchanges.get(number).path("response").path("body");
  }

  private static void edit(Store store, String bucket, JsonNode metadata) {
    ObjectNode attributes = ((ObjectNode) metadata).deepCopy().without("bucket");
    long modified = Store.lastModified(attributes);
    store.edit(bucket, Store.id(metadata), modified, present -> present.setAll(attributes));
  }

  /** Both sides, and what of the one stands for what of the other. */
  private static final class Replay {
    private final RemoteSettingsServer server;
    private final List<String> headers;
    private final Map<String, String> onPurpose;
    private final String authority;
    private final Map<String, String> ours = new HashMap<>();
    private final Map<String, String> theirs = new HashMap<>();
    private final List<String> differences = new ArrayList<>();
    private final Set<String> differedOnPurpose = new TreeSet<>();
    private String nextPage = "";
    private int number;

    /**
     * @param headers that are compared
     * @param onPurpose what may differ, and why
     */
    Replay(RemoteSettingsServer server, List<String> headers, Map<String, String> onPurpose) {
      this.server = server;
      this.headers = headers;
      this.onPurpose = onPurpose;
      this.authority = server.url().getAuthority();
    }

    /** Asks all requests in their order; fails if an answer differs otherwise than on purpose. */
    void all(List<JsonNode> exchanges) throws IOException, InterruptedException {
      for (JsonNode exchange : exchanges) {
        exchange(exchange);
      }
      assertEquals("", String.join("\n", differences));
      assertEquals(new TreeSet<>(onPurpose.keySet()), differedOnPurpose);
    }

    private void exchange(JsonNode exchange) throws IOException, InterruptedException {
      number = exchange.path("n").asInt();
      JsonNode recorded = exchange.path("response");
      URI base =
          exchange.path("server").asString("").startsWith("v2") ? server.readerUrl() : server.url();
      HttpResponse<String> answer = ask(base, exchange.path("request"));
      compare("status", recorded.path("status").asString(), "" + answer.statusCode());
      headers(recorded.path("headers"), answer);
      nextPage = answer.headers().firstValue("Next-Page").orElse("");
      JsonNode body = recorded.path("body");
      boolean isJson =
          answer.headers().firstValue("Content-Type").orElse("").startsWith("application/json");
      if (body.isString() || body.isNull()) {
        compare("body", body.asString(""), answer.body());
      } else if (isJson) {
        compare("", body, Store.JSON.readTree(answer.body()));
      } else {
        compare("body", body.toString(), answer.body());
      }
    }

    private HttpResponse<String> ask(URI base, JsonNode request)
        throws IOException, InterruptedException {
      String path = request.path("path").asString();
      // the token is the recorded server's own: follow the link that ours gave
      URI url = URI.create(path.contains("_token=") ? nextPage : base + path);
      HttpRequest.Builder builder = HttpRequest.newBuilder(url).timeout(Duration.ofSeconds(30));
      JsonNode body = request.path("body");
      boolean hasBody = !body.isMissingNode() && !body.isNull();
      builder.method(
          request.path("method").asString(),
          hasBody
              ? HttpRequest.BodyPublishers.ofString(body.toString())
              : HttpRequest.BodyPublishers.noBody());
      if (hasBody) {
        builder.header("Content-Type", "application/json");
      }
      if (request.path("user").isString()) {
        String user = request.path("user").asString();
        byte[] pair = (user + ":" + user).getBytes(StandardCharsets.UTF_8);
        builder.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair));
      }
      request
          .path("headers")
          .properties()
          .forEach(
              header -> builder.header(header.getKey(), translated(header.getValue().asString())));
      return CLIENT.send(builder.build(), HttpResponse.BodyHandlers.ofString());
    }

    /** A timestamp of the recording in a request, as ours. */
    private String translated(String value) {
      return TIMESTAMP
          .matcher(value)
          .replaceAll(found -> ours.getOrDefault(found.group(), found.group()));
    }

    private void headers(JsonNode recorded, HttpResponse<String> answer) {
      Map<String, String> expected = new TreeMap<>();
      recorded
          .properties()
          .forEach(
              header -> expected.put(header.getKey().toLowerCase(), header.getValue().asString()));
      for (String name : headers) {
        String there = expected.get(name);
        String here = answer.headers().firstValue(name).orElse(null);
        if (there == null || here == null) {
          compare(name, String.valueOf(there), String.valueOf(here));
        } else {
          switch (name) {
            case "etag" -> same(name, there.replace("\"", ""), here.replace("\"", ""));
            case "expires", "last-modified" -> compare(name, date(there), date(here));
            case "next-page" -> compare(name, withoutToken(there), withoutToken(here));
            default -> compare(name, there, here);
          }
        }
      }
    }

    /** Its form; which one it is, the ETag tells. */
    private static String date(String header) {
      return header.replaceAll("^\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT$", "a date");
    }

    private static String withoutToken(String link) {
      return link.replaceAll("_token=[\\w%-]+", "_token=…");
    }

    private void compare(String where, JsonNode recorded, JsonNode actual) {
      if (recorded instanceof ObjectNode object && actual.isObject()) {
        Set<String> names = new TreeSet<>(object.propertyNames());
        names.addAll(actual.propertyNames());
        for (String name : names) {
          compare(
              where.isEmpty() ? name : where + "." + name, object.path(name), actual.path(name));
        }
      } else if (where.endsWith("permissions.write")) {
        compare(where, texts(recorded).toString(), texts(actual).toString());
      } else if (recorded.isArray() && actual.isArray() && recorded.size() == actual.size()) {
        List<JsonNode> there = inOrder(recorded);
        List<JsonNode> here = inOrder(actual);
        for (int i = 0; i < there.size(); i++) {
          compare(where + "." + i, there.get(i), here.get(i));
        }
      } else {
        leaf(where, recorded, actual);
      }
    }

    /** The order of the entries of monitor/changes means nothing; that of all else does. */
    private static List<JsonNode> inOrder(JsonNode list) {
      List<JsonNode> sorted = new ArrayList<>();
      list.forEach(sorted::add);
      sorted.sort(
          Comparator.comparing(
              one -> one.path("bucket").asString("") + "/" + one.path("collection").asString("")));
      return sorted;
    }

    private static Set<String> texts(JsonNode list) {
      Set<String> texts = new TreeSet<>();
      list.forEach(text -> texts.add(text.asString()));
      return texts;
    }

    private void leaf(String where, JsonNode recorded, JsonNode actual) {
      String there = recorded.isString() ? recorded.asString() : recorded.toString();
      String here = actual.isString() ? actual.asString() : actual.toString();
      switch (where.substring(where.lastIndexOf('.') + 1)) {
        case "last_modified",
            "timestamp",
            "ETag",
            "last_edit_date",
            "last_review_date",
            "last_review_request_date",
            "last_signature_date" ->
            same(where, there.replace("\"", ""), here.replace("\"", ""));
        case "id" -> {
          if (UUID.matcher(there).matches()) {
            same(where, there, here);
          } else {
            compare(where, there, here);
          }
        }
        case "signature", "ref", "x5u" -> compare(where, form(there), form(here));
        case "Last-Modified" -> compare(where, date(there), date(here));
        // headers of a batch's parts that only a browser reads, and a length in other digits
        case "Content-Length",
            "Access-Control-Expose-Headers",
            "X-Content-Type-Options",
            "Content-Security-Policy" -> {}
        default -> compare(where, there, here);
      }
    }

    private static String form(String text) {
      return text.replaceAll("^[\\w-]{128}$", "a signature")
          .replaceAll("^[a-z0-9]{26}$", "a reference")
          .replaceAll("^http://127\\.0\\.0\\.1:\\d+/\\S+\\.chain$", "a chain");
    }

    private void compare(String where, String recorded, String actual) {
      String there = recorded.replaceAll("127\\.0\\.0\\.1:88\\d\\d", authority);
      if (!there.equals(actual)) {
        differ(where, "recorded " + there, "embedded " + actual);
      }
    }

    /** One of theirs stands for one of ours, always. */
    private void same(String where, String recorded, String actual) {
      String before = ours.putIfAbsent(recorded, actual);
      String back = theirs.putIfAbsent(actual, recorded);
      if ((before != null && !before.equals(actual)) || (back != null && !back.equals(recorded))) {
        differ(
            where,
            "recorded " + recorded + ", elsewhere " + back,
            "embedded " + actual + ", elsewhere " + before);
      }
    }

    /** A difference, on purpose if its place, what contains it, or the exchange is listed. */
    private void differ(String where, String recorded, String actual) {
      String place = number + " " + where;
      while (!onPurpose.containsKey(place) && place.matches(".*[. ].*")) {
        place = place.replaceFirst("[. ][^. ]*$", "");
      }
      if (onPurpose.containsKey(place)) {
        differedOnPurpose.add(place);
      } else {
        differences.add("%d %s\n  %s\n  %s".formatted(number, where, recorded, actual));
      }
    }
  }
}
