//JAVA 25+
//SOURCES Display.java

package common;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * The lowest line of a terminal. While nothing else is printed, it says what goes on and counts the
 * seconds, so that nobody takes a long step for a hang.
 */
public final class StatusLine implements AutoCloseable {
  private static final Duration PERIOD = Duration.ofSeconds(1);
  private static final int WIDTH = 78;
  private static final String ERASE = "\r\u001b[K";

  private final PrintStream err;
  private final long start = System.nanoTime();
  private boolean isDrawn;
  private boolean hasJustErased;
  private boolean closed;

  /**
   * @param period how often the count is drawn, or null to draw nothing
   * @param activity what goes on, or an empty text
   */
  public StatusLine(PrintStream err, Duration period, Supplier<String> activity) {
    this.err = err;
    this.closed = period == null;
    if (!closed) {
      Thread.ofPlatform().daemon().start(() -> count(period, activity));
    }
  }

  /** That of this process, also erased when Ctrl-C ends it. */
  public static StatusLine ofProcess(Supplier<String> activity) {
    StatusLine line = new StatusLine(System.err, period(), activity);
    Runtime.getRuntime().addShutdownHook(new Thread(line::close));
    return line;
  }

  /** How often to draw on the terminal of this process; null if stderr does not lead to one. */
  public static Duration period() {
    try {
      int mode = (int) Files.getAttribute(Path.of("/dev/fd/2"), "unix:mode");
      boolean isCharacterDevice =
          (mode & 0170000) == 0020000; // so is /dev/null, where nobody looks
      return isCharacterDevice && !"dumb".equals(System.getenv("TERM")) ? PERIOD : null;
    } catch (IOException | RuntimeException e) {
      return null; // Windows has no such file
    }
  }

  /** Prints a line where the status line of somebody else may stand. */
  public static void println(PrintStream err, String line) {
    err.println((period() == null ? "" : ERASE) + line);
  }

  private void count(Duration period, Supplier<String> activity) {
    try {
      while (!isClosed()) {
        Thread.sleep(period);
        String what = activity.get();
        long seconds = Duration.ofNanos(System.nanoTime() - start).toSeconds();
        draw(seconds + " s" + (what.isEmpty() ? "" : ", " + what));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  synchronized boolean isClosed() {
    return closed;
  }

  /**
   * Draws it without line wrap, because a line that wraps could not be erased. A line that has just
   * been printed, perhaps by way of another program, has a period to come before it.
   */
  private synchronized void draw(String text) {
    if (!closed && !hasJustErased) {
      err.print(ERASE + "\u001b[?7l" + Display.cut(text, WIDTH) + "\u001b[?7h");
      err.flush();
      isDrawn = true;
    }
    hasJustErased = false;
  }

  /** Makes way for another line. The next count comes below it. */
  public synchronized void erase() {
    if (isDrawn) {
      err.print(ERASE);
      err.flush();
      isDrawn = false;
    }
    hasJustErased = true;
  }

  /** Erases it for good. */
  @Override
  public synchronized void close() {
    erase();
    closed = true;
  }
}
