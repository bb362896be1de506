//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/Runner.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES ../server/Fault.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Differences.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import common.Runner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every command under every fault of the server, at one collection and everywhere: it ends with one
 * of its exit codes and with lines, never with a stack trace. What it makes of each stands in
 * {@code tests/golden/faults.txt}, which {@code UPDATE_GOLDEN=1} writes.
 */
@Order(1) // takes long, so it begins first
@Execution(ExecutionMode.CONCURRENT)
class FaultMatrixTest {

  private static final Map<String, Supplier<Runner.Command>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("validate_signature", validate_signature::new);
    COMMANDS.put("validate_changes_collection", validate_changes_collection::new);
    COMMANDS.put("consistency_checks", consistency_checks::new);
    COMMANDS.put("refresh_signature", refresh_signature::new);
    COMMANDS.put("blockpages_generator", blockpages_generator::new);
    COMMANDS.put("backport_records", backport_records::new);
  }

  private static final Path GOLDEN = Project.root().resolve("tests/golden/faults.txt");

  /** Where the fault is: the published collection, its source, or every answer. */
  private static final List<String> PLACES = List.of("main/regions", "main-workspace/regions", "");

  /**
   * The faults that only the limit of silence ends; no other fault reaches it on any machine. The
   * limit is also that of the answers beside them, which take seconds while the JVM is cold.
   */
  private static final Set<Fault.Kind> SILENT = Set.of(Fault.Kind.SILENT, Fault.Kind.STALL);

  /** Those that end with the limit of the whole attempt; likewise. */
  private static final Set<Fault.Kind> TRICKLING =
      Set.of(Fault.Kind.TRICKLE, Fault.Kind.CHAIN_TRICKLE);

  private static Terminal.Outcome run(RemoteSettingsServer server, Fault fault, String command) {
    boolean isSilent = SILENT.contains(fault.kind());
    boolean isTrickling = TRICKLING.contains(fault.kind());
    return new Terminal()
        .set("SERVER", server.url())
        .set("AUTH", "editor:editor")
        .set("REFRESH_SIGNATURE_AUTH", "editor:editor")
        .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor")
        .set("BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/regions")
        .set("ROOT_HASH", server.authority().rootHash())
        .set("REQUESTS_NB_RETRIES", "1") // so that one slow answer of a busy machine is none
        .set("REQUESTS_TIMEOUT_SECONDS", isSilent ? "6" : "60")
        .set("REQUESTS_DEADLINE_SECONDS", isTrickling ? "4" : "300")
        .set("MAX_RESPONSE_MIB", "1")
        .set("PARALLEL_REQUESTS", "1")
        .set("ONLY", "main/regions")
        .set("ADDONS_COLLECTIONS", "regions")
        .set("PLUGINS_COLLECTIONS", "")
        .set("BUCKET", command.equals("blockpages_generator") ? "main" : "monitor")
        .set("TARGET_DIR", "pages")
        .set("DRY_RUN", command.equals("blockpages_generator"))
        .run(COMMANDS.get(command).get());
  }

  /** Exit code, and the last line on stdout, or else the error. */
  private static String row(Fault fault, String command, Terminal.Outcome outcome) {
    String error =
        outcome.stderr().lines().filter(line -> line.contains(": error: ")).findFirst().orElse("");
    String line = outcome.stdout().lines().reduce((_, last) -> last).orElse("");
    return "%s | %s | %d | %s"
        .formatted(fault, command, outcome.exit(), error.isEmpty() ? line : error)
        .replaceAll("127\\.0\\.0\\.1:\\d+", "127.0.0.1:8888")
        .replaceAll("localhost:\\d+", "localhost:8888")
        .replaceAll("_expected=9999\\d{9}\\b", "_expected=0")
        .replaceAll("\\(\\d+\\.\\d\\ds\\)", "(0.02s)")
        .replaceAll("\\b([0-9A-F]{2}:){31}[0-9A-F]{2}\\b", "A1:B2:…");
  }

  /** The places side by side, for most of the time is waited. */
  private static List<String> rows(Fault.Kind kind) throws Exception {
    List<String> rows = new ArrayList<>();
    try (ExecutorService sideBySide = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<List<String>>> places =
          PLACES.stream()
              .map(place -> sideBySide.submit(() -> rows(Fault.of(kind).at(place))))
              .toList();
      for (Future<List<String>> place : places) {
        rows.addAll(place.get());
      }
    }
    return rows;
  }

  private static List<String> rows(Fault fault) throws IOException {
    List<String> rows = new ArrayList<>();
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder()
            .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
            .trickleEvery(Duration.ofMillis(20))
            .sample(true)
            .fault(fault)
            .start()) {
      for (String command : COMMANDS.keySet()) { // those that write come last
        if (command.equals("backport_records")) {
          server.put("main", "regions", "{\"id\":\"new\"}"); // so that there is something to write
        }
        Terminal.Outcome outcome = run(server, fault, command);
        String all = outcome.stdout() + outcome.stderr();
        assertFalse(all.contains("\tat "), () -> "a stack trace: " + fault + "\n" + outcome);
        assertFalse(all.contains("this is a bug"), () -> fault + "\n" + outcome);
        assertFalse(
            all.chars().anyMatch(c -> c != '\n' && Character.isISOControl(c)),
            () -> "control characters: " + fault);
        assertFalse(all.contains("editor:editor"), () -> "credentials: " + fault);
        rows.add(row(fault, command, outcome));
      }
    }
    return rows;
  }

  @ParameterizedTest
  @EnumSource(Fault.Kind.class)
  void every_command_ends_well_under_every_fault(Fault.Kind kind) throws Exception {
    compare(kind, rows(kind));
  }

  @Test
  void the_matrix_is_complete() throws IOException {
    assertEquals(
        Fault.Kind.values().length * PLACES.size() * COMMANDS.size(),
        Files.readAllLines(GOLDEN).size());
  }

  /** Compares the file with itself but for the rows of this fault; of all faults, one at a time. */
  private static synchronized void compare(Fault.Kind kind, List<String> rows) throws IOException {
    List<String> recorded = Files.readAllLines(GOLDEN);
    StringBuilder all = new StringBuilder();
    for (Fault.Kind other : Fault.Kind.values()) {
      (other == kind ? rows.stream() : recorded.stream().filter(row -> isOf(other, row)))
          .forEach(row -> all.append(row).append('\n'));
    }
    Differences.assertFile(
        GOLDEN, all.toString(), "FaultMatrixTest.every_command_ends_well_under_every_fault");
  }

  private static boolean isOf(Fault.Kind kind, String row) {
    return row.split("[ =]")[0].equals(kind.label());
  }
}
