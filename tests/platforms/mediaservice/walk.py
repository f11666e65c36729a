"""One call walked through the conversation without a bridge: what is kept is a value, time a number, the backend a list of answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rpcbridge.codec import MethodCall, decode_call
from rpcbridge.domain.events import ABSENT
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.platforms import Found, Kept, Options, Receipt, Step
from rpcbridge.platforms.mediaservice import Mediaservice, Section
from rpcbridge.platforms.understanding import understood
from rpcbridge.schemas import actions, events
from tests.support.mediaservice import valid_callback, valid_reply

BEGAN = datetime(2026, 11, 20, 21, 27, 3, 123_000, UTC)
FALLBACK = {"action": "menu", "menu": "fallback", "prompt": "technical_problem"}

# Bodies as strict as the document has them, but for what a test says.
CALL = {"sessionId": "s-1", "callingParty": "0540000000", "calledParty": "0730000000", "displayName": "Dana"}
ANSWERED = {
    "callerParticipantId": "p-person", "calleeParticipantId": "p-ivr", "connectionId": "c-1", "replyId": "reply-1",
    "monitoringParticipant": False,
}  # fmt: skip

Answer = dict[str, Any] | Exception


@dataclass
class Walk:
    """`answers` are the backend's, one a question; `asked` what it was asked, `told` the events, `timers` what is due when."""

    answers: list[Answer] = field(default_factory=list)
    section: Section = field(default_factory=lambda: Section(domain="customer.example", url="http://127.0.0.1:9/mediaservice", private_key_file="key.pem"))
    strict: bool = False
    judged: bool = True

    def __post_init__(self) -> None:
        self.platform = Mediaservice(self.section, Options({}, self.strict))
        self.talk = self.platform.conversation
        self.now = BEGAN
        self.kept: Kept | None = None
        self.asked: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.timers: dict[str, float] = {}
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.last: Step | None = None
        self.number = 0

    def post(self, callback: str, **body: Any) -> Any:
        """The reply to one callback, judged by the platform's own description."""
        if self.judged:
            valid_callback(callback, body)
        call = decode_call(json.dumps(body).encode(), callback)
        assert isinstance(call, MethodCall)
        try:
            step = self._step(lambda kept: self.talk.begin(call, Found(kept), self._receipt()), self._of(call))
        except NoUsableAnswer:
            if self._of(call) is None:
                raise
            step = self._step(
                lambda kept: self.talk.answered(call, kept, actions.load(FALLBACK).action, self._receipt(), is_fallback=True, state=ABSENT),
                self._of(call),
            )
        if step.question is not None:
            step = self._asked(call, step)
        reply = {} if step.reply is None else step.reply
        if self.judged:
            valid_reply(callback, reply)
        return reply

    def begin(self) -> Any:
        """newCall."""
        return self.post("newCall", **CALL)

    def in_ivr(self) -> Any:
        """newCall, the IVR's leg, and the first getIvrCommand, whose reply this is."""
        assert self.begin()["action"] == "ivr"
        self.post("callAnswered", **ANSWERED, sessionReferenceId=self.reference)
        return self.command()

    def command(self, digits: str = "", **more: Any) -> Any:
        """getIvrCommand."""
        self.number += 1
        pressed = {"dtmfParams": {"dtmfMatch": digits, "reason": "maxDigits"}} if digits else {}
        return self.post("getIvrCommand", sessionId="s-1", replyId=f"command-{self.number}", **pressed, **more)

    def event(self, name: str, **more: Any) -> Any:
        """callEvent."""
        body = {"sessionId": "s-1", "event": name, "domain": "customer.example", "participantId": "p-ivr", "connectionId": "c-1"}
        return self.post("callEvent", **body | more)

    def due(self, name: str, *, again: bool = False) -> Step:
        """A timer is due: what it does."""
        assert name in self.timers, f"{name} is not among {self.timers}"
        del self.timers[name]
        return self._step(lambda kept: self.talk.due(name, kept, self._receipt(), again=again), self.kept)

    def fail(self, name: str, problem: str = "refused") -> Step:
        """The order of a timer was not carried out."""
        return self._step(lambda kept: self.talk.failed(name, kept, self._receipt(), problem), self.kept)

    def act(self, answer: dict[str, Any]) -> Step:
        """The backend wants this now."""
        action, _ = understood(self.platform, answer)
        return self._step(lambda kept: self.talk.act(kept, action, answer.get("state", ABSENT)), self.kept)

    def place(self, **wanted: Any) -> Step:
        """The backend wants a call placed."""
        return self._step(lambda _: self.talk.place(wanted, "KEY", "rb-OUT", self._receipt()), None)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def reference(self) -> dict[str, Any]:
        assert self.kept is not None
        return {"rb": self.kept.key}

    @property
    def phase(self) -> str:
        assert self.kept is not None
        return str(self.kept.document.get("phase", "deciding"))

    def _of(self, call: MethodCall) -> Kept | None:
        session_id, key = self.talk.key_of(call)
        found = self.kept
        return found if found is not None and (found.session_id == session_id != "" or found.key == key) else None

    def _receipt(self) -> Receipt:
        return Receipt(f"EVENT{len(self.asked) + len(self.told):021d}"[:26], self.now)

    def _step(self, make: Callable[[Any], Step], kept: Kept | None) -> Step:
        step = make(kept)
        self.last = step
        if step.kept is not None:  # as the database would give it back
            document = json.loads(json.dumps(step.kept.document))
            self.kept = Kept(step.kept.key, step.kept.call_id, step.kept.session_id, document, step.kept.seconds)
        self.told += [events.dump(told.event) for told in step.events]
        self.timers = {name: seconds for name, seconds in {**self.timers, **step.timers}.items() if seconds is not None}
        self.orders += [(step.order.operation, dict(step.order.body))] if step.order else []
        return step

    def _asked(self, call: MethodCall, step: Step) -> Step:
        assert step.question is not None
        self.asked.append(events.dump(step.question))
        answer = self.answers.pop(0)

        def carry_on(action: Any, *, is_fallback: bool, state: Any) -> Step:
            return self._step(
                lambda kept: self.talk.answered(call, kept, action, self._receipt(), is_fallback=is_fallback, state=state),
                self.kept if step.kept is not None else None,
            )

        try:
            if isinstance(answer, Exception):
                raise answer
            action, _ = understood(self.platform, answer)
            return carry_on(action, is_fallback=False, state=answer.get("state", ABSENT))
        except NoUsableAnswer:
            return carry_on(actions.load(FALLBACK).action, is_fallback=True, state=ABSENT)
