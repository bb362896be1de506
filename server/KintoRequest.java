//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoError.java Store.java

import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request of Kinto's protocol, with the parsing that several classes need.
 *
 * @param origin of the server, as it knows itself
 * @param target path and query as received
 * @param path without the query, still encoded
 * @param parameters of the query string, decoded, in order
 * @param headers by lower-case name, with the last value of each
 * @param user the authenticated account; empty for anonymous requests
 */
record KintoRequest(
    URI origin,
    String method,
    String target,
    String path,
    List<Parameter> parameters,
    Map<String, String> headers,
    byte[] body,
    Optional<String> user) {

  /** One pair of the decoded query string. */
  record Parameter(String name, String value) {}

  boolean isRead() {
    return method.equals("GET") || method.equals("HEAD");
  }

  /** 403 for an authenticated account, 401 for an anonymous request. */
  KintoError notPermitted() {
    return user.isPresent() ? KintoError.forbidden() : KintoError.unauthorized();
  }

  /**
   * Scheme and authority that the client used. The link to the next page must not lead from {@code
   * localhost} to {@code 127.0.0.1}, which is another origin.
   */
  String base() {
    return origin.getScheme() + "://" + header("host").orElse(origin.getAuthority());
  }

  // --- Path ----------------------------------------------------------------------------------

  /** The decoded segments of the path; an encoded slash does not split a segment. */
  List<String> segments() {
    return Arrays.stream(path.split("/"))
        .filter(segment -> !segment.isEmpty())
        .map(KintoRequest::decodedPath)
        .toList();
  }

  /** {@code bucket/collection} if the path leads into a collection, else empty. */
  String collection() {
    List<String> segments = segments();
    boolean isInside =
        segments.size() >= 5
            && segments.get(1).equals("buckets")
            && segments.get(3).equals("collections");
    return isInside ? segments.get(2) + "/" + segments.get(4) : "";
  }

  static String decodedPath(String path) {
    return decoded(path.replace("+", "%2B"));
  }

  private static String decoded(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return text;
    }
  }

  // --- Query ---------------------------------------------------------------------------------

  static List<Parameter> parseQuery(String query) {
    List<Parameter> parameters = new ArrayList<>();
    if (query == null) {
      return parameters;
    }
    for (String pair : query.split("&")) {
      int equals = pair.indexOf('=');
      String name = equals < 0 ? pair : pair.substring(0, equals);
      String value = equals < 0 ? "" : pair.substring(equals + 1);
      if (!name.isEmpty()) {
        parameters.add(new Parameter(decoded(name), decoded(value)));
      }
    }
    return parameters;
  }

  Optional<String> parameter(String name) {
    return parameters.stream()
        .filter(parameter -> parameter.name().equals(name))
        .map(Parameter::value)
        .findFirst();
  }

  /** The value of a parameter, quoted or not; empty if it is missing or not a number. */
  Optional<Long> number(String parameter) {
    return parameter(parameter)
        .map(KintoRequest::unquoted)
        .filter(value -> value.matches("[0-9]{1,18}"))
        .map(Long::parseLong);
  }

  static String unquoted(String value) {
    return value.replaceAll("^\"+|\"+$", "");
  }

  /** The query string with one parameter replaced, or removed if the value is null. */
  String queryWith(String name, String value) {
    String query =
        parameters.stream()
            .filter(parameter -> !parameter.name().equals(name) || value != null)
            .map(parameter ->
                encoded(parameter.name())
                    + "="
                    + encoded(parameter.name().equals(name) ? value : parameter.value()))
            .collect(Collectors.joining("&"));
    return query.isEmpty() ? "" : "?" + query;
  }

  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  // --- Headers -------------------------------------------------------------------------------

  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
  }

  /** The timestamp of a precondition header; empty if the header is missing or {@code *}. */
  Optional<Long> etag(String header) {
    Optional<String> value = header(header);
    return value.isEmpty() || value.get().equals("*")
        ? Optional.empty()
        : Optional.of(quotedNumber("header", header, value.get()));
  }

  static long quotedNumber(String location, String name, String value) {
    if (!value.matches("\"[0-9]{1,18}\"")) {
      String allowed = "The value should be integer between double quotes.";
      throw KintoError.invalid(location, name, allowed);
    }
    return Long.parseLong(unquoted(value));
  }

  /** Whether the request must not overwrite an existing object ({@code If-None-Match: *}). */
  boolean isCreateOnly() {
    return header("If-None-Match").filter("*"::equals).isPresent();
  }

  /** Throws 412 if {@code If-Match} names another timestamp. */
  void checkUnmodified(ObjectNode existing, long timestamp) {
    Optional<Long> match = etag("If-Match");
    if (match.isPresent() && timestamp != match.get()) {
      throw KintoError.modifiedMeanwhile(existing, timestamp);
    }
  }

  // --- Body ----------------------------------------------------------------------------------

  /** The body as JSON, whatever its shape. */
  JsonNode json() {
    try {
      return Store.JSON.readTree(body);
    } catch (JacksonException e) {
      throw KintoError.invalid("body", null, "Invalid JSON: " + e.getOriginalMessage());
    }
  }

  /**
   * The body as an object with only the known members. The refusal has the words of the library
   * with which Kinto checks bodies; it shows a Python dict.
   */
  ObjectNode object(Set<String> known) {
    ObjectNode object = object(json(), "");
    Set<String> unknown = new TreeSet<>(object.propertyNames());
    unknown.removeAll(known);
    if (unknown.isEmpty()) {
      return object;
    }
    String shown =
        unknown.stream()
            .map(name -> "'" + name + "': " + object.get(name))
            .collect(Collectors.joining(", "));
    throw KintoError.invalid("body", "", "Unrecognized keys in mapping: \"{" + shown + "}\"");
  }

  static ObjectNode object(JsonNode node, String name) {
    if (node instanceof ObjectNode object) {
      return object;
    }
    String text =
        "\"" + node + "\" is not a mapping type: Does not implement dict-like functionality.";
    throw KintoError.invalid("body", name, text);
  }
}
