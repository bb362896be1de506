//JAVA 25+
//SOURCES ../common/Display.java ../common/Json.java ../common/Setting.java
//SOURCES ../common/UsageException.java

import common.Display;
import common.Json;
import common.Setting;
import common.UsageException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The settings of an event, which win over the environment of the function (docs/specification.md,
 * <i>As AWS Lambda</i>).
 *
 * <p>Whoever may send events need not be trusted with the function's secrets. So an event can
 * neither say where a secret goes that it does not bring itself, nor name a file. The function's
 * variable {@code EVENT_SETTINGS} lists the keys that are exempt from this.
 */
final class EventSettings {

  /** Lambda sets this variable to its own region; for the commands it is a setting. */
  private static final String REGION = "AWS_REGION";

  private static final String EXEMPT = "EVENT_SETTINGS";

  /** A key of an event, as it is spelled there. */
  private record Given(String key, Setting setting, String value) {}

  private final List<Setting> settings;
  private final Map<String, String> function;
  private final List<Given> given = new ArrayList<>();

  private EventSettings(List<Setting> settings, Map<String, String> function) {
    this.settings = settings;
    this.function = function;
  }

  /**
   * The environment of a run: that of the function, overridden by the event.
   *
   * @param event parsed JSON: null, an object of settings, or an EventBridge event with such an
   *     object in {@code detail}
   * @param function its environment, with its secrets
   * @throws UsageException if a key is not a setting of the command, a value cannot be one, or the
   *     event must not set it
   */
  static Map<String, String> environment(
      List<Setting> settings, Object event, Map<String, String> function) throws UsageException {
    EventSettings of = new EventSettings(settings, function);
    of.read(event);
    for (Given one : of.given) {
      of.check(one);
    }
    Map<String, String> environment = new HashMap<>(function);
    environment.remove(REGION); // Lambda's own, not the bucket's
    for (Given one : of.given) {
      // under all its names, because the environment may use another one
      one.setting().variables().forEach(variable -> environment.put(variable, one.value()));
    }
    return environment;
  }

  private void read(Object event) throws UsageException {
    List<Setting> seen = new ArrayList<>();
    for (Map.Entry<?, ?> entry : object(event).entrySet()) {
      String key = entry.getKey().toString();
      Setting setting = setting(key);
      if (seen.contains(setting)) {
        throw new UsageException(
            "event key \"%s\": the event has this setting twice".formatted(shown(key)),
            "use only one of its names, with either - or _");
      }
      seen.add(setting);
      String value = value(setting, key, entry.getValue());
      if (value != null) {
        given.add(new Given(key, setting, value));
      }
    }
  }

  private static Map<?, ?> object(Object event) throws UsageException {
    return switch (event) {
      case null -> Map.of();
      case Map<?, ?> envelope when envelope.containsKey("detail-type") ->
          object(envelope.get("detail"));
      case Map<?, ?> object -> object;
      default ->
          throw new UsageException(
              "the event is not a JSON object", "expected settings, like {\"server\": \"…\"}");
    };
  }

  private Setting setting(String key) throws UsageException {
    return settings.stream()
        .filter(setting -> setting.variables().contains(variable(key)))
        .findFirst()
        .orElseThrow(() ->
            new UsageException(
                "unknown event key \"%s\"".formatted(shown(key)),
                "keys are settings in lower case: "
                    + settings.stream()
                        .map(setting -> setting.variables().getFirst().toLowerCase(Locale.ROOT))
                        .collect(Collectors.joining(", "))));
  }

  private static String variable(String key) {
    return key.strip().replace('-', '_').toUpperCase(Locale.ROOT);
  }

  /** A value as an environment variable would hold it; null keeps that of the environment. */
  private static String value(Setting setting, String key, Object value) throws UsageException {
    if (value instanceof List<?> list) {
      List<String> entries = new ArrayList<>();
      for (Object entry : list) {
        if (entry == null || entry instanceof List<?> || entry instanceof Map<?, ?>) {
          throw new UsageException(
              "event key \"%s\": the list holds a null, a list or an object".formatted(shown(key)),
              "expected strings, numbers or booleans");
        }
        entries.add(text(entry));
      }
      return String.join(setting.separator() == null ? "\n" : setting.separator(), entries);
    }
    return switch (value) {
      case null -> null;
      case Map<?, ?> object -> new String(Json.document(object), StandardCharsets.UTF_8);
      default -> text(value);
    };
  }

  private static String text(Object scalar) {
    return scalar instanceof BigDecimal number ? number.toPlainString() : scalar.toString();
  }

  private static String shown(String key) {
    return Display.brief(key);
  }

  // ---- what an event must not set

  private void check(Given one) throws UsageException {
    Set<String> exempt =
        Stream.of(function.getOrDefault(EXEMPT, "").split(","))
            .map(EventSettings::variable)
            .collect(Collectors.toSet());
    if (one.setting().variables().stream().anyMatch(exempt::contains)) {
      return;
    }
    List<String> atRisk = atRisk(one.setting());
    if (namesFile(one.setting()) || !atRisk.isEmpty()) {
      throw new UsageException(
          "event key \"%s\": %s"
              .formatted(
                  shown(one.key()),
                  atRisk.isEmpty()
                      ? "an event cannot name a file of the function"
                      : "it could send %s of the function elsewhere"
                          .formatted(String.join(" and ", atRisk))),
          "leave it out, or let the function's variable %s name it".formatted(EXEMPT));
    }
  }

  /** Whether a setting names a file or a folder: those of a function may hold secrets. */
  static boolean namesFile(Setting setting) {
    return !setting.isSecret() && List.of("FILE", "DIR").contains(String.valueOf(setting.label()));
  }

  /** Whether a setting names a place that requests are sent to. */
  static boolean namesPlace(Setting setting) {
    return "URL".equals(setting.label());
  }

  /** The secrets of the function that would go to where, or in the way that, a setting says. */
  private List<String> atRisk(Setting setting) {
    boolean unprotects = setting.variables().contains("ALLOW_INSECURE_AUTH");
    List<String> secrets = new ArrayList<>();
    if (unprotects || namesPlace(setting)) {
      settings.stream()
          .filter(secret -> unprotects || !secret.variables().contains("SENTRY_DSN"))
          .filter(this::isOfFunction)
          .forEach(secret -> secrets.add(secret.variables().getFirst()));
    }
    if (isOfAws(setting) || (unprotects && settings.stream().anyMatch(EventSettings::isOfAws))) {
      secrets.add("the AWS credentials");
    }
    return secrets;
  }

  /** Whether a setting names a place that the AWS credentials of the function's role go to. */
  private static boolean isOfAws(Setting setting) {
    return namesPlace(setting) && setting.variables().getFirst().startsWith("AWS_");
  }

  /** Whether a run could use the function's value of a secret, not one that the event brings. */
  private boolean isOfFunction(Setting secret) {
    return secret.isSecret()
        && given.stream().noneMatch(one -> one.setting().equals(secret) && isSet(one.value()))
        && Stream.concat(secret.variables().stream(), Stream.of("ENV_FILE")) // it may hold any
            .anyMatch(variable -> !function.getOrDefault(variable, "").isEmpty());
  }

  /** Whether a run surely takes a value as set: it takes off quotes, line breaks and the like. */
  private static boolean isSet(String value) {
    return value.chars().anyMatch(c -> c > ' ' && c <= '~' && c != '"' && c != '\'');
  }
}
