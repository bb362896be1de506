//JAVA 25+
//SOURCES Escapes.java

package common;

import common.Escapes.Token;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
  static final Pattern USER_OF_URL = Pattern.compile("//([^/?#]+)@");

  /** Where a text was cut, maybe within an escape. */
  private static final Pattern CUT = Pattern.compile("(?:[\\\\%&=][\\w\\\\%&=#{]{0,9}+)?…");

  /** What a decoder leaves of bytes that it does not understand. */
  private static final int UNKNOWN = 0xfffd;

  /** The types of the characters that are shown with another, or not at all. */
  private static final int ACCENTS =
      1 << Character.NON_SPACING_MARK
          | 1 << Character.ENCLOSING_MARK
          | 1 << Character.COMBINING_SPACING_MARK
          | 1 << Character.FORMAT;

  private static final List<String> PLAIN_ASCII =
      IntStream.range(0, 0x80)
          .mapToObj(c -> c <= ' ' || c == 0x7f || c == '+' ? " " : Character.toString(c))
          .toList();

  static final Masks NONE = new Masks(Stream.of());

  private final List<Hidden> hidden;

  /** The hidden texts that each character of ASCII may begin. */
  private final List<List<Hidden>> beginnings;

  Masks(Stream<String> secrets) {
    hidden =
        secrets
            .flatMap(Masks::parts)
            .flatMap(part -> Stream.of(part, decoded(part)))
            .distinct()
            .filter(part -> part.length() >= MIN_LENGTH)
            .flatMap(Masks::forms)
            .distinct()
            .map(Hidden::of)
            .filter(it -> it.text().length() >= MIN_LENGTH)
            .toList();
    beginnings =
        IntStream.range(0, PLAIN_ASCII.size())
            .mapToObj(c -> hidden.stream().filter(it -> it.after(0, c, plain(c)) > 0).toList())
            .toList();
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

  private static Stream<String> forms(String part) {
    byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
    return Stream.of(
        part,
        Base64.getEncoder().withoutPadding().encodeToString(bytes),
        Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
  }

  /** The text with {@code ***} in place of each secret. */
  String apply(String text) {
    if (hidden.isEmpty() || text == null) {
      return text;
    }
    Escapes escapes = new Escapes(text);
    Map<Hidden, Search> searches = new IdentityHashMap<>();
    StringBuilder masked = new StringBuilder();
    int shown = 0; // up to here the text is in the result, shown or masked
    for (int place = 0; place < text.length(); place++) {
      char c = text.charAt(place);
      if (Escapes.isPlain(c) && mayBegin(c).isEmpty()) {
        continue;
      }
      int end = shown;
      for (Token token : escapes.at(place)) {
        for (Hidden it : mayBegin(token.c())) {
          Search search =
              searches.computeIfAbsent(it, _ -> new Search(text, escapes, it, new HashSet<>()));
          end = Math.max(end, search.end(token));
        }
      }
      if (end > shown) {
        if (place >= shown) {
          masked.append(text, shown, place).append("***");
        }
        shown = end;
      }
    }
    return shown == 0 ? text : masked.append(text, shown, text.length()).toString();
  }

  /** The hidden texts that a character may begin; all for a character outside of ASCII. */
  private List<Hidden> mayBegin(int c) {
    return c >= 0 && c < beginnings.size() ? beginnings.get(c) : hidden;
  }

  /**
   * A text to hide, its characters decomposed and without accents.
   *
   * @param ends where each character ends, by each of its places
   * @param foreign whether a character is outside of ASCII
   */
  private record Hidden(String text, List<Integer> ends, BitSet foreign) {

    static Hidden of(String typed) {
      StringBuilder text = new StringBuilder();
      List<Integer> ends = new ArrayList<>();
      BitSet foreign = new BitSet();
      Normalizer.normalize(typed, Normalizer.Form.NFC)
          .codePoints()
          .forEach(c -> {
            text.append(plain(c));
            foreign.set(ends.size(), text.length(), c > '~');
            ends.addAll(Collections.nCopies(text.length() - ends.size(), text.length()));
          });
      return new Hidden(text.toString(), ends, foreign);
    }

    /**
     * How much of it is found once a character comes after the part found; 0 if it does not fit.
     *
     * @param plain the character decomposed
     */
    int after(int found, int c, String plain) {
      char next = text.charAt(found);
      if (c == next) {
        return found + 1;
      }
      boolean mayStandForIt =
          foreign.get(found)
              ? c == Escapes.NAMED || isByte(c) || c == UNKNOWN || c == '?'
              : (c == Escapes.NAMED && !Escapes.isAsciiLetterOrDigit(next))
                  || (c == '_' && next == ' '); // in the header of a mail
      if (mayStandForIt) {
        return ends.get(found);
      }
      return !plain.isEmpty() && text.startsWith(plain, found) ? found + plain.length() : 0;
    }
  }

  /** The search for one hidden text. It visits no state twice, so that its time is linear. */
  private record Search(String text, Escapes escapes, Hidden hidden, Set<State> visited) {

    /** Of the hidden text, a part is found before a place. */
    private record State(int place, int found) {
      @Override
      public int hashCode() {
        return place * 31 + found;
      }
    }

    /** Where the hidden text ends that this begins, or its part before a cut; 0 if none. */
    int end(Token first) {
      int begun = hidden.after(0, first.c(), plain(first.c()));
      if (begun == 0) {
        return 0;
      }
      int end = 0;
      Deque<State> open = new ArrayDeque<>(List.of(new State(first.end(), begun)));
      while (!open.isEmpty()) {
        State state = open.pop();
        int place = state.place();
        int found = state.found();
        if (found == hidden.text.length() || (found >= MIN_LENGTH && isCut(place))) {
          end = Math.max(end, place);
        }
        if (found < hidden.text.length()
            && place < text.length()
            && (Escapes.isAsciiLetterOrDigit(text.charAt(place)) || visited.add(state))) {
          for (Token token : escapes.at(place)) {
            String plain = plain(token.c());
            int more = hidden.after(found, token.c(), plain);
            if (more > 0) {
              open.push(new State(token.end(), more));
            }
            if (isBetween(token.c(), plain)) {
              open.push(new State(token.end(), found));
            }
          }
        }
      }
      return end;
    }

    private boolean isCut(int place) {
      return place < text.length()
          && !Escapes.isAsciiLetterOrDigit(text.charAt(place))
          && CUT.matcher(text).region(place, text.length()).lookingAt();
    }
  }

  /** What may be a byte of a character in UTF-8, or a character of Latin-1. */
  private static boolean isByte(int c) {
    return c >= 0x80 && c <= 0xff;
  }

  /** Whether a character may stand between those of a secret: line breaks, quotes, accents. */
  private static boolean isBetween(int c, String plain) {
    return c == '\\'
        || c == '"'
        || c == '\''
        || c == UNKNOWN
        || isByte(c)
        || (c >= 0 && c != '+' && plain.isBlank());
  }

  /** A character decomposed, without accents; {@code +} is a space in some URLs. */
  private static String plain(int c) {
    if (c < PLAIN_ASCII.size()) {
      return c < 0 ? "" : PLAIN_ASCII.get(c);
    }
    if (Character.isISOControl(c) || Character.isWhitespace(c)) {
      return " ";
    }
    StringBuilder plain = new StringBuilder();
    Normalizer.normalize(Character.toString(c), Normalizer.Form.NFKD)
        .codePoints()
        .filter(it -> (ACCENTS >> Character.getType(it) & 1) == 0)
        .forEach(plain::appendCodePoint);
    return plain.toString();
  }

  /** Masks what may be a user, password or key in a URL as it was typed, valid or not. */
  static String withoutSecrets(String url) {
    return url.replaceFirst("(?s)^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", "$1***@")
        .replaceFirst("(?s)([?#]).*", "$1***");
  }
}
