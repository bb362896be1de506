//SOURCES Goals.java Measurements.java

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Draws wall times as horizontal bars, for a page on light or dark ground. */
final class Chart {

  private static final int WIDTH = 760;
  private static final int LEFT = 130; // of the bars; the names of programs end before it
  private static final int LONGEST = 530;
  private static final int ROW = 22;
  private static final int BAR = 14;
  private static final Pattern LINE = Pattern.compile("(.{1,105})(\\s+|$)"); // that fits

  private static final String STYLE =
      """
      text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #15141a }
      .title { font-weight: 600 }
      .quiet, .name { fill: #5b5b66 }
      .name { text-anchor: end }
      .ours { fill: #0053b3 }
      .other { fill: #a9a9b5 }
      .range { stroke: #15141a; stroke-width: 1.5 }
      @media (prefers-color-scheme: dark) {
        text { fill: #fbfbfe }
        .quiet, .name { fill: #bfbfc9 }
        .ours { fill: #3f86e0 }
        .other { fill: #6f6f7c }
        .range { stroke: #fbfbfe }
      }
      """;

  private Chart() {}

  /**
   * Each comparison has its own scale: its slowest program has the longest bar.
   *
   * @param shown the comparisons, by id, and what they are called here
   * @param programs that are drawn, in this order, where they were measured
   * @param caption what else a reader has to know
   * @return SVG that says in its description what its bars show
   */
  static String svg(
      Measurements measured, Map<String, String> shown, List<String> programs, String caption) {
    List<String> parts = new ArrayList<>();
    List<String> words = new ArrayList<>();
    int y = 18;
    for (Measurements.Comparison comparison : measured.comparisons()) {
      String title = shown.get(comparison.id());
      List<String> drawn = programs.stream().filter(comparison.costs()::containsKey).toList();
      if (title == null || drawn.isEmpty()) {
        continue;
      }
      double scale =
          LONGEST
              / drawn.stream()
                  .mapToDouble(program -> Measurements.most(comparison.costs().get(program)))
                  .max()
                  .orElseThrow();
      parts.add(text(0, y, "title", title));
      y += 8;
      List<String> said = new ArrayList<>();
      for (String program : drawn) {
        List<Measurements.Cost> costs = comparison.costs().get(program);
        double median = Measurements.median(costs, Measurements.Cost::wall);
        parts.add(text(LEFT - 8, y + 15, "name", program));
        parts.add(bar(y + (ROW - BAR) / 2, median * scale, isOurs(program)));
        parts.add(
            range(
                y + ROW / 2, Measurements.least(costs) * scale, Measurements.most(costs) * scale));
        String seconds = Measurements.shown(median) + " s";
        parts.add(text(LEFT + 8 + Measurements.most(costs) * scale, y + 15, "seconds", seconds));
        said.add(program + " " + seconds);
        y += ROW;
      }
      words.add(title + ": " + String.join(", ", said));
      y += 26;
    }
    for (String line : LINE.matcher(caption).replaceAll("$1\n").lines().toList()) {
      parts.add(text(0, y, "quiet", line));
      y += 18;
    }
    return """
    <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d"
        role="img" aria-labelledby="t d">
    <title id="t">Seconds that the commands take, and other programs for the same work</title>
    <desc id="d">%3$s.</desc>
    <style>
    %4$s</style>
    %5$s
    </svg>
    """
        .formatted(
            WIDTH,
            y,
            escaped(String.join("; ", words)),
            STYLE,
            parts.stream().collect(Collectors.joining("\n")));
  }

  private static boolean isOurs(String program) {
    return program.equals(Goals.INSTALLED) || program.equals(Goals.THROUGH_JBANG);
  }

  private static String text(double x, double y, String kind, String text) {
    return "<text class=\"%s\" x=\"%s\" y=\"%s\">%s</text>"
        .formatted(kind, number(x), number(y), escaped(text));
  }

  private static String bar(double y, double width, boolean isOurs) {
    return "<rect class=\"%s\" x=\"%d\" y=\"%s\" width=\"%s\" height=\"%d\" rx=\"2\"/>"
        .formatted(isOurs ? "ours" : "other", LEFT, number(y), number(width), BAR);
  }

  private static String range(double y, double from, double to) {
    return "<path class=\"range\" d=\"M%s %sH%s\"/>"
        .formatted(number(LEFT + from), number(y), number(LEFT + to));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value).replaceFirst("\\.0$", "");
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
