//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/Runner.java
//SOURCES OutputSchema.java
//SOURCES Patience.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import common.Runner;
import common.Surroundings;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Runs a command in process, as from a terminal of its own: environment and clock are given, waits
 * are only noted, output is kept. A JSON document is held against its schema, whichever test made
 * the command print it.
 */
final class Terminal {

  /** The moment at which the transcripts were made. */
  static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");

  private final Map<String, String> environment = new HashMap<>(Patience.VARIABLES);
  private final List<Duration> waits = Collections.synchronizedList(new ArrayList<>());
  private final List<Runnable> interrupts = new ArrayList<>();
  private Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
  private Runnable onPause = () -> {};
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private boolean isInteractive;
  private Duration statusPeriod = Duration.ofDays(1);
  private byte[] input = {};

  /** How a command ended and what it said. */
  record Outcome(int exit, String stdout, String stderr) {
    /** What stderr shows at the end: all but the status line, which is always erased. */
    String shown() {
      return stderr.replaceAll("\r\u001b\\[K(\u001b\\[\\?7l[^\u001b]*\u001b\\[\\?7h)?", "");
    }

    /** Everything, for the message of a failed assertion. */
    @Override
    public String toString() {
      return stdout + "--- stderr\n" + stderr + "--- exit " + exit;
    }
  }

  Terminal set(String variable, Object value) {
    environment.put(variable, value.toString());
    return this;
  }

  /** One attempt for each request, with all the time that a slow machine may need for it. */
  Terminal once() {
    return set("REQUESTS_NB_RETRIES", 0).set("REQUESTS_TIMEOUT_SECONDS", 60);
  }

  Terminal setIfAbsent(String variable, Object value) {
    environment.putIfAbsent(variable, value.toString());
    return this;
  }

  Terminal at(Instant instant) {
    clock = Clock.fixed(instant, ZoneOffset.UTC);
    return this;
  }

  /** Somebody sits before it: colours, and how far it is. */
  Terminal interactive() {
    isInteractive = true;
    return this;
  }

  /** The same, and the seconds are counted, very fast. */
  Terminal counting() {
    statusPeriod = Duration.ofMillis(1);
    return interactive();
  }

  /** Waits until stderr holds a match of this pattern, while the command runs. */
  void await(String regex) throws InterruptedException {
    Pattern pattern = Pattern.compile(regex);
    while (!pattern.matcher(err.toString(StandardCharsets.UTF_8)).find()) {
      Thread.sleep(5);
    }
  }

  /** What stdin holds; nothing unless told otherwise. */
  Terminal input(String text) {
    input = text.getBytes(StandardCharsets.UTF_8);
    return this;
  }

  /** Does this whenever the command waits. */
  Terminal onPause(Runnable task) {
    onPause = task;
    return this;
  }

  /** How long the command waited before further attempts. */
  List<Duration> waits() {
    return waits;
  }

  /** What Ctrl-C would run. */
  List<Runnable> interrupts() {
    return interrupts;
  }

  Outcome run(Runner.Command command, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    err.reset();
    Surroundings surroundings =
        new Surroundings(
            Map.copyOf(environment),
            new ByteArrayInputStream(input),
            out,
            new PrintStream(err, true, StandardCharsets.UTF_8),
            isInteractive,
            clock,
            wait -> {
              waits.add(wait);
              onPause.run();
            },
            interrupts::add,
            isInteractive ? statusPeriod : null,
            null);
    int exit = Runner.execute(command, surroundings, arguments);
    Outcome outcome =
        new Outcome(
            exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    if (outcome.stdout().startsWith("{") || asksForJson(arguments)) {
      assertEquals(exit, OutputSchema.check(outcome.stdout()).path("exit").intValue());
    }
    return outcome;
  }

  /** Whether the command owes a document, whatever becomes of it. */
  private boolean asksForJson(String... arguments) {
    String line = " " + String.join(" ", arguments).replace("--format=", "--format ") + " ";
    boolean isInsteadOfRun = line.matches(".* (-h|--help|--version|--completion)[ =].*");
    return !isInsteadOfRun
        && (line.contains(" --format json ")
            || (!line.contains(" --format ")
                && environment.getOrDefault("FORMAT", "").equalsIgnoreCase("json")));
  }
}
