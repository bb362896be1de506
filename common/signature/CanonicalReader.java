//JAVA 25+
//SOURCES ../Json.java CanonicalJson.java JsonInput.java

package common.signature;

import common.Json;
import common.Json.BadJson;
import common.signature.CanonicalJson.Canonical;
import common.signature.CanonicalJson.Trait;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads JSON in UTF-8 into canonical bytes, in one pass and without a tree: what needs no escape is
 * copied as it is, and the members of an object are moved only if they are out of order.
 *
 * <p>A document that is too large to be held is read part by part: {@link #enter} an object or a
 * list, then read each {@link #value} while there {@link #hasNext}. What is not JSON is {@link
 * BadJson}, where it is met. Nothing is done by recursion: deep nesting costs memory, never the
 * stack.
 *
 * <p>This is most of what a command computes on a large server. Jackson would take twice as long:
 * it reads bytes only with a table of names, which names of equal hash can make fail.
 */
public final class CanonicalReader {

  /** How often a text may be put in order as a whole: once for each level out of order. */
  private static final long MAX_MOVES = 64;

  private static final String ESCAPED = "\b\t\n\f\r\"\\";
  private static final String SHORT_ESCAPES = "btnfr\"\\";
  private static final String HEX = "0123456789abcdef";

  private final JsonInput in;
  private Level open; // the innermost one; null outside of all
  private Level entered; // the innermost one that is not of the value that is being read

  private byte[] text = new byte[1024]; // of the value, in canonical form
  private int length;
  private byte[] ordered = new byte[0];
  private long moved; // how many bytes were put in order, level by level
  private final Set<Trait> traits = EnumSet.noneOf(Trait.class);
  private boolean tombstone;
  private boolean fractions;
  private String id;
  private long lastModified;

  /** An object or list that has not ended. */
  private static final class Level {
    final Level parent;
    final int depth;
    final boolean isObject;
    final List<Member> members;
    boolean isEmpty = true;
    boolean isInOrder = true;
    boolean hasEscapes; // in its keys

    Level(Level parent, boolean isObject) {
      this.parent = parent;
      this.depth = parent == null ? 1 : parent.depth + 1;
      this.isObject = isObject;
      this.members = isObject ? new ArrayList<>() : List.of();
    }
  }

  /** A member {@code "key":value} of an object, by its place in the text. */
  private static final class Member {
    final int start;
    final int colon;
    final boolean hasEscapes; // in its key
    int end;

    Member(int start, int colon, boolean hasEscapes) {
      this.start = start;
      this.colon = colon;
      this.hasEscapes = hasEscapes;
    }
  }

  /** Reads a document; the stream is not closed. */
  public CanonicalReader(InputStream in) {
    this.in = new JsonInput(in);
  }

  /** Reads a document as a whole. */
  public static Canonical read(byte[] document) throws BadJson {
    try {
      CanonicalReader json = new CanonicalReader(document);
      Canonical value = json.value();
      json.end();
      return value;
    } catch (BadJson e) {
      throw e;
    } catch (IOException e) {
      throw new BadJson(e.getMessage(), e);
    }
  }

  private CanonicalReader(byte[] document) {
    this.in = new JsonInput(document);
  }

  // ---- a document, part by part

  /**
   * Goes into the object or list that comes next; false if something else does.
   *
   * @param bracket that opens it
   */
  public boolean enter(char bracket) throws IOException {
    if (in.significant() != bracket) {
      in.back();
      return false;
    }
    open = new Level(open, bracket == '{');
    entered = open;
    return true;
  }

  /** Goes to the next member or element of what was entered; false at its end. */
  public boolean hasNext() throws IOException {
    if (isNext(open)) {
      return true;
    }
    open = open.parent;
    entered = open;
    return false;
  }

  /** Reads the name of a member. */
  public String name() throws IOException {
    length = 0;
    key();
    return unescaped(1, length - 2); // without quotes and colon
  }

  /** Reads the value that comes next. */
  public Canonical value() throws IOException {
    length = 0;
    moved = 0;
    traits.clear();
    tombstone = false;
    fractions = false;
    id = null;
    lastModified = 0;
    do {
      start(in.significant());
      while (open != entered && !goOn(open)) {
        close(open);
        open = open.parent;
      }
    } while (open != entered);
    byte[] unprinted = Arrays.copyOf(text, length);
    return new Canonical(
        fractions ? CanonicalJson.printed(unprinted, CanonicalJson::ecmaScript) : unprinted,
        unprinted,
        tombstone,
        traits.isEmpty() ? Set.of() : EnumSet.copyOf(traits),
        id,
        lastModified);
  }

  /** Refuses anything but white space after the document. */
  public void end() throws IOException {
    in.end();
  }

  // ---- text

  private void append(int ascii) {
    reserve(1);
    text[length++] = (byte) ascii;
  }

  /** Appends all bytes that come next and are of a kind. */
  private void appendAll(boolean[] kind) throws IOException {
    do {
      int count = in.count(kind);
      reserve(count);
      in.take(count, text, length);
      length += count;
    } while (in.isUsedUp());
  }

  private void reserve(int count) {
    if (text.length - length < count) {
      text = Arrays.copyOf(text, Math.addExact(length, Math.max(length, count)));
    }
  }

  // ---- structure

  /** Starts a value; all but an object or a list end as well. */
  private void start(int first) throws IOException {
    int start = length;
    switch (first) {
      case '{', '[' -> append(first);
      case '"' -> string();
      case 't' -> literal("true");
      case 'f' -> literal("false");
      case 'n' -> literal("null");
      default -> number(first);
    }
    if (open == entered) {
      flag(Trait.LAST_MODIFIED_MISSING, first == '{'); // until it is met
    } else if (open.isObject) {
      if (open.parent == entered) {
        field(open.members.getLast(), start);
      } else if (isIn(open, "toJSON") && isTruthy(text(start, length)) && open.parent.isObject) {
        traits.add(Trait.TO_JSON); // Firefox calls it only of the values of members
      }
    }
    if (first == '{' || first == '[') {
      open = new Level(open, first == '{');
      if (open.depth > Json.MAX_NESTING) {
        throw in.bad("it is nested deeper than %d levels".formatted(Json.MAX_NESTING));
      }
    }
  }

  /** Whether a level has another member or element; goes to it, or behind the end of the level. */
  private boolean isNext(Level level) throws IOException {
    int next = in.significant();
    if (next == (level.isObject ? '}' : ']')) {
      return false;
    }
    if (level.isEmpty) {
      in.back();
      level.isEmpty = false;
    } else if (next != ',') {
      throw in.unexpected(next);
    }
    return true;
  }

  /** Goes to the next value of the innermost level; false at the end of that. */
  private boolean goOn(Level level) throws IOException {
    boolean isFirst = level.isEmpty;
    if (!isNext(level)) {
      return false;
    }
    if (!isFirst) {
      append(',');
    }
    if (level.isObject) {
      int start = length;
      boolean hasEscapes = key();
      Member member = new Member(start, length - 1, hasEscapes);
      if (!isFirst) {
        Member last = level.members.getLast();
        last.end = start - 1; // without the comma
        level.isInOrder &= compare(last, member) < 0;
      }
      level.members.add(member);
      level.hasEscapes |= hasEscapes;
    }
    return true;
  }

  /** Ends a level. */
  private void close(Level level) throws BadJson {
    if (!level.members.isEmpty()) {
      level.members.getLast().end = length;
      List<Member> members = level.isInOrder ? level.members : sorted(level.members);
      if (level.parent != entered
          && level.parent.parent == entered
          && isIn(level.parent, "attachment")) {
        attachment(members);
      }
      if (level.hasEscapes && !isInUtf16Order(members)) {
        traits.add(Trait.UTF_16_ORDER);
      }
      if (!level.isInOrder) {
        move(members, level.members.getFirst().start);
      }
    }
    append(level.isObject ? '}' : ']');
  }

  // ---- keys

  /** Reads a key and its colon; true if it has escapes. */
  private boolean key() throws IOException {
    int first = in.significant();
    if (first != '"') {
      throw in.unexpected(first);
    }
    boolean hasEscapes = string();
    int colon = in.significant();
    if (colon != ':') {
      throw in.unexpected(colon);
    }
    append(':');
    return hasEscapes;
  }

  private String key(Member member) {
    return member.hasEscapes
        ? unescaped(member.start + 1, member.colon - 1)
        : text(member.start + 1, member.colon - 1);
  }

  private boolean isNamed(Member member, String key) {
    return member.colon - member.start == key.length() + 2
        && text[member.start + 1] == key.charAt(0)
        && key(member).equals(key);
  }

  /** Whether the member of this key is being read. */
  private boolean isIn(Level level, String key) {
    return level.isObject && isNamed(level.members.getLast(), key);
  }

  /** By code point; that is the order of bytes, where none is escaped. */
  private int compare(Member one, Member other) {
    return one.hasEscapes || other.hasEscapes
        ? CanonicalJson.byCodePoint(key(one), key(other))
        : Arrays.compare(
            text, one.start + 1, one.colon - 1, text, other.start + 1, other.colon - 1);
  }

  /** Members in order; of equal keys the last wins. */
  private List<Member> sorted(List<Member> members) {
    List<Member> sorted = new ArrayList<>(members);
    sorted.sort(this::compare); // members of equal keys stay in their order
    List<Member> kept = new ArrayList<>(sorted.size());
    for (int i = 0; i < sorted.size(); i++) {
      if (i + 1 == sorted.size() || compare(sorted.get(i), sorted.get(i + 1)) != 0) {
        kept.add(sorted.get(i));
      }
    }
    return kept;
  }

  /** Whether UTF-16 orders these keys in the same way. */
  private boolean isInUtf16Order(List<Member> members) {
    for (int i = 1; i < members.size(); i++) {
      if (key(members.get(i - 1)).compareTo(key(members.get(i))) > 0) {
        return false;
      }
    }
    return true;
  }

  /** Writes members in their new order, from where the first one was. */
  private void move(List<Member> members, int start) throws BadJson {
    if (ordered.length < length - start) {
      ordered = new byte[text.length];
    }
    int to = 0;
    for (Member member : members) {
      if (to > 0) {
        ordered[to++] = ',';
      }
      int count = member.end - member.start;
      System.arraycopy(text, member.start, ordered, to, count);
      to += count;
    }
    System.arraycopy(ordered, 0, text, start, to);
    length = start + to;
    moved += to;
    if (moved > MAX_MOVES * Math.max(length, 1024 * 1024)) {
      throw new BadJson("its keys are out of order on too many levels", null);
    }
  }

  // ---- strings

  /** Reads a string from behind its first quote; true if it was escaped or has escapes. */
  private boolean string() throws IOException {
    int start = length;
    boolean hasEscapes = false;
    boolean hasSurrogates = false;
    append('"');
    while (true) {
      appendAll(JsonInput.PLAIN);
      int next = in.next();
      if (next == '"') {
        break;
      }
      hasEscapes = true;
      if (next == '\\') {
        char escaped = escaped();
        hasSurrogates |= Character.isSurrogate(escaped);
        write(escaped);
      } else if (next < ' ') {
        throw in.unexpected(next);
      } else {
        int character = in.character(next);
        if (Character.isSupplementaryCodePoint(character)) {
          write(Character.highSurrogate(character));
          write(Character.lowSurrogate(character));
        } else {
          write((char) character);
        }
      }
    }
    append('"');
    if (hasSurrogates
        && !StandardCharsets.UTF_8.newEncoder().canEncode(unescaped(start + 1, length - 1))) {
      traits.add(Trait.LONE_SURROGATE);
    }
    return hasEscapes;
  }

  /** What an escape stands for, from behind its backslash. */
  private char escaped() throws IOException {
    int next = in.next();
    if (next == 'u') {
      int unit = 0;
      for (int i = 0; i < 4; i++) {
        next = in.next();
        int digit = Character.digit(next, 16);
        if (digit < 0) {
          throw in.unexpected(next);
        }
        unit = unit << 4 | digit;
      }
      return (char) unit;
    }
    int known = SHORT_ESCAPES.indexOf(next);
    if (known < 0 && next != '/') {
      throw in.unexpected(next);
    }
    return known < 0 ? '/' : ESCAPED.charAt(known);
  }

  private void write(char unit) {
    if (unit < JsonInput.PLAIN.length && JsonInput.PLAIN[unit]) {
      append(unit);
      return;
    }
    append('\\');
    int known = ESCAPED.indexOf(unit);
    if (known >= 0) {
      append(SHORT_ESCAPES.charAt(known));
      return;
    }
    append('u');
    for (int shift = 12; shift >= 0; shift -= 4) {
      append(HEX.charAt(unit >> shift & 0xf));
    }
  }

  private String text(int start, int end) {
    return new String(text, start, end - start, StandardCharsets.ISO_8859_1);
  }

  /** What this part of a string in canonical form stands for. */
  private String unescaped(int start, int end) {
    String escaped = text(start, end);
    if (escaped.indexOf('\\') < 0) {
      return escaped;
    }
    StringBuilder unescaped = new StringBuilder(escaped.length());
    for (int i = 0; i < escaped.length(); i++) {
      char c = escaped.charAt(i);
      if (c == '\\') {
        c = escaped.charAt(++i);
        if (c == 'u') {
          c = (char) Integer.parseInt(escaped, i + 1, i + 5, 16);
          i += 4;
        } else {
          c = ESCAPED.charAt(SHORT_ESCAPES.indexOf(c));
        }
      }
      unescaped.append(c);
    }
    return unescaped.toString();
  }

  // ---- other values

  private void literal(String literal) throws IOException {
    append(literal.charAt(0));
    for (int i = 1; i < literal.length(); i++) {
      int next = in.next();
      if (next != literal.charAt(i)) {
        throw in.unexpected(next);
      }
      append(next);
    }
  }

  private void number(int first) throws IOException {
    int start = length;
    int next = first;
    if (next == '-') {
      append(next);
      next = in.next();
    }
    if (next == '0') {
      append(next);
      next = in.nextOrEnd();
    } else {
      next = digits(next);
    }
    boolean isFraction = false;
    if (next == '.') {
      isFraction = true;
      append(next);
      next = digits(in.next());
    }
    if (next == 'e' || next == 'E') {
      isFraction = true;
      append(next);
      next = in.next();
      if (next == '+' || next == '-') {
        append(next);
        next = in.next();
      }
      next = digits(next);
    }
    if (next >= 0) {
      in.back();
    }
    if (isFraction) {
      fraction(start);
    } else if (length - start > CanonicalJson.ALWAYS_EXACT || text[start] == '-') {
      integer(text(start, length));
    }
  }

  /** Reads one digit or more; returns what follows them, -1 at the end of the document. */
  private int digits(int first) throws IOException {
    if (first < '0' || first > '9') {
      throw in.unexpected(first);
    }
    append(first);
    appendAll(JsonInput.DIGIT);
    return in.nextOrEnd();
  }

  private void integer(String digits) {
    if (!CanonicalJson.isExact(digits)) {
      traits.add(Trait.INTEGER_BEYOND_DOUBLE);
    }
    if (!CanonicalJson.is64Bits(digits)) {
      traits.add(Trait.INTEGER_BEYOND_64_BITS);
    }
    if (digits.equals("-0")) {
      traits.add(Trait.FRACTION);
    }
  }

  /** Encloses the digits of a fraction in what {@link CanonicalJson#printed} looks for. */
  private void fraction(int start) throws BadJson {
    String digits = text(start, length);
    if (Double.isInfinite(Double.parseDouble(digits))) {
      throw new BadJson("the number " + Json.shortened(digits) + " is out of range", null);
    }
    fractions = true;
    traits.add(Trait.FRACTION);
    append('\2');
    reserve(1);
    System.arraycopy(text, start, text, start + 1, length - start);
    text[start] = '\1';
    length++;
  }

  // ---- traits

  /** Sets a trait anew, for of equal keys the last wins. */
  private void flag(Trait trait, boolean present) {
    if (present) {
      traits.add(trait);
    } else {
      traits.remove(trait);
    }
  }

  /**
   * Looks at a member of the outermost object.
   *
   * @param start of its value, of which a list or an object has its bracket alone
   */
  private void field(Member member, int start) {
    if (isNamed(member, "id")) {
      id = text[start] == '"' ? unescaped(start + 1, length - 1) : null;
    } else if (isNamed(member, "last_modified")) {
      String value = text(start, length);
      boolean isTimestamp = CanonicalJson.isUnsigned64(value);
      flag(Trait.LAST_MODIFIED_MISSING, !isTimestamp);
      lastModified = isTimestamp ? Math.max(0, Long.parseUnsignedLong(value)) : 0;
    } else if (isNamed(member, "deleted")) {
      String value = text(start, length);
      tombstone = isTruthy(value);
      flag(Trait.DELETED_FALSE, value.equals("false"));
      flag(Trait.DELETED_NOT_BOOLEAN, !value.equals("false") && !value.equals("true"));
    } else if (isNamed(member, "attachment")) {
      String value = text(start, length);
      flag(Trait.ATTACHMENT_NULL, value.equals("null"));
      flag(Trait.ATTACHMENT_INCOMPLETE, !value.equals("null")); // until its members are met
      flag(Trait.ATTACHMENT_MEMBERS, false);
    }
  }

  /**
   * Whether JavaScript takes a value as true. The server, in Python, takes an empty list or object
   * as false and signs such a record; Firefox, which leaves it out, decides.
   */
  private static boolean isTruthy(String value) {
    return switch (value.charAt(0)) {
      case 'f', 'n' -> false;
      case 't', '{', '[' -> true;
      case '"' -> value.length() > 2;
      default -> Double.parseDouble(value) != 0; // which ignores what a fraction is enclosed in
    };
  }

  private void attachment(List<Member> members) {
    Set<String> missing = new HashSet<>(CanonicalJson.ATTACHMENT);
    for (Member member : members) {
      String key = key(member);
      if (!CanonicalJson.ATTACHMENT.contains(key)) {
        traits.add(Trait.ATTACHMENT_MEMBERS);
      } else {
        String value = text(member.colon + 1, member.end);
        if (key.equals("size") ? CanonicalJson.isUnsigned64(value) : value.startsWith("\"")) {
          missing.remove(key);
        }
      }
    }
    flag(Trait.ATTACHMENT_INCOMPLETE, !missing.isEmpty());
  }
}
