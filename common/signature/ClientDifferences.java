//JAVA 25+
//SOURCES ../Changesets.java ../Display.java ../Json.java CanonicalJson.java CanonicalReader.java
//SOURCES ContentSignature.java

package common.signature;

import common.Changesets.SignedRecord;
import common.Display;
import common.Json.BadJson;
import common.signature.CanonicalJson.Trait;
import common.signature.ContentSignature.Warning;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What clients make of a collection differently from step 1 of <i>Client specifications › Signature
 * Verification</i>, as {@link CanonicalJson} has it. The verdict on the signature stands; a warning
 * says which clients will refuse it.
 *
 * <p>Firefox sorts by UTF-16, has doubles only, and calls {@code toJSON} (CanonicalJSON.sys.mjs and
 * RemoteSettings.worker.mjs). Android and iOS read a record into a struct with a boolean {@code
 * deleted}, an optional {@code attachment} of five members and an unsigned {@code last_modified},
 * sign all but {@code deleted} and an attachment that is null, and print fractions as {@code 1E-1}
 * (application-services, components/remote_settings, and its crates serde_json and canonical_json).
 *
 * <p>Pure: the reader of the records has found their traits.
 */
public final class ClientDifferences {

  private static final int SHOWN = 3; // of records, and of the fields of one

  private static final String FIREFOX = "Firefox would compute other bytes, for ";
  private static final String MOBILE = "Android and iOS would compute other bytes, for ";
  private static final String UNREADABLE = "Android and iOS cannot read the records, for ";

  /** Who cannot read a tombstone cannot read the changeset. */
  private static final Set<Trait> OF_TOMBSTONES_TOO =
      EnumSet.of(
          Trait.DELETED_NOT_BOOLEAN,
          Trait.ATTACHMENT_INCOMPLETE,
          Trait.LAST_MODIFIED_MISSING,
          Trait.LONE_SURROGATE);

  private ClientDifferences() {}

  /**
   * Returns a warning for each kind of difference.
   *
   * @param tombstones the traits of those that have any, by id
   * @param timestamp of the records, epoch milliseconds
   */
  public static List<Warning> of(
      List<SignedRecord> records, Map<String, Set<Trait>> tombstones, long timestamp) {
    Map<Trait, List<String>> ids = new EnumMap<>(Trait.class);
    for (SignedRecord record : records) {
      for (Trait trait : record.json().traits()) {
        List<String> some = ids.computeIfAbsent(trait, _ -> new ArrayList<>());
        some.add(
            record.id() + (some.size() < SHOWN ? fields(record.json().asItCame(), trait) : ""));
      }
    }
    tombstones.forEach((id, traits) -> {
      for (Trait trait : traits) {
        if (OF_TOMBSTONES_TOO.contains(trait)) {
          ids.computeIfAbsent(trait, _ -> new ArrayList<>()).add(id);
        }
      }
    });
    List<Warning> warnings = new ArrayList<>();
    if (!CanonicalJson.isExact(Long.toString(timestamp))) {
      warnings.add(
          warning(FIREFOX + "the timestamp", " %d, which is beyond 2^53".formatted(timestamp)));
    }
    List<String> misplaced = misplaced(records);
    if (!misplaced.isEmpty()) {
      warnings.add(warning(FIREFOX + "ids that UTF-16 sorts differently", in(misplaced)));
    }
    ids.forEach((trait, some) -> warnings.add(warning(words(trait), in(some))));
    return warnings;
  }

  private static Warning warning(String words, String where) {
    return new Warning("", ": " + words, where);
  }

  private static String in(List<String> ids) {
    return " in " + Display.some(ids, SHOWN);
  }

  /** The fields of a record that have a trait, in parentheses; empty if the words name them. */
  private static String fields(byte[] record, Trait trait) {
    Map<String, String> members = CanonicalJson.members(record);
    Stream<String> fields =
        switch (trait) {
          case INTEGER_BEYOND_DOUBLE,
              INTEGER_BEYOND_64_BITS,
              FRACTION,
              TO_JSON,
              UTF_16_ORDER,
              LONE_SURROGATE ->
              members.keySet().stream()
                  .filter(
                      name -> hasTrait("{\"%s\":%s}".formatted(name, members.get(name)), trait));
          case ATTACHMENT_MEMBERS ->
              CanonicalJson.members(ascii(members.get("attachment"))).keySet().stream()
                  .filter(name -> !CanonicalJson.ATTACHMENT.contains(name))
                  .map(name -> "attachment." + name);
          default -> Stream.empty();
        };
    List<String> names = fields.toList();
    return names.isEmpty() ? "" : " (" + Display.some(names, SHOWN) + ")";
  }

  private static boolean hasTrait(String object, Trait trait) {
    try {
      return CanonicalReader.read(ascii(object)).traits().contains(trait);
    } catch (BadJson e) {
      return false; // a limit that the record as a whole keeps
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static String words(Trait trait) {
    return switch (trait) {
      case INTEGER_BEYOND_DOUBLE -> FIREFOX + "integers beyond 2^53";
      case UTF_16_ORDER -> FIREFOX + "keys that UTF-16 sorts differently";
      case TO_JSON -> "Firefox fails to compute the bytes, for a member toJSON";
      case INTEGER_BEYOND_64_BITS -> MOBILE + "integers beyond 64 bits";
      case FRACTION -> MOBILE + "fractions";
      case DELETED_FALSE -> MOBILE + "deleted: false";
      case ATTACHMENT_NULL -> MOBILE + "attachment: null";
      case ATTACHMENT_MEMBERS ->
          MOBILE + "other members of attachment than filename, mimetype, location, hash and size";
      case DELETED_NOT_BOOLEAN -> UNREADABLE + "a deleted that is not true or false";
      case ATTACHMENT_INCOMPLETE ->
          UNREADABLE
              + "an attachment that is not an object with filename, mimetype, location, hash and"
              + " size";
      case LAST_MODIFIED_MISSING -> UNREADABLE + "a last_modified that is not a timestamp";
      case LONE_SURROGATE -> UNREADABLE + "half a surrogate pair";
    };
  }

  /** The ids that UTF-16 puts before others of a lower code point. */
  private static List<String> misplaced(List<SignedRecord> records) {
    List<String> ids = records.stream().map(SignedRecord::id).toList();
    if (ids.stream().allMatch(id -> id.codePointCount(0, id.length()) == id.length())) {
      return List.of(); // without surrogate pairs both orders are the same
    }
    List<String> sorted = ids.stream().sorted(CanonicalJson::byCodePoint).toList();
    List<String> misplaced = new ArrayList<>();
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i - 1).compareTo(sorted.get(i)) > 0) {
        misplaced.add(sorted.get(i));
      }
    }
    return misplaced;
  }
}
