//JAVA 25+
//SOURCES ../Urls.java CertificateChain.java ContentSignature.java

package common.signature;

import common.Urls;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Where a chain may be read from. An {@code x5u} is the server's word: it must not lead a check to
 * what only this machine can reach (docs/specification.md, <i>validate_signature</i>, step 3).
 *
 * <p>Pure: whoever sends the request looks up the host and asks {@link #refusal} before each hop.
 *
 * @param server whose collections are judged; null for a saved changeset
 * @param base what a relative {@code x5u} is relative to, read only if there is one; null for a
 *     saved changeset
 * @param rootPinned whether only known roots are trusted. They prove a chain, however it was read
 */
public record ChainAddresses(URI server, Supplier<URI> base, boolean rootPinned) {

  private static final InetAddress AWS_METADATA = InetAddress.ofLiteral("fd00:ec2::254");

  /** The first bytes of IPv6 addresses that stand for an IPv4 address: none, and NAT64's. */
  private static final List<String> IPV4_PREFIXES =
      List.of("0".repeat(24), "0064ff9b" + "0".repeat(16));

  /**
   * The URL to which an entry's {@code x5u} leads.
   *
   * @param x5u not empty
   * @throws Refused if its text alone tells that no chain is read from there
   */
  public URI resolve(String x5u) throws Refused {
    String shown = ContentSignature.shown(x5u);
    URI url;
    try {
      url = URI.create(x5u);
    } catch (IllegalArgumentException e) {
      throw new Refused(Cause.MALFORMED_SIGNATURE, "the x5u %s is not a URL".formatted(shown));
    }
    if (!url.isAbsolute()) {
      if (base == null) {
        throw Refused.undecided(
            Cause.CHAIN_NOT_REACHABLE,
            "the x5u %s is relative, and there is no server".formatted(shown),
            "name a file that holds the chain with --chain");
      }
      url = Urls.resolve(base.get(), x5u);
      shown = ContentSignature.shown(url.toString());
    }
    String wrong = wrong(url, List.of());
    if (wrong != null) {
      throw new Refused(
          Cause.CHAIN_NOT_REACHABLE, "the x5u %s is not read: %s".formatted(shown, wrong));
    }
    String unproven = refusal(url, List.of());
    if (unproven != null) {
      throw Refused.undecided(
          Cause.CHAIN_NOT_REACHABLE,
          "the x5u %s is not read: %s".formatted(shown, unproven),
          "a pinned root proves the chain, whoever may have altered it on its way");
    }
    return url;
  }

  /**
   * Why a chain is not read from a URL, or null.
   *
   * @param addresses of its host; none if they are not known, as behind a proxy: then only an
   *     address that the URL itself spells is judged
   */
  public String refusal(URI url, List<InetAddress> addresses) {
    String wrong = wrong(url, addresses);
    return wrong != null || Urls.isSecure(url) || rootPinned || isServerOnLoopback()
        ? wrong
        : "http needs a pinned root, set ROOT_HASH";
  }

  /** What is wrong with a URL, whatever its root may prove; or null. */
  private String wrong(URI url, List<InetAddress> addresses) {
    if (!Urls.isWeb(url)) {
      return "expected https://HOST/…";
    }
    if (Urls.userInfo(url) != null) {
      return "expected a URL without user info";
    }
    List<InetAddress> all = new ArrayList<>(addresses);
    all.addAll(spelled(Urls.host(url)));
    for (InetAddress address : all) {
      String kind = kind(address);
      if (kind != null && !(kind.equals("loopback") && isServerOnLoopback())) {
        return "its host is at %s (%s), expected an address that clients reach"
            .formatted(address.getHostAddress(), kind);
      }
    }
    return null;
  }

  private boolean isServerOnLoopback() {
    return server != null && Urls.isLoopback(Urls.host(server));
  }

  /** The addresses that a host spells, as Java and as the C library read it. */
  private static List<InetAddress> spelled(String host) {
    if (host.matches("(?i)(.+\\.)?localhost\\.?")) { // RFC 6761, 6.3
      return List.of(InetAddress.ofLiteral("127.0.0.1"));
    }
    String text = host.replaceAll("[\\[\\]]|%.*", ""); // brackets, and the zone of fe80::1%eth0
    List<InetAddress> addresses = new ArrayList<>();
    for (Function<String, InetAddress> reader :
        List.<Function<String, InetAddress>>of(
            InetAddress::ofLiteral, Inet4Address::ofPosixLiteral)) {
      try {
        addresses.add(reader.apply(text));
      } catch (IllegalArgumentException e) {
        // a name
      }
    }
    return addresses;
  }

  /** What makes an address one that is not asked, or null. */
  private static String kind(InetAddress address) {
    InetAddress plain = withoutIpv6(address);
    if (plain.isLoopbackAddress()) {
      return "loopback";
    }
    if (plain.isLinkLocalAddress()) {
      return "link-local";
    }
    if (plain.isAnyLocalAddress() || plain.getHostAddress().startsWith("0.")) {
      return "unspecified";
    }
    return plain.equals(AWS_METADATA) ? "metadata" : null;
  }

  /** The IPv4 address for which an IPv6 address stands; another one as it is. */
  private static InetAddress withoutIpv6(InetAddress address) {
    String hex = HexFormat.of().formatHex(address.getAddress());
    boolean isOwn = address.isLoopbackAddress() || address.isAnyLocalAddress();
    return !isOwn && hex.length() == 32 && IPV4_PREFIXES.contains(hex.substring(0, 24))
        ? Inet4Address.ofPosixLiteral("0x" + hex.substring(24))
        : address;
  }
}
