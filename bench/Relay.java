//SOURCES Programs.java

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/** Stands before a server on loopback, and counts what clients ask and are sent. */
final class Relay implements AutoCloseable {

  private static final int BUFFER_BYTES = 16 * 1024;

  /** Ends the first line of each request; no body of JSON has a line that ends like that. */
  private static final byte[] REQUEST = " HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII);

  private final URI server;
  private final Duration latency;
  private final ServerSocket socket;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong sent = new AtomicLong();

  /**
   * @param latency what a connection takes before it can be used
   */
  Relay(URI server, Duration latency) throws IOException {
    this.server = server;
    this.latency = latency;
    socket = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
    threads.execute(this::accept);
  }

  URI url() {
    String host = socket.getInetAddress().getHostAddress();
    return URI.create("http://" + host + ":" + socket.getLocalPort() + server.getPath());
  }

  /** Bytes include headers. */
  Programs.Traffic traffic() {
    return new Programs.Traffic(requests.get(), sent.get());
  }

  private void accept() {
    try {
      while (true) {
        Socket client = socket.accept();
        threads.execute(() -> relay(client));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void relay(Socket client) {
    try (client;
        Socket upstream = new Socket(server.getHost(), server.getPort())) {
      client.setTcpNoDelay(true);
      upstream.setTcpNoDelay(true);
      Thread.sleep(latency);
      threads.execute(() -> {
        try {
          relayRequests(client.getInputStream(), upstream.getOutputStream());
          upstream.shutdownInput(); // the answer is of no use any more
        } catch (IOException e) {
          // one side has gone
        }
      });
      InputStream from = upstream.getInputStream();
      OutputStream to = client.getOutputStream();
      byte[] part = new byte[BUFFER_BYTES];
      for (int count = from.read(part); count >= 0; count = from.read(part)) {
        sent.addAndGet(count); // before the client can end
        to.write(part, 0, count);
      }
    } catch (IOException | InterruptedException e) {
      // one side has gone
    }
  }

  private void relayRequests(InputStream from, OutputStream to) throws IOException {
    byte[] part = new byte[BUFFER_BYTES];
    int matched = 0;
    for (int count = from.read(part); count >= 0; count = from.read(part)) {
      for (int i = 0; i < count; i++) {
        matched = part[i] == REQUEST[matched] ? matched + 1 : part[i] == REQUEST[0] ? 1 : 0;
        if (matched == REQUEST.length) {
          requests.incrementAndGet();
          matched = 0;
        }
      }
      to.write(part, 0, count);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    threads.shutdownNow();
  }
}
