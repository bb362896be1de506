///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare the speed of validate_signature with that of a minimal Python program.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Programs.java
//SOURCES ../common/signature/CanonicalReader.java
//SOURCES Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/SigningAuthority.java
//RUNTIME_OPTIONS -XX:+UseSerialGC

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import common.signature.CanonicalReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.zip.GZIPOutputStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Compares time and memory of validate_signature with those of {@code lean.py}.
 *
 * <p>Serves signed collections from memory and verifies them with three programs in turn: ours
 * through {@code ./jbang}, ours alone (the command that JBang would run), and {@code lean.py}. The
 * first round is a warm-up and does not count; every run must find every signature good.
 */
@Command(
    name = "bench",
    description = "Compare the speed of validate_signature with that of a minimal Python program.",
    showDefaultValues = true,
    mixinStandardHelpOptions = true)
public class bench implements Callable<Integer> {

  private static final long TIMESTAMP = 1_795_486_758_330L;

  @Mixin private Programs.Settings measured;

  @Option(names = "--collections", description = "How many collections to serve.")
  private int collections = 24;

  @Option(names = "--records", description = "How many records each of them holds.")
  private int records = 30;

  @Option(names = "--workers", description = "Requests in flight, of each program.")
  private int workers = 4;

  @Option(names = "--gzip", description = "Compress what is served, as a CDN does.")
  private boolean gzip;

  public static void main(String[] args) {
    System.exit(new CommandLine(new bench()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    if (!Peers.PYTHON.prepare()) {
      System.err.println("bench: error: " + Peers.PYTHON);
      return 2;
    }
    Path python = Peers.PYTHON.path();
    Path root = Project.root();
    SigningAuthority authority = SigningAuthority.create();
    HttpServer server = serve(authority);
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
      Map<String, String> settings =
          Map.of(
              "SERVER", url,
              "ROOT_HASH", authority.rootHash(),
              "PARALLEL_REQUESTS", String.valueOf(workers));
      new Programs(python, settings, ".*:  OK.*", collections)
          .ours("validate_signature", measured.variants)
          .add(
              "Python, leanest",
              List.of(
                  python.toString(),
                  root.resolve("bench/lean.py").toString(),
                  url,
                  authority.rootHash(),
                  String.valueOf(workers)))
          .run(measured.runs)
          .print(
              "%d collections × %d records × %d bytes%s, %d in flight; medians of %d runs, range of wall"
                  .formatted(
                      collections,
                      records,
                      measured.bytes,
                      gzip ? ", gzip" : "",
                      workers,
                      measured.runs));
      return 0;
    } finally {
      server.stop(0);
    }
  }

  // --- The server ----------------------------------------------------------------------------

  private HttpServer serve(SigningAuthority authority) throws IOException {
    // Else an answer in two packets waits 40 ms for the client's delayed acknowledgement.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    String origin = "http://127.0.0.1:" + server.getAddress().getPort();
    Map<String, byte[]> answers = new HashMap<>();
    answers.put("/chain.pem", authority.chainPem().getBytes(StandardCharsets.US_ASCII));
    answers.put(
        "/v1/",
        utf8(
            "{\"project_name\":\"Remote Settings\",\"url\":\"%s/v1/\",\"capabilities\":{}}"
                .formatted(origin)));
    StringBuilder entries = new StringBuilder();
    for (int i = 0; i < collections; i++) {
      String name = "collection-%04d".formatted(i);
      long timestamp = TIMESTAMP - i;
      entries
          .append(i == 0 ? "" : ",")
          .append(
              """
              {"id":"%s","bucket":"main","collection":"%s","host":"127.0.0.1","last_modified":%d}\
              """
                  .formatted(new UUID(0, i), name, timestamp));
      answers.put(
          "/v1/buckets/main/collections/" + name + "/changeset",
          changeset(name, timestamp, new Random(i), authority, origin + "/chain.pem"));
    }
    answers.put(
        "/v1/buckets/monitor/collections/changes/changeset",
        utf8("{\"metadata\":{},\"timestamp\":%d,\"changes\":[%s]}".formatted(TIMESTAMP, entries)));
    Map<String, byte[]> compressed = new HashMap<>();
    if (gzip) {
      for (Map.Entry<String, byte[]> answer : answers.entrySet()) {
        compressed.put(answer.getKey(), gzipped(answer.getValue()));
      }
    }
    server.createContext("/", exchange -> answer(exchange, answers, compressed));
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
    return server;
  }

  private static void answer(
      HttpExchange exchange, Map<String, byte[]> answers, Map<String, byte[]> compressed)
      throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      String accepted = exchange.getRequestHeaders().getFirst("Accept-Encoding");
      byte[] body = answers.get(path);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      if (accepted != null && accepted.contains("gzip") && compressed.containsKey(path)) {
        body = compressed.get(path);
        exchange.getResponseHeaders().set("Content-Encoding", "gzip");
      }
      if (body == null) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  /** A signed changeset, with records newest first, as servers return them. */
  private byte[] changeset(
      String name, long timestamp, Random random, SigningAuthority authority, String x5u)
      throws IOException {
    StringBuilder changes = new StringBuilder();
    TreeMap<String, byte[]> byId = new TreeMap<>();
    for (int i = 0; i < records; i++) {
      String id = new UUID(random.nextLong(), random.nextLong()).toString();
      String record = record(id, timestamp - i, random);
      changes.append(i == 0 ? "" : ",").append(record);
      byId.put(id, CanonicalReader.read(utf8(record)).bytes());
    }
    ByteArrayOutputStream payload = new ByteArrayOutputStream();
    payload.writeBytes(utf8("Content-Signature:\0{\"data\":["));
    for (byte[] record : byId.values()) {
      payload.writeBytes(record);
      payload.write(',');
    }
    byte[] signed = payload.toByteArray();
    int end = signed.length - (byId.isEmpty() ? 0 : 1); // without the last comma
    payload.reset();
    payload.write(signed, 0, end);
    payload.writeBytes(utf8("],\"last_modified\":\"%d\"}".formatted(timestamp)));
    String signature = authority.sign(payload.toByteArray());
    return utf8(
        """
        {"metadata":{"id":"%s","last_modified":%d,"bucket":"main","signatures":[{"x5u":"%s",\
        "mode":"p384ecdsa","type":"contentsignaturepki","signer_id":"%s","signature":"%s"}]},\
        "timestamp":%d,"changes":[%s]}\
        """
            .formatted(name, timestamp, x5u, authority.signerId(), signature, timestamp, changes));
  }

  /** A record of about that size that resembles published ones, with some non-ASCII characters. */
  private String record(String id, long lastModified, Random random) {
    String record =
        """
        {"schema":%d,"details":{"bug":"https://bugzilla.mozilla.org/show_bug.cgi?id=%d",\
        "created":"2026-11-24T02:19:18Z","severity":%d},"enabled":%b,"locales":["fr","en-US"],\
        "id":"%s","last_modified":%d,"comment":"\u2026"}\
        """
            .formatted(
                lastModified - 1000,
                random.nextInt(2_000_000),
                random.nextInt(4),
                random.nextBoolean(),
                id,
                lastModified);
    StringBuilder comment = new StringBuilder();
    while (record.length() + comment.length() < measured.bytes) {
      comment.append(random.nextInt(40) == 0 ? 'é' : (char) ('a' + random.nextInt(26)));
    }
    return record.replace("\u2026", comment);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] gzipped(byte[] body) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(body);
    }
    return bytes.toByteArray();
  }
}
