//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../backport_records.java
//SOURCES KintoClient.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A run that ends anywhere, by SIGKILL or a power cut, is finished by the next one: nothing is
 * missing, nothing is done twice.
 */
class BackportCrashTest {

  private static final int AT_ONCE = 2;
  private static final int KILLED = 128 + 9; // by SIGKILL
  private static final String IN_SYNC = "Records are in sync. Nothing to do.\n";

  @TempDir static Path folder;

  /**
   * Where the records of {@code origin/things} are copied to.
   *
   * @see #server
   */
  private enum Destination {
    UNSIGNED("backup", "things", "Done. 6 changes applied.\n"),
    AUTO_APPROVED("main-workspace", "auto", "Done. 6 changes applied and signed.\n"),
    REVIEWED("main-workspace", "things", "Done. Requested review for 6 changes.\n");

    private final String bucket;
    private final String collection;
    private final String done;

    Destination(String bucket, String collection, String done) {
      this.bucket = bucket;
      this.collection = collection;
      this.done = done;
    }

    boolean isSigned() {
      return this != UNSIGNED;
    }
  }

  /**
   * What a run leaves.
   *
   * @param records by collection and id, without their timestamps
   * @param status of the destination, and who did what
   */
  private record State(Map<String, Map<String, JsonNode>> records, Map<String, String> status) {

    static State of(RemoteSettingsServer server, Destination destination) {
      Map<String, Map<String, JsonNode>> records = new TreeMap<>();
      records.put("source", records(server, "origin", "things"));
      records.put("destination", records(server, destination.bucket, destination.collection));
      if (destination.isSigned()) {
        records.put("preview", records(server, "main-preview", destination.collection));
        records.put("published", records(server, "main", destination.collection));
      }
      Map<String, String> status = new TreeMap<>();
      for (Map.Entry<String, JsonNode> one : attributes(server, destination).properties()) {
        if (one.getKey().equals("status") || one.getKey().endsWith("_by")) {
          status.put(one.getKey(), one.getValue().asString());
        }
      }
      return new State(records, status);
    }

    private static Map<String, JsonNode> records(
        RemoteSettingsServer server, String bucket, String collection) {
      Map<String, JsonNode> records = new TreeMap<>();
      for (ObjectNode record : server.store().get(bucket, collection).records()) {
        JsonNode content = record.deepCopy().remove(List.of("last_modified"));
        records.put(content.path("id").asString(), content);
      }
      return records;
    }
  }

  /** A run to the end, which others are compared with. */
  private record Undisturbed(int requests, List<String> writes, State state) {}

  @ParameterizedTest
  @EnumSource
  void a_run_that_is_killed_after_any_request_is_finished_by_the_next(Destination destination)
      throws Exception {
    Undisturbed undisturbed = undisturbed(destination);
    assertTrue(undisturbed.requests() >= 10, undisturbed::toString);
    List<Callable<Void>> runs = new ArrayList<>();
    IntStream.rangeClosed(1, undisturbed.requests())
        .forEach(request ->
            runs.add(() -> {
              killedAfter(request, destination, undisturbed);
              return null;
            }));
    try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
      assertAll(threads.invokeAll(runs).stream().map(BackportCrashTest::result));
    }
  }

  private static Executable result(Future<Void> run) {
    return () -> {
      try {
        run.get();
      } catch (ExecutionException e) {
        throw e.getCause();
      }
    };
  }

  private static Undisturbed undisturbed(Destination destination) throws Exception {
    try (RemoteSettingsServer server = server(destination)) {
      Process process = start(server, destination);
      try {
        String output = ended(process);
        assertEquals(0, process.exitValue(), output);
        assertTrue(output.contains(destination.done), output);
      } finally {
        process.destroyForcibly();
      }
      int requests = server.requests().size();
      List<String> writes = writes(server);
      State state = State.of(server, destination);
      assertEquals(state.records().get("source"), state.records().get("destination"));
      assertEquals(destination.isSigned() ? 7 : 6, writes.size(), writes::toString);
      return new Undisturbed(requests, writes, state);
    }
  }

  /** Kills a run when that request is carried out, before its answer is sent; runs it again. */
  private static void killedAfter(int request, Destination destination, Undisturbed undisturbed)
      throws Exception {
    try (RemoteSettingsServer server = server(destination)) {
      AtomicInteger done = new AtomicInteger();
      CompletableFuture<Process> started = new CompletableFuture<>();
      server.after(
          "",
          _ -> {
            if (done.incrementAndGet() == request) {
              // by its handle: the process itself would close what it has printed, too
              ProcessHandle process = started.join().toHandle();
              process.destroyForcibly();
              process.onExit().join();
            }
          });
      Process process = start(server, destination);
      started.complete(process);
      String where = "killed after request %d of %d".formatted(request, undisturbed.requests());
      try {
        String output = ended(process);
        assertEquals(KILLED, process.exitValue(), () -> where + "\n" + output);
      } finally {
        process.destroyForcibly();
      }
      assertEquals(request, server.requests().size(), where);
      int written = writes(server).size();
      boolean isDone = written == undisturbed.writes().size();
      ObjectNode attributes = attributes(server, destination);

      Terminal.Outcome next = again(server, destination);
      assertEquals(0, next.exit(), () -> where + "\n" + next);
      assertEquals(isDone, next.stdout().equals(IN_SYNC), () -> where + "\n" + next);
      assertEquals(undisturbed.state(), State.of(server, destination), where);
      assertEquals(undisturbed.writes(), writes(server), where + ": each thing was done once");
      if (isDone) {
        assertEquals(attributes, attributes(server, destination), where);
      }

      Terminal.Outcome third = again(server, destination);
      assertEquals(IN_SYNC, third.stdout(), () -> where + "\n" + third);
      assertEquals(undisturbed.writes(), writes(server), where + ": nothing was left to do");
    }
  }

  // ---- what the tests are made of

  /**
   * A server that takes one change at a time. Of the destination's records, two are to be made, two
   * to be changed and two to be deleted; as they are, they are published where that is done at all.
   */
  private static RemoteSettingsServer server(Destination destination) throws IOException {
    RemoteSettingsServer server =
        RemoteSettingsServer.builder()
            .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
            .batchMaxRequests(1)
            .start();
    server.bucket("origin");
    for (String record : List.of("new-1", "new-2", "changed-1", "changed-2", "same")) {
      server.put(
          "origin", "things", "{\"id\":\"%s\",\"text\":\"é\",\"x\":[1,{}]}".formatted(record));
    }
    if (!destination.isSigned()) {
      server.bucket("backup");
    }
    server.put(
        destination.bucket,
        destination.collection,
        "{\"id\":\"same\",\"text\":\"é\",\"x\":[1,{}]}");
    for (String record : List.of("changed-1", "changed-2", "old-1", "old-2")) {
      server.put(destination.bucket, destination.collection, "{\"id\":\"%s\"}".formatted(record));
    }
    KintoClient client = new KintoClient(server.url());
    if (destination == Destination.REVIEWED) {
      client.status("editor", destination.bucket, destination.collection, "to-review");
      client.status("reviewer", destination.bucket, destination.collection, "to-sign");
    } else if (destination == Destination.AUTO_APPROVED) {
      client.status("editor", destination.bucket, destination.collection, "to-sign");
    }
    server.forgetRequests();
    return server;
  }

  private static ObjectNode attributes(RemoteSettingsServer server, Destination destination) {
    return server.store().get(destination.bucket, destination.collection).metadata();
  }

  /** Everything that asked for a change so far; all of that was carried out. */
  private static List<String> writes(RemoteSettingsServer server) {
    return server.requests().stream()
        .filter(request -> !request.method().equals("GET"))
        .map(request ->
            "%s %s %s"
                .formatted(
                    request.method(),
                    request.target(),
                    new String(request.body(), StandardCharsets.UTF_8)
                        .replaceAll("\\b[12]\\d{12}\\b", "TIMESTAMP")))
        .toList();
  }

  /** What the command is told by its environment. */
  private static Map<String, String> settings(
      RemoteSettingsServer server, Destination destination) {
    return Map.of(
        "SERVER", server.url().toString(),
        "REQUESTS_TIMEOUT_SECONDS", "30",
        "BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor",
        "BACKPORT_RECORDS_SOURCE_BUCKET", "origin",
        "BACKPORT_RECORDS_SOURCE_COLLECTION", "things",
        "BACKPORT_RECORDS_DEST_BUCKET", destination.bucket,
        "BACKPORT_RECORDS_DEST_COLLECTION", destination.collection);
  }

  private static Terminal.Outcome again(RemoteSettingsServer server, Destination destination) {
    Terminal terminal = new Terminal();
    settings(server, destination).forEach(terminal::set);
    return terminal.run(new backport_records());
  }

  /**
   * Starts the command as its header says, without JBang. The first run to the end leaves its
   * classes in an archive, with which the others start in a third of the time.
   */
  private static Process start(RemoteSettingsServer server, Destination destination)
      throws IOException {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(runtimeOptions());
    Path archive = folder.resolve("classes.aot");
    String option = Files.exists(archive) ? "-XX:AOTCache=" : "-XX:AOTCacheOutput=";
    line.addAll(List.of("-Xlog:disable", option + archive));
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), "backport_records"));
    // there a JVM that crashes leaves its report, which it may when it makes an archive
    ProcessBuilder builder =
        new ProcessBuilder(line).redirectErrorStream(true).directory(folder.toFile());
    Project.setOnly(builder, settings(server, destination));
    return builder.start();
  }

  private static List<String> runtimeOptions() throws IOException {
    String directive = "//RUNTIME_OPTIONS ";
    return Files.readAllLines(Project.root().resolve("backport_records.java")).stream()
        .filter(line -> line.startsWith(directive))
        .flatMap(line -> List.of(line.substring(directive.length()).split(" ")).stream())
        .toList();
  }

  /** Waits for the end of a process, and returns what it has printed. */
  private static String ended(Process process) throws IOException, InterruptedException {
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(5, TimeUnit.MINUTES), output);
    return output;
  }
}
