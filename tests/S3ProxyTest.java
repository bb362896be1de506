//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS software.amazon.awssdk:s3:2.59.1
//DEPS software.amazon.awssdk:url-connection-client:2.59.1
//DEPS org.slf4j:slf4j-api:2.0.20
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES Exchange.java
//SOURCES RecordingServer.java
//SOURCES S3Proxy.java
//SOURCES S3Server.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** The proxy in front of both servers changes nothing, unless it is asked to. */
class S3ProxyTest {

  private static S3Client client(S3Proxy proxy, int attempts) {
    return S3Client.builder()
        .endpointOverride(proxy.url())
        .region(Region.US_EAST_1)
        .forcePathStyle(true)
        .credentialsProvider(
            StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret")))
        .httpClientBuilder(UrlConnectionHttpClient.builder())
        .overrideConfiguration(settings ->
            settings.retryStrategy(retries ->
                retries
                    .maxAttempts(attempts)
                    .backoffStrategy(attempt -> Duration.ofMillis(1))
                    .throttlingBackoffStrategy(attempt -> Duration.ofMillis(1))))
        .build();
  }

  private static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static int status(Runnable call) {
    return assertThrows(S3Exception.class, call::run).statusCode();
  }

  @ParameterizedTest
  @EnumSource
  void objects_pass_byte_for_byte_with_what_is_said_of_them(S3Server server) throws IOException {
    byte[] content = bytes(300_000);
    String key = "a folder/é+%~.html";
    try (S3Proxy proxy = S3Proxy.to(server.url());
        S3Client s3 = client(proxy, 1)) {
      s3.createBucket(request -> request.bucket("passes"));
      s3.putObject(
          request ->
              request
                  .bucket("passes")
                  .key(key)
                  .contentType("text/html; charset=utf-8")
                  .cacheControl("max-age=60")
                  .metadata(Map.of("origin", "x y")),
          RequestBody.fromBytes(content));
      ResponseBytes<GetObjectResponse> read =
          s3.getObjectAsBytes(request -> request.bucket("passes").key(key));
      assertArrayEquals(content, read.asByteArray());
      HeadObjectResponse head = s3.headObject(request -> request.bucket("passes").key(key));
      assertEquals(content.length, head.contentLength());
      assertEquals("text/html;charset=utf-8", head.contentType().replace(" ", ""));
      assertEquals("max-age=60", head.cacheControl());
      assertEquals("x y", head.metadata().get("origin"));
      assertEquals(read.response().eTag(), head.eTag());
      assertEquals(
          List.of(key),
          s3
              .listObjectsV2(request -> request.bucket("passes").prefix("a folder/"))
              .contents()
              .stream()
              .map(object -> object.key())
              .toList());

      List<String> said = new ArrayList<>();
      proxy.requests().forEach(request -> said.add(request.method() + " " + request.target()));
      assertEquals(
          List.of(
              "PUT /passes",
              "PUT /passes/a%20folder/%C3%A9%2B%25~.html",
              "GET /passes/a%20folder/%C3%A9%2B%25~.html",
              "HEAD /passes/a%20folder/%C3%A9%2B%25~.html",
              "GET /passes?list-type=2&prefix=a%20folder%2F"),
          said);
      Exchange.Request put = proxy.requests("PUT").getLast();
      assertArrayEquals(content, S3Proxy.content(put));
      assertEquals("max-age=60", put.header("Cache-Control"));
      assertTrue(put.header("authorization").startsWith("AWS4-HMAC-SHA256 Credential=key/"));
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_server_that_is_slow_twice_is_asked_a_third_time(S3Server server) throws IOException {
    byte[] content = bytes(1000);
    try (S3Proxy proxy = S3Proxy.to(server.url());
        S3Client s3 = client(proxy, 3)) {
      s3.createBucket(request -> request.bucket("slow"));
      proxy.answer(2, S3Proxy.of("PUT", "/slow/a"), S3Proxy.slowDown());
      s3.putObject(request -> request.bucket("slow").key("a"), RequestBody.fromBytes(content));
      assertEquals(4, proxy.requests("PUT").size());
      assertArrayEquals(
          content, s3.getObjectAsBytes(request -> request.bucket("slow").key("a")).asByteArray());
    }
  }

  @Test
  void errors_are_read_as_those_of_s3() throws IOException {
    try (S3Proxy proxy = S3Proxy.to(S3Server.MOTO.url());
        S3Client s3 = client(proxy, 1)) {
      Runnable create = () -> s3.createBucket(request -> request.bucket("errors"));
      Runnable head = () -> s3.headBucket(request -> request.bucket("errors"));
      proxy
          .answer(1, request -> true, S3Proxy.accessDenied())
          .answer(1, request -> true, S3Proxy.bucketAlreadyExists())
          .answer(1, request -> true, S3Proxy.permanentRedirect("eu-west-1"))
          .answer(1, request -> true, S3Proxy.permanentRedirect("eu-west-1"));
      S3Exception denied = assertThrows(S3Exception.class, create::run);
      assertEquals(403, denied.statusCode());
      assertEquals("AccessDenied", denied.awsErrorDetails().errorCode());
      S3Exception exists = assertThrows(S3Exception.class, create::run);
      assertEquals(409, exists.statusCode());
      assertEquals("BucketAlreadyExists", exists.awsErrorDetails().errorCode());
      for (Runnable call : List.of(create, head)) {
        S3Exception moved = assertThrows(S3Exception.class, call::run);
        assertEquals(301, moved.statusCode());
        assertEquals(
            "eu-west-1",
            moved
                .awsErrorDetails()
                .sdkHttpResponse()
                .firstMatchingHeader("x-amz-bucket-region")
                .orElse(""));
      }
      assertEquals(404, status(head), "none of these came to the server");
    }
  }

  @Test
  void connections_are_cut_where_the_test_wants() throws IOException {
    byte[] content = bytes(2_000_000);
    try (S3Proxy proxy = S3Proxy.to(S3Server.MOTO.url());
        S3Client s3 = client(proxy, 1)) {
      s3.createBucket(request -> request.bucket("cut"));
      Runnable put =
          () -> s3.putObject(r -> r.bucket("cut").key("a"), RequestBody.fromBytes(content));
      Runnable get = () -> s3.getObjectAsBytes(r -> r.bucket("cut").key("a"));

      proxy.answer(Integer.MAX_VALUE, S3Proxy.of("PUT", "/a"), S3Proxy.cutRequest(1000));
      assertThrows(SdkClientException.class, put::run);
      assertEquals(1000, proxy.requests().getLast().body().length);
      assertEquals(404, status(get), "it has not come to the server");

      proxy.answerNoMore();
      proxy.answer(Integer.MAX_VALUE, S3Proxy.of("PUT", "/a"), proxy.loseAnswer());
      assertThrows(SdkClientException.class, put::run);
      get.run();

      proxy.answerNoMore();
      proxy.answer(Integer.MAX_VALUE, S3Proxy.of("GET", "/a"), proxy.cutAnswer(1000));
      assertThrows(SdkClientException.class, get::run);
    }
  }
}
