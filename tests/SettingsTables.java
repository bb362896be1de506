//SOURCES ../common/Runner.java ../deploy/Project.java ../validate_signature.java ReadmeTest.java
//SOURCES Terminal.java ../common/Setting.java

import common.Runner;
import common.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The tables of settings in {@code docs/}, made of what the commands declare. A section of {@code
 * settings.md} has what all commands have that refer to it; the page of a command has the rest. The
 * specification states a default after its variable.
 */
final class SettingsTables {

  private static final String HEAD =
      "| variable | option | default | meaning |\n|---|---|---|---|\n";
  private static final Pattern TABLE = Pattern.compile(Pattern.quote(HEAD) + "(?:\\|.*\n)*");
  private static final Pattern SECTION = Pattern.compile("\\(settings\\.md#settings-of-(.*?)\\)");
  private static final Pattern VARIABLE_WITHOUT_OPTION =
      Pattern.compile("^  ([A-Z_]+(?:, [A-Z_]+)*)\n        (.*)\n", Pattern.MULTILINE);

  /** In the specification: {@code `PARALLEL_REQUESTS` (4)}. */
  private static final Pattern DEFAULT =
      Pattern.compile("`(?<variable>[A-Z_]+)` \\((?<mark>`?)[^`()]*`?\\)");

  /** A word that reads as code, between what only surrounds it. */
  private static final Pattern CODE =
      Pattern.compile("(\\()?((?:--|\\.|.*[*_?=<>{}\\[\\]\"/]|\\w+:\\w).*?)([,;:)]*)");

  private SettingsTables() {}

  private static Path page(String name) {
    return Project.root().resolve("docs/" + name + ".md");
  }

  /** The pages with a table, as they should be. */
  static Map<Path, String> pages() throws IOException {
    Map<String, List<Setting>> settings = new TreeMap<>();
    Map<String, List<String>> commands = new LinkedHashMap<>(); // that refer to a section
    for (String command : ReadmeTest.COMMANDS.keySet()) {
      settings.put(
          command, new ArrayList<>(Runner.settings(ReadmeTest.COMMANDS.get(command).get())));
      for (MatchResult section :
          SECTION.matcher(Files.readString(page(command))).results().toList()) {
        commands.computeIfAbsent(section.group(1), _ -> new ArrayList<>()).add(command);
      }
    }
    Map<Path, String> pages = new LinkedHashMap<>();
    String shared = Files.readString(page("settings"));
    for (String heading : shared.lines().filter(it -> it.startsWith("## Settings of ")).toList()) {
      List<String> those = commands.remove(heading.substring(15).replace(' ', '-'));
      List<Setting> rows = new ArrayList<>(settings.get(those.getFirst()));
      those.forEach(command -> rows.retainAll(settings.get(command)));
      those.forEach(command -> settings.get(command).removeAll(rows));
      String others = heading.endsWith(" every command") ? withoutOption() : "";
      int start = shared.indexOf(heading + "\n");
      shared = shared.substring(0, start) + with(shared.substring(start), table(rows) + others);
    }
    if (!commands.isEmpty()) {
      throw new AssertionError("no section of settings.md: " + commands.keySet());
    }
    pages.put(page("settings"), shared);
    for (String command : settings.keySet()) {
      pages.put(page(command), with(Files.readString(page(command)), table(settings.get(command))));
    }
    pages.put(page("specification"), specification());
    return pages;
  }

  /** The section of a command has the defaults of that command, the others what all share. */
  private static String specification() throws IOException {
    StringBuilder text = new StringBuilder();
    for (String section : Files.readString(page("specification")).split("(?m)^(?=## )")) {
      String heading = section.substring(0, section.indexOf('\n')).replaceFirst("^## ", "");
      Map<String, String> defaults =
          defaults(ReadmeTest.COMMANDS.getOrDefault(heading, validate_signature::new).get());
      text.append(
          DEFAULT
              .matcher(section)
              .replaceAll(found -> {
                String value = defaults.get(found.group("variable"));
                String mark = found.group("mark");
                return Matcher.quoteReplacement(
                    value == null
                        ? found.group()
                        : "`%s` (%s%s%s)".formatted(found.group("variable"), mark, value, mark));
              }));
    }
    return text.toString();
  }

  private static Map<String, String> defaults(Runner.Command command) {
    Map<String, String> defaults = new HashMap<>();
    for (Setting setting : Runner.settings(command)) {
      setting.variables().forEach(variable -> defaults.put(variable, setting.defaultValue()));
    }
    return defaults;
  }

  /** The text with this table for its first. */
  private static String with(String text, String table) {
    return TABLE.matcher(text).replaceFirst(Matcher.quoteReplacement(table));
  }

  private static String table(List<Setting> settings) {
    return settings.stream()
        .map(setting ->
            "| %s | %s | %s | %s |\n"
                .formatted(
                    cells(setting.variables(), " or "),
                    cells(setting.options(), ", "),
                    setting.defaultValue() == null ? "" : "`" + setting.defaultValue() + "`",
                    marked(setting.description())))
        .collect(Collectors.joining("", HEAD, ""))
        .replace("|  |", "| |");
  }

  private static String withoutOption() {
    return VARIABLE_WITHOUT_OPTION
        .matcher(
            new Terminal()
                .run(ReadmeTest.COMMANDS.get("validate_signature").get(), "--help")
                .stdout())
        .results()
        .map(found ->
            "| %s | | | %s |\n"
                .formatted(
                    cells(List.of(found.group(1).split(", ")), ", "), marked(found.group(2))))
        .collect(Collectors.joining());
  }

  private static String cells(List<String> names, String separator) {
    return names.stream().map(name -> "`" + name + "`").collect(Collectors.joining(separator));
  }

  /** A description with its code marked, several words of it together. */
  private static String marked(String description) {
    String words =
        Pattern.compile("\\{[^}]*\\}[;,]?|\\S+")
            .matcher(description)
            .replaceAll(word -> {
              Matcher code = CODE.matcher(word.group());
              return Matcher.quoteReplacement(
                  code.matches()
                      ? "%s`%s`%s"
                          .formatted(code.group(1) == null ? "" : "(", code.group(2), code.group(3))
                      : word.group());
            });
    return words.replace("` `", " ").replaceAll("=` ([\\d.]+)", "= $1`").replace("|", "\\|");
  }
}
