//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Advice.java CrashReports.java GeneralSettings.java Help.java Lookup.java Masks.java Report.java
//SOURCES RunDeadline.java Secret.java ServerException.java Setting.java Surroundings.java
//SOURCES UsageException.java Values.java Version.java

package common;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The run of a command, from arguments to exit code (docs/specification.md, <i>Settings</i> and
 * <i>Secrets</i>).
 *
 * <p>Settings are declared once, as picocli options. The variable of an option has its long name,
 * in upper case: {@code --requests-nb-retries} is {@code REQUESTS_NB_RETRIES}. First found wins:
 * option, environment, the file that {@code --env-file} names, default. A secret has no option that
 * takes it, only one that names a file.
 */
public final class Runner {

  /** How long a run may still take after its deadline, to compute and to print. */
  private static final Duration GRACE = Duration.ofSeconds(15);

  /** What to do about a setting that is not accepted, where nothing more is known. */
  private Runner() {}

  /** A command: its options, and what it does with them. */
  public interface Command {
    /** The settings that every command has. */
    GeneralSettings general();

    /** Whether this run may change something, on a server or in a folder. */
    default boolean writes() {
      return false;
    }

    /** Reads, decides, acts and reports. */
    void run(Surroundings surroundings, Report report) throws Exception;
  }

  /** The settings of a command in the order of its help, without {@code --help} and the like. */
  public static List<Setting> settings(Command command) {
    return Setting.all(CommandSpec.forAnnotatedObject(command)).stream()
        .filter(setting -> !setting.variables().isEmpty())
        .toList();
  }

  /**
   * Runs a command and returns its exit code: 0 all well, 1 findings, 2 no full verdict.
   *
   * <p>Every failure becomes one line on stderr; {@code --verbose} adds its stack trace. A run that
   * writes nothing is left behind if it does not end soon after its deadline, whatever it waits
   * for.
   */
  public static int execute(Command command, Surroundings surroundings, String... args) {
    try {
      return watched(command, surroundings, args);
    } catch (Throwable e) { // what the report needs is missing, or there is no memory for it
      String name = command.getClass().getSimpleName();
      surroundings.err().println("%s: error: unexpected %s".formatted(name, e));
      return 2;
    }
  }

  private static int watched(Command command, Surroundings surroundings, String... args)
      throws Throwable {
    long start = System.nanoTime();
    Locale.setDefault(Locale.ROOT); // numbers look the same everywhere
    CommandLine line = new CommandLine(command);
    line.setExpandAtFiles(false);
    line.setInterpolateVariables(false);
    line.setPosixClusteredShortOptionsAllowed(false); // -help would be -h, which nobody looks for
    line.registerConverter(boolean.class, new Values.BooleanConverter());
    line.registerConverter(
        Secret.class,
        new Values.Converter<>(
            "a file that can be read", file -> secretFrom(file, surroundings.in())));
    CommandSpec spec = line.getCommandSpec();
    Lookup lookup = new Lookup(spec, surroundings.environment(), args);
    Report report = new Report(spec.name(), surroundings);
    RunDeadline whileReadingSettings = new RunDeadline(start, lookup.runDeadline());
    report.endBy(whileReadingSettings);
    FutureTask<Integer> run =
        new FutureTask<>(() -> run(command, line, lookup, start, surroundings, report));
    Thread thread = Thread.ofPlatform().daemon().unstarted(run);
    try {
      thread.start();
    } catch (OutOfMemoryError e) {
      run.run(); // this system allows no more threads
    }
    while (true) {
      RunDeadline deadline = report.deadline();
      try {
        return run.get(deadline.left() + GRACE.toNanos(), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        boolean isWatched = deadline == whileReadingSettings || !command.writes();
        if (isWatched && deadline == report.deadline()) {
          return report.giveUp();
        }
      } catch (InterruptedException e) {
        thread.interrupt();
      } catch (ExecutionException e) {
        throw e.getCause();
      }
    }
  }

  private static int run(
      Command command,
      CommandLine line,
      Lookup lookup,
      long start,
      Surroundings surroundings,
      Report report) {
    CommandSpec spec = line.getCommandSpec();
    try {
      if (lookup.asksForHelp()) {
        line.parseArgs(lookup.arguments()); // reports unknown options first
        report.print(
            line.isUsageHelpRequested()
                ? Help.text(spec, surroundings)
                : command.general().completion
                    ? completion(spec)
                    : spec.name() + " " + Version.NUMBER);
        return 0;
      }
      report.setFormat(lookup.format());
      lookup.readEnvFile();
      report.setFormat(lookup.format());
      line.setDefaultValueProvider(lookup);
      line.parseArgs(lookup.arguments());
      Masks masks = new Masks(lookup.secrets().stream());
      GeneralSettings general = command.general();
      Surroundings all = surroundings.with(lookup.variables());
      report.configure(general, masks, all);
      Duration usual = command.writes() ? Duration.ZERO : RunDeadline.OF_CHECKS;
      report.endBy(new RunDeadline(start, Objects.requireNonNullElse(general.runDeadline, usual)));
      if (general.verbose) {
        lookup.origins().forEach(report::note);
      }
      report.watch(
          CrashReports.start(
              spec.name(),
              general.safeSentryDsn(report::warn),
              general.sentryEnvironment,
              general.sentryMonitorSlug,
              caBundle(spec),
              all,
              masks,
              report::warn),
          all);
      command.run(all, report);
    } catch (ParameterException e) {
      UsageException usage = usage(e, lookup);
      report.error(usage.getMessage(), usage.hint());
    } catch (UsageException e) {
      String hint = lookup.hint(e.getMessage(), e.hint());
      report.error(e.getMessage(), hint);
    } catch (ServerException e) {
      Advice advice = e.advice().or(lookup.hint(e.getMessage(), e.hint()));
      report.failure(e.getMessage(), advice, e);
    } catch (Report.ClosedOutput e) {
      // the report has set the exit code
    } catch (Throwable e) {
      report.unexpected(e);
    }
    return report.end();
  }

  private static UsageException usage(ParameterException e, Lookup lookup) {
    if (e instanceof UnmatchedArgumentException unmatched) {
      return unknown(unmatched);
    }
    if (e.getCause() instanceof TypeConversionException accepted
        && e.getArgSpec() instanceof OptionSpec option) {
      String value = option.type() == URI.class ? Masks.withoutSecrets(e.getValue()) : e.getValue();
      String what = Lookup.isSecret(option) ? "" : "\"%s\" ".formatted(value);
      return new UsageException(
          "%s: %sis not %s".formatted(lookup.label(option), what, accepted.getMessage()), null);
    }
    String message = e.getMessage();
    return new UsageException(
        message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1),
        "--help lists the options");
  }

  /** The part of an argument that may be shown: a long option, or a short one without value. */
  private static final Pattern OPTION_NAME = Pattern.compile("--[a-z][a-z0-9-]*|-[a-zA-Z]");

  /** The name in an argument that may be meant as an option, or as a variable. */
  private static final Pattern NAME =
      Pattern.compile("[-\u2010-\u2015\u2212/]*([\\w-]+)(?=[=:\\s]|$)");

  private static final Pattern VARIABLE = Pattern.compile("[A-Z][A-Z0-9_]*=");

  /** {@code bucket/collection} as most are named, which no password or token looks like. */
  private static final Pattern COLLECTION =
      Pattern.compile("(?=.{1,60}$)[a-z]+(-[a-z0-9]+)*/[a-z]+(-[a-z0-9]+)*");

  /**
   * Names the unknown options, never what follows them: it may be a secret. Of another argument
   * nothing is shown but a known name, or what can only be a collection.
   */
  private static UsageException unknown(UnmatchedArgumentException e) {
    CommandSpec spec = e.getCommandLine().getCommandSpec();
    String first = e.getUnmatched().getFirst();
    List<String> options =
        e.getUnmatched().stream()
            .map(OPTION_NAME::matcher)
            .filter(Matcher::lookingAt)
            .map(Matcher::group)
            .toList();
    if (options.isEmpty()) {
      return new UsageException(
          "there is an argument that belongs to no option",
          meant(first, spec)
              .orElse(
                  spec.findOption("--only") == null
                      ? "--help lists the options"
                      : COLLECTION.matcher(first).matches()
                          ? "did you mean --only %s?".formatted(first)
                          : "--only 'main/*' selects collections; --help lists the options"));
    }
    List<String> near = e.getSuggestions().stream().limit(2).toList();
    return new UsageException(
        "unknown option " + String.join(", ", options),
        meant(first, spec)
            .orElse(
                near.isEmpty()
                    ? "--help lists the options"
                    : "did you mean " + String.join(" or ", near) + "?"));
  }

  /** A hint on an argument that begins with the name of an option, or of a variable. */
  private static Optional<String> meant(String argument, CommandSpec spec) {
    Matcher name = NAME.matcher(argument);
    String variable = name.lookingAt() ? Lookup.variable(name.group(1)) : "";
    Optional<OptionSpec> option =
        spec.options().stream()
            .filter(one ->
                Lookup.variables(one).contains(variable)
                    || Stream.of(one.names()).map(Lookup::variable).anyMatch(variable::equals))
            .findFirst();
    if (VARIABLE.matcher(argument).lookingAt()) {
      boolean isKnown = option.isPresent() || Lookup.VARIABLES_ONLY.contains(variable);
      return Optional.of(
          "variables stand before the command: %s=… %s"
              .formatted(isKnown ? variable : "NAME", spec.name()));
    }
    return option.map(one ->
        "did you mean %s%s?"
            .formatted(one.longestName(), one.arity().max() > 0 ? "=" + one.paramLabel() : ""));
  }

  private static Secret secretFrom(String file, InputStream in) throws IOException {
    byte[] bytes = file.equals("-") ? in.readAllBytes() : Files.readAllBytes(Path.of(file));
    return new Secret(Values.trimmed(new String(bytes, StandardCharsets.UTF_8)).strip(), file);
  }

  /** The certificates to trust besides the JDK's, or null. */
  private static Path caBundle(CommandSpec spec) {
    OptionSpec option = spec.findOption("--requests-ca-bundle");
    return option == null ? null : option.getValue();
  }

  /**
   * The completion script. What takes a file is declared as a path, because picocli completes by
   * type, and a secret has another.
   */
  private static String completion(CommandSpec spec) {
    CommandSpec completed = CommandSpec.create().name(spec.name());
    for (OptionSpec option : spec.options()) {
      String label = option.paramLabel();
      boolean isFile = List.of("FILE", "DIR").contains(label);
      completed.addOption(
          OptionSpec.builder(option.names())
              .arity(option.arity().toString())
              .type(isFile ? Path.class : option.type())
              .completionCandidates(label.contains("|") ? List.of(label.split("\\|")) : null)
              .build());
    }
    return AutoComplete.bash(spec.name(), new CommandLine(completed)).stripTrailing();
  }
}
