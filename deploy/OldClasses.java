//JAVA 25+
//SOURCES Jar.java

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Adds stack maps to classes that were compiled for Java 5 or older. The JVM does not archive a
 * class without stack maps, nor its subclasses: picocli's classes, and with them half of ours. The
 * JVM verifies the added stack maps as strictly as those of a compiler.
 */
final class OldClasses {

  private static final int JAVA_6 = 50;

  /** The version given to the copies: a new enough one makes the JVM insist on stack maps. */
  private static final int JAVA_8 = 52;

  private OldClasses() {}

  /** Copies a jar, and upgrades its old classes unless the jar is signed. */
  static void copy(Path from, Path to) throws IOException {
    try (JarFile jar = new JarFile(from.toFile())) {
      boolean isSigned = jar.stream().anyMatch(entry -> entry.getName().endsWith(".SF"));
      if (isSigned || !hasOld(jar)) {
        Files.copy(from, to);
      } else {
        rewrite(jar, from, to);
      }
    }
  }

  private static boolean hasOld(JarFile jar) throws IOException {
    for (var entries = jar.entries(); entries.hasMoreElements(); ) {
      ZipEntry entry = entries.nextElement();
      try (var content = jar.getInputStream(entry)) {
        if (isOld(entry, content.readNBytes(8))) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Whether an entry is a class without stack maps.
   *
   * @param content at least its first 8 bytes, which contain the version
   */
  private static boolean isOld(ZipEntry entry, byte[] content) {
    return entry.getName().endsWith(".class")
        && ((content[6] & 0xff) << 8 | content[7] & 0xff) < JAVA_6;
  }

  private static void rewrite(JarFile jar, Path from, Path to) throws IOException {
    URL[] own = {from.toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(own, ClassLoader.getPlatformClassLoader());
        ZipOutputStream copy = new ZipOutputStream(Files.newOutputStream(to))) {
      ClassFile classes =
          ClassFile.of(
              StackMapsOption.GENERATE_STACK_MAPS,
              ClassHierarchyResolverOption.of(
                  ClassHierarchyResolver.ofResourceParsing(loader)
                      .orElse(ClassHierarchyResolver.defaultResolver())));
      for (var entries = jar.entries(); entries.hasMoreElements(); ) {
        ZipEntry entry = entries.nextElement();
        byte[] content = jar.getInputStream(entry).readAllBytes();
        Jar.begin(copy, entry.getName());
        copy.write(isOld(entry, content) ? upgraded(classes, content) : content);
      }
    }
  }

  private static byte[] upgraded(ClassFile classes, byte[] old) throws IOException {
    ClassTransform version =
        (builder, element) -> {
          if (element instanceof ClassFileVersion) {
            builder.withVersion(JAVA_8, 0);
          } else {
            builder.with(element);
          }
        };
    try {
      return classes.transformClass(
          classes.parse(old),
          ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL).andThen(version));
    } catch (IllegalArgumentException e) { // instructions that newer classes do not have
      throw new IOException("a class is too old to be rewritten", e);
    }
  }
}
