//JAVA 25+
//SOURCES Urls.java

package common;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.List;

/**
 * Decides where a request may go whose URL somebody else has chosen. {@link Http} asks before each
 * hop: the first URL, and each that a redirect leads to.
 *
 * <p>The name of a host is looked up here. Over http, the request is sent to an address that the
 * rule has seen, whatever the name servers say a moment later. With TLS, the certificate proves
 * that it is that host. A proxy looks up names itself.
 *
 * @param resolver looks up names; tests pass one that knows its hosts
 */
public record Guard(Rule rule, Resolver resolver) {

  /** Says what is allowed. */
  public interface Rule {
    /**
     * @param addresses of the hop's host; none if a proxy looks up its name
     * @return why nothing may be sent there, or null
     */
    String refusal(URI hop, List<InetAddress> addresses);
  }

  /** Finds the addresses of a host. */
  public interface Resolver {
    InetAddress[] addresses(String host) throws UnknownHostException;
  }

  /** A guard that asks the name servers of this machine. */
  public static Guard of(Rule rule) {
    return new Guard(rule, InetAddress::getAllByName);
  }

  /** The addresses of a hop's host; none if a proxy looks up its name. */
  List<InetAddress> addresses(URI hop, boolean proxied) throws UnknownHostException {
    return proxied ? List.of() : List.of(resolver.addresses(Urls.host(hop)));
  }
}
