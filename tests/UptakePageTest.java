//DEPS org.jsoup:jsoup:1.24.1
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../common/signature/CanonicalJson.java
//SOURCES ../uptake_health.java
//SOURCES Browser.java
//SOURCES Html.java
//SOURCES ../deploy/Project.java
//SOURCES ../server/Store.java
//SOURCES Terminal.java
//SOURCES UptakeHealthTest.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * The page of {@code uptake_health}: as text, in a real browser, and as a validator sees it; of the
 * sample, and of sources that a page could break at.
 */
class UptakePageTest {

  private static final String HTML = "<b>bold</b><script>document.title = 'bad'</script>&amp;\"'";
  private static final String LONG = "main/" + "x".repeat(295);
  private static final String RIGHT_TO_LEFT =
      "\u05e9\u05dc\u05d5\u05dd/\u202e\u2067\u200fabc\u2069";

  @TempDir private static Path folder;

  private static final Map<String, Document> pages = new LinkedHashMap<>();

  // ---- what the tests are made of

  private static uptake_health.Rules rules(String threshold, String... thresholds)
      throws Exception {
    return new uptake_health.Rules(
        List.of("normandy/*", "left & right", "main/url-classifier-skip-urls"),
        1000,
        new BigDecimal(threshold),
        uptake_health.thresholds(List.of(thresholds)),
        null,
        Terminal.NOW);
  }

  private static void add(
      String name,
      List<uptake_health.Row> rows,
      uptake_health.Rules rules,
      uptake_health.Earlier earlier)
      throws Exception {
    byte[] html =
        uptake_health.page(
            uptake_health.judge(rows, rules), uptake_health.Period.of(rows), rules, earlier, null);
    Files.write(folder.resolve(name + ".html"), html);
    pages.put(name, Jsoup.parse(new String(html, StandardCharsets.UTF_8)));
  }

  private static void add(String name, uptake_health.Rules rules, String... rows) throws Exception {
    add(name, UptakeHealthTest.rows(rows), rules, uptake_health.Earlier.NONE);
  }

  @BeforeAll
  static void render() throws Exception {
    add(
        "sample",
        sample("uptake"),
        rules("2.0", "security-state/onecrl = 5.5"),
        uptake_health.Earlier.NONE);
    add(
        "compared",
        sample("uptake"),
        rules("2.0"),
        uptake_health.Earlier.of(sample("uptake-yesterday"), 1000));
    add("well", rules("2.0"), row("main/a", 10_000, 100), row("main/b", 10_000, 3));
    add("single", rules("2.0"), row("main/a", 10_000, 100));
    add("none", rules("2.0"), row("main/a", 10_000, 0), row("main/b", 10_000, 0));
    add("all", rules("2.0"), row("main/a", 0, 10_000), row("main/b", 1, 9999));
    add("zero", rules("0"), row("main/a", 10_000, 0), row("main/b", 9_999_999, 1));
    add("nothing", rules("0"), row("main/a", 10_000, 0));
    add("hundred", rules("100"), row("main/a", 0, 10_000), row("main/b", 9000, 1000));
    add(
        "many",
        rules("2.0"),
        IntStream.range(0, 100)
            .mapToObj(i -> row("main/source-" + i, 100_000, i * 137L % 4000))
            .toArray(String[]::new));
    add(
        "left-out",
        rules("2.0"),
        row("main/a", 10_000, 0),
        row("main/few", 999, 0),
        row("main/no", 0, 0),
        row("normandy/x", 10_000, 0),
        row("left & right", 10_000, 0),
        UptakeHealthTest.row("main/<odd>", "\"success\":\"<i>1</i>\""));
    add(
        "statuses",
        rules("2.0"),
        UptakeHealthTest.row(
            "main/a",
            "\"network_error\":40,\"odd_error\":30,\"sign_error\":20,\"sync_error\":10,"
                + "\"success\":1000"),
        UptakeHealthTest.row("main/a'; b", "\"signature_error\":30,\"success\":1000"));
    List<String> hostile = new ArrayList<>();
    for (String name :
        List.of(HTML, LONG, RIGHT_TO_LEFT, "a\u0000b\u0007", "{{ 7 * 7 }}", "é 😀")) {
      hostile.add(
          UptakeHealthTest.row(
              name + "1",
              "\"success\":1000,%s:500,\"b_error\":7"
                  .formatted(Store.JSON.writeValueAsString(name + "_error"))));
      hostile.add(row(name + "2", 10_000, 1));
      hostile.add(row(name + "3", 1, 1));
      hostile.add(UptakeHealthTest.row(name + "4", "\"success\":true"));
    }
    add("hostile", rules("2.0"), hostile.toArray(String[]::new));
  }

  private static List<uptake_health.Row> sample(String name) throws Exception {
    Path file = Project.root().resolve("server/sample/%s.json".formatted(name));
    return uptake_health.rows(Json.parse(new ByteArrayInputStream(Files.readAllBytes(file))));
  }

  private static String row(String source, long good, long bad) {
    return UptakeHealthTest.row(source, good, bad);
  }

  private static List<String> pages() {
    return List.of(
        "sample",
        "compared",
        "well",
        "single",
        "none",
        "all",
        "zero",
        "nothing",
        "hundred",
        "many",
        "left-out",
        "statuses",
        "hostile");
  }

  private static Path file(String page) {
    return folder.resolve(page + ".html");
  }

  private static List<Element> bars(String page) {
    return pages.get(page).select("table.chart > tbody > tr");
  }

  private static double number(String text) {
    return Double.parseDouble(text.replaceAll("[,%]", ""));
  }

  /** The number behind a cell's sign and words. */
  private static double percentage(Element cell) {
    return number(cell.ownText());
  }

  private static double rate(Element bar) {
    double good = number(bar.select("[data-label=good]").text());
    double bad = number(bar.select("[data-label=bad]").text());
    return 100 * bad / (good + bad);
  }

  /** That of the row, or else the one that the page says of all others. */
  private static double threshold(Element bar) {
    String own = bar.select("[data-label=threshold]").text();
    String usual =
        bar.ownerDocument()
            .select("footer")
            .text()
            .replaceFirst("The threshold is ([0-9.]+)%.*", "$1");
    return number(own.isEmpty() ? usual : own);
  }

  private static List<String> texts(List<Element> elements) {
    return elements.stream().map(Element::text).toList();
  }

  // ---- what the page says

  @Test
  void the_title_is_the_verdict_and_the_period_is_named() {
    Document page = pages.get("sample");
    assertEquals("2 of 12 sources over their threshold: uptake of settings", page.title());
    assertEquals("▲ 2 of 12 sources over their threshold", page.select("h1").text());
    assertEquals(
        List.of("2026-11-23 00:00:00", "2026-11-23 23:59:59"), texts(page.select("header time")));
    assertEquals(
        "Error rates that clients report for each source of settings.",
        page.select("meta[name=description]").attr("content"));
    assertEquals(
        "The threshold is 2% where no other is shown; sources with fewer than 1,000 entries are"
            + " left out. Made by uptake_health, 2026-11-24 12:00:00 UTC.",
        page.select("footer").text());
    assertEquals("uptake_health", page.select("meta[name=generator]").attr("content"));
  }

  @ParameterizedTest
  @CsvSource({
    "well, No source over its threshold",
    "single, No source over its threshold",
    "none, No source over its threshold",
    "nothing, No source over its threshold",
    "hundred, No source over its threshold",
    "left-out, ▲ 1 of 2 sources without verdict",
    "zero, ▲ 1 of 2 sources over its threshold",
    "all, ▲ 2 of 2 sources over their threshold",
    "hostile, '▲ 6 of 18 sources over their threshold, 6 without verdict'",
  })
  void the_heading_says_how_many_are_over_their_threshold(String page, String heading) {
    assertEquals(heading, pages.get(page).select("h1").text());
  }

  @ParameterizedTest
  @MethodSource("pages")
  void a_page_without_findings_has_no_section_and_no_sign_of_them(String page) {
    Document shown = pages.get(page);
    boolean over = bars(page).stream().anyMatch(bar -> bar.hasClass("over"));
    boolean unknown = !shown.select("#unknown").isEmpty();
    assertEquals(over, !shown.select("section[aria-labelledby=statuses]").isEmpty());
    assertEquals(over || unknown, shown.select("h1").text().contains("▲"));
    assertEquals(over, shown.select("main").text().contains("▲"));
  }

  @Test
  void the_name_of_a_source_over_its_threshold_leads_to_its_statuses() {
    for (String name : List.of("sample", "many", "hostile", "all")) {
      Document page = pages.get(name);
      List<Element> links = page.select(".chart tbody a");
      assertEquals(bars(name).stream().filter(bar -> bar.hasClass("over")).count(), links.size());
      for (Element link : links) {
        assertEquals(link.text(), page.select(link.attr("href")).text());
      }
    }
  }

  @Test
  void every_source_that_is_judged_has_a_row_with_its_numbers() {
    assertEquals(
        List.of(
            "main/tippytop ▲over its threshold: 13.32% 832,453 127,922",
            "security-state/intermediates ▲over its threshold: 3.68% 1,913,314 73,146",
            "main/regions 1.97% 2,411,999 48,432",
            "settings-changes-monitoring 1.56% 19,787,338 314,111",
            "main/fxmonitor-breaches 1.31% 905,413 12,001",
            "main/newtab-wallpapers-v2 1.17% 45,432 540",
            "main/cfr 1.17% 1,963,551 23,229",
            "blocklists/addons 1.07% 1,027,245 11,081",
            "blocklists/plugins 0.70% 1,018,330 7,202",
            "main/search-config-v2 0.58% 1,564,121 9,200",
            "main/anti-tracking-url-decoration 0.24% 740,233 1,804",
            "security-state/onecrl 1.69% 5.5% 1,903,132 32,686"),
        texts(bars("sample")));
    assertEquals(
        List.of("Source", "Error rate", "Threshold", "Good", "Bad"),
        texts(pages.get("sample").select(".chart thead th:not(.scale)")));
    assertEquals(100, bars("many").size());
  }

  @ParameterizedTest
  @MethodSource("pages")
  void rows_come_by_how_far_they_are_over_their_threshold(String page) {
    List<Double> excess = bars(page).stream().map(bar -> rate(bar) - threshold(bar)).toList();
    List<Double> sorted = new ArrayList<>(excess);
    sorted.sort(Comparator.reverseOrder());
    assertEquals(sorted, excess);
  }

  @ParameterizedTest
  @MethodSource("pages")
  void what_is_over_its_threshold_is_told_by_sign_and_words_and_nothing_else_is(String page) {
    for (Element bar : bars(page)) {
      boolean over = rate(bar) > threshold(bar);
      assertEquals(over, bar.hasClass("over"), bar::text);
      assertEquals(
          over ? List.of("▲", "over its threshold:") : List.of(),
          texts(bar.select(".rate span")),
          bar::text);
      assertEquals(percentage(bar.selectFirst(".rate")), rate(bar), 0.00501, bar::text);
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void bars_and_marks_are_where_the_numbers_say_by_square_roots(String page) {
    List<Element> ticks = pages.get(page).select(".axis text");
    double top = number(ticks.getLast().text());
    assertEquals("100.00%", ticks.getLast().attr("x"));
    assertEquals("0", ticks.getFirst().text());
    for (Element tick : ticks) {
      assertEquals(
          100 * Math.sqrt(number(tick.text()) / top), number(tick.attr("x")), 0.00501, tick::text);
    }
    List<String> grid = ticks.stream().map(tick -> tick.attr("x")).toList();
    double largest = 0;
    for (Element bar : bars(page)) {
      largest = Math.max(largest, Math.max(rate(bar), threshold(bar)));
      Element rect = bar.selectFirst("svg.bar rect");
      assertEquals("0", rect.attr("x"));
      assertTrue(rect.attr("width").endsWith("%"));
      assertEquals(100 * Math.sqrt(rate(bar) / top), number(rect.attr("width")), 0.00501);
      for (Element mark : bar.select("svg .mark, svg .halo")) {
        assertEquals(100 * Math.sqrt(threshold(bar) / top), number(mark.attr("x1")), 0.00501);
        assertEquals(mark.attr("x1"), mark.attr("x2"));
      }
      assertEquals(1, bar.select("svg .mark").size());
      assertEquals(grid, bar.select("svg .grid").eachAttr("x1"));
      assertEquals(grid, bar.select("svg .grid").eachAttr("x2"));
      assertTrue(number(rect.attr("width")) <= 100 && number(rect.attr("width")) >= 0);
    }
    assertTrue(largest <= top, "the scale ends before " + largest);
  }

  @ParameterizedTest
  @CsvSource({
    "sample, 20",
    "well, 2",
    "none, 2",
    "all, 100",
    "zero, 0.01",
    "nothing, 0.01",
    "hundred, 100",
    "many, 5",
  })
  void the_scale_ends_where_all_can_be_seen(String page, double top) {
    assertEquals(top, number(pages.get(page).select(".axis text").last().text()));
  }

  private static final String CDN =
      "The CDN, if many sources have it; else the size of its records and attachments";

  private static final String PUBLISHED = "What was published last: when, and by whom";

  @Test
  void each_status_says_where_to_look_and_the_runbook_is_named() {
    assertEquals(
        List.of(CDN, "", "Its signature: validate_signature --only main/a", PUBLISHED),
        texts(pages.get("statuses").select("#source-1 + table .advice")));
    assertEquals(
        List.of("Its signature"),
        texts(pages.get("statuses").select("#source-2 + table .advice")),
        "no command for a name that a shell would not take as it is");
    for (String page : List.of("statuses", "left-out", "sample")) {
      assertEquals(
          "docs/runbooks/uptake-over-threshold.md",
          pages.get(page).select("section[aria-labelledby=next] code").text());
    }
    assertEquals(0, pages.get("well").select("section[aria-labelledby=next]").size());
  }

  @Test
  void a_threshold_is_shown_where_it_is_not_the_default() {
    assertEquals(List.of("5.5%"), texts(pages.get("sample").select("[data-label=threshold]")));
    assertEquals(
        List.of("Source", "Error rate", "Good", "Bad"),
        texts(pages.get("well").select(".chart thead th:not(.scale)")));
    assertEquals(0, pages.get("well").select("[data-label=threshold]").size());
  }

  @Test
  void the_error_rate_of_the_previous_result_is_beside_that_of_the_last() {
    Document page = pages.get("compared");
    assertEquals(
        List.of("Source", "Before", "Error rate", "Good", "Bad"),
        texts(page.select(".chart thead th:not(.scale)")));
    assertEquals(
        List.of(
            "main/tippytop 0.91% ▲over its threshold: 13.32% 832,453 127,922",
            "security-state/intermediates 1.36% ▲over its threshold: 3.68% 1,913,314 73,146",
            "main/regions 1.72% 1.97% 2,411,999 48,432"),
        texts(bars("compared")).subList(0, 3));
    assertEquals(
        List.of("new"),
        texts(page.select(".before:not([data-label])")),
        "a source that was not there");
    assertEquals(
        "What clients reported from 2026-11-23 00:00:00 to 2026-11-23 23:59:59 UTC. The previous"
            + " result ends 2026-11-22 23:59:59.",
        page.select("header p:last-child").text());
    assertEquals(0, pages.get("sample").select(".before").size());
  }

  @Test
  void of_sources_over_their_threshold_the_bad_statuses_are_listed() {
    Element section = pages.get("sample").selectFirst("section[aria-labelledby=statuses]");
    assertEquals(
        List.of("main/tippytop", "security-state/intermediates"), texts(section.select("h3")));
    assertEquals(
        List.of(
            "network_error 13.32% 127,922 " + CDN,
            "apply_error 2.07% 41,022 " + PUBLISHED,
            "network_error 1.52% 30,110 " + CDN,
            "sync_error 0.10% 2,014 " + PUBLISHED),
        texts(section.select("tbody tr")));
    assertEquals("Errors by status", section.select("h2").text());
  }

  @Test
  void what_was_left_out_is_listed_with_its_reason() {
    Document page = pages.get("left-out");
    assertEquals(
        List.of("main/few", "main/no", "normandy/x", "left & right"),
        texts(page.select("section[aria-labelledby=left-out] dt")));
    assertEquals(
        List.of(
            "only 999 of the required 1,000 entries",
            "no entries",
            "excluded by normandy/*",
            "excluded by left & right"),
        texts(page.select("section[aria-labelledby=left-out] dd")));
    assertEquals(
        "No verdict main/<odd> success is <i>1</i>, which is not a count",
        page.select("section[aria-labelledby=unknown]").text());
    assertEquals(List.of("main/a"), texts(page.select(".chart tbody th")));
  }

  @Test
  void sections_with_nothing_in_them_are_not_there() {
    assertEquals(1, pages.get("well").select("section").size());
    assertEquals(4, pages.get("sample").select("section").size());
    assertEquals(5, pages.get("hostile").select("section").size());
  }

  @Test
  void names_of_redash_are_text_without_control_characters() {
    List<String> clean =
        List.of(HTML, LONG, "\u05e9\u05dc\u05d5\u05dd/\u200fabc", "ab", "{{ 7 * 7 }}", "é 😀");
    Document page = pages.get("hostile");
    for (String name : clean) {
      assertEquals(
          2,
          page.select(".chart tbody th").stream()
              .filter(it -> List.of(name + 1, name + 2).contains(it.wholeText()))
              .count(),
          name);
      assertTrue(page.select("h3").stream().anyMatch(it -> it.wholeText().equals(name + 1)), name);
      assertTrue(
          page.select("section th[scope=row]").stream()
              .anyMatch(it -> it.wholeText().equals(name + "_error")),
          name);
      assertEquals(
          2,
          page.select("dt").stream()
              .filter(it -> List.of(name + 3, name + 4).contains(it.wholeText()))
              .count(),
          name);
    }
    assertEquals(0, page.select("script, b, i").size());
  }

  // ---- what a validator and a browser say of it

  @ParameterizedTest
  @MethodSource("pages")
  void pages_are_valid_html(String page) throws IOException {
    assertEquals(List.of(), Html.errors(Files.readString(file(page))));
  }

  @ParameterizedTest
  @MethodSource("pages")
  void axe_finds_nothing_on_a_light_phone_and_a_dark_desktop(String name) {
    assertEquals(List.of(), Browser.violations(file(name)));
  }

  @Test
  void axe_finds_nothing_on_a_dark_phone_and_a_light_desktop() {
    try (Browser.Page page = Browser.page()) {
      page.dark().phone().open(file("sample"));
      assertEquals(List.of(), page.violations());
      page.light().size(1280, 800, 1).open(file("sample"));
      assertEquals(List.of(), page.violations());
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void a_page_asks_for_nothing_but_itself_and_nothing_of_it_is_refused(String name) {
    try (Browser.Page page = Browser.page()) {
      page.open(file(name));
      assertEquals(List.of(file(name).toUri().toString()), page.requests());
      assertEquals(List.of(), page.console());
      assertEquals(pages.get(name).title(), page.evaluate("document.title").asString(""));
    }
  }

  /** How far what a page shows reaches to the left and to the right of its cards. */
  private static final String REACH =
      """
      (() => {
        let worst = [0, ''];
        for (const card of document.querySelectorAll('section')) {
          const inside = card.getBoundingClientRect();
          for (const one of card.querySelectorAll('*:not(.unseen)')) {
            const style = getComputedStyle(one);
            if (style.display === 'none' || style.position === 'absolute') continue;
            if (one.closest('svg.axis')) continue;
            const it = one.getBoundingClientRect();
            const over = Math.max(inside.left - it.left, it.right - inside.right);
            if (over > worst[0]) worst = [over, one.outerHTML.slice(0, 80)];
          }
        }
        return worst.join(' ');
      })()
      """;

  @ParameterizedTest
  @MethodSource("pages")
  void a_page_is_not_wider_than_its_window_and_nothing_leaves_its_card(String name) {
    try (Browser.Page page = Browser.page()) {
      page.open(file(name));
      for (int width : new int[] {320, 360, 900, 1280}) {
        page.size(width, 740, 1);
        assertEquals(
            width, page.evaluate("document.documentElement.scrollWidth").asInt(0), "page width");
        assertEquals("0 ", page.evaluate(REACH).asString(""), width + " wide");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"sample, 320", "sample, 1280", "hundred, 360", "zero, 1280", "hostile, 1280"})
  void bars_and_marks_are_as_long_as_the_numbers_say(String name, int width) {
    try (Browser.Page page = Browser.page()) {
      page.size(width, 740, 1).open(file(name));
      JsonNode shown =
          page.evaluate(
              """
              [...document.querySelectorAll('.chart tbody tr')].map(row => {
                const box = row.querySelector('svg.bar').getBoundingClientRect();
                const bar = row.querySelector('rect').getBoundingClientRect();
                const mark = row.querySelector('.mark').getBoundingClientRect();
                return [box.width, bar.left - box.left, bar.width, mark.left + mark.width / 2 - box.left];
              })
              """);
      List<Element> bars = bars(name);
      double top = number(pages.get(name).select(".axis text").last().text());
      assertEquals(bars.size(), shown.size());
      for (int i = 0; i < bars.size(); i++) {
        double box = shown.path(i).path(0).asDouble(0);
        assertTrue(box > 100, "a chart of " + box);
        assertEquals(0, shown.path(i).path(1).asDouble(9), 0.01);
        assertEquals(
            box * Math.sqrt(rate(bars.get(i)) / top), shown.path(i).path(2).asDouble(0), 0.1);
        assertEquals(
            box * Math.sqrt(threshold(bars.get(i)) / top), shown.path(i).path(3).asDouble(0), 0.1);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {320, 360, 700, 720, 840, 960, 1000, 1280})
  void numbers_are_on_one_line_and_labels_of_the_scale_do_not_touch(int width) {
    try (Browser.Page page = Browser.page()) {
      for (String name : List.of("sample", "compared", "all", "zero", "hostile")) {
        page.size(width, 740, 1).open(file(name));
        assertEquals(
            "",
            page.evaluate(
                    """
                    [...document.querySelectorAll('.axis text')]
                      .map(e => [e.textContent, e.getBoundingClientRect()])
                      .filter(([_, it], i, all) => i > 0 && all[i - 1][1].right + 2 > it.left)
                      .map(([text, it]) => text + ' at ' + it.left)
                      .join()
                    """)
                .asString(""),
            name);
        assertEquals(
            "",
            page.evaluate(
                    """
                    [...document.querySelectorAll('td.number:not(:empty)')]
                      .filter(e => {
                        const text = document.createRange();
                        text.selectNode(e.lastChild);
                        const lines = text.getClientRects();
                        const cell = e.getBoundingClientRect();
                        return lines.length !== 1 || lines[0].width < 5
                          || lines[0].left < cell.left - 1 || lines[0].right > cell.right + 1;
                      })
                      .map(e => e.textContent)
                      .join()
                    """)
                .asString(""),
            name);
      }
    }
  }

  @Test
  void a_name_breaks_after_its_slash_and_elsewhere_only_if_a_part_is_wider_than_its_column() {
    try (Browser.Page page = Browser.page()) {
      page.size(320, 740, 1).open(file("sample"));
      String heights =
          """
          [...document.querySelectorAll('.chart tbody .name')]
            .filter(name => name.textContent.startsWith('%s'))
            .flatMap(name => [...name.querySelectorAll('span')])
            .map(part => part.textContent + ' ' + part.getClientRects().length
              + ' ' + (part.offsetHeight < 40))
            .join()
          """;
      assertEquals(
          "security-state/ 1 true,intermediates 1 true",
          page.evaluate(heights.formatted("security-state/i")).asString(""));
      assertEquals(
          "main/ 1 true,newtab-wallpapers-v2 1 true",
          page.evaluate(heights.formatted("main/newtab")).asString(""));
    }
  }

  @Test
  void on_a_phone_what_a_row_lacks_leaves_no_gap() {
    try (Browser.Page page = Browser.page()) {
      page.phone().open(file("sample"));
      assertEquals(
          "0 0",
          page.evaluate(
                  """
                  [...document.querySelectorAll('.chart tbody tr')]
                    .map(row => row.querySelector('.small:not(:empty)').getBoundingClientRect().left
                      - row.querySelector('.scale').getBoundingClientRect().left)
                    .reduce((most, gap) => [Math.max(most[0], gap), Math.min(most[1], gap)], [0, 0])
                    .join(' ')
                  """)
              .asString(""));
    }
  }

  @Test
  void on_a_phone_each_number_says_what_it_is() {
    try (Browser.Page page = Browser.page()) {
      page.phone().open(file("compared"));
      assertEquals(
          "\" before\",\" good\",\" bad\"",
          page.evaluate(
                  """
                  [...document.querySelector('.chart tbody tr').querySelectorAll('td[data-label]')]
                    .map(e => getComputedStyle(e, '::after').content
                      .replace(/^" " attr\\(data-label\\)$/, '" ' + e.dataset.label + '"')
                      .replace(/^" " "(.*)"$/, '" $1"'))
                    .join()
                  """)
              .asString(""));
    }
  }

  @Test
  void a_finding_is_told_from_the_others_without_colour() throws IOException {
    try (Browser.Page page = Browser.page()) {
      page.open(file("sample"));
      assertEquals(
          "700 400",
          page.evaluate(
                  "['.over th', 'tr:not(.over) > th[scope=row]'].map(s => getComputedStyle("
                      + "document.querySelector('.chart tbody ' + s)).fontWeight).join(' ')")
              .asString(""));
      assertTrue(
          page.evaluate("document.querySelector('.over .sign').getBoundingClientRect().width > 4")
              .asBoolean(false));
    }
  }

  @Test
  void a_page_can_be_printed() {
    try (Browser.Page page = Browser.page()) {
      page.media("print").open(file("sample"));
      assertTrue(page.pdf().length > 1000);
    }
  }
}
