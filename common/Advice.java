//JAVA 25+
//SOURCES Display.java RunDeadline.java

package common;

import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * What to do about a result that is not good. Results with the same advice have the same kind of
 * cause.
 *
 * @param cause the kind in a word or two, for Sentry and for people: {@code records-differ}
 * @param hint the next step
 * @param page that explains more
 */
public record Advice(String cause, String hint, Runbook page) {

  /** The pages of docs/runbooks/. */
  public enum Runbook {
    BACKPORT_BEHIND,
    BAD_SIGNATURE,
    CERTIFICATE_EXPIRED,
    NO_VERDICT,
    PAGES_NOT_UPDATED,
    PUBLISHED_DIFFERS,
    REFRESH_FAILED,
    TIMESTAMPS_DISAGREE,
    UPTAKE_OVER_THRESHOLD;

    /** Where the page is, in the project's folder. */
    public String path() {
      return "docs/runbooks/%s.md".formatted(slug(this));
    }
  }

  /** For an entry of monitor/changes that cannot be understood. */
  public static final Advice ODD_ENTRY =
      new Advice(
          "odd-entry",
          "ask the server's operators to mend this entry of the list",
          Runbook.NO_VERDICT);

  /** For a failure that no command expects. */
  public static final Advice UNEXPECTED =
      new Advice("unexpected", "--verbose shows where", Runbook.NO_VERDICT);

  /** For what the run had no time for. */
  public static final Advice OUT_OF_TIME =
      new Advice("out-of-time", RunDeadline.HINT, Runbook.NO_VERDICT);

  public Advice {
    Objects.requireNonNull(hint, cause);
  }

  /** The same advice with another hint, unless that is null. */
  public Advice or(String hint) {
    return hint == null ? this : new Advice(cause, hint, page);
  }

  /** The hint, and where to read on. */
  String line() {
    return "%s (%s)".formatted(hint, page.path());
  }

  /** Adds hint and page to a result of the JSON document. */
  public void addTo(Map<String, Object> json) {
    json.put("hint", Display.line(hint));
    json.put("runbook", page.path());
  }

  /** A constant as JSON and Sentry name it: {@code records-differ}. */
  public static String slug(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
