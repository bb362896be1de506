//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../consistency_checks.java
//SOURCES ../refresh_signature.java
//SOURCES ../validate_changes_collection.java
//SOURCES ../validate_signature.java
//SOURCES ../common/Runner.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Terminal.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Runner;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every command on a reader ({@code /v2}). */
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
      Terminal.Outcome outcome =
          new Terminal()
              .set("SERVER", server.readerUrl())
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
              .replace("URL", server.readerUrl().toString()),
          outcome.stderr());
      assertEquals(1, server.requests().size(), "nothing but the server info is asked for");
    }
  }

  private static Terminal.Outcome run(Runner.Command command, URI url, String... arguments) {
    return new Terminal().set("SERVER", url).run(command, arguments);
  }

  private static RemoteSettingsServer.Builder server() {
    return RemoteSettingsServer.builder()
        .sample(true)
        .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC));
  }

  @Test
  void signatures_are_as_good_as_on_the_writer() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      Terminal.Outcome writer = run(new validate_signature(), server.url());
      Terminal.Outcome reader = run(new validate_signature(), server.readerUrl());
      assertEquals(0, reader.exit(), reader::toString);
      assertEquals(withoutTimes(writer), withoutTimes(reader));
      server.put("main", "regions", "{\"id\":\"unsigned\"}");
      Terminal.Outcome bad = run(new validate_signature(), server.readerUrl());
      assertEquals(1, bad.exit(), bad::toString);
      assertTrue(bad.stdout().contains("/main/collections/regions:  ⚠ BAD"), bad::toString);
    }
  }

  private static String withoutTimes(Terminal.Outcome outcome) {
    return outcome.stdout().replaceAll("\\(\\d\\.\\d\\ds\\)", "");
  }

  @Test
  void certificates_alone_are_verified_there() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      Terminal.Outcome outcome =
          run(new validate_signature(), server.readerUrl(), "--only-certificates");
      assertEquals(0, outcome.exit(), outcome::toString);
    }
  }

  @Test
  void timestamps_are_compared_there() throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      Terminal.Outcome writer = run(new validate_changes_collection(), server.url());
      Terminal.Outcome reader = run(new validate_changes_collection(), server.readerUrl());
      assertEquals(0, reader.exit(), reader::toString);
      assertEquals(writer.stdout(), reader.stdout());
      server.fault("altered-announcement=main/regions");
      Terminal.Outcome bad = run(new validate_changes_collection(), server.readerUrl());
      assertEquals(1, bad.exit(), bad::toString);
      assertTrue(bad.stdout().contains("Etag NOT OK for main/regions"), bad::toString);
    }
  }

  @Test
  void pages_are_the_same(@TempDir Path folder) throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      String[] arguments = {"--target-dir", folder.toString()};
      assertEquals(0, run(new blockpages_generator(), server.url(), arguments).exit());
      Terminal.Outcome again = run(new blockpages_generator(), server.readerUrl(), arguments);
      assertEquals(0, again.exit(), again::toString);
      assertTrue(again.stderr().contains(": 0 written, "), again::toString);
    }
  }

  static Stream<Runner.Command> readers() {
    return Stream.of(
        new validate_signature(), new validate_changes_collection(), new blockpages_generator());
  }

  @ParameterizedTest
  @MethodSource("readers")
  void a_frozen_export_is_warned_of(Runner.Command command, @TempDir Path folder)
      throws IOException {
    try (RemoteSettingsServer server = server().start()) {
      server.exportedAt(Terminal.NOW.minus(Duration.ofHours(25)));
      Terminal.Outcome outcome =
          new Terminal().set("SERVER", server.readerUrl()).set("TARGET_DIR", folder).run(command);
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().contains("warning: the content of this reader was exported 25 hours"),
          outcome::toString);
    }
  }
}
