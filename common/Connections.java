//JAVA 25+
//SOURCES Addresses.java Guard.java Proxies.java TlsTrust.java Urls.java

package common;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;

/**
 * Connections that stay open for the next request of a run or, if the process outlives it, of the
 * next run. They hold no credentials: those go with each request.
 */
public final class Connections implements AutoCloseable {

  /** What requests that share a connection have in common, with a proxy's credentials. */
  private record Kind(boolean secure, Duration timeout, Path caBundle, Proxies proxies) {}

  static { // the JDK reads this before its first request, and never again
    String name = "jdk.httpclient.allowRestrictedHeaders";
    System.setProperty(name, System.getProperty(name, "") + ",host");
  }

  private final Map<Kind, HttpClient> clients = new HashMap<>();
  private final Guard.Resolver resolver;
  private boolean closed;

  /** Connections to the addresses that the name servers of this machine know. */
  public Connections() {
    this(InetAddress::getAllByName);
  }

  /**
   * @param resolver looks up hosts with an underscore; tests pass one that knows its hosts
   */
  public Connections(Guard.Resolver resolver) {
    this.resolver = resolver;
  }

  /**
   * Guards the redirects of a server to other hosts: unless it is on this machine itself, they must
   * not lead to what only this machine reaches.
   *
   * @param proxied whether a proxy looks up the server's name
   */
  Guard redirectsOf(URI server, boolean proxied) throws UnknownHostException {
    boolean isOnLoopback =
        !proxied
            && Stream.of(resolver.addresses(Urls.host(server)))
                .allMatch(InetAddress::isLoopbackAddress);
    return new Guard(
        (hop, addresses) -> Addresses.refusal(Urls.host(hop), addresses, isOnLoopback), resolver);
  }

  /**
   * The address to which a request is sent in place of its host; null for the host itself. The
   * JDK's client takes no host with an underscore.
   *
   * @param judged that a guard has seen, or null
   */
  InetAddress address(URI target, InetAddress judged) throws UnknownHostException {
    return judged == null && Urls.hasUnderscore(target)
        ? resolver.addresses(Urls.host(target))[0]
        : judged;
  }

  /** Begins a request; if it is sent to an address, the {@code Host} header names the host. */
  static HttpRequest.Builder request(URI target, InetAddress address) {
    return address == null
        ? HttpRequest.newBuilder(target)
        : HttpRequest.newBuilder(Urls.at(address, target))
            .setHeader("Host", Urls.hostAndPort(target));
  }

  /**
   * @throws IllegalArgumentException if the CA bundle cannot be read, or they are closed
   */
  synchronized HttpClient client(
      boolean isSecure, Duration timeout, Path caBundle, Proxies proxies) {
    if (closed) { // by whoever gave up waiting for a run that still goes on
      throw new IllegalArgumentException("the run has ended");
    }
    return clients.computeIfAbsent(
        new Kind(isSecure, timeout, caBundle, proxies), Connections::open);
  }

  private static HttpClient open(Kind kind) {
    // http does not use its context: one that trusts nobody spares reading the JDK's roots
    TrustManager[] trusted =
        kind.secure() ? TlsTrust.managers(kind.caBundle()) : new TrustManager[0];
    return HttpClient.newBuilder()
        // hardly any server upgrades plain http to HTTP/2, and asking for it costs time
        .version(kind.secure() ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
        .executor(Executors.newVirtualThreadPerTaskExecutor())
        .followRedirects(HttpClient.Redirect.NEVER)
        .connectTimeout(kind.timeout())
        .proxy(kind.proxies().selector())
        .sslContext(sslContext(trusted))
        .build();
  }

  /** Closes them for good, and aborts requests that are under way. */
  @Override
  public synchronized void close() {
    closed = true;
    clients.values().forEach(HttpClient::shutdownNow);
    clients.clear();
  }

  private static SSLContext sslContext(TrustManager[] trustManagers) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trustManagers, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has TLS
    }
  }
}
