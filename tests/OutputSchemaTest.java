//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/RecordDiff.java
//SOURCES ../consistency_checks.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES OutputSchema.java
//SOURCES ReadmeTest.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Signer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java
//SOURCES Transcript.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.RecordDiff.What;
import common.signature.CertificateChain.Cause;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code docs/output.schema.json} describes what {@code --format json} prints: all of it, and
 * nothing else. That every document of every test is valid, {@link Terminal} sees to.
 */
class OutputSchemaTest {

  /** Transcripts that have, together, most of what the schema describes. */
  private static final Map<String, String> TRANSCRIPTS =
      Map.of(
          "validate_signature",
          "json all-is-well 404 503 unknown-option",
          "refresh_signature",
          "json-verify dry-run young stuck odd-entries verify-finds",
          "consistency_checks",
          "json differences-under-review own-resource own-resource-under-review source-deleted"
              + " status-odd unavailable forbidden",
          "backport_records",
          "json json-check in-sync auto readme dry-run check-lagging somebody-else single"
              + " unknown-source",
          "validate_changes_collection",
          "json max-lag 503 503-long list-403",
          "blockpages_generator",
          "json refused",
          "uptake_health",
          "json previous all-well old-data no-key");

  @TempDir Path folder;

  private static List<JsonNode> transcripts() throws IOException {
    List<JsonNode> documents = new ArrayList<>();
    for (String command : TRANSCRIPTS.keySet()) {
      for (String name : TRANSCRIPTS.get(command).split(" ")) {
        documents.add(Transcript.of(command, name).document(ReadmeTest.COMMANDS));
      }
    }
    return documents;
  }

  private static RemoteSettingsServer server() throws IOException {
    return RemoteSettingsServer.builder()
        .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
        .sample(true)
        .start();
  }

  private static JsonNode document(Terminal.Outcome outcome) {
    return Store.JSON.readTree(outcome.stdout());
  }

  // ---- the schema describes what there is, and nothing else

  @Test
  void every_field_value_and_null_of_the_schema_occurs() throws IOException {
    List<JsonNode> documents = new ArrayList<>(transcripts());
    documents.add(everyCause());
    documents.add(withoutChain());
    documents.add(interrupted());
    documents.add(withdrawn());
    documents.add(unreadableInACache());
    documents.add(differences());
    documents.add(unread());
    documents.add(refusedByS3());
    documents.addAll(pages());
    Set<String> missing = OutputSchema.described();
    documents.forEach(document -> missing.removeAll(OutputSchema.seen(document)));
    assertEquals(String.join("\n", Set.of()), String.join("\n", missing));
  }

  /** Collections that are signed badly, each in its way. */
  private static JsonNode everyCause() throws IOException {
    Map<String, SigningAuthority.Defect> defects =
        Map.of(
            "expired", SigningAuthority.Defect.LEAF_EXPIRED,
            "not-yet-valid", SigningAuthority.Defect.ROOT_NOT_YET_VALID,
            "broken-chain", SigningAuthority.Defect.WRONG_ORDER,
            "wrong-san", SigningAuthority.Defect.LEAF_WITHOUT_NAME,
            "wrong-usage", SigningAuthority.Defect.LEAF_FOR_SERVERS,
            "wrong-key", SigningAuthority.Defect.LEAF_P256);
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder()
            .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
            .maxFetchSize(1)
            .start()) {
      for (Cause cause : Cause.values()) {
        server.publish("main", cause.slug(), "{\"id\":\"1\",\"title\":\"a\"}");
      }
      defects.forEach((cause, defect) ->
          server.sign("main", cause, server.authority().sibling().defect(defect).build()));
      sign(
          server,
          "server-fractions",
          "{\"data\":[{\"id\":\"1\",\"last_modified\":%d,\"title\":1E-1}],\"last_modified\":\"%d\"}");
      edit(server, "unknown-mode", entry -> entry.put("mode", "mldsa65"));
      edit(server, "no-chain", entry -> entry.put("x5u", ""));
      server.publish("main", "cut", "{\"id\":\"1\"}", "{\"id\":\"2\"}");
      server.fault("altered-signature=main/cached:1");
      server.fault("altered-record=main/records-differ");
      server.fault("altered-timestamp=main/timestamp-differs");
      server.fault("malformed-signature=main/malformed-signature");
      server.fault("missing-signature=main/signature-missing");
      server.fault("chain-missing=main/chain-not-reachable");
      server.fault("403=main/not-readable");
      server.fault("wrong-root=main/wrong-root");
      JsonNode document =
          document(
              new Terminal()
                  .set("SERVER", server.url())
                  .set("ROOT_HASH", server.authority().rootHash())
                  .run(new validate_signature(), "--format=json"));
      document
          .path("results")
          .forEach(result ->
              assertEquals(
                  result.path("collection").asString(),
                  result.path("cause").asString(),
                  result::toString));
      return document;
    }
  }

  /** A collection that a public key verifies. */
  private static JsonNode withoutChain() throws IOException {
    Path key = Files.createTempFile("key", ".pem");
    try (RemoteSettingsServer server = server()) {
      Files.writeString(key, server.authority().leafKeyPem());
      edit(server, "cfr", entry -> entry.put("x5u", ""));
      return document(
          new Terminal()
              .set("SERVER", server.url())
              .set("PUBLIC_KEY", key)
              .run(new validate_signature(), "--only=main/cfr", "--format=json"));
    } finally {
      Files.delete(key);
    }
  }

  /** Changes the only signature of a collection. */
  private static void edit(
      RemoteSettingsServer server, String collection, Consumer<ObjectNode> change) {
    ObjectNode entry = server.signatureEntry("main", collection, server.authority());
    change.accept(entry);
    server.edit("main", collection, it -> Signer.setSignatures(it, List.of(entry)));
  }

  /** Signs what the server's library makes of a record with a fraction. */
  private static void sign(RemoteSettingsServer server, String collection, String form) {
    ObjectNode record =
        server.put(
            "main", collection, Store.JSON.createObjectNode().put("id", "1").put("title", 0.1));
    String payload =
        "Content-Signature:\0"
            + form.formatted(
                record.path("last_modified").longValue(), server.timestamp("main", collection));
    server.edit(
        "main",
        collection,
        attributes ->
            Signer.setSignatures(
                attributes,
                List.of(
                    server
                        .signer()
                        .entry(server.authority(), payload.getBytes(StandardCharsets.UTF_8)))));
  }

  /** A run that Ctrl-C ends while it waits. */
  private static JsonNode interrupted() throws IOException {
    Terminal terminal = new Terminal();
    try (RemoteSettingsServer server = server()) {
      server.fault("503=main/regions:1");
      return document(
          terminal
              .onPause(() -> terminal.interrupts().forEach(Runnable::run))
              .set("SERVER", server.url())
              .run(new validate_signature(), "--format=json"));
    }
  }

  /** A collection that is announced no more when the list is read again. */
  private static JsonNode withdrawn() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("altered-announcement=main/cfr");
      server.after(
          "GET /v1/buckets/main/collections/cfr/changeset",
          _ -> server.fault("entry-missing=main/cfr"));
      return document(
          new Terminal()
              .set("SERVER", server.url())
              .run(new validate_changes_collection(), "--only=main/cfr", "--format=json"));
    }
  }

  /** A collection that a cache says is not there. */
  private static JsonNode unreadableInACache() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("404=main/cfr:1");
      return document(
          new Terminal()
              .set("SERVER", server.url())
              .run(new validate_changes_collection(), "--only=main/cfr", "--format=json"));
    }
  }

  /** Records that differ, without a preview between source and destination. */
  private static JsonNode differences() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.put("staging", "addons-bloomfilters", "{\"id\": \"x\"}");
      server.edit(
          "staging", "addons-bloomfilters", attributes -> attributes.put("status", "signed"));
      server.put("blocklists", "addons-bloomfilters", "{\"id\": \"x\", \"n\": 1}");
      server.put("blocklists", "addons-bloomfilters", "{\"id\": \"y\"}");
      return document(
          new Terminal()
              .set("SERVER", server.url())
              .set("AUTH", "editor:editor")
              .run(
                  new consistency_checks(),
                  "--only=blocklists/addons-bloomfilters",
                  "--format=json"));
    }
  }

  /** A copy whose source fails, which nobody can advise on. */
  private static JsonNode unread() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("500=main/regions");
      return document(
          new Terminal()
              .set("SERVER", server.url())
              .once()
              .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor")
              .set("BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/nearby")
              .run(new backport_records(), "--format=json"));
    }
  }

  /** Pages that an S3 does not take, for a reason of its own. */
  private static JsonNode refusedByS3() throws IOException {
    try (RemoteSettingsServer server = server();
        RecordingServer s3 =
            RecordingServer.routes(request ->
                request.method().equals("PUT")
                    ? Reply.answer(400, "<Error><Code>Odd</Code><Message>no</Message></Error>")
                    : Reply.answer(
                        200,
                        "<ListBucketResult><Name>amo</Name><IsTruncated>false</IsTruncated></ListBucketResult>"))) {
      return document(
          new Terminal()
              .set("SERVER", server.url())
              .once()
              .set("AWS_ENDPOINT_URL_S3", s3.url("/"))
              .set("AWS_ACCESS_KEY_ID", "key")
              .set("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
              .run(new blockpages_generator(), "--format=json"));
    }
  }

  /** Pages that are written, deleted, cannot be written, and are not tried. */
  private List<JsonNode> pages() throws IOException {
    List<JsonNode> documents = new ArrayList<>();
    try (RemoteSettingsServer server = server()) {
      Terminal terminal =
          new Terminal()
              .set("SERVER", server.url())
              .set("TARGET_DIR", folder)
              .set("PRUNE", "true")
              .set("PARALLEL_REQUESTS", 1);
      documents.add(document(terminal.run(new blockpages_generator(), "--format=json")));
      server.delete("blocklists", "plugins", "8c71a57c-0040-5147-8075-fb769a1f3baa");
      documents.add(document(terminal.run(new blockpages_generator(), "--format=json")));
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
          Files.createDirectories(file.resolve("in-the-way"));
        }
      }
      documents.add(document(terminal.run(new blockpages_generator(), "--format=json")));
    }
    return documents;
  }

  @Test
  void the_closed_sets_are_those_of_the_code() {
    assertEquals(ReadmeTest.COMMANDS.keySet(), OutputSchema.commands());
    assertEquals(
        Arrays.stream(Cause.values()).map(Cause::slug).collect(Collectors.toSet()),
        values("/$defs/signature/oneOf/1/properties/cause"));
    assertEquals(
        Arrays.stream(What.values())
            .map(what -> what.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet()),
        values("/$defs/difference/properties/what"));
  }

  /** The values of a closed set, by the place of its field in the schema. */
  private static Set<String> values(String place) {
    return OutputSchema.TEXT
        .at(place)
        .path("enum")
        .valueStream()
        .map(JsonNode::asString)
        .collect(Collectors.toSet());
  }

  @Test
  void every_field_is_described() {
    List<String> bare = new ArrayList<>();
    describe(OutputSchema.TEXT.path("$defs"), "", bare);
    assertEquals(List.of(), bare);
  }

  /** Lists fields without a sentence of their own, or of what they refer to. */
  private static void describe(JsonNode schema, String path, List<String> bare) {
    schema
        .properties()
        .forEach(entry -> {
          if (entry.getKey().equals("properties") && !path.matches(".*/(if|then|else)")) {
            entry
                .getValue()
                .properties()
                .forEach(field -> {
                  boolean isNarrowed = path.contains("/oneOf") && field.getKey().equals("found");
                  boolean isSaid =
                      List.of("command", "results").contains(field.getKey()) || isNarrowed;
                  if (!isSaid
                      && !field.getValue().has("description")
                      && !field.getValue().has("$ref")) {
                    bare.add(path + "/" + field.getKey());
                  }
                });
          }
          if (entry.getKey().equals("$ref")) {
            String target = entry.getValue().asString().substring(1);
            if (!OutputSchema.TEXT.at(target).has("description")) {
              bare.add(target);
            }
          }
          walkInto(entry.getValue(), path + "/" + entry.getKey(), bare);
        });
  }

  private static void walkInto(JsonNode value, String path, List<String> bare) {
    if (value.isObject()) {
      describe(value, path, bare);
    } else if (value.isArray()) {
      value.forEach(one -> walkInto(one, path, bare));
    }
  }

  @Test
  void the_schema_is_one_itself() {
    assertEquals(
        "https://json-schema.org/draft/2020-12/schema",
        OutputSchema.TEXT.path("$schema").asString());
    assertEquals(List.of(), OutputSchema.errorsOfSchema(OutputSchema.TEXT));
    assertNotEquals(
        List.of(), OutputSchema.errorsOfSchema(Store.JSON.readTree("{\"required\": \"x\"}")));
  }

  // ---- whatever becomes of a run

  private static Stream<String> commands() {
    return ReadmeTest.COMMANDS.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void a_run_that_ends_early_ends_with_a_document(String command) {
    for (String wrong :
        List.of("--no-such-option", "--requests-nb-retries=many", "--env-file=nowhere")) {
      JsonNode document =
          document(
              new Terminal()
                  .set("FORMAT", "json")
                  .run(ReadmeTest.COMMANDS.get(command).get(), wrong));
      assertEquals(2, document.path("exit").intValue(), wrong);
      assertEquals(1, document.path("errors").size(), wrong);
      assertTrue(document.path("results").isEmpty(), wrong);
      assertFalse(document.has("server"), wrong);
    }
  }

  // ---- what is otherwise is refused

  private static final String GOOD =
      """
      {
        "command": "validate_signature",
        "version": "0.7.0",
        "server": "https://settings.example.com/v1",
        "results": [
          {
            "check": "signature",
            "bucket": "main",
            "collection": "regions",
            "status": "bad",
            "cause": "records-differ",
            "reason": "the records differ",
            "hint": "do this",
            "runbook": "docs/runbooks/bad-signature.md",
            "announced": 1795093200000,
            "signed_on": 1795093201000,
            "timestamp": 1795093200000,
            "chains": [],
            "warnings": []
          }
        ],
        "findings": [],
        "warnings": [],
        "errors": [],
        "hints": [],
        "summary": "1 collection: 0 OK, 1 BAD (main/regions)",
        "exit": 1
      }
      """;

  private static Arguments bad(
      String why, Consumer<ObjectNode> run, Consumer<ObjectNode> result, String complaint) {
    return Arguments.of(why, run, result, complaint);
  }

  private static Arguments badRun(String why, Consumer<ObjectNode> change, String complaint) {
    return bad(why, change, _ -> {}, complaint);
  }

  private static Arguments badResult(String why, Consumer<ObjectNode> change, String complaint) {
    return bad(why, _ -> {}, change, complaint);
  }

  private static Stream<Arguments> bad() {
    return Stream.of(
        badRun("no command", run -> run.remove("command"), ": required property 'command'"),
        badRun("no summary", run -> run.remove("summary"), ": required property 'summary'"),
        badRun("no results", run -> run.remove("results"), ": required property 'results'"),
        badRun(
            "another command's name",
            run -> run.put("command", "validate"),
            "/command: is none of those that are described"),
        badRun("an unknown field", run -> run.put("took", 1), ": property 'took' is not evaluated"),
        badRun(
            "a field of another command", run -> run.put("dry_run", true), ": property 'dry_run'"),
        badRun("a number in a text", run -> run.put("exit", "1"), "/exit: "),
        badRun("an unknown exit code", run -> run.put("exit", 3), "/exit: "),
        badRun("no version", run -> run.put("version", "new"), "/version: "),
        badRun("no address", run -> run.put("server", "not a URL"), "/server: "),
        badRun("null for a list", run -> run.putNull("warnings"), "/warnings: null found"),
        badRun(
            "an exit code that an error forbids",
            run -> run.putArray("errors").add("something failed"),
            "/exit: "),
        badRun("interrupted, and not so", run -> run.put("interrupted", true), "/interrupted: "),
        badRun(
            "an exit code of Ctrl-C alone",
            run -> run.put("exit", 130),
            ": required property 'interrupted'"),
        badResult(
            "no hint", result -> result.remove("hint"), "/results/0: required property 'hint'"),
        badResult(
            "no page",
            result -> result.remove("runbook"),
            "/results/0: required property 'runbook'"),
        badResult(
            "no cause", result -> result.remove("cause"), "/results/0: required property 'cause'"),
        badResult(
            "no status",
            result -> result.remove("status"),
            "/results/0: required property 'status'"),
        badResult(
            "no bucket",
            result -> result.remove("bucket"),
            "/results/0: required property 'bucket'"),
        badResult(
            "an unknown status",
            result -> result.put("status", "odd"),
            "/results/0/status: is none of those that are described"),
        badResult(
            "an unknown cause", result -> result.put("cause", "bad-luck"), "/results/0/cause: "),
        badResult(
            "an unknown field", result -> result.put("took", 0.02), "/results/0: property 'took'"),
        badResult(
            "a field of another status",
            result -> result.put("leaf_ends", "2026-12-23T14:00:00Z"),
            "/results/0: property 'leaf_ends'"),
        badResult(
            "a timestamp as text",
            result -> result.put("announced", "1795093200000"),
            "/results/0/announced: string found"),
        badResult(
            "a fraction of a timestamp",
            result -> result.put("timestamp", 1.5),
            "/results/0/timestamp: number found"),
        badResult(
            "null for a text", result -> result.putNull("reason"), "/results/0/reason: null found"),
        badResult(
            "a result of another command",
            result -> result.put("check", "refresh"),
            "/results/0/check: "));
  }

  @Test
  void the_good_document_of_the_bad_ones_is_good() {
    assertEquals(List.of(), OutputSchema.errors(Store.JSON.readTree(GOOD)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("bad")
  void a_document_that_differs_in_one_field_is_refused_for_that(
      String why, Consumer<ObjectNode> run, Consumer<ObjectNode> result, String complaint) {
    ObjectNode document = (ObjectNode) Store.JSON.readTree(GOOD);
    result.accept((ObjectNode) document.path("results").get(0));
    run.accept(document);
    List<String> errors = OutputSchema.errors(document);
    assertEquals(1, errors.size(), errors::toString);
    assertTrue(errors.getFirst().startsWith(complaint), errors::toString);
  }

  /** Takes out each field in its turn, of a result of each status, and adds one. */
  @ParameterizedTest
  @MethodSource("commands")
  void no_field_may_be_missing_or_added_without_being_described(String command) throws IOException {
    ObjectNode document = (ObjectNode) Transcript.of(command, "json").document(ReadmeTest.COMMANDS);
    assertEquals(List.of(), OutputSchema.errors(document));
    ArrayNode results = (ArrayNode) document.path("results");
    Set<String> statuses = new TreeSet<>();
    for (int i = 0; i < results.size(); i++) {
      ObjectNode result = (ObjectNode) results.get(i);
      if (!statuses.add(result.path("check") + " " + result.path("status"))) {
        continue;
      }
      for (String field : List.copyOf(result.propertyNames())) {
        if (isOptional(command, result, field)) {
          continue;
        }
        ObjectNode spoiled = document.deepCopy();
        ((ObjectNode) spoiled.path("results").get(i)).remove(field);
        assertFalse(OutputSchema.isValid(spoiled), () -> field + " of " + result);
      }
      ObjectNode spoiled = document.deepCopy();
      ((ObjectNode) spoiled.path("results").get(i)).put("surprise", 1);
      assertFalse(OutputSchema.isValid(spoiled), result::toString);
    }
    for (String field : List.copyOf(document.propertyNames())) {
      ObjectNode spoiled = document.deepCopy();
      spoiled.remove(field);
      boolean isOptional =
          field.equals("server") && command.equals("validate_signature")
              || List.of("unchanged", "not_tried").contains(field);
      assertEquals(isOptional, OutputSchema.isValid(spoiled), field);
    }
  }

  private static boolean isOptional(String command, ObjectNode result, String field) {
    return switch (command) {
      case "validate_changes_collection" -> field.equals("reason"); // unless it cannot be read
      case "uptake_health" ->
          field.equals("previous_error_percent")
              || (field.equals("error_percent")
                  && !List.of("ok", "bad").contains(result.path("status").asString()));
      default -> false;
    };
  }
}
