"""Identical questions in flight at the same time share one answer. Holds nothing once it has landed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from rpcbridge.errors import NoUsableAnswer

T = TypeVar("T")


class _Flight(Generic[T]):
    """One call under way. Made for every question, so it holds no more than it must: an event only once somebody waits."""

    __slots__ = ("answer", "failure", "landed")

    def __init__(self) -> None:
        self.landed: threading.Event | None = None
        self.answer: T
        self.failure: BaseException | None = None


class Flights(Generic[T]):
    """One for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, _Flight[T]] = {}

    def share(self, key: Hashable, seconds: float, fly: Callable[[], T]) -> tuple[T, bool]:
        """What `fly` gives, and whether another thread's flight gave it. Waits for the other at most `seconds`.

        Raises what the flight raises, or NoUsableAnswer (`timeout`).
        """
        with self._lock:
            other = self._flying.get(key)
            if other is None:
                mine = self._flying[key] = _Flight()
            elif other.landed is None:
                other.landed = threading.Event()
        if other is not None:
            return _awaited(other, seconds), True
        try:
            mine.answer = fly()
        except BaseException as error:
            mine.failure = error
            raise
        finally:
            with self._lock:
                del self._flying[key]
            if mine.landed is not None:  # nobody joins any more
                mine.landed.set()
        return mine.answer, False


def _awaited(flight: _Flight[T], seconds: float) -> T:
    assert flight.landed is not None
    if not flight.landed.wait(max(0.0, seconds)):
        raise NoUsableAnswer("timeout", "the same question asked before got no answer in time")
    if flight.failure is not None:
        raise flight.failure
    return flight.answer
