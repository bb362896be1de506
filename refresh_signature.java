///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Ask the server to sign its published collections again.
//DOCS docs/refresh_signature.md
//JAVA 25+
//SOURCES common/Advice.java common/Display.java common/GeneralSettings.java common/Http.java common/InOrder.java
//SOURCES common/Place.java common/RemoteSettings.java common/Report.java common/Runner.java
//SOURCES common/Secret.java common/Selection.java common/ServerException.java
//SOURCES common/ServerInfo.java common/ServerSettings.java common/SignedResources.java
//SOURCES common/Surroundings.java common/Tally.java common/UsageException.java common/Values.java
//SOURCES common/signature/ContentSignature.java common/signature/SignatureCheck.java
//SOURCES common/signature/SignatureReport.java common/signature/TrustSettings.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m --enable-native-access=ALL-UNNAMED

import common.Advice;
import common.Advice.Runbook;
import common.Display;
import common.GeneralSettings;
import common.Http;
import common.InOrder;
import common.Place;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Secret;
import common.Selection;
import common.ServerException;
import common.ServerInfo;
import common.ServerSettings;
import common.SignedResources;
import common.SignedResources.SignedResource;
import common.Surroundings;
import common.Tally;
import common.UsageException;
import common.Values;
import common.signature.ContentSignature;
import common.signature.SignatureCheck;
import common.signature.SignatureReport;
import common.signature.TrustSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The repair: every published collection gets a new signature of the records that it has, before
 * the certificate of the old signature expires.
 *
 * <p>The command sets the status of each signed source to {@code to-resign}; the server then signs
 * preview and destination again and restores the status. A refresh succeeded if the source, read
 * afterwards, has another status and a later {@code last_signature_date}. One that is refused has
 * the reason in its line, and the others go on. Running the command again does no harm.
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
      "The status of each source with a destination in monitor/changes is set to \"to-resign\":"
          + " the server then signs preview and destination again and leaves the review as it was."
    },
    footerHeading = "Example, for the server that ./jbang local_server --sample starts:",
    footer = "REFRESH_SIGNATURE_AUTH=editor:editor refresh_signature --only main/regions --verify")
public class refresh_signature implements Runner.Command {

  @Mixin ServerSettings server;
  @Mixin Selection selection;

  @Option(
      names = "--refresh-signature-auth-file",
      paramLabel = "FILE",
      description =
          "credentials of an account that may write to the sources: user:pass, a token, or TYPE"
              + " TOKEN; the option names a file with them (- is stdin)")
  Secret auth;

  @Option(
      names = "--max-signature-age",
      paramLabel = "DAYS",
      defaultValue = "0",
      converter = DaysConverter.class,
      description = "refresh only signatures that are at least this many days old; 0: all")
  int maxSignatureAge;

  @Option(names = "--dry-run", description = "print what would be signed, and change nothing")
  boolean dryRun;

  @Option(
      names = "--verify",
      description = "verify the new signatures afterwards, as validate_signature does")
  boolean verify;

  @Mixin TrustSettings trust;
  @Mixin GeneralSettings general;

  private static final String AUTH = "REFRESH_SIGNATURE_AUTH";

  /** The result for the sources after the first that is refused for want of credentials. */
  private volatile NotAsked notAsked;

  public static void main(String[] args) {
    System.exit(Runner.execute(new refresh_signature(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public boolean writes() {
    return !dryRun;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    Instant now = surroundings.clock().instant();
    try (Http http = server.http(surroundings, report);
        Http anonymous = server.http(surroundings, report)) {
      RemoteSettings remote = server.remote(http);
      RemoteSettings clients = server.remote(anonymous); // reads as clients do
      SignatureCheck check = new SignatureCheck(trust, server.url(), clients, null, false, now);
      report.server(server.url());
      report.put("dry_run", dryRun);
      if (auth != null) {
        http.authorize(server.url(), general.authorization(auth, server.url()));
      }
      ServerInfo writer = server.writer(remote, AUTH, auth);
      report.heading("Looking at " + selection.path() + ":");
      List<Announced> announced = selection.all(remote, report);
      List<Announced> unnamed =
          announced.stream()
              .filter(entry -> !entry.isNamed() && selection.selects(entry.name()))
              .toList();
      List<SignedResource> resources =
          toRefresh(announced, writer.signed(), names -> selection.selects(names));
      List<String> names =
          Stream.concat(
                  unnamed.stream().map(Announced::place),
                  toRefresh(announced, writer.signed(), _ -> true).stream()
                      .flatMap(it -> Stream.of(it.destination(), it.source())))
              .map(Place::name)
              .toList();
      if (resources.isEmpty() && unnamed.isEmpty()) {
        throw new UsageException(
            "none of %d collections is a destination of a signed source: nothing was refreshed"
                .formatted(selection.select(announced, "refreshed").size()),
            names.isEmpty()
                ? "is SERVER the writer of these collections?"
                : selection.meant(names).orElse(null));
      }
      selection.warnOfUnmatched(names, report);
      List<Outcome> outcomes = new ArrayList<>();
      Tally tally =
          new Tally(
              "collection",
              resources.size() + unnamed.size(),
              refreshedWord(),
              "SKIP",
              "NO VERDICT");
      unnamed.forEach(entry ->
          show(
              new Outcome(entry.place(), null, new NoVerdict(entry.problem(), Advice.ODD_ENTRY)),
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
          auth == null ? 1 : server.parallel(), // nothing is in flight at the first refusal
          resource ->
              new Outcome(
                  resource.source(), resource, refresh(resource, remote, clients, writer, now)),
          (resource, reason) ->
              new Outcome(resource.source(), resource, new NoVerdict(reason, Advice.UNEXPECTED)),
          outcome -> {
            outcomes.add(outcome);
            show(outcome, tally, report);
          },
          () -> tally.interrupted(report));
      String verified = "";
      if (verify && !dryRun && notAsked == null) {
        SignatureReport results = new SignatureReport(check, report);
        results.judgeAll(
            signedPlaces(outcomes, announcedNow(clients, report)),
            server.collectionsAtOnce(),
            entry -> check.judge(entry, () -> clients.fresh(entry.place())),
            () -> {
              results.showDetails();
              tally.interrupted(report);
            });
        results.showRoots();
        results.showWarnings(report::warn);
        results.showDetails();
        results.reportFailures();
        verified = "; verified " + results.counts();
      }
      tally.tellCauses(report);
      report.summary(tally.counts() + verified);
      tally.tell(report, Status.UNKNOWN, "Signature refresh failed on %s");
    }
  }

  // ---- core: values in, values out

  private static final String SIGNED = "last_signature_date";

  /** The result for one source. */
  sealed interface Result {}

  /**
   * The source was signed again, or would be.
   *
   * @param modified {@code last_modified} of the source afterwards, epoch milliseconds
   */
  record Refreshed(String status, long modified, String signatureDate) implements Result {}

  /** The source was left alone. */
  record Skipped(String why) implements Result {}

  /** The source is not known to have a new signature. */
  record NoVerdict(String reason, Advice advice) implements Result {}

  /** Why the server did not sign, and what to do about it. */
  enum Finding {
    NOT_SIGNED("see the server's log: is its signer configured for this collection?"),
    STILL_TO_RESIGN(
        "see the server's log, then set the status to work-in-progress and ask for a review"),
    CLOCK_BEHIND(
        "it was signed again, by a node whose clock is behind: compare the server's clocks"),
    ODD_ANSWER("ask the server's operators what this answer means"),
    SOURCE_GONE("its destination cannot be signed again: create the source again, or retire both");

    final Advice advice;

    Finding(String hint) {
      advice = new Advice(Advice.slug(this), hint, Runbook.REFRESH_FAILED);
    }
  }

  /** The server was not asked, because it refused another source for want of credentials. */
  record NotAsked(Advice advice) implements Result {}

  /**
   * The outcome for one source, or for an entry that names no collection.
   *
   * @param resource null if the entry names none
   */
  record Outcome(Place place, SignedResource resource, Result result) {}

  /**
   * The resources behind the announced destinations, each source once.
   *
   * @param selects whether a resource is selected, by the names of its destination and its source
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
      // the server would leave the status at to-resign until somebody edits the source
      return Optional.of(new Skipped("never signed"));
    }
    return signatureDate(source)
        .map(date -> Duration.between(date, now))
        .filter(age -> !age.isNegative() && age.compareTo(Duration.ofDays(maxAge)) < 0)
        .map(age -> new Skipped("only %d days old".formatted(age.toDays())));
  }

  private static Optional<Instant> signatureDate(Map<String, Object> source) {
    return RemoteSettings.date(source, SIGNED);
  }

  /** Whether a source has a later signature than before. */
  private static boolean hasAdvanced(Map<String, Object> before, Map<String, Object> after) {
    return signatureDate(after)
        .filter(date -> signatureDate(before).map(date::isAfter).orElse(true))
        .isPresent();
  }

  /**
   * Judges the source as read afterwards, because the answer to the change is too early to tell.
   */
  static Result judge(Map<String, Object> before, Map<String, Object> after) {
    if ("to-resign".equals(after.get("status"))) {
      return new NoVerdict(
          "its status is still to-resign: the server did not sign it",
          Finding.STILL_TO_RESIGN.advice);
    }
    if (!hasAdvanced(before, after)) {
      return new NoVerdict(
          "last_signature_date has not advanced: %s before, %s now"
              .formatted(before.get(SIGNED), after.get(SIGNED)),
          RemoteSettings.isNewDate(SIGNED, before, after)
              ? Finding.CLOCK_BEHIND.advice
              : Finding.NOT_SIGNED.advice);
    }
    return refreshed(after);
  }

  private static Result refreshed(Map<String, Object> source) {
    return source.get("last_modified") instanceof Long modified
        ? new Refreshed(
            String.valueOf(source.get("status")), modified, String.valueOf(source.get(SIGNED)))
        : new NoVerdict(
            "unexpected answer: last_modified is not a timestamp", Finding.ODD_ANSWER.advice);
  }

  // ---- reading and writing

  private Result refresh(
      SignedResource resource,
      RemoteSettings remote,
      RemoteSettings clients,
      ServerInfo writer,
      Instant now) {
    if (notAsked != null) {
      return notAsked;
    }
    String path = resource.source().path();
    try {
      Map<String, Object> before = remote.metadata(path);
      Optional<Skipped> skipped = skipped(before, maxSignatureAge, now);
      if (skipped.isPresent()) {
        return skipped.get();
      }
      if (dryRun) {
        return refreshed(before);
      }
      List<?> signatures = verify ? signatures(resource, clients) : null;
      remote.patch(
          path,
          Map.of("status", "to-resign"),
          () -> RemoteSettings.isNewDate(SIGNED, before, remote.metadata(path)));
      Result result = judge(before, Http.finish(() -> remote.metadata(path)));
      return result instanceof Refreshed
              && signatures != null
              && signatures.equals(Http.finish(() -> signatures(resource, clients)))
          ? new NoVerdict(
              "last_signature_date has advanced, but %s has the same signature as before"
                  .formatted(resource.destination().name()),
              Finding.NOT_SIGNED.advice)
          : result;
    } catch (ServerException e) {
      return switch (e.status()) {
        case 401, 403 -> {
          Advice advice =
              e.advice()
                  .or(
                      "%s to an account that may write %s"
                          .formatted(
                              auth == null ? "set " + AUTH : writer.toSet(auth),
                              resource.source().bucket()));
          if (auth == null && e.status() == 401) {
            notAsked = new NotAsked(advice);
          }
          yield new NoVerdict(e.reason(), advice);
        }
        case 404 -> new NoVerdict(e.reason() + ", the source is gone", Finding.SOURCE_GONE.advice);
        default -> new NoVerdict(e.reason(), e.advice());
      };
    }
  }

  /** The signatures of a destination; null if clients find none. */
  private static List<?> signatures(SignedResource resource, RemoteSettings clients) {
    try {
      List<?> entries =
          ContentSignature.signatures(clients.metadata(resource.destination().path())).entries();
      return entries.isEmpty() ? null : entries;
    } catch (ServerException e) {
      return null; // --verify says so afterwards
    }
  }

  /** What is announced now; nothing if there is no time left, for nothing is verified then. */
  private List<Announced> announcedNow(RemoteSettings clients, Report report)
      throws ServerException {
    try {
      return selection.all(clients, report);
    } catch (ServerException e) {
      if (e.kind() == ServerException.Kind.OUT_OF_TIME) {
        return List.of();
      }
      throw e;
    }
  }

  /**
   * Destinations and previews of the refreshed sources.
   *
   * @param announced entries of monitor/changes as they are now
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

  /** The word for a new signature, in the summary. */
  private String refreshedWord() {
    return dryRun ? "would be refreshed" : "refreshed";
  }

  private void show(Outcome outcome, Tally tally, Report report) {
    String name = outcome.place().name();
    String start = "Looking at %s: ".formatted(Display.name(outcome.place().path()));
    String trigger = dryRun || outcome.resource() == null ? "" : "Trigger new signature: ";
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("check", "refresh");
    json.putAll(outcome.place().json());
    switch (outcome.result()) {
      case Refreshed(String status, long modified, String date) -> {
        tally.add(name, Status.GOOD, refreshedWord(), null, null);
        json.put("status", dryRun ? "planned" : "refreshed");
        json.put("signoff", Display.brief(status));
        json.put("last_modified", modified);
        json.put("last_signature_date", Display.brief(date));
        report.result(
            Status.GOOD,
            "%s%s%s at %s ( %d )"
                .formatted(
                    start,
                    trigger,
                    Display.brief(status),
                    Display.moment(Instant.ofEpochMilli(modified)),
                    modified),
            json);
      }
      case Skipped(String why) -> {
        tally.add(name, Status.GOOD, "SKIP", null, null);
        json.put("status", "skip");
        json.put("reason", why);
        report.result(Status.GOOD, "%sSKIP (%s)".formatted(start, why), json);
      }
      case NotAsked(Advice advice) -> {
        String reason = "not asked: %s is not set".formatted(AUTH);
        tally.add(name, Status.UNKNOWN, "not asked", reason, null); // the refused one has it
        json.put("status", "no-verdict");
        json.put("reason", reason);
        advice.addTo(json);
        report.result(Status.UNKNOWN, null, json);
      }
      case NoVerdict(String reason, Advice advice) -> {
        tally.addNoVerdict(name, reason, advice, json);
        report.result(Status.UNKNOWN, start + trigger + report.noVerdict(reason), json);
      }
    }
  }

  // ---- converters

  private static final class DaysConverter extends Values.WholeNumber {
    DaysConverter() {
      super(0, 36_500);
    }
  }
}
