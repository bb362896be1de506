///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of the commands with that of Python and Go.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../deploy/Project.java Chart.java Comparisons.java Goals.java Peers.java Measurements.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Compares time and memory of the commands with those of programs in other languages that do the
 * same work.
 */
@Command(
    name = "bench",
    description = {
      "Compare the speed of the commands with that of Python and Go.",
      "With --all, bench/README.md and bench/results.svg get the results."
    },
    mixinStandardHelpOptions = true)
public class bench implements Callable<Integer> {

  /** The names of comparisons; most are those of commands. */
  private static final List<String> NAMES =
      List.of(
          "help",
          "sample",
          "validate_signature",
          "scale",
          "consistency_checks",
          "validate_changes_collection",
          "backport_records",
          "blockpages_generator",
          "uptake_health");

  /** The comparisons of the chart, and what they are called there. */
  private static final Map<String, String> CHART =
      Map.of(
          "24", "validate_signature, 24 collections of 30 records",
          "400", "validate_signature, 400 collections of 500 records (60 MB)",
          "consistency_checks", "consistency_checks, 200 collections of 500 records",
          "validate_changes_collection",
              "validate_changes_collection, 200 collections of 500 records",
          "backport_records", "backport_records, 10,000 creations",
          "blockpages_generator", "blockpages_generator, 10,000 records",
          "uptake_health", "uptake_health, 400 sources");

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "COMPARISON",
      description =
          "Any of: help, sample, validate_signature, scale, consistency_checks,"
              + " validate_changes_collection, backport_records, blockpages_generator,"
              + " uptake_health.")
  private List<String> names = List.of();

  @Option(names = "--all", description = "Run all comparisons, in the sizes that the goals name.")
  private boolean isAll;

  @Option(
      names = "--runs",
      description = "How often each program is measured. Default: ${DEFAULT-VALUE}.",
      defaultValue = "5")
  private int runs;

  @Option(
      names = "--collections",
      description = "How many collections there are. Default: 24; 200 for two of the checks.")
  private Integer collections;

  @Option(
      names = "--records",
      description =
          "How many records each of them has, or how many sources. Default: 30, 500, 10000 or 400.")
  private Integer records;

  @Option(
      names = "--bytes",
      description = "Approximate size of a record as JSON, in bytes. Default: ${DEFAULT-VALUE}.",
      defaultValue = "300")
  private int bytes;

  @Option(
      names = "--workers",
      description = "Requests in flight, of each program. Default: ${DEFAULT-VALUE}.",
      defaultValue = "4")
  private int workers;

  @Option(
      names = "--latency",
      description =
          "Delay before each answer of the embedded server, in milliseconds. Default:"
              + " ${DEFAULT-VALUE}.",
      defaultValue = "0")
  private int latency;

  @Option(
      names = "--note",
      paramLabel = "TEXT",
      description = "A sentence for readers of the results, such as what else ran meanwhile.")
  private String note;

  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new bench()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    if (isAll != names.isEmpty() || !NAMES.containsAll(names)) {
      throw refused("--all or at least one of: " + String.join(", ", NAMES));
    }
    if (isAll && (collections != null || records != null || bytes != 300 || latency != 0)) {
      throw refused("--all has the sizes that the goals name");
    }
    if (runs < 1) {
      throw refused("--runs: at least 1");
    }
    List<Measurements.Comparison> compared = new ArrayList<>();
    String circumstances;
    int exit = 0;
    try (Comparisons comparisons = new Comparisons(runs, workers, Duration.ofMillis(latency))) {
      circumstances = comparisons.circumstances() + (note == null ? "" : " " + note);
      for (String name : isAll ? NAMES : names) {
        try {
          compare(comparisons, name, compared);
        } catch (IllegalStateException e) { // what the others showed is not lost
          System.err.println("bench: error: " + name + ": " + e.getMessage());
          exit = 1;
        }
      }
    }
    String tables = compared.stream().map(Measurements::table).collect(Collectors.joining("\n"));
    if (isAll) {
      write(new Measurements(compared), circumstances, tables);
    } else {
      System.out.print(circumstances + "\n\n" + tables);
    }
    return exit;
  }

  /** Runs a comparison, or several of that name, and adds what it showed. */
  private void compare(Comparisons comparisons, String name, List<Measurements.Comparison> to)
      throws IOException {
    switch (name) {
      case "help" -> to.add(comparisons.help());
      case "sample" -> to.add(comparisons.sample());
      case "validate_signature" -> {
        comparisons.findOneBadSignature();
        to.add(comparisons.validateSignature("24", size(24, 30)));
        if (isAll) {
          to.add(comparisons.validateSignature("400", size(400, 500)));
          to.add(comparisons.validateSignature("single", size(1, 333_333))); // 100 MB
        }
      }
      case "scale" -> to.add(comparisons.scale());
      case "consistency_checks" -> to.add(comparisons.consistencyChecks(size(200, 500)));
      case "validate_changes_collection" ->
          to.add(comparisons.validateChangesCollection(size(200, 500)));
      case "backport_records" -> to.add(comparisons.backportRecords(size(1, 10_000)));
      case "blockpages_generator" ->
          to.add(comparisons.blockpagesGenerator(size(1, 10_000).records()));
      default -> to.add(comparisons.uptakeHealth(size(1, 400).records()));
    }
  }

  private Comparisons.Size size(int usualCollections, int usualRecords) {
    return new Comparisons.Size(
        collections == null ? usualCollections : collections,
        records == null ? usualRecords : records,
        bytes);
  }

  private static void write(Measurements measured, String circumstances, String tables)
      throws IOException {
    Path page = Project.root().resolve("bench/README.md");
    Files.writeString(
        page,
        Measurements.between(
            Files.readString(page),
            "<!-- results of --all -->",
            "<!-- end of results -->",
            "%s\n\n%s\n%s".formatted(circumstances, Goals.table(Goals.ALL, measured), tables)));
    Files.writeString(
        page.resolveSibling("results.svg"),
        Chart.svg(
            measured,
            CHART,
            List.of(Goals.INSTALLED, Goals.THROUGH_JBANG, Goals.GO, Goals.PYTHON),
            "Seconds from start to end: median, and a line from the fastest to the slowest run. "
                + "Each group has its own scale. "
                + circumstances));
    System.out.print(Goals.table(Goals.ALL, measured));
  }

  private ParameterException refused(String why) {
    return new ParameterException(spec.commandLine(), why);
  }
}
