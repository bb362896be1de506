//JAVA 25+
//SOURCES Display.java Report.java

package common;

import common.Report.Status;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Counts the outcomes of a command's checks by the words of its summary. */
public final class Tally {

  private static final int MAX_NAMES = 2_000; // characters of the summary for each word

  private record Entry(String name, Status status, String word, String reason) {}

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
   * @param reason for Sentry; null if it is good
   */
  public void add(String name, Status status, String word, String reason) {
    entries.add(new Entry(name, status, word, reason));
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
   * Reports all that have this status to Sentry.
   *
   * @param message with {@code %s} for the name of one, or how many there are
   */
  public void tell(Report report, Status status, String message) {
    Map<String, String> reasons = new LinkedHashMap<>();
    entries.stream()
        .filter(entry -> entry.status() == status)
        .forEach(entry -> reasons.put(entry.name(), entry.reason()));
    report.failedChecks(message, thing + "s", reasons);
  }
}
