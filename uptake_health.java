///usr/bin/env jbang "$0" "$@" ; exit $?
//DESCRIPTION Alert on the error rates that clients report for each source of settings.
//DOCS docs/uptake_health.md
//JAVA 25+
//SOURCES common/Advice.java common/Display.java common/GeneralSettings.java common/HelpGroup.java
//SOURCES common/Http.java common/Json.java common/NamePattern.java common/RedashResult.java
//SOURCES common/Report.java common/RequestSettings.java common/Runner.java common/Secret.java
//SOURCES common/ServerException.java common/Surroundings.java common/Tally.java
//SOURCES common/UnexpectedBody.java common/Urls.java common/UsageException.java common/Values.java
//SOURCES common/pages/HtmlPages.java
//FILES templates/layout.html=templates/layout.html
//FILES templates/style.css=templates/style.css
//FILES templates/uptake.css=templates/uptake.css
//FILES templates/uptake.html=templates/uptake.html
//DEPS info.picocli:picocli:4.7.7
//COMPILE_OPTIONS -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmn16m

import common.Advice;
import common.Advice.Runbook;
import common.Display;
import common.GeneralSettings;
import common.HelpGroup;
import common.Http;
import common.Json.BadJson;
import common.NamePattern;
import common.RedashResult;
import common.RedashResult.NoData;
import common.Report;
import common.Report.Status;
import common.RequestSettings;
import common.Runner;
import common.Secret;
import common.ServerException;
import common.Surroundings;
import common.Tally;
import common.UsageException;
import common.Values;
import common.Values.CountConverter;
import common.Values.SecondsConverter;
import common.pages.HtmlPages;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * The rule: the error rate that clients report for a source of settings is not over the threshold
 * of that source.
 *
 * <p>The command reads the result of a Redash query over Telemetry: how often clients reported each
 * status of each source. A status that ends in {@code _error} is bad, all others are good. The
 * error rate is the share of bad ones. A source over its threshold is a finding, with its bad
 * statuses. A source with few entries proves nothing and is skipped. Data that is old, empty or
 * unreadable gives no verdict.
 *
 * <p>Spec: docs/specification.md, <i>uptake_health</i>.
 *
 * <pre>
 * blocklists/addons                        (good: 1,027,245 bad:    11,081)               1.07%
 * </pre>
 */
@Command(
    name = uptake_health.NAME,
    description = {
      "Alert on the error rates that clients report for each source of settings.",
      "The error rate that clients report for a source must not be over the source's threshold."
    },
    footerHeading = "Example, for a saved result, in a clone of the repository:",
    footer = "uptake_health --input server/sample/uptake.json --html uptake.html")
public class uptake_health implements Runner.Command {

  static final String NAME = "uptake_health";

  @Option(
      names = "--redash-api-key-file",
      paramLabel = "FILE",
      description =
          "required without --input: API key of the query, or of a user who may see it; the"
              + " option names a file with it (- is stdin)")
  Secret redashApiKey;

  @Option(
      names = "--redash-api-query-url",
      paramLabel = "URL",
      defaultValue = "https://sql.telemetry.mozilla.org/api/queries/61352/results.json",
      converter = QueryUrlConverter.class,
      description = "address of the query's newest result, as JSON; must not contain api_key=")
  @HelpGroup(HelpGroup.Title.SERVER)
  URI redashApiQueryUrl;

  @Option(
      names = "--redash-timeout-seconds",
      paramLabel = "SECONDS",
      defaultValue = "60",
      converter = SecondsConverter.class,
      description =
          "most seconds to wait for a connection to Redash, and for the next part of an"
              + " answer")
  @HelpGroup(HelpGroup.Title.REQUESTS)
  Duration redashTimeout;

  @Option(
      names = "--exclude-sources",
      paramLabel = "PATTERN",
      split = ",",
      defaultValue = "shield-recipe-client/*, normandy/*, main/url-classifier-skip-urls",
      description = "sources to leave out: shell patterns, comma separated; empty: none")
  List<String> excludeSources;

  @Option(
      names = "--min-total-entries",
      paramLabel = "COUNT",
      defaultValue = "1000",
      converter = CountConverter.class,
      description = "a source with fewer entries, good and bad together, is not judged")
  int minTotalEntries;

  @Option(
      names = "--default-error-threshold-percent",
      paramLabel = "PERCENT",
      defaultValue = "2.0",
      converter = PercentConverter.class,
      description = "a source with an error rate above this many percent is a finding")
  BigDecimal defaultThreshold;

  @Option(
      names = "--specific-error-threshold-percentages",
      paramLabel = "SOURCE=PERCENT",
      split = ";",
      description =
          "thresholds of single sources, in percent, separated by semicolons:"
              + " main/mycollection = 5.5; foo/bar= 12")
  List<String> specificThresholds;

  @Option(
      names = "--max-age",
      paramLabel = "DAYS",
      converter = DaysConverter.class,
      description =
          "no verdict if the data ends more than this many days ago; unset: 3, and no"
              + " limit with --input")
  Integer maxAge;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description = "judge the result saved in this file instead of asking Redash; - for stdin")
  String input;

  @Option(
      names = "--previous",
      paramLabel = "FILE",
      description = "also show the error rates of the earlier result that is saved in this file")
  String previous;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      converter = HtmlFileConverter.class,
      description = "also write a page with a chart to this file")
  Path html;

  @Option(
      names = "--requests-deadline-seconds",
      paramLabel = "SECONDS",
      converter = SecondsConverter.class,
      description =
          "most seconds for one attempt of a request as a whole; unset: twice"
              + " REDASH_TIMEOUT_SECONDS")
  @HelpGroup(HelpGroup.Title.REQUESTS)
  Duration requestsDeadline;

  @Mixin RequestSettings requests;
  @Mixin GeneralSettings general;

  public static void main(String[] args) {
    System.exit(Runner.execute(new uptake_health(), Surroundings.real(), args));
  }

  @Override
  public GeneralSettings general() {
    return general;
  }

  @Override
  public void run(Surroundings surroundings, Report report) throws Exception {
    Rules rules = rules(surroundings.clock().instant());
    Earlier earlier = earlier(surroundings.in(), report);
    try {
      Object result =
          input == null ? download(surroundings, report) : saved("INPUT", input, surroundings.in());
      List<Row> rows = withErrors(rows(report.masked(result)));
      Period period = Period.of(rows);
      List<Outcome> outcomes = judge(rows, rules);
      // the page and Sentry first, because the reader of stdout may leave before its end
      write(() -> page(outcomes, period, rules, earlier, null), report);
      Tally tally =
          new Tally("source", outcomes.size(), "OK", "SKIP", "EXCLUDED", "BAD", "NO VERDICT");
      for (Outcome it : outcomes) {
        Advice untold = it.verdict() == Verdict.BAD ? null : it.advice(); // explain() tells those
        tally.add(it.name(), it.verdict().status, it.verdict().toString(), it.reason(), untold);
      }
      tellSentry(outcomes, report);
      tally.tell(report, Status.UNKNOWN, "No verdict on %s");
      show(outcomes, period, earlier, report);
      warn(outcomes, period, rules, earlier, report);
      explain(findings(outcomes), earlier, report);
      tally.tellCauses(report);
      report.summary(tally.counts());
    } catch (NoData | ServerException e) {
      String problem = report.masked(e.getMessage());
      write(() -> page(List.of(), null, rules, Earlier.NONE, problem), report);
      throw e;
    }
  }

  // ---- core: values in, values out

  /** A row of the result: the reports for one source, or why they cannot be read. */
  sealed interface Row {
    String source();
  }

  /**
   * What clients reported for a source.
   *
   * @param counts of each status, in the order of the row
   */
  record Uptake(String source, Instant from, Instant to, Map<String, Long> counts) implements Row {

    static boolean isBad(String status) {
      return status.endsWith("_error");
    }

    long bad() {
      return sum(true);
    }

    long good() {
      return sum(false);
    }

    long total() {
      return Math.addExact(good(), bad());
    }

    private long sum(boolean bad) {
      return counts.keySet().stream()
          .filter(status -> isBad(status) == bad)
          .mapToLong(counts::get)
          .reduce(0, Math::addExact);
    }

    /** The error rate, computed as Python does, so that it is rounded the same. */
    double percent() {
      return 100.0 * bad() / total();
    }

    /** The share of a status in percent, computed the same way. */
    double percent(String status) {
      return (double) counts.get(status) / total() * 100;
    }

    boolean isOver(BigDecimal threshold) {
      return BigDecimal.valueOf(bad())
              .movePointRight(2)
              .compareTo(threshold.multiply(BigDecimal.valueOf(total())))
          > 0;
    }

    /** The bad statuses that were reported at all, the most frequent first. */
    List<String> badStatuses() {
      return counts.keySet().stream()
          .filter(status -> isBad(status) && counts.get(status) > 0)
          .sorted(Comparator.comparing(counts::get, Comparator.reverseOrder()))
          .toList();
    }
  }

  /** A row that cannot be read. */
  record Unreadable(String source, String reason) implements Row {}

  /** From the earliest to the latest time in the rows. */
  record Period(Instant from, Instant to) {

    /** Null if no row can be read. */
    static Period of(List<Row> rows) {
      List<Uptake> readable = readable(rows);
      return readable.isEmpty()
          ? null
          : new Period(
              Collections.min(readable.stream().map(Uptake::from).toList()),
              Collections.max(readable.stream().map(Uptake::to).toList()));
    }
  }

  private static List<Uptake> readable(List<Row> rows) {
    return rows.stream().filter(Uptake.class::isInstance).map(Uptake.class::cast).toList();
  }

  /**
   * What an earlier result says of the sources.
   *
   * @param to its latest time; null if there is no earlier result
   * @param percents the error rate of each source; null for one that had too few entries
   */
  record Earlier(Instant to, Map<String, Double> percents) {
    static final Earlier NONE = new Earlier(null, Map.of());

    /** Of several rows of a source, the one that ends last counts. */
    static Earlier of(List<Row> rows, long minTotal) {
      Map<String, Double> percents = new HashMap<>();
      rows.forEach(row -> percents.put(row.source(), null));
      readable(rows).stream()
          .filter(it -> it.total() > 0 && it.total() >= minTotal)
          .sorted(Comparator.comparing(Uptake::to))
          .forEach(it -> percents.put(it.source(), it.percent()));
      Period period = Period.of(rows);
      return new Earlier(period == null ? null : period.to(), percents);
    }

    /** The error rate of a source as it is shown; null if there is nothing to say. */
    String rate(String source) {
      Double percent = percents.get(source);
      return percent != null
          ? rounded(percent) + "%"
          : to != null && !percents.containsKey(source) ? "new" : null;
    }
  }

  /**
   * The rows of a result of Redash, {@code query_result.data.rows}.
   *
   * @param result as {@code Json.parse} returns it
   * @throws NoData if there are none
   */
  static List<Row> rows(Object result) throws NoData {
    List<?> rows = RedashResult.rows(result);
    List<Row> read = new ArrayList<>();
    for (Object row : rows) {
      read.add(row(row, "row " + (read.size() + 1)));
    }
    return read;
  }

  /** Refuses the result of another query, which would look healthy for lack of error statuses. */
  static List<Row> withErrors(List<Row> rows) throws NoData {
    List<Uptake> readable = readable(rows);
    if (!readable.isEmpty()
        && readable.stream()
            .flatMap(it -> it.counts().keySet().stream())
            .noneMatch(Uptake::isBad)) {
      throw new NoData("no row has a status that ends in _error", RedashResult.EXPECTED);
    }
    return rows;
  }

  /** Reads a row; the label names it if it has no source. */
  private static Row row(Object row, String label) {
    if (!(row instanceof Map<?, ?> members)) {
      return new Unreadable(label, "it is not an object");
    }
    if (!(members.get("source") instanceof String source) || source.isBlank()) {
      return new Unreadable(label, "it has no source");
    }
    try {
      Instant from = RedashResult.time(members, "min_timestamp");
      Instant to = RedashResult.time(members, "max_timestamp");
      if (from.isAfter(to)) {
        throw new IllegalArgumentException("min_timestamp is after max_timestamp");
      }
      Map<String, Long> counts = new LinkedHashMap<>();
      for (Map.Entry<?, ?> member : members.entrySet()) {
        String name = member.getKey().toString();
        if (!List.of("source", "min_timestamp", "max_timestamp").contains(name)) {
          counts.put(name, RedashResult.count(name, member.getValue()));
        }
      }
      Uptake uptake = new Uptake(source, from, to, Collections.unmodifiableMap(counts));
      uptake.total();
      return uptake;
    } catch (IllegalArgumentException e) {
      return new Unreadable(source, e.getMessage());
    } catch (ArithmeticException e) {
      return new Unreadable(source, "more entries than can be counted");
    }
  }

  /**
   * The settings of the rule.
   *
   * @param exclude shell patterns of sources that are not judged
   * @param minTotal entries that a source needs to be judged
   * @param threshold default threshold, in percent
   * @param thresholds thresholds of single sources, in percent
   * @param maxAge of the data, or null for any age
   */
  record Rules(
      List<String> exclude,
      long minTotal,
      BigDecimal threshold,
      Map<String, BigDecimal> thresholds,
      Duration maxAge,
      Instant now) {

    BigDecimal threshold(String source) {
      return thresholds.getOrDefault(source, threshold);
    }

    boolean isTooOld(Uptake uptake) {
      return maxAge != null && uptake.to().plus(maxAge).isBefore(now);
    }

    boolean isFuture(Uptake uptake) {
      return maxAge != null && uptake.to().isAfter(now.plus(Duration.ofDays(1)));
    }

    Outcome outcome(Row row, Verdict verdict, String reason) {
      return new Outcome(row, threshold(row.source()), verdict, reason);
    }
  }

  /** The verdict on one source. */
  enum Verdict {
    OK(Status.GOOD),
    BAD(Status.BAD), // the error rate is over the threshold
    SKIP(Status.GOOD), // too few entries
    EXCLUDED(Status.GOOD), // by EXCLUDE_SOURCES
    NO_VERDICT(Status.UNKNOWN);

    private final Status status;

    Verdict(Status status) {
      this.status = status;
    }

    /** As the summary shows it. */
    @Override
    public String toString() {
      return name().replace('_', ' ');
    }
  }

  static final Advice OVER_THRESHOLD =
      new Advice(
          "over-threshold",
          "see which error it is, and whether it was there yesterday",
          Runbook.UPTAKE_OVER_THRESHOLD);

  static final Advice UNREADABLE =
      new Advice("unreadable-row", "look at the result of the query in Redash", Runbook.NO_VERDICT);

  static final Advice OLD_DATA =
      new Advice(
          "wrong-period",
          "does the query run on its schedule in Redash? is this machine's clock right?",
          Runbook.NO_VERDICT);

  /**
   * The outcome for one source.
   *
   * @param threshold in percent
   * @param reason why the source was not judged, or null
   */
  record Outcome(Row row, BigDecimal threshold, Verdict verdict, String reason) {
    String source() {
      return row.source();
    }

    /** The source without control characters. */
    String name() {
      return Display.name(source());
    }

    /** What clients reported; only for a source that is judged. */
    Uptake uptake() {
      return (Uptake) row;
    }

    boolean isJudged() {
      return verdict == Verdict.OK || isFinding();
    }

    boolean isFinding() {
      return verdict == Verdict.BAD;
    }

    /** What to do about it; null if there is nothing. */
    Advice advice() {
      return switch (verdict) {
        case OK, SKIP, EXCLUDED -> null;
        case BAD -> OVER_THRESHOLD;
        case NO_VERDICT -> row instanceof Unreadable ? UNREADABLE : OLD_DATA;
      };
    }
  }

  /** Judges each row separately. */
  static List<Outcome> judge(List<Row> rows, Rules rules) {
    return rows.stream().map(row -> judge(row, rules)).toList();
  }

  private static Outcome judge(Row row, Rules rules) {
    for (String pattern : rules.exclude()) {
      if (NamePattern.matches(pattern, row.source())) {
        return rules.outcome(row, Verdict.EXCLUDED, excludedBy(pattern));
      }
    }
    return switch (row) {
      case Unreadable(_, String reason) -> rules.outcome(row, Verdict.NO_VERDICT, reason);
      case Uptake it when it.total() == 0 -> rules.outcome(row, Verdict.SKIP, "no entries");
      case Uptake it when it.total() < rules.minTotal() ->
          rules.outcome(
              row,
              Verdict.SKIP,
              "only %s of the required %s entries"
                  .formatted(grouped(it.total()), grouped(rules.minTotal())));
      case Uptake it when rules.isTooOld(it) ->
          rules.outcome(
              row,
              Verdict.NO_VERDICT,
              "its data ends %s, more than %d days ago (MAX_AGE)"
                  .formatted(utc(it.to()), rules.maxAge().toDays()));
      case Uptake it when rules.isFuture(it) ->
          rules.outcome(
              row, Verdict.NO_VERDICT, "its data ends %s, in the future".formatted(utc(it.to())));
      case Uptake it ->
          rules.outcome(
              row, it.isOver(rules.threshold(it.source())) ? Verdict.BAD : Verdict.OK, null);
    };
  }

  private static String excludedBy(String pattern) {
    return "excluded by " + pattern;
  }

  // ---- reading

  private Rules rules(Instant now) throws UsageException {
    Duration age =
        maxAge != null ? Duration.ofDays(maxAge) : input == null ? Duration.ofDays(3) : null;
    return new Rules(
        Values.entries(excludeSources),
        minTotalEntries,
        defaultThreshold,
        thresholds(Values.entries(specificThresholds)),
        age,
        now);
  }

  /** A source, which must not be a pattern or a list, and its threshold. */
  private static final Pattern THRESHOLD = Pattern.compile("([^\\s=,*?\\[\\]]+)\\s*=([^=]+)");

  /**
   * Thresholds of single sources.
   *
   * @param entries {@code SOURCE = PERCENT}
   */
  static Map<String, BigDecimal> thresholds(List<String> entries) throws UsageException {
    Map<String, BigDecimal> thresholds = new LinkedHashMap<>();
    for (String entry : entries) {
      Matcher threshold = THRESHOLD.matcher(entry);
      BigDecimal percent = threshold.matches() ? percent(threshold.group(2)) : null;
      if (percent == null) {
        throw new UsageException(
            "SPECIFIC_ERROR_THRESHOLD_PERCENTAGES: \"%s\" is not SOURCE = PERCENT, with 0 to 100"
                .formatted(entry),
            "separate them by semicolons, without %: main/cfr = 5.5; foo/bar = 12");
      }
      if (thresholds.put(threshold.group(1), percent) != null) {
        throw new UsageException(
            "SPECIFIC_ERROR_THRESHOLD_PERCENTAGES: %s is listed twice"
                .formatted(threshold.group(1)),
            null);
      }
    }
    return thresholds;
  }

  /** A percentage, or null. */
  private static BigDecimal percent(String text) {
    String digits = text.strip();
    return digits.matches("[0-9]{1,3}\\.?[0-9]{0,9}|\\.[0-9]{1,9}")
            && new BigDecimal(digits).compareTo(BigDecimal.valueOf(100)) <= 0
        ? new BigDecimal(digits)
        : null;
  }

  private Object download(Surroundings surroundings, Report report)
      throws UsageException, ServerException {
    if (redashApiKey == null) {
      throw new UsageException(
          "REDASH_API_KEY is not set", "set it, or judge a saved result with --input");
    }
    general.checkSafe(redashApiKey.label(), redashApiQueryUrl);
    Http.Names names = new Http.Names("REDASH_API_QUERY_URL", "REDASH_TIMEOUT_SECONDS");
    Duration deadline = requestsDeadline == null ? redashTimeout.multipliedBy(2) : requestsDeadline;
    try (Http http = requests.http(redashTimeout, deadline, 1, names, surroundings, report)) {
      authorize(http);
      return http.get(redashApiQueryUrl, requests.maxBytes(), RedashResult::parse).body();
    } catch (ServerException e) {
      throw e.withHint(hint(e));
    }
  }

  /** Sends the key in a header, never in the URL, which appears in logs. */
  private void authorize(Http http) throws UsageException {
    try {
      http.authorize(redashApiQueryUrl, "Key " + redashApiKey.reveal());
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          redashApiKey.label() + " holds a character that no header can carry",
          "is it only the key?");
    }
  }

  private String hint(ServerException failure) {
    if (failure.explanation().contains("No cached result")) {
      return "the query has not run yet: run it in Redash, or give it a schedule there";
    }
    boolean isRefusal =
        switch (failure.status()) {
          case 401, 403, 404 -> true;
          default -> failure.kind() == ServerException.Kind.WEB_PAGE;
        };
    return isRefusal
        ? "are %s and REDASH_API_QUERY_URL right?".formatted(redashApiKey.label())
        : failure.hint();
  }

  /** The result that {@code --previous} names. */
  private Earlier earlier(InputStream stdin, Report report) throws UsageException {
    if (previous == null) {
      return Earlier.NONE;
    }
    if (previous.equals("-") && previous.equals(input)) {
      throw new UsageException("INPUT and PREVIOUS are both stdin", "name a file for one of them");
    }
    try {
      Object result = saved("PREVIOUS", previous, stdin);
      return Earlier.of(withErrors(rows(report.masked(result))), minTotalEntries);
    } catch (NoData e) {
      throw new UsageException("PREVIOUS: " + e.getMessage(), e.hint());
    }
  }

  /** A result from a file, or from stdin. */
  private static Object saved(String setting, String file, InputStream stdin) throws NoData {
    String name = file.equals("-") ? "stdin" : file;
    try (InputStream in = file.equals("-") ? stdin : Files.newInputStream(Path.of(file))) {
      return RedashResult.parse(in);
    } catch (BadJson e) {
      throw new NoData("%s is not JSON: %s".formatted(name, e.getMessage()), null);
    } catch (InvalidPathException e) {
      throw new NoData("%s %s is not a file name".formatted(setting, file), null);
    } catch (IOException e) {
      throw new NoData("cannot read %s: %s".formatted(name, HtmlPages.reason(e)), null);
    }
  }

  // ---- rendering: lines

  private static final int MAX_EXPLAINED = 10;

  private static final DateTimeFormatter UTC =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);

  private static String utc(Instant time) {
    return UTC.format(time);
  }

  /** Prints the table, then the bad statuses of each finding. */
  private static void show(List<Outcome> outcomes, Period period, Earlier earlier, Report report) {
    if (period != null) {
      report.put("from", period.from().toString());
      report.put("to", period.to().toString());
      report.heading("📅 From %s to %s".formatted(utc(period.from()), utc(period.to())));
    }
    outcomes.forEach(outcome -> show(outcome, json(outcome, earlier), report));
    List<Outcome> findings = findings(outcomes);
    if (!findings.isEmpty()) {
      report.details("\n%d settings have a bad ratio over threshold.".formatted(findings.size()));
    }
    for (Outcome finding : findings) {
      report.details("\n%s\n%s".formatted(finding.name(), statuses(finding.uptake())));
    }
  }

  /** Prints the line of a source, unless it was skipped or excluded. */
  private static void show(Outcome outcome, Map<String, Object> json, Report report) {
    String line =
        switch (outcome.verdict()) {
          case OK, BAD -> line(outcome, report);
          case NO_VERDICT ->
              "%s %s".formatted(left(outcome.name(), 40), report.noVerdict(outcome.reason()));
          case SKIP, EXCLUDED -> null;
        };
    report.result(outcome.verdict().status, line, json);
    if (line == null) {
      String skipped = outcome.verdict() == Verdict.SKIP ? "skipped: " : "";
      report.note("%s %s%s".formatted(outcome.source(), skipped, outcome.reason()));
    }
  }

  private static String line(Outcome outcome, Report report) {
    Uptake uptake = outcome.uptake();
    String counts = "(good:%10s bad:%10s)".formatted(grouped(uptake.good()), grouped(uptake.bad()));
    String percent = "%10s%%".formatted(rounded(uptake.percent()));
    return "%s %s %s"
        .formatted(
            left(outcome.name(), 40),
            left(counts, 40),
            outcome.isFinding() ? report.word(Status.BAD, percent) : percent);
  }

  /** As Python rounds: the exact value of the number, ties to even. */
  private static String rounded(double percent) {
    return new BigDecimal(percent).setScale(2, RoundingMode.HALF_EVEN).toPlainString();
  }

  /** Without zeros at its end. */
  private static String plain(BigDecimal number) {
    return number.stripTrailingZeros().toPlainString();
  }

  /** With a comma between thousands, whatever the locale. */
  private static String grouped(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** Pads a text on the right; a longer text is not cut. */
  private static String left(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.codePointCount(0, text.length())));
  }

  /** Says more of the findings, with the hint to all of them. */
  private static void explain(List<Outcome> findings, Earlier earlier, Report report) {
    for (Outcome finding : findings.subList(0, Math.min(MAX_EXPLAINED, findings.size()))) {
      report.remark(explanation(finding, earlier.rate(finding.source())));
    }
    int more = findings.size() - MAX_EXPLAINED;
    if (more > 0) {
      report.remark("and %d more over their threshold".formatted(more));
    }
    if (!findings.isEmpty()) {
      report.hint(null, OVER_THRESHOLD);
    }
  }

  /** Says what may be wrong with the settings or the data. */
  private static void warn(
      List<Outcome> outcomes, Period period, Rules rules, Earlier earlier, Report report) {
    if (earlier.to() != null && period != null && !earlier.to().isBefore(period.to())) {
      report.warn(
          "PREVIOUS ends %s, which is not before the end of this result"
              .formatted(utc(earlier.to())));
    }
    Set<String> seen = new HashSet<>();
    List<String> repeated =
        outcomes.stream().map(Outcome::source).filter(it -> !seen.add(it)).distinct().toList();
    if (!repeated.isEmpty()) {
      report.warn("sources with several rows, each judged separately: " + Display.some(repeated));
    }
    for (String source : rules.thresholds().keySet()) {
      if (!seen.contains(source)) {
        report.warn("no row for %s: its threshold has no effect".formatted(source));
      }
    }
    for (String pattern : rules.exclude()) {
      if (outcomes.stream().noneMatch(it -> excludedBy(pattern).equals(it.reason()))) {
        report.note("%s excludes nothing".formatted(pattern));
      }
    }
    if (outcomes.stream().noneMatch(it -> it.isJudged() || it.verdict() == Verdict.NO_VERDICT)) {
      report.error(
          "no source was judged: all were left out", "check EXCLUDE_SOURCES and MIN_TOTAL_ENTRIES");
    }
  }

  private static String explanation(Outcome finding, String before) {
    return "%s: error rate %s%%, threshold %s%%%s"
        .formatted(
            finding.name(),
            rounded(finding.uptake().percent()),
            plain(finding.threshold()),
            before == null
                ? ""
                : before.equals("new")
                    ? ", not in the previous result"
                    : ", %s in the previous result".formatted(before));
  }

  private static List<Outcome> findings(List<Outcome> outcomes) {
    return outcomes.stream().filter(Outcome::isFinding).toList();
  }

  /** A bad status of a source, and its share of all entries. */
  public record Share(String status, String percent, String count) {}

  private static List<Share> shares(Uptake uptake) {
    return uptake.badStatuses().stream()
        .map(status ->
            new Share(
                Display.name(status),
                rounded(uptake.percent(status)) + "%",
                grouped(uptake.counts().get(status))))
        .toList();
  }

  /** A line for each bad status. */
  private static String statuses(Uptake uptake) {
    return shares(uptake).stream()
        .map(share ->
            "\t%s %s (%s)".formatted(left(share.status(), 16), share.percent(), share.count()))
        .collect(Collectors.joining("\n"));
  }

  private static Map<String, Object> json(Outcome outcome, Earlier earlier) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("source", outcome.name());
    json.put("status", Advice.slug(outcome.verdict()));
    if (outcome.row() instanceof Uptake uptake) {
      json.put("from", uptake.from().toString());
      json.put("to", uptake.to().toString());
      json.put("good", uptake.good());
      json.put("bad", uptake.bad());
      if (uptake.total() > 0) {
        json.put("error_percent", new BigDecimal(rounded(uptake.percent())));
      }
      json.put("threshold_percent", outcome.threshold());
      Double before = earlier.percents().get(outcome.source());
      if (before != null) {
        json.put("previous_error_percent", new BigDecimal(rounded(before)));
      }
      Map<String, Object> statuses = new LinkedHashMap<>();
      uptake.counts().forEach((status, count) -> statuses.put(Display.clean(status), count));
      json.put("statuses", statuses);
    }
    if (outcome.reason() != null) {
      json.put("reason", Display.line(outcome.reason()));
    }
    if (outcome.advice() != null) {
      outcome.advice().addTo(json);
    }
    return json;
  }

  /** Reports each source over its threshold to Sentry, with its bad statuses and the settings. */
  private void tellSentry(List<Outcome> outcomes, Report report) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("REDASH_API_QUERY_URL", redashApiQueryUrl.toString());
    settings.put("EXCLUDE_SOURCES", String.join(", ", Values.entries(excludeSources)));
    settings.put("MIN_TOTAL_ENTRIES", String.valueOf(minTotalEntries));
    settings.put("DEFAULT_ERROR_THRESHOLD_PERCENT", defaultThreshold.toPlainString());
    settings.put(
        "SPECIFIC_ERROR_THRESHOLD_PERCENTAGES",
        String.join("; ", Values.entries(specificThresholds)));
    for (Outcome finding : findings(outcomes)) {
      report.failedCheck(
          "erroring too much",
          finding.name(),
          "%s is erroring too much.\n%s".formatted(finding.name(), statuses(finding.uptake())),
          settings,
          finding.advice());
    }
  }

  // ---- rendering: the page

  /**
   * The scale of the chart. It uses square roots, so that 0, 0.1 and 10 percent can all be told
   * apart. Positions are percentages of its width.
   *
   * @param end the percentage at its right end
   */
  private record Scale(double end) {

    /** Possible marks, and possible ends, in percent. */
    static final List<Double> MARKS =
        List.of(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0);

    /** Width of a mark's label, in percent of the width of the scale. */
    static final double LABEL_WIDTH = 14;

    /** The shortest scale that shows a percentage from 0 to 100. */
    static Scale upTo(double percent) {
      return new Scale(MARKS.stream().filter(mark -> mark >= percent).findFirst().orElseThrow());
    }

    double exactPosition(double percent) {
      return Math.sqrt(percent / end) * 100;
    }

    /** Where a percentage is. */
    String position(double percent) {
      return String.format(Locale.ROOT, "%.2f%%", exactPosition(percent));
    }

    /** As many marks as fit, chosen from the end of the scale to its beginning. */
    List<Mark> marks() {
      List<Mark> marks = new ArrayList<>();
      double free = 100 + LABEL_WIDTH;
      for (double mark : MARKS.reversed()) {
        double position = exactPosition(mark);
        if (mark <= end && position <= free - LABEL_WIDTH && position >= LABEL_WIDTH) {
          marks.addFirst(new Mark(plain(BigDecimal.valueOf(mark)) + "%", position(mark)));
          free = position;
        }
      }
      marks.addFirst(new Mark("0", "0%"));
      return marks;
    }
  }

  /** A mark of the scale. */
  public record Mark(String label, String position) {}

  /**
   * A bar of the chart; positions are those of its scale.
   *
   * @param before the error rate in the earlier result, or null
   * @param threshold null if it is the default
   * @param place the source if it is a collection's name, else null
   * @param shares of the bad statuses
   */
  public record Bar(
      List<String> source,
      String percent,
      String before,
      String threshold,
      String good,
      String bad,
      boolean over,
      String end,
      String mark,
      String place,
      List<Share> shares) {}

  /** A source that has no bar, and why. */
  public record Absent(List<String> source, String reason) {}

  /**
   * Renders the chart; the sources that are farthest over their threshold come first.
   *
   * @param period of the data, or null
   * @param problem why there are no outcomes, or null
   */
  static byte[] page(
      List<Outcome> outcomes, Period period, Rules rules, Earlier earlier, String problem) {
    List<Outcome> judged =
        outcomes.stream()
            .filter(Outcome::isJudged)
            .sorted(
                Comparator.comparing(Outcome::isFinding, Comparator.reverseOrder())
                    .thenComparing(it -> it.threshold().doubleValue() - it.uptake().percent()))
            .toList();
    Scale scale =
        Scale.upTo(
            judged.stream()
                .flatMap(it -> Stream.of(it.uptake().percent(), it.threshold().doubleValue()))
                .max(Comparator.naturalOrder())
                .orElse(0.0));
    List<Bar> bars =
        judged.stream()
            .map(it -> bar(it, earlier.rate(it.source()), rules.threshold(), scale))
            .toList();
    List<Absent> unknown = absent(outcomes, Verdict.NO_VERDICT);
    Map<String, Object> values = new HashMap<>();
    values.put("canonical", null);
    values.put("over", findings(judged).size());
    values.put("problem", problem == null ? null : Display.clean(problem));
    values.put("from", period == null ? null : utc(period.from()));
    values.put("to", period == null ? null : utc(period.to()));
    values.put("before", earlier.to() == null ? null : utc(earlier.to()));
    values.put("ticks", scale.marks());
    values.put("bars", bars);
    values.put("hasThresholds", bars.stream().anyMatch(bar -> bar.threshold() != null));
    values.put("unknown", unknown);
    values.put("leftOut", absent(outcomes, Verdict.SKIP, Verdict.EXCLUDED));
    values.put("threshold", plain(rules.threshold()));
    values.put("minimum", grouped(rules.minTotal()));
    values.put("runbook", Runbook.UPTAKE_OVER_THRESHOLD.path());
    values.put("rendered", utc(rules.now()));
    return new HtmlPages(NAME, "style.css", "uptake.css").render("uptake.html", values);
  }

  private static Bar bar(Outcome outcome, String before, BigDecimal usual, Scale scale) {
    Uptake uptake = outcome.uptake();
    boolean isUsual = outcome.threshold().compareTo(usual) == 0;
    boolean isPlace = outcome.name().matches("[\\w-]+/[\\w-]+"); // safe to paste into a shell
    return new Bar(
        parts(outcome.name()),
        rounded(uptake.percent()) + "%",
        before,
        isUsual ? null : plain(outcome.threshold()) + "%",
        grouped(uptake.good()),
        grouped(uptake.bad()),
        outcome.isFinding(),
        scale.position(uptake.percent()),
        scale.position(outcome.threshold().doubleValue()),
        isPlace ? outcome.name() : null,
        shares(uptake));
  }

  /** A name in parts that end with a slash, because its lines break there. */
  private static List<String> parts(String name) {
    return List.of(name.split("(?<=/)"));
  }

  private static List<Absent> absent(List<Outcome> outcomes, Verdict... verdicts) {
    return outcomes.stream()
        .filter(it -> List.of(verdicts).contains(it.verdict()))
        .map(it -> new Absent(parts(it.name()), Display.clean(it.reason())))
        .toList();
  }

  /** Writes the page if {@code --html} names a file. */
  private void write(Supplier<byte[]> page, Report report) {
    if (html == null) {
      return;
    }
    try {
      HtmlPages.replace(html, page.get());
      report.note("wrote " + html);
    } catch (IOException e) {
      report.error("cannot write %s: %s".formatted(html, HtmlPages.reason(e)), "check HTML");
    }
  }

  // ---- converters

  private static final class QueryUrlConverter extends Values.Converter<URI> {
    QueryUrlConverter() {
      super(
          "the address of a query's results.json, http or https, without credentials and without"
              + " api_key= (name the key with REDASH_API_KEY)",
          text -> {
            URI url = Values.webAddress(text);
            String query = url == null || url.getRawQuery() == null ? "" : url.getRawQuery();
            return URLDecoder.decode(query, StandardCharsets.UTF_8)
                    .toLowerCase(Locale.ROOT)
                    .contains("api_key=")
                ? null
                : url;
          });
    }
  }

  private static final class DaysConverter extends Values.WholeNumber {
    DaysConverter() {
      super(1, 36_500);
    }
  }

  private static final class PercentConverter extends Values.Converter<BigDecimal> {
    PercentConverter() {
      super("a percentage, from 0 to 100, like 2.5", uptake_health::percent);
    }
  }

  private static final class HtmlFileConverter extends Values.Converter<Path> {
    HtmlFileConverter() {
      super(
          "a file in an existing folder",
          text -> {
            Path file = Path.of(text).toAbsolutePath();
            boolean isDevice = file.startsWith("/dev"); // /dev/stdout may lead to a file
            boolean isFree = !Files.exists(file) && Files.isDirectory(file.getParent());
            return text.equals("-") || isDevice || !(isFree || Files.isRegularFile(file))
                ? null
                : isFree ? file : file.toRealPath();
          });
    }
  }
}
