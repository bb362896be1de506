//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES RealKinto.java
//SOURCES ../server/KintoRequest.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * Python's kinto-http, unmodified, cannot tell the embedded server from a real Kinto: {@code
 * kinto_http_calls.py} makes its ordinary calls on both, and the same comes of each.
 *
 * <p>Left out: history, attachments and the endpoint of permissions, which are plug-ins.
 */
class KintoHttpTest {

  /** What differs for a reason; whatever it matches is masked on both sides. */
  private static final Map<String, String> MASKED =
      Map.of(
          "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID",
          "\\d{4}-\\d\\d-\\d\\dT[\\d:.]{15}\\+00:00", "DATE",
          // the words of Python's libraries
          "(JSON Patch operation failed): .*", "$1",
          "\".*\" (is not a mapping type)", "$1",
          // newer words in the embedded one
          ".*field contains float value.*", "fraction");

  private static JsonNode calls(URI server) {
    Project.Outcome outcome =
        Project.run(Peers.KINTO.path(), Project.root().resolve("tests/kinto_http_calls.py"), server)
            .go();
    assertEquals(0, outcome.exit(), outcome::stderr);
    return Store.JSON.readTree(outcome.stdout());
  }

  @Test
  void its_calls_come_to_the_same_as_with_a_real_kinto() throws Exception {
    JsonNode theirs;
    try (RealKinto kinto = RealKinto.start()) {
      theirs = calls(kinto.url());
    }
    JsonNode ours;
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      ours = calls(server.url());
    }
    List<String> wrong = new ArrayList<>();
    TreeSet<String> names = new TreeSet<>(theirs.propertyNames());
    names.addAll(ours.propertyNames());
    for (String name : names) {
      Map<String, String> real = leaves(theirs.path(name));
      Map<String, String> embedded = leaves(ours.path(name));
      TreeSet<String> places = new TreeSet<>(real.keySet());
      places.addAll(embedded.keySet());
      for (String place : places) {
        String expected = real.getOrDefault(place, "(none)");
        String actual = embedded.getOrDefault(place, "(none)");
        if (!expected.equals(actual)) {
          wrong.add(name + ": " + place + ": real " + expected + ", embedded " + actual);
        }
      }
    }
    assertEquals("", String.join("\n", wrong));
  }

  @Test
  void it_splits_a_batch_by_what_the_server_says_it_takes() throws Exception {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      int most = calls(server.url()).path("server: limits").path("batch_max_requests").asInt();
      List<Integer> sizes = new ArrayList<>();
      for (KintoRequest request : server.requests("/v1/batch")) {
        JsonNode parts = Store.JSON.readTree(request.body()).path("requests");
        if (parts.path(0).path("path").asString("").endsWith("/many-0") || !sizes.isEmpty()) {
          sizes.add(parts.size());
        }
      }
      assertEquals(List.of(most, most, 1), sizes.subList(0, 3));
    }
  }

  /** Every value by its place, masked. */
  private static Map<String, String> leaves(JsonNode node) {
    Map<String, String> leaves = new TreeMap<>();
    walk("", node, leaves);
    return leaves;
  }

  private static void walk(String place, JsonNode node, Map<String, String> leaves) {
    boolean isSet = place.contains("permissions.") && node.isArray();
    if (isSet) {
      TreeSet<String> sorted = new TreeSet<>();
      node.forEach(one -> sorted.add(one.asString()));
      leaves.put(place, sorted.toString());
    } else if (node.isContainer()) {
      leaves.put(place, (node.isArray() ? "array of " : "object of ") + node.size());
      if (node.isArray()) {
        for (int i = 0; i < node.size(); i++) {
          walk(place + "." + i, node.get(i), leaves);
        }
      } else {
        node.properties().forEach(it -> walk(place + "." + it.getKey(), it.getValue(), leaves));
      }
    } else if (place.endsWith(".last_modified")) {
      leaves.put(place, "moment");
    } else {
      String text = node.toString();
      for (Map.Entry<String, String> mask : MASKED.entrySet()) {
        text = text.replaceAll(mask.getKey(), mask.getValue());
      }
      leaves.put(place, text);
    }
  }
}
