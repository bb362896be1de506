//JAVA 25+
//SOURCES ../common/Runner.java ../common/Surroundings.java

import common.Runner;
import common.Surroundings;
import java.util.Arrays;

/**
 * Runs a command for its launcher ({@code launcher.sh}), which waits for the end of the JVM.
 *
 * <p>A JVM that does not start ends with 1, and after options such as {@code -Xlog:help} with 0, as
 * if there were a verdict. So a verdict has exit codes here that no JVM ends with by itself: 100
 * for 0, 101 for 1, 102 for 2. The launcher turns them back, and everything else into 2.
 *
 * <p>The name of its thread tells the launcher that Java has started: a signal before that makes a
 * JVM print a stack trace.
 */
final class LaunchedCommand {

  private LaunchedCommand() {}

  /**
   * The program that a launcher starts.
   *
   * @param args the command's name, and its arguments
   */
  public static void main(String... args) {
    Thread.currentThread().setName("command");
    int code;
    try {
      Object command = Class.forName(args[0]).getDeclaredConstructor().newInstance();
      String[] arguments = Arrays.copyOfRange(args, 1, args.length);
      code = Runner.execute((Runner.Command) command, Surroundings.real(), arguments);
    } catch (Throwable e) {
      System.err.println("%s: error: unexpected %s".formatted(args[0], e));
      System.err.println("hint: install it again: ./jbang install FOLDER");
      code = 2;
    }
    System.exit(code <= 2 ? 100 + code : code);
  }
}
