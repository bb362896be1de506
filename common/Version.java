//JAVA 25+

package common;

/** The version of all commands. */
public final class Version {

  public static final String NUMBER = "0.7.0";

  private Version() {}
}
