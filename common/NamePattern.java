//JAVA 25+

package common;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Shell patterns for names, as Python's fnmatch knows them. */
public final class NamePattern {

  private NamePattern() {}

  /**
   * Matches a shell pattern as Python's fnmatch does: {@code *}, {@code ?}, {@code [a-z]}, {@code
   * [!a-z]}; an unclosed bracket stands for itself, a range from high to low matches nothing.
   */
  public static boolean matches(String pattern, String name) {
    return regex(pattern).matcher(name).matches();
  }

  /** A set, whose first member may be a bracket, or a single character. */
  private static final Pattern PART = Pattern.compile("\\[(!?+)(]?+[^]]*)]|.", Pattern.DOTALL);

  private static Pattern regex(String pattern) {
    String regex =
        PART.matcher(pattern)
            .replaceAll(part ->
                Matcher.quoteReplacement(
                    switch (part.group()) {
                      case "*" -> ".*";
                      case "?" -> ".";
                      case String c when part.group(2) == null -> Pattern.quote(c);
                      default -> set(!part.group(1).isEmpty(), part.group(2));
                    }));
    return Pattern.compile(regex, Pattern.DOTALL);
  }

  private static String set(boolean isNegated, String members) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < members.length(); i++) {
      int first = members.charAt(i);
      int last = first;
      if (i + 2 < members.length() && members.charAt(i + 1) == '-') {
        last = members.charAt(i + 2);
        i += 2;
      }
      if (first <= last) {
        regex.append("\\x{%x}-\\x{%x}".formatted(first, last));
      }
    }
    if (regex.isEmpty()) {
      return isNegated ? "." : "(?!)";
    }
    return (isNegated ? "[^" : "[") + regex + "]";
  }
}
