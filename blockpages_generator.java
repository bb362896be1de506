///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Render the blocklist as HTML pages, and publish those that changed on S3.
//JAVA 25+
//SOURCES common/Changesets.java
//SOURCES common/Display.java
//SOURCES common/GeneralSettings.java
//SOURCES common/Http.java
//SOURCES common/InOrder.java
//SOURCES common/Json.java
//SOURCES common/Place.java
//SOURCES common/Proxies.java
//SOURCES common/RemoteSettings.java
//SOURCES common/Report.java
//SOURCES common/Runner.java
//SOURCES common/ServerException.java
//SOURCES common/ServerSettings.java
//SOURCES common/Surroundings.java
//SOURCES common/Urls.java
//SOURCES common/UsageException.java
//SOURCES common/Values.java
//SOURCES common/Version.java
//SOURCES common/pages/HtmlPages.java
//FILES templates/index.html=templates/index.html
//FILES templates/layout.html=templates/layout.html
//FILES templates/page.html=templates/page.html
//FILES templates/search.js=templates/search.js
//FILES templates/style.css=templates/style.css
//DEPS info.picocli:picocli:4.7.7
//DEPS com.googlecode.owasp-java-html-sanitizer:owasp-java-html-sanitizer:20260313.1
//DEPS me.tongfei:progressbar:0.10.2
//DEPS software.amazon.awssdk:s3:2.59.1
//DEPS software.amazon.awssdk:url-connection-client:2.59.1
//DEPS software.amazon.awssdk:signin:2.59.1
//DEPS software.amazon.awssdk:sso:2.59.1
//DEPS software.amazon.awssdk:ssooidc:2.59.1
//DEPS software.amazon.awssdk:sts:2.59.1
//DEPS org.slf4j:slf4j-api:2.0.20
//DEPS org.slf4j:slf4j-nop:2.0.20
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.Changesets.SignedRecord;
import common.Display;
import common.GeneralSettings;
import common.Http;
import common.InOrder;
import common.Json;
import common.Json.BadJson;
import common.Place;
import common.Proxies;
import common.RemoteSettings;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.ServerException;
import common.ServerSettings;
import common.Surroundings;
import common.Urls;
import common.UsageException;
import common.Values;
import common.Values.NameConverter;
import common.Values.WebAddressConverter;
import common.Version;
import common.pages.HtmlPages;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertPathBuilderException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
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
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import javax.xml.stream.XMLStreamException;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.owasp.html.HtmlPolicyBuilder;
import org.owasp.html.PolicyFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.ContainerCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.client.config.SdkAdvancedClientOption;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttribute;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.urlconnection.ProxyConfiguration;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.BucketAlreadyOwnedByYouException;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * The job: everybody whose add-on or plugin was blocked finds a page that says why.
 *
 * <p>Reads the records of the blocklist, renders {@code index.html} and a page for each, and
 * publishes those that changed, the index last. Nothing is published unless every collection was
 * read whole. What a record says is escaped, the little HTML that its reasons may hold is reduced
 * to an allow-list. A record that can have no page of its own is a finding.
 *
 * <p>Spec: contract, <i>blockpages_generator</i>.
 *
 * <pre>Uploading i454.html to Amazon S3 bucket amo-blocked-pages</pre>
 */
@Command(
    name = blockpages_generator.NAME,
    description = {
      "Render the blocklist as HTML pages, and publish those that changed on S3.",
      "A list of all blocked add-ons and plugins, index.html, and a page for each that says why."
    })
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

  @Option(
      names = "--aws-region",
      paramLabel = "REGION",
      defaultValue = "eu-central-1",
      converter = RegionConverter.class,
      description = "region of the S3 bucket")
  String region;

  @Option(
      names = "--bucket-name",
      paramLabel = "NAME",
      defaultValue = "amo-blocked-pages",
      converter = BucketNameConverter.class,
      description = "S3 bucket to publish to, made in that region if it is missing")
  String bucketName;

  @Option(
      names = {"--aws-endpoint-url-s3", "--aws-endpoint-url"},
      paramLabel = "URL",
      converter = WebAddressConverter.class,
      description = "endpoint of another S3 than Amazon's, asked path-style")
  URI endpoint;

  @Option(
      names = "--expected-bucket-owner",
      paramLabel = "ACCOUNT",
      converter = AccountConverter.class,
      description = "AWS account that must own the S3 bucket, 12 digits")
  String expectedOwner;

  @Option(
      names = "--cache-control",
      paramLabel = "VALUE",
      defaultValue = "public, max-age=3600",
      converter = HeaderConverter.class,
      description = "Cache-Control header of the pages that are uploaded, with seconds")
  String cacheControl;

  @Option(
      names = "--canonical-url",
      paramLabel = "URL",
      converter = WebAddressConverter.class,
      description = "address that the pages are served below, for their canonical links")
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
      description = "upload pages that did not change, too: with another CACHE_CONTROL, say")
  boolean uploadAll;

  @Option(names = "--dry-run", description = "print what would be published, and change nothing")
  boolean dryRun;

  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new blockpages_generator(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    report.put("server", server.url().toString());
    report.put("dry_run", dryRun);
    List<Place> collections = collections();
    try (Destination destination = destination(surroundings.environment(), report)) {
      report.put("destination", destination.name());
      Thread.ofPlatform().daemon().start(blockpages_generator::warmUp);
      List<Block> blocks;
      try (Http http = server.http(surroundings, report)) {
        blocks = read(collections, http, report);
      }
      if (blocks == null) {
        return;
      }
      Site site = Site.of(blocks);
      site.warnings().forEach(report::warn);
      site.refused().forEach(refused -> report.finding(refused.text(), null));
      new Publication(destination, report).publish(render(site, canonicalUrl));
    } catch (Unavailable e) {
      report.failure(e.getMessage(), e.hint(), e);
    }
  }

  /** The collections that are asked for, each once. */
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
    return targetDir == null ? new Bucket(environment, report) : new Folder(targetDir);
  }

  /**
   * Reads the records of all collections, past the caches.
   *
   * @return null if there is nothing that could be published; the report says why
   */
  private List<Block> read(List<Place> collections, Http http, Report report)
      throws ServerException, BadJson {
    RemoteSettings remote = server.remote(http);
    List<Block> blocks = new ArrayList<>();
    List<String> empty = new ArrayList<>();
    for (Place collection : collections) {
      List<SignedRecord> records = records(remote, collection);
      if (records.isEmpty()) {
        empty.add(collection.name());
      }
      for (SignedRecord record : records) {
        blocks.add(Block.of(collection, record));
      }
    }
    if (!allowEmpty && (blocks.isEmpty() || (prune && !empty.isEmpty()))) {
      report.error(
          blocks.isEmpty()
              ? "no record in %s: nothing was published".formatted(String.join(", ", empty))
              : "%s is empty: nothing was published or pruned".formatted(String.join(", ", empty)),
          "--allow-empty if that is right");
      return null;
    }
    return blocks;
  }

  private static List<SignedRecord> records(RemoteSettings remote, Place collection)
      throws ServerException {
    try {
      return remote.fresh(collection).records();
    } catch (ServerException e) {
      throw e.status() == 401 || e.status() == 403 || e.status() == 404
          ? e.withHint(
              "check BUCKET, ADDONS_COLLECTIONS, PLUGINS_COLLECTIONS; nothing was published")
          : e;
    }
  }

  // ---- core: values in, values out

  /**
   * A record of the blocklist, as far as the pages show it.
   *
   * @param collection it is in, with its id for messages
   * @param file name of its page, or null
   * @param refusal why it can have none, or null
   * @param name as text
   * @param blocked when, or null
   * @param modified {@code last_modified}, epoch milliseconds
   * @param why as text with a little HTML, or null
   * @param who likewise
   * @param bug address of the block request, or null
   * @param severity null if the record has none
   * @param oddities what could not be read of it
   */
  record Block(
      Place collection,
      String id,
      String file,
      String refusal,
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
      String refusal =
          isPageName(blockId)
              ? null
              : "%s \"%s\" is no name for a page"
                  .formatted(
                      record.get("blockID") == null ? "id" : "blockID",
                      Display.brief(blockId.toString()));
      long modified = record.get("last_modified") instanceof Long timestamp ? timestamp : 0;
      return new Block(
          collection,
          id,
          refusal == null ? blockId + ".html" : null,
          refusal,
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

    /** Whether it disables what it names unless the user decides otherwise. */
    boolean isMild() {
      return severity != null && severity == 1;
    }

    /** The same, but as strict as another one if that is stricter. */
    private Block asStrictAs(Block other) {
      return isMild() && !other.isMild()
          ? new Block(
              collection,
              id,
              file,
              refusal,
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

    /** Whether its page says the same as another one's, but for the severity. */
    private boolean tellsTheSameAs(Block other) {
      return Objects.equals(file, other.file)
          && name.equals(other.name)
          && Objects.equals(blocked, other.blocked)
          && Objects.equals(why, other.why)
          && Objects.equals(who, other.who)
          && Objects.equals(bug, other.bug);
    }

    private static Instant date(Object created, long modified, Set<Oddity> oddities) {
      Instant fallback =
          Optional.of(Instant.ofEpochMilli(modified))
              .filter(date -> modified > 0 && isPrintable(date))
              .orElse(null);
      if (created == null) {
        return fallback;
      }
      Optional<Instant> date =
          created instanceof String text
              ? RemoteSettings.date(Map.of("created", text.strip().replace(' ', 'T')), "created")
              : Optional.empty();
      if (date.isEmpty() && created instanceof String day) {
        try {
          date = Optional.of(LocalDate.parse(day).atStartOfDay().toInstant(ZoneOffset.UTC));
        } catch (DateTimeParseException e) {
          // said below
        }
      }
      return date.filter(Block::isPrintable)
          .orElseGet(() -> {
            oddities.add(Oddity.DATE);
            return fallback;
          });
    }

    private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");
    private static final Instant END = Instant.parse("+10000-01-01T00:00:00Z");

    /** Whether its year has four digits, as HTML wants it. */
    private static boolean isPrintable(Instant date) {
      return !date.isBefore(FIRST) && date.isBefore(END);
    }

    /** A text of one line, or null. */
    private static String line(Object value) {
      return value == null || value instanceof Map || value instanceof List
          ? null
          : Optional.of(printable(Display.clean(value.toString())).strip())
              .filter(line -> !line.isEmpty())
              .orElse(null);
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

    /** The record's own, else the highest of its version ranges. */
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

  /** What could not be read of a record, whose page then does without. */
  enum Oddity {
    DATE("details.created is no date, last_modified stands for it"),
    TEXT("details.why or details.who is no text"),
    LINK("details.bug is no http or https address");

    private final String text;

    Oddity(String text) {
      this.text = text;
    }
  }

  @SuppressWarnings("unchecked") // JSON objects are maps with names
  private static Map<String, Object> object(Object value) {
    return value instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
  }

  /** An address of the web as a link may have it, without user and password; or null. */
  static String webAddress(String text) {
    try {
      URI url = URI.create(printable(text).strip());
      return Urls.isWeb(url) && url.getRawUserInfo() == null ? url.toASCIIString() : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static final Pattern PAGE_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,99}");

  /** Windows takes these for devices, whatever follows a dot. */
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
   * Leaves out what no HTML may hold, control characters, half characters and what Unicode calls
   * noncharacters, and the marks that reorder text. Any line break becomes {@code \n}.
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
   * A record that has no page of its own: it stands in the list without a link.
   *
   * @param block it
   * @param reason why
   */
  record Refused(Block block, String reason) {
    String text() {
      return "%s has no page: %s".formatted(block.label(), reason);
    }
  }

  /**
   * What is to be rendered, newest first.
   *
   * @param blocks those with a page, each page once
   * @param refused those without
   * @param warnings what could not be read, and of how many records
   */
  record Site(List<Block> blocks, List<Refused> refused, List<String> warnings) {

    /** By date, then by last change; what has no date comes last. */
    private static final Comparator<Block> NEWEST_FIRST =
        Comparator.comparing(Block::blocked, Comparator.nullsFirst(Comparator.naturalOrder()))
            .thenComparing(Block::modified)
            .reversed()
            .thenComparing(Block::name)
            .thenComparing(block -> block.collection().name())
            .thenComparing(Block::id);

    /**
     * Several records may tell the same on one page, as blocklists have them where a block matches
     * in several ways; where they tell different things, the newest has the page.
     */
    static Site of(List<Block> records) {
      Map<String, Block> pages = new LinkedHashMap<>(); // file systems may not tell i1 from I1
      List<Refused> refused = new ArrayList<>();
      for (Block block : records.stream().sorted(NEWEST_FIRST).toList()) {
        if (block.refusal() != null) {
          refused.add(new Refused(block, block.refusal()));
          continue;
        }
        String key = block.file().toLowerCase(Locale.ROOT);
        Block other = pages.putIfAbsent(key, block);
        if (other != null && !other.tellsTheSameAs(block)) {
          refused.add(
              new Refused(
                  block, "%s is the page of the newer %s".formatted(block.file(), other.label())));
        } else if (other != null) {
          pages.put(key, other.asStrictAs(block));
        }
      }
      return new Site(List.copyOf(pages.values()), refused, warnings(records));
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

    /** All that the list shows. */
    private List<Block> listed() {
      return Stream.concat(blocks.stream(), refused.stream().map(Refused::block))
          .sorted(NEWEST_FIRST)
          .toList();
    }
  }

  // ---- rendering

  static final String INDEX = "index.html";

  /**
   * A page that is to be published.
   *
   * @param file its name
   * @param html in UTF-8
   */
  record Page(String file, byte[] html) {
    boolean isIndex() {
      return file.equals(INDEX);
    }
  }

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("MMM dd, yyyy", Locale.US).withZone(ZoneOffset.UTC);

  /** A record's page as its template sees it. */
  public record Shown(String name, String date, String why, String who, String bug, boolean mild) {}

  /** A line of the list as its template sees it. */
  public record Entry(String file, String name, String date, LocalDate day) {}

  /** What was blocked in one year. */
  public record Year(String number, List<Entry> entries) {}

  /**
   * The HTML that {@code why} and {@code who} may hold: links to the web, emphasis and line breaks.
   * Of other elements the text stays, but for scripts and the like. All of it may stand in a
   * paragraph.
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

  /** Where HTML ends a line, by a break or around elements that have lines of their own. */
  private static final Pattern END_OF_LINE =
      Pattern.compile(
          "(?i)<br\\b[^>]*>|(?:</?(?:p|div|li|ul|ol|t[dhr]|h[1-6])(?![\\w-])"
              + "(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>\\s*)++");

  private static final Pattern OUTER_BREAKS =
      Pattern.compile("^(?:\\s*<br>)++|(?<!<br>\\s{0,9})(?:<br>\\s*)++$");

  private static final Pattern EMPTY_LINK = Pattern.compile("<a [^>]*>\\s*</a>");
  private static final Pattern BEYOND_BMP = Pattern.compile("&#x([0-9a-f]{5,6});");

  /** A reason as HTML of our own; null if it says nothing. */
  static String reason(String text) {
    if (text == null) {
      return null;
    }
    String html =
        REASONS
            .sanitize(END_OF_LINE.matcher(printable(text)).replaceAll("<br>"))
            .replace("<!-- -->", "") // which it puts into {{, for templates in browsers
            .replace("<br />", "<br>");
    html =
        BEYOND_BMP
            .matcher(html)
            .replaceAll(found -> Character.toString(Integer.parseInt(found.group(1), 16)));
    html = EMPTY_LINK.matcher(printable(html)).replaceAll("").strip(); // &#1; is a character by now
    if (!html.contains("<br>")) { // plain text
      html = html.replace("\n", "<br>\n");
    }
    html = OUTER_BREAKS.matcher(html).replaceAll("").strip();
    return html.isEmpty() ? null : html;
  }

  /**
   * Renders the pages, the index last.
   *
   * @param canonicalUrl address that they are served below, or null
   */
  static List<Page> render(Site site, URI canonicalUrl) {
    HtmlPages html = new HtmlPages(NAME, "style.css");
    List<Page> pages =
        site.blocks().parallelStream()
            .map(block -> {
              Map<String, Object> values = values(canonicalUrl, block.file());
              values.put("page", shown(block));
              return new Page(block.file(), html.render("page.html", values));
            })
            .collect(Collectors.toCollection(ArrayList::new));
    Map<String, Object> values = values(canonicalUrl, INDEX);
    values.put("years", years(site));
    pages.add(new Page(INDEX, html.render("index.html", "search.js", values)));
    return pages;
  }

  /** Loads what rendering needs while the server is asked: a fifth of a second on a second core. */
  private static void warmUp() {
    Place nowhere = new Place("warm", "up");
    Map<String, Object> record =
        Map.of("details", Map.of("why", "<a href=\"https://localhost\">a</a>\n"));
    render(Site.of(List.of(Block.of(nowhere, "warm-up", record))), null);
  }

  private static Map<String, Object> values(URI canonicalUrl, String file) {
    Map<String, Object> values = new HashMap<>();
    values.put(
        "canonical",
        canonicalUrl == null ? null : canonicalUrl.toString().replaceFirst("/*$", "/") + file);
    return values;
  }

  private static Shown shown(Block block) {
    return new Shown(
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

  private static List<Year> years(Site site) {
    Set<Block> linked = new HashSet<>(site.blocks());
    Map<String, List<Entry>> years = new LinkedHashMap<>();
    for (Block block : site.listed()) {
      LocalDate day =
          block.blocked() == null ? null : LocalDate.ofInstant(block.blocked(), ZoneOffset.UTC);
      String file = linked.contains(block) ? block.file() : null;
      years
          .computeIfAbsent(
              day == null ? "undated" : String.valueOf(day.getYear()), _ -> new ArrayList<>())
          .add(new Entry(file, block.name(), date(block), day));
    }
    return years.entrySet().stream().map(year -> new Year(year.getKey(), year.getValue())).toList();
  }

  private static byte[] digest(String algorithm, byte[] content) {
    try {
      return MessageDigest.getInstance(algorithm).digest(content);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has those
    }
  }

  // ---- publishing

  /** Where the pages go to cannot be read or written. */
  private static final class Unavailable extends Exception {
    private static final long serialVersionUID = 1;
    private final String hint;

    Unavailable(String message, String hint, Throwable cause) {
      super(message, cause);
      this.hint = hint;
    }

    String hint() {
      return hint;
    }
  }

  /** Where the pages go to. */
  private sealed interface Destination extends AutoCloseable {
    /** {@code Amazon S3 bucket amo-blocked-pages}, or the folder. */
    String name();

    /** What is about to be done there, and as whom. */
    String announcement(String what);

    /** The HTML files that are there, each with what it is compared by. */
    Map<String, String> files() throws Unavailable;

    /**
     * Whether a page is there as it is.
     *
     * @param tag of {@link #files}
     */
    boolean holds(Page page, String tag) throws Unavailable;

    /** Whether this command made a file that is there. */
    boolean isOurs(String file) throws Unavailable;

    /** Whether it is to be made before the first page; known after {@link #files}. */
    boolean isMissing();

    /** Makes it, if it is missing. */
    void open() throws Unavailable;

    void put(Page page) throws Unavailable;

    void delete(String file) throws Unavailable;

    @Override
    void close();
  }

  /**
   * What is to be done with one file.
   *
   * @param page to publish; null to delete the file
   */
  private record Task(String file, Page page) {
    boolean isDeletion() {
      return page == null;
    }
  }

  /** What became of it. */
  private sealed interface Result {}

  /**
   * A step was taken.
   *
   * @param answer what it found, if it was to find out something
   */
  private record Taken(boolean answer) implements Result {}

  private record Failed(String reason, String hint) implements Result {}

  /** Too many others failed before. */
  private record NotTried() implements Result {}

  private record Outcome(Task task, Result result) {}

  private interface Step {
    boolean take(Task task) throws Unavailable;
  }

  /** One run's way from the pages to their destination: compare, publish, the index, delete. */
  private final class Publication {
    private static final int MOST_FAILURES = 8; // in a row: what all fails would fail 10,000 times

    private final Destination destination;
    private final Report report;
    private final List<String> unchanged = new ArrayList<>();
    private final Map<String, String> failures = new LinkedHashMap<>();
    private final List<String> notTried = new ArrayList<>();
    private final AtomicInteger failedInARow = new AtomicInteger();
    private final AtomicInteger underWay = new AtomicInteger();
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
      Map<String, String> there = destination.files();
      List<Task> due = due(all, there);
      List<Task> gone = prune ? gone(all, there) : List.of();
      report.put("unchanged", unchanged);
      if (destination.isMissing()) {
        report.warn(
            "%s is missing: %s"
                .formatted(destination.name(), dryRun ? "it would be made" : "it is made now"));
      }
      if (!dryRun && due.size() + gone.size() > 0) {
        report.announce(
            destination.announcement(
                "publish %d of %d pages%s"
                    .formatted(
                        due.size(),
                        pages,
                        gone.isEmpty() ? "" : ", and delete %d".formatted(gone.size()))));
        report.onInterrupt(() -> report.summary("interrupted: " + summary()));
        destination.open();
      }
      Map<Boolean, List<Task>> parts =
          due.stream().collect(Collectors.partitioningBy(task -> task.page().isIndex()));
      act(parts.get(false));
      if (failedPages == 0) {
        act(parts.get(true)); // last, so that it links to nothing that is missing
      }
      if (failedPages == 0) {
        act(gone);
      }
      report.put("not_tried", notTried);
      if (failedPages > 0) {
        report.error(
            "%d of %d pages failed: the index stays as it was, and nothing is deleted"
                .formatted(failedPages, pages),
            "mend that and run it again, it goes on from there");
      } else if (!failures.isEmpty()) {
        report.error(
            failures.size() == 1
                ? "1 file failed that may be a page of a record that is gone: it was not deleted"
                : "%d files failed that may be pages of records that are gone: they were not deleted"
                    .formatted(failures.size()),
            null);
      }
      report.summary(summary());
      report.failedChecks("Not published: %s", "files", failures);
    }

    private List<Task> due(List<Page> all, Map<String, String> there) throws InterruptedException {
      List<Task> due = new ArrayList<>();
      work(
          "Comparing",
          all.stream().map(page -> new Task(page.file(), page)).toList(),
          task -> {
            String tag = there.get(task.file());
            return uploadAll || tag == null || !destination.holds(task.page(), tag);
          },
          (task, isDue) -> {
            if (isDue) {
              due.add(task);
            } else {
              unchanged.add(task.file());
              report.note(task.file() + " did not change");
            }
          });
      return due;
    }

    /** What this command made for records that are gone. */
    private List<Task> gone(List<Page> all, Map<String, String> there) throws InterruptedException {
      Set<String> files = new TreeSet<>(there.keySet());
      all.forEach(page -> files.remove(page.file()));
      List<Task> gone = new ArrayList<>();
      work(
          "Looking",
          files.stream().map(file -> new Task(file, null)).toList(),
          task -> destination.isOurs(task.file()),
          (task, isOurs) -> {
            if (isOurs) {
              gone.add(task);
            }
          });
      return gone;
    }

    private void act(List<Task> tasks) throws InterruptedException {
      work(
          "Publishing",
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
     * Takes a step for each, several at once, and shows how far it is on a terminal. Where one
     * after the other fails, the rest is not tried.
     */
    private void work(
        String label, List<Task> tasks, Step step, BiConsumer<Task, Boolean> onceTaken)
        throws InterruptedException {
      if (tasks.isEmpty()) {
        return;
      }
      failedInARow.set(0);
      try (Progress progress = new Progress(label, tasks.size(), report)) {
        InOrder.look(
            report,
            tasks,
            server.parallel(),
            task -> new Outcome(task, result(task, step)),
            (task, reason) -> new Outcome(task, new Failed(reason, null)),
            outcome -> {
              progress.step();
              switch (outcome.result()) {
                case Taken(boolean answer) -> onceTaken.accept(outcome.task(), answer);
                case Failed failed -> show(outcome.task(), failed);
                case NotTried _ -> notTried.add(outcome.task().file());
              }
            },
            () -> report.summary("interrupted: " + summary()));
      }
    }

    private Result result(Task task, Step step) {
      if (failedInARow.get() >= MOST_FAILURES) {
        return new NotTried();
      }
      underWay.incrementAndGet();
      try {
        boolean answer = step.take(task);
        failedInARow.set(0);
        return new Taken(answer);
      } catch (Unavailable e) {
        failedInARow.incrementAndGet();
        return new Failed(e.getMessage(), e.hint());
      } finally {
        if (!report.isInterrupted()) { // else it is the interruption that has ended it
          underWay.decrementAndGet();
        }
      }
    }

    private void show(Task task, Failed failed) {
      failures.put(task.file(), failed.reason());
      failedPages += task.isDeletion() ? 0 : 1;
      Map<String, Object> json = json(task, "no-verdict");
      json.put("reason", Display.clean(failed.reason()));
      json.put("hint", failed.hint());
      report.result(Status.UNKNOWN, line(task) + " " + report.noVerdict(failed.reason()), json);
      report.hint(failed.hint());
    }

    private static Map<String, Object> json(Task task, String status) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("file", Display.clean(task.file()));
      json.put("action", task.isDeletion() ? "delete" : "publish");
      json.put("status", status);
      return json;
    }

    private String line(Task task) {
      boolean isUpload = destination instanceof Bucket;
      String action =
          task.isDeletion()
              ? dryRun ? "Would delete" : "Deleting"
              : isUpload
                  ? dryRun ? "Would upload" : "Uploading"
                  : dryRun ? "Would write" : "Writing";
      return Display.clean(
          "%s %s %s %s"
              .formatted(
                  action, task.file(), task.isDeletion() ? "from" : "to", destination.name()));
    }

    private String summary() {
      String published = destination instanceof Bucket ? "uploaded" : "written";
      List<String> parts = new ArrayList<>();
      parts.add(
          dryRun
              ? "%d would be %s".formatted(this.published, published)
              : "%d %s".formatted(this.published, published));
      parts.add("%d unchanged".formatted(unchanged.size()));
      if (deleted > 0) {
        parts.add((dryRun ? "%d would be deleted" : "%d deleted").formatted(deleted));
      }
      if (!failures.isEmpty()) {
        parts.add(
            "%d failed (%s)"
                .formatted(failures.size(), Display.some(List.copyOf(failures.keySet()))));
      }
      if (!notTried.isEmpty()) {
        parts.add("%d not tried".formatted(notTried.size()));
      }
      if (underWay.get() > 0) {
        parts.add("%d under way".formatted(underWay.get()));
      }
      return "%d page%s: %s".formatted(pages, pages == 1 ? "" : "s", String.join(", ", parts));
    }
  }

  /** A bar on a terminal; elsewhere nothing. */
  private static final class Progress implements AutoCloseable {
    private static final int WIDTH = 60; // a longer line than the terminal's could not be erased

    private final Report report;
    private final ProgressBar bar;

    Progress(String label, int steps, Report report) {
      this.report = report;
      this.bar =
          report.showsProgress()
              ? new ProgressBarBuilder()
                  .setTaskName(label)
                  .setInitialMax(steps)
                  .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                  .setUpdateIntervalMillis(100)
                  .setConsumer(new DelegatingProgressBarConsumer(report::progress, WIDTH))
                  .build()
              : null;
    }

    void step() {
      if (bar != null) {
        bar.step();
      }
    }

    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        report.progress("");
      }
    }
  }

  /** The folder of {@code --target-dir}. */
  private static final class Folder implements Destination {

    private static final int MARKED_BYTES = 2048;

    private final Path folder;

    Folder(Path folder) {
      this.folder = folder;
    }

    @Override
    public String name() {
      return folder.toString();
    }

    @Override
    public String announcement(String what) {
      return "%s in %s".formatted(what, folder.toAbsolutePath().normalize());
    }

    @Override
    public Map<String, String> files() throws Unavailable {
      Map<String, String> files = new HashMap<>();
      try (Stream<Path> found = Files.list(folder)) {
        found
            .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
            .map(file -> file.getFileName().toString())
            .filter(name -> name.endsWith(".html"))
            .forEach(name -> files.put(name, ""));
        return files;
      } catch (NoSuchFileException e) {
        return files;
      } catch (IOException | UncheckedIOException e) {
        throw unavailable("read", folder, e);
      }
    }

    @Override
    public boolean isMissing() {
      return false; // a folder is no more than where its pages are
    }

    @Override
    public boolean holds(Page page, String tag) throws Unavailable {
      Path file = folder.resolve(page.file());
      try {
        return Files.size(file) == page.html().length
            && Arrays.equals(Files.readAllBytes(file), page.html());
      } catch (IOException e) {
        throw unavailable("read", file, e);
      }
    }

    @Override
    public boolean isOurs(String name) throws Unavailable {
      Path file = folder.resolve(name);
      try (InputStream in = Files.newInputStream(file)) {
        return new String(in.readNBytes(MARKED_BYTES), StandardCharsets.UTF_8)
            .contains(HtmlPages.mark(NAME));
      } catch (IOException e) {
        throw unavailable("read", file, e);
      }
    }

    @Override
    public void open() throws Unavailable {
      try {
        Files.createDirectories(folder);
      } catch (IOException e) {
        throw unavailable("make", folder, e);
      }
      if (!Files.isWritable(folder)) {
        throw unavailable("write to", folder, new AccessDeniedException(folder.toString()));
      }
    }

    @Override
    public void put(Page page) throws Unavailable {
      Path file = folder.resolve(page.file());
      try {
        HtmlPages.replace(file, page.html());
      } catch (IOException e) {
        throw unavailable("write", file, e);
      }
    }

    @Override
    public void delete(String name) throws Unavailable {
      Path file = folder.resolve(name);
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw unavailable("delete", file, e);
      }
    }

    @Override
    public void close() {}

    private static Unavailable unavailable(String what, Path path, Exception e) {
      IOException cause =
          e instanceof UncheckedIOException unchecked ? unchecked.getCause() : (IOException) e;
      String reason = HtmlPages.reason(cause);
      return new Unavailable(
          "cannot %s %s: %s".formatted(what, path, reason), "check TARGET_DIR", e);
    }
  }

  /** The S3 bucket of {@code BUCKET_NAME}. */
  private final class Bucket implements Destination {

    /** Metadata of each page: who made it, and of what content. */
    private static final String GENERATOR = "generator";

    private static final String SHA256 = "sha256";
    private static final String US_EAST_1 = "us-east-1"; // S3 takes it for no location at all

    private static final Pattern AMAZON =
        Pattern.compile("(?i)(.*\\.)?(amazonaws\\.(com|com\\.cn|eu)|api\\.aws)");

    private static final Pattern EXPECTED_REGION = Pattern.compile("expecting '([a-z0-9-]+)'");

    private final AwsCredentialsProvider provider;
    private final AwsCredentials credentials;
    private final S3Client s3;
    private boolean isMissing;

    Bucket(Map<String, String> environment, Report report) throws UsageException, Unavailable {
      provider = provider(environment);
      credentials = credentials(environment);
      if (endpoint != null && credentials instanceof AwsSessionCredentials) {
        general.checkSafe("AWS_SESSION_TOKEN", endpoint); // keys sign, a token is sent as it is
      }
      s3 = client(environment, report);
    }

    /** Those of the environment, the env file too; else where the SDK looks. */
    private static AwsCredentialsProvider provider(Map<String, String> environment)
        throws UsageException {
      String id = environment.getOrDefault("AWS_ACCESS_KEY_ID", "");
      String secret = environment.getOrDefault("AWS_SECRET_ACCESS_KEY", "");
      String token = environment.getOrDefault("AWS_SESSION_TOKEN", "");
      if (id.isEmpty() != secret.isEmpty()) {
        throw new UsageException(
            id.isEmpty()
                ? "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"
                : "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not",
            "set both, or none");
      }
      return id.isEmpty()
          ? DefaultCredentialsProvider.builder().build()
          : StaticCredentialsProvider.create(
              token.isEmpty()
                  ? AwsBasicCredentials.create(id, secret)
                  : AwsSessionCredentials.create(id, secret, token));
    }

    private AwsCredentials credentials(Map<String, String> environment) throws Unavailable {
      try {
        return provider.resolveCredentials();
      } catch (SdkException | IllegalArgumentException | UncheckedIOException e) {
        throw new Unavailable(
            "no AWS credentials found: looked for AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a"
                + " web identity, the profile of AWS_PROFILE in ~/.aws, and the role of the"
                + " container or the instance"
                + unusable(environment.containsKey("AWS_PROFILE")),
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; --target-dir needs"
                + " none",
            e);
      }
    }

    /** What an SDK's provider says where nothing was set up for it. */
    private static final Pattern NOTHING_THERE =
        Pattern.compile("must be set|contained no credentials|neither AWS_CONTAINER");

    /** Where there is something that cannot be used, as a session that has ended. */
    private static String unusable(boolean isProfileNamed) {
      StringBuilder reasons = new StringBuilder();
      for (Supplier<AwsCredentialsProvider> place :
          List.<Supplier<AwsCredentialsProvider>>of(
              WebIdentityTokenFileCredentialsProvider::create,
              ProfileCredentialsProvider::create,
              () -> ContainerCredentialsProvider.builder().build())) {
        try {
          place.get().resolveCredentials();
        } catch (SdkException
            | IllegalArgumentException
            | IllegalStateException
            | UncheckedIOException e) {
          String reason = reason(e);
          if (!NOTHING_THERE.matcher(reason).find()
              || (isProfileNamed && reason.startsWith("Profile file"))) {
            // what else stands in the file is of no use
            reasons.append("; ").append(Display.brief(reason.replaceFirst(": ProfileFile.*", "")));
          }
        }
      }
      return reasons.toString();
    }

    private S3Client client(Map<String, String> environment, Report report)
        throws UsageException, Unavailable {
      boolean isAmazon = endpoint == null || AMAZON.matcher(endpoint.getHost()).matches();
      S3ClientBuilder builder =
          S3Client.builder()
              .region(Region.of(region))
              .credentialsProvider(provider)
              .httpClient(httpClient(environment))
              .serviceConfiguration(configuration ->
                  configuration
                      .chunkedEncodingEnabled(isAmazon)
                      .expectContinueEnabled(false)) // pages are small
              .overrideConfiguration(configuration ->
                  configuration
                      .apiCallAttemptTimeout(server.deadline())
                      .addExecutionInterceptor(new Attempts(report))
                      .retryStrategy(
                          AwsRetryStrategy.standardRetryStrategy().toBuilder()
                              .maxAttempts(server.requests().retries() + 1)
                              .build())
                      .putAdvancedOption(
                          SdkAdvancedClientOption.USER_AGENT_PREFIX,
                          "blockpages_generator/" + Version.NUMBER));
      if (endpoint != null) {
        builder.endpointOverride(endpoint);
      }
      if (!isAmazon) {
        builder
            .forcePathStyle(true)
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED);
      }
      try {
        return builder.build();
      } catch (SdkException | IllegalArgumentException | UncheckedIOException e) {
        throw new Unavailable(
            "the AWS configuration cannot be used: " + reason(e), "see ~/.aws/config", e);
      }
    }

    /** The JDK's own, with our proxies and certificates: Apache's, the default, starts slower. */
    private SdkHttpClient httpClient(Map<String, String> environment) throws UsageException {
      URI target =
          endpoint != null ? endpoint : URI.create("https://s3.%s.amazonaws.com".formatted(region));
      ProxyConfiguration.Builder proxy =
          ProxyConfiguration.builder()
              .useSystemPropertyValues(false)
              .useEnvironmentVariablesValues(false);
      try {
        Proxies proxies = Proxies.of(environment);
        proxies.allowCredentials();
        proxies
            .of(target)
            .ifPresent(url -> {
              proxy.endpoint(URI.create("http://%s:%d".formatted(url.getHost(), Urls.port(url))));
              if (url.getUserInfo() != null) {
                String[] user = url.getUserInfo().split(":", 2);
                proxy.username(user[0]).password(user.length > 1 ? user[1] : "");
              }
            });
      } catch (IllegalArgumentException e) {
        throw new UsageException(e.getMessage(), null);
      }
      UrlConnectionHttpClient.Builder client =
          UrlConnectionHttpClient.builder()
              .proxyConfiguration(proxy.build())
              .connectionTimeout(server.timeout())
              .socketTimeout(server.timeout());
      server
          .requests()
          .trustManagers()
          .ifPresent(trusted -> client.tlsTrustManagersProvider(() -> trusted));
      return client.build();
    }

    @Override
    public String name() {
      return "Amazon S3 bucket " + bucketName;
    }

    @Override
    public String announcement(String what) {
      String id = credentials.accessKeyId();
      return "%s in %s (%s), with access key …%s"
          .formatted(
              what,
              name(),
              endpoint == null ? region : endpoint,
              id.substring(Math.max(0, id.length() - 4)));
    }

    @Override
    public Map<String, String> files() throws Unavailable {
      Map<String, String> files = new HashMap<>();
      try {
        for (ListObjectsV2Response part :
            s3.listObjectsV2Paginator(request ->
                request
                    .bucket(bucketName)
                    .delimiter("/") // pages are in no folder
                    .expectedBucketOwner(expectedOwner))) {
          if (part.name() == null) { // any other XML would be an empty list
            throw noS3("cannot list " + name(), null);
          }
          part.contents().stream()
              .filter(object -> object.key().endsWith(".html"))
              .forEach(object -> files.put(object.key(), object.eTag()));
        }
      } catch (NoSuchBucketException e) {
        if (expectedOwner != null) {
          throw new Unavailable(
              "%s is missing, and so cannot be that of account %s".formatted(name(), expectedOwner),
              "make it, or leave EXPECTED_BUCKET_OWNER out until it is made",
              e);
        }
        isMissing = true;
      } catch (SdkException e) {
        throw unavailable("cannot list " + name(), "s3:ListBucket", e);
      }
      return files;
    }

    @Override
    public boolean isMissing() {
      return isMissing;
    }

    /**
     * Of an object that was encrypted with a key or sent in parts the ETag is no MD5: what it holds
     * is then known from its metadata.
     */
    @Override
    public boolean holds(Page page, String tag) throws Unavailable {
      return tag.replace("\"", "").equals(HexFormat.of().formatHex(digest("MD5", page.html())))
          || sha256(page).equals(metadata(page.file()).get(SHA256));
    }

    @Override
    public boolean isOurs(String file) throws Unavailable {
      return NAME.equals(metadata(file).get(GENERATOR));
    }

    private Map<String, String> metadata(String file) throws Unavailable {
      try {
        return s3.headObject(
                request -> request.bucket(bucketName).key(file).expectedBucketOwner(expectedOwner))
            .metadata();
      } catch (NoSuchKeyException e) {
        return Map.of(); // deleted meanwhile
      } catch (SdkException e) {
        throw unavailable("cannot read " + file, "s3:GetObject", e);
      }
    }

    @Override
    public void open() throws Unavailable {
      if (!isMissing) {
        return;
      }
      try {
        s3.createBucket(request -> {
          request.bucket(bucketName);
          if (!region.equals(US_EAST_1)) {
            request.createBucketConfiguration(location -> location.locationConstraint(region));
          }
        });
        s3.waiter().waitUntilBucketExists(request -> request.bucket(bucketName));
      } catch (BucketAlreadyOwnedByYouException e) {
        // made meanwhile
      } catch (SdkException e) {
        throw unavailable("cannot make " + name(), "s3:CreateBucket", e);
      }
    }

    @Override
    public void put(Page page) throws Unavailable {
      PutObjectResponse answer;
      try {
        answer =
            s3.putObject(
                request ->
                    request
                        .bucket(bucketName)
                        .key(page.file())
                        .contentType("text/html; charset=utf-8")
                        .cacheControl(cacheControl)
                        .contentMD5(Base64.getEncoder().encodeToString(digest("MD5", page.html())))
                        .metadata(Map.of(GENERATOR, NAME, SHA256, sha256(page)))
                        .expectedBucketOwner(expectedOwner),
                RequestBody.fromBytes(page.html()));
      } catch (SdkException e) {
        throw unavailable("cannot upload", "s3:PutObject", e);
      }
      if (answer.eTag() == null) {
        throw noS3("cannot upload", null);
      }
    }

    @Override
    public void delete(String file) throws Unavailable {
      try {
        s3.deleteObject(
            request -> request.bucket(bucketName).key(file).expectedBucketOwner(expectedOwner));
      } catch (SdkException e) {
        throw unavailable("cannot delete", "s3:DeleteObject", e);
      }
    }

    @Override
    public void close() {
      s3.close();
    }

    private static String sha256(Page page) {
      return HexFormat.of().formatHex(digest("SHA-256", page.html()));
    }

    /**
     * One line of what an SDK's exception says.
     *
     * @param permission that the request needs
     */
    private Unavailable unavailable(String what, String permission, SdkException e) {
      return e instanceof S3Exception answer
          ? refused(what, permission, answer)
          : unanswered(what, e);
    }

    private Unavailable unanswered(String what, SdkException e) {
      String place = endpoint == null ? "Amazon S3 in " + region : endpoint.toString();
      Throwable cause = root(e);
      String setting = endpoint == null ? "AWS_REGION" : "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL";
      return switch (cause) {
        case ApiCallAttemptTimeoutException _ ->
            new Unavailable(
                "%s: %s took longer than REQUESTS_DEADLINE_SECONDS allows".formatted(what, place),
                null,
                e);
        case SocketTimeoutException _ ->
            new Unavailable(
                "%s: no answer from %s within REQUESTS_TIMEOUT_SECONDS".formatted(what, place),
                "check %s and the network".formatted(setting),
                e);
        case XMLStreamException _ -> noS3(what, e);
        default ->
            new Unavailable(
                "%s: no answer from %s: %s".formatted(what, place, reason(e)),
                cause instanceof CertPathBuilderException || cause instanceof SSLException
                    ? "name the CA's certificates in REQUESTS_CA_BUNDLE"
                    : "check %s and the network".formatted(setting),
                e);
      };
    }

    private Unavailable noS3(String what, Exception e) {
      return new Unavailable(
          "%s: what answers at %s is no S3".formatted(what, endpoint),
          "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL",
          e);
    }

    private Unavailable refused(String what, String permission, S3Exception answer) {
      AwsErrorDetails details = answer.awsErrorDetails();
      String code = details == null || details.errorCode() == null ? "" : details.errorCode();
      String message =
          details == null || details.errorMessage() == null ? "" : details.errorMessage();
      Optional<String> other = otherRegion(details, message);
      if (other.isPresent()) {
        return new Unavailable(
            "%s: it is in %s, AWS_REGION is %s".formatted(what, other.get(), region),
            "set AWS_REGION=" + other.get(),
            answer);
      }
      String said =
          code.isEmpty()
              ? "%d from %s"
                  .formatted(answer.statusCode(), endpoint == null ? "Amazon S3" : endpoint)
              : "%d %s (%s)".formatted(answer.statusCode(), code, Display.brief(message));
      return new Unavailable(
          what + ": " + said, hint(answer.statusCode(), code, permission), answer);
    }

    /** The bucket's region, if an answer tells that it is another one. */
    private Optional<String> otherRegion(AwsErrorDetails details, String message) {
      Optional<String> told =
          Optional.ofNullable(details)
              .map(AwsErrorDetails::sdkHttpResponse)
              .flatMap(response -> response.firstMatchingHeader("x-amz-bucket-region"));
      Matcher expected = EXPECTED_REGION.matcher(message);
      return told.or(() -> expected.find() ? Optional.of(expected.group(1)) : Optional.empty())
          .filter(it -> !it.equals(region));
    }

    private String hint(int status, String code, String permission) {
      return switch (code) {
        case "BucketAlreadyExists" -> "the name is taken by another AWS account: set BUCKET_NAME";
        case "InvalidAccessKeyId", "SignatureDoesNotMatch" ->
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        case "ExpiredToken", "InvalidToken" -> "the session of these credentials has ended";
        case "RequestTimeTooSkewed" -> "check the clock of this machine";
        default ->
            status == 403
                ? "the credentials need %s there%s"
                    .formatted(
                        permission,
                        expectedOwner == null
                            ? ""
                            : ", and account %s must own it".formatted(expectedOwner))
                : null;
      };
    }

    private static Throwable root(Throwable failure) {
      Throwable cause = failure;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      return cause;
    }

    /** What went wrong at the bottom of it. */
    private static String reason(Throwable failure) {
      Throwable cause = root(failure);
      return switch (cause) {
        case UnknownHostException _ -> "unknown host " + cause.getMessage();
        case NoSuchFileException _ -> cause.getMessage() + " is not there";
        default -> cause.getMessage() == null ? cause.toString() : cause.getMessage();
      };
    }
  }

  /** Says on stderr that a request is sent again. */
  private static final class Attempts implements ExecutionInterceptor {
    private static final ExecutionAttribute<AtomicInteger> ATTEMPTS =
        new ExecutionAttribute<>("blockpages_generator.attempts");

    private final Report report;

    Attempts(Report report) {
      this.report = report;
    }

    @Override
    public void beforeExecution(
        Context.BeforeExecution context, ExecutionAttributes executionAttributes) {
      executionAttributes.putAttribute(ATTEMPTS, new AtomicInteger());
    }

    @Override
    public void beforeTransmission(
        Context.BeforeTransmission context, ExecutionAttributes executionAttributes) {
      int attempt = executionAttributes.getAttribute(ATTEMPTS).incrementAndGet();
      if (attempt > 1) {
        SdkHttpRequest request = context.httpRequest();
        report.waiting(
            "%s %s%s: trying again (attempt %d)"
                .formatted(request.method(), request.host(), request.encodedPath(), attempt));
      }
    }
  }

  // ---- converters: each message completes "VALUE is not …"

  private static final class RegionConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (!value.matches("[a-z0-9]+(-[a-z0-9]+)*") || value.length() > 63) {
        throw new TypeConversionException("a region, expected one like eu-central-1");
      }
      return value;
    }
  }

  private static final class BucketNameConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (!value.matches("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
          || value.contains("..")
          || value.matches("(\\d+\\.){3}\\d+")) {
        throw new TypeConversionException(
            "a name of an S3 bucket, expected 3 to 63 of a-z, 0-9, - and .");
      }
      return value;
    }
  }

  private static final class AccountConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (!value.matches("\\d{12}")) {
        throw new TypeConversionException("an AWS account, expected 12 digits");
      }
      return value;
    }
  }

  private static final class HeaderConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      if (!value.matches("[ -~]+")) {
        throw new TypeConversionException("a header's value, expected one line of ASCII");
      }
      return value;
    }
  }

  private static final class FolderConverter implements ITypeConverter<Path> {
    @Override
    public Path convert(String value) {
      try {
        Path folder = Path.of(value);
        if (!Files.exists(folder) || Files.isDirectory(folder)) {
          return folder;
        }
      } catch (InvalidPathException e) {
        // said below
      }
      throw new TypeConversionException("a folder");
    }
  }
}
