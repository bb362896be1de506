//JAVA 25+

package common;

import java.util.regex.Pattern;

/** Shell patterns for names, as Python's fnmatch knows them. */
public final class NamePattern {

  private NamePattern() {}

  /**
   * Matches a shell pattern as Python's fnmatch does: {@code *}, {@code ?}, {@code [a-z]}, {@code
   * [!a-z]}; a bracket that nothing closes stands for itself, a range from high to low for nothing.
   */
  public static boolean matches(String pattern, String name) {
    return regex(pattern).matcher(name).matches();
  }

  /** The same pattern as a regular expression, which the whole of a name has to match. */
  public static Pattern regex(String pattern) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      int end = c == '[' ? endOfSet(pattern, i + 1) : -1;
      if (c == '*') {
        regex.append(".*");
      } else if (c == '?') {
        regex.append('.');
      } else if (end > 0) {
        regex.append(set(pattern.substring(i + 1, end)));
        i = end;
      } else {
        regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  /** Where the set that starts here ends; a bracket at its beginning belongs to it. */
  private static int endOfSet(String pattern, int start) {
    int from = pattern.startsWith("!", start) ? start + 1 : start;
    return pattern.indexOf(']', pattern.startsWith("]", from) ? from + 1 : from);
  }

  private static String set(String members) {
    boolean negated = members.startsWith("!");
    StringBuilder regex = new StringBuilder();
    for (int i = negated ? 1 : 0; i < members.length(); i++) {
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
      return negated ? "." : "(?!)";
    }
    return (negated ? "[^" : "[") + regex + "]";
  }
}
