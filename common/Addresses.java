//JAVA 25+

package common;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Tells addresses that clients reach from those that only this machine reaches, to which no answer
 * of a server may lead a request.
 */
public final class Addresses {

  /**
   * IPv6 addresses, in hexadecimal, that stand for an IPv4 address: compatible and translated ones
   * (RFC 4291, 7915), NAT64 (RFC 6052, 8215) and 6to4 (RFC 3056).
   */
  private static final Pattern STANDS_FOR_IPV4 =
      Pattern.compile(
          "(?:0{24}|0{16}ffff0{4}|0064ff9b0{16}|0064ff9b0001.{12})(?<last>.{8})"
              + "|2002(?<first>.{8}).{20}");

  /**
   * The metadata service and the credentials of pods on AWS, the metadata service on Google Cloud.
   */
  private static final Set<InetAddress> METADATA =
      Stream.of("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
          .map(InetAddress::ofLiteral)
          .collect(Collectors.toSet());

  private Addresses() {}

  /**
   * Why no request is sent to a host, or null.
   *
   * @param addresses of the host; none if they are not known, as behind a proxy: then only an
   *     address that the host itself spells is judged
   */
  public static String refusal(
      String host, List<InetAddress> addresses, boolean isLoopbackAllowed) {
    List<InetAddress> all = new ArrayList<>(addresses);
    all.addAll(spelled(host));
    for (InetAddress address : all) {
      String kind = kind(address);
      if (kind != null && !(kind.equals("loopback") && isLoopbackAllowed)) {
        return "its host is at %s (%s), expected an address that clients reach"
            .formatted(address.getHostAddress(), kind);
      }
    }
    return null;
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
    return METADATA.contains(plain) ? "metadata" : null;
  }

  /** The IPv4 address for which an IPv6 address stands; another one as it is. */
  private static InetAddress withoutIpv6(InetAddress address) {
    Matcher standsFor = STANDS_FOR_IPV4.matcher(HexFormat.of().formatHex(address.getAddress()));
    boolean isOwn = address.isLoopbackAddress() || address.isAnyLocalAddress();
    if (isOwn || !standsFor.matches()) {
      return address;
    }
    String last = standsFor.group("last");
    return Inet4Address.ofPosixLiteral("0x" + (last != null ? last : standsFor.group("first")));
  }
}
