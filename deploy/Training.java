//SOURCES Project.java ../server/RemoteSettingsServer.java ../server/SampleContent.java
//SOURCES ../server/SigningAuthority.java

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes the archive (JEP 514) that lets a command start fast. The JVM records the classes that it
 * loads and links during one run, so that run does the command's real work: over TLS, against
 * servers on loopback that this class starts.
 */
final class Training implements AutoCloseable {

  private static final String EMPTY_BUCKET =
      """
      <?xml version="1.0" encoding="UTF-8"?>
      <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>pages</Name>\
      <KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
      </ListBucketResult>\
      """;

  private final Path root;
  private final Path folder;
  private RemoteSettingsServer server;
  private HttpServer others;
  private final Map<String, String> settings = new HashMap<>();

  /**
   * @param root of the project, which contains the samples
   * @param folder for the files that the runs write
   */
  Training(Path root, Path folder) {
    this.root = root;
    this.folder = folder;
  }

  private synchronized void start() throws IOException {
    if (server != null) {
      return;
    }
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForLoopback();
    server = RemoteSettingsServer.builder().sample(true).tls(identity.context()).start();
    String sample = Files.readString(root.resolve("server/sample/uptake.json"));
    byte[] uptake = SampleContent.uptake(sample, Instant.now()).getBytes(StandardCharsets.UTF_8);
    others = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    others.createContext("/redash", exchange -> answer(exchange, "application/json", uptake));
    others.createContext(
        "/pages",
        exchange -> {
          exchange.getRequestBody().readAllBytes();
          boolean lists = exchange.getRequestMethod().equals("GET");
          byte[] body = lists ? EMPTY_BUCKET.getBytes(StandardCharsets.UTF_8) : new byte[0];
          answer(exchange, "application/xml", body);
        });
    others.start();
    URI other = URI.create("http://127.0.0.1:" + others.getAddress().getPort());
    settings.put("SERVER", server.url().toString());
    settings.put(
        "REQUESTS_CA_BUNDLE",
        Files.writeString(folder.resolve("ca.pem"), identity.caPem()).toString());
    settings.put("AUTH", "editor:editor");
    settings.put("REFRESH_SIGNATURE_AUTH", "editor:editor");
    settings.put("VERIFY", "true");
    settings.put("BACKPORT_RECORDS_SOURCE_AUTH", "editor:editor");
    settings.put("BACKPORT_RECORDS_MAPPINGS", "main/regions -> main-workspace/training");
    settings.put("CREATE_DESTINATION", "true");
    settings.put("AWS_ENDPOINT_URL_S3", other.toString());
    settings.put("AWS_ACCESS_KEY_ID", "training");
    settings.put("AWS_SECRET_ACCESS_KEY", "training");
    settings.put("BUCKET_NAME", "pages");
    settings.put("REDASH_API_QUERY_URL", other + "/redash");
    settings.put("REDASH_API_KEY", "training");
  }

  private static void answer(HttpExchange exchange, String type, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.getResponseHeaders().set("ETag", "\"0\"");
    exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  /**
   * Runs a command once, and makes its archive.
   *
   * @param jvm the command line of the JVM, up to the class path
   * @param archive file to write
   * @throws IOException if there is no archive afterwards; the message has the output of the run
   */
  void run(List<String> jvm, String command, Path archive) throws IOException {
    start();
    List<String> line = new ArrayList<>(jvm);
    line.addAll(
        1,
        List.of(
            "-XX:AOTCacheOutput=" + archive,
            "-Xlog:disable",
            // else each start compiles what was hot in this run, a tenth of a short run's CPU time
            "-XX:+IgnoreUnrecognizedVMOptions", // a newer Java may lack them
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:-AOTRecordTraining",
            "-Dlibcrypto.worth=0"));
    line.addAll(List.of("LaunchedCommand", command));
    Map<String, String> environment = new HashMap<>(settings);
    if (command.equals("uptake_health")) {
      environment.put("HTML", folder.resolve("uptake.html").toString());
      environment.remove("REQUESTS_CA_BUNDLE");
    }
    environment.put("LC_ALL", "C.UTF-8");
    environment.put("REQUESTS_TIMEOUT_SECONDS", "60"); // a busy machine answers late
    Project.Outcome outcome = Project.run(line.toArray()).in(folder).onlyEnv(environment).go();
    if (outcome.exit() != 100 && outcome.exit() != 101) { // all well, findings
      throw new IOException(
          "its training run exited with %d: %s".formatted(outcome.exit(), outcome.stderr()));
    }
    if (!Files.exists(archive)) {
      throw new IOException("Java wrote no archive; is the disk full?");
    }
  }

  @Override
  public void close() {
    if (server != null) {
      others.stop(0);
      server.close();
    }
  }
}
