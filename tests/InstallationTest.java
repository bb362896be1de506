//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Installation.java
//SOURCES ../deploy/Jar.java
//SOURCES ../deploy/Project.java
//SOURCES Differences.java
//SOURCES Patience.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What an installation changes in its folder, and what it leaves as it was. A shell script stands
 * for Java here: it says how it was called. {@link LaunchersTest} has the real ones.
 */
class InstallationTest {

  private static final List<String> NAMES = List.of("uptake_health", "validate_signature");

  @TempDir Path temp;

  private Path bin;
  private Path java;
  private Jar classes;
  private Path library;
  private final List<String> said = new ArrayList<>();
  private final List<String> steps = Collections.synchronizedList(new ArrayList<>());

  @BeforeEach
  void prepare() throws IOException {
    temp = temp.toRealPath();
    bin = temp.resolve("bin");
    java = java("java-25", "25.0.3");
    classes =
        new Jar(
            jar("classes.jar", "validate_signature.class", "install.class", "common/Http.class"),
            NAMES);
    library = jar("library-1.0.jar", "some/Library.class");
  }

  /** A home of Java whose {@code java} prints its arguments, one a line, and has findings. */
  private Path java(String name, String version) throws IOException {
    Path home = Files.createDirectories(temp.resolve(name));
    Files.createDirectories(home.resolve("bin"));
    Files.writeString(
        home.resolve("release"),
        "IMPLEMENTOR=\"Somebody\"\nJAVA_VERSION=\"%s\"\nOS_NAME=\"Linux\"\n".formatted(version));
    executable(
        home.resolve("bin/java"),
        "#!/bin/sh\nprintf '%s\\n' " + name + " \"$@\"\nexit ${CODE:-101}\n");
    return home;
  }

  private static void executable(Path file, String text) throws IOException {
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Path jar(String name, String... entries) throws IOException {
    Path jar = temp.resolve(name);
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (String entry : entries) {
        out.putNextEntry(new ZipEntry(entry));
        out.write(entry.getBytes());
      }
    }
    return jar;
  }

  private Installation installation(Path folder) {
    return new Installation(
        folder,
        NAMES.stream()
            .map(name ->
                new Installation.Program(
                    name,
                    "Does " + name + ".",
                    List.of(library),
                    List.of("-XX:+UseSerialGC", "-Xb")))
            .toList(),
        steps::add);
  }

  private void install() throws IOException, Installation.Refused {
    install(bin);
  }

  private void install(Path folder) throws IOException, Installation.Refused {
    installation(folder)
        .install(java, classes, (_, _, archive) -> Files.createFile(archive), said::add);
  }

  private Project.Outcome run(String name, Object... arguments) {
    return run(bin, name, Map.of(), arguments);
  }

  private static Project.Outcome run(
      Path folder, String name, Map<String, String> more, Object... arguments) {
    List<Object> line = new ArrayList<>(List.of(folder.resolve(name)));
    line.addAll(List.of(arguments));
    Project.Run run =
        Patience.run(line.toArray()).onlyEnv(Patience.with(Map.of("PATH", System.getenv("PATH"))));
    more.forEach(run::env);
    return run.go();
  }

  /** Everything below the parent of the folders that installations go to. */
  private Set<String> files(Path folder) throws IOException {
    if (Files.notExists(folder)) {
      return Set.of();
    }
    try (Stream<Path> found = Files.walk(folder)) {
      return found
          .map(file -> folder.relativize(file).toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private List<Path> homes() throws IOException {
    try (Stream<Path> found = Files.list(bin.resolve(".remote-settings-lambdas"))) {
      return found.filter(Files::isDirectory).sorted().toList();
    }
  }

  @Test
  void a_launcher_starts_java_with_its_class_path_archive_and_arguments() throws Exception {
    install();
    Project.Outcome outcome = run("validate_signature", "--only", "two  words", "", "$HOME", "*");
    String home = homes().getFirst().toString();
    assertEquals(
        List.of(
            "java-25",
            "-XX:+UseSerialGC",
            "-Xb",
            "-XX:AOTCache=" + home + "/validate_signature.aot",
            "-Xlog:disable",
            "-XX:+DisplayVMOutputToStderr",
            "-cp",
            home + "/lib/remote-settings-lambdas-0.7.0.jar:" + home + "/lib/library-1.0.jar",
            "LaunchedCommand",
            "validate_signature",
            "--only",
            "two  words",
            "",
            "$HOME",
            "*"),
        outcome.stdout().lines().toList());
    assertEquals(1, outcome.exit(), "as LaunchedCommand says it");
  }

  @ParameterizedTest
  @CsvSource({"100, 0", "101, 1", "102, 2", "129, 129", "130, 130", "141, 141", "143, 143"})
  void the_exit_code_is_the_commands(int code, int expected) throws Exception {
    install();
    Project.Outcome outcome = run(bin, "uptake_health", Map.of("CODE", Integer.toString(code)));
    assertEquals(expected, outcome.exit());
    assertEquals("", outcome.stderr());
  }

  /** 3 is that of -XX:+ExitOnOutOfMemoryError, 127 of a missing library, 134 of a crash. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 99, 103, 127, 134, 137})
  void a_java_that_ends_without_the_command_is_no_verdict(int code) throws Exception {
    install();
    Project.Outcome outcome = run(bin, "uptake_health", Map.of("CODE", Integer.toString(code)));
    assertEquals(2, outcome.exit());
    Differences.assertSameText(
        """
        uptake_health: error: Java did not start, or failed before there was a verdict (exit code %d)
        hint: look at the free memory, the limits (ulimit -a) and the working directory, \
        or install it again
        """
            .formatted(code),
        outcome.stderr());
  }

  @Test
  void a_java_that_cannot_be_run_is_no_verdict() throws Exception {
    install();
    executable(java.resolve("bin/java"), "#!/nonexistent/interpreter\n");
    Project.Outcome outcome = run("uptake_health");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains("uptake_health: error: Java did not"), outcome.stderr());
  }

  @Test
  void a_java_that_does_not_start_names_the_variables_that_change_how_it_does() throws Exception {
    install();
    for (String name : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
      Project.Outcome outcome = run(bin, "uptake_health", Map.of("CODE", "1", name, "-Xbogus"));
      assertTrue(outcome.stderr().contains("hint: look at JAVA_TOOL_OPTIONS"), outcome.stderr());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "-Dsome=thing, true, true",
    "-XX:-UseG1GC, true, true",
    "-XX:+UseG1GC, false, true",
    "-Xmx1g -XX:+UseParallelGC, false, true",
    "-Xshare:off, true, false",
    "-XX:SharedArchiveFile=other.jsa, true, false",
    "-XX:+AutoCreateSharedArchive, true, false",
    "-XX:AOTCacheOutput=other.aot, true, false",
    "-XX:VMOptionsFile=file, false, false",
    "-XX:Flags=file, false, false",
    "@file, false, false",
  })
  void a_launcher_chooses_only_what_the_environment_does_not(
      String options, boolean collector, boolean archive) throws Exception {
    install();
    for (String name : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
      List<String> given =
          run(bin, "uptake_health", Map.of(name, options)).stdout().lines().toList();
      assertEquals(collector, given.contains("-XX:+UseSerialGC"), given::toString);
      assertEquals(
          archive, given.stream().anyMatch(one -> one.contains("AOTCache=")), given::toString);
      assertTrue(given.contains("-Xb") && !given.contains(""), given::toString);
    }
  }

  @Test
  void steps_are_told_with_their_number() throws Exception {
    install();
    int all = NAMES.size();
    assertEquals("copying jar 1 of 1", steps.get(0));
    assertEquals("0 of %d commands prepared".formatted(all), steps.get(1));
    assertTrue(steps.contains("%d of %d commands prepared".formatted(all, all)), steps::toString);
    assertEquals(2 + all, steps.size(), steps::toString);
  }

  @Test
  void what_installs_is_not_installed() throws Exception {
    install();
    Path jar = homes().getFirst().resolve("lib/remote-settings-lambdas-0.7.0.jar");
    try (JarFile entries = new JarFile(jar.toFile())) {
      assertEquals(
          List.of("common/Http.class", "validate_signature.class"),
          entries.stream().map(ZipEntry::getName).toList());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"with spaces", "it's", "say \"hi\"", "$HOME", "back\\slash", "@NAME@", "ü"})
  void a_folder_may_have_any_name_that_a_class_path_can_hold(String name) throws Exception {
    Path folder = temp.resolve(name);
    install(folder);
    Project.Outcome outcome = run(folder, "validate_signature", Map.of());
    assertEquals(1, outcome.exit(), outcome.stderr());
    assertTrue(outcome.stdout().contains("-cp\n" + folder + "/.remote"), outcome.stdout());
    assertEquals(1, run(folder, "remote-settings-lambdas", Map.of(), "uptake_health").exit());
    assertEquals(0, run(folder, "remote-settings-lambdas", Map.of(), "uninstall").exit());
    assertEquals(Set.of(""), files(folder));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a:b", "a\nb"})
  void a_folder_that_no_class_path_can_hold_is_refused(String name) throws Exception {
    Path folder = temp.resolve(name);
    Installation.Refused refused = assertThrows(Installation.Refused.class, () -> install(folder));
    assertTrue(refused.getMessage().startsWith("commands cannot run from"), refused.getMessage());
    assertFalse(Files.exists(folder));
  }

  @Test
  void installing_the_same_again_prepares_nothing_anew() throws Exception {
    install();
    Set<String> first = files(bin);
    installation(bin)
        .install(
            java,
            classes,
            (_, command, _) -> {
              throw new AssertionError(command + " was trained again");
            },
            said::add);
    assertEquals(first, files(bin));
  }

  @Test
  void installing_again_mends_a_launcher_that_is_gone() throws Exception {
    install();
    Files.delete(bin.resolve("uptake_health"));
    install();
    assertEquals(1, run("uptake_health").exit());
  }

  @Test
  void an_upgrade_keeps_what_may_be_running_and_removes_what_was_before() throws Exception {
    List<Path> homes = new ArrayList<>();
    for (String version : List.of("1", "2", "3")) {
      library = jar("library-" + version + ".jar", "some/Library.class");
      install();
      List<Path> now = new ArrayList<>(homes());
      now.removeAll(homes);
      homes.addAll(now);
      assertTrue(run("validate_signature").stdout().contains("library-" + version + ".jar"));
    }
    assertEquals(3, homes.size());
    assertFalse(Files.exists(homes.get(0)));
    assertTrue(Files.exists(homes.get(1)), "what was replaced just now may be running");
    assertTrue(Files.exists(homes.get(2)));
  }

  @Test
  void what_a_killed_installation_left_is_done_anew() throws Exception {
    install();
    Path home = homes().getFirst();
    Files.delete(home.resolve("complete"));
    Files.delete(home.resolve("lib/library-1.0.jar"));
    for (String name : NAMES) {
      Files.delete(bin.resolve(name)); // it comes to them at the end
    }
    Files.delete(bin.resolve("remote-settings-lambdas"));
    install();
    assertTrue(Files.exists(home.resolve("lib/library-1.0.jar")));
    assertEquals(1, run("validate_signature").exit());
  }

  @Test
  void a_file_of_somebody_else_s_is_not_overwritten() throws Exception {
    Files.createDirectories(bin);
    Files.writeString(bin.resolve("validate_signature"), "#!/bin/sh\nexec jbang run …\n");
    Installation.Refused refused = assertThrows(Installation.Refused.class, this::install);
    assertEquals(
        bin.resolve("validate_signature")
            + " already exists, and was not installed by this program",
        refused.getMessage());
    assertEquals(Set.of("", "validate_signature"), files(bin));
  }

  @Test
  void where_no_folder_can_be_made_nothing_is_left() throws Exception {
    Files.writeString(temp.resolve("file"), "");
    Set<String> before = files(temp);
    Installation.Refused refused =
        assertThrows(Installation.Refused.class, () -> install(temp.resolve("file/bin")));
    assertTrue(
        refused.getMessage().startsWith("cannot write to " + temp.resolve("file/bin") + ": "),
        refused.getMessage());
    assertEquals(before, files(temp));
  }

  @Test
  void a_jar_that_cannot_be_copied_leaves_nothing_behind() throws Exception {
    Files.delete(library);
    Set<String> before = files(temp);
    Installation.Refused refused = assertThrows(Installation.Refused.class, this::install);
    assertTrue(refused.getMessage().contains("library-1.0.jar"), refused.getMessage());
    assertEquals(before, files(temp), "the folder did not exist before");
  }

  @Test
  void a_failed_upgrade_leaves_the_old_commands_as_they_were() throws Exception {
    install();
    Set<String> before = files(bin);
    library = temp.resolve("missing.jar");
    assertThrows(Installation.Refused.class, this::install);
    assertEquals(before, files(bin));
    assertTrue(run("validate_signature").stdout().contains("library-1.0.jar"));
  }

  @Test
  void a_command_that_cannot_be_trained_is_installed_and_starts_slower() throws Exception {
    installation(bin)
        .install(
            java,
            classes,
            (_, _, _) -> {
              throw new IOException("no memory");
            },
            said::add);
    assertTrue(
        said.contains("warning: uptake_health will start more slowly: no memory"), said.toString());
    assertEquals(1, run("uptake_health").exit());
  }

  @Test
  void what_could_not_be_trained_is_by_the_next_installation_and_leaves_no_half_archive()
      throws Exception {
    installation(bin)
        .install(
            java,
            classes,
            (_, _, archive) -> {
              Files.createFile(archive);
              Files.createFile(Path.of(archive + ".config"));
              throw new IOException("No space left on device");
            },
            said::add);
    Set<String> before = files(homes().getFirst());
    assertEquals(
        List.of(), before.stream().filter(file -> file.matches(NAMES.getFirst() + ".*")).toList());
    install();
    Set<String> trained = new TreeSet<>(before);
    NAMES.forEach(name -> trained.add(name + ".aot"));
    assertEquals(trained, files(homes().getFirst()));
  }

  @Test
  void a_java_of_one_user_for_commands_of_all_is_warned_of() throws Exception {
    Path closed = Files.createDirectory(temp.resolve("closed"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
    java = java("closed/java", "25");
    install(); // where no other user comes to the commands either
    assertEquals(List.of(), said.stream().filter(line -> line.startsWith("warning")).toList());
    Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));
    install();
    assertTrue(
        said.contains(
            "warning: other users cannot run the Java in %s: name another with --java"
                .formatted(java)),
        said.toString());
  }

  @Test
  void a_launcher_whose_java_is_gone_says_so_and_takes_that_of_java_home() throws Exception {
    install();
    Files.move(java, temp.resolve("gone"));
    Project.Outcome outcome = run("validate_signature", "--version");
    assertEquals(2, outcome.exit());
    assertEquals("", outcome.stdout());
    Differences.assertSameText(
        """
        validate_signature: error: the Java that it was installed for is missing, not accessible to \
        this user, or older than 25: %s
        hint: install it again: ./jbang install FOLDER; until then set JAVA_HOME to a Java 25 or \
        newer
        """
            .formatted(java),
        outcome.stderr());

    String other = java("other", "26").toString();
    assertTrue(
        run(bin, "validate_signature", Map.of("JAVA_HOME", other)).stdout().startsWith("other\n"));
    String old = java("old", "21.0.9").toString();
    assertEquals(2, run(bin, "validate_signature", Map.of("JAVA_HOME", old)).exit());
  }

  @Test
  void a_java_that_is_named_by_a_link_is_found_there_after_its_update() throws Exception {
    Path link = Files.createSymbolicLink(temp.resolve("link"), java);
    java = link;
    install();
    Files.delete(link);
    Files.createSymbolicLink(link, java("updated", "25.0.4"));
    assertTrue(run("validate_signature").stdout().startsWith("updated\n"));
  }

  @Test
  void a_launcher_whose_java_has_become_an_older_one_does_not_start_it() throws Exception {
    install();
    Files.writeString(java.resolve("release"), "JAVA_VERSION=\"17.0.15\"");
    Project.Outcome outcome = run("validate_signature");
    assertEquals(2, outcome.exit(), outcome.stdout());
  }

  @Test
  void a_launcher_without_what_it_starts_says_so() throws Exception {
    install();
    Path home = homes().getFirst();
    Files.move(home, temp.resolve("moved"));
    Project.Outcome outcome = run("uptake_health");
    assertEquals(2, outcome.exit());
    Differences.assertSameText(
        """
        uptake_health: error: its installed files are missing, or this user cannot read them: %s
        hint: install it again: ./jbang install FOLDER
        """
            .formatted(home),
        outcome.stderr());
  }

  @Test
  void all_of_them_are_listed_and_run_by_name() throws Exception {
    install();
    Project.Outcome listed = run("remote-settings-lambdas");
    assertEquals(0, listed.exit());
    assertTrue(listed.stdout().contains("\n  uptake_health                Does uptake_health.\n"));
    assertTrue(listed.stdout().startsWith("Check and repair a Remote Settings server"));
    assertEquals(
        List.of(),
        listed.stdout().lines().filter(line -> line.length() > 80 && !line.contains("/")).toList());
    assertEquals(listed.stdout(), run("remote-settings-lambdas", "--help").stdout());
    assertEquals(
        "remote-settings-lambdas 0.7.0\n", run("remote-settings-lambdas", "--version").stdout());

    Project.Outcome one = run("remote-settings-lambdas", "uptake_health", "--max-age", "", "3");
    assertEquals(run("uptake_health", "--max-age", "", "3"), one);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"validate", "validate_signature.java", "lib", "../uptake_health", "--quiet"})
  void a_command_that_is_unknown_is_a_usage_error(String name) throws Exception {
    install();
    Project.Outcome outcome = run("remote-settings-lambdas", name);
    assertEquals(2, outcome.exit());
    Differences.assertSameText(
        """
        remote-settings-lambdas: error: unknown command "%s"
        hint: remote-settings-lambdas --help lists the commands
        """
            .formatted(name),
        outcome.stderr());
  }

  @Test
  void a_name_that_is_unknown_does_nothing_to_a_terminal() throws Exception {
    install();
    String stderr = run("remote-settings-lambdas", "a\u001b[2Jb\nc").stderr();
    assertTrue(stderr.contains("unknown command \"a[2Jbc\"\n"), stderr);
  }

  @Test
  void uninstalling_removes_what_is_ours_and_nothing_else() throws Exception {
    install();
    Files.writeString(bin.resolve("other"), "somebody else's");
    Files.delete(bin.resolve("uptake_health"));
    executable(bin.resolve("uptake_health"), "#!/bin/sh\n# uptake_health of somebody else's\n");
    Project.Outcome outcome = run("remote-settings-lambdas", "uninstall");
    assertEquals(0, outcome.exit(), outcome.stderr());
    assertEquals(
        "Removed the commands of remote-settings-lambdas 0.7.0 from " + bin + "\n",
        outcome.stdout());
    assertEquals(Set.of("", "other", "uptake_health"), files(bin));
    assertEquals(List.of(), said.stream().filter(line -> line.startsWith("warning")).toList());
  }

  @Test
  void installing_and_uninstalling_at_once_ends_with_all_commands_or_none() throws Exception {
    List<String> all = List.of("remote-settings-lambdas", "uptake_health", "validate_signature");
    Set<List<String>> seen = new HashSet<>();
    for (int delay = 0; delay < 60; delay++) {
      install();
      java = java("java-" + delay, "25"); // so that there is something to install
      CompletableFuture<Project.Outcome> uninstalled =
          CompletableFuture.supplyAsync(() -> run("remote-settings-lambdas", "uninstall"));
      Thread.sleep(delay / 4);
      try {
        install();
      } catch (IOException | Installation.Refused e) {
        said.add("not installed: " + e.getMessage());
      }
      assertEquals(0, uninstalled.get().exit(), uninstalled.get()::toString);
      List<String> there = all.stream().filter(name -> Files.exists(bin.resolve(name))).toList();
      seen.add(there);
      for (String name : there) {
        assertTrue(run(name, "--version").exit() < 2, name + " does not run");
      }
    }
    assertTrue(Set.of(all, List.of()).containsAll(seen), seen::toString);
  }

  @Test
  void what_a_killed_uninstallation_has_left_is_removed_by_the_next() throws Exception {
    install();
    Files.move(
        bin.resolve(".remote-settings-lambdas"),
        Files.createDirectory(bin.resolve(".remote-settings-lambdas.removed-1")).resolve("old"));
    assertEquals(2, run("uptake_health").exit());
    assertEquals(0, run("remote-settings-lambdas", "uninstall").exit());
    assertEquals(Set.of(""), files(bin));
  }

  @Test
  void it_can_be_uninstalled_when_java_is_gone_and_installed_again() throws Exception {
    install();
    Path gone = Files.move(java, temp.resolve("gone"));
    assertEquals(0, run("remote-settings-lambdas", "uninstall").exit());
    assertEquals(Set.of(""), files(bin));
    Files.move(gone, java);
    install();
    assertEquals(1, run("validate_signature").exit());
  }
}
