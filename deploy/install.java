///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Install the seven commands into a folder, so that they start fast and need no JBang.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../backport_records.java ../blockpages_generator.java ../consistency_checks.java
//SOURCES ../refresh_signature.java ../uptake_health.java ../validate_changes_collection.java
//SOURCES ../validate_signature.java ../common/StatusLine.java Project.java ClassPath.java Installation.java Jar.java
//SOURCES LaunchedCommand.java Training.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.StatusLine;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Installs the seven commands into a folder: launchers, each of which starts one JVM, and copies of
 * everything that they need. Afterwards, neither JBang nor the project's folder is needed.
 *
 * <p>Installing again upgrades. Nothing outside of the folder is changed; the lines for a shell's
 * start-up file are only printed.
 */
@Command(
    name = "install",
    usageHelpAutoWidth = true,
    header = {
      "Install the seven commands into a folder, so that they start fast and need no JBang.",
      ""
    },
    description = {
      "",
      "Example: ./jbang install ~/.local/bin",
      "",
      "FOLDER/remote-settings-lambdas lists them, prints completion for bash and zsh, and"
          + " uninstalls. Installing again upgrades.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the commands are installed",
      "2:not installed; commands from an earlier installation still run"
    })
public class install implements Callable<Integer> {

  @Parameters(paramLabel = "FOLDER", description = "Folder to install into, like ~/.local/bin.")
  private Path folder;

  @Option(
      names = "--java",
      paramLabel = "HOME",
      description =
          "Home of the Java 25 or newer that runs the commands; a link that survives updates is"
              + " best. Unset: the Java of this run.")
  private Path java = Path.of(System.getProperty("java.home"));

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  private boolean help;

  private volatile String step = "reading what the commands need";
  private final StatusLine status = StatusLine.ofProcess(() -> step);

  public static void main(String... args) {
    System.exit(new CommandLine(new install()).execute(args));
  }

  @Override
  public Integer call() throws URISyntaxException {
    try (status) {
      if (System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("windows")) {
        throw new Installation.Refused(
            "the launchers are shell scripts, which Windows cannot run",
            "on Windows, install each command with jbang app install");
      }
      checkJava();
      Path root = Project.root();
      Path own = Path.of(install.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      List<Installation.Program> programs =
          programs(root, new ClassPath(root, "deploy/install.java", own));
      Path scratch = Files.createTempDirectory("install-");
      try (Training training = new Training(root, scratch)) {
        List<String> names = new ArrayList<>(List.of("LaunchedCommand"));
        programs.forEach(program -> names.add(program.name()));
        Jar classes = new Jar(own, names);
        new Installation(folder, programs, now -> step = now)
            .install(java, classes, training::run, this::say);
      } finally {
        Installation.delete(scratch);
      }
      status.close();
      sayWhatNext(programs);
      return 0;
    } catch (Installation.Refused e) {
      say("error: " + e.getMessage());
      System.err.println("hint: " + e.hint());
      return 2;
    } catch (IOException e) {
      say("error: " + Installation.reason(e));
      return 2;
    }
  }

  private void say(String line) {
    status.erase();
    System.err.println("install: " + line);
  }

  private void checkJava() throws IOException, Installation.Refused {
    Path release = java.resolve("release");
    String version =
        Files.isReadable(release) && Files.isExecutable(java.resolve("bin/java"))
            ? Pattern.compile("(?m)^JAVA_VERSION=\"(\\d+).*")
                .matcher(Files.readString(release))
                .results()
                .map(line -> line.group(1))
                .findFirst()
                .orElse("0")
            : "0";
    if (Integer.parseInt(version) < 25) {
      throw new Installation.Refused(
          "--java: %s is not the home of a Java 25 or newer".formatted(java),
          "expected a folder with bin/java and a file named release");
    }
    java = java.toAbsolutePath(); // does not resolve a link, so that updates of Java count
  }

  /** The commands: the scripts in the project's folder, with their directives. */
  private static List<Installation.Program> programs(Path root, ClassPath classPath)
      throws IOException {
    List<Path> scripts;
    try (Stream<Path> files = Files.list(root)) {
      scripts = files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
    List<Installation.Program> programs = new ArrayList<>();
    for (Path script : scripts) {
      String file = script.getFileName().toString();
      String text = Files.readString(script);
      programs.add(
          new Installation.Program(
              file.replace(".java", ""),
              String.join(" ", directives(text, "DESCRIPTION")),
              classPath.of(file),
              directives(text, "RUNTIME_OPTIONS").stream()
                  .flatMap(line -> Stream.of(line.split(" ")))
                  .toList()));
    }
    return programs;
  }

  private static List<String> directives(String script, String name) {
    return Pattern.compile("(?m)^//" + name + " (.*)$")
        .matcher(script)
        .results()
        .map((MatchResult line) -> line.group(1).strip())
        .toList();
  }

  private void sayWhatNext(List<Installation.Program> programs) throws IOException {
    Path bin = folder.toAbsolutePath().normalize();
    System.out.println("Installed into " + bin + ":");
    programs.forEach(program -> System.out.println("  " + program.name()));
    System.out.println("  " + Installation.DISPATCHER);
    List<Path> path =
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
            .filter(entry -> !entry.isEmpty())
            .map(Path::of)
            .toList();
    if (path.stream().noneMatch(entry -> entry.toAbsolutePath().normalize().equals(bin))) {
      say("warning: %s is not on your PATH".formatted(bin));
      System.err.println("hint: export PATH=\"%s:$PATH\"".formatted(bin));
    } else {
      for (Installation.Program program : programs) {
        path.stream()
            .map(entry -> entry.resolve(program.name()))
            .filter(Files::isExecutable)
            .findFirst()
            .filter(first -> !first.toAbsolutePath().normalize().startsWith(bin))
            .ifPresent(first -> say("warning: %s comes first on your PATH".formatted(first)));
      }
    }
    System.out.println(
        "Completion, in bash and zsh: source <(%s completion)".formatted(Installation.DISPATCHER));
  }
}
