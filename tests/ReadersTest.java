//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../backport_records.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../common/Runner.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import common.Runner;
import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The commands on a reader ({@code /v2}). */
class ReadersTest {

  static Stream<Arguments> writers() {
    String usual = "No signer capabilities found. Run on *writer* server!";
    return Stream.of(
        Arguments.of(new refresh_signature(), "refresh_signature", usual),
        Arguments.of(new consistency_checks(), "consistency_checks", usual),
        Arguments.of(new backport_records(), "backport_records", "URL takes no credentials"));
  }

  @ParameterizedTest
  @MethodSource("writers")
  void a_command_that_needs_a_writer_says_where_to_run_it(
      Runner.Command command, String name, String line) throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      server.answer("/v1/", 200, "application/json", "{\"git\": {}, \"capabilities\": {}}");
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.url())
              .set("AUTH", "editor:editor")
              .set("REFRESH_SIGNATURE_AUTH", "editor:editor")
              .set("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor")
              .set("BACKPORT_RECORDS_SOURCE_BUCKET", "main-workspace")
              .set("BACKPORT_RECORDS_SOURCE_COLLECTION", "regions")
              .set("BACKPORT_RECORDS_DEST_BUCKET", "staging")
              .run(command);
      assertEquals(2, outcome.exit(), outcome::toString);
      assertEquals(
          """
          NAME: error: LINE
          hint: /v2 is a reader: run on the writer's /v1
          """
              .replace("NAME", name)
              .replace("LINE", line)
              .replace("URL", server.url().toString()),
          outcome.stderr());
      assertEquals(1, server.requests().size(), "nothing but the server info is asked for");
    }
  }
}
