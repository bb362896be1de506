//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS tools.jackson.core:jackson-databind:3.3.0
//SOURCES KintoClient.java
//SOURCES RealKinto.java
//SOURCES ../server/RemoteSettingsServer.java
//SOURCES ../server/Store.java

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * One conversation, held with a real Kinto and with the embedded server: every kind of answer that
 * the commands rely on. Answers are compared leaf by leaf, by status, headers and body.
 *
 * <p>Where the two differ for a reason, {@link #DEVIATIONS} says so. The real one is older than the
 * server that the embedded one is modelled on (see {@code vectors/kinto-26}), and the recording of
 * that one wins.
 */
class KintoScenariosTest {

  /**
   * The requests: name | account | method and path | header | body. In braces stands what is
   * written more than once, {@link #SHORT}, or comes from an earlier answer: {@code {NAME.etag}},
   * {@code .number}, which is the ETag without quotes, and {@code .next}, the link to a page.
   *
   * <p>The real one's memory keeps what a refused write did. So a signoff that is refused has a
   * collection of its own, which is not looked at afterwards.
   */
  private static final String REQUESTS =
      """
      # Who asks for what is not there, or not for him
      server info | - | GET / | |
      server info with a wrong password | - | GET / | Authorization: Basic ZWRpdG9yOm5vcGU= |
      heartbeat | - | GET /__heartbeat__ | |
      heartbeat of the load balancer | - | GET /__lbheartbeat__ | |
      unknown path | - | GET /nowhere | |
      no slash after the version | - | GET | |
      a slash too many | - | GET /buckets/main/ | |
      write to the server info | editor | PUT / | | {}
      write to the list of changes | editor | POST {changes}/records | | {"data":{}}
      missing source, anonymous | - | GET {source} | |
      missing source | editor | GET {source} | |
      missing source, wrong password | - | GET {source} | Authorization: Basic ZWRpdG9yOm5vcGU= |
      missing source, token | - | GET {source} | Authorization: Bearer nope |
      missing source's records | editor | GET {source}/records | |
      missing source's record | editor | GET {source}/records/a | |
      missing source's record, anonymous | - | GET {source}/records/a | |
      missing source's records, anonymous | - | GET {source}/records | |
      missing destination's records counted, anonymous | - | HEAD {destination}/records?_expected=42 | |
      missing bucket's records, anonymous | - | GET /buckets/nope/collections/life/records | |
      missing bucket's records | editor | GET /buckets/nope/collections/life/records | |
      missing source's changeset | editor | GET {source}/changeset?_expected=0 | |
      missing source's records counted | editor | HEAD {source}/records?_expected=42 | |
      write into a missing source | editor | PUT {source}/records/a | | {"data":{}}
      write into a missing source, anonymous | - | PUT {source}/records/a | | {"data":{}}
      change of a record in a missing source | editor | PATCH {source}/records/a | | {"data":{}}
      deletion of a record in a missing source | editor | DELETE {source}/records/a | |
      deletion of a record in a missing source, anonymous | - | DELETE {source}/records/a | |
      new record in a missing source | editor | POST {source}/records | | {"data":{}}
      new record in a missing source, anonymous | - | POST {source}/records | | {"data":{}}
      deletion of all records of a missing source, anonymous | - | DELETE {source}/records | |
      deletion of all records of a missing source | editor | DELETE {source}/records | |
      deletion of all records of a missing source, admin | admin | DELETE {source}/records | |
      status of a missing source | editor | PATCH {source} | | {"data":{"status":"to-resign"}}
      status of a missing source, admin | admin | PATCH {source} | | {"data":{"status":"to-resign"}}
      deletion of a missing source | editor | DELETE {source} | |
      missing destination, anonymous | - | GET {destination} | |
      missing destination | editor | GET {destination} | |
      missing destination, admin | admin | GET {destination} | |
      missing destination's changeset | - | GET {destination}/changeset?_expected=0 | |
      missing bucket, anonymous | - | GET /buckets/nope/collections/life | |
      missing bucket | editor | GET /buckets/nope/collections/life | |
      missing bucket itself, admin | admin | GET /buckets/nope | |
      below a missing bucket: collection, admin | admin | GET /buckets/nope/collections/life | |
      below a missing bucket: collections, admin | admin | GET /buckets/nope/collections | |
      below a missing bucket: records, admin | admin | GET /buckets/nope/collections/life/records | |
      below a missing bucket: changeset, admin | admin | GET /buckets/nope/collections/life/changeset?_expected=0 | |
      below a missing bucket: group, admin | admin | GET /buckets/nope/groups/life-editors | |
      below a missing bucket: collection made, admin | admin | PUT /buckets/nope/collections/life | | {}
      below a missing bucket: collection changed, admin | admin | PATCH /buckets/nope/collections/life | | {"data":{}}
      below a missing bucket: collection deleted, admin | admin | DELETE /buckets/nope/collections/life | |
      below a missing bucket: record, admin | admin | PUT /buckets/nope/collections/life/records/a | | {"data":{}}
      below a missing bucket: record | editor | PUT /buckets/nope/collections/life/records/a | | {"data":{}}
      below a missing bucket: record, anonymous | - | PUT /buckets/nope/collections/life/records/a | | {"data":{}}
      below a missing bucket: new record, admin | admin | POST /buckets/nope/collections/life/records | | {"data":{}}
      below a missing bucket: deletion of all records, admin | admin | DELETE /buckets/nope/collections/life/records | |
      missing bucket's collection made, editor | editor | PUT /buckets/nope/collections/life | | {}
      destination's bucket, anonymous | - | GET /buckets/main | |
      the list of changes as a collection | - | GET {changes} | |

      # A source is made, with its groups, its preview and its destination
      source made by anonymous | - | PUT {source} | | {}
      destination made by who may not | editor | PUT {destination} | | {}
      source made | editor | PUT {source} | | {}
      source made only if it is not there | editor | PUT {source} | If-None-Match: * | {}
      editors as made | editor | GET {workspace}/groups/life-editors | |
      editors named | admin | PUT {workspace}/groups/life-editors | | {"data":{"members":["account:editor","account:reviewer"]}}
      reviewers named | admin | PUT {workspace}/groups/life-reviewers | | {"data":{"members":["account:editor","account:reviewer"]}}
      who the editor is | editor | GET / | |
      who the reviewer is | reviewer | GET / | |
      source, for who may write it as one of a group | reviewer | GET {source} | |
      source as made | editor | GET {source} | |
      source as made, for who may do everything | admin | GET {source} | |
      destination as made, for who may do everything | admin | GET {destination} | |
      source as made, for who may only read it | reviewer | GET {source} | |
      source as made, anonymous | - | GET {source} | |
      source's records, anonymous | - | GET {source}/records | |
      source's changeset, anonymous | - | GET {source}/changeset?_expected=0 | |
      source unchanged since | editor | GET {source} | If-None-Match: {source as made.etag} |
      sources | editor | GET {workspace}/collections | |
      sources, anonymous | - | GET {workspace}/collections | |
      destinations, anonymous | - | GET /buckets/main/collections | |
      preview as made | - | GET {preview} | |
      destination as made | - | GET {destination} | |
      destination's records as made | - | GET {destination}/records | |
      destination's changeset as made | - | GET {destination}/changeset?_expected=0 | |

      # Records are written
      record made | editor | PUT {source}/records/a | | {"data":{"title":"é \\u2028 😀","n":1,"nested":{"b":[1,null,true],"a":{}}}}
      record made if it is not there | editor | PUT {source}/records/b | If-None-Match: * | {"data":{"n":2}}
      record made without an id | editor | POST {source}/records | | {"data":{"n":3}}
      record made empty | editor | PUT {source}/records/d | | {}
      record made though it is there | editor | PUT {source}/records/a | If-None-Match: * | {"data":{"n":9}}
      record replaced that has changed | editor | PUT {source}/records/a | If-Match: "1" | {"data":{"n":9}}
      record replaced that is gone | editor | PUT {source}/records/zzz | If-Match: "1" | {"data":{"n":9}}
      record replaced | editor | PUT {source}/records/b | If-Match: {record made if it is not there.etag} | {"data":{"n":2,"x":true}}
      record patched | editor | PATCH {source}/records/b | | {"data":{"y":"z"}}
      record patched that has changed | editor | PATCH {source}/records/b | If-Match: "1" | {"data":{"n":9}}
      record patched that is missing | editor | PATCH {source}/records/zzz | | {"data":{"n":9}}
      record with another id than its path | editor | PUT {source}/records/a | | {"data":{"id":"b"}}
      record with an id that is none | editor | PUT {source}/records/bad%20id | | {"data":{}}
      record that is not JSON | editor | PUT {source}/records/a | | {"data":
      record that is not an object | editor | PUT {source}/records/a | | {"data":[1]}
      record written by anonymous | - | PUT {source}/records/a | | {"data":{}}
      record written into a destination | editor | PUT {destination}/records/a | | {"data":{}}
      record deleted that has changed | editor | DELETE {source}/records/d | If-Match: "1" |
      record deleted | editor | DELETE {source}/records/d | If-Match: {record made empty.etag} |
      record deleted that is gone | editor | DELETE {source}/records/d | |
      record deleted if it is as it was, and is gone | editor | DELETE {source}/records/d | If-Match: {record made empty.etag} |
      record that is gone | editor | GET {source}/records/d | |

      # Records are read
      record | editor | GET {source}/records/a | |
      record unchanged since | editor | GET {source}/records/a | If-None-Match: {record.etag} |
      records | editor | GET {source}/records | |
      records counted | editor | HEAD {source}/records | |
      records counted, past the caches | editor | HEAD {source}/records?_expected=42 | |
      records unchanged since | editor | GET {source}/records | If-None-Match: {records.etag} |
      records that have changed | editor | GET {source}/records | If-Match: "1" |
      first page | editor | GET {source}/records?_limit=2&_sort=n | |
      second page | editor | GET {first page.next} | |
      sorted downwards | editor | GET {source}/records?_sort=-n | |
      at least | editor | GET {source}/records?min_n=2 | |
      equal | editor | GET {source}/records?n=1 | |
      one of | editor | GET {source}/records?in_id=a,b | |
      by a field that none has | editor | GET {source}/records?unknown=1 | |
      some fields | editor | GET {source}/records?_fields=n | |
      since the beginning, with tombstones | editor | GET {source}/records?_since=0 | |
      since a record | editor | GET {source}/records?_since=%22{record made if it is not there.number}%22 | |
      before a record | editor | GET {source}/records?_before=%22{record made if it is not there.number}%22 | |
      since nonsense | editor | GET {source}/records?_since=abc | |
      limit of nonsense | editor | GET {source}/records?_limit=abc | |
      source's changeset | editor | GET {source}/changeset?_expected=0 | |
      source's changeset, with tombstones | editor | GET {source}/changeset?_expected=0&_since=%221%22 | |
      changeset without what is expected | editor | GET {source}/changeset | |
      changeset since nonsense | editor | GET {source}/changeset?_expected=0&_since=1 | |

      # Batches
      mixed batch | editor | POST /batch | | {"defaults":{"method":"PUT"},"requests":[{"path":"{source}/records/e","headers":{"If-None-Match":"*"},"body":{"data":{"n":4}}},{"path":"{source}/records/a","headers":{"If-Match":"\\"1\\""},"body":{"data":{"n":5}}},{"path":"{source}/records/e","headers":{"If-None-Match":"*"},"body":{"data":{"n":5}}},{"method":"DELETE","path":"{source}/records/zzz"},{"method":"GET","path":"/v1{source}/records/a"},{"method":"PATCH","path":"{source}/records/e","body":{"data":{"x":1}}},{"method":"DELETE","path":"{source}/records/e"}]}
      batch of nothing | editor | POST /batch | | {"requests":[]}
      batch without requests | editor | POST /batch | | {"x":1}
      batch of too many | editor | POST /batch | | {26 requests}
      batch of as many as may be | editor | POST /batch | | {25 requests}
      batch by anonymous | - | POST /batch | | {"requests":[{"method":"PUT","path":"{source}/records/e","body":{"data":{}}}]}
      batch in a batch | editor | POST /batch | | {"requests":[{"method":"POST","path":"/batch","body":{"requests":[]}}]}
      batch of what is named like one | editor | POST /batch | | {"requests":[{"path":"{source}/records/batch-1"}]}
      batch of guarded writes | editor | POST /batch | | {"requests":[{"method":"PUT","path":"{source}/records/b","headers":{"If-None-Match":"*"},"body":{"data":{"n":2,"x":true,"y":"z"}}},{"method":"PUT","path":"{source}/records/d","headers":{"If-Match":"\\"{record made empty.number}\\""},"body":{"data":{"n":5}}},{"method":"DELETE","path":"{source}/records/d","headers":{"If-Match":"\\"{record made empty.number}\\""}},{"method":"DELETE","path":"{source}/records/a","headers":{"If-Match":"\\"1\\""}}]}
      batch of what is named like one, in other letters | editor | POST /batch | | {"requests":[{"method":"PUT","path":"{source}/records/%62atch-1","body":{"data":{"n":6}}},{"path":"{source}/records/%62atch-1"},{"method":"PATCH","path":"{source}/records/%62atch-1","body":{"data":{"x":1}}}]}
      record that is named like a batch | editor | GET {source}/records/batch-1 | |
      batch that deletes what is named like one | editor | POST /batch | | {"requests":[{"method":"DELETE","path":"{source}/records/%62atch-1"}]}
      batch with an id that is none | editor | POST /batch | | {"requests":[{"method":"PUT","path":"{source}/records/bad%20id%2B%C3%A9","body":{"data":{}}}]}
      batch with a path that is not encoded | editor | POST /batch | | {"requests":[{"method":"PUT","path":"{source}/records/é","body":{"data":{}}}]}
      batch that is not JSON | editor | POST /batch | | {"requests":
      batch that is read | editor | GET /batch | |

      # A review
      work in progress | editor | GET {source} | |
      destination before a review | - | GET {destination} | |
      status set by anonymous | - | PATCH {source} | | {"data":{"status":"to-review"}}
      status set on what has changed | editor | PATCH {source} | If-Match: "1" | {"data":{"status":"to-review"}}
      review asked for | editor | PATCH {source} | | {"data":{"status":"to-review","last_editor_comment":"please"}}
      under review | editor | GET {source} | |
      review asked for twice | editor | PATCH {source} | | {"data":{"status":"to-review"}}
      under review still | editor | GET {source} | |
      preview under review | - | GET {preview} | |
      preview's records under review | - | GET {preview}/records | |
      preview's changeset under review | - | GET {preview}/changeset?_expected=0 | |
      destination's records under review | - | GET {destination}/records | |
      refresh under review | reviewer | PATCH {source} | | {"data":{"status":"to-resign"}}
      under review after a refresh | editor | GET {source} | |
      preview after a refresh | - | GET {preview} | |
      preview's records after a refresh | - | GET {preview}/records | |
      destination after a refresh under review | - | GET {destination} | |
      review rejected | reviewer | PATCH {source} | | {"data":{"status":"work-in-progress","last_reviewer_comment":"not yet"}}
      work in progress after a rejection | editor | GET {source} | |
      refresh of work in progress | reviewer | PATCH {source} | | {"data":{"status":"to-resign"}}
      work in progress after a refresh | editor | GET {source} | |
      review asked for again | editor | PATCH {source} | | {"data":{"status":"to-review"}}
      approved | reviewer | PATCH {source} | | {"data":{"status":"to-sign"}}
      signed | editor | GET {source} | |

      # What is published
      destination | - | GET {destination} | |
      destination's records | - | GET {destination}/records | |
      destination's records counted | - | HEAD {destination}/records?_expected=42 | |
      destination's changeset | - | GET {destination}/changeset?_expected=0 | |
      destination's changeset, expected in quotes | - | GET {destination}/changeset?_expected=%22123%22 | |
      destination's changeset since its records | - | GET {destination}/changeset?_expected=0&_since=%22{destination's records.number}%22 | |
      changes of the destination | - | GET {changes}/records?bucket=main&collection=life | |
      changes of the preview | - | GET {changes}/records?bucket=main-preview&collection=life | |
      changes of the source | - | GET {changes}/records?bucket=main-workspace | |
      changes sorted | - | GET {changes}/records?_sort=bucket,collection&_limit=1 | |
      changes, headers only | - | HEAD {changes}/records | |
      changes, headers only, past the caches | - | HEAD {changes}/records?_expected=42 | |
      changes unchanged since | - | GET {changes}/records | If-None-Match: {changes, headers only.etag} |
      changes since long ago | - | GET {changes}/records?_since=%221%22 | |
      changeset of changes of the destination | - | GET {changes}/changeset?_expected=0&bucket=main&collection=life | |
      changeset of changes, expected in quotes | - | GET {changes}/changeset?_expected=%220%22&bucket=main | |
      changeset of changes without what is expected | - | GET {changes}/changeset | |
      changeset of changes since more than is expected | - | GET {changes}/changeset?_expected={changes, headers only.number}&_since=%229999999999999%22 | |

      # Afterwards
      refresh of what is signed | reviewer | PATCH {source} | | {"data":{"status":"to-resign"}}
      signed after a refresh | editor | GET {source} | |
      destination after a refresh | - | GET {destination} | |
      destination's changeset after a refresh | - | GET {destination}/changeset?_expected=0 | |
      status set again to what it is | editor | PATCH {source} | | {"data":{"status":"signed"}}
      edited again | editor | PUT {source}/records/c | | {"data":{"n":1}}
      edited by deletion | reviewer | DELETE {source}/records/b | |
      in progress again | editor | GET {source} | |
      rolled back | editor | PATCH {source} | | {"data":{"status":"to-rollback"}}
      signed after a rollback | editor | GET {source} | |
      records after a rollback | editor | GET {source}/records?_since=0 | |
      attributes added | editor | PATCH {source} | | {"data":{"displayFields":["n"]}}
      source deleted | editor | DELETE {source} | |
      source that is gone | editor | GET {source} | |
      record of a source that is gone | editor | GET {source}/records/a | |
      destination after its source is gone | - | GET {destination} | |
      destination's records after its source is gone | - | GET {destination}/records?_since=0 | |
      changes after the source is gone | - | GET {changes}/records?bucket=main&collection=life | |

      # A collection that is signed without a review, and one without a preview
      auto made | editor | PUT {workspace}/collections/auto | | {}
      reviewers of auto named | admin | PUT {workspace}/groups/auto-reviewers | | {"data":{"members":["account:editor"]}}
      auto edited | editor | PUT {workspace}/collections/auto/records/a | | {"data":{"n":1}}
      auto signed by its editor | editor | PATCH {workspace}/collections/auto | | {"data":{"status":"to-sign"}}
      auto as signed | editor | GET {workspace}/collections/auto | |
      auto's preview | - | GET /buckets/main-preview/collections/auto/records | |
      auto's changeset | - | GET /buckets/main/collections/auto/changeset?_expected=0 | |
      filters made | editor | PUT /buckets/staging/collections/addons-bloomfilters | | {}
      reviewers of filters named | admin | PUT /buckets/staging/groups/addons-bloomfilters-reviewers | | {"data":{"members":["account:reviewer"]}}
      filters edited | editor | PUT /buckets/staging/collections/addons-bloomfilters/records/a | | {"data":{"n":1}}
      review of filters asked for | editor | PATCH /buckets/staging/collections/addons-bloomfilters | | {"data":{"status":"to-review"}}
      filters under review | editor | GET /buckets/staging/collections/addons-bloomfilters | |
      filters' preview | - | GET /buckets/blocklists-preview/collections/addons-bloomfilters | |
      filters approved | reviewer | PATCH /buckets/staging/collections/addons-bloomfilters | | {"data":{"status":"to-sign"}}
      filters as signed | editor | GET /buckets/staging/collections/addons-bloomfilters | |
      filters' changeset | - | GET /buckets/blocklists/collections/addons-bloomfilters/changeset?_expected=0 | |

      # What is refused, each in a collection of its own
      one made | editor | PUT {workspace}/collections/one | | {}
      approved what is signed | editor | PATCH {workspace}/collections/one | | {"data":{"status":"to-sign"}}
      two made | editor | PUT {workspace}/collections/two | | {}
      two edited | editor | PUT {workspace}/collections/two/records/a | | {"data":{"n":1}}
      approved by somebody who is not a reviewer | editor | PATCH {workspace}/collections/two | | {"data":{"status":"to-sign"}}
      three made | editor | PUT {workspace}/collections/three | | {}
      reviewers of three named | admin | PUT {workspace}/groups/three-reviewers | | {"data":{"members":["account:editor","account:reviewer"]}}
      three edited | editor | PUT {workspace}/collections/three/records/a | | {"data":{"n":1}}
      approved what is not under review | reviewer | PATCH {workspace}/collections/three | | {"data":{"status":"to-sign"}}
      four made | editor | PUT {workspace}/collections/four | | {}
      reviewers of four named | admin | PUT {workspace}/groups/four-reviewers | | {"data":{"members":["account:editor"]}}
      four edited | editor | PUT {workspace}/collections/four/records/a | | {"data":{"n":1}}
      review of four asked for | editor | PATCH {workspace}/collections/four | | {"data":{"status":"to-review"}}
      approved by the last editor | editor | PATCH {workspace}/collections/four | | {"data":{"status":"to-sign"}}
      five made | editor | PUT {workspace}/collections/five | | {}
      five edited | editor | PUT {workspace}/collections/five/records/a | | {"data":{"n":1}}
      review requested by somebody who is not an editor | admin | PATCH {workspace}/collections/five | | {"data":{"status":"to-review"}}
      six made | editor | PUT {workspace}/collections/six | | {}
      status that there is not | editor | PATCH {workspace}/collections/six | | {"data":{"status":"nonsense"}}
      seven made | editor | PUT {workspace}/collections/seven | | {}
      seven edited | editor | PUT {workspace}/collections/seven/records/a | | {"data":{"n":1}}
      status that is the signer's to set | editor | PATCH {workspace}/collections/seven | | {"data":{"status":"signed"}}
      eight made | editor | PUT {workspace}/collections/eight | | {}
      tracking field that is the signer's to set | editor | PATCH {workspace}/collections/eight | | {"data":{"last_edit_by":"account:admin"}}
      nine made | editor | PUT {workspace}/collections/nine | | {}
      fraction in a batch | editor | POST /batch | | {"requests":[{"method":"PUT","path":"{workspace}/collections/nine/records/g","body":{"data":{"f":1}}},{"method":"PUT","path":"{workspace}/collections/nine/records/f","body":{"data":{"f":0.5}}}]}
      fraction | editor | PUT {workspace}/collections/nine/records/f | | {"data":{"f":0.5}}
      ten made | editor | PUT {workspace}/collections/ten | | {}
      rolled back what is signed | editor | PATCH {workspace}/collections/ten | | {"data":{"status":"to-rollback"}}
      eleven made | editor | PUT {workspace}/collections/eleven | | {}
      destination deleted that is in use | admin | DELETE /buckets/main/collections/eleven | |
      """;

  private static final Map<String, String> SHORT =
      Map.of(
          "workspace", "/buckets/main-workspace",
          "source", "/buckets/main-workspace/collections/life",
          "preview", "/buckets/main-preview/collections/life",
          "destination", "/buckets/main/collections/life",
          "changes", "/buckets/monitor/collections/changes");

  /**
   * A difference that is as it should be.
   *
   * @param name of the request, {@code *} for any text
   * @param leaf where in the answer, likewise
   */
  private record Deviation(String name, String leaf, String reason) {
    boolean covers(String requestName, String place) {
      return like(name, requestName) && like(leaf, place);
    }

    private static boolean like(String pattern, String text) {
      String regex = Pattern.quote(pattern).replace("*", "\\E.*\\Q");
      return text.matches(regex);
    }
  }

  private static final List<Deviation> DEVIATIONS =
      List.of(
          new Deviation("*", "body.project_*", "another server"),
          new Deviation("*", "body.http_api_version", "another server"),
          new Deviation("*", "body.capabilities.*.version", "another server"),
          new Deviation("*", "body.capabilities.signer.url", "another server"),
          new Deviation("*", "body.config", "newer servers say it"),
          new Deviation("*", "body.capabilities.attachments.*", "the real one has no attachments"),
          new Deviation("*", "body.capabilities.history.*", "the real one keeps no history"),
          new Deviation("heartbeat", "body.attachments", "the real one has no attachments"),
          new Deviation("below a missing bucket: *", "*", "newer: nobody may do anything there"),
          new Deviation("changeset since nonsense", "*", "newer: quotes are not needed"),
          new Deviation("*", "body.capabilities.signer.plugin_userid", "newer signers say it"),
          new Deviation(
              "*", "body.capabilities.signer.resources.*_group", "older signers spell it out"),
          new Deviation("*", "*.signatures.*", "older signers know only one signature"),
          new Deviation("*", "body.metadata.bucket", "newer changesets say it"),
          new Deviation("changeset of changes*", "body.metadata", "newer ones say their bucket"),
          new Deviation("*changeset*", "last-modified", "newer changesets say it"),
          new Deviation("changes unchanged since", "*", "newer: an empty list, which is cached"),
          new Deviation("changeset of changes, expected in quotes", "*", "newer: redirected"),
          new Deviation("changeset of changes since more than is expected", "*", "newer: 204"),
          new Deviation("fraction*", "body.message", "newer words"),
          new Deviation("records after a rollback", "etag", "PostgreSQL gives a new timestamp"),
          new Deviation(
              "records after a rollback",
              "body.data.0.last_modified",
              "PostgreSQL gives the tombstone a new timestamp"),
          new Deviation("*", "allow", "nobody asks what else would be allowed"),
          new Deviation("* not JSON", "body.details.*", "another parser's words"),
          new Deviation("* not JSON", "body.message", "another parser's words"));

  private record Step(
      String name, String user, String method, String path, List<String> headers, String body) {

    /** The collection that it is about, under which its timestamps are compared. */
    String collection() {
      return collection(path);
    }

    static String collection(String path) {
      Matcher matcher = Pattern.compile("/buckets/[^/?]+(/collections/[^/?]+)?").matcher(path);
      return matcher.find() ? matcher.group() : "";
    }

    static Step parse(String line) {
      String[] cells = line.split("\\|", 5);
      String request = cells[2].strip();
      int space = request.indexOf(' ');
      List<String> headers = new ArrayList<>();
      if (!cells[3].isBlank()) {
        headers.addAll(List.of(cells[3].strip().split(": ", 2)));
      }
      return new Step(
          cells[0].strip(),
          cells[1].strip().equals("-") ? null : cells[1].strip(),
          space < 0 ? request : request.substring(0, space),
          space < 0 ? "" : request.substring(space + 1).strip(),
          headers,
          cells[4].isBlank() ? null : cells[4].strip());
    }
  }

  private static List<Step> steps() {
    return REQUESTS
        .lines()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(Step::parse)
        .toList();
  }

  /** Each call is a millisecond later, so that no two moments look like one. */
  private static final class Ticking extends Clock {
    private final AtomicLong millis = new AtomicLong(System.currentTimeMillis());

    @Override
    public long millis() {
      return millis.incrementAndGet();
    }

    @Override
    public Instant instant() {
      return Instant.ofEpochMilli(millis());
    }

    @Override
    public ZoneId getZone() {
      return ZoneId.of("UTC");
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  @Test
  void the_embedded_server_answers_as_a_real_kinto_does() throws Exception {
    Map<String, Map<String, String>> theirs;
    Map<String, Map<String, String>> ours;
    try (RealKinto kinto = RealKinto.start()) {
      theirs = converse(kinto.url());
    }
    try (RemoteSettingsServer server =
        RemoteSettingsServer.builder().clock(new Ticking()).start()) {
      ours = converse(server.url());
    }
    List<String> wrong = new ArrayList<>();
    List<Deviation> unseen = new ArrayList<>(DEVIATIONS);
    theirs.forEach((name, answer) -> {
      TreeSet<String> leaves = new TreeSet<>(answer.keySet());
      leaves.addAll(ours.get(name).keySet());
      for (String leaf : leaves) {
        String real = answer.getOrDefault(leaf, "(none)");
        String embedded = ours.get(name).getOrDefault(leaf, "(none)");
        if (!real.equals(embedded)) {
          List<Deviation> reasons =
              DEVIATIONS.stream().filter(known -> known.covers(name, leaf)).toList();
          unseen.removeAll(reasons);
          if (reasons.isEmpty()) {
            wrong.add(name + ": " + leaf + ": real " + real + ", embedded " + embedded);
          }
        }
      }
    });
    unseen.forEach(known -> wrong.add("no such deviation any more: " + known));
    assertEquals("", String.join("\n", wrong));
  }

  /** Holds the conversation: to each request's name, what was answered, by leaf. */
  static Map<String, Map<String, String>> converse(URI url) {
    KintoClient client = new KintoClient(url);
    Map<String, String> seen = new HashMap<>(SHORT);
    seen.put("25 requests", batch(25));
    seen.put("26 requests", batch(26));
    Masks masks = new Masks(url.getAuthority());
    Map<String, List<Leaf>> answers = new LinkedHashMap<>();
    for (Step step : steps()) {
      String path = filled(step.path(), seen);
      String[] headers = step.headers().toArray(String[]::new);
      for (int i = 0; i < headers.length; i++) {
        headers[i] = filled(headers[i], seen);
      }
      String body = step.body() == null ? null : filled(step.body(), seen);
      HttpResponse<String> answer = client.send(step.user(), step.method(), path, body, headers);
      remember(step.name(), answer, url, seen);
      if (answers.put(step.name(), masks.leaves(path, answer)) != null) {
        throw new IllegalStateException("two requests are named " + step.name());
      }
    }
    Map<String, Map<String, String>> texts = new LinkedHashMap<>();
    answers.forEach((name, leaves) -> {
      Map<String, String> answer = new TreeMap<>();
      leaves.forEach(leaf -> answer.put(leaf.place(), masks.text(leaf)));
      texts.put(name, answer);
    });
    return texts;
  }

  private static String batch(int requests) {
    String one = "{\"path\":\"/buckets/main-workspace/collections/life/records/a\"}";
    return "{\"requests\":[" + String.join(",", Collections.nCopies(requests, one)) + "]}";
  }

  private static String filled(String text, Map<String, String> known) {
    return Pattern.compile("\\{([\\w' ,.]+)}")
        .matcher(text)
        .replaceAll(found -> {
          String value = known.get(found.group(1));
          if (value == null) {
            throw new IllegalStateException("nothing is known of " + found.group());
          }
          return Matcher.quoteReplacement(value);
        });
  }

  /** What an answer lacks is made up: that is a difference of its own, not the end. */
  private static void remember(
      String name, HttpResponse<String> answer, URI url, Map<String, String> seen) {
    String etag = answer.headers().firstValue("ETag").orElse("\"0\"");
    seen.put(name + ".etag", etag);
    seen.put(name + ".number", etag.replace("\"", ""));
    String next = answer.headers().firstValue("Next-Page").orElse("");
    seen.put(name + ".next", next.replace(url.toString(), ""));
  }

  /**
   * One comparable thing of an answer.
   *
   * @param series timestamps or dates that belong together; null for plain text
   */
  private record Leaf(String place, String value, String series) {}

  /**
   * Takes out of answers what differs from server to server and from run to run. Of a moment it
   * leaves its rank among those of its series: whether it has advanced.
   */
  private static final class Masks {

    private static final Set<String> IN_ANY_ORDER = Set.of("write", "principals", "collections");

    private final String authority;
    private final Map<String, TreeSet<String>> series = new HashMap<>();

    Masks(String authority) {
      this.authority = authority;
    }

    List<Leaf> leaves(String path, HttpResponse<String> answer) {
      List<Leaf> leaves = new ArrayList<>();
      leaves.add(new Leaf("status", Integer.toString(answer.statusCode()), null));
      for (String header : KintoClient.HEADERS) {
        answer
            .headers()
            .firstValue(header)
            .ifPresent(value -> leaves.add(header(header, value, path)));
      }
      String body = answer.body();
      try {
        if (!body.isEmpty()) {
          walk("body", Store.JSON.readTree(body), path, leaves);
        }
      } catch (JacksonException e) {
        leaves.add(new Leaf("body", plain(body), null));
      }
      return leaves;
    }

    private Leaf header(String name, String value, String path) {
      return switch (name) {
        case "etag" -> moment("etag", value.replace("\"", ""), timestamps(path));
        case "last-modified", "expires" -> new Leaf(name, "…", null);
        default -> new Leaf(name, plain(value), null);
      };
    }

    /** Records have other timestamps than the collection itself, and its bucket's groups. */
    private static String timestamps(String path) {
      String known = path.replaceFirst("^/v1", "").replaceFirst("\\?.*", "");
      return known.matches(".*/(records|changeset)(/.*)?")
          ? Step.collection(known) + " records"
          : known;
    }

    private Leaf moment(String place, String value, String name) {
      series.computeIfAbsent(name, key -> new TreeSet<>()).add(value);
      return new Leaf(place, value, name);
    }

    private void walk(String place, JsonNode node, String path, List<Leaf> leaves) {
      String name = place.substring(place.lastIndexOf('.') + 1);
      if (place.matches(".*\\.(signature|signatures\\.\\d+)") && node.isObject()) {
        node.propertyNames().forEach(key -> leaves.add(new Leaf(place + "." + key, "…", null)));
      } else if (node.isObject() && node.has("responses")) {
        int i = 0;
        for (JsonNode response : node.path("responses")) {
          String inner = place + ".responses." + i++;
          walkResponse(inner, response, leaves);
        }
      } else if (node.isObject()) {
        for (Map.Entry<String, JsonNode> member : node.properties()) {
          String within =
              member.getKey().equals("metadata") ? path.replaceFirst("/changeset.*", "") : path;
          walk(place + "." + member.getKey(), member.getValue(), within, leaves);
        }
        if (node.isEmpty()) {
          leaves.add(new Leaf(place, "{}", null));
        }
      } else if (node.isArray() && IN_ANY_ORDER.contains(name)) {
        TreeSet<String> sorted = new TreeSet<>();
        node.forEach(one -> sorted.add(one.asString()));
        leaves.add(new Leaf(place, sorted.toString(), null));
      } else if (node.isArray()) {
        int i = 0;
        boolean isCopied = isPublished(path) && isInList(place + ".0.id");
        for (JsonNode one : isCopied ? byId(node) : node) {
          walk(place + "." + i++, one, path, leaves);
        }
        leaves.add(new Leaf(place + ".length", Integer.toString(node.size()), null));
      } else if (name.equals("last_modified") && isPublished(path) && isInList(place)) {
        leaves.add(new Leaf(place, "…", null));
      } else if (name.equals("last_modified") || name.equals("timestamp")) {
        leaves.add(moment(place, node.asString(), timestamps(path)));
      } else if (name.endsWith("_date")) {
        leaves.add(moment(place, node.asString(), Step.collection(path) + " " + name));
      } else {
        leaves.add(new Leaf(place, plain(node.toString()), null));
      }
    }

    /** In which order a signer copies records is its own affair. */
    private static boolean isPublished(String path) {
      return path.matches("/buckets/(main|main-preview|blocklists)/.*/(records|changeset).*");
    }

    private static boolean isInList(String place) {
      return place.matches("body\\.(data|changes)\\.\\d+\\.\\w+");
    }

    private List<JsonNode> byId(JsonNode records) {
      List<JsonNode> sorted = new ArrayList<>();
      records.forEach(sorted::add);
      sorted.sort(Comparator.comparing(record -> plain(record.path("id").asString(""))));
      return sorted;
    }

    private void walkResponse(String place, JsonNode response, List<Leaf> leaves) {
      String path = response.path("path").asString("");
      leaves.add(new Leaf(place + ".path", plain(path), null));
      leaves.add(new Leaf(place + ".status", response.path("status").toString(), null));
      Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
      response
          .path("headers")
          .properties()
          .forEach(header -> headers.put(header.getKey(), header.getValue().asString()));
      for (String header : KintoClient.HEADERS) {
        if (headers.containsKey(header)) {
          Leaf leaf = header(header, headers.get(header), path);
          leaves.add(new Leaf(place + "." + leaf.place(), leaf.value(), leaf.series()));
        }
      }
      walk(place + ".body", response.path("body"), path, leaves);
    }

    private String plain(String text) {
      return text.replace(authority, "HOST")
          .replaceAll("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID")
          .replaceAll("_token=[\\w%-]+", "_token=…");
    }

    String text(Leaf leaf) {
      return leaf.series() == null
          ? leaf.value()
          : "moment " + (series.get(leaf.series()).headSet(leaf.value()).size() + 1);
    }
  }
}
