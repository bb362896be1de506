//JAVA 25+
//SOURCES Changesets.java Display.java Json.java Place.java RecordDiff.java ServerException.java
//SOURCES UnexpectedBody.java Urls.java
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
import java.util.Set;
import java.util.regex.Pattern;

/** Several changes of records in one request, what became of each, and what to do about it. */
public final class Batch {

  /** What to do where only the server's log tells why it refuses. */
  public static final String OPERATORS = "ask those who run the server";

  /** Statuses that refuse what a record holds. */
  private static final Set<Integer> CONTENT = Set.of(400, 413, 414, 422);

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

    /** How it is shown to people. */
    public String line(int number) {
      return "Batch #%d: %s %s".formatted(number, method(), path());
    }

    /** The request and what became of it, for the JSON document. */
    public Map<String, Object> json(int status, String message) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("method", method());
      json.put("path", path());
      json.put("status", status);
      json.put("message", message);
      return json;
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

  /** How far a change has come. */
  public sealed interface ChangeState {
    /** Why; for an applied change, how we know if the status does not say it. */
    String reason();
  }

  /** The destination has it. */
  public record Applied(String reason) implements ChangeState {}

  /** It may be sent again: the record has changed, or the server was not able to answer. */
  public record Pending(String reason) implements ChangeState {}

  /** The server refuses it, and would refuse it again in the next run. */
  public record Rejected(int status, String reason) implements ChangeState {}

  /**
   * What the answer to a change says. A request whose answer was lost is sent again and is then
   * refused, because the first one did its work. Such a change counts as applied.
   */
  public static ChangeState state(RecordWrite write, Written answer) {
    int status = answer.status();
    boolean isDeletion = write.record() == null;
    boolean isSame =
        !isDeletion
            && answer.record() != null
            && RecordDiff.isSame(write.record(), answer.record());
    if (status == 404 && isDeletion) {
      return new Applied("already gone");
    }
    if (status == 412 && isSame) {
      return new Applied("already there");
    }
    if (status / 100 == 2) {
      return isDeletion || isSame || answer.record() == null
          ? new Applied("")
          : new Rejected(status, "the server stored something else");
    }
    String message = answer.message().isEmpty() ? "" : ": " + Display.brief(answer.message());
    return ServerException.isTemporary(status)
        ? new Pending(status + message)
        : new Rejected(status, status + message);
  }

  /**
   * What to change so that the server accepts what it has rejected, a sentence for each remedy.
   *
   * @param states by the ids of the records
   * @param source where the records come from
   * @param toSet names the account, and where its credentials are set
   */
  public static List<String> remedies(
      List<RecordWrite> writes, Map<String, ChangeState> states, String source, String toSet) {
    Map<String, List<String>> rejected = new LinkedHashMap<>();
    for (RecordWrite write : writes) {
      if (states.get(write.id()) instanceof Rejected(int status, String reason)) {
        String remedy =
            write.record() != null && CONTENT.contains(status)
                ? "change it in %s, or leave it out by a filter".formatted(source)
                : remedy(status, write.collection(), toSet);
        rejected
            .computeIfAbsent(remedy, _ -> new ArrayList<>())
            .add(Display.brief(write.id()) + " (" + reason + ")");
      }
    }
    return rejected.entrySet().stream()
        .map(one -> Display.some(one.getValue(), 3) + ": " + one.getKey())
        .map(text -> "the server refuses " + Display.clean(text))
        .toList();
  }

  /** What to change if the cause is not what a record holds. */
  public static String remedy(int status, Place collection, String toSet) {
    return status == 401 || status == 403
        ? "%s to an account with write permission on %s".formatted(toSet, collection.name())
        : OPERATORS;
  }

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
