///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Verify the content signature and the certificate chain of every published collection.
//DOCS docs/validate_signature.md
//JAVA 25+
//SOURCES common/Changesets.java common/Display.java common/ExportAge.java
//SOURCES common/GeneralSettings.java common/Http.java
//SOURCES common/RemoteSettings.java common/Report.java common/Runner.java common/Selection.java
//SOURCES common/ServerException.java common/ServerSettings.java common/Surroundings.java
//SOURCES common/UsageException.java common/Values.java common/signature/CertificateChain.java
//SOURCES common/signature/SignatureCheck.java common/signature/SignatureReport.java
//SOURCES common/signature/TrustSettings.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m --enable-native-access=ALL-UNNAMED

import common.Changesets;
import common.Changesets.Changeset;
import common.Display;
import common.ExportAge;
import common.GeneralSettings;
import common.Http;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.Report;
import common.Runner;
import common.Selection;
import common.ServerException;
import common.ServerSettings;
import common.Surroundings;
import common.UsageException;
import common.Values;
import common.signature.CertificateChain.Certificate;
import common.signature.SignatureCheck;
import common.signature.SignatureReport;
import common.signature.TrustSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The rule: every collection announced in monitor/changes carries a valid signature of its current
 * records, by a chain that is valid now and ends in a root we trust.
 *
 * <p>For a collection that breaks the rule, the command prints {@code BAD Signature} and the one
 * cause: records or timestamp differ, a certificate expired, the wrong root, … A collection that
 * was never signed and never had a record is skipped; one that cannot be judged has no verdict.
 *
 * <p>{@link SignatureCheck} reads, judges and prints; the classes it uses follow the numbered steps
 * of the specification.
 *
 * <pre>01/17 /buckets/blocklists/collections/addons:  OK (0.02s)</pre>
 */
@Command(
    name = "validate_signature",
    description = {
      "Verify the content signature and the certificate chain of every published collection.",
      "Every collection announced in monitor/changes must carry a valid signature of its current"
          + " records, by a chain that is valid now and ends in a trusted root."
    },
    footerHeading = "Example, which asks Mozilla's production server:",
    footer =
        "validate_signature --server https://firefox.settings.services.mozilla.com/v1 --only"
            + " 'main/*'")
public class validate_signature implements Runner.Command {

  @Mixin ServerSettings server;
  @Mixin Selection selection;
  @Mixin TrustSettings trust;

  @Option(
      names = "--certificate-warn-days",
      paramLabel = "DAYS",
      converter = DaysConverter.class,
      description =
          "warn this many days before a certificate of a chain expires; unset: a tenth of"
              + " its lifetime, at least 7 and at most 60 days")
  Integer certificateWarnDays;

  @Option(
      names = "--only-certificates",
      description =
          "verify only the certificate chains; records are not read where the server"
              + " allows that")
  boolean onlyCertificates;

  @Option(
      names = "--strict",
      description =
          "count warnings as findings: certificates that expire soon, what only some"
              + " clients accept, old content of a reader (/v2)")
  boolean strict;

  @Option(
      names = "--changeset",
      paramLabel = "FILE",
      description = "verify the changeset saved in this file instead of a server's collections")
  Path changesetFile;

  @Option(
      names = "--chain",
      paramLabel = "FILE",
      description = "PEM file with the chain of the saved changeset, used instead of its x5u")
  Path chainFile;

  @Option(
      names = "--at",
      paramLabel = "INSTANT",
      converter = InstantConverter.class,
      description =
          "verify certificates as of this moment, like 2026-11-24T12:00:00Z;" + " unset: now")
  Instant at;

  @Mixin ExportAge exportAge;
  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new validate_signature(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    Instant now = at != null ? at : surroundings.clock().instant();
    if (chainFile != null && changesetFile == null) {
      throw new UsageException(
          "--chain needs --changeset", "--chain is the chain of a saved changeset");
    }
    try (Http http = server.http(surroundings, report)) {
      RemoteSettings remote = server.remote(http);
      SignatureCheck check =
          new SignatureCheck(
              trust,
              changesetFile != null ? null : server.url(),
              remote,
              chainFile != null ? savedChain() : null,
              onlyCertificates,
              now);
      SignatureReport results = new SignatureReport(check, report);
      Changeset saved = changesetFile == null ? null : savedChangeset();
      results.judgeAll(
          saved == null ? announced(remote, report) : List.of(announcement(saved)),
          server.collectionsAtOnce(),
          entry -> saved == null ? check.judge(remote, entry) : check.judge(entry, () -> saved),
          () -> {
            results.showDetails();
            report.summary("interrupted: " + results.counts());
          });
      results.showRoots();
      results.showWarnings(strict ? it -> report.finding(it, "clients") : report::warn);
      if (saved == null) {
        exportAge.check(remote, surroundings.clock().instant(), strict, report);
      }
      String expiry = expiry(results, now, report);
      results.showDetails();
      if (onlyCertificates) {
        results.showChains();
      }
      report.summary(results.counts() + expiry);
      results.reportFailures();
    }
  }

  // ---- reading

  private List<Announced> announced(RemoteSettings remote, Report report)
      throws ServerException, UsageException {
    report.server(server.url());
    report.heading("Read collection list from " + selection.path());
    return selection.read(remote, report, "verified");
  }

  private Changeset savedChangeset() throws UsageException {
    try (InputStream saved = Files.newInputStream(changesetFile)) {
      return Changesets.read(saved);
    } catch (IOException e) {
      throw new UsageException(
          "--changeset: \"%s\" is not a changeset: %s".formatted(changesetFile, Display.reason(e)),
          null);
    }
  }

  /** The chain from the file, whatever x5u the saved changeset names. */
  private byte[] savedChain() throws UsageException {
    try {
      return Files.readAllBytes(chainFile);
    } catch (IOException e) {
      throw new UsageException(
          "--chain: \"%s\" cannot be read: %s".formatted(chainFile, Display.reason(e)), null);
    }
  }

  private static Announced announcement(Changeset saved) {
    return new Announced(name(saved, "bucket"), name(saved, "id"), saved.timestamp(), null);
  }

  private static String name(Changeset saved, String key) {
    return saved.metadata().get(key) instanceof String name ? name : "?";
  }

  // ---- rendering

  /** Which certificate expires first, for the summary; warns of each that expires soon. */
  private String expiry(SignatureReport results, Instant now, Report report) {
    Set<String> expired = results.expired(); // their verdicts name the certificates
    Map<Certificate, Set<String>> certificates = results.certificates();
    certificates.forEach((certificate, collections) -> {
      Duration warning =
          certificateWarnDays != null
              ? Duration.ofDays(certificateWarnDays)
              : certificate.defaultWarningPeriod();
      List<String> concerned =
          collections.stream()
              .filter(it -> now.isBefore(certificate.end()) || !expired.contains(it))
              .toList();
      Duration left = Duration.between(now, certificate.end());
      if (left.compareTo(warning) < 0 && !concerned.isEmpty()) {
        String sentence =
            "the %s of %s %s"
                .formatted(
                    certificate.role(),
                    Display.some(concerned, 1),
                    expires(now, certificate.end()));
        if (strict || (onlyCertificates && left.isNegative())) {
          report.finding(sentence, certificate.role() + " expires soon");
        } else {
          report.warn(sentence);
        }
      }
    });
    return certificates.keySet().stream()
        .min(Comparator.comparing(Certificate::end))
        .map(first -> "; first %s %s".formatted(first.role(), expires(now, first.end())))
        .orElse("");
  }

  private static String expires(Instant now, Instant end) {
    long days = Duration.between(now, end).toDays();
    String date = DateTimeFormatter.ISO_LOCAL_DATE.withZone(ZoneOffset.UTC).format(end);
    String count = "%d day%s".formatted(Math.abs(days), Math.abs(days) == 1 ? "" : "s");
    return (now.isAfter(end) ? "expired %s ago (%s)" : "expires in %s (%s)").formatted(count, date);
  }

  // ---- converters

  private static final class DaysConverter extends Values.WholeNumber {
    DaysConverter() {
      super(0, 3650);
    }
  }

  private static final class InstantConverter extends Values.Converter<Instant> {
    InstantConverter() {
      super(
          "a moment like 2026-11-24T12:00:00Z",
          text -> OffsetDateTime.parse(text.strip()).toInstant());
    }
  }
}
