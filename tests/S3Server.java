//SOURCES Companion.java
//SOURCES ../bench/Peers.java

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Two independent S3 on free ports of loopback, in memory or a temporary folder. Each starts when
 * it is asked for first, is shared by all tests, which have buckets of their own, and ends with
 * this JVM. Neither looks at signatures: any credentials do.
 */
enum S3Server {

  /** Adobe's, in Java. It takes four seconds to start. It knows buckets by path only. */
  S3MOCK {
    @Override
    Companion start() {
      return Companion.start(
          List.of(
              ProcessHandle.current().info().command().orElse("java"),
              "-XX:+UseSerialGC",
              "-XX:TieredStopAtLevel=1",
              "-classpath",
              Peers.S3MOCK.path() + File.pathSeparator + ownJar(),
              S3Mock.class.getName()),
          "");
    }
  },

  /** The Python one, of moto. */
  MOTO {
    @Override
    Companion start() {
      return Companion.start(List.of(Peers.MOTO.path().toString(), "-u", "-c", PROGRAM), "");
    }
  };

  private static final String PROGRAM =
      """
      import os, sys, threading

      def end_with_stdin():
          sys.stdin.buffer.read()
          os._exit(0)

      threading.Thread(target=end_with_stdin, daemon=True).start()

      from moto.moto_server import werkzeug_app
      from werkzeug.serving import make_server
      server = make_server(
          "127.0.0.1",
          0,
          werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app),
          threaded=True,
          request_handler=werkzeug_app.MotoRequestHandler,
      )
      print("listening on 127.0.0.1:%d" % server.port, flush=True)
      server.serve_forever()
      """;

  private Companion running;

  abstract Companion start();

  /** Its endpoint. Skips the test, or fails it, where {@link Peers} does. */
  URI url() {
    return URI.create("http://" + running().address());
  }

  /** What it has printed so far, for the message of a failure. */
  String log() {
    return running().log();
  }

  private synchronized Companion running() {
    if (running == null) {
      running = start();
    }
    return running;
  }

  private static String ownJar() {
    try {
      return Path.of(S3Server.class.getProtectionDomain().getCodeSource().getLocation().toURI())
          .toString();
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Runs S3Mock in a process of its own, until stdin ends.
   *
   * <p>It always opens a second port, on all interfaces; the one that is told of is of loopback.
   */
  static final class S3Mock {

    private static final Pattern STARTED = Pattern.compile("started on ports? (\\d+) \\(http\\)");

    S3Mock() {}

    void main() throws ReflectiveOperationException, IOException {
      Path folder = Files.createTempDirectory("s3mock");
      Thread.ofPlatform().daemon().start(() -> endWithStdin(folder));
      System.setOut(new PrintStream(new Telling(System.out), true, StandardCharsets.UTF_8));
      String[] settings = {
        "--server.address=127.0.0.1",
        "--server.port=0",
        "--server.ssl.enabled=false",
        "--com.adobe.testing.s3mock.httpPort=0",
        "--com.adobe.testing.s3mock.store.root=" + folder.resolve("store"),
        "--spring.main.banner-mode=off"
      };
      Class.forName("org.springframework.boot.loader.launch.JarLauncher")
          .getMethod("main", String[].class)
          .invoke(null, (Object) settings);
    }

    private static void endWithStdin(Path folder) {
      try {
        System.in.readAllBytes();
        try (Stream<Path> files = Files.walk(folder)) {
          for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(file);
          }
        }
      } catch (IOException e) {
        e.printStackTrace();
      }
      Runtime.getRuntime().halt(0);
    }

    /** Adds the line that {@link Companion} waits for. */
    private static final class Telling extends OutputStream {
      private final PrintStream out;
      private final StringBuilder line = new StringBuilder();

      Telling(PrintStream out) {
        this.out = out;
      }

      @Override
      public synchronized void write(int b) {
        out.write(b);
        if (b != '\n') {
          line.append((char) b);
          return;
        }
        Matcher started = STARTED.matcher(line);
        if (started.find()) {
          out.println(Companion.LISTENING + "127.0.0.1:" + started.group(1));
        }
        line.setLength(0);
      }
    }
  }
}
