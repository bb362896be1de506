//JAVA 25+

package common;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A way to escape a text, and how to undo it. */
final class Escapes {

  /** What an escape stands for whose character is not looked up: most names of HTML. */
  static final char UNKNOWN = '\ufffd';

  private static final String HEX = "[0-9a-fA-F]";

  /** JSON, Java, JavaScript and Python; CSS; URLs; HTML; quoted-printable. */
  static final List<Escapes> ALL =
      List.of(
          new Escapes(
              '\\',
              Pattern.compile(
                  "(?s)\\\\(?:x("
                      + HEX
                      + "{2})|u("
                      + HEX
                      + "{4})|u\\{("
                      + HEX
                      + "{1,6})}|U00("
                      + HEX
                      + "{6})|([0-7]{3})|(.))"),
              List.of(16, 16, 16, 16, 8, 0)),
          new Escapes('\\', Pattern.compile("\\\\(?:(" + HEX + "{1,6}) ?|(\\\\))"), List.of(16, 0)),
          new Escapes('%', Pattern.compile("%(" + HEX + "{2})"), List.of(16)),
          new Escapes(
              '&',
              Pattern.compile("&(?:#[xX](" + HEX + "{1,6})|#([0-9]{1,7})|([a-zA-Z0-9]{1,31}));"),
              List.of(16, 10, 0)),
          new Escapes('=', Pattern.compile("=(?:([0-9A-F]{2})|(\r?\n))"), List.of(16, 0)));

  private final char first;
  private final Pattern pattern;
  private final List<Integer> radixes;

  /**
   * @param first character of each escape
   * @param pattern with a group for each kind of number or name
   * @param radixes of the groups; 0 for a name
   */
  private Escapes(char first, Pattern pattern, List<Integer> radixes) {
    this.first = first;
    this.pattern = pattern;
    this.radixes = radixes;
  }

  /**
   * A text as it was before it was escaped.
   *
   * @param places where each of its characters, and its end, is in the escaped text; null if it was
   *     not escaped
   */
  record Decoded(String text, int[] places) {

    int place(int i) {
      return places == null ? i : places[i];
    }
  }

  /** Undoes the escapes of a text; null if it has none of this kind. */
  Decoded decode(Decoded escaped) {
    String text = escaped.text();
    int from = text.indexOf(first);
    Matcher escape = from < 0 ? null : pattern.matcher(text);
    if (escape == null || !escape.find(from)) {
      return null;
    }
    StringBuilder decoded = new StringBuilder(text.length());
    int[] places = new int[text.length() + 1];
    int shown = 0;
    do {
      copy(escaped, shown, escape.start(), decoded, places);
      places[decoded.length()] = escaped.place(escape.start());
      decoded.appendCodePoint(character(escape));
      places[decoded.length() - 1] = escaped.place(escape.start());
      shown = escape.end();
    } while (escape.find());
    copy(escaped, shown, text.length(), decoded, places);
    places[decoded.length()] = escaped.place(text.length());
    return new Decoded(decoded.toString(), places);
  }

  private static void copy(Decoded escaped, int from, int to, StringBuilder decoded, int[] places) {
    for (int i = from; i < to; i++) {
      places[decoded.length() + i - from] = escaped.place(i);
    }
    decoded.append(escaped.text(), from, to);
  }

  private int character(Matcher escape) {
    int group = 1;
    while (escape.start(group) < 0) {
      group++;
    }
    int radix = radixes.get(group - 1);
    if (radix > 0) {
      int number = Integer.parseInt(escape.group(group), radix);
      return Character.isValidCodePoint(number) ? number : UNKNOWN;
    }
    return switch (escape.group(group)) {
      case "amp" -> '&';
      case "quot" -> '"';
      case "apos" -> '\'';
      case "n", "r", "t", "f", "\n", "\r\n" -> '\n'; // a line break between two parts
      case String other -> other.length() == 1 ? other.charAt(0) : UNKNOWN;
    };
  }
}
