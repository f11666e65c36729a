"""The line of a call that the bridge carries on: looked up, moved on by a step, kept, and told to whom it concerns.

A step is the platform's and pure. Where somebody else moved the call on meanwhile, it is made again of what is
kept by now. A caller whose call cannot be looked up is hung up, so the database has its time, but never more than half of what there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from rpcbridge.bridge.questions import Questions
from rpcbridge.calls import storable_state
from rpcbridge.codec import MethodCall, MethodResponse
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ABSENT, ActionRejected, ActionRequested, CallEnded
from rpcbridge.domain.origins import origin_of
from rpcbridge.errors import NotStored, NoUsableAnswer, Repair
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.outbox import Notice, Outbox
from rpcbridge.platforms import Conversation, Found, Kept, Native, Platform, Receipt, Step, Told
from rpcbridge.platforms.understanding import understood
from rpcbridge.schemas import events
from rpcbridge.sessions import Lasting, Row, Saved, Sessions

_TRIES = 5  # times that somebody else may be faster
_SOON = 1.0  # seconds within which a timer is worth telling of
_PATIENCE = 2.0  # seconds for the database, if there are twice as many left

Look = Callable[[Row | None], Step]


@dataclass(frozen=True, slots=True)
class Replied:
    """What a request got, for whoever sent the same at the same time."""

    response: MethodResponse
    seen: Exchange


class Conversations:
    """One for all threads of a process."""

    def __init__(
        self, questions: Questions, sessions: Sessions, outbox: Outbox, around: Surroundings, *, include_raw: bool, keep_state: bool,
        tell_rejected: bool = True,
        wake: Callable[[float], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._questions = questions
        self._sessions = sessions
        self._outbox = outbox
        self._around = around
        self._include_raw = include_raw
        self._keep_state = keep_state
        self._tell_rejected = tell_rejected
        self._wake = wake
        self._log = structlog.get_logger()

    def replied(self, platform: Platform, talk: Conversation, call: MethodCall, seen: Exchange) -> Replied:
        """The reply to a question. Raises NoUsableAnswer or UnusableCall where nothing is known of the call."""
        receipt = Receipt(seen.id, seen.received, self._include_raw)
        row: Row | None = None
        state: Any = ABSENT

        def carry_on(answer: AnyAction | Native, *, is_fallback: bool = False) -> Step:
            def look(row: Row | None) -> Step:
                return talk.answered(call, _kept(row), answer, receipt, is_fallback=is_fallback, state=state)

            return self._moved(platform, talk, row, look, seen)

        try:
            step, row = self._begun(platform, talk, call, receipt, seen)
            if step.question is None:
                return self._reply(platform, step, seen)
            seen.event = self._question(step.question)
            asked = self._questions.ask(seen.event, seen)
            state = self._state(asked.answer["state"], seen) if asked.keeps_state else ABSENT
            action, repairs = understood(platform, asked.usable())
            step = carry_on(action)
            seen.repairs += repairs
            seen.outcome = "answered"
        except _OfACall as failed:  # what was decided before cannot be done now
            row = failed.row
            step = self._fallen_back(failed.failure, carry_on, seen)
        except NoUsableAnswer as failure:
            if seen.event is None:  # nothing is known of the call
                raise
            state = ABSENT  # of an answer that could not be used nothing counts
            step = self._fallen_back(failure, carry_on, seen)
        return self._reply(platform, step, seen)

    def _fallen_back(self, failure: NoUsableAnswer, carry_on: Callable[..., Step], seen: Exchange) -> Step:
        step = carry_on(self._questions.fallback(seen), is_fallback=True)
        seen.outcome, seen.fallback_reason, seen.detail = "fallback", failure.reason, str(failure)
        self._questions.reject(failure, seen)
        return step

    def taken(self, platform: Platform, talk: Conversation, call: MethodCall, seen: Exchange) -> MethodResponse:
        """The reply to a notification; what it tells is on disk by then. Raises NotStored, UnusableCall."""
        receipt = Receipt(seen.id, seen.received, self._include_raw)
        seen.outcome = "stored"

        def look(row: Row | None) -> Step:
            return talk.begin(call, Found(_kept(row)), receipt)

        row = self._sessions.find(platform.name, *talk.key_of(call), self._left(seen))
        step = self._moved(platform, talk, row, look, seen, durable=True)
        self._note(step, seen)
        if not step.events:
            seen.outcome = step.outcome if step.outcome == "duplicate" else "noted"
        return MethodResponse({} if step.reply is None else step.reply)

    def move(self, platform: Platform, talk: Conversation, row: Row | None, look: Look, seconds: float) -> tuple[Step, Row | None]:
        """Make a step of which nobody hears by a reply: its events are on disk when this returns. Raises NotStored."""
        around = self._around
        seen = Exchange(around.new_id(), platform.name, around.clock(), around.now(), "", around.clock() + seconds)
        return self._kept_step(platform, talk, row, look, seen, durable=True)

    def find(self, platform: Platform, call_id: str, seconds: float) -> Row | None:
        """The call with the contract's id. Raises NotStored."""
        return self._sessions.of_call(platform.name, call_id, seconds)

    def forget(self, row: Row) -> None:
        """Keep a call no longer. Raises NotStored."""
        self._sessions.forget(row, _PATIENCE)

    def kept_back(self, platform: Platform, call_id: str, seconds: float) -> list[str]:
        """The timers of a simulated call that would tell its phone system something; they are no more then. Raises NotStored."""
        return [name.removeprefix(SIMULATED) for name in self._sessions.take_timers(platform.name, call_id, SIMULATED, seconds)]

    def _begun(
        self, platform: Platform, talk: Conversation, call: MethodCall, receipt: Receipt, seen: Exchange
    ) -> tuple[Step, Row | None]:
        def look(row: Row | None) -> Step:
            try:
                step = talk.begin(call, Found(_kept(row)), receipt)
            except NoUsableAnswer as failure:
                if row is None:
                    raise
                raise _OfACall(failure, row) from failure
            self._note(step, seen)
            return step

        try:
            row = self._sessions.find(platform.name, *talk.key_of(call), self._left(seen))
            return self._kept_step(platform, talk, row, look, seen, durable=True)
        except NotStored as error:
            self._log.warning("session_not_available", platform=platform.name, method=call.method, reason=str(error))
            step = talk.begin(call, Found(available=False), receipt)
            self._note(step, seen)
            return step, None

    def _moved(
        self, platform: Platform, talk: Conversation, row: Row | None, look: Look, seen: Exchange, *, durable: bool = False
    ) -> Step:
        return self._kept_step(platform, talk, row, look, seen, durable=durable)[0]

    def _kept_step(
        self, platform: Platform, talk: Conversation, row: Row | None, look: Look, seen: Exchange, *, durable: bool
    ) -> tuple[Step, Row | None]:
        """The step that `look` makes of the call as it is kept, and the call as it is kept then.

        durable: whether somebody is told only of what is on disk; a caller who waits for his answer hears it anyway, unless
        his next request would be misunderstood.
        """
        for _ in range(_TRIES):
            step = look(row)
            self._tell(platform, step, seen, durable=durable)
            if step.kept is None:
                return step, row
            wish = _saved(platform, talk, step, row)
            try:
                if self._sessions.save(wish, self._left(seen)):
                    self._woken(wish)
                    return step, replace(wish.row, version=wish.row.version + 1)
                row = self._sessions.find(platform.name, step.kept.session_id, step.kept.key, self._left(seen))
            except NotStored as error:
                if durable or step.needed:
                    raise
                self._log.warning("session_not_kept", platform=platform.name, call_id=step.kept.call_id, reason=str(error))
                return step, row
        raise NotStored("others write this call all the time")

    def _woken(self, wish: Saved) -> None:
        """Have a timer that is due at once seen to then; for the others nobody is disturbed, somebody looks all the time."""
        soonest = min((seconds for seconds in wish.timers.values() if seconds is not None), default=_SOON)
        if soonest < _SOON:
            self._wake(soonest)

    def _tell(self, platform: Platform, step: Step, seen: Exchange, *, durable: bool) -> None:
        told_now = [told for told in step.events if self._tell_rejected or not isinstance(told.event, ActionRejected)]
        asks = platform.methods.get(seen.method) == "question"  # a caller waits: what is told beside leaves him time
        for number, told in enumerate(told_now):
            event = told.event if number == 0 and step.question is None else replace(told.event, event_id=self._around.new_id())
            if isinstance(event, CallEnded) and not self._keep_state:
                event = replace(event, state=ABSENT)
            content = events.dump(event)
            if number == 0 and seen.content is None:
                seen.event, seen.content = event, content
            notice = Notice(content, seen.traceparent, _same_as(platform, told))
            if not durable:
                self._outbox.post(notice)
            elif not self._outbox.put(notice, self._left(seen) if asks else seen.deadline - self._around.clock()) and seen.outcome == "stored":
                seen.outcome = "duplicate"

    def _question(self, question: ActionRequested) -> ActionRequested:
        return question if self._keep_state else replace(question, turn=ABSENT, state=ABSENT)

    def _state(self, state: Any, seen: Exchange) -> Any:
        try:
            storable_state(state)
        except ValueError as error:
            seen.repairs.append(Repair("state", "state", f"{error}; the one before is kept"))
            return ABSENT
        return state

    def _left(self, seen: Exchange) -> float:
        return min(_PATIENCE, (seen.deadline - self._around.clock()) / 2)

    def _note(self, step: Step, seen: Exchange) -> None:
        """What the record shows of the call, also where nothing is told and nobody asked."""
        seen.repairs += step.repairs
        if "called_number" in step.about:
            seen.called_number = step.about["called_number"]
        if seen.content is None and step.about:
            seen.content = {"platform": seen.platform, **step.about}

    def _reply(self, platform: Platform, step: Step, seen: Exchange) -> Replied:
        if step.reason:
            seen.outcome, seen.fallback_reason = "fallback", step.reason
        if not seen.outcome:
            seen.outcome = step.outcome
        served, seen.deferred = step.served, step.deferred
        if isinstance(served, Native):
            seen.action, seen.served = "native", lambda: platform.action_of(served)
        elif served is not None:
            seen.action, seen.served = served.action, lambda: served
        return Replied(MethodResponse(step.reply), seen)


class _OfACall(Exception):
    """A known call's request that only the fallback can answer."""

    def __init__(self, failure: NoUsableAnswer, row: Row) -> None:
        self.failure = failure
        self.row = row
        super().__init__(str(failure))


def copied(first: Exchange, seen: Exchange) -> None:
    """What became of the first of two requests that came at the same time is what became of the other."""
    for name in ("event", "content", "called_number", "outcome", "action", "served", "deferred", "fallback_reason", "detail"):
        setattr(seen, name, getattr(first, name))


SIMULATED = "simulated:"
_AN_HOUR, _A_DAY = 3600.0, 86_400.0


def _saved(platform: Platform, talk: Conversation, step: Step, row: Row | None) -> Saved:
    kept = step.kept
    assert kept is not None
    version = row.version if row is not None and row.key == kept.key else 0
    timers = _kept_back(talk, step.timers) if origin_of(kept.call_id) else step.timers
    new = Row(platform.name, kept.key, kept.call_id, kept.session_id, kept.document, version)
    return Saved(new, kept.seconds, timers, _lasting(step, version, talk.orders))


def _lasting(step: Step, version: int, orders: frozenset[str]) -> Lasting:
    due = any(seconds is not None and (name in orders or seconds < _AN_HOUR) for name, seconds in step.timers.items())
    if version == 0 or step.events or step.order or due:
        return "promised"
    return "answered" if step.question is None else "counted"


def _kept_back(talk: Conversation, timers: Mapping[str, float | None]) -> dict[str, float | None]:
    """The timers of a call that nobody dialled: no phone system can be told anything of it. Whoever plays one asks for them."""
    orders = {name: seconds for name, seconds in timers.items() if name in talk.orders}
    others = {name: seconds for name, seconds in timers.items() if name not in talk.orders}
    return others | {SIMULATED + name: None if seconds is None else _A_DAY for name, seconds in orders.items() if seconds is None or seconds < 1}


def _kept(row: Row | None) -> Kept | None:
    return None if row is None else Kept(row.key, row.call_id, row.session_id, row.document, 0.0)


def _same_as(platform: Platform, told: Told) -> str:
    """Of one length, whatever a phone system takes for an id or a name: cut off, two that differ would be one."""
    if not told.same_as:
        return ""
    return hashlib.sha256(f"{platform.name}\0{told.same_as}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
