//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES GeneralSettings.java Masks.java RunDeadline.java Secret.java UsageException.java
//SOURCES Values.java

package common;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
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
import picocli.CommandLine.TypeConversionException;

/**
 * Finds the values of options: on the command line, in the environment, in the env file; and
 * remembers where.
 */
final class Lookup implements IDefaultValueProvider {

  /** Variables without an option: other programs read them too, also in lower case. */
  static final List<String> VARIABLES_ONLY =
      Stream.of("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NO_COLOR")
          .flatMap(name -> Stream.of(name, name.toLowerCase(Locale.ROOT)))
          .toList();

  private static final Pattern PROXY_VARIABLE = Pattern.compile("HTTPS?_PROXY|https?_proxy");

  private static final Pattern SECRET_VARIABLE =
      Pattern.compile("(.*_)?(AUTH|API_KEY|SECRET_ACCESS_KEY|SESSION_TOKEN)");

  private static final Pattern SERVER = Pattern.compile("\\bSERVER\\b");

  private static final Pattern ENV_LINE =
      Pattern.compile("(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=\\s*(.*)");

  private final CommandSpec spec;
  private final Map<String, String> environment;
  private final Map<String, String> envFile = new HashMap<>();
  private String envFileName;
  private final List<String> arguments = new ArrayList<>();
  private final Map<OptionSpec, String> onCommandLine = new HashMap<>();

  /**
   * Reads the command line before picocli does, which asks for defaults only of options that are
   * absent: an option whose value is empty counts as absent, unless it is a list.
   */
  Lookup(CommandSpec spec, Map<String, String> environment, String... args) {
    this.spec = spec;
    this.environment =
        environment.entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, it -> Values.trimmed(it.getValue())));
    for (int i = 0; i < args.length; i++) {
      String[] parts = args[i].split("=", 2);
      OptionSpec option = spec.optionsMap().get(parts[0]);
      if (option == null) {
        arguments.add(args[i]);
        continue;
      }
      boolean isNext =
          parts.length == 1
              && option.arity().max() > 0
              && i + 1 < args.length
              && !spec.optionsMap().containsKey(args[i + 1]);
      if (parts.length == 1 && !isNext) { // a switch, or an error that picocli reports
        arguments.add(args[i]);
        onCommandLine.put(option, null);
        continue;
      }
      String value = unquoted(isNext ? args[++i] : parts[1], option.isMultiValue());
      if (!value.isEmpty() || option.isMultiValue()) {
        arguments.add(parts[0] + "=" + value);
        onCommandLine.put(option, value);
      }
    }
  }

  /** The command line for picocli. */
  String[] arguments() {
    return arguments.toArray(String[]::new);
  }

  boolean asksForHelp() {
    return onCommandLine.keySet().stream().anyMatch(Lookup::isInsteadOfRun);
  }

  /**
   * The value of an option, and where it was found.
   *
   * @param variable that holds it; null if it is on the command line, or the default
   */
  private record Found(String variable, String value, String origin) {}

  @Override
  public String defaultValue(ArgSpec argument) {
    // picocli would negate this for a switch on the command line
    return argument instanceof OptionSpec option
            && !isSecret(option)
            && find(option).variable() != null
        ? find(option).value()
        : null;
  }

  private Found find(OptionSpec option) {
    return onCommandLine.containsKey(option)
        ? new Found(null, onCommandLine.get(option), option.longestName())
        : variables(option).stream()
            .flatMap(variable -> Stream.ofNullable(find(variable, option.isMultiValue())))
            .findFirst()
            .orElse(new Found(null, defaultText(option), "default"));
  }

  /** The value without its quotes, or null; an empty one counts as not set, except for a list. */
  private Found find(String variable, boolean isList) {
    for (Map<String, String> values : List.of(environment, envFile)) {
      String value = unquoted(values.getOrDefault(variable, ""), isList);
      if (!value.isEmpty() || (isList && values.containsKey(variable))) {
        return new Found(
            variable, value, values == envFile ? "file " + envFileName : "environment");
      }
    }
    return null;
  }

  private static String unquoted(String value, boolean isList) {
    return Values.trimmed(isList ? Values.unquotedList(value) : Values.unquoted(value));
  }

  /** The format, before any setting is checked; text if it is not a valid one. */
  GeneralSettings.Format format() {
    return "json".equalsIgnoreCase(find(spec.findOption("--format")).value())
        ? GeneralSettings.Format.JSON
        : GeneralSettings.Format.TEXT;
  }

  /** How long reading the settings may take: as long as the run, as far as that is known. */
  Duration runDeadline() {
    try {
      String seconds = find(spec.findOption("--run-deadline-seconds")).value();
      return seconds == null ? RunDeadline.OF_CHECKS : new Values.LimitConverter().convert(seconds);
    } catch (TypeConversionException e) {
      return RunDeadline.OF_CHECKS; // the error is told later
    }
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
   * Fills in the secrets that no option's file gave, and checks them all.
   *
   * @return them, and credentials without an option here: those of other commands, S3 and proxies
   */
  List<String> secrets() throws UsageException {
    List<String> secrets = new ArrayList<>();
    for (OptionSpec option : spec.options()) {
      if (isSecret(option)) {
        Found found = find(option);
        Secret read = option.getValue(); // from the option's file
        String value =
            found.variable() != null ? found.value() : read == null ? null : read.reveal();
        if (value != null) {
          Secret secret = new Secret(value, secretLabel(option, found));
          if (!option.longestName().equals("--sentry-dsn-file")) { // a bad one is a warning
            check(secret.reveal(), label(option));
          }
          option.setValue(secret);
          secrets.add(secret.reveal());
        }
      }
    }
    variables()
        .forEach((name, value) -> {
          if (SECRET_VARIABLE.matcher(name).matches()) {
            secrets.add(Values.unquoted(value));
          } else if (PROXY_VARIABLE.matcher(name).matches()) {
            Masks.USER_OF_URL
                .matcher("//" + Values.unquoted(value))
                .results()
                .forEach(user -> secrets.add(user.group(1)));
          }
        });
    return secrets;
  }

  private static String secretLabel(OptionSpec option, Found found) {
    String variable = found.variable() == null ? variables(option).getFirst() : found.variable();
    return "%s (%s)".formatted(variable, found.origin());
  }

  private static void check(String secret, String label) throws UsageException {
    if (secret.isEmpty()) {
      throw new UsageException(label + ": the file is empty", null);
    }
    if (secret.chars().anyMatch(Character::isISOControl)) {
      throw new UsageException(
          label + ": holds a line break or another control character", "one line, without quotes");
    }
    if (secret.indexOf('\ufffd') >= 0) { // what Java makes of bytes that it cannot decode
      throw new UsageException(
          label + ": is not UTF-8", "save it as UTF-8; for a variable, set LC_ALL=C.UTF-8, too");
    }
  }

  /** How the user gave this option its value: its name, or the variable and where it is set. */
  String label(OptionSpec option) {
    Found found = find(option);
    return found.variable() == null
        ? option.longestName()
        : "%s (%s)".formatted(found.variable(), found.origin());
  }

  /**
   * A hint that names SERVER, with where that is set. A failure of the default server has a hint of
   * its own if SERVER is not set, because few mean that one.
   *
   * @param message of the failure
   * @param hint on it, or null
   */
  String hint(String message, String hint) {
    OptionSpec server = spec.findOption("--server");
    if (server == null) {
      return hint;
    }
    Found found = find(server);
    if (!found.origin().equals("default")) {
      String label = Matcher.quoteReplacement(label(server));
      return hint == null ? null : SERVER.matcher(hint).replaceFirst(label);
    }
    return (hint == null ? message.contains(found.value()) : SERVER.matcher(hint).find())
        ? "SERVER is not set; asked the default %s: set it, or start one with %s"
            .formatted(found.value(), "./jbang local_server --sample")
        : hint;
  }

  /** A line per setting: variable, value and origin. */
  List<String> origins() {
    List<String> lines = new ArrayList<>();
    for (OptionSpec option : spec.options()) {
      if (!isInsteadOfRun(option)) {
        Found found = find(option);
        Object value = option.getValue();
        if (value instanceof List<?> list) {
          value = list.stream().map(Object::toString).collect(Collectors.joining(","));
        } else if (!isSecret(option) && found.value() != null) {
          value = found.value();
        }
        lines.add(origin(variables(option).getFirst(), value, found.origin()));
      }
    }
    for (String variable : VARIABLES_ONLY) {
      Found found = find(variable, false);
      if (found != null) {
        lines.add(origin(variable, Masks.withoutSecrets(found.value()), found.origin()));
      }
    }
    return lines;
  }

  private static String origin(String variable, Object value, String origin) {
    return "setting %s = %s (%s)".formatted(variable, value == null ? "" : value, origin);
  }

  /**
   * Reads the file that {@code --env-file} or {@code ENV_FILE} names: {@code NAME=VALUE} lines,
   * blank ones and comments. A comment after a value is removed here, quotes around it when it is
   * looked up.
   */
  void readEnvFile() throws UsageException {
    Found found = find(spec.findOption("--env-file"));
    String name = found.value();
    if (name == null) {
      return;
    }
    envFileName = name;
    String label = found.variable() == null ? found.origin() : found.variable();
    List<String> lines;
    try {
      String text = Files.readString(Path.of(name)).replaceFirst("^\ufeff", ""); // a BOM
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
        envFile.put(line.group(1), withoutComment(line.group(2)));
      } else if (!lines.get(i).isEmpty() && !lines.get(i).startsWith("#")) {
        // the line itself may hold a secret
        throw new UsageException(
            "%s: line %d of \"%s\" is not NAME=VALUE".formatted(label, i + 1, name), null);
      }
    }
  }

  /** Cuts what follows white space and {@code #}, unless it is within quotes. */
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

  /** The variables that an option is read from; none for {@code --help} and the like. */
  static List<String> variables(OptionSpec option) {
    if (isInsteadOfRun(option)) {
      return List.of();
    }
    List<String> variables = new ArrayList<>();
    for (String name : option.names()) {
      String longName = isSecret(option) ? name.replaceFirst("-file$", "") : name;
      variables.add(variable(longName));
    }
    return variables;
  }

  /** The variable of an option of this name, with or without hyphens before it. */
  static String variable(String option) {
    return option.replaceFirst("^-+", "").replace('-', '_').toUpperCase(Locale.ROOT);
  }

  static String defaultText(OptionSpec option) {
    return option.defaultValue() == null && option.arity().max() == 0
        ? "false"
        : option.defaultValue();
  }
}
