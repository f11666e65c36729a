"""Calls looked up and written while somebody waits, within his time or not at all. One thread a process talks to the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rpcbridge import db
from rpcbridge.background import NotInTime, Together
from rpcbridge.errors import NotStored
from rpcbridge.sessions.row import Row, Saved
from rpcbridge.sessions.store import Store
from rpcbridge.standing import Standing


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
        self._together: Together[_Look | Saved, Row | bool | None] = Together("sessions", self._worked_off)

    def find(self, platform: str, session_id: str, key: str, seconds: float) -> Row | None:
        """The call with the platform's own id, else that with our key. Raises NotStored where that cannot be told in time."""
        return self._looked(_Look(platform, session_id, key), seconds) if session_id or key else None

    def of_call(self, platform: str, call_id: str, seconds: float) -> Row | None:
        """The call with the contract's id. Raises NotStored."""
        return self._looked(_Look(platform, call_id=call_id), seconds)

    def save(self, wish: Saved, seconds: float) -> bool:
        """Whether it was written; False: somebody wrote the call meanwhile. Raises NotStored."""
        return bool(self._asked(wish, seconds))

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

    def _asked(self, wish: _Look | Saved, seconds: float) -> Row | bool | None:
        try:
            return self._together.ask(wish, seconds)
        except NotInTime:
            raise NotStored("the database did not answer in time") from None
        except Exception as error:
            raise NotStored(db.reason(error)) from None

    def _worked_off(self, wishes: list[_Look | Saved]) -> Sequence[Row | bool | None]:
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

    def _results(self, wishes: list[_Look | Saved]) -> list[Row | bool | None]:
        saves = [wish for wish in wishes if isinstance(wish, Saved)]
        saved = iter(self._store.save(saves) if saves else ())
        return [next(saved) if isinstance(wish, Saved) else self._found(wish) for wish in wishes]

    def _found(self, look: _Look) -> Row | None:
        if look.call_id:
            return self._store.of_call(look.platform, look.call_id)
        return self._store.find(look.platform, look.session_id, look.key)
