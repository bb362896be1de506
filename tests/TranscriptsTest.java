//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java
//SOURCES ../server/Fault.java
//SOURCES ReadmeTest.java
//SOURCES Transcript.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * What the commands print is what the transcripts of {@code tests/golden/} show.
 *
 * <pre>
 * ./jbang test TranscriptsTest.backport_records                   those of one command
 * TRANSCRIPT=auto ./jbang test TranscriptsTest.backport_records   tests/golden/backport_records/auto.txt
 * UPDATE_GOLDEN=1 ./jbang test TranscriptsTest                    writes them
 * </pre>
 */
@Execution(ExecutionMode.CONCURRENT)
class TranscriptsTest {

  /** Faults in the content that change the timestamp, too. */
  private static final Set<Fault.Kind> IN_THE_TIMESTAMP =
      Set.of(Fault.Kind.ALTERED_TIMESTAMP, Fault.Kind.STALE, Fault.Kind.STALE_ALWAYS);

  private static Stream<DynamicTest> transcripts(String command) throws IOException {
    String chosen = System.getenv("TRANSCRIPT");
    return Transcript.of(command)
        .filter(transcript -> chosen == null || chosen.equals(transcript.name()))
        .map(transcript ->
            DynamicTest.dynamicTest(
                transcript.name(),
                () -> transcript.check(ReadmeTest.COMMANDS, "TranscriptsTest." + command)));
  }

  @TestFactory
  Stream<DynamicTest> backport_records() throws IOException {
    return transcripts("backport_records");
  }

  @TestFactory
  Stream<DynamicTest> blockpages_generator() throws IOException {
    return transcripts("blockpages_generator");
  }

  @TestFactory
  Stream<DynamicTest> consistency_checks() throws IOException {
    return transcripts("consistency_checks");
  }

  @TestFactory
  Stream<DynamicTest> refresh_signature() throws IOException {
    return transcripts("refresh_signature");
  }

  @TestFactory
  Stream<DynamicTest> uptake_health() throws IOException {
    return transcripts("uptake_health");
  }

  @TestFactory
  Stream<DynamicTest> validate_changes_collection() throws IOException {
    return transcripts("validate_changes_collection");
  }

  @TestFactory
  Stream<DynamicTest> validate_signature() throws IOException {
    return transcripts("validate_signature");
  }

  @Test
  void every_command_has_a_folder_of_its_transcripts() throws IOException {
    Set<String> folders = new TreeSet<>();
    try (Stream<Path> files = Files.list(Project.root().resolve("tests/golden"))) {
      files
          .filter(Files::isDirectory)
          .forEach(folder -> folders.add(folder.getFileName().toString()));
    }
    assertEquals(ReadmeTest.COMMANDS.keySet(), folders);
    for (String command : folders) {
      assertEquals(
          Set.of(command),
          Transcript.of(command)
              .map(transcript -> transcript.command().split(" ")[0])
              .collect(Collectors.toSet()));
    }
  }

  @Test
  void every_command_has_a_method_here() {
    assertEquals(
        ReadmeTest.COMMANDS.keySet(),
        Arrays.stream(TranscriptsTest.class.getDeclaredMethods())
            .filter(method -> method.isAnnotationPresent(TestFactory.class))
            .map(Method::getName)
            .collect(Collectors.toSet()));
  }

  @Test
  void every_fault_has_a_transcript() throws IOException {
    assertEquals(Set.of(), faultsWithoutTranscript("validate_signature", _ -> true));
  }

  @Test
  void every_fault_that_a_timestamp_shows_has_a_transcript() throws IOException {
    assertEquals(
        Set.of(),
        faultsWithoutTranscript(
            "validate_changes_collection",
            kind -> kind.point() != Fault.Point.CONTENT || IN_THE_TIMESTAMP.contains(kind)));
  }

  private static Set<String> faultsWithoutTranscript(
      String command, Predicate<Fault.Kind> isToBeShown) throws IOException {
    Set<String> missing = new TreeSet<>();
    Arrays.stream(Fault.Kind.values())
        .filter(isToBeShown)
        .forEach(kind -> missing.add(kind.label()));
    Transcript.of(command)
        .flatMap(transcript -> transcript.head().stream())
        .filter(line -> line.startsWith("fault "))
        .forEach(line -> missing.remove(line.substring("fault ".length()).split("[=:]")[0]));
    return missing;
  }
}
