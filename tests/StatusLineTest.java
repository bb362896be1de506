//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/InOrder.java ../common/Report.java ../common/StatusLine.java SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.InOrder;
import common.Report.Status;
import common.StatusLine;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a terminal shows while a command prints nothing, and that nothing else gets it. */
class StatusLineTest {
  private static final String ERASED = "\r\u001b[K";

  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final PrintStream terminal = new PrintStream(err, true, StandardCharsets.UTF_8);

  private final Semaphore ticks = new Semaphore(0);

  @Test
  void seconds_are_counted_while_a_command_prints_nothing() {
    Terminal terminal = new Terminal().counting();
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> {
      terminal.await("(?s)\\d s\u001b.*\\d s");
      report.warn("odd");
      report.result(Status.GOOD, "fine", Map.of());
    });
    Terminal.Outcome outcome = terminal.run(probe);
    assertEquals("fine\n", outcome.stdout());
    assertTrue(outcome.stderr().contains(ERASED + "probe: warning: odd\n"), outcome::toString);
    assertFalse(outcome.stderr().endsWith("s"), outcome::toString);
  }

  @Test
  void terminal_is_shown_how_many_parts_of_how_many_are_done() {
    Terminal terminal = new Terminal().counting();
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) ->
        InOrder.run(
            report,
            List.of("", "\\d s, 1 of 2 done\u001b"),
            2,
            shown -> {
              terminal.await(shown);
              return shown;
            },
            (_, reason) -> reason,
            _ -> {},
            () -> {}));
    assertEquals(0, terminal.run(probe).exit());
  }

  @ParameterizedTest
  @CsvSource({"QUIET, true", "TERM, dumb"})
  void quiet_run_and_a_dumb_terminal_show_nothing(String variable, String value) {
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> {
      report.doing("nothing");
      Thread.sleep(20);
    });
    assertEquals("", new Terminal().counting().set(variable, value).run(probe).stderr());
  }

  @Test
  void it_is_cut_and_does_not_wrap() throws InterruptedException {
    try (StatusLine _ = counting(() -> "x".repeat(100))) {
      ticks.acquire(3);
    }
    String drawn = ERASED + "\u001b[?7l0 s, " + "x".repeat(73) + "…\u001b[?7h";
    assertEquals(drawn, drawn().substring(0, drawn.length()));
    assertEquals("", drawn().replace(drawn, "").replace(ERASED, ""));
    assertTrue(drawn().endsWith("h" + ERASED), drawn());
  }

  @Test
  void line_that_has_just_been_printed_is_left_alone() throws InterruptedException {
    AtomicReference<StatusLine> line = new AtomicReference<>();
    line.set(
        counting(() -> {
          if (line.get() != null) {
            line.get().erase(); // as whoever prints a line does
          }
          return "";
        }));
    ticks.acquire(3);
    err.reset();
    ticks.acquire(10);
    line.get().close();
    assertFalse(drawn().contains("0 s"), drawn());
  }

  @Test
  void nothing_is_drawn_after_the_end_or_without_a_terminal() throws InterruptedException {
    counting(() -> "late").close();
    try (StatusLine none = new StatusLine(terminal, null, () -> "nobody is there")) {
      Thread.sleep(20);
      none.erase();
    }
    assertEquals("", drawn());
  }

  private StatusLine counting(Supplier<String> activity) {
    return new StatusLine(
        terminal,
        Duration.ofMillis(20),
        () -> {
          ticks.release();
          return activity.get();
        });
  }

  private String drawn() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
