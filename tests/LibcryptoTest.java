//JAVA 25+
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/signature/Libcrypto.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import common.signature.Libcrypto;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The system's OpenSSL against the JDK: the same signatures are good, and no other. */
class LibcryptoTest {

  private static final KeyPair PAIR = pair("secp384r1");
  private static final BigInteger ORDER = ((ECPrivateKey) PAIR.getPrivate()).getParams().getOrder();
  private static final byte[] TEXT = "what is signed".getBytes(StandardCharsets.US_ASCII);

  @BeforeAll
  static void load() {
    assumeTrue(
        Libcrypto.load(), "no libcrypto.so.3, or no permission (--enable-native-access) to use it");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 300, 32_767, 32_768, 32_769, 100_000})
  void payload_may_come_in_any_pieces(int length) throws Exception {
    byte[] text = new byte[length];
    new SecureRandom().nextBytes(text);
    byte[] signature = signature(text);
    for (int piece : List.of(1, 299, 32_768, 50_000)) {
      assertTrue(
          Libcrypto.verifies(
              PAIR.getPublic(),
              signature,
              sink -> {
                for (int at = 0; at < length; at += piece) {
                  sink.update(Arrays.copyOfRange(text, at, Math.min(length, at + piece)));
                }
              }),
          length + " bytes by " + piece);
    }
  }

  @Test
  void a_single_bit_makes_no_signature_good() throws Exception {
    byte[] signature = signature(TEXT);
    for (int bit = 0; bit < signature.length * 8; bit++) {
      byte[] other = signature.clone();
      other[bit / 8] ^= (byte) (1 << bit % 8);
      assertFalse(verifies(PAIR.getPublic(), other, TEXT), "bit " + bit);
    }
    for (int bit = 0; bit < TEXT.length * 8; bit++) {
      byte[] other = TEXT.clone();
      other[bit / 8] ^= (byte) (1 << bit % 8);
      assertFalse(verifies(PAIR.getPublic(), signature, other), "bit " + bit);
    }
  }

  @Test
  void numbers_at_every_bound_are_judged_as_by_the_jdk() throws Exception {
    byte[] good = signature(TEXT);
    BigInteger goodR = new BigInteger(1, good, 0, 48);
    BigInteger goodS = new BigInteger(1, good, 48, 48);
    BigInteger most = BigInteger.ONE.shiftLeft(384).subtract(BigInteger.ONE);
    List<BigInteger> bounds =
        new ArrayList<>(
            List.of(
                BigInteger.ZERO,
                BigInteger.ONE,
                ORDER.shiftRight(1),
                ORDER.subtract(BigInteger.ONE),
                ORDER,
                ORDER.add(BigInteger.ONE),
                most,
                goodR,
                goodS,
                ORDER.subtract(goodR),
                ORDER.subtract(goodS), // as good as s itself
                atInfinity()));
    int found = 0;
    for (BigInteger r : bounds) {
      for (BigInteger s : bounds) {
        byte[] signature = raw(r, s);
        boolean isGood = jdkVerifies(PAIR.getPublic(), signature, TEXT);
        assertEquals(isGood, verifies(PAIR.getPublic(), signature, TEXT), r + " " + s);
        found += isGood ? 1 : 0;
      }
    }
    assertEquals(2, found);
  }

  /** With this r, and any s, the point that is compared with r is the one at infinity. */
  private static BigInteger atInfinity() throws GeneralSecurityException {
    BigInteger hash = new BigInteger(1, MessageDigest.getInstance("SHA-384").digest(TEXT));
    BigInteger secret = ((ECPrivateKey) PAIR.getPrivate()).getS();
    return hash.negate().multiply(secret.modInverse(ORDER)).mod(ORDER);
  }

  @Test
  void signatures_of_other_lengths_are_left_to_the_jdk() throws Exception {
    byte[] good = signature(TEXT);
    for (int length : List.of(0, 1, 48, 95, 97, 192)) {
      assertFalse(verifies(PAIR.getPublic(), Arrays.copyOf(good, length), TEXT));
    }
  }

  @Test
  void the_signature_of_another_key_is_not_good() throws Exception {
    assertFalse(verifies(pair("secp384r1").getPublic(), signature(TEXT), TEXT));
  }

  @Test
  void keys_of_other_kinds_are_left_to_the_jdk() throws Exception {
    assertFalse(verifies(pair("secp256r1").getPublic(), signature(TEXT), TEXT));
    assertFalse(verifies(pair("secp521r1").getPublic(), signature(TEXT), TEXT));
    assertFalse(verifies(key(null), signature(TEXT), TEXT));
    byte[] offCurve = PAIR.getPublic().getEncoded();
    offCurve[offCurve.length - 1] ^= 1;
    assertFalse(verifies(key(offCurve), signature(TEXT), TEXT));
  }

  private static PublicKey key(byte[] encoded) {
    return new PublicKey() {
      private static final long serialVersionUID = 1;

      @Override
      public String getAlgorithm() {
        return "EC";
      }

      @Override
      public String getFormat() {
        return "X.509";
      }

      @Override
      public byte[] getEncoded() {
        return encoded;
      }
    };
  }

  @Test
  void a_payload_that_cannot_be_read_is_not_good() throws Exception {
    assertFalse(
        Libcrypto.verifies(
            PAIR.getPublic(),
            signature(TEXT),
            sink -> {
              sink.update(TEXT);
              throw new IllegalStateException("no more");
            }));
  }

  private static boolean verifies(PublicKey key, byte[] signature, byte[] text) {
    return Libcrypto.verifies(key, signature, sink -> sink.update(text));
  }

  private static boolean jdkVerifies(PublicKey key, byte[] signature, byte[] text) {
    try {
      Signature ecdsa = Signature.getInstance("SHA384withECDSAinP1363Format");
      ecdsa.initVerify(key);
      ecdsa.update(text);
      return ecdsa.verify(signature);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  private static byte[] signature(byte[] text) throws GeneralSecurityException {
    Signature ecdsa = Signature.getInstance("SHA384withECDSAinP1363Format");
    ecdsa.initSign(PAIR.getPrivate());
    ecdsa.update(text);
    return ecdsa.sign();
  }

  private static byte[] raw(BigInteger r, BigInteger s) {
    byte[] raw = new byte[96];
    for (int i = 0; i < 48; i++) {
      raw[47 - i] = r.shiftRight(8 * i).byteValue();
      raw[95 - i] = s.shiftRight(8 * i).byteValue();
    }
    return raw;
  }

  private static KeyPair pair(String curve) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec(curve));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
