//DEPS com.amazonaws:aws-lambda-java-core:1.4.0
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.snakeyaml:snakeyaml-engine:3.2
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Exchange.java
//SOURCES ../common/Setting.java
//SOURCES ../deploy/EventSettings.java
//SOURCES ../deploy/Lambda.java
//SOURCES CrashReportsTest.java
//SOURCES Deployments.java
//SOURCES LambdaRuntime.java
//SOURCES ../deploy/Project.java
//SOURCES Patience.java
//SOURCES ReadmeTest.java
//SOURCES ../server/KintoRequest.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES S3Proxy.java
//SOURCES S3Server.java
//SOURCES SettingsTest.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazonaws.services.lambda.runtime.Context;
import common.Http;
import common.Json;
import common.Runner;
import common.ServerException;
import common.Setting;
import common.UsageException;
import common.Version;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.ConstructNode;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.constructor.StandardConstructor;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The commands as AWS Lambda: what an event means, what the zip holds, and invocations of what is
 * unpacked from it by Lambda's own client ({@link LambdaRuntime}).
 */
@Order(1) // takes long, so it begins first
class LambdaTest {

  private static final Map<String, String> NOTHING = Map.of();

  @TempDir private static Path folder;
  private static Path zip;
  private static Path unpacked;
  private static Project.Outcome packaged;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private RemoteSettingsServer server;

  static Set<String> commands() {
    return ReadmeTest.COMMANDS.keySet();
  }

  @BeforeAll
  static void unpack() throws IOException {
    zip = folder.resolve("lambdas.zip");
    packaged = packageTo(zip);
    assertEquals(0, packaged.exit(), packaged.stderr());
    unpacked = folder.resolve("task");
    Files.createDirectories(unpacked.resolve("lib"));
    try (ZipInputStream entries = new ZipInputStream(Files.newInputStream(zip))) {
      for (ZipEntry entry; (entry = entries.getNextEntry()) != null; ) {
        Files.copy(entries, unpacked.resolve(entry.getName()));
      }
    }
  }

  private static Project.Outcome packageTo(Object... arguments) {
    List<Object> line = new ArrayList<>(List.of(Project.root().resolve("jbang"), "package"));
    line.add("lambda");
    line.addAll(List.of(arguments));
    return Patience.run(line.toArray()).in(folder).go();
  }

  @BeforeEach
  void start() throws IOException {
    server = RemoteSettingsServer.start();
    opened.add(server);
    server.publish("main", "cfr", "{\"id\": \"1\", \"text\": \"abc\"}");
    server.publish("main", "regions", "{\"id\": \"1\", \"text\": \"abc\"}");
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  // ---- the event

  private static Map<String, String> environment(
      String command, String event, Map<String, String> process) throws Exception {
    return EventSettings.environment(
        Runner.settings(ReadmeTest.COMMANDS.get(command).get()), Json.parse(event), process);
  }

  private static String refused(String command, String event) {
    UsageException refused =
        assertThrows(UsageException.class, () -> environment(command, event, NOTHING), event);
    assertFalse(refused.getMessage().contains("\n"), refused.getMessage());
    return refused.getMessage();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void every_setting_is_a_key_by_each_of_its_names(String command) throws Exception {
    for (Setting setting : Runner.settings(ReadmeTest.COMMANDS.get(command).get())) {
      for (String variable : setting.variables()) {
        String lower = variable.toLowerCase(Locale.ROOT);
        for (String key : List.of(variable, lower, lower.replace('_', '-'))) {
          Map<String, String> environment =
              environment(
                  command, "{\"%s\": \"a value\"}".formatted(key), Map.of("EVENT_SETTINGS", key));
          for (String name : setting.variables()) {
            assertEquals("a value", environment.get(name), key);
          }
          assertEquals(setting.variables().size() + 1, environment.size(), environment::toString);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "validate_signature | server | \"http://example.test\" | http://example.test",
        "validate_signature | parallel_requests | 8 | 8",
        "validate_signature | requests_timeout_seconds | 0.5 | 0.5",
        "validate_signature | requests_timeout_seconds | 1E1 | 10",
        "validate_signature | strict | true | true",
        "validate_signature | strict | false | false",
        "validate_signature | only | [\"main/a*\", \"main/b\"] | main/a*,main/b",
        "validate_signature | only | [] | ``",
        "validate_signature | only | \"main/a,main/b\" | main/a,main/b",
        "backport_records | backport_records_mappings | [\"a/b -> c/d\", \"a/e -> c/f\"]"
            + " | `a/b -> c/d\na/e -> c/f`",
        "uptake_health | specific_error_threshold_percentages | [\"main/a = 5.5\", \"b/c = 1\"]"
            + " | main/a = 5.5;b/c = 1",
        "uptake_health | exclude_sources | [1, 2.50, true] | 1,2.50,true"
      })
  void each_kind_of_value_becomes_what_a_variable_would_hold(
      String command, String key, String json, String expected) throws Exception {
    String event = "{\"%s\": %s}".formatted(key, json);
    assertEquals(
        expected, environment(command, event, NOTHING).get(key.toUpperCase(Locale.ROOT)), event);
  }

  @Test
  void an_object_is_taken_as_json() throws Exception {
    String filters =
        environment(
                "backport_records",
                "{\"backport_records_source_filters\": {\"a\": [1, \"ü\"], \"b\": null}}",
                NOTHING)
            .get("BACKPORT_RECORDS_SOURCE_FILTERS");
    Map<String, Object> expected = new HashMap<>();
    expected.put("a", List.of(1L, "ü"));
    expected.put("b", null);
    assertEquals(expected, Json.parse(filters));
  }

  @Test
  void a_key_wins_over_the_environment_whatever_name_that_uses() throws Exception {
    Map<String, String> process =
        Map.of("ADDONS_COLLECTION", "process", "BUCKET", "process", "PATH", "/bin");
    Map<String, String> environment =
        environment(
            "blockpages_generator",
            "{\"addons-collections\": \"event\", \"bucket\": \"event\"}",
            process);
    assertEquals("event", environment.get("ADDONS_COLLECTION"));
    assertEquals("event", environment.get("ADDONS_COLLECTIONS"));
    assertEquals("event", environment.get("BUCKET"));
    assertEquals("/bin", environment.get("PATH"));
  }

  @Test
  void null_says_nothing() throws Exception {
    Map<String, String> process = Map.of("SERVER", "http://process.test");
    assertEquals(process, environment("validate_signature", "{\"server\": null}", process));
    assertEquals(NOTHING, environment("validate_signature", "{\"only\": null}", NOTHING));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "{}",
        "{\"detail-type\": \"Scheduled Event\", \"source\": \"aws.events\", \"detail\": {}}",
        "{\"detail-type\": \"Scheduled Event\"}"
      })
  void an_event_may_say_nothing(String event) throws Exception {
    Map<String, String> process = Map.of("SERVER", "http://process.test");
    assertEquals(process, environment("validate_signature", event, process));
  }

  @Test
  void of_an_event_of_eventbridge_the_detail_counts() throws Exception {
    assertEquals(
        Map.of("ONLY", "main/*"),
        environment(
            "validate_signature",
            "{\"version\": \"0\", \"detail-type\": \"x\", \"detail\": {\"only\": \"main/*\"}}",
            NOTHING));
  }

  @Test
  void the_region_of_the_function_is_not_the_bucket_s() throws Exception {
    Map<String, String> process = Map.of("AWS_REGION", "us-west-2", "AWS_DEFAULT_REGION", "x");
    assertEquals(
        Map.of("AWS_DEFAULT_REGION", "x"), environment("blockpages_generator", "{}", process));
    assertEquals(
        "eu-west-1",
        environment("blockpages_generator", "{\"aws_region\": \"eu-west-1\"}", process)
            .get("AWS_REGION"));
    Setting region =
        Runner.settings(new blockpages_generator()).stream()
            .filter(setting -> setting.variables().contains("AWS_REGION"))
            .findFirst()
            .orElseThrow();
    assertEquals("eu-central-1", region.defaultValue());
  }

  @ParameterizedTest
  @ValueSource(strings = {"serber", "help", "version", "PATH", "auth-file", "", "detail"})
  void an_unknown_key_is_named(String key) {
    String event = "{\"%s\": \"s3cret-value\"}".formatted(key);
    assertEquals("unknown event key \"%s\"".formatted(key), refused("validate_signature", event));
  }

  @Test
  void what_is_refused_is_said_without_a_secret_or_an_escape_sequence() {
    assertEquals(
        "event key \"auth\": the list holds a null, a list or an object",
        refused("consistency_checks", "{\"auth\": [\"s3cret-value\", [\"s3cret-value\"]]}"));
    assertEquals(
        "event key \"AUTH\": the event has this setting twice",
        refused("consistency_checks", "{\"auth\": \"s3cret-1\", \"AUTH\": \"s3cret-2\"}"));
    assertEquals(
        "event key \"aws_endpoint_url\": the event has this setting twice",
        refused(
            "blockpages_generator",
            "{\"aws_endpoint_url_s3\": \"http://a.test\", \"aws_endpoint_url\": null}"));
    String message = refused("validate_signature", "{\"a\\u001b[2J\\nb\": 1}");
    assertFalse(message.contains("\u001b"), message);
    assertTrue(refused("validate_signature", "{\"" + "x".repeat(9999) + "\": 1}").length() < 200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "\"validate\"",
        "1",
        "true",
        "{\"detail-type\": \"x\", \"detail\": [1]}",
        "{\"detail-type\": \"x\", \"detail\": \"text\"}"
      })
  void an_event_that_is_no_object_is_refused(String event) {
    assertEquals("the event is not a JSON object", refused("validate_signature", event));
  }

  @Test
  void the_event_in_the_readme_is_one() throws Exception {
    String page = Files.readString(Project.root().resolve("docs/lambda.md"));
    Matcher event = Pattern.compile("```json\n(\\{.*?)```", Pattern.DOTALL).matcher(page);
    assertTrue(event.find());
    assertEquals(4, environment("validate_signature", event.group(1), NOTHING).size());
    assertFalse(event.find());
  }

  // ---- the zip

  private static List<String> entries(InputStream archive) throws IOException {
    List<String> names = new ArrayList<>();
    try (ZipInputStream entries = new ZipInputStream(archive)) {
      for (ZipEntry entry; (entry = entries.getNextEntry()) != null; ) {
        names.add(entry.getName());
      }
    }
    return names;
  }

  private static List<Path> jars() throws IOException {
    try (Stream<Path> jars = Files.list(unpacked.resolve("lib"))) {
      return jars.sorted().toList();
    }
  }

  @Test
  void the_zip_holds_what_the_commands_need_and_nothing_else() throws IOException {
    List<String> names = entries(Files.newInputStream(zip));
    assertEquals(
        List.of(),
        names.stream().filter(name -> !name.matches("lib/[A-Za-z0-9._-]+\\.jar")).toList());
    assertEquals(names.size(), new HashSet<>(names).size(), "no file twice");
    assertEquals(
        List.of(),
        names.stream()
            .filter(name -> name.matches("lib/(bc|junit|jbang|opentest|google-java|validator).*"))
            .toList());
    Path ours = unpacked.resolve("lib/remote-settings-lambdas-%s.jar".formatted(Version.NUMBER));
    List<String> classes = entries(Files.newInputStream(ours));
    for (String command : commands()) {
      assertTrue(classes.contains(command + ".class"), command);
    }
    List<String> strangers = new ArrayList<>(classes);
    strangers.removeIf(name ->
        name.matches(
            "(common|templates)/.*|(Lambda|EventSettings|FunctionSecrets|Findings|NoVerdict|%s)(\\$.*)?\\.class"
                .formatted(String.join("|", commands()))));
    assertEquals(List.of(), strangers);
  }

  @Test
  void the_zip_is_small_enough_for_lambda() throws IOException {
    assertTrue(Files.size(zip) < 50_000_000, Files.size(zip) + " bytes");
    long unzipped = 0;
    for (Path jar : jars()) {
      unzipped += Files.size(jar);
    }
    assertTrue(unzipped < 250_000_000, unzipped + " bytes");
  }

  @Test
  void native_code_is_there_for_both_architectures_or_not_at_all() throws IOException {
    Set<String> natives = new HashSet<>();
    for (Path jar : jars()) {
      List<String> libraries =
          entries(Files.newInputStream(jar)).stream()
              .filter(name -> name.endsWith(".so") && name.contains("/Linux/"))
              .toList();
      if (!libraries.isEmpty()) {
        natives.add(jar.getFileName().toString().replaceFirst("-[\\d.]+\\.jar$", ""));
        for (String architecture : List.of("/arm64/", "/x86_64/")) {
          assertTrue(
              libraries.stream().anyMatch(name -> name.contains(architecture)), jar::toString);
        }
      }
    }
    assertEquals(Set.of(), natives);
  }

  @Test
  void each_command_has_a_handler_and_packaging_names_it() {
    List<String> handlers = packaged.stdout().lines().skip(1).map(String::strip).sorted().toList();
    assertEquals(commands().stream().map(name -> "Lambda::" + name).sorted().toList(), handlers);
    assertTrue(
        packaged
            .stdout()
            .lines()
            .findFirst()
            .orElseThrow()
            .matches(".*lambdas\\.zip: \\d+\\.\\d MB, SHA-256 [0-9a-f]{64}"),
        packaged.stdout());
  }

  @Test
  void the_same_sources_make_the_same_bytes() throws IOException {
    Path again = folder.resolve("again.zip");
    assertEquals(0, packageTo(again).exit());
    assertArrayEquals(Files.readAllBytes(zip), Files.readAllBytes(again));
  }

  @Test
  void a_file_that_cannot_be_written_is_one_line_and_nothing_is_left() throws IOException {
    Path missing = folder.resolve("missing/lambdas.zip");
    Project.Outcome outcome = packageTo(missing);
    assertEquals(2, outcome.exit());
    assertEquals(
        "package: error: cannot write %s: the folder is missing, or not writable\n"
            .formatted(missing),
        withoutJbang(outcome.stderr()));
    Path parent = Files.createDirectories(folder.resolve("parent"));
    Files.createDirectories(parent.resolve("lambdas.zip/full"));
    outcome = packageTo(parent.resolve("lambdas.zip"));
    assertEquals(2, outcome.exit());
    assertEquals(1, withoutJbang(outcome.stderr()).lines().count(), outcome.stderr());
    try (Stream<Path> left = Files.list(parent)) {
      assertEquals(
          List.of("lambdas.zip"), left.map(file -> file.getFileName().toString()).toList());
    }
  }

  @Test
  void another_target_is_refused() {
    Project.Outcome outcome =
        Patience.run(Project.root().resolve("jbang"), "package", "azure", folder.resolve("x.zip"))
            .in(folder)
            .go();
    assertEquals(2, outcome.exit());
    assertTrue(
        outcome.stderr().contains("unknown TARGET \"azure\": expected lambda"), outcome.stderr());
    assertFalse(Files.exists(folder.resolve("x.zip")));
  }

  private static String withoutJbang(String stderr) {
    return stderr.replaceAll("(?m)^\\[jbang\\].*\\R", "");
  }

  // ---- the template

  /** Reads a tag of CloudFormation as what it stands before: {@code !Ref Name} as {@code Name}. */
  private static final class Tags extends StandardConstructor {
    Tags(LoadSettings settings) {
      super(settings);
    }

    @Override
    protected Optional<ConstructNode> findConstructorFor(Node node) {
      return node.getTag().getValue().startsWith("!")
          ? Optional.of(tagged ->
              switch (tagged) {
                case ScalarNode scalar -> scalar.getValue();
                case SequenceNode sequence -> constructSequence(sequence);
                default -> throw new AssertionError(tagged);
              })
          : super.findConstructorFor(node);
    }
  }

  private static JsonNode template() throws IOException {
    LoadSettings settings = LoadSettings.builder().build();
    String yaml = Files.readString(Project.root().resolve("deploy/template.yaml"));
    Object template = new Load(settings, new Tags(settings)).loadFromString(yaml);
    return new JsonMapper().valueToTree(template);
  }

  /** The functions of the template by the command that each runs. */
  private static Map<String, JsonNode> functions() throws IOException {
    Map<String, JsonNode> functions = new TreeMap<>();
    for (JsonNode resource : template().path("Resources")) {
      if (resource.path("Type").asString().equals("AWS::Serverless::Function")) {
        String handler = resource.at("/Properties/Handler").asString();
        functions.put(handler.replaceFirst("^Lambda::", ""), resource.path("Properties"));
      }
    }
    return functions;
  }

  @Test
  void the_linter_has_nothing_against_the_template() {
    Path template = Project.root().resolve("deploy/template.yaml");
    assertEquals(List.of(), Deployments.cloudFormation(template));
  }

  @Test
  void the_template_has_a_function_for_each_command() throws IOException {
    assertEquals(new TreeSet<>(commands()), functions().keySet());
    for (String command : commands()) {
      String script = Files.readString(Project.root().resolve(command + ".java"));
      String description = functions().get(command).path("Description").asString();
      assertTrue(script.contains("\n//DESCRIPTION %s\n".formatted(description)), description);
    }
  }

  @Test
  void every_variable_of_a_function_is_a_setting_of_its_command() throws Exception {
    JsonNode everywhere = template().at("/Globals/Function/Environment/Variables");
    for (Map.Entry<String, JsonNode> function : functions().entrySet()) {
      List<Setting> settings = Runner.settings(ReadmeTest.COMMANDS.get(function.getKey()).get());
      Set<String> variables = new HashSet<>(everywhere.propertyNames());
      variables.addAll(function.getValue().at("/Environment/Variables").propertyNames());
      assertTrue(variables.remove("SECRETS_ID"), function.getKey());
      for (String variable : variables) {
        Setting setting =
            settings.stream()
                .filter(one -> one.variables().contains(variable))
                .findFirst()
                .orElseThrow(() -> new AssertionError(function.getKey() + ": " + variable));
        JsonNode own = function.getValue().at("/Environment/Variables/" + variable);
        String value = (own.isMissingNode() ? everywhere.path(variable) : own).toString();
        assertFalse(setting.isSecret(), variable);
        assertTrue(setting.separator() == null || value.contains("NoValue"), "empty means none");
      }
      String input = function.getValue().at("/Events/Schedule/Properties/Input").asString("{}");
      EventSettings.environment(settings, Json.parse(input), NOTHING);
    }
    String template = Files.readString(Project.root().resolve("deploy/template.yaml"));
    assertFalse(template.contains("{{resolve:"), "it would be a plain variable of the function");
  }

  @Test
  void every_function_is_restored_from_a_snapshot_and_not_tried_again() throws IOException {
    JsonNode globals = template().at("/Globals/Function");
    assertEquals("java25", globals.path("Runtime").asString());
    assertEquals("PublishedVersions", globals.at("/SnapStart/ApplyOn").asString());
    assertEquals("live", globals.path("AutoPublishAlias").asString());
    assertEquals(0, globals.at("/EventInvokeConfig/MaximumRetryAttempts").asInt());
    for (JsonNode function : functions().values()) {
      assertEquals("Release", function.path("AutoPublishCodeSha256").asString());
      assertFalse(function.has("SnapStart") || function.has("EventInvokeConfig"));
      for (JsonNode event : function.path("Events")) {
        assertEquals("ScheduleV2", event.path("Type").asString());
        JsonNode retries = event.at("/Properties/RetryPolicy/MaximumRetryAttempts");
        assertTrue(retries.isInt() && retries.intValue() == 0, event::toString);
      }
      assertEquals(1, function.path("Events").size());
    }
  }

  @Test
  void a_function_may_read_its_own_secret_and_the_pages_their_bucket() throws IOException {
    for (Map.Entry<String, JsonNode> function : functions().entrySet()) {
      boolean needsCredentials =
          Runner.settings(ReadmeTest.COMMANDS.get(function.getKey()).get()).stream()
              .anyMatch(one -> one.isSecret() && !one.variables().contains("SENTRY_DSN"));
      String id = "${Secrets}/" + (needsCredentials ? function.getKey() : "sentry");
      assertEquals(id, function.getValue().at("/Environment/Variables/SECRETS_ID").asString());
      String secret =
          """
          {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:\
          ${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:%s-??????"}
          """;
      String bucket =
          """
          , {"Effect": "Allow", "Action": "s3:ListBucket",
             "Resource": "arn:${AWS::Partition}:s3:::${PagesBucket}"},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
             "Resource": "arn:${AWS::Partition}:s3:::${PagesBucket}/*"}
          """;
      String rights =
          secret.formatted(id) + (function.getKey().equals("blockpages_generator") ? bucket : "");
      assertEquals(
          new JsonMapper()
              .readTree("[{\"Version\": \"2012-10-17\", \"Statement\": [%s]}]".formatted(rights)),
          function.getValue().path("Policies"),
          function.getKey());
    }
  }

  @Test
  void a_failed_invocation_of_any_function_raises_an_alarm() throws IOException {
    JsonNode resources = template().path("Resources");
    for (String name : resources.propertyNames()) {
      if (resources.at("/" + name + "/Type").asString().equals("AWS::Serverless::Function")) {
        JsonNode alarm = resources.path(name + "Alarm").path("Properties");
        assertEquals("Errors", alarm.path("MetricName").asString(), name);
        assertEquals(name, alarm.at("/Dimensions/0/Value").asString());
        assertEquals("AlarmTopic", alarm.at("/AlarmActions/0").asString());
      }
    }
  }

  // ---- invocations

  private LambdaRuntime lambda(String command) throws IOException {
    return lambda(
        command,
        Map.of(
            "SERVER", server.url().toString(),
            "REQUESTS_NB_RETRIES", "0",
            "REQUESTS_TIMEOUT_SECONDS", "60"));
  }

  private LambdaRuntime lambda(String command, Map<String, String> variables) throws IOException {
    LambdaRuntime lambda = new LambdaRuntime(unpacked, "Lambda::" + command, variables);
    opened.add(lambda);
    return lambda;
  }

  @Test
  void a_warm_invocation_answers_the_same_by_the_same_connections() throws IOException {
    LambdaRuntime lambda = lambda("validate_signature");
    LambdaRuntime.Outcome cold = lambda.invoke("{\"parallel_requests\": 1}");
    assertTrue(cold.isGood(), cold::toString);
    assertEquals(0, cold.json().get("exit").intValue());
    String output = cold.json().get("output").stringValue();
    assertTrue(output.contains("/buckets/main/collections/regions:  OK"), output);
    assertTrue(cold.log().contains(output), cold::toString);
    int connections = server.clients().size();
    LambdaRuntime.Outcome warm = lambda.invoke("{\"parallel_requests\": 1}");
    assertEquals(withoutTimes(output), withoutTimes(warm.json().get("output").stringValue()));
    assertEquals(connections, server.clients().size());
  }

  /** A message is what a console shows, and the log has it too; there is nothing else. */
  private static void assertFailed(String type, LambdaRuntime.Outcome outcome) {
    assertFalse(outcome.isGood(), outcome::toString);
    assertEquals(type, outcome.errorType(), outcome::toString);
    assertTrue(outcome.log().contains(outcome.errorMessage()), outcome::toString);
    assertFalse(outcome.log().contains("\tat "), outcome::toString);
    assertTrue(outcome.log().strip().endsWith("\n" + type), "no third copy");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void every_handler_takes_events_and_names_a_key_that_it_does_not_know(String command)
      throws IOException {
    LambdaRuntime.Outcome outcome = lambda(command).invoke("{\"no_such_key\": \"s3cret-value\"}");
    assertFailed("NoVerdict", outcome);
    assertTrue(
        outcome
            .errorMessage()
            .startsWith(
                command
                    + ": error: unknown event key \"no_such_key\"\n"
                    + "hint: keys are settings in lower case: "),
        outcome.errorMessage());
    assertEquals(List.of(), server.requests());
    assertFalse(outcome.toString().contains("s3cret-"), outcome::toString);
  }

  @Test
  void findings_fail_the_invocation_with_the_text_of_the_console() throws IOException {
    server.fault("altered-record=main/regions");
    String event = "{\"exclude\": [\"main-preview/*\"], \"any_root\": true}";
    LambdaRuntime lambda = lambda("validate_signature");
    for (int run = 0; run < 2; run++) {
      LambdaRuntime.Outcome outcome = lambda.invoke(event);
      assertFailed("Findings", outcome);
      Terminal.Outcome console =
          new Terminal()
              .at(Instant.now())
              .set("SERVER", server.url())
              .set("EXCLUDE", "main-preview/*")
              .set("ANY_ROOT", "true")
              .run(new validate_signature());
      assertEquals(1, console.exit());
      assertEquals(lines(console.stdout() + console.stderr()), lines(outcome.errorMessage()));
      assertTrue(outcome.errorMessage().contains("⚠ BAD Signature ⚠"), outcome::toString);
    }
    LambdaRuntime.Outcome passed = lambda.invoke("{\"exit_zero\": true, \"any_root\": \"true\"}");
    assertTrue(passed.isGood(), passed::toString);
    assertTrue(passed.json().get("output").stringValue().contains("BAD"), passed::toString);
    server.clearFaults();
    assertTrue(lambda.invoke(event).isGood());
  }

  /** A console's two streams are one here: the order of the lines of both may be another. */
  private static List<String> lines(String text) {
    return withoutTimes(text).lines().sorted().toList();
  }

  @Test
  void the_document_is_the_answer() throws IOException {
    LambdaRuntime lambda = lambda("validate_changes_collection");
    LambdaRuntime.Outcome good = lambda.invoke("{\"format\": \"json\"}");
    assertTrue(good.isGood(), good::toString);
    assertEquals("validate_changes_collection", good.json().get("command").stringValue());
    assertEquals(2, good.json().get("results").size());
    server.fault("altered-announcement=main/regions");
    LambdaRuntime.Outcome bad = lambda.invoke("{\"format\": \"json\"}");
    assertFailed("Findings", bad);
    String message = bad.errorMessage();
    JsonNode document =
        new JsonMapper()
            .readTree(message.substring(message.indexOf('{'), message.lastIndexOf('}') + 1));
    assertEquals(1, document.get("exit").intValue());
    LambdaRuntime.Outcome text = lambda.invoke("{\"exit_zero\": true}");
    assertEquals(Set.of("exit", "output"), Set.copyOf(text.json().propertyNames()));
  }

  @Test
  void without_a_server_there_is_no_verdict() throws IOException {
    server.close();
    LambdaRuntime.Outcome outcome = lambda("validate_signature").invoke("{}");
    assertFailed("NoVerdict", outcome);
    assertTrue(
        outcome
            .errorMessage()
            .matches("(?s).*\nvalidate_signature: error: GET .*: connection refused\n.*"),
        outcome.errorMessage());
  }

  @Test
  void after_a_bad_event_the_next_one_is_fine() throws IOException {
    LambdaRuntime lambda = lambda("validate_signature");
    for (Map.Entry<String, String> bad :
        Map.of(
                "{\"serber\": \"x\"}", "unknown event key \"serber\"",
                "[1]", "the event is not a JSON object",
                "{\"server\"", "the event cannot be read as JSON\n",
                "{\"auth\": s3cret}", "the event cannot be read as JSON\n",
                "{\"parallel-requests\": \"many\"}", "PARALLEL_REQUESTS",
                "{\"strict\": 7}", "STRICT")
            .entrySet()) {
      LambdaRuntime.Outcome outcome = lambda.invoke(bad.getKey());
      assertFailed("NoVerdict", outcome);
      assertTrue(outcome.errorMessage().contains(bad.getValue()), outcome::toString);
      assertTrue(outcome.errorMessage().lines().count() <= 2, outcome::toString);
    }
    assertEquals(List.of(), server.requests());
    assertTrue(lambda.invoke("").isGood());
    assertTrue(lambda.invoke("null").isGood());
    assertTrue(
        lambda
            .invoke("{\"detail-type\": \"Scheduled Event\", \"detail\": {\"any_root\": true}}")
            .isGood());
  }

  @Test
  void near_the_time_limit_it_says_what_is_done_and_the_next_invocation_is_fine()
      throws IOException {
    LambdaRuntime lambda = lambda("validate_signature");
    assertTrue(lambda.invoke("{}").isGood());
    server.fault("silent=main/regions");
    Duration limit = Duration.ofSeconds(10);
    LambdaRuntime.Outcome late =
        lambda.invoke("{\"requests_timeout_seconds\": 60, \"verbose\": true}", limit);
    assertFailed("NoVerdict", late);
    assertTrue(late.took().compareTo(limit) < 0, late.took()::toString);
    String message = late.errorMessage();
    assertTrue(
        message.matches(
            "(?s).*validate_signature: error: Lambda's time limit is near, [12]\\.\\d s are left\n"
                + "hint: raise the function's Timeout, or check fewer collections\n.*"),
        message);
    assertTrue(message.contains("/buckets/main/collections/cfr:  OK"), message);
    assertTrue(message.contains("interrupted: 2 collections: 1 OK, 1 not finished"), message);
    server.clearFaults();
    LambdaRuntime.Outcome next = lambda.invoke("{\"exclude\": \"main/cfr\"}");
    assertTrue(next.isGood(), next::toString);
    assertFalse(
        next.toString().matches("(?s).*(limit|interrupted|main/collections/cfr).*"),
        next::toString);
  }

  @Test
  void settings_and_credentials_of_one_invocation_never_reach_the_next() throws IOException {
    LambdaRuntime lambda = lambda("consistency_checks");
    LambdaRuntime.Outcome first =
        lambda.invoke(
            "{\"auth\": \"editor:s3cret-of-editor\", \"only\": \"main/cfr\", \"verbose\": true}");
    assertFalse(first.toString().contains("s3cret-of-editor"), first::toString);
    assertTrue(
        server.requests().stream()
            .anyMatch(request -> request.header("authorization").isPresent()));
    server.forgetRequests();
    LambdaRuntime.Outcome second = lambda.invoke("{\"verbose\": true}");
    assertTrue(second.log().contains("setting AUTH =  (default)"), second::toString);
    assertTrue(second.log().contains("setting ONLY =  (default)"), second::toString);
    assertEquals(
        List.of(),
        server.requests().stream()
            .filter(request -> request.header("authorization").isPresent())
            .toList());
  }

  @Test
  void sentry_gets_the_events_of_cold_and_warm_invocations() throws IOException {
    CrashReportsTest.FakeSentry sentry = new CrashReportsTest.FakeSentry();
    opened.add(sentry);
    server.fault("altered-record=main/regions");
    LambdaRuntime lambda = lambda("validate_signature");
    for (int run = 1; run <= 3; run++) {
      LambdaRuntime.Outcome outcome =
          lambda.invoke("{\"sentry_dsn\": \"%s\"}".formatted(sentry.dsn()));
      assertFailed("Findings", outcome);
      assertFalse(outcome.toString().contains("warning: Sentry"), outcome::toString);
      assertEquals(run, sentry.items("event").size(), outcome::toString);
    }
    assertFailed("Findings", lambda.invoke("{}"));
    assertEquals(3, sentry.items("event").size(), "the DSN was that of other invocations");
    assertEquals(List.of(), sentry.oddities());
    assertFalse(sentry.bodies().toString().contains("s3cret-"));
  }

  @Test
  void the_secret_that_a_function_names_is_read_by_each_invocation() throws IOException {
    Queue<Reply> replies =
        new ArrayDeque<>(
            List.of(
                secret("{\"AUTH\": \"editor:s3cret-of-monday\"}"),
                secret("{\"AUTH\": \"editor:s3cret-of-tuesday\"}"),
                secret("{\"AUTH\": \"editor:s3cret-of-tuesday\"}"),
                Reply.answer(
                    400,
                    "{\"__type\": \"AccessDeniedException\", \"Message\": \"not authorized\"}")));
    RecordingServer manager = RecordingServer.of(exchange -> replies.remove().send(exchange));
    opened.add(manager);
    LambdaRuntime lambda =
        lambda(
            "consistency_checks",
            Map.of(
                "SERVER",
                server.url().toString(),
                "SECRETS_ID",
                "remote-settings/consistency_checks",
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                "http://127.0.0.1:" + manager.port()));
    for (String day : List.of("monday", "tuesday")) {
      server.forgetRequests();
      LambdaRuntime.Outcome outcome = lambda.invoke("{\"verbose\": true}");
      assertEquals(Set.of("editor:s3cret-of-" + day), credentials());
      assertFalse(outcome.toString().contains("s3cret"), outcome::toString);
    }
    Exchange.Request asked = manager.requests().getFirst();
    assertEquals("secretsmanager.GetSecretValue", asked.header("x-amz-target"));
    assertTrue(asked.header("authorization").contains("/us-west-2/secretsmanager/aws4_request"));
    assertTrue(asked.text().contains("\"remote-settings/consistency_checks\""), asked.text());

    server.forgetRequests();
    LambdaRuntime.Outcome redirected = lambda.invoke("{\"server\": \"http://127.0.0.1:1/v1\"}");
    assertFailed("NoVerdict", redirected);
    assertEquals(
        """
        consistency_checks: error: event key "server": it could send AUTH of the function elsewhere
        hint: leave it out, or let the function's variable EVENT_SETTINGS name it\
        """,
        redirected.errorMessage());
    LambdaRuntime.Outcome denied = lambda.invoke("{}");
    assertFailed("NoVerdict", denied);
    assertEquals(
        """
        consistency_checks: error: SECRETS_ID: the secret "remote-settings/consistency_checks" \
        cannot be read: AccessDeniedException, not authorized
        hint: does it exist, and may the function's role read it (secretsmanager:GetSecretValue)?\
        """,
        denied.errorMessage());
    assertEquals(List.of(), server.requests());
    assertEquals(4, manager.requests().size());
  }

  private static Reply secret(String json) {
    return Reply.json(new JsonMapper().writeValueAsString(Map.of("SecretString", json)));
  }

  /** The credentials that the server got. */
  private Set<String> credentials() {
    return server.requests().stream()
        .flatMap(request -> request.header("authorization").stream())
        .map(header -> header.replaceFirst("^Basic ", ""))
        .map(encoded -> new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8))
        .collect(Collectors.toSet());
  }

  @Test
  void signatures_are_refreshed() throws IOException {
    server.close();
    server = RemoteSettingsServer.builder().sample(true).start();
    opened.add(server);
    LambdaRuntime.Outcome outcome =
        lambda("refresh_signature")
            .invoke("{\"refresh_signature_auth\": \"editor:editor\", \"only\": \"main/regions\"}");
    assertTrue(outcome.isGood(), outcome::toString);
    assertEquals(
        1,
        server.requests().stream().filter(request -> request.method().equals("PATCH")).count(),
        outcome::toString);
  }

  @Test
  void pages_are_published_to_the_bucket_s_region_not_the_function_s() throws IOException {
    S3Proxy s3 = S3Proxy.to(S3Server.S3MOCK.url());
    opened.add(s3);
    server.put("blocklists", "addons", "{\"id\": \"i1\", \"details\": {\"name\": \"One\"}}");
    server.create("blocklists", "plugins");
    LambdaRuntime lambda =
        lambda(
            "blockpages_generator",
            Map.of("SERVER", server.url().toString(), "AWS_ENDPOINT_URL_S3", s3.url().toString()));
    String event = "{\"bucket_name\": \"lambda-pages\"}";
    LambdaRuntime.Outcome first = lambda.invoke(event);
    assertTrue(first.isGood(), first::toString);
    assertTrue(
        first
            .json()
            .get("output")
            .stringValue()
            .contains("Uploading index.html to Amazon S3 bucket lambda-pages"),
        first::toString);
    for (Exchange.Request request : s3.requests()) {
      assertTrue(
          request.header("authorization").contains("/eu-central-1/s3/aws4_request"),
          request::toString);
      assertEquals("s3cret-token-of-the-function", request.header("x-amz-security-token"));
    }
    LambdaRuntime.Outcome second = lambda.invoke(event);
    assertTrue(second.isGood(), second::toString);
    assertFalse(second.toString().contains("Uploading"), "nothing has changed");
    assertFalse((first + "" + second).contains("s3cret-"));
  }

  /** With SnapStart there are no keys in the environment, for a snapshot would outlive them. */
  @Test
  void credentials_come_from_where_a_function_with_a_snapshot_has_them() throws IOException {
    S3Proxy s3 = S3Proxy.to(S3Server.S3MOCK.url());
    opened.add(s3);
    server.put("blocklists", "addons", "{\"id\": \"i1\", \"details\": {\"name\": \"One\"}}");
    server.create("blocklists", "plugins");
    server.answer(
        "/credentials",
        200,
        "application/json",
        """
        {"AccessKeyId": "ASIAOFTHESNAPSHOT", "SecretAccessKey": "s3cret-of-the-snapshot",
         "Token": "s3cret-token-of-the-snapshot", "Expiration": "%s"}
        """
            .formatted(Instant.now().plusSeconds(3600).truncatedTo(ChronoUnit.SECONDS)));
    LambdaRuntime.Outcome outcome =
        lambda(
                "blockpages_generator",
                Map.of(
                    "SERVER",
                    server.url().toString(),
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    server.url().resolve("/credentials").toString(),
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                    "s3cret-of-the-container",
                    "EVENT_SETTINGS",
                    "aws-endpoint-url"))
            .invoke(
                "{\"bucket_name\": \"snapshot-pages\", \"aws-endpoint-url\": \"%s\"}"
                    .formatted(s3.url()));
    assertTrue(outcome.isGood(), outcome::toString);
    assertEquals(
        Set.of("s3cret-token-of-the-snapshot"),
        s3.requests().stream()
            .map(request -> request.header("x-amz-security-token"))
            .collect(Collectors.toSet()));
    assertFalse(outcome.toString().contains("s3cret-"), outcome::toString);
  }

  /** Else all that start from one snapshot would ask a CDN for the same, and get what is old. */
  @Test
  void what_no_cache_has_seen_is_not_drawn_from_what_a_snapshot_repeats() throws IOException {
    String code = Files.readString(Project.root().resolve("common/RemoteSettings.java"));
    assertFalse(code.contains("ThreadLocalRandom") || code.contains("Math.random"));
    LambdaRuntime lambda = lambda("validate_changes_collection");
    lambda.invoke("{}");
    lambda.invoke("{}");
    List<KintoRequest> lists = server.requests("/v1/buckets/monitor/");
    assertEquals(2, lists.stream().map(KintoRequest::target).distinct().count());
  }

  @Test
  void functions_of_two_commands_do_their_work_side_by_side() throws IOException {
    LambdaRuntime signatures = lambda("validate_signature");
    LambdaRuntime timestamps = lambda("validate_changes_collection");
    for (int run = 0; run < 2; run++) {
      assertTrue(signatures.invoke("{}").isGood());
      assertTrue(timestamps.invoke("{}").isGood());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void a_run_that_does_not_end_loses_its_log_and_its_connections(boolean holdsTheReport)
      throws Exception {
    CountDownLatch released = new CountDownLatch(1);
    CompletableFuture<Object> asked = new CompletableFuture<>();
    SettingsTest.Probe stubborn = new SettingsTest.Probe();
    stubborn.doing((surroundings, report) -> {
      Http http = stubborn.server.http(surroundings, report);
      http.get(server.url(), 1_000_000, InputStream::readAllBytes);
      report.waiting("begun");
      if (holdsTheReport) {
        report.together(() -> awaitWhateverHappens(released));
      } else {
        awaitWhateverHappens(released);
      }
      try {
        Thread.interrupted();
        asked.complete(http.get(server.url(), 1_000_000, InputStream::readAllBytes));
      } catch (ServerException e) {
        asked.complete(e.getMessage());
      }
      surroundings.err().println("too late");
    });
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream out = System.out;
    PrintStream err = System.err;
    System.setOut(new PrintStream(log, true, StandardCharsets.UTF_8));
    System.setErr(System.out);
    try {
      long start = System.nanoTime();
      RuntimeException ended =
          assertThrows(RuntimeException.class, () -> invoke(stubborn, Duration.ofSeconds(10)));
      assertEquals("NoVerdict", ended.toString());
      long took = Duration.ofNanos(System.nanoTime() - start).toMillis();
      assertTrue(took < 10_000, took + " ms");
      assertTrue(ended.getMessage().contains("begun\nProbe: error: Lambda's time limit is near"));
      int requests = server.requests().size();
      released.countDown();
      assertTrue(asked.get(1, TimeUnit.MINUTES).toString().endsWith("the run has ended"));
      assertEquals(requests, server.requests().size());

      SettingsTest.Probe next = new SettingsTest.Probe();
      next.doing((surroundings, report) ->
          next.server
              .http(surroundings, report)
              .get(server.url(), 1_000_000, InputStream::readAllBytes));
      invoke(next, Duration.ofMinutes(1));
      assertEquals(2 * requests, server.requests().size());
      assertFalse(log.toString(StandardCharsets.UTF_8).contains("too late"));
    } finally {
      released.countDown();
      System.setOut(out);
      System.setErr(err);
    }
  }

  private void invoke(Runner.Command command, Duration left) throws Exception {
    String event = "{\"server\": \"%s\", \"requests_timeout_seconds\": 60}".formatted(server.url());
    Context context =
        (Context)
            Proxy.newProxyInstance(
                LambdaTest.class.getClassLoader(),
                new Class<?>[] {Context.class},
                (_, _, _) -> (int) left.toMillis());
    Lambda.invoke(
        command,
        new ByteArrayInputStream(event.getBytes(StandardCharsets.UTF_8)),
        OutputStream.nullOutputStream(),
        context);
  }

  private static void awaitWhateverHappens(CountDownLatch latch) {
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        // it is stubborn
      }
    }
  }

  private static String withoutTimes(String output) {
    return output.replaceAll("\\(\\d+\\.\\d+s\\)", "");
  }
}
