//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES HelpGroup.java Http.java RemoteSettings.java Report.java RequestSettings.java Secret.java
//SOURCES ServerException.java ServerInfo.java Surroundings.java UsageException.java Values.java

package common;

import java.net.URI;
import java.time.Duration;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Settings of a command that talks to a Remote Settings server. */
@HelpGroup(HelpGroup.Title.SERVER)
public final class ServerSettings {
  private static final String READER = "/v2 is a reader: run on the writer's /v1";

  @Option(
      names = "--server",
      paramLabel = "URL",
      defaultValue = "http://localhost:8888/v1",
      converter = Values.ServerConverter.class,
      description = "base URL of the server, http or https, like https://HOST/v1")
  URI server;

  @Option(
      names = "--requests-timeout-seconds",
      paramLabel = "SECONDS",
      defaultValue = "2",
      converter = Values.SecondsConverter.class,
      description = "most seconds to wait for a connection, and for the next part of an answer")
  @HelpGroup(HelpGroup.Title.REQUESTS)
  Duration timeout;

  @Option(
      names = "--requests-deadline-seconds",
      paramLabel = "SECONDS",
      defaultValue = "60",
      converter = Values.SecondsConverter.class,
      description = "most seconds for one attempt of a request as a whole")
  @HelpGroup(HelpGroup.Title.REQUESTS)
  Duration deadline;

  @Option(
      names = "--parallel-requests",
      paramLabel = "COUNT",
      defaultValue = "4",
      converter = ParallelConverter.class,
      description = "how many requests may be in flight at once")
  @HelpGroup(HelpGroup.Title.REQUESTS)
  int parallel;

  @Mixin RequestSettings requests;

  /** The base URL, without a slash at its end. */
  public URI url() {
    return server;
  }

  public Duration timeout() {
    return timeout;
  }

  public Duration deadline() {
    return deadline;
  }

  public RequestSettings requests() {
    return requests;
  }

  public int parallel() {
    return parallel;
  }

  /**
   * How many collections to check at once: more than requests in flight, so that requests are sent
   * while answers are processed; one after the other if there may be one request only.
   */
  public int collectionsAtOnce() {
    return parallel == 1 ? 1 : parallel + Runtime.getRuntime().availableProcessors();
  }

  /** Opens the HTTP client of a command. */
  public Http http(Surroundings surroundings, Report report) throws UsageException {
    return requests.http(timeout, deadline, parallel, Http.Names.SERVER, surroundings, report);
  }

  /** The server, reached through that client. */
  public RemoteSettings remote(Http http) {
    return new RemoteSettings(http, server, requests.maxBytes());
  }

  /**
   * Reads the server info of a Kinto; fails if the server is a reader, or does not know the
   * credentials.
   *
   * @param variable the credentials' variable, for the hint
   * @param credentials null for none
   */
  public ServerInfo info(RemoteSettings remote, String variable, Secret credentials)
      throws ServerException, UsageException {
    ServerInfo info = read(remote, variable, credentials);
    if (info.isReader()) {
      throw new UsageException("%s takes no credentials".formatted(server), READER);
    }
    return known(info, credentials);
  }

  /** The same; fails if the server is not a writer, too. */
  public ServerInfo writer(RemoteSettings remote, String variable, Secret credentials)
      throws ServerException, UsageException {
    ServerInfo info = read(remote, variable, credentials);
    if (info.signed() == null) {
      throw new UsageException(
          "No signer capabilities found. Run on *writer* server!",
          info.isReader() ? READER : "SERVER is %s, which signs nothing".formatted(server));
    }
    return known(info, credentials);
  }

  private static ServerInfo read(RemoteSettings remote, String variable, Secret credentials)
      throws ServerException {
    try {
      return remote.serverInfo();
    } catch (ServerException e) {
      throw e.status() != 401 && e.status() != 403
          ? e
          : e.withHint(
              credentials == null
                  ? "set " + variable
                  : "is it %s that is wrong, or SERVER?".formatted(credentials.label()));
    }
  }

  private ServerInfo known(ServerInfo info, Secret credentials) throws UsageException {
    if (credentials != null && info.account() == null) {
      throw new UsageException(
          "%s is refused: %s does not know these credentials"
              .formatted(credentials.label(), server),
          "expected user:pass, a token, or TYPE TOKEN, of an account of SERVER;"
              + " a redirect to another origin drops them");
    }
    return info;
  }

  private static final class ParallelConverter extends Values.WholeNumber {
    ParallelConverter() {
      super(1, 64);
    }
  }
}
