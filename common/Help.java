//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES HelpGroup.java Setting.java Surroundings.java

package common;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/**
 * What {@code --help} prints: what the command is about and an example, its own options, those that
 * it shares with others, the exit codes, and where to read on.
 */
final class Help {
  private static final int NARROWEST = 40;
  private static final int WIDEST = 120;
  private static final int UNKNOWN = 100;

  private final StringBuilder text = new StringBuilder();
  private final int columns;

  private Help(int columns) {
    this.columns = columns;
  }

  /** The text, without its last line break. */
  static String text(CommandSpec command, Surroundings surroundings) {
    Help help = new Help(columns(surroundings));
    help.begin(command);
    help.options(command);
    help.end(command.name());
    return help.text.toString().stripTrailing();
  }

  /**
   * Those of a terminal, unless {@code COLUMNS} is set, as launchers do: picocli needs a process to
   * look at it. A pipe gets the same text everywhere.
   */
  private static int columns(Surroundings surroundings) {
    if (!surroundings.terminal()) {
      return UNKNOWN;
    }
    String columns = surroundings.environment().getOrDefault("COLUMNS", "");
    int width =
        columns.isEmpty()
            ? new UsageMessageSpec().width(UNKNOWN).autoWidth(true).width()
            : columns.matches("[1-9][0-9]{0,3}") ? Integer.parseInt(columns) : UNKNOWN;
    return Math.clamp(width, NARROWEST, WIDEST);
  }

  private void begin(CommandSpec command) {
    UsageMessageSpec words = command.usageMessage();
    for (String paragraph : words.description()) {
      wrap("", "", paragraph);
    }
    text.append("\nUsage: %s [OPTION ...]\n\n".formatted(command.name()));
    wrap("", "", words.footerHeading());
    for (String line : words.footer()) {
      text.append("  ").append(line).append('\n'); // whole, because it is to be pasted
    }
  }

  private void options(CommandSpec command) {
    text.append('\n');
    wrap(
        "",
        "",
        "Each option can also be set by the variable in brackets, in the environment or in the"
            + " file of --env-file.");
    HelpGroup.Title group = null;
    for (Setting setting : Setting.all(command)) {
      if (setting.group() != group) {
        group = setting.group();
        text.append("\n%s:\n".formatted(group.text));
      }
      String label = setting.label() == null ? "" : "=" + setting.label();
      String value = setting.defaultValue() == null ? "" : ", default " + setting.defaultValue();
      String variables = String.join(" or ", setting.variables());
      row(
          String.join(", ", setting.options()) + label,
          setting.description()
              + (variables.isEmpty() ? "" : " [%s%s]".formatted(variables, value)));
    }
  }

  private void end(String command) {
    text.append("\nVariables without an option:\n");
    row(
        "HTTPS_PROXY, HTTP_PROXY",
        "proxy, as http://[USER:PASSWORD@]HOST:PORT; never for loopback");
    row("NO_PROXY", "hosts, domains, addresses and networks that need no proxy, comma separated");
    row("NO_COLOR", "no colour on a terminal, whatever its value");
    text.append("\nExit codes:\n");
    code("0", "all well, or nothing to do");
    code("1", "findings, and the run is complete");
    code("2", "no full verdict: usage, server, a part not done, a bug; it outranks 1");
    code("130", "Ctrl-C; 129 after HUP, 143 after TERM: what was done so far is printed");
    code("141", "the program that reads the output has ended");
    text.append("\nMore in the repository:\n");
    wrap("  ", "  ", "docs/" + command + ".md");
    wrap("  ", "    ", "docs/runbooks/README.md, if something is wrong");
  }

  private void row(String name, String description) {
    wrap("  ", "  ", name);
    wrap("        ", "        ", description);
  }

  private void code(String code, String meaning) {
    wrap("  %-5s".formatted(code), "       ", meaning);
  }

  private void wrap(String begin, String indent, String sentence) {
    StringBuilder line = new StringBuilder(begin);
    for (String word : sentence.split(" ")) {
      if (line.length() + word.length() >= columns && line.length() > indent.length()) {
        text.append(line.toString().stripTrailing()).append('\n');
        line = new StringBuilder(indent);
      }
      line.append(word).append(' ');
    }
    text.append(line.toString().stripTrailing()).append('\n');
  }
}
