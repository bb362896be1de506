//JAVA 25+
//SOURCES Escapes.java

package common;

import common.Escapes.Decoded;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.text.Normalizer.Form;
import java.util.Base64;
import java.util.BitSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Masks secrets in whatever is shown, however they got there: a server may echo what it got.
 *
 * <p>Each is masked as it is, without its user or type, and as base64; before a cut in a text, its
 * beginning, too. It may be escaped, quoted, decomposed or broken into lines. What is shorter than
 * 8 characters occurs in too many words.
 */
final class Masks {
  private static final int MIN_LENGTH = 8;

  /** Escapes within escapes that are undone: JSON in a JSON text in a URL; fewer if it is long. */
  private static final int MAX_DEPTH = 3;

  private static final int LONG = 100_000;

  /** Between two characters of a secret: a line break with its indentation and quotes. */
  private static final int MAX_GAP = 16;

  static final Pattern USER_OF_URL = Pattern.compile("//([^/?#]+)@");

  /** Where a text was cut, maybe within an escape. */
  private static final int MAX_CUT = 12;

  private static final Pattern CUT = Pattern.compile("(?:[\\\\%&=][\\w\\\\%&=#{]{0,9}+)?…");

  /** The types of the characters that are shown with another, or not at all. */
  private static final int ACCENTS =
      1 << Character.NON_SPACING_MARK
          | 1 << Character.ENCLOSING_MARK
          | 1 << Character.COMBINING_SPACING_MARK
          | 1 << Character.FORMAT;

  static final Masks NONE = new Masks(Stream.of());

  /** The texts to hide, and of them those that each character of ASCII may begin. */
  private final String[] hidden;

  private final String[][] beginnings;

  Masks(Stream<String> secrets) {
    hidden =
        secrets
            .flatMap(Masks::parts)
            .flatMap(part -> Stream.of(part, decoded(part)))
            .distinct()
            .filter(part -> part.length() >= MIN_LENGTH)
            .flatMap(Masks::forms)
            .distinct()
            .toArray(String[]::new);
    beginnings =
        IntStream.range(0, hidden.length == 0 ? 0 : 0x80)
            .mapToObj(c ->
                Stream.of(hidden).filter(it -> fits(it.charAt(0), (char) c)).toArray(String[]::new))
            .toArray(String[][]::new);
  }

  /** The password of {@code user:pass}, the token of {@code TYPE TOKEN}, the key of a DSN. */
  private static Stream<String> parts(String secret) {
    int colon = secret.indexOf(':');
    Stream.Builder<String> parts = Stream.builder();
    parts.add(secret).add(secret.substring(secret.indexOf(' ') + 1));
    String password = secret.substring(colon + 1);
    if (!secret.equals(password + ":" + password)) { // a user's name may be shown
      parts.add(password);
    }
    USER_OF_URL
        .matcher(secret)
        .results()
        .map(user -> user.group(1))
        .forEach(user -> {
          parts.add(user);
          Stream.of(user.split(":")).forEach(parts);
        });
    return parts.build();
  }

  /** What is sent of the user info of a URL. */
  private static String decoded(String part) {
    try {
      return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return part;
    }
  }

  /** The part as it may be sent, composed and decomposed. */
  private static Stream<String> forms(String part) {
    byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
    Stream<String> typed =
        part.chars().allMatch(c -> c < 0x80)
            ? Stream.of(part)
            : Stream.of(Form.values()).map(form -> Normalizer.normalize(part, form));
    return Stream.concat(
            typed,
            Stream.of(
                Base64.getEncoder().withoutPadding().encodeToString(bytes),
                Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)))
        .map(Masks::simplified)
        .filter(form -> !form.isEmpty());
  }

  /** A text without accents, and without the second halves of characters. */
  private static String simplified(String text) {
    StringBuilder simplified = new StringBuilder();
    text.chars()
        .filter(c -> c < 0x80 || !(isAccent((char) c) || Character.isLowSurrogate((char) c)))
        .forEach(c -> simplified.append(plain((char) c)));
    return simplified.toString();
  }

  /** The text with {@code ***} in place of each secret. */
  String apply(String text) {
    if (hidden.length == 0 || text == null) {
      return text;
    }
    BitSet found = new BitSet();
    search(text, new Decoded(text, null), text.length() > LONG ? MAX_DEPTH - 1 : MAX_DEPTH, found);
    StringBuilder masked = new StringBuilder();
    int shown = 0; // up to here the text is in the result, shown or masked
    for (int start = found.nextSetBit(0); start >= 0; start = found.nextSetBit(shown)) {
      masked.append(text, shown, start).append("***");
      shown = found.nextClearBit(start);
    }
    return shown == 0 ? text : masked.append(text, shown, text.length()).toString();
  }

  /**
   * Searches a text, and what it may stand for.
   *
   * @param depth how many more times the text may have been escaped
   * @param found the places of the text as it is shown that belong to a secret
   */
  private void search(String shown, Decoded decoded, int depth, BitSet found) {
    String text = decoded.text();
    for (int start = 0; start < text.length(); start++) {
      char c = text.charAt(start);
      for (String it : c < beginnings.length ? beginnings[c] : hidden) {
        if (fits(it.charAt(0), c)) {
          int end = end(it, start, decoded, shown, false);
          found.set(decoded.place(start), decoded.place(Math.max(start, end)));
        }
      }
    }
    if (depth > 0) {
      for (Escapes escapes : Escapes.ALL) {
        Decoded more = escapes.decode(decoded);
        if (more != null) {
          search(shown, more, depth - 1, found);
        }
      }
    }
  }

  /**
   * Where a hidden text ends that begins here, or its part before a cut; 0 if it does not.
   *
   * @param breaksFirst whether what looks like a line break does not belong to the hidden text;
   *     without it, that is tried, too
   */
  private static int end(
      String hidden, int start, Decoded decoded, String shown, boolean breaksFirst) {
    String text = decoded.text();
    int length = hidden.length();
    int found = 1;
    boolean mayBeBreak = false; // what was taken for a part of the hidden text
    int end = start + 1; // of what is found
    int place = end; // after the gap that follows it
    while (place < text.length() && (found < length || hidden.charAt(length - 1) >= 0x80)) {
      char c = text.charAt(place);
      boolean isNext = found < length ? fits(hidden.charAt(found), c) : isRest(c);
      int gap = lineBreak(text, place);
      if (isNext && (gap == 0 || !breaksFirst)) {
        mayBeBreak |= gap > 0;
        found = Math.min(found + 1, length);
        place++;
        end = place;
      } else if (place - end < MAX_GAP && (gap > 0 || found < length && isBetween(c))) {
        place += Math.max(gap, 1);
      } else {
        break;
      }
    }
    boolean isFound =
        found == length
            || found >= MIN_LENGTH
                && (isCut(shown, decoded.place(end)) || isCut(shown, decoded.place(place)));
    return isFound ? end : mayBeBreak ? end(hidden, start, decoded, shown, true) : 0;
  }

  private static boolean isCut(String text, int place) {
    return text.indexOf('…', place, Math.min(place + MAX_CUT, text.length())) >= 0
        && !isAsciiLetterOrDigit(text.charAt(place))
        && CUT.matcher(text).region(place, text.length()).lookingAt();
  }

  /** Whether a character of a text may stand for one of a hidden text. */
  private static boolean fits(char hidden, char c) {
    if (hidden == plain(c)) {
      return true;
    }
    return hidden >= 0x80
        ? c == '?' || isByte(c)
        : c == Escapes.UNKNOWN && !isAsciiLetterOrDigit(hidden)
            || c == '_' && hidden == ' '; // in the header of a mail
  }

  /** White space is a space; so is {@code +} in some URLs. */
  private static char plain(char c) {
    boolean isSpace =
        c <= ' ' || c == '+' || c > '~' && (Character.isISOControl(c) || Character.isWhitespace(c));
    return isSpace ? ' ' : c;
  }

  /** The length of a line break, escaped or not, or of a mark that is not shown; 0 if none. */
  private static int lineBreak(String text, int place) {
    char next = place + 1 < text.length() ? text.charAt(place + 1) : 0;
    return switch (text.charAt(place)) {
      case '\r', '\n' -> 1;
      case ' ', '\t' -> "\r\n \t".indexOf(text.charAt(place - 1)) < 0 ? 0 : 1;
      case '=' -> next == '\n' || next == '\r' ? 1 : 0;
      case '\\' -> next == 'n' || next == 'r' ? 2 : 0;
      case '%' -> text.startsWith("0A", place + 1) || text.startsWith("0D", place + 1) ? 3 : 0;
      case '"' -> text.startsWith(" \"", place + 1) ? 3 : 0; // between two literals
      default -> isAccent(text.charAt(place)) ? 1 : 0;
    };
  }

  /** Whether a character may stand between those of a secret: white space, a quote, an accent. */
  private static boolean isBetween(char c) {
    return c == '\\' || c == '"' || c == '\'' || c != '+' && plain(c) == ' ' || isRest(c);
  }

  private static boolean isAccent(char c) {
    return c >= 0x80 && (ACCENTS >> Character.getType(c) & 1) != 0;
  }

  /** What may be left of a character whose beginning fits. */
  private static boolean isRest(char c) {
    return isByte(c) || Character.isLowSurrogate(c);
  }

  /** A byte of a character in UTF-8, a character of Latin-1, or what no decoder understands. */
  private static boolean isByte(char c) {
    return c >= 0x80 && c <= 0xff || c == Escapes.UNKNOWN;
  }

  private static boolean isAsciiLetterOrDigit(char c) {
    return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z';
  }

  /** Masks what may be a user, password or key in a URL as it was typed, valid or not. */
  static String withoutSecrets(String url) {
    return url.replaceFirst("(?s)^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", "$1***@")
        .replaceFirst("(?s)([?#]).*", "$1***");
  }
}
