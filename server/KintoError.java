//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Store.java

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A refusal in Kinto's words: the status, Kinto's error number, and a message. It is thrown before
 * anything has changed; {@link Routes} turns it into an answer.
 */
final class KintoError extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;
  private final transient ObjectNode body;
  private long timestamp;
  private boolean isBySigner;

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

  /** Timestamp of the object that caused the refusal; 0 if there is none. */
  long timestamp() {
    return timestamp;
  }

  /**
   * Whether the signer refused. The signer runs after all parts of a batch, so its refusal applies
   * to the whole batch, and nothing of the batch is kept.
   */
  boolean isBySigner() {
    return isBySigner;
  }

  private KintoError bySigner() {
    isBySigner = true;
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

  /** The signer does not let this account do that. */
  static KintoError forbidden(String message) {
    return new KintoError(403, 121, "Forbidden", message, null).bySigner();
  }

  /** The signer does not accept the change. */
  static KintoError refused(String message) {
    return new KintoError(400, 109, "Bad Request", message, null).bySigner();
  }

  /** The path does not exist. */
  static KintoError unknownPath() {
    String message = "The resource you are looking for could not be found.";
    return new KintoError(404, 111, "Not Found", message, null);
  }

  /** The bucket, collection or record does not exist. */
  static KintoError missing(String resource, String id) {
    JsonNode details = Store.object().put("id", id).put("resource_name", resource);
    return new KintoError(404, 110, "Not Found", null, details);
  }

  /** The object's collection does not exist. */
  static KintoError missingParent(String id) {
    JsonNode details = missing("collection", id).body().get("details");
    return new KintoError(404, 111, "Not Found", null, details);
  }

  static KintoError methodNotAllowed() {
    String message = "Method not allowed on this endpoint.";
    return new KintoError(405, 115, "Method Not Allowed", message, null);
  }

  /**
   * A parameter or a body is not valid.
   *
   * @param name of the parameter or field; null if there is none. If the description contains the
   *     name, the description alone is the message
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

  /** The request makes Kinto crash. */
  static KintoError crash() {
    String message = "A programmatic error occured, developers have been informed.";
    KintoError error = new KintoError(500, 999, "Internal Server Error", message, null);
    error.body.put("info", "https://github.com/Kinto/kinto/issues/");
    return error;
  }

  /**
   * The object has changed since the {@code If-Match} timestamp, or it already exists.
   *
   * @param existing the object as it is now; null if there is none
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

  /** The answer of a fault, with any status and message. */
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
