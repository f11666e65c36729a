"""How a call on Mediaservice goes on: each callback and each answer of the backend makes a step of what is kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rpcbridge.codec import REST, MethodCall
from rpcbridge.domain.actions import AnyAction, Hangup, Menu
from rpcbridge.domain.events import ABSENT, ActionRequested
from rpcbridge.errors import NoUsableAnswer, OutOfPlace
from rpcbridge.platforms.conversation import Found, Kept, Step
from rpcbridge.platforms.mediaservice import ends, legs, media, outbound, reports
from rpcbridge.platforms.mediaservice.answers import at_call_level, at_media_level
from rpcbridge.platforms.mediaservice.reading import NOBODYS, key_in, turn_of
from rpcbridge.platforms.mediaservice.session import Session
from rpcbridge.platforms.mediaservice.supposed import asks, supposed
from rpcbridge.platforms.mediaservice.turn import END, ORDERS, Rules, Turn, echoed, hung_up, reference, stepped
from rpcbridge.platforms.shapes import Native, Receipt


class Dialogue:
    """The conversation of one configured Mediaservice."""

    orders = ORDERS

    def __init__(self, name: str, rules: Rules) -> None:
        self._name = name
        self._rules = rules

    def key_of(self, call: MethodCall) -> tuple[str, str]:
        turn = turn_of(call, NOBODYS)
        return turn.session_id, key_in(turn.said.get("session_reference_id"))

    def key_in(self, reply: Mapping[str, Any]) -> str:
        return key_in(reply.get("sessionReferenceId"))

    def supposed(self, call: MethodCall, receipt: Receipt) -> Kept | None:
        session = supposed(turn_of(call, receipt), receipt.event_id)
        return None if session is None else session.kept()

    def asks(self, kept: Kept) -> MethodCall:
        return asks(Session.of(kept))

    def begin(self, call: MethodCall, found: Found, receipt: Receipt) -> Step:
        turn = turn_of(call, receipt)
        self._of_our_domain(turn)
        step = self._begun(turn, found)
        return replace(step, repairs=turn.repairs + step.repairs)

    def answered(
        self, call: MethodCall, kept: Kept | None, answer: AnyAction | Native, receipt: Receipt, *, is_fallback: bool, state: Any
    ) -> Step:
        turn = turn_of(call, receipt)
        session = self._new(turn) if kept is None else Session.of(kept)
        if state is not ABSENT:
            session = replace(session, state=state)
        if turn.method == "getIvrCommand":
            session = media.heard_of(turn, session)
        if session.phase == "ended":  # the person left while the backend thought about it
            return self._too_late(turn, session)
        if session.fresh and turn.method == "getIvrCommand" and (wanted := session.action) is not None:
            with suppress(NoUsableAnswer):  # the backend wanted something else meanwhile: that came later, and counts
                return at_media_level(self._rules, session, wanted, turn.now)
        session = replace(session, fresh=False, fallbacks=session.fallbacks + 1 if is_fallback else 0)
        repeats = not isinstance(answer, Native) and isinstance(self._rules.phrases.meant(answer), Menu)
        if is_fallback and repeats and session.fallbacks > self._rules.section.max_fallbacks:
            step = self._silenced(turn, session)
        else:
            step = self._carried_out(turn, session, answer, is_fallback)
        return step if kept is not None else replace(step, kept=None, timers={}, reply=_without_reference(step.reply))

    def due(self, name: str, kept: Kept, receipt: Receipt, *, again: bool) -> Step:
        return ends.due(name, Session.of(kept), receipt, self._name, again=again)

    def failed(self, name: str, kept: Kept, receipt: Receipt, problem: str) -> Step:
        return ends.failed(name, Session.of(kept), receipt, self._name, problem)

    def place(self, wanted: Mapping[str, Any], key: str, call_id: str, receipt: Receipt) -> Step:
        return outbound.placed(self._rules, wanted, key, call_id, receipt)

    def unclear(self, kept: Kept) -> Step:
        session = Session.of(kept)  # a callback may have been faster, and told that it rings
        return stepped(replace(session, placing="unclear") if session.placing == "sent" else session)

    def act(self, kept: Kept, action: AnyAction | Native, state: Any = ABSENT) -> Step:
        session = Session.of(kept)
        return outbound.acted(self._rules, session if state is ABSENT else replace(session, state=state), action)

    def record(self, kept: Kept, on: bool) -> Step:
        return outbound.recording(Session.of(kept), on)

    def taken_back(self, before: Kept) -> Step:
        return stepped(Session.of(before))

    def shown(self, kept: Kept) -> dict[str, Any]:
        return outbound.shown(Session.of(kept))

    def _of_our_domain(self, turn: Turn) -> None:
        """One tenant's secret opens the door to no other tenant's calls."""
        came, ours = turn.text("domain"), self._rules.section.domain
        if came and ours and came.lower() != ours.lower():
            raise OutOfPlace("domain: another than mediaservice.domain: this is somebody else's call", turn.method, REST)

    def _begun(self, turn: Turn, found: Found) -> Step:
        session = Session.of(found.kept) if found.kept else None
        if session is not None and not session.session_id and turn.text("session_id"):  # of a call that we had placed
            session = replace(session, session_id=turn.session_id)
        if turn.method in _DECISIONS:
            return self._decided(turn, session, found.available)
        return self._reported(turn, session)

    def _decided(self, turn: Turn, session: Session | None, available: bool) -> Step:
        if turn.method == "newCall":
            if session is None or session.phase == "deciding":
                return self._asking(turn, session or self._new(turn), "call_started", keep=available)
            return self._once_more(turn, session)
        if session is None:
            if turn.method == "callEvent":
                return Step(reply=legs.UNKNOWN if available else legs.DROPPED)
            raise NoUsableAnswer("unknown_session" if available else "database", "nothing is known of this call")
        if turn.method == "callEvent":
            return self._asking_if_due(turn, legs.called(self._rules, turn, session))
        return self._asking_if_due(turn, media.commanded(self._rules, turn, session, self._name))

    def _reported(self, turn: Turn, session: Session | None) -> Step:
        match turn.method:
            case "recordingReady":
                return reports.recorded(turn, session, self._name)
            case "fileRecorded":
                return reports.filed(turn, session, self._name)
            case "alarm":
                return reports.alarmed(turn, session, self._name)
            case "newRemoteCall":
                return reports.offered(turn, self._name)
            case "getCallIdentifier":
                return reports.identified(turn, session)
        if session is None:  # nobody could be told whose call it is
            return Step()
        if turn.method == "callAnswered":
            return legs.answered(self._rules, turn, session, self._name)
        if turn.method == "callNotify":
            return legs.notified(turn, session, self._name)
        over, events = ends.ended(session, turn.receipt, self._name, turn.kept_raw)
        return stepped(over, events=events, timers={END: None}, outcome="answered" if events else "duplicate")

    def _new(self, turn: Turn) -> Session:
        session_id = turn.session_id
        return Session(
            key=turn.receipt.event_id, call_id=session_id or f"rb-{turn.receipt.event_id}", session_id=session_id,
            caller_number=turn.said.get("calling_party"), caller_name=turn.said.get("display_name"),
            called_number=turn.said.get("called_party"), base_url=turn.text("site_base_url"), started=turn.now,
        )  # fmt: skip

    def _asking_if_due(self, turn: Turn, decided: Step | legs.Asks) -> Step:
        return decided if isinstance(decided, Step) else self._asking(turn, *decided)

    def _asking(self, turn: Turn, session: Session, reason: str, *, keep: bool = True) -> Step:
        """The backend is asked. That it was is kept before, so that the turns are counted whatever happens."""
        session = replace(session, turn=session.turn + 1)
        question = ActionRequested(
            **session.about(), event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=self._name,
            reason=reason, turn=session.turn if keep else ABSENT, menu=session.menu, previous_menu=session.previous_menu,
            digits=media.digits_in(turn) if reason == "input" else "", state=session.state if keep else ABSENT,
            raw=turn.kept_raw,
        )  # fmt: skip
        step = stepped(session, question=question)
        return step if keep else replace(step, kept=None, timers={})

    def _carried_out(self, turn: Turn, session: Session, answer: AnyAction | Native, is_fallback: bool) -> Step:
        at_level, by = (at_media_level if turn.method == "getIvrCommand" else at_call_level), "bridge" if is_fallback else "backend"
        try:
            return at_level(self._rules, session, answer, turn.now, by=by)
        except NoUsableAnswer:
            if not is_fallback:
                raise
        return at_level(self._rules, session, Hangup(), turn.now, by=by)  # a fallback that is another platform's

    def _silenced(self, turn: Turn, session: Session) -> Step:
        why = f"the fallback's menu was heard {session.fallbacks - 1} times in a row"
        if turn.method == "getIvrCommand":
            return media.silenced(self._rules, turn, session, self._name, why)
        return at_call_level(self._rules, session, Hangup(), turn.now, by="bridge")

    def _too_late(self, turn: Turn, session: Session) -> Step:
        if turn.method == "getIvrCommand":
            return stepped(session, echoed(session, {"phrases": [], "hangup": True}))
        return stepped(session, legs.DROPPED | reference(session))

    def _once_more(self, turn: Turn, session: Session) -> Step:
        """newCall came twice: its first answer was lost on the way."""
        answer = session.action
        if session.phase == "ivr":
            return stepped(session, {"action": "ivr"} | reference(session), served=answer, deferred=answer is not None, outcome="continued")
        if session.phase == "dialing" and answer is not None:
            return replace(at_call_level(self._rules, session, answer, turn.now), outcome="continued")
        if session.phase in ("ending", "ended"):
            return stepped(session, {"action": "drop", "dropCode": session.drop_code} | reference(session), outcome="continued")
        return stepped(hung_up(session, "error", "platform"), legs.UNKNOWN | reference(session))


_DECISIONS = ("newCall", "getIvrCommand", "callEvent")


def _without_reference(reply: Any) -> Any:
    return {name: value for name, value in reply.items() if name != "sessionReferenceId"}

