//SOURCES ../deploy/Project.java

import java.util.HashMap;
import java.util.Map;

/**
 * What a command of the tests has in its environment unless a test says otherwise: a machine that
 * is busy answers late, which decides no test that is not about it.
 */
final class Patience {

  static final Map<String, String> VARIABLES = Map.of("REQUESTS_TIMEOUT_SECONDS", "60");

  private Patience() {}

  /** Prepares a process that has them. */
  static Project.Run run(Object... command) {
    Project.Run run = Project.run(command);
    VARIABLES.forEach((name, value) -> run.env(name, System.getenv().getOrDefault(name, value)));
    return run;
  }

  /** These variables besides, where a process has no others. */
  static Map<String, String> with(Map<String, String> variables) {
    Map<String, String> all = new HashMap<>(VARIABLES);
    all.putAll(variables);
    return all;
  }
}
