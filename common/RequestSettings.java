//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES HelpGroup.java Http.java Proxies.java Report.java Surroundings.java TlsTrust.java UsageException.java
//SOURCES Values.java Version.java

package common;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.TrustManager;
import picocli.CommandLine.Option;

/** Settings of every command that sends requests, to whatever server. */
@HelpGroup(HelpGroup.Title.REQUESTS)
public final class RequestSettings {
  @Option(
      names = "--requests-nb-retries",
      paramLabel = "COUNT",
      defaultValue = "4",
      converter = RetriesConverter.class,
      description = "how often a request that fails is sent again")
  int retries;

  @Option(
      names = "--max-response-mib",
      paramLabel = "MIB",
      defaultValue = "128",
      converter = MebibytesConverter.class,
      description = "largest answer to accept, in MiB after decompression")
  int maxResponse;

  @Option(
      names = "--requests-ca-bundle",
      paramLabel = "FILE",
      converter = Values.FileConverter.class,
      description = "PEM file with certificates to trust for https, besides Java's own")
  Path caBundle;

  public int retries() {
    return retries;
  }

  /** The largest answer in bytes, after decompression. */
  public long maxBytes() {
    return maxResponse * 1024L * 1024L;
  }

  /** Trust managers for the JDK's roots and the bundle's; empty without a bundle. */
  public Optional<TrustManager[]> trustManagers() throws UsageException {
    try {
      return Optional.ofNullable(caBundle).map(TlsTrust::managers);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage(), null);
    }
  }

  /**
   * Opens the HTTP client of a command.
   *
   * @param timeout to connect, and longest silence while reading
   * @param deadline of one attempt as a whole
   * @param parallel most requests in flight
   * @param names of the settings that errors point to
   */
  public Http http(
      Duration timeout,
      Duration deadline,
      int parallel,
      Http.Names names,
      Surroundings surroundings,
      Report report)
      throws UsageException {
    Proxies proxies = Proxies.of(surroundings.environment());
    proxies.warning().ifPresent(report::warn);
    Http http =
        new Http(
            new Http.Limits(
                report.command() + "/" + Version.NUMBER + " (remote-settings-lambdas)",
                timeout,
                deadline,
                retries,
                parallel,
                caBundle,
                proxies,
                names),
            surroundings.clock(),
            surroundings.pause(),
            report::waiting,
            report::alert,
            surroundings.connections());
    http.trace(report::request);
    report.activity(http::activity);
    http.endBy(report.deadline());
    return http;
  }

  private static final class RetriesConverter extends Values.WholeNumber {
    RetriesConverter() {
      super(0, 100);
    }
  }

  private static final class MebibytesConverter extends Values.WholeNumber {
    MebibytesConverter() {
      super(1, 2047);
    }
  }
}
