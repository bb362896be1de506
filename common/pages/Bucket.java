//JAVA 25+
//DEPS software.amazon.awssdk:s3:2.59.1
//DEPS software.amazon.awssdk:signin:2.59.1
//DEPS software.amazon.awssdk:sso:2.59.1
//DEPS software.amazon.awssdk:ssooidc:2.59.1
//DEPS software.amazon.awssdk:sts:2.59.1
//DEPS org.slf4j:slf4j-api:2.0.20
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES ../Display.java ../Proxies.java ../RunDeadline.java ../TlsTrust.java ../Urls.java
//SOURCES ../UsageException.java ../Version.java
//SOURCES Destination.java HtmlPages.java ProxiedClient.java

package common.pages;

import common.Display;
import common.Proxies;
import common.RunDeadline;
import common.TlsTrust;
import common.Urls;
import common.UsageException;
import common.Version;
import java.io.UncheckedIOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.NoSuchFileException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.xml.stream.XMLStreamException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.ContainerCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.client.config.SdkAdvancedClientOption;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttribute;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.BucketAlreadyOwnedByYouException;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * A bucket of pages, on Amazon S3 or on another server with its protocol.
 *
 * <p>The AWS SDK sends and repeats the requests; this class says which, and words each failure.
 */
public final class Bucket implements Destination {

  /** Metadata of each page: the command that made it, and the hash of its content. */
  private static final String GENERATOR = "generator";

  private static final String SHA256 = "sha256";
  private static final String US_EAST_1 = "us-east-1"; // S3 refuses it as a location constraint

  private static final Pattern AMAZON =
      Pattern.compile("(?i)(.*\\.)?(amazonaws\\.(com|com\\.cn|eu)|api\\.aws)");

  private static final Pattern MD5 = Pattern.compile("[0-9a-f]{32}");

  /** Of a list of the bucket; S3 puts up to 1,000 objects into a part. */
  private static final int MAX_PARTS = 1_000;

  private static final int MAX_FILES = 100_000;
  private static final int MAX_LIST_DEADLINES = 5;

  private static final Pattern EXPECTED_REGION = Pattern.compile("expecting '([a-z0-9-]+)'");

  /**
   * Which bucket, and where.
   *
   * @param region that it is in, or is made in
   * @param endpoint of an S3 other than Amazon's, or null
   * @param owner account that must own it, or null
   */
  public record Address(String name, String region, URI endpoint, String owner) {}

  /**
   * How to reach S3, and how long to wait for it.
   *
   * @param timeout to connect, and longest silence while reading
   * @param deadline of one attempt as a whole
   * @param run when the run ends
   * @param retries attempts after the first
   * @param trusted that decide whether to trust the server; empty for the JDK's roots
   * @param environment that names the proxies
   */
  public record Connection(
      Duration timeout,
      Duration deadline,
      RunDeadline run,
      int retries,
      Optional<TrustManager[]> trusted,
      Map<String, String> environment) {}

  private final String name;
  private final String region;
  private final URI endpoint;
  private final String owner;
  private final Credentials credentials;
  private final String cacheControl;
  private final String generator;
  private final RunDeadline run;
  private final URI target;
  private final Proxies proxies;
  private final Duration listDeadline;
  private final S3Client s3;
  private boolean isMissing;

  /**
   * @param cacheControl header of each page
   * @param generator the command that makes the pages
   * @param waiting is told why something takes longer
   */
  public Bucket(
      Address address,
      Credentials credentials,
      Connection connection,
      String cacheControl,
      String generator,
      Consumer<String> waiting)
      throws UsageException, Unavailable {
    this.name = address.name();
    this.region = address.region();
    this.endpoint = address.endpoint();
    this.owner = address.owner();
    this.credentials = credentials;
    this.cacheControl = cacheControl;
    this.generator = generator;
    this.run = connection.run();
    this.target =
        endpoint != null ? endpoint : URI.create("https://s3.%s.amazonaws.com".formatted(region));
    this.proxies = Proxies.of(connection.environment());
    this.listDeadline = connection.deadline().multipliedBy(MAX_LIST_DEADLINES);
    this.s3 = client(connection, waiting);
  }

  private S3Client client(Connection connection, Consumer<String> waiting) throws Unavailable {
    boolean isAmazon = endpoint == null || AMAZON.matcher(endpoint.getHost()).matches();
    S3ClientBuilder builder =
        S3Client.builder()
            .region(Region.of(region))
            .credentialsProvider(credentials.provider)
            .httpClient(
                ProxiedClient.of(connection.timeout(), connection.trusted(), proxies, target))
            .serviceConfiguration(configuration ->
                configuration
                    .chunkedEncodingEnabled(isAmazon)
                    .expectContinueEnabled(false)) // pages are small
            .overrideConfiguration(configuration ->
                configuration
                    .apiCallAttemptTimeout(connection.deadline())
                    .addExecutionInterceptor(new Attempts(waiting, connection.run()))
                    .retryStrategy(
                        AwsRetryStrategy.standardRetryStrategy().toBuilder()
                            .maxAttempts(connection.retries() + 1)
                            .build())
                    .putAdvancedOption(
                        SdkAdvancedClientOption.USER_AGENT_PREFIX,
                        generator + "/" + Version.NUMBER));
    if (endpoint != null) {
      builder.endpointOverride(endpoint);
    }
    if (!isAmazon) {
      builder
          .forcePathStyle(true)
          .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
          .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED);
    }
    try {
      return builder.build();
    } catch (SdkException | IllegalArgumentException | UncheckedIOException e) {
      throw new Unavailable(
          "the AWS configuration cannot be used: " + reason(e), "see ~/.aws/config", e);
    }
  }

  // ---- requests

  @Override
  public String name() {
    return "Amazon S3 bucket " + name;
  }

  @Override
  public String announcement(String what) {
    String id = credentials.found.accessKeyId();
    return "%s in %s (%s), with access key …%s"
        .formatted(
            what,
            name(),
            endpoint == null ? region : endpoint,
            id.substring(Math.max(0, id.length() - 4)));
  }

  /** The pages in it; each is compared by its ETag. */
  @Override
  public Map<String, String> files() throws Unavailable {
    Map<String, String> files = new HashMap<>();
    Set<String> tokens = new HashSet<>(Set.of("")); // each leads to the next part
    long deadline = System.nanoTime() + listDeadline.toNanos();
    try {
      String token = null;
      do {
        ListObjectsV2Response part = part(token);
        part.contents().stream()
            .filter(object -> object.key().endsWith(".html"))
            .forEach(object -> files.put(object.key(), object.eTag()));
        boolean isLast = !Boolean.TRUE.equals(part.isTruncated());
        token = isLast ? null : Objects.requireNonNullElse(part.nextContinuationToken(), "");
        if (!isLast) {
          expectEnd(tokens.add(token), "its part %d leads back to an earlier one", tokens.size());
          expectEnd(tokens.size() <= MAX_PARTS, "it has more than %d parts", MAX_PARTS);
          expectEnd(files.size() <= MAX_FILES, "it has more than %d pages", MAX_FILES);
          expectEnd(
              System.nanoTime() < deadline,
              "it takes longer than %d times REQUESTS_DEADLINE_SECONDS",
              MAX_LIST_DEADLINES);
        }
      } while (token != null);
    } catch (NoSuchBucketException e) {
      if (owner != null) {
        throw new Unavailable(
            "%s is missing, so it cannot belong to account %s".formatted(name(), owner),
            "make it, or leave EXPECTED_BUCKET_OWNER out until it is made",
            e);
      }
      isMissing = true;
    } catch (SdkException e) {
      throw unavailable("cannot list " + name(), "s3:ListBucket", e);
    }
    return files;
  }

  private ListObjectsV2Response part(String token) throws Unavailable {
    ListObjectsV2Response part =
        s3.listObjectsV2(request ->
            request
                .bucket(name)
                .delimiter("/") // pages are in no folder
                .continuationToken(token)
                .overrideConfiguration(it -> it.apiCallTimeout(run.timeLeft()))
                .expectedBucketOwner(owner));
    if (part.name() == null) { // any other XML would look like an empty list
      throw noS3("cannot list " + name(), null);
    }
    return part;
  }

  private void expectEnd(boolean isPossible, String otherwise, int number) throws Unavailable {
    if (!isPossible) {
      throw new Unavailable(
          "cannot list %s: the list does not end: %s"
              .formatted(name(), otherwise.formatted(number)),
          null,
          null);
    }
  }

  @Override
  public boolean isMissing() {
    return isMissing;
  }

  /**
   * Where the ETag is not an MD5, the metadata tells what an object holds. Elsewhere it would hide
   * that the bucket has stored something else.
   */
  @Override
  public boolean holds(Page page, String tag) throws Unavailable {
    if (hex(tag).equals(hex(md5(page)))) {
      return true;
    }
    HeadObjectResponse object = head(page.file());
    return sha256(page).equals(object.metadata().get(SHA256))
        && !isMd5(tag, object.serverSideEncryptionAsString(), object.sseCustomerAlgorithm());
  }

  /**
   * Whether an ETag is the MD5 of an object: it is not if the object was encrypted with a key, was
   * sent in parts or is in a directory bucket.
   *
   * @param encryption such as {@code aws:kms}, or null
   * @param customerAlgorithm of a key that the client sent, or null
   */
  private boolean isMd5(String tag, String encryption, String customerAlgorithm) {
    return MD5.matcher(hex(tag)).matches()
        && (encryption == null || encryption.equals("AES256"))
        && customerAlgorithm == null
        && !name.endsWith("--x-s3");
  }

  @Override
  public boolean isOurs(String file) throws Unavailable {
    return generator.equals(head(file).metadata().get(GENERATOR));
  }

  private HeadObjectResponse head(String file) throws Unavailable {
    try {
      return s3.headObject(request ->
          request
              .bucket(name)
              .key(file)
              .overrideConfiguration(it -> it.apiCallTimeout(run.timeLeft()))
              .expectedBucketOwner(owner));
    } catch (NoSuchKeyException e) {
      return HeadObjectResponse.builder().build(); // deleted meanwhile
    } catch (SdkException e) {
      throw unavailable("cannot read " + file, "s3:GetObject", e);
    }
  }

  @Override
  public void open() throws Unavailable {
    if (!isMissing) {
      return;
    }
    try {
      s3.createBucket(request -> {
        request.bucket(name);
        if (!region.equals(US_EAST_1)) {
          request.createBucketConfiguration(location -> location.locationConstraint(region));
        }
      });
      s3.waiter().waitUntilBucketExists(request -> request.bucket(name));
    } catch (BucketAlreadyOwnedByYouException e) {
      // created meanwhile
    } catch (SdkException e) {
      throw unavailable("cannot make " + name(), "s3:CreateBucket", e);
    }
  }

  @Override
  public void put(Page page) throws Unavailable {
    PutObjectResponse answer;
    try {
      answer =
          s3.putObject(
              request ->
                  request
                      .bucket(name)
                      .key(page.file())
                      .contentType("text/html; charset=utf-8")
                      .cacheControl(cacheControl)
                      .contentMD5(Base64.getEncoder().encodeToString(md5(page)))
                      .metadata(Map.of(GENERATOR, generator, SHA256, sha256(page)))
                      .expectedBucketOwner(owner),
              RequestBody.fromBytes(page.html()));
    } catch (SdkException e) {
      throw unavailable("cannot upload", "s3:PutObject", e);
    }
    String tag = answer.eTag();
    if (tag == null) {
      throw noS3("cannot upload", null);
    }
    if (isMd5(tag, answer.serverSideEncryptionAsString(), answer.sseCustomerAlgorithm())
        && !hex(tag).equals(hex(md5(page)))) {
      throw new Unavailable(
          "uploaded, but something else was stored: its MD5 (ETag) is %s, expected %s"
              .formatted(hex(tag), hex(md5(page))),
          "check what is between this machine and " + name(),
          null);
    }
  }

  @Override
  public void delete(String file) throws Unavailable {
    try {
      s3.deleteObject(request -> request.bucket(name).key(file).expectedBucketOwner(owner));
    } catch (SdkException e) {
      throw unavailable("cannot delete", "s3:DeleteObject", e);
    }
  }

  @Override
  public void close() {
    s3.close();
  }

  private static byte[] md5(Page page) {
    return HtmlPages.digest("MD5", page.html());
  }

  private static String sha256(Page page) {
    return hex(HtmlPages.digest("SHA-256", page.html()));
  }

  private static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest);
  }

  private static String hex(String tag) {
    return tag.replace("\"", "").toLowerCase(Locale.ROOT);
  }

  // ---- failures

  /**
   * An exception of the SDK in one line.
   *
   * @param permission that the request needs
   */
  private Unavailable unavailable(String what, String permission, SdkException e) {
    return e instanceof S3Exception answer
        ? refused(what, permission, answer)
        : unanswered(what, e);
  }

  private Unavailable unanswered(String what, SdkException e) {
    Optional<Proxies.Refusal> refusal = proxies.refusal(target, e);
    if (refusal.isPresent()) {
      return byProxy(what, refusal.get(), e);
    }
    Throwable cause = rootCause(e);
    String place =
        (endpoint == null ? "Amazon S3 in " + region : endpoint) + proxies.through(target);
    String check =
        "check %s and the network"
            .formatted(endpoint == null ? "AWS_REGION" : "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL");
    return switch (cause) {
      case ApiCallAttemptTimeoutException _ ->
          new Unavailable(
              "%s: %s took longer than REQUESTS_DEADLINE_SECONDS allows".formatted(what, place),
              null,
              e);
      case ApiCallTimeoutException _ ->
          new Unavailable(what + ": " + RunDeadline.LATE, RunDeadline.HINT, e);
      case SocketTimeoutException _ ->
          new Unavailable(
              "%s: no answer from %s within REQUESTS_TIMEOUT_SECONDS".formatted(what, place),
              check,
              e);
      case XMLStreamException _ -> noS3(what, e);
      default ->
          new Unavailable(
              "%s: no answer from %s: %s".formatted(what, place, reason(e)),
              cause instanceof CertPathBuilderException
                      || cause instanceof CertificateException
                      || cause instanceof SSLException
                  ? TlsTrust.hint(cause)
                  : check,
              e);
    };
  }

  private static Unavailable byProxy(String what, Proxies.Refusal refusal, SdkException e) {
    return new Unavailable(what + ": " + refusal.reason(), refusal.hint(), e);
  }

  private Unavailable noS3(String what, Exception e) {
    return new Unavailable(
        "%s: the server at %s is not S3".formatted(what, endpoint),
        "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL",
        e);
  }

  private Unavailable refused(String what, String permission, S3Exception answer) {
    AwsErrorDetails details =
        Objects.requireNonNullElseGet(
            answer.awsErrorDetails(), () -> AwsErrorDetails.builder().build());
    if (answer.statusCode() == 407 && !Urls.isSecure(target)) { // with TLS, the server's own
      List<String> challenges =
          Optional.ofNullable(details.sdkHttpResponse())
              .map(response -> response.matchingHeaders("Proxy-Authenticate"))
              .orElse(List.of());
      Optional<Proxies.Refusal> refusal = proxies.refusal(target, 407, challenges);
      if (refusal.isPresent()) {
        return byProxy(what, refusal.get(), answer);
      }
    }
    String code = Objects.requireNonNullElse(details.errorCode(), "");
    String message = Objects.requireNonNullElse(details.errorMessage(), "");
    Optional<String> other = otherRegion(details, message);
    if (other.isPresent()) {
      return new Unavailable(
          "%s: it is in %s, AWS_REGION is %s".formatted(what, other.get(), region),
          "set AWS_REGION=" + other.get(),
          answer);
    }
    String said =
        code.isEmpty()
            ? "%d from %s".formatted(answer.statusCode(), endpoint == null ? "Amazon S3" : endpoint)
            : "%d %s (%s)"
                .formatted(answer.statusCode(), Display.brief(code), Display.brief(message));
    return new Unavailable(what + ": " + said, hint(answer.statusCode(), code, permission), answer);
  }

  /** The bucket's region, if an answer says that it is another one. */
  private Optional<String> otherRegion(AwsErrorDetails details, String message) {
    Matcher expected = EXPECTED_REGION.matcher(message);
    return Optional.ofNullable(details.sdkHttpResponse())
        .flatMap(response -> response.firstMatchingHeader("x-amz-bucket-region"))
        .map(Display::brief)
        .or(() -> expected.find() ? Optional.of(expected.group(1)) : Optional.empty())
        .filter(it -> !it.equals(region));
  }

  private String hint(int status, String code, String permission) {
    return switch (code) {
      case "BucketAlreadyExists" -> "the name is taken by another AWS account: set BUCKET_NAME";
      case "InvalidAccessKeyId", "SignatureDoesNotMatch" ->
          "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
      case "ExpiredToken", "InvalidToken" -> "the session of these credentials has ended";
      case "RequestTimeTooSkewed" -> "check the clock of this machine";
      default ->
          status == 403
              ? "the credentials need %s there%s"
                  .formatted(
                      permission,
                      owner == null ? "" : ", and account %s must own it".formatted(owner))
              : null;
    };
  }

  private static Throwable rootCause(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** The message of the root cause. */
  private static String reason(Throwable failure) {
    Throwable cause = rootCause(failure);
    return switch (cause) {
      case UnknownHostException _ -> "unknown host " + cause.getMessage();
      case NoSuchFileException _ -> cause.getMessage() + " is not there";
      default -> Objects.requireNonNullElse(cause.getMessage(), cause.toString());
    };
  }

  /** The AWS credentials of a run. */
  public static final class Credentials {

    /** What a provider of the SDK says if nothing is configured for it. */
    private static final Pattern NOT_CONFIGURED =
        Pattern.compile("must be set|contained no credentials|neither AWS_CONTAINER");

    private final AwsCredentialsProvider provider;
    private final AwsCredentials found; // at the start of the run: the provider may renew them

    private Credentials(AwsCredentialsProvider provider, AwsCredentials found) {
      this.provider = provider;
      this.found = found;
    }

    /** Those of the environment and the env file; else the first that the SDK finds. */
    public static Credentials of(Map<String, String> environment)
        throws UsageException, Unavailable {
      AwsCredentialsProvider provider = provider(environment);
      try {
        return new Credentials(provider, provider.resolveCredentials());
      } catch (SdkException | IllegalArgumentException | UncheckedIOException e) {
        throw new Unavailable(
            "no AWS credentials found: looked for AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a"
                + " web identity, the profile of AWS_PROFILE in ~/.aws, and the role of the"
                + " container or the instance"
                + unusable(environment.containsKey("AWS_PROFILE")),
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; --target-dir needs"
                + " none",
            e);
      }
    }

    private static AwsCredentialsProvider provider(Map<String, String> environment)
        throws UsageException {
      String id = environment.getOrDefault("AWS_ACCESS_KEY_ID", "");
      String secret = environment.getOrDefault("AWS_SECRET_ACCESS_KEY", "");
      String token = environment.getOrDefault("AWS_SESSION_TOKEN", "");
      if (id.isEmpty() != secret.isEmpty()) {
        throw new UsageException(
            id.isEmpty()
                ? "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"
                : "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not",
            "set both, or none");
      }
      return id.isEmpty()
          ? DefaultCredentialsProvider.builder().build()
          : StaticCredentialsProvider.create(
              token.isEmpty()
                  ? AwsBasicCredentials.create(id, secret)
                  : AwsSessionCredentials.create(id, secret, token));
    }

    /** Why credentials that are configured cannot be used, such as an expired session. */
    private static String unusable(boolean isProfileNamed) {
      StringBuilder reasons = new StringBuilder();
      for (Supplier<AwsCredentialsProvider> place :
          List.<Supplier<AwsCredentialsProvider>>of(
              WebIdentityTokenFileCredentialsProvider::create,
              ProfileCredentialsProvider::create,
              () -> ContainerCredentialsProvider.builder().build())) {
        try {
          place.get().resolveCredentials();
        } catch (SdkException
            | IllegalArgumentException
            | IllegalStateException
            | UncheckedIOException e) {
          String reason = reason(e);
          if (!NOT_CONFIGURED.matcher(reason).find()
              || (isProfileNamed && reason.startsWith("Profile file"))) {
            // without the rest of the file
            reasons.append("; ").append(Display.brief(reason.replaceFirst(": ProfileFile.*", "")));
          }
        }
      }
      return reasons.toString();
    }

    /** Whether there is a session token: it is sent as it is, keys only sign. */
    public boolean hasToken() {
      return found instanceof AwsSessionCredentials;
    }
  }

  /** Says that a request is sent again, and lets none begin when the run is over. */
  private record Attempts(Consumer<String> waiting, RunDeadline run)
      implements ExecutionInterceptor {
    private static final ExecutionAttribute<AtomicInteger> ATTEMPTS =
        new ExecutionAttribute<>("blockpages_generator.attempts");

    @Override
    public void beforeExecution(
        Context.BeforeExecution context, ExecutionAttributes executionAttributes) {
      executionAttributes.putAttribute(ATTEMPTS, new AtomicInteger());
    }

    @Override
    public void beforeTransmission(
        Context.BeforeTransmission context, ExecutionAttributes executionAttributes) {
      if (run.isOver()) {
        throw ApiCallTimeoutException.create(0);
      }
      int attempt = executionAttributes.getAttribute(ATTEMPTS).incrementAndGet();
      if (attempt > 1) {
        SdkHttpRequest request = context.httpRequest();
        waiting.accept(
            "%s %s%s: trying again (attempt %d)"
                .formatted(request.method(), request.host(), request.encodedPath(), attempt));
      }
    }
  }
}
