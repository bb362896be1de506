///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Format every Java file with google-java-format, or check that it is.
//JAVA 25+
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//DEPS info.picocli:picocli:4.7.7
//DEPS com.google.googlejavaformat:google-java-format:2.0.0
//SOURCES ../common/StatusLine.java ../deploy/Project.java
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.code=ALL-UNNAMED
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.parser=ALL-UNNAMED
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.tree=ALL-UNNAMED
//RUNTIME_OPTIONS --add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED

import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import common.StatusLine;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Formats every Java file of the project with google-java-format, or checks that it is formatted.
 *
 * <p>google-java-format takes the lines for JBang and the shell, which a file begins with, for
 * comments: it writes {@code // DEPS} for {@code //DEPS}, which JBang does not know, and breaks
 * long ones. So that header stays as it is, and the rest is formatted.
 *
 * <p>Prints one line per file that it changed, or with {@code --check} would change: {@code
 * tests/format.java: not formatted}.
 */
@Command(
    name = "format",
    usageHelpAutoWidth = true,
    header = {"Format every Java file with google-java-format, or check that it is.", ""},
    description = {"", "Example: ./jbang format --check", ""},
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every file is formatted now",
      "1:with --check, a file is not formatted",
      "2:a file cannot be read, parsed or written, or an option is wrong"
    })
public class format implements Callable<Integer> {
  /** A line for the shell or for JBang; {@code //Q:CONFIG} is one too. */
  private static final Pattern DIRECTIVE =
      Pattern.compile("///usr/bin/env .*|//[A-Z][A-Z_:]*(\\s.*)?");

  /** Folders of the project without source files of ours. */
  private static final List<String> OTHERS = List.of("build", "target", "out", "node_modules");

  @Option(
      names = "--check",
      description = "Change nothing; list the files that are not formatted, and exit with 1.")
  private boolean check;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  private boolean help;

  private volatile String at = "";
  private StatusLine status;
  private final PrintStream out;
  private final PrintStream err;
  private final Path root;

  format(Path root, PrintStream out, PrintStream err) {
    this.root = root;
    this.out = out;
    this.err = err;
    this.status = new StatusLine(err, null, () -> "");
  }

  public static void main(String... args) {
    format format = new format(Project.root(), System.out, System.err);
    format.status = StatusLine.ofProcess(() -> format.at);
    System.exit(new CommandLine(format).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    int changed = 0;
    int failed = 0;
    List<Path> files = javaFiles(root);
    for (Path file : files) {
      String name = root.relativize(file).toString();
      at = "file %d of %d, %s".formatted(files.indexOf(file) + 1, files.size(), name);
      try {
        String source = Files.readString(file);
        String formatted = formatted(source);
        if (!formatted.equals(source)) {
          changed++;
          status.erase();
          out.println(name + (check ? ": not formatted" : ": formatted"));
          if (!check) {
            Files.writeString(file, formatted);
          }
        }
      } catch (IOException | FormatterException e) {
        failed++;
        status.erase();
        err.println("format: error: " + name + ": " + e.getMessage());
      }
    }
    if (failed > 0) {
      return 2;
    }
    return check && changed > 0 ? 1 : 0;
  }

  /** The Java files below a folder in the order of their names, without hidden and built ones. */
  static List<Path> javaFiles(Path root) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            String name = folder.getFileName().toString();
            boolean skipped = name.startsWith(".") || OTHERS.contains(name);
            return skipped && !folder.equals(root)
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile() && file.toString().endsWith(".java")) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    files.sort(null);
    return files;
  }

  /** The source as google-java-format writes it, with the header as it was. */
  static String formatted(String source) throws FormatterException {
    String text = source.replace("\r\n", "\n");
    int end = headerEnd(text);
    String header = text.substring(0, end).strip();
    String rest = new Formatter().formatSourceAndFixImports(text.substring(end));
    if (header.isEmpty()) {
      return rest;
    }
    return rest.isBlank() ? header + "\n" : header + "\n\n" + rest;
  }

  /** Where the last directive ends that only line comments and blank lines precede. */
  private static int headerEnd(String text) {
    int headerEnd = 0;
    int end = 0;
    while (end < text.length()) {
      int lineEnd = text.indexOf('\n', end);
      int next = lineEnd < 0 ? text.length() : lineEnd + 1;
      String line = text.substring(end, next).strip();
      if (DIRECTIVE.matcher(line).matches()) {
        headerEnd = next;
      } else if (!line.isEmpty() && !line.startsWith("//")) {
        break;
      }
      end = next;
    }
    return headerEnd;
  }
}
