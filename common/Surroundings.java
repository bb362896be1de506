//JAVA 25+
//SOURCES Connections.java Http.java StatusLine.java

package common;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What a command reads and writes besides the network; tests pass their own.
 *
 * @param terminal whether stdout is one, and takes colours
 * @param statusPeriod how often stderr, a terminal, is told that the run goes on; else null
 * @param connections that outlive the run, or null
 */
public record Surroundings(
    Map<String, String> environment,
    InputStream in,
    OutputStream out,
    PrintStream err,
    boolean terminal,
    Clock clock,
    Http.Pause pause,
    Consumer<Runnable> onInterrupt,
    Duration statusPeriod,
    Connections connections) {

  /** Those of the process; output is UTF-8 whatever the locale, because lines contain ⚠. */
  public static Surroundings real() {
    return new Surroundings(
        System.getenv(),
        System.in,
        new FileOutputStream(FileDescriptor.out),
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
        System.console() != null && System.console().isTerminal(),
        Clock.systemUTC(),
        Thread::sleep,
        task -> Runtime.getRuntime().addShutdownHook(new Thread(task)),
        StatusLine.period(),
        null);
  }

  /** The same with another environment. */
  Surroundings with(Map<String, String> environment) {
    return new Surroundings(
        environment, in, out, err, terminal, clock, pause, onInterrupt, statusPeriod, connections);
  }
}
