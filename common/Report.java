//JAVA 25+
//SOURCES Advice.java CrashReports.java Display.java GeneralSettings.java Json.java Masks.java
//SOURCES RunDeadline.java StatusLine.java Surroundings.java Version.java

package common;

import common.GeneralSettings.Format;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How the commands talk (docs/specification.md, <i>Output</i> and <i>Exit codes</i>). The rules:
 *
 * <ul>
 *   <li>stdout holds results only: a line as soon as its turn comes, or one JSON document at the
 *       end;
 *   <li>stderr holds waits, warnings, the summary, and errors as {@code COMMAND: error: …} with a
 *       {@code hint: …} where we know one;
 *   <li>{@code --quiet} keeps findings and the summary; {@code --verbose} adds settings, reasons
 *       and stack traces;
 *   <li>only the status word has a colour, and only on a terminal;
 *   <li>nothing that a server sent reaches a terminal as a control character, or as a line without
 *       an end;
 *   <li>a reader that has gone away ends the run quietly.
 * </ul>
 */
public final class Report {

  // exit codes: a run ends with the largest that applies
  private static final int FINDINGS = 1;
  private static final int NO_FULL_VERDICT = 2;
  private static final int INTERRUPTED = 130; // as of a process that SIGINT ended: so does the JVM
  private static final int CLOSED_PIPE = 141; // as of a process that SIGPIPE ended

  private static final Duration LONGEST_ENDING = Duration.ofSeconds(5);
  private static final int MAX_SHOWN = 10;
  private static final int MAX_ALERTS = 10;
  private static final int MAX_ALERT_LENGTH = 500;

  /** Nothing more can be printed, so the run ends; if need be, the report has said why. */
  public static final class ClosedOutput extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /** What a status word says; its colour on a terminal. */
  public enum Status {
    GOOD(32),
    BAD(31),
    UNKNOWN(33);

    private final int colour;

    Status(int colour) {
      this.colour = colour;
    }
  }

  /** How to print; one immutable value, because any thread may read it. */
  private record OutputSettings(
      Format format,
      boolean quiet,
      boolean verbose,
      boolean exitZero,
      boolean colour,
      Masks masks) {}

  private final String command;
  private final OutputStream out;
  private final PrintStream err;
  private volatile OutputSettings settings;
  private volatile CrashReports crashReports = CrashReports.none();
  private volatile RunDeadline deadline = RunDeadline.none();

  private int exit; // so far
  private boolean interrupted;
  private boolean finished;
  private Runnable onInterrupt = () -> summary("interrupted");
  private final Map<String, Object> document = new LinkedHashMap<>();
  private final List<Object> results = new ArrayList<>();
  private final List<String> findings = new ArrayList<>(); // that do not belong to a single result
  private final Set<String> warnings = new LinkedHashSet<>();
  private final List<String> errors = new ArrayList<>();
  private final Set<String> alerts = new LinkedHashSet<>();
  private final Set<String> hints = new LinkedHashSet<>();
  private String summary;
  private StringBuilder together; // lines that are collected for one write, or null
  private volatile StatusLine status;
  private volatile String doing = "";
  private volatile String done = "";
  private final List<Supplier<String>> activities = new CopyOnWriteArrayList<>();

  Report(String command, Surroundings surroundings) {
    this.command = command;
    this.out = surroundings.out();
    this.err = surroundings.err();
    status = new StatusLine(err, null, () -> "");
    document.put("command", command);
    document.put("version", Version.NUMBER);
    setFormat(Format.TEXT);
  }

  /** Sets the format as soon as it is known: errors in other settings are reported in it. */
  void setFormat(Format format) {
    settings = new OutputSettings(format, false, false, false, false, Masks.NONE);
  }

  /** From now on prints as the settings say, and masks secrets in whatever is printed. */
  void configure(GeneralSettings general, Masks masks, Surroundings surroundings) {
    Map<String, String> environment = surroundings.environment();
    boolean isDumb = "dumb".equals(environment.get("TERM"));
    settings =
        new OutputSettings(
            general.format,
            general.quiet,
            general.verbose,
            general.exitZero,
            surroundings.terminal()
                && !isDumb
                && environment.getOrDefault("NO_COLOR", "").isEmpty(),
            masks);
    Duration period = isDumb || general.quiet ? null : surroundings.statusPeriod();
    status = new StatusLine(err, period, this::activity);
  }

  /**
   * From now on reports to Sentry too, and ends the run on Ctrl-C.
   *
   * @throws ClosedOutput if Ctrl-C was pressed before
   */
  void watch(CrashReports crashReports, Surroundings surroundings) {
    this.crashReports = crashReports;
    try {
      surroundings
          .onInterrupt()
          .accept(() ->
              soon(() -> {
                interrupt(INTERRUPTED);
                crashReports.close(INTERRUPTED); // does nothing if the run has ended
              }));
    } catch (IllegalStateException e) { // the JVM takes no more hooks, because it is ending
      interrupt(INTERRUPTED);
      throw new ClosedOutput();
    }
  }

  /** Sets when the run ends. */
  void endBy(RunDeadline deadline) {
    this.deadline = deadline;
  }

  /** When the run ends; until then something new may be begun. */
  public RunDeadline deadline() {
    return deadline;
  }

  /** Ends a run that goes on after its deadline, and returns its exit code. */
  int giveUp() {
    AtomicInteger code = new AtomicInteger(NO_FULL_VERDICT);
    boolean isTold =
        soon(() -> {
          synchronized (this) {
            if (!finished) {
              error(RunDeadline.LATE, Advice.OUT_OF_TIME);
              interrupt(NO_FULL_VERDICT);
            }
          }
          code.set(end());
        });
    if (!isTold) {
      String line = "%s: error: %s, and nobody reads its output";
      soon(() -> err.println(line.formatted(command, RunDeadline.LATE)));
    }
    return code.get();
  }

  /** Does what ends a run, but does not wait long: output that nobody reads may hold it up. */
  private static boolean soon(Runnable ending) {
    try {
      return Thread.ofPlatform().daemon().start(ending).join(LONGEST_ENDING);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Ends the run where it is; nothing is printed after that. */
  private synchronized void interrupt(int code) {
    if (finished) {
      return;
    }
    interrupted = true;
    raiseExit(code);
    put("interrupted", true);
    try {
      onInterrupt.run();
      finish();
    } catch (ClosedOutput e) {
      finished = true;
    }
  }

  private void raiseExit(int code) {
    exit = Math.max(exit, code);
  }

  /** The command's name. */
  String command() {
    return command;
  }

  /** A text with each secret in it masked, for what is written elsewhere. */
  public String masked(String text) {
    return settings.masks().apply(text);
  }

  /** Prints a line that introduces results; {@code --quiet} and JSON leave it out. */
  public synchronized void heading(String line) {
    if (settings.format() == Format.TEXT && !settings.quiet()) {
      print(Display.line(line));
    }
  }

  /**
   * Reports one result in its turn.
   *
   * @param line as text, null for none; {@code --quiet} hides it if the status is good
   * @param json the same for the JSON document
   */
  public synchronized void result(Status status, String line, Map<String, Object> json) {
    raiseExit(status == Status.GOOD ? 0 : status == Status.BAD ? FINDINGS : NO_FULL_VERDICT);
    results.add(json);
    boolean isWanted = line != null && !(settings.quiet() && status == Status.GOOD);
    if (settings.format() == Format.TEXT && isWanted) {
      print(Display.lines(line));
    }
  }

  /** Prints the details of a finding; the JSON document has them in its results. */
  public synchronized void details(String lines) {
    if (settings.format() == Format.TEXT) {
      print(Display.lines(lines));
    }
  }

  /**
   * The lines of the first ten, and how many more there are; with {@code --verbose} those of all.
   */
  public <T> List<String> some(List<T> all, Function<T, String> line) {
    List<T> shown = settings.verbose() ? all : all.subList(0, Math.min(MAX_SHOWN, all.size()));
    int more = all.size() - shown.size();
    return Stream.concat(
            shown.stream().map(line),
            more == 0 ? Stream.of() : Stream.of("and %d more, --verbose shows all".formatted(more)))
        .toList();
  }

  /** A status word, coloured on a terminal. */
  public String word(Status status, String word) {
    return settings.colour() ? "\u001b[" + status.colour + "m" + word + "\u001b[0m" : word;
  }

  /** The words for what could not be judged: {@code NO VERDICT (reason)}. */
  public String noVerdict(String reason) {
    return "%s (%s)".formatted(word(Status.UNKNOWN, "NO VERDICT"), Display.line(reason));
  }

  /** Says which server the run is about. */
  public synchronized void server(URI url) {
    put("server", url.toString());
    crashReports.server(url);
  }

  /** Puts a value of the run as a whole into the JSON document. */
  public synchronized void put(String key, Object value) {
    document.put(key, value);
  }

  /**
   * Reports a finding that does not belong to a single result.
   *
   * @param check what Sentry groups it by if the text changes from run to run; null for the text
   */
  public synchronized void finding(String line, String check) {
    String clean = Display.line(line);
    raiseExit(FINDINGS);
    findings.add(clean);
    details(clean);
    String group = check == null ? CrashReports.ANY : check;
    crashReports.failedCheck(List.of(group), clean, Map.of(), null);
  }

  /** Says that something is odd, once; the verdict stands. */
  public synchronized void warn(String message) {
    if (warnings.add(Display.line(message))) {
      say("warning: " + message);
    }
  }

  /** Says something that only {@code --verbose} shows. */
  public synchronized void note(String message) {
    if (settings.verbose()) {
      say(message);
    }
  }

  /** Adds what a terminal is told of while nothing else is printed. */
  void activity(Supplier<String> activity) {
    activities.add(activity);
  }

  /** What a terminal is told of first from now on; empty for nothing. */
  public void doing(String what) {
    doing = what;
    done = "";
  }

  /** How many of the parts of a run have ended. */
  void done(int parts, int all) {
    done = "%d of %d done".formatted(parts, all);
  }

  private String activity() {
    return masked(
        Stream.concat(Stream.of(doing, done), activities.stream().map(Supplier::get))
            .filter(text -> !text.isEmpty())
            .collect(Collectors.joining(", ")));
  }

  private void errLine(String line) {
    if (interrupted && finished) {
      return; // after Ctrl-C nothing more is printed
    }
    status.erase();
    err.println(masked(line));
  }

  /** Says that something takes longer, and why. */
  public synchronized void waiting(String message) {
    if (!settings.quiet()) {
      say(message);
    }
  }

  /** Shows an {@code Alert} of the server, once; at most ten of them. */
  synchronized void alert(String alert) {
    String shown = Display.cut(alert, MAX_ALERT_LENGTH);
    if (alerts.size() < MAX_ALERTS && alerts.add(shown)) {
      say("alert from the server: " + shown);
    }
  }

  /** Reports that something could not be done: no full verdict. */
  public synchronized void error(String message, String hint) {
    sayError(message, hint);
    crashReports.failedCheck(List.of(CrashReports.ANY), Display.line(message), Map.of(), null);
  }

  /** The same, with a page that explains more. */
  public synchronized void error(String message, Advice advice) {
    sayError(message, advice.line());
    crashReports.failedCheck(List.of(CrashReports.ANY), Display.line(message), Map.of(), advice);
  }

  private void sayError(String message, String hint) {
    raiseExit(NO_FULL_VERDICT);
    errors.add(Display.line(message));
    say("error: " + message);
    sayHint(hint);
  }

  /** Says more of results; {@code --quiet} keeps it. */
  public synchronized void remark(String message) {
    say(message);
  }

  /**
   * Says what to do next, unless an earlier hint of the run has said it.
   *
   * @param about what the hint is about, said before it; null if that is clear
   */
  public synchronized void hint(String about, Advice advice) {
    String hint = Display.line(advice.hint());
    if (hints.stream().noneMatch(said -> said.contains(hint))) {
      if (about != null) {
        say(about);
      }
      sayHint(advice.line());
    }
  }

  private void sayHint(String hint) {
    if (hint != null && hints.add(Display.line(hint))) {
      errLine("hint: " + Display.line(hint));
    }
  }

  /**
   * Says, before the first write, what is about to be written where, and as whom.
   *
   * @throws ClosedOutput after Ctrl-C, so that nothing is written any more
   */
  public synchronized void announce(String writes) {
    requireNotInterrupted();
    say("about to " + writes);
  }

  /** Reports what ended the run, or the work on a collection, with its trace for Sentry. */
  public synchronized void failure(String message, Advice advice, Throwable failure) {
    sayError(message, advice.line());
    if (settings.verbose()) {
      trace(failure);
    }
    crashReports.failure(Display.line(message), failure, advice);
  }

  /** Prints a failure as the JVM does, but cleans a server's text. */
  private void trace(Throwable failure) {
    Set<Throwable> printed = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Throwable cause = failure; cause != null && printed.add(cause); cause = cause.getCause()) {
      errLine(Display.line((cause == failure ? "" : "Caused by: ") + cause));
      for (StackTraceElement frame : cause.getStackTrace()) {
        errLine("\tat " + frame);
      }
    }
  }

  /** Reports a failure that no command expects, out of memory or a bug; returns its message. */
  public String unexpected(Throwable failure) {
    boolean isMemory = failure instanceof OutOfMemoryError;
    String message = isMemory ? "out of memory" : "unexpected " + failure;
    failure(
        message,
        Advice.UNEXPECTED.or(
            (isMemory
                    ? "give the JVM more with JAVA_TOOL_OPTIONS=-Xmx2g; "
                    : failure instanceof LinkageError
                        ? "a file of the program is missing or damaged: install it again; "
                        : "this is a bug, ")
                + Advice.UNEXPECTED.hint()),
        failure);
    return message;
  }

  /**
   * Reports a failed check to Sentry, which groups by the check and what it was about.
   *
   * @param about what was checked: {@code bucket/collection}; null for many
   * @param message may have several lines; a server's text in it is cleaned
   */
  public void failedCheck(
      String check, String about, String message, Map<String, String> particulars, Advice advice) {
    List<String> group = about == null ? List.of(check) : List.of(check, about);
    crashReports.failedCheck(group, message, particulars, advice);
  }

  /** Tells Sentry of a request, as context for later reports. */
  void request(String method, URI url, int status, String failure) {
    crashReports.request(method, url, status, failure);
  }

  /** The last line: counts, and what is wrong. */
  public synchronized void summary(String summary) {
    this.summary = Display.line(summary);
    say(summary);
  }

  private void say(String message) {
    crashReports.said(Display.line(message));
    errLine(Display.line(command + ": " + message));
  }

  /**
   * Sets what Ctrl-C prints about the work so far.
   *
   * @param task ends with a summary
   */
  public synchronized void onInterrupt(Runnable task) {
    onInterrupt = task;
  }

  /**
   * Ends a thread that would start something new after Ctrl-C.
   *
   * @throws ClosedOutput once Ctrl-C has ended the run
   */
  public synchronized void requireNotInterrupted() {
    if (interrupted) {
      throw new ClosedOutput();
    }
  }

  /** Whether Ctrl-C has ended the run; nothing counts that is done after it. */
  public synchronized boolean isInterrupted() {
    return interrupted;
  }

  /** Runs a task that Ctrl-C does not divide, and prints all its lines in one write. */
  public synchronized void together(Runnable task) {
    together = new StringBuilder();
    try {
      task.run();
    } finally {
      String lines = together.toString();
      together = null;
      write(lines);
    }
  }

  /** Prints text as it is, whatever the format. */
  void print(String text) {
    write(masked(text) + System.lineSeparator());
  }

  private void write(String lines) {
    if (together != null) {
      together.append(lines);
      return;
    }
    if (finished || lines.isEmpty()) {
      return;
    }
    try {
      status.erase();
      out.write(lines.getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      finished = true;
      String reason = String.valueOf(e.getMessage());
      if (reason.toLowerCase(Locale.ROOT).contains("pipe")) {
        raiseExit(CLOSED_PIPE);
      } else {
        sayError("cannot write to stdout: " + reason, "is there space left where it goes?");
      }
      throw new ClosedOutput();
    }
  }

  /** Ends the run, and returns its exit code. */
  int end() {
    int code = finish();
    crashReports.close(code); // without the lock: only this waits for Sentry
    return code;
  }

  /** Prints the JSON document, if that is the format, and returns the exit code. */
  private synchronized int finish() {
    status.close();
    if (settings.format() == Format.JSON && !finished) {
      document.put("results", results);
      document.put("findings", findings);
      document.put("warnings", List.copyOf(warnings));
      document.put("errors", errors);
      document.put("hints", List.copyOf(hints));
      document.put("summary", summary);
      document.put("exit", exitCode());
      byte[] json = Json.document(masked(document));
      try {
        write(new String(json, StandardCharsets.UTF_8) + System.lineSeparator());
      } catch (ClosedOutput e) {
        // write() has set the exit code
      }
    }
    finished = true;
    return exitCode();
  }

  private int exitCode() {
    return exit == FINDINGS && settings.exitZero() ? 0 : exit;
  }

  /** The same plain value with each secret in it masked. */
  public Object masked(Object value) {
    return switch (value) {
      case String text -> masked(text);
      case List<?> list -> list.stream().map(this::masked).toList();
      case Map<?, ?> map -> {
        Map<Object, Object> masked = new LinkedHashMap<>();
        map.forEach((key, one) -> masked.put(masked(key), masked(one)));
        yield masked;
      }
      case null, default -> value;
    };
  }
}
