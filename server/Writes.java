//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java History.java JsonPatch.java KintoError.java KintoRequest.java KintoResponse.java
//SOURCES RecordQuery.java Signoff.java Store.java

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * POST, PUT, PATCH and DELETE. As in Kinto, permissions are checked first, then the body, then
 * preconditions, then the signer's rules; only then does anything change. The answer shows the
 * object as written, before the signer changes it.
 */
record Writes(Store store, Access access, Signoff signoff, History history, boolean anyRecordId) {

  private static final String MERGE_PATCH = "application/merge-patch+json";
  private static final String JSON_PATCH = "application/json-patch+json";
  private static final String ID = "[a-zA-Z0-9][a-zA-Z0-9_-]*";

  /** A request's body; data and permissions are null if the body does not have them. */
  private record Body(ObjectNode data, Map<String, Set<String>> permissions) {}

  KintoResponse answer(KintoRequest request, Access.Target target) {
    String method = request.method() + (target.id() == null ? " list" : "");
    if (!method.equals("DELETE list")) {
      checkCollection(target);
    }
    Set<String> principals = access.principals(request.user());
    return switch (method) {
      case "POST list" -> post(request, target, principals);
      case "DELETE list" -> deleteAll(request, target, principals);
      case "PUT" -> put(request, target, principals);
      case "PATCH" -> patch(request, target, principals);
      case "DELETE" -> delete(request, target, principals);
      default -> throw KintoError.methodNotAllowed();
    };
  }

  // --- Methods -------------------------------------------------------------------------------

  private KintoResponse post(KintoRequest request, Access.Target list, Set<String> principals) {
    if (!access.mayCreate(principals, list)) {
      throw request.notPermitted();
    }
    Body body = body(request);
    String id =
        body.data() != null && body.data().path("id").isString()
            ? body.data().get("id").asString()
            : UUID.randomUUID().toString();
    Access.Target target = list.withId(id);
    checkId(target);
    Optional<Store.Entry> existing = store.entry(target.plural(), id);
    checkPrecondition(request, target, existing);
    return existing.isPresent()
        ? shown(200, existing.get(), principals)
        : save(request, target, principals, existing, body, orEmpty(body.data()));
  }

  private KintoResponse put(KintoRequest request, Access.Target target, Set<String> principals) {
    Optional<Store.Entry> existing = store.entry(target.plural(), target.id());
    boolean isNew = existing.isEmpty() || request.isCreateOnly();
    boolean may =
        isNew ? access.mayCreate(principals, target) : access.mayWrite(principals, target);
    if (!may) {
      throw request.notPermitted();
    }
    Body body = body(request);
    checkId(target);
    checkPrecondition(request, target, existing);
    ObjectNode data =
        body.data() != null
            ? body.data()
            : existing.map(entry -> entry.data().deepCopy()).orElse(orEmpty(null));
    return save(request, target, principals, existing, body, data);
  }

  private KintoResponse patch(KintoRequest request, Access.Target target, Set<String> principals) {
    Store.Entry existing = writable(request, target, principals);
    String type = request.header("Content-Type").orElse("").replaceFirst(";.*", "").strip();
    if (type.equals(JSON_PATCH)) {
      JsonPatch.Patched patched = JsonPatch.apply(existing, request.json());
      Body body = new Body(patched.data(), patched.permissions());
      return save(request, target, principals, Optional.of(existing), body, patched.data());
    }
    Body body = body(request);
    if (body.data() == null && body.permissions() == null) {
      throw KintoError.invalid("body", "data", "Provide at least one of data or permissions");
    }
    ObjectNode changes = orEmpty(body.data());
    ObjectNode data = existing.data().deepCopy();
    if (type.equals(MERGE_PATCH)) {
      merge(data, changes);
    } else {
      data.setAll(changes);
    }
    return save(request, target, principals, Optional.of(existing), body, data);
  }

  private KintoResponse delete(KintoRequest request, Access.Target target, Set<String> principals) {
    writable(request, target, principals);
    if (target.is("collection")) {
      signoff.checkDeletion(target);
    }
    ObjectNode tombstone = remove(request, target);
    return KintoResponse.data(200, tombstone).at(Store.lastModified(tombstone));
  }

  private KintoResponse deleteAll(
      KintoRequest request, Access.Target list, Set<String> principals) {
    Predicate<String> deletable =
        access.accessibleIds(principals, list, true).orElseThrow(request::notPermitted);
    checkCollection(list);
    Store.Listing before = store.listing(list.plural());
    request.checkUnmodified(null, before.timestamp());
    RecordQuery query = RecordQuery.parse(request.parameters(), Set.of(), 0);
    List<ObjectNode> objects =
        before.objects().stream().filter(one -> deletable.test(Store.id(one))).toList();
    List<ObjectNode> chosen = query.apply(objects, List.of()).records();
    if (list.is("collection")) {
      for (ObjectNode one : chosen) {
        signoff.checkDeletion(list.withId(Store.id(one)));
      }
    }
    ArrayNode data = Store.JSON.createArrayNode();
    long timestamp = before.timestamp();
    for (ObjectNode one : chosen) {
      ObjectNode tombstone = remove(request, list.withId(Store.id(one)));
      timestamp = Store.lastModified(tombstone);
      data.add(tombstone);
    }
    return KintoResponse.data(200, data).at(timestamp);
  }

  // --- Shared steps --------------------------------------------------------------------------

  /**
   * The object to change, after all checks. 404 tells only accounts that may read the list that the
   * object does not exist; the others get 403.
   */
  private Store.Entry writable(KintoRequest request, Access.Target target, Set<String> principals) {
    Optional<Store.Entry> existing = store.entry(target.plural(), target.id());
    boolean may =
        access.mayWrite(principals, target)
            || (existing.isEmpty() && access.mayRead(principals, target.withId(null)));
    if (!may) {
      throw request.notPermitted();
    }
    checkId(target);
    Store.Entry found =
        existing.orElseThrow(() -> KintoError.missing(target.resource(), target.id()));
    checkPrecondition(request, target, existing);
    return found;
  }

  private KintoResponse save(
      KintoRequest request,
      Access.Target target,
      Set<String> principals,
      Optional<Store.Entry> existing,
      Body body,
      ObjectNode data) {
    if (!data.path("id").asString(target.id()).equals(target.id())) {
      throw KintoError.invalid("body", "id", "Object id does not match existing object");
    }
    ObjectNode wanted = data.deepCopy().put("id", target.id());
    long before = existing.map(Store.Entry::modified).orElse(0L);
    boolean isNewer =
        wanted.path("last_modified").isIntegralNumber() && Store.lastModified(wanted) > before;
    if (!isNewer) {
      wanted.remove("last_modified"); // the store sets it
    }
    ObjectNode old = existing.map(Store.Entry::data).orElse(Store.object());
    if (target.is("collection") && existing.isPresent()) {
      signoff.check(target, old, wanted, principals);
    }
    if (target.is("record")) {
      signoff.checkRecord(target, wanted);
    }
    boolean hasData = body.data() != null || request.method().equals("PATCH");
    if (target.is("group") && hasData && !wanted.has("members")) {
      wanted.putArray("members");
    }
    String user = Access.account(request.user().orElseThrow());
    Map<String, Set<String>> permissions =
        permissions(existing, body, request.method().equals("PATCH"));
    permissions.computeIfAbsent("write", _ -> new LinkedHashSet<>()).add(user);
    Store.Entry saved = store.save(target.plural(), wanted, permissions);
    KintoResponse answer = shown(existing.isPresent() ? 200 : 201, saved, principals);
    history.add(target, existing.isPresent() ? "update" : "create", user, saved);
    if (target.is("record")) {
      signoff.edited(target, user);
    } else if (target.is("collection") && existing.isEmpty()) {
      signoff.created(target, user);
    } else if (target.is("collection")) {
      signoff.changed(target, old, orEmpty(body.data()), user);
    }
    return answer;
  }

  private ObjectNode remove(KintoRequest request, Access.Target target) {
    ObjectNode before = store.entry(target.plural(), target.id()).orElseThrow().data();
    ObjectNode tombstone = store.remove(target.plural(), target.id());
    String user = Access.account(request.user().orElseThrow());
    history.add(target, "delete", user, new Store.Entry(tombstone, Map.of()));
    if (target.is("record")) {
      signoff.edited(target, user);
    } else if (target.is("collection")) {
      signoff.deleted(target, before);
    }
    return tombstone;
  }

  private static KintoResponse shown(int status, Store.Entry entry, Set<String> principals) {
    return KintoResponse.object(status, Access.visiblePermissions(entry, principals), entry.data());
  }

  private static Map<String, Set<String>> permissions(
      Optional<Store.Entry> existing, Body body, boolean merges) {
    Map<String, Set<String>> permissions =
        body.permissions() == null || merges
            ? Store.copy(existing.map(Store.Entry::permissions).orElse(Map.of()))
            : new LinkedHashMap<>();
    if (body.permissions() != null) {
      permissions.putAll(body.permissions());
    }
    return permissions;
  }

  /**
   * A write into a missing collection is 404. That comes before permissions, unless all records are
   * to be deleted.
   */
  private void checkCollection(Access.Target target) {
    if (target.is("record")
        && store.entry(Store.collections(target.bucket()), target.collection()).isEmpty()) {
      throw KintoError.missingParent(target.collection());
    }
  }

  private void checkId(Access.Target target) {
    boolean isAllowed = anyRecordId && target.is("record") || target.id().matches(ID);
    if (!isAllowed) {
      throw KintoError.invalid("path", null, "Invalid object id");
    }
  }

  private void checkPrecondition(
      KintoRequest request, Access.Target target, Optional<Store.Entry> existing) {
    if (existing.isEmpty()) {
      if (request.header("If-Match").isPresent()) {
        throw KintoError.modifiedMeanwhile(null, store.listing(target.plural()).timestamp());
      }
      return;
    }
    ObjectNode data = existing.get().data();
    if (request.isCreateOnly()) {
      throw KintoError.modifiedMeanwhile(data, existing.get().modified());
    }
    request.checkUnmodified(data, existing.get().modified());
  }

  private static ObjectNode orEmpty(ObjectNode data) {
    return data == null ? Store.object() : data;
  }

  /** Merges as RFC 7396 says: null removes a member. */
  private static void merge(ObjectNode into, ObjectNode changes) {
    for (Map.Entry<String, JsonNode> change : changes.properties()) {
      String name = change.getKey();
      if (change.getValue().isNull()) {
        into.remove(name);
      } else if (change.getValue() instanceof ObjectNode inner) {
        ObjectNode child = into.get(name) instanceof ObjectNode old ? old : Store.object();
        merge(child, inner);
        into.set(name, child);
      } else {
        into.set(name, change.getValue());
      }
    }
  }

  private static Body body(KintoRequest request) {
    if (request.body().length == 0) {
      return new Body(null, null);
    }
    ObjectNode body = request.object(Set.of("data", "permissions"));
    Map<String, Set<String>> permissions = null;
    if (body.has("permissions")) {
      permissions = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> one :
          KintoRequest.object(body.get("permissions"), "permissions").properties()) {
        Set<String> principals = new LinkedHashSet<>();
        one.getValue().forEach(principal -> principals.add(principal.asString("")));
        permissions.put(one.getKey(), principals);
      }
    }
    return new Body(
        body.has("data") ? KintoRequest.object(body.get("data"), "data") : null, permissions);
  }
}
