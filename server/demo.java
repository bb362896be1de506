///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: start a local Remote Settings with sample content and run every command against it.
//JAVA 25+
//SOURCES ../deploy/Project.java RemoteSettingsServer.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Shows what the commands do, on a server of its own: starts the embedded one with sample content
 * on a free port, then runs each command as a user types it and shows command line and output. One
 * of them runs a second time after it has spoiled a record, to show what a finding looks like.
 *
 * <p>Exits with 0 when every command ended as it should, else with 2.
 */
public class demo {

  /**
   * One command line.
   *
   * @param why what it shows, above it
   * @param fault switched on for it, empty for none
   * @param expected its exit code
   */
  private record Step(
      String why, String fault, String script, List<String> arguments, int expected) {

    /** One that finds nothing wrong. */
    Step(String why, String script, List<String> arguments) {
      this(why, "", script, arguments, 0);
    }
  }

  /** Stands for a folder that is made for the demo, and kept. */
  private static final String FOLDER = "FOLDER";

  private static final List<Step> STEPS =
      List.of(
          new Step(
              "Does every announced collection carry a valid signature of its records?",
              "validate_signature.java",
              List.of()),
          new Step(
              "The same after one character of one record has changed on the way:",
              "altered-record=main/regions",
              "validate_signature.java",
              List.of("--only", "main/*"),
              1),
          new Step(
              "Is every announced collection at the timestamp that is announced for it?",
              "validate_changes_collection.java",
              List.of()),
          new Step(
              "Do source, preview and destination agree with the status of each collection?",
              "consistency_checks.java",
              List.of()),
          new Step(
              "The same where clients get a record that nobody approved:",
              "altered-record=main/regions",
              "consistency_checks.java",
              List.of("--only", "main/*"),
              1),
          new Step(
              "What would be signed again?",
              "refresh_signature.java",
              List.of("--dry-run", "--max-signature-age", "4")),
          new Step(
              "Sign it again, and verify the new signatures:",
              "refresh_signature.java",
              List.of("--max-signature-age", "4", "--verify")),
          new Step(
              "Copy some records into a collection of its own, and ask for their review:",
              "backport_records.java",
              List.of(
                  "--backport-records-mappings",
                  "main/regions?in_id=br,jp -> main-workspace/nearby",
                  "--create-destination")),
          new Step(
              "The same while a record more is refused: the others are copied.",
              "403=PUT /v1/buckets/main-workspace/collections/nearby/records/ch",
              "backport_records.java",
              List.of(
                  "--backport-records-mappings",
                  "main/regions?in_id=br,ch,gr,jp -> main-workspace/nearby"),
              2),
          new Step(
              "Why was an add-on blocked? Render the blocklist as pages, into a folder:",
              "blockpages_generator.java",
              List.of("--target-dir", FOLDER)),
          new Step(
              "What did clients report of all that? A saved result of Telemetry, and a chart of"
                  + " it:",
              "",
              "uptake_health.java",
              List.of("--input", "server/sample/uptake.json", "--html", FOLDER + "/uptake.html"),
              1));

  /** Those that ask no Remote Settings server. */
  private static final Set<String> WITHOUT_SERVER = Set.of("uptake_health.java");

  /** Accounts of the sample server; a runbook has its own, in a file that only it can read. */
  private static final Map<String, String> CREDENTIALS =
      Map.of(
          "backport_records.java", "BACKPORT_RECORDS_SOURCE_AUTH",
          "consistency_checks.java", "AUTH",
          "refresh_signature.java", "REFRESH_SIGNATURE_AUTH");

  private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  /** One line in {@code main}, as in every script. */
  public static void main(String... arguments) throws IOException, InterruptedException {
    System.exit(arguments.length > 0 ? usage(arguments) : new demo().run(Project.root()));
  }

  private static int usage(String... arguments) {
    System.err.println("usage: ./jbang demo");
    return arguments[0].matches("-h|--help") ? 0 : 2;
  }

  private int run(Path root) throws IOException, InterruptedException {
    List<String> wrong = new ArrayList<>();
    Path folder = Files.createTempDirectory("demo-");
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      out.println("A Remote Settings with sample content runs on " + server.url());
      for (Step step : STEPS) {
        server.clearFaults();
        if (!step.fault().isEmpty()) {
          server.fault(step.fault());
        }
        out.println();
        out.println("# " + step.why());
        int exit = type(root, step, server.url(), folder);
        if (exit != step.expected()) {
          wrong.add(step.script() + " ended with " + exit + " instead of " + step.expected());
        }
      }
    }
    out.println();
    wrong.forEach(line -> System.err.println("demo: error: " + line));
    if (wrong.isEmpty()) {
      sayWhatNext(folder);
    }
    return wrong.isEmpty() ? 0 : 2;
  }

  /** Runs it with this program's own input and output, so that it looks as it does by hand. */
  private int type(Path root, Step step, URI server, Path folder)
      throws IOException, InterruptedException {
    boolean isWindows = System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("windows");
    List<String> command = new ArrayList<>();
    command.add(isWindows ? "jbang" : "./jbang");
    command.add(step.script());
    if (!WITHOUT_SERVER.contains(step.script())) {
      command.add("--server");
      command.add(server.toString());
    }
    for (String argument : step.arguments()) {
      command.add(argument.replace(FOLDER, folder.toString()));
    }
    String shown = String.join(" ", command.stream().map(demo::quoted).toList());
    String variable = CREDENTIALS.get(step.script());
    out.println("$ " + (variable == null ? "" : variable + "=editor:editor ") + shown);
    if (!isWindows) {
      command.set(0, root.resolve("jbang").toString());
    }
    ProcessBuilder builder = new ProcessBuilder(command).directory(root.toFile()).inheritIO();
    if (variable != null) {
      builder.environment().put(variable, "editor:editor");
    }
    Process process = builder.start();
    int exit = process.waitFor();
    out.println("(exit code " + exit + ")");
    return exit;
  }

  private static String quoted(String argument) {
    return argument.matches("[\\w./:-]+") ? argument : "'" + argument + "'";
  }

  private void sayWhatNext(Path folder) {
    out.println(
        """
        That was the demo. What to try next:
          ./jbang local_server --sample              the same server, to keep, on port 8888
          ./jbang validate_signature.java            its collections: it is the default server
          ./jbang local_server --help                the faults that it can be asked for
          ./jbang validate_signature.java --help     settings and exit codes
          ./jbang test                               the tests
        The pages that were rendered, to open in a browser:
          %s
          %s\
        """
            .formatted(folder.resolve("index.html"), folder.resolve("uptake.html")));
  }
}
