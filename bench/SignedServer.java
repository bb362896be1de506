//SOURCES ../server/SigningAuthority.java Programs.java Records.java

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Serves signed collections from memory, and nothing else: what the embedded server would compute
 * for each answer would be measured, too.
 */
final class SignedServer implements AutoCloseable {

  private static final long TIMESTAMP = 1_795_486_758_330L;
  private static final String FIRST = "/v1/buckets/main/collections/collection-0000/changeset";

  private final SigningAuthority authority = SigningAuthority.create();
  private final Map<String, byte[]> answers = new HashMap<>(); // by path
  private final Map<String, Head> heads = new HashMap<>(); // by path of the records
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong sent = new AtomicLong();
  private final HttpServer server;
  private final String origin;

  /** What is said of the records of a collection, which are not served by themselves. */
  private record Head(long timestamp, int count) {}

  /**
   * Every tenth collection has a number of records that is a multiple of ten, as anywhere: only of
   * these validate_signature asks whether the server has cut them.
   *
   * @param records in each collection, about
   * @param bytes of each record, about
   */
  SignedServer(int collections, int records, int bytes) throws IOException {
    // Else an answer in two packets waits 40 ms for the client's delayed acknowledgement.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    // Else a connection is closed while its client works on 100 MB.
    System.setProperty("sun.net.httpserver.idleInterval", "600"); // seconds
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    origin = "http://127.0.0.1:" + server.getAddress().getPort();
    answers.put("/chain.pem", utf8(authority.chainPem()));
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
      int count = Math.max(0, records + i % 10 - 4);
      String path = "/v1/buckets/main/collections/" + name;
      answers.put(path + "/changeset", changeset(name, timestamp, count, bytes, new Random(i)));
      heads.put(path + "/records", new Head(timestamp, count));
    }
    answers.put(
        "/v1/buckets/monitor/collections/changes/changeset",
        utf8("{\"metadata\":{},\"timestamp\":%d,\"changes\":[%s]}".formatted(TIMESTAMP, entries)));
    server.createContext("/", this::answer);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
  }

  String url() {
    return origin + "/v1";
  }

  String rootHash() {
    return authority.rootHash();
  }

  Programs.Traffic traffic() {
    return new Programs.Traffic(requests.get(), sent.get());
  }

  /** Changes a digit of the first collection's first record, which is not as signed any more. */
  void alterOneRecord() {
    String body = new String(answers.get(FIRST), StandardCharsets.UTF_8);
    String altered = body.replaceFirst("cgi\\?id=", "cgi?id=1"); // another bug
    if (altered.equals(body)) {
      throw new IllegalStateException("there is no record to alter");
    }
    answers.put(FIRST, utf8(altered));
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      requests.incrementAndGet();
      String path = exchange.getRequestURI().getPath();
      byte[] body = answers.get(path);
      Head head = heads.get(path);
      if (body != null) {
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        sent.addAndGet(body.length); // before the client can end
        exchange.getResponseBody().write(body);
      } else if (head != null) {
        exchange.getResponseHeaders().set("ETag", "\"" + head.timestamp() + "\"");
        exchange.getResponseHeaders().set("Total-Records", "" + head.count());
        exchange.sendResponseHeaders(200, -1);
      } else {
        exchange.sendResponseHeaders(404, -1);
      }
    }
  }

  /** A signed changeset, with records newest first, as servers return them. */
  private byte[] changeset(String name, long timestamp, int records, int bytes, Random random) {
    ByteArrayOutputStream changes = new ByteArrayOutputStream();
    Map<String, byte[]> byId = new TreeMap<>();
    for (int i = 0; i < records; i++) {
      String id = new UUID(random.nextLong(), random.nextLong()).toString();
      Records.Made record = Records.make(id, timestamp - i, bytes, random);
      changes.writeBytes(utf8((i == 0 ? "" : ",") + record.json()));
      byId.put(id, utf8(record.canonical()));
    }
    ByteArrayOutputStream payload = new ByteArrayOutputStream();
    payload.writeBytes(utf8("Content-Signature:\0{\"data\":["));
    String comma = "";
    for (byte[] record : byId.values()) {
      payload.writeBytes(utf8(comma));
      payload.writeBytes(record);
      comma = ",";
    }
    payload.writeBytes(utf8("],\"last_modified\":\"%d\"}".formatted(timestamp)));
    String start =
        """
        {"metadata":{"id":"%s","last_modified":%d,"bucket":"main","signatures":[{"x5u":"%s",\
        "mode":"p384ecdsa","type":"contentsignaturepki","signer_id":"%s","signature":"%s"}]},\
        "timestamp":%d,"changes":[\
        """
            .formatted(
                name,
                timestamp,
                origin + "/chain.pem",
                authority.signerId(),
                authority.sign(payload.toByteArray()),
                timestamp);
    ByteArrayOutputStream body = new ByteArrayOutputStream(start.length() + changes.size() + 2);
    body.writeBytes(utf8(start));
    body.writeBytes(changes.toByteArray());
    body.writeBytes(utf8("]}"));
    return body.toByteArray();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
