///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Run the tests: all of them, or one class or method.
//JAVA 25+
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.junit.platform:junit-platform-launcher:1.14.4
//SOURCES ../bench/Peers.java ../common/StatusLine.java
//RUNTIME_OPTIONS -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toList;
import static org.junit.platform.engine.TestExecutionResult.Status.ABORTED;
import static org.junit.platform.engine.TestExecutionResult.Status.FAILED;
import static org.junit.platform.engine.TestExecutionResult.Status.SUCCESSFUL;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClasspathRoots;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectUniqueId;

import common.StatusLine;
import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs all tests, or those that the arguments name: {@code Class}, {@code Class.method} or {@code
 * Class#method}. Which classes there are says who starts it: {@code ./jbang test} has only those
 * compiled that its arguments name, with what they use.
 *
 * <p>Classes run side by side, those with an {@code @Order} first. The methods of a class run one
 * after the other, unless it has {@code @Execution(CONCURRENT)}. Tests that share something name it
 * in a {@code @ResourceLock}.
 *
 * <p>Exit codes: 0 all passed, 1 a test failed or none passed, 2 an argument names no test. The
 * last line is always {@code N passed, N failed, N skipped}, except for 2.
 */
public class all {

  /** Classes at once: more than there are cores, because many tests wait for a process. */
  private static final String AT_ONCE =
      Integer.toString(4 + Runtime.getRuntime().availableProcessors());

  private static final Map<String, String> JUNIT =
      Map.of(
          "junit.jupiter.execution.timeout.default", "20 m",
          "junit.jupiter.testclass.order.default",
              "org.junit.jupiter.api.ClassOrderer$OrderAnnotation",
          "junit.jupiter.execution.parallel.enabled", "true",
          "junit.jupiter.execution.parallel.mode.classes.default", "concurrent",
          "junit.jupiter.execution.parallel.config.strategy", "fixed",
          "junit.jupiter.execution.parallel.config.fixed.parallelism", AT_ONCE,
          "junit.jupiter.execution.parallel.config.fixed.max-pool-size", AT_ONCE);

  /** JUnit warns of each link that leads out of a temporary folder; some tests make such links. */
  private static final Logger TEMPORARY_FOLDERS =
      Logger.getLogger("org.junit.jupiter.engine.extension.TempDirectory$CloseablePath");

  /** Kept, because a test may replace {@code System.out}. */
  private static final PrintStream OUT = System.out;

  public static void main(String[] args) throws URISyntaxException {
    TEMPORARY_FOLDERS.setLevel(Level.SEVERE);
    // as Connections sets it, which comes too late if a test has used the JDK's client before
    System.setProperty("jdk.httpclient.allowRestrictedHeaders", "host");
    System.exit(run(new ArrayList<>(List.of(args))));
  }

  private static int run(List<String> args) throws URISyntaxException {
    if (args.contains("--help") || args.contains("-h")) {
      OUT.println(
          """
          Run the tests: all of them, or those that are named.

          Usage: ./jbang test [--list] [--slowest] [CLASS | CLASS.METHOD ...]

          Example: ./jbang test CanonicalJsonTest

            --list     print the names of all tests, and run none
            --slowest  print at the end which methods took longest

          Exit codes:
            0  no test failed
            1  a test failed, or none passed
            2  there is no test of that name\
          """);
      return 0;
    }
    boolean showsSlowest = args.removeAll(List.of("--slowest"));
    Launcher launcher = LauncherFactory.create();
    Path jar = Path.of(all.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    TestPlan everything;
    try (StatusLine _ = StatusLine.ofProcess(() -> "looking for tests")) {
      everything = launcher.discover(request(selectClasspathRoots(Set.of(jar))));
    }
    Map<String, List<TestIdentifier>> tests =
        everything.getRoots().stream()
            .flatMap(engine -> everything.getDescendants(engine).stream())
            .collect(groupingBy(all::name, TreeMap::new, toList()));
    if (args.contains("--list")) {
      tests.keySet().forEach(OUT::println);
      return 0;
    }
    List<DiscoverySelector> chosen = new ArrayList<>();
    for (String arg : args) {
      String name = arg.replace('#', '.');
      if (!tests.containsKey(name)) {
        List<String> near = tests.keySet().stream().filter(n -> n.contains(name)).limit(5).toList();
        System.err.printf(
            "test: error: no test is named %s%s (--list prints all names)%n",
            arg, near.isEmpty() ? "" : "; did you mean " + String.join(", ", near) + "?");
        return 2;
      }
      tests.get(name).forEach(test -> chosen.add(selectUniqueId(test.getUniqueIdObject())));
    }
    Results results = new Results();
    if (chosen.isEmpty()) {
      Peers.prepareAll(_ -> {});
      launcher.execute(everything, results);
    } else {
      launcher.execute(request(chosen), results); // a test that needs a peer prepares it
    }
    if (showsSlowest) {
      results.printSlowest();
    }
    return results.printSummary();
  }

  private static LauncherDiscoveryRequest request(List<? extends DiscoverySelector> selectors) {
    return LauncherDiscoveryRequestBuilder.request()
        .selectors(selectors)
        .configurationParameters(JUNIT)
        .build();
  }

  /** {@code Class}, {@code Class.Nested} or {@code Class.method}. */
  private static String name(TestIdentifier test) {
    return switch (test.getSource().orElse(null)) {
      case ClassSource type -> type.getClassName().replace('$', '.');
      case MethodSource method ->
          method.getClassName().replace('$', '.') + "." + method.getMethodName();
      case null, default -> test.getDisplayName();
    };
  }

  /** Prints a line for each class as it ends, and keeps what the summary needs. */
  private static final class Results implements TestExecutionListener {

    /** How a test ended; or a class, or a source of parameters, that failed before its tests. */
    private record Ended(String name, TestExecutionResult.Status status) {}

    private final Map<TestIdentifier, Long> starts = new HashMap<>();
    private final List<Ended> ended = new ArrayList<>();
    private final Map<TestIdentifier, Throwable> failures = new LinkedHashMap<>();
    private final Map<String, Double> secondsOfMethods = new HashMap<>();
    private final Map<String, Integer> testsBySkipReason = new TreeMap<>();
    private final Set<TestIdentifier> methods = new HashSet<>(); // that have not ended
    private final Set<String> running = new LinkedHashSet<>();
    private int allMethods;
    private TestPlan plan;
    private StatusLine status;

    @Override
    public void testPlanExecutionStarted(TestPlan plan) {
      this.plan = plan;
      plan.getRoots().stream()
          .flatMap(engine -> plan.getDescendants(engine).stream())
          .filter(test -> test.getSource().orElse(null) instanceof MethodSource)
          .forEach(methods::add);
      allMethods = methods.size();
      status = StatusLine.ofProcess(this::progress);
    }

    /** What a terminal shows. */
    private synchronized String progress() {
      return "%d of %d test methods done, running %s"
          .formatted(allMethods - methods.size(), allMethods, String.join(", ", running));
    }

    @Override
    public synchronized void executionStarted(TestIdentifier test) {
      starts.put(test, System.nanoTime());
      if (isClass(test)) {
        running.add(name(test));
      }
    }

    private static boolean isClass(TestIdentifier test) {
      return test.getSource().orElse(null) instanceof ClassSource && !name(test).contains(".");
    }

    /** Of a class, all methods are skipped; a parametrised method counts once. */
    @Override
    public synchronized void executionSkipped(TestIdentifier skipped, String reason) {
      Stream.concat(Stream.of(skipped), plan.getDescendants(skipped).stream())
          .filter(test -> test.getSource().orElse(null) instanceof MethodSource)
          .forEach(test -> {
            methods.remove(test);
            ended.add(new Ended(name(test), ABORTED));
            testsBySkipReason.merge(reason, 1, Integer::sum);
          });
    }

    @Override
    public void testPlanExecutionFinished(TestPlan plan) {
      status.close();
    }

    @Override
    public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
      methods.remove(test);
      double seconds = (System.nanoTime() - starts.get(test)) / 1e9;
      if (result.getStatus() == ABORTED) {
        String message = result.getThrowable().map(Throwable::getMessage).orElse("no reason given");
        executionSkipped(test, message.replaceFirst("^Assumption failed: ", ""));
      } else if (test.isTest() || result.getStatus() == FAILED) {
        ended.add(new Ended(name(test), result.getStatus()));
        result.getThrowable().ifPresent(cause -> failures.put(test, cause));
      }
      if (test.isTest()) {
        secondsOfMethods.merge(name(test), seconds, Double::sum);
      } else if (isClass(test)) {
        running.remove(name(test));
        status.erase();
        OUT.printf(Locale.ROOT, "%-34s %s  %.1f s%n", name(test), counts(name(test)), seconds);
      }
    }

    /** How the tests of a class ended, or of all classes where the name is empty. */
    private String counts(String className) {
      return "%d passed, %d failed, %d skipped"
          .formatted(
              count(className, SUCCESSFUL), count(className, FAILED), count(className, ABORTED));
    }

    private long count(String className, TestExecutionResult.Status status) {
      return ended.stream()
          .filter(one -> one.status == status)
          .filter(one -> className.isEmpty() || (one.name + ".").startsWith(className + "."))
          .count();
    }

    void printSlowest() {
      OUT.printf("%nslowest methods, with others beside them:%n");
      secondsOfMethods.entrySet().stream()
          .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
          .limit(25)
          .forEach(one -> OUT.printf(Locale.ROOT, "%8.1f s  %s%n", one.getValue(), one.getKey()));
    }

    /** Returns the exit code. */
    int printSummary() {
      for (Map.Entry<TestIdentifier, Throwable> failure : failures.entrySet()) {
        TestIdentifier test = failure.getKey();
        boolean isRunOfMethod = plan.getParent(test).map(all::name).equals(Optional.of(name(test)));
        OUT.println("\nFAILED " + name(test) + (isRunOfMethod ? " " + test.getDisplayName() : ""));
        for (Throwable one = failure.getValue(); one != null; one = one.getCause()) {
          one.setStackTrace(framesOfTests(one.getStackTrace()));
        }
        failure.getValue().printStackTrace(OUT);
      }
      OUT.println();
      testsBySkipReason.forEach((reason, n) -> OUT.printf("SKIPPED %d: %s%n", n, reason));
      OUT.println(counts(""));
      return count("", FAILED) > 0 || count("", SUCCESSFUL) == 0 ? 1 : 0;
    }

    private static StackTraceElement[] framesOfTests(StackTraceElement[] frames) {
      String others = "(org\\.junit|java\\.util|java\\.lang\\.reflect)\\..*";
      return Stream.of(frames)
          .filter(frame -> !frame.getClassName().matches(others))
          .toArray(StackTraceElement[]::new);
    }
  }
}
