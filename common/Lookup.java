//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Masks.java
//SOURCES Secret.java
//SOURCES UsageException.java
//SOURCES Values.java

package common;

import common.Report.Format;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Finds the values of options in the environment and the env file, and remembers where. */
final class Lookup implements IDefaultValueProvider {

  /** What other programs read under the same name has no option here. */
  private static final List<String> VARIABLES_ONLY =
      List.of("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NO_COLOR");

  private static final Pattern SECRET_VARIABLE =
      Pattern.compile("(.*_)?(AUTH|API_KEY|SECRET_ACCESS_KEY|SESSION_TOKEN)");

  private static final Pattern ENV_LINE =
      Pattern.compile("(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=\\s*(.*)");

  private final Map<String, String> environment;
  private final Map<String, String> envFile;
  private final Typed typed;

  Lookup(Map<String, String> environment, Map<String, String> envFile, Typed typed) {
    this.environment = environment;
    this.envFile = envFile;
    this.typed = typed;
  }

  private record Found(String variable, String value, String origin) {}

  @Override
  public String defaultValue(ArgSpec argument) {
    // none for what is typed: picocli would make a typed switch the opposite of its default
    if (!(argument instanceof OptionSpec option)
        || isSecret(option)
        || typed.options().containsKey(option)) {
      return null;
    }
    Found found = find(option);
    return found == null ? null : found.value();
  }

  private Found find(OptionSpec option) {
    for (String variable : variables(option)) {
      Found found = find(variable, option.isMultiValue());
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private Found find(String variable, boolean list) {
    String value = value(environment, variable, list);
    String origin = "environment";
    if (value == null) {
      value = value(envFile, variable, list);
      origin = "env file";
    }
    return value == null ? null : new Found(variable, value, origin);
  }

  /** The value without its quotes; empty counts as not set, except for a list. */
  private static String value(Map<String, String> values, String variable, boolean list) {
    String value = values.get(variable);
    if (value == null) {
      return null;
    }
    value = list ? Values.unquotedList(value) : Values.unquoted(value);
    return value.isEmpty() && !list ? null : value;
  }

  /** The format, before any setting is checked; text where it is none. */
  Format format(CommandSpec spec) {
    OptionSpec option = spec.findOption("--format");
    Found found = find(option);
    String value = found == null ? null : found.value();
    return "json".equalsIgnoreCase(typed.options().getOrDefault(option, value))
        ? Format.JSON
        : Format.TEXT;
  }

  /** The environment, and what only the env file sets. */
  Map<String, String> variables() {
    Map<String, String> variables = new HashMap<>(environment);
    for (String name : envFile.keySet()) {
      Found found = find(name, false);
      if (found != null) {
        variables.put(name, found.value());
      }
    }
    return variables;
  }

  /**
   * Fills in the secrets that no option's file gave; checks those that one gave.
   *
   * @return them, and credentials that have no option here: of other commands, S3 and proxies
   */
  List<String> secrets(CommandSpec spec) throws UsageException {
    List<String> secrets = new ArrayList<>();
    for (OptionSpec option : spec.options()) {
      if (!isSecret(option)) {
        continue;
      }
      boolean fromFile = typed.options().containsKey(option);
      Found found = fromFile ? null : find(option);
      Secret secret =
          fromFile ? option.getValue() : found == null ? null : new Secret(found.value());
      if (fromFile && secret.reveal().isEmpty()) {
        throw new UsageException(label(option) + ": the file is empty", null);
      }
      if (secret != null && secret.reveal().chars().anyMatch(Character::isISOControl)) {
        throw new UsageException(
            label(option) + ": holds a line break or another control character",
            "one line, without quotes");
      }
      option.setValue(secret);
      if (secret != null) {
        secrets.add(secret.reveal());
      }
    }
    for (String variable : variables().keySet()) {
      if (SECRET_VARIABLE.matcher(variable).matches()) {
        Stream.ofNullable(find(variable, false)).map(Found::value).forEach(secrets::add);
      }
    }
    for (String variable : List.of("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")) {
      Stream.ofNullable(find(variable, false))
          .flatMap(proxy -> Masks.USER_OF_URL.matcher("//" + proxy.value()).results())
          .forEach(user -> secrets.add(user.group(1)));
    }
    return secrets;
  }

  /** How the user gave this option its value: its name, or the variable and where it stands. */
  String label(OptionSpec option) {
    Found found = typed.options().containsKey(option) ? null : find(option);
    return found == null ? option.longestName() : found.variable() + " (" + found.origin() + ")";
  }

  /** A line per setting: variable, value and origin. */
  List<String> origins(CommandSpec spec) {
    List<String> lines = new ArrayList<>();
    for (OptionSpec option : spec.options()) {
      List<String> variables = variables(option);
      if (variables.isEmpty()) {
        continue;
      }
      boolean isTyped = typed.options().containsKey(option);
      Found found = isTyped ? null : find(option);
      String origin = isTyped ? option.longestName() : found != null ? found.origin() : "default";
      Object value = option.getValue();
      if (!isSecret(option)) {
        value =
            value instanceof List<?> list
                ? list.stream().map(Object::toString).collect(Collectors.joining(","))
                : isTyped
                    ? option.stringValues().isEmpty() ? value : option.stringValues().getLast()
                    : found != null ? found.value() : defaultText(option);
      }
      lines.add(
          "setting %s = %s (%s)"
              .formatted(variables.getFirst(), value == null ? "" : value, origin));
    }
    for (String variable : VARIABLES_ONLY) {
      for (String name : List.of(variable, variable.toLowerCase(Locale.ROOT))) {
        Found found = find(name, false);
        if (found != null) {
          lines.add(
              "setting %s = %s (%s)"
                  .formatted(name, Masks.withoutSecrets(found.value()), found.origin()));
        }
      }
    }
    return lines;
  }

  /**
   * The command line as typed, before picocli sees it.
   *
   * @param arguments with quotes around values removed, and without the options whose value is
   *     empty: they count as not set, unless they are lists
   * @param options those that are set, and the value typed last; null where none was
   */
  record Typed(String[] arguments, Map<OptionSpec, String> options) {

    static Typed of(CommandSpec spec, String... args) {
      List<String> arguments = new ArrayList<>();
      Map<OptionSpec, String> options = new HashMap<>();
      for (int i = 0; i < args.length; i++) {
        int equals = args[i].indexOf('=');
        String name = equals < 0 ? args[i] : args[i].substring(0, equals);
        OptionSpec option = spec.optionsMap().get(name);
        boolean next =
            equals < 0 && i + 1 < args.length && !spec.optionsMap().containsKey(args[i + 1]);
        if (option == null || (equals < 0 && (option.arity().max() == 0 || !next))) {
          arguments.add(args[i]);
          if (option != null) {
            options.put(option, null);
          }
          continue;
        }
        String value = equals < 0 ? args[++i] : args[i].substring(equals + 1);
        value = option.isMultiValue() ? Values.unquotedList(value) : Values.unquoted(value);
        if (!value.isEmpty() || option.isMultiValue()) {
          arguments.add(name + "=" + value);
          options.put(option, value);
        }
      }
      return new Typed(arguments.toArray(String[]::new), options);
    }

    boolean asksForHelp() {
      return options.keySet().stream().anyMatch(Lookup::isInsteadOfRun);
    }
  }

  /**
   * Reads the file that {@code --env-file} or {@code ENV_FILE} names: {@code NAME=VALUE} lines,
   * blank ones and comments. A value is taken as it is, but for a comment behind it and, by whoever
   * looks it up, its quotes.
   */
  static Map<String, String> envFile(String typed, Map<String, String> environment)
      throws UsageException {
    String label = typed == null ? "ENV_FILE" : "--env-file";
    String name = typed == null ? Values.unquoted(environment.getOrDefault("ENV_FILE", "")) : typed;
    Map<String, String> values = new LinkedHashMap<>();
    if (name.isEmpty()) {
      return values;
    }
    List<String> lines;
    try {
      String text = Files.readString(Path.of(name)).replaceFirst("^\ufeff", ""); // Windows' mark
      lines = text.lines().map(String::strip).toList();
    } catch (IOException | InvalidPathException e) {
      throw new UsageException(
          "%s: \"%s\" is not a file that can be read, expected NAME=VALUE lines in UTF-8"
              .formatted(label, name),
          null);
    }
    for (int i = 0; i < lines.size(); i++) {
      Matcher line = ENV_LINE.matcher(lines.get(i));
      if (line.matches()) {
        values.put(line.group(1), withoutComment(line.group(2)));
      } else if (!lines.get(i).isEmpty() && !lines.get(i).startsWith("#")) {
        // the line itself may hold a secret
        throw new UsageException(
            "%s: line %d of \"%s\" is not NAME=VALUE".formatted(label, i + 1, name), null);
      }
    }
    return values;
  }

  /** Cuts what stands behind white space and {@code #}, unless within quotes. */
  private static String withoutComment(String value) {
    char quote = 0;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      boolean starts = i == 0 || value.charAt(i - 1) == ',' || value.charAt(i - 1) == ' ';
      if (quote == 0 && starts && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else if (quote == 0
          && c == '#'
          && (i == 0 || Character.isWhitespace(value.charAt(i - 1)))) {
        return value.substring(0, i).strip();
      }
    }
    return value;
  }

  static boolean isSecret(OptionSpec option) {
    return option.type() == Secret.class;
  }

  /** Whether an option asks for a text to be printed, and nothing else to be done. */
  static boolean isInsteadOfRun(OptionSpec option) {
    return option.usageHelp()
        || option.versionHelp()
        || option.longestName().equals("--completion");
  }

  /** The variables that an option is read from; none for those that only make sense when typed. */
  static List<String> variables(OptionSpec option) {
    if (isInsteadOfRun(option)) {
      return List.of();
    }
    List<String> variables = new ArrayList<>();
    for (String name : option.names()) {
      String long_ = isSecret(option) ? name.replaceFirst("-file$", "") : name;
      variables.add(long_.replaceFirst("^-+", "").replace('-', '_').toUpperCase(Locale.ROOT));
    }
    return variables;
  }

  static String defaultText(OptionSpec option) {
    return option.defaultValue() == null && option.arity().max() == 0
        ? "false"
        : option.defaultValue();
  }
}
