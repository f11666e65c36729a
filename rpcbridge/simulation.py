"""Simulated calls and replays within the running bridge: it is asked as by a phone system, but for the network.

One step of a call in, one out; between them the call is a JSON value that whoever asks must keep, so any
worker may take the next step. In a fault drill the backend fails as told, for this one call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rpcbridge.bridge import Bridge
from rpcbridge.codec import DIALECTS
from rpcbridge.domain.origins import made, origin_of
from rpcbridge.errors import Problem, ReplyError, StepError, shown
from rpcbridge.exchange import Exchange
from rpcbridge.pbx import MAX_TURNS, OUTCOMES, Call, Scene, as_json, begun, discovered
from rpcbridge.pbx.progress import read_caller
from rpcbridge.pbx.reading import Reader
from rpcbridge.platforms import Platform


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
    """One step that was taken: what the caller hears, and the exchange behind it, if the bridge was asked.

    problems: why the phone system could not use the reply; the caller then hears nothing. acknowledged: of the
    report of the end, what its reply says, None where it was not acknowledged.
    """

    session: Session
    scene: Scene | None = None
    exchange: Exchange | None = None
    problems: tuple[Problem, ...] = ()
    acknowledged: str | None = None

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
    """The steps. One for all threads of a process; `clock` is monotonic, `now` seconds since 1970."""

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

    @property
    def choices(self) -> dict[str, list[str]]:
        """What a page offers: platforms that are emulated, dialects, faults, what may come of dialling."""
        return {
            "platform": [*self._emulated], "dialect": [*DIALECTS], "fault": ["", *self._drills], "outcome": [*OUTCOMES],
        }  # fmt: skip

    def begin(self, form: object, traceparent: str) -> Taken:
        """A call is taken: its first question. Raises StepError with every fault of the form."""
        given = Reader(form, "", [])
        caller = read_caller(given)
        platform, fault, fault_from = self._told(given)
        if not caller.called_number.strip():
            given.refuse("called_number", "expected the number that is called")
        _checked(given)
        call_id = made("drill" if fault else "phone", self._new_id())
        call = begun(self._emulated[platform], caller, call_id, self._now())
        return self._asked(Session(platform, fault, fault_from, call), traceparent)

    def press(self, session: object, digits: object, traceparent: str) -> Taken:
        """The caller pressed `digits`, "" for none, or heard a prompt that collects none: the next question."""
        restored = self._restored(session)
        if type(digits) is not str or len(digits) > 32:
            raise StepError([Problem("digits", f"expected a text of at most 32 keys, got {shown(digits)}")])
        if restored.call.progress.waiting is not None or digits:
            restored.call.press(digits)
        return self._asked(restored, traceparent)

    def dialled(self, session: object, outcome: object) -> Taken:
        """What came of dialling. The bridge hears of it later."""
        restored = self._restored(session)
        return Taken(restored, restored.call.dialled(outcome))

    def hang_up(self, session: object, traceparent: str) -> Taken:
        """The call is over, whoever ended it: the report of its end."""
        restored = self._restored(session)
        call = restored.call
        # Never by a drill: in an outage, too, the report is kept, and delivered when the backend is back.
        seen = self._through(self._bridge, restored.platform, call.ended(), traceparent)
        try:
            well, says = call.acknowledged(seen.platform_response)
        except ReplyError as error:
            return Taken(restored, None, seen, error.problems)
        return Taken(restored, None, seen, acknowledged=says if well else None)

    def replay(self, platform: str, body: bytes, traceparent: str, callback: str = "") -> Exchange:
        """One request that was recorded, and what becomes of it now; `callback` is its path below the platform's. Raises nothing."""
        return self._through(self._bridge, platform, body, traceparent, callback)

    def replay_id(self, of: str) -> str:
        """The id of a call that sends the exchange `of` again, or the call that begins with it."""
        return made("replay", self._new_id(), of)

    def _asked(self, session: Session, traceparent: str) -> Taken:
        call = session.call
        request = call.question()
        drilled = session.fault and call.progress.turns >= session.fault_from
        bridge = self._drills[session.fault] if drilled else self._bridge
        seen = self._through(bridge, session.platform, request, traceparent)
        try:
            return Taken(session, call.hear(seen.platform_response), seen)
        except ReplyError as error:
            call.progress.over = True
            return Taken(session, None, seen, error.problems)

    def _through(self, bridge: Bridge, platform: str, request: bytes, traceparent: str, callback: str = "") -> Exchange:
        return bridge.handle(self._platforms[platform], lambda deadline: request, self._clock(), traceparent, callback)

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


def _checked(given: Reader) -> None:
    if given.problems:
        raise StepError(given.problems)
