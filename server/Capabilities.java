//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java Attachments.java ChangesPlugin.java Dialect.java History.java KintoRequest.java
//SOURCES KintoResponse.java Signoff.java Store.java

import java.net.URI;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the server says about itself: the answers of {@code /v1/} and of the heartbeats. */
final class Capabilities {

  private Capabilities() {}

  static KintoResponse heartbeat(KintoRequest request) {
    ObjectNode body = Store.object();
    if (request.path().endsWith("/__heartbeat__")) {
      for (String part : List.of("storage", "permission", "cache", "attachments", "signer")) {
        body.put(part, true);
      }
    }
    return KintoResponse.json(200, body);
  }

  static KintoResponse serverInfo(KintoRequest request, Access access, Dialect dialect) {
    ObjectNode info = Store.object();
    info.put("project_name", "Remote Settings (embedded)")
        .put("project_version", "26.5.0")
        .put("http_api_version", "1.23")
        .put("project_docs", "https://kinto.readthedocs.io/")
        .put("url", request.base() + "/v1/")
        .putNull("config");
    info.putObject("settings")
        .put("explicit_permissions", true)
        .put("readonly", false)
        .put("batch_max_requests", dialect.batchMaxRequests());
    request
        .user()
        .map(Access::account)
        .ifPresent(account -> {
          ArrayNode principals = info.putObject("user").put("id", account).putArray("principals");
          access.principals(request.user()).forEach(principals::add);
        });
    ObjectNode capabilities = info.putObject("capabilities");
    capabilities
        .putObject("accounts")
        .put("description", "Manage user accounts.")
        .put("url", "https://kinto.readthedocs.io/en/latest/api/1.x/accounts.html")
        .put("validation_enabled", false);
    ArrayNode withoutHistory =
        capabilities
            .putObject("history")
            .put("description", "Track changes on data.")
            .put("url", "http://kinto.readthedocs.io/en/latest/api/1.x/history.html")
            .putArray("excluded_resources");
    History.EXCLUDED.forEach(bucket -> withoutHistory.addObject().put("bucket", bucket));
    capabilities
        .putObject("flush_endpoint")
        .put(
            "description",
            "The __flush__ endpoint can be used to remove all data from all backends.")
        .put("url", "https://kinto.readthedocs.io/en/latest/api/1.x/flush.html");
    capabilities.set("attachments", attachments(request.origin()));
    ArrayNode announced =
        capabilities
            .putObject("changes")
            .put(
                "description",
                "Track modifications of records in Kinto and store the collection timestamps"
                    + " into a specific bucket and collection.")
            .put(
                "url",
                "http://kinto.readthedocs.io/en/latest/tutorials/synchronisation.html"
                    + "#polling-for-remote-changes")
            .put("version", "0.0.0")
            .putArray("collections");
    ChangesPlugin.BUCKETS.forEach(bucket -> announced.add("/buckets/" + bucket));
    signer(capabilities.putObject("signer"), dialect.oldSigner());
    return KintoResponse.json(200, info);
  }

  /** What {@code /v1} and {@code /v2} say about attachments. */
  static ObjectNode attachments(URI origin) {
    return Store.object()
        .put("description", "Add file attachments to records")
        .put("url", "https://github.com/Kinto/kinto-attachment/")
        .put("version", "9.0.1")
        .put("base_url", origin + Attachments.PATH);
  }

  private static void signer(ObjectNode capability, boolean isOld) {
    capability
        .put("description", "Digital signatures for integrity and authenticity of records.")
        .put("url", "https://github.com/mozilla/remote-settings/tree/main/kinto-remote-settings")
        .put("version", isOld ? "6.1.0" : "0.0.0");
    ArrayNode resources = capability.putArray("resources");
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      ObjectNode node = resources.addObject();
      place(node.putObject("source"), resource.source(), resource.collection());
      place(node.putObject("destination"), resource.destination(), resource.collection());
      if (resource.preview() != null) {
        place(node.putObject("preview"), resource.preview(), resource.collection());
      }
      if (!resource.reviewed()) {
        node.put("to_review_enabled", false);
      }
    }
    if (!isOld) {
      capability.put("plugin_userid", "plugin:remote-settings");
    }
    capability
        .put("group_check_enabled", true)
        .put("editors_group", "{collection_id}-editors")
        .put("reviewers_group", "{collection_id}-reviewers")
        .put("to_review_enabled", true);
  }

  private static void place(ObjectNode node, String bucket, String collection) {
    node.put("bucket", bucket).put("collection", collection);
  }
}
