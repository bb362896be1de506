//JAVA 25+

package common;

import java.io.IOException;

/**
 * The body is something else than what was asked for, as a login page is; it is worth asking again.
 */
final class OtherContent extends IOException {
  private static final long serialVersionUID = 1;
  private final String expected;

  /**
   * @param expected what was asked for: {@code a PEM chain}
   */
  OtherContent(String expected, String message) {
    super(message);
    this.expected = expected;
  }

  String expected() {
    return expected;
  }
}
