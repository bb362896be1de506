///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of blockpages_generator with that of Python and jinja2.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Programs.java
//SOURCES Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Compares time and memory of blockpages_generator with those of {@code pages.py}, which has the
 * same templates.
 *
 * <p>The embedded server has the public blocklist of 2016, repeated under other names until there
 * are enough records. Each run writes all pages into a new folder.
 */
@Command(
    name = "pages",
    description = "Compare the speed of blockpages_generator with that of Python and jinja2.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class pages implements Callable<Integer> {

  @Mixin private Programs.Settings measured;

  @Option(names = "--records", description = "How many blocked add-ons and plugins to create.")
  private int records = 463;

  public static void main(String[] args) {
    System.exit(new CommandLine(new pages()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Peers.JINJA.prepare();
    Path python = Peers.JINJA.path();
    Path folder = Files.createTempDirectory("pages-").resolve("pages");
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().start()) {
      int expected = fill(server) + 1; // and the index
      String url = server.url().toString();
      Path root = Project.root();
      new Programs(
              python,
              Map.of("SERVER", url, "TARGET_DIR", folder.toString()),
              "Writing \\S+ to \\S+",
              expected)
          .before(() -> empty(folder))
          .ours("blockpages_generator", measured.variants)
          .add(
              "Python",
              List.of(
                  python.toString(),
                  root.resolve("bench/pages.py").toString(),
                  url,
                  folder.toString(),
                  root.resolve("templates").toString()))
          .run(measured.runs)
          .print(
              "%d records, %d pages; medians of %d runs, range of wall"
                  .formatted(records, expected, measured.runs));
    } finally {
      Peers.delete(folder.getParent());
    }
    return 0;
  }

  /** Creates the records, and returns the number of their pages, because some share a page. */
  private int fill(RemoteSettingsServer server) throws IOException {
    Set<String> names = new HashSet<>();
    int filled = 0;
    for (int round = 0; filled < records; round++) {
      for (String collection : List.of("addons", "plugins")) {
        if (round == 0) {
          server.create("blocklists", collection);
        }
        Path vector =
            Project.root().resolve("tests/vectors/blocklist-2016/" + collection + ".json");
        for (JsonNode record : Store.JSON.readTree(Files.readString(vector))) {
          if (filled++ < records) {
            ObjectNode copy = (ObjectNode) record.deepCopy();
            String name = record.path("blockID").asString() + (round == 0 ? "" : "-" + round);
            names.add(name);
            copy.put("blockID", name);
            copy.put("id", record.path("id").asString() + "-" + round);
            server.store().put("blocklists", collection, copy);
          }
        }
      }
    }
    return names.size();
  }

  private static void empty(Path folder) {
    try {
      Peers.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
