//FILES deploy/launcher.sh=launcher.sh
//FILES deploy/remote-settings-lambdas.sh=remote-settings-lambdas.sh
//SOURCES ../common/Runner.java Jar.java OldClasses.java

import static java.util.stream.Collectors.toSet;

import common.Runner;
import common.Surroundings;
import common.Version;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The commands installed in a folder. Each command has a launcher: a small shell script that starts
 * one JVM.
 *
 * <p>The files that launchers need (jars, an archive for each command, completion) are in a
 * versioned home, {@code FOLDER/.remote-settings-lambdas/VERSION-HASH}. An installation takes a
 * lock, fills the home, marks it as complete and makes missing archives; then it replaces each
 * launcher by one that names the new home. A command that runs meanwhile sees either the old home
 * or the new one, even if the installation is killed.
 */
final class Installation {

  /** Name of the program that lists the commands and runs them by name. */
  static final String DISPATCHER = "remote-settings-lambdas";

  private static final String HIDDEN = "." + DISPATCHER;
  private static final String COMPLETE = "complete";

  /**
   * A command to install.
   *
   * @param description of the catalog
   * @param jars that it depends on
   * @param options of its JVM
   */
  record Program(String name, String description, List<Path> jars, List<String> options) {}

  /** Says why nothing was installed, and what to do about it. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private final String hint;

    Refused(String message, String hint) {
      super(message);
      this.hint = hint;
    }

    String hint() {
      return hint;
    }
  }

  /** Makes the archives that let commands start fast. */
  interface Trainer {
    /** Writes the archive of a command; {@code jvm} is a command line up to the class path. */
    void run(List<String> jvm, String command, Path archive) throws IOException;
  }

  private final Path folder;
  private final Path hidden;
  private final List<Program> programs;
  private final Consumer<String> step;

  /**
   * @param folder for the launchers
   * @param programs sorted by name
   * @param step told of each step as it begins
   */
  Installation(Path folder, List<Program> programs, Consumer<String> step) {
    this.step = step;
    this.folder = folder.toAbsolutePath().normalize();
    this.hidden = this.folder.resolve(HIDDEN);
    this.programs = programs;
  }

  /**
   * Installs the commands, or upgrades them.
   *
   * @param java home of the Java that runs them
   * @param classes of the commands
   * @param say receives progress and warnings
   * @throws Refused if the commands cannot be installed; then nothing has changed
   */
  void install(Path java, Jar classes, Trainer trainer, Consumer<String> say)
      throws IOException, Refused {
    checkNames();
    Path created = outermostMissing(hidden);
    try (FileChannel _ = lock(say)) {
      try {
        if (created != null) {
          for (Path at = hidden; at.startsWith(created); at = at.getParent()) {
            makeReadable(at);
          }
        }
        Path home = home(java, classes);
        if (!Files.exists(home.resolve(COMPLETE))) {
          fill(home, classes);
        }
        train(home, java, trainer, say);
        Set<Path> before = homes();
        for (Program program : programs) {
          replace(program.name(), launcher(program, home, java));
        }
        replace(DISPATCHER, fillTemplate("remote-settings-lambdas.sh", home, Map.of()));
        before.add(home);
        removeHomesExcept(before);
        if (isAccessibleToAll(hidden) && !isAccessibleToAll(java.resolve("bin/java"))) {
          say.accept(
              "warning: other users cannot run the Java in %s: name another with --java"
                  .formatted(java));
        }
      } finally {
        if (created != null && homes().isEmpty()) {
          delete(created);
        }
      }
    }
  }

  /** Refuses a folder that cannot be on a class path, and launchers that are not ours. */
  private void checkNames() throws IOException, Refused {
    if (folder.toString().matches("(?s).*[:\\n].*")) {
      throw new Refused(
          "commands cannot run from a folder with a colon or a line break in its name: " + folder,
          "choose another folder");
    }
    for (String name : names()) {
      Path launcher = folder.resolve(name);
      if (Files.exists(launcher, LinkOption.NOFOLLOW_LINKS) && homeOf(name).isEmpty()) {
        throw new Refused(
            launcher + " already exists, and was not installed by this program",
            "remove it (jbang app uninstall, if JBang made it), or choose another folder");
      }
    }
  }

  private List<String> names() {
    return Stream.concat(programs.stream().map(Program::name), Stream.of(DISPATCHER)).toList();
  }

  private String joined(String separator) {
    return programs.stream().map(Program::name).collect(Collectors.joining(separator));
  }

  /** The outermost folder of a path that does not exist yet; null if the whole path exists. */
  private static Path outermostMissing(Path path) {
    Path missing = null;
    for (Path at = path; at != null && !Files.exists(at); at = at.getParent()) {
      missing = at;
    }
    return missing;
  }

  /** Waits until no other installation into this folder runs. */
  private FileChannel lock(Consumer<String> say) throws Refused {
    try {
      while (true) {
        Files.createDirectories(hidden);
        Path file = hidden.resolve("lock");
        FileChannel lock =
            FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (lock.tryLock() == null) {
          say.accept("waiting for another installation into " + folder);
          lock.lock();
        }
        if (Files.exists(file)) { // else an uninstallation has removed it meanwhile
          return lock;
        }
        lock.close();
      }
    } catch (IOException e) {
      throw new Refused(
          "cannot write to %s: %s".formatted(folder, reason(e)), "choose a folder of your own");
    }
  }

  /** The versioned home; its name is a hash of everything that determines its content. */
  private Path home(Path java, Jar classes) throws IOException {
    try {
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      hash.update(java.toString().getBytes(StandardCharsets.UTF_8));
      hash.update(Files.readAllBytes(java.resolve("release")));
      classes.update(hash);
      for (Program program : programs) {
        hash.update(program.toString().getBytes(StandardCharsets.UTF_8));
      }
      for (String template : List.of("launcher.sh", "remote-settings-lambdas.sh")) {
        hash.update(template(template).getBytes(StandardCharsets.UTF_8));
      }
      String digest = HexFormat.of().formatHex(hash.digest(), 0, 4);
      return hidden.resolve(Version.NUMBER + "-" + digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private void fill(Path home, Jar classes) throws IOException, Refused {
    delete(home); // left by an installation that was killed
    try {
      Path lib = Files.createDirectories(home.resolve("lib"));
      try (OutputStream jar = Files.newOutputStream(lib.resolve(Jar.FILE))) {
        classes.write(jar);
      }
      Set<Path> all = programs.stream().flatMap(it -> it.jars().stream()).collect(toSet());
      Map<Path, Path> copied = new HashMap<>();
      for (Program program : programs) {
        for (Path jar : program.jars()) {
          Path other = copied.putIfAbsent(jar.getFileName(), jar);
          if (other == null) {
            step.accept("copying jar %d of %d".formatted(copied.size(), all.size()));
            OldClasses.copy(jar, lib.resolve(jar.getFileName()));
          } else if (!other.equals(jar)) {
            throw new IOException("two different jars are named " + jar.getFileName());
          }
        }
      }
      Files.writeString(home.resolve("help.txt"), help());
      Files.writeString(home.resolve("completion.sh"), completion());
      try (Stream<Path> made = Files.walk(home)) {
        for (Path path : made.toList()) {
          makeReadable(path);
        }
      }
      Files.createFile(home.resolve(COMPLETE));
    } catch (IOException e) {
      delete(home);
      throw new Refused("nothing was installed: " + reason(e), "fix that, then install again");
    }
  }

  private String help() {
    StringBuilder help =
        new StringBuilder(
            """
            Check and repair a Remote Settings server, from which Firefox gets new data.

            Usage: %s COMMAND [OPTION ...]

            Commands:
            """
                .formatted(DISPATCHER));
    programs.forEach(program -> help.append(row(program.name(), program.description())));
    help.append("\nAlso:\n");
    help.append(row("completion", "Print a completion script for bash and zsh, to be sourced."));
    help.append(row("uninstall", "Remove all of these from " + folder));
    help.append(
        "\nEach command can also be run by its own name. COMMAND --help has an example and\n");
    help.append("its settings. Pages and runbooks are in the folder docs of the repository.\n");
    return help.toString();
  }

  private static String row(String name, String description) {
    String wrapped = description.replaceAll("(.{1,48})( |$)", "$1\n" + " ".repeat(31));
    return "  %-29s%s%n".formatted(name, wrapped.strip());
  }

  /** The completion of every command's options, in bash, which zsh understands, too. */
  private String completion() {
    ByteArrayOutputStream completion = new ByteArrayOutputStream();
    Surroundings surroundings =
        new Surroundings(
            Map.of(),
            InputStream.nullInputStream(),
            completion,
            System.err,
            false,
            Clock.systemUTC(),
            Thread::sleep,
            _ -> {},
            null,
            null);
    for (Program program : programs) {
      try {
        Object command = Class.forName(program.name()).getDeclaredConstructor().newInstance();
        Runner.execute((Runner.Command) command, surroundings, "--completion");
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
    return completion.toString(StandardCharsets.UTF_8)
        + "complete -W '%s completion uninstall' %s%n".formatted(joined(" "), DISPATCHER);
  }

  /**
   * Makes the missing archives, as many at once as there are processors. A command without an
   * archive starts more slowly; the next installation tries again.
   */
  private void train(Path home, Path java, Trainer trainer, Consumer<String> say) {
    List<Program> untrained =
        programs.stream().filter(program -> Files.notExists(archive(home, program))).toList();
    if (untrained.isEmpty()) {
      return;
    }
    say.accept("preparing %d commands to start fast".formatted(untrained.size()));
    AtomicInteger done = new AtomicInteger();
    Runnable sayHowMany =
        () -> step.accept("%d of %d commands prepared".formatted(done.get(), untrained.size()));
    sayHowMany.run();
    try (ExecutorService threads =
        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      for (Program program : untrained) {
        threads.submit(() -> {
          List<String> jvm = new ArrayList<>(List.of(java.resolve("bin/java").toString()));
          jvm.addAll(program.options());
          jvm.addAll(List.of("-cp", classPath(program, home.toString())));
          Path next = home.resolve(program.name() + ".next");
          try {
            try {
              trainer.run(jvm, program.name(), next);
              makeReadable(next);
              Files.move(next, archive(home, program), StandardCopyOption.ATOMIC_MOVE);
            } finally {
              Files.deleteIfExists(next);
              Files.deleteIfExists(
                  Path.of(next + ".config")); // left by the JVM if the disk is full
            }
          } catch (IOException e) {
            say.accept(
                "warning: %s will start more slowly: %s".formatted(program.name(), reason(e)));
          }
          done.incrementAndGet();
          sayHowMany.run();
        });
      }
    }
  }

  private static Path archive(Path home, Program program) {
    return home.resolve(program.name() + ".aot");
  }

  /** Lets everyone read it, whatever the umask, because cron runs it as another user than root. */
  private static void makeReadable(Path path) throws IOException {
    Files.setPosixFilePermissions(
        path, PosixFilePermissions.fromString(Files.isDirectory(path) ? "rwxr-xr-x" : "rw-r--r--"));
  }

  /** Whether every user may enter all folders of the path, and run it if it is a program. */
  private static boolean isAccessibleToAll(Path path) throws IOException {
    for (Path at = path.toRealPath(); at != null; at = at.getParent()) {
      if (!Files.getPosixFilePermissions(at).contains(PosixFilePermission.OTHERS_EXECUTE)) {
        return false;
      }
    }
    return true;
  }

  private static String classPath(Program program, String home) {
    return Stream.concat(
            Stream.of(Jar.FILE), program.jars().stream().map(jar -> jar.getFileName().toString()))
        .map(jar -> home + "/lib/" + jar)
        .collect(Collectors.joining(":"));
  }

  // ---- launchers

  private String launcher(Program program, Path home, Path java) throws IOException {
    return fillTemplate(
        "launcher.sh",
        home,
        Map.of(
            "NAME", program.name(),
            "JAVA", quoted(java.toString()),
            "JAR", Jar.FILE,
            "OPTIONS", String.join(" ", program.options()),
            "CLASS_PATH", classPath(program, "$home")));
  }

  private String fillTemplate(String template, Path home, Map<String, String> more)
      throws IOException {
    Map<String, String> values = new HashMap<>(more);
    values.put("VERSION", Version.NUMBER);
    values.put("HOME", quoted(home.toString()));
    values.put("FOLDER", quoted(folder.toString()));
    values.put("COMMANDS", joined(" | "));
    values.put("NAMES", joined(" "));
    return Pattern.compile("@([A-Z_]+)@")
        .matcher(template(template))
        .replaceAll(place -> Matcher.quoteReplacement(values.get(place.group(1))));
  }

  private static String template(String name) throws IOException {
    try (InputStream template = Installation.class.getResourceAsStream("/deploy/" + name)) {
      return new String(template.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }

  /** Replaces a launcher atomically. */
  private void replace(String name, String text) throws IOException {
    Path next = hidden.resolve(name + ".next");
    Files.writeString(next, text);
    Files.setPosixFilePermissions(next, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.move(
        next,
        folder.resolve(name),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** The home that a launcher names; empty if this program did not install the launcher. */
  private Optional<Path> homeOf(String name) {
    try (Stream<String> lines = Files.lines(folder.resolve(name))) {
      List<String> first = lines.limit(6).toList();
      if (first.size() < 2 || !first.get(1).matches("# " + name + " .*, installed by .*")) {
        return Optional.empty();
      }
      return first.stream()
          .filter(line -> line.startsWith("home="))
          .map(line -> hidden.resolve(line.replaceFirst(".*/", "").replace("'", "")))
          .findFirst();
    } catch (IOException | UncheckedIOException e) {
      return Optional.empty();
    }
  }

  /** The homes that the launchers name now. */
  private Set<Path> homes() {
    return names().stream()
        .map(this::homeOf)
        .flatMap(Optional::stream)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** Removes all other homes. Those that launchers named until now are kept: they may be in use. */
  private void removeHomesExcept(Set<Path> kept) throws IOException {
    List<Path> others;
    try (Stream<Path> found = Files.list(hidden)) {
      others = found.filter(Files::isDirectory).filter(home -> !kept.contains(home)).toList();
    }
    for (Path other : others) {
      delete(other);
    }
  }

  /** Deletes a folder with everything in it, if it exists. */
  static void delete(Path folder) throws IOException {
    if (Files.notExists(folder)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> found = Files.walk(folder)) {
      paths = found.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.deleteIfExists(path);
    }
  }

  /** Why a file could not be read or written. */
  static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException of -> "permission denied: " + of.getFile();
      case NoSuchFileException of -> "no such file or folder: " + of.getFile();
      case FileAlreadyExistsException of -> of.getFile() + " is not a folder";
      default -> e.getMessage();
    };
  }
}
