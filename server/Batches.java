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
 * Many requests in one: one after the other, whatever becomes of them; each part has its own
 * status. What the signer refuses in one part is refused as a whole.
 *
 * <p>A 409 undoes what the parts before it have done, though these say that it is done; the parts
 * after it are done for good. That is what a Kinto 16.3 on PostgreSQL does, whose batch aborts its
 * transaction there and goes on in a new one.
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
      Optional<KintoResponse> spoiled = faults.takeRefusal(part, batch);
      KintoResponse given = spoiled.isPresent() ? spoiled.get() : answerPart(part);
      if (given.status() == 409) {
        store.undo();
      }
      ObjectNode response = responses.addObject();
      String path = KintoRequest.decodedPath(part.path());
      response.put("path", path).put("status", given.status());
      ObjectNode headers = response.putObject("headers");
      given.headers().forEach(headers::put);
      headers.put("Content-Length", Integer.toString(given.body().length));
      boolean isJson = given.headers().getOrDefault("Content-Type", "").contains("json");
      if (isJson && !part.method().equals("HEAD")) {
        response.set("body", Store.JSON.readTree(given.body()));
      }
    }
    return KintoResponse.json(200, answer);
  }

  private KintoResponse answerPart(KintoRequest part) {
    try {
      return router.apply(part);
    } catch (KintoError e) {
      if (e.isOfSigner()) {
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
      if (part.path("path").asString("").contains("/batch")) { // as a Kinto looks for it
        String refusal = "Recursive call on /batch endpoint is forbidden.";
        throw KintoError.invalid("body", "requests", refusal);
      }
    }
    List<KintoRequest> requests = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      String name = "requests." + i;
      ObjectNode part = KintoRequest.object(parts.get(i), name).deepCopy();
      if (body.get("defaults") instanceof ObjectNode defaults) {
        complete(part, defaults);
      }
      requests.add(part(batch, part, name));
    }
    return requests;
  }

  /** Adds what is not there, at every depth. */
  private static void complete(ObjectNode part, ObjectNode defaults) {
    for (Map.Entry<String, JsonNode> one : defaults.properties()) {
      JsonNode there = part.get(one.getKey());
      if (there == null) {
        part.set(one.getKey(), one.getValue().deepCopy());
      } else if (there instanceof ObjectNode inner && one.getValue() instanceof ObjectNode more) {
        complete(inner, more);
      }
    }
  }

  /**
   * A part of a batch as a request of its own: what it does not say is that of the whole. Its body
   * is an object, and sent as plain JSON whatever its headers say.
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
