///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Download what the tests compare with: Python packages in virtual environments, an S3 server.
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
  private static final String USAGE = "Usage: ./jbang prepare\n";
  private static final String HELP =
      """
      Download what the tests compare with, such as Python packages and an S3 server.

      %s
      ./jbang test does that, too, before it runs all tests. It takes some minutes the
      first time, and a second later. What it downloads is kept in your cache folder.

      Exit codes:
        0  done; a test is skipped if what it needs is missing
        2  something is missing, and REQUIRE_PEERS=1 is set
      """
          .formatted(USAGE);

  public static void main(String[] args) {
    if (args.length > 0) {
      boolean asksForHelp = args[0].matches("-h|--help");
      (asksForHelp ? System.out : System.err).print(asksForHelp ? HELP : USAGE);
      System.exit(asksForHelp ? 0 : 2);
    }
    boolean areAllReady =
        Peers.prepareAll(
            peer -> System.out.println((peer.prepare() ? "ready    " : "MISSING  ") + peer));
    System.exit(areAllReady || !Peers.areRequired() ? 0 : 2);
  }
}
