//DEPS info.picocli:picocli:4.7.7
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../deploy/Project.java

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Runs programs that do the same work in turn, and compares their time and memory. */
final class Programs {

  /** Options of most benchmarks. */
  static final class Settings {
    @Option(names = "--bytes", description = "Approximate size of a record as JSON, in bytes.")
    int bytes = 300;

    @Option(names = "--runs", description = "How often each program is measured.")
    int runs = 5;

    @Option(
        names = "--variant",
        description =
            "JVM options with which to measure the program alone, too, instead of the script's"
                + " own.",
        paramLabel = "OPTIONS")
    List<String> variants = List.of();
  }

  /** Runs a command and prints its cost, including its children, such as JBang's own JVM. */
  private static final String MEASURE =
      """
      import os, subprocess, sys, time
      with open(sys.argv[1], "wb") as out:
          start = time.perf_counter()
          process = subprocess.Popen(sys.argv[2:], stdout=out)
          _, status, usage = os.wait4(process.pid, 0)
          wall = time.perf_counter() - start
      unit = 2**20 if sys.platform == "darwin" else 2**10
      cpu = usage.ru_utime + usage.ru_stime
      print(os.waitstatus_to_exitcode(status), wall, cpu, usage.ru_maxrss / unit)
      """;

  private final Path root = Project.root();
  private final Path python;
  private final Map<String, String> settings;
  private final String good;
  private final int expected;
  private final Map<String, List<String>> programs = new LinkedHashMap<>();
  private final Map<String, List<Cost>> costs = new LinkedHashMap<>();
  private Runnable before = () -> {};
  private LongSupplier received;

  /** The cost of one run: seconds, seconds, MiB, seconds, KiB. */
  private record Cost(double wall, double cpu, double peak, double server, double received) {}

  /**
   * @param python interpreter that runs the measuring script
   * @param settings environment variables of every program
   * @param good pattern of the lines of stdout that report success
   * @param expected number of such lines
   */
  Programs(Path python, Map<String, String> settings, String good, int expected) {
    this.python = python;
    this.settings = settings;
    this.good = good;
    this.expected = expected;
  }

  /** Sets a task that runs before each run and is not measured. */
  Programs before(Runnable task) {
    before = task;
    return this;
  }

  /** Sets what counts the bytes that all programs have received. */
  Programs received(LongSupplier bytes) {
    received = bytes;
    return this;
  }

  private long bytesReceived() {
    return received == null ? 0 : received.getAsLong();
  }

  /** Adds a script of this project: through JBang, alone, and alone with each variant. */
  Programs ours(String name, List<String> variants) throws IOException, InterruptedException {
    Path jbang = root.resolve("jbang");
    Path script = root.resolve(name + ".java");
    add("through ./jbang", List.of(jbang.toString(), script.toString()));
    once(programs.get("through ./jbang")); // builds it
    JsonNode info = info(jbang, script);
    List<String> own = new ArrayList<>();
    info.path("runtimeOptions").forEach(option -> own.add(option.stringValue()));
    add("program alone", alone(info, own, script));
    for (String variant : variants) {
      add("alone, " + variant, alone(info, List.of(variant.split(" ")), script));
    }
    return this;
  }

  /** Adds a program. The others are compared with the last one. */
  Programs add(String name, List<String> command) {
    programs.put(name, command);
    return this;
  }

  /** Runs all programs in turn; the first round is a warm-up and does not count. */
  Programs run(int runs) throws IOException, InterruptedException {
    for (int run = 0; run <= runs; run++) {
      for (Map.Entry<String, List<String>> program : programs.entrySet()) {
        Cost cost = once(program.getValue());
        List<Cost> counted = costs.computeIfAbsent(program.getKey(), key -> new ArrayList<>());
        if (run > 0) {
          counted.add(cost);
        }
      }
      System.err.print(run < runs ? "." : "\n");
    }
    return this;
  }

  /** A record of about that size that resembles published ones, with some non-ASCII characters. */
  static ObjectNode record(String id, int bytes, Random random) {
    ObjectNode record = JsonMapper.shared().createObjectNode();
    record.put("id", id).put("schema", 1_795_486_758_330L + random.nextInt(1000));
    record
        .putObject("details")
        .put("bug", "https://bugzilla.mozilla.org/show_bug.cgi?id=" + random.nextInt(2_000_000))
        .put("created", "2026-11-24T02:19:18Z")
        .put("severity", random.nextInt(4));
    record.put("enabled", random.nextBoolean()).putArray("locales").add("fr").add("en-US");
    int length = record.toString().length() + ",\"last_modified\":1795486758330".length();
    StringBuilder comment = new StringBuilder();
    while (length + comment.length() < bytes) {
      comment.append(random.nextInt(40) == 0 ? 'é' : (char) ('a' + random.nextInt(26)));
    }
    return record.put("comment", comment.toString());
  }

  /** JBang's information about a script: its jar, class path and options. */
  private static JsonNode info(Path jbang, Path script) {
    Project.Outcome outcome = Project.run(jbang, "info", "tools", script).go();
    if (outcome.exit() != 0) {
      throw new IllegalStateException("./jbang info tools: " + outcome.stderr());
    }
    return JsonMapper.shared().readTree(outcome.stdout());
  }

  /** The command line that JBang would run. */
  private static List<String> alone(JsonNode info, List<String> options, Path script) {
    List<String> classPath = new ArrayList<>(List.of(info.get("applicationJar").stringValue()));
    info.get("resolvedDependencies").forEach(jar -> classPath.add(jar.stringValue()));
    List<String> command = new ArrayList<>();
    command.add(Path.of(info.get("availableJdkPath").stringValue(), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath)));
    command.add(script.getFileName().toString().replace(".java", ""));
    return command;
  }

  /** Runs a program once; throws if it fails or does not report success for everything. */
  private Cost once(List<String> command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("bench", ".out");
    Path errors = Path.of(output + ".err");
    before.run();
    try {
      List<String> measured =
          new ArrayList<>(List.of(python.toString(), "-c", MEASURE, output.toString()));
      measured.addAll(command);
      ProcessBuilder builder = new ProcessBuilder(measured);
      builder.redirectError(errors.toFile());
      builder
          .environment()
          .keySet()
          .removeIf(name -> name.matches("(?i)ENV_FILE|SENTRY_.*|.*_proxy"));
      builder.environment().putAll(settings);
      double before = ownCpu();
      long bytes = bytesReceived();
      Process process = builder.start();
      process.getOutputStream().close();
      String measurement =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int exit = process.waitFor();
      double server = ownCpu() - before;
      String stderr = Files.readString(errors);
      double[] numbers =
          Arrays.stream(measurement.split("\\s")).mapToDouble(Double::parseDouble).toArray();
      long found = Files.readAllLines(output).stream().filter(line -> line.matches(good)).count();
      if (exit != 0 || numbers.length != 4 || numbers[0] != 0 || found != expected) {
        throw new IllegalStateException(
            "%s: %s, %d of %d good%n%s".formatted(command, measurement, found, expected, stderr));
      }
      double kib = (bytesReceived() - bytes) / 1024.0;
      return new Cost(numbers[1], numbers[2], numbers[3], server, kib);
    } finally {
      Files.deleteIfExists(output);
      Files.deleteIfExists(errors);
    }
  }

  /** CPU seconds of this process, which is the server. */
  private static double ownCpu() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
  }

  void print(String title) {
    System.out.printf("%s%n%n", title);
    String column = received == null ? "" : " KiB received |";
    System.out.println(
        "| program | wall s | range | CPU s | peak MiB | server's CPU s |"
            + column
            + " Python ÷ wall |");
    System.out.println("|---|---|---|---|---|---|---|" + (received == null ? "" : "---|"));
    List<Cost> last = List.copyOf(costs.values()).getLast();
    costs.forEach((name, measured) ->
        System.out.printf(
            Locale.ROOT,
            "| %s | %.2f | %.2f–%.2f | %.2f | %.0f | %.2f |%s %.2f |%n",
            name,
            median(measured, Cost::wall),
            measured.stream().mapToDouble(Cost::wall).min().orElse(0),
            measured.stream().mapToDouble(Cost::wall).max().orElse(0),
            median(measured, Cost::cpu),
            median(measured, Cost::peak),
            median(measured, Cost::server),
            received == null ? "" : " %,.0f |".formatted(median(measured, Cost::received)),
            median(last, Cost::wall) / median(measured, Cost::wall)));
    System.out.println();
  }

  private static double median(List<Cost> costs, ToDoubleFunction<Cost> of) {
    double[] sorted = costs.stream().mapToDouble(of).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
