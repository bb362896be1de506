//JAVA 25+
//SOURCES Display.java Urls.java

package common;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The hosts that need no proxy, as {@code NO_PROXY} lists them and curl reads it: names, which
 * include all names below them, addresses, networks such as {@code 10.0.0.0/8}, and {@code *}. Only
 * the spelling of a host counts: no name is looked up.
 *
 * @param namesAll whether no host needs a proxy
 * @param unknown entries that name nothing
 */
record NoProxy(boolean namesAll, List<Entry> entries, List<String> unknown) {

  private static final Pattern PARTS =
      Pattern.compile(
          "(?<host>\\[[^\\[\\]/]+]|[^\\[\\]/:]+|[^\\[\\]/]*:[^\\[\\]/]*:[^\\[\\]/]*?)"
              + "(?:/(?<bits>\\d{1,3}))?(?::(?<port>\\d{1,5}))?");

  private static final Pattern IPV4 = Pattern.compile("\\d+(\\.\\d+){3}");

  /** The last label of a name is not a number. */
  private static final Pattern NAME = Pattern.compile("([\\w-]+\\.)*(?!\\d+$)[\\w-]+");

  private static final int MAX_LENGTH = 300;

  /**
   * What an entry names.
   *
   * @param name of a host and of all below it; null for a network
   * @param network an address of it
   * @param bits of an address that tell a network from others
   * @param port null for every port
   */
  record Entry(String name, InetAddress network, int bits, Integer port) {

    boolean names(String host, Optional<InetAddress> address, int asked) {
      return (port == null || port == asked)
          && (network == null
              ? address.isEmpty() && ("." + host).endsWith("." + name)
              : address.filter(this::contains).isPresent());
    }

    private boolean contains(InetAddress address) {
      return address.getClass() == network.getClass()
          && prefix(address, bits).equals(prefix(network, bits));
    }
  }

  static NoProxy of(String list) {
    List<String> texts =
        Stream.of(list.toLowerCase(Locale.ROOT).split("[\\s,]+"))
            .filter(text -> !text.isEmpty())
            .toList();
    List<Entry> entries = new ArrayList<>();
    List<String> unknown = new ArrayList<>();
    for (String text : texts) {
      if (!text.equals("*")) {
        entry(text).ifPresentOrElse(entries::add, () -> unknown.add(text));
      }
    }
    return new NoProxy(texts.contains("*"), entries, unknown);
  }

  /** Whether the host of a URL needs no proxy. */
  boolean names(URI target) {
    String host = bare(Urls.host(target).toLowerCase(Locale.ROOT));
    Optional<InetAddress> address = address(host);
    return namesAll()
        || entries.stream().anyMatch(entry -> entry.names(host, address, Urls.port(target)));
  }

  /** Which entries name nothing, and what is accepted; empty if there are none. */
  Optional<String> warning() {
    List<String> shown =
        unknown.stream()
            .map(text -> Display.brief(text.replaceFirst(".*@", "***@"))) // perhaps a password
            .toList();
    return shown.isEmpty()
        ? Optional.empty()
        : Optional.of(
            ("NO_PROXY: not understood: %s; expected HOST, .DOMAIN, an address or a network such as"
                    + " 10.0.0.0/8, each with or without :PORT, or *")
                .formatted(Display.some(shown, 3)));
  }

  private static Optional<Entry> entry(String text) {
    Matcher parts = PARTS.matcher(text);
    if (text.length() > MAX_LENGTH || !parts.matches()) {
      return Optional.empty();
    }
    Integer port = parts.group("port") == null ? null : Integer.valueOf(parts.group("port"));
    String bits = parts.group("bits");
    String host = bare(parts.group("host"));
    Optional<InetAddress> network = address(host);
    String name = host.replaceFirst("^\\*?\\.", "");
    boolean isName = network.isEmpty() && bits == null && NAME.matcher(name).matches();
    int most = network.map(it -> it.getAddress().length * 8).orElse(0);
    int count = bits == null ? most : Integer.parseInt(bits);
    return (isName || network.isPresent()) && count <= most && (port == null || isPort(port))
        ? Optional.of(new Entry(name, network.orElse(null), count, port))
        : Optional.empty();
  }

  private static boolean isPort(int number) {
    return number > 0 && number <= 65_535;
  }

  /** A host without the brackets of IPv6, or the final dot of a name. */
  private static String bare(String host) {
    return host.replaceAll("[\\[\\]]|\\.$", "");
  }

  /** The address that a host spells; empty if it is a name. */
  private static Optional<InetAddress> address(String host) {
    try {
      return host.contains(":") || IPV4.matcher(host).matches()
          ? Optional.of(InetAddress.ofLiteral(host))
          : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static BigInteger prefix(InetAddress address, int bits) {
    byte[] bytes = address.getAddress();
    return new BigInteger(1, bytes).shiftRight(bytes.length * 8 - bits);
  }
}
