//DEPS nu.validator:validator:26.5.2

import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import nu.validator.client.EmbeddedValidator;
import nu.validator.validation.SimpleDocumentValidator;
import nu.validator.xml.SystemErrErrorHandler;
import org.xml.sax.ErrorHandler;
import org.xml.sax.InputSource;
import org.xml.sax.SAXParseException;

/** HTML as the Nu validator sees it, the one behind the W3C's. It checks styles too. */
final class Html {

  /** It looks into its rules of HTML by recursion. */
  private static final int STACK = 64 << 20;

  /** How many characters of the line are shown before the place that it tells, and after it. */
  private static final int AROUND = 12;

  /** Reading the rules takes it twenty times as long as checking a page. */
  private static SimpleDocumentValidator validator;

  private Html() {}

  /**
   * Everything that is wrong with a page, and what it warns of, as {@code error 3:14 what it says
   * (the text around that place)}.
   */
  static synchronized List<String> errors(String html) {
    FutureTask<List<String>> task = new FutureTask<>(() -> check(html));
    new Thread(null, task, "validator", STACK).start();
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static List<String> check(String html) throws Exception {
    if (validator == null) {
      boolean detectLanguages = false; // from a sample of words: not always the same of the same
      validator = new SimpleDocumentValidator(true, false, detectLanguages);
      validator.setUpMainSchema(EmbeddedValidator.SCHEMA_URL, new SystemErrErrorHandler());
    }
    List<String> lines = html.lines().toList();
    List<String> errors = new ArrayList<>();
    ErrorHandler handler =
        new ErrorHandler() {
          @Override
          public void warning(SAXParseException e) {
            errors.add("warning " + shown(e, lines));
          }

          @Override
          public void error(SAXParseException e) {
            errors.add("error " + shown(e, lines));
          }

          @Override
          public void fatalError(SAXParseException e) {
            errors.add("fatal " + shown(e, lines));
          }
        };
    validator.setUpValidatorAndParsers(handler, true, false);
    validator.checkHtmlInputSource(new InputSource(new StringReader(html)));
    return errors;
  }

  private static String shown(SAXParseException e, List<String> lines) {
    int number = e.getLineNumber();
    int column = e.getColumnNumber();
    String line = number > 0 && number <= lines.size() ? lines.get(number - 1) : "";
    int from = Math.clamp(column - AROUND, 0, line.length());
    int to = Math.clamp(column + AROUND, from, line.length());
    return "%d:%d %s (%s)".formatted(number, column, e.getMessage(), line.substring(from, to));
  }
}
