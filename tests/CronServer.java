//SOURCES Deployments.java
//SOURCES Patience.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/**
 * Runs a crontab's commands as cron does, with little in the environment and {@code /bin/sh}, where
 * the addresses and files of the examples are of a server with sample content, where all is well.
 */
final class CronServer implements AutoCloseable {

  private final Path home;
  private final Path bin;
  private final RemoteSettingsServer server;

  CronServer(Path home, Path bin) throws IOException {
    this.home = home;
    this.bin = bin;
    server = RemoteSettingsServer.builder().sample(true).start();
    server.create("main-workspace", "nearby");
    URI redash = server.url().resolve("/api/queries/61352/results.json");
    long now = Instant.now().getEpochSecond();
    server.answer(
        redash.getPath(),
        200,
        "application/json",
        """
        {"query_result": {"data": {"rows": [{"source": "main/regions", "min_timestamp": %d,
        "max_timestamp": %d, "success": 9999, "network_error": 1}]}}}
        """
            .formatted(now - 86400, now));
    Files.writeString(
        home.resolve("settings.env"),
        """
        SERVER=%s
        AUTH=editor:editor
        REFRESH_SIGNATURE_AUTH=editor:editor
        BACKPORT_RECORDS_SOURCE_AUTH=editor:editor
        REDASH_API_KEY=key-of-the-query
        REDASH_API_QUERY_URL=%s
        TARGET_DIR=%s
        """
            .formatted(server.url(), redash, home.resolve("pages")));
    Files.writeString(
        home.resolve("mappings"), "main/regions?in_id=br,jp -> main-workspace/nearby\n");
  }

  RemoteSettingsServer server() {
    return server;
  }

  /** What cron would mail. A command that does not end with 0 is an error of the crontab. */
  String run(Deployments.Crontab crontab, String command) {
    Map<String, String> environment = new HashMap<>();
    environment.put("HOME", home.toString());
    environment.put("LOGNAME", "remote-settings");
    environment.put("SHELL", "/bin/sh");
    environment.put("PATH", "/usr/bin:/bin");
    crontab.variables().forEach((name, value) -> environment.put(name, here(value)));
    String typed = here(command);
    if (!environment.get("PATH").contains(bin.toString())) {
      environment.put("PATH", bin + ":" + environment.get("PATH"));
    }
    Project.Outcome outcome =
        Patience.run("/bin/sh", "-c", typed).in(home).onlyEnv(Patience.with(environment)).go();
    return (outcome.exit() == 0 ? "" : "exit code " + outcome.exit() + "\n")
        + outcome.stdout()
        + outcome.stderr();
  }

  private String here(String text) {
    return text.replace(Deployments.INSTALLED, bin.toString())
        .replace("https://settings.example.com/v1", server.url().toString())
        .replaceAll("/etc/[\\w/.-]*\\.env\\b", home.resolve("settings.env").toString())
        .replaceAll("/etc/[\\w/.-]*mappings[\\w.]*", home.resolve("mappings").toString())
        .replace("/srv/www", home.toString())
        .replaceAll("ROOT_HASH=…", "ROOT_HASH=" + server.authority().rootHash());
  }

  @Override
  public void close() {
    server.close();
  }
}
