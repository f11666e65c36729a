"""What is due is done once, by whoever is there, and tried again where it failed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from rpcbridge import db
from rpcbridge.sessions import Due, Saved, Store, Timers
from tests.sessions.conftest import HOUR, World
from tests.support.bridge import awaited

IDS = count(1)
SeeTo = Callable[[Due], None]


@pytest.fixture
def process(world: World) -> Iterator[Callable[[SeeTo], Timers]]:
    """Makes what one process has."""
    made: list[Timers] = []

    def one(see_to: SeeTo) -> Timers:
        made.append(Timers(world.another(), see_to, lambda: f"{next(IDS):026}"))
        return made[-1]

    yield one
    for timers in made:
        timers.close()


def test_what_is_due_is_seen_to_once_and_with_its_call(world: World, process: Callable[[SeeTo], Timers]):
    seen: list[Due] = []
    row = world.kept("s1", timers={"split": 1.0, "end": 30.0}, phase="transferring")
    timers = process(seen.append)
    assert timers.run_once() == 0
    world.passes(1)
    assert (timers.run_once(), timers.run_once()) == (1, 0)
    assert seen == [Due("split", row, 1)]
    assert [name for _, name, _ in world.timers()] == ["end"]


def test_what_failed_is_tried_again_after_a_while_that_grows(world: World, process: Callable[[SeeTo], Timers], capsys: pytest.CaptureFixture[str]):
    from rpcbridge import log

    log.configure()
    attempts: list[int] = []

    def fails(due: Due) -> None:
        attempts.append(due.attempt)
        if due.attempt < 8:
            raise OSError("the platform is away")

    world.kept("s1", timers={"limit": 0.0})
    timers, waits = process(fails), []
    while timers.run_once():
        for _, _, left in world.timers():
            waits.append(left)
            world.passes(left)
    assert attempts == [1, 2, 3, 4, 5, 6, 7, 8]
    assert waits == [2, 4, 8, 16, 32, 60, 60]
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["timer"], line["reason"]) for line in said] == [("timer_failed", "limit", "OSError: the platform is away")] * 7


def test_a_process_that_died_leaves_its_timers_to_the_others(world: World, process: Callable[[SeeTo], Timers]):
    seen: list[Due] = []
    world.kept("s1", timers={"split": 0.0})
    world.another().claim("who dies", 9, 15.0)
    other = process(seen.append)
    assert other.run_once() == 0
    world.passes(15)
    assert other.run_once() == 1
    assert [due.attempt for due in seen] == [2]


def test_what_began_anew_while_it_was_seen_to_is_another(world: World, process: Callable[[SeeTo], Timers]):
    """In the same process, too: what takes too long must not settle what failed after it."""
    row = world.kept("s1", key="k1", timers={"split": 0.0})
    timers: Timers
    depth: list[int] = []

    def see_to(due: Due) -> None:
        depth.append(due.attempt)
        if len(depth) > 1:
            raise OSError("it fails")
        assert world.store.save([Saved(row, HOUR, {"split": 0.0})]) == [True]
        timers.run_once()

    timers = process(see_to)
    timers.run_once()
    assert depth == [1, 1]
    assert world.timers() == [("k1", "split", 2)], "the second is to be tried again"


def test_several_processes_see_to_each_once(world: World, process: Callable[[SeeTo], Timers]):
    for number in range(30):
        world.kept(f"s{number}", timers={"split": 0.0})
    seen: list[str] = []
    several = [process(lambda due: seen.append(due.row.key)) for _ in range(3)]
    for timers in several:
        timers.start()
    awaited(lambda: len(seen) >= 30 and not world.timers(), 20)
    assert len(seen) == len(set(seen)) == 30


def running(url: str, see_to: SeeTo) -> tuple[Store, Timers]:
    """A process with the database's own clock."""
    store = Store(db.opened(url, patience=5.0))
    return store, Timers(store, see_to, lambda: f"{next(IDS):026}")


@pytest.mark.alone
def test_what_is_due_soon_is_seen_to_then_and_not_at_the_next_look(world: World):
    late: list[float] = []
    store, timers = running(world.url, lambda due: late.append(time.monotonic() - due.row.document["due"]))
    timers.start()
    for number in range(10):
        due = time.monotonic() + 0.2
        assert store.save([Saved(world.new(f"s{number}", due=due), HOUR, {"split": 0.2})]) == [True]
        timers.wake(0.2)
        awaited(lambda number=number: len(late) > number)
    timers.close()
    store.close()
    store.engine.dispose()
    assert min(late) > -0.02
    assert sorted(late)[5] < 0.1, late


def test_who_closes_claims_nothing_more_and_waits_for_what_is_being_done(world: World, process: Callable[[SeeTo], Timers]):
    began, done = threading.Event(), []

    def slowly(due: Due) -> None:
        began.set()
        time.sleep(0.3)
        done.append(due.name)

    world.kept("s1", key="k1", timers={"split": 0.0})
    timers = process(slowly)
    timers.start()
    assert began.wait(5)
    timers.close()
    world.kept("s2", key="k2", timers={"limit": 0.0})
    awaited(lambda: [name for _, name, _ in world.timers()] == ["limit"])
    time.sleep(0.6)  # it used to look every half second
    assert (done, [name for _, name, _ in world.timers()]) == (["split"], ["limit"])


def test_a_database_that_is_away_is_told_and_does_not_end_the_thread(tmp_path, capsys: pytest.CaptureFixture[str]):
    from rpcbridge import log

    log.configure()
    place = tmp_path / "later"
    engine = db.opened(f"sqlite:///{place / 'bridge.db'}", patience=0.5)
    timers = Timers(Store(engine), lambda due: None, lambda: "1")
    timers.start()
    awaited(lambda: not timers.check()[1])
    place.mkdir()
    awaited(lambda: timers.check()[1])
    timers.close()
    engine.dispose()
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["timers_failing", "timers_works_again"]
