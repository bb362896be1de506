///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of uptake_health with that of Python.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Programs.java
//SOURCES Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Compares time and memory of uptake_health with those of {@code uptake.py}.
 *
 * <p>The embedded server answers like Redash. Every run must print a line for each source.
 */
@Command(
    name = "uptake",
    description = "Compare the speed of uptake_health with that of Python.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class uptake implements Callable<Integer> {

  private static final String PATH = "/api/queries/61352/results.json";

  @Mixin private Programs.Settings measured;

  @Option(names = "--sources", description = "How many sources the result has.")
  private int sources = 400;

  @Option(names = "--html", description = "File into which uptake_health also writes its page.")
  private Path html;

  public static void main(String[] args) {
    System.exit(new CommandLine(new uptake()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Peers.KINTO.prepare();
    Path python = Peers.KINTO.path();
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().start()) {
      server.answer(PATH, 200, "application/json", result());
      String url = server.url().resolve(PATH).toString();
      Map<String, String> settings = new HashMap<>();
      settings.put("REDASH_API_QUERY_URL", url);
      settings.put("REDASH_API_KEY", "key-of-the-benchmark");
      if (html != null) {
        settings.put("HTML", html.toAbsolutePath().toString());
      }
      Path script = Project.root().resolve("bench/uptake.py");
      new Programs(python, settings, "main/source-.*%", sources)
          .ours("uptake_health", measured.variants)
          .add("Python", List.of(python.toString(), script.toString(), url))
          .run(measured.runs)
          .print("%d sources; medians of %d runs, range of wall".formatted(sources, measured.runs));
    }
    return 0;
  }

  /** The result of an uptake query for yesterday. */
  private String result() {
    Random random = new Random(1);
    long now = Instant.now().getEpochSecond();
    ObjectNode result = JsonMapper.shared().createObjectNode();
    ArrayNode rows = result.putObject("query_result").putObject("data").putArray("rows");
    for (int i = 0; i < sources; i++) {
      ObjectNode row = rows.addObject().put("source", "main/source-%04d".formatted(i));
      row.put("min_timestamp", now - 86_400).put("max_timestamp", now - 1);
      row.put("success", 10_000 + random.nextInt(100_000));
      row.put("up_to_date", 1_000_000 + random.nextInt(1_000_000));
      for (String error : List.of("network", "sync", "apply", "parse", "content", "signature")) {
        row.put(error + "_error", random.nextInt(2_000));
      }
    }
    return result.toString();
  }
}
