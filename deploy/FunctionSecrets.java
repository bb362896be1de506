//JAVA 25+
//DEPS software.amazon.awssdk:secretsmanager:2.59.1
//DEPS software.amazon.awssdk:url-connection-client:2.59.1
//SOURCES ../common/Display.java ../common/Json.java ../common/Setting.java
//SOURCES ../common/UsageException.java ../common/Values.java

import common.Display;
import common.Json;
import common.Setting;
import common.UsageException;
import common.Values;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * The secrets of a function, read from AWS Secrets Manager by each invocation: so neither the
 * function's configuration nor its snapshot holds them, and a new value needs no deployment.
 *
 * <p>The function's variable {@code SECRETS_ID} names a secret whose value is a JSON object of
 * variables. It may only hold what is a secret of the command, or a proxy's URL.
 */
final class FunctionSecrets {

  private static final String ID = "SECRETS_ID";

  private static final Duration DEADLINE = Duration.ofSeconds(10);

  private FunctionSecrets() {}

  /**
   * The environment of the function with its secrets, which win over variables of the same name.
   *
   * @param store returns the value of a secret, or null if it is not a text
   * @throws UsageException if the secret cannot be read, or holds something else
   */
  static Map<String, String> added(
      List<Setting> settings, Map<String, String> function, UnaryOperator<String> store)
      throws UsageException {
    String id = function.getOrDefault(ID, "").strip();
    if (id.isEmpty()) {
      return function;
    }
    List<String> known =
        Stream.concat(
                settings.stream()
                    .filter(Setting::isSecret)
                    .flatMap(setting -> setting.variables().stream()),
                Stream.of("HTTPS_PROXY", "HTTP_PROXY"))
            .toList();
    Map<String, String> environment = new HashMap<>(function);
    for (Map.Entry<?, ?> entry : object(id, store).entrySet()) {
      String variable = entry.getKey().toString();
      if (!known.contains(variable) || !(entry.getValue() instanceof String value)) {
        throw new UsageException(
            "%s: the secret \"%s\" holds \"%s\", which is not %s"
                .formatted(
                    ID,
                    Display.brief(id),
                    Display.brief(variable),
                    known.contains(variable) ? "a text" : "a secret of this command"),
            "expected a JSON object with some of " + String.join(", ", known));
      }
      if (!value.isBlank()) {
        environment.put(variable, value);
      }
    }
    return environment;
  }

  private static Map<?, ?> object(String id, UnaryOperator<String> store) throws UsageException {
    try {
      String text = store.apply(id);
      if (text != null && Json.parse(Values.trimmed(text)) instanceof Map<?, ?> object) {
        return object;
      }
    } catch (SdkException e) {
      throw new UsageException(
          "%s: the secret \"%s\" cannot be read: %s"
              .formatted(ID, Display.brief(id), Display.clean(reason(e))),
          "does it exist, and may the function's role read it (secretsmanager:GetSecretValue)?");
    } catch (IOException e) {
      // the message could show what the secret holds
    }
    throw new UsageException(
        "%s: the secret \"%s\" is not a JSON object".formatted(ID, Display.brief(id)),
        "expected variables, like {\"AUTH\": \"…\"}");
  }

  private static String reason(SdkException e) {
    return e instanceof AwsServiceException of && of.awsErrorDetails() != null
        ? of.awsErrorDetails().errorCode() + ", " + of.awsErrorDetails().errorMessage()
        : e.getMessage();
  }

  /** Reads it from Secrets Manager, with the credentials and the region of the function. */
  static String readFromAws(String id) {
    try (SecretsManagerClient client =
        SecretsManagerClient.builder()
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .overrideConfiguration(overridden -> overridden.apiCallTimeout(DEADLINE))
            .build()) {
      return client.getSecretValue(request -> request.secretId(id)).secretString();
    }
  }
}
