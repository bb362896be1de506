//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../blockpages_generator.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../uptake_health.java
//SOURCES ../deploy/Project.java
//SOURCES Terminal.java
//SOURCES Vectors.java

import common.Place;
import common.pages.Destination.Page;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The pages of the public blocklist of March 2016: real texts, as many as there were; and the chart
 * of the sample of what clients report.
 */
final class SamplePages {

  /** With links, and a verdict that leaves the choice to the user. */
  static final String MILD = "p80.html";

  /** With several paragraphs, and a verdict that does not. */
  static final String STRICT = "p26.html";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.USE_LONG_FOR_INTS).build();

  private SamplePages() {}

  /** The records, as the command reads them. */
  static List<blockpages_generator.Block> blocks() throws IOException {
    List<blockpages_generator.Block> blocks = new ArrayList<>();
    for (String name : List.of("addons", "plugins")) {
      String json = Vectors.text("blocklist-2016/" + name + ".json");
      for (Map<String, Object> record :
          JSON.readValue(json, new TypeReference<List<Map<String, Object>>>() {})) {
        blocks.add(
            blockpages_generator.Block.of(
                new Place("blocklists", name), record.get("id").toString(), record));
      }
    }
    return blocks;
  }

  /** All pages. */
  static List<Page> render() throws IOException {
    return blockpages_generator.render(
        blockpages_generator.Site.of(blocks()), URI.create("https://blocked.example.com"));
  }

  /** All pages, as files of a folder. */
  static void write(Path folder) throws IOException {
    for (Page page : render()) {
      Files.write(folder.resolve(page.file()), page.html());
    }
  }

  /** The chart of the sample, into a file. */
  static void writeUptake(Path file) throws IOException {
    Terminal.Outcome outcome =
        new Terminal()
            .run(
                new uptake_health(),
                "--input=" + Project.root().resolve("server/sample/uptake.json"),
                "--previous=" + Project.root().resolve("server/sample/uptake-yesterday.json"),
                "--html=" + file);
    if (outcome.exit() != 1) {
      throw new IOException(outcome.toString());
    }
  }
}
