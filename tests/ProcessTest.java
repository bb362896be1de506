//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../blockpages_generator.java
//SOURCES Jvm.java
//SOURCES RecordingServer.java
//SOURCES Reply.java
//SOURCES ../validate_signature.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/SigningAuthority.java
//SOURCES Patience.java
//SOURCES Terminal.java
//SOURCES prepare.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The command as a process of its own, for what only a process has: exit code, locale, working
 * directory, signals, pipes, and a heap that runs out.
 */
class ProcessTest {

  @TempDir Path folder;

  @Test
  void the_exit_code_is_that_of_the_process() throws IOException {
    try (RemoteSettingsServer server = server()) {
      assertEquals(0, run("--server=" + server.url()).exit());
      server.fault("altered-record=main/b");
      assertEquals(1, run("--server=" + server.url()).exit());
    }
    Project.Outcome outcome = run("--parallel-requests=none");
    assertEquals(2, outcome.exit());
    assertEquals("", outcome.stdout());
    assertEquals(1, outcome.stderr().lines().count(), outcome.stderr());
  }

  @Test
  void output_is_utf_8_whatever_the_locale_and_without_colour_in_a_pipe() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("altered-record=main/b");
      Project.Outcome outcome =
          command(List.of(), "--server=" + server.url())
              .onlyEnv(Patience.with(Map.of("LC_ALL", "C", "LANG", "C", "TERM", "xterm-256color")))
              .go();
      assertTrue(
          outcome.stdout().contains("/buckets/main/collections/b:  ⚠ BAD Signature ⚠\n"),
          outcome::toString);
      assertFalse(outcome.toString().contains("\u001b"), outcome::toString);
    }
  }

  @Test
  void a_dot_env_in_the_working_directory_is_not_read() throws IOException {
    Files.writeString(folder.resolve(".env"), "REQUESTS_NB_RETRIES=77\nONLY=nothing/*\n");
    try (RemoteSettingsServer server = server()) {
      Project.Outcome outcome =
          command(List.of(), "--verbose", "--server=" + server.url()).in(folder).go();
      assertEquals(0, outcome.exit(), outcome::toString);
      assertTrue(
          outcome.stderr().matches("(?s).* REQUESTS_NB_RETRIES = \\d+ \\(default\\).*"),
          outcome::toString);
    }
  }

  @Test
  void ctrl_c_exits_130_with_what_was_done_so_far() throws Exception {
    Path kill = program("kill");
    try (RecordingServer server = collections(3, List.of("c2"), new CountDownLatch(0))) {
      Process process = start("--server=" + server.url("/v1"), "--requests-timeout-seconds=50");
      try {
        assumeFalse(ignoresInterrupt(process), "started where Ctrl-C is ignored");
        CompletableFuture<String> errors = read(process.errorReader(StandardCharsets.UTF_8));
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        assertTrue(out.readLine().startsWith("Read collection list"));
        assertTrue(out.readLine().startsWith("01/03 /buckets/main/collections/c1:"));
        server.awaitRequests(4);
        assertEquals(0, Project.run(kill, "-INT", process.pid()).go().exit());
        assertTrue(process.waitFor(5, TimeUnit.MINUTES), "did not end");
        String rest = out.lines().collect(Collectors.joining("\n"));
        String stderr = errors.get(5, TimeUnit.MINUTES);
        assertEquals(130, process.exitValue(), stderr);
        assertTrue(rest.contains("Signature verification failed on /buckets/main/collections/c1"));
        assertTrue(stderr.contains("validate_signature: interrupted: 3 collections: "), stderr);
        assertFalse(stderr.contains("\tat "), stderr);
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void a_closed_pipe_ends_quietly_and_soon() throws Exception {
    // as for `| head -1`: the reader goes away after the first line, before the next is written
    CountDownLatch readerIsGone = new CountDownLatch(1);
    try (RecordingServer server = collections(20, List.of("c2", "c5"), readerIsGone)) {
      Process process = start("--server=" + server.url("/v1"), "--requests-timeout-seconds=50");
      try {
        CompletableFuture<String> errors = read(process.errorReader(StandardCharsets.UTF_8));
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        assertTrue(out.readLine().startsWith("Read collection list"));
        out.close();
        readerIsGone.countDown();
        assertTrue(process.waitFor(5, TimeUnit.MINUTES), "still reads for nobody");
        assertEquals("", errors.get(5, TimeUnit.MINUTES));
        assertEquals(141, process.exitValue());
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void out_of_memory_is_one_line_and_2() throws IOException {
    try (RemoteSettingsServer server = server()) {
      server.fault("huge=main/b");
      Project.Outcome outcome =
          command(
                  List.of("-Xmx24m"),
                  "--server=" + server.url(),
                  "--requests-nb-retries=0",
                  "--requests-timeout-seconds=10")
              .go();
      assertEquals(2, outcome.exit(), outcome::toString);
      assertTrue(outcome.toString().contains("out of memory"), outcome::toString);
      assertFalse(outcome.stderr().contains("this is a bug"), outcome::toString);
      assertFalse(outcome.stderr().contains("\tat "), outcome::toString);
      assertFalse(outcome.stderr().contains("Exception in thread"), outcome::toString);
      assertTrue(outcome.stderr().lines().count() <= 5, outcome::toString);
    }
  }

  @Test
  void credentials_of_the_https_proxy_open_the_tunnel_and_go_no_further() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForOtherHost();
    Path bundle = Files.writeString(folder.resolve("ca.pem"), identity.caPem());
    try (RecordingServer server =
            RecordingServer.tls(identity.context(), Reply.json("{\"changes\": []}"));
        RecordingServer proxy = RecordingServer.of(Reply.tunnel(server.port()))) {
      Project.Outcome outcome =
          command(List.of(), "--server=https://elsewhere.example.org/v1")
              .env("HTTPS_PROXY", "http://user:p%40ss@127.0.0.1:" + proxy.port())
              .env("REQUESTS_CA_BUNDLE", bundle)
              .env("REQUESTS_NB_RETRIES", 0)
              .env("REQUESTS_TIMEOUT_SECONDS", 20)
              .go();
      assertTrue(outcome.stderr().contains("announces no collection"), outcome::toString);
      assertEquals(
          "Basic " + Base64.getEncoder().encodeToString("user:p@ss".getBytes()),
          proxy.requests().getFirst().header("proxy-authorization"));
      assertEquals("", server.requests().getFirst().header("proxy-authorization"));
      assertFalse(outcome.toString().contains("p%40ss"), outcome::toString);
    }
  }

  @Test
  void s3_too_is_reached_through_a_proxy_that_wants_a_login() throws Exception {
    SigningAuthority.TlsIdentity identity = SigningAuthority.tlsForOtherHost();
    Path bundle = Files.writeString(folder.resolve("ca.pem"), identity.caPem());
    Reply login = Reply.status(407, "Proxy-Authenticate: Basic realm=\"company\"");
    try (RemoteSettingsServer settings = RemoteSettingsServer.builder().sample(true).start();
        RecordingServer s3 = RecordingServer.tls(identity.context(), Reply.status(418));
        RecordingServer proxy = RecordingServer.of(login, Reply.tunnel(s3.port()), login)) {
      Project.Run run =
          Patience.run(Jvm.commandLine(List.of(), "blockpages_generator").toArray())
              .env("SERVER", settings.url())
              .env("HTTPS_PROXY", "http://user:p%40ss@127.0.0.1:" + proxy.port())
              .env("NO_PROXY", null)
              .env("no_proxy", null)
              .env("REQUESTS_CA_BUNDLE", bundle)
              .env("REQUESTS_NB_RETRIES", 0)
              .env("AWS_ENDPOINT_URL_S3", "https://elsewhere.example.org")
              .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
              .env("AWS_SECRET_ACCESS_KEY", "s3cret");
      Project.Outcome outcome = run.go();
      assertTrue(
          outcome.stderr().contains("418 from https://elsewhere.example.org"), outcome::toString);
      assertEquals("", s3.requests().getFirst().header("proxy-authorization"));
      String header = "Basic " + Base64.getEncoder().encodeToString("user:p@ss".getBytes());
      assertEquals(
          List.of("", header),
          proxy.requests().stream().map(request -> request.header("proxy-authorization")).toList());
      proxy.forgetRequests();
      outcome = run.go(); // now the proxy refuses the login
      assertTrue(
          outcome.stderr().contains("are user and password in HTTPS_PROXY right"),
          outcome::toString);
      assertEquals(2, proxy.requests().size(), "tried once without, once with it");
      assertFalse(outcome.toString().contains("p%40ss"), outcome::toString);
    }
  }

  @Test
  void what_cannot_be_prepared_is_named_and_fails_only_where_it_is_required() throws IOException {
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Path zsh = Files.writeString(bin.resolve("zsh"), "#!/bin/sh\necho 'zsh 5.9'\n");
    assertTrue(zsh.toFile().setExecutable(true));
    for (String required : List.of("", "0", "1")) {
      Project.Outcome outcome =
          Patience.run(Jvm.commandLine(List.of(), "prepare").toArray())
              .onlyEnv(
                  Map.of(
                      "PATH", bin.toString(), // nothing else is found, so nothing is downloaded
                      "LC_ALL", "C.UTF-8", // as the start script has it
                      "HOME", folder.toString(),
                      "XDG_CACHE_HOME", folder.resolve("cache").toString(),
                      "REQUIRE_PEERS", required))
              .go();
      assertEquals(required.equals("1") ? 2 : 0, outcome.exit(), outcome::toString);
      assertEquals(
          "Downloading s3mock to "
              + folder.resolve("cache/remote-settings-lambdas/s3mock-5.2.0-exec.jar\n"),
          outcome.stderr());
      assertTrue(
          outcome.stdout().contains("MISSING  openssl: not found on PATH\n"), outcome::toString);
      assertTrue(outcome.stdout().endsWith("ready    zsh: zsh 5.9\n"), outcome::toString);
    }
  }

  // ---- what the tests are made of

  private static RemoteSettingsServer server() throws IOException {
    RemoteSettingsServer server = RemoteSettingsServer.start();
    for (String collection : List.of("a", "b", "c")) {
      server.publish("main", collection, "{\"id\": \"1\", \"text\": \"abc\"}");
    }
    return server;
  }

  /** A server of main/c1 to main/cN, all unsigned; of these it says nothing, of the others then. */
  private static RecordingServer collections(
      int count, List<String> silent, CountDownLatch answerFrom) throws IOException {
    String entries =
        IntStream.rangeClosed(1, count)
            .mapToObj("{\"bucket\":\"main\",\"collection\":\"c%d\",\"last_modified\":1}"::formatted)
            .collect(Collectors.joining(","));
    return RecordingServer.routes(request -> {
      if (request.path().startsWith("/v1/buckets/monitor/")) {
        return Reply.json("{\"changes\":[" + entries + "]}");
      }
      if (request.path().equals("/v1/")) {
        return Reply.json("{\"capabilities\":{}}");
      }
      if (silent.contains(request.path().split("/")[5])) {
        return Reply.SILENT;
      }
      return exchange -> {
        answerFrom.await();
        Reply.json("{\"changes\":[{\"id\":\"1\"}],\"metadata\":{},\"timestamp\":1}").send(exchange);
      };
    });
  }

  private static Project.Outcome run(String... args) {
    return command(List.of(), args).go();
  }

  private static Project.Run command(List<String> options, String... args) {
    Project.Run run = Patience.run(Jvm.commandLine(options, "validate_signature", args).toArray());
    for (String variable :
        List.of("SERVER", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")) {
      run.env(variable, null);
    }
    return run;
  }

  private static Process start(String... args) throws IOException {
    return new ProcessBuilder(Jvm.commandLine(List.of(), "validate_signature", args)).start();
  }

  private static Path program(String name) {
    List<Path> found =
        Stream.of("/bin", "/usr/bin")
            .map(bin -> Path.of(bin, name))
            .filter(Files::isExecutable)
            .toList();
    assumeFalse(found.isEmpty(), "no program " + name);
    return found.getFirst();
  }

  /** Whether it inherited that Ctrl-C is ignored, as what a script starts with & does. */
  private static boolean ignoresInterrupt(Process process) throws IOException {
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    assumeTrue(Files.isReadable(status), "no /proc");
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("SigIgn:"))
        .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
  }

  private static CompletableFuture<String> read(BufferedReader reader) {
    return CompletableFuture.supplyAsync(
        () -> reader.lines().map(line -> line + "\n").collect(Collectors.joining()));
  }
}
