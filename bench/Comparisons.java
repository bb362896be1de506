//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../deploy/Project.java ../server/RemoteSettingsServer.java ../server/Signoff.java
//SOURCES ../server/Store.java Goals.java Peers.java Programs.java Records.java Relay.java
//SOURCES Measurements.java SignedServer.java

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Serves what programs work on, and compares them: one method for each comparison. */
final class Comparisons implements AutoCloseable {

  private static final String REDASH = "/api/queries/61352/results.json";
  private static final String BACKPORTS = "backports"; // a bucket unknown to the signer

  private static final Supplier<Programs.Traffic> NO_TRAFFIC = () -> new Programs.Traffic(0, 0);
  private static final Runnable NOTHING = () -> {};

  /** Starts of {@code ./jbang} before it is measured: it prepares the next ones meanwhile. */
  private static final int STARTS_BEFORE = 4;

  private static final Duration LONGEST_PREPARATION = Duration.ofSeconds(20);

  /**
   * How much there is to do.
   *
   * @param records in each collection
   * @param bytes of a record's JSON, about
   */
  record Size(int collections, int records, int bytes) {}

  private final int runs;
  private final int workers;
  private final Duration latency;
  private final Path python;
  private final Path jbang = Project.root().resolve("jbang");
  private final Path folder = Files.createTempDirectory("bench-");
  private final Path bin = folder.resolve("bin");
  private final Set<String> prepared = new HashSet<>(); // scripts
  private final Path go; // null where there is no Go

  /**
   * Installs the commands into a temporary folder, and builds what is to be built.
   *
   * @param workers requests in flight, of each program
   * @param latency delay before each answer of the embedded server
   */
  Comparisons(int runs, int workers, Duration latency) throws IOException {
    this.runs = runs;
    this.workers = workers;
    this.latency = latency;
    if (!Peers.LAMBDAS.prepare()) {
      throw new IOException(Peers.LAMBDAS.toString());
    }
    python = Peers.LAMBDAS.path();
    say("installing the commands");
    succeed(jbang, "install", bin);
    if (Peers.GO.prepare()) {
      go = folder.resolve("lean");
      succeed(Peers.GO.path(), "build", "-o", go, file("bench/lean.go"));
    } else {
      go = null;
      say(Peers.GO + ": left out");
    }
  }

  /** When, where and how all of it is measured. */
  String circumstances() throws IOException {
    Path cpus = Path.of("/proc/cpuinfo");
    String model =
        !Files.isReadable(cpus)
            ? System.getProperty("os.arch")
            : Files.readAllLines(cpus).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse(System.getProperty("os.arch"));
    String version = "import platform; print(platform.python_version(), end='')";
    return "%s, %d cores (%s), %s, Java %s, Python %s, %s. Medians of %d runs."
        .formatted(
            LocalDate.now(ZoneOffset.UTC),
            Runtime.getRuntime().availableProcessors(),
            model,
            System.getProperty("os.name"),
            System.getProperty("java.version"),
            Project.run(python, "-c", version).go().stdout(),
            go == null ? "no Go" : Peers.GO.toString().replaceAll(".*go(\\d\\S*).*", "Go $1"),
            runs);
  }

  private static Path file(String name) {
    return Project.root().resolve(name);
  }

  private static void say(String text) {
    System.err.println("bench: " + text);
  }

  private static void succeed(Object... command) {
    Project.Outcome outcome = Project.run(command).in(Project.root()).go();
    if (outcome.exit() != 0) {
      throw new IllegalStateException(List.of(command) + ": " + outcome.stderr());
    }
  }

  // --- The comparisons -----------------------------------------------------------------------

  Measurements.Comparison help() throws IOException {
    Programs.Task task = new Programs.Task(Map.of(), 0, "Usage: validate_signature .*", 1);
    return compare(
        "help",
        "`validate_signature --help`",
        List.of(
            task.by(Goals.INSTALLED, bin.resolve("validate_signature"), "--help"),
            task.by(Goals.THROUGH_JBANG, jbang, "validate_signature.java", "--help")),
        NO_TRAFFIC,
        NOTHING);
  }

  /** Every command on the sample content of the embedded server. */
  Measurements.Comparison sample() throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start();
        Relay relay = new Relay(server.url(), Duration.ZERO)) {
      Map<String, String> settings =
          Map.of(
              "SERVER", relay.url().toString(),
              "AUTH", "editor:editor",
              "REFRESH_SIGNATURE_AUTH", "editor:editor",
              "BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor",
              "BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/bench");
      List<Programs.Program> programs = new ArrayList<>();
      for (String command : Goals.COMMANDS) {
        List<String> options =
            switch (command) {
              case "refresh_signature" -> List.of("--dry-run");
              case "backport_records" -> List.of("--create-destination", "--dry-run");
              case "blockpages_generator" -> List.of("--target-dir", folder + "/sample");
              case "uptake_health" ->
                  List.of("--input", "server/sample/uptake.json", "--exit-zero");
              default -> List.of();
            };
        Programs.Task task = new Programs.Task(settings, 0, "no such line", 0);
        programs.addAll(ours(task, command, name -> Goals.onSample(command, name), options));
      }
      return compare(
          "sample", "Each command on the sample content", programs, relay::traffic, NOTHING);
    }
  }

  Measurements.Comparison validateSignature(String id, Size size) throws IOException {
    say("signing %,d collections of %,d records".formatted(size.collections(), size.records()));
    try (SignedServer server = new SignedServer(size.collections(), size.records(), size.bytes())) {
      return compare(
          id,
          "`validate_signature`, " + shown(size) + ", %d in flight".formatted(workers),
          verifiers(server, size.collections()),
          server::traffic,
          NOTHING);
    }
  }

  /** Whether time grows with the number of collections. */
  Measurements.Comparison scale() throws IOException {
    List<SignedServer> servers = new ArrayList<>();
    try {
      List<Programs.Program> programs = new ArrayList<>();
      for (int collections : List.of(50, 400, 3200)) {
        SignedServer server = new SignedServer(collections, 30, 300);
        servers.add(server);
        programs.add(
            verification(server, collections)
                .by(Goals.ofScale(collections), bin.resolve("validate_signature")));
      }
      return compare(
          "scale",
          "`validate_signature`, installed, more and more collections of 30 records",
          programs,
          () ->
              servers.stream()
                  .map(SignedServer::traffic)
                  .reduce(new Programs.Traffic(0, 0), Programs.Traffic::plus),
          NOTHING);
    } finally {
      servers.forEach(SignedServer::close);
    }
  }

  /**
   * Serves a collection whose records are not as signed; throws if a program does not find that,
   * because then it does not do the work.
   */
  void findOneBadSignature() throws IOException {
    say("altering a record, which every program has to find");
    try (SignedServer server = new SignedServer(3, 30, 300)) {
      server.alterOneRecord();
      Programs programs = new Programs(python, server::traffic, NOTHING);
      for (Programs.Program program : verifiers(server, 3)) {
        programs.once(
            new Programs.Program(program.name(), program.command(), program.task().withOneBad()));
      }
    }
  }

  Measurements.Comparison consistencyChecks(Size size) throws IOException {
    return check("consistency_checks", "main/\\S+ OK", size.collections(), size);
  }

  /** Previews have an entry each, too. */
  Measurements.Comparison validateChangesCollection(Size size) throws IOException {
    return check("validate_changes_collection", "Etag OK for .*", 2 * size.collections(), size);
  }

  private Measurements.Comparison check(String command, String good, int count, Size size)
      throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().latency(latency).start();
        Relay relay = new Relay(server.url(), latency)) {
      fill(server, size);
      String url = relay.url().toString();
      Programs.Task task =
          new Programs.Task(
              Map.of("SERVER", url, "AUTH", "editor:editor", "PARALLEL_REQUESTS", "" + workers),
              0,
              good,
              count);
      List<Programs.Program> programs = ours(task, command);
      Path script = file("bench/checks.py");
      programs.add(
          task.by("Python, %d threads".formatted(workers), python, script, command, url, workers));
      programs.add(task.by(Goals.PYTHON, python, script, command, url, 1));
      return compare(
          command,
          "`%s`, %s, %d in flight%s".formatted(command, shown(size), workers, late()),
          programs,
          relay::traffic,
          NOTHING);
    }
  }

  /** Copies a collection to an empty one. */
  Measurements.Comparison backportRecords(Size size) throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().latency(latency).start();
        Relay relay = new Relay(server.url(), latency)) {
      server.bucket(BACKPORTS);
      server.create(BACKPORTS, "source");
      put(server, BACKPORTS, "source", size, new Random(0));
      String url = relay.url().toString();
      Programs.Task task =
          new Programs.Task(
              Map.of(
                  "SERVER", url,
                  "AUTH", "editor:editor",
                  "BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor",
                  "BACKPORT_RECORDS_SOURCE_BUCKET", BACKPORTS,
                  "BACKPORT_RECORDS_SOURCE_COLLECTION", "source",
                  "BACKPORT_RECORDS_DEST_BUCKET", BACKPORTS,
                  "BACKPORT_RECORDS_DEST_COLLECTION", "copy"),
              0,
              "Batch #\\d+: PUT \\S+ - 201 ?",
              size.records());
      List<Programs.Program> programs = ours(task, "backport_records");
      programs.add(
          task.by(
              Goals.PYTHON,
              python,
              file("bench/backport.py"),
              url,
              BACKPORTS + "/source",
              BACKPORTS + "/copy"));
      return compare(
          "backport_records",
          "`backport_records`, %,d creations of %d bytes%s"
              .formatted(size.records(), size.bytes(), late()),
          programs,
          relay::traffic,
          () -> {
            if (server.store().find(BACKPORTS, "copy").isPresent()) {
              server.store().drop(BACKPORTS, "copy");
            }
            server.create(BACKPORTS, "copy");
          });
    }
  }

  /** Writes all pages into a new folder. */
  Measurements.Comparison blockpagesGenerator(int records) throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().latency(latency).start();
        Relay relay = new Relay(server.url(), latency)) {
      int pages = fillBlocklist(server, records) + 1; // and the index
      String url = relay.url().toString();
      Path target = folder.resolve("pages");
      Programs.Task task =
          new Programs.Task(
              Map.of("SERVER", url, "TARGET_DIR", target.toString()),
              0,
              "Writing \\S+ to \\S+",
              pages);
      List<Programs.Program> programs = ours(task, "blockpages_generator");
      programs.add(
          task.by(Goals.PYTHON, python, file("bench/pages.py"), url, target, file("templates")));
      return compare(
          "blockpages_generator",
          "`blockpages_generator`, %,d records, %,d pages%s".formatted(records, pages, late()),
          programs,
          relay::traffic,
          () -> {
            try {
              Peers.delete(target);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    }
  }

  Measurements.Comparison uptakeHealth(int sources) throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().latency(latency).start();
        Relay relay = new Relay(server.url(), latency)) {
      server.answer(REDASH, 200, "application/json", uptake(sources));
      String url = relay.url().resolve(REDASH).toString();
      Programs.Task task =
          new Programs.Task(
              Map.of("REDASH_API_QUERY_URL", url, "REDASH_API_KEY", "key-of-the-benchmark"),
              0,
              "main/source-.*%",
              sources);
      List<Programs.Program> programs = ours(task, "uptake_health");
      programs.add(task.by(Goals.PYTHON, python, file("bench/uptake.py"), url));
      return compare(
          "uptake_health",
          "`uptake_health`, %,d sources%s".formatted(sources, late()),
          programs,
          relay::traffic,
          NOTHING);
    }
  }

  // --- The programs --------------------------------------------------------------------------

  private Measurements.Comparison compare(
      String id,
      String title,
      List<Programs.Program> programs,
      Supplier<Programs.Traffic> traffic,
      Runnable before)
      throws IOException {
    Programs measured = new Programs(python, traffic, before);
    for (Programs.Program program : programs) {
      if (program.command().getFirst().equals(jbang.toString())) {
        prepare(measured, program);
      }
    }
    say(title.replace("`", ""));
    return new Measurements.Comparison(id, title, measured.run(programs, runs));
  }

  /** Starts a program often enough that {@code ./jbang} has prepared all that it prepares. */
  private void prepare(Programs programs, Programs.Program program) throws IOException {
    String script = program.command().get(1).replace(".java", "");
    if (!prepared.add(script)) {
      return;
    }
    for (int start = 0; start < STARTS_BEFORE; start++) {
      Set<Long> others = processes(script);
      programs.once(program);
      Instant deadline = Instant.now().plus(LONGEST_PREPARATION);
      while (!others.containsAll(processes(script)) && Instant.now().isBefore(deadline)) {
        try {
          Thread.sleep(100);
        } catch (InterruptedException e) {
          throw new IOException(e);
        }
      }
    }
  }

  /** The processes of this project in whose command line a script is named. */
  private static Set<Long> processes(String script) {
    String root = Project.root().toString();
    return ProcessHandle.allProcesses()
        .filter(process -> {
          String line = process.info().commandLine().orElse("");
          return line.contains(root) && line.contains(script);
        })
        .map(ProcessHandle::pid)
        .collect(Collectors.toSet());
  }

  /** A command as installed, and through the start script. */
  private List<Programs.Program> ours(
      Programs.Task task, String command, UnaryOperator<String> name, List<String> options) {
    List<Object> installed = new ArrayList<>(List.of(bin.resolve(command)));
    List<Object> script = new ArrayList<>(List.of(jbang, command + ".java"));
    installed.addAll(options);
    script.addAll(options);
    return new ArrayList<>(
        List.of(
            task.by(name.apply(Goals.INSTALLED), installed.toArray()),
            task.by(name.apply(Goals.THROUGH_JBANG), script.toArray())));
  }

  private List<Programs.Program> ours(Programs.Task task, String command) {
    return ours(task, command, UnaryOperator.identity(), List.of());
  }

  private Programs.Task verification(SignedServer server, int collections) {
    return new Programs.Task(
        Map.of(
            "SERVER",
            server.url(),
            "ROOT_HASH",
            server.rootHash(),
            "PARALLEL_REQUESTS",
            String.valueOf(workers)),
        0,
        ".*:  OK.*",
        collections);
  }

  private List<Programs.Program> verifiers(SignedServer server, int collections) {
    Programs.Task task = verification(server, collections);
    List<Programs.Program> programs = ours(task, "validate_signature");
    if (go != null) {
      programs.add(task.by(Goals.GO, go, server.url(), server.rootHash(), workers));
    }
    Map<String, String> clients = new LinkedHashMap<>();
    if (collections > 1) { // else what it saves is too little to be seen
      clients.put(Goals.LEANEST_PYTHON, "http.client");
    }
    clients.put(Goals.PYTHON, "requests");
    Path lean = file("bench/lean.py");
    clients.forEach((name, client) ->
        programs.add(
            task.by(name, python, lean, server.url(), server.rootHash(), workers, client)));
    return programs;
  }

  private static String shown(Size size) {
    return "%,d %s of %,d records of %d bytes"
        .formatted(
            size.collections(),
            size.collections() == 1 ? "collection" : "collections",
            size.records(),
            size.bytes());
  }

  private String late() {
    return latency.isZero() ? "" : ", %d ms before each answer".formatted(latency.toMillis());
  }

  // --- The contents --------------------------------------------------------------------------

  /** Signed collections whose source, preview and destination agree. */
  private void fill(RemoteSettingsServer server, Size size) {
    for (int i = 0; i < size.collections(); i++) {
      String name = "collection-%04d".formatted(i);
      Signoff.Resource resource = Signoff.of("main-workspace", name).orElseThrow();
      for (String bucket : List.of(resource.source(), resource.preview(), resource.destination())) {
        server.create(bucket, name);
        put(server, bucket, name, size, new Random(i));
      }
      server.sign(resource.preview(), name);
      server.sign(resource.destination(), name);
      server.edit(resource.source(), name, it -> it.put("status", "signed"));
    }
  }

  private static void put(
      RemoteSettingsServer server, String bucket, String collection, Size size, Random random) {
    for (int i = 0; i < size.records(); i++) {
      String id = new UUID(random.nextLong(), random.nextLong()).toString();
      String json = Records.make(id, 1_795_486_758_330L, size.bytes(), random).json();
      ObjectNode record = (ObjectNode) JsonMapper.shared().readTree(json);
      record.remove("last_modified"); // the server's own
      server.store().put(bucket, collection, record);
    }
  }

  /**
   * Creates the public blocklist of 2016, repeated under other names until there are enough
   * records; returns the number of their pages, because some share a page.
   */
  private static int fillBlocklist(RemoteSettingsServer server, int records) throws IOException {
    Set<String> names = new HashSet<>();
    Map<String, JsonNode> vectors = new HashMap<>();
    for (String collection : List.of("addons", "plugins")) {
      server.create("blocklists", collection);
      Path vector = file("tests/vectors/blocklist-2016/" + collection + ".json");
      vectors.put(collection, Store.JSON.readTree(Files.readString(vector)));
    }
    int filled = 0;
    for (int round = 0; filled < records; round++) {
      for (String collection : List.of("addons", "plugins")) {
        for (JsonNode record : vectors.get(collection)) {
          if (filled++ < records) {
            ObjectNode copy = (ObjectNode) record.deepCopy();
            String name = record.path("blockID").asString() + (round == 0 ? "" : "-" + round);
            names.add(name);
            copy.put("blockID", name);
            copy.put("id", record.path("id").asString() + "-" + round);
            server.store().put("blocklists", collection, copy);
          }
        }
      }
    }
    return names.size();
  }

  /** The result of an uptake query for yesterday. */
  private static String uptake(int sources) {
    Random random = new Random(1);
    long now = Instant.now().getEpochSecond();
    ObjectNode result = JsonMapper.shared().createObjectNode();
    ArrayNode rows = result.putObject("query_result").putObject("data").putArray("rows");
    for (int i = 0; i < sources; i++) {
      ObjectNode row = rows.addObject().put("source", "main/source-%04d".formatted(i));
      row.put("min_timestamp", now - 86_400).put("max_timestamp", now - 1);
      row.put("success", 10_000 + random.nextInt(100_000));
      row.put("up_to_date", 1_000_000 + random.nextInt(1_000_000));
      for (String error : List.of("network", "sync", "apply", "parse", "content", "signature")) {
        row.put(error + "_error", random.nextInt(2_000));
      }
    }
    return result.toString();
  }

  @Override
  public void close() throws IOException {
    Peers.delete(folder);
  }
}
