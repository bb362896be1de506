//SOURCES Exchange.java

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;

/** What a server of the tests answers, or does instead. */
@FunctionalInterface
interface Reply {

  /** Hangs up without an answer. */
  Reply CLOSED = _ -> {};

  Reply RESET =
      exchange -> {
        exchange.connection().setSoLinger(true, 0);
        exchange.connection().close();
      };

  /** Says nothing until the server closes. */
  Reply SILENT = _ -> new CountDownLatch(1).await();

  void send(Exchange exchange) throws IOException, InterruptedException;

  default Reply then(Reply next) {
    return exchange -> {
      send(exchange);
      next.send(exchange);
    };
  }

  /** The first request gets the first reply, and so on; the last reply is for all further ones. */
  static Reply inTurn(Reply... replies) {
    AtomicInteger next = new AtomicInteger();
    return exchange -> {
      exchange.request();
      replies[Math.min(next.getAndIncrement(), replies.length - 1)].send(exchange);
    };
  }

  static Reply json(String body, String... headers) {
    return answer(200, body, headers);
  }

  static Reply status(int status, String... headers) {
    return answer(status, "{\"code\":" + status + "}", headers);
  }

  /**
   * A whole answer.
   *
   * @param headers each as {@code Name: value}
   */
  static Reply answer(int status, String body, String... headers) {
    return answer(status, body.getBytes(StandardCharsets.UTF_8), headers);
  }

  static Reply answer(int status, byte[] body, String... headers) {
    return exchange -> {
      boolean isHead = exchange.request().method().equals("HEAD");
      head(status, body.length, headers).send(exchange);
      exchange.send(isHead ? new byte[0] : body);
    };
  }

  /** The body of an answer, compressed. */
  static byte[] gzip(String body) throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(zipped)) {
      out.write(body.getBytes(StandardCharsets.UTF_8));
    }
    return zipped.toByteArray();
  }

  /** The part of an answer that comes before its body. */
  static Reply head(int status, long bodyBytes, String... headers) {
    StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " Status\r\n");
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    return raw(head + "Content-Length: " + bodyBytes + "\r\nConnection: close\r\n\r\n");
  }

  static Reply raw(String text) {
    return exchange -> exchange.send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Sends a byte at a time. */
  static Reply trickle(String text, Duration every) {
    return exchange -> {
      for (byte one : text.getBytes(StandardCharsets.ISO_8859_1)) {
        exchange.send(new byte[] {one});
        Thread.sleep(every);
      }
    };
  }

  /** Does what a proxy does on {@code CONNECT}, but to this port, whichever host is named. */
  static Reply tunnel(int port) {
    return exchange -> {
      try (Socket server = new Socket(InetAddress.getByName("127.0.0.1"), port)) {
        raw("HTTP/1.1 200 Connected\r\n\r\n").send(exchange);
        InputStream answers = server.getInputStream();
        Thread back = Thread.ofVirtual().start(() -> pump(answers, exchange.connection()));
        pump(exchange.in(), server);
        back.join();
      }
    };
  }

  private static void pump(InputStream from, Socket to) {
    try {
      from.transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException e) {
      // one side has gone
    }
  }
}
