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
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
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
 * The embedded server lives through what a real one was recorded to live through ({@code
 * vectors/kinto-26}): the same requests in the same order, and the same answers.
 *
 * <p>What a server chooses (times, ids, signatures, tokens) differs; it must differ consistently: a
 * timestamp of the recording stands for one of ours, wherever it turns up.
 */
class RecordedExchangesTest {

  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static final int EXCHANGES = 85;

  /** What is not compared, and why; a place that agrees after all has to be taken out again. */
  private static final Map<String, String> ON_PURPOSE =
      Map.of(
          "0 project_name", "the embedded server says what it is",
          "1 project_name", "the embedded server says what it is",
          "0 capabilities.history", "it keeps no history: no command reads one",
          "1 capabilities.history", "it keeps no history: no command reads one",
          "0 capabilities.attachments", "the recorded server had no attachments",
          "1 capabilities.attachments", "the recorded server had no attachments",
          "1 user.principals", "the recorded server had other collections, with their groups");

  private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
  private static final Pattern TIMESTAMP = Pattern.compile("17954920\\d{5}");

  @Test
  void every_recorded_request_is_answered_alike() throws Exception {
    List<String> lines =
        Files.readAllLines(Project.root().resolve("tests/vectors/kinto-26/exchanges.jsonl"));
    assertEquals(EXCHANGES, lines.size());
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      // announced by the recorded server too: exchange 68 shows them
      for (String collection : List.of("auto", "empty")) {
        server.create("main", collection);
        server.timestamp("main", collection); // looked at, it has one
      }
      Replay replay = new Replay(server);
      for (String line : lines) {
        replay.exchange(Store.JSON.readTree(line));
      }
      assertEquals("", String.join("\n", replay.differences));
      assertEquals(new TreeSet<>(ON_PURPOSE.keySet()), replay.differedOnPurpose);
    }
  }

  /** Both sides, and what of the one stands for what of the other. */
  private static final class Replay {
    private final RemoteSettingsServer server;
    private final String authority;
    private final Map<String, String> ours = new HashMap<>();
    private final Map<String, String> theirs = new HashMap<>();
    private final List<String> differences = new ArrayList<>();
    private final Set<String> differedOnPurpose = new TreeSet<>();
    private String nextPage = "";
    private int number;

    Replay(RemoteSettingsServer server) {
      this.server = server;
      this.authority = server.url().getAuthority();
    }

    void exchange(JsonNode exchange) throws IOException, InterruptedException {
      number = exchange.path("n").asInt();
      JsonNode recorded = exchange.path("response");
      HttpResponse<String> answer = ask(exchange.path("request"));
      compare("status", recorded.path("status").asString(), "" + answer.statusCode());
      headers(recorded.path("headers"), answer);
      nextPage = answer.headers().firstValue("Next-Page").orElse("");
      JsonNode body = recorded.path("body");
      boolean isJson =
          answer.headers().firstValue("Content-Type").orElse("").startsWith("application/json");
      if (body.isString()) {
        compare("body", body.asString(), answer.body());
      } else if (isJson) {
        compare("", body, Store.JSON.readTree(answer.body()));
      } else {
        compare("body", body.toString(), answer.body());
      }
    }

    private HttpResponse<String> ask(JsonNode request) throws IOException, InterruptedException {
      String path = request.path("path").asString();
      // the token is the recorded server's own: follow the link that ours gave
      URI url = URI.create(path.contains("_token=") ? nextPage : server.url() + path);
      HttpRequest.Builder builder = HttpRequest.newBuilder(url).timeout(Duration.ofSeconds(30));
      JsonNode body = request.path("body");
      builder.method(
          request.path("method").asString(),
          body.isNull()
              ? HttpRequest.BodyPublishers.noBody()
              : HttpRequest.BodyPublishers.ofString(body.toString()));
      if (!body.isNull()) {
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
      for (String name : KintoClient.HEADERS) {
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
      String key = number + " " + where;
      if (ON_PURPOSE.containsKey(key)) {
        if (!recorded.equals(actual)) {
          differedOnPurpose.add(key);
        }
      } else if (recorded instanceof ObjectNode object && actual.isObject()) {
        Set<String> names = new TreeSet<>(object.propertyNames());
        names.addAll(actual.propertyNames());
        for (String name : names) {
          compare(
              where.isEmpty() ? name : where + "." + name, object.path(name), actual.path(name));
        }
      } else if (where.endsWith("permissions.write")) {
        compare(where, texts(recorded).toString(), texts(actual).toString());
      } else if (recorded.isArray() && actual.isArray() && recorded.size() == actual.size()) {
        for (int i = 0; i < recorded.size(); i++) {
          compare(where + "." + i, recorded.get(i), actual.get(i));
        }
      } else {
        leaf(where, recorded, actual);
      }
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
      String there = recorded.replace("127.0.0.1:8888", authority);
      if (!there.equals(actual)) {
        differences.add(
            "%d %s\n  recorded %s\n  embedded %s".formatted(number, where, there, actual));
      }
    }

    /** One of theirs stands for one of ours, always. */
    private void same(String where, String recorded, String actual) {
      String before = ours.putIfAbsent(recorded, actual);
      String back = theirs.putIfAbsent(actual, recorded);
      if ((before != null && !before.equals(actual)) || (back != null && !back.equals(recorded))) {
        differences.add(
            "%d %s\n  recorded %s, elsewhere %s\n  embedded %s, elsewhere %s"
                .formatted(number, where, recorded, back, actual, before));
      }
    }
  }
}
