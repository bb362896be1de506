///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Verify the content signature and the certificate chain of every published collection.
//DOCS docs/validate_signature.md
//JAVA 25+
//SOURCES common/Changesets.java common/Display.java common/GeneralSettings.java common/Http.java
//SOURCES common/RemoteSettings.java common/Report.java common/Runner.java common/Selection.java
//SOURCES common/ServerException.java common/ServerSettings.java common/Surroundings.java
//SOURCES common/UsageException.java common/Values.java common/signature/CertificateChain.java
//SOURCES common/signature/SignatureCheck.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.Changesets;
import common.Changesets.Changeset;
import common.Display;
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
import common.signature.CertificateChain;
import common.signature.SignatureCheck;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
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
    })
public class validate_signature implements Runner.Command {

  @Mixin ServerSettings server;
  @Mixin Selection selection;
  @Mixin SignatureCheck.Signers signers;

  @Option(
      names = "--certificate-warn-days",
      paramLabel = "DAYS",
      converter = DaysConverter.class,
      description =
          "warn this many days before a leaf expires; unset: a tenth of its lifetime, 7 to 60")
  Integer certificateWarnDays;

  @Option(names = "--strict", description = "a leaf that expires soon is a finding")
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
      URI asked = changesetFile != null ? null : server.url();
      SignatureCheck check =
          new SignatureCheck(
              signers,
              asked == null ? "" : asked.getHost(),
              chainFile != null ? savedChain() : signers.chains(remote, asked, now),
              now,
              report);
      Changeset saved = changesetFile == null ? null : savedChangeset();
      check.judgeAll(
          saved == null ? announced(remote, report) : List.of(announcement(saved)),
          server.collectionsAtOnce(),
          entry -> saved == null ? check.judge(remote, entry) : check.judge(entry, () -> saved),
          () -> {
            check.showDetails();
            report.summary("interrupted: " + check.counts());
          });
      check.showRoots();
      check.showWarnings();
      String expiry = expiry(check.chains(), now, report);
      check.showDetails();
      report.summary(check.counts() + expiry);
      check.reportFailures();
    }
  }

  // ---- reading

  private List<Announced> announced(RemoteSettings remote, Report report)
      throws ServerException, UsageException {
    report.put("server", server.url().toString());
    report.heading("Read collection list from " + selection.path());
    return selection.read(remote, report, "verified");
  }

  private Changeset savedChangeset() throws UsageException {
    try (InputStream saved = Files.newInputStream(changesetFile)) {
      return Changesets.read(saved);
    } catch (IOException e) {
      throw new UsageException(
          "--changeset: \"%s\" is not a changeset: %s".formatted(changesetFile, reason(e)), null);
    }
  }

  /** The chain from the file, whatever x5u the saved changeset names. */
  private SignatureCheck.PemSource savedChain() throws UsageException {
    try {
      byte[] pem = Files.readAllBytes(chainFile);
      return _ -> pem;
    } catch (IOException e) {
      throw new UsageException(
          "--chain: \"%s\" cannot be read: %s".formatted(chainFile, reason(e)), null);
    }
  }

  private static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "no such file" : e.getMessage();
  }

  private static Announced announcement(Changeset saved) {
    return new Announced(name(saved, "bucket"), name(saved, "id"), saved.timestamp(), null);
  }

  private static String name(Changeset saved, String key) {
    return saved.metadata().get(key) instanceof String name ? name : "?";
  }

  // ---- rendering

  /** When the first leaf expires, for the summary; warns of each that expires soon. */
  private String expiry(Map<CertificateChain, List<String>> chains, Instant now, Report report) {
    Instant first = null;
    for (Map.Entry<CertificateChain, List<String>> entry : chains.entrySet()) {
      Instant end = entry.getKey().leafEnd();
      first = first == null || end.isBefore(first) ? end : first;
      Duration warning =
          certificateWarnDays != null
              ? Duration.ofDays(certificateWarnDays)
              : entry.getKey().defaultWarningPeriod();
      if (now.plus(warning).isAfter(end)) {
        String sentence =
            "the leaf of %s expires %s"
                .formatted(Display.some(entry.getValue(), 1), days(now, end));
        if (strict) {
          report.finding(sentence, "leaf expires soon");
        } else {
          report.warn(sentence);
        }
      }
    }
    return first == null ? "" : "; first leaf expires " + days(now, first);
  }

  private static String days(Instant now, Instant end) {
    long days = Duration.between(now, end).toDays();
    String date = DateTimeFormatter.ISO_LOCAL_DATE.withZone(ZoneOffset.UTC).format(end);
    return "in %d day%s (%s)".formatted(days, days == 1 ? "" : "s", date);
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
