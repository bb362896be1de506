//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Exchange.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../uptake_health.java
//SOURCES Differences.java
//SOURCES ../server/SigningAuthority.java
//SOURCES Terminal.java
//SOURCES UptakeHealthTest.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Version;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The command against a server that answers as Redash does, well and badly.
 *
 * <p>Whatever happens, the key is never printed.
 */
class UptakeRedashTest {

  private static final String KEY = "s3cretKeyOfTheQuery";
  private static final String PATH = "/api/queries/61352/results.json";

  private static final String FINE =
      UptakeHealthTest.result(UptakeHealthTest.row("main/a", 1000, 20));

  private static final String TABLE =
      "📅 From 2026-11-23 00:00:00 to 2026-11-23 23:59:59\n"
          + "main/a                                   (good:     1,000 bad:        20)             "
          + "  1.96%\n";

  private static final String SUMMARY = "uptake_health: 1 source: 1 OK\n";

  private static final String PAGE = " (docs/runbooks/no-verdict.md)\n";

  private static final String RIGHT =
      "hint: are REDASH_API_KEY (environment) and REDASH_API_QUERY_URL right?" + PAGE;

  private static final String SCHEDULE =
      "hint: the query has not run yet: run it in Redash, or give it a schedule there" + PAGE;

  private static final String EXPECTED = "hint: expected the results.json of a Redash query\n";

  private static final String LOGIN = "<!DOCTYPE html>\n<title>Login to Redash</title>";

  @TempDir Path folder;

  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  // ---- what the tests are made of

  private RecordingServer redash(Reply... replies) throws IOException {
    return open(RecordingServer.of(replies));
  }

  private RecordingServer open(RecordingServer wire) {
    opened.add(wire);
    return wire;
  }

  private static Terminal terminal(URI url) {
    return new Terminal()
        .set("REDASH_API_KEY", KEY)
        .set("REDASH_API_QUERY_URL", url)
        .set("REQUESTS_NB_RETRIES", 4);
  }

  /** Two seconds of silence, and no other limit that a slow machine could reach first. */
  private static Terminal impatient(RecordingServer redash) {
    return terminal(redash)
        .set("REDASH_TIMEOUT_SECONDS", 2)
        .set("REQUESTS_DEADLINE_SECONDS", 600)
        .set("REQUESTS_NB_RETRIES", 0);
  }

  private static Terminal terminal(RecordingServer redash) {
    return terminal(redash.url(PATH));
  }

  private static Terminal.Outcome run(Terminal terminal, String... arguments) {
    Terminal.Outcome outcome = terminal.run(new uptake_health(), arguments);
    assertFalse(outcome.toString().contains(KEY), outcome::toString);
    return outcome;
  }

  private static Terminal.Outcome run(RecordingServer redash, String... arguments) {
    return run(terminal(redash), arguments);
  }

  private static void assertOutcome(
      int exit, String stdout, String stderr, Terminal.Outcome outcome) {
    Differences.assertSameText(
        new Terminal.Outcome(exit, stdout, stderr).toString(), outcome.toString());
  }

  private static void assertFine(Terminal.Outcome outcome) {
    assertOutcome(0, TABLE, SUMMARY, outcome);
  }

  /** The command says this, and a hint, and nothing else. */
  private static void assertNoVerdict(String error, String hint, Terminal.Outcome outcome) {
    assertOutcome(2, "", "uptake_health: error: " + error + "\n" + hint, outcome);
  }

  // ---- what is asked

  @Test
  void redash_is_asked_once_with_the_key_in_a_header_and_not_in_the_url() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    assertFine(run(redash));
    assertEquals(1, redash.requests().size());
    Exchange.Request request = redash.requests().getFirst();
    assertEquals("GET " + PATH + " HTTP/1.1", request.line());
    assertEquals("Key " + KEY, request.header("authorization"));
    assertEquals(
        "uptake_health/%s (remote-settings-lambdas)".formatted(Version.NUMBER),
        request.header("user-agent"));
    assertEquals("gzip", request.header("accept-encoding"));
    assertEquals("", request.header("referer"));
    assertEquals("", request.header("cookie"));
    assertEquals("", request.text());
  }

  @Test
  void parameters_of_the_query_are_kept() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    assertFine(run(terminal(redash.url(PATH + "?p_days=2&p_channel=a%20b"))));
    assertEquals(PATH + "?p_days=2&p_channel=a%20b", redash.requests().getFirst().target());
  }

  @Test
  void a_compressed_answer_is_read() throws IOException {
    assertFine(run(redash(Reply.answer(200, Reply.gzip(FINE), "Content-Encoding: gzip"))));
  }

  @Test
  void the_key_may_stand_in_a_file() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    Path file = Files.writeString(folder.resolve("key"), KEY + "\n");
    Terminal terminal = new Terminal().set("REDASH_API_QUERY_URL", redash.url(PATH));
    assertFine(run(terminal, "--redash-api-key-file", file.toString()));
    assertFine(run(terminal.input(KEY + "\n"), "--redash-api-key-file=-"));
    assertEquals("Key " + KEY, redash.requests().get(0).header("authorization"));
    assertEquals("Key " + KEY, redash.requests().get(1).header("authorization"));
  }

  @Test
  void with_a_saved_result_redash_is_not_asked() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    assertFine(run(terminal(redash).input(FINE), "--input=-"));
    assertEquals(List.of(), redash.requests());
  }

  @Test
  void long_read_shows_a_terminal_what_is_waited_for_and_how_much_has_come() throws IOException {
    String padding = " ".repeat(200_000);
    Terminal terminal = new Terminal().counting();
    Reply late =
        exchange -> {
          terminal.await("\\d s, GET " + PATH + "\u001b");
          Reply.head(200, padding.length() + FINE.length()).send(exchange);
          exchange.send(padding.getBytes(StandardCharsets.UTF_8));
          terminal.await("\\d s, 0.2 MB read, GET " + PATH + "\u001b");
          exchange.send(FINE.getBytes(StandardCharsets.UTF_8));
        };
    RecordingServer redash = redash(late);
    terminal.once().set("REDASH_API_KEY", KEY).set("REDASH_API_QUERY_URL", redash.url(PATH));
    Terminal.Outcome outcome = run(terminal.set("REDASH_TIMEOUT_SECONDS", 600));
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals(TABLE, outcome.stdout());
    assertTrue(outcome.shown().endsWith(SUMMARY), outcome::toString);
  }

  // ---- the key

  @Test
  void without_a_key_nothing_is_asked() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    for (String key : List.of("", "\"\"")) {
      assertNoVerdict(
          "REDASH_API_KEY is not set",
          "hint: set it, or judge a saved result with --input\n",
          run(terminal(redash).set("REDASH_API_KEY", key)));
    }
    assertEquals(List.of(), redash.requests());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u0007", "\n", "\r\nX-Other: 1", "\u007f", "\u0085"})
  void a_key_with_a_control_character_is_refused_unseen(String bad) throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    assertNoVerdict(
        "REDASH_API_KEY (environment): holds a line break or another control character",
        "hint: one line, without quotes\n",
        run(terminal(redash).set("REDASH_API_KEY", KEY + bad + "x")));
    assertEquals(List.of(), redash.requests());
  }

  @ParameterizedTest
  @ValueSource(strings = {"é", "€", "😀", "\u00a0", "\u200b"})
  void a_key_that_no_header_can_carry_is_refused_unseen(String bad) throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    assertNoVerdict(
        "REDASH_API_KEY (environment) holds a character that no header can carry",
        "hint: is it only the key?\n",
        run(terminal(redash).set("REDASH_API_KEY", KEY + bad)));
    assertEquals(List.of(), redash.requests());
  }

  @Test
  void verbose_shows_the_settings_and_never_the_key() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    Terminal.Outcome fine = run(redash, "--verbose");
    assertTrue(
        fine.stderr().contains("uptake_health: setting REDASH_API_KEY = *** (environment)\n"),
        fine::toString);
    for (Reply reply :
        List.of(
            Reply.status(401),
            Reply.json(LOGIN),
            Reply.json("["),
            Reply.answer(400, "{\"message\":\"no\"}"))) {
      RecordingServer failing = redash(reply);
      Terminal.Outcome outcome = run(terminal(failing).set("REQUESTS_NB_RETRIES", 0), "--verbose");
      assertEquals(2, outcome.exit());
      assertTrue(outcome.stderr().contains("\tat "), outcome::toString); // a stack trace
    }
    Terminal.Outcome refused =
        run(
            terminal(RecordingServer.nobody(PATH)).set("REQUESTS_NB_RETRIES", 0),
            "--verbose",
            "--format=json");
    assertEquals(2, refused.exit());
  }

  @Test
  void a_key_that_redash_repeats_is_masked_in_all_that_is_printed_and_on_the_page()
      throws IOException {
    Path page = folder.resolve("page.html");
    String row = FINE.replace("main/a", "main/" + KEY);
    for (Reply reply :
        List.of(
            Reply.json(row),
            Reply.json("{\"message\": \"no such key: %s\"}".formatted(KEY)),
            Reply.json("{\"job\": {\"status\": 4, \"error\": \"%s\"}}".formatted(KEY)),
            Reply.json(KEY),
            Reply.status(403, "Alert: " + KEY),
            Reply.status(302, "Location: /?api_key=" + KEY))) {
      for (String format : List.of("text", "json")) {
        RecordingServer redash = redash(reply);
        Terminal terminal = terminal(redash).set("REQUESTS_NB_RETRIES", "0");
        run(terminal, "--verbose", "--format", format, "--html", page.toString());
        assertFalse(Files.readString(page).contains(KEY));
      }
    }
  }

  @Test
  void a_key_with_characters_that_html_escapes_is_masked_on_the_page_too() throws IOException {
    String key = "s3cret\"Key'&<of>\\theQuery";
    Path page = folder.resolve("page.html");
    for (Reply reply :
        List.of(
            Reply.json(FINE.replace("main/a", "main/" + key.replaceAll("[\"\\\\]", "\\\\$0"))),
            Reply.json(
                "{\"message\": \"no key %s\"}".formatted(key.replaceAll("[\"\\\\]", "\\\\$0"))))) {
      RecordingServer redash = redash(reply);
      Terminal.Outcome outcome =
          run(terminal(redash).set("REDASH_API_KEY", key), "--html", page.toString());
      String html = Files.readString(page);
      assertTrue(html.contains("***"), html);
      assertFalse((html + outcome).contains("theQuery"), html + outcome);
    }
  }

  @Test
  void over_plain_http_the_key_goes_to_loopback_only() {
    assertNoVerdict(
        "REDASH_API_KEY (environment) would be sent unencrypted to redash.example.org",
        "hint: use https, or --allow-insecure-auth if you must\n",
        run(terminal(URI.create("http://redash.example.org" + PATH))));
  }

  @Test
  void over_plain_http_the_key_goes_elsewhere_only_if_it_must() throws IOException {
    RecordingServer proxy = redash(Reply.json(FINE));
    Terminal terminal =
        terminal(URI.create("http://redash.test" + PATH))
            .set("HTTP_PROXY", "http://127.0.0.1:" + proxy.port());
    assertFine(run(terminal, "--allow-insecure-auth"));
    assertEquals("Key " + KEY, proxy.requests().getFirst().header("authorization"));
  }

  @Test
  void a_url_without_a_key_is_accepted_though_it_speaks_of_keys() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    assertFine(run(terminal(redash.url(PATH + "?p_api_keys=1&key=2&api_key"))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://redash.example.org/results.json",
        "redash.example.org/results.json",
        "https:///results.json",
        "https://redash.example.org:99999/results.json",
        "https://redash example.org/results.json",
      })
  void a_url_that_is_none_is_named_with_what_is_accepted(String url) {
    assertNoVerdict(
        "REDASH_API_QUERY_URL (environment): \"%s\" is not the address of a query's"
                .formatted(url.replaceFirst("\\?.*", "?***"))
            + " results.json, http or https, without credentials and without api_key= (name the"
            + " key with REDASH_API_KEY)",
        "",
        run(new Terminal().set("REDASH_API_KEY", KEY).set("REDASH_API_QUERY_URL", url)));
  }

  @Test
  void credentials_in_the_url_are_refused_unseen() {
    assertNoVerdict(
        "REDASH_API_QUERY_URL (environment): \"https://***@redash.example.org/\" is not the address"
            + " of a query's results.json, http or https, without credentials and without api_key="
            + " (name the key with REDASH_API_KEY)",
        "",
        run(terminal(URI.create("https://user:" + KEY + "@redash.example.org/"))));
  }

  // ---- redirects

  @Test
  void a_redirect_to_another_origin_is_followed_without_the_key() throws IOException {
    RecordingServer other = redash(Reply.json(FINE));
    RecordingServer redash = redash(Reply.status(302, "Location: " + other.url("/elsewhere.json")));
    assertFine(run(redash));
    Exchange.Request request = other.requests().getFirst();
    assertEquals("/elsewhere.json", request.target());
    assertEquals("", request.header("authorization"));
    assertEquals("", request.header("referer"));
    assertFalse(request.toString().contains(KEY), request::toString);
  }

  @Test
  void a_redirect_to_the_same_origin_keeps_the_key() throws IOException {
    RecordingServer redash = redash(Reply.status(307, "Location: /r.json"), Reply.json(FINE));
    assertFine(run(redash));
    assertEquals("/r.json", redash.requests().get(1).target());
    assertEquals("Key " + KEY, redash.requests().get(1).header("authorization"));
    assertEquals("", redash.requests().get(1).header("referer"));
  }

  @Test
  void a_redirect_to_the_login_page_gives_no_verdict() throws IOException {
    RecordingServer redash =
        redash(
            Reply.status(302, "Location: /login?next=%2Fapi"),
            Reply.answer(200, LOGIN, "Content-Type: text/html"));
    Terminal terminal = terminal(redash);
    assertNoVerdict(
        "GET %s: a web page instead of JSON, such as a login page".formatted(redash.url(PATH)),
        RIGHT,
        run(terminal));
    assertEquals(List.of(), terminal.waits());
  }

  // ---- answers that are not a result

  @ParameterizedTest
  @ValueSource(strings = {LOGIN, "\n\n  <html>", "<"})
  void a_web_page_gives_no_verdict_and_is_not_asked_for_again(String page) throws IOException {
    RecordingServer redash = redash(Reply.json(page));
    assertNoVerdict(
        "GET %s: a web page instead of JSON, such as a login page".formatted(redash.url(PATH)),
        RIGHT,
        run(redash));
    assertEquals(1, redash.requests().size());
  }

  @Test
  void a_query_that_has_not_run_yet_gives_no_verdict() throws IOException {
    RecordingServer redash =
        redash(Reply.answer(404, "{\"message\":\"No cached result found for this query.\"}"));
    assertNoVerdict(
        "GET %s: 404: No cached result found for this query".formatted(redash.url(PATH)),
        SCHEDULE,
        run(redash));
    assertEquals(1, redash.requests().size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401 | {\"message\":\"Invalid API key.\"} | 401: Invalid API key",
        "403 | {\"message\":\"You do not have permission.\"} | 403: You do not have permission",
        "403 | <html>Forbidden</html> | 403",
        "404 | {\"message\":\"Couldn't find resource. Please login and try again.\"}"
            + " | 404: Couldn't find resource. Please login and try again",
        "404 | {} | 404",
      })
  void a_refusal_is_named_with_what_the_server_says(int status, String body, String reason)
      throws IOException {
    RecordingServer redash = redash(Reply.answer(status, body));
    assertNoVerdict("GET %s: %s".formatted(redash.url(PATH), reason), RIGHT, run(redash));
    assertEquals(1, redash.requests().size());
  }

  @Test
  void a_job_that_failed_gives_no_verdict() throws IOException {
    assertNoVerdict(
        "the query failed: no such table",
        "hint: run it in Redash\n",
        run(redash(Reply.json("{\"job\":{\"status\":4,\"error\":\"no such\\ntable\"}}"))));
  }

  @Test
  void an_error_in_place_of_a_result_gives_no_verdict() throws IOException {
    assertNoVerdict(
        "found a message instead of a result: Internal Server Error",
        EXPECTED,
        run(redash(Reply.json("{\"message\":\"Internal Server Error\"}"))));
  }

  @Test
  void data_is_too_old_three_days_after_its_end_unless_told_otherwise() throws IOException {
    RecordingServer redash = redash(Reply.json(FINE));
    Instant last = Instant.parse("2026-11-26T23:59:59Z");
    assertFine(run(terminal(redash).at(last)));
    Terminal.Outcome old = run(terminal(redash).at(last.plusSeconds(1)));
    assertEquals(2, old.exit(), old::toString);
    String reason = "its data ends 2026-11-23 23:59:59, more than 3 days ago (MAX_AGE)";
    assertTrue(old.stdout().contains("NO VERDICT (%s)\n".formatted(reason)), old::toString);
    assertFine(run(terminal(redash).at(last.plusSeconds(1)), "--max-age=4"));
  }

  // ---- failures that may pass

  @ParameterizedTest
  @ValueSource(ints = {429, 500, 502, 503, 504})
  void a_failure_that_may_pass_is_tried_again(int status) throws IOException {
    RecordingServer redash = redash(Reply.status(status, "Retry-After: 7"), Reply.json(FINE));
    Terminal terminal = terminal(redash);
    assertOutcome(
        0,
        TABLE,
        "uptake_health: GET %s: %d, trying again in 7 s (attempt 2 of 5)\n"
                .formatted(redash.url(PATH), status)
            + SUMMARY,
        run(terminal));
    assertEquals(List.of(Duration.ofSeconds(7)), terminal.waits());
    assertEquals("Key " + KEY, redash.requests().get(1).header("authorization"));
  }

  @Test
  void a_failure_that_does_not_pass_is_no_verdict() throws IOException {
    RecordingServer redash = redash(Reply.status(503));
    Terminal.Outcome outcome = run(redash, "--quiet");
    assertNoVerdict(
        "GET %s: 503 (after 5 attempts)".formatted(redash.url(PATH)),
        "hint: run the command again later; if that does not help, ask the server's operators"
            + PAGE,
        outcome);
    assertEquals(5, redash.requests().size());
  }

  @Test
  void a_body_cut_short_is_asked_for_again() throws IOException {
    Reply cut =
        Reply.raw(
            "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n".formatted(FINE.length())
                + FINE.substring(0, 90));
    assertOutcomeAfterOneWait("the body was cut short", cut);
    assertOutcomeAfterOneWait(
        "not JSON: Unexpected end-of-input in property name (line 1, column 91)",
        Reply.json(FINE.substring(0, 90)));
  }

  private void assertOutcomeAfterOneWait(String reason, Reply first) throws IOException {
    RecordingServer redash = redash(first, Reply.json(FINE));
    Terminal.Outcome outcome = run(redash);
    assertEquals(TABLE, outcome.stdout(), outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .startsWith(
                "uptake_health: GET %s: %s, trying again in ".formatted(redash.url(PATH), reason)),
        outcome::toString);
    assertEquals(0, outcome.exit());
    assertEquals(2, redash.requests().size());
  }

  @Test
  void silence_names_the_setting_of_its_limit() throws IOException {
    RecordingServer redash = redash(Reply.SILENT);
    Terminal terminal = impatient(redash);
    assertNoVerdict(
        "GET %s: no answer within 2 s (REDASH_TIMEOUT_SECONDS)".formatted(redash.url(PATH)),
        "hint: see why the server is slow, or raise that limit" + PAGE,
        run(terminal));
  }

  @Test
  void silence_in_the_middle_names_the_setting_of_its_limit() throws IOException {
    RecordingServer redash =
        redash(
            Reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"query_result\":")
                .then(Reply.SILENT));
    Terminal terminal = impatient(redash);
    assertNoVerdict(
        "GET %s: no byte for 2 s while reading (REDASH_TIMEOUT_SECONDS)"
            .formatted(redash.url(PATH)),
        "hint: see why the server is slow, or raise that limit" + PAGE,
        run(terminal));
  }

  @Test
  void an_answer_that_is_too_large_is_refused() throws IOException {
    RecordingServer redash =
        redash(
            Reply.answer(
                200, Reply.gzip("[\"" + "x".repeat(1 << 20) + "\"]"), "Content-Encoding: gzip"));
    assertNoVerdict(
        "GET %s: the answer is larger than 1 MiB".formatted(redash.url(PATH)),
        "hint: is it the right server? if so, ask its operators" + PAGE,
        run(terminal(redash).set("MAX_RESPONSE_MIB", 1)));
    assertEquals(1, redash.requests().size());
  }

  @Test
  void a_refused_connection_names_the_setting_of_the_address() throws IOException {
    URI url = RecordingServer.nobody(PATH);
    assertNoVerdict(
        "GET %s: connection refused".formatted(url),
        "hint: is the server running, and REDASH_API_QUERY_URL right?" + PAGE,
        run(terminal(url).set("REQUESTS_NB_RETRIES", 0)));
  }

  @Test
  void an_unknown_host_names_the_setting_of_the_address() {
    String host = "n".repeat(70) + ".invalid"; // too long to be asked for
    URI url = URI.create("http://" + host + PATH);
    assertNoVerdict(
        "GET %s: unknown host %s".formatted(url, host),
        "hint: check the host's name in REDASH_API_QUERY_URL, and this machine's DNS" + PAGE,
        run(terminal(url).set("REQUESTS_NB_RETRIES", 0), "--allow-insecure-auth"));
  }

  // ---- TLS

  @Test
  void a_private_authority_is_trusted_if_it_is_named() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    RecordingServer redash = open(RecordingServer.tls(identity.context(), Reply.json(FINE)));
    Path bundle = Files.writeString(folder.resolve("ca.pem"), identity.caPem());
    assertFine(run(terminal(redash).set("REQUESTS_CA_BUNDLE", bundle)));
    assertEquals("Key " + KEY, redash.requests().getFirst().header("authorization"));
  }

  @Test
  void a_private_authority_is_refused_otherwise() throws Exception {
    RecordingServer redash =
        open(RecordingServer.tls(SigningAuthority.tlsForLoopback().context(), Reply.json(FINE)));
    Terminal terminal = terminal(redash);
    Terminal.Outcome outcome = run(terminal);
    assertEquals(2, outcome.exit());
    assertEquals("", outcome.stdout());
    assertTrue(
        outcome
            .stderr()
            .startsWith(
                "uptake_health: error: GET %s: the TLS certificate of 127.0.0.1 is refused: "
                    .formatted(redash.url(PATH))),
        outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .endsWith(
                "\nhint: is the server's CA missing? name its PEM file with REQUESTS_CA_BUNDLE"
                    + PAGE),
        outcome::toString);
    assertEquals(List.of(), terminal.waits());
    assertEquals(List.of(), redash.requests());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "?api_key=%s",
        "?API_KEY=%s",
        "?Api_Key=%s",
        "?%%61pi_key=%s",
        "?api%%5Fkey=%s",
        "?api%%5fkey=%s",
        "?%%41%%50%%49%%5F%%4B%%45%%59=%s",
        "?api_key%%3D%s",
        "?p_days=2&api_key=%s",
        "?p_days=2;api_key=%s",
        "?api_key=%s&p_days=2",
        "?api_key=%s#x",
        "#api_key=%s",
      })
  void a_key_in_the_url_is_refused_unseen(String query) throws IOException {
    String url = "https://redash.example.org" + PATH + query.formatted(KEY);
    Path file = Files.writeString(folder.resolve("env"), "REDASH_API_QUERY_URL=" + url + "\n");
    Terminal terminal = new Terminal().set("REDASH_API_KEY", "another");
    for (String verbose : List.of("--quiet", "--verbose", "--format=json")) {
      for (Terminal.Outcome outcome :
          List.of(
              run(
                  new Terminal().set("REDASH_API_KEY", "x").set("REDASH_API_QUERY_URL", url),
                  verbose),
              run(terminal, verbose, "--redash-api-query-url=" + url),
              run(terminal, verbose, "--redash-api-query-url", url),
              run(terminal, verbose, "--env-file", file.toString()))) {
        assertEquals(2, outcome.exit());
        assertTrue(
            outcome
                .stderr()
                .matches(
                    "(?s)uptake_health: error: (REDASH_API_QUERY_URL \\(.*\\)"
                        + "|--redash-api-query-url): .*without api_key= \\(name the key with"
                        + " REDASH_API_KEY\\)\n"),
            outcome::toString);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "redash.example.org/results.json?api_key=%s",
        "ftp://redash.example.org/results.json?api_key=%s",
        "https://redash.example.org/a b?api_key=%s",
        "https://redash.example.org/results.json?api_key=%%zz%s",
        "https://user@redash.example.org/results.json?api_key=%s",
      })
  void a_key_in_what_is_no_url_is_refused_unseen(String url) {
    Terminal terminal = new Terminal().set("REDASH_API_KEY", "x");
    for (String verbose : List.of("--quiet", "--verbose", "--format=json")) {
      Terminal.Outcome outcome =
          run(terminal, verbose, "--redash-api-query-url=" + url.formatted(KEY));
      assertEquals(2, outcome.exit());
      assertTrue(outcome.stderr().startsWith("uptake_health: error: --redash-api-query-url: "));
    }
  }
}
