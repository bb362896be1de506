//JAVA 25+
//DEPS io.sentry:sentry:8.62.0
//SOURCES Http.java
//SOURCES Settings.java

package common;

import io.sentry.CheckIn;
import io.sentry.CheckInStatus;
import io.sentry.Sentry;
import io.sentry.SentryEvent;
import io.sentry.SentryLevel;
import io.sentry.SentryOptions;
import io.sentry.protocol.Message;
import io.sentry.protocol.SentryId;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Reports unexpected errors and failed checks to Sentry, and checks in with its cron monitor, when
 * a DSN is set; never needed, never in the way.
 *
 * <p>The only file that knows the Sentry SDK, whose classes are not loaded without a DSN. What is
 * sent holds no setting, no header and no host name of this machine.
 */
final class CrashReports {

  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final CrashReports NONE = new CrashReports(null, null, null, 0);

  private final String command;
  private final String monitor;
  private final Object checkInId;
  private final long startNanos;
  private final AtomicBoolean closed = new AtomicBoolean(); // Ctrl-C may close it too

  private CrashReports(String command, String monitor, Object checkInId, long startNanos) {
    this.command = command;
    this.monitor = monitor;
    this.checkInId = checkInId;
    this.startNanos = startNanos;
  }

  /** Reports nothing. */
  static CrashReports none() {
    return NONE;
  }

  /**
   * Starts reporting, and checks in as begun, if there is a DSN.
   *
   * @param variables where the proxies are looked up
   */
  static CrashReports start(String command, Settings.General general, Map<String, String> variables)
      throws Settings.UsageException {
    if (general.sentryDsn == null) {
      return NONE;
    }
    try {
      URI dsn = URI.create(general.sentryDsn.reveal());
      if (!Http.isWeb(dsn)) {
        throw new IllegalArgumentException("no web address");
      }
      general.checkSafe("SENTRY_DSN", dsn);
      Sentry.init(options -> configure(options, dsn, general.sentryEnvironment, variables));
    } catch (IllegalArgumentException e) {
      throw new Settings.UsageException(
          "SENTRY_DSN is no DSN, expected https://KEY@HOST/PROJECT", null);
    }
    String slug = general.sentryMonitorSlug;
    String monitor = slug == null ? null : slug.equals("auto") ? command : slug;
    SentryId id =
        monitor == null
            ? null
            : Sentry.captureCheckIn(new CheckIn(monitor, CheckInStatus.IN_PROGRESS));
    return new CrashReports(command, monitor, id, System.nanoTime());
  }

  private static void configure(
      SentryOptions options, URI dsn, String environment, Map<String, String> variables) {
    options.setDsn(dsn.toString());
    options.setEnvironment(environment);
    options.setRelease("remote-settings-lambdas@" + Settings.VERSION);
    options.setEnableExternalConfiguration(false);
    options.setEnableUncaughtExceptionHandler(false);
    options.setAttachServerName(false);
    options.setEnableAutoSessionTracking(false);
    options.setConnectionTimeoutMillis((int) PATIENCE.toMillis());
    options.setReadTimeoutMillis((int) PATIENCE.toMillis());
    options.setShutdownTimeoutMillis(0); // close() below has waited already
    options.setFlushTimeoutMillis(0);
    Http.proxy(variables, dsn).ifPresent(proxy -> options.setProxy(sentryProxy(proxy)));
  }

  private static SentryOptions.Proxy sentryProxy(URI proxy) {
    String port = String.valueOf(Http.port(proxy));
    String user = proxy.getUserInfo();
    if (user == null) {
      return new SentryOptions.Proxy(proxy.getHost(), port);
    }
    int colon = user.indexOf(':');
    return new SentryOptions.Proxy(
        proxy.getHost(),
        port,
        colon < 0 ? user : user.substring(0, colon),
        colon < 0 ? "" : user.substring(colon + 1));
  }

  /** Reports an error that ended the run. */
  void failure(String message, Throwable failure) {
    if (command == null) {
      return;
    }
    SentryEvent event = new SentryEvent(failure);
    send(event, message, SentryLevel.FATAL);
  }

  /** Reports a check that failed. */
  void failedCheck(String message, Map<String, String> particulars) {
    if (command == null) {
      return;
    }
    SentryEvent event = new SentryEvent();
    event.setExtras(Map.copyOf(particulars));
    send(event, message, SentryLevel.ERROR);
  }

  private void send(SentryEvent event, String text, SentryLevel level) {
    Message message = new Message();
    message.setFormatted(text);
    event.setMessage(message);
    event.setLevel(level);
    event.setTag("command", command);
    Sentry.captureEvent(event);
  }

  /** Checks in as ended, and waits a little for what is still to be sent. */
  void close(int exitCode) {
    if (command == null || !closed.compareAndSet(false, true)) {
      return;
    }
    if (monitor != null) {
      CheckIn end =
          new CheckIn(
              (SentryId) checkInId,
              monitor,
              exitCode == 0 ? CheckInStatus.OK : CheckInStatus.ERROR);
      end.setDuration((System.nanoTime() - startNanos) / 1e9);
      Sentry.captureCheckIn(end);
    }
    Sentry.flush(PATIENCE.toMillis());
    Sentry.close();
  }
}
