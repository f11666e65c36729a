"""The way in: on disk before it is said, many a commit, never longer than there is time."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from rpcbridge import db, log
from rpcbridge.errors import NotStored
from rpcbridge.outbox import Notice, Outbox, Store
from tests.outbox.conftest import World


def test_what_is_put_is_there_and_its_double_is_known(world: World):
    told = []
    outbox = Outbox(world.another(), lambda: told.append(1))
    assert outbox.put(world.notice(same_as="x"), 5.0) is True
    assert outbox.put(world.notice(same_as="x"), 5.0) is False
    assert (world.store.counts()["pending"], told) == (1, [1])


def test_many_at_once_share_commits(world: World):
    store = world.another()
    batches, add = [], store.add

    def counted(notices):
        batches.append(len(notices))
        return add(notices)

    store.add = counted  # type: ignore[method-assign]
    outbox = Outbox(store)
    notices = [world.notice(f"c{n}") for n in range(200)]
    results: list[bool] = []
    threads = [threading.Thread(target=lambda n=notice: results.append(outbox.put(n, 10.0))) for notice in notices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results, world.store.counts()["pending"]) == ([True] * 200, 200)
    assert len(batches) < 200


def test_what_nobody_waits_for_is_stored_as_well(world: World):
    outbox = Outbox(world.another())
    outbox.post(world.notice())
    outbox.close()
    assert world.store.counts()["pending"] == 1


@pytest.mark.alone
def test_a_locked_database_is_waited_for_no_longer_than_there_is_time(tmp_path: Path):
    world = World(f"sqlite:///{tmp_path / 'events.db'}")
    outbox = Outbox(world.another())
    blocker = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(NotStored) as caught:
        outbox.put(world.notice(), 0.3)
    assert time.monotonic() - started < 0.6
    assert "in time" in str(caught.value)
    blocker.execute("ROLLBACK")
    assert outbox.put(world.notice("c2"), 5.0) is True
    assert outbox.check() == ("outbox", True, "ok")
    blocker.close()
    world.close()


def test_a_database_that_cannot_be_opened_is_used_as_soon_as_it_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log.configure()
    folder = tmp_path / "later"
    engine = db.opened(f"sqlite:///{folder / 'events.db'}", patience=5.0, durable=True, erase=True)
    store = Store(engine)
    outbox = Outbox(store)
    for _ in range(3):
        with pytest.raises(NotStored, match="unable to open database file"):
            outbox.put(notice(), 5.0)
    assert outbox.check()[:2] == ("outbox", False)
    folder.mkdir()
    assert outbox.put(notice(), 5.0) is True
    assert outbox.check() == ("outbox", True, "ok")
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["outbox_failing", "outbox_works_again"]
    outbox.close()
    engine.dispose()


def notice() -> Notice:
    return Notice({"event": "call_ended", "event_id": "1" * 26, "platform": "voicenter", "call_id": "c1"}, "00-trace")
