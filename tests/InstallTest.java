//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java
//SOURCES Patience.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.SimpleFileServer;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A command is installed with {@code jbang app install}, or run from a URL, in the forms that the
 * the guides name, with the real JBang. An HTTP server on loopback stands for the repository's web
 * address.
 */
@Order(1) // takes long, so it begins first
class InstallTest {
  private static final Path ROOT = Project.root();

  /** JBang's folder for these tests: each form is built once, and nothing of the user's changes. */
  @TempDir static Path jbangFolder;

  /** Where commands are run: no catalog is near. */
  @TempDir static Path elsewhere;

  private static HttpServer server;

  @BeforeAll
  static void serveTheProject() {
    server = serve();
  }

  /** Removes the link to the start script too, for which JUnit would print a warning. */
  @AfterAll
  static void stopServing() throws IOException {
    server.stop(0);
    Files.deleteIfExists(jbangFolder.resolve("bin/jbang"));
  }

  @ParameterizedTest
  @CsvSource({
    "by_path, ROOT/validate_signature.java",
    "by_alias, validate_signature",
    "by_catalog, validate_signature@ROOT",
    "by_url, URL/validate_signature.java",
    "by_alias_at_url, validate_signature@URL/",
  })
  void command_is_installed_and_runs_in_another_folder(String name, String reference) {
    Project.Outcome installed =
        jbang("app", "install", "--name", name, reference(reference, server)).go();
    assertEquals(0, installed.exit(), installed.stderr());
    assertAnswers(command(name, "--version"));
  }

  @Test
  void command_installed_without_a_name_has_that_of_its_script() {
    Project.Outcome installed = jbang("app", "install", "validate_signature").go();
    assertEquals(0, installed.exit(), installed.stderr());
    assertAnswers(command("validate_signature", "--version"));

    assertEquals(0, jbang("app", "uninstall", "validate_signature").go().exit());
    assertTrue(Files.notExists(jbangFolder.resolve("bin/validate_signature")));
  }

  @Test
  void installed_command_passes_its_arguments_and_its_exit_code() {
    assertEquals(
        0,
        jbang("app", "install", "--name", "strict", ROOT.resolve("validate_signature.java"))
            .go()
            .exit());
    Project.Outcome outcome = command("strict", "--at", "two  words").go();
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains("--at: \"two  words\" is not"), outcome.stderr());
  }

  @Test
  void command_runs_from_a_url_and_once_fetched_without_it() {
    HttpServer repository = serve();
    List<String> urls =
        Stream.of("URL/validate_signature.java", "validate_signature@URL/")
            .map(form -> reference(form, repository))
            .toList();
    try {
      urls.forEach(url -> assertAnswers(jbang(url, "--version")));
    } finally {
      repository.stop(0);
    }
    assumeTrue(
        System.getenv("FAKETIME") == null,
        "faketime moves the clock but not the times of files: JBang takes what is new for old");
    urls.forEach(url -> assertAnswers(jbang(url, "--version")));
  }

  private static HttpServer serve() {
    HttpServer files =
        SimpleFileServer.createFileServer(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            ROOT,
            SimpleFileServer.OutputLevel.NONE);
    files.start();
    return files;
  }

  private static String reference(String text, HttpServer repository) {
    return text.replace("ROOT", ROOT.toString())
        .replace("URL", "http://127.0.0.1:" + repository.getAddress().getPort());
  }

  private static Project.Run jbang(Object... arguments) {
    List<Object> command = new ArrayList<>(List.of(ROOT.resolve("jbang")));
    command.addAll(List.of(arguments));
    return prepared(Patience.run(command.toArray()));
  }

  private static Project.Run command(String name, Object... arguments) {
    List<Object> command = new ArrayList<>(List.of(jbangFolder.resolve("bin").resolve(name)));
    command.addAll(List.of(arguments));
    return prepared(Patience.run(command.toArray()));
  }

  /** JBang's folder of commands is on the PATH; else {@code app install} edits the user's files. */
  private static Project.Run prepared(Project.Run run) {
    return run.in(elsewhere)
        .env("JBANG_DIR", jbangFolder)
        .env("PATH", jbangFolder.resolve("bin") + File.pathSeparator + System.getenv("PATH"));
  }

  private static void assertAnswers(Project.Run run) {
    Project.Outcome outcome = run.go();
    assertEquals(0, outcome.exit(), outcome.stderr());
    assertTrue(
        outcome.stdout().matches("validate_signature \\d+\\.\\d+\\.\\d+\\S*\n"), outcome.stdout());
  }
}
