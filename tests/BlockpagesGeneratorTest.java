//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../blockpages_generator.java
//SOURCES ../common/pages/HtmlPages.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java
//SOURCES Differences.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.pages.HtmlPages;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The command as a whole, against the embedded server, with a folder for the pages. */
class BlockpagesGeneratorTest {

  private RemoteSettingsServer server;
  @TempDir private Path folder;

  @BeforeEach
  void start() throws IOException {
    server =
        RemoteSettingsServer.builder()
            .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
            .sample(true)
            .start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Terminal terminal() {
    return new Terminal().set("SERVER", server.url()).set("TARGET_DIR", folder);
  }

  private Terminal.Outcome run(String... arguments) {
    return terminal().run(new blockpages_generator(), arguments);
  }

  private void block(String id, String name) {
    server.put(
        "blocklists",
        "addons",
        "{\"id\":\"%s\",\"details\":{\"name\":\"%s\",\"created\":\"2015-02-03T00:00:00Z\"}}"
            .formatted(id, name));
  }

  /** What is in the folder, by name. */
  private Map<String, String> files() throws IOException {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> found = Files.list(folder)) {
      for (Path file : found.toList()) {
        files.put(
            file.getFileName().toString(),
            Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                ? Files.readString(file)
                : "no file");
      }
    }
    return files;
  }

  // ---- what is published

  @Test
  void every_record_has_its_page_and_the_index_links_to_each() throws IOException {
    assertEquals(0, run().exit());
    Map<String, String> files = files();
    String index = files.remove("index.html");
    assertEquals(20, files.size());
    files.forEach((name, html) -> {
      assertTrue(index.contains("href=\"" + name + "\""), name);
      assertTrue(html.contains("has been blocked for your protection."), name);
    });
  }

  @Test
  void a_second_run_writes_nothing() throws IOException {
    run();
    Map<String, String> before = files();
    Terminal.Outcome outcome = run();
    assertEquals("", outcome.stdout());
    assertEquals("blockpages_generator: 21 pages: 0 written, 21 unchanged\n", outcome.stderr());
    assertEquals(before, files());
  }

  @Test
  void only_what_changed_is_written_and_upload_all_writes_the_rest_too() throws IOException {
    run();
    block("new", "New");
    assertEquals(
        "Writing new.html to %1$s\nWriting index.html to %1$s\n".formatted(folder), run().stdout());
    assertEquals(22, run("--upload-all").stdout().lines().count());
  }

  @Test
  void a_page_that_somebody_changed_is_written_again() throws IOException {
    run();
    Map<String, String> before = files();
    Files.writeString(folder.resolve("i71.html"), "something else");
    assertEquals("Writing i71.html to %s\n".formatted(folder), run().stdout());
    assertEquals(before, files());
  }

  @ParameterizedTest
  @ValueSource(strings = {"rw-------", "rw-r-----", "rw-rw-rw-"})
  void a_page_that_is_replaced_has_its_permissions_from_the_first_moment(String permissions)
      throws Exception {
    Path page = Files.writeString(folder.resolve("a.html"), "old");
    Set<PosixFilePermission> expected = PosixFilePermissions.fromString(permissions);
    Files.setPosixFilePermissions(page, expected);
    Set<PosixFilePermission> seen = ConcurrentHashMap.newKeySet();
    Thread watch = Thread.ofPlatform().start(() -> watch(seen));
    byte[] html = new byte[4 * 1024 * 1024];
    for (int i = 0; i < 50; i++) {
      HtmlPages.replace(page, html);
    }
    watch.interrupt();
    watch.join();
    assertTrue(expected.containsAll(seen), seen::toString);
    assertFalse(seen.isEmpty());
    assertEquals(expected, Files.getPosixFilePermissions(page));
    assertEquals(Set.of("a.html"), files().keySet());
  }

  /** Notes the permissions of all files in the folder, until it is interrupted. */
  private void watch(Set<PosixFilePermission> seen) {
    while (!Thread.currentThread().isInterrupted()) {
      for (File file : folder.toFile().listFiles()) {
        try {
          seen.addAll(Files.getPosixFilePermissions(file.toPath()));
        } catch (IOException e) {
          // it is gone
        }
      }
    }
  }

  @Test
  void the_index_comes_last() {
    assertTrue(run().stdout().endsWith("Writing index.html to %s\n".formatted(folder)));
    block("aaa", "New");
    assertTrue(run().stdout().endsWith("Writing index.html to %s\n".formatted(folder)));
  }

  @Test
  void a_page_that_fails_leaves_the_index_as_it_was_and_the_next_run_goes_on() throws IOException {
    block("old", "Old");
    run();
    String index = files().get("index.html");
    server.delete("blocklists", "addons", "old");
    block("bad", "Bad");
    block("good", "Good");
    Path inTheWay = Files.createDirectory(folder.resolve("bad.html"));
    Files.createFile(inTheWay.resolve("x"));
    Terminal.Outcome outcome = run("--prune");
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome
            .stdout()
            .contains(
                "Writing bad.html to %1$s NO VERDICT (cannot write %1$s/bad.html: "
                    .formatted(folder)),
        outcome::toString);
    assertTrue(
        outcome
            .stderr()
            .endsWith(
                """
                blockpages_generator: error: 1 of 23 pages failed: the index stays as it was, and nothing is deleted
                hint: fix the cause and run the command again: it continues from there
                blockpages_generator: 23 pages: 1 written, 20 unchanged, 1 failed (bad.html)
                """),
        outcome::toString);
    assertEquals(index, files().get("index.html"));
    assertTrue(files().containsKey("old.html"));

    Files.delete(inTheWay.resolve("x"));
    Files.delete(inTheWay);
    assertEquals(
        "Writing bad.html to %1$s\nWriting index.html to %1$s\nDeleting old.html from %1$s\n"
            .formatted(folder),
        run("--prune").stdout());
  }

  @Test
  void where_one_page_after_the_other_fails_the_rest_is_not_tried() throws IOException {
    run();
    for (String page : List.copyOf(files().keySet())) {
      Files.delete(folder.resolve(page));
      Files.createDirectory(folder.resolve(page));
      Files.createFile(folder.resolve(page).resolve("x"));
    }
    Terminal.Outcome outcome =
        terminal().set("PARALLEL_REQUESTS", "1").run(new blockpages_generator());
    assertEquals(2, outcome.exit());
    assertEquals(8, outcome.stdout().lines().count());
    assertTrue(outcome.stderr().contains(", 12 not tried\n"), outcome::toString);
  }

  @Test
  void a_dry_run_writes_nothing_and_says_what_would_be() throws IOException {
    block("old", "Old");
    run();
    server.delete("blocklists", "addons", "old");
    block("new", "New");
    Map<String, String> before = files();
    Terminal.Outcome outcome = run("--dry-run", "--prune");
    assertEquals(0, outcome.exit());
    Differences.assertSameText(
        """
        Would write new.html to %1$s
        Would write index.html to %1$s
        Would delete old.html from %1$s
        """
            .formatted(folder),
        outcome.stdout());
    assertEquals(
        "blockpages_generator: 22 pages: 2 would be written, 20 unchanged, 1 would be deleted\n",
        outcome.stderr());
    assertEquals(before, files());
    assertEquals(
        outcome.stdout(),
        terminal()
            .set("DRY_RUN", "true")
            .set("PRUNE", "1")
            .run(new blockpages_generator())
            .stdout());
  }

  @Test
  void a_dry_run_makes_no_folder() {
    Path missing = folder.resolve("missing");
    assertEquals(0, run("--dry-run", "--target-dir", missing.toString()).exit());
    assertFalse(Files.exists(missing));
  }

  @Test
  void verbose_names_what_did_not_change() {
    run();
    assertTrue(
        run("--verbose").stderr().contains("blockpages_generator: i71.html did not change\n"));
  }

  // ---- what is deleted

  @Test
  void prune_deletes_pages_that_this_command_made_and_nothing_else() throws IOException {
    block("old", "Old");
    run();
    server.delete("blocklists", "addons", "old");
    Files.writeString(folder.resolve("about.html"), "<!DOCTYPE html><title>By hand</title>");
    Files.writeString(folder.resolve("notes.txt"), files().get("old.html"));
    Path outside =
        Files.writeString(folder.resolveSibling("outside.html"), files().get("old.html"));
    Files.createSymbolicLink(folder.resolve("link.html"), outside);
    assertEquals("", run("--dry-run").stdout().replaceAll("(?m)^Would write index.*\n", ""));
    Terminal.Outcome outcome = run("--prune");
    assertEquals(0, outcome.exit(), outcome::toString);
    assertTrue(outcome.stdout().contains("Deleting old.html from %s\n".formatted(folder)));
    assertFalse(files().containsKey("old.html"));
    assertTrue(files().keySet().containsAll(List.of("about.html", "notes.txt", "link.html")));
    assertTrue(Files.exists(outside));
    Files.delete(outside);
  }

  @Test
  void without_prune_pages_of_records_that_are_gone_stay() throws IOException {
    block("old", "Old");
    run();
    server.delete("blocklists", "addons", "old");
    assertEquals("Writing index.html to %s\n".formatted(folder), run().stdout());
    assertTrue(files().containsKey("old.html"));
  }

  @Test
  void an_empty_collection_prunes_nothing_unless_that_is_meant() throws IOException {
    run();
    Map<String, String> before = files();
    server.store().drop("blocklists", "plugins");
    server.create("blocklists", "plugins");
    assertEquals(2, run("--prune").exit());
    assertEquals(before, files());
    assertEquals(0, run("--prune", "--allow-empty").exit());
    assertEquals(
        List.of(), files().keySet().stream().filter(name -> name.startsWith("p")).toList());
  }

  // ---- the folder

  @Test
  void a_link_in_the_folder_is_replaced_and_not_followed() throws IOException {
    Path outside = Files.writeString(folder.resolveSibling("elsewhere.html"), "mine");
    Files.createSymbolicLink(folder.resolve("i71.html"), outside);
    assertEquals(0, run().exit());
    assertEquals("mine", Files.readString(outside));
    assertTrue(files().get("i71.html").contains("has been blocked"));
    Files.delete(outside);
  }

  @Test
  void nothing_but_pages_is_left_in_the_folder() throws IOException {
    run();
    assertTrue(files().keySet().stream().allMatch(name -> name.matches("[a-z0-9]+\\.html")));
  }

  @Test
  void a_folder_that_cannot_be_made_is_one_line() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    Terminal.Outcome outcome = run("--target-dir", file.resolve("pages").toString());
    assertEquals(2, outcome.exit());
    Differences.assertSameText(
        """
        blockpages_generator: error: cannot read %s/pages: it is not a folder
        hint: check TARGET_DIR (docs/runbooks/pages-not-updated.md)
        """
            .formatted(file),
        outcome.stderr());
  }

  // ---- what is read

  @Test
  void collections_are_read_past_the_caches_and_each_once() {
    assertEquals(
        0,
        terminal()
            .set("ADDONS_COLLECTIONS", "addons, addons")
            .set("PLUGINS_COLLECTIONS", "plugins,addons")
            .run(new blockpages_generator())
            .exit());
    List<String> read =
        server.requests().stream().map(request -> request.path().toString()).toList();
    assertEquals(Set.copyOf(read).size(), read.size(), read.toString());
    assertEquals(
        2, read.stream().filter(path -> path.endsWith("/changeset")).count(), read.toString());
  }

  @Test
  void what_the_server_cuts_is_published_to_its_end() throws IOException {
    try (RemoteSettingsServer cutting =
        RemoteSettingsServer.builder().maxFetchSize(10).pageSize(7).start()) {
      for (int i = 0; i < 12; i++) {
        cutting.put("blocklists", "addons", "{\"id\":\"r%02d\",\"name\":\"x\"}".formatted(i));
      }
      cutting.put("blocklists", "plugins", "{\"id\":\"p\",\"name\":\"x\"}");
      Terminal.Outcome outcome =
          terminal().set("SERVER", cutting.url()).run(new blockpages_generator());
      assertEquals(0, outcome.exit(), outcome::toString);
      for (String file : List.of("r00.html", "r09.html", "r10.html", "r11.html", "p.html")) {
        assertTrue(Files.exists(folder.resolve(file)), file);
      }
    }
  }

  @Test
  void as_many_records_as_servers_leave_are_not_published_from_a_reader() throws IOException {
    String records =
        IntStream.range(0, 10_000)
            .mapToObj("{\"id\":\"r%d\"}"::formatted)
            .collect(Collectors.joining(","));
    server.answer("/v1/", 200, "application/json", "{\"git\": {}, \"capabilities\": {}}");
    for (String more : List.of("", ",{\"id\":\"more\"}")) {
      server.answer(
          "/v1/buckets/blocklists/collections/addons/changeset",
          200,
          "application/json",
          "{\"metadata\": {}, \"timestamp\": 1, \"changes\": [%s]}".formatted(records + more));
      Terminal.Outcome outcome = terminal().run(new blockpages_generator(), "--dry-run");
      assertEquals(more.isEmpty() ? 2 : 0, outcome.exit(), more);
      assertEquals(
          more.isEmpty(),
          outcome
              .stderr()
              .contains(
                  "it has 10000 records, at which servers cut a changeset; there may be more\n"
                      + "hint: ask the writer's /v1, which tells how many there are"
                      + " (docs/runbooks/no-verdict.md)\n"),
          outcome.stderr());
      assertTrue(
          outcome.stderr().contains("this reader does not say") || more.isEmpty(),
          outcome.stderr());
    }
  }

  @Test
  void nothing_is_published_unless_every_collection_was_read_whole() throws IOException {
    for (String fault : List.of("503", "cut", "not-json", "404", "reset")) {
      server.clearFaults();
      server.fault(fault + "=blocklists/plugins");
      Terminal.Outcome outcome = terminal().once().run(new blockpages_generator(), "--prune");
      assertEquals(2, outcome.exit(), fault);
      assertEquals("", outcome.stdout(), fault);
    }
    assertEquals(Map.of(), files());
  }

  @Test
  void json_and_text_give_the_same_verdicts() throws IOException {
    block("../x", "Odd");
    Terminal.Outcome text = run("--dry-run");
    Terminal.Outcome json = run("--dry-run", "--format", "json");
    assertEquals(1, text.exit());
    assertEquals(1, json.exit());
    JsonNode document = Store.JSON.readTree(json.stdout());
    List<String> lines = new ArrayList<>();
    document.get("findings").forEach(finding -> lines.add(finding.stringValue()));
    document
        .get("results")
        .forEach(result ->
            lines.add("Would write %s to %s".formatted(result.get("file").stringValue(), folder)));
    assertEquals(text.stdout().lines().toList(), lines);
    assertEquals("planned", document.get("results").get(0).get("status").stringValue());
  }

  @Test
  void ctrl_c_leaves_the_index_as_it_was() throws IOException {
    Terminal terminal = terminal().set("PARALLEL_REQUESTS", "1");
    List<Runnable> interrupts = terminal.interrupts();
    server.before(
        "/v1/buckets/blocklists/collections/plugins/changeset", _ -> interrupts.getFirst().run());
    Terminal.Outcome outcome = terminal.run(new blockpages_generator());
    assertEquals(130, outcome.exit(), outcome::toString);
    assertEquals(new TreeSet<>(), files().keySet());
  }

  @Test
  void exit_zero_turns_a_record_without_a_page_into_zero() {
    block("../x", "Odd");
    assertEquals(1, run().exit());
    assertEquals(0, run("--exit-zero").exit());
  }
}
