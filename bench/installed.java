///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of the installed commands with that of the scripts through ./jbang.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures how long a user waits for each command on the sample content of the embedded server:
 * installed, and through the start script.
 */
@Command(
    name = "installed",
    description =
        "Compare the speed of the installed commands with that of the scripts through ./jbang.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class installed implements Callable<Integer> {

  @Option(names = "--runs", description = "How often to measure each command.")
  private int runs = 9;

  /**
   * A command line to measure.
   *
   * @param about its input, for the table
   * @param exit expected exit code
   */
  private record Line(String command, String about, int exit, List<String> arguments) {}

  public static void main(String[] args) {
    System.exit(new CommandLine(new installed()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    Path folder = Files.createTempDirectory("bench-");
    Path installed = folder.resolve("bin");
    String jbang = Project.root().resolve("jbang").toString();
    run(0, List.of(jbang, "install", installed), Map.of());
    List<Line> lines =
        List.of(
            new Line("validate_signature", "19 collections", 0, List.of()),
            new Line("refresh_signature", "the same, `--dry-run`", 0, List.of("--dry-run")),
            new Line("consistency_checks", "10 sources", 0, List.of()),
            new Line(
                "backport_records",
                "8 records, `--dry-run`",
                0,
                List.of("--create-destination", "--dry-run")),
            new Line("validate_changes_collection", "19 collections", 0, List.of()),
            new Line(
                "blockpages_generator",
                "21 pages, to a folder",
                0,
                List.of("--target-dir", folder.toString())),
            new Line(
                "uptake_health", "15 sources", 1, List.of("--input", "server/sample/uptake.json")));
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Map<String, String> settings =
          Map.of(
              "SERVER", server.url().toString(),
              "AUTH", "editor:editor",
              "REFRESH_SIGNATURE_AUTH", "editor:editor",
              "BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor",
              "BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/bench");
      System.out.printf(
          "Seconds from start to end, medians of %d runs, on %s, Java %s, %d processors%n%n",
          runs,
          LocalDate.now(ZoneOffset.UTC),
          Runtime.version(),
          Runtime.getRuntime().availableProcessors());
      System.out.println("| command | on the sample | installed | through `./jbang` |");
      System.out.println("|---|---|---|---|");
      for (Line line : lines) {
        String alone = installed.resolve(line.command()).toString();
        String script = line.command() + ".java";
        double[] fast = new double[runs];
        double[] slow = new double[runs];
        once(line, settings, List.of(jbang, script)); // builds it
        once(line, settings, List.of(alone));
        for (int run = 0; run < runs; run++) {
          fast[run] = once(line, settings, List.of(alone));
          slow[run] = once(line, settings, List.of(jbang, script));
        }
        System.out.printf(
            Locale.ROOT,
            "| `%s` | %s | %.2f | %.2f |%n",
            line.command(),
            line.about(),
            median(fast),
            median(slow));
      }
    }
    return 0;
  }

  private static double once(Line line, Map<String, String> settings, List<String> start) {
    List<Object> command = new ArrayList<>(start);
    command.addAll(line.arguments());
    return run(line.exit(), command, settings);
  }

  /** Runs a command, checks its exit code, and returns the seconds that it took. */
  private static double run(int exit, List<Object> command, Map<String, String> settings) {
    Project.Run run = Project.run(command.toArray()).in(Project.root());
    settings.forEach(run::env);
    long begin = System.nanoTime();
    Project.Outcome outcome = run.go();
    double seconds = (System.nanoTime() - begin) / 1e9;
    if (outcome.exit() != exit) {
      throw new IllegalStateException(command + " exited with " + outcome);
    }
    return seconds;
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}
