//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//SOURCES ../common/Place.java
//SOURCES ../common/SignedResources.java
//SOURCES ../common/SignoffStatus.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import common.Place;
import common.SignedResources.SignedResource;
import common.SignedResources.SignoffRule;
import common.SignoffStatus;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a signed source still needs, by its attributes before and after the changes. */
class SignoffStatusTest {

  private static final String EARLIER = "2026-11-24T03:47:45.606288+00:00";
  private static final String LATER = "2026-11-24T03:47:46.026352+00:00";

  private static Map<String, Object> attributes(String... pairs) {
    Map<String, Object> attributes = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      attributes.put(pairs[i], pairs[i + 1]);
    }
    return attributes;
  }

  private static final SignoffRule REVIEWED = new SignoffRule(true, null, null);
  private static final SignoffRule AUTOMATIC = new SignoffRule(false, null, null);

  private static String due(boolean wrote, String... pairs) {
    return due(wrote ? Map.of() : null, REVIEWED, pairs);
  }

  private static String due(Map<String, Object> before, SignoffRule signoff, String... pairs) {
    String due = SignoffStatus.due(attributes(pairs), before, signoff, "account:us").toString();
    return due.replaceAll("^SignoffDue.*", "SignoffDue")
        .replaceAll("\\[\\]|Blocked\\[reason=|(, isRejection=.*)?\\]$", "");
  }

  @Test
  void what_is_published_or_a_reviewer_s_turn_needs_nothing() {
    for (String status : List.of("signed", "to-review")) {
      assertEquals("NothingDue", due(false, "status", status));
      assertEquals("NothingDue", due(null, AUTOMATIC, "status", status));
    }
    assertEquals("NothingDue", due(false));
    assertEquals("SignoffDue", due(true), "never signed, and now it has records");
  }

  @Test
  void after_our_changes_only_a_later_signoff_counts() {
    String signed = "last_signature_date";
    String asked = "last_review_request_date";
    String asIfNothing = "the status is signed, but nothing was signed since the changes";
    String asBefore = "the status is still to-review, as before the changes";
    for (SignoffRule signoff : List.of(REVIEWED, AUTOMATIC)) {
      assertEquals(asIfNothing, due(Map.of(), signoff, "status", "signed"));
      assertEquals(
          asIfNothing, due(Map.of(signed, LATER), signoff, "status", "signed", signed, LATER));
      assertEquals(
          "NothingDue", due(Map.of(signed, EARLIER), signoff, "status", "signed", signed, LATER));
      assertEquals("NothingDue", due(Map.of(), signoff, "status", "signed", signed, LATER));
    }
    assertEquals(
        asBefore, due(Map.of(asked, LATER), REVIEWED, "status", "to-review", asked, LATER));
    assertEquals(
        "NothingDue", due(Map.of(asked, EARLIER), REVIEWED, "status", "to-review", asked, LATER));
    assertEquals(
        asBefore,
        due(Map.of(asked, EARLIER), AUTOMATIC, "status", "to-review", asked, LATER),
        "no review is needed, and none signs it");
  }

  @Test
  void our_own_edit_since_the_last_request_is_owed_a_signoff() {
    String[] ours = {"status", "work-in-progress", "last_edit_by", "account:us"};
    assertEquals("SignoffDue", due(false, with(ours, "last_edit_date", EARLIER)));
    assertEquals(
        "SignoffDue",
        due(false, with(ours, "last_edit_date", LATER, "last_review_request_date", EARLIER)));
    assertEquals(
        "work in progress by account:us",
        due(false, ours),
        "an edit without a date is later than nothing");
    assertEquals("SignoffDue", due(true, "status", "work-in-progress"), "who else");
    for (String date : List.of("last_edit_date", "last_review_request_date", "last_review_date")) {
      assertEquals(
          "work in progress, but its %s is not a date".formatted(date),
          due(false, with(with(ours, "last_edit_date", EARLIER), date, "yesterday")));
    }
  }

  @Test
  void whose_work_a_copy_goes_over_is_named() {
    assertEquals(Optional.empty(), others("status", "signed"));
    assertEquals(Optional.empty(), others());
    assertEquals(
        Optional.empty(), others("status", "to-review", "last_review_request_by", "account:us"));
    assertEquals(
        Optional.of("under review, requested by account:them"),
        others("status", "to-review", "last_review_request_by", "account:them"));
    assertEquals(
        Optional.of("work in progress by account:them"),
        others(
            "status", "work-in-progress", "last_edit_by", "account:them", "last_edit_date", LATER));
    assertEquals(
        Optional.empty(),
        others(
            "status", "work-in-progress", "last_edit_by", "account:us", "last_edit_date", LATER));
  }

  private static Optional<String> others(String... pairs) {
    Map<String, Object> attributes = attributes(pairs);
    return SignoffStatus.othersWork(
        attributes, SignoffStatus.due(attributes, null, REVIEWED, "account:us"), "account:us");
  }

  @Test
  void the_clock_of_another_node_makes_no_rejection_of_what_we_changed() {
    String asked = "last_review_request_date";
    String[] ours = {
      "status", "work-in-progress", "last_edit_by", "account:us", "last_edit_date", EARLIER
    };
    String[] theirs = ours.clone();
    theirs[3] = "account:them";
    String rejected = "review rejected without a comment";
    assertEquals("SignoffDue", due(Map.of(asked, LATER), REVIEWED, with(ours, asked, LATER)));
    assertEquals(
        "work in progress by account:them",
        due(Map.of(asked, LATER), REVIEWED, with(theirs, asked, LATER)));
    assertEquals(rejected, due(Map.of(), REVIEWED, with(ours, asked, LATER)), "asked since");
    assertEquals(rejected, due(Map.of(asked, EARLIER), REVIEWED, with(ours, asked, LATER)));
    assertEquals(rejected, due(null, REVIEWED, with(ours, asked, LATER)), "we changed nothing");
  }

  @Test
  void the_clock_of_another_node_hides_no_signoff() {
    String asked = "last_review_request_date";
    String signed = "last_signature_date";
    assertEquals(
        "NothingDue", due(Map.of(asked, LATER), REVIEWED, "status", "to-review", asked, EARLIER));
    assertEquals(
        "NothingDue", due(Map.of(signed, LATER), REVIEWED, "status", "signed", signed, EARLIER));
    assertTrue(
        SignoffStatus.isSignedOff(
            REVIEWED,
            attributes(asked, LATER),
            attributes("status", "work-in-progress", asked, EARLIER)));
  }

  private static String[] with(String[] pairs, String... more) {
    List<String> all = new ArrayList<>(List.of(pairs));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void somebody_else_s_edit_is_left_to_them() {
    for (boolean wrote : List.of(false, true)) {
      assertEquals(
          "work in progress by account:them",
          due(
              wrote,
              "status",
              "work-in-progress",
              "last_edit_by",
              "account:them",
              "last_edit_date",
              LATER,
              "last_review_request_date",
              EARLIER));
    }
    assertEquals("work in progress by an unknown editor", due(false, "status", "work-in-progress"));
  }

  @Test
  void a_rejected_review_is_left_to_people_with_the_reviewer_s_words() {
    String[] rejected = {
      "status",
      "work-in-progress",
      "last_edit_by",
      "account:us",
      "last_edit_date",
      EARLIER,
      "last_review_request_date",
      LATER
    };
    assertEquals("review rejected without a comment", due(false, rejected));
    assertEquals(
        "review rejected: not yet", due(false, with(rejected, "last_reviewer_comment", "not yet")));
    assertEquals(
        "review rejected without a comment",
        due(false, with(rejected, "last_review_date", EARLIER)),
        "of an earlier approval");
    assertEquals(
        "review rejected without a comment",
        due(false, with(rejected, "last_reviewer_comment", " ")));
    assertEquals(
        "work in progress by account:us",
        due(false, with(rejected, "last_review_date", LATER)),
        "approved, and set back by hand");
    String[] sameMoment = rejected.clone();
    sameMoment[5] = LATER;
    assertEquals("review rejected without a comment", due(false, sameMoment));
  }

  @ParameterizedTest
  @ValueSource(strings = {"to-sign", "to-resign", "to-rollback", "nonsense"})
  void a_status_that_the_server_should_have_left_is_a_finding(String status) {
    assertEquals(
        "the status is %s: the server has not finished".formatted(status),
        due(false, "status", status));
  }

  @Test
  void a_signoff_is_one_when_it_can_be_read_afterwards() {
    SignoffRule reviewed = REVIEWED;
    SignoffRule automatic = AUTOMATIC;
    Map<String, Object> before = attributes("status", "work-in-progress");
    assertTrue(SignoffStatus.isSignedOff(reviewed, before, attributes("status", "to-review")));
    assertTrue(SignoffStatus.isSignedOff(reviewed, before, attributes("status", "signed")));
    assertTrue(SignoffStatus.isSignedOff(automatic, before, attributes("status", "signed")));
    String asked = "last_review_request_date";
    Map<String, Object> rejected = attributes("status", "work-in-progress", asked, LATER);
    assertTrue(SignoffStatus.isSignedOff(reviewed, before, rejected), "asked and answered");
    assertTrue(
        SignoffStatus.isSignedOff(
            reviewed, attributes("status", "work-in-progress", asked, EARLIER), rejected));
    for (Map<String, Object> after :
        List.of(before, rejected, attributes("status", "to-sign"), attributes())) {
      assertEquals(false, SignoffStatus.isSignedOff(automatic, before, after), after.toString());
      assertEquals(false, SignoffStatus.isSignedOff(reviewed, rejected, after));
    }
    assertEquals(
        false, SignoffStatus.isSignedOff(automatic, before, attributes("status", "to-review")));
  }

  private static Optional<String> missingGroup(SignoffRule signoff, String... principals) {
    return new SignedResource(new Place("ws", "a"), null, new Place("main", "a"), signoff)
        .missingGroup(Set.of(principals));
  }

  @Test
  void who_is_in_no_group_that_may_ask_is_told_before() {
    SignoffRule reviewed = new SignoffRule(true, "a-ed", "a-rev");
    SignoffRule automatic = new SignoffRule(false, "a-ed", "a-rev");
    String editor = "/buckets/ws/groups/a-ed";
    String reviewer = "/buckets/ws/groups/a-rev";
    assertEquals(Optional.empty(), missingGroup(reviewed, "account:us", editor));
    assertEquals(Optional.of("a-ed"), missingGroup(reviewed, "account:us", reviewer));
    assertEquals(Optional.of("a-ed"), missingGroup(reviewed, "/buckets/other/groups/a-ed"));
    assertEquals(Optional.of("a-rev"), missingGroup(automatic, "account:us"));
    assertEquals(Optional.empty(), missingGroup(automatic, editor));
    assertEquals(Optional.empty(), missingGroup(automatic, reviewer));
    assertEquals(Optional.empty(), missingGroup(reviewed), "the server tells no principals");
    assertEquals(
        Optional.empty(),
        missingGroup(new SignoffRule(true, null, null), "account:us"),
        "not checked");
  }
}
