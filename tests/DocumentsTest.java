//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Blocks.java
//SOURCES CronServer.java
//SOURCES Deployments.java
//SOURCES Differences.java
//SOURCES ../server/Drill.java
//SOURCES ../server/Fault.java
//SOURCES Installed.java
//SOURCES Patience.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Terminal.java
//SOURCES Transcript.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the documentation shows is true: each fenced block of the runbooks is run, and every other
 * block is looked at by the program that knows its kind. {@link ReadmeTest} runs those of the
 * guides.
 *
 * <p>Of what a block prints, stdout and stderr as a terminal shows them, nothing is left out but
 * what the document leaves out itself with a line that is {@code …}. The document shows the moment
 * of the transcripts, so every timestamp and date of the run is moved by the same duration. What
 * else is replaced, a transcript replaces too: the port, hashes of roots, the time taken. A lag is
 * rounded down to ten minutes, and the name of the S3 bucket is the usual one.
 *
 * <p>With {@code UPDATE_GOLDEN=1} in the environment what is shown is written anew; read the
 * difference before you commit it.
 */
@Order(1) // takes long, so it begins first
class DocumentsTest {

  private static final Path ROOT = Project.root();
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private static final Pattern MOMENT =
      Pattern.compile("(\\d{4}-\\d\\d-\\d\\d)([T ])(\\d\\d:\\d\\d:\\d\\d)");
  private static final Pattern DATE =
      Pattern.compile("\\b20\\d\\d-\\d\\d-\\d\\d\\b(?![T ]\\d\\d:)");
  private static final Pattern TIMESTAMP = Pattern.compile("\\b[12]\\d{12}\\b");

  /** What reads, and says with its exit code whether all is well. */
  private static final Pattern CHECK =
      Pattern.compile("(?m)^(validate_|consistency_checks|uptake_health|\\w+ .*--(check|dry-run))");

  /** What acts on another server, or as another account, than {@code ENV_FILE} says. */
  private static final Pattern OWN =
      Pattern.compile("(editor|reviewer):|https?://|--server|\\bexport |\\b(SERVER|\\w*AUTH)=");

  /** Of {@code drill.env}: no settings of ours. */
  private static final Set<String> FOR_CURL = Set.of("EDITS", "REVIEWS");

  @TempDir static Path folder;

  /** The commands by the names that they are installed under. */
  private static Path bin;

  @BeforeAll
  static void install() throws IOException {
    bin = Installed.once().folder();
  }

  @Test
  void every_block_is_of_a_kind_that_is_checked() throws IOException {
    Map<String, Integer> counts = new TreeMap<>();
    List<String> wrong = new ArrayList<>();
    for (Path document : Blocks.documents()) {
      List<Blocks.Block> blocks = Blocks.of(document);
      boolean isGuide = Blocks.guides().contains(document);
      for (Blocks.Block block : blocks) {
        if (!Blocks.LANGUAGES.contains(block.language())) {
          wrong.add(block.where() + ": '" + block.language() + "' is none of " + Blocks.LANGUAGES);
          continue;
        }
        Optional<Blocks.Block> printer =
            blocks.stream().filter(other -> Blocks.shownBy(other, blocks) == block).findFirst();
        String kind = block.language();
        if (kind.equals("text") && block.notes().containsKey("files")) {
          kind = "list of files";
        } else if (kind.equals("text") && printer.isPresent() && !isGuide) {
          kind = "output";
        } else if (kind.equals("text")) {
          wrong.add(block.where() + ": is neither what a block above it prints nor files");
        } else if (kind.equals("console")
            && !(isGuide && block.notes().containsKey("transcript"))) {
          wrong.add(block.where() + ": is not a transcript");
        } else if (kind.equals("sh") && block.isLeftOut()) {
          kind = "sh only parsed";
        }
        counts.merge(kind, 1, Integer::sum);
      }
    }
    assertEquals(List.of(), wrong);
    StringBuilder line = new StringBuilder("blocks:");
    counts.forEach((kind, count) -> line.append(' ').append(count).append(' ').append(kind + ","));
    OUT.println(line.substring(0, line.length() - 1));
    assertTrue(counts.get("sh") > 20 && counts.get("output") > 20, line.toString());
  }

  @TestFactory
  Stream<DynamicContainer> every_block_works_as_typed() throws IOException {
    List<DynamicContainer> documents = new ArrayList<>();
    for (Path document : Blocks.runbooks()) {
      List<Blocks.Block> blocks = Blocks.of(document);
      if (blocks.stream().anyMatch(block -> block.language().equals("sh"))) {
        String name = ROOT.relativize(document).toString();
        documents.add(DynamicContainer.dynamicContainer(name, typed(document, blocks)));
      }
    }
    return documents.stream();
  }

  /** The blocks of a document, in its order, in a session of their own. */
  private static Stream<DynamicTest> typed(Path document, List<Blocks.Block> blocks)
      throws IOException {
    String start = start(blocks);
    Session session = new Session(Files.createTempDirectory(folder, "typed"), start);
    List<DynamicTest> tests = new ArrayList<>();
    for (Blocks.Block block : blocks) {
      if (block.language().equals("sh") && !block.isLeftOut()) {
        Blocks.Block shown = Blocks.shownBy(block, blocks);
        tests.add(DynamicTest.dynamicTest(block.where(), () -> session.type(block, shown)));
      }
    }
    tests.add(
        DynamicTest.dynamicTest(
            document.getFileName() + " ends",
            () -> {
              session.close();
              if (Differences.UPDATE) {
                compare(document, session.printed);
              }
            }));
    return tests.stream();
  }

  /**
   * Somebody at a terminal, in a clone of which only the port in {@code drill.env} differs: a
   * server in another terminal, and what the blocks above have made of both.
   */
  private static final class Session {

    private static final Path DRILL_ENV = Path.of("docs/runbooks/drill.env");

    private final Path home;
    private final String start;
    private final Map<Blocks.Block, String> printed = new HashMap<>();
    private Drill drill;
    private RemoteSettingsServer server;
    private Instant started;
    private boolean isBroken;

    /**
     * @param start the block at the top of the page; each block needs what it sets
     */
    Session(Path home, String start) {
      this.home = home;
      this.start = start;
    }

    /** Nothing is typed after what did not work: it would be typed to something else. */
    void type(Blocks.Block block, Blocks.Block shown) throws IOException {
      assumeFalse(isBroken, "a block above it did not work");
      isBroken = true;
      if (block.text().contains("curl ")) {
        Peers.CURL.path();
      }
      if (block.text().contains("openssl ")) {
        Peers.OPENSSL.path();
      }
      run(block, shown);
      isBroken = false;
    }

    private void run(Blocks.Block block, Blocks.Block shown) throws IOException {
      if (server == null || block.notes().containsKey("server")) {
        serve(block.notes().getOrDefault("server", ""));
      }
      if (block.notes().containsKey("mend")) {
        drill.mend();
      }
      Project.Run run =
          Patience.run("sh", "-e", "-c", "{\n" + start + "} >&2\n{\n" + block.text() + "} 2>&1")
              .in(home)
              .env("PATH", bin + File.pathSeparator + System.getenv("PATH"))
              .env("SERVER", "http://localhost:1/v1") // of another terminal: has no effect
              .env("REQUESTS_CA_BUNDLE", null);
      Project.Outcome outcome = run.go();
      String actual = normalised(outcome.stdout()).stripTrailing();
      int exit = Integer.parseInt(block.notes().getOrDefault("exit", "0"));
      assertEquals(exit, outcome.exit(), block.where() + "\n" + actual + "\n" + outcome.stderr());
      if (shown == null) {
        return;
      }
      if (!isShown(shown.body(), actual)) {
        printed.put(shown, actual);
        if (!Differences.UPDATE) {
          compare(shown.file(), Map.of(shown, actual));
        }
      }
    }

    /**
     * @param faults as they stand in the page: {@code --fault expired-leaf}
     */
    private void serve(String faults) throws IOException {
      close();
      started = Instant.now().truncatedTo(ChronoUnit.SECONDS);
      Clock clock = Clock.fixed(started, ZoneOffset.UTC);
      server = RemoteSettingsServer.builder().clock(clock).sample(true).start();
      drill = Drill.start(server, clock, true, faults(faults));
      Path file = home.resolve(DRILL_ENV);
      Files.createDirectories(file.getParent());
      String text = Files.readString(ROOT.resolve(DRILL_ENV));
      Files.writeString(file, text.replace(":8888/", ":" + server.port() + "/"));
      Path sample = Files.createDirectories(home.resolve("server/sample"));
      String name = "uptake-yesterday.json";
      Files.writeString(
          sample.resolve(name), Files.readString(ROOT.resolve("server/sample").resolve(name)));
    }

    /** As if the server had started at the moment of the transcripts. */
    private String normalised(String output) {
      Duration shift = Duration.between(Terminal.NOW, started);
      LocalDate today = LocalDate.ofInstant(started, ZoneOffset.UTC);
      long days = ChronoUnit.DAYS.between(LocalDate.ofInstant(Terminal.NOW, ZoneOffset.UTC), today);
      Instant leaf = server.authority().leaf().getNotAfter().toInstant();
      String text =
          output
              .replace(home + "/", "~/")
              .replaceAll(
                  "checked as of [-0-9]+ [:0-9]+ UTC", "checked as of " + date(started) + " UTC");
      text =
          MOMENT
              .matcher(inIsoForm(text))
              .replaceAll(found -> {
                Instant moment = Instant.parse(found.group(1) + "T" + found.group(3) + "Z");
                return date(moment.minus(shift)).replace(" ", found.group(2));
              });
      text =
          DATE.matcher(text)
              .replaceAll(found -> {
                LocalDate date = LocalDate.parse(found.group());
                // all distances to the start are whole days, but for this one
                return date.equals(LocalDate.ofInstant(leaf, ZoneOffset.UTC))
                    ? LocalDate.ofInstant(leaf.minus(shift), ZoneOffset.UTC).toString()
                    : date.minusDays(days).toString();
              });
      text =
          TIMESTAMP
              .matcher(text)
              .replaceAll(found -> Long.toString(Long.parseLong(found.group()) - shift.toMillis()));
      text =
          Pattern.compile("(?<=BEHIND for )\\d+")
              .matcher(text)
              .replaceAll(lag -> Long.toString(Long.parseLong(lag.group()) / 600 * 600));
      return Transcript.normalised(text, server)
          .replaceAll("-\\d\\d-\\d\\d-\\d\\d(?=-0000\\.chain)", "-12-00-00")
          .replaceAll("(?m)^\\w+: warning: any root is trusted here, .*\n", "");
    }

    /** OpenSSL's dates as ours. */
    private static String inIsoForm(String text) {
      DateTimeFormatter form = DateTimeFormatter.ofPattern("MMM ppd HH:mm:ss yyyy", Locale.ENGLISH);
      return Pattern.compile("([A-Z][a-z]{2} [ \\d]\\d [\\d:]{8} \\d{4}) GMT")
          .matcher(text)
          .replaceAll(date ->
              LocalDateTime.parse(date.group(1), form).toString().replace('T', ' ') + " UTC");
    }

    private static String date(Instant moment) {
      return moment.toString().replace("T", " ").replace("Z", "");
    }

    private void close() {
      if (server != null) {
        server.close();
      }
    }
  }

  /** The block that is typed first. */
  private static boolean isStart(Blocks.Block block) {
    return block.text().contains("export ENV_FILE=");
  }

  private static String start(List<Blocks.Block> blocks) {
    return blocks.stream().filter(DocumentsTest::isStart).findFirst().orElseThrow().text();
  }

  /** The faults of a command line, quoted or not. */
  private static List<Fault> faults(String options) {
    return Pattern.compile("--fault (?:'([^']+)'|(\\S+))")
        .matcher(options)
        .results()
        .map(fault -> Fault.parse(fault.group(fault.group(1) == null ? 2 : 1)))
        .toList();
  }

  /** Compares the document with itself but for these blocks, which print something else. */
  private static void compare(Path document, Map<Blocks.Block, String> printed) throws IOException {
    List<String> lines = new ArrayList<>(Files.readAllLines(document));
    printed.entrySet().stream()
        .sorted((one, other) -> other.getKey().line() - one.getKey().line())
        .forEach(entry -> {
          int at = entry.getKey().line();
          lines.subList(at, at + entry.getKey().body().size()).clear();
          lines.addAll(at, entry.getValue().lines().toList());
        });
    Differences.assertFile(
        document, String.join("\n", lines) + "\n", "DocumentsTest.every_block_works_as_typed");
  }

  /** Whether that is what is shown, where a line {@code …} stands for any lines. */
  private static boolean isShown(List<String> shown, String actual) {
    String regex =
        shown.stream()
            .map(line -> line.equals("…") ? "(?:[^\n]*\n)*?" : Pattern.quote(line + "\n"))
            .reduce("", String::concat);
    return (actual.isEmpty() ? "" : actual + "\n").matches(regex);
  }

  @TestFactory
  Stream<DynamicTest> every_other_block_is_what_its_program_takes() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Path document : Blocks.documents()) {
      for (Blocks.Block block : Blocks.of(document)) {
        if (!List.of("text", "console").contains(block.language())
            || block.notes().containsKey("files")) {
          tests.add(DynamicTest.dynamicTest(block.where(), () -> check(block)));
        }
      }
    }
    return tests.stream();
  }

  private static void check(Blocks.Block block) throws IOException {
    Path own = Files.createTempDirectory(folder, "block");
    Path file = own.resolve("block." + block.language());
    Files.writeString(file, block.text());
    List<String> wrong =
        switch (block.language()) {
          case "sh" -> parsed(file);
          case "text" -> missingFiles(block);
          case "crontab" -> crontab(block);
          case "ini" -> Deployments.systemd(unit(block), Installed.commands(), own);
          case "json" -> {
            JsonMapper.shared().readTree(block.text());
            yield List.of();
          }
          case "env" -> unknownSettings(block);
          case "yaml" ->
              block.text().contains("apiVersion:")
                  ? Deployments.kubernetes(file)
                  : block.text().contains("runs-on:")
                      ? Deployments.workflow(file)
                      : Deployments.cloudFormation(file);
          default -> List.of(block.language() + " is not checked");
        };
    assertEquals(List.of(), wrong, block.where());
  }

  private static List<String> parsed(Path file) {
    Project.Outcome outcome = Patience.run("sh", "-n", file).go();
    return outcome.stderr().lines().toList();
  }

  /** Of a list of files: the words at the beginning of its lines. */
  private static List<String> missingFiles(Blocks.Block block) {
    return block.body().stream()
        .filter(line -> !line.startsWith(" ") && !line.contains("*"))
        .map(line -> line.split("\\s+")[0])
        .filter(name -> !Files.exists(ROOT.resolve(name)))
        .map(name -> "no file " + name)
        .toList();
  }

  private static List<String> crontab(Blocks.Block block) throws IOException {
    Deployments.Crontab crontab = Deployments.crontab(block.text());
    List<String> wrong = new ArrayList<>(crontab.wrong());
    try (CronServer server = new CronServer(Files.createTempDirectory(folder, "cron"), bin)) {
      for (String command : crontab.commands()) {
        String printed = server.run(crontab, command);
        if (!printed.isEmpty()) {
          wrong.add(command + "\n" + printed);
        }
      }
    }
    return wrong;
  }

  /** A unit whose first line says its name: {@code # validate_signature.timer}. */
  private static Map<String, String> unit(Blocks.Block block) {
    return Map.of(block.body().getFirst().replaceFirst("^# ", ""), block.text());
  }

  /** Variables that no page knows. */
  private static List<String> unknownSettings(Blocks.Block block) throws IOException {
    StringBuilder guides = new StringBuilder();
    for (Path guide : Blocks.guides()) {
      guides.append(Files.readString(guide));
    }
    return block.body().stream()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(line -> line.split("=", 2)[0])
        .filter(name -> !FOR_CURL.contains(name))
        .filter(name -> !name.startsWith("AWS_") && guides.indexOf("`" + name + "`") < 0)
        .map(name -> "no setting " + name)
        .toList();
  }

  @Test
  void every_runbook_has_all_its_parts_and_stands_in_the_index() throws IOException {
    Path runbooks = ROOT.resolve("docs/runbooks");
    String index = Files.readString(runbooks.resolve("README.md"));
    String symptoms = index.substring(0, index.indexOf("\n## "));
    String readme = Files.readString(ROOT.resolve("README.md"));
    List<String> wrong = new ArrayList<>();
    StringBuilder all = new StringBuilder();
    StringBuilder transcripts = new StringBuilder();
    try (Stream<Path> files = Files.walk(ROOT.resolve("tests/golden"))) {
      for (Path file : files.filter(one -> one.toString().endsWith(".txt")).toList()) {
        transcripts.append(Files.readString(file));
      }
    }
    for (Path runbook : Blocks.runbooks()) {
      String name = runbook.getFileName().toString();
      if (name.equals("README.md")) {
        continue;
      }
      String text = Files.readString(runbook);
      all.append(text);
      for (String part : List.of("Symptom", "Look", "Read it", "Do", "Undo", "Prevent")) {
        if (!text.contains("\n## " + part + "\n")) {
          wrong.add(name + ": no part " + part);
        }
      }
      List<Blocks.Block> blocks = Blocks.of(runbook);
      StringBuilder outputs = new StringBuilder(transcripts);
      for (Blocks.Block block : blocks) {
        Blocks.Block shown = Blocks.shownBy(block, blocks);
        outputs.append(shown == null ? "" : shown.text());
      }
      String symptom = text.substring(text.indexOf("## Symptom"), text.indexOf("## Look"));
      Pattern.compile("(?m)^- `([^`]+)`$")
          .matcher(symptom)
          .results()
          .filter(line -> !outputs.toString().contains(line.group(1)))
          .forEach(line -> wrong.add(name + ": nothing prints " + line.group(1)));
      Pattern.compile("(?m)^\\| `([^`]+)` \\| \\[(.*)\\]\\(" + name + "\\) \\|$")
          .matcher(symptoms)
          .results()
          .filter(row ->
              !symptom.contains("- `" + row.group(1) + "`\n")
                  || !text.startsWith("# " + row.group(2) + "\n"))
          .forEach(row -> wrong.add("the index on " + name + ": " + row.group(1)));
      if (!symptoms.contains("](" + name + ")")) {
        wrong.add(name + ": not in the index");
      }
      if (!readme.contains("](docs/runbooks/" + name + ")")) {
        wrong.add(name + ": not in the README");
      }
    }
    for (String command : Installed.commands()) {
      if (!Pattern.compile("(?m)^(?:[A-Z_]+=\\S+ )*" + command + "\\b").matcher(all).find()) {
        wrong.add("no runbook types " + command);
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void every_title_of_sentry_in_a_runbook_is_one_of_ours() throws IOException {
    StringBuilder sources =
        new StringBuilder(Files.readString(ROOT.resolve("common/signature/SignatureReport.java")));
    for (String command : Installed.commands()) {
      sources.append(Files.readString(ROOT.resolve(command + ".java")));
    }
    List<String> wrong = new ArrayList<>();
    int titles = 0;
    for (Path document : Blocks.documents()) {
      for (String line : Files.readAllLines(document)) {
        if (line.startsWith("- Sentry: ")) {
          for (MatchResult title : Pattern.compile("`([^`]+)`").matcher(line).results().toList()) {
            titles++;
            // what it is about differs
            String fixed = title.group(1).replaceAll("\\S+/\\S+|\\d+ collections|…", "").strip();
            if (!sources.toString().contains(fixed)) {
              wrong.add(document.getFileName() + ": " + title.group(1));
            }
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(titles > 5, "titles: " + titles);
  }

  @Test
  void every_drill_of_the_index_is_that_of_its_runbook() throws IOException {
    String index = Files.readString(ROOT.resolve("docs/runbooks/README.md"));
    Map<String, List<Fault>> drills = new TreeMap<>();
    Map<String, List<Fault>> inIndex = new TreeMap<>();
    for (Path runbook : Blocks.runbooks()) {
      String name = runbook.getFileName().toString();
      if (!name.equals("README.md")) {
        List<String> started =
            Blocks.of(runbook).stream()
                .map(block -> block.notes().get("server"))
                .filter(Objects::nonNull)
                .toList();
        assertFalse(started.isEmpty(), name + ": starts no server");
        started.forEach(options -> drills.put(name + " " + faults(options), faults(options)));
      }
    }
    Pattern.compile(
            "(?m)^\\| \\[[^]]*\\]\\(([^)]+)\\) \\| (?:`(--fault .*)`|) ?\\| \\d+ \\| \\d+ \\|$")
        .matcher(index)
        .results()
        .forEach(row -> {
          List<Fault> faults = row.group(2) == null ? List.of() : faults(row.group(2));
          inIndex.put(row.group(1) + " " + faults, faults);
        });
    assertEquals(drills, inIndex);
    assertTrue(drills.size() > 9, drills.toString());
  }

  @Test
  void every_drill_ends_with_a_check_that_finds_nothing_wrong() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Path runbook : Blocks.runbooks()) {
      List<Blocks.Block> typed =
          Blocks.of(runbook).stream()
              .filter(block -> block.language().equals("sh") && !block.isLeftOut())
              .toList();
      Map<Integer, Blocks.Block> last = new TreeMap<>();
      int drill = 0;
      for (Blocks.Block block : typed) {
        drill += block.notes().containsKey("server") ? 1 : 0;
        if (CHECK.matcher(block.text()).find()) {
          last.put(drill, block);
        }
      }
      last.values().stream()
          .filter(check -> check.notes().containsKey("exit"))
          .forEach(check -> wrong.add(check.where()));
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void every_runbook_begins_in_the_same_way() throws IOException {
    Map<String, List<String>> pages = new TreeMap<>();
    for (Path runbook : Blocks.runbooks()) {
      Blocks.Block first =
          Blocks.of(runbook).stream().filter(DocumentsTest::isStart).findFirst().orElseThrow();
      String text = Files.readString(runbook);
      int at = text.indexOf(first.text());
      String start = text.substring(text.lastIndexOf("\n\n", at - "```sh\n".length() - 2), at);
      pages
          .computeIfAbsent(start + first.text(), _ -> new ArrayList<>())
          .add(runbook.getFileName().toString());
    }
    assertEquals(1, pages.size(), pages.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"sh", "bash", "zsh"})
  void what_is_typed_first_names_the_server_of_the_file_and_no_other(String shell)
      throws IOException {
    String start = start(Blocks.of(ROOT.resolve("docs/runbooks/README.md")));
    Path home = Files.createTempDirectory(folder, "first");
    Map<String, String> elsewhere =
        Map.of("SERVER", "https://elsewhere.example/v1", "AUTH", "other:secret", "TARGET_DIR", "x");
    String left = "env | grep -E '^(SERVER|AUTH|TARGET_DIR|EDITS)=' || echo nothing";
    Project.Outcome missing = inShell(shell, start + left, home, elsewhere);
    assertNotEquals(0, missing.exit());
    assertEquals("", missing.stdout());
    assertTrue(
        missing.stderr().contains("SERVER: the file of ENV_FILE does not set it"),
        missing.stderr());

    Path file = Files.createDirectories(home.resolve("docs/runbooks")).resolve("drill.env");
    String here = "http://localhost:1/v1";
    String plain = "# SERVER=no\nSERVER=" + here + "\nAUTH=a:b -> c\nEDITS=me:x\n";
    Map<String, String> files =
        Map.of(
            "plain", plain,
            "ends of lines as in Windows", plain.replace("\n", "\r\n"),
            "quotes", plain.replace(here, '"' + here + '"').replace("me:x", "'me:x'"),
            "another line above it", "SERVER=https://elsewhere.example/v1\n" + plain,
            "as a shell would have it", plain.replaceAll("(?m)^(?=[A-Z])", "export "),
            "spaces and a comment", plain.replace("SERVER=" + here, " SERVER = " + here + " # it"),
            "a slash at the end", plain.replace("/v1\n", "/v1/\n"));
    for (Map.Entry<String, String> content : files.entrySet()) {
      Files.writeString(file, content.getValue());
      Project.Outcome outcome = inShell(shell, start + left, home, elsewhere);
      assertEquals(
          here + ": me edits,  reviews\nTARGET_DIR=x\n", outcome.stdout(), content.getKey());
      assertEquals("", outcome.stderr(), content.getKey());
    }
    for (int lines = 1; lines < start.lines().count(); lines++) {
      String half = String.join("\n", start.lines().limit(lines).toList());
      Project.Outcome outcome = inShell(shell, half + "\n" + left, home, elsewhere);
      assertFalse(outcome.stdout().contains("SERVER="), lines + " lines: " + outcome.stdout());
    }
  }

  private static Project.Outcome inShell(
      String shell, String typed, Path home, Map<String, String> environment) {
    (shell.equals("zsh") ? Peers.ZSH : Peers.BASH).path();
    Project.Run run = Patience.run(shell, "-c", typed).in(home);
    environment.forEach(run::env);
    return run.go();
  }

  @Test
  void no_runbook_has_credentials_or_a_server_of_its_own() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Path runbook : Blocks.runbooks()) {
      for (Blocks.Block block : Blocks.of(runbook)) {
        boolean isTyped = block.language().equals("sh") && !block.isLeftOut();
        if (isTyped && !isStart(block) && OWN.matcher(block.text()).find()) {
          wrong.add(block.where());
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void every_link_of_the_documents_leads_somewhere() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Path document : Blocks.documents()) {
      Pattern.compile("\\]\\(([^)#\\s]*)(?:#([^)\\s]+))?\\)")
          .matcher(Files.readString(document))
          .results()
          .filter(link -> !link.group(1).contains("://"))
          .forEach(link -> {
            boolean isHere = link.group(1).isEmpty();
            Path target = isHere ? document : document.resolveSibling(link.group(1)).normalize();
            if (!Files.exists(target) || (link.group(2) != null && !has(target, link.group(2)))) {
              wrong.add(ROOT.relativize(document) + ": " + link.group());
            }
          });
    }
    assertEquals(List.of(), wrong);
  }

  /** Whether a document has a heading of that anchor. */
  private static boolean has(Path document, String anchor) {
    try {
      return Files.readAllLines(document).stream()
          .filter(line -> line.matches("#+ .*"))
          .map(line -> line.replaceFirst("^#+ ", "").toLowerCase().replaceAll("[^\\w\\s-]", ""))
          .anyMatch(heading -> heading.replace(' ', '-').equals(anchor));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  // What this class itself relies on

  @Test
  void what_is_shown_may_leave_out_lines_but_not_change_them() {
    assertTrue(isShown(List.of("one", "two"), "one\ntwo"));
    assertTrue(isShown(List.of("one", "…", "three"), "one\ntwo\nmore\nthree"));
    assertTrue(isShown(List.of("…", "three"), "three"));
    for (String other : List.of("one", "one\ntwo\nthree", "one\ntwo ", "ones\ntwo", "")) {
      assertTrue(!isShown(Arrays.asList("one", "two"), other), other);
    }
    assertTrue(!isShown(List.of("one", "…", "three"), "one\ntwo"));
  }
}
