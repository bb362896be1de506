//JAVA 25+
//DEPS com.amazonaws:aws-lambda-java-core:1.4.0
//SOURCES ../backport_records.java ../blockpages_generator.java
//SOURCES ../common/signature/CanonicalJson.java ../common/Http.java ../common/Report.java
//SOURCES ../common/Runner.java ../common/Setting.java ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java ../validate_changes_collection.java ../validate_signature.java
//SOURCES EventSettings.java FunctionSecrets.java

import com.amazonaws.services.lambda.runtime.Context;
import common.Connections;
import common.Json;
import common.Runner;
import common.Setting;
import common.Surroundings;
import common.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The commands as AWS Lambda functions, with a handler for each: {@code Lambda::validate_signature}
 * (docs/specification.md, <i>As AWS Lambda</i>).
 *
 * <p>The keys of an event are the names of the command's settings in lower case; they win over the
 * environment, except where {@link EventSettings} refuses them. The console output goes to the log.
 * If there are findings or no full verdict, the invocation fails with that output as its message.
 * Connections stay open for the next invocation.
 *
 * <p>This class is in the unnamed package like the commands, because classes in other packages
 * cannot refer to them.
 */
public class Lambda {

  private static Connections connections = new Connections();

  /** One part in this many of the remaining time is reserved for reporting what was done. */
  private static final int GRACE_DIVISOR = 5;

  private static final Duration MAX_GRACE = Duration.ofSeconds(5);

  /** Longest text of an answer or a failure; Lambda allows 256 KB in asynchronous invocations. */
  private static final int MAX_TEXT = 60_000;

  /** Settings of a server that does not answer. */
  private static final Map<String, String> UNREACHABLE_SERVER =
      Map.of("SERVER", "https://127.0.0.1:1/v1", "REQUESTS_NB_RETRIES", "0");

  /**
   * Loads the classes of every command before the first event, so that a snapshot contains them: it
   * runs a check that gets as far as HTTP, and fails there.
   */
  public Lambda() {
    Runner.execute(
        new validate_signature(),
        surroundings(
            UNREACHABLE_SERVER,
            OutputStream.nullOutputStream(),
            OutputStream.nullOutputStream(),
            new ArrayList<>()));
    renewConnections();
  }

  public void backport_records(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new backport_records(), event, answer, context);
  }

  public void blockpages_generator(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new blockpages_generator(), event, answer, context);
  }

  public void consistency_checks(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new consistency_checks(), event, answer, context);
  }

  public void refresh_signature(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new refresh_signature(), event, answer, context);
  }

  public void uptake_health(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new uptake_health(), event, answer, context);
  }

  public void validate_changes_collection(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new validate_changes_collection(), event, answer, context);
  }

  public void validate_signature(InputStream event, OutputStream answer, Context context)
      throws Exception {
    invoke(new validate_signature(), event, answer, context);
  }

  /** Fails an invocation with the console output; the name of the class is the error type. */
  abstract static class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    Failure(String text) {
      super(text, null, false, false); // a stack trace would not help
    }

    /** Without the text, which Lambda's client logs separately. */
    @Override
    public String toString() {
      return getClass().getName();
    }
  }

  // ---- an invocation

  static void invoke(
      Runner.Command command, InputStream event, OutputStream answer, Context context)
      throws Exception {
    String name = command.getClass().getSimpleName();
    Console console = new Console();
    Map<String, String> environment;
    try {
      List<Setting> settings = Runner.settings(command);
      Object settingsOfEvent = read(event);
      environment =
          EventSettings.environment(
              settings,
              settingsOfEvent,
              FunctionSecrets.added(settings, System.getenv(), FunctionSecrets::readFromAws));
    } catch (UsageException e) {
      console.error("%s: error: %s".formatted(name, e.getMessage()));
      console.error("hint: " + e.hint());
      throw new NoVerdict(console.text());
    }
    int exit = run(command, environment, console, context);
    if (exit == 1) {
      throw new Findings(console.text());
    } else if (exit != 0) {
      throw new NoVerdict(console.text());
    }
    boolean isDocument = "json".equalsIgnoreCase(environment.get("FORMAT"));
    answer.write(isDocument ? console.document() : answer(console.output()));
  }

  private static byte[] answer(String output) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("exit", 0);
    answer.put("output", shortened(output));
    return Json.document(answer);
  }

  /**
   * Runs a command on its own thread. Shortly before Lambda's time limit, ends it as Ctrl-C would.
   *
   * <p>If the thread still does not end, it loses its log and its connections, so that it cannot
   * disturb the next invocation in this process.
   */
  private static int run(
      Runner.Command command, Map<String, String> environment, Console console, Context context)
      throws InterruptedException {
    List<Runnable> interrupts = new CopyOnWriteArrayList<>();
    Surroundings surroundings = surroundings(environment, console.out(), console.err(), interrupts);
    AtomicInteger exit = new AtomicInteger(2);
    long left = context.getRemainingTimeInMillis();
    long grace = Math.min(MAX_GRACE.toMillis(), left / GRACE_DIVISOR);
    Thread run =
        Thread.ofPlatform().daemon().start(() -> exit.set(Runner.execute(command, surroundings)));
    if (run.join(Duration.ofMillis(Math.max(1, left - grace)))) {
      return exit.get();
    }
    console.error(
        "%s: error: Lambda's time limit is near, %.1f s are left"
            .formatted(command.getClass().getSimpleName(), grace / 1000.0));
    console.error("hint: raise the function's Timeout, or check fewer collections");
    // Reports what was done; may wait for a line that is being printed, or for Sentry.
    Thread end = Thread.ofPlatform().daemon().start(() -> interrupts.forEach(Runnable::run));
    end.join(Duration.ofMillis(grace / 2));
    run.interrupt();
    run.join(Duration.ofMillis(grace / GRACE_DIVISOR));
    console.close();
    renewConnections();
    return 2;
  }

  private static void renewConnections() {
    connections.close();
    connections = new Connections();
  }

  private static Surroundings surroundings(
      Map<String, String> environment,
      OutputStream out,
      OutputStream err,
      List<Runnable> interrupts) {
    return new Surroundings(
        environment,
        InputStream.nullInputStream(),
        out,
        new PrintStream(err, true, StandardCharsets.UTF_8),
        false,
        Clock.systemUTC(),
        Thread::sleep,
        interrupts::add,
        null,
        connections);
  }

  // ---- the event

  private static Object read(InputStream event) throws UsageException {
    try {
      byte[] json = event.readAllBytes();
      String text = new String(json, StandardCharsets.UTF_8);
      return text.isBlank() ? null : Json.parse(text);
    } catch (IOException e) { // its message could show what the event holds
      throw new UsageException(
          "the event cannot be read as JSON", "expected settings, like {\"server\": \"…\"}");
    }
  }

  // ---- the console

  /** The end of a long text, because the summary is there. */
  private static String shortened(String text) {
    if (text.length() <= MAX_TEXT) {
      return text;
    }
    int start = text.indexOf('\n', text.length() - MAX_TEXT) + 1;
    long left = text.substring(0, start).lines().count();
    return "… %d more lines in the log%n".formatted(left) + text.substring(start);
  }

  /** Writes the console output to the log at once, and keeps it for the answer. */
  private static final class Console {
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final ByteArrayOutputStream all = new ByteArrayOutputStream();
    private boolean closed;

    OutputStream out() {
      return to(System.out, true);
    }

    OutputStream err() {
      return to(System.err, false);
    }

    private OutputStream to(PrintStream log, boolean isOutput) {
      return new OutputStream() {
        @Override
        public void write(int b) {
          write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
          synchronized (Console.this) {
            if (closed) {
              return;
            }
            log.write(bytes, offset, length);
            log.flush();
            all.write(bytes, offset, length);
            if (isOutput) {
              output.write(bytes, offset, length);
            }
          }
        }
      };
    }

    void error(String line) {
      new PrintStream(err(), true, StandardCharsets.UTF_8).println(line);
    }

    /** Discards whatever is printed from now on. */
    synchronized void close() {
      closed = true;
    }

    /** Everything that was printed, as the message of a failure. */
    synchronized String text() {
      return shortened(all.toString(StandardCharsets.UTF_8).stripTrailing());
    }

    synchronized String output() {
      return output.toString(StandardCharsets.UTF_8);
    }

    synchronized byte[] document() {
      return output.toByteArray();
    }
  }
}

/** The run is complete and has findings. */
final class Findings extends Lambda.Failure {
  private static final long serialVersionUID = 1;

  Findings(String text) {
    super(text);
  }
}

/** There is no full verdict. */
final class NoVerdict extends Lambda.Failure {
  private static final long serialVersionUID = 1;

  NoVerdict(String text) {
    super(text);
  }
}
