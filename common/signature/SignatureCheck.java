//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES ../Changesets.java ../Display.java ../Guard.java ../InOrder.java ../RemoteSettings.java
//SOURCES ../Report.java ../ServerException.java ../Tally.java ../Urls.java ../UsageException.java
//SOURCES ../Values.java CertificateChain.java ChainAddresses.java ContentSignature.java
//SOURCES MozillaRoots.java

package common.signature;

import common.Changesets.Changeset;
import common.Changesets.SignedRecord;
import common.Display;
import common.Guard;
import common.InOrder;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.Report;
import common.Report.Status;
import common.ServerException;
import common.Tally;
import common.Urls;
import common.UsageException;
import common.Values;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import common.signature.ContentSignature.Invalid;
import common.signature.ContentSignature.Trust;
import common.signature.ContentSignature.Undecided;
import common.signature.ContentSignature.Valid;
import common.signature.ContentSignature.Verdict;
import common.signature.ContentSignature.Warning;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import picocli.CommandLine.Option;

/**
 * The check of a published collection's signature, from reading it to printing the result
 * (docs/specification.md, <i>validate_signature</i>). {@code validate_signature} is this check;
 * {@code refresh_signature --verify} ends with it.
 *
 * <p>Steps 1 to 4 of <i>Client specifications › Signature Verification</i> are in {@link
 * ContentSignature} and {@link CertificateChain}.
 */
public final class SignatureCheck {

  /** Settings: whose signatures are trusted. */
  public static final class Signers {
    @Option(
        names = "--root-hash",
        paramLabel = "HASH",
        split = ",",
        converter = RootHashConverter.class,
        description =
            "SHA-256 of the roots to trust, colon hex, comma separated; unset: Mozilla's own on its"
                + " hosts, any on loopback, else none")
    List<String> rootHashes;

    @Option(names = "--any-root", description = "trust whatever root a chain ends in")
    boolean anyRoot;

    @Option(
        names = "--signer",
        paramLabel = "NAME",
        description =
            "name before .content-signature.mozilla.org that the leaf must carry; unset: onecrl for"
                + " *security-state* and remote-settings for the rest; another is bad on Mozilla's"
                + " hosts and under its roots, else a warning")
    String signer;

    /**
     * The roots that are trusted, in colon hex; empty if any is, or none is known.
     *
     * @param host of the server, whose roots may be built in; empty for none
     * @param now the moment at which certificates must be valid
     */
    private Set<String> roots(String host, Instant now) throws UsageException {
      Set<String> given = new LinkedHashSet<>(Values.entries(rootHashes));
      if (anyRoot && !given.isEmpty()) {
        throw new UsageException("ROOT_HASH and --any-root contradict each other", "give one");
      }
      return anyRoot ? Set.of() : given.isEmpty() ? MozillaRoots.builtIn(host, now) : given;
    }

    /**
     * Reads chains as clients do, from where {@code x5u} leads, if that is allowed.
     *
     * @param server whose collections are judged; null for a saved changeset
     */
    public PemSource chains(RemoteSettings remote, URI server, Instant now) throws UsageException {
      boolean rootPinned = !roots(server == null ? "" : server.getHost(), now).isEmpty();
      ChainAddresses addresses =
          new ChainAddresses(server, server == null ? null : remote::chainsBase, rootPinned);
      return x5u -> {
        URI url = addresses.resolve(x5u);
        try {
          return remote.chain(url, Guard.of(addresses::refusal));
        } catch (ServerException e) {
          String message =
              "the chain %s is not reachable: %s"
                  .formatted(ContentSignature.shown(url.toString()), e.reason());
          throw new Refused(Cause.CHAIN_NOT_REACHABLE, message, e.hint());
        }
      };
    }
  }

  /** Where a chain's PEM comes from. */
  public interface PemSource {
    /**
     * @param x5u as the signature's entry has it
     */
    byte[] read(String x5u) throws Refused;
  }

  /** The result for one collection. */
  public sealed interface Judgement {}

  /** A signature is valid. */
  public record Good(Valid verdict) implements Judgement {}

  /** No signature is valid, or none can be read. */
  public record Bad(Invalid verdict) implements Judgement {}

  /** Newly configured: no signature, and never any record. */
  public record Skipped() implements Judgement {}

  /**
   * It could not be judged.
   *
   * @param hint what to do about it, or null
   */
  public record NoVerdict(String reason, String hint) implements Judgement {}

  /**
   * One collection, judged.
   *
   * @param signedOn the metadata's {@code last_modified}, epoch milliseconds; null if not read
   * @param timestamp of the records, epoch milliseconds; null if not read
   * @param warnings what is odd, though the verdict stands
   */
  public record Outcome(
      Announced entry,
      Judgement judgement,
      Long signedOn,
      Long timestamp,
      List<String> warnings,
      Duration took) {}

  /** What to do with a chain that is valid except for its root, when no root is known. */
  private enum WithoutRoots {
    WARN,
    REFUSE
  }

  private final Report report;
  private final Instant now;
  private final PemSource pem;
  private final Map<String, Fetched> chains = new ConcurrentHashMap<>(); // each read once
  private final Set<String> roots; // colon hex; empty if there are none to compare with
  private final WithoutRoots withoutRoots;
  private final String signer; // null if it depends on the bucket
  private final boolean signerDemanded;
  private final List<Outcome> outcomes = new ArrayList<>();
  private Tally tally;
  private int expected;

  /**
   * @param host of the server, whose roots may be built in; empty for none
   * @param now the moment at which certificates must be valid
   */
  public SignatureCheck(Signers signers, String host, PemSource pem, Instant now, Report report)
      throws UsageException {
    this.report = report;
    this.now = now;
    this.pem = pem;
    this.roots = signers.roots(host, now);
    this.withoutRoots =
        signers.anyRoot || Urls.isLoopback(host) ? WithoutRoots.WARN : WithoutRoots.REFUSE;
    this.signer = signers.signer;
    this.signerDemanded = signer != null || MozillaRoots.isMozilla(host);
  }

  // ---- judging

  /** Where a collection's changeset comes from. */
  public interface Source {
    /** Returns null for a newly configured one. */
    Changeset read() throws ServerException;
  }

  /**
   * Judges several collections at once, and prints the results.
   *
   * @param judge one of the two methods of that name
   * @param interrupted prints what the outcomes so far add up to
   */
  public void judgeAll(
      List<Announced> entries,
      int parallel,
      InOrder.Task<Announced, Outcome> judge,
      Runnable interrupted)
      throws InterruptedException {
    expected = entries.size();
    tally = new Tally("collection", expected, "OK", "SKIP", "BAD", "NO VERDICT");
    InOrder.run(
        report, entries, parallel, judge, SignatureCheck::noVerdict, this::show, interrupted);
  }

  /** Reads a collection and judges it; one that is newly configured is skipped. */
  public Outcome judge(RemoteSettings remote, Announced entry) {
    return entry.problem() != null
        ? noVerdict(entry, entry.problem())
        : judge(
            entry,
            () -> {
              Changeset changeset = remote.changeset(entry);
              boolean isBare =
                  ContentSignature.entries(changeset.metadata()).isEmpty()
                      && changeset.records().isEmpty()
                      && changeset.tombstones() == 0;
              return isBare && !remote.everHadRecords(entry) ? null : changeset;
            });
  }

  /** Reads a collection in some other way and judges it. */
  public Outcome judge(Announced entry, Source source) {
    long start = System.nanoTime();
    try {
      Changeset changeset = source.read();
      if (changeset == null) {
        return unread(entry, new Skipped());
      }
      Long signedOn =
          changeset.metadata().get("last_modified") instanceof Long number ? number : null;
      return new Outcome(
          entry,
          judge(entry, changeset, signedOn),
          signedOn,
          changeset.timestamp(),
          oddities(entry, changeset),
          Duration.ofNanos(System.nanoTime() - start));
    } catch (ServerException e) {
      return unread(entry, notRead(e));
    }
  }

  private Judgement judge(Announced entry, Changeset changeset, Long signedOn) {
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
            this::chain,
            new Trust(roots, signerOf(entry.bucket()), signerDemanded, now));
    return switch (verdict) {
      case Valid valid when roots.isEmpty() && withoutRoots == WithoutRoots.REFUSE ->
          new NoVerdict(noRoot(valid.chain().rootHash()), null);
      case Valid valid -> new Good(valid);
      case Invalid invalid -> new Bad(invalid);
      case Undecided(Refused reason) -> new NoVerdict(reason.getMessage(), reason.hint());
    };
  }

  private static Outcome noVerdict(Announced entry, String reason) {
    return unread(entry, new NoVerdict(reason, null));
  }

  private static String noRoot(String seen) {
    return "no root to trust, seen %s: set ROOT_HASH".formatted(seen);
  }

  /** Which signer clients ask for, unless the user demands another. */
  private String signerOf(String bucket) {
    return signer != null
        ? signer
        : bucket.contains("security-state") ? "onecrl" : "remote-settings";
  }

  /** 401, 403 and 404 are findings, because clients cannot read the collection either. */
  private static Judgement notRead(ServerException e) {
    return switch (e.status()) {
      case 401, 403, 404 ->
          new Bad(
              new Invalid(List.of(new Refused(Cause.NOT_READABLE, "not readable: " + e.reason()))));
      default -> new NoVerdict(e.reason(), null);
    };
  }

  private static Outcome unread(Announced entry, Judgement judgement) {
    return new Outcome(entry, judgement, null, null, List.of(), Duration.ZERO);
  }

  private static List<String> oddities(Announced entry, Changeset changeset) {
    List<String> warnings = new ArrayList<>();
    if (changeset.timestamp() < entry.timestamp()) {
      warnings.add(
          "%s: the changeset is older than announced (%d, announced %d), even past the caches"
              .formatted(entry.name(), changeset.timestamp(), entry.timestamp()));
    }
    Map<String, Predicate<SignedRecord>> otherBytes = new LinkedHashMap<>();
    otherBytes.put("integers beyond 2^53", record -> record.json().hugeIntegers());
    otherBytes.put(
        "keys that UTF-16 sorts differently", record -> record.json().utf16OrderDiffers());
    otherBytes.forEach((what, isOdd) -> {
      List<String> ids = changeset.records().stream().filter(isOdd).map(SignedRecord::id).toList();
      if (!ids.isEmpty()) {
        warnings.add(
            "%s: Firefox would compute other bytes, for %s in %s"
                .formatted(entry.name(), what, Display.some(ids, 3)));
      }
    });
    return warnings;
  }

  /** A chain, or why there is none. */
  private record Fetched(CertificateChain chain, Refused refused) {}

  private CertificateChain chain(String x5u) throws Refused {
    Fetched result = chains.computeIfAbsent(x5u, this::fetch);
    if (result.refused() != null) {
      throw result.refused();
    }
    return result.chain();
  }

  private Fetched fetch(String x5u) {
    try {
      return new Fetched(CertificateChain.parse(pem.read(x5u)), null);
    } catch (Refused e) {
      return new Fetched(null, e);
    }
  }

  // ---- rendering

  /** Prints an outcome: {@code 01/17 /buckets/main/collections/cfr: OK (0.02s)}. */
  private void show(Outcome outcome) {
    outcomes.add(outcome);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("check", "signature");
    json.putAll(outcome.entry().place().json());
    switch (outcome.judgement()) {
      case Good(Valid valid) -> {
        json.put("status", "ok");
        json.put("root", valid.chain().rootHash());
        json.put("leaf_ends", valid.chain().leafEnd().toString());
        String seconds = String.format(Locale.ROOT, " (%.2fs)", outcome.took().toNanos() / 1e9);
        show(outcome, Status.GOOD, "OK", report.word(Status.GOOD, "OK") + seconds, null, json);
        explain(outcome, valid.refused());
      }
      case Bad(Invalid invalid) -> {
        String reason = invalid.reason().getMessage();
        json.put("status", "bad");
        json.put("cause", invalid.reason().cause().slug());
        json.put("reason", Display.clean(reason));
        json.put("hint", invalid.reason().hint());
        String bad = report.word(Status.BAD, "⚠ BAD Signature ⚠");
        show(outcome, Status.BAD, "BAD", bad, reason, json);
        explain(outcome, invalid.refused());
      }
      case Skipped _ -> {
        json.put("status", "skip");
        show(outcome, Status.GOOD, "SKIP", "SKIP", null, json);
      }
      case NoVerdict(String reason, String hint) -> {
        json.put("status", "no-verdict");
        json.put("reason", Display.clean(reason));
        show(outcome, Status.UNKNOWN, "NO VERDICT", report.noVerdict(reason), reason, json);
        report.hint(hint);
      }
    }
  }

  private void show(
      Outcome outcome,
      Status status,
      String word,
      String shown,
      String reason,
      Map<String, Object> json) {
    Announced entry = outcome.entry();
    tally.add(entry.name(), status, word, reason);
    json.put("announced", entry.timestamp());
    json.put("signed_on", outcome.signedOn());
    json.put("timestamp", outcome.timestamp());
    List<String> warnings = new ArrayList<>(outcome.warnings());
    if (outcome.judgement() instanceof Good(Valid valid)) {
      valid.warnings().forEach(it -> warnings.add(it.about(entry.name())));
    }
    json.put("warnings", warnings.stream().map(Display::clean).toList());
    report.result(
        status,
        "%02d/%02d %s:  %s"
            .formatted(outcomes.size(), expected, Display.clean(entry.path()), shown),
        json);
    outcome.warnings().forEach(report::warn);
  }

  private void explain(Outcome outcome, List<Refused> refused) {
    for (Refused one : refused) {
      report.note(
          "%s: a signature is refused: %s".formatted(outcome.entry().name(), one.getMessage()));
    }
  }

  /** Says which roots were trusted, or would have to be, if none was configured or built in. */
  public void showRoots() {
    Set<String> seen = new TreeSet<>(); // of chains that are valid except for their root
    for (Fetched result : chains.values()) {
      if (result.chain() != null && result.chain().isVerified(now)) {
        seen.add(result.chain().rootHash());
      }
    }
    if (!roots.isEmpty() || seen.isEmpty()) {
      return;
    }
    if (withoutRoots == WithoutRoots.WARN) {
      report.warn(
          "any root is trusted here, seen %s: pin it with ROOT_HASH"
              .formatted(String.join(", ", seen)));
    } else {
      seen.forEach(root ->
          report.error(
              noRoot(root),
              MozillaRoots.whose(root).map(sentence -> sentence + "; ").orElse("")
                  + "compare it with one that you know to be right, or use --any-root"));
    }
  }

  /** Warns about valid signatures that are odd, once for all collections that share a chain. */
  public void showWarnings() {
    record Shared(CertificateChain chain, Warning warning) {}
    Map<Shared, List<String>> names = new LinkedHashMap<>();
    for (Outcome outcome : outcomes) {
      if (outcome.judgement() instanceof Good(Valid valid)) {
        for (Warning warning : valid.warnings()) {
          names
              .computeIfAbsent(new Shared(valid.chain(), warning), _ -> new ArrayList<>())
              .add(outcome.entry().name());
        }
      }
    }
    names.forEach((shared, some) -> report.warn(shared.warning().about(Display.some(some, 1))));
  }

  /** Prints, for each bad collection, what is wrong with it, then what to do. */
  public void showDetails() {
    List<String> hints = new ArrayList<>();
    for (Outcome outcome : outcomes) {
      if (outcome.judgement() instanceof Bad(Invalid invalid)) {
        report.details(
            """
            Signature verification failed on %s
             - Signed on: %s
             - Records timestamp: %s
             - Cause: %s\
            """
                .formatted(
                    Display.clean(outcome.entry().path()),
                    moment(outcome.signedOn()),
                    moment(outcome.timestamp()),
                    Display.clean(invalid.reason().getMessage())));
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

  /** Counts for the summary. */
  public String counts() {
    return tally.counts();
  }

  /** The collections whose signature is valid, by its chain. */
  public Map<CertificateChain, List<String>> chains() {
    Map<CertificateChain, List<String>> names = new LinkedHashMap<>();
    for (Outcome outcome : outcomes) {
      if (outcome.judgement() instanceof Good(Valid valid)) {
        names.computeIfAbsent(valid.chain(), _ -> new ArrayList<>()).add(outcome.entry().name());
      }
    }
    return names;
  }

  /** Tells Sentry what is wrong. */
  public void reportFailures() {
    tally.tell(report, Status.BAD, "Signature verification failed on %s");
    tally.tell(report, Status.UNKNOWN, "No verdict on %s");
  }

  private static final class RootHashConverter extends Values.Converter<String> {
    RootHashConverter() {
      super("a SHA-256 in hex, like C8:A8:0E:…", SignatureCheck::rootHash);
    }
  }

  private static String rootHash(String text) {
    String hex = Values.entries(List.of(text)).stream().findFirst().orElse("");
    String digits = hex.replace(":", "").toUpperCase(Locale.ROOT);
    return hex.isEmpty() || digits.matches("[0-9A-F]{64}")
        ? digits.replaceAll("(..)(?!$)", "$1:")
        : null;
  }
}
