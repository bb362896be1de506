//JAVA 25+
//SOURCES Report.java

package common;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** Looks at several things at once, and shows what came out in the order of their list. */
public final class InOrder {

  private InOrder() {}

  /** Looks at one of several things; may run on any thread. */
  public interface Look<E, O> {
    O look(E entry) throws Exception;
  }

  /**
   * Looks at several things at once and shows each outcome in its turn, as soon as that has come.
   *
   * <p>Ctrl-C shows what is finished but waits for its turn, too.
   *
   * @param report whose lock is held while something is shown
   * @param parallel most things looked at at once
   * @param unexpected makes an outcome, with its reason, of what should not have happened
   * @param show prints an outcome
   * @param interrupted prints what the outcomes so far add up to
   */
  public static <E, O> void look(
      Report report,
      List<E> entries,
      int parallel,
      Look<E, O> look,
      BiFunction<E, String, O> unexpected,
      Consumer<O> show,
      Runnable interrupted)
      throws InterruptedException {
    ExecutorService workers = Executors.newFixedThreadPool(parallel, Thread.ofVirtual().factory());
    try {
      List<Future<O>> outcomes = new ArrayList<>();
      AtomicInteger shown = new AtomicInteger();
      synchronized (report) { // whoever interrupts finds all of it, or nothing begun
        report.requireGoing();
        for (E entry : entries) {
          outcomes.add(workers.submit(() -> look.look(entry)));
        }
        report.onInterrupt(() -> {
          List<O> finished =
              outcomes.subList(shown.get(), outcomes.size()).stream()
                  .filter(outcome -> outcome.state() == Future.State.SUCCESS)
                  .map(Future::resultNow)
                  .toList();
          // nothing more is begun, or written; who waits for it waits no longer
          workers.shutdownNow().forEach(task -> ((Future<?>) task).cancel(true));
          finished.forEach(show);
          interrupted.run();
        });
      }
      for (int i = 0; i < entries.size(); i++) {
        O outcome = outcome(report, entries.get(i), outcomes.get(i), unexpected);
        synchronized (report) {
          show.accept(outcome);
          shown.incrementAndGet();
        }
      }
    } finally {
      workers.shutdownNow(); // nobody waits for the rest when the reader of stdout has gone
      report.onInterrupt(() -> {}); // all is said, or about to be
    }
  }

  private static <E, O> O outcome(
      Report report, E entry, Future<O> outcome, BiFunction<E, String, O> unexpected)
      throws InterruptedException {
    try {
      return outcome.get();
    } catch (CancellationException e) {
      throw new Report.ClosedOutput(); // Ctrl-C
    } catch (ExecutionException e) {
      report.requireGoing();
      return unexpected.apply(entry, report.unexpected(e.getCause()));
    }
  }
}
