//DEPS nu.validator:validator:26.5.2
//DEPS tools.jackson.core:jackson-databind:3.2.4

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import nu.validator.client.EmbeddedValidator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** HTML as the Nu validator sees it, the one behind the W3C's. It checks styles too. */
final class Html {

  /** It looks into its rules of HTML by recursion. */
  private static final int STACK = 64 << 20;

  /** Of a language, from a sample of words: not always the same of the same page. */
  private static final String GUESS = "This document appears to be written in";

  private Html() {}

  /**
   * Everything that is wrong with a page, and what it warns of, as {@code error 3:14 what it says
   * (the text there)}.
   */
  static List<String> errors(String html) {
    EmbeddedValidator validator = new EmbeddedValidator();
    validator.setOutputFormat(EmbeddedValidator.OutputFormat.JSON);
    FutureTask<String> task =
        new FutureTask<>(() ->
            validator.validate(new ByteArrayInputStream(html.getBytes(StandardCharsets.UTF_8))));
    new Thread(null, task, "validator", STACK).start();
    String said;
    try {
      said = task.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    List<String> errors = new ArrayList<>();
    for (JsonNode message : JsonMapper.shared().readTree(said).path("messages")) {
      if (message.path("message").asString("").contains(GUESS)) {
        continue;
      }
      errors.add(
          "%s %d:%d %s (%s)"
              .formatted(
                  message.path("subType").asString(message.path("type").asString("")),
                  message.path("lastLine").asInt(0),
                  message.path("firstColumn").asInt(message.path("lastColumn").asInt(0)),
                  message.path("message").asString(""),
                  message.path("extract").asString("").strip().replaceAll("\\s+", " ")));
    }
    return errors;
  }
}
