//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoError.java Store.java

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** An answer before compression. The answer to a HEAD has its body, which is not sent. */
record KintoResponse(int status, Map<String, String> headers, byte[] body) {

  private static final DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  static KintoResponse of(int status, String contentType, String body) {
    return of(status, contentType, body.getBytes(StandardCharsets.UTF_8));
  }

  static KintoResponse of(int status, String contentType, byte[] body) {
    return new KintoResponse(status, new LinkedHashMap<>(), body).with("Content-Type", contentType);
  }

  static KintoResponse json(int status, JsonNode body) {
    return of(status, "application/json", Store.JSON.writeValueAsBytes(body));
  }

  /** A list or an object in Kinto's {@code data} wrapper. */
  static KintoResponse data(int status, JsonNode data) {
    return json(status, Store.object().set("data", data));
  }

  static KintoResponse object(int status, ObjectNode permissions, ObjectNode data) {
    ObjectNode body = Store.object();
    body.set("permissions", permissions);
    body.set("data", data);
    return json(status, body).at(Store.lastModified(data));
  }

  static KintoResponse empty(int status) {
    return new KintoResponse(status, new LinkedHashMap<>(), new byte[0]);
  }

  static KintoResponse refusal(KintoError error) {
    KintoResponse response = json(error.status(), error.body());
    if (error.status() == 401) {
      response.with("WWW-Authenticate", "Basic realm=\"Realm\"");
    }
    return error.timestamp() > 0 ? response.at(error.timestamp()) : response;
  }

  /**
   * A redirect to another path of this server.
   *
   * @param shown the location as the page shows it: Kinto shows sometimes a URL, sometimes a path
   */
  static KintoResponse redirect(String location, String shown, Duration maxAge, Instant now) {
    String page =
        """
        <html>
         <head>
          <title>307 Temporary Redirect</title>
         </head>
         <body>
          <h1>307 Temporary Redirect</h1>
          The resource has been moved to %s; you should be redirected automatically.


         </body>
        </html>\
        """
            .formatted(shown.replace("&", "&amp;").replace("<", "&lt;"));
    return of(307, "text/html; charset=UTF-8", page).with("Location", location).cached(maxAge, now);
  }

  KintoResponse cached(Duration maxAge, Instant now) {
    return with("Cache-Control", "max-age=" + maxAge.toSeconds())
        .with("Expires", httpDate(now.plus(maxAge)));
  }

  KintoResponse with(String header, String value) {
    headers.put(header, value);
    return this;
  }

  /** Sets {@code ETag} and {@code Last-Modified} to a timestamp. */
  KintoResponse at(long timestamp) {
    return with("ETag", "\"" + timestamp + "\"").lastModified(timestamp);
  }

  KintoResponse lastModified(long timestamp) {
    return with("Last-Modified", httpDate(Instant.ofEpochMilli(timestamp)));
  }

  KintoResponse uncached() {
    return with("Cache-Control", "no-cache, no-store");
  }

  static String httpDate(Instant instant) {
    return HTTP_DATE.format(instant);
  }
}
