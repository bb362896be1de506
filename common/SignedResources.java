//JAVA 25+
//SOURCES Json.java Place.java UnexpectedBody.java

package common;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The signed resources of a server, as its signer capability lists them.
 *
 * <p>A resource for a single collection takes precedence over one for its whole bucket.
 */
public record SignedResources(List<SignedResource> all) {

  /** The start of a version whose first number is 26 or greater. */
  private static final Pattern SINCE_26 = Pattern.compile("2[6-9]|[3-9]\\d|[1-9]\\d\\d");

  /** The resource of a source collection. */
  public Optional<SignedResource> ofSource(Place source) {
    return matching(source, SignedResource::source).findFirst();
  }

  /**
   * The resource that publishes to a destination collection. A bucket's resource does not, if the
   * source has its own resource, which publishes elsewhere.
   */
  public Optional<SignedResource> ofDestination(Place destination) {
    return matching(destination, SignedResource::destination)
        .filter(this::isOfItsSource)
        .findFirst();
  }

  /** The resource whose preview a collection is. */
  public Optional<SignedResource> ofPreview(Place place) {
    return matching(place, SignedResource::preview).filter(this::isOfItsSource).findFirst();
  }

  private boolean isOfItsSource(SignedResource resource) {
    return ofSource(resource.source()).filter(resource::equals).isPresent();
  }

  private Stream<SignedResource> matching(Place place, Function<SignedResource, Place> end) {
    return all.stream()
        .filter(resource -> end.apply(resource) != null && end.apply(resource).holds(place))
        .sorted(Comparator.comparing(resource -> end.apply(resource).collection() == null))
        .map(resource -> resource.of(place.collection()));
  }

  /**
   * A signed resource: what is edited in the source is copied to the preview for a review and to
   * the destination when it is published.
   *
   * @param preview null where there is none
   * @param signoff who may ask for a review and approve it
   */
  public record SignedResource(
      Place source, Place preview, Place destination, SignoffRule signoff) {

    private SignedResource of(String collection) {
      return new SignedResource(
          source.of(collection),
          preview == null ? null : preview.of(collection),
          destination.of(collection),
          signoff.of(collection));
    }

    /** The group that an account must join to request a signoff; empty if none, or not known. */
    public Optional<String> missingGroup(Set<String> principals) {
      // without review, old servers ask: some for the editors, some for the reviewers
      List<String> groups =
          Stream.of(signoff.editors(), signoff.reviewed() ? null : signoff.reviewers())
              .filter(Objects::nonNull)
              .toList();
      String start = "/buckets/%s/groups/".formatted(source.bucket());
      return principals.isEmpty()
              || groups.isEmpty()
              || groups.stream().anyMatch(group -> principals.contains(start + group))
          ? Optional.empty()
          : Optional.of(groups.getLast());
    }
  }

  /**
   * How edits of a source get published.
   *
   * @param reviewed whether a reviewer has to approve it
   * @param editors group whose members may ask for a review, null if that is not checked
   * @param reviewers group whose members may approve, null if that is not checked
   */
  public record SignoffRule(boolean reviewed, String editors, String reviewers) {

    /** What an editor requests in order to publish: a review, or else the signature. */
    public String requested() {
      return reviewed ? "review" : "signature";
    }

    /** The status that requests it. */
    public String status() {
      return reviewed ? "to-review" : "to-sign";
    }

    private SignoffRule of(String collection) {
      return new SignoffRule(reviewed, named(editors, collection), named(reviewers, collection));
    }

    private static String named(String group, String collection) {
      return group == null ? null : group.replace("{collection_id}", collection);
    }
  }

  /** Reads the {@code signer} capability. */
  static SignedResources of(Map<String, Object> signer) throws UnexpectedBody {
    String name = "capabilities.signer.resources";
    List<SignedResource> resources = new ArrayList<>();
    for (Object resource : Json.list(signer.get("resources"), name)) {
      String which = "%s.%d".formatted(name, resources.size());
      Map<String, Object> own = Json.object(resource, which);
      resources.add(
          new SignedResource(
              place(own.get("source"), which + ".source"),
              own.get("preview") == null ? null : place(own.get("preview"), which + ".preview"),
              place(own.get("destination"), which + ".destination"),
              signoff(own, signer)));
    }
    return new SignedResources(resources);
  }

  /** A resource's own settings take precedence over those for all. */
  private static SignoffRule signoff(Map<String, Object> resource, Map<String, Object> signer) {
    Map<String, Object> settings = new HashMap<>(signer);
    settings.putAll(resource);
    boolean isReviewed = !Boolean.FALSE.equals(settings.get("to_review_enabled"));
    // today's signers ask for a group where a review is needed, and say true for old clients
    boolean isChecked =
        isCurrent(signer) ? isReviewed : Boolean.TRUE.equals(settings.get("group_check_enabled"));
    return new SignoffRule(
        isReviewed,
        isChecked && settings.get("editors_group") instanceof String editors ? editors : null,
        isChecked && settings.get("reviewers_group") instanceof String reviewers
            ? reviewers
            : null);
  }

  /** Whether it is Mozilla's signer of today, whose version may be unknown: {@code 0.0.0}. */
  private static boolean isCurrent(Map<String, Object> signer) {
    return signer.get("plugin_userid") != null
        || (signer.get("version") instanceof String version
            && SINCE_26.matcher(version).lookingAt());
  }

  private static Place place(Object value, String which) throws UnexpectedBody {
    Map<String, Object> place = Json.object(value, which);
    Object collection = place.get("collection");
    if (!(place.get("bucket") instanceof String bucket)
        || !Place.isName(bucket)
        || !(collection == null || (collection instanceof String name && Place.isName(name)))) {
      throw new UnexpectedBody(
          "unexpected answer: %s names no bucket or collection".formatted(which));
    }
    return new Place(bucket, (String) collection);
  }
}
