//SOURCES Exchange.java
//SOURCES Reply.java
//SOURCES ReservedPort.java

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import javax.net.ServerSocketFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocketFactory;

/**
 * A server on loopback that records each request and gives the reply that a test wants, byte by
 * byte, so that it can also do what no good server does. Each connection serves one request.
 */
final class RecordingServer implements AutoCloseable {

  private static final ReservedPort NOBODY = new ReservedPort(); // for as long as the tests run

  private final ServerSocket socket;
  private final String scheme;
  private final Reply reply;
  private final List<Exchange.Request> requests = new ArrayList<>();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  private RecordingServer(ServerSocketFactory sockets, int port, Reply reply) {
    this.reply = reply;
    scheme = sockets instanceof SSLServerSocketFactory ? "https" : "http";
    try {
      socket = sockets.createServerSocket(port, 100, InetAddress.getByName("127.0.0.1"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    threads.execute(this::accept);
  }

  /** The first request gets the first reply, and so on; the last reply is for all further ones. */
  static RecordingServer of(Reply... replies) {
    return on(0, replies);
  }

  /** The same on a port that is given. */
  static RecordingServer on(int port, Reply... replies) {
    return new RecordingServer(ServerSocketFactory.getDefault(), port, Reply.inTurn(replies));
  }

  /** The same with HTTPS. */
  static RecordingServer tls(SSLContext context, Reply... replies) {
    return new RecordingServer(context.getServerSocketFactory(), 0, Reply.inTurn(replies));
  }

  /** The request decides on the reply. */
  static RecordingServer routes(Function<Exchange.Request, Reply> replies) {
    return withUnreadBody(exchange -> replies.apply(exchange.request()).send(exchange));
  }

  /** The reply reads the request's body, or part of it; only then is the request recorded. */
  static RecordingServer withUnreadBody(Reply reply) {
    return new RecordingServer(ServerSocketFactory.getDefault(), 0, reply);
  }

  /** A URL on loopback where nobody listens. */
  static URI nobody(String target) {
    return URI.create("http://127.0.0.1:" + NOBODY.number() + target);
  }

  int port() {
    return socket.getLocalPort();
  }

  URI url() {
    return url("/v1/");
  }

  URI url(String target) {
    return URI.create(scheme + "://127.0.0.1:" + port() + target);
  }

  /** The requests so far, in the order in which they were read. */
  List<Exchange.Request> requests() {
    synchronized (requests) {
      return List.copyOf(requests);
    }
  }

  /** Waits until so many requests have come. */
  void awaitRequests(int count) throws InterruptedException {
    synchronized (requests) {
      while (requests.size() < count) {
        requests.wait();
      }
    }
  }

  void forgetRequests() {
    synchronized (requests) {
      requests.clear();
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket connection = socket.accept();
        threads.execute(() -> serve(connection));
      }
    } catch (IOException | RejectedExecutionException e) {
      // closed: the test is over
    }
  }

  private void serve(Socket connection) {
    try (connection) {
      connection.setTcpNoDelay(true);
      reply.send(new Exchange(connection, this::record));
    } catch (IOException | InterruptedException e) {
      // the client has gone, as some tests want it, or the test is over
    }
  }

  private void record(Exchange.Request request) {
    synchronized (requests) {
      requests.add(request);
      requests.notifyAll();
    }
  }

  /** Hangs up with everybody, also in the middle of replies. */
  @Override
  public void close() {
    threads.shutdownNow(); // an interrupt closes the socket that a virtual thread waits for
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
