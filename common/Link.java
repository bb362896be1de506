//JAVA 25+
//SOURCES Urls.java

package common;

import java.net.URI;
import java.util.Locale;

/**
 * Where a redirect or the next page of a list leads, if it is followed.
 *
 * @param to null if it is not followed
 * @param refusal why it is not followed, or null
 * @param hint what to do about it, or null
 */
record Link(URI to, String refusal, String hint) {

  /**
   * @param location the header of that name
   * @param writes whether the request changes something: it stays on its origin, and keeps its
   *     method
   */
  static Link redirect(URI from, int status, String location, boolean writes) {
    try {
      URI to = Urls.resolve(from, location);
      if (location.isEmpty() || !Urls.isWeb(to)) {
        return refused("redirected to something that is not a web address");
      }
      if (Urls.isSecure(from) && !Urls.isSecure(to)) {
        return refused(
            "redirected to %s, which is not followed from %s".formatted(Urls.shown(to), base(from)),
            otherName(from, to));
      }
      if (writes && !(status >= 307 && Urls.origin(to).equals(Urls.origin(from)))) {
        return refused(
            "redirected to %s, which is not followed for a write".formatted(Urls.shown(to)),
            otherName(from, to));
      }
      return new Link(to, null, null);
    } catch (IllegalArgumentException e) {
      return refused("redirected to something that is not a URL");
    }
  }

  /**
   * @param next the header {@code Next-Page}
   */
  static Link nextPage(URI page, String next) {
    try {
      URI to = Urls.resolve(page, next);
      if (!Urls.isWeb(to)) {
        return refused("Next-Page is not a web address");
      }
      return Urls.origin(to).equals(Urls.origin(page))
          ? new Link(to, null, null)
          : refused(
              "Next-Page leads to %s, which is not followed from %s"
                  .formatted(base(to), base(page)),
              otherName(page, to));
    } catch (IllegalArgumentException e) {
      return refused("Next-Page is not a URL");
    }
  }

  private static Link refused(String reason) {
    return refused(reason, null);
  }

  private static Link refused(String reason, String hint) {
    return new Link(null, reason, hint);
  }

  /**
   * What to set on a server that is asked by the name of a proxy in front of it, and links to
   * itself by another; null if the names are the same. A server that names itself with TLS may be
   * right.
   */
  static String otherName(URI asked, URI named) {
    if (Urls.origin(asked).equals(Urls.origin(named))) {
      return null;
    }
    boolean isSameScheme = Urls.isSecure(asked) == Urls.isSecure(named);
    boolean isSameHost = host(asked).equals(host(named));
    return ("if that is the server itself, %sset %s%s%s in its .ini"
            + " (/v2: have the proxy send X-Forwarded-Proto and Host)")
        .formatted(
            Urls.isSecure(named) && !isSameScheme ? "ask it by https in SERVER, or " : "",
            isSameScheme ? "" : "http_scheme = " + asked.getScheme().toLowerCase(Locale.ROOT),
            isSameScheme || isSameHost ? "" : " and ",
            isSameHost ? "" : "http_host = " + host(asked));
  }

  /** Scheme and host, and the port if it is not the scheme's own. */
  private static String base(URI url) {
    return url.getScheme().toLowerCase(Locale.ROOT) + "://" + host(url);
  }

  private static String host(URI url) {
    boolean isUsual = Urls.port(url) == (Urls.isSecure(url) ? 443 : 80);
    return Urls.host(url).toLowerCase(Locale.ROOT) + (isUsual ? "" : ":" + Urls.port(url));
  }
}
