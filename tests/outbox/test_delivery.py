"""Delivery: several at a time, in order per call, again and again until it is over."""

from __future__ import annotations

import json
import threading
import time

import pytest

from rpcbridge import log
from rpcbridge.outbox import Claimed, Deliverer, Delivery, Plan
from tests.outbox.conftest import World
from tests.support.bridge import awaited

PLAN = Plan(retry_after=(5.0, 60.0), parallel=4, lease=30.0)


class Backend:
    """Notes what it is given; answers as it is told, an event at a time."""

    def __init__(self, *answers: Delivery, seconds: float = 0.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.got: list[Claimed] = []
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, claimed: Claimed) -> Delivery:
        with self._lock:
            self.got.append(claimed)
            self.now += 1
            self.most = max(self.most, self.now)
            answer = self.answers.pop(0) if self.answers else Delivery()
        time.sleep(self.seconds)
        with self._lock:
            self.now -= 1
        return answer


def deliverer(world: World, backend, plan: Plan = PLAN, **more) -> Deliverer:
    return Deliverer(world.another(), backend, plan, f"owner-{id(backend)}"[:26], jitter=lambda: 1.0, **more)


def test_what_fails_is_tried_again_after_its_pauses_and_then_given_up(world: World):
    buried: list[tuple[str, str]] = []
    backend = Backend(*[Delivery("timeout: nobody answered")] * 3)
    one = deliverer(world, backend, buried=lambda claimed, problem: buried.append((claimed.event_id, problem)))
    notice = world.notice()
    world.store.add([notice])
    assert (one.run_once(), one.run_once()) == (1, 0)
    for pause in (5, 60):
        world.passes(pause - 1)
        assert one.run_once() == 0
        world.passes(2)
        assert one.run_once() == 1
    assert [claimed.attempt for claimed in backend.got] == [1, 2, 3]
    assert buried == [(notice.content["event_id"], "timeout: nobody answered")]
    assert world.store.counts()["dead"] == 1
    world.passes(1_000_000)
    assert one.run_once() == 0


def test_what_the_backend_asks_for_is_waited_for_and_gone_is_gone(world: World):
    backend = Backend(Delivery("http_5xx: 503", wait=30.0), Delivery("http_4xx: 410", final=True))
    one = deliverer(world, backend)
    world.store.add([world.notice()])
    one.run_once()
    world.passes(29)
    assert one.run_once() == 0
    world.passes(2)
    assert one.run_once() == 1
    assert world.store.counts() == {"pending": 0, "dead": 1, "oldest": 0}


def test_no_pause_is_longer_than_a_day(world: World):
    one = deliverer(world, Backend(Delivery("http_5xx: 503", wait=1e9)))
    world.store.add([world.notice()])
    one.run_once()
    world.passes(86_401)
    assert one.run_once() == 1


def test_a_bug_in_delivering_loses_nothing(world: World):
    def broken(_: Claimed) -> Delivery:
        raise RuntimeError("a bug")

    world.store.add([world.notice()])
    deliverer(world, broken).run_once()
    world.passes(6)
    assert deliverer(world, Backend()).run_once() == 1
    assert world.store.counts()["pending"] == 0


def test_several_at_once_and_a_call_s_one_after_the_other(world: World):
    backend = Backend(seconds=0.02)
    one = deliverer(world, backend)
    world.store.add([world.notice(f"c{n % 6}", number=n) for n in range(60)])
    one.start()
    one.wake()
    awaited(lambda: world.store.counts()["pending"] == 0, 20)
    one.close()
    assert backend.most == PLAN.parallel
    assert len(backend.got) == 60
    for call in range(6):
        numbers = [claimed.content["number"] for claimed in backend.got if claimed.content["call_id"] == f"c{call}"]
        assert numbers == sorted(numbers)


def test_a_lease_is_renewed_while_somebody_is_at_it(world: World):
    backend = Backend(seconds=0.8)
    one = deliverer(world, backend, Plan((5.0,), 1, lease=0.3))
    world.store.add([world.notice()])
    one.start()
    one.wake()
    awaited(lambda: backend.got)
    claimed = []
    for _ in range(6):
        world.passes(0.1)  # the database's clock runs as fast as ours
        time.sleep(0.1)
        claimed += world.another().claim("thief", 1, 30)
    awaited(lambda: world.store.counts()["pending"] == 0)
    one.close()
    assert claimed == []
    assert len(backend.got) == 1


def test_at_the_end_what_is_under_way_is_finished_and_the_rest_is_left_to_others(world: World):
    backend = Backend(seconds=0.3)
    one = deliverer(world, backend, Plan((5.0,), 2, 30.0))
    world.store.add([world.notice(f"c{n}") for n in range(9)])
    one.start()
    one.wake()
    awaited(lambda: len(backend.got) == 2)
    one.close()
    done = len(world.store.of_status("delivered", 99))
    assert done == len(backend.got) >= 2
    assert len(world.another().claim("other", 99, 30)) == 9 - done


def test_a_database_that_is_away_for_a_while_costs_nothing_but_time(world: World, capsys: pytest.CaptureFixture[str]):
    """What was delivered meanwhile is noted as soon as it can be, and not delivered again."""
    backend = Backend()
    one = deliverer(world, backend, Plan((5.0,), 2, 30.0))
    log.configure()
    settle, fails = one._store.settle, [3]

    def failing(*args):
        if fails[0]:
            fails[0] -= 1
            raise OSError("no space left")
        settle(*args)

    one._store.settle = failing  # type: ignore[method-assign]  # a full disk, at just this moment
    world.store.add([world.notice()])
    one.start()
    one.wake()
    awaited(lambda: world.store.counts()["pending"] == 0, 10)
    one.close()
    assert len(backend.got) == 1
    assert one.check()[1]
    said = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["delivery_failing", "delivery_works_again"]


def test_it_says_how_it_stands(world: World):
    one = deliverer(world, Backend(*[Delivery("refused: nobody")] * 9))
    world.store.add([world.notice(f"c{n}") for n in range(3)])
    one.run_once()
    assert one.check() == ("delivery", True, "ok, 3 waiting, the oldest for 0 s")
