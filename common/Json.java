//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES UnexpectedBody.java

package common;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FilterReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.core.util.DefaultPrettyPrinter;

/**
 * Reads and writes JSON: the only file that opens a parser or a generator.
 *
 * <p>Plain values are {@code Map<String, Object>} in order, {@code List<Object>}, {@code String},
 * {@code Long}, {@code BigDecimal}, {@code Boolean} and null.
 */
public final class Json {

  /** How deep an answer may be nested; the size of an answer is limited where it is read. */
  public static final int MAX_NESTING = 10_000;

  private static final int MAX_PLAIN_DIGITS = 1_000;

  /** Plain values are compared and written by recursion. */
  private static final int MAX_PLAIN_NESTING = 1_000;

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
          // a server could make the table of names fail, with names of equal hash
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .build();

  private Json() {}

  /** The text is not JSON, ends too early, or holds a number that is out of range. */
  public static final class BadJson extends IOException {
    private static final long serialVersionUID = 1;

    public BadJson(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** A value in canonical form, which is written into a document as it is. */
  public record Raw(byte[] canonical) {}

  /**
   * Opens a document; the stream is not closed with the parser. UTF-8 is decoded strictly, before
   * Jackson sees it.
   */
  static JsonParser parser(InputStream json) {
    return parser(JSON, json);
  }

  private static JsonParser parser(JsonFactory factory, InputStream json) {
    CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder(); // reports what it cannot decode
    return factory.createParser(
        ObjectReadContext.empty(), new SurrogateReader(new InputStreamReader(json, utf8)));
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
  private static void end(JsonParser parser) throws IOException {
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

  /** A failure of the stream stays the same; all else is bad JSON. */
  private static IOException translated(JacksonException e) {
    if (e instanceof JacksonIOException && e.getCause() instanceof IOException io) {
      return io instanceof CharacterCodingException ? new BadJson("the text is not UTF-8", io) : io;
    }
    var at = e.getLocation();
    String where =
        at == null || at.getLineNr() < 1
            ? ""
            : " (line %d, column %d)".formatted(at.getLineNr(), at.getColumnNr());
    // what Jackson expected, or which of its switches would allow it, does not help a user
    String plain = e.getOriginalMessage().replaceFirst(": .*|, from `.*`", "");
    return new BadJson(plain + where, e);
  }

  /**
   * Reads one JSON document like {@link #parse(InputStream)}, but numbers that are not JSON or out
   * of range become texts: Python's {@code json} writes {@code NaN} and {@code Infinity}.
   */
  public static Object parseWithAnyNumber(InputStream json) throws IOException {
    JsonFactory anyNumber =
        JSON.rebuild().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();
    try (JsonParser parser = parser(anyNumber, json)) {
      next(parser);
      Object value = value(parser, 1, true);
      end(parser);
      return value;
    }
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

  /** The same, for a text. */
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
    return value(parser, 1, false);
  }

  private static Object value(JsonParser parser, int level, boolean anyNumber) throws IOException {
    JsonToken token = parser.currentToken();
    if (token.isStructStart() && level > MAX_PLAIN_NESTING) {
      throw new BadJson("it is nested deeper than %d levels".formatted(MAX_PLAIN_NESTING), null);
    }
    switch (token) {
      case START_OBJECT -> {
        Map<String, Object> object = new LinkedHashMap<>();
        while (next(parser) == JsonToken.PROPERTY_NAME) {
          String name = parser.currentName();
          next(parser);
          object.put(name, value(parser, level + 1, anyNumber));
        }
        return object;
      }
      case START_ARRAY -> {
        List<Object> list = new ArrayList<>();
        while (next(parser) != JsonToken.END_ARRAY) {
          list.add(value(parser, level + 1, anyNumber));
        }
        return list;
      }
      default -> {
        return anyNumber && token.isNumeric() ? number(parser, token) : scalar(parser, token);
      }
    }
  }

  /** A number, as text if it cannot be one. */
  private static Object number(JsonParser parser, JsonToken token) throws IOException {
    try {
      return scalar(parser, token);
    } catch (BadJson e) {
      return parser.getString();
    }
  }

  private static Object scalar(JsonParser parser, JsonToken token) throws IOException {
    try {
      return switch (token) {
        case VALUE_STRING -> parser.getString();
        case VALUE_NUMBER_INT -> {
          BigInteger number = new BigInteger(plain(parser.getString()));
          yield number.bitLength() < Long.SIZE ? number.longValue() : new BigDecimal(number);
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

  @SuppressWarnings("unchecked") // Json.value makes maps
  public static Map<String, Object> object(Object value, String what) throws UnexpectedBody {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new UnexpectedBody("unexpected answer: %s is not an object".formatted(what));
  }

  @SuppressWarnings("unchecked") // Json.value makes lists
  public static List<Object> list(Object value, String what) throws UnexpectedBody {
    if (value instanceof List<?> list) {
      return (List<Object>) list;
    }
    throw new UnexpectedBody("unexpected answer: %s is not a list".formatted(what));
  }

  /** Refuses thousands of digits: no plain value has them, and they take long to convert. */
  private static String plain(String digits) throws BadJson {
    if (digits.length() > MAX_PLAIN_DIGITS) {
      throw new BadJson("the number " + shortened(digits) + " is too long", null);
    }
    return digits;
  }

  public static String shortened(String digits) {
    return digits.length() <= 30 ? digits : digits.substring(0, 30) + "…";
  }

  /** Returns a document of plain values as indented UTF-8 JSON, keys in the order of the maps. */
  public static byte[] document(Object value) {
    return written(value, new DefaultPrettyPrinter());
  }

  /** Returns a document of plain values as UTF-8 JSON without spaces. */
  public static byte[] compact(Object value) {
    return written(value, null);
  }

  private static byte[] written(Object value, PrettyPrinter printer) {
    ObjectWriteContext style =
        new ObjectWriteContext.Base() {
          @Override
          public PrettyPrinter getPrettyPrinter() {
            return printer;
          }
        };
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(style, out)) {
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
      case Integer _, Long _, BigDecimal _ -> json.writeNumber(value.toString());
      case Raw(byte[] canonical) ->
          json.writeRawValue(new String(canonical, StandardCharsets.US_ASCII));
      default -> json.writeString(value.toString());
    }
  }

  /**
   * Turns escapes of surrogates ({@code \\ud83d}) into the chars they stand for: Jackson refuses
   * lone ones in keys when escaped, and canonical JSON keeps them.
   */
  private static final class SurrogateReader extends FilterReader {
    private final char[] escape = new char[6];
    private int held; // chars of an escape that are read so far

    SurrogateReader(Reader in) {
      super(in);
    }

    @Override
    public int read(char[] out, int offset, int length) throws IOException {
      int to = offset;
      int count = 0;
      while (count >= 0 && to - offset < escape.length) {
        int start = to + escape.length - 1; // before it, room for what the last chunk ended with
        count = in.read(out, start, offset + length - start);
        for (int from = start; from < start + count; from++) {
          char c = out[from];
          if (held > 1 && !HexFormat.isHexDigit(c)) { // invalid: Jackson will say so
            to = flush(out, to);
          }
          if (held == 0 && c != '\\') {
            out[to++] = c;
            continue;
          }
          escape[held++] = c;
          if (held == escape.length || (held == 2 && c != 'u')) {
            to = flush(out, to);
          }
        }
      }
      to = count < 0 ? flush(out, to) : to;
      return to == offset ? -1 : to - offset;
    }

    /** Writes the escape, or the char that it stands for; returns where that ends. */
    private int flush(char[] out, int to) {
      if (isSurrogate()) {
        escape[0] = (char) HexFormat.fromHexDigits(new String(escape, 2, 4));
        held = 1;
      }
      System.arraycopy(escape, 0, out, to, held);
      int end = to + held;
      held = 0;
      return end;
    }

    private boolean isSurrogate() {
      return held == escape.length
          && "dD".indexOf(escape[2]) >= 0
          && "89abcdefABCDEF".indexOf(escape[3]) >= 0
          && HexFormat.isHexDigit(escape[4])
          && HexFormat.isHexDigit(escape[5]);
    }
  }
}
