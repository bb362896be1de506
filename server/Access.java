//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Store.java

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Who may do what, by Kinto's rules. Buckets, collections, groups and records have permissions;
 * those of a bucket or a collection also apply to everything in it.
 *
 * <p>Spec: docs.kinto-storage.org, <i>API 1.x › Permissions</i>.
 */
record Access(Store store) {

  /** The accounts that exist; the password of each is its name. */
  static final List<String> ACCOUNTS = List.of("admin", "editor", "reviewer");

  /** May do everything, like an account to which a server's settings grant all permissions. */
  private static final String ADMIN = "account:admin";

  static final String AUTHENTICATED = "system.Authenticated";

  /**
   * The object or the list that a path addresses.
   *
   * @param resource {@code bucket}, {@code collection}, {@code group} or {@code record}
   * @param plural path of the list: Kinto's plural endpoint
   * @param id of the object; null for the list itself
   * @param bucket null for the list of buckets
   * @param collection null outside of collections
   */
  record Target(String resource, String plural, String id, String bucket, String collection) {

    static Target buckets(String id) {
      return new Target("bucket", "/buckets", id, id, null);
    }

    static Target collections(String bucket, String id) {
      return new Target("collection", Store.collections(bucket), id, bucket, id);
    }

    static Target groups(String bucket, String id) {
      return new Target("group", Store.groups(bucket), id, bucket, null);
    }

    static Target records(String bucket, String collection, String id) {
      return new Target("record", Store.records(bucket, collection), id, bucket, collection);
    }

    boolean is(String name) {
      return resource.equals(name);
    }

    /** Another object of the same list; null gives the list itself. */
    Target withId(String other) {
      return switch (resource) {
        case "bucket" -> buckets(other);
        case "collection" -> collections(bucket, other);
        case "group" -> groups(bucket, other);
        default -> records(bucket, collection, other);
      };
    }
  }

  static String account(String user) {
    return "account:" + user;
  }

  /** The principals of a request: its account, the account's groups, and everyone. */
  Set<String> principals(Optional<String> user) {
    Set<String> principals = new LinkedHashSet<>();
    user.ifPresent(name -> principals.add(account(name)));
    principals.add(Store.EVERYONE);
    if (user.isPresent()) {
      principals.add(AUTHENTICATED);
      for (Store.Entry bucket : store.entries("/buckets")) {
        String groups = Store.groups(Store.id(bucket.data()));
        for (Store.Entry group : store.entries(groups)) {
          for (JsonNode member : group.data().path("members")) {
            if (member.asString("").equals(account(user.get()))) {
              principals.add(groups + "/" + Store.id(group.data()));
            }
          }
        }
      }
    }
    return principals;
  }

  /** Whether everything in the bucket may be read. */
  boolean mayReadBucket(Set<String> principals, String bucket) {
    return has(principals, "/buckets", bucket, "read", "write");
  }

  boolean mayRead(Set<String> principals, Target target) {
    return (target.bucket() != null && mayReadBucket(principals, target.bucket()))
        || (target.is("record") && inCollection(principals, target, "read", "write"))
        || (target.id() != null
            && has(principals, target.plural(), target.id(), readPermissions(target)));
  }

  /** The permissions that include reading an object. */
  private static String[] readPermissions(Target target) {
    return switch (target.resource()) {
      case "bucket" -> new String[] {"read", "write", "collection:create", "group:create"};
      case "collection" -> new String[] {"read", "write", "record:create"};
      default -> new String[] {"read", "write"};
    };
  }

  /**
   * Which objects of a list may be read, or deleted: all of them, or those shared with the
   * principals. Principals who may only create objects can access none.
   *
   * @return a test of ids; empty if the list itself is forbidden
   */
  Optional<Predicate<String>> accessibleIds(Set<String> principals, Target list, boolean toWrite) {
    if (toWrite ? mayWrite(principals, list) : mayRead(principals, list)) {
      return Optional.of(_ -> true);
    }
    String[] permissions = toWrite ? new String[] {"write"} : readPermissions(list);
    Set<String> shared =
        store.entries(list.plural()).stream()
            .filter(entry -> grants(entry, principals, permissions))
            .map(entry -> Store.id(entry.data()))
            .collect(Collectors.toSet());
    return shared.isEmpty() && !mayCreate(principals, list)
        ? Optional.empty()
        : Optional.of(shared::contains);
  }

  /** Whether the object may be written; for a list, whether its objects may be deleted. */
  boolean mayWrite(Set<String> principals, Target target) {
    return (target.bucket() == null
            ? principals.contains(ADMIN)
            : has(principals, "/buckets", target.bucket(), "write"))
        || (target.collection() != null && inCollection(principals, target, "write"))
        || (target.id() != null && has(principals, target.plural(), target.id(), "write"));
  }

  boolean mayCreate(Set<String> principals, Target target) {
    return switch (target.resource()) {
      case "bucket" -> principals.contains(ADMIN);
      case "record" ->
          has(principals, "/buckets", target.bucket(), "write")
              || inCollection(principals, target, "write", "record:create");
      default ->
          has(principals, "/buckets", target.bucket(), "write", target.resource() + ":create");
    };
  }

  private boolean inCollection(Set<String> principals, Target target, String... permissions) {
    return has(principals, Store.collections(target.bucket()), target.collection(), permissions);
  }

  private boolean has(Set<String> principals, String plural, String id, String... permissions) {
    return principals.contains(ADMIN)
        || store
            .entry(plural, id)
            .filter(entry -> grants(entry, principals, permissions))
            .isPresent();
  }

  /** Whether the object itself grants one of the permissions. */
  private static boolean grants(Store.Entry entry, Set<String> principals, String... permissions) {
    return Arrays.stream(permissions)
        .flatMap(permission -> entry.principals(permission).stream())
        .anyMatch(principals::contains);
  }

  /**
   * The object's permissions, shown only if the object itself grants write. Write access by the
   * bucket's permissions or the server's settings does not count.
   */
  static ObjectNode visiblePermissions(Store.Entry entry, Set<String> principals) {
    ObjectNode shown = Store.object();
    if (grants(entry, principals, "write")) {
      entry
          .permissions()
          .forEach((name, holders) -> {
            if (!holders.isEmpty()) {
              holders.forEach(shown.putArray(name)::add);
            }
          });
    }
    return shown;
  }
}
