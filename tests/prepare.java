///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Download what the tests compare with: Python packages in virtual environments, an S3 server.
//JAVA 25+
//SOURCES Peers.java

/**
 * Makes the peers of the tests ready ahead of time, as {@code ./jbang test} does by itself.
 *
 * <p>Prints a line per peer. Exit codes: 0 all are ready, 2 one is not; its line says why.
 */
public class prepare {
  public static void main(String[] args) {
    if (args.length > 0) {
      System.err.println("usage: ./jbang prepare");
      System.exit(args[0].matches("-h|--help") ? 0 : 2);
    }
    int code = 0;
    for (Peers.Peer peer : Peers.prepare(System.out::println)) {
      System.out.println((peer.isReady() ? "ready    " : "MISSING  ") + peer);
      code = peer.isReady() ? code : 2;
    }
    System.exit(code);
  }
}
