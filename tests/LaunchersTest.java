//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Installation.java
//SOURCES Installed.java
//SOURCES Patience.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The commands as {@code ./jbang install} installs them, run as cron and a user run them. */
class LaunchersTest {

  private static Installed installed;

  @TempDir Path elsewhere;

  @BeforeAll
  static void install() {
    installed = Installed.once();
  }

  static List<String> commands() throws IOException {
    return Installed.commands();
  }

  /** As cron has it: no JBang, no JDK, another home, no locale. */
  private Project.Run poor(String command, Object... arguments) {
    return installed
        .run(command, arguments)
        .in(elsewhere)
        .onlyEnv(Patience.with(Map.of("PATH", "/usr/bin:/bin", "HOME", elsewhere.toString())));
  }

  @Test
  void two_installations_at_once_both_succeed() {
    for (Project.Outcome outcome : installed.outcomes()) {
      assertEquals(0, outcome.exit(), outcome.stderr());
      assertTrue(
          outcome.stdout().startsWith("Installed into " + installed.folder() + ":\n  backport_rec"),
          outcome.stdout());
      assertFalse( // of a Java of one's own is warned, too
          outcome.stderr().contains("slower") || outcome.stderr().contains("PATH"),
          outcome.stderr());
    }
    long prepared =
        installed.outcomes().stream()
            .filter(outcome -> outcome.stderr().contains("preparing 7 commands to start fast"))
            .count();
    assertEquals(1, prepared, "one of them does the work");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void each_command_runs_without_jbang_and_without_the_project(String command) throws IOException {
    Project.Outcome outcome = poor(command, "--version").go();
    assertEquals(command + " 0.5.0\n", outcome.stdout(), outcome.stderr());
    String launcher = Files.readString(installed.folder().resolve(command));
    assertFalse(launcher.contains(Project.root().toString()), launcher);
    assertFalse(launcher.contains("/.m2/") || launcher.contains("/cache/"), launcher);
  }

  @Test
  void everyone_may_use_what_root_installed_with_a_strict_umask() throws IOException {
    List<String> closed = new ArrayList<>();
    try (Stream<Path> found = Files.walk(installed.folder())) {
      for (Path path : found.toList()) {
        String may = PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
        boolean own = path.endsWith("lock") || path.endsWith("complete"); // the installation's
        if (!own && !may.matches(Files.isDirectory(path) ? ".{6}r-x" : ".{6}r-[x-]")) {
          closed.add(may + " " + path);
        }
      }
    }
    assertEquals(List.of(), closed);
  }

  /** With this option a JVM ends where it cannot use the archive. */
  @ParameterizedTest
  @MethodSource("commands")
  void each_command_starts_from_an_archive_of_its_own(String command) throws IOException {
    Project.Run run = poor(command, "--version").env("JAVA_TOOL_OPTIONS", "-XX:AOTMode=on");
    Project.Outcome outcome = run.go();
    assertEquals(command + " 0.5.0\n", outcome.stdout(), outcome.stderr());
    try (Stream<Path> found = Files.walk(installed.folder())) {
      assertEquals(1, found.filter(file -> file.endsWith(command + ".aot")).count(), "its archive");
    }
  }

  @ParameterizedTest
  @MethodSource("commands")
  void what_a_command_loads_is_in_its_archive(String command) throws IOException {
    Path log = elsewhere.resolve("loaded");
    String launcher = Files.readString(installed.folder().resolve(command));
    String telling = launcher.replace("-Xlog:disable", "-Xlog:class+load:file=" + log);
    Project.Outcome outcome = Project.run("sh", "-c", telling, command, "--version").go();
    assertEquals(0, outcome.exit(), outcome.stderr());
    List<String> loaded = Files.readAllLines(log);
    assertTrue(loaded.stream().anyMatch(line -> line.contains(" picocli.CommandLine source")));
    assertEquals(
        List.of(), loaded.stream().filter(line -> line.contains("source: file:")).toList());
  }

  @Test
  void a_command_gives_the_verdict_that_it_gives_through_jbang() throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      server.fault("altered-record=main/regions");
      Object[] arguments = {"--server", server.url(), "--only", "main/regions"};
      Project.Outcome outcome = poor("validate_signature", arguments).go();
      List<Object> line =
          new ArrayList<>(List.of(Project.root().resolve("jbang"), "validate_signature"));
      line.addAll(List.of(arguments));
      Project.Outcome through = Patience.run(line.toArray()).go();
      assertEquals(1, outcome.exit(), outcome.stderr());
      assertEquals(through.exit(), outcome.exit());
      assertEquals(untimed(through.stdout()), untimed(outcome.stdout()));
    }
  }

  private static String untimed(String lines) {
    return lines.replaceAll("\\(\\d+\\.\\d+s\\)", "(TIME)");
  }

  @Test
  void a_secret_may_come_from_stdin_and_paths_are_utf_8_without_a_locale() throws IOException {
    Files.writeString(elsewhere.resolve("Größe.env"), "SERVER=http://127.0.0.1:1/v1\n");
    Project.Outcome outcome =
        poor(
                "consistency_checks",
                "--auth-file",
                "-",
                "--env-file",
                "Größe.env",
                "--requests-nb-retries",
                "0")
            .input("editor:editor\n")
            .go();
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains("connection refused"), outcome.stderr());
  }

  @ParameterizedTest
  @MethodSource("commands")
  void completion_offers_the_options_of_a_command_in_bash(String command) {
    String script =
        """
        source <(remote-settings-lambdas completion)
        COMP_WORDS=(%1$s --requests-n) COMP_CWORD=1
        definition=$(complete -p %1$s)
        definition=${definition#* -F }
        "${definition%% *}"
        printf '%%s\\n' "${COMPREPLY[@]}"
        """
            .replace("%1$s", command)
            .replace("%%", "%");
    assertEquals("--requests-nb-retries\n", shell(Peers.BASH.path(), script).stdout());
  }

  @Test
  void completion_offers_the_commands_in_bash() throws IOException {
    String script = "source <(remote-settings-lambdas completion); complete -p ";
    String said = shell(Peers.BASH.path(), script + Installation.DISPATCHER).stdout();
    for (String command : commands()) {
      assertTrue(said.contains(command + " "), said);
    }
  }

  @ParameterizedTest
  @MethodSource("commands")
  void completion_is_known_to_zsh(String command) {
    Path zsh = Peers.ZSH.path();
    String script =
        "autoload -Uz compinit; compinit -u -D; source <(remote-settings-lambdas completion);"
            + " print -r -- $_comps[%s]";
    Project.Outcome outcome = shell(zsh, script.formatted(command));
    assertEquals("", outcome.stderr());
    assertTrue(outcome.stdout().contains("_complete_" + command), outcome.stdout());
  }

  private Project.Outcome shell(Path shell, String script) {
    return Project.run(shell, "-c", script)
        .in(elsewhere)
        .onlyEnv(Map.of("PATH", installed.path(), "HOME", elsewhere.toString()))
        .go();
  }

  @Test
  void it_is_uninstalled_with_the_start_script_too() {
    Path folder = elsewhere.resolve("nothing here");
    Project.Outcome outcome =
        Project.run(Project.root().resolve("jbang"), "uninstall", folder).go();
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome.stderr().contains("uninstall: error: nothing is installed in " + folder),
        outcome.stderr());
  }
}
