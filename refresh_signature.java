///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Ask the server to sign its published collections again.
//DOCS docs/refresh_signature.md
//JAVA 25+
//SOURCES common/Display.java common/GeneralSettings.java common/Http.java common/InOrder.java
//SOURCES common/Place.java common/RemoteSettings.java common/Report.java common/Runner.java
//SOURCES common/Secret.java common/Selection.java common/ServerException.java
//SOURCES common/ServerSettings.java common/SignedResources.java common/Surroundings.java
//SOURCES common/Tally.java common/UsageException.java common/Values.java
//SOURCES common/signature/SignatureCheck.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.Display;
import common.GeneralSettings;
import common.Http;
import common.InOrder;
import common.Place;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.RemoteSettings.ServerInfo;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Secret;
import common.Selection;
import common.ServerException;
import common.ServerSettings;
import common.SignedResources;
import common.SignedResources.SignedResource;
import common.Surroundings;
import common.Tally;
import common.UsageException;
import common.Values;
import common.signature.SignatureCheck;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The repair: every published collection gets a new signature, over the records it has, before the
 * certificate of the old one ends.
 *
 * <p>The status of each signed source is set to {@code to-resign}; the server then signs preview
 * and destination anew and puts the status back as it was. Success is what is read afterwards: the
 * status, and a later {@code last_signature_date}. What is refused has its reason in its line, and
 * the others go on. Running it again does no harm.
 *
 * <p>Spec: docs/specification.md, <i>refresh_signature</i>; <i>Remote Settings › Signing</i>.
 *
 * <pre>
 * Looking at /buckets/staging/collections/addons: Trigger new signature: signed at 2018-03-05 13:57:31 UTC ( 1520258251343 )
 * </pre>
 */
@Command(
    name = "refresh_signature",
    description = {
      "Ask the server to sign its published collections again.",
      "Each source of a destination announced in monitor/changes is set to \"to-resign\", which"
          + " signs preview and destination anew and leaves the review as it was."
    })
public class refresh_signature implements Runner.Command {

  @Mixin ServerSettings server;
  @Mixin Selection selection;

  @Option(
      names = "--refresh-signature-auth-file",
      paramLabel = "FILE",
      description =
          "credentials of an account that may write the sources: user:pass, a token, or"
              + " TYPE TOKEN; the option names a file with them, - for stdin")
  Secret auth;

  @Option(
      names = "--max-signature-age",
      paramLabel = "DAYS",
      defaultValue = "0",
      converter = DaysConverter.class,
      description = "days; signatures that are younger are left alone; 0: none")
  int maxSignatureAge;

  @Option(names = "--dry-run", description = "print what would be signed, and change nothing")
  boolean dryRun;

  @Option(
      names = "--verify",
      description = "verify the new signatures afterwards, as validate_signature does")
  boolean verify;

  @Mixin SignatureCheck.Signers signers;
  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new refresh_signature(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    Instant now = surroundings.clock().instant();
    try (Http http = server.http(surroundings, report)) {
      RemoteSettings remote = server.remote(http);
      SignatureCheck check =
          new SignatureCheck(signers, server.url().getHost(), remote::chain, now, report);
      report.put("server", server.url().toString());
      report.put("dry_run", dryRun);
      if (auth != null) {
        http.authorize(
            server.url(), general.authorization("REFRESH_SIGNATURE_AUTH", auth, server.url()));
      }
      ServerInfo writer = server.writer(remote, "REFRESH_SIGNATURE_AUTH", auth);
      report.heading("Looking at " + selection.path() + ":");
      List<Announced> announced = selection.all(remote, report);
      List<Announced> odd =
          announced.stream()
              .filter(entry -> !entry.isNamed() && selection.selects(entry.name()))
              .toList();
      List<SignedResource> resources =
          toRefresh(announced, writer.signed(), names -> selection.selects(names));
      if (resources.isEmpty() && odd.isEmpty()) {
        throw new UsageException(
            "none of %d collections is the destination of a signed one: nothing was refreshed"
                .formatted(selection.select(announced, "refreshed").size()),
            "is SERVER the writer whose collections these are?");
      }
      List<Outcome> outcomes = new ArrayList<>();
      Tally tally =
          new Tally("collection", resources.size() + odd.size(), signed(), "SKIP", "NO VERDICT");
      odd.forEach(entry ->
          show(
              new Outcome(entry.place(), null, new NoVerdict(entry.problem(), null)),
              tally,
              report));
      if (!dryRun) {
        report.announce(
            "ask %s as %s to sign again, unless skipped: %s"
                .formatted(
                    server.url(),
                    writer.account() == null ? "anonymous" : writer.account(),
                    Display.some(resources.stream().map(it -> it.source().name()).toList())));
      }
      InOrder.run(
          report,
          resources,
          server.parallel(),
          resource -> new Outcome(resource.source(), resource, refresh(resource, remote, now)),
          (resource, reason) ->
              new Outcome(resource.source(), resource, new NoVerdict(reason, null)),
          outcome -> {
            outcomes.add(outcome);
            show(outcome, tally, report);
          },
          () -> report.summary("interrupted: " + tally.counts()));
      String verified = "";
      if (verify && !dryRun) {
        // without credentials, as clients read
        try (Http anonymous = server.http(surroundings, report)) {
          RemoteSettings clients = server.remote(anonymous);
          check.judgeAll(
              signedPlaces(outcomes, selection.all(clients, report)),
              server.collectionsAtOnce(),
              entry -> check.judge(entry, () -> clients.fresh(entry.place())),
              () -> report.summary("interrupted: " + tally.counts()));
          check.showRoots();
          check.showWarnings();
          check.showDetails();
          check.reportFailures();
          verified = "; verified " + check.counts();
        }
      }
      report.summary(tally.counts() + verified);
      tally.tell(report, Status.UNKNOWN, "Signature refresh failed on %s");
    }
  }

  // ---- core: values in, values out

  /** What became of one source. */
  sealed interface Result {}

  /**
   * It is signed anew, or would be.
   *
   * @param modified {@code last_modified} of the source afterwards, epoch milliseconds
   */
  record Refreshed(String status, long modified, String signatureDate) implements Result {}

  /** It was left alone. */
  record Skipped(String why) implements Result {}

  /**
   * It is not known to be signed anew.
   *
   * @param hint what to do about it, or null
   */
  record NoVerdict(String reason, String hint) implements Result {}

  /**
   * One source, or an entry that names none.
   *
   * @param resource null if it names none
   */
  record Outcome(Place place, SignedResource resource, Result result) {}

  /**
   * The resources behind the announced destinations, each source once.
   *
   * @param selects whether a resource is asked for, by the names of its destination and its source
   */
  static List<SignedResource> toRefresh(
      List<Announced> announced, SignedResources resources, Predicate<List<String>> selects) {
    Map<Place, SignedResource> bySource = new LinkedHashMap<>();
    for (Announced entry : announced) {
      if (entry.isNamed()) {
        resources
            .ofDestination(entry.place())
            .filter(resource -> selects.test(List.of(entry.name(), resource.source().name())))
            .ifPresent(resource -> bySource.putIfAbsent(resource.source(), resource));
      }
    }
    return List.copyOf(bySource.values());
  }

  /**
   * Why a source is left alone, or empty.
   *
   * @param maxAge days; 0: no signature is too young
   */
  static Optional<Skipped> skipped(Map<String, Object> source, int maxAge, Instant now) {
    if (source.get("status") == null) {
      // the server would leave its status at to-resign, which no command but another edit ends
      return Optional.of(new Skipped("never signed"));
    }
    return signatureDate(source)
        .map(date -> Duration.between(date, now))
        .filter(age -> !age.isNegative() && age.compareTo(Duration.ofDays(maxAge)) < 0)
        .map(age -> new Skipped("only %d days old".formatted(age.toDays())));
  }

  private static Optional<Instant> signatureDate(Map<String, Object> source) {
    return RemoteSettings.date(source, "last_signature_date");
  }

  /** Whether a source shows a later signature than before. */
  static boolean isSignedAnew(Map<String, Object> before, Map<String, Object> after) {
    return signatureDate(after)
        .filter(date -> signatureDate(before).map(date::isAfter).orElse(true))
        .isPresent();
  }

  /** What a source shows afterwards is what counts: the answer to a change shows its beginning. */
  static Result judge(Map<String, Object> before, Map<String, Object> after) {
    if ("to-resign".equals(after.get("status"))) {
      return new NoVerdict(
          "its status is still to-resign: the server did not sign it",
          "see the server's log, then set the status to work-in-progress and ask for a review");
    }
    if (!isSignedAnew(before, after)) {
      return new NoVerdict(
          "last_signature_date has not advanced: %s, before %s"
              .formatted(after.get("last_signature_date"), before.get("last_signature_date")),
          "see the server's log: is its signer configured for this collection?");
    }
    return shown(after);
  }

  private static Result shown(Map<String, Object> source) {
    return source.get("last_modified") instanceof Long modified
        ? new Refreshed(
            String.valueOf(source.get("status")),
            modified,
            String.valueOf(source.get("last_signature_date")))
        : new NoVerdict("unexpected answer: last_modified is no timestamp", null);
  }

  // ---- reading and writing

  private Result refresh(SignedResource resource, RemoteSettings remote, Instant now) {
    String path = resource.source().path();
    try {
      Map<String, Object> before = remote.metadata(path);
      Optional<Skipped> skipped = skipped(before, maxSignatureAge, now);
      if (skipped.isPresent()) {
        return skipped.get();
      }
      if (dryRun) {
        return shown(before);
      }
      remote.patch(
          path, Map.of("status", "to-resign"), () -> isSignedAnew(before, remote.metadata(path)));
      return judge(before, remote.metadata(path));
    } catch (ServerException e) {
      return switch (e.status()) {
        case 401, 403 ->
            new NoVerdict(
                e.reason(),
                "set REFRESH_SIGNATURE_AUTH to an account that may write "
                    + resource.source().bucket());
        case 404 ->
            new NoVerdict(
                e.reason() + ", the source is gone",
                "nobody can sign its destination again: make the source anew, or retire both");
        default -> new NoVerdict(e.reason(), e.hint());
      };
    }
  }

  /**
   * Destinations and previews of what was refreshed.
   *
   * @param announced monitor/changes as it is now
   */
  private static List<Announced> signedPlaces(List<Outcome> outcomes, List<Announced> announced) {
    Map<Place, Announced> byPlace = new LinkedHashMap<>();
    announced.forEach(entry -> byPlace.put(entry.place(), entry));
    return outcomes.stream()
        .filter(outcome -> outcome.result() instanceof Refreshed)
        .map(Outcome::resource)
        .flatMap(resource -> Stream.of(resource.destination(), resource.preview()))
        .filter(Objects::nonNull)
        .map(place ->
            byPlace.getOrDefault(place, new Announced(place.bucket(), place.collection(), 0, null)))
        .toList();
  }

  // ---- rendering

  /** The word of what is signed anew. */
  private String signed() {
    return dryRun ? "would be refreshed" : "refreshed";
  }

  private void show(Outcome outcome, Tally tally, Report report) {
    String name = outcome.place().name();
    String start = "Looking at %s: ".formatted(Display.clean(outcome.place().path()));
    String trigger = dryRun || outcome.resource() == null ? "" : "Trigger new signature: ";
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("check", "refresh");
    json.putAll(outcome.place().json());
    switch (outcome.result()) {
      case Refreshed(String status, long modified, String date) -> {
        tally.add(name, Status.GOOD, signed(), null);
        json.put("status", dryRun ? "planned" : "refreshed");
        json.put("signoff", Display.brief(status));
        json.put("last_modified", modified);
        json.put("last_signature_date", Display.brief(date));
        report.result(
            Status.GOOD,
            "%s%s%s at %s ( %d )"
                .formatted(start, trigger, Display.brief(status), moment(modified), modified),
            json);
      }
      case Skipped(String why) -> {
        tally.add(name, Status.GOOD, "SKIP", null);
        json.put("status", "skip");
        json.put("reason", why);
        report.result(Status.GOOD, "%sSKIP (%s)".formatted(start, why), json);
      }
      case NoVerdict(String reason, String hint) -> {
        tally.add(name, Status.UNKNOWN, "NO VERDICT", reason);
        json.put("status", "no-verdict");
        json.put("reason", Display.clean(reason));
        json.put("hint", hint);
        report.result(Status.UNKNOWN, start + trigger + report.noVerdict(reason), json);
        report.hint(hint);
      }
    }
  }

  private static String moment(long timestamp) {
    return DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
        .withZone(ZoneOffset.UTC)
        .format(Instant.ofEpochMilli(timestamp));
  }

  // ---- converters

  private static final class DaysConverter extends Values.WholeNumber {
    DaysConverter() {
      super(0, 36_500);
    }
  }
}
