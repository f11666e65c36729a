"""State and turn for a question, within milliseconds or not at all: a caller waits. One thread a process talks to the database."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rpcbridge import db
from rpcbridge.background import NotInTime, Together
from rpcbridge.calls.store import Begun, Store
from rpcbridge.standing import Standing

# Seconds a question may wait for the database, reading and writing together.
PATIENCE = 0.05
# Bytes of JSON a state may have.
LARGEST_STATE = 4096


@dataclass(slots=True)
class Remembered:
    """What is known of a call at one of its questions, and how long that question may still wait for the database."""

    key: str
    turn: int
    state: Any
    left: float


@dataclass(frozen=True, slots=True)
class _Wish:
    """Begin a question of a call, or (`keep`) keep its new state."""

    key: str
    platform: str
    call_id: str
    keep: bool = False
    state: str | None = None


class Calls:
    """The calls of one process. Nothing here raises: a call whose state is not to be had is served without."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prepared = False
        self._standing = Standing("call_state")
        self._together: Together[_Wish, Begun | None] = Together("calls", self._worked_off)

    def begin(self, platform: str, call_id: str, seconds: float) -> Remembered | None:
        """A question begins: its turn, and the call's state. None where the database did not say so in time."""
        started, key = time.monotonic(), db.key_of(platform, call_id)
        try:
            begun = self._together.ask(_Wish(key, platform, db.storable(call_id, 200)), min(PATIENCE, seconds))
        except Exception:  # not in time, or the database's: said once, by whoever works it off
            return None
        if begun is None:
            return None
        turn, state = begun
        return Remembered(key, turn, None if state is None else json.loads(state), PATIENCE - (time.monotonic() - started))

    def keep(self, remembered: Remembered, state: str | None) -> None:
        """The backend returned a new state, as JSON text; None is null. Kept when this returns, or a little later."""
        wish = _Wish(remembered.key, "", "", keep=True, state=state)
        try:
            self._together.ask(wish, remembered.left)
        except NotInTime:
            self._together.send(wish)
        except Exception:
            return

    def check(self) -> tuple[str, bool, str]:
        """The health check `call_state`."""
        return self._standing.check()

    def close(self) -> None:
        """Write what waits."""
        self._together.close()
        self._store.close()

    def _worked_off(self, wishes: list[_Wish]) -> Sequence[Begun | None]:
        try:
            if not self._prepared:
                self._store.prepare()
                self._prepared = True
            results = self._results(wishes)
        except Exception as error:
            self._standing.fails(db.reason(error))
            raise
        self._standing.works()
        return results

    def _results(self, wishes: list[_Wish]) -> list[Begun | None]:
        counts = Counter(wish.key for wish in wishes if not wish.keep)
        begins = {wish.key: (wish.platform, wish.call_id, counts[wish.key]) for wish in wishes if not wish.keep}
        if keeps := {wish.key: wish.state for wish in wishes if wish.keep}:
            self._store.keep(keeps)
        begun = self._store.begin(begins) if begins else {}
        results: list[Begun | None] = []
        for wish in wishes:
            if wish.keep:
                results.append(None)
                continue
            counts[wish.key] -= 1  # how many of this batch come after it
            turn, state = begun[wish.key]
            results.append((turn - counts[wish.key], state))
        return results


def storable_state(state: Any) -> str | None:
    """A state as it is kept, None for null. Raises ValueError saying why it cannot be."""
    if state is None:
        return None
    try:
        text = json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except RecursionError:
        raise ValueError("nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    if size > LARGEST_STATE:
        raise ValueError(f"{size} bytes of JSON, at most {LARGEST_STATE}")
    if "\0" in text:
        raise ValueError("holds NUL")
    return text
