///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Compare each timestamp announced in monitor/changes with the collection's own.
//DOCS docs/validate_changes_collection.md
//JAVA 25+
//SOURCES common/Advice.java common/Display.java common/ExportAge.java common/GeneralSettings.java common/Http.java
//SOURCES common/InOrder.java common/RemoteSettings.java common/Report.java common/Runner.java
//SOURCES common/Selection.java common/ServerException.java common/ServerSettings.java
//SOURCES common/Surroundings.java common/Tally.java common/Values.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m

import common.Advice;
import common.Advice.Runbook;
import common.Display;
import common.ExportAge;
import common.GeneralSettings;
import common.Http;
import common.InOrder;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Selection;
import common.ServerException;
import common.ServerSettings;
import common.Surroundings;
import common.Tally;
import common.Values;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The rule: every collection announced in monitor/changes has the timestamp that is announced for
 * it.
 *
 * <p>If not, clients download nothing, or the same old state again and again. The command prints
 * {@code NOT OK} with the announced and the found timestamp, and whether a cache or the origin is
 * wrong. An announced collection that answers 401, 403 or 404 is a finding too, because clients
 * cannot read it either.
 *
 * <p>There are up to three requests, each only if the one before it found a difference:
 *
 * <ol>
 *   <li>The collection's {@code changeset?_expected=ANNOUNCED} as clients read it, up to its {@code
 *       timestamp}. A cache may answer.
 *   <li>The same past the caches, of what has changed since.
 *   <li>The list again, past the caches. A collection may change during the check: every timestamp
 *       from the one announced before to the one announced now is right. A collection that is no
 *       longer announced is skipped.
 * </ol>
 *
 * <p>A server without changesets is asked for {@code HEAD records}, whose ETag is the timestamp.
 *
 * <p>If the second answer is wrong, the origin is at fault; if only the first is, a cache. With
 * {@code --max-lag}, a difference is not a finding while the newer of the two timestamps is younger
 * than that; one that is ahead of the clock by more does not count as young.
 *
 * <pre>Etag NOT OK for main/regions : 1795486758327 != 1795486758330</pre>
 */
@Command(
    name = "validate_changes_collection",
    description = {
      "Compare each timestamp announced in monitor/changes with the collection's own.",
      "Every collection announced in monitor/changes must have the timestamp that is announced"
          + " for it, as clients read it through the caches."
    },
    footerHeading = "Example, which asks Mozilla's production server:",
    footer =
        "validate_changes_collection --server https://firefox.settings.services.mozilla.com/v1"
            + " --max-lag 300")
public class validate_changes_collection implements Runner.Command {

  @Mixin ServerSettings server;
  @Mixin Selection selection;

  @Option(
      names = "--max-lag",
      paramLabel = "SECONDS",
      defaultValue = "0",
      converter = LagConverter.class,
      description =
          "tolerate a difference while its newer timestamp is less than this many seconds old")
  int maxLag;

  @Option(names = "--strict", description = "count old content of a reader (/v2) as a finding")
  boolean strict;

  @Mixin ExportAge exportAge;
  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new validate_changes_collection(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    try (Http http = server.http(surroundings, report)) {
      RemoteSettings remote = server.remote(http);
      report.server(server.url());
      report.heading("Looking at %s:".formatted(selection.path()));
      List<Announced> entries = selection.read(remote, report, "compared");
      Tally tally =
          new Tally("collection", entries.size(), "OK", "SKIP", "NOT OK", "CACHE", "NO VERDICT");
      InOrder.run(
          report,
          entries,
          server.parallel(),
          entry -> check(remote, entry, surroundings.clock()),
          (entry, reason) -> noVerdict(entry, reason, Advice.UNEXPECTED),
          outcome -> show(outcome, tally, report),
          () -> tally.interrupted(report));
      exportAge.check(remote, surroundings.clock().instant(), strict, report);
      tally.tellCauses(report);
      report.summary(tally.counts());
      tally.tell(report, Status.BAD, "Timestamps differ on %s");
      tally.tell(report, Status.UNKNOWN, "No verdict on %s");
    }
  }

  // ---- judging

  /** What a request found. */
  sealed interface Found {}

  /** The timestamp of the collection, epoch milliseconds. */
  record Timestamp(long value) implements Found {}

  /** Clients may not read the collection, or it does not exist. */
  record NotReadable(String reason) implements Found {}

  /** The judgement on one collection. */
  sealed interface Judgement {}

  /** The timestamp is the announced one, or between two announcements. */
  record Same() implements Judgement {}

  /** The timestamp differs, but not for long enough to matter. */
  record Tolerated(Duration lag) implements Judgement {}

  /** The timestamp differs. */
  record Differs(Where where) implements Judgement {}

  /** The collection is no longer announced. */
  record Withdrawn() implements Judgement {}

  /** The collection could not be judged. */
  record NoVerdict(String reason, Advice advice) implements Judgement {}

  /** Where the wrong timestamp comes from. */
  enum Where {
    ORIGIN,
    CACHE
  }

  /**
   * The outcome for one collection.
   *
   * @param entry as it was last announced
   * @param found null if nothing was found, or if it does not matter
   */
  record Outcome(Announced entry, Found found, Judgement judgement) {}

  /**
   * Judges what was found between two readings of the list.
   *
   * @param before entry of the first reading
   * @param after entry of the second reading, or the first again if the list was read only once
   * @param seen what clients get
   * @param origin what the origin has, past the caches
   */
  static Outcome judge(
      Announced before, Announced after, Found seen, Found origin, Duration maxLag, Instant now) {
    boolean originIsRight = isBetween(before, origin, after);
    if (originIsRight && isBetween(before, seen, after)) {
      return new Outcome(after, origin, new Same());
    }
    Found wrong = originIsRight ? seen : origin;
    if (wrong instanceof Timestamp(long timestamp)) {
      Instant newer = Instant.ofEpochMilli(Math.max(timestamp, after.timestamp()));
      Duration lag = Duration.between(newer, now);
      if (lag.abs().compareTo(maxLag) < 0) {
        return new Outcome(after, wrong, new Tolerated(lag.isNegative() ? Duration.ZERO : lag));
      }
    }
    return new Outcome(after, wrong, new Differs(originIsRight ? Where.CACHE : Where.ORIGIN));
  }

  /** Whether a timestamp is one of the two announced ones or between them, in either order. */
  private static boolean isBetween(Announced one, Found found, Announced other) {
    return found instanceof Timestamp(long timestamp)
        && timestamp >= Math.min(one.timestamp(), other.timestamp())
        && timestamp <= Math.max(one.timestamp(), other.timestamp());
  }

  private static Outcome noVerdict(Announced entry, String reason, Advice advice) {
    return new Outcome(entry, null, new NoVerdict(reason, advice));
  }

  // ---- reading

  private Outcome check(RemoteSettings remote, Announced entry, Clock clock) {
    if (entry.problem() != null) {
      return noVerdict(entry, entry.problem(), Advice.ODD_ENTRY);
    }
    try {
      Found seen = found(remote::timestamp, entry);
      if (isBetween(entry, seen, entry)) {
        return new Outcome(entry, seen, new Same());
      }
      Found origin = found(remote::timestampPastCaches, entry);
      Optional<Announced> after =
          isBetween(entry, origin, entry) ? Optional.of(entry) : readAgain(remote, entry);
      if (after.isEmpty()) {
        return new Outcome(entry, null, new Withdrawn());
      }
      if (after.get().problem() != null) {
        return noVerdict(entry, after.get().problem(), Advice.ODD_ENTRY);
      }
      return judge(entry, after.get(), seen, origin, Duration.ofSeconds(maxLag), clock.instant());
    } catch (ServerException e) {
      return noVerdict(entry, e.reason(), e.advice());
    }
  }

  private interface Read {
    long timestamp(Announced entry) throws ServerException;
  }

  /** That it is not readable is a finding, because clients cannot read the collection either. */
  private static Found found(Read read, Announced entry) throws ServerException {
    try {
      return new Timestamp(read.timestamp(entry));
    } catch (ServerException e) {
      if (e.isNotReadable()) {
        return new NotReadable("not readable: " + e.reason());
      }
      throw e;
    }
  }

  private Optional<Announced> readAgain(RemoteSettings remote, Announced entry)
      throws ServerException {
    try {
      return selection.readAgain(remote, entry);
    } catch (ServerException e) {
      throw e.of("the list cannot be read again");
    }
  }

  // ---- rendering

  private static final String WITHDRAWN = "no longer announced";

  private static void show(Outcome outcome, Tally tally, Report report) {
    String name = outcome.entry().name();
    Status status = Status.GOOD;
    String word = "OK";
    String shown = report.word(status, word);
    String reason = null;
    Map<String, Object> json = json(outcome);
    switch (outcome.judgement()) {
      case Same _, Tolerated _ -> {}
      case Withdrawn _ -> {
        word = "SKIP";
        shown = word;
      }
      case Differs(Where where) -> {
        status = Status.BAD;
        word = where == Where.CACHE ? "CACHE" : "NOT OK";
        shown = report.word(status, "NOT OK");
        reason = timestamps(outcome);
      }
      case NoVerdict(String why, _) -> {
        status = Status.UNKNOWN;
        word = "NO VERDICT";
        shown = report.noVerdict(why);
        reason = why;
      }
    }
    Advice advice = advice(outcome);
    if (advice != null) {
      advice.addTo(json);
    }
    tally.add(name, status, word, reason, advice);
    report.result(
        status,
        "Etag %s for %s : %s".formatted(shown, Display.name(name), timestamps(outcome)),
        json);
  }

  /** The text after the colon: the announced timestamp, and how it differs from the found one. */
  private static String timestamps(Outcome outcome) {
    return outcome.entry().timestamp()
        + switch (outcome.judgement()) {
          case Same _, NoVerdict _ -> "";
          case Tolerated(Duration lag) -> " (lag %d s)".formatted(lag.toSeconds());
          case Differs(Where where) ->
              " != " + text(outcome.found()) + (where == Where.CACHE ? " (cache)" : "");
          case Withdrawn _ -> " (%s)".formatted(WITHDRAWN);
        };
  }

  private static String text(Found found) {
    return switch (found) {
      case Timestamp(long value) -> Long.toString(value);
      case NotReadable(String reason) -> Display.clean(reason);
    };
  }

  private static Map<String, Object> json(Outcome outcome) {
    Map<String, Object> json = outcome.entry().place().json();
    json.put(
        "status",
        switch (outcome.judgement()) {
          case Same _, Tolerated _ -> "ok";
          case Differs(Where where) -> where == Where.CACHE ? "cache" : "bad";
          case Withdrawn _ -> "skip";
          case NoVerdict _ -> "no-verdict";
        });
    json.put("announced", outcome.entry().timestamp());
    json.put("found", outcome.found() instanceof Timestamp(long value) ? value : null);
    if (outcome.judgement() instanceof Tolerated(Duration lag)) {
      json.put("lag_seconds", lag.toSeconds());
    }
    if (outcome.judgement() instanceof Withdrawn) {
      json.put("reason", WITHDRAWN);
    } else if (outcome.judgement() instanceof NoVerdict(String reason, _)) {
      json.put("reason", Display.line(reason));
    } else if (outcome.found() instanceof NotReadable(String reason)) {
      json.put("reason", Display.line(reason));
    }
    return json;
  }

  /** What to do about timestamps that differ. */
  enum Finding {
    CACHE(
        "the server is right, but a cache in front of it is not: purge the cache, or wait until"
            + " it expires"),
    NOT_READABLE(
        "clients cannot read it either: check that the collection exists and that everyone may"
            + " read it"),
    TIMESTAMPS_DIFFER(
        "the server itself disagrees with its list: look for a replica that lags behind");

    final Advice advice;

    Finding(String hint) {
      advice = new Advice(Advice.slug(this), hint, Runbook.TIMESTAMPS_DISAGREE);
    }
  }

  /** What to do about it; null if it is good. */
  private static Advice advice(Outcome outcome) {
    return switch (outcome.judgement()) {
      case Same _, Tolerated _, Withdrawn _ -> null;
      case NoVerdict(_, Advice advice) -> advice;
      case Differs(Where where) when where == Where.CACHE -> Finding.CACHE.advice;
      case Differs _ when outcome.found() instanceof NotReadable -> Finding.NOT_READABLE.advice;
      case Differs _ -> Finding.TIMESTAMPS_DIFFER.advice;
    };
  }

  // ---- converters

  private static final class LagConverter extends Values.WholeNumber {
    LagConverter() {
      super(0, 86_400);
    }
  }
}
