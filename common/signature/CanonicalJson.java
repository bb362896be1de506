//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES ../Json.java

package common.signature;

import common.Json;
import common.Json.BadJson;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * JSON as signatures need it: one text per value, whatever the order, spacing or escapes it came
 * with.
 *
 * <p>The rules (docs/specification.md, <i>validate_signature</i>, step 1; <i>Client specifications
 * › Signature Verification</i>): keys sorted by code point, the last of equal keys wins, no spaces;
 * everything outside U+0020–U+007E as lower-case {@code \\uXXXX} but for the short escapes;
 * integers exactly, other numbers as ECMAScript prints them.
 *
 * <p>A value is read from a stream of tokens straight into its canonical bytes; no tree is built.
 */
public final class CanonicalJson {

  /** How often a text may be put in order as a whole: once for each level out of order. */
  private static final long MAX_MOVES = 64;

  /** A fraction that is not printed yet is between two characters that no canonical text holds. */
  private static final Pattern FRACTION = Pattern.compile("\\x01([^\\x02]*)\\x02");

  private static final long MAX_SAFE_INTEGER = 1L << 53; // of 16 digits

  private CanonicalJson() {}

  /**
   * A value in canonical form.
   *
   * @param bytes the canonical text, ASCII
   * @param serverForm the same with fractions as the server's own library prints them ({@code
   *     1E-1}); the same array if there is no fraction
   * @param hugeIntegers whether it holds an integer beyond 2^53, which Firefox would round
   * @param utf16OrderDiffers whether Firefox would order its keys differently: it sorts by UTF-16
   * @param fields of an object, the plain values of its members {@code id}, {@code last_modified}
   *     and {@code deleted}; null if they are containers, fractions or endless integers
   */
  public record Canonical(
      byte[] bytes,
      byte[] serverForm,
      boolean hugeIntegers,
      boolean utf16OrderDiffers,
      Map<String, Object> fields) {}

  private static final Set<String> FIELDS = Set.of("id", "last_modified", "deleted");

  /** Returns the canonical form of one JSON document in UTF-8. */
  public static byte[] canonical(byte[] json) throws BadJson {
    try (JsonParser parser = Json.parser(new ByteArrayInputStream(json))) {
      Json.next(parser);
      byte[] bytes = read(parser).bytes();
      Json.end(parser);
      return bytes;
    } catch (BadJson e) {
      throw e;
    } catch (IOException e) {
      throw new BadJson(e.getMessage(), e);
    }
  }

  /**
   * Reads the value at the parser's current token, to its last token.
   *
   * <p>Iterative: deep nesting costs memory, never the stack.
   */
  public static Canonical read(JsonParser parser) throws IOException {
    return new CanonicalReader(parser).read();
  }

  /** One member of an open object; its text {@code "key":value} ends where the next one starts. */
  private record Member(String key, int start) {}

  private static final class CanonicalReader {
    private static final HexFormat HEX = HexFormat.of();

    private final JsonParser parser;
    private final StringBuilder text = new StringBuilder();
    private final Deque<List<Member>> open = new ArrayDeque<>(); // an empty list for an array
    private final Map<String, Object> fields = new HashMap<>();
    private boolean fractions;
    private boolean hugeIntegers;
    private boolean utf16OrderDiffers;
    private long moved; // characters that were put in order, level by level

    CanonicalReader(JsonParser parser) {
      this.parser = parser;
    }

    Canonical read() throws IOException {
      try {
        add(parser.currentToken());
        while (!open.isEmpty()) {
          add(Json.next(parser));
        }
      } catch (JacksonException e) {
        throw Json.translated(e);
      }
      byte[] bytes = printed(CanonicalJson::ecmaScript);
      byte[] serverForm = fractions ? printed(CanonicalJson::serverForm) : bytes;
      return new Canonical(bytes, serverForm, hugeIntegers, utf16OrderDiffers, fields);
    }

    private byte[] printed(UnaryOperator<String> fraction) {
      String ascii =
          fractions
              ? FRACTION.matcher(text).replaceAll(digits -> fraction.apply(digits.group(1)))
              : text.toString();
      return ascii.getBytes(StandardCharsets.US_ASCII);
    }

    private void add(JsonToken token) throws IOException {
      if (!token.isStructEnd() && !text.isEmpty() && "[{:".indexOf(last()) < 0) {
        text.append(',');
      }
      if (open.size() == 1 && !text.isEmpty() && last() == ':') {
        field(open.peek().getLast().key(), token);
      }
      switch (token) {
        case START_OBJECT -> {
          text.append('{');
          open.push(new ArrayList<>());
        }
        case START_ARRAY -> {
          text.append('[');
          open.push(List.of());
        }
        case PROPERTY_NAME -> {
          String key = parser.currentName();
          open.peek().add(new Member(key, text.length()));
          quote(key.toCharArray(), 0, key.length());
          text.append(':');
        }
        case END_OBJECT -> {
          sort(open.pop());
          text.append('}');
        }
        case END_ARRAY -> {
          open.pop();
          text.append(']');
        }
        case VALUE_STRING ->
            quote(parser.getStringCharacters(), parser.getStringOffset(), parser.getStringLength());
        case VALUE_NUMBER_INT -> {
          String digits = parser.getString();
          hugeIntegers |=
              digits.length() > 17 || Math.abs(Long.parseLong(digits)) > MAX_SAFE_INTEGER;
          text.append(digits.equals("-0") ? "0" : digits);
        }
        case VALUE_NUMBER_FLOAT -> {
          String digits = parser.getString();
          if (Double.isInfinite(Double.parseDouble(digits))) {
            throw new BadJson("the number " + Json.shortened(digits) + " is out of range", null);
          }
          fractions = true;
          text.append('\1').append(digits).append('\2');
        }
        case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> text.append(token.asString());
        default -> throw new BadJson("unexpected token " + token, null);
      }
    }

    private char last() {
      return text.charAt(text.length() - 1);
    }

    private void field(String key, JsonToken token) throws IOException {
      if (FIELDS.contains(key)) {
        fields.put(key, isPlain(token) ? Json.scalar(parser, token) : null);
      }
    }

    /** A scalar, but not a fraction or thousands of digits, which no id or timestamp has. */
    private boolean isPlain(JsonToken token) {
      return token.isScalarValue()
          && token != JsonToken.VALUE_NUMBER_FLOAT
          && (token != JsonToken.VALUE_NUMBER_INT
              || parser.getStringLength() <= Json.MAX_PLAIN_DIGITS);
    }

    private void quote(char[] chars, int offset, int count) {
      text.append('"');
      int plain = offset; // from here on, nothing to escape
      for (int i = offset; i < offset + count; i++) {
        char c = chars[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
          text.append(chars, plain, i - plain).append('\\');
          plain = i + 1;
          int known = "\b\t\n\f\r\"\\".indexOf(c);
          if (known < 0) {
            text.append('u');
            HEX.toHexDigits(text, (byte) (c >> 8));
            HEX.toHexDigits(text, (byte) c);
          } else {
            text.append("btnfr\"\\".charAt(known));
          }
        }
      }
      text.append(chars, plain, offset + count - plain).append('"');
    }

    /** Puts the members of an object in order, if they are not. */
    private void sort(List<Member> members) throws BadJson {
      List<String> keys = members.stream().map(Member::key).toList();
      if (!isAscending(keys, CanonicalJson::byCodePoint)) {
        Map<String, String> sorted = new TreeMap<>(CanonicalJson::byCodePoint);
        int end = text.length();
        for (Member member : members.reversed()) { // of equal keys the last wins
          sorted.putIfAbsent(member.key(), text.substring(member.start(), end));
          end = member.start() - 1; // without the comma
        }
        keys = List.copyOf(sorted.keySet());
        String ordered = String.join(",", sorted.values());
        text.setLength(members.getFirst().start());
        text.append(ordered);
        moved += ordered.length();
        if (moved > MAX_MOVES * Math.max(text.length(), 1024 * 1024)) {
          throw new BadJson("its keys are out of order on too many levels", null);
        }
      }
      utf16OrderDiffers |= !isAscending(keys, Comparator.naturalOrder());
    }

    private static boolean isAscending(List<String> keys, Comparator<String> order) {
      for (int i = 1; i < keys.size(); i++) {
        if (order.compare(keys.get(i - 1), keys.get(i)) >= 0) {
          return false;
        }
      }
      return true;
    }
  }

  /** Compares two strings by code point; {@link String#compareTo} compares by UTF-16 unit. */
  static int byCodePoint(String a, String b) {
    int i = 0; // the same index in both, as long as they are equal
    while (i < a.length() && i < b.length()) {
      int left = a.codePointAt(i);
      int right = b.codePointAt(i);
      if (left != right) {
        return Integer.compare(left, right);
      }
      i += Character.charCount(left);
    }
    return Integer.compare(a.length(), b.length());
  }

  /** ECMAScript's Number::toString, radix 10, of the double nearest to these digits. */
  static String ecmaScript(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return "0";
    }
    BigDecimal decimal = shortest(number);
    int exponent = exponent(decimal);
    return -7 < exponent && exponent < 21
        ? decimal.toPlainString()
        : scientific(decimal, exponent < 0 ? "e" : "e+");
  }

  /** A fraction as the server's own library prints it (Rust's {@code {:E}}): {@code 1E-1}. */
  static String serverForm(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return digits.startsWith("-") ? "-0E0" : "0E0";
    }
    return scientific(shortest(number), "E");
  }

  /** One digit, a point and the others, then the power of ten. */
  private static String scientific(BigDecimal decimal, String e) {
    int exponent = exponent(decimal);
    return decimal.scaleByPowerOfTen(-exponent).toPlainString() + e + exponent;
  }

  private static int exponent(BigDecimal decimal) {
    return decimal.precision() - decimal.scale() - 1;
  }

  /**
   * The shortest decimal that reads back as this double, the nearest of those; no zeros at its end.
   */
  private static BigDecimal shortest(double number) {
    BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    if (decimal.precision() == 2) {
      // Double.toString prints two digits where one would do (4.9E-324 for 5e-324)
      BigDecimal one =
          decimal.round(new MathContext(1, RoundingMode.HALF_EVEN)).stripTrailingZeros();
      return one.doubleValue() == number ? one : decimal;
    }
    return decimal;
  }

  /**
   * The members of an object in canonical form: the text of each value by its name, both in
   * canonical form. Records with equal members have equal content.
   *
   * @param object as {@link Canonical#bytes} has it
   */
  public static Map<String, String> members(byte[] object) {
    Map<String, String> members = new LinkedHashMap<>();
    for (int start = 1; object[start] != '}'; ) {
      int colon = endOfValue(object, start);
      int end = endOfValue(object, colon + 1);
      String name = new String(object, start + 1, colon - start - 2, StandardCharsets.US_ASCII);
      members.put(name, new String(object, colon + 1, end - colon - 1, StandardCharsets.US_ASCII));
      start = object[end] == ',' ? end + 1 : end;
    }
    return members;
  }

  /**
   * An object in canonical form without some of its members.
   *
   * @param object as {@link Canonical#bytes} has it
   */
  public static byte[] without(byte[] object, Set<String> names) {
    Map<String, String> members = members(object);
    members.keySet().removeAll(names);
    return members.entrySet().stream()
        .map(member -> "\"" + member.getKey() + "\":" + member.getValue())
        .collect(Collectors.joining(",", "{", "}"))
        .getBytes(StandardCharsets.US_ASCII);
  }

  /** Where the value or name that starts here ends: at the colon, comma or bracket behind it. */
  private static int endOfValue(byte[] canonical, int start) {
    int depth = 0;
    boolean quoted = false;
    for (int i = start; ; i++) {
      switch (canonical[i]) {
        case '\\' -> i++; // only strings have backslashes
        case '"' -> quoted = !quoted;
        case '{', '[' -> depth += quoted ? 0 : 1;
        case '}', ']' -> {
          if (!quoted && depth-- == 0) {
            return i;
          }
        }
        case ',', ':' -> {
          if (!quoted && depth == 0) {
            return i;
          }
        }
        default -> {}
      }
    }
  }
}
