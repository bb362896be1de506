//SOURCES ../deploy/Project.java

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;

/** What the tests read from {@code tests/vectors}; each folder there says where it is from. */
final class Vectors {

  private Vectors() {}

  /** The text of a vector, by its path below that folder. */
  static String text(String name) {
    try {
      return Files.readString(Project.root().resolve("tests/vectors").resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
