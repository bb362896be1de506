//JAVA 25+

package common.signature;

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

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
 * <p>{@link CanonicalReader} reads it; here is what it is read into.
 */
public final class CanonicalJson {

  /** A fraction that is not printed yet is between two characters that no canonical text holds. */
  private static final Pattern FRACTION = Pattern.compile("\\x01([^\\x01\\x02]*+)\\x02");

  /** ECMAScript prints every integer of so many characters as it is. */
  static final int ALWAYS_EXACT = 15;

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
   * @param id of an object, its member of that name; null if it has none, or no string
   * @param lastModified of an object, its member {@code last_modified}, epoch milliseconds; 0 if it
   *     has none, or no integer from 0 to 2^63
   */
  public record Canonical(
      byte[] bytes,
      byte[] unprinted,
      boolean tombstone,
      Set<Trait> traits,
      String id,
      long lastModified) {

    /** Whether it is an object. */
    public boolean isObject() {
      return bytes[0] == '{';
    }

    /** Whether servers may print it in other forms. */
    public boolean hasFractions() {
      return unprinted != bytes;
    }

    /** The text with fractions in the form of a server. */
    public byte[] bytes(ServerForm form) {
      return bytes(form.printer);
    }

    /** The text with fractions as they came. */
    public byte[] asItCame() {
      return bytes(UnaryOperator.identity());
    }

    private byte[] bytes(UnaryOperator<String> printer) {
      return hasFractions() ? printed(unprinted, printer) : bytes;
    }
  }

  /** The members of an attachment. */
  static final Set<String> ATTACHMENT = Set.of("filename", "mimetype", "location", "hash", "size");

  /** Compares two strings by code point; {@link String#compareTo} compares by UTF-16 unit. */
  static int byCodePoint(String a, String b) {
    int i = 0; // the same index in both, as long as they are equal
    while (i < a.length() && i < b.length()) {
      int left = a.charAt(i);
      int right = b.charAt(i);
      if (left >= Character.MIN_SURROGATE || right >= Character.MIN_SURROGATE) {
        left = a.codePointAt(i);
        right = b.codePointAt(i);
      }
      if (left != right) {
        return Integer.compare(left, right);
      }
      i += Character.charCount(left);
    }
    return Integer.compare(a.length(), b.length());
  }

  /** Prints the fractions of a text. */
  static byte[] printed(byte[] unprinted, UnaryOperator<String> printer) {
    return FRACTION
        .matcher(new String(unprinted, StandardCharsets.US_ASCII))
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

  static boolean is64Bits(String integer) {
    String most = integer.startsWith("-") ? "-9223372036854775808" : "18446744073709551615";
    return integer.length() < most.length()
        || (integer.length() == most.length() && integer.compareTo(most) <= 0);
  }

  static boolean isUnsigned64(String number) {
    for (int i = 0; i < number.length(); i++) {
      if (number.charAt(i) < '0' || number.charAt(i) > '9') {
        return false;
      }
    }
    return is64Bits(number);
  }

  /**
   * The members of an object in canonical form: the text of each value by its name, both in
   * canonical form. Records with equal members have equal content.
   *
   * @param object as {@link Canonical#bytes} has it
   */
  public static Map<String, String> members(byte[] object) {
    Map<String, String> members = new LinkedHashMap<>();
    forEachMember(
        object,
        (start, colon, end) ->
            members.put(name(object, start, colon), text(object, colon + 1, end)));
    return members;
  }

  /**
   * An object in canonical form without some of its members.
   *
   * @param object as {@link Canonical#bytes} has it
   * @param names of ASCII that needs no escape
   */
  public static byte[] without(byte[] object, Set<String> names) {
    ByteArrayOutputStream kept = new ByteArrayOutputStream(object.length);
    forEachMember(
        object,
        (start, colon, end) -> {
          if (!names.contains(name(object, start, colon))) {
            kept.write(kept.size() == 0 ? '{' : ',');
            kept.write(object, start, end - start);
          }
        });
    if (kept.size() == 0) {
      kept.write('{');
    }
    kept.write('}');
    return kept.toByteArray();
  }

  /** Takes a member by its place in an object, without the comma. */
  private interface Members {
    void add(int start, int colon, int end);
  }

  private static void forEachMember(byte[] object, Members members) {
    for (int start = 1; object[start] != '}'; ) {
      int colon = endOfValue(object, start);
      int end = endOfValue(object, colon + 1);
      members.add(start, colon, end);
      start = object[end] == ',' ? end + 1 : end;
    }
  }

  private static String name(byte[] object, int start, int colon) {
    return text(object, start + 1, colon - 1); // without quotes
  }

  private static String text(byte[] object, int start, int end) {
    return new String(object, start, end - start, StandardCharsets.US_ASCII);
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
