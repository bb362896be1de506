//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../blockpages_generator.java
//SOURCES ../common/Proxies.java
//SOURCES ../common/UsageException.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_signature.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../server/SigningAuthority.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import common.Proxies;
import common.UsageException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code NO_PROXY} exempts, and what the commands say of a proxy that refuses. */
class ProxiesTest {

  private static final String BASIC = "Proxy-Authenticate: Basic realm=\"company, NTLM\"";
  private static final String[] OTHERS = {
    "Proxy-Authenticate: Negotiate", "Proxy-Authenticate: NTLM, Digest realm=\"Basic\""
  };

  /** A name that fails before anybody asks a name server: its label is too long. */
  private static final String NO_HOST = "n".repeat(70) + ".invalid";

  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  private RecordingServer proxy(Reply... replies) {
    RecordingServer proxy = RecordingServer.of(replies);
    opened.add(proxy);
    return proxy;
  }

  // ---- NO_PROXY

  private static Proxies proxies(String noProxy) throws UsageException {
    return Proxies.of(
        Map.of(
            "HTTPS_PROXY", "http://127.0.0.1:1",
            "HTTP_PROXY", "http://127.0.0.1:2",
            "NO_PROXY", noProxy));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "rs.example.test | http://rs.example.test:8888/v1",
        "example.test | http://rs.example.test/",
        ".example.test | http://rs.example.test/",
        ".example.test | http://example.test/",
        "*.example.test | http://rs.example.test/",
        "*.example.test | http://example.test/",
        "rs.example.test. | http://rs.example.test/",
        "rs.example.test | http://rs.example.test./",
        "*.example.test. | http://rs.example.test./",
        "RS.Example.TEST | http://rs.example.test/",
        "rs.example.test | http://RS.EXAMPLE.test/",
        "other.test,rs.example.test | http://rs.example.test/",
        "other.test rs.example.test | http://rs.example.test/",
        "other.test , rs.example.test | http://rs.example.test/",
        "foo*bar, rs.example.test | http://rs.example.test/",
        "rs.example.test:8888 | http://rs.example.test:8888/",
        "rs.example.test:80 | http://rs.example.test/",
        "rs.example.test:443 | https://rs.example.test/",
        ".example.test:443 | https://rs.example.test/",
        "rs_writer | http://rs_writer:8888/",
        "rs-writer:8888 | http://rs-writer:8888/",
        "3com.test | http://www.3com.test/",
        "10.0.0.1 | http://10.0.0.1/",
        "10.0.0.1 | https://10.0.0.1:8443/",
        "10.0.0.1:8888 | http://10.0.0.1:8888/",
        "10.0.0.0/8 | http://10.255.255.1/",
        "10.0.0.0/8 | http://10.0.0.0/",
        "10.9.8.7/8 | http://10.255.255.1/",
        "10.0.0.0/8:8888 | http://10.255.255.1:8888/",
        "192.0.2.128/25 | http://192.0.2.128/",
        "192.0.2.1/32 | http://192.0.2.1/",
        "0.0.0.0/0 | http://192.0.2.1/",
        "2001:db8::7 | http://[2001:db8::7]/",
        "[2001:db8::7] | http://[2001:DB8:0::7]/",
        "[2001:db8::7]:8888 | http://[2001:db8::7]:8888/",
        "2001:db8::/32 | http://[2001:db8::7]/",
        "2001:DB8::/32 | http://[2001:db8:ffff::7]/",
        "[2001:db8::]/32 | http://[2001:db8::7]/",
        "[2001:db8::]/32:8888 | http://[2001:db8::7]:8888/",
        "::/0 | http://[2001:db8::7]/",
        "10.0.0.1 | http://[::ffff:10.0.0.1]/",
        "* | http://rs.example.test/",
        "other.test,* | https://[2001:db8::7]/",
        "'' | http://127.0.0.1/",
        "'' | http://localhost:8888/",
        "'' | http://localhost.:8888/",
        "'' | https://LocalHost./",
        "'' | https://[::1]/"
      })
  void these_are_reached_directly(String noProxy, URI url) throws UsageException {
    assertEquals(Optional.empty(), proxies(noProxy).of(url));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | http://rs.example.test/",
        "'  , ' | http://rs.example.test/",
        "example.testing | http://rs.example.test/",
        "ample.test | http://rs.example.test/",
        ".example.test | http://badexample.test/",
        "*.example.test | http://badexample.test/",
        "*example.test | http://rs.example.test/",
        "rs.*.test | http://rs.example.test/",
        "rs.example.test | http://example.test/",
        "rs.example.test | http://rs.example.test.other.test/",
        "rs.example.test:9999 | http://rs.example.test:8888/",
        "rs.example.test:443 | http://rs.example.test/",
        "rs.example.test:80 | https://rs.example.test/",
        "http://rs.example.test | http://rs.example.test/",
        "test/8 | http://rs.example.test/",
        "10.0.0.1 | http://10.0.0.11/",
        "0.0.1 | http://10.0.0.1/",
        "1 | http://10.0.0.1/",
        "10. | http://10.0.0.1/",
        "10.0.0.1:8888 | http://10.0.0.1:8889/",
        "10.0.0.0/8 | http://11.0.0.1/",
        "10.0.0.0/8 | http://10.example.test/",
        "10.0.0.0/8:8888 | http://10.255.255.1/",
        "10.0.0.0/33 | http://10.0.0.1/",
        "192.0.2.128/25 | http://192.0.2.127/",
        "192.0.2.1/32 | http://192.0.2.2/",
        "0.0.0.0/0 | http://[2001:db8::7]/",
        "::/0 | http://192.0.2.1/",
        "'' | http://localhost.example.test/",
        "2001:db8::7 | http://[2001:db8::8]/",
        "2001:db8::/32 | http://[2001:db9::7]/",
        "2001:db8::/129 | http://[2001:db8::7]/",
        "[2001:db8::7]:8888 | http://[2001:db8::7]/",
        "10.0.0.0/8 | http://0x0a000001.test/"
      })
  void these_go_through_the_proxy(String noProxy, URI url) throws UsageException {
    assertTrue(proxies(noProxy).of(url).isPresent());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "foo*bar",
        "*example.test",
        "10.0.0.0/33",
        "2001:db8::/129",
        "10.0.0.0/",
        "example.test/8",
        "10.",
        "10.0",
        "300.0.0.1",
        "http://rs.example.test",
        "rs.example.test/v1",
        "rs.example.test:0",
        "rs.example.test:65536",
        "rs.example.test:port",
        "[2001:db8::7",
        "2001:db8::g",
        "<local>",
        ".",
        "*:8888",
        "\u00fcber.test"
      })
  void what_is_not_understood_is_named(String entry) throws UsageException {
    assertEquals(
        Optional.of(
            "NO_PROXY: not understood: %s; expected HOST, .DOMAIN, an address or a network such as 10.0.0.0/8, each with or without :PORT, or *"
                .formatted(entry)),
        proxies("example.test," + entry + ",10.0.0.0/8").warning());
  }

  @Test
  void what_is_not_understood_is_shortened_cleaned_and_shown_without_a_password()
      throws UsageException {
    String warning =
        proxies("a*".repeat(5000) + ",b*\u001b[2J,http://me:s3cret@host,d*,e*")
            .warning()
            .orElseThrow();
    assertTrue(warning.length() < 400, warning);
    assertTrue(warning.contains("b*[2j, ***@host and 2 more; "), warning);
  }

  @Test
  void what_is_understood_or_does_not_matter_is_no_warning() throws UsageException {
    assertEquals(
        Optional.empty(),
        proxies("*, .a.test, *.b.test, c.test., d:1, 10.0.0.0/8 [::1]:80").warning());
    assertEquals(Optional.empty(), Proxies.of(Map.of("NO_PROXY", "foo*bar")).warning());
  }

  @Test
  void the_warning_is_printed_once_in_a_run() throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url())
              .set("HTTPS_PROXY", "http://127.0.0.1:1")
              .set("NO_PROXY", "foo*bar")
              .run(new refresh_signature());
      assertEquals(
          1,
          outcome.stderr().split("warning: NO_PROXY: not understood: foo\\*bar;", -1).length - 1,
          outcome::toString);
    }
  }

  // ---- a proxy that refuses

  private static Stream<Arguments> refusals() {
    String login = ", it wants a login";
    return Stream.of(
        arguments(
            "",
            Reply.status(407, BASIC),
            "407" + login,
            "put USER:PASSWORD into VARIABLE: http://USER:PASSWORD@PROXY"),
        arguments(
            "",
            Reply.raw("HTTP/1.1 407 No\r\n\r\n"),
            "407" + login,
            "put USER:PASSWORD into VARIABLE: http://USER:PASSWORD@PROXY"),
        arguments(
            "me:s3cret@",
            Reply.status(407, BASIC),
            "407" + login,
            "are user and password in VARIABLE right, with @ : / % escaped as %40 %3A %2F %25?"),
        arguments(
            "me:s3cret@",
            Reply.status(407, OTHERS),
            "407" + login,
            "it offers Negotiate, NTLM, Digest, but only Basic is supported: set VARIABLE to a"
                + " proxy that offers it"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void a_proxy_that_wants_a_login_is_named_with_what_to_do(
      String user, Reply reply, String said, String hint) {
    for (String scheme : List.of("https", "http")) {
      RecordingServer proxy = proxy(reply);
      Terminal terminal =
          new Terminal()
              .set("SERVER", scheme + "://settings.example.test/v1")
              .set(scheme.toUpperCase() + "_PROXY", "http://" + user + "127.0.0.1:" + proxy.port());
      assertRefused(
          terminal.run(new validate_signature(), "--any-root"), scheme, proxy, said, hint);
      assertEquals(1, proxy.requests().size(), "asked once");
    }
  }

  private static void assertRefused(
      Terminal.Outcome outcome, String scheme, RecordingServer proxy, String said, String hint) {
    assertEquals(2, outcome.exit(), outcome::toString);
    String address = "127.0.0.1:" + proxy.port();
    assertTrue(
        outcome.stderr().contains(": the proxy http://%s answers %s".formatted(address, said)),
        outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains(
                "hint: "
                    + hint.replace("VARIABLE", scheme.toUpperCase() + "_PROXY")
                        .replaceFirst("@PROXY$", "@" + address)
                    + " (docs/runbooks/no-verdict.md)\n"),
        outcome::toString);
    assertFalse(outcome.toString().contains("s3cret"), outcome::toString);
    assertFalse(outcome.toString().contains("Exception"), outcome::toString);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "403 | 1 | it does not let settings.example.test through: ask who runs it, or name the host"
            + " in NO_PROXY",
        "302 | 1 | is HTTPS_PROXY the URL of a proxy?",
        "405 | 1 | is HTTPS_PROXY the URL of a proxy?",
        "501 | 1 | can the proxy reach settings.example.test?",
        "502 | 3 | can the proxy reach settings.example.test?",
        "503 | 3 | can the proxy reach settings.example.test?",
        "504 | 3 | can the proxy reach settings.example.test?"
      })
  void a_tunnel_that_is_refused_is_tried_again_if_that_may_help(
      int status, int attempts, String hint) {
    RecordingServer proxy = proxy(Reply.status(status));
    assertRefused(
        behind(proxy).set("REQUESTS_NB_RETRIES", 2).run(new validate_signature(), "--any-root"),
        "https",
        proxy,
        status + "",
        hint);
    assertEquals(attempts, proxy.requests().size());
  }

  private static Terminal behind(RecordingServer proxy) {
    return new Terminal()
        .set("SERVER", "https://settings.example.test/v1")
        .set("HTTPS_PROXY", "http://127.0.0.1:" + proxy.port())
        .set("REQUESTS_NB_RETRIES", 0);
  }

  private static Stream<Arguments> breaking() {
    return Stream.of(
        arguments(Reply.CLOSED, "the connection was closed before an answer"),
        arguments(Reply.raw("SSH-2.0-OpenSSH\r\n\r\n"), "Invalid status line: \"SSH-2.0-OpenSSH\""),
        arguments(Reply.raw("HTTP/1.1 200 OK\r\n\r\n"), "TLS handshake failed: "),
        arguments(
            Reply.raw("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 No\r\n\r\n"), "TLS handshake failed: "));
  }

  @ParameterizedTest
  @MethodSource("breaking")
  void a_tunnel_that_breaks_names_the_proxy(Reply reply, String reason) {
    RecordingServer proxy = proxy(reply);
    Terminal.Outcome outcome = behind(proxy).run(new validate_signature(), "--any-root");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains(": " + reason), outcome::toString);
    assertTrue(
        outcome.stderr().contains(", through the proxy http://127.0.0.1:" + proxy.port() + "\n"),
        outcome::toString);
  }

  @ParameterizedTest
  @CsvSource({"http, HTTP_PROXY", "https, HTTPS_PROXY"})
  void a_proxy_that_is_not_there_is_to_blame_not_the_server(String scheme, String variable) {
    for (String proxy :
        List.of(RecordingServer.nobody("").toString(), "http://" + NO_HOST + ":1")) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", scheme + "://settings.example.test/v1")
              .set(variable, proxy)
              .set("REQUESTS_NB_RETRIES", 0)
              .run(new validate_signature(), "--any-root");
      assertTrue(
          outcome
              .stderr()
              .contains(
                  ", through the proxy "
                      + proxy
                      + "\nhint: is the proxy running,"
                      + " and "
                      + variable
                      + " right? (docs/runbooks/no-verdict.md)\n"),
          outcome::toString);
    }
  }

  @Test
  void a_407_of_a_server_without_a_proxy_is_the_servers() throws IOException {
    RecordingServer server = proxy(Reply.status(407, BASIC));
    Terminal.Outcome direct =
        new Terminal().set("SERVER", server.url()).run(new validate_signature());
    assertTrue(direct.stderr().contains(": 407\n"), direct::toString);
    assertFalse(direct.stderr().contains("proxy"), direct::toString);
  }

  @Test
  void a_407_that_comes_through_a_tunnel_is_the_servers(@TempDir Path folder) throws IOException {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForOtherHost();
    RecordingServer server = RecordingServer.tls(identity.context(), Reply.status(407, BASIC));
    opened.add(server);
    Terminal.Outcome outcome =
        behind(proxy(Reply.tunnel(server.port())))
            .set("SERVER", "https://elsewhere.example.org/v1")
            .set(
                "REQUESTS_CA_BUNDLE", Files.writeString(folder.resolve("ca.pem"), identity.caPem()))
            .run(new validate_signature(), "--any-root");
    assertTrue(outcome.stderr().contains(": 407\n"), outcome::toString);
    assertFalse(outcome.stderr().contains("the proxy"), outcome::toString);
  }

  @Test
  void redash_behind_a_proxy_that_wants_a_login_is_told_so() {
    RecordingServer proxy = proxy(Reply.status(407, BASIC));
    assertRefused(
        behind(proxy)
            .set("REDASH_API_KEY", "k3y")
            .set("REDASH_API_QUERY_URL", "https://redash.example.test/api/queries/1/results.json")
            .run(new uptake_health()),
        "https",
        proxy,
        "407, it wants a login",
        "put USER:PASSWORD into VARIABLE: http://USER:PASSWORD@PROXY");
  }

  @Test
  void a_chain_that_the_proxy_refuses_leaves_no_verdict() throws IOException {
    RecordingServer proxy = proxy(Reply.status(403));
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder()
            .chainsAt(URI.create("https://chains.example.test/"))
            .start()) {
      server.publish("main", "a", "{\"id\": \"1\"}");
      Terminal.Outcome outcome =
          behind(proxy).set("SERVER", server.url()).run(new validate_signature());
      assertEquals(2, outcome.exit());
      assertTrue(
          outcome
              .stdout()
              .endsWith("the proxy http://127.0.0.1:" + proxy.port() + " answers 403)\n"),
          outcome::toString);
      assertTrue(outcome.stdout().contains(":  NO VERDICT (the chain "), outcome::toString);
      assertTrue(
          outcome.stderr().contains("hint: it does not let chains.example.test through"),
          outcome::toString);
    }
  }

  private static Stream<Arguments> silentTunnels() {
    return Stream.of(
        arguments(Reply.SILENT, " within 0.5 s (REQUESTS_TIMEOUT_SECONDS)"),
        arguments(Reply.raw(""), ", through the proxy "));
  }

  @ParameterizedTest
  @MethodSource("silentTunnels")
  void a_chain_that_does_not_come_through_the_proxy_leaves_no_verdict(Reply reply, String reason)
      throws IOException {
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder()
            .chainsAt(URI.create("https://chains.example.test/"))
            .start()) {
      server.publish("main", "a", "{\"id\": \"1\"}");
      Terminal.Outcome outcome =
          behind(proxy(reply))
              .set("SERVER", server.url())
              .set("REQUESTS_TIMEOUT_SECONDS", "0.5")
              .run(new validate_signature());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().contains(":  NO VERDICT (the chain "), outcome::toString);
      assertTrue(outcome.stdout().contains(reason), outcome::toString);
    }
  }

  @Test
  void sentry_behind_a_proxy_that_wants_a_login_is_a_warning() throws IOException {
    RecordingServer proxy = proxy(Reply.status(407, BASIC));
    try (RemoteSettingsServer server = RemoteSettingsServer.start()) {
      Terminal.Outcome outcome =
          behind(proxy)
              .set("SERVER", server.url())
              .set("SENTRY_DSN", "https://0123456789abcdef0123456789abcdef@sentry.example.test/1")
              .set("SENTRY_MONITOR_SLUG", "auto")
              .run(new validate_signature());
      assertTrue(
          outcome
              .stderr()
              .contains(
                  " reports: the proxy http://127.0.0.1:%d answers 407, it wants a login: put USER:PASSWORD into HTTPS_PROXY"
                      .formatted(proxy.port())),
          outcome::toString);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "https | 407 | 1 | , it wants a login | put USER:PASSWORD into HTTPS_PROXY:"
            + " http://USER:PASSWORD@",
        "http | 407 | 1 | , it wants a login | put USER:PASSWORD into HTTP_PROXY:"
            + " http://USER:PASSWORD@",
        "https | 403 | 1 | '' | it does not let s3.example.test through: ask who runs it, or name",
        "https | 503 | 3 | '' | can the proxy reach s3.example.test?"
      })
  void s3_behind_a_proxy_that_refuses_is_told_so(
      String scheme, int status, int attempts, String login, String hint) throws IOException {
    RecordingServer proxy = proxy(Reply.status(status, "Proxy-Authenticate: Basic realm=\"c\""));
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url())
              .set(scheme.toUpperCase() + "_PROXY", "http://127.0.0.1:" + proxy.port())
              .set("AWS_ENDPOINT_URL_S3", scheme + "://s3.example.test")
              .set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
              .set("AWS_SECRET_ACCESS_KEY", "s3cret-s3cret")
              .set("REQUESTS_NB_RETRIES", 2)
              .run(new blockpages_generator());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains(
                  "cannot list Amazon S3 bucket amo-blocked-pages: the proxy http://127.0.0.1:%d answers %d%s"
                      .formatted(proxy.port(), status, login)),
          outcome::toString);
      assertTrue(outcome.stderr().contains("hint: " + hint), outcome::toString);
      assertEquals(attempts, proxy.requests().size());
    }
  }
}
