//DEPS info.picocli:picocli:4.7.7
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS software.amazon.awssdk:secretsmanager:2.59.1
//SOURCES ../common/Setting.java
//SOURCES ../deploy/EventSettings.java
//SOURCES ../deploy/FunctionSecrets.java
//SOURCES ReadmeTest.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Json;
import common.Runner;
import common.Setting;
import common.UsageException;
import java.net.URI;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;

/** What an event of AWS Lambda must not set, and where the secrets of a function come from. */
class LambdaEventTest {

  private static final Map<String, String> NOTHING = Map.of();

  static Set<String> commands() {
    return ReadmeTest.COMMANDS.keySet();
  }

  private static List<Setting> settings(String command) {
    return Runner.settings(ReadmeTest.COMMANDS.get(command).get());
  }

  private static Map<String, String> environment(
      String command, String event, Map<String, String> function) throws Exception {
    return EventSettings.environment(settings(command), Json.parse(event), function);
  }

  private static UsageException refused(
      String command, String event, Map<String, String> function) {
    UsageException refused =
        assertThrows(UsageException.class, () -> environment(command, event, function), event);
    assertFalse((refused.getMessage() + refused.hint()).contains("s3cret"), refused.getMessage());
    assertFalse((refused.getMessage() + refused.hint()).contains("\n"), refused.getMessage());
    return refused;
  }

  /** {@code NAME=VALUE NAME=VALUE} as a map. */
  private static Map<String, String> variables(String text) {
    Map<String, String> variables = new HashMap<>();
    for (String assignment : text.isBlank() ? new String[0] : text.split(" ")) {
      variables.put(assignment.split("=", 2)[0], assignment.split("=", 2)[1]);
    }
    return variables;
  }

  // ---- the kinds of settings

  private static Set<String> variables(Predicate<Setting> kind) {
    Set<String> variables = new TreeSet<>();
    for (String command : commands()) {
      settings(command).stream()
          .filter(kind)
          .forEach(setting -> variables.addAll(setting.variables()));
    }
    return variables;
  }

  /** Who adds a setting to one of these sets decides what an event may do with it. */
  @Test
  void every_setting_that_names_a_place_a_file_or_a_secret_is_known() {
    assertEquals(
        new TreeSet<>(
            Set.of(
                "AWS_ENDPOINT_URL",
                "AWS_ENDPOINT_URL_S3",
                "CANONICAL_URL",
                "REDASH_API_QUERY_URL",
                "SERVER")),
        variables(EventSettings::namesPlace));
    assertEquals(
        new TreeSet<>(
            Set.of(
                "CHAIN",
                "CHANGESET",
                "ENV_FILE",
                "HTML",
                "INPUT",
                "PREVIOUS",
                "PUBLIC_KEY",
                "REQUESTS_CA_BUNDLE",
                "TARGET_DIR")),
        variables(EventSettings::namesFile));
    assertEquals(
        new TreeSet<>(
            Set.of(
                "AUTH",
                "BACKPORT_RECORDS_DEST_AUTH",
                "BACKPORT_RECORDS_SOURCE_AUTH",
                "REDASH_API_KEY",
                "REFRESH_SIGNATURE_AUTH",
                "SENTRY_DSN")),
        variables(Setting::isSecret));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void the_type_of_a_setting_and_what_help_calls_its_value_agree(String command) {
    for (OptionSpec option :
        CommandSpec.forAnnotatedObject(ReadmeTest.COMMANDS.get(command).get()).options()) {
      boolean isUrl = option.type() == URI.class || option.auxiliaryTypes()[0] == URI.class;
      boolean isPath = option.type() == Path.class || option.auxiliaryTypes()[0] == Path.class;
      assertEquals(isUrl, option.paramLabel().equals("URL"), option::longestName);
      assertTrue(
          !isPath || Set.of("FILE", "DIR").contains(option.paramLabel()), option::longestName);
      assertTrue(
          !option.longestName().matches(".*(insecure|trust|verify|tls|ssl|proxy|host|endpoint).*")
              || isUrl
              || Set.of("--allow-insecure-auth", "--verify").contains(option.longestName()),
          option::longestName);
    }
  }

  // ---- files

  @ParameterizedTest
  @MethodSource("commands")
  void an_event_names_no_file(String command) throws Exception {
    for (Setting setting : settings(command)) {
      if (EventSettings.namesFile(setting)) {
        String key = setting.variables().getFirst().toLowerCase(Locale.ROOT);
        String event = "{\"%s\": \"/proc/self/environ\"}".formatted(key);
        assertEquals(
            "event key \"%s\": an event cannot name a file of the function".formatted(key),
            refused(command, event, NOTHING).getMessage());
        assertEquals(
            "/proc/self/environ",
            environment(command, event, Map.of("EVENT_SETTINGS", key))
                .get(setting.variables().getFirst()));
      }
    }
  }

  // ---- places

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "consistency_checks | AUTH=s3cret | {\"server\": \"https://x.test\"} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"SERVER\": \"\"} | SERVER | AUTH",
        "consistency_checks | AUTH=s3cret | {\"detail-type\": \"x\", \"detail\": {\"server\":"
            + " \"y\"}} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"auth\": null, \"server\": \"x\"} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"auth\": \"\", \"server\": \"x\"} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"auth\": \"''\", \"server\": \"x\"} | server | AUTH",
        "consistency_checks | ENV_FILE=/e | {\"server\": \"x\"} | server | AUTH",
        "consistency_checks | ENV_FILE=/e | {\"auth\": \" \", \"server\": \"x\"} | server | AUTH",
        "consistency_checks | ENV_FILE=/e | {\"auth\": \"\\ufeff\", \"server\": \"x\"} | server |"
            + " AUTH",
        "consistency_checks | ENV_FILE=/e | {\"auth\": \"\\ufeff''\", \"server\": \"x\"} | server |"
            + " AUTH",
        "consistency_checks | ENV_FILE=/e | {\"auth\": \"'\\ufeff'\", \"server\": \"x\"} | server |"
            + " AUTH",
        "consistency_checks | ENV_FILE=/e | {\"auth\": [], \"server\": \"x\"} | server | AUTH",
        "consistency_checks | AUTH=é | {\"server\": \"x\"} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"\u017ferver\": \"x\"} | \u017ferver | AUTH",
        "consistency_checks | AUTH=s3cret | {\"server\": \"y\", \"server\": \"x\"} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"detail-type\": 1, \"detail\": {\"detail-type\": 2,"
            + " \"detail\": {\"server\": \"y\"}}} | server | AUTH",
        "consistency_checks | AUTH=s3cret | {\"allow-insecure-auth\": true}"
            + " | allow-insecure-auth | AUTH",
        "consistency_checks | SENTRY_DSN=s3cret | {\"allow_insecure_auth\": true}"
            + " | allow_insecure_auth | SENTRY_DSN",
        "refresh_signature | REFRESH_SIGNATURE_AUTH=s3cret | {\"server\": \"x\"}"
            + " | server | REFRESH_SIGNATURE_AUTH",
        "backport_records | BACKPORT_RECORDS_SOURCE_AUTH=s3cret"
            + " | {\"backport_records_dest_auth\": \"a:b\", \"server\": \"x\"}"
            + " | server | BACKPORT_RECORDS_SOURCE_AUTH",
        "backport_records | BACKPORT_RECORDS_DEST_AUTH=s3cret"
            + " | {\"backport_records_source_auth\": \"a:b\", \"server\": \"x\"}"
            + " | server | BACKPORT_RECORDS_DEST_AUTH",
        "backport_records | BACKPORT_RECORDS_SOURCE_AUTH=s3cret BACKPORT_RECORDS_DEST_AUTH=s3cret"
            + " | {\"server\": \"x\"} | server"
            + " | BACKPORT_RECORDS_SOURCE_AUTH and BACKPORT_RECORDS_DEST_AUTH",
        "uptake_health | REDASH_API_KEY=s3cret | {\"redash_api_query_url\": \"x\"}"
            + " | redash_api_query_url | REDASH_API_KEY",
        "uptake_health | REDASH_API_KEY=s3cret SENTRY_DSN=s3cret | {\"allow_insecure_auth\": 1}"
            + " | allow_insecure_auth | REDASH_API_KEY and SENTRY_DSN",
        "blockpages_generator | `` | {\"aws_endpoint_url_s3\": \"x\"}"
            + " | aws_endpoint_url_s3 | the AWS credentials",
        "blockpages_generator | `` | {\"aws-endpoint-url\": \"x\"}"
            + " | aws-endpoint-url | the AWS credentials",
        "blockpages_generator | `` | {\"allow_insecure_auth\": true}"
            + " | allow_insecure_auth | the AWS credentials",
      })
  void an_event_does_not_say_where_a_secret_of_the_function_goes(
      String command, String function, String event, String key, String secrets) throws Exception {
    UsageException refused = refused(command, event, variables(function));
    assertEquals(
        "event key \"%s\": it could send %s of the function elsewhere".formatted(key, secrets),
        refused.getMessage());
    assertEquals(
        "leave it out, or let the function's variable EVENT_SETTINGS name it", refused.hint());
    Map<String, String> exempt = variables(function);
    exempt.put("EVENT_SETTINGS", "x, " + key.toLowerCase(Locale.ROOT) + " ,y");
    environment(command, event, exempt);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "consistency_checks | `` | {\"server\": \"x\"}",
        "consistency_checks | AUTH= | {\"server\": \"x\"}",
        "consistency_checks | AUTH=s3cret | {\"only\": \"main/*\", \"server\": null}",
        "consistency_checks | AUTH=s3cret | {\"auth\": \"a:b\", \"server\": \"x\"}",
        "consistency_checks | ENV_FILE=/e | {\"auth\": \"a:b\", \"server\": \"x\"}",
        "consistency_checks | SENTRY_DSN=s3cret | {\"server\": \"x\"}",
        "consistency_checks | SENTRY_DSN=s3cret | {\"sentry_dsn\": \"x\", \"server\": \"x\"}",
        "consistency_checks | `` | {\"server\": \"x\", \"allow_insecure_auth\": true}",
        "backport_records | BACKPORT_RECORDS_SOURCE_AUTH=s3cret"
            + " | {\"backport_records_source_auth\": \"a:b\", \"server\": \"x\"}",
        "validate_signature | SENTRY_DSN=s3cret | {\"server\": \"x\"}",
        "validate_signature | REFRESH_SIGNATURE_AUTH=s3cret | {\"server\": \"x\"}",
        "uptake_health | REDASH_API_KEY=s3cret"
            + " | {\"redash_api_key\": \"k\", \"redash_api_query_url\": \"x\"}",
        "blockpages_generator | SENTRY_DSN=s3cret | {\"server\": \"x\", \"canonical_url\": \"y\"}",
        "blockpages_generator | `` | {\"bucket_name\": \"pages\", \"aws_region\": \"eu-west-1\"}",
      })
  void an_event_may_say_where_only_its_own_secrets_go(String command, String function, String event)
      throws Exception {
    environment(command, event, variables(function));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https_proxy",
        "HTTP_PROXY",
        "no-proxy",
        "secrets_id",
        "event_settings",
        "auth_file",
        "sentry-dsn-file",
        "aws_session_token",
        "java_tool_options"
      })
  void a_key_that_is_not_a_setting_cannot_be_allowed_either(String key) {
    assertEquals(
        "unknown event key \"%s\"".formatted(key),
        refused(
                "consistency_checks",
                "{\"%s\": \"x\"}".formatted(key),
                Map.of("EVENT_SETTINGS", key, "AUTH", "s3cret"))
            .getMessage());
  }

  // ---- secrets

  private static Map<String, String> added(
      String command, Map<String, String> function, String secret) throws UsageException {
    return FunctionSecrets.added(
        settings(command),
        function,
        id -> {
          assertEquals("the/id", id);
          return secret;
        });
  }

  @Test
  void a_function_has_the_secrets_that_its_variable_names() throws Exception {
    Map<String, String> function =
        Map.of("SECRETS_ID", " the/id ", "AUTH", "older", "SENTRY_DSN", "https://k@s.test/1");
    Map<String, String> all =
        added(
            "consistency_checks",
            function,
            """
            {"AUTH": "user:s3cret", "SENTRY_DSN": "", "HTTPS_PROXY": "http://u:s3cret@p.test:1"}
            """);
    Map<String, String> expected = new HashMap<>(function);
    expected.put("AUTH", "user:s3cret");
    expected.put("HTTPS_PROXY", "http://u:s3cret@p.test:1");
    assertEquals(expected, all);
    refused("consistency_checks", "{\"server\": \"x\"}", all);
  }

  @Test
  void what_an_editor_puts_around_a_secret_is_no_part_of_it() throws Exception {
    Map<String, String> function = Map.of("SECRETS_ID", "the/id");
    for (String secret : List.of("%s", "\ufeff%s", "%s\n", "\ufeff%s\r\n")) {
      assertEquals(
          "a:s3cret",
          added("consistency_checks", function, secret.formatted("{\"AUTH\": \"a:s3cret\"}"))
              .get("AUTH"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " "})
  void without_that_variable_nobody_is_asked(String id) throws Exception {
    Map<String, String> function = Map.of("SECRETS_ID", id, "AUTH", "a:b");
    assertEquals(
        function,
        FunctionSecrets.added(
            settings("consistency_checks"),
            function,
            _ -> {
              throw new AssertionError();
            }));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"SERVER\": \"s3cret\"} | holds \"SERVER\", which is not a secret of this command",
        "{\"auth\": \"s3cret\"} | holds \"auth\", which is not a secret of this command",
        "{\"REDASH_API_KEY\": \"s3cret\"}"
            + " | holds \"REDASH_API_KEY\", which is not a secret of this command",
        "{\"ENV_FILE\": \"s3cret\"} | holds \"ENV_FILE\", which is not a secret of this command",
        "{\"EVENT_SETTINGS\": \"s3cret\"}"
            + " | holds \"EVENT_SETTINGS\", which is not a secret of this command",
        "{\"AUTH\": 1} | holds \"AUTH\", which is not a text",
        "{\"AUTH\": null} | holds \"AUTH\", which is not a text",
        "{\"AUTH\": {\"user\": \"s3cret\"}} | holds \"AUTH\", which is not a text",
        "[\"s3cret\"] | is not a JSON object",
        "s3cret:s3cret | is not a JSON object",
        "{\"AUTH\": \"s3cret | is not a JSON object",
        "`` | is not a JSON object",
      })
  void what_else_a_secret_holds_is_one_line_without_it(String secret, String message) {
    UsageException refused =
        assertThrows(
            UsageException.class,
            () -> added("consistency_checks", Map.of("SECRETS_ID", "the/id"), secret));
    assertEquals("SECRETS_ID: the secret \"the/id\" " + message, refused.getMessage());
    assertFalse(refused.hint().contains("s3cret"), refused.hint());
  }

  @Test
  void a_secret_of_bytes_is_not_a_json_object() {
    UsageException refused =
        assertThrows(
            UsageException.class,
            () -> added("consistency_checks", Map.of("SECRETS_ID", "the/id"), null));
    assertEquals("SECRETS_ID: the secret \"the/id\" is not a JSON object", refused.getMessage());
  }

  @Test
  void a_secret_that_cannot_be_read_is_one_line_that_says_why() {
    RuntimeException missing =
        ResourceNotFoundException.builder()
            .awsErrorDetails(
                AwsErrorDetails.builder()
                    .errorCode("ResourceNotFoundException")
                    .errorMessage("Secrets Manager can't find\nthe specified secret.")
                    .build())
            .build();
    assertEquals(
        "SECRETS_ID: the secret \"the/id\" cannot be read: ResourceNotFoundException, Secrets"
            + " Manager can't find the specified secret.",
        unreadable(missing));
    assertEquals(
        "SECRETS_ID: the secret \"the/id\" cannot be read: Unable to execute HTTP request",
        unreadable(SdkClientException.create("Unable to execute HTTP request")));
  }

  private static String unreadable(RuntimeException reason) {
    UsageException refused =
        assertThrows(
            UsageException.class,
            () ->
                FunctionSecrets.added(
                    settings("consistency_checks"),
                    Map.of("SECRETS_ID", "the/id"),
                    _ -> {
                      throw reason;
                    }));
    assertTrue(refused.hint().contains("secretsmanager:GetSecretValue"), refused.hint());
    return refused.getMessage();
  }
}
