//JAVA 25+
//SOURCES Guard.java Proxies.java Urls.java

package common;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

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
   * Begins a request. The JDK's client takes no host with an underscore: it gets the address, and
   * the {@code Host} header names the host.
   */
  HttpRequest.Builder request(URI target) throws UnknownHostException {
    if (!Urls.hasUnderscore(target)) {
      return HttpRequest.newBuilder(target);
    }
    InetAddress address = resolver.addresses(Urls.host(target))[0];
    return HttpRequest.newBuilder(Urls.at(address, target))
        .setHeader("Host", Urls.hostAndPort(target));
  }

  /**
   * @throws IllegalArgumentException if the CA bundle cannot be read, or they are closed
   */
  synchronized HttpClient client(URI target, Duration timeout, Path caBundle, Proxies proxies) {
    if (closed) { // by whoever gave up waiting for a run that still goes on
      throw new IllegalArgumentException("the run has ended");
    }
    Kind kind = new Kind(Urls.isSecure(target), timeout, caBundle, proxies.between(target));
    return clients.computeIfAbsent(kind, Connections::open);
  }

  private static HttpClient open(Kind kind) {
    // http does not use its context: one that trusts nobody spares reading the JDK's roots
    TrustManager[] trusted = kind.secure() ? trustManagers(kind.caBundle()) : new TrustManager[0];
    return HttpClient.newBuilder()
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

  /**
   * Trust managers for the JDK's roots and those of a bundle.
   *
   * @param caBundle PEM certificates, or null
   * @throws IllegalArgumentException if it cannot be read
   */
  static TrustManager[] trustManagers(Path caBundle) {
    try {
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init((KeyStore) null);
      if (caBundle == null) {
        return factory.getTrustManagers();
      }
      KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
      roots.load(null, null);
      int number = 0;
      for (TrustManager manager : factory.getTrustManagers()) {
        for (X509Certificate root : ((X509TrustManager) manager).getAcceptedIssuers()) {
          roots.setCertificateEntry("jdk-" + number++, root);
        }
      }
      try (InputStream pem = Files.newInputStream(caBundle)) {
        var bundle = CertificateFactory.getInstance("X.509").generateCertificates(pem);
        if (bundle.isEmpty()) {
          throw new CertificateException("it holds no certificate");
        }
        for (Certificate root : bundle) {
          roots.setCertificateEntry("bundle-" + number++, root);
        }
      }
      factory.init(roots);
      return factory.getTrustManagers();
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalArgumentException(
          "REQUESTS_CA_BUNDLE %s cannot be read as PEM certificates: %s"
              .formatted(caBundle, e.getMessage()),
          e);
    }
  }
}
