//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java KintoError.java KintoRequest.java KintoResponse.java Reads.java Signoff.java
//SOURCES Store.java

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * Kinto's history plug-in: each change that an account makes is an entry of its bucket's history,
 * which is listed and filtered as records are. Whoever may read the bucket may read all entries;
 * Kinto leaves out those about objects that the account may not read.
 *
 * <p>Spec: docs.kinto-storage.org, <i>API 1.x › History</i>.
 */
record History(Store store) {

  /** Buckets without a history, as Mozilla's server is configured. */
  static final List<String> EXCLUDED = List.of("main-preview", "main");

  private static final Set<String> FIELDS =
      Set.of(
          "id",
          "last_modified",
          "action",
          "date",
          "uri",
          "user_id",
          "resource_name",
          "bucket_id",
          "collection_id",
          "group_id",
          "record_id",
          "target");

  private static String path(String bucket) {
    return "/buckets/" + bucket + "/history";
  }

  /**
   * Adds an entry.
   *
   * @param action {@code create}, {@code update} or {@code delete}
   * @param account who did it: {@code account:editor}
   * @param changed the object as written, or its tombstone
   */
  void add(Access.Target target, String action, String account, Store.Entry changed) {
    if (EXCLUDED.contains(target.bucket())) {
      return;
    }
    ObjectNode entry = Store.object();
    entry
        .put("uri", target.plural() + "/" + target.id())
        .put("action", action)
        .put("user_id", account)
        .put("date", Signoff.date(Instant.ofEpochMilli(changed.modified())))
        .put("resource_name", target.resource());
    if (target.collection() != null) {
      entry.put("collection_id", target.collection());
    }
    entry.put(target.resource() + "_id", target.id());
    ObjectNode written = entry.putObject("target");
    written.set("data", changed.data());
    ObjectNode permissions = written.putObject("permissions");
    changed
        .permissions()
        .forEach((name, principals) -> principals.forEach(permissions.withArray(name)::add));
    entry.put("last_modified", changed.modified());
    store.save(path(target.bucket()), entry, Map.of());
  }

  /** Whether a path is that of a history. */
  static boolean isHistory(List<String> below) {
    return below.size() == 3 && below.get(0).equals("buckets") && below.get(2).equals("history");
  }

  KintoResponse list(KintoRequest request, String bucket, Access access, Reads reads) {
    if (!request.isRead()) {
      throw KintoError.methodNotAllowed();
    }
    if (!access.mayReadBucket(access.principals(request.user()), bucket)) {
      throw request.notPermitted();
    }
    return reads.list(request, store.listing(path(bucket)), FIELDS, true);
  }
}
