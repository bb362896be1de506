//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java Dialect.java Faults.java KintoError.java KintoRequest.java KintoResponse.java
//SOURCES RecordQuery.java Store.java

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * GET and HEAD of buckets, collections, groups, records and their lists. As in Kinto, permissions
 * are checked first, then parameters, then preconditions.
 */
record Reads(Store store, Access access, Faults faults, Dialect dialect) {

  KintoResponse answer(KintoRequest request, Access.Target target) {
    boolean isList = target.id() == null;
    return switch (target.resource()) {
      case "bucket" -> isList ? buckets(request) : object(request, target);
      case "collection" -> isList ? collections(request, target) : collection(request, target);
      case "group" -> isList ? groups(request, target) : object(request, target);
      default -> isList ? records(request, target) : record(request, target);
    };
  }

  // --- Lists ---------------------------------------------------------------------------------

  private KintoResponse buckets(KintoRequest request) {
    Set<String> principals = access.principals(request.user());
    List<ObjectNode> visible =
        filter(
            store.listing("/buckets").objects(),
            bucket -> access.mayReadBucket(principals, bucket));
    if (visible.isEmpty()) {
      throw request.notPermitted();
    }
    return list(request, new Store.Listing(visible, List.of(), store.newest(visible)));
  }

  private KintoResponse collections(KintoRequest request, Access.Target list) {
    Predicate<String> visible = visible(request, list);
    List<ObjectNode> collections = new ArrayList<>();
    for (Store.Snapshot collection : store.list(list.bucket())) {
      if (visible.test(collection.name())) {
        collections.add(shown(collection.metadata()));
      }
    }
    List<ObjectNode> tombstones = filter(store.listing(list.plural()).tombstones(), visible);
    return list(request, new Store.Listing(collections, tombstones, store.newest(collections)));
  }

  private KintoResponse groups(KintoRequest request, Access.Target list) {
    Predicate<String> visible = visible(request, list);
    return list(request, filter(store.listing(list.plural()), visible));
  }

  private KintoResponse records(KintoRequest request, Access.Target list) {
    Predicate<String> visible = visible(request, list);
    Store.Snapshot collection =
        altered(request, list, () -> KintoError.missingParent(list.collection()));
    return list(request, filter(collection.listing(), visible));
  }

  /** Which ids of a list the account may see. */
  private Predicate<String> visible(KintoRequest request, Access.Target list) {
    return access
        .accessibleIds(access.principals(request.user()), list, false)
        .orElseThrow(request::notPermitted);
  }

  private static Store.Listing filter(Store.Listing all, Predicate<String> visible) {
    return new Store.Listing(
        filter(all.objects(), visible), filter(all.tombstones(), visible), all.timestamp());
  }

  private static List<ObjectNode> filter(List<ObjectNode> objects, Predicate<String> visible) {
    return objects.stream().filter(one -> visible.test(Store.id(one))).toList();
  }

  private KintoResponse list(KintoRequest request, Store.Listing all) {
    return list(request, all, Set.of(), true);
  }

  /**
   * One page of a list.
   *
   * @param knownFields the only fields that may be filtered on; empty to allow any
   * @param counts whether the answer to a HEAD has the total
   */
  KintoResponse list(
      KintoRequest request, Store.Listing all, Set<String> knownFields, boolean counts) {
    RecordQuery query = RecordQuery.parse(request.parameters(), knownFields, dialect.pageSize());
    Optional<KintoResponse> early = precondition(request, all.timestamp(), null);
    if (early.isPresent()) {
      return early.get();
    }
    RecordQuery.Page page = query.apply(all.objects(), all.tombstones());
    ArrayNode data = Store.JSON.createArrayNode().addAll(page.records());
    KintoResponse response = KintoResponse.data(200, data).at(all.timestamp()).uncached();
    page.nextToken().ifPresent(token -> response.with("Next-Page", nextPage(request, token)));
    if (counts && request.method().equals("HEAD")) {
      response.with("Total-Records", Integer.toString(page.total()));
      response.with("Total-Objects", Integer.toString(page.total()));
    }
    return response;
  }

  private String nextPage(KintoRequest request, String token) {
    String others = request.queryWith("_token", null);
    return request.base()
        + request.path()
        + (others.isEmpty() ? "?" : others + "&")
        + "_token="
        + KintoRequest.encoded(token);
  }

  // --- One object ----------------------------------------------------------------------------

  /** A bucket or a group. */
  private KintoResponse object(KintoRequest request, Access.Target target) {
    checkReadable(request, target);
    Store.Entry found =
        store
            .entry(target.plural(), target.id())
            .orElseThrow(() -> KintoError.missing(target.resource(), target.id()));
    return object(request, target, found.data());
  }

  private KintoResponse collection(KintoRequest request, Access.Target target) {
    Store.Snapshot collection = readable(request, target, () -> missing(target));
    return object(request, target, shown(collection.metadata()));
  }

  private KintoError missing(Access.Target collection) {
    return store.entry("/buckets", collection.bucket()).isPresent()
        ? KintoError.missing("collection", collection.id())
        : KintoError.missing("bucket", collection.bucket());
  }

  private KintoResponse record(KintoRequest request, Access.Target target) {
    ObjectNode record =
        readable(request, target, () -> KintoError.missingParent(target.collection()))
            .records()
            .stream()
            .filter(one -> Store.id(one).equals(target.id()))
            .findFirst()
            .orElseThrow(() -> KintoError.missing("record", target.id()));
    return object(request, target, record);
  }

  private KintoResponse object(KintoRequest request, Access.Target target, ObjectNode data) {
    Optional<KintoResponse> early = precondition(request, Store.lastModified(data), data);
    if (early.isPresent()) {
      return early.get();
    }
    ObjectNode permissions =
        store
            .entry(target.plural(), target.id())
            .map(entry -> Access.visiblePermissions(entry, access.principals(request.user())))
            .orElseGet(Store::object);
    return KintoResponse.object(200, permissions, data).uncached();
  }

  // --- Shared with changesets ----------------------------------------------------------------

  private void checkReadable(KintoRequest request, Access.Target target) {
    if (!access.mayRead(access.principals(request.user()), target)) {
      throw request.notPermitted();
    }
  }

  /** The target's collection, as the faults alter it; throws if the target may not be read. */
  Store.Snapshot readable(
      KintoRequest request, Access.Target target, Supplier<KintoError> missing) {
    checkReadable(request, target);
    return altered(request, target, missing);
  }

  /** The target's collection, as the faults alter it. */
  private Store.Snapshot altered(
      KintoRequest request, Access.Target target, Supplier<KintoError> missing) {
    return altered(request, store.find(target.bucket(), target.collection()).orElseThrow(missing));
  }

  Store.Snapshot altered(KintoRequest request, Store.Snapshot original) {
    return faults.alter(original, request.path(), request.parameter("_expected"));
  }

  /** A collection's metadata as this dialect shows it. */
  ObjectNode shown(ObjectNode metadata) {
    return dialect.singleSignature() ? metadata.deepCopy().without("signatures") : metadata;
  }

  /** 304 for {@code If-None-Match}, 412 for {@code If-Match}; empty if both allow the read. */
  private static Optional<KintoResponse> precondition(
      KintoRequest request, long timestamp, ObjectNode existing) {
    Optional<Long> seen = request.etag("If-None-Match");
    if (seen.isPresent() && timestamp <= seen.get()) {
      return Optional.of(KintoResponse.empty(304).at(timestamp));
    }
    request.checkUnmodified(existing, timestamp);
    return Optional.empty();
  }
}
