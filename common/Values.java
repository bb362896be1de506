//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Place.java Urls.java

package common;

import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts the texts of settings to values. */
public final class Values {

  private Values() {}

  /** Entries of a list as typed: white space and quotes around each removed, empty ones dropped. */
  public static List<String> entries(List<String> typed) {
    return typed == null
        ? List.of()
        : typed.stream()
            .map(entry -> unquoted(entry.strip()))
            .filter(entry -> !entry.isEmpty())
            .toList();
  }

  /**
   * Removes what a tool puts around a value: line breaks at its end, as {@code echo} does, and the
   * byte order mark of an editor of Windows.
   */
  public static String trimmed(String value) {
    int end = value.length();
    while (end > 0 && "\r\n".indexOf(value.charAt(end - 1)) >= 0) {
      end--;
    }
    return value.substring(value.startsWith("\ufeff") ? 1 : 0, end);
  }

  /** Removes one pair of equal quotes around a value. */
  static String unquoted(String value) {
    int last = value.length() - 1;
    return last > 0
            && (value.charAt(0) == '"' || value.charAt(0) == '\'')
            && value.charAt(last) == value.charAt(0)
        ? value.substring(1, last)
        : value;
  }

  /** Removes one pair of equal quotes around a list, unless they belong to its entries. */
  static String unquotedList(String list) {
    String inner = unquoted(list);
    return inner.indexOf(list.isEmpty() ? '"' : list.charAt(0)) < 0 ? inner : list;
  }

  // ---- converters

  /** Converts a text to a value, or refuses it; most are subclasses, which picocli can create. */
  public static class Converter<T> implements ITypeConverter<T> {
    private final String accepted;
    private final Reading<T> reading;

    /** Returns the value of a text; refuses it with null or an exception. */
    public interface Reading<T> {
      T read(String text) throws IOException;
    }

    /**
     * @param accepted completes "VALUE is not …"
     */
    protected Converter(String accepted, Reading<T> reading) {
      this.accepted = accepted;
      this.reading = reading;
    }

    @Override
    public final T convert(String text) {
      T converted;
      try {
        converted = reading.read(text);
      } catch (IllegalArgumentException | DateTimeException | IOException e) {
        converted = null;
      }
      if (converted == null) {
        throw new TypeConversionException(accepted);
      }
      return converted;
    }
  }

  /** A text that matches a regular expression. */
  public abstract static class Text extends Converter<String> {
    protected Text(String regex, String accepted) {
      super(accepted, text -> text.matches(regex) ? text : null);
    }
  }

  /** The name of a bucket or a collection. */
  public static final class NameConverter extends Converter<String> {
    NameConverter() {
      super("a name of letters, digits, _ and -", text -> Place.isName(text) ? text : null);
    }
  }

  static final class BooleanConverter extends Converter<Boolean> {
    BooleanConverter() {
      super(
          "true or false",
          text ->
              switch (text.toLowerCase(Locale.ROOT)) {
                case "true", "1", "yes", "on" -> true;
                case "false", "0", "no", "off" -> false;
                default -> null;
              });
    }
  }

  /** A whole number in a range. */
  public abstract static class WholeNumber extends Converter<Integer> {
    protected WholeNumber(int least, int most) {
      super(
          "a whole number from %d to %d".formatted(least, most),
          text -> {
            int number = Integer.parseInt(text.strip());
            return number >= least && number <= most ? number : null;
          });
    }
  }

  /** A whole number, 0 or more. */
  public static final class CountConverter extends WholeNumber {
    CountConverter() {
      super(0, Integer.MAX_VALUE);
    }
  }

  /** Seconds, with fractions. */
  public static final class SecondsConverter extends Converter<Duration> {
    private static final BigDecimal LEAST = new BigDecimal("0.001");
    private static final BigDecimal MOST = BigDecimal.valueOf(86_400);

    SecondsConverter() {
      super("a number of seconds, from 0.001 to 86400", SecondsConverter::seconds);
    }

    private static Duration seconds(String text) {
      BigDecimal seconds = new BigDecimal(text.strip());
      boolean isInRange = seconds.compareTo(LEAST) >= 0 && seconds.compareTo(MOST) <= 0;
      return text.length() < 20 && isInRange
          ? Duration.ofMillis(seconds.movePointRight(3).longValue())
          : null;
    }
  }

  /** Seconds, or 0 for no limit. */
  static final class LimitConverter extends Converter<Duration> {
    LimitConverter() {
      super(
          "0 or a number of seconds, from 0.001 to 86400",
          text -> text.strip().equals("0") ? Duration.ZERO : SecondsConverter.seconds(text));
    }
  }

  static final class FileConverter extends Converter<Path> {
    FileConverter() {
      super(
          "a file that can be read",
          text -> {
            Path file = Path.of(text);
            return Files.isReadable(file) && !Files.isDirectory(file) ? file : null;
          });
    }
  }

  /** A web address without credentials and fragment, or null. */
  public static URI webAddress(String text) {
    URI url = URI.create(text.strip());
    return Urls.isWeb(url) && Urls.userInfo(url) == null && url.getRawFragment() == null
        ? url
        : null;
  }

  private static URI withoutQuery(String text) {
    URI url = webAddress(text);
    return url == null || url.getRawQuery() != null ? null : url;
  }

  /** A web address without credentials, query and fragment. */
  public static final class WebAddressConverter extends Converter<URI> {
    WebAddressConverter() {
      super("an address, expected http or https and a host", Values::withoutQuery);
    }
  }

  static final class ServerConverter extends Converter<URI> {
    ServerConverter() {
      super(
          "a base URL, expected http or https, a host and no credentials, like"
              + " https://firefox.settings.services.mozilla.com/v1",
          text -> withoutQuery(text.strip().replaceFirst("/+$", "")));
    }
  }
}
