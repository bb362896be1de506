//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0

package common;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.Reader;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
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
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.StreamWriteConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.exc.JacksonIOException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultPrettyPrinter;

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
 * This is also the only file that opens a parser or a writer of JSON.
 */
public final class CanonicalJson {

  /** What Jackson may meet in an answer; the size of an answer is limited where it is read. */
  private static final int MAX_NESTING = 10_000;

  private static final int MAX_PLAIN_DIGITS = 1_000;

  /** Plain values are compared and written by recursion. */
  private static final int MAX_PLAIN_NESTING = 1_000;

  /** How often a text may be put in order as a whole: once for each level out of order. */
  private static final long MAX_MOVES = 64;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_NESTING)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .build())
          .streamWriteConstraints(
              StreamWriteConstraints.builder().maxNestingDepth(MAX_NESTING).build())
          .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
          // a table of names can be filled with ones of equal hash, and ends in an error then
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .build();

  /** A fraction not yet printed stands between these two bytes, which no canonical text holds. */
  private static final byte FRACTION_START = 1;

  private static final byte FRACTION_END = 2;

  private static final long MAX_SAFE_INTEGER = 1L << 53;

  private CanonicalJson() {}

  /** The text is no JSON, ends too early, or holds a number that no double can hold. */
  public static final class BadJson extends IOException {
    private static final long serialVersionUID = 1;

    BadJson(String message, Throwable cause) {
      super(message, cause);
    }
  }

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
    try (JsonParser parser = parser(new ByteArrayInputStream(json))) {
      next(parser);
      byte[] bytes = read(parser).bytes();
      end(parser);
      return bytes;
    } catch (BadJson e) {
      throw e;
    } catch (IOException e) {
      throw new BadJson(e.getMessage(), e);
    }
  }

  /**
   * Opens a document; the stream is not closed with the parser. UTF-8 is decoded strictly, before
   * Jackson sees it.
   */
  static JsonParser parser(InputStream json) {
    CharsetDecoder utf8 =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    return JSON.createParser(
        ObjectReadContext.empty(), new SurrogateReader(new InputStreamReader(json, utf8)));
  }

  /**
   * Turns escapes of surrogates ({@code \ud83d}) into the chars they stand for: Jackson refuses
   * lone ones in keys when escaped, and canonical JSON keeps them.
   */
  private static final class SurrogateReader extends Reader {
    private final Reader in;
    private final char[] buffer = new char[8192];
    private int from;
    private int to;
    private boolean escaped;

    SurrogateReader(Reader in) {
      this.in = in;
    }

    @Override
    public int read(char[] out, int offset, int length) throws IOException {
      int count = 0;
      while (count < length && (from < to || (count == 0 && fill()))) {
        char c = buffer[from];
        if (c == '\\' && !escaped) {
          if (to - from < 6) {
            fill();
          }
          int surrogate = surrogate();
          if (surrogate >= 0) {
            out[offset + count++] = (char) surrogate;
            from += 6;
            continue;
          }
          escaped = true;
        } else {
          escaped = false;
        }
        out[offset + count++] = c;
        from++;
      }
      return count == 0 && length > 0 ? -1 : count;
    }

    /** The surrogate whose escape starts at {@code from}, or -1. */
    private int surrogate() {
      if (to - from < 6 || buffer[from + 1] != 'u') {
        return -1;
      }
      int value = 0;
      for (int i = 2; i < 6; i++) {
        int digit = Character.digit(buffer[from + i], 16);
        if (digit < 0 || buffer[from + i] > 'f') {
          return -1;
        }
        value = value << 4 | digit;
      }
      return value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE ? value : -1;
    }

    /** Reads until the buffer holds a whole escape or the input ends; false if it holds nothing. */
    private boolean fill() throws IOException {
      System.arraycopy(buffer, from, buffer, 0, to - from);
      to -= from;
      from = 0;
      while (to < 6) {
        int read = in.read(buffer, to, buffer.length - to);
        if (read < 0) {
          break;
        }
        to += read;
      }
      return to > 0;
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }

  /**
   * Opens a writer of one document.
   *
   * @param printer null for no spaces
   */
  static JsonGenerator writer(OutputStream out, PrettyPrinter printer) {
    return JSON.createGenerator(
        new ObjectWriteContext.Base() {
          @Override
          public PrettyPrinter getPrettyPrinter() {
            return printer;
          }
        },
        out);
  }

  /** Goes to the next token; the end of the input is an error, since every caller expects one. */
  static JsonToken next(JsonParser parser) throws IOException {
    JsonToken token = advance(parser);
    if (token == null) {
      throw new BadJson("the text ends too early", null);
    }
    return token;
  }

  /** Refuses anything but white space after the document. */
  static void end(JsonParser parser) throws IOException {
    if (advance(parser) != null) {
      throw new BadJson("there is more text after the document", null);
    }
  }

  private static JsonToken advance(JsonParser parser) throws IOException {
    try {
      return parser.nextToken();
    } catch (JacksonException e) {
      throw translated(e);
    }
  }

  /** A failure of the stream stays what it was; all else is bad JSON. */
  private static IOException translated(JacksonException e) {
    if (e instanceof JacksonIOException && e.getCause() instanceof IOException io) {
      return io instanceof CharacterCodingException ? new BadJson("the text is not UTF-8", io) : io;
    }
    return badJson(e);
  }

  private static BadJson badJson(JacksonException e) {
    String where =
        e.getLocation() == null || e.getLocation().getLineNr() < 1
            ? ""
            : " (line %d, column %d)"
                .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    String message = e.getOriginalMessage();
    // what Jackson would rather see, or which of its switches would allow it, helps no user
    String plain = message.replaceFirst(": .*|, from `.*`", "");
    return new BadJson(plain + where, e);
  }

  /**
   * Reads the value at the parser's current token, to its last token.
   *
   * <p>Iterative: how deep a text is nested costs memory, never the stack.
   */
  static Canonical read(JsonParser parser) throws IOException {
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
          token = next(parser);
        }
      } catch (JacksonException e) {
        throw translated(e);
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
            throw new BadJson("the number " + shortened(digits) + " is out of range", null);
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
        fields.put(key, isPlain(token) ? scalar(parser, token) : null);
      }
    }

    /** No container, no fraction, and no digits by the thousand, which are no id or timestamp. */
    private boolean isPlain(JsonToken token) {
      return token.isScalarValue()
          && token != JsonToken.VALUE_NUMBER_FLOAT
          && (token != JsonToken.VALUE_NUMBER_INT || parser.getStringLength() <= MAX_PLAIN_DIGITS);
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

  /** Reads one JSON document into plain values, as {@link #value} does. */
  public static Object parse(InputStream json) throws IOException {
    try (JsonParser parser = parser(json)) {
      next(parser);
      Object value = value(parser);
      end(parser);
      return value;
    }
  }

  /** The same of a text. */
  public static Object parse(String json) throws BadJson {
    try {
      return parse(new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)));
    } catch (BadJson e) {
      throw e;
    } catch (IOException e) {
      throw new BadJson(e.getMessage(), e);
    }
  }

  /**
   * Reads the value at the parser's current token into plain values: {@code Map<String, Object>} in
   * order, {@code List<Object>}, {@code String}, {@code Long}, {@code BigDecimal} (fractions and
   * integers beyond 64 bits), {@code Boolean} or null. For small answers, nested at most 1,000
   * deep; records stay canonical bytes.
   */
  static Object value(JsonParser parser) throws IOException {
    Deque<Object> open = new ArrayDeque<>();
    Deque<String> keys = new ArrayDeque<>();
    String key = null;
    JsonToken token = parser.currentToken();
    while (true) {
      Object value;
      switch (token) {
        case PROPERTY_NAME -> {
          key = parser.currentName();
          token = next(parser);
          continue;
        }
        case START_OBJECT, START_ARRAY -> {
          if (open.size() == MAX_PLAIN_NESTING) {
            throw new BadJson(
                "it is nested deeper than %d levels".formatted(MAX_PLAIN_NESTING), null);
          }
          open.push(
              token == JsonToken.START_OBJECT
                  ? new LinkedHashMap<String, Object>()
                  : new ArrayList<>());
          keys.push(key == null ? "" : key);
          token = next(parser);
          continue;
        }
        case END_OBJECT, END_ARRAY -> {
          value = open.pop();
          key = keys.pop();
        }
        default -> value = scalar(parser, token);
      }
      if (open.isEmpty()) {
        return value;
      }
      put(open.peek(), key, value);
      token = next(parser);
    }
  }

  @SuppressWarnings("unchecked") // only value() puts containers here, of these two kinds
  private static void put(Object container, String key, Object value) {
    if (container instanceof Map<?, ?> map) {
      ((Map<String, Object>) map).put(key, value);
    } else {
      ((List<Object>) container).add(value);
    }
  }

  private static Object scalar(JsonParser parser, JsonToken token) throws IOException {
    try {
      return switch (token) {
        case VALUE_STRING -> parser.getString();
        case VALUE_NUMBER_INT -> {
          String digits = plain(parser.getString());
          yield digits.length() < 19 ? Long.valueOf(digits) : bigInteger(digits);
        }
        case VALUE_NUMBER_FLOAT -> new BigDecimal(plain(parser.getString()));
        case VALUE_TRUE -> true;
        case VALUE_FALSE -> false;
        case VALUE_NULL -> null;
        default -> throw new BadJson("unexpected token " + token, null);
      };
    } catch (JacksonException e) {
      throw translated(e);
    } catch (NumberFormatException e) { // an exponent that no BigDecimal can hold
      throw new BadJson("a number is out of range", e);
    }
  }

  /** Refuses digits by the thousand: no plain value has them, and they take long to read. */
  private static String plain(String digits) throws BadJson {
    if (digits.length() > MAX_PLAIN_DIGITS) {
      throw new BadJson("the number " + shortened(digits) + " is too long", null);
    }
    return digits;
  }

  private static Object bigInteger(String digits) {
    BigDecimal number = new BigDecimal(digits);
    return number.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0
            && number.compareTo(BigDecimal.valueOf(Long.MIN_VALUE)) >= 0
        ? (Object) number.longValueExact()
        : number;
  }

  private static String shortened(String digits) {
    return digits.length() <= 30 ? digits : digits.substring(0, 30) + "…";
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

  /** A value in canonical form, to stand in a document as it is. */
  record Raw(byte[] canonical) {}

  /** Returns a document of plain values as indented UTF-8 JSON, keys in the order of the maps. */
  public static byte[] document(Object value) {
    return written(value, new DefaultPrettyPrinter());
  }

  /** Returns a document of plain values as UTF-8 JSON without spaces. */
  static byte[] compact(Object value) {
    return written(value, null);
  }

  private static byte[] written(Object value, PrettyPrinter printer) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = writer(out, printer)) {
      write(json, value);
    }
    return out.toByteArray();
  }

  private static void write(JsonGenerator json, Object value) {
    switch (value) {
      case null -> json.writeNull();
      case Map<?, ?> map -> {
        json.writeStartObject();
        map.forEach((key, member) -> {
          json.writeName(key.toString());
          write(json, member);
        });
        json.writeEndObject();
      }
      case List<?> list -> {
        json.writeStartArray();
        list.forEach(element -> write(json, element));
        json.writeEndArray();
      }
      case Boolean bool -> json.writeBoolean(bool);
      case Integer number -> json.writeNumber(number);
      case Long number -> json.writeNumber(number);
      case BigDecimal number -> json.writeNumber(number);
      case Raw(byte[] canonical) ->
          json.writeRawValue(new String(canonical, StandardCharsets.US_ASCII));
      default -> json.writeString(value.toString());
    }
  }
}
