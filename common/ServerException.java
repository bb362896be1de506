//JAVA 25+
//SOURCES Advice.java

package common;

import common.Advice.Runbook;
import java.time.Duration;

/** No usable answer: why, and after how many attempts. */
public final class ServerException extends Exception {
  private static final long serialVersionUID = 1;

  /** What went wrong, for those who act on it; texts are for people. */
  public enum Kind {
    /** An answer with an error status, or a redirect that is not followed. */
    STATUS,
    /** No answer in time, or not all of it. */
    LATE,
    /** No connection could be made, or it broke. */
    CONNECTION,
    /** A proxy did not pass the request on, or could not be reached. */
    PROXY,
    /** An address to which the request may not be sent. */
    NOT_ALLOWED,
    /** A URL for which Java's HTTP client cannot ask. */
    UNSUPPORTED,
    /** A web page instead of what was asked for, as at a login. */
    WEB_PAGE,
    /** An answer that should be JSON, but is not. */
    NOT_JSON,
    /** An answer of another shape, size or encoding than expected. */
    UNEXPECTED,
    /** The server asks for a wait that is too long. */
    TOLD_TO_WAIT,
    /** The run ends. */
    INTERRUPTED,
    /** The run had no time left for it. */
    OUT_OF_TIME
  }

  private final String request;
  private final Kind kind;
  private final int status;
  private String reason;
  private String explanation = "";
  private String hint;
  private Runbook page = Runbook.NO_VERDICT;
  private boolean retryable = true;
  private Duration retryAfter;
  private boolean throughProxy;

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

  /** Marks that repeating the request soon is pointless, or against what the server asks for. */
  ServerException notRetryable() {
    retryable = false;
    return this;
  }

  /** Adds what the server said, and how long it asks to wait, which may be null. */
  ServerException explained(String explanation, Duration retryAfter) {
    this.explanation = explanation;
    this.retryAfter = retryAfter;
    return this;
  }

  /** Adds whether a proxy was between here and the server, and may be to blame. */
  ServerException throughProxy(boolean throughProxy) {
    this.throughProxy = throughProxy;
    return this;
  }

  /** Adds how many attempts failed. */
  ServerException after(int attempts) {
    reason += attempts == 1 ? "" : " (after " + attempts + " attempts)";
    return this;
  }

  /** Says what to do about it. */
  public ServerException withHint(String hint) {
    this.hint = hint;
    return this;
  }

  /** Says what to do about it, and where to read on. */
  public ServerException withAdvice(String hint, Runbook page) {
    this.page = page;
    return withHint(hint);
  }

  /** The same failure, with what could not be read before its reason. */
  public ServerException of(String what) {
    ServerException same = new ServerException(request, kind, status, what + ": " + reason);
    same.hint = hint;
    same.page = page;
    same.retryable = retryable;
    same.throughProxy = throughProxy;
    return same;
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

  /** What the server itself says about an error status; empty if it says nothing. */
  public String explanation() {
    return explanation;
  }

  /** What to do about it, or null. */
  public String hint() {
    return hint;
  }

  /** What to do about it; its usual hint if it has none of its own. */
  public Advice advice() {
    String cause = kind == Kind.STATUS ? "http-" + status : Advice.slug(kind);
    return new Advice(cause, usually(), page).or(hint);
  }

  private String usually() {
    return switch (kind) {
      case STATUS ->
          isTemporary(status)
              ? "run the command again later; if that does not help, ask the server's operators"
              : isNotReadable()
                  ? "check that it exists and that this account may read it"
                  : "ask the server's operators: its log may say why";
      case LATE -> "see why the server is slow, or raise that limit";
      case CONNECTION -> "is the server running, and can this machine reach it?";
      case PROXY -> "is the proxy running, and does it let this machine through?";
      case WEB_PAGE -> "what answers in the server's place, a login page or a proxy?";
      case NOT_JSON, UNEXPECTED, UNSUPPORTED, NOT_ALLOWED ->
          "is it the right server? if so, ask its operators";
      case TOLD_TO_WAIT -> "run the command again after that time";
      case INTERRUPTED -> "run the command again";
      case OUT_OF_TIME -> Advice.OUT_OF_TIME.hint();
    };
  }

  /** Whether it makes sense to repeat the request soon, and the server allows it. */
  public boolean isRetryable() {
    return retryable;
  }

  /** Whether it is not there, or not for who asks. */
  public boolean isNotReadable() {
    return status == 401 || status == 403 || status == 404;
  }

  /** Whether the same request may succeed in a later run, with nothing changed by its sender. */
  public boolean isTemporary() {
    return switch (kind) {
      case STATUS -> isTemporary(status);
      case NOT_ALLOWED, UNSUPPORTED -> false;
      case PROXY -> retryable;
      default -> true;
    };
  }

  /** The same for a status, the whole answer's or that of a part of a batch. */
  public static boolean isTemporary(int status) {
    return status == 409 || status == 412 || status == 429 || status / 100 == 5;
  }

  /** Whether it got no answer through a proxy: asked directly, the server might answer. */
  public boolean isThroughProxy() {
    return throughProxy;
  }

  /** How long the server asks to wait before another attempt, or null. */
  Duration retryAfter() {
    return retryAfter;
  }
}
