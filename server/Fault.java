//SOURCES KintoRequest.java

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One way in which the embedded server misbehaves, where, and how often. {@code
 * altered-record=main/regions:2} has a kind, a collection and a number of requests.
 *
 * <p>A fault that refuses requests ({@code 403}, {@code 503}, …) and matches a part of a batch
 * refuses only that part. If it matches the batch itself, or has no place, the whole batch is
 * refused.
 *
 * @param where {@code bucket/collection}, or a path if it begins with {@code /}; may contain the
 *     shell wildcards {@code *} and {@code ?}, and may begin with a method and a space; empty for
 *     everywhere
 * @param times how many matching requests it affects, counted from the first; 0 for all
 */
record Fault(Kind kind, String where, int times) {

  /** At which point of a request a fault takes effect. */
  enum Point {
    /** Instead of handling the request. */
    INSTEAD,
    /** After the request has been carried out. */
    AFTERWARDS,
    /** While the correct answer is sent. */
    SENDING,
    /** In the content of a collection; the endpoints themselves work. */
    CONTENT,
    /** In the list of announced collections. */
    LIST
  }

  /** All faults, with the names that {@code --fault} takes. */
  enum Kind {
    SILENT("silent", Point.INSTEAD, "takes the request and never answers"),
    RESET("reset", Point.INSTEAD, "closes the connection without an answer"),
    STATUS_400("400", Point.INSTEAD, "answers 400, as if a record violated the schema"),
    STATUS_401("401", Point.INSTEAD, "answers 401"),
    STATUS_403("403", Point.INSTEAD, "answers 403"),
    STATUS_404("404", Point.INSTEAD, "answers 404"),
    STATUS_409("409", Point.INSTEAD, "answers 409"),
    STATUS_412("412", Point.INSTEAD, "answers 412 without details"),
    STATUS_413("413", Point.INSTEAD, "answers 413 with a gateway's HTML"),
    STATUS_429("429", Point.INSTEAD, "answers 429 with Retry-After: 1"),
    STATUS_500("500", Point.INSTEAD, "answers 500"),
    STATUS_502("502", Point.INSTEAD, "answers 502 with a gateway's HTML"),
    STATUS_503("503", Point.INSTEAD, "answers 503 with Retry-After: 1"),
    STATUS_503_DATE(
        "503-date", Point.INSTEAD, "answers 503 with a date one second ahead in Retry-After"),
    STATUS_503_LONG("503-long", Point.INSTEAD, "answers 503 with Retry-After: 3600"),
    STATUS_503_PLAIN("503-plain", Point.INSTEAD, "answers 503 without Retry-After"),
    STATUS_504("504", Point.INSTEAD, "answers 504 with a gateway's HTML"),
    NOT_JSON(
        "not-json",
        Point.INSTEAD,
        "answers 200 with Content-Type application/json and text that is not JSON"),
    HTML("html", Point.INSTEAD, "answers 200 with an HTML page, as a login page would"),
    WRONG_SHAPE("wrong-shape", Point.INSTEAD, "answers 200 with JSON of another shape: [42]"),
    HUGE("huge", Point.INSTEAD, "answers 200 with 200 MiB of plausible JSON"),
    GZIP_BOMB(
        "gzip-bomb", Point.INSTEAD, "answers with the same 200 MiB, gzipped to less than 1 MiB"),
    REDIRECT("redirect", Point.INSTEAD, "redirects to the same path on this server, which answers"),
    REDIRECT_ELSEWHERE(
        "redirect-elsewhere",
        Point.INSTEAD,
        "redirects to another origin (localhost instead of 127.0.0.1), which answers"),
    REDIRECT_LOOP("redirect-loop", Point.INSTEAD, "redirects to itself forever"),
    CONTROL_CHARACTERS(
        "control-characters",
        Point.INSTEAD,
        "answers 403 with escape sequences and line breaks in its message"),

    LOST("lost", Point.AFTERWARDS, "does what was asked, then closes the connection"),
    STATUS_503_DONE("503-done", Point.AFTERWARDS, "does what was asked, then answers 503"),
    STUCK("stuck", Point.AFTERWARDS, "leaves a status that asks for a signature as it is"),

    TRICKLE("trickle", Point.SENDING, "sends the body one byte a second"),
    STALL("stall", Point.SENDING, "sends half of the body and then nothing more"),
    CUT("cut", Point.SENDING, "closes the connection after half of the announced body"),
    ALERT("alert", Point.SENDING, "adds an Alert header"),
    BACKOFF("backoff", Point.SENDING, "adds the header Backoff: 1"),

    ALTERED_RECORD("altered-record", Point.CONTENT, "serves one record with one character changed"),
    ALTERED_TIMESTAMP(
        "altered-timestamp",
        Point.CONTENT,
        "serves a records timestamp that is one millisecond later than the signed one"),
    ALTERED_SIGNATURE("altered-signature", Point.CONTENT, "serves signatures with one bit changed"),
    MALFORMED_SIGNATURE(
        "malformed-signature", Point.CONTENT, "serves signatures that are six bytes too short"),
    MISSING_SIGNATURE("missing-signature", Point.CONTENT, "serves the collection unsigned"),
    STALE(
        "stale",
        Point.CONTENT,
        "serves the state before the newest record unless _expected is new, as a stale cache does"),
    STALE_ALWAYS("stale-always", Point.CONTENT, "serves the older state, whatever _expected says"),
    NO_ID("no-id", Point.CONTENT, "serves one record without its id"),
    DUPLICATE_ID("duplicate-id", Point.CONTENT, "serves two records with the same id"),
    EXPIRED_LEAF("expired-leaf", Point.CONTENT, "signs with a leaf that expired yesterday"),
    EXPIRED_INTERMEDIATE(
        "expired-intermediate",
        Point.CONTENT,
        "signs under an intermediate that expired yesterday"),
    EXPIRING_LEAF("expiring-leaf", Point.CONTENT, "signs with a leaf that expires in three days"),
    WRONG_ROOT("wrong-root", Point.CONTENT, "signs under another root"),
    WRONG_SIGNER("wrong-signer", Point.CONTENT, "signs with a leaf that names another signer"),
    CHAIN_MISSING("chain-missing", Point.CONTENT, "names a chain that answers 404"),
    CHAIN_HUGE("chain-huge", Point.CONTENT, "names a chain of 200 MiB"),
    CHAIN_TRICKLE("chain-trickle", Point.CONTENT, "names a chain that is sent one byte a second"),
    CHAIN_NOT_PEM("chain-not-pem", Point.CONTENT, "names a chain that is not PEM"),
    CHAIN_EMPTY("chain-empty", Point.CONTENT, "names a chain that is empty"),

    ENTRY_DOTS("entry-dots", Point.LIST, "also announces a collection named .."),
    ENTRY_SLASH("entry-slash", Point.LIST, "also announces a bucket named main/../x"),
    ENTRY_GONE("entry-gone", Point.LIST, "also announces a collection that does not exist"),
    ALTERED_ANNOUNCEMENT(
        "altered-announcement",
        Point.LIST,
        "announces a timestamp one second older than the collection's"),
    ENTRY_MISSING("entry-missing", Point.LIST, "does not announce the collection"),
    EMPTY_LIST("empty-list", Point.LIST, "announces no collections");

    private final String label;
    private final Point point;
    private final String sentence;

    Kind(String label, Point point, String sentence) {
      this.label = label;
      this.point = point;
      this.sentence = sentence;
    }

    /** The name that {@code --fault} takes. */
    String label() {
      return label;
    }

    Point point() {
      return point;
    }

    /** What the server does, without a subject: "answers 500". */
    String sentence() {
      return sentence;
    }
  }

  private static final Pattern PLACE = Pattern.compile("(?:([A-Z]+) )?(.*)");

  /** A fault that affects every request. */
  static Fault of(Kind kind) {
    return new Fault(kind, "", 0);
  }

  /** The same fault, limited to one place: see {@link #where}. */
  Fault at(String place) {
    return new Fault(kind, place, times);
  }

  /** The same fault, limited to the first {@code count} requests. */
  Fault times(int count) {
    return new Fault(kind, where, count);
  }

  /**
   * Reads {@code NAME[=WHERE][:TIMES]}.
   *
   * @throws IllegalArgumentException with a message for the user
   */
  static Fault parse(String text) {
    String rest = text;
    int times = 0;
    int colon = rest.lastIndexOf(':');
    if (colon >= 0) {
      String count = rest.substring(colon + 1);
      if (!count.matches("[1-9][0-9]{0,8}")) {
        throw new IllegalArgumentException(
            "in '" + text + "', '" + count + "' is not a number of requests (1 or more)");
      }
      times = Integer.parseInt(count);
      rest = rest.substring(0, colon);
    }
    int equals = rest.indexOf('=');
    String name = equals < 0 ? rest : rest.substring(0, equals);
    String where = equals < 0 ? "" : rest.substring(equals + 1);
    if (equals >= 0 && where.indexOf('/') < 0) {
      throw new IllegalArgumentException(
          "in '" + text + "', '" + where + "' is neither bucket/collection nor a path");
    }
    Kind kind =
        Arrays.stream(Kind.values())
            .filter(one -> one.label.equals(name))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("unknown fault '" + name + "'"));
    return new Fault(kind, where, times);
  }

  /**
   * Whether the fault applies to this request or collection.
   *
   * @param method of the request; empty if the question is about a collection, not about a request
   * @param path of the request
   * @param collection {@code bucket/collection}, or empty when the path has none
   */
  boolean concerns(String method, String path, String collection) {
    Matcher place = PLACE.matcher(where);
    if (!place.matches() || (place.group(1) != null && !place.group(1).equals(method))) {
      return false;
    }
    String pattern = place.group(2);
    if (pattern.isEmpty()) {
      return true;
    }
    String subject = pattern.startsWith("/") ? path : collection;
    StringBuilder regex = new StringBuilder();
    for (char c : pattern.toCharArray()) {
      regex.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
    }
    return subject.matches(regex.toString());
  }

  boolean concerns(KintoRequest request) {
    return concerns(request.method(), request.path(), request.collection());
  }

  /** The form that {@link #parse} reads. */
  @Override
  public String toString() {
    return kind.label() + (where.isEmpty() ? "" : "=" + where) + (times == 0 ? "" : ":" + times);
  }
}
