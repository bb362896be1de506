//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../common/Runner.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES Blocks.java
//SOURCES Differences.java
//SOURCES Installed.java
//SOURCES Patience.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Runner;
import common.signature.CertificateChain;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What README and guides show is what the commands do, and works as typed. */
@Order(1) // takes long, so it begins first
@Execution(ExecutionMode.CONCURRENT)
class ReadmeTest {

  private static final Path ROOT = Project.root();

  static final Map<String, Supplier<Runner.Command>> COMMANDS =
      new TreeMap<>(
          Map.of(
              "backport_records", backport_records::new,
              "blockpages_generator", blockpages_generator::new,
              "consistency_checks", consistency_checks::new,
              "refresh_signature", refresh_signature::new,
              "uptake_health", uptake_health::new,
              "validate_changes_collection", validate_changes_collection::new,
              "validate_signature", validate_signature::new));

  private static final Pattern EXAMPLE =
      Pattern.compile("<!-- transcript: (\\S+) -->\n```console\n(.*?)```", Pattern.DOTALL);

  static String readme() throws IOException {
    return page("README.md");
  }

  private static String page(String name) throws IOException {
    return Files.readString(ROOT.resolve(name));
  }

  @Test
  void the_readme_is_read_to_its_end() throws IOException {
    long lines = readme().lines().count();
    assertTrue(lines <= 200, lines + " lines");
  }

  @Test
  void every_example_is_what_a_transcript_says() throws IOException {
    int examples = 0;
    for (Path guide : Blocks.guides()) {
      String text = Files.readString(guide);
      StringBuilder asItShouldBe = new StringBuilder();
      int end = 0;
      for (MatchResult example : EXAMPLE.matcher(text).results().toList()) {
        examples++;
        String transcript = page("tests/golden/" + example.group(1) + ".txt");
        asItShouldBe
            .append(text, end, example.start(2))
            .append(transcript, transcript.indexOf("$ "), transcript.indexOf("--- stderr\n"));
        end = example.end(2);
      }
      Differences.assertFile(
          guide,
          asItShouldBe + text.substring(end),
          "ReadmeTest.every_example_is_what_a_transcript_says");
    }
    assertTrue(examples > COMMANDS.size(), examples + " examples");
  }

  @Test
  void every_command_has_a_row_and_a_page() throws IOException {
    assertEquals(
        Set.copyOf(Installed.commands()),
        COMMANDS.keySet(),
        "the commands that this class looks at");
    for (String command : COMMANDS.keySet()) {
      Matcher sentence =
          Pattern.compile("(?m)^//DESCRIPTION (.*)$").matcher(page(command + ".java"));
      assertTrue(sentence.find(), command);
      String row = "\n| [`%s`](docs/%s.md) | %s |\n".formatted(command, command, sentence.group(1));
      assertTrue(readme().contains(row), row);
      assertTrue(page("docs/" + command + ".md").startsWith("# " + command + "\n"), command);
    }
  }

  @Test
  void every_cause_is_explained() throws IOException {
    String page = page("docs/validate_signature.md");
    for (CertificateChain.Cause cause : CertificateChain.Cause.values()) {
      assertTrue(page.contains("`" + cause.slug() + "`"), cause.slug());
    }
  }

  /**
   * Runs each block with a real shell and the real JBang, as a user whose {@code ~/.local/bin} has
   * the commands already. Left out are the tests, which run just now, and what would change the
   * checkout.
   */
  @TestFactory
  @Execution(ExecutionMode.SAME_THREAD)
  Stream<DynamicTest> every_block_works_as_typed(@TempDir Path folder) throws IOException {
    List<DynamicTest> blocks = new ArrayList<>();
    for (Path guide : Blocks.guides()) {
      Blocks.of(guide).stream()
          .filter(block -> block.language().equals("sh") && !block.isLeftOut())
          .map(block -> DynamicTest.dynamicTest(block.where(), () -> type(block.text(), folder)))
          .forEach(blocks::add);
    }
    return blocks.stream();
  }

  private static String jbangCache() {
    Map<String, String> variables = System.getenv();
    String home = System.getProperty("user.home") + "/.jbang";
    return variables.getOrDefault(
        "JBANG_CACHE_DIR", variables.getOrDefault("JBANG_DIR", home) + "/cache");
  }

  private static void type(String block, Path folder) throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Project.Outcome outcome =
          Patience.run(
                  "sh",
                  "-e",
                  "-c",
                  block.replace("http://localhost:8888/v1", server.url().toString()))
              .in(ROOT)
              .env("SERVER", server.url())
              .env("JBANG_DIR", folder.resolve("jbang"))
              .env("JBANG_CACHE_DIR", jbangCache()) // what is built already is not built again
              .env("HOME", Installed.once().home())
              .env("XDG_CACHE_HOME", Peers.cache().getParent())
              // on the PATH already, else `app install` edits the user's own start-up files
              .env("PATH", folder.resolve("jbang/bin") + File.pathSeparator + System.getenv("PATH"))
              .go();
      assertEquals(0, outcome.exit(), outcome.stdout() + outcome.stderr());
    }
  }

  @Test
  void what_the_embedded_server_prints_at_its_start_works_as_typed() throws Exception {
    Process server =
        new ProcessBuilder("./jbang", "local_server", "--port", "0", "--sample")
            .directory(ROOT.toFile())
            .redirectErrorStream(true)
            .start();
    List<String> said = new ArrayList<>();
    try (BufferedReader lines = server.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        said.add(line);
        if (line.equals("Ctrl-C stops the server.")) {
          break;
        }
      }
      List<String> typed = said.stream().filter(line -> line.startsWith("  ")).toList();
      assertEquals(3, typed.size(), said.toString());
      for (String line : typed) {
        Project.Outcome outcome = Patience.run("sh", "-c", line.strip()).in(ROOT).go();
        assertEquals(0, outcome.exit(), line + "\n" + outcome.stdout() + outcome.stderr());
      }
      String all = String.join("\n", said);
      assertTrue(all.contains("Accounts (the password is the name): admin, editor, reviewer"), all);
      assertTrue(all.matches("(?s).*Root hash: ([0-9A-F]{2}:){31}[0-9A-F]{2}\n.*"), all);
    } finally {
      server.descendants().forEach(ProcessHandle::destroyForcibly);
      server.destroyForcibly();
    }
  }
}
