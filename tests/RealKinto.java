//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../server/Access.java
//SOURCES Companion.java
//SOURCES KintoClient.java
//SOURCES ../bench/Peers.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Signoff.java
//SOURCES ../server/SigningAuthority.java
//SOURCES ../server/Store.java

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A real Kinto with the real signer and changes plug-ins, in memory, on a free port: configured as
 * {@link Routes} says of the embedded server, and signing with the embedded server's chain.
 *
 * <p>It has the accounts of {@link Access#ACCOUNTS} and the buckets; collections are up to the
 * test. It is up in under a second. Its memory does not undo what a refused write did before it was
 * refused, so tests had better not look at that.
 */
final class RealKinto implements AutoCloseable {

  /**
   * Its settings come as a line of JSON on stdin. The end of stdin ends it, however this JVM ends.
   * The port is bound before anybody is told of it. Passwords are hashed as cheaply as bcrypt can.
   */
  private static final String PROGRAM =
      """
      import functools, json, os, socket, sys, threading

      def end_with_stdin():
          sys.stdin.buffer.read()
          os._exit(0)

      settings = json.loads(sys.stdin.buffer.readline())
      threading.Thread(target=end_with_stdin, daemon=True).start()

      import bcrypt, kinto, waitress
      bcrypt.gensalt = functools.partial(bcrypt.gensalt, 4)
      listener = socket.socket()
      listener.bind(("127.0.0.1", 0))
      settings["kinto.http_host"] = "127.0.0.1:%d" % listener.getsockname()[1]
      server = waitress.create_server(kinto.main({}, **settings), sockets=[listener])
      print("listening on", settings["kinto.http_host"], flush=True)
      server.run()
      """;

  private final RemoteSettingsServer autograph;
  private final Companion process;
  private final URI url;

  private RealKinto(Path python) throws IOException {
    autograph = RemoteSettingsServer.start();
    try {
      process = Companion.start(List.of(python.toString(), "-u", "-c", PROGRAM), settings() + "\n");
    } catch (AssertionError e) {
      autograph.close();
      throw e;
    }
    url = URI.create("http://" + process.address() + "/v1");
    try {
      fill();
    } catch (RuntimeException e) {
      close();
      throw new AssertionError("Kinto cannot be filled: " + e + "\n" + log(), e);
    }
  }

  /** Skips the test, or fails it, where {@link Peers#KINTO} does. */
  static RealKinto start() {
    try {
      return new RealKinto(Peers.KINTO.path());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Base URL for {@code --server}. */
  URI url() {
    return url;
  }

  int port() {
    return url.getPort();
  }

  /** Asks it. */
  KintoClient client() {
    return new KintoClient(url);
  }

  /** In whose name it signs. */
  SigningAuthority authority() {
    return autograph.authority();
  }

  /** What it has printed so far, for the message of a failure. */
  String log() {
    return process.log();
  }

  /** Kills it. */
  @Override
  public void close() {
    process.close();
    autograph.close();
  }

  private ObjectNode settings() {
    Map<String, String> settings = new TreeMap<>();
    settings.put(
        "kinto.includes", "kinto.plugins.accounts kinto.plugins.flush kinto_changes kinto_signer");
    settings.put("multiauth.policies", "account");
    settings.put("multiauth.policy.account.use", "kinto.plugins.accounts.AccountsPolicy");
    settings.put("kinto.account_create_principals", "system.Everyone");
    settings.put("kinto.account_write_principals", "account:admin");
    for (String resource : List.of("bucket", "collection", "group", "record")) {
      for (String permission : List.of("create", "read", "write")) {
        settings.put("kinto." + resource + "_" + permission + "_principals", "account:admin");
      }
    }
    settings.put("kinto.userid_hmac_secret", "not secret");
    settings.put("kinto.batch_max_requests", "25");
    settings.put("kinto.http_scheme", "http");
    settings.put(
        "kinto.changes.resources",
        published().stream().map(bucket -> "/buckets/" + bucket).collect(Collectors.joining(" ")));
    settings.put("kinto.signer.signer_backend", "kinto_signer.signer.autograph");
    settings.put("kinto.signer.autograph.server_url", autograph.url().resolve("/").toString());
    settings.put("kinto.signer.autograph.hawk_id", "kinto");
    settings.put("kinto.signer.autograph.hawk_secret", "not secret");
    settings.put("kinto.signer.group_check_enabled", "true");
    settings.put("kinto.signer.to_review_enabled", "true");
    settings.put("kinto.signer.editors_group", "{collection_id}-editors");
    settings.put("kinto.signer.reviewers_group", "{collection_id}-reviewers");
    StringBuilder resources = new StringBuilder();
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      if (resource.reviewed()) {
        resources.append(line(resource)).append('\n');
      } else {
        // Only the difference from the resource of its bucket can be said.
        String name = resource.source() + "." + resource.collection();
        settings.put("kinto.signer." + name + ".to_review_enabled", "false");
      }
    }
    settings.put("kinto.signer.resources", resources.toString());
    ObjectNode json = Store.JSON.createObjectNode();
    settings.forEach(json::put);
    return json;
  }

  private static String line(Signoff.Resource resource) {
    return Stream.of(resource.source(), resource.preview(), resource.destination())
        .filter(Objects::nonNull)
        .map(bucket -> place(bucket, resource.collection()))
        .collect(Collectors.joining(" -> "));
  }

  private static String place(String bucket, String collection) {
    return "/buckets/" + bucket + (collection == null ? "" : "/collections/" + collection);
  }

  /** The buckets that clients read. */
  private static TreeSet<String> published() {
    TreeSet<String> buckets = new TreeSet<>();
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      buckets.add(resource.destination());
      if (resource.preview() != null) {
        buckets.add(resource.preview());
      }
    }
    return buckets;
  }

  /** Accounts first, for they make the buckets. */
  private void fill() {
    for (String account : Access.ACCOUNTS) {
      String password = "{\"data\":{\"password\":\"" + account + "\"}}";
      client().must(null, "PUT", "/accounts/" + account, password);
    }
    ObjectNode batch = Store.JSON.createObjectNode();
    batch.putObject("defaults").put("method", "PUT");
    ArrayNode requests = batch.putArray("requests");
    for (String bucket : published()) {
      requests.addObject().put("path", "/buckets/" + bucket);
    }
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      ObjectNode request = requests.addObject().put("path", "/buckets/" + resource.source());
      ObjectNode permissions = request.putObject("body").putObject("permissions");
      for (String permission : List.of("read", "collection:create", "group:create")) {
        permissions.putArray(permission).add("system.Authenticated");
      }
    }
    client().must("admin", "POST", "/batch", batch.toString());
  }
}
