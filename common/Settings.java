//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Connections.java
//SOURCES CrashReports.java
//SOURCES Http.java
//SOURCES Place.java
//SOURCES Proxies.java
//SOURCES RemoteSettings.java
//SOURCES Report.java
//SOURCES ServerException.java
//SOURCES Urls.java

package common;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.TrustManager;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Settings, each declared once as a picocli option (contract, <i>Settings</i> and <i>Secrets</i>).
 *
 * <p>The variable of an option has its long name, in upper case: {@code --requests-nb-retries} is
 * {@code REQUESTS_NB_RETRIES}. First found wins: option, environment, the file that {@code
 * --env-file} names, default. A secret has no option that takes it, only one that names a file.
 */
public final class Settings {

  private static final String COMPLETION = "--completion";

  /** The version of all commands. */
  public static final String VERSION = "0.1.0";

  private Settings() {}

  /**
   * What a command reads and writes besides the network; tests pass their own.
   *
   * @param connections that outlive the run, or null
   */
  public record Surroundings(
      Map<String, String> environment,
      InputStream in,
      OutputStream out,
      PrintStream err,
      boolean terminal,
      Clock clock,
      Http.Pause pause,
      Consumer<Runnable> onInterrupt,
      Connections connections) {

    /** The process's own; output is UTF-8 whatever the locale, for the lines hold ⚠. */
    public static Surroundings real() {
      return new Surroundings(
          System.getenv(),
          System.in,
          new FileOutputStream(FileDescriptor.out),
          new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
          System.console() != null && System.console().isTerminal(),
          Clock.systemUTC(),
          Thread::sleep,
          task -> Runtime.getRuntime().addShutdownHook(new Thread(task)),
          null);
    }

    /** The same with another environment. */
    Surroundings with(Map<String, String> environment) {
      return new Surroundings(
          environment, in, out, err, terminal, clock, pause, onInterrupt, connections);
    }
  }

  /** A command: its options, and what it does with them. */
  public interface Command {
    /** The settings that every command has. */
    General general();

    /** Reads, decides, acts and reports. */
    void run(Surroundings surroundings, Report report) throws Exception;
  }

  /**
   * A setting as help, the README's tables and the keys of Lambda's events name it.
   *
   * @param options its names on the command line, the first of which is meant to be used
   * @param label stands for its value in help; null for a switch
   * @param variables that it is read from, the first of them that is set; in lower case they are
   *     the keys of an event
   * @param defaultValue as a variable would hold it, null if there is none
   * @param separator of its entries; null if it holds one value
   * @param isSecret whether the variable holds what nobody may see; the option names a file then
   */
  public record Setting(
      List<String> options,
      String label,
      List<String> variables,
      String defaultValue,
      String description,
      String separator,
      boolean isSecret) {

    private static Setting of(OptionSpec option) {
      boolean isSecret = Settings.isSecret(option);
      return new Setting(
          List.of(option.names()),
          option.arity().max() > 0 ? option.paramLabel() : null,
          Settings.variables(option),
          isSecret ? null : defaultText(option),
          option.description()[0],
          option.isMultiValue() ? option.splitRegex() : null,
          isSecret);
    }
  }

  /** The settings of a command in the order of its help, without {@code --help} and the like. */
  public static List<Setting> settings(Command command) {
    return settings(CommandSpec.forAnnotatedObject(command)).stream()
        .filter(setting -> !setting.variables().isEmpty())
        .toList();
  }

  private static List<Setting> settings(CommandSpec spec) {
    return spec.options().stream().map(Setting::of).toList();
  }

  /** A setting that cannot be used: names option or variable, the value, and what is accepted. */
  public static final class UsageException extends Exception {
    private static final long serialVersionUID = 1;
    private final String hint;

    public UsageException(String message, String hint) {
      super(message);
      this.hint = hint;
    }

    /** What to do about it, or null. */
    public String hint() {
      return hint;
    }
  }

  /** How results are printed. */
  public enum Format {
    TEXT,
    JSON
  }

  /** Settings of every command. */
  public static final class General {
    @Option(
        names = "--env-file",
        paramLabel = "FILE",
        description = "file of NAME=VALUE lines, for what the environment does not set")
    Path envFile;

    @Option(
        names = "--sentry-dsn-file",
        paramLabel = "FILE",
        description =
            "Sentry DSN that unexpected errors and failed checks are reported to; the"
                + " option names a file with it, - for stdin")
    Secret sentryDsn;

    @Option(
        names = {"--sentry-environment", "--sentry-env"},
        paramLabel = "NAME",
        description = "environment that Sentry shows")
    String sentryEnvironment;

    @Option(
        names = "--sentry-monitor-slug",
        paramLabel = "SLUG",
        description = "Sentry cron monitor to check in with; auto: the command's name")
    String sentryMonitorSlug;

    @Option(
        names = "--allow-insecure-auth",
        description =
            "send credentials, a Sentry DSN too, over plain http to a host that is not"
                + " loopback")
    boolean allowInsecureAuth;

    @Option(
        names = "--format",
        paramLabel = "text|json",
        defaultValue = "text",
        converter = FormatConverter.class,
        completionCandidates = FormatNames.class,
        description = "text: lines; json: one document")
    Format format;

    @Option(names = "--exit-zero", description = "exit 0 in spite of findings")
    boolean exitZero;

    @Option(names = "--quiet", description = "print findings and the summary only")
    boolean quiet;

    @Option(
        names = "--verbose",
        description = "print settings with their origin, each refused signature, stack traces")
    boolean verbose;

    @Option(
        names = {"-h", "--help"},
        usageHelp = true,
        description = "print this help")
    boolean help;

    @Option(names = "--version", versionHelp = true, description = "print the version")
    boolean version;

    @Option(names = COMPLETION, description = "print a completion script for bash and zsh")
    boolean completion;

    /** Whether all is to be said. */
    public boolean isVerbose() {
      return verbose;
    }

    /**
     * The {@code Authorization} header for a server: Basic for {@code user:pass}, Bearer for a bare
     * token, {@code TYPE TOKEN} as it is.
     *
     * @param variable the credentials' variable, for the error
     */
    public String authorization(String variable, Secret credentials, URI server)
        throws UsageException {
      checkSafe(variable, server);
      String text = credentials.reveal();
      int colon = text.indexOf(':');
      int space = text.indexOf(' ');
      boolean typed = space > 0 && (colon < 0 || space < colon);
      if (!typed && colon >= 0) {
        return "Basic " + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
      }
      if (!text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
        throw new UsageException(
            variable + " holds a character that no header can carry",
            "expected user:pass, a token, or TYPE TOKEN");
      }
      return typed ? text : "Bearer " + text;
    }

    /** Refuses to send a secret where others could read it. */
    public void checkSafe(String variable, URI target) throws UsageException {
      if (!target.getScheme().equalsIgnoreCase("https")
          && !Urls.isLoopback(target.getHost())
          && !allowInsecureAuth) {
        throw new UsageException(
            "%s would be sent unencrypted to %s".formatted(variable, target.getHost()),
            "use https, or --allow-insecure-auth if you must");
      }
    }
  }

  /** Settings of a command that asks a server, whichever that is. */
  public static final class Requests {
    @Option(
        names = "--requests-nb-retries",
        paramLabel = "COUNT",
        defaultValue = "4",
        converter = RetriesConverter.class,
        description = "attempts after the first")
    int retries;

    @Option(
        names = "--max-response-mib",
        paramLabel = "MIB",
        defaultValue = "128",
        converter = MebibytesConverter.class,
        description = "largest answer in MiB, after decompression")
    int maxResponse;

    @Option(
        names = "--requests-ca-bundle",
        paramLabel = "FILE",
        converter = FileConverter.class,
        description = "file of PEM certificates to trust besides the JDK's")
    Path caBundle;

    /** Attempts after the first. */
    public int retries() {
      return retries;
    }

    /** The largest answer in bytes, after decompression. */
    public long maxBytes() {
      return maxResponse * 1024L * 1024L;
    }

    /** Those that trust the JDK's roots and a bundle's; empty without a bundle. */
    public Optional<TrustManager[]> trustManagers() throws UsageException {
      try {
        return Optional.ofNullable(caBundle).map(Connections::trustManagers);
      } catch (IllegalArgumentException e) {
        throw new UsageException(e.getMessage(), null);
      }
    }

    /**
     * Opens the doorway to HTTP for a command.
     *
     * @param timeout to connect, and longest silence while reading
     * @param deadline of one attempt as a whole
     * @param parallel most requests in flight
     * @param names of the settings that errors point to
     */
    public Http http(
        String command,
        Duration timeout,
        Duration deadline,
        int parallel,
        Http.Names names,
        Surroundings surroundings,
        Report report)
        throws UsageException {
      try {
        Http http =
            new Http(
                new Http.Limits(
                    command + "/" + VERSION + " (remote-settings-lambdas)",
                    timeout,
                    deadline,
                    retries,
                    parallel,
                    caBundle,
                    Proxies.of(surroundings.environment()),
                    names),
                surroundings.clock(),
                surroundings.pause(),
                report::waiting,
                report::alert,
                surroundings.connections());
        http.trace(report::request);
        return http;
      } catch (IllegalArgumentException e) {
        throw new UsageException(e.getMessage(), null);
      }
    }
  }

  /** Settings of a command that talks to a Remote Settings server. */
  public static final class Server {
    @Option(
        names = "--server",
        paramLabel = "URL",
        defaultValue = "http://localhost:8888/v1",
        converter = ServerConverter.class,
        description = "base URL of the server, http or https")
    URI server;

    @Option(
        names = "--requests-timeout-seconds",
        paramLabel = "SECONDS",
        defaultValue = "2",
        converter = SecondsConverter.class,
        description = "seconds to connect, and longest silence while reading")
    Duration timeout;

    @Option(
        names = "--requests-deadline-seconds",
        paramLabel = "SECONDS",
        defaultValue = "60",
        converter = SecondsConverter.class,
        description = "seconds for one attempt as a whole")
    Duration deadline;

    @Option(
        names = "--parallel-requests",
        paramLabel = "COUNT",
        defaultValue = "4",
        converter = ParallelConverter.class,
        description = "most requests in flight")
    int parallel;

    @Mixin Requests requests;

    /** The base URL, without a slash at its end. */
    public URI url() {
      return server;
    }

    /** To connect, and longest silence while reading. */
    public Duration timeout() {
      return timeout;
    }

    /** Of one attempt as a whole. */
    public Duration deadline() {
      return deadline;
    }

    /** What is not peculiar to this server. */
    public Requests requests() {
      return requests;
    }

    /** How many requests may be in flight. */
    public int parallel() {
      return parallel;
    }

    /**
     * How many collections to look at at once: more than requests in flight, so that requests are
     * sent while answers are made something of; one after the other if that is asked for.
     */
    public int looks() {
      return parallel == 1 ? 1 : parallel + Runtime.getRuntime().availableProcessors();
    }

    /** The largest answer in bytes, after decompression. */
    public long maxBytes() {
      return requests.maxBytes();
    }

    /**
     * Reads what a writer's server info says; a server that is none, or does not know the
     * credentials, is an error.
     *
     * @param variable the credentials' variable, for the error
     * @param credentials null for none
     */
    public Optional<RemoteSettings.ServerInfo> writer(
        RemoteSettings remote, String variable, Secret credentials, Report report)
        throws ServerException {
      RemoteSettings.ServerInfo info = read(remote, variable, credentials);
      if (info.signed() == null) {
        report.error(
            "No signer capabilities found. Run on *writer* server!",
            "SERVER is %s, which signs nothing".formatted(server));
        return Optional.empty();
      }
      return knows(info, variable, credentials, report) ? Optional.of(info) : Optional.empty();
    }

    /**
     * Reads what the server info says; a server that does not know the credentials is an error.
     *
     * @param variable the credentials' variable, for the error
     */
    public Optional<RemoteSettings.ServerInfo> info(
        RemoteSettings remote, String variable, Secret credentials, Report report)
        throws ServerException {
      RemoteSettings.ServerInfo info = read(remote, variable, credentials);
      return knows(info, variable, credentials, report) ? Optional.of(info) : Optional.empty();
    }

    private RemoteSettings.ServerInfo read(
        RemoteSettings remote, String variable, Secret credentials) throws ServerException {
      try {
        return remote.serverInfo();
      } catch (ServerException e) {
        throw credentials != null && (e.status() == 401 || e.status() == 403)
            ? e.withHint("are the credentials of %s right?".formatted(variable))
            : e;
      }
    }

    private boolean knows(
        RemoteSettings.ServerInfo info, String variable, Secret credentials, Report report) {
      boolean isKnown = credentials == null || info.account() != null;
      if (!isKnown) {
        report.error(
            "%s is refused: %s does not know these credentials".formatted(variable, server),
            "expected user:pass, a token, or TYPE TOKEN, of an account of this server");
      }
      return isKnown;
    }

    /** Opens the doorway to HTTP for a command. */
    public Http http(String command, Surroundings surroundings, Report report)
        throws UsageException {
      return requests.http(
          command, timeout, deadline, parallel, Http.Names.SERVER, surroundings, report);
    }
  }

  /** Settings of a command that reads the list of collections. */
  public static final class Selection {
    @Option(
        names = "--bucket",
        paramLabel = "NAME",
        defaultValue = "monitor",
        converter = NameConverter.class,
        description = "bucket of the list of collections")
    String bucket;

    @Option(
        names = "--collection",
        paramLabel = "NAME",
        defaultValue = "changes",
        converter = NameConverter.class,
        description = "collection that is the list of collections")
    String collection;

    @Option(
        names = "--only",
        paramLabel = "PATTERN",
        split = ",",
        description =
            "only these collections: shell patterns on bucket/collection, comma separated")
    List<String> only;

    @Option(
        names = "--exclude",
        paramLabel = "PATTERN",
        split = ",",
        description =
            "all but these collections: shell patterns on bucket/collection, comma separated")
    List<String> exclude;

    /** {@code /buckets/BUCKET/collections/COLLECTION} of the list. */
    public String path() {
      return Place.path(bucket, collection);
    }

    /** Reads the whole list of collections; of one that stands there twice, the newer entry. */
    public List<RemoteSettings.Announced> all(RemoteSettings remote, Report report)
        throws ServerException {
      Map<String, RemoteSettings.Announced> entries = new LinkedHashMap<>();
      for (RemoteSettings.Announced entry : remote.announced(bucket, collection)) {
        String key = entry.isNamed() ? entry.name() : "entry " + entries.size();
        RemoteSettings.Announced other = entries.putIfAbsent(key, entry);
        if (other != null) {
          report.warn("%s announces %s more than once".formatted(path(), entry.name()));
          entries.put(key, entry.timestamp() > other.timestamp() ? entry : other);
        }
      }
      return List.copyOf(entries.values());
    }

    /** Reads the list of collections and returns what is selected of it; nothing is an error. */
    public List<RemoteSettings.Announced> read(RemoteSettings remote, Report report, String done)
        throws ServerException {
      return select(all(remote, report), report, done);
    }

    /**
     * Returns what is selected of a list of collections; nothing is an error.
     *
     * @param done what could not be done then: "verified"
     */
    public List<RemoteSettings.Announced> select(
        List<RemoteSettings.Announced> announced, Report report, String done) {
      List<RemoteSettings.Announced> selected =
          announced.stream().filter(entry -> selects(entry.name())).toList();
      if (announced.isEmpty()) {
        report.error("%s announces no collection: nothing was %s".formatted(path(), done), null);
      } else if (selected.isEmpty()) {
        report.error(
            "none of %d collections is selected: nothing was %s".formatted(announced.size(), done),
            "check --only and --exclude");
      }
      return selected;
    }

    /** Whether only some collections are asked for. */
    public boolean isNarrow() {
      return !Settings.entries(only).isEmpty();
    }

    /** Reads again what the list says of a collection; empty if it announces it no more. */
    public Optional<RemoteSettings.Announced> readAgain(
        RemoteSettings remote, RemoteSettings.Announced entry) throws ServerException {
      return remote.announced(bucket, collection, entry);
    }

    /** Whether {@code bucket/collection} is selected. */
    public boolean selects(String name) {
      return selects(List.of(name));
    }

    /** Whether something of several names is selected: by one of them, and excluded by none. */
    public boolean selects(List<String> names) {
      return (Settings.entries(only).isEmpty() || matches(only, names)) && !matches(exclude, names);
    }

    private static boolean matches(List<String> patterns, List<String> names) {
      return Settings.entries(patterns).stream()
          .anyMatch(pattern -> names.stream().anyMatch(name -> Settings.matches(pattern, name)));
    }
  }

  /** A value that is never shown: it prints as {@code ***}. */
  public static final class Secret {
    private final String value;

    Secret(String value) {
      this.value = value;
    }

    /** The value, for the one place that sends it. */
    public String reveal() {
      return value;
    }

    @Override
    public String toString() {
      return "***";
    }
  }

  /**
   * Masks secrets in what is to be shown, however they got there: a server may echo what it got.
   *
   * <p>Each is looked for as it is, without its user or type, and as base64; of a text that was cut
   * the beginning of a secret, too. What is shorter than 8 characters stands in too many words.
   */
  static final class Masks {
    static final Masks NONE = new Masks(Stream.of());

    private static final int LEAST = 8;
    private static final Pattern USER_OF_URL = Pattern.compile("//([^/?#]+)@");

    private final List<String> hidden;

    Masks(Stream<String> secrets) {
      hidden =
          secrets
              .flatMap(Masks::parts)
              .filter(part -> part.length() >= LEAST)
              .flatMap(Masks::forms)
              .distinct()
              .sorted(Comparator.comparing(String::length).reversed())
              .toList();
    }

    /** The password of {@code user:pass}, the token of {@code TYPE TOKEN}, the key of a DSN. */
    private static Stream<String> parts(String secret) {
      int colon = secret.indexOf(':');
      Stream.Builder<String> parts = Stream.builder();
      parts.add(secret).add(secret.substring(secret.indexOf(' ') + 1));
      String password = secret.substring(colon + 1);
      if (!secret.equals(password + ":" + password)) { // a user's name may be shown
        parts.add(password);
      }
      USER_OF_URL.matcher(secret).results().map(user -> user.group(1)).forEach(parts::add);
      return parts.build();
    }

    private static Stream<String> forms(String part) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      return Stream.of(
          part,
          Base64.getEncoder().withoutPadding().encodeToString(bytes),
          Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
    }

    /** Whether there is anything to mask. */
    boolean any() {
      return !hidden.isEmpty();
    }

    /** The text with {@code ***} in place of each secret. */
    String apply(String text) {
      if (hidden.isEmpty() || text == null) {
        return text;
      }
      String masked = text;
      for (String secret : hidden) {
        masked = masked.replace(secret, "***");
      }
      for (int cut = masked.length(); (cut = masked.lastIndexOf('…', cut - 1)) > 0; ) {
        int begun = begun(masked, cut);
        if (begun > 0) {
          masked = masked.substring(0, cut - begun) + "***" + masked.substring(cut);
          cut -= begun;
        }
      }
      return masked;
    }

    /** How much of the beginning of a secret stands before the place where a text was cut. */
    private int begun(String text, int cut) {
      for (String secret : hidden) {
        for (int length = Math.min(secret.length() - 1, cut); length >= LEAST; length--) {
          if (text.regionMatches(cut - length, secret, 0, length)) {
            return length;
          }
        }
      }
      return 0;
    }
  }

  /** Entries of a list as typed: white space and quotes around each removed, empty ones dropped. */
  public static List<String> entries(List<String> typed) {
    return typed == null
        ? List.of()
        : typed.stream()
            .map(entry -> unquoted(entry.strip()))
            .filter(entry -> !entry.isEmpty())
            .toList();
  }

  /** Removes one pair of equal quotes around a value. */
  static String unquoted(String value) {
    int last = value.length() - 1;
    return last > 0
            && (value.charAt(0) == '"' || value.charAt(0) == '\'')
            && value.charAt(last) == value.charAt(0)
        ? value.substring(1, last)
        : value;
  }

  /** Removes one pair of equal quotes around a list, unless they are those of its entries. */
  private static String unquotedList(String list) {
    String inner = unquoted(list);
    return inner.indexOf(list.isEmpty() ? '"' : list.charAt(0)) < 0 ? inner : list;
  }

  /**
   * Matches a shell pattern as Python's fnmatch does: {@code *}, {@code ?}, {@code [a-z]}, {@code
   * [!a-z]}; a bracket that nothing closes stands for itself, a range from high to low for nothing.
   */
  public static boolean matches(String pattern, String name) {
    return regex(pattern).matcher(name).matches();
  }

  /** The same pattern as a regular expression, which the whole of a name has to match. */
  public static Pattern regex(String pattern) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      int end = c == '[' ? endOfSet(pattern, i + 1) : -1;
      if (c == '*') {
        regex.append(".*");
      } else if (c == '?') {
        regex.append('.');
      } else if (end > 0) {
        regex.append(set(pattern.substring(i + 1, end)));
        i = end;
      } else {
        regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  /** Where the set that starts here ends; a bracket at its beginning belongs to it. */
  private static int endOfSet(String pattern, int start) {
    int from = pattern.startsWith("!", start) ? start + 1 : start;
    return pattern.indexOf(']', pattern.startsWith("]", from) ? from + 1 : from);
  }

  private static String set(String members) {
    boolean negated = members.startsWith("!");
    StringBuilder regex = new StringBuilder();
    for (int i = negated ? 1 : 0; i < members.length(); i++) {
      int first = members.charAt(i);
      int last = first;
      if (i + 2 < members.length() && members.charAt(i + 1) == '-') {
        last = members.charAt(i + 2);
        i += 2;
      }
      if (first <= last) {
        regex.append("\\x{%x}-\\x{%x}".formatted(first, last));
      }
    }
    if (regex.isEmpty()) {
      return negated ? "." : "(?!)";
    }
    return (negated ? "[^" : "[") + regex + "]";
  }

  /**
   * Runs a command and returns its exit code: 0 all well, 1 findings, 2 no full verdict.
   *
   * <p>Whatever happens ends in one line on stderr; the stack trace only with {@code --verbose}.
   */
  public static int execute(Command command, Surroundings surroundings, String... args) {
    Locale.setDefault(Locale.ROOT); // numbers look the same everywhere
    CommandLine line = new CommandLine(command);
    line.setExpandAtFiles(false);
    line.setInterpolateVariables(false);
    line.registerConverter(boolean.class, new BooleanConverter());
    line.registerConverter(Secret.class, file -> secretFrom(file, surroundings.in()));
    CommandSpec spec = line.getCommandSpec();
    Report report = new Report(spec.name(), surroundings);
    CrashReports crashReports = CrashReports.none();
    try {
      Typed typed = Typed.of(spec, args);
      if (typed.asksForHelp()) {
        line.parseArgs(typed.arguments()); // wrong options are named first
        report.text(
            line.isUsageHelpRequested()
                ? Help.of(spec)
                : command.general().completion ? completion(spec) : spec.name() + " " + VERSION);
        return 0;
      }
      Lookup lookup = new Lookup(surroundings.environment(), Map.of(), typed);
      report.configure(lookup.format(spec));
      String named = typed.options().get(spec.findOption("--env-file"));
      Map<String, String> envFile = envFile(named, surroundings.environment());
      lookup = new Lookup(surroundings.environment(), envFile, typed);
      report.configure(lookup.format(spec));
      line.setDefaultValueProvider(lookup);
      line.parseArgs(typed.arguments());
      Masks masks = new Masks(lookup.secrets(spec).stream());
      report.mask(masks);
      General general = command.general();
      Surroundings all = surroundings.with(lookup.variables());
      report.configure(general.format, general.quiet, general.verbose, general.exitZero, all);
      if (general.verbose) {
        lookup.origins(spec).forEach(report::note);
      }
      crashReports =
          CrashReports.start(spec.name(), general, caBundle(spec), all, masks, report::warn);
      report.reportTo(crashReports);
      report.watchInterrupts(all);
      command.run(all, report);
    } catch (ParameterException e) {
      UsageException usage = usage(e);
      report.error(usage.getMessage(), usage.hint());
    } catch (UsageException e) {
      report.error(e.getMessage(), e.hint());
    } catch (ServerException e) {
      report.failure(e.getMessage(), e.hint(), e);
    } catch (Report.ClosedOutput e) {
      // the exit code says so
    } catch (Throwable e) {
      report.unexpected(e);
    }
    int code = report.finish();
    crashReports.close(code); // nothing waits for Sentry but the end of the process
    return code;
  }

  private static UsageException usage(ParameterException e) {
    if (e instanceof UnmatchedArgumentException unmatched) {
      return unknown(unmatched);
    }
    if (e.getCause() instanceof TypeConversionException accepted
        && e.getArgSpec() instanceof OptionSpec option) {
      String value = option.type() == URI.class ? withoutSecrets(e.getValue()) : e.getValue();
      String label =
          e.getCommandLine().getDefaultValueProvider() instanceof Lookup lookup
              ? lookup.label(option)
              : option.longestName();
      return new UsageException(
          isSecret(option)
              ? "%s: is not %s".formatted(label, accepted.getMessage())
              : "%s: \"%s\" is not %s".formatted(label, value, accepted.getMessage()),
          null);
    }
    return new UsageException(uncapitalised(e.getMessage()), "--help lists the options");
  }

  /** What may be named of an argument: a long option, or the first letter of a short one. */
  private static final Pattern OPTION_NAME = Pattern.compile("--[a-z][a-z0-9-]*|-[a-zA-Z]");

  /** Names the unknown options, never what stands behind them: it may be a secret. */
  private static UsageException unknown(UnmatchedArgumentException e) {
    List<String> options =
        e.getUnmatched().stream()
            .map(OPTION_NAME::matcher)
            .filter(Matcher::lookingAt)
            .map(Matcher::group)
            .toList();
    List<String> near = e.getSuggestions().stream().limit(2).toList();
    return new UsageException(
        options.isEmpty()
            ? "an argument that belongs to no option"
            : "unknown option " + String.join(", ", options),
        options.isEmpty() || near.isEmpty()
            ? "--help lists the options"
            : "did you mean " + String.join(" or ", near) + "?");
  }

  /** A URL as typed, which may be none: what may be user, password or a key is masked. */
  private static String withoutSecrets(String url) {
    return url.replaceFirst("(?s)^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", "$1***@")
        .replaceFirst("(?s)([?#]).*", "$1***");
  }

  private static String uncapitalised(String sentence) {
    return sentence.substring(0, 1).toLowerCase(Locale.ROOT) + sentence.substring(1);
  }

  /**
   * The command line as typed, before picocli sees it.
   *
   * @param arguments with quotes around values removed, and without the options whose value is
   *     empty: they count as not set, unless they are lists
   * @param options those that are set, and the value typed last; null where none was
   */
  private record Typed(String[] arguments, Map<OptionSpec, String> options) {

    static Typed of(CommandSpec spec, String... args) {
      List<String> arguments = new ArrayList<>();
      Map<OptionSpec, String> options = new HashMap<>();
      for (int i = 0; i < args.length; i++) {
        int equals = args[i].indexOf('=');
        String name = equals < 0 ? args[i] : args[i].substring(0, equals);
        OptionSpec option = spec.optionsMap().get(name);
        boolean next =
            equals < 0 && i + 1 < args.length && !spec.optionsMap().containsKey(args[i + 1]);
        if (option == null || (equals < 0 && (option.arity().max() == 0 || !next))) {
          arguments.add(args[i]);
          if (option != null) {
            options.put(option, null);
          }
          continue;
        }
        String value = equals < 0 ? args[++i] : args[i].substring(equals + 1);
        value = option.isMultiValue() ? unquotedList(value) : unquoted(value);
        if (!value.isEmpty() || option.isMultiValue()) {
          arguments.add(name + "=" + value);
          options.put(option, value);
        }
      }
      return new Typed(arguments.toArray(String[]::new), options);
    }

    boolean asksForHelp() {
      return options.keySet().stream().anyMatch(Settings::isInsteadOfRun);
    }
  }

  private static final Pattern ENV_LINE =
      Pattern.compile("(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=\\s*(.*)");

  /**
   * Reads the file that {@code --env-file} or {@code ENV_FILE} names: {@code NAME=VALUE} lines,
   * blank ones and comments. A value is taken as it is, but for a comment behind it and, by whoever
   * looks it up, its quotes.
   */
  private static Map<String, String> envFile(String typed, Map<String, String> environment)
      throws UsageException {
    String label = typed == null ? "ENV_FILE" : "--env-file";
    String name = typed == null ? unquoted(environment.getOrDefault("ENV_FILE", "")) : typed;
    Map<String, String> values = new LinkedHashMap<>();
    if (name.isEmpty()) {
      return values;
    }
    List<String> lines;
    try {
      String text = Files.readString(Path.of(name)).replaceFirst("^\ufeff", ""); // Windows' mark
      lines = text.lines().map(String::strip).toList();
    } catch (IOException | InvalidPathException e) {
      throw new UsageException(
          "%s: \"%s\" is not a file that can be read, expected NAME=VALUE lines in UTF-8"
              .formatted(label, name),
          null);
    }
    for (int i = 0; i < lines.size(); i++) {
      Matcher line = ENV_LINE.matcher(lines.get(i));
      if (line.matches()) {
        values.put(line.group(1), withoutComment(line.group(2)));
      } else if (!lines.get(i).isEmpty() && !lines.get(i).startsWith("#")) {
        // the line itself may hold a secret
        throw new UsageException(
            "%s: line %d of \"%s\" is not NAME=VALUE".formatted(label, i + 1, name), null);
      }
    }
    return values;
  }

  /** Cuts what stands behind white space and {@code #}, unless within quotes. */
  private static String withoutComment(String value) {
    char quote = 0;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      boolean starts = i == 0 || value.charAt(i - 1) == ',' || value.charAt(i - 1) == ' ';
      if (quote == 0 && starts && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else if (quote == 0
          && c == '#'
          && (i == 0 || Character.isWhitespace(value.charAt(i - 1)))) {
        return value.substring(0, i).strip();
      }
    }
    return value;
  }

  private static Secret secretFrom(String file, InputStream in) {
    String text;
    try {
      text =
          file.equals("-")
              ? new String(in.readAllBytes(), StandardCharsets.UTF_8)
              : Files.readString(Path.of(file));
    } catch (IOException | InvalidPathException e) {
      throw new TypeConversionException("a file that can be read");
    }
    return new Secret(text.strip());
  }

  /** Finds the values of options in the environment and the env file, and remembers where. */
  private static final class Lookup implements IDefaultValueProvider {
    private final Map<String, String> environment;
    private final Map<String, String> envFile;
    private final Typed typed;

    Lookup(Map<String, String> environment, Map<String, String> envFile, Typed typed) {
      this.environment = environment;
      this.envFile = envFile;
      this.typed = typed;
    }

    private record Found(String variable, String value, String origin) {}

    @Override
    public String defaultValue(ArgSpec argument) {
      // none for what is typed: picocli would make a typed switch the opposite of its default
      if (!(argument instanceof OptionSpec option)
          || isSecret(option)
          || typed.options().containsKey(option)) {
        return null;
      }
      Found found = find(option);
      return found == null ? null : found.value();
    }

    private Found find(OptionSpec option) {
      for (String variable : Settings.variables(option)) {
        Found found = find(variable, option.isMultiValue());
        if (found != null) {
          return found;
        }
      }
      return null;
    }

    private Found find(String variable, boolean list) {
      String value = value(environment, variable, list);
      String origin = "environment";
      if (value == null) {
        value = value(envFile, variable, list);
        origin = "env file";
      }
      return value == null ? null : new Found(variable, value, origin);
    }

    /** The value without its quotes; empty counts as not set, except for a list. */
    private static String value(Map<String, String> values, String variable, boolean list) {
      String value = values.get(variable);
      if (value == null) {
        return null;
      }
      value = list ? unquotedList(value) : unquoted(value);
      return value.isEmpty() && !list ? null : value;
    }

    /** The format, before any setting is checked; text where it is none. */
    Format format(CommandSpec spec) {
      OptionSpec option = spec.findOption("--format");
      Found found = find(option);
      String value = found == null ? null : found.value();
      return "json".equalsIgnoreCase(typed.options().getOrDefault(option, value))
          ? Format.JSON
          : Format.TEXT;
    }

    /** The environment, and what only the env file sets. */
    Map<String, String> variables() {
      Map<String, String> variables = new HashMap<>(environment);
      for (String name : envFile.keySet()) {
        Found found = find(name, false);
        if (found != null) {
          variables.put(name, found.value());
        }
      }
      return variables;
    }

    /**
     * Fills in the secrets that no option's file gave; checks those that one gave.
     *
     * @return them, and credentials that have no option here: of other commands, S3 and proxies
     */
    List<String> secrets(CommandSpec spec) throws UsageException {
      List<String> secrets = new ArrayList<>();
      for (OptionSpec option : spec.options()) {
        if (!isSecret(option)) {
          continue;
        }
        boolean fromFile = typed.options().containsKey(option);
        Found found = fromFile ? null : find(option);
        Secret secret =
            fromFile ? option.getValue() : found == null ? null : new Secret(found.value());
        if (fromFile && secret.reveal().isEmpty()) {
          throw new UsageException(label(option) + ": the file is empty", null);
        }
        if (secret != null && secret.reveal().chars().anyMatch(Character::isISOControl)) {
          throw new UsageException(
              label(option) + ": holds a line break or another control character",
              "one line, without quotes");
        }
        option.setValue(secret);
        if (secret != null) {
          secrets.add(secret.reveal());
        }
      }
      for (String variable : variables().keySet()) {
        if (SECRET_VARIABLE.matcher(variable).matches()) {
          Stream.ofNullable(find(variable, false)).map(Found::value).forEach(secrets::add);
        }
      }
      for (String variable : List.of("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")) {
        Stream.ofNullable(find(variable, false))
            .flatMap(proxy -> Masks.USER_OF_URL.matcher("//" + proxy.value()).results())
            .forEach(user -> secrets.add(user.group(1)));
      }
      return secrets;
    }

    /** How the user gave this option its value: its name, or the variable and where it stands. */
    String label(OptionSpec option) {
      Found found = typed.options().containsKey(option) ? null : find(option);
      return found == null ? option.longestName() : found.variable() + " (" + found.origin() + ")";
    }

    /** A line per setting: variable, value and origin. */
    List<String> origins(CommandSpec spec) {
      List<String> lines = new ArrayList<>();
      for (OptionSpec option : spec.options()) {
        List<String> variables = Settings.variables(option);
        if (variables.isEmpty()) {
          continue;
        }
        boolean isTyped = typed.options().containsKey(option);
        Found found = isTyped ? null : find(option);
        String origin = isTyped ? option.longestName() : found != null ? found.origin() : "default";
        Object value = option.getValue();
        if (!isSecret(option)) {
          value =
              value instanceof List<?> list
                  ? list.stream().map(Object::toString).collect(Collectors.joining(","))
                  : isTyped
                      ? option.stringValues().isEmpty() ? value : option.stringValues().getLast()
                      : found != null ? found.value() : defaultText(option);
        }
        lines.add(
            "setting %s = %s (%s)"
                .formatted(variables.getFirst(), value == null ? "" : value, origin));
      }
      for (String variable : VARIABLES_ONLY) {
        for (String name : List.of(variable, variable.toLowerCase(Locale.ROOT))) {
          Found found = find(name, false);
          if (found != null) {
            lines.add(
                "setting %s = %s (%s)"
                    .formatted(name, withoutSecrets(found.value()), found.origin()));
          }
        }
      }
      return lines;
    }
  }

  /** What other programs read under the same name has no option here. */
  private static final List<String> VARIABLES_ONLY =
      List.of("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NO_COLOR");

  private static final Pattern SECRET_VARIABLE =
      Pattern.compile("(.*_)?(AUTH|API_KEY|SECRET_ACCESS_KEY|SESSION_TOKEN)");

  /** The certificates to trust besides the JDK's, or null. */
  private static Path caBundle(CommandSpec spec) {
    OptionSpec option = spec.findOption("--requests-ca-bundle");
    return option == null ? null : option.getValue();
  }

  private static boolean isSecret(OptionSpec option) {
    return option.type() == Secret.class;
  }

  /** Whether an option asks for a text to be printed, and nothing else to be done. */
  private static boolean isInsteadOfRun(OptionSpec option) {
    return option.usageHelp() || option.versionHelp() || option.longestName().equals(COMPLETION);
  }

  /** The variables that an option is read from; none for those that only make sense when typed. */
  static List<String> variables(OptionSpec option) {
    if (isInsteadOfRun(option)) {
      return List.of();
    }
    List<String> variables = new ArrayList<>();
    for (String name : option.names()) {
      String long_ = isSecret(option) ? name.replaceFirst("-file$", "") : name;
      variables.add(long_.replaceFirst("^-+", "").replace('-', '_').toUpperCase(Locale.ROOT));
    }
    return variables;
  }

  private static String defaultText(OptionSpec option) {
    return option.defaultValue() == null && option.arity().max() == 0
        ? "false"
        : option.defaultValue();
  }

  /**
   * The completion script. What takes a file is completed as one, whatever its type: picocli looks
   * at types only, and a secret has one of its own.
   */
  private static String completion(CommandSpec spec) {
    CommandSpec completed = CommandSpec.create().name(spec.name());
    for (OptionSpec option : spec.options()) {
      boolean isFile = List.of("FILE", "DIR").contains(option.paramLabel());
      completed.addOption(
          OptionSpec.builder(option.names())
              .arity(option.arity().toString())
              .type(isFile ? Path.class : option.type())
              .completionCandidates(option.completionCandidates())
              .build());
    }
    return AutoComplete.bash(spec.name(), new CommandLine(completed)).stripTrailing();
  }

  /** The help text: the rule, the options with variable, unit and default, the exit codes. */
  private static final class Help {
    static String of(CommandSpec spec) {
      StringBuilder text = new StringBuilder();
      text.append("Usage: ").append(spec.name()).append(" [OPTION ...]\n\n");
      for (String line : spec.usageMessage().description()) {
        wrapped(text, "", line);
      }
      text.append("\nOptions, and the variable that sets each:\n");
      for (Setting setting : settings(spec)) {
        text.append("  ").append(String.join(", ", setting.options()));
        if (setting.label() != null) {
          text.append('=').append(setting.label());
        }
        text.append('\n');
        String value = setting.defaultValue() == null ? "" : ", default " + setting.defaultValue();
        String variables = String.join(" or ", setting.variables());
        wrapped(
            text,
            "        ",
            setting.description()
                + (variables.isEmpty() ? "" : " [%s%s]".formatted(variables, value)));
      }
      text.append("\nVariables without an option:\n");
      text.append("  HTTPS_PROXY, HTTP_PROXY\n");
      wrapped(text, "        ", "proxy, as http://[USER:PASSWORD@]HOST:PORT; never for loopback");
      text.append("  NO_PROXY\n");
      wrapped(text, "        ", "hosts and domains that need no proxy, comma separated");
      text.append("  NO_COLOR\n");
      wrapped(text, "        ", "no colour on a terminal, whatever its value");
      text.append("\nExit codes:\n");
      text.append("  0  all well, or nothing to do\n");
      text.append("  1  findings\n");
      text.append("  2  no full verdict: usage, server, a part not done, a bug\n");
      return text.toString().stripTrailing();
    }

    private static void wrapped(StringBuilder text, String indent, String sentence) {
      StringBuilder line = new StringBuilder(indent);
      for (String word : sentence.split(" ")) {
        if (line.length() + word.length() > 99 && line.length() > indent.length()) {
          text.append(line.toString().stripTrailing()).append('\n');
          line = new StringBuilder(indent);
        }
        line.append(word).append(' ');
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
  }

  // ---- converters: each message completes "VALUE is not …"

  /** What {@code --format} takes, for the completion of a shell. */
  private static final class FormatNames extends ArrayList<String> {
    private static final long serialVersionUID = 1;

    FormatNames() {
      super(List.of("text", "json"));
    }
  }

  private static final class FormatConverter implements ITypeConverter<Format> {
    @Override
    public Format convert(String value) {
      return switch (value.toLowerCase(Locale.ROOT)) {
        case "text" -> Format.TEXT;
        case "json" -> Format.JSON;
        default -> throw new TypeConversionException("text or json");
      };
    }
  }

  private static final class BooleanConverter implements ITypeConverter<Boolean> {
    @Override
    public Boolean convert(String value) {
      return switch (value.toLowerCase(Locale.ROOT)) {
        case "true", "1", "yes", "on" -> true;
        case "false", "0", "no", "off" -> false;
        default -> throw new TypeConversionException("true or false");
      };
    }
  }

  /** A web address without credentials, query and fragment. */
  public static class WebAddressConverter implements ITypeConverter<URI> {
    private final String accepted;

    public WebAddressConverter() {
      this("an address, expected http or https and a host");
    }

    /**
     * @param accepted completes "VALUE is not …"
     */
    protected WebAddressConverter(String accepted) {
      this.accepted = accepted;
    }

    @Override
    public URI convert(String value) {
      try {
        URI url = URI.create(value.strip());
        if (Urls.isWeb(url)
            && url.getRawUserInfo() == null
            && url.getRawFragment() == null
            && acceptsQuery(url.getRawQuery())) {
          return url;
        }
      } catch (IllegalArgumentException e) {
        // said below
      }
      throw new TypeConversionException(accepted);
    }

    /**
     * @param query null for none
     */
    protected boolean acceptsQuery(String query) {
      return query == null;
    }
  }

  private static final class ServerConverter extends WebAddressConverter {
    ServerConverter() {
      super(
          "a base URL, expected http or https, a host and no credentials, like"
              + " https://firefox.settings.services.mozilla.com/v1");
    }

    @Override
    public URI convert(String value) {
      return super.convert(value.strip().replaceFirst("/+$", ""));
    }
  }

  /** Seconds, with fractions. */
  public static final class SecondsConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String value) {
      try {
        BigDecimal seconds = new BigDecimal(value.strip());
        if (value.length() < 20
            && seconds.compareTo(new BigDecimal("0.001")) >= 0
            && seconds.compareTo(BigDecimal.valueOf(86_400)) <= 0) {
          return Duration.ofMillis(seconds.movePointRight(3).longValue());
        }
      } catch (NumberFormatException e) {
        // said below
      }
      throw new TypeConversionException("a number of seconds, from 0.001 to 86400");
    }
  }

  /** A whole number of a range; a subclass per range, because picocli makes converters itself. */
  public abstract static class WholeNumber implements ITypeConverter<Integer> {
    private final int least;
    private final int most;

    protected WholeNumber(int least, int most) {
      this.least = least;
      this.most = most;
    }

    @Override
    public Integer convert(String value) {
      try {
        int number = Integer.parseInt(value.strip());
        if (number >= least && number <= most) {
          return number;
        }
      } catch (NumberFormatException e) {
        // said below
      }
      throw new TypeConversionException("a whole number from %d to %d".formatted(least, most));
    }
  }

  private static final class RetriesConverter extends WholeNumber {
    RetriesConverter() {
      super(0, 100);
    }
  }

  private static final class ParallelConverter extends WholeNumber {
    ParallelConverter() {
      super(1, 64);
    }
  }

  private static final class MebibytesConverter extends WholeNumber {
    MebibytesConverter() {
      super(1, 2047);
    }
  }

  private static final class FileConverter implements ITypeConverter<Path> {
    @Override
    public Path convert(String value) {
      try {
        Path file = Path.of(value);
        if (Files.isReadable(file) && !Files.isDirectory(file)) {
          return file;
        }
      } catch (InvalidPathException e) {
        // said below
      }
      throw new TypeConversionException("a file that can be read");
    }
  }

  /** The name of a bucket or a collection. */
  public static final class NameConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (!Place.isName(value)) {
        throw new TypeConversionException("a name of letters, digits, _ and -");
      }
      return value;
    }
  }
}
