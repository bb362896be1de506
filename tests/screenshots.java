///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Tool: Take the pictures of the pages that stand in docs, with Chromium.
//JAVA 25+
//SOURCES Browser.java
//SOURCES ../bench/Peers.java
//SOURCES ../deploy/Project.java
//SOURCES SamplePages.java
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.imageio.ImageIO;

/**
 * Renders the public blocklist of 2016 and the sample of what clients report, and takes the
 * pictures that the pages of docs show. What the pages show in the system's font is in Inter, which
 * is downloaded.
 */
public class screenshots {

  private static final String UPTAKE = "uptake.html";

  private static final String USAGE = "Usage: ./jbang screenshots\n";
  private static final String HELP =
      """
      Take the pictures of the pages that stand in docs, with Chromium.

      %s
      It writes them into docs/blockpages and docs/uptake. Look at them before you
      commit.
      """
          .formatted(USAGE);

  public static void main(String[] args) throws IOException {
    if (args.length > 0) {
      boolean asksForHelp = args[0].matches("-h|--help");
      (asksForHelp ? System.out : System.err).print(asksForHelp ? HELP : USAGE);
      System.exit(asksForHelp ? 0 : 2);
    }
    Path pages = Files.createTempDirectory("blockpages-");
    try {
      SamplePages.write(pages);
      SamplePages.writeUptake(pages.resolve(UPTAKE));
      String font = font();
      take(
          "blockpages/page-phone-light",
          font,
          page -> {
            page.phone().light().open(pages.resolve(SamplePages.MILD));
            return page::wholeScreenshot;
          });
      take(
          "blockpages/index-phone-dark",
          font,
          page -> {
            page.phone().dark().open(pages.resolve("index.html")).type("#words", "Dec 2012");
            return page::screenshot; // a month of which some are disabled and some are not
          });
      take(
          "uptake/chart-desktop-light",
          font,
          page -> {
            page.size(1024, 768, 1).light().open(pages.resolve(UPTAKE));
            return page::wholeScreenshot;
          });
    } finally {
      Peers.delete(pages);
    }
    System.exit(0); // Chromium ends with this process
  }

  /** A script that shows a page in Inter. */
  private static String font() throws IOException {
    String name = "import fontpkg_inter as f; print(*f.__path__)";
    Path folder =
        Path.of(Project.run(Peers.INTER.path(), "-c", name).go().stdout().strip(), "files");
    byte[] font = Files.readAllBytes(folder.resolve("Inter[opsz,wght].ttf"));
    return """
    (async () => {
      const bytes = Uint8Array.from(atob('%s'), c => c.charCodeAt(0));
      const font = new FontFace('Inter', bytes, {weight: '100 900'});
      document.fonts.add(await font.load());
      document.body.style.fontFamily = 'Inter';
    })()
    """
        .formatted(Base64.getEncoder().encodeToString(font));
  }

  /** A picture (PNG) of at most 256 colours, which takes a third of the space. */
  private static byte[] reduced(byte[] png) throws IOException {
    ByteArrayOutputStream reduced = new ByteArrayOutputStream();
    BufferedImage picture = ImageIO.read(new ByteArrayInputStream(png));
    ImageIO.write(picture, "gif", reduced); // chooses the colours
    picture = ImageIO.read(new ByteArrayInputStream(reduced.toByteArray()));
    reduced.reset();
    ImageIO.write(picture, "png", reduced);
    return reduced.toByteArray();
  }

  /**
   * Takes a picture.
   *
   * @param shown opens a page, and says how it is taken
   */
  private static void take(String name, String font, Function<Browser.Page, Supplier<byte[]>> shown)
      throws IOException {
    try (Browser.Page page = Browser.page()) {
      Supplier<byte[]> picture = shown.apply(page);
      page.evaluate(font);
      Path file = Project.root().resolve("docs/%s.png".formatted(name));
      Files.write(file, reduced(picture.get()));
    }
    System.out.println(name);
  }
}
