//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java Attachments.java Batches.java Capabilities.java ChangesPlugin.java
//SOURCES Dialect.java Faults.java History.java KintoError.java KintoRequest.java KintoResponse.java
//SOURCES Reader.java Reads.java Signer.java Signoff.java Store.java Writes.java

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.node.ObjectNode;

/**
 * Kinto's protocol without sockets: maps each request to an answer. The answers are those recorded
 * from a Kinto 26 with Mozilla's signer and changes plug-in ({@code vectors/kinto-26}).
 */
final class Routes {

  private static final Pattern ASKS_FOR_SIGNATURE =
      Pattern.compile("\"status\"\\s*:\\s*\"(to-resign|to-sign)\"");

  private final Store store;
  private final Signer signer;
  private final Dialect dialect;
  private final Access access;
  private final Reads reads;
  private final Writes writes;
  private final History history;
  private final Clock clock;
  private final ChangesPlugin changes;
  private final Attachments attachments;
  private final Reader reader;
  private final Batches batches;

  /** Readers see a write and what the signer does with it as one change. */
  private final ReadWriteLock transactions = new ReentrantReadWriteLock();

  Routes(
      Store store,
      Signer signer,
      Signoff signoff,
      Faults faults,
      Clock clock,
      Dialect dialect,
      Attachments attachments,
      URI origin) {
    this.store = store;
    this.signer = signer;
    this.clock = clock;
    this.dialect = dialect;
    this.attachments = attachments;
    access = new Access(store);
    reads = new Reads(store, access, faults, dialect);
    history = new History(store);
    writes = new Writes(store, access, signoff, history, dialect.anyRecordId());
    changes = new ChangesPlugin(store, faults, reads, clock, origin, dialect.maxFetchSize());
    reader = new Reader(store, reads, changes, clock, Capabilities.attachments(origin));
    batches = new Batches(store, faults, dialect.batchMaxRequests(), this::route);
    makeBuckets();
  }

  /** Everyone who has an account may read the source buckets and create collections in them. */
  private void makeBuckets() {
    Map<String, Set<String>> ofSources = new LinkedHashMap<>();
    for (String permission : List.of("read", "collection:create", "group:create")) {
      ofSources.put(permission, Set.of(Access.AUTHENTICATED));
    }
    for (String bucket : ChangesPlugin.BUCKETS) {
      makeBucket(bucket, Map.of());
    }
    for (Signoff.Resource resource : Signoff.RESOURCES) {
      makeBucket(resource.source(), ofSources);
    }
  }

  private void makeBucket(String id, Map<String, Set<String>> permissions) {
    ObjectNode data = Store.object().put("id", id).put("last_modified", 1);
    store.save("/buckets", data, permissions);
  }

  Reader reader() {
    return reader;
  }

  /** Adds an entry to monitor/changes without checking what it names. */
  void announce(ObjectNode entry) {
    changes.announce(entry);
  }

  KintoResponse answer(KintoRequest request) {
    Lock lock = request.isRead() ? transactions.readLock() : transactions.writeLock();
    lock.lock();
    try {
      return route(request);
    } catch (KintoError e) {
      return KintoResponse.refusal(e);
    } catch (RuntimeException e) {
      // A bug of this server. Without an answer, the client would see only a lost connection.
      return KintoResponse.refusal(KintoError.fault(500, "Internal Server Error", e.toString()));
    } finally {
      lock.unlock();
    }
  }

  private KintoResponse route(KintoRequest request) {
    String path = request.path();
    boolean isPost = request.method().equals("POST");
    if (path.startsWith(Signer.CHAINS)) {
      return chain(path.substring(Signer.CHAINS.length()));
    }
    if (path.startsWith(Attachments.PATH)) {
      return attachments.answer(request);
    }
    if (path.equals("/sign/data") && isPost) {
      // Autograph's endpoint, used by a real Kinto; everyone gets a signature.
      return KintoResponse.json(201, signer.signData(request.body()));
    }
    if (Reader.serves(request)) {
      return reader.answer(request);
    }
    if (path.equals("/v1") || !path.startsWith("/v1/")) {
      return redirect(request, "/v1" + (path.equals("/v1") ? "/" : path));
    }
    if (path.endsWith("/") && !path.equals("/v1/")) {
      return redirect(request, path.replaceAll("/+$", ""));
    }
    List<String> segments = request.segments();
    List<String> below = segments.subList(1, segments.size());
    Optional<Access.Target> target = target(below);
    if (target.isPresent()) {
      return objects(request, target.get());
    }
    if (History.isHistory(below)) {
      checkBucket(request, below.get(1));
      return history.list(request, below.get(1), access, reads);
    }
    if (ChangesPlugin.isChangeset(below) && dialect.changesets()) {
      if (!ChangesPlugin.isChanges(below.get(1), below.get(3))) {
        checkBucket(request, below.get(1));
      }
      return changes.changeset(allowed(request, request.isRead()), below.get(1), below.get(3));
    }
    return switch (String.join("/", below)) {
      case "" -> Capabilities.serverInfo(allowed(request, request.isRead()), access, dialect);
      case "__heartbeat__", "__lbheartbeat__" ->
          Capabilities.heartbeat(allowed(request, request.isRead()));
      case "__flush__" -> flush(allowed(request, isPost));
      case "batch" -> batches.answer(allowed(request, isPost));
      case "__broadcasts__" ->
          KintoResponse.json(200, changes.broadcasts(allowed(request, request.isRead())));
      default -> throw KintoError.unknownPath();
    };
  }

  /** Redirects to another path with the same query string. */
  private KintoResponse redirect(KintoRequest request, String path) {
    int query = request.target().indexOf('?');
    String target = path + (query < 0 ? "" : request.target().substring(query));
    return KintoResponse.redirect(
        request.base() + target, target, Duration.ofHours(1), clock.instant());
  }

  private static KintoRequest allowed(KintoRequest request, boolean isAllowed) {
    if (!isAllowed) {
      throw KintoError.methodNotAllowed();
    }
    return request;
  }

  /** The bucket, group, collection, record or list that a path addresses; empty for others. */
  private static Optional<Access.Target> target(List<String> below) {
    if (below.isEmpty() || !below.getFirst().equals("buckets")) {
      return Optional.empty();
    }
    String bucket = below.size() > 1 ? below.get(1) : null;
    String list = below.size() > 2 ? below.get(2) : "";
    String id = below.size() > 3 ? below.get(3) : null;
    boolean isInRecords =
        list.equals("collections") && below.size() > 4 && below.get(4).equals("records");
    return Optional.ofNullable(
        switch (below.size()) {
          case 1, 2 -> Access.Target.buckets(bucket);
          case 3, 4 ->
              switch (list) {
                case "collections" -> Access.Target.collections(bucket, id);
                case "groups" -> Access.Target.groups(bucket, id);
                default -> null;
              };
          case 5 -> isInRecords ? Access.Target.records(bucket, id, null) : null;
          case 6 -> isInRecords ? Access.Target.records(bucket, id, below.get(5)) : null;
          default -> null;
        });
  }

  private KintoResponse objects(KintoRequest request, Access.Target target) {
    if (target.is("record") && ChangesPlugin.isChanges(target.bucket(), target.collection())) {
      if (!request.isRead()) {
        throw KintoError.methodNotAllowed();
      }
      if (target.id() == null) {
        return changes.list(request);
      }
    }
    if (!target.is("bucket")) {
      checkBucket(request, target.bucket());
    }
    return request.isRead() ? reads.answer(request, target) : writes.answer(request, target);
  }

  /** Below a bucket that does not exist, nobody may do anything. */
  private void checkBucket(KintoRequest request, String bucket) {
    if (store.entry("/buckets", bucket).isEmpty()) {
      throw request.notPermitted();
    }
  }

  private KintoResponse chain(String name) {
    String pem = signer.chain(name).orElseThrow(KintoError::unknownPath);
    return KintoResponse.of(200, "application/x-x509-ca-cert", pem)
        .with("Cache-Control", "max-age=3600");
  }

  /**
   * After the request that asked for a signature: its status stays, as if the signer had failed.
   */
  KintoResponse stuck(KintoRequest request, KintoResponse answer) {
    List<String> path = request.segments();
    String body = new String(request.body(), StandardCharsets.UTF_8);
    Matcher status = ASKS_FOR_SIGNATURE.matcher(body);
    if (!request.isRead() && path.size() == 5 && answer.status() == 200 && status.find()) {
      store.edit(path.get(2), path.get(4), source -> source.put("status", status.group(1)));
    }
    return answer;
  }

  /** Deletes everything but the preset buckets. */
  private KintoResponse flush(KintoRequest request) {
    store.clear();
    makeBuckets();
    return KintoResponse.json(202, Store.object());
  }
}
