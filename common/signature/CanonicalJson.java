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
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
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
 * integers exactly, other numbers as ECMAScript prints them, but negative zero as {@code -0}, as
 * Firefox does.
 *
 * <p>A value is read from a stream of tokens straight into its canonical bytes; no tree is built.
 */
public final class CanonicalJson {

  /** How often a text may be put in order as a whole: once for each level out of order. */
  private static final long MAX_MOVES = 64;

  /** A fraction that is not printed yet is between two characters that no canonical text holds. */
  private static final Pattern FRACTION = Pattern.compile("\\x01([^\\x01\\x02]*+)\\x02");

  /** ECMAScript prints every integer of so many characters as it is. */
  private static final int ALWAYS_EXACT = 15;

  /** ECMAScript prints longer integers with an exponent: it writes out a minus and 21 digits. */
  private static final int MAX_WRITTEN_OUT = 22;

  private CanonicalJson() {}

  /** How servers print a fraction when they sign; Firefox computes {@link #ecmaScript} of it. */
  public enum ServerForm {
    /** Today's servers, by canonicaljson-rs, which is Rust's {@code {:E}}: {@code 1E-1}. */
    CANONICALJSON_RS(CanonicalJson::canonicaljsonRs),
    /** Older servers, by Python's {@code json}: {@code 1e-05}. */
    PYTHON(CanonicalJson::python);

    private final UnaryOperator<String> printer;

    ServerForm(UnaryOperator<String> printer) {
      this.printer = printer;
    }
  }

  /** What a client may compute or read differently; most records have none of it. */
  public enum Trait {
    /** An integer beyond 2^53 that ECMAScript, which has doubles only, prints differently. */
    INTEGER_BEYOND_DOUBLE,
    /** Keys that UTF-16 sorts differently. */
    UTF_16_ORDER,
    /** A truthy member {@code toJSON} in an object that is itself the value of a member. */
    TO_JSON,
    /** An integer below -2^63, or of 2^64 or more. */
    INTEGER_BEYOND_64_BITS,
    /** A number with a point or an exponent, or negative zero. */
    FRACTION,
    /** {@code deleted} is false. */
    DELETED_FALSE,
    /** {@code attachment} is null. */
    ATTACHMENT_NULL,
    /** {@code attachment} has other members than the five of every attachment. */
    ATTACHMENT_MEMBERS,
    /** {@code deleted} is not a boolean. */
    DELETED_NOT_BOOLEAN,
    /** {@code attachment} lacks one of the five, or has another type. */
    ATTACHMENT_INCOMPLETE,
    /** {@code last_modified} is missing, or is not an integer from 0 to 2^64. */
    LAST_MODIFIED_MISSING,
    /** Half a surrogate pair. */
    LONE_SURROGATE
  }

  /**
   * A value in canonical form.
   *
   * @param bytes the canonical text, ASCII
   * @param unprinted the same, with the digits of each fraction as they came; the same array if
   *     there is no fraction
   * @param tombstone whether it is an object whose {@code deleted} is truthy
   * @param traits what a client may compute or read differently
   * @param fields of an object, the plain values of its members {@code id} and {@code
   *     last_modified}; null if they are containers, fractions or endless integers
   */
  public record Canonical(
      byte[] bytes,
      byte[] unprinted,
      boolean tombstone,
      Set<Trait> traits,
      Map<String, Object> fields) {

    /** Whether servers may print it in other forms. */
    public boolean hasFractions() {
      return unprinted != bytes;
    }

    /** The text with fractions in the form of a server. */
    public byte[] bytes(ServerForm form) {
      return bytes(form.printer);
    }

    /** The text with fractions as they came. */
    byte[] asItCame() {
      return bytes(UnaryOperator.identity());
    }

    private byte[] bytes(UnaryOperator<String> printer) {
      return hasFractions()
          ? printed(new String(unprinted, StandardCharsets.US_ASCII), printer)
          : bytes;
    }
  }

  private static final Set<String> FIELDS = Set.of("id", "last_modified");

  /** The members of an attachment. */
  static final Set<String> ATTACHMENT = Set.of("filename", "mimetype", "location", "hash", "size");

  /** Reads one JSON document in UTF-8. */
  public static Canonical read(byte[] json) throws BadJson {
    try (JsonParser parser = Json.parser(new ByteArrayInputStream(json))) {
      Json.next(parser);
      Canonical canonical = read(parser);
      Json.end(parser);
      return canonical;
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
    private final Set<Trait> traits = EnumSet.noneOf(Trait.class);
    private boolean tombstone;
    private boolean fractions;
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
      byte[] unprinted = text.toString().getBytes(StandardCharsets.US_ASCII);
      byte[] bytes = fractions ? printed(text, CanonicalJson::ecmaScript) : unprinted;
      return new Canonical(
          bytes, unprinted, tombstone, traits.isEmpty() ? Set.of() : traits, fields);
    }

    private void add(JsonToken token) throws IOException {
      if (!token.isStructEnd() && !text.isEmpty() && "[{:".indexOf(last()) < 0) {
        text.append(',');
      }
      if (!text.isEmpty() && last() == ':') {
        String key = open.peek().getLast().key();
        if (open.size() == 1) {
          field(key, token);
        } else if (key.equals("toJSON") && isTruthy(token) && isMember()) {
          traits.add(Trait.TO_JSON);
        }
      }
      switch (token) {
        case START_OBJECT -> {
          if (open.isEmpty()) {
            traits.add(Trait.LAST_MODIFIED_MISSING); // until it is met
          }
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
          List<Member> members = open.pop();
          if (open.size() == 1
              && !open.peek().isEmpty()
              && open.peek().getLast().key().equals("attachment")) {
            attachment(members);
          }
          sort(members);
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
          integer(digits);
          text.append(digits);
        }
        case VALUE_NUMBER_FLOAT -> {
          String digits = parser.getString();
          if (Double.isInfinite(Double.parseDouble(digits))) {
            throw new BadJson("the number " + Json.shortened(digits) + " is out of range", null);
          }
          fractions = true;
          traits.add(Trait.FRACTION);
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
      switch (key) {
        case "deleted" -> {
          tombstone = isTruthy(token);
          flag(Trait.DELETED_FALSE, token == JsonToken.VALUE_FALSE);
          flag(Trait.DELETED_NOT_BOOLEAN, !token.isBoolean());
        }
        case "attachment" -> {
          flag(Trait.ATTACHMENT_NULL, token == JsonToken.VALUE_NULL);
          flag(
              Trait.ATTACHMENT_INCOMPLETE,
              token != JsonToken.VALUE_NULL && token != JsonToken.START_OBJECT);
          flag(Trait.ATTACHMENT_MEMBERS, false);
        }
        case "last_modified" ->
            flag(
                Trait.LAST_MODIFIED_MISSING,
                token != JsonToken.VALUE_NUMBER_INT || !isUnsigned64(parser.getString()));
        default -> {}
      }
    }

    /** Sets a trait anew, for of equal keys the last wins. */
    private void flag(Trait trait, boolean present) {
      if (present) {
        traits.add(trait);
      } else {
        traits.remove(trait);
      }
    }

    /**
     * Whether JavaScript takes the value at this token as true. The server, in Python, takes an
     * empty list or object as false and signs such a record; Firefox, which leaves it out, decides.
     */
    private boolean isTruthy(JsonToken token) {
      return switch (token) {
        case VALUE_FALSE, VALUE_NULL -> false;
        case VALUE_STRING -> parser.getStringLength() > 0;
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> Double.parseDouble(parser.getString()) != 0;
        default -> true;
      };
    }

    /**
     * Whether the open object is the value of a member: Firefox calls toJSON of such values only.
     */
    private boolean isMember() {
      return open.stream().skip(1).findFirst().filter(parent -> !parent.isEmpty()).isPresent();
    }

    /** Looks at the attachment before its members are put in order. */
    private void attachment(List<Member> members) {
      Set<String> missing = new HashSet<>(ATTACHMENT);
      int end = text.length();
      for (Member member : members.reversed()) {
        String key = member.key();
        if (!ATTACHMENT.contains(key)) {
          traits.add(Trait.ATTACHMENT_MEMBERS);
        } else {
          String value = text.substring(member.start() + key.length() + 3, end); // "key":
          if (key.equals("size") ? isUnsigned64(value) : value.startsWith("\"")) {
            missing.remove(key);
          }
        }
        end = member.start() - 1; // without the comma
      }
      flag(Trait.ATTACHMENT_INCOMPLETE, !missing.isEmpty());
    }

    private void integer(String digits) {
      if (digits.length() > ALWAYS_EXACT) {
        if (!isExact(digits)) {
          traits.add(Trait.INTEGER_BEYOND_DOUBLE);
        }
        if (!is64Bits(digits)) {
          traits.add(Trait.INTEGER_BEYOND_64_BITS);
        }
      }
      if (digits.equals("-0")) {
        traits.add(Trait.FRACTION);
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
      boolean surrogates = false;
      text.append('"');
      int plain = offset; // from here on, nothing to escape
      for (int i = offset; i < offset + count; i++) {
        char c = chars[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
          surrogates |= Character.isSurrogate(c);
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
      if (surrogates
          && !StandardCharsets.UTF_8
              .newEncoder()
              .canEncode(CharBuffer.wrap(chars, offset, count))) {
        traits.add(Trait.LONE_SURROGATE);
      }
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
      if (!isAscending(keys, Comparator.naturalOrder())) {
        traits.add(Trait.UTF_16_ORDER);
      }
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

  /** Prints the fractions of a text. */
  private static byte[] printed(CharSequence unprinted, UnaryOperator<String> printer) {
    return FRACTION
        .matcher(unprinted)
        .replaceAll(digits -> printer.apply(digits.group(1)))
        .getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * ECMAScript's Number::toString, radix 10, of the double nearest to these digits; but negative
   * zero keeps its sign.
   */
  static String ecmaScript(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return sign(digits) + "0";
    }
    BigDecimal decimal = shortest(number);
    int exponent = exponent(decimal);
    return -7 < exponent && exponent < 21
        ? decimal.toPlainString()
        : mantissa(decimal) + (exponent < 0 ? "e" : "e+") + exponent;
  }

  /** Rust's {@code {:E}}. */
  static String canonicaljsonRs(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return sign(digits) + "0E0";
    }
    BigDecimal decimal = shortest(number);
    // of two decimals that are equally near, Rust takes the larger one, ECMAScript the even one
    MathContext halfUp = new MathContext(decimal.precision(), RoundingMode.HALF_UP);
    BigDecimal larger = new BigDecimal(number).round(halfUp).stripTrailingZeros();
    decimal = larger.doubleValue() == number ? larger : decimal;
    return mantissa(decimal) + "E" + exponent(decimal);
  }

  /** Python's {@code repr} of a float. */
  static String python(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return sign(digits) + "0.0";
    }
    BigDecimal decimal = shortest(number);
    int exponent = exponent(decimal);
    if (-5 < exponent && exponent < 16) {
      return decimal.scale() > 0 ? decimal.toPlainString() : decimal.toPlainString() + ".0";
    }
    int power = Math.abs(exponent);
    return mantissa(decimal) + (exponent < 0 ? "e-" : "e+") + (power < 10 ? "0" : "") + power;
  }

  private static String sign(String digits) {
    return digits.startsWith("-") ? "-" : "";
  }

  /** One digit, a point and the others; before it a minus. */
  private static String mantissa(BigDecimal decimal) {
    return decimal.scaleByPowerOfTen(-exponent(decimal)).toPlainString();
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

  /** Whether ECMAScript, which has doubles only, prints an integer as it came. */
  static boolean isExact(String integer) {
    return integer.length() <= ALWAYS_EXACT
        || (integer.length() <= MAX_WRITTEN_OUT && ecmaScript(integer).equals(integer));
  }

  private static boolean is64Bits(String integer) {
    String most = integer.startsWith("-") ? "-9223372036854775808" : "18446744073709551615";
    return integer.length() < most.length()
        || (integer.length() == most.length() && integer.compareTo(most) <= 0);
  }

  private static boolean isUnsigned64(String number) {
    return number.chars().allMatch(c -> '0' <= c && c <= '9') && is64Bits(number);
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
