///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Copy creations, updates and deletions of records from one collection to another.
//JAVA 25+
//SOURCES common/Batch.java
//SOURCES common/Changesets.java
//SOURCES common/Display.java
//SOURCES common/GeneralSettings.java
//SOURCES common/Http.java
//SOURCES common/Json.java
//SOURCES common/Place.java
//SOURCES common/RecordDiff.java
//SOURCES common/RemoteSettings.java
//SOURCES common/Report.java
//SOURCES common/Runner.java
//SOURCES common/Secret.java
//SOURCES common/ServerException.java
//SOURCES common/ServerSettings.java
//SOURCES common/SignedResources.java
//SOURCES common/Surroundings.java
//SOURCES common/Tally.java
//SOURCES common/UsageException.java
//SOURCES common/Values.java
//SOURCES common/signature/CanonicalJson.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1

import common.Batch.RecordWrite;
import common.Batch.Written;
import common.Changesets.SignedRecord;
import common.Display;
import common.GeneralSettings;
import common.Http;
import common.Json;
import common.Json.BadJson;
import common.Place;
import common.RecordDiff;
import common.RecordDiff.Content;
import common.RecordDiff.Field;
import common.RemoteSettings;
import common.RemoteSettings.ServerInfo;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Secret;
import common.ServerException;
import common.ServerSettings;
import common.SignedResources;
import common.SignedResources.SignedResource;
import common.SignedResources.SignoffRule;
import common.Surroundings;
import common.Tally;
import common.UsageException;
import common.Values;
import common.Values.NameConverter;
import common.signature.CanonicalJson;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * The repair: one collection gets the records of another, and what it signs is asked for.
 *
 * <p>The records of both are compared by content; what is missing at the destination is created,
 * what differs updated, what is extra deleted. Each change is made only if the record is as it was
 * when it was read. When all are made, and the destination is a signed source, a review is asked
 * for, or the signature where no review is needed; a run that was ended half-way is finished by the
 * next one. What somebody else is editing, or a reviewer has rejected, is left to people.
 *
 * <p>Spec: contract, <i>backport_records</i>; Kinto's <i>Batch operations</i>; <i>Remote Settings ›
 * Multi signoff</i>.
 *
 * <pre>Batch #0: PUT /buckets/security-state/collections/onecrl/records/003234b2 - 201</pre>
 */
@Command(
    name = "backport_records",
    description = {
      "Copy creations, updates and deletions of records from one collection to another.",
      "Each change is made only if the record at the destination is as it was when it was read;"
          + " then a review or the signature is asked for, where the destination is a signed"
          + " source."
    })
public class backport_records implements Runner.Command {

  @Mixin ServerSettings server;

  @Option(
      names = "--backport-records-source-auth-file",
      paramLabel = "FILE",
      description =
          "required: credentials of an account that may read the source: user:pass, a"
              + " token, or TYPE TOKEN; the option names a file with them, - for stdin")
  Secret sourceAuth;

  @Option(
      names = "--backport-records-dest-auth-file",
      paramLabel = "FILE",
      description =
          "credentials of an account that may write the destination, likewise; unset: the source's")
  Secret destAuth;

  @Option(
      names = "--backport-records-source-bucket",
      paramLabel = "NAME",
      converter = NameConverter.class,
      description = "bucket to copy from")
  String sourceBucket;

  @Option(
      names = "--backport-records-source-collection",
      paramLabel = "NAME",
      converter = NameConverter.class,
      description = "collection to copy from")
  String sourceCollection;

  @Option(
      names = "--backport-records-source-filters",
      paramLabel = "JSON",
      converter = FiltersConverter.class,
      description =
          "query parameters that select what is copied, a JSON object: {\"min_age\": 42};"
              + " all else is deleted at the destination")
  Filters sourceFilters;

  @Option(
      names = "--backport-records-dest-bucket",
      paramLabel = "NAME",
      converter = NameConverter.class,
      description = "bucket to copy to; unset: the source's")
  String destBucket;

  @Option(
      names = "--backport-records-dest-collection",
      paramLabel = "NAME",
      converter = NameConverter.class,
      description = "collection to copy to; unset: the source's")
  String destCollection;

  @Option(
      names = "--backport-records-mappings",
      paramLabel = "LINES",
      description =
          "instead of these, a line for each copy: bucket/collection?field=value ->"
              + " bucket/collection")
  String mappings;

  @Option(
      names = "--safe-headers",
      description = "accepted, and without effect: every change is guarded")
  boolean safeHeaders;

  @Option(names = "--dry-run", description = "print what would be changed, and change nothing")
  boolean dryRun;

  @Option(
      names = "--check",
      description = "only compare: a destination that is behind is a finding")
  boolean check;

  @Option(
      names = "--max-lag",
      paramLabel = "SECONDS",
      defaultValue = "0",
      converter = SecondsConverter.class,
      description = "seconds that a destination may be behind, with --check")
  int maxLag;

  @Option(
      names = "--max-deletions",
      paramLabel = "COUNT",
      converter = DeletionsConverter.class,
      description = "change nothing if more records would be deleted; unset: any number")
  Integer maxDeletions;

  @Option(
      names = "--allow-empty-source",
      description = "copy a source without records too, which empties the destination")
  boolean allowEmptySource;

  @Option(names = "--create-destination", description = "make the destination if it is missing")
  boolean createDestination;

  @Option(
      names = "--allow-signed-destination",
      description = "write even what the server signs, which breaks its signature")
  boolean allowSignedDestination;

  @Mixin GeneralSettings general;

  private static final String SOURCE_AUTH = "BACKPORT_RECORDS_SOURCE_AUTH";
  private static final String DEST_AUTH = "BACKPORT_RECORDS_DEST_AUTH";

  private volatile boolean stopped; // by Ctrl-C: nothing more is written

  public static void main(String[] args) {
    System.exit(Runner.execute(new backport_records(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    List<Mapping> all = mappings();
    if (sourceAuth == null) {
      throw new UsageException(
          SOURCE_AUTH + " is not set", "user:pass, a token, or TYPE TOKEN, or a file with it");
    }
    report.put("server", server.url().toString());
    report.put("dry_run", dryRun);
    report.onInterrupt(() -> {
      stopped = true;
      report.summary("interrupted");
    });
    try (Http from = http(surroundings, report, SOURCE_AUTH, sourceAuth);
        Http to = destAuth == null ? null : http(surroundings, report, DEST_AUTH, destAuth)) {
      RemoteSettings source = remote(from);
      RemoteSettings destination = to == null ? source : remote(to);
      ServerInfo info = server.info(source, SOURCE_AUTH, sourceAuth);
      if (to != null) {
        info = server.info(destination, DEST_AUTH, destAuth);
      }
      Run run = new Run(source, destination, info, surroundings.clock().instant(), report);
      Outcomes outcomes = new Outcomes(all.size(), report);
      report.onInterrupt(() -> {
        stopped = true;
        destination.endWrites(); // one may wait to be repeated
        run.unfinished().ifPresent(outcomes::show);
        report.summary("interrupted: " + outcomes.counts());
      });
      for (Mapping mapping : all) {
        if (mappings != null) {
          report.heading(mapping.name());
        }
        Outcome outcome = run.backport(mapping);
        if (stopped) {
          return;
        }
        report.together(() -> {
          run.inHand = null;
          outcomes.show(outcome);
        });
      }
      report.onInterrupt(() -> {});
      report.summary(outcomes.counts());
      report.failedChecks("Backport held up: %s", "collections", outcomes.reasons(Status.BAD));
      report.failedChecks("Backport failed: %s", "collections", outcomes.reasons(Status.UNKNOWN));
    }
  }

  private Http http(Surroundings surroundings, Report report, String variable, Secret credentials)
      throws UsageException {
    Http http = server.http(surroundings, report);
    http.authorize(server.url(), general.authorization(variable, credentials, server.url()));
    return http;
  }

  private RemoteSettings remote(Http http) {
    return server.remote(http);
  }

  // ---- what is to be copied

  /**
   * One copy.
   *
   * @param filters that select records of the source
   */
  record Mapping(Place source, Filters filters, Place destination) {
    String name() {
      return "%s%s -> %s".formatted(source.name(), filters, destination.name());
    }
  }

  /** Query parameters, each with its values. */
  record Filters(Map<String, List<String>> parameters) {
    static final Filters NONE = new Filters(Map.of());

    @Override
    public String toString() {
      List<String> pairs = new ArrayList<>();
      parameters.forEach((name, values) -> values.forEach(value -> pairs.add(name + "=" + value)));
      return pairs.isEmpty() ? "" : "?" + String.join("&", pairs);
    }
  }

  private List<Mapping> mappings() throws UsageException {
    boolean isSingle =
        Stream.of(sourceBucket, sourceCollection, sourceFilters, destBucket, destCollection)
            .anyMatch(setting -> setting != null);
    if (mappings != null && isSingle) {
      throw new UsageException(
          "BACKPORT_RECORDS_MAPPINGS is set, and a source or destination besides",
          "each copy is a line of BACKPORT_RECORDS_MAPPINGS");
    }
    if (mappings != null) {
      return mappings(mappings);
    }
    if (sourceBucket == null || sourceCollection == null) {
      throw new UsageException(
          (sourceBucket == null
                  ? "BACKPORT_RECORDS_SOURCE_BUCKET"
                  : "BACKPORT_RECORDS_SOURCE_COLLECTION")
              + " is not set",
          "name source bucket and collection, or set BACKPORT_RECORDS_MAPPINGS");
    }
    return checked(
        List.of(
            new Mapping(
                new Place(sourceBucket, sourceCollection),
                sourceFilters == null ? Filters.NONE : sourceFilters,
                new Place(
                    destBucket == null ? sourceBucket : destBucket,
                    destCollection == null ? sourceCollection : destCollection))),
        List.of(""));
  }

  private static final Pattern MAPPING =
      Pattern.compile("([^/?\\s]+)/([^/?\\s]+?)(?:\\?(\\S*))?\\s*->\\s*([^/?\\s]+)/([^/?\\s]+)");

  /**
   * Reads the lines of {@code BACKPORT_RECORDS_MAPPINGS}.
   *
   * @throws UsageException that names the line
   */
  static List<Mapping> mappings(String text) throws UsageException {
    List<Mapping> mappings = new ArrayList<>();
    List<String> wheres = new ArrayList<>();
    int number = 0;
    for (String line : text.split("\\R", -1)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      String where = "BACKPORT_RECORDS_MAPPINGS, line %d: ".formatted(number);
      Matcher parts = MAPPING.matcher(line.strip());
      if (!parts.matches() || !Stream.of(1, 2, 4, 5).map(parts::group).allMatch(Place::isName)) {
        throw new UsageException(
            "%s\"%s\" is not bucket/collection?field=value -> bucket/collection"
                .formatted(where, line.strip()),
            null);
      }
      mappings.add(
          new Mapping(
              new Place(parts.group(1), parts.group(2)),
              query(where, parts.group(3)),
              new Place(parts.group(4), parts.group(5))));
      wheres.add(where);
    }
    if (mappings.isEmpty()) {
      throw new UsageException("BACKPORT_RECORDS_MAPPINGS holds no line", null);
    }
    return checked(mappings, wheres);
  }

  private static Filters query(String where, String query) throws UsageException {
    Map<String, List<String>> parameters = new LinkedHashMap<>();
    for (String pair : query == null || query.isEmpty() ? new String[0] : query.split("&")) {
      if (pair.isEmpty()) {
        continue;
      }
      int equals = pair.indexOf('=');
      try {
        String name = decoded(pair.substring(0, equals));
        checkParameter(name);
        List<String> values = parameters.computeIfAbsent(name, _ -> new ArrayList<>());
        values.add(decoded(pair.substring(equals + 1)));
        checkValues(name, values);
      } catch (TypeConversionException e) {
        throw new UsageException("%s\"%s\" is not %s".formatted(where, pair, e.getMessage()), null);
      } catch (IllegalArgumentException | StringIndexOutOfBoundsException e) {
        throw new UsageException(
            "%s\"%s\" is not field=value, URL-encoded".formatted(where, pair), null);
      }
    }
    return new Filters(parameters);
  }

  private static String decoded(String text) {
    String decoded = URLDecoder.decode(text, StandardCharsets.UTF_8);
    if (decoded.indexOf('\ufffd') >= 0 && !text.toUpperCase(Locale.ROOT).contains("%EF%BF%BD")) {
      throw new IllegalArgumentException("no UTF-8");
    }
    return decoded;
  }

  /**
   * Only what selects records: {@code _limit}, say, would have the rest deleted. A Kinto takes
   * white space off a name.
   */
  private static void checkParameter(String name) {
    if (name.isEmpty()
        || isBlank(name.codePointAt(0))
        || isBlank(name.codePointBefore(name.length()))
        || (name.startsWith("_") && !name.equals("_sort"))) {
      throw new TypeConversionException(
          "a filter: \"%s\" is no field, no parameter but _sort may begin with _".formatted(name));
    }
  }

  private static boolean isBlank(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || Character.isISOControl(c);
  }

  /** Operators whose list a Kinto takes for one value, which nothing equals. */
  private static final Pattern ONE_VALUE = Pattern.compile("(not|min|max|lt|gt|like|has)_.*");

  private static void checkValues(String name, List<String> values) {
    if (values.isEmpty()) {
      throw new TypeConversionException(
          "a filter: %s has no value, and would select everything".formatted(name));
    }
    if (values.size() > 1 && ONE_VALUE.matcher(name).matches()) {
      throw new TypeConversionException(
          "a filter: %s takes one value, lists are for in_FIELD and exclude_FIELD".formatted(name));
    }
  }

  /** Refuses copies onto themselves, and copies that would undo, or repeat, an earlier one. */
  private static List<Mapping> checked(List<Mapping> mappings, List<String> wheres)
      throws UsageException {
    Set<Place> sources = new HashSet<>();
    Set<Place> destinations = new HashSet<>();
    for (int i = 0; i < mappings.size(); i++) {
      Mapping mapping = mappings.get(i);
      String to = mapping.destination().name();
      sources.add(mapping.source());
      if (mapping.source().equals(mapping.destination())) {
        throw new UsageException(wheres.get(i) + "source and destination are both " + to, null);
      }
      if (!destinations.add(mapping.destination())) {
        throw new UsageException(
            "%s%s is the destination of an earlier line, whose records it would delete"
                .formatted(wheres.get(i), to),
            null);
      }
      if (sources.contains(mapping.destination())) {
        throw new UsageException(
            "%s%s is the source of an earlier line, which would copy other records the next time"
                .formatted(wheres.get(i), to),
            null);
      }
    }
    return mappings;
  }

  // ---- core: values in, values out

  /**
   * What makes the destination equal to the source, in the order in which it is done.
   *
   * @param toCreate by id, as the others
   */
  record Plan(List<Change> toCreate, List<Change> toUpdate, List<Change> toDelete) {
    static final Plan NONE = new Plan(List.of(), List.of(), List.of());

    List<Change> all() {
      return Stream.of(toCreate, toUpdate, toDelete).flatMap(List::stream).toList();
    }

    boolean isEmpty() {
      return toCreate.isEmpty() && toUpdate.isEmpty() && toDelete.isEmpty();
    }

    int size() {
      return toCreate.size() + toUpdate.size() + toDelete.size();
    }

    /** The same for some records only. */
    Plan only(Predicate<String> ids) {
      return new Plan(only(toCreate, ids), only(toUpdate, ids), only(toDelete, ids));
    }

    private static List<Change> only(List<Change> changes, Predicate<String> ids) {
      return changes.stream().filter(change -> ids.test(change.id())).toList();
    }

    String counts() {
      return "%d to create, %d to update, %d to delete"
          .formatted(toCreate.size(), toUpdate.size(), toDelete.size());
    }
  }

  /**
   * What is done to one record.
   *
   * @param record its new content without {@code last_modified}, canonical JSON; null: it goes
   * @param timestamp that it has at the destination, epoch milliseconds; 0: it is not there
   * @param fields that an update changes, each with its value before and after
   */
  record Change(String id, byte[] record, long timestamp, List<Field> fields) {
    RecordWrite at(Place destination) {
      return new RecordWrite(destination, id, record, timestamp);
    }
  }

  private static final Set<String> LEFT_TO_THE_SERVER = Set.of("last_modified");

  /** Compares by content; neither order of records matters. */
  static Plan plan(List<SignedRecord> source, List<SignedRecord> destination) {
    Map<String, Content> wanted = RecordDiff.byId(source);
    Map<String, Long> timestamps = new HashMap<>();
    destination.forEach(record -> timestamps.put(record.id(), timestamp(record)));
    Plan plan = new Plan(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (RecordDiff.Difference difference :
        RecordDiff.differences(RecordDiff.byId(destination), wanted)) {
      String id = difference.id();
      Content content = wanted.get(id);
      byte[] record =
          content == null ? null : CanonicalJson.without(content.whole(), LEFT_TO_THE_SERVER);
      Change change = new Change(id, record, timestamps.getOrDefault(id, 0L), difference.fields());
      switch (difference.what()) {
        case EXTRA -> plan.toCreate().add(change);
        case DIFFERS -> plan.toUpdate().add(change);
        case MISSING -> plan.toDelete().add(change);
      }
    }
    return plan;
  }

  private static long timestamp(SignedRecord record) {
    return record.json().fields().get("last_modified") instanceof Long timestamp ? timestamp : 0;
  }

  /** What became of a change. */
  sealed interface Fate {}

  /**
   * It is made.
   *
   * @param note how we know, if not by the status
   */
  record Made(String note) implements Fate {}

  /** The record is not as it was, or the server had a moment of weakness: look again. */
  record Open(String reason) implements Fate {}

  /** The server will not have it. */
  record Declined(String reason) implements Fate {}

  /**
   * What the answer to a change says. A request whose answer was lost is sent again, and refused
   * then: what stands in the way is what it made.
   */
  static Fate fate(Change change, Written answer) {
    String reason = reason(answer);
    if (answer.status() == 404 && change.record() == null) {
      return new Made("already gone");
    }
    if (answer.status() == 412 && change.record() != null && isSame(change, answer.record())) {
      return new Made("already there");
    }
    if (answer.status() / 100 == 2) {
      return change.record() == null || answer.record() == null || isSame(change, answer.record())
          ? new Made("")
          : new Declined("the server has made something else of it");
    }
    return switch (answer.status()) {
      case 404, 409, 412, 429, 500, 502, 503, 504 -> new Open(reason);
      default -> new Declined(reason);
    };
  }

  private static boolean isSame(Change change, byte[] record) {
    return record != null && Content.of(change.record()).isSame(Content.of(record));
  }

  private static String reason(Written answer) {
    return answer.message().isEmpty()
        ? String.valueOf(answer.status())
        : "%d: %s".formatted(answer.status(), Display.brief(answer.message()));
  }

  /** What a destination that has the right records still needs. */
  sealed interface Due {}

  /** Nothing: it is published, or a reviewer's turn. */
  record NothingDue() implements Due {}

  /**
   * The review, or the signature, was never asked for.
   *
   * @param since the last edit, or null if the server does not say
   */
  record SignoffDue(Instant since) implements Due {}

  /** Somebody has to look at it. */
  record Held(String reason) implements Due {}

  /**
   * What the attributes of a signed source ask for, once it has the right records.
   *
   * @param before the attributes before we changed records; null if we have not
   * @param account ours
   */
  static Due due(
      Map<String, Object> attributes,
      Map<String, Object> before,
      SignoffRule signoff,
      String account) {
    boolean wrote = before != null;
    Object status = attributes.get("status");
    if (status == null) {
      return wrote ? new SignoffDue(null) : new NothingDue();
    }
    return switch (status.toString()) {
      case "work-in-progress" -> dueOfWork(attributes, account, wrote);
      case "signed" ->
          !wrote || isLater("last_signature_date", before, attributes)
              ? new NothingDue()
              : new Held("the status is signed, as if nothing had been changed");
      case "to-review" ->
          !wrote || (signoff.reviewed() && isLater("last_review_request_date", before, attributes))
              ? new NothingDue()
              : new Held("the status is to-review, as of before the changes");
      default ->
          new Held(
              "the status is %s: the server has not finished"
                  .formatted(Display.brief(status.toString())));
    };
  }

  /** Whether a date is later than it was, or there at all. */
  private static boolean isLater(
      String date, Map<String, Object> before, Map<String, Object> after) {
    Optional<Instant> was = RemoteSettings.date(before, date);
    return RemoteSettings.date(after, date)
        .filter(is -> was.isEmpty() || is.isAfter(was.get()))
        .isPresent();
  }

  private static Due dueOfWork(Map<String, Object> attributes, String account, boolean wrote) {
    for (String date : List.of("last_edit_date", "last_review_request_date", "last_review_date")) {
      if (attributes.get(date) != null && RemoteSettings.date(attributes, date).isEmpty()) {
        return new Held("work in progress, and its %s is no date".formatted(date));
      }
    }
    Object editor = attributes.get("last_edit_by");
    Optional<Instant> edited = RemoteSettings.date(attributes, "last_edit_date");
    Optional<Instant> requested = RemoteSettings.date(attributes, "last_review_request_date");
    Optional<Instant> approved = RemoteSettings.date(attributes, "last_review_date");
    if (editor == null && wrote) {
      return new SignoffDue(null); // a server that does not say who
    }
    Held byEditor =
        new Held(
            "work in progress by "
                + (editor == null ? "nobody knows" : Display.brief(editor.toString())));
    if (edited.isPresent() && (requested.isEmpty() || edited.get().isAfter(requested.get()))) {
      return account.equals(editor) ? new SignoffDue(edited.get()) : byEditor;
    }
    if (requested.isPresent() && (approved.isEmpty() || approved.get().isBefore(requested.get()))) {
      Object comment = attributes.get("last_reviewer_comment");
      return new Held(
          "review rejected: "
              + (comment == null || comment.toString().isBlank()
                  ? "without a comment"
                  : Display.brief(comment.toString())));
    }
    return byEditor;
  }

  /** Whose work a copy goes over, as a warning; empty if nobody's. */
  static Optional<String> othersWork(
      Map<String, Object> attributes, SignoffRule signoff, String account) {
    if ("to-review".equals(attributes.get("status"))
        && !account.equals(attributes.get("last_review_request_by"))) {
      return Optional.of(
          "under review, requested by "
              + Display.brief(String.valueOf(attributes.get("last_review_request_by"))));
    }
    return due(attributes, null, signoff, account) instanceof Held(String reason)
        ? Optional.of(reason)
        : Optional.empty();
  }

  /** Whether the attributes read after a request for a signoff show that it was heard. */
  static boolean isSignedOff(
      SignoffRule signoff, Map<String, Object> before, Map<String, Object> after) {
    Object status = after.get("status");
    if ("signed".equals(status) || (signoff.reviewed() && "to-review".equals(status))) {
      return true;
    }
    // or it was, and is answered already
    return signoff.reviewed() && isLater("last_review_request_date", before, after);
  }

  /**
   * The group that an account would have to be in to ask for a signoff; empty if it may, or who
   * knows.
   */
  static Optional<String> missingGroup(SignedResource resource, Set<String> principals) {
    SignoffRule signoff = resource.signoff();
    List<String> groups = new ArrayList<>();
    if (signoff.editors() != null) {
      groups.add(signoff.editors());
    }
    if (!signoff.reviewed() && signoff.reviewers() != null) {
      groups.add(signoff.reviewers()); // which of them it takes, servers differ in
    }
    String start = "/buckets/%s/groups/".formatted(resource.source().bucket());
    return principals.isEmpty()
            || groups.isEmpty()
            || groups.stream().anyMatch(group -> principals.contains(start + group))
        ? Optional.empty()
        : Optional.of(groups.getLast());
  }

  /**
   * How long a destination has been behind: the age of the oldest change that it lacks.
   *
   * @param lastModified of the source's records, deleted ones too
   */
  static Duration lag(Plan plan, Map<String, Long> lastModified, Instant now) {
    long oldest =
        plan.all().stream()
            .mapToLong(change -> lastModified.getOrDefault(change.id(), change.timestamp()))
            .min()
            .orElse(now.toEpochMilli());
    return age(oldest, now);
  }

  /** How long ago that was; no time at all if a server's clock is ahead. */
  private static Duration age(long timestamp, Instant now) {
    return Duration.ofMillis(Math.max(0, now.toEpochMilli() - timestamp));
  }

  // ---- results

  /** What came out of one copy. */
  sealed interface Result {}

  /** There was nothing to do. */
  record InSync() implements Result {}

  /** All changes are made, and nothing is to be signed. */
  record Applied(int changes) implements Result {}

  /**
   * All changes are made, and the signoff was asked for.
   *
   * @param changes 0: it was owed from an earlier run
   */
  record SignedOff(int changes, boolean reviewed) implements Result {}

  /**
   * What would be done.
   *
   * @param signoff that would be asked for, or null
   */
  record Planned(Plan plan, boolean creates, SignoffRule signoff) implements Result {}

  /** The destination lacks changes, for no longer than it may. */
  record Lagging(Plan plan, Duration lag) implements Result {}

  /** The destination lacks changes, for too long. */
  record Behind(Plan plan, Duration lag) implements Result {}

  /** It has the right records, and somebody has to look at it. */
  record Waiting(int changes, String reason) implements Result {}

  /**
   * Not all of it could be done.
   *
   * @param hint what to do about it, or null
   */
  record NoVerdict(String reason, String hint) implements Result {}

  /** One line of a batch. */
  record Attempt(RecordWrite write, int status, String message) {}

  record Outcome(Mapping mapping, Plan plan, List<Attempt> attempts, Result result) {}

  // ---- reading and writing

  /** Why a copy is not made. */
  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    final String hint;

    Refused(String reason, String hint) {
      super(reason, null, false, false);
      this.hint = hint;
    }
  }

  private static final String NEXT_RUN = "the next run applies what is missing";

  /** The copies of one run, one after the other. */
  private final class Run {
    private final RemoteSettings source;
    private final RemoteSettings destination;
    private final ServerInfo info;
    private final Instant now;
    private final Report report;
    private Mapping inHand; // what follows changes at once for Ctrl-C, which shows it
    private Plan plan = Plan.NONE;
    private Writing writing;

    Run(
        RemoteSettings source,
        RemoteSettings destination,
        ServerInfo info,
        Instant now,
        Report report) {
      this.source = source;
      this.destination = destination;
      this.info = info;
      this.now = now;
      this.report = report;
    }

    /** The copy in hand as far as it has come, for who interrupts it. */
    Optional<Outcome> unfinished() {
      return inHand == null
          ? Optional.empty()
          : Optional.of(
              outcome(
                  new NoVerdict(
                      "interrupted" + (writing == null ? "" : ", " + writing.progress()),
                      writing == null ? null : NEXT_RUN)));
    }

    private Outcome outcome(Result result) {
      return new Outcome(
          inHand, plan, writing == null ? List.of() : List.copyOf(writing.attempts), result);
    }

    Outcome backport(Mapping mapping) {
      begin(mapping, Plan.NONE, null);
      Result result;
      try {
        result = check ? compared(mapping) : copied(mapping);
      } catch (Refused e) {
        result = new NoVerdict(e.getMessage(), e.hint);
      } catch (Report.ClosedOutput e) {
        throw e;
      } catch (RuntimeException | OutOfMemoryError e) {
        report.unexpected(e);
        result = new NoVerdict("unexpected " + e, null);
      }
      return outcome(result);
    }

    private void begin(Mapping mapping, Plan plan, Writing writing) {
      report.together(() -> {
        this.inHand = mapping;
        this.plan = plan;
        this.writing = writing;
      });
    }

    private Result copied(Mapping mapping) throws Refused {
      Place to = mapping.destination();
      Optional<SignedResource> signed = signedResource(to);
      List<SignedRecord> wanted = read(mapping);
      Seen seen = look(to, createDestination);
      Plan plan = plan(wanted, seen.records());
      begin(mapping, plan, null);
      checkDeletions(plan.toDelete().size());
      if (plan.isEmpty() && !seen.isMissing()) {
        return signed.isEmpty()
            ? new InSync()
            : signedOff(signed.get(), seen.attributes(), null, 0);
      }
      SignoffRule signoff = signed.map(SignedResource::signoff).orElse(null);
      if (signed.isPresent() && !seen.isMissing()) {
        checkGroup(signed.get());
        othersWork(seen.attributes(), signoff, info.account())
            .ifPresent(
                work -> report.warn("%s: %s, which is overwritten".formatted(to.name(), work)));
      }
      if (dryRun) {
        return new Planned(plan, seen.isMissing(), plan.isEmpty() ? null : signoff);
      }
      announce(
          to,
          (seen.isMissing() ? "make the collection, " : "")
              + plan.counts()
              + (signoff == null || plan.isEmpty() ? "" : ", then set it " + signoff.status()));
      if (seen.isMissing()) {
        create(to);
        seen = look(to, false); // somebody else may have made it
        plan = plan(wanted, seen.records());
        checkDeletions(plan.toDelete().size());
      }
      Writing writing = new Writing(to, wanted);
      begin(mapping, plan, writing);
      Seen after = writing.write(plan);
      int changes = writing.made.size();
      if (signed.isEmpty()) {
        return new Applied(changes);
      }
      Map<String, Object> before = changes == 0 ? null : seen.attributes();
      Result result = signedOff(signed.get(), after.attributes(), before, changes);
      return result instanceof InSync ? new Applied(0) : result; // the collection was made
    }

    private void create(Place place) throws Refused {
      checkGoing();
      try {
        destination.create(place);
      } catch (ServerException e) {
        throw new Refused(
            "destination %s cannot be made: %s".formatted(place.name(), e.reason()),
            "is there a bucket %s, and may %s make collections in it?"
                .formatted(place.bucket(), info.account()));
      }
    }

    /** Nothing is written after Ctrl-C has said what was. */
    private void checkGoing() throws Refused {
      if (stopped) {
        throw new Refused("interrupted", null);
      }
    }

    private void announce(Place to, String what) {
      report.announce(
          "write to %s as %s: %s: %s".formatted(server.url(), info.account(), to.name(), what));
    }

    // what is refused before anything is written

    /** The resource whose source the destination is; refuses what only the signer may write. */
    private Optional<SignedResource> signedResource(Place to) throws Refused {
      if (info.signed() == null) {
        return Optional.empty();
      }
      SignedResources resources = info.signed();
      Optional<SignedResource> published =
          resources.ofDestination(to).or(() -> resources.ofPreview(to));
      if (published.isPresent() && !allowSignedDestination && !check) {
        throw new Refused(
            "destination %s is what the server signs: writing to it breaks its signature"
                .formatted(to.name()),
            "copy to its source, %s".formatted(published.get().source().name()));
      }
      return resources.ofSource(to);
    }

    private void checkDeletions(int deletions) throws Refused {
      if (maxDeletions != null && deletions > maxDeletions) {
        throw new Refused(
            "%d records would be deleted, --max-deletions is %d".formatted(deletions, maxDeletions),
            "--dry-run shows them");
      }
    }

    private void checkGroup(SignedResource resource) throws Refused {
      Optional<String> group = missingGroup(resource, info.principals());
      if (group.isPresent()) {
        throw new Refused(
            "%s is not in the group %s, and could not set %s %s"
                .formatted(
                    info.account(),
                    group.get(),
                    resource.source().name(),
                    resource.signoff().status()),
            "add the account to the group, or set %s to another one".formatted(destVariable()));
      }
    }

    private String destVariable() {
      return destAuth == null ? SOURCE_AUTH : DEST_AUTH;
    }

    // reading

    private List<SignedRecord> read(Mapping mapping) throws Refused {
      List<SignedRecord> records;
      try {
        records = source.records(mapping.source(), mapping.filters().parameters());
      } catch (ServerException e) {
        throw refused("source", mapping.source(), SOURCE_AUTH, "read", e);
      }
      if (records.isEmpty() && !allowEmptySource) {
        throw new Refused(
            "source %s has no records%s"
                .formatted(
                    mapping.source().name(),
                    mapping.filters().parameters().isEmpty() ? "" : " that the filters select"),
            "--allow-empty-source empties the destination");
      }
      return records;
    }

    /**
     * The destination, attributes first: what changes after them changes them too.
     *
     * @param attributes null if the collection is missing
     */
    private record Seen(Map<String, Object> attributes, List<SignedRecord> records) {
      boolean isMissing() {
        return attributes == null;
      }
    }

    private Seen look(Place place, boolean mayBeMissing) throws Refused {
      Map<String, Object> attributes;
      List<SignedRecord> records;
      try {
        attributes = destination.metadata(place.path());
        records = destination.records(place, Map.of());
      } catch (ServerException e) {
        if (e.status() == 404 && mayBeMissing) {
          return new Seen(null, List.of());
        }
        throw refused("destination", place, destVariable(), "read and write", e);
      }
      for (SignedRecord record : records) {
        if (timestamp(record) <= 0) {
          throw new Refused(
              "destination %s: record %s has no last_modified, so it cannot be changed safely"
                  .formatted(place.name(), record.id()),
              null);
        }
      }
      return new Seen(attributes, records);
    }

    private Refused refused(
        String side, Place place, String variable, String deed, ServerException e) {
      return new Refused(
          "%s %s: %s".formatted(side, place.name(), e.reason()),
          switch (e.status()) {
            case 401, 403 ->
                "set %s to an account that may %s all of it, if there is such a collection"
                    .formatted(variable, deed);
            case 404 ->
                side.equals("source")
                    ? "is there such a collection?"
                    : "--create-destination makes the collection";
            default -> e.hint();
          });
    }

    // comparing

    private Result compared(Mapping mapping) throws Refused {
      Optional<SignedResource> signed = signedResource(mapping.destination());
      Seen seen = look(mapping.destination(), false);
      Plan plan = plan(read(mapping), seen.records());
      if (!plan.isEmpty()) { // a change in flight is none
        seen = look(mapping.destination(), false);
        plan = plan(read(mapping), seen.records());
      }
      begin(mapping, plan, null);
      if (!plan.isEmpty()) {
        try {
          return behind(plan, lag(plan, source.lastModified(mapping.source()), now));
        } catch (ServerException e) {
          throw refused("source", mapping.source(), SOURCE_AUTH, "read", e);
        }
      }
      if (signed.isEmpty()) {
        return new InSync();
      }
      return switch (due(seen.attributes(), null, signed.get().signoff(), info.account())) {
        case NothingDue _ -> new InSync();
        case Held(String reason) -> new Waiting(0, reason);
        case SignoffDue(Instant since) -> behind(plan, age(since.toEpochMilli(), now));
      };
    }

    private Result behind(Plan plan, Duration lag) {
      return lag.compareTo(Duration.ofSeconds(maxLag)) > 0 || maxLag == 0
          ? new Behind(plan, lag)
          : new Lagging(plan, lag);
    }

    // signing off

    /**
     * Asks for the signoff, unless nobody needs to or somebody else has to decide.
     *
     * @param attributes as they were read before the records that are right
     * @param before as they were before our changes; null if there were none
     */
    private Result signedOff(
        SignedResource resource,
        Map<String, Object> attributes,
        Map<String, Object> before,
        int changes)
        throws Refused {
      SignoffRule signoff = resource.signoff();
      return switch (due(attributes, before, signoff, info.account())) {
        case Held(String reason) -> new Waiting(changes, reason);
        case NothingDue _ when changes == 0 -> new InSync();
        case NothingDue _ ->
            signoff.reviewed() && "signed".equals(attributes.get("status"))
                ? new Applied(changes) // somebody has asked, and somebody approved
                : new SignedOff(changes, signoff.reviewed());
        case SignoffDue _ -> {
          if (changes == 0) {
            checkGroup(resource);
          }
          if (dryRun) {
            yield new Planned(Plan.NONE, false, signoff);
          }
          if (changes == 0) {
            announce(resource.source(), "set it " + signoff.status());
          }
          checkGoing();
          try {
            yield asked(resource, attributes, before, changes);
          } catch (ServerException e) {
            throw owed(
                signoff,
                changes,
                e.reason(),
                e.status() == 403
                    ? "add %s to the group that may, then run it again".formatted(info.account())
                    : "run it again: it is asked for then");
          }
        }
      };
    }

    /**
     * Sets the status, if nobody has changed anything since. What is read afterwards is what
     * counts, not the answer.
     */
    private Result asked(
        SignedResource resource,
        Map<String, Object> attributes,
        Map<String, Object> before,
        int changes)
        throws ServerException, Refused {
      String path = resource.source().path();
      SignoffRule signoff = resource.signoff();
      ServerException failure = null;
      try {
        destination.patch(
            path,
            Map.of("status", signoff.status()),
            attributes.get("last_modified") instanceof Long timestamp ? timestamp : 0,
            () -> isSignedOff(signoff, attributes, destination.metadata(path)));
      } catch (ServerException e) {
        failure = e;
      }
      Map<String, Object> after = destination.metadata(path);
      if (isSignedOff(signoff, attributes, after)) {
        return Objects.equals(attributes.get("last_edit_date"), after.get("last_edit_date"))
            ? new SignedOff(changes, signoff.reviewed())
            : new Waiting(
                changes,
                "edited by %s, and signed off by somebody else than us"
                    .formatted(Display.brief(String.valueOf(after.get("last_edit_by")))));
      }
      if (failure == null) {
        throw owed(
            signoff,
            changes,
            "the server took the request, and the status is "
                + Display.brief(String.valueOf(after.get("status"))),
            "see the server's log, then run it again");
      }
      if (failure.status() == 412
          && due(after, before, signoff, info.account()) instanceof Held(String reason)) {
        return new Waiting(changes, reason);
      }
      throw failure;
    }

    private static Refused owed(SignoffRule signoff, int changes, String reason, String hint) {
      return new Refused(
          "%s%s is owed: %s"
              .formatted(
                  changes == 0 ? "" : "%d changes applied, but ".formatted(changes),
                  signoff.status(),
                  reason),
          hint);
    }

    // writing

    /** Records declined one after the other, after which the rest is not tried. */
    private static final int MAX_DECLINED = 100;

    /** The changes of one copy: batch by batch, then a look at what has become of them. */
    private final class Writing {
      private final Place to;
      private final List<SignedRecord> wanted;
      private final List<Attempt> attempts = new ArrayList<>();
      private final Set<String> planned = new HashSet<>();
      private final Set<String> made = new HashSet<>();
      private final Map<String, String> open = new HashMap<>();
      private final Map<String, String> declined = new HashMap<>();
      private final List<String> waits = new ArrayList<>();
      private ServerException failure;
      private int declinedInARow;

      Writing(Place to, List<SignedRecord> wanted) {
        this.to = to;
        this.wanted = wanted;
      }

      String progress() {
        return "%d of %d changes applied".formatted(made.size(), planned.size());
      }

      /**
       * Returns the destination as it is when all is made; an exception says what is not. What is
       * read afterwards is what counts: an answer may be lost, or undone with its batch.
       */
      Seen write(Plan plan) throws Refused {
        report.together(() -> plan.all().forEach(change -> planned.add(change.id())));
        apply(plan);
        Seen seen = again();
        Plan rest = rest(seen);
        // what others have changed besides is theirs, until another run
        Plan second = rest.only(id -> planned.contains(id) && !declined.containsKey(id));
        boolean isWorthwhile =
            declinedInARow < MAX_DECLINED && (failure == null || !failure.isLasting());
        if (!second.isEmpty() && isWorthwhile) {
          apply(second);
          seen = again();
          rest = rest(seen);
        }
        if (!rest.isEmpty() && failure != null) {
          throw ended(failure.getMessage(), failure.hint());
        }
        if (!rest.isEmpty()) {
          List<String> missing =
              rest.all().stream().map(Change::id).map(id -> id + " (" + why(id) + ")").toList();
          throw new Refused(
              "%s; missing: %s".formatted(progress(), Display.some(missing)), NEXT_RUN);
        }
        return seen;
      }

      private String why(String id) {
        String read = planned.contains(id) ? "otherwise when read afterwards" : "changed since";
        return declined.getOrDefault(id, open.getOrDefault(id, read));
      }

      private Refused ended(String reason, String hint) {
        return new Refused(
            "%s, then %s".formatted(progress(), reason), hint == null ? NEXT_RUN : hint);
      }

      private void apply(Plan plan) throws Refused {
        List<Change> changes = plan.all();
        open.clear();
        waits.clear();
        failure = null;
        for (int from = 0; from < changes.size(); from += info.batchMaxRequests()) {
          send(changes.subList(from, Math.min(changes.size(), from + info.batchMaxRequests())));
        }
        checkGoing();
      }

      private void send(List<Change> batch) {
        if (failure != null || stopped || declinedInARow >= MAX_DECLINED) {
          batch.forEach(change -> open.put(change.id(), "not sent"));
          return;
        }
        List<Written> answers;
        try {
          answers = destination.batch(batch.stream().map(change -> change.at(to)).toList());
        } catch (ServerException e) {
          boolean isForOne = e.status() == 400 || e.status() == 413;
          if (isForOne && batch.size() > 1) {
            // one record that the signer, or a gateway, does not take has the whole batch refused
            send(batch.subList(0, batch.size() / 2));
            send(batch.subList(batch.size() / 2, batch.size()));
          } else if (isForOne) {
            String message = e.reason().replaceFirst("^\\d+(: )?", "");
            Written answer = new Written(e.status(), message, null, null);
            report.together(() -> take(batch.getFirst(), answer));
          } else {
            failure = e;
            batch.forEach(change -> open.put(change.id(), "no answer"));
          }
          return;
        }
        report.together(() -> {
          for (int i = 0; i < batch.size(); i++) {
            take(batch.get(i), answers.get(i));
          }
        });
      }

      private void take(Change change, Written answer) {
        if (answer.retryAfter() != null) {
          waits.add(answer.retryAfter());
        }
        Fate fate = fate(change, answer);
        switch (fate) {
          case Made _ -> made.add(change.id());
          case Open(String reason) -> open.put(change.id(), reason);
          case Declined(String reason) -> declined.put(change.id(), reason);
        }
        declinedInARow = fate instanceof Declined ? declinedInARow + 1 : 0;
        String message =
            switch (fate) {
              case Made(String note) -> note.isEmpty() ? "" : "(" + note + ")";
              case Open _ -> answer.message();
              case Declined(String reason) ->
                  answer.status() / 100 == 2 ? "(" + reason + ")" : answer.message();
            };
        RecordWrite write = change.at(to);
        attempts.add(new Attempt(write, answer.status(), message));
        String line =
            "Batch #%d: %s - %d %s"
                .formatted(
                    attempts.size() - 1, line(write), answer.status(), Display.brief(message))
                .strip();
        if (fate instanceof Made) {
          report.heading(line);
        } else {
          report.details(line);
        }
      }

      /** The destination again, after a moment where the server seems to need one. */
      private Seen again() throws Refused {
        if (!open.isEmpty()) {
          destination.postpone(waits);
        }
        try {
          return look(to, false);
        } catch (Refused e) {
          throw failure == null
              ? ended(e.getMessage(), e.hint)
              : ended(failure.getMessage(), failure.hint());
        }
      }

      /** What is still to be done, and so, what is made. */
      private Plan rest(Seen seen) {
        Plan rest = plan(wanted, seen.records());
        report.together(() -> {
          made.addAll(planned);
          rest.all().forEach(change -> made.remove(change.id()));
        });
        return rest;
      }
    }
  }

  private static String line(RecordWrite write) {
    return write.method() + " " + write.path();
  }

  // ---- rendering

  private static final int SHOWN_CHANGES = 10;

  /** Prints outcomes, and what they add up to. */
  private final class Outcomes {
    private final int expected;
    private final Report report;
    private final List<Outcome> outcomes = new ArrayList<>();

    Outcomes(int expected, Report report) {
      this.expected = expected;
      this.report = report;
    }

    void show(Outcome outcome) {
      outcomes.add(outcome);
      if (outcome.result() instanceof Planned(Plan plan, _, _)) {
        List<Change> changes = plan.all();
        for (int i = 0; i < changes.size(); i++) {
          Change change = changes.get(i);
          report.heading(
              "Batch #%d: %s%s"
                  .formatted(
                      i,
                      line(change.at(outcome.mapping().destination())),
                      change.fields().isEmpty()
                          ? ""
                          : " (%s)".formatted(RecordDiff.text(change.fields()))));
        }
      }
      Status status = status(outcome.result());
      report.result(status, text(outcome), json(outcome));
      if (outcome.result() instanceof Behind(Plan plan, _)) {
        lines(plan).forEach(line -> report.details(" - " + Display.clean(line)));
      }
      if (outcome.result() instanceof NoVerdict(_, String hint)) {
        report.hint(hint);
      }
    }

    private String text(Outcome outcome) {
      String name = Display.clean(outcome.mapping().name());
      return switch (outcome.result()) {
        case InSync _ -> "Records are in sync. Nothing to do.";
        case Applied(int changes) -> "Done. %d changes applied.".formatted(changes);
        case SignedOff(int changes, boolean reviewed) ->
            changes == 0
                ? reviewed
                    ? "Done. Requested the review that was owed."
                    : "Done. Signed the changes that were owed."
                : reviewed
                    ? "Done. Requested review for %d changes.".formatted(changes)
                    : "Done. %d changes applied and signed.".formatted(changes);
        case Planned planned -> planned(planned);
        case Lagging(Plan plan, Duration lag) ->
            "Records are in sync, but for %s (lag %d s).".formatted(lacking(plan), lag.toSeconds());
        case Behind(Plan plan, Duration lag) ->
            "%s: %s for %d s, %s"
                .formatted(name, report.word(Status.BAD, "BEHIND"), lag.toSeconds(), lacking(plan));
        case Waiting(int changes, String reason) ->
            "%s: %s%s"
                .formatted(
                    name, changes == 0 ? "" : "%d changes applied, ".formatted(changes), reason);
        case NoVerdict(String reason, _) -> "%s: %s".formatted(name, report.noVerdict(reason));
      };
    }

    private static String lacking(Plan plan) {
      return plan.isEmpty() ? "the signoff was never asked for" : plan.counts();
    }

    private static String planned(Planned planned) {
      int changes = planned.plan().size();
      String review =
          planned.signoff() == null
              ? ""
              : planned.signoff().reviewed() ? "request a review" : "sign";
      if (changes == 0 && !planned.creates()) {
        return "Would %s, which is owed.".formatted(review);
      }
      return "Would %sapply %d changes%s: %s."
          .formatted(
              planned.creates() ? "make the collection, " : "",
              changes,
              review.isEmpty() ? "" : " and " + review,
              planned.plan().counts());
    }

    private List<String> lines(Plan plan) {
      List<String> lines = new ArrayList<>();
      plan.toCreate().forEach(change -> lines.add(change.id() + " missing"));
      plan.toUpdate()
          .forEach(change ->
              lines.add(
                  "%s differs in %s".formatted(change.id(), RecordDiff.text(change.fields()))));
      plan.toDelete().forEach(change -> lines.add(change.id() + " extra"));
      if (general.isVerbose() || lines.size() <= SHOWN_CHANGES) {
        return lines;
      }
      List<String> some = new ArrayList<>(lines.subList(0, SHOWN_CHANGES));
      some.add("and %d more, --verbose shows all".formatted(lines.size() - SHOWN_CHANGES));
      return some;
    }

    private static Status status(Result result) {
      return switch (result) {
        case Behind _, Waiting _ -> Status.BAD;
        case NoVerdict _ -> Status.UNKNOWN;
        default -> Status.GOOD;
      };
    }

    private static Map<String, Object> json(Outcome outcome) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("source", outcome.mapping().source().json());
      json.put("filters", outcome.mapping().filters().parameters());
      json.put("destination", outcome.mapping().destination().json());
      json.put("status", word(outcome.result()).replace(' ', '-').toLowerCase(Locale.ROOT));
      json.put("create", ids(outcome.plan().toCreate()));
      json.put("update", ids(outcome.plan().toUpdate()));
      json.put("delete", ids(outcome.plan().toDelete()));
      json.put("requests", outcome.attempts().stream().map(Outcomes::json).toList());
      switch (outcome.result()) {
        case Waiting(_, String reason) -> json.put("reason", Display.clean(reason));
        case NoVerdict(String reason, String hint) -> {
          json.put("reason", Display.clean(reason));
          json.put("hint", hint);
        }
        case Lagging(_, Duration lag) -> json.put("lag_seconds", lag.toSeconds());
        case Behind(_, Duration lag) -> json.put("lag_seconds", lag.toSeconds());
        default -> {}
      }
      return json;
    }

    private static List<String> ids(List<Change> changes) {
      return changes.stream().map(change -> Display.clean(change.id())).toList();
    }

    private static Map<String, Object> json(Attempt attempt) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("method", attempt.write().method());
      json.put("path", attempt.write().path());
      json.put("status", attempt.status());
      json.put("message", Display.brief(attempt.message()));
      return json;
    }

    private static String word(Result result) {
      return switch (result) {
        case InSync _ -> "in sync";
        case Applied _ -> "applied";
        case SignedOff signedOff -> signedOff.reviewed() ? "review requested" : "signed";
        case Planned _ -> "planned";
        case Lagging _ -> "lagging";
        case Behind _ -> "BEHIND";
        case Waiting _ -> "waiting";
        case NoVerdict _ -> "NO VERDICT";
      };
    }

    String counts() {
      Tally tally = new Tally("collection", expected);
      for (Outcome outcome : outcomes) {
        String place = outcome.mapping().destination().name();
        tally.add(place, status(outcome.result()), word(outcome.result()), null);
      }
      return tally.counts();
    }

    Map<String, String> reasons(Status status) {
      Map<String, String> reasons = new LinkedHashMap<>();
      for (Outcome outcome : outcomes) {
        if (status(outcome.result()) == status) {
          reasons.put(
              outcome.mapping().destination().name(),
              switch (outcome.result()) {
                case Behind(Plan plan, Duration lag) ->
                    "behind for %d s, %s".formatted(lag.toSeconds(), lacking(plan));
                case Waiting(_, String reason) -> reason;
                case NoVerdict(String reason, _) -> reason;
                default -> "";
              });
        }
      }
      return reasons;
    }
  }

  // ---- converters: each message completes "VALUE is not …"

  private static final class SecondsConverter extends Values.WholeNumber {
    SecondsConverter() {
      super(0, 31_536_000);
    }
  }

  private static final class DeletionsConverter extends Values.WholeNumber {
    DeletionsConverter() {
      super(0, Integer.MAX_VALUE);
    }
  }

  private static final class FiltersConverter implements ITypeConverter<Filters> {
    private static final String FORM =
        "a JSON object of query parameters, like {\"min_age\": 42} or {\"in_id\": [\"a\", \"b\"]}";

    @Override
    public Filters convert(String value) {
      Map<String, List<String>> parameters = new LinkedHashMap<>();
      try {
        if (!(Json.parse(value) instanceof Map<?, ?> object)) {
          throw new TypeConversionException(FORM);
        }
        object.forEach((key, parameter) -> {
          String name = key.toString();
          checkParameter(name);
          List<?> values = parameter instanceof List<?> list ? list : List.of(parameter);
          parameters.put(name, values.stream().map(one -> text(name, one)).toList());
          checkValues(name, parameters.get(name));
        });
      } catch (BadJson | NullPointerException e) {
        throw new TypeConversionException(FORM);
      }
      return new Filters(parameters);
    }

    private static String text(String name, Object value) {
      return switch (value) {
        case String text -> text;
        case Number number -> number.toString();
        case Boolean truth -> truth.toString();
        case null, default ->
            throw new TypeConversionException(
                FORM + ": the value of %s is no text, number or boolean".formatted(name));
      };
    }
  }
}
