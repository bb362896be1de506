//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES Differences.java
//SOURCES S3Server.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java

import common.Runner;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A command line and all that it prints, as a text file of {@code tests/golden/COMMAND/}:
 *
 * <pre>
 * # why this case is here
 * fault altered-record=main/regions        of the embedded server, which has the sample content
 * put main/regions {"id": "x"}             a record, without signing; likewise delete, edit (of
 *                                          attributes), unset (one of them), create, drop, announce
 * bucket backup                            a bucket that the editor may write and nobody signs
 * answer /v1/ {"capabilities": {}}         whatever the server has to say there
 * redash server/sample/uptake.json          a Redash beside it, with this result, or as typed here
 * REQUESTS_NB_RETRIES=1                    in the environment; ROOT stands for the server's root,
 *                                          FOLDER for a new folder, S3 for the address of an S3,
 *                                          \\n for a line break
 * $ validate_signature --only 'main/*'
 * what stdout shows
 * --- stderr
 * what stderr shows
 * --- exit 1
 * </pre>
 *
 * <p>What differs from run to run is replaced: the port, hashes of roots, times taken, waits.
 * {@code TranscriptsTest} compares all files, or writes them.
 */
record Transcript(Path file, List<String> head, String command) {

  private static final Pattern CHANGE =
      Pattern.compile(
          "(fault|put|delete|edit|unset|create|drop|announce|answer|bucket|redash) (.*)");
  private static final Pattern ARGUMENT = Pattern.compile("'([^']*)'|(\\S+)");

  static Stream<Transcript> of(String command) throws IOException {
    try (Stream<Path> files = Files.list(Project.root().resolve("tests/golden/" + command))) {
      return files.sorted().map(Transcript::read).toList().stream();
    }
  }

  /** The one of that name, which is its file's without the ending. */
  static Transcript of(String command, String name) {
    return read(Project.root().resolve("tests/golden/%s/%s.txt".formatted(command, name)));
  }

  private static Transcript read(Path file) {
    try {
      List<String> lines = Files.readAllLines(file);
      int prompt = 0;
      while (!lines.get(prompt).startsWith("$ ")) {
        prompt++;
      }
      return new Transcript(file, lines.subList(0, prompt), lines.get(prompt).substring(2));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** The file's name without its ending. */
  String name() {
    return file.getFileName().toString().replaceFirst("\\.txt$", "");
  }

  /** Runs the command line, and compares what it prints with the file, or writes it there. */
  void check(Map<String, Supplier<Runner.Command>> commands, String test) throws IOException {
    List<String> lines = new ArrayList<>(head);
    lines.add("$ " + command);
    play(
        commands,
        Map.of(),
        (outcome, server, folder) ->
            lines.add(normalised(outcome.toString(), server).replace(folder.toString(), "FOLDER")));
    Differences.assertFile(file, String.join("\n", lines) + "\n", test);
  }

  /** Runs the command line for a JSON document instead. */
  JsonNode document(Map<String, Supplier<Runner.Command>> commands) throws IOException {
    List<JsonNode> documents = new ArrayList<>();
    play(
        commands,
        Map.of("FORMAT", "json"),
        (outcome, _, _) -> documents.add(Store.JSON.readTree(outcome.stdout())));
    return documents.getFirst();
  }

  private interface Use {
    void use(Terminal.Outcome outcome, RemoteSettingsServer server, Path folder) throws IOException;
  }

  private void play(
      Map<String, Supplier<Runner.Command>> commands, Map<String, String> settings, Use use)
      throws IOException {
    Path folder = Files.createTempDirectory("transcript-");
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder()
            .clock(Clock.fixed(Terminal.NOW, ZoneOffset.UTC))
            .trickleEvery(Duration.ofMillis(50))
            .sample(true)
            .start()) {
      Terminal terminal = new Terminal().set("SERVER", server.url());
      settings.forEach(terminal::set);
      for (String line : head) {
        Matcher change = CHANGE.matcher(line);
        if (change.matches() && change.group(1).equals("redash")) {
          terminal.set("REDASH_API_QUERY_URL", redash(server, change.group(2).strip()));
        } else if (change.matches()) {
          change(server, change.group(1), change.group(2).strip());
        } else if (!line.startsWith("#") && !line.isBlank()) {
          String[] setting = line.split("=", 2);
          String value = setting[1].equals("S3") ? S3Server.S3MOCK.url().toString() : setting[1];
          terminal.set(
              setting[0],
              value
                  .replace("ROOT", server.authority().rootHash())
                  .replace("FOLDER", folder.toString())
                  .replace("\\n", "\n"));
        }
      }
      List<String> arguments = arguments(command.replace("FOLDER", folder.toString()));
      Terminal.Outcome outcome =
          terminal.run(
              commands.get(arguments.getFirst()).get(),
              arguments.subList(1, arguments.size()).toArray(String[]::new));
      use.use(outcome, server, folder);
    } finally {
      Peers.delete(folder);
    }
  }

  /** The address of a query's result. */
  private static URI redash(RemoteSettingsServer server, String result) throws IOException {
    String path = "/api/queries/61352/results.json";
    String json =
        result.startsWith("{") ? result : Files.readString(Project.root().resolve(result));
    server.answer(path, 200, "application/json", json);
    return server.url().resolve(path);
  }

  /** What a line above the command says of the server: {@code drop main/regions}. */
  static void change(RemoteSettingsServer server, String line) {
    Matcher change = CHANGE.matcher(line);
    if (!change.matches() || change.group(1).equals("redash")) {
      throw new IllegalArgumentException("no change of a server: " + line);
    }
    change(server, change.group(1), change.group(2).strip());
  }

  private static void change(RemoteSettingsServer server, String verb, String rest) {
    String[] words = rest.split(" ", 2);
    String[] names = words[0].split("/", 2);
    switch (verb) {
      case "fault" -> server.fault(rest);
      case "announce" -> server.announce(rest);
      case "bucket" -> server.bucket(rest);
      case "answer" -> {
        int body = rest.indexOf(" {");
        server.answer(rest.substring(0, body), 200, "application/json", rest.substring(body + 1));
      }
      case "create" -> server.create(names[0], names[1]);
      case "drop" -> server.store().drop(names[0], names[1]);
      case "put" -> server.put(names[0], names[1], words[1]);
      case "delete" -> server.delete(names[0], names[1], words[1]);
      case "unset" ->
          server.edit(names[0], names[1], attributes -> attributes.remove(List.of(words[1])));
      default ->
          server.edit(
              names[0],
              names[1],
              attributes -> attributes.setAll((ObjectNode) Store.JSON.readTree(words[1])));
    }
  }

  private static List<String> arguments(String line) {
    List<String> arguments = new ArrayList<>();
    Matcher matcher = ARGUMENT.matcher(line);
    while (matcher.find()) {
      arguments.add(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
    }
    return arguments;
  }

  /** Replaces what differs from run to run. */
  static String normalised(String output, RemoteSettingsServer server) {
    return normalised(output)
        .replace(":" + server.port() + "/", ":8888/")
        .replace(server.authority().rootHash(), "A1:B2:…")
        .replaceAll("\\b([0-9A-F]{2}:){31}[0-9A-F]{2}\\b", "C3:D4:…")
        .replaceAll("-[0-9A-F]{4}\\.chain", "-0000.chain")
        .replaceAll("http://127\\.0\\.0\\.1:(?!8888)\\d+", "http://127.0.0.1:9090");
  }

  /** Replaces the times taken and what is random. */
  static String normalised(String output) {
    return output
        .replaceAll("\\(\\d+\\.\\d\\ds\\)", "(0.02s)")
        .replaceAll("_expected=9999\\d{9}\\b", "_expected=0")
        .replaceAll("trying again in [0-9.]+ s", "trying again in 0.4 s")
        .replaceAll("waiting 0\\.\\d s", "waiting 0.4 s");
  }
}
