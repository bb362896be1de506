//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Blocks.java
//SOURCES CronServer.java
//SOURCES Deployments.java
//SOURCES Installed.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/RemoteSettingsServer.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of {@code deploy/} are what cron, systemd, GitHub and Kubernetes take. */
class SchedulesTest {

  private static final Path DEPLOY = Project.root().resolve("deploy");

  /** They must not run twice at a time. */
  private static final List<String> WRITERS =
      List.of("backport_records", "blockpages_generator", "refresh_signature");

  /** The default of {@code RUN_DEADLINE_SECONDS} for checks. */
  private static final int RUN_DEADLINE_MINUTES = 15;

  @TempDir Path folder;

  @Test
  void every_schedule_has_all_seven_commands() throws IOException {
    Map<String, String> texts = new TreeMap<>(units());
    texts.values().removeIf(text -> !text.contains("[Timer]"));
    String timers = String.join("\n", texts.keySet());
    List<String> missing = new ArrayList<>();
    for (String command : Installed.commands()) {
      Map.of(
              "crontab", read("crontab"),
              "systemd", timers,
              "github-actions.yml", read("github-actions.yml"),
              "kubernetes.yaml", read("kubernetes.yaml"))
          .forEach((file, text) -> {
            if (!Pattern.compile("\\b" + command + "\\b").matcher(text).find()) {
              missing.add(file + ": " + command);
            }
          });
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void the_crontab_is_one_and_no_job_runs_twice_or_hangs() throws IOException {
    Deployments.Crontab crontab = Deployments.crontab(read("crontab"));
    assertEquals(List.of(), crontab.wrong());
    Pattern alone =
        Pattern.compile("flock -n -E 0 \"\\$HOME/(\\w+)\\.lock\" timeout -k 1m (\\d+)m (\\w+) .*");
    Set<String> locks = new TreeSet<>();
    for (String command : crontab.commands()) {
      MatchResult job = alone.matcher(command).results().findFirst().orElseThrow();
      boolean writes = WRITERS.contains(job.group(3)) && !command.contains("--check");
      int minutes = Integer.parseInt(job.group(2));
      assertEquals(writes ? 30 : 20, minutes, command);
      assertTrue(minutes > RUN_DEADLINE_MINUTES, "a run says itself that it is late");
      assertTrue(locks.add(job.group(1)), "another job would skip this one: " + command);
    }
  }

  @Test
  void the_server_stands_in_the_files_of_settings_alone() throws IOException {
    Map<String, String> schedules = units();
    schedules.put("crontab", read("crontab"));
    schedules.forEach((file, text) ->
        assertFalse(Pattern.compile("SERVER=|--server|://").matcher(text).find(), file));
    assertTrue(schedules.get("crontab").contains("\nENV_FILE=/etc/remote-settings/cron.env\n"));
    String service = schedules.get("remote-settings@.service");
    assertTrue(service.contains("\nEnvironmentFile=-/etc/remote-settings/all.env\n"), service);
  }

  @Test
  void whoever_stops_a_run_waits_longer_than_the_run_itself() throws IOException {
    for (String file : List.of("github-actions.yml", "kubernetes.yaml")) {
      Pattern limit = Pattern.compile("(timeout-minutes|activeDeadlineSeconds): (\\d+)");
      List<MatchResult> limits = limit.matcher(read(file)).results().toList();
      assertTrue(limits.size() >= 6, file);
      for (MatchResult one : limits) {
        int perMinute = one.group(1).endsWith("Seconds") ? 60 : 1;
        assertTrue(
            Integer.parseInt(one.group(2)) > RUN_DEADLINE_MINUTES * perMinute, file + one.group());
      }
    }
    assertEquals(
        jobs(read("github-actions.yml")).size(),
        read("github-actions.yml").split("\n    concurrency: ", -1).length - 1,
        "no job runs twice at once");
  }

  private static List<String> jobs(String workflow) {
    return Pattern.compile("(?m)^  (\\w+):$")
        .matcher(workflow.substring(workflow.indexOf("\njobs:")))
        .results()
        .map(job -> job.group(1))
        .toList();
  }

  @Test
  void cron_mails_what_is_wrong_and_nothing_when_all_is_well() throws IOException {
    Peers.FLOCK.path();
    Path bin = Installed.once().folder();
    Deployments.Crontab crontab = Deployments.crontab(read("crontab"));
    try (CronServer server = new CronServer(Files.createDirectory(folder.resolve("home")), bin)) {
      for (String command : crontab.commands()) {
        assertEquals("", server.run(crontab, command), command);
      }
      assertFalse(server.server().requests("/v1/batch").isEmpty());
      server.server().fault("403");
      server.server().answer("/api/*", 403, "text/plain", "");
      for (String command : crontab.commands()) {
        String mail = server.run(crontab, command);
        assertTrue(mail.contains("403"), command + "\n" + mail);
      }
    }
  }

  @Test
  void cron_mails_what_was_printed_as_it_is() throws IOException {
    Peers.FLOCK.path();
    Path bin = Files.createDirectory(folder.resolve("bin"));
    String printed = "name: \"a\\nb\" → \"a\\cb 100%\"\n";
    for (String command : Installed.commands()) {
      Deployments.program(bin.resolve(command), "cat <<'END'\n" + printed + "END\nexit 1\n");
    }
    List<Deployments.Crontab> crontabs = new ArrayList<>();
    crontabs.add(Deployments.crontab(read("crontab")));
    for (Blocks.Block block : Blocks.of(Project.root().resolve("docs/schedules.md"))) {
      if (block.language().equals("crontab")) {
        crontabs.add(Deployments.crontab(block.text()));
      }
    }
    assertEquals(2, crontabs.size());
    try (CronServer server = new CronServer(Files.createDirectory(folder.resolve("home")), bin)) {
      for (Deployments.Crontab crontab : crontabs) {
        for (String command : crontab.commands()) {
          assertEquals(printed, server.run(crontab, command), command);
        }
      }
    }
  }

  @Test
  void systemd_mails_what_the_unit_printed_and_what_systemd_says_of_it() throws IOException {
    String unit = units().get("remote-settings-mail@.service");
    assertTrue(unit.contains("\nUser=remote-settings\n"), "mail programs take commands");
    String script = unit.replaceFirst("(?s).*\nExecStart=/bin/sh -c '(.*)'\n.*", "$1");
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Deployments.program(bin.resolve("journalctl"), "printf '%s\\n' \"$@\"\n");
    Deployments.program(bin.resolve("mail"), "cat; printf '%s\\n' \"$@\"\n");
    Project.Outcome mailed =
        Project.run("/bin/sh", "-c", script.replace("%i", "validate_signature").replace("%H", "h"))
            .onlyEnv(
                Map.of(
                    "PATH", bin + ":/usr/bin:/bin",
                    "MAILTO", "ops@example.com",
                    "UNIT", "remote-settings@validate_signature.service",
                    "MONITOR_INVOCATION_ID", "0a1b",
                    "MONITOR_EXIT_STATUS", "1"))
            .go();
    assertEquals(
        """
        --output=cat
        --lines=1000
        _SYSTEMD_UNIT=remote-settings@validate_signature.service
        _SYSTEMD_INVOCATION_ID=0a1b
        +
        _PID=1
        UNIT=remote-settings@validate_signature.service
        INVOCATION_ID=0a1b
        -s
        validate_signature on h: exit code 1
        ops@example.com
        """,
        mailed.stdout(),
        mailed.stderr());
  }

  /** These imply {@code NoNewPrivileges}, with which most mail programs cannot send. */
  private static final Set<String> WITHOUT_NEW_PRIVILEGES =
      Set.of(
          "LockPersonality",
          "NoNewPrivileges",
          "PrivateDevices",
          "ProtectClock",
          "ProtectHostname",
          "ProtectKernelLogs",
          "ProtectKernelModules",
          "ProtectKernelTunables",
          "RestrictAddressFamilies",
          "RestrictNamespaces",
          "RestrictRealtime",
          "RestrictSUIDSGID",
          "SystemCallArchitectures",
          "SystemCallErrorNumber",
          "SystemCallFilter");

  @Test
  void the_mail_is_sent_from_the_same_sandbox_as_far_as_mail_programs_allow() throws IOException {
    Set<String> of = sandbox(units().get("remote-settings@.service"));
    assertTrue(of.containsAll(WITHOUT_NEW_PRIVILEGES), of::toString);
    of.removeAll(WITHOUT_NEW_PRIVILEGES);
    assertEquals(of, sandbox(units().get("remote-settings-mail@.service")));
  }

  private static Set<String> sandbox(String unit) {
    return Pattern.compile(
            "(?m)^((Protect|Private|Restrict|SystemCall|Lock|NoNew|Capability|UMask)\\w*)=")
        .matcher(unit)
        .results()
        .map(option -> option.group(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void systemd_has_nothing_against_its_units() throws IOException {
    assertEquals(List.of(), Deployments.systemd(units(), Installed.commands(), folder));
  }

  @Test
  void every_timer_has_a_service_that_starts_what_is_installed() throws IOException {
    Map<String, String> units = units();
    String service = units.get("remote-settings@.service");
    assertTrue(service.contains("\nExecStart=" + Deployments.INSTALLED + "/%i\n"), service);
    TreeSet<String> started = new TreeSet<>();
    for (String unit : units.keySet()) {
      if (unit.endsWith(".timer")) {
        started.add(unit.replaceFirst("^remote-settings@(\\w+)\\.timer$", "$1"));
      }
    }
    assertEquals(new TreeSet<>(Installed.commands()), started);
  }

  @Test
  void github_actions_take_the_workflow() {
    assertEquals(List.of(), Deployments.workflow(DEPLOY.resolve("github-actions.yml")));
  }

  @Test
  void actions_are_pinned_by_commit_and_images_by_digest() throws IOException {
    List<String> loose = new ArrayList<>();
    int seen = 0;
    for (Map.Entry<String, String> place :
        Map.of(
                "github-actions.yml",
                "(?m)uses: (?!\\S+@[0-9a-f]{40} # v\\d+\\.\\d+\\.\\d+$)\\S+",
                "kubernetes.yaml",
                "(?m)image: (?!remote-settings-lambdas:|\\S+@sha256:[0-9a-f]{64}$).*",
                "Dockerfile",
                "(?m)^(?:FROM|COPY --from=)(?! ?(?:\\S+@\\$\\{[A-Z]+\\} AS"
                    + " \\w+$|(?:jre|maven|build)(?: |$))).*")
            .entrySet()) {
      Pattern.compile(place.getValue())
          .matcher(read(place.getKey()))
          .results()
          .forEach(use -> loose.add(place.getKey() + ": " + use.group()));
      seen += read(place.getKey()).split("uses: |image: |\nFROM |COPY --from=", -1).length - 1;
    }
    assertEquals(List.of(), loose);
    assertTrue(seen > 15, seen + " references");
    assertFalse(Pattern.compile("(?m)^ARG \\w+=").matcher(read("Dockerfile")).find());
  }

  @Test
  void kubernetes_takes_the_cron_jobs() {
    assertEquals(List.of(), Deployments.kubernetes(DEPLOY.resolve("kubernetes.yaml")));
  }

  @Test
  void every_cron_job_is_alone_tried_once_and_may_do_little() throws IOException {
    String user = read("Dockerfile").replaceFirst("(?s).*\nUSER (\\d+):.*", "$1");
    int jobs = 0;
    for (String document : read("kubernetes.yaml").split("(?m)^---$")) {
      if (!document.contains("\nkind: CronJob\n")) {
        continue;
      }
      jobs++;
      for (String line :
          List.of(
              "concurrencyPolicy: Forbid",
              "backoffLimit: 0",
              "restartPolicy: Never",
              "runAsNonRoot: true",
              "runAsUser: " + user,
              "readOnlyRootFilesystem: true",
              "allowPrivilegeEscalation: false",
              "automountServiceAccountToken: false",
              "image: remote-settings-lambdas:0.7.0")) {
        assertTrue(document.contains(" " + line + "\n"), line + "\n" + document);
      }
      MatchResult schedule =
          Pattern.compile("\n  schedule: \"([^\"]+)\"\n")
              .matcher(document)
              .results()
              .findFirst()
              .orElseThrow();
      assertEquals(List.of(), Deployments.schedule(schedule.group(1)));
    }
    assertTrue(jobs >= 7, "cron jobs: " + jobs);
  }

  @Test
  void cloudformation_takes_the_template() {
    assumeTrue(Files.exists(DEPLOY.resolve("template.yaml")), "no deploy/template.yaml yet");
    assertEquals(List.of(), Deployments.cloudFormation(DEPLOY.resolve("template.yaml")));
  }

  /** By then a run has ended that has reached its deadline, and Lambda has not ended it before. */
  private static final int SECONDS_TO_TELL = 20;

  @Test
  void each_function_says_itself_that_it_is_late() throws IOException {
    Pattern limit = Pattern.compile("(Timeout|RUN_DEADLINE_SECONDS): \"?(\\d+)");
    Map<String, Integer> usual = new TreeMap<>();
    int functions = 0;
    for (String part : read("template.yaml").split("Handler: Lambda::")) {
      Map<String, Integer> limits = new TreeMap<>(usual);
      limit
          .matcher(part)
          .results()
          .forEach(one -> limits.put(one.group(1), Integer.valueOf(one.group(2))));
      assertTrue(
          limits.get("RUN_DEADLINE_SECONDS") + SECONDS_TO_TELL <= limits.get("Timeout"),
          limits + " " + part.lines().findFirst());
      usual = usual.isEmpty() ? limits : usual;
      functions++;
    }
    assertEquals(Installed.commands().size(), functions - 1);
  }

  // What this class itself relies on

  @ParameterizedTest
  @ValueSource(
      strings = {
        "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
        "*/60 * * * *", "5-1 * * * *", "1/2 * * * *", "a * * * *", "1, * * * *", "* * * *",
        "* * * * * *", "*/ * * * *", "-1 * * * *"
      })
  void a_bad_schedule_is_seen(String schedule) {
    assertFalse(Deployments.schedule(schedule).isEmpty(), schedule);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"* * * * *", "*/10 * * * *", "17 3 1 12 7", "1,31 0-5 * * 1-5", "0-59/5 * * * *"})
  void a_good_schedule_is_not(String schedule) {
    assertEquals(List.of(), Deployments.schedule(schedule));
  }

  @Test
  void cron_would_not_take_these_lines() {
    assertEquals(1, Deployments.crontab("0 3 * * * date +%F\n").wrong().size());
    assertEquals(1, Deployments.crontab("every night validate_signature\n").wrong().size());
    assertEquals(List.of("date +%F"), Deployments.crontab("0 3 * * * date +\\%F\n").commands());
  }

  @Test
  void a_fault_in_a_unit_is_seen() throws IOException {
    String timer = "[Timer]\nOnCalendar=every night\n";
    assertFalse(
        Deployments.systemd(Map.of("remote-settings-a.timer", timer), List.of(), folder).isEmpty());
    String service = "[Service]\nExecStart=" + Deployments.INSTALLED + "/validate_signatures\n";
    assertFalse(
        Deployments.systemd(
                Map.of("remote-settings-b.service", service), Installed.commands(), folder)
            .isEmpty());
  }

  @Test
  void a_fault_in_a_manifest_a_workflow_or_a_template_is_seen() throws IOException {
    String manifest = read("kubernetes.yaml").replace("backoffLimit:", "backoff:");
    assertFalse(Deployments.kubernetes(file("manifest.yaml", manifest)).isEmpty());
    String workflow =
        read("github-actions.yml").replaceFirst("cron: \"[^\"]*\"", "cron: \"61 * * * *\"");
    assertFalse(Deployments.workflow(file("workflow.yml", workflow)).isEmpty());
    String template = "Resources:\n  Topic:\n    Type: AWS::SNS::Topics\n";
    assertFalse(Deployments.cloudFormation(file("template.yaml", template)).isEmpty());
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private static String read(String name) throws IOException {
    return Files.readString(DEPLOY.resolve(name));
  }

  private static Map<String, String> units() throws IOException {
    Map<String, String> units = new TreeMap<>();
    try (Stream<Path> files = Files.list(DEPLOY.resolve("systemd"))) {
      for (Path file : files.toList()) {
        units.put(file.getFileName().toString(), Files.readString(file));
      }
    }
    return units;
  }
}
