//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES Display.java Json.java UnexpectedBody.java signature/CanonicalJson.java

package common;

import common.signature.CanonicalJson;
import common.signature.CanonicalJson.Canonical;
import common.signature.CanonicalJson.Trait;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

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
    try (JsonParser parser = Json.parser(body)) {
      if (Json.next(parser) != JsonToken.START_OBJECT) {
        throw new UnexpectedBody("unexpected answer: it is not an object");
      }
      while (Json.next(parser) == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken token = Json.next(parser);
        if (name.equals("timestamp")) {
          return timestamp(token.isStructStart() ? null : Json.scalar(parser, token));
        }
        Json.skip(parser);
      }
      throw new UnexpectedBody("unexpected answer: timestamp is missing");
    }
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
      if (!(record.fields().get("id") instanceof String id) || id.isEmpty()) {
        throw new UnexpectedBody("unexpected answer: record %d has no id".formatted(number));
      }
      if (!ids.add(id)) {
        throw new UnexpectedBody("unexpected answer: two records with the id " + Display.brief(id));
      }
      if (record.fields().get("last_modified") instanceof Long modified) {
        latest = Math.max(latest, modified);
      }
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
    try (JsonParser parser = Json.parser(body)) {
      if (Json.next(parser) != JsonToken.START_OBJECT) {
        throw new UnexpectedBody("unexpected answer: it is not an object");
      }
      boolean found = false;
      while (Json.next(parser) == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken token = Json.next(parser);
        if (!name.equals(key)) {
          others.put(name, Json.value(parser));
        } else if (token != JsonToken.START_ARRAY || found) {
          throw new UnexpectedBody(
              "unexpected answer: %s %s".formatted(key, found ? "occurs twice" : "is not a list"));
        } else {
          found = true;
          for (int number = 1; Json.next(parser) != JsonToken.END_ARRAY; number++) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
              throw new UnexpectedBody(
                  "unexpected answer: %s %d is not an object".formatted(word, number));
            }
            elements.add(CanonicalJson.read(parser), number);
          }
        }
      }
      Json.end(parser);
      if (!found) {
        throw new UnexpectedBody("unexpected answer: %s is missing".formatted(key));
      }
      return others;
    }
  }
}
