//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../blockpages_generator.java
//SOURCES ../common/RemoteSettings.java
//SOURCES Browser.java
//SOURCES Html.java
//SOURCES SamplePages.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Place;
import common.pages.Destination.Page;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The pages of the real blocklist in a real browser, and what a validator says of them. */
class BlockPagesBrowserTest {

  @TempDir private static Path folder;

  @BeforeAll
  static void render() throws IOException {
    SamplePages.write(folder);
    List<blockpages_generator.Block> odd =
        Stream.of(
                Map.<String, Object>of(
                    "details",
                    Map.of(
                        "name",
                        "Toolbar".repeat(43),
                        "why",
                        "It changes settings without asking. ".repeat(80))),
                Map.<String, Object>of("blockID", "../x"),
                Map.<String, Object>of(
                    "blockID", "emoji", "details", Map.of("name", "💥 & <b>\"'</b>")),
                Map.<String, Object>of(
                    "blockID",
                    "html",
                    "last_modified",
                    1_400_000_000_000L,
                    "details",
                    Map.of(
                        "why",
                        "<p>One <b>two</p><ul><li>three<li>four</ul><p><ul></ul><a"
                            + " href='https://a.b/?x=1&y=2'>f<a"
                            + " href='http://c.d'>g</a></a><br><h1>h</h1>",
                        "who",
                        "<li>alone</li>text<table><tr><td>cell</table>\n\nmore")))
            .map(record -> blockpages_generator.Block.of(new Place("a", "b"), "record", record))
            .toList();
    for (Page page : blockpages_generator.render(blockpages_generator.Site.of(odd), null)) {
      Files.write(
          folder.resolve(page.file().equals("index.html") ? "odd-index.html" : page.file()),
          page.html());
    }
    for (Page page : blockpages_generator.render(blockpages_generator.Site.of(List.of()), null)) {
      Files.write(folder.resolve("empty-index.html"), page.html());
    }
  }

  private static List<String> pages() {
    return List.of(
        "index.html",
        SamplePages.MILD,
        SamplePages.STRICT,
        "record.html",
        "emoji.html",
        "html.html",
        "odd-index.html",
        "empty-index.html");
  }

  private static Path file(String page) {
    return folder.resolve(page);
  }

  private static int shown(Browser.Page page) {
    return page.evaluate(
            "[...document.querySelectorAll('.blocks li')].filter(e => e.offsetHeight).length")
        .asInt(-1);
  }

  private static boolean isVisible(Browser.Page page, String selector) {
    return page.evaluate("document.querySelector('" + selector + "').offsetHeight > 0")
        .asBoolean(false);
  }

  @ParameterizedTest
  @MethodSource("pages")
  void pages_are_valid_html(String page) throws IOException {
    assertEquals(List.of(), Html.errors(Files.readString(file(page))));
  }

  @Test
  void pages_of_the_sample_are_valid_html() throws IOException {
    List<String> errors = new ArrayList<>();
    List<Page> pages = SamplePages.render();
    for (int i = 0; i < pages.size(); i += 10) { // each takes a quarter of a second
      Page page = pages.get(i);
      Html.errors(new String(page.html(), StandardCharsets.UTF_8)).stream()
          .map(error -> page.file() + ": " + error)
          .forEach(errors::add);
    }
    assertEquals(List.of(), errors);
  }

  @ParameterizedTest
  @MethodSource("pages")
  void axe_finds_nothing_on_a_light_phone_and_a_dark_desktop(String name) {
    assertEquals(List.of(), Browser.violations(file(name)));
  }

  @ParameterizedTest
  @MethodSource("pages")
  void a_page_asks_for_nothing_but_itself_and_nothing_of_it_is_refused(String name) {
    try (Browser.Page page = Browser.page()) {
      page.open(file(name));
      assertEquals(List.of(file(name).toUri().toString()), page.requests());
      assertEquals(List.of(), page.console());
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void a_page_is_not_wider_than_a_phone(String name) {
    try (Browser.Page page = Browser.page()) {
      page.phone().open(file(name));
      assertTrue(page.evaluate("document.documentElement.scrollWidth <= 360").asBoolean(false));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<script>document.title = 'bad'</script>",
        "<img src=x onerror=\"document.title = 'bad'\">"
      })
  void a_script_that_got_into_a_page_would_not_run(String script) throws IOException {
    Path spoiled =
        Files.writeString(
            folder.resolve("spoiled.html"),
            Files.readString(file("index.html")).replace("<h1>", script + "<h1>"));
    try (Browser.Page page = Browser.page()) {
      page.open(spoiled);
      assertEquals("Blocked Add-ons", page.evaluate("document.title").asString(""));
      assertTrue(page.console().toString().contains("Content Security Policy"), "nothing refused");
    }
  }

  @Test
  void the_search_shows_entries_that_hold_all_words_and_their_years() {
    try (Browser.Page page = Browser.page()) {
      page.open(file("index.html"));
      int all = shown(page);
      assertEquals(418, all);
      page.type("#words", "JAVA  linux 2013");
      assertTrue(shown(page) > 0 && shown(page) < 20, "shown: " + shown(page));
      assertEquals(shown(page) + " of 418", page.text("#found"));
      assertEquals(
          "2013",
          page.evaluate(
                  "[...document.querySelectorAll('h2')].filter(e => e.offsetHeight).map(e =>"
                      + " e.textContent).join()")
              .asString(""));
      assertEquals("2013", page.text(".years"));
      page.press("Enter"); // sends no form
      assertEquals(List.of(file("index.html").toUri().toString()), page.requests());
      page.evaluate("document.querySelector('#words').select()");
      page.type("#words", "no such thing");
      assertEquals(0, shown(page));
      assertEquals("0 of 418", page.text("#found"));
      assertEquals(List.of(), page.violations());
      page.evaluate("document.querySelector('#words').select()");
      page.press("Backspace");
      assertEquals(418, shown(page));
      assertEquals("", page.text("#found"));
    }
  }

  @Test
  void a_line_divides_two_entries_that_are_shown_and_nothing_else() {
    try (Browser.Page page = Browser.page()) {
      page.open(file("index.html"));
      String lines =
          "[...document.querySelectorAll('section:not([hidden]) ul')].map(list =>"
              + " [...list.children].filter(e => !e.hidden).map(e =>"
              + " parseFloat(getComputedStyle(e).borderTopWidth)))"
              + ".every(all => all.every((width, i) => width === (i === 0 ? 0 : 1)))";
      assertTrue(page.evaluate(lines).asBoolean(false));
      page.type("#words", "silverlight");
      assertTrue(page.evaluate(lines).asBoolean(false));
    }
  }

  @Test
  void without_scripts_the_list_is_whole_and_there_is_no_search_that_does_nothing() {
    try (Browser.Page page = Browser.page()) {
      page.withoutScripts().open(file("index.html"));
      assertEquals(418, shown(page));
      assertTrue(!isVisible(page, "#search"));
    }
  }

  @Test
  void a_page_leads_back_to_the_list_and_the_list_to_the_page() {
    try (Browser.Page page = Browser.page()) {
      page.open(file(SamplePages.MILD)).click(".back");
      page.await("location.pathname.endsWith('/index.html') && document.readyState === 'complete'");
      page.click("a[href='" + SamplePages.STRICT + "']");
      page.await("location.pathname.endsWith('/" + SamplePages.STRICT + "')");
    }
  }

  @Test
  void links_in_the_list_are_large_enough_for_a_thumb() {
    try (Browser.Page page = Browser.page()) {
      page.phone().open(file("index.html"));
      assertTrue(
          page.evaluate(
                      "Math.min(...[...document.querySelectorAll('.years a, .back, input')]"
                          + ".map(e => e.getBoundingClientRect().height))")
                  .asDouble(0)
              >= 44);
    }
  }

  @Test
  void what_is_printed_has_no_search_and_shows_where_links_lead() {
    try (Browser.Page page = Browser.page()) {
      page.media("print").open(file("index.html"));
      assertTrue(!isVisible(page, "#search"));
      assertTrue(!isVisible(page, "nav"));
      page.open(file(SamplePages.MILD));
      assertTrue(
          page.evaluate("getComputedStyle(document.querySelector('footer a'), '::after').content")
              .asString("")
              .contains("https://bugzilla.mozilla.org/"));
      assertTrue(page.pdf().length > 1000);
    }
  }
}
