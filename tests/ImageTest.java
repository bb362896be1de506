//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Installed.java
//SOURCES Patience.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The image that {@code deploy/Dockerfile} describes. Where a container engine answers, it builds
 * and runs the image; else its steps are run here, as a script: what it copies, in a folder of its
 * own, and what it runs, with the image's paths replaced by those of a folder; then the entry point
 * as the image's user, who can write nowhere but where every user can.
 */
class ImageTest {

  private static final String IMAGE = "remote-settings-lambdas:test";
  private static final Path ROOT = Project.root();

  /** One line of the Dockerfile. */
  private record Step(String word, String rest) {}

  @TempDir static Path folder;

  private static boolean engine;
  private static List<List<Step>> stages;

  /** What the image's last stage says about how it is run. */
  private static final Map<String, String> last = new HashMap<>();

  @BeforeAll
  static void build() throws IOException {
    stages = stages(Files.readString(ROOT.resolve("deploy/Dockerfile")));
    for (Step step : stages.getLast()) {
      last.put(step.word(), step.rest());
    }
    engine = Patience.run("sh", "-c", "docker info >/dev/null 2>&1").go().exit() == 0;
    System.out.println(
        "image: " + (engine ? "built and run by docker" : "no engine answers, its steps are run"));
    if (engine) {
      Project.Outcome built =
          Patience.run(
                  "docker",
                  "build",
                  "-t",
                  IMAGE,
                  "-f",
                  "deploy/Dockerfile",
                  "--build-arg",
                  "JRE=" + digest("eclipse-temurin:25-jre"),
                  "--build-arg",
                  "MAVEN=" + digest("maven:3-eclipse-temurin-25"),
                  ".")
              .in(ROOT)
              .go();
      assertEquals(0, built.exit(), built.stderr());
    } else {
      buildHere();
    }
  }

  /** The digest of a tag, by the command that the Dockerfile names. */
  private static String digest(String tag) {
    return Patience.run(
            "docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", tag)
        .go()
        .stdout()
        .strip();
  }

  private static List<List<Step>> stages(String dockerfile) {
    List<List<Step>> stages = new ArrayList<>();
    for (String line : dockerfile.replace("\\\n", "").split("\n")) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      String[] parts = line.split(" ", 2);
      if (parts[0].equals("ARG")) {
        continue; // the digests
      } else if (parts[0].equals("FROM")) {
        stages.add(new ArrayList<>());
      }
      stages.getLast().add(new Step(parts[0], parts[1].strip()));
    }
    return stages;
  }

  private static void buildHere() throws IOException {
    Path copy = folder.resolve("src");
    Map<String, String> variables = new HashMap<>();
    int ran = 0;
    for (Step step : stages.stream().flatMap(List::stream).toList()) {
      switch (step.word()) {
        case "COPY" -> {
          if (step.rest().equals(". .")) {
            copyProject(copy);
          }
        }
        case "ENV" -> variables.put(step.rest().split("=", 2)[0], step.rest().split("=", 2)[1]);
        case "RUN" -> {
          Project.Outcome outcome =
              Patience.run("sh", "-c", here(step.rest()))
                  .in(copy)
                  .env("JAVA_HOME", System.getProperty("java.home"))
                  .go();
          assertEquals(0, outcome.exit(), outcome.stderr());
          assertFalse(outcome.stderr().contains("preparing"), "the same sources are the same jar");
          ran++;
        }
        default -> {}
      }
    }
    assertEquals(2, ran);
    assertEquals("/opt/jdk", variables.get("JAVA_HOME"), "which here is that of the tests");
  }

  /** A command of the image with the paths that stand here for the image's. */
  private static String here(String command) {
    return command
        .replace("/opt/remote-settings-lambdas/bin", "'" + Installed.once().folder() + "'")
        .replace("/opt/java/openjdk", "'" + System.getProperty("java.home") + "'");
  }

  /** What a build sees of the project: all but what deploy/Dockerfile.dockerignore names. */
  private static void copyProject(Path to) throws IOException {
    List<Path> ignored =
        Files.readAllLines(ROOT.resolve("deploy/Dockerfile.dockerignore")).stream()
            .map(ROOT::resolve)
            .toList();
    Files.walkFileTree(
        ROOT,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path from, BasicFileAttributes attributes)
              throws IOException {
            if (ignored.contains(from)) {
              return FileVisitResult.SKIP_SUBTREE;
            }
            Files.createDirectories(to.resolve(ROOT.relativize(from).toString()));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path from, BasicFileAttributes attributes)
              throws IOException {
            if (attributes.isRegularFile() && !ignored.contains(from)) {
              Files.copy(from, to.resolve(ROOT.relativize(from).toString()));
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** Runs the image with these arguments, and these settings in its environment. */
  private static Project.Outcome run(Map<String, String> settings, String... arguments) {
    List<Object> line = new ArrayList<>();
    Map<String, String> variables = new HashMap<>(settings);
    if (engine) {
      line.addAll(List.of("docker", "run", "--rm", "--read-only", "--network", "host"));
      settings.forEach((name, value) -> line.addAll(List.of("-e", name + "=" + value)));
      line.add(IMAGE);
      variables.putAll(System.getenv());
    } else {
      variables.put("PATH", System.getenv("PATH"));
      String[] user = last.get("USER").split(":");
      if (isRoot()) {
        line.addAll(
            List.of("setpriv", "--reuid", user[0], "--regid", user[1], "--clear-groups", "--"));
      }
      Matcher entry = Pattern.compile("\"([^\"]+)\"").matcher(last.get("ENTRYPOINT"));
      while (entry.find()) {
        line.add(here(entry.group(1)).replace("'", ""));
      }
    }
    line.addAll(List.of(arguments));
    return Patience.run(line.toArray()).in(Path.of("/tmp")).onlyEnv(Patience.with(variables)).go();
  }

  private static boolean isRoot() {
    return System.getProperty("user.name").equals("root");
  }

  @Test
  void it_is_made_of_a_jre_of_java_25_and_does_not_run_as_root() {
    assertEquals("eclipse-temurin:25-jre@${JRE} AS jre", stages.getFirst().getFirst().rest());
    assertEquals("jre", stages.getLast().getFirst().rest(), "no JDK and no sources in the image");
    assertTrue(last.get("USER").matches("[1-9]\\d*:[1-9]\\d*"), "by number, so that it is checked");
    assertTrue(last.get("ENTRYPOINT").startsWith("["), "signals reach the command");
  }

  @Test
  void without_a_command_it_lists_them() {
    Project.Outcome outcome = run(Map.of());
    assertEquals(0, outcome.exit(), outcome.stderr());
    assertTrue(
        outcome.stdout().contains("\n  validate_signature           Verify the content signature"),
        outcome.stdout());
  }

  @Test
  void it_runs_a_command_with_its_settings_and_exit_code() throws IOException {
    try (RemoteSettingsServer server = RemoteSettingsServer.builder().sample(true).start()) {
      Map<String, String> settings = Map.of("SERVER", server.url().toString());
      Project.Outcome good = run(settings, "validate_signature", "--only", "main/regions");
      assertEquals(0, good.exit(), good.stderr());
      assertTrue(good.stdout().contains("main/collections/regions:  OK"), good.stdout());

      server.fault("altered-record=main/regions");
      Project.Outcome bad = run(settings, "validate_signature", "--only", "main/regions");
      assertEquals(1, bad.exit(), bad.stderr());
    }
  }

  @Test
  void an_unknown_command_is_a_usage_error() {
    Project.Outcome outcome = run(Map.of(), "validate");
    assertEquals(2, outcome.exit());
    assertTrue(outcome.stderr().contains("unknown command \"validate\""), outcome.stderr());
  }

  @Test
  void where_it_may_write_nothing_a_file_that_is_asked_for_is_one_line() {
    Project.Outcome outcome =
        run(
            Map.of("SERVER", "http://127.0.0.1:1/v1"),
            "blockpages_generator",
            "--target-dir",
            "/proc/x");
    assertEquals(2, outcome.exit());
    assertEquals("", outcome.stdout());
  }
}
