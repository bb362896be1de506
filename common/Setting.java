//JAVA 25+
//DEPS info.picocli:picocli:4.7.7
//SOURCES HelpGroup.java Lookup.java

package common;

import java.lang.reflect.Field;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * A setting as help, the tables of {@code docs/} and the keys of Lambda's events name it.
 *
 * @param group where help shows it
 * @param options its names on the command line, the preferred one first
 * @param label stands for its value in help; null for a switch
 * @param variables that it is read from, the first of them that is set; in lower case they are the
 *     keys of an event
 * @param defaultValue as a variable would hold it, null if there is none
 * @param separator of its entries; null if it holds one value
 * @param isSecret whether the variable holds a secret; the option then names a file
 */
public record Setting(
    HelpGroup.Title group,
    List<String> options,
    String label,
    List<String> variables,
    String defaultValue,
    String description,
    String separator,
    boolean isSecret) {

  /** The options of a command in the order of its help. */
  static List<Setting> all(CommandSpec command) {
    return command.options().stream()
        .map(Setting::of)
        .sorted((one, other) -> one.group().compareTo(other.group()))
        .toList();
  }

  private static Setting of(OptionSpec option) {
    boolean isSecret = Lookup.isSecret(option);
    return new Setting(
        group((Field) option.userObject(), isSecret),
        List.of(option.names()),
        option.arity().max() > 0 ? option.paramLabel() : null,
        Lookup.variables(option),
        isSecret ? null : Lookup.defaultText(option),
        option.description()[0],
        option.isMultiValue() ? option.splitRegex() : null,
        isSecret);
  }

  /** Secrets of a command stand beside the server that they are sent to. */
  private static HelpGroup.Title group(Field field, boolean isSecret) {
    HelpGroup own = field.getAnnotation(HelpGroup.class);
    HelpGroup shared = field.getDeclaringClass().getAnnotation(HelpGroup.class);
    HelpGroup.Title usual = isSecret ? HelpGroup.Title.SERVER : HelpGroup.Title.OPTIONS;
    return own != null ? own.value() : shared != null ? shared.value() : usual;
  }
}
