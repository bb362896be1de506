//JAVA 25+

package common.pages;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The scale of a bar chart of percentages. It uses square roots, so that 0, 0.1 and 10 percent can
 * all be told apart. Positions are percentages of its width.
 *
 * @param end the percentage at its right end
 */
public record Scale(double end) {

  /** A mark of the scale. */
  public record Mark(String label, String position) {}

  /** Possible marks, and possible ends, in percent. */
  private static final List<Double> MARKS =
      List.of(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0);

  /** Width of a mark's label, in percent of the width of the scale. */
  private static final double LABEL_WIDTH = 14;

  /** The shortest scale that shows a percentage from 0 to 100. */
  public static Scale upTo(double percent) {
    return new Scale(MARKS.stream().filter(mark -> mark >= percent).findFirst().orElseThrow());
  }

  /** Where a percentage is. */
  public String position(double percent) {
    return String.format(Locale.ROOT, "%.2f%%", exactPosition(percent));
  }

  private double exactPosition(double percent) {
    return Math.sqrt(percent / end) * 100;
  }

  /** As many marks as fit, chosen from the end of the scale to its beginning. */
  public List<Mark> marks() {
    List<Mark> marks = new ArrayList<>();
    double free = 100 + LABEL_WIDTH;
    for (double mark : MARKS.reversed()) {
      double position = exactPosition(mark);
      if (mark <= end && position <= free - LABEL_WIDTH && position >= LABEL_WIDTH) {
        marks.addFirst(new Mark(plain(BigDecimal.valueOf(mark)) + "%", position(mark)));
        free = position;
      }
    }
    marks.addFirst(new Mark("0", "0%"));
    return marks;
  }

  /** A number without zeros at its end. */
  public static String plain(BigDecimal number) {
    return number.stripTrailingZeros().toPlainString();
  }
}
