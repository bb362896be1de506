//JAVA 25+
//DEPS software.amazon.awssdk:s3:2.59.1
//DEPS software.amazon.awssdk:url-connection-client:2.59.1
//SOURCES ../Proxies.java ../Urls.java

package common.pages;

import common.Proxies;
import common.Urls;
import java.io.IOException;
import java.net.Authenticator;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.TrustManager;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.ProxyConfiguration;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/**
 * The JDK's older client for the AWS SDK, with our proxies and certificates. (Apache's, the
 * default, starts slower.)
 *
 * <p>The SDK repeats a request after each exception of input or output; here not where the proxy
 * would refuse it again.
 */
record ProxiedClient(SdkHttpClient client, Proxies proxies, URI target) implements SdkHttpClient {

  /**
   * @param timeout to connect, and longest silence while reading
   * @param trusted empty for the JDK's roots
   * @param target to which all requests go
   */
  static ProxiedClient of(
      Duration timeout, Optional<TrustManager[]> trusted, Proxies proxies, URI target) {
    ProxyConfiguration.Builder proxy =
        ProxyConfiguration.builder()
            .useSystemPropertyValues(false)
            .useEnvironmentVariablesValues(false);
    proxies.allowCredentials();
    proxies
        .of(target)
        .ifPresent(url -> {
          proxy.endpoint(URI.create("http://%s:%d".formatted(url.getHost(), Urls.port(url))));
          if (url.getUserInfo() != null) {
            String[] user = url.getUserInfo().split(":", 2);
            String password = user.length > 1 ? user[1] : "";
            if (Urls.isSecure(target)) { // the SDK would send them through the tunnel, to S3
              Authenticator.setDefault(new Login(url, user[0], password));
            } else {
              proxy.username(user[0]).password(password);
            }
          }
        });
    UrlConnectionHttpClient.Builder client =
        UrlConnectionHttpClient.builder()
            .proxyConfiguration(proxy.build())
            .connectionTimeout(timeout)
            .socketTimeout(timeout);
    trusted.ifPresent(managers -> client.tlsTrustManagersProvider(() -> managers));
    return new ProxiedClient(client.build(), proxies, target);
  }

  @Override
  public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
    ExecutableHttpRequest prepared = client.prepareRequest(request);
    return new ExecutableHttpRequest() {
      @Override
      public HttpExecuteResponse call() throws IOException {
        try {
          return prepared.call();
        } catch (IOException e) {
          if (proxies.refusal(target, e).filter(it -> !it.isTemporary()).isPresent()) {
            throw SdkClientException.create(e.getMessage());
          }
          throw e;
        }
      }

      @Override
      public void abort() {
        prepared.abort();
      }
    };
  }

  @Override
  public void close() {
    client.close();
  }

  /**
   * Logs in to the proxy of tunnels, once: the JDK remembers what the proxy has taken, and would
   * try twenty times what it does not take.
   */
  private static final class Login extends Authenticator {
    private final URI proxy;
    private final String user;
    private final String password;
    private final AtomicBoolean isTried = new AtomicBoolean();

    Login(URI proxy, String user, String password) {
      this.proxy = proxy;
      this.user = user;
      this.password = password;
    }

    @Override
    protected PasswordAuthentication getPasswordAuthentication() {
      return getRequestorType() == RequestorType.PROXY
              && proxy.getHost().equalsIgnoreCase(getRequestingHost())
              && Urls.port(proxy) == getRequestingPort()
              && !isTried.getAndSet(true)
          ? new PasswordAuthentication(user, password.toCharArray())
          : null;
    }
  }
}
