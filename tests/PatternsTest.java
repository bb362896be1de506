//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../deploy/Project.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.source.tree.BinaryTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.ParenthesizedTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The regular expressions of what is shipped. Whatever a server sends, none of them takes longer
 * than in proportion to its length.
 */
class PatternsTest {

  private static final Path ROOT = Project.root();
  private static final int MEGABYTE = 1024 * 1024;

  /** How often a pattern may look at each character of a text, which is no less on a slow day. */
  private static final int MOST_LOOKS = 60;

  /**
   * Patterns that meet no text of a server.
   *
   * @param why what they meet instead
   */
  private record Ours(String file, String why, String... regexes) {}

  private static final List<Ours> OURS =
      List.of(
          new Ours(
              "backport_records.java",
              "mappings and filters",
              "\\R",
              "([^/?\\s]+)/([^/?\\s]+?)(?:\\?(\\S*))?\\s*->\\s*([^/?\\s]+)/([^/?\\s]+)",
              "&",
              "=",
              "(?s)_sort|(?!_)[^\\p{Z}\\p{Cc}](.*[^\\p{Z}\\p{Cc}])?",
              "(not|min|max|lt|gt|like|has)_.*"),
          new Ours("blockpages_generator.java", "CANONICAL_URL", "/*$"),
          new Ours("common/Help.java", "descriptions and COLUMNS", " ", "[1-9][0-9]{0,3}"),
          new Ours(
              "common/Lookup.java",
              "variables, hints and lines of the env file",
              "\\bSERVER\\b",
              "HTTPS?_PROXY|https?_proxy",
              "(.*_)?(AUTH|API_KEY|SECRET_ACCESS_KEY|SESSION_TOKEN)",
              "(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=\\s*(.*)",
              "=",
              "^\ufeff",
              "-file$",
              "^-+"),
          new Ours(
              "common/Masks.java",
              "secrets and URLs of the settings",
              "//([^/?#]+)@",
              ":",
              "(?s)^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@",
              "(?s)([?#]).*"),
          new Ours("common/NamePattern.java", "patterns", "\\[(!?+)(]?+[^]]*+)]|."),
          new Ours(
              "common/NoProxy.java",
              "NO_PROXY",
              "[\\s,]+",
              ".*@",
              "(?<host>\\[[^\\[\\]/]+]|[^\\[\\]/:]+|[^\\[\\]/]*:[^\\[\\]/]*:[^\\[\\]/]*?)"
                  + "(?:/(?<bits>\\d{1,3}))?(?::(?<port>\\d{1,5}))?",
              "^\\*?\\.",
              "([\\w-]+\\.)*(?!\\d+$)[\\w-]+"),
          new Ours(
              "common/Runner.java",
              "arguments, options and their descriptions",
              "--[a-z][a-z0-9-]*|-[a-zA-Z]",
              "[-\u2010-\u2015\u2212/]*([\\w-]+)(?=[=:\\s]|$)",
              "[A-Z][A-Z0-9_]*=",
              "(?=.{1,60}$)[a-z]+(-[a-z0-9]+)*/[a-z]+(-[a-z0-9]+)*",
              "\\|"),
          new Ours(
              "common/Selection.java",
              "patterns of --only",
              ".*buckets/([^/]+)/collections/([^/?]+).*",
              "^/+|/+$"),
          new Ours("common/Tally.java", "messages of the commands", "(:| on) %s$"),
          new Ours("common/Values.java", "settings", "regex", "/+$"),
          new Ours(
              "common/pages/Bucket.java",
              "the endpoint",
              "(?i)(.*\\.)?(amazonaws\\.(com|com\\.cn|eu)|api\\.aws)"),
          new Ours("common/pages/ProxiedClient.java", "the URL of the proxy", ":"),
          new Ours("common/signature/CertificateChain.java", "it is literal", "signerName(signer)"),
          new Ours(
              "common/signature/TrustSettings.java",
              "keys and hashes of the settings",
              "(?s)^-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----$",
              "[0-9A-F]{64}",
              "(..)(?!$)"),
          new Ours("deploy/Checksums.java", "lines of checksums", " "),
          new Ours("deploy/ClassPath.java", "sources and class path", " ", "File.pathSeparator"),
          new Ours("deploy/EventSettings.java", "a variable of the function", ","),
          new Ours(
              "deploy/FastStart.java", "lists of classes that our JVM wrote", ":", " id: \\d+$"),
          new Ours(
              "deploy/Installation.java",
              "the folder, templates and launchers",
              "(?s).*[:\\n].*",
              "@([A-Z_]+)@",
              "\"# \" + name + \" .*, installed by .*\"",
              "(.{1,48})( |$)",
              ".*/"),
          new Ours(
              "deploy/Jar.java",
              "names of classes",
              "\"(common|templates)/.*[^/]|(%s)(\\\\$.*)?\\\\.class\""
                  + ".formatted(String.join(\"|\", classes))"),
          new Ours(
              "deploy/install.java",
              "the JDK, sources and PATH",
              "(?m)^JAVA_VERSION=\"(\\d+).*",
              " ",
              "\"(?m)^//\" + name + \" (.*)$\"",
              "File.pathSeparator"),
          new Ours(
              "uptake_health.java",
              "thresholds",
              "([^\\s=,*?\\[\\]]+)\\s*=([^=]+)",
              "[0-9]{1,3}\\.?[0-9]{0,9}|\\.[0-9]{1,9}"));

  /** How a pattern is compared with a text. */
  private enum Use {
    WHOLE,
    ANYWHERE
  }

  /**
   * A pattern that meets text of a server.
   *
   * @param samples that match, or nearly: the worst is made of parts of them
   */
  private record Theirs(String file, Use use, String regex, String... samples) {
    @Override
    public String toString() {
      return file + " " + regex;
    }
  }

  private static Theirs whole(String file, String regex, String... samples) {
    return new Theirs(file, Use.WHOLE, regex, samples);
  }

  private static Theirs anywhere(String file, String regex, String... samples) {
    return new Theirs(file, Use.ANYWHERE, regex, samples);
  }

  private static final String LABEL = "(?!-)[A-Za-z0-9_-]{1,63}(?<!-)";
  private static final String HOST = "(" + LABEL + "\\.)*+(?![0-9]+$)" + LABEL;
  private static final String ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";

  private static final String HEX = "[0-9a-fA-F]";

  private static final List<Theirs> THEIRS =
      List.of(
          whole("blockpages_generator.java", "\\d{4}-\\d\\d-\\d\\d", "2015-02-03"),
          whole("blockpages_generator.java", "\\d{1,9}", "123456789"),
          whole("blockpages_generator.java", "[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", "i454-a.b_c"),
          whole(
              "blockpages_generator.java",
              "(?i)(con|prn|aux|nul|(com|lpt)\\d)(\\..*)?",
              "com1.a.b",
              "con.x"),
          anywhere("blockpages_generator.java", "[^\\x00-\\x7f]++", "aé日"),
          anywhere("blockpages_generator.java", "\r\n?", "a\r\nb"),
          anywhere(
              "blockpages_generator.java",
              "(?i)<br\\b[^<>]*+>|(?:</?(?:p|div|li|ul|ol|t[dhr]|h[1-6])(?![\\w-])"
                  + "(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+>\\s*+)++",
              "<br a=\"x\" >",
              "<p a=\"x'\" b='y\"'>  </P>",
              "<p>  <p 'x\"",
              "</td '><p\">"),
          anywhere("blockpages_generator.java", "<a [^<>]*+>\\s*+</a>", "<a b>   </a>", "<a >x"),
          anywhere("blockpages_generator.java", "&#x([0-9a-f]{5,6});", "&#x1f600;"),
          anywhere("blockpages_generator.java", "<br>", "a<br>b"),
          whole(
              "common/Addresses.java",
              "(?:0{24}|0{16}ffff0{4}|0064ff9b0{16}|0064ff9b0001.{12})(?<last>.{8})"
                  + "|2002(?<first>.{8}).{20}",
              "0064ff9b0000000000000000a1b2c3d4",
              "20020000000000000000000000000000"),
          whole("common/Addresses.java", "(?i)(.+\\.)?localhost\\.?", "a.localhost."),
          anywhere("common/Addresses.java", "[\\[\\]]|%.*", "[fe80::1%a]\n"),
          whole("common/Batch.java", "[1-5]\\d\\d", "201"),
          anywhere("common/Batch.java", "\\.$", "a.\n..", "...\n"),
          anywhere("common/CrashReports.java", "\\?.*", "a?b\n"),
          anywhere(
              "common/CrashReports.java",
              "(?<![\\w.-])(?<!\\d[,:])(?!\\d{3}(?!\\d|[.,:-]\\d))\\d++([.,:T-]\\d++)*+Z?(?!\\w)",
              "at 2026-11-20T12:00:00Z",
              "1,234"),
          whole("common/RedashResult.java", "\\d{1,18}(\\.\\d{1,18})?", "1234.5678"),
          anywhere("common/ErrorAnswer.java", "\\.$", "a.\n..", "...\n"),
          anywhere(
              "common/Escapes.java",
              "(?s)\\\\(?:x("
                  + HEX
                  + "{2})|u("
                  + HEX
                  + "{4})|u\\{("
                  + HEX
                  + "{1,6})}|U00("
                  + HEX
                  + "{6})|([0-7]{3})|(.))",
              "\\u{12fF0}",
              "\\U000012fF",
              "\\\\12"),
          anywhere(
              "common/Escapes.java", "\\\\(?:(" + HEX + "{1,6}) ?|(\\\\))", "\\0012fF ", "\\\\x"),
          anywhere("common/Escapes.java", "%(" + HEX + "{2})", "%Fc%"),
          anywhere(
              "common/Escapes.java",
              "&(?:#[xX](" + HEX + "{1,6})|#([0-9]{1,7})|([a-zA-Z0-9]{1,31}));",
              "&#x12fF;",
              "&#1234567;",
              "&quot12;"),
          anywhere("common/Escapes.java", "=(?:([0-9A-F]{2})|(\r?\n))", "=FC=\r\n"),
          anywhere("common/Json.java", ": .*|, from `.*`", "a, from `b`", ": a", ", from `\n"),
          anywhere("common/Masks.java", "(?:[\\\\%&=][\\w\\\\%&=#{]{0,9}+)?…", "\\u00f…", "&&…"),
          anywhere("common/NoProxy.java", "[\\[\\]]|\\.$", "[::1]", "a.."),
          whole("common/NoProxy.java", "\\d+(\\.\\d+){3}", "127.0.0.11"),
          whole("common/Place.java", "[a-zA-Z0-9_-]{1,255}", "main-x_1"),
          anywhere("common/Proxies.java", "\"[^\"]*+\"", "a=\"b\", c=\""),
          anywhere(
              "common/Proxies.java",
              "(?:Tunnel failed|Unable to tunnel through proxy).{0,40}?\\b([1-5]\\d\\d)\\b",
              "Tunnel failed, got: 407",
              "Unable to tunnel through proxy. a 1 4070"),
          anywhere(
              "common/Proxies.java",
              "(?i)\\b(basic|bearer|digest|kerberos|negotiate|ntlm)\\b",
              "Basic a, Negotiate"),
          anywhere("common/RecordDiff.java", "\\\\(?:u([0-9a-f]{4})|.)", "\\u00e9\\n"),
          whole(
              "common/RemoteSettings.java",
              "(?:W/)?\"(\\d{1,18})(?:(?:--?|;)(?:gzip|gz|br|zstd|deflate|df)|;;;)?\"",
              "W/\"1234--gzip\"",
              "\"1;;;\""),
          whole("common/RemoteSettings.java", "\\d{1,18}", "1234"),
          whole("common/SignedResources.java", "2[6-9]|[3-9]\\d|[1-9]\\d\\d", "260"),
          whole(
              "common/Urls.java",
              "(?:(?<user>[^@]*)@)?(?<host>(?=[^:]*_)(?=[\\w.-]{1,253}(?::|$))"
                  + "\\w(?:[\\w-]*\\w)?(?:\\.\\w(?:[\\w-]*\\w)?)*\\.?)(?::(?<port>\\d{0,9}))?",
              "a:b@c_d.e-f.:80",
              "_-a.b"),
          whole(
              "common/Urls.java",
              "(?i)localhost\\.?|127(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}",
              "127.0.10.255",
              "localhost."),
          anywhere("common/Urls.java", "//[^/?#]*@", "http://a:b@c/", "//@"),
          anywhere("common/Urls.java", "#.*", "a#b\n"),
          whole("common/Urls.java", "\\.+", "..."),
          whole("common/Waits.java", "\\d+(\\.\\d+)?", "12.34"),
          anywhere("common/pages/Bucket.java", "expecting '([a-z0-9-]+)'", "expecting 'eu-1'"),
          whole("common/pages/Bucket.java", "[0-9a-f]{32}", "0123456789abcdef0123456789abcdef"),
          anywhere(
              "common/pages/Bucket.java",
              "must be set|contained no credentials|neither AWS_CONTAINER",
              "must be set",
              "contained no credentials",
              "neither AWS_"),
          anywhere("common/pages/Bucket.java", ": ProfileFile.*", ": ProfileFile(a\n"),
          anywhere(
              "common/signature/CanonicalJson.java",
              "\\x01([^\\x01\\x02]*+)\\x02",
              "\u00011.5\u0002"),
          whole(
              "common/signature/CertificateChain.java",
              "[A-Za-z0-9_-]+\\Q.content-signature.mozilla.org\\E",
              "a-b.content-signature.mozilla.org"),
          anywhere(
              "common/signature/CertificateChain.java",
              "-----(BEGIN|END) CERTIFICATE",
              "------BEGIN CERTIFICATE"),
          anywhere("common/signature/CertificateChain.java", "\n", "a\nb"),
          whole(
              "common/signature/CertificateFields.java",
              "([0-4]|[7-9])[0-9]{11}Z",
              "261129120000Z"),
          whole(
              "common/signature/CertificateFields.java",
              "(19[7-9]|[2-9][0-9]{2})[0-9]{11}Z",
              "20261129120000Z"),
          anywhere("common/signature/ContentSignature.java", "//[^/?#]*@", "http://a:b@c/", "//@"),
          whole(
              "common/signature/NameConstraints.java",
              "(?=.{1,253}$)(\\*\\.(?=.*\\.))?" + HOST,
              "*.a-b.c",
              "1.2."),
          whole(
              "common/signature/NameConstraints.java",
              "|(?=.{1,253}$)\\.?" + HOST,
              ".a-b.c",
              "1.2."),
          whole(
              "common/signature/NameConstraints.java",
              ATOM + "(\\." + ATOM + ")*+@(?=.{1,253}$)" + HOST,
              "a.b@c-d.e"),
          anywhere("uptake_health.java", "(?<=/)", "a/b"),
          whole("uptake_health.java", "[\\w-]+/[\\w-]+", "main/a-b"));

  // ---- all of them are here

  @Test
  void each_pattern_of_what_is_shipped_is_in_a_list_above() throws IOException {
    TreeSet<String> found = new TreeSet<>(found(shipped()));
    TreeSet<String> listed = new TreeSet<>();
    THEIRS.forEach(one -> listed.add(one.toString()));
    OURS.forEach(one -> Stream.of(one.regexes()).forEach(it -> listed.add(one.file() + " " + it)));
    TreeSet<String> missing = new TreeSet<>(found);
    missing.removeAll(listed);
    listed.removeAll(found);
    assertEquals(
        List.of(),
        List.copyOf(missing),
        "PatternsTest does not know these patterns. If one may meet text of a server, add it to"
            + " THEIRS with a text that matches; the test then gives it the worst. Otherwise, add"
            + " it to OURS, and say what it meets");
    assertEquals(List.of(), List.copyOf(listed), "no longer in the code: remove these");
  }

  @Test
  void a_pattern_is_found_wherever_it_is_written() throws IOException {
    Path file = Files.createTempFile("Patterns", ".java");
    Files.writeString(
        file,
        """
        class Patterns {
          private static final String A = "a";
          private static final Pattern B =
              Pattern.compile(
                  A + "+" + Pattern.quote("."));
          boolean c = "x".matches("LABEL*".replace("LABEL", "y")) || Pattern.matches("e", "x");
          String[] d = "x".split(A, 2);
          String f = B.matcher("x").replaceAll("no") + "x".replaceFirst(other(), "no");
        }
        """);
    String name = file.getFileName() + " ";
    assertEquals(
        List.of("a+\\Q.\\E", "y*", "e", "a", "other()").stream().map(name::concat).toList(),
        found(List.of(file)).stream().map(it -> it.replaceFirst("^.*/", "")).toList());
    Files.delete(file);
  }

  private static List<Path> shipped() throws IOException {
    List<Path> files = new ArrayList<>();
    for (String folder : List.of("", "common", "deploy")) {
      try (Stream<Path> some = Files.walk(ROOT.resolve(folder), folder.isEmpty() ? 1 : 9)) {
        files.addAll(some.filter(file -> file.toString().endsWith(".java")).sorted().toList());
      }
    }
    return files;
  }

  /**
   * The patterns of source files, each after its file; one that is not constant as it is written.
   */
  private static List<String> found(List<Path> sources) throws IOException {
    JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
    List<String> found = new ArrayList<>();
    try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, null)) {
      JavacTask task =
          (JavacTask)
              javac.getTask(
                  null, files, null, null, null, files.getJavaFileObjectsFromPaths(sources));
      for (CompilationUnitTree unit : task.parse()) {
        Path file = ROOT.relativize(Path.of(unit.getSourceFile().toUri()));
        Scanner scanner = new Scanner();
        scanner.scan(unit, null);
        scanner.regexes.forEach(
            it -> found.add(file.toString().replace('\\', '/') + " " + scanner.text(it)));
      }
    }
    return found;
  }

  /** Finds what is compiled or used as a pattern. */
  private static final class Scanner extends TreeScanner<Void, Void> {
    private final List<ExpressionTree> regexes = new ArrayList<>();
    private final Map<String, ExpressionTree> values = new HashMap<>();

    @Override
    public Void visitVariable(VariableTree variable, Void nothing) {
      if (variable.getInitializer() != null) {
        values.put(variable.getName().toString(), variable.getInitializer());
      }
      return super.visitVariable(variable, nothing);
    }

    @Override
    public Void visitMethodInvocation(MethodInvocationTree call, Void nothing) {
      List<? extends ExpressionTree> arguments = call.getArguments();
      boolean isOfPattern = receiver(call).equals("Pattern");
      boolean isPattern =
          switch (method(call)) {
            case "compile" -> isOfPattern;
            case "matches" -> arguments.size() == (isOfPattern ? 2 : 1) && !isOfRule(call);
            case "split", "splitWithDelimiters" -> !arguments.isEmpty();
            case "replaceAll", "replaceFirst" -> arguments.size() == 2; // a matcher's have 1
            default -> false;
          };
      if (isPattern) {
        regexes.add(arguments.getFirst());
      }
      return super.visitMethodInvocation(call, nothing);
    }

    /** {@code NameConstraints} has a method of the same name. */
    private static boolean isOfRule(MethodInvocationTree call) {
      return receiver(call).equals("attribute(ours)");
    }

    private static String method(MethodInvocationTree call) {
      return call.getMethodSelect() instanceof MemberSelectTree select
          ? select.getIdentifier().toString()
          : "";
    }

    private static String receiver(MethodInvocationTree call) {
      return call.getMethodSelect() instanceof MemberSelectTree select
          ? select.getExpression().toString()
          : "";
    }

    String text(ExpressionTree regex) {
      String value = value(regex);
      return value == null ? regex.toString() : value;
    }

    /** The value of a text that is constant; null for any other. */
    private String value(ExpressionTree text) {
      return switch (text) {
        case LiteralTree literal -> literal.getValue().toString();
        case IdentifierTree name when values.containsKey(name.getName().toString()) ->
            value(values.get(name.getName().toString()));
        case BinaryTree sum when sum.getKind() == Tree.Kind.PLUS -> {
          String left = value(sum.getLeftOperand());
          String right = value(sum.getRightOperand());
          yield left == null || right == null ? null : left + right;
        }
        case MethodInvocationTree call when receiver(call).equals("Pattern") ->
            Pattern.quote(value(call.getArguments().getFirst()));
        case MethodInvocationTree call when method(call).equals("replace") ->
            value(((MemberSelectTree) call.getMethodSelect()).getExpression())
                .replace(value(call.getArguments().get(0)), value(call.getArguments().get(1)));
        case ParenthesizedTree inner -> value(inner.getExpression());
        default -> null;
      };
    }
  }

  // ---- none takes long

  @ParameterizedTest
  @FieldSource("THEIRS")
  void a_megabyte_of_the_worst_takes_no_longer_than_in_proportion(Theirs one) {
    Pattern pattern = Pattern.compile(one.regex());
    Piece worst =
        Stream.of(one.samples())
            .flatMap(PatternsTest::pieces)
            .max(Comparator.comparingLong(piece -> looks(pattern, one.use(), piece.text(1_024))))
            .orElseThrow();
    looks(pattern, one.use(), worst.text(MEGABYTE));
  }

  @Test
  void each_pattern_matches_one_of_its_samples() {
    for (Theirs one : THEIRS) {
      Pattern pattern = Pattern.compile(one.regex());
      assertTrue(
          Stream.of(one.samples())
              .map(pattern::matcher)
              .anyMatch(one.use() == Use.WHOLE ? Matcher::matches : Matcher::find),
          one::toString);
    }
  }

  /** Some that this project had (issue 21), and the plainest one. */
  private static final List<Theirs> SLOW =
      List.of(
          anywhere(
              "blockpages_generator.java",
              "(?i)<br\\b[^>]*>|(?:</?(?:p|div|li|ul|ol|t[dhr]|h[1-6])(?![\\w-])"
                  + "(?:[^>\"']|\"[^\"]*\"|'[^']*')*+>\\s*)++",
              "<br >",
              "<p>"),
          anywhere(
              "blockpages_generator.java",
              "^(?:\\s*<br>)++|(?<!<br>\\s{0,9})(?:<br>\\s*)++$",
              "a<br>          "),
          anywhere("blockpages_generator.java", "<a [^>]*>\\s*</a>", "<a b></a>"),
          anywhere(
              "common/signature/CanonicalJson.java", "\\x01([^\\x02]*)\\x02", "\u00011.5\u0002"),
          anywhere("", "\\s+$", " a"));

  @ParameterizedTest
  @FieldSource("SLOW")
  void a_pattern_that_takes_longer_is_found(Theirs one) {
    assertThrows(
        TooManyLooks.class, () -> a_megabyte_of_the_worst_takes_no_longer_than_in_proportion(one));
  }

  /** A text that begins like a sample and goes on with one part of it again and again. */
  private record Piece(String beginning, String repeated) {

    /** That text, with an end that nothing matches. */
    String text(int length) {
      return beginning + repeated.repeat(length / repeated.length()) + "\0";
    }
  }

  private static Stream<Piece> pieces(String sample) {
    Stream.Builder<Piece> pieces = Stream.builder();
    for (int from = 0; from < sample.length(); from++) {
      for (int to = from + 1; to <= sample.length(); to++) {
        pieces.add(new Piece(sample.substring(0, from), sample.substring(from, to)));
      }
    }
    return pieces.build();
  }

  /** How often a pattern looks at a character of that text. */
  private static long looks(Pattern pattern, Use use, String text) {
    Watched watched = new Watched(text, pattern);
    Matcher matcher = pattern.matcher(watched);
    if (use == Use.WHOLE) {
      matcher.matches();
    } else {
      matcher.results().forEach(_ -> {});
    }
    return watched.looks;
  }

  private static final class TooManyLooks extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooManyLooks(String message) {
      super(message);
    }
  }

  /** A text that counts how often its characters are looked at, and ends what looks too often. */
  private static final class Watched implements CharSequence {
    private final String text;
    private final Pattern pattern;
    private long looks;

    Watched(String text, Pattern pattern) {
      this.text = text;
      this.pattern = pattern;
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      looks++;
      if (looks > (long) MOST_LOOKS * text.length()) {
        throw new TooManyLooks(
            "%s looks more than %d times at each of %d characters that begin with %s"
                .formatted(
                    pattern,
                    MOST_LOOKS,
                    text.length(),
                    text.substring(0, Math.min(40, text.length()))));
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
