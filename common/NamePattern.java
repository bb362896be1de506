//JAVA 25+

package common;

import java.util.List;
import java.util.function.IntPredicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Shell patterns for names, as Python's fnmatch knows them. */
public final class NamePattern {

  /** {@code bucket/collection} with the longest names that Kinto takes. */
  private static final int MAX_NAME = 255 + 1 + 255;

  /** A set, whose first member may be a bracket, or a single character. */
  private static final Pattern PART = Pattern.compile("\\[(!?+)(]?+[^]]*+)]|.", Pattern.DOTALL);

  private static final IntPredicate ANY_TEXT = _ -> true; // which no other part is

  private NamePattern() {}

  /**
   * Matches a shell pattern as Python's fnmatch does: {@code *}, {@code ?}, {@code [a-z]}, {@code
   * [!a-z]}; an unclosed bracket stands for itself, a range from high to low matches nothing. No
   * pattern matches a text that is too long for the name of a collection.
   */
  public static boolean matches(String pattern, String name) {
    return name.length() <= MAX_NAME
        && matches(
            PART.matcher(pattern).results().map(NamePattern::part).toList(),
            name.codePoints().toArray());
  }

  /**
   * A {@code *} takes as little as it can. Where the rest does not match, only the last one takes
   * more: whatever an earlier one could take, it can take as well.
   */
  private static boolean matches(List<IntPredicate> pattern, int[] name) {
    int part = 0;
    int afterLastStar = -1; // of the pattern
    int rest = 0; // of the name, which begins after what that star takes
    for (int i = 0; i < name.length; ) {
      if (part < pattern.size() && pattern.get(part) == ANY_TEXT) {
        afterLastStar = ++part;
        rest = i;
      } else if (part < pattern.size() && pattern.get(part).test(name[i])) {
        part++;
        i++;
      } else if (afterLastStar < 0) {
        return false;
      } else {
        part = afterLastStar;
        i = ++rest;
      }
    }
    return pattern.stream().skip(part).allMatch(left -> left == ANY_TEXT);
  }

  private static IntPredicate part(MatchResult part) {
    return switch (part.group()) {
      case "*" -> ANY_TEXT;
      case "?" -> Character::isValidCodePoint;
      case String c when part.group(2) == null -> character -> character == c.codePointAt(0);
      default -> {
        int[] members = part.group(2).codePoints().toArray();
        boolean isNegated = !part.group(1).isEmpty();
        yield character -> holds(members, character) != isNegated;
      }
    };
  }

  private static boolean holds(int[] members, int character) {
    for (int i = 0; i < members.length; i++) {
      int first = members[i];
      if (i + 2 < members.length && members[i + 1] == '-') {
        i += 2;
      }
      if (first <= character && character <= members[i]) {
        return true;
      }
    }
    return false;
  }
}
