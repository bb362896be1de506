//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS software.amazon.awssdk:s3:2.59.1
//DEPS tools.jackson.core:jackson-databind:3.3.0
//DEPS software.amazon.awssdk:url-connection-client:2.59.1
//DEPS org.slf4j:slf4j-api:2.0.20
//DEPS org.slf4j:slf4j-nop:2.0.20
//SOURCES ../blockpages_generator.java
//SOURCES Exchange.java
//SOURCES ../deploy/Project.java
//SOURCES RecordingServer.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Differences.java
//SOURCES Patience.java
//SOURCES Reply.java
//SOURCES S3Proxy.java
//SOURCES S3Server.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Object;
import tools.jackson.databind.JsonNode;

/** blockpages_generator against real S3 servers, behind a proxy that fails as it is told. */
class PublishOnS3Test {

  private static final AtomicInteger BUCKETS = new AtomicInteger();
  private static final String NO_PAGE = "d41d8cd98f00b204e9800998ecf8427e"; // MD5 of nothing
  private static final String SECRET = "wJalrXUtnFEMI/K7MDENG";

  private final String bucket = "pages-" + BUCKETS.incrementAndGet();
  private RemoteSettingsServer server;
  private S3Proxy proxy;
  private S3Client s3;

  @BeforeEach
  void start() throws IOException {
    server =
        RemoteSettingsServer.builder()
            .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
            .sample(true)
            .start();
    on(S3Server.S3MOCK);
  }

  /** From now on the bucket is there. */
  private void on(S3Server other) throws IOException {
    close();
    proxy = S3Proxy.to(other.url());
    s3 =
        S3Client.builder()
            .endpointOverride(other.url())
            .region(Region.EU_CENTRAL_1)
            .forcePathStyle(true)
            .credentialsProvider(
                StaticCredentialsProvider.create(AwsBasicCredentials.create("key", "secret")))
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .build();
  }

  private void close() {
    if (proxy != null) {
      proxy.close();
      s3.close();
    }
  }

  @AfterEach
  void stop() {
    close();
    server.close();
  }

  private Terminal terminal() {
    return new Terminal()
        .set("SERVER", server.url())
        .set("AWS_ENDPOINT_URL_S3", proxy.url())
        .set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .set("AWS_SECRET_ACCESS_KEY", SECRET)
        .set("REQUESTS_NB_RETRIES", "2")
        .set("BUCKET_NAME", bucket);
  }

  private Terminal.Outcome run(String... arguments) {
    return terminal().run(new blockpages_generator(), arguments);
  }

  private void block(String id) {
    server.put(
        "blocklists",
        "addons",
        "{\"id\":\"%s\",\"details\":{\"name\":\"New\",\"created\":\"2015-02-03T00:00:00Z\"}}"
            .formatted(id));
  }

  /** The keys and ETags that the bucket has. */
  private Map<String, String> objects() {
    return s3.listObjectsV2(request -> request.bucket(bucket)).contents().stream()
        .collect(Collectors.toMap(S3Object::key, S3Object::eTag));
  }

  private void upload(String key, Map<String, String> metadata) {
    s3.putObject(
        request -> request.bucket(bucket).key(key).metadata(metadata),
        RequestBody.fromString("<!DOCTYPE html><title>By hand</title>"));
  }

  private List<String> names(String method) {
    return proxy.requests(method).stream()
        .map(request -> request.path().replaceFirst("^/[^/]*/?", ""))
        .toList();
  }

  /** Lists the objects with another ETag. */
  private void listing(String etag) {
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.query().contains("list-type=2"),
        exchange -> {
          var answer = proxy.forward(exchange);
          String changed =
              new String(answer.body(), StandardCharsets.UTF_8)
                  .replaceAll(
                      "(&quot;|\")?[0-9a-f]{32}(&quot;|\")?</ETag>", "\"" + etag + "\"</ETag>");
          S3Proxy.reply(answer, changed.getBytes(StandardCharsets.UTF_8)).send(exchange);
        });
  }

  /** Answers requests of a kind with another header, or other headers. */
  private void adding(Predicate<Exchange.Request> which, String... headers) {
    proxy.answer(
        Integer.MAX_VALUE,
        which,
        exchange -> S3Proxy.reply(proxy.forward(exchange), headers).send(exchange));
  }

  private void assertFails(String reason, String hint, Terminal.Outcome outcome) {
    assertEquals(2, outcome.exit(), outcome::toString);
    assertEquals("", outcome.stdout());
    assertEquals(
        "blockpages_generator: error: %s\nhint: %s\n"
            .formatted(
                reason, hint == null ? "run the command again: it continues from there" : hint),
        outcome.stderr().replace(" (docs/runbooks/pages-not-updated.md)", ""));
  }

  // ---- what is uploaded

  @ParameterizedTest
  @EnumSource
  void a_missing_bucket_is_made_in_its_region_and_gets_every_page_the_index_last(S3Server real)
      throws IOException {
    on(real);
    Terminal.Outcome outcome = run();
    assertEquals(0, outcome.exit(), outcome::toString);
    Differences.assertSameText(
        """
        blockpages_generator: warning: Amazon S3 bucket %1$s is missing: it is created now
        blockpages_generator: about to publish 21 of 21 pages in Amazon S3 bucket %1$s (%2$s), with access key …MPLE
        blockpages_generator: 21 pages: 21 uploaded, 0 unchanged
        """
            .formatted(bucket, proxy.url()),
        outcome.stderr());
    List<String> lines = outcome.stdout().lines().toList();
    assertEquals(21, lines.size());
    assertEquals("Uploading index.html to Amazon S3 bucket %s".formatted(bucket), lines.getLast());
    Exchange.Request made = proxy.requests("PUT").getFirst();
    assertEquals("/" + bucket, made.path().replaceFirst("/$", ""));
    assertTrue(
        S3Proxy.text(made).contains("<LocationConstraint>eu-central-1<"), S3Proxy.text(made));
    assertEquals("index.html", names("PUT").getLast());
    assertEquals(21, objects().size());
  }

  @ParameterizedTest
  @EnumSource
  void a_page_says_what_it_is_how_long_it_may_be_kept_and_who_made_it(S3Server real)
      throws IOException {
    on(real);
    run("--cache-control", "max-age=60");
    HeadObjectResponse page = s3.headObject(request -> request.bucket(bucket).key("i71.html"));
    assertEquals("text/html;charset=utf-8", page.contentType().replace(" ", ""));
    assertEquals("max-age=60", page.cacheControl());
    assertEquals("blockpages_generator", page.metadata().get("generator"));
    assertTrue(page.metadata().get("sha256").matches("[0-9a-f]{64}"));
    byte[] html =
        s3.getObjectAsBytes(request -> request.bucket(bucket).key("i71.html")).asByteArray();
    assertArrayEquals(
        proxy.requests("PUT").stream()
            .filter(request -> request.path().endsWith("/i71.html"))
            .findFirst()
            .map(S3Proxy::content)
            .orElseThrow(),
        html);
    assertEquals(
        "text/html; charset=utf-8", proxy.requests("PUT").getLast().header("Content-Type"));
  }

  @Test
  void there_is_no_location_constraint_for_us_east_1() {
    assertEquals(0, run("--aws-region", "us-east-1").exit());
    assertFalse(S3Proxy.text(proxy.requests("PUT").getFirst()).contains("LocationConstraint"));
  }

  @ParameterizedTest
  @EnumSource
  void an_unchanged_second_run_asks_for_the_list_and_uploads_nothing(S3Server real)
      throws IOException {
    on(real);
    run();
    Map<String, String> before = objects();
    proxy.forget();
    Terminal.Outcome outcome = run();
    assertEquals(0, outcome.exit());
    assertEquals("", outcome.stdout());
    assertEquals("blockpages_generator: 21 pages: 0 uploaded, 21 unchanged\n", outcome.stderr());
    assertEquals(1, proxy.requests().size(), proxy.requests().toString());
    assertEquals(before, objects());
  }

  @Test
  void only_what_changed_is_uploaded_and_upload_all_uploads_the_rest_too() {
    run();
    block("new");
    proxy.forget();
    assertEquals(0, run().exit());
    assertEquals(List.of("new.html", "index.html"), names("PUT"));
    proxy.forget();
    assertEquals(0, run("--upload-all").exit());
    assertEquals(22, names("PUT").size());
  }

  @Test
  void a_page_that_somebody_overwrote_is_uploaded_again() {
    run();
    Map<String, String> before = objects();
    upload("i71.html", Map.of());
    proxy.forget();
    run();
    assertEquals(List.of("i71.html"), names("PUT"));
    assertEquals(before, objects());
  }

  @Test
  void where_an_etag_is_no_md5_the_content_is_known_by_its_metadata() {
    run();
    for (String[] kind :
        List.of(
            new String[] {NO_PAGE, "x-amz-server-side-encryption: aws:kms"},
            new String[] {NO_PAGE, "x-amz-server-side-encryption: aws:kms:dsse"},
            new String[] {NO_PAGE, "x-amz-server-side-encryption-customer-algorithm: AES256"},
            new String[] {NO_PAGE + "-2", "x-amz-server-side-encryption: AES256"})) {
      proxy.answerNoMore();
      listing(kind[0]);
      adding(request -> request.method().equals("HEAD"), kind[1]);
      proxy.forget();
      Terminal.Outcome outcome = run();
      assertEquals(
          "blockpages_generator: 21 pages: 0 uploaded, 21 unchanged\n", outcome.stderr(), kind[1]);
      assertEquals(21, proxy.requests("HEAD").size());
    }
    block("new");
    upload("i71.html", Map.of());
    proxy.forget();
    run();
    assertEquals(Set.of("i71.html", "new.html", "index.html"), new HashSet<>(names("PUT")));
  }

  @Test
  void a_list_of_several_pages_is_read_to_its_end() {
    run();
    proxy.answer(
        1,
        request -> request.query().contains("list-type=2"),
        Reply.answer(
            200,
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult><Name>x</Name><IsTruncated>true</IsTruncated>
            <NextContinuationToken>token</NextContinuationToken><KeyCount>1</KeyCount>
            <Contents><Key>other.txt</Key><ETag>"x"</ETag><Size>1</Size></Contents>
            </ListBucketResult>\
            """,
            "Content-Type: application/xml"));
    // S3Mock knows no such token
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.query().contains("continuation-token=token"),
        exchange -> {
          var answer =
              proxy.forward(exchange, query -> query.replaceAll("&?continuation-token=token", ""));
          S3Proxy.reply(answer).send(exchange);
        });
    proxy.forget();
    assertEquals("blockpages_generator: 21 pages: 0 uploaded, 21 unchanged\n", run().stderr());
    assertEquals(2, proxy.requests("GET").size());
  }

  /** A part of a list that is not its end. */
  private static Reply part(String token, int pages) {
    StringBuilder objects = new StringBuilder();
    for (int page = 0; page < pages; page++) {
      objects.append(
          "<Contents><Key>%s-%d.html</Key><ETag>x</ETag></Contents>".formatted(token, page));
    }
    String next = "<NextContinuationToken>%s</NextContinuationToken>".formatted(token);
    return Reply.answer(
        200,
        "<ListBucketResult><Name>x</Name><IsTruncated>true</IsTruncated>%s%s</ListBucketResult>"
            .formatted(token.isEmpty() ? "" : next, objects),
        "Content-Type: application/xml");
  }

  static List<Arguments> listsWithoutEnd() {
    AtomicInteger parts = new AtomicInteger();
    Reply new1 = exchange -> part("token-" + parts.incrementAndGet(), 1).send(exchange);
    return List.of(
        arguments("60", part("", 0), "its part 1 leads back to an earlier one"),
        arguments("60", part("same", 1), "its part 2 leads back to an earlier one"),
        arguments(
            "60",
            Reply.inTurn(part("a", 1), part("b", 1), part("c", 1), part("a", 1)),
            "its part 4 leads back to an earlier one"),
        arguments("60", new1, "it has more than 1000 parts"),
        arguments(
            "60",
            (Reply) exchange -> part("token-" + parts.incrementAndGet(), 10_000).send(exchange),
            "it has more than 100000 pages"),
        arguments(
            "2",
            (Reply)
                exchange -> {
                  Thread.sleep(500);
                  new1.send(exchange);
                },
            "it takes longer than 5 times REQUESTS_DEADLINE_SECONDS"));
  }

  @ParameterizedTest
  @MethodSource("listsWithoutEnd")
  void a_list_that_does_not_end_is_refused_and_nothing_is_uploaded_or_pruned(
      String deadline, Reply reply, String reason) {
    proxy.answer(Integer.MAX_VALUE, request -> request.query().contains("list-type=2"), reply);
    assertFails(
        "cannot list Amazon S3 bucket %s: the list does not end: %s".formatted(bucket, reason),
        null,
        terminal()
            .set("REQUESTS_DEADLINE_SECONDS", deadline)
            .run(new blockpages_generator(), "--prune"));
    assertEquals(proxy.requests("GET").size(), proxy.requests().size());
  }

  @Test
  void a_list_that_is_slow_ends_with_the_run() {
    Reply late =
        exchange -> {
          Thread.sleep(8_000);
          part("token", 1).send(exchange);
        };
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.query().contains("list-type=2"),
        Reply.inTurn(late, Reply.SILENT));
    long start = System.nanoTime();
    assertFails(
        "cannot list Amazon S3 bucket %s: the run took longer than RUN_DEADLINE_SECONDS allows"
            .formatted(bucket),
        "raise RUN_DEADLINE_SECONDS, or see why the server is slow",
        terminal().set("RUN_DEADLINE_SECONDS", "12").run(new blockpages_generator()));
    assertTrue(System.nanoTime() - start < 16_000_000_000L, "each part has what is left of it");
  }

  // ---- what is deleted

  @ParameterizedTest
  @EnumSource
  void prune_deletes_pages_that_this_command_made_and_nothing_else(S3Server real)
      throws IOException {
    on(real);
    block("old");
    run();
    server.delete("blocklists", "addons", "old");
    upload("about.html", Map.of());
    upload("theirs.html", Map.of("generator", "something else"));
    upload("folder/old.html", Map.of("generator", "blockpages_generator"));
    upload("old.txt", Map.of("generator", "blockpages_generator"));
    Terminal.Outcome outcome = run("--prune");
    assertEquals(0, outcome.exit(), outcome::toString);
    Differences.assertSameText(
        """
        Uploading index.html to Amazon S3 bucket %1$s
        Deleting old.html from Amazon S3 bucket %1$s
        """
            .formatted(bucket),
        outcome.stdout());
    Set<String> left = new TreeSet<>(objects().keySet());
    assertFalse(left.contains("old.html"));
    assertTrue(
        left.containsAll(List.of("about.html", "theirs.html", "folder/old.html", "old.txt")));
    assertEquals(25, left.size());
  }

  @Test
  void an_empty_collection_prunes_and_uploads_nothing() {
    run();
    server.store().drop("blocklists", "plugins");
    server.create("blocklists", "plugins");
    proxy.forget();
    assertEquals(2, run("--prune").exit());
    assertEquals(List.of(), proxy.requests());
  }

  // ---- what is left alone

  @Test
  void a_dry_run_changes_nothing_and_makes_no_bucket() {
    Terminal.Outcome outcome = run("--dry-run");
    assertEquals(0, outcome.exit());
    assertEquals(
        21, outcome.stdout().lines().filter(line -> line.startsWith("Would upload ")).count());
    Differences.assertSameText(
        """
        blockpages_generator: warning: Amazon S3 bucket %s is missing: it would be created
        blockpages_generator: 21 pages: 21 would be uploaded, 0 unchanged
        """
            .formatted(bucket),
        outcome.stderr());
    assertEquals(proxy.requests(), proxy.requests("GET"));

    block("old");
    run();
    server.delete("blocklists", "addons", "old");
    block("new");
    proxy.forget();
    Differences.assertSameText(
        """
        Would upload new.html to Amazon S3 bucket %1$s
        Would upload index.html to Amazon S3 bucket %1$s
        Would delete old.html from Amazon S3 bucket %1$s
        """
            .formatted(bucket),
        run("--dry-run", "--prune").stdout());
    assertEquals(
        Set.of("GET", "HEAD"),
        proxy.requests().stream().map(Exchange.Request::method).collect(Collectors.toSet()));
  }

  @Test
  void nothing_is_uploaded_or_pruned_unless_every_collection_was_read_whole() {
    block("old");
    run();
    server.delete("blocklists", "addons", "old");
    server.fault("cut=blocklists/plugins");
    proxy.forget();
    Terminal.Outcome outcome = terminal().once().run(new blockpages_generator(), "--prune");
    assertEquals(2, outcome.exit());
    assertEquals(List.of(), proxy.requests());
  }

  @Test
  void a_page_that_fails_leaves_the_index_and_old_pages_and_the_next_run_goes_on() {
    block("old");
    run();
    server.delete("blocklists", "addons", "old");
    block("bad");
    block("good");
    proxy.answer(1, S3Proxy.of("PUT", "/bad.html"), S3Proxy.accessDenied());
    proxy.forget();
    Terminal.Outcome outcome = run("--prune");
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stdout()
            .contains(
                "Uploading bad.html to Amazon S3 bucket %s NO VERDICT (cannot upload: 403 AccessDenied (Access Denied))\n"
                    .formatted(bucket)),
        outcome::toString);
    assertEquals(Set.of("bad.html", "good.html"), new HashSet<>(names("PUT")));
    assertEquals(List.of(), names("DELETE"));
    Differences.assertSameText(
        """
        hint: the credentials need s3:PutObject there (docs/runbooks/pages-not-updated.md)
        blockpages_generator: error: 1 of 23 pages failed: the index stays as it was, and nothing is deleted
        hint: fix the cause and run the command again: it continues from there
        blockpages_generator: 23 pages: 1 uploaded, 20 unchanged, 1 failed (bad.html)
        """,
        outcome.stderr().replaceFirst(".*\n", ""));
    proxy.forget();
    assertEquals(0, run("--prune").exit());
    assertEquals(List.of("bad.html", "index.html"), names("PUT"));
    assertEquals(List.of("old.html"), names("DELETE"));
  }

  @Test
  void a_bucket_that_takes_nothing_is_not_asked_for_every_page() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(
        Integer.MAX_VALUE, request -> request.method().equals("PUT"), S3Proxy.accessDenied());
    Terminal.Outcome outcome =
        terminal().set("PARALLEL_REQUESTS", "1").run(new blockpages_generator());
    assertEquals(2, outcome.exit());
    assertEquals(8, proxy.requests("PUT").size());
    assertTrue(outcome.stderr().contains("8 failed ("), outcome::toString);
    assertTrue(outcome.stderr().endsWith(", 12 not tried\n"), outcome::toString);
    assertEquals(Map.of(), objects());
  }

  @Test
  void ctrl_c_ends_the_uploads_and_leaves_the_index_to_the_next_run() {
    s3.createBucket(request -> request.bucket(bucket));
    Terminal terminal = terminal().set("PARALLEL_REQUESTS", "1");
    proxy.answer(
        1,
        S3Proxy.of("PUT", "/i484.html"),
        exchange -> {
          terminal.interrupts().getFirst().run();
          proxy.pass(exchange);
        });
    Terminal.Outcome outcome = terminal.run(new blockpages_generator());
    assertEquals(130, outcome.exit(), outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains(
                "blockpages_generator: interrupted: 21 pages: 3 uploaded, 0 unchanged, 1 under"
                    + " way\n"),
        outcome::toString);
    assertFalse(objects().containsKey("index.html"));
    assertEquals(0, run().exit());
    assertEquals(21, objects().size());
  }

  @Test
  void an_object_that_cannot_be_looked_at_is_not_deleted_and_stands_in_nobody_s_way() {
    block("old");
    run();
    server.delete("blocklists", "addons", "old");
    for (int i = 0; i < 10; i++) {
      upload("other-%d.html".formatted(i), Map.of());
    }
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.method().equals("HEAD") && request.path().contains("/other-"),
        Reply.answer(403, ""));
    proxy.forget();
    Terminal.Outcome outcome =
        terminal().set("PARALLEL_REQUESTS", "1").run(new blockpages_generator(), "--prune");
    assertEquals(2, outcome.exit());
    assertEquals(List.of("index.html"), names("PUT"));
    assertTrue(
        outcome
            .stdout()
            .contains(
                "Deleting other-0.html from Amazon S3 bucket %s NO VERDICT (cannot read other-0.html: 403 from %s)\n"
                    .formatted(bucket, proxy.url())),
        outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains(
                """
                blockpages_generator: error: not deleted, but may be pages of records that are gone: other-0.html, other-1.html, other-2.html, other-3.html, other-4.html, other-5.html, other-6.html, other-7.html
                """),
        outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .contains(
                "hint: the credentials need s3:GetObject there"
                    + " (docs/runbooks/pages-not-updated.md)\n"));
    assertTrue(outcome.stderr().endsWith(", 2 not tried\n"), outcome::toString);
  }

  @Test
  void a_page_that_cannot_be_deleted_is_an_error() {
    block("old");
    run();
    server.delete("blocklists", "addons", "old");
    proxy.answer(1, S3Proxy.of("DELETE", "/old.html"), S3Proxy.accessDenied());
    Terminal.Outcome outcome = run("--prune");
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stderr()
            .endsWith(
                """
                hint: the credentials need s3:DeleteObject there (docs/runbooks/pages-not-updated.md)
                blockpages_generator: error: not deleted, but may be pages of records that are gone: old.html
                hint: run the command again with --prune
                blockpages_generator: 21 pages: 1 uploaded, 20 unchanged, 1 failed (old.html)
                """),
        outcome::toString);
    assertTrue(objects().containsKey("old.html"));
  }

  @Test
  void ctrl_c_while_the_bucket_is_made_says_so_and_uploads_nothing() {
    Terminal terminal = terminal();
    proxy.answer(
        1,
        request -> request.method().equals("PUT"),
        exchange -> {
          terminal.interrupts().getFirst().run();
          proxy.pass(exchange);
        });
    Terminal.Outcome outcome = terminal.run(new blockpages_generator());
    assertEquals(130, outcome.exit());
    assertTrue(
        outcome
            .stderr()
            .endsWith("blockpages_generator: interrupted: 21 pages: 0 uploaded, 0 unchanged\n"),
        outcome::toString);
    assertEquals(1, proxy.requests("PUT").size());
  }

  @Test
  void the_json_document_has_what_was_done_what_failed_and_what_was_not_tried() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(
        Integer.MAX_VALUE, request -> request.path().contains("/i"), S3Proxy.accessDenied());
    JsonNode document =
        Store.JSON.readTree(
            terminal()
                .set("PARALLEL_REQUESTS", "1")
                .run(new blockpages_generator(), "--format", "json")
                .stdout());
    assertEquals("Amazon S3 bucket " + bucket, document.get("destination").stringValue());
    assertEquals(2, document.get("exit").intValue());
    JsonNode failed = document.get("results").get(0);
    assertEquals("i672.html", failed.get("file").stringValue());
    assertEquals("publish", failed.get("action").stringValue());
    assertEquals("no-verdict", failed.get("status").stringValue());
    assertEquals(
        "cannot upload: 403 AccessDenied (Access Denied)", failed.get("reason").stringValue());
    assertEquals(
        20, document.get("results").size() + document.get("not_tried").size(), document.toString());
  }

  @Test
  void on_a_terminal_it_is_shown_how_far_it_is() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.method().equals("PUT"),
        proxy.late(Duration.ofMillis(40)));
    Terminal.Outcome outcome = terminal().counting().run(new blockpages_generator());
    assertEquals(0, outcome.exit(), outcome::toString);
    assertTrue(
        Pattern.compile(" s, publishing pages, \\d+ of 20 done").matcher(outcome.stderr()).find(),
        outcome::toString);
    assertTrue(
        outcome.shown().endsWith("\nblockpages_generator: 21 pages: 21 uploaded, 0 unchanged\n"),
        outcome::toString);
  }

  // ---- what may pass

  @Test
  void throttling_a_failure_and_a_connection_that_is_lost_are_tried_again() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(1, request -> request.method().equals("GET"), S3Proxy.slowDown());
    proxy.answer(1, S3Proxy.of("PUT", "/i71.html"), S3Proxy.slowDown());
    proxy.answer(1, S3Proxy.of("PUT", "/i58.html"), S3Proxy.cutRequest(100));
    proxy.answer(1, S3Proxy.of("PUT", "/p26.html"), proxy.loseAnswer());
    proxy.answer(1, S3Proxy.of("PUT", "/p33.html"), S3Proxy.internalError());
    Terminal.Outcome outcome = run();
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals(21, objects().size());
    assertTrue(
        outcome
            .stderr()
            .contains(
                "blockpages_generator: PUT 127.0.0.1/%s/i71.html: trying again (attempt 2)\n"
                    .formatted(bucket)),
        outcome::toString);
    assertEquals("blockpages_generator: 21 pages: 0 uploaded, 21 unchanged\n", run().stderr());
  }

  @Test
  void what_does_not_pass_ends_after_the_attempts_that_were_asked_for() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(Integer.MAX_VALUE, S3Proxy.of("PUT", "/i71.html"), S3Proxy.cutRequest(100));
    Terminal.Outcome outcome =
        terminal().set("REQUESTS_NB_RETRIES", "1").run(new blockpages_generator());
    assertEquals(2, outcome.exit());
    assertEquals(2, proxy.requests("PUT").stream().filter(S3Proxy.of("PUT", "/i71.html")).count());
    assertTrue(
        outcome
            .stdout()
            .contains(
                "Uploading i71.html to Amazon S3 bucket %s NO VERDICT (cannot upload: no answer from %s: "
                    .formatted(bucket, proxy.url())),
        outcome::toString);
    assertFalse(objects().containsKey("index.html"));
  }

  @Test
  void an_answer_that_does_not_come_ends_with_the_deadline() {
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.method().equals("GET"),
        proxy.late(Duration.ofSeconds(30)));
    Terminal.Outcome outcome =
        terminal().once().set("REQUESTS_DEADLINE_SECONDS", "8").run(new blockpages_generator());
    assertFails(
        "cannot list Amazon S3 bucket %s: %s took longer than REQUESTS_DEADLINE_SECONDS allows"
            .formatted(bucket, proxy.url()),
        null,
        outcome);
  }

  // ---- RUN_DEADLINE_SECONDS

  /** As a test needs until its first upload, even on a busy machine. */
  private static final Duration RUN = Duration.ofSeconds(6);

  private static final String LATE = "the run took longer than RUN_DEADLINE_SECONDS allows";

  private Terminal limited() {
    return terminal().set("RUN_DEADLINE_SECONDS", RUN.toSeconds()).set("PARALLEL_REQUESTS", "1");
  }

  /** Answers an upload once the run is over. */
  private void uploadLate(Reply reply) {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(
        1,
        S3Proxy.of("PUT", "/i484.html"),
        exchange -> {
          Thread.sleep(RUN);
          reply.send(exchange);
        });
  }

  @Test
  void an_upload_under_way_is_finished_after_the_run_s_deadline_but_no_other_is_begun() {
    uploadLate(proxy::pass);
    Terminal.Outcome outcome = limited().run(new blockpages_generator(), "--prune");
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .endsWith(
                """
                blockpages_generator: error: LATE: 17 files were not tried
                hint: the next run continues from there; raise RUN_DEADLINE_SECONDS, or see why the server is slow
                blockpages_generator: 21 pages: 4 uploaded, 0 unchanged, 17 not tried
                """
                    .replace("LATE", LATE)),
        outcome::toString);
    assertEquals(4, objects().size());
    assertFalse(objects().containsKey("index.html"));
    assertEquals(0, run().exit());
    assertEquals(21, objects().size());
  }

  @Test
  void an_upload_that_fails_after_the_run_s_deadline_is_not_tried_again() {
    uploadLate(S3Proxy.slowDown());
    Terminal.Outcome outcome = limited().run(new blockpages_generator());
    assertEquals(2, outcome.exit(), outcome::toString);
    assertTrue(
        outcome.stdout().endsWith(" NO VERDICT (cannot upload: " + LATE + ")\n"),
        outcome::toString);
    assertTrue(outcome.stderr().contains(": 16 files were not tried\n"), outcome::toString);
    assertEquals(
        1, proxy.requests("PUT").stream().filter(it -> it.path().endsWith("/i484.html")).count());
  }

  @Test
  void a_listing_ends_with_the_run() {
    proxy.answer(
        Integer.MAX_VALUE,
        request -> request.method().equals("GET"),
        proxy.late(Duration.ofSeconds(90)));
    long start = System.nanoTime();
    Terminal.Outcome outcome = limited().once().run(new blockpages_generator());
    assertTrue(System.nanoTime() - start < Duration.ofSeconds(40).toNanos());
    assertFails(
        "cannot list Amazon S3 bucket %s: %s".formatted(bucket, LATE),
        "raise RUN_DEADLINE_SECONDS, or see why the server is slow",
        outcome);
  }

  // ---- what is refused

  @Test
  void a_bucket_of_another_owner_is_named() {
    proxy.answer(1, request -> request.method().equals("GET"), S3Proxy.noSuchBucket());
    proxy.answer(1, request -> request.method().equals("PUT"), S3Proxy.bucketAlreadyExists());
    Terminal.Outcome outcome = run();
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stderr()
            .endsWith(
                """
                blockpages_generator: error: cannot make Amazon S3 bucket %s: 409 BucketAlreadyExists (The requested bucket name is not available.)
                hint: the name is taken by another AWS account: set BUCKET_NAME (docs/runbooks/pages-not-updated.md)
                """
                    .formatted(bucket)),
        outcome::toString);
    assertEquals(1, proxy.requests("PUT").size());
  }

  @Test
  void a_bucket_that_may_not_be_made_is_named_with_the_permission() {
    proxy.answer(1, request -> request.method().equals("PUT"), S3Proxy.accessDenied());
    Terminal.Outcome outcome = run();
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stderr()
            .endsWith(
                """
                blockpages_generator: error: cannot make Amazon S3 bucket %s: 403 AccessDenied (Access Denied)
                hint: the credentials need s3:CreateBucket there (docs/runbooks/pages-not-updated.md)
                """
                    .formatted(bucket)),
        outcome::toString);
  }

  @Test
  void a_missing_bucket_is_not_made_where_an_owner_is_expected() {
    assertFails(
        "Amazon S3 bucket %s is missing, so it cannot belong to account 111122223333"
            .formatted(bucket),
        "make it, or leave EXPECTED_BUCKET_OWNER out until it is made",
        run("--expected-bucket-owner", "111122223333"));
    assertEquals(List.of(), proxy.requests("PUT"));
  }

  @Test
  void a_bucket_that_somebody_makes_meanwhile_is_used() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(1, request -> request.method().equals("GET"), S3Proxy.noSuchBucket());
    proxy.answer(
        1,
        request -> request.path().matches("/[^/]+/?") && request.method().equals("PUT"),
        S3Proxy.bucketAlreadyOwnedByYou());
    assertEquals(0, run().exit());
    assertEquals(21, objects().size());
  }

  @Test
  void a_bucket_that_may_not_be_listed_is_one_line() {
    proxy.answer(1, request -> request.method().equals("GET"), S3Proxy.accessDenied());
    assertFails(
        "cannot list Amazon S3 bucket %s: 403 AccessDenied (Access Denied)".formatted(bucket),
        "the credentials need s3:ListBucket there",
        run());
  }

  @Test
  void the_expected_owner_is_sent_with_every_request_and_named_where_it_is_refused() {
    s3.createBucket(request -> request.bucket(bucket));
    run("--expected-bucket-owner", "111122223333");
    upload("old.html", Map.of());
    run("--prune", "--expected-bucket-owner", "111122223333");
    assertEquals(
        Set.of("GET", "HEAD", "PUT"),
        proxy.requests().stream().map(Exchange.Request::method).collect(Collectors.toSet()));
    for (Exchange.Request request : proxy.requests()) {
      assertEquals(
          "111122223333", request.header("x-amz-expected-bucket-owner"), request.toString());
    }
    proxy.answer(1, request -> request.method().equals("GET"), S3Proxy.accessDenied());
    assertTrue(
        run("--expected-bucket-owner", "111122223333")
            .stderr()
            .contains(", and account 111122223333 must own it (docs/"));
  }

  @Test
  void a_bucket_of_another_region_is_named_with_it() {
    String hint = "set AWS_REGION=us-west-2";
    String reason =
        "cannot list Amazon S3 bucket %s: it is in us-west-2, AWS_REGION is eu-central-1"
            .formatted(bucket);
    proxy.answer(1, request -> true, S3Proxy.permanentRedirect("us-west-2"));
    assertFails(reason, hint, run());
    proxy.answer(
        1,
        request -> true,
        S3Proxy.error(
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region 'eu-central-1' is wrong;"
                + " expecting 'us-west-2'"));
    assertFails(reason, hint, run());
  }

  @Test
  void credentials_that_are_refused_are_named_with_what_to_check() {
    proxy.answer(
        1,
        request -> true,
        S3Proxy.error(403, "InvalidAccessKeyId", "The AWS Access Key Id does not exist."));
    assertFails(
        "cannot list Amazon S3 bucket %s: 403 InvalidAccessKeyId (The AWS Access Key Id does not exist.)"
            .formatted(bucket),
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        run());
    proxy.answer(1, request -> true, S3Proxy.error(400, "ExpiredToken", "The token has expired."));
    assertFails(
        "cannot list Amazon S3 bucket %s: 400 ExpiredToken (The token has expired.)"
            .formatted(bucket),
        "the session of these credentials has ended",
        run());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<html><h1>Not here</h1>",
        "<html><head/><body><h1>Log in</h1></body></html>",
        "{\"message\": \"hello\"}",
        ""
      })
  void what_answers_to_everything_is_no_s3(String body) {
    proxy.answer(
        Integer.MAX_VALUE, request -> true, Reply.answer(200, body, "Content-Type: text/html"));
    assertFails(
        "cannot list Amazon S3 bucket %s: the server at %s is not S3"
            .formatted(bucket, proxy.url()),
        "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL",
        run());
  }

  @Test
  void an_upload_without_an_etag_is_none() {
    s3.createBucket(request -> request.bucket(bucket));
    proxy.answer(1, S3Proxy.of("PUT", "/i71.html"), Reply.answer(200, ""));
    Terminal.Outcome outcome = run();
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stdout()
            .contains(
                "Uploading i71.html to Amazon S3 bucket %s NO VERDICT (cannot upload: the server at %s is not S3)\n"
                    .formatted(bucket, proxy.url())),
        outcome::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"x-a: b", "x-amz-server-side-encryption: AES256"})
  void a_page_of_which_the_bucket_stores_something_else_is_an_error_in_each_run(String header) {
    run();
    block("new");
    listing(NO_PAGE);
    adding(S3Proxy.of("PUT", "/new.html"), "ETag: \"%s\"".formatted(NO_PAGE), header);
    for (int round = 1; round <= 2; round++) {
      proxy.forget();
      Terminal.Outcome outcome = run("--prune");
      assertEquals(2, outcome.exit(), outcome::toString);
      Matcher line =
          Pattern.compile(
                  "(?m)^Uploading new.html to Amazon S3 bucket %s NO VERDICT \\(uploaded, but something"
                          .formatted(bucket)
                      + " else was stored: its MD5 \\(ETag\\) is %s, expected [0-9a-f]{32}\\)$"
                          .formatted(NO_PAGE))
              .matcher(outcome.stdout());
      assertTrue(line.find(), outcome::toString);
      assertTrue(outcome.stderr().contains("1 failed (new.html)"), outcome::toString);
      assertTrue(names("PUT").contains("new.html"));
      assertFalse(names("PUT").contains("index.html"), "round " + round);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption: aws:kms:dsse",
        "x-amz-server-side-encryption-customer-algorithm: AES256"
      })
  void the_etag_of_an_upload_that_is_encrypted_with_a_key_may_be_any(String header) {
    s3.createBucket(request -> request.bucket(bucket));
    adding(S3Proxy.of("PUT", ".html"), "ETag: \"%s\"".formatted(NO_PAGE), header);
    Terminal.Outcome outcome = run();
    assertEquals(0, outcome.exit(), outcome::toString);
  }

  @Test
  void a_gateway_that_fails_is_named() {
    proxy.answer(
        Integer.MAX_VALUE,
        request -> true,
        Reply.answer(502, "<html><h1>Bad Gateway</h1>", "Content-Type: text/html"));
    assertFails(
        "cannot list Amazon S3 bucket %s: 502 from %s".formatted(bucket, proxy.url()),
        null,
        terminal().once().run(new blockpages_generator()));
  }

  @Test
  void an_endpoint_that_nobody_listens_on_is_one_line() throws IOException {
    URI nobody = RecordingServer.nobody("");
    assertFails(
        "cannot list Amazon S3 bucket %s: no answer from %s: Connection refused"
            .formatted(bucket, nobody),
        "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the network",
        terminal().set("AWS_ENDPOINT_URL_S3", nobody).once().run(new blockpages_generator()));
  }

  @Test
  void without_credentials_it_is_said_where_they_were_looked_for(@TempDir Path folder)
      throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("config"),
            "[profile ended]\n"
                + "sso_session=s\n"
                + "sso_account_id=111122223333\n"
                + "sso_role_name=r\n"
                + "[sso-session s]\n"
                + "sso_region=us-east-1\n"
                + "sso_start_url=https://127.0.0.1/\n");
    for (String profile : List.of("", "ended", "nowhere")) {
      Project.Outcome outcome =
          Patience.run(Project.root().resolve("jbang"), "blockpages_generator.java")
              .in(Project.root())
              .env("SERVER", server.url())
              .env("AWS_ENDPOINT_URL_S3", proxy.url())
              .env("AWS_EC2_METADATA_DISABLED", "true")
              .env("AWS_CONFIG_FILE", config)
              .env("AWS_SHARED_CREDENTIALS_FILE", folder.resolve("none"))
              .env(profile.isEmpty() ? "UNUSED" : "AWS_PROFILE", profile)
              .go();
      assertEquals(2, outcome.exit(), outcome.stderr());
      List<String> said =
          outcome.stderr().lines().filter(line -> !line.startsWith("[jbang]")).toList();
      assertEquals(2, said.size(), outcome.stderr());
      assertEquals(
          "blockpages_generator: error: no AWS credentials found: looked for AWS_ACCESS_KEY_ID and"
              + " AWS_SECRET_ACCESS_KEY, a web identity, the profile of AWS_PROFILE in ~/.aws, and"
              + " the role of the container or the instance"
              + switch (profile) {
                case "ended" -> "; Unable to load SSO token";
                case "nowhere" -> "; Profile file contained no credentials for profile 'nowhere'";
                default -> "";
              },
          said.getFirst());
      assertEquals(
          "hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; --target-dir"
              + " needs none (docs/runbooks/pages-not-updated.md)",
          said.getLast());
    }
    assertEquals(List.of(), proxy.requests());
  }

  @Test
  void one_key_of_two_is_named() {
    assertFails(
        "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not",
        "set both, or none",
        terminal().set("AWS_SECRET_ACCESS_KEY", "").run(new blockpages_generator()));
    assertFails(
        "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not",
        "set both, or none",
        terminal().set("AWS_ACCESS_KEY_ID", "").run(new blockpages_generator()));
  }

  @Test
  void a_session_token_goes_over_plain_http_to_loopback_only() {
    Terminal.Outcome outcome =
        terminal()
            .set("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE")
            .set("AWS_ENDPOINT_URL_S3", "http://s3.invalid")
            .run(new blockpages_generator());
    assertFails(
        "AWS_SESSION_TOKEN would be sent unencrypted to s3.invalid",
        "use https, or --allow-insecure-auth if you must",
        outcome);
  }

  // ---- settings

  @Test
  void no_secret_is_ever_shown() {
    for (List<String> arguments :
        List.of(
            List.of("--verbose"), List.of("--format", "json"), List.of("--verbose", "--prune"))) {
      proxy.answer(1, S3Proxy.of("PUT", "/i71.html"), S3Proxy.accessDenied());
      Terminal.Outcome outcome =
          terminal()
              .set("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE")
              .run(new blockpages_generator(), arguments.toArray(String[]::new));
      String all = outcome.toString();
      assertFalse(all.contains(SECRET), all);
      assertFalse(all.contains("IQoJb3JpZ2luX2Vj"), all);
      assertFalse(all.contains("AKIAIOSFODNN7"), all);
    }
  }

  @Test
  void credentials_and_endpoint_may_come_from_the_env_file(@TempDir Path folder)
      throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("env"),
            """
            AWS_ENDPOINT_URL=%s
            AWS_ACCESS_KEY_ID=AKIAFROMFILE
            AWS_SECRET_ACCESS_KEY=%s
            AWS_SESSION_TOKEN=the-session
            BUCKET_NAME=%s
            """
                .formatted(proxy.url(), SECRET, bucket));
    assertEquals(
        0,
        new Terminal()
            .set("SERVER", server.url())
            .set("ENV_FILE", file)
            .run(new blockpages_generator())
            .exit());
    Exchange.Request request = proxy.requests("PUT").getLast();
    assertTrue(request.header("authorization").contains("Credential=AKIAFROMFILE/"));
    assertEquals("the-session", request.header("x-amz-security-token"));
    assertTrue(request.header("user-agent").startsWith("blockpages_generator/0.7.0 "));
  }

  @Test
  void elsewhere_than_at_amazon_no_checksum_is_sent_unless_it_is_required() {
    run();
    for (Exchange.Request request : proxy.requests("PUT")) {
      assertEquals(
          Set.of(),
          request.headers().keySet().stream()
              .filter(name -> name.startsWith("x-amz-checksum") || name.equals("x-amz-trailer"))
              .collect(Collectors.toSet()),
          request.toString());
      assertTrue(request.path().startsWith("/" + bucket), "path-style: " + request);
    }
  }
}
