///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: download what the tests compare with: Python packages in virtual environments, an S3 server.
//JAVA 25+
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//SOURCES ../bench/Peers.java

/**
 * Makes the peers of the tests ready ahead of time, as {@code ./jbang test} does by itself.
 *
 * <p>Prints a line per peer; that of one that is missing says why. Exit codes: 0 done, 2 one is
 * missing and {@code REQUIRE_PEERS=1} is in the environment: without it, tests are skipped.
 */
public class prepare {
  public static void main(String[] args) {
    if (args.length > 0) {
      System.err.println("usage: ./jbang prepare");
      System.exit(args[0].matches("-h|--help") ? 0 : 2);
    }
    boolean areAllReady = true;
    for (Peers.Peer peer : Peers.prepare(System.out::println)) {
      System.out.println((peer.isReady() ? "ready    " : "MISSING  ") + peer);
      areAllReady &= peer.isReady();
    }
    System.exit(areAllReady || !Peers.areRequired() ? 0 : 2);
  }
}
