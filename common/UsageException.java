//JAVA 25+

package common;

/**
 * A mistake for the user to correct: a setting that cannot be used, named with its value and what
 * is accepted, or settings that select nothing.
 */
public class UsageException extends Exception {
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
