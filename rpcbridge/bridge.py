"""The straight line: a platform's bytes -> event -> backend -> action -> the platform's bytes.

Known errors say by their class whose fault they are; anything else is logged with a reference.
Either way a caller who waits hears a valid action, within the deadline.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from rpcbridge import system
from rpcbridge.backend import Client, Flights, Routes
from rpcbridge.calls import Calls, Remembered, storable_state
from rpcbridge.codec import CODES, BatchResponse, Fault, MethodCall, MethodResponse, Reply, decode_request, fault_of
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ActionRejected, ActionRequested, CallEnded, Event
from rpcbridge.errors import AnswerRejected, CallError, NotStored, NoUsableAnswer, OutOfPlace, Problem, Repair
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.outbox import Notice, Outbox
from rpcbridge.platforms import Native, Platform, Receipt, UnusableCall
from rpcbridge.platforms.understanding import understood
from rpcbridge.schemas import actions, events

_R = TypeVar("_R", bound=Reply)


class Bridge:
    """One for all threads of a process."""

    def __init__(
        self,
        client: Client,
        routes: Routes[AnyAction],
        outbox: Outbox,
        calls: Calls | None,
        around: Surroundings,
        *,
        deadline: float,
        max_calls: int,
        include_raw: bool = False,
        tell_rejected: bool = True,
    ) -> None:
        self._client = client
        self._routes = routes
        self._outbox = outbox
        self._calls = calls
        self._around = around
        self._deadline = deadline
        self._include_raw = include_raw
        self._tell_rejected = tell_rejected
        self._places = _Places(max_calls)
        self._flights: Flights[_Asked] = Flights()

    def handle(self, platform: Platform, read_body: Callable[[float], bytes], arrived: float, traceparent: str) -> Exchange:
        """The whole exchange. `read_body` is given the deadline and may raise CallError. Raises nothing."""
        seen = Exchange(self._around.new_id(), platform.name, arrived, self._around.now(), traceparent)
        place = self._places.take()
        seen.deadline = arrived + self._deadline - min(place * _STAGGER, self._deadline / 8)
        try:
            self._replied(platform, seen, lambda: self._responded(platform, read_body, place > 0, seen))
        finally:
            if place:
                self._places.leave()
        self._observed(seen)
        return seen

    def _replied(self, platform: Platform, seen: Exchange, respond: Callable[[], _R]) -> _R | MethodResponse | Fault:
        """What `respond` gives, or what answers the error it raises, also as bytes in `seen`. Raises nothing."""
        try:
            return _written(platform, respond(), seen)
        except Exception as error:  # whatever it was, a caller may be waiting
            return _written(platform, self._rescued(platform, error, seen), seen)

    def _observed(self, seen: Exchange) -> None:
        seen.finished = self._around.clock()
        with suppress(Exception):  # a log that cannot be written must not cost the caller the reply
            self._around.observe(seen)

    def _responded(
        self, platform: Platform, read_body: Callable[[float], bytes], placed: bool, seen: Exchange
    ) -> MethodResponse | BatchResponse:
        seen.platform_request = read_body(seen.deadline if placed else seen.arrived + min(self._deadline, _HASTE))
        call = decode_request(seen.platform_request)
        if isinstance(call, MethodCall):
            return self._answered(platform, call, placed, seen)
        seen.dialect, seen.method = call.dialect, "batch"
        seen.repairs += call.repairs
        replies = self._each(platform, call.items, placed, seen)
        seen.unanswered = not replies
        return BatchResponse(tuple(replies))

    def _answered(self, platform: Platform, call: MethodCall, placed: bool, seen: Exchange) -> MethodResponse:
        seen.dialect, seen.method, seen.reply_id, seen.unanswered = call.dialect, call.method, call.id, call.unanswered
        seen.repairs += call.repairs
        kind = system.kind_of(call, platform)
        if call.method == system.MULTICALL:
            return self._multicall(platform, call, placed, seen)
        if kind is None:
            response = system.answered(call, platform)
            seen.outcome = "introspected"
            return response
        seen.called_number = platform.called_number(call)
        if not placed:
            raise NoUsableAnswer("too_many_calls", "more calls at once than server.max_calls")
        return self._question(platform, call, seen) if kind == "question" else self._notification(platform, call, seen)

    def _multicall(self, platform: Platform, call: MethodCall, placed: bool, seen: Exchange) -> MethodResponse:
        replies = self._each(platform, system.items_of(call), placed, seen)
        return system.response([system.result_of(reply) for reply in replies], call)

    def _each(
        self, platform: Platform, items: Iterable[MethodCall | CallError], placed: bool, whole: Exchange
    ) -> list[MethodResponse | Fault]:
        """The replies to several calls of one request, made one after the other within the deadline of the whole."""
        whole.outcome = "unpacked"
        replies = [self._one(platform, item, placed, whole) for item in items]
        return [reply for reply in replies if reply is not None]

    def _one(
        self, platform: Platform, item: MethodCall | CallError, placed: bool, whole: Exchange
    ) -> MethodResponse | Fault | None:
        """One of several as an exchange of its own; None where nobody reads the reply. Raises nothing."""
        around = self._around
        seen = Exchange(around.new_id(), platform.name, around.clock(), around.now(), whole.traceparent, whole.deadline)
        seen.dialect = whole.dialect
        reply = self._replied(platform, seen, lambda: self._among_others(platform, item, placed, seen))
        self._observed(seen)
        return None if seen.unanswered else reply

    def _among_others(self, platform: Platform, item: MethodCall | CallError, placed: bool, seen: Exchange) -> MethodResponse:
        call = system.allowed_among_others(item, platform)
        seen.platform_request = system.alone(call)
        return self._answered(platform, call, placed, seen)

    def _question(self, platform: Platform, call: MethodCall, seen: Exchange) -> MethodResponse:
        event = self._event(platform, call, seen)
        if platform.shares(call):
            key = (platform.name, seen.platform_request)
            left = seen.deadline - self._around.clock()
            asked, seen.shared = self._flights.share(key, left, lambda: self._asked(event, seen, self._remembered(event, seen)))
        else:  # of no call that could be told from another: this is its first question, and its last
            asked = self._asked(event, seen, Remembered("", 1, None, 0.0) if self._calls else None)
        seen.event, seen.content = asked.event, asked.content
        if isinstance(asked.answer, NoUsableAnswer):
            raise asked.answer
        action, repairs = understood(platform, asked.answer)
        seen.repairs += repairs
        response, repairs = platform.from_domain(action, seen.called_number, seen.dialect)
        seen.repairs += repairs
        if isinstance(asked.answer, dict) and "state" in asked.answer and not seen.shared:
            self._keep(asked.answer["state"], asked.remembered, seen)
        seen.outcome = "answered"
        if isinstance(action, Native):
            seen.action, seen.served = "native", partial(platform.action_of, action)
        else:
            seen.action, seen.served = action.action, lambda: action
        return response

    def _remembered(self, event: Event, seen: Exchange) -> Remembered | None:
        """What is known of the call, or None: the database has its say within milliseconds, or none."""
        if self._calls is None:
            return None
        return self._calls.begin(event.platform, event.call_id, seen.deadline - self._around.clock())

    def _asked(self, event: Event, seen: Exchange, remembered: Remembered | None) -> _Asked:
        """The event and what the backend said to it, or why it said nothing: both are shared by identical questions."""
        if remembered is not None and isinstance(event, ActionRequested):
            event = replace(event, turn=remembered.turn, state=remembered.state)
        url = self._routes.of(seen.called_number).url
        asked = _Asked(event, events.dump(event), remembered)
        seen.content = asked.content
        try:
            asked.answer = self._client.ask(url, asked.content, seen.deadline, seen.traceparent, seen.hop)
        except NoUsableAnswer as failure:
            asked.answer = failure
        return asked

    def _keep(self, state: Any, remembered: Remembered | None, seen: Exchange) -> None:
        """Keep the state that the answer carries; one that cannot be kept leaves the old one."""
        if self._calls is None or remembered is None or not remembered.key:
            return
        try:
            self._calls.keep(remembered, storable_state(state))
        except ValueError as error:
            seen.repairs.append(Repair("state", "state", f"{error}; the one before is kept"))

    def _notification(self, platform: Platform, call: MethodCall, seen: Exchange) -> MethodResponse:
        event = self._event(platform, call, seen)
        if isinstance(event, CallEnded) and self._calls is not None:
            event = replace(event, state=None)  # its place; what it is, is known as the event is stored
        seen.content = events.dump(event)
        notice = Notice(seen.content, seen.traceparent, platform.same_as(call), isinstance(event, CallEnded))
        new = self._outbox.put(notice, seen.deadline - self._around.clock())
        seen.outcome = "stored" if new else "duplicate"
        return platform.acknowledge(True)

    def _event(self, platform: Platform, call: MethodCall, seen: Exchange) -> Event:
        receipt = Receipt(seen.id, seen.received, self._include_raw)
        seen.event, repairs = platform.to_domain(call, receipt)
        seen.repairs += repairs
        return seen.event

    def _rescued(self, platform: Platform, error: Exception, seen: Exchange) -> MethodResponse | Fault:
        """The reply when the line broke: the fallback for a question, not stored for a notification, else a fault."""
        fault, reason, seen.detail = self._diagnosed(error)
        seen.detail_quotes = isinstance(error, CallError | UnusableCall | AnswerRejected)
        if isinstance(error, CallError):
            seen.dialect = error.dialect or seen.dialect
            seen.method = error.method or seen.method
            seen.reply_id = seen.reply_id if error.id is None else error.id
        kind = platform.methods.get(seen.method)
        if isinstance(error, OutOfPlace):
            kind, seen.unanswered = None, False
        if kind == "question":
            response = self._fallback(platform, reason, seen)
            if self._tell_rejected and isinstance(error, NoUsableAnswer) and seen.event is not None and _answered(seen):
                self._reject(error, seen.event, seen)
            return response
        if kind == "notification":
            seen.outcome, seen.fallback_reason = "not_stored", reason
            return platform.acknowledge(False)
        seen.outcome, seen.fallback_reason = "refused", reason
        return fault

    def _diagnosed(self, error: Exception) -> tuple[Fault, str, str]:
        """The fault for a stranger, the short reason for logs, and the whole story."""
        if isinstance(error, CallError):
            return fault_of(error), error.reason, str(error)
        if isinstance(error, NoUsableAnswer | NotStored):
            return _INTERNAL, error.reason, str(error)
        if isinstance(error, UnusableCall):
            return _INTERNAL, "invalid_params", str(error)
        reference = secrets.token_hex(4)
        with suppress(Exception):
            self._around.report_bug(reference)
        return Fault(CODES["internal"], f"internal error, reference {reference}"), "internal", f"reference {reference}"

    def _fallback(self, platform: Platform, reason: str, seen: Exchange) -> MethodResponse:
        action = self._routes.of(seen.called_number).fallback
        seen.outcome, seen.action, seen.fallback_reason, seen.served = "fallback", action.action, reason, lambda: action
        response, _ = platform.from_domain(action, seen.called_number, seen.dialect)
        return response

    def _reject(self, error: NoUsableAnswer, event: Event, seen: Exchange) -> None:
        """Tell the backend that its answer could not be used; nobody waits for that."""
        problems = error.problems if isinstance(error, AnswerRejected) else (Problem("", str(error)),)
        about = {name: getattr(event, name) for name in _ABOUT_A_CALL}
        rejected = ActionRejected(
            **about, event_id=self._around.new_id(), occurred_at=self._around.now(), reason=error.reason,
            problems=tuple((problem.path, problem.message) for problem in problems),
            served=actions.dump(self._routes.of(seen.called_number).fallback),
        )  # fmt: skip
        with suppress(Exception):
            self._outbox.post(Notice(events.dump(rejected), seen.traceparent))


def _written(platform: Platform, reply: _R, seen: Exchange) -> _R:
    """`reply` with the request's id, also as bytes in `seen`; no bytes where nobody reads them."""
    if seen.reply_id is not None and not isinstance(reply, BatchResponse):
        reply = replace(reply, id=seen.reply_id)
    seen.platform_response = b"" if seen.unanswered else platform.encode(reply, seen.dialect)
    return reply


def _answered(seen: Exchange) -> bool:
    """Whether the backend itself answered this question, and did not merely fail."""
    return not seen.shared and seen.hop.reply is not None and 200 <= seen.hop.reply.status < 300


_ABOUT_A_CALL = ("platform", "call_id", "direction", "caller_number", "caller_name", "called_number")


@dataclass(slots=True)
class _Asked:
    """A question as it was put to the backend, and the answer: a JSON value, or why there is none."""

    event: Event
    content: dict[str, Any]
    remembered: Remembered | None
    answer: Any = None


class _Places:
    """The places for calls at once, `server.max_calls` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> int:
        """The number of places taken, this one included; 0 where there was none."""
        with self._lock:
            if self._taken == self._limit:
                return 0
            self._taken += 1
            return self._taken

    def leave(self) -> None:
        """Give one back."""
        with self._lock:
            self._taken -= 1


# Each call in flight has to be finished a little earlier than the one before it, in seconds: when a
# backend hangs, calls that came together would else all time out at once, and the last of 300
# would get its fallback 0.4 s late (measured). At most an eighth of the deadline.
_STAGGER = 0.001

# Seconds a body may take when all places are taken: it is read only to be told so in its own dialect.
_HASTE = 0.3
_INTERNAL = Fault(CODES["internal"], "internal error")
