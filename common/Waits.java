//JAVA 25+
//SOURCES Urls.java

package common;

import java.net.URI;
import java.net.http.HttpHeaders;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait before a request. Waits double from 0.5 s to 8 s with full jitter; {@code
 * Retry-After} and {@code Backoff} are obeyed up to 30 s.
 */
final class Waits {

  static final Duration LONGEST_REQUESTED = Duration.ofSeconds(30);
  private static final Duration FIRST = Duration.ofMillis(500);
  private static final Duration LONGEST = Duration.ofSeconds(8);

  private final Clock clock;
  private final Map<String, Instant> notBefore = new ConcurrentHashMap<>();

  Waits(Clock clock) {
    this.clock = clock;
  }

  /**
   * The wait after an attempt that failed: as long as the server asks for, else the usual back-off.
   *
   * @param attempt from 1
   * @param retryAfter what the server asks for, or null
   */
  static Duration after(int attempt, Duration retryAfter) {
    if (retryAfter != null && retryAfter.isPositive()) {
      return retryAfter;
    }
    long most = Math.min(LONGEST.toMillis(), FIRST.toMillis() << Math.min(attempt - 1, 10));
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most + 1));
  }

  static boolean isTooLong(Duration wait) {
    return wait.compareTo(LONGEST_REQUESTED) > 0;
  }

  /** How long an answer asks to wait before another attempt; empty if it does not say. */
  Optional<Duration> retryAfter(HttpHeaders headers) {
    return headers.firstValue("Retry-After").flatMap(this::delay);
  }

  /** Remembers how long a server asks its clients to wait. */
  void noteBackoff(URI server, HttpHeaders headers) {
    headers
        .firstValue("Backoff")
        .flatMap(this::delay)
        .filter(Duration::isPositive)
        .ifPresent(wait -> notBefore.put(Urls.origin(server), clock.instant().plus(wait)));
  }

  /**
   * Delays the next request to a server, as its {@code Backoff} would: as long as it asks for, at
   * least a moment.
   *
   * @param retryAfter values of {@code Retry-After}, none if there was none
   */
  void postpone(URI server, List<String> retryAfter) {
    long moment = ThreadLocalRandom.current().nextLong(1, FIRST.toMillis());
    Duration wait =
        retryAfter.stream()
            .flatMap(value -> delay(value).stream())
            .reduce(Duration.ofMillis(moment), Waits::max);
    notBefore.merge(Urls.origin(server), clock.instant().plus(wait), Waits::max);
  }

  /** When the next request to a server may be sent, or null for now. */
  Instant notBefore(URI server) {
    return notBefore.get(Urls.origin(server));
  }

  /** How long it is until then. */
  Duration until(Instant moment) {
    return Duration.between(clock.instant(), moment);
  }

  /** Forgets a moment that has passed, unless a server has asked for a later one meanwhile. */
  void forget(URI server, Instant moment) {
    notBefore.remove(Urls.origin(server), moment);
  }

  /** How long a header asks to wait, by seconds or a date; empty if it has neither. */
  private Optional<Duration> delay(String header) {
    String value = header.strip();
    if (value.matches("\\d+(\\.\\d+)?")) {
      double most = 1e12; // however long, it is too long
      double seconds = Math.min(Double.parseDouble(value), most);
      return Optional.of(Duration.ofMillis((long) (seconds * 1000)));
    }
    try {
      Instant date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return Optional.of(max(Duration.between(clock.instant(), date), Duration.ZERO));
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private static <T extends Comparable<? super T>> T max(T one, T other) {
    return one.compareTo(other) > 0 ? one : other;
  }
}
