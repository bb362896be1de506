//JAVA 25+

package common;

import java.time.Duration;

/** No usable answer: why, and after how many attempts. */
public final class ServerException extends Exception {
  private static final long serialVersionUID = 1;

  /** What went wrong, for those who act on it; texts are for people. */
  public enum Kind {
    /** An answer that is no success, or that leads where nothing follows. */
    STATUS,
    /** No answer in time, or not all of it. */
    LATE,
    /** No connection could be made, or it broke. */
    CONNECTION,
    /** A web page instead of what was asked for, as at a login. */
    WEB_PAGE,
    /** An answer that should be JSON. */
    NOT_JSON,
    /** An answer of another shape, size or encoding than asked for. */
    UNEXPECTED,
    /** The server asks for a wait that is too long. */
    TOLD_TO_WAIT,
    /** The run ends. */
    INTERRUPTED
  }

  private final String request;
  private final Kind kind;
  private final int status;
  private String reason;
  private String explanation = "";
  private String hint;
  private boolean lasting;
  private Duration retryAfter;

  /**
   * @param request method and URL, without credentials
   * @param status of the answer, or 0 if there was none
   */
  ServerException(String request, Kind kind, int status, String reason) {
    this.request = request;
    this.kind = kind;
    this.status = status;
    this.reason = reason;
  }

  /** Another request soon would be in vain, or against what the server asks for. */
  ServerException lasting() {
    lasting = true;
    return this;
  }

  /** The server said why, and how long to wait, which may be null. */
  ServerException explained(String explanation, Duration retryAfter) {
    this.explanation = explanation;
    this.retryAfter = retryAfter;
    return this;
  }

  /** The last of several attempts failed so. */
  ServerException after(int attempts) {
    reason += attempts == 1 ? "" : " (after " + attempts + " attempts)";
    return this;
  }

  /** Says what to do about it. */
  public ServerException withHint(String hint) {
    this.hint = hint;
    return this;
  }

  @Override
  public String getMessage() {
    return request + ": " + reason;
  }

  public Kind kind() {
    return kind;
  }

  /** The status of the answer, or 0 if there was none. */
  public int status() {
    return status;
  }

  /** What went wrong, without method and URL. */
  public String reason() {
    return reason;
  }

  /** What the server itself says of an answer that is no success; empty if it says nothing. */
  public String explanation() {
    return explanation;
  }

  /** What to do about it, or null. */
  public String hint() {
    return hint;
  }

  /** Whether another request soon would be in vain, or against what the server asks for. */
  public boolean isLasting() {
    return lasting;
  }

  /** How long the server asks to wait before another attempt, or null. */
  Duration retryAfter() {
    return retryAfter;
  }
}
