//DEPS tools.jackson.core:jackson-databind:3.3.0
//FILES sample/uptake.json=sample/uptake.json
//SOURCES Fault.java Faults.java RemoteSettingsServer.java SampleContent.java Signer.java
//SOURCES Signoff.java Store.java

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A server for a drill: it starts with faults, and is mended while it runs, as somebody else would
 * mend a real one. A runbook says when.
 *
 * <p>A record that was changed behind the signer's back, and a signature by a bad certificate, stay
 * after that. They are part of the content, so that only what the runbook says repairs them: to
 * publish again, or to sign again.
 */
final class Drill implements AutoCloseable {

  /** A {@code POST} to this path mends the server. */
  static final String MEND = "/v1/__mend__";

  /** Where the result of the query of {@code uptake_health} is served. */
  static final String UPTAKE = "/api/queries/61352/results.json";

  private static final Set<Fault.Kind> BAD_CERTIFICATES =
      EnumSet.of(
          Fault.Kind.EXPIRED_LEAF,
          Fault.Kind.EXPIRED_INTERMEDIATE,
          Fault.Kind.EXPIRING_LEAF,
          Fault.Kind.WRONG_ROOT,
          Fault.Kind.WRONG_SIGNER);

  private final RemoteSettingsServer server;
  private final Clock clock;
  private final boolean sample;
  private final Faults signing;
  private boolean isMended;

  private Drill(RemoteSettingsServer server, Clock clock, boolean sample) {
    this.server = server;
    this.clock = clock;
    this.sample = sample;
    signing = new Faults(server.signer(), clock);
  }

  /**
   * @param server with sample content or without, and without faults
   * @param faults those without a number of requests change the content, where they can
   */
  static Drill start(RemoteSettingsServer server, Clock clock, boolean sample, List<Fault> faults)
      throws IOException {
    Drill drill = new Drill(server, clock, sample);
    Faults once = new Faults(server.signer(), clock);
    for (Fault fault : faults) {
      boolean isInContent = fault.times() == 0 && !fault.where().startsWith("/");
      if (isInContent && fault.kind() == Fault.Kind.ALTERED_RECORD) {
        once.add(fault);
      } else if (isInContent && BAD_CERTIFICATES.contains(fault.kind())) {
        drill.signing.add(fault);
      } else {
        server.fault(fault);
      }
    }
    if (sample) {
      Signoff signoff = new Signoff(server.store(), server.signer(), false);
      SampleContent.loadForDrill(server.store(), server.signer(), signoff, clock.instant());
    }
    drill.change(once);
    drill.change(drill.signing);
    server.after("PATCH /v1/buckets/*", _ -> drill.signAgain());
    server.before("POST " + MEND, _ -> drill.mend());
    drill.serve();
    return drill;
  }

  /** Whatever was wrong with the server, its signer or the clients' networks is so no longer. */
  synchronized void mend() {
    isMended = true;
    server.clearFaults();
    try {
      serve();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void serve() throws IOException {
    server.answer("POST " + MEND, 200, "application/json", "{\"mended\": true}\n");
    if (sample) {
      try (InputStream in = Drill.class.getResourceAsStream("/sample/uptake.json")) {
        String result = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        String better = result.replace(": 127922,", ": 8021,").replace(": 41022,", ": 4022,");
        String served = isMended ? better : result;
        server.answer(
            UPTAKE, 200, "application/json", SampleContent.uptake(served, clock.instant()));
      }
    }
  }

  /** A signer that is not mended signs by the bad certificate again. */
  private synchronized void signAgain() {
    if (!isMended) {
      change(signing);
    }
  }

  /** Makes what these faults show of each signed collection its content. */
  private void change(Faults faults) {
    Store store = server.store();
    Signoff.RESOURCES.stream()
        .flatMap(resource -> resource.targets().stream())
        .distinct()
        .flatMap(bucket -> store.list(bucket).stream())
        .forEach(before -> {
          Store.Snapshot after = faults.alter(before, "", Optional.empty());
          after.records().stream()
              .filter(record -> !before.records().contains(record))
              .forEach(record -> store.put(before.bucket(), before.name(), record));
          if (!after.metadata().equals(before.metadata())) {
            store.edit(
                before.bucket(),
                before.name(),
                before.modified(),
                attributes -> attributes.setAll(after.metadata()));
          }
        });
  }

  @Override
  public void close() {
    server.close();
  }
}
