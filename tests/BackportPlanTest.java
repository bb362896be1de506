//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../backport_records.java
//SOURCES ../common/signature/CanonicalJson.java
//SOURCES ../common/signature/ContentSignature.java
//SOURCES ../common/Batch.java
//SOURCES ../common/RecordDiff.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../common/Runner.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Batch;
import common.Batch.RecordWrite;
import common.Batch.Written;
import common.Changesets;
import common.Changesets.SignedRecord;
import common.Place;
import common.RecordDiff;
import common.UsageException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The decisions of a copy, values in and values out: plan, state of a change, lag, mappings. */
class BackportPlanTest {

  private static final long SEED = 20261125;

  private static List<SignedRecord> records(List<String> records) {
    try {
      return Changesets.read(
              new ByteArrayInputStream(
                  "{\"metadata\":{},\"timestamp\":1,\"changes\":[%s]}"
                      .formatted(String.join(",", records))
                      .getBytes(StandardCharsets.UTF_8)))
          .records();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<SignedRecord> records(String... records) {
    return records(List.of(records));
  }

  private static backport_records.Plan plan(String source, String destination) {
    return backport_records.plan(
        source.isEmpty() ? List.of() : records(source),
        destination.isEmpty() ? List.of() : records(destination));
  }

  private static String text(byte[] ascii) {
    return new String(ascii, StandardCharsets.US_ASCII);
  }

  // ---- plan

  /** Records with ids of a small range, so that many are on both sides. */
  private static Map<String, String> some(Random random) {
    Map<String, String> records = new TreeMap<>();
    for (int i = 0; i < 30; i++) {
      if (random.nextInt(3) > 0) {
        String id = "r" + i;
        records.put(
            id,
            "{\"id\":\"%s\",\"n\":%d,\"nested\":{\"l\":[%d,null,{\"é\":true}]},\"last_modified\":%d,\"schema\":%d%s}"
                .formatted(
                    id,
                    random.nextInt(3),
                    random.nextInt(2),
                    1 + random.nextInt(1_000_000),
                    random.nextInt(5),
                    random.nextInt(4) == 0 ? ",\"more\":null" : ""));
      }
    }
    return records;
  }

  private static List<SignedRecord> shuffled(Map<String, String> records, Random random) {
    List<String> shuffled = new ArrayList<>(records.values());
    Collections.shuffle(shuffled, random);
    return records(shuffled);
  }

  /** The destination as a server would have it after the plan. */
  private static Map<String, String> applied(
      backport_records.Plan plan, Map<String, String> destination) {
    Map<String, String> applied = new TreeMap<>(destination);
    for (backport_records.Change change : plan.toCreate()) {
      assertEquals(0, change.timestamp(), change.id());
      assertTrue(applied.put(change.id(), text(change.record())) == null, change.id());
    }
    for (backport_records.Change change : plan.toUpdate()) {
      assertTrue(
          applied.get(change.id()).contains("\"last_modified\":%d,".formatted(change.timestamp())));
      applied.put(change.id(), text(change.record()));
    }
    for (backport_records.Change change : plan.toDelete()) {
      assertTrue(
          applied
              .remove(change.id())
              .contains("\"last_modified\":%d,".formatted(change.timestamp())));
    }
    return applied;
  }

  @Test
  void a_plan_applied_to_the_destination_yields_the_source_and_a_second_plan_is_empty() {
    Random random = new Random(SEED);
    int changes = 0;
    for (int round = 0; round < 300; round++) {
      Map<String, String> source = some(random);
      Map<String, String> destination = some(random);
      backport_records.Plan plan =
          backport_records.plan(shuffled(source, random), shuffled(destination, random));
      changes += plan.size();
      Map<String, String> applied = applied(plan, destination);
      assertEquals(source.keySet(), applied.keySet());
      assertEquals(
          List.of(),
          RecordDiff.differences(
              RecordDiff.byId(shuffled(source, random)),
              RecordDiff.byId(shuffled(applied, random))));
      assertEquals(
          0, backport_records.plan(shuffled(source, random), shuffled(applied, random)).size());
      assertEquals(
          0,
          backport_records
              .plan(shuffled(destination, random), shuffled(destination, random))
              .size());
    }
    assertTrue(changes > 1000, "plans nothing");
  }

  @Test
  void the_order_of_records_never_matters() {
    Random random = new Random(SEED);
    for (int round = 0; round < 50; round++) {
      Map<String, String> source = some(random);
      Map<String, String> destination = some(random);
      List<String> plans = new ArrayList<>();
      for (int shuffle = 0; shuffle < 3; shuffle++) {
        plans.add(
            shown(backport_records.plan(shuffled(source, random), shuffled(destination, random))));
      }
      assertEquals(plans.get(0), plans.get(1));
      assertEquals(plans.get(0), plans.get(2));
    }
  }

  private static String shown(backport_records.Plan plan) {
    StringBuilder shown = new StringBuilder();
    for (backport_records.Change change : plan.all()) {
      shown
          .append(change.id())
          .append(change.record() == null ? "-" : text(change.record()))
          .append(change.timestamp())
          .append(change.fields())
          .append('\n');
    }
    return shown.toString();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"id\":\"a\",\"n\":1,\"last_modified\":9}",
        "{\"last_modified\":1,\"n\":1.0,\"id\":\"a\"}",
        "{\"id\":\"a\",\"n\":1,\"schema\":7}",
        "{\"id\":\"a\",\"n\":1}"
      })
  void what_the_server_sets_and_how_it_is_written_is_no_difference(String destination) {
    assertEquals(
        0, plan("{\"id\":\"a\",\"n\":1,\"last_modified\":5,\"schema\":4}", destination).size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"id\":\"a\",\"last_modified\":9}",
        "{\"id\":\"a\",\"n\":null,\"last_modified\":9}",
        "{\"id\":\"a\",\"n\":\"1\",\"last_modified\":9}",
        "{\"id\":\"a\",\"n\":1,\"m\":null,\"last_modified\":9}",
        "{\"id\":\"a\",\"n\":1,\"o\":{\"schema\":1},\"last_modified\":9}"
      })
  void everything_else_is_and_is_guarded_by_the_timestamp_of_that_record(String destination) {
    backport_records.Plan plan = plan("{\"id\":\"a\",\"n\":1,\"last_modified\":5}", destination);
    assertEquals(1, plan.size());
    assertEquals(9, plan.toUpdate().getFirst().timestamp());
    assertEquals("{\"id\":\"a\",\"n\":1}", text(plan.toUpdate().getFirst().record()));
    assertTrue(plan.toUpdate().getFirst().fields().size() > 0);
  }

  @Test
  void unknown_fields_and_nested_values_travel_unchanged() {
    String record =
        "{\"attachment\":{\"filename\":\"a b.bin\",\"size\":123456789012345678901234567890},"
            + "\"id\":\"a\",\"last_modified\":5,\"n\":[1,-0.5,1e+21,null,true,{\"\":\"\\u00e9\\ud83d\"}],"
            + "\"schema\":4,\"z\\\"\":{\"last_modified\":1}}";
    assertEquals(
        record.replace(",\"last_modified\":5", ""),
        text(plan(record, "").toCreate().getFirst().record()));
  }

  @Test
  void tombstones_are_neither_copied_nor_in_the_way() {
    assertEquals(0, plan("{\"id\":\"a\",\"deleted\":true,\"last_modified\":5}", "").size());
    assertEquals(
        1,
        plan("{\"id\":\"a\",\"n\":1}", "{\"id\":\"a\",\"deleted\":true,\"last_modified\":5}")
            .toCreate()
            .size());
  }

  @Test
  void creations_come_first_and_deletions_last_each_by_id() {
    backport_records.Plan plan =
        backport_records.plan(
            records("{\"id\":\"z\"}", "{\"id\":\"c\"}", "{\"id\":\"m\",\"n\":1}"),
            records(
                "{\"id\":\"b\",\"last_modified\":1}",
                "{\"id\":\"a\",\"last_modified\":1}",
                "{\"id\":\"m\",\"last_modified\":1}"));
    assertEquals(
        List.of("c", "z", "m", "a", "b"),
        plan.all().stream().map(backport_records.Change::id).toList());
    assertEquals("2 to create, 1 to update, 2 to delete", plan.counts());
  }

  @Test
  void a_record_that_is_not_as_it_was_read_is_named() {
    List<SignedRecord> source = records("{\"id\":\"new\",\"n\":1}", "{\"id\":\"upd\",\"n\":1}");
    backport_records.Plan plan =
        backport_records.plan(
            source,
            records(
                "{\"id\":\"upd\",\"last_modified\":5}", "{\"id\":\"del\",\"last_modified\":5}"));
    assertEquals(List.of(), backport_records.changedSince(plan, plan.all()));
    assertEquals(
        List.of("upd", "new", "added", "del"),
        backport_records.changedSince(
            plan,
            backport_records
                .plan(
                    source,
                    records(
                        "{\"id\":\"new\",\"last_modified\":6}",
                        "{\"id\":\"del\",\"last_modified\":6}",
                        "{\"id\":\"added\",\"last_modified\":6}"))
                .all()),
        "gone, made, added, edited");
  }

  // ---- state of a change

  private static final String RECORD = "{\"id\":\"a\",\"n\":1}";
  private static final backport_records.Change CREATION = plan(RECORD, "").toCreate().getFirst();
  private static final backport_records.Change UPDATE =
      plan(RECORD, "{\"id\":\"a\",\"last_modified\":9}").toUpdate().getFirst();
  private static final backport_records.Change DELETION =
      plan("", "{\"id\":\"a\",\"last_modified\":9}").toDelete().getFirst();

  private static String state(backport_records.Change change, int status, String record) {
    byte[] json = record == null ? null : records(record).getFirst().json().bytes();
    return Batch.state(change.at(new Place("b", "c")), new Written(status, "why", json, null))
        .toString();
  }

  @Test
  void a_success_is_one_if_the_server_has_kept_what_was_sent() {
    String stored = "{\"id\":\"a\",\"n\":1,\"last_modified\":12,\"schema\":3}";
    assertEquals("Applied[reason=]", state(CREATION, 201, stored));
    assertEquals("Applied[reason=]", state(UPDATE, 200, stored));
    assertEquals("Applied[reason=]", state(UPDATE, 200, null));
    assertEquals("Applied[reason=]", state(UPDATE, 204, null));
    assertEquals("Applied[reason=]", state(CREATION, 202, stored));
    assertEquals("Applied[reason=]", state(DELETION, 200, "{\"id\":\"a\",\"n\":7}"));
    assertEquals(
        "Rejected[status=200, reason=the server stored something else]",
        state(UPDATE, 200, "{\"id\":\"a\",\"n\":2}"));
  }

  @Test
  void what_stands_in_the_way_of_a_repetition_is_what_it_made() {
    String stored = "{\"id\":\"a\",\"n\":1,\"last_modified\":12}";
    assertEquals("Applied[reason=already there]", state(CREATION, 412, stored));
    assertEquals("Applied[reason=already there]", state(UPDATE, 412, stored));
    assertEquals("Applied[reason=already gone]", state(DELETION, 404, null));
    assertEquals("Pending[reason=412: why]", state(CREATION, 412, "{\"id\":\"a\",\"n\":2}"));
    assertEquals("Pending[reason=412: why]", state(UPDATE, 412, null));
    assertEquals("Pending[reason=412: why]", state(DELETION, 412, "{\"id\":\"a\",\"n\":2}"));
    assertEquals("Rejected[status=404, reason=404: why]", state(UPDATE, 404, null));
  }

  @ParameterizedTest
  @CsvSource({
    "301,Rejected",
    "400,Rejected",
    "401,Rejected",
    "403,Rejected",
    "405,Rejected",
    "408,Rejected",
    "410,Rejected",
    "413,Rejected",
    "414,Rejected",
    "422,Rejected",
    "409,Pending",
    "429,Pending",
    "500,Pending",
    "501,Pending",
    "502,Pending",
    "503,Pending",
    "504,Pending",
    "599,Pending"
  })
  void a_refusal_stands_and_a_weakness_may_pass(int status, String expected) {
    for (backport_records.Change change : List.of(CREATION, UPDATE, DELETION)) {
      String state = state(change, status, null);
      assertEquals(expected, state.substring(0, state.indexOf('[')), change.id());
      assertTrue(state.endsWith("reason=%d: why]".formatted(status)), state);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 413, 414, 422})
  void a_status_that_is_about_the_content_says_so(int status) {
    RecordWrite write = UPDATE.at(new Place("b", "c"));
    assertEquals(
        List.of(
            "the server refuses %s (why): change it in s/c, or leave it out by a filter"
                .formatted(write.id())),
        Batch.remedies(
            List.of(write), Map.of(write.id(), new Batch.Rejected(status, "why")), "s/c", "AUTH"));
  }

  // ---- lag

  @Test
  void a_destination_is_behind_since_the_oldest_change_that_it_lacks() {
    backport_records.Plan plan =
        backport_records.plan(
            records("{\"id\":\"new\",\"n\":1}", "{\"id\":\"upd\",\"n\":1}"),
            records(
                "{\"id\":\"upd\",\"last_modified\":100}",
                "{\"id\":\"gone\",\"last_modified\":100}",
                "{\"id\":\"never\",\"last_modified\":9000}"));
    Instant now = Instant.ofEpochMilli(10_000);
    assertEquals(
        Duration.ofMillis(4_000),
        backport_records.lag(plan, Map.of("new", 7_000L, "upd", 8_000L, "gone", 6_000L), now));
    assertEquals(
        Duration.ofMillis(1_000),
        backport_records.lag(plan, Map.of("new", 9_500L, "upd", 9_400L, "gone", 9_900L), now),
        "what the source never had is extra since it came to the destination");
    assertEquals(
        Duration.ofMillis(-80_000),
        backport_records.lag(
            plan, Map.of("new", 90_000L, "upd", 90_000L, "gone", 90_000L, "never", 90_000L), now),
        "a server whose clock is ahead");
  }

  // ---- mappings

  private static List<String> names(String text) throws UsageException {
    return backport_records.mappings(text).stream().map(backport_records.Mapping::name).toList();
  }

  @Test
  void a_mapping_is_a_line_with_a_query() throws Exception {
    assertEquals(List.of("a/b -> c/d"), names("a/b -> c/d"));
    assertEquals(List.of("a/b -> c/d"), names("  a/b->c/d\t"));
    assertEquals(
        List.of("a/b -> c/d", "a/b?x=1 -> e/f"), names("\n a/b -> c/d\r\n \t\n  a/b?x=1 -> e/f\n"));
    assertEquals(List.of("a/b -> c/d", "a/b -> e/f"), names("a/b -> c/d\ra/b -> e/f"));
    assertEquals(
        Map.of("x y", List.of("1", "é&="), "z", List.of("")),
        backport_records
            .mappings("a/b?x+y=1&z=&x%20y=%C3%A9%26%3D -> c/d")
            .getFirst()
            .filters()
            .parameters());
    assertEquals(
        Map.of("x", List.of("a->b")),
        backport_records.mappings("a/b?x=a->b -> c/d").getFirst().filters().parameters());
    assertEquals(
        Map.of(), backport_records.mappings("a/b? -> c/d").getFirst().filters().parameters());
    assertEquals(
        Map.of("n", List.of("1")),
        backport_records.mappings("a/b?&n=1& -> c/d").getFirst().filters().parameters());
    assertEquals(
        Map.of("n", List.of("\ufffd")),
        backport_records.mappings("a/b?n=%EF%BF%BD -> c/d").getFirst().filters().parameters());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          a/b                  | line 2: "a/b" is not bucket/collection?field=value -> bucket/collection
          a -> c/d             | line 2: "a -> c/d" is not bucket/collection?field=value -> bucket/collection
          a/b -> c             | line 2: "a/b -> c" is not bucket/collection?field=value -> bucket/collection
          a/b => c/d           | line 2: "a/b => c/d" is not bucket/collection?field=value -> bucket/collection
          a/b -> c/d -> e/f    | line 2: "a/b -> c/d -> e/f" is not bucket/collection?field=value -> bucket/collection
          ../b -> c/d          | line 2: "../b -> c/d" is not bucket/collection?field=value -> bucket/collection
          a/b -> c/d?x=1       | line 2: "a/b -> c/d?x=1" is not bucket/collection?field=value -> bucket/collection
          a/b?x -> c/d         | line 2: "x" is not field=value, URL-encoded
          a/b?x=%zz -> c/d     | line 2: "x=%zz" is not field=value, URL-encoded
          a/b?_limit=1 -> c/d  | line 2: "_limit=1" is not a filter: "_limit" is not a field; _sort is the only parameter that may begin with _
          a/b?=1 -> c/d        | line 2: "=1" is not a filter: "" is not a field; _sort is the only parameter that may begin with _
          a/b?not_x=1&not_x=2 -> c/d | line 2: "not_x=2" is not a filter: not_x takes one value; only in_FIELD and exclude_FIELD take lists
          a/b -> a/b           | line 2: source and destination are both a/b
          a/b?x=1 -> a/b       | line 2: source and destination are both a/b
          c/d -> x/x           | line 2: x/x is the source of an earlier line, which would copy other records in the next run
          a/b?%20_since=1 -> c/d | line 2: "%20_since=1" is not a filter: " _since" is not a field; _sort is the only parameter that may begin with _
          a/b?%C2%A0_since=1 -> c/d | line 2: "%C2%A0_since=1" is not a filter: "\u00a0_since" is not a field; _sort is the only parameter that may begin with _
          a/b?%1Dx=1 -> c/d    | line 2: "%1Dx=1" is not a filter: "\u001dx" is not a field; _sort is the only parameter that may begin with _
          a/b?x%E2%80%87=1 -> c/d | line 2: "x%E2%80%87=1" is not a filter: "x\u2007" is not a field; _sort is the only parameter that may begin with _
          a/b?x=%ff -> c/d     | line 2: "x=%ff" is not field=value, URL-encoded
          a/b -> y/y           | line 2: y/y is the destination of an earlier line, whose records this one would delete
          """)
  void a_line_that_does_not_parse_is_named(String line, String expected) {
    UsageException e =
        assertThrows(UsageException.class, () -> backport_records.mappings("x/x -> y/y\n" + line));
    assertEquals("BACKPORT_RECORDS_MAPPINGS, " + expected, e.getMessage());
  }

  @Test
  void no_line_at_all_is_an_error_too() {
    assertThrows(UsageException.class, () -> backport_records.mappings(" \n\n"));
  }
}
