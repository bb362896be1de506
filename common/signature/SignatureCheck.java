//JAVA 25+
//SOURCES ../Advice.java ../Changesets.java ../Display.java ../Guard.java ../RemoteSettings.java
//SOURCES ../RunDeadline.java ../ServerException.java ../Urls.java ../UsageException.java
//SOURCES CertificateChain.java ChainAddresses.java ClientDifferences.java ContentSignature.java
//SOURCES MozillaRoots.java TrustSettings.java

package common.signature;

import common.Advice;
import common.Advice.Runbook;
import common.Changesets.Changeset;
import common.Display;
import common.Guard;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.RunDeadline;
import common.ServerException;
import common.Urls;
import common.UsageException;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import common.signature.ContentSignature.Content;
import common.signature.ContentSignature.Invalid;
import common.signature.ContentSignature.Signatures;
import common.signature.ContentSignature.Undecided;
import common.signature.ContentSignature.Valid;
import common.signature.ContentSignature.Verdict;
import common.signature.ContentSignature.Warning;
import common.signature.TrustSettings.Trusted;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Judges the signatures of published collections, each as it is read (docs/specification.md,
 * <i>validate_signature</i>). {@link SignatureReport} prints the results.
 *
 * <p>Steps 1 to 4 of <i>Client specifications › Signature Verification</i> are in {@link
 * ContentSignature} and {@link CertificateChain}.
 */
public final class SignatureCheck {

  /** A reader does not tell a collection that is new from one whose records were deleted. */
  private static final Warning UNSIGNED =
      new Warning(
          "",
          ": empty and not signed, though today's servers sign a collection when it is created");

  /** Where a chain's PEM comes from. */
  private interface PemSource {
    /**
     * @param x5u as the signature's entry has it
     */
    byte[] read(String x5u) throws Refused;
  }

  /** Where a collection's changeset comes from. */
  public interface Source {
    /** Returns null for a newly configured one. */
    Changeset read() throws ServerException;
  }

  /** The result for one collection. */
  public sealed interface Judgement {}

  /** A signature is valid. */
  public record Good(Valid verdict) implements Judgement {}

  /** No signature is valid, or none can be read. */
  public record Bad(Invalid verdict) implements Judgement {}

  /** Newly configured: no signature, and never any record. */
  public record Skipped() implements Judgement {}

  /** It could not be judged. */
  public record NoVerdict(String reason, Advice advice) implements Judgement {}

  /**
   * The chain of a signature.
   *
   * @param x5u as the signature's entry has it
   * @param chain null if it cannot be read; if the verdict depends on that, it says why
   */
  public record Served(String x5u, CertificateChain chain) {}

  /**
   * One collection, judged.
   *
   * @param signedOn the metadata's {@code last_modified}, epoch milliseconds; null if not read
   * @param timestamp of the records, epoch milliseconds; null if not read
   * @param records how many were read
   * @param chains of all its signatures, valid or not
   * @param warnings what some clients do not take, though the verdict stands
   */
  public record Outcome(
      Announced entry,
      Judgement judgement,
      Long signedOn,
      Long timestamp,
      int records,
      List<Served> chains,
      List<Warning> warnings,
      Duration took) {

    private Outcome bad(Refused reason) {
      Bad bad = new Bad(new Invalid(reason, refused()));
      return new Outcome(entry, bad, signedOn, timestamp, records, chains, warnings, took);
    }

    /** What was wrong with the signatures that were tried. */
    List<Refused> refused() {
      return switch (judgement) {
        case Good(Valid valid) -> valid.refused();
        case Bad(Invalid invalid) -> invalid.refused();
        default -> List.of();
      };
    }

    boolean isBadFor(Cause cause) {
      return judgement instanceof Bad(Invalid invalid) && invalid.reason().cause() == cause;
    }
  }

  private final Trusted trusted;
  private final RemoteSettings remote; // null for a saved changeset
  private final PemSource pem;
  private final boolean onlyCertificates;
  private final Map<String, Fetched> chains = new ConcurrentHashMap<>(); // each read once

  /**
   * @param server whose roots may be built in; null for a saved changeset
   * @param remote reads chains
   * @param savedChain in PEM, used whatever an x5u says; null if there is none
   * @param onlyCertificates whether chains are verified, but not what was signed
   * @param now the moment at which certificates must be valid
   */
  public SignatureCheck(
      TrustSettings settings,
      URI server,
      RemoteSettings remote,
      byte[] savedChain,
      boolean onlyCertificates,
      Instant now)
      throws UsageException {
    this.trusted = settings.trusted(server == null ? "" : Urls.host(server), now);
    this.remote = server == null ? null : remote;
    ChainAddresses addresses =
        new ChainAddresses(
            server, server == null ? null : remote::chainsBase, !trusted.roots().isEmpty());
    this.pem = savedChain != null ? _ -> savedChain : x5u -> read(x5u, addresses, remote);
    this.onlyCertificates = onlyCertificates;
  }

  /** Whom it trusts. */
  Trusted trusted() {
    return trusted;
  }

  /**
   * Reads a collection and judges it; one that is newly configured is skipped. One that is bad is
   * read once more past the caches, to tell a cache from the server.
   */
  public Outcome judge(RemoteSettings remote, Announced entry) {
    if (entry.problem() != null) {
      return unread(entry, new NoVerdict(entry.problem(), Advice.ODD_ENTRY));
    }
    if (onlyCertificates) {
      return judge(entry, unlessBare(remote, entry, () -> remote.freshMetadata(entry)));
    }
    Outcome outcome = judge(entry, unlessBare(remote, entry, () -> remote.changeset(entry)));
    if (outcome.judgement() instanceof Bad) {
      Outcome again = judge(entry, unlessBare(remote, entry, () -> remote.fresh(entry.place())));
      if (again.judgement() instanceof Good || again.judgement() instanceof Skipped) {
        return outcome.bad(cached(again));
      }
      if (again.judgement() instanceof NoVerdict(_, Advice advice)
          && RunDeadline.HINT.equals(advice.hint())) {
        return again; // the second reading is owed
      }
    }
    return cut(remote, outcome).map(outcome::bad).orElse(outcome);
  }

  /** Reads a collection in some other way and judges it. */
  public Outcome judge(Announced entry, Source source) {
    long start = System.nanoTime();
    try {
      Changeset changeset = source.read();
      if (changeset == null) {
        return unread(entry, new Skipped(), isReader() ? List.of(UNSIGNED) : List.of());
      }
      Signatures signatures = ContentSignature.signatures(changeset.metadata());
      Long signedOn =
          changeset.metadata().get("last_modified") instanceof Long number ? number : null;
      Judgement judgement = judge(entry, signatures, changeset, signedOn);
      List<Warning> warnings = onlyCertificates ? new ArrayList<>() : oddities(entry, changeset);
      if (judgement instanceof Good(Valid valid)) {
        warnings.addAll(valid.warnings());
      }
      return new Outcome(
          entry,
          judgement,
          signedOn,
          changeset.timestamp(),
          changeset.records().size(),
          chains(signatures),
          warnings,
          Duration.ofNanos(System.nanoTime() - start));
    } catch (ServerException e) {
      return unread(entry, notRead(e));
    }
  }

  private boolean isReader() throws ServerException {
    return remote != null && remote.isReader();
  }

  private Judgement judge(
      Announced entry, Signatures signatures, Changeset changeset, Long signedOn)
      throws ServerException {
    Set<Long> otherTimestamps = new LinkedHashSet<>();
    otherTimestamps.add(entry.timestamp());
    otherTimestamps.add(changeset.latest());
    if (signedOn != null) {
      otherTimestamps.add(signedOn);
    }
    Verdict verdict =
        ContentSignature.verify(
            signatures,
            onlyCertificates
                ? ContentSignature.UNREAD
                : new Content(changeset.records(), changeset.timestamp(), otherTimestamps),
            this::chain,
            // whether there is a list matters only where there is none
            trusted.of(entry.bucket(), signatures.list() != null && isReader()));
    return switch (verdict) {
      case Valid valid when valid.chain() != null && trusted.isUndecided() ->
          new NoVerdict(noRoot(valid.chain().rootHash()), compareRoot(valid.chain().rootHash()));
      case Valid valid -> new Good(valid);
      case Invalid invalid -> new Bad(invalid);
      case Undecided(Refused reason) -> new NoVerdict(reason.getMessage(), reason.advice());
    };
  }

  static String noRoot(String seen) {
    return "no root to trust, seen %s: set ROOT_HASH".formatted(seen);
  }

  static Advice compareRoot(String seen) {
    String whose = MozillaRoots.whose(seen).map(sentence -> sentence + "; ").orElse("");
    String hint = whose + "compare it with one that you know to be right, or use --any-root";
    return new Advice("no-root", hint, Runbook.NO_VERDICT);
  }

  /** What could not be judged, for a reason that nobody expects. */
  static Outcome unexpected(Announced entry, String reason) {
    return unread(entry, new NoVerdict(reason, Advice.UNEXPECTED));
  }

  private static Outcome unread(Announced entry, Judgement judgement) {
    return unread(entry, judgement, List.of());
  }

  private static Outcome unread(Announced entry, Judgement judgement, List<Warning> warnings) {
    return new Outcome(entry, judgement, null, null, 0, List.of(), warnings, Duration.ZERO);
  }

  /** That it is not readable is a finding, because clients cannot read the collection either. */
  private static Judgement notRead(ServerException e) {
    if (e.isNotReadable()) {
      Refused reason = new Refused(Cause.NOT_READABLE, "not readable: " + e.reason());
      return new Bad(new Invalid(reason, List.of(reason)));
    }
    return new NoVerdict(e.reason(), e.advice());
  }

  // ---- reading

  private static Source unlessBare(RemoteSettings remote, Announced entry, Source source) {
    return () -> {
      Changeset changeset = source.read();
      boolean isBare =
          ContentSignature.signatures(changeset.metadata()).entries().isEmpty()
              && changeset.records().isEmpty()
              && changeset.tombstones() == 0;
      boolean isNew = isBare && (remote.isReader() || !remote.everHadRecords(entry));
      return isNew ? null : changeset;
    };
  }

  private static Refused cached(Outcome fresh) {
    String reason =
        "a cache serves what the server no longer has:"
            + " the server's is signed on %s, records timestamp %s";
    return new Refused(
        Cause.CACHED,
        reason.formatted(Display.moment(fresh.signedOn()), Display.moment(fresh.timestamp())));
  }

  /** Whether the server left out records, though it signed all of them. */
  private static Optional<Refused> cut(RemoteSettings remote, Outcome outcome) {
    boolean isRound =
        outcome.records() > 0 && outcome.records() % RemoteSettings.LIMITS_END_WITH == 0;
    if (!outcome.isBadFor(Cause.RECORDS_DIFFER)
        && !(isRound && outcome.judgement() instanceof Good)) {
      return Optional.empty();
    }
    try {
      if (remote.isReader()) {
        return Optional.of(outcome.records())
            .filter(records -> records == RemoteSettings.USUAL_LIMIT)
            .filter(_ -> !(outcome.judgement() instanceof Good))
            .map(SignatureCheck::mayBeCut);
      }
      return remote
          .total(outcome.entry().place(), outcome.timestamp())
          .filter(total -> total > outcome.records())
          .map(total ->
              new Refused(
                  Cause.CUT,
                  "%d of %d records are served: the server cuts the list at its limit"
                      .formatted(outcome.records(), total)));
    } catch (ServerException e) {
      return Optional.empty(); // the verdict does not depend on it
    }
  }

  private static Refused mayBeCut(int records) {
    return new Refused(
        Cause.CUT,
        "%d records are served, at which servers cut the list, and they are not what was signed"
            .formatted(records),
        "ask the writer's /v1 how many there are: this one does not tell");
  }

  private static List<Warning> oddities(Announced entry, Changeset changeset) {
    List<Warning> warnings = new ArrayList<>();
    if (changeset.timestamp() < entry.timestamp()) {
      warnings.add(
          new Warning(
              "",
              ": the changeset is older than announced",
              " (%d, announced %d), even past the caches"
                  .formatted(changeset.timestamp(), entry.timestamp())));
    }
    warnings.addAll(
        ClientDifferences.of(
            changeset.records(), changeset.oddTombstones(), changeset.timestamp()));
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

  private static byte[] read(String x5u, ChainAddresses addresses, RemoteSettings remote)
      throws Refused {
    URI url = addresses.resolve(x5u);
    try {
      return remote.chain(url, Guard.of(addresses::refusal));
    } catch (ServerException e) {
      boolean isAsked =
          switch (e.kind()) {
            case TOLD_TO_WAIT -> e.status() != 0;
            case UNSUPPORTED, OUT_OF_TIME, PROXY -> false;
            case LATE, CONNECTION -> !e.isThroughProxy(); // clients do not ask through it
            default -> true;
          };
      String message = "the chain %s is not reachable: %s";
      message = message.formatted(ContentSignature.shown(url.toString()), e.reason());
      throw isAsked
          ? new Refused(Cause.CHAIN_NOT_REACHABLE, message, e.hint())
          : Refused.undecided(Cause.CHAIN_NOT_REACHABLE, message, e.hint());
    }
  }

  private List<Served> chains(Signatures signatures) {
    return signatures.chainUrls().stream()
        .map(x5u -> new Served(x5u, chains.computeIfAbsent(x5u, this::fetch).chain()))
        .toList();
  }

  /** The roots of all chains that are valid but for their root. */
  Set<String> rootsSeen() {
    return chains.values().stream()
        .map(Fetched::chain)
        .filter(chain -> chain != null && chain.isVerified(trusted.at()))
        .map(CertificateChain::rootHash)
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
