//JAVA 25+
//SOURCES NoProxy.java Urls.java UsageException.java

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
import java.util.Objects;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The proxies that an environment names, which java.net.http ignores: {@code HTTPS_PROXY} and
 * {@code HTTP_PROXY}, in upper or lower case. Loopback and the hosts that {@code NO_PROXY} names
 * are reached directly.
 *
 * @param https for https URLs, or null
 * @param http for http URLs, or null
 * @param exempt from both
 */
public record Proxies(URI https, URI http, NoProxy exempt) {

  /** What both clients of the JDK say of an answer to CONNECT other than 200 (and 407). */
  private static final Pattern TUNNEL_FAILED =
      Pattern.compile(
          "(?:Tunnel failed|Unable to tunnel through proxy).{0,40}?\\b([1-5]\\d\\d)\\b");

  private static final Pattern SCHEMES =
      Pattern.compile("(?i)\\b(basic|bearer|digest|kerberos|negotiate|ntlm)\\b");

  /**
   * What a proxy says instead of passing a request on.
   *
   * @param reason names the proxy and its status
   * @param hint what to do about it
   * @param isTemporary whether the same request may succeed soon
   */
  public record Refusal(String reason, String hint, boolean isTemporary) {}

  /**
   * @throws UsageException if one is not the URL of a proxy; its value, which may hold a password,
   *     is left out
   */
  public static Proxies of(Map<String, String> environment) throws UsageException {
    NoProxy exempt = NoProxy.of(variable(environment, "NO_PROXY"));
    return new Proxies(
        proxy(environment, "HTTPS_PROXY", exempt),
        proxy(environment, "HTTP_PROXY", exempt),
        exempt);
  }

  private static URI proxy(Map<String, String> environment, String name, NoProxy exempt)
      throws UsageException {
    String proxy = variable(environment, name);
    if (proxy.isEmpty() || exempt.namesAll()) {
      return null;
    }
    Optional<URI> url =
        Urls.web(proxy.contains("://") ? proxy : "http://" + proxy)
            .filter(it -> !Urls.isSecure(it));
    if (url.isEmpty()) {
      throw new UsageException(
          name + " is not the URL of a proxy, expected http://HOST:PORT", null);
    }
    if (Urls.hasUnderscore(url.get())) {
      throw new UsageException(
          name + ": " + Urls.underscore(url.get(), "in the URL of a proxy"), null);
    }
    return url.get();
  }

  private static String variable(Map<String, String> environment, String name) {
    String value = environment.getOrDefault(name, "");
    return value.isEmpty() ? environment.getOrDefault(name.toLowerCase(Locale.ROOT), "") : value;
  }

  /** The proxy for a URL. */
  public Optional<URI> of(URI target) {
    return Urls.isLoopback(Urls.host(target)) || exempt.names(target)
        ? Optional.empty()
        : Optional.ofNullable(Urls.isSecure(target) ? https : http);
  }

  /** What of {@code NO_PROXY} is not understood; empty if all is, or no proxy is set. */
  public Optional<String> warning() {
    return https == null && http == null ? Optional.empty() : exempt.warning();
  }

  /** The variable that names the proxy of a URL. */
  static String variable(URI target) {
    return Urls.isSecure(target) ? "HTTPS_PROXY" : "HTTP_PROXY";
  }

  /** A proxy as it may be shown: without user and password. */
  private static String shown(URI proxy) {
    return "http://" + Urls.hostAndPort(proxy);
  }

  /** Names the proxy of a URL, as the end of a sentence; empty if it has none. */
  public String through(URI target) {
    return of(target).map(proxy -> ", through the proxy " + shown(proxy)).orElse("");
  }

  /** The refusal of a tunnel by the proxy of an https URL; empty if it failed otherwise. */
  public Optional<Refusal> refusal(URI target, Throwable failure) {
    return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
        .map(it -> TUNNEL_FAILED.matcher(String.valueOf(it.getMessage())))
        .filter(Matcher::lookingAt)
        .findFirst()
        .flatMap(message -> refusal(target, Integer.parseInt(message.group(1)), List.of()));
  }

  /**
   * The answer of a proxy itself, not of a server behind it; empty if the URL has no proxy.
   *
   * @param challenges values of {@code Proxy-Authenticate}, none if they are not known
   */
  public Optional<Refusal> refusal(URI target, int status, List<String> challenges) {
    return of(target)
        .map(proxy ->
            new Refusal(
                "the proxy %s answers %d".formatted(shown(proxy), status)
                    + (status == 407 ? ", it wants a login" : ""),
                hint(target, proxy, status, challenges),
                status == 429 || (status >= 500 && status <= 504 && status != 501)));
  }

  private static String hint(URI target, URI proxy, int status, List<String> challenges) {
    String host = Urls.host(target);
    String variable = variable(target);
    return switch (status) {
      case 407 -> {
        List<String> schemes = // without texts for people
            SCHEMES
                .matcher(String.join(", ", challenges).replaceAll("\"[^\"]*+\"", ""))
                .results()
                .map(MatchResult::group)
                .distinct()
                .toList();
        yield !challenges.isEmpty() && schemes.stream().noneMatch("basic"::equalsIgnoreCase)
            ? "it offers %s, but only Basic is supported: set %s to a proxy that offers it"
                .formatted(
                    schemes.isEmpty() ? "another scheme" : String.join(", ", schemes), variable)
            : proxy.getRawUserInfo() == null
                ? "put USER:PASSWORD into %s: http://USER:PASSWORD@%s"
                    .formatted(variable, Urls.hostAndPort(proxy))
                : "are user and password in %s right, with @ : / %% escaped as %%40 %%3A %%2F %%25?"
                    .formatted(variable);
      }
      case 403 ->
          "it does not let %s through: ask who runs it, or name the host in NO_PROXY"
              .formatted(host);
      default ->
          status >= 500
              ? "can the proxy reach %s?".formatted(host)
              : "is %s the URL of a proxy?".formatted(variable);
    };
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

  /** No proxies: for a host that is asked by its address, which {@code NO_PROXY} does not name. */
  Proxies none() {
    return new Proxies(null, null, exempt);
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
