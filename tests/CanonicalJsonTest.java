//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES ../deploy/Project.java
//SOURCES ../common/signature/CanonicalJson.java ../common/signature/CanonicalReader.java
//SOURCES ../bench/Peers.java

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import common.Json;
import common.signature.CanonicalJson;
import common.signature.CanonicalJson.Canonical;
import common.signature.CanonicalJson.ServerForm;
import common.signature.CanonicalJson.Trait;
import common.signature.CanonicalReader;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Canonical JSON by example, by property, and beside two independent programs: the signer's own
 * library (Python's canonicaljson-rs) and, for numbers, an ECMAScript engine (node).
 *
 * <p>The generated documents come from a seed that a failure prints; {@code CANONICAL_JSON_SEED} in
 * the environment repeats it.
 */
class CanonicalJsonTest {

  private static final long SEED = seed();

  /** As many as the contract's vectors ask for. */
  private static final int DOCUMENTS = 10_000;

  private static final int DOUBLES = 100_000;

  private static long seed() {
    String given = System.getenv("CANONICAL_JSON_SEED");
    return given == null || given.isEmpty() ? new Random().nextLong() : Long.parseLong(given);
  }

  // Text

  @Test
  void printable_ascii_stays_as_it_is() throws Exception {
    assertCanonical(
        "\" !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~\"", "\" !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~\"");
  }

  @Test
  void short_escapes_are_used_where_there_is_one() throws Exception {
    assertCanonical(
        "\"\\u0008\\u0009\\u000a\\u000c\\u000d\\u0022\\u005c\\u002f\"",
        "\"\\b\\t\\n\\f\\r\\\"\\\\/\"");
    assertCanonical("\"\\b\\t\\n\\f\\r\\\"\\\\\\/\"", "\"\\b\\t\\n\\f\\r\\\"\\\\/\"");
  }

  @Test
  void other_control_characters_are_lower_case_escapes() throws Exception {
    assertCanonical("\"\\u0000\\u000B\\u001F\"", "\"\\u0000\\u000b\\u001f\"");
  }

  @Test
  void delete_is_escaped() throws Exception {
    assertCanonical("\"~\u007f\u0080\"", "\"~\\u007f\\u0080\"");
  }

  @Test
  void everything_beyond_ascii_is_escaped_in_lower_case() throws Exception {
    assertCanonical(
        "\"caf\u00e9 \u20ac \uabcd \u2028\ufeff\uffff\"",
        "\"caf\\u00e9 \\u20ac \\uabcd \\u2028\\ufeff\\uffff\"");
    assertCanonical("\"\\uABCD\"", "\"\\uabcd\"");
  }

  @Test
  void an_astral_character_is_a_pair_of_escapes() throws Exception {
    assertCanonical("\"\ud83d\ude00\"", "\"\\ud83d\\ude00\"");
    assertCanonical("\"\\uD83D\\uDE00\"", "\"\\ud83d\\ude00\"");
    assertCanonical("\"\udbff\udfff\ud800\udc00\"", "\"\\udbff\\udfff\\ud800\\udc00\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ude00\\ud83d\"",
        "\"\\ud83d\\ud83d\\ude00\"",
        "\"a\\ud800b\"",
        "\"\\udfff\\n\"",
        "{\"\\ud800\":1,\"\\udfff\":2}",
        "[\"\\ud83d\",\"\\ude00\"]"
      })
  void a_lone_surrogate_is_kept(String json) throws Exception {
    assertCanonical(json, json);
  }

  @Test
  void an_escaped_backslash_before_a_u_is_no_escape() throws Exception {
    assertCanonical(
        "\"\\\\ud83d \\\\\\ud83d \\\\\\\\ud83d\"", "\"\\\\ud83d \\\\\\ud83d \\\\\\\\ud83d\"");
  }

  @Test
  void an_escape_is_read_wherever_the_buffers_end() throws Exception {
    String json = "{\"\\ud83d\\ude00\\\\ud83d\u20ac\\\"\":\"\\ud800\ud83d\ude00\\u00e9\"}";
    String canonical = "{\"\\ud83d\\ude00\\\\ud83d\\u20ac\\\"\":\"\\ud800\\ud83d\\ude00\\u00e9\"}";
    for (int size : List.of(4_000, 8_000, 8_192, 16_384)) {
      for (int spaces = size - 60; spaces < size + 10; spaces++) {
        assertEquals(canonical, canonical(" ".repeat(spaces) + json), spaces + " spaces before");
      }
    }
  }

  // Structure

  @Test
  void keys_are_sorted_and_no_spaces_are_left() throws Exception {
    assertCanonical(
        " { \"b\" : [ 1 , { \"d\" : null , \"c\" : true } ] ,\r\n\t\"a\" : false } ",
        "{\"a\":false,\"b\":[1,{\"c\":true,\"d\":null}]}");
    assertCanonical(
        "{\"aa\":1,\"a\":2,\"\":3,\"B\":4,\"10\":5,\"9\":6}",
        "{\"\":3,\"10\":5,\"9\":6,\"B\":4,\"a\":2,\"aa\":1}");
  }

  @Test
  void keys_are_sorted_by_code_point_and_not_by_utf_16() throws Exception {
    assertCanonical(
        "{\"\ud83d\ude00\":1,\"\uffff\":2,\"\ue000\":3,\"a\":4}",
        "{\"a\":4,\"\\ue000\":3,\"\\uffff\":2,\"\\ud83d\\ude00\":1}");
    assertCanonical(
        "{\"x\ud83d\ude01\":1,\"x\ud83d\ude00\":2,\"x\uffff\":3,\"x\\ud83d\":4,\"x\\ude00\":5}",
        "{\"x\\ud83d\":4,\"x\\ude00\":5,\"x\\uffff\":3,"
            + "\"x\\ud83d\\ude00\":2,\"x\\ud83d\\ude01\":1}");
  }

  @Test
  void lone_halves_before_pairs_keep_the_order_of_code_points() throws Exception {
    // at the second char the low half of a pair meets the high half of another pair
    assertCanonical(
        "{\"\ud83d\ude00\":1,\"\\ud83d\ud83e\udc00\":2}",
        "{\"\\ud83d\\ud83e\\udc00\":2,\"\\ud83d\\ude00\":1}");
    Random random = new Random(SEED);
    String halves = "\ud83d\ud83e\ude00\udc00a";
    for (int round = 0; round < 200; round++) {
      TreeMap<String, String> expected =
          new TreeMap<>(
              (a, b) -> Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray()));
      StringBuilder json = new StringBuilder("{");
      for (int key = 0; key < 60; key++) {
        StringBuilder name = new StringBuilder();
        for (int i = random.nextInt(6); i >= 0; i--) {
          name.append(halves.charAt(random.nextInt(halves.length())));
        }
        String escaped =
            name.chars()
                .mapToObj(c -> c == 'a' ? "a" : "\\u%04x".formatted(c))
                .collect(Collectors.joining("", "\"", "\":" + key));
        expected.put(name.toString(), escaped);
        json.append(key == 0 ? "" : ",").append(escaped);
      }
      assertCanonical(json + "}", "{" + String.join(",", expected.values()) + "}");
    }
  }

  @Test
  void keys_are_sorted_before_they_are_escaped() throws Exception {
    // as escapes, \n would come after A and \" before it
    assertCanonical(
        "{\"A\":1,\"\\n\":2,\"\\\"\":3,\"\\\\\":4,\"a\":5}",
        "{\"\\n\":2,\"\\\"\":3,\"A\":1,\"\\\\\":4,\"a\":5}");
  }

  @Test
  void the_last_of_equal_keys_wins() throws Exception {
    assertCanonical("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
    assertCanonical("{\"a\":1,\"\\u0061\":{\"a\":[1]},\"\\u0061\":0.5}", "{\"a\":0.5}");
    assertCanonical("{\"b\":{\"x\":1,\"x\":2},\"a\":0,\"b\":{}}", "{\"a\":0,\"b\":{}}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "[]", "[{}]", "[[],{}]", "{\"\":{}}", "\"\"", "null", "true", "0"})
  void the_least_values_are_canonical(String json) throws Exception {
    assertCanonical(json, json);
    assertCanonical(" \n" + json + "\t\r", json);
  }

  @Test
  void items_of_arrays_keep_their_order() throws Exception {
    assertCanonical("[3, 1, \"b\", \"a\", 2]", "[3,1,\"b\",\"a\",2]");
  }

  @Test
  void a_thousand_levels_are_no_problem() throws Exception {
    String arrays = "[".repeat(1000) + "]".repeat(1000);
    assertCanonical(arrays, arrays);
    String objects = "{\"b\":0,\"a\":".repeat(1000) + "1" + "}".repeat(1000);
    assertCanonical(objects, "{\"a\":".repeat(1000) + "1" + ",\"b\":0}".repeat(1000));
  }

  @Test
  void levels_out_of_order_cost_a_bounded_time() throws Exception {
    String large = "\"" + "x".repeat(1024 * 1024) + "\"";
    String fifty = "{\"b\":".repeat(50) + large + ",\"a\":0}".repeat(50);
    assertCanonical(fifty, "{\"a\":0,\"b\":".repeat(50) + large + "}".repeat(50));
    Json.BadJson bad = assertBad("{\"b\":".repeat(5_000) + large + ",\"a\":0}".repeat(5_000));
    assertEquals("its keys are out of order on too many levels", bad.getMessage());
  }

  @Test
  void keys_may_be_long_and_of_equal_hash() throws Exception {
    String name = "k".repeat(100_000);
    assertCanonical("{\"" + name + "\": 1}", "{\"" + name + "\":1}");
    TreeMap<String, Integer> keys = new TreeMap<>();
    for (int number = 0; number < 4096; number++) {
      StringBuilder key = new StringBuilder();
      for (int bit = 0; bit < 12; bit++) {
        key.append((number >> bit & 1) == 0 ? "ab" : "bA"); // "ab".hashCode() == "bA".hashCode()
      }
      keys.put("\"" + key + "\"", number);
    }
    String json =
        keys.entrySet().stream()
            .map(key -> key.getKey() + ":" + key.getValue())
            .collect(Collectors.joining(",", "{", "}"));
    assertCanonical(json, json);
  }

  @Test
  void nesting_without_end_is_bad_and_overflows_no_stack() {
    assertBad("[".repeat(2_000_000));
    assertBad("{\"a\":".repeat(500_000));
  }

  // Numbers

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0 0",
        "0e5 0",
        "1.0 1",
        "-1.0 -1",
        "1E2 100",
        "1e+2 100",
        "1.5E1 15",
        "0.1 0.1",
        "1e-1 0.1",
        "10.5 10.5",
        "1e21 1e+21",
        "1E+21 1e+21",
        "-1e21 -1e+21",
        "1e20 100000000000000000000",
        "123456789012345680000.0 123456789012345680000",
        "1.2345e25 1.2345e+25",
        "0.000001 0.000001",
        "0.0000012 0.0000012",
        "1e-7 1e-7",
        "0.0000001 1e-7",
        "-1.5e-7 -1.5e-7",
        "5e-324 5e-324",
        "4.9406564584124654e-324 5e-324",
        "3e-324 5e-324",
        "2e-324 0",
        "2.2250738585072014e-308 2.2250738585072014e-308",
        "1.7976931348623157e308 1.7976931348623157e+308",
        "0.30000000000000004 0.30000000000000004",
        "0.1000000000000000055511151231257827 0.1",
        "9007199254740993.0 9007199254740992",
        "1e23 1e+23",
        "2e-323 2e-323",
        "4.35 4.35",
        "333333333.33333329 333333333.3333333"
      })
  void fractions_are_printed_as_ecmascript_does(String pair) throws Exception {
    String[] numbers = pair.split(" ");
    assertCanonical(numbers[0], numbers[1]);
    assertCanonical("[" + numbers[0] + "]", "[" + numbers[1] + "]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-0", "-0.0", "-0E-7", "-2e-400"})
  void negative_zero_keeps_its_sign(String number) throws Exception {
    assertCanonical(number, "-0");
    assertCanonical(
        "{\"b\": [[0, %s]], \"a\": {\"c\": %s}}".formatted(number, number),
        "{\"a\":{\"c\":-0},\"b\":[[0,-0]]}");
  }

  @ParameterizedTest
  @CsvSource({
    "0.1,       0.1,                   1E-1,                  0.1",
    "0.0001,    0.0001,                1E-4,                  0.0001",
    "0.00001,   0.00001,               1E-5,                  1e-05",
    "0.0000123, 0.0000123,             1.23E-5,               1.23e-05",
    "1e-7,      1e-7,                  1E-7,                  1e-07",
    "1e-10,     1e-10,                 1E-10,                 1e-10",
    "5e-324,    5e-324,                5E-324,                5e-324",
    "1.0,       1,                     1E0,                   1.0",
    "100.0,     100,                   1E2,                   100.0",
    "-2.50,     -2.5,                  -2.5E0,                -2.5",
    "1e15,      1000000000000000,      1E15,                  1000000000000000.0",
    "1e16,      10000000000000000,     1E16,                  1e+16",
    "1.25e17,   125000000000000000,    1.25E17,               1.25e+17",
    "1e22,      1e+22,                 1E22,                  1e+22",
    "1e100,     1e+100,                1E100,                 1e+100",
    "0.0,       0,                     0E0,                   0.0",
    "-0.0,      -0,                    -0E0,                  -0.0"
  })
  void servers_sign_fractions_in_other_forms(
      String number, String clients, String server, String olderServer) throws Exception {
    Canonical canonical = read("{\"list\": [[%s], 7]}".formatted(number));
    assertEquals("{\"list\":[[%s],7]}".formatted(clients), text(canonical.bytes()));
    assertEquals(
        "{\"list\":[[%s],7]}".formatted(server),
        text(canonical.bytes(ServerForm.CANONICALJSON_RS)));
    assertEquals(
        "{\"list\":[[%s],7]}".formatted(olderServer), text(canonical.bytes(ServerForm.PYTHON)));
    assertTrue(canonical.hasFractions());
  }

  @Test
  void without_fractions_the_text_is_held_once() throws Exception {
    Canonical canonical = read("{\"a\": [1, -2, \"0.5\", 9007199254740993]}");
    assertFalse(canonical.hasFractions());
    assertSame(canonical.bytes(), canonical.unprinted());
    for (ServerForm form : ServerForm.values()) {
      assertSame(canonical.bytes(), canonical.bytes(form));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0",
        "-1",
        "9007199254740991",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "100000000000000000000",
        "-100000000000000000000",
        "123456789012345678901234567890123456789012345678901234567890"
      })
  void integers_of_any_size_are_exact(String integer) throws Exception {
    assertCanonical(integer, integer);
  }

  @Test
  void an_integer_of_ten_thousand_digits_is_exact() throws Exception {
    String integer = "1" + "0".repeat(9_998) + "1";
    assertCanonical("{\"n\":" + integer + "}", "{\"n\":" + integer + "}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e309", "-1e309", "[1.0e400]", "{\"a\":1e99999}"})
  void a_number_beyond_doubles_is_bad(String json) {
    assertBad(json);
  }

  // What is not JSON

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "[1",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "[1 2]",
        "1 2",
        "{} {}",
        "{}x",
        "\"",
        "\"a",
        "\"\\u12\"",
        "\"\\ud83\"",
        "\"\\x41\"",
        "\"\n\"",
        "\"\u0001\"",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x10",
        "NaN",
        "-Infinity",
        "nul",
        "True",
        "[1] // a remark",
        "/* a remark */ 1",
        "<!DOCTYPE html><html></html>"
      })
  void what_is_no_json_is_bad(String json) {
    assertBad(json);
  }

  @Test
  void what_is_no_utf_8_is_bad() {
    for (byte[] text :
        List.of(
            new byte[] {'"', (byte) 0xff, '"'},
            new byte[] {'"', (byte) 0xc3, '"'},
            new byte[] {'"', (byte) 0xc0, (byte) 0x80, '"'},
            new byte[] {'"', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '"'},
            new byte[] {'"', (byte) 0xf4, (byte) 0x90, (byte) 0x80, (byte) 0x80, '"'},
            "\"caf\u00e9\"".getBytes(StandardCharsets.ISO_8859_1),
            "{}".getBytes(StandardCharsets.UTF_16))) {
      assertThrows(Json.BadJson.class, () -> CanonicalReader.read(text).bytes());
    }
  }

  @Test
  void the_message_says_where_and_fits_a_line() {
    Json.BadJson bad = assertBad("{\"a\": 1,\n \"b\": nope}");
    assertTrue(bad.getMessage().contains("line 2"), bad.getMessage());
    for (String json :
        List.of("[1", "{} {}", "\"\n\"", "[01]", "1e999", "[" + "9".repeat(5000) + "x]")) {
      String message = assertBad(json).getMessage();
      assertFalse(message.contains("\n"), message);
      assertTrue(message.length() < 300, message);
    }
  }

  // Properties

  @Test
  void neither_order_nor_style_of_the_input_changes_the_output() throws Exception {
    Generator generator = new Generator(SEED, Kind.ANY);
    for (int i = 0; i < DOCUMENTS; i++) {
      Object value = generator.value();
      String one = generator.text(value);
      String other = generator.text(value);
      assertEquals(canonical(one), canonical(other), () -> failed(one + "\n" + other));
    }
  }

  @Test
  void the_output_is_its_own_canonical_form() throws Exception {
    Generator generator = new Generator(SEED, Kind.ANY);
    for (int i = 0; i < DOCUMENTS; i++) {
      String json = generator.text(generator.value());
      byte[] canonical = CanonicalReader.read(bytes(json)).bytes();
      assertArrayEquals(canonical, CanonicalReader.read(canonical).bytes(), () -> failed(json));
    }
  }

  @Test
  void the_output_is_printable_ascii() throws Exception {
    Generator generator = new Generator(SEED, Kind.ANY);
    for (int i = 0; i < DOCUMENTS; i++) {
      String json = generator.text(generator.value());
      for (byte b : CanonicalReader.read(bytes(json)).bytes()) {
        assertTrue(b >= ' ' && b <= '~', () -> failed(json));
      }
    }
  }

  @Test
  void the_output_is_what_a_plain_tree_printer_gives() throws Exception {
    Generator generator = new Generator(SEED, Kind.ANY_WITHOUT_FRACTIONS);
    for (int i = 0; i < DOCUMENTS; i++) {
      Object value = generator.value();
      String json = generator.text(value);
      StringBuilder expected = new StringBuilder();
      printTree(value, expected);
      assertEquals(expected.toString(), canonical(json), () -> failed(json));
    }
  }

  @Test
  void fractions_read_back_as_the_same_double() throws Exception {
    List<Double> doubles = doubles(new Random(SEED));
    String[] printed = printed(doubles, Canonical::bytes);
    for (int i = 0; i < printed.length; i++) {
      double read = Double.parseDouble(printed[i]);
      double number = doubles.get(i);
      String wrong = doubles.get(i) + " printed as " + printed[i];
      assertEquals(
          Double.doubleToLongBits(number), Double.doubleToLongBits(read), () -> failed(wrong));
    }
  }

  // Peers

  @Test
  void ten_thousand_documents_agree_with_canonicaljson_rs() throws Exception {
    Path python = Peers.PYTHON.path();
    Generator generator = new Generator(SEED, Kind.AS_CANONICALJSON_RS);
    List<String> documents = new ArrayList<>();
    StringBuilder input = new StringBuilder();
    for (int i = 0; i < DOCUMENTS; i++) {
      String json = generator.text(generator.value());
      documents.add(json);
      // the length in characters, for a document may hold line breaks
      input.append(json.codePointCount(0, json.length())).append('\n').append(json).append('\n');
    }
    String program =
        """
        import canonicaljson, io, json, sys
        stdin = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", newline="")
        while length := stdin.readline():
            document = json.loads(stdin.read(int(length)))
            stdin.read(1)
            print(canonicaljson.dumps(document))
        """;
    List<String> answers = ask(input.toString(), python, "-c", program);
    assertEquals(DOCUMENTS, answers.size());
    String shortest = null;
    int disagreements = 0;
    for (int i = 0; i < DOCUMENTS; i++) {
      String ours = canonical(documents.get(i));
      if (!ours.equals(answers.get(i))) {
        disagreements++;
        String report = documents.get(i) + "\nours:   " + ours + "\ntheirs: " + answers.get(i);
        shortest = shortest == null || report.length() < shortest.length() ? report : shortest;
      }
    }
    if (shortest != null) {
      fail(failed(disagreements + " documents disagree, the shortest is\n" + shortest));
    }
  }

  /**
   * What Firefox computes, by the rules of its CanonicalJSON: it differs from ours where a trait
   * says so, and nowhere else.
   */
  @Test
  void ten_thousand_documents_agree_with_node_unless_a_trait_says_otherwise() throws Exception {
    Generator generator = new Generator(SEED, Kind.ANY);
    List<String> documents = new ArrayList<>();
    StringBuilder input = new StringBuilder();
    for (int i = 0; i < DOCUMENTS; i++) {
      String json = generator.text(generator.value());
      documents.add(json);
      input.append(Base64.getEncoder().encodeToString(bytes(json))).append('\n');
    }
    String program =
        """
        const text = value => JSON.stringify(value).replace(/[^ -~]/g,
          c => "\\\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
        const print = value => {
          if (Array.isArray(value)) return "[" + value.map(print).join() + "]";
          if (Object.is(value, -0)) return "-0";
          if (typeof value !== "object" || value === null) return text(value);
          return "{" + Object.keys(value).sort().map(key => {
            const member = value[key];
            return text(key) + ":" + print(member && member.toJSON ? member.toJSON() : member);
          }).join() + "}";
        };
        for (const line of require("fs").readFileSync(0, "latin1").trim().split("\\n")) {
          try {
            console.log(print(JSON.parse(Buffer.from(line, "base64").toString("utf8"))));
          } catch (e) {
            console.log(e.name);
          }
        }
        """;
    List<String> answers = ask(input.toString(), Peers.NODE.path(), "-e", program);
    assertEquals(DOCUMENTS, answers.size());
    Map<Trait, Integer> differing = new EnumMap<>(Trait.class);
    for (int i = 0; i < DOCUMENTS; i++) {
      String json = documents.get(i);
      Canonical canonical = read(json);
      Set<Trait> traits = EnumSet.copyOf(FIREFOX);
      traits.retainAll(canonical.traits());
      String answer = answers.get(i);
      if (traits.isEmpty()) {
        assertEquals(text(canonical.bytes()), answer, () -> failed(json));
      } else if (!answer.equals(text(canonical.bytes()))) {
        traits.forEach(trait -> differing.merge(trait, 1, Integer::sum));
      }
    }
    assertEquals(FIREFOX, differing.keySet(), failed("each of them makes a difference"));
  }

  private static final Set<Trait> FIREFOX =
      EnumSet.of(Trait.INTEGER_BEYOND_DOUBLE, Trait.UTF_16_ORDER, Trait.TO_JSON);

  @Test
  void a_hundred_thousand_doubles_are_printed_as_node_does() throws Exception {
    String program =
        """
        const bits = new DataView(new ArrayBuffer(8));
        const lines = require("fs").readFileSync(0, "latin1").trim().split("\\n");
        console.log(lines.map(line => {
          bits.setBigUint64(0, BigInt("0x" + line));
          const number = bits.getFloat64(0);
          return Object.is(number, -0) ? "-0" : String(number); // as Firefox's CanonicalJSON
        }).join("\\n"));
        """;
    assertPrintedAlike(
        doubles(new Random(SEED)), Canonical::bytes, Peers.NODE.path(), "-e", program);
  }

  @Test
  void a_hundred_thousand_doubles_are_printed_as_python_does() throws Exception {
    assertPrintedAlike(
        doubles(new Random(SEED)),
        json -> json.bytes(ServerForm.PYTHON),
        Peers.PYTHON.path(),
        "-c",
        DUMP.formatted("json"));
  }

  @Test
  void ten_thousand_doubles_are_printed_as_canonicaljson_rs_does() throws Exception {
    List<Double> doubles = doubles(new Random(SEED));
    Collections.shuffle(doubles, new Random(SEED));
    assertPrintedAlike(
        doubles.subList(0, 10_000), // it takes its time
        json -> json.bytes(ServerForm.CANONICALJSON_RS),
        Peers.PYTHON.path(),
        "-c",
        DUMP.formatted("canonicaljson"));
  }

  private static final String DUMP =
      """
      import %1$s, struct, sys
      for line in sys.stdin:
          print(%1$s.dumps(struct.unpack(">d", bytes.fromhex(line))[0]))
      """;

  /** Compares our text of many doubles with what a program makes of their bits, line by line. */
  private static void assertPrintedAlike(
      List<Double> doubles, Function<Canonical, byte[]> ours, Object... command)
      throws IOException {
    StringBuilder input = new StringBuilder();
    for (double number : doubles) {
      input.append("%016x\n".formatted(Double.doubleToRawLongBits(number)));
    }
    List<String> answers = ask(input.toString(), command);
    String[] printed = printed(doubles, ours);
    assertEquals(printed.length, answers.size());
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < printed.length; i++) {
      if (!printed[i].equals(answers.get(i))) {
        wrong.add(doubles.get(i) + ": ours " + printed[i] + ", theirs " + answers.get(i));
      }
    }
    assertTrue(
        wrong.isEmpty(),
        () ->
            failed(
                wrong.size()
                    + " disagree, such as "
                    + wrong.subList(0, Math.min(9, wrong.size()))));
  }

  // Helpers

  private static void assertCanonical(String json, String canonical) throws IOException {
    assertEquals(canonical, canonical(json));
  }

  private static Json.BadJson assertBad(String json) {
    return assertThrows(
        Json.BadJson.class,
        () -> CanonicalReader.read(bytes(json)).bytes(),
        () -> json.length() < 200 ? json : json.substring(0, 200) + "\u2026");
  }

  private static String canonical(String json) throws IOException {
    return new String(CanonicalReader.read(bytes(json)).bytes(), StandardCharsets.ISO_8859_1);
  }

  private static Canonical read(String json) throws IOException {
    return CanonicalReader.read(bytes(json));
  }

  private static byte[] bytes(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }

  private static String failed(String what) {
    return "CANONICAL_JSON_SEED=" + SEED + "\n" + what;
  }

  /** All of them by one call: each is an item of one array. */
  private static String[] printed(List<Double> doubles, Function<Canonical, byte[]> form)
      throws IOException {
    StringBuilder json = new StringBuilder("[");
    for (int i = 0; i < doubles.size(); i++) {
      double number = doubles.get(i);
      json.append(i == 0 ? "" : ",");
      String exact = new BigDecimal(number).toString();
      // now and then all its digits, which may be 700
      boolean asDigits = i % 16 == 0 && number != 0 && exact.contains(".");
      json.append(asDigits ? exact : Double.toString(number));
    }
    String canonical = text(form.apply(read(json.append("]").toString())));
    return canonical.substring(1, canonical.length() - 1).split(",");
  }

  /** Random bits, and what lies where the notation or the number of digits changes. */
  private static List<Double> doubles(Random random) {
    List<Double> doubles = new ArrayList<>();
    for (int exponent = -324; exponent <= 308; exponent++) {
      for (int digit = 1; digit <= 9; digit++) {
        doubles.add(Double.parseDouble(digit + "e" + exponent));
      }
    }
    for (int exponent = -1074; exponent <= 1023; exponent++) {
      doubles.add(Math.scalb(1.0, exponent));
    }
    for (long bits = 1; bits <= 200; bits++) {
      doubles.add(Double.longBitsToDouble(bits)); // where one digit may do for several decimals
    }
    for (double edge : List.of(1e21, 1e20, 1e-6, 1e-7, 1e15, 1e16, 1e17, 0x1p53, 0x1p63, 0x1p64)) {
      double up = edge;
      double down = edge;
      for (int i = 0; i < 50; i++) {
        up = Math.nextUp(up);
        down = Math.nextDown(down);
        doubles.addAll(List.of(up, down));
      }
    }
    doubles.addAll(List.of(0.0, -0.0, Double.MAX_VALUE, Double.MIN_NORMAL, Double.MIN_VALUE));
    List<Double> neighbours = new ArrayList<>();
    for (double number : doubles) {
      neighbours.add(Math.nextUp(number));
      neighbours.add(Math.nextDown(number));
    }
    doubles.addAll(neighbours);
    doubles.removeIf(number -> !Double.isFinite(number));
    while (doubles.size() < DOUBLES) {
      double number =
          switch (random.nextInt(6)) {
            case 0 -> Double.longBitsToDouble(random.nextLong(1L << 52)); // denormal
            case 1 -> random.nextInt(1_000_000) / Math.pow(10, random.nextInt(12));
            case 2 -> (double) (random.nextLong() >> random.nextInt(64));
            // exactly between two decimals of 16 or 17 digits
            case 3 -> random.nextLong(1L << 51) + 0.25 * random.nextInt(4);
            default -> Double.longBitsToDouble(random.nextLong());
          };
      if (Double.isFinite(number)) {
        doubles.add(random.nextBoolean() ? number : -number);
      }
    }
    return doubles;
  }

  /** Runs a program on that input and returns its lines. */
  private static List<String> ask(String input, Object... command) {
    Project.Outcome outcome = Project.run(command).input(input).go();
    assertEquals(0, outcome.exit(), outcome::toString);
    return outcome.stdout().lines().toList();
  }

  /** The specification in its plainest form, with nothing of the real one in it. */
  static void printTree(Object value, StringBuilder out) {
    switch (value) {
      case null -> out.append("null");
      case Map<?, ?> map -> {
        TreeMap<String, Object> sorted =
            new TreeMap<>((a, b) ->
                java.util.Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray()));
        map.forEach((key, member) -> sorted.put((String) key, member));
        String separator = "{";
        for (Map.Entry<String, Object> member : sorted.entrySet()) {
          out.append(separator);
          printTree(member.getKey(), out);
          out.append(':');
          printTree(member.getValue(), out);
          separator = ",";
        }
        out.append(map.isEmpty() ? "{}" : "}");
      }
      case List<?> list -> {
        String separator = "[";
        for (Object item : list) {
          out.append(separator);
          printTree(item, out);
          separator = ",";
        }
        out.append(list.isEmpty() ? "[]" : "]");
      }
      case String text -> quote(text, out);
      default -> out.append(value);
    }
  }

  /** A string as canonical JSON has it, written without ours in view. */
  private static void quote(String text, StringBuilder out) {
    out.append('"');
    for (char c : text.toCharArray()) {
      int known = "\b\t\n\f\r\"\\".indexOf(c);
      if (known >= 0) {
        out.append('\\').append("btnfr\"\\".charAt(known));
      } else if (c < 0x20 || c > 0x7e) {
        out.append("\\u%04x".formatted((int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }

  /** What generated documents may hold. */
  private enum Kind {
    ANY,
    ANY_WITHOUT_FRACTIONS,
    /** It prints fractions as {@code 1E-1} and refuses lone surrogates and large integers. */
    AS_CANONICALJSON_RS
  }

  /** Values, and texts of one value that differ in all that canonical JSON takes away. */
  private static final class Generator {
    private static final List<String> LIKELY_KEYS =
        List.of("id", "last_modified", "schema", "details", "enabled", "toJSON", "a", "b", "");

    private static final String LIKELY_CHARS =
        "aZ09 ~!\"\\/'{}[]:,u\b\t\n\f\r\u0000\u001f\u007f\u0080\u00e9\u0131\u2028\u20ac\ud7ff"
            + "\ue000\ufeff\ufffd\uffff";

    private static final BigInteger TWO_TO_64 = BigInteger.ONE.shiftLeft(64);

    private final Random random;
    private final Kind kind;

    Generator(long seed, Kind kind) {
      this.random = new Random(seed);
      this.kind = kind;
    }

    /** A tree of maps, lists, strings, numbers, booleans and nulls. */
    Object value() {
      return value(random.nextInt(5));
    }

    private Object value(int depth) {
      switch (random.nextInt(depth == 0 ? 6 : 10)) {
        case 0 -> {
          return null;
        }
        case 1 -> {
          return random.nextBoolean();
        }
        case 2, 3 -> {
          return string();
        }
        case 4 -> {
          return integer();
        }
        case 5 -> {
          return kind == Kind.ANY ? (Object) fraction() : integer();
        }
        case 6, 7 -> {
          List<Object> list = new ArrayList<>();
          for (int i = random.nextInt(6); i > 0; i--) {
            list.add(value(depth - 1));
          }
          return list;
        }
        default -> {
          Map<String, Object> map = new LinkedHashMap<>();
          for (int i = random.nextInt(8); i > 0; i--) {
            map.put(random.nextBoolean() ? pick(LIKELY_KEYS) : string(), value(depth - 1));
          }
          return map;
        }
      }
    }

    private String string() {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(12); i > 0; i--) {
        switch (random.nextInt(8)) {
          case 0 -> text.appendCodePoint(0x10000 + random.nextInt(0x100000));
          case 1 -> text.append((char) random.nextInt(0xd800));
          case 2 -> {
            // alone or, by chance, in a pair
            if (kind != Kind.AS_CANONICALJSON_RS) {
              text.append((char) (0xd800 + random.nextInt(0x800)));
            }
          }
          default -> text.append(LIKELY_CHARS.charAt(random.nextInt(LIKELY_CHARS.length())));
        }
      }
      return text.toString();
    }

    private BigInteger integer() {
      BigInteger integer =
          switch (random.nextInt(3)) {
            case 0 -> BigInteger.valueOf(random.nextInt(2001) - 1000);
            case 1 ->
                BigInteger.ONE
                    .shiftLeft(random.nextInt(64))
                    .add(BigInteger.valueOf(random.nextInt(3) - 1));
            default -> BigInteger.valueOf(random.nextLong());
          };
      if (kind == Kind.AS_CANONICALJSON_RS) {
        return integer.compareTo(TWO_TO_64) < 0 ? integer : TWO_TO_64.subtract(BigInteger.ONE);
      }
      return random.nextInt(8) == 0 ? integer.multiply(new BigInteger(200, random)) : integer;
    }

    private Double fraction() {
      while (true) {
        double number =
            random.nextBoolean()
                ? Double.longBitsToDouble(random.nextLong())
                : random.nextInt(100_000) / Math.pow(10, random.nextInt(8));
        if (Double.isFinite(number)) {
          return number;
        }
      }
    }

    private <T> T pick(List<T> list) {
      return list.get(random.nextInt(list.size()));
    }

    /** Keys in any order, some of them first with another value; spaces, escapes in any style. */
    String text(Object value) {
      StringBuilder out = new StringBuilder();
      write(value, out);
      return out.toString();
    }

    private void write(Object value, StringBuilder out) {
      space(out);
      switch (value) {
        case Map<?, ?> map -> {
          List<Map.Entry<?, ?>> members = new ArrayList<>(map.entrySet());
          Collections.shuffle(members, random);
          out.append('{');
          String separator = "";
          for (int i = 0; i < members.size(); i++) {
            if (random.nextInt(10) == 0) {
              out.append(separator);
              separator = ",";
              member(members.get(i + random.nextInt(members.size() - i)).getKey(), integer(), out);
            }
            out.append(separator);
            separator = ",";
            member(members.get(i).getKey(), members.get(i).getValue(), out);
          }
          space(out);
          out.append('}');
        }
        case List<?> list -> {
          out.append('[');
          for (int i = 0; i < list.size(); i++) {
            out.append(i == 0 ? "" : ",");
            write(list.get(i), out);
          }
          space(out);
          out.append(']');
        }
        case String text -> string(text, out);
        case Double number -> out.append(fraction(number));
        case null -> out.append("null");
        default -> out.append(value);
      }
      space(out);
    }

    private void member(Object key, Object value, StringBuilder out) {
      write(key, out);
      out.append(':');
      write(value, out);
    }

    private String fraction(double number) {
      return switch (random.nextInt(3)) {
        case 0 -> Double.toString(number);
        case 1 -> Double.toString(number).replaceFirst("E(\\d)", "e+$1");
        default -> "%.17e".formatted(number); // more digits than needed
      };
    }

    private void string(String text, StringBuilder out) {
      out.append('"');
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        boolean pair =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        int known = "\b\t\n\f\r\"\\/".indexOf(c);
        if (pair && random.nextBoolean()) {
          out.append(c).append(text.charAt(++i));
        } else if (pair) {
          escape(c, out);
          escape(text.charAt(++i), out);
        } else if (known >= 0 && random.nextBoolean()) {
          out.append('\\').append("btnfr\"\\/".charAt(known));
        } else if (c < 0x20 || c == '"' || c == '\\' || Character.isSurrogate(c)) {
          escape(c, out);
        } else if (random.nextInt(6) == 0) {
          escape(c, out);
        } else {
          out.append(c);
        }
      }
      out.append('"');
    }

    private void escape(char c, StringBuilder out) {
      out.append("\\u").append((random.nextBoolean() ? "%04x" : "%04X").formatted((int) c));
    }

    private void space(StringBuilder out) {
      if (random.nextInt(5) == 0) {
        out.append(" \n\r\t".charAt(random.nextInt(4)));
      }
    }
  }

  // ---- members of an object in canonical form

  @Test
  void members_are_the_texts_of_the_values_by_name() throws Exception {
    byte[] object =
        CanonicalReader.read(
                "{\"b\": [1, {\"x\": \"}],:\\\"\"}], \"a\": \"\\\\\", \"c:,\": {}, \"d\": 1.0}"
                    .getBytes(StandardCharsets.UTF_8))
            .bytes();
    assertEquals(
        Map.of("a", "\"\\\\\"", "b", "[1,{\"x\":\"}],:\\\"\"}]", "c:,", "{}", "d", "1"),
        CanonicalJson.members(object));
    assertEquals(Map.of(), CanonicalJson.members("{}".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void the_members_of_any_object_make_it_up_again() throws Exception {
    Generator generator = new Generator(SEED, Kind.ANY);
    for (int round = 0; round < 2_000; round++) {
      byte[] canonical =
          CanonicalReader.read(
                  ("{\"x\":"
                          + generator.text(generator.value())
                          + ",\"y\":"
                          + generator.text(generator.value())
                          + "}")
                      .getBytes(StandardCharsets.UTF_8))
              .bytes();
      String together =
          CanonicalJson.members(canonical).entrySet().stream()
              .map(member -> "\"" + member.getKey() + "\":" + member.getValue())
              .collect(Collectors.joining(",", "{", "}"));
      assertEquals(new String(canonical, StandardCharsets.US_ASCII), together, "seed " + SEED);
    }
  }

  @Test
  void without_some_members_objects_are_equal_if_the_others_are() throws Exception {
    Set<String> ignored = Set.of("last_modified", "schema");
    assertEquals(
        "{\"a\":{\"schema\":1},\"z\":0}",
        text(without("{\"schema\": 1, \"a\": {\"schema\": 1}, \"z\": 0}", ignored)));
    assertEquals("{\"z\":0}", text(without("{\"z\": 0, \"last_modified\": 1}", ignored)));
    assertEquals("{}", text(without("{\"schema\": 1, \"last_modified\": 1}", ignored)));
    byte[] one = without("{\"id\": 1, \"last_modified\": 5, \"n\": {\"schema\": 1}}", ignored);
    assertArrayEquals(
        one, without("{\"n\": {\"schema\": 1.0}, \"id\": 1, \"schema\": 9}", ignored));
    assertFalse(Arrays.equals(one, without("{\"n\": {\"schema\": 2}, \"id\": 1}", ignored)));
    assertFalse(Arrays.equals(one, without("{\"n\": {}, \"id\": 1}", ignored)));
    assertFalse(
        Arrays.equals(without("{\"a\": null}", ignored), without("{}", ignored)),
        "absent differs from null");
  }

  private static byte[] without(String json, Set<String> names) throws Json.BadJson {
    return CanonicalJson.without(
        CanonicalReader.read(json.getBytes(StandardCharsets.UTF_8)).bytes(), names);
  }

  private static String text(byte[] ascii) {
    return new String(ascii, StandardCharsets.US_ASCII);
  }

  // ---- plain values

  @Test
  void a_text_is_read_into_plain_values() throws Exception {
    assertEquals(
        Map.of("a", List.of(1L, "é", true), "b", new java.math.BigDecimal("1.50")),
        Json.parse("{\"a\": [1, \"\\u00e9\", true], \"b\": 1.50}"));
    for (String bad : List.of("", "{", "{} {}", "{a: 1}", "nul")) {
      assertThrows(Json.BadJson.class, () -> Json.parse(bad), bad);
    }
  }

  @Test
  void a_document_holds_any_text_even_half_a_character() {
    assertEquals(
        "{\n  \"a\" : \"é\\uD83D!\"\n}",
        new String(Json.document(Map.of("a", "é\ud83d!")), StandardCharsets.UTF_8));
  }
}
