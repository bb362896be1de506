//JAVA 25+

package common;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Masks secrets in whatever is shown, however they got there: a server may echo what it got.
 *
 * <p>Each is masked as it is, without its user or type, and as base64; before a cut in a text, its
 * beginning, too. What is shorter than 8 characters occurs in too many words.
 */
final class Masks {
  static final Masks NONE = new Masks(Stream.of());

  private static final int MIN_LENGTH = 8;
  static final Pattern USER_OF_URL = Pattern.compile("//([^/?#]+)@");

  private final List<String> hidden;

  Masks(Stream<String> secrets) {
    hidden =
        secrets
            .flatMap(Masks::parts)
            .filter(part -> part.length() >= MIN_LENGTH)
            .flatMap(Masks::forms)
            .distinct()
            .sorted(Comparator.comparing(String::length).reversed())
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
    USER_OF_URL.matcher(secret).results().map(user -> user.group(1)).forEach(parts::add);
    return parts.build();
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
    String masked = text;
    for (String secret : hidden) {
      masked = masked.replace(secret, "***");
    }
    for (int cut = masked.length(); (cut = masked.lastIndexOf('…', cut - 1)) > 0; ) {
      int begun = lengthBefore(masked, cut);
      if (begun > 0) {
        masked = masked.substring(0, cut - begun) + "***" + masked.substring(cut);
        cut -= begun;
      }
    }
    return masked;
  }

  /** How many characters of a secret come right before the place where a text was cut. */
  private int lengthBefore(String text, int cut) {
    for (String secret : hidden) {
      for (int length = Math.min(secret.length() - 1, cut); length >= MIN_LENGTH; length--) {
        if (text.regionMatches(cut - length, secret, 0, length)) {
          return length;
        }
      }
    }
    return 0;
  }

  /** Masks what may be a user, password or key in a URL as it was typed, valid or not. */
  static String withoutSecrets(String url) {
    return url.replaceFirst("(?s)^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", "$1***@")
        .replaceFirst("(?s)([?#]).*", "$1***");
  }
}
