//DEPS org.jsoup:jsoup:1.24.1
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../blockpages_generator.java
//SOURCES ../common/signature/CanonicalReader.java
//SOURCES ../common/signature/ContentSignature.java
//SOURCES ../common/RemoteSettings.java
//SOURCES ../deploy/Project.java
//SOURCES Vectors.java

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Changesets.SignedRecord;
import common.Json;
import common.Json.BadJson;
import common.Place;
import common.pages.Destination.Page;
import common.signature.CanonicalJson.Canonical;
import common.signature.CanonicalReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jsoup.nodes.Comment;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.parser.Parser;
import org.jsoup.safety.Cleaner;
import org.jsoup.safety.Safelist;
import org.jsoup.select.Elements;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is made of the records: which pages there are, in which order, and that nothing that a
 * record says gets into them as more than text and the little HTML that is allowed.
 *
 * <p>The pages are read as browsers read them, by jsoup. The generated records come from a seed
 * that a failure prints; {@code BLOCK_PAGES_SEED} in the environment repeats such a run.
 */
class BlockPagesTest {

  private static final long SEED = seed();

  private static final Place ADDONS = new Place("blocklists", "addons");

  private static long seed() {
    String given = System.getenv("BLOCK_PAGES_SEED");
    return given == null || given.isEmpty() ? new Random().nextLong() : Long.parseLong(given);
  }

  // ---- records and pages

  /** A record in JSON, with ' for ". */
  private static blockpages_generator.Block block(String json) {
    return block(ADDONS, json.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  private static blockpages_generator.Block block(Map<String, ?> record) {
    return block(ADDONS, Json.document(record));
  }

  private static blockpages_generator.Block block(Place collection, byte[] json) {
    try {
      Canonical record = CanonicalReader.read(json);
      return blockpages_generator.Block.of(collection, new SignedRecord(record.id(), record));
    } catch (BadJson e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** A record whose page says that. */
  private static blockpages_generator.Block because(String why) {
    return block(Map.of("id", "a", "last_modified", 1, "details", Map.of("why", why)));
  }

  private static blockpages_generator.Site site(blockpages_generator.Block... blocks) {
    return blockpages_generator.Site.of(List.of(blocks));
  }

  /** The pages by their names, in the order of rendering. */
  private static Map<String, String> pages(blockpages_generator.Site site) {
    return pages(site, null);
  }

  private static Map<String, String> pages(blockpages_generator.Site site, URI url) {
    Map<String, String> pages = new LinkedHashMap<>();
    for (Page page : blockpages_generator.render(site, url)) {
      assertNull(pages.put(page.file(), utf8(page.html())), page.file());
    }
    return pages;
  }

  private static String utf8(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new AssertionError("not UTF-8", e);
    }
  }

  private static Document document(String html) {
    Document document = Parser.htmlParser().parseInput(html, "");
    document.outputSettings().prettyPrint(false);
    return document;
  }

  /** The page of the only one of these blocks that has one. */
  private static Document page(blockpages_generator.Block... blocks) {
    Map<String, String> pages = pages(site(blocks));
    assertEquals(2, pages.size(), pages.keySet().toString());
    return document(pages.values().iterator().next());
  }

  private static Document index(blockpages_generator.Block... blocks) {
    return document(pages(site(blocks)).get("index.html"));
  }

  /** The lines of the list: date, name, and where its link leads to. */
  private static List<String> lines(Document index) {
    return index.select(".blocks li").stream()
        .map(line ->
            String.join(" ", line.select("time, .title").eachText())
                + line.select("a").stream().map(a -> " -> " + a.attr("href")).findAny().orElse(""))
        .toList();
  }

  /** What stands below a heading of a page, as HTML. */
  private static String section(Document page, String heading) {
    return page.select("h2").stream()
        .filter(h2 -> h2.text().equals(heading))
        .map(h2 -> h2.nextElementSibling().html())
        .findFirst()
        .orElse(null);
  }

  private static String why(Document page) {
    return section(page, "Why was it blocked?");
  }

  // ---- what a page may hold

  /** The elements of any page and their attributes. */
  private static Safelist ofAnyPage() {
    return Safelist.none()
        .addTags("head", "title", "style", "body", "main", "h1")
        .addAttributes("html", "lang")
        .addAttributes("meta", "charset", "http-equiv", "content", "name")
        .addAttributes("link", "rel", "href");
  }

  private static final Cleaner PAGE =
      new Cleaner(
          ofAnyPage()
              .addTags("header", "nav", "h2", "section", "footer", "bdi")
              .addTags("b", "strong", "i", "em", "code", "br")
              .addAttributes("p", "class")
              .addAttributes("a", "href", "rel", "class"));

  private static final Cleaner INDEX =
      new Cleaner(
          ofAnyPage()
              .addTags("script", "li", "span")
              .addAttributes("h2", "id")
              .addAttributes("p", "id", "role")
              .addAttributes("form", "id", "role", "hidden")
              .addAttributes("label", "for")
              .addAttributes("input", "id", "type", "autocomplete", "spellcheck")
              .addAttributes("nav", "aria-label")
              .addAttributes("section", "id", "aria-labelledby")
              .addAttributes("ul", "class")
              .addAttributes("time", "datetime")
              .addAttributes("span", "class")
              .addAttributes("a", "href", "class"));

  /** How many elements match a selector, in any page. */
  private static final String IN_ANY_PAGE =
      """
      1 html
      1 head
      1 title
      1 style
      1 body
      1 main
      1 h1
      7 meta
      1 meta[http-equiv]
      """;

  private static final String IN_A_PAGE =
      """
      1 header
      1 footer
      1 nav
      1 bdi
      1 h1 > bdi:first-child
      0 form
      0 h2:not(main > section > h2:first-child)
      0 section:not(main > section:has(> h2))
      0 h2 + * *:not(a, b, strong, i, em, code, br)
      0 [class]:not(a[class~=^back$], p[class~=^verdict$])
      0 a.back:not([href~=^index[.]html$])
      0 a:not(.back):not([href~=(?i)^https?://[^/?#].*$])
      0 a.back[rel], footer a[rel], .verdict + p a[rel]
      0 a:not(.back, footer a, .verdict + p a):not([rel~=^nofollow noopener noreferrer$])
      """;

  private static final Set<List<String>> HEADINGS =
      Set.of(
          List.of("Why was it blocked?", "Who is affected?", "What does this mean?"),
          List.of("Why was it blocked?", "What does this mean?"));

  /** There is no list, form or script where nothing is blocked. */
  private static final String IN_THE_INDEX =
      """
      0 header, footer
      0 main:not(:has(> script)):has(form, .blocks), main:has(script):not(:has(> form))
      0 form ~ form, form:not(main > form), script ~ script, script:not(main > script)
      0 [class]:not(ul, a[class~=^title$], span[class~=^(title|severity|severity strict)$])
      0 time:not([datetime~=^[0-9]{4}-[0-9]{2}-[0-9]{2}$])
      """;

  /** Fails if anything is in a page that only a record could have put there. */
  private static void assertHarmless(
      String html, Cleaner cleaner, String rules, Supplier<String> hint) {
    assertEquals(
        List.of(),
        html.codePoints()
            .filter(c -> c != '\n' && c != '\t' && !isText(c))
            .mapToObj(Integer::toHexString)
            .toList(),
        hint);
    Parser parser = Parser.htmlParser().setTrackErrors(10);
    Document document = parser.parseInput(html, "");
    assertEquals(List.of(), parser.getErrors(), hint);
    assertEquals(List.of(), document.nodeStream(Comment.class).toList(), hint);
    Document inside = Document.createShell("");
    inside.body().appendChild(document.selectFirst("html").clone());
    assertEquals(
        inside.select("body > html").outerHtml(),
        cleaner.clean(inside).select("body > html").outerHtml(),
        hint);
    for (String rule : (IN_ANY_PAGE + rules).split("\n")) {
      Elements found = document.select(rule.substring(2));
      assertEquals(rule.substring(0, 1), "" + found.size(), () -> rule + found + hint.get());
    }
    assertEquals(template("style.css"), document.selectFirst("style").data(), hint);
    for (Element script : document.select("script")) {
      assertEquals(template("search.js"), script.data(), hint);
    }
  }

  /** Whether HTML may hold it, and a reader could see it. */
  private static boolean isText(int c) {
    return !Character.isISOControl(c)
        && !(c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)
        && !(c >= 0x202a && c <= 0x202e)
        && !(c >= 0x2066 && c <= 0x2069)
        && !(c >= 0xfdd0 && c <= 0xfdef)
        && (c & 0xfffe) != 0xfffe;
  }

  private static String template(String name) {
    try {
      return Files.readString(Project.root().resolve("templates").resolve(name)).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void assertHarmless(Map<String, String> pages, Object hint) {
    Map<String, String> ofRecords = new TreeMap<>(pages);
    String index = ofRecords.remove("index.html");
    assertHarmless(index, INDEX, IN_THE_INDEX, () -> "index.html, " + hint);
    ofRecords.forEach((file, html) -> {
      assertHarmless(html, PAGE, IN_A_PAGE, () -> file + ", " + hint);
      List<String> headings = document(html).select("h2").eachText();
      assertTrue(HEADINGS.contains(headings), () -> file + ", " + hint + headings);
    });
    assertEquals(
        ofRecords.keySet(),
        new TreeSet<>(document(index).select(".blocks a").eachAttr("href")),
        "pages and links to them");
  }

  private static final String REASON = "Malware.";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          <script>1</script>
          <b onclick="1">x</b>
          <b class="x">x</b>
          <svg></svg>
          <!-- x -->
          <p>x</p>
          <strong class="verdict">x</strong>
          <a href="https://a.test/">x</a>
          <a href="javascript:1" rel="nofollow noopener noreferrer">x</a>
          <a href="http:///a" rel="nofollow noopener noreferrer">x</a>
          <a class="back" href="a.html">x</a>
          <a class="back" href="index.html" rel="nofollow">x</a>
          </p><h2>Who is affected?</h2><p>x
          </p></section><section><h2>Who?</h2><p>x
          </p></section><section><p>x
          </p><section><h2>What does this mean?</h2><p>x</p></section><p>x
          </p><nav>x</nav><p>x
          <style>x</style>
          <meta name="x">
          <b>x
          \u202e
          """)
  void what_only_a_record_could_have_put_there_is_found(String extra) {
    Map<String, String> pages = pages(site(because(REASON)));
    assertHarmless(pages, "good");
    pages.replace("a.html", pages.get("a.html").replace(REASON, extra.translateEscapes()));
    assertThrows(AssertionError.class, () -> assertHarmless(pages, "bad"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          </main>                       | <b>x</b></main>
          </main>                       | <script></script></main>
          <script>                      | <script>1;
          <style>                       | <style>x
          <form id="search"             | <form id="x"></form><form id="search"
          <li>                          | <li class="x">
          datetime="2                   | datetime="x2
          </html>                       | </html><!-- x -->
          <main>                        | <header></header><main>
          """)
  void so_it_is_in_the_index(String good, String bad) {
    Map<String, String> pages = pages(site(block("{'id': 'a', 'last_modified': 1368438187000}")));
    assertHarmless(pages, "good");
    pages.replace("index.html", pages.get("index.html").replace(good, bad));
    assertThrows(AssertionError.class, () -> assertHarmless(pages, "bad"));
  }

  // ---- nothing gets past

  private static List<String> evasions() {
    return Vectors.text("xss/evasion.txt")
        .lines()
        .filter(line -> !line.startsWith("# ") && !line.isEmpty())
        .map(String::translateEscapes)
        .toList();
  }

  @Test
  void no_evasion_gets_into_a_page_from_any_field() {
    List<String> evasions = evasions();
    assertTrue(evasions.size() > 200, "so many have been collected: " + evasions.size());
    List<blockpages_generator.Block> blocks = new ArrayList<>();
    for (String text : evasions) {
      int n = blocks.size();
      Map<String, Object> details = new HashMap<>();
      for (String field : List.of("why", "who", "name", "bug", "created")) {
        details.put(field, text);
      }
      blocks.add(
          block(Map.of("id", text, "blockID", "e" + n, "last_modified", 1, "details", details)));
      blocks.add(block(Map.of("id", text, "guid", text, "last_modified", n)));
      blocks.add(block(Map.of("id", "i" + n, "blockID", text, "last_modified", n)));
      blocks.add(
          block(Map.of("id", "g" + n, "name", text, "severity", text, "versionRange", text)));
    }
    blockpages_generator.Site site = blockpages_generator.Site.of(blocks);
    assertEquals(2 * evasions.size(), site.blocks().size());
    assertEquals(2 * evasions.size(), site.withoutPage().size());
    assertHarmless(pages(site), "");
  }

  @Test
  void no_evasion_gets_out_of_the_middle_of_a_text() {
    List<blockpages_generator.Block> blocks = new ArrayList<>();
    for (String text : evasions()) {
      for (String around :
          List.of("a <b>b %s</b> c", "<a href=\"https://a.test/%s\">a</a>", "<%s>")) {
        blocks.add(
            block(
                Map.of(
                    "id",
                    "m" + blocks.size(),
                    "details",
                    Map.of("why", around.replace("%s", text), "who", text + text))));
      }
    }
    assertHarmless(pages(blockpages_generator.Site.of(blocks)), "");
  }

  @Test
  void of_scripts_and_styles_not_even_the_text_is_left() {
    for (String gone :
        List.of("<script>alert(1)</script>", "<style>p{}</style>", "<!-- x -->", "<b></b>")) {
      assertEquals("a z", why(page(because("a " + gone + "z"))).replaceAll("</?(b|p)>", ""), gone);
    }
    assertNull(blockpages_generator.reason("<script>alert(1)</script>"));
    assertEquals("No reason has been published.", why(page(because("<script>1</script>"))));
  }

  @Test
  void emphasis_and_breaks_are_kept() {
    for (String html :
        List.of("a <b>b</b> <strong>c</strong> <i>d</i> <em>e</em> <code>f</code>", "a<br>b")) {
      assertEquals(html, why(page(because(html))));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          <p>a</p><p>b</p>                         | a<br>b
          a<p>b</p>c                               | a<br>b<br>c
          <P CLASS=">">a<P>b                       | a<br>b
          <ul><li>a</li><li>b</li></ul>c           | a<br>b<br>c
          <ol><li>a<li>b</ol>                      | a<br>b
          <h2>a</h2><div><div>b</div></div>        | a<br>b
          <table><tr><td>a</td></tr><tr><td>b      | a<br>b
          <span>a</span> <param>b <lion>c</p-x>    | a b c
          <p>a<br><br>b</p>                        | a<br><br>b
          <br>a<br/><br />                         | a
          """)
  void what_html_shows_in_lines_of_its_own_becomes_lines(String html, String lines) {
    assertEquals(lines, blockpages_generator.reason(html));
    assertHarmless(pages(site(because(html))), html);
  }

  @ParameterizedTest
  @ValueSource(strings = {"<br>", "<br> \n", "<p>", "</p>\n", "\n", "{{", "<", "x ", "<ul>"})
  void a_text_may_be_long(String piece) {
    String text = "a" + piece.repeat(20_000);
    assertTimeout(
        Duration.ofMinutes(1),
        () -> {
          assertTrue(blockpages_generator.reason(text).startsWith("a"));
          assertTrue(blockpages_generator.reason(text + "<br>z").endsWith("z"));
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<br ",
        "<p ",
        "<td ",
        "<p \"",
        "<br>          ",
        "<a href=\"https://a.test/\">   ",
        "<a ",
        "<b>",
        "<table><tr><td>"
      })
  void a_megabyte_of_anything_takes_no_longer_than_in_proportion(String piece) {
    String text = "a" + piece.repeat(1024 * 1024 / piece.length());
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> assertTrue(blockpages_generator.reason(text).startsWith("a")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u0301\u0323", "é", "a", "/../", "%41", "\u200b"})
  void a_megabyte_of_an_address_takes_no_longer_than_in_proportion(String piece) {
    String address = "https://a.test/" + piece.repeat(1024 * 1024 / piece.length());
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          assertTrue(blockpages_generator.webAddress(address).startsWith("https://a.test/"));
          String link = "<a href=\"%s\">a</a>".formatted(address);
          assertTrue(blockpages_generator.reason(link).endsWith("a</a>"));
        });
  }

  @Test
  void so_may_a_tag_without_an_end() {
    String text = "a" + "<a ".repeat(20_000);
    assertTimeout(
        Duration.ofMinutes(1), () -> assertTrue(blockpages_generator.reason(text).startsWith("a")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"<b>", "<i><b>", "<a href=\"https://a.test/\">"})
  void html_may_be_deep(String piece) {
    String reason = blockpages_generator.reason("a" + piece.repeat(20_000) + "z");
    assertTrue(reason.startsWith("a"));
    assertHarmless(pages(site(because("a" + piece.repeat(20_000) + "z"))), piece);
  }

  @Test
  void an_escaped_text_is_shown_as_it_was() {
    Generator generator = new Generator(SEED);
    for (int round = 0; round < 2_000; round++) {
      String text = generator.string();
      String shown =
          text.codePoints()
              .filter(c -> isText(c) || c == '\n' || c == '\r' || c == '\t')
              .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
              .toString();
      String escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
      Optional<String> html = Optional.ofNullable(blockpages_generator.reason(escaped));
      assertEquals(
          squeezed(shown),
          html.map(it -> squeezed(document(it).body().wholeText())).orElse(""),
          "seed " + SEED + ", " + escaped);
    }
  }

  private static String squeezed(String text) {
    return text.replaceAll("[ \\t\\r\\n]+", " ").strip();
  }

  // ---- generated records

  /** Records of random values, with texts of what is dangerous in HTML, templates and Unicode. */
  private static final class Generator {
    private static final List<String> PIECES =
        List.of(
            "<script>",
            "</script>",
            "<b>",
            "</b>",
            "<p>",
            "</p>",
            "<br>",
            "<br/>",
            "<ul><li>",
            "</ul>",
            "<li>",
            "<ol>",
            "</a>",
            "<a href=\"https://a.test/?a=1&b=2\">",
            "<a href='javascript:1'>",
            "<a href=",
            "<img src=x onerror=1>",
            "<svg>",
            "<math>",
            "<style>",
            "</style>",
            "</title>",
            "</main>",
            "<table><td>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<?",
            "<!",
            "</",
            "<",
            ">",
            "\"",
            "'",
            "`",
            "&",
            "&amp;",
            "&lt;",
            "&#60;",
            "&#x3c;",
            "&nosuch;",
            "&#0;",
            "\0",
            "\u0001",
            "\u000b",
            "\u001b[31m",
            "\u007f",
            "\u0085",
            "\u00a0",
            "\u00ad",
            "\u200b",
            "\u200f",
            "\u2028",
            "\u202e",
            "\u2066",
            "\ufeff",
            "\ufffe",
            "\uffff",
            "\ufdd0",
            "\ud83d",
            "\ude00",
            "😀",
            "\ud83f\udfff",
            "é",
            "e\u0301",
            "中文",
            "\n",
            "\r\n",
            "\r",
            "\t",
            " ",
            "  ",
            "{{ 7*7 }}",
            "{{",
            "}}",
            "{% include %}",
            "{#",
            "#}",
            "${7*7}",
            "%s",
            "\\",
            "../",
            "/",
            "javascript:",
            "data:",
            "https://a.test/",
            "http://",
            "2013-05-13T09:43:07Z",
            "2013-05-13",
            "99999-01-01T00:00:00Z",
            "index",
            "i1",
            "I1",
            "a",
            "word",
            "x".repeat(300));

    private final Random random;

    Generator(long seed) {
      random = new Random(seed);
    }

    String string() {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(9); i > 0; i--) {
        text.append(PIECES.get(random.nextInt(PIECES.size())));
      }
      return text.toString();
    }

    Object value(int depth) {
      return switch (random.nextInt(depth == 0 ? 10 : 12)) {
        case 0 -> null;
        case 1 -> random.nextBoolean();
        case 2 -> random.nextLong() >> random.nextInt(64);
        case 3 -> new BigInteger(100, random);
        case 4 -> BigDecimal.valueOf(random.nextInt(), random.nextInt(20));
        case 5, 6, 7, 8, 9 -> string();
        case 10 -> Stream.generate(() -> value(depth - 1)).limit(random.nextInt(4)).toList();
        default -> {
          Map<String, Object> map = new HashMap<>();
          for (String name : List.of("severity", "why", string())) {
            map.put(name, value(depth - 1));
          }
          yield map;
        }
      };
    }

    private void put(Map<String, Object> map, String name, Object likely) {
      switch (random.nextInt(4)) {
        case 0 -> {}
        case 1 -> map.put(name, value(2));
        default -> map.put(name, likely);
      }
    }

    Map<String, Object> record(int number) {
      Map<String, Object> details = new HashMap<>();
      put(details, "name", string());
      put(details, "why", string());
      put(details, "who", string());
      put(details, "bug", "https://a.test/?id=" + string());
      put(details, "created", Instant.ofEpochSecond(random.nextInt()).toString());
      Map<String, Object> record = new HashMap<>();
      put(record, "details", details);
      put(record, "blockID", "i" + random.nextInt(200));
      put(record, "guid", string());
      put(record, "name", string());
      put(record, "last_modified", Math.abs((long) random.nextInt()) * 1000);
      put(record, "severity", random.nextInt(4));
      put(record, "versionRange", List.of(Map.of("severity", random.nextInt(4))));
      record.put("id", random.nextInt(4) == 0 ? string() + number : "r" + number);
      return record;
    }
  }

  @Test
  void whatever_a_record_holds_its_page_is_harmless_and_says_its_name() {
    Generator generator = new Generator(SEED);
    for (int round = 0; round < 12; round++) {
      List<blockpages_generator.Block> blocks = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        Map<String, Object> record = generator.record(i);
        blocks.add(assertDoesNotThrow(() -> block(record), () -> "seed " + SEED + ", " + record));
      }
      blockpages_generator.Site site = blockpages_generator.Site.of(blocks);
      Map<String, String> pages = pages(site);
      assertHarmless(pages, "seed " + SEED);
      for (blockpages_generator.Block block : site.blocks()) {
        Document page = document(pages.get(block.file()));
        assertEquals(
            block.name() + " has been blocked for your protection.",
            page.selectFirst("h1").wholeText(),
            "seed " + SEED);
        assertEquals(
            block.blocked() != null, page.selectFirst("footer").text().startsWith("Blocked on "));
      }
      assertEquals(
          site.blocks().size() + site.withoutPage().size(),
          document(pages.get("index.html")).select(".blocks li").size());
    }
  }

  @Test
  void template_syntax_is_text() {
    String syntax = "{{ 7*7 }}{% include \"search.js\" %}{# gone #}{{{ page.name }}}";
    Document page =
        page(block(Map.of("id", "a", "details", Map.of("name", syntax, "why", syntax))));
    assertEquals(
        syntax + " has been blocked for your protection.", page.selectFirst("h1").wholeText());
    assertEquals(syntax, document(why(page)).body().wholeText());
  }

  @Test
  void what_no_html_may_hold_is_left_out() {
    for (String gone :
        List.of(
            "\0",
            "\u0001",
            "\u000b",
            "\u001b",
            "\u007f",
            "\u0085",
            "\u009f",
            "\ud83d",
            "\ude00",
            "\u202a",
            "\u202e",
            "\u2066",
            "\u2069",
            "\ufffe",
            "\uffff",
            "\ufdd0",
            "\ufdef",
            "\ud83f\udffe",
            "\udbff\udfff")) {
      assertEquals("az", blockpages_generator.printable("a" + gone + "z"));
      assertEquals("az", blockpages_generator.reason("a" + gone + "z"));
      assertEquals(
          "az",
          blockpages_generator
              .reason("a&#x%x;z".formatted(gone.codePointAt(0)))
              .replace("\ufffd", ""));
      blockpages_generator.Block block =
          block(Map.of("id", "a", "details", Map.of("name", "a" + gone + "z")));
      assertEquals("az", block.name());
    }
    for (String kept : List.of("😀", "é", "\u00a0", "\ufffd", "\ufdcf", "\ufdf0", "\t", "\n")) {
      assertEquals("a" + kept + "z", blockpages_generator.printable("a" + kept + "z"));
    }
    assertEquals("a\nb\nc\n\nd", blockpages_generator.printable("a\r\nb\rc\n\rd"));
    assertEquals("a😀z", blockpages_generator.reason("a😀z"));
    assertEquals("a😀z", blockpages_generator.reason("a&#x1F600;z"));
    assertEquals("a&amp;#x1f600;z", blockpages_generator.reason("a&amp;#x1f600;z"));
  }

  // ---- reasons

  @ParameterizedTest
  @ValueSource(strings = {"\n", "\r\n", "\r"})
  void line_breaks_of_plain_text_are_kept(String end) {
    assertEquals(
        "a<br>\nb<br>\n<br>\nc", blockpages_generator.reason("a" + end + "b" + end + end + "c"));
    assertEquals("a", blockpages_generator.reason(end + "a" + end));
    assertEquals(
        "a<br>\n<b>b</b>",
        blockpages_generator.reason("a" + end + "<b>b</b>"),
        "emphasis breaks nothing");
    assertEquals(
        "a<br>\nb",
        blockpages_generator.reason("a" + end + "b<!-- <p> --><pre></pre>"),
        "neither does what is left out");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          <p>a</p>~<p>b~c</p>      | a<br>b~c
          a<br>~b~c                | a<br>~b~c
          a<BR/>~b                 | a<br>~b
          <ul>~<li>a</li>~</ul>~b  | a<br>b
          """)
  void html_with_breaks_of_its_own_gets_no_more(String html, String reason) {
    assertEquals(reason.replace('~', '\n'), blockpages_generator.reason(html.replace('~', '\n')));
  }

  @Test
  void links_to_the_web_keep_their_address() {
    for (String address :
        List.of(
            "https://a.test/",
            "http://a.test/",
            "HTTPS://a.test/x",
            "https://a.test/?a=1&b=2&lt=3#d",
            "https://a.test:8443/%20/%26",
            "https://a.test",
            "https://[::1]/")) {
      Element link =
          document(
                  blockpages_generator.reason(
                      "<a href=\"%s\">a</a>".formatted(address.replace("&", "&amp;"))))
              .selectFirst("a");
      assertNotNull(link, address);
      assertEquals(address, link.attr("href"));
      assertEquals("nofollow noopener noreferrer", link.attr("rel"));
      assertEquals("a", link.text());
    }
    assertEquals(
        "https://a.test/?a=1&b=2",
        document(blockpages_generator.reason("<a href='https://a.test/?a=1&b=2'>a</a>"))
            .selectFirst("a")
            .attr("href"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x.html",
        "/x",
        "//evil.test/",
        "\\\\evil.test/",
        "https:evil.test",
        "https:/evil.test",
        "http:///x",
        "https://?x",
        "https://#x",
        "https://",
        "https://user:pass@a.test/",
        "https://mozilla.test@evil.test/",
        "https://a.test:99999/",
        "mailto:a@b.test",
        "ftp://a.test/",
        "tel:1",
        "javascript:alert(1)",
        "data:text/html,x",
        "#x",
        "?x",
        ""
      })
  void other_links_are_dropped_but_their_text_stays(String address) {
    assertEquals(
        "before text after",
        blockpages_generator.reason("before <a href=\"%s\">text</a> after".formatted(address)));
  }

  @Test
  void a_reason_of_nothing_is_none() {
    assertNull(blockpages_generator.reason(null));
    for (String nothing :
        List.of(
            "",
            " ",
            "\n\r\n\t",
            "<!-- -->",
            "<img src=x>",
            "\0",
            "&#1;",
            "<br>",
            "<p></p><p> </p>",
            "<a href=\"https://a.test/\"> </a>")) {
      assertNull(blockpages_generator.reason(nothing), nothing);
    }
    Document page = page(block("{'id': 'a', 'details': {'why': ' ', 'who': ''}}"));
    assertEquals("No reason has been published.", why(page));
    assertNull(section(page, "Who is affected?"));
  }

  @Test
  void html_that_is_out_of_order_is_put_in_order() {
    for (String html :
        List.of("<p><li>a", "<li>a", "<p><ul><li>a", "<ul><li>a</p>", "a</p><li>b")) {
      assertHarmless(pages(site(because(html))), html);
    }
    assertEquals("a", blockpages_generator.reason("<li>a"));
    assertEquals("<b>a<i>b</i></b>", blockpages_generator.reason("<b>a<i>b"));
  }

  // ---- odd records

  @Test
  void a_record_of_nothing_but_an_id_has_a_page() {
    blockpages_generator.Site site = site(block("{'id': 'a', 'last_modified': 1368438187000}"));
    assertEquals(List.of(), site.withoutPage());
    assertEquals(List.of(), site.warnings());
    Map<String, String> pages = pages(site);
    assertHarmless(pages, "");
    Document page = document(pages.get("a.html"));
    assertEquals("a has been blocked for your protection.", page.select("h1").text());
    assertEquals("Blocked on May 13, 2013.", page.select("footer").text());
    assertEquals(List.of("May 13, 2013 a -> a.html"), lines(document(pages.get("index.html"))));
  }

  @Test
  void a_record_without_any_date_comes_last_and_says_none() {
    Map<String, String> pages =
        pages(
            site(
                block("{'id': 'a', 'details': {'bug': 'https://a.test/'}}"),
                block("{'id': 'b', 'last_modified': 1368438187000}")));
    assertHarmless(pages, "");
    Document index = document(pages.get("index.html"));
    assertEquals(List.of("May 13, 2013 b -> b.html", "a -> a.html"), lines(index));
    assertEquals(List.of("2013", "Undated"), index.select("h2").eachText());
    assertEquals("View block request.", document(pages.get("a.html")).select("footer").text());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          '2013-05-13T09:43:07Z'          | 2013-05-13T09:43:07Z      | May 13, 2013
          '2013-01-05T09:43:07Z'          | 2013-01-05T09:43:07Z      | Jan 05, 2013
          '2013-05-13T23:43:07.5-05:00'   | 2013-05-14T04:43:07.500Z  | May 14, 2013
          '2013-05-13T00:30:00+02:00'     | 2013-05-12T22:30:00Z      | May 12, 2013
          '2013-05-13T09:43:07'           | 2013-05-13T09:43:07Z      | May 13, 2013
          '2013-05-13'                    | 2013-05-13T00:00:00Z      | May 13, 2013
          '0001-01-01'                    | 0001-01-01T00:00:00Z      | Jan 01, 0001
          '9999-12-31T23:59:59Z'          | 9999-12-31T23:59:59Z      | Dec 31, 9999
          """,
      quoteCharacter = '~')
  void a_date_may_be_written_in_several_ways(String created, String instant, String shown) {
    blockpages_generator.Block block =
        block("{'id': 'a', 'last_modified': 1, 'details': {'created': %s}}".formatted(created));
    assertEquals(Instant.parse(instant), block.blocked());
    assertEquals(Set.of(), block.oddities());
    Map<String, String> pages = pages(site(block));
    assertEquals(
        "Blocked on %s.".formatted(shown), document(pages.get("a.html")).select("footer").text());
    assertEquals(List.of(shown + " a -> a.html"), lines(document(pages.get("index.html"))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'yesterday'",
        "''",
        "1368438187000",
        "1.5",
        "true",
        "[]",
        "{}",
        "'99999-01-01T00:00:00Z'",
        "'+99999-01-01T00:00:00Z'",
        "'+10000-01-01'",
        "'9999-12-31T23:59:59-01:00'",
        "'0000-12-31'",
        "'-0001-01-01'",
        "'0001-01-01T00:00:00+01:00'",
        "'-999999999-01-01T00:00:00+18:00'",
        "'+999999999-12-31T23:59:59-18:00'",
        "'2013-02-30'",
        "'2013-02-30T00:00:00Z'",
        "'2013-05-13T25:00:00Z'",
        "'May 13, 2013'"
      })
  void for_what_is_no_date_the_last_change_stands(String created) {
    blockpages_generator.Block block =
        block(
            "{'id': 'a', 'last_modified': 1368438187000, 'details': {'created': %s}}"
                .formatted(created));
    assertEquals(Instant.ofEpochMilli(1368438187000L), block.blocked());
    assertEquals(
        List.of("details.created is not a date, so last_modified is used (1 record: a)"),
        site(block).warnings());
    Map<String, String> pages = pages(site(block));
    assertHarmless(pages, created);
    assertEquals("Blocked on May 13, 2013.", document(pages.get("a.html")).select("footer").text());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "0",
        "-1",
        "'1368438187000'",
        "1.5",
        "999999999999999999",
        "999999999999999999999",
        "253402300800000",
        "[]"
      })
  void a_last_change_that_is_no_moment_is_none(String modified) {
    blockpages_generator.Block block =
        block("{'id': 'a', 'last_modified': %s}".formatted(modified));
    assertNull(block.blocked());
    assertHarmless(pages(site(block)), modified);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          'i5'       | i5.html
          null       | record-1.html
          5          | 5.html
          0          | 0.html
          5.0        | 5.html
          'i5.html'  | i5.html.html
          'index.html' | index.html.html
          'indexes'  | indexes.html
          '_a-b.C'   | _a-b.C.html
          'a..b'     | a..b.html
          'console'  | console.html
          """)
  void a_page_is_named_by_block_id_or_else_by_id(String blockId, String file) {
    blockpages_generator.Block block =
        block("{'id': 'record-1', 'blockID': %s}".formatted(blockId));
    assertEquals(file, block.file());
    assertNull(block.noPageReason());
    Map<String, String> pages = pages(site(block));
    assertEquals(List.of(file, "index.html"), List.copyOf(pages.keySet()));
    assertHarmless(pages, blockId);
  }

  static Stream<Object> namesOfNoPage() {
    return Stream.of(
        "",
        ".",
        "..",
        "../x",
        "/x",
        "a/b",
        "a\\b",
        "a b",
        "a%2Fb",
        "a%b",
        "a?b",
        "a#b",
        "a:b",
        "a+b",
        "a&b",
        "a\"b",
        "a'b",
        "a<b",
        "a,b",
        "index",
        "INDEX",
        "Index",
        ".hidden",
        "-a",
        "é",
        "😀",
        "a\n",
        "\na",
        "a\0",
        "a\u2028",
        "a".repeat(101),
        "a".repeat(300),
        "con",
        "NUL",
        "aux",
        "prn.x",
        "COM1",
        "lpt9.a.b",
        -5L,
        new BigDecimal("1.5"),
        true,
        List.of(),
        List.of("a"),
        Map.of(),
        Map.of("a", 1),
        new BigInteger("5").pow(200));
  }

  @ParameterizedTest
  @MethodSource("namesOfNoPage")
  void what_is_no_name_for_a_page_is_refused_and_listed_without_a_link(Object name) {
    assertFalse(blockpages_generator.isPageName(name));
    blockpages_generator.Site site =
        site(
            block(
                Map.of(
                    "id",
                    "record-1",
                    "blockID",
                    name,
                    "last_modified",
                    1368438187000L,
                    "details",
                    Map.of("name", "Bad"))));
    assertEquals(List.of(), site.blocks());
    assertEquals(1, site.withoutPage().size());
    String text = site.withoutPage().get(0).text();
    assertTrue(
        text.startsWith("record record-1 of blocklists/addons has no page: blockID \""), text);
    assertTrue(text.endsWith("\" is not a valid page name"), text);
    assertTrue(text.length() < 250 && text.matches("\\P{Cntrl}+"), text);
    Map<String, String> pages = pages(site);
    assertEquals(Set.of("index.html"), pages.keySet());
    assertHarmless(pages, text);
    assertEquals(List.of("May 13, 2013 Bad"), lines(document(pages.get("index.html"))));
  }

  @Test
  void names_of_pages_have_up_to_a_hundred_plain_characters() {
    for (Object name :
        List.of("a", "A-b_c.d", "_", "9", "a".repeat(100), 0L, "Index1", "com", "com10")) {
      assertTrue(blockpages_generator.isPageName(name), name.toString());
    }
    assertFalse(blockpages_generator.isPageName(null));
  }

  @Test
  void an_id_that_is_no_name_for_a_page_is_refused_unless_there_is_a_block_id() {
    blockpages_generator.Site site =
        site(
            block("{'id': 'a/b', 'last_modified': 2}"),
            block("{'id': 'a/c', 'blockID': 'i1', 'last_modified': 1}"));
    assertEquals(
        List.of("record a/b of blocklists/addons has no page: id \"a/b\" is not a valid page name"),
        site.withoutPage().stream().map(blockpages_generator.WithoutPage::text).toList());
    assertEquals(
        List.of("i1.html"), site.blocks().stream().map(blockpages_generator.Block::file).toList());
  }

  // ---- several records, one page

  private static final String TWINS =
      "{'id': '%s', 'blockID': '%s', 'last_modified': %d, 'severity': %s,"
          + " 'details': {'name': '%s', 'created': '2013-05-13T09:43:07Z'}}";

  @Test
  void records_that_tell_the_same_share_a_page_and_a_line() {
    for (List<String> severities :
        List.of(List.of("1", "3"), List.of("3", "1"), List.of("1", "null"), List.of("0", "1"))) {
      blockpages_generator.Block[] twins = {
        block(TWINS.formatted("a", "i1", 2, severities.get(0), "Twin")),
        block(TWINS.formatted("b", "i1", 1, severities.get(1), "Twin")),
        block(TWINS.formatted("c", "i1", 1, "1", "Twin"))
      };
      blockpages_generator.Site site = site(twins);
      assertEquals(List.of(), site.withoutPage());
      assertEquals(1, site.blocks().size());
      Map<String, String> pages = pages(site);
      assertEquals(Set.of("i1.html", "index.html"), pages.keySet());
      assertEquals(
          List.of("May 13, 2013 Twin -> i1.html"), lines(document(pages.get("index.html"))));
      assertEquals(DISABLED, verdict(page(twins)), "the stricter counts, of " + severities);
    }
    blockpages_generator.Block mild = block(TWINS.formatted("a", "i1", 2, "1", "Twin"));
    blockpages_generator.Block milder = block(TWINS.formatted("b", "i1", 1, "1", "Twin"));
    assertEquals(DISCOURAGED, verdict(page(mild, milder)));
  }

  @Test
  void of_records_that_tell_different_things_the_newest_has_the_page() {
    String[] others = {
      "'details': {'name': 'Other', 'created': '2013-05-13T09:43:07Z'}",
      "'details': {'name': 'One', 'created': '2013-05-12T09:43:07Z'}",
      "'details': {'name': 'One', 'created': '2013-05-13T09:43:07Z', 'why': 'x'}",
      "'details': {'name': 'One', 'created': '2013-05-13T09:43:07Z', 'who': 'x'}",
      "'details': {'name': 'One', 'created': '2013-05-13T09:43:07Z', 'bug': 'https://a.test/'}"
    };
    for (String other : others) {
      blockpages_generator.Site site =
          site(
              block(
                  "{'id': 'b', 'blockID': 'i1', 'last_modified': 1, 'severity': 3, %s}"
                      .formatted(other)),
              block(TWINS.formatted("a", "i1", 2, "1", "One")));
      assertEquals(
          List.of(
              "record b of blocklists/addons has no page: i1.html is the page of the newer"
                  + " record a of blocklists/addons"),
          site.withoutPage().stream().map(blockpages_generator.WithoutPage::text).toList());
      Map<String, String> pages = pages(site);
      Document page = document(pages.get("i1.html"));
      assertEquals("One has been blocked for your protection.", page.select("h1").text());
      assertEquals(DISCOURAGED, verdict(page), "the severity of another block is not ours");
      List<String> lines = lines(document(pages.get("index.html")));
      assertEquals("May 13, 2013 One -> i1.html", lines.get(0));
      assertEquals(2, lines.size());
      assertFalse(lines.get(1).contains("->"), lines.toString());
    }
  }

  @Test
  void pages_that_differ_only_in_case_would_be_one_file_on_some_disks() {
    blockpages_generator.Site site =
        site(
            block(TWINS.formatted("a", "I1", 2, "1", "Twin")),
            block(TWINS.formatted("b", "i1", 1, "1", "Twin")));
    assertEquals(
        List.of(
            "record b of blocklists/addons has no page: i1.html is the page of the newer"
                + " record a of blocklists/addons"),
        site.withoutPage().stream().map(blockpages_generator.WithoutPage::text).toList());
    assertEquals(Set.of("I1.html", "index.html"), pages(site).keySet());
  }

  @Test
  void a_page_with_a_stricter_twin_keeps_its_place_in_the_order() {
    blockpages_generator.Site site =
        site(
            block(TWINS.formatted("a", "i1", 3, "1", "Twin")),
            block(TWINS.formatted("b", "i2", 2, "1", "Between")),
            block(TWINS.formatted("c", "i1", 1, "3", "Twin")));
    assertEquals(
        List.of("May 13, 2013 Twin -> i1.html", "May 13, 2013 Between -> i2.html"),
        lines(document(pages(site).get("index.html"))));
  }

  // ---- severity

  private static final String DISCOURAGED =
      "You are strongly encouraged to disable it. You may go on using it, at your own risk.";

  private static final String DISABLED = "It has been disabled, and is no longer usable.";

  private static String verdict(Document page) {
    assertEquals(1, page.select(".verdict").size());
    return page.select(".verdict").text();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      nullValues = "-",
      textBlock =
          """
          'severity': 1                                                         | 1     | true
          'severity': 3                                                         | 3     | false
          'severity': 0                                                         | 0     | false
          'severity': 2                                                         | 2     | false
          'severity': -1                                                        | -1    | false
          'severity': 1.0                                                       | 1     | true
          'severity': '1'                                                       | 1     | true
          'severity': '3'                                                       | 3     | false
          'severity': 1.5                                                       | -     | false
          'severity': 1e100                                                     | -     | false
          'severity': 99999999999999999999                                      | -     | false
          'severity': '99999999999999999999'                                    | -     | false
          'severity': 'high'                                                    | -     | false
          'severity': ' 1'                                                      | -     | false
          'severity': [1]                                                       | -     | false
          'severity': {'severity': 1}                                           | -     | false
          'severity': true                                                      | -     | false
          'severity': null                                                      | -     | false
          'x': 1                                                                | -     | false
          'versionRange': [{'severity': 1}]                                     | 1     | true
          'versionRange': [{'severity': 1}, {'severity': 3}, {'severity': 2}]   | 3     | false
          'versionRange': [{'severity': 1}, {}, 5, null, [], {'severity': 'x'}] | 1     | true
          'versionRange': [{'severity': '1'}]                                   | 1     | true
          'versionRange': []                                                    | -     | false
          'versionRange': {'severity': 1}                                       | -     | false
          'versionRange': 1                                                     | -     | false
          'severity': 1, 'versionRange': [{'severity': 3}]                      | 1     | true
          'severity': 3, 'versionRange': [{'severity': 1}]                      | 3     | false
          'severity': null, 'versionRange': [{'severity': 1}]                   | 1     | true
          """)
  void severity_is_the_record_s_own_or_else_the_highest_of_its_ranges(
      String fields, Long severity, boolean mild) {
    blockpages_generator.Block block = block("{'id': 'a', %s}".formatted(fields));
    assertEquals(severity, block.severity());
    assertEquals(mild, block.isMild());
    assertEquals(Map.of(true, DISCOURAGED, false, DISABLED).get(mild), verdict(page(block)));
  }

  // ---- names, links and texts

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          'details': {'name': 'Named'}, 'name': 'x', 'guid': 'g'     | Named
          'details': {'name': ' '}, 'name': 'Outside', 'guid': 'g'   | Outside
          'details': {'name': ['x']}, 'name': {}, 'guid': 'g@x'      | g@x
          'details': {'name': null}                                  | i5
          'details': {'name': '\\u0001\\ud83d\\u202e'}               | i5
          'details': 'x'                                             | i5
          'details': ['x']                                           | i5
          'details': {'name': 5}                                     | 5
          'details': {'name': 1.50}                                  | 1.5
          'details': {'name': true}                                  | true
          'details': {'name': ' a\\n b '}                            | a  b
          'details': {'name': '<b>&amp;</b>'}                        | <b>&amp;</b>
          'details': {'name': 'x'}, 'blockID': [1]                   | x
          'x': 1, 'blockID': [1]                                     | record-1
          'x': 1, 'blockID': '\\u0085'                              | record-1
          """)
  void a_block_without_a_name_is_called_by_what_there_is(String fields, String name) {
    assertEquals(name, block("{'id': 'record-1', 'blockID': 'i5', %s}".formatted(fields)).name());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          'https://bugzilla.mozilla.org/show_bug.cgi?id=871610' | https://bugzilla.mozilla.org/show_bug.cgi?id=871610
          ' http://a.test/?a=1&b=2#c\\n'                        | http://a.test/?a=1&b=2#c
          'https://a.test/é'                                    | https://a.test/%C3%A9
          'https://a.test/\\ud83dx'                             | https://a.test/x
          """)
  void the_block_request_is_linked(String bug, String address) {
    blockpages_generator.Block block = block("{'id': 'a', 'details': {'bug': %s}}".formatted(bug));
    assertEquals(address, block.bug());
    assertEquals(Set.of(), block.oddities());
    Element link = page(block).selectFirst("footer a");
    assertEquals(address, link.attr("href"));
    assertEquals("View block request", link.text());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'javascript:alert(1)'",
        "'JavaScript:alert(1)'",
        "'data:text/html,x'",
        "'/show_bug.cgi?id=1'",
        "'show_bug.cgi'",
        "'//a.test/'",
        "'https:a.test'",
        "'https:///x'",
        "'https://'",
        "'https://user:pass@a.test/'",
        "'https://a@b.test/'",
        "'https://a.test/a b'",
        "'https://a.test/<b>'",
        "'https://a.test:99999/'",
        "'https://bücher.test/'",
        "'ftp://a.test/'",
        "'mailto:a@b.test'",
        "' '",
        "871610",
        "true",
        "['https://a.test/']",
        "{'a': 'https://a.test/'}",
        "'https://a.test/%'"
      })
  void a_block_request_that_is_no_web_address_is_not_linked(String bug) {
    blockpages_generator.Site site =
        site(block("{'id': 'a', 'last_modified': 1, 'details': {'bug': %s}}".formatted(bug)));
    assertEquals(
        List.of("details.bug is not an http or https address (1 record: a)"), site.warnings());
    Document page = document(pages(site).get("a.html"));
    assertEquals("Blocked on Jan 01, 1970.", page.select("footer").text());
    assertEquals(0, page.select("footer a").size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"'x': 1", "'bug': null", "'bug': ''"})
  void without_a_block_request_there_is_no_link_and_no_warning(String fields) {
    blockpages_generator.Block block =
        block("{'id': 'a', 'last_modified': 1, 'details': {%s}}".formatted(fields));
    assertNull(block.bug());
    assertEquals(List.of(), site(block).warnings());
    assertEquals("Blocked on Jan 01, 1970.", page(block).select("footer").text());
  }

  @Test
  void a_block_without_anything_printable_has_a_line_all_the_same() {
    Map<String, String> pages = pages(site(block("{'id': '\\u0001', 'last_modified': 1}")));
    assertHarmless(pages, "");
    assertEquals(List.of("Jan 01, 1970 ?"), lines(document(pages.get("index.html"))));
  }

  @Test
  void warnings_name_the_records_and_not_all_of_many() {
    List<blockpages_generator.Block> blocks = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      blocks.add(
          block(
              "{'id': 'r%02d', 'details': {'why': 5, 'who': [], 'created': 5}}".formatted(11 - i)));
    }
    String ids = "r00, r01, r02, r03, r04, r05, r06, r07, r08, r09 and 2 more";
    assertEquals(
        List.of(
            "details.created is not a date, so last_modified is used (12 records: %s)"
                .formatted(ids),
            "details.why or details.who is not text (12 records: %s)".formatted(ids)),
        blockpages_generator.Site.of(blocks).warnings());
  }

  // ---- order

  @Test
  void the_newest_come_first_by_date_then_by_last_change() {
    assertEquals(
        List.of("f", "b", "a", "c", "d", "e"),
        site(
                block(
                    "{'id': 'a', 'last_modified': 5, 'details': {'created':"
                        + " '2013-05-13T09:00:00Z'}}"),
                block(
                    "{'id': 'b', 'last_modified': 6, 'details': {'created':"
                        + " '2013-05-13T09:00:00Z'}}"),
                block(
                    "{'id': 'c', 'last_modified': 9, 'details': {'created':"
                        + " '2013-05-13T08:59:59Z'}}"),
                block("{'id': 'd', 'last_modified': 1368400000000}"),
                block("{'id': 'e', 'last_modified': 1368300000000, 'details': {'created': 'x'}}"),
                block("{'id': 'f', 'last_modified': 1368500000000}"))
            .blocks()
            .stream()
            .map(blockpages_generator.Block::id)
            .toList());
  }

  @Test
  void the_order_of_the_records_changes_nothing() {
    Random random = new Random(SEED);
    for (int round = 0; round < 30; round++) {
      List<blockpages_generator.Block> blocks = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        Map<String, Object> details = new HashMap<>();
        details.put("name", "n" + random.nextInt(2));
        details.put("created", "2013-05-1" + random.nextInt(2));
        Map<String, Object> record = new HashMap<>();
        record.put("id", "r" + i / 2);
        record.put("blockID", List.of("i", "I").get(random.nextInt(2)) + random.nextInt(20));
        record.put("last_modified", random.nextInt(3));
        record.put("severity", random.nextInt(3));
        record.put("details", random.nextInt(5) == 0 ? null : details);
        blocks.add(
            block(i % 2 == 0 ? ADDONS : new Place("blocklists", "plugins"), Json.document(record)));
      }
      blockpages_generator.Site expected = blockpages_generator.Site.of(blocks);
      Map<String, String> pages = pages(expected);
      Collections.shuffle(blocks, random);
      blockpages_generator.Site site = blockpages_generator.Site.of(blocks);
      assertEquals(expected, site, "seed " + SEED);
      assertEquals(pages, pages(site), "seed " + SEED);
      assertHarmless(pages, "seed " + SEED);
      List<String> days = document(pages.get("index.html")).select("time").eachAttr("datetime");
      assertEquals(days.stream().sorted(Collections.reverseOrder()).toList(), days);
    }
  }

  @Test
  void years_are_those_of_utc() {
    Document index =
        index(
            block("{'id': 'a', 'details': {'created': '2012-12-31T23:30:00-05:00'}}"),
            block("{'id': 'b', 'details': {'created': '2013-01-01T00:30:00+02:00'}}"),
            block("{'id': 'c', 'details': {'created': '2012-12-31T23:59:59Z'}}"),
            block("{'id': 'd', 'details': {'created': '2010-02-01T00:00:00Z'}}"));
    assertEquals(List.of("2013", "2012", "2010"), index.select("h2").eachText());
    assertEquals(List.of("#y2013", "#y2012", "#y2010"), index.select(".years a").eachAttr("href"));
    assertEquals(List.of("a"), index.select("#y2013 li a").eachText());
    assertEquals(List.of("c", "b"), index.select("#y2012 li a").eachText());
    assertEquals(
        List.of("2013-01-01", "2012-12-31", "2012-12-31", "2010-02-01"),
        index.select("time").eachAttr("datetime"));
  }

  // ---- the texts

  private static final String BLOCK =
      "{'id': 'r', 'blockID': 'i454', 'severity': 3, 'last_modified': 1, 'details': {'name':"
          + " 'Mozilla Service Pack (malware)', 'why': 'Because.', 'who': 'All users.', 'created':"
          + " '2013-05-13T09:43:07Z', 'bug':"
          + " 'https://bugzilla.mozilla.org/show_bug.cgi?id=871610'}}";

  @Test
  void a_page_says_what_it_is_specified_to_say() {
    Document page = page(block(BLOCK));
    assertEquals(
        "Mozilla Service Pack (malware) has been blocked for your protection.",
        page.select("h1").text());
    assertEquals("Mozilla Service Pack (malware) has been blocked", page.title());
    assertEquals(
        List.of("Why was it blocked?", "Who is affected?", "What does this mean?"),
        page.select("h2").eachText());
    assertEquals("Because.", why(page));
    assertEquals("All users.", section(page, "Who is affected?"));
    assertEquals(DISABLED, section(page, "What does this mean?"));
    assertEquals("Blocked on May 13, 2013. View block request.", page.select("footer").text());
    assertEquals(
        List.of(
            "index.html",
            "https://wiki.mozilla.org/Blocklisting",
            "https://support.mozilla.org/kb/add-ons-cause-issues-are-on-blocklist",
            "https://bugzilla.mozilla.org/show_bug.cgi?id=871610"),
        page.select("a").eachAttr("href"));
    assertEquals(
        List.of(
            "All blocked add-ons",
            "certain criteria",
            "this support article",
            "View block request"),
        page.select("a").eachText());
    assertEquals("en", page.selectFirst("html").attr("lang"));
    assertEquals("utf-8", page.selectFirst("head").child(0).attr("charset"));
  }

  @Test
  void nobody_in_particular_is_affected_where_the_record_does_not_say() {
    Document page = page(block("{'id': 'a', 'details': {'why': 'x'}}"));
    assertEquals(
        List.of("Why was it blocked?", "What does this mean?"), page.select("h2").eachText());
    assertEquals(2, page.select("section").size());
  }

  @Test
  void the_list_says_what_it_is_specified_to_say() {
    Document index =
        index(
            block(BLOCK),
            block("{'id': 'a', 'details': {'name': 'Old', 'created': '2011-01-05'}}"));
    assertEquals("Blocked Add-ons", index.title());
    assertEquals("Blocked Add-ons", index.select("h1").text());
    assertEquals(
        List.of(
            "May 13, 2013 Mozilla Service Pack (malware) -> i454.html",
            "Jan 05, 2011 Old -> a.html"),
        lines(index));
    assertTrue(index.selectFirst("form").hasAttr("hidden"), "until the script runs");
  }

  @Test
  void the_list_says_of_each_entry_whether_it_may_still_be_used() {
    Document index =
        index(
            block("{'id': 'd', 'severity': 3, 'details': {'created': '2013-04-04'}}"),
            block("{'id': 'c', 'severity': 1, 'details': {'created': '2013-03-03'}}"),
            block("{'id': 'b', 'details': {'created': '2013-02-02'}}"),
            block("{'id': 'a', 'blockID': '../', 'severity': 1}"));
    assertEquals(
        List.of(
            "Apr 04, 2013 d disabled",
            "Mar 03, 2013 c at your own risk",
            "Feb 02, 2013 b disabled",
            "../ at your own risk"),
        index.select(".blocks li").eachText());
    assertEquals(List.of("disabled", "disabled"), index.select(".blocks .strict").eachText());
  }

  @Test
  void where_nothing_is_blocked_the_list_says_so() {
    Map<String, String> pages = pages(site());
    assertEquals(Set.of("index.html"), pages.keySet());
    assertHarmless(pages, "");
    assertEquals(
        "Blocked Add-ons Nothing is blocked.",
        document(pages.get("index.html")).select("main").text());
  }

  @ParameterizedTest
  @CsvSource({
    "https://a.test, https://a.test/",
    "https://a.test/, https://a.test/",
    "https://a.test/x//, https://a.test/x/",
    "http://a.test:8080/x, http://a.test:8080/x/"
  })
  void a_canonical_link_leads_to_where_the_page_is_served(URI url, String folder) {
    Map<String, String> pages = pages(site(block(BLOCK)), url);
    assertHarmless(pages, url);
    pages.forEach((file, html) ->
        assertEquals(
            List.of(folder + file), document(html).select("link[rel=canonical]").eachAttr("href")));
  }

  @Test
  void without_an_address_there_is_no_canonical_link() {
    pages(site(block(BLOCK)))
        .values()
        .forEach(html -> assertEquals(0, document(html).select("link").size()));
  }

  @Test
  void the_index_is_rendered_last() {
    List<Page> pages = blockpages_generator.render(site(block(BLOCK), block("{'id': 'z'}")), null);
    assertEquals(
        List.of("i454.html", "z.html", "index.html"), pages.stream().map(Page::file).toList());
    assertEquals(List.of(false, false, true), pages.stream().map(Page::isIndex).toList());
  }

  // ---- complete by themselves

  @Test
  void a_browser_takes_the_page_s_own_style_and_script_and_nothing_else() throws Exception {
    Map<String, String> pages = pages(site(block(BLOCK)));
    Document page = document(pages.get("i454.html"));
    Document index = document(pages.get("index.html"));
    String nothingElse = "default-src 'none'; base-uri 'none'; form-action 'none'; ";
    String style = "style-src " + hash(page.selectFirst("style"));
    String script = "script-src " + hash(index.selectFirst("script"));
    String policy = "meta[http-equiv=Content-Security-Policy]";
    assertEquals(nothingElse + style, page.select(policy).attr("content"));
    assertEquals(nothingElse + style + "; " + script, index.select(policy).attr("content"));
    for (String html : pages.values()) {
      assertTrue(
          html.indexOf("Content-Security-Policy") < html.indexOf("<style"),
          "it holds for what comes after it");
    }
  }

  private static String hash(Element element) throws NoSuchAlgorithmException {
    byte[] hash =
        MessageDigest.getInstance("SHA-256")
            .digest(element.data().getBytes(StandardCharsets.UTF_8));
    return "'sha256-%s'".formatted(Base64.getEncoder().encodeToString(hash));
  }

  @Test
  void a_page_fetches_nothing() {
    pages(site(block(BLOCK)))
        .forEach((file, html) -> {
          Document document = document(html);
          assertEquals(
              0, document.select("[src], [srcset], [background], [poster], [data]").size());
          assertEquals(
              0, document.select("link:not([rel=canonical]), base, iframe, object").size());
          String own = document.select("style").html() + document.select("script").html();
          assertFalse(
              own.matches("(?s).*(url\\(|image-set\\(|@import|https?:|fetch\\(|XMLHttp|import ).*"),
              file);
          assertEquals(1, document.select("meta[name=viewport]").size());
          assertEquals("no-referrer", document.select("meta[name=referrer]").attr("content"));
          assertTrue(own.contains("prefers-color-scheme: dark"), file);
        });
  }

  // ---- the whole blocklist

  @Test
  void the_blocklist_of_2016_is_rendered_whole() throws Exception {
    Map<String, Map<?, ?>> records = new LinkedHashMap<>();
    List<blockpages_generator.Block> blocks = new ArrayList<>();
    for (String collection : List.of("addons", "plugins")) {
      String json = Vectors.text("blocklist-2016/%s.json".formatted(collection));
      for (Object record : (List<?>) Json.parse(json)) {
        blocks.add(block(new Place("blocklists", collection), Json.document(record)));
        records.putIfAbsent((String) ((Map<?, ?>) record).get("blockID"), (Map<?, ?>) record);
      }
    }
    assertEquals(463, blocks.size());
    blockpages_generator.Site site = blockpages_generator.Site.of(blocks);
    assertEquals(List.of(), site.withoutPage());
    assertEquals(List.of(), site.warnings());
    Map<String, String> pages = pages(site);
    assertEquals(419, pages.size());
    assertEquals(records.size() + 1, pages.size());
    assertHarmless(pages, "");
    assertEquals(418, document(pages.get("index.html")).select(".blocks li").size());
    records.forEach((blockId, record) -> {
      Document page = document(pages.get(blockId + ".html"));
      Map<?, ?> details = (Map<?, ?>) record.get("details");
      assertEquals(
          details.get("name").toString().strip() + " has been blocked for your protection.",
          page.selectFirst("h1").wholeText());
      for (Map.Entry<String, String> reason :
          Map.of("why", "Why was it blocked?", "who", "Who is affected?").entrySet()) {
        Element told = document(String.valueOf(details.get(reason.getKey()))).body();
        Element shown = document(section(page, reason.getValue())).body();
        assertEquals(squeezed(told.wholeText()), squeezed(shown.wholeText()), blockId);
        assertEquals(
            told.select("a").eachAttr("href"), shown.select("a").eachAttr("href"), blockId);
        assertEquals(
            told.wholeText().strip().split("\r?\n", -1).length - 1,
            shown.select("br").size(),
            blockId);
      }
      assertEquals(details.get("bug"), page.selectFirst("footer a").attr("href"));
    });
  }
}
