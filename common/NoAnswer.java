//JAVA 25+
//SOURCES Link.java Proxies.java ServerException.java TlsTrust.java UnexpectedBody.java Urls.java

package common;

import common.ServerException.Kind;
import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.security.cert.CertificateException;
import javax.net.ssl.SSLHandshakeException;

/**
 * Says why a request got no answer that can be read, and what to do about it.
 *
 * @param method of the request
 * @param url of the request, before any redirect
 * @param proxies between here and the servers
 * @param setting that names the server; null if somebody else has chosen the URL
 * @param withinTimeout names the setting of the timeout, as the end of a sentence
 */
record NoAnswer(String method, URI url, Proxies proxies, String setting, String withinTimeout) {

  /**
   * @param target that was asked: the URL, or where it redirects to
   */
  ServerException because(URI target, IOException e) {
    String through = proxies.through(target);
    return proxies
        .refusal(target, e)
        .map(this::byProxy)
        .orElseGet(() -> failure(target, e, through))
        .throughProxy(!through.isEmpty());
  }

  /** The answer of a proxy itself. */
  ServerException byProxy(Proxies.Refusal refusal) {
    ServerException failure = failure(Kind.PROXY, refusal.reason()).withHint(refusal.hint());
    return refusal.isTemporary() ? failure : failure.notRetryable();
  }

  private ServerException failure(Kind kind, String reason) {
    return new ServerException(method + " " + Urls.shown(url), kind, 0, reason);
  }

  private ServerException failure(URI target, IOException e, String through) {
    if (e instanceof UnexpectedBody body) {
      Kind kind = body.isWebPage() ? Kind.WEB_PAGE : Kind.UNEXPECTED;
      return failure(kind, e.getMessage()).notRetryable();
    }
    boolean isRedirected = !target.equals(url);
    String where = (isRedirected ? ", redirected to " + Urls.shown(target) : "") + through;
    if (!through.isEmpty() && e instanceof ConnectException) { // the proxy, for it asks the server
      boolean isUnknown = e.getCause() instanceof UnresolvedAddressException;
      return failure(Kind.PROXY, (isUnknown ? "unknown host" : reason(e)) + where)
          .withHint("is the proxy running, and %s right?".formatted(Proxies.variable(target)));
    }
    String otherName = "SERVER".equals(setting) ? Link.otherName(url, target) : null;
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        String reason = "the TLS certificate of %s is refused: %s%s";
        return failure(
                Kind.CONNECTION, reason.formatted(Urls.host(target), cause.getMessage(), through))
            .withHint(TlsTrust.hint(cause))
            .notRetryable();
      }
      if (cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException) {
        String dns = "check %sthis machine's DNS";
        return failure(Kind.CONNECTION, "unknown host " + Urls.host(target))
            .withHint(
                otherName != null
                    ? otherName
                    : dns.formatted(
                        setting == null ? "" : "the host's name in %s, and ".formatted(setting)));
      }
    }
    Kind kind = e instanceof HttpTimeoutException ? Kind.LATE : Kind.CONNECTION;
    return failure(kind, reason(e) + where)
        .withHint(
            e instanceof ConnectException && !isRedirected && setting != null
                ? "is the server running, and %s right?".formatted(setting)
                : otherName);
  }

  private String reason(IOException e) {
    String reason =
        switch (e) {
          case EOFException _ -> "the body was cut short";
          case HttpConnectTimeoutException _ -> "no connection" + withinTimeout;
          case ConnectException _ -> "connection refused";
          case SSLHandshakeException _ -> "TLS handshake failed: " + e.getMessage();
          default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    if (reason.contains("header parser received no bytes")) {
      return "the connection was closed before an answer";
    }
    return reason.contains("bytes received") || reason.contains("chunked transfer encoding")
        ? "the body was cut short"
        : reason;
  }
}
