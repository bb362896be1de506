//JAVA 25+
//DEPS com.amazonaws:aws-lambda-java-core:1.4.0
//SOURCES ../backport_records.java ../blockpages_generator.java
//SOURCES ../common/signature/CanonicalJson.java ../common/Http.java ../common/Report.java
//SOURCES ../common/Runner.java ../consistency_checks.java ../refresh_signature.java
//SOURCES ../uptake_health.java ../validate_changes_collection.java ../validate_signature.java

import com.amazonaws.services.lambda.runtime.Context;
import common.Connections;
import common.Display;
import common.Json;
import common.Runner;
import common.Surroundings;
import common.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * The commands as AWS Lambda, a handler each: {@code Lambda::validate_signature}
 * (docs/specification.md, <i>As AWS Lambda</i>).
 *
 * <p>The keys of an event are the names of the command's settings in lower case, and win over the
 * environment. What a console would show goes to the log, and is the message with which the
 * invocation fails where there are findings or no full verdict. Connections stay open for the next
 * invocation.
 *
 * <p>In the unnamed package, because the commands are: a class of another one cannot name them.
 */
public class Lambda {

  private static Connections connections = new Connections();

  /** Of the time that is left, what is kept to say how far the run came. */
  private static final int SHARE_FOR_THE_END = 5;

  private static final Duration LONGEST_END = Duration.ofSeconds(5);

  /** Longest text of an answer or of a failure; that of an asynchronous one may have 256 KB. */
  private static final int MAX_TEXT = 60_000;

  /** Lambda names its own region so, where ours are settings. */
  private static final String REGION = "AWS_REGION";

  /** Nobody answers there. */
  private static final Map<String, String> NOWHERE =
      Map.of("SERVER", "https://127.0.0.1:1/v1", "REQUESTS_NB_RETRIES", "0");

  /**
   * Loads what every command needs before the first event: a snapshot holds it then. A check that
   * fails comes as far as HTTP.
   */
  public Lambda() {
    Runner.execute(
        new validate_signature(),
        surroundings(
            NOWHERE,
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

  /** Fails an invocation, with the text of the console; its class is the error's type. */
  abstract static class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    Failure(String text) {
      super(text, null, false, false); // where it was thrown says nothing
    }

    /** Without the text: Lambda's client logs that beside it. */
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
      environment = environment(Runner.settings(command), read(event), System.getenv());
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
   * Runs a command on a thread of its own, and ends it as Ctrl-C would shortly before the limit.
   *
   * <p>Whatever does not end then, goes on without a log and without connections: the next
   * invocation in this process has others.
   */
  private static int run(
      Runner.Command command, Map<String, String> environment, Console console, Context context)
      throws InterruptedException {
    List<Runnable> interrupts = new CopyOnWriteArrayList<>();
    Surroundings surroundings = surroundings(environment, console.out(), console.err(), interrupts);
    AtomicInteger exit = new AtomicInteger(2);
    long left = context.getRemainingTimeInMillis();
    long kept = Math.min(LONGEST_END.toMillis(), left / SHARE_FOR_THE_END);
    Thread run =
        Thread.ofPlatform().daemon().start(() -> exit.set(Runner.execute(command, surroundings)));
    if (run.join(Duration.ofMillis(Math.max(1, left - kept)))) {
      return exit.get();
    }
    console.error(
        "%s: error: Lambda's time limit is near, %.1f s are left"
            .formatted(command.getClass().getSimpleName(), kept / 1000.0));
    console.error("hint: raise the function's Timeout, or let it look at fewer collections");
    // says what is done, and may wait: for a line that is being printed, for Sentry
    Thread end = Thread.ofPlatform().daemon().start(() -> interrupts.forEach(Runnable::run));
    end.join(Duration.ofMillis(kept / 2));
    run.interrupt();
    run.join(Duration.ofMillis(kept / SHARE_FOR_THE_END));
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
        connections);
  }

  // ---- the event

  private static Object read(InputStream event) throws UsageException {
    try {
      byte[] json = event.readAllBytes();
      String text = new String(json, StandardCharsets.UTF_8);
      return text.isBlank() ? null : Json.parse(text);
    } catch (IOException e) {
      throw new UsageException(
          "the event cannot be read as JSON: " + e.getMessage(), "expected an object of settings");
    }
  }

  /**
   * The environment of a run: that of the process, and over it what the event says.
   *
   * @param event as JSON: null or an object of settings, or what EventBridge sends, whose {@code
   *     detail} it is then
   * @throws UsageException for a key that is no setting of the command, and a value that none has
   */
  static Map<String, String> environment(
      List<Runner.Setting> settings, Object event, Map<String, String> process)
      throws UsageException {
    Map<String, String> environment = new HashMap<>(process);
    environment.remove(REGION); // Lambda's own, not the bucket's
    Set<Runner.Setting> seen = new HashSet<>();
    for (Map.Entry<?, ?> entry : object(event).entrySet()) {
      String key = entry.getKey().toString();
      Runner.Setting setting = setting(settings, key);
      if (!seen.add(setting)) {
        throw new UsageException(
            "event key \"%s\": the event says that twice".formatted(shown(key)),
            "of the names of a setting, and of - and _, use one");
      }
      String value = value(setting, key, entry.getValue());
      for (String variable : setting.variables()) {
        if (value != null) { // under all its names, for the environment may have another one
          environment.put(variable, value);
        }
      }
    }
    return environment;
  }

  private static Map<?, ?> object(Object event) throws UsageException {
    return switch (event) {
      case null -> Map.of();
      case Map<?, ?> envelope when envelope.containsKey("detail-type") ->
          object(envelope.get("detail"));
      case Map<?, ?> object -> object;
      default ->
          throw new UsageException(
              "the event is no JSON object", "expected one of settings, like {\"server\": \"…\"}");
    };
  }

  private static Runner.Setting setting(List<Runner.Setting> settings, String key)
      throws UsageException {
    String variable = key.strip().replace('-', '_').toUpperCase(Locale.ROOT);
    return settings.stream()
        .filter(setting -> setting.variables().contains(variable))
        .findFirst()
        .orElseThrow(() ->
            new UsageException(
                "unknown event key \"%s\"".formatted(shown(key)),
                "keys are settings in lower case: "
                    + settings.stream()
                        .map(setting -> setting.variables().getFirst().toLowerCase(Locale.ROOT))
                        .collect(Collectors.joining(", "))));
  }

  /** A value as a variable would hold it; null leaves the environment's. */
  private static String value(Runner.Setting setting, String key, Object value)
      throws UsageException {
    if (value instanceof List<?> list) {
      List<String> entries = new ArrayList<>();
      for (Object entry : list) {
        if (entry == null || entry instanceof List<?> || entry instanceof Map<?, ?>) {
          throw new UsageException(
              "event key \"%s\": a list of what is no text".formatted(shown(key)),
              "expected texts and numbers");
        }
        entries.add(text(entry));
      }
      return String.join(setting.separator() == null ? "\n" : setting.separator(), entries);
    }
    return switch (value) {
      case null -> null;
      case Map<?, ?> object -> new String(Json.document(object), StandardCharsets.UTF_8);
      default -> text(value);
    };
  }

  private static String text(Object scalar) {
    return scalar instanceof BigDecimal number ? number.toPlainString() : scalar.toString();
  }

  private static String shown(String key) {
    return Display.brief(key);
  }

  // ---- the console

  /** The end of a long text, where the summary stands. */
  private static String shortened(String text) {
    if (text.length() <= MAX_TEXT) {
      return text;
    }
    int start = text.indexOf('\n', text.length() - MAX_TEXT) + 1;
    long left = text.substring(0, start).lines().count();
    return "… %d lines more in the log%n".formatted(left) + text.substring(start);
  }

  /** What a console would show: in the log at once, and kept. */
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

    /** What is printed from now on belongs to no invocation. */
    synchronized void close() {
      closed = true;
    }

    /** All that was printed, as the message of a failure. */
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
