"""The bridge's straight line without its two wires: nothing is sent, id and time are given. Pure.

It calls what the bridge calls, in the same order; what it adds is to keep every station and every finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rpcbridge import system
from rpcbridge.backend import Routes
from rpcbridge.backend.client import answer_in
from rpcbridge.backend.requests import RequestWriter
from rpcbridge.codec import (
    REST,
    Batch,
    Fault,
    MethodCall,
    MethodResponse,
    content_type,
    decode_request,
    dialect_of,
    fault_of,
)
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import ActionRequested, CallEnded, Event
from rpcbridge.errors import CallError, NotACall, NoUsableAnswer, OutOfPlace
from rpcbridge.platforms import Native, Platform, Receipt, UnusableCall
from rpcbridge.platforms.understanding import understood
from rpcbridge.schemas import actions, events
from rpcbridge.settings import Backend
from rpcbridge.translation.carried import Carried
from rpcbridge.translation.draft import Draft
from rpcbridge.translation.recognized import recognized
from rpcbridge.translation.shapes import Finding, Reply, Request, Translation
from rpcbridge.transport import MAX_REPLY, HttpReply, HttpRequest

NOT_SHOWN = "(not shown)"
_NO_REQUEST = Request("", "xmlrpc")


@dataclass(frozen=True, slots=True)
class Translator:
    """One platform with one configuration.

    has_fallback: whether one is configured, or callers are hung up on. The last three stand for what every request
    gets anew: they are fixed, so that two translations can be compared.
    """

    platform: Platform
    routes: Routes[AnyAction]
    backend: Backend
    max_body: int
    has_fallback: bool = True
    event_id: str = "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"
    occurred_at: datetime = datetime(2026, 11, 20, 21, 27, 3, 123_000, UTC)
    traceparent: str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def neither(self, body: bytes, how: str) -> Translation:
        """What there is to say of a text that is neither a request nor an answer; `how` it can be said what it is."""
        came = recognized(body, self.platform)
        request = "JSON with the fields of one of its callbacks" if self.platform.methods_in_path else "XML, or JSON with METHOD"
        answer = "action or native" if self.platform.methods_in_path else f"action, native or {self.platform.name}'s own shape"
        message = f"{came}: neither a phone system's request ({request}) nor a backend's answer (JSON with {answer}); say which it is meant to be {how}"
        return Translation(problems=(Finding("", "not_recognized", "", message),))

    def exchange(self, request: bytes, answer: bytes | None = None, method: str = "") -> Translation:
        """A phone system's request and the REST call it becomes; with the backend's answer to it, also the reply.

        method: of a request that does not name it, if known; else it is told from the fields.
        """
        draft = Draft(_NO_REQUEST, (self.platform.dialects[0],))
        try:
            call = self._read(request, draft, method)
            if isinstance(call, Batch) or call.method == system.MULTICALL:
                draft.failed(NotACall("several calls in one request, each of which the bridge answers by itself: translate one of them"))
                return draft.finished()
            if draft.request.kind == "":
                draft.outcome, draft.replies = "introspected", self._same(system.answered(call, self.platform), draft)
                return draft.finished()
            if self.platform.conversation is not None:
                self._carried(call, answer, draft)
                return draft.finished()
            self._told(call, draft)
            if draft.request.kind == "notification":
                draft.outcome, draft.replies = "stored", self._same(self.platform.acknowledge(True), draft)
                if answer is not None:
                    draft.remark("answer", "ignored", "not read: any 2xx acknowledges a notification")
            elif answer is not None:
                self._answered(answer, draft)
        except (CallError, UnusableCall, NoUsableAnswer) as error:
            self._rescued(error, draft)
        return draft.finished()

    def answer(self, answer: bytes, called_number: str | None, dialects: Sequence[str]) -> Translation:
        """A backend's answer to a question of `called_number`, and the reply it becomes in each dialect."""
        draft = Draft(Request("", "", (), "question", called_number), tuple(dialects))
        if self.platform.conversation is not None:
            draft.remark("answer", "supposed", "the ids of a call and our key are added to the reply; a call that comes in is sent into the IVR first")
        try:
            self._answered(answer, draft)
        except NoUsableAnswer as error:
            self._rescued(error, draft)
        return draft.finished()

    def _carried(self, call: MethodCall, answer: bytes | None, draft: Draft) -> None:
        """A request of a call of which nothing is kept here. Raises what `exchange` takes care of."""
        talk, backend = self.platform.conversation, self.backend
        assert talk is not None
        receipt = Receipt(self.event_id, self.occurred_at, backend.include_raw)
        carried = Carried(
            talk, call, receipt, draft, lambda event: self._sent(event, draft), lambda response: self._encoded(response, call.dialect, draft),
            keep_state=backend.keep_state,
        )  # fmt: skip
        step = carried.begin()
        if step.question is None:
            carried.noted(step)
            if answer is not None:
                draft.remark("answer", "ignored", "not read: the backend is not asked")
        elif answer is not None:
            try:
                carried.answered(self._understood(answer, draft))
            except NoUsableAnswer as error:
                draft.failed(error)
                carried.rescued(self.routes.of(draft.request.called_number).fallback)

    def _method(self, body: bytes, method: str) -> str:
        """The method of a request that does not name it. Raises NotACall where its fields do not tell."""
        if not self.platform.methods_in_path:
            return ""
        if method:
            return self.platform.method_named(method, body)
        call = decode_request(body, "?")
        found = self.platform.methods_of(call.params[0]) if isinstance(call, MethodCall) else ()
        if len(found) != 1:
            which = ", ".join(found or self.platform.methods)
            raise NotACall(f"its fields do not tell which callback it is ({which}): say which", dialect=REST)
        return found[0]

    def _read(self, body: bytes, draft: Draft, method: str) -> MethodCall | Batch:
        if len(body) > self.max_body:
            raise NotACall(f"the body is larger than {self.max_body} bytes (server.max_body)", dialect=dialect_of(body))
        draft.begin("request", body)
        call = decode_request(body, self._method(body, method))
        if isinstance(call, Batch):
            return call
        draft.dialects, draft.id, draft.unanswered = (call.dialect,), call.id, call.unanswered
        draft.request = Request(call.method, call.dialect, call.params)
        draft.repaired(call.repairs)
        kind = system.kind_of(call, self.platform) or ""
        draft.request = replace(draft.request, kind=kind, called_number=self.platform.called_number(call))
        return call

    def _told(self, call: MethodCall, draft: Draft) -> None:
        """The event, and the request that carries it to the backend."""
        receipt = Receipt(self.event_id, self.occurred_at, self.backend.include_raw)
        event, repairs = self.platform.to_domain(call, receipt)
        draft.repaired(repairs)
        self._sent(self._of_a_fresh_call(event), draft)

    def _sent(self, event: Event, draft: Draft) -> None:
        draft.event = events.dump(event)
        url = self.routes.of(draft.request.called_number).url
        draft.backend_request = self._masked(RequestWriter(self.backend).written(url, draft.event, self.traceparent))

    def _of_a_fresh_call(self, event: Event) -> Event:
        """With what the bridge adds of a call's state: of a call that nobody asked about before."""
        if not self.backend.keep_state:
            return event
        if isinstance(event, ActionRequested):
            return replace(event, turn=1, state=None)
        return replace(event, state=None) if isinstance(event, CallEnded) else event

    def _masked(self, request: HttpRequest) -> HttpRequest:
        secret = {"authorization", *(name.lower() for name, _ in self.backend.headers)}
        headers = tuple((name, NOT_SHOWN if name.lower() in secret else value) for name, value in request.headers)
        return replace(request, headers=headers)

    def _answered(self, body: bytes, draft: Draft) -> None:
        draft.replies = self._replies(self._understood(body, draft), draft)
        draft.outcome = "answered"

    def _understood(self, body: bytes, draft: Draft) -> AnyAction | Native:
        draft.begin("answer", body)
        if len(body) > MAX_REPLY:
            raise NoUsableAnswer("too_large", f"the answer is larger than {MAX_REPLY} bytes")
        action, repairs = understood(self.platform, answer_in(HttpReply(200, body)))
        draft.repaired(repairs)
        draft.answer = {"native": dict(action.value)} if isinstance(action, Native) else actions.dump(action)
        return action

    def _replies(self, action: AnyAction | Native, draft: Draft) -> tuple[Reply, ...]:
        replies = []
        for dialect in draft.dialects:
            response, repairs = self.platform.from_domain(action, draft.request.called_number, dialect)
            draft.repaired(repairs)
            replies.append(self._encoded(response, dialect, draft))
        return tuple(replies)

    def _rescued(self, error: CallError | UnusableCall | NoUsableAnswer, draft: Draft) -> None:
        """What the phone system gets when the line broke: the fallback, not stored, or a fault."""
        draft.failed(error)
        if isinstance(error, CallError):
            self._known(error, draft)
        if draft.request.kind == "question":
            action = self.routes.of(draft.request.called_number).fallback
            number, method = draft.request.called_number, draft.request.method
            made = ((self.platform.stopgap(action, method, number, dialect), dialect) for dialect in draft.dialects)
            draft.outcome, draft.replies = "fallback", tuple(self._encoded(response, dialect, draft) for response, dialect in made)
        elif draft.request.kind == "notification":
            draft.outcome, draft.replies = "not_stored", self._same(self.platform.acknowledge(False), draft)
        elif isinstance(error, CallError):
            draft.outcome, draft.replies = "refused", self._same(fault_of(error), draft)

    def _known(self, error: CallError, draft: Draft) -> None:
        """What of a broken request could still be read."""
        dialect = error.dialect or draft.request.dialect
        draft.dialects = (dialect,)
        draft.id = draft.id if error.id is None else error.id
        if isinstance(error, OutOfPlace):
            draft.unanswered = False
        elif error.method:
            draft.request = Request(error.method, dialect, kind=self.platform.methods.get(error.method, ""))

    def _same(self, response: MethodResponse | Fault, draft: Draft) -> tuple[Reply, ...]:
        if draft.unanswered:
            draft.remark("request", "no_reply", "a notification, without an id: the reply is HTTP 204 without a body")
            return ()
        return tuple(self._encoded(response, dialect, draft) for dialect in draft.dialects)

    def _encoded(self, response: MethodResponse | Fault, dialect: str, draft: Draft) -> Reply:
        return Reply(dialect, content_type(dialect), self.platform.encode(replace(response, id=draft.id), dialect))
