//JAVA 25+

package common;

import java.io.IOException;

/** The body is not what the caller expects; asking again would not help. */
public class UnexpectedBody extends IOException {
  private static final long serialVersionUID = 1;

  public UnexpectedBody(String message) {
    super(message);
  }
}
