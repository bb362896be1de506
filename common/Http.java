//JAVA 25+
//SOURCES Connections.java
//SOURCES Display.java
//SOURCES Incoming.java
//SOURCES Json.java
//SOURCES Proxies.java
//SOURCES ServerException.java
//SOURCES UnexpectedBody.java
//SOURCES Urls.java

package common;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import javax.net.ssl.SSLHandshakeException;

/**
 * The only doorway to HTTP: one readable loop around {@link HttpClient} (contract, <i>HTTP</i>).
 *
 * <p>Each attempt has a longest silence and a deadline, for the body too; each body a largest size,
 * after decompression. Retried are failures that may pass: of the connection, of a body cut short
 * or not JSON, 429, 500, 502, 503, 504, and 409 on a read. Waits double from 0.5 s to 8 s with full
 * jitter; {@code Retry-After} and {@code Backoff} are obeyed up to 30 s. Credentials go to the one
 * origin they are meant for, whatever a redirect says.
 */
public final class Http implements AutoCloseable {

  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(8);
  private static final Duration LONGEST_ASKED_WAIT = Duration.ofSeconds(30);
  private static final int MAX_REDIRECTS = 5;
  private static final long MAX_ERROR_BYTES = 64 * 1024;
  private static final int MAX_LANDED_BYTES = 1024 * 1024;

  /** Waits; tests pass one that only notes how long. */
  public interface Pause {
    void pause(Duration duration) throws InterruptedException;
  }

  /** Told of each request that was sent, redirects too. */
  public interface Trace {
    /**
     * @param status of the answer, or 0 if there was none that could be read
     * @param failure why there was none, or null
     */
    void request(String method, URI url, int status, String failure);
  }

  /** Reads the body of a successful answer; called once per attempt. */
  public interface Body<T> {
    T read(InputStream body) throws IOException;
  }

  /**
   * How requests are made.
   *
   * @param userAgent names command and version
   * @param timeout to connect, and the longest silence while reading
   * @param deadline of one attempt as a whole
   * @param retries after the first attempt
   * @param parallel most requests in flight
   * @param caBundle PEM certificates added to the JDK's roots, or null
   * @param proxies between here and the servers
   * @param names of the settings that errors point to
   */
  public record Limits(
      String userAgent,
      Duration timeout,
      Duration deadline,
      int retries,
      int parallel,
      Path caBundle,
      Proxies proxies,
      Names names) {}

  /**
   * The settings that a user would change.
   *
   * @param server its URL
   * @param timeout to connect, and the longest silence
   */
  public record Names(String server, String timeout) {
    static final Names SERVER = new Names("SERVER", "REQUESTS_TIMEOUT_SECONDS");
  }

  /** A successful answer. */
  public record Response<T>(int status, HttpHeaders headers, T body) {}

  private final Limits limits;
  private final Clock clock;
  private final Pause pause;
  private final Consumer<String> onWait;
  private final Consumer<String> onAlert;
  private final Semaphore inFlight;
  private final Map<String, String> authorizations = new ConcurrentHashMap<>();
  private final Map<String, Instant> notBefore = new ConcurrentHashMap<>();
  private final Connections connections;
  private final boolean ownsConnections;
  private volatile boolean readsOnly;
  private volatile Trace trace = (_, _, _, _) -> {};

  /**
   * @param onWait told of each wait before another attempt
   * @param onAlert told of the {@code Alert} header of an answer
   * @param connections to use and to leave open, or null for some that are closed with this
   */
  public Http(
      Limits limits,
      Clock clock,
      Pause pause,
      Consumer<String> onWait,
      Consumer<String> onAlert,
      Connections connections) {
    this.ownsConnections = connections == null;
    this.connections = ownsConnections ? new Connections() : connections;
    this.limits = limits;
    this.clock = clock;
    this.pause = pause;
    this.onWait = onWait;
    this.onAlert = onAlert;
    this.inFlight = new Semaphore(limits.parallel());
  }

  /** Tells of each request from now on. */
  public void trace(Trace trace) {
    this.trace = trace;
  }

  /**
   * Sends this {@code Authorization} with every request to the origin of this URL, and no other.
   */
  public void authorize(URI server, String authorization) {
    if (!authorization.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      // java.net.http would say so too, and show it
      throw new IllegalArgumentException("the credentials hold what no header can carry");
    }
    authorizations.put(Urls.origin(server), authorization);
  }

  /**
   * One request.
   *
   * @param json body of a write, or null
   * @param headers besides those of every request
   */
  private record Asked(String method, URI url, byte[] json, Map<String, String> headers) {
    boolean writes() {
      return !method.equals("GET") && !method.equals("HEAD");
    }
  }

  /**
   * Reads a resource.
   *
   * @param maxBytes largest body after decompression
   * @throws ServerException when no attempt brought a successful answer that could be read
   */
  public <T> Response<T> get(URI url, long maxBytes, Body<T> body) throws ServerException {
    return ask(new Asked("GET", url, null, Map.of()), maxBytes, body, () -> false).orElseThrow();
  }

  /**
   * Reads the headers of a resource.
   *
   * @throws ServerException as {@link #get} does
   */
  public HttpHeaders head(URI url) throws ServerException {
    Asked asked = new Asked("HEAD", url, null, Map.of());
    return ask(asked, 0, _ -> null, () -> false).orElseThrow().headers();
  }

  /**
   * Lets the next request to a server wait, as its {@code Backoff} would: as long as it asks for,
   * at least a moment.
   *
   * @param asked values of {@code Retry-After}, none if there was none
   */
  void postpone(URI server, List<String> asked) {
    Duration wait =
        Duration.ofMillis(ThreadLocalRandom.current().nextLong(1, FIRST_WAIT.toMillis()));
    for (String value : asked) {
      Duration longer = delay(value).orElse(wait);
      wait = longer.compareTo(wait) > 0 ? longer : wait;
    }
    notBefore.merge(Urls.origin(server), clock.instant().plus(wait), Http::later);
  }

  private static Instant later(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }

  /** From now on no write is begun or repeated, not even one that waits for its turn. */
  void endWrites() {
    readsOnly = true;
  }

  /** Says whether a write that got no good answer was done nevertheless. */
  public interface Done {
    boolean check() throws ServerException;
  }

  /**
   * Sends a JSON document, so that something changes at the server.
   *
   * <p>Only for writes that may be repeated: an answer may be lost on its way, so after each
   * attempt that failed {@code done} is asked, which reads what became of it. A 409 is final here:
   * somebody else wrote. The server may take its time with a write, as long as the deadline of an
   * attempt: asking again meanwhile would make it do the work twice.
   *
   * @param headers such as {@code If-Match}
   * @return the answer, or empty if an attempt that failed had done the work
   * @throws ServerException when no attempt brought a successful answer that could be read
   */
  public <T> Optional<Response<T>> write(
      String method,
      URI url,
      byte[] json,
      Map<String, String> headers,
      long maxBytes,
      Body<T> body,
      Done done)
      throws ServerException {
    return ask(new Asked(method, url, json, headers), maxBytes, body, done);
  }

  private <T> Optional<Response<T>> ask(Asked asked, long maxBytes, Body<T> body, Done done)
      throws ServerException {
    URI url = asked.url();
    String request = asked.method() + " " + Urls.shown(url);
    if (!Urls.isWeb(url)) {
      throw new ServerException(request, 0, "no web address", 1, null);
    }
    Failure failure = null;
    for (int attempt = 1; ; attempt++) {
      try {
        awaitBackoff(url, request, attempt, failure);
        if (attempt > 1 && done.check()) {
          return Optional.empty();
        }
        Flight flight = new Flight();
        try {
          if (readsOnly && asked.writes()) {
            throw new ServerException(request, 0, "interrupted", attempt, null, true);
          }
          return Optional.of(attempt(asked, maxBytes, body, flight));
        } finally {
          flight.end();
        }
      } catch (Failure e) {
        failure = e;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ServerException(request, 0, "interrupted", attempt, null);
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new ServerException(request, 0, "interrupted", attempt, null);
      }
      Duration wait = waitBefore(attempt, failure);
      boolean waitTooLong = wait.compareTo(LONGEST_ASKED_WAIT) > 0;
      if (!failure.passing || attempt > limits.retries() || waitTooLong) {
        if (failure.passing && done.check()) {
          return Optional.empty(); // the last attempt, too, may have done it
        }
        String reason =
            failure.getMessage()
                + (failure.passing && waitTooLong
                    ? ", the server asks to wait %d s (Retry-After), longer than %d s"
                        .formatted(wait.toSeconds(), LONGEST_ASKED_WAIT.toSeconds())
                    : "");
        throw new ServerException(
            request,
            failure.status,
            reason,
            attempt,
            failure.hint,
            !failure.passing || waitTooLong);
      }
      onWait.accept(
          "%s: %s, trying again in %s s (attempt %d of %d)"
              .formatted(
                  request,
                  failure.getMessage(),
                  Display.seconds(wait),
                  attempt + 1,
                  limits.retries() + 1));
      try {
        pause.pause(wait);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ServerException(request, failure.status, "interrupted", attempt, null);
      }
    }
  }

  /** Why one attempt failed, and whether another may succeed. */
  private static final class Failure extends Exception {
    private static final long serialVersionUID = 1;
    final int status;
    final boolean passing;
    final transient Optional<Duration> retryAfter;
    final String hint;

    Failure(
        int status, String reason, boolean passing, Optional<Duration> retryAfter, String hint) {
      super(reason, null, false, false);
      this.status = status;
      this.passing = passing;
      this.retryAfter = retryAfter;
      this.hint = hint;
    }
  }

  /** As long as the server asks for; at once, or not at all, is no reason to hammer it. */
  private static Duration waitBefore(int attempt, Failure failure) {
    return failure
        .retryAfter
        .filter(Duration::isPositive)
        .orElseGet(() -> {
          long most =
              Math.min(LONGEST_WAIT.toMillis(), FIRST_WAIT.toMillis() << Math.min(attempt - 1, 10));
          return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most + 1));
        });
  }

  /** Waits as long as an earlier answer's {@code Backoff} asked for. */
  private void awaitBackoff(URI url, String request, int attempt, Failure before)
      throws InterruptedException, ServerException {
    Instant until = notBefore.get(Urls.origin(url));
    if (until == null) {
      return;
    }
    Duration wait = Duration.between(clock.instant(), until);
    if (wait.compareTo(LONGEST_ASKED_WAIT) > 0) {
      throw new ServerException(
          request,
          before == null ? 0 : before.status,
          "%sthe server asks to wait %d s (Backoff), longer than %d s"
              .formatted(
                  before == null ? "" : before.getMessage() + ", ",
                  wait.toSeconds(),
                  LONGEST_ASKED_WAIT.toSeconds()),
          attempt,
          null);
    }
    if (wait.isPositive()) {
      onWait.accept("%s: waiting %s s (Backoff)".formatted(request, Display.seconds(wait)));
      pause.pause(wait);
    }
    notBefore.remove(Urls.origin(url), until);
  }

  /** One of the requests in flight; it may end before its answer is made something of. */
  private final class Flight {
    private boolean ended;

    Flight() throws InterruptedException {
      inFlight.acquire();
    }

    void end() {
      if (!ended) {
        ended = true;
        inFlight.release();
      }
    }
  }

  /** One attempt, with the redirects that it meets. */
  private <T> Response<T> attempt(Asked asked, long maxBytes, Body<T> body, Flight flight)
      throws Failure, InterruptedException {
    long deadline = System.nanoTime() + limits.deadline().toNanos();
    URI target = asked.url();
    for (int redirects = 0; ; redirects++) {
      try {
        HttpResponse<Incoming> response = send(asked, target, deadline);
        try (Incoming incoming = response.body()) {
          int status = response.statusCode();
          trace.request(asked.method(), target, status, null);
          notice(target, response);
          if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
            target = redirected(asked, target, response, redirects);
            continue;
          }
          if (status < 200 || status > 299) {
            throw refusal(asked, response, incoming);
          }
          if (asked.method().equals("HEAD")) {
            return new Response<>(status, response.headers(), null);
          }
          InputStream whole = landed(incoming, flight);
          InputStream limited =
              new Incoming.Limited(Incoming.decompressed(response.headers(), whole), maxBytes);
          try {
            return new Response<>(status, response.headers(), body.read(limited));
          } catch (Json.BadJson e) {
            boolean html =
                response.headers().firstValue("Content-Type").orElse("").startsWith("text/html");
            throw passing(html ? "HTML instead of JSON" : "not JSON: " + e.getMessage());
          }
        }
      } catch (IOException e) {
        Failure failure = failure(e, target, !target.equals(asked.url()));
        trace.request(asked.method(), target, 0, failure.getMessage());
        throw failure;
      }
    }
  }

  /**
   * The body as it comes. One that is not large is taken in at once: another request may be sent
   * while something is made of this one's answer.
   */
  private static InputStream landed(Incoming incoming, Flight flight) throws IOException {
    byte[] start = incoming.readNBytes(MAX_LANDED_BYTES);
    if (start.length == MAX_LANDED_BYTES) {
      return new SequenceInputStream(new ByteArrayInputStream(start), incoming);
    }
    flight.end();
    return new ByteArrayInputStream(start);
  }

  private HttpResponse<Incoming> send(Asked asked, URI target, long deadline)
      throws IOException, InterruptedException, Failure {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(target)
            .setHeader("User-Agent", limits.userAgent())
            .setHeader("Accept-Encoding", "gzip");
    HttpRequest.BodyPublisher body = HttpRequest.BodyPublishers.noBody();
    if (asked.json() != null) {
      request.setHeader("Content-Type", "application/json");
      body = HttpRequest.BodyPublishers.ofByteArray(asked.json());
    }
    request.method(asked.method(), body);
    asked.headers().forEach(request::setHeader);
    String authorization = authorizations.get(Urls.origin(target));
    if (authorization != null) {
      request.setHeader("Authorization", authorization);
    }
    limits
        .proxies()
        .authorization(target)
        .ifPresent(it -> request.setHeader("Proxy-Authorization", it));
    boolean secure = target.getScheme().equalsIgnoreCase("https");
    HttpClient client = client(secure);
    if (!secure) {
      request.version(HttpClient.Version.HTTP_1_1); // no upgrade to HTTP/2 without TLS
    }
    CompletableFuture<HttpResponse<Incoming>> answer =
        client.sendAsync(
            request.build(),
            _ -> new Incoming(deadline, limits.timeout(), limits.names().timeout()));
    try {
      // HttpRequest.timeout() ends with the headers up to JDK 25 and covers the body later on
      long left = deadline - System.nanoTime();
      return answer.get(
          asked.writes() ? left : Math.min(limits.timeout().toNanos(), left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new IOException(
          deadline - System.nanoTime() <= 0
              ? Incoming.LATE
              : "no answer within %s s (%s)"
                  .formatted(Display.seconds(limits.timeout()), limits.names().timeout()),
          e);
    } catch (ExecutionException e) {
      throw Incoming.refusedByClient(e.getCause());
    } catch (InterruptedException e) {
      answer.cancel(true);
      throw e;
    }
  }

  /** Takes note of what the server asks of its clients. */
  private void notice(URI target, HttpResponse<?> response) {
    response.headers().allValues("Alert").forEach(onAlert);
    delay(response.headers(), "Backoff")
        .filter(Duration::isPositive)
        .ifPresent(wait -> notBefore.put(Urls.origin(target), clock.instant().plus(wait)));
  }

  private URI redirected(Asked asked, URI from, HttpResponse<?> response, int redirects)
      throws Failure {
    String location = response.headers().firstValue("Location").orElse("");
    if (redirects == MAX_REDIRECTS) {
      throw refused(response.statusCode(), "more than " + MAX_REDIRECTS + " redirects");
    }
    URI to;
    try {
      to = Urls.resolve(from, location);
    } catch (IllegalArgumentException e) {
      throw refused(response.statusCode(), "redirected to what is no URL");
    }
    if (location.isEmpty() || !Urls.isWeb(to)) {
      throw refused(response.statusCode(), "redirected to what is no web address");
    }
    if (from.getScheme().equalsIgnoreCase("https") && !to.getScheme().equalsIgnoreCase("https")) {
      throw refused(response.statusCode(), "redirected from https to http, which is not followed");
    }
    boolean keepsMethod = response.statusCode() == 307 || response.statusCode() == 308;
    if (asked.writes() && !(keepsMethod && Urls.origin(to).equals(Urls.origin(from)))) {
      throw refused(
          response.statusCode(),
          "redirected to %s, where no write follows".formatted(Urls.shown(to)));
    }
    return to;
  }

  private static Failure passing(String reason) {
    return new Failure(0, reason, true, Optional.empty(), null);
  }

  private static Failure refused(int status, String reason) {
    return new Failure(status, reason, false, Optional.empty(), null);
  }

  /** An answer that is no success: whether it may pass, and what the server says about it. */
  private Failure refusal(Asked asked, HttpResponse<Incoming> response, Incoming incoming) {
    int status = response.statusCode();
    boolean passing =
        switch (status) {
          case 409 -> !asked.writes();
          case 429, 500, 502, 503, 504 -> true;
          default -> false;
        };
    String message = "";
    try {
      InputStream limited =
          new Incoming.Limited(
              Incoming.decompressed(response.headers(), incoming), MAX_ERROR_BYTES);
      var parser = Json.parser(limited);
      Json.next(parser);
      if (Json.value(parser) instanceof Map<?, ?> error
          && error.get("message") instanceof String text) {
        message =
            ": "
                + (text.length() <= 200
                    ? text.replaceFirst("\\.$", "")
                    : text.substring(0, 200) + "…");
      }
    } catch (IOException e) {
      message = ""; // no explanation that we could read: the status says enough
    }
    return new Failure(
        status, status + message, passing, delay(response.headers(), "Retry-After"), null);
  }

  /** The seconds, or the date, that a header asks to wait for; nothing if it is neither. */
  private Optional<Duration> delay(HttpHeaders headers, String name) {
    return headers.firstValue(name).flatMap(this::delay);
  }

  private Optional<Duration> delay(String header) {
    String value = header.strip();
    if (value.matches("\\d+(\\.\\d+)?")) {
      double most = 1e12; // however long, it is too long
      double seconds = Math.min(Double.parseDouble(value), most);
      return Optional.of(Duration.ofMillis((long) (seconds * 1000)));
    }
    try {
      Instant date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration wait = Duration.between(clock.instant(), date);
      return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private Failure failure(IOException e, URI target, boolean redirected) {
    if (e instanceof UnexpectedBody || e instanceof Incoming.TooLarge) {
      return new Failure(0, e.getMessage(), false, Optional.empty(), null);
    }
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        return new Failure(
            0,
            "the TLS certificate of %s is refused: %s"
                .formatted(target.getHost(), cause.getMessage()),
            false,
            Optional.empty(),
            "is the server's CA missing? name its PEM file with REQUESTS_CA_BUNDLE");
      }
      if (cause instanceof UnresolvedAddressException) {
        return new Failure(
            0,
            "unknown host " + target.getHost(),
            true,
            Optional.empty(),
            "check the host's name in %s, and this machine's DNS"
                .formatted(limits.names().server()));
      }
    }
    String reason =
        switch (e) {
          case EOFException _ -> "the body was cut short";
          case HttpConnectTimeoutException _ ->
              "no connection within %s s (%s)"
                  .formatted(Display.seconds(limits.timeout()), limits.names().timeout());
          case ConnectException _ -> "connection refused";
          case SSLHandshakeException _ -> "TLS handshake failed: " + e.getMessage();
          default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    if (reason.contains("header parser received no bytes")) {
      reason = "the connection was closed before an answer";
    } else if (reason.contains("bytes received") || reason.contains("chunked transfer encoding")) {
      reason = "the body was cut short";
    }
    return new Failure(
        0,
        redirected ? "%s, redirected to %s".formatted(reason, Urls.shown(target)) : reason,
        true,
        Optional.empty(),
        e instanceof ConnectException && !redirected
            ? "is the server running, and %s right?".formatted(limits.names().server())
            : null);
  }

  private HttpClient client(boolean secure) throws Failure {
    try {
      return connections.client(secure, limits.timeout(), limits.caBundle(), limits.proxies());
    } catch (IllegalArgumentException e) {
      throw new Failure(0, e.getMessage(), false, Optional.empty(), null);
    }
  }

  @Override
  public void close() {
    if (ownsConnections) {
      connections.close();
    }
  }
}
