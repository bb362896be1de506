//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../backport_records.java
//SOURCES ../blockpages_generator.java
//SOURCES ../common/Advice.java
//SOURCES ../common/ServerException.java
//SOURCES ../common/signature/CertificateChain.java
//SOURCES ../consistency_checks.java
//SOURCES ../deploy/Project.java
//SOURCES ../refresh_signature.java
//SOURCES ../uptake_health.java
//SOURCES ../validate_changes_collection.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Advice;
import common.Advice.Runbook;
import common.ServerException;
import common.signature.CertificateChain;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whoever follows a hint to a runbook finds there what the hint is about. */
class RunbooksTest {

  private static Stream<Advice> ofChecks() {
    return Stream.of(
            Stream.of(CertificateChain.Cause.values())
                .map(cause -> new CertificateChain.Refused(cause, "").advice()),
            Stream.of(consistency_checks.Finding.values()).map(finding -> finding.advice),
            Stream.of(refresh_signature.Finding.values()).map(finding -> finding.advice),
            Stream.of(backport_records.Verdict.values()).map(verdict -> verdict.advice),
            Stream.of(validate_changes_collection.Finding.values()).map(finding -> finding.advice),
            Stream.of(
                blockpages_generator.NOT_PUBLISHED,
                uptake_health.OVER_THRESHOLD,
                uptake_health.UNREADABLE,
                uptake_health.OLD_DATA,
                Advice.ODD_ENTRY,
                Advice.UNEXPECTED))
        .flatMap(some -> some)
        .filter(Objects::nonNull);
  }

  private static Stream<Advice> ofRequests() {
    return Stream.of(ServerException.Kind.values())
        .filter(kind -> kind != ServerException.Kind.STATUS) // whose cause is http-503, for example
        .map(kind -> new Advice(Advice.slug(kind), "", Runbook.NO_VERDICT));
  }

  @Test
  void every_cause_stands_on_the_page_that_its_hint_names() throws IOException {
    List<String> missing = new ArrayList<>();
    List<Advice> all = Stream.concat(ofChecks(), ofRequests()).toList();
    for (Advice advice : all) {
      String page = Files.readString(Project.root().resolve(advice.page().path()));
      if (!page.contains("`" + advice.cause() + "`")) {
        missing.add(advice.page().path() + ": " + advice.cause());
      }
    }
    assertEquals(List.of(), missing);
    assertTrue(all.size() > 40, all::toString);
  }
}
