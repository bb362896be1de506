//JAVA 25+
//SOURCES Der.java

package common.signature;

import static common.signature.Der.expect;

import common.signature.Der.Malformed;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Name constraints as Mozilla's clients apply them, to every certificate below the one that has
 * them. The JDK compares subjects more loosely, and spares self-issued certificates.
 */
final class NameConstraints {

  /** A name of a SAN, and the tag that says what kind of name it is. */
  record Name(int kind, byte[] value) {
    String text() {
      return new String(value, StandardCharsets.ISO_8859_1);
    }
  }

  static final int DNS_NAME = 0x82;
  private static final Set<Integer> KINDS =
      Set.of(0xa0, 0x81, DNS_NAME, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88);
  private static final int MAIL = 0x81;
  private static final int DIRECTORY = 0xa4;
  private static final int ADDRESS = 0x87;
  private static final int UTF8_STRING = 0x0c;
  private static final int PRINTABLE_STRING = 0x13;
  private static final int IA5_STRING = 0x16;
  private static final String MAIL_ATTRIBUTE = "1.2.840.113549.1.9.1";

  private static final String LABEL = "(?!-)[A-Za-z0-9_-]{1,63}(?<!-)";
  private static final String HOST = "(" + LABEL + "\\.)*+(?![0-9]+$)" + LABEL;
  private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
  private static final Pattern HOST_NAME =
      Pattern.compile("(?=.{1,253}$)(\\*\\.(?=.*\\.))?" + HOST);
  private static final Pattern HOST_CONSTRAINT =
      Pattern.compile("|(?=.{1,253}$)\\.?" + HOST); // the empty one permits every host
  private static final Pattern MAIL_NAME =
      Pattern.compile(ATOM + "(\\." + ATOM + ")*+@(?=.{1,253}$)" + HOST);

  private final List<Name> permitted;
  private final List<Name> excluded;

  NameConstraints(byte[] value) throws Malformed {
    Der fields = Der.sequence(value);
    expect(!fields.isAtEnd(), "subtrees");
    permitted = subtrees(fields, 0xa0);
    excluded = subtrees(fields, 0xa1);
    fields.end();
  }

  private static List<Name> subtrees(Der fields, int tag) throws Malformed {
    List<Name> names = new ArrayList<>();
    if (fields.tag() == tag) {
      Der list = fields.read(tag);
      do {
        Der subtree = list.read(Der.SEQUENCE);
        names.add(name(subtree));
        subtree.end(); // neither minimum nor maximum, as RFC 5280 demands
      } while (!list.isAtEnd());
    }
    return names;
  }

  /** Whether clients can compare this text with the name of a host. */
  static boolean isHostName(String text) {
    return HOST_NAME.matcher(text).matches();
  }

  /** The next name of a list. */
  static Name name(Der list) throws Malformed {
    int kind = list.tag();
    expect(KINDS.contains(kind), "a name");
    return new Name(kind, list.read(kind).rest());
  }

  /**
   * Whether all names of a certificate below are permitted.
   *
   * @param alternative the names of its SAN; null if it has none
   */
  boolean permit(List<Name> alternative, byte[] subject) {
    try {
      List<Name> names =
          new ArrayList<>(alternative == null ? mailAddresses(subject) : alternative);
      names.add(new Name(DIRECTORY, subject));
      for (Name name : names) {
        if (!permit(name)) {
          return false;
        }
      }
      return true;
    } catch (Malformed e) {
      return false; // it cannot be compared
    }
  }

  private boolean permit(Name name) throws Malformed {
    boolean isConstrained = false;
    boolean isPermitted = false;
    for (Name constraint : permitted) {
      if (constraint.kind() == name.kind()) {
        isConstrained = true;
        isPermitted |= matches(name, constraint);
      }
    }
    for (Name constraint : excluded) {
      if (constraint.kind() == name.kind()
          && (name.kind() == DIRECTORY || matches(name, constraint))) { // clients exclude all then
        return false;
      }
    }
    return isPermitted || !isConstrained;
  }

  private static boolean matches(Name name, Name constraint) throws Malformed {
    return switch (name.kind()) {
      case DNS_NAME -> {
        expect(isHostName(name.text()), "the name of a host");
        yield isBelow(name.text(), constraint.text(), true);
      }
      case MAIL -> matchesMail(name.text(), constraint.text());
      case ADDRESS -> matchesAddress(name.value(), constraint.value());
      case DIRECTORY -> matchesDirectory(name.value(), constraint.value());
      default -> throw new Malformed("expected a name of a kind that clients compare");
    };
  }

  private static boolean isBelow(String host, String constraint, boolean dotMayBeMissing)
      throws Malformed {
    expect(HOST_CONSTRAINT.matcher(constraint).matches(), "the name of a host or domain");
    String name = host.toLowerCase(Locale.ROOT);
    String end = constraint.toLowerCase(Locale.ROOT);
    if (name.startsWith("*") && name.length() <= end.length()) { // for any one label
      int dot = end.indexOf('.', 1);
      return dot > 0 && end.substring(dot).equals(name.substring(1));
    }
    String domain = dotMayBeMissing && !end.startsWith(".") ? "." + end : end;
    return end.isEmpty() || name.equals(end) || domain.startsWith(".") && name.endsWith(domain);
  }

  private static boolean matchesMail(String mail, String constraint) throws Malformed {
    expect(MAIL_NAME.matcher(mail).matches(), "a mail address");
    if (!constraint.contains("@")) {
      return isBelow(mail.substring(mail.indexOf('@') + 1), constraint, false);
    }
    expect(MAIL_NAME.matcher(constraint).matches(), "a mail address");
    return mail.equalsIgnoreCase(constraint); // both are ASCII
  }

  private static boolean matchesAddress(byte[] address, byte[] constraint) throws Malformed {
    expect(address.length == 4 || address.length == 16, "an address");
    expect(constraint.length == 8 || constraint.length == 32, "an address with its mask");
    boolean matches = 2 * address.length == constraint.length;
    for (int at = 0; matches && at < address.length; at++) {
      matches = ((address[at] ^ constraint[at]) & constraint[address.length + at]) == 0;
    }
    return matches;
  }

  /** Whether a subject begins with these attributes, byte by byte. */
  private static boolean matchesDirectory(byte[] subject, byte[] constraint) throws Malformed {
    Der left = Der.sequence(subject);
    for (Der demanded = Der.sequence(constraint); !demanded.isAtEnd(); ) {
      if (left.isAtEnd()) {
        return false;
      }
      Der ours = left.read(Der.SET);
      Der theirs = demanded.read(Der.SET);
      while (!ours.isAtEnd() && !theirs.isAtEnd()) {
        if (!attribute(ours).matches(attribute(theirs))) {
          return false;
        }
      }
      if (!ours.isAtEnd() || !theirs.isAtEnd()) {
        return false;
      }
    }
    return true;
  }

  private static List<Name> mailAddresses(byte[] subject) throws Malformed {
    List<Name> addresses = new ArrayList<>();
    for (Der sets = Der.sequence(subject); !sets.isAtEnd(); ) {
      for (Der set = sets.read(Der.SET); !set.isAtEnd(); ) {
        Attribute attribute = attribute(set);
        if (attribute.type.equals(MAIL_ATTRIBUTE)) {
          expect(attribute.form == IA5_STRING, "an IA5String");
          addresses.add(new Name(MAIL, attribute.value));
        }
      }
    }
    return addresses;
  }

  private record Attribute(String type, int form, byte[] value) {
    boolean matches(Attribute other) {
      List<Integer> alike = List.of(UTF8_STRING, PRINTABLE_STRING);
      return type.equals(other.type)
          && Arrays.equals(value, other.value)
          && (form == other.form || alike.contains(form) && alike.contains(other.form));
    }
  }

  private static Attribute attribute(Der set) throws Malformed {
    Der fields = set.read(Der.SEQUENCE);
    String type = fields.identifier();
    int form = fields.tag();
    byte[] value = fields.read(form).rest();
    fields.end();
    return new Attribute(type, form, value);
  }
}
