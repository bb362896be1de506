//JAVA 25+
//SOURCES Changesets.java Display.java Json.java signature/CanonicalJson.java
//SOURCES signature/CanonicalReader.java

package common;

import common.Changesets.SignedRecord;
import common.signature.CanonicalJson;
import common.signature.CanonicalReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What differs between the records of two collections, by content: {@code last_modified} and {@code
 * schema} are left out, the order of keys does not matter, 1 equals 1.0, absent differs from null
 * (docs/specification.md, <i>consistency_checks</i>).
 */
public final class RecordDiff {

  /** Fields that servers set, differently in each collection. */
  private static final Set<String> SERVER_FIELDS = Set.of("last_modified", "schema");

  private static final int SHOWN_FIELDS = 3;
  private static final int SHOWN_CHARACTERS = 40;
  private static final Pattern ESCAPE = Pattern.compile("\\\\(?:u([0-9a-f]{4})|.)");

  private RecordDiff() {}

  /** How a record differs, from left to right. */
  public enum What {
    MISSING,
    EXTRA,
    DIFFERS
  }

  /**
   * One record that is not the same on both sides.
   *
   * @param fields those that differ, with both values; empty unless the record is on both sides
   */
  public record Difference(String id, What what, List<Field> fields) {}

  /**
   * A member of a record.
   *
   * @param left its value as canonical JSON, null if it is absent
   * @param right likewise
   */
  public record Field(String name, String left, String right) {}

  /** Whether two records, as canonical JSON, are the same by content. */
  public static boolean isSame(byte[] left, byte[] right) {
    return Arrays.equals(left, right) || Arrays.equals(compared(left), compared(right));
  }

  private static byte[] compared(byte[] record) {
    return CanonicalJson.without(record, SERVER_FIELDS);
  }

  /** The records of one side, as canonical JSON, by their id. */
  public static Map<String, byte[]> byId(List<SignedRecord> records) {
    Map<String, byte[]> byId = new HashMap<>();
    records.forEach(record -> byId.put(record.id(), record.json().bytes()));
    return byId;
  }

  /** The differences, in the order of the ids; takes linear time but for the sorting. */
  public static List<Difference> differences(Map<String, byte[]> left, Map<String, byte[]> right) {
    List<Difference> differences = new ArrayList<>();
    left.forEach((id, record) -> {
      byte[] other = right.get(id);
      if (other == null) {
        differences.add(new Difference(id, What.MISSING, List.of()));
      } else if (!isSame(record, other)) {
        differences.add(new Difference(id, What.DIFFERS, fields(record, other)));
      }
    });
    for (String id : right.keySet()) {
      if (!left.containsKey(id)) {
        differences.add(new Difference(id, What.EXTRA, List.of()));
      }
    }
    differences.sort(Comparator.comparing(Difference::id));
    return differences;
  }

  /** The members that differ between two versions of a record, by their names. */
  private static List<Field> fields(byte[] left, byte[] right) {
    Map<String, String> ours = CanonicalJson.members(left);
    Map<String, String> theirs = CanonicalJson.members(right);
    Set<String> names = new TreeSet<>(ours.keySet());
    names.addAll(theirs.keySet());
    names.removeAll(SERVER_FIELDS);
    return fields(ours, theirs, names);
  }

  /** Those of some attributes that differ between two collections, in the order of the names. */
  public static List<Field> fields(
      Map<String, Object> left, Map<String, Object> right, List<String> names) {
    return fields(texts(left, names), texts(right, names), names);
  }

  private static List<Field> fields(
      Map<String, String> left, Map<String, String> right, Collection<String> names) {
    return names.stream()
        .filter(name -> !Objects.equals(left.get(name), right.get(name)))
        .map(name -> new Field(name, left.get(name), right.get(name)))
        .toList();
  }

  private static Map<String, String> texts(Map<String, Object> attributes, List<String> names) {
    Map<String, String> texts = new HashMap<>();
    for (String name : names) {
      if (attributes.containsKey(name)) {
        texts.put(name, text(Collections.singletonMap(name, attributes.get(name)), name));
      }
    }
    return texts;
  }

  private static String text(Map<String, Object> attribute, String name) {
    byte[] json = Json.compact(attribute);
    try {
      return CanonicalJson.members(CanonicalReader.read(json).bytes()).get(name);
    } catch (Json.BadJson e) {
      return new String(json, StandardCharsets.UTF_8); // a number beyond all that clients know
    }
  }

  /** Fields as people read them: the first three, each with both its values, shortened. */
  public static String text(List<Field> fields) {
    return Display.some(fields.stream().map(RecordDiff::text).toList(), SHOWN_FIELDS);
  }

  private static String text(Field field) {
    String left = readable(field.left());
    String right = readable(field.right());
    int same = Arrays.mismatch(left.toCharArray(), right.toCharArray());
    int start = Math.max(left.length(), right.length()) > SHOWN_CHARACTERS ? same - 10 : 0;
    return "%s: %s → %s"
        .formatted(Display.brief(field.name()), shortened(left, start), shortened(right, start));
  }

  /** A value as people read it: letters beyond ASCII as themselves, but nothing invisible. */
  private static String readable(String value) {
    if (value == null) {
      return "absent";
    }
    return ESCAPE
        .matcher(value)
        .replaceAll(escape -> {
          String hex = escape.group(1);
          String shown = hex == null ? "" : Character.toString(Integer.parseInt(hex, 16));
          boolean visible = shown.compareTo("\u00a0") > 0 && Display.clean(shown).equals(shown);
          return Matcher.quoteReplacement(visible ? shown : escape.group());
        });
  }

  /** Of a long value, the part where it differs from the other. */
  private static String shortened(String value, int start) {
    int first = Math.clamp(start, 0, Math.max(0, value.length() - 1));
    if (first > 0 && Character.isLowSurrogate(value.charAt(first))) {
      first--;
    }
    int last = Math.min(value.length(), first + SHOWN_CHARACTERS);
    if (last < value.length() && Character.isLowSurrogate(value.charAt(last))) {
      last--;
    }
    return (first > 0 ? "…" : "")
        + value.substring(first, last)
        + (last < value.length() ? "…" : "");
  }
}
