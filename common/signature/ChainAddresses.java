//JAVA 25+
//SOURCES ../Addresses.java ../Urls.java CertificateChain.java ContentSignature.java

package common.signature;

import common.Addresses;
import common.Urls;
import common.signature.CertificateChain.Cause;
import common.signature.CertificateChain.Refused;
import java.net.InetAddress;
import java.net.URI;
import java.util.List;
import java.util.function.Supplier;

/**
 * Where a chain may be read from. An {@code x5u} is the server's word: it must not lead a check to
 * what only this machine can reach (docs/specification.md, <i>validate_signature</i>, step 3).
 *
 * <p>Pure: whoever sends the request looks up the host and asks {@link #refusal} before each hop.
 *
 * @param server whose collections are judged; null for a saved changeset
 * @param base what a relative {@code x5u} is relative to, read only if there is one; null for a
 *     saved changeset
 * @param rootPinned whether only known roots are trusted. They prove a chain, however it was read
 */
public record ChainAddresses(URI server, Supplier<URI> base, boolean rootPinned) {

  /**
   * The URL to which an entry's {@code x5u} leads.
   *
   * @param x5u not empty
   * @throws Refused if its text alone tells that no chain is read from there
   */
  public URI resolve(String x5u) throws Refused {
    String shown = ContentSignature.shown(x5u);
    URI url;
    try {
      url = URI.create(x5u);
    } catch (IllegalArgumentException e) {
      throw new Refused(Cause.MALFORMED_SIGNATURE, "the x5u %s is not a URL".formatted(shown));
    }
    if (!url.isAbsolute()) {
      if (base == null) {
        throw Refused.undecided(
            Cause.CHAIN_NOT_REACHABLE,
            "the x5u %s is relative, and there is no server".formatted(shown),
            "name a file that holds the chain with --chain");
      }
      url = Urls.resolve(base.get(), x5u);
      shown = ContentSignature.shown(url.toString());
    }
    String wrong = wrong(url, List.of());
    if (wrong != null) {
      throw new Refused(
          Cause.CHAIN_NOT_REACHABLE, "the x5u %s is not read: %s".formatted(shown, wrong));
    }
    String unproven = refusal(url, List.of());
    if (unproven != null) {
      throw Refused.undecided(
          Cause.CHAIN_NOT_REACHABLE,
          "the x5u %s is not read: %s".formatted(shown, unproven),
          "a pinned root proves the chain, whoever may have altered it on its way");
    }
    return url;
  }

  /**
   * Why a chain is not read from a URL, or null.
   *
   * @param addresses of its host; none if they are not known, as behind a proxy: then only an
   *     address that the URL itself spells is judged
   */
  public String refusal(URI url, List<InetAddress> addresses) {
    String wrong = wrong(url, addresses);
    return wrong != null || Urls.isSecure(url) || rootPinned || isServerOnLoopback()
        ? wrong
        : "http needs a pinned root, set ROOT_HASH";
  }

  /** What is wrong with a URL, whatever its root may prove; or null. */
  private String wrong(URI url, List<InetAddress> addresses) {
    if (!Urls.isWeb(url)) {
      return "expected https://HOST/…";
    }
    if (Urls.userInfo(url) != null) {
      return "expected a URL without user info";
    }
    return Addresses.refusal(Urls.host(url), addresses, isServerOnLoopback());
  }

  private boolean isServerOnLoopback() {
    return server != null && Urls.isLoopback(Urls.host(server));
  }
}
