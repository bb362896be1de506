//JAVA 25+
//SOURCES Urls.java

package common;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The proxies that an environment names, which java.net.http ignores: {@code HTTPS_PROXY} and
 * {@code HTTP_PROXY}, in upper or lower case. Loopback and the hosts that {@code NO_PROXY} names
 * are reached directly.
 *
 * @param https for https URLs, or null
 * @param http for http URLs, or null
 * @param exempt as {@code NO_PROXY} has it, in lower case
 */
public record Proxies(URI https, URI http, String exempt) {

  /**
   * @throws IllegalArgumentException if one is not the URL of a proxy; its value, which may hold a
   *     password, is left out
   */
  public static Proxies of(Map<String, String> environment) {
    String exempt = variable(environment, "NO_PROXY").toLowerCase(Locale.ROOT);
    return new Proxies(
        proxy(environment, "HTTPS_PROXY", exempt),
        proxy(environment, "HTTP_PROXY", exempt),
        exempt);
  }

  private static URI proxy(Map<String, String> environment, String name, String exempt) {
    String proxy = variable(environment, name);
    if (proxy.isEmpty() || isExempt(exempt, "*")) {
      return null;
    }
    URI url =
        Urls.web(proxy.contains("://") ? proxy : "http://" + proxy)
            .filter(it -> !Urls.isSecure(it))
            .orElseThrow(() ->
                new IllegalArgumentException(
                    name + " is not the URL of a proxy, expected http://HOST:PORT"));
    if (Urls.hasUnderscore(url)) {
      throw new IllegalArgumentException(
          name + ": " + Urls.underscore(url, "in the URL of a proxy"));
    }
    return url;
  }

  private static String variable(Map<String, String> environment, String name) {
    String value = environment.getOrDefault(name, "");
    return value.isEmpty() ? environment.getOrDefault(name.toLowerCase(Locale.ROOT), "") : value;
  }

  private static boolean isExempt(String exempt, String host) {
    return Stream.of(exempt.split(","))
        .map(entry -> entry.strip().replaceFirst("^\\.", ""))
        .anyMatch(domain ->
            domain.equals("*") || (!domain.isEmpty() && ("." + host).endsWith("." + domain)));
  }

  /** The proxy for a URL. */
  public Optional<URI> of(URI target) {
    String host = Urls.host(target).toLowerCase(Locale.ROOT);
    return Urls.isLoopback(host) || isExempt(exempt, host)
        ? Optional.empty()
        : Optional.ofNullable(Urls.isSecure(target) ? https : http);
  }

  /**
   * Why a URL cannot be asked for, or null. A host with an underscore can be asked by its address
   * only: with TLS the certificate needs its name, and so does a proxy.
   */
  String unsupported(URI target) {
    if (!Urls.hasUnderscore(target) || (!Urls.isSecure(target) && of(target).isEmpty())) {
      return null;
    }
    return Urls.underscore(target, Urls.isSecure(target) ? "over https" : "behind a proxy");
  }

  /**
   * These proxies; none for a host with an underscore. It is asked by its address, which {@code
   * NO_PROXY} does not name.
   */
  Proxies between(URI target) {
    return Urls.hasUnderscore(target) ? new Proxies(null, null, exempt) : this;
  }

  /** The {@code Proxy-Authorization} header for a URL. */
  Optional<String> authorization(URI target) {
    return of(target)
        .map(URI::getUserInfo)
        .map(user -> Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)))
        .map(user -> "Basic " + user);
  }

  /**
   * Lets the JDK send credentials to a proxy, if one of these has some: it sends no Basic ones to
   * tunnels unless told to before its first request.
   */
  public void allowCredentials() {
    if (Stream.of(https, http).anyMatch(url -> url != null && url.getRawUserInfo() != null)) {
      System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    }
  }

  /** These proxies for java.net.http. */
  ProxySelector selector() {
    return new ProxySelector() {
      @Override
      public List<Proxy> select(URI target) {
        return List.of(
            Proxies.this
                .of(target)
                .map(url ->
                    new Proxy(
                        Proxy.Type.HTTP, new InetSocketAddress(url.getHost(), Urls.port(url))))
                .orElse(Proxy.NO_PROXY));
      }

      @Override
      public void connectFailed(URI target, SocketAddress proxy, IOException failure) {
        // the request fails with the same exception
      }
    };
  }
}
