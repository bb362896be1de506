//JAVA 25+
//SOURCES Display.java Json.java UnexpectedBody.java signature/CanonicalJson.java
//SOURCES signature/CanonicalReader.java

package common;

import common.signature.CanonicalJson.Canonical;
import common.signature.CanonicalJson.Trait;
import common.signature.CanonicalReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads and checks changesets and lists of records. Records go straight into their canonical bytes.
 */
public final class Changesets {

  private Changesets() {}

  /**
   * A collection at one moment.
   *
   * @param metadata of the collection, plain values
   * @param timestamp of its records, epoch milliseconds
   * @param records without tombstones
   * @param tombstones how many there are
   * @param oddTombstones the traits of those that have any, by id
   * @param latest the highest {@code last_modified} of them all, tombstones too; 0 if there is none
   */
  public record Changeset(
      Map<String, Object> metadata,
      long timestamp,
      List<SignedRecord> records,
      int tombstones,
      Map<String, Set<Trait>> oddTombstones,
      long latest) {}

  /** A record that is not a tombstone, as it is signed. */
  public record SignedRecord(String id, Canonical json) {}

  /** Reads a changeset. */
  public static Changeset read(InputStream body) throws IOException {
    Records records = new Records();
    Map<String, Object> others = readList(body, "changes", "record", records::add);
    long timestamp = timestamp(others.get("timestamp"));
    return records.changeset(Json.object(others.get("metadata"), "metadata"), timestamp);
  }

  /** Reads a changeset up to its timestamp, wherever that is. */
  static long timestamp(InputStream body) throws IOException {
    CanonicalReader json = new CanonicalReader(body);
    enterObject(json);
    while (json.hasNext()) {
      if (json.name().equals("timestamp")) {
        return timestamp(plain(json.value()));
      }
      if (json.enter('[')) { // which may be large
        while (json.hasNext()) {
          json.value();
        }
      } else {
        json.value();
      }
    }
    throw new UnexpectedBody("unexpected answer: timestamp is missing");
  }

  private static long timestamp(Object value) throws UnexpectedBody {
    if (value instanceof Long timestamp && timestamp >= 0) {
      return timestamp;
    }
    throw new UnexpectedBody("unexpected answer: timestamp is not epoch milliseconds");
  }

  /** Reads a page of a list of records. */
  static Records page(InputStream body) throws IOException {
    Records records = new Records();
    readList(body, "data", "record", records::add);
    return records;
  }

  /** Records as they come in, in canonical form. */
  static final class Records {
    final List<SignedRecord> all = new ArrayList<>(); // tombstones too
    private final Set<String> ids = new HashSet<>();
    private long latest;

    private void add(Canonical record, int number) throws UnexpectedBody {
      String id = record.id();
      if (id == null || id.isEmpty()) {
        throw new UnexpectedBody("unexpected answer: record %d has no id".formatted(number));
      }
      if (!ids.add(id)) {
        throw new UnexpectedBody("unexpected answer: two records with the id " + Display.brief(id));
      }
      latest = Math.max(latest, record.lastModified());
      all.add(new SignedRecord(id, record));
    }

    void addAll(Records page) {
      ids.addAll(page.ids);
      all.addAll(page.all);
      latest = Math.max(latest, page.latest);
    }

    /** Whether a record is on two pages: a change in between moved it. */
    boolean hasDuplicates() {
      return ids.size() < all.size();
    }

    Changeset changeset(Map<String, Object> metadata, long timestamp) {
      List<SignedRecord> live = new ArrayList<>();
      Map<String, Set<Trait>> odd = new LinkedHashMap<>();
      for (SignedRecord record : all) {
        if (!record.json().tombstone()) {
          live.add(record);
        } else if (!record.json().traits().isEmpty()) {
          odd.put(record.id(), record.json().traits());
        }
      }
      return new Changeset(
          metadata, timestamp, List.copyOf(live), all.size() - live.size(), odd, latest);
    }
  }

  /** Takes the elements of a list as they are read. */
  interface Elements {
    void add(Canonical element, int number) throws IOException;
  }

  /**
   * Reads an object whose member {@code key} is a list of objects; returns its others, as values.
   *
   * @param word for an element of the list, in errors
   */
  static Map<String, Object> readList(InputStream body, String key, String word, Elements elements)
      throws IOException {
    Map<String, Object> others = new LinkedHashMap<>();
    CanonicalReader json = new CanonicalReader(body);
    enterObject(json);
    boolean found = false;
    while (json.hasNext()) {
      String name = json.name();
      if (!name.equals(key)) {
        others.put(name, plain(json.value()));
      } else if (found || !json.enter('[')) {
        throw new UnexpectedBody(
            "unexpected answer: %s %s".formatted(key, found ? "occurs twice" : "is not a list"));
      } else {
        found = true;
        for (int number = 1; json.hasNext(); number++) {
          Canonical element = json.value();
          if (!element.isObject()) {
            throw new UnexpectedBody(
                "unexpected answer: %s %d is not an object".formatted(word, number));
          }
          elements.add(element, number);
        }
      }
    }
    json.end();
    if (!found) {
      throw new UnexpectedBody("unexpected answer: %s is missing".formatted(key));
    }
    return others;
  }

  private static void enterObject(CanonicalReader json) throws IOException {
    if (!json.enter('{')) {
      json.value(); // if it is JSON
      throw new UnexpectedBody("unexpected answer: it is not an object");
    }
  }

  private static Object plain(Canonical value) throws IOException {
    return Json.parse(new ByteArrayInputStream(value.asItCame()));
  }
}
