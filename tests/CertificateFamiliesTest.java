//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ChainFamilies.java SampleChain.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.signature.CertificateChain;
import common.signature.CertificateChain.Refused;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What clients refuse is refused, and what they accept is accepted, trait by trait. */
class CertificateFamiliesTest {

  private static final List<ChainFamilies.Made> FAMILIES = ChainFamilies.all();

  static List<ChainFamilies.Made> families() {
    return FAMILIES;
  }

  @ParameterizedTest
  @MethodSource("families")
  void a_chain_is_judged_as_clients_judge_it(ChainFamilies.Made made) {
    assertEquals(made.expected() + ": " + made.reason(), verdict(made));
  }

  /** The verdict with the sentence that refuses, as far as it is our own. */
  private static String verdict(ChainFamilies.Made made) {
    try {
      CertificateChain chain = CertificateChain.parse(made.pem().getBytes(StandardCharsets.UTF_8));
      chain.verify(SampleChain.NOW);
      chain.verifySigner("remote-settings");
      chain.verifyRoot(Set.of(made.rootHash()));
      return null + ": " + made.reason();
    } catch (Refused e) {
      return e.cause() + ": " + (made.reason() == null ? null : e.getMessage());
    }
  }

  @Test
  void every_chain_has_a_name_of_its_own() {
    assertEquals(
        FAMILIES.size(), FAMILIES.stream().map(ChainFamilies.Made::name).distinct().count());
    assertTrue(FAMILIES.size() > 400, FAMILIES.size() + " chains");
  }
}
