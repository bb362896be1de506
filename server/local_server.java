///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Serve a small Remote Settings on loopback for trying things and for drills.
//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Drill.java Fault.java RemoteSettingsServer.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Runs the embedded server until Ctrl-C: a Remote Settings server on loopback, at the commands'
 * default address, with state in memory, real signatures, and faults on request.
 *
 * <pre>
 * $ ./jbang local_server --sample --fault altered-record=main/regions
 * </pre>
 */
@Command(
    name = "local_server",
    sortOptions = false,
    header = {
      "Serve a small Remote Settings on this machine, for trying commands and for drills.",
      "State is in memory; signatures are real, under a root that is made on every start.",
      "",
    },
    description = {
      "",
      "Example, with one collection whose signature is bad:",
      "  ./jbang local_server --sample --fault altered-record=main/regions",
      "",
      "The server implements Kinto's protocol for reads and writes: buckets, groups, collections,"
          + " records, permissions, preconditions, filters, pages, batches, tombstones,"
          + " monitor/changes, changesets. The password of the accounts admin, editor and reviewer"
          + " is the account's name. The same content is served as by the reader of 2026, which"
          + " clients ask, under /v2 on the same port.",
      "",
      "Collections in main-workspace, security-state-staging and staging are signed: an edit sets"
          + " work-in-progress, \"to-review\" copies to the preview, \"to-sign\" by another account"
          + " publishes and signs, \"to-resign\" signs again, \"to-rollback\" restores what is"
          + " published. main-workspace/auto needs no review, staging/addons-bloomfilters has no"
          + " preview. POST /v1/__flush__ empties the server; POST /v1/__mend__ ends all faults, as"
          + " Enter does on the terminal of the server; POST /sign/data signs for another server,"
          + " as Autograph does. With --sample, a result for uptake_health is served, too.",
      ""
    })
public class local_server implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "8888",
      description = "Port on 127.0.0.1; 0 for any free port. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(names = "--sample", description = "Start with sample content.")
  private boolean sample;

  @Option(
      names = "--fault",
      paramLabel = "NAME[=WHERE][:TIMES]",
      description =
          "Misbehave in a way from the list below; may be repeated. WHERE is bucket/collection or a"
              + " path (/v1/*), with shell patterns and an optional method"
              + " ('PATCH main-workspace/*'); default: everywhere. TIMES is the number of requests"
              + " to affect; default: all.")
  private List<String> faults = new ArrayList<>();

  @Option(
      names = "--no-changesets",
      description = "Imitate an old server, which has no changeset endpoints.")
  private boolean noChangesets;

  @Option(
      names = "--single-signature",
      description = "Imitate an old server, whose collections have only one signature.")
  private boolean singleSignature;

  @Option(
      names = "--page-size",
      paramLabel = "RECORDS",
      defaultValue = "0",
      description = "Most records per page; 0 for no limit. Default: ${DEFAULT-VALUE}.")
  private int pageSize;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help and exit.")
  private boolean help;

  public static void main(String... arguments) {
    System.exit(commandLine(new local_server()).execute(arguments));
  }

  static CommandLine commandLine(local_server command) {
    CommandLine line = new CommandLine(command);
    line.setUsageHelpWidth(100);
    line.getCommandSpec().usageMessage().footer(footer());
    line.setParameterExceptionHandler((exception, arguments) ->
        fail(
            exception.getCommandLine(),
            exception.getMessage(),
            "./jbang local_server --help lists options and faults"));
    line.setExecutionExceptionHandler(
        (exception, failed, result) -> fail(failed, String.valueOf(exception.getMessage()), null));
    return line;
  }

  private static String[] footer() {
    List<String> lines = new ArrayList<>();
    lines.add("");
    lines.add("Faults: the server");
    for (Fault.Kind kind : Fault.Kind.values()) {
      lines.add("  %-21s %s.".formatted(kind.label(), kind.sentence()));
    }
    lines.add("");
    lines.add("Exit codes: 130 after Ctrl-C; 2 for a usage error, or if the port is taken.");
    return lines.toArray(String[]::new);
  }

  private static int fail(CommandLine line, String error, String hint) {
    line.getErr().println("local_server: error: " + error);
    if (hint != null) {
      line.getErr().println("hint: " + hint);
    }
    line.getErr().flush();
    return 2;
  }

  private int fail(String error, String hint) {
    return fail(spec.commandLine(), error, hint);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (port < 0 || port > 65535) {
      return fail("--port '" + port + "' is not between 0 and 65535", null);
    }
    RemoteSettingsServer.Builder builder =
        RemoteSettingsServer.builder().port(port).sample(sample).pageSize(Math.max(0, pageSize));
    if (noChangesets) {
      builder.withoutChangesets();
    }
    if (singleSignature) {
      builder.withSingleSignature();
    }
    List<Fault> parsed;
    try {
      parsed = faults.stream().map(Fault::parse).toList();
    } catch (IllegalArgumentException e) {
      return fail("--fault: " + e.getMessage(), "./jbang local_server --help lists the faults");
    }
    try (RemoteSettingsServer server = builder.start()) {
      Runtime.getRuntime().addShutdownHook(new Thread(server::close));
      Drill drill = Drill.start(server, Clock.systemUTC(), sample, parsed);
      boolean isTerminal = System.console() != null && System.console().isTerminal();
      announce(server, parsed, isTerminal);
      if (isTerminal) {
        Thread.ofPlatform().daemon().start(() -> mendOnEnter(System.in, drill, out()));
      }
      new CountDownLatch(1).await();
      return 0;
    } catch (BindException e) {
      return fail(
          "port " + port + " is taken",
          "--port 0 takes any free port; perhaps a local_server is running already");
    }
  }

  /** Mends the server for each line. At the end of the input, the server goes on. */
  static void mendOnEnter(InputStream in, Drill drill, PrintStream out) {
    new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
        .lines()
        .forEach(_ -> {
          drill.mend();
          out.println("Mended: all faults have ended.");
        });
  }

  private static PrintStream out() {
    return new PrintStream(System.out, true, StandardCharsets.UTF_8);
  }

  /** Prints what a user needs to know, with commands to paste. */
  private void announce(RemoteSettingsServer server, List<Fault> parsed, boolean isTerminal) {
    PrintStream out = out();
    String option = port == 8888 ? "" : " --server " + server.url();
    out.println("Remote Settings on " + server.url());
    out.println("Accounts (the password is the name): admin, editor, reviewer");
    out.println("Root hash: " + server.authority().rootHash());
    if (!sample) {
      out.println("The server is empty; --sample starts it with content.");
    }
    for (Fault fault : parsed) {
      out.println("Fault " + fault + ": the server " + fault.kind().sentence() + ".");
    }
    out.println("Try, in another terminal:");
    out.println(
        "  ./jbang validate_signature.java%s --root-hash %s"
            .formatted(option, server.authority().rootHash()));
    out.println("  AUTH=editor:editor ./jbang consistency_checks.java" + option);
    out.println(
        "  REFRESH_SIGNATURE_AUTH=editor:editor ./jbang refresh_signature.java"
            + option
            + " --verify");
    String request = "curl -X POST http://127.0.0.1:" + server.port() + Drill.MEND;
    out.println(
        isTerminal ? "Enter ends all faults, as does " + request : "To end all faults: " + request);
    out.println("Ctrl-C stops the server.");
  }
}
