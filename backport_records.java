///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Copy creations, updates and deletions of records from one collection to another.
//DOCS docs/backport_records.md
//JAVA 25+
//SOURCES common/Advice.java common/Batch.java common/Changesets.java common/Display.java common/Failure.java
//SOURCES common/GeneralSettings.java common/Http.java common/Json.java common/Place.java common/RecordDiff.java
//SOURCES common/RemoteSettings.java common/Report.java common/Runner.java common/Secret.java
//SOURCES common/ServerException.java common/ServerInfo.java common/ServerSettings.java
//SOURCES common/SignedResources.java common/SignoffStatus.java common/Surroundings.java common/Tally.java
//SOURCES common/UsageException.java common/Values.java common/signature/CanonicalJson.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m

import common.Advice;
import common.Advice.Runbook;
import common.Batch;
import common.Batch.Applied;
import common.Batch.ChangeState;
import common.Batch.Pending;
import common.Batch.RecordWrite;
import common.Batch.Rejected;
import common.Batch.Written;
import common.Changesets.SignedRecord;
import common.Display;
import common.Failure;
import common.GeneralSettings;
import common.Http;
import common.Json;
import common.Json.BadJson;
import common.Place;
import common.RecordDiff;
import common.RecordDiff.Field;
import common.RemoteSettings;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Secret;
import common.ServerException;
import common.ServerInfo;
import common.ServerSettings;
import common.SignedResources.SignedResource;
import common.SignedResources.SignoffRule;
import common.SignoffStatus;
import common.SignoffStatus.Blocked;
import common.SignoffStatus.Due;
import common.SignoffStatus.SignoffDue;
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
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/**
 * The repair: copy the records of one collection to another, and request a review or the signature
 * of the changes.
 *
 * <p>The records of both are compared by content. A record that is missing at the destination is
 * created, one that differs is updated, an extra one is deleted. A record is changed only if it has
 * not changed since it was read. When all changes are applied and the destination is a signed
 * source, the command requests a review, or the signature where no review is needed. If a run stops
 * half-way, the next one finishes it. While somebody else is editing the destination, or after a
 * reviewer has rejected it, the command requests nothing: that is left to people.
 *
 * <p>Spec: docs/specification.md, <i>backport_records</i>; Kinto's <i>Batch operations</i>;
 * <i>Remote Settings › Multi signoff</i>.
 *
 * <pre>Batch #0: PUT /buckets/security-state/collections/onecrl/records/003234b2 - 201</pre>
 */
@Command(
    name = "backport_records",
    description = {
      "Copy creations, updates and deletions of records from one collection to another.",
      "A record at the destination is changed only if it has not changed since it was read. If the"
          + " destination is a signed source, a review or the signature is then requested."
    },
    footerHeading = "Example, for the server that ./jbang local_server --sample starts:",
    footer = {
      "BACKPORT_RECORDS_SOURCE_AUTH=editor:editor backport_records --create-destination \\",
      "  --backport-records-mappings 'main/regions -> main-workspace/nearby' --dry-run"
    })
public class backport_records implements Runner.Command {

  @Mixin ServerSettings server;

  @Option(
      names = "--backport-records-source-auth-file",
      paramLabel = "FILE",
      description =
          "required: credentials of an account that may read the source: user:pass, a token, or"
              + " TYPE TOKEN; the option names a file with them (- is stdin)")
  Secret sourceAuth;

  @Option(
      names = "--backport-records-dest-auth-file",
      paramLabel = "FILE",
      description =
          "credentials of an account that may write to the destination, in the same form; unset:"
              + " the source's")
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
          "query parameters that select the records to copy, as a JSON object: {\"min_age\": 42};"
              + " all other records are deleted at the destination")
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
          "several copies, one per line, instead of the settings of a single one:"
              + " bucket/collection?field=value -> bucket/collection")
  String mappings;

  @Option(
      names = "--safe-headers",
      description = "accepted, but has no effect: every write is conditional")
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
      converter = Values.CountConverter.class,
      description = "seconds that a destination may be behind, with --check")
  int maxLag;

  @Option(
      names = "--max-deletions",
      paramLabel = "COUNT",
      converter = Values.CountConverter.class,
      description = "change nothing if more records than this would be deleted; unset: no limit")
  Integer maxDeletions;

  @Option(
      names = "--allow-empty-source",
      description = "copy even a source without records, which empties the destination")
  boolean allowEmptySource;

  @Option(names = "--create-destination", description = "create the destination if it is missing")
  boolean createDestination;

  @Option(
      names = "--allow-signed-destination",
      description = "write even to a collection that the server signs, which breaks its signature")
  boolean allowSignedDestination;

  @Mixin GeneralSettings general;

  private static final String SOURCE_AUTH = "BACKPORT_RECORDS_SOURCE_AUTH";
  private static final String DEST_AUTH = "BACKPORT_RECORDS_DEST_AUTH";

  public static void main(String[] args) {
    System.exit(Runner.execute(new backport_records(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public boolean writes() {
    return !dryRun && !check;
  }

  // ---- the run

  private Report report;
  private RemoteSettings source;
  private RemoteSettings destination;
  private ServerInfo sourceInfo; // as the account that reads the source gets it
  private ServerInfo info; // as the account that writes to the destination gets it
  private Instant now;
  private volatile Copy currentCopy; // Ctrl-C shows how far it has come

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    List<Mapping> all = mappings();
    if (sourceAuth == null) {
      throw new UsageException(
          SOURCE_AUTH + " is not set",
          "set it to user:pass, a token, or TYPE TOKEN, or name a file that holds it");
    }
    this.report = report;
    report.server(server.url());
    report.put("dry_run", dryRun);
    try (Http from = server.http(surroundings, report);
        Http to = destAuth == null ? null : server.http(surroundings, report)) {
      source = remote(from, sourceAuth);
      destination = to == null ? source : remote(to, destAuth);
      sourceInfo = server.info(source, SOURCE_AUTH, sourceAuth);
      info = to == null ? sourceInfo : server.info(destination, DEST_AUTH, destAuth);
      now = surroundings.clock().instant();
      copy(all);
    }
  }

  private RemoteSettings remote(Http http, Secret credentials) throws UsageException {
    http.authorize(server.url(), general.authorization(credentials, server.url()));
    return server.remote(http);
  }

  /** Makes one copy after the other. */
  private void copy(List<Mapping> all) {
    Tally tally = new Tally("collection", all.size());
    report.onInterrupt(() -> {
      destination.endWrites(); // a write may be waiting for its next attempt
      if (currentCopy != null) {
        show(currentCopy.unfinished(), tally);
      }
      tally.interrupted(report);
    });
    for (Mapping mapping : all) {
      if (mappings != null) {
        report.heading(mapping.name());
      }
      currentCopy = new Copy(mapping);
      Outcome outcome = currentCopy.outcome();
      if (report.isInterrupted()) {
        return;
      }
      report.together(() -> {
        currentCopy = null;
        show(outcome, tally);
      });
    }
    report.onInterrupt(() -> {});
    tally.tellCauses(report);
    report.summary(tally.counts());
    tally.tell(report, Status.BAD, "Backport held up: %s");
    tally.tell(report, Status.UNKNOWN, "Backport failed: %s");
  }

  // ---- mappings: what to copy

  /** One copy. Its errors begin with {@code where}; the filters select records of the source. */
  record Mapping(String where, Place source, Filters filters, Place destination) {
    String name() {
      return "%s%s -> %s".formatted(source.name(), filters, destination.name());
    }
  }

  /** Query parameters, each with its values. */
  record Filters(Map<String, List<String>> parameters) {
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
            .anyMatch(Objects::nonNull);
    if (mappings != null) {
      if (isSingle) {
        throw new UsageException(
            "BACKPORT_RECORDS_MAPPINGS is set, but so is a single source or destination",
            "write each copy as a line of BACKPORT_RECORDS_MAPPINGS");
      }
      return mappings(mappings);
    }
    String missing =
        sourceBucket == null ? "BUCKET" : sourceCollection == null ? "COLLECTION" : null;
    if (missing != null) {
      throw new UsageException(
          "BACKPORT_RECORDS_SOURCE_%s is not set".formatted(missing),
          "name the source bucket and collection, or set BACKPORT_RECORDS_MAPPINGS");
    }
    Place from = new Place(sourceBucket, sourceCollection);
    Filters filters = sourceFilters == null ? new Filters(Map.of()) : sourceFilters;
    String bucket = Objects.requireNonNullElse(destBucket, sourceBucket);
    String collection = Objects.requireNonNullElse(destCollection, sourceCollection);
    return checked(List.of(new Mapping("", from, filters, new Place(bucket, collection))));
  }

  /** Reads the lines of {@code BACKPORT_RECORDS_MAPPINGS}; an error names the line. */
  static List<Mapping> mappings(String text) throws UsageException {
    List<Mapping> mappings = new ArrayList<>();
    String[] lines = text.split("\\R", -1);
    for (int i = 0; i < lines.length; i++) {
      if (!lines[i].isBlank()) {
        String where = "BACKPORT_RECORDS_MAPPINGS, line %d: ".formatted(i + 1);
        mappings.add(mapping(where, lines[i].strip()));
      }
    }
    if (mappings.isEmpty()) {
      throw new UsageException("BACKPORT_RECORDS_MAPPINGS has no lines", null);
    }
    return checked(mappings);
  }

  private static final Pattern MAPPING =
      Pattern.compile("([^/?\\s]+)/([^/?\\s]+?)(?:\\?(\\S*))?\\s*->\\s*([^/?\\s]+)/([^/?\\s]+)");

  private static Mapping mapping(String where, String line) throws UsageException {
    Matcher parts = MAPPING.matcher(line);
    if (!parts.matches() || !Stream.of(1, 2, 4, 5).map(parts::group).allMatch(Place::isName)) {
      throw new UsageException(
          "%s\"%s\" is not bucket/collection?field=value -> bucket/collection"
              .formatted(where, line),
          null);
    }
    return new Mapping(
        where,
        new Place(parts.group(1), parts.group(2)),
        query(where, Objects.requireNonNullElse(parts.group(3), "")),
        new Place(parts.group(4), parts.group(5)));
  }

  private static Filters query(String where, String query) throws UsageException {
    Map<String, List<String>> parameters = new LinkedHashMap<>();
    for (String pair : Stream.of(query.split("&")).filter(one -> !one.isEmpty()).toList()) {
      String[] sides = pair.split("=", 2);
      try {
        if (sides.length == 1) {
          throw new IllegalArgumentException("no value");
        }
        String name = decoded(sides[0]);
        List<String> values = parameters.computeIfAbsent(name, _ -> new ArrayList<>());
        values.add(decoded(sides[1]));
        checkFilter(name, values);
      } catch (TypeConversionException e) {
        throw new UsageException("%s\"%s\" is not %s".formatted(where, pair, e.getMessage()), null);
      } catch (IllegalArgumentException e) {
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

  /** A parameter that selects records. One like {@code _limit} would delete all other records. */
  private static final Pattern PARAMETER =
      // Kinto strips white space from a name
      Pattern.compile("(?s)_sort|(?!_)[^\\p{Z}\\p{Cc}](.*[^\\p{Z}\\p{Cc}])?");

  /** Operators for which Kinto takes a list as one value, which no field equals. */
  private static final Pattern ONE_VALUE = Pattern.compile("(not|min|max|lt|gt|like|has)_.*");

  private static void checkFilter(String name, List<?> values) {
    if (!PARAMETER.matcher(name).matches()) {
      throw new TypeConversionException(
          "a filter: \"%s\" is not a field; _sort is the only parameter that may begin with _"
              .formatted(name));
    }
    if (values.isEmpty()) {
      throw new TypeConversionException(
          "a filter: %s has no value, so it would select everything".formatted(name));
    }
    if (values.size() > 1 && ONE_VALUE.matcher(name).matches()) {
      throw new TypeConversionException(
          "a filter: %s takes one value; only in_FIELD and exclude_FIELD take lists"
              .formatted(name));
    }
  }

  /** Refuses copies of a collection to itself, and copies that undo or repeat an earlier one. */
  private static List<Mapping> checked(List<Mapping> mappings) throws UsageException {
    Set<Place> sources = new HashSet<>();
    Set<Place> destinations = new HashSet<>();
    for (Mapping mapping : mappings) {
      Place to = mapping.destination();
      sources.add(mapping.source());
      String wrong = null;
      if (mapping.source().equals(to)) {
        wrong = "source and destination are both %s";
      } else if (!destinations.add(to)) {
        wrong = "%s is the destination of an earlier line, whose records this one would delete";
      } else if (sources.contains(to)) {
        wrong =
            "%s is the source of an earlier line, which would copy other records in the next run";
      }
      if (wrong != null) {
        throw new UsageException(mapping.where() + wrong.formatted(to.name()), null);
      }
    }
    return mappings;
  }

  // ---- the plan

  /** The changes that make the destination equal to the source, in this order, each list by id. */
  record Plan(List<Change> toCreate, List<Change> toUpdate, List<Change> toDelete) {
    List<Change> all() {
      return Stream.of(toCreate, toUpdate, toDelete).flatMap(List::stream).toList();
    }

    int size() {
      return toCreate.size() + toUpdate.size() + toDelete.size();
    }

    String counts() {
      return "%d to create, %d to update, %d to delete"
          .formatted(toCreate.size(), toUpdate.size(), toDelete.size());
    }
  }

  /**
   * A change of one record.
   *
   * @param record its new content, canonical JSON without {@code last_modified}; null to delete it
   * @param timestamp of the record at the destination, epoch milliseconds; 0 for a creation
   * @param fields that an update changes, each with its value before and after
   */
  record Change(String id, byte[] record, long timestamp, List<Field> fields) {
    RecordWrite at(Place destination) {
      return new RecordWrite(destination, id, record, timestamp);
    }
  }

  /** Compares by content, whatever the order of the records. */
  static Plan plan(List<SignedRecord> source, List<SignedRecord> destination) {
    Map<String, byte[]> wanted = RecordDiff.byId(source);
    Map<String, Long> timestamps = new HashMap<>();
    destination.forEach(record -> timestamps.put(record.id(), record.json().lastModified()));
    Plan plan = new Plan(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (RecordDiff.Difference difference :
        RecordDiff.differences(RecordDiff.byId(destination), wanted)) {
      String id = difference.id();
      byte[] whole = wanted.get(id);
      byte[] record = whole == null ? null : CanonicalJson.without(whole, Set.of("last_modified"));
      Change change = new Change(id, record, timestamps.getOrDefault(id, 0L), difference.fields());
      switch (difference.what()) {
        case EXTRA -> plan.toCreate().add(change);
        case DIFFERS -> plan.toUpdate().add(change);
        case MISSING -> plan.toDelete().add(change);
      }
    }
    return plan;
  }

  /** The records that somebody has changed since the plan was made, of those to be changed now. */
  static List<String> changedSince(Plan plan, List<Change> now) {
    Map<String, Long> planned =
        plan.all().stream().collect(Collectors.toMap(Change::id, Change::timestamp));
    return now.stream()
        .filter(change -> !Objects.equals(planned.get(change.id()), change.timestamp()))
        .map(Change::id)
        .toList();
  }

  private static long timestamp(Map<String, Object> attributes) {
    return attributes.get("last_modified") instanceof Long timestamp ? timestamp : 0;
  }

  /**
   * How long the destination is behind: the age of the oldest change or deletion that it lacks,
   * negative if the server's clock is ahead.
   */
  static Duration lag(Plan plan, Map<String, Long> lastModified, Instant now) {
    long oldest =
        plan.all().stream()
            .mapToLong(change -> lastModified.getOrDefault(change.id(), change.timestamp()))
            .min()
            .orElse(now.toEpochMilli());
    return Duration.between(Instant.ofEpochMilli(oldest), now);
  }

  // ---- one copy

  private static final int MAX_ROUNDS = 2;

  /** After this many rejected records in a row, the rest is not tried. */
  private static final int MAX_REJECTED = 100;

  /** What to do about it; null if it is temporary. */
  private static String remedy(ServerException e, String remedy) {
    return e.isTemporary() ? e.hint() : Objects.requireNonNullElse(e.hint(), remedy);
  }

  /** The destination as it was read; the attributes, null if it is missing, before and after. */
  private record Snapshot(
      Map<String, Object> attributes, List<SignedRecord> records, Map<String, Object> latest) {}

  /** One copy, and how far it has come. */
  private final class Copy {
    private final Mapping mapping;
    private final Place to;
    private volatile Plan plan = plan(List.of(), List.of());
    private SignedResource signed; // whose source is the destination, or null
    private final List<Object> requests = new ArrayList<>(); // for the JSON document
    private final Map<String, ChangeState> states = new HashMap<>(); // of each change, by id
    private final List<String> waits = new ArrayList<>(); // the Retry-After headers of a round
    private Failure failure; // of a whole batch, which ends its round
    private boolean noRetry; // after that failure, because it would fail again
    private int rejectedInARow;
    private volatile List<String> others = List.of(); // what was changed by others meanwhile

    Copy(Mapping mapping) {
      this.mapping = mapping;
      this.to = mapping.destination();
    }

    Outcome outcome() {
      try {
        signed = signedResource();
        return check ? compared() : copied();
      } catch (Failure e) {
        return outcome(Verdict.NO_VERDICT, e.getMessage(), e.hint(), null);
      } catch (Report.ClosedOutput e) {
        throw e;
      } catch (RuntimeException | OutOfMemoryError e) {
        String reason = report.unexpected(e);
        return outcome(Verdict.NO_VERDICT, reason, Advice.UNEXPECTED.hint(), null);
      }
    }

    Outcome unfinished() {
      return states.isEmpty()
          ? outcome(Verdict.NO_VERDICT, "interrupted")
          : outcome(Verdict.NO_VERDICT, "interrupted, " + progress(), hint(null, true), null);
    }

    private Outcome compared() throws Failure {
      Snapshot seen = readDestination(false);
      plan = plan(readSource(), seen.records());
      if (plan.size() > 0) { // a change may have been in flight
        seen = readDestination(false);
        plan = plan(readSource(), seen.records());
      }
      if (plan.size() > 0) {
        try {
          return behind(lag(plan, source.lastModified(mapping.source()), now));
        } catch (ServerException e) {
          throw unreadable(true, e);
        }
      }
      if (signed == null) {
        return inSync();
      }
      Due due = owed(seen.attributes(), null, seen.records());
      return due instanceof SignoffDue(Instant since)
          ? behind(Duration.between(since, now))
          : settled(due, seen.attributes(), null);
    }

    private Outcome copied() throws Failure {
      List<SignedRecord> wanted = readSource();
      Snapshot seen = readDestination(createDestination);
      boolean isMissing = seen.attributes() == null;
      plan = plan(wanted, seen.records());
      checkDeletions(plan);
      if (plan.size() == 0 && !isMissing) {
        return signed == null ? inSync() : signOff(seen, null);
      }
      if (signed != null && !isMissing) {
        checkGroup();
        SignoffStatus.othersWork(
                seen.latest(), owed(seen.latest(), null, seen.records()), info.account())
            .ifPresent(work -> report.warn(to.name() + ": " + work + "; the copy overwrites it"));
      }
      SignoffRule signoff = signed == null || plan.size() == 0 ? null : signed.signoff();
      if (dryRun) {
        return planned(isMissing, signoff);
      }
      announce(
          (isMissing ? "create the collection, " : "")
              + plan.counts()
              + (signoff == null ? "" : ", then " + request(signoff)));
      if (isMissing) {
        create();
        seen = Http.finish(() -> readDestination(false)); // somebody else may have created it
        Plan afresh = plan(wanted, seen.records());
        checkDeletions(afresh);
        warnOfChanges(afresh.all());
        plan = afresh;
      }
      Snapshot after = write(wanted);
      if (signed == null) {
        return applied();
      }
      Outcome outcome = signOff(after, appliedCount() == 0 ? null : seen.attributes());
      return outcome.verdict() == Verdict.IN_SYNC ? applied() : outcome; // only created
    }

    // reading

    private List<SignedRecord> readSource() throws Failure {
      Place from = mapping.source();
      Map<String, List<String>> filters = mapping.filters().parameters();
      try {
        List<SignedRecord> records = source.records(from, filters);
        if (records.isEmpty() && !allowEmptySource) {
          String which = filters.isEmpty() ? "" : " that the filters select";
          throw new Failure(
              "source %s has no records%s".formatted(from.name(), which),
              "--allow-empty-source accepts that: a copy then empties the destination");
        }
        return records;
      } catch (ServerException e) {
        throw unreadable(true, e);
      }
    }

    private Snapshot readDestination(boolean mayBeMissing) throws Failure {
      try {
        Map<String, Object> attributes = destination.metadata(to.path());
        List<SignedRecord> records = destination.records(to, Map.of());
        Snapshot seen = new Snapshot(attributes, records, destination.metadata(to.path()));
        for (SignedRecord record : seen.records()) {
          if (record.json().lastModified() == 0) {
            throw new Failure(
                "destination %s: record %s has no last_modified, so it cannot be changed safely"
                    .formatted(to.name(), record.id()),
                Batch.OPERATORS);
          }
        }
        return seen;
      } catch (ServerException e) {
        if (e.status() == 404 && mayBeMissing) {
          return new Snapshot(null, List.of(), null);
        }
        throw unreadable(false, e);
      }
    }

    private Failure unreadable(boolean isSource, ServerException e) {
      String end = isSource ? "source " + mapping.source().name() : "destination " + to.name();
      return new Failure(
          end + ": " + e.reason(),
          switch (e.status()) {
            case 401, 403 ->
                "%s to an account that may %s the whole collection, if it exists"
                    .formatted(
                        isSource ? sourceInfo.toSet(sourceAuth) : info.toSet(destCredentials()),
                        isSource || check ? "read" : "read and write");
            case 404 ->
                isSource
                    ? "does the collection exist?"
                    : (check ? "without --check, " : "")
                        + "--create-destination creates the collection";
            case 400 ->
                isSource && !mapping.filters().parameters().isEmpty()
                    ? "change the filters: " + mapping.filters()
                    : Batch.OPERATORS;
            default -> remedy(e, Batch.OPERATORS);
          });
    }

    private Secret destCredentials() {
      return destAuth == null ? sourceAuth : destAuth;
    }

    // what is checked before anything is written

    /**
     * The resource whose source is the destination, or null. Refuses a destination that only the
     * signer may write to.
     */
    private SignedResource signedResource() throws Failure {
      if (info.signed() == null) {
        return null;
      }
      Optional<SignedResource> published =
          info.signed().ofDestination(to).or(() -> info.signed().ofPreview(to));
      if (published.isPresent() && !allowSignedDestination && !check) {
        throw new Failure(
            "destination %s is signed by the server: writing to it would break its signature"
                .formatted(to.name()),
            "copy to its source, %s".formatted(published.get().source().name()));
      }
      return info.signed().ofSource(to).orElse(null);
    }

    private void checkDeletions(Plan plan) throws Failure {
      int deletions = plan.toDelete().size();
      if (maxDeletions != null && deletions > maxDeletions) {
        throw new Failure(
            "%d records would be deleted, but --max-deletions is %d"
                .formatted(deletions, maxDeletions),
            dryRun ? "raise --max-deletions if that is right" : "--dry-run shows them");
      }
    }

    private void checkGroup() throws Failure {
      Optional<String> group = signed.missingGroup(info.principals());
      if (group.isPresent()) {
        throw new Failure(
            "%s is not in the group %s, so it cannot %s of %s"
                .formatted(info.account(), group.get(), request(signed.signoff()), to.name()),
            "add the account to the group, or set %s to another account"
                .formatted(destCredentials().label()));
      }
    }

    private void announce(String what) {
      report.announce(
          "write to %s as %s: %s: %s".formatted(server.url(), info.account(), to.name(), what));
    }

    // writing: batch by batch, then the destination is read again

    private void create() throws Failure {
      try {
        destination.create(to);
      } catch (ServerException e) {
        throw new Failure(
            "destination %s cannot be created: %s".formatted(to.name(), e.reason()),
            switch (e.status()) {
              case 401, 403, 404 ->
                  "does the bucket %s exist? %s to an account that may create collections in it"
                      .formatted(to.bucket(), info.toSet(destCredentials()));
              default -> remedy(e, Batch.OPERATORS);
            });
      }
    }

    private int appliedCount() {
      return (int) states.values().stream().filter(Applied.class::isInstance).count();
    }

    private String progress() {
      return "%d of %d changes applied".formatted(appliedCount(), states.size());
    }

    /**
     * Applies all changes and returns the destination as it is then; an exception says what is
     * missing. Only what is read afterwards counts, because an answer may be lost, or the whole
     * batch rolled back.
     */
    private Snapshot write(List<SignedRecord> wanted) throws Failure {
      List<Change> changes = plan.all();
      int batchSize = info.batchMaxRequests();
      for (int round = 1; ; round++) {
        waits.clear();
        failure = null;
        noRetry = false;
        setState(changes, new Pending("not sent"));
        for (int from = 0; from < changes.size(); from += batchSize) {
          send(changes.subList(from, Math.min(changes.size(), from + batchSize)));
        }
        report.requireNotInterrupted();
        if (states.values().stream().anyMatch(Pending.class::isInstance)) {
          destination.postpone(waits); // the server seems to need a moment
        }
        Snapshot seen;
        try {
          seen = Http.finish(() -> readDestination(false));
        } catch (Failure e) {
          throw stopped(failure == null ? e : failure);
        }
        Plan rest = plan(wanted, seen.records());
        changes = retryable(rest);
        others = changedSince(plan, rest.all()).stream().filter(id -> !isRejected(id)).toList();
        if (rest.size() == 0) {
          return seen;
        }
        boolean isLast = round == MAX_ROUNDS || noRetry || report.deadline().isOver();
        if (isLast || changes.isEmpty() || rejectedInARow >= MAX_REJECTED) {
          throw failure == null ? missing(rest) : stopped(failure);
        }
        warnOfChanges(changes);
      }
    }

    private void warnOfChanges(List<Change> now) {
      List<String> ids = changedSince(plan, now);
      if (!ids.isEmpty()) {
        String which = Display.some(ids);
        report.warn(to.name() + ": changed since it was read; the copy overwrites " + which);
      }
    }

    private void setState(List<Change> changes, ChangeState state) {
      report.together(() -> changes.forEach(change -> states.put(change.id(), state)));
    }

    private void send(List<Change> batch) {
      if (failure != null || rejectedInARow >= MAX_REJECTED) {
        return;
      }
      try {
        record(batch, destination.batch(batch.stream().map(change -> change.at(to)).toList()));
      } catch (ServerException e) {
        boolean isOneRecordsFault = e.status() == 400 || e.status() == 413;
        if (isOneRecordsFault && batch.size() > 1) {
          // one record that the signer or a gateway refuses makes the whole batch fail
          send(batch.subList(0, batch.size() / 2));
          send(batch.subList(batch.size() / 2, batch.size()));
        } else if (isOneRecordsFault) {
          record(batch, List.of(new Written(e.status(), e.explanation(), null, null)));
        } else {
          String remedy = Batch.remedy(e.status(), to, info.toSet(destCredentials()));
          boolean isSent = e.kind() != ServerException.Kind.OUT_OF_TIME;
          String hint =
              isSent ? remedy(e, remedy) : "the next run applies what is missing; " + e.hint();
          failure = new Failure(e.getMessage(), hint);
          noRetry = !e.isRetryable();
          setState(batch, new Pending(isSent ? "no answer" : "not sent"));
        }
      }
    }

    private void record(List<Change> batch, List<Written> answers) {
      report.together(() -> {
        for (int i = 0; i < batch.size(); i++) {
          record(batch.get(i), answers.get(i));
        }
      });
    }

    private void record(Change change, Written answer) {
      ChangeState state = Batch.state(change.at(to), answer);
      states.put(change.id(), state);
      rejectedInARow = state instanceof Rejected ? rejectedInARow + 1 : 0;
      if (answer.retryAfter() != null) {
        waits.add(answer.retryAfter());
      }
      boolean isRefused = answer.status() / 100 != 2 && !(state instanceof Applied);
      String note = state.reason().isEmpty() ? "" : "(" + state.reason() + ")";
      String message = isRefused ? Display.brief(answer.message()) : note;
      String line =
          "%s - %d %s".formatted(change.at(to).line(requests.size()), answer.status(), message);
      requests.add(change.at(to).json(answer.status(), message));
      if (state instanceof Applied) {
        report.heading(line.strip());
      } else {
        report.details(line.strip());
      }
    }

    /**
     * The remaining changes that may be sent again; all others of the plan count as applied.
     * Records that were right, and that somebody has changed meanwhile, are left to the next run.
     */
    private List<Change> retryable(Plan rest) {
      Set<String> missing = rest.all().stream().map(Change::id).collect(Collectors.toSet());
      Pending different = new Pending("different when read afterwards");
      report.together(() ->
          states.replaceAll((id, state) ->
              !missing.contains(id)
                  ? new Applied("")
                  : state instanceof Applied ? different : state));
      return rest.all().stream().filter(one -> states.get(one.id()) instanceof Pending).toList();
    }

    private Failure missing(Plan rest) {
      List<String> missing = rest.all().stream().map(this::missing).toList();
      boolean isMore = !rest.all().stream().map(Change::id).allMatch(this::isRejected);
      return new Failure(
          "%s; missing: %s".formatted(progress(), Display.some(missing)), hint(null, isMore));
    }

    private String missing(Change change) {
      ChangeState state = states.get(change.id());
      String byOthers = change.record() == null ? "added since, to be deleted" : "changed since";
      return "%s (%s)".formatted(change.id(), state == null ? byOthers : state.reason());
    }

    private boolean isRejected(String id) {
      return states.get(id) instanceof Rejected;
    }

    private Failure stopped(Failure why) {
      return new Failure(progress() + ", then " + why.getMessage(), hint(why, true));
    }

    /**
     * What to do about missing changes. The next run applies only those that were not refused.
     *
     * @param why what ended the writing, or null
     * @param isMore whether other changes are missing than those that were refused
     */
    private String hint(Failure why, boolean isMore) {
      List<RecordWrite> writes = plan.all().stream().map(change -> change.at(to)).toList();
      String from = mapping.source().name();
      List<String> sentences =
          new ArrayList<>(Batch.remedies(writes, states, from, info.toSet(destCredentials())));
      if (why != null && why.hint() != null) {
        sentences.add(why.hint());
      } else if (isMore) {
        sentences.add(
            sentences.isEmpty()
                ? "the next run applies what is missing"
                : rejectedInARow < MAX_REJECTED
                    ? "the next run applies the rest"
                    : "only then are the others tried");
      }
      if (!others.isEmpty()) {
        String which = Display.some(others);
        sentences.add("to keep what others did to %s, bring it into %s".formatted(which, from));
      }
      return String.join("; ", sentences);
    }

    // signing off

    /**
     * Requests the signoff, unless none is needed or somebody has to look at the destination.
     *
     * @param before its attributes before our changes; null if there were none
     */
    private Outcome signOff(Snapshot seen, Map<String, Object> before) throws Failure {
      Map<String, Object> attributes = seen.attributes();
      SignoffRule rule = signed.signoff();
      Due due = owed(attributes, before, seen.records());
      if (!(due instanceof SignoffDue)) {
        return settled(due, attributes, before);
      }
      if (before == null) {
        checkGroup();
        if (dryRun) {
          return planned(false, rule);
        }
        announce(request(rule));
      }
      report.requireNotInterrupted();
      return requestSignoff(attributes, before);
    }

    /** The outcome where no signoff is due. */
    private Outcome settled(Due due, Map<String, Object> attributes, Map<String, Object> before) {
      if (due instanceof Blocked blocked) {
        return outcome(Verdict.WAITING, blocked.reason());
      }
      return before == null
          ? inSync()
          : signed.signoff().reviewed() && "signed".equals(attributes.get("status"))
              ? applied() // somebody else has requested a review, and it was approved
              : signedOff();
    }

    /**
     * What the destination still needs. A review request copies the records to the preview: if they
     * differ, an edit has followed it, even if the dates, of the clocks of two nodes, deny that. If
     * there is no preview to read, the dates decide.
     */
    private Due owed(
        Map<String, Object> attributes, Map<String, Object> before, List<SignedRecord> records)
        throws Failure {
      Due due = SignoffStatus.due(attributes, before, signed.signoff(), info.account());
      try {
        return due instanceof Blocked(_, boolean isRejection)
                && isRejection
                && signed.preview() != null
                && plan(records, destination.records(signed.preview(), Map.of())).size() > 0
            ? SignoffStatus.workInProgress(attributes)
            : due;
      } catch (ServerException e) {
        if (e.isTemporary()) {
          throw new Failure(
              "preview %s: %s".formatted(signed.preview().name(), e.reason()), e.hint());
        }
        return due;
      }
    }

    /**
     * Sets the status, if nothing has changed since it was read. Only the status read afterwards
     * counts, not the answer.
     */
    private Outcome requestSignoff(Map<String, Object> attributes, Map<String, Object> before)
        throws Failure {
      SignoffRule rule = signed.signoff();
      ServerException refused = null;
      try {
        try {
          destination.patch(
              to.path(),
              Map.of("status", rule.status()),
              timestamp(attributes),
              () -> SignoffStatus.isSignedOff(rule, attributes, destination.metadata(to.path())));
        } catch (ServerException e) {
          if (e.kind() == ServerException.Kind.OUT_OF_TIME) {
            throw e; // it was not sent
          }
          refused = e;
        }
        Map<String, Object> after = Http.finish(() -> destination.metadata(to.path()));
        boolean isDone = SignoffStatus.isSignedOff(rule, attributes, after);
        if (isDone
            && !Objects.equals(attributes.get("last_edit_date"), after.get("last_edit_date"))) {
          String editor = Display.brief(String.valueOf(after.get("last_edit_by")));
          String text = "edited by %s and signed off by another account".formatted(editor);
          return outcome(Verdict.WAITING, text);
        }
        Object requester = after.get("last_review_request_by");
        if (isDone && (!rule.reviewed() || requester == null || requester.equals(info.account()))) {
          return signedOff();
        }
        if (isDone || (refused != null && refused.status() == 412)) {
          Due due = SignoffStatus.due(after, attributes, rule, info.account());
          if (!(due instanceof SignoffDue)) {
            return settled(due, after, before);
          }
        }
        if (refused == null) {
          throw notRequested(
              "the server accepted it, but the status is "
                  + Display.brief(String.valueOf(after.get("status"))),
              "see the server's log, then run the command again");
        }
        throw refused;
      } catch (ServerException e) {
        throw notRequested(
            e.reason(),
            switch (e.status()) {
              case 401, 403 ->
                  "add %s to the group that may do this, or set %s to another account"
                      .formatted(info.account(), destCredentials().label());
              default ->
                  e.isTemporary()
                      ? "run the command again: it repeats the request"
                      : remedy(e, Batch.OPERATORS);
            });
      }
    }

    private Failure notRequested(String reason, String hint) {
      String applied =
          appliedCount() == 0 ? "" : "%d changes applied, but ".formatted(appliedCount());
      return new Failure(
          "%srequesting the %s failed: %s".formatted(applied, signed.signoff().requested(), reason),
          hint);
    }

    private static String request(SignoffRule signoff) {
      return "request a " + signoff.requested();
    }

    // outcomes

    private Outcome inSync() {
      return outcome(Verdict.IN_SYNC, "Records are in sync. Nothing to do.");
    }

    private Outcome applied() {
      return outcome(Verdict.APPLIED, "Done. %d changes applied.".formatted(appliedCount()));
    }

    private Outcome signedOff() {
      boolean isOutstanding = appliedCount() == 0; // since an earlier run
      if (signed.signoff().reviewed()) {
        String what = isOutstanding ? "the outstanding review" : "review for %d changes";
        return outcome(
            Verdict.REVIEW_REQUESTED,
            "Done. Requested %s.".formatted(what.formatted(appliedCount())));
      }
      String what =
          isOutstanding ? "Signed the outstanding changes" : "%d changes applied and signed";
      return outcome(Verdict.SIGNED, "Done. %s.".formatted(what.formatted(appliedCount())));
    }

    /** What a dry run would do; the signoff is the one that it would request, or null. */
    private Outcome planned(boolean creates, SignoffRule signoff) {
      if (plan.size() == 0 && !creates) {
        String due = "Would request the outstanding %s.".formatted(signoff.requested());
        return outcome(Verdict.PLANNED, due);
      }
      String collection = creates ? "create the collection, " : "";
      String records = "apply %d changes".formatted(plan.size());
      String then = signoff == null ? "" : " and " + request(signoff);
      return outcome(
          Verdict.PLANNED, "Would " + collection + records + then + ": " + plan.counts() + ".");
    }

    /** Like what is old, a change is no longer young if it is dated further ahead than that. */
    private Outcome behind(Duration lag) {
      String lacking = plan.size() == 0 ? "the signoff was never requested" : plan.counts();
      boolean isTooLong = maxLag == 0 || lag.abs().compareTo(Duration.ofSeconds(maxLag)) > 0;
      boolean isAhead = lag.plusSeconds(1).isNegative();
      Verdict verdict = isTooLong ? Verdict.BEHIND : Verdict.LAGGING;
      String text =
          !isTooLong
              ? "Records are in sync except for %2$s (lag %1$d s)."
              : isAhead ? "since a change dated %3$d s ahead, %2$s" : "for %1$d s, %2$s";
      Duration shown = lag.isNegative() ? Duration.ZERO : lag;
      String all = text.formatted(shown.toSeconds(), lacking, lag.abs().toSeconds());
      return outcome(verdict, all, null, shown);
    }

    private Outcome outcome(Verdict verdict, String text) {
      return outcome(verdict, text, null, null);
    }

    private Outcome outcome(Verdict verdict, String text, String hint, Duration lag) {
      Advice advice = verdict.advice == null ? null : verdict.advice.or(hint);
      return new Outcome(
          mapping, plan, List.copyOf(requests), verdict, text, appliedCount(), advice, lag);
    }
  }

  // ---- outcome and rendering

  /** The verdict on one copy. */
  enum Verdict {
    IN_SYNC("in sync", Status.GOOD),
    APPLIED("applied", Status.GOOD), // and there is nothing to sign
    REVIEW_REQUESTED("review requested", Status.GOOD),
    SIGNED("signed", Status.GOOD),
    PLANNED("planned", Status.GOOD), // by a dry run, instead of the three above
    LAGGING("lagging", Status.GOOD), // behind, but within --max-lag
    BEHIND("BEHIND", Status.BAD, "does the job run? see the output of its last runs"),
    /** It has the right records, but somebody has to look at it. */
    WAITING(
        "waiting",
        Status.BAD,
        "ask whoever it waits for to decide: nothing is overwritten until then"),
    /** It was refused, or only a part was done. */
    NO_VERDICT("NO VERDICT", Status.UNKNOWN, "run the command again: it continues from there");

    final String word;
    final Status status;
    final Advice advice; // null if it is good

    Verdict(String word, Status status) {
      this(word, status, null);
    }

    Verdict(String word, Status status, String hint) {
      this.word = word;
      this.status = status;
      this.advice =
          hint == null ? null : new Advice(Advice.slug(this), hint, Runbook.BACKPORT_BEHIND);
    }
  }

  /**
   * The outcome of one copy.
   *
   * @param requests that were sent, for the JSON document
   * @param text the whole line if the status is good, otherwise the reason
   * @param changes number of applied changes
   * @param advice what to do about it; null if it is good
   * @param lag how long the destination is behind, or null
   */
  record Outcome(
      Mapping mapping,
      Plan plan,
      List<Object> requests,
      Verdict verdict,
      String text,
      int changes,
      Advice advice,
      Duration lag) {}

  private void show(Outcome outcome, Tally tally) {
    List<Change> changes = outcome.plan().all();
    if (dryRun) {
      for (int i = 0; i < changes.size(); i++) {
        RecordWrite write = changes.get(i).at(outcome.mapping().destination());
        List<Field> fields = changes.get(i).fields();
        report.heading(
            write.line(i) + (fields.isEmpty() ? "" : " (" + RecordDiff.text(fields) + ")"));
      }
    }
    report.result(outcome.verdict().status, text(outcome), json(outcome));
    if (outcome.verdict() == Verdict.BEHIND) {
      report
          .some(changes, backport_records::described)
          .forEach(line -> report.details(" - " + line));
    }
    tally.add(
        outcome.mapping().destination().name(),
        outcome.verdict().status,
        outcome.verdict().word,
        outcome.verdict() == Verdict.BEHIND ? "behind " + outcome.text() : outcome.text(),
        outcome.advice());
  }

  private String text(Outcome outcome) {
    String start = Display.clean(outcome.mapping().name()) + ": ";
    String applied = outcome.changes() == 0 ? "" : outcome.changes() + " changes applied, ";
    return switch (outcome.verdict()) {
      case BEHIND -> start + report.word(Status.BAD, "BEHIND") + " " + outcome.text();
      case WAITING -> start + applied + outcome.text();
      case NO_VERDICT -> start + report.noVerdict(outcome.text());
      default -> outcome.text();
    };
  }

  private static String described(Change change) {
    String what =
        change.record() == null
            ? "extra"
            : change.timestamp() == 0
                ? "missing"
                : "differs in " + RecordDiff.text(change.fields());
    return Display.clean(change.id() + " " + what);
  }

  private static Map<String, Object> json(Outcome outcome) {
    Verdict verdict = outcome.verdict();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("source", outcome.mapping().source().json());
    json.put("filters", outcome.mapping().filters().parameters());
    json.put("destination", outcome.mapping().destination().json());
    json.put("status", verdict.word.replace(' ', '-').toLowerCase(Locale.ROOT));
    json.put("create", ids(outcome.plan().toCreate()));
    json.put("update", ids(outcome.plan().toUpdate()));
    json.put("delete", ids(outcome.plan().toDelete()));
    json.put("requests", outcome.requests());
    if (outcome.lag() != null) {
      json.put("lag_seconds", outcome.lag().toSeconds());
    } else if (verdict.status != Status.GOOD) {
      json.put("reason", Display.line(outcome.text()));
    }
    if (outcome.advice() != null) {
      outcome.advice().addTo(json);
    }
    return json;
  }

  private static List<String> ids(List<Change> changes) {
    return changes.stream().map(change -> Display.clean(change.id())).toList();
  }

  // ---- converters: each message completes "VALUE is not …"

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
        object.forEach((key, given) -> {
          String name = key.toString();
          List<?> values = given instanceof List<?> list ? list : Collections.singletonList(given);
          checkFilter(name, values);
          parameters.put(name, values.stream().map(one -> text(name, one)).toList());
        });
      } catch (BadJson e) {
        throw new TypeConversionException(FORM);
      }
      return new Filters(parameters);
    }

    private static String text(String name, Object value) {
      if (value instanceof String || value instanceof Number || value instanceof Boolean) {
        return value.toString();
      }
      throw new TypeConversionException(
          FORM + ": the value of %s is not a string, number or boolean".formatted(name));
    }
  }
}
