//JAVA 25+
//SOURCES BodyStream.java Connections.java Display.java ErrorAnswer.java Guard.java Hops.java
//SOURCES Json.java Link.java NoAnswer.java OtherContent.java Proxies.java RunDeadline.java ServerException.java
//SOURCES TlsTrust.java UnexpectedBody.java Urls.java Waits.java

package common;

import common.ServerException.Kind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * The only file that makes HTTP requests: one readable loop around {@link HttpClient}
 * (docs/specification.md, <i>HTTP</i>).
 *
 * <p>Each attempt has a longest silence and a deadline, for the body too; each body has a largest
 * size, after decompression. Failures that may be temporary are retried: those of the connection, a
 * body that is cut short or not what was asked for (JSON, a PEM chain), 429, 500, 502, 503, 504,
 * and 409 on a read, after {@link Waits}. Credentials go to the one origin they are meant for,
 * whatever a redirect says. After {@link RunDeadline} no request is begun, and a read that is under
 * way ends; a write that was sent is finished.
 */
public final class Http implements AutoCloseable {

  private static final int MAX_REDIRECTS = 5;
  private static final int MAX_BUFFERED_BYTES = 1024 * 1024;

  /** Bound while a thread reads what became of a write. */
  private static final ScopedValue<Boolean> FINISHING = ScopedValue.newInstance();

  /** Waits; tests pass one that only records how long. */
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
   * Reads only as much of a body as it needs. The rest is not waited for, unless it is so small
   * that this costs less than another connection.
   */
  public interface Start<T> extends Body<T> {}

  /** Says whether a write was applied, although it got no good answer. */
  public interface WriteCheck {
    boolean isApplied() throws ServerException;
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
   * The names of the settings that errors point to.
   *
   * @param server the server's URL
   * @param timeout to connect, and the longest silence
   */
  public record Names(String server, String timeout) {
    static final Names SERVER = new Names("SERVER", "REQUESTS_TIMEOUT_SECONDS");
  }

  /** A successful answer. */
  public record Response<T>(HttpHeaders headers, T body) {}

  private final Limits limits;
  private final Waits waits;
  private final Pause pause;
  private final Consumer<String> onWait;
  private final Consumer<String> onAlert;
  private final Semaphore inFlight;
  private final Queue<String> underWay = new ConcurrentLinkedQueue<>();
  private final LongAdder received = new LongAdder();
  private final Map<String, String> authorizations = new ConcurrentHashMap<>();
  private final Connections connections;
  private final boolean ownsConnections;
  private volatile boolean readsOnly;
  private volatile RunDeadline run = RunDeadline.none();
  private volatile Trace trace = (_, _, _, _) -> {};

  /**
   * @param onWait told of each wait before another attempt
   * @param onAlert told of the {@code Alert} header of an answer
   * @param connections to use and to leave open, or null for new ones that are closed with this
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
    this.waits = new Waits(clock);
    this.pause = pause;
    this.onWait = onWait;
    this.onAlert = onAlert;
    this.inFlight = new Semaphore(limits.parallel());
    limits.proxies().allowCredentials(); // must come before the first request
  }

  /** Sets who is told of each request from now on. */
  public void trace(Trace trace) {
    this.trace = trace;
  }

  /** Sets when the run ends. */
  void endBy(RunDeadline run) {
    this.run = run;
  }

  /**
   * Reads what became of a write: the end of the run neither prevents nor cuts such requests, but
   * none is repeated after it.
   */
  public static <T, X extends Exception> T finish(ScopedValue.CallableOp<T, X> task) throws X {
    return ScopedValue.where(FINISHING, true).call(task);
  }

  /**
   * Sends this {@code Authorization} with every request to the origin of this URL, and to no other.
   */
  public void authorize(URI server, String authorization) {
    if (!authorization.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      // java.net.http would refuse it too, but show it
      throw new IllegalArgumentException("a header cannot carry these credentials");
    }
    authorizations.put(Urls.origin(server), authorization);
  }

  /**
   * One request. A write must be safe to repeat, because its answer may be lost: after each failed
   * attempt, {@code check} reads whether it was applied. A 409 is final for a write: somebody else
   * wrote. The server may take as long for a write as the deadline of an attempt: a second request
   * meanwhile would make it do the work twice.
   *
   * @param json body of a write, or null
   * @param headers besides those of every request, such as {@code If-Match}
   * @param maxBytes largest body of an answer, after decompression
   * @param guard null if the URL is ours. A guarded request carries no credentials, not even to the
   *     origin for which they are meant
   */
  public record Request<T>(
      String method,
      URI url,
      byte[] json,
      Map<String, String> headers,
      long maxBytes,
      Body<T> body,
      WriteCheck check,
      Guard guard) {

    public Request(
        String method,
        URI url,
        byte[] json,
        Map<String, String> headers,
        long maxBytes,
        Body<T> body,
        WriteCheck check) {
      this(method, url, json, headers, maxBytes, body, check, null);
    }

    private boolean writes() {
      return !method.equals("GET") && !method.equals("HEAD");
    }

    private ServerException failure(Kind kind, int status, String reason) {
      return new ServerException(method + " " + Urls.shown(url), kind, status, reason);
    }
  }

  /** Reads a resource. */
  public <T> Response<T> get(URI url, long maxBytes, Body<T> body) throws ServerException {
    return get(url, maxBytes, body, null);
  }

  /** Reads a resource whose URL somebody else has chosen. */
  public <T> Response<T> get(URI url, long maxBytes, Body<T> body, Guard guard)
      throws ServerException {
    return send(new Request<>("GET", url, null, Map.of(), maxBytes, body, () -> false, guard))
        .orElseThrow();
  }

  /** Reads the headers of a resource. */
  public HttpHeaders head(URI url) throws ServerException {
    return send(new Request<>("HEAD", url, null, Map.of(), 0, _ -> null, () -> false))
        .orElseThrow()
        .headers();
  }

  /** Delays the next request to a server, see {@link Waits#postpone}. */
  void postpone(URI server, List<String> retryAfter) {
    waits.postpone(server, retryAfter);
  }

  /** From now on no write is begun or repeated, not even one that waits for its turn. */
  void endWrites() {
    readsOnly = true;
  }

  /**
   * Sends a request until there is a good answer, or another attempt is pointless.
   *
   * @return the answer, or empty if a failed attempt turns out to have applied the write
   * @throws ServerException if no attempt got a successful answer that could be read
   */
  public <T> Optional<Response<T>> send(Request<T> request) throws ServerException {
    if (!Urls.isWeb(request.url())) {
      throw request.failure(Kind.CONNECTION, 0, "not a web address");
    }
    int attempt = 1;
    ServerException failure = null;
    String shown = request.method() + " " + request.url().getRawPath();
    underWay.add(shown);
    try {
      while (true) {
        if (attempt > 1 && finish(request.check()::isApplied)) {
          return Optional.empty();
        }
        awaitBackoff(request, attempt, failure);
        try (RequestSlot slot = slot(request, attempt, failure)) {
          return Optional.of(attempt(request, slot));
        } catch (ServerException e) {
          failure = e;
        }
        if (Thread.currentThread().isInterrupted()) {
          throw new InterruptedException();
        }
        Duration wait = Waits.after(attempt, failure.retryAfter());
        boolean isLast = attempt > limits.retries();
        boolean isOutOfTime = run.left() <= (isLast ? 0 : TimeUnit.NANOSECONDS.convert(wait));
        if (!failure.isRetryable() || isLast || isOutOfTime || Waits.isTooLong(wait)) {
          if (failure.isRetryable() && finish(request.check()::isApplied)) {
            return Optional.empty(); // the last attempt, too, may have applied it
          }
          throw !failure.isRetryable()
              ? failure.after(attempt)
              : Waits.isTooLong(wait)
                  ? toldToWait(request, attempt, failure, wait, "Retry-After")
                  : isOutOfTime ? outOfTime(request, attempt, failure) : failure.after(attempt);
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
    } finally {
      underWay.remove(shown);
    }
  }

  /** How much has been read, and the request that was begun first of those under way. */
  String activity() {
    long bytes = received.sum();
    String megabytes = bytes < 100_000 ? "" : "%.1f MB read".formatted(bytes / 1e6);
    String first = underWay.peek();
    return first == null ? megabytes : megabytes.isEmpty() ? first : megabytes + ", " + first;
  }

  /**
   * @param previous why the previous attempt failed, or null
   */
  private static ServerException toldToWait(
      Request<?> request, int attempt, ServerException previous, Duration wait, String header) {
    return request
        .failure(
            Kind.TOLD_TO_WAIT,
            previous == null ? 0 : previous.status(),
            "%sthe server asks to wait %d s (%s), longer than %d s"
                .formatted(
                    previous == null ? "" : previous.reason() + ", ",
                    wait.toSeconds(),
                    header,
                    Waits.LONGEST_REQUESTED.toSeconds()))
        .notRetryable()
        .after(attempt);
  }

  /**
   * @param previous why the previous attempt failed, or null; of what is finished, that counts
   */
  private ServerException outOfTime(Request<?> request, int attempt, ServerException previous) {
    if (previous != null && isFinished(request)) {
      return previous.after(attempt);
    }
    boolean isOver = run.isOver();
    String reason = isOver ? RunDeadline.LATE : RunDeadline.NO_TIME;
    boolean isCut = previous == null || (isOver && previous.kind() == Kind.LATE);
    return request
        .failure(Kind.OUT_OF_TIME, 0, (isCut ? "" : previous.reason() + ", ") + reason)
        .withHint(RunDeadline.HINT)
        .notRetryable()
        .after(attempt);
  }

  /** Whether the end of the run does not cut a request once it is sent. */
  private static boolean isFinished(Request<?> request) {
    return request.writes() || FINISHING.isBound();
  }

  /** Nanoseconds within which an attempt may begin. */
  private long left(int attempt) {
    return attempt == 1 && FINISHING.isBound() ? Long.MAX_VALUE : run.left();
  }

  /** Waits as long as the {@code Backoff} of an earlier answer asked for. */
  private void awaitBackoff(Request<?> request, int attempt, ServerException previous)
      throws InterruptedException, ServerException {
    Instant until = waits.notBefore(request.url());
    if (until == null) {
      return;
    }
    Duration wait = waits.until(until);
    if (Waits.isTooLong(wait)) {
      throw toldToWait(request, attempt, previous, wait, "Backoff");
    }
    if (wait.toNanos() >= left(attempt)) {
      throw outOfTime(request, attempt, previous);
    }
    if (wait.isPositive()) {
      onWait.accept(
          "%s %s: waiting %s s (Backoff)"
              .formatted(request.method(), Urls.shown(request.url()), Display.seconds(wait)));
      pause.pause(wait);
    }
    waits.forget(request.url(), until);
  }

  /** One of the requests that may be in flight; it may be released before the request ends. */
  private final class RequestSlot implements AutoCloseable {
    private boolean closed;

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        inFlight.release();
      }
    }
  }

  private RequestSlot slot(Request<?> request, int attempt, ServerException previous)
      throws InterruptedException, ServerException {
    long left = left(attempt);
    if (left <= 0 || !inFlight.tryAcquire(left, TimeUnit.NANOSECONDS)) {
      throw outOfTime(request, attempt, previous);
    }
    return new RequestSlot();
  }

  /** One attempt, with its redirects. */
  private <T> Response<T> attempt(Request<T> request, RequestSlot slot)
      throws ServerException, InterruptedException {
    if (readsOnly && request.writes()) {
      throw request.failure(Kind.INTERRUPTED, 0, "interrupted").notRetryable();
    }
    long most = limits.deadline().toNanos();
    long deadline = System.nanoTime() + (isFinished(request) ? most : Math.min(most, run.left()));
    URI target = request.url();
    for (int redirects = 0; ; redirects++) {
      try {
        InetAddress address = address(request, target, deadline);
        HttpResponse<BodyStream> response = exchange(request, target, address, deadline);
        try (BodyStream stream = BodyStream.of(response)) {
          int status = response.statusCode();
          trace.request(request.method(), target, status, null);
          noteAlertsAndBackoff(target, response);
          if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
            target = redirected(request, target, response, redirects);
            continue;
          }
          if (status < 200 || status > 299) {
            throw refusal(request, target, response, stream);
          }
          HttpHeaders headers = response.headers();
          return new Response<>(headers, read(request, headers, stream, slot));
        }
      } catch (IOException e) {
        ServerException failure = noAnswer(request).because(target, e);
        trace.request(request.method(), target, 0, failure.reason());
        throw failure;
      }
    }
  }

  private InetAddress address(Request<?> request, URI target, long deadline)
      throws IOException, InterruptedException, ServerException {
    Hops.Judged hop =
        new Hops(limits.proxies(), connections)
            .judge(request.url(), target, request.guard(), deadline);
    if (hop.refusal() != null) {
      boolean isFirst = target.equals(request.url());
      String where = isFirst ? "" : "redirected to " + Urls.shown(target) + ": ";
      throw request.failure(hop.kind(), 0, where + hop.refusal()).notRetryable();
    }
    return hop.address();
  }

  /**
   * Reads the body of a successful answer. Unless it is large, or only its start is wanted, it is
   * buffered, so that another request may be sent while it is parsed.
   */
  private static <T> T read(
      Request<T> request, HttpHeaders headers, BodyStream stream, RequestSlot slot)
      throws IOException, ServerException {
    if (request.method().equals("HEAD")) {
      return null;
    }
    InputStream body = stream;
    if (!(request.body() instanceof Start)) {
      byte[] start = stream.readNBytes(MAX_BUFFERED_BYTES);
      body = new ByteArrayInputStream(start);
      if (start.length == MAX_BUFFERED_BYTES) {
        body = new SequenceInputStream(body, stream);
      } else {
        slot.close();
      }
    }
    try {
      T read = request.body().read(BodyStream.content(headers, body, request.maxBytes()));
      stream.finish(headers.firstValueAsLong("Content-Length").orElse(-1));
      return read;
    } catch (Json.BadJson e) {
      throw isPage(headers)
          ? request.failure(Kind.WEB_PAGE, 0, "HTML instead of JSON")
          : request.failure(Kind.NOT_JSON, 0, "not JSON: " + e.getMessage());
    } catch (OtherContent e) {
      throw isPage(headers)
          ? request.failure(Kind.WEB_PAGE, 0, "HTML instead of " + e.expected())
          : request.failure(Kind.UNEXPECTED, 0, e.getMessage() + ", expected " + e.expected());
    }
  }

  private static boolean isPage(HttpHeaders headers) {
    return headers.firstValue("Content-Type").orElse("").startsWith("text/html");
  }

  private HttpResponse<BodyStream> exchange(
      Request<?> request, URI target, InetAddress address, long deadline)
      throws IOException, InterruptedException, ServerException {
    HttpRequest.Builder builder =
        Connections.request(target, address)
            .setHeader("User-Agent", limits.userAgent())
            .setHeader("Accept-Encoding", "gzip");
    HttpRequest.BodyPublisher body = HttpRequest.BodyPublishers.noBody();
    if (request.json() != null) {
      builder.setHeader("Content-Type", "application/json");
      body = HttpRequest.BodyPublishers.ofByteArray(request.json());
    }
    builder.method(request.method(), body);
    request.headers().forEach(builder::setHeader);
    Optional.ofNullable(authorizations.get(Urls.origin(target)))
        .filter(_ -> request.guard() == null)
        .ifPresent(it -> builder.setHeader("Authorization", it));
    limits
        .proxies()
        .authorization(target)
        .ifPresent(it -> builder.setHeader("Proxy-Authorization", it));
    if (!Urls.isSecure(target)) {
      builder.version(HttpClient.Version.HTTP_1_1); // no upgrade to HTTP/2 without TLS
    }
    CompletableFuture<HttpResponse<BodyStream>> answer =
        client(request, target, address == null ? limits.proxies() : limits.proxies().none())
            .sendAsync(
                builder.build(),
                _ ->
                    new BodyStream(deadline, limits.timeout(), limits.names().timeout(), received));
    try {
      // HttpRequest.timeout() ends with the headers up to JDK 25 and covers the body later on
      long left = deadline - System.nanoTime();
      return answer.get(
          request.writes() ? left : Math.min(limits.timeout().toNanos(), left),
          TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new HttpTimeoutException(
          deadline - System.nanoTime() <= 0 ? BodyStream.LATE : "no answer" + withinTimeout());
    } catch (ExecutionException e) {
      throw BodyStream.refusedByClient(e.getCause());
    } catch (InterruptedException e) {
      answer.cancel(true);
      throw e;
    }
  }

  private String withinTimeout() {
    return " within %s s (%s)"
        .formatted(Display.seconds(limits.timeout()), limits.names().timeout());
  }

  private HttpClient client(Request<?> request, URI target, Proxies proxies)
      throws ServerException {
    try {
      return connections.client(
          Urls.isSecure(target), limits.timeout(), limits.caBundle(), proxies);
    } catch (IllegalArgumentException e) {
      throw request.failure(Kind.CONNECTION, 0, e.getMessage()).notRetryable();
    }
  }

  /** Shows alerts, and remembers how long the server asks its clients to wait. */
  private void noteAlertsAndBackoff(URI target, HttpResponse<?> response) {
    response.headers().allValues("Alert").forEach(onAlert);
    waits.noteBackoff(target, response.headers());
  }

  private URI redirected(Request<?> request, URI from, HttpResponse<?> response, int redirects)
      throws ServerException {
    int status = response.statusCode();
    Link link =
        Link.redirect(
            from, status, response.headers().firstValue("Location").orElse(""), request.writes());
    if (redirects == MAX_REDIRECTS) {
      String loop = "more than " + MAX_REDIRECTS + " redirects";
      throw request.failure(Kind.STATUS, status, loop).notRetryable();
    }
    if (link.to() == null) {
      throw request
          .failure(Kind.STATUS, status, link.refusal())
          .withHint(asksOurServer(request) ? link.hint() : null)
          .notRetryable();
    }
    return link.to();
  }

  /** Whether a request asks the Remote Settings server, not for a chain or another service. */
  private boolean asksOurServer(Request<?> request) {
    return request.guard() == null && limits.names().equals(Names.SERVER);
  }

  /** The failure for an error status: whether to retry, and what the server says about it. */
  private ServerException refusal(
      Request<?> request, URI target, HttpResponse<BodyStream> response, BodyStream body) {
    int status = response.statusCode();
    if (Urls.isSecure(target) ? response.body() == null : status == 407) { // with TLS, of CONNECT
      List<String> challenges = response.headers().allValues("Proxy-Authenticate");
      Optional<Proxies.Refusal> refusal = limits.proxies().refusal(target, status, challenges);
      if (refusal.isPresent()) {
        return noAnswer(request).byProxy(refusal.get());
      }
    }
    Optional<String> explanation = ErrorAnswer.explanation(response.headers(), body);
    ServerException refusal =
        request
            .failure(Kind.STATUS, status, status + explanation.map(it -> ": " + it).orElse(""))
            .explained(explanation.orElse(""), waits.retryAfter(response.headers()).orElse(null));
    boolean isRetryable =
        switch (status) {
          case 409 -> !request.writes();
          case 429, 500, 502, 503, 504 -> true;
          default -> false;
        };
    return isRetryable ? refusal : refusal.notRetryable();
  }

  private NoAnswer noAnswer(Request<?> request) {
    String setting = request.guard() == null ? limits.names().server() : null;
    return new NoAnswer(
        request.method(), request.url(), limits.proxies(), setting, withinTimeout());
  }

  @Override
  public void close() {
    if (ownsConnections) {
      connections.close();
    }
  }
}
