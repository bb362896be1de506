//JAVA 25+
//SOURCES ../common/Runner.java

import common.Version;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.LocalDateTime;
import java.util.Comparator;
import java.util.List;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The classes and templates of the commands, taken from the jar that JBang has built for a script
 * of this folder, without the classes that only install or package them. The same classes always
 * give the same bytes.
 */
final class Jar {

  /** Its file name in an installation or a package. */
  static final String FILE = "remote-settings-lambdas-%s.jar".formatted(Version.NUMBER);

  /** The time of every entry: a fixed one, so that archives do not differ. */
  private static final LocalDateTime TIME = LocalDateTime.of(2000, 1, 1, 0, 0);

  private final Path built;
  private final Pattern ours;

  /**
   * @param built the jar that JBang has built
   * @param classes names of classes in the unnamed package, whose nested classes are included
   */
  Jar(Path built, List<String> classes) {
    this.built = built;
    this.ours =
        Pattern.compile(
            "(common|templates)/.*[^/]|(%s)(\\$.*)?\\.class".formatted(String.join("|", classes)));
  }

  /** Begins an entry of an archive, with the fixed time. */
  static void begin(ZipOutputStream archive, String name) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setTimeLocal(TIME);
    archive.putNextEntry(entry);
  }

  private List<? extends ZipEntry> entries(JarFile jar) {
    return jar.stream()
        .filter(entry -> ours.matcher(entry.getName()).matches())
        .sorted(Comparator.comparing(ZipEntry::getName))
        .toList();
  }

  /** Adds names and checksums of all entries to a digest. */
  void update(MessageDigest digest) throws IOException {
    try (JarFile jar = new JarFile(built.toFile())) {
      for (ZipEntry entry : entries(jar)) {
        digest.update((entry.getName() + entry.getCrc()).getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  /** Writes the jar. */
  void write(OutputStream to) throws IOException {
    ZipOutputStream copy = new ZipOutputStream(to);
    try (JarFile jar = new JarFile(built.toFile())) {
      for (ZipEntry entry : entries(jar)) {
        begin(copy, entry.getName());
        try (InputStream content = jar.getInputStream(entry)) {
          content.transferTo(copy);
        }
      }
    }
    copy.finish();
  }
}
