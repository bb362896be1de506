//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES Browser.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The browser shows what a test asks for, and tells what it sees. */
class BrowserTest {

  private static final String PAGE =
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Lamps</title>
      <style>
      body { background: white; color: black; margin: 0; height: 2000px }
      main { padding: 1px }
      @media (prefers-color-scheme: dark) { body { background: #101010; color: white } }
      @media print { p { display: none } }
      </style>
      </head>
      <body>
      <main>
      <h1>Lamps</h1>
      <p id="said">nothing yet</p>
      <label>Search <input id="box"></label>
      <button id="clear">Clear</button>
      </main>
      <script>
      const said = document.getElementById('said');
      const box = document.getElementById('box');
      said.textContent = 'ready';
      box.oninput = () => said.textContent = 'looking for ' + box.value;
      box.onkeydown = event => { if (event.key === 'Enter') said.textContent = 'entered'; };
      document.getElementById('clear').onclick = () => said.textContent = 'clear';
      </script>
      </body>
      </html>
      """;

  @TempDir Path folder;

  private Path file(String html) throws IOException {
    return Files.writeString(folder.resolve("page.html"), html);
  }

  private static BufferedImage picture(byte[] png) throws IOException {
    return ImageIO.read(new ByteArrayInputStream(png));
  }

  private static String corner(BufferedImage picture) {
    return "%06x".formatted(picture.getRGB(picture.getWidth() - 1, 0) & 0xffffff);
  }

  @Test
  void a_page_with_a_dark_style_is_dark_for_who_wants_it() throws IOException {
    try (Browser.Page page = Browser.page().open(file(PAGE))) {
      assertEquals("ffffff", corner(picture(page.light().screenshot())));
      assertEquals("101010", corner(picture(page.dark().screenshot())));
      assertEquals("101010", corner(picture(page.open(file(PAGE)).wholeScreenshot())));
    }
  }

  @Test
  void pictures_have_the_size_that_was_asked_for() throws IOException {
    try (Browser.Page page = Browser.page().phone().open(file(PAGE))) {
      assertEquals(360, page.evaluate("innerWidth").asInt(0));
      BufferedImage part = picture(page.screenshot());
      assertEquals(List.of(720, 1480), List.of(part.getWidth(), part.getHeight()));
      BufferedImage whole = picture(page.wholeScreenshot());
      assertEquals(List.of(720, 4000), List.of(whole.getWidth(), whole.getHeight()));
      page.size(500, 300, 1).save(folder.resolve("page.png"));
      BufferedImage saved = picture(Files.readAllBytes(folder.resolve("page.png")));
      assertEquals(List.of(500, 2000), List.of(saved.getWidth(), saved.getHeight()));
    }
  }

  @Test
  void a_printer_gets_what_is_meant_for_it() throws IOException {
    try (Browser.Page page = Browser.page().open(file(PAGE))) {
      assertEquals("ready", page.text("#said"));
      page.media("print");
      assertEquals("none", page.evaluate("getComputedStyle(said).display").asString(""));
      assertTrue(new String(page.pdf(), StandardCharsets.ISO_8859_1).startsWith("%PDF-"));
    }
  }

  @Test
  void what_is_typed_and_clicked_comes_to_the_page() throws IOException {
    try (Browser.Page page = Browser.page().open(file(PAGE))) {
      page.type("#box", "é 😀");
      assertEquals("looking for é 😀", page.text("#said"));
      page.press("x");
      assertEquals("looking for é 😀x", page.text("#said"));
      page.press("Enter");
      assertEquals("entered", page.text("#said"));
      page.press("Tab");
      assertEquals("clear", page.evaluate("document.activeElement.id").asString(""));
      page.click("#clear").await("said.textContent === 'clear'");
      assertTrue(page.dom().contains("<p id=\"said\">clear</p>"), page.dom());
    }
  }

  @Test
  void scripts_can_be_off() throws IOException {
    try (Browser.Page page = Browser.page().withoutScripts().open(file(PAGE))) {
      assertEquals("nothing yet", page.text("#said"));
    }
  }

  @Test
  void console_and_requests_tell_what_went_wrong() throws IOException {
    Path page = file(PAGE);
    try (Browser.Page quiet = Browser.page().open(page)) {
      assertEquals(List.of(), quiet.console());
      assertEquals(List.of(page.toUri().toString()), quiet.requests());
    }
    Files.writeString(
        page, "<!DOCTYPE html><title>x</title><script>console.log('a', 1); nothing()</script>");
    try (Browser.Page loud = Browser.page().open(page)) {
      assertEquals(
          List.of("log: a 1", "exception: ReferenceError: nothing is not defined"),
          loud.console().stream().map(line -> line.lines().findFirst().orElse("")).toList());
    }
    Files.writeString(page, "<!DOCTYPE html><title>x</title><img src='there-is-none.png' alt=''>");
    try (Browser.Page incomplete = Browser.page().open(page)) {
      assertEquals(
          List.of("error: Failed to load resource: net::ERR_FILE_NOT_FOUND"), incomplete.console());
      assertEquals(
          List.of(
              page.toUri().toString(), page.resolveSibling("there-is-none.png").toUri().toString()),
          incomplete.requests());
    }
  }

  @Test
  void what_a_policy_refuses_is_told() throws IOException {
    Path page =
        file(
            """
            <!DOCTYPE html>
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'">
            <title>x</title>
            <style>p { color: red }</style>
            <script>document.title = 'y'</script>
            <img src="there-is-none.png" alt="">
            """);
    try (Browser.Page refused = Browser.page().open(page)) {
      assertEquals("x", refused.evaluate("document.title").asString(""));
      List<String> console = refused.console();
      assertEquals(3, console.size(), console::toString);
      for (String line : console) {
        assertTrue(line.matches("error: .* violates the following .*"), line);
      }
    }
  }

  @Test
  void axe_finds_what_a_blind_reader_misses_in_spite_of_a_policy() throws IOException {
    String policy =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
            + " style-src 'unsafe-inline'\">";
    try (Browser.Page page = Browser.page().open(file(PAGE))) {
      assertEquals(List.of(), page.violations());
    }
    String bad =
        PAGE.replace("<title>", policy + "<title>").replace("</h1>", "</h1><img src=\"x\">");
    try (Browser.Page page = Browser.page().open(file(bad))) {
      List<String> found = page.violations();
      assertEquals(1, found.size(), found::toString);
      assertTrue(found.getFirst().startsWith("image-alt (critical) img: "), found::toString);
    }
  }
}
