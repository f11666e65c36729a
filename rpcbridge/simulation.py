"""Simulated calls and replays within the running bridge: it is asked as by a phone system, but for the network.

One step of a call in, one out; between them the call is a JSON value that whoever asks must keep, so any
worker may take the next step. In a fault drill the backend fails as told, for this one call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rpcbridge.bridge import Bridge
from rpcbridge.domain.origins import made, origin_of
from rpcbridge.errors import NotStored, Problem, ReplyError, StepError, shown
from rpcbridge.exchange import Exchange
from rpcbridge.pbx import MAX_TURNS, OUTCOMES, Asking, Call, Command, Request, Scene, as_json, begun, conducted, discovered
from rpcbridge.pbx.progress import read_caller
from rpcbridge.pbx.reading import Reader
from rpcbridge.platforms import Order, Platform


@dataclass(frozen=True, slots=True)
class Session:
    """A simulated call between two steps. `fault` is "" for none; it begins with the question `fault_from`."""

    platform: str
    fault: str
    fault_from: int
    call: Call

    def as_json(self) -> dict[str, Any]:
        """What `Simulation` reads again."""
        return {"platform": self.platform, "fault": self.fault, "fault_from": self.fault_from, "call": self.call.state()}


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken: what the caller hears, and the exchanges behind it, as far as the bridge was asked.

    problems: why the phone system could not use the reply; the caller then hears nothing. acknowledged: of the
    report of the end, what its reply says, None where it was not acknowledged.
    """

    session: Session
    scene: Scene | None = None
    exchanges: tuple[Exchange, ...] = ()
    problems: tuple[Problem, ...] = ()
    acknowledged: str | None = None

    @property
    def exchange(self) -> Exchange | None:
        """The one that tells most: where the fallback came from, else the last."""
        fallbacks = [seen for seen in self.exchanges if seen.outcome == "fallback"]
        return next(reversed(fallbacks or self.exchanges), None)

    def as_json(self) -> dict[str, Any]:
        """The step for a page."""
        return {
            "session": self.session.as_json(),
            "scene": None if self.scene is None else as_json(self.scene),
            "over": self.session.call.over,
            "problems": [str(problem) for problem in self.problems],
            "acknowledged": self.acknowledged,
        }


class Simulation:
    """The steps. One for all threads of a process; `clock` is monotonic, `now` seconds since 1970.

    orders: what the bridge wants to tell the phone system of a platform's call over its API, each once.
    """

    def __init__(
        self,
        bridge: Bridge,
        drills: Mapping[str, Bridge],
        platforms: Mapping[str, Platform],
        *,
        deadline: float,
        breaker_failures: int,
        new_id: Callable[[], str],
        clock: Callable[[], float],
        now: Callable[[], float],
        orders: Callable[[str, str], Sequence[Order]] = lambda platform, call_id: (),
    ) -> None:
        self.deadline_ms = round(deadline * 1000)
        self.breaker_failures = breaker_failures
        self._bridge = bridge
        self._drills = drills
        self._emulated = {name: one for name, one in discovered().items() if name in platforms}
        self._platforms = platforms
        self._new_id = new_id
        self._clock = clock
        self._now = now
        self._orders = orders

    @property
    def dialects(self) -> dict[str, list[str]]:
        """The wire forms of each platform that is emulated."""
        return {name: [*one.dialects] for name, one in self._emulated.items()}

    @property
    def choices(self) -> dict[str, list[str]]:
        """What a page offers: platforms that are emulated, dialects, faults, what may come of dialling."""
        dialects = dict.fromkeys(dialect for spoken in self.dialects.values() for dialect in spoken)
        return {
            "platform": [*self._emulated], "dialect": [*dialects], "fault": ["", *self._drills], "outcome": [*OUTCOMES],
        }  # fmt: skip

    def begin(self, form: object, traceparent: str) -> Taken:
        """A call is taken: its first question. Raises StepError with every fault of the form."""
        given = Reader(form, "", [])
        platform, fault, fault_from = self._told(given)
        caller = read_caller(given, self.dialects.get(platform, ()))
        if not caller.called_number.strip():
            given.refuse("called_number", "expected the number that is called")
        _checked(given)
        call_id = made("drill" if fault else "phone", self._new_id())
        call = begun(self._emulated[platform], caller, call_id, self._now())
        return self._heard(Session(platform, fault, fault_from, call), call.question(), traceparent)

    def press(self, session: object, digits: object, traceparent: str) -> Taken:
        """The caller pressed `digits`, "" for none, or heard a prompt that collects none: the next question."""
        restored = self._restored(session)
        call = restored.call
        if type(digits) is not str or len(digits) > 32:
            raise StepError([Problem("digits", f"expected a text of at most 32 keys, got {shown(digits)}")])
        collects = call.progress.waiting is not None or digits
        return self._heard(restored, call.press(digits) if collects else call.question(), traceparent)

    def dialled(self, session: object, outcome: object, traceparent: str) -> Taken:
        """What came of dialling. The bridge may hear of it later."""
        restored = self._restored(session)
        return self._heard(restored, restored.call.dialled(outcome), traceparent)

    def talked(self, session: object, traceparent: str) -> Taken:
        """The target of a conversation hung up, and the caller did not."""
        restored = self._restored(session)
        return self._heard(restored, restored.call.talked(), traceparent)

    def hang_up(self, session: object, traceparent: str) -> Taken:
        """The call is over, whoever ended it: the report of its end."""
        restored = self._restored(session)
        # Never by a drill: in an outage, too, the report is kept, and delivered when the backend is back.
        peer = self._peer(replace(restored, fault=""), traceparent)
        try:
            well, says = conducted(restored.call.ended(), peer)
        except ReplyError as error:
            return Taken(restored, None, tuple(peer.seen), error.problems)
        return Taken(restored, None, tuple(peer.seen), acknowledged=says if well else None)

    def replay(self, platform: str, body: bytes, traceparent: str, callback: str = "") -> Exchange:
        """One request that was recorded, and what becomes of it now; `callback` is its path below the platform's. Raises nothing."""
        return self._through(self._bridge, platform, body, traceparent, callback)

    def replay_id(self, of: str) -> str:
        """The id of a call that sends the exchange `of` again, or the call that begins with it."""
        return made("replay", self._new_id(), of)

    def _heard(self, session: Session, asking: Asking[Scene], traceparent: str) -> Taken:
        """A step of the call, and whatever the bridge told the phone system in the meantime."""
        peer = self._peer(session, traceparent)
        try:
            scene = conducted(asking, peer)
            for command in peer.commands():
                scene = scene.then(conducted(session.call.commanded(command), peer))
            return Taken(session, scene, tuple(peer.seen))
        except ReplyError as error:
            session.call.progress.over = True
            return Taken(session, None, tuple(peer.seen), error.problems)

    def _peer(self, session: Session, traceparent: str) -> _Within:
        platform, call = self._platforms[session.platform], session.call.progress

        def carry(request: Request) -> Exchange:
            drilled = session.fault and request.question and call.turns >= session.fault_from
            bridge = self._drills[session.fault] if drilled else self._bridge
            return self._through(bridge, session.platform, request.body, traceparent, request.callback)

        def commands() -> tuple[Command, ...]:
            if platform.conversation is None:
                return ()
            try:
                return tuple(Command(order.operation, order.body) for order in self._orders(platform.name, call.call_id))
            except NotStored:  # they are not lost: the next step asks again
                return ()

        return _Within(carry, commands, platform.statuses)

    def _through(self, bridge: Bridge, platform: str, body: bytes, traceparent: str, callback: str) -> Exchange:
        return bridge.handle(self._platforms[platform], lambda deadline: body, self._clock(), traceparent, callback)

    def _restored(self, given: object) -> Session:
        """The session in a page's JSON. Raises StepError with every problem.

        Its call must be a simulated one: nobody ends a real caller's call from a page.
        """
        reader = Reader(given, "session", [])
        platform, fault, fault_from = self._told(reader)
        _checked(reader)
        call = Call.restored(self._emulated[platform], given.get("call") if isinstance(given, dict) else None)
        if origin_of(call.progress.call_id) != ("drill" if fault else "phone"):
            raise StepError([Problem("session.call.call_id", "expected the id of a call that this page began")])
        return Session(platform, fault, fault_from, call)

    def _told(self, given: Reader) -> tuple[str, str, int]:
        choices = self.choices
        return given.choice("platform", choices["platform"]), given.choice("fault", choices["fault"]), given.whole("fault_from", 1, MAX_TURNS)


@dataclass(frozen=True, slots=True)
class _Within:
    """Carries what an emulated call wants to the bridge of this process. `statuses`: HTTP's, by outcome, but for 200."""

    carry: Callable[[Request], Exchange]
    commands: Callable[[], tuple[Command, ...]]
    statuses: Mapping[str, int]
    seen: list[Exchange] = field(default_factory=list)

    def post(self, request: Request) -> bytes:
        seen = self.carry(request)
        self.seen.append(seen)
        if (status := self.statuses.get(seen.outcome, 200)) != 200:
            raise ReplyError([Problem("", f"HTTP {status}: {seen.fallback_reason or seen.outcome}")])
        return seen.platform_response

    def listen(self, seconds: int) -> tuple[Command, ...]:
        return self.commands()

    def understood(self, name: str, data: Mapping[str, Any]) -> None:
        """Nobody is shown it here: the page has the stations."""


def _checked(given: Reader) -> None:
    if given.problems:
        raise StepError(given.problems)
