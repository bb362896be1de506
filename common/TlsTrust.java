//JAVA 25+
//SOURCES Display.java

package common;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Trusts TLS servers whose certificate leads to a root of the JDK or to a certificate of {@code
 * REQUESTS_CA_BUNDLE}.
 *
 * <p>The JDK takes a certificate that it trusts for valid at any time. Here, as for OpenSSL and Go,
 * those of the bundle and the server's own must be valid now.
 */
public final class TlsTrust extends X509ExtendedTrustManager {

  private final X509ExtendedTrustManager jdk;
  private final List<X509Certificate> outdated;

  private TlsTrust(X509ExtendedTrustManager jdk, List<X509Certificate> outdated) {
    this.jdk = jdk;
    this.outdated = outdated;
  }

  /**
   * @param caBundle PEM certificates that are trusted besides the JDK's roots, or null
   * @throws IllegalArgumentException if it cannot be read
   */
  static TrustManager[] managers(Path caBundle) {
    try {
      X509ExtendedTrustManager jdk = jdk(null);
      if (caBundle == null) {
        return new TrustManager[] {new TlsTrust(jdk, List.of())};
      }
      List<X509Certificate> trusted = new ArrayList<>(List.of(jdk.getAcceptedIssuers()));
      List<X509Certificate> outdated = new ArrayList<>();
      for (X509Certificate one : certificates(caBundle)) {
        (isValid(one) ? trusted : outdated).add(one);
      }
      KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
      roots.load(null, null);
      for (X509Certificate root : trusted) {
        roots.setCertificateEntry("root-" + roots.size(), root);
      }
      return new TrustManager[] {new TlsTrust(jdk(roots), outdated)};
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalArgumentException(
          "REQUESTS_CA_BUNDLE %s cannot be read as PEM certificates: %s"
              .formatted(caBundle, e.getMessage()),
          e);
    }
  }

  private static List<X509Certificate> certificates(Path bundle)
      throws IOException, CertificateException {
    try (InputStream pem = Files.newInputStream(bundle)) {
      var found = CertificateFactory.getInstance("X.509").generateCertificates(pem);
      if (found.isEmpty()) {
        throw new CertificateException("it holds no certificate");
      }
      return found.stream().map(X509Certificate.class::cast).toList();
    }
  }

  private static X509ExtendedTrustManager jdk(KeyStore roots) throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(roots);
    return (X509ExtendedTrustManager) factory.getTrustManagers()[0];
  }

  /** What to do about a certificate that is refused. */
  public static String hint(Throwable refusal) {
    return refusal instanceof CertificateExpiredException
            || refusal instanceof CertificateNotYetValidException
        ? "renew the certificate, or check the clock of this machine"
        : "is the server's CA missing? name its PEM file with REQUESTS_CA_BUNDLE";
  }

  /** What the JDK checks. */
  private interface Check {
    void run() throws CertificateException;
  }

  private void check(X509Certificate[] chain, Check jdkCheck) throws CertificateException {
    try {
      jdkCheck.run();
    } catch (CertificateException e) {
      checkNow("the server's certificate", chain[0]);
      for (X509Certificate one : chain) {
        for (X509Certificate root : outdated) {
          if (one.getIssuerX500Principal().equals(root.getSubjectX500Principal())) {
            String name = Display.brief(root.getSubjectX500Principal().getName());
            checkNow("the certificate of its CA in REQUESTS_CA_BUNDLE, %s,".formatted(name), root);
          }
        }
      }
      throw e;
    }
    checkNow("the server's certificate", chain[0]);
  }

  private static void checkNow(String what, X509Certificate certificate)
      throws CertificateException {
    Date now = new Date();
    if (now.after(certificate.getNotAfter())) {
      throw new CertificateExpiredException(
          what + " expired on " + Display.moment(certificate.getNotAfter().toInstant()));
    }
    if (now.before(certificate.getNotBefore())) {
      throw new CertificateNotYetValidException(
          what + " is not valid before " + Display.moment(certificate.getNotBefore().toInstant()));
    }
  }

  private static boolean isValid(X509Certificate certificate) {
    try {
      certificate.checkValidity();
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    check(chain, () -> jdk.checkServerTrusted(chain, authType));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    check(chain, () -> jdk.checkServerTrusted(chain, authType, socket));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    check(chain, () -> jdk.checkServerTrusted(chain, authType, engine));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType)
      throws CertificateException {
    jdk.checkClientTrusted(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
      throws CertificateException {
    jdk.checkClientTrusted(chain, authType, socket);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
      throws CertificateException {
    jdk.checkClientTrusted(chain, authType, engine);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return jdk.getAcceptedIssuers();
  }
}
