//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES Display.java HelpGroup.java NamePattern.java Place.java RemoteSettings.java Report.java
//SOURCES ServerException.java UsageException.java Values.java

package common;

import common.RemoteSettings.Announced;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Settings of a command that reads the list of collections. */
@HelpGroup(HelpGroup.Title.SELECTION)
public final class Selection {
  @Option(
      names = "--only",
      paramLabel = "PATTERN",
      split = ",",
      description =
          "only collections that match one of these shell patterns, comma separated, like"
              + " main/regions,main-*/*")
  List<String> only;

  @Option(
      names = "--exclude",
      paramLabel = "PATTERN",
      split = ",",
      description =
          "leave out collections that match one of these shell patterns, comma separated, even if"
              + " ONLY selects them")
  List<String> exclude;

  @Option(
      names = "--bucket",
      paramLabel = "NAME",
      defaultValue = "monitor",
      converter = Values.NameConverter.class,
      description = "bucket that holds the list of collections")
  String bucket;

  @Option(
      names = "--collection",
      paramLabel = "NAME",
      defaultValue = "changes",
      converter = Values.NameConverter.class,
      description = "collection that holds the list of collections")
  String collection;

  /** {@code /buckets/BUCKET/collections/COLLECTION} of the list. */
  public String path() {
    return new Place(bucket, collection).path();
  }

  /** Reads the whole list of collections; if one is listed twice, its newer entry counts. */
  public List<Announced> all(RemoteSettings remote, Report report) throws ServerException {
    Map<String, Announced> entries = new LinkedHashMap<>();
    for (Announced entry : remote.announced(bucket, collection)) {
      String key = entry.isNamed() ? entry.name() : "entry " + entries.size();
      Announced other = entries.putIfAbsent(key, entry);
      if (other != null) {
        report.warn("%s announces %s more than once".formatted(path(), entry.name()));
        entries.put(key, entry.timestamp() > other.timestamp() ? entry : other);
      }
    }
    return List.copyOf(entries.values());
  }

  /** Reads the list of collections and returns the selected ones; selecting none is an error. */
  public List<Announced> read(RemoteSettings remote, Report report, String done)
      throws ServerException, UsageException {
    List<Announced> all = all(remote, report);
    List<Announced> selected = select(all, done);
    warnOfUnmatched(names(all), report);
    return selected;
  }

  private static List<String> names(List<Announced> entries) {
    return entries.stream().map(Announced::name).toList();
  }

  /**
   * Returns the selected collections of a list; selecting none is an error.
   *
   * @param done what was not done then, for the error: "verified"
   */
  public List<Announced> select(List<Announced> announced, String done) throws UsageException {
    List<Announced> selected = announced.stream().filter(entry -> selects(entry.name())).toList();
    if (announced.isEmpty()) {
      throw new UsageException(
          "%s announces no collection: nothing was %s".formatted(path(), done),
          "check SERVER, and BUCKET and COLLECTION of the list");
    }
    if (selected.isEmpty()) {
      throw new UsageException(
          "none of %d collections is selected: nothing was %s".formatted(announced.size(), done),
          meant(names(announced)).orElse("--exclude leaves none of them"));
    }
    return selected;
  }

  /** Whether only some collections are asked for. */
  public boolean isNarrow() {
    return !Values.entries(only).isEmpty();
  }

  /** Reads the entry of a collection again; empty if the list no longer announces it. */
  public Optional<Announced> readAgain(RemoteSettings remote, Announced entry)
      throws ServerException {
    return remote.announced(bucket, collection, entry);
  }

  /** Whether {@code bucket/collection} is selected. */
  public boolean selects(String name) {
    return selects(List.of(name));
  }

  /** Whether something with several names is selected: by one of them, and excluded by none. */
  public boolean selects(List<String> names) {
    return (Values.entries(only).isEmpty() || matches(only, names)) && !matches(exclude, names);
  }

  /**
   * What the patterns of {@code --only} may mean that match none of these names, as a hint; empty
   * if each matches one.
   */
  public Optional<String> meant(List<String> names) {
    Map<String, String> unmatched = unmatched(names);
    return unmatched.size() < 2
        ? unmatched.values().stream().findFirst()
        : Optional.of(
            Display.some(
                unmatched.entrySet().stream()
                    .map(one -> "%s: %s".formatted(one.getKey(), one.getValue()))
                    .toList(),
                3));
  }

  /** Warns of each pattern of {@code --only} that matches none of these names. */
  public void warnOfUnmatched(List<String> names, Report report) {
    unmatched(names)
        .forEach((pattern, meant) ->
            report.warn("--only %s matches no collection: %s".formatted(pattern, meant)));
  }

  private Map<String, String> unmatched(List<String> names) {
    Map<String, String> unmatched = new LinkedHashMap<>();
    for (String pattern : Values.entries(only)) {
      if (!matches(List.of(pattern), names)) {
        unmatched.put(pattern, meant(pattern, names));
      }
    }
    return unmatched;
  }

  /** A path or URL of a collection, or of something in it, as it is printed. */
  private static final Pattern PATH = Pattern.compile(".*buckets/([^/]+)/collections/([^/?]+).*");

  private static String meant(String pattern, List<String> names) {
    String name = PATH.matcher(pattern).replaceFirst("$1/$2").replaceAll("^/+|/+$", "");
    String lower = name.toLowerCase(Locale.ROOT);
    for (String other : List.of(name, lower, lower + "/*")) {
      if (matches(List.of(other), names)) {
        return "did you mean %s?".formatted(other);
      }
    }
    int slash = lower.indexOf('/');
    String collection = lower.substring(slash + 1);
    String form = slash < 0 ? "patterns are like main/regions; " : "";
    List<String> same =
        names.stream().filter(it -> NamePattern.matches("?*/" + collection, it)).toList();
    if (!same.isEmpty() && !collection.equals("*")) {
      return "%s%s is in %s".formatted(form, collection, Display.some(buckets(same)));
    }
    List<String> near =
        names.stream()
            .filter(it -> isNear(lower, it.substring(slash < 0 ? it.indexOf('/') + 1 : 0)))
            .toList();
    if (!near.isEmpty()) {
      return "did you mean %s?".formatted(String.join(" or ", near.stream().limit(3).toList()));
    }
    List<String> inBucket =
        slash < 0
            ? List.of()
            : names.stream()
                .filter(it -> NamePattern.matches(lower.substring(0, slash) + "/*", it))
                .toList();
    return form
        + (inBucket.isEmpty()
            ? "the buckets are " + Display.some(buckets(names))
            : "there are " + Display.some(inBucket));
  }

  private static List<String> buckets(List<String> names) {
    return names.stream()
        .map(name -> name.substring(0, name.indexOf('/')))
        .distinct()
        .sorted()
        .toList();
  }

  /** Whether two names differ in one place, by two characters at most, as after a typing error. */
  private static boolean isNear(String typed, String name) {
    int longest = Math.max(typed.length(), name.length());
    return typed.equalsIgnoreCase(name)
        || same(typed, name) + same(reversed(typed), reversed(name))
            >= Math.max(longest - 2, longest / 2 + 1);
  }

  /** How many characters two different texts begin with alike. */
  private static int same(String one, String other) {
    return Arrays.mismatch(one.toCharArray(), other.toLowerCase(Locale.ROOT).toCharArray());
  }

  private static String reversed(String text) {
    return new StringBuilder(text).reverse().toString();
  }

  private static boolean matches(List<String> patterns, List<String> names) {
    return Values.entries(patterns).stream()
        .anyMatch(pattern -> names.stream().anyMatch(name -> NamePattern.matches(pattern, name)));
  }
}
