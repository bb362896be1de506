///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Render the blocklist as HTML pages, and publish those that changed on S3.
//DOCS docs/blockpages_generator.md
//JAVA 25+
//SOURCES common/Advice.java common/Changesets.java common/Display.java common/ExportAge.java
//SOURCES common/GeneralSettings.java common/Http.java common/InOrder.java common/Json.java
//SOURCES common/Place.java common/RemoteSettings.java common/Report.java common/RunDeadline.java
//SOURCES common/Runner.java common/Tally.java
//SOURCES common/ServerException.java common/ServerSettings.java common/Surroundings.java
//SOURCES common/Urls.java common/UsageException.java common/Values.java
//SOURCES common/pages/BucketSettings.java common/pages/Destination.java
//SOURCES common/pages/Folder.java common/pages/HtmlPages.java
//FILES templates/index.html=templates/index.html
//FILES templates/layout.html=templates/layout.html
//FILES templates/page.html=templates/page.html
//FILES templates/search.js=templates/search.js
//FILES templates/style.css=templates/style.css
//DEPS info.picocli:picocli:4.7.7
//DEPS com.googlecode.owasp-java-html-sanitizer:owasp-java-html-sanitizer:20260313.1
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m

import common.Advice;
import common.Advice.Runbook;
import common.Changesets.SignedRecord;
import common.Display;
import common.ExportAge;
import common.GeneralSettings;
import common.Http;
import common.InOrder;
import common.Json;
import common.Json.BadJson;
import common.Place;
import common.RemoteSettings;
import common.Report;
import common.Report.Status;
import common.RunDeadline;
import common.Runner;
import common.ServerException;
import common.ServerSettings;
import common.Surroundings;
import common.Tally;
import common.Urls;
import common.UsageException;
import common.Values;
import common.Values.NameConverter;
import common.Values.WebAddressConverter;
import common.pages.BucketSettings;
import common.pages.Destination;
import common.pages.Destination.Page;
import common.pages.Destination.Unavailable;
import common.pages.Folder;
import common.pages.HtmlPages;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.owasp.html.HtmlPolicyBuilder;
import org.owasp.html.PolicyFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The job: everybody whose add-on or plugin was blocked finds a page that says why.
 *
 * <p>The command reads the records of the blocklist, renders {@code index.html} and a page for each
 * record, and publishes the pages that changed, the index last. It publishes nothing unless it has
 * read every collection completely. Text from records is escaped; the reasons may contain a few
 * HTML elements, which an allow-list names. A record that cannot have a page of its own is a
 * finding.
 *
 * <p>Spec: docs/specification.md, <i>blockpages_generator</i>.
 *
 * <pre>Uploading i454.html to Amazon S3 bucket amo-blocked-pages</pre>
 */
@Command(
    name = blockpages_generator.NAME,
    description = {
      "Render the blocklist as HTML pages, and publish those that changed on S3.",
      "A list of all blocked add-ons and plugins, index.html, and a page for each that says why."
    },
    footerHeading = "Example, for the server that ./jbang local_server --sample starts:",
    footer = "blockpages_generator --target-dir pages")
public class blockpages_generator implements Runner.Command {

  static final String NAME = "blockpages_generator";

  @Mixin ServerSettings server;

  @Option(
      names = "--bucket",
      paramLabel = "NAME",
      defaultValue = "blocklists",
      converter = NameConverter.class,
      description = "bucket of the blocklist's collections")
  String bucket;

  @Option(
      names = {"--addons-collections", "--addons-collection"},
      paramLabel = "NAME",
      split = ",",
      defaultValue = "addons",
      description = "collections of blocked add-ons, comma separated")
  List<String> addons;

  @Option(
      names = {"--plugins-collections", "--plugins-collection"},
      paramLabel = "NAME",
      split = ",",
      defaultValue = "plugins",
      description = "collections of blocked plugins, comma separated")
  List<String> plugins;

  @Mixin BucketSettings s3;

  @Option(
      names = "--canonical-url",
      paramLabel = "URL",
      converter = WebAddressConverter.class,
      description = "address under which the pages are served, for their canonical links")
  URI canonicalUrl;

  @Option(
      names = "--target-dir",
      paramLabel = "DIR",
      converter = FolderConverter.class,
      description = "write the pages into this folder, and upload nothing")
  Path targetDir;

  @Option(
      names = "--prune",
      description = "delete pages that this command made for records that are gone")
  boolean prune;

  @Option(
      names = "--allow-empty",
      description = "publish even if no record is left, and prune even if a collection is empty")
  boolean allowEmpty;

  @Option(
      names = "--upload-all",
      description = "also upload pages that did not change, for example with another CACHE_CONTROL")
  boolean uploadAll;

  @Option(names = "--dry-run", description = "print what would be published, and change nothing")
  boolean dryRun;

  @Mixin ExportAge exportAge;
  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new blockpages_generator(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public boolean writes() {
    return !dryRun;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    report.server(server.url());
    report.put("dry_run", dryRun);
    List<Place> collections = collections();
    try (Destination destination = destination(surroundings.environment(), report)) {
      report.put("destination", destination.name());
      Thread.ofPlatform().daemon().start(blockpages_generator::warmUp);
      List<Block> blocks;
      try (Http http = server.http(surroundings, report)) {
        RemoteSettings remote = server.remote(http);
        blocks = read(collections, remote);
        exportAge.check(remote, surroundings.clock().instant(), false, report);
      }
      if (hasEnoughRecords(collections, blocks, report)) {
        Site site = Site.of(blocks);
        site.warnings().forEach(report::warn);
        site.withoutPage().forEach(block -> report.finding(block.text(), null));
        new Publication(destination, report).publish(render(site, canonicalUrl));
      }
    } catch (Unavailable e) {
      report.failure(e.getMessage(), NOT_PUBLISHED.or(e.hint()), e);
    }
  }

  /** The collections of both settings, each once. */
  private List<Place> collections() throws UsageException {
    Set<String> names = new LinkedHashSet<>(Values.entries(addons));
    names.addAll(Values.entries(plugins));
    for (String name : names) {
      if (!Place.isName(name)) {
        throw new UsageException(
            "ADDONS_COLLECTIONS, PLUGINS_COLLECTIONS: \"%s\" is not a name of letters, digits, _ and -"
                .formatted(name),
            null);
      }
    }
    if (names.isEmpty()) {
      throw new UsageException(
          "ADDONS_COLLECTIONS and PLUGINS_COLLECTIONS are both empty", "name a collection");
    }
    return names.stream().map(name -> new Place(bucket, name)).toList();
  }

  private Destination destination(Map<String, String> environment, Report report)
      throws UsageException, Unavailable {
    return targetDir == null
        ? s3.bucket(NAME, server, general, environment, report)
        : new Folder(targetDir, NAME);
  }

  /** Reads all records of all collections, past the caches. */
  private static List<Block> read(List<Place> collections, RemoteSettings remote)
      throws ServerException, BadJson {
    List<Block> blocks = new ArrayList<>();
    for (Place collection : collections) {
      for (SignedRecord record : records(remote, collection)) {
        blocks.add(Block.of(collection, record));
      }
    }
    return blocks;
  }

  private static List<SignedRecord> records(RemoteSettings remote, Place collection)
      throws ServerException {
    try {
      return remote.whole(collection, remote.fresh(collection)).records();
    } catch (ServerException e) {
      throw e.isNotReadable()
          ? e.withAdvice(
              "check BUCKET, ADDONS_COLLECTIONS, PLUGINS_COLLECTIONS; nothing was published",
              Runbook.PAGES_NOT_UPDATED)
          : e;
    }
  }

  /** Whether there are enough records to publish and prune; reports it if there are not. */
  private boolean hasEnoughRecords(List<Place> collections, List<Block> blocks, Report report) {
    Set<Place> filled = blocks.stream().map(Block::collection).collect(Collectors.toSet());
    String empty =
        collections.stream()
            .filter(collection -> !filled.contains(collection))
            .map(Place::name)
            .collect(Collectors.joining(", "));
    if (allowEmpty || (!blocks.isEmpty() && (!prune || empty.isEmpty()))) {
      return true;
    }
    report.error(
        blocks.isEmpty()
            ? "no record in %s: nothing was published".formatted(empty)
            : "%s is empty: nothing was published or pruned".formatted(empty),
        "use --allow-empty if that is right");
    return false;
  }

  // ---- core: values in, values out

  /**
   * A record of the blocklist, as far as the pages show it.
   *
   * @param collection that it is in
   * @param file name of its page, or null
   * @param noPageReason why it cannot have a page, or null
   * @param name as plain text
   * @param blocked when it was blocked, or null
   * @param modified {@code last_modified}, epoch milliseconds
   * @param why reason for the block, text with a little HTML, or null
   * @param who is affected, text with a little HTML, or null
   * @param bug address of the block request, or null
   * @param severity null if the record has none
   * @param oddities fields that could not be used
   */
  record Block(
      Place collection,
      String id,
      String file,
      String noPageReason,
      String name,
      Instant blocked,
      long modified,
      String why,
      String who,
      String bug,
      Long severity,
      Set<Oddity> oddities) {

    static Block of(Place collection, SignedRecord record) throws BadJson {
      return of(
          collection,
          record.id(),
          object(Json.parse(new String(record.json().bytes(), StandardCharsets.US_ASCII))));
    }

    static Block of(Place collection, String id, Map<String, Object> record) {
      Set<Oddity> oddities = new LinkedHashSet<>();
      Map<String, Object> details = object(record.get("details"));
      Object blockId = record.get("blockID") == null ? id : record.get("blockID");
      String noPageReason =
          isPageName(blockId)
              ? null
              : "%s \"%s\" is not a valid page name"
                  .formatted(
                      record.get("blockID") == null ? "id" : "blockID",
                      Display.brief(blockId.toString()));
      long modified = record.get("last_modified") instanceof Long timestamp ? timestamp : 0;
      return new Block(
          collection,
          id,
          noPageReason == null ? blockId + ".html" : null,
          noPageReason,
          Stream.of(details.get("name"), record.get("name"), record.get("guid"), blockId, id)
              .map(Block::line)
              .filter(Objects::nonNull)
              .findFirst()
              .orElse("?"),
          date(details.get("created"), modified, oddities),
          modified,
          text(details.get("why"), oddities),
          text(details.get("who"), oddities),
          link(details.get("bug"), oddities),
          severity(record),
          oddities);
    }

    String label() {
      return "record %s of %s".formatted(Display.brief(id), collection.name());
    }

    /** Whether users may keep the add-on or plugin enabled at their own risk. */
    boolean isMild() {
      return severity != null && severity == 1;
    }

    /** This block, with the severity of the other one if that is stricter. */
    private Block asStrictAs(Block other) {
      return isMild() && !other.isMild()
          ? new Block(
              collection,
              id,
              file,
              noPageReason,
              name,
              blocked,
              modified,
              why,
              who,
              bug,
              other.severity,
              oddities)
          : this;
    }

    /** Whether both would have the same page, apart from the severity. */
    private boolean hasSamePageAs(Block other) {
      return Objects.equals(file, other.file)
          && name.equals(other.name)
          && Objects.equals(blocked, other.blocked)
          && Objects.equals(why, other.why)
          && Objects.equals(who, other.who)
          && Objects.equals(bug, other.bug);
    }

    private static Instant date(Object created, long modified, Set<Oddity> oddities) {
      Optional<Instant> date = created instanceof String text ? date(text) : Optional.empty();
      if (created != null && date.isEmpty()) {
        oddities.add(Oddity.DATE);
      }
      return date.orElseGet(() -> {
        Instant lastChange = Instant.ofEpochMilli(modified);
        return modified > 0 && isPrintable(lastChange) ? lastChange : null;
      });
    }

    /** Parses a date with or without a time. */
    private static Optional<Instant> date(String text) {
      String time =
          text.matches("\\d{4}-\\d\\d-\\d\\d") ? text + "T00:00" : text.strip().replace(' ', 'T');
      return RemoteSettings.date(Map.of("created", time), "created").filter(Block::isPrintable);
    }

    private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant END = Instant.parse("+10000-01-01T00:00:00Z");

    /** Whether its year has four digits, as HTML requires. */
    private static boolean isPrintable(Instant date) {
      return !date.isBefore(FIRST) && date.isBefore(END);
    }

    /** A value as a single line of text, or null. */
    private static String line(Object value) {
      if (value == null || value instanceof Map || value instanceof List) {
        return null;
      }
      String line = printable(Display.clean(value.toString())).strip();
      return line.isEmpty() ? null : line;
    }

    private static String text(Object value, Set<Oddity> oddities) {
      if (value != null && !(value instanceof String)) {
        oddities.add(Oddity.TEXT);
      }
      return value instanceof String text && !text.isBlank() ? text.strip() : null;
    }

    private static String link(Object value, Set<Oddity> oddities) {
      if (value == null || value.equals("")) {
        return null;
      }
      String address = webAddress(value.toString());
      if (address == null) {
        oddities.add(Oddity.LINK);
      }
      return address;
    }

    /** The severity of the record itself, or else the highest of its version ranges. */
    private static Long severity(Map<String, Object> record) {
      Long own = number(record.get("severity"));
      if (own != null || !(record.get("versionRange") instanceof List<?> ranges)) {
        return own;
      }
      return ranges.stream()
          .map(range -> number(object(range).get("severity")))
          .filter(Objects::nonNull)
          .max(Comparator.naturalOrder())
          .orElse(null);
    }

    private static Long number(Object value) {
      return switch (value) {
        case Long number -> number;
        case String digits when digits.matches("\\d{1,9}") -> Long.valueOf(digits);
        case null, default -> null;
      };
    }
  }

  /** A field of a record that could not be used; its page is made without it. */
  enum Oddity {
    DATE("details.created is not a date, so last_modified is used"),
    TEXT("details.why or details.who is not text"),
    LINK("details.bug is not an http or https address");

    private final String text;

    Oddity(String text) {
      this.text = text;
    }
  }

  @SuppressWarnings("unchecked") // keys of a JSON object are strings
  private static Map<String, Object> object(Object value) {
    return value instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
  }

  private static final Pattern NOT_ASCII = Pattern.compile("[^\\x00-\\x7f]++");

  /**
   * An http or https address without user and password, for a link; null if it is not one. Like a
   * browser, it does not normalize: that would take the square of the length of some texts.
   */
  static String webAddress(String text) {
    try {
      URI url = URI.create(printable(text).strip());
      return Urls.isWeb(url) && Urls.userInfo(url) == null
          ? NOT_ASCII
              .matcher(url.toString())
              .replaceAll(some -> URLEncoder.encode(some.group(), StandardCharsets.UTF_8))
          : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static final Pattern PAGE_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,99}");

  /** Names of devices on Windows, with any extension. */
  private static final Pattern DEVICE =
      Pattern.compile("(?i)(con|prn|aux|nul|(com|lpt)\\d)(\\..*)?");

  /** Whether {@code NAME.html} is a plain file beside the index, on every file system. */
  static boolean isPageName(Object name) {
    return (name instanceof String || name instanceof Long)
        && PAGE_NAME.matcher(name.toString()).matches()
        && !DEVICE.matcher(name.toString()).matches()
        && !name.toString().equalsIgnoreCase("index");
  }

  /**
   * Removes what HTML must not contain (control characters, lone surrogates and noncharacters) and
   * the marks that reorder text. Any line break becomes {@code \n}.
   */
  static String printable(String text) {
    StringBuilder printable = new StringBuilder(text.length());
    text.replaceAll("\r\n?", "\n")
        .codePoints()
        .filter(c ->
            (!Character.isISOControl(c) || c == '\n' || c == '\t')
                && !(c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)
                && !(c >= 0x202a && c <= 0x202e)
                && !(c >= 0x2066 && c <= 0x2069)
                && !(c >= 0xfdd0 && c <= 0xfdef)
                && (c & 0xfffe) != 0xfffe)
        .forEach(printable::appendCodePoint);
    return printable.toString();
  }

  /**
   * A record without a page of its own: the list shows it without a link.
   *
   * @param reason why it has no page
   */
  record WithoutPage(Block block, String reason) {
    String text() {
      return "%s has no page: %s".formatted(block.label(), reason);
    }
  }

  /**
   * The records to render, newest first.
   *
   * @param blocks records with a page, one for each page
   * @param withoutPage all other records, except those that share a page
   * @param warnings fields that could not be used, with the number of records
   */
  record Site(List<Block> blocks, List<WithoutPage> withoutPage, List<String> warnings) {

    /** By date, then by last change; blocks without a date come last. */
    private static final Comparator<Block> NEWEST_FIRST =
        Comparator.comparing(Block::blocked, Comparator.nullsFirst(Comparator.naturalOrder()))
            .thenComparing(Block::modified)
            .reversed()
            .thenComparing(Block::name)
            .thenComparing(block -> block.collection().name())
            .thenComparing(Block::id);

    /**
     * Several records may share a page if it would be the same: blocklists have one record for each
     * way in which a block matches. If the pages would differ, the newest record gets the page.
     */
    static Site of(List<Block> records) {
      Map<String, Block> pages =
          new LinkedHashMap<>(); // in lower case: file systems may take i1 for I1
      List<WithoutPage> withoutPage = new ArrayList<>();
      for (Block block : records.stream().sorted(NEWEST_FIRST).toList()) {
        if (block.noPageReason() != null) {
          withoutPage.add(new WithoutPage(block, block.noPageReason()));
          continue;
        }
        String key = block.file().toLowerCase(Locale.ROOT);
        Block other = pages.putIfAbsent(key, block);
        if (other != null && !other.hasSamePageAs(block)) {
          withoutPage.add(
              new WithoutPage(
                  block, "%s is the page of the newer %s".formatted(block.file(), other.label())));
        } else if (other != null) {
          pages.put(key, other.asStrictAs(block));
        }
      }
      return new Site(List.copyOf(pages.values()), withoutPage, warnings(records));
    }

    private static List<String> warnings(List<Block> records) {
      List<String> warnings = new ArrayList<>();
      for (Oddity oddity : Oddity.values()) {
        List<String> ids =
            records.stream()
                .filter(block -> block.oddities().contains(oddity))
                .map(block -> Display.brief(block.id()))
                .sorted()
                .toList();
        if (!ids.isEmpty()) {
          warnings.add(
              "%s (%d record%s: %s)"
                  .formatted(
                      oddity.text, ids.size(), ids.size() == 1 ? "" : "s", Display.some(ids)));
        }
      }
      return warnings;
    }

    /** All records that the list shows. */
    private List<Block> listed() {
      return Stream.concat(blocks.stream(), withoutPage.stream().map(WithoutPage::block))
          .sorted(NEWEST_FIRST)
          .toList();
    }
  }

  // ---- rendering

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("MMM dd, yyyy", Locale.US).withZone(ZoneOffset.UTC);

  /** The values of a record's page, for the template. */
  public record PageValues(
      String name, String date, String why, String who, String bug, boolean mild) {}

  /** A line of the list, for the template. */
  public record Entry(String file, String name, String date, LocalDate day, boolean mild) {}

  /** What was blocked in one year. */
  public record Year(String number, List<Entry> entries) {}

  /**
   * The HTML that {@code why} and {@code who} may contain: links to the web, emphasis and line
   * breaks. Other elements are removed and their text is kept, except for scripts and the like. The
   * result fits into a paragraph.
   */
  private static final PolicyFactory REASONS =
      new HtmlPolicyBuilder()
          .allowElements("a", "b", "strong", "i", "em", "code", "br")
          .allowUrlProtocols("https", "http")
          .allowAttributes("href")
          .matching((_, _, address) -> webAddress(address))
          .onElements("a")
          .requireRelsOnLinks("nofollow", "noopener", "noreferrer")
          .toFactory();

  /**
   * A line break in HTML: a {@code br}, or the border of a block element. A tag without an end is
   * read no further than the next one, or the time would grow with the square of the length.
   */
  private static final Pattern END_OF_LINE =
      Pattern.compile(
          "(?i)<br\\b[^<>]*+>|(?:</?(?:p|div|li|ul|ol|t[dhr]|h[1-6])(?![\\w-])"
              + "(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+>\\s*+)++");

  private static final Pattern EMPTY_LINK = Pattern.compile("<a [^<>]*+>\\s*+</a>");
  private static final Pattern BEYOND_BMP = Pattern.compile("&#x([0-9a-f]{5,6});");

  /** A reason as safe HTML; null if nothing is left. */
  static String reason(String text) {
    if (text == null) {
      return null;
    }
    String html =
        REASONS
            .sanitize(END_OF_LINE.matcher(printable(text)).replaceAll("<br>"))
            .replace("<!-- -->", "") // the sanitizer puts it into {{
            .replace("<br />", "<br>");
    html =
        BEYOND_BMP
            .matcher(html)
            .replaceAll(found -> Character.toString(Integer.parseInt(found.group(1), 16)));
    html = EMPTY_LINK.matcher(printable(html)).replaceAll("").strip(); // &#1; is decoded by now
    if (!html.contains("<br>")) { // plain text
      html = html.replace("\n", "<br>\n");
    }
    Deque<String> lines = new ArrayDeque<>(List.of(html.split("<br>")));
    while (!lines.isEmpty() && lines.getFirst().isBlank()) {
      lines.removeFirst();
    }
    while (!lines.isEmpty() && lines.getLast().isBlank()) {
      lines.removeLast();
    }
    return lines.isEmpty() ? null : String.join("<br>", lines).strip();
  }

  /**
   * Renders the pages, the index last.
   *
   * @param canonicalUrl address under which they are served, or null
   */
  static List<Page> render(Site site, URI canonicalUrl) {
    HtmlPages html = new HtmlPages(NAME, "style.css");
    List<Page> pages =
        site.blocks().parallelStream()
            .map(block -> {
              Map<String, Object> values =
                  values("page", pageValues(block), canonicalUrl, block.file());
              return new Page(block.file(), html.render("page.html", values));
            })
            .collect(Collectors.toCollection(ArrayList::new));
    Map<String, Object> values = values("years", years(site), canonicalUrl, Page.INDEX);
    pages.add(new Page(Page.INDEX, html.render("index.html", "search.js", values)));
    return pages;
  }

  /** Loads classes for rendering while the server is read, which saves a fifth of a second. */
  private static void warmUp() {
    Place nowhere = new Place("warm", "up");
    Map<String, Object> record =
        Map.of("details", Map.of("why", "<a href=\"https://localhost\">a</a>\n"));
    render(Site.of(List.of(Block.of(nowhere, "warm-up", record))), null);
  }

  /** The values for a template: one of its own, and the canonical address of its page. */
  private static Map<String, Object> values(
      String name, Object value, URI canonicalUrl, String file) {
    Map<String, Object> values = new HashMap<>(); // allows null
    values.put(name, value);
    values.put(
        "canonical",
        canonicalUrl == null ? null : canonicalUrl.toString().replaceFirst("/*$", "/") + file);
    return values;
  }

  private static PageValues pageValues(Block block) {
    return new PageValues(
        block.name(),
        date(block),
        reason(block.why()),
        reason(block.who()),
        block.bug(),
        block.isMild());
  }

  private static String date(Block block) {
    return block.blocked() == null ? null : DATE.format(block.blocked());
  }

  private static LocalDate day(Block block) {
    return block.blocked() == null ? null : LocalDate.ofInstant(block.blocked(), ZoneOffset.UTC);
  }

  private static List<Year> years(Site site) {
    Set<Block> linked = new HashSet<>(site.blocks());
    return site.listed().stream()
        .map(block ->
            new Entry(
                linked.contains(block) ? block.file() : null,
                block.name(),
                date(block),
                day(block),
                block.isMild()))
        .collect(
            Collectors.groupingBy(
                entry -> entry.day() == null ? "undated" : Integer.toString(entry.day().getYear()),
                LinkedHashMap::new,
                Collectors.toList()))
        .entrySet()
        .stream()
        .map(year -> new Year(year.getKey(), year.getValue()))
        .toList();
  }

  // ---- publishing

  /**
   * One file to publish or delete.
   *
   * @param page to publish; null to delete the file
   */
  private record Task(String file, Page page) {
    boolean isDeletion() {
      return page == null;
    }
  }

  /** The outcome of a step of a task. */
  private sealed interface Outcome {
    Task task();
  }

  /**
   * The step succeeded.
   *
   * @param answer that a comparing or checking step gives
   */
  private record Succeeded(Task task, boolean answer) implements Outcome {}

  private record Failed(Task task, String reason, String hint) implements Outcome {}

  /** The step was not tried, because too many others failed before, or the run had no time. */
  private record NotTried(Task task) implements Outcome {}

  /** What is done with a file, in the words of the result lines and of the summary. */
  private enum Action {
    UPLOAD("upload", "Uploading", "uploaded"),
    WRITE("write", "Writing", "written"),
    DELETE("delete", "Deleting", "deleted");

    private final String verb;
    private final String doing;
    private final String done;

    Action(String verb, String doing, String done) {
      this.verb = verb;
      this.doing = doing;
      this.done = done;
    }
  }

  private interface Step {
    boolean take(Task task) throws Unavailable;
  }

  static final Advice NOT_PUBLISHED =
      new Advice(
          "not-published",
          "run the command again: it continues from there",
          Runbook.PAGES_NOT_UPDATED);

  /** Publishes the pages: compares, uploads, uploads the index, deletes. */
  private final class Publication {
    private static final int MAX_FAILURES_IN_A_ROW = 8; // then the other 10,000 would fail, too

    private final Action publishing = targetDir == null ? Action.UPLOAD : Action.WRITE;
    private final Destination destination;
    private final Report report;
    private final List<String> unchanged = new ArrayList<>();
    private final Tally tally = new Tally("file", 0); // of what failed
    private final List<String> failures = new ArrayList<>();
    private final List<String> notTried = new ArrayList<>();
    private final AtomicInteger failedInARow = new AtomicInteger();
    private final AtomicInteger inProgress = new AtomicInteger();
    private int failedPages;
    private int published;
    private int deleted;
    private int pages;

    Publication(Destination destination, Report report) {
      this.destination = destination;
      this.report = report;
    }

    void publish(List<Page> all) throws Unavailable, InterruptedException {
      pages = all.size();
      Map<String, String> existing = destination.files();
      List<Task> changed = changed(all, existing);
      List<Task> obsolete = prune ? obsolete(all, existing) : List.of();
      report.put("unchanged", unchanged);
      if (destination.isMissing()) {
        String then = dryRun ? "it would be created" : "it is created now";
        report.warn("%s is missing: %s".formatted(destination.name(), then));
      }
      if (!dryRun && changed.size() + obsolete.size() > 0) {
        report.announce(
            destination.announcement(
                "publish %d of %d pages%s"
                    .formatted(
                        changed.size(),
                        pages,
                        obsolete.isEmpty() ? "" : ", and delete %d".formatted(obsolete.size()))));
        report.onInterrupt(this::interrupted);
        destination.open();
      }
      act(changed.stream().filter(task -> !task.page().isIndex()).toList());
      if (failedPages == 0) {
        // last, so that all its links work
        act(changed.stream().filter(task -> task.page().isIndex()).toList());
      }
      if (failedPages == 0) {
        act(obsolete);
      }
      report.put("not_tried", notTried);
      tally.tellCauses(report);
      if (!notTried.isEmpty() && report.deadline().isOver()) {
        report.error(
            "%s: %d files were not tried".formatted(RunDeadline.LATE, notTried.size()),
            "the next run continues from there; " + RunDeadline.HINT);
      } else if (failedPages > 0) {
        report.error(
            "%d of %d pages failed: the index stays as it was, and nothing is deleted"
                .formatted(failedPages, pages),
            "fix the cause and run the command again: it continues from there");
      } else if (!failures.isEmpty()) {
        report.error(
            "not deleted, but may be pages of records that are gone: " + Display.some(failures),
            "run the command again with --prune");
      }
      report.summary(summary());
      tally.tell(report, Status.UNKNOWN, "Not published: %s");
    }

    private List<Task> changed(List<Page> all, Map<String, String> existing)
        throws InterruptedException {
      List<Task> changed = new ArrayList<>();
      work(
          "comparing pages",
          all.stream().map(page -> new Task(page.file(), page)).toList(),
          task -> {
            String tag = existing.get(task.file());
            return uploadAll || tag == null || !destination.holds(task.page(), tag);
          },
          (task, isChanged) -> {
            if (isChanged) {
              changed.add(task);
            } else {
              unchanged.add(task.file());
              report.note(task.file() + " did not change");
            }
          });
      return changed;
    }

    /** Pages that this command made for records that are gone. */
    private List<Task> obsolete(List<Page> all, Map<String, String> existing)
        throws InterruptedException {
      Set<String> files = new TreeSet<>(existing.keySet());
      all.forEach(page -> files.remove(page.file()));
      List<Task> obsolete = new ArrayList<>();
      work(
          "checking old pages",
          files.stream().map(file -> new Task(file, null)).toList(),
          task -> destination.isOurs(task.file()),
          (task, isOurs) -> {
            if (isOurs) {
              obsolete.add(task);
            }
          });
      return obsolete;
    }

    private void act(List<Task> tasks) throws InterruptedException {
      work(
          "publishing pages",
          tasks,
          task -> {
            if (!dryRun && task.isDeletion()) {
              destination.delete(task.file());
            } else if (!dryRun) {
              destination.put(task.page());
            }
            return true;
          },
          (task, _) -> {
            if (task.isDeletion()) {
              deleted++;
            } else {
              published++;
            }
            report.result(Status.GOOD, line(task), json(task, dryRun ? "planned" : "done"));
          });
    }

    /**
     * Takes a step for each task, several at once. After too many failures in a row, the rest is
     * not tried.
     *
     * @param label what a terminal is told
     */
    private void work(
        String label, List<Task> tasks, Step step, BiConsumer<Task, Boolean> onSuccess)
        throws InterruptedException {
      if (tasks.isEmpty()) {
        return;
      }
      failedInARow.set(0);
      report.doing(label);
      try {
        InOrder.run(
            report,
            tasks,
            server.parallel(),
            task -> outcome(task, step),
            (task, reason) -> new Failed(task, reason, null),
            outcome -> {
              switch (outcome) {
                case Succeeded(Task task, boolean answer) -> onSuccess.accept(task, answer);
                case Failed failed -> show(failed);
                case NotTried(Task task) -> notTried.add(task.file());
              }
            },
            this::interrupted);
      } finally {
        report.doing("");
      }
    }

    private Outcome outcome(Task task, Step step) {
      if (failedInARow.get() >= MAX_FAILURES_IN_A_ROW || report.deadline().isOver()) {
        return new NotTried(task);
      }
      inProgress.incrementAndGet();
      try {
        boolean answer = step.take(task);
        failedInARow.set(0);
        return new Succeeded(task, answer);
      } catch (Unavailable e) {
        failedInARow.incrementAndGet();
        return new Failed(task, e.getMessage(), e.hint());
      } finally {
        if (!report.isInterrupted()) { // otherwise it has not ended by itself
          inProgress.decrementAndGet();
        }
      }
    }

    private void show(Failed failed) {
      Task task = failed.task();
      failures.add(task.file());
      failedPages += task.isDeletion() ? 0 : 1;
      Map<String, Object> json = json(task, "no-verdict");
      tally.addNoVerdict(task.file(), failed.reason(), NOT_PUBLISHED.or(failed.hint()), json);
      report.result(Status.UNKNOWN, line(task) + " " + report.noVerdict(failed.reason()), json);
    }

    private static Map<String, Object> json(Task task, String status) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("file", Display.clean(task.file()));
      json.put("action", task.isDeletion() ? "delete" : "publish");
      json.put("status", status);
      return json;
    }

    private String line(Task task) {
      Action action = task.isDeletion() ? Action.DELETE : publishing;
      return Display.line(
          "%s %s %s %s"
              .formatted(
                  dryRun ? "Would " + action.verb : action.doing,
                  Display.name(task.file()),
                  task.isDeletion() ? "from" : "to",
                  destination.name()));
    }

    private void interrupted() {
      tally.tellCauses(report);
      report.summary("interrupted: " + summary());
    }

    private String summary() {
      List<String> parts = new ArrayList<>();
      parts.add(count(published, publishing));
      parts.add("%d unchanged".formatted(unchanged.size()));
      if (deleted > 0) {
        parts.add(count(deleted, Action.DELETE));
      }
      if (!failures.isEmpty()) {
        parts.add("%d failed (%s)".formatted(failures.size(), Display.some(failures)));
      }
      if (!notTried.isEmpty()) {
        parts.add("%d not tried".formatted(notTried.size()));
      }
      if (inProgress.get() > 0) {
        parts.add("%d under way".formatted(inProgress.get()));
      }
      return "%d page%s: %s".formatted(pages, pages == 1 ? "" : "s", String.join(", ", parts));
    }

    private String count(int files, Action action) {
      return "%d %s%s".formatted(files, dryRun ? "would be " : "", action.done);
    }
  }

  // ---- converters: each message completes "VALUE is not …"

  private static final class FolderConverter extends Values.Converter<Path> {
    FolderConverter() {
      super(
          "a folder",
          text -> {
            Path folder = Path.of(text);
            return !Files.exists(folder) || Files.isDirectory(folder) ? folder : null;
          });
    }
  }
}
