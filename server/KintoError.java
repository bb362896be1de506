//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Store.java

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A refusal in Kinto's words: status, its own error number, and what is wrong. Thrown before
 * anything has been changed; {@link Routes} makes an answer of it.
 */
final class KintoError extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;
  private final transient ObjectNode body;
  private long timestamp;
  private boolean isOfSigner;

  private KintoError(int status, int errno, String error, String message, JsonNode details) {
    super(message == null ? error : message);
    this.status = status;
    body = Store.object();
    body.put("code", status).put("errno", errno).put("error", error);
    if (message != null) {
      body.put("message", message);
    }
    if (details != null) {
      body.set("details", details);
    }
  }

  int status() {
    return status;
  }

  ObjectNode body() {
    return body;
  }

  /** Timestamp of the object that stands in the way; 0 if there is none. */
  long timestamp() {
    return timestamp;
  }

  /**
   * Whether the signer refuses. It is asked when all parts of a batch have been done, so that it
   * refuses the whole, and nothing is kept.
   */
  boolean isOfSigner() {
    return isOfSigner;
  }

  private KintoError bySigner() {
    isOfSigner = true;
    return this;
  }

  static KintoError unauthorized() {
    String message = "Please authenticate yourself to use this endpoint.";
    return new KintoError(401, 104, "Unauthorized", message, null);
  }

  static KintoError forbidden() {
    String message = "This user cannot access this resource.";
    return new KintoError(403, 121, "Forbidden", message, null);
  }

  /** What the signer does not let this account do. */
  static KintoError forbidden(String message) {
    return new KintoError(403, 121, "Forbidden", message, null).bySigner();
  }

  /** What the signer does not accept. */
  static KintoError refused(String message) {
    return new KintoError(400, 109, "Bad Request", message, null).bySigner();
  }

  /** A path that leads nowhere. */
  static KintoError unknownPath() {
    String message = "The resource you are looking for could not be found.";
    return new KintoError(404, 111, "Not Found", message, null);
  }

  /** A bucket, collection or record that is not there. */
  static KintoError missing(String resource, String id) {
    JsonNode details = Store.object().put("id", id).put("resource_name", resource);
    return new KintoError(404, 110, "Not Found", null, details);
  }

  /** A collection that is not there, in which something is looked for. */
  static KintoError missingParent(String id) {
    JsonNode details = missing("collection", id).body().get("details");
    return new KintoError(404, 111, "Not Found", null, details);
  }

  static KintoError methodNotAllowed() {
    String message = "Method not allowed on this endpoint.";
    return new KintoError(405, 115, "Method Not Allowed", message, null);
  }

  /**
   * A parameter or body that does not parse.
   *
   * @param name null if it is the whole; a description that holds it is a message by itself
   */
  static KintoError invalid(String location, String name, String description) {
    JsonNode detail =
        Store.object().put("location", location).put("name", name).put("description", description);
    String message =
        name == null
            ? location + ": " + description
            : description.contains(name)
                ? description
                : name + " in " + location + ": " + description;
    JsonNode details = Store.JSON.createArrayNode().add(detail);
    return new KintoError(400, 107, "Invalid parameters", message, details);
  }

  /** What a Kinto cannot cope with. */
  static KintoError crash() {
    String message = "A programmatic error occured, developers have been informed.";
    KintoError error = new KintoError(500, 999, "Internal Server Error", message, null);
    error.body.put("info", "https://github.com/Kinto/kinto/issues/");
    return error;
  }

  /**
   * The object is no longer the one that {@code If-Match} names, or it is there already.
   *
   * @param existing null if there is none
   * @param timestamp of the object or of its list
   */
  static KintoError modifiedMeanwhile(ObjectNode existing, long timestamp) {
    ObjectNode details = null;
    if (existing != null) {
      details = Store.object();
      details.set("existing", existing);
    }
    String message = "Resource was modified meanwhile";
    KintoError error = new KintoError(412, 114, "Precondition Failed", message, details);
    error.timestamp = timestamp;
    return error;
  }

  /** What a fault answers: any status with a text of its own. */
  static KintoError fault(int status, String error, String message) {
    int errno =
        switch (status) {
          case 401 -> 104;
          case 403 -> 121;
          case 404 -> 111;
          case 409 -> 122;
          case 412 -> 114;
          case 429 -> 117;
          case 503 -> 201;
          default -> 999;
        };
    return new KintoError(status, errno, error, message, null);
  }
}
