//JAVA 25+
//SOURCES Advice.java Display.java Report.java

package common;

import common.Report.Status;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Counts the outcomes of a command's checks by the words of its summary. */
public final class Tally {

  private static final int MAX_NAMES = 2_000; // characters of the summary for each word

  private static final int MAX_CAUSES = 5;
  private static final int MAX_ISSUES = 10;

  private record Entry(String name, Status status, String word, String reason, Advice advice) {}

  /**
   * What several entries have in common.
   *
   * @param reason empty where theirs differ
   */
  private record Cause(String word, Advice advice, String reason) {
    Cause withoutReason() {
      return new Cause(word, advice, "");
    }

    /** {@code 18 BAD for one cause: the leaf expired on 2026-11-20 12:00:00 UTC}. */
    String line(int count) {
      return reason.isEmpty()
          ? "%d %s of one kind: %s".formatted(count, word, advice.cause().replace('-', ' '))
          : "%d %s for one cause: %s".formatted(count, word, Display.line(reason));
    }
  }

  private final String thing;
  private final int expected;
  private final List<String> words;
  private final List<Entry> entries = new ArrayList<>();

  /**
   * @param thing what is checked: "collection"
   * @param expected how many there are
   * @param words in the order of the summary, which shows the first even if it is 0; others follow
   */
  public Tally(String thing, int expected, String... words) {
    this.thing = thing;
    this.expected = expected;
    this.words = List.of(words);
  }

  /**
   * Counts one more.
   *
   * @param reason why it is not good; null if it is
   * @param advice what to do about it; null if it is good, or if another entry is why
   */
  public void add(String name, Status status, String word, String reason, Advice advice) {
    entries.add(new Entry(name, status, word, reason, advice));
  }

  /** Counts one that could not be judged, or done, and puts that into its result. */
  public void addNoVerdict(String name, String reason, Advice advice, Map<String, Object> json) {
    add(name, Status.UNKNOWN, "NO VERDICT", reason, advice);
    json.put("status", "no-verdict");
    json.put("reason", Display.line(reason));
    advice.addTo(json);
  }

  /**
   * The summary, with the names of all that are not good: {@code 19 collections: 17 OK, 1 SKIP, 1
   * BAD (main/cfr)}.
   */
  public String counts() {
    Map<String, List<Entry>> byWord = new LinkedHashMap<>();
    words.forEach(word -> byWord.put(word, new ArrayList<>()));
    entries.forEach(
        entry -> byWord.computeIfAbsent(entry.word(), _ -> new ArrayList<>()).add(entry));
    List<String> parts = new ArrayList<>();
    byWord.forEach((word, some) -> {
      if (!some.isEmpty() || parts.isEmpty()) {
        String names =
            some.stream()
                .filter(entry -> entry.status() != Status.GOOD)
                .map(Entry::name)
                .collect(Collectors.joining(", "));
        parts.add(
            "%d %s".formatted(some.size(), word)
                + (names.isEmpty() ? "" : " (" + Display.cut(names, MAX_NAMES) + ")"));
      }
    });
    if (entries.size() < expected) {
      parts.add(expected - entries.size() + " not finished");
    }
    return "%d %s%s: %s"
        .formatted(expected, thing, expected == 1 ? "" : "s", String.join(", ", parts));
  }

  /**
   * Says on stderr why entries are not good, and what to do about it. Many of one cause are one
   * line. What only one entry has is on stdout already: its hint follows, below its name if there
   * are other causes.
   */
  public void tellCauses(Report report) {
    Map<Cause, List<Entry>> alike = new LinkedHashMap<>();
    Map<Cause, List<Entry>> kinds = new LinkedHashMap<>();
    entries.stream()
        .filter(entry -> entry.advice() != null)
        .forEach(entry ->
            add(new Cause(entry.word(), entry.advice(), entry.reason()), List.of(entry), alike));
    alike.forEach(
        (cause, some) -> add(some.size() > 1 ? cause : cause.withoutReason(), some, kinds));
    kinds.entrySet().stream()
        .sorted(Comparator.comparing(kind -> -kind.getValue().size()))
        .limit(MAX_CAUSES)
        .forEach(kind -> {
          Cause cause = kind.getKey();
          List<Entry> some = kind.getValue();
          boolean isAlone = some.size() == 1;
          if (!isAlone) {
            report.remark(cause.line(some.size()));
          }
          report.hint(
              isAlone && kinds.size() > 1 ? some.getFirst().name() + " " + cause.word() : null,
              cause.advice());
        });
    int more = kinds.size() - MAX_CAUSES;
    if (more > 0) {
      report.remark("and %d more cause%s".formatted(more, more == 1 ? "" : "s"));
    }
  }

  private static void add(Cause cause, List<Entry> some, Map<Cause, List<Entry>> all) {
    all.computeIfAbsent(cause, _ -> new ArrayList<>()).addAll(some);
  }

  /** Says after Ctrl-C what was found so far. */
  public void interrupted(Report report) {
    tellCauses(report);
    report.summary("interrupted: " + counts());
  }

  /**
   * Reports all that have this status and an advice to Sentry: each by itself, or many in one
   * message.
   *
   * @param message with {@code %s} for the name of one, or for how many
   */
  public void tell(Report report, Status status, String message) {
    String check = message.replaceFirst("(:| on) %s$", "");
    Map<String, Entry> some = new LinkedHashMap<>();
    entries.stream()
        .filter(entry -> entry.status() == status && entry.advice() != null)
        .forEach(entry -> some.put(entry.name(), entry));
    if (some.size() > MAX_ISSUES) {
      Map<String, String> reasons = new LinkedHashMap<>();
      some.forEach((name, entry) -> reasons.put(name, entry.reason()));
      String text = message.formatted("many %ss".formatted(thing));
      report.failedCheck(check, null, text, reasons, mostFrequent(some.values()));
    } else {
      some.forEach((name, entry) ->
          report.failedCheck(
              check,
              name,
              message.formatted(Display.line(name)),
              Map.of(name, entry.reason()),
              entry.advice()));
    }
  }

  private static Advice mostFrequent(Collection<Entry> entries) {
    Map<String, List<Advice>> byCause =
        entries.stream()
            .map(Entry::advice)
            .collect(Collectors.groupingBy(Advice::cause, LinkedHashMap::new, Collectors.toList()));
    return Collections.max(byCause.values(), Comparator.comparingInt(List::size)).getFirst();
  }
}
