//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES HelpGroup.java NamePattern.java Place.java RemoteSettings.java Report.java ServerException.java
//SOURCES UsageException.java Values.java

package common;

import common.RemoteSettings.Announced;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    return select(all(remote, report), done);
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
          "%s announces no collection: nothing was %s".formatted(path(), done), null);
    }
    if (selected.isEmpty()) {
      throw new UsageException(
          "none of %d collections is selected: nothing was %s".formatted(announced.size(), done),
          "check --only and --exclude");
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

  private static boolean matches(List<String> patterns, List<String> names) {
    return Values.entries(patterns).stream()
        .anyMatch(pattern -> names.stream().anyMatch(name -> NamePattern.matches(pattern, name)));
  }
}
