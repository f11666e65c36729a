"""Work that must never hold up a call: things are put down at once, and one thread per process takes them in batches.

Knows nothing of what it hands over. The queue is bounded; what finds it full is dropped and counted. Whoever
needs to know what became of a thing waits for it, as long as there is time and no longer.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T]):
    """A bounded queue and the thread that empties it into `take`, started with the first item: so after the fork.

    `limit` is the weight that may wait at once, in whatever unit `put` is given it. From a quarter of it on, what
    waits is taken at once rather than after `pause` seconds.
    `take` is given up to `size` items and the number dropped since its last turn. A batch at which it
    raises counts as dropped. `last`: seconds for what waits at the end.
    """

    def __init__(
        self, name: str, take: Callable[[list[T], int], None], *, limit: int, size: int = 256, pause: float = 0.05, last: float = 2.0
    ) -> None:
        self._name = name
        self._take = take
        self._limit = limit
        self._size = size
        self._pause = pause
        self._last = last
        self._waiting: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._dropped = 0
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._hurry = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, item: T, weight: int = 1) -> None:
        """Hand over one item. Never waits, never raises."""
        with self._lock:
            if self._weight + weight > self._limit:
                self._dropped += 1
                return
            self._weight += weight
            self._waiting.append((item, weight))
            hurry = self._weight * 4 > self._limit
        if hurry and not self._hurry.is_set():
            self._hurry.set()
        if not self._awake.is_set():
            self._wake()

    def close(self) -> None:
        """Hand over what waits, and end the thread; gives up after a while."""
        self._ending.set()
        self._hurry.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join(self._last)

    def _wake(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread to be had just now: the next item tries again
                    return
                self._thread = thread
                atexit.register(self.close)
        self._awake.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._awake.wait()
            self._hurry.wait(self._pause)  # others may come, and are then taken in one go
            self._hurry.clear()  # both before emptying: what comes meanwhile sets them anew
            self._awake.clear()
            self._empty()
        self._empty()

    def _empty(self) -> None:
        while self._waiting:
            with self._lock:
                taken = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
                self._weight -= sum(weight for _, weight in taken)
                dropped, self._dropped = self._dropped, 0
            try:
                self._take([item for item, _ in taken], dropped)
            except Exception:  # the thread must live; what was lost is told with the next batch
                with self._lock:
                    self._dropped += dropped + len(taken)


class NotInTime(Exception):
    """What was asked for had no result when the time was up."""


class Together(Generic[T, R]):
    """Items that are worked off in batches by one thread, and askers that wait for the result of theirs.

    `work` is given up to `size` items and gives as many results; where it raises, all of them
    get the error. Between askers and whatever `work` waits for stands nothing but their own patience.
    """

    def __init__(self, name: str, work: Callable[[list[T]], Sequence[R]], *, limit: int = 4096, size: int = 64) -> None:
        self._name = name
        self._work = work
        self._limit = limit
        self._size = size
        # Not Batches: waking its thread costs a caller who waits several times as much.
        self._waiting: SimpleQueue[_Asked[T, R] | None] = SimpleQueue()
        self._since: float | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def ask(self, item: T, seconds: float) -> R:
        """The result of `item`. Raises NotInTime, or what `work` raised."""
        since = self._since
        if seconds <= 0 or (since is not None and time.monotonic() - since > seconds):
            raise NotInTime  # the batch before has been at it for longer already
        asked: _Asked[T, R] = _Asked(item)
        if not self._put(asked) or not asked.done.acquire(timeout=seconds):
            asked.given_up = True
            raise NotInTime
        if asked.failure is not None:
            raise asked.failure
        return asked.result

    def send(self, item: T) -> None:
        """Have `item` worked off; nobody waits for it. Dropped where too many wait already."""
        self._put(_Asked(item))

    def close(self, seconds: float = 2.0) -> None:
        """Work off what waits, and end the thread; gives up after `seconds`."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(seconds)

    def _put(self, asked: _Asked[T, R]) -> bool:
        if self._waiting.qsize() >= self._limit or not (self._thread or self._start()):
            return False
        self._waiting.put(asked)
        return True

    def _start(self) -> bool:
        """With the first item: so after the fork."""
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread to be had just now: the next item tries again
                    return False
                self._thread = thread
                atexit.register(self.close)
        return True

    def _run(self) -> None:
        going = True
        while going:
            batch = [self._waiting.get()]
            while len(batch) < self._size:
                try:
                    batch.append(self._waiting.get_nowait())
                except Empty:
                    break
            going = None not in batch
            self._take([asked for asked in batch if asked is not None and not asked.given_up])

    def _take(self, batch: list[_Asked[T, R]]) -> None:
        if not batch:
            return
        self._since = time.monotonic()
        try:
            for asked, result in zip(batch, self._work([asked.item for asked in batch]), strict=True):
                asked.result = result
        except Exception as error:
            for asked in batch:
                asked.failure = error
        finally:
            self._since = None
            for asked in batch:
                asked.done.release()


class _Asked(Generic[T, R]):
    """One item and what became of it. A lock, for an event costs four times as much."""

    __slots__ = ("done", "failure", "given_up", "item", "result")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = threading.Lock()
        self.done.acquire()
        self.failure: BaseException | None = None
        self.given_up = False
        self.result: R
