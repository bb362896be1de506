//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoError.java KintoRequest.java Store.java

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeType;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The query string of a list: Kinto's filters, {@code _sort}, {@code _limit}, {@code _token},
 * {@code _since}, {@code _before}, {@code _fields}. Parsing refuses what Kinto refuses; applying is
 * a pure function of the records.
 *
 * <p>Spec: docs.kinto-storage.org, <i>API 1.x</i>: Filtering, Sorting, Selecting fields, Polling
 * for changes, Pagination.
 */
final class RecordQuery {

  /**
   * One page of the selected records.
   *
   * @param records on this page
   * @param total number of records on all pages
   * @param nextToken the {@code _token} of the next page
   */
  record Page(List<ObjectNode> records, int total, Optional<String> nextToken) {}

  private record Filter(String operator, String field, List<JsonNode> values) {}

  private record Sort(String field, boolean descending) {}

  private static final String MODIFIED = "last_modified";
  private static final Pattern PREFIXED =
      Pattern.compile("(lt|min|max|not|eq|gt|in|exclude|like|has)_([\\w.]+)");

  private final List<Filter> filters = new ArrayList<>();
  private final List<Sort> sorts = new ArrayList<>();
  private final Set<String> fields = new LinkedHashSet<>();
  private int limit = Integer.MAX_VALUE;
  private ObjectNode after;

  private RecordQuery() {}

  /**
   * @param knownFields the only fields that may be filtered on; empty to allow any
   * @param pageSize the server's own limit, 0 for none
   */
  static RecordQuery parse(
      List<KintoRequest.Parameter> parameters, Set<String> knownFields, int pageSize) {
    RecordQuery query = new RecordQuery();
    Map<String, List<String>> wanted = new LinkedHashMap<>();
    for (KintoRequest.Parameter parameter : parameters) {
      String name = parameter.name().strip();
      if (name.startsWith("_")) {
        query.accept(name, parameter.value());
      } else {
        wanted.computeIfAbsent(name, _ -> new ArrayList<>()).add(parameter.value());
      }
    }
    for (Map.Entry<String, List<String>> one : wanted.entrySet()) {
      query.filters.add(filter(one.getKey(), one.getValue(), knownFields));
    }
    if (pageSize > 0) {
      query.limit = Math.min(query.limit, pageSize);
    }
    if (query.sorts.stream().noneMatch(sort -> sort.field().equals(MODIFIED))) {
      query.sorts.add(new Sort(MODIFIED, true));
    }
    return query;
  }

  private void accept(String name, String value) {
    switch (name) {
      case "_since" -> filters.add(new Filter("gt", MODIFIED, List.of(timestamp(name, value))));
      case "_before", "_to" ->
          filters.add(new Filter("lt", MODIFIED, List.of(timestamp(name, value))));
      case "_limit" -> limit = number(name, value);
      case "_sort" -> parseSort(value);
      case "_fields" -> fields.addAll(Arrays.asList(value.split(",")));
      case "_token" -> parseToken(value);
      default -> {}
    }
  }

  private static JsonNode timestamp(String name, String value) {
    JsonNode number = nativeValue(KintoRequest.unquoted(value));
    if (!number.isIntegralNumber()) {
      throw notANumber(name, value);
    }
    return number;
  }

  static int number(String name, String value) {
    try {
      return Math.max(0, Integer.parseInt(value.strip()));
    } catch (NumberFormatException e) {
      throw notANumber(name, value);
    }
  }

  private static KintoError notANumber(String name, String value) {
    return KintoError.invalid("querystring", name, "\"" + value + "\" is not a number");
  }

  private void parseSort(String value) {
    for (String part : value.split(",")) {
      String field = part.strip();
      boolean descending = field.startsWith("-");
      if (descending || field.startsWith("+")) {
        field = field.substring(1);
      }
      if (!field.isEmpty()) {
        sorts.add(new Sort(field, descending));
      }
    }
  }

  private void parseToken(String value) {
    try {
      byte[] json = Base64.getUrlDecoder().decode(value);
      if (Store.JSON.readTree(json).path("last_object") instanceof ObjectNode last) {
        after = last;
        return;
      }
    } catch (IllegalArgumentException | JacksonException e) {
      // The same refusal as for JSON of another shape.
    }
    throw KintoError.invalid("querystring", "_token", "_token should be valid base64 JSON encoded");
  }

  /** A filter on one field; a repeated parameter gives a list of values. */
  private static Filter filter(String name, List<String> given, Set<String> knownFields) {
    Matcher prefixed = PREFIXED.matcher(name);
    boolean hasPrefix = prefixed.matches();
    String operator = hasPrefix ? prefixed.group(1) : "eq";
    String field = hasPrefix ? prefixed.group(2) : name;
    if (!knownFields.isEmpty() && !knownFields.contains(field)) {
      throw KintoError.invalid("querystring", name, "Unknown filter field '" + field + "'");
    }
    boolean isSingle = given.size() == 1;
    if (operator.equals("in") || operator.equals("exclude")) {
      List<String> values = isSingle ? List.of(given.getFirst().split(",", -1)) : given;
      return new Filter(operator, field, values.stream().map(RecordQuery::nativeValue).toList());
    }
    if (isSingle) {
      return new Filter(operator, field, List.of(nativeValue(given.getFirst())));
    }
    if (name.equals("id")) {
      String list = "['" + String.join("', '", given) + "']";
      throw KintoError.invalid("querystring", name, list + " is not a string: {'id': ''}");
    }
    ArrayNode list = Store.JSON.createArrayNode();
    given.forEach(value -> list.add(nativeValue(value)));
    return new Filter(operator, field, List.of(list));
  }

  /** The value as JSON ({@code 1}, {@code true}, {@code "1"}) if it parses, else as a string. */
  private static JsonNode nativeValue(String value) {
    try {
      JsonNode node = Store.JSON.readTree(value);
      return node instanceof MissingNode ? Store.JSON.getNodeFactory().stringNode(value) : node;
    } catch (JacksonException e) {
      return Store.JSON.getNodeFactory().stringNode(value);
    }
  }

  Page apply(List<ObjectNode> records, List<ObjectNode> tombstones) {
    List<ObjectNode> selected = new ArrayList<>(records);
    if (filters.stream().anyMatch(filter -> filter.field().equals(MODIFIED))) {
      selected.addAll(tombstones);
    }
    selected.removeIf(record -> !filters.stream().allMatch(filter -> matches(filter, record)));
    selected.sort(this::compare);
    final int total = selected.size();
    if (after != null) {
      selected.removeIf(record -> compare(record, after) <= 0);
    }
    boolean isCut = selected.size() > limit;
    List<ObjectNode> page = isCut ? selected.subList(0, limit) : selected;
    Optional<String> next =
        isCut && limit > 0 ? Optional.of(token(page.getLast())) : Optional.empty();
    return new Page(page.stream().map(this::selectFields).toList(), total, next);
  }

  private String token(ObjectNode last) {
    ObjectNode values = Store.object();
    for (Sort sort : sorts) {
      JsonNode value = last.get(sort.field());
      if (value != null) {
        values.set(sort.field(), value);
      }
    }
    JsonNode token = Store.object().set("last_object", values);
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(token.toString().getBytes(StandardCharsets.UTF_8));
  }

  private ObjectNode selectFields(ObjectNode record) {
    if (fields.isEmpty()) {
      return record;
    }
    ObjectNode selected = Store.object();
    for (String field : fields) {
      copy(record, selected, field.split("\\."), 0);
    }
    for (String field : List.of("id", MODIFIED, "deleted")) {
      if (record.has(field)) {
        selected.set(field, record.get(field));
      }
    }
    return selected;
  }

  private static void copy(ObjectNode from, ObjectNode to, String[] path, int depth) {
    JsonNode value = from.get(path[depth]);
    if (value == null) {
      return;
    }
    if (depth == path.length - 1) {
      to.set(path[depth], value);
    } else if (value instanceof ObjectNode object) {
      JsonNode existing = to.get(path[depth]);
      ObjectNode child = existing instanceof ObjectNode node ? node : to.putObject(path[depth]);
      copy(object, child, path, depth + 1);
    } else {
      to.set(path[depth], value); // not an object: the path cannot go deeper
    }
  }

  private int compare(ObjectNode left, ObjectNode right) {
    for (Sort sort : sorts) {
      int order = ANY_VALUE.compare(value(left, sort.field()), value(right, sort.field()));
      if (order != 0) {
        return sort.descending() ? -order : order;
      }
    }
    return 0;
  }

  private static JsonNode value(ObjectNode record, String field) {
    JsonNode direct = record.path(field);
    if (!direct.isMissingNode() || field.indexOf('.') < 0) {
      return direct;
    }
    JsonNode nested = record;
    for (String part : field.split("\\.")) {
      nested = nested.path(part);
    }
    return nested;
  }

  private static boolean matches(Filter filter, ObjectNode record) {
    JsonNode actual = value(record, filter.field());
    JsonNode wanted = filter.values().getFirst();
    boolean exists = !actual.isMissingNode();
    return switch (filter.operator()) {
      case "eq" -> exists && same(actual, wanted);
      case "not" -> !exists || !same(actual, wanted);
      case "in" -> exists && filter.values().stream().anyMatch(one -> same(actual, one));
      case "exclude" -> !exists || filter.values().stream().noneMatch(one -> same(actual, one));
      case "gt" -> comparable(actual, wanted) && ANY_VALUE.compare(actual, wanted) > 0;
      case "min" -> comparable(actual, wanted) && ANY_VALUE.compare(actual, wanted) >= 0;
      case "lt" -> comparable(actual, wanted) && ANY_VALUE.compare(actual, wanted) < 0;
      case "max" -> comparable(actual, wanted) && ANY_VALUE.compare(actual, wanted) <= 0;
      case "has" -> exists == (wanted.isArray() || wanted.asBoolean(false));
      case "like" -> exists && like(actual, wanted);
      default -> throw new IllegalStateException(filter.operator());
    };
  }

  private static boolean same(JsonNode left, JsonNode right) {
    return left.isNumber() && right.isNumber()
        ? left.decimalValue().compareTo(right.decimalValue()) == 0
        : left.equals(right);
  }

  private static boolean comparable(JsonNode left, JsonNode right) {
    return rank(left) == rank(right);
  }

  /** Whether the value contains the text, ignoring case; {@code *} matches any text. */
  private static boolean like(JsonNode actual, JsonNode wanted) {
    String text = wanted.isString() ? wanted.asString() : wanted.toString();
    String pattern = text.contains("*") ? text : "*" + text + "*";
    String regex =
        String.join(".*", Arrays.stream(pattern.split("\\*", -1)).map(Pattern::quote).toList());
    String value = actual.isString() ? actual.asString() : actual.toString();
    return Pattern.compile(regex, Pattern.CASE_INSENSITIVE | Pattern.DOTALL)
        .matcher(value)
        .matches();
  }

  private static final List<JsonNodeType> RANKS =
      List.of(
          JsonNodeType.NULL,
          JsonNodeType.STRING,
          JsonNodeType.NUMBER,
          JsonNodeType.BOOLEAN,
          JsonNodeType.ARRAY,
          JsonNodeType.OBJECT,
          JsonNodeType.MISSING);

  private static int rank(JsonNode node) {
    return RANKS.indexOf(node.getNodeType());
  }

  /** By type first (missing values last), then by value. */
  private static final Comparator<JsonNode> ANY_VALUE =
      Comparator.<JsonNode>comparingInt(RecordQuery::rank)
          .thenComparing((left, right) -> {
            if (left.isNumber() && right.isNumber()) {
              return left.decimalValue().compareTo(right.decimalValue());
            }
            return left.isString() && right.isString()
                ? left.asString().compareTo(right.asString())
                : left.toString().compareTo(right.toString());
          });
}
