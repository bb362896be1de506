//JAVA 25+
//SOURCES Destination.java HtmlPages.java

package common.pages;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A folder of pages, for your own web server. */
public final class Folder implements Destination {

  private static final int MARKED_BYTES = 2048; // of a page, which has its mark near its beginning

  private final Path folder;
  private final String generator;

  /**
   * @param generator the command that makes the pages
   */
  public Folder(Path folder, String generator) {
    this.folder = folder;
    this.generator = generator;
  }

  @Override
  public String name() {
    return folder.toString();
  }

  @Override
  public String announcement(String what) {
    return "%s in %s".formatted(what, folder.toAbsolutePath().normalize());
  }

  /** The pages in it; each is compared by its content. */
  @Override
  public Map<String, String> files() throws Unavailable {
    try (Stream<Path> found = Files.list(folder)) {
      return found
          .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".html"))
          .distinct() // names that cannot be decoded may look the same
          .collect(Collectors.toMap(name -> name, _ -> ""));
    } catch (NoSuchFileException e) {
      return Map.of();
    } catch (UncheckedIOException e) {
      throw unavailable("read", folder, e.getCause());
    } catch (IOException e) {
      throw unavailable("read", folder, e);
    }
  }

  @Override
  public boolean isMissing() {
    return false; // making a folder is not worth an announcement
  }

  @Override
  public boolean holds(Page page, String tag) throws Unavailable {
    Path file = folder.resolve(page.file());
    try {
      return Files.size(file) == page.html().length
          && Arrays.equals(Files.readAllBytes(file), page.html());
    } catch (IOException e) {
      throw unavailable("read", file, e);
    }
  }

  @Override
  public boolean isOurs(String name) throws Unavailable {
    Path file = folder.resolve(name);
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MARKED_BYTES), StandardCharsets.UTF_8)
          .contains(HtmlPages.mark(generator));
    } catch (IOException e) {
      throw unavailable("read", file, e);
    }
  }

  @Override
  public void open() throws Unavailable {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw unavailable("make", folder, e);
    }
    if (!Files.isWritable(folder)) {
      throw unavailable("write to", folder, new AccessDeniedException(folder.toString()));
    }
  }

  @Override
  public void put(Page page) throws Unavailable {
    Path file = folder.resolve(page.file());
    try {
      HtmlPages.replace(file, page.html());
    } catch (IOException e) {
      throw unavailable("write", file, e);
    }
  }

  @Override
  public void delete(String name) throws Unavailable {
    Path file = folder.resolve(name);
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw unavailable("delete", file, e);
    }
  }

  @Override
  public void close() {}

  private static Unavailable unavailable(String what, Path path, IOException e) {
    return new Unavailable(
        "cannot %s %s: %s".formatted(what, path, HtmlPages.reason(e)), "check TARGET_DIR", e);
  }
}
