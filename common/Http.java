//JAVA 25+
//SOURCES Connections.java Display.java Incoming.java Json.java Proxies.java ServerException.java
//SOURCES UnexpectedBody.java Urls.java

package common;

import common.ServerException.Kind;
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
import java.net.http.HttpTimeoutException;
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
 * The only doorway to HTTP: one readable loop around {@link HttpClient} (docs/specification.md,
 * <i>HTTP</i>).
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

  /** Says whether a write that got no good answer was done nevertheless. */
  public interface Done {
    boolean check() throws ServerException;
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
  public record Response<T>(HttpHeaders headers, T body) {}

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
    limits.proxies().allowCredentials(); // a request already is too late
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
   * One request. A write has to be one that may be repeated: an answer may be lost on its way, so
   * after each attempt that failed {@code done} is asked, which reads what became of it. A 409 is
   * final for a write: somebody else wrote. The server may take its time with one, as long as the
   * deadline of an attempt: asking again meanwhile would make it do the work twice.
   *
   * @param json body of a write, or null
   * @param headers besides those of every request, such as {@code If-Match}
   * @param maxBytes largest body of an answer, after decompression
   */
  public record Request<T>(
      String method,
      URI url,
      byte[] json,
      Map<String, String> headers,
      long maxBytes,
      Body<T> body,
      Done done) {

    private boolean writes() {
      return !method.equals("GET") && !method.equals("HEAD");
    }

    private ServerException failure(Kind kind, int status, String reason) {
      return new ServerException(method + " " + Urls.shown(url), kind, status, reason);
    }
  }

  /** Reads a resource. */
  public <T> Response<T> get(URI url, long maxBytes, Body<T> body) throws ServerException {
    return ask(new Request<>("GET", url, null, Map.of(), maxBytes, body, () -> false))
        .orElseThrow();
  }

  /** Reads the headers of a resource. */
  public HttpHeaders head(URI url) throws ServerException {
    return ask(new Request<>("HEAD", url, null, Map.of(), 0, _ -> null, () -> false))
        .orElseThrow()
        .headers();
  }

  /**
   * Lets the next request to a server wait, as its {@code Backoff} would: as long as it asks for,
   * at least a moment.
   *
   * @param asked values of {@code Retry-After}, none if there was none
   */
  void postpone(URI server, List<String> asked) {
    long moment = ThreadLocalRandom.current().nextLong(1, FIRST_WAIT.toMillis());
    Duration wait =
        asked.stream()
            .flatMap(value -> delay(value).stream())
            .reduce(Duration.ofMillis(moment), Http::max);
    notBefore.merge(Urls.origin(server), clock.instant().plus(wait), Http::max);
  }

  private static <T extends Comparable<? super T>> T max(T one, T other) {
    return one.compareTo(other) > 0 ? one : other;
  }

  /** From now on no write is begun or repeated, not even one that waits for its turn. */
  void endWrites() {
    readsOnly = true;
  }

  /**
   * Asks until there is a good answer, or no hope for one.
   *
   * @return the answer, or empty if an attempt that failed had done the work
   * @throws ServerException when no attempt brought a successful answer that could be read
   */
  public <T> Optional<Response<T>> ask(Request<T> request) throws ServerException {
    if (!Urls.isWeb(request.url())) {
      throw request.failure(Kind.CONNECTION, 0, "no web address");
    }
    int attempt = 1;
    ServerException failure = null;
    try {
      while (true) {
        awaitBackoff(request, attempt, failure);
        if (attempt > 1 && request.done().check()) {
          return Optional.empty();
        }
        try (RequestSlot slot = new RequestSlot()) {
          return Optional.of(attempt(request, slot));
        } catch (ServerException e) {
          failure = e;
        }
        if (Thread.currentThread().isInterrupted()) {
          throw new InterruptedException();
        }
        boolean mayPass = !failure.isLasting();
        Duration wait = waitAfter(attempt, failure);
        if (!mayPass || attempt > limits.retries() || isTooLong(wait)) {
          if (mayPass && request.done().check()) {
            return Optional.empty(); // the last attempt, too, may have done it
          }
          throw mayPass && isTooLong(wait)
              ? toldToWait(request, attempt, failure, wait, "Retry-After")
              : failure.after(attempt);
        }
        onWait.accept(
            "%s, trying again in %s s (attempt %d of %d)"
                .formatted(
                    failure.getMessage(),
                    Display.seconds(wait),
                    attempt + 1,
                    limits.retries() + 1));
        pause.pause(wait);
        attempt++;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw request.failure(Kind.INTERRUPTED, 0, "interrupted").after(attempt);
    }
  }

  /** As long as the server asks for; at once, or not at all, is no reason to hammer it. */
  private static Duration waitAfter(int attempt, ServerException failure) {
    if (failure.retryAfter() != null && failure.retryAfter().isPositive()) {
      return failure.retryAfter();
    }
    long most =
        Math.min(LONGEST_WAIT.toMillis(), FIRST_WAIT.toMillis() << Math.min(attempt - 1, 10));
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most + 1));
  }

  private static boolean isTooLong(Duration wait) {
    return wait.compareTo(LONGEST_ASKED_WAIT) > 0;
  }

  /**
   * @param before why the attempt before failed, or null
   */
  private static ServerException toldToWait(
      Request<?> request, int attempt, ServerException before, Duration wait, String header) {
    return request
        .failure(
            Kind.TOLD_TO_WAIT,
            before == null ? 0 : before.status(),
            "%sthe server asks to wait %d s (%s), longer than %d s"
                .formatted(
                    before == null ? "" : before.reason() + ", ",
                    wait.toSeconds(),
                    header,
                    LONGEST_ASKED_WAIT.toSeconds()))
        .lasting()
        .after(attempt);
  }

  /** Waits as long as an earlier answer's {@code Backoff} asked for. */
  private void awaitBackoff(Request<?> request, int attempt, ServerException before)
      throws InterruptedException, ServerException {
    String origin = Urls.origin(request.url());
    Instant until = notBefore.get(origin);
    if (until == null) {
      return;
    }
    Duration wait = Duration.between(clock.instant(), until);
    if (isTooLong(wait)) {
      throw toldToWait(request, attempt, before, wait, "Backoff");
    }
    if (wait.isPositive()) {
      onWait.accept(
          "%s %s: waiting %s s (Backoff)"
              .formatted(request.method(), Urls.shown(request.url()), Display.seconds(wait)));
      pause.pause(wait);
    }
    notBefore.remove(origin, until);
  }

  /** The place of one request among those in flight; it may be given up before the end. */
  private final class RequestSlot implements AutoCloseable {
    private boolean closed;

    RequestSlot() throws InterruptedException {
      inFlight.acquire();
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        inFlight.release();
      }
    }
  }

  /** One attempt, with the redirects that it meets. */
  private <T> Response<T> attempt(Request<T> request, RequestSlot slot)
      throws ServerException, InterruptedException {
    if (readsOnly && request.writes()) {
      throw request.failure(Kind.INTERRUPTED, 0, "interrupted").lasting();
    }
    long deadline = System.nanoTime() + limits.deadline().toNanos();
    URI target = request.url();
    for (int redirects = 0; ; redirects++) {
      try {
        HttpResponse<Incoming> response = send(request, target, deadline);
        try (Incoming incoming = response.body()) {
          int status = response.statusCode();
          trace.request(request.method(), target, status, null);
          notice(target, response);
          if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
            target = redirected(request, target, response, redirects);
            continue;
          }
          if (status < 200 || status > 299) {
            throw refusal(request, response);
          }
          HttpHeaders headers = response.headers();
          return new Response<>(headers, read(request, headers, incoming, slot));
        }
      } catch (IOException e) {
        ServerException failure = failure(request, target, e);
        trace.request(request.method(), target, 0, failure.reason());
        throw failure;
      }
    }
  }

  /**
   * Reads the body of a success. One that is not large is taken in at once: another request may be
   * sent while something is made of this one's answer.
   */
  private static <T> T read(
      Request<T> request, HttpHeaders headers, Incoming incoming, RequestSlot slot)
      throws IOException, ServerException {
    if (request.method().equals("HEAD")) {
      return null;
    }
    byte[] start = incoming.readNBytes(MAX_LANDED_BYTES);
    InputStream body = new ByteArrayInputStream(start);
    if (start.length == MAX_LANDED_BYTES) {
      body = new SequenceInputStream(body, incoming);
    } else {
      slot.close();
    }
    try {
      return request.body().read(Incoming.content(headers, body, request.maxBytes()));
    } catch (Json.BadJson e) {
      throw headers.firstValue("Content-Type").orElse("").startsWith("text/html")
          ? request.failure(Kind.WEB_PAGE, 0, "HTML instead of JSON")
          : request.failure(Kind.NOT_JSON, 0, "not JSON: " + e.getMessage());
    }
  }

  private HttpResponse<Incoming> send(Request<?> asked, URI target, long deadline)
      throws IOException, InterruptedException, ServerException {
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
    Optional.ofNullable(authorizations.get(Urls.origin(target)))
        .ifPresent(it -> request.setHeader("Authorization", it));
    limits
        .proxies()
        .authorization(target)
        .ifPresent(it -> request.setHeader("Proxy-Authorization", it));
    if (!Urls.isSecure(target)) {
      request.version(HttpClient.Version.HTTP_1_1); // no upgrade to HTTP/2 without TLS
    }
    CompletableFuture<HttpResponse<Incoming>> answer =
        client(asked, target)
            .sendAsync(
                request.build(),
                _ -> new Incoming(deadline, limits.timeout(), limits.names().timeout()));
    try {
      // HttpRequest.timeout() ends with the headers up to JDK 25 and covers the body later on
      long left = deadline - System.nanoTime();
      return answer.get(
          asked.writes() ? left : Math.min(limits.timeout().toNanos(), left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new HttpTimeoutException(
          deadline - System.nanoTime() <= 0 ? Incoming.LATE : "no answer" + withinTimeout());
    } catch (ExecutionException e) {
      throw Incoming.refusedByClient(e.getCause());
    } catch (InterruptedException e) {
      answer.cancel(true);
      throw e;
    }
  }

  private String withinTimeout() {
    return " within %s s (%s)"
        .formatted(Display.seconds(limits.timeout()), limits.names().timeout());
  }

  private HttpClient client(Request<?> request, URI target) throws ServerException {
    try {
      return connections.client(
          Urls.isSecure(target), limits.timeout(), limits.caBundle(), limits.proxies());
    } catch (IllegalArgumentException e) {
      throw request.failure(Kind.CONNECTION, 0, e.getMessage()).lasting();
    }
  }

  /** Takes note of what the server asks of its clients. */
  private void notice(URI target, HttpResponse<?> response) {
    response.headers().allValues("Alert").forEach(onAlert);
    delay(response.headers(), "Backoff")
        .filter(Duration::isPositive)
        .ifPresent(wait -> notBefore.put(Urls.origin(target), clock.instant().plus(wait)));
  }

  private static URI redirected(
      Request<?> request, URI from, HttpResponse<?> response, int redirects)
      throws ServerException {
    int status = response.statusCode();
    String location = response.headers().firstValue("Location").orElse("");
    String refused = null;
    URI to = null;
    try {
      to = Urls.resolve(from, location);
      if (location.isEmpty() || !Urls.isWeb(to)) {
        refused = "redirected to what is no web address";
      } else if (Urls.isSecure(from) && !Urls.isSecure(to)) {
        refused = "redirected from https to http, which is not followed";
      } else if (request.writes()
          && !(status >= 307 && Urls.origin(to).equals(Urls.origin(from)))) {
        refused = "redirected to %s, where no write follows".formatted(Urls.shown(to));
      }
    } catch (IllegalArgumentException e) {
      refused = "redirected to what is no URL";
    }
    if (redirects == MAX_REDIRECTS) {
      refused = "more than " + MAX_REDIRECTS + " redirects";
    }
    if (refused != null) {
      throw request.failure(Kind.STATUS, status, refused).lasting();
    }
    return to;
  }

  /** An answer that is no success: whether it may pass, and what the server says about it. */
  private ServerException refusal(Request<?> request, HttpResponse<Incoming> response) {
    int status = response.statusCode();
    Optional<String> explanation = explanation(response);
    ServerException refusal =
        request
            .failure(Kind.STATUS, status, status + explanation.map(it -> ": " + it).orElse(""))
            .explained(
                explanation.orElse(""), delay(response.headers(), "Retry-After").orElse(null));
    boolean mayPass =
        switch (status) {
          case 409 -> !request.writes();
          case 429, 500, 502, 503, 504 -> true;
          default -> false;
        };
    return mayPass ? refusal : refusal.lasting();
  }

  /** What the server says, not all of a long text; the status says enough if that is unreadable. */
  private static Optional<String> explanation(HttpResponse<Incoming> response) {
    try {
      var parser =
          Json.parser(Incoming.content(response.headers(), response.body(), MAX_ERROR_BYTES));
      Json.next(parser);
      return Json.value(parser) instanceof Map<?, ?> error
              && error.get("message") instanceof String text
          ? Optional.of(
              text.length() <= 200 ? text.replaceFirst("\\.$", "") : text.substring(0, 200) + "…")
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
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
      return Optional.of(max(Duration.between(clock.instant(), date), Duration.ZERO));
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private ServerException failure(Request<?> request, URI target, IOException e) {
    if (e instanceof UnexpectedBody body) {
      Kind kind = body.isWebPage() ? Kind.WEB_PAGE : Kind.UNEXPECTED;
      return request.failure(kind, 0, e.getMessage()).lasting();
    }
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        String reason = "the TLS certificate of %s is refused: %s";
        return request
            .failure(Kind.CONNECTION, 0, reason.formatted(target.getHost(), cause.getMessage()))
            .withHint("is the server's CA missing? name its PEM file with REQUESTS_CA_BUNDLE")
            .lasting();
      }
      if (cause instanceof UnresolvedAddressException) {
        return request
            .failure(Kind.CONNECTION, 0, "unknown host " + target.getHost())
            .withHint(
                "check the host's name in %s, and this machine's DNS"
                    .formatted(limits.names().server()));
      }
    }
    boolean redirected = !target.equals(request.url());
    Kind kind = e instanceof HttpTimeoutException ? Kind.LATE : Kind.CONNECTION;
    String where = redirected ? ", redirected to " + Urls.shown(target) : "";
    ServerException failure = request.failure(kind, 0, reason(e) + where);
    return e instanceof ConnectException && !redirected
        ? failure.withHint(
            "is the server running, and %s right?".formatted(limits.names().server()))
        : failure;
  }

  private String reason(IOException e) {
    String reason =
        switch (e) {
          case EOFException _ -> "the body was cut short";
          case HttpConnectTimeoutException _ -> "no connection" + withinTimeout();
          case ConnectException _ -> "connection refused";
          case SSLHandshakeException _ -> "TLS handshake failed: " + e.getMessage();
          default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    if (reason.contains("header parser received no bytes")) {
      return "the connection was closed before an answer";
    }
    return reason.contains("bytes received") || reason.contains("chunked transfer encoding")
        ? "the body was cut short"
        : reason;
  }

  @Override
  public void close() {
    if (ownsConnections) {
      connections.close();
    }
  }
}
