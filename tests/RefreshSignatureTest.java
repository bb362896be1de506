//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../refresh_signature.java
//SOURCES RemoteSettingsServer.java
//SOURCES Terminal.java
//SOURCES Transcript.java

import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The command as a whole, against the embedded server over HTTP. */
class RefreshSignatureTest {

  @TestFactory
  Stream<DynamicTest> every_transcript_is_what_the_command_prints() throws IOException {
    return Transcript.of("refresh_signature")
        .map(transcript ->
            DynamicTest.dynamicTest(
                transcript.name(),
                () -> transcript.check(Map.of("refresh_signature", refresh_signature::new))));
  }
}
