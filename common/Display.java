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

/** How texts, lists and numbers are shown to people. */
public final class Display {

  private static final int MAX_BRIEF = 100;

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

  /** A server's text, cleaned and shortened. */
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
