//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/CanonicalJson.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../consistency_checks.java
//SOURCES RemoteSettingsServer.java
//SOURCES Routes.java
//SOURCES Store.java
//SOURCES Terminal.java
//SOURCES Transcript.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.RemoteSettings;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The command as a whole, against the embedded server over HTTP, and its decisions. */
class ConsistencyChecksTest {

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  private static Terminal.Outcome run(RemoteSettingsServer server, String... arguments) {
    return new Terminal()
        .set("SERVER", server.url())
        .set("AUTH", "editor:editor")
        .run(new consistency_checks(), arguments);
  }

  @TestFactory
  Stream<DynamicTest> every_transcript_is_what_the_command_prints() throws IOException {
    return Transcript.of("consistency_checks")
        .map(transcript ->
            DynamicTest.dynamicTest(
                transcript.name(),
                () -> transcript.check(Map.of("consistency_checks", consistency_checks::new))));
  }

  // ---- reading

  @Test
  void a_change_in_flight_is_no_difference() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      for (String place : List.of("main-workspace", "main-preview", "main")) {
        server.clearFaults();
        server.fault("altered-record=" + place + "/regions:1");
        Terminal.Outcome outcome = run(server, "--only", "main/regions");
        assertEquals(0, outcome.exit(), place + "\n" + outcome);
        server.fault("altered-record=" + place + "/regions:2");
        assertEquals(1, run(server, "--only", "main/regions").exit(), "the second read counts");
      }
    }
  }

  @Test
  void nothing_is_written() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      run(server);
      assertTrue(server.requests().stream().allMatch(request -> request.method().equals("GET")));
    }
  }

  @Test
  void a_source_that_is_being_edited_costs_one_read() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      run(server, "--only", "main/cfr");
      assertEquals(1, server.requests("/v1/buckets/main-workspace/collections/cfr").size());
      assertEquals(0, server.requests("/v1/buckets/main/collections/cfr").size());
      assertEquals(0, server.requests("/v1/buckets/main-preview/collections/cfr").size());
    }
  }

  @Test
  void a_draft_that_nobody_announces_is_no_finding() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.put("main-workspace", "draft", "{\"id\":\"1\"}");
      server.edit("main-workspace", "draft", attributes -> attributes.put("status", "to-review"));
      server.put("main-workspace", "private", "{\"id\":\"1\"}");
      server.edit("main-workspace", "private", attributes -> attributes.put("status", "signed"));
      Terminal.Outcome outcome = run(server);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertFalse(outcome.stdout().contains("draft"), outcome::toString);
      assertFalse(outcome.stdout().contains("private"), outcome::toString);
    }
  }

  @Test
  void where_the_sources_cannot_be_listed_there_is_no_full_verdict() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("403=/v1/buckets/staging/collections");
      Terminal.Outcome outcome = run(server);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "staging/* NO VERDICT (403, set AUTH to an account that may read staging/*)\n"),
          outcome::toString);
      assertEquals(0, run(server, "--only", "main/*").exit(), "not asked about");
    }
  }

  /** Source, preview and destination of so many equal records. */
  private static void fill(RemoteSettingsServer server, String collection, int records) {
    for (String bucket : List.of("main-workspace", "main-preview", "main")) {
      for (int i = 0; i < records; i++) {
        server.put(
            bucket, collection, "{\"id\":\"r%05d\",\"n\":%d,\"text\":\"value\"}".formatted(i, i));
      }
    }
    server.edit("main-workspace", collection, attributes -> attributes.put("status", "signed"));
  }

  @Test
  void of_thousands_of_differences_ten_are_shown_and_all_with_verbose_or_as_json()
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      fill(server, "large", 3_000);
      for (int i = 0; i < 2_500; i++) {
        server.put("main", "large", "{\"id\":\"r%05d\",\"n\":-1,\"text\":\"value\"}".formatted(i));
      }
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit());
      assertEquals(1 + 1 + 10 + 1, outcome.stdout().lines().count(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  " - preview → destination: r00009 differs in n: 9 → -1\n"
                      + " - and 2490 more, --verbose shows all\n"),
          outcome::toString);
      assertEquals(1 + 1 + 2_500, run(server, "--verbose").stdout().lines().count());
      assertEquals(
          2_500,
          Store.JSON
              .readTree(run(server, "--format", "json").stdout())
              .path("results")
              .path(0)
              .path("differences")
              .size());
    }
  }

  @Test
  void an_old_server_is_read_page_by_page() throws IOException {
    try (RemoteSettingsServer server = server().withoutChangesets().pageSize(100).start()) {
      fill(server, "large", 950);
      assertEquals(0, run(server).exit());
      assertEquals(
          10, server.requests("/v1/buckets/main/collections/large/records").size(), "pages");
      server.delete("main", "large", "r00949");
      Terminal.Outcome outcome = run(server);
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith(" - preview → destination: r00949 missing\n"),
          outcome::toString);
    }
  }

  @Test
  void lines_are_sorted_by_bucket_and_collection_whatever_finishes_first() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("503-plain=main-workspace/regions:1");
      List<String> names =
          run(server, "--parallel-requests", "8")
              .stdout()
              .lines()
              .skip(1)
              .map(line -> line.split(" ")[0])
              .toList();
      assertEquals(names.stream().sorted().toList(), names);
      assertEquals(10, names.size());
    }
  }

  // ---- decisions

  private static consistency_checks.Side side(String name, String... records) {
    String changes = String.join(",", records);
    try {
      return consistency_checks.Side.of(
          name,
          RemoteSettings.readChangeset(
                  new ByteArrayInputStream(
                      "{\"metadata\":{},\"timestamp\":1,\"changes\":[%s]}"
                          .formatted(changes)
                          .getBytes(StandardCharsets.UTF_8)))
              .records());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<consistency_checks.Difference> differences(String left, String right) {
    return consistency_checks.differences(side("left", left), side("right", right));
  }

  @Test
  void records_are_compared_by_value() {
    assertEquals(
        List.of(),
        differences(
            "{\"id\":\"a\",\"n\":1,\"o\":{\"x\":[1.50],\"y\":\"\\u00e9\"},\"last_modified\":1}",
            "{\"schema\":7,\"o\":{\"y\":\"é\",\"x\":[1.5]},\"n\":1.0,\"id\":\"a\",\"last_modified\":2}"));
    for (String other :
        List.of(
            "{\"id\":\"a\"}",
            "{\"id\":\"a\",\"n\":null}",
            "{\"id\":\"a\",\"n\":\"1\"}",
            "{\"id\":\"a\",\"n\":1,\"m\":null}",
            "{\"id\":\"a\",\"n\":[1]}",
            "{\"id\":\"a\",\"n\":true}",
            "{\"id\":\"a\",\"n\":12345678901234567890}")) {
      assertEquals(1, differences("{\"id\":\"a\",\"n\":1}", other).size(), other);
    }
    assertEquals(
        1,
        differences("{\"id\":\"a\",\"o\":{\"schema\":1}}", "{\"id\":\"a\",\"o\":{\"schema\":2}}")
            .size(),
        "only a record's own schema is set by the server");
    assertEquals(1, differences("{\"id\":\"a\",\"l\":[1,2]}", "{\"id\":\"a\",\"l\":[2,1]}").size());
  }

  @Test
  void a_difference_says_what_differs_on_which_side() {
    assertEquals(
        List.of(
            new consistency_checks.Field("gone", "{\"x\":1}", null),
            new consistency_checks.Field("n", "1", "2"),
            new consistency_checks.Field("new", null, "null")),
        differences(
                "{\"id\":\"a\",\"n\":1,\"same\":0,\"gone\":{\"x\":1},\"last_modified\":1}",
                "{\"id\":\"a\",\"n\":2,\"same\":0,\"new\":null,\"last_modified\":2}")
            .getFirst()
            .fields());
  }

  @Test
  void the_order_of_records_never_matters() {
    Random random = new Random(42);
    for (int round = 0; round < 100; round++) {
      Map<String, String> left = new HashMap<>();
      Map<String, String> right = new HashMap<>();
      int expected = 0;
      for (int i = 0; i < 20; i++) {
        String id = "r" + i;
        int kind = random.nextInt(5);
        String record = "{\"id\":\"%s\",\"n\":%d}".formatted(id, i);
        if (kind != 0) {
          left.put(id, record);
        }
        if (kind != 1) {
          right.put(id, kind == 2 ? record.replace("\"n\"", "\"m\"") : record);
        }
        expected += kind < 3 ? 1 : 0;
      }
      List<List<consistency_checks.Difference>> found = new ArrayList<>();
      for (int shuffle = 0; shuffle < 3; shuffle++) {
        List<String> lefts = new ArrayList<>(left.values());
        List<String> rights = new ArrayList<>(right.values());
        Collections.shuffle(lefts, random);
        Collections.shuffle(rights, random);
        found.add(
            consistency_checks.differences(
                side("left", lefts.toArray(String[]::new)),
                side("right", rights.toArray(String[]::new))));
      }
      assertEquals(expected, found.getFirst().size());
      assertEquals(found.get(0), found.get(1));
      assertEquals(found.get(0), found.get(2));
    }
  }

  private static consistency_checks.Judgement judged(
      Object status, String source, String preview, String destination) {
    Map<String, Object> attributes = new HashMap<>();
    attributes.put("status", status);
    return consistency_checks.judge(
        attributes,
        side("source", source),
        preview == null ? null : side("preview", preview),
        destination == null ? null : side("destination", destination));
  }

  @Test
  void the_status_of_the_source_says_what_must_be_equal() {
    String one = "{\"id\":\"a\"}";
    String two = "{\"id\":\"b\"}";
    consistency_checks.Consistent fine = new consistency_checks.Consistent();
    for (Object status : new Object[] {"signed", null}) {
      assertEquals(fine, judged(status, one, one, one));
      assertEquals(fine, judged(status, one, null, one));
      assertEquals(fine, judged(status, "", "", ""));
      for (List<String> sides :
          List.of(List.of(two, one, one), List.of(one, two, one), List.of(one, one, two))) {
        assertTrue(
            judged(status, sides.get(0), sides.get(1), sides.get(2))
                instanceof consistency_checks.Inconsistent,
            sides.toString());
      }
      assertTrue(
          judged(status, one, null, "") instanceof consistency_checks.Inconsistent,
          "an empty destination");
    }
    assertEquals(fine, judged("to-review", one, one, null));
    assertTrue(judged("to-review", one, two, null) instanceof consistency_checks.Inconsistent);
    assertEquals(new consistency_checks.Skipped("to-review"), judged("to-review", one, null, null));
    assertEquals(
        new consistency_checks.Skipped("work-in-progress"),
        judged("work-in-progress", one, two, two));
    for (Object status : List.of("to-sign", "to-resign", "to-rollback", "nonsense", 3L, true)) {
      assertEquals(
          new consistency_checks.Inconsistent("the status is " + status),
          judged(status, one, one, one));
    }
    assertEquals(
        new consistency_checks.Inconsistent("\"status\" attribute missing"),
        consistency_checks.judge(Map.of(), side("source", one), null, null));
  }
}
