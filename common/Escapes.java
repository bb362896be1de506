//JAVA 25+

package common;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What the characters of a text may stand for: as they are, or as escapes of JSON, HTML, URLs, CSS,
 * quoted-printable, Java and Python, which may themselves be escaped.
 */
final class Escapes {

  /** A character that HTML names; of most names the character is not looked up. */
  static final int NAMED = -1;

  /** Escapes within escapes: JSON in a JSON text in a URL. */
  private static final int MAX_DEPTH = 3;

  private static final int MAX_NAME_LENGTH = 31;
  private static final Map<String, Integer> NAMES =
      Map.of("amp", (int) '&', "quot", (int) '"', "apos", (int) '\'');

  private static final Token END = new Token(-2, Integer.MAX_VALUE);

  private final String text;

  /** Reads a backslash as CSS does, in which {@code \\22} is not octal; null in that reader. */
  private final Escapes css;

  /** What was found out so far, by depth and place: nothing is decoded twice. */
  private final Token[][] known = new Token[MAX_DEPTH + 1][];

  Escapes(String text) {
    this(text, new Escapes(text, null));
  }

  private Escapes(String text, Escapes css) {
    this.text = text;
    this.css = css;
  }

  /**
   * A character, and where in the text it ends.
   *
   * @param c a code point, half of one, a byte of one in UTF-8, or {@link #NAMED}
   */
  record Token(int c, int end) {}

  /** What may stand at a place of the text, the character itself first. */
  List<Token> at(int place) {
    char c = text.charAt(place);
    if (isPlain(c)) {
      return List.of(new Token(c, place + 1));
    }
    List<Token> tokens = new ArrayList<>();
    for (int depth = 0; depth <= MAX_DEPTH; depth++) {
      for (Token token : List.of(token(place, depth), css.token(place, depth))) {
        if (!tokens.contains(token)) {
          tokens.add(token);
        }
      }
    }
    return tokens;
  }

  /** Whether a character begins no escape. */
  static boolean isPlain(char c) {
    return c != '\\' && c != '%' && c != '&' && c != '=';
  }

  /** What stands at a place if the text was escaped so many times. */
  private Token token(int place, int depth) {
    if (place >= text.length()) {
      return END;
    }
    char c = text.charAt(place);
    if (depth == 0 || isPlain(c)) {
      return new Token(c, place + 1);
    }
    if (known[depth] == null) {
      known[depth] = new Token[text.length()];
    }
    if (known[depth][place] == null) {
      Token lead = token(place, depth - 1);
      Token escaped =
          switch (lead.c()) {
            case '%' -> number(lead.end(), depth - 1, 16, 2, 2);
            case '=' -> quotedPrintable(lead.end(), depth - 1);
            case '\\' -> backslash(lead.end(), depth - 1);
            case '&' -> entity(lead.end(), depth - 1);
            default -> null;
          };
      known[depth][place] = escaped == null ? lead : escaped;
    }
    return known[depth][place];
  }

  private Token quotedPrintable(int place, int depth) {
    Token next = token(place, depth);
    return Character.isWhitespace(next.c()) ? next : number(place, depth, 16, 2, 2);
  }

  private Token backslash(int place, int depth) {
    Token next = token(place, depth);
    if (css == null) {
      Token escaped = number(place, depth, 16, 1, 6);
      Token space = closed(escaped, depth, ' '); // belongs to the escape
      return space == null ? escaped : space;
    }
    return switch (next.c()) {
      case 'x' -> number(next.end(), depth, 16, 2, 2);
      case 'u' -> unicode(next.end(), depth);
      case 'U' -> number(next.end(), depth, 16, 8, 8);
      case 'n', 'r', 't', 'f' -> new Token('\n', next.end()); // a line break between two parts
      default -> number(place, depth, 8, 3, 3);
    };
  }

  private Token unicode(int place, int depth) {
    Token brace = token(place, depth);
    return brace.c() == '{'
        ? closed(number(brace.end(), depth, 16, 1, 6), depth, '}')
        : number(place, depth, 16, 4, 4);
  }

  private Token entity(int place, int depth) {
    Token first = token(place, depth);
    if (first.c() != '#') {
      StringBuilder name = new StringBuilder();
      int end = place;
      for (Token next = first;
          isAsciiLetterOrDigit(next.c()) && name.length() < MAX_NAME_LENGTH;
          next = token(end, depth)) {
        name.append((char) next.c());
        end = next.end();
      }
      int c = NAMES.getOrDefault(name.toString(), NAMED);
      return name.isEmpty() ? null : closed(new Token(c, end), depth, ';');
    }
    Token x = token(first.end(), depth);
    return closed(
        x.c() == 'x' || x.c() == 'X'
            ? number(x.end(), depth, 16, 1, 6)
            : number(first.end(), depth, 10, 1, 7),
        depth,
        ';');
  }

  /** The token, with the character that must come after it; null without. */
  private Token closed(Token token, int depth, char close) {
    Token next = token == null ? END : token(token.end(), depth);
    return next.c() == close ? new Token(token.c(), next.end()) : null;
  }

  /** A number of so many digits as a character, or null. */
  private Token number(int place, int depth, int radix, int least, int most) {
    int value = 0;
    int end = place;
    for (int digits = 0; digits < most; digits++) {
      Token next = token(end, depth);
      int digit = isAsciiLetterOrDigit(next.c()) ? Character.digit(next.c(), radix) : -1;
      if (digit < 0 && digits < least) {
        return null;
      }
      if (digit < 0) {
        break;
      }
      value = value * radix + digit;
      end = next.end();
    }
    return Character.isValidCodePoint(value) ? new Token(value, end) : null;
  }

  static boolean isAsciiLetterOrDigit(int c) {
    return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z';
  }
}
