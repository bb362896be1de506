///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: take the pictures of the pages that stand in docs, with Chromium.
//JAVA 25+
//SOURCES Browser.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES SamplePages.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Renders the public blocklist of 2016 and the sample of what clients report, and takes pictures of
 * the list, of one page and of the chart: on a phone and on a desktop, light and dark.
 */
public class screenshots {

  private static final String UPTAKE = "uptake.html";

  public static void main(String[] args) throws IOException {
    if (args.length > 0) {
      System.err.println("usage: ./jbang screenshots");
      System.exit(args[0].matches("-h|--help") ? 0 : 2);
    }
    Path pages = Files.createTempDirectory("blockpages-");
    try {
      SamplePages.write(pages);
      SamplePages.writeUptake(pages.resolve(UPTAKE));
      for (String file : new String[] {"index.html", SamplePages.MILD, UPTAKE}) {
        for (boolean isPhone : new boolean[] {true, false}) {
          for (boolean isDark : new boolean[] {false, true}) {
            take(pages.resolve(file), isPhone, isDark);
          }
        }
      }
    } finally {
      Peers.delete(pages);
    }
    System.exit(0); // Chromium ends with this process
  }

  /** The list as far as it fits the screen; a page as a whole. */
  private static void take(Path html, boolean isPhone, boolean isDark) throws IOException {
    boolean isIndex = html.endsWith("index.html");
    boolean isUptake = html.endsWith(UPTAKE);
    String name =
        "docs/%s-%s-%s.png"
            .formatted(
                isUptake ? "uptake/chart" : isIndex ? "blockpages/index" : "blockpages/page",
                isPhone ? "phone" : "desktop",
                isDark ? "dark" : "light");
    try (Browser.Page page = Browser.page()) {
      Browser.Page sized = isPhone ? page.phone() : page.size(1024, 768, 1);
      (isDark ? sized.dark() : sized.light()).open(html);
      Path picture = Project.root().resolve(name);
      Files.createDirectories(picture.getParent());
      Files.write(picture, isIndex ? page.screenshot() : page.wholeScreenshot());
    }
    System.out.println(name);
  }
}
