//JAVA 25+

package common;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;

/**
 * Where {@code --help} shows an option. It stands at the option's field, or at the class that
 * declares it; a command's own options have none.
 */
@Retention(RetentionPolicy.RUNTIME)
public @interface HelpGroup {
  Title value();

  /** The groups in the order of help. */
  enum Title {
    OPTIONS("Options"),
    PUBLISHING("Where the pages are published"),
    SELECTION("Which collections"),
    SERVER("Server and credentials"),
    TRUST("Which signatures are trusted"),
    REQUESTS("Requests"),
    OUTPUT("Output"),
    RUN("Settings file, time limit, Sentry");

    final String text;

    Title(String text) {
      this.text = text;
    }
  }
}
