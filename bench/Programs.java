//SOURCES ../deploy/Project.java Measurements.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Runs programs that do the same work in turn, and measures what each run costs. */
final class Programs {

  /** Runs a command and prints its cost, including its children, such as JBang's own JVM. */
  private static final String MEASURE =
      """
      import os, subprocess, sys, time
      with open(sys.argv[1], "wb") as out:
          start = time.perf_counter()
          process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=out)
          _, status, usage = os.wait4(process.pid, 0)
          wall = time.perf_counter() - start
      unit = 2**20 if sys.platform == "darwin" else 2**10
      cpu = usage.ru_utime + usage.ru_stime
      print(os.waitstatus_to_exitcode(status), wall, cpu, usage.ru_maxrss / unit)
      """;

  /**
   * What a program has to do. A run that does something else ends the benchmark.
   *
   * @param settings environment variables
   * @param exit the exit code
   * @param good pattern of the lines of stdout that report success
   * @param count number of such lines
   */
  record Task(Map<String, String> settings, int exit, String good, long count) {

    Program by(String name, Object... command) {
      return new Program(name, Arrays.stream(command).map(Object::toString).toList(), this);
    }

    /** The same with one thing bad, which a program has to find. */
    Task withOneBad() {
      return new Task(settings, 1, good, count - 1);
    }
  }

  /** A command line, and what it has to do. */
  record Program(String name, List<String> command, Task task) {}

  /** What servers have received and sent so far. */
  record Traffic(long requests, long bytes) {
    Traffic plus(Traffic other) {
      return new Traffic(requests + other.requests, bytes + other.bytes);
    }
  }

  private final Path python;
  private final Supplier<Traffic> traffic;
  private final Runnable before;

  /**
   * @param python interpreter that runs the measuring script
   * @param before what is done before each run, and not measured
   */
  Programs(Path python, Supplier<Traffic> traffic, Runnable before) {
    this.python = python;
    this.traffic = traffic;
    this.before = before;
  }

  /** Runs all programs in turn, A B C A B C; the first round is a warm-up and does not count. */
  Map<String, List<Measurements.Cost>> run(List<Program> programs, int runs) throws IOException {
    Map<String, List<Measurements.Cost>> costs = new LinkedHashMap<>();
    for (int run = 0; run <= runs; run++) {
      for (Program program : programs) {
        Measurements.Cost cost = once(program);
        List<Measurements.Cost> counted =
            costs.computeIfAbsent(program.name(), name -> new ArrayList<>());
        if (run > 0) {
          counted.add(cost);
        }
      }
      System.err.print(run < runs ? "." : "\n");
    }
    return costs;
  }

  /** Runs a program once; throws if it does not do its task. */
  Measurements.Cost once(Program program) throws IOException {
    before.run();
    Task task = program.task();
    Path output = Files.createTempFile("bench", ".out");
    try {
      List<Object> measured = new ArrayList<>(List.of(python, "-I", "-S", "-c", MEASURE, output));
      measured.addAll(program.command());
      Project.Run run = Project.run(measured.toArray()).in(Project.root());
      System.getenv().keySet().stream()
          .filter(name -> name.matches("(?i)ENV_FILE|SENTRY_.*|.*_proxy"))
          .forEach(name -> run.env(name, null));
      task.settings().forEach(run::env);
      Traffic start = traffic.get();
      Project.Outcome outcome = run.go();
      Traffic end = traffic.get();
      double[] numbers =
          Arrays.stream(outcome.stdout().split("\\s")).mapToDouble(Double::parseDouble).toArray();
      long good =
          Files.readAllLines(output).stream().filter(line -> line.matches(task.good())).count();
      if (outcome.exit() != 0 || numbers[0] != task.exit() || good != task.count()) {
        throw new IllegalStateException(
            "%s: exit code, seconds, CPU, MiB: %s; %d good, not %d%n%s"
                .formatted(
                    program.command(), outcome.stdout(), good, task.count(), outcome.stderr()));
      }
      return new Measurements.Cost(
          numbers[1],
          numbers[2],
          numbers[3],
          end.requests() - start.requests(),
          end.bytes() - start.bytes());
    } finally {
      Files.deleteIfExists(output);
    }
  }
}
