//JAVA 25+
//DEPS io.pebbletemplates:pebble:4.1.2
//DEPS org.slf4j:slf4j-api:2.0.20
//DEPS org.slf4j:slf4j-nop:2.0.20

package common.pages;

import io.pebbletemplates.pebble.PebbleEngine;
import io.pebbletemplates.pebble.loader.ClasspathLoader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.channels.ByteChannel;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Renders self-contained pages from the files of {@code templates/}.
 *
 * <p>Templates escape what they show. A page holds its style and its script, and a policy that lets
 * a browser use these and nothing else: whatever else got into it would not run.
 */
public final class HtmlPages {

  private final PebbleEngine engine;
  private final String generator;
  private final String style;
  private final String policy;

  /**
   * @param generator the command that makes them
   * @param styles names of their style sheets, in order
   */
  public HtmlPages(String generator, String... styles) {
    ClasspathLoader loader = new ClasspathLoader(HtmlPages.class.getClassLoader());
    loader.setPrefix("templates");
    this.engine =
        new PebbleEngine.Builder()
            .loader(loader)
            .strictVariables(true)
            .newLineTrimming(false)
            .build();
    this.generator = generator;
    this.style = Stream.of(styles).map(HtmlPages::resource).collect(Collectors.joining("\n"));
    this.policy =
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + source(style);
  }

  /** The mark of a page that a command has made; it is near the beginning. */
  public static String mark(String generator) {
    return "<meta name=\"generator\" content=\"%s\">".formatted(generator);
  }

  /** Renders a page without a script. */
  public byte[] render(String template, Map<String, Object> values) {
    return rendered(template, values, policy);
  }

  /**
   * Renders a page with a script.
   *
   * @param script name of its file
   */
  public byte[] render(String template, String script, Map<String, Object> values) {
    String content = resource(script);
    Map<String, Object> all = new HashMap<>(values);
    all.put("script", content);
    return rendered(template, all, policy + "; script-src " + source(content));
  }

  private byte[] rendered(String template, Map<String, Object> values, String policy) {
    Map<String, Object> all = new HashMap<>(values);
    all.put("generator", generator);
    all.put("style", style);
    all.put("policy", policy);
    StringWriter html = new StringWriter();
    try {
      engine.getTemplate(template).evaluate(html, all);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return html.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static String source(String content) {
    byte[] hash = digest("SHA-256", content.getBytes(StandardCharsets.UTF_8));
    return "'sha256-%s'".formatted(Base64.getEncoder().encodeToString(hash));
  }

  static byte[] digest(String algorithm, byte[] content) {
    try {
      return MessageDigest.getInstance(algorithm).digest(content);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has MD5 and SHA-256
    }
  }

  private static String resource(String name) {
    try (InputStream in =
        HtmlPages.class.getClassLoader().getResourceAsStream("templates/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Replaces a file as a whole: readers see the old page or the new one. */
  public static void replace(Path file, byte[] html) throws IOException {
    String unique = Long.toHexString(ThreadLocalRandom.current().nextLong());
    Path part = file.resolveSibling(".%s.%s.part".formatted(file.getFileName(), unique));
    try {
      Set<PosixFilePermission> permissions = permissions(file);
      try (OutputStream out = Channels.newOutputStream(create(part, permissions))) {
        out.write(html);
      }
      if (permissions != null) {
        Files.setPosixFilePermissions(part, permissions); // those that the umask took away
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      part.toFile().delete(); // whether this works matters less than the failure
      throw e;
    }
  }

  /** The permissions of a file; null if it is new, or where files have none. */
  private static Set<PosixFilePermission> permissions(Path file) throws IOException {
    var attributes = Files.getFileAttributeView(file, PosixFileAttributeView.class);
    return attributes == null || !Files.exists(file)
        ? null
        : attributes.readAttributes().permissions();
  }

  /** Makes a file that nobody else can open for a moment, unless the permissions are null. */
  private static ByteChannel create(Path file, Set<PosixFilePermission> permissions)
      throws IOException {
    Set<StandardOpenOption> options =
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    return permissions == null
        ? Files.newByteChannel(file, options)
        : Files.newByteChannel(file, options, PosixFilePermissions.asFileAttribute(permissions));
  }

  /** Why a file could not be read or written, in a few words. */
  public static String reason(IOException failure) {
    return switch (failure) {
      case AccessDeniedException _ -> "permission denied";
      case NoSuchFileException _ -> "it is not there";
      case NotDirectoryException _, FileAlreadyExistsException _ -> "it is not a folder";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      case IOException _ when "Is a directory".equals(failure.getMessage()) -> "it is a folder";
      default -> failure.getMessage() == null ? failure.toString() : failure.getMessage();
    };
  }
}
