//JAVA 25+
//SOURCES Display.java Json.java UnexpectedBody.java UsageException.java

package common;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** The result of a query of Redash, and what Redash answers instead of one. */
public final class RedashResult {

  /** What {@code NoData} hints at. */
  public static final String EXPECTED = "expected the results.json of a Redash query";

  private RedashResult() {}

  /** The result has nothing to judge. */
  public static final class NoData extends UsageException {
    private static final long serialVersionUID = 1;

    public NoData(String message, String hint) {
      super(message, hint);
    }
  }

  /** Parses a result as {@code Json.parse} does; the error says so if it is a web page. */
  public static Object parse(InputStream in) throws IOException {
    BufferedInputStream buffered = new BufferedInputStream(in);
    int first;
    do {
      buffered.mark(3);
      first = buffered.read();
      if (first == 0xef && buffered.read() == 0xbb && buffered.read() == 0xbf) { // byte order mark
        first = ' ';
      }
    } while (first >= 0 && first <= ' ');
    if (first == '<') {
      throw new UnexpectedBody("a web page instead of JSON, such as a login page", true);
    }
    buffered.reset();
    return Json.parseWithAnyNumber(buffered); // an odd row must not hide the others
  }

  /**
   * The rows of a result, {@code query_result.data.rows}.
   *
   * @throws NoData if there are none
   */
  public static List<?> rows(Object result) throws NoData {
    if (!(member(result, "query_result") instanceof Map<?, ?> queryResult)) {
      throw noResult(result);
    }
    if (!(member(member(queryResult, "data"), "rows") instanceof List<?> rows)) {
      throw new NoData("the result has no list query_result.data.rows", EXPECTED);
    }
    if (rows.isEmpty()) {
      throw new NoData(
          "the result is empty: clients reported nothing, or the query selects nothing", EXPECTED);
    }
    return rows;
  }

  private static NoData noResult(Object result) {
    if (member(result, "job") instanceof Map<?, ?> job) {
      Object error = member(job, "error");
      String status =
          error instanceof String text && !text.isEmpty() ? "4" : "" + job.get("status");
      return switch (status) { // 1 to 5: Redash's numbers
        case "3" -> new NoData("found a finished job instead of a result", EXPECTED);
        case "4" ->
            new NoData(
                "the query failed" + (error == null ? "" : ": " + Display.brief(error.toString())),
                "run it in Redash");
        case "5" -> new NoData("the query was cancelled", "run it in Redash");
        default -> new NoData("the query is still running", "try again when it has finished");
      };
    }
    for (String name : List.of("message", "error")) {
      if (member(result, name) instanceof String text) {
        return new NoData("found a message instead of a result: " + Display.brief(text), EXPECTED);
      }
    }
    return new NoData("the result has no query_result", EXPECTED);
  }

  private static final long LAST_SECOND = 253_402_300_799L; // of year 9999

  /**
   * A time of a row, in epoch seconds.
   *
   * @throws IllegalArgumentException if it is not one
   */
  public static Instant time(Map<?, ?> members, String name) {
    BigDecimal seconds = number(members.get(name));
    if (seconds == null || seconds.compareTo(BigDecimal.valueOf(LAST_SECOND)) > 0) {
      throw unexpected(members.get(name), name, "not a time in epoch seconds");
    }
    return Instant.ofEpochSecond(seconds.longValue());
  }

  /**
   * How often a status was reported; null is 0.
   *
   * @throws IllegalArgumentException if it is not a count
   */
  public static long count(String status, Object value) {
    BigDecimal count = value == null ? BigDecimal.ZERO : number(value);
    if (count == null
        || count.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0
        || count.stripTrailingZeros().scale() > 0) {
      throw unexpected(value, status, "not a count");
    }
    return count.longValue();
  }

  private static IllegalArgumentException unexpected(Object value, String name, String expected) {
    return new IllegalArgumentException(
        "%s is %s, which is %s".formatted(name, Display.brief(String.valueOf(value)), expected));
  }

  /** A number, possibly as text; null if it is not a number, or negative. */
  private static BigDecimal number(Object value) {
    BigDecimal number =
        switch (value) {
          case Long whole -> BigDecimal.valueOf(whole);
          case BigDecimal fraction -> fraction;
          case String text when text.strip().matches("\\d{1,18}(\\.\\d{1,18})?") ->
              new BigDecimal(text.strip());
          case null, default -> null;
        };
    return number == null || number.signum() < 0 ? null : number;
  }

  private static Object member(Object object, String name) {
    return object instanceof Map<?, ?> map ? map.get(name) : null;
  }
}
