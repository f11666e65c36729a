"""A phone system that places one call by a script over HTTP, and says in words what the caller hears."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from rpcbridge.errors import Problem, ReplyError, RpcbridgeError, StepError
from rpcbridge.pbx.acting import Acting
from rpcbridge.pbx.asking import Asking, Command, Request, conducted
from rpcbridge.pbx.call import Call, begun
from rpcbridge.pbx.platforms import Emulated
from rpcbridge.pbx.progress import Caller
from rpcbridge.platforms import route
from rpcbridge.transport import HttpRequest, Transport

# The command line's words for what comes of a dialled call, and the contract's.
OUTCOMES = {"answer": "answered", "busy": "busy", "noanswer": "no_answer"}


@dataclass(frozen=True, slots=True)
class Script:
    """What the caller does: keys for each prompt that collects digits ("" stays silent), then hangs up.

    Before keys, each `.` lets the prompt play once more; `!` alone presses nothing until the bridge tells something.
    dialect: "" for the platform's own. speaks_on: whoever is recorded does not hang up before the limit. listens: how
    often a conversation waits for what the bridge tells.
    """

    presses: tuple[str, ...] = ()
    called_number: str = "0730000000"
    caller_number: str = "0540000000"
    caller_name: str = "Example Caller"
    dialect: str = ""
    outcome: str = "answer"
    speaks_on: bool = False
    listens: int = 0
    call_id: str = field(default_factory=lambda: secrets.token_hex(16))

    def caller(self, emulated: Emulated) -> Caller:
        """Who calls whom."""
        return Caller(self.called_number, self.caller_number, self.caller_name, self.dialect or emulated.dialects[0])


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange: what was sent, what came back, what the caller heard and did, milliseconds it took."""

    method: str
    sent: Mapping[str, Any]
    action: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    heard: tuple[str, ...] = ()
    milliseconds: int = 0
    usable: bool = True  # False: the report of the end was not acknowledged
    question: bool = True


class PhoneSystem:
    """Places calls against one bridge URL, such as http://127.0.0.1:8080/<platform>.

    listen: the commands that the bridge gave over the platform's API, waited for no longer than it takes; None where nobody
    serves that API. posted: is told of each request before it goes out, as who does must know of what calls there are.
    """

    def __init__(
        self,
        emulated: Emulated,
        url: str,
        transport: Transport,
        *,
        patience: float = 10.0,
        listen: Callable[[int], Sequence[Command]] | None = None,
        posted: Callable[[Request], None] = lambda request: None,
    ) -> None:
        self._emulated = emulated
        self._url = url.rstrip("/")
        self._transport = transport
        self._patience = patience
        self._listen = listen
        self._posted = posted

    def place(self, script: Script) -> Iterator[Turn]:
        """The call, turn by turn, the report of its end last. Raises TransportError, or ReplyError for an unusable reply."""
        call = begun(self._emulated, script.caller(self._emulated), script.call_id, time.time())
        return self.play(call, call.question(), script)

    def play(self, call: Call, first: Asking[Any], script: Script) -> Iterator[Turn]:
        """The call from its step `first` on."""
        acting = Acting(call, script.presses, OUTCOMES[script.outcome], speaks_on=script.speaks_on, listens=script.listens)
        held, heard = list[Turn](), list[str]()
        step, wrong = cast("Asking[Any] | None", first), cast("RpcbridgeError | None", None)
        while step is not None:
            taken = self._taken(step)
            if taken.turns:
                yield from _with(held, heard)
                held, heard = taken.turns, []
            wrong = taken.wrong
            if wrong is not None:
                break
            heard += [*taken.notes, *acting.through(taken.found)]
            step = acting.next()
            if not acting.rings:  # what comes of dialling may be no exchange of its own
                yield from _with(held, heard)
                held, heard = [], []
        yield from _with(held, heard)
        if wrong is not None and not isinstance(wrong, StepError):  # a call in circles is left as any other
            raise wrong
        yield from self._ended(call)

    def _ended(self, call: Call) -> Iterator[Turn]:
        taken = self._taken(call.ended())
        yield from taken.turns[:-1]
        if taken.wrong is not None:
            yield from taken.turns[-1:]
            raise taken.wrong
        well, says = taken.found
        for last in taken.turns[-1:]:
            yield replace(last, heard=(f"is {'' if well else 'NOT '}acknowledged ({says})",), usable=well)

    def _taken(self, asking: Asking[Any]) -> _Taken:
        wire = _Wire(self._post, self._listen)
        try:
            return _Taken(conducted(asking, wire), wire.turns, None, wire.notes)
        except RpcbridgeError as error:
            return _Taken(None, wire.turns, error, wire.notes)

    def _post(self, request: Request) -> bytes:
        self._posted(request)
        url = f"{self._url}/{request.callback}" if request.callback else self._url
        reply = self._transport.send(HttpRequest(url, (("Content-Type", request.content_type),), request.body), self._patience)
        if reply.status != 200:
            text = f"HTTP {reply.status}: {reply.body[:80].decode(errors='replace').strip()}"
            rest = f"/{request.callback}" if request.callback else ""
            hint = {
                403: "the secret in the path or the credentials are wrong, this address is not listed, or nothing is set for this platform",
                404: f"the path is /{route(self._emulated.name)}[/<secret>]{rest}",
            }
            raise ReplyError([Problem("", f"{text} ({hint[reply.status]})" if reply.status in hint else text)])
        return reply.body


@dataclass(frozen=True, slots=True)
class _Taken:
    """A step of a call: what it returned, the exchanges it took, what went wrong, what has to be said of it."""

    found: Any
    turns: list[Turn]
    wrong: RpcbridgeError | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Wire:
    """Carries requests over HTTP; each is a turn."""

    send: Callable[[Request], bytes]
    commands: Callable[[int], Sequence[Command]] | None
    turns: list[Turn] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def post(self, request: Request) -> bytes:
        started = time.monotonic()
        try:
            return self.send(request)
        finally:
            milliseconds = round((time.monotonic() - started) * 1000)
            self.turns.append(Turn(request.method, request.fields, milliseconds=milliseconds, question=request.question))

    def listen(self, seconds: int) -> Sequence[Command]:
        if self.commands is not None:
            return self.commands(seconds)
        self.notes.append("here the bridge may have somebody dialled or recorded, but nobody serves the API for that (--serve-api)")
        return ()

    def understood(self, name: str, data: Mapping[str, Any]) -> None:
        self.turns[-1] = replace(self.turns[-1], action=name, data=data)


def _with(turns: Sequence[Turn], heard: Sequence[str]) -> Iterator[Turn]:
    """`turns`, the last question among them with what was heard of it."""
    last = max((at for at, turn in enumerate(turns) if turn.question), default=len(turns) - 1)
    for at, turn in enumerate(turns):
        yield replace(turn, heard=tuple(heard)) if at == last else turn
