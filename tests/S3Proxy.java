//SOURCES Exchange.java
//SOURCES RecordingServer.java
//SOURCES Reply.java

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Stands between a client and an S3: passes requests on as they are, keeps them, and gives the
 * answers that a test wants instead. It passes on any header but {@code Host}, which is then that
 * of the server behind it.
 */
final class S3Proxy implements AutoCloseable {

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

  /** A reply to the first requests of a kind. */
  private record Rule(AtomicInteger timesLeft, Predicate<Exchange.Request> which, Reply reply) {
    boolean holdsFor(Exchange.Request request) {
      return which.test(request) && timesLeft.getAndDecrement() > 0;
    }
  }

  private final URI target;
  private final RecordingServer server;
  private final List<Rule> rules = new CopyOnWriteArrayList<>();

  private S3Proxy(URI target) {
    this.target = target;
    server = RecordingServer.withUnreadBody(this::answer);
  }

  /** In front of that server. */
  static S3Proxy to(URI server) {
    return new S3Proxy(server);
  }

  /** Its own endpoint. */
  URI url() {
    return server.url("");
  }

  /** All requests since the last {@link #forget}, in the order in which their bodies ended. */
  List<Exchange.Request> requests() {
    return server.requests();
  }

  /** Those of a method. */
  List<Exchange.Request> requests(String method) {
    return requests().stream().filter(request -> request.method().equals(method)).toList();
  }

  /** Forgets the requests so far. */
  void forget() {
    server.forgetRequests();
  }

  /**
   * Gives that reply to the first requests of a kind, so many times. Of several replies to a
   * request, the one that was set first is given.
   */
  S3Proxy answer(int times, Predicate<Exchange.Request> which, Reply reply) {
    rules.add(new Rule(new AtomicInteger(times), which, reply));
    return this;
  }

  /** Passes everything on again. */
  void answerNoMore() {
    rules.clear();
  }

  private void answer(Exchange exchange) throws IOException, InterruptedException {
    rules.stream()
        .filter(rule -> rule.holdsFor(exchange.head()))
        .findFirst()
        .map(Rule::reply)
        .orElse(this::pass)
        .send(exchange);
  }

  // What is in a request

  /** Requests of a method whose path ends so. */
  static Predicate<Exchange.Request> of(String method, String end) {
    return request -> request.method().equals(method) && request.path().endsWith(end);
  }

  /** The object in the body: a signed or checked body comes in chunks, each with its length. */
  static byte[] content(Exchange.Request request) {
    byte[] body = request.body();
    if (!request.header("content-encoding").contains("aws-chunked")) {
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
  static String text(Exchange.Request request) {
    return new String(content(request), StandardCharsets.UTF_8);
  }

  // Replies of an S3

  /** An error as S3 words it. */
  static Reply error(int status, String code, String message, String... headers) {
    String[] all = Arrays.copyOf(headers, headers.length + 2);
    all[headers.length] = "Content-Type: application/xml";
    all[headers.length + 1] = "x-amz-request-id: 4442587FB7D0A2F9";
    return Reply.answer(
        status,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>"
            + code
            + "</Code><Message>"
            + message
            + "</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>",
        all);
  }

  static Reply slowDown() {
    return error(503, "SlowDown", "Please reduce your request rate.");
  }

  static Reply internalError() {
    return error(500, "InternalError", "We encountered an internal error. Please try again.");
  }

  static Reply accessDenied() {
    return error(403, "AccessDenied", "Access Denied");
  }

  static Reply noSuchBucket() {
    return error(404, "NoSuchBucket", "The specified bucket does not exist");
  }

  /** The bucket is somebody else's. */
  static Reply bucketAlreadyExists() {
    return error(409, "BucketAlreadyExists", "The requested bucket name is not available.");
  }

  /** The bucket is ours. */
  static Reply bucketAlreadyOwnedByYou() {
    return error(
        409,
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.");
  }

  /** The bucket is in another region. */
  static Reply permanentRedirect(String region) {
    return error(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
        "x-amz-bucket-region: " + region);
  }

  // Replies on the way to an S3 and back

  /** Hangs up after so many bytes of the request's body, or before it answers. */
  static Reply cutRequest(int bytes) {
    return exchange -> exchange.request(bytes);
  }

  /** Passes it on, and hangs up without a word of the answer. */
  Reply loseAnswer() {
    return this::forward;
  }

  /** Passes it on, and hangs up after so many bytes of the answer's body. */
  Reply cutAnswer(int bytes) {
    return exchange -> {
      HttpResponse<byte[]> answer = forward(exchange);
      reply(answer, answer.body(), bytes).send(exchange);
    };
  }

  /** Passes it on after a while. */
  Reply late(Duration wait) {
    return exchange -> {
      exchange.request();
      Thread.sleep(wait);
      pass(exchange);
    };
  }

  /** Asks the server behind and passes on what it says. */
  void pass(Exchange exchange) throws IOException, InterruptedException {
    reply(forward(exchange)).send(exchange);
  }

  /** Asks the server behind. */
  HttpResponse<byte[]> forward(Exchange exchange) throws IOException, InterruptedException {
    return forward(exchange, query -> query);
  }

  /** The same with another query. */
  HttpResponse<byte[]> forward(Exchange exchange, UnaryOperator<String> change)
      throws IOException, InterruptedException {
    Exchange.Request request = exchange.request();
    String query = change.apply(request.query());
    HttpRequest.Builder ask =
        HttpRequest.newBuilder(
                URI.create(target + request.path() + (query.isEmpty() ? "" : "?" + query)))
            .method(
                request.method(),
                request.body().length == 0
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofByteArray(request.body()));
    request
        .headers()
        .forEach((name, values) -> {
          if (!OF_THE_CONNECTION.contains(name)) {
            values.forEach(value -> ask.header(name, value));
          }
        });
    return CLIENT.send(ask.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  /** An answer of the server behind. */
  static Reply reply(HttpResponse<byte[]> answer) {
    return reply(answer, answer.body());
  }

  /** The same with another body. */
  static Reply reply(HttpResponse<byte[]> answer, byte[] body) {
    return reply(answer, body, body.length);
  }

  /** The same with other headers, which replace those of the same name. */
  static Reply reply(HttpResponse<byte[]> answer, String... headers) {
    return reply(answer, answer.body(), answer.body().length, headers);
  }

  private static Reply reply(
      HttpResponse<byte[]> answer, byte[] body, int mostBytes, String... others) {
    Set<String> replaced =
        Stream.of(others)
            .map(header -> header.substring(0, header.indexOf(':')).toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet());
    boolean isHead = answer.request().method().equals("HEAD");
    long length = answer.headers().firstValueAsLong("content-length").orElse(0);
    Stream<String> kept =
        answer.headers().map().entrySet().stream()
            .filter(header -> !OF_THE_CONNECTION.contains(header.getKey().toLowerCase(Locale.ROOT)))
            .filter(header -> !replaced.contains(header.getKey().toLowerCase(Locale.ROOT)))
            .flatMap(
                header -> header.getValue().stream().map(value -> header.getKey() + ": " + value));
    String[] headers = Stream.concat(kept, Stream.of(others)).toArray(String[]::new);
    return Reply.head(answer.statusCode(), isHead ? length : body.length, headers)
        .then(exchange -> exchange.send(Arrays.copyOf(body, Math.min(mostBytes, body.length))));
  }

  /** Hangs up with everybody. */
  @Override
  public void close() {
    server.close();
  }
}
