//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.2.4
//SOURCES ../backport_records.java
//SOURCES ../common/Settings.java
//SOURCES KintoClient.java
//SOURCES RemoteSettingsServer.java
//SOURCES Routes.java
//SOURCES Store.java
//SOURCES Terminal.java
//SOURCES Transcript.java

import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The command as a whole, against the embedded server over HTTP. */
class BackportRecordsTest {

  @TestFactory
  Stream<DynamicTest> every_transcript_is_what_the_command_prints() throws IOException {
    return Transcript.of("backport_records")
        .map(transcript ->
            DynamicTest.dynamicTest(
                transcript.name(),
                () -> transcript.check(Map.of("backport_records", backport_records::new))));
  }
}
