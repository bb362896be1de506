//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/signature/CanonicalJson.java
//SOURCES Jvm.java
//SOURCES ../common/RedashResult.java
//SOURCES ../common/Runner.java
//SOURCES ../uptake_health.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES Differences.java
//SOURCES ReportTest.java
//SOURCES SettingsTest.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import common.Json;
import common.RedashResult;
import common.Runner;
import common.UsageException;
import common.Version;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * What is made of a result of Redash, and what the command says of a saved one.
 *
 * <p>Of the rows that cannot be read each differs from {@link #row} in one field, and names it.
 */
class UptakeHealthTest {

  private static final long SEED = 20261124;
  private static final int PAIRS = 10_000;

  /** Midnight at which the data of {@link #row} begins, in epoch seconds. */
  private static final long FROM = 1_795_392_000;

  /** The last second of its data: 12 h before {@link Terminal#NOW}. */
  private static final long TO = FROM + 86_399;

  /** A source that is well, for what is asked of another one. */
  private static final String WELL = row("well/known", 1_000_000, 0);

  private static final String EXPECTED = "expected the results.json of a Redash query";

  @TempDir Path folder;

  // ---- what the tests are made of

  /** A row of yesterday with these members. */
  static String row(String source, String members) {
    return row(source, String.valueOf(FROM), String.valueOf(TO), members);
  }

  private static String row(String source, String from, String to, String members) {
    return "{\"source\":%s,\"min_timestamp\":%s,\"max_timestamp\":%s%s}"
        .formatted(
            Store.JSON.writeValueAsString(source),
            from,
            to,
            members.isEmpty() ? "" : "," + members);
  }

  /** A row of yesterday with so many good and bad entries. */
  static String row(String source, long good, long bad) {
    return row(source, "\"success\":%d,\"network_error\":%d".formatted(good, bad));
  }

  /** A result of Redash with these rows. */
  static String result(String... rows) {
    return "{\"query_result\":{\"data\":{\"rows\":[%s]}}}".formatted(String.join(",", rows));
  }

  private static Object json(String text) throws IOException {
    return Json.parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  static List<uptake_health.Row> rows(String... rows) throws Exception {
    return uptake_health.rows(json(result(rows)));
  }

  private static uptake_health.Uptake uptake(String row) throws Exception {
    return (uptake_health.Uptake) rows(row).getFirst();
  }

  private static String reason(String row) throws Exception {
    return ((uptake_health.Unreadable) rows(row).getFirst()).reason();
  }

  /** The defaults: without exclusions, and data of any age. */
  static uptake_health.Rules rules() {
    return new uptake_health.Rules(
        List.of(), 1000, new BigDecimal("2.0"), Map.of(), null, Terminal.NOW);
  }

  private static uptake_health.Rules excluding(String... patterns) {
    return new uptake_health.Rules(
        List.of(patterns), 1000, new BigDecimal("2.0"), Map.of(), null, Terminal.NOW);
  }

  private static uptake_health.Rules minimum(long entries) {
    return new uptake_health.Rules(
        List.of(), entries, new BigDecimal("2.0"), Map.of(), null, Terminal.NOW);
  }

  private static uptake_health.Rules threshold(String percent) {
    return new uptake_health.Rules(
        List.of(), 0, new BigDecimal(percent), Map.of(), null, Terminal.NOW);
  }

  private static uptake_health.Rules threeDays(Instant now) {
    return new uptake_health.Rules(
        List.of(), 1000, new BigDecimal("2.0"), Map.of(), Duration.ofDays(3), now);
  }

  /** The verdict on a row, and why it was not judged. */
  private static String verdict(String row, uptake_health.Rules rules) throws Exception {
    return verdict(uptake_health.judge(rows(row, WELL), rules).getFirst());
  }

  private static String verdict(uptake_health.Outcome outcome) {
    return outcome.verdict() + (outcome.reason() == null ? "" : ": " + outcome.reason());
  }

  private static void assertNoData(
      String message, String hint, org.junit.jupiter.api.function.Executable executable) {
    RedashResult.NoData e = assertThrows(RedashResult.NoData.class, executable);
    assertEquals(message, e.getMessage());
    assertEquals(hint, e.hint());
  }

  // ---- rows: counts

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "1                   | 1",
        "0                   | 0",
        "-0                  | 0",
        "-0.0                | 0",
        "null                | 0",
        "11081.0             | 11081",
        "1e12                | 1000000000000",
        "1E+3                | 1000",
        "1500e-2             | 15",
        "0e999999999         | 0",
        "\"11081\"           | 11081",
        "\" 11081 \"         | 11081",
        "\"11081.0\"         | 11081",
        "\"007\"             | 7",
        "999999999999999999  | 999999999999999999",
        "9223372036854775807 | 9223372036854775807",
      })
  void a_count_is_a_number_or_a_text_that_is_one(String json, long count) throws Exception {
    uptake_health.Uptake uptake = uptake(row("main/a", "\"network_error\":" + json));
    assertEquals(Map.of("network_error", count), uptake.counts());
    assertEquals(count, uptake.bad());
    assertEquals(0, uptake.good());
    assertEquals(count, uptake.total());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "-1                      | -1",
        "-1e12                   | -1E+12",
        "1.5                     | 1.5",
        "0.1                     | 0.1",
        "\"-1\"                  | -1",
        "\"1.5\"                 | 1.5",
        "\"1e3\"                 | 1e3",
        "\"1,027\"               | 1,027",
        "\"0x10\"                | 0x10",
        "\"\u0661\"              | \u0661",
        "\"many\"                | many",
        "\"\"                    | ``",
        "\"NaN\"                 | NaN",
        "true                    | true",
        "false                   | false",
        "[]                      | []",
        "[7]                     | [7]",
        "{}                      | {}",
        "1e400                   | 1E+400",
        "1e-400                  | 1E-400",
        "1e999999999             | 1E+999999999",
        "1e-999999999            | 1E-999999999",
        "9223372036854775808     | 9223372036854775808",
        "\"9223372036854775807\" | 9223372036854775807",
      })
  void what_is_no_count_makes_its_row_unreadable(String json, String shown) throws Exception {
    assertEquals(
        "network_error is " + shown + ", which is not a count",
        reason(row("main/a", "\"success\":1000,\"network_error\":" + json)));
  }

  @Test
  void of_a_count_with_many_digits_some_are_shown() throws Exception {
    assertEquals(
        "network_error is %s…, which is not a count".formatted("7".repeat(100)),
        reason(row("main/a", "\"network_error\":" + "7".repeat(900))));
  }

  @Test
  void what_is_said_of_an_unreadable_row_holds_no_control_characters() throws Exception {
    assertEquals(
        "network_error is [31mred two, which is not a count",
        reason(row("main/a", "\"network_error\":\"\\u001b[31mred\\ntwo\"")));
  }

  @Test
  void more_entries_than_can_be_counted_make_a_row_unreadable() throws Exception {
    assertEquals(
        "more entries than can be counted",
        reason(row("main/a", "\"success\":9223372036854775807,\"network_error\":1")));
    assertEquals(
        "more entries than can be counted",
        reason(row("main/a", "\"success\":9223372036854775807,\"up_to_date\":1")));
  }

  @Test
  void a_million_millions_are_counted_exactly() throws Exception {
    uptake_health.Uptake uptake = uptake(row("main/a", 999_999_999_999L, 1_000_000_000_001L));
    assertEquals(999_999_999_999L, uptake.good());
    assertEquals(1_000_000_000_001L, uptake.bad());
    assertEquals(2_000_000_000_000L, uptake.total());
  }

  // ---- rows: statuses

  @ParameterizedTest
  @CsvSource({
    "network_error, 7, 0",
    "sync_error, 7, 0",
    "never_heard_of_error, 7, 0",
    "custom_2_error, 7, 0",
    "_error, 7, 0",
    "error, 0, 7",
    "networkerror, 0, 7",
    "network_errors, 0, 7",
    "network_ERROR, 0, 7",
    "error_network, 0, 7",
    "success, 0, 7",
    "up_to_date, 0, 7",
    "never_heard_of, 0, 7",
  })
  void a_status_that_ends_in_error_is_bad_and_any_other_is_good(String status, long bad, long good)
      throws Exception {
    uptake_health.Uptake uptake = uptake(row("main/a", "\"%s\":7".formatted(status)));
    assertEquals(bad, uptake.bad());
    assertEquals(good, uptake.good());
  }

  @Test
  void a_column_that_is_no_count_makes_its_row_unreadable_unless_it_is_null() throws Exception {
    assertEquals(
        "channel is nightly, which is not a count",
        reason(row("main/a", "\"success\":1000,\"channel\":\"nightly\"")));
    assertEquals(1000, uptake(row("main/a", "\"success\":1000,\"channel\":null")).total());
  }

  @Test
  void a_row_without_statuses_has_no_entry() throws Exception {
    assertEquals(0, uptake(row("main/a", "")).total());
  }

  @Test
  void bad_statuses_come_by_their_count_and_ties_in_the_order_of_the_row() throws Exception {
    uptake_health.Uptake uptake =
        uptake(
            row(
                "main/a",
                "\"z_error\":5,\"a_error\":5,\"success\":99,\"none_error\":0,\"m_error\":7,"
                    + "\"null_error\":null,\"b_error\":5"));
    assertEquals(List.of("m_error", "z_error", "a_error", "b_error"), uptake.badStatuses());
    assertEquals(List.of(), uptake(row("main/a", "\"success\":1")).badStatuses());
  }

  @Test
  void of_a_status_that_stands_there_twice_the_last_count_is_taken() throws Exception {
    assertEquals(3, uptake(row("main/a", "\"success\":9,\"success\":3")).total());
  }

  // ---- rows: times

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "1795478399             | 2026-11-23T23:59:59Z",
        "1795478399.0           | 2026-11-23T23:59:59Z",
        "1795478399.9           | 2026-11-23T23:59:59Z",
        "1.795478399e9          | 2026-11-23T23:59:59Z",
        "\"1795478399\"         | 2026-11-23T23:59:59Z",
        "\" 1795478399.5 \"     | 2026-11-23T23:59:59Z",
        "1795392000             | 2026-11-23T00:00:00Z",
        "253402300799           | 9999-12-31T23:59:59Z",
      })
  void a_time_is_in_epoch_seconds(String json, Instant time) throws Exception {
    uptake_health.Uptake uptake =
        uptake(row("main/a", String.valueOf(FROM), json, "\"success\":1"));
    assertEquals(Instant.ofEpochSecond(FROM), uptake.from());
    assertEquals(time, uptake.to());
  }

  @Test
  void the_first_second_of_1970_is_a_time() throws Exception {
    assertEquals(Instant.EPOCH, uptake(row("main/a", "0", "0", "\"success\":1")).from());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "1795478399000          | 1795478399000",
        "253402300800           | 253402300800",
        "-1                     | -1",
        "-0.5                   | -0.5",
        "1e999999999            | 1E+999999999",
        "null                   | null",
        "true                   | true",
        "[1795478399]           | [1795478399]",
        "\"2026-11-23T23:59:59\" | 2026-11-23T23:59:59",
        "\"\"                   | ``",
      })
  void what_is_no_time_makes_its_row_unreadable(String json, String shown) throws Exception {
    String good = String.valueOf(FROM);
    assertEquals(
        "max_timestamp is " + shown + ", which is not a time in epoch seconds",
        reason(row("main/a", good, json, "\"success\":1")));
    assertEquals(
        "min_timestamp is " + shown + ", which is not a time in epoch seconds",
        reason(row("main/a", json, good, "\"success\":1")));
  }

  @Test
  void a_time_that_is_missing_makes_its_row_unreadable() throws Exception {
    assertEquals(
        "min_timestamp is null, which is not a time in epoch seconds",
        reason("{\"source\":\"main/a\",\"max_timestamp\":1795478399,\"success\":1}"));
    assertEquals(
        "max_timestamp is null, which is not a time in epoch seconds",
        reason("{\"source\":\"main/a\",\"min_timestamp\":1795478399,\"success\":1}"));
  }

  @Test
  void data_cannot_end_before_it_begins_but_may_be_of_one_second() throws Exception {
    assertEquals(
        "min_timestamp is after max_timestamp",
        reason(row("main/a", "1795478400", "1795478399", "\"success\":1")));
    assertEquals(1, uptake(row("main/a", "1795478399", "1795478399", "\"success\":1")).total());
  }

  @Test
  void the_period_is_from_the_earliest_to_the_latest_of_the_rows_that_can_be_read()
      throws Exception {
    uptake_health.Period period =
        uptake_health.Period.of(
            rows(
                row("main/a", "200", "300", "\"success\":1"),
                row("main/b", "100", "150", "\"success\":1"),
                row("main/c", "0", "900", "\"success\":-1"),
                row("main/d", "250", "400", "\"success\":1")));
    assertEquals(
        new uptake_health.Period(Instant.ofEpochSecond(100), Instant.ofEpochSecond(400)), period);
    assertEquals(null, uptake_health.Period.of(rows("null", row("main/a", "\"success\":true"))));
  }

  // ---- rows: their shape

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "null                                              | it is not an object",
        "7                                                 | it is not an object",
        "\"main/a\"                                        | it is not an object",
        "[]                                                | it is not an object",
        "{}                                                | it has no source",
        "{\"min_timestamp\":1,\"max_timestamp\":2}         | it has no source",
        "{\"source\":null,\"min_timestamp\":1,\"max_timestamp\":2}    | it has no source",
        "{\"source\":\" \",\"min_timestamp\":1,\"max_timestamp\":2}   | it has no source",
        "{\"source\":7,\"min_timestamp\":1,\"max_timestamp\":2}       | it has no source",
      })
  void a_row_without_source_is_called_by_its_number(String row, String reason) throws Exception {
    List<uptake_health.Row> rows = rows(WELL, row, row);
    assertEquals(new uptake_health.Unreadable("row 2", reason), rows.get(1));
    assertEquals(new uptake_health.Unreadable("row 3", reason), rows.get(2));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"query_result\":{\"data\":{\"rows\":null}}}",
        "{\"query_result\":{\"data\":{\"rows\":{}}}}",
        "{\"query_result\":{\"data\":{\"rows\":\"[]\"}}}",
        "{\"query_result\":{\"data\":{\"columns\":[]}}}",
        "{\"query_result\":{\"data\":[]}}",
        "{\"query_result\":{\"data\":null}}",
        "{\"query_result\":{}}",
      })
  void a_result_without_a_list_of_rows_gives_no_verdict(String result) {
    assertNoData(
        "the result has no list query_result.data.rows",
        EXPECTED,
        () -> uptake_health.rows(json(result)));
  }

  @Test
  void an_empty_result_gives_no_verdict() {
    assertNoData(
        "the result is empty: clients reported nothing, or the query selects nothing",
        EXPECTED,
        UptakeHealthTest::rows);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "null",
        "7",
        "\"query_result\"",
        "{\"query_result\":null}",
        "{\"query_result\":[]}",
        "{\"message\":7}",
        "{\"job\":null}",
        "[{\"query_result\":{\"data\":{\"rows\":[]}}}]",
      })
  void what_is_no_result_gives_no_verdict(String document) {
    assertNoData(
        "the result has no query_result", EXPECTED, () -> uptake_health.rows(json(document)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"message\":\"Not now\"}                 | Not now",
        "{\"error\":\"Not now\"}                   | Not now",
        "{\"message\":\"A\\nB\",\"error\":\"C\"}   | A B",
      })
  void a_message_in_place_of_a_result_is_shown(String document, String shown) {
    assertNoData(
        "found a message instead of a result: " + shown,
        EXPECTED,
        () -> uptake_health.rows(json(document)));
  }

  @Test
  void of_a_long_message_the_beginning_is_shown() {
    assertNoData(
        "found a message instead of a result: " + "x".repeat(100) + "…",
        EXPECTED,
        () -> uptake_health.rows(json("{\"message\":\"%s\"}".formatted("x".repeat(101)))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"job\":{\"status\":1}}",
        "{\"job\":{\"status\":2}}",
        "{\"job\":{\"status\":2,\"error\":\"\"}}",
        "{\"job\":{\"status\":2,\"error\":null}}",
        "{\"job\":{\"id\":\"x\",\"status\":2,\"query_result_id\":null}}",
        "{\"job\":{\"status\":2},\"message\":\"x\"}",
      })
  void a_job_that_is_not_done_gives_no_verdict(String document) {
    assertNoData(
        "the query is still running",
        "try again when it has finished",
        () -> uptake_health.rows(json(document)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"job\":{\"status\":4,\"error\":\"no such table\"}}",
        "{\"job\":{\"status\":\"4\",\"error\":\"no such\\ntable\"}}",
        "{\"job\":{\"status\":2,\"error\":\"no such table\"}}",
      })
  void a_job_that_failed_is_named_with_its_error(String document) {
    assertNoData(
        "the query failed: no such table",
        "run it in Redash",
        () -> uptake_health.rows(json(document)));
  }

  @ParameterizedTest
  @CsvSource({
    "3, found a finished job instead of a result, expected the results.json of a Redash query",
    "5, the query was cancelled, run it in Redash",
  })
  void a_job_that_is_done_without_a_result_is_named(int status, String message, String hint) {
    assertNoData(
        message,
        hint,
        () -> uptake_health.rows(json("{\"job\":{\"status\":%d}}".formatted(status))));
  }

  @Test
  void what_counts_no_errors_at_all_is_another_query_s_result() throws Exception {
    for (String members : List.of("\"count\":1000000", "\"success\":9,\"network_errors\":9", "")) {
      List<uptake_health.Row> rows = rows("7", row("main/a", members));
      assertNoData(
          "no row has a status that ends in _error",
          EXPECTED,
          () -> uptake_health.withErrors(rows));
    }
    uptake_health.withErrors(rows(WELL, row("main/a", "\"sync_error\":null")));
    uptake_health.withErrors(rows("7")); // nothing is said of what cannot be read
  }

  @Test
  void each_row_of_a_source_is_judged_by_itself_so_that_no_bad_day_disappears() throws Exception {
    List<uptake_health.Outcome> outcomes =
        uptake_health.judge(
            rows(
                row("main/a", 1_000, 1_000),
                row("main/a", 1_000_000, 0),
                row("main/a", "\"success\":-1")),
            rules());
    assertEquals(
        List.of("BAD", "OK", "NO VERDICT: success is -1, which is not a count"),
        outcomes.stream().map(UptakeHealthTest::verdict).toList());
  }

  // ---- judging

  @ParameterizedTest
  @CsvSource({
    "20, 1000, 2.0, OK",
    "21, 1000, 2.0, BAD",
    "19, 1000, 2.0, OK",
    "1332, 10000, 13.32, OK",
    "1333, 10000, 13.32, BAD",
    "333, 2500, 13.32, OK",
    "334, 2500, 13.32, BAD",
    "0, 1000, 0, OK",
    "1, 1000, 0, BAD",
    "1, 1000000000000, 0, BAD",
    "1000, 1000, 100, OK",
    "1000, 1000, 99.999999999, BAD",
    "1000, 1000, 100.0, OK",
    "20000000000, 1000000000000, 2.0, OK",
    "20000000001, 1000000000000, 2.0, BAD",
    "7, 100, 7, OK",
    "29, 100, 29, OK",
    "57, 100, 57.0, OK",
    "1, 3, 33.333333333, BAD",
    "1, 3, 33.333333334, OK",
  })
  void a_source_is_a_finding_when_it_is_over_its_threshold_and_not_at_it(
      long bad, long total, String threshold, String expected) throws Exception {
    assertEquals(expected, verdict(row("main/a", total - bad, bad), threshold(threshold)));
  }

  @Test
  void a_source_may_have_a_threshold_of_its_own() throws Exception {
    uptake_health.Rules rules =
        new uptake_health.Rules(
            List.of(),
            1000,
            new BigDecimal("2.0"),
            uptake_health.thresholds(List.of("main/a = 5.5", "main/b=0", "main/absent = 1")),
            null,
            Terminal.NOW);
    assertEquals("OK", verdict(row("main/a", 945, 55), rules));
    assertEquals("BAD", verdict(row("main/a", 944, 56), rules));
    assertEquals("BAD", verdict(row("main/b", 9999, 1), rules));
    assertEquals("OK", verdict(row("main/a2", 980, 20), rules));
    assertEquals("BAD", verdict(row("main/a2", 979, 21), rules));
  }

  @Test
  void sources_with_fewer_entries_than_the_minimum_are_skipped() throws Exception {
    assertEquals(
        "SKIP: only 999 of the required 1,000 entries", verdict(row("main/a", 0, 999), rules()));
    assertEquals("BAD", verdict(row("main/a", 0, 1000), rules()));
    assertEquals("OK", verdict(row("main/a", 1000, 0), rules()));
  }

  @Test
  void a_source_without_entries_is_skipped_whatever_the_minimum() throws Exception {
    assertEquals("SKIP: no entries", verdict(row("main/a", 0, 0), rules()));
    assertEquals("SKIP: no entries", verdict(row("main/a", 0, 0), minimum(0)));
    assertEquals("BAD", verdict(row("main/a", 0, 1), minimum(0)));
    assertEquals("BAD", verdict(row("main/a", 0, 1), minimum(1)));
    assertEquals(
        "SKIP: only 1 of the required 2 entries", verdict(row("main/a", 0, 1), minimum(2)));
  }

  @Test
  void data_may_end_as_long_ago_as_its_greatest_age_and_no_second_longer() throws Exception {
    Instant last = Instant.ofEpochSecond(TO).plus(Duration.ofDays(3));
    assertEquals("OK", verdict(row("main/a", 1000, 0), threeDays(last)));
    assertEquals(
        "NO VERDICT: its data ends 2026-11-23 23:59:59, more than 3 days ago (MAX_AGE)",
        verdict(row("main/a", 1000, 0), threeDays(last.plusSeconds(1))));
  }

  @Test
  void one_source_may_be_too_old_while_another_is_not() throws Exception {
    String old = row("main/a", "1795132800", "1795219199", "\"success\":1000");
    assertEquals(
        "NO VERDICT: its data ends 2026-11-20 23:59:59, more than 3 days ago (MAX_AGE)",
        verdict(old, threeDays(Terminal.NOW)));
    assertEquals("OK", verdict(old, rules()));
  }

  @Test
  void data_of_a_day_that_is_not_over_may_end_in_the_future_but_no_later() throws Exception {
    long tomorrow = Terminal.NOW.plus(Duration.ofDays(1)).getEpochSecond();
    assertEquals(
        "OK",
        verdict(
            row("main/a", "0", String.valueOf(tomorrow), "\"success\":1000"),
            threeDays(Terminal.NOW)));
    String later = row("main/a", "0", String.valueOf(tomorrow + 1), "\"success\":1000");
    assertEquals(
        "NO VERDICT: its data ends 2026-11-25 12:00:01, in the future",
        verdict(later, threeDays(Terminal.NOW)));
    assertEquals("OK", verdict(later, rules()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"main/a", "main/*", "m*", "*/a", "main/?", "main/[!b-z]", "[m]ain/a"})
  void an_excluded_source_is_not_judged_and_its_pattern_is_named(String pattern) throws Exception {
    for (String row :
        List.of(row("main/a", 0, 1000), row("main/a", 0, 0), row("main/a", "\"success\":true"))) {
      assertEquals(
          "EXCLUDED: excluded by " + pattern, verdict(row, excluding("main/b", pattern, "*a")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"main", "main/", "a", "Main/a", "main/a/*", "main/[b-z]", ""})
  void a_pattern_has_to_match_the_whole_source(String pattern) throws Exception {
    assertEquals("OK", verdict(row("main/a", 1000, 0), excluding(pattern)));
  }

  @Test
  void outcomes_come_in_the_order_of_the_rows() throws Exception {
    List<uptake_health.Outcome> outcomes =
        uptake_health.judge(
            rows(
                row("z", 0, 1000),
                row("m", 1, 0),
                row("a", 1000, 0),
                row("x", "\"success\":true"),
                row("b", 0, 1000)),
            excluding("a*"));
    assertEquals(
        List.of("z", "m", "a", "x", "b"),
        outcomes.stream().map(uptake_health.Outcome::source).toList());
    assertEquals(
        List.of("BAD", "SKIP", "EXCLUDED", "NO VERDICT", "BAD"),
        outcomes.stream().map(it -> it.verdict().toString()).toList());
  }

  // ---- thresholds of single sources

  @Test
  void thresholds_are_sources_with_percentages() throws Exception {
    assertEquals(
        Map.of(
            "main/mycollection", new BigDecimal("5.5"),
            "foo/bar", new BigDecimal("12"),
            "a:b.c", new BigDecimal("0"),
            "x", new BigDecimal("100"),
            "y", new BigDecimal("0.000000001"),
            "z", new BigDecimal("100.000"),
            "half", new BigDecimal("0.5"),
            "five", new BigDecimal("5")),
        uptake_health.thresholds(
            List.of(
                "main/mycollection = 5.5",
                "foo/bar= 12",
                "a:b.c=0",
                "x=100",
                "y  =  0.000000001  ",
                "z=100.000",
                "half=.5",
                "five=5.")));
    assertEquals(Map.of(), uptake_health.thresholds(List.of()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "main/cfr",
        "main/cfr =",
        "= 5",
        " = 5",
        "5",
        "main/cfr = x",
        "main/cfr = -1",
        "main/cfr = 100.1",
        "main/cfr = 101",
        "main/cfr = 1e1",
        "main/cfr = 5%",
        "main/cfr = 5,5",
        "main/cfr = .",
        "main/cfr==5",
        "main/cfr = 5.5, foo/bar",
        "main/cfr = 5.5, foo/bar = 12",
        "main/cfr = 5.5\nfoo/bar = 12",
        "main/cfr, foo/bar = 12",
        "main/* = 5",
        "main/c?r = 5",
        "main/[ab] = 5",
        "main cfr = 5",
        "main/cfr = NaN",
        "main/cfr = \u0665",
        "main/cfr : 5",
        "main/cfr = 1 2",
      })
  void what_is_no_threshold_is_a_usage_error(String entry) {
    UsageException e =
        assertThrows(UsageException.class, () -> uptake_health.thresholds(List.of(entry)));
    assertEquals(
        "SPECIFIC_ERROR_THRESHOLD_PERCENTAGES: \"%s\" is not SOURCE = PERCENT, with 0 to 100"
            .formatted(entry),
        e.getMessage());
    assertEquals("separate them by semicolons, without %: main/cfr = 5.5; foo/bar = 12", e.hint());
  }

  @Test
  void a_source_with_two_thresholds_is_a_usage_error() {
    UsageException e =
        assertThrows(
            UsageException.class,
            () -> uptake_health.thresholds(List.of("main/cfr = 5", "main/cfr= 5")));
    assertEquals("SPECIFIC_ERROR_THRESHOLD_PERCENTAGES: main/cfr is listed twice", e.getMessage());
  }

  // ---- the command, with a saved result

  private static Terminal.Outcome run(Terminal terminal, String... arguments) {
    return terminal.run(new uptake_health(), arguments);
  }

  /** Judges these rows, as they were chosen for these limits. */
  private static Terminal.Outcome judge(Terminal terminal, List<String> rows, String... arguments) {
    String[] all =
        Stream.concat(Stream.of("--input=-"), Arrays.stream(arguments)).toArray(String[]::new);
    terminal
        .setIfAbsent("MIN_TOTAL_ENTRIES", 1000)
        .setIfAbsent("DEFAULT_ERROR_THRESHOLD_PERCENT", "2.0");
    return run(terminal.input(result(rows.toArray(String[]::new))), all);
  }

  private static Terminal.Outcome judge(List<String> rows, String... arguments) {
    return judge(new Terminal(), rows, arguments);
  }

  private static void assertOutcome(
      int exit, String stdout, String stderr, Terminal.Outcome outcome) {
    Differences.assertSameText(
        new Terminal.Outcome(exit, stdout, stderr).toString(), outcome.toString());
  }

  private static String error(String message, String hint) {
    return "uptake_health: error: " + message + "\n" + (hint == null ? "" : "hint: " + hint + "\n");
  }

  private static final String HEADING = "📅 From 2026-11-23 00:00:00 to 2026-11-23 23:59:59\n";

  private static final String SAMPLE_LINES =
      """
      settings-changes-monitoring              (good:19,787,338 bad:   314,111)               1.56%
      blocklists/addons                        (good: 1,027,245 bad:    11,081)               1.07%
      blocklists/plugins                       (good: 1,018,330 bad:     7,202)               0.70%
      main/tippytop                            (good:   832,453 bad:   127,922)              13.32%
      main/cfr                                 (good: 1,963,551 bad:    23,229)               1.17%
      main/regions                             (good: 2,411,999 bad:    48,432)               1.97%
      main/search-config-v2                    (good: 1,564,121 bad:     9,200)               0.58%
      main/anti-tracking-url-decoration        (good:   740,233 bad:     1,804)               0.24%
      main/fxmonitor-breaches                  (good:   905,413 bad:    12,001)               1.31%
      main/newtab-wallpapers-v2                (good:    45,432 bad:       540)               1.17%
      security-state/onecrl                    (good: 1,903,132 bad:    32,686)               1.69%
      security-state/intermediates             (good: 1,913,314 bad:    73,146)               3.68%
      """;

  private static final String SAMPLE_FINDINGS =
      """

      2 settings have a bad ratio over threshold.

      main/tippytop
      \tnetwork_error    13.32% (127,922)

      security-state/intermediates
      \tapply_error      2.07% (41,022)
      \tnetwork_error    1.52% (30,110)
      \tsync_error       0.10% (2,014)
      """;

  private static final String OVER =
      "hint: see which error it is, and whether it was there yesterday"
          + " (docs/runbooks/uptake-over-threshold.md)\n";

  private static final String ROW =
      "hint: look at the result of the query in Redash (docs/runbooks/no-verdict.md)\n";

  private static final String SAMPLE_SUMMARY =
      "uptake_health: main/tippytop: error rate 13.32%, threshold 2%\n"
          + "uptake_health: security-state/intermediates: error rate 3.68%, threshold 2%\n"
          + OVER
          + "uptake_health: 15 sources: 10 OK, 1 SKIP, 2 EXCLUDED,"
          + " 2 BAD (main/tippytop, security-state/intermediates)\n";

  /** A hint as the document has it. */
  private static String said(String hint) {
    return hint.strip().replace("hint: ", "");
  }

  private static String sample() {
    return Project.root().resolve("server/sample/uptake.json").toString();
  }

  @Test
  void where_all_is_well_nothing_stands_behind_the_table() {
    assertOutcome(
        0,
        HEADING
            + "main/a                                   (good:     1,000 bad:        20)           "
            + "    1.96%\n",
        "uptake_health: 1 source: 1 OK\n",
        judge(List.of(row("main/a", 1000, 20))));
  }

  @Test
  void names_and_numbers_too_long_for_their_column_make_it_wider() {
    String name = "main/" + "x".repeat(40);
    assertOutcome(
        0,
        HEADING + name + " (good:1,000,000,000,000 bad:         1)        0.00%\n",
        "uptake_health: 1 source: 1 OK\n",
        judge(List.of(row(name, 1_000_000_000_000L, 1))));
  }

  @Test
  void a_row_that_cannot_be_read_is_a_line_and_no_full_verdict() {
    assertOutcome(
        2,
        HEADING
            + """
            main/a                                   NO VERDICT (success is true, which is not a count)
            well/known                               (good: 1,000,000 bad:         0)               0.00%
            row 3                                    NO VERDICT (it is not an object)
            """,
        "uptake_health: 2 NO VERDICT of one kind: unreadable row\n"
            + ROW
            + "uptake_health: 3 sources: 1 OK, 2 NO VERDICT (main/a, row 3)\n",
        judge(List.of(row("main/a", "\"success\":true"), WELL, "null")));
  }

  @Test
  void no_full_verdict_outranks_findings_and_exit_zero() {
    List<String> rows = List.of(row("main/a", 0, 1000), "null");
    String stdout =
        HEADING
            + """
            main/a                                   (good:         0 bad:     1,000)             100.00%
            row 2                                    NO VERDICT (it is not an object)

            1 settings have a bad ratio over threshold.

            main/a
            \tnetwork_error    100.00% (1,000)
            """;
    String stderr =
        "uptake_health: main/a: error rate 100.00%, threshold 2%\n"
            + OVER
            + ROW
            + "uptake_health: 2 sources: 0 OK, 1 BAD (main/a), 1 NO VERDICT (row 2)\n";
    assertOutcome(2, stdout, stderr, judge(rows));
    assertOutcome(2, stdout, stderr, judge(rows, "--exit-zero"));
  }

  @Test
  void exit_zero_prints_the_findings_all_the_same() {
    assertOutcome(
        0,
        HEADING + SAMPLE_LINES + SAMPLE_FINDINGS,
        SAMPLE_SUMMARY,
        run(new Terminal(), "--input", sample(), "--exit-zero"));
  }

  @Test
  void quiet_keeps_findings_what_has_no_verdict_and_the_summary() {
    assertOutcome(
        2,
        """
        main/a                                   (good:         0 bad:     1,000)             100.00%
        row 3                                    NO VERDICT (it is not an object)

        1 settings have a bad ratio over threshold.

        main/a
        \tnetwork_error    100.00% (1,000)
        """,
        "uptake_health: main/a: error rate 100.00%, threshold 2%\n"
            + OVER
            + ROW
            + "uptake_health: 4 sources: 1 OK, 1 SKIP, 1 BAD (main/a), 1 NO VERDICT (row 3)\n",
        judge(List.of(row("main/a", 0, 1000), WELL, "null", row("main/few", 1, 0)), "--quiet"));
    assertOutcome(0, "", "uptake_health: 1 source: 1 OK\n", judge(List.of(WELL), "--quiet"));
  }

  @Test
  void verbose_says_what_is_left_out_and_why() {
    String stderr =
        judge(
                List.of(
                    WELL, row("main/none", 0, 0), row("main/few", 1, 0), row("normandy/x", 1, 0)),
                "--verbose")
            .stderr();
    Differences.assertSameText(
        """
        uptake_health: main/none skipped: no entries
        uptake_health: main/few skipped: only 1 of the required 1,000 entries
        uptake_health: normandy/x excluded by normandy/*
        uptake_health: shield-recipe-client/* excludes nothing
        uptake_health: main/url-classifier-skip-urls excludes nothing
        uptake_health: 4 sources: 1 OK, 2 SKIP, 1 EXCLUDED
        """,
        stderr
            .lines()
            .filter(line -> !line.startsWith("uptake_health: setting "))
            .map(line -> line + "\n")
            .collect(Collectors.joining()));
  }

  @Test
  void a_source_in_several_rows_is_warned_of() {
    assertOutcome(
        0,
        HEADING
            + "main/a                                   (good:     1,000 bad:         1)           "
            + "    0.10%\n",
        "uptake_health: warning: sources with several rows, each judged separately: main/a\n"
            + "uptake_health: 3 sources: 1 OK, 2 SKIP\n",
        judge(List.of(row("main/a", 1000, 1), row("main/a", 500, 1), row("main/a", 500, 1))));
  }

  @Test
  void settings_say_what_is_excluded_skipped_and_tolerated() {
    Terminal terminal =
        new Terminal()
            .set("EXCLUDE_SOURCES", "main/[ab], \"x*\"")
            .set("MIN_TOTAL_ENTRIES", "10")
            .set("DEFAULT_ERROR_THRESHOLD_PERCENT", "10")
            .set("SPECIFIC_ERROR_THRESHOLD_PERCENTAGES", "main/c = 5.5; main/d= 12");
    assertOutcome(
        1,
        HEADING
            + """
            main/c                                   (good:        94 bad:         6)               6.00%
            main/d                                   (good:        88 bad:        12)              12.00%
            main/e                                   (good:        90 bad:        10)              10.00%

            1 settings have a bad ratio over threshold.

            main/c
            \tnetwork_error    6.00% (6)
            """,
        "uptake_health: main/c: error rate 6.00%, threshold 5.5%\n"
            + OVER
            + "uptake_health: 7 sources: 2 OK, 1 SKIP, 3 EXCLUDED, 1 BAD (main/c)\n",
        judge(
            terminal,
            List.of(
                row("main/a", 0, 100),
                row("main/b", 0, 100),
                row("xyz", 0, 100),
                row("main/c", 94, 6),
                row("main/d", 88, 12),
                row("main/e", 90, 10),
                row("main/f", 0, 9))));
  }

  @Test
  void no_source_is_excluded_by_the_empty_list() {
    Terminal.Outcome outcome =
        judge(new Terminal().set("EXCLUDE_SOURCES", ""), List.of(WELL, row("normandy/x", 1000, 0)));
    assertEquals("uptake_health: 2 sources: 2 OK\n", outcome.stderr());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "MIN_TOTAL_ENTRIES | -1   | a whole number from 0 to 2147483647",
        "MIN_TOTAL_ENTRIES | 1.5  | a whole number from 0 to 2147483647",
        "DEFAULT_ERROR_THRESHOLD_PERCENT | 101 | a percentage, from 0 to 100, like 2.5",
        "DEFAULT_ERROR_THRESHOLD_PERCENT | 2%  | a percentage, from 0 to 100, like 2.5",
        "MAX_AGE | 0     | a whole number from 1 to 36500",
        "MAX_AGE | 36501 | a whole number from 1 to 36500",
        "REDASH_TIMEOUT_SECONDS | 0 | a number of seconds, from 0.001 to 86400",
      })
  void a_bad_setting_is_named_with_what_is_accepted(
      String variable, String value, String accepted) {
    assertOutcome(
        2,
        "",
        error("%s (environment): \"%s\" is not %s".formatted(variable, value, accepted), null),
        run(new Terminal().set(variable, value), "--input", sample()));
  }

  @Test
  void a_bad_threshold_is_found_before_anything_is_read() {
    assertOutcome(
        2,
        "",
        error(
            "SPECIFIC_ERROR_THRESHOLD_PERCENTAGES: \"main/cfr\" is not SOURCE = PERCENT,"
                + " with 0 to 100",
            "separate them by semicolons, without %: main/cfr = 5.5; foo/bar = 12"),
        run(
            new Terminal().set("SPECIFIC_ERROR_THRESHOLD_PERCENTAGES", "main/cfr"),
            "--input=no-such-file"));
  }

  // ---- the command: --input

  @Test
  void a_saved_result_needs_no_key_and_may_be_old() throws IOException {
    Terminal terminal = new Terminal().at(Instant.parse("2036-01-01T00:00:00Z"));
    terminal.input(Files.readString(Path.of(sample())));
    for (String input : List.of(sample(), "-")) {
      assertOutcome(
          1,
          HEADING + SAMPLE_LINES + SAMPLE_FINDINGS,
          SAMPLE_SUMMARY,
          run(terminal, "--input", input));
    }
  }

  @Test
  void a_greatest_age_that_is_given_holds_for_a_saved_result_too() {
    Instant last = Instant.ofEpochSecond(TO).plus(Duration.ofDays(2));
    assertEquals(0, judge(new Terminal().at(last), List.of(WELL), "--max-age=2").exit());
    assertOutcome(
        2,
        HEADING
            + "well/known                               NO VERDICT (its data ends 2026-11-23"
            + " 23:59:59, more than 2 days ago (MAX_AGE))\n",
        "hint: does the query run on its schedule in Redash? is this machine's clock right?"
            + " (docs/runbooks/no-verdict.md)\n"
            + "uptake_health: 1 source: 0 OK, 1 NO VERDICT (well/known)\n",
        judge(new Terminal().at(last.plusSeconds(1)), List.of(WELL), "--max-age=2"));
  }

  @Test
  void a_file_that_is_missing_is_named() {
    assertOutcome(
        2,
        "",
        error("cannot read %s: it is not there".formatted(folder.resolve("x.json")), null),
        run(new Terminal(), "--input", folder.resolve("x.json").toString()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``          | the text ends too early",
        "` \n`       | the text ends too early",
        "{           | Unexpected end-of-input (line 1, column 2)",
        "{}}         | Unexpected close marker '}' (line 1, column 3)",
        "{} {}       | there is more text after the document",
      })
  void what_is_not_json_is_named(String text, String reason) throws IOException {
    Path file = Files.writeString(folder.resolve("x.json"), text);
    assertOutcome(
        2,
        "",
        error("%s is not JSON: %s".formatted(file, reason), null),
        run(new Terminal(), "--input", file.toString()));
    assertOutcome(
        2,
        "",
        error("stdin is not JSON: " + reason, null),
        run(new Terminal().input(text), "--input=-"));
  }

  @ParameterizedTest
  @CsvSource({
    "NaN, NaN",
    "Infinity, Infinity",
    "-Infinity, -Infinity",
    "1e99999999999, 1e99999999999",
    "1e2147483647, 1E+2147483647",
    "-1, -1",
  })
  void a_row_with_an_odd_number_hides_no_other(String number, String shown) {
    String named = "NO VERDICT (success is %s, which is not a count)".formatted(shown);
    String line = "main/b" + " ".repeat(35) + named + "\n";
    Terminal.Outcome outcome =
        judge(
            List.of(
                row("main/a", 1000, 20),
                row("main/b", "\"success\":" + number),
                row("main/c", 1, 999)));
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(outcome.stdout().contains("main/a   "), outcome::toString);
    assertTrue(outcome.stdout().contains(line), outcome::toString);
    assertTrue(outcome.stdout().contains("99.90%"), outcome::toString);
    assertTrue(
        outcome.stderr().contains("1 OK, 1 BAD (main/c), 1 NO VERDICT (main/b)"),
        outcome::toString);
  }

  @Test
  void a_row_with_an_odd_time_hides_no_other() {
    String odd = row("main/b", 1000, 20).replaceFirst("(\"max_timestamp\": ?)[0-9]+", "$1NaN");
    Terminal.Outcome outcome = judge(List.of(odd, row("main/a", 1000, 20)));
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(
        outcome.stdout().contains("NO VERDICT (max_timestamp is NaN, which is not a time"),
        outcome::toString);
    assertTrue(outcome.stderr().contains("1 OK, 1 NO VERDICT (main/b)"), outcome::toString);
  }

  @Test
  void a_row_with_a_number_of_a_thousand_digits_hides_no_other() {
    Terminal.Outcome outcome =
        judge(
            List.of(row("main/b", "\"success\":" + "7".repeat(100_000)), row("main/a", 1000, 20)));
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(
        outcome.stdout().contains("success is %s…, which".formatted("7".repeat(100))),
        outcome::toString);
    assertTrue(outcome.stderr().contains("1 OK, 1 NO VERDICT (main/b)"), outcome::toString);
  }

  @Test
  void a_running_job_that_was_saved_gives_no_verdict() {
    assertOutcome(
        2,
        "",
        error("the query is still running", "try again when it has finished"),
        run(new Terminal().input("{\"job\":{\"status\":2}}"), "--input=-"));
  }

  // ---- the command: JSON

  @Test
  void json_has_every_field_of_every_status() {
    Terminal.Outcome outcome =
        judge(
            List.of(
                row("main/a", "\"success\":1000,\"network_error\":11,\"sync_error\":null"),
                row("main/b", 0, 1000),
                row("main/few", 1, 0),
                row("main/none", 0, 0),
                row("normandy/x", 1, 3),
                row("main/odd", "\"success\":true")),
            "--format=json");
    assertEquals(2, outcome.exit());
    String summary = "6 sources: 1 OK, 2 SKIP, 1 EXCLUDED, 1 BAD (main/b), 1 NO VERDICT (main/odd)";
    assertEquals(
        "uptake_health: main/b: error rate 100.00%, threshold 2%\n"
            + OVER
            + ROW
            + ("uptake_health: " + summary + "\n"),
        outcome.stderr());
    String period = "\"from\":\"2026-11-23T00:00:00Z\",\"to\":\"2026-11-23T23:59:59Z\"";
    JsonNode expected =
        Store.JSON.readTree(
            """
                       {"command":"uptake_health","version":"%3$s",%1$s,
                        "results":[
                         {"source":"main/a","status":"ok",%1$s,"good":1000,"bad":11,"error_percent":1.09,
                          "threshold_percent":2.0,
                          "statuses":{"success":1000,"network_error":11,"sync_error":0}},
                         {"source":"main/b","status":"bad",%1$s,"good":0,"bad":1000,"error_percent":100.00,
                          "threshold_percent":2.0,"statuses":{"success":0,"network_error":1000},
                          "hint":"see which error it is, and whether it was there yesterday",
                          "runbook":"docs/runbooks/uptake-over-threshold.md"},
                         {"source":"main/few","status":"skip",%1$s,"good":1,"bad":0,"error_percent":0.00,
                          "threshold_percent":2.0,"statuses":{"success":1,"network_error":0},
                          "reason":"only 1 of the required 1,000 entries"},
                         {"source":"main/none","status":"skip",%1$s,"good":0,"bad":0,
                          "threshold_percent":2.0,"statuses":{"success":0,"network_error":0},
                          "reason":"no entries"},
                         {"source":"normandy/x","status":"excluded",%1$s,"good":1,"bad":3,
                          "error_percent":75.00,"threshold_percent":2.0,
                          "statuses":{"success":1,"network_error":3},"reason":"excluded by normandy/*"},
                         {"source":"main/odd","status":"no-verdict","reason":"success is true, which is not a count",
                          "hint":"look at the result of the query in Redash",
                          "runbook":"docs/runbooks/no-verdict.md"}],
                        "findings":[],"warnings":[],"errors":[],
                        "hints":["%4$s","%5$s"],
                        "summary":"%2$s","exit":2}
            """
                .formatted(period, summary, Version.NUMBER, said(OVER), said(ROW)));
    assertEquals(expected.toPrettyString(), Store.JSON.readTree(outcome.stdout()).toPrettyString());
  }

  @Test
  void json_of_no_verdict_holds_the_error_alone() {
    Terminal.Outcome outcome = judge(List.of(), "--format=json");
    JsonNode document = Store.JSON.readTree(outcome.stdout());
    assertEquals(2, outcome.exit());
    assertEquals(2, document.path("exit").asInt(0));
    assertEquals("[]", document.path("results").toString());
    assertEquals(
        "[\"the result is empty: clients reported nothing, or the query selects nothing\"]",
        document.path("errors").toString());
    assertFalse(document.has("from"));
  }

  // ---- the command: terminals

  @Test
  void on_a_terminal_the_percentage_of_a_finding_and_no_verdict_have_colours() {
    List<String> rows = List.of(row("main/a", 0, 1000), WELL, "null");
    assertOutcome(
        2,
        HEADING
            + """
            main/a                                   (good:         0 bad:     1,000)         \u001b[31m    100.00%\u001b[0m
            well/known                               (good: 1,000,000 bad:         0)               0.00%
            row 3                                    \u001b[33mNO VERDICT\u001b[0m (it is not an object)

            1 settings have a bad ratio over threshold.

            main/a
            \tnetwork_error    100.00% (1,000)
            """,
        "uptake_health: main/a: error rate 100.00%, threshold 2%\n"
            + OVER
            + ROW
            + "uptake_health: 3 sources: 1 OK, 1 BAD (main/a), 1 NO VERDICT (row 3)\n",
        judge(new Terminal().interactive(), rows));
    assertFalse(
        judge(new Terminal().interactive().set("NO_COLOR", "1"), rows).stdout().contains("\u001b"));
  }

  @Test
  void names_of_redash_reach_the_terminal_without_control_characters() {
    Terminal.Outcome outcome =
        judge(
            List.of(
                row("main/\u001b[31ma\u202e", "\"\\u0007b\\u009b_error\":1000"),
                row("row\n\u001b]0;title\u0007", "\"success\":\"\\u001b[2J\""),
                row("few\u001b", 1, 0)),
            "--verbose");
    assertEquals(
        HEADING
            + """
            main/[31ma                               (good:         0 bad:     1,000)             100.00%
            row ]0;title                             NO VERDICT (success is [2J, which is not a count)

            1 settings have a bad ratio over threshold.

            main/[31ma
            \tb_error          100.00% (1,000)
            """,
        outcome.stdout());
    assertFalse(outcome.stderr().contains("\u001b"), outcome::stderr);
  }

  // ---- the command: --previous

  private Path previous(String... rows) {
    try {
      return Files.writeString(folder.resolve("previous.json"), result(rows));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String yesterday(String source, long good, long bad) {
    return row(source, good, bad)
        .replace(String.valueOf(FROM), String.valueOf(FROM - 86_400))
        .replace(String.valueOf(TO), String.valueOf(TO - 86_400));
  }

  /** What is said of a finding of 20.00 % if its source had these rows in the previous result. */
  private String before(String... rows) {
    String[] all = Stream.concat(Stream.of(WELL), Arrays.stream(rows)).toArray(String[]::new);
    Terminal.Outcome outcome =
        judge(List.of(row("main/a", 800, 200)), "--previous=" + previous(all));
    assertEquals(1, outcome.exit(), outcome::toString);
    return outcome
        .stderr()
        .lines()
        .filter(line -> line.contains("error rate"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void a_finding_is_followed_by_its_threshold_and_the_error_rate_in_the_previous_result() {
    String line = "uptake_health: main/a: error rate 20.00%, threshold 2%";
    assertEquals(
        line + ", 0.91% in the previous result", before(yesterday("main/a", 991_000, 9_101)));
    assertEquals(line + ", 0.00% in the previous result", before(yesterday("main/a", 1000, 0)));
    assertEquals(line + ", not in the previous result", before(yesterday("main/b", 1000, 9)));
    assertEquals(line, before(yesterday("main/a", 900, 99))); // fewer entries than are required
    assertEquals(line, before(yesterday("main/a", 0, 0)));
    assertEquals(line, before(row("main/a", "\"success\":true")));
  }

  @Test
  void of_many_findings_ten_are_followed_by_their_threshold_and_one_hint() {
    List<String> rows = IntStream.range(0, 50).mapToObj(i -> row("main/" + i, 800, 200)).toList();
    List<String> said = judge(rows).stderr().lines().toList();
    assertEquals("uptake_health: main/9: error rate 20.00%, threshold 2%", said.get(9));
    assertEquals("uptake_health: and 40 more over their threshold", said.get(10));
    assertEquals(
        "hint: see which error it is, and whether it was there yesterday"
            + " (docs/runbooks/uptake-over-threshold.md)",
        said.get(11));
    assertEquals(13, said.size(), said::toString);
    assertEquals(12, judge(rows.subList(0, 10)).stderr().lines().count());
  }

  @Test
  void the_lines_of_findings_stand_together_with_their_hint() {
    List<String> rows = List.of(row("main/odd", "\"success\":true"), row("main/a", 800, 200));
    assertEquals(
        List.of(
            "uptake_health: main/a: error rate 20.00%, threshold 2%",
            "hint: see which error it is, and whether it was there yesterday"
                + " (docs/runbooks/uptake-over-threshold.md)",
            "hint: look at the result of the query in Redash (docs/runbooks/no-verdict.md)"),
        judge(rows).stderr().lines().limit(3).toList());
  }

  @ParameterizedTest
  @CsvSource({"86399, true", "86400, true", "86398, false"})
  void a_previous_result_that_does_not_end_earlier_is_warned_of(long second, boolean isOdd) {
    String later = row("main/a", 990, 10).replace("" + TO, "" + (FROM + second));
    List<String> said =
        judge(List.of(row("main/a", 990, 10)), "--previous=" + previous(later))
            .stderr()
            .lines()
            .toList();
    assertEquals(isOdd ? 2 : 1, said.size(), said::toString);
    assertEquals(isOdd, said.getFirst().startsWith("uptake_health: warning: PREVIOUS ends 2026-"));
    assertEquals(isOdd, said.getFirst().endsWith(", which is not before the end of this result"));
  }

  @Test
  void stdin_cannot_be_both_results() {
    Terminal.Outcome outcome = run(new Terminal(), "--input=-", "--previous=-");
    assertEquals(
        """
        uptake_health: error: INPUT and PREVIOUS are both stdin
        hint: name a file for one of them
        """,
        outcome.stderr());
    assertEquals(2, outcome.exit());
  }

  @Test
  void a_secret_in_the_previous_result_is_masked() throws IOException {
    Path previous = previous(yesterday("main/key-of-mine", 950, 50), "7");
    Terminal terminal = new Terminal().set("REDASH_API_KEY", "key-of-mine");
    Terminal.Outcome outcome =
        run(
            terminal,
            "--format=json",
            "--html=" + page(),
            "--input=" + previous,
            "--previous=" + previous);
    assertFalse(outcome.toString().contains("key-of-mine"), outcome::toString);
    assertFalse(Files.readString(page()).contains("key-of-mine"));
  }

  @Test
  void of_several_rows_in_the_previous_result_the_one_that_ends_last_counts() {
    String[] rows = {yesterday("main/a", 990, 10), row("main/a", 950, 50), "7"};
    assertTrue(before(rows).endsWith("5.00% in the previous result"), before(rows));
    List<String> reversed = Arrays.asList(rows).reversed();
    assertTrue(before(reversed.toArray(String[]::new)).endsWith("5.00% in the previous result"));
  }

  @Test
  void the_previous_result_changes_no_verdict_and_no_line_of_stdout() {
    List<String> rows = List.of(row("main/a", 800, 200), row("main/b", 990, 10));
    Path bad = previous(yesterday("main/a", 0, 5000), yesterday("main/b", 0, 5000));
    assertEquals(judge(rows).stdout(), judge(rows, "--previous=" + bad).stdout());
    assertEquals(1, judge(rows, "--previous=" + bad).exit());
  }

  @Test
  void json_has_the_error_rate_in_the_previous_result_of_each_source_that_had_one() {
    Path previous = previous(yesterday("main/a", 950, 50), yesterday("main/b", 1, 0));
    JsonNode results =
        Store.JSON
            .readTree(
                judge(
                        List.of(row("main/a", 1000, 0), row("main/b", 1000, 0), WELL),
                        "--format=json",
                        "--previous=" + previous)
                    .stdout())
            .path("results");
    assertEquals("5.00", results.path(0).path("previous_error_percent").toString());
    assertFalse(results.path(1).has("previous_error_percent"));
    assertFalse(results.path(2).has("previous_error_percent"));
  }

  @Test
  void a_previous_result_that_cannot_be_read_is_a_usage_error_before_anything_is_asked()
      throws IOException {
    Path file = folder.resolve("x.json");
    Map<String, String> contents =
        Map.of(
            "{",
            "PREVIOUS: %s is not JSON: Unexpected end-of-input (line 1, column 2)",
            result(),
            "PREVIOUS: the result is empty: clients reported nothing, or the query"
                + " selects nothing",
            result("{\"source\":\"a\",\"min_timestamp\":1,\"max_timestamp\":2,\"success\":1}"),
            "PREVIOUS: no row has a status that ends in _error",
            "<html>",
            "PREVIOUS: cannot read %s: a web page instead of JSON, such as a login page");
    for (Map.Entry<String, String> content : contents.entrySet()) {
      Files.writeString(file, content.getKey());
      assertRefused(content.getValue().formatted(file), file);
    }
    Files.delete(file);
    assertRefused("PREVIOUS: cannot read %s: it is not there".formatted(file), file);
    assertRefused("PREVIOUS: cannot read %s: it is a folder".formatted(folder), folder);
  }

  private static void assertRefused(String message, Path previous) {
    Terminal.Outcome outcome = run(new Terminal(), "--previous", previous.toString());
    assertEquals(2, outcome.exit());
    assertEquals("", outcome.stdout());
    assertEquals(
        "uptake_health: error: " + message, outcome.stderr().lines().findFirst().orElseThrow());
  }

  // ---- the command: --html

  private Path page() {
    return folder.resolve("page.html");
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void the_page_is_written_beside_the_table() throws IOException {
    assertOutcome(
        1,
        HEADING + SAMPLE_LINES + SAMPLE_FINDINGS,
        SAMPLE_SUMMARY,
        run(new Terminal(), "--input", sample(), "--html", page().toString()));
    String html = Files.readString(page());
    assertTrue(html.startsWith("<!DOCTYPE html>\n<html lang=\"en\">"));
    assertTrue(html.strip().endsWith("</html>"));
    assertEquals(List.of("page.html"), files());
  }

  @Test
  void a_page_that_is_there_is_replaced_as_a_whole() throws IOException {
    Files.writeString(page(), "old".repeat(100_000));
    try (var old = Files.newInputStream(page())) {
      judge(List.of(WELL), "--html", page().toString());
      assertEquals("old".repeat(100_000), new String(old.readAllBytes(), StandardCharsets.UTF_8));
    }
    assertTrue(Files.readString(page()).startsWith("<!DOCTYPE html>"));
    assertEquals(List.of("page.html"), files());
  }

  @Test
  void the_same_result_makes_the_same_page() throws IOException {
    judge(List.of(WELL), "--html", page().toString());
    String first = Files.readString(page());
    judge(List.of(WELL), "--html", page().toString());
    Differences.assertSameText(first, Files.readString(page()));
  }

  @Test
  void verbose_says_where_the_page_is() {
    String stderr = judge(List.of(WELL), "--verbose", "--html", page().toString()).stderr();
    assertTrue(stderr.contains("\nuptake_health: wrote " + page() + "\n"), stderr);
  }

  @Test
  void without_a_verdict_the_page_says_so_and_why() throws IOException {
    Map<List<String>, String> reasons =
        Map.of(
            List.of(), "the result is empty",
            List.of("null"),
                "<dt class=\"name\"><span>row 1</span></dt><dd>it is not an object</dd>",
            List.of(row("main/few", 1, 0)),
                "<span>main/</span><span>few</span></dt><dd>only 1 of the required 1,000"
                    + " entries</dd>",
            List.of(row("normandy/x", 1000, 0)),
                "<span>normandy/</span><span>x</span></dt><dd>excluded by normandy/*</dd>");
    for (Map.Entry<List<String>, String> reason : reasons.entrySet()) {
      Files.writeString(page(), "yesterday's");
      assertEquals(2, judge(reason.getKey(), "--html", page().toString()).exit());
      String html = Files.readString(page());
      assertTrue(html.contains("<title>No verdict: uptake of settings</title>"), html);
      assertTrue(html.contains(reason.getValue()), html);
    }
    assertEquals(List.of("page.html"), files());
  }

  @Test
  void a_page_that_replaces_another_may_be_read_by_whom_that_could() throws IOException {
    var permissions = PosixFilePermissions.fromString("rw-rw-r--");
    Files.writeString(page(), "yesterday's");
    Files.setPosixFilePermissions(page(), permissions);
    assertEquals(0, judge(List.of(WELL), "--html", page().toString()).exit());
    assertEquals(permissions, Files.getPosixFilePermissions(page()));
  }

  @Test
  void the_page_is_written_though_nobody_reads_the_table() throws IOException {
    int exit =
        Runner.execute(
            new uptake_health(),
            SettingsTest.surroundings(
                Map.of(),
                result(WELL),
                false,
                ReportTest.closedAfter(0),
                OutputStream.nullOutputStream()),
            "--input=-",
            "--html=" + page());
    assertEquals(141, exit);
    assertTrue(Files.readString(page()).contains("No source over its threshold"));
  }

  @Test
  void a_dash_is_no_page() {
    assertOutcome(2, "", notWritable("-"), judge(List.of(WELL), "--html", "-"));
  }

  private static String notWritable(String html) {
    return error("--html: \"%s\" is not a file in an existing folder".formatted(html), null);
  }

  @Test
  void a_page_in_a_folder_that_is_missing_is_a_usage_error() throws IOException {
    String html = folder.resolve("missing/page.html").toString();
    assertOutcome(2, "", notWritable(html), judge(List.of(WELL), "--html", html));
    assertEquals(List.of(), files());
  }

  @Test
  void a_page_below_a_file_is_a_usage_error() throws IOException {
    Files.writeString(folder.resolve("file"), "");
    String html = folder.resolve("file/page.html").toString();
    assertOutcome(2, "", notWritable(html), judge(List.of(WELL), "--html", html));
  }

  @Test
  void a_page_that_is_a_folder_is_a_usage_error() throws IOException {
    assertOutcome(
        2, "", notWritable(folder.toString()), judge(List.of(WELL), "--html", folder.toString()));
    assertEquals(List.of(), files());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/null", "/dev/full", "/dev/stdout"})
  void a_device_is_a_usage_error_and_survives(String device) throws IOException {
    assumeTrue(Files.exists(Path.of(device)), "there is no " + device);
    Object before = Files.getAttribute(Path.of(device), "unix:mode", LinkOption.NOFOLLOW_LINKS);
    Terminal.Outcome outcome = judge(List.of(WELL), "--html", device);
    assertEquals(
        before, Files.getAttribute(Path.of(device), "unix:mode", LinkOption.NOFOLLOW_LINKS));
    assertOutcome(2, "", notWritable(device), outcome);
  }

  @Test
  void behind_a_symbolic_link_the_file_is_replaced_and_the_link_stays() throws IOException {
    Path target = Files.createDirectory(folder.resolve("target")).resolve("real.html");
    Files.writeString(target, "old");
    Files.createSymbolicLink(page(), target);
    assertEquals(0, judge(List.of(WELL), "--html", page().toString()).exit());
    assertTrue(Files.isSymbolicLink(page()));
    assertTrue(Files.readString(target).startsWith("<!DOCTYPE html>"));
    assertEquals(List.of("page.html", "target"), files());
  }

  @Test
  void a_page_that_cannot_be_written_is_no_full_verdict_and_the_table_is_there() {
    // a name that leaves no room for that of the file that is renamed at the end
    Path html = folder.resolve("x".repeat(240) + ".html");
    assertOutcome(
        2,
        HEADING
            + "well/known                               (good: 1,000,000 bad:         0)           "
            + "    0.00%\n",
        error("cannot write %s: File name too long".formatted(html), "check HTML")
            + "uptake_health: 1 source: 1 OK\n",
        judge(List.of(WELL), "--html", html.toString()));
  }

  @Test
  void a_folder_that_nothing_can_be_written_to_is_named() {
    assumeTrue(Files.isDirectory(Path.of("/proc")), "no /proc, where not even root may write");
    Terminal.Outcome outcome = judge(List.of(WELL), "--html", "/proc/uptake.html");
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stderr()
            .startsWith(error("cannot write /proc/uptake.html: it is not there", "check HTML")),
        outcome::stderr);
  }

  // ---- peers

  @Test
  void ten_thousand_sources_are_printed_as_python_prints_them() throws Exception {
    Path python = Peers.PYTHON.path();
    Random random = new Random(SEED);
    List<String> rows = new ArrayList<>();
    for (int bad = 0; bad <= 800; bad++) { // every second odd one of them ends in a 5 exactly
      rows.add(row("tie/" + bad, 800 - bad, bad));
    }
    List<String> names = List.of("main/", "é😀/", "main/" + "x".repeat(32), "𝔘𝔫𝔦/", "a b/");
    while (rows.size() < PAIRS) {
      long total = 1 + (long) Math.pow(10, random.nextDouble() * 12);
      long network = random.nextLong(total + 1);
      long sync = random.nextInt(3) == 0 ? network : random.nextLong(total - network + 1);
      sync = Math.min(sync, total - network);
      long good = total - network - sync;
      rows.add(
          row(
              names.get(random.nextInt(names.size())) + rows.size(),
              "\"up_to_date\":%d,\"sync_error\":%d,\"a_very_long_status_error\":0,"
                      .formatted(good, sync)
                  + "\"network_error\":%d,\"success\":null".formatted(network)));
    }
    Terminal terminal =
        new Terminal().set("MIN_TOTAL_ENTRIES", 0).set("DEFAULT_ERROR_THRESHOLD_PERCENT", 0);
    Terminal.Outcome ours = judge(terminal, rows);
    assertEquals(1, ours.exit());
    Path document =
        Files.writeString(folder.resolve("result"), result(rows.toArray(String[]::new)));
    Project.Outcome theirs =
        Project.run(
                python,
                "-c",
                """
                import json, sys
                sys.stdout.reconfigure(encoding="utf-8")
                rows = json.load(open(sys.argv[1], encoding="utf-8"))["query_result"]["data"]["rows"]
                bad_rows = []
                for row in rows:
                    source = row.pop("source")
                    del row["min_timestamp"], row["max_timestamp"]
                    row = {k: v or 0 for k, v in row.items()}
                    total = sum(row.values())
                    statuses = {k: v for k, v in row.items() if k.endswith("_error")}
                    bad = sum(statuses.values())
                    good = total - bad
                    stats = f"(good:{good:>10,} bad:{bad:>10,})"
                    print(f"{source:40} {stats:40} {100*bad/total:>10.2f}%")
                    if bad > 0:
                        bad_rows.append((source, statuses, total))
                print(f"\\n{len(bad_rows)} settings have a bad ratio over threshold.")
                for source, statuses, total in bad_rows:
                    print(f"\\n{source}")
                    for s, v in sorted(statuses.items(), key=lambda i: i[1], reverse=True):
                        if v > 0:
                            print(f"\\t{s:<16} {v/total*100:.2f}% ({v:,})")
                """,
                document)
            .go();
    assertEquals(0, theirs.exit(), theirs::stderr);
    List<String> expected = theirs.stdout().lines().toList();
    List<String> actual = ours.stdout().lines().skip(1).toList();
    List<String> differences = new ArrayList<>();
    for (int i = 0; i < Math.min(expected.size(), actual.size()); i++) {
      if (!expected.get(i).equals(actual.get(i))) {
        differences.add("ours   " + actual.get(i) + "\ntheirs " + expected.get(i));
      }
    }
    assertEquals(List.of(), differences.subList(0, Math.min(10, differences.size())));
    assertEquals(expected.size(), actual.size());
    assertTrue(actual.size() > 3 * PAIRS, "too few lines: " + actual.size());
  }

  @Test
  void a_folder_is_no_result() {
    assertOutcome(
        2,
        "",
        error("cannot read %s: it is a folder".formatted(folder), null),
        run(new Terminal(), "--input", folder.toString()));
  }

  /** Each language in a process of its own, for all threads of this one share theirs. */
  @ParameterizedTest
  @ValueSource(strings = {"de-DE", "hi-IN-u-nu-deva", "ar-EG-u-nu-arab"})
  void lines_and_page_are_the_same_in_every_language(String language) throws IOException {
    run(new Terminal(), "--input", sample(), "--html", page().toString());
    String made = "(?<=Made by uptake_health, )[-0-9]+ [:0-9]+ UTC";
    String expected = Files.readString(page()).replaceFirst(made, "then");
    Locale locale = Locale.forLanguageTag(language);
    Project.Outcome outcome =
        Project.run(
                Jvm.commandLine(
                        List.of(
                            "-Duser.language=" + locale.getLanguage(),
                            "-Duser.country=" + locale.getCountry(),
                            "-Duser.extensions=" + language.replaceFirst("^.{5}-?", "")),
                        "uptake_health",
                        "--input=" + sample(),
                        "--html=" + page())
                    .toArray())
            .go();
    assertEquals(1, outcome.exit(), outcome.stderr());
    assertEquals(HEADING + SAMPLE_LINES + SAMPLE_FINDINGS, outcome.stdout());
    assertEquals(SAMPLE_SUMMARY, outcome.stderr());
    Differences.assertSameText(expected, Files.readString(page()).replaceFirst(made, "then"));
  }

  @Test
  void a_job_that_was_cancelled_is_not_said_to_run() {
    assertNoData(
        "the query was cancelled",
        "run it in Redash",
        () -> uptake_health.rows(json("{\"job\":{\"status\":5,\"error\":\"\"}}")));
  }

  @Test
  void a_job_that_failed_without_an_error_is_named() {
    for (String job : List.of("{\"status\":4}", "{\"status\":4,\"error\":null}")) {
      assertNoData(
          "the query failed",
          "run it in Redash",
          () -> uptake_health.rows(json("{\"job\":%s}".formatted(job))));
    }
  }

  @Test
  void a_web_page_that_was_saved_is_named() throws IOException {
    Path file = Files.writeString(folder.resolve("x.json"), "\n <!DOCTYPE html><p>Log in</p>");
    assertOutcome(
        2,
        "",
        error(
            "cannot read %s: a web page instead of JSON, such as a login page".formatted(file),
            null),
        run(new Terminal(), "--input", file.toString()));
  }

  @Test
  void a_mark_of_the_byte_order_is_no_obstacle() {
    assertEquals(0, run(new Terminal().input("\ufeff" + result(WELL)), "--input=-").exit());
  }
}
