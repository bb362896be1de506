///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: download what the tests compare with: Python packages in virtual environments, an S3 server.
//JAVA 25+
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//SOURCES ../bench/Peers.java

/**
 * Downloads all peers of the tests ahead of time, as {@code ./jbang test} does before it runs all
 * tests.
 *
 * <p>Prints a line for each peer: its version, or why it is missing. Exit codes: 0 done, 2 one is
 * missing and {@code REQUIRE_PEERS=1} is in the environment; without it, tests are skipped.
 */
public class prepare {
  public static void main(String[] args) {
    if (args.length > 0) {
      System.err.println("usage: ./jbang prepare");
      System.exit(args[0].matches("-h|--help") ? 0 : 2);
    }
    boolean areAllReady =
        Peers.prepareAll(
            peer -> System.out.println((peer.prepare() ? "ready    " : "MISSING  ") + peer));
    System.exit(areAllReady || !Peers.areRequired() ? 0 : 2);
  }
}
