//JAVA 25+
//DEPS tools.jackson.core:jackson-core:3.3.0
//SOURCES Json.java
//SOURCES UnexpectedBody.java
//SOURCES signature/CanonicalJson.java

package common;

import common.signature.CanonicalJson;
import common.signature.CanonicalJson.Canonical;
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
 * What the bodies of answers hold, checked for its shape. Records go straight into their canonical
 * bytes.
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
   * @param latest the highest {@code last_modified} of them all, tombstones too; 0 if there is none
   */
  public record Changeset(
      Map<String, Object> metadata,
      long timestamp,
      List<SignedRecord> records,
      int tombstones,
      long latest) {}

  /** A record that is not a tombstone, as it is signed. */
  public record SignedRecord(String id, Canonical json) {}

  /** Reads a changeset: records go straight into their canonical bytes. */
  public static Changeset read(InputStream body) throws IOException {
    Map<String, Object> others = new LinkedHashMap<>();
    Records records = readDocument(body, "changes", new Records(), others);
    if (!(others.get("timestamp") instanceof Long timestamp) || timestamp < 0) {
      throw new UnexpectedBody("unexpected answer: timestamp is no epoch milliseconds");
    }
    return new Changeset(
        Json.object(others.get("metadata"), "metadata"),
        timestamp,
        records.live,
        records.tombstones(),
        records.latest);
  }

  static Records readDocument(InputStream body, String key, Records records) throws IOException {
    return readDocument(body, key, records, new LinkedHashMap<>());
  }

  static Records readDocument(
      InputStream body, String key, Records records, Map<String, Object> others)
      throws IOException {
    readDocument(body, key, "record", records::add, others);
    return records;
  }

  /** Records as they come in, in canonical form. */
  static final class Records {
    final List<SignedRecord> live = new ArrayList<>();
    final List<SignedRecord> all = new ArrayList<>(); // and tombstones, or what looks like one
    final Set<String> ids = new HashSet<>();
    long latest;
    boolean twice;

    void add(Canonical record, int number) throws UnexpectedBody {
      if (!(record.fields().get("id") instanceof String id) || id.isEmpty()) {
        throw new UnexpectedBody("unexpected answer: record %d has no id".formatted(number));
      }
      if (!ids.add(id)) {
        throw new UnexpectedBody("unexpected answer: two records with the id " + id);
      }
      if (record.fields().get("last_modified") instanceof Long modified) {
        latest = Math.max(latest, modified);
      }
      SignedRecord one = new SignedRecord(id, record);
      all.add(one);
      if (!Boolean.TRUE.equals(record.fields().get("deleted"))) {
        live.add(one);
      }
    }

    int tombstones() {
      return ids.size() - live.size();
    }

    /** Adds a page; a record that stands on two pages was moved by a change in between. */
    void addAll(Records page) {
      for (String id : page.ids) {
        twice |= !ids.add(id);
      }
      live.addAll(page.live);
      all.addAll(page.all);
      latest = Math.max(latest, page.latest);
    }
  }

  /** Gets what is read of a list. */
  interface Elements {
    void add(Canonical element, int number) throws IOException;
  }

  /**
   * Reads an object whose member {@code key} is a list of objects; the others become values.
   *
   * @param word for one of them
   */
  static void readDocument(
      InputStream body, String key, String word, Elements elements, Map<String, Object> others)
      throws IOException {
    try (JsonParser parser = Json.parser(body)) {
      if (Json.next(parser) != JsonToken.START_OBJECT) {
        throw new UnexpectedBody("unexpected answer: it is no object");
      }
      boolean found = false;
      while (Json.next(parser) == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        JsonToken token = Json.next(parser);
        if (!name.equals(key)) {
          others.put(name, Json.value(parser));
        } else if (token != JsonToken.START_ARRAY || found) {
          throw new UnexpectedBody(
              "unexpected answer: %s %s".formatted(key, found ? "stands twice" : "is no list"));
        } else {
          found = true;
          for (int number = 1; Json.next(parser) != JsonToken.END_ARRAY; number++) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
              throw new UnexpectedBody(
                  "unexpected answer: %s %d is no object".formatted(word, number));
            }
            elements.add(CanonicalJson.read(parser), number);
          }
        }
      }
      Json.end(parser);
      if (!found) {
        throw new UnexpectedBody("unexpected answer: %s is missing".formatted(key));
      }
    }
  }
}
