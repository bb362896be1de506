//JAVA 25+

package common;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** How texts, lists and numbers are shown to people. */
public final class Display {

  private static final int MAX_BRIEF = 100;

  private Display() {}

  /**
   * The collections with one word in the summary.
   *
   * @param named whether their names are wanted beside their number
   */
  public record Count(String word, List<String> names, boolean named) {}

  /** The summary of a list: {@code 19 collections: 17 OK, 1 SKIP, 1 BAD (main/cfr)}. */
  public static String counts(int expected, List<Count> counts) {
    return counts("collection", expected, counts);
  }

  /**
   * The same of other things.
   *
   * @param thing one of them
   */
  public static String counts(String thing, int expected, List<Count> counts) {
    List<String> parts = new ArrayList<>();
    int seen = 0;
    for (Count count : counts) {
      int number = count.names().size();
      if (number > 0 || parts.isEmpty()) { // the first word stands there with 0 too
        parts.add(
            "%d %s%s"
                .formatted(
                    number,
                    count.word(),
                    count.named() && number > 0
                        ? " (%s)".formatted(String.join(", ", count.names()))
                        : ""));
      }
      seen += number;
    }
    if (seen < expected) {
      parts.add(expected - seen + " not finished");
    }
    return "%d %s%s: %s"
        .formatted(expected, thing, expected == 1 ? "" : "s", String.join(", ", parts));
  }

  /** The first ten of a list, and how many more there are. */
  public static String some(List<String> names) {
    return some(names, 10);
  }

  /** The first of a list, at most so many, and how many more there are. */
  public static String some(List<String> names, int most) {
    return String.join(", ", names.subList(0, Math.min(most, names.size())))
        + (names.size() > most ? " and %d more".formatted(names.size() - most) : "");
  }

  /** A server's text, cleaned, and not all of a long one. */
  public static String brief(String text) {
    String clean = clean(text);
    return clean.codePointCount(0, clean.length()) <= MAX_BRIEF
        ? clean
        : clean.substring(0, clean.offsetByCodePoints(0, MAX_BRIEF)) + "…";
  }

  /**
   * Strips control characters from a server's text, and the marks that reorder what a terminal
   * shows; a line break becomes a space.
   */
  public static String clean(String text) {
    if (isPlain(text)) {
      return text;
    }
    StringBuilder clean = new StringBuilder(text.length());
    text.codePoints()
        .map(c -> c == '\n' || c == 0x2028 || c == 0x2029 ? ' ' : c)
        .filter(c ->
            !Character.isISOControl(c)
                && !(c >= 0x202a && c <= 0x202e)
                && !(c >= 0x2066 && c <= 0x2069))
        .forEach(clean::appendCodePoint);
    return clean.toString();
  }

  private static boolean isPlain(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) < ' ' || text.charAt(i) > '~') {
        return false;
      }
    }
    return true;
  }

  /** Seconds, with one digit of a fraction. */
  static String seconds(Duration duration) {
    double seconds = duration.toMillis() / 1000.0;
    return seconds == Math.rint(seconds)
        ? Long.toString((long) seconds)
        : String.format(Locale.ROOT, "%.1f", seconds);
  }
}
