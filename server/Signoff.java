//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java KintoError.java Signer.java Store.java

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The signer of Remote Settings: reacts to changes of a source's records or status. An edit sets
 * {@code work-in-progress}; {@code to-review} copies to the preview; {@code to-sign} publishes and
 * signs; {@code to-resign} signs the published records again and keeps the status; {@code
 * to-rollback} restores the published records.
 *
 * <p>Forbidden changes are refused before anything changes. Rules and messages are those of
 * Mozilla's signer, as recorded in {@code vectors/kinto-26}.
 *
 * @param checksEveryGroup whether groups count even where no review is needed, as before version 26
 */
record Signoff(Store store, Signer signer, boolean checksEveryGroup) {

  /**
   * A signed resource of the signer's capability.
   *
   * @param preview bucket; null for none
   * @param collection null for all collections of the buckets
   * @param reviewed whether a review is required before signing
   */
  record Resource(
      String source, String preview, String destination, String collection, boolean reviewed) {

    /** The buckets to which the signer publishes, the preview first. */
    List<String> targets() {
      return preview == null ? List.of(destination) : List.of(preview, destination);
    }
  }

  static final List<Resource> RESOURCES =
      List.of(
          new Resource("main-workspace", "main-preview", "main", null, true),
          new Resource(
              "security-state-staging", "security-state-preview", "security-state", null, true),
          new Resource("staging", "blocklists-preview", "blocklists", null, true),
          new Resource("staging", null, "blocklists", "addons-bloomfilters", true),
          new Resource("main-workspace", "main-preview", "main", "auto", false));

  private static final String WORK_IN_PROGRESS = "work-in-progress";
  private static final String TO_REVIEW = "to-review";
  private static final String TO_SIGN = "to-sign";
  private static final String TO_RESIGN = "to-resign";
  private static final String TO_ROLLBACK = "to-rollback";
  private static final String SIGNED = "signed";

  /** Attributes of the source that are copied to preview and destination. */
  private static final List<String> PUBLISHED_ATTRIBUTES =
      List.of("flags", "attachment", "schema", "sort", "displayFields");

  private static final List<String> TRACKING_FIELDS =
      List.of(
          "last_edit_by",
          "last_edit_date",
          "last_review_request_by",
          "last_review_request_date",
          "last_review_by",
          "last_review_date",
          "last_signature_by",
          "last_signature_date");

  /** The resource of a source collection; one for that collection wins over its bucket's. */
  static Optional<Resource> of(String bucket, String collection) {
    return RESOURCES.stream()
        .filter(resource -> resource.source().equals(bucket))
        .filter(
            resource -> resource.collection() == null || resource.collection().equals(collection))
        .reduce((found, next) -> next.collection() == null ? found : next);
  }

  static String editors(String collection) {
    return collection + "-editors";
  }

  static String reviewers(String collection) {
    return collection + "-reviewers";
  }

  /**
   * Creates a collection if it is missing. Everyone may read it unless it is a source; editor and
   * reviewer may both edit and review a source.
   */
  void create(String bucket, String collection) {
    Access.Target target = Access.Target.collections(bucket, collection);
    if (store.entry(target.plural(), collection).isPresent()) {
      return;
    }
    boolean isSource = of(bucket, collection).isPresent();
    store.create(bucket, collection, !isSource);
    if (isSource) {
      String user = Access.account("editor");
      List<String> members = List.of(user, Access.account("reviewer"));
      createGroup(target, editors(collection), user, members);
      createGroup(target, reviewers(collection), user, members);
      store.grant(target.plural(), collection, "write", user);
    }
  }

  // --- Before a change -----------------------------------------------------------------------

  /** Refuses a change of a collection's attributes that the signer does not allow. */
  void check(Access.Target target, ObjectNode before, ObjectNode after, Set<String> principals) {
    Optional<Resource> resource = of(target.bucket(), target.id());
    if (resource.isEmpty()) {
      return;
    }
    String old = status(before);
    String status = status(after);
    if (!Objects.equals(old, status)) {
      checkStatus(resource.get(), target, before, status, principals);
    }
    for (String field : TRACKING_FIELDS) {
      if (!before.path(field).equals(after.path(field))) {
        String name = field.toUpperCase(Locale.ROOT);
        throw KintoError.refused("Cannot change <TRACKING_FIELDS." + name + ": '" + field + "'>");
      }
    }
  }

  private void checkStatus(
      Resource resource,
      Access.Target target,
      ObjectNode before,
      String status,
      Set<String> principals) {
    String groups = Store.groups(target.bucket()) + "/";
    boolean isEditor = principals.contains(groups + editors(target.id()));
    boolean isReviewer = principals.contains(groups + reviewers(target.id()));
    String old = status(before);
    switch (status) {
      case null -> throw KintoError.refused("Cannot remove status");
      case WORK_IN_PROGRESS, TO_RESIGN -> {}
      case TO_REVIEW -> {
        if (!isEditor && (resource.reviewed() || checksEveryGroup)) {
          throw KintoError.forbidden("Not in " + editors(target.id()) + " group");
        }
      }
      case TO_SIGN -> {
        if (SIGNED.equals(old)) {
          throw KintoError.refused("Collection already signed");
        }
        boolean needsReviewer = resource.reviewed() || (checksEveryGroup && !isEditor);
        if (!isReviewer && needsReviewer) {
          throw KintoError.forbidden("Not in " + reviewers(target.id()) + " group");
        }
        if (resource.reviewed() && !TO_REVIEW.equals(old)) {
          throw KintoError.refused("Collection not under review");
        }
        String requester = before.path("last_review_request_by").asString("");
        if (resource.reviewed() && principals.contains(requester)) {
          throw KintoError.forbidden("Last editor cannot review");
        }
      }
      case TO_ROLLBACK -> {
        if (SIGNED.equals(old)) {
          throw KintoError.refused("Collection has no work-in-progress");
        }
      }
      case SIGNED -> throw KintoError.refused("Cannot set status to 'signed'");
      default -> throw KintoError.refused("Invalid status '" + status + "'");
    }
  }

  /** Refuses fractions in a source's records, because clients disagree about their bytes. */
  void checkRecord(Access.Target target, ObjectNode record) {
    if (of(target.bucket(), target.collection()).isPresent()) {
      checkFractions(record, "");
    }
  }

  private static void checkFractions(ObjectNode object, String path) {
    for (Map.Entry<String, JsonNode> member : object.properties()) {
      String name = path + member.getKey();
      if (member.getValue().isNumber() && !member.getValue().isIntegralNumber()) {
        throw KintoError.refused(
            "field contains float value (tip: use integer or string), '" + name + "'");
      }
      if (member.getValue() instanceof ObjectNode inner) {
        checkFractions(inner, name + ".");
      }
    }
  }

  /** Refuses to delete a preview or destination whose source still exists. */
  void checkDeletion(Access.Target target) {
    for (Resource resource : RESOURCES) {
      boolean concerns =
          resource.targets().contains(target.bucket())
              && of(resource.source(), target.id()).filter(resource::equals).isPresent();
      if (concerns && store.find(resource.source(), target.id()).isPresent()) {
        throw KintoError.forbidden("Collection is in use.");
      }
    }
  }

  // --- After a change ------------------------------------------------------------------------

  /** A source was created: creates its groups, and an empty signed preview and destination. */
  void created(Access.Target source, String user) {
    of(source.bucket(), source.id())
        .ifPresent(resource -> {
          createGroup(source, editors(source.id()), user, List.of(user));
          createGroup(source, reviewers(source.id()), user, List.of());
          ObjectNode attributes = store.get(source.bucket(), source.id()).metadata();
          resource.targets().forEach(bucket -> publish(source, bucket, attributes));
          track(source, SIGNED, user, List.of(), "last_signature");
        });
  }

  private void createGroup(Access.Target source, String group, String user, List<String> members) {
    String groups = Store.groups(source.bucket());
    if (store.entry(groups, group).isEmpty()) {
      ObjectNode data = Store.object().put("id", group);
      members.forEach(data.putArray("members")::add);
      store.save(groups, data, Map.of("write", Set.of(user)));
    }
    store.grant(source.plural(), source.id(), "write", groups + "/" + group);
  }

  /**
   * A source's attributes were changed: does what a new status asks for.
   *
   * @param sent the attributes in the request; they show whether a comment was sent
   */
  void changed(Access.Target source, ObjectNode before, ObjectNode sent, String user) {
    Optional<Resource> found = of(source.bucket(), source.id());
    ObjectNode after = store.get(source.bucket(), source.id()).metadata();
    String old = status(before);
    if (found.isEmpty() || status(after) == null || status(after).equals(old)) {
      return;
    }
    Resource resource = found.get();
    switch (status(after)) {
      case TO_REVIEW -> {
        List<String> cleared =
            resource.preview() == null || sent.has("last_editor_comment")
                ? List.of()
                : List.of("last_editor_comment");
        if (resource.preview() != null) {
          publish(source, resource.preview(), after);
        }
        track(source, TO_REVIEW, user, cleared, "last_review_request");
      }
      case TO_SIGN -> {
        resource.targets().forEach(bucket -> publish(source, bucket, after));
        track(source, SIGNED, user, List.of(), "last_review", "last_signature");
      }
      case TO_RESIGN -> {
        resource.targets().forEach(bucket -> sign(bucket, source.id(), after));
        if (old != null) {
          track(source, old, user, List.of(), "last_signature");
        }
      }
      case TO_ROLLBACK -> {
        copy(resource.destination(), source.bucket(), source.id(), true);
        List<String> cleared = List.of("last_editor_comment", "last_reviewer_comment");
        track(source, SIGNED, user, cleared, "last_edit");
        if (resource.preview() != null && store.find(resource.preview(), source.id()).isPresent()) {
          copy(resource.destination(), resource.preview(), source.id(), true);
          sign(resource.preview(), source.id(), Store.object());
        }
      }
      default -> {} // declined: the request has stored the reviewer's comment already
    }
  }

  /** A source's records were changed: sets the status to work-in-progress. */
  void edited(Access.Target records, String user) {
    Access.Target source = Access.Target.collections(records.bucket(), records.collection());
    if (of(source.bucket(), source.id()).isPresent()) {
      track(source, WORK_IN_PROGRESS, user, List.of(), "last_edit");
    }
  }

  /** A source was deleted: empties its preview and destination, but keeps them. */
  void deleted(Access.Target source, ObjectNode attributes) {
    of(source.bucket(), source.id())
        .ifPresent(resource -> {
          for (String bucket : resource.targets()) {
            store.find(bucket, source.id()).stream()
                .flatMap(collection -> collection.records().stream())
                .forEach(record -> store.delete(bucket, source.id(), Store.id(record)));
            sign(bucket, source.id(), attributes);
          }
        });
  }

  /** Copies a source's records to a preview or destination, and signs the copy. */
  private void publish(Access.Target source, String bucket, ObjectNode attributes) {
    store.create(bucket, source.id(), true);
    copy(source.bucket(), bucket, source.id(), false);
    sign(bucket, source.id(), attributes);
  }

  /** Makes the records of a collection in one bucket equal to those in another bucket. */
  private void copy(String from, String to, String collection, boolean keepTimestamps) {
    Map<String, ObjectNode> existing = new HashMap<>();
    store.get(to, collection).records().forEach(record -> existing.put(Store.id(record), record));
    Set<String> wanted = new HashSet<>();
    List<ObjectNode> records =
        store.find(from, collection).map(Store.Snapshot::records).orElse(List.of());
    for (ObjectNode record : records) {
      String id = Store.id(record);
      wanted.add(id);
      ObjectNode old = existing.get(id);
      if (old == null || !content(old).equals(content(record))) {
        ObjectNode copied = record.deepCopy();
        if (!keepTimestamps) {
          copied.remove("last_modified");
        }
        store.put(to, collection, copied);
      }
    }
    existing.keySet().stream()
        .filter(id -> !wanted.contains(id))
        .forEach(id -> store.delete(to, collection, id));
  }

  private static ObjectNode content(ObjectNode record) {
    return record.deepCopy().remove(List.of("last_modified", "schema"));
  }

  /**
   * Signs a preview or destination.
   *
   * @param attributes of the source, of which some are published
   */
  private void sign(String bucket, String collection, ObjectNode attributes) {
    store.create(bucket, collection, true);
    ObjectNode entry = signer.entry(signer.authorityOf(bucket), store.get(bucket, collection));
    store.edit(
        bucket,
        collection,
        metadata -> {
          Signer.setSignatures(metadata, List.of(entry));
          for (String field : PUBLISHED_ATTRIBUTES) {
            if (attributes.has(field)) {
              metadata.set(field, attributes.get(field));
            }
          }
        });
  }

  /** Sets a source's status and tracking fields ({@code last_edit_by}, …), and clears comments. */
  private void track(
      Access.Target source, String status, String user, List<String> cleared, String... actions) {
    String date = date(Instant.ofEpochMilli(store.nextTimestamp()));
    store.edit(
        source.bucket(),
        source.id(),
        metadata -> {
          metadata.put("status", status);
          for (String action : actions) {
            metadata.put(action + "_by", user).put(action + "_date", date);
          }
          cleared.forEach(comment -> metadata.put(comment, ""));
        });
  }

  private static String status(ObjectNode attributes) {
    return attributes.path("status").asStringOpt().orElse(null);
  }

  /** A date in the signer's format: with microseconds, and an offset instead of Z. */
  static String date(Instant moment) {
    return DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'+00:00'")
        .withZone(ZoneOffset.UTC)
        .format(moment);
  }
}
