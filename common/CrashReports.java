//JAVA 25+
//DEPS io.sentry:sentry:8.64.0
//SOURCES Advice.java Display.java Http.java Masks.java Proxies.java Secret.java ServerException.java
//SOURCES Surroundings.java Urls.java UsageException.java Version.java

package common;

import io.sentry.Breadcrumb;
import io.sentry.CheckIn;
import io.sentry.CheckInStatus;
import io.sentry.Hint;
import io.sentry.RequestDetails;
import io.sentry.Sentry;
import io.sentry.SentryEnvelope;
import io.sentry.SentryEvent;
import io.sentry.SentryItemType;
import io.sentry.SentryLevel;
import io.sentry.SentryOptions;
import io.sentry.protocol.Message;
import io.sentry.protocol.SentryException;
import io.sentry.protocol.SentryId;
import io.sentry.transport.ITransport;
import io.sentry.transport.RateLimiter;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

/**
 * Reports unexpected errors and failed checks to Sentry, and checks in with its cron monitor, when
 * a DSN is set; never needed, never in the way.
 *
 * <p>The only file that knows the Sentry SDK, whose classes are not loaded without a DSN. What is
 * sent holds no setting, no header, no secret, and neither this machine's nor its user's name.
 */
class CrashReports {

  /** Groups an event as Sentry does by itself, by its stack trace or text. */
  static final String ANY = "{{ default }}";

  private static final CrashReports NONE = new CrashReports();

  private CrashReports() {}

  /** Reports nothing. */
  static CrashReports none() {
    return NONE;
  }

  /**
   * Starts reporting, and checks in as in progress, if there is a DSN.
   *
   * @param dsn or null; the caller has checked that it may be sent
   * @param environment that Sentry shows, or null
   * @param monitor to check in with, {@code auto} for the command's name, or null
   * @param caBundle certificates to trust besides the JDK's, or null
   * @param surroundings whose environment names the proxies
   * @param warn told what is not reported, and why
   */
  static CrashReports start(
      String command,
      Secret dsn,
      String environment,
      String monitor,
      Path caBundle,
      Surroundings surroundings,
      Masks masks,
      Consumer<String> warn)
      throws UsageException {
    if (dsn == null) {
      return NONE;
    }
    try {
      URI url = Urls.web(dsn.reveal()).orElseThrow(IllegalArgumentException::new);
      Http http = http(command, caBundle, surroundings);
      if (Urls.hasUnderscore(url)) {
        warn.accept("nothing is reported: SENTRY_DSN: " + Urls.underscore(url, "in a DSN"));
        return NONE;
      }
      String slug = "auto".equals(monitor) ? command : monitor;
      return new Sdk(command, dsn.label(), url, environment, slug, http, masks, warn);
    } catch (RuntimeException e) { // whatever the SDK throws: a run needs no DSN
      warn.accept(
          "nothing is reported: SENTRY_DSN is not a DSN, expected https://KEY@HOST/PROJECT");
      return NONE;
    }
  }

  private static Http http(String command, Path caBundle, Surroundings surroundings)
      throws UsageException {
    return new Http(
        new Http.Limits(
            command + "/" + Version.NUMBER,
            Transport.DEADLINE,
            Transport.DEADLINE,
            0,
            Transport.PARALLEL,
            caBundle,
            Proxies.of(surroundings.environment()),
            Http.Names.SERVER),
        Clock.systemUTC(),
        _ -> {},
        _ -> {},
        _ -> {},
        surroundings.connections());
  }

  /** Tags what follows with the server that the run is about. */
  void server(URI url) {}

  /** Remembers a request, as context for later reports. */
  void request(String method, URI url, int status, String failure) {}

  /** Remembers a line that the run printed, likewise. */
  void said(String line) {}

  /** Reports an error that ended the run, or the work on a collection; each bug once. */
  void failure(String message, Throwable failure, Advice advice) {}

  /**
   * Reports a check that failed.
   *
   * @param group what Sentry groups it by, besides the command
   * @param advice whose cause and page are tags; null if there is none
   */
  void failedCheck(
      List<String> group, String message, Map<String, String> particulars, Advice advice) {}

  /** Checks in as ended, waits a little for what is still to be sent, and says what was lost. */
  void close(int exitCode) {}

  /** The part that needs the SDK's classes. */
  private static final class Sdk extends CrashReports {
    private static final int MAX_TEXT = 10_000; // characters; Sentry refuses reports over 1 MB
    private static final int MAX_EXTRA = 200_000;
    private static final int MAX_TAG = 199; // and an ellipsis: Sentry refuses longer ones

    /** A number, date or time, other than a status such as 503; not a part of a name. */
    private static final Pattern VARYING =
        Pattern.compile(
            "(?<![\\w.-])(?<!\\d[,:])(?!\\d{3}(?!\\d|[.,:-]\\d))\\d++([.,:T-]\\d++)*+Z?(?!\\w)");

    private final String command;
    private final Masks masks;
    private final Consumer<String> warn;
    private final String home = System.getProperty("user.home") + File.separator;
    private final Set<String> bugs = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean closed = new AtomicBoolean(); // Ctrl-C may close it too
    private final long startNanos = System.nanoTime();
    private final String monitor;
    private final SentryId checkIn;
    private Transport transport;

    Sdk(
        String command,
        String label,
        URI dsn,
        String environment,
        String monitor,
        Http http,
        Masks masks,
        Consumer<String> warn) {
      this.command = command;
      this.monitor = monitor;
      this.masks = masks;
      this.warn = warn;
      // one scope for all threads: a report has the context of all of them
      Sentry.init(options -> configure(options, label, dsn, environment, http), true);
      checkIn =
          monitor == null
              ? null
              : Sentry.captureCheckIn(new CheckIn(monitor, CheckInStatus.IN_PROGRESS));
    }

    private void configure(
        SentryOptions options, String label, URI dsn, String environment, Http http) {
      options.setDsn(dsn.toString());
      options.setEnvironment(environment);
      options.setRelease("remote-settings-lambdas@" + Version.NUMBER);
      options.setTransportFactory(
          (_, sentry) -> transport = new Transport(http, label, sentry, options));
      options.setBeforeSend((event, _) -> masked(event));
      options.setEnableExternalConfiguration(false);
      options.setEnableUncaughtExceptionHandler(false);
      options.setEnableShutdownHook(false);
      options.setEnableAutoSessionTracking(false);
      options.setEnableBackpressureHandling(false);
      options.setAttachServerName(false);
      options.setAttachStacktrace(false); // but for exceptions: texts are grouped by text
      options.setSendModules(false);
      options.setShutdownTimeoutMillis(0); // close() below has waited already
    }

    @Override
    void server(URI url) {
      Sentry.setTag("server", Display.cut(shown(Urls.shown(url)), MAX_TAG));
    }

    @Override
    void request(String method, URI url, int status, String failure) {
      Breadcrumb crumb = new Breadcrumb();
      crumb.setType("http");
      crumb.setCategory("http");
      crumb.setData("method", method);
      crumb.setData("url", shown(Urls.shown(url).replaceFirst("\\?.*", "")));
      if (failure == null) {
        crumb.setData("status_code", status);
      } else {
        crumb.setData("reason", shown(failure));
        crumb.setLevel(SentryLevel.WARNING);
      }
      Sentry.addBreadcrumb(crumb);
    }

    @Override
    void said(String line) {
      Sentry.addBreadcrumb(shown(line), "stderr");
    }

    @Override
    void failure(String message, Throwable failure, Advice advice) {
      try {
        StackTraceElement[] trace = failure.getStackTrace();
        if (bugs.add(failure.getClass() + (trace.length == 0 ? "" : " at " + trace[0]))) {
          send(new SentryEvent(failure), List.of(ANY), message, advice, SentryLevel.FATAL);
        }
      } catch (OutOfMemoryError e) {
        // the run has said so already, and ends with its exit code
      }
    }

    @Override
    void failedCheck(
        List<String> group, String message, Map<String, String> particulars, Advice advice) {
      SentryEvent event = new SentryEvent();
      int length = 0;
      for (Map.Entry<String, String> one : particulars.entrySet()) {
        length += one.getKey().length() + one.getValue().length();
        if (length > MAX_EXTRA) {
          break; // the run's output has them all
        }
        event.setExtra(shown(one.getKey()), shown(one.getValue()));
      }
      send(event, group, message, advice, SentryLevel.ERROR);
    }

    private void send(
        SentryEvent event, List<String> group, String text, Advice advice, SentryLevel level) {
      String title = group.contains(ANY) ? title(text) : text;
      if (!title.equals(text)) {
        event.setExtra("text", shown(text));
      }
      Message message = new Message();
      message.setFormatted(title);
      event.setMessage(message);
      event.setFingerprints(
          Stream.concat(Stream.of(command), group.stream().map(this::shown)).toList());
      event.setLevel(level);
      event.setTag("command", command);
      if (advice != null) {
        event.setTag("cause", advice.cause());
        event.setTag("runbook", advice.page().path());
      }
      Sentry.captureEvent(event);
    }

    /** The text without what differs from run to run, so that the same trouble is one issue. */
    private String title(String text) {
      return text == null ? null : VARYING.matcher(shown(text)).replaceAll("N");
    }

    private SentryEvent masked(SentryEvent event) {
      event.getMessage().setFormatted(shown(event.getMessage().getFormatted()));
      Stream.ofNullable(event.getExceptions())
          .<SentryException>flatMap(List::stream)
          .forEach(one -> one.setValue(title(one.getValue())));
      return event;
    }

    /** Without secrets, and without the user's name in a path. */
    private String shown(String text) {
      String masked = masks.apply(text == null ? null : Display.cut(text, MAX_TEXT));
      return masked == null || home.length() < 3 ? masked : masked.replace(home, "~/");
    }

    @Override
    void close(int exitCode) {
      if (!closed.compareAndSet(false, true)) {
        return;
      }
      if (monitor != null) {
        CheckIn end =
            new CheckIn(checkIn, monitor, exitCode == 0 ? CheckInStatus.OK : CheckInStatus.ERROR);
        end.setDuration((System.nanoTime() - startNanos) / 1e9);
        Sentry.captureCheckIn(end);
      }
      transport.lost().ifPresent(warn);
      Sentry.close();
    }
  }

  /**
   * Posts reports through {@link Http}, which knows proxies and certificates, and why a request
   * failed. (The SDK's own transport does not say when an answer never comes.)
   */
  private static final class Transport implements ITransport {
    static final Duration DEADLINE = Duration.ofSeconds(10);
    static final int PARALLEL = 4;

    /** The wait at the end of a run, which Sentry prolongs by 2 s at most. */
    private static final long MAX_WAIT_MILLIS = 1800;

    private static final long MAX_ANSWER_BYTES = 64 * 1024;
    private static final String LATE = "no answer in time";
    private static final String LIMITED = "429, its quota is used up";

    private final Http http;
    private final String label; // of the DSN
    private final URI url;
    private final Map<String, String> headers;
    private final SentryOptions options;
    private final ExecutorService workers =
        Executors.newFixedThreadPool(PARALLEL, Thread.ofVirtual().factory());

    /** Each ends with the reason why Sentry did not take it, empty if it did. */
    private final Queue<CompletableFuture<String>> posts = new ConcurrentLinkedQueue<>();

    private CompletableFuture<String> lastCheckIn = CompletableFuture.completedFuture("");
    private volatile boolean limited;

    Transport(Http http, String label, RequestDetails details, SentryOptions options) {
      this.http = http;
      this.label = label;
      this.url = URI.create(details.getUrl().toString());
      this.options = options;
      this.headers = new HashMap<>(details.getHeaders());
      headers.put("Content-Type", "application/x-sentry-envelope");
      headers.put("Content-Encoding", "gzip");
    }

    @Override
    public synchronized void send(SentryEnvelope envelope, Hint hint) {
      boolean isCheckIn =
          envelope.getItems().iterator().next().getHeader().getType() == SentryItemType.CheckIn;
      if (isCheckIn) { // the end must not overtake the start
        lastCheckIn = lastCheckIn.thenApplyAsync(_ -> post(envelope), workers);
        posts.add(lastCheckIn);
      } else {
        posts.add(CompletableFuture.supplyAsync(() -> limited ? LIMITED : post(envelope), workers));
      }
    }

    private String post(SentryEnvelope envelope) {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      try (GZIPOutputStream zipped = new GZIPOutputStream(body)) {
        options.getSerializer().serialize(envelope, zipped);
        zipped.finish();
        http.send(
            new Http.Request<>(
                "POST",
                url,
                body.toByteArray(),
                headers,
                MAX_ANSWER_BYTES,
                InputStream::readAllBytes,
                () -> false));
        return "";
      } catch (ServerException e) {
        limited |= e.status() == 429;
        return switch (e.status()) {
          case 401, 403, 404 -> "%d, is %s right?".formatted(e.status(), label);
          case 429 -> LIMITED;
          default ->
              switch (e.kind()) {
                case LATE -> LATE;
                case PROXY -> e.reason() + ": " + e.hint();
                default -> e.reason();
              };
        };
      } catch (Exception | OutOfMemoryError e) {
        return e.getClass().getSimpleName(); // its text may hold the key
      }
    }

    /** Waits a little, then says what Sentry did not take, and why; empty if it took everything. */
    Optional<String> lost() {
      try {
        CompletableFuture.allOf(posts.toArray(CompletableFuture[]::new))
            .get(MAX_WAIT_MILLIS, TimeUnit.MILLISECONDS);
      } catch (ExecutionException | TimeoutException e) {
        // the reports that are not sent yet count as lost
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      List<String> reasons =
          posts.stream().map(post -> post.getNow(LATE)).filter(why -> !why.isEmpty()).toList();
      if (reasons.isEmpty()) {
        return Optional.empty();
      }
      String why = reasons.contains(LATE) ? LATE : reasons.getLast();
      return Optional.of(
          "Sentry did not get %d of %d reports: %s".formatted(reasons.size(), posts.size(), why));
    }

    @Override
    public void flush(long timeoutMillis) {
      // lost() waits
    }

    @Override
    public RateLimiter getRateLimiter() {
      return null; // a quota that is used up stays so for the rest of a run
    }

    @Override
    public void close(boolean isRestarting) {
      close();
    }

    @Override
    public void close() {
      workers.shutdownNow();
      http.close();
    }
  }
}
