///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of backport_records with that of Python and kinto-http.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Programs.java
//SOURCES Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Signoff.java
//SOURCES ../server/Store.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.nio.file.Path;
import java.time.Duration;
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
 * Compares time and memory of backport_records with those of {@code backport.py}.
 *
 * <p>Both copy a collection of the embedded server to another one, which is emptied before each
 * run. Every run must report the creation of every record.
 */
@Command(
    name = "backport",
    description = "Compare the speed of backport_records with that of Python and kinto-http.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class backport implements Callable<Integer> {

  private static final String BUCKET = "backports"; // unknown to the signer
  private static final String SOURCE = "source";
  private static final String DESTINATION = "destination";

  @Mixin private Programs.Settings measured;

  @Option(names = "--records", description = "How many records to create.")
  private int records = 10_000;

  @Option(names = "--signed", description = "Copy to a signed source, and request a review.")
  private boolean signed;

  @Option(names = "--latency", description = "Delay before each answer, in milliseconds.")
  private int latency;

  public static void main(String[] args) {
    System.exit(new CommandLine(new backport()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Peers.KINTO.prepare();
    Path python = Peers.KINTO.path();
    String bucket = signed ? "main-workspace" : BUCKET;
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder().latency(Duration.ofMillis(latency)).start()) {
      server.bucket(BUCKET);
      server.create(BUCKET, SOURCE);
      Random random = new Random(0);
      for (int i = 0; i < records; i++) {
        String id = new UUID(random.nextLong(), random.nextLong()).toString();
        server.store().put(BUCKET, SOURCE, Programs.record(id, measured.bytes, random));
      }
      String url = server.url().toString();
      Map<String, String> settings =
          Map.of(
              "SERVER", url,
              "AUTH", "editor:editor",
              "BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor",
              "BACKPORT_RECORDS_SOURCE_BUCKET", BUCKET,
              "BACKPORT_RECORDS_SOURCE_COLLECTION", SOURCE,
              "BACKPORT_RECORDS_DEST_BUCKET", bucket,
              "BACKPORT_RECORDS_DEST_COLLECTION", DESTINATION);
      Path script = Project.root().resolve("bench/backport.py");
      new Programs(python, settings, "Batch #\\d+: PUT \\S+ - 201 ?", records)
          .before(() -> empty(server, bucket))
          .ours("backport_records", measured.variants)
          .add(
              "Python",
              List.of(
                  python.toString(),
                  script.toString(),
                  url,
                  BUCKET + "/" + SOURCE,
                  bucket + "/" + DESTINATION))
          .run(measured.runs)
          .print(
              "%d records × %d bytes to %s, %d ms; medians of %d runs, range of wall"
                  .formatted(
                      records,
                      measured.bytes,
                      signed ? "a signed source" : "an unsigned collection",
                      latency,
                      measured.runs));
    }
    return 0;
  }

  /** Empties the destination, and removes its published copies. */
  private static void empty(RemoteSettingsServer server, String bucket) {
    for (String one : List.of(bucket, "main-preview", "main")) {
      if (server.store().find(one, DESTINATION).isPresent()) {
        server.store().drop(one, DESTINATION);
      }
    }
    server.create(bucket, DESTINATION);
  }
}
