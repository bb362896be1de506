//SOURCES Measurements.java

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** How fast the commands shall be, and whether they are. */
final class Goals {

  /** What {@link Comparisons} calls the programs. */
  static final String INSTALLED = "installed";

  static final String THROUGH_JBANG = "through ./jbang";
  static final String PYTHON = "Python";
  static final String LEANEST_PYTHON = "Python, leanest";
  static final String GO = "Go";

  /** The commands, in the order in which tables show them. */
  static final List<String> COMMANDS =
      List.of(
          "validate_signature",
          "refresh_signature",
          "consistency_checks",
          "backport_records",
          "validate_changes_collection",
          "blockpages_generator",
          "uptake_health");

  /**
   * A goal.
   *
   * @param unit stands after the numbers, {@code ×} for a ratio
   * @param seen the quantity; not a number where something that it needs was not measured
   * @param obstacle what stands in the way, as a profile shows it; empty if nothing is known to
   */
  record Goal(
      String text,
      boolean isAtLeast,
      double limit,
      String unit,
      ToDoubleFunction<Measurements> seen,
      String obstacle) {

    Goal {
      if (text.isEmpty() || limit <= 0) {
        throw new IllegalArgumentException(text);
      }
    }

    Goal because(String obstacle) {
      return new Goal(text, isAtLeast, limit, unit, seen, obstacle);
    }

    /** Whether it is met; nobody knows if what is seen is not a number. */
    boolean isMetBy(double seen) {
      return isAtLeast ? seen >= limit : seen <= limit;
    }

    private String row(Measurements measured) {
      double value = seen.applyAsDouble(measured);
      String verdict =
          Double.isNaN(value)
              ? "not measured"
              : isMetBy(value) ? "yes" : obstacle.isEmpty() ? "**no**" : "**no**: " + obstacle;
      return "| %s | %s %s %s | %s | %s |"
          .formatted(
              text,
              isAtLeast ? "≥" : "≤",
              Measurements.shown(limit),
              unit,
              Double.isNaN(value) ? "" : Measurements.shown(value) + " " + unit,
              verdict);
    }
  }

  /**
   * The goals. Seconds are those of a machine on which Python took 0.21 s for 24 collections and Go
   * 4.1 s of CPU for 400, so they are judged as a share of what those take in the same run.
   */
  static final List<Goal> ALL =
      List.of(
          atMost(
              "`./jbang X.java` ÷ installed, worst of the seven on the sample",
              1.25,
              measured -> worst(measured, THROUGH_JBANG, INSTALLED)),
          atMost(
              "`./jbang validate_signature.java` ÷ installed, 24 × 30",
              1.25,
              measured -> ratio(measured, "24", THROUGH_JBANG, INSTALLED)),
          atMost(
                  "installed ÷ Python, 24 × 30",
                  1.0,
                  measured -> ratio(measured, "24", INSTALLED, PYTHON))
              .because(
                  "0.6 s of CPU on two cores: compiling takes a third of it, cold code another, the"
                      + " start of Java a tenth"),
          atMost(
                  "`--help`, installed ÷ Python's 24 × 30 (0.1 s ÷ 0.21 s)",
                  0.1 / 0.21,
                  measured -> measured.wall("help", INSTALLED) / measured.wall("24", PYTHON))
              .because("the start of Java, and picocli, which reads annotations"),
          atMost(
                  "slowest of the seven on the sample, installed ÷ Python's 24 × 30 (0.25 ÷ 0.21"
                      + " s)",
                  0.25 / 0.21,
                  measured -> slowest(measured) / measured.wall("24", PYTHON))
              .because("three of the seven, as above"),
          atMost(
                  "installed ÷ Go, 400 × 500",
                  0.6,
                  measured -> ratio(measured, "400", INSTALLED, GO))
              .because(
                  "a tenth of the CPU time is start-up, a quarter interpreting and compiling; Go's"
                      + " code is compiled before"),
          atMost(
                  "CPU of installed ÷ Go's, 400 × 500 (2.5 s ÷ 4.1 s)",
                  2.5 / 4.1,
                  measured ->
                      measured.median("400", INSTALLED, Measurements.Cost::cpu)
                          / measured.median("400", GO, Measurements.Cost::cpu))
              .because(
                  "as above; `lean.go` takes less than the Go program of the goal did (4.1 s)"),
          new Goal(
              "peak of installed, 400 × 500",
              false,
              150,
              "MiB",
              measured -> measured.median("400", INSTALLED, Measurements.Cost::peak),
              ""),
          new Goal(
                  "speed of installed with one collection of 100 MB, start-up included",
                  true,
                  60,
                  "MB/s",
                  measured -> megabytes(measured) / measured.wall("single", INSTALLED),
                  "")
              .because("one thread: reading takes 30 %, sorting 330,000 ids 24 %, SHA-384 20 %"),
          atMost(
              "its peak ÷ its size",
              3,
              measured ->
                  measured.median("single", INSTALLED, Measurements.Cost::peak)
                      * 1.048576
                      / megabytes(measured)),
          atMost(
              "wall time per further collection, from 400 to 3,200 ÷ from 50 to 400 (start-up"
                  + " cancels out)",
              1.1,
              measured -> perCollection(measured, 400, 3200) / perCollection(measured, 50, 400)),
          atLeast(
                  "`consistency_checks`, 200 × 500: Python ÷ installed",
                  2,
                  measured -> ratio(measured, "consistency_checks", PYTHON, INSTALLED))
              .because("asks of 600 lists whether they were cut, which Python does not"),
          atLeast(
                  "`validate_changes_collection`, 200 × 500: Python ÷ installed",
                  2,
                  measured -> ratio(measured, "validate_changes_collection", PYTHON, INSTALLED))
              .because(
                  "reads 13 MB of changesets, as clients do, where Python asks HEAD; the first 400"
                      + " requests of Java's client cost 0.6 s of CPU"),
          atMost(
                  "`backport_records`, 10,000 creations: installed ÷ Python",
                  1.0,
                  measured -> ratio(measured, "backport_records", INSTALLED, PYTHON))
              .because(
                  "within the range; reads the destination once more, to see what was applied"),
          atMost(
                  "`blockpages_generator`, 10,000 records: installed ÷ Python",
                  1.0,
                  measured -> ratio(measured, "blockpages_generator", INSTALLED, PYTHON))
              .because(
                  "two thirds more CPU time on two cores: cold code, and each file is written under"
                      + " another name, then moved"),
          atMost(
                  "`uptake_health`, 400 sources: installed ÷ Python",
                  1.5,
                  measured -> ratio(measured, "uptake_health", INSTALLED, PYTHON))
              .because("start-up is three quarters of it"));

  private Goals() {}

  /** The name of a program of the comparison {@code sample}. */
  static String onSample(String command, String program) {
    return "`%s`, %s".formatted(command, program);
  }

  /** The name of a program of the comparison {@code scale}. */
  static String ofScale(int collections) {
    return "%,d collections".formatted(collections);
  }

  /** A Markdown table that says of each goal whether it is met. */
  static String table(List<Goal> goals, Measurements measured) {
    List<String> lines =
        new ArrayList<>(List.of("| goal | limit | seen | met |", "|---|---|---|---|"));
    goals.forEach(goal -> lines.add(goal.row(measured)));
    return String.join("\n", lines) + "\n";
  }

  private static Goal atMost(String text, double limit, ToDoubleFunction<Measurements> seen) {
    return new Goal(text, false, limit, "×", seen, "");
  }

  private static Goal atLeast(String text, double limit, ToDoubleFunction<Measurements> seen) {
    return new Goal(text, true, limit, "×", seen, "");
  }

  private static double ratio(Measurements measured, String id, String program, String other) {
    return measured.wall(id, program) / measured.wall(id, other);
  }

  /** The largest of the ratios of two programs on the sample, over all commands. */
  private static double worst(Measurements measured, String program, String other) {
    return COMMANDS.stream()
        .mapToDouble(command ->
            ratio(measured, "sample", onSample(command, program), onSample(command, other)))
        .reduce(0, Math::max); // which keeps what is not a number
  }

  private static double slowest(Measurements measured) {
    return COMMANDS.stream()
        .mapToDouble(command -> measured.wall("sample", onSample(command, INSTALLED)))
        .reduce(0, Math::max);
  }

  private static double megabytes(Measurements measured) {
    return measured.median("single", INSTALLED, Measurements.Cost::bytes) / 1e6;
  }

  private static double perCollection(Measurements measured, int from, int to) {
    return (measured.wall("scale", ofScale(to)) - measured.wall("scale", ofScale(from)))
        / (to - from);
  }
}
