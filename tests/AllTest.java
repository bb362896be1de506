//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java CanonicalJsonTest.java ContentSignatureTest.java
//SOURCES MozillaRootsTest.java all.java prepare.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The test command finds tests by their names, says how they ended, and prepares no more than they
 * need.
 */
class AllTest {

  @TempDir Path folder;

  @Test
  void chosen_tests_are_run_and_no_peer_is_prepared() {
    Project.Outcome outcome =
        run(
            "",
            "CanonicalJsonTest.the_least_values_are_canonical",
            "CanonicalJsonTest#a_number_beyond_doubles_is_bad",
            "MozillaRootsTest");
    assertEquals(0, outcome.exit(), outcome::toString);
    assertEquals("", outcome.stderr());
    List<String> lines = outcome.stdout().lines().sorted().toList();
    assertEquals(4, lines.size(), outcome::toString);
    assertEquals("", lines.get(0));
    assertTrue(lines.get(1).matches("\\d+ passed, 0 failed, 0 skipped"), outcome::toString);
    String counts = " +\\d+ passed, 0 failed, 0 skipped  \\d+\\.\\d s";
    assertTrue(lines.get(2).matches("CanonicalJsonTest" + counts), outcome::toString);
    assertTrue(lines.get(3).matches("MozillaRootsTest" + counts), outcome::toString);
    assertTrue(Files.notExists(folder.resolve("cache")));
  }

  @Test
  void a_test_whose_peer_is_missing_is_skipped_or_fails_where_peers_are_required() {
    String test = "ContentSignatureTest.openssl_finds_the_stored_signature_good_too";
    Project.Outcome skipped = run("", test);
    assertEquals(1, skipped.exit(), skipped::toString);
    assertTrue(
        skipped
            .stdout()
            .endsWith(
                "\n\nSKIPPED 1: no openssl: not found on PATH\n0 passed, 0 failed, 1 skipped\n"),
        skipped::toString);
    Project.Outcome failed = run("1", test);
    assertEquals(1, failed.exit(), failed::toString);
    List<String> lines = failed.stdout().lines().toList();
    assertEquals("FAILED " + test, lines.get(2), failed::toString);
    assertTrue(
        lines.get(3).endsWith("REQUIRE_PEERS is set and there is no openssl: not found on PATH"),
        failed::toString);
    assertTrue(lines.get(4).startsWith("\tat Peers"), failed::toString);
    assertEquals("0 passed, 1 failed, 0 skipped", lines.getLast());
  }

  @Test
  void a_test_that_runs_alone_downloads_nothing_unless_peers_are_required() {
    String test = "CanonicalJsonTest.ten_thousand_documents_agree_with_canonicaljson_rs";
    Project.Outcome skipped = run("", test);
    assertEquals("", skipped.stderr());
    assertTrue(
        skipped
            .stdout()
            .endsWith(
                "\n\nSKIPPED 1: no python: not downloaded yet; ./jbang prepare does it\n"
                    + "0 passed, 0 failed, 1 skipped\n"),
        skipped::toString);
    assertTrue(Files.notExists(folder.resolve("cache")));
    Project.Outcome failed = run("1", test);
    assertTrue(
        failed.stdout().contains(" cannot be prepared: no python3 (3.9 or newer, with venv)"),
        failed::toString);
  }

  @Test
  void a_name_that_no_test_has_is_refused_with_names_that_contain_it() {
    Project.Outcome outcome = run("", "AllTest", "the_least_values");
    assertEquals(2, outcome.exit(), outcome::toString);
    assertEquals("", outcome.stdout());
    assertEquals(
        "test: error: no test is named the_least_values; did you mean"
            + " CanonicalJsonTest.the_least_values_are_canonical? (--list prints all names)\n",
        outcome.stderr());
  }

  @Test
  void the_list_has_classes_and_methods() {
    Project.Outcome outcome = run("", "--list");
    assertEquals(0, outcome.exit(), outcome::toString);
    List<String> names = outcome.stdout().lines().toList();
    assertTrue(
        names.containsAll(List.of("AllTest", "AllTest.the_list_has_classes_and_methods")),
        outcome::toString);
  }

  @Test
  void terminal_is_shown_how_many_methods_are_done_and_which_classes_run() throws IOException {
    Path classes = Files.createDirectories(folder.resolve("classes"));
    for (Class<?> type : all.class.getNestMembers()) { // beside these it finds no other tests
      try (InputStream in = all.class.getResourceAsStream("/" + type.getName() + ".class")) {
        Files.copy(in, classes.resolve(type.getName() + ".class"));
      }
    }
    Path source =
        Files.writeString(
            folder.resolve("WaitingTest.java"),
            """
            class WaitingTest {
              @org.junit.jupiter.api.Test
              void waits() throws Exception {
                String line = "s, 0 of 1 test methods done, running WaitingTest\\u001b";
                while (!java.nio.file.Files.readString(java.nio.file.Path.of("SHOWN")).contains(line)) {
                  Thread.sleep(20);
                }
              }
            }
            """
                .replace("SHOWN", folder.resolve("shown").toString()));
    String classPath = classes + ":" + System.getProperty("java.class.path");
    Path java = Path.of(System.getProperty("java.home"), "bin");
    Project.Outcome compiled =
        Project.run(java.resolve("javac"), "-d", classes, "-cp", classPath, source).go();
    assertEquals(0, compiled.exit(), compiled::toString);
    Project.Outcome outcome =
        onTerminal("'%s/java' -cp '%s' all WaitingTest".formatted(java, classPath));
    assertEquals(0, outcome.exit(), outcome::toString);
    assertTrue(outcome.stdout().contains("\u001b[KWaitingTest  "), outcome::toString);
  }

  @Test
  void terminal_is_shown_which_peer_is_prepared() throws IOException {
    Path python = folder.resolve("python3");
    Files.writeString(
        python,
        """
        #!/bin/sh
        until command -p grep -q 's, preparing python, 1 of [0-9]* programs' '%s/shown'; do
          command -p sleep 0.1
        done
        exit 1
        """
            .formatted(folder));
    assertTrue(python.toFile().setExecutable(true));
    Project.Outcome outcome =
        onTerminal(
            "'%s/bin/java' -Dproject.root='%s' -cp '%s' prepare"
                .formatted(
                    System.getProperty("java.home"),
                    folder,
                    System.getProperty("java.class.path")));
    assertEquals(0, outcome.exit(), outcome::toString);
    assertTrue(outcome.stdout().contains("\u001b[KMISSING  python: "), outcome::toString);
  }

  /** Runs a command on a terminal, which the file {@code shown} records. */
  private Project.Outcome onTerminal(String command) throws IOException {
    Path shown = Files.writeString(folder.resolve("shown"), "");
    return Project.run("script", "-qefc", command, shown).onlyEnv(environment("")).go();
  }

  /** Runs the command where no program is found on {@code PATH}. */
  private Project.Outcome run(String requirePeers, String... args) {
    List<Object> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java"));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-Dproject.root=" + Project.root()));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "all"));
    command.addAll(List.of(args));
    return Project.run(command.toArray()).onlyEnv(environment(requirePeers)).go();
  }

  private Map<String, String> environment(String requirePeers) {
    return Map.of(
        "PATH",
        folder.toString(), // where there are no programs
        "LC_ALL",
        "C.UTF-8",
        "SHELL",
        "/bin/sh",
        "TERM",
        "xterm",
        "XDG_CACHE_HOME",
        folder.resolve("cache").toString(),
        "REQUIRE_PEERS",
        requirePeers);
  }
}
