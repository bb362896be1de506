//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Faults.java KintoError.java KintoRequest.java KintoResponse.java Store.java

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Runs the parts of a batch one after the other. Each part has its own status, and a part that
 * fails does not stop the others, but if the signer refuses one part, the whole batch is refused.
 *
 * <p>A 409 undoes the earlier parts, although they have reported success; the later parts stay
 * applied. Kinto 16.3 on PostgreSQL behaves like this: the conflict aborts the transaction, and the
 * batch goes on in a new one.
 */
record Batches(
    Store store, Faults faults, int maxRequests, Function<KintoRequest, KintoResponse> router) {

  KintoResponse answer(KintoRequest batch) {
    List<KintoRequest> parts = parts(batch);
    store.begin();
    try {
      return answer(batch, parts);
    } finally {
      store.end();
    }
  }

  private KintoResponse answer(KintoRequest batch, List<KintoRequest> parts) {
    ObjectNode answer = Store.object();
    ArrayNode responses = answer.putArray("responses");
    for (KintoRequest part : parts) {
      Optional<KintoResponse> fault = faults.takeRefusal(part, batch);
      KintoResponse partAnswer = fault.isPresent() ? fault.get() : answerPart(part);
      if (partAnswer.status() == 409) {
        store.undo();
      }
      ObjectNode response = responses.addObject();
      String path = KintoRequest.decodedPath(part.path());
      response.put("path", path).put("status", partAnswer.status());
      ObjectNode headers = response.putObject("headers");
      partAnswer.headers().forEach(headers::put);
      headers.put("Content-Length", Integer.toString(partAnswer.body().length));
      boolean isJson = partAnswer.headers().getOrDefault("Content-Type", "").contains("json");
      if (isJson && !part.method().equals("HEAD")) {
        response.set("body", Store.JSON.readTree(partAnswer.body()));
      }
    }
    return KintoResponse.json(200, answer);
  }

  private KintoResponse answerPart(KintoRequest part) {
    try {
      return router.apply(part);
    } catch (KintoError e) {
      if (e.isBySigner()) {
        store.undo();
        throw e;
      }
      return KintoResponse.refusal(e);
    }
  }

  private List<KintoRequest> parts(KintoRequest batch) {
    ObjectNode body = batch.object(Set.of("defaults", "requests"));
    if (!(body.get("requests") instanceof ArrayNode parts)) {
      throw KintoError.invalid("body", "requests", "Required");
    }
    if (parts.size() > maxRequests) {
      String most = "Number of requests is limited to " + maxRequests;
      throw KintoError.invalid("body", "requests", most);
    }
    for (JsonNode part : parts) {
      if (part.path("path").asString("").contains("/batch")) { // Kinto's own test
        String refusal = "Recursive call on /batch endpoint is forbidden.";
        throw KintoError.invalid("body", "requests", refusal);
      }
    }
    List<KintoRequest> requests = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      String name = "requests." + i;
      ObjectNode part = KintoRequest.object(parts.get(i), name).deepCopy();
      if (body.get("defaults") instanceof ObjectNode defaults) {
        addDefaults(part, defaults);
      }
      requests.add(part(batch, part, name));
    }
    return requests;
  }

  /** Adds the members that the part lacks, at every depth. */
  private static void addDefaults(ObjectNode part, ObjectNode defaults) {
    for (Map.Entry<String, JsonNode> member : defaults.properties()) {
      JsonNode existing = part.get(member.getKey());
      if (existing == null) {
        part.set(member.getKey(), member.getValue().deepCopy());
      } else if (existing instanceof ObjectNode inner
          && member.getValue() instanceof ObjectNode more) {
        addDefaults(inner, more);
      }
    }
  }

  /**
   * Turns a part of a batch into a request. What the part does not say is taken from the batch. The
   * body must be an object; its content type is JSON, whatever the part's headers say.
   */
  private static KintoRequest part(KintoRequest batch, ObjectNode part, String name) {
    String path = part.path("path").asString("");
    if (!path.startsWith("/")) {
      String text = "String does not match expected pattern";
      throw KintoError.invalid("body", name + ".path", text);
    }
    if (!StandardCharsets.US_ASCII.newEncoder().canEncode(path)) {
      throw KintoError.crash();
    }
    Map<String, String> headers = new LinkedHashMap<>(batch.headers());
    headers.keySet().removeAll(List.of("if-match", "if-none-match", "content-length"));
    part.path("headers")
        .properties()
        .forEach(header ->
            headers.put(header.getKey().toLowerCase(Locale.ROOT), header.getValue().asString()));
    byte[] body = {};
    if (part.has("body")) {
      body = Store.JSON.writeValueAsBytes(KintoRequest.object(part.get("body"), name + ".body"));
      headers.put("content-type", "application/json; charset=utf-8");
    }
    String target = path.startsWith("/v1/") ? path : "/v1" + path;
    String[] pathAndQuery = target.split("\\?", 2);
    return new KintoRequest(
        batch.origin(),
        part.path("method").asString("GET"),
        target,
        pathAndQuery[0],
        KintoRequest.parseQuery(pathAndQuery.length == 1 ? null : pathAndQuery[1]),
        headers,
        body,
        batch.user());
  }
}
