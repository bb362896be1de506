//JAVA 25+

package common;

/** A setting that cannot be used: names option or variable, the value, and what is accepted. */
public final class UsageException extends Exception {
  private static final long serialVersionUID = 1;
  private final String hint;

  public UsageException(String message, String hint) {
    super(message);
    this.hint = hint;
  }

  /** What to do about it, or null. */
  public String hint() {
    return hint;
  }
}
