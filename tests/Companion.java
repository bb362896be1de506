import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A program that runs beside the tests. It has to end with the end of its stdin: that comes however
 * this JVM ends.
 */
final class Companion implements AutoCloseable {

  /** A line that begins with this tells that it is ready; the rest of it, where. */
  static final String LISTENING = "listening on ";

  private final Process process;
  private final StringBuffer log = new StringBuffer();
  private final String address;

  private Companion(List<String> command, String input) throws IOException {
    process = new ProcessBuilder(command).redirectErrorStream(true).start();
    CompletableFuture<String> told = new CompletableFuture<>();
    Thread.ofPlatform().daemon().start(() -> read(told)); // a pipe would hold a carrier for good
    try {
      OutputStream stdin = process.getOutputStream();
      stdin.write(input.getBytes(StandardCharsets.UTF_8));
      stdin.flush();
      address = told.get(5, TimeUnit.MINUTES);
    } catch (IOException | ExecutionException | TimeoutException e) {
      close();
      throw new AssertionError("did not start: " + e + "\n" + log, e);
    } catch (InterruptedException e) {
      close();
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /**
   * Starts it, and waits until it is ready.
   *
   * @param input the beginning of its stdin, which stays open
   */
  static Companion start(List<String> command, String input) {
    try {
      return new Companion(command, input);
    } catch (IOException e) {
      throw new AssertionError("cannot start " + command.getFirst(), e);
    }
  }

  /** What it listens on. */
  String address() {
    return address;
  }

  /** What it has printed so far, for the message of a failure. */
  String log() {
    return log.toString();
  }

  /** Kills it. */
  @Override
  public void close() {
    process.destroyForcibly();
  }

  /** Keeps all that it prints, and tells of the line that it is ready with, or of its end. */
  private void read(CompletableFuture<String> told) {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        log.append(line).append('\n');
        if (line.startsWith(LISTENING)) {
          told.complete(line.substring(LISTENING.length()));
        }
      }
    } catch (IOException e) {
      log.append(e).append('\n');
    }
    told.completeExceptionally(new IOException("it has ended"));
  }
}
