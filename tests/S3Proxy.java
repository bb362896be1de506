import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * Stands between a client and an S3: passes requests on as they are, keeps them, and gives the
 * answers that a test wants instead. It passes on any header but {@code Host}, which is then that
 * of the server behind it.
 */
final class S3Proxy implements AutoCloseable {

  /**
   * A request.
   *
   * @param path as it was sent, encoded
   * @param query as it was sent, encoded; empty for none
   * @param headers by their names in lower case
   * @param body as far as it was read; empty while an answer is chosen
   */
  record Request(
      String method, String path, String query, Map<String, List<String>> headers, byte[] body) {

    /** The first value of a header, null for none. */
    String header(String name) {
      List<String> values = headers.get(name.toLowerCase(Locale.ROOT));
      return values == null ? null : values.getFirst();
    }

    /** The object in the body: a signed or checked body comes in chunks, each with its length. */
    byte[] content() {
      String encoding = header("content-encoding");
      if (encoding == null || !encoding.contains("aws-chunked")) {
        return body;
      }
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      for (int at = 0, length = -1; length != 0; at += length + 2) {
        int end = at;
        while (body[end] != '\r') {
          end++;
        }
        String line = new String(body, at, end - at, StandardCharsets.US_ASCII);
        length = Integer.parseInt(line.replaceFirst(";.*", ""), 16);
        at = end + 2;
        content.write(body, at, length);
      }
      return content.toByteArray();
    }

    /** The object in the body, as text. */
    String text() {
      return new String(content(), StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
      return method + " " + path + (query.isEmpty() ? "" : "?" + query);
    }
  }

  /** How a request is answered; there are some in this class. */
  @FunctionalInterface
  interface Answer {
    void give(Turn turn) throws IOException;
  }

  private static final HttpClient CLIENT =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  /** What both sides say for their own connection only. */
  private static final Set<String> OF_THE_CONNECTION =
      Set.of(
          "connection",
          "content-length",
          "date",
          "expect",
          "host",
          "http2-settings",
          "keep-alive",
          "transfer-encoding",
          "upgrade");

  private final URI target;
  private final HttpServer http;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Function<Request, Optional<Answer>>> rules = new CopyOnWriteArrayList<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();

  private S3Proxy(URI target) throws IOException {
    this.target = target;
    http = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 64);
    http.setExecutor(threads);
    http.createContext("/", this::handle);
    http.start();
  }

  /** In front of that server. */
  static S3Proxy to(URI server) throws IOException {
    return new S3Proxy(server);
  }

  /** Its own endpoint. */
  URI url() {
    return URI.create("http://127.0.0.1:" + http.getAddress().getPort());
  }

  /** All requests since the last {@link #forget}, in the order in which their bodies ended. */
  List<Request> requests() {
    return List.copyOf(requests);
  }

  /** Those of a method. */
  List<Request> requests(String method) {
    return requests.stream().filter(request -> request.method().equals(method)).toList();
  }

  /** Forgets the requests so far. */
  void forget() {
    requests.clear();
  }

  /** Asks that before it passes a request on. The first rule that has an answer counts. */
  S3Proxy answer(Function<Request, Optional<Answer>> rule) {
    rules.add(rule);
    return this;
  }

  /** Gives that answer to the first requests of a kind, so many times. */
  S3Proxy answer(int times, Predicate<Request> which, Answer answer) {
    AtomicInteger left = new AtomicInteger(times);
    return answer(request ->
        which.test(request) && left.getAndDecrement() > 0 ? Optional.of(answer) : Optional.empty());
  }

  /** Passes everything on again. */
  void answerNoMore() {
    rules.clear();
  }

  /** Requests of a method whose path ends so. */
  static Predicate<Request> of(String method, String end) {
    return request -> request.method().equals(method) && request.path().endsWith(end);
  }

  // Answers

  /** An answer of the test's own. */
  static Answer answer(int status, Map<String, String> headers, String body) {
    return turn -> {
      turn.body();
      Map<String, List<String>> lists = new TreeMap<>();
      headers.forEach((name, value) -> lists.put(name, List.of(value)));
      turn.send(status, lists, body.getBytes(StandardCharsets.UTF_8), Integer.MAX_VALUE);
    };
  }

  /** An error as S3 words it. */
  static Answer error(int status, String code, String message) {
    return error(status, code, message, Map.of());
  }

  private static Answer error(
      int status, String code, String message, Map<String, String> headers) {
    Map<String, String> all = new TreeMap<>(headers);
    all.put("Content-Type", "application/xml");
    all.put("x-amz-request-id", "4442587FB7D0A2F9");
    return answer(
        status,
        all,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>"
            + code
            + "</Code><Message>"
            + message
            + "</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>");
  }

  static Answer slowDown() {
    return error(503, "SlowDown", "Please reduce your request rate.");
  }

  static Answer internalError() {
    return error(500, "InternalError", "We encountered an internal error. Please try again.");
  }

  static Answer accessDenied() {
    return error(403, "AccessDenied", "Access Denied");
  }

  static Answer noSuchBucket() {
    return error(404, "NoSuchBucket", "The specified bucket does not exist");
  }

  /** The bucket is somebody else's. */
  static Answer bucketAlreadyExists() {
    return error(409, "BucketAlreadyExists", "The requested bucket name is not available.");
  }

  /** The bucket is ours. */
  static Answer bucketAlreadyOwnedByYou() {
    return error(
        409,
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.");
  }

  /** The bucket is in another region. */
  static Answer permanentRedirect(String region) {
    return error(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
        Map.of("x-amz-bucket-region", region));
  }

  /** Hangs up after so many bytes of the request's body, or before it answers. */
  static Answer cutRequest(int bytes) {
    return turn -> turn.read(bytes);
  }

  /** Passes it on, and hangs up without a word of the answer. */
  static Answer loseAnswer() {
    return Turn::forward;
  }

  /** Passes it on, and hangs up after so many bytes of the answer's body. */
  static Answer cutAnswer(int bytes) {
    return turn -> {
      HttpResponse<byte[]> response = turn.forward();
      turn.send(response.statusCode(), response.headers().map(), response.body(), bytes);
    };
  }

  /** Passes it on after a while. */
  static Answer late(Duration wait) {
    return turn -> {
      turn.body();
      try {
        Thread.sleep(wait);
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
      turn.pass();
    };
  }

  /** Hangs up with everybody. */
  @Override
  public void close() {
    http.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    // closed without an answer, it hangs up
    try (exchange) {
      Turn turn = new Turn(exchange);
      Answer answer = Turn::pass;
      for (Function<Request, Optional<Answer>> rule : rules) {
        Optional<Answer> chosen = rule.apply(turn.request);
        if (chosen.isPresent()) {
          answer = chosen.get();
          break;
        }
      }
      answer.give(turn);
    }
  }

  private static InterruptedIOException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    InterruptedIOException interrupted = new InterruptedIOException();
    interrupted.initCause(cause);
    return interrupted;
  }

  /** One request on its way. */
  final class Turn {
    private final HttpExchange exchange;
    private Request request;
    private boolean isRead;

    private Turn(HttpExchange exchange) {
      this.exchange = exchange;
      URI uri = exchange.getRequestURI();
      Map<String, List<String>> headers = new TreeMap<>();
      exchange
          .getRequestHeaders()
          .forEach(
              (name, values) -> headers.put(name.toLowerCase(Locale.ROOT), List.copyOf(values)));
      String query = uri.getRawQuery();
      request =
          new Request(
              exchange.getRequestMethod(),
              uri.getRawPath(),
              query == null ? "" : query,
              headers,
              new byte[0]);
    }

    /** Reads what is left of the request, which is kept then. */
    byte[] body() throws IOException {
      return isRead ? request.body() : read(Integer.MAX_VALUE);
    }

    private byte[] read(int most) throws IOException {
      byte[] body = exchange.getRequestBody().readNBytes(most);
      isRead = true;
      request =
          new Request(request.method(), request.path(), request.query(), request.headers(), body);
      requests.add(request);
      return body;
    }

    /** Asks the server behind. */
    HttpResponse<byte[]> forward() throws IOException {
      return forward(query -> query);
    }

    /** The same with another query. */
    HttpResponse<byte[]> forward(UnaryOperator<String> change) throws IOException {
      byte[] body = body();
      String query = change.apply(request.query());
      HttpRequest.Builder ask =
          HttpRequest.newBuilder(
                  URI.create(target + request.path() + (query.isEmpty() ? "" : "?" + query)))
              .method(
                  request.method(),
                  body.length == 0
                      ? HttpRequest.BodyPublishers.noBody()
                      : HttpRequest.BodyPublishers.ofByteArray(body));
      request
          .headers()
          .forEach((name, values) -> {
            if (!OF_THE_CONNECTION.contains(name)) {
              values.forEach(value -> ask.header(name, value));
            }
          });
      try {
        return CLIENT.send(ask.build(), HttpResponse.BodyHandlers.ofByteArray());
      } catch (InterruptedException e) {
        throw interrupted(e);
      }
    }

    /** Asks the server behind and passes on what it says. */
    void pass() throws IOException {
      HttpResponse<byte[]> response = forward();
      send(response.statusCode(), response.headers().map(), response.body(), Integer.MAX_VALUE);
    }

    /** Answers, and hangs up where that is more than so many bytes. */
    void send(int status, Map<String, List<String>> headers, byte[] body, int most)
        throws IOException {
      boolean isHead = request.method().equals("HEAD");
      headers.forEach((name, values) -> {
        String lower = name.toLowerCase(Locale.ROOT);
        if (!OF_THE_CONNECTION.contains(lower) || (isHead && lower.equals("content-length"))) {
          exchange.getResponseHeaders().put(name, new ArrayList<>(values));
        }
      });
      exchange.sendResponseHeaders(status, isHead || body.length == 0 ? -1 : body.length);
      if (!isHead && body.length > 0) {
        exchange.getResponseBody().write(Arrays.copyOf(body, Math.min(most, body.length)));
        exchange.getResponseBody().flush();
      }
    }
  }
}
