//JAVA 25+

package common;

/** A value that is never shown: it prints as {@code ***}. */
public final class Secret {
  private final String value;

  Secret(String value) {
    this.value = value;
  }

  /** The value, for the one place that sends it. */
  public String reveal() {
    return value;
  }

  @Override
  public String toString() {
    return "***";
  }
}
