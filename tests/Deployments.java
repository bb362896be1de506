//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Looks at crontabs, units of systemd, workflows of GitHub Actions, manifests of Kubernetes and
 * templates of CloudFormation: each by the program that is made for it, but for crontabs, for which
 * there is none. What is wrong is returned; nothing is all well.
 */
final class Deployments {

  /** Where the files below {@code deploy/} expect the commands. */
  static final String INSTALLED = "/opt/remote-settings-lambdas/bin";

  private static final Pattern ASSIGNMENT = Pattern.compile("([A-Za-z_]\\w*)\\s*=\\s*(.*)");
  private static final Pattern SCHEDULE = Pattern.compile("((?:\\S+\\s+){5})(\\S.*)");
  private static final List<String> FIELDS =
      List.of("minute", "hour", "day of the month", "month", "day of the week");
  private static final int[][] RANGES = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};

  private Deployments() {}

  /**
   * A crontab of a user.
   *
   * @param variables those that it sets
   * @param commands as the shell gets them
   * @param wrong what a cron would refuse, or take for something else
   */
  record Crontab(Map<String, String> variables, List<String> commands, List<String> wrong) {}

  static Crontab crontab(String text) {
    Map<String, String> variables = new LinkedHashMap<>();
    List<String> commands = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (String line : text.split("\n")) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      Matcher assignment = ASSIGNMENT.matcher(line);
      Matcher schedule = SCHEDULE.matcher(line);
      if (assignment.matches()) {
        variables.put(
            assignment.group(1), assignment.group(2).replaceAll("^([\"'])(.*)\\1$", "$2"));
      } else if (!schedule.matches()) {
        wrong.add("neither a variable nor five fields and a command: " + line);
      } else {
        schedule(schedule.group(1)).forEach(problem -> wrong.add(problem + ": " + line));
        if (Pattern.compile("(?<!\\\\)%").matcher(schedule.group(2)).find()) {
          wrong.add("cron takes % for the end of the line, \\% is one: " + line);
        }
        commands.add(schedule.group(2).replace("\\%", "%"));
      }
    }
    return new Crontab(variables, commands, wrong);
  }

  /** What is wrong with the five fields of a schedule. */
  static List<String> schedule(String text) {
    List<String> wrong = new ArrayList<>();
    String[] fields = text.strip().split("\\s+");
    if (fields.length != FIELDS.size()) {
      return List.of("not five fields: " + text);
    }
    for (int i = 0; i < fields.length; i++) {
      for (String part : fields[i].split(",", -1)) {
        if (!isWithin(part, RANGES[i])) {
          wrong.add("'" + part + "' is not a valid " + FIELDS.get(i));
        }
      }
    }
    return wrong;
  }

  private static boolean isWithin(String part, int[] range) {
    Matcher field =
        Pattern.compile("(?:\\*|(\\d{1,2})(?:-(\\d{1,2}))?)(?:/(\\d{1,2}))?").matcher(part);
    if (!field.matches()) {
      return false;
    }
    int from = field.group(1) == null ? range[0] : Integer.parseInt(field.group(1));
    int to = field.group(2) == null ? from : Integer.parseInt(field.group(2));
    int step = field.group(3) == null ? 1 : Integer.parseInt(field.group(3));
    boolean isRange = field.group(1) == null || field.group(2) != null;
    return from >= range[0]
        && from <= to
        && to <= range[1]
        && step >= 1
        && (field.group(3) == null || (isRange && step <= range[1]));
  }

  /**
   * Units, each in a file of its name. A template is looked at as an instance for each of these
   * commands. The programs that they start need not be there.
   *
   * @param units text by file name
   */
  static List<String> systemd(Map<String, String> units, List<String> commands, Path folder)
      throws IOException {
    Path analyze = Peers.SYSTEMD_ANALYZE.path();
    Path bin = Files.createDirectories(folder.resolve("bin"));
    for (String command : commands) {
      program(bin.resolve(command), "exit 0\n");
    }
    List<Object> line = new ArrayList<>(List.of(analyze, "verify", "--man=no"));
    for (Map.Entry<String, String> unit : units.entrySet()) {
      String text = unit.getValue().replace(INSTALLED, bin.toString());
      if (unit.getKey().contains("@.")) {
        for (String command : commands) {
          Path file = folder.resolve(unit.getKey().replace("@.", "@" + command + "."));
          Files.writeString(file, text);
          line.add(file);
        }
      } else {
        line.add(Files.writeString(folder.resolve(unit.getKey()), text));
      }
    }
    // the machine's own units may have faults, too
    return said(line).stream().filter(said -> !said.contains("/lib/systemd/")).toList();
  }

  static List<String> workflow(Path file) {
    return said(
        List.of(
            Peers.ACTIONLINT.path(), "-no-color", "-oneline", "-shellcheck=", "-pyflakes=", file));
  }

  static List<String> kubernetes(Path file) {
    return said(List.of(Peers.KUBERNETES_VALIDATE.path(), "--strict", "--quiet", file));
  }

  /** All but its rules on the days on which AWS retires a runtime: they ask the system's clock. */
  static List<String> cloudFormation(Path file) {
    List<Object> line = new ArrayList<>(List.of(Peers.CFN_LINT.path(), "--format", "parseable"));
    line.addAll(List.of("--ignore-checks", "W2531", "E2531", "E2533", "--", file));
    return said(line);
  }

  /** What a program that looks at something has against it. */
  private static List<String> said(List<Object> command) {
    Project.Outcome outcome = Project.run(command.toArray()).go();
    List<String> lines =
        Stream.concat(outcome.stdout().lines(), outcome.stderr().lines())
            .filter(line -> !line.isBlank())
            .toList();
    return outcome.exit() != 0 && lines.isEmpty()
        ? List.of(command.getFirst() + " ended with " + outcome.exit())
        : lines;
  }

  /** Writes a program for the shell. */
  static void program(Path file, String text) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + text);
    if (!file.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + file + " executable");
    }
  }
}
