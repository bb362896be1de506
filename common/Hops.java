//JAVA 25+
//SOURCES BodyStream.java Connections.java Guard.java Proxies.java ServerException.java Urls.java

package common;

import common.ServerException.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Judges each hop of a request, the first one and those that redirects lead to. */
record Hops(Proxies proxies, Connections connections) {

  /**
   * What is found of a hop.
   *
   * @param refusal why nothing may be sent there, or null
   * @param kind of the refusal
   * @param address to which the request must be sent; null if it is sent to the host itself
   */
  record Judged(String refusal, Kind kind, InetAddress address) {}

  /**
   * Judges a hop by the request's guard. Without one, a redirect to another host is judged by where
   * the first host is.
   *
   * @param deadline for looking up names, by {@link System#nanoTime}
   */
  Judged judge(URI first, URI hop, Guard guard, long deadline)
      throws IOException, InterruptedException {
    String unsupported = proxies.unsupported(hop);
    if (unsupported != null) {
      return new Judged(unsupported, Kind.UNSUPPORTED, null);
    }
    if (guard != null || !Urls.host(hop).equalsIgnoreCase(Urls.host(first))) {
      return lookUp(() -> judge(hop, guard != null ? guard : redirects(first)), deadline);
    }
    InetAddress address =
        Urls.hasUnderscore(hop) ? lookUp(() -> connections.address(hop, null), deadline) : null;
    return new Judged(null, null, address);
  }

  /** Looks up names on a thread of its own: nothing ends a look-up that hangs. */
  private static <T> T lookUp(Callable<T> names, long deadline)
      throws IOException, InterruptedException {
    FutureTask<T> task = new FutureTask<>(names);
    Thread.ofPlatform().daemon().start(task);
    try {
      return task.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException(BodyStream.LATE);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  private Guard redirects(URI first) throws UnknownHostException {
    return connections.redirectsOf(first, proxies.of(first).isPresent());
  }

  private Judged judge(URI hop, Guard guard) throws UnknownHostException {
    var addresses = guard.addresses(hop, proxies.of(hop).isPresent());
    InetAddress judged = Urls.isSecure(hop) || addresses.isEmpty() ? null : addresses.getFirst();
    return new Judged(
        guard.rule().refusal(hop, addresses), Kind.NOT_ALLOWED, connections.address(hop, judged));
  }
}
