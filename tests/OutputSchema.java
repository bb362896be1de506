//DEPS com.networknt:json-schema-validator:3.0.9
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-core:3.3.0
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.networknt.schema.Error;
import com.networknt.schema.OutputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import com.networknt.schema.output.OutputUnit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The schema of what {@code --format json} prints, {@code docs/output.schema.json}. {@link
 * Terminal} holds every document against it that any test makes a command print.
 */
final class OutputSchema {

  /** Reads documents as strictly as anybody does. */
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .build();

  /** Tell which of several descriptions is meant. */
  private static final Set<String> DISCRIMINATORS = Set.of("command", "status", "check");

  /** Keywords that narrow what is described elsewhere. */
  private static final Set<String> CONDITIONS = Set.of("if", "then", "else");

  private static final Pattern BRANCH = Pattern.compile("/oneOf/\\d+");

  /** The schema itself. */
  static final JsonNode TEXT = read();

  private static final SchemaRegistry REGISTRY =
      SchemaRegistry.withDefaultDialect(
          SpecificationVersion.DRAFT_2020_12,
          builder ->
              builder.schemaRegistryConfig(
                  SchemaRegistryConfig.builder().formatAssertionsEnabled(true).build()));
  private static final Schema DOCUMENT = REGISTRY.getSchema(TEXT);
  private static final Schema RUN = REGISTRY.getSchema(definition("run"));

  private OutputSchema() {}

  private static JsonNode read() {
    try {
      return JSON.readTree(Files.readString(Project.root().resolve("docs/output.schema.json")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The schema of a part. */
  private static JsonNode definition(String name) {
    ObjectNode schema = ((ObjectNode) TEXT).deepCopy();
    schema.remove("oneOf");
    return schema.put("$ref", "#/$defs/" + name);
  }

  /** The commands whose documents it describes. */
  static Set<String> commands() {
    Set<String> commands = new TreeSet<>();
    TEXT.path("oneOf")
        .forEach(one -> commands.add(one.path("$ref").asString().replaceFirst(".*/", "")));
    return commands;
  }

  /** Fails unless that is one document, and as the schema says. */
  static JsonNode check(String document) {
    JsonNode read = JSON.readTree(document);
    assertEquals(List.of(), errors(read), document);
    return read;
  }

  /** What is wrong with a document; of a command that only tests have, with what all have. */
  static List<String> errors(JsonNode document) {
    boolean isKnown =
        !document.path("command").isString() || isKnown(document.path("command").asString());
    return telling((isKnown ? DOCUMENT : RUN).validate(document).stream().map(Found::of).toList());
  }

  /** Whether nothing is wrong with a document of a command; faster than to say what. */
  static boolean isValid(JsonNode document) {
    return DOCUMENT.validate(document).isEmpty();
  }

  /** The tests have a command of their own. */
  private static boolean isKnown(String command) {
    return !command.equals("probe");
  }

  /**
   * All that the schema describes, by its place there: {@code …/properties/cause} for a field,
   * {@code …/properties/cause="expired"} for each value of a closed set, {@code =null} where a
   * field may be.
   */
  static Set<String> described() {
    Set<String> described = new TreeSet<>();
    describe(TEXT, "", described);
    return described;
  }

  private static void describe(JsonNode schema, String place, Set<String> out) {
    schema.path("properties").propertyNames().forEach(name -> out.add(property(place, name)));
    Stream.of(schema.path("enum").valueStream(), Stream.ofNullable(schema.get("const")))
        .flatMap(values -> values)
        .forEach(value -> out.add(place + "=" + value));
    schema
        .path("type")
        .valueStream()
        .filter(type -> type.asString().equals("null"))
        .forEach(type -> out.add(place + "=null"));
    schema.properties().stream()
        .filter(inner -> !CONDITIONS.contains(inner.getKey()))
        .forEach(inner -> describe(inner.getValue(), place + "/" + inner.getKey(), out));
    for (int i = 0; i < schema.size(); i++) {
      describe(schema.path(i), place + "/" + i, out);
    }
  }

  private static String property(String place, String name) {
    return place + "/properties/" + name;
  }

  /** The same of what occurs in a valid document: the validator says what described it. */
  static Set<String> seen(JsonNode document) {
    Set<String> seen = new TreeSet<>();
    DOCUMENT
        .validate(
            document,
            OutputFormat.LIST,
            context ->
                context.executionConfig(config ->
                    config.annotationCollectionEnabled(true).annotationCollectionFilter(_ -> true)))
        .getDetails()
        .forEach(unit -> {
          String place = unit.getSchemaLocation().substring(1);
          JsonNode value = document.at(unit.getInstanceLocation());
          seen.add(place + "=" + value);
          for (Object name :
              (Collection<?>) annotations(unit).getOrDefault("properties", Set.of())) {
            String property = property(place, name.toString());
            seen.add(property);
            seen.add(property + "=" + value.get(name.toString()));
          }
        });
    return seen;
  }

  private static Map<String, Object> annotations(OutputUnit unit) {
    return Objects.requireNonNullElse(unit.getAnnotations(), Map.of());
  }

  /** What is wrong with the schema, if anything. */
  static List<String> errorsOfSchema(JsonNode schema) {
    return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
        .getSchema(
            com.networknt.schema.SchemaLocation.of(
                SpecificationVersion.DRAFT_2020_12.getDialectId()))
        .validate(schema)
        .stream()
        .map(Error::toString)
        .toList();
  }

  /**
   * One complaint.
   *
   * @param path through the schema, as a JSON pointer
   * @param where in the document, likewise
   * @param property that is missing, if one is
   */
  private record Found(String path, String where, String keyword, String property, String message) {
    static Found of(Error error) {
      return new Found(
          error.getEvaluationPath().toString(),
          error.getInstanceLocation().toString(),
          error.getKeyword(),
          error.getProperty(),
          error.getMessage());
    }

    boolean lacksDiscriminator() {
      return keyword.equals("required") && DISCRIMINATORS.contains(property);
    }

    /** Whether it is the field by which one of several descriptions is chosen, with the other. */
    boolean tellsWhichOf(Found oneOf) {
      return oneOf.keyword.equals("oneOf")
          && branch().replaceFirst("/\\d+$", "").equals(oneOf.path)
          && parent(where).equals(oneOf.where)
          && DISCRIMINATORS.contains(where.replaceFirst(".*/", ""))
          && Set.of("const", "enum").contains(keyword);
    }

    /** The path of the innermost of several descriptions that it belongs to. */
    String branch() {
      Matcher matcher = BRANCH.matcher(path);
      int end = 0;
      while (matcher.find()) {
        end = matcher.end();
      }
      return path.substring(0, end);
    }

    boolean isBelow(String otherPath, String otherWhere) {
      return (path + "/").startsWith(otherPath + "/") && (where + "/").startsWith(otherWhere + "/");
    }
  }

  /**
   * Of what a validator has to say the part that helps: not why a document is none of another
   * command, or a result none of another status, nor what follows from something else.
   */
  private static List<String> telling(List<Found> all) {
    List<Found> others =
        all.stream()
            .filter(one -> all.stream().anyMatch(oneOf -> one.tellsWhichOf(oneOf)))
            .toList();
    List<Found> lacking = all.stream().filter(Found::lacksDiscriminator).toList();
    List<Found> telling =
        all.stream()
            .filter(one ->
                lacking.contains(one)
                    || (lacking.stream().noneMatch(other -> one.isBelow("", other.where()))
                        && others.stream()
                            .noneMatch(
                                other -> one.isBelow(other.branch(), parent(other.where())))))
            .toList();
    List<Found> causes =
        telling.stream()
            .filter(one -> telling.stream().noneMatch(other -> other != one && follows(one, other)))
            .toList();
    return (causes.isEmpty() ? all : causes)
        .stream()
            .map(one ->
                one.keyword().equals("oneOf")
                    ? discriminator(one, others) + ": is none of those that are described"
                    : one.where() + ": " + one.message())
            .distinct()
            .sorted()
            .toList();
  }

  /** The field that should have told which description is meant. */
  private static String discriminator(Found oneOf, List<Found> others) {
    return others.stream()
        .filter(other -> other.tellsWhichOf(oneOf))
        .map(Found::where)
        .findFirst()
        .orElse(oneOf.where());
  }

  /** Whether the first is only there because of the other. */
  private static boolean follows(Found one, Found other) {
    boolean isBelow = (other.where() + "/").startsWith(one.where() + "/");
    return switch (one.keyword()) {
      case "oneOf" -> other.isBelow(one.path(), one.where());
      case "unevaluatedProperties" ->
          isBelow
              && !(other.keyword().equals("oneOf") && one.isBelow(other.path(), other.where()))
              && (!other.keyword().equals("unevaluatedProperties")
                  || other.where().length() > one.where().length());
      default -> false;
    };
  }

  private static String parent(String where) {
    return where.substring(0, Math.max(0, where.lastIndexOf('/')));
  }
}
