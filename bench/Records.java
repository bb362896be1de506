import java.util.Random;

/** Records that resemble published ones, with some non-ASCII characters. */
final class Records {

  private Records() {}

  /**
   * A record.
   *
   * @param comment letters, some of them é
   */
  record Made(
      String id, long lastModified, int bug, int severity, boolean isEnabled, String comment) {

    /** As a server may print it. */
    String json() {
      return """
      {"schema":%d,"details":{"bug":"https://bugzilla.mozilla.org/show_bug.cgi?id=%d",\
      "created":"2026-11-24T02:19:18Z","severity":%d},"enabled":%b,"locales":["fr","en-US"],\
      "id":"%s","last_modified":%d,"comment":"%s"}\
      """
          .formatted(lastModified - 1000, bug, severity, isEnabled, id, lastModified, comment);
    }

    /** As it is signed; written out here, so that no program's own rules decide what is right. */
    String canonical() {
      return """
      {"comment":"%s","details":{"bug":"https://bugzilla.mozilla.org/show_bug.cgi?id=%d",\
      "created":"2026-11-24T02:19:18Z","severity":%d},"enabled":%b,"id":"%s","last_modified":%d,\
      "locales":["fr","en-US"],"schema":%d}\
      """
          .formatted(
              comment.replace("é", "\\u00e9"),
              bug,
              severity,
              isEnabled,
              id,
              lastModified,
              lastModified - 1000);
    }
  }

  /** Makes a record of about that many bytes of JSON. */
  static Made make(String id, long lastModified, int bytes, Random random) {
    Made bare =
        new Made(
            id,
            lastModified,
            random.nextInt(2_000_000),
            random.nextInt(4),
            random.nextBoolean(),
            "");
    StringBuilder comment = new StringBuilder();
    for (int missing = bytes - bare.json().length(); missing > 0; missing--) {
      comment.append(random.nextInt(40) == 0 ? 'é' : (char) ('a' + random.nextInt(26)));
    }
    return new Made(
        id, lastModified, bare.bug(), bare.severity(), bare.isEnabled(), comment.toString());
  }
}
