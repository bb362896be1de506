//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/FastStart.java ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The start script {@code ./jbang}, as a process.
 *
 * <p>Most tests run a copy of it in a small world of its own: a PATH with a few tools, a home and
 * system folders of the test, JDKs whose {@code java} is a shell script that plays JBang. The last
 * ones run the real thing.
 */
class StartScriptTest {
  /** The programs that the start script and the stubs may use. */
  private static final List<String> TOOLS =
      List.of(
          """
          sh cat cp fold id ln ls mkdir mktemp mv readlink rm rmdir sed sha256sum shasum openssl \
          sleep tail grep awk env nice setsid stat\
          """
              .split(" "));

  /** What arguments can hold. JBang would drop the first and change some of the others. */
  private static final List<String> ODD_ARGUMENTS =
      List.of(
          "",
          " ",
          "two  words",
          "*",
          "$HOME `ls` $(ls)",
          "it's",
          "\"quoted\"",
          "back\\slash\\",
          "@jbang-catalog.json",
          "%{http://127.0.0.1/}",
          "--help",
          "--",
          "-",
          "two\nlines",
          "naïve 😀",
          "demo",
          "");

  private static final String CATALOG =
      """
      {
        "aliases": {
          "demo": {
            "script-ref": "demo.java",
            "description": "Show it, and wrap what is longer than the second of two columns."
          },
          "jbang-test": {
            "script-ref": "tests/all.java",
            "description": "Tool: Run the tests."
          }
        }
      }
      """;

  @TempDir Path temp;

  private Path tools;
  private Path home;
  private Path system;
  private Path checkout;
  private Path script;
  private Path shown;
  private Path cached;
  private String pinned;
  private Map<String, String> variables;

  @BeforeEach
  void prepareWorld() throws IOException {
    temp = temp.toRealPath();
    tools = Files.createDirectories(temp.resolve("tools"));
    for (String tool : TOOLS) {
      for (String folder : System.getenv("PATH").split(":")) {
        Path program = Path.of(folder, tool);
        if (Files.isExecutable(program) && Files.notExists(tools.resolve(tool))) {
          Files.createSymbolicLink(tools.resolve(tool), program);
        }
      }
    }
    home = Files.createDirectories(temp.resolve("home"));
    system = Files.createDirectories(temp.resolve("system"));
    checkout = Files.createDirectories(temp.resolve("check out"));
    Files.writeString(checkout.resolve("jbang-catalog.json"), CATALOG);
    String text = Files.readString(Project.root().resolve("jbang"));
    Matcher version = Pattern.compile("^pinned=(\\S+)", Pattern.MULTILINE).matcher(text);
    assertTrue(version.find());
    pinned = version.group(1);
    script = program(checkout.resolve("jbang"), text);
    shown = Files.createFile(temp.resolve("shown"));
    replace("(?m)^system=", "system='" + system + "'");
    variables = new TreeMap<>(Map.of("HOME", home.toString(), "PATH", tools.toString()));
    cached = home.resolve(".cache/remote-settings-lambdas/jbang-" + pinned + ".jar");
  }

  /** Before JUnit does it, with a warning for each link that leads elsewhere. */
  @AfterEach
  void removeLinks() throws IOException {
    try (Stream<Path> files = Files.walk(temp)) {
      for (Path link : files.filter(Files::isSymbolicLink).toList()) {
        Files.delete(link);
      }
    }
  }

  // Which JDK

  @Test
  void java_home_is_used_when_it_is_new_enough() throws IOException {
    cachePinned();
    jdk(system.resolve("usr/lib/jvm/a"), "25.0.1");
    variables.put("JAVA_HOME", jdk(temp.resolve("my jdk"), "26").toString());
    assertEquals(temp.resolve("my jdk"), chosenJdk());
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.8.0_452", "17.0.15", "24"})
  void older_java_home_is_passed_over_without_starting_it(String version) throws IOException {
    cachePinned();
    variables.put("JAVA_HOME", jdk(temp.resolve("old"), version).toString());
    Path good = jdk(system.resolve("usr/lib/jvm/good"), "25.0.1");
    assertEquals(good, chosenJdk());
    assertFalse(Files.exists(temp.resolve("old/asked")));
  }

  @Test
  void jdk_is_found_through_the_links_that_a_path_holds() throws IOException {
    cachePinned();
    jdk(temp.resolve("17"), "17.0.15");
    Path good = jdk(temp.resolve("jdk 25"), "25");
    Path first = Files.createDirectories(temp.resolve("first"));
    Path second = Files.createDirectories(temp.resolve("second"));
    Path alternatives = Files.createDirectories(temp.resolve("alternatives"));
    Files.createSymbolicLink(first.resolve("javac"), temp.resolve("17/bin/javac"));
    Files.createSymbolicLink(alternatives.resolve("javac"), good.resolve("bin/javac"));
    Files.createSymbolicLink(second.resolve("javac"), Path.of("../alternatives/javac"));
    variables.put("PATH", first + ":" + second + "::" + tools);
    assertEquals(good, chosenJdk());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "system/usr/lib/jvm/temurin-25-jdk-amd64",
        "system/usr/lib64/jvm/java-25",
        "system/usr/java/jdk-25",
        "system/opt/java/openjdk",
        "system/opt/jdk-25",
        "system/opt/homebrew/opt/openjdk@25/libexec/openjdk.jdk/Contents/Home",
        "home/.sdkman/candidates/java/25.0.1-tem",
        "home/.jbang/cache/jdks/25.0.1",
        "home/.jdks/temurin 25",
      })
  void jdk_is_found_in_the_usual_folders(String folder) throws IOException {
    cachePinned();
    jdk(system.resolve("usr/lib/jvm/java-17"), "17.0.15");
    Path good = jdk(temp.resolve(folder), "25.0.1");
    assertEquals(good, chosenJdk());
  }

  @Test
  void jdk_is_found_where_macos_says() throws IOException {
    cachePinned();
    Path good = jdk(temp.resolve("elsewhere"), "25.0.1");
    program(
        system.resolve("usr/libexec/java_home"),
        "#!/bin/sh\n[ \"$*\" = '-v 25+' ] && echo '" + good + "'\n");
    assertEquals(good, chosenJdk());
  }

  @Test
  void runtime_without_compiler_is_no_jdk() throws IOException {
    cachePinned();
    Path runtime = jdk(system.resolve("usr/lib/jvm/a"), "25.0.1");
    Files.delete(runtime.resolve("bin/javac"));
    Path good = jdk(system.resolve("usr/lib/jvm/b"), "25.0.1");
    assertEquals(good, chosenJdk());
  }

  @Test
  void without_a_jdk_one_line_says_what_to_install() throws IOException {
    cachePinned();
    jdk(system.resolve("usr/lib/jvm/java-17"), "17.0.15");
    fails(
        "jbang: error: no JDK 25 or newer found; install one (https://adoptium.net) or set"
            + " JAVA_HOME to it");
  }

  @Test
  void java_home_is_set_for_jbang_and_for_the_script() throws IOException {
    cachePinned();
    Path show = program(temp.resolve("show"), "#!/bin/sh\necho \"script: $JAVA_HOME\"\n");
    Path jdk = jbang("echo \"jbang: $JAVA_HOME\" >&2\nprintf '%s\\n' \"'" + show + "'\"\nexit 255");
    Project.Outcome outcome = start("x.java").go();
    assertEquals("script: " + jdk + "\n", outcome.stdout());
    assertEquals("jbang: " + jdk + "\n", outcome.stderr());
  }

  // Which JBang

  @ParameterizedTest
  @ValueSource(
      strings = {
        "path/jbang",
        "home/.jbang/bin/jbang",
        "home/.sdkman/candidates/jbang/current/bin/jbang"
      })
  void installed_jbang_gets_the_pinned_one_once(String command) throws IOException {
    jbang("");
    expectDigestOf("genuine");
    install(command, "genuine");
    assertEquals(new Project.Outcome(0, "", ""), start("--version").go());
    Files.delete(temp.resolve(command));
    assertEquals(new Project.Outcome(0, "", ""), start("--version").go());
    assertEquals("genuine", Files.readString(cached));
    assertEquals(cached, Path.of(lastClassPath()));
    assertOnlyTheJarIsCached();
  }

  @Test
  void installed_jbang_is_not_asked_where_the_pinned_one_is() throws IOException {
    cachePinned();
    jbang("");
    program(tools.resolve("jbang"), "#!/bin/sh\ntouch '" + temp + "/asked'\n");
    assertEquals(new Project.Outcome(0, "", ""), start("--version").go());
    assertEquals(cached, Path.of(lastClassPath()));
    assertFalse(Files.exists(temp.resolve("asked")));
  }

  @Test
  void start_script_on_the_path_is_not_taken_for_an_installed_jbang() throws IOException {
    jbang("");
    expectDigestOf("genuine");
    Files.createSymbolicLink(tools.resolve("jbang"), script);
    install("home/.jbang/bin/jbang", "genuine");
    variables.put("PATH", checkout + ":" + tools);
    assertEquals(new Project.Outcome(0, "", ""), start("--version").go());
    assertOnlyTheJarIsCached();
  }

  @ParameterizedTest
  @ValueSource(strings = {"exit 1", "echo nonsense", "echo 'TEMP/forged'"})
  void mvn_gets_the_pinned_jbang_where_the_installed_one_cannot(String lines) throws IOException {
    jbang("");
    expectDigestOf("genuine");
    Files.writeString(temp.resolve("forged"), "forged");
    program(tools.resolve("jbang"), "#!/bin/sh\n" + lines.replace("TEMP", temp.toString()) + "\n");
    fails(
        "jbang: error: %s/jbang could not get JBang %s, and no mvn found; install JBang"
                .formatted(tools, pinned)
            + " (https://www.jbang.dev) or Maven");
    assertNothingIsCached();
    mvn("printf genuine >\"$folder/" + jarName() + "\"");
    assertEquals(new Project.Outcome(0, "", ""), start("--version").go());
    assertOnlyTheJarIsCached();
  }

  @Test
  void pinned_jbang_is_taken_from_the_maven_repository_without_mvn() throws IOException {
    jbang("");
    expectDigestOf("genuine");
    inMavenRepository("genuine");
    assertEquals(new Project.Outcome(0, "", ""), start("--version").go());
    assertEquals("genuine", Files.readString(cached));
    assertEquals(cached, Path.of(lastClassPath()));
    assertOnlyTheJarIsCached();
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "forged"})
  void mvn_gets_the_pinned_jbang_where_the_repository_has_none_or_a_wrong_one(String there)
      throws IOException {
    jbang("printf '%s\\n' 'cat'\nexit 255");
    expectDigestOf("genuine");
    if (!there.equals("none")) {
      inMavenRepository(there);
    }
    mvn("cat >/dev/null; printf genuine >\"$folder/" + jarName() + "\"; echo chatter");
    assertEquals(new Project.Outcome(0, "input", ""), start("x.java").input("input").go());
    assertEquals("genuine", Files.readString(cached));
    assertOnlyTheJarIsCached();
  }

  @Test
  void cache_folder_of_the_user_is_respected() throws IOException {
    jbang("");
    expectDigestOf("genuine");
    mvn("printf genuine >\"$folder/" + jarName() + "\"");
    Path other = temp.resolve("other cache");
    variables.put("XDG_CACHE_HOME", other.toString());
    assertEquals(0, start("--version").go().exit());
    assertTrue(
        Files.exists(other.resolve("remote-settings-lambdas").resolve(cached.getFileName())));
    assertFalse(Files.exists(cached));
  }

  @Test
  void jar_with_a_wrong_checksum_is_never_installed() throws IOException {
    jbang("");
    expectDigestOf("genuine");
    mvn("printf forged >\"$folder/" + jarName() + "\"");
    fails(
        "jbang: error: mvn got a "
            + jarName()
            + " with SHA-256 "
            + digest("forged")
            + ", not "
            + digest("genuine")
            + "; it is not used");
    assertNothingIsCached();
  }

  @Test
  void failure_of_mvn_is_told_in_one_line_with_its_cause() throws IOException {
    jbang("");
    mvn(
        "echo '[WARNING] a warning'; echo '[ERROR] Unknown host repo.example -> [Help 1]'; "
            + "echo '[ERROR] [Help 1] http://help.example'; exit 1");
    fails(
        "jbang: error: mvn could not get JBang "
            + pinned
            + ": Unknown host repo.example -> [Help 1]");
    assertNothingIsCached();
  }

  @Test
  void failure_of_mvn_itself_is_told_with_its_last_line() throws IOException {
    jbang("");
    mvn("echo 'The JAVA_HOME environment variable'; echo 'is not defined correctly' >&2; exit 1");
    fails("jbang: error: mvn could not get JBang " + pinned + ": is not defined correctly");
  }

  @Test
  void without_jbang_and_mvn_one_line_says_what_to_install() throws IOException {
    jbang("");
    fails(
        "jbang: error: no JBang and no mvn found; install JBang (https://www.jbang.dev) or Maven");
    assertNothingIsCached();
  }

  @Test
  void cache_that_cannot_be_written_is_named() throws IOException {
    jbang("");
    Path file = Files.writeString(temp.resolve("file"), "");
    variables.put("XDG_CACHE_HOME", file.toString());
    fails(
        "jbang: error: cannot write to "
            + file
            + "/remote-settings-lambdas, where JBang is to be kept; set XDG_CACHE_HOME to another"
            + " folder");
  }

  @Test
  void several_at_once_get_it_once() throws IOException {
    Path jdk = jbang("printf '%s\\n' 'cat'\nexit 255");
    expectDigestOf("genuine");
    Path runs = temp.resolve("mvn-runs");
    mvn("echo run >>'" + runs + "'; printf genuine >\"$folder/" + jarName() + "\"");
    assertEquals(List.of(new Project.Outcome(0, "", "")), atOnce(4, "x.java").distinct().toList());
    assertEquals(List.of("run"), Files.readAllLines(runs));
    assertEquals(4, count(jdk.resolve("asked"), "x.java"));
    assertOnlyTheJarIsCached();
  }

  @Test
  void damaged_jbang_in_the_cache_is_removed_once_it_fails() throws IOException {
    cachePinned();
    Files.writeString(cached, "half of the jar");
    jbang("echo 'Could not find or load main class' >&2; exit 1");
    assertEquals(
        new Project.Outcome(
            2,
            "",
            "Could not find or load main class\njbang: error: "
                + cached
                + " was damaged and is removed; run this again to get another\n"),
        start("x.java").go());
    assertNothingIsCached();
  }

  // Two at once

  @Test
  void only_one_jbang_works_at_a_time() throws IOException {
    cachePinned();
    Path busy = temp.resolve("busy");
    jbang(
        "mkdir '"
            + busy
            + "' || exit 9\nls / >/dev/null\nrm -r '"
            + busy
            + "'\necho cat\nexit 255");
    assertEquals(List.of(0), atOnce(4, "x.java").map(Project.Outcome::exit).distinct().toList());
    assertOnlyTheJarIsCached();
  }

  @Test
  void lock_of_a_process_that_is_gone_is_taken_over() throws Exception {
    cachePinned();
    jbang("echo cat\nexit 255");
    Process gone = new ProcessBuilder("true").start();
    assertEquals(0, gone.waitFor());
    Path lock = home.resolve(".jbang/cache/remote-settings-lambdas.lock");
    Files.createDirectories(lock.getParent());
    Files.createSymbolicLink(lock, Path.of(Long.toString(gone.pid())));
    assertEquals(new Project.Outcome(0, "", ""), start("x.java").go());
    assertFalse(Files.isSymbolicLink(lock));
  }

  /** Each of them sees the stale lock; one may remove it, and none a lock that is held. */
  @Test
  void several_that_find_a_stale_lock_do_not_work_at_once() throws Exception {
    cachePinned();
    Path busy = temp.resolve("busy");
    jbang(
        "mkdir '"
            + busy
            + "' || exit 9\nls / >/dev/null\nrmdir '"
            + busy
            + "'\necho cat\nexit 255");
    Process gone = new ProcessBuilder("true").start();
    assertEquals(0, gone.waitFor());
    Path lock = home.resolve(".jbang/cache/remote-settings-lambdas.lock");
    Files.createDirectories(lock.getParent());
    for (int round = 0; round < 5; round++) {
      Files.createSymbolicLink(lock, Path.of(Long.toString(gone.pid())));
      assertEquals(List.of(0), atOnce(4, "x.java").map(Project.Outcome::exit).distinct().toList());
    }
    try (Stream<Path> left = Files.list(lock.getParent())) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void where_no_lock_can_be_made_it_goes_without() throws IOException {
    cachePinned();
    jbang("echo cat\nexit 255");
    Files.delete(tools.resolve("ln"));
    program(tools.resolve("ln"), "#!/bin/sh\nexit 1\n"); // as on a file system without links
    assertEquals(new Project.Outcome(0, "", ""), start("x.java").go());
  }

  @Test
  void lock_of_an_earlier_process_with_this_number_is_no_other_start_s() throws IOException {
    cachePinned();
    jbang("echo cat\nexit 255");
    Path lock = home.resolve(".jbang/cache/remote-settings-lambdas.lock");
    Files.createDirectories(lock.getParent());
    // as in a container, whose first process has the same number each time
    List<Object> command =
        List.of("sh", "-c", "ln -s $$ '" + lock + "'; exec '" + script + "' x.java");
    assertEquals(
        new Project.Outcome(0, "", ""),
        Project.run(command.toArray()).in(home).onlyEnv(variables).go());
  }

  // What a terminal shows

  @ParameterizedTest
  @CsvSource({
    "jbang, TEMP/tools/jbang gets JBang",
    "mvn, mvn downloads JBang",
    "java, working",
  })
  void terminal_is_told_what_goes_on_and_for_how_long(String slow, String told) throws IOException {
    String wait = "until grep -q 'jbang: working, 2 s' '" + shown + "'; do sleep 0.1; done\n";
    jbang((slow.equals("java") ? wait : "") + "echo cat\nexit 255");
    if (slow.equals("java")) {
      cachePinned();
    } else {
      expectDigestOf("genuine");
      mvn((slow.equals("mvn") ? wait : "") + "printf genuine >\"$folder/" + jarName() + "\"");
    }
    if (slow.equals("jbang")) {
      Files.writeString(temp.resolve("got.jar"), "genuine");
      program(tools.resolve("jbang"), "#!/bin/sh\n" + wait + "echo '" + temp + "/got.jar'\n");
    }
    Files.createFile(home.resolve("x.java"));
    Project.Outcome outcome = onTerminal("x.java");
    assertEquals(0, outcome.exit(), outcome.stdout());
    assertTrue(
        outcome.stdout().contains("jbang: " + told.replace("TEMP", temp.toString())),
        outcome.stdout());
    assertTrue(outcome.stdout().endsWith("\033[K"), outcome.stdout()); // the count is gone
  }

  @Test
  void terminal_is_told_for_whom_a_start_waits() throws Exception {
    cachePinned();
    jbang("echo cat\nexit 255");
    Path lock = home.resolve(".jbang/cache/remote-settings-lambdas.lock");
    Files.createDirectories(lock.getParent());
    long holder = ProcessHandle.current().pid();
    Files.createSymbolicLink(lock, Path.of(Long.toString(holder)));
    String told = "jbang: waiting for another start, process %d, which holds ".formatted(holder);
    CompletableFuture<Project.Outcome> start =
        CompletableFuture.supplyAsync(() -> onTerminal("x.java"));
    while (!start.isDone() && !Files.readString(shown).contains(told)) {
      Thread.sleep(50);
    }
    Files.delete(lock);
    assertEquals(0, start.get().exit());
    assertTrue(start.get().stdout().contains(told + lock), start.get().stdout());
  }

  @ParameterizedTest
  @CsvSource({"--quiet, xterm", "--verbose, dumb"})
  void quiet_start_and_a_dumb_terminal_show_nothing(String option, String terminal)
      throws IOException {
    variables.put("TERM", terminal);
    jbang("echo cat\nexit 255");
    expectDigestOf("genuine");
    mvn("printf genuine >\"$folder/" + jarName() + "\"");
    assertEquals(new Project.Outcome(0, "", ""), onTerminal(option, "x.java"));
  }

  /** JBang may ask whether a URL is to be trusted. */
  @ParameterizedTest
  @CsvSource({"x.java, 2", "https://127.0.0.1/x.java, 1", "edit x.java, 1"})
  void count_is_not_drawn_over_an_editor_or_a_question(String typed, int processes)
      throws IOException {
    cachePinned();
    Files.createFile(home.resolve("x.java"));
    jbang("set -- $(cat /proc/$PPID/task/$PPID/children)\necho \"$#\" >'" + temp + "/beside'");
    onTerminal(typed.split(" "));
    assertEquals(processes + "\n", Files.readString(temp.resolve("beside")));
  }

  // What passes through

  @Test
  void arguments_reach_the_script_unchanged() throws IOException {
    cachePinned();
    jbang("printf '%s\\n' \"'" + showArguments() + "'\"\nexit 255");
    List<String> command = new ArrayList<>(List.of("x.java"));
    command.addAll(ODD_ARGUMENTS);
    assertEquals(new Project.Outcome(0, shown(ODD_ARGUMENTS), ""), start(command.toArray()).go());
    assertEquals(List.of("x.java"), lastArguments());
  }

  @Test
  void arguments_of_an_alias_in_another_catalog_pass_through_too() throws IOException {
    cachePinned();
    jbang("printf '%s\\n' \"'" + showArguments() + "'\"\nexit 255");
    assertEquals(
        new Project.Outcome(0, shown(List.of("", "@x")), ""),
        start("run", "demo@http://127.0.0.1/", "", "@x").go());
    assertEquals(List.of("run", "demo@http://127.0.0.1/"), lastArguments());
  }

  @Test
  void arguments_follow_those_of_the_catalog_and_of_options() throws IOException {
    cachePinned();
    jbang("printf '%s\\n' \"'" + showArguments() + "' 'from the catalog'\"\nexit 255");
    Project.Outcome outcome =
        start("run", "--java", "25", "-D", "a=b", "--verbose", "-Dc=d e", "x.java", "", "y").go();
    assertEquals(shown(List.of("from the catalog", "", "y")), outcome.stdout());
    assertEquals(
        List.of("run", "--java", "25", "-D", "a=b", "--verbose", "-Dc=d e", "x.java"),
        lastArguments());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 64, 127, 254, 255})
  void exit_code_of_the_script_passes_through(int code) throws IOException {
    cachePinned();
    jbang("echo 'sh -c \"exit " + code + "\"'\nexit 255");
    assertEquals(new Project.Outcome(code, "", ""), start("x.java").go());
  }

  @Test
  void input_and_output_of_the_script_pass_through() throws IOException {
    cachePinned();
    jbang("echo 'sh -c \"cat; echo error >&2\"'\nexit 255");
    assertEquals(
        new Project.Outcome(0, "no line end", "error\n"),
        start("x.java").input("no line end").go());
  }

  @Test
  void script_replaces_the_shell_and_gets_no_variables_of_ours_but_java_home() throws IOException {
    cachePinned();
    jbang("echo \"sh -c 'echo \\$\\$; set'\"\nexit 255");
    String set = start("x.java").go().stdout();
    assertFalse(set.contains("JBANG_"), set);
    assertTrue(set.contains("JAVA_HOME="), set);
  }

  @ParameterizedTest
  @CsvSource({"ANSI_X3.4-1968, C.UTF-8", "ISO-8859-1, C.UTF-8", "'', C.UTF-8", "UTF-8, mine"})
  void jbang_and_script_read_paths_as_utf_8_whatever_the_locale(String charmap, String seen)
      throws IOException {
    cachePinned();
    jbang("echo \"jbang: $LC_ALL\" >&2\necho \"sh -c 'echo script: \\$LC_ALL'\"\nexit 255");
    program(tools.resolve("locale"), "#!/bin/sh\n[ \"$*\" = charmap ] && echo '" + charmap + "'\n");
    variables.put("LC_ALL", "mine");
    assertEquals(
        new Project.Outcome(0, "script: " + seen + "\n", "jbang: " + seen + "\n"),
        start("x.java").go());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 137})
  void failure_of_jbang_is_2_with_its_output(int code) throws IOException {
    cachePinned();
    jbang("echo to stdout; echo to stderr >&2; exit " + code);
    assertEquals(
        new Project.Outcome(2, "to stdout\n", "to stderr\n"), start("x.java", "argument").go());
  }

  @Test
  void output_that_cannot_be_written_is_2() throws IOException {
    cachePinned();
    jbang("echo version");
    Project.Outcome outcome =
        Project.run("sh", "-c", "'" + script + "' version >/dev/full")
            .in(home)
            .onlyEnv(variables)
            .go();
    assertEquals(2, outcome.exit(), outcome.stderr());
  }

  @Test
  void output_of_a_sub_command_passes_through() throws IOException {
    cachePinned();
    jbang("printf '%s\\n' 'a  b' '*'");
    assertEquals(
        new Project.Outcome(0, "a  b\n*\n", ""), start("info", "tools", "a b.java", "", "*").go());
    assertEquals(List.of("info", "tools", "a b.java", "", "*"), lastArguments());
  }

  /** With 2: who calls it with a variable that is empty has checked nothing. */
  @Test
  void without_arguments_it_says_what_there_is() throws IOException {
    assertEquals(
        new Project.Outcome(
            2,
            "",
            """
            Usage: ./jbang COMMAND [ARGUMENT...]

            Commands:
              demo                         Show it, and wrap what is longer than the
                                           second of two columns.

            Tools for this project:
              test                         Run the tests.

            ./jbang COMMAND --help has more. Anything else goes to JBang: ./jbang --help
            """),
        start().go());
  }

  @Test
  void what_there_is_fits_80_columns() throws IOException {
    String list = Project.run(Project.root().resolve("jbang")).go().stderr();
    assertEquals(List.of(), list.lines().filter(line -> line.length() > 80).toList());
    int tools = list.indexOf("Tools for this project:");
    assertTrue(
        list.indexOf("  uptake_health ") < tools && tools < list.indexOf("  install "), list);
  }

  // Aliases

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "demo | -Dproject.root=HERE HERE/demo.java",
        "test | -Dproject.root=HERE -s HERE/tests/*Test.java HERE/tests/all.java",
        "jbang-test | -Dproject.root=HERE -s HERE/tests/*Test.java HERE/tests/all.java",
        "--verbose demo | --verbose -Dproject.root=HERE HERE/demo.java",
        "-o run demo | -o run -Dproject.root=HERE HERE/demo.java",
        "--java 26 demo | --java 26 -Dproject.root=HERE HERE/demo.java",
        "-j26 -R-Xmx1g --debug test | -j26 -R-Xmx1g --debug -Dproject.root=HERE"
            + " -s HERE/tests/*Test.java HERE/tests/all.java",
        "build demo | build HERE/demo.java",
        "info tools --select dependencies demo | info tools --select dependencies HERE/demo.java",
        "export portable -O demo demo | export portable -O demo HERE/demo.java",
        "app install --name demo --force demo | app install --name demo --force HERE/demo.java",
        // Not ours:
        "./demo | ./demo",
        "aliases | aliases",
        "nope | nope",
        "demo.java | demo.java",
        "demo@other | demo@other",
        "run test | run test",
        "app uninstall demo | app uninstall demo",
        "--catalog=x.json demo | --catalog=x.json demo",
        "-c demo | -c demo",
        "jdk list demo | jdk list demo",
      })
  void alias_becomes_the_script_that_it_stands_for(String typed, String given) throws IOException {
    cachePinned();
    jbang("");
    start((Object[]) typed.split(" ")).go();
    assertEquals(
        List.of(given.replace("HERE", checkout.toString()).split(" (?!out)")), lastArguments());
  }

  /** Whatever is not a class leads to all of them: the program says what is wrong with it. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ATest | ATest",
        "ATest.a_method BTest#a_method ATest.another | ATest BTest",
        "BTest ATest --slowest | BTest ATest",
        "ATest.Nested.a_method | ATest",
        "--slowest | *Test",
        "--list ATest | *Test",
        "ATest CTest | *Test",
        "A | *Test",
        ".a_method | *Test",
        "*Test | *Test",
        "../tests/ATest | *Test",
      })
  void test_classes_that_are_named_are_compiled_alone(String typed, String classes)
      throws IOException {
    cachePinned();
    jbang("");
    Files.createDirectories(checkout.resolve("tests"));
    for (String file : List.of("ATest.java", "BTest.java")) {
      Files.createFile(checkout.resolve("tests").resolve(file));
    }
    Project.Outcome outcome =
        start((Object[]) ("test " + typed).split(" ")).in(checkout.resolve("tests")).go();
    assertEquals(new Project.Outcome(0, "", ""), outcome);
    List<String> given = new ArrayList<>(List.of("-Dproject.root=" + checkout));
    for (String name : classes.split(" ")) {
      given.addAll(List.of("-s", checkout + "/tests/" + name + ".java"));
    }
    given.add(checkout + "/tests/all.java");
    assertEquals(given, lastArguments());
  }

  @Test
  void script_paths_are_those_of_the_working_directory() throws IOException {
    cachePinned();
    jbang("pwd");
    assertEquals(temp + "\n", start("sub/x.java").in(temp).go().stdout());
    assertEquals(List.of("sub/x.java"), lastArguments());
  }

  // What is remembered

  @Test
  void command_is_started_without_jbang_while_nothing_has_changed() throws IOException {
    rememberCommand();
    Files.createSymbolicLink(temp.resolve("link"), script);
    List<Object> command = new ArrayList<>(List.of(script, "demo"));
    command.addAll(ODD_ARGUMENTS);
    for (Project.Run run :
        List.of(
            start("demo"),
            Project.run("./jbang", "demo.java").in(checkout),
            Project.run(temp.resolve("link"), checkout.resolve("demo.java")).in(temp),
            Project.run("../jbang", "../demo.java").in(checkout.resolve("common")))) {
      assertEquals(new Project.Outcome(3, "input", ""), run.onlyEnv(variables).input("input").go());
    }
    Project.run(command.toArray()).in(home).onlyEnv(variables).go();
    assertEquals(shown(ODD_ARGUMENTS), Files.readString(temp.resolve("arguments")));
    assertEquals(1, timesAsked());
    assertEquals(
        List.of("-Dproject.root=" + checkout, checkout + "/demo.java"),
        Files.readAllLines(temp.resolve("last")));
  }

  /** Each is the name of a change that {@link #change} makes. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo.java",
        "common/A.java",
        "common/deep/B.java",
        "templates/page.html",
        "jbang",
        "deploy/remember.sh",
        "jar",
        "built jar",
        "cache of JBang",
        "JBang",
        "JDK",
        "other JDK",
        "alias",
        "clone",
        "option",
        "jbang.properties",
        ".jbang/jbang.properties",
        "properties of JBang's folder",
        "JAVA_TOOL_OPTIONS=-Da=b",
        "JAVA_TOOL_OPTIONS=-XX:+UseG1GC",
        "JDK_JAVA_OPTIONS=@file",
        "_JAVA_OPTIONS=-Da=b",
        "JBANG_REPO=other",
        "JBANG_DIR=other",
        "JBANG_CACHE_DIR=other",
      })
  void whatever_changes_takes_effect(String kind) throws IOException {
    rememberCommand();
    start("demo").go();
    start("demo").go();
    assertEquals(1, timesAsked());
    List<Object> typed = change(kind);
    start(typed.toArray()).in(checkout.resolve("common")).go();
    assertEquals(2, timesAsked());
  }

  private List<Object> change(String kind) throws IOException {
    if (kind.contains("=")) {
      String[] variable = kind.split("=", 2);
      variables.put(variable[0], variable[1]);
      return List.of("demo");
    }
    switch (kind) {
      case "jar", "built jar", "JBang" -> {
        Path jar = temp.resolve(kind.equals("jar") ? "dependency.jar" : "built.jar");
        Files.writeString(kind.equals("JBang") ? cached : jar, "xyz");
      }
      case "cache of JBang" -> Files.delete(temp.resolve("built.jar"));
      case "JDK" ->
          Files.writeString(system.resolve("usr/lib/jvm/jdk/release"), "JAVA_VERSION=\"25.0.2\"\n");
      case "other JDK" -> {
        Path other = Files.createDirectories(temp.resolve("other"));
        for (String part : List.of("bin", "lib", "release")) {
          Files.createSymbolicLink(
              other.resolve(part), system.resolve("usr/lib/jvm/jdk").resolve(part));
        }
        variables.put("JAVA_HOME", other.toString());
      }
      case "alias" -> {
        Files.writeString(checkout.resolve("other.java"), "");
        Files.writeString(
            checkout.resolve("jbang-catalog.json"), CATALOG.replace("demo.java", "other.java"));
      }
      case "clone" -> {
        Path moved = Files.move(checkout, temp.resolve("moved"));
        Files.createDirectories(checkout.resolve("common"));
        script = moved.resolve("jbang");
      }
      case "option" -> {
        return List.of("--verbose", "demo");
      }
      case "jbang.properties" -> Files.writeString(temp.resolve(kind), "");
      case ".jbang/jbang.properties" -> {
        Files.createDirectories(checkout.resolve(".jbang"));
        Files.writeString(checkout.resolve(kind), "");
      }
      case "properties of JBang's folder" -> {
        Files.createDirectories(home.resolve(".jbang"));
        Files.writeString(home.resolve(".jbang/jbang.properties"), "");
      }
      default -> { // the content of a file, but neither its size nor its time
        Path file = checkout.resolve(kind);
        FileTime time = Files.getLastModifiedTime(file);
        String text = Files.readString(file);
        assertTrue(text.contains("demo"), text);
        Files.writeString(file, text.replace("demo", "Demo"));
        Files.setLastModifiedTime(file, time);
      }
    }
    return List.of("demo");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "//SOURCES common/*.java",
        "//SOURCES common",
        "//SOURCES common/Missing.java",
        "//SOURCES https://127.0.0.1/A.java",
        "//SOURCES /tmp/A.java",
        "//FILES templates",
        "//FILES templates/*",
        "//RUNTIME_OPTIONS -Da=${env.USER}",
        "//COMPILE_OPTIONS @options",
        "//DEPS other.java",
      })
  void what_may_change_unseen_is_not_remembered(String directive) throws IOException {
    rememberCommand();
    Files.writeString(checkout.resolve("common/deep/B.java"), directive + "\n");
    start("demo").go();
    start("demo").go();
    assertEquals(2, timesAsked());
  }

  @Test
  void source_that_changes_while_jbang_works_is_not_remembered() throws IOException {
    rememberCommand();
    Files.writeString(
        temp.resolve("meanwhile"), "echo '// changed' >>'" + checkout + "/demo.java'");
    start("demo").go();
    Files.writeString(temp.resolve("meanwhile"), "");
    start("demo").go();
    assertEquals(2, timesAsked());
    start("demo").go();
    assertEquals(2, timesAsked());
  }

  @ParameterizedTest
  @ValueSource(strings = {"cut", "garbage", "link", "folder of others"})
  void memo_that_is_damaged_or_not_ours_is_not_used(String kind) throws IOException {
    rememberCommand();
    start("demo").go();
    Path memo = memory().resolve("memo");
    byte[] content = Files.readAllBytes(memo);
    switch (kind) {
      case "cut" -> Files.write(memo, Arrays.copyOf(content, content.length / 2));
      case "garbage" -> Files.writeString(memo, "exit 9\n\n---\n)('\"\n---\n");
      case "link" -> {
        Files.move(memo, temp.resolve("elsewhere"));
        Files.createSymbolicLink(memo, temp.resolve("elsewhere"));
      }
      default -> {
        Project.Outcome other = Project.run("chown", "65534", memory()).go();
        assumeTrue(other.exit() == 0, "only root can give a folder away");
      }
    }
    assertEquals(new Project.Outcome(3, "", ""), start("demo").go());
    assertEquals(2, timesAsked());
  }

  @ParameterizedTest
  @ValueSource(strings = {"starts", "starts/NAME", "stat", "awk", "mktemp"})
  void where_nothing_can_be_remembered_it_goes_without(String missing) throws IOException {
    rememberCommand();
    if (missing.startsWith("starts")) {
      Path file = cached.resolveSibling(missing.replace("NAME", memory().getFileName().toString()));
      Files.createDirectories(file.getParent());
      Files.createFile(file);
    } else {
      Files.delete(tools.resolve(missing));
    }
    for (int time = 1; time <= 2; time++) {
      assertEquals(new Project.Outcome(3, "", ""), start("demo").go());
      assertEquals(time, timesAsked());
    }
  }

  @Test
  void memories_of_earlier_states_and_of_folders_that_are_gone_are_removed() throws IOException {
    rememberCommand();
    start("demo").go();
    change("demo.java");
    start("demo").go();
    change("clone");
    start("demo").go();
    try (Stream<Path> commands = Files.list(memory().getParent());
        Stream<Path> folders = Files.list(memory())) {
      assertEquals(List.of(memory()), commands.toList());
      assertEquals(2, folders.count()); // the memo and one folder
    }
  }

  @Test
  void several_starts_at_once_ask_jbang_once_and_have_one_archive_made() throws Exception {
    rememberCommand();
    Files.createFile(temp.resolve("notes"));
    assertEquals(List.of(new Project.Outcome(3, "", "")), atOnce(12, "demo").distinct().toList());
    assertEquals(1, timesAsked());
    assertEquals(List.of(new Project.Outcome(3, "", "")), atOnce(12, "demo").distinct().toList());
    Files.createFile(temp.resolve("go on"));
    awaitStart();
    assertEquals(1, Files.readAllLines(temp.resolve("made")).size());
  }

  /** The maker goes on when the start is long over: it holds none of its files. */
  @Test
  void archive_is_made_in_the_background_without_a_variable_or_argument() throws Exception {
    rememberCommand();
    Files.createFile(temp.resolve("notes"));
    variables.put("AUTH", "secret");
    start("demo", "secret").go();
    assertEquals(new Project.Outcome(3, "", ""), start("demo", "secret").go());
    Files.createFile(temp.resolve("go on"));
    awaitStart();
    String made = Files.readString(temp.resolve("made"));
    assertTrue(made.contains("/FastStart.java " + memory()), made);
    assertFalse(made.contains("secret"), made);
    assertFalse(Files.readString(temp.resolve("variables")).contains("secret"));
    start("demo", "--help").go();
    assertEquals("fast demo --help\n", Files.readString(temp.resolve("started")));
    assertEquals(1, timesAsked());
  }

  @Test
  void archive_that_cannot_be_made_is_not_tried_again() throws Exception {
    rememberCommand();
    Files.createFile(temp.resolve("notes"));
    Files.createFile(temp.resolve("go on"));
    Files.createFile(temp.resolve("fails"));
    start("demo").go();
    start("demo").go();
    awaitStart();
    for (int time = 1; time <= 3; time++) {
      assertEquals(new Project.Outcome(3, "", ""), start("demo", "--help").go());
    }
    assertEquals(1, Files.readAllLines(temp.resolve("made")).size());
  }

  @ParameterizedTest
  @CsvSource({"--version, true, false", "run, true, true", "--help, true, false"})
  void classes_of_two_runs_are_noted_and_those_of_help_only_first(
      String argument, boolean first, boolean second) throws Exception {
    rememberCommand();
    Files.createFile(temp.resolve("notes"));
    start("demo", argument).go();
    assertEquals(first, Files.readString(temp.resolve("started")).contains("DumpLoadedClassList"));
    Files.createFile(temp.resolve("go on"));
    start("demo", argument).go(); // which has them put into the archive
    awaitStart();
    start("demo", argument).go();
    assertEquals(second, Files.readString(temp.resolve("started")).contains("DumpLoadedClassList"));
  }

  /**
   * Writes a command, and makes the only JDK play JBang, the command and the maker of archives. The
   * command notes its classes if there is a file {@code notes}; the maker waits for {@code go on}.
   */
  private void rememberCommand() throws IOException {
    cachePinned();
    Path jdk = jbang("");
    Files.createDirectories(jdk.resolve("lib"));
    Files.createFile(jdk.resolve("lib/modules"));
    Files.createFile(temp.resolve("meanwhile"));
    Files.writeString(temp.resolve("built.jar"), "jar");
    Files.writeString(temp.resolve("dependency.jar"), "jar");
    Files.createDirectories(checkout.resolve("common/deep"));
    Files.createDirectories(checkout.resolve("templates"));
    Files.createDirectories(checkout.resolve("deploy"));
    Files.writeString(
        checkout.resolve("demo.java"),
        "//DEPS a:b:1 c:d:2\n"
            + "//SOURCES common/A.java\n"
            + "//FILES p.html=templates/page.html\n"
            + "// demo\n");
    Files.writeString(checkout.resolve("common/A.java"), "//SOURCES deep/B.java\n// demo\n");
    Files.writeString(
        checkout.resolve("common/deep/B.java"), "//SOURCES ../A.java ../deep/B.java\n// demo\n");
    Files.writeString(checkout.resolve("templates/page.html"), "demo");
    Files.writeString(
        checkout.resolve("deploy/remember.sh"),
        Files.readString(Project.root().resolve("deploy/remember.sh")) + "# demo\n");
    Files.writeString(script, Files.readString(script) + "# demo\n");
    program(
        jdk.resolve("bin/java"),
        """
        #!/bin/sh
        case "$*" in
          *' dev.jbang.Main '*)
            echo asked >>'TEMP/asked'
            while [ "$1" != dev.jbang.Main ]; do shift; done
            shift
            printf '%s\\n' "$@" >'TEMP/last'
            . 'TEMP/meanwhile'
            echo "'$JAVA_HOME/bin/java' -Da='b c' -classpath 'TEMP/built.jar:TEMP/dependency.jar' demo"
            exit 255
            ;;
          */FastStart.java*)
            echo "$*" >>'TEMP/made'
            env >'TEMP/variables'
            until [ -e 'TEMP/go on' ]; do sleep 0.1; done
            [ ! -e 'TEMP/fails' ] || exit 1
            while case $1 in */FastStart.java) false ;; esac; do shift; done
            echo "'$3' fast demo" >"$2/start"
            exit
            ;;
        esac
        [ ! -e 'TEMP/notes' ] || case $1 in -XX:DumpLoadedClassList=*) echo class >"${1#*=}" ;; esac
        echo "$*" >'TEMP/started'
        while [ "$1" != demo ]; do shift; done
        shift
        for argument; do printf '[%s]\\n' "$argument"; done >'TEMP/arguments'
        cat
        exit 3
        """
            .replace("TEMP", temp.toString()));
  }

  private int timesAsked() throws IOException {
    return Files.readAllLines(temp.resolve("asked")).size();
  }

  /** What is remembered of the command. */
  private Path memory() {
    String name = script.resolveSibling("demo.java").toString().substring(1).replace('/', ',');
    return cached.resolveSibling("starts").resolve(name);
  }

  /** Waits until the maker has ended. */
  private void awaitStart() throws Exception {
    awaitStart(memory());
  }

  private static void awaitStart(Path memory) throws Exception {
    Path folder;
    try (Stream<Path> folders = Files.list(memory)) {
      folder = folders.filter(Files::isDirectory).findAny().orElseThrow();
    }
    while (!Files.exists(folder.resolve("start"))
        || Files.exists(folder.resolve("maker"), LinkOption.NOFOLLOW_LINKS)) {
      Thread.sleep(20);
    }
  }

  // Where it is started from

  @Test
  void it_starts_through_links_from_any_folder_and_from_the_path() throws IOException {
    cachePinned();
    jbang("");
    Path links = Files.createDirectories(temp.resolve("a link"));
    Files.createSymbolicLink(links.resolve("relative"), Path.of("../check out/jbang"));
    Files.createSymbolicLink(links.resolve("twice"), links.resolve("relative"));
    Files.createSymbolicLink(temp.resolve("folder"), checkout);
    List<Project.Run> starts =
        List.of(
            Project.run(links.resolve("relative"), "demo").in(home),
            Project.run("./relative", "demo").in(links),
            Project.run(links.resolve("twice"), "demo").in(home),
            Project.run(temp.resolve("folder/jbang"), "demo").in(home),
            Project.run("../check out/jbang", "demo").in(home),
            Project.run("/bin/sh", "jbang", "demo").in(checkout),
            Project.run("/bin/sh", "-c", "PATH=\"$1:$PATH\" jbang demo", "sh", checkout).in(home));
    for (Project.Run run : starts) {
      Files.deleteIfExists(temp.resolve("last"));
      assertEquals(new Project.Outcome(0, "", ""), run.onlyEnv(variables).go());
      assertEquals(List.of("-Dproject.root=" + checkout, checkout + "/demo.java"), lastArguments());
    }
  }

  @Test
  void installed_commands_find_this_jbang_where_there_is_no_other() throws IOException {
    cachePinned();
    Path commands = Files.createDirectories(home.resolve(".jbang/bin"));
    jbang("exit 1");
    start("app", "install", "demo").go();
    assertFalse(Files.exists(commands.resolve("jbang")));
    jbang("");
    start("app", "install", "demo").go();
    assertEquals(script, commands.resolve("jbang").toRealPath());
    start("app", "install", "demo").go();
    assertEquals(script, commands.resolve("jbang").toRealPath());
    Files.delete(commands.resolve("jbang"));
    Files.createSymbolicLink(commands.resolve("jbang"), temp.resolve("moved away/jbang"));
    start("--quiet", "app", "install", "--force", "demo").go();
    assertEquals(script, commands.resolve("jbang").toRealPath());
  }

  @Test
  void installed_commands_use_the_users_jbang_where_there_is_one() throws IOException {
    cachePinned();
    Path commands = Files.createDirectories(home.resolve(".jbang/bin"));
    jbang("");
    install("dist/jbang", "other");
    variables.put("PATH", temp.resolve("dist") + ":" + tools);
    start("app", "install", "demo").go();
    assertFalse(Files.exists(commands.resolve("jbang")));
  }

  // With the real JBang

  @Test
  void real_script_gets_its_arguments_and_input_and_gives_its_code() throws IOException {
    Files.writeString(
        checkout.resolve("demo.java"),
        """
        ///usr/bin/env jbang "$0" "$@" ; exit $?
        //JAVA 25+
        void main(String[] arguments) throws Exception {
          for (String argument : arguments) {
            IO.print("[" + argument + "]\\n");
          }
          IO.print(new String(System.in.readAllBytes()));
          System.exit(3);
        }
        """);
    program(checkout.resolve("jbang"), Files.readString(Project.root().resolve("jbang")));
    List<String> ascii = ODD_ARGUMENTS.stream().filter(a -> a.matches("\\p{ASCII}*")).toList();
    List<Object> command = new ArrayList<>(List.of(script, "--quiet", "demo"));
    command.addAll(ascii);
    Project.Outcome expected = new Project.Outcome(3, shown(ascii) + "input", "");
    assertEquals(expected, real(command.toArray()).input("input").go());
    command.set(2, "check out/demo.java");
    assertEquals(expected, real(command.toArray()).in(temp).input("input").go());
  }

  @Test
  void real_jbang_built_by_two_at_once_works_for_both() throws IOException {
    Path file = Files.writeString(temp.resolve("both.java"), "void main() { IO.println(1); }\n");
    Project.Run run = real(Project.root().resolve("jbang"), "--quiet", file);
    CompletableFuture<Project.Outcome> other = CompletableFuture.supplyAsync(run::go);
    Project.Outcome expected = new Project.Outcome(0, "1\n", "");
    assertEquals(expected, run.go());
    assertEquals(expected, other.join());
  }

  @Test
  void real_failures_of_jbang_are_2() throws IOException {
    Path file = Files.writeString(temp.resolve("broken.java"), "void main() { nonsense }\n");
    Project.Outcome broken = real(Project.root().resolve("jbang"), file).go();
    assertEquals(2, broken.exit());
    assertTrue(broken.stderr().contains("Error during compile"), broken.stderr());
    Project.Outcome missing = real(Project.root().resolve("jbang"), "missing.java").go();
    assertEquals(2, missing.exit());
    assertTrue(missing.stderr().contains("missing.java"), missing.stderr());
  }

  @Test
  void real_script_runs_with_the_collector_that_the_environment_chooses() throws IOException {
    Path file =
        Files.writeString(
            temp.resolve("collector.java"),
            """
            //COMPILE_OPTIONS -J-XX:+UseSerialGC
            //RUNTIME_OPTIONS -XX:+UseSerialGC
            void main() {
              IO.println(
                  java.lang.management.ManagementFactory.getGarbageCollectorMXBeans()
                      .getFirst().getName());
            }
            """);
    Project.Outcome outcome =
        real(Project.root().resolve("jbang"), "--quiet", file)
            .env("JAVA_TOOL_OPTIONS", "-XX:+UseG1GC")
            .go();
    assertEquals(0, outcome.exit(), outcome.stderr());
    assertTrue(outcome.stdout().startsWith("G1 "), outcome.stdout());
  }

  /** The archive is of real classes, and holds nothing that was typed or set. */
  @Test
  void real_command_starts_with_an_archive_that_has_no_secret() throws Exception {
    Path kept = Files.createDirectories(temp.resolve("xdg/remote-settings-lambdas"));
    Project.Run version =
        Project.run(Project.root().resolve("jbang"), "validate_signature.java", "--version")
            .env("XDG_CACHE_HOME", temp.resolve("xdg"));
    Project.Run usage =
        Project.run(
                Project.root().resolve("jbang"),
                "validate_signature.java",
                "--only",
                "c0ffee-5ec4e7:1")
            .env("XDG_CACHE_HOME", temp.resolve("xdg"))
            .env("AUTH", "user:c0ffee-5ec4e7");
    assertEquals(2, usage.go().exit());
    Project.Outcome expected = version.go(); // and has the archive made
    assertEquals(0, expected.exit(), expected.stderr());
    Path memory;
    try (Stream<Path> commands = Files.list(kept.resolve("starts"))) {
      memory = commands.findAny().orElseThrow();
    }
    awaitStart(memory);
    assertEquals(expected, version.go());
    int found = 0;
    try (Stream<Path> files = Files.walk(memory)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String content = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertFalse(content.contains("c0ffee-5ec4e7"), file.toString());
        if (file.endsWith("start")) {
          found++;
          String strict = content.replace("'-Xlog:disable'", "'-Xshare:on'").strip();
          assertEquals(expected, Project.run("sh", "-c", strict + " --version").go(), strict);
        }
      }
    }
    assertEquals(1, found);
  }

  /** Else a change of what is missing would go unnoticed. */
  @Test
  void real_jbang_makes_a_command_of_the_files_that_the_start_script_finds() throws IOException {
    Path root = Project.root();
    try (Stream<Path> files = Files.list(root)) {
      for (Path command : files.filter(it -> it.toString().endsWith(".java")).toList()) {
        String said = Project.run(root.resolve("jbang"), "info", "tools", command).go().stdout();
        Set<String> expected = new TreeSet<>();
        Matcher path = Pattern.compile("\"backingResource\": \"(.*)\"").matcher(said);
        while (path.find()) {
          if (!path.group(1).endsWith(".md")) { // of //DOCS, which is no part of the command
            expected.add(path.group(1));
          }
        }
        String source = ". '" + root + "/deploy/remember.sh'; script='" + command + "'; sources";
        assertEquals(
            expected,
            new TreeSet<>(Project.run("sh", "-c", source).go().stdout().lines().toList()));
      }
    }
  }

  @Test
  void real_sub_command_answers() throws IOException {
    Project.Outcome outcome = real(Project.root().resolve("jbang"), "version").go();
    assertEquals(0, outcome.exit());
    assertTrue(outcome.stdout().matches("\\d+\\.\\d+\\.\\d+\n"), outcome.stdout());
    assertEquals("", outcome.stderr());
  }

  // The world

  private Project.Run start(Object... arguments) {
    List<Object> command = new ArrayList<>(List.of(script));
    command.addAll(List.of(arguments));
    return Project.run(command.toArray()).in(home).onlyEnv(variables);
  }

  /** The same on a terminal, whose stdout and stderr are one; {@code shown} has it as it comes. */
  private Project.Outcome onTerminal(String... arguments) {
    String command = "'" + script + "' " + String.join(" ", arguments);
    variables.putIfAbsent("TERM", "xterm");
    variables.put("SHELL", "/bin/sh");
    Project.Outcome outcome =
        Project.run("script", "-qefc", command, shown).in(home).onlyEnv(variables).go();
    return new Project.Outcome(outcome.exit(), outcome.stdout().replace("^D\b\b", ""), "");
  }

  /** The real JBang with folders of its own, so that it has built nothing yet. */
  private Project.Run real(Object... command) {
    return Project.run(command).in(home).env("JBANG_DIR", temp.resolve("jbang dir"));
  }

  private Stream<Project.Outcome> atOnce(int starts, Object... arguments) {
    List<CompletableFuture<Project.Outcome>> running =
        IntStream.range(0, starts)
            .mapToObj(number ->
                CompletableFuture.supplyAsync(
                    () -> start(arguments).go(), task -> Thread.ofVirtual().start(task)))
            .toList();
    return running.stream().map(CompletableFuture::join);
  }

  private void fails(String line) {
    assertEquals(new Project.Outcome(2, "", line + "\n"), start("x.java").go());
  }

  private Path chosenJdk() throws IOException {
    Project.Outcome outcome = start("--version").go();
    assertEquals(new Project.Outcome(0, "", ""), outcome);
    return Path.of(Files.readString(temp.resolve("last-jdk")).strip());
  }

  /** A JDK whose java notes what it is asked and then does as a JBang that has nothing to say. */
  private Path jdk(Path folder, String version) throws IOException {
    return jdk(folder, version, "");
  }

  /** The only JDK, whose java plays JBang with these lines of shell. */
  private Path jbang(String lines) throws IOException {
    return jdk(system.resolve("usr/lib/jvm/jdk"), "25.0.1", lines);
  }

  private Path jdk(Path folder, String version, String lines) throws IOException {
    program(folder.resolve("bin/javac"), "#!/bin/sh\nexit 99\n");
    Files.writeString(
        folder.resolve("release"),
        "IMPLEMENTOR=\"Example\"\nJAVA_VERSION=\"" + version + "\"\nMODULES=\"java.base\"\n");
    program(
        folder.resolve("bin/java"),
        """
        #!/bin/sh
        while [ "$1" != -cp ]; do shift; done
        jar=$2
        shift 3
        echo "$*" >>'FOLDER/asked'
        echo 'FOLDER' >'TEMP/last-jdk'
        printf '%s' "$jar" >'TEMP/last-jar'
        for argument; do printf '%s\\n' "$argument"; done >'TEMP/last'
        LINES
        """
            .replace("FOLDER", folder.toString())
            .replace("TEMP", temp.toString())
            .replace("LINES", lines));
    return folder;
  }

  private List<String> lastArguments() throws IOException {
    return Files.readAllLines(temp.resolve("last"));
  }

  private String lastClassPath() throws IOException {
    return Files.readString(temp.resolve("last-jar"));
  }

  /** Installs a JBang that gets, as the pinned one, a file of this content. */
  private void install(String command, String jar) throws IOException {
    Path got = Files.writeString(temp.resolve("got.jar"), jar);
    program(
        temp.resolve(command),
        """
        #!/bin/sh
        [ "$*" = '--quiet info classpath --deps-only dev.jbang:jbang-cli:PINNED:all@fatjar' ] || exit 9
        echo 'GOT'
        """
            .replace("PINNED", pinned)
            .replace("GOT", got.toString()));
    variables.put("PATH", temp.resolve("path") + ":" + variables.get("PATH"));
  }

  private void cachePinned() throws IOException {
    Files.createDirectories(cached.getParent());
    Files.writeString(cached, "jar");
    expectDigestOf("jar");
  }

  private void inMavenRepository(String content) throws IOException {
    Path folder = home.resolve(".m2/repository/dev/jbang/jbang-cli/" + pinned);
    Files.writeString(Files.createDirectories(folder).resolve(jarName()), content);
  }

  private String jarName() {
    return "jbang-cli-" + pinned + "-all.jar";
  }

  /** Puts an mvn on the path that finds the folder to write to in {@code $folder}. */
  private void mvn(String lines) throws IOException {
    program(
        tools.resolve("mvn"),
        """
        #!/bin/sh
        for argument; do
          case $argument in
            -DoutputDirectory=*) folder=${argument#*=} ;;
          esac
        done
        """
            + lines
            + "\n");
  }

  private void expectDigestOf(String content) throws IOException {
    replace("(?m)^sha256=.*", "sha256=" + digest(content));
  }

  private static String digest(String content) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha256.digest(content.getBytes(StandardCharsets.UTF_8)));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private void replace(String regex, String replacement) throws IOException {
    String text = Files.readString(script);
    String changed = text.replaceFirst(regex, Matcher.quoteReplacement(replacement));
    assertFalse(changed.equals(text), regex);
    Files.writeString(script, changed);
  }

  private Path showArguments() throws IOException {
    return program(
        temp.resolve("show arguments"),
        "#!/bin/sh\nfor argument; do printf '[%s]\\n' \"$argument\"; done\n");
  }

  private static String shown(List<String> arguments) {
    return String.join("", arguments.stream().map(a -> "[" + a + "]\n").toList());
  }

  private static Path program(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  private static long count(Path file, String line) throws IOException {
    return Files.readAllLines(file).stream().filter(line::equals).count();
  }

  private void assertOnlyTheJarIsCached() throws IOException {
    try (Stream<Path> files = Files.list(cached.getParent())) {
      assertEquals(List.of(cached), files.toList());
    }
  }

  private void assertNothingIsCached() throws IOException {
    try (Stream<Path> files = Files.list(cached.getParent())) {
      assertEquals(List.of(), files.toList());
    }
  }
}
