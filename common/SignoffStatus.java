//JAVA 25+
//SOURCES Display.java RemoteSettings.java SignedResources.java

package common;

import common.SignedResources.SignoffRule;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What the attributes of a signed source tell of its signoff.
 *
 * <p>An edit sets the status {@code work-in-progress}. Its editor asks for a review, {@code
 * to-review}; a reviewer approves it, {@code signed}, or rejects it, {@code work-in-progress}
 * again. Where no review is needed, the editor asks for the signature, and the server sets {@code
 * signed} at once. A date says when each of this happened last, but nodes of a server have
 * different clocks: what happened during a run shows in a date that has changed, to whatever value.
 */
public final class SignoffStatus {

  private static final String EDITED = "last_edit_date";
  private static final String REQUESTED = "last_review_request_date";
  private static final String APPROVED = "last_review_date";
  private static final String SIGNED = "last_signature_date";

  private SignoffStatus() {}

  /** What a source that has the right records still needs. */
  public sealed interface Due {}

  /** Nothing: it is published, or waits for a reviewer. */
  public record NothingDue() implements Due {}

  /** A review or the signature, not requested since the last edit; null if its time is unknown. */
  public record SignoffDue(Instant since) implements Due {}

  /** Nothing is requested until somebody has looked at it. */
  public record Blocked(String reason, boolean isRejection) implements Due {}

  /**
   * What a source still needs, once it has the right records.
   *
   * @param attributes of the source now
   * @param before its attributes before this run changed records; null if it changed none
   * @param account that this run uses
   */
  public static Due due(
      Map<String, Object> attributes,
      Map<String, Object> before,
      SignoffRule rule,
      String account) {
    return switch (Objects.toString(attributes.get("status"), null)) {
      case null -> before == null ? new NothingDue() : new SignoffDue(null);
      case "work-in-progress" -> dueOfWork(attributes, before, account);
      case "to-review" ->
          before == null
                  || (rule.reviewed() && RemoteSettings.isNewDate(REQUESTED, before, attributes))
              ? new NothingDue()
              : blocked("the status is still to-review, as before the changes");
      case "signed" ->
          before == null || RemoteSettings.isNewDate(SIGNED, before, attributes)
              ? new NothingDue()
              : blocked("the status is signed, but nothing was signed since the changes");
      default ->
          blocked("the status is " + brief(attributes, "status") + ": the server has not finished");
    };
  }

  /** Either it was edited since the last request, or that request was answered. */
  private static Due dueOfWork(
      Map<String, Object> attributes, Map<String, Object> before, String account) {
    for (String date : List.of(EDITED, REQUESTED, APPROVED)) {
      if (attributes.get(date) != null && RemoteSettings.date(attributes, date).isEmpty()) {
        return blocked("work in progress, but its %s is not a date".formatted(date));
      }
    }
    Object editor = attributes.get("last_edit_by");
    if (editor == null && before != null) {
      return new SignoffDue(null); // this server does not say who edits
    }
    boolean isEditedByRun =
        before != null && !RemoteSettings.isNewDate(REQUESTED, before, attributes);
    if (isEditedByRun || isLater(EDITED, REQUESTED, attributes)) {
      return account.equals(editor)
          ? new SignoffDue(RemoteSettings.date(attributes, EDITED).orElse(null))
          : workInProgress(attributes);
    }
    return isLater(REQUESTED, APPROVED, attributes)
        ? rejected(attributes)
        : workInProgress(attributes); // approved, then somebody set the status back
  }

  /** Whether a date is there, and later than the other one if that is there. */
  private static boolean isLater(String date, String other, Map<String, Object> attributes) {
    Optional<Instant> than = RemoteSettings.date(attributes, other);
    return RemoteSettings.date(attributes, date)
        .filter(it -> than.isEmpty() || it.isAfter(than.get()))
        .isPresent();
  }

  private static Blocked blocked(String reason) {
    return new Blocked(reason, false);
  }

  private static Blocked rejected(Map<String, Object> attributes) {
    String comment = Objects.toString(attributes.get("last_reviewer_comment"), "");
    String words = comment.isBlank() ? " without a comment" : ": " + Display.brief(comment);
    return new Blocked("review rejected" + words, true);
  }

  /** Somebody is editing the source, and has not asked for a review yet. */
  public static Blocked workInProgress(Map<String, Object> attributes) {
    boolean isKnown = attributes.get("last_edit_by") != null;
    String editor = isKnown ? brief(attributes, "last_edit_by") : "an unknown editor";
    return blocked("work in progress by " + editor);
  }

  /** The work of others that a copy overwrites, as a warning; empty if there is none. */
  public static Optional<String> othersWork(
      Map<String, Object> attributes, Due due, String account) {
    if ("to-review".equals(attributes.get("status"))
        && !account.equals(attributes.get("last_review_request_by"))) {
      return Optional.of(
          "under review, requested by " + brief(attributes, "last_review_request_by"));
    }
    return due instanceof Blocked blocked ? Optional.of(blocked.reason()) : Optional.empty();
  }

  /** Whether the attributes, read after the request for a signoff, show that it succeeded. */
  public static boolean isSignedOff(
      SignoffRule rule, Map<String, Object> before, Map<String, Object> after) {
    Object status = after.get("status");
    return "signed".equals(status)
        || (rule.reviewed()
            && ("to-review".equals(status) // or it was, and a reviewer has answered already
                || RemoteSettings.isNewDate(REQUESTED, before, after)));
  }

  private static String brief(Map<String, Object> attributes, String name) {
    return Display.brief(String.valueOf(attributes.get(name)));
  }
}
