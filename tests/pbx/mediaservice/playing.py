"""An emulated call that is fed replies by hand, each of its callbacks judged by the vendor's document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rpcbridge.pbx import Asking, Call, Caller, Command, Request, Scene, begun, conducted
from rpcbridge.pbx.platforms.mediaservice import Behaviour, Mediaservice
from tests.support import mediaservice as judge

REFERENCE = {"rb": "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"}
DOMAIN = "customer.example"
IVR = {"action": "ivr", "sessionReferenceId": REFERENCE}
DROP = {"action": "drop", "dropCode": "dropNoMsg", "sessionReferenceId": REFERENCE}
CALL = {"action": "call", "destAddr": "sip:0501234567@trunk.example", "maxRingTime": 20, "sipFrom": "0730000000", "sessionReferenceId": REFERENCE}
QUIET = {"phrases": [], "hangup": False, "getIVRCommandAfter": 2}
BYE = {"phrases": [{"format": "file", "fileName": "goodbye"}], "hangup": True}

Answer = Mapping[str, Any] | bytes | Exception


def menu(*files: str, digits: int = 4, **more: Any) -> dict[str, Any]:
    """A getIvrCommand's answer that plays files and collects digits."""
    dtmf = {"flush": True, "maxDigits": digits, "firstTimeout": 30, **more.pop("dtmf", {})}
    phrases = [{"format": "file", "fileName": file} for file in files]
    return {"dtmf": dtmf, "bargeIn": "all", "phrases": phrases, "hangup": False, "getIVRCommandAfter": 3, **more}


class Played:
    """A call and the bridge it calls: `answers` are given one after the other to what is asked, {} to what is told.

    sent: callback and body of each. strict: whether the judge looks at them, who knows of no drifting types.
    """

    def __init__(
        self, *answers: Answer, behaviour: Behaviour | None = None, strict: bool = True, caller: Caller | None = None,
        commands: Sequence[Command] | Callable[[], Sequence[Command]] = (), site: str = "",
    ) -> None:  # fmt: skip
        self.answers = list(answers)
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.commands = commands
        self.listened: list[int] = []
        self.strict = strict
        self.emulated = Mediaservice(behaviour, DOMAIN, site)
        self.call = begun(self.emulated, caller or Caller("0730000000", "0540000000", "Dana Levi", "rest"), "rb-phone-1", 1_700_000_000)

    def take(self, step: Asking[Any]) -> Any:
        """What the step returns; between two steps the call is JSON."""
        found = conducted(step, self)
        self.call = Call.restored(self.emulated, json.loads(json.dumps(self.call.state())))
        return found

    def start(self, *answers: Answer) -> Scene:
        return self._asked(self.call.question(), answers)

    def press(self, digits: str, *answers: Answer) -> Scene:
        return self._asked(self.call.press(digits), answers)

    def dialled(self, outcome: str, *answers: Answer) -> Scene:
        return self._asked(self.call.dialled(outcome), answers)

    def go_on(self, *answers: Answer) -> Scene:
        return self._asked(self.call.question(), answers)

    def talked(self, *answers: Answer) -> Scene:
        return self._asked(self.call.talked(), answers)

    def command(self, operation: str, body: Mapping[str, Any], *answers: Answer) -> Scene:
        return self._asked(self.call.commanded(Command(operation, body)), answers)

    def hang_up(self, *answers: Answer) -> tuple[bool, str]:
        self.answers += answers
        ended: tuple[bool, str] = self.take(self.call.ended())
        assert self.answers == []
        return ended

    @property
    def names(self) -> list[str]:
        """What was posted, a callEvent by its event."""
        return [body.get("event", callback) if callback == "callEvent" else callback for callback, body in self.sent]

    def last(self, callback: str) -> dict[str, Any]:
        return next(body for name, body in reversed(self.sent) if name == callback)

    def _asked(self, step: Asking[Scene], answers: Sequence[Answer]) -> Scene:
        self.answers += answers
        scene: Scene = self.take(step)
        assert self.answers == [], "everything is asked that was expected"
        return scene

    # --- the bridge ---

    def post(self, request: Request) -> bytes:
        body = json.loads(request.body)
        assert (body, request.content_type) == (request.fields, "application/json")
        if self.strict:
            judge.valid_callback(request.callback, body)
        self.sent.append((request.callback, body))
        answer = self.answers.pop(0) if request.question else {}
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def listen(self, seconds: int) -> Sequence[Command]:
        self.listened.append(seconds)
        given = self.commands() if callable(self.commands) else self.commands
        self.commands = ()
        return given

    def understood(self, name: str, data: Mapping[str, Any]) -> None:
        pass
