//JAVA 25+

package common.signature;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * The roots of Mozilla's content signatures: which are trusted on which of its hosts, and who owns
 * a root (docs/specification.md, <i>validate_signature</i>, step 4).
 *
 * <p>Each environment has had several. One that has expired is still trusted as of a moment at
 * which it was valid.
 */
public final class MozillaRoots {

  private static final String STAGE_DOMAIN = ".allizom.org";
  private static final Set<String> PRODUCTION_HOSTS =
      Set.of(
          "firefox.settings.services.mozilla.com",
          "remote-settings.mozilla.org",
          "prod.remote-settings.prod.webservices.mozgcp.net",
          "settings.prod.mozaws.net");
  private static final Set<String> OTHER_STAGE_HOSTS =
      Set.of(
          "stage.remote-settings.nonprod.webservices.mozgcp.net",
          "remote-settings-dev.services.mozilla.com");

  private static final List<Root> ROOTS =
      List.of(
          Root.current(
              "C8:A8:0E:9A:FA:EF:4E:21:9B:6F:B5:D7:A7:1D:0F:10:12:23:BA:C5:00:1A:C2:8F:9B:0D:43:DC:59:A1:06:DB",
              Environment.PRODUCTION,
              LocalDate.of(2024, 2, 1),
              LocalDate.of(2200, 12, 3)),
          Root.earlier(
              "97:E8:BA:9C:F1:2F:B3:DE:53:CC:42:A4:E6:57:7E:D6:4D:F4:93:C2:47:B4:14:FE:A0:36:81:8D:38:23:56:0E",
              Environment.PRODUCTION,
              null,
              LocalDate.of(2025, 3, 14)),
          Root.current(
              "C0:F0:5D:59:B1:FD:E2:57:80:85:4C:32:FA:E8:FA:BA:84:81:C2:33:B4:C1:D3:90:CC:A5:F2:CE:A8:19:30:EE",
              Environment.STAGE,
              LocalDate.of(2024, 2, 12),
              LocalDate.of(2050, 12, 31)),
          Root.earlier(
              "45:C3:7F:3A:09:A6:D7:0E:0F:A3:21:FB:29:75:3B:A7:99:8F:12:59:B3:27:72:76:8F:23:CC:DC:24:83:67:98",
              Environment.STAGE,
              null,
              LocalDate.of(2025, 3, 14)),
          Root.earlier(
              "3C:01:44:6A:BE:90:36:CE:A9:A0:9A:CA:A3:A5:20:AC:62:8F:20:A7:AE:32:CE:86:1C:B2:EF:B7:0F:A0:C7:45",
              Environment.STAGE,
              LocalDate.of(2021, 2, 11),
              LocalDate.of(2024, 11, 14)),
          Root.untrusted(
              "35:CF:54:5D:35:D3:47:85:19:75:47:8D:DD:AD:AE:66:6B:60:AD:92:C4:C4:F4:EE:80:07:C3:CF:D3:0A:53:8A",
              "a development root of Autograph"),
          Root.untrusted(
              "5E:36:F2:14:DE:82:3F:8B:29:96:89:23:5F:03:41:AC:AF:A0:75:AF:82:CB:4C:D4:30:7C:3D:B3:43:39:2A:FE",
              "the development root of Autograph's container"));

  /** Servers that share their roots. */
  private enum Environment {
    PRODUCTION("Mozilla's production"),
    STAGE("Mozilla's stage and dev");

    private final String words;

    Environment(String words) {
      this.words = words;
    }
  }

  /**
   * A root that we know.
   *
   * @param hash SHA-256 of its DER, colon hex
   * @param environment whose hosts trust it; null if none does
   * @param firstDay in UTC; null if not known
   * @param lastDay in UTC; null if no host trusts it
   */
  private record Root(
      String hash, String owner, Environment environment, LocalDate firstDay, LocalDate lastDay) {

    static Root current(String hash, Environment environment, LocalDate first, LocalDate last) {
      return new Root(hash, "the root of " + environment.words, environment, first, last);
    }

    static Root earlier(String hash, Environment environment, LocalDate first, LocalDate last) {
      String owner = "an earlier root of %s, until %s".formatted(environment.words, last);
      return new Root(hash, owner, environment, first, last);
    }

    static Root untrusted(String hash, String owner) {
      return new Root(hash, owner, null, null, null);
    }

    /** Whether it is valid on the day; its certificate decides to the second. */
    boolean isValid(Instant at) {
      return (firstDay == null || !at.isBefore(start(firstDay)))
          && at.isBefore(start(lastDay.plusDays(1)));
    }

    private static Instant start(LocalDate day) {
      return day.atStartOfDay(ZoneOffset.UTC).toInstant();
    }
  }

  private MozillaRoots() {}

  /**
   * The roots that are trusted on a host by default, the current one first; none on a host that is
   * not Mozilla's.
   *
   * @param at the moment as of which certificates are verified
   */
  public static Set<String> builtIn(String host, Instant at) {
    Environment environment = environment(host);
    Set<String> hashes = new LinkedHashSet<>();
    for (Root root : ROOTS) {
      if (environment != null && root.environment() == environment && root.isValid(at)) {
        hashes.add(root.hash());
      }
    }
    return hashes;
  }

  /** Whether a host is one of Mozilla's production, stage or dev. */
  public static boolean isMozilla(String host) {
    return environment(host) != null;
  }

  private static Environment environment(String host) {
    String lower = host.toLowerCase(Locale.ROOT);
    if (PRODUCTION_HOSTS.contains(lower)) {
      return Environment.PRODUCTION;
    }
    return lower.endsWith(STAGE_DOMAIN) || OTHER_STAGE_HOSTS.contains(lower)
        ? Environment.STAGE
        : null;
  }

  /** Whether a root is, or was, trusted on one of Mozilla's hosts by default. */
  public static boolean isBuiltIn(String hash) {
    return known(hash).filter(root -> root.environment() != null).isPresent();
  }

  /** A sentence that says who owns a root; empty if we do not know it. */
  public static Optional<String> whose(String hash) {
    return known(hash).map(root -> "this is " + root.owner());
  }

  private static Optional<Root> known(String hash) {
    return ROOTS.stream().filter(root -> root.hash().equals(hash)).findFirst();
  }
}
