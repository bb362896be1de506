//JAVA 25+

package common.signature;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * P-384 and SHA-384 by the system's OpenSSL 3, in a quarter of the JDK's time.
 *
 * <p>Only its yes counts: where it does not find a signature good, or is missing, the JDK decides.
 * Loading it takes as long as the JDK takes for some twenty verifications, so it is {@link #prepare
 * prepared} only for many.
 */
public final class Libcrypto {

  /** Takes a payload piece by piece. */
  public interface Sink {
    void update(byte[] piece) throws GeneralSecurityException;
  }

  /** Gives a payload to a sink, from its beginning. */
  public interface Payload {
    void writeTo(Sink sink) throws GeneralSecurityException;
  }

  /** For how many verifications it is loaded; training sets another number. */
  private static final int WORTH_IT = Integer.getInteger("libcrypto.worth", 60);

  /** Where the DER form of every P-384 key ends and its point begins (RFC 5480, uncompressed). */
  private static final byte[] P384_KEY =
      HexFormat.of().parseHex("3076301006072a8648ce3d020106052b8104002203620004");

  private static final int P384_KEY_BYTES = P384_KEY.length + 96;

  /** Without it, the exit of the process frees what a thread may still use. */
  private static final long NO_ATEXIT = 0x00080000L; // OPENSSL_INIT_NO_ATEXIT, crypto.h

  private static volatile Libcrypto loaded;

  private final MethodHandle readKey;
  private final MethodHandle freeKey;
  private final MethodHandle newContext;
  private final MethodHandle freeContext;
  private final MethodHandle sha384;
  private final MethodHandle begin;
  private final MethodHandle update;
  private final MethodHandle end;

  /** Loads the library; fails with whatever is missing. */
  @SuppressWarnings("restricted") // load() has asked whether that is allowed
  private Libcrypto() throws Throwable {
    SymbolLookup symbols = SymbolLookup.libraryLookup("libcrypto.so.3", Arena.global());
    var address = ValueLayout.ADDRESS;
    var number = ValueLayout.JAVA_INT;
    var size = ValueLayout.JAVA_LONG;
    var ofArrays = Linker.Option.critical(true); // reads Java's arrays where they are
    MethodHandle init =
        function(symbols, "OPENSSL_init_crypto", FunctionDescriptor.of(number, size, address));
    if ((int) init.invokeExact(NO_ATEXIT, MemorySegment.NULL) != 1) {
      throw new IllegalStateException("libcrypto does not start");
    }
    FunctionDescriptor taken = FunctionDescriptor.of(number, address, address, size);
    readKey =
        function(symbols, "d2i_PUBKEY", FunctionDescriptor.of(address, address, address, size));
    freeKey = function(symbols, "EVP_PKEY_free", FunctionDescriptor.ofVoid(address));
    newContext = function(symbols, "EVP_MD_CTX_new", FunctionDescriptor.of(address));
    freeContext = function(symbols, "EVP_MD_CTX_free", FunctionDescriptor.ofVoid(address));
    sha384 = function(symbols, "EVP_sha384", FunctionDescriptor.of(address));
    begin =
        function(
            symbols,
            "EVP_DigestVerifyInit",
            FunctionDescriptor.of(number, address, address, address, address, address));
    update = function(symbols, "EVP_DigestVerifyUpdate", taken, ofArrays);
    end = function(symbols, "EVP_DigestVerifyFinal", taken, ofArrays);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle function(
      SymbolLookup symbols, String name, FunctionDescriptor type, Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type, options);
  }

  /** Loads the library in the background, if so many verifications are expected that it pays. */
  static void prepare(int verifications) {
    if (verifications >= WORTH_IT) {
      Thread.ofPlatform().daemon().name("libcrypto").start(Libcrypto::load);
    }
  }

  /**
   * Whether the library is there and finds the signature good.
   *
   * @param signature raw r‖s, 48 bytes each
   */
  public static boolean verifies(PublicKey key, byte[] signature, Payload payload) {
    Libcrypto library = loaded;
    return library != null && library.finds(key, signature, payload);
  }

  /** Loads the library where that is allowed, and possible; returns whether it is there. */
  public static boolean load() {
    try {
      if (loaded == null && Libcrypto.class.getModule().isNativeAccessEnabled()) {
        loaded = new Libcrypto();
      }
    } catch (Throwable e) {
      // another system, or another OpenSSL: the JDK verifies
    }
    return loaded != null;
  }

  private boolean finds(PublicKey publicKey, byte[] signature, Payload payload) {
    byte[] encoded = publicKey.getEncoded();
    if (encoded == null
        || encoded.length != P384_KEY_BYTES
        || !Arrays.equals(encoded, 0, P384_KEY.length, P384_KEY, 0, P384_KEY.length)
        || signature.length != 96) {
      return false;
    }
    try (Arena memory = Arena.ofConfined()) {
      MemorySegment start = memory.allocate(ValueLayout.ADDRESS);
      start.set(ValueLayout.ADDRESS, 0, memory.allocateFrom(ValueLayout.JAVA_BYTE, encoded));
      MemorySegment none = MemorySegment.NULL;
      MemorySegment key = (MemorySegment) readKey.invokeExact(none, start, (long) encoded.length);
      MemorySegment context = (MemorySegment) newContext.invokeExact();
      try {
        MemorySegment hash = (MemorySegment) sha384.invokeExact();
        if (isNull(key)
            || isNull(context)
            || (int) begin.invokeExact(context, none, hash, none, key) != 1) {
          return false;
        }
        Pieces pieces = new Pieces(context);
        payload.writeTo(pieces);
        pieces.flush();
        byte[] der = der(signature);
        return (int) end.invokeExact(context, MemorySegment.ofArray(der), (long) der.length) == 1;
      } finally {
        freeContext.invokeExact(context); // null is allowed, as it is below
        freeKey.invokeExact(key);
      }
    } catch (Throwable e) {
      return false; // the JDK meets the same, and says so
    }
  }

  /** Collects small pieces, because each call of the library costs as much as their hash. */
  private final class Pieces implements Sink {
    private final MemorySegment context;
    private final byte[] collected = new byte[1 << 15];
    private int length;

    Pieces(MemorySegment context) {
      this.context = context;
    }

    @Override
    public void update(byte[] piece) {
      if (piece.length > collected.length - length) {
        flush();
      }
      if (piece.length > collected.length) {
        hash(piece, piece.length);
      } else {
        System.arraycopy(piece, 0, collected, length, piece.length);
        length += piece.length;
      }
    }

    void flush() {
      hash(collected, length);
      length = 0;
    }

    private void hash(byte[] bytes, int count) {
      try {
        if ((int) update.invokeExact(context, MemorySegment.ofArray(bytes), (long) count) != 1) {
          throw new IllegalStateException("libcrypto takes no more");
        }
      } catch (Error | RuntimeException e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static boolean isNull(MemorySegment segment) {
    return segment.address() == 0;
  }

  /** The form that OpenSSL reads: a sequence of two integers. */
  private static byte[] der(byte[] signature) {
    byte[] r = new BigInteger(1, signature, 0, 48).toByteArray();
    byte[] s = new BigInteger(1, signature, 48, 48).toByteArray();
    byte[] der = new byte[6 + r.length + s.length]; // each length is below 128
    der[0] = 0x30;
    der[1] = (byte) (der.length - 2);
    der[2] = 0x02;
    der[3] = (byte) r.length;
    System.arraycopy(r, 0, der, 4, r.length);
    der[4 + r.length] = 0x02;
    der[5 + r.length] = (byte) s.length;
    System.arraycopy(s, 0, der, 6 + r.length, s.length);
    return der;
  }
}
