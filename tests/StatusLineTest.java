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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a terminal shows while a command prints nothing, and that nothing else gets it. */
class StatusLineTest {
  private static final String ERASED = "\r\u001b[K";

  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final PrintStream terminal = new PrintStream(err, true, StandardCharsets.UTF_8);

  @Test
  void seconds_are_counted_while_a_command_prints_nothing() {
    Terminal terminal = new Terminal().counting();
    SettingsTest.Probe probe = new SettingsTest.Probe();
    probe.doing((_, report) -> {
      terminal.await("\\d s\r.*\\d s");
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
            List.of("", "\\d s, 1 of 2 done\r"),
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
      assertFalse(report.showsProgress());
      report.progress("nothing");
    });
    assertEquals("", new Terminal().counting().set(variable, value).run(probe).stderr());
  }

  @Test
  void text_that_is_set_stands_instead_of_the_count_and_is_cut_to_the_line() {
    try (StatusLine line = new StatusLine(terminal, Duration.ofDays(1), () -> "")) {
      line.set("x".repeat(100));
      line.set("");
    }
    assertEquals("x".repeat(78) + "…" + ERASED, err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void nothing_is_drawn_after_the_end_or_without_a_terminal() {
    StatusLine line = new StatusLine(terminal, Duration.ofDays(1), () -> "");
    line.close();
    line.set("late");
    try (StatusLine none = new StatusLine(terminal, null, () -> "")) {
      none.set("nobody is there");
    }
    assertEquals("", err.toString(StandardCharsets.UTF_8));
  }
}
