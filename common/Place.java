//JAVA 25+
//SOURCES Display.java

package common;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A collection or, in the signer's configuration, a whole bucket.
 *
 * @param collection null for every collection of the bucket
 */
public record Place(String bucket, String collection) {

  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,255}"); // Kinto's ids

  /** Whether a text can name a bucket or a collection. */
  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  /** Whether it names a possible collection. */
  boolean isNamed() {
    return isName(bucket) && isName(collection);
  }

  /** {@code bucket/collection}. */
  public String name() {
    return bucket + "/" + collection;
  }

  /** {@code /buckets/BUCKET/collections/COLLECTION}. */
  public String path() {
    return "/buckets/" + bucket + "/collections/" + collection;
  }

  /** The beginning of a result in the JSON document. */
  public Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("bucket", Display.clean(bucket));
    json.put("collection", Display.clean(collection));
    return json;
  }

  boolean holds(Place other) {
    return bucket.equals(other.bucket)
        && (collection == null || collection.equals(other.collection));
  }

  /** The collection of that name, if this is a whole bucket; else this collection. */
  Place of(String name) {
    return collection == null ? new Place(bucket, name) : this;
  }
}
