import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/** Stands before a server on loopback, and counts what is sent to clients. */
final class Relay implements AutoCloseable {

  private static final int BUFFER_BYTES = 16 * 1024; // what is sent ahead is little, as far away

  private final URI server;
  private final Duration latency;
  private final ServerSocket socket;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
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

  /** How many bytes clients were sent, headers included. */
  long sent() {
    return sent.get();
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
      client.setSendBufferSize(BUFFER_BYTES);
      upstream.setTcpNoDelay(true);
      upstream.setReceiveBufferSize(BUFFER_BYTES);
      Thread.sleep(latency);
      threads.execute(() -> {
        try {
          client.getInputStream().transferTo(upstream.getOutputStream());
          upstream.shutdownInput(); // the answer is of no use any more
        } catch (IOException e) {
          // one side has gone
        }
      });
      InputStream from = upstream.getInputStream();
      OutputStream to = client.getOutputStream();
      byte[] part = new byte[BUFFER_BYTES];
      for (int count = from.read(part); count >= 0; count = from.read(part)) {
        to.write(part, 0, count);
        sent.addAndGet(count);
      }
    } catch (IOException | InterruptedException e) {
      // one side has gone
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    threads.shutdownNow();
  }
}
