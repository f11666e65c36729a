"""callEvent, callAnswered and callNotify: who is connected to whom, who left, and what becomes of the one who remains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rpcbridge.domain.actions import AnyAction, Call, Hangup
from rpcbridge.domain.events import CallAnswered, CallRinging
from rpcbridge.platforms.conversation import Step, Told
from rpcbridge.platforms.mediaservice.answers import at_call_level
from rpcbridge.platforms.mediaservice.phrases import drop
from rpcbridge.platforms.mediaservice.session import Session, written
from rpcbridge.platforms.mediaservice.tables import cause_of, drop_code, status_of
from rpcbridge.platforms.mediaservice.turn import END, LIMIT, LINGER, Rules, Turn, hung_up, reference, stepped
from rpcbridge.platforms.shapes import Native

DROPPED: dict[str, Any] = {"action": "drop", "dropCode": "dropNoMsg"}
UNKNOWN: dict[str, Any] = {"action": "drop", "dropCode": "error"}

_SPLIT = ("callerConnectionSplit", "calleeConnectionSplit")
_FAILED = ("callingPartyFailure", "calledPartyFailure")

# What the backend is asked for after a call, by the question's reason.
Asks = tuple[Session, str]


def called(rules: Rules, turn: Turn, session: Session) -> Step | Asks:
    """The answer to a callEvent, or the call and the reason for which the backend is to be asked."""
    session = replace(session, base_url=turn.text("site_base_url") or session.base_url)
    if session.phase == "ended":
        return stepped(session, DROPPED | reference(session))
    who = _who(turn, session)
    if turn.text("event") in _SPLIT:
        return _split(rules, turn, session, who)
    if who == "person":
        return _gone(turn, session)
    if session.phase == "ending":  # we hung up: the code is the one of then
        return stepped(session, {"action": "drop", "dropCode": session.drop_code} | reference(session), timers={END: LINGER})
    if session.phase == "transferring":  # the IVR has hung up, the person is still there
        return _onward(rules, turn, session)
    if session.phase == "dialing" and turn.text("event") in _FAILED:
        return _unanswered(rules, turn, session)
    return _left(turn, session, who)


def _who(turn: Turn, session: Session) -> str:
    """Whose callEvent it is: `person`, `ivr` or `other`. By the participant; only where none is known, by the side he is on."""
    participant = turn.text("participant_id")
    known = {session.other: "other", session.ivr: "ivr", session.person: "person"}
    if participant and participant in known:
        return known[participant]
    caller_side = turn.text("event") in ("callingPartyDrop", "callingPartyFailure", "callerConnectionSplit")
    if caller_side == (session.direction == "inbound"):
        return "person"
    if session.direction == "outbound" and session.phase == "dialing" and not session.person:
        return "person"  # whom we dial
    return "other" if session.phase in ("dialing", "connected") else "ivr"


def _gone(turn: Turn, session: Session) -> Step:
    """The person left. Nobody is asked: nobody would hear the answer."""
    by = "target" if session.direction == "outbound" else "caller"
    session = _with_outcome(turn, session, cancelled=session.direction == "inbound" or bool(session.person))
    if session.phase == "connected" and turn.text("sip_reason"):
        session = replace(session, cause=cause_of(None, turn.text("sip_reason")) or session.cause)
    session = replace(session, phase="ended", ended=turn.now, ended_by=session.ended_by or by, fresh=False)
    return stepped(session, DROPPED | reference(session), timers={END: LINGER, LIMIT: None})


def _with_outcome(turn: Turn, session: Session, *, cancelled: bool = False) -> Session:
    """What came of dialling, where the call is still being dialled."""
    if session.phase != "dialing":
        return session
    sip = turn.said.get("sip_response_code")
    code = sip if isinstance(sip, int) else None
    failed = turn.text("event") in _FAILED
    return replace(
        session, status=status_of(code, failed=failed, cancelled=cancelled), cause=cause_of(code, turn.text("sip_reason")),
        ring_seconds=turn.now - session.dialled if session.dialled is not None else None,
    )  # fmt: skip


def _split(rules: Rules, turn: Turn, session: Session, who: str) -> Step:
    """One event for each participant: the person goes on to what was answered, whoever else is let go."""
    if who != "person":
        return stepped(session, DROPPED | reference(session))
    if session.phase in ("transferring", "dialing"):  # dialing: the same event again, its answer was lost
        return _onward(rules, turn, session)
    return stepped(hung_up(session, "error", "platform"), UNKNOWN | reference(session), timers={END: LINGER})


def _onward(rules: Rules, turn: Turn, session: Session) -> Step:
    """What the person was taken out of a connection for."""
    answer = session.action
    if answer is None:
        return stepped(hung_up(session, "error", "bridge"), UNKNOWN | reference(session), timers={END: LINGER})
    # Whom the person leaves is still known by his id: his own event may come later.
    session = replace(session, connection="", reply_id="")
    return at_call_level(rules, session, _greeted(answer), turn.now)


def _greeted(answer: AnyAction | Native) -> AnyAction | Native:
    """A call whose caller has heard his prompt in the IVR: it does not come again."""
    return replace(answer, caller_prompt=None) if isinstance(answer, Call) else answer


def _unanswered(rules: Rules, turn: Turn, session: Session) -> Step | Asks:
    """Whom we dialled did not answer."""
    session = _with_outcome(turn, session)
    answer = session.action
    if isinstance(answer, Call) and answer.on_failure is not None:
        menu = replace(answer.on_failure, language=answer.on_failure.language or answer.language)
        return at_call_level(rules, replace(session, playing=written(menu)), menu, turn.now)
    if isinstance(answer, Call) and answer.after_call == "ask":
        return session, "leg_failed"
    session = hung_up(session, drop_code(session.cause), "target")
    return stepped(session, drop(session.cause) | reference(session), served=Hangup(cause=session.cause), timers={END: LINGER})


def _left(turn: Turn, session: Session, who: str) -> Step | Asks:
    """Whoever the person was connected to has left."""
    answer = session.action
    if who == "other" and session.phase == "connected" and isinstance(answer, Call) and answer.after_call == "ask":
        return replace(session, connection="", reply_id="", ended_by=""), "leg_ended"
    cause = cause_of(None, turn.text("sip_reason"))
    session = replace(_with_outcome(turn, session), cause=cause if cause is not None else session.cause)
    session = hung_up(session, "dropNoMsg", "target" if who == "other" else "platform")
    return stepped(replace(session, ended=turn.now), DROPPED | reference(session), served=Hangup(), timers={END: LINGER, LIMIT: None})


def answered(rules: Rules, turn: Turn, session: Session, platform: str) -> Step:
    """callAnswered: it alone tells the connection, its replyId and the participants."""
    caller, callee = turn.text("caller_participant_id"), turn.text("callee_participant_id")
    if turn.said.get("monitoring_participant") is True or session.phase in ("ended", "ending"):
        return Step(about=session.about())
    known = replace(
        session, connection=turn.text("connection_id"), reply_id=turn.text("reply_id"),
        base_url=turn.text("site_base_url") or session.base_url,
    )  # fmt: skip
    picks_up = session.direction == "outbound" and not session.person  # whom we dialled: the IVR comes next, or has asked already
    if session.phase != "dialing" and not picks_up:  # the IVR's own leg
        if session.phase == "connected":
            return Step(about=session.about())
        sides = (caller, callee) if session.direction == "inbound" else (callee, caller)
        person, ivr = sides if session.person not in sides or sides[0] == session.person else sides[::-1]
        return stepped(replace(known, person=person, ivr=ivr))
    known = replace(known, status="answered", answered=turn.now, ring_seconds=turn.now - session.dialled if session.dialled else None)
    if picks_up:
        phase = "ivr" if session.phase == "dialing" else session.phase
        known = replace(known, person=callee, ivr=caller, phase=phase, started=turn.now, placing="")
    else:
        person = session.person or (caller if session.direction == "inbound" else callee)
        known = replace(known, person=person, other=callee if person == caller else caller, phase="connected")
    event = CallAnswered(
        **known.about(), event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=platform,
        raw=turn.kept_raw, **({} if known.target is None else {"target": known.target}),
    )  # fmt: skip
    limited = session.max_duration and rules.reachable  # nobody else ends it
    timers = {LIMIT: float(session.max_duration) if limited else None}  # one of an earlier connection is over
    return stepped(known, events=(Told(event, f"answered:{session.key}:{known.connection}"),), timers=timers)


def notified(turn: Turn, session: Session, platform: str) -> Step:
    """callNotify: a phone that rings is told; what else there is, is recorded only."""
    rings = turn.text("event") == "ringing" and turn.said.get("monitoring_participant") is not True
    if not rings or session.phase != "dialing":
        return Step(about=session.about())
    event = CallRinging(
        **session.about(), event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=platform, raw=turn.kept_raw,
    )  # fmt: skip
    session = replace(session, session_id=session.session_id or turn.session_id, placing="")
    same_as = f"ringing:{session.key}:{turn.text('participant_id')}:{int(session.dialled or 0)}"
    return stepped(session, events=(Told(event, same_as),))
