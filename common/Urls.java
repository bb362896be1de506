//JAVA 25+

package common;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads URLs by their spelling alone: no name is looked up.
 *
 * <p>Compose files name services {@code rs_writer}. {@link URI} knows neither host, port nor user
 * info of {@code http://rs_writer:8888/v1}; they are read here.
 */
public final class Urls {

  /** An authority whose host is one but for an underscore, up to the length of a DNS name. */
  private static final Pattern UNDERSCORE =
      Pattern.compile(
          "(?:(?<user>[^@]*)@)?"
              + "(?<host>(?=[^:]*_)(?=[\\w.-]{1,253}(?::|$))LABEL(?:\\.LABEL)*\\.?)"
                  .replace("LABEL", "\\w(?:[\\w-]*\\w)?")
              + "(?::(?<port>\\d{0,9}))?");

  private static final Pattern LOOPBACK =
      Pattern.compile("(?i)localhost\\.?|127(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}");

  private static final int MAX_SHOWN = 500;

  private Urls() {}

  /** Whether a URL is http or https, with a host, and a port that exists if it has one. */
  public static boolean isWeb(URI url) {
    return (isSecure(url) || "http".equalsIgnoreCase(url.getScheme()))
        && host(url) != null
        && authority(url).port() != 0
        && authority(url).port() <= 65_535;
  }

  /** A text as a URL; empty unless {@link #isWeb} holds for it. */
  public static Optional<URI> web(String text) {
    try {
      return Optional.of(URI.create(text)).filter(Urls::isWeb);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Whether what is sent there is encrypted. */
  public static boolean isSecure(URI url) {
    return "https".equalsIgnoreCase(url.getScheme());
  }

  /** A URL as it may be shown: without credentials, and shortened. */
  public static String shown(URI url) {
    String safe = url.toString().replaceFirst("//[^/?#]*@", "//***@"); // no host need be right
    return safe.length() <= MAX_SHOWN ? safe : safe.substring(0, MAX_SHOWN) + "…";
  }

  /** Scheme, host and port: what credentials are meant for. */
  public static String origin(URI url) {
    String scheme = url.getScheme().toLowerCase(Locale.ROOT);
    return scheme + "://" + host(url).toLowerCase(Locale.ROOT) + ":" + port(url);
  }

  /** The port of a URL, or its scheme's. */
  public static int port(URI url) {
    int port = authority(url).port();
    return port >= 0 ? port : isSecure(url) ? 443 : 80;
  }

  /** The host of a URL, and its port if it names one, as in the header {@code Host}. */
  static String hostAndPort(URI url) {
    return host(url) + (authority(url).port() < 0 ? "" : ":" + authority(url).port());
  }

  /** The host of a URL, with brackets if it is an IPv6 address; null if it has none. */
  public static String host(URI url) {
    return authority(url).host();
  }

  /** The user and password of a URL as it spells them, or null. */
  public static String userInfo(URI url) {
    return authority(url).userInfo();
  }

  /** Whether an underscore hides the host of a URL from Java's own classes. */
  public static boolean hasUnderscore(URI url) {
    return url.getHost() == null && host(url) != null;
  }

  /**
   * Why Java's own classes cannot take a URL whose host has an underscore, and what to do.
   *
   * @param where completes "does not support …"
   */
  public static String underscore(URI url, String where) {
    return ("the host %s has an underscore, which Java does not support %s: give it a network alias"
            + " without one (aliases: in Compose)")
        .formatted(host(url), where);
  }

  /** The URL with an address in place of its host, and without user info. */
  public static URI at(InetAddress address, URI url) {
    String ip = address.getHostAddress();
    String query = url.getRawQuery() == null ? "" : "?" + url.getRawQuery();
    String host = address instanceof Inet6Address ? "[" + ip + "]" : ip;
    return URI.create(url.getScheme() + "://" + host + ":" + port(url) + url.getRawPath() + query);
  }

  private record Authority(String userInfo, String host, int port) {}

  private static Authority authority(URI url) {
    if (url.getHost() == null && url.getRawAuthority() != null) {
      Matcher underscore = UNDERSCORE.matcher(url.getRawAuthority());
      if (underscore.matches()) {
        String port = underscore.group("port");
        return new Authority(
            underscore.group("user"),
            underscore.group("host"),
            port == null || port.isEmpty() ? -1 : Integer.parseInt(port));
      }
    }
    return new Authority(url.getRawUserInfo(), url.getHost(), url.getPort());
  }

  /**
   * What a link on a page leads to; {@link URI#resolve} drops the page's name before a mere query.
   *
   * @throws IllegalArgumentException if it is not a URL
   */
  public static URI resolve(URI page, String link) {
    String absolute = link.startsWith("?") ? page.getRawPath() + link : link;
    return page.resolve(absolute.replaceFirst("#.*", ""));
  }

  /** Whether a URL's host is this machine, by its spelling alone: no name is looked up. */
  public static boolean isLoopback(String host) {
    if (host.startsWith("[")) {
      try {
        return InetAddress.ofLiteral(host.substring(1, host.length() - 1)).isLoopbackAddress();
      } catch (IllegalArgumentException e) {
        return false;
      }
    }
    return LOOPBACK.matcher(host).matches();
  }

  /** Escapes a text for a path or query. */
  static String escaped(String text) {
    String escaped = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    return escaped.matches("\\.+") ? escaped.replace(".", "%2E") : escaped;
  }
}
