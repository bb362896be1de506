///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Remove the installed commands from a folder.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs {@code remote-settings-lambdas uninstall} of an installation. */
@Command(
    name = "uninstall",
    usageHelpAutoWidth = true,
    header = {"Remove the installed commands from a folder.", ""},
    description = {"", "Example: ./jbang uninstall ~/.local/bin", ""},
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:removed", "2:not installed there, or cannot be removed"})
public class uninstall implements Callable<Integer> {

  @Parameters(paramLabel = "FOLDER", description = "Folder with the commands.")
  private Path folder;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  private boolean help;

  public static void main(String... args) {
    System.exit(new CommandLine(new uninstall()).execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path installed = folder.resolve("remote-settings-lambdas").toAbsolutePath();
    if (!Files.isExecutable(installed)) {
      System.err.println("uninstall: error: nothing is installed in " + folder);
      System.err.println("hint: expected " + installed);
      return 2;
    }
    return new ProcessBuilder(installed.toString(), "uninstall").inheritIO().start().waitFor();
  }
}
