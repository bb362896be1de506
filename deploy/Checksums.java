import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The SHA-256 of each jar that the commands need: JBang takes what its repository serves, so what
 * is installed or packaged is compared with this list.
 */
final class Checksums {

  /** The list, in the format of {@code sha256sum}, sorted by name. */
  static final String FILE = "deploy/jars.sha256";

  private final List<String> lines;

  /**
   * @param root of the project
   */
  Checksums(Path root) throws IOException {
    lines = Files.readAllLines(root.resolve(FILE));
  }

  /**
   * Compares jars with the list.
   *
   * @throws IOException if one differs, or is not in the list
   */
  void check(List<Path> jars) throws IOException {
    for (Path jar : jars) {
      String line = line(jar);
      if (!lines.contains(line)) {
        String name = jar.getFileName().toString();
        String expected =
            lines.stream()
                .filter(one -> one.endsWith("  " + name))
                .map(one -> "SHA-256 " + one.split(" ")[0])
                .findFirst()
                .orElse("no such jar");
        throw new IOException(
            "%s has SHA-256 %s, but %s expects %s: the download was altered, or //DEPS changed and"
                    .formatted(jar, line.split(" ")[0], FILE, expected)
                + " UPDATE_GOLDEN=1 ./jbang test ChecksumsTest is to write the list anew");
      }
    }
  }

  /** The list for these jars. */
  static String list(Collection<Path> jars) throws IOException {
    Map<String, String> byName = new TreeMap<>();
    for (Path jar : jars) {
      byName.put(jar.getFileName().toString(), line(jar) + "\n");
    }
    return String.join("", byName.values());
  }

  private static String line(Path jar) throws IOException {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar));
      return HexFormat.of().formatHex(digest) + "  " + jar.getFileName();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
