//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/signature/MozillaRoots.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.signature.MozillaRoots;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which roots are trusted on which host and on which day, and whose a root is. */
class MozillaRootsTest {

  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  static final String PRODUCTION_HOST = "firefox.settings.services.mozilla.com";
  static final String STAGE_HOST = "firefox.settings.services.allizom.org";

  // From the contract, by hand.
  static final String PRODUCTION =
      "C8:A8:0E:9A:FA:EF:4E:21:9B:6F:B5:D7:A7:1D:0F:10:12:23:BA:C5:00:1A:C2:8F:9B:0D:43:DC:59:A1:06:DB";
  static final String EARLIER_PRODUCTION =
      "97:E8:BA:9C:F1:2F:B3:DE:53:CC:42:A4:E6:57:7E:D6:4D:F4:93:C2:47:B4:14:FE:A0:36:81:8D:38:23:56:0E";
  static final String STAGE =
      "C0:F0:5D:59:B1:FD:E2:57:80:85:4C:32:FA:E8:FA:BA:84:81:C2:33:B4:C1:D3:90:CC:A5:F2:CE:A8:19:30:EE";
  static final String EARLIER_STAGE =
      "45:C3:7F:3A:09:A6:D7:0E:0F:A3:21:FB:29:75:3B:A7:99:8F:12:59:B3:27:72:76:8F:23:CC:DC:24:83:67:98";
  static final String STAGE_OF_2021 =
      "3C:01:44:6A:BE:90:36:CE:A9:A0:9A:CA:A3:A5:20:AC:62:8F:20:A7:AE:32:CE:86:1C:B2:EF:B7:0F:A0:C7:45";
  private static final String AUTOGRAPH =
      "35:CF:54:5D:35:D3:47:85:19:75:47:8D:DD:AD:AE:66:6B:60:AD:92:C4:C4:F4:EE:80:07:C3:CF:D3:0A:53:8A";
  private static final String AUTOGRAPH_CONTAINER =
      "5E:36:F2:14:DE:82:3F:8B:29:96:89:23:5F:03:41:AC:AF:A0:75:AF:82:CB:4C:D4:30:7C:3D:B3:43:39:2A:FE";
  private static final String UNKNOWN = "00:" + PRODUCTION.substring(3);

  private static List<String> builtIn(String host, String at) {
    return List.copyOf(MozillaRoots.builtIn(host, Instant.parse(at)));
  }

  // ---- hosts

  @ParameterizedTest
  @ValueSource(
      strings = {
        "firefox.settings.services.mozilla.com",
        "remote-settings.mozilla.org",
        "prod.remote-settings.prod.webservices.mozgcp.net",
        "settings.prod.mozaws.net",
        "Firefox.Settings.Services.Mozilla.COM"
      })
  void production_hosts_have_the_production_root(String host) {
    assertEquals(Set.of(PRODUCTION), MozillaRoots.builtIn(host, NOW));
    assertTrue(MozillaRoots.isMozilla(host));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "firefox.settings.services.allizom.org",
        "remote-settings.allizom.org",
        "remote-settings-dev.allizom.org",
        "whatever.allizom.org",
        "a.b.c.allizom.org",
        "stage.remote-settings.nonprod.webservices.mozgcp.net",
        "remote-settings-dev.services.mozilla.com",
        "REMOTE-SETTINGS.Allizom.ORG",
        "Remote-Settings-Dev.Services.Mozilla.com"
      })
  void stage_and_dev_hosts_have_the_stage_root(String host) {
    assertEquals(Set.of(STAGE), MozillaRoots.builtIn(host, NOW));
    assertTrue(MozillaRoots.isMozilla(host));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        "127.0.0.1",
        "mozilla.org",
        "services.mozilla.com",
        "x.firefox.settings.services.mozilla.com",
        "firefox.settings.services.mozilla.com.example.org",
        "remote-settings.mozilla.com",
        "remote-settings-dev.mozilla.org",
        "x.prod.remote-settings.prod.webservices.mozgcp.net",
        "settings.prod.mozaws.com",
        "allizom.org",
        "xallizom.org",
        "remote-settings.xallizom.org",
        "allizom.org.example.org",
        "remote-settings.allizom.org.example.org",
        "remote-settings.allizom.com",
        "x.stage.remote-settings.nonprod.webservices.mozgcp.net",
        "prod.remote-settings.nonprod.webservices.mozgcp.net",
        "x.remote-settings-dev.services.mozilla.com",
        "remote-settings-stage.services.mozilla.com"
      })
  void other_hosts_have_no_root(String host) {
    assertEquals(Set.of(), MozillaRoots.builtIn(host, NOW));
    assertEquals(Set.of(), MozillaRoots.builtIn(host, Instant.parse("2024-06-01T00:00:00Z")));
    assertFalse(MozillaRoots.isMozilla(host));
  }

  // ---- days: the moment before the first, its beginning, the end of the last, the moment after it

  @Test
  void the_production_root_is_trusted_from_its_first_day_to_its_last() {
    assertEquals(
        List.of(EARLIER_PRODUCTION), builtIn(PRODUCTION_HOST, "2024-01-31T23:59:59.999999999Z"));
    assertEquals(
        List.of(PRODUCTION, EARLIER_PRODUCTION), builtIn(PRODUCTION_HOST, "2024-02-01T00:00:00Z"));
    assertEquals(List.of(PRODUCTION), builtIn(PRODUCTION_HOST, "2200-12-03T23:59:59.999999999Z"));
    assertEquals(List.of(), builtIn(PRODUCTION_HOST, "2200-12-04T00:00:00Z"));
  }

  @Test
  void the_earlier_production_root_is_trusted_to_its_last_day() {
    assertEquals(List.of(EARLIER_PRODUCTION), builtIn(PRODUCTION_HOST, "2016-01-01T00:00:00Z"));
    assertEquals(
        List.of(PRODUCTION, EARLIER_PRODUCTION),
        builtIn(PRODUCTION_HOST, "2025-03-14T23:59:59.999999999Z"));
    assertEquals(List.of(PRODUCTION), builtIn(PRODUCTION_HOST, "2025-03-15T00:00:00Z"));
  }

  @Test
  void the_stage_root_is_trusted_from_its_first_day_to_its_last() {
    assertEquals(
        List.of(EARLIER_STAGE, STAGE_OF_2021),
        builtIn(STAGE_HOST, "2024-02-11T23:59:59.999999999Z"));
    assertEquals(
        List.of(STAGE, EARLIER_STAGE, STAGE_OF_2021), builtIn(STAGE_HOST, "2024-02-12T00:00:00Z"));
    assertEquals(List.of(STAGE), builtIn(STAGE_HOST, "2050-12-31T23:59:59.999999999Z"));
    assertEquals(List.of(), builtIn(STAGE_HOST, "2051-01-01T00:00:00Z"));
  }

  @Test
  void the_earlier_stage_root_is_trusted_to_its_last_day() {
    assertEquals(List.of(EARLIER_STAGE), builtIn(STAGE_HOST, "2016-01-01T00:00:00Z"));
    assertEquals(
        List.of(STAGE, EARLIER_STAGE), builtIn(STAGE_HOST, "2025-03-14T23:59:59.999999999Z"));
    assertEquals(List.of(STAGE), builtIn(STAGE_HOST, "2025-03-15T00:00:00Z"));
  }

  @Test
  void the_stage_root_of_2021_is_trusted_from_its_first_day_to_its_last() {
    assertEquals(List.of(EARLIER_STAGE), builtIn(STAGE_HOST, "2021-02-10T23:59:59.999999999Z"));
    assertEquals(
        List.of(EARLIER_STAGE, STAGE_OF_2021), builtIn(STAGE_HOST, "2021-02-11T00:00:00Z"));
    assertEquals(
        List.of(STAGE, EARLIER_STAGE, STAGE_OF_2021),
        builtIn(STAGE_HOST, "2024-11-14T23:59:59.999999999Z"));
    assertEquals(List.of(STAGE, EARLIER_STAGE), builtIn(STAGE_HOST, "2024-11-15T00:00:00Z"));
  }

  @Test
  void a_host_of_mozilla_is_one_when_none_of_its_roots_is_valid() {
    assertTrue(MozillaRoots.isMozilla(STAGE_HOST));
    assertEquals(Set.of(), MozillaRoots.builtIn(STAGE_HOST, Instant.MAX));
    assertEquals(Set.of(), MozillaRoots.builtIn(PRODUCTION_HOST, Instant.MAX));
    assertEquals(Set.of(EARLIER_STAGE), MozillaRoots.builtIn(STAGE_HOST, Instant.MIN));
  }

  // ---- whose a root is

  @Test
  void a_root_is_built_in_whatever_its_days() {
    for (String hash :
        List.of(PRODUCTION, EARLIER_PRODUCTION, STAGE, EARLIER_STAGE, STAGE_OF_2021)) {
      assertTrue(MozillaRoots.isBuiltIn(hash), hash);
    }
    for (String hash : List.of(AUTOGRAPH, AUTOGRAPH_CONTAINER, UNKNOWN, "")) {
      assertFalse(MozillaRoots.isBuiltIn(hash), hash);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        PRODUCTION + "| this is the root of Mozilla's production",
        EARLIER_PRODUCTION + "| this is an earlier root of Mozilla's production, until 2025-03-14",
        STAGE + "| this is the root of Mozilla's stage and dev",
        EARLIER_STAGE + "| this is an earlier root of Mozilla's stage and dev, until 2025-03-14",
        STAGE_OF_2021 + "| this is an earlier root of Mozilla's stage and dev, until 2024-11-14",
        AUTOGRAPH + "| this is a development root of Autograph",
        AUTOGRAPH_CONTAINER + "| this is the development root of Autograph's container"
      },
      quoteCharacter = '"')
  void a_known_root_is_named(String hash, String sentence) {
    assertEquals(Optional.of(sentence), MozillaRoots.whose(hash));
  }

  @Test
  void an_unknown_root_is_nobodys() {
    assertEquals(Optional.empty(), MozillaRoots.whose(UNKNOWN));
    assertEquals(Optional.empty(), MozillaRoots.whose(""));
  }
}
