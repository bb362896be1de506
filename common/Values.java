//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Place.java
//SOURCES Urls.java

package common;

import common.Report.Format;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Values of settings, from the text that stands for them. */
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

  /** Removes one pair of equal quotes around a value. */
  static String unquoted(String value) {
    int last = value.length() - 1;
    return last > 0
            && (value.charAt(0) == '"' || value.charAt(0) == '\'')
            && value.charAt(last) == value.charAt(0)
        ? value.substring(1, last)
        : value;
  }

  /** Removes one pair of equal quotes around a list, unless they are those of its entries. */
  static String unquotedList(String list) {
    String inner = unquoted(list);
    return inner.indexOf(list.isEmpty() ? '"' : list.charAt(0)) < 0 ? inner : list;
  }

  // ---- converters: each message completes "VALUE is not …"

  /** What {@code --format} takes, for the completion of a shell. */
  static final class FormatNames extends ArrayList<String> {
    private static final long serialVersionUID = 1;

    FormatNames() {
      super(List.of("text", "json"));
    }
  }

  static final class FormatConverter implements ITypeConverter<Format> {
    @Override
    public Format convert(String value) {
      return switch (value.toLowerCase(Locale.ROOT)) {
        case "text" -> Format.TEXT;
        case "json" -> Format.JSON;
        default -> throw new TypeConversionException("text or json");
      };
    }
  }

  static final class BooleanConverter implements ITypeConverter<Boolean> {
    @Override
    public Boolean convert(String value) {
      return switch (value.toLowerCase(Locale.ROOT)) {
        case "true", "1", "yes", "on" -> true;
        case "false", "0", "no", "off" -> false;
        default -> throw new TypeConversionException("true or false");
      };
    }
  }

  /** A web address without credentials, query and fragment. */
  public static class WebAddressConverter implements ITypeConverter<URI> {
    private final String accepted;

    public WebAddressConverter() {
      this("an address, expected http or https and a host");
    }

    /**
     * @param accepted completes "VALUE is not …"
     */
    protected WebAddressConverter(String accepted) {
      this.accepted = accepted;
    }

    @Override
    public URI convert(String value) {
      try {
        URI url = URI.create(value.strip());
        if (Urls.isWeb(url)
            && url.getRawUserInfo() == null
            && url.getRawFragment() == null
            && acceptsQuery(url.getRawQuery())) {
          return url;
        }
      } catch (IllegalArgumentException e) {
        // said below
      }
      throw new TypeConversionException(accepted);
    }

    /**
     * @param query null for none
     */
    protected boolean acceptsQuery(String query) {
      return query == null;
    }
  }

  static final class ServerConverter extends WebAddressConverter {
    ServerConverter() {
      super(
          "a base URL, expected http or https, a host and no credentials, like"
              + " https://firefox.settings.services.mozilla.com/v1");
    }

    @Override
    public URI convert(String value) {
      return super.convert(value.strip().replaceFirst("/+$", ""));
    }
  }

  /** Seconds, with fractions. */
  public static final class SecondsConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String value) {
      try {
        BigDecimal seconds = new BigDecimal(value.strip());
        if (value.length() < 20
            && seconds.compareTo(new BigDecimal("0.001")) >= 0
            && seconds.compareTo(BigDecimal.valueOf(86_400)) <= 0) {
          return Duration.ofMillis(seconds.movePointRight(3).longValue());
        }
      } catch (NumberFormatException e) {
        // said below
      }
      throw new TypeConversionException("a number of seconds, from 0.001 to 86400");
    }
  }

  /** A whole number of a range; a subclass per range, because picocli makes converters itself. */
  public abstract static class WholeNumber implements ITypeConverter<Integer> {
    private final int least;
    private final int most;

    protected WholeNumber(int least, int most) {
      this.least = least;
      this.most = most;
    }

    @Override
    public Integer convert(String value) {
      try {
        int number = Integer.parseInt(value.strip());
        if (number >= least && number <= most) {
          return number;
        }
      } catch (NumberFormatException e) {
        // said below
      }
      throw new TypeConversionException("a whole number from %d to %d".formatted(least, most));
    }
  }

  static final class RetriesConverter extends WholeNumber {
    RetriesConverter() {
      super(0, 100);
    }
  }

  static final class ParallelConverter extends WholeNumber {
    ParallelConverter() {
      super(1, 64);
    }
  }

  static final class MebibytesConverter extends WholeNumber {
    MebibytesConverter() {
      super(1, 2047);
    }
  }

  static final class FileConverter implements ITypeConverter<Path> {
    @Override
    public Path convert(String value) {
      try {
        Path file = Path.of(value);
        if (Files.isReadable(file) && !Files.isDirectory(file)) {
          return file;
        }
      } catch (InvalidPathException e) {
        // said below
      }
      throw new TypeConversionException("a file that can be read");
    }
  }

  /** The name of a bucket or a collection. */
  public static final class NameConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (!Place.isName(value)) {
        throw new TypeConversionException("a name of letters, digits, _ and -");
      }
      return value;
    }
  }
}
