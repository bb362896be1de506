//SOURCES KintoRequest.java
//SOURCES KintoResponse.java

import java.net.URI;
import java.time.Clock;
import java.time.Duration;

/** Answers that send the client to another place of this server. */
final class Redirects {

  private final Clock clock;
  private final URI origin;

  Redirects(Clock clock, URI origin) {
    this.clock = clock;
    this.origin = origin;
  }

  /** To that path, with the query string as it came. */
  KintoResponse toPath(KintoRequest request, String path) {
    int query = request.target().indexOf('?');
    String target = path + (query < 0 ? "" : request.target().substring(query));
    return to(request.base(origin) + target, target, Duration.ofHours(1));
  }

  /** To the same path with another query string. */
  KintoResponse forADay(KintoRequest request, String query) {
    String location = request.base(origin) + request.path() + query;
    return to(location, location, Duration.ofDays(1));
  }

  /** The page names the place as the real one's does, whole or not. */
  private KintoResponse to(String location, String named, Duration maxAge) {
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
            .formatted(named.replace("&", "&amp;").replace("<", "&lt;"));
    return KintoResponse.of(307, "text/html; charset=UTF-8", page)
        .with("Location", location)
        .with("Cache-Control", "max-age=" + maxAge.toSeconds())
        .with("Expires", KintoResponse.httpDate(clock.instant().plus(maxAge)));
  }
}
