//JAVA 25+

package common;

/** No usable answer: why, and after how many attempts. */
public final class ServerException extends Exception {
  private static final long serialVersionUID = 1;
  private final int status;
  private final String reason;
  private final String hint;
  private final boolean lasting;

  ServerException(String request, int status, String reason, int attempts, String hint) {
    this(request, status, reason, attempts, hint, false);
  }

  ServerException(
      String request, int status, String reason, int attempts, String hint, boolean lasting) {
    super(request + ": " + reason + after(attempts));
    this.status = status;
    this.reason = reason + after(attempts);
    this.hint = hint;
    this.lasting = lasting;
  }

  private ServerException(ServerException failure, String hint) {
    super(failure.getMessage(), failure);
    this.status = failure.status;
    this.reason = failure.reason;
    this.hint = hint;
    this.lasting = failure.lasting;
  }

  /** The same, from who knows what to do about it. */
  public ServerException withHint(String hint) {
    return new ServerException(this, hint);
  }

  private static String after(int attempts) {
    return attempts == 1 ? "" : " (after " + attempts + " attempts)";
  }

  /** The status of the answer, or 0 if there was none. */
  public int status() {
    return status;
  }

  /** What went wrong, without method and URL. */
  public String reason() {
    return reason;
  }

  /** What to do about it, or null. */
  public String hint() {
    return hint;
  }

  /** Whether another request soon would be in vain, or against what the server asks for. */
  public boolean isLasting() {
    return lasting;
  }
}
