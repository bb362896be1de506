import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A connection to a server of the tests, the request that came by it, and the way to answer. */
final class Exchange {

  /**
   * A request that came.
   *
   * @param line the first line, as {@code GET /v1/ HTTP/1.1}
   * @param headers by their names in lower case
   * @param body as much of it as was read
   * @param port that it came to
   */
  record Request(String line, Map<String, List<String>> headers, byte[] body, int port) {
    String method() {
      return line.split(" ")[0];
    }

    /** Path and query as they were sent, encoded. */
    String target() {
      return line.split(" ")[1];
    }

    String path() {
      return target().split("\\?", 2)[0];
    }

    /** Empty for none. */
    String query() {
      return target().substring(path().length()).replaceFirst("^\\?", "");
    }

    /** The first value of a header, empty for none. */
    String header(String name) {
      return headers.getOrDefault(name.toLowerCase(Locale.ROOT), List.of("")).getFirst();
    }

    /** The body. */
    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
      return line + " " + headers + " " + text();
    }
  }

  private final Socket connection;
  private final Consumer<Request> record;
  private final InputStream in;
  private Request request;
  private boolean isRead;

  /**
   * Reads the request up to its body.
   *
   * @param record takes the request when its body has been read, too
   */
  Exchange(Socket connection, Consumer<Request> record) throws IOException {
    this.connection = connection;
    this.record = record;
    in = new BufferedInputStream(connection.getInputStream());
    String line = readLine();
    Map<String, List<String>> headers = new TreeMap<>();
    for (String header = readLine(); !header.isEmpty(); header = readLine()) {
      String[] pair = header.split(":", 2);
      if (pair.length < 2) {
        throw new IOException("not HTTP: " + header);
      }
      headers
          .computeIfAbsent(pair[0].toLowerCase(Locale.ROOT), _ -> new ArrayList<>())
          .add(pair[1].strip());
    }
    request = new Request(line, headers, new byte[0], connection.getLocalPort());
  }

  private String readLine() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException();
      }
      line.append((char) next);
    }
    return line.toString().strip();
  }

  Socket connection() {
    return connection;
  }

  /** What the client sends that has not been read yet. */
  InputStream in() {
    return in;
  }

  /** The request, without what has not been read yet of its body. */
  Request head() {
    return request;
  }

  /** The whole request. */
  Request request() throws IOException {
    return request(Integer.MAX_VALUE);
  }

  /** The request with at most so many bytes of its body, unless the body has been read before. */
  Request request(int mostBytes) throws IOException {
    if (!isRead) {
      isRead = true;
      if (request.header("expect").equalsIgnoreCase("100-continue")) {
        send("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      }
      String length = request.headers().getOrDefault("content-length", List.of("0")).getFirst();
      byte[] body = in.readNBytes(Math.min(mostBytes, Integer.parseInt(length)));
      request = new Request(request.line(), request.headers(), body, request.port());
      record.accept(request);
    }
    return request;
  }

  void send(byte[] bytes) throws IOException {
    connection.getOutputStream().write(bytes);
  }
}
