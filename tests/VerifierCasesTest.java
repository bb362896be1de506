//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../deploy/Project.java
//SOURCES ../server/Store.java
//SOURCES ../validate_signature.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * Saved changesets of {@code tests/vectors/verifier}, judged by the command as the clients in use
 * judge them.
 */
class VerifierCasesTest {

  private static final Path CASES = Project.root().resolve("tests/vectors/verifier");
  private static final String ROOT =
      "8B:43:C4:25:3D:15:13:40:14:95:4B:6D:61:EC:46:DB:52:B8:3D:C7:55:62:BF:DE:59:82:93:AC:CB:14:A3:94";

  /** The leaf of chain_no-pad-0 needs no padding, so it is the good chain. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      emptyValue = "",
      textBlock =
          """
          issuer_leaf-form | ROOT | bad | broken-chain | the leaf was issued by CN=test intermediate, O=Test, C=US, but the intermediate is CN=test intermediate, O=Test, C=US, and clients compare names byte by byte
          issuer_inter-case | ROOT | bad | broken-chain | the intermediate was issued by CN=TEST ROOT, O=TEST, C=US, but the root is CN=test root, O=Test, C=US, and clients compare names byte by byte
          chain_space-end | ROOT | bad | broken-chain | the chain is not PEM: clients disagree whether line 1 begins or ends a certificate
          chain_no-pad-2 | ROOT | bad | broken-chain | certificate 3 of the chain is not base64 as clients read it
          eku_root-server | 73:B5:B9:B0:9B:9E:01:65:2B:31:28:AA:B1:44:F9:B1:49:82:29:A8:2C:16:D2:0C:D1:72:64:71:CC:72:3B:53 | bad | wrong-usage | the root's extended key usage is [1.3.6.1.5.5.7.3.1], expected code signing
          eku_inter-empty | ROOT | bad | wrong-usage | the intermediate's extended key usage is empty, expected code signing
          bc_inter-true-as-1 | ROOT | bad | broken-chain | the intermediate's basic constraints cannot be parsed
          bc_leaf-garbage | ROOT | bad | broken-chain | the leaf's basic constraints cannot be parsed
          keys_ed25519-root | A2:C3:FB:69:78:DF:AE:93:16:65:A7:9A:2B:11:0F:C0:4C:9C:DC:2D:6D:51:AC:EE:8B:1E:A7:4B:C8:DE:86:F5 | bad | broken-chain | the intermediate is signed with Ed25519, expected ECDSA or RSA with SHA-256, -384 or -512
          inter_self-issued-pathlen-0 | E8:88:A6:4E:3D:4B:CE:48:96:52:C8:92:89:70:5A:B7:97:79:17:CD:3A:4F:71:2B:41:20:85:09:BF:CC:91:1C | bad | broken-chain | the intermediate exceeds the path length of the certificate above it
          chain_no-pad-0 | ROOT | ok | | Android and iOS would compute other bytes
          records_deleted-1-signed | ROOT | ok | | a deleted that is not true or false in d3
          records_negative-zero | ROOT | ok | | Android and iOS would compute other bytes
          single_good | ROOT | ok | | the list of signatures is missing, and today's clients read nothing else
          mode_absent | ROOT | ok | | a signature has no mode, which Android and iOS need
          """)
  void a_case_has_its_right_verdict(
      String folder, String root, String status, String cause, String said) {
    Terminal.Outcome outcome = verify(folder, root.replace("ROOT", ROOT));
    JsonNode result = Store.JSON.readTree(outcome.stdout()).path("results").path(0);
    assertEquals(status, result.path("status").asString());
    assertEquals(cause, result.path("cause").asStringOpt().orElse(null));
    String text = result.path("reason").asString("") + result.path("warnings");
    assertTrue(text.contains(said), text);
    assertEquals(status.equals("ok") ? 0 : 1, outcome.exit());
  }

  private static Terminal.Outcome verify(String folder, String root) {
    return new Terminal()
        .run(
            new validate_signature(),
            "--changeset=" + CASES.resolve(folder + "/changeset.json"),
            "--chain=" + CASES.resolve(folder + "/chain.pem"),
            "--at=2026-11-29T13:25:40Z",
            "--root-hash=" + root,
            "--signer=remote-settings",
            "--format=json");
  }
}
