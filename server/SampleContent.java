//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java History.java Signer.java Signoff.java Store.java
//FILES sample/addons.json=sample/addons.json
//FILES sample/cfr.json=sample/cfr.json
//FILES sample/fxmonitor-breaches.json=sample/fxmonitor-breaches.json
//FILES sample/intermediates.json=sample/intermediates.json
//FILES sample/onecrl.json=sample/onecrl.json
//FILES sample/plugins.json=sample/plugins.json
//FILES sample/regions.json=sample/regions.json
//FILES sample/search-config-v2.json=sample/search-config-v2.json

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The content of {@code local_server --sample}: collections with the shapes and states of real
 * ones, but small enough to read. The blocklist and the search configuration are public Mozilla
 * data; the rest is made up.
 *
 * <p>Ids are fixed. Timestamps lie at fixed distances before the given moment, so a fixed clock
 * always gives the same content.
 */
record SampleContent(Store store, Signer signer, Signoff signoff, Instant now) {

  /** The buckets of a signed resource. */
  private record Place(String source, String preview, String destination) {}

  private static final Place MAIN = new Place("main-workspace", "main-preview", "main");
  private static final Place SECURITY =
      new Place("security-state-staging", "security-state-preview", "security-state");
  private static final Place BLOCKLISTS = new Place("staging", "blocklists-preview", "blocklists");

  /** The moment for which {@code sample/uptake.json} was written. */
  private static final Instant UPTAKE = Instant.parse("2026-11-24T12:00:00Z");

  /** Fills an empty store. */
  static void load(Store store, Signer signer, Signoff signoff, Instant now) {
    SampleContent content =
        new SampleContent(store, signer, signoff, now.truncatedTo(ChronoUnit.SECONDS));
    content.published(MAIN, "search-config-v2", 2, read("search-config-v2"));
    content.published(MAIN, "regions", 5, read("regions"));
    content.published(MAIN, "anti-tracking-url-decoration", 20, List.of());
    content.published(BLOCKLISTS, "addons", 3, read("addons"));
    content.published(BLOCKLISTS, "plugins", 12, read("plugins"));
    content.published(SECURITY, "onecrl", 1, read("onecrl"));
    content.published(SECURITY, "intermediates", 4, read("intermediates"));
    content.retired(MAIN, "regions", "atlantis", 5);
    content.beingEdited(MAIN, "cfr", 8, read("cfr"));
    content.underReview(MAIN, "fxmonitor-breaches", 9, read("fxmonitor-breaches"));
    content.newlyConfigured(MAIN, "newtab-wallpapers-v2");
  }

  /**
   * Adds what drills need besides: main/tippytop, of which clients report errors, and
   * main-workspace/nearby, a copy of some of main/regions that is behind.
   */
  static void loadForDrill(Store store, Signer signer, Signoff signoff, Instant now) {
    SampleContent content =
        new SampleContent(store, signer, signoff, now.truncatedTo(ChronoUnit.SECONDS));
    ObjectNode icon = Store.object().put("id", "example").put("domain", "example.com");
    content.published(MAIN, "tippytop", 1, List.of(icon));
    ObjectNode incomplete = Store.object().put("id", "br").put("name", "Brazil");
    content.filled("main-workspace", "nearby", now.minus(Duration.ofDays(6)), List.of(incomplete));
  }

  /**
   * The result of the uptake query as Redash would give it now: its last day is yesterday.
   *
   * @param result {@code sample/uptake.json}, whose times are shifted
   */
  static String uptake(String result, Instant now) {
    long shift = now.getEpochSecond() - UPTAKE.getEpochSecond();
    return Pattern.compile("(?<=_timestamp\": )\\d+")
        .matcher(result)
        .replaceAll(seconds -> Long.toString(Long.parseLong(seconds.group()) + shift));
  }

  private static List<ObjectNode> read(String name) {
    List<ObjectNode> records = new ArrayList<>();
    try (InputStream in = SampleContent.class.getResourceAsStream("/sample/" + name + ".json")) {
      for (JsonNode record : Store.JSON.readTree(in)) {
        records.add((ObjectNode) record);
      }
      return records;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Source, preview and destination hold the same records, signed so many days ago. */
  private void published(Place place, String name, int daysAgo, List<ObjectNode> records) {
    Instant edited = now.minus(Duration.ofDays(daysAgo));
    filled(place.source(), name, edited, records);
    signed(place.preview(), name, edited.plusSeconds(60), records);
    signed(place.destination(), name, edited.plusSeconds(3600), records);
    store.edit(
        place.source(),
        name,
        edited.plusSeconds(3601).toEpochMilli(),
        attributes -> history(attributes, edited));
  }

  private void signed(String bucket, String name, Instant at, List<ObjectNode> records) {
    filled(bucket, name, at, records);
    sign(bucket, name, at.plusSeconds(1));
  }

  private void sign(String bucket, String name, Instant at) {
    ObjectNode entry = signer.entry(signer.authorityOf(bucket), store.get(bucket, name));
    store.edit(
        bucket,
        name,
        at.toEpochMilli(),
        attributes -> Signer.setSignatures(attributes, List.of(entry)));
  }

  /** One record per millisecond, the last one at the given moment. */
  private void filled(String bucket, String name, Instant at, List<ObjectNode> records) {
    signoff.create(bucket, name);
    long timestamp = at.toEpochMilli() - records.size();
    for (ObjectNode record : records) {
      timestamp++;
      ObjectNode stored =
          store.put(bucket, name, record.deepCopy().put("last_modified", timestamp));
      remember("create", bucket, name, stored);
    }
    store.touch(bucket, name, at.toEpochMilli());
  }

  /** Whatever is in a source, an editor has put there. */
  private void remember(String action, String bucket, String name, ObjectNode record) {
    if (Signoff.of(bucket, name).isPresent()) {
      Access.Target target = Access.Target.records(bucket, name, Store.id(record));
      new History(store)
          .add(target, action, Access.account("editor"), new Store.Entry(record, Map.of()));
    }
  }

  /** Adds the tombstone of a record that was published and deleted before the newest records. */
  private void retired(Place place, String name, String id, int daysAgo) {
    Instant deleted = now.minus(Duration.ofDays(daysAgo + 10L));
    for (String bucket : List.of(place.source(), place.preview(), place.destination())) {
      store.putTombstone(bucket, name, id, deleted.toEpochMilli());
    }
  }

  /** An editor has changed, added and deleted records, and has not asked for a review yet. */
  private void beingEdited(Place place, String name, int daysAgo, List<ObjectNode> records) {
    published(place, name, daysAgo, records);
    Instant edited = now.minus(Duration.ofHours(2));
    ObjectNode changed = records.getFirst().deepCopy().put("weight", 75);
    ObjectNode added = records.getLast().deepCopy().put("id", "VPN_PROMO_2").put("weight", 20);
    String source = place.source();
    remember("update", source, name, store.put(source, name, at(changed, edited.minusSeconds(2))));
    remember("create", source, name, store.put(source, name, at(added, edited.minusSeconds(1))));
    remember(
        "delete",
        source,
        name,
        store.putTombstone(source, name, Store.id(records.get(1)), edited.toEpochMilli()));
    store.edit(
        place.source(),
        name,
        edited.toEpochMilli() + 1,
        attributes ->
            recordAction(
                attributes.put("status", "work-in-progress"), "last_edit", "editor", edited));
  }

  /** One more record waits for review: the preview has it, the destination does not yet. */
  private void underReview(Place place, String name, int daysAgo, List<ObjectNode> records) {
    published(place, name, daysAgo, records.subList(0, records.size() - 1));
    Instant edited = now.minus(Duration.ofHours(5));
    ObjectNode added = records.getLast();
    remember("create", place.source(), name, store.put(place.source(), name, at(added, edited)));
    store.put(place.preview(), name, at(added, edited.plusSeconds(600)));
    sign(place.preview(), name, edited.plusSeconds(601));
    store.edit(
        place.source(),
        name,
        edited.plusSeconds(602).toEpochMilli(),
        attributes -> {
          recordAction(attributes.put("status", "to-review"), "last_edit", "editor", edited);
          attributes.put("last_editor_comment", "The breach of October, please.");
          recordAction(attributes, "last_review_request", "editor", edited.plusSeconds(600));
        });
  }

  /** A collection that is announced, but has never held a record or been signed. */
  private void newlyConfigured(Place place, String name) {
    Instant made = now.minus(Duration.ofHours(1));
    filled(place.source(), name, made, List.of());
    store.edit(
        place.source(), name, made.toEpochMilli(), attributes -> attributes.putNull("status"));
    signoff.create(place.destination(), name);
    store.edit(place.destination(), name, made.toEpochMilli() + 1, attributes -> {});
    store.touch(place.destination(), name, made.toEpochMilli() + 1);
  }

  private static void history(ObjectNode attributes, Instant edited) {
    recordAction(attributes.put("status", "signed"), "last_edit", "editor", edited);
    recordAction(
        attributes.put("last_editor_comment", ""),
        "last_review_request",
        "editor",
        edited.plusSeconds(60));
    recordAction(attributes, "last_review", "reviewer", edited.plusSeconds(3600));
    attributes.put("last_reviewer_comment", "");
    recordAction(attributes, "last_signature", "reviewer", edited.plusSeconds(3600));
  }

  private static void recordAction(
      ObjectNode attributes, String action, String user, Instant when) {
    attributes.put(action + "_by", Access.account(user)).put(action + "_date", Signoff.date(when));
  }

  private static ObjectNode at(ObjectNode record, Instant moment) {
    return record.deepCopy().put("last_modified", moment.toEpochMilli());
  }
}
