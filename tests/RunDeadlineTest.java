//DEPS info.picocli:picocli:4.7.7
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/GeneralSettings.java
//SOURCES ../common/Report.java
//SOURCES ../common/Runner.java
//SOURCES ../common/Surroundings.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.GeneralSettings;
import common.Report;
import common.Runner;
import common.Surroundings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** A run ends with RUN_DEADLINE_SECONDS, whatever the server does. */
@Execution(ExecutionMode.CONCURRENT)
class RunDeadlineTest {

  private static final String LATE = "the run took longer than RUN_DEADLINE_SECONDS allows";
  private static final String HINT =
      "hint: raise RUN_DEADLINE_SECONDS, or see why the server is slow"
          + " (docs/runbooks/no-verdict.md)\n";

  /** The same, whatever page it names. */
  private static final String ONE_HINT = HINT.replaceFirst("\\(.*\n", "(docs/runbooks/");

  /** Long enough for what a test wants done before it, even on a busy machine. */
  private static final Duration DEADLINE = Duration.ofSeconds(5);

  /** By then everything has ended that does end by itself. */
  private static final Duration SOON = DEADLINE.plusSeconds(12);

  private static final String CREATE = "--create-destination";

  @TempDir Path folder;

  private static RemoteSettingsServer server() throws IOException {
    return RemoteSettingsServer.builder()
        .sample(true)
        .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
        .trickleEvery(Duration.ofMillis(50))
        .start();
  }

  private Terminal terminal(RemoteSettingsServer server) {
    return new Terminal()
        .set("SERVER", server.url())
        .set("AUTH", "editor:editor")
        .set("REFRESH_SIGNATURE_AUTH", "editor:editor")
        .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor")
        .set("BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/cfr")
        .set("TARGET_DIR", folder)
        .set("REDASH_API_KEY", "key")
        .set("REDASH_API_QUERY_URL", server.url().resolve("/v1/"))
        .set("PARALLEL_REQUESTS", "1");
  }

  private static Terminal limited(Terminal terminal) {
    return terminal.set("RUN_DEADLINE_SECONDS", DEADLINE.toSeconds());
  }

  /** Waits within a request until the run, which is just about to begin, is over. */
  private static Runnable afterDeadline() {
    long end = System.nanoTime() + DEADLINE.plusSeconds(1).toNanos();
    return () -> {
      for (long left; (left = end - System.nanoTime()) > 0; ) {
        LockSupport.parkNanos(left);
      }
    };
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }

  // ---- what is not judged

  static Stream<Arguments> commands() {
    return Stream.of(
        arguments(new validate_signature(), ""),
        arguments(new validate_changes_collection(), ""),
        arguments(new consistency_checks(), ""),
        arguments(new uptake_health(), ""),
        arguments(new refresh_signature(), ""),
        arguments(new refresh_signature(), "--dry-run"),
        arguments(new backport_records(), ""),
        arguments(new backport_records(), "--check"),
        arguments(new blockpages_generator(), ""),
        arguments(new blockpages_generator(), "--dry-run"));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void a_list_that_trickles_is_one_error(Runner.Command command, String argument)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("trickle");
      long start = System.nanoTime();
      Terminal.Outcome outcome =
          terminal(server)
              .set("RUN_DEADLINE_SECONDS", "1.5")
              .run(command, argument.lines().toArray(String[]::new));
      assertTrue(System.nanoTime() - start < SOON.toNanos(), outcome::toString);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals(1, count(outcome.stderr(), ": error: GET http://"), outcome::toString);
      assertTrue(outcome.stderr().endsWith(": " + LATE + "\n" + HINT), outcome::toString);
      assertTrue(server.requests().size() <= 1, "it is asked for once");
    }
  }

  /** Each command with the collection whose answer does not come. */
  static Stream<Arguments> listing() {
    return Stream.of(
        listing(validate_signature::new, "main/regions", ""),
        listing(validate_changes_collection::new, "main/regions", ""),
        listing(consistency_checks::new, "main-workspace/regions", ""),
        listing(refresh_signature::new, "main-workspace/regions", "--dry-run"),
        listing(refresh_signature::new, "main-workspace/regions", ""));
  }

  private static Arguments listing(
      Supplier<Runner.Command> command, String where, String argument) {
    return arguments(command, command.get().getClass().getSimpleName(), where, argument);
  }

  private static final Pattern NAME = Pattern.compile("[\\w-]+(/collections)?/[\\w-]+(?=[ :])");

  private static List<String> names(List<String> lines) {
    return lines.stream()
        .flatMap(line -> NAME.matcher(line).results().limit(1))
        .map(MatchResult::group)
        .toList();
  }

  @ParameterizedTest(name = "{1} {3}")
  @MethodSource("listing")
  void what_was_judged_is_told_and_each_that_was_not_has_no_verdict(
      Supplier<Runner.Command> command, String name, String where, String argument)
      throws IOException {
    String[] arguments = argument.lines().toArray(String[]::new);
    try (RemoteSettingsServer server = server()) {
      List<String> whole = terminal(server).run(command.get(), arguments).stdout().lines().toList();
      server.forgetRequests();
      server.fault("silent=" + where);
      long start = System.nanoTime();
      Terminal.Outcome outcome = limited(terminal(server)).run(command.get(), arguments);
      assertTrue(System.nanoTime() - start < SOON.toNanos(), outcome::toString);
      assertEquals(2, outcome.exit(), outcome::toString);
      List<String> lines = outcome.stdout().lines().toList();
      assertEquals(names(whole), names(lines), outcome::toString);
      List<Boolean> judged = lines.stream().map(line -> !line.contains(LATE)).toList();
      assertTrue(judged.get(1), outcome::toString);
      assertFalse(judged.getLast(), outcome::toString);
      assertEquals(judged.lastIndexOf(true) + 1, judged.indexOf(false), "in order: " + outcome);
      assertEquals(1, count(outcome.stderr(), ONE_HINT), outcome::toString);
      assertFalse(outcome.stderr().contains("error"), outcome::toString);
      String last = outcome.stderr().lines().toList().getLast();
      assertTrue(last.startsWith(name + ": ") && last.contains(" NO VERDICT"), outcome::toString);
      assertTrue(
          server.requests().getLast().collection().equals(where)
              || server.requests().getLast().path().equals("/v1/"),
          "nothing is asked after it: " + server.requests().getLast());
    }
  }

  @Test
  void a_copy_that_is_not_begun_has_no_verdict() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("silent=main/regions");
      Terminal.Outcome outcome =
          limited(terminal(server))
              .set(
                  "BACKPORT_RECORDS_MAPPINGS",
                  "main/regions -> main-workspace/cfr\nmain/cfr -> main-workspace/regions")
              .run(new backport_records());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith(
                  """
                  main/cfr -> main-workspace/regions
                  main/cfr -> main-workspace/regions: NO VERDICT (source main/cfr: LATE)
                  """
                      .replace("LATE", LATE)),
          outcome::toString);
      assertEquals(2, count(outcome.stdout(), "NO VERDICT"), outcome::toString);
      assertEquals(1, count(outcome.stderr(), ONE_HINT), outcome::toString);
    }
  }

  /** What is read a second time, and the fault that makes it look wrong the first time. */
  static Stream<Arguments> secondReadings() {
    return Stream.of(
        listing(validate_signature::new, "main/regions", "altered-record=main/regions"),
        listing(validate_changes_collection::new, "main/regions", "stale=main/regions"),
        listing(consistency_checks::new, "main/regions", "altered-record=main/regions"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("secondReadings")
  void a_second_reading_that_is_cut_leaves_no_verdict_and_no_finding(
      Supplier<Runner.Command> command, String name, String where, String fault)
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.put("main", "regions", "{\"id\":\"new\"}");
      server.fault(fault);
      Terminal.Outcome bad = terminal(server).run(command.get(), "--only=" + where);
      assertEquals(1, bad.exit(), bad::toString);
      server.after(where, _ -> server.fault("silent=" + where));
      Terminal.Outcome outcome = limited(terminal(server)).run(command.get(), "--only=" + where);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(LATE), outcome::toString);
      assertFalse(outcome.stdout().matches("(?s).*(BAD|NOT OK|ERROR).*"), outcome::toString);
    }
  }

  @Test
  void a_chain_that_is_not_there_in_time_leaves_no_verdict() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("chain-trickle=main/regions");
      Terminal.Outcome outcome =
          limited(terminal(server)).run(new validate_signature(), "--only=main/regions");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains("NO VERDICT (the chain "), outcome::toString);
      assertTrue(outcome.stdout().contains(" is not reachable: " + LATE), outcome::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Retry-After", "Backoff"})
  void a_wait_that_would_end_after_it_is_not_begun(String header) {
    try (RecordingServer server = RecordingServer.of(Reply.status(503, header + ": 29"))) {
      Terminal terminal = new Terminal().set("SERVER", server.url("/v1"));
      Terminal.Outcome outcome =
          terminal.set("RUN_DEADLINE_SECONDS", "25").run(new validate_changes_collection());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains(": 503, RUN_DEADLINE_SECONDS leaves no time to wait"),
          outcome::toString);
      assertTrue(outcome.stderr().contains("\n" + ONE_HINT), outcome::toString);
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void the_setting_is_shown_with_its_origin() throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal.Outcome outcome =
          terminal(server)
              .set("RUN_DEADLINE_SECONDS", "0")
              .run(new validate_signature(), "--verbose");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("setting RUN_DEADLINE_SECONDS = 0 (environment)"),
          outcome::toString);
    }
  }

  static Stream<Arguments> writing() {
    return Stream.of(
        arguments(new validate_signature(), "", false),
        arguments(new validate_changes_collection(), "", false),
        arguments(new consistency_checks(), "", false),
        arguments(new uptake_health(), "", false),
        arguments(new refresh_signature(), "", true),
        arguments(new refresh_signature(), "--dry-run", false),
        arguments(new backport_records(), "", true),
        arguments(new backport_records(), "--dry-run", false),
        arguments(new backport_records(), "--check", false),
        arguments(new blockpages_generator(), "", true),
        arguments(new blockpages_generator(), "--dry-run", false));
  }

  @ParameterizedTest
  @MethodSource("writing")
  void only_a_run_that_writes_has_no_deadline_of_itself(
      Runner.Command command, String argument, boolean writes) {
    new CommandLine(command).parseArgs(argument.lines().toArray(String[]::new));
    assertEquals(writes, command.writes());
  }

  /** Does nothing but remember how much time it has. */
  @Command(name = "probe")
  static final class Probe implements Runner.Command {
    @Mixin GeneralSettings general;

    private final boolean writes;
    private Duration left;

    Probe(boolean writes) {
      this.writes = writes;
    }

    @Override
    public GeneralSettings general() {
      return general;
    }

    @Override
    public boolean writes() {
      return writes;
    }

    @Override
    public void run(Surroundings surroundings, Report report) {
      left = report.deadline().timeLeft();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "false, '', 840, 900",
    "true, '', 1000000, 100000000000",
    "false, 0, 1000000, 100000000000",
    "true, 500, 440, 500",
    "false, 5000, 4940, 5000"
  })
  void the_default_is_900_for_a_check_and_none_for_a_writer(
      boolean writes, String setting, long least, long most) {
    Probe probe = new Probe(writes);
    Terminal.Outcome outcome = new Terminal().set("RUN_DEADLINE_SECONDS", setting).run(probe);
    assertEquals(0, outcome.exit(), outcome::toString);
    long left = probe.left.toSeconds();
    assertTrue(least <= left && left <= most, "left: " + left);
  }

  // ---- writers

  /**
   * Lets the next run pass its deadline within such a request. A dry run has loaded its classes, so
   * that it gets there in time.
   */
  private static void passDeadlineIn(
      String where,
      RemoteSettingsServer server,
      Terminal terminal,
      Runner.Command command,
      String... arguments) {
    String[] dryRun = Arrays.copyOf(arguments, arguments.length + 1);
    dryRun[arguments.length] = "--dry-run";
    assertEquals(0, terminal.run(command, dryRun).exit());
    server.forgetRequests();
    Runnable afterDeadline = afterDeadline();
    server.before(where, _ -> afterDeadline.run());
  }

  /** More than fit into one batch. */
  private static void manyRegions(RemoteSettingsServer server) {
    for (int i = 0; i < 60; i++) {
      server.put("main", "regions", "{\"id\":\"r%02d\"}".formatted(i));
    }
  }

  @Test
  void a_batch_under_way_is_finished_but_no_other_is_begun_and_no_signoff_requested()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      manyRegions(server);
      Terminal terminal = limited(terminal(server));
      passDeadlineIn("POST /v1/batch", server, terminal, new backport_records());
      Terminal.Outcome outcome = terminal.run(new backport_records());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .matches(
                  "(?s).*Batch #24: [^\n]* - 201\n[^\n]*: NO VERDICT \\(25 of \\d+ changes applied,"
                      + " then POST http://\\S+/batch: "
                      + LATE
                      + "\\)\n"),
          outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "hint: the next run applies what is missing; raise RUN_DEADLINE_SECONDS, or"),
          outcome::toString);
      assertEquals(
          List.of("POST"),
          server.requests().stream()
              .map(request -> request.method())
              .filter(method -> !method.equals("GET"))
              .toList());
    }
  }

  @Test
  void a_signoff_is_not_requested_after_it() throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal terminal = limited(terminal(server));
      assertEquals(0, terminal.run(new backport_records(), "--dry-run").exit());
      server.forgetRequests();
      Runnable afterDeadline = afterDeadline();
      server.after("POST /v1/batch", _ -> afterDeadline.run());
      Terminal.Outcome outcome = terminal.run(new backport_records());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains(" changes applied, but requesting the review failed: " + LATE),
          outcome::toString);
      assertTrue(
          outcome.stderr().contains("hint: run the command again: it repeats the request (docs"),
          outcome::toString);
      assertFalse(server.requests().stream().anyMatch(it -> it.method().equals("PATCH")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lost=/v1/batch:1", "503-done=/v1/batch:1"})
  void a_batch_whose_answer_is_lost_is_looked_for_even_then(String fault) throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal terminal = limited(terminal(server));
      server.fault(fault);
      passDeadlineIn("POST /v1/batch", server, terminal, new backport_records());
      Terminal.Outcome outcome = terminal.run(new backport_records());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains(" changes applied, but requesting the review failed: " + LATE),
          outcome::toString);
      assertEquals(1, server.requests().stream().filter(it -> it.method().equals("POST")).count());
    }
  }

  @Test
  void copies_after_the_one_that_was_cut_have_no_verdict_and_the_hint_is_there_once()
      throws IOException {
    try (RemoteSettingsServer server = server()) {
      manyRegions(server);
      Terminal terminal =
          limited(terminal(server))
              .set(
                  "BACKPORT_RECORDS_MAPPINGS",
                  "main/regions -> main-workspace/cfr\nmain/cfr -> main-workspace/regions");
      passDeadlineIn("POST /v1/batch", server, terminal, new backport_records());
      Terminal.Outcome outcome = terminal.run(new backport_records(), "--format=json");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals(2, count(outcome.stdout(), "\"status\" : \"no-verdict\""), outcome::toString);
      assertTrue(
          outcome.stdout().contains("\"reason\" : \"source main/cfr: " + LATE + "\""),
          outcome::toString);
      assertEquals(1, count(outcome.stderr(), "raise RUN_DEADLINE_SECONDS"), outcome::toString);
    }
  }

  @Test
  void a_collection_that_was_created_just_before_it_is_filled_by_the_next_run() throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal terminal =
          limited(terminal(server))
              .set("BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/nearby");
      passDeadlineIn("PUT /v1/*", server, terminal, new backport_records(), CREATE);
      server.forgetRequests();
      Terminal.Outcome outcome = terminal.run(new backport_records(), CREATE);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("NO VERDICT (0 of 7 changes applied, then "),
          outcome::toString);
      assertTrue(
          outcome.stderr().contains("hint: the next run applies what is missing; raise"),
          outcome::toString);
      assertTrue(server.requests("/v1/batch").isEmpty());
      terminal.set("RUN_DEADLINE_SECONDS", 0);
      assertEquals(0, terminal.run(new backport_records()).exit(), "the next run");
    }
  }

  @Test
  void what_others_do_to_a_batch_without_an_answer_is_told_even_then() throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal terminal = limited(terminal(server));
      server.fault("lost=/v1/batch:1");
      passDeadlineIn("POST /v1/batch", server, terminal, new backport_records());
      server.after(
          "POST /v1/batch",
          _ -> server.put("main-workspace", "cfr", "{\"id\":\"br\",\"by\":\"others\"}"));
      server.forgetRequests();
      Terminal.Outcome outcome = terminal.run(new backport_records());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(" changes applied, then POST "), outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains("to keep what others did to br, bring it into main/regions (docs/"),
          outcome::toString);
      assertFalse(outcome.stderr().contains("the copy overwrites br"), outcome::toString);
      assertEquals(1, server.requests("/v1/batch").size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "--check", "--dry-run"})
  void a_preview_that_is_not_read_in_time_leaves_no_verdict(String argument) throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal terminal = terminal(server);
      assertEquals(0, terminal.run(new backport_records()).exit());
      server.edit(
          "main-workspace",
          "cfr",
          attributes ->
              attributes
                  .put("status", "work-in-progress")
                  .put("last_review_request_date", "2126-11-24T13:00:00+00:00"));
      String[] arguments = argument.lines().toArray(String[]::new);
      Terminal.Outcome rejected = terminal.run(new backport_records(), arguments);
      assertTrue(rejected.stdout().contains(": review rejected"), rejected::toString);
      server.fault("silent=main-preview/cfr");
      Terminal.Outcome outcome = limited(terminal).run(new backport_records(), arguments);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().endsWith(": NO VERDICT (preview main-preview/cfr: " + LATE + ")\n"),
          outcome::toString);
      assertTrue(outcome.stderr().contains(ONE_HINT), outcome::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"alert", "lost", "503-done"})
  void a_source_under_way_is_read_back_but_no_other_is_refreshed(String fault) throws IOException {
    try (RemoteSettingsServer server = server()) {
      Terminal terminal = limited(terminal(server));
      server.fault(fault + "=PATCH /v1/*");
      passDeadlineIn("PATCH /v1/*", server, terminal, new refresh_signature());
      Terminal.Outcome outcome = terminal.run(new refresh_signature(), "--verify");
      assertEquals(2, outcome.exit(), outcome::toString);
      List<String> lines = outcome.stdout().lines().toList();
      assertTrue(
          lines.get(1).matches(".*: Trigger new signature: signed at .*"), outcome::toString);
      assertTrue(
          lines.get(2).endsWith("Trigger new signature: NO VERDICT (" + LATE + ")"),
          outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .endsWith("main-preview/collections/search-config-v2:  NO VERDICT (" + LATE + ")\n"),
          outcome::toString);
      assertTrue(outcome.stderr().contains("; verified "), outcome::toString);
      assertEquals(1, count(outcome.stderr(), ONE_HINT), outcome::toString);
      assertEquals(1, server.requests().stream().filter(it -> it.method().equals("PATCH")).count());
    }
  }

  @Test
  void no_page_is_published_after_it() throws IOException {
    try (RemoteSettingsServer server = server()) {
      for (String collection : List.of("addons", "plugins")) { // no round number of records
        server.put(
            "blocklists",
            collection,
            "{\"id\":\"%s\",\"details\":{\"name\":\"New\"}}".formatted(collection));
      }
      Terminal terminal = limited(terminal(server));
      passDeadlineIn("GET /v1/", server, terminal, new blockpages_generator());
      Terminal.Outcome outcome = terminal.run(new blockpages_generator(), "--prune");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals("", outcome.stdout());
      assertTrue(
          outcome
              .stderr()
              .endsWith(
                  """
                  blockpages_generator: error: LATE: 23 files were not tried
                  hint: the next run continues from there; raise RUN_DEADLINE_SECONDS, or see why the server is slow
                  blockpages_generator: 23 pages: 0 written, 0 unchanged, 23 not tried
                  """
                      .replace("LATE", LATE)),
          outcome::toString);
      assertFalse(Files.exists(folder.resolve("index.html")));
    }
  }

  // ---- what nothing can cut

  private static Surroundings surroundings(
      Object server,
      InputStream in,
      OutputStream out,
      OutputStream err,
      Consumer<Runnable> onInterrupt) {
    return new Surroundings(
        Map.of("RUN_DEADLINE_SECONDS", "1", "SERVER", server.toString()),
        in,
        out,
        new PrintStream(err, true, StandardCharsets.UTF_8),
        false,
        Clock.fixed(Terminal.NOW, ZoneOffset.UTC),
        _ -> {},
        onInterrupt,
        null,
        null);
  }

  static Stream<Arguments> readingStdin() {
    return Stream.of(
        arguments(new consistency_checks(), "--auth-file=-"),
        arguments(new backport_records(), "--backport-records-source-auth-file=-"),
        arguments(new uptake_health(), "--input=-"));
  }

  @ParameterizedTest
  @MethodSource("readingStdin")
  void a_stdin_that_never_ends_does_not_keep_the_run(Runner.Command command, String argument)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    try (PipedOutputStream never = new PipedOutputStream();
        PipedInputStream stdin = new PipedInputStream(never)) {
      int exit = Runner.execute(command, surroundings("", stdin, out, err, _ -> {}), argument);
      String name = command.getClass().getSimpleName();
      assertEquals(2, exit);
      assertEquals("", out.toString(StandardCharsets.UTF_8));
      assertEquals(
          "%s: error: %s\n%s%s: interrupted\n".formatted(name, LATE, HINT, name),
          err.toString(StandardCharsets.UTF_8));
    }
  }

  /** Output that takes so many bytes, then no more, and does not fail. */
  private static OutputStream stuckAfter(int bytes) throws IOException {
    return new PipedOutputStream(new PipedInputStream(bytes));
  }

  @ParameterizedTest
  @ValueSource(strings = {"text", "json"})
  void output_that_nobody_reads_does_not_keep_the_run(String format) throws IOException {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<Runnable> interrupts = new ArrayList<>();
    try (RemoteSettingsServer server = server()) {
      Surroundings surroundings =
          surroundings(
              server.url(), InputStream.nullInputStream(), stuckAfter(10), err, interrupts::add);
      int exit = Runner.execute(new validate_signature(), surroundings, "--format=" + format);
      assertEquals(2, exit);
      assertTrue(
          err.toString(StandardCharsets.UTF_8)
              .endsWith(
                  "validate_signature: error: %s, and nobody reads its output\n".formatted(LATE)),
          err::toString);
      interrupts.forEach(Runnable::run); // as the JVM does at its end
    }
  }

  @Test
  void errors_that_nobody_reads_do_not_keep_the_run() throws IOException {
    List<Runnable> interrupts = new ArrayList<>();
    try (RemoteSettingsServer server = server()) {
      Surroundings surroundings =
          surroundings(
              server.url(),
              InputStream.nullInputStream(),
              new ByteArrayOutputStream(),
              stuckAfter(10),
              interrupts::add);
      assertEquals(2, Runner.execute(new validate_signature(), surroundings));
      interrupts.forEach(Runnable::run);
    }
  }
}
