"""State and turn of a call: for any process, within milliseconds or not at all."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from rpcbridge import db
from rpcbridge.calls import Calls, Store, storable_state
from tests.support import databases

pytestmark = pytest.mark.alone  # a question waits 50 ms for the database, and no longer

PATIENCE = 0.05


@pytest.fixture(params=databases.KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.fresh(request.param, tmp_path)


@pytest.fixture
def process(url: str):
    """Makes what one process has."""
    engines, processes = [], []

    def made() -> Calls:
        engines.append(db.opened(url, patience=0.5, erase=True))
        store = Store(engines[-1])
        store.prepare()
        processes.append(Calls(store))
        return processes[-1]

    yield made
    for process in processes:
        process.close()
    for engine in engines:
        engine.dispose()


def begun(calls: Calls, call_id: str = "c1"):
    """Begins a question; a machine that is busy with tests may need more than the 50 ms now and then."""
    for _ in range(20):
        remembered = calls.begin("voicenter", call_id, 4.0)
        if remembered is not None:
            return remembered
        time.sleep(PATIENCE)
    raise AssertionError("the database never answered")


def test_turns_count_and_state_comes_back_in_any_process(process):
    one, other = process(), process()
    first = begun(one)
    assert (first.turn, first.state) == (1, None)
    one.keep(first, storable_state({"cart": [1, 2], "name": "שלום"}))
    one.close()
    second = begun(other)
    assert (second.turn, second.state) == (2, {"cart": [1, 2], "name": "שלום"})
    other.keep(second, storable_state(None))
    other.close()
    third = begun(process())
    assert (third.turn, third.state) == (3, None)
    assert begun(process(), "c2").turn == 1


def test_many_questions_at_once_each_have_a_turn_of_their_own(process):
    workers = [process() for _ in range(3)]
    turns: list[int] = []

    def ask(calls: Calls) -> None:
        remembered = calls.begin("voicenter", "c1", 4.0)
        if remembered is not None:
            turns.append(remembered.turn)

    threads = [threading.Thread(target=ask, args=(workers[n % 3],)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns
    assert len(turns) == len(set(turns))


def test_a_locked_database_costs_a_question_50_ms_and_the_next_ones_nothing(tmp_path: Path):
    engine = db.opened(f"sqlite:///{tmp_path / 'calls.db'}", patience=2.0)
    store = Store(engine)
    store.prepare()
    calls = Calls(store)
    begun(calls)
    blocker = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    waits = []
    for _ in range(5):
        started = time.monotonic()
        assert calls.begin("voicenter", "c1", 4.0) is None
        waits.append(time.monotonic() - started)
    assert waits[0] < 3 * PATIENCE
    assert max(waits[2:]) < PATIENCE / 2, "the batch before hangs: nobody waits behind it"
    blocker.execute("ROLLBACK")
    time.sleep(0.3)
    assert begun(calls).turn >= 2
    engine.dispose()


def test_a_state_that_comes_late_is_kept_all_the_same(process):
    calls = process()
    remembered = begun(calls)
    remembered.left = 0.0
    calls.keep(remembered, '"late"')
    calls.close()
    assert begun(process()).state == "late"


def test_calls_of_which_nothing_is_heard_are_forgotten(url: str, process):
    begun(process())
    engine = db.opened(url, patience=0.5)
    store = Store(engine, f"({db.milliseconds_now(engine)} + 3600000)")
    store.prune(3601)
    assert [row["call_id"] for row in store.recent(9)] == ["c1"]
    store.prune(3599)
    assert store.recent(9) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("state", "why"),
    [("x" * 4095, "4097 bytes"), ("\ud83d", "half a character"), (float("inf"), "not JSON compliant"), (float("nan"), "not JSON compliant"),
     ("ש" * 2048, "4098 bytes")],
)  # fmt: skip
def test_what_cannot_be_kept_is_said(state: object, why: str):
    with pytest.raises(ValueError, match=why):
        storable_state(state)


def test_four_kibibytes_are_kept_and_so_is_what_is_nested(process):
    calls = process()
    for state in ("x" * 4094, [[[{"a": [None, True, 1.5, 10**30]}]]], "a\0b"):
        calls.keep(begun(calls), storable_state(state))
        assert begun(calls).state == state
