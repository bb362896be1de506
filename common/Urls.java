//JAVA 25+

package common;

import java.net.InetAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads URLs by their spelling alone: no name is looked up. */
public final class Urls {

  private static final Pattern LOOPBACK =
      Pattern.compile("127(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}");

  private static final int MAX_SHOWN = 500;

  private Urls() {}

  /** Whether a URL is http or https, with a host, and a port that exists if it has one. */
  public static boolean isWeb(URI url) {
    return (isSecure(url) || "http".equalsIgnoreCase(url.getScheme()))
        && url.getHost() != null
        && url.getPort() != 0
        && url.getPort() <= 65_535;
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
    String text = url.toString();
    String safe = url.getRawUserInfo() == null ? text : text.replaceFirst("//[^/?#]*@", "//***@");
    return safe.length() <= MAX_SHOWN ? safe : safe.substring(0, MAX_SHOWN) + "…";
  }

  /** Scheme, host and port: what credentials are meant for. */
  public static String origin(URI url) {
    String scheme = url.getScheme().toLowerCase(Locale.ROOT);
    return scheme + "://" + url.getHost().toLowerCase(Locale.ROOT) + ":" + port(url);
  }

  /** The port of a URL, or its scheme's. */
  public static int port(URI url) {
    return url.getPort() >= 0 ? url.getPort() : isSecure(url) ? 443 : 80;
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
    return host.equalsIgnoreCase("localhost") || LOOPBACK.matcher(host).matches();
  }

  /** Escapes a text for a path or query. */
  static String escaped(String text) {
    String escaped = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    return escaped.matches("\\.+") ? escaped.replace(".", "%2E") : escaped;
  }
}
