"""Identical questions in flight at the same time share one answer. Holds nothing once it has landed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Generic, TypeVar

from rpcbridge.errors import NoUsableAnswer

T = TypeVar("T")


class Flights(Generic[T]):
    """One for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, Future[T]] = {}

    def share(self, key: Hashable, seconds: float, fly: Callable[[], T]) -> tuple[T, bool]:
        """What `fly` gives, and whether another thread's flight gave it. Waits for the other at most `seconds`.

        Raises what the flight raises, or NoUsableAnswer (`timeout`).
        """
        with self._lock:
            other = self._flying.get(key)
            if other is None:
                mine = self._flying[key] = Future()
        if other is not None:
            try:
                return other.result(max(0.0, seconds)), True
            except FutureTimeout:
                raise NoUsableAnswer("timeout", "the same question asked before got no answer in time") from None
        try:
            mine.set_result(fly())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flying[key]
        return mine.result(), False
