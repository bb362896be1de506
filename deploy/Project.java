import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Finds the project's folder, and runs processes as a user would. JBang builds programs outside of
 * the project, so they cannot find it from the location of their jar.
 */
final class Project {

  /** A process that takes longer is considered to hang. */
  private static final Duration LIMIT = Duration.ofMinutes(15);

  private Project() {}

  /**
   * The project's folder: the system property {@code project.root}, or else the nearest folder with
   * a catalog, from the working directory upwards.
   */
  static Path root() {
    String given = System.getProperty("project.root");
    if (given != null) {
      return Path.of(given).toAbsolutePath().normalize();
    }
    Path start = Path.of("").toAbsolutePath();
    for (Path folder = start; folder != null; folder = folder.getParent()) {
      if (Files.isRegularFile(folder.resolve("jbang-catalog.json"))) {
        return folder;
      }
    }
    throw new IllegalStateException("no jbang-catalog.json in " + start + " or above it");
  }

  /** Prepares a process; {@link Run#go} runs it. */
  static Run run(Object... command) {
    return new Run(command);
  }

  /**
   * Replaces the environment of a process. Under {@code faketime}, it keeps the variables that
   * shift the clock, so that both processes have the same day.
   */
  static void setOnly(ProcessBuilder builder, Map<String, String> variables) {
    Map<String, String> environment = builder.environment();
    boolean isFaketime = environment.containsKey("FAKETIME");
    environment
        .keySet()
        .removeIf(
            name -> !(isFaketime && (name.startsWith("FAKETIME") || name.equals("LD_PRELOAD"))));
    environment.putAll(variables);
  }

  /** The exit code and the output of a process. */
  record Outcome(int exit, String stdout, String stderr) {}

  /** A process to run; its input is empty unless {@link #input} sets it. */
  static final class Run {
    private final ProcessBuilder builder;
    private byte[] input = {};

    private Run(Object... command) {
      builder = new ProcessBuilder(List.of(command).stream().map(Object::toString).toList());
    }

    Run in(Path folder) {
      builder.directory(folder.toFile());
      return this;
    }

    /** Sets a variable, or removes it if the value is null. */
    Run env(String name, Object value) {
      if (value == null) {
        builder.environment().remove(name);
      } else {
        builder.environment().put(name, value.toString());
      }
      return this;
    }

    /** Replaces the environment by these variables. */
    Run onlyEnv(Map<String, String> variables) {
      setOnly(builder, variables);
      return this;
    }

    Run input(String text) {
      input = text.getBytes(StandardCharsets.UTF_8);
      return this;
    }

    /** Runs the process to its end, or kills it if it hangs. */
    Outcome go() {
      Process process;
      try {
        process = builder.start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      CompletableFuture<String> stdout = read(process.getInputStream());
      CompletableFuture<String> stderr = read(process.getErrorStream());
      try {
        write(process.getOutputStream());
        if (!process.waitFor(LIMIT.toMinutes(), TimeUnit.MINUTES)) {
          throw new TimeoutException();
        }
        return new Outcome(
            process.exitValue(),
            stdout.get(LIMIT.toMinutes(), TimeUnit.MINUTES),
            stderr.get(LIMIT.toMinutes(), TimeUnit.MINUTES));
      } catch (TimeoutException e) {
        throw new IllegalStateException(builder.command() + " took longer than " + LIMIT, e);
      } catch (ExecutionException e) {
        throw new IllegalStateException(builder.command() + ": cannot read its output", e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(builder.command() + " was interrupted", e);
      } finally {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
      }
    }

    private void write(OutputStream stdin) {
      try (stdin) {
        stdin.write(input);
      } catch (IOException e) {
        // The process may end, or close its input, without reading all of it.
      }
    }

    private static CompletableFuture<String> read(InputStream stream) {
      CompletableFuture<String> text = new CompletableFuture<>();
      Thread.ofPlatform() // a virtual thread would block its carrier
          .daemon()
          .start(() -> {
            try (stream) {
              text.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
              text.completeExceptionally(e);
            }
          });
      return text;
    }
  }
}
