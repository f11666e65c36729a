"""The way out: claims events, has them delivered several at a time, and notes what became of each.

One dispatcher thread a process talks to the database; `parallel` others do nothing but deliver.
A process that dies in the middle leaves its events to the others as soon as their lease ends.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import structlog

from rpcbridge import db
from rpcbridge.outbox.notice import Claimed
from rpcbridge.outbox.store import Store
from rpcbridge.standing import Standing

_POLL = 1.0  # seconds between looks for what other processes have left, or what is due again
_TENDED_EVERY = 10.0  # seconds
_LONGEST_WAIT = 86_400.0  # also where a backend asks for more


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one attempt. problem: "" for delivered. wait: seconds the backend asked for. final: never try again."""

    problem: str = ""
    wait: float = 0.0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How events are delivered: seconds before each further attempt, how many at once, for how long one is claimed."""

    retry_after: Sequence[float]
    parallel: int
    lease: float


class Deliverer:
    """One a process. `deliver` makes one attempt and may raise anything; `buried` is told of each dead letter.

    `tend` is called from time to time, between deliveries: for what has to be seen to in the database.
    """

    def __init__(
        self,
        store: Store,
        deliver: Callable[[Claimed], Delivery],
        plan: Plan,
        owner: str,
        *,
        buried: Callable[[Claimed, str], None] = lambda _, __: None,
        tend: Callable[[], None] = lambda: None,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._plan = plan
        self._owner = owner
        self._buried = buried
        self._tend = tend
        self._tended = 0.0
        self._prepared = False
        self._waiting = "ok"
        self._standing = Standing("delivery")
        self._jitter = jitter
        self._todo: SimpleQueue[Claimed | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Claimed, Delivery]] = SimpleQueue()
        self._held: dict[int, Claimed] = {}
        self._unnoted: list[tuple[Claimed, Delivery]] = []
        self._renewed = 0.0
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._log = structlog.get_logger()

    def start(self) -> None:
        """Begin to deliver, in threads of its own. To be called after the fork."""
        named = [("deliver", self._dispatch), *((f"deliver-{n}", self._work) for n in range(1, self._plan.parallel + 1))]
        self._threads = [threading.Thread(target=target, name=name, daemon=True) for name, target in named]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def close(self, seconds: float = 3.0) -> None:
        """Claim nothing more, wait for what is being delivered, and leave the rest to others."""
        self._ending.set()
        self._wake.set()
        end = time.monotonic() + seconds
        for thread in self._threads[:1]:
            thread.join(seconds)
        while self._threads and self._held and time.monotonic() < end:
            self._collect(0.05)
            with suppress(Exception):
                self._note()

    def check(self) -> tuple[str, bool, str]:
        """The health check `delivery`: how many events wait, as of some seconds ago."""
        return self._standing.check(self._waiting)

    def run_once(self) -> int:
        """Deliver what is due now, as many as are delivered at once, and note what became of it; how many that were.

        Raises SQLAlchemyError or DatabaseError.
        """
        self._look_after()
        claimed = self._store.claim(self._owner, self._plan.parallel, self._plan.lease)
        threads = [threading.Thread(target=self._attempt, args=(one,), daemon=True) for one in claimed]
        self._held |= {one.seq: one for one in claimed}
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self._collect(0.02)
            self._renew()
        self._collect(0.0)
        self._note()
        return len(claimed)

    def _dispatch(self) -> None:
        while not self._ending.is_set():
            self._wake.wait(min(_POLL, self._plan.lease / 4))
            self._wake.clear()
            self._turn()
        left: list[int] = []
        while True:  # claimed, and nobody has begun: others may have it at once
            try:
                waiting = self._todo.get_nowait()
            except Empty:
                break
            if waiting is not None:
                del self._held[waiting.seq]
                left.append(waiting.seq)
        with suppress(Exception):  # else their lease ends
            self._store.release(self._owner, left)
        for _ in self._threads:
            self._todo.put(None)

    def _turn(self) -> None:
        """Note what is done, claim as many as there is room for. What cannot be noted is kept, and nothing claimed meanwhile."""
        self._collect(0.0)
        try:
            self._note()
            self._renew()
            free = self._plan.parallel - len(self._held)
            for one in self._store.claim(self._owner, free, self._plan.lease) if self._prepared else ():
                self._held[one.seq] = one
                self._todo.put(one)
            self._look_after()
        except Exception as error:  # whatever it was, the thread must live
            self._standing.fails(db.reason(error))
        else:
            self._standing.works()

    def _look_after(self) -> None:
        """Last, since events do not wait for it; until it succeeds it is tried every time, so that a failing database is one."""
        if not self._prepared:
            self._store.prepare()
            self._prepared = True
            self.wake()  # now there is something to claim from
        if time.monotonic() - self._tended > _TENDED_EVERY:
            self._tend()
            self._waiting = _said(self._store.counts())
            self._tended = time.monotonic()

    def _work(self) -> None:
        while (claimed := self._todo.get()) is not None:
            self._attempt(claimed)
            self._wake.set()

    def _attempt(self, claimed: Claimed) -> None:
        try:
            delivery = self._deliver(claimed)
        except Exception as error:  # a bug of ours: the event is kept and tried again
            self._log.exception("internal_error", event_id=claimed.event_id)
            delivery = Delivery(f"internal: {type(error).__name__}")
        self._done.put((claimed, delivery))

    def _collect(self, seconds: float) -> None:
        try:
            self._unnoted.append(self._done.get(timeout=seconds) if seconds else self._done.get_nowait())
            while True:
                self._unnoted.append(self._done.get_nowait())
        except Empty:
            pass

    def _note(self) -> None:
        """What became of the attempts goes to the database; `_unnoted` holds it until it is there."""
        self._store.settle(self._owner, [one.seq for one, delivery in self._unnoted if not delivery.problem])
        for one, delivery in self._unnoted:
            if delivery.problem:
                self._failed(one, delivery)
        for one, _ in self._unnoted:
            self._held.pop(one.seq, None)
        self._unnoted = []

    def _failed(self, one: Claimed, delivery: Delivery) -> None:
        left = self._plan.retry_after[one.attempt - 1 :]
        if delivery.final or not left:
            self._store.bury(self._owner, one.seq, delivery.problem)
            self._log.error("dead_letter", event_id=one.event_id, attempt=one.attempt, reason=delivery.problem)
            self._buried(one, delivery.problem)
            return
        wait = min(_LONGEST_WAIT, max(left[0] * self._jitter(), delivery.wait))
        self._store.postpone(self._owner, one.seq, wait, delivery.problem)

    def _renew(self) -> None:
        if self._held and time.monotonic() - self._renewed > self._plan.lease / 3:
            self._renewed = time.monotonic()
            self._store.renew(self._owner, list(self._held), self._plan.lease)


def _said(counts: Mapping[str, int]) -> str:
    """How it stands, for a person."""
    waiting = f"{counts['pending']} waiting, the oldest for {counts['oldest'] // 1000} s" if counts["pending"] else "none waiting"
    dead = counts["dead"]
    return f"ok, {waiting}" + (f", {dead} dead letter{'s' * (dead > 1)}" if dead else "")
