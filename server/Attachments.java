//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoError.java KintoRequest.java KintoResponse.java Store.java

import java.net.URLConnection;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.node.ObjectNode;

/** The files that are attached to records, and how they are served: GET, HEAD and ranges. */
final class Attachments {

  /** Path below which the files are served; with the origin, it is the {@code base_url}. */
  static final String PATH = "/attachments/";

  private static final Pattern RANGE = Pattern.compile("bytes=(\\d{1,9})-(\\d{0,9})");

  private record File(String mimetype, byte[] bytes) {}

  private final Map<String, File> files = new ConcurrentHashMap<>();

  /** Keeps a file, and returns what a record says about it in {@code attachment}. */
  ObjectNode add(String bucket, String collection, String filename, byte[] bytes) {
    int dot = filename.lastIndexOf('.');
    String name = UUID.randomUUID() + (dot < 0 ? "" : filename.substring(dot));
    String location = bucket + "/" + collection + "/" + name;
    String mimetype =
        Optional.ofNullable(URLConnection.guessContentTypeFromName(filename))
            .orElse("application/octet-stream");
    files.put(location, new File(mimetype, bytes.clone()));
    return Store.object()
        .put("hash", sha256(bytes))
        .put("size", bytes.length)
        .put("filename", filename)
        .put("location", location)
        .put("mimetype", mimetype);
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Serves a file, or the range of it that a GET asks for. */
  KintoResponse answer(KintoRequest request) {
    if (!request.isRead()) {
      throw KintoError.methodNotAllowed();
    }
    String location = KintoRequest.decodedPath(request.path().substring(PATH.length()));
    File file = files.get(location);
    if (file == null) {
      throw KintoError.unknownPath();
    }
    Matcher range = RANGE.matcher(request.header("Range").orElse(""));
    KintoResponse answer =
        request.method().equals("GET") && range.matches()
            ? part(file, Integer.parseInt(range.group(1)), range.group(2))
            : KintoResponse.of(200, file.mimetype(), file.bytes());
    return answer.with("Accept-Ranges", "bytes").with("Cache-Control", "max-age=3600");
  }

  /**
   * @param last position of the last byte; empty for the end of the file
   */
  private static KintoResponse part(File file, int first, String last) {
    int length = file.bytes().length;
    int end = last.isEmpty() ? length : Math.min(length, Integer.parseInt(last) + 1);
    if (first >= end) {
      return KintoResponse.empty(416).with("Content-Range", "bytes */" + length);
    }
    return KintoResponse.of(206, file.mimetype(), Arrays.copyOfRange(file.bytes(), first, end))
        .with("Content-Range", "bytes %d-%d/%d".formatted(first, end - 1, length));
  }
}
