//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/Advice.java
//SOURCES ../deploy/Project.java
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../uptake_health.java
//SOURCES ../blockpages_generator.java
//SOURCES ../backport_records.java
//SOURCES ../common/Http.java
//SOURCES ../common/InOrder.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../common/Report.java
//SOURCES ../common/Runner.java
//SOURCES ../common/Tally.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES Differences.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.Advice;
import common.Advice.Runbook;
import common.Display;
import common.Http;
import common.InOrder;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Surroundings;
import common.Tally;
import common.Version;
import common.signature.CertificateChain;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * How the commands talk: what goes where and in which order, exit codes, JSON, colour, and that no
 * server's text does anything to a terminal.
 */
class ReportTest {

  private static final Advice SET_AUTH = new Advice("no-auth", "set AUTH", Runbook.NO_VERDICT);

  private static final JsonMapper JSON = new JsonMapper();
  private static final Map<String, Object> NOTHING = Map.of();

  // ---- exit codes

  private static Stream<Arguments> outcomes() {
    return Stream.of(
        arguments(List.of(), 0, 0),
        arguments(List.of(Status.GOOD), 0, 0),
        arguments(List.of(Status.GOOD, Status.BAD), 1, 0),
        arguments(List.of(Status.UNKNOWN), 2, 2),
        arguments(List.of(Status.BAD, Status.UNKNOWN, Status.GOOD), 2, 2),
        arguments(List.of(Status.UNKNOWN, Status.BAD), 2, 2));
  }

  @ParameterizedTest
  @MethodSource("outcomes")
  void findings_are_1_and_no_full_verdict_outranks_them(
      List<Status> statuses, int exit, int exitZero) {
    SettingsTest.Probe.Task task =
        (_, report) -> statuses.forEach(status -> report.result(status, "a line", NOTHING));
    for (String format : List.of("--format=text", "--format=json")) {
      assertEquals(exit, run(task, format).exit());
      assertEquals(exitZero, run(task, format, "--exit-zero").exit());
    }
  }

  @Test
  void an_error_beside_findings_is_2_whatever_comes_first() {
    assertEquals(
        2,
        run(
                (_, report) -> {
                  report.result(Status.BAD, "bad", NOTHING);
                  report.error("could not do the rest", "do it");
                })
            .exit());
    assertEquals(
        2,
        run(
                (_, report) -> {
                  report.error("could not do the first", "do it");
                  report.result(Status.BAD, "bad", NOTHING);
                })
            .exit());
  }

  @Test
  void nothing_to_look_at_is_2() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      Terminal.Outcome outcome = validate(server);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("validate_signature: error: "), outcome::toString);

      server.publish("main", "cfr", "{\"id\": \"1\"}");
      assertEquals(0, validate(server).exit());
      for (String pattern : List.of("--only=x/*", "--exclude=*")) {
        outcome = validate(server, pattern);
        assertEquals(2, outcome.exit(), outcome::toString);
        assertTrue(outcome.stderr().contains("\nhint: "), outcome::toString);
      }
    }
  }

  @Test
  void one_bad_collection_never_stops_the_others() throws IOException {
    try (RemoteSettingsServer server = three()) {
      server.fault("altered-record=main/a");
      server.fault("wrong-shape=main/b");
      Terminal.Outcome outcome = validate(server);
      assertEquals(2, outcome.exit());
      List<String> lines = outcome.stdout().lines().toList();
      assertTrue(line(lines, "main", "a").endsWith(":  ⚠ BAD Signature ⚠"), outcome::toString);
      assertTrue(line(lines, "main", "b").matches(".*:  NO VERDICT \\(.+\\)"), outcome::toString);
      assertTrue(line(lines, "main", "c").contains(":  OK"), outcome::toString);
    }
  }

  private static String line(List<String> lines, String bucket, String collection) {
    String path = " /buckets/" + bucket + "/collections/" + collection + ":";
    return lines.stream().filter(line -> line.contains(path)).findFirst().orElse("");
  }

  // ---- failures

  @Test
  void a_failure_is_one_line_and_a_hint() {
    Terminal.Outcome outcome =
        run((_, report) -> report.error("main/cfr: leaf expired", "renew it"));
    assertEquals("probe: error: main/cfr: leaf expired\nhint: renew it\n", outcome.stderr());
    assertEquals("", outcome.stdout());
  }

  private static Stream<Throwable> bugs() {
    return Stream.of(
        new IllegalStateException("the first line\nthe second"),
        new NullPointerException(),
        new StackOverflowError(),
        new AssertionError("no", new IOException("cause")));
  }

  @ParameterizedTest
  @MethodSource("bugs")
  void a_bug_is_one_line_and_2_and_its_trace_is_for_verbose(Throwable bug) {
    SettingsTest.Probe.Task task =
        (_, report) -> {
          report.result(Status.BAD, "a line that was done", NOTHING);
          throw thrown(bug);
        };
    Terminal.Outcome outcome = run(task);
    assertEquals(2, outcome.exit());
    assertEquals("a line that was done\n", outcome.stdout());
    List<String> lines = outcome.stderr().lines().toList();
    assertEquals(2, lines.size(), outcome.stderr());
    assertTrue(lines.getFirst().startsWith("probe: error: unexpected " + bug.getClass().getName()));
    assertTrue(lines.getLast().startsWith("hint: this is a bug"), outcome.stderr());

    outcome = run(task, "--verbose");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains("\tat "), outcome.stderr());
  }

  /** Throws what a task's signature does not allow. */
  private static Exception thrown(Throwable bug) {
    switch (bug) {
      case Error error -> throw error;
      case Exception exception -> {
        return exception;
      }
      default -> throw new AssertionError(bug);
    }
  }

  @Test
  void out_of_memory_is_2_with_a_hint() {
    Terminal.Outcome outcome =
        run((_, _) -> {
          throw new OutOfMemoryError("Java heap space");
        });
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().startsWith("probe: error: out of memory\nhint: "));
    assertEquals(2, outcome.stderr().lines().count(), outcome.stderr());
  }

  @Test
  void a_server_that_fails_is_2_with_request_and_reason() throws IOException {
    try (RecordingServer server = RecordingServer.of(Reply.status(503))) {
      SettingsTest.Probe.Task task = reading(server.url());
      Terminal.Outcome outcome = run(task, "--quiet", "--requests-nb-retries=1");
      assertEquals(2, outcome.exit());
      assertEquals(
          """
          probe: error: GET %s: 503 (after 2 attempts)
          hint: run the command again later; if that does not help, ask the server's operators \
          (docs/runbooks/no-verdict.md)
          """
              .formatted(server.url()),
          outcome.stderr());
      assertTrue(run(task, "--verbose", "--requests-nb-retries=0").stderr().contains("\tat "));
    }
  }

  @Test
  void waits_are_told_on_stderr_but_under_quiet() throws IOException {
    try (RecordingServer server = RecordingServer.of(Reply.status(503), Reply.json("{}"))) {
      Terminal.Outcome outcome = run(reading(server.url()), "--requests-nb-retries=4");
      assertEquals(0, outcome.exit());
      assertEquals("", outcome.stdout());
      assertTrue(
          outcome
              .stderr()
              .matches("probe: GET \\S+: 503, trying again in .* \\(attempt 2 of 5\\)\n"),
          outcome.stderr());
    }
    try (RecordingServer server = RecordingServer.of(Reply.status(503), Reply.json("{}"))) {
      assertEquals("", run(reading(server.url()), "--quiet").stderr());
    }
  }

  private static SettingsTest.Probe.Task reading(URI url) {
    return reading(url, 1);
  }

  private static SettingsTest.Probe.Task reading(URI url, int times) {
    return new SettingsTest.Probe.Task() {
      @Override
      public void run(Surroundings surroundings, Report report) throws Exception {
        SettingsTest.Probe probe = current;
        try (Http http = probe.server.http(surroundings, report)) {
          for (int i = 0; i < times; i++) {
            http.get(url, 1000, java.io.InputStream::readAllBytes);
          }
        }
      }
    };
  }

  // ---- what is printed where

  @Test
  void results_are_on_stdout_and_all_else_on_stderr() {
    Terminal.Outcome outcome = run(everything());
    Differences.assertSameText(
        """
        Read a list
        1/2 good:  OK
        2/2 bad:  BAD
         - Cause: details
        """,
        outcome.stdout());
    Differences.assertSameText(
        """
        probe: warning: something is odd
        probe: error: something failed
        hint: do this
        probe: 3 BAD for one cause: this
        hint: set AUTH (docs/runbooks/no-verdict.md)
        probe: 2 things: 1 OK, 1 BAD
        """,
        outcome.stderr());
  }

  @Test
  void quiet_keeps_findings_errors_and_the_summary() {
    Terminal.Outcome outcome = run(everything(), "--quiet");
    assertEquals("2/2 bad:  BAD\n - Cause: details\n", outcome.stdout());
    assertFalse(outcome.stderr().contains("a note"), outcome.stderr());
    assertTrue(outcome.stderr().contains("probe: error: something failed\n"), outcome.stderr());
    assertTrue(outcome.stderr().endsWith("probe: 2 things: 1 OK, 1 BAD\n"), outcome.stderr());
  }

  @Test
  void quiet_keeps_what_could_not_be_judged() {
    assertEquals(
        "1/1 x:  NO VERDICT\n",
        run((_, report) -> report.result(Status.UNKNOWN, "1/1 x:  NO VERDICT", NOTHING), "--quiet")
            .stdout());
  }

  @Test
  void verbose_adds_notes() {
    assertFalse(run(everything()).stderr().contains("a note"));
    assertTrue(run(everything(), "--verbose").stderr().contains("probe: a note\n"));
  }

  @Test
  void a_warning_is_given_once() {
    Terminal.Outcome outcome =
        run((_, report) -> {
          report.warn("the same");
          report.warn("the same");
        });
    assertEquals("probe: warning: the same\n", outcome.stderr());
    assertEquals(0, outcome.exit(), "the verdict stands");
  }

  @Test
  void a_hint_for_many_is_given_once() {
    Terminal.Outcome outcome =
        run((_, report) -> {
          report.hint(null, SET_AUTH);
          report.hint("a/b BAD", SET_AUTH);
        });
    assertEquals("hint: set AUTH (docs/runbooks/no-verdict.md)\n", outcome.stderr());
  }

  @Test
  void the_document_has_each_hint_of_errors_and_causes_once() {
    JsonNode document =
        document(
            run(
                (_, report) -> {
                  report.error("something failed", "do this");
                  report.error("something else failed", "do this");
                  tally("why", "why").tellCauses(report);
                },
                "--format=json"));
    assertEquals(
        List.of("do this", "set AUTH (docs/runbooks/no-verdict.md)"),
        document.path("hints").valueStream().map(JsonNode::stringValue).toList());
  }

  @Test
  void the_summary_counts_and_names_what_is_wrong() {
    assertEquals("4 collections: 2 OK, 2 BAD (a/d, a/e)", twoOfEach(4).counts());
    assertEquals("6 collections: 2 OK, 2 BAD (a/d, a/e), 2 not finished", twoOfEach(6).counts());
    Tally bad = new Tally("collection", 1, "OK", "BAD");
    bad.add("a/d", Status.BAD, "BAD", "why", Advice.UNEXPECTED);
    assertEquals("1 collection: 0 OK, 1 BAD (a/d)", bad.counts());
  }

  // ---- causes

  private static String causes(Tally tally) {
    return run((_, report) -> tally.tellCauses(report)).stderr();
  }

  private static Tally tally(String... reasons) {
    Tally tally = new Tally("collection", reasons.length, "OK", "BAD");
    for (int i = 0; i < reasons.length; i++) {
      tally.add("a/" + i, Status.BAD, "BAD", reasons[i], SET_AUTH);
    }
    return tally;
  }

  private static final String HINT = "hint: set AUTH (docs/runbooks/no-verdict.md)\n";

  @Test
  void findings_of_one_cause_are_one_line_with_its_hint() {
    assertEquals("probe: 3 BAD for one cause: why\n" + HINT, causes(tally("why", "why", "why")));
  }

  @Test
  void a_cause_that_only_one_has_is_only_a_hint() {
    assertEquals(HINT, causes(tally("why")));
  }

  @Test
  void what_is_good_has_no_cause() {
    Tally tally = new Tally("collection", 2, "OK");
    tally.add("a/b", Status.GOOD, "OK", null, null);
    tally.add("a/c", Status.GOOD, "OK", null, null);
    assertEquals("", causes(tally));
  }

  @Test
  void findings_whose_texts_differ_are_told_by_their_kind() {
    assertEquals(
        "probe: 3 BAD of one kind: no auth\n" + HINT, causes(tally("one", "two", "three")));
  }

  @Test
  void the_same_text_is_told_beside_others_of_its_kind_and_the_hint_once() {
    assertEquals(
        """
        probe: 2 BAD for one cause: one
        hint: set AUTH (docs/runbooks/no-verdict.md)
        probe: 2 BAD of one kind: no auth
        """,
        causes(tally("one", "two", "one", "three")));
  }

  @Test
  void the_same_text_with_another_word_is_another_cause() {
    Tally tally = tally("one", "one");
    tally.add("a/c", Status.UNKNOWN, "NO VERDICT", "one", SET_AUTH);
    tally.add("a/d", Status.UNKNOWN, "NO VERDICT", "one", SET_AUTH);
    assertEquals(
        """
        probe: 2 BAD for one cause: one
        hint: set AUTH (docs/runbooks/no-verdict.md)
        probe: 2 NO VERDICT for one cause: one
        """,
        causes(tally));
  }

  @Test
  void the_five_causes_that_most_have_are_told_and_the_others_counted() {
    Tally tally = new Tally("collection", 14);
    for (int i = 1; i <= 7; i++) {
      Advice advice = new Advice("cause", "do " + i, Runbook.NO_VERDICT);
      tally.add("a/" + i, Status.BAD, "BAD", "why " + i, advice);
      tally.add("b/" + i, Status.BAD, "BAD", "why " + i, advice);
    }
    tally.add("c/7", Status.BAD, "BAD", "why 7", new Advice("cause", "do 7", Runbook.NO_VERDICT));
    String told = causes(tally);
    assertTrue(
        told.startsWith(
            """
            probe: 3 BAD for one cause: why 7
            hint: do 7 (docs/runbooks/no-verdict.md)
            probe: 2 BAD for one cause: why 1
            """),
        told);
    assertTrue(
        told.endsWith("hint: do 4 (docs/runbooks/no-verdict.md)\nprobe: and 2 more causes\n"),
        told);
  }

  @Test
  void of_several_causes_that_of_a_single_one_has_its_name() {
    Tally tally = tally("why", "why", "other");
    tally.add("a/9", Status.UNKNOWN, "NO VERDICT", "503", advice("do that"));
    tally.add("a/8", Status.UNKNOWN, "NO VERDICT", "504", advice("do that"));
    tally.add("a/7", Status.UNKNOWN, "NO VERDICT", "505", advice("do it"));
    assertEquals(
        """
        probe: 2 BAD for one cause: why
        hint: set AUTH (docs/runbooks/no-verdict.md)
        probe: 2 NO VERDICT of one kind: a
        hint: do that (docs/runbooks/no-verdict.md)
        probe: a/7 NO VERDICT
        hint: do it (docs/runbooks/no-verdict.md)
        """,
        causes(tally));
  }

  @Test
  void ctrl_c_tells_the_causes_of_what_was_found_so_far() {
    assertEquals(
        "probe: 2 BAD for one cause: why\n"
            + HINT
            + "probe: interrupted: 2 collections: 0 OK, 2 BAD (a/0, a/1)\n",
        run((_, report) -> tally("why", "why").interrupted(report)).stderr());
  }

  @Test
  void ten_thousand_findings_with_texts_of_their_own_are_few_lines() {
    String[] reasons =
        IntStream.range(0, 10_000).mapToObj(i -> i + "x".repeat(1_000)).toArray(String[]::new);
    assertEquals("probe: 10000 BAD of one kind: no auth\n" + HINT, causes(tally(reasons)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u001b[2Jx", "a\nb", "\u202ex"})
  void a_cause_cannot_steer_the_terminal(String reason) {
    String told = causes(tally(reason, reason));
    assertEquals(2, told.lines().count(), told);
    assertTrue(told.chars().noneMatch(c -> c < ' ' && c != '\n' || c == 0x202e), told);
  }

  @Test
  void quiet_keeps_the_causes() {
    Terminal.Outcome outcome =
        run((_, report) -> tally("why", "why").tellCauses(report), "--quiet");
    assertEquals("probe: 2 BAD for one cause: why\n" + HINT, outcome.stderr());
  }

  /** Every kind of cause that a command can name, by what names it. */
  private static Stream<Advice> everyAdvice() {
    List<Stream<Advice>> all =
        List.of(
            Stream.of(CertificateChain.Cause.values())
                .map(cause -> new CertificateChain.Refused(cause, "why").advice()),
            Stream.of(consistency_checks.Finding.values()).map(it -> it.advice),
            Stream.of(refresh_signature.Finding.values()).map(it -> it.advice),
            Stream.of(validate_changes_collection.Finding.values()).map(it -> it.advice),
            Stream.of(backport_records.Verdict.values())
                .filter(it -> it.status != Status.GOOD)
                .map(it -> it.advice),
            Stream.of(blockpages_generator.NOT_PUBLISHED),
            Stream.of(
                uptake_health.OVER_THRESHOLD, uptake_health.UNREADABLE, uptake_health.OLD_DATA),
            Stream.of(Advice.ODD_ENTRY, Advice.UNEXPECTED));
    return all.stream().flatMap(it -> it);
  }

  @Test
  void every_cause_has_a_hint_and_a_page_that_exists() {
    assertEquals(
        List.of(),
        everyAdvice()
            .filter(advice ->
                advice == null
                    || advice.hint().isBlank()
                    || !advice.cause().matches("[a-z0-9-]+")
                    || !Files.isRegularFile(Project.root().resolve(advice.page().path())))
            .toList());
  }

  @Test
  void every_page_that_the_code_names_exists() {
    for (Runbook page : Runbook.values()) {
      assertTrue(Files.isRegularFile(Project.root().resolve(page.path())), page::path);
    }
  }

  private static Tally twoOfEach(int expected) {
    Tally tally = new Tally("collection", expected, "OK", "SKIP", "BAD");
    tally.add("a/b", Status.GOOD, "OK", null, null);
    tally.add("a/d", Status.BAD, "BAD", "why", Advice.UNEXPECTED);
    tally.add("a/c", Status.GOOD, "OK", null, null);
    tally.add("a/e", Status.BAD, "BAD", "why", Advice.UNEXPECTED);
    return tally;
  }

  @Test
  void of_a_long_list_the_first_ten_are_named() {
    List<String> names = new ArrayList<>();
    for (int i = 1; i <= 12; i++) {
      names.add("c" + i);
    }
    assertEquals("c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 and 2 more", Display.some(names));
    assertEquals("c1, c2", Display.some(names.subList(0, 2)));
  }

  @Test
  void what_nobody_expects_of_one_leaves_the_others_their_turn() {
    List<String> shown = new ArrayList<>();
    Terminal.Outcome outcome =
        run((_, report) ->
            InOrder.run(
                report,
                List.of("a", "b", "c"),
                2,
                entry -> {
                  if (entry.equals("b")) {
                    throw new IllegalStateException("a bug");
                  }
                  return entry + " fine";
                },
                (entry, reason) -> entry + " " + reason,
                shown::add,
                () -> {}));
    assertEquals(
        List.of("a fine", "b unexpected java.lang.IllegalStateException: a bug", "c fine"), shown);
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains("hint: this is a bug"), outcome.stderr());
  }

  private static SettingsTest.Probe.Task everything() {
    return (_, report) -> {
      report.heading("Read a list");
      report.result(Status.GOOD, "1/2 good:  OK", Map.of("name", "good"));
      report.result(Status.BAD, "2/2 bad:  BAD", Map.of("name", "bad"));
      report.warn("something is odd");
      report.note("a note");
      report.details(" - Cause: details");
      report.error("something failed", "do this");
      report.remark("3 BAD for one cause: this");
      report.hint(null, SET_AUTH);
      report.summary("2 things: 1 OK, 1 BAD");
    };
  }

  @Test
  void an_alert_of_the_server_is_shown_once() throws IOException {
    try (RecordingServer server =
        RecordingServer.of(Reply.json("{}", "Alert: {\"type\":\"soft-eol\"}"))) {
      for (String[] args : List.of(new String[0], new String[] {"--quiet"})) {
        Terminal.Outcome outcome = run(reading(server.url(), 3), args);
        assertEquals(0, outcome.exit());
        assertEquals("probe: alert from the server: {\"type\":\"soft-eol\"}\n", outcome.stderr());
      }
    }
  }

  @Test
  void lines_come_in_the_order_of_the_list_whatever_finishes_first() throws Exception {
    CountDownLatch othersAreDone = new CountDownLatch(2);
    assertEquals(
        List.of("a", "b", "c"),
        collectionsInOrder(
            collection -> {
              if (collection.equals("a")) {
                await(othersAreDone);
              } else {
                othersAreDone.countDown();
              }
            },
            _ -> {}));
  }

  @Test
  void a_line_comes_as_soon_as_its_turn_has() throws Exception {
    CountDownLatch firstTwoArePrinted = new CountDownLatch(2);
    assertEquals(
        List.of("a", "b", "c"),
        collectionsInOrder(
            collection -> {
              if (collection.equals("c")) {
                await(firstTwoArePrinted);
              }
            },
            line -> {
              if (line.matches("(?s)0[12]/03 .*")) {
                firstTwoArePrinted.countDown();
              }
            }));
  }

  private interface Step {
    void take(String what) throws InterruptedException;
  }

  /** Verifies three collections of the server, doing the first before each answer. */
  private static List<String> collectionsInOrder(Step beforeAnswer, Step onPrinted)
      throws IOException {
    String entries =
        Stream.of("a", "b", "c")
            .map("{\"bucket\":\"main\",\"collection\":\"%s\",\"last_modified\":1}"::formatted)
            .reduce((one, other) -> one + "," + other)
            .orElseThrow();
    try (RecordingServer server =
        RecordingServer.routes(request -> {
          if (request.path().startsWith("/v1/buckets/monitor/")) {
            return Reply.json("{\"changes\":[" + entries + "]}");
          }
          if (request.path().equals("/v1/")) {
            return Reply.json("{\"capabilities\":{}}");
          }
          String collection = request.path().split("/")[5];
          return exchange -> {
            beforeAnswer.take(collection);
            Reply.json(
                    """
                    {"changes": [{"id": "1"}], "metadata": {}, "timestamp": 1}\
                    """)
                .send(exchange);
          };
        })) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      OutputStream out =
          new OutputStream() {
            @Override
            public void write(int one) {
              all.write(one);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
              all.write(bytes, offset, length);
              try {
                onPrinted.take(new String(bytes, offset, length, StandardCharsets.UTF_8));
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            }
          };
      int exit =
          Runner.execute(
              new validate_signature(),
              SettingsTest.surroundings(Map.of(), "", false, out, OutputStream.nullOutputStream()),
              "--server=" + server.url("/v1"));
      assertEquals(1, exit, all.toString(StandardCharsets.UTF_8));
      return all.toString(StandardCharsets.UTF_8)
          .lines()
          .filter(line -> line.matches("\\d\\d/\\d\\d .*"))
          .map(line -> line.replaceFirst(".*/collections/([a-z]):.*", "$1"))
          .toList();
    }
  }

  private static void await(CountDownLatch latch) throws InterruptedException {
    assertTrue(latch.await(5, TimeUnit.MINUTES), "the others did not come first");
  }

  // ---- JSON

  @Test
  void json_is_one_document_on_stdout() {
    Terminal.Outcome outcome = run(everything(), "--format=json");
    JsonNode document = document(outcome);
    assertEquals("probe", document.get("command").stringValue());
    assertEquals(Version.NUMBER, document.get("version").stringValue());
    assertEquals(2, document.get("exit").intValue());
    assertEquals(2, outcome.exit());
    assertEquals("good", document.get("results").get(0).get("name").stringValue());
    assertEquals("bad", document.get("results").get(1).get("name").stringValue());
    assertEquals("something is odd", document.get("warnings").get(0).stringValue());
    assertEquals("something failed", document.get("errors").get(0).stringValue());
    assertEquals("2 things: 1 OK, 1 BAD", document.get("summary").stringValue());
    assertTrue(outcome.stderr().contains("probe: 2 things: 1 OK, 1 BAD\n"), outcome.stderr());
  }

  @Test
  void json_under_quiet_and_verbose_is_the_same_document() {
    String document = run(everything(), "--format=json").stdout();
    assertEquals(document, run(everything(), "--format=json", "--quiet").stdout());
    assertEquals(document, run(everything(), "--format=json", "--verbose").stdout());
  }

  @Test
  void json_has_a_document_for_a_run_that_failed() {
    Terminal.Outcome outcome =
        run(
            (_, _) -> {
              throw new IllegalStateException("boom");
            },
            "--format=json");
    assertEquals(2, outcome.exit());
    assertEquals(2, document(outcome).get("exit").intValue());
    assertTrue(document(outcome).get("errors").get(0).stringValue().contains("boom"));
  }

  @Test
  void json_has_the_same_verdicts_as_text() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("altered-record=main/regions");
      server.fault("wrong-shape=blocklists/addons");
      Terminal.Outcome text = validate(server);
      Terminal.Outcome json = validate(server, "--format=json");
      assertEquals(text.exit(), json.exit());
      Map<String, String> inText = new TreeMap<>();
      text.stdout()
          .lines()
          .filter(line -> line.matches("\\d\\d/\\d\\d .*"))
          .forEach(line ->
              inText.put(
                  line.replaceFirst(".* /buckets/(.*)/collections/(.*):  .*", "$1/$2"),
                  line.replaceFirst(".*:  ⚠? ?", "").replaceFirst("[ (].*", "")));
      Map<String, String> inJson = new TreeMap<>();
      for (JsonNode result : document(json).get("results")) {
        String status = result.get("status").stringValue();
        inJson.put(
            result.get("bucket").stringValue() + "/" + result.get("collection").stringValue(),
            status.equals("no-verdict") ? "NO" : status.toUpperCase(java.util.Locale.ROOT));
      }
      assertTrue(inText.values().containsAll(List.of("OK", "BAD", "SKIP", "NO")), text::toString);
      assertEquals(inText, inJson);
    }
  }

  @Test
  void json_has_no_colour() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    execute(coloured(), true, out, new ByteArrayOutputStream(), "--format=json");
    assertFalse(out.toString(StandardCharsets.UTF_8).contains("\u001b"));
    assertFalse(out.toString(StandardCharsets.UTF_8).contains("u001b"));
  }

  private static JsonNode document(Terminal.Outcome outcome) {
    assertTrue(outcome.stdout().startsWith("{"), outcome::toString);
    assertTrue(outcome.stdout().endsWith("}\n"), outcome::toString);
    return JSON.readTree(outcome.stdout());
  }

  // ---- what a terminal gets

  private static SettingsTest.Probe.Task coloured() {
    return (_, report) -> {
      for (Status status : Status.values()) {
        String word = report.word(status, status.name());
        report.result(status, "x: " + word, Map.of("x", status.name()));
      }
    };
  }

  @Test
  void colour_is_on_the_status_word_of_a_terminal_only() {
    assertEquals("x: GOOD\nx: BAD\nx: UNKNOWN\n", run(coloured()).stdout());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    execute(coloured(), true, out, new ByteArrayOutputStream());
    String lines = out.toString(StandardCharsets.UTF_8);
    assertTrue(lines.startsWith("x: \u001b[32mGOOD\u001b[0m\n"), lines);
    assertEquals("x: GOOD\nx: BAD\nx: UNKNOWN\n", lines.replaceAll("\u001b\\[[0-9;]*m", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "'a\u001b[31mb', 'a[31mb'",
    "'a\u009b31mb', 'a31mb'",
    "'a\rb\nc', 'ab c'",
    "'a\u0000b\u0007c\u007fd\u0085e', 'abcde'",
    "'a\u202eb\u2066c\u2069', 'abc'",
    "'a\u2028b\u2029c', 'a b c'",
    "'plain, é, 日本, \ud83d\ude00, ⚠', 'plain, é, 日本, \ud83d\ude00, ⚠'",
    "'', ''"
  })
  void control_characters_are_stripped(String text, String clean) {
    assertEquals(clean, Display.clean(text));
  }

  @Test
  void no_text_of_a_server_controls_the_terminal() throws IOException {
    String evil = "\\u001b[2Jgone\\u0007\\r\\nprobe: all is well\\u202e\\u009b1m";
    try (RemoteSettingsServer server = three()) {
      server.fault("altered-record=main/a");
      server.answer(
          "main/b",
          200,
          "application/json",
          "{\"changes\": [{\"id\": \""
              + evil
              + "\"},"
              + " {\"id\": \""
              + evil
              + "\"}], \"metadata\": {}, \"timestamp\": 1}");
      server.fault("control-characters=main/c");
      server.announce(
          "{\"bucket\": \"" + evil + "\", \"collection\": \"x\", \"last_modified\": 1}");
      for (String[] args :
          List.of(new String[] {}, new String[] {"--verbose"}, new String[] {"--format=json"})) {
        assertHarmless(validate(server, args));
      }
    }
  }

  @Test
  void no_text_of_a_server_controls_the_terminal_in_a_failure_s_trace() throws IOException {
    String message = "{\"message\": \"\\u001b[2Jgone\\r\\nprobe: all is well\\u202e\"}";
    try (RecordingServer server = RecordingServer.of(Reply.answer(403, message))) {
      for (String[] args : List.of(new String[] {}, new String[] {"--verbose"})) {
        Terminal.Outcome outcome = run(reading(server.url()), args);
        assertTrue(outcome.stderr().contains("gone"), outcome::toString);
        assertHarmless(outcome);
      }
    }
  }

  private static void assertHarmless(Terminal.Outcome outcome) {
    assertFalse(
        outcome
            .toString()
            .codePoints()
            .anyMatch(c -> (Character.isISOControl(c) && c != '\n' && c != '\t') || c == 0x202e),
        outcome::toString);
    assertFalse(outcome.stderr().contains("\nprobe: all is well"), outcome::toString);
    assertFalse(outcome.stdout().contains("\nprobe: all is well"), outcome::toString);
  }

  // ---- a reader that goes away

  @Test
  void a_closed_pipe_ends_quietly() {
    List<String> reached = new ArrayList<>();
    SettingsTest.Probe.Task task =
        (_, report) -> {
          report.result(Status.GOOD, "first", NOTHING);
          reached.add("first");
          report.result(Status.GOOD, "second", NOTHING);
          reached.add("second");
        };
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exit = execute(task, false, closedAfter(1), err);
    assertEquals("", err.toString(StandardCharsets.UTF_8));
    assertEquals(List.of("first"), reached, "nothing more is done");
    assertEquals(141, exit, "as of a process that SIGPIPE ended");

    assertEquals(141, execute(task, false, closedAfter(0), err, "--format=json"));
    assertEquals(141, execute(task, false, closedAfter(0), err, "--help"));
    assertEquals("", err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void ctrl_c_after_a_closed_pipe_prints_nothing() throws IOException {
    try (RemoteSettingsServer server = three()) {
      List<Runnable> interrupts = new ArrayList<>();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      Surroundings surroundings = interruptible(closedAfter(2), err, interrupts);
      String option = "--server=" + server.url();
      assertEquals(141, Runner.execute(new validate_signature(), surroundings, option));
      interrupts.forEach(Runnable::run); // as the JVM does at its end
      assertEquals("", err.toString(StandardCharsets.UTF_8));
    }
  }

  @Test
  void a_report_that_cannot_be_written_is_an_error() {
    SettingsTest.Probe.Task task = (_, report) -> report.result(Status.GOOD, "first", NOTHING);
    for (String option : List.of("--quiet=false", "--format=json", "--help")) {
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      OutputStream full = failingAfter(0, "No space left on device");
      assertEquals(2, execute(task, false, full, err, option), option);
      assertEquals(
          "probe: error: cannot write to stdout: No space left on device\n"
              + "hint: is there space left where it goes?\n",
          err.toString(StandardCharsets.UTF_8));
    }
  }

  /** A pipe whose reader goes away after so many lines. */
  static OutputStream closedAfter(int lines) {
    return failingAfter(lines, "Broken pipe");
  }

  private static OutputStream failingAfter(int lines, String reason) {
    return new OutputStream() {
      private int seen;

      @Override
      public void write(int one) throws IOException {
        if (seen >= lines) {
          throw new IOException(reason);
        }
        seen += one == '\n' ? 1 : 0;
      }
    };
  }

  // ---- Ctrl-C

  @Test
  void ctrl_c_prints_what_was_done_so_far_and_nothing_after_it() {
    assertEquals("done\ndone meanwhile\n", interruptedBetweenResults("--format=text"));
    JsonNode document = JSON.readTree(interruptedBetweenResults("--format=json"));
    assertTrue(document.get("interrupted").booleanValue(), document::toString);
    assertEquals(130, document.get("exit").intValue(), document::toString);
    assertEquals(2, document.get("results").size(), document::toString);
  }

  private static String interruptedBetweenResults(String format) {
    return interrupted(
        format,
        (report, interrupt) -> {
          report.onInterrupt(() -> {
            report.result(Status.GOOD, "done meanwhile", Map.of("name", "second"));
            report.summary("interrupted");
          });
          report.result(Status.GOOD, "done", Map.of("name", "first"));
          interrupt.run();
          report.result(Status.GOOD, "too late", Map.of("name", "third"));
        });
  }

  /** What a run prints on stdout that Ctrl-C ends. */
  private static String interrupted(String format, BiConsumer<Report, Runnable> work) {
    List<Runnable> interrupts = new ArrayList<>();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> work.accept(report, () -> interrupts.getFirst().run()));
    Runner.execute(probe, interruptible(out, err, interrupts), format);
    assertEquals("probe: interrupted\n", err.toString(StandardCharsets.UTF_8));
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void ctrl_c_shows_what_is_finished_but_waits_for_its_turn() {
    List<Runnable> interrupts = new ArrayList<>();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    CountDownLatch thirdIsLookedAt = new CountDownLatch(1);
    CountDownLatch firstIsShown = new CountDownLatch(1);
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) ->
        InOrder.run(
            report,
            List.of("first", "second", "third"),
            1,
            entry -> {
              if (entry.equals("third")) {
                thirdIsLookedAt.countDown();
                firstIsShown.await();
                Thread hook = new Thread(interrupts.getFirst()); // no worker, which is interrupted
                hook.start();
                hook.join();
              }
              return entry;
            },
            (entry, _) -> entry,
            entry -> {
              firstIsShown.countDown();
              try {
                thirdIsLookedAt.await();
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
              report.result(Status.GOOD, entry, NOTHING);
            },
            () -> report.summary("interrupted")));
    Runner.execute(probe, interruptible(out, err, interrupts));
    assertEquals("first\nsecond\n", out.toString(StandardCharsets.UTF_8));
    assertEquals("probe: interrupted\n", err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void ctrl_c_before_there_is_a_result_ends_with_a_summary_and_a_document() {
    assertEquals("", interrupted("--format=text", (_, interrupt) -> interrupt.run()));
    String document = interrupted("--format=json", (_, interrupt) -> interrupt.run());
    assertEquals(130, JSON.readTree(document).get("exit").intValue(), document);
  }

  /** The JVM then refuses to take what is to be done at its end. */
  @Test
  void ctrl_c_before_the_run_has_begun_ends_it_without_a_bug() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> report.finding("something", null));
    List<Runnable> none =
        new ArrayList<>() {
          private static final long serialVersionUID = 1;

          @Override
          public boolean add(Runnable task) {
            throw new IllegalStateException("Shutdown in progress");
          }
        };
    assertEquals(130, Runner.execute(probe, interruptible(out, err, none)));
    assertEquals("", out.toString(StandardCharsets.UTF_8));
    assertEquals("probe: interrupted\n", err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void what_is_missing_is_no_verdict_and_is_to_be_installed_again() {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, _) -> {
      throw new NoClassDefFoundError("some/Library");
    });
    Terminal.Outcome outcome = new Terminal().run(probe);
    assertEquals(2, outcome.exit());
    assertEquals(
        """
        probe: error: unexpected java.lang.NoClassDefFoundError: some/Library
        hint: a file of the program is missing or damaged: install it again; --verbose shows where (docs/runbooks/no-verdict.md)
        """,
        outcome.stderr());
  }

  @Test
  void a_failure_of_the_report_itself_is_no_verdict() {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    OutputStream out =
        new OutputStream() {
          @Override
          public void write(int one) {
            throw new StackOverflowError();
          }
        };
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> report.finding("something", null));
    assertEquals(
        2, Runner.execute(probe, interruptible(out, err, new ArrayList<>()), "--format=json"));
    assertEquals(
        "Probe: error: unexpected java.lang.StackOverflowError\n",
        err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void ctrl_c_after_the_end_prints_nothing_again() {
    List<Runnable> interrupts = new ArrayList<>();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> report.finding("something", null));
    assertEquals(1, Runner.execute(probe, interruptible(out, err, interrupts)));
    interrupts.forEach(Runnable::run);
    assertEquals("something\n", out.toString(StandardCharsets.UTF_8));
    assertEquals("", err.toString(StandardCharsets.UTF_8));
  }

  private static Surroundings interruptible(
      OutputStream out, OutputStream err, List<Runnable> interrupts) {
    return new Surroundings(
        Map.of(),
        java.io.InputStream.nullInputStream(),
        out,
        new PrintStream(err, true, StandardCharsets.UTF_8),
        false,
        Clock.fixed(Terminal.NOW, ZoneOffset.UTC),
        _ -> {},
        interrupts::add,
        null,
        null);
  }

  @Test
  void a_usage_error_is_reported_in_the_format_asked_for() {
    for (String[] args :
        List.of(
            new String[] {"--format", "json", "--days", "many"},
            new String[] {"--format=json", "--no-such-option"},
            new String[] {"--format=json", "--env-file=nowhere"})) {
      Terminal.Outcome outcome = new Terminal().run(new SettingsTest.Probe(), args);
      assertEquals(2, outcome.exit());
      JsonNode document = JSON.readTree(outcome.stdout());
      assertEquals(1, document.get("errors").size(), outcome::toString);
      assertEquals(2, document.get("exit").intValue());
    }
    assertEquals(
        1,
        JSON.readTree(
                new Terminal()
                    .set("FORMAT", "json")
                    .set("DAYS", "many")
                    .run(new SettingsTest.Probe())
                    .stdout())
            .get("errors")
            .size());
  }

  @Test
  void of_many_long_alerts_ten_are_shown_and_cut() throws IOException {
    String[] alerts = new String[50];
    Arrays.setAll(alerts, number -> "Alert: " + number + "x".repeat(2_000));
    try (RecordingServer server = RecordingServer.of(Reply.json("{}", alerts))) {
      Terminal.Outcome outcome = run(reading(server.url()));
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(10, outcome.stderr().lines().count());
      assertTrue(outcome.stderr().lines().allMatch(line -> line.length() < 600));
    }
  }

  // ---- long texts

  private static final String LONG = "x".repeat(3_000_000);

  private static void assertShort(Terminal.Outcome outcome) {
    assertEquals(
        List.of(),
        Stream.concat(outcome.stdout().lines(), outcome.stderr().lines())
            .filter(line -> line.length() > 10_100)
            .map(line -> "%s… (%d)".formatted(line.substring(0, 40), line.length()))
            .toList());
  }

  private static Advice advice(String hint) {
    return new Advice("a", hint, Runbook.NO_VERDICT);
  }

  private static Stream<SettingsTest.Probe.Task> longTexts() {
    return Stream.of(
        (_, report) -> report.heading(LONG),
        (_, report) -> report.result(Status.BAD, "a BAD\n" + LONG, NOTHING),
        (_, report) -> report.result(Status.UNKNOWN, "a " + report.noVerdict(LONG), NOTHING),
        (_, report) -> report.details("a\n" + LONG + "\nb"),
        (_, report) -> report.finding(LONG, null),
        (_, report) -> report.warn(LONG),
        (_, report) -> report.note(LONG),
        (_, report) -> report.waiting(LONG),
        (_, report) -> report.error(LONG, LONG),
        (_, report) -> report.hint(LONG, advice(LONG)),
        (_, report) -> report.announce(LONG),
        (_, report) ->
            report.failure(LONG, advice(LONG), new IOException(LONG, new IOException(LONG))),
        (_, report) -> report.unexpected(new IllegalStateException(LONG)),
        (_, report) -> report.summary(LONG));
  }

  @ParameterizedTest
  @MethodSource("longTexts")
  void no_text_makes_a_line_without_an_end(SettingsTest.Probe.Task task) {
    Terminal.Outcome outcome = run(task, "--verbose");
    assertShort(outcome);
    assertTrue(outcome.toString().contains("xxx…"), outcome::toString);
  }

  @Test
  void a_line_is_whole_up_to_ten_thousand_characters() {
    String line = "x".repeat(10_000);
    assertEquals(line, Display.line(line));
    assertEquals(line + "…", Display.line(line + "x"));
    assertEquals("\ud83d\ude00".repeat(10_000), Display.line("\ud83d\ude00".repeat(10_000)));
  }

  @Test
  void the_json_document_holds_long_values_whole() {
    JsonNode document =
        document(
            run(
                (_, report) -> {
                  report.result(Status.BAD, LONG, Map.of("name", LONG));
                  report.error(LONG, LONG);
                },
                "--format=json"));
    assertEquals(LONG, document.get("results").get(0).get("name").stringValue());
    assertEquals(10_001, document.get("errors").get(0).stringValue().length());
  }

  @Test
  void a_summary_with_more_names_than_fit_has_all_its_counts() {
    Tally tally = new Tally("collection", 900, "OK", "NO VERDICT", "BAD");
    for (int i = 0; i < 899; i++) {
      tally.add("main/" + i, Status.UNKNOWN, "NO VERDICT", "why", Advice.UNEXPECTED);
    }
    tally.add("main/bad", Status.BAD, "BAD", "why", Advice.UNEXPECTED);
    String counts = tally.counts();
    assertTrue(
        counts.startsWith("900 collections: 0 OK, 899 NO VERDICT (main/0, main/1, "), counts);
    assertTrue(counts.endsWith("…), 1 BAD (main/bad)"), counts);
    assertTrue(counts.length() < 2_200, counts);
  }

  @ParameterizedTest
  @MethodSource("readers")
  void a_name_of_megabytes_is_cut_and_its_verdict_stands(Runner.Command command)
      throws IOException {
    try (RemoteSettingsServer server = three()) {
      server.announce(
          "{\"bucket\": \"main\", \"collection\": \"%s\", \"last_modified\": 1}".formatted(LONG));
      Terminal.Outcome outcome = new Terminal().set("SERVER", server.url()).run(command);
      assertEquals(2, outcome.exit());
      assertShort(outcome);
      assertTrue(outcome.stdout().contains("NO VERDICT ("), outcome::toString);
    }
  }

  private static List<Runner.Command> readers() {
    return List.of(
        new consistency_checks(),
        new refresh_signature(),
        new validate_changes_collection(),
        new validate_signature());
  }

  @Test
  void a_header_that_is_named_in_a_failure_is_cut() throws IOException {
    String header = "Content-Encoding: " + "x".repeat(100_000);
    try (RecordingServer server = RecordingServer.of(Reply.json("{}", header))) {
      Terminal.Outcome outcome = run(reading(server.url()));
      assertEquals(2, outcome.exit());
      assertTrue(outcome.stderr().contains("Content-Encoding xxx"), outcome::toString);
      assertTrue(outcome.stderr().length() < 500, outcome::toString);
    }
  }

  // ---- what the tests are made of

  /** The command of the run under way, for tasks that use its settings. */
  private static SettingsTest.Probe current;

  private static Terminal.Outcome run(SettingsTest.Probe.Task task, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exit = execute(task, false, out, err, args);
    String settings = "(?m)^probe: setting .*\n";
    return new Terminal.Outcome(
        exit,
        out.toString(StandardCharsets.UTF_8),
        err.toString(StandardCharsets.UTF_8).replaceAll(settings, ""));
  }

  private static int execute(
      SettingsTest.Probe.Task task,
      boolean terminal,
      OutputStream out,
      OutputStream err,
      String... args) {
    current = new SettingsTest.Probe().doing(task);
    return Runner.execute(
        current, SettingsTest.surroundings(Map.of(), "", terminal, out, err), args);
  }

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  /** A server with main/a, main/b and main/c. */
  private static RemoteSettingsServer three() throws IOException {
    RemoteSettingsServer server = server().start();
    for (String collection : List.of("a", "b", "c")) {
      server.publish("main", collection, "{\"id\": \"1\", \"text\": \"abc\"}");
    }
    return server;
  }

  private static Terminal.Outcome validate(RemoteSettingsServer server, String... args) {
    return new Terminal().set("SERVER", server.url()).run(new validate_signature(), args);
  }
}
