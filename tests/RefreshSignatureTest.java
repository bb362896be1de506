//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/Http.java
//SOURCES RecordingServer.java
//SOURCES ../common/RemoteSettings.java
//SOURCES Reply.java
//SOURCES ../common/Runner.java
//SOURCES ../refresh_signature.java
//SOURCES ../server/KintoRequest.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ReservedPort.java
//SOURCES ../server/Signer.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Place;
import common.RemoteSettings.Announced;
import common.SignedResources;
import common.SignedResources.SignedResource;
import common.SignedResources.SignoffRule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The command as a whole, against the embedded server over HTTP, and its decisions. */
class RefreshSignatureTest {

  private static final Instant NOW = Terminal.NOW;

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder().clock(Clock.fixed(NOW, ZoneOffset.UTC));
  }

  private static Terminal terminal(RemoteSettingsServer server) {
    return new Terminal()
        .set("SERVER", server.url())
        .set("REFRESH_SIGNATURE_AUTH", "editor:editor");
  }

  private static List<KintoRequest> writes(RemoteSettingsServer server) {
    return server.requests().stream()
        .filter(request -> !request.method().equals("GET") && !request.method().equals("HEAD"))
        .toList();
  }

  // ---- what is written

  @Test
  void each_source_is_written_once_and_nothing_but_its_status() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      assertEquals(0, terminal(server).run(new refresh_signature()).exit());
      List<String> sources = new ArrayList<>();
      for (KintoRequest write : writes(server)) {
        assertEquals("PATCH", write.method());
        assertEquals(
            Store.JSON.readTree("{\"data\":{\"status\":\"to-resign\"}}"),
            Store.JSON.readTree(write.body()));
        assertEquals(Optional.of("editor"), write.user());
        sources.add(write.collection());
      }
      assertEquals(9, sources.size(), sources.toString());
      assertEquals(9, List.copyOf(new TreeSet<>(sources)).size(), sources.toString());
      assertTrue(
          sources.stream().allMatch(name -> name.matches("(main-workspace|.*staging)/.*")),
          sources.toString());
    }
  }

  @Test
  void a_dry_run_writes_nothing() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      assertEquals(0, terminal(server).run(new refresh_signature(), "--dry-run").exit());
      assertEquals(0, terminal(server).set("DRY_RUN", "true").run(new refresh_signature()).exit());
      assertEquals(List.of(), writes(server));
    }
  }

  @Test
  void what_is_about_to_be_written_is_said_before_it_is() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("reset=/v1/buckets/*-workspace/*");
      Terminal.Outcome outcome =
          terminal(server).once().run(new refresh_signature(), "--only", "main/regions", "--quiet");
      assertEquals(List.of(), writes(server));
      assertTrue(
          outcome
              .stderr()
              .startsWith(
                  "refresh_signature: about to ask %s as account:editor to sign again, unless skipped:"
                          .formatted(server.url())
                      + " main-workspace/regions\n"),
          outcome::toString);
    }
  }

  @Test
  void what_was_done_is_not_asked_for_again_and_what_was_not_is() throws IOException {
    for (String fault : List.of("lost", "503-done")) {
      try (RemoteSettingsServer server = server().sample(true).start()) {
        server.fault(fault + "=PATCH main-workspace/*:1");
        Terminal.Outcome outcome =
            terminal(server).run(new refresh_signature(), "--only", "main/regions");
        assertEquals(0, outcome.exit(), outcome::toString);
        assertEquals(1, writes(server).size(), fault);
      }
    }
    for (String fault : List.of("reset", "503", "500", "502", "504", "429")) {
      try (RemoteSettingsServer server = server().sample(true).start()) {
        server.fault(fault + "=PATCH main-workspace/*:1");
        Terminal.Outcome outcome =
            terminal(server).run(new refresh_signature(), "--only", "main/regions");
        assertEquals(0, outcome.exit(), outcome::toString);
        assertEquals(2, writes(server).size(), fault);
      }
    }
    for (String fault : List.of("401", "403", "404", "409")) {
      try (RemoteSettingsServer server = server().sample(true).start()) {
        server.fault(fault + "=PATCH main-workspace/*");
        Terminal.Outcome outcome =
            terminal(server).run(new refresh_signature(), "--only", "main/regions");
        assertEquals(2, outcome.exit(), outcome::toString);
        assertEquals(1, writes(server).size(), fault);
      }
    }
  }

  @Test
  void a_restart_of_the_server_in_the_middle_is_lived_through() throws IOException {
    try (ReservedPort port = new ReservedPort()) {
      RemoteSettingsServer first = server().port(port.number()).sample(true).start();
      AtomicReference<RemoteSettingsServer> running = new AtomicReference<>(first);
      first.fault("503=PATCH main-workspace/cfr:1");
      Terminal.Outcome outcome =
          terminal(first)
              .onPause(() -> {
                if (running.get() == first) {
                  first.close();
                  running.set(again(first));
                }
              })
              .run(new refresh_signature(), "--parallel-requests", "1");
      running.get().close();
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().endsWith("10 collections: 9 refreshed, 1 SKIP\n"), outcome::toString);
    }
  }

  private static RemoteSettingsServer again(RemoteSettingsServer server) {
    try {
      return server().port(server.port()).authority(server.authority()).sample(true).start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void two_hundred_collections_are_refreshed_in_order_whatever_happens_to_one() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      List<String> expected = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        String name = "c%03d".formatted(i);
        server.put("main-workspace", name, "{\"id\":\"a\"}");
        server.edit("main-workspace", name, attributes -> attributes.put("status", "signed"));
        server.publish("main", name, "{\"id\":\"a\"}");
        server.publish("main-preview", name, "{\"id\":\"a\"}");
        expected.add(name);
      }
      server.fault("503=PATCH main-workspace/c100:1");
      server.fault("403=PATCH main-workspace/c150");
      Terminal.Outcome outcome =
          terminal(server).run(new refresh_signature(), "--parallel-requests", "8");
      assertEquals(2, outcome.exit(), outcome::toString);
      List<String> lines = outcome.stdout().lines().skip(1).toList();
      assertEquals(
          expected,
          lines.stream()
              .map(line -> line.replaceFirst(".*/collections/(c\\d+): Trigger.*", "$1"))
              .toList());
      assertEquals(199, lines.stream().filter(line -> line.contains(": signed at ")).count());
      assertTrue(lines.get(150).contains("NO VERDICT (403: "), lines.get(150));
      assertEquals(201, writes(server).size(), "one tried again, the refused one not");
      assertTrue(
          outcome
              .stderr()
              .endsWith("200 collections: 199 refreshed, 1 NO VERDICT (main-workspace/c150)\n"),
          outcome::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--verify", "--dry-run", "--parallel-requests=8"})
  void without_credentials_nothing_more_is_asked_after_the_first_401(String option)
      throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal terminal = new Terminal().set("SERVER", server.url());
      Terminal.Outcome outcome = terminal.run(new refresh_signature(), option);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals(2, outcome.stdout().lines().count(), outcome::toString);
      assertTrue(outcome.stdout().contains("NO VERDICT (401: "), outcome::toString);
      assertEquals(3, server.requests().size(), "server info, list, one source");
      assertTrue(
          outcome.stderr().contains("0 refreshed, 1 NO VERDICT (")
              || outcome.stderr().contains("0 would be refreshed, 1 NO VERDICT ("),
          outcome::toString);
      assertTrue(outcome.stderr().contains("), 9 not asked ("), outcome::toString);
      assertEquals(1, outcome.stderr().split("hint: ", -1).length - 1, outcome::toString);
      assertTrue(
          outcome.stderr().contains("hint: set REFRESH_SIGNATURE_AUTH to an account"),
          outcome::toString);
    }
  }

  @Test
  void the_document_has_each_source_that_was_not_asked() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal terminal = new Terminal().set("SERVER", server.url());
      JsonNode document =
          Store.JSON.readTree(terminal.run(new refresh_signature(), "--format=json").stdout());
      List<String> reasons =
          document.path("results").valueStream().map(it -> it.path("reason").asString()).toList();
      assertEquals(10, reasons.size());
      assertTrue(reasons.getFirst().startsWith("401: "), reasons.getFirst());
      assertEquals(
          Set.of("not asked: REFRESH_SIGNATURE_AUTH is not set"),
          Set.copyOf(reasons.subList(1, reasons.size())));
    }
  }

  @Test
  void with_credentials_a_401_of_one_source_does_not_stop_the_others() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("401=PATCH main-workspace/regions");
      Terminal.Outcome outcome = terminal(server).run(new refresh_signature());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("8 refreshed, 1 SKIP, 1 NO VERDICT"), outcome::toString);
      assertTrue(
          outcome
              .stderr()
              .contains("hint: REFRESH_SIGNATURE_AUTH (environment) is account:editor: set it to"),
          outcome::toString);
    }
  }

  @Test
  void an_old_server_without_changesets_is_refreshed_and_verified() throws IOException {
    try (RemoteSettingsServer server =
        server().sample(true).withoutChangesets().withSingleSignature().pageSize(3).start()) {
      Terminal.Outcome outcome =
          terminal(server)
              .set("ROOT_HASH", server.authority().rootHash())
              .run(new refresh_signature(), "--verify");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("verified 18 collections: 18 OK"), outcome::toString);
    }
  }

  @Test
  void credentials_may_come_from_a_file_and_are_never_shown() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Path file = Files.createTempFile("auth", ".txt");
      try {
        Files.writeString(file, "editor:editor\n");
        Terminal.Outcome outcome =
            new Terminal()
                .set("SERVER", server.url())
                .run(
                    new refresh_signature(),
                    "--refresh-signature-auth-file",
                    file.toString(),
                    "--verbose");
        assertEquals(0, outcome.exit(), outcome::toString);
        assertFalse(outcome.toString().contains("editor:editor"), outcome::toString);
      } finally {
        Files.delete(file);
      }
    }
  }

  @Test
  void a_server_that_takes_long_to_sign_is_not_asked_again_meanwhile() throws IOException {
    try (RecordingServer server = server(Reply.SILENT)) {
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url("/v1"))
              .set("REQUESTS_TIMEOUT_SECONDS", "5") // for the reads, on a slow machine
              .set("REQUESTS_DEADLINE_SECONDS", "8")
              .set("REQUESTS_NB_RETRIES", "0")
              .run(new refresh_signature());
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stdout().contains("NO VERDICT (the answer took longer than"), outcome::toString);
      assertEquals(
          1,
          server.requests().stream().filter(request -> request.method().equals("PATCH")).count());
    }
  }

  /** A server of one collection, whose answer to a PATCH is given. */
  private static RecordingServer server(Reply patch) throws IOException {
    return RecordingServer.routes(request -> {
      if (request.method().equals("PATCH")) {
        return patch;
      }
      String source = "{\"bucket\": \"work\", \"collection\": null}";
      String destination = "{\"bucket\": \"main\", \"collection\": null}";
      return Reply.json(
          request.path().equals("/v1/")
              ? "{\"capabilities\": {\"signer\": {\"resources\": [{\"source\": %s, \"destination\": %s}]}}}"
                  .formatted(source, destination)
              : request.path().contains("/monitor/")
                  ? "{\"changes\": [{\"bucket\": \"main\", \"collection\": \"a\","
                      + " \"last_modified\": 1}]}"
                  : "{\"data\": {\"status\": \"signed\", \"last_modified\": 5,"
                      + " \"last_signature_date\": \"2026-01-01T00:00:00+00:00\"}}");
    });
  }

  @Test
  void what_the_last_attempt_did_counts_too() throws IOException {
    for (String fault : List.of("lost", "503-done")) {
      try (RemoteSettingsServer server = server().sample(true).start()) {
        server.fault(fault + "=PATCH main-workspace/*");
        Terminal.Outcome outcome =
            terminal(server).once().run(new refresh_signature(), "--only", "main/regions");
        assertEquals(0, outcome.exit(), outcome::toString);
        assertEquals(1, writes(server).size(), fault);
      }
    }
  }

  @Test
  void ctrl_c_ends_the_writing() throws IOException {
    Terminal terminal = new Terminal();
    try (RecordingServer server =
        server(exchange -> {
          terminal.interrupts().forEach(Runnable::run);
          Reply.json("{}").send(exchange);
        })) {
      Terminal.Outcome outcome =
          terminal.set("SERVER", server.url("/v1")).run(new refresh_signature());
      assertEquals(130, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("interrupted: 1 collection: 0 refreshed, 1 not finished\n"),
          outcome::toString);
      assertEquals("PATCH", server.requests().getLast().method(), "nothing was asked after it");
    }
  }

  @Test
  void collections_are_refreshed_in_parallel() throws IOException {
    CountDownLatch together = new CountDownLatch(4);
    try (RemoteSettingsServer server = server().sample(true).start();
        RecordingServer gate =
            RecordingServer.routes(request -> {
              if (!request.method().equals("PATCH")) {
                return Reply.answer(307, "", "Location: " + server.url().resolve(request.target()));
              }
              return exchange -> {
                together.countDown();
                together.await(); // each answer waits for the other requests
                Reply.status(403).send(exchange);
              };
            })) {
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", gate.url("/v1")).run(new refresh_signature());
      assertEquals(2, outcome.exit(), outcome::toString);
    }
  }

  @Test
  void a_dry_run_verifies_nothing() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal.Outcome outcome =
          terminal(server).run(new refresh_signature(), "--dry-run", "--verify");
      assertFalse(outcome.toString().contains("verified"), outcome::toString);
      assertEquals(List.of(), server.requests("/chains/"));
    }
  }

  @Test
  void new_signatures_are_verified_past_the_caches_and_without_credentials() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal.Outcome outcome =
          terminal(server).run(new refresh_signature(), "--verify", "--only", "main/regions");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("any root is trusted here, seen "), outcome::toString);
      for (String bucket : List.of("main", "main-preview")) {
        List<KintoRequest> reads =
            server.requests("/v1/buckets/" + bucket + "/collections/regions/changeset");
        assertEquals(1, reads.size());
        assertEquals(Optional.empty(), reads.getFirst().user());
        assertFalse(
            reads.getFirst().target().endsWith("=" + server.timestamp(bucket, "regions")),
            "the announced timestamp is what caches know");
      }
    }
  }

  @Test
  void chains_are_read_without_credentials_even_at_the_server_itself() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal.Outcome outcome =
          terminal(server).run(new refresh_signature(), "--verify", "--only", "main/regions");
      assertEquals(0, outcome.exit(), outcome::toString);
      List<KintoRequest> reads = server.requests("/chains/");
      assertEquals(1, reads.size());
      assertEquals(Optional.empty(), reads.getFirst().header("authorization"));
      assertEquals(Optional.empty(), reads.getFirst().user());
    }
  }

  @Test
  void a_new_date_with_the_old_signature_is_not_believed() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      ObjectNode old = server.signatureEntry("main", "regions", server.authority());
      Runnable signsAsBefore =
          () -> server.edit("main", "regions", it -> Signer.setSignatures(it, List.of(old)));
      signsAsBefore.run();
      server.after("PATCH main-workspace/regions", _ -> signsAsBefore.run());
      String[] only = {"--only", "main/regions"};
      assertEquals(0, terminal(server).run(new refresh_signature(), only).exit());
      Terminal.Outcome outcome =
          terminal(server).run(new refresh_signature(), only[0], only[1], "--verify");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(
          outcome
              .stdout()
              .contains(
                  "NO VERDICT (last_signature_date has advanced, but main/regions has the same"
                      + " signature as before)\n"),
          outcome::toString);
    }
  }

  @Test
  void a_destination_that_got_no_signature_is_bad() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("missing-signature=main/anti-tracking-url-decoration");
      Terminal.Outcome outcome =
          terminal(server)
              .run(
                  new refresh_signature(),
                  "--verify",
                  "--only",
                  "main/anti-tracking-url-decoration");
      assertEquals(1, outcome.exit(), outcome::toString);
      assertTrue(outcome.stdout().endsWith(" - Cause: the signature is missing\n"));
    }
  }

  @Test
  void a_source_s_own_name_selects_it_too_and_excludes_it() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      Terminal.Outcome outcome =
          terminal(server).run(new refresh_signature(), "--only", "main-workspace/regions");
      assertEquals(0, outcome.exit(), outcome::toString);
      assertEquals(1, writes(server).size());
      server.forgetRequests();
      terminal(server).run(new refresh_signature(), "--exclude", "main-workspace/*,staging/*");
      assertTrue(
          writes(server).stream()
              .allMatch(write -> write.collection().startsWith("security-state-staging/")));
      assertEquals(2, writes(server).size());
    }
  }

  @Test
  void json_and_text_give_the_same_verdicts() throws IOException {
    try (RemoteSettingsServer server = server().sample(true).start()) {
      server.fault("403=main-workspace/cfr");
      server.fault("entry-dots");
      String[] options = {"--dry-run", "--max-signature-age", "4"};
      List<String> lines = new ArrayList<>();
      terminal(server)
          .run(new refresh_signature(), options)
          .stdout()
          .lines()
          .skip(1)
          .forEach(line ->
              lines.add(
                  line.contains(": SKIP (")
                      ? "skip"
                      : line.contains("NO VERDICT (") ? "no-verdict" : "planned"));
      List<String> statuses = new ArrayList<>();
      Store.JSON
          .readTree(
              terminal(server).set("FORMAT", "json").run(new refresh_signature(), options).stdout())
          .path("results")
          .forEach(result -> statuses.add(result.path("status").asString()));
      assertEquals(lines, statuses);
      assertEquals(11, lines.size());
      assertEquals(3, new TreeSet<>(lines).size());
    }
  }

  // ---- decisions

  private static Announced entry(String bucket, String collection) {
    return new Announced(bucket, collection, 1, null);
  }

  @Test
  void only_destinations_are_refreshed_and_each_source_once() {
    SignoffRule reviewed = new SignoffRule(true, null, null);
    SignedResource all =
        new SignedResource(
            new Place("work", null), new Place("look", null), new Place("main", null), reviewed);
    SignedResource own =
        new SignedResource(new Place("work", "b"), null, new Place("main", "b"), reviewed);
    List<Announced> announced =
        List.of(
            entry("look", "a"),
            entry("main", "a"),
            entry("main", "a"),
            entry("main", "b"),
            entry("other", "a"),
            entry("work", "a"),
            new Announced("main", "c", 0, "no timestamp"),
            new Announced("main", "..", 1, "no name"));
    assertEquals(List.of("work/a", "work/b", "work/c"), sources(announced, _ -> true, all, own));
    assertEquals(
        List.of("work/b"), sources(announced, names -> names.contains("main/b"), all, own));
    assertEquals(
        List.of("work/b"), sources(announced, names -> names.contains("work/b"), all, own));
  }

  private static List<String> sources(
      List<Announced> announced, Predicate<List<String>> selects, SignedResource... resources) {
    return refresh_signature
        .toRefresh(announced, new SignedResources(List.of(resources)), selects)
        .stream()
        .map(resource -> resource.source().name())
        .toList();
  }

  private static Optional<String> skipped(Object status, Object date, int maxAge) {
    Map<String, Object> source = new HashMap<>();
    source.put("status", status);
    source.put("last_signature_date", date);
    return refresh_signature.skipped(source, maxAge, NOW).map(refresh_signature.Skipped::why);
  }

  private static String ago(Duration age) {
    return NOW.minus(age).toString();
  }

  @Test
  void a_signature_is_left_alone_until_it_is_as_old_as_asked_for() {
    Duration three = Duration.ofDays(3);
    assertEquals(Optional.empty(), skipped("signed", ago(three), 3));
    assertEquals(Optional.of("only 2 days old"), skipped("signed", ago(three.minusMillis(1)), 3));
    assertEquals(Optional.of("only 0 days old"), skipped("to-review", ago(Duration.ZERO), 1));
    assertEquals(Optional.empty(), skipped("signed", ago(Duration.ZERO), 0), "0: always");
  }

  @Test
  void a_date_that_is_none_or_lies_ahead_leaves_no_signature_alone() {
    assertEquals(Optional.empty(), skipped("signed", null, 30));
    assertEquals(Optional.empty(), skipped("signed", 42L, 30));
    assertEquals(Optional.empty(), skipped("signed", "yesterday", 30));
    assertEquals(
        Optional.of("only 1 days old"), skipped("signed", "2026-11-23T11:59:00", 30), "is UTC");
    assertEquals(Optional.empty(), skipped("signed", ago(Duration.ofSeconds(-1)), 30));
  }

  @Test
  void what_was_never_signed_is_left_alone() {
    assertEquals(Optional.of("never signed"), skipped(null, null, 0));
  }

  private static refresh_signature.Result judged(Object status, String before, String after) {
    Map<String, Object> old = new HashMap<>();
    old.put("last_signature_date", before);
    Map<String, Object> now = new HashMap<>(Map.of("last_modified", 5L));
    now.put("status", status);
    now.put("last_signature_date", after);
    return refresh_signature.judge(old, now);
  }

  @Test
  void success_is_a_later_date_and_a_status_that_is_not_to_resign() {
    String early = "2026-11-24T03:47:45.028879+00:00";
    String late = "2026-11-24T03:47:45.028880+00:00";
    assertEquals(
        new refresh_signature.Refreshed("to-review", 5, late), judged("to-review", early, late));
    assertEquals(new refresh_signature.Refreshed("signed", 5, late), judged("signed", null, late));
    for (refresh_signature.Result failed :
        List.of(
            judged("to-resign", early, late),
            judged("signed", early, early),
            judged("signed", late, early),
            judged("signed", early, "soon"),
            judged("signed", null, null))) {
      assertTrue(failed instanceof refresh_signature.NoVerdict, failed.toString());
    }
    String gone = judged("signed", late, early).toString();
    assertTrue(gone.contains("not advanced: %s before, %s now".formatted(late, early)), gone);
    assertTrue(gone.contains("it was signed again, by a node whose clock is behind"), gone);
  }

  @Test
  void a_signature_that_is_dated_behind_the_last_one_is_not_asked_for_twice() throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      server.edit(
          "main-workspace",
          "regions",
          attributes -> attributes.put("last_signature_date", "2126-11-24T13:00:00+00:00"));
      server.fault("lost=PATCH /v1/*");
      server.forgetRequests();
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url())
              .set("REFRESH_SIGNATURE_AUTH", "editor:editor")
              .run(new refresh_signature(), "--only=main/regions");
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("clock is behind: compare"), outcome::toString);
      assertEquals(1, server.requests().stream().filter(it -> it.method().equals("PATCH")).count());
    }
  }
}
