//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES HelpGroup.java Secret.java Urls.java UsageException.java Values.java

package common;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** Settings of every command. */
@HelpGroup(HelpGroup.Title.RUN)
public final class GeneralSettings {

  /** How results are printed. */
  enum Format {
    TEXT,
    JSON
  }

  @Option(
      names = "--env-file",
      paramLabel = "FILE",
      description = "file with NAME=VALUE lines; a variable of the environment outranks its line")
  Path envFile;

  @Option(
      names = "--run-deadline-seconds",
      paramLabel = "SECONDS",
      converter = Values.LimitConverter.class,
      description =
          "most seconds for the run as a whole; 0: no limit; unset: 900 for a run that"
              + " changes nothing, no limit for one that writes")
  Duration runDeadline;

  @Option(
      names = "--sentry-dsn-file",
      paramLabel = "FILE",
      description =
          "DSN of the Sentry project to which unexpected errors and failed checks are"
              + " reported; the variable holds it, the option names a file with it (- is stdin)")
  Secret sentryDsn;

  @Option(
      names = {"--sentry-environment", "--sentry-env"},
      paramLabel = "NAME",
      description = "environment that the reports to Sentry name, like prod or stage")
  String sentryEnvironment;

  @Option(
      names = "--sentry-monitor-slug",
      paramLabel = "SLUG",
      description =
          "Sentry cron monitor that is told when a run begins and ends; auto: the one with"
              + " the command's name")
  String sentryMonitorSlug;

  @Option(
      names = "--allow-insecure-auth",
      description =
          "send credentials and the Sentry DSN even over plain http to another machine,"
              + " where others may read them")
  @HelpGroup(HelpGroup.Title.SERVER)
  boolean allowInsecureAuth;

  @Option(
      names = "--format",
      paramLabel = "text|json",
      defaultValue = "text",
      converter = FormatConverter.class,
      description = "print results as lines of text, or as one JSON document")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  Format format;

  @Option(names = "--exit-zero", description = "exit with 0 instead of 1 if there are findings")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  boolean exitZero;

  @Option(names = "--quiet", description = "print only findings and the summary")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  boolean quiet;

  @Option(
      names = "--verbose",
      description =
          "also print each setting and where it comes from, each refused signature, and"
              + " stack traces")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  boolean verbose;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "print this help")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  boolean help;

  @Option(names = "--version", versionHelp = true, description = "print the version")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  boolean version;

  @Option(
      names = "--completion",
      description = "print a completion script for bash and zsh, to be sourced")
  @HelpGroup(HelpGroup.Title.OUTPUT)
  boolean completion;

  /**
   * The {@code Authorization} header for a server: Basic for {@code user:pass}, Bearer for a bare
   * token, {@code TYPE TOKEN} as it is.
   */
  public String authorization(Secret credentials, URI server) throws UsageException {
    checkSafe(credentials.label(), server);
    String text = credentials.reveal();
    int colon = text.indexOf(':');
    int space = text.indexOf(' ');
    boolean hasType = space > 0 && (colon < 0 || space < colon);
    if (!hasType && colon >= 0) {
      return "Basic " + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
    if (!text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      throw new UsageException(
          credentials.label() + " holds a character that no header can carry",
          "expected user:pass, a token, or TYPE TOKEN");
    }
    return hasType ? text : "Bearer " + text;
  }

  /** The Sentry DSN; null if others could read it on its way. Its form is not checked here. */
  Secret safeSentryDsn(Consumer<String> warn) {
    Optional<URI> url = Optional.ofNullable(sentryDsn).map(Secret::reveal).flatMap(Urls::web);
    try {
      if (url.isPresent() && !Urls.hasUnderscore(url.get())) { // it is never sent there
        checkSafe(sentryDsn.label(), url.get());
      }
      return sentryDsn;
    } catch (UsageException e) {
      warn.accept("nothing is reported: %s: %s".formatted(e.getMessage(), e.hint()));
      return null;
    }
  }

  /**
   * Refuses to send a secret if others could read it on its way.
   *
   * @param label names the secret
   */
  public void checkSafe(String label, URI target) throws UsageException {
    if (!Urls.isSecure(target) && !Urls.isLoopback(Urls.host(target)) && !allowInsecureAuth) {
      throw new UsageException(
          "%s would be sent unencrypted to %s".formatted(label, Urls.host(target)),
          "use https, or --allow-insecure-auth if you must");
    }
  }

  private static final class FormatConverter extends Values.Converter<Format> {
    FormatConverter() {
      super("text or json", text -> Format.valueOf(text.toUpperCase(Locale.ROOT)));
    }
  }
}
