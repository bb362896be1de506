///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of the commands around signing with that of Python and kinto-http.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Programs.java
//SOURCES Peers.java
//SOURCES Relay.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Signoff.java
//SOURCES ../server/Store.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Compares time and memory of the commands around signing with those of {@code checks.py}.
 *
 * <p>The embedded server has signed collections whose source, preview and destination agree. Every
 * run must find every collection good.
 */
@Command(
    name = "checks",
    description =
        "Compare the speed of the commands around signing with that of Python and kinto-http.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class checks implements Callable<Integer> {

  @Mixin private Programs.Settings measured;

  @Option(names = "--collections", description = "How many signed collections to create.")
  private int collections = 200;

  @Option(names = "--records", description = "How many records each of them holds.")
  private int records = 500;

  @Option(names = "--workers", description = "Requests in flight, of each program.")
  private int workers = 4;

  @Option(names = "--latency", description = "Delay before each answer, in milliseconds.")
  private int latency;

  @CommandLine.Parameters(
      paramLabel = "COMMAND",
      description =
          "Commands to measure: consistency_checks, validate_changes_collection,"
              + " refresh_signature. Default: all.")
  private List<String> commands =
      List.of("consistency_checks", "validate_changes_collection", "refresh_signature");

  public static void main(String[] args) {
    System.exit(new CommandLine(new checks()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Peers.KINTO.prepare();
    Path python = Peers.KINTO.path();
    try (RemoteSettingsServer server =
            RemoteSettingsServer.builder().latency(Duration.ofMillis(latency)).start();
        Relay relay = new Relay(server.url(), Duration.ofMillis(latency))) {
      fill(server);
      System.out.printf(
          "%d signed collections × %d records × %d bytes, %d ms, %d in flight; medians of"
              + " %d runs, range of wall%n%n",
          collections, records, measured.bytes, latency, workers, measured.runs);
      for (String command : commands) {
        measure(command, relay, python);
      }
    }
    return 0;
  }

  private void measure(String command, Relay relay, Path python) throws Exception {
    String url = relay.url().toString();
    Map<String, String> settings = new HashMap<>();
    settings.put("SERVER", url);
    settings.put("PARALLEL_REQUESTS", String.valueOf(workers));
    String good =
        switch (command) {
          case "consistency_checks" -> {
            settings.put("AUTH", "editor:editor");
            yield "main/\\S+ OK";
          }
          case "validate_changes_collection" -> "Etag OK for .*";
          default -> {
            settings.put("REFRESH_SIGNATURE_AUTH", "editor:editor");
            yield ".* Trigger new signature: signed at .*";
          }
        };
    int expected = command.equals("validate_changes_collection") ? 2 * collections : collections;
    Programs programs =
        new Programs(python, settings, good, expected)
            .received(relay::sent)
            .ours(command, measured.variants);
    if (!command.equals("refresh_signature")) {
      Path script = Project.root().resolve("bench/checks.py");
      List<String> one = List.of(python.toString(), script.toString(), command, url);
      List<String> several = new ArrayList<>(one);
      several.add(String.valueOf(workers));
      programs.add("Python, " + workers + " threads", several);
      programs.add("Python", one);
    }
    programs.run(measured.runs).print(command);
  }

  // --- The server ----------------------------------------------------------------------------

  private void fill(RemoteSettingsServer server) {
    for (int i = 0; i < collections; i++) {
      String name = "collection-%04d".formatted(i);
      Signoff.Resource resource = Signoff.of("main-workspace", name).orElseThrow();
      for (String bucket : List.of(resource.source(), resource.preview(), resource.destination())) {
        server.create(bucket, name);
        Random random = new Random(i);
        for (int j = 0; j < records; j++) {
          server
              .store()
              .put(
                  bucket, name, Programs.record(new UUID(i, j).toString(), measured.bytes, random));
        }
      }
      server.sign(resource.preview(), name);
      server.sign(resource.destination(), name);
      server.edit(resource.source(), name, it -> it.put("status", "signed"));
    }
  }
}
