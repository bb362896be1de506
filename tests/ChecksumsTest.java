//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Checksums.java
//SOURCES ../deploy/ClassPath.java
//SOURCES Differences.java
//SOURCES Installed.java
//SOURCES ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is installed and packaged is what {@code deploy/jars.sha256} expects, or nothing is. */
class ChecksumsTest {

  private static final Path ROOT = Project.root();

  @TempDir Path folder;

  @Test
  void the_list_has_the_jars_of_all_commands_and_of_the_zip_and_no_other() throws IOException {
    ClassPath classPath = new ClassPath(ROOT, "deploy/uninstall.java", folder);
    Set<Path> jars = new TreeSet<>(classPath.unchecked("deploy/Lambda.java"));
    for (String command : Installed.commands()) {
      jars.addAll(classPath.unchecked(command + ".java"));
    }
    Differences.assertFile(ROOT.resolve(Checksums.FILE), Checksums.list(jars), "ChecksumsTest");
  }

  @Test
  void a_jar_that_differs_or_is_unknown_is_one_line_with_both_hashes() throws IOException {
    Path good = jar("good-1.0.jar", "good");
    Path altered = jar("altered-1.0.jar", "altered");
    String list = Checksums.list(List.of(good, altered));
    Files.writeString(Files.createDirectory(folder.resolve("deploy")).resolve("jars.sha256"), list);
    Checksums checksums = new Checksums(folder);
    checksums.check(List.of(good, altered));

    jar("altered-1.0.jar", "Altered");
    checksums.check(List.of(good));
    assertEquals(
        "%s has SHA-256 %s, but deploy/jars.sha256 expects SHA-256 %s: the download was altered, or"
                .formatted(
                    altered,
                    "7a0e1a5a8074277cfdf2e9bb50b4d342a76f51b38b847f1137eaa7e87a969b25",
                    "4aa009153649a0a7c1425387f3da9c72330ad069ea9f69ce1640abe46f92a83b")
            + " //DEPS changed and UPDATE_GOLDEN=1 ./jbang test ChecksumsTest is to write the list"
            + " anew",
        refused(checksums, good, altered));
    assertTrue(
        refused(checksums, jar("altered-1.1.jar", "altered"))
            .contains(", but deploy/jars.sha256 expects no such jar: "));
  }

  private Path jar(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  private static String refused(Checksums checksums, Path... jars) {
    String message =
        assertThrows(IOException.class, () -> checksums.check(List.of(jars))).getMessage();
    assertEquals(1, message.lines().count(), message);
    return message;
  }
}
