//JAVA 25+

package common;

import java.time.Duration;

/**
 * The moment at which a run begins nothing new, by the monotonic clock. What is not judged by then
 * has no verdict.
 */
public final class RunDeadline {

  /** What is said of everything that the run had no time for. */
  public static final String LATE = "the run took longer than RUN_DEADLINE_SECONDS allows";

  /** What is said of a request that would have to wait beyond it. */
  static final String NO_TIME = "RUN_DEADLINE_SECONDS leaves no time to wait";

  /** What to do about it. */
  public static final String HINT = "raise RUN_DEADLINE_SECONDS, or see why the server is slow";

  /** The longest run of a command that writes nothing, unless a setting says otherwise. */
  static final Duration OF_CHECKS = Duration.ofSeconds(900);

  private static final long NEVER = Long.MAX_VALUE / 2; // something may be added to it

  private final long start;
  private final Duration longest;

  /**
   * @param start of the run by {@link System#nanoTime}
   * @param longest how long it may take; zero for no limit
   */
  RunDeadline(long start, Duration longest) {
    this.start = start;
    this.longest = longest;
  }

  static RunDeadline none() {
    return new RunDeadline(0, Duration.ZERO);
  }

  /** Nanoseconds until then; zero or less once it is over. */
  long left() {
    return longest.isZero() ? NEVER : longest.toNanos() - (System.nanoTime() - start);
  }

  /** How long it is until then, at least a moment. */
  public Duration timeLeft() {
    return Duration.ofMillis(Math.max(1, left() / 1_000_000));
  }

  public boolean isOver() {
    return left() <= 0;
  }
}
