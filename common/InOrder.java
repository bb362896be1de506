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

/** Works on several entries at once, and shows their outcomes in the order of the list. */
public final class InOrder {

  private InOrder() {}

  /** Works on one entry; may run on any thread. */
  public interface Task<E, O> {
    O run(E entry) throws Exception;
  }

  /**
   * Works on several entries at once and shows each outcome as soon as its turn comes.
   *
   * <p>Ctrl-C also shows the outcomes that are there but wait for their turn.
   *
   * @param report whose lock is held while something is shown
   * @param parallel how many entries to work on at once
   * @param unexpected makes an outcome of an unexpected failure, given its reason
   * @param show prints an outcome
   * @param interrupted prints what the outcomes so far add up to
   */
  public static <E, O> void run(
      Report report,
      List<E> entries,
      int parallel,
      Task<E, O> task,
      BiFunction<E, String, O> unexpected,
      Consumer<O> show,
      Runnable interrupted)
      throws InterruptedException {
    ExecutorService workers = Executors.newFixedThreadPool(parallel, Thread.ofVirtual().factory());
    try {
      List<Future<O>> outcomes = new ArrayList<>();
      AtomicInteger shown = new AtomicInteger();
      synchronized (report) { // an interrupt finds all tasks submitted, or none
        report.requireNotInterrupted();
        for (E entry : entries) {
          outcomes.add(workers.submit(() -> task.run(entry)));
        }
        report.onInterrupt(() -> {
          List<O> finished =
              outcomes.subList(shown.get(), outcomes.size()).stream()
                  .filter(outcome -> outcome.state() == Future.State.SUCCESS)
                  .map(Future::resultNow)
                  .toList();
          // start and write nothing more; whoever waits for a task is released
          workers.shutdownNow().forEach(queued -> ((Future<?>) queued).cancel(true));
          finished.forEach(show);
          interrupted.run();
        });
      }
      for (int i = 0; i < entries.size(); i++) {
        O outcome = outcome(report, entries.get(i), outcomes.get(i), unexpected);
        synchronized (report) {
          show.accept(outcome);
          report.done(shown.incrementAndGet(), entries.size());
        }
      }
    } finally {
      workers.shutdownNow(); // nobody waits for the rest when the reader of stdout has gone
      report.onInterrupt(() -> {}); // the caller prints what is left
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
      report.requireNotInterrupted();
      return unexpected.apply(entry, report.unexpected(e.getCause()));
    }
  }
}
