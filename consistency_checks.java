///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Check that source, preview and destination of each signed collection agree with its status.
//DOCS docs/consistency_checks.md
//JAVA 25+
//SOURCES common/Advice.java common/Changesets.java common/Display.java common/GeneralSettings.java
//SOURCES common/Http.java common/InOrder.java common/Place.java common/RecordDiff.java
//SOURCES common/RemoteSettings.java common/Report.java common/Runner.java common/Secret.java
//SOURCES common/Selection.java common/ServerException.java common/ServerInfo.java
//SOURCES common/ServerSettings.java common/SignedResources.java common/Surroundings.java
//SOURCES common/Tally.java common/UsageException.java
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m

import common.Advice;
import common.Advice.Runbook;
import common.Changesets.Changeset;
import common.Changesets.SignedRecord;
import common.Display;
import common.GeneralSettings;
import common.Http;
import common.InOrder;
import common.Place;
import common.RecordDiff;
import common.RecordDiff.Field;
import common.RemoteSettings;
import common.RemoteSettings.Announced;
import common.Report;
import common.Report.Status;
import common.Runner;
import common.Secret;
import common.Selection;
import common.ServerException;
import common.ServerInfo;
import common.ServerSettings;
import common.SignedResources;
import common.SignedResources.SignedResource;
import common.Surroundings;
import common.Tally;
import common.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The rule: while the status is {@code signed}, source, preview and destination have the same
 * records; while it is {@code to-review}, source and preview do.
 *
 * <p>For a collection that breaks the rule, the command prints {@code ERROR} and each difference:
 * where, which record, and what. A difference counts only if it is there when everything is read
 * again, because a change may have been in flight. More things are findings: published metadata
 * that a signed source and its destination do not share, a signed source whose destination should
 * be announced and is not, and an announced collection that no signed resource publishes. A
 * collection that is being edited is skipped; one whose source cannot be read has no verdict.
 *
 * <p>Spec: docs/specification.md, <i>consistency_checks</i>.
 *
 * <pre>main/fxmonitor-breaches SKIP (work-in-progress)</pre>
 */
@Command(
    name = "consistency_checks",
    description = {
      "Check that source, preview and destination of each signed collection agree with its status.",
      "While the status is signed, all three must have the same records; while it is to-review,"
          + " source and preview must."
    },
    footerHeading = "Example, for the server that ./jbang local_server --sample starts:",
    footer = "AUTH=editor:editor consistency_checks --only 'main/*'")
public class consistency_checks implements Runner.Command {

  @Mixin ServerSettings server;
  @Mixin Selection selection;

  @Option(
      names = "--auth-file",
      paramLabel = "FILE",
      description =
          "credentials of an account that may read the sources: user:pass, a token, or TYPE"
              + " TOKEN; the option names a file with them (- is stdin)")
  Secret auth;

  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new consistency_checks(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  private ServerInfo writer;

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    try (Http http = server.http(surroundings, report)) {
      RemoteSettings remote = server.remote(http);
      report.server(server.url());
      if (auth != null) {
        http.authorize(server.url(), general.authorization(auth, server.url()));
      }
      writer = server.writer(remote, "AUTH", auth);
      report.heading("Read collection list from " + selection.path());
      List<Announced> all = selection.all(remote, report);
      List<Announced> announced =
          all.stream().filter(entry -> selection.selects(entry.name())).toList();
      List<Check> checks = new ArrayList<>(ofAnnounced(announced, writer.signed()));
      if (!all.isEmpty()) {
        checks.addAll(ofUnannounced(all, remote, report));
      }
      checks.sort(Comparator.comparing(Check::place, BY_BUCKET_AND_COLLECTION));
      if (checks.isEmpty()) {
        throw new UsageException(
            "none of %d collections is a destination of a signed source: nothing was compared"
                .formatted(selection.select(all, "compared").size()),
            "a preview is compared along with its destination: select the destination");
      }
      selection.warnOfUnmatched(
          Stream.concat(
                  all.stream()
                      .map(Announced::place)
                      .filter(place -> writer.signed().ofPreview(place).isEmpty()),
                  checks.stream().map(Check::place))
              .map(Place::name)
              .toList(),
          report);
      Published published = new Published(writer.signed(), remote);
      String exclude =
          checks.stream()
              .filter(Unannounced.class::isInstance)
              .map(check -> check.place().name())
              .collect(Collectors.joining(","));
      Tally tally = new Tally("collection", checks.size(), "OK", "SKIP", "ERROR", "NO VERDICT");
      InOrder.run(
          report,
          checks,
          server.collectionsAtOnce(),
          check -> new Outcome(check.place(), judge(check, remote, published)),
          (check, reason) -> new Outcome(check.place(), new NoVerdict(reason, Advice.UNEXPECTED)),
          outcome -> show(outcome, exclude, tally, report),
          () -> tally.interrupted(report));
      published.warn(report);
      tally.tellCauses(report);
      report.summary(tally.counts());
      tally.tell(report, Status.BAD, "Inconsistent: %s");
      tally.tell(report, Status.UNKNOWN, "No verdict on %s");
    }
  }

  // ---- core: values in, values out

  /** A check of one collection. */
  sealed interface Check {
    Place place();
  }

  /** The three have to be read and compared. */
  record Compare(Announced entry, SignedResource resource) implements Check {
    @Override
    public Place place() {
      return entry.place();
    }
  }

  /** There is nothing left to read. */
  record Judged(Place place, Judgement judgement) implements Check {}

  /** The source is signed, but the list does not announce its destination. */
  record Unannounced(Place place, SignedResource resource, String list) implements Check {}

  private static final Comparator<Place> BY_BUCKET_AND_COLLECTION =
      Comparator.comparing(Place::bucket).thenComparing(Place::collection);

  /** The judgement on one collection. */
  sealed interface Judgement {}

  /** All have the same records. */
  record Consistent() implements Judgement {}

  /** There is nothing to compare, for example while the source is being edited. */
  record Skipped(String why) implements Judgement {}

  /**
   * The collection breaks the rule.
   *
   * @param problems of the collection as a whole
   */
  record Inconsistent(Finding finding, List<String> problems, List<Difference> differences)
      implements Judgement {
    Inconsistent(Finding finding, String problem) {
      this(finding, List.of(problem), List.of());
    }
  }

  /** What is wrong with a collection, and what to do about it. */
  enum Finding {
    NOT_A_DESTINATION("is SERVER the writer? if so, ask who configures its signed resources"),
    NOT_ANNOUNCED("left out on purpose? --exclude %s"),
    SOURCE_GONE("create the source again, or delete the records of its destination, too"),
    STATUS_ODD("wait for the server to finish; if it stays, sign again", Runbook.REFRESH_FAILED),
    NOT_READABLE("check that the collection exists and that everyone may read it"),
    PUBLISHED_DIFFERS("see that the source is right, then request a review to publish it again");

    final Advice advice;

    Finding(String hint) {
      this(hint, Runbook.PUBLISHED_DIFFERS);
    }

    Finding(String hint, Runbook page) {
      advice = new Advice(Advice.slug(this), hint, page);
    }

    /** What to do about this collection, or about several, comma separated. */
    Advice about(String names) {
      return advice.or(advice.hint().replace("%s", names));
    }
  }

  /** The collection could not be judged. */
  record NoVerdict(String reason, Advice advice) implements Judgement {}

  record Outcome(Place place, Judgement judgement) {}

  /**
   * A record that differs between two places.
   *
   * @param where {@code source → preview}, for example
   */
  record Difference(String where, RecordDiff.Difference record) {}

  /**
   * A check for each announced collection; a preview is compared along with its destination. A
   * collection that no signed resource publishes breaks the rule.
   */
  private static List<Check> ofAnnounced(List<Announced> announced, SignedResources resources) {
    List<Check> checks = new ArrayList<>();
    for (Announced entry : announced) {
      Place place = entry.place();
      Optional<SignedResource> resource = resources.ofDestination(place);
      if (entry.problem() != null) {
        checks.add(new Judged(place, new NoVerdict(entry.problem(), Advice.ODD_ENTRY)));
      } else if (resource.isPresent()) {
        checks.add(new Compare(entry, resource.get()));
      } else if (resources.ofPreview(place).isEmpty()) {
        checks.add(
            new Judged(
                place,
                new Inconsistent(
                    Finding.NOT_A_DESTINATION,
                    "announced, but not the destination of any signed resource")));
      }
    }
    return checks;
  }

  /**
   * Compares the sides that the status of the source asks for.
   *
   * @param preview null if the resource has none
   * @param destination null if the status does not ask for it
   */
  static Judgement judge(Map<String, Object> source, Side from, Side preview, Side destination) {
    if (!source.containsKey("status")) {
      return new Inconsistent(Finding.STATUS_ODD, "\"status\" attribute missing");
    }
    String status = Objects.toString(source.get("status"), "signed"); // or never signed
    return switch (status) {
      case "work-in-progress" -> new Skipped("work-in-progress");
      case "to-review" ->
          preview == null ? new Skipped("to-review") : compared(List.of(from, preview));
      case "signed" -> compared(present(from, preview, destination));
      default ->
          new Inconsistent(Finding.STATUS_ODD, "the status is %s".formatted(Display.brief(status)));
    };
  }

  /** What the server copies from a source to its preview and destination when it signs them. */
  private static final List<String> PUBLISHED_METADATA =
      List.of("displayFields", "sort", "attachment", "schema", "flags");

  /** The published metadata that a signed source and its destination do not share. */
  static List<Field> metadataDifferences(Side source, Side destination) {
    return "signed".equals(source.metadata().get("status")) && destination.unreadable() == null
        ? RecordDiff.fields(source.metadata(), destination.metadata(), PUBLISHED_METADATA)
        : List.of();
  }

  /** The same judgement, with differing metadata as one more problem. */
  private static Judgement with(List<Field> metadata, Judgement judgement) {
    if (metadata.isEmpty()) {
      return judgement;
    }
    String problem = "source → destination: metadata differ in " + RecordDiff.text(metadata);
    return judgement
            instanceof
            Inconsistent(Finding finding, List<String> problems, List<Difference> records)
        ? new Inconsistent(
            finding, Stream.concat(Stream.of(problem), problems.stream()).toList(), records)
        : new Inconsistent(Finding.PUBLISHED_DIFFERS, problem);
  }

  /** Whether the status asks for a destination with the same records. */
  private static boolean isPublished(Map<String, Object> source) {
    return source.containsKey("status")
        && (source.get("status") == null || "signed".equals(source.get("status")));
  }

  private static List<Side> present(Side... sides) {
    return Arrays.stream(sides).filter(Objects::nonNull).toList();
  }

  /**
   * One of source, preview, destination.
   *
   * @param records by their id
   * @param metadata of the collection, plain values
   * @param unreadable why it cannot be read, or null
   */
  record Side(
      String name, Map<String, byte[]> records, Map<String, Object> metadata, String unreadable) {

    static Side of(String name, List<SignedRecord> records, Map<String, Object> metadata) {
      return new Side(name, RecordDiff.byId(records), metadata, null);
    }

    static Side unreadable(String name, String reason) {
      return new Side(name, Map.of(), Map.of(), reason);
    }
  }

  /** Compares each side with the next one that can be read. */
  private static Judgement compared(List<Side> sides) {
    List<String> problems = new ArrayList<>();
    List<Difference> differences = new ArrayList<>();
    Side left = sides.getFirst();
    for (Side right : sides.subList(1, sides.size())) {
      if (right.unreadable() != null) {
        problems.add("%s: not readable: %s".formatted(right.name(), right.unreadable()));
      } else {
        differences.addAll(differences(left, right));
        left = right;
      }
    }
    return problems.isEmpty() && differences.isEmpty()
        ? new Consistent()
        : new Inconsistent(
            problems.isEmpty() ? Finding.PUBLISHED_DIFFERS : Finding.NOT_READABLE,
            problems,
            differences);
  }

  static List<Difference> differences(Side left, Side right) {
    String where = left.name() + " → " + right.name();
    return RecordDiff.differences(left.records(), right.records()).stream()
        .map(difference -> new Difference(where, difference))
        .toList();
  }

  // ---- reading

  /** A check for each signed source with a destination that exists but is not announced. */
  private List<Check> ofUnannounced(List<Announced> all, RemoteSettings remote, Report report) {
    SignedResources resources = writer.signed();
    Set<Place> announced = places(all);
    Set<String> selectedBuckets = new TreeSet<>(); // with a source of a selected collection
    for (Announced entry : all) {
      if (selection.selects(entry.name())) {
        resources
            .ofDestination(entry.place())
            .ifPresent(resource -> selectedBuckets.add(resource.source().bucket()));
      }
    }
    Map<Place, SignedResource> missing = new LinkedHashMap<>();
    List<Check> checks = new ArrayList<>();
    for (String bucket : buckets(resources, SignedResource::source)) {
      try {
        remote
            .collections(bucket)
            .forEach((name, attributes) ->
                resources
                    .ofSource(new Place(bucket, name))
                    .filter(_ -> "signed".equals(attributes.get("status")))
                    .filter(resource -> !announced.contains(resource.destination()))
                    .filter(resource -> selection.selects(resource.destination().name()))
                    .ifPresent(resource -> missing.put(resource.destination(), resource)));
      } catch (ServerException e) {
        if (e.status() != 404 && (!selection.isNarrow() || selectedBuckets.contains(bucket))) {
          Place wholeBucket = new Place(bucket, "*");
          checks.add(new Judged(wholeBucket, unreadable(wholeBucket, e)));
        }
      }
    }
    Set<Place> announcedMeanwhile = missing.isEmpty() ? Set.of() : announcedNow(remote, report);
    missing.keySet().removeAll(announcedMeanwhile);
    missing.forEach((destination, resource) ->
        unannounced(destination, resource, remote).ifPresent(checks::add));
    return checks;
  }

  /** What is announced now; empty if the list cannot be read again. */
  private Set<Place> announcedNow(RemoteSettings remote, Report report) {
    try {
      return places(selection.all(remote, report));
    } catch (ServerException e) {
      report.error("cannot read the list again: " + e.getMessage(), e.advice());
      return Set.of();
    }
  }

  /**
   * A check of a destination that is not announced; empty if clients cannot read it, like that of a
   * source that was never signed. One that the server does not mean to announce is compared.
   */
  private Optional<Check> unannounced(
      Place destination, SignedResource resource, RemoteSettings remote) {
    try {
      remote.metadata(destination.path());
      return Optional.of(
          writer.monitors(destination)
              ? new Unannounced(destination, resource, selection.path())
              : new Compare(
                  new Announced(destination.bucket(), destination.collection(), 0, null),
                  resource));
    } catch (ServerException e) {
      return e.isNotReadable()
          ? Optional.empty()
          : Optional.of(
              new Judged(destination, new NoVerdict("destination: " + e.reason(), e.advice())));
    }
  }

  private static Set<Place> places(List<Announced> entries) {
    return entries.stream().map(Announced::place).collect(Collectors.toSet());
  }

  private Judgement judge(Check check, RemoteSettings remote, Published published) {
    return switch (check) {
      case Judged(_, Judgement judgement) -> judgement;
      case Unannounced(Place place, SignedResource resource, String list) ->
          new Inconsistent(
              Finding.NOT_ANNOUNCED,
              "source %s is signed, but %s is not announced in %s"
                  .formatted(resource.source().name(), place.name(), list));
      case Compare(Announced entry, SignedResource resource) -> {
        Judgement judgement =
            read(entry, resource, () -> remote.changeset(entry), remote, published);
        // read again, because a change may have been in flight
        yield judgement instanceof Inconsistent
            ? read(entry, resource, () -> remote.fresh(entry.place()), remote, published)
            : judgement;
      }
    };
  }

  /**
   * Which metadata the server publishes at all: an older one leaves out {@code flags}, say, which
   * is no fault of any collection. The destinations are listed when that is first asked for.
   */
  private static final class Published {
    private final SignedResources resources;
    private final RemoteSettings remote;
    private final Set<String> nowhere = new ConcurrentSkipListSet<>();
    private Set<String> names;
    private ServerException failure; // of a list of destinations, or null

    Published(SignedResources resources, RemoteSettings remote) {
      this.resources = resources;
      this.remote = remote;
    }

    /** The differences, but for what no destination has; that is remembered for a warning. */
    List<Field> among(List<Field> differences) throws ServerException {
      List<Field> published = new ArrayList<>();
      for (Field field : differences) {
        if (field.right() != null || isSomewhere(field.name())) {
          published.add(field);
        } else {
          nowhere.add(field.name());
        }
      }
      return published;
    }

    /** Whether a destination has an attribute of that name. */
    private synchronized boolean isSomewhere(String name) throws ServerException {
      if (names == null) {
        names = new TreeSet<>();
        for (String bucket : buckets(resources, SignedResource::destination)) {
          try {
            remote.collections(bucket).values().forEach(it -> names.addAll(it.keySet()));
          } catch (ServerException e) {
            failure = e.isNotReadable() ? failure : e;
          }
        }
      }
      if (failure != null && !names.contains(name)) {
        throw failure.of("destinations");
      }
      return names.contains(name);
    }

    void warn(Report report) {
      if (!nowhere.isEmpty()) {
        report.warn(
            "no destination has %s, though sources do: this server does not publish it"
                .formatted(String.join(", ", nowhere)));
      }
    }
  }

  private static Set<String> buckets(
      SignedResources resources, Function<SignedResource, Place> end) {
    return resources.all().stream()
        .map(resource -> end.apply(resource).bucket())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private interface Read {
    Changeset changeset() throws ServerException;
  }

  private Judgement read(
      Announced entry,
      SignedResource resource,
      Read read,
      RemoteSettings remote,
      Published published) {
    Changeset source;
    try {
      source = whole(resource.source(), remote);
    } catch (ServerException e) {
      return e.status() == 404
          ? withoutSource(entry, resource.source(), remote)
          : unreadable(resource.source(), e);
    }
    try {
      Side from = Side.of("source", source.records(), source.metadata());
      boolean isReviewed = "to-review".equals(source.metadata().get("status"));
      boolean isPublished = isPublished(source.metadata());
      Side preview =
          resource.preview() != null && (isReviewed || isPublished)
              ? side("preview", () -> whole(resource.preview(), remote))
              : null;
      if (preview != null
          && preview.unreadable() != null
          && source.records().isEmpty()
          && source.metadata().get("status") == null) {
        preview = null; // created only when the source is first signed
      }
      Side destination =
          isPublished
              ? side("destination", () -> remote.whole(entry.place(), read.changeset()))
              : null;
      Judgement judgement = judge(source.metadata(), from, preview, destination);
      return destination == null
          ? judgement
          : with(published.among(metadataDifferences(from, destination)), judgement);
    } catch (ServerException e) {
      return new NoVerdict(e.reason(), e.advice());
    }
  }

  /** Reads all records of a collection, past the caches. */
  private static Changeset whole(Place collection, RemoteSettings remote) throws ServerException {
    return remote.whole(collection, remote.fresh(collection));
  }

  /** When a source is deleted, its destination is emptied but stays announced. */
  private static Judgement withoutSource(Announced entry, Place source, RemoteSettings remote) {
    try {
      Side destination = side("destination", () -> whole(entry.place(), remote));
      int records = destination.records().size();
      return destination.unreadable() != null
          ? compared(List.of(Side.of("source", List.of(), Map.of()), destination))
          : records == 0
              ? new Skipped("source deleted")
              : new Inconsistent(
                  Finding.SOURCE_GONE,
                  "source %s is gone, destination has %d records"
                      .formatted(source.name(), records));
    } catch (ServerException e) {
      return new NoVerdict(e.reason(), e.advice());
    }
  }

  /** A side that clients may not read is a finding; any other failure leaves no verdict. */
  private static Side side(String name, Read read) throws ServerException {
    try {
      Changeset changeset = read.changeset();
      return Side.of(name, changeset.records(), changeset.metadata());
    } catch (ServerException e) {
      if (e.isNotReadable()) {
        return Side.unreadable(name, e.reason());
      }
      throw e.of(name);
    }
  }

  /** Why the source, or a bucket of sources, cannot be read. */
  private NoVerdict unreadable(Place source, ServerException e) {
    return switch (e.status()) {
      case 401, 403 ->
          auth == null
              ? new NoVerdict(
                  "%d, set AUTH".formatted(e.status()),
                  e.advice().or("set AUTH to an account that may read the sources"))
              : new NoVerdict(
                  "%d, set AUTH to an account that may read %s"
                      .formatted(e.status(), source.name()),
                  e.advice().or(writer.toSet(auth) + " to one that may read the sources"));
      default -> new NoVerdict("source: " + e.reason(), e.advice());
    };
  }

  // ---- rendering

  private void show(Outcome outcome, String unannounced, Tally tally, Report report) {
    String place = outcome.place().name();
    String name = Display.name(place);
    Map<String, Object> json = outcome.place().json();
    switch (outcome.judgement()) {
      case Consistent _ -> {
        tally.add(place, Status.GOOD, "OK", null, null);
        json.put("status", "ok");
        report.result(Status.GOOD, name + " " + report.word(Status.GOOD, "OK"), json);
      }
      case Skipped(String why) -> {
        tally.add(place, Status.GOOD, "SKIP", null, null);
        json.put("status", "skip");
        json.put("reason", why);
        report.result(Status.GOOD, "%s SKIP (%s)".formatted(name, why), json);
      }
      case NoVerdict(String reason, Advice advice) -> {
        tally.addNoVerdict(place, reason, advice, json);
        report.result(Status.UNKNOWN, name + " " + report.noVerdict(reason), json);
      }
      case Inconsistent inconsistent -> {
        List<String> lines = new ArrayList<>(inconsistent.problems());
        lines.addAll(report.some(inconsistent.differences(), consistency_checks::line));
        Finding finding = inconsistent.finding();
        tally.add(place, Status.BAD, "ERROR", String.join("; ", lines), finding.about(unannounced));
        json.put("status", "bad");
        json.put("problems", inconsistent.problems().stream().map(Display::clean).toList());
        json.put(
            "differences",
            inconsistent.differences().stream().map(consistency_checks::json).toList());
        finding.about(place).addTo(json);
        report.result(Status.BAD, name + " " + report.word(Status.BAD, "ERROR"), json);
        lines.forEach(line -> report.details(" - " + Display.clean(line)));
      }
    }
  }

  private static String line(Difference difference) {
    RecordDiff.Difference record = difference.record();
    String what =
        switch (record.what()) {
          case MISSING -> "missing";
          case EXTRA -> "extra";
          case DIFFERS -> "differs in " + RecordDiff.text(record.fields());
        };
    return "%s: %s %s".formatted(difference.where(), record.id(), what);
  }

  private static Map<String, Object> json(Difference difference) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("where", difference.where());
    json.put("id", Display.clean(difference.record().id()));
    json.put("what", difference.record().what().name().toLowerCase(Locale.ROOT));
    Map<String, Object> fields = new LinkedHashMap<>();
    for (Field field : difference.record().fields()) {
      fields.put(field.name(), Arrays.asList(field.left(), field.right()));
    }
    json.put("fields", fields);
    return json;
  }
}
