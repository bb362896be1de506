//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java
//SOURCES ../common/Connections.java
//SOURCES ../common/Guard.java
//SOURCES ../common/Http.java
//SOURCES ../common/Proxies.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../common/Runner.java
//SOURCES ../common/ServerException.java
//SOURCES ../common/Urls.java
//SOURCES ../common/signature/ChainAddresses.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../blockpages_generator.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES Exchange.java
//SOURCES HttpTest.java
//SOURCES Jvm.java
//SOURCES Patience.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Connections;
import common.Guard;
import common.Http;
import common.Proxies;
import common.RemoteSettings;
import common.Runner;
import common.ServerException;
import common.ServerException.Kind;
import common.Urls;
import common.UsageException;
import common.signature.ChainAddresses;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hosts with an underscore, as Compose names services: Java knows none in {@code
 * http://rs_writer:8888/v1}. They are asked over http; where Java cannot, one line says why.
 */
@ResourceLock("the SDK of Sentry") // of which a JVM has one
class UnderscoreTest {

  private static final String WHY =
      "the host %s has an underscore, which Java does not support %s: give it a network alias"
          + " without one (aliases: in Compose)";
  private static final String FINE = "{\"fine\":true}";

  private final HttpTest.Time time = new HttpTest.Time(Instant.parse("2026-11-24T12:00:00Z"));
  private final Map<String, String> environment = new HashMap<>();
  private final List<String> lookups = new CopyOnWriteArrayList<>();
  private final Connections connections = new Connections(this::lookUp);
  private Function<Exchange.Request, Reply> answers = _ -> Reply.json(FINE);
  private String address = "127.0.0.1";
  private RecordingServer server;
  private Http http;

  @BeforeEach
  void start() throws UsageException {
    server = RecordingServer.routes(request -> answers.apply(request));
    http = http();
  }

  @AfterEach
  void stop() throws IOException {
    connections.close();
    server.close();
  }

  // ---- what is such a host

  @ParameterizedTest
  @CsvSource({
    "http://rs_writer:8888/v1, rs_writer, 8888, , http://rs_writer:8888",
    "http://stack_remote-settings/v1, stack_remote-settings, 80, , http://stack_remote-settings:80",
    "http://_x, _x, 80, , http://_x:80",
    "http://x_:/, x_, 80, , http://x_:80",
    "http://a_b.example./, a_b.example., 80, , http://a_b.example.:80",
    "http://a.b_1/, a.b_1, 80, , http://a.b_1:80",
    "HTTP://RS_Writer/V1, RS_Writer, 80, , http://rs_writer:80",
    "https://a_b/, a_b, 443, , https://a_b:443",
    "http://u_1:p%40@a_b:81/x@y, a_b, 81, u_1:p%40, http://a_b:81",
    "http://u_1:p%40@a-b:81/x@y, a-b, 81, u_1:p%40, http://a-b:81",
    "http://[::1]:82/a_b, [::1], 82, , http://[::1]:82",
    "http://127.0.0.1/a_b, 127.0.0.1, 80, , http://127.0.0.1:80"
  })
  void a_host_is_read_as_others_read_it(
      String text, String host, int port, String userInfo, String origin) {
    URI url = Urls.web(text).orElseThrow();
    assertEquals(host, Urls.host(url));
    assertEquals(port, Urls.port(url));
    assertEquals(userInfo, Urls.userInfo(url));
    assertEquals(origin, Urls.origin(url));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http:///a_b",
        "http://:80/a_b",
        "http://-a_b/",
        "http://a_b-/",
        "http://a_b..c/",
        "http://.a_b/",
        "http://a_b!/",
        "http://a_b:0/",
        "http://a_b:65536/",
        "http://a_b:9999999999/",
        "http://a_b:80x/",
        "http://a@b@c_d/",
        "http://a%5fb/",
        "ftp://a_b/",
        "http://[a_b]/"
      })
  void a_host_that_is_wrong_for_another_reason_stays_wrong(String text) {
    assertEquals(Optional.empty(), Urls.web(text));
    SettingsTest.assertUsage(
        new Terminal().set("SERVER", text).run(new validate_signature()),
        "is not a base URL, expected http or https, a host and no credentials");
  }

  @Test
  void a_host_longer_than_dns_allows_is_not_one() {
    String label = "a_".repeat(126) + "b"; // 253 characters
    assertTrue(Urls.web("http://%s/".formatted(label)).isPresent());
    assertEquals(Optional.empty(), Urls.web("http://%sc/".formatted(label)));
    assertEquals(Optional.empty(), Urls.web("http://" + "a_.".repeat(100_000)));
  }

  @Test
  void user_and_password_before_such_a_host_are_not_shown() {
    URI url = URI.create("http://user:s3cret@rs_writer/v1");
    assertEquals("http://***@rs_writer/v1", Urls.shown(url));
    SettingsTest.assertUsage(
        new Terminal().set("SERVER", url).run(new validate_signature()), "***@rs_writer");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"http://u:s3cret@a_b-/", "http://u:s3cret@a_b:80x/", "http://u@x:s3cret@a_b/"})
  void nor_where_the_host_is_wrong(String text) {
    assertFalse(Urls.shown(URI.create(text)).contains("s3cret"), text);
  }

  // ---- they are asked

  @ParameterizedTest
  @ValueSource(
      strings = {"rs_writer", "stack_remote-settings", "_x", "x_", "a_b.example", "RS_Writer"})
  void a_server_is_asked_at_its_address_by_its_name(String host) throws Exception {
    assertEquals(FINE, get(at(host, "/v1/a%20b?c=%2F&d")));
    assertEquals("/v1/a%20b?c=%2F&d", server.requests().getFirst().target());
    assertEquals(host + ":" + server.port(), server.requests().getFirst().header("host"));
    assertEquals(List.of(host), lookups);
  }

  @Test
  void a_port_is_told_as_a_number() throws Exception {
    get(URI.create("http://rs_writer:00%d/".formatted(server.port())));
    assertEquals("rs_writer:" + server.port(), server.requests().getFirst().header("host"));
  }

  @Test
  void user_and_password_of_a_link_are_not_sent() throws Exception {
    get(URI.create("http://user:s3cret@rs_writer:%d/".formatted(server.port())));
    assertEquals("rs_writer:" + server.port(), server.requests().getFirst().header("host"));
    assertEquals("", server.requests().getFirst().header("authorization"));
  }

  @Test
  void other_hosts_are_looked_up_by_the_jdk() throws Exception {
    get(server.url());
    assertEquals(List.of(), lookups);
    assertEquals("127.0.0.1:" + server.port(), server.requests().getFirst().header("host"));
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.7, http://192.0.2.7:81/v1/?a=%2F",
    "2001:db8::1, http://[2001:db8:0:0:0:0:0:1]:81/v1/?a=%2F"
  })
  void an_address_of_either_kind_takes_the_place_of_the_host(String address, String url) {
    assertEquals(
        URI.create(url),
        Urls.at(InetAddress.ofLiteral(address), URI.create("http://user@rs_writer:81/v1/?a=%2F")));
  }

  @Test
  void credentials_go_to_that_origin_alone() throws Exception {
    answers =
        request ->
            request.target().equals("/away")
                ? Reply.status(302, "Location: " + at("rs_reader", "/there"))
                : Reply.json(FINE);
    http.authorize(at("rs_writer", "/"), "Bearer t0ken");
    get(at("RS_WRITER", "/away"));
    get(at("rs_reader", "/"));
    get(server.url());
    assertEquals(
        List.of("/away Bearer t0ken", "/there ", "/ ", "/v1/ "),
        server.requests().stream()
            .map(request -> request.target() + " " + request.header("authorization"))
            .toList());
  }

  @Test
  void redirects_are_followed_to_such_a_host_and_on_it() throws Exception {
    answers =
        request ->
            switch (request.target()) {
              case "/1" -> Reply.status(301, "Location: " + at("rs_reader", "/2"));
              case "/2" -> Reply.status(302, "Location: /3");
              default -> Reply.json(FINE);
            };
    assertEquals(FINE, get(server.url("/1")));
    assertEquals(
        List.of("127.0.0.1", "rs_reader", "rs_reader"),
        server.requests().stream()
            .map(request -> request.header("host").replaceFirst(":.*", ""))
            .toList());
  }

  @Test
  void the_next_page_is_followed_on_such_a_host_and_not_to_another() throws Exception {
    answers =
        request -> {
          String page =
              "{\"data\":[{\"bucket\":\"main\",\"collection\":\"c\",\"last_modified\":1}]}";
          return request.path().endsWith("/changeset")
              ? Reply.status(404)
              : request.target().contains("_token")
                  ? Reply.json(page, "ETag: \"1\"", "Next-Page: " + at("other_host", "/v1/"))
                  : Reply.json(
                      page, "ETag: \"1\"", "Next-Page: " + at("RS_writer", "/v1/r?_token=2"));
        };
    RemoteSettings remote = new RemoteSettings(http, at("rs_writer", "/v1"), 1024);
    assertEquals(
        "Next-Page leads to http://other_host:%1$d, which is not followed from http://rs_writer:%1$d"
            .formatted(server.port()),
        assertThrows(ServerException.class, () -> remote.announced("monitor", "changes")).reason());
    assertTrue(server.requests().getLast().target().contains("_token=2"));
  }

  @Test
  void a_host_that_nobody_knows_is_named() {
    ServerException failure =
        assertThrows(ServerException.class, () -> get(at("not_here", "/v1/")));
    assertEquals("unknown host not_here", failure.reason());
    assertTrue(failure.hint().contains("SERVER"), failure.hint());
  }

  @Test
  void where_a_chain_is_read_from_is_looked_at_by_the_addresses() throws Exception {
    String wrong = "its host is at %s, expected an address that clients reach";
    assertEquals(
        wrong.formatted("169.254.169.254 (link-local)"),
        refusal("http://settings.test/v1", "192.0.2.1 169.254.169.254"));
    assertEquals(
        wrong.formatted("127.0.0.1 (loopback)"), refusal("http://rs_writer/v1", "127.0.0.1"));
    assertEquals(List.of(), server.requests());
    assertEquals(FINE, text(at("chains_1", "/"), guard("http://localhost/v1", "127.0.0.1")));
  }

  private String refusal(String server, String addresses) {
    return assertThrows(
            ServerException.class, () -> text(at("chains_1", "/"), guard(server, addresses)))
        .reason();
  }

  /** A guard to which the host has these addresses. */
  private static Guard guard(String server, String addresses) {
    return new Guard(
        new ChainAddresses(URI.create(server), null, true)::refusal,
        _ ->
            Stream.of(addresses.split(" "))
                .map(InetAddress::ofLiteral)
                .toArray(InetAddress[]::new));
  }

  @Test
  void no_proxy_names_such_a_host() throws Exception {
    environment.put("HTTP_PROXY", "http://127.0.0.1:1");
    environment.put("NO_PROXY", "x.test, RS_writer");
    http = http();
    assertEquals(FINE, get(at("rs_writer", "/v1/")));
  }

  @Test
  void nor_is_its_address_asked_through_the_proxy() throws Exception {
    environment.put("HTTP_PROXY", "http://user:s3cret@127.0.0.1:" + server.port());
    environment.put("NO_PROXY", "rs_writer");
    address = "0.0.0.0"; // reaches this machine, but is not loopback by its spelling
    http = http();
    http.authorize(at("rs_writer", "/"), "Bearer t0ken");
    assertEquals(FINE, get(at("rs_writer", "/v1/")));
    assertEquals("/v1/", server.requests().getFirst().target(), "to a proxy, it is a URL");
    assertEquals("", server.requests().getFirst().header("proxy-authorization"));
  }

  @Test
  void a_command_asks_such_a_server(@TempDir Path folder) throws IOException {
    Path hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.1 rs_writer\n");
    try (RemoteSettingsServer real = RemoteSettingsServer.start()) {
      real.publish("main", "a", "{\"id\": \"1\"}");
      Project.Outcome outcome =
          Patience.run(
                  Jvm.commandLine(
                          List.of("-Djdk.net.hosts.file=" + hosts),
                          "validate_changes_collection",
                          "--server=http://rs_writer:%d/v1".formatted(real.port()))
                      .toArray())
              .env("HTTP_PROXY", null)
              .env("http_proxy", null)
              .go();
      assertEquals(0, outcome.exit(), outcome::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rs_writer", "a_b.localhost"})
  void credentials_need_https_or_a_permission_there_too(String host) {
    SettingsTest.assertUsage(
        new Terminal()
            .set("SERVER", "http://" + host + "/v1")
            .set("REFRESH_SIGNATURE_AUTH", "user:password")
            .run(new refresh_signature()),
        "would be sent unencrypted to " + host);
  }

  @Test
  void a_page_may_link_to_such_a_host_but_not_with_a_user() {
    assertEquals("https://bugs_1/a", blockpages_generator.webAddress("https://bugs_1/a"));
    assertNull(blockpages_generator.webAddress("https://user:s3cret@bugs_1/a"));
  }

  // ---- where Java cannot, one line says why

  @Test
  void with_https_nothing_is_asked() {
    assertUnsupported(
        URI.create("https://rs_writer:%d/v1/".formatted(server.port())), "", "over https");
    assertEquals(List.of(), lookups);
  }

  @Test
  void behind_a_proxy_nothing_is_asked() throws UsageException {
    environment.put("HTTP_PROXY", server.url("").toString());
    http = http();
    assertUnsupported(URI.create("http://rs_writer/v1/"), "", "behind a proxy");
    assertEquals(List.of(), server.requests());
  }

  @Test
  void a_redirect_that_leads_there_is_named() {
    answers = _ -> Reply.status(302, "Location: https://rs_writer/there");
    assertUnsupported(server.url(), "redirected to https://rs_writer/there: ", "over https");
    assertEquals(1, server.requests().size(), "not tried again");
  }

  private void assertUnsupported(URI url, String hop, String where) {
    ServerException failure = assertThrows(ServerException.class, () -> get(url));
    assertEquals(hop + WHY.formatted("rs_writer", where), failure.reason());
    assertEquals(Kind.UNSUPPORTED, failure.kind());
    assertEquals(List.of(), time.pauses());
  }

  @ParameterizedTest
  @CsvSource({
    "https://chains_1, '', over https",
    "http://chains_1, http://127.0.0.1:1, behind a proxy"
  })
  void a_chain_that_java_cannot_read_there_leaves_no_verdict(URI chains, String proxy, String where)
      throws IOException {
    try (RemoteSettingsServer real = RemoteSettingsServer.builder().chainsAt(chains).start()) {
      real.publish("main", "a", "{\"id\": \"1\"}");
      assertNoVerdict(real, chains + "/chains/", proxy, where);
    }
  }

  @Test
  void a_base_of_chains_that_java_cannot_read_leaves_no_verdict() throws IOException {
    try (RemoteSettingsServer real =
        RemoteSettingsServer.builder().chainsAt(URI.create("")).start()) {
      real.publish("main", "a", "{\"id\": \"1\"}");
      String changes = "{\"certs_chains_base_url\": \"https://chains_1/base/\"}";
      real.answer(
          "/v1/", 200, "application/json", "{\"capabilities\": {\"changes\": " + changes + "}}");
      assertNoVerdict(real, "https://chains_1/chains/", "", "over https");
    }
  }

  private static void assertNoVerdict(
      RemoteSettingsServer real, String chains, String proxy, String where) {
    Terminal.Outcome outcome =
        new Terminal()
            .set("SERVER", real.url())
            .set("HTTP_PROXY", proxy)
            .run(new validate_signature());
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(
        outcome.stdout().contains("/buckets/main/collections/a:  NO VERDICT (the chain " + chains),
        outcome::toString);
    assertTrue(
        outcome.stdout().endsWith(" is not reachable: " + WHY.formatted("chains_1", where) + ")\n"),
        outcome::toString);
  }

  /** Where URLs are taken, with a command that takes them. */
  private enum Taken {
    SERVER(validate_signature::new, "", "over https"),
    REDASH_API_QUERY_URL(uptake_health::new, "", "over https"),
    HTTP_PROXY(validate_signature::new, "HTTP_PROXY: ", "in the URL of a proxy"),
    HTTPS_PROXY(validate_signature::new, "HTTPS_PROXY: ", "in the URL of a proxy"),
    http_proxy(validate_signature::new, "HTTP_PROXY: ", "in the URL of a proxy"),
    https_proxy(validate_signature::new, "HTTPS_PROXY: ", "in the URL of a proxy"),
    SENTRY_DSN(validate_signature::new, "nothing is reported: SENTRY_DSN: ", "in a DSN"),
    AWS_ENDPOINT_URL_S3(blockpages_generator::new, "AWS_ENDPOINT_URL_S3: ", "in an S3 endpoint"),
    AWS_ENDPOINT_URL(blockpages_generator::new, "AWS_ENDPOINT_URL_S3: ", "in an S3 endpoint");

    private final Supplier<Runner.Command> command;
    private final String prefix;
    private final String where;

    Taken(Supplier<Runner.Command> command, String prefix, String where) {
      this.command = command;
      this.prefix = prefix;
      this.where = where;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "SERVER, https://rs_writer/v1, rs_writer",
    "SERVER, https://A_b.example:8443/v1, A_b.example",
    "REDASH_API_QUERY_URL, https://redash_1:5000/results.json, redash_1",
    "HTTP_PROXY, http://squid_proxy:3128, squid_proxy",
    "HTTP_PROXY, _squid:3128, _squid",
    "http_proxy, http://user:s3cret@squid_:3128, squid_",
    "HTTPS_PROXY, http://squid_proxy, squid_proxy",
    "https_proxy, http://user:s3cret@Squid_Proxy:3128, Squid_Proxy",
    "SENTRY_DSN, https://s3cret@sentry_web:9000/1, sentry_web",
    "SENTRY_DSN, http://s3cret@sentry_web/1, sentry_web",
    "AWS_ENDPOINT_URL_S3, http://minio_1:9000, minio_1",
    "AWS_ENDPOINT_URL_S3, https://stack_s3-1/, stack_s3-1",
    "AWS_ENDPOINT_URL, http://minio_1:9000, minio_1"
  })
  void each_setting_that_takes_a_url_is_refused_with_one_line(
      Taken setting, String url, String host) throws IOException {
    try (RemoteSettingsServer real = RemoteSettingsServer.start()) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", real.url())
              .set("REDASH_API_KEY", "0123456789")
              .set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
              .set("AWS_SECRET_ACCESS_KEY", "0123456789")
              .set(setting.name(), url)
              .run(setting.command.get());
      assertEquals(2, outcome.exit(), outcome::toString);
      List<String> lines =
          outcome.stderr().lines().filter(line -> line.contains("underscore")).toList();
      assertEquals(1, lines.size(), outcome::toString);
      assertTrue(
          lines.getFirst().endsWith(": " + setting.prefix + WHY.formatted(host, setting.where)),
          outcome::toString);
      assertFalse(outcome.toString().contains("s3cret"), outcome::toString);
    }
  }

  // ---- what the tests are made of

  private InetAddress[] lookUp(String host) throws UnknownHostException {
    lookups.add(host);
    if (host.equals("not_here")) {
      throw new UnknownHostException(host);
    }
    return new InetAddress[] {InetAddress.ofLiteral(address)};
  }

  private Http http() throws UsageException {
    return new Http(
        new Http.Limits(
            "test_command/1.2.3",
            Duration.ofSeconds(10),
            Duration.ofSeconds(20),
            0,
            4,
            null,
            Proxies.of(environment),
            new Http.Names("SERVER", "REQUESTS_TIMEOUT_SECONDS")),
        time,
        time,
        _ -> {},
        _ -> {},
        connections);
  }

  private URI at(String host, String target) {
    return URI.create("http://%s:%d%s".formatted(host, server.port(), target));
  }

  private String get(URI url) throws ServerException {
    return text(url, null);
  }

  private String text(URI url, Guard guard) throws ServerException {
    return http.get(url, 1024, UnderscoreTest::read, guard).body();
  }

  private static String read(InputStream body) throws IOException {
    return new String(body.readAllBytes());
  }
}
