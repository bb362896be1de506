//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../server/Store.java

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Asks a server of the tests, a real Kinto or ours, with no more than the JDK: follows no redirect,
 * repeats nothing.
 *
 * @param base URL that ends in {@code /v1}
 */
record KintoClient(URI base) {

  /** The headers of an answer that clients go by. */
  static final List<String> HEADERS =
      List.of(
          "content-type",
          "etag",
          "last-modified",
          "cache-control",
          "expires",
          "total-records",
          "total-objects",
          "location",
          "next-page",
          "www-authenticate",
          "retry-after",
          "allow",
          "alert",
          "backoff");

  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final HttpClient HTTP =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  /**
   * One request.
   *
   * @param user an account whose password is its name; null for anonymous
   * @param path below the base
   * @param body null for none
   * @param headers names and values in turn
   */
  HttpResponse<String> send(
      String user, String method, String path, String body, String... headers) {
    HttpRequest.BodyPublisher content =
        body == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(body);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + path)).timeout(LIMIT).method(method, content);
    request.header("Accept", "*/*");
    if (user != null) {
      byte[] pair = (user + ":" + user).getBytes(StandardCharsets.UTF_8);
      request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair));
    }
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    for (int i = 0; i < headers.length; i += 2) {
      request.header(headers[i], headers[i + 1]);
    }
    try {
      return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + path, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new InterruptedIOException(method + " " + path));
    }
  }

  /** The same where anything but a 2xx is an error of the test; the body of the answer. */
  JsonNode must(String user, String method, String path, String body, String... headers) {
    HttpResponse<String> answer = send(user, method, path, body, headers);
    if (answer.statusCode() / 100 != 2) {
      throw new AssertionError(
          method + " " + path + " by " + user + ": " + answer.statusCode() + " " + answer.body());
    }
    return Store.JSON.readTree(answer.body());
  }

  /**
   * Makes a collection that is edited and reviewed, by the editor; both accounts are then members
   * of both its groups.
   */
  void createSource(String bucket, String collection) {
    must("editor", "PUT", "/buckets/" + bucket + "/collections/" + collection, "{}");
    for (String group : List.of("-editors", "-reviewers")) {
      must(
          "admin",
          "PATCH",
          "/buckets/" + bucket + "/groups/" + collection + group,
          "{\"data\":{\"members\":[\"account:editor\",\"account:reviewer\"]}}");
    }
  }

  /** Puts a record, by the editor. */
  void put(String bucket, String collection, String id, String json) {
    String path = "/buckets/" + bucket + "/collections/" + collection + "/records/" + id;
    must("editor", "PUT", path, "{\"data\":" + json + "}");
  }

  /** Changes the status of a collection. */
  void status(String user, String bucket, String collection, String status) {
    String path = "/buckets/" + bucket + "/collections/" + collection;
    must(user, "PATCH", path, "{\"data\":{\"status\":\"" + status + "\"}}");
  }
}
