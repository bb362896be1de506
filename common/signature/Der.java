//JAVA 25+

package common.signature;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.StringJoiner;

/**
 * Reads DER element by element, as strictly as the certificate code of Mozilla's clients: the JDK
 * takes what is nearly DER, too, and passes over extensions that it cannot parse.
 */
final class Der {

  static final int BOOLEAN = 0x01;
  static final int INTEGER = 0x02;
  static final int BIT_STRING = 0x03;
  static final int OCTET_STRING = 0x04;
  static final int NULL = 0x05;
  static final int OBJECT_IDENTIFIER = 0x06;
  static final int SEQUENCE = 0x30;
  static final int SET = 0x31;

  /** The bytes are not DER, or not what was expected there. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1;

    Malformed(String reason) {
      super(reason, null, false, false); // used as a value: nobody reads its stack trace
    }
  }

  private final byte[] bytes;
  private int position;
  private final int end;

  Der(byte[] bytes) {
    this(bytes, 0, bytes.length);
  }

  private Der(byte[] bytes, int position, int end) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** The content of a sequence that is all there is. */
  static Der sequence(byte[] bytes) throws Malformed {
    Der outer = new Der(bytes);
    Der content = outer.read(SEQUENCE);
    outer.end();
    return content;
  }

  boolean isAtEnd() {
    return position == end;
  }

  void end() throws Malformed {
    expect(isAtEnd(), "nothing more");
  }

  /** The tag of the next element, or -1 at the end. */
  int tag() {
    return isAtEnd() ? -1 : bytes[position] & 0xff;
  }

  /** The content of the next element, which must have this tag. */
  Der read(int tag) throws Malformed {
    expect(tag() == tag && (tag & 0x1f) != 0x1f, "the tag %#x", tag);
    position++;
    int length = next();
    if (length == 0x81) {
      length = next();
      expect(length >= 0x80, "the shortest length");
    } else if (length == 0x82) {
      length = next() << 8 | next();
      expect(length >= 0x100, "the shortest length");
    } else {
      expect(length < 0x80, "a length below 64 KiB");
    }
    expect(length <= end - position, "%d bytes more", length);
    position += length;
    return new Der(bytes, position - length, position);
  }

  /** The next element with its tag and length. */
  byte[] element(int tag) throws Malformed {
    int start = position;
    read(tag);
    return Arrays.copyOfRange(bytes, start, position);
  }

  /** All that is left. */
  byte[] rest() {
    byte[] rest = Arrays.copyOfRange(bytes, position, end);
    position = end;
    return rest;
  }

  int next() throws Malformed {
    expect(!isAtEnd(), "one byte more");
    return bytes[position++] & 0xff;
  }

  /** A BOOLEAN whose default is false, which clients allow to be written out. */
  boolean optionalBoolean() throws Malformed {
    if (tag() != BOOLEAN) {
      return false;
    }
    Der value = read(BOOLEAN);
    int truth = value.next();
    value.end();
    expect(truth == 0 || truth == 0xff, "0 or 255");
    return truth != 0;
  }

  BigInteger integer() throws Malformed {
    byte[] value = read(INTEGER).rest();
    expect(value.length > 0, "a number");
    expect(
        value.length == 1 || !(value[0] == 0 && value[1] >= 0 || value[0] == -1 && value[1] < 0),
        "the shortest number");
    return new BigInteger(value);
  }

  /** A number up to 127: clients read no longer one where they do not expect a serial number. */
  int smallInteger() throws Malformed {
    BigInteger value = integer();
    expect(value.signum() >= 0 && value.bitLength() < 8, "a number from 0 to 127");
    return value.intValue();
  }

  /** The bytes of a BIT STRING without loose bits. */
  Der wholeBits() throws Malformed {
    Der value = read(BIT_STRING);
    expect(value.next() == 0, "whole bytes");
    return value;
  }

  /** An object identifier in numbers and dots. */
  String identifier() throws Malformed {
    byte[] value = read(OBJECT_IDENTIFIER).rest();
    expect(value.length > 0 && value[value.length - 1] >= 0, "an object identifier");
    StringJoiner dotted = new StringJoiner(".");
    BigInteger number = BigInteger.ZERO;
    for (byte part : value) {
      expect(number.signum() != 0 || part != (byte) 0x80, "the shortest object identifier");
      number = number.shiftLeft(7).or(BigInteger.valueOf(part & 0x7f));
      if (part >= 0) {
        if (dotted.length() == 0) { // two numbers in one
          BigInteger first = number.divide(BigInteger.valueOf(40)).min(BigInteger.TWO);
          dotted.add(first.toString());
          number = number.subtract(first.multiply(BigInteger.valueOf(40)));
        }
        dotted.add(number.toString());
        number = BigInteger.ZERO;
      }
    }
    return dotted.toString();
  }

  static void expect(boolean condition, String what, Object... values) throws Malformed {
    if (!condition) {
      throw new Malformed("expected " + what.formatted(values));
    }
  }
}
