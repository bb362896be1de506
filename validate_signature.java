///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Verify the content signature and the certificate chain of every published collection.
//JAVA 25+
//SOURCES common/CanonicalJson.java
//SOURCES common/CertificateChain.java
//SOURCES common/ContentSignature.java
//SOURCES common/CrashReports.java
//SOURCES common/Http.java
//SOURCES common/RemoteSettings.java
//SOURCES common/Report.java
//SOURCES common/Settings.java
//DEPS info.picocli:picocli:4.7.7
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.CertificateChain;
import common.CertificateChain.Cause;
import common.CertificateChain.Refused;
import common.ContentSignature;
import common.ContentSignature.Invalid;
import common.ContentSignature.SignedRecord;
import common.ContentSignature.Trust;
import common.ContentSignature.Valid;
import common.ContentSignature.Verdict;
import common.Http;
import common.Http.ServerException;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.RemoteSettings.Changeset;
import common.Report;
import common.Report.Status;
import common.Settings;
import common.Settings.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * The rule: every collection announced in monitor/changes carries a valid signature of its current
 * records, by a chain that is valid now and ends in a root we trust.
 *
 * <p>Broken, it reports {@code BAD Signature} with the one reason: records or timestamp differ, a
 * certificate expired, the wrong root, … A collection that was never signed and never held a record
 * is skipped; one that cannot be judged has no verdict.
 *
 * <p>Steps 1 to 4 of <i>Client specifications › Signature Verification</i> are in {@link
 * ContentSignature} and {@link CertificateChain}.
 *
 * <pre>01/17 /buckets/blocklists/collections/addons:  OK (0.02s)</pre>
 */
@Command(
    name = "validate_signature",
    description = {
      "Verify the content signature and the certificate chain of every published collection.",
      "Every collection announced in monitor/changes must carry a valid signature of its current"
          + " records, by a chain that is valid now and ends in a trusted root."
    })
public class validate_signature implements Settings.Command {

  @Mixin Settings.Server server;
  @Mixin Settings.Selection selection;

  @Option(
      names = "--root-hash",
      paramLabel = "HASH",
      split = ",",
      converter = RootHashConverter.class,
      description =
          "SHA-256 of the roots to trust, colon hex; built in for Mozilla's hosts, else needed but"
              + " on loopback")
  List<String> rootHashes;

  @Option(names = "--any-root", description = "trust whatever root a chain ends in")
  boolean anyRoot;

  @Option(
      names = "--signer",
      paramLabel = "NAME",
      description =
          "name the leaf must carry before .content-signature.mozilla.org; on Mozilla's hosts"
              + " onecrl for security-state* and remote-settings for the rest, else the"
              + " signature's signer_id, else any")
  String signer;

  @Option(
      names = "--certificate-warn-days",
      paramLabel = "DAYS",
      converter = DaysConverter.class,
      description =
          "days before a leaf's end from which to warn; unset: a tenth of its lifetime, 7 to 60")
  Integer certificateWarnDays;

  @Option(names = "--strict", description = "a leaf that ends soon is a finding")
  boolean strict;

  @Option(
      names = "--changeset",
      paramLabel = "FILE",
      description = "verify this saved changeset instead of a server's collections")
  Path changesetFile;

  @Option(
      names = "--chain",
      paramLabel = "FILE",
      description = "PEM chain of the saved changeset, instead of its x5u")
  Path chainFile;

  @Option(
      names = "--at",
      paramLabel = "INSTANT",
      converter = InstantConverter.class,
      description = "verify certificates as of this moment, like 2026-11-24T12:00:00Z; unset: now")
  Instant at;

  @Mixin Settings.General general;

  public static void main(String[] args) {
    System.exit(Settings.execute(new validate_signature(), Settings.Surroundings.real(), args));
  }

  @Override
  public Settings.General general() {
    return general;
  }

  @Override
  public void run(Settings.Surroundings surroundings, Report report) throws Exception {
    Instant now = at != null ? at : surroundings.clock().instant();
    Trusted trusted = trusted();
    try (Http http = server.http("validate_signature", surroundings, report)) {
      RemoteSettings remote = new RemoteSettings(http, server.url(), server.maxBytes());
      Chains chains = new Chains(chainFile != null ? savedChain() : remote::chain);
      Run run = new Run(report, trusted, chains, now);
      if (changesetFile != null) {
        run.expect(1);
        run.report(judgeSaved(chains, trusted, now));
        run.end();
        return;
      }
      String list = RemoteSettings.path(selection.bucket(), selection.collection());
      report.put("server", server.url().toString());
      report.heading("Read collection list from " + list);
      List<Announced> announced = remote.announced(selection.bucket(), selection.collection());
      List<Announced> entries =
          announced.stream().filter(entry -> selection.selects(entry.name())).toList();
      if (entries.isEmpty()) {
        report.error(
            announced.isEmpty()
                ? list + " announces no collection: nothing was verified"
                : "none of %d collections is selected: nothing was verified"
                    .formatted(announced.size()),
            announced.isEmpty() ? null : "check --only and --exclude");
        return;
      }
      run.expect(entries.size());
      ExecutorService workers =
          Executors.newFixedThreadPool(server.parallel(), Thread.ofVirtual().factory());
      try {
        List<Future<Outcome>> outcomes = new ArrayList<>();
        for (Announced entry : entries) {
          outcomes.add(workers.submit(() -> judge(entry, remote, chains, trusted, now)));
        }
        report.onInterrupt(() -> run.interrupted(outcomes));
        for (int i = 0; i < entries.size(); i++) {
          run.report(outcome(entries.get(i), outcomes.get(i), report));
        }
      } finally {
        workers.shutdownNow(); // nobody waits for the rest when the reader of stdout has gone
      }
      run.end();
    }
  }

  // ---- core: values in, values out; what is read comes through RemoteSettings and Chains

  /**
   * Which roots to trust.
   *
   * @param roots colon hex; empty if there are none to compare with
   * @param otherwise what a chain is worth then
   * @param mozilla whether the server is Mozilla's, whose signers are known by bucket
   */
  record Trusted(Set<String> roots, WithoutRoots otherwise, boolean mozilla) {}

  /** What to do with a chain that is valid but for its root, when no root is known. */
  enum WithoutRoots {
    WARN,
    REFUSE
  }

  private Trusted trusted() throws UsageException {
    Set<String> roots = new LinkedHashSet<>(Settings.entries(rootHashes));
    if (anyRoot && !roots.isEmpty()) {
      throw new UsageException("ROOT_HASH and --any-root contradict each other", "give one");
    }
    if (chainFile != null && changesetFile == null) {
      throw new UsageException("--chain needs --changeset", "it is the chain of a saved changeset");
    }
    String host = changesetFile != null ? "" : server.url().getHost();
    Set<String> builtIn = CertificateChain.builtInRoots(host);
    return new Trusted(
        anyRoot ? Set.of() : roots.isEmpty() ? builtIn : roots,
        anyRoot || ContentSignature.isLoopback(host) ? WithoutRoots.WARN : WithoutRoots.REFUSE,
        !builtIn.isEmpty());
  }

  /** What came out for one collection. */
  sealed interface Judgement {}

  /** A signature is valid. */
  record Good(Valid verdict) implements Judgement {}

  /** No signature is valid, or none can be had. */
  record Bad(Invalid verdict) implements Judgement {}

  /** Newly configured: no signature, and never any record. */
  record Skipped() implements Judgement {}

  /** Nothing can be said of it. */
  record NoVerdict(String reason) implements Judgement {}

  /**
   * One collection, judged.
   *
   * @param signedOn the metadata's {@code last_modified}, epoch milliseconds; null if not read
   * @param timestamp of the records, epoch milliseconds; null if not read
   * @param warnings what is odd, though the verdict stands
   */
  record Outcome(
      Announced entry,
      Judgement judgement,
      Long signedOn,
      Long timestamp,
      List<String> warnings,
      Duration took) {}

  private Outcome judge(
      Announced entry,
      RemoteSettings remote,
      ContentSignature.ChainSource chains,
      Trusted trusted,
      Instant now) {
    long start = System.nanoTime();
    if (entry.problem() != null) {
      return unread(entry, new NoVerdict(entry.problem()), start);
    }
    Changeset changeset;
    try {
      changeset = remote.changeset(entry);
      boolean bare =
          ContentSignature.entries(changeset.metadata()).isEmpty()
              && changeset.records().isEmpty()
              && changeset.tombstones() == 0;
      if (bare && !remote.everHadRecords(entry)) {
        return unread(entry, new Skipped(), start);
      }
    } catch (ServerException e) {
      return unread(entry, notRead(e), start);
    }
    return judge(entry, changeset, chains, trusted, now, start);
  }

  private Outcome judge(
      Announced entry,
      Changeset changeset,
      ContentSignature.ChainSource chains,
      Trusted trusted,
      Instant now,
      long start) {
    Long signedOn =
        changeset.metadata().get("last_modified") instanceof Long number ? number : null;
    Set<Long> otherTimestamps = new LinkedHashSet<>();
    otherTimestamps.add(entry.timestamp());
    otherTimestamps.add(changeset.latest());
    if (signedOn != null) {
      otherTimestamps.add(signedOn);
    }
    Verdict verdict =
        ContentSignature.verify(
            new ContentSignature.Content(changeset.records(), changeset.timestamp()),
            ContentSignature.entries(changeset.metadata()),
            otherTimestamps,
            chains,
            new Trust(trusted.roots(), signerOf(entry.bucket(), trusted), now));
    Judgement judgement =
        switch (verdict) {
          case Valid valid
              when trusted.roots().isEmpty() && trusted.otherwise() == WithoutRoots.REFUSE ->
              new NoVerdict(noRoot(valid.chain().rootHash()));
          case Valid valid -> new Good(valid);
          case Invalid invalid -> new Bad(invalid);
        };
    return new Outcome(
        entry, judgement, signedOn, changeset.timestamp(), oddities(entry, changeset), took(start));
  }

  private static String noRoot(String seen) {
    return "no root to trust, seen %s: set ROOT_HASH".formatted(seen);
  }

  private String signerOf(String bucket, Trusted trusted) {
    return signer != null || !trusted.mozilla()
        ? signer
        : bucket.startsWith("security-state") ? "onecrl" : "remote-settings";
  }

  /** 401, 403 and 404 are findings, because clients cannot read the collection either. */
  private static Judgement notRead(ServerException e) {
    return switch (e.status()) {
      case 401, 403, 404 ->
          new Bad(
              new Invalid(List.of(new Refused(Cause.NOT_READABLE, "not readable: " + e.reason()))));
      default -> new NoVerdict(e.reason());
    };
  }

  private static Outcome unread(Announced entry, Judgement judgement, long start) {
    return new Outcome(entry, judgement, null, null, List.of(), took(start));
  }

  private static Duration took(long start) {
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private static List<String> oddities(Announced entry, Changeset changeset) {
    List<String> warnings = new ArrayList<>();
    if (changeset.timestamp() < entry.timestamp()) {
      warnings.add(
          "%s: the changeset is older than announced (%d, announced %d), past the caches too"
              .formatted(entry.name(), changeset.timestamp(), entry.timestamp()));
    }
    String huge = ids(changeset, record -> record.json().hugeIntegers());
    if (!huge.isEmpty()) {
      warnings.add(
          "%s: Firefox would compute other bytes, for integers beyond 2^53 in %s"
              .formatted(entry.name(), huge));
    }
    String keys = ids(changeset, record -> record.json().utf16OrderDiffers());
    if (!keys.isEmpty()) {
      warnings.add(
          "%s: Firefox would compute other bytes, for keys that UTF-16 sorts otherwise in %s"
              .formatted(entry.name(), keys));
    }
    return warnings;
  }

  private static String ids(Changeset changeset, Predicate<SignedRecord> predicate) {
    List<String> ids =
        changeset.records().stream().filter(predicate).map(SignedRecord::id).toList();
    return ids.isEmpty()
        ? ""
        : String.join(", ", ids.subList(0, Math.min(3, ids.size())))
            + (ids.size() > 3 ? " and %d more".formatted(ids.size() - 3) : "");
  }

  // ---- reading

  private Outcome judgeSaved(Chains chains, Trusted trusted, Instant now) throws UsageException {
    Changeset changeset;
    try (InputStream saved = Files.newInputStream(changesetFile)) {
      changeset = RemoteSettings.readChangeset(saved);
    } catch (IOException e) {
      throw new UsageException(
          "--changeset: \"%s\" is not a changeset: %s".formatted(changesetFile, reason(e)), null);
    }
    Announced entry =
        new Announced(
            name(changeset, "bucket"), name(changeset, "id"), changeset.timestamp(), null);
    return judge(entry, changeset, chains, trusted, now, System.nanoTime());
  }

  /** The chain of the saved changeset, whatever its x5u says. */
  private PemSource savedChain() throws UsageException {
    try {
      byte[] pem = Files.readAllBytes(chainFile);
      return _ -> pem;
    } catch (IOException e) {
      throw new UsageException(
          "--chain: \"%s\" cannot be read: %s".formatted(chainFile, reason(e)), null);
    }
  }

  private static String reason(IOException e) {
    return e instanceof java.nio.file.NoSuchFileException ? "no such file" : e.getMessage();
  }

  private static String name(Changeset changeset, String key) {
    return changeset.metadata().get(key) instanceof String name ? name : "?";
  }

  private static Outcome outcome(Announced entry, Future<Outcome> future, Report report)
      throws InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      report.unexpected(e.getCause());
      String reason =
          e.getCause() instanceof OutOfMemoryError ? "out of memory" : "unexpected " + e.getCause();
      return unread(entry, new NoVerdict(reason), System.nanoTime());
    }
  }

  /** Where a chain's PEM comes from. */
  private interface PemSource {
    byte[] read(URI x5u) throws ServerException;
  }

  /** The chains of a run: each read once per URL. */
  private static final class Chains implements ContentSignature.ChainSource {
    private final PemSource source;
    private final Map<URI, Fetched> fetched = new ConcurrentHashMap<>();

    Chains(PemSource source) {
      this.source = source;
    }

    /** The roots of those that are good but for what their root is worth. */
    Set<String> rootsSeen(Instant at) {
      Set<String> roots = new TreeSet<>();
      for (Fetched result : fetched.values()) {
        if (result.chain() != null && result.chain().isVerified(at)) {
          roots.add(result.chain().rootHash());
        }
      }
      return roots;
    }

    private record Fetched(CertificateChain chain, Refused refused) {}

    @Override
    public CertificateChain chain(URI x5u) throws Refused {
      Fetched result = fetched.computeIfAbsent(x5u, this::fetch);
      if (result.refused() != null) {
        throw result.refused();
      }
      return result.chain();
    }

    private Fetched fetch(URI x5u) {
      try {
        return new Fetched(CertificateChain.parse(source.read(x5u)), null);
      } catch (ServerException e) {
        return new Fetched(
            null,
            new Refused(
                Cause.CHAIN_NOT_REACHABLE,
                "the chain %s is not reachable: %s".formatted(x5u, e.reason()),
                e.hint()));
      } catch (Refused e) {
        return new Fetched(null, e);
      }
    }
  }

  // ---- rendering

  /** Prints outcomes as their turn comes, and what they add up to. */
  private final class Run {
    private final Report report;
    private final Trusted trusted;
    private final Chains chains;
    private final Instant now;
    private final List<Outcome> outcomes = new ArrayList<>();
    private int expected;

    Run(Report report, Trusted trusted, Chains chains, Instant now) {
      this.report = report;
      this.trusted = trusted;
      this.chains = chains;
      this.now = now;
    }

    void expect(int collections) {
      this.expected = collections;
    }

    void report(Outcome outcome) {
      synchronized (report) {
        outcomes.add(outcome);
        Status status = status(outcome.judgement());
        report.result(
            status,
            "%02d/%02d %s:  %s"
                .formatted(
                    outcomes.size(),
                    expected,
                    Report.clean(outcome.entry().path()),
                    word(outcome, status)),
            json(outcome));
        outcome.warnings().forEach(report::warn);
        refused(outcome.judgement())
            .forEach(refused ->
                report.note(
                    "%s: a signature is refused: %s"
                        .formatted(outcome.entry().name(), refused.getMessage())));
      }
    }

    private static Status status(Judgement judgement) {
      return switch (judgement) {
        case Good _, Skipped _ -> Status.GOOD;
        case Bad _ -> Status.BAD;
        case NoVerdict _ -> Status.UNKNOWN;
      };
    }

    private String word(Outcome outcome, Status status) {
      return switch (outcome.judgement()) {
        case Good _ ->
            String.format(
                Locale.ROOT,
                "%s (%.2fs)",
                report.word(status, "OK"),
                outcome.took().toNanos() / 1e9);
        case Bad _ -> report.word(status, "⚠ BAD Signature ⚠");
        case Skipped _ -> "SKIP";
        case NoVerdict(String reason) ->
            "%s (%s)".formatted(report.word(status, "NO VERDICT"), Report.clean(reason));
      };
    }

    private static List<Refused> refused(Judgement judgement) {
      return switch (judgement) {
        case Good(Valid valid) -> valid.refused();
        case Bad(Invalid invalid) -> invalid.refused();
        default -> List.of();
      };
    }

    private Map<String, Object> json(Outcome outcome) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("bucket", Report.clean(outcome.entry().bucket()));
      json.put("collection", Report.clean(outcome.entry().collection()));
      switch (outcome.judgement()) {
        case Good(Valid valid) -> {
          json.put("status", "ok");
          json.put("root", valid.chain().rootHash());
          json.put("leaf_ends", valid.chain().leafEnd().toString());
        }
        case Bad(Invalid invalid) -> {
          json.put("status", "bad");
          json.put("cause", invalid.reason().cause().slug());
          json.put("reason", Report.clean(invalid.reason().getMessage()));
          json.put("hint", invalid.reason().hint());
        }
        case Skipped _ -> json.put("status", "skip");
        case NoVerdict(String reason) -> {
          json.put("status", "no-verdict");
          json.put("reason", Report.clean(reason));
        }
      }
      json.put("announced", outcome.entry().timestamp());
      json.put("signed_on", outcome.signedOn());
      json.put("timestamp", outcome.timestamp());
      json.put("warnings", outcome.warnings().stream().map(Report::clean).toList());
      return json;
    }

    /** Ctrl-C: what is finished but waits for its turn is printed too. */
    void interrupted(List<Future<Outcome>> futures) {
      for (int i = outcomes.size(); i < futures.size(); i++) {
        if (futures.get(i).state() == Future.State.SUCCESS) {
          report(futures.get(i).resultNow());
        }
      }
      details();
      report.summary("interrupted: " + counts());
    }

    void end() {
      report.onInterrupt(() -> {}); // all is said below
      roots();
      String expiry = expiry();
      details();
      report.summary(counts() + expiry);
      Map<String, String> bad = new LinkedHashMap<>();
      Map<String, String> unknown = new LinkedHashMap<>();
      for (Outcome outcome : outcomes) {
        switch (outcome.judgement()) {
          case Bad(Invalid invalid) ->
              bad.put(outcome.entry().name(), invalid.reason().getMessage());
          case NoVerdict(String reason) -> unknown.put(outcome.entry().name(), reason);
          case Good _, Skipped _ -> {}
        }
      }
      failedCheck("Signature verification failed on ", bad);
      failedCheck("No verdict on ", unknown);
    }

    private void failedCheck(String message, Map<String, String> reasons) {
      if (!reasons.isEmpty()) {
        report.failedCheck(message + String.join(", ", reasons.keySet()), reasons);
      }
    }

    /** Says which roots were believed, or would have to be, where none was known beforehand. */
    private void roots() {
      Set<String> seen = chains.rootsSeen(now);
      if (!trusted.roots().isEmpty() || seen.isEmpty()) {
        return;
      }
      if (trusted.otherwise() == WithoutRoots.WARN) {
        report.warn(
            "any root is trusted here, seen %s: pin it with ROOT_HASH"
                .formatted(String.join(", ", seen)));
      } else {
        seen.forEach(root ->
            report.error(noRoot(root), "compare it with one you know to be right, or --any-root"));
      }
    }

    /** The days that the leaves have left; warns of each that ends soon. */
    private String expiry() {
      Map<CertificateChain, List<String>> names = new LinkedHashMap<>();
      for (Outcome outcome : outcomes) {
        if (outcome.judgement() instanceof Good(Valid valid)) {
          names.computeIfAbsent(valid.chain(), _ -> new ArrayList<>()).add(outcome.entry().name());
        }
      }
      Instant first = null;
      for (Map.Entry<CertificateChain, List<String>> entry : names.entrySet()) {
        Instant end = entry.getKey().leafEnd();
        first = first == null || end.isBefore(first) ? end : first;
        Duration warning =
            certificateWarnDays != null
                ? Duration.ofDays(certificateWarnDays)
                : entry.getKey().usualWarning();
        if (now.plus(warning).isAfter(end)) {
          String sentence =
              "the leaf of %s ends in %s (%s)"
                  .formatted(named(entry.getValue()), days(end), day(end));
          if (strict) {
            report.finding(sentence);
          } else {
            report.warn(sentence);
          }
        }
      }
      return first == null ? "" : "; first leaf ends in %s (%s)".formatted(days(first), day(first));
    }

    private String days(Instant end) {
      long days = Duration.between(now, end).toDays();
      return days + (days == 1 ? " day" : " days");
    }

    private static String day(Instant instant) {
      return DateTimeFormatter.ISO_LOCAL_DATE.withZone(ZoneOffset.UTC).format(instant);
    }

    private static String named(List<String> names) {
      return names.getFirst()
          + (names.size() > 1 ? " and %d more".formatted(names.size() - 1) : "");
    }

    private void details() {
      for (Outcome outcome : outcomes) {
        if (outcome.judgement() instanceof Bad(Invalid invalid)) {
          report.details(
              "Signature verification failed on "
                  + Report.clean(outcome.entry().path())
                  + "\n - Signed on: "
                  + moment(outcome.signedOn())
                  + "\n - Records timestamp: "
                  + moment(outcome.timestamp())
                  + "\n - Cause: "
                  + Report.clean(invalid.reason().getMessage()));
        }
      }
      Set<String> hints = new LinkedHashSet<>();
      for (Outcome outcome : outcomes) {
        if (outcome.judgement() instanceof Bad(Invalid invalid)
            && invalid.reason().hint() != null) {
          hints.add(invalid.reason().hint());
        }
      }
      hints.forEach(report::hint);
    }

    private static String moment(Long timestamp) {
      return timestamp == null
          ? "unknown"
          : timestamp
              + DateTimeFormatter.ofPattern(" (uuuu-MM-dd HH:mm:ss 'UTC')", Locale.ROOT)
                  .withZone(ZoneOffset.UTC)
                  .format(Instant.ofEpochMilli(timestamp));
    }

    private String counts() {
      List<String> counts = new ArrayList<>();
      int ok = names(Good.class).size();
      int skipped = names(Skipped.class).size();
      counts.add(ok + " OK");
      if (skipped > 0) {
        counts.add(skipped + " SKIP");
      }
      add(counts, names(Bad.class), "BAD");
      add(counts, names(NoVerdict.class), "NO VERDICT");
      int missing = expected - outcomes.size();
      if (missing > 0) {
        counts.add(missing + " not looked at");
      }
      return "%d collection%s: %s"
          .formatted(expected, expected == 1 ? "" : "s", String.join(", ", counts));
    }

    private static void add(List<String> counts, List<String> names, String word) {
      if (!names.isEmpty()) {
        counts.add("%d %s (%s)".formatted(names.size(), word, String.join(", ", names)));
      }
    }

    private List<String> names(Class<? extends Judgement> kind) {
      return outcomes.stream()
          .filter(outcome -> kind.isInstance(outcome.judgement()))
          .map(outcome -> outcome.entry().name())
          .toList();
    }
  }

  // ---- converters: each message completes "VALUE is not …"

  private static final class RootHashConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      String hex = Settings.entries(List.of(value)).stream().findFirst().orElse("");
      String digits = hex.replace(":", "").toUpperCase(Locale.ROOT);
      if (!hex.isEmpty() && !digits.matches("[0-9A-F]{64}")) {
        throw new TypeConversionException("a SHA-256 in hex, like C8:A8:0E:…");
      }
      return digits.replaceAll("(..)(?!$)", "$1:");
    }
  }

  private static final class DaysConverter extends Settings.WholeNumber {
    DaysConverter() {
      super(0, 3650);
    }
  }

  private static final class InstantConverter implements ITypeConverter<Instant> {
    @Override
    public Instant convert(String value) {
      try {
        return OffsetDateTime.parse(value.strip()).toInstant();
      } catch (DateTimeParseException e) {
        throw new TypeConversionException("a moment like 2026-11-24T12:00:00Z");
      }
    }
  }
}
