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
 * Classes of before Java 6 have no stack maps, and without them no archive takes a class, nor any
 * that is built on it: picocli's, and with them half of ours. A copy with stack maps, which the JVM
 * checks as strictly as those that a compiler writes, is archived like all others.
 */
final class OldClasses {

  private static final int JAVA_6 = 50;

  /** The oldest whose stack maps the JVM insists on, and checks. */
  private static final int JAVA_8 = 52;

  private OldClasses() {}

  /** Copies a jar; its old classes as newer ones, unless it is signed. */
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
   * Whether it is such a class.
   *
   * @param content from its beginning, where the version stands
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
        copy.write(isOld(entry, content) ? newer(classes, content) : content);
      }
    }
  }

  private static byte[] newer(ClassFile classes, byte[] old) throws IOException {
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
