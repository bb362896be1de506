//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES CanonicalJsonTest.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../server/Store.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * A changeset as a client verifies it, with the JDK and the tests' own canonical JSON, so that the
 * embedded server is not proved with the code that it is to prove.
 */
record SignedChangeset(JsonNode json) {

  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  /** The steps of the client specification. */
  void verify(String rootHash) throws Exception {
    List<X509Certificate> chain = chain();
    assertEquals(3, chain.size());
    for (X509Certificate certificate : chain) {
      certificate.checkValidity();
    }
    validate(chain);
    assertEquals(rootHash, SigningAuthority.hash(chain.getLast()));
    assertEquals(
        entry().path("signer_id").asString() + ".content-signature.mozilla.org",
        name(chain.getFirst()));
    assertTrue(isSignedByLeaf());
  }

  /** The first of its signatures. */
  JsonNode entry() {
    return json.path("metadata").path("signatures").path(0);
  }

  byte[] signature() {
    return Base64.getUrlDecoder().decode(entry().path("signature").asString());
  }

  boolean isSignedByLeaf() throws Exception {
    TreeMap<String, Object> records = new TreeMap<>();
    for (JsonNode record : json.path("changes")) {
      records.put(record.path("id").asString(""), Store.JSON.convertValue(record, Map.class));
    }
    StringBuilder payload = new StringBuilder("Content-Signature:\0");
    String timestamp = json.path("timestamp").asString();
    CanonicalJsonTest.printTree(
        Map.of("data", List.copyOf(records.values()), "last_modified", timestamp), payload);
    Signature verifier = Signature.getInstance("SHA384withECDSAinP1363Format");
    verifier.initVerify(chain().getFirst().getPublicKey());
    verifier.update(payload.toString().getBytes(StandardCharsets.US_ASCII));
    return verifier.verify(signature());
  }

  URI chainUrl() {
    return URI.create(entry().path("x5u").asString());
  }

  HttpResponse<String> chainAnswer() throws IOException, InterruptedException {
    return CLIENT.send(
        HttpRequest.newBuilder(chainUrl()).build(), HttpResponse.BodyHandlers.ofString());
  }

  List<X509Certificate> chain() throws Exception {
    HttpResponse<String> answer = chainAnswer();
    assertEquals(200, answer.statusCode());
    return certificates(answer.body());
  }

  /** Leaf, intermediate, root, or whatever else there is. */
  static List<X509Certificate> certificates(String pem) throws CertificateException {
    return CertificateFactory.getInstance("X.509")
        .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)))
        .stream()
        .map(X509Certificate.class::cast)
        .toList();
  }

  /** Fails unless the JDK trusts the chain as it trusts its last certificate. */
  static void validate(List<X509Certificate> chain) throws GeneralSecurityException {
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(chain.getLast(), null)));
    parameters.setRevocationEnabled(false);
    CertPathValidator.getInstance("PKIX")
        .validate(
            CertificateFactory.getInstance("X.509")
                .generateCertPath(chain.subList(0, chain.size() - 1)),
            parameters);
  }

  /** The only name of a certificate. */
  static String name(X509Certificate certificate) throws CertificateException {
    return (String) certificate.getSubjectAlternativeNames().iterator().next().get(1);
  }
}
