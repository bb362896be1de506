//JAVA 25+
//SOURCES ../Json.java

package common.signature;

import common.Json.BadJson;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** The bytes of a JSON document: what comes next, where that is, and that it is UTF-8. */
final class JsonInput {

  /** The bytes that a canonical string holds as they are. */
  static final boolean[] PLAIN = new boolean[256];

  static final boolean[] DIGIT = new boolean[256];

  static {
    Arrays.fill(DIGIT, '0', '9' + 1, true);
    Arrays.fill(PLAIN, ' ', '~' + 1, true);
    PLAIN['"'] = false;
    PLAIN['\\'] = false;
  }

  private final InputStream in;
  private final byte[] bytes; // a part of the document
  private int at;
  private int end;
  private long gone; // how many bytes were before that part
  private long line = 1;
  private long lineStart;

  /** Reads a document from a stream, which is not closed. */
  JsonInput(InputStream in) {
    this.in = in;
    this.bytes = new byte[32 * 1024];
  }

  JsonInput(byte[] document) {
    this.in = null;
    this.bytes = document;
    this.end = document.length;
  }

  /** Reads on; false at the end of the document. */
  private boolean fill() throws IOException {
    gone += end;
    at = 0;
    end = in == null ? 0 : Math.max(in.read(bytes), 0);
    return end > 0;
  }

  /** The next byte, 0 to 255; -1 at the end of the document. */
  int nextOrEnd() throws IOException {
    return at < end || fill() ? bytes[at++] & 0xff : -1;
  }

  /** The next byte, 0 to 255. */
  int next() throws IOException {
    if (at == end && !fill()) {
      at++;
      throw bad("Unexpected end-of-input");
    }
    return bytes[at++] & 0xff;
  }

  /** Goes back to the byte that was the next one. */
  void back() {
    at--;
  }

  /** The next byte that is no white space. */
  int significant() throws IOException {
    int next = next();
    while (next <= ' ' && isSpace(next)) {
      if (next == '\n') {
        line++;
        lineStart = gone + at;
      }
      next = next();
    }
    return next;
  }

  /** Refuses anything but white space. */
  void end() throws IOException {
    for (int next = nextOrEnd(); next >= 0; next = nextOrEnd()) {
      if (!isSpace(next)) {
        throw new BadJson("there is more text after the document", null);
      }
    }
  }

  private static boolean isSpace(int next) {
    return next == ' ' || next == '\n' || next == '\r' || next == '\t';
  }

  // ---- several bytes

  /** How many of the bytes that come next, as far as they are read, are of a kind. */
  int count(boolean[] kind) {
    byte[] bytes = this.bytes; // locals, because a field is read anew for each byte
    int end = this.end;
    int last = at;
    while (last < end && kind[bytes[last] & 0xff]) {
      last++;
    }
    return last - at;
  }

  /** Takes that many of the bytes that are read. */
  void take(int count, byte[] to, int offset) {
    System.arraycopy(bytes, at, to, offset, count);
    at += count;
  }

  /** Whether all that was read is used up, but there is more. */
  boolean isUsedUp() throws IOException {
    return at == end && fill();
  }

  /** The character that begins with this byte and goes on with those that come next. */
  int character(int first) throws IOException {
    int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    int character = more == 0 ? first : first & 0x3f >> more;
    boolean isUtf8 = first < 0x80 || (0xc2 <= first && first < 0xf5);
    for (int i = 0; i < more && isUtf8; i++) {
      int next = next();
      isUtf8 = next >> 6 == 0b10;
      character = character << 6 | next & 0x3f;
    }
    boolean isShortest = character >= (more == 2 ? 0x800 : more == 3 ? 0x10000 : 0);
    boolean isSurrogate = character >> 11 == 0xd800 >> 11;
    if (!isUtf8 || !isShortest || isSurrogate || character > Character.MAX_CODE_POINT) {
      throw new BadJson("the text is not UTF-8", null);
    }
    return character;
  }

  // ---- failures

  BadJson unexpected(int next) throws IOException {
    int character = character(next);
    return bad(
        Character.isISOControl(character)
            ? "Unexpected character (code %d)".formatted(character)
            : "Unexpected character ('%c' (code %d))".formatted(character, character));
  }

  BadJson bad(String reason) {
    String where = " (line %d, column %d)".formatted(line, gone + at - lineStart);
    return new BadJson(reason + where, null);
  }
}
