//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES Access.java Attachments.java Dialect.java Fault.java Faults.java KintoRequest.java
//SOURCES KintoResponse.java Reader.java Routes.java SampleContent.java Signer.java
//SOURCES SigningAuthority.java Signoff.java Store.java

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Base64;
import java.util.Deque;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;
import tools.jackson.databind.node.ObjectNode;

/**
 * A small Remote Settings server on loopback. Its content is in a {@link Store} and has real
 * signatures by its own {@link SigningAuthority}. It misbehaves only if a {@link Fault} asks for
 * it. Tests change its state between the requests of a command; people run it as {@code
 * local_server}.
 *
 * <p>This class opens the port, talks HTTP and carries out the faults of the connection; {@link
 * Routes} implements the protocol.
 */
final class RemoteSettingsServer implements AutoCloseable {

  static {
    // Without it, each answer waits for the client's ACK. The JDK's server reads it while loading.
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  private static final int HUGE_BYTES = 200 * 1024 * 1024;
  private static final int MAX_REMEMBERED_REQUESTS = 100_000;
  private static final int MAX_REQUEST_BYTES = 64 * 1024 * 1024;
  private static final int GZIP_FROM_BYTES = 500;

  private record Canned(Fault pattern, KintoResponse answer) {}

  private record Hook(Fault pattern, Consumer<KintoRequest> task) {}

  private final HttpServer http;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final URI origin;
  private final Clock clock;
  private final Duration trickleEvery;
  private final Duration latency;
  private final Store store;
  private final Signer signer;
  private final Signoff signoff;
  private final Faults faults;
  private final Attachments attachments = new Attachments();
  private final Routes routes;
  private final List<Canned> canned = new CopyOnWriteArrayList<>();
  private final List<Hook> before = new CopyOnWriteArrayList<>();
  private final List<Hook> after = new CopyOnWriteArrayList<>();
  private final Deque<KintoRequest> requests = new ArrayDeque<>();
  private final Set<InetSocketAddress> clients = ConcurrentHashMap.newKeySet();

  private RemoteSettingsServer(Builder builder) throws IOException {
    InetAddress loopback = InetAddress.getByAddress("127.0.0.1", new byte[] {127, 0, 0, 1});
    InetSocketAddress address = new InetSocketAddress(loopback, builder.port);
    if (builder.tls == null) {
      http = HttpServer.create(address, 512);
    } else {
      HttpsServer https = HttpsServer.create(address, 512);
      https.setHttpsConfigurator(new HttpsConfigurator(builder.tls));
      http = https;
    }
    origin =
        URI.create(
            (builder.tls == null ? "http" : "https")
                + "://127.0.0.1:"
                + http.getAddress().getPort());
    clock = builder.clock;
    trickleEvery = builder.trickleEvery;
    latency = builder.latency;
    store = new Store(clock);
    SigningAuthority authority =
        builder.authority != null ? builder.authority : SigningAuthority.of(clock.instant());
    signer = new Signer(builder.chainsAt != null ? builder.chainsAt : origin, authority);
    signoff = new Signoff(store, signer, builder.oldSigner);
    faults = new Faults(signer, clock);
    Dialect dialect =
        new Dialect(
            builder.changesets,
            builder.singleSignature,
            builder.maxFetchSize,
            builder.pageSize,
            builder.batchMaxRequests,
            builder.oldSigner,
            builder.anyRecordId);
    routes = new Routes(store, signer, signoff, faults, clock, dialect, attachments, origin);
    if (builder.sample) {
      SampleContent.load(store, signer, signoff, clock.instant());
    }
    builder.faults.forEach(faults::add);
    http.setExecutor(threads);
    http.createContext("/", this::handle);
    http.start();
  }

  static Builder builder() {
    return new Builder();
  }

  /** An empty server on a free port. */
  static RemoteSettingsServer start() throws IOException {
    return builder().start();
  }

  /** Configures a server; the default is an empty, current one on a free port. */
  static final class Builder {
    private int port;
    private boolean sample;
    private SSLContext tls;
    private SigningAuthority authority;
    private Clock clock = Clock.systemUTC();
    private Duration trickleEvery = Duration.ofSeconds(1);
    private Duration latency = Duration.ZERO;
    private boolean changesets = true;
    private boolean singleSignature;
    private int maxFetchSize;
    private int pageSize;
    private int batchMaxRequests = 25;
    private boolean oldSigner;
    private boolean anyRecordId;
    private URI chainsAt;
    private final List<Fault> faults = new CopyOnWriteArrayList<>();

    private Builder() {}

    /** Port on 127.0.0.1; 0 for a free one. */
    Builder port(int port) {
      this.port = port;
      return this;
    }

    /** Starts with {@link SampleContent}. */
    Builder sample(boolean sample) {
      this.sample = sample;
      return this;
    }

    /** Serves HTTPS, for instance with {@code SigningAuthority.tlsForLoopback().context()}. */
    Builder tls(SSLContext tls) {
      this.tls = tls;
      return this;
    }

    /** Signs with this authority instead of a new one. */
    Builder authority(SigningAuthority authority) {
      this.authority = authority;
      return this;
    }

    /** The clock for timestamps and for the validity of certificates. */
    Builder clock(Clock clock) {
      this.clock = clock;
      return this;
    }

    /** Pause between two bytes of a trickling answer; default: a second. */
    Builder trickleEvery(Duration pause) {
      this.trickleEvery = pause;
      return this;
    }

    /** Delay before each answer, to simulate a distant server. */
    Builder latency(Duration latency) {
      this.latency = latency;
      return this;
    }

    /** Imitates an old server, which has no {@code /changeset}. */
    Builder withoutChangesets() {
      this.changesets = false;
      return this;
    }

    /** Imitates an old server, whose metadata has {@code signature} but not {@code signatures}. */
    Builder withSingleSignature() {
      this.singleSignature = true;
      return this;
    }

    /**
     * Cuts changesets at this number of records, as Kinto does at {@code storage_max_fetch_size};
     * what is signed are all of them.
     */
    Builder maxFetchSize(int maxFetchSize) {
      this.maxFetchSize = maxFetchSize;
      return this;
    }

    /** Maximum number of records per page, whatever the client asks for. */
    Builder pageSize(int pageSize) {
      this.pageSize = pageSize;
      return this;
    }

    /** Maximum number of requests per batch; default: 25, like Kinto. */
    Builder batchMaxRequests(int batchMaxRequests) {
      this.batchMaxRequests = batchMaxRequests;
      return this;
    }

    /** Imitates a signer before version 26: see {@link Dialect}. */
    Builder withOldSigner() {
      this.oldSigner = true;
      return this;
    }

    /**
     * Accepts any text as a record id, as Kinto can be configured to do. Here, a slash in an id,
     * written {@code %2F}, is part of the id; Kinto behind an ordinary WSGI server answers 404,
     * because it splits the path after decoding it.
     */
    Builder withAnyRecordId() {
      this.anyRecordId = true;
      return this;
    }

    /** Origin that each {@code x5u} names; default: the server's own, which serves the chains. */
    Builder chainsAt(URI origin) {
      this.chainsAt = origin;
      return this;
    }

    Builder fault(Fault fault) {
      faults.add(fault);
      return this;
    }

    /** Throws {@link java.net.BindException} if the port is taken. */
    RemoteSettingsServer start() throws IOException {
      return new RemoteSettingsServer(this);
    }
  }

  /** Base URL for {@code --server}: {@code http://127.0.0.1:PORT/v1}. */
  URI url() {
    return origin.resolve("/v1");
  }

  /** The same content as the reader of 2026 serves it: {@code http://127.0.0.1:PORT/v2}. */
  URI readerUrl() {
    return origin.resolve(Reader.ROOT);
  }

  int port() {
    return origin.getPort();
  }

  /** The state itself, for changes that the methods below do not offer. */
  Store store() {
    return store;
  }

  Signer signer() {
    return signer;
  }

  SigningAuthority authority() {
    return signer.authority();
  }

  // --- State ---------------------------------------------------------------------------------

  /**
   * Creates a collection, and its bucket, if they are missing. Everyone may read it unless it is a
   * source; editor and reviewer may both edit and review a source.
   */
  void create(String bucket, String collection) {
    if (store.entry("/buckets", bucket).isEmpty()) {
      bucket(bucket);
    }
    signoff.create(bucket, collection);
  }

  /** Creates a bucket that the signer does not know, in which the editor may do everything. */
  void bucket(String name) {
    ObjectNode data = Store.object().put("id", name);
    store.save("/buckets", data, Map.of("write", Set.of("account:editor")));
  }

  /** Creates the collection if needed, puts the records (JSON objects), and signs it. */
  void publish(String bucket, String collection, String... records) {
    create(bucket, collection);
    for (String record : records) {
      put(bucket, collection, record);
    }
    sign(bucket, collection);
  }

  /** Puts one record without signing: a signature of the collection is no longer valid. */
  ObjectNode put(String bucket, String collection, String record) {
    return put(bucket, collection, (ObjectNode) Store.JSON.readTree(record));
  }

  /** The same with a JSON tree. */
  ObjectNode put(String bucket, String collection, ObjectNode record) {
    create(bucket, collection);
    return store.put(bucket, collection, record);
  }

  /** Attaches a file to a record, which is made if it is missing; does not sign. */
  ObjectNode attach(String bucket, String collection, String id, String filename, byte[] bytes) {
    create(bucket, collection);
    ObjectNode record =
        store
            .entry(Store.records(bucket, collection), id)
            .map(entry -> entry.data().deepCopy().without("last_modified"))
            .orElseGet(() -> Store.object().put("id", id));
    record.set("attachment", attachments.add(bucket, collection, filename, bytes));
    return store.put(bucket, collection, record);
  }

  /** Deletes one record without signing, and leaves a tombstone. */
  void delete(String bucket, String collection, String id) {
    store.delete(bucket, collection, id);
  }

  /** Signs the collection as it is now. */
  void sign(String bucket, String collection) {
    sign(bucket, collection, signer.authorityOf(bucket));
  }

  /** Signs the collection by another authority, whose chain is then served, too. */
  void sign(String bucket, String collection, SigningAuthority by) {
    ObjectNode entry = signatureEntry(bucket, collection, by);
    store.edit(bucket, collection, attributes -> Signer.setSignatures(attributes, List.of(entry)));
  }

  /** A signature entry for the collection as it is now, for tests that combine several. */
  ObjectNode signatureEntry(String bucket, String collection, SigningAuthority by) {
    return signer.entry(by, store.get(bucket, collection));
  }

  /** Changes a collection's attributes, and with them its {@code last_modified}. */
  void edit(String bucket, String collection, Consumer<ObjectNode> change) {
    store.edit(bucket, collection, change);
  }

  long timestamp(String bucket, String collection) {
    return store.get(bucket, collection).timestamp();
  }

  /** Adds any JSON object to monitor/changes. */
  void announce(String entry) {
    routes.announce((ObjectNode) Store.JSON.readTree(entry));
  }

  /** Freezes what {@link #readerUrl} says about its last export; by default, that is now. */
  void exportedAt(Instant moment) {
    routes.reader().exportedAt(moment);
  }

  // --- Misbehaviour --------------------------------------------------------------------------

  void fault(Fault fault) {
    faults.add(fault);
  }

  /** The same in the syntax of {@code --fault}: {@code altered-record=main/regions:2}. */
  void fault(String fault) {
    faults.add(Fault.parse(fault));
  }

  /**
   * Answers matching requests with this instead of handling them.
   *
   * @param where {@code bucket/collection} or path, with shell wildcards, as in {@link Fault}
   */
  void answer(String where, int status, String contentType, String body) {
    answer(where, KintoResponse.of(status, contentType, body));
  }

  void answer(String where, KintoResponse answer) {
    canned.addFirst(new Canned(pattern(where), answer));
  }

  /** A pattern in the syntax of {@link Fault#where}; the kind of the fault does not matter. */
  private static Fault pattern(String where) {
    return Fault.of(Fault.Kind.HTML).at(where);
  }

  /**
   * Runs a task whenever such a request has arrived, before it is handled: simulates another user,
   * who does something between two requests of a command. No lock is held meanwhile. Parts of a
   * batch do not count as requests.
   *
   * @param where {@code POST /v1/batch}: as in {@link Fault}
   */
  void before(String where, Consumer<KintoRequest> task) {
    before.add(new Hook(pattern(where), task));
  }

  /** Runs a task whenever such a request has been handled, before its answer is sent. */
  void after(String where, Consumer<KintoRequest> task) {
    after.add(new Hook(pattern(where), task));
  }

  private static void run(List<Hook> hooks, KintoRequest request) {
    for (Hook hook : hooks) {
      if (hook.pattern().concerns(request)) {
        hook.task().accept(request);
      }
    }
  }

  /** Removes all faults, and all answers set by {@link #answer}. */
  void clearFaults() {
    faults.clear();
    canned.clear();
  }

  /** The requests received so far, in order of arrival. */
  List<KintoRequest> requests() {
    synchronized (requests) {
      return List.copyOf(requests);
    }
  }

  /** The requests received so far whose path and query begin with a text. */
  List<KintoRequest> requests(String start) {
    return requests().stream().filter(request -> request.target().startsWith(start)).toList();
  }

  /** The client's address of each connection that has carried a request. */
  Set<InetSocketAddress> clients() {
    return Set.copyOf(clients);
  }

  void forgetRequests() {
    synchronized (requests) {
      requests.clear();
    }
  }

  /** Stops immediately, even in the middle of an answer. */
  @Override
  public void close() {
    closing.countDown();
    http.stop(0);
    threads.shutdownNow();
  }

  // --- HTTP ----------------------------------------------------------------------------------

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      KintoRequest request = read(exchange);
      remember(request);
      clients.add(exchange.getRemoteAddress());
      if (latency.isPositive() && closing.await(latency.toNanos(), TimeUnit.NANOSECONDS)) {
        return;
      }
      run(before, request);
      for (Canned one : canned) {
        if (one.pattern().concerns(request)) {
          send(exchange, request, one.answer());
          return;
        }
      }
      Optional<Fault.Kind> instead = faults.take(Fault.Point.INSTEAD, request);
      if (instead.isPresent() && !isFollowedRedirect(request, instead.get())) {
        misbehave(exchange, request, instead.get());
      } else if (request.path().equals(Signer.CHAINS + "huge.chain")) {
        sendHuge(exchange, false);
      } else {
        KintoResponse answer = routes.answer(request);
        run(after, request);
        switch (faults.take(Fault.Point.AFTERWARDS, request).orElse(null)) {
          case null -> send(exchange, request, answer);
          case STATUS_503_DONE -> send(exchange, request, Faults.unavailable());
          case STUCK -> send(exchange, request, routes.stuck(request, answer));
          default -> exchange.close();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private KintoRequest read(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readNBytes(MAX_REQUEST_BYTES);
    Map<String, String> headers = new LinkedHashMap<>();
    exchange
        .getRequestHeaders()
        .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), values.getLast()));
    URI uri = exchange.getRequestURI();
    return new KintoRequest(
        origin,
        exchange.getRequestMethod(),
        uri.toString(),
        uri.getRawPath() == null ? "" : uri.getRawPath(),
        KintoRequest.parseQuery(uri.getRawQuery()),
        headers,
        body,
        user(headers.get("authorization")));
  }

  /** The account of Basic credentials; empty if they are missing or wrong. */
  private static Optional<String> user(String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Basic ", 0, 6)) {
      return Optional.empty();
    }
    try {
      byte[] decoded = Base64.getDecoder().decode(authorization.substring(6).strip());
      String pair = new String(decoded, StandardCharsets.UTF_8);
      return Access.ACCOUNTS.stream().filter(name -> pair.equals(name + ":" + name)).findFirst();
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private void remember(KintoRequest request) {
    synchronized (requests) {
      requests.addLast(request);
      if (requests.size() > MAX_REMEMBERED_REQUESTS) {
        requests.removeFirst();
      }
    }
  }

  private static boolean isFollowedRedirect(KintoRequest request, Fault.Kind kind) {
    boolean redirects = kind == Fault.Kind.REDIRECT || kind == Fault.Kind.REDIRECT_ELSEWHERE;
    return redirects && request.parameter("_redirected").isPresent();
  }

  private void misbehave(HttpExchange exchange, KintoRequest request, Fault.Kind kind)
      throws IOException, InterruptedException {
    switch (kind) {
      case SILENT -> closing.await();
      case RESET -> exchange.close();
      case HUGE -> sendHuge(exchange, false);
      case GZIP_BOMB -> sendHuge(exchange, true);
      default -> send(exchange, request, wrongAnswer(request, kind));
    }
  }

  private KintoResponse wrongAnswer(KintoRequest request, Fault.Kind kind) {
    return switch (kind) {
      case NOT_JSON -> KintoResponse.of(200, "application/json", "{\"data\": [");
      case HTML ->
          KintoResponse.of(
              200,
              "text/html; charset=UTF-8",
              "<!DOCTYPE html>\n<html><head><title>Log in</title></head>"
                  + "<body><h1>Log in</h1></body></html>\n");
      case WRONG_SHAPE -> KintoResponse.of(200, "application/json", "[42]");
      case REDIRECT, REDIRECT_ELSEWHERE, REDIRECT_LOOP -> redirect(request, kind);
      default -> faults.refusal(kind).orElseThrow();
    };
  }

  private KintoResponse redirect(KintoRequest request, Fault.Kind kind) {
    String base = request.base();
    if (kind == Fault.Kind.REDIRECT_ELSEWHERE) {
      String other = base.contains("//localhost") ? "127.0.0.1" : "localhost";
      base = origin.getScheme() + "://" + other + ":" + port();
    }
    String mark = request.target().contains("?") ? "&" : "?";
    String target = request.target();
    if (kind != Fault.Kind.REDIRECT_LOOP) {
      target += mark + "_redirected=1";
    }
    return KintoResponse.of(307, "text/plain", "").with("Location", base + target);
  }

  private void send(HttpExchange exchange, KintoRequest request, KintoResponse answer)
      throws IOException, InterruptedException {
    Set<Fault.Kind> sendFaults = EnumSet.noneOf(Fault.Kind.class);
    sendFaults.addAll(faults.takeAll(Fault.Point.SENDING, request));
    answer.headers().forEach((name, value) -> exchange.getResponseHeaders().set(name, value));
    if (sendFaults.contains(Fault.Kind.ALERT)) {
      ObjectNode alert =
          Store.object()
              .put("type", "soft-eol")
              .put("message", "This server will be switched off.")
              .put("url", origin + "/farewell");
      exchange.getResponseHeaders().set("Alert", alert.toString());
    }
    if (sendFaults.contains(Fault.Kind.BACKOFF)) {
      exchange.getResponseHeaders().set("Backoff", "1");
    }
    if (request.path().equals(Signer.CHAINS + "trickle.chain")) {
      sendFaults.add(Fault.Kind.TRICKLE);
    }

    byte[] body = answer.body();
    boolean isHead = request.method().equals("HEAD");
    boolean acceptsGzip = request.header("accept-encoding").orElse("").contains("gzip");
    boolean isFile = answer.headers().containsKey("Accept-Ranges"); // has bytes to count
    if (acceptsGzip && !isHead && !isFile && body.length >= GZIP_FROM_BYTES) {
      body = gzip(body);
      exchange.getResponseHeaders().set("Content-Encoding", "gzip");
      exchange.getResponseHeaders().set("Vary", "Accept-Encoding");
    }
    if (isHead) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
    }
    if (isHead || body.length == 0) {
      exchange.sendResponseHeaders(answer.status(), -1);
      return;
    }
    exchange.sendResponseHeaders(answer.status(), body.length);
    OutputStream out = exchange.getResponseBody();
    if (sendFaults.contains(Fault.Kind.CUT) || sendFaults.contains(Fault.Kind.STALL)) {
      out.write(body, 0, body.length / 2);
      out.flush();
      if (sendFaults.contains(Fault.Kind.STALL)) {
        closing.await();
      }
    } else if (sendFaults.contains(Fault.Kind.TRICKLE)) {
      for (byte one : body) {
        out.write(one);
        out.flush();
        if (closing.await(trickleEvery.toMillis(), TimeUnit.MILLISECONDS)) {
          return;
        }
      }
    } else {
      out.write(body);
    }
  }

  private static byte[] gzip(byte[] body) throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream out = fastGzip(zipped)) {
      out.write(body);
    }
    return zipped.toByteArray();
  }

  private static OutputStream fastGzip(OutputStream to) throws IOException {
    return new GZIPOutputStream(to, 1 << 15) {
      {
        def.setLevel(Deflater.BEST_SPEED);
      }
    };
  }

  /** Sends 200 MiB of records, or as much as the client reads. */
  private void sendHuge(HttpExchange exchange, boolean zipped) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    if (zipped) {
      exchange.getResponseHeaders().set("Content-Encoding", "gzip");
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    exchange.sendResponseHeaders(200, 0);
    byte[] padding = new byte[1 << 17];
    Arrays.fill(padding, (byte) 'x');
    OutputStream plain = exchange.getResponseBody();
    try (OutputStream out = zipped ? fastGzip(plain) : plain) {
      write(out, "{\"metadata\":{\"id\":\"huge\"},\"timestamp\":1,\"changes\":[");
      for (int sent = 0; sent < HUGE_BYTES && closing.getCount() > 0; sent += padding.length) {
        write(out, (sent == 0 ? "" : ",") + "{\"id\":\"" + sent + "\",\"padding\":\"");
        out.write(padding);
        write(out, "\"}");
      }
      write(out, "],\"data\":[]}");
    }
  }

  private static void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.US_ASCII));
  }
}
