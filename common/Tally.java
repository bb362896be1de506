//JAVA 25+
//SOURCES Advice.java Display.java Report.java

package common;

import common.Report.Status;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
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
   * @param reason empty where theirs differ; null where stdout alone tells it
   */
  private record Cause(String word, Advice advice, String reason) {
    Cause withoutReason() {
      return new Cause(word, advice, reason == null ? null : "");
    }

    /** {@code 18 BAD for one cause: the leaf expired on 2026-11-20 12:00:00 UTC}; or null. */
    String line(int count) {
      return reason == null || count == 1
          ? null
          : reason.isEmpty()
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
   * @param advice what to do about it; null if it is good
   */
  public void add(String name, Status status, String word, String reason, Advice advice) {
    entries.add(new Entry(name, status, word, reason, advice));
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
   * line; what only one entry has is on stdout already, and only its hint follows.
   */
  public void tellCauses(Report report) {
    Map<Cause, Integer> counts = new LinkedHashMap<>();
    Map<Cause, Integer> kinds = new LinkedHashMap<>();
    entries.stream()
        .filter(entry -> entry.advice() != null)
        .map(entry -> new Cause(entry.word(), entry.advice(), entry.reason()))
        .forEach(cause -> counts.merge(cause, 1, Integer::sum));
    counts.forEach((cause, count) ->
        kinds.merge(count > 1 ? cause : cause.withoutReason(), count, Integer::sum));
    List<Map.Entry<Cause, Integer>> causes = new ArrayList<>(kinds.entrySet());
    causes.sort(Map.Entry.<Cause, Integer>comparingByValue().reversed());
    causes.stream()
        .limit(MAX_CAUSES)
        .forEach(
            cause -> report.cause(cause.getKey().line(cause.getValue()), cause.getKey().advice()));
    int more = causes.size() - MAX_CAUSES;
    if (more > 0) {
      report.cause("and %d more cause%s".formatted(more, more == 1 ? "" : "s"), null);
    }
  }

  /**
   * Reports all that have this status to Sentry: each by itself, or many in one message.
   *
   * @param message with {@code %s} for the name of one, or how many there are
   */
  public void tell(Report report, Status status, String message) {
    String check = message.replaceFirst("(:| on) %s$", "");
    Map<String, Entry> some = new LinkedHashMap<>();
    entries.stream()
        .filter(entry -> entry.status() == status)
        .forEach(entry -> some.put(entry.name(), entry));
    if (some.size() > MAX_ISSUES) {
      Map<String, String> reasons = new LinkedHashMap<>();
      some.forEach((name, entry) -> reasons.put(name, entry.reason()));
      String text = message.formatted("%d %ss".formatted(some.size(), thing));
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
    Map<Advice, Integer> counts = new LinkedHashMap<>();
    entries.forEach(entry -> counts.merge(entry.advice(), 1, Integer::sum));
    return Collections.max(counts.entrySet(), Map.Entry.comparingByValue()).getKey();
  }
}
