//JAVA 25+

package common;

import java.io.IOException;

/** The body is not what the caller expects; asking again would not help. */
public final class UnexpectedBody extends IOException {
  private static final long serialVersionUID = 1;
  private final boolean webPage;

  public UnexpectedBody(String message) {
    this(message, false);
  }

  /**
   * @param webPage whether it is a page for people, such as a login page
   */
  public UnexpectedBody(String message, boolean webPage) {
    super(message);
    this.webPage = webPage;
  }

  boolean isWebPage() {
    return webPage;
  }
}
