//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/signature/CanonicalReader.java
//SOURCES Exchange.java
//SOURCES ../common/Connections.java
//SOURCES ../common/Guard.java
//SOURCES ../common/Http.java
//SOURCES RecordingServer.java
//SOURCES ReservedPort.java
//SOURCES ../common/RemoteSettings.java
//SOURCES Reply.java
//SOURCES ../server/SigningAuthority.java

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.Connections;
import common.Guard;
import common.Http;
import common.Proxies;
import common.RemoteSettings;
import common.ServerException;
import common.ServerException.Kind;
import common.UnexpectedBody;
import common.UsageException;
import common.signature.CanonicalReader;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The HTTP client against servers that misbehave byte by byte: what is tried again and when, what
 * is given up, how long anything may take, and who gets to see the credentials.
 *
 * <p>Time is the test's own: a pause moves the clock and is noted, nobody sleeps. Only where a time
 * limit is the subject does the client wait, for fractions of a second.
 */
class HttpTest {

  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  private static final Duration SHORT = Duration.ofSeconds(2);
  private static final String FINE = "{\"fine\":true}";

  /** A name that fails before anybody asks a name server: its label is too long. */
  private static final String NO_HOST = "n".repeat(70) + ".invalid";

  @TempDir Path folder;

  private final Time time = new Time(NOW);
  private final List<String> waits = new CopyOnWriteArrayList<>();
  private final List<String> alerts = new CopyOnWriteArrayList<>();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private Duration timeout = Duration.ofSeconds(10);
  private Duration deadline = Duration.ofSeconds(20);
  private Connections connections;
  private int retries = 4;
  private int parallel = 4;
  private Path caBundle;
  private Http.Names names = new Http.Names("SERVER", "REQUESTS_TIMEOUT_SECONDS");

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  // ---- what is tried again

  private static Stream<Arguments> passing() throws IOException {
    byte[] zipped = Reply.gzip(FINE);
    byte[] cutShort = Arrays.copyOf(zipped, zipped.length - 9);
    byte[] corrupted = zipped.clone();
    corrupted[corrupted.length - 6] ^= 1;
    return Stream.of(
        arguments("closed within the headers", Reply.raw("HTTP/1.1 200 OK\r\nContent-Le"), ""),
        arguments("no HTTP at all", Reply.raw("SSH-2.0-OpenSSH_9.6\r\n\r\n"), ""),
        arguments(
            "body cut short",
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"fine\""),
            "cut short"),
        arguments(
            "body cut short between chunks",
            Reply.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"fine\"\r\n"),
            "cut short"),
        arguments(
            "body cut short within a chunk",
            Reply.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n70\r\n{\"fine\""),
            "cut short"),
        arguments(
            "reset within the body",
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"fine\"").then(Reply.RESET),
            ""),
        arguments(
            "gzip cut short", Reply.answer(200, cutShort, "Content-Encoding: gzip"), "cut short"),
        arguments("gzip corrupted", Reply.answer(200, corrupted, "Content-Encoding: gzip"), "GZIP"),
        arguments("gzip that is none", Reply.json(FINE, "Content-Encoding: gzip"), "GZIP"),
        arguments("HTML", Reply.json("<html><body>Log in</body></html>"), "not JSON"),
        arguments("half of a JSON document", Reply.json("{\"fine\":"), "not JSON"),
        arguments("more than a JSON document", Reply.json(FINE + "}"), "not JSON"),
        arguments("empty body", Reply.json(""), "not JSON"),
        arguments("409 on a read", Reply.status(409), "409"),
        arguments("429", Reply.status(429), "429"),
        arguments("500", Reply.status(500), "500"),
        arguments("502", Reply.status(502), "502"),
        arguments("503", Reply.status(503), "503"),
        arguments("504", Reply.status(504), "504"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("passing")
  void a_failure_that_may_pass_is_tried_again(String what, Reply reply, String named)
      throws Exception {
    RecordingServer server = server(reply, Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url()));
    assertEquals(2, server.requests().size());
    assertEquals(1, time.pauses().size());
    assertEquals(1, waits.size());
    assertTrue(waits.getFirst().startsWith("GET " + server.url() + ": "), waits.getFirst());
    assertTrue(waits.getFirst().contains(named), waits.getFirst());
    assertTrue(waits.getFirst().endsWith(" s (attempt 2 of 5)"), waits.getFirst());
  }

  @Test
  void a_refused_connection_is_tried_again() throws Exception {
    int port = open(new ReservedPort()).number();
    time.onPause(() -> open(RecordingServer.on(port, Reply.json(FINE))));
    assertEquals(FINE, get(http(), URI.create("http://127.0.0.1:" + port + "/v1/")));
    assertTrue(waits.getFirst().contains("connection refused"), waits.getFirst());
  }

  @Test
  void a_refused_connection_hints_at_the_server() throws Exception {
    ServerException failure = failure(http(), RecordingServer.nobody(""));
    assertEquals("connection refused (after 5 attempts)", failure.reason());
    assertTrue(failure.hint().contains("SERVER"), failure.hint());
    assertEquals(0, failure.status());
  }

  @Test
  void an_unknown_host_is_named_with_a_hint() throws Exception {
    ServerException failure = failure(http(), URI.create("http://" + NO_HOST + "/v1/"));
    assertTrue(failure.reason().startsWith("unknown host " + NO_HOST), failure.reason());
    assertTrue(failure.hint().contains("SERVER"), failure.hint());
  }

  private static Stream<Arguments> lasting() {
    return Stream.concat(
        Stream.of(400, 401, 403, 404, 405, 406, 410, 412, 413, 415, 501, 505)
            .map(status -> arguments(status.toString(), Reply.status(status), status.toString())),
        Stream.of(
            arguments("too large", Reply.json("\"" + "x".repeat(70_000) + "\""), "larger than"),
            arguments("of a wrong shape", Reply.json("[42]"), "unexpected answer"),
            arguments(
                "of unknown encoding", Reply.json(FINE, "Content-Encoding: br"), "Encoding br")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("lasting")
  void a_failure_that_lasts_is_not_tried_again(String what, Reply reply, String named)
      throws Exception {
    RecordingServer server = server(reply, Reply.json(FINE));
    ServerException failure = failure(http(), server.url());
    assertTrue(failure.reason().contains(named), failure.reason());
    assertFalse(failure.reason().contains("attempts"), failure.reason());
    assertEquals(1, server.requests().size());
    assertEquals(List.of(), time.pauses());
  }

  @Test
  void the_retries_come_after_the_first_attempt() throws Exception {
    RecordingServer server = server(Reply.status(500));
    ServerException failure = failure(http(), server.url());
    assertEquals(5, server.requests().size());
    assertEquals(4, time.pauses().size());
    assertEquals(500, failure.status());
    assertTrue(failure.reason().endsWith("(after 5 attempts)"), failure.reason());
    assertEquals("GET " + server.url() + ": " + failure.reason(), failure.getMessage());
  }

  @Test
  void a_connection_closed_or_reset_before_an_answer_is_tried_again() throws Exception {
    for (Reply reply : List.of(Reply.CLOSED, Reply.RESET)) {
      waits.clear();
      RecordingServer server = server(reply, reply, Reply.json(FINE));
      assertEquals(FINE, get(http(), server.url()));
      assertTrue(waits.getFirst().matches(".*(closed before an answer|reset).*"), waits.getFirst());
    }
  }

  @Test
  void a_connection_closed_before_an_answer_counts_as_an_attempt() throws Exception {
    for (Reply reply : List.of(Reply.CLOSED, Reply.RESET)) {
      time.forget();
      RecordingServer server = server(reply);
      assertTrue(reason(http(), server.url()).endsWith("(after 5 attempts)"));
      assertEquals(4, time.pauses().size());
      // java.net.http asks once more by itself where a connection may have been stale
      assertTrue(
          server.requests().size() >= 5, () -> "asked " + server.requests().size() + " times");
    }
  }

  @Test
  void without_retries_there_is_one_attempt() throws Exception {
    retries = 0;
    RecordingServer server = server(Reply.status(500));
    ServerException failure = failure(http(), server.url());
    assertEquals(1, server.requests().size());
    assertEquals(List.of(), time.pauses());
    assertFalse(failure.reason().contains("attempt"), failure.reason());
  }

  @Test
  void what_the_server_says_of_a_failure_is_named() throws Exception {
    RecordingServer server = server(Reply.answer(403, "{\"message\":\"No entry\"}"));
    ServerException failure = failure(http(), server.url());
    assertEquals("403: No entry", failure.reason());
    assertEquals("No entry", failure.explanation());
  }

  private static Stream<Arguments> kinds() {
    return Stream.of(
        arguments(Kind.STATUS, Reply.status(403)),
        arguments(Kind.STATUS, Reply.status(302, "Location: ftp://127.0.0.1/")),
        arguments(Kind.LATE, Reply.SILENT),
        arguments(
            Kind.LATE,
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"fine").then(Reply.SILENT)),
        arguments(Kind.CONNECTION, Reply.RESET),
        arguments(Kind.WEB_PAGE, Reply.json("<html>", "Content-Type: text/html")),
        arguments(Kind.NOT_JSON, Reply.json("<html>")),
        arguments(Kind.UNEXPECTED, Reply.json("[42]")),
        arguments(Kind.TOLD_TO_WAIT, Reply.status(503, "Retry-After: 31")));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void a_failure_says_of_which_kind_it_is(Kind kind, Reply reply) throws Exception {
    timeout = SHORT;
    retries = 0;
    ServerException failure = failure(http(), server(reply).url());
    assertEquals(kind, failure.kind(), failure.getMessage());
    assertEquals("", failure.explanation());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"detail":"main/x not found"}                                            | : main/x not found
          {"detail":[{"loc":["query","_expected"],"msg":"Field required"}]}        | : _expected: Field required
          {"detail":[{"loc":["query","a"],"msg":"x"},{"loc":["query",1],"msg":"y"}]} | : a: x; 1: y
          {"detail":[{"msg":"x"}, 3, null]}                                        | : x
          {"message":"m","detail":"d"}                                             | : m
          {"message":"m","detail":[]}                                              | : m
          {"detail":[]}                                                            | ''
          {"detail":{"loc":[]}}                                                    | ''
          {"detail":17}                                                            | ''
          {"detail":["x", {"msg":["y"]}, {"loc":[["z"]],"msg":"w"}]}               | : w
          """)
  void the_detail_of_an_error_is_shown_like_a_message(String body, String shown) throws Exception {
    ServerException e = failure(http(), server(Reply.answer(422, body)).url("/"));
    assertEquals("422" + shown, e.reason());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[ | ]",
        "{\"msg\": | }",
        "[{\"loc\":[\"a\"],\"msg\": | }]",
        "[{\"msg\":\"x\",\"loc\": | }]"
      })
  void a_detail_that_is_nested_deep_is_an_error_and_no_crash(String open, String close)
      throws Exception {
    int levels = 990 / close.length();
    String body = "{\"detail\":" + open.repeat(levels) + "1" + close.repeat(levels) + "}";
    ServerException e = failure(http(), server(Reply.answer(422, body)).url("/"));
    assertTrue(e.reason().matches("422(: x)?"), e.reason());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "<html>", "[]", "{\"message\":42}", "{\"message\":\"cut"})
  void an_unreadable_explanation_leaves_the_status(String body) throws Exception {
    RecordingServer server = server(Reply.answer(404, body));
    assertEquals("404", failure(http(), server.url()).reason());
  }

  // ---- how long is waited

  @Test
  void back_off_doubles_from_half_a_second_to_eight_with_full_jitter() throws Exception {
    retries = 7;
    RecordingServer server = server(Reply.status(500));
    Http http = http();
    long[] mostMillis = {500, 1000, 2000, 4000, 8000, 8000, 8000};
    long[] least = new long[mostMillis.length];
    long[] most = new long[mostMillis.length];
    Arrays.fill(least, Long.MAX_VALUE);
    for (int run = 0; run < 40; run++) {
      time.forget();
      failure(http, server.url());
      assertEquals(mostMillis.length, time.pauses().size());
      for (int i = 0; i < mostMillis.length; i++) {
        long millis = time.pauses().get(i).toMillis();
        least[i] = Math.min(least[i], millis);
        most[i] = Math.max(most[i], millis);
      }
    }
    for (int i = 0; i < mostMillis.length; i++) {
      // 40 draws all in the same half happen once in 2^39 runs
      assertTrue(most[i] <= mostMillis[i], "wait " + (i + 1) + ": " + most[i]);
      assertTrue(most[i] > mostMillis[i] / 2, "wait " + (i + 1) + ": " + most[i]);
      assertTrue(least[i] < mostMillis[i] / 2, "wait " + (i + 1) + ": " + least[i]);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'7', 7000",
    "' 7 ', 7000",
    "'30', 30000",
    "'Tue, 24 Nov 2026 12:00:12 GMT', 12000",
    "'Tue, 24 Nov 2026 12:00:30 GMT', 30000"
  })
  void retry_after_in_seconds_or_as_a_date_is_obeyed(String value, long millis) throws Exception {
    for (int status : new int[] {429, 503}) {
      time.forget();
      time.set(NOW);
      RecordingServer server =
          server(Reply.status(status, "Retry-After: " + value), Reply.json(FINE));
      assertEquals(FINE, get(http(), server.url()));
      assertEquals(List.of(Duration.ofMillis(millis)), time.pauses());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "soon",
        "-5",
        "",
        "1h",
        "2026-11-24T12:00:20Z",
        "0x10",
        "0", // at once
        "Tue, 24 Nov 2026 11:00:00 GMT" // of a clock that is slow
      })
  void a_retry_after_that_asks_for_no_wait_leaves_the_usual_back_off(String value)
      throws Exception {
    RecordingServer server = server(Reply.status(503, "Retry-After: " + value));
    retries = 20;
    failure(http(), server.url());
    long waited = time.pauses().stream().mapToLong(Duration::toMillis).sum();
    assertTrue(waited > 10_000, time.pauses().toString()); // 8 s at most, 17 times
    assertTrue(time.pauses().getFirst().toMillis() <= 500, time.pauses().toString());
  }

  @ParameterizedTest
  @CsvSource({
    "'31', 31",
    "'3600', 3600",
    "'99999999999', 99999999999",
    "'Tue, 24 Nov 2026 12:00:31 GMT', 31",
    "'Wed, 25 Nov 2026 12:00:00 GMT', 86400"
  })
  void a_longer_retry_after_ends_the_attempt_and_is_named(String value, String seconds)
      throws Exception {
    RecordingServer server = server(Reply.status(503, "Retry-After: " + value), Reply.json(FINE));
    ServerException failure = failure(http(), server.url());
    assertTrue(failure.reason().contains("503"), failure.reason());
    assertTrue(failure.reason().contains("wait " + seconds + " s"), failure.reason());
    assertTrue(failure.reason().contains("Retry-After"), failure.reason());
    assertEquals(1, server.requests().size());
    assertEquals(List.of(), time.pauses());
  }

  @Test
  void a_backoff_beside_success_delays_the_next_request() throws Exception {
    RecordingServer server = server(Reply.json(FINE, "Backoff: 12"), Reply.json(FINE));
    Http http = http();
    get(http, server.url());
    assertEquals(List.of(), time.pauses());
    time.set(NOW.plusSeconds(2));
    get(http, server.url());
    assertEquals(List.of(Duration.ofSeconds(10)), time.pauses());
    assertTrue(waits.getFirst().contains("10 s (Backoff)"), waits.getFirst());
    get(http, server.url());
    assertEquals(1, time.pauses().size(), "obeyed once");
  }

  @Test
  void a_postponed_request_waits_as_long_as_asked_or_a_moment() throws Exception {
    RecordingServer server = server(Reply.json(FINE));
    RemoteSettings remote = new RemoteSettings(http(), server.url("/v1"), 1024);
    remote.postpone(List.of("7", "soon", "3"));
    assertThrows(ServerException.class, () -> remote.metadata("/x"));
    assertEquals(List.of(Duration.ofSeconds(7)), time.pauses());
    remote.postpone(List.of());
    assertThrows(ServerException.class, () -> remote.metadata("/x"));
    Duration moment = time.pauses().getLast();
    assertTrue(moment.isPositive() && moment.compareTo(Duration.ofMillis(500)) < 0, "" + moment);
    remote.postpone(List.of("31"));
    remote.postpone(List.of());
    ServerException failure = assertThrows(ServerException.class, () -> remote.metadata("/x"));
    assertTrue(failure.reason().contains("31 s"), "the longer one counts: " + failure.reason());
  }

  @Test
  void a_postponed_request_waits_for_a_date_too() throws Exception {
    RecordingServer server = server(Reply.json(FINE));
    RemoteSettings remote = new RemoteSettings(http(), server.url("/v1"), 1024);
    String date =
        DateTimeFormatter.RFC_1123_DATE_TIME.format(NOW.plusSeconds(9).atOffset(ZoneOffset.UTC));
    remote.postpone(List.of(date));
    assertThrows(ServerException.class, () -> remote.metadata("/x"));
    assertEquals(List.of(Duration.ofSeconds(9)), time.pauses());
  }

  @Test
  void a_failure_is_retryable_if_it_may_pass_soon() throws Exception {
    for (Map.Entry<Reply, Boolean> one :
        Map.of(
                Reply.status(403),
                false,
                Reply.status(404),
                false,
                Reply.json("{"),
                true,
                Reply.status(503),
                true,
                Reply.CLOSED,
                true,
                Reply.answer(503, "", "Retry-After: 31"),
                false,
                Reply.answer(503, "", "Retry-After: 30"),
                true)
            .entrySet()) {
      RecordingServer server = server(one.getKey());
      retries = 0;
      Http http = http();
      ServerException failure = assertThrows(ServerException.class, () -> get(http, server.url()));
      assertEquals(one.getValue(), failure.isRetryable(), failure.getMessage());
    }
  }

  @Test
  void a_backoff_that_is_over_delays_nothing() throws Exception {
    RecordingServer server = server(Reply.json(FINE, "Backoff: 12"), Reply.json(FINE));
    Http http = http();
    get(http, server.url());
    time.set(NOW.plusSeconds(12));
    get(http, server.url());
    assertEquals(List.of(), time.pauses());
  }

  @Test
  void a_backoff_of_one_server_does_not_delay_another() throws Exception {
    RecordingServer slow = server(Reply.json(FINE, "Backoff: 12"));
    RecordingServer other = server(Reply.json(FINE));
    Http http = http();
    get(http, slow.url());
    get(http, other.url());
    assertEquals(List.of(), time.pauses());
  }

  @Test
  void a_longer_backoff_beside_a_failure_is_named_with_it() throws Exception {
    RecordingServer server = server(Reply.status(503, "Backoff: 3600"));
    ServerException failure = failure(http(), server.url());
    assertEquals(503, failure.status());
    assertTrue(failure.reason().startsWith("503, the server asks to wait"), failure.reason());
  }

  @Test
  void a_backoff_beside_a_failure_delays_the_next_attempt() throws Exception {
    RecordingServer server =
        server(Reply.status(503, "Backoff: 20", "Retry-After: 5"), Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url()));
    assertEquals(Duration.ofSeconds(20), time.paused());
  }

  @ParameterizedTest
  @CsvSource({"31, 31", "3600, 3600", "99999999999, 99999999999"})
  void a_longer_backoff_ends_the_next_request_and_is_named(String value, String seconds)
      throws Exception {
    RecordingServer server = server(Reply.json(FINE, "Backoff: " + value), Reply.json(FINE));
    Http http = http();
    get(http, server.url());
    ServerException failure = failure(http, server.url());
    assertTrue(failure.reason().contains("wait " + seconds + " s"), failure.reason());
    assertTrue(failure.reason().contains("Backoff"), failure.reason());
    assertEquals(1, server.requests().size());
    assertEquals(List.of(), time.pauses());
  }

  @Test
  void while_one_request_waits_others_may_be_sent() throws Exception {
    parallel = 1;
    RecordingServer failing = server(Reply.status(503), Reply.json(FINE));
    RecordingServer other = server(Reply.json(FINE));
    Http http = http();
    time.onPause(() -> assertEquals(FINE, get(http, other.url())));
    assertEquals(FINE, get(http, failing.url()));
    assertEquals(1, other.requests().size());
  }

  // ---- how long an answer may take

  @Test
  void silence_before_an_answer_ends_the_attempt() throws Exception {
    timeout = SHORT;
    RecordingServer server = server(Reply.SILENT, Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url()));
    assertTrue(waits.getFirst().contains("no answer within 2 s"), waits.getFirst());
  }

  @Test
  void silence_within_a_body_ends_the_attempt() throws Exception {
    timeout = SHORT;
    RecordingServer server =
        server(
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"fine").then(Reply.SILENT),
            Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url()));
    assertTrue(waits.getFirst().contains("no byte for 2 s"), waits.getFirst());
  }

  @Test
  void a_slow_body_without_silence_is_read_to_its_end() throws Exception {
    timeout = SHORT;
    String body = "{\"slow\":12345}";
    RecordingServer server =
        server(
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n")
                .then(Reply.trickle(body, Duration.ofMillis(200))));
    assertEquals(body, get(http(), server.url()));
    assertEquals(List.of(), waits);
  }

  @Test
  void a_trickle_ends_at_the_deadline_of_the_attempt() throws Exception {
    deadline = SHORT;
    RecordingServer server =
        server(
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
                .then(Reply.trickle(" ".repeat(10_000), Duration.ofMillis(20))),
            Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url()));
    assertTrue(waits.getFirst().toLowerCase(Locale.ROOT).contains("deadline"), waits.getFirst());
  }

  @Test
  void a_look_up_that_hangs_ends_at_the_deadline_of_the_attempt() throws Exception {
    deadline = SHORT;
    retries = 0;
    CountDownLatch never = new CountDownLatch(1);
    Guard.Resolver hanging =
        _ -> {
          assertDoesNotThrow(() -> never.await(2, TimeUnit.MINUTES));
          throw new UnknownHostException();
        };
    Http http = http();
    URI chain = URI.create("http://chains.test/a.chain");
    Guard guard = new Guard((_, _) -> null, hanging);
    ServerException failure =
        assertThrows(ServerException.class, () -> http.get(chain, 1, _ -> null, guard));
    assertEquals("the answer took longer than REQUESTS_DEADLINE_SECONDS allows", failure.reason());

    connections = open(new Connections(hanging));
    assertEquals(failure.reason(), reason(http(), URI.create("http://a_b.test/v1/")));
    never.countDown();
  }

  @Test
  void headers_that_trickle_end_the_attempt() throws Exception {
    timeout = SHORT;
    RecordingServer server =
        server(
            Reply.raw("HTTP/1.1 200 OK\r\nX-Slow: ")
                .then(Reply.trickle("x".repeat(10_000), Duration.ofMillis(20))),
            Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url()));
    assertEquals(1, waits.size());
  }

  @Test
  void an_error_whose_body_never_ends_is_still_that_error() throws Exception {
    timeout = SHORT;
    RecordingServer server =
        server(
            Reply.raw("HTTP/1.1 404 Not Found\r\nContent-Length: 50\r\n\r\n{\"mess")
                .then(Reply.SILENT));
    ServerException failure = failure(http(), server.url());
    assertEquals(404, failure.status());
    assertEquals("404", failure.reason());
  }

  @Test
  void an_interrupted_request_ends_without_another_attempt() throws Exception {
    RecordingServer server = server(Reply.SILENT);
    Http http = http();
    AtomicReference<String> reason = new AtomicReference<>();
    Thread reader = Thread.ofVirtual().start(() -> reason.set(reason(http, server.url())));
    server.awaitRequests(1);
    reader.interrupt();
    reader.join();
    assertEquals("interrupted", reason.get());
    assertEquals(1, server.requests().size());
  }

  // ---- how much

  @Test
  void gzip_is_asked_for_and_understood() throws Exception {
    byte[] zipped = Reply.gzip(FINE);
    for (String name : List.of("gzip", "GZIP", "x-gzip")) {
      RecordingServer server = server(Reply.answer(200, zipped, "Content-Encoding: " + name));
      assertEquals(FINE, get(http(), server.url()));
      assertTrue(server.requests().getFirst().header("accept-encoding").contains("gzip"));
    }
  }

  @Test
  void an_answer_as_large_as_allowed_is_read() throws Exception {
    String json = "\"" + "x".repeat(998) + "\"";
    RecordingServer server = server(Reply.json(json));
    assertEquals(json, http().get(server.url(), 1000, HttpTest::text).body());
  }

  @Test
  void one_byte_more_than_allowed_is_refused() throws Exception {
    RecordingServer server = server(Reply.json("\"" + "x".repeat(64 * 1024 - 1) + "\""));
    ServerException failure =
        assertThrows(
            ServerException.class, () -> http().get(server.url(), 64 * 1024, HttpTest::text));
    assertEquals("the answer is larger than 64 KiB", failure.reason());
  }

  /** Sends a body without an end, as far as it is taken. */
  private static Reply endless(String start, AtomicLong sent) {
    return Reply.raw(start)
        .then(exchange -> {
          byte[] part = "x".repeat(64 * 1024).getBytes(StandardCharsets.US_ASCII);
          while (sent.get() < 200L * 1024 * 1024) {
            exchange.send(part);
            sent.addAndGet(part.length);
          }
        });
  }

  private static void assertLittleWasSent(RecordingServer server, AtomicLong sent) {
    server.close();
    assertTrue(sent.get() < 32L * 1024 * 1024, "the server got rid of " + sent);
  }

  @Test
  void of_an_endless_answer_little_more_than_allowed_is_read() throws Exception {
    AtomicLong sent = new AtomicLong();
    RecordingServer server = server(endless("HTTP/1.1 200 OK\r\n\r\n\"", sent));
    assertTrue(reason(http(), server.url()).contains("larger than"));
    assertLittleWasSent(server, sent);
  }

  @Test
  void what_counts_is_the_size_after_decompression() throws Exception {
    byte[] bomb = Reply.gzip("\"" + "x".repeat(8 * 1024 * 1024) + "\"");
    assertTrue(bomb.length < 64 * 1024, "the bomb is small: " + bomb.length);
    RecordingServer server = server(Reply.answer(200, bomb, "Content-Encoding: gzip"));
    assertEquals("the answer is larger than 64 KiB", reason(http(), server.url()));
    assertEquals(1, server.requests().size());
  }

  @Test
  void an_error_with_an_endless_body_is_still_that_error() throws Exception {
    byte[] bomb = Reply.gzip("{\"message\":\"" + "x".repeat(8 * 1024 * 1024) + "\"}");
    RecordingServer server = server(Reply.answer(403, bomb, "Content-Encoding: gzip"));
    ServerException failure = failure(http(), server.url());
    assertEquals(403, failure.status());
    assertTrue(failure.reason().length() < 300, failure.reason());
  }

  @Test
  void endless_headers_are_given_up() throws Exception {
    retries = 0;
    RecordingServer server =
        server(
            Reply.raw("HTTP/1.1 200 OK\r\n")
                .then(exchange -> {
                  byte[] part = "X-More: and more and more\r\n".repeat(100).getBytes();
                  for (int i = 0; i < 100_000; i++) {
                    exchange.send(part);
                  }
                }));
    failure(http(), server.url());
  }

  // ---- the start of a body

  /** Reads a body up to the first comma. */
  private static final Http.Start<String> FIRST =
      body -> {
        StringBuilder first = new StringBuilder();
        for (int next = body.read(); next != ','; next = body.read()) {
          if (next < 0) {
            throw new EOFException();
          }
          first.append((char) next);
        }
        return first.toString();
      };

  private static String first(Http http, URI url) throws ServerException {
    return http.get(url, 64 * 1024, FIRST).body();
  }

  @Test
  void who_needs_the_start_of_a_large_body_does_not_wait_for_its_rest() throws Exception {
    AtomicLong sent = new AtomicLong();
    String start = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n42,";
    RecordingServer server = server(endless(start, sent));
    assertEquals("42", first(http(), server.url()));
    assertLittleWasSent(server, sent);
    assertEquals(List.of(), waits);
  }

  @Test
  void nor_is_a_rest_waited_for_that_never_comes() throws Exception {
    timeout = Duration.ofMinutes(2);
    deadline = Duration.ofMinutes(2);
    for (String length :
        List.of("Content-Length: 1000000000", "Content-Length: 10", "X: unknown")) {
      RecordingServer server =
          server(Reply.raw("HTTP/1.1 200 OK\r\n" + length + "\r\n\r\n42,").then(Reply.SILENT));
      Future<String> first =
          open(Executors.newVirtualThreadPerTaskExecutor())
              .submit(() -> first(http(), server.url()));
      assertEquals("42", first.get(1, TimeUnit.MINUTES), length);
    }
  }

  @Test
  void the_connection_of_a_large_rest_is_closed() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    Reply endless =
        exchange -> {
          try {
            while (true) {
              exchange.send(new byte[64 * 1024]);
            }
          } catch (IOException e) {
            closed.countDown();
          }
        };
    RecordingServer server = server(Reply.raw("HTTP/1.1 200 OK\r\n\r\n42,").then(endless));
    Http http = http();
    assertEquals("42", first(http, server.url()));
    assertTrue(closed.await(30, TimeUnit.SECONDS), "while the client is open");
  }

  @Test
  void a_start_is_decompressed_as_far_as_it_is_read() throws Exception {
    byte[] zipped = Reply.gzip("42," + "x".repeat(8 * 1024 * 1024));
    RecordingServer server = server(Reply.answer(200, zipped, "Content-Encoding: gzip"));
    assertEquals("42", first(http(), server.url()));
  }

  @Test
  void a_start_that_is_larger_than_allowed_is_refused() throws Exception {
    RecordingServer server = server(Reply.json("x".repeat(64 * 1024) + ","));
    ServerException failure =
        assertThrows(ServerException.class, () -> first(http(), server.url()));
    assertEquals("the answer is larger than 64 KiB", failure.reason());
    assertEquals(1, server.requests().size());
  }

  private static Stream<Arguments> brokenStarts() {
    return Stream.of(
        arguments("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4", Reply.CLOSED, "cut short"),
        arguments("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4", Reply.CLOSED, "cut short"),
        arguments("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4", Reply.RESET, ""),
        arguments("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4", Reply.SILENT, "no byte for"));
  }

  @ParameterizedTest
  @MethodSource("brokenStarts")
  void a_start_that_breaks_off_is_tried_again(String start, Reply then, String named)
      throws Exception {
    timeout = SHORT;
    RecordingServer server = server(Reply.raw(start).then(then), Reply.json("42,43"));
    assertEquals("42", first(http(), server.url()));
    assertEquals(1, waits.size());
    assertTrue(waits.getFirst().contains(named), waits.getFirst());
  }

  @Test
  void a_rest_that_breaks_off_is_of_no_interest() throws Exception {
    RecordingServer server =
        server(Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n42,43"));
    assertEquals("42", first(http(), server.url()));
    assertEquals(List.of(), waits);
  }

  @ParameterizedTest
  @CsvSource({"1000, 1", "60000, 1", "100000, 2"})
  void a_connection_is_used_again_after_a_small_rest(int rest, int connections) throws Exception {
    String body = "42," + "x".repeat(rest);
    Reply keptOpen =
        Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body);
    RecordingServer server =
        open(
            RecordingServer.withUnreadBody(exchange -> {
              exchange.request();
              keptOpen.send(exchange);
              Exchange next = new Exchange(exchange.connection(), _ -> {});
              next.request();
              keptOpen.send(next);
            }));
    Http http = http();
    assertEquals("42", first(http, server.url()));
    assertEquals("42", first(http, server.url()));
    assertEquals(connections, server.requests().size());
  }

  private static void askMeanwhile(Http http, URI url, CompletableFuture<String> answer) {
    Thread.ofVirtual()
        .start(() -> {
          try {
            answer.complete(get(http, url));
          } catch (ServerException e) {
            answer.completeExceptionally(e);
          }
        });
  }

  @Test
  void a_start_is_in_flight_until_it_is_read() throws Exception {
    parallel = 1;
    RecordingServer server = server(Reply.json("42,43"), Reply.json(FINE));
    Http http = http();
    CompletableFuture<String> other = new CompletableFuture<>();
    Http.Start<Boolean> whileOtherWaits =
        _ -> {
          askMeanwhile(http, server.url("/other"), other);
          return other.isDone();
        };
    assertFalse(http.get(server.url(), 1024, whileOtherWaits).body());
    assertEquals(FINE, other.get(2, TimeUnit.MINUTES));
  }

  // ---- writes

  private static final byte[] CHANGE = "{\"data\":{\"a\":1}}".getBytes(StandardCharsets.UTF_8);

  /** Writes, and notes in {@code checks} each look at what became of it. */
  private Optional<String> write(Http http, URI url, List<String> checks, Boolean... done)
      throws ServerException {
    return http.send(
            new Http.Request<>(
                "PATCH",
                url,
                CHANGE,
                Map.of("If-Match", "\"42\""),
                64 * 1024,
                HttpTest::text,
                () -> {
                  checks.add("check");
                  return done[Math.min(checks.size(), done.length) - 1];
                }))
        .map(Http.Response::body);
  }

  @Test
  void a_write_carries_its_document_its_guard_and_the_credentials() throws Exception {
    RecordingServer server = server(Reply.json(FINE));
    Http http = http();
    http.authorize(server.url(), "Bearer t0ken");
    List<String> checks = new ArrayList<>();
    assertEquals(Optional.of(FINE), write(http, server.url(), checks, false));
    Exchange.Request request = server.requests().getFirst();
    assertEquals("PATCH /v1/ HTTP/1.1", request.line());
    assertEquals("application/json", request.header("content-type"));
    assertEquals("\"42\"", request.header("if-match"));
    assertEquals("Bearer t0ken", request.header("authorization"));
    assertEquals(new String(CHANGE, StandardCharsets.UTF_8), request.text());
    assertEquals(List.of(), checks, "nothing to look at after a good answer");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("passing")
  void a_write_is_repeated_only_after_a_look_at_what_became_of_it(
      String what, Reply reply, String named) throws Exception {
    if (what.startsWith("409")) {
      return; // final for a write: see below
    }
    List<String> checks = new ArrayList<>();
    RecordingServer notDone = server(reply, Reply.json(FINE));
    assertEquals(Optional.of(FINE), write(http(), notDone.url(), checks, false));
    assertEquals(2, notDone.requests().size());
    assertEquals(List.of("check"), checks);

    checks.clear();
    RecordingServer done = server(reply, Reply.json(FINE));
    assertEquals(Optional.empty(), write(http(), done.url(), checks, true));
    assertEquals(1, done.requests().size(), "it was done: not asked for again");
    assertEquals(List.of("check"), checks);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 401, 403, 404, 409, 412, 413})
  void a_write_that_is_refused_is_not_repeated(int status) throws Exception {
    RecordingServer server = server(Reply.status(status));
    List<String> checks = new ArrayList<>();
    ServerException refused =
        assertThrows(ServerException.class, () -> write(http(), server.url(), checks, false));
    assertEquals(status, refused.status());
    assertEquals("PATCH %s: %d".formatted(server.url(), status), refused.getMessage());
    assertEquals(1, server.requests().size());
    assertEquals(List.of(), checks);
  }

  @Test
  void a_look_that_fails_ends_the_write() throws Exception {
    RecordingServer server = server(Reply.status(503));
    Http http = http();
    ServerException unknown =
        assertThrows(
            ServerException.class,
            () ->
                http.send(
                    new Http.Request<>(
                        "PATCH",
                        server.url(),
                        CHANGE,
                        Map.of(),
                        1024,
                        HttpTest::text,
                        () -> {
                          throw failure(http, URI.create("http://127.0.0.1:1/v1/"));
                        })));
    assertTrue(unknown.getMessage().startsWith("GET http://127.0.0.1:1/v1/"), unknown.getMessage());
    assertEquals(1, server.requests().size());
  }

  @ParameterizedTest
  @ValueSource(ints = {307, 308})
  void a_write_follows_a_redirect_that_keeps_its_method_on_its_origin(int status) throws Exception {
    RecordingServer server = server(Reply.status(status, "Location: there"), Reply.json(FINE));
    assertEquals(Optional.of(FINE), write(http(), server.url(), new ArrayList<>(), false));
    assertEquals("PATCH /v1/there HTTP/1.1", server.requests().getLast().line());
    assertEquals(new String(CHANGE, StandardCharsets.UTF_8), server.requests().getLast().text());
  }

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 303, 307, 308})
  void a_write_follows_no_other_redirect(int status) throws Exception {
    RecordingServer other = server(Reply.json(FINE));
    String location = status < 307 ? "there" : other.url("/there").toString();
    RecordingServer server =
        server(Reply.status(status, "Location: " + location), Reply.json(FINE));
    ServerException refused =
        assertThrows(
            ServerException.class, () -> write(http(), server.url(), new ArrayList<>(), false));
    assertTrue(refused.reason().endsWith("which is not followed for a write"), refused.reason());
    assertEquals(1, server.requests().size());
    assertEquals(0, other.requests().size());
  }

  // ---- where requests go

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 303, 307, 308})
  void a_redirect_is_followed(int status) throws Exception {
    RecordingServer server =
        server(Reply.status(status, "Location: elsewhere?a=b"), Reply.json(FINE));
    Http http = http();
    http.authorize(server.url(), "Bearer t0ken");
    assertEquals(FINE, get(http, server.url("/v1/here")));
    assertEquals(
        List.of("/v1/here", "/v1/elsewhere?a=b"),
        server.requests().stream().map(Exchange.Request::target).toList());
    assertEquals("Bearer t0ken", server.requests().getLast().header("authorization"));
  }

  @Test
  void a_redirect_to_another_origin_is_followed_without_the_credentials() throws Exception {
    RecordingServer other = server(Reply.json(FINE));
    RecordingServer server = server(Reply.status(307, "Location: " + other.url("/there")));
    Http http = http();
    http.authorize(server.url(), "Basic czNjcmV0");
    assertEquals(FINE, get(http, server.url()));
    assertEquals("Basic czNjcmV0", server.requests().getFirst().header("authorization"));
    assertEquals("/there", other.requests().getFirst().target());
    assertFalse(other.requests().getFirst().headers().toString().contains("czNjcmV0"));
  }

  @Test
  void another_name_of_the_same_machine_is_another_origin() throws Exception {
    RecordingServer server =
        open(
            RecordingServer.routes(request ->
                request.target().equals("/there")
                    ? Reply.json(FINE)
                    : Reply.status(
                        307, "Location: http://localhost:" + request.port() + "/there")));
    Http http = http();
    http.authorize(server.url(), "Bearer t0ken");
    assertEquals(FINE, get(http, server.url()));
    assertEquals("", server.requests().getLast().header("authorization"));
  }

  @Test
  void credentials_are_sent_again_where_a_redirect_leads_back_to_their_origin() throws Exception {
    AtomicReference<URI> back = new AtomicReference<>();
    RecordingServer other =
        open(RecordingServer.routes(_ -> Reply.status(302, "Location: " + back.get())));
    RecordingServer server =
        open(
            RecordingServer.routes(request ->
                request.target().equals("/back")
                    ? Reply.json(FINE)
                    : Reply.status(302, "Location: " + other.url())));
    back.set(server.url("/back"));
    Http http = http();
    http.authorize(server.url(), "Bearer t0ken");
    assertEquals(FINE, get(http, server.url()));
    assertEquals("", other.requests().getFirst().header("authorization"));
    assertEquals("Bearer t0ken", server.requests().getLast().header("authorization"));
  }

  @Test
  void a_redirect_to_a_query_stays_on_its_page() throws Exception {
    RecordingServer server = server(Reply.status(302, "Location: ?a=b#part"), Reply.json(FINE));
    assertEquals(FINE, get(http(), server.url("/v1/here?x=y")));
    assertEquals("/v1/here?a=b", server.requests().getLast().target());
  }

  @Test
  void a_failure_behind_a_redirect_names_where_it_led() throws Exception {
    retries = 0;
    RecordingServer server = server(Reply.status(302, "Location: http://127.0.0.1:1/gone"));
    ServerException failure = failure(http(), server.url());
    assertEquals("connection refused, redirected to http://127.0.0.1:1/gone", failure.reason());
    assertEquals(OTHER_NAME.formatted("http_host = 127.0.0.1:" + server.port()), failure.hint());
  }

  @Test
  void an_answer_that_is_no_http_is_said_so() throws Exception {
    retries = 0;
    RecordingServer server = server(Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"));
    assertEquals("the answer is not valid HTTP", reason(http(), server.url()));
  }

  @Test
  void a_redirect_loop_ends() throws Exception {
    RecordingServer server = server(Reply.status(302, "Location: /v1/"));
    ServerException failure = failure(http(), server.url());
    assertTrue(failure.reason().contains("redirects"), failure.reason());
    assertEquals(302, failure.status());
    assertTrue(server.requests().size() <= 10, "asked " + server.requests().size());
    assertEquals(List.of(), time.pauses());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "jar:file:///x.jar!/y",
        "javascript:alert(1)",
        "http://[",
        "http:///",
        "http://127.0.0.1:99999/",
        "a b",
        ""
      })
  void a_redirect_to_what_is_no_web_address_is_refused(String location) throws Exception {
    RecordingServer server = server(Reply.status(302, "Location: " + location), Reply.json(FINE));
    ServerException failure = failure(http(), server.url());
    assertTrue(failure.reason().contains("redirected"), failure.reason());
    assertEquals(1, server.requests().size());
  }

  @Test
  void a_redirect_without_location_is_refused() throws Exception {
    RecordingServer server = server(Reply.status(302));
    assertTrue(reason(http(), server.url()).contains("redirected"));
  }

  @Test
  void a_redirect_from_https_to_http_is_refused() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    RecordingServer plain = server(Reply.json(FINE));
    RecordingServer secure =
        open(
            RecordingServer.tls(identity.context(), Reply.status(302, "Location: " + plain.url())));
    trust(identity.caPem());
    ServerException failure = failure(http(), secure.url());
    assertEquals(
        "redirected to %s, which is not followed from https://127.0.0.1:%d"
            .formatted(plain.url(), secure.port()),
        failure.reason());
    assertEquals(List.of(), plain.requests());
  }

  private static final String OTHER_NAME =
      "if that is the server itself, set %s in its .ini"
          + " (/v2: have the proxy send X-Forwarded-Proto and Host)";

  @ParameterizedTest
  @CsvSource({
    // how the server names itself behind a proxy, and what to set; PORT is the proxy's
    "http://127.0.0.1:PORT/v1/x, http_scheme = https",
    "http://127.0.0.1:8888/v1/x, http_scheme = https and http_host = 127.0.0.1:PORT",
    "HTTP://inner/v1/x, http_scheme = https and http_host = 127.0.0.1:PORT",
    "http://[::1]:8888/v1/x, http_scheme = https and http_host = 127.0.0.1:PORT",
    "https://inner:8443/v1/x, http_host = 127.0.0.1:PORT",
    "https://127.0.0.1/v1/x, http_host = 127.0.0.1:PORT",
  })
  void a_server_that_names_itself_otherwise_than_its_proxy_is_told_what_to_set(
      String location, String settings) throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    AtomicReference<String> named = new AtomicReference<>();
    RecordingServer proxy =
        open(
            RecordingServer.tls(
                identity.context(),
                exchange -> Reply.status(307, "Location: " + named.get()).send(exchange)));
    trust(identity.caPem());
    String port = Integer.toString(proxy.port());
    named.set(location.replace("PORT", port));
    ServerException refused =
        assertThrows(
            ServerException.class, () -> write(http(), proxy.url(), new ArrayList<>(), false));
    assertTrue(refused.reason().contains(named.get()), refused.reason());
    assertEquals(OTHER_NAME.formatted(settings.replace("PORT", port)), refused.hint());
  }

  @Test
  void a_server_without_tls_that_names_itself_otherwise_is_told_what_to_set() throws Exception {
    for (String status : List.of("307", "302")) {
      RecordingServer server =
          server(
              Reply.status(Integer.parseInt(status), "Location: http://" + NO_HOST + ":8888/v1/x"));
      ServerException unknown = failure(http(), server.url());
      assertEquals("unknown host " + NO_HOST + " (after 5 attempts)", unknown.reason());
      assertEquals(OTHER_NAME.formatted("http_host = 127.0.0.1:" + server.port()), unknown.hint());
    }
  }

  @Test
  void a_server_that_names_itself_with_tls_is_better_asked_so() throws Exception {
    RecordingServer server = server(Reply.status(308, "Location: https://127.0.0.1/v1/x"));
    ServerException refused =
        assertThrows(
            ServerException.class, () -> write(http(), server.url(), new ArrayList<>(), false));
    String settings = "http_scheme = http and http_host = 127.0.0.1:" + server.port();
    assertEquals(
        OTHER_NAME.formatted(settings).replace("set ", "ask it by https in SERVER, or set "),
        refused.hint());
  }

  @Test
  void a_redirect_on_the_same_origin_is_no_other_name() throws Exception {
    RecordingServer server = server(Reply.status(302, "Location: there"));
    ServerException refused =
        assertThrows(
            ServerException.class, () -> write(http(), server.url(), new ArrayList<>(), false));
    assertEquals(null, refused.hint());
  }

  @Test
  void nobody_is_told_what_to_set_on_another_service() throws Exception {
    names = new Http.Names("REDASH_API_QUERY_URL", "REDASH_TIMEOUT_SECONDS");
    RecordingServer redash =
        server(Reply.status(302, "Location: " + RecordingServer.nobody("/login")));
    ServerException unreachable = failure(http(), redash.url());
    assertTrue(unreachable.reason().contains("connection refused"), unreachable.reason());
    assertEquals(null, unreachable.hint());
  }

  @Test
  void nobody_is_told_what_to_set_for_the_server_of_a_chain() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    RecordingServer server =
        open(
            RecordingServer.tls(
                identity.context(), Reply.status(302, "Location: http://inner:8888/chain")));
    trust(identity.caPem());
    ServerException refused =
        assertThrows(
            ServerException.class,
            () -> http().get(server.url(), 1024, HttpTest::text, Guard.of((_, _) -> null)));
    assertTrue(refused.reason().contains("http://inner:8888/chain"), refused.reason());
    assertEquals(null, refused.hint());
  }

  @Test
  void a_redirect_from_http_to_https_is_followed_without_the_credentials() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    RecordingServer secure = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    RecordingServer plain = server(Reply.status(301, "Location: " + secure.url()));
    trust(identity.caPem());
    Http http = http();
    http.authorize(plain.url(), "Bearer t0ken");
    assertEquals(FINE, get(http, plain.url()));
    assertEquals("", secure.requests().getFirst().header("authorization"));
  }

  @ParameterizedTest
  @CsvSource({
    "http://127.0.0.1:PORT/, 127.0.0.1 (loopback)",
    "http://localhost:PORT/, 127.0.0.1 (loopback)",
    "http://[::ffff:7f00:1]:PORT/, 127.0.0.1 (loopback)",
    "http://169.254.169.254/latest/, 169.254.169.254 (link-local)",
    "https://[fd00:ec2::254]/latest/, fd00:ec2:0:0:0:0:0:254 (metadata)",
    "http://0.0.0.0:PORT/, 0.0.0.0 (unspecified)"
  })
  void a_redirect_of_a_server_elsewhere_does_not_lead_to_this_machine(String hop, String address)
      throws Exception {
    RecordingServer here = server(Reply.json(FINE));
    String location = hop.replace("PORT", "" + here.port());
    RecordingServer proxy = server(Reply.status(302, "Location: " + location));
    environment.put("HTTP_PROXY", "http://127.0.0.1:" + proxy.port());
    ServerException failure = failure(http(), URI.create("http://settings.test/v1/"));
    assertEquals(
        "redirected to %s: its host is at %s, expected an address that clients reach"
            .formatted(location, address),
        failure.reason());
    assertEquals(Kind.NOT_ALLOWED, failure.kind());
    assertEquals(List.of(), here.requests());
    assertEquals(List.of(), time.pauses(), "not tried again");
  }

  @Test
  void nor_by_a_name_that_resolves_to_it() throws Exception {
    RecordingServer here = server(Reply.json(FINE));
    String location = "http://cdn.test:" + here.port() + "/";
    RecordingServer proxy = server(Reply.status(302, "Location: " + location));
    environment.put("HTTP_PROXY", "http://127.0.0.1:" + proxy.port());
    environment.put("NO_PROXY", "cdn.test");
    connections = open(resolving(Map.of("cdn.test", "192.0.2.1 127.0.0.1")));
    assertEquals(
        "redirected to "
            + location
            + ": its host is at 127.0.0.1 (loopback), expected an address"
            + " that clients reach",
        reason(http(), URI.create("http://settings.test/v1/")));
    assertEquals(List.of(), here.requests());
  }

  @Test
  void a_server_on_this_machine_may_lead_to_another_name_of_it() throws Exception {
    RecordingServer here = server(Reply.json(FINE));
    RecordingServer server =
        server(Reply.status(302, "Location: http://cdn.test:" + here.port() + "/"));
    connections = open(resolving(Map.of("cdn.test", "127.0.0.1")));
    assertEquals(FINE, get(http(), server.url()));
    assertEquals("cdn.test:" + here.port(), here.requests().getFirst().header("host"));
  }

  private static Connections resolving(Map<String, String> hosts) {
    return new Connections(host -> addresses(hosts.getOrDefault(host, host)));
  }

  private static InetAddress[] addresses(String list) {
    return Stream.of(list.split(" ")).map(InetAddress::ofLiteral).toArray(InetAddress[]::new);
  }

  @Test
  void what_a_guard_has_looked_at_is_where_the_request_is_sent() throws Exception {
    RecordingServer server = server(Reply.status(302, "Location: /next"), Reply.json(FINE));
    List<String> lookedAt = new ArrayList<>();
    Guard guard = // a name that only the guard can look up
        new Guard(
            (hop, addresses) -> {
              lookedAt.add(hop.getPath() + " " + addresses);
              return null;
            },
            _ -> addresses("127.0.0.1"));
    URI url = URI.create("http://chains.test:" + server.port() + "/first");
    assertEquals(FINE, http().get(url, 1024, HttpTest::text, guard).body());
    assertEquals(List.of("/first [/127.0.0.1]", "/next [/127.0.0.1]"), lookedAt);
    assertEquals(
        List.of("chains.test:" + server.port(), "chains.test:" + server.port()),
        server.requests().stream().map(request -> request.header("host")).toList());
  }

  @Test
  void credentials_in_a_url_are_not_shown() throws Exception {
    RecordingServer server = server(Reply.status(503), Reply.status(404));
    URI url = URI.create("http://user:s3cret@127.0.0.1:" + server.port() + "/v1/");
    String message = failure(http(), url).getMessage();
    assertFalse(message.contains("s3cret"), message);
    assertFalse(waits.toString().contains("s3cret"), waits.toString());
  }

  @Test
  void credentials_that_no_header_can_hold_are_not_shown() throws Exception {
    RecordingServer server = server(Reply.json(FINE));
    Http http = http();
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> http.authorize(server.url(), "Bearer s3cr\u20act"));
    for (Throwable cause = refused; cause != null; cause = cause.getCause()) {
      assertFalse(String.valueOf(cause.getMessage()).contains("s3cr"), cause.getMessage());
    }
    get(http, server.url());
    assertEquals("", server.requests().getFirst().header("authorization"));
  }

  @Test
  void every_request_names_command_and_version() throws Exception {
    RecordingServer other = server(Reply.json(FINE));
    RecordingServer server =
        server(Reply.status(503), Reply.status(302, "Location: " + other.url()));
    get(http(), server.url());
    Stream.concat(server.requests().stream(), other.requests().stream())
        .forEach(request -> assertEquals("test_command/1.2.3", request.header("user-agent")));
  }

  @Test
  void alerts_are_passed_on_from_answers_good_and_bad() throws Exception {
    RecordingServer server =
        server(
            Reply.status(503, "Alert: {\"type\":\"soft-eol\"}"),
            Reply.json(FINE, "Alert: {\"type\":\"hard-eol\"}", "Alert: more"));
    get(http(), server.url());
    assertEquals(List.of("{\"type\":\"soft-eol\"}", "{\"type\":\"hard-eol\"}", "more"), alerts);
  }

  // ---- what would exhaust the stack

  @ParameterizedTest
  @ValueSource(ints = {103, 200_000})
  void many_empty_gzip_members_are_refused(int members) throws Exception {
    RecordingServer server = server(Reply.answer(200, members(members), "Content-Encoding: gzip"));
    ServerException failure = failure(http(), server.url());
    assertEquals("the answer has more than 100 empty gzip members", failure.reason());
    assertEquals(Kind.UNEXPECTED, failure.kind());
    assertEquals(1, server.requests().size());
  }

  @Test
  void a_few_empty_gzip_members_between_others_are_read() throws Exception {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (int i = 0; i < 300; i++) { // more in all than may follow each other
      body.write(Reply.gzip(" "));
      body.write(members(9));
    }
    body.write(members(91));
    body.write(Reply.gzip(FINE));
    RecordingServer server =
        server(Reply.answer(200, body.toByteArray(), "Content-Encoding: gzip"));
    assertEquals(FINE, get(http(), server.url()));
  }

  @Test
  void an_error_of_many_empty_gzip_members_is_that_error() throws Exception {
    RecordingServer server = server(Reply.answer(404, members(200_000), "Content-Encoding: gzip"));
    assertEquals("404", reason(http(), server.url()));
  }

  private static byte[] members(int count) throws IOException {
    byte[] empty = Reply.gzip("");
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < count; i++) {
      all.write(empty);
    }
    return all.toByteArray();
  }

  @ParameterizedTest
  @CsvSource({"100, 100", "102, 100", "103, 100", "103, 20000"})
  void many_interim_answers_are_a_failure_and_no_crash(int status, int count) throws Exception {
    String interim = "HTTP/1.1 %d Wait\r\n\r\n".formatted(status);
    RecordingServer server =
        server(
            Reply.raw(interim.repeat(count)).then(Reply.json(FINE)),
            Reply.raw(interim.repeat(5)).then(Reply.json(FINE)));
    assertEquals(FINE, get(http(), server.url()));
    assertEquals(2, server.requests().size(), "tried again");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{\"a\":"})
  void json_that_is_nested_deep_is_a_failure_and_no_crash(String open) throws Exception {
    retries = 0;
    RecordingServer server = server(Reply.json(open.repeat(10_000)));
    assertTrue(reason(http(), server.url()).startsWith("not JSON: "));
  }

  // ---- how many at once

  @Test
  void no_more_requests_are_in_flight_than_allowed() throws Exception {
    parallel = 3;
    AtomicInteger inFlight = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    // opens for three at a time: fewer in flight would never get through
    CyclicBarrier three = new CyclicBarrier(3);
    RecordingServer server =
        server(exchange -> {
          int now = inFlight.incrementAndGet();
          most.accumulateAndGet(now, Math::max);
          await(three);
          inFlight.decrementAndGet();
          Reply.json(FINE).send(exchange);
        });
    Http http = http();
    try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> answers =
          IntStream.range(0, 12)
              .mapToObj(_ -> readers.submit(() -> get(http, server.url())))
              .toList();
      for (Future<String> answer : answers) {
        assertEquals(FINE, answer.get());
      }
    }
    assertEquals(3, most.get());
    assertEquals(List.of(), waits);
  }

  @Test
  void another_request_may_be_sent_while_something_is_made_of_an_answer() throws Exception {
    parallel = 1;
    RecordingServer server = server(Reply.json(FINE));
    Http http = http();
    String first =
        http.get(
                server.url("/first"),
                1024,
                body -> {
                  try {
                    assertEquals(FINE, get(http, server.url("/second")));
                  } catch (ServerException e) {
                    throw new IOException(e);
                  }
                  return text(body);
                })
            .body();
    assertEquals(FINE, first);
    assertEquals(2, server.requests().size());
  }

  @Test
  void a_large_answer_is_in_flight_until_it_is_read() throws Exception {
    parallel = 1;
    byte[] large = new byte[3 * 1024 * 1024];
    Arrays.fill(large, (byte) ' ');
    RecordingServer server =
        open(
            RecordingServer.routes(request ->
                request.target().equals("/large") ? Reply.answer(200, large) : Reply.json(FINE)));
    Http http = http();
    CompletableFuture<String> other = new CompletableFuture<>();
    int length =
        http.get(
                server.url("/large"),
                large.length,
                body -> {
                  askMeanwhile(http, server.url("/other"), other);
                  byte[] read = body.readAllBytes();
                  assertFalse(other.isDone());
                  return read.length;
                })
            .body();
    assertEquals(large.length, length);
    assertEquals(FINE, other.get(2, TimeUnit.MINUTES));
  }

  // ---- proxies

  @ParameterizedTest
  @ValueSource(strings = {"HTTP_PROXY", "http_proxy"})
  void plain_requests_go_through_the_http_proxy(String variable) throws Exception {
    RecordingServer proxy = server(Reply.json(FINE));
    environment.put(variable, "http://127.0.0.1:" + proxy.port());
    assertEquals(FINE, get(http(), URI.create("http://settings.test/v1/")));
    assertEquals("http://settings.test/v1/", proxy.requests().getFirst().target());
    assertEquals("", proxy.requests().getFirst().header("proxy-authorization"));
  }

  @Test
  void a_proxy_needs_no_scheme() throws Exception {
    RecordingServer proxy = server(Reply.json(FINE));
    environment.put("HTTP_PROXY", "127.0.0.1:" + proxy.port());
    assertEquals(FINE, get(http(), URI.create("http://settings.test/v1/")));
  }

  @Test
  void the_upper_case_variable_wins_unless_it_is_empty() throws Exception {
    RecordingServer upper = server(Reply.json("\"upper\""));
    RecordingServer lower = server(Reply.json("\"lower\""));
    environment.put("http_proxy", "http://127.0.0.1:" + lower.port());
    environment.put("HTTP_PROXY", "http://127.0.0.1:" + upper.port());
    assertEquals("\"upper\"", get(http(), URI.create("http://settings.test/")));
    environment.put("HTTP_PROXY", "");
    assertEquals("\"lower\"", get(http(), URI.create("http://settings.test/")));
  }

  @Test
  void the_credentials_of_a_proxy_go_to_the_proxy_alone() throws Exception {
    RecordingServer proxy = server(Reply.json(FINE));
    RecordingServer direct = server(Reply.json(FINE));
    environment.put("HTTP_PROXY", "http://user:p%40ss@127.0.0.1:" + proxy.port());
    Http http = http();
    get(http, URI.create("http://settings.test/v1/"));
    get(http, direct.url());
    assertEquals(
        "Basic " + Base64.getEncoder().encodeToString("user:p@ss".getBytes()),
        proxy.requests().getFirst().header("proxy-authorization"));
    assertEquals("", direct.requests().getFirst().header("proxy-authorization"));
  }

  @Test
  void secure_requests_tunnel_through_the_https_proxy() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForOtherHost();
    RecordingServer server = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    RecordingServer proxy = server(Reply.tunnel(server.port()));
    environment.put("HTTPS_PROXY", "http://127.0.0.1:" + proxy.port());
    trust(identity.caPem());
    Http http = http();
    URI url = URI.create("https://elsewhere.example.org/v1/");
    http.authorize(url, "Bearer t0ken");
    assertEquals(FINE, get(http, url));
    assertTrue(
        proxy.requests().getFirst().line().startsWith("CONNECT elsewhere.example.org:443 "),
        proxy.requests().getFirst().line());
    assertFalse(proxy.requests().toString().contains("t0ken"), "the proxy sees no credentials");
    assertEquals("Bearer t0ken", server.requests().getFirst().header("authorization"));
  }

  @Test
  void a_proxy_that_refuses_to_tunnel_is_an_error() throws Exception {
    RecordingServer proxy = server(Reply.status(403));
    environment.put("HTTPS_PROXY", "http://127.0.0.1:" + proxy.port());
    ServerException failure = failure(http(), URI.create("https://elsewhere.example.org/v1/"));
    assertTrue(failure.reason().contains("403"), failure.reason());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "settings.test | settings.test",
        "SETTINGS.test | settings.TEST",
        "other.test, settings.test | settings.test",
        ".settings.test | firefox.settings.test",
        "settings.test | firefox.settings.test",
        "* | settings.test"
      })
  void hosts_of_no_proxy_are_asked_directly(String noProxy, String host) throws Exception {
    RecordingServer proxy = server(Reply.json(FINE));
    environment.put("HTTP_PROXY", "http://127.0.0.1:" + proxy.port());
    for (String variable : List.of("NO_PROXY", "no_proxy")) {
      environment.remove("NO_PROXY");
      environment.put(variable, noProxy);
      retries = 0;
      // nobody has that name: it cannot be reached directly, so this shows which way it went
      String unknown = host.replaceFirst("(?i)settings", "settings." + "n".repeat(70));
      environment.put(variable, noProxy.replaceAll("(?i)settings", "settings." + "n".repeat(70)));
      assertTrue(reason(http(), URI.create("http://" + unknown + "/")).startsWith("unknown host"));
    }
    assertEquals(List.of(), proxy.requests());
  }

  @ParameterizedTest
  @ValueSource(strings = {"other.test", "tings.test", "settings.test.example", "", " , "})
  void other_hosts_than_those_of_no_proxy_go_through_the_proxy(String noProxy) throws Exception {
    RecordingServer proxy = server(Reply.json(FINE));
    environment.put("HTTP_PROXY", "http://127.0.0.1:" + proxy.port());
    environment.put("NO_PROXY", noProxy);
    assertEquals(FINE, get(http(), URI.create("http://settings.test/")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "localhost"})
  void loopback_is_always_asked_directly(String host) throws Exception {
    RecordingServer proxy = server(Reply.json("\"proxy\""));
    RecordingServer server = server(Reply.json(FINE));
    environment.put("HTTP_PROXY", "http://127.0.0.1:" + proxy.port());
    assertEquals(FINE, get(http(), URI.create("http://" + host + ":" + server.port() + "/")));
    assertEquals(List.of(), proxy.requests());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://user:s3cret@",
        "http://user:s3cret@[",
        "socks5://user:s3cret@127.0.0.1:1080",
        "user:s3cret@pr oxy:1",
        "http://user:s3cret@127.0.0.1:99999"
      })
  void a_bad_proxy_is_named_without_its_value(String value) {
    for (String variable : List.of("HTTP_PROXY", "HTTPS_PROXY")) {
      environment.clear();
      environment.put(variable, value);
      Exception failure = assertThrows(UsageException.class, this::http);
      assertTrue(failure.getMessage().contains(variable), failure.getMessage());
      assertFalse(failure.getMessage().contains("s3cret"), failure.getMessage());
      assertEquals(null, failure.getCause());
    }
  }

  // ---- TLS

  @Test
  void the_bundle_is_trusted_beside_the_roots_of_the_jdk() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    RecordingServer server = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    trust(SigningAuthority.tlsForOtherHost().caPem() + identity.caPem());
    assertEquals(FINE, get(http(), server.url()));
    assertEquals(FINE, get(http(), URI.create("https://localhost:" + server.port() + "/")));
  }

  @Test
  void a_certificate_of_an_unknown_authority_is_refused_with_a_hint() throws Exception {
    RecordingServer server =
        open(RecordingServer.tls(SigningAuthority.tlsForLoopback().context(), Reply.json(FINE)));
    for (boolean withBundle : new boolean[] {false, true}) {
      if (withBundle) {
        trust(SigningAuthority.tlsForOtherHost().caPem());
      }
      ServerException failure = failure(http(), server.url());
      assertTrue(
          failure.reason().startsWith("the TLS certificate of 127.0.0.1 is refused: "),
          failure.reason());
      assertTrue(failure.hint().contains("REQUESTS_CA_BUNDLE"), failure.hint());
      assertEquals(List.of(), time.pauses(), "not tried again");
    }
    assertEquals(List.of(), server.requests());
  }

  @Test
  void a_certificate_of_another_host_is_refused() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForOtherHost();
    RecordingServer server = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    trust(identity.caPem());
    ServerException failure = failure(http(), server.url());
    assertTrue(
        failure.reason().startsWith("the TLS certificate of 127.0.0.1 is refused: "),
        failure.reason());
    assertEquals(List.of(), time.pauses(), "not tried again");
    assertEquals(List.of(), server.requests());
  }

  private static Stream<Arguments> outdated() {
    SigningAuthority.Days valid = SigningAuthority.Days.VALID;
    SigningAuthority.Days past = new SigningAuthority.Days(-30, -1);
    SigningAuthority.Days future = new SigningAuthority.Days(1, 30);
    String server = "the server's certificate ";
    String ca = "the certificate of its CA in REQUESTS_CA_BUNDLE, CN=CA of the tests ";
    return Stream.of(
        arguments(valid, past, server + "expired on "),
        arguments(valid, future, server + "is not valid before "),
        arguments(past, valid, ca),
        arguments(future, valid, ca),
        arguments(past, past, server + "expired on "));
  }

  @ParameterizedTest
  @MethodSource("outdated")
  void a_certificate_outside_its_validity_is_refused(
      SigningAuthority.Days ca, SigningAuthority.Days server, String reason) throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback(ca, server);
    trust(identity.caPem());
    assertOutdated(identity, reason);
  }

  @ParameterizedTest
  @CsvSource({"-30, -1, expired on ", "1, 30, is not valid before "})
  void nor_is_it_trusted_because_the_bundle_itself_holds_it(int from, int to, String reason)
      throws Exception {
    SigningAuthority.TlsIdentity identity =
        SigningAuthority.tlsForLoopback(
            SigningAuthority.Days.VALID, new SigningAuthority.Days(from, to));
    trust(identity.serverPem());
    assertOutdated(identity, "the server's certificate " + reason);
  }

  private void assertOutdated(SigningAuthority.TlsIdentity identity, String reason)
      throws Exception {
    RecordingServer server = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    ServerException failure = failure(http(), server.url());
    String all = "the TLS certificate of 127.0.0.1 is refused: " + reason;
    assertTrue(failure.reason().startsWith(all), failure.reason());
    assertTrue(failure.hint().contains("clock"), failure.hint());
    assertEquals(List.of(), time.pauses(), "not tried again");
    assertEquals(List.of(), server.requests());
  }

  @Test
  void a_certificate_that_the_bundle_itself_holds_is_trusted_for_its_host_alone() throws Exception {
    SigningAuthority.TlsIdentity right = SigningAuthority.tlsForLoopback();
    SigningAuthority.TlsIdentity wrong = SigningAuthority.tlsForOtherHost();
    RecordingServer server = open(RecordingServer.tls(right.context(), Reply.json(FINE)));
    RecordingServer other = open(RecordingServer.tls(wrong.context(), Reply.json(FINE)));
    trust(right.serverPem() + wrong.serverPem());
    assertEquals(FINE, get(http(), server.url()));
    assertTrue(
        reason(http(), other.url()).startsWith("the TLS certificate of 127.0.0.1 is refused: "));
    assertEquals(List.of(), other.requests());
  }

  @Test
  void an_outdated_certificate_in_the_bundle_does_not_disturb_others() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    SigningAuthority.Days past = new SigningAuthority.Days(-30, -1);
    RecordingServer server = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    trust(SigningAuthority.tlsForLoopback(past, past).caPem() + identity.caPem());
    assertEquals(FINE, get(http(), server.url()));
  }

  @Test
  void a_server_that_speaks_no_tls_is_an_error() throws Exception {
    retries = 0;
    timeout = SHORT;
    RecordingServer server = server(Reply.json(FINE));
    failure(http(), URI.create("https://127.0.0.1:" + server.port() + "/v1/"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
        ""
      })
  void a_bundle_without_certificates_is_named(String content) throws Exception {
    RecordingServer server =
        open(RecordingServer.tls(SigningAuthority.tlsForLoopback().context(), Reply.json(FINE)));
    trust(content);
    ServerException failure = failure(http(), server.url());
    assertTrue(failure.reason().startsWith("REQUESTS_CA_BUNDLE " + caBundle), failure.reason());
    assertEquals(List.of(), time.pauses(), "not tried again");
  }

  @Test
  void a_bundle_that_is_gone_is_named() throws Exception {
    RecordingServer server =
        open(RecordingServer.tls(SigningAuthority.tlsForLoopback().context(), Reply.json(FINE)));
    caBundle = folder.resolve("gone.pem");
    assertTrue(reason(http(), server.url()).startsWith("REQUESTS_CA_BUNDLE " + caBundle));
  }

  // ---- what the tests are made of

  private Http http() throws UsageException {
    Http http =
        new Http(
            new Http.Limits(
                "test_command/1.2.3",
                timeout,
                deadline,
                retries,
                parallel,
                caBundle,
                Proxies.of(environment),
                names),
            time,
            time,
            waits::add,
            alerts::add,
            connections);
    opened.add(http);
    return http;
  }

  private RecordingServer server(Reply... replies) {
    return open(RecordingServer.of(replies));
  }

  private <T extends AutoCloseable> T open(T resource) {
    opened.add(resource);
    return resource;
  }

  private void trust(String pem) throws IOException {
    caBundle = Files.writeString(folder.resolve("bundle.pem"), pem);
  }

  private static String get(Http http, URI url) throws ServerException {
    return http.get(url, 64 * 1024, HttpTest::text).body();
  }

  /** Any JSON but a list: that would be an unexpected shape. */
  private static String text(InputStream body) throws IOException {
    byte[] json = CanonicalReader.read(body.readAllBytes()).bytes();
    if (json[0] == '[') {
      throw new UnexpectedBody("unexpected answer: it is a list");
    }
    return new String(json, StandardCharsets.UTF_8);
  }

  private static ServerException failure(Http http, URI url) {
    return assertThrows(ServerException.class, () -> get(http, url));
  }

  private static String reason(Http http, URI url) {
    return failure(http, url).reason();
  }

  private static void await(CyclicBarrier barrier) throws IOException, InterruptedException {
    try {
      barrier.await(2, TimeUnit.MINUTES);
    } catch (BrokenBarrierException | TimeoutException e) {
      throw new IOException(e);
    }
  }

  /** The test's time: it stands still but for pauses, which are noted. */
  static final class Time extends Clock implements Http.Pause {
    private Instant now;
    private final List<Duration> pauses = new ArrayList<>();
    private Task onPause = () -> {};

    /** What a test does while the client waits. */
    interface Task {
      void run() throws Exception;
    }

    Time(Instant now) {
      this.now = now;
    }

    @Override
    public synchronized void pause(Duration duration) throws InterruptedException {
      pauses.add(duration);
      now = now.plus(duration);
      Task task = onPause;
      onPause = () -> {};
      try {
        task.run();
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }

    synchronized void set(Instant moment) {
      now = moment;
    }

    /** Runs this within the next pause. */
    synchronized void onPause(Task task) {
      onPause = task;
    }

    synchronized List<Duration> pauses() {
      return List.copyOf(pauses);
    }

    synchronized Duration paused() {
      return pauses.stream().reduce(Duration.ZERO, Duration::plus);
    }

    synchronized void forget() {
      pauses.clear();
    }

    @Override
    public synchronized Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }
}
