//DEPS io.pebbletemplates:pebble:4.1.2
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.slf4j:slf4j-nop:2.0.20
//DEPS org.unbescape:unbescape:1.1.6.RELEASE
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES SettingsTest.java
//SOURCES Terminal.java
//SOURCES Vectors.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.pebbletemplates.pebble.PebbleEngine;
import io.pebbletemplates.pebble.loader.StringLoader;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unbescape.css.CssEscape;
import org.unbescape.csv.CsvEscape;
import org.unbescape.html.HtmlEscape;
import org.unbescape.java.JavaEscape;
import org.unbescape.java.JavaEscapeLevel;
import org.unbescape.javascript.JavaScriptEscape;
import org.unbescape.json.JsonEscape;
import org.unbescape.properties.PropertiesEscape;
import org.unbescape.uri.UriEscape;
import org.unbescape.xml.XmlEscape;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Secrets in a text, however they were written, and texts without one. */
class MasksTest {

  private static final JsonMapper JSON = new JsonMapper();
  private static final JsonMapper ASCII_JSON =
      JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();
  private static final PebbleEngine PEBBLE =
      new PebbleEngine.Builder().loader(new StringLoader()).build();

  /** A piece of a secret of this length must not be readable. */
  private static final int PIECE = 8;

  private static final Map<String, UnaryOperator<String>> ESCAPES = new LinkedHashMap<>();

  static {
    ESCAPES.put("as it is", text -> text);
    ESCAPES.put("URLEncoder", text -> URLEncoder.encode(text, StandardCharsets.UTF_8));
    ESCAPES.put(
        "URLEncoder in Latin-1", text -> URLEncoder.encode(text, StandardCharsets.ISO_8859_1));
    ESCAPES.put(
        "URLEncoder in lower case", text -> lowerHex(ESCAPES.get("URLEncoder").apply(text)));
    ESCAPES.put("URI", MasksTest::path);
    ESCAPES.put("every byte in percent", MasksTest::percent);
    ESCAPES.put("Jackson", JSON::writeValueAsString);
    ESCAPES.put("Jackson in ASCII", ASCII_JSON::writeValueAsString);
    ESCAPES.put(
        "Jackson in Jackson",
        text -> ASCII_JSON.writeValueAsString(ASCII_JSON.writeValueAsString(text)));
    ESCAPES.put(
        "Jackson with slashes escaped", text -> JSON.writeValueAsString(text).replace("/", "\\/"));
    for (String strategy : List.of("html", "js", "css", "url_param", "json")) {
      ESCAPES.put("Pebble's " + strategy, text -> pebble(strategy, text));
    }
    ESCAPES.put("Pebble's html of Jackson", text -> pebble("html", JSON.writeValueAsString(text)));
    ESCAPES.put("HTML 5, named", HtmlEscape::escapeHtml5);
    ESCAPES.put("HTML 4, named", HtmlEscape::escapeHtml4);
    ESCAPES.put("XML 1.0, named or hexadecimal", XmlEscape::escapeXml10);
    ESCAPES.put("every character in HTML's decimals", text -> each(text, "&#%d;"));
    ESCAPES.put("every character in HTML's hexadecimals", text -> each(text, "&#x%X;"));
    ESCAPES.put("every character in HTML's lower case", text -> each(text, "&#x%x;"));
    ESCAPES.put("every character in JavaScript's braces", text -> each(text, "\\u{%x}"));
    ESCAPES.put("every character in CSS", text -> each(text, "\\%06x"));
    ESCAPES.put("every character in Python's U", text -> each(text, "\\U%08x"));
    ESCAPES.put("CSS, identifier", CssEscape::escapeCssIdentifier);
    ESCAPES.put("CSS, string", CssEscape::escapeCssString);
    ESCAPES.put("CSV", text -> CsvEscape.escapeCsv("," + text));
    ESCAPES.put("Java", JavaEscape::escapeJava);
    ESCAPES.put(
        "Java, all but letters",
        text -> JavaEscape.escapeJava(text, JavaEscapeLevel.LEVEL_3_ALL_NON_ALPHANUMERIC));
    ESCAPES.put("JavaScript", JavaScriptEscape::escapeJavaScript);
    ESCAPES.put("JSON", JsonEscape::escapeJson);
    ESCAPES.put("properties", PropertiesEscape::escapePropertiesValue);
    ESCAPES.put("URI, query", UriEscape::escapeUriQueryParam);
    ESCAPES.put("shell", text -> "'" + text.replace("'", "'\\''") + "'");
    ESCAPES.put("shell, other quotes", text -> "'" + text.replace("'", "'\"'\"'") + "'");
    ESCAPES.put("shell, backslashes", text -> text.replaceAll("[^\\w]", "\\\\$0"));
    ESCAPES.put("octal bytes", text -> bytes(text, "\\%03o"));
    ESCAPES.put("hexadecimal bytes", text -> bytes(text, "\\x%02x"));
    ESCAPES.put("quoted-printable bytes", text -> bytes(text, "=%02X"));
    ESCAPES.put("base64", text -> base64(Base64.getEncoder(), text));
    ESCAPES.put(
        "base64 without padding", text -> base64(Base64.getEncoder().withoutPadding(), text));
    ESCAPES.put("base64 for URLs", text -> base64(Base64.getUrlEncoder(), text));
    ESCAPES.put(
        "base64 in lines", text -> base64(Base64.getMimeEncoder(8, new byte[] {'\r', '\n'}), text));
    ESCAPES.put(
        "base64 in lines in JSON",
        text -> JSON.writeValueAsString(ESCAPES.get("base64 in lines").apply(text)));
    ESCAPES.put(
        "base64 in URLs",
        text -> ESCAPES.get("URLEncoder").apply(ESCAPES.get("base64").apply(text)));
    for (Normalizer.Form form : Normalizer.Form.values()) {
      ESCAPES.put(form.toString(), text -> Normalizer.normalize(text, form));
      ESCAPES.put(
          form + " in JSON",
          text -> ASCII_JSON.writeValueAsString(Normalizer.normalize(text, form)));
    }
    ESCAPES.put(
        "UTF-8 read as Latin-1",
        text -> new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
    ESCAPES.put(
        "Latin-1 read as UTF-8",
        text -> new String(text.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
    ESCAPES.put(
        "ASCII",
        text -> new String(text.getBytes(StandardCharsets.US_ASCII), StandardCharsets.US_ASCII));
  }

  private static String path(String text) {
    try {
      return new URI("http", "localhost", "/" + text, null).toASCIIString().substring(17);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String lowerHex(String text) {
    return Pattern.compile("%..")
        .matcher(text)
        .replaceAll(hex -> hex.group().toLowerCase(Locale.ROOT));
  }

  private static String percent(String text) {
    return bytes(text, "%%%02X");
  }

  private static String bytes(String text, String format) {
    StringBuilder all = new StringBuilder();
    for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
      all.append(format.formatted(one & 0xff));
    }
    return all.toString();
  }

  private static String each(String text, String format) {
    StringBuilder all = new StringBuilder();
    text.codePoints().forEach(c -> all.append(format.formatted(c)));
    return all.toString();
  }

  private static String base64(Base64.Encoder encoder, String text) {
    return encoder.encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String pebble(String strategy, String text) {
    StringWriter escaped = new StringWriter();
    try {
      PEBBLE
          .getTemplate("{{ text | escape(strategy=\"%s\") }}".formatted(strategy))
          .evaluate(escaped, Map.of("text", text));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return escaped.toString();
  }

  /** A text as the report of a run with these variables shows it. */
  private static String masked(String text, String... variables) {
    return masking(variables).apply(text);
  }

  private static UnaryOperator<String> masking(String... variables) {
    Terminal terminal = new Terminal();
    for (int i = 0; i < variables.length; i += 2) {
      terminal.set(variables[i], variables[i + 1]);
    }
    List<UnaryOperator<String>> masks = new ArrayList<>();
    Terminal.Outcome outcome =
        terminal.run(new SettingsTest.Probe().doing((_, report) -> masks.add(report::masked)));
    assertEquals(0, outcome.exit(), outcome::toString);
    return masks.getFirst();
  }

  private static void assertHidden(String secret, String escaped, UnaryOperator<String> masks) {
    for (String text :
        List.of(
            escaped, "you sent %s to us".formatted(escaped), "a=%s&b=c%%d".formatted(escaped))) {
      String shown = masks.apply(text);
      assertTrue(shown.contains("***"), () -> text + " is shown as " + shown);
      for (String hidden : List.of(secret, escaped)) {
        for (int i = 0; i + PIECE <= hidden.length(); i++) {
          String piece = hidden.substring(i, i + PIECE);
          assertFalse(shown.contains(piece), () -> text + " is shown as " + shown);
        }
      }
    }
  }

  private static final JsonNode VECTORS = JSON.readTree(Vectors.text("escapes/escapes.json"));

  @TestFactory
  Stream<DynamicTest> a_secret_is_masked_however_a_server_escapes_it() {
    return VECTORS
        .valueStream()
        .map(vector -> {
          String secret = vector.get("secret").stringValue();
          Map<String, String> all = new LinkedHashMap<>();
          ESCAPES.forEach((name, escape) -> all.put(name, escape.apply(secret)));
          vector
              .get("escaped")
              .properties()
              .forEach(it -> all.put("Python's " + it.getKey(), it.getValue().stringValue()));
          return dynamicTest(
              secret,
              () -> {
                UnaryOperator<String> masks = masking("AUTH", "user:" + secret);
                all.forEach((name, escaped) -> assertHidden(secret, escaped, masks));
              });
        });
  }

  @TestFactory
  Stream<DynamicTest> a_secret_is_masked_wherever_a_line_breaks_in_it() {
    return VECTORS
        .valueStream()
        .map(vector -> vector.get("secret").stringValue())
        .map(secret ->
            dynamicTest(
                secret,
                () -> {
                  UnaryOperator<String> masks = masking("AUTH", "user:" + secret);
                  for (String lineBreak :
                      List.of(
                          "\n", "\r\n ", "\r\n\t", "\\\n  ", "=\r\n", "\\n", "\" \"", "%0D%0A",
                          "\u00ad", "\u200b")) {
                    for (int i = 1; i < secret.length(); i++) {
                      String broken = secret.substring(0, i) + lineBreak + secret.substring(i);
                      assertTrue(
                          masks.apply(broken).matches("\\W*\\*\\*\\*\\W*"),
                          () -> broken + " is shown as " + masks.apply(broken));
                    }
                  }
                }));
  }

  @Test
  void a_secret_of_which_the_beginning_comes_before_a_cut_is_masked_however_it_is_escaped() {
    String secret = "gr\u00fc\u00dfe-\"und\"-s3cret-of-many-characters";
    UnaryOperator<String> masks = masking("AUTH", secret);
    for (UnaryOperator<String> escape : ESCAPES.values()) {
      String escaped = escape.apply(secret);
      for (int cut = escaped.length() * 9 / 10; cut > escaped.length() / 2; cut--) {
        String shown = masks.apply("you sent " + escaped.substring(0, cut) + "\u2026");
        assertTrue(shown.matches("(?s)you sent (\\W|&quot;){0,5}\\*\\*\\*.{0,9}\u2026"), shown);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "HTTPS_PROXY | http://user:p%40ss%2Fw%C3%B6rd@127.0.0.1:9 | p@ss/w\u00f6rd",
        "HTTP_PROXY  | http://user:p%40ss%2Fw%C3%B6rd@127.0.0.1:9 | user:p@ss/w\u00f6rd",
        "https_proxy | user:p%40ss%2Fw%C3%B6rd@127.0.0.1:9        | p%40ss%2Fw%C3%B6rd",
        "http_proxy  | http://user:100%-s3cret@127.0.0.1:9        | 100%-s3cret",
        "AUTH        | Token s3cret-token                         | s3cret-token",
        "SENTRY_DSN  | nothing://PublicKey:SecretKey@127.0.0.1/1  | SecretKey",
        "SENTRY_DSN  | nothing://PublicKey:SecretKey@127.0.0.1/1  | PublicKey",
        "REDASH_API_KEY        | s3cret-key                       | s3cret-key",
        "AWS_SECRET_ACCESS_KEY | s3cret+/key                      | s3cret+/key",
      })
  void what_is_sent_of_a_setting_is_masked(String variable, String value, String sent) {
    UnaryOperator<String> masks = masking(variable, value);
    for (String text : List.of(sent, base64(Base64.getEncoder(), sent), percent(sent))) {
      assertEquals("you sent ***.", masks.apply("you sent " + text.replace("=", "") + "."));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "100% of 5 & 7 are \\o/, a=b, \"c\" and 'd'",
        "a\\new\\table \\u00e4\\x41\\101 %41%C3%BC &amp;&#65;&uuml; =C3=BC=\r\n",
        "\u00e4\u0301\u200b\ufffd?\ud83d\ude00 \ud83d \u2026 50%\u2026 \\\u2026 &#\u2026"
            + " \\u12\u2026",
        "s3cr\u00e9t and pass, s3cr and pa\u00df-words, s3cret and pasts",
        "dXNlcjpzM2NyZXQ= \\ % & = \\u \\x %% && == &; &#; &#x; \\U00110000 &#99999999; \\u{",
        "",
        "\n",
        "***",
      })
  void a_text_without_a_secret_stays_as_it_is(String text) {
    String all =
        masked(
            text,
            "AUTH",
            "user:s3cr\u00e9t & pa\u00df",
            "HTTPS_PROXY",
            "http://user:p%40ss%2Fw@h:9");
    assertEquals(text, all);
  }

  @Test
  void each_secret_of_a_text_is_masked_by_itself() {
    assertEquals(
        "a *** b *** c ***",
        masked(
            "a user:first-s3cret b second-\\u00fc c first-s3cret",
            "AUTH",
            "user:first-s3cret",
            "REDASH_API_KEY",
            "second-\u00fc"));
    assertEquals( // one overlaps the other
        "a *** b",
        masked(
            "a 12345678abcdefgh b", "AUTH", "user:12345678abcd", "REDASH_API_KEY", "5678abcdefgh"));
  }

  @Test
  void a_secret_at_the_end_of_a_json_text_leaves_the_text_json() {
    for (String secret : List.of("ends-in-a-backslash\\", "gr\u00fc\u00dfe-\"quoted\"/\\")) {
      String json = ASCII_JSON.writeValueAsString(Map.of("a", secret));
      String shown = masked(json, "AUTH", "user:" + secret);
      assertEquals("***", JSON.readTree(shown).get("a").stringValue(), shown);
    }
  }

  /** Texts whose repetition takes long to search, or to decode. */
  private static final List<String> WORST =
      List.of(
          "a",
          " ",
          "\"",
          "\\",
          "%",
          "&",
          "=",
          "a\"",
          "a ",
          " \"a\\",
          "%25",
          "&amp;",
          "=3D",
          "\\u005c",
          "\u00c3",
          "&uuml;",
          "\u2026",
          "a\u2026",
          "\\%25&amp;=3D\\5c\\u0025",
          "normal text, like this. ");

  @ParameterizedTest
  @FieldSource("WORST")
  void a_megabyte_takes_seconds_whatever_it_holds(String worst) {
    UnaryOperator<String> masks =
        masking(
            "AUTH", "user: \"a\\%41&amp;=aaaaaaaab",
            "REDASH_API_KEY", "\\\\\\\\\\\\\\\\\\\\\\\\x",
            "OTHER_AUTH", "a a a a a a a a a a b",
            "MORE_AUTH", "%25%25%25%25%25%25%25%25x",
            "HTTPS_PROXY",
                "http://u:\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fcx@127.0.0.1:9");
    String text = worst.repeat(1_000_000 / worst.length());
    ThreadMXBean thread = ManagementFactory.getThreadMXBean();
    long start = thread.getCurrentThreadCpuTime(); // not the time that others take
    masks.apply(text);
    Duration took = Duration.ofNanos(thread.getCurrentThreadCpuTime() - start);
    assertTrue(took.compareTo(Duration.ofSeconds(15)) < 0, () -> worst + " takes " + took);
  }
}
