//JAVA 25+
//SOURCES Changesets.java Json.java Place.java UnexpectedBody.java Urls.java
//SOURCES signature/CanonicalJson.java

package common;

import common.signature.CanonicalJson;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Several changes of records in one request, and what became of each. */
public final class Batch {

  private static final Pattern STATUS = Pattern.compile("[1-5]\\d\\d");

  private Batch() {}

  /**
   * The change of one record, for a batch.
   *
   * @param record its new content as canonical JSON; null to delete it
   * @param timestamp that the record must still have, epoch milliseconds; 0 if it must not exist
   */
  public record RecordWrite(Place collection, String id, byte[] record, long timestamp) {

    public String method() {
      return record == null ? "DELETE" : "PUT";
    }

    /** {@code /buckets/BUCKET/collections/COLLECTION/records/ID}, escaped as in a URL. */
    public String path() {
      return collection.path() + "/records/" + Urls.escaped(id);
    }

    Map<String, Object> json() {
      Map<String, Object> part = new LinkedHashMap<>();
      part.put("method", method());
      // Kinto refuses a path that contains /batch; this one is equivalent
      part.put("path", path().replace("/batch", "/%62atch"));
      part.put("headers", timestamp == 0 ? Map.of("If-None-Match", "*") : ifMatch(timestamp));
      if (record != null) {
        part.put("body", Map.of("data", new Json.Raw(record)));
      }
      return part;
    }
  }

  /**
   * What became of one part of a batch.
   *
   * @param status of this part, whatever the batch's
   * @param message the server's reason, or empty
   * @param record that is there now, as canonical JSON, or null if the answer does not show it: the
   *     one that was written or, if the write was refused, the one that was in the way
   * @param retryAfter the header of that name, or null
   */
  public record Written(int status, String message, byte[] record, String retryAfter) {}

  static List<Written> written(InputStream body, int expected) throws IOException {
    List<Written> written = new ArrayList<>();
    Changesets.readList(
        body, "responses", "response", (response, _) -> written.add(written(response.bytes())));
    if (written.size() != expected) {
      throw new UnexpectedBody(
          "unexpected answer: %d responses to %d requests".formatted(written.size(), expected));
    }
    return written;
  }

  private static Written written(byte[] response) throws IOException {
    Map<String, String> parts = CanonicalJson.members(response);
    String status = parts.getOrDefault("status", "");
    if (!STATUS.matcher(status).matches()) {
      throw new UnexpectedBody("unexpected answer: a part of the batch has no status");
    }
    Map<String, String> body = members(parts.get("body"));
    boolean isRefused = isObject(body.get("details"));
    String record = isRefused ? members(body.get("details")).get("existing") : body.get("data");
    return new Written(
        Integer.parseInt(status),
        body.containsKey("message") && Json.parse(body.get("message")) instanceof String message
            ? message.replaceFirst("\\.$", "")
            : "",
        isObject(record) ? record.getBytes(StandardCharsets.US_ASCII) : null,
        status.startsWith("2") ? null : retryAfter(parts.get("headers")));
  }

  private static boolean isObject(String canonical) {
    return canonical != null && canonical.startsWith("{");
  }

  /** The members of an object; none if it is not one. */
  private static Map<String, String> members(String canonical) {
    return isObject(canonical)
        ? CanonicalJson.members(canonical.getBytes(StandardCharsets.US_ASCII))
        : Map.of();
  }

  private static String retryAfter(String headers) throws IOException {
    for (Map.Entry<String, String> header : members(headers).entrySet()) {
      if (header.getKey().equalsIgnoreCase("Retry-After")) {
        return String.valueOf(Json.parse(header.getValue()));
      }
    }
    return null;
  }

  static Map<String, String> ifMatch(long timestamp) {
    return Map.of("If-Match", "\"%d\"".formatted(timestamp));
  }
}
