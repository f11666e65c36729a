"""Calls looked up and written while somebody waits: in time or not at all, many at once in one commit."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rpcbridge import db
from rpcbridge.errors import NotStored
from rpcbridge.sessions import Row, Saved, Sessions, Store
from tests.sessions.conftest import HOUR, World
from tests.support.bridge import awaited

LONG = 20.0  # seconds nobody needs


@pytest.fixture
def sessions(world: World) -> Iterator[Sessions]:
    made = Sessions(world.another())
    yield made
    made.close()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Sessions, Callable[[str], object]]]:
    """Calls in a file, and another process's connection to it."""
    file = tmp_path / "bridge.db"
    engine = db.opened(f"sqlite:///{file}", patience=0.5, durable=True)
    sessions = Sessions(Store(engine))
    assert sessions.find("mediaservice", "s1", "", LONG) is None
    other = sqlite3.connect(file, isolation_level=None)
    yield sessions, other.execute
    other.close()
    sessions.close()
    engine.dispose()


def test_what_was_saved_is_found_by_another_process(world: World, sessions: Sessions):
    row = world.new("s1", key="k1", call_id="c1", phase="ivr")
    assert sessions.save(Saved(row, HOUR, {"end": 30.0}), LONG)
    other = Sessions(world.another())
    kept = replace(row, version=1)
    assert other.find("mediaservice", "s1", "", LONG) == other.of_call("mediaservice", "c1", LONG) == kept
    assert other.find("mediaservice", "", "k1", LONG) == kept
    assert (other.find("mediaservice", "", "", LONG), other.of_call("mediaservice", "none", LONG)) == (None, None)
    assert not other.save(Saved(row, HOUR), LONG), "it is no new one"
    assert other.take_timers("mediaservice", "c1", "e", LONG) == ["end"]
    other.forget(kept, LONG)
    assert sessions.find("mediaservice", "s1", "", LONG) is None
    assert sessions.check() == ("sessions", True, "ok")
    other.close()


def test_many_at_once_share_their_commits_and_each_is_told_its_own(world: World, sessions: Sessions):
    old = [world.kept(f"old{number}") for number in range(10)]
    commits, told, lock = [0], {}, threading.Lock()

    def counted(store: Store) -> None:
        save = store.save

        def counting(wishes: list[Saved]) -> list[bool]:
            commits[0] += 1
            return save(wishes)

        store.save = counting  # type: ignore[method-assign]

    counted(world.stores[-1])

    def ask(name: str, row: Row) -> None:
        result = sessions.save(Saved(row, HOUR), LONG)
        with lock:
            told[name] = result

    wishes = {f"new{number}": world.new(f"new{number}") for number in range(40)}
    wishes |= {f"{way}{number}": row for number, row in enumerate(old) for way in ("one", "two")}
    threads = [threading.Thread(target=ask, args=wish) for wish in wishes.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(told[f"new{number}"] for number in range(40))
    assert all(told[f"one{number}"] + told[f"two{number}"] == 1 for number in range(10)), "of two writers one"
    assert commits[0] < len(wishes)


@pytest.mark.alone
def test_a_locked_database_costs_no_more_than_the_time_there_is(locked):
    sessions, other = locked
    row = Row("mediaservice", "k1", "c1", "s1", {})
    other("BEGIN IMMEDIATE")
    for seconds in (0.3, 0.1, 0.1):
        started = time.monotonic()
        with pytest.raises(NotStored, match="in time"):
            sessions.save(Saved(row, HOUR), seconds)
        assert time.monotonic() - started < seconds + 0.2
    other("ROLLBACK")
    assert awaited(lambda: _works(lambda: sessions.save(Saved(replace(row, key="k2", session_id="s2"), HOUR), LONG)))


def test_a_lock_that_is_let_go_in_time_costs_nothing_but_the_wait(locked):
    sessions, other = locked
    other("BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.1, lambda: None)
    letting_go.start()
    saving = threading.Thread(target=lambda: done.append(sessions.save(Saved(Row("mediaservice", "k1", "c1", "s1", {}), HOUR), LONG)))
    done: list[bool] = []
    saving.start()
    letting_go.join()
    other("ROLLBACK")
    saving.join()
    assert done == [True]


def test_who_only_looks_does_not_wait_for_who_writes(locked):
    sessions, other = locked
    assert sessions.save(Saved(Row("mediaservice", "k1", "c1", "s1", {}), HOUR), LONG)
    other("BEGIN IMMEDIATE")
    assert sessions.find("mediaservice", "s1", "", 0.4) is not None
    other("ROLLBACK")


def test_trouble_is_told_once_and_again_when_it_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from rpcbridge import log

    log.configure()
    place = tmp_path / "later"
    engine = db.opened(f"sqlite:///{place / 'bridge.db'}", patience=0.5)
    sessions = Sessions(Store(engine))
    row = Row("mediaservice", "k1", "c1", "s1", {})
    for _ in range(2):
        with pytest.raises(NotStored, match="unable to open database file"):
            sessions.find("mediaservice", "s1", "", LONG)
        with pytest.raises(NotStored):
            sessions.save(Saved(row, HOUR), LONG)
    assert sessions.check()[:2] == ("sessions", False)
    place.mkdir()
    assert sessions.save(Saved(row, HOUR), LONG)
    assert sessions.check() == ("sessions", True, "ok")
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["sessions_failing", "sessions_works_again"]
    sessions.close()
    engine.dispose()


def _works(do: Callable[[], object]) -> object:
    try:
        return do()
    except NotStored:
        return None
