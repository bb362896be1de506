///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Start a local Remote Settings with sample content and run every command against it.
//JAVA 25+
//SOURCES ../deploy/Project.java RemoteSettingsServer.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Shows what the commands do: starts the embedded server with sample content on a free port, then
 * runs each command as a user types it, and shows command lines and output. Some commands run again
 * with a fault, to show what a finding looks like.
 *
 * <p>Exits with 0 if every command exits as expected, else with 2.
 */
public class demo {

  /**
   * A command line to run.
   *
   * @param why printed above the command line
   * @param fault switched on during the run; empty for none
   * @param expected exit code
   */
  private record Step(
      String why, String fault, String script, List<String> arguments, int expected) {

    /** A step without fault and findings. */
    Step(String why, String script, List<String> arguments) {
      this(why, "", script, arguments, 0);
    }
  }

  private static final String USAGE = "Usage: ./jbang demo\n";
  private static final String HELP =
      """
      Start a local Remote Settings with sample content, and run every command on it.

      %s
      It shows what you would type and what you would see, and asks no other server.
      It takes half a minute, and some minutes the first time. It leaves a folder
      with pages to look at.

      Exit codes:
        0  every command did what it should
        2  one did not
      """
          .formatted(USAGE);

  /** Placeholder for a temporary folder, which is kept. */
  private static final String FOLDER = "FOLDER";

  private static final List<Step> STEPS =
      List.of(
          new Step(
              "Does every announced collection carry a valid signature of its records? One has no"
                  + " records yet:",
              "validate_signature.java",
              List.of()),
          new Step(
              "The same, after one character of a record was changed on the way to the client:",
              "altered-record=main/regions",
              "validate_signature.java",
              List.of("--only", "main/*"),
              1),
          new Step(
              "Does every collection have the timestamp that monitor/changes announces?",
              "validate_changes_collection.java",
              List.of("--only", "main/*")),
          new Step(
              "Do source, preview and destination agree with the status of each collection?",
              "consistency_checks.java",
              List.of()),
          new Step(
              "The same, while clients get a record that nobody approved:",
              "altered-record=main/regions",
              "consistency_checks.java",
              List.of("--only", "main/*"),
              1),
          new Step(
              "Which signatures are older than four days? --dry-run changes nothing:",
              "refresh_signature.java",
              List.of("--only", "main/*", "--max-signature-age", "4", "--dry-run")),
          new Step(
              "Ask the server to sign those collections again, and verify the new signatures:",
              "refresh_signature.java",
              List.of("--only", "main/*", "--max-signature-age", "4", "--verify")),
          new Step(
              "Copy some records to a new collection, and request a review:",
              "backport_records.java",
              List.of(
                  "--backport-records-mappings",
                  "main/regions?in_id=br,jp -> main-workspace/nearby",
                  "--create-destination")),
          new Step(
              "The same with two more records; the server refuses one of them:",
              "403=PUT /v1/buckets/main-workspace/collections/nearby/records/ch",
              "backport_records.java",
              List.of(
                  "--backport-records-mappings",
                  "main/regions?in_id=br,ch,gr,jp -> main-workspace/nearby"),
              2),
          new Step(
              "Why was an add-on blocked? Render the blocklist as pages in a folder:",
              "blockpages_generator.java",
              List.of("--target-dir", FOLDER, "--quiet")),
          new Step(
              "How many clients fail to update? Judge a saved result of Telemetry, and draw a"
                  + " chart:",
              "",
              "uptake_health.java",
              List.of("--input", "server/sample/uptake.json", "--html", FOLDER + "/uptake.html"),
              1));

  /** The variable with which each command gets the credentials of the sample server. */
  private static final Map<String, String> CREDENTIALS =
      Map.of(
          "backport_records.java", "BACKPORT_RECORDS_SOURCE_AUTH",
          "consistency_checks.java", "AUTH",
          "refresh_signature.java", "REFRESH_SIGNATURE_AUTH");

  private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  public static void main(String... arguments) throws IOException, InterruptedException {
    System.exit(arguments.length > 0 ? usage(arguments) : new demo().run(Project.root()));
  }

  private static int usage(String... arguments) {
    boolean asksForHelp = arguments[0].matches("-h|--help");
    (asksForHelp ? System.out : System.err).print(asksForHelp ? HELP : USAGE);
    return asksForHelp ? 0 : 2;
  }

  private int run(Path root) throws IOException, InterruptedException {
    List<String> wrong = new ArrayList<>();
    Path folder = Files.createTempDirectory("demo-");
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Map<String, String> settings =
          Map.of("SERVER", server.url().toString(), "ROOT_HASH", server.authority().rootHash());
      out.println(
          """
          Remote Settings is how Firefox gets new data, such as blocklists, without a new release:
          clients read collections of records from a server, and verify their signatures.
          People edit a source. After a review, the server signs it, and publishes it to a preview
          and to a destination, which clients read.

          A small server with sample content runs now. Each command asks it, as you would type it.
          Sometimes the server has a fault, to show what you would see.

          $ export SERVER=%s
          $ export ROOT_HASH=%s\
          """
              .formatted(settings.get("SERVER"), settings.get("ROOT_HASH")));
      for (Step step : STEPS) {
        server.clearFaults();
        if (!step.fault().isEmpty()) {
          server.fault(step.fault());
        }
        out.println();
        out.println("# " + step.why());
        int exit = runStep(root, step, settings, folder);
        if (exit != step.expected()) {
          wrong.add(step.script() + " exited with " + exit + " instead of " + step.expected());
        }
      }
    }
    out.println();
    wrong.forEach(line -> System.err.println("demo: error: " + line));
    if (wrong.isEmpty()) {
      out.println(whatNext(folder));
    }
    return wrong.isEmpty() ? 0 : 2;
  }

  /** Runs a step with this program's own input and output, as if it had been typed. */
  private int runStep(Path root, Step step, Map<String, String> settings, Path folder)
      throws IOException, InterruptedException {
    boolean isWindows = System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("windows");
    List<String> command = new ArrayList<>();
    command.add(isWindows ? "jbang" : "./jbang");
    command.add(step.script());
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
    builder.environment().putAll(settings);
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

  /**
   * What to do with a server of one's own. A line with two spaces before it is typed, one with four
   * stands in the file that the line above them makes.
   */
  static String whatNext(Path folder) {
    return """
    That was the demo. Look at its pages in a browser: index.html and uptake.html in
    %s

    Next, a server of your own. Two checks need no account there:
      ./jbang validate_signature.java --server https://settings.example.com/v1
      ./jbang validate_changes_collection.java --server https://settings.example.com/v1
    Unless the server is Mozilla's, the first asks for ROOT_HASH. That is the SHA-256 fingerprint
    of the root certificate of its signatures; the people who run its signer know it.

    The others need an account. Make a file that only you can read, and write yours into it:
      install -m 600 /dev/null ~/settings.env
        SERVER=https://settings.example.com/v1
        ROOT_HASH=AA:BB:CC:...
        AUTH=user:password
        REFRESH_SIGNATURE_AUTH=user:password
        BACKPORT_RECORDS_SOURCE_AUTH=user:password
        BACKPORT_RECORDS_MAPPINGS=main/regions?in_id=br,jp -> main-workspace/nearby
      ./jbang consistency_checks.java --env-file ~/settings.env
    Two commands write. With --dry-run they only show what they would do:
      ./jbang refresh_signature.java --env-file ~/settings.env --dry-run
      ./jbang backport_records.java --env-file ~/settings.env --create-destination --dry-run

    Then install the commands, let them run on a schedule, and know what to do about findings:
      ./jbang install "$HOME/.local/bin"
    docs/schedules.md and docs/runbooks/README.md have the rest.\
    """
        .formatted(folder);
  }
}
