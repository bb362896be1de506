//JAVA 25+
//SOURCES BodyStream.java Json.java

package common;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpHeaders;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a server says in an answer with an error status. */
final class ErrorAnswer {

  private static final long MAX_BYTES = 64 * 1024;

  private ErrorAnswer() {}

  /** The server's message, shortened; empty if it cannot be read, for the status says enough. */
  static Optional<String> explanation(HttpHeaders headers, InputStream body) {
    try {
      var parser = Json.parser(BodyStream.content(headers, body, MAX_BYTES));
      Json.next(parser);
      return Json.value(parser) instanceof Map<?, ?> error
          ? Optional.of(
                  error.get("message") instanceof String text ? text : detail(error.get("detail")))
              .filter(text -> !text.isEmpty())
              .map(text -> text.length() <= 200 ? text : text.substring(0, 200) + "…")
              .map(text -> text.replaceFirst("\\.$", ""))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** What a reader ({@code /v2}) says instead of a message: a text, or a list of what is wrong. */
  private static String detail(Object detail) {
    return detail instanceof List<?> list
        ? list.stream().flatMap(ErrorAnswer::wrong).collect(Collectors.joining("; "))
        : detail instanceof String text ? text : "";
  }

  /** What is wrong with a parameter, after its name; nothing if that is not said. */
  private static Stream<String> wrong(Object parameter) {
    Map<?, ?> wrong = parameter instanceof Map<?, ?> map ? map : Map.of();
    Object name = wrong.get("loc") instanceof List<?> loc && !loc.isEmpty() ? loc.getLast() : null;
    String prefix = name instanceof String || name instanceof Long ? name + ": " : "";
    return wrong.get("msg") instanceof String text ? Stream.of(prefix + text) : Stream.empty();
  }
}
