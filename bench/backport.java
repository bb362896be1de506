///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Measure backport_records beside Python with kinto-http.
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
 * How long backport_records takes, what it costs, and how that compares.
 *
 * <p>The embedded server holds a collection of records and another one, emptied before each run,
 * which is to be made equal. The command and {@code backport.py} do that in turn; every run has to
 * say of every record that it is created.
 */
@Command(
    name = "backport",
    description = "Measure backport_records beside Python with kinto-http.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class backport implements Callable<Integer> {

  private static final String BUCKET = "backports"; // no signed resource's
  private static final String SOURCE = "source";
  private static final String DESTINATION = "destination";

  @Mixin private Programs.Settings measured;

  @Option(names = "--records", description = "How many records are to be created.")
  private int records = 10_000;

  @Option(
      names = "--signed",
      description = "Copy to a signed source, for which a review is asked then.")
  private boolean signed;

  @Option(
      names = "--latency",
      description = "Milliseconds that pass before each answer, as on a network.")
  private int latency;

  public static void main(String[] args) {
    System.exit(new CommandLine(new backport()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Peers.prepare(System.err::println);
    Path python = Peers.kinto();
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

  /** The destination, and what is published of it, as they were before the first run. */
  private static void empty(RemoteSettingsServer server, String bucket) {
    for (String one : List.of(bucket, "main-preview", "main")) {
      if (server.store().find(one, DESTINATION).isPresent()) {
        server.store().drop(one, DESTINATION);
      }
    }
    server.create(bucket, DESTINATION);
  }
}
