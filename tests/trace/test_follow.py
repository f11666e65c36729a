"""Following a store: each exchange once, none left out though another transaction commits late, and what is lost is said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from rpcbridge import db
from rpcbridge.exchange import Exchange
from rpcbridge.trace.follow import _AT_ONCE, _GAPS, _PATIENCE, Follower
from rpcbridge.trace.noting import noted
from rpcbridge.trace.store import EXCHANGES, Store
from tests.support import databases
from tests.trace.conftest import START
from tests.trace.test_store import GIB, RECORDER, fill


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def follow(store: Store, clock: list[float]) -> Callable[..., Follower]:
    return lambda after=None: Follower(store, after, clock=lambda: clock[0])


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Store]:
    engine = db.opened(databases.fresh("postgresql", tmp_path), patience=5)
    store = Store(engine)
    store.prepare()
    yield store
    engine.dispose()


def numbers(follower: Follower) -> list[int]:
    rows, missed = follower.poll()
    assert missed == 0
    return [row["seq"] for row in rows]


def more(store: Store, exchange: Callable[..., Exchange], *places: int) -> None:
    store.add([RECORDER.row(noted(exchange(place))) for place in places], 0, START)


def test_what_was_there_is_known_and_what_comes_comes_once(store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower]):
    fill(store, exchange, 3)
    follower = follow()
    assert numbers(follower) == []
    more(store, exchange, 3, 4)
    rows, _ = follower.poll()
    assert [(row["seq"], row["id"], row["received_at"]) for row in rows] == [
        (4, exchange(3).id, "2026-11-20T21:27:06.123Z"), (5, exchange(4).id, "2026-11-20T21:27:07.123Z"),
    ]  # fmt: skip
    assert numbers(follower) == []


def test_it_can_go_on_where_another_one_ended(store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower]):
    fill(store, exchange, 5)
    assert numbers(follow(3)) == [4, 5]
    assert numbers(follow(0)) == [1, 2, 3, 4, 5]
    assert numbers(follow(99)) == [], "of another database, or of one that began anew"


def test_more_than_one_look_takes_comes_with_the_next(store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower]):
    follower = follow()
    fill(store, exchange, _AT_ONCE + 50)
    assert [*numbers(follower), *numbers(follower)] == list(range(1, _AT_ONCE + 51))
    assert numbers(follower) == []


def test_what_was_dropped_is_said_once(store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower]):
    store.add([], 7, START)
    follower = follow()
    store.add([RECORDER.row(noted(exchange(0)))], 5, START)
    store.add([], 2, START)
    rows, missed = follower.poll()
    assert (len(rows), missed) == (1, 7)
    assert follower.poll() == ([], 0)
    store.prune(99, timedelta(days=1), GIB, START + timedelta(days=2))
    store.add([], 1, START + timedelta(days=2))  # on SQLite it has the number of the first one
    assert follower.poll() == ([], 1)


def test_what_was_forgotten_before_it_was_read_is_missed(
    store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower], clock: list[float]
):
    fill(store, exchange, 2)
    follower = follow()
    more(store, exchange, *range(2, 12))
    store.prune(4, timedelta(days=1), GIB, START)
    assert numbers(follower) == [9, 10, 11, 12]  # whether the others may yet come nobody knows
    clock[0] += _PATIENCE
    assert follower.poll() == ([], 6)
    assert follower.poll() == ([], 0)


def test_very_many_that_were_forgotten_are_missed_at_once(
    store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower], clock: list[float]
):
    fill(store, exchange, 1)
    follower = follow()
    more(store, exchange, *range(1, _GAPS + 100))
    store.prune(4, timedelta(days=1), GIB, START)
    rows, missed = follower.poll()
    clock[0] += _PATIENCE
    assert len(rows) == 4
    assert missed + follower.poll()[1] == _GAPS + 100 - 5
    assert missed > 0


def test_a_call_that_was_purged_is_not_missed(
    store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower], clock: list[float]
):
    fill(store, exchange, 1)
    follower = follow()
    more(store, exchange, 1, 2, 3, 4)
    store.purge("call1")
    assert numbers(follower) == [3, 4]
    clock[0] += _PATIENCE
    assert numbers(follower) == []


def test_an_empty_table_tells_nothing_of_what_it_held(
    store: Store, exchange: Callable[..., Exchange], follow: Callable[..., Follower], clock: list[float]
):
    fill(store, exchange, 20)
    store.prune(0, timedelta(days=1), GIB, START)
    follower = follow()
    more(store, exchange, 20)
    assert numbers(follower) == [21]
    clock[0] += _PATIENCE
    assert numbers(follower) == []


def test_a_number_that_is_committed_late_is_seen_late(postgres: Store, exchange: Callable[..., Exchange]):
    clock = [0.0]
    follower = Follower(postgres, clock=lambda: clock[0])
    row = {name: value for name, value in RECORDER.row(noted(exchange(0))).items() if name != "document"}
    with postgres.engine.connect() as slow:
        slow.execute(insert(EXCHANGES).values(row))  # number 1, to be seen by nobody yet
        more(postgres, exchange, 1, 2)
        assert numbers(follower) == [2, 3]
        newcomer = Follower(postgres, clock=lambda: clock[0])
        clock[0] += _PATIENCE - 1
        assert numbers(follower) == []
        slow.commit()
        assert numbers(follower) == [1]
    more(postgres, exchange, 4)
    assert numbers(follower) == [4]
    assert 4 in numbers(newcomer)


def test_who_begins_while_a_number_is_in_somebodys_hand_sees_it_too(postgres: Store, exchange: Callable[..., Exchange]):
    fill(postgres, exchange, 1)
    row = {name: value for name, value in RECORDER.row(noted(exchange(1))).items() if name != "document"}
    with postgres.engine.connect() as slow:
        slow.execute(insert(EXCHANGES).values(row))
        more(postgres, exchange, 2)
        follower = Follower(postgres)
        slow.commit()
    assert numbers(follower) == [2]


def test_a_number_that_was_taken_and_never_used_is_no_loss(postgres: Store, exchange: Callable[..., Exchange]):
    clock = [0.0]
    fill(postgres, exchange, 1)
    follower = Follower(postgres, clock=lambda: clock[0])
    row = {name: value for name, value in RECORDER.row(noted(exchange(9))).items() if name != "document"}
    with postgres.engine.connect() as gone:
        gone.execute(insert(EXCHANGES).values(row))
        gone.rollback()
    more(postgres, exchange, 2)
    assert numbers(follower) == [3]
    clock[0] += _PATIENCE
    assert numbers(follower) == []


def test_many_writers_at_once_are_followed_without_a_gap(url: str, exchange: Callable[..., Exchange]):
    stores = [Store(db.opened(url, patience=20)) for _ in range(4)]
    stores[0].prepare()
    follower = Follower(stores[0])

    def write(store: Store, begin: int) -> None:
        for number in range(begin, begin + 60, 3):
            more(store, exchange, number, number + 1, number + 2)

    threads = [threading.Thread(target=write, args=(store, 60 * place)) for place, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    found: list[int] = []
    while any(thread.is_alive() for thread in threads):
        found += numbers(follower)
    found += numbers(follower)
    assert sorted(found) == list(range(1, 241))
    for store in stores:
        store.engine.dispose()
