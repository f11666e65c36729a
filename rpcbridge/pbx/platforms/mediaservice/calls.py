"""The calls that an emulated tenant has under way: whose an id is that the bridge sends, and what it was told to do. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from rpcbridge.pbx.asking import Command, Request

# What names a call: in its callbacks, and in what is told about it.
_IDS = ("sessionId", "connectionId", "replyId", "participantId", "callerParticipantId", "calleeParticipantId")


class Calls:
    """One a tenant."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._call_of: dict[str, str] = {}
        self._over: set[str] = set()
        self._told: dict[str, list[Command]] = {}
        self._placed: list[Mapping[str, Any]] = []

    def learn(self, call_id: str, request: Request) -> None:
        """A callback goes out: from now on its ids mean this call. Once it is over they mean nothing."""
        with self._changed:
            if request.callback == "sessionCompleted":
                self._over.add(call_id)
                self._call_of = {id: call for id, call in self._call_of.items() if call != call_id}
            elif call_id not in self._over:
                self._call_of |= {str(request.fields[name]): call_id for name in _IDS if name in request.fields}

    def tell(self, command: Command) -> bool:
        """Whether there is a call that it is for. An id that means another call, or none, is not ours."""
        with self._changed:
            ids = {self._call_of.get(str(command.body[name])) for name in _IDS if name in command.body}
            (call_id,) = ids if len(ids) == 1 else (None,)
            if call_id is None:
                return False
            self._told.setdefault(call_id, []).append(command)
            self._changed.notify_all()
            return True

    def place(self, body: Mapping[str, Any]) -> None:
        """The bridge wants somebody called."""
        with self._changed:
            self._placed.append(body)
            self._changed.notify_all()

    def told(self, call_id: str, seconds: float) -> list[Command]:
        """What a call was told to do, waited for no longer than `seconds`; each is given once."""
        with self._changed:
            self._changed.wait_for(lambda: self._told.get(call_id), seconds)
            return self._told.pop(call_id, [])

    def placed(self, seconds: float) -> Mapping[str, Any] | None:
        """The next call that the bridge wants placed, waited for no longer than `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self._placed, seconds)
            return self._placed.pop(0) if self._placed else None

