//JAVA 25+

package common;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** How texts, lists and numbers are shown to people. */
public final class Display {

  private static final int MAX_BRIEF = 100;
  private static final int MAX_LINE = 10_000;

  /** {@code /buckets/BUCKET/collections/COLLECTION} with the longest names that Kinto takes. */
  private static final int MAX_PATH = 9 + 255 + 13 + 255;

  private static final DateTimeFormatter MOMENT =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private Display() {}

  /** The first ten of a list, and how many more there are. */
  public static String some(List<String> names) {
    return some(names, 10);
  }

  /** The first entries of a list, and how many more there are. */
  public static String some(List<String> names, int most) {
    return String.join(", ", names.subList(0, Math.min(most, names.size())))
        + (names.size() > most ? " and %d more".formatted(names.size() - most) : "");
  }

  /** A server's text, cleaned and shortened, for a part of a line. */
  public static String brief(String text) {
    return cut(clean(text), MAX_BRIEF);
  }

  /** A server's text, cleaned, and cut where it is longer than the path of any collection. */
  public static String name(String text) {
    return cut(clean(text), MAX_PATH);
  }

  /** A line that may hold any text of a server, cleaned; only what nobody would read is cut. */
  public static String line(String text) {
    return cut(clean(text), MAX_LINE);
  }

  /** The lines of a text, each cut like {@link #line}. */
  static String lines(String text) {
    return text.length() <= MAX_LINE
        ? text
        : text.lines().map(line -> cut(line, MAX_LINE)).collect(Collectors.joining("\n"));
  }

  /** A text, shortened to that many characters. */
  public static String cut(String text, int most) {
    return text.codePointCount(0, text.length()) <= most
        ? text
        : text.substring(0, text.offsetByCodePoints(0, most)) + "…";
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

  /** A moment in UTC, to the second: {@code 2026-11-24 02:19:18 UTC}. */
  public static String moment(Instant instant) {
    return MOMENT.format(instant);
  }

  /** Epoch milliseconds, and when that is; "unknown" for null. */
  public static String moment(Long timestamp) {
    return timestamp == null
        ? "unknown"
        : "%d (%s)".formatted(timestamp, moment(Instant.ofEpochMilli(timestamp)));
  }

  /** Why a file cannot be read. */
  public static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "no such file" : e.getMessage();
  }

  /** Seconds, with at most one decimal. */
  static String seconds(Duration duration) {
    double seconds = duration.toMillis() / 1000.0;
    return seconds == Math.rint(seconds)
        ? Long.toString((long) seconds)
        : String.format(Locale.ROOT, "%.1f", seconds);
  }
}
