"""Calls looked up and written while somebody waits, within his time or not at all. One thread a process talks to the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rpcbridge import db
from rpcbridge.background import NotInTime, Together
from rpcbridge.errors import NotStored
from rpcbridge.sessions.row import Row, Saved
from rpcbridge.sessions.store import Store
from rpcbridge.standing import Standing


@dataclass(frozen=True, slots=True)
class _Take:
    """The timers of a call whose names begin so, to be taken out."""

    platform: str
    call_id: str
    beginning: str


@dataclass(frozen=True, slots=True)
class _Look:
    """A call to be looked up: by the platform's id or our key, or by the contract's id."""

    platform: str
    session_id: str = ""
    key: str = ""
    call_id: str = ""


class Sessions:
    """One for all threads of a process. What is saved is on disk when it returns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prepared = False
        self._standing = Standing("sessions")
        self._together: Together[_Wish, _Result] = Together("sessions", self._worked_off)

    def find(self, platform: str, session_id: str, key: str, seconds: float) -> Row | None:
        """The call with the platform's own id, else that with our key. Raises NotStored where that cannot be told in time."""
        return self._looked(_Look(platform, session_id, key), seconds) if session_id or key else None

    def of_call(self, platform: str, call_id: str, seconds: float) -> Row | None:
        """The call with the contract's id. Raises NotStored."""
        return self._looked(_Look(platform, call_id=call_id), seconds)

    def save(self, wish: Saved, seconds: float) -> bool:
        """Whether it was written; False: somebody wrote the call meanwhile. Raises NotStored."""
        return bool(self._asked(wish, seconds))

    def forget(self, row: Row, seconds: float) -> None:
        """Keep a call no longer. Raises NotStored."""
        self._asked(row, seconds)

    def take_timers(self, platform: str, call_id: str, beginning: str, seconds: float) -> list[str]:
        """The names of a call's timers that begin so; they are no more then. Raises NotStored."""
        taken = self._asked(_Take(platform, call_id, beginning), seconds)
        return taken if isinstance(taken, list) else []

    def check(self) -> tuple[str, bool, str]:
        """The health check `sessions`."""
        return self._standing.check()

    def close(self) -> None:
        """Write what waits."""
        self._together.close()
        self._store.close()

    def _looked(self, look: _Look, seconds: float) -> Row | None:
        found = self._asked(look, seconds)
        return found if isinstance(found, Row) else None

    def _asked(self, wish: _Wish, seconds: float) -> _Result:
        try:
            return self._together.ask(wish, seconds)
        except NotInTime:
            raise NotStored("the database did not answer in time") from None
        except Exception as error:
            raise NotStored(db.reason(error)) from None

    def _worked_off(self, wishes: list[_Wish]) -> Sequence[_Result]:
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

    def _results(self, wishes: list[_Wish]) -> list[_Result]:
        saves = [wish for wish in wishes if isinstance(wish, Saved)]
        saved = iter(self._store.save(saves) if saves else ())
        return [next(saved) if isinstance(wish, Saved) else self._done(wish) for wish in wishes]

    def _done(self, wish: _Look | _Take | Row) -> _Result:
        match wish:
            case Row():
                self._store.forget(wish.key)
                return None
            case _Take():
                return self._store.take_timers(wish.platform, wish.call_id, wish.beginning)
        if wish.call_id:
            return self._store.of_call(wish.platform, wish.call_id)
        return self._store.find(wish.platform, wish.session_id, wish.key)


_Wish: TypeAlias = _Look | _Take | Saved | Row
_Result: TypeAlias = Row | bool | list[str] | None
