//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/signature/ChainAddresses.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import common.signature.ChainAddresses;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Where a chain may be read from, by the text of its {@code x5u} and by the addresses of its host.
 * No name is looked up and nothing is sent: the addresses are given.
 */
class ChainAddressesTest {

  private static final String ELSEWHERE = "https://settings.test/v1";
  private static final String LOOPBACK = "http://127.0.0.1:8888/v1";
  private static final String REACHED = ", expected an address that clients reach";

  private static ChainAddresses pinned(String server) {
    return new ChainAddresses(URI.create(server), () -> URI.create(server + "/"), true);
  }

  private static ChainAddresses unpinned(String server) {
    return new ChainAddresses(URI.create(server), () -> URI.create(server + "/"), false);
  }

  /** As for a changeset that was saved from we do not know which server. */
  private static ChainAddresses saved(boolean rootPinned) {
    return new ChainAddresses(null, null, rootPinned);
  }

  private static Refused refused(ChainAddresses addresses, String x5u) {
    return assertThrows(Refused.class, () -> addresses.resolve(x5u));
  }

  private static String named(ChainAddresses addresses, String host, String... found) {
    return addresses.refusal(
        URI.create("https://" + host + "/chain"),
        Stream.of(found).map(InetAddress::ofLiteral).toList());
  }

  // ---- addresses

  @ParameterizedTest
  @ValueSource(
      strings = {
        "192.0.2.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "1.0.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "2001:db8::1",
        "fd00:ec2::253",
        "fd00:ec2::1:254",
        "fe7f:ffff::1",
        "fec0::1",
        "::2:0:0:0",
        "64:ff9b::c000:201",
        "64:ff9b:1::c000:201",
        "64:ff9b:2::7f00:1",
        "::ffff:0:c000:201",
        "2002:c000:201::7f00:1",
        "2003:7f00:1::",
        "fd20:ce::253"
      })
  void public_and_private_addresses_are_read(String address) {
    assertNull(named(pinned(ELSEWHERE), "cdn.test", address));
    assertNull(named(unpinned(LOOPBACK), "cdn.test", address));
    assertNull(named(saved(true), "cdn.test", address));
  }

  @ParameterizedTest
  @CsvSource({
    "169.254.0.0, link-local",
    "169.254.169.254, link-local",
    "169.254.255.255, link-local",
    "fe80::1, link-local",
    "febf:ffff::1, link-local",
    "0.0.0.0, unspecified",
    "0.0.0.1, unspecified",
    "0.255.255.255, unspecified",
    "::, unspecified",
    "fd00:ec2::254, metadata",
    "fd00:ec2::23, metadata",
    "fd20:ce::254, metadata",
    "::ffff:0:169.254.169.254, link-local",
    "64:ff9b:1::169.254.169.254, link-local",
    "64:ff9b:1:2:3:4:169.254.169.254, link-local",
    "2002:a9fe:a9fe::1, link-local",
    "2002::1, unspecified",
    "::169.254.169.254, link-local",
    "::0.1.2.3, unspecified",
    "64:ff9b::169.254.169.254, link-local",
    "64:ff9b::0.0.0.0, unspecified"
  })
  void some_addresses_are_read_by_nobody(String address, String kind) {
    for (ChainAddresses addresses :
        List.of(pinned(ELSEWHERE), unpinned(ELSEWHERE), pinned(LOOPBACK), saved(true))) {
      String refusal = named(addresses, "cdn.test", address);
      assertTrue(refusal.endsWith(" (" + kind + ")" + REACHED), refusal);
    }
  }

  @Test
  void an_ipv4_address_mapped_to_ipv6_is_that_address() throws UnknownHostException {
    for (String hex : List.of("a9fea9fe", "00000000", "7f000001")) {
      InetAddress mapped =
          InetAddress.getByAddress(HexFormat.of().parseHex("0".repeat(20) + "ffff" + hex));
      assertFalse(
          pinned(ELSEWHERE).refusal(URI.create("https://cdn.test/"), List.of(mapped)).isEmpty());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "::1",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "2002:7f00:1::",
        "2002:7f00:1:ffff::1"
      })
  void loopback_is_read_only_for_a_server_on_loopback(String address) {
    for (ChainAddresses addresses : List.of(pinned(ELSEWHERE), unpinned(ELSEWHERE), saved(true))) {
      String refusal = named(addresses, "cdn.test", address);
      assertTrue(refusal.endsWith(" (loopback)" + REACHED), refusal);
    }
    for (String server :
        List.of(LOOPBACK, "http://localhost/v1", "http://LOCALHOST./v1", "https://[::1]:8888/v1")) {
      assertNull(named(unpinned(server), "cdn.test", address));
    }
  }

  @Test
  void every_address_of_a_host_is_looked_at() {
    List<String> good = List.of("192.0.2.1", "2001:db8::1", "10.0.0.1");
    assertNull(named(pinned(ELSEWHERE), "cdn.test", good.toArray(String[]::new)));
    for (int place = 0; place <= good.size(); place++) {
      List<String> all = new ArrayList<>(good);
      all.add(place, "169.254.169.254");
      assertEquals(
          "its host is at 169.254.169.254 (link-local)" + REACHED,
          named(pinned(ELSEWHERE), "cdn.test", all.toArray(String[]::new)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "169.254.169.254, 169.254.169.254",
    "[::ffff:169.254.169.254], 169.254.169.254",
    "[::FFFF:A9FE:A9FE], 169.254.169.254",
    "[fe80::1%eth0], fe80:0:0:0:0:0:0:1",
    "[FD00:EC2:0::254], fd00:ec2:0:0:0:0:0:254",
    "2852039166, 169.254.169.254",
    "0xa9fea9fe, 169.254.169.254",
    "0251.254.169.254, 169.254.169.254",
    "0, 0.0.0.0",
    "localhost, 127.0.0.1",
    "LOCALHOST, 127.0.0.1",
    "localhost., 127.0.0.1",
    "chains.localhost, 127.0.0.1",
    "2130706433, 127.0.0.1",
    "0x7f000001, 127.0.0.1",
    "0177.0.0.1, 127.0.0.1"
  })
  void an_address_that_a_url_spells_needs_no_look_up(String host, String address) {
    String refusal = named(pinned(ELSEWHERE), host);
    assertTrue(refusal.startsWith("its host is at " + address + " ("), refusal);
    assertTrue(
        refused(pinned(ELSEWHERE), "https://" + host + "/chain").getMessage().endsWith(refusal));
  }

  // ---- schemes

  @ParameterizedTest
  @ValueSource(
      strings = {"http://cdn.test/chain", "HTTP://autograph:8000/x5u/chain", "http://10.0.0.1/"})
  void http_is_read_where_a_root_is_pinned_or_the_server_is_on_loopback(String x5u) throws Refused {
    for (ChainAddresses addresses :
        List.of(pinned(ELSEWHERE), pinned(LOOPBACK), unpinned(LOOPBACK), saved(true))) {
      assertEquals(URI.create(x5u), addresses.resolve(x5u));
      assertNull(addresses.refusal(URI.create(x5u), List.of(InetAddress.ofLiteral("10.0.0.1"))));
    }
    for (ChainAddresses addresses : List.of(unpinned(ELSEWHERE), saved(false))) {
      Refused refused = refused(addresses, x5u);
      assertEquals(
          "the x5u %s is not read: http needs a pinned root, set ROOT_HASH".formatted(x5u),
          refused.getMessage());
      assertTrue(refused.isUndecided());
      assertEquals(
          "a pinned root proves the chain, whoever may have altered it on its way",
          refused.advice().hint());
      assertEquals(
          "http needs a pinned root, set ROOT_HASH",
          addresses.refusal(URI.create(x5u), List.of(InetAddress.ofLiteral("10.0.0.1"))));
    }
  }

  @Test
  void https_is_read_whatever_the_root() throws Refused {
    for (ChainAddresses addresses :
        List.of(unpinned(ELSEWHERE), saved(false), unpinned(LOOPBACK))) {
      String x5u = "HTTPS://cdn.test:8443/chain?a=b";
      assertEquals(URI.create(x5u), addresses.resolve(x5u));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://127.0.0.1:8888/chain",
        "http://localhost/chain",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:password@cdn.test/chain",
        "ftp://cdn.test/chain"
      })
  void what_no_pinned_root_would_allow_is_bad_and_not_undecided(String x5u) {
    for (ChainAddresses addresses : List.of(pinned(ELSEWHERE), unpinned(ELSEWHERE), saved(false))) {
      Refused refused = refused(addresses, x5u);
      assertFalse(refused.isUndecided());
      assertEquals(Cause.CHAIN_NOT_REACHABLE, refused.cause());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://cdn.test/chain",
        "file:///etc/passwd",
        "data:text/plain,chain",
        "jar:https://cdn.test/a.jar!/chain",
        "https:///chain",
        "https:chain",
        "https://cdn.test:99999/chain",
        "https://127.1/chain",
        "https://-cdn_test/chain"
      })
  void what_is_not_a_web_address_is_refused(String x5u) {
    assertEquals(
        "the x5u " + x5u + " is not read: expected https://HOST/…",
        refused(pinned(LOOPBACK), x5u).getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "https://user:s3cret@cdn.test/chain, https://***@cdn.test/chain",
    "https://s3cret@cdn.test/chain, https://***@cdn.test/chain",
    "https://@cdn.test/chain, https://***@cdn.test/chain",
    "http://s3cret@127.0.0.1/chain, http://***@127.0.0.1/chain",
    "//s3cret@cdn.test/chain, http://***@cdn.test/chain",
    "http://user:s3cret@cdn_test/chain, http://***@cdn_test/chain"
  })
  void user_info_is_refused_and_not_shown(String x5u, String shown) {
    assertEquals(
        "the x5u " + shown + " is not read: expected a URL without user info",
        refused(unpinned(LOOPBACK), x5u).getMessage());
  }

  @Test
  void a_host_may_have_an_underscore_and_is_judged_like_others() throws Refused {
    URI url = URI.create("http://cdn_test:81/chain");
    assertEquals(url, pinned(ELSEWHERE).resolve(url.toString()));
    assertTrue(refused(unpinned(ELSEWHERE), url.toString()).isUndecided());
    assertEquals(
        "its host is at 127.0.0.1 (loopback)" + REACHED,
        pinned("http://rs_writer/v1").refusal(url, List.of(InetAddress.ofLiteral("127.0.0.1"))));
    assertEquals(
        "its host is at 127.0.0.1 (loopback)" + REACHED,
        pinned(ELSEWHERE).refusal(URI.create("http://a_b.localhost/chain"), List.of()));
  }

  @Test
  void what_is_not_a_url_is_malformed_and_shortened() {
    Refused refused = refused(pinned(LOOPBACK), "https://cdn.test/a b");
    assertEquals("the x5u https://cdn.test/a b is not a URL", refused.getMessage());
    assertEquals(Cause.MALFORMED_SIGNATURE, refused.cause());
    String shown = "x".repeat(200) + "…";
    assertEquals(
        "the x5u " + shown + " is not a URL",
        refused(pinned(LOOPBACK), "x".repeat(1000) + " ").getMessage());
  }

  // ---- relative

  @ParameterizedTest
  @CsvSource({
    "chains/a.chain, https://cdn.test/base/chains/a.chain",
    "/chains/a.chain, https://cdn.test/chains/a.chain",
    "../a.chain, https://cdn.test/a.chain",
    "?a=b, https://cdn.test/base/?a=b",
    "//other.test/a.chain, https://other.test/a.chain"
  })
  void a_relative_x5u_is_resolved_against_the_base(String x5u, String url) throws Refused {
    ChainAddresses addresses =
        new ChainAddresses(
            URI.create(ELSEWHERE), () -> URI.create("https://cdn.test/base/"), false);
    assertEquals(URI.create(url), addresses.resolve(x5u));
  }

  @Test
  void the_base_is_asked_for_only_where_there_is_a_relative_x5u() throws Refused {
    ChainAddresses addresses =
        new ChainAddresses(
            URI.create(ELSEWHERE),
            () -> {
              throw new AssertionError("asked for");
            },
            false);
    addresses.resolve("https://cdn.test/chain");
    refused(addresses, "http://cdn.test/chain");
    refused(addresses, "https://cdn.test/a b");
  }

  @ParameterizedTest
  @CsvSource({
    "http://settings.test/v1, chains/a, 'http://settings.test/v1/chains/a is not read:"
        + " http needs a pinned root, set ROOT_HASH'",
    "https://settings.test/v1, //127.0.0.1/a, 'https://127.0.0.1/a is not read:"
        + " its host is at 127.0.0.1 (loopback), expected an address that clients reach'"
  })
  void a_relative_x5u_is_judged_by_where_it_leads(String server, String x5u, String reason) {
    assertEquals("the x5u " + reason, refused(unpinned(server), x5u).getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"chains/a", "/chains/a", "//cdn.test/a", "?a"})
  void a_relative_x5u_without_a_server_needs_the_chain(String x5u) {
    Refused refused = refused(saved(true), x5u);
    assertEquals("the x5u " + x5u + " is relative, and there is no server", refused.getMessage());
    assertEquals("name a file that holds the chain with --chain", refused.advice().hint());
    assertTrue(refused.isUndecided());
  }
}
