//JAVA 25+
//SOURCES Display.java UnexpectedBody.java

package common;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.zip.GZIPInputStream;

/**
 * The body of an answer as a stream with a longest silence and a deadline, which the JDK's own does
 * not have; it holds one part at a time.
 */
final class BodyStream extends InputStream implements HttpResponse.BodySubscriber<BodyStream> {
  static final String LATE = "the answer took longer than REQUESTS_DEADLINE_SECONDS allows";
  private static final Object END = new Object();
  private static final int MAX_UNUSED_BYTES = 64 * 1024;
  private static final Duration UNUSED_BYTES_WAIT = Duration.ofMillis(100);
  private final Duration timeout;
  private final String timeoutName;
  private final LongAdder all;
  private final BlockingQueue<Object> parts = new LinkedBlockingQueue<>();
  private Flow.Subscription subscription;
  private ByteArrayInputStream current = new ByteArrayInputStream(new byte[0]);
  private long deadline;
  private long received;
  private boolean ended;

  /**
   * @param deadline by {@link System#nanoTime}
   * @param timeout the longest silence
   * @param timeoutName the name of its setting
   * @param all counts the bytes of all bodies
   */
  BodyStream(long deadline, Duration timeout, String timeoutName, LongAdder all) {
    this.all = all;
    this.deadline = deadline;
    this.timeout = timeout;
    this.timeoutName = timeoutName;
  }

  /** The body of an answer; an empty one if it has none, as that of a proxy to CONNECT. */
  static BodyStream of(HttpResponse<BodyStream> answer) {
    if (answer.body() != null) {
      return answer.body();
    }
    BodyStream empty = new BodyStream(0, Duration.ZERO, "", new LongAdder());
    empty.ended = true;
    return empty;
  }

  @Override
  public CompletionStage<BodyStream> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    this.subscription = subscription;
    subscription.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> part) {
    ByteBuffer whole = ByteBuffer.allocate(part.stream().mapToInt(ByteBuffer::remaining).sum());
    part.forEach(whole::put);
    parts.add(new ByteArrayInputStream(whole.array()));
  }

  @Override
  public void onError(Throwable failure) {
    parts.add(failure);
  }

  @Override
  public void onComplete() {
    parts.add(END);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    int count = current.read(bytes, offset, length);
    while (count < 0 && !ended) {
      nextPart();
      count = current.read(bytes, offset, length);
    }
    return count;
  }

  private void nextPart() throws IOException {
    long left = deadline - System.nanoTime();
    Object part;
    try {
      part = left <= 0 ? null : parts.poll(Math.min(left, timeout.toNanos()), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    switch (part) {
      case null ->
          throw new HttpTimeoutException(
              deadline - System.nanoTime() <= 0
                  ? LATE
                  : "no byte for %s s while reading (%s)"
                      .formatted(Display.seconds(timeout), timeoutName));
      case ByteArrayInputStream next -> {
        current = next;
        received += next.available();
        all.add(next.available());
        subscription.request(1);
      }
      case IOException failure -> throw new IOException(failure.getMessage(), failure);
      case Throwable failure -> throw refusedByClient(failure);
      default -> ended = true;
    }
  }

  /**
   * Reads what is left of a body that is of no use any more, if it is little and comes soon: with
   * HTTP/1.1, only a connection whose body has been read can be used again.
   *
   * @param length of the body as it is sent, or -1 if it is not known
   */
  void finish(long length) {
    if (length - received > MAX_UNUSED_BYTES) {
      return;
    }
    deadline = Math.min(deadline, System.nanoTime() + UNUSED_BYTES_WAIT.toNanos());
    try {
      byte[] unused = new byte[8 * 1024];
      long most = received + MAX_UNUSED_BYTES;
      while (received <= most && read(unused) >= 0) {
        // of no use
      }
    } catch (IOException e) {
      // closed then
    }
  }

  @Override
  public void close() {
    if (!ended && subscription != null) {
      subscription.cancel();
    }
  }

  /** The failure of java.net.http on an answer that it cannot read. */
  static IOException refusedByClient(Throwable failure) {
    return switch (failure) {
      case IOException io -> io;
      case OutOfMemoryError error -> throw error;
      default -> // a stack overflow, too, comes from what the server has sent
          new IOException("the answer is not valid HTTP", failure);
    };
  }

  /** The decompressed body; reading more than this many bytes is an error. */
  static InputStream content(HttpHeaders headers, InputStream body, long maxBytes)
      throws IOException {
    String encoding = headers.firstValue("Content-Encoding").orElse("identity");
    InputStream content =
        switch (encoding.toLowerCase(Locale.ROOT)) {
          case "gzip", "x-gzip" -> new Gzip(body);
          case "identity", "" -> body;
          default ->
              throw new UnexpectedBody("unknown Content-Encoding " + Display.brief(encoding));
        };
    return new Limited(content, maxBytes);
  }

  /** The JDK's reader of a member without content calls itself to read the next one. */
  private static final class Gzip extends GZIPInputStream {
    private static final int MAX_EMPTY_MEMBERS = 100;
    private int depth;

    Gzip(InputStream body) throws IOException {
      super(body, 16 * 1024);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (++depth > MAX_EMPTY_MEMBERS + 2) { // there may be others before and after them
        throw new UnexpectedBody(
            "the answer has more than %d empty gzip members".formatted(MAX_EMPTY_MEMBERS));
      }
      int count = super.read(bytes, offset, length);
      depth = 0;
      return count;
    }
  }

  private static final class Limited extends InputStream {
    private final InputStream in;
    private final long maxBytes;
    private long left;

    Limited(InputStream in, long maxBytes) {
      this.in = in;
      this.maxBytes = maxBytes;
      this.left = maxBytes;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int count = in.read(bytes, offset, length);
      left -= Math.max(count, 0);
      if (left < 0) {
        boolean isWhole = maxBytes % (1024 * 1024) == 0;
        throw new UnexpectedBody(
            "the answer is larger than "
                + (isWhole ? maxBytes / (1024 * 1024) + " MiB" : maxBytes / 1024 + " KiB"));
      }
      return count;
    }
  }
}
