//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Fault.java KintoError.java KintoRequest.java KintoResponse.java Signer.java
//SOURCES SigningAuthority.java Store.java

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The faults that are switched on. This class carries out those that alter content (it returns an
 * altered copy; the store does not change) and those that refuse a request or a part of a batch.
 * {@link RemoteSettingsServer} carries out the others, which concern the connection.
 */
final class Faults {

  private record Active(Fault fault, AtomicInteger uses) {

    /** Counts one use; false if the fault has been used up. */
    boolean use() {
      return fault.times() == 0 || uses.getAndIncrement() < fault.times();
    }
  }

  private final List<Active> active = new CopyOnWriteArrayList<>();
  private final Signer signer;
  private final Clock clock;
  private final Map<String, SigningAuthority> authorities = new HashMap<>();

  Faults(Signer signer, Clock clock) {
    this.signer = signer;
    this.clock = clock;
  }

  void add(Fault fault) {
    active.add(new Active(fault, new AtomicInteger()));
  }

  void clear() {
    active.clear();
  }

  /** The first fault of that point that applies to this request; counts one use of it. */
  Optional<Fault.Kind> take(Fault.Point point, KintoRequest request) {
    return take(fault -> fault.kind().point() == point && fault.concerns(request)).findFirst();
  }

  /**
   * The refusal that a fault gives to a part of a batch; counts one use of it. Faults that apply to
   * the batch itself are left out, because the batch has already used them.
   */
  Optional<KintoResponse> takeRefusal(KintoRequest part, KintoRequest batch) {
    return take(fault ->
            refusal(fault.kind()).isPresent() && fault.concerns(part) && !fault.concerns(batch))
        .findFirst()
        .flatMap(this::refusal);
  }

  /** All faults of that point that apply to this request; counts one use of each. */
  List<Fault.Kind> takeAll(Fault.Point point, KintoRequest request) {
    return take(fault -> fault.kind().point() == point && fault.concerns(request)).toList();
  }

  /** All faults of that point that apply to a collection; counts one use of each. */
  List<Fault.Kind> takeAll(Fault.Point point, String path, String collection) {
    return take(fault -> fault.kind().point() == point && fault.concerns("", path, collection))
        .toList();
  }

  /** Lazy: a fault counts as used only when the stream reaches it. */
  private Stream<Fault.Kind> take(Predicate<Fault> applies) {
    return active.stream()
        .filter(one -> applies.test(one.fault()) && one.use())
        .map(one -> one.fault().kind());
  }

  // --- Answers ------------------------------------------------------------------------------

  /** The answer of a fault that only refuses; empty for all other kinds. */
  Optional<KintoResponse> refusal(Fault.Kind kind) {
    return Optional.ofNullable(
        switch (kind) {
          case STATUS_400 -> brokenSchema();
          case STATUS_401 -> error(401, "Unauthorized", "Please authenticate yourself.");
          case STATUS_403 -> error(403, "Forbidden", "This user cannot access this resource.");
          case STATUS_404 -> error(404, "Not Found", "The resource could not be found.");
          case STATUS_409 -> error(409, "Conflict", "Integrity constraint violated, please retry.");
          case STATUS_412 -> error(412, "Precondition Failed", "Resource was modified meanwhile");
          case STATUS_413 -> gateway(413, "Request Entity Too Large");
          case STATUS_429 -> error(429, "Too Many Requests", "Slow down.").with("Retry-After", "1");
          case STATUS_500 -> error(500, "Internal Server Error", "A programmatic error occured.");
          case STATUS_502 -> gateway(502, "Bad Gateway");
          case STATUS_503 -> unavailable().with("Retry-After", "1");
          case STATUS_503_DATE ->
              unavailable()
                  .with("Retry-After", KintoResponse.httpDate(clock.instant().plusMillis(1999)));
          case STATUS_503_LONG -> unavailable().with("Retry-After", "3600");
          case STATUS_503_PLAIN -> unavailable();
          case STATUS_504 -> gateway(504, "Gateway Timeout");
          case CONTROL_CHARACTERS ->
              error(
                  403,
                  "Forbidden",
                  "\u001b[2J\u001b[31mYou\u0007 may\r\n"
                      + "not\t\u009b1m\u001b]0;title\u0007\u202e pass");
          default -> null;
        });
  }

  static KintoResponse unavailable() {
    String message = "Service temporary unavailable due to overloading or maintenance.";
    return error(503, "Service Unavailable", message);
  }

  private static KintoResponse error(int status, String error, String message) {
    return KintoResponse.json(status, KintoError.fault(status, error, message).body());
  }

  private static KintoResponse brokenSchema() {
    String broken = "12 is not of type 'string'";
    return KintoResponse.json(400, KintoError.invalid("body", "title", broken).body());
  }

  private static KintoResponse gateway(int status, String title) {
    return KintoResponse.of(
        status,
        "text/html; charset=UTF-8",
        "<html><head><title>" + status + " " + title + "</title></head></html>\n");
  }

  // --- Content ------------------------------------------------------------------------------

  /**
   * A collection as this request gets to see it: altered by the faults that apply.
   *
   * @param expected value of {@code _expected}, if the request has one
   */
  Store.Snapshot alter(Store.Snapshot original, String path, Optional<String> expected) {
    Store.Snapshot altered = original;
    String collection = original.bucket() + "/" + original.name();
    for (Fault.Kind kind : takeAll(Fault.Point.CONTENT, path, collection)) {
      altered = alter(kind, altered, expected);
    }
    return altered;
  }

  private Store.Snapshot alter(Fault.Kind kind, Store.Snapshot state, Optional<String> expected) {
    return switch (kind) {
      case ALTERED_RECORD -> state.withRecords(alterOne(state.records()), state.timestamp());
      case ALTERED_TIMESTAMP -> state.withRecords(state.records(), state.timestamp() + 1);
      case NO_ID -> {
        List<ObjectNode> records = new ArrayList<>(state.records());
        if (!records.isEmpty()) {
          records.set(0, records.getFirst().deepCopy().without("id"));
        }
        yield state.withRecords(records, state.timestamp());
      }
      case DUPLICATE_ID -> {
        List<ObjectNode> records = new ArrayList<>(state.records());
        if (!records.isEmpty()) {
          records.add(records.getFirst().deepCopy().put("duplicate", true));
        }
        yield state.withRecords(records, state.timestamp());
      }
      case STALE -> {
        boolean isPastCaches =
            expected.isPresent() && !expected.get().equals(Long.toString(state.timestamp()));
        yield isPastCaches ? state : older(state);
      }
      case STALE_ALWAYS -> older(state);
      case MISSING_SIGNATURE -> {
        ObjectNode metadata = state.metadata().deepCopy();
        metadata.remove(List.of("signature", "signatures"));
        yield state.withMetadata(metadata);
      }
      case ALTERED_SIGNATURE -> withEntries(state, Faults::flipOneBit);
      case MALFORMED_SIGNATURE ->
          withEntries(
              state,
              entry -> {
                String signature = entry.path("signature").asString();
                entry.put("signature", signature.substring(0, signature.length() - 8));
              });
      case CHAIN_MISSING -> withChain(state, signer.chainUrl("missing.chain"));
      case CHAIN_HUGE -> withChain(state, signer.chainUrl("huge.chain"));
      case CHAIN_TRICKLE ->
          withChain(state, signer.addChain("trickle.chain", signer.authority().chainPem()));
      case CHAIN_NOT_PEM ->
          withChain(state, signer.addChain("not-pem.chain", "This is not a certificate.\n"));
      case CHAIN_EMPTY -> withChain(state, signer.addChain("empty.chain", ""));
      default -> signedBy(state, authority(kind, state.bucket()));
    };
  }

  private static Store.Snapshot withEntries(Store.Snapshot state, Consumer<ObjectNode> change) {
    ObjectNode metadata = state.metadata().deepCopy();
    if (metadata.get("signature") instanceof ObjectNode single) {
      change.accept(single);
    }
    for (JsonNode entry : metadata.path("signatures")) {
      change.accept((ObjectNode) entry);
    }
    return state.withMetadata(metadata);
  }

  private static Store.Snapshot withChain(Store.Snapshot state, String url) {
    return withEntries(state, entry -> entry.put("x5u", url));
  }

  private static void flipOneBit(ObjectNode entry) {
    byte[] raw = Base64.getUrlDecoder().decode(entry.path("signature").asString());
    raw[raw.length - 1] ^= 1;
    entry.put("signature", Base64.getUrlEncoder().withoutPadding().encodeToString(raw));
  }

  private Store.Snapshot signedBy(Store.Snapshot state, SigningAuthority by) {
    if (!state.metadata().has("signature")) {
      return state;
    }
    ObjectNode metadata = state.metadata().deepCopy();
    Signer.setSignatures(metadata, List.of(signer.entry(by, state)));
    return state.withMetadata(metadata);
  }

  /** The state before the newest record, with a valid signature of that state. */
  private Store.Snapshot older(Store.Snapshot state) {
    List<ObjectNode> records = state.records();
    if (!records.isEmpty()) {
      records = records.subList(1, records.size());
    }
    long timestamp =
        records.isEmpty() ? state.timestamp() - 1000 : Store.lastModified(records.getFirst());
    ObjectNode metadata = state.metadata().deepCopy();
    metadata.put("last_modified", state.modified() - (state.timestamp() - timestamp));
    Store.Snapshot older =
        new Store.Snapshot(
            state.bucket(),
            state.name(),
            metadata,
            timestamp,
            records,
            state.tombstones().stream()
                .filter(tombstone -> Store.lastModified(tombstone) <= timestamp)
                .toList());
    return signedBy(older, signer.authorityOf(state.bucket()));
  }

  /** Changes one character of the record with the lowest id; adds a record if there is none. */
  private static List<ObjectNode> alterOne(List<ObjectNode> records) {
    List<ObjectNode> altered = new ArrayList<>(records);
    Optional<ObjectNode> first = records.stream().min(Comparator.comparing(Store::id));
    if (first.isEmpty()) {
      altered.add(Store.object().put("id", "added").put("last_modified", 1));
      return altered;
    }
    ObjectNode changed = first.get().deepCopy();
    Optional<String> text =
        changed.propertyNames().stream()
            .filter(name -> !name.equals("id") && changed.get(name).isString())
            .filter(name -> !changed.get(name).asString().isEmpty())
            .findFirst();
    if (text.isPresent()) {
      String value = changed.get(text.get()).asString();
      String start = value.charAt(0) == 'x' ? "y" : "x";
      changed.put(text.get(), start + value.substring(value.offsetByCodePoints(0, 1)));
    } else {
      changed.put("altered", true);
    }
    altered.set(records.indexOf(first.get()), changed);
    return altered;
  }

  /** Made when first needed, then reused, because clients fetch a chain once per URL. */
  private synchronized SigningAuthority authority(Fault.Kind kind, String bucket) {
    SigningAuthority usual = signer.authorityOf(bucket);
    return authorities.computeIfAbsent(
        kind + " " + usual.signerId(),
        name -> {
          Instant now = clock.instant();
          SigningAuthority.Builder builder = usual.sibling();
          switch (kind) {
            case EXPIRED_LEAF -> builder.defect(SigningAuthority.Defect.LEAF_EXPIRED);
            case EXPIRED_INTERMEDIATE ->
                builder.defect(SigningAuthority.Defect.INTERMEDIATE_EXPIRED);
            case EXPIRING_LEAF ->
                builder.leafValidity(now.minus(Duration.ofDays(26)), now.plus(Duration.ofDays(3)));
            case WRONG_SIGNER -> builder.defect(SigningAuthority.Defect.LEAF_OF_OTHER_SIGNER);
            case WRONG_ROOT ->
                builder = SigningAuthority.builder().now(now).signer(usual.signerId());
            default -> throw new IllegalStateException(kind + " does not affect signatures");
          }
          return builder.build();
        });
  }
}
