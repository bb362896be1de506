import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM beside that of the tests, with the same class path, which starts fast. */
final class Jvm {

  private Jvm() {}

  /** How a class with a {@code main} is started in it. */
  static List<String> commandLine(List<String> options, String mainClass, String... arguments) {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    line.addAll(options);
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass));
    line.addAll(List.of(arguments));
    return line;
  }
}
