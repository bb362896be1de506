import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;

/**
 * A port of loopback that no other process gets while it is open: it is bound, but nobody listens,
 * so that a connection is refused. A server of ours may listen on it, close, and listen again.
 */
final class ReservedPort implements AutoCloseable {

  private final Socket socket = new Socket();

  ReservedPort() {
    try {
      socket.setReuseAddress(true); // so that a server can bind it, too
      socket.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  int number() {
    return socket.getLocalPort();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
