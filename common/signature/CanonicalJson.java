//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES ../Json.java

package common.signature;

import common.Json;
import common.Json.BadJson;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * JSON as signatures need it: one text per value, whatever the order, spacing or escapes it came
 * with.
 *
 * <p>The rules (contract, <i>validate_signature</i>, step 1; <i>Client specifications › Signature
 * Verification</i>): keys sorted by code point, the last of equal keys wins, no spaces; everything
 * outside U+0020–U+007E as lower-case {@code \\uXXXX} but for the short escapes; integers exactly,
 * other numbers as ECMAScript prints them.
 *
 * <p>A value is read from a stream of tokens straight into its canonical bytes; no tree is built.
 */
public final class CanonicalJson {

  /** How often a text may be put in order as a whole: once for each level out of order. */
  private static final long MAX_MOVES = 64;

  /** A fraction not yet printed stands between these two bytes, which no canonical text holds. */
  private static final byte FRACTION_START = 1;

  private static final byte FRACTION_END = 2;

  private static final long MAX_SAFE_INTEGER = 1L << 53;

  private CanonicalJson() {}

  /**
   * A value in canonical form.
   *
   * @param bytes the canonical text, ASCII
   * @param serverForm the same with fractions as the server's own library prints them ({@code
   *     1E-1}); the same array where there is no fraction
   * @param hugeIntegers whether it holds an integer beyond 2^53, which Firefox would round
   * @param utf16OrderDiffers whether Firefox, which sorts by UTF-16, would order its keys otherwise
   * @param fields of an object, the plain values of its members {@code id}, {@code last_modified}
   *     and {@code deleted}; null where they are containers, fractions or endless integers
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
   * <p>Iterative: how deep a text is nested costs memory, never the stack.
   */
  public static Canonical read(JsonParser parser) throws IOException {
    return new CanonicalReader(parser).read();
  }

  /** One open array or object: where its text starts and, of an object, its members. */
  private static final class Frame {
    final int start;
    final List<Member> members;
    int values;
    boolean sorted = true;

    Frame(int start, boolean object) {
      this.start = start;
      this.members = object ? new ArrayList<>() : null;
    }
  }

  /** One member's text {@code "key":value}, from start to end. */
  private static final class Member {
    final String key;
    final int start;
    int end;

    Member(String key, int start) {
      this.key = key;
      this.start = start;
    }
  }

  private static final class CanonicalReader {
    private final JsonParser parser;
    private final Text text = new Text();
    private final Deque<Frame> open = new ArrayDeque<>();
    private final Map<String, Object> fields = new HashMap<>();
    private boolean fractions;
    private boolean hugeIntegers;
    private boolean utf16OrderDiffers;
    private long moved; // bytes that were put in order, level by level

    CanonicalReader(JsonParser parser) {
      this.parser = parser;
    }

    Canonical read() throws IOException {
      JsonToken token = parser.currentToken();
      try {
        while (true) {
          value(token);
          if (open.isEmpty()) {
            break;
          }
          token = Json.next(parser);
        }
      } catch (JacksonException e) {
        throw Json.translated(e);
      }
      byte[] bytes = text.bytes();
      byte[] serverForm = bytes;
      if (fractions) {
        serverForm = withFractions(bytes, CanonicalJson::serverForm);
        bytes = withFractions(bytes, CanonicalJson::ecmaScript);
      }
      return new Canonical(bytes, serverForm, hugeIntegers, utf16OrderDiffers, fields);
    }

    private void value(JsonToken token) throws IOException {
      switch (token) {
        case PROPERTY_NAME -> {
          name(parser.currentName());
          return;
        }
        case END_OBJECT -> {
          close(open.pop());
          text.add('}');
          ended();
          return;
        }
        case END_ARRAY -> {
          open.pop();
          text.add(']');
          ended();
          return;
        }
        default -> {}
      }
      Frame around = open.peek();
      if (around != null && around.members == null && around.values++ > 0) {
        text.add(',');
      }
      if (around != null && around.members != null && open.size() == 1) {
        field(around.members.getLast().key, token);
      }
      switch (token) {
        case START_OBJECT -> {
          text.add('{');
          open.push(new Frame(text.length, true));
          return;
        }
        case START_ARRAY -> {
          text.add('[');
          open.push(new Frame(text.length, false));
          return;
        }
        case VALUE_STRING ->
            text.quoted(
                parser.getStringCharacters(), parser.getStringOffset(), parser.getStringLength());
        case VALUE_NUMBER_INT -> integer(parser.getString());
        case VALUE_NUMBER_FLOAT -> {
          fractions = true;
          String digits = parser.getString();
          if (Double.isInfinite(Double.parseDouble(digits))) {
            throw new BadJson("the number " + Json.shortened(digits) + " is out of range", null);
          }
          text.add(FRACTION_START);
          text.add(digits);
          text.add(FRACTION_END);
        }
        case VALUE_TRUE -> text.add("true");
        case VALUE_FALSE -> text.add("false");
        case VALUE_NULL -> text.add("null");
        default -> throw new BadJson("unexpected token " + token, null);
      }
      ended();
    }

    private void field(String key, JsonToken token) throws IOException {
      if (FIELDS.contains(key)) {
        fields.put(key, isPlain(token) ? Json.scalar(parser, token) : null);
      }
    }

    /** No container, no fraction, and no digits by the thousand, which are no id or timestamp. */
    private boolean isPlain(JsonToken token) {
      return token.isScalarValue()
          && token != JsonToken.VALUE_NUMBER_FLOAT
          && (token != JsonToken.VALUE_NUMBER_INT
              || parser.getStringLength() <= Json.MAX_PLAIN_DIGITS);
    }

    private void name(String key) {
      Frame object = open.peek();
      if (!object.members.isEmpty()) {
        text.add(',');
        String previous = object.members.getLast().key;
        object.sorted &= byCodePoint(previous, key) < 0;
      }
      object.members.add(new Member(key, text.length));
      char[] chars = key.toCharArray();
      text.quoted(chars, 0, chars.length);
      text.add(':');
    }

    private void ended() {
      Frame around = open.peek();
      if (around != null && around.members != null) {
        around.members.getLast().end = text.length;
      }
    }

    /** Puts the members of an object in order, where they did not come so. */
    private void close(Frame object) throws BadJson {
      List<Member> members = object.members;
      if (!object.sorted) {
        members = lastOfEqualKeys(members);
        Text ordered = new Text();
        for (Member member : members) {
          if (ordered.length > 0) {
            ordered.add(',');
          }
          ordered.add(text.bytes, member.start, member.end);
        }
        text.length = object.start;
        text.add(ordered.bytes, 0, ordered.length);
        moved += ordered.length;
        if (moved > MAX_MOVES * Math.max(text.length, 1024 * 1024)) {
          throw new BadJson("its keys are out of order on too many levels", null);
        }
      }
      for (int i = 1; i < members.size(); i++) {
        utf16OrderDiffers |= members.get(i - 1).key.compareTo(members.get(i).key) > 0;
      }
    }

    private static List<Member> lastOfEqualKeys(List<Member> members) {
      List<Member> sorted = new ArrayList<>(members);
      // stable: of equal keys the one that came last stays last
      sorted.sort(Comparator.comparing(member -> member.key, CanonicalJson::byCodePoint));
      List<Member> last = new ArrayList<>(sorted.size());
      for (Member member : sorted) {
        if (!last.isEmpty() && last.getLast().key.equals(member.key)) {
          last.removeLast();
        }
        last.add(member);
      }
      return last;
    }

    private void integer(String digits) {
      if (digits.equals("-0")) {
        text.add('0');
        return;
      }
      hugeIntegers |= digits.length() > 15 && !isSafe(digits);
      text.add(digits);
    }

    private static boolean isSafe(String digits) {
      try {
        long number = Long.parseLong(digits);
        return -MAX_SAFE_INTEGER <= number && number <= MAX_SAFE_INTEGER;
      } catch (NumberFormatException tooLong) {
        return false;
      }
    }
  }

  /** Compares two strings by code point; {@link String#compareTo} compares by UTF-16 unit. */
  static int byCodePoint(String a, String b) {
    int i = 0; // the same in both, as long as their code points are
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

  private interface NumberFormat {
    String print(String digits);
  }

  private static byte[] withFractions(byte[] text, NumberFormat format) {
    Text printed = new Text();
    int from = 0;
    for (int i = 0; i < text.length; i++) {
      if (text[i] == FRACTION_START) {
        printed.add(text, from, i);
        int end = i + 1;
        while (text[end] != FRACTION_END) {
          end++;
        }
        printed.add(format.print(new String(text, i + 1, end - i - 1, StandardCharsets.US_ASCII)));
        i = end;
        from = end + 1;
      }
    }
    printed.add(text, from, text.length);
    return printed.bytes();
  }

  /** ECMAScript's Number::toString, radix 10, of the double nearest to these digits. */
  static String ecmaScript(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return "0";
    }
    BigDecimal decimal = shortest(Math.abs(number));
    String significant = decimal.unscaledValue().toString();
    int count = significant.length();
    // ECMAScript's n: the value is 0.DIGITS times ten to the n
    int point = count - decimal.scale();
    StringBuilder text = new StringBuilder(number < 0 ? "-" : "");
    if (count <= point && point <= 21) {
      text.append(significant).repeat('0', point - count);
    } else if (0 < point && point <= 21) {
      text.append(significant, 0, point).append('.').append(significant, point, count);
    } else if (-6 < point && point <= 0) {
      text.append("0.").repeat('0', -point).append(significant);
    } else {
      text.append(significant.charAt(0));
      if (count > 1) {
        text.append('.').append(significant, 1, count);
      }
      text.append('e').append(point > 0 ? '+' : '-').append(Math.abs(point - 1));
    }
    return text.toString();
  }

  /**
   * The shortest decimal that reads back as this double, the nearest of those; no zeros at its end.
   */
  private static BigDecimal shortest(double number) {
    BigDecimal decimal = new BigDecimal(Double.toString(number)).stripTrailingZeros();
    if (decimal.precision() == 2) {
      // Double.toString prints two digits where one would do (4.9E-324 for 5e-324)
      BigDecimal one = decimal.round(ONE_DIGIT).stripTrailingZeros();
      if (one.doubleValue() == number) {
        return one;
      }
    }
    return decimal;
  }

  private static final java.math.MathContext ONE_DIGIT =
      new java.math.MathContext(1, RoundingMode.HALF_EVEN);

  /** A fraction as the server's own library prints it (Rust's {@code {:E}}): {@code 1E-1}. */
  static String serverForm(String digits) {
    double number = Double.parseDouble(digits);
    if (number == 0) {
      return digits.startsWith("-") ? "-0E0" : "0E0";
    }
    BigDecimal decimal = shortest(Math.abs(number));
    String significant = decimal.unscaledValue().toString();
    return (number < 0 ? "-" : "")
        + significant.charAt(0)
        + (significant.length() > 1 ? "." + significant.substring(1) : "")
        + "E"
        + (significant.length() - decimal.scale() - 1);
  }

  /**
   * The members of an object in canonical form: the text of each value by its name, both as they
   * stand there. For a record, a difference in its members is a difference in its content.
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
    Text text = new Text();
    text.add('{');
    for (int start = 1; object[start] != '}'; ) {
      int colon = endOfValue(object, start);
      int end = endOfValue(object, colon + 1);
      String name = new String(object, start + 1, colon - start - 2, StandardCharsets.US_ASCII);
      if (!names.contains(name)) {
        text.add(text.length == 1 ? "" : ",");
        text.add(object, start, end);
      }
      start = object[end] == ',' ? end + 1 : end;
    }
    text.add('}');
    return text.bytes();
  }

  /** Where the value or name that starts here ends: at the colon, comma or bracket behind it. */
  private static int endOfValue(byte[] canonical, int start) {
    int depth = 0;
    boolean quoted = false;
    for (int i = start; ; i++) {
      switch (canonical[i]) {
        case '\\' -> i++; // only texts have any
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

  /** A growing ASCII text. */
  private static final class Text {
    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    byte[] bytes = new byte[256];
    int length;

    void add(int ascii) {
      room(1);
      bytes[length++] = (byte) ascii;
    }

    void add(String ascii) {
      int count = ascii.length();
      room(count);
      for (int i = 0; i < count; i++) {
        bytes[length++] = (byte) ascii.charAt(i);
      }
    }

    void add(byte[] from, int start, int end) {
      room(end - start);
      System.arraycopy(from, start, bytes, length, end - start);
      length += end - start;
    }

    void quoted(char[] chars, int offset, int count) {
      room(count + 2);
      bytes[length++] = '"';
      for (int i = offset; i < offset + count; i++) {
        char c = chars[i];
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
          room(1);
          bytes[length++] = (byte) c;
        } else {
          escaped(c);
        }
      }
      add('"');
    }

    private void escaped(char c) {
      room(6);
      bytes[length++] = '\\';
      switch (c) {
        case '"', '\\' -> bytes[length++] = (byte) c;
        case '\b' -> bytes[length++] = 'b';
        case '\t' -> bytes[length++] = 't';
        case '\n' -> bytes[length++] = 'n';
        case '\f' -> bytes[length++] = 'f';
        case '\r' -> bytes[length++] = 'r';
        default -> {
          bytes[length++] = 'u';
          for (int shift = 12; shift >= 0; shift -= 4) {
            bytes[length++] = HEX[c >> shift & 0xf];
          }
        }
      }
    }

    private void room(int count) {
      if (length + count > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(length + count, bytes.length * 2));
      }
    }

    byte[] bytes() {
      return Arrays.copyOf(bytes, length);
    }
  }
}
