"""Calls that the bridge itself carries on: what is kept of one between two of its requests, and how each moves it on.

Some phone systems ask for a whole call at once and remember where it stands; others send one small request after
the other and leave the rest to us. A platform of the second kind offers a `Conversation`. It is pure, as all of a
platform is: who keeps, asks, tells and waits for it is the bridge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rpcbridge.codec import MethodCall, Value
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ActionRequested, Event
from rpcbridge.errors import Repair
from rpcbridge.platforms.shapes import Native, Receipt


@dataclass(frozen=True, slots=True)
class Kept:
    """A call as it is kept between two requests.

    key: ours, which the platform carries along. call_id: the contract's. session_id: the platform's own id, "" while
    unknown. document: everything else, as JSON. seconds: for how long it is kept from now on.
    """

    key: str
    call_id: str
    session_id: str
    document: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of a request's call: None where nothing is. `available`: whether it could be looked up at all."""

    kept: Kept | None = None
    available: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """An event for the backend; `same_as` is what a second report of the same happening has in common with it."""

    event: Event
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Something that the platform is told to do: one of its operations, and where it is reached, "" for as configured.

    repeats: whether it does no harm to be told twice.
    """

    operation: str
    body: Mapping[str, Any]
    base_url: str = ""
    repeats: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one request, or one timer, does to a call.

    kept: how it stands now, None where nothing is to be kept. question: the backend is to be asked before anything
    else; the answer then makes another step. reply: what the platform gets. served: what its caller gets by that; deferred: not
    by that yet, but when the platform asks again.
    about: the facts of the call, in the names of an event. events: for the backend, in order. timers: seconds from now
    by name, None for one that is no longer needed; one of the same name takes the place of the one before.
    order: for the platform, once the rest is kept. needed: unless this is kept, the platform's next request would be taken for
    what it is not, as digits for those of the menu before: a caller then gets the fallback. outcome: of an exchange in which nobody is asked: `answered`;
    `continued`, by what was decided before; of a report without events `duplicate`, where it was told before. reason: why the bridge itself
    ended the call, as a fallback's reason.
    """

    kept: Kept | None = None
    question: ActionRequested | None = None
    reply: Value = None
    served: AnyAction | Native | None = None
    deferred: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Told, ...] = ()
    timers: Mapping[str, float | None] = field(default_factory=dict)
    order: Order | None = None
    needed: bool = False
    outcome: str = "answered"
    reason: str = ""
    repairs: tuple[Repair, ...] = ()


class Conversation(Protocol):
    """How a platform's calls go on. Every method is pure; what it gives depends on nothing but what it is given.

    So the same may be asked again with what is kept by now, where somebody else was faster.
    """

    orders: frozenset[str]  # the timers that tell the platform something

    def key_of(self, call: MethodCall) -> tuple[str, str]:
        """The platform's id of the request's call, and our key in it; "" for what it does not carry."""

    def key_in(self, reply: Mapping[str, Any]) -> str:
        """Our key in a reply, "" where it carries none."""

    def supposed(self, call: MethodCall, receipt: Receipt) -> Kept | None:
        """A call in which `call` may come, to show what would become of it; None where it begins one."""

    def asks(self, kept: Kept) -> MethodCall:
        """The request with which the phone system asks for what was deferred."""

    def begin(self, call: MethodCall, found: Found, receipt: Receipt) -> Step:
        """What the request does. Raises UnusableCall, or NoUsableAnswer where a caller can only get the fallback."""

    def answered(
        self, call: MethodCall, kept: Kept | None, answer: AnyAction | Native, receipt: Receipt, *, is_fallback: bool, state: Any
    ) -> Step:
        """What the answer to `begin`'s question does, or the fallback. state: ABSENT keeps what there is.

        Raises AnswerRejected for what the platform lacks, NoUsableAnswer for what cannot be done now.
        """

    def due(self, name: str, kept: Kept, receipt: Receipt, *, again: bool) -> Step:
        """What a timer does. `again`: somebody was at it before, and nobody knows how far he came."""

    def failed(self, name: str, kept: Kept, receipt: Receipt, problem: str) -> Step:
        """What follows where the order of a timer was not carried out, or not surely."""

    def place(self, wanted: Mapping[str, Any], key: str, call_id: str, receipt: Receipt) -> Step:
        """A call that the backend wants placed: {`to`, `caller_number`, ...}. Raises AnswerRejected with every problem."""

    def unclear(self, kept: Kept) -> Step:
        """Nobody knows whether the order was carried out with which the call was placed."""

    def act(self, kept: Kept, action: AnyAction | Native, state: Any) -> Step:
        """An action that the backend wants now; state: ABSENT keeps what there is. Raises AnswerRejected."""

    def record(self, kept: Kept, on: bool) -> Step:
        """A recording that the backend wants begun or ended. Raises AnswerRejected."""

    def taken_back(self, before: Kept) -> Step:
        """The platform refused the order of `act` or `record`: the call is as it was before."""

    def shown(self, kept: Kept) -> dict[str, Any]:
        """The call's last known state, as `GET /api/calls/<id>` gives it."""
