///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Package the commands for AWS Lambda: one zip, a handler for each command.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../common/StatusLine.java Project.java ClassPath.java Jar.java Lambda.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.StatusLine;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.zip.ZipOutputStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Writes one zip with a handler for each command. It works on arm64 and on x86_64: none of it is
 * native code. The same sources and dependencies always give the same bytes.
 */
@Command(
    name = "package",
    usageHelpAutoWidth = true,
    header = {"Package the commands for AWS Lambda: one zip, a handler for each command.", ""},
    description = {"", "Example: ./jbang package lambda", ""},
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:the file was written", "2:nothing was written"})
public class packaging implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "TARGET", description = "lambda")
  private String target;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "FILE",
      defaultValue = "remote-settings-lambdas.zip",
      description = "Zip to write. Default: ${DEFAULT-VALUE}.")
  private Path file;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  private boolean help;

  public static void main(String... args) {
    System.exit(new CommandLine(new packaging()).execute(args));
  }

  @Override
  public Integer call() throws URISyntaxException, NoSuchAlgorithmException {
    if (!target.equals("lambda")) {
      throw new ParameterException(
          spec.commandLine(), "unknown TARGET \"%s\": expected lambda".formatted(target));
    }
    List<String> handlers =
        Arrays.stream(Lambda.class.getDeclaredMethods())
            .filter(method -> Modifier.isPublic(method.getModifiers()))
            .map(method -> method.getName())
            .sorted()
            .toList();
    try {
      try (StatusLine _ = StatusLine.ofProcess(() -> "writing " + file)) {
        write(handlers);
      }
      byte[] zip = Files.readAllBytes(file);
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(zip);
      System.out.printf(
          Locale.ROOT,
          "%s: %.1f MB, SHA-256 %s%n",
          file,
          zip.length / 1e6,
          HexFormat.of().formatHex(digest));
      handlers.forEach(handler -> System.out.println("  Lambda::" + handler));
      return 0;
    } catch (IOException e) {
      String reason =
          e instanceof FileSystemException of && of.getReason() == null
              ? "the folder is missing, or not writable"
              : e.getMessage();
      System.err.println("package: error: cannot write %s: %s".formatted(file, reason));
      return 2;
    }
  }

  /** Writes a temporary file first, so that an interrupted run leaves an existing zip intact. */
  private void write(List<String> handlers) throws IOException, URISyntaxException {
    Path folder = file.toAbsolutePath().getParent();
    Path part = Files.createTempFile(folder, "." + file.getFileName(), ".part");
    try {
      try (ZipOutputStream zip =
          new ZipOutputStream(new BufferedOutputStream(Files.newOutputStream(part)))) {
        List<String> classes = new ArrayList<>(handlers);
        classes.addAll(
            List.of("Lambda", "EventSettings", "FunctionSecrets", "Findings", "NoVerdict"));
        Path own =
            Path.of(packaging.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Jar.begin(zip, "lib/" + Jar.FILE);
        new Jar(own, classes).write(zip);
        for (Path jar :
            new ClassPath(Project.root(), "deploy/packaging.java", own)
                .of("deploy/Lambda.java").stream().sorted().toList()) {
          Jar.begin(zip, "lib/" + jar.getFileName());
          try (InputStream content = Files.newInputStream(jar)) {
            content.transferTo(zip);
          }
        }
      }
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
