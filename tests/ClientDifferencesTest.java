//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/Changesets.java
//SOURCES ../common/signature/ClientDifferences.java
//SOURCES ../common/signature/ContentSignature.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import common.Changesets;
import common.Changesets.Changeset;
import common.signature.ClientDifferences;
import common.signature.ContentSignature.Warning;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What clients compute or read differently, one trait at a time.
 *
 * <p>CanonicalJsonTest has node compute what Firefox does. What Android and iOS do was tried on
 * 2026-11-30 with the structs of application-services, serde_json 1 and canonical_json 0.5: they
 * printed or refused the records of these tables as the sentences say.
 */
class ClientDifferencesTest {

  private static final String FIREFOX = "Firefox would compute other bytes, for ";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'n': 7",
        "'n': 9007199254740992",
        "'n': -9007199254740992",
        "'n': 9007199254740994",
        "'n': 18014398509481984",
        "'n': '0.5'",
        "'é': '😀 \\ud83d\\ude00 \\u007f'",
        "'\\ue000': 1, 'é': 2, 'e\\u0301': 3",
        "'file': {'attachment': null, 'deleted': 0, 'last_modified': 'x'}",
        "'list': [{'attachment': 1}, {'toJSON': true}]",
        "'toJSON': 1",
        "'o': {'toJSON': 0}",
        "'o': {'toJSON': ''}",
        "'o': {'toJSON': null}",
        "'o': {'toJSON': false}",
        "'o': {'tojson': 1}",
        "'deleted': true",
        "'deleted': true, 'n': 0.5, 'big': 9007199254740993, 'o': {'toJSON': 1}",
        "'deleted': true, 'attachment': null",
        "'attachment': {'filename': '', 'mimetype': '', 'location': '', 'hash': '', 'size': 0}",
        "'attachment': {'size': 9007199254740992, 'hash': 'h', 'location': 'l',"
            + " 'mimetype': 'm', 'filename': '\\ud83d\\ude00'}"
      })
  void every_client_makes_the_same_of_a_record_without_a_trait(String members) throws IOException {
    assertEquals(List.of(), differences(record(members)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'n': 9007199254740993 | integers beyond 2^53 in x (n)",
        "'n': -9007199254740993 | integers beyond 2^53 in x (n)",
        "'n': 9223372036854775807 | integers beyond 2^53 in x (n)",
        "'n': [{'n': 9007199254740993}] | integers beyond 2^53 in x (n)",
        "'last_modified': 9007199254740993 | integers beyond 2^53 in x (last_modified)",
        "'\\uffff': 1, '\\ud83d\\ude00': 2 | keys that UTF-16 sorts differently in x",
        "'l': [{'\\ue000': 1, '\\ud83d\\ude00': 2}] | keys that UTF-16 sorts differently in x (l)"
      })
  void firefox_computes_other_bytes(String members, String what) throws IOException {
    assertEquals(List.of(FIREFOX + what), differences(record(members)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'o': {'toJSON': true}",
        "'o': {'toJSON': 1}",
        "'o': {'toJSON': -1}",
        "'o': {'toJSON': '0'}",
        "'o': {'toJSON': []}",
        "'o': {'toJSON': {}}",
        "'l': [[{'o': {'n': 1, 'toJSON': 1}}]]",
        "'o': {'o': {'toJSON': 1}}"
      })
  void firefox_fails_where_it_would_call_a_member(String members) throws IOException {
    assertEquals(
        List.of(
            "Firefox fails to compute the bytes, for a member toJSON in x (%s)"
                .formatted(members.charAt(1))),
        differences(record(members)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'deleted': false | deleted: false in x",
        "'attachment': null | attachment: null in x",
        "'n': 0.5 | fractions in x (n)",
        "'n': 1.0 | fractions in x (n)",
        "'n': 1e2 | fractions in x (n)",
        "'n': -0.0 | fractions in x (n)",
        "'n': -0 | fractions in x (n)",
        "'l': [{'n': 1.5}] | fractions in x (l)"
      })
  void android_and_ios_compute_other_bytes(String members, String what) throws IOException {
    assertEquals(
        List.of("Android and iOS would compute other bytes, for " + what),
        differences(record(members)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"18446744073709551616", "-9223372036854775809", "1000000000000000000000"})
  void neither_computes_the_bytes_of_an_integer_beyond_64_bits(String integer) throws IOException {
    assertEquals(
        List.of(
            FIREFOX + "integers beyond 2^53 in x (n)",
            "Android and iOS would compute other bytes, for integers beyond 64 bits in x (n)"),
        differences(record("'n': " + integer)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"'bundled': true", "'original': {'size': 1}", "'Size': 1"})
  void android_and_ios_leave_out_other_members_of_an_attachment(String more) throws IOException {
    String file = "'filename': 'f', 'mimetype': 'm', 'location': 'l', 'hash': 'h', 'size': 1";
    for (String members : List.of(file + ", " + more, more + ", " + file)) {
      assertEquals(
          List.of(
              "Android and iOS would compute other bytes, for other members of attachment than"
                  + " filename, mimetype, location, hash and size in x (attachment.%s)"
                      .formatted(more.split("'")[1])),
          differences(record("'attachment': {" + members + "}")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "0.5", "''", "'true'", "null", "[]", "{}", "[true]"})
  void android_and_ios_cannot_read_a_deleted_that_is_not_a_boolean(String deleted)
      throws IOException {
    List<String> differences = differences(record("'deleted': " + deleted));
    assertEquals(
        "Android and iOS cannot read the records, for a deleted that is not true or false in x",
        differences.getLast());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{}",
        "'f'",
        "0",
        "true",
        "{'mimetype': 'm', 'location': 'l', 'hash': 'h', 'size': 1}",
        "{'filename': 'f', 'location': 'l', 'hash': 'h', 'size': 1}",
        "{'filename': 'f', 'mimetype': 'm', 'hash': 'h', 'size': 1}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 'l', 'size': 1}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 'l', 'hash': 'h'}",
        "{'filename': null, 'mimetype': 'm', 'location': 'l', 'hash': 'h', 'size': 1}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 1, 'hash': 'h', 'size': 1}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 'l', 'hash': 'h', 'size': -1}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 'l', 'hash': 'h', 'size': '1'}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 'l', 'hash': 'h', 'size': null}",
        "{'filename': 'f', 'mimetype': 'm', 'location': 'l', 'hash': 'h',"
            + " 'size': 18446744073709551616}"
      })
  void android_and_ios_cannot_read_an_attachment_without_its_members(String attachment)
      throws IOException {
    assertEquals(
        "Android and iOS cannot read the records, for an attachment that is not an object with"
            + " filename, mimetype, location, hash and size in x",
        differences(record("'attachment': " + attachment)).getLast());
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "'1'", "-1", "-0", "1.0", "[]", "18446744073709551616"})
  void android_and_ios_cannot_read_a_last_modified_that_is_not_a_timestamp(String modified)
      throws IOException {
    String sentence =
        "Android and iOS cannot read the records, for a last_modified that is not a timestamp in x";
    assertEquals(sentence, differences(record("'last_modified': " + modified)).getLast());
    assertEquals(List.of(sentence), differences("{'id': 'x'}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'\\ud83d': 1 | \\ud83d",
        "'n': '\\ude00\\ud83d' | n",
        "'l': [{'n': 'é\\ud83d\\ud83d\\ude00'}] | l"
      })
  void android_and_ios_cannot_read_half_a_surrogate_pair(String members, String field)
      throws IOException {
    assertEquals(
        List.of(
            "Android and iOS cannot read the records, for half a surrogate pair in x (%s)"
                .formatted(field)),
        differences(record(members)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "'yes'", "[]"})
  void a_tombstone_that_android_and_ios_cannot_read_counts_too(String deleted) throws IOException {
    Changeset changeset = changeset(record("'deleted': " + deleted));
    assertEquals(2, changeset.records().size());
    assertEquals(1, changeset.tombstones());
    assertEquals(
        List.of(
            "Android and iOS cannot read the records, for a deleted that is not true or false in"
                + " x"),
        differences(record("'deleted': " + deleted)));
  }

  @Test
  void a_tombstone_that_all_clients_read_leaves_nothing_behind() throws IOException {
    Changeset changeset = changeset(record("'deleted': true"));
    assertEquals(1, changeset.tombstones());
    assertEquals(Map.of(), changeset.oddTombstones());
  }

  @Test
  void ids_are_named_where_utf_16_would_sort_the_list_differently() throws IOException {
    String astral = "{'id': '\\ud83d\\ude00', 'last_modified': 1}";
    String last = "{'id': '\\uffff', 'last_modified': 1}";
    String deleted = last.replace("}", ", 'deleted': true}");
    List<String> sentences = List.of(FIREFOX + "ids that UTF-16 sorts differently in \ud83d\ude00");
    assertEquals(sentences, differences(astral, last));
    assertEquals(sentences, differences(last, astral));
    assertEquals(List.of(), differences(astral));
    assertEquals(List.of(), differences(last));
    assertEquals(List.of(), differences(astral, deleted), "only signed records are sorted");
  }

  @ParameterizedTest
  @CsvSource({
    "9007199254740991, ''",
    "9007199254740992, ''",
    "9007199254740993, 9007199254740993",
    "9007199254740994, ''",
    "9223372036854775807, 9223372036854775807"
  })
  void a_timestamp_that_firefox_rounds_is_named(long timestamp, String named) {
    assertEquals(
        named
            .lines()
            .map(it -> FIREFOX + "the timestamp " + it + ", which is beyond 2^53")
            .toList(),
        sentences(ClientDifferences.of(List.of(), Map.of(), timestamp)));
  }

  @Test
  void each_kind_is_one_sentence_that_names_three_records() throws IOException {
    assertEquals(
        List.of(
            FIREFOX + "integers beyond 2^53 in a (m)",
            "Android and iOS would compute other bytes,"
                + " for fractions in a (n), b (n), c (n) and 1 more",
            "Android and iOS would compute other bytes, for deleted: false in b"),
        differences(
            "{'id': 'a', 'last_modified': 1, 'n': 0.5, 'm': 9007199254740993}",
            "{'id': 'b', 'last_modified': 1, 'n': 0.5, 'deleted': false}",
            "{'id': 'c', 'last_modified': 1, 'n': 0.5}",
            "{'id': 'd', 'last_modified': 1, 'n': 0.5}"));
  }

  // ---- helpers

  /** A record x, with ' for "; of equal keys the last counts. */
  private static String record(String members) {
    return "{'id': 'x', 'last_modified': 1, " + members + "}";
  }

  /** The sentences about these records and two that are plain. */
  private static List<String> differences(String... records) throws IOException {
    Changeset changeset = changeset(records);
    return sentences(
        ClientDifferences.of(
            changeset.records(), changeset.oddTombstones(), changeset.timestamp()));
  }

  private static List<String> sentences(List<Warning> warnings) {
    return warnings.stream().map(it -> it.about("").replaceFirst("^: ", "")).toList();
  }

  private static Changeset changeset(String... records) throws IOException {
    String json =
        "{'metadata': {}, 'timestamp': 2, 'changes': [{'id': '1', 'last_modified': 2}, %s,"
            + " {'id': '2', 'last_modified': 1, 'schema': 3}]}";
    return Changesets.read(
        new ByteArrayInputStream(
            json.formatted(String.join(", ", records))
                .replace('\'', '"')
                .getBytes(StandardCharsets.UTF_8)));
  }
}
