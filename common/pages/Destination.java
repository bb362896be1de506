//JAVA 25+

package common.pages;

import java.util.Map;

/** Where pages are published. */
public interface Destination extends AutoCloseable {

  /**
   * A page that is to be published.
   *
   * @param file its name
   * @param html in UTF-8
   */
  record Page(String file, byte[] html) {

    /** The page that links to all others. */
    public static final String INDEX = "index.html";

    public boolean isIndex() {
      return file.equals(INDEX);
    }
  }

  /** The destination cannot be read or written, and why. */
  final class Unavailable extends Exception {
    private static final long serialVersionUID = 1;
    private final String hint;

    Unavailable(String message, String hint, Throwable cause) {
      super(message, cause);
      this.hint = hint;
    }

    /** What to do about it, or null. */
    public String hint() {
      return hint;
    }
  }

  /** {@code Amazon S3 bucket amo-blocked-pages}, or the folder. */
  String name();

  /** Says what is about to be done there, and as whom. */
  String announcement(String what);

  /** The HTML files that are there, each with the tag that {@link #holds} compares. */
  Map<String, String> files() throws Unavailable;

  /**
   * Whether a page is there already, with the same content.
   *
   * @param tag of {@link #files}
   */
  boolean holds(Page page, String tag) throws Unavailable;

  /** Whether the same command made a file that is there. */
  boolean isOurs(String file) throws Unavailable;

  /** Whether it must be made before the first page; known after {@link #files}. */
  boolean isMissing();

  /** Makes it, if it is missing. */
  void open() throws Unavailable;

  void put(Page page) throws Unavailable;

  void delete(String file) throws Unavailable;

  @Override
  void close();
}
