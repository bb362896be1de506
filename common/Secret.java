//JAVA 25+

package common;

/** A value that is never shown: it prints as {@code ***}. */
public final class Secret {
  private final String value;
  private final String label;

  /**
   * @param label its variable, and where it is set
   */
  Secret(String value, String label) {
    this.value = value;
    this.label = label;
  }

  /** The value, for the one place that sends it. */
  public String reveal() {
    return value;
  }

  /** Its variable, and where it is set: {@code AUTH (environment)}. */
  public String label() {
    return label;
  }

  @Override
  public String toString() {
    return "***";
  }
}
