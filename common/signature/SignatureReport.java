//JAVA 25+
//SOURCES ../Advice.java ../Display.java ../InOrder.java ../RemoteSettings.java ../Report.java ../Tally.java
//SOURCES CertificateChain.java ContentSignature.java Libcrypto.java SignatureCheck.java
//SOURCES TrustSettings.java

package common.signature;

import common.Advice;
import common.Display;
import common.InOrder;
import common.RemoteSettings.Announced;
import common.Report;
import common.Report.Status;
import common.Tally;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Certificate;
import common.signature.CertificateChain.Refused;
import common.signature.ContentSignature.Invalid;
import common.signature.ContentSignature.Valid;
import common.signature.ContentSignature.Warning;
import common.signature.SignatureCheck.Bad;
import common.signature.SignatureCheck.Good;
import common.signature.SignatureCheck.NoVerdict;
import common.signature.SignatureCheck.Outcome;
import common.signature.SignatureCheck.Served;
import common.signature.SignatureCheck.Skipped;
import common.signature.TrustSettings.WithoutRoots;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Prints what {@link SignatureCheck} finds: a line for each collection in its turn, and at the end
 * what is wrong with it, and what some clients do not take. {@code validate_signature} prints this;
 * {@code refresh_signature --verify} ends with it.
 */
public final class SignatureReport {

  private final SignatureCheck check;
  private final Report report;
  private final List<Outcome> outcomes = new ArrayList<>();
  private Tally tally;
  private int expected;

  public SignatureReport(SignatureCheck check, Report report) {
    this.check = check;
    this.report = report;
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
    Libcrypto.prepare(expected);
    tally = new Tally("collection", expected, "OK", "SKIP", "BAD", "NO VERDICT");
    InOrder.run(
        report, entries, parallel, judge, SignatureCheck::unexpected, this::show, interrupted);
  }

  /** Prints an outcome: {@code 01/17 /buckets/main/collections/cfr: OK (0.02s)}. */
  private void show(Outcome outcome) {
    outcomes.add(outcome);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("check", "signature");
    json.putAll(outcome.entry().place().json());
    switch (outcome.judgement()) {
      case Good(Valid valid) -> {
        json.put("status", "ok");
        Optional<CertificateChain> chain = Optional.ofNullable(valid.chain());
        json.put("root", chain.map(CertificateChain::rootHash).orElse(null));
        json.put("leaf_ends", chain.map(it -> it.leafEnd().toString()).orElse(null));
        String seconds = String.format(Locale.ROOT, " (%.2fs)", outcome.took().toNanos() / 1e9);
        show(
            outcome, Status.GOOD, "OK", report.word(Status.GOOD, "OK") + seconds, null, null, json);
      }
      case Bad(Invalid invalid) -> {
        String reason = invalid.reason().getMessage();
        json.put("status", "bad");
        json.put("cause", invalid.reason().cause().slug());
        json.put("reason", Display.line(reason));
        String bad = report.word(Status.BAD, "⚠ BAD Signature ⚠");
        show(outcome, Status.BAD, "BAD", bad, reason, invalid.reason().advice(), json);
      }
      case Skipped _ -> {
        json.put("status", "skip");
        show(outcome, Status.GOOD, "SKIP", "SKIP", null, null, json);
      }
      case NoVerdict(String reason, Advice advice) -> {
        json.put("status", "no-verdict");
        json.put("reason", Display.line(reason));
        String shown = report.noVerdict(reason);
        show(outcome, Status.UNKNOWN, "NO VERDICT", shown, reason, advice, json);
      }
    }
  }

  private void show(
      Outcome outcome,
      Status status,
      String word,
      String shown,
      String reason,
      Advice advice,
      Map<String, Object> json) {
    Announced entry = outcome.entry();
    tally.add(entry.name(), status, word, reason, advice);
    if (advice != null) {
      advice.addTo(json);
    }
    json.put("announced", entry.timestamp());
    json.put("signed_on", outcome.signedOn());
    json.put("timestamp", outcome.timestamp());
    json.put("chains", outcome.chains().stream().map(SignatureReport::json).toList());
    json.put(
        "warnings",
        outcome.warnings().stream().map(it -> Display.line(it.about(entry.name()))).toList());
    report.result(
        status,
        "%02d/%02d %s:  %s".formatted(outcomes.size(), expected, Display.name(entry.path()), shown),
        json);
    for (Refused one : outcome.refused()) {
      report.note("%s: a signature is refused: %s".formatted(entry.name(), one.getMessage()));
    }
  }

  /** Says which roots were trusted, or would have to be, if none was configured or built in. */
  public void showRoots() {
    Set<String> seen = check.rootsSeen();
    if (!check.trusted().roots().isEmpty() || seen.isEmpty()) {
      return;
    }
    if (check.trusted().withoutRoots() == WithoutRoots.WARN) {
      report.warn(
          "any root is trusted here, seen %s: pin it with ROOT_HASH"
              .formatted(String.join(", ", seen)));
    } else {
      seen.forEach(
          root -> report.error(SignatureCheck.noRoot(root), SignatureCheck.compareRoot(root)));
    }
  }

  private static Map<String, Object> json(Served served) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("x5u", ContentSignature.shown(Display.clean(served.x5u())));
    List<Certificate> certificates =
        served.chain() == null ? List.of() : served.chain().certificates();
    for (String role : List.of("leaf", "intermediate", "root")) {
      json.put(role + "_ends", null);
    }
    certificates.forEach(it -> json.put(it.role() + "_ends", it.end().toString()));
    return json;
  }

  /** Says which chains are served, until when they are valid, and which collections have them. */
  public void showChains() {
    Map<Served, List<String>> names = new LinkedHashMap<>();
    for (Outcome outcome : outcomes) {
      outcome.chains().stream()
          .distinct()
          .forEach(chain ->
              names.computeIfAbsent(chain, _ -> new ArrayList<>()).add(outcome.entry().name()));
    }
    names.forEach((served, some) ->
        report.remark(
            "chain %s: %s; in %d collection%s: %s"
                .formatted(
                    ContentSignature.shown(served.x5u()),
                    served.chain() == null ? "cannot be read" : served.chain().ends(),
                    some.size(),
                    some.size() == 1 ? "" : "s",
                    Display.some(some, 3))));
  }

  /**
   * Says what some clients do not take, once for all collections that it is true of. Of sentences
   * that only name other records, one is said, and the others with {@code --verbose}.
   *
   * @param say for each sentence
   */
  public void showWarnings(Consumer<String> say) {
    Map<Warning, List<String>> names = new LinkedHashMap<>();
    for (Outcome outcome : outcomes) {
      for (Warning warning : outcome.warnings()) {
        names.computeIfAbsent(warning, _ -> new ArrayList<>()).add(outcome.entry().name());
      }
    }
    Map<Warning, List<String>> alike = new LinkedHashMap<>();
    names.forEach((warning, some) ->
        alike
            .computeIfAbsent(warning.kind(), _ -> new ArrayList<>())
            .add(warning.about(Display.some(some, 1))));
    for (List<String> sentences : alike.values()) {
      List<String> others = sentences.subList(1, sentences.size());
      String more = others.isEmpty() ? "" : "; %d more (--verbose)".formatted(others.size());
      say.accept(sentences.getFirst() + more);
      others.forEach(report::note);
    }
  }

  /** Prints, for each bad collection, what is wrong with it, then what to do. */
  public void showDetails() {
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
                    Display.name(outcome.entry().path()),
                    Display.moment(outcome.signedOn()),
                    Display.moment(outcome.timestamp()),
                    Display.clean(invalid.reason().getMessage())));
      }
    }
    tally.tellCauses(report);
  }

  /** Counts for the summary. */
  public String counts() {
    return tally.counts();
  }

  /** The collections by the certificates of all their signatures, whatever the verdict. */
  public Map<Certificate, Set<String>> certificates() {
    Map<Certificate, Set<String>> names = new LinkedHashMap<>();
    for (Outcome outcome : outcomes) {
      outcome.chains().stream()
          .filter(served -> served.chain() != null)
          .flatMap(served -> served.chain().certificates().stream())
          .forEach(certificate ->
              names
                  .computeIfAbsent(certificate, _ -> new LinkedHashSet<>())
                  .add(outcome.entry().name()));
    }
    return names;
  }

  /** The collections whose verdict is that certificates have expired. */
  public Set<String> expired() {
    return outcomes.stream()
        .filter(outcome -> outcome.isBadFor(Cause.EXPIRED))
        .map(outcome -> outcome.entry().name())
        .collect(Collectors.toSet());
  }

  /** Tells Sentry what is wrong. */
  public void reportFailures() {
    tally.tell(report, Status.BAD, "Signature verification failed on %s");
    tally.tell(report, Status.UNKNOWN, "No verdict on %s");
  }
}
