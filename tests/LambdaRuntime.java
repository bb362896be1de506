//DEPS com.amazonaws:aws-lambda-java-runtime-interface-client:2.10.1
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Exchange.java
//SOURCES ../deploy/Project.java
//SOURCES Patience.java
//SOURCES RecordingServer.java
//SOURCES Reply.java

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Lambda on loopback: its Runtime API, and a process of the packaged commands with Lambda's own
 * client and nothing in its environment but what Lambda puts there. The process is kept for the
 * next invocation, as Lambda keeps it.
 */
final class LambdaRuntime implements AutoCloseable {

  private static final JsonMapper JSON = new JsonMapper();
  private static final String API = "/2018-06-01/runtime/";
  private static final String NEXT = "invocation/next";

  private static final String NATIVE_CLIENT =
      "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI";

  /** How long anything may take that a test waits for. */
  private static final Duration PATIENCE = Duration.ofMinutes(5);

  /** How an invocation ended; the others of the three are null. */
  record Outcome(String answer, String errorType, String errorMessage, String log, Duration took) {

    boolean isGood() {
      return answer != null;
    }

    JsonNode json() {
      return JSON.readTree(answer);
    }
  }

  private record Event(String id, String json, Duration limit) {}

  private record Told(String path, String body) {}

  private final RecordingServer api;
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final BlockingQueue<Told> told = new LinkedBlockingQueue<>();
  private final AtomicInteger invocations = new AtomicInteger();
  private final Process process;
  private final Path log;

  /**
   * Starts the process; its first invocation is a cold one.
   *
   * @param unpacked zip; a file with the log is put beside it
   * @param variables besides those of Lambda; with the address of credentials, as SnapStart has it,
   *     these are not in the environment
   */
  LambdaRuntime(Path unpacked, String handler, Map<String, String> variables) throws IOException {
    Path nativeClient = nativeClient(unpacked);
    api = RecordingServer.of(this::answer);
    log = Files.createTempFile(unpacked.getParent(), "lambda", ".log");
    ProcessBuilder builder =
        new ProcessBuilder(
            ProcessHandle.current().info().command().orElse("java"),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-D" + NATIVE_CLIENT + "=" + nativeClient,
            "--enable-native-access=ALL-UNNAMED",
            "-classpath",
            classPath(unpacked),
            AWSLambda.class.getName(),
            handler);
    Project.setOnly(builder, Patience.with(environment(unpacked, handler, variables)));
    process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    process.getOutputStream().close();
    process
        .onExit()
        .thenAccept(ended -> told.add(new Told("exit", "ended with " + ended.exitValue())));
  }

  /**
   * Puts the client's native part beside the zip. The client itself would write it to the same file
   * in every process, and a process that has loaded it crashes then.
   */
  private static Path nativeClient(Path unpacked) throws IOException {
    assumeTrue("Linux".equals(System.getProperty("os.name")), "Lambda's client needs Linux");
    String architecture = System.getProperty("os.arch").equals("aarch64") ? "aarch_64" : "x86_64";
    boolean isMusl = Files.exists(Path.of("/etc/alpine-release"));
    Path library = unpacked.resolveSibling("client.so");
    if (Files.notExists(library)) {
      String name = "/jni/libaws-lambda-jni.linux%s-%s.so";
      try (InputStream packed =
          AWSLambda.class.getResourceAsStream(
              name.formatted(isMusl ? "_musl" : "", architecture))) {
        Files.copy(packed, library);
      }
    }
    return library;
  }

  /** Lambda's client stands before what the zip holds. */
  private static String classPath(Path unpacked) throws IOException {
    Stream<String> client =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(jar -> Path.of(jar).getFileName().toString().startsWith("aws-lambda-java-"));
    try (Stream<Path> jars = Files.list(unpacked.resolve("lib"))) {
      return Stream.concat(client, jars.map(Path::toString).sorted())
          .collect(Collectors.joining(File.pathSeparator));
    }
  }

  private Map<String, String> environment(Path unpacked, String handler, Map<String, String> own) {
    Map<String, String> variables = new HashMap<>();
    variables.put("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:" + api.port());
    variables.put("_HANDLER", handler);
    variables.put("LAMBDA_TASK_ROOT", unpacked.toString());
    variables.put("LAMBDA_RUNTIME_DIR", "/var/runtime");
    variables.put("AWS_EXECUTION_ENV", "AWS_Lambda_java25");
    variables.put("AWS_LAMBDA_FUNCTION_NAME", "function");
    variables.put("AWS_LAMBDA_FUNCTION_VERSION", "1");
    variables.put("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024");
    variables.put("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    variables.put("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/function");
    variables.put("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/26/[1]0");
    variables.put("AWS_REGION", "us-west-2");
    variables.put("AWS_DEFAULT_REGION", "us-west-2");
    if (!own.containsKey("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
      variables.put("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE");
      variables.put("AWS_SECRET_ACCESS_KEY", "s3cret-of-the-function");
      variables.put("AWS_SESSION_TOKEN", "s3cret-token-of-the-function");
    }
    variables.put("LANG", "en_US.UTF-8");
    variables.put("PATH", "/usr/local/bin:/usr/bin:/bin");
    variables.put("TZ", ":UTC");
    variables.putAll(own);
    return variables;
  }

  // ---- what a test asks for

  /** Invokes it with a minute of time. */
  Outcome invoke(String event) {
    return invoke(event, PATIENCE);
  }

  /**
   * Invokes it.
   *
   * @param limit the function's Timeout
   */
  Outcome invoke(String event, Duration limit) {
    long start = System.nanoTime();
    if (invocations.get() == 0) {
      expectIdle();
    }
    int before = logged().length();
    String id = "request-" + invocations.incrementAndGet();
    events.add(new Event(id, event, limit));
    Told end = next();
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    expectIdle();
    String text = logged().substring(before);
    if (end.path().equals("invocation/" + id + "/response")) {
      return new Outcome(end.body(), null, null, text, took);
    } else if (end.path().equals("invocation/" + id + "/error")) {
      JsonNode error = JSON.readTree(end.body());
      return new Outcome(
          null,
          error.path("errorType").asString(null),
          error.path("errorMessage").asString(null),
          text,
          took);
    }
    throw new AssertionError(end + "\n" + text);
  }

  /** Waits until it asks for the next event: all of its log is written then. */
  private void expectIdle() {
    Told now = next();
    if (!now.path().equals(NEXT)) {
      throw new AssertionError(now + "\n" + logged());
    }
  }

  private Told next() {
    try {
      Told next = told.poll(PATIENCE.plusSeconds(10).toSeconds(), TimeUnit.SECONDS);
      if (next == null) {
        throw new AssertionError("nothing came back\n" + logged());
      }
      return next;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted\n" + logged(), e);
    }
  }

  /** All that the process has printed. */
  String logged() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    try {
      process.onExit().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    api.close();
    Files.deleteIfExists(log);
  }

  // ---- the Runtime API

  private void answer(Exchange exchange) throws IOException, InterruptedException {
    Exchange.Request request = exchange.request();
    String path = request.path().substring(API.length());
    if (path.equals(NEXT)) {
      told.add(new Told(path, ""));
      Event event = events.take();
      Reply.json(
              event.json(),
              "Lambda-Runtime-Aws-Request-Id: " + event.id(),
              "Lambda-Runtime-Deadline-Ms: "
                  + (System.currentTimeMillis() + event.limit().toMillis()),
              "Lambda-Runtime-Invoked-Function-Arn:"
                  + " arn:aws:lambda:us-west-2:123456789012:function:function:live",
              "Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793",
              "Content-Type: application/json")
          .send(exchange);
    } else {
      told.add(new Told(path, request.text()));
      Reply.answer(202, "{\"status\":\"OK\"}").send(exchange);
    }
  }
}
