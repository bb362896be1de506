//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Patience.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/demo.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the demo says at its end helps somebody who has a server of their own. */
class DemoTest {

  private static final String THEIRS = "https://settings.example.com/v1";

  @TempDir Path home;

  @Test
  void it_ends_on_one_screen() {
    List<String> lines = demo.whatNext(Path.of("/tmp/demo-1234567890123456789")).lines().toList();
    assertTrue(lines.size() <= 30, lines.size() + " lines");
    lines.forEach(line -> assertTrue(line.length() <= 100, line));
  }

  /** Each line, in one shell, by somebody who has edited the file as they are told. */
  @Test
  void what_it_says_to_type_next_works_on_a_server_of_ones_own() throws IOException {
    List<String> lines = demo.whatNext(home).lines().toList();
    List<String> typed = indented("  ", lines);
    assertEquals(7, typed.size(), typed.toString());
    assertTrue(typed.remove("./jbang install \"$HOME/.local/bin\"")); // README has it too
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      String settings =
          String.join("\n", indented("    ", lines))
              .replace(THEIRS, server.url().toString())
              .replace("AA:BB:CC:...", server.authority().rootHash())
              .replace("user:password", "editor:editor");
      for (String line : typed) {
        Project.Outcome outcome =
            Patience.run("sh", "-c", line.replace(THEIRS, server.url().toString()))
                .in(Project.root())
                .env("HOME", home)
                .env("XDG_CACHE_HOME", Peers.cache().getParent())
                .env("JBANG_DIR", jbang())
                .go();
        assertEquals(0, outcome.exit(), outcome::toString);
        assertTrue(line.contains("install") || !outcome.stdout().isEmpty(), line);
        if (Files.exists(home.resolve("settings.env"))) {
          Files.writeString(home.resolve("settings.env"), settings);
        }
      }
    }
    assertEquals(
        "rw-------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve("settings.env"))));
  }

  private static List<String> indented(String spaces, List<String> lines) {
    return lines.stream()
        .filter(line -> line.matches(spaces + "\\S.*"))
        .map(String::strip)
        .collect(Collectors.toList());
  }

  private static String jbang() {
    String folder = System.getenv("JBANG_DIR");
    return folder == null ? System.getProperty("user.home") + "/.jbang" : folder;
  }
}
