import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** What was measured, and how it is shown. Nothing here runs anything. */
record Measurements(List<Comparison> comparisons) {

  /**
   * Programs that do the same work.
   *
   * @param id names it for goals and the chart
   * @param title says what the programs do, and with how much
   * @param costs of each program, in the order in which they are shown
   */
  record Comparison(String id, String title, Map<String, List<Cost>> costs) {}

  /**
   * The cost of one run, with all processes that it started and waited for.
   *
   * @param wall seconds from start to end
   * @param cpu seconds, of user and system
   * @param peak the largest resident size of one process, in MiB
   * @param requests that servers received
   * @param bytes that servers sent
   */
  record Cost(double wall, double cpu, double peak, long requests, long bytes) {}

  /** The median of a quantity; not a number if that was not measured. */
  double median(String id, String program, ToDoubleFunction<Cost> of) {
    return comparisons.stream()
        .filter(comparison -> comparison.id().equals(id))
        .map(comparison -> median(comparison.costs().getOrDefault(program, List.of()), of))
        .findFirst()
        .orElse(Double.NaN);
  }

  /** The median of wall time in seconds; not a number if that was not measured. */
  double wall(String id, String program) {
    return median(id, program, Cost::wall);
  }

  static double median(List<Cost> costs, ToDoubleFunction<Cost> of) {
    double[] sorted = costs.stream().mapToDouble(of).sorted().toArray();
    int middle = sorted.length / 2;
    if (sorted.length == 0) {
      return Double.NaN;
    }
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  static double least(List<Cost> costs) {
    return costs.stream().mapToDouble(Cost::wall).min().orElse(Double.NaN);
  }

  static double most(List<Cost> costs) {
    return costs.stream().mapToDouble(Cost::wall).max().orElse(Double.NaN);
  }

  /** A heading and a Markdown table. */
  static String table(Comparison comparison) {
    List<String> lines = new ArrayList<>();
    lines.add("### " + comparison.title() + "\n");
    lines.add("| program | wall s | range | CPU s | peak MiB | requests | KiB received |");
    lines.add("|---|---|---|---|---|---|---|");
    comparison
        .costs()
        .forEach((program, costs) ->
            lines.add(
                String.format(
                    Locale.ROOT,
                    "| %s | %.2f | %.2f–%.2f | %.2f | %.0f | %,.0f | %,.0f |",
                    program,
                    median(costs, Cost::wall),
                    least(costs),
                    most(costs),
                    median(costs, Cost::cpu),
                    median(costs, Cost::peak),
                    median(costs, Cost::requests),
                    median(costs, cost -> cost.bytes() / 1024.0))));
    return String.join("\n", lines) + "\n";
  }

  /**
   * Replaces what is between two lines of a page.
   *
   * @throws IllegalArgumentException if the page lacks one of them
   */
  static String between(String page, String first, String last, String content) {
    int start = page.indexOf(first + "\n");
    int end = page.indexOf(last + "\n", start);
    if (start < 0 || end < 0) {
      throw new IllegalArgumentException("the page lacks " + first + " … " + last);
    }
    return page.substring(0, start + first.length())
        + "\n\n"
        + content
        + "\n"
        + page.substring(end);
  }

  /** A number without needless digits: seconds, ratios and speeds side by side. */
  static String shown(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.0f", value);
  }
}
