"""The ladder's places: everything there, in order, nothing on top of anything else."""

from __future__ import annotations

import itertools

import pytest

from rpcbridge.inspector.ladder import BACKEND, BRIDGE, PLATFORM, WIDTH, Ladder, laid_out, shortened
from tests.inspector.recorded import MENU, attempt, delivery, document

FALLBACK = {"outcome": "fallback", "reason": "http_5xx"}
CALL = [
    document(1, 0.0, repairs=[{"kind": "blanks", "path": "menu", "detail": ""}] * 3),
    document(2, 4.2, says={"reason": "input", "menu": "main", "digits": "2"}, attempts=[attempt(1, 503), attempt(2, 0, "reset"), attempt(3, ms=1204.4)]),
    document(3, 9.0, attempts=[attempt(1, 500), attempt(2, 500)], **FALLBACK),
    document(4, 9.5, attempts=[], outcome="fallback", reason="breaker_open"),
    document(5, 9.52, shared=True, attempts=[]),
    document(6, 80.0, event="call_ended", method="HANGUP_CALL", outcome="stored", served=None, attempts=[], says={"event": "call_ended", "call_status": "no_answer"}),
    delivery(7, 80.1, "postponed", attempt(1, 503)),
    delivery(8, 140.0, "delivered", attempt(2, 204)),
]


@pytest.fixture(scope="module")
def ladder() -> Ladder:
    return laid_out(CALL, {CALL[0]["id"]: "1"})


def labels(ladder: Ladder, place: int) -> list[str]:
    return [arrow.label for arrow in ladder.bands[place].arrows]


def test_each_exchange_has_a_band_in_order_and_none_touches_another(ladder: Ladder):
    assert [band.id for band in ladder.bands] == [seen["id"] for seen in CALL]
    for one, next in itertools.pairwise(ladder.bands):
        assert one.y + one.height < next.y
    for pause in ladder.pauses:
        assert all(pause.y >= band.y + band.height or pause.y + pause.height <= band.y for band in ladder.bands)
    assert ladder.bands[-1].y + ladder.bands[-1].height < ladder.height


@pytest.mark.parametrize("count", [1, 30, 200])
def test_nothing_lies_on_top_of_anything_however_long_the_call_is(count: int):
    ladder = laid_out([document(number, number * 0.01, attempts=[attempt(n, 503) for n in range(1, number % 4 + 1)]) for number in range(1, count + 1)])
    assert len(ladder.bands) == count
    for one, next in itertools.pairwise(ladder.bands):
        assert one.y + one.height < next.y
    for band in ladder.bands:
        places = [(arrow.x1 + arrow.x2 < 2 * BRIDGE, arrow.y) for arrow in band.arrows]
        places += [(False, note.y + 15) for note in band.notes]
        assert len(set(places)) == len(places), "two things in one place"
        assert all(band.y + 20 < arrow.y < band.y + band.height for arrow in band.arrows)


def test_time_runs_down_within_a_band(ladder: Ladder):
    for band in ladder.bands:
        assert [arrow.y for arrow in band.arrows] == sorted(arrow.y for arrow in band.arrows)


def test_an_ordinary_turn_goes_to_the_backend_and_back(ladder: Ladder):
    arrows = ladder.bands[0].arrows
    assert [(arrow.x1, arrow.x2) for arrow in arrows] == [(PLATFORM, BRIDGE), (BRIDGE, BACKEND), (BACKEND, BRIDGE), (BRIDGE, PLATFORM)]
    assert labels(ladder, 0) == ["GET_IVR_ACTION", "POST /ivr/action", "HTTP 200, 12 ms", 'menu → main · "welcome"']
    assert (ladder.bands[0].name, ladder.bands[0].took, ladder.bands[0].remark, ladder.bands[0].since) == ("1", "20 ms", "3 repairs", "+0.0 s")
    assert ladder.bands[0].share == 0.01


def test_every_attempt_is_there_and_says_how_it_went(ladder: Ladder):
    assert labels(ladder, 1) == [
        "GET_IVR_ACTION · menu main · digits 2", "attempt 1 failed: HTTP 503, 12 ms", "attempt 2 failed: reset, 12 ms", "attempt 3 · POST /ivr/action",
        "HTTP 200, 1,204 ms", 'menu → main · "welcome"',
    ]  # fmt: skip
    tries = [(arrow.tone, arrow.stops) for arrow in ladder.bands[1].arrows if arrow.x2 == BACKEND]
    assert tries == [("failed", False), ("failed", True), ("good", False)], "an attempt without a reply does not arrive"


def test_a_fallback_is_marked_in_words_with_its_reason(ladder: Ladder):
    assert [note.label for note in ladder.bands[2].notes] == ["FALLBACK: http_5xx"]
    assert [note.label for note in ladder.bands[3].notes] == ["FALLBACK: breaker_open"]
    assert {ladder.bands[2].tone, ladder.bands[2].arrows[-1].tone, ladder.bands[3].tone} == {"fallback"}
    assert "FALLBACK: http_5xx; FALLBACK: breaker_open" in ladder.description


def test_an_answer_that_could_not_be_used_says_so():
    (band,) = laid_out([document(outcome="fallback", reason="invalid_answer")]).bands
    assert band.arrows[2].label == "HTTP 200, 12 ms, not usable"


def test_a_question_that_shared_an_answer_says_so(ladder: Ladder):
    assert [note.label for note in ladder.bands[4].notes] == ["answered with an identical question"]


def test_a_report_is_stored_and_delivered_later_and_a_delivery_has_no_phone_system(ladder: Ladder):
    assert labels(ladder, 5) == ["HANGUP_CALL · no answer", "stored"]
    assert labels(ladder, 6) == ["attempt 1 failed: HTTP 503, 12 ms"]
    assert labels(ladder, 7) == ["attempt 2 · call_ended", "HTTP 204, 12 ms"]
    assert all(PLATFORM not in (arrow.x1, arrow.x2) for band in ladder.bands[6:] for arrow in band.arrows)


def test_pauses_say_how_long_and_what_for(ladder: Ladder):
    assert [pause.label for pause in ladder.pauses] == [
        "4.2 s: the caller listens", "4.8 s: the caller listens", "0.5 s: the caller listens", "1 min 10 s: the caller listens",
        "0.1 s: until the delivery", "59.9 s: until the delivery",
    ]  # fmt: skip


def test_everything_has_room_on_the_page(ladder: Ladder):
    for band in ladder.bands:
        for note in band.notes:
            assert BRIDGE < note.x < note.x + note.width < BACKEND
        for arrow in band.arrows:
            assert 0 < arrow.x1 < WIDTH
            assert len(arrow.label) <= 50


def test_a_long_foreign_menu_is_cut_and_stays_closed():
    (band,) = laid_out([document(served=MENU | {"menu": "תפריט " * 20})]).bands
    label = band.arrows[-1].label
    assert label.endswith("…⁩")
    assert label.count("⁨") == label.count("⁩")
    assert shortened("short") == "short"


def test_a_reply_without_an_action_tells_the_outcome():
    (band,) = laid_out([document(outcome="not_stored", reason="database", served=None, attempts=[], event="call_ended")]).bands
    assert band.arrows[-1].label == "not stored"
    assert [note.label for note in band.notes] == ["NOT STORED: database"]
