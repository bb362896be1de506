//JAVA 25+

package common;

/** Why there is no verdict on a collection, or why only a part of it was done. */
public final class Failure extends Exception {
  private static final long serialVersionUID = 1;
  private final String hint;

  public Failure(String reason, String hint) {
    super(reason, null, false, false);
    this.hint = hint;
  }

  /** What to do about it, or null. */
  public String hint() {
    return hint;
  }
}
