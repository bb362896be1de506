///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: run the tests: all of them, or one class or method.
//JAVA 25+
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.junit.platform:junit-platform-launcher:1.14.4
//SOURCES BackportCrashTest.java
//SOURCES BackportPlanTest.java
//SOURCES BackportRecordsTest.java
//SOURCES BlockPagesBrowserTest.java
//SOURCES BlockPagesTest.java
//SOURCES BlockpagesGeneratorTest.java
//SOURCES BothServersTest.java
//SOURCES BrowserTest.java
//SOURCES CanonicalJsonTest.java
//SOURCES CertificateChainTest.java
//SOURCES ConsistencyChecksTest.java
//SOURCES ContentSignatureTest.java
//SOURCES CrashReportsTest.java
//SOURCES DocumentsTest.java
//SOURCES FaultMatrixTest.java
//SOURCES FaultTest.java
//SOURCES FormatTest.java
//SOURCES HtmlTest.java
//SOURCES HttpTest.java
//SOURCES ImageTest.java
//SOURCES InstallTest.java
//SOURCES InstallationTest.java
//SOURCES KintoHttpTest.java
//SOURCES KintoScenariosTest.java
//SOURCES LambdaTest.java
//SOURCES LaunchersTest.java
//SOURCES OutputSchemaTest.java
//SOURCES MozillaRootsTest.java
//SOURCES ../bench/Peers.java
//SOURCES ProcessTest.java
//SOURCES ProjectTest.java
//SOURCES PublishOnS3Test.java
//SOURCES ReadmeTest.java
//SOURCES RealKintoTest.java
//SOURCES RecordedExchangesTest.java
//SOURCES RefreshSignatureTest.java
//SOURCES RemoteSettingsServerTest.java
//SOURCES RemoteSettingsTest.java
//SOURCES ReportTest.java
//SOURCES S3ProxyTest.java
//SOURCES SchedulesTest.java
//SOURCES SettingsAgreeTest.java
//SOURCES SettingsTest.java
//SOURCES SigningAuthorityTest.java
//SOURCES StartScriptTest.java
//SOURCES TrustTest.java
//SOURCES UptakeHealthTest.java
//SOURCES UptakePageTest.java
//SOURCES UptakeRedashTest.java
//SOURCES ValidateChangesCollectionTest.java
//SOURCES ValidateSignatureTest.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.ClassDescriptor;
import org.junit.jupiter.api.ClassOrderer;
import org.junit.jupiter.api.ClassOrdererContext;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.discovery.DiscoverySelectors;
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
 * Runs the tests packed into its own jar, which its {@code //SOURCES} put there.
 *
 * <pre>
 * ./jbang test                                       everything
 * ./jbang test CanonicalJsonTest                     one class, or several
 * ./jbang test CanonicalJsonTest.no_spaces_are_left  one method; # does instead of the dot
 * ./jbang test --list                                the names
 * ./jbang test --slowest                             everything, then the methods that took longest
 * </pre>
 *
 * <p>Classes run side by side, {@link #AT_ONCE} of them; the methods of one class run one after the
 * other, unless it says that they do not. What it shares with others it names in a {@code
 * ResourceLock}.
 *
 * <p>Exit codes: 0 all passed, 1 a test failed or none ran, 2 an argument names no test. The last
 * line is always {@code N passed, N failed, N skipped}, but for 2.
 */
public class all {

  /** A test that takes longer than this hangs; it is interrupted and fails. */
  private static final String LONGEST_TEST = "20 m";

  /** Classes at once: more than there are cores, for many tests wait for a process or a limit. */
  private static final int AT_ONCE = 4 + Runtime.getRuntime().availableProcessors();

  /** Those that take longest: they begin first, so that nothing waits for them at the end. */
  private static final List<String> LONG =
      List.of("ReadmeTest", "LambdaTest", "DocumentsTest", "FaultMatrixTest", "InstallTest");

  /** How many methods {@code --slowest} shows. */
  private static final int SLOWEST = 25;

  /** Of a stack trace, the frames that say where; more would be the way through JUnit. */
  private static final int MAX_FRAMES = 12;

  /** It warns of every link that leads out of a temporary folder; some tests make such links. */
  private static final Logger TEMPORARY_FOLDERS =
      Logger.getLogger("org.junit.jupiter.engine.extension.TempDirectory$CloseablePath");

  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  public static void main(String[] args) throws URISyntaxException {
    TEMPORARY_FOLDERS.setLevel(Level.SEVERE);
    System.exit(run(List.of(args)));
  }

  private static int run(List<String> args) throws URISyntaxException {
    if (args.contains("--help") || args.contains("-h")) {
      OUT.println(
          "usage: ./jbang test [--list] [--slowest] [CLASS | CLASS.METHOD | CLASS#METHOD ...]");
      return 0;
    }
    boolean slowest = args.contains("--slowest");
    Launcher launcher = LauncherFactory.create();
    Path jar = Path.of(all.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    TestPlan everything =
        launcher.discover(request(DiscoverySelectors.selectClasspathRoots(Set.of(jar))));
    Map<String, TestIdentifier> names = names(everything);
    if (args.contains("--list")) {
      names.keySet().forEach(OUT::println);
      return 0;
    }
    Set<DiscoverySelector> chosen = new LinkedHashSet<>();
    for (String arg : args.stream().filter(arg -> !arg.equals("--slowest")).toList()) {
      TestIdentifier test = names.get(arg.replace('#', '.'));
      if (test == null) {
        System.err.println("test: error: no test is named " + arg + closeTo(arg, names.keySet()));
        return 2;
      }
      chosen.add(DiscoverySelectors.selectUniqueId(test.getUniqueIdObject()));
    }
    Peers.prepare(OUT::println);
    Results results = new Results();
    if (chosen.isEmpty()) {
      launcher.execute(everything, results);
    } else {
      launcher.execute(request(chosen), results);
    }
    if (slowest) {
      results.showSlowest();
    }
    return results.summary();
  }

  private static LauncherDiscoveryRequest request(
      Collection<? extends DiscoverySelector> selectors) {
    return LauncherDiscoveryRequestBuilder.request()
        .selectors(List.copyOf(selectors))
        .configurationParameter("junit.jupiter.execution.timeout.default", LONGEST_TEST)
        .configurationParameter(
            "junit.jupiter.testclass.order.default", LongestFirst.class.getName())
        .configurationParameter("junit.jupiter.execution.parallel.enabled", "true")
        .configurationParameter(
            "junit.jupiter.execution.parallel.mode.classes.default", "concurrent")
        .configurationParameter("junit.jupiter.execution.parallel.config.strategy", "fixed")
        .configurationParameter(
            "junit.jupiter.execution.parallel.config.fixed.parallelism", Integer.toString(AT_ONCE))
        .configurationParameter(
            "junit.jupiter.execution.parallel.config.fixed.max-pool-size",
            Integer.toString(AT_ONCE))
        .build();
  }

  /** Every class and method by the name that an argument gives it, in the order of names. */
  private static Map<String, TestIdentifier> names(TestPlan plan) {
    Map<String, TestIdentifier> names = new TreeMap<>();
    for (TestIdentifier root : plan.getRoots()) {
      for (TestIdentifier test : plan.getDescendants(root)) {
        names.put(name(test), test);
      }
    }
    return names;
  }

  /** {@code Class}, {@code Class.Nested} or {@code Class.method}. */
  private static String name(TestIdentifier test) {
    TestSource source = test.getSource().orElse(null);
    if (source instanceof MethodSource method) {
      return method.getClassName().replace('$', '.') + "." + method.getMethodName();
    }
    if (source instanceof ClassSource type) {
      return type.getClassName().replace('$', '.');
    }
    return test.getDisplayName();
  }

  /** Up to five names that look like the one that was not found. */
  private static String closeTo(String wrong, Collection<String> names) {
    String lower = wrong.replace('#', '.').toLowerCase(Locale.ROOT);
    Map<String, Integer> distances = new HashMap<>();
    for (String name : names) {
      String candidate = name.toLowerCase(Locale.ROOT);
      boolean within = candidate.contains(lower) || lower.contains(candidate);
      int distance = within ? 0 : distance(lower, candidate);
      // the method's name alone is a likely mistake
      distance = Math.min(distance, distance(lower, candidate.replaceFirst(".*\\.", "")));
      if (distance <= Math.max(2, lower.length() / 3)) {
        distances.put(name, distance);
      }
    }
    List<String> close =
        distances.keySet().stream()
            .sorted(
                Comparator.<String>comparingInt(distances::get)
                    .thenComparing(Comparator.naturalOrder()))
            .limit(5)
            .toList();
    return close.isEmpty() ? "; --list prints all" : "; close are " + String.join(", ", close);
  }

  /** Levenshtein's: how many characters to insert, remove or replace. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    Arrays.setAll(row, i -> i);
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }

  /** The long ones first, then by name. */
  public static final class LongestFirst implements ClassOrderer {
    @Override
    public void orderClasses(ClassOrdererContext context) {
      context
          .getClassDescriptors()
          .sort(
              Comparator.<ClassDescriptor>comparingInt(LongestFirst::rank)
                  .thenComparing(test -> test.getTestClass().getName()));
    }

    private static int rank(ClassDescriptor test) {
      int rank = LONG.indexOf(test.getTestClass().getName());
      return rank < 0 ? LONG.size() : rank;
    }
  }

  /** Counts, prints a line per class as it ends, and keeps failures and skips for the summary. */
  private static final class Results implements TestExecutionListener {

    /** What became of the tests of one class. */
    private static final class Tally {
      final long start = System.nanoTime();
      int passed;
      int failed;
      int skipped;
    }

    private record Failure(String test, Throwable cause) {}

    private final Map<String, Tally> classes = new HashMap<>();
    private final List<Failure> failures = new ArrayList<>();
    private final Map<String, Integer> skips = new TreeMap<>();
    private final Map<String, Long> starts = new HashMap<>();
    private final Map<String, Long> nanos = new HashMap<>(); // by method
    private final Tally total = new Tally();
    private TestPlan plan;

    @Override
    public void testPlanExecutionStarted(TestPlan plan) {
      this.plan = plan;
    }

    @Override
    public synchronized void executionStarted(TestIdentifier test) {
      if (test.getSource().orElse(null) instanceof ClassSource) {
        tally(test);
      }
      starts.put(test.getUniqueId(), System.nanoTime());
    }

    @Override
    public synchronized void executionSkipped(TestIdentifier test, String reason) {
      skipped(test, reason);
    }

    @Override
    public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
      if (test.isTest()) {
        long took = System.nanoTime() - starts.get(test.getUniqueId());
        nanos.merge(name(test), took, Long::sum);
      }
      Throwable cause = result.getThrowable().orElse(null);
      switch (result.getStatus()) {
        case SUCCESSFUL -> {
          if (test.isTest()) {
            tally(test).passed++;
            total.passed++;
          }
        }
        case ABORTED -> skipped(test, message(cause));
        case FAILED -> {
          // a class or a source of parameters that fails counts once: its tests were never run
          tally(test).failed++;
          total.failed++;
          failures.add(new Failure(label(test), cause));
        }
      }
      if (test.getParentIdObject().isPresent() && isTopClass(test)) {
        print(test);
      }
    }

    /** Skips a test or all tests of a class; a parametrised one counts once. */
    private void skipped(TestIdentifier test, String reason) {
      List<TestIdentifier> tests = new ArrayList<>(List.of(test));
      tests.addAll(plan.getDescendants(test));
      tests.removeIf(t -> !(t.getSource().orElse(null) instanceof MethodSource));
      for (TestIdentifier skip : tests) {
        tally(skip).skipped++;
        total.skipped++;
        String why = reason == null || reason.isBlank() ? "no reason given" : reason;
        skips.merge(why, 1, Integer::sum);
      }
    }

    private Tally tally(TestIdentifier test) {
      return classes.computeIfAbsent(topClass(test), key -> new Tally());
    }

    private boolean isTopClass(TestIdentifier test) {
      return test.getSource().orElse(null) instanceof ClassSource
          && name(test).equals(topClass(test));
    }

    private static String topClass(TestIdentifier test) {
      return name(test).replaceFirst("\\..*", "");
    }

    private void print(TestIdentifier test) {
      Tally tally = tally(test);
      Duration took = Duration.ofNanos(System.nanoTime() - tally.start);
      OUT.printf(
          Locale.ROOT,
          "%-34s %4d passed%s%s  %.1f s%n",
          name(test),
          tally.passed,
          tally.failed == 0 ? "" : ", " + tally.failed + " FAILED",
          tally.skipped == 0 ? "" : ", " + tally.skipped + " skipped",
          took.toMillis() / 1000.0);
    }

    /** Its name, and for one run of a parametrised test with which parameters. */
    private String label(TestIdentifier test) {
      boolean run =
          plan.getParent(test)
              .filter(parent -> parent.getSource().equals(test.getSource()))
              .isPresent();
      return run ? name(test) + " " + test.getDisplayName() : name(test);
    }

    /** All runs of a parametrised method count together. */
    void showSlowest() {
      OUT.printf("%nslowest methods, with others beside them:%n");
      nanos.entrySet().stream()
          .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
          .limit(SLOWEST)
          .forEach(
              one -> OUT.printf(Locale.ROOT, "%8.1f s  %s%n", one.getValue() / 1e9, one.getKey()));
    }

    int summary() {
      for (Failure failure : failures) {
        OUT.printf("%nFAILED %s%n", failure.test());
        trace(failure.cause(), "  ", new HashSet<>());
      }
      if (!skips.isEmpty()) {
        OUT.println();
      }
      skips.forEach((reason, tests) -> OUT.printf("SKIPPED %d: %s%n", tests, reason));
      if (total.passed + total.failed == 0) {
        OUT.println("no test was run");
      }
      OUT.printf("%n%d passed, %d failed, %d skipped%n", total.passed, total.failed, total.skipped);
      return total.failed > 0 || total.passed == 0 ? 1 : 0;
    }

    private static String message(Throwable cause) {
      return cause == null || cause.getMessage() == null ? "" : one(cause.getMessage());
    }

    private static String one(String message) {
      return message.replaceFirst("^Assumption failed: ", "").strip();
    }

    /** The message and where it happened, then the same of its causes. */
    private static void trace(Throwable cause, String indent, Set<StackTraceElement> printed) {
      for (String line : cause.toString().split("\\R")) {
        OUT.println(indent + line);
      }
      int frames = 0;
      for (StackTraceElement frame : cause.getStackTrace()) {
        // what a cause has in common with the one above stands there
        if (!isMachinery(frame.getClassName()) && printed.add(frame) && frames++ < MAX_FRAMES) {
          OUT.println(indent + "  at " + frame);
        }
      }
      if (frames > MAX_FRAMES) {
        OUT.println(indent + "  … " + (frames - MAX_FRAMES) + " more");
      }
      if (cause.getCause() != null) {
        OUT.println(indent + "caused by");
        trace(cause.getCause(), indent, printed);
      }
      for (Throwable other : cause.getSuppressed()) {
        OUT.println(indent + "besides");
        trace(other, indent, printed);
      }
    }

    private static boolean isMachinery(String className) {
      return className.startsWith("org.junit.")
          || className.startsWith("java.lang.reflect.")
          || className.startsWith("jdk.internal.")
          || className.startsWith("java.util.")
          || className.equals("all");
    }
  }
}
