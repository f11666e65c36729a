"""A call as a story: names, what went wrong first, and how it all ended."""

from __future__ import annotations

from rpcbridge.inspector.story import told
from tests.inspector.recorded import attempt, delivery, document


def test_parts_have_names_and_words():
    story = told([document(1), document(2, 1.0, says={"reason": "input", "menu": "main", "digits": "2"}), delivery(3, 2.0)])
    assert [(part.name, part.short, part.kind) for part in story.parts] == [
        ("Turn 1", "1", "question"), ("Turn 2", "2", "question"), ("Delivery of call_ended, attempt 1", "delivery", "delivery"),
    ]  # fmt: skip
    assert (story.parts[1].done, story.parts[1].heard) == ("presses 2 in the menu main", ('hears "welcome"; up to 1 digit wanted (menu main)',))
    assert (story.summary, story.troubles, story.caller, story.called) == ("2 turns", (), "********33", "********67")


def test_without_numbers_turns_are_counted_and_one_asked_again_says_so():
    assert [part.name for part in told([document(1, turn=None), document(2, turn=None)]).parts] == ["Turn 1", "Turn 2"]
    assert [part.name for part in told([document(1, turn=4), document(2, turn=4, shared=True)]).parts] == ["Turn 4", "Turn 4, again"]
    late = [document(1, turn=None), document(2, turn=1), document(3, turn=2)]  # the database did not answer the first in time
    assert [part.name for part in told(late).parts] == ["Turn 1", "Turn 2", "Turn 3"]


def test_two_events_of_a_kind_are_told_apart_from_an_attempt_that_is_shown_twice():
    rejected = [delivery(number, number / 10, says={"event_id": id}) for number, id in enumerate(("E1", "E2", "E1"), 1)]
    assert [part.name for part in told(rejected).parts] == [
        "Delivery of call_ended, attempt 1", "Delivery of another call_ended, attempt 1", "Delivery of call_ended, attempt 1, again",
    ]  # fmt: skip


def test_what_went_wrong_comes_first_and_the_gravest_of_it_before_the_rest():
    story = told([
        document(1, attempts=[attempt(1, 503), attempt(2, 0, "reset"), attempt(3)]),
        document(2, 1.0, outcome="fallback", reason="timeout", detail="no answer within 2 s"),
        document(3, 2.0, event="call_ended", method="HANGUP_CALL", outcome="not_stored", reason="database", served=None, attempts=[]),
        delivery(4, 3.0, "dead_letter", attempt(9, 500), reason="http_5xx"),
    ])  # fmt: skip
    assert [(trouble.where, trouble.what, trouble.detail, trouble.grave) for trouble in story.troubles] == [
        ("Turn 2", "the caller got the fallback: timeout", "no answer within 2 s", True),
        ("Report HANGUP_CALL", "the report was not stored, and not acknowledged: database", "", True),
        ("Delivery of call_ended, attempt 9", "the event is not delivered any more: http_5xx", "", True),
        ("Turn 1", "2 attempts failed (HTTP 503, reset), a later one was answered", "", False),
    ]
    assert story.summary == "2 turns, 1 fallback, 1 report not stored, 1 dead letter"


def test_a_delivery_that_was_postponed_is_a_trouble_until_it_comes_through():
    late = delivery(1, 0.0, "postponed", attempt(1, 503), reason="http_5xx")
    assert [trouble.what for trouble in told([late]).troubles] == ["not delivered yet: http_5xx"]
    assert told([late, delivery(2, 9.0, "delivered", attempt(2, 204))]).troubles == ()


def test_a_call_nobody_placed_says_so():
    ulid, other = "01M7YDT7EEJPMYWN3P4917K6D3", "01M7YDT84VP31JSK7HSS163B67"
    assert (told([document()]).origin, told([document()]).replay_of) == ("", "")
    assert told([document(call_id=f"rb-phone-{ulid}")]).origin == "phone"
    story = told([document(call_id=f"rb-replay-{ulid}-of-{other}")])
    assert (story.origin, story.replay_of) == ("replay", other)
