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
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

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
    assertEquals(command + " 0.7.0\n", outcome.stdout(), outcome.stderr());
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
    assertEquals(command + " 0.7.0\n", outcome.stdout(), outcome.stderr());
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
  @ValueSource(
      strings = {
        "-XX:+UseG1GC",
        "-XX:+UseParallelGC",
        "-XX:+UseZGC",
        "-Xshare:off",
        "-Xshare:auto"
      })
  void a_command_runs_with_what_the_environment_chooses(String options) {
    for (String name : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
      Project.Outcome outcome = poor("validate_signature", "--version").env(name, options).go();
      assertEquals("validate_signature 0.7.0\n", outcome.stdout(), outcome.stderr());
      assertEquals(0, outcome.exit());
    }
  }

  /** With the last one a JVM prints help, and ends with 0. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "-Xbogus",
        "-javaagent:/nonexistent.jar",
        "-Xmx1m",
        "-XX:Flags=/none",
        "-Xlog:help"
      })
  void a_command_whose_java_does_not_start_has_no_verdict(String options) {
    Project.Outcome outcome =
        poor("validate_signature", "--version").env("JAVA_TOOL_OPTIONS", options).go();
    assertEquals(2, outcome.exit(), outcome.stderr());
    assertFalse(outcome.stdout().contains("0.7.0"), outcome.stdout());
    assertTrue(
        outcome.stderr().contains("\nvalidate_signature: error: Java did not start, or failed"),
        outcome.stderr());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ulimit -v 300000",
        "ulimit -v 1000000",
        "mkdir gone && cd gone && rmdir ../gone",
      })
  void a_command_where_java_cannot_live_has_no_verdict(String surroundings) {
    Project.Outcome outcome =
        shell(Path.of("/bin/sh"), surroundings + " && exec validate_signature --version");
    assertEquals(2, outcome.exit(), outcome::toString);
    assertEquals("", outcome.stdout());
    assertTrue(
        outcome.stderr().contains("validate_signature: error: Java did not start, or failed"),
        outcome.stderr());
  }

  @ParameterizedTest
  @ValueSource(strings = {"remote-settings-lambdas", "picocli", "jackson-core"})
  void a_command_whose_jar_is_missing_or_damaged_has_no_verdict(String name) throws IOException {
    Path home = Files.createDirectories(elsewhere.resolve("home"));
    Path lib = Files.createDirectory(home.resolve("lib"));
    String launcher = Files.readString(installed.folder().resolve("validate_signature"));
    String installedIn = launcher.replaceFirst("(?s).*\nhome='(.*?)'\n.*", "$1");
    try (Stream<Path> jars = Files.list(Path.of(installedIn, "lib"))) {
      for (Path jar : jars.toList()) {
        Path copy = lib.resolve(jar.getFileName());
        if (jar.getFileName().toString().startsWith(name)) {
          Files.writeString(copy, "damaged");
        } else {
          Files.copy(jar, copy);
        }
      }
    }
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      String copied = launcher.replace(installedIn, home.toString());
      Project.Outcome outcome =
          Patience.run("sh", "-c", copied, "validate_signature", "--server", server.url()).go();
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.stderr().contains("validate_signature: error: "), outcome.stderr());
      assertFalse(outcome.stderr().contains("\tat "), outcome.stderr());
    }
  }

  @ParameterizedTest
  @CsvSource({"HUP, 129", "INT, 130", "QUIT, 131", "TERM, 143"})
  void a_signal_ends_a_command_that_says_what_it_has_done(String signal, int code)
      throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
      Process process = waitingFor(silent);
      silent.accept(); // so the command runs
      Project.Outcome outcome = end(process, signal);
      assertEquals(code, outcome.exit(), outcome::toString);
      assertEquals("validate_signature: interrupted\n", outcome.stderr());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM"})
  void a_signal_ends_a_command_silently_whenever_it_comes(String signal) throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 99, InetAddress.getLoopbackAddress())) {
      for (int delay = 0; delay <= 300; delay += 6) {
        Process process = waitingFor(silent);
        Thread.sleep(delay);
        Project.Outcome outcome = end(process, signal);
        assertEquals(signal.equals("INT") ? 130 : 143, outcome.exit(), outcome::toString);
        assertTrue(
            Set.of("", "validate_signature: interrupted\n").contains(outcome.stderr()),
            outcome::toString);
        assertFalse(outcome.stdout().contains("\tat "), outcome::toString);
      }
    }
  }

  /** The signal of {@code timeout} reaches both the launcher and its Java. */
  @Test
  void timeout_ends_a_command_whenever_it_comes() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 99, InetAddress.getLoopbackAddress())) {
      for (int delay = 10; delay <= 300; delay += 10) {
        Process process =
            waitingFor(silent, "timeout", "--preserve-status", "0.%03d".formatted(delay));
        Project.Outcome outcome = ended(process);
        assertEquals(143, outcome.exit(), outcome::toString);
        assertFalse(outcome.stderr().contains(": error: "), outcome::toString);
      }
    }
  }

  /** Starts a command that waits for a server's answer. */
  private static Process waitingFor(ServerSocket server, String... with) throws IOException {
    String url = "http://127.0.0.1:" + server.getLocalPort() + "/v1";
    List<String> line = new ArrayList<>(List.of(with));
    line.add(installed.folder().resolve("validate_signature").toString());
    line.addAll(List.of("--server", url));
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().putAll(Patience.VARIABLES);
    return builder.start();
  }

  private static Project.Outcome end(Process process, String signal) throws Exception {
    Project.run("sh", "-c", "kill -%s %d".formatted(signal, process.pid())).go();
    return ended(process);
  }

  private static Project.Outcome ended(Process process) throws Exception {
    try {
      assertTrue(process.waitFor(5, TimeUnit.MINUTES), "did not end");
      return new Project.Outcome(
          process.exitValue(),
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8),
          new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  @Test
  void stdin_may_be_closed() {
    String command = "validate_signature --version <&-";
    assertEquals("validate_signature 0.7.0\n", shell(Path.of("/bin/sh"), command).stdout());
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
