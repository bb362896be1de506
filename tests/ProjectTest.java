//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../deploy/Project.java
//SOURCES *Test.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.platform.commons.annotation.Testable;
import org.junit.platform.commons.support.AnnotationSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What no compiler checks: the headers that JBang reads, the one doorway to HTTP, JSON and stdout,
 * the catalog, and the promises of the specification.
 *
 * <p>Each test lists all that is wrong, as {@code file: what}.
 */
class ProjectTest {

  private static final Path ROOT = Project.root();

  /** Every Java file by its path from the root, with {@code /}. */
  private static final Map<String, String> FILES = javaFiles();

  /** The same without comments and the text of literals. */
  private static final Map<String, String> CODE = code();

  /** What a package's classes come from. The longest prefix counts. */
  private static final Map<String, String> ARTIFACTS =
      Map.ofEntries(
          Map.entry("com.amazonaws.services.lambda.runtime", "com.amazonaws:aws-lambda-java-core"),
          Map.entry(
              "com.amazonaws.services.lambda.runtime.api.client",
              "com.amazonaws:aws-lambda-java-runtime-interface-client"),
          Map.entry("com.github.difflib", "io.github.java-diff-utils:java-diff-utils"),
          Map.entry(
              "com.google.googlejavaformat", "com.google.googlejavaformat:google-java-format"),
          Map.entry("com.networknt.schema", "com.networknt:json-schema-validator"),
          Map.entry("io.pebbletemplates.pebble", "io.pebbletemplates:pebble"),
          Map.entry("io.sentry", "io.sentry:sentry"),
          Map.entry("nu.validator", "nu.validator:validator"),
          Map.entry("org.bouncycastle", "org.bouncycastle:bcpkix-jdk18on"),
          Map.entry("org.jsoup", "org.jsoup:jsoup"),
          Map.entry("org.junit", "org.junit.jupiter:junit-jupiter"),
          Map.entry("org.junit.platform.launcher", "org.junit.platform:junit-platform-launcher"),
          Map.entry(
              "org.owasp.html",
              "com.googlecode.owasp-java-html-sanitizer:owasp-java-html-sanitizer"),
          Map.entry("org.snakeyaml.engine", "org.snakeyaml:snakeyaml-engine"),
          Map.entry("org.unbescape", "org.unbescape:unbescape"),
          Map.entry("picocli", "info.picocli:picocli"),
          Map.entry("software.amazon.awssdk", "software.amazon.awssdk:s3"),
          Map.entry(
              "software.amazon.awssdk.http.urlconnection",
              "software.amazon.awssdk:url-connection-client"),
          Map.entry(
              "software.amazon.awssdk.services.secretsmanager",
              "software.amazon.awssdk:secretsmanager"),
          Map.entry("tools.jackson.core", "tools.jackson.core:jackson-core"),
          Map.entry("tools.jackson.databind", "tools.jackson.core:jackson-databind"));

  private static final Pattern STDOUT =
      Pattern.compile("\\bSystem\\s*\\.\\s*(out|console)\\b|\\bFileDescriptor\\s*\\.\\s*out\\b");

  private static final Pattern EXIT =
      Pattern.compile("\\bSystem\\s*\\.\\s*exit\\b|\\bgetRuntime\\(\\)\\s*\\.\\s*exit\\b");

  // Headers

  @Test
  void versions_of_dependencies_are_exact() {
    List<String> wrong = new ArrayList<>();
    FILES.forEach((file, text) -> {
      for (String artifact : directives(text, "DEPS")) {
        String[] parts = artifact.split("@")[0].split(":");
        if (parts.length < 3 || !parts[2].matches("\\d[\\w.-]*") || parts[2].contains("SNAPSHOT")) {
          wrong.add(file + ": " + artifact);
        }
      }
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void versions_of_dependencies_are_equal_everywhere() {
    Map<String, Set<String>> versions = new TreeMap<>();
    FILES.forEach((file, text) -> {
      for (String artifact : directives(text, "DEPS")) {
        String[] parts = artifact.split(":", 3);
        versions.computeIfAbsent(parts[0] + ":" + parts[1], key -> new TreeSet<>()).add(parts[2]);
      }
    });
    versions.values().removeIf(set -> set.size() == 1);
    assertEquals(Map.of(), versions);
  }

  @Test
  void every_file_declares_the_dependencies_that_it_imports() {
    List<String> wrong = new ArrayList<>();
    CODE.forEach((file, code) -> {
      Set<String> declared = new HashSet<>();
      for (String artifact : directives(FILES.get(file), "DEPS")) {
        declared.add(artifact.replaceFirst("^([^:]*:[^:]*):.*", "$1"));
      }
      Set<String> needed = new TreeSet<>();
      for (String name : imports(code)) {
        if (!name.matches("(java|javax|jdk|org\\.xml\\.sax|com\\.sun|common)\\..*")) {
          needed.add(artifact(name));
        }
      }
      // Jackson's databind and each client of AWS bring along what they are built on
      if (declared.contains("tools.jackson.core:jackson-databind")) {
        needed.remove("tools.jackson.core:jackson-core");
      }
      if (declared.contains("software.amazon.awssdk:secretsmanager")) {
        needed.remove("software.amazon.awssdk:s3");
      }
      needed.removeAll(declared);
      needed.forEach(artifact -> wrong.add(file + ": no //DEPS for " + artifact));
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void every_file_declares_the_sources_that_it_uses() {
    List<String> wrong = new ArrayList<>();
    for (String file : FILES.keySet()) {
      Set<String> reached = reached(file);
      for (String used : used(file)) {
        if (!reached.contains(used)) {
          wrong.add(file + ": no //SOURCES leads to " + used);
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void sources_and_files_are_listed_one_by_one_and_exist() {
    List<String> wrong = new ArrayList<>();
    FILES.forEach((file, text) -> {
      List<String> listed = new ArrayList<>(directives(text, "SOURCES"));
      directives(text, "FILES").forEach(entry -> listed.add(entry.replaceFirst("^.*=", "")));
      if (file.equals("tests/ProjectTest.java")) {
        listed.remove("*Test.java"); // JBang expands a pattern only where it runs from a folder
      }
      for (String path : listed) {
        if (path.matches(".*[*?].*") || !Files.isRegularFile(ROOT.resolve(beside(file, path)))) {
          wrong.add(file + ": " + path);
        }
      }
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void every_script_starts_as_scripts_do() {
    List<String> wrong = new ArrayList<>();
    FILES.forEach((file, text) -> {
      boolean script = text.startsWith("///usr/bin/env jbang \"$0\" \"$@\" ; exit $?\n");
      boolean startable = CODE.get(file).contains("static void main(");
      startable &= !STARTED.contains(file);
      if (script != startable || (!file.contains("/") && !script)) {
        wrong.add(file + ": a first line without main or main without the first line");
      } else if (script
          && (!directives(text, "JAVA").equals(List.of("25+"))
              || directives(text, "DESCRIPTION").isEmpty())) {
        wrong.add(file + ": no //JAVA 25+ or no //DESCRIPTION");
      }
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void all_runs_every_test() {
    Set<String> missing = new TreeSet<>();
    CODE.forEach((file, code) -> {
      if (code.contains("@Test\n") || code.contains("@ParameterizedTest\n")) {
        missing.add(file);
      }
    });
    assertFalse(missing.isEmpty());
    missing.removeAll(reached("tests/ProjectTest.java"));
    assertEquals(Set.of(), missing, "not reached by the //SOURCES of any tests/*Test.java");
  }

  @Test
  void all_compiles_every_command() {
    Set<String> missing = new TreeSet<>(commands());
    missing.removeAll(reached("tests/ProjectTest.java"));
    assertEquals(Set.of(), missing, "not reached by the //SOURCES of any tests/*Test.java");
  }

  @Test
  void the_compiler_has_nothing_to_warn_of() throws IOException {
    JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
    try (StandardJavaFileManager files = javac.getStandardFileManager(said, null, null)) {
      List<Path> sources = FILES.keySet().stream().map(ROOT::resolve).toList();
      List<String> options =
          List.of("-Xlint:all", "-proc:none", "-classpath", System.getProperty("java.class.path"));
      JavacTask task =
          (JavacTask)
              javac.getTask(
                  null, files, said, options, null, files.getJavaFileObjectsFromPaths(sources));
      task.analyze(); // all warnings come before code is generated
    }
    List<String> ours =
        said.getDiagnostics().stream()
            .filter(diagnostic ->
                // what a dependency's class lacks is not ours to mend
                diagnostic.getKind() == Diagnostic.Kind.ERROR
                    || (diagnostic.getSource() != null
                        && diagnostic.getSource().getKind() == JavaFileObject.Kind.SOURCE))
            .map(Diagnostic::toString)
            .toList();
    assertEquals(List.of(), ours);
  }

  // Doorways

  @Test
  void http_clients_are_made_in_one_place() {
    assertEquals(
        Set.of("common/Connections.java", "common/Http.java"),
        product(Pattern.compile("\\bHttpClient\\b|\\bURLConnection\\b|\\bopenStream\\(")));
  }

  @Test
  void json_is_read_and_written_in_one_place() {
    assertEquals(
        Set.of("common/Json.java"),
        product(
            Pattern.compile(
                "\\bnew\\s+JsonFactory\\b|\\bJsonFactory\\s*\\.\\s*builder"
                    + "|\\bObjectMapper\\b|\\bJsonMapper\\b")));
  }

  @Test
  void only_the_main_of_a_script_exits() {
    List<String> wrong = new ArrayList<>();
    CODE.forEach((file, code) -> {
      String rest =
          isScript(file) || STARTED.contains(file) ? without(code, "static void main(") : code;
      if (EXIT.matcher(rest).find()) {
        wrong.add(file);
      }
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void only_the_surroundings_know_stdout() {
    List<String> wrong = new ArrayList<>();
    CODE.forEach((file, code) -> {
      String rest = without(code, "static void main(");
      rest = file.equals("common/Surroundings.java") ? without(rest, "record Surroundings(") : rest;
      if (isProduct(file) && STDOUT.matcher(rest).find()) {
        wrong.add(file);
      }
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void only_the_report_prints_to_stdout() {
    Set<String> wrong = product(Pattern.compile("\\.\\s*out\\(\\)"));
    wrong.removeAll(Set.of("common/Report.java", "common/Surroundings.java"));
    assertEquals(Set.of(), wrong);
  }

  @Test
  void no_file_names_a_machine_or_a_registry() {
    Pattern banned =
        Pattern.compile(
            "/(home|root|Users|work)/|[A-Z]:\\\\\\\\|repo1?\\.maven\\.|maven\\.org|pypi\\.org"
                + "|pythonhosted|npmjs\\.(org|com)|crates\\.io|jitpack|//REPOS");
    List<String> wrong = new ArrayList<>();
    FILES.forEach((file, text) -> {
      Matcher found = banned.matcher(text);
      if (!file.equals("tests/ProjectTest.java") && found.find()) {
        wrong.add(file + ": " + found.group());
      }
    });
    assertEquals(List.of(), wrong);
  }

  // Rooms

  /** Files whose main belongs to no script: launchers and {@code ./jbang} start them. */
  private static final Set<String> STARTED =
      Set.of("deploy/FastStart.java", "deploy/LaunchedCommand.java");

  /** The longest file that a reader has to find their way in, and those that may be longer. */
  private static final int LONGEST_FILE = 700;

  private static final Map<String, Integer> LONGER_FILES =
      Map.of(
          "backport_records.java", 1320,
          "blockpages_generator.java", 1100,
          "uptake_health.java", 1110);

  /** Files of a room, and how many lines they may have together; the pages are limited by file. */
  private static final Map<String, Integer> ROOMS =
      Map.of("common/[^/]+", 9000, "common/signature/.*", 4500);

  @Test
  void no_file_that_is_shipped_is_too_long() {
    List<String> wrong = new ArrayList<>();
    FILES.forEach((file, text) -> {
      long lines = text.lines().count();
      if (isShipped(file) && lines > LONGER_FILES.getOrDefault(file, LONGEST_FILE)) {
        wrong.add(file + ": " + lines + " lines");
      }
    });
    assertEquals(List.of(), wrong);
  }

  @Test
  void common_stays_small() {
    ROOMS.forEach((files, most) -> {
      long lines =
          FILES.entrySet().stream()
              .filter(file -> file.getKey().matches(files))
              .mapToLong(file -> file.getValue().lines().count())
              .sum();
      assertTrue(lines <= most, files + ": " + lines + " lines, at most " + most);
    });
  }

  @Test
  void what_common_is_made_of_leads_one_way() {
    Map<String, Set<String>> uses = new TreeMap<>();
    FILES.keySet().stream()
        .filter(file -> file.startsWith("common/"))
        .forEach(file -> {
          uses.put(file, used(file));
          uses.get(file).remove(file);
        });
    // takes away what uses nothing that is left, until nothing is left or a circle
    while (uses.keySet()
        .removeAll(
            List.copyOf(uses.keySet()).stream()
                .filter(file -> uses.get(file).stream().noneMatch(uses::containsKey))
                .toList())) {
      continue;
    }
    assertEquals(Map.of(), uses, "a circle, and what leads to it");
  }

  @Test
  void common_uses_nothing_but_itself() {
    List<String> wrong = new ArrayList<>();
    FILES.keySet().stream()
        .filter(file -> file.startsWith("common/"))
        .forEach(file ->
            used(file).stream()
                .filter(used -> !used.startsWith("common/"))
                .forEach(used -> wrong.add(file + ": " + used)));
    assertEquals(List.of(), wrong);
  }

  @Test
  void only_the_pages_pay_for_s3() {
    List<String> payers =
        commands().stream()
            .filter(command ->
                reached(command).stream()
                    .flatMap(file -> directives(FILES.get(file), "DEPS").stream())
                    .anyMatch(artifact -> artifact.startsWith("software.amazon.awssdk:")))
            .toList();
    assertEquals(List.of("blockpages_generator.java"), payers);
  }

  @Test
  void signatures_are_verified_without_http_and_without_picocli() {
    List<String> wrong = new ArrayList<>();
    FILES.keySet().stream()
        .filter(
            file -> file.matches("common/signature/(?!Signature(Check|Report)|TrustSettings).*"))
        .flatMap(file -> reached(file).stream())
        .distinct()
        .filter(file ->
            imports(CODE.get(file)).stream()
                .anyMatch(name -> name.matches("(java\\.net\\.http|picocli)\\..*")))
        .forEach(wrong::add);
    assertEquals(List.of(), wrong);
  }

  @Test
  void nothing_but_tests_is_made_of_tests() {
    List<String> wrong = new ArrayList<>();
    FILES.keySet().stream()
        .filter(file -> !file.startsWith("tests/"))
        .forEach(file ->
            reached(file).stream()
                .filter(source -> source.startsWith("tests/"))
                .forEach(source -> wrong.add(file + ": " + source)));
    assertEquals(List.of(), wrong);
  }

  // Catalog and documentation

  @Test
  void every_alias_has_its_script_and_that_script_s_description() throws IOException {
    JsonNode aliases = catalog();
    assertFalse(aliases.isEmpty());
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, JsonNode> alias : aliases.properties()) {
      String script = alias.getValue().path("script-ref").stringValue("");
      if (!FILES.containsKey(script)) {
        wrong.add(alias.getKey() + ": no script " + script);
      } else if (!directives(FILES.get(script), "DESCRIPTION")
          .equals(List.of(alias.getValue().path("description").stringValue("")))) {
        wrong.add(alias.getKey() + ": another description than " + script + "'s");
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void every_command_has_an_alias_of_its_name_and_the_rest_are_called_tools() throws IOException {
    List<String> expected = new ArrayList<>();
    List<String> actual = new ArrayList<>();
    for (Map.Entry<String, JsonNode> alias : catalog().properties()) {
      String script = alias.getValue().path("script-ref").stringValue("");
      boolean isTool = alias.getValue().path("description").stringValue("").startsWith("Tool: ");
      expected.add(commands().contains(script) ? "command " + script : "tool " + script);
      actual.add(isTool ? "tool " + script : "command " + alias.getKey() + ".java");
    }
    assertEquals(expected, actual);
    assertTrue(actual.containsAll(commands().stream().map(one -> "command " + one).toList()));
  }

  @Test
  void every_command_names_its_page_to_jbang() {
    for (String script : commands()) {
      String page = "docs/" + script.replace(".java", ".md");
      assertEquals(List.of(page), directives(FILES.get(script), "DOCS"));
      assertTrue(Files.exists(Project.root().resolve(page)), page);
    }
  }

  @Test
  void a_command_that_writes_can_show_it_first_and_says_so_before() {
    Pattern write = Pattern.compile("\\.(patch|write|batch|create)\\(");
    List<String> wrong = new ArrayList<>();
    int writers = 0;
    for (String script : commands()) {
      if (write.matcher(CODE.get(script)).find()) {
        writers++;
        if (!FILES.get(script).contains("\"--dry-run\"")) {
          wrong.add(script + ": no --dry-run");
        }
        if (!CODE.get(script).contains("report.announce(")) {
          wrong.add(script + ": does not say what it is about to write");
        }
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(writers > 0, "looks for writes in vain");
  }

  @Test
  void every_promise_names_a_test_that_exists() throws IOException {
    List<String> wrong = new ArrayList<>();
    int promises = 0;
    String section = "";
    for (String line : Files.readAllLines(ROOT.resolve("docs/specification.md"))) {
      boolean row = line.startsWith("|");
      boolean head = row && !section.startsWith("|");
      section = line;
      if (!row || head || line.matches("[|\\s:-]+")) {
        continue;
      }
      promises++;
      String[] cells = line.strip().replaceAll("^\\||\\|$", "").split("(?<!\\\\)\\|", -1);
      if (cells.length < 2 || Arrays.stream(cells).anyMatch(String::isBlank)) {
        wrong.add("empty cell: " + line);
        continue;
      }
      List<String> names =
          Pattern.compile("`([A-Z]\\w*[.#]\\w+)`")
              .matcher(cells[cells.length - 1])
              .results()
              .map(found -> found.group(1))
              .toList();
      if (names.isEmpty()) {
        wrong.add("names no test: " + line);
      }
      names.stream().filter(name -> !isTest(name)).forEach(name -> wrong.add("no test " + name));
    }
    assertEquals(List.of(), wrong);
    assertTrue(promises > 0, "no promise was found");
  }

  @Test
  void what_the_code_cites_of_the_specification_is_a_heading_of_it() throws IOException {
    Set<String> headings =
        Files.readAllLines(ROOT.resolve("docs/specification.md")).stream()
            .filter(line -> line.matches("##+ .*"))
            .map(line -> line.replaceFirst("^#+ ", ""))
            .collect(Collectors.toSet());
    Pattern cited = Pattern.compile("docs/specification\\.md((?:,?[\\s*]+(?:and )?<i>[^<]+</i>)+)");
    List<String> wrong = new ArrayList<>();
    FILES.forEach((file, text) -> {
      if (isShipped(file) && text.matches("(?s).*\\b(contract|[Ss]pec: \\w+),.*")) {
        wrong.add(file + ": cites what is not here");
      }
      cited
          .matcher(text)
          .results()
          .flatMap(found -> Pattern.compile("<i>([^<]+)</i>").matcher(found.group(1)).results())
          .map(found -> found.group(1).replaceAll("[\\s*]+", " "))
          .filter(heading -> !headings.contains(heading))
          .forEach(heading -> wrong.add(file + ": no heading " + heading));
    });
    assertEquals(List.of(), wrong);
  }

  // Helpers

  private static boolean isTest(String name) {
    String[] parts = name.split("[.#]");
    try {
      for (Method method : Class.forName(parts[0]).getDeclaredMethods()) {
        if (method.getName().equals(parts[1])
            && AnnotationSupport.isAnnotated(method, Testable.class)) {
          return true;
        }
      }
      return false;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  private static JsonNode catalog() throws IOException {
    return JsonMapper.shared()
        .readTree(Files.readString(ROOT.resolve("jbang-catalog.json")))
        .path("aliases");
  }

  private static Map<String, String> javaFiles() {
    Map<String, String> files = new TreeMap<>();
    for (String folder : List.of("", "common", "server", "deploy", "tests", "bench")) {
      // a folder without a name is the root, whose own files count only
      try (Stream<Path> found = Files.walk(ROOT.resolve(folder), folder.isEmpty() ? 1 : 9)) {
        for (Path file : found.filter(f -> f.toString().endsWith(".java")).toList()) {
          files.put(
              ROOT.relativize(file).toString().replace('\\', '/'),
              Files.readString(file).replace("\r\n", "\n"));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return files;
  }

  private static Map<String, String> code() {
    Map<String, String> code = new LinkedHashMap<>();
    FILES.forEach((file, text) -> code.put(file, withoutTexts(text)));
    return code;
  }

  private static boolean isScript(String file) {
    return FILES.get(file).startsWith("///usr/bin/env jbang ");
  }

  /** The scripts that users run; those below {@code tests/} and {@code bench/} are ours. */
  private static List<String> commands() {
    return FILES.keySet().stream().filter(file -> !file.contains("/")).toList();
  }

  /** The commands and what they are made of. */
  private static boolean isProduct(String file) {
    return !file.contains("/") || file.startsWith("common/");
  }

  /** The product, and what serves and installs it; benchmarks compare with what tests prepare. */
  private static boolean isShipped(String file) {
    return isProduct(file) || file.startsWith("server/") || file.startsWith("deploy/");
  }

  /** The files of the product in which that occurs. */
  private static Set<String> product(Pattern pattern) {
    Set<String> files = new TreeSet<>();
    CODE.forEach((file, code) -> {
      if (isProduct(file) && pattern.matcher(code).find()) {
        files.add(file);
      }
    });
    return files;
  }

  /** The values of one kind of directive, which stand at the start of a line as JBang wants. */
  private static List<String> directives(String text, String kind) {
    List<String> values = new ArrayList<>();
    for (String line : text.split("\n")) {
      if (line.startsWith("//" + kind + " ")) {
        String value = line.substring(kind.length() + 3).strip();
        values.addAll(kind.equals("DESCRIPTION") ? List.of(value) : List.of(value.split("\\s+")));
      }
    }
    return values;
  }

  private static List<String> imports(String code) {
    return Pattern.compile("(?m)^import\\s+(?:static\\s+)?([\\w.]+)")
        .matcher(code)
        .results()
        .map(found -> found.group(1))
        .toList();
  }

  private static String artifact(String imported) {
    String longest = "";
    for (String prefix : ARTIFACTS.keySet()) {
      if (imported.startsWith(prefix + ".") && prefix.length() > longest.length()) {
        longest = prefix;
      }
    }
    return ARTIFACTS.getOrDefault(longest, "the import of " + imported);
  }

  /** That path, seen from the root instead of from the file that names it. */
  private static String beside(String file, String path) {
    Path folder = Path.of("/" + file).getParent();
    return folder.resolve(path).normalize().toString().replace('\\', '/').substring(1);
  }

  /** The files of that pattern, or the path itself if it is not a pattern. */
  private static List<String> matching(String path) {
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + path);
    return path.contains("*")
        ? FILES.keySet().stream().filter(file -> matcher.matches(Path.of(file))).toList()
        : List.of(path);
  }

  /** The files that JBang compiles when it is given this one. */
  private static Set<String> reached(String file) {
    Set<String> reached = new LinkedHashSet<>(Set.of(file));
    Deque<String> open = new ArrayDeque<>(reached);
    while (!open.isEmpty()) {
      String from = open.pop();
      for (String path : directives(FILES.getOrDefault(from, ""), "SOURCES")) {
        for (String source : matching(beside(from, path))) {
          if (reached.add(source)) {
            open.push(source);
          }
        }
      }
    }
    return reached;
  }

  /** Our files whose class this one names: of its own package, or imported. */
  private static Set<String> used(String file) {
    String folder = packageOf(file);
    Set<String> words = new HashSet<>();
    Pattern.compile("\\b(?<!\\.)[A-Za-z_]\\w*")
        .matcher(CODE.get(file))
        .results()
        .map(MatchResult::group)
        .forEach(words::add);
    List<String> imported = imports(CODE.get(file));
    Set<String> used = new TreeSet<>();
    for (String other : FILES.keySet()) {
      String name = other.replaceFirst(".*/", "").replace(".java", "");
      String otherFolder = packageOf(other);
      // scripts such as `format` have the names of ordinary words
      boolean telling = Character.isUpperCase(name.charAt(0)) || name.contains("_");
      boolean imports =
          imported.stream()
              .anyMatch(
                  i -> !otherFolder.isEmpty() && (i + ".").startsWith(otherFolder + name + "."));
      boolean uses = imports || (otherFolder.equals(folder) && telling && words.contains(name));
      if (uses) {
        used.add(other);
      }
    }
    return used;
  }

  /** The package of a file with a dot behind it: that of its folder below {@code common/}. */
  private static String packageOf(String file) {
    return file.startsWith("common/") ? file.replaceFirst("[^/]*$", "").replace('/', '.') : "";
  }

  /** The code but for the block in braces after that. */
  private static String without(String code, String start) {
    int at = code.indexOf(start);
    if (at < 0) {
      return code;
    }
    int depth = 0;
    for (int i = code.indexOf('{', at); i < code.length(); i++) {
      depth += code.charAt(i) == '{' ? 1 : code.charAt(i) == '}' ? -1 : 0;
      if (depth == 0) {
        return code.substring(0, at) + code.substring(i + 1);
      }
    }
    return code.substring(0, at);
  }

  /** Takes out comments, and what stands between quotes. */
  private static String withoutTexts(String java) {
    return Pattern.compile(
            // a text block, a string, a character, two kinds of comment
            "\"\"\"(?:[^\\\\\"]++|\\\\.|\"(?!\"\"))*+\"\"\""
                + "|\"(?:[^\"\\\\\\n]++|\\\\.)*+\"|'(?:[^'\\\\\\n]++|\\\\.)*+'"
                + "|//[^\\n]*|/\\*.*?\\*/",
            Pattern.DOTALL)
        .matcher(java)
        .replaceAll(found -> found.group().startsWith("/") ? " " : "\"\"");
  }
}
