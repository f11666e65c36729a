"""Work that must never hold up a call: things are put down at once, and one thread per process takes them in batches.

Knows nothing of what it hands over. The queue is bounded; what finds it full is dropped and counted.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """A bounded queue and the thread that empties it into `take`, started with the first item: so after the fork.

    `limit` is the weight that may wait at once, in whatever unit `put` is given it. From a quarter of it on, what
    waits is taken at once rather than after `pause` seconds.
    `take` is given up to `size` items and the number dropped since its last turn. A batch at which it
    raises counts as dropped.
    """

    def __init__(
        self, name: str, take: Callable[[list[T], int], None], *, limit: int, size: int = 256, pause: float = 0.05
    ) -> None:
        self._name = name
        self._take = take
        self._limit = limit
        self._size = size
        self._pause = pause
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

    def close(self, seconds: float = 2.0) -> None:
        """Hand over what waits, and end the thread; gives up after `seconds`."""
        self._ending.set()
        self._hurry.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join(seconds)

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
