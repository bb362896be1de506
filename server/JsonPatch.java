//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoError.java KintoRequest.java Store.java

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Applies a JSON Patch to an object and its permissions, as Kinto does. Paths begin with {@code
 * /data} or {@code /permissions}. A principal is a key below its permission ({@code
 * /permissions/read/account:editor}); the value of that key does not matter.
 *
 * <p>Either all operations are applied, or none. Spec: RFC 6902; docs.kinto-storage.org, <i>API 1.x
 * › Records › JSON Patch operations</i>.
 */
final class JsonPatch {

  private static final List<String> OPERATIONS =
      List.of("test", "add", "remove", "replace", "move", "copy");

  private static final String PERMISSIONS = "permissions";

  private final ObjectNode document = Store.object();

  private JsonPatch() {}

  /** The result; its permissions replace all earlier ones. */
  record Patched(ObjectNode data, Map<String, Set<String>> permissions) {}

  static Patched apply(Store.Entry entry, JsonNode operations) {
    check(operations);
    JsonPatch patch = new JsonPatch();
    patch.document.set("data", entry.data().deepCopy());
    ObjectNode permissions = patch.document.putObject(PERMISSIONS);
    Set<String> names = new LinkedHashSet<>(List.of("read", "write"));
    names.addAll(entry.permissions().keySet());
    for (String name : names) {
      ObjectNode principals = permissions.putObject(name);
      entry.principals(name).forEach(principal -> principals.put(principal, principal));
    }
    for (JsonNode operation : operations) {
      patch.apply(operation);
    }
    return patch.result();
  }

  private static void check(JsonNode operations) {
    if (!operations.isArray()) {
      throw KintoError.invalid("body", "", "\"" + operations + "\" is not iterable");
    }
    for (int i = 0; i < operations.size(); i++) {
      JsonNode operation = KintoRequest.object(operations.get(i), Integer.toString(i));
      for (String member : List.of("op", "path")) {
        if (!operation.path(member).isString()) {
          throw KintoError.invalid("body", i + "." + member, "Required");
        }
      }
      String op = operation.path("op").asString();
      if (!OPERATIONS.contains(op)) {
        String known = String.join(", ", OPERATIONS);
        throw KintoError.invalid("body", i + ".op", "\"" + op + "\" is not one of " + known);
      }
      for (String member : List.of("path", "from")) {
        if (!operation.path(member).asString("/").startsWith("/")) {
          String text = "String does not match expected pattern";
          throw KintoError.invalid("body", i + "." + member, text);
        }
      }
    }
  }

  private Patched result() {
    if (!(document.get("data") instanceof ObjectNode data)) {
      throw failed("data is not an object");
    }
    Map<String, Set<String>> permissions = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> permission : document.path(PERMISSIONS).properties()) {
      permissions.put(
          permission.getKey(), new LinkedHashSet<>(permission.getValue().propertyNames()));
    }
    return new Patched(data, permissions);
  }

  private void apply(JsonNode operation) {
    String path = operation.path("path").asString();
    JsonNode value = operation.path("value");
    if (path.startsWith("/" + PERMISSIONS + "/")) {
      value = Store.JSON.getNodeFactory().stringNode(path.substring(path.lastIndexOf('/') + 1));
    }
    String op = operation.path("op").asString();
    switch (op) {
      case "test" -> {
        if (!get(path).equals(value)) {
          throw failed(get(path) + " is not equal to tested value " + value);
        }
      }
      case "remove" -> remove(path);
      case "move" -> add(path, remove(operation.path("from").asString("")));
      case "copy" -> add(path, get(operation.path("from").asString("")).deepCopy());
      default -> {
        if (value.isMissingNode()) {
          throw failed("the operation does not contain a 'value' member");
        }
        if (op.equals("replace")) {
          remove(path);
        }
        add(path, value.deepCopy());
      }
    }
  }

  private JsonNode get(String path) {
    JsonNode found = document.at(path);
    if (found.isMissingNode()) {
      throw failed("there is no " + path);
    }
    return found;
  }

  private JsonNode remove(String path) {
    JsonNode removed = get(path);
    String name = name(path);
    switch (parent(path)) {
      case ObjectNode object -> object.remove(name);
      case ArrayNode array -> array.remove(Integer.parseInt(name));
      default -> throw failed("nothing can be removed at " + path);
    }
    return removed;
  }

  private void add(String path, JsonNode value) {
    String name = name(path);
    switch (parent(path)) {
      case ObjectNode object -> object.set(name, value);
      case ArrayNode array -> {
        int at = name.equals("-") ? array.size() : index(name);
        if (at > array.size()) {
          throw failed("can't insert outside of list");
        }
        array.insert(at, value);
      }
      default -> throw failed("nothing can be added at " + path);
    }
  }

  private static int index(String name) {
    if (!name.matches("0|[1-9][0-9]{0,8}")) {
      throw failed("'" + name + "' is not a valid sequence index");
    }
    return Integer.parseInt(name);
  }

  private JsonNode parent(String path) {
    int end = path.lastIndexOf('/');
    return end < 0 ? Store.JSON.missingNode() : get(path.substring(0, end));
  }

  private static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1).replace("~1", "/").replace("~0", "~");
  }

  private static KintoError failed(String why) {
    return KintoError.invalid("body", null, "JSON Patch operation failed: " + why);
  }
}
