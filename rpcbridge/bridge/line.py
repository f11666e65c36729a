"""The straight line: a platform's bytes -> event -> backend -> action -> the platform's bytes.

Known errors say by their class whose fault they are; anything else is logged with a reference.
Either way a caller who waits hears a valid action, within the deadline.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from rpcbridge import system
from rpcbridge.backend import Client, Flights, Routes
from rpcbridge.bridge.conversations import Conversations, Replied, copied
from rpcbridge.bridge.places import Places
from rpcbridge.bridge.questions import Asked, Questions
from rpcbridge.calls import Calls, Remembered, storable_state
from rpcbridge.codec import CODES, BatchResponse, Fault, MethodCall, MethodResponse, Reply, decode_request, fault_of
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ActionRequested, CallEnded, Event
from rpcbridge.errors import AnswerRejected, CallError, NotStored, NoUsableAnswer, OutOfPlace, Repair
from rpcbridge.exchange import Exchange, Surroundings
from rpcbridge.outbox import Notice, Outbox
from rpcbridge.platforms import Conversation, Native, Platform, Receipt, UnusableCall
from rpcbridge.platforms.understanding import understood
from rpcbridge.schemas import events
from rpcbridge.sessions import Sessions

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
        sessions: Sessions | None = None,
        keep_state: bool = True,
        wake: Callable[[float], None] = lambda _: None,
        deadline: float,
        max_calls: int,
        include_raw: bool = False,
        tell_rejected: bool = True,
    ) -> None:
        self._questions = Questions(client, routes, outbox, around, tell_rejected=tell_rejected)
        self._outbox = outbox
        self._calls = calls
        self._around = around
        self._deadline = deadline
        self._include_raw = include_raw
        self._places = Places(max_calls)
        self._flights: Flights[tuple[Asked, Remembered | None]] = Flights()
        self._replies: Flights[Replied] = Flights()
        self.conversations: Conversations | None = None
        if sessions is not None:
            self.conversations = Conversations(
                self._questions, sessions, outbox, around, include_raw=include_raw, keep_state=keep_state, wake=wake,
                tell_rejected=tell_rejected,
            )

    def handle(
        self, platform: Platform, read_body: Callable[[float], bytes], arrived: float, traceparent: str, method: str = ""
    ) -> Exchange:
        """The whole exchange. `read_body` is given the deadline and may raise CallError. Raises nothing.

        method: where the URL names it.
        """
        seen = Exchange(self._around.new_id(), platform.name, arrived, self._around.now(), traceparent, method=method)
        seen.dialect = platform.dialects[0]
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
        if platform.methods_in_path:
            seen.method = platform.method_named(seen.method, seen.platform_request)
        call = decode_request(seen.platform_request, seen.method)
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
        if platform.conversation is not None:
            return self._conversed(platform, platform.conversation, call, seen)
        return self._question(platform, call, seen) if kind == "question" else self._notification(platform, call, seen)

    def _conversed(self, platform: Platform, talk: Conversation, call: MethodCall, seen: Exchange) -> MethodResponse:
        if self.conversations is None:
            raise NoUsableAnswer("database", "no calls are carried on here")
        try:
            return self._carried_on(self.conversations, platform, talk, call, seen)
        except (NotStored, NoUsableAnswer):
            if seen.content is None and (id := talk.key_of(call)[0]):  # it is of this call, though nothing is known of that
                seen.content = {"platform": platform.name, "call_id": id}
            raise

    def _carried_on(
        self, conversations: Conversations, platform: Platform, talk: Conversation, call: MethodCall, seen: Exchange
    ) -> MethodResponse:
        if platform.methods[call.method] == "notification":
            return conversations.taken(platform, talk, call, seen)
        key = (platform.name, call.method, seen.platform_request)
        left = seen.deadline - self._around.clock()
        replied, seen.shared = self._replies.share(key, left, lambda: conversations.replied(platform, talk, call, seen))
        if seen.shared:
            copied(replied.seen, seen)
        return replied.response

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
            (asked, remembered), seen.shared = self._flights.share(
                key, left, lambda: self._asked(event, seen, self._remembered(event, seen))
            )
        else:  # of no call that could be told from another: this is its first question, and its last
            asked, remembered = self._asked(event, seen, Remembered("", 1, None, 0.0) if self._calls else None)
        seen.event, seen.content = asked.event, asked.content
        action, repairs = understood(platform, asked.usable())
        seen.repairs += repairs
        response, repairs = platform.from_domain(action, seen.called_number, seen.dialect)
        seen.repairs += repairs
        if asked.keeps_state and not seen.shared:
            self._keep(asked.answer["state"], remembered, seen)
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
        return self._calls.begin(event.platform, str(event.call_id), seen.deadline - self._around.clock())

    def _asked(self, event: Event, seen: Exchange, remembered: Remembered | None) -> tuple[Asked, Remembered | None]:
        if remembered is not None and isinstance(event, ActionRequested):
            event = replace(event, turn=remembered.turn, state=remembered.state)
        return self._questions.ask(event, seen), remembered

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
        # A report that is none will never be one, however often it comes: where the method stands in the URL, nothing of it was read.
        if isinstance(error, OutOfPlace) or (kind == "notification" and isinstance(error, CallError) and platform.methods_in_path):
            kind, seen.unanswered = None, False
        if kind == "question":
            response = self._fallback(platform, reason, seen)
            self._questions.reject(error, seen)
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
        action = self._questions.fallback(seen)
        seen.outcome, seen.action, seen.fallback_reason, seen.served = "fallback", action.action, reason, lambda: action
        return platform.stopgap(action, seen.method, seen.called_number, seen.dialect)


def _written(platform: Platform, reply: _R, seen: Exchange) -> _R:
    """`reply` with the request's id, also as bytes in `seen`; no bytes where nobody reads them."""
    if seen.reply_id is not None and not isinstance(reply, BatchResponse):
        reply = replace(reply, id=seen.reply_id)
    seen.platform_response = b"" if seen.unanswered else platform.encode(reply, seen.dialect)
    return reply


# Each call in flight has to be finished a little earlier than the one before it, in seconds: when a
# backend hangs, calls that came together would else all time out at once, and the last of 300
# would get its fallback 0.4 s late (measured). At most an eighth of the deadline.
_STAGGER = 0.001

# Seconds a body may take when all places are taken: it is read only to be told so in its own dialect.
_HASTE = 0.3
_INTERNAL = Fault(CODES["internal"], "internal error")
