//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../validate_signature.java
//SOURCES KintoClient.java
//SOURCES RealKinto.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The commands against a real Kinto. Each test has collections of its own. */
class RealKintoTest {

  private static RealKinto kinto;

  @BeforeAll
  static void start() {
    kinto = RealKinto.start();
  }

  @AfterAll
  static void close() {
    if (kinto != null) {
      kinto.close();
    }
  }

  private static Terminal.Outcome validate(String collection) {
    return new Terminal()
        .at(Instant.now()) // its signer's certificates are of today
        .set("SERVER", kinto.url())
        .set("ROOT_HASH", kinto.authority().rootHash())
        .run(new validate_signature(), "--only", "*/" + collection);
  }

  @Test
  void its_signer_is_configured_as_the_embedded_server_says() throws IOException {
    JsonNode signer = signerOf(kinto.client());
    for (JsonNode resource : signer.path("resources")) {
      // This old one spells out the groups of a collection's resource.
      String collection = resource.path("source").path("collection").asString("");
      for (String group : List.of("editors", "reviewers")) {
        JsonNode spelled = ((ObjectNode) resource).remove(group + "_group");
        assertEquals(
            collection.isEmpty() ? null : collection + "-" + group,
            spelled == null ? null : spelled.asString());
      }
    }
    try (RemoteSettingsServer embedded = RemoteSettingsServer.start()) {
      JsonNode ours = signerOf(new KintoClient(embedded.url()));
      for (String setting :
          List.of(
              "resources",
              "group_check_enabled",
              "to_review_enabled",
              "editors_group",
              "reviewers_group")) {
        assertEquals(ours.path(setting), signer.path(setting), setting);
      }
    }
  }

  private static JsonNode signerOf(KintoClient client) {
    return client.must(null, "GET", "/", null).path("capabilities").path("signer");
  }

  @Test
  void what_it_signs_and_publishes_is_valid() {
    kinto.client().createSource("main-workspace", "reviewed");
    kinto
        .client()
        .put(
            "main-workspace",
            "reviewed",
            "a",
            "{\"title\":\"é \\u2028 😀\",\"n\":12345678901234567890,\"x\":[null,{}]}");
    kinto.client().put("main-workspace", "reviewed", "b", "{\"n\":2}");
    kinto.client().status("editor", "main-workspace", "reviewed", "to-review");
    kinto.client().status("reviewer", "main-workspace", "reviewed", "to-sign");
    Terminal.Outcome outcome = validate("reviewed");
    assertEquals(0, outcome.exit(), () -> outcome + kinto.log());
    for (String bucket : List.of("main", "main-preview")) {
      String line = "/buckets/" + bucket + "/collections/reviewed:  OK";
      assertTrue(outcome.stdout().contains(line), outcome::toString);
    }
  }

  @Test
  void a_record_altered_behind_its_signer_s_back_is_found() {
    kinto.client().createSource("main-workspace", "altered");
    kinto.client().put("main-workspace", "altered", "a", "{\"n\":1}");
    kinto.client().status("editor", "main-workspace", "altered", "to-review");
    kinto.client().status("reviewer", "main-workspace", "altered", "to-sign");
    String record = "/buckets/main/collections/altered/records/a";
    kinto.client().must("admin", "PATCH", record, "{\"data\":{\"n\":2}}");
    Terminal.Outcome outcome = validate("altered");
    assertEquals(1, outcome.exit(), () -> outcome + kinto.log());
    for (String line :
        List.of(
            "/buckets/main/collections/altered:  ⚠ BAD Signature ⚠",
            "/buckets/main-preview/collections/altered:  OK",
            " - Cause: the records differ from what was signed")) {
      assertTrue(outcome.stdout().contains(line), outcome::toString);
    }
  }
}
