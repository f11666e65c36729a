"""One round: what a process has counted goes to all of them, and a message that is due is claimed, sent and settled.

Without a database each process decides for itself, from memory: the database may be the trouble.
"""

from __future__ import annotations

import copy
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from rpcbridge import db
from rpcbridge.alerts.hook import Hook
from rpcbridge.alerts.message import body
from rpcbridge.alerts.store import Store
from rpcbridge.alerts.trouble import BACKEND_DOWN, KINDS, SILENCE, Counts, State, Trouble
from rpcbridge.errors import DatabaseError

# Seconds until the next round: while a first message gathers, while there is trouble, and while there is none.
_GATHERING, _TROUBLED, _QUIET = 0.5, 2.0, 60.0
_UNUSABLE = (SQLAlchemyError, DatabaseError)


class _Message(NamedTuple):
    kind: str
    state: State
    counted: Counts
    claim: str
    id: str
    body: bytes
    alone: bool


class Teller:
    """One a process, used by one thread of it; `clock` is seconds since 1970."""

    def __init__(self, store: Store, hook: Hook, interval: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._hook = hook
        self._interval = interval
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._host = socket.gethostname()
        self._own = {kind: Trouble(kind) for kind in KINDS}  # what the database has not got
        self._open: Collection[str] = ()
        self._last = False
        self._failing = {"database": "", "hook": ""}
        self._log = structlog.get_logger()

    def round(self, counted: Mapping[str, Trouble], open: Collection[str], *, last: bool = False) -> float:
        """Take over what was `counted` and which backends' breakers are `open`; the seconds until the next round.

        The `last` one sends nothing: what it leaves, the others find.
        """
        self._open, self._last = open, last
        for kind, trouble in counted.items():
            self._own[kind].add(trouble)
        known = self._known()
        return min(self._told(kind, known.get(kind)) for kind in KINDS)

    def check(self) -> tuple[str, bool, str]:
        """The health check `alerts`: whether messages arrive, and whether all processes know of each other."""
        failing = "; ".join(f"{what}: {why}" for what, why in self._failing.items() if why)
        return "alerts", not failing, f"failing ({failing})" if failing else "ok"

    def _known(self) -> dict[str, Trouble]:
        """What all processes know together; nothing where that cannot be read."""
        try:
            known = self._store.troubles()
        except _UNUSABLE as error:
            self._say("database", db.reason(error))
            return {}
        self._say("database", "")
        for trouble in known.values():
            self._remember(trouble)
        return known

    def _remember(self, shared: Trouble) -> None:
        """When the last message went: it counts as well when this process is alone."""
        own = self._own[shared.kind]
        own.sent, own.not_before = max(own.sent, shared.sent), max(own.not_before, shared.not_before)

    def _told(self, kind: str, known: Trouble | None) -> float:
        """One kind's part of a round."""
        trouble, message = self._shared(kind, known) if known is not None else self._alone(kind)
        if message is not None:
            self._send(message)
        return _QUIET if not trouble.total else _TROUBLED if trouble.told else _GATHERING

    def _shared(self, kind: str, known: Trouble) -> tuple[Trouble, _Message | None]:
        own, trial = self._own[kind], copy.deepcopy(known)
        trial.add(own)
        self._moved(trial)
        if trial == known:  # nothing to write, so no reason to have the others wait
            return known, None
        try:
            with self._store.changing(kind) as trouble:
                trouble.add(own)
                message = self._moved(trouble)
        except _UNUSABLE as error:
            self._say("database", db.reason(error))
            return self._alone(kind)
        self._own[kind] = Trouble(kind)
        self._remember(trouble)
        return trouble, message

    def _alone(self, kind: str) -> tuple[Trouble, _Message | None]:
        trouble = self._own[kind]
        return trouble, self._moved(trouble, alone=True)

    def _moved(self, trouble: Trouble, *, alone: bool = False) -> _Message | None:
        """Say what of it stands, and claim the message that is due."""
        now = self._clock()
        # Whoever takes this process's place has an interval to find the same breakers open.
        until = now + (self._interval if self._last else SILENCE)
        trouble.stand(self._process, self._open if trouble.kind == BACKEND_DOWN else (), now, until)
        state = None if self._last else trouble.due(now, self._interval)
        if state is None:
            return None
        text = body(trouble, state, now, host=self._host, alone=alone)
        claim = secrets.token_hex(8)
        trouble.take(claim, now)
        # The same for every attempt at one message, also of another process that takes it over.
        id = f"{trouble.kind}-{state}-{trouble.since:.0f}-{trouble.sent:.0f}" + (f"-{self._process}" if alone else "")
        return _Message(trouble.kind, state, dict(trouble.total), claim, id, text, alone)

    def _send(self, message: _Message) -> None:
        failing = self._hook.deliver(message.id, message.body, self._clock())
        self._say("hook", failing)
        if message.alone:
            self._settle(self._own[message.kind], message, not failing)
            return
        with suppress(*_UNUSABLE), self._store.changing(message.kind) as trouble:  # else the claim runs out
            self._settle(trouble, message, not failing)
            self._remember(trouble)

    def _settle(self, trouble: Trouble, message: _Message, delivered: bool) -> None:
        trouble.settle(message.claim, message.state, message.counted, delivered, self._clock(), self._interval)

    def _say(self, what: str, failing: str) -> None:
        """Log when something begins to fail, and when it works again: not every time."""
        if failing and not self._failing[what]:
            self._log.error("alerts_failing", what=what, detail=failing)
        elif self._failing[what] and not failing:
            self._log.warning("alerts_work_again", what=what)
        self._failing[what] = failing
