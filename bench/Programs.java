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
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Programs that do the same, run in turn and compared by what they cost. */
final class Programs {

  /** What every benchmark can be asked for. */
  static final class Settings {
    @Option(names = "--bytes", description = "About how many bytes a record has as JSON.")
    int bytes = 300;

    @Option(names = "--runs", description = "How often each program is measured.")
    int runs = 5;

    @Option(
        names = "--variant",
        description =
            "Options of the JVM to measure the program alone with, instead of the script's own.",
        paramLabel = "OPTIONS")
    List<String> variants = List.of();
  }

  /** Runs a command and tells what it cost, with its children: JBang's own JVM is one. */
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

  /** What one run cost. */
  private record Cost(double wall, double cpu, double peak, double server) {}

  /**
   * @param python that measures
   * @param settings the environment of every program
   * @param good what each line of stdout that says so matches
   * @param expected number of such lines
   */
  Programs(Path python, Map<String, String> settings, String good, int expected) {
    this.python = python;
    this.settings = settings;
    this.good = good;
    this.expected = expected;
  }

  /** Does this before each run; it is not measured. */
  Programs before(Runnable task) {
    before = task;
    return this;
  }

  /** A script of ours, as users type it and as JBang would run it. */
  Programs ours(String name, List<String> variants) throws IOException, InterruptedException {
    Path jbang = root.resolve("jbang");
    Path script = root.resolve(name + ".java");
    add("through ./jbang", List.of(jbang.toString(), script.toString()));
    once(programs.get("through ./jbang")); // builds it
    JsonNode told = told(jbang, script);
    List<String> own = new ArrayList<>();
    told.path("runtimeOptions").forEach(option -> own.add(option.stringValue()));
    add("program alone", alone(told, own, script));
    for (String variant : variants) {
      add("alone, " + variant, alone(told, List.of(variant.split(" ")), script));
    }
    return this;
  }

  /** The last one is what the others are compared with. */
  Programs add(String name, List<String> command) {
    programs.put(name, command);
    return this;
  }

  /** Runs each in turn; the first round warms up and is not counted. */
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

  /** About as long as asked for, in the shape of what is really published; a little non-ASCII. */
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

  /** What JBang knows of the script: its jar, class path and options. */
  private static JsonNode told(Path jbang, Path script) {
    Project.Outcome told = Project.run(jbang, "info", "tools", script).go();
    if (told.exit() != 0) {
      throw new IllegalStateException("./jbang info tools: " + told.stderr());
    }
    return JsonMapper.shared().readTree(told.stdout());
  }

  /** The command line that JBang would run. */
  private static List<String> alone(JsonNode told, List<String> options, Path script) {
    List<String> classPath = new ArrayList<>(List.of(told.get("applicationJar").stringValue()));
    told.get("resolvedDependencies").forEach(jar -> classPath.add(jar.stringValue()));
    List<String> command = new ArrayList<>();
    command.add(Path.of(told.get("availableJdkPath").stringValue(), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath)));
    command.add(script.getFileName().toString().replace(".java", ""));
    return command;
  }

  /** Runs it once; whatever is not all good ends the benchmark. */
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
      Process process = builder.start();
      process.getOutputStream().close();
      String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int exit = process.waitFor();
      double server = ownCpu() - before;
      String said = Files.readString(errors);
      double[] numbers =
          Arrays.stream(told.split("\\s")).mapToDouble(Double::parseDouble).toArray();
      long found = Files.readAllLines(output).stream().filter(line -> line.matches(good)).count();
      if (exit != 0 || numbers.length != 4 || numbers[0] != 0 || found != expected) {
        throw new IllegalStateException(
            "%s: %s, %d of %d good%n%s".formatted(command, told, found, expected, said));
      }
      return new Cost(numbers[1], numbers[2], numbers[3], server);
    } finally {
      Files.deleteIfExists(output);
      Files.deleteIfExists(errors);
    }
  }

  /** Seconds that this process has computed: it serves what the programs read. */
  private static double ownCpu() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
  }

  void print(String title) {
    System.out.printf("%s%n%n", title);
    System.out.println(
        "| program | wall s | range | CPU s | peak MiB | server's CPU s | Python ÷ wall |");
    System.out.println("|---|---|---|---|---|---|---|");
    List<Cost> last = List.copyOf(costs.values()).getLast();
    costs.forEach((name, measured) ->
        System.out.printf(
            Locale.ROOT,
            "| %s | %.2f | %.2f–%.2f | %.2f | %.0f | %.2f | %.2f |%n",
            name,
            median(measured, Cost::wall),
            measured.stream().mapToDouble(Cost::wall).min().orElse(0),
            measured.stream().mapToDouble(Cost::wall).max().orElse(0),
            median(measured, Cost::cpu),
            median(measured, Cost::peak),
            median(measured, Cost::server),
            median(last, Cost::wall) / median(measured, Cost::wall)));
    System.out.println();
  }

  private static double median(List<Cost> costs, ToDoubleFunction<Cost> of) {
    double[] sorted = costs.stream().mapToDouble(of).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
