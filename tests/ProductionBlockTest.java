//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../validate_signature.java
//SOURCES Blocks.java
//SOURCES MozillaRootsTest.java
//SOURCES Patience.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES Terminal.java
//SOURCES TrustTest.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The block of the README that asks Mozilla's production server, as typed. The environment alone
 * leads elsewhere: a proxy on loopback passes each tunnel on to the embedded server, which has a
 * certificate for Mozilla's hosts.
 *
 * <p>The only signature of Mozilla's that is recorded with its records and its chain is one of
 * stage, so production's host gets that one too: it must be refused there.
 */
class ProductionBlockTest {

  private static final String CHAINS_HOST = "content-signature-2.cdn.mozilla.net";

  private static final SigningAuthority.TlsIdentity IDENTITY =
      SigningAuthority.tlsFor(
          MozillaRootsTest.PRODUCTION_HOST, MozillaRootsTest.STAGE_HOST, CHAINS_HOST);

  @TempDir Path folder;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private String block;

  @BeforeEach
  void readBlock() throws IOException {
    List<String> blocks =
        Blocks.of(Project.root().resolve("README.md")).stream()
            .map(Blocks.Block::text)
            .filter(text -> text.contains(MozillaRootsTest.PRODUCTION_HOST))
            .toList();
    assertEquals(1, blocks.size(), blocks.toString());
    block = blocks.getFirst();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder()
        .tls(IDENTITY.context())
        .chainsAt(URI.create("https://" + CHAINS_HOST));
  }

  /** What the environment says so that Mozilla's hosts are this server. */
  private Map<String, String> mapped(RemoteSettingsServer server) throws IOException {
    RecordingServer proxy = RecordingServer.of(Reply.tunnel(server.port()));
    opened.addAll(List.of(server, proxy));
    Path bundle = Files.writeString(folder.resolve("ca.pem"), IDENTITY.caPem());
    return Map.of(
        "HTTPS_PROXY",
        "http://127.0.0.1:" + proxy.port(),
        "NO_PROXY",
        "",
        "REQUESTS_CA_BUNDLE",
        bundle.toString());
  }

  /** Runs a block as of the moment at which the signature was recorded. */
  private Terminal.Outcome runOnRecorded(String typed) throws IOException {
    String start = "./jbang validate_signature.java ";
    assertTrue(typed.startsWith(start), typed);
    Terminal terminal = new Terminal().at(Instant.parse(TrustTest.STAGE_AT));
    mapped(TrustTest.stageOf2021(server())).forEach(terminal::set);
    return terminal.run(
        new validate_signature(), typed.substring(start.length()).strip().split(" "));
  }

  @Test
  void the_block_refuses_what_stage_signed() throws IOException {
    TrustTest.assertStageIsRefusedOnProduction(runOnRecorded(block));
  }

  @Test
  void the_block_with_the_host_of_stage_accepts_what_stage_signed() throws IOException {
    Terminal.Outcome outcome =
        runOnRecorded(block.replace(MozillaRootsTest.PRODUCTION_HOST, MozillaRootsTest.STAGE_HOST));
    assertEquals(0, outcome.exit(), outcome.toString());
    assertTrue(outcome.stdout().contains("pioneer-study-addons:  OK ("), outcome::toString);
    assertFalse(outcome.stderr().contains("warning"), outcome::toString);
  }

  @Test
  void the_block_trusts_no_root_but_the_built_in_one_unless_told_otherwise() throws IOException {
    RemoteSettingsServer server = server().sample(true).start();
    Map<String, String> mapped = mapped(server);
    Project.Outcome refused = typed(mapped, "");
    assertEquals(1, refused.exit(), refused::toString);
    assertTrue(
        refused
            .stdout()
            .contains(
                " - Cause: the root is %s, expected %s\n"
                    .formatted(server.authority().rootHash(), MozillaRootsTest.PRODUCTION)),
        refused::toString);
    Project.Outcome accepted = typed(mapped, server.authority().rootHash());
    assertEquals(0, accepted.exit(), accepted::toString);
    assertTrue(accepted.stdout().contains("main/collections/regions:  OK ("), accepted::toString);
  }

  /** Types the block in a shell, in the project's folder. */
  private Project.Outcome typed(Map<String, String> mapped, String rootHash) {
    Project.Run run =
        Patience.run("sh", "-e", "-c", block).in(Project.root()).env("ROOT_HASH", rootHash);
    mapped.forEach(run::env);
    return run.go();
  }
}
