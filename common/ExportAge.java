//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Display.java RemoteSettings.java Report.java ServerException.java ServerInfo.java
//SOURCES Values.java

package common;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import picocli.CommandLine.Option;

/**
 * The setting of a command that may read from a reader ({@code /v2}), which gets its content by
 * exports: one that is frozen agrees with itself.
 */
public final class ExportAge {
  /** Clocks of machines may disagree by that much. */
  private static final Duration CLOCKS_DIFFER = Duration.ofHours(-1);

  @Option(
      names = "--max-export-age",
      paramLabel = "HOURS",
      defaultValue = "24",
      converter = HoursConverter.class,
      description =
          "warn if the content of a reader (/v2) was exported more than this many hours" + " ago")
  int maxExportAge;

  /**
   * Says it if the content of a reader is too old, or if that cannot be told.
   *
   * @param now by the clock, whatever other moment a check is as of
   * @param strict whether it is a finding then, instead of a warning; and no full verdict if the
   *     server info cannot be read
   */
  public void check(RemoteSettings remote, Instant now, boolean strict, Report report) {
    try {
      Optional<String> old = remote.info().flatMap(info -> tooOld(info, maxExportAge, now));
      old.ifPresent(strict ? sentence -> report.finding(sentence, "export") : report::warn);
    } catch (ServerException e) {
      String unknown = "the server info cannot be read: " + e.getMessage();
      if (strict) {
        report.error(unknown, e.advice());
      } else {
        report.warn(unknown);
      }
    }
  }

  /**
   * What there is to say about the content of a server; empty for a Kinto, which has no exports.
   */
  static Optional<String> tooOld(ServerInfo info, int maxHours, Instant now) {
    if (!info.isReader()) {
      return Optional.empty();
    }
    if (info.exported() == null) {
      return Optional.of("this reader does not say when its content was exported");
    }
    Duration age = Duration.between(info.exported(), now);
    if (age.compareTo(CLOCKS_DIFFER) < 0) {
      return Optional.of(
          "this reader says that its content was exported in the future (%s)"
              .formatted(Display.moment(info.exported())));
    }
    return age.compareTo(Duration.ofHours(maxHours)) <= 0
        ? Optional.empty()
        : Optional.of(
            "the content of this reader was exported %d hours ago (%s), expected at most %d"
                .formatted(age.toHours(), Display.moment(info.exported()), maxHours));
  }

  private static final class HoursConverter extends Values.WholeNumber {
    HoursConverter() {
      super(1, 8_760);
    }
  }
}
