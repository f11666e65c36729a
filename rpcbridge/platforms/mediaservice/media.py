"""getIvrCommand: what is played again, what goes on, and when the backend is asked. Rules 2, 3 and 5 of the mapping."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rpcbridge.domain.actions import Call, Hangup, Menu, Record
from rpcbridge.domain.events import ActionRejected
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.platforms.conversation import Step, Told
from rpcbridge.platforms.mediaservice.answers import at_media_level, way_out
from rpcbridge.platforms.mediaservice.legs import Asks
from rpcbridge.platforms.mediaservice.session import Session
from rpcbridge.platforms.mediaservice.turn import (
    AFTER_REPLY,
    END,
    LINGER,
    SPLIT,
    STOP_RECORDING,
    Rules,
    Turn,
    echoed,
    hung_up,
    stepped,
)
from rpcbridge.schemas import actions

_MOST_TRIES = 2  # then the person hears something else


def commanded(rules: Rules, turn: Turn, session: Session, platform: str) -> Step | Asks:
    """The answer to a getIvrCommand, or the call and the reason for which the backend is to be asked."""
    session = heard_of(turn, session)
    if session.phase in ("ending", "ended"):
        return stepped(session, echoed(session, {"phrases": [], "hangup": True}))
    if session.phase == "transferring":
        return _still_here(rules, turn, session)
    answer = session.action
    if session.fresh and answer is not None:
        return at_media_level(rules, session, answer, turn.now)
    waits_for_person = session.direction == "outbound" and not session.person
    if session.phase in ("dialing", "connected") and not waits_for_person:  # of the IVR that the person has left
        return stepped(session, echoed(session, {"phrases": [], "hangup": True}), outcome="continued")
    if session.phase != "ivr":  # the first of an outbound call, or of one whose answer was lost
        session = replace(session, phase="ivr")
    if answer is None:
        return session, "call_started" if session.turn == 0 or session.menu is None else "no_input"
    if isinstance(answer, Record):  # its time is over
        session = hung_up(session, "dropNoMsg", "bridge")
        return stepped(session, echoed(session, {"phrases": [], "hangup": True}), timers={STOP_RECORDING: 0.0, END: LINGER})
    return _round(rules, turn, session, platform)


def heard_of(turn: Turn, session: Session) -> Session:
    """The call with what a getIvrCommand tells of itself: the ids that its reply, and an interruption, must carry."""
    return replace(
        session, command=turn.text("reply_id"), base_url=turn.text("site_base_url") or session.base_url,
        session_id=session.session_id or turn.session_id, placing="",
    )  # fmt: skip


def digits_in(turn: Turn) -> str:
    """What the caller pressed and the platform matched; a termination key that was pressed alone is a digit, too."""
    match = turn.said.get("dtmf_params")
    said = match if isinstance(match, dict) else {}
    digits, key = str(said.get("dtmf_match") or ""), str(said.get("matched_termination_key") or "")
    return digits or key


def _round(rules: Rules, turn: Turn, session: Session, platform: str) -> Step | Asks:
    """A round of a menu is over: with digits, in the midst of them, or in silence."""
    if digits_in(turn):
        return replace(session, silent=0, buffer="", loops_left=0), "input"
    typed = turn.text("dtmf_buffer")
    if typed and typed != session.buffer:  # still typing: nothing is played over it, and nobody is asked
        members = {"phrases": [], "hangup": False, "getIVRCommandAfter": _pause(session)}
        return stepped(replace(session, buffer=typed), echoed(session, members), outcome="continued")
    if session.loops_left > 0:
        return _again(rules, session)
    silent = session.silent + 1
    if silent > rules.section.max_silent_turns:
        return silenced(rules, turn, session, platform, f"{session.silent} questions in a row without a key pressed")
    return replace(session, silent=silent, buffer=""), "no_input"


def silenced(rules: Rules, turn: Turn, session: Session, platform: str, why: str) -> Step:
    """Nobody is there, or nobody is heard: no call goes on for ever."""
    goodbye = Hangup()
    step = at_media_level(rules, session, goodbye, turn.now, by="bridge")
    event = ActionRejected(
        **session.about(), event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=platform,
        reason="silent_loop", problems=(("", why),), served=actions.dump(goodbye),
    )  # fmt: skip
    return replace(step, events=(Told(event, f"silent:{session.key}"),), reason="silent_loop")


def _again(rules: Rules, session: Session) -> Step:
    """The same once more, with what was typed so far."""
    answer = session.action
    assert isinstance(answer, Menu)
    members, _ = rules.phrases.played(answer)
    if "dtmf" in members:
        members["dtmf"] = members["dtmf"] | {"flush": False}
    session = replace(session, loops_left=session.loops_left - 1, buffer="")
    return stepped(session, echoed(session, members), served=answer, outcome="continued")


def _pause(session: Session) -> int:
    answer = session.action
    return max(1, answer.loop_delay) if isinstance(answer, Menu) else 3


def _still_here(rules: Rules, turn: Turn, session: Session) -> Step:
    """The IVR asks although the person was to leave it: once more, then what was meant for a failed call."""
    answer, tries = session.action, session.splits
    if tries < _MOST_TRIES:
        by_hangup = way_out(rules, session)[0] == "hangup"
        members = rules.phrases.before_transfer(answer, hangup=by_hangup) if isinstance(answer, Call) else _silence(by_hangup)
        # A split counts itself when it is ordered.
        session, timers = (replace(session, splits=tries + 1), {}) if by_hangup else (session, {SPLIT: AFTER_REPLY})
        return stepped(session, echoed(session, members), served=answer, timers=timers, outcome="continued")
    session = replace(session, phase="ivr", status="failed", dialled=turn.now)
    if isinstance(answer, Call) and answer.on_failure is not None:
        menu = replace(answer.on_failure, language=answer.on_failure.language or answer.language)
        return replace(at_media_level(rules, session, menu, turn.now), timers={SPLIT: None}, outcome="continued")
    raise NoUsableAnswer("transfer_failed", "the person could not be taken out of the IVR, so nobody was dialled")


def _silence(by_hangup: bool) -> dict[str, Any]:
    return {"phrases": [], "hangup": True} if by_hangup else {"phrases": [], "hangup": False, "getIVRCommandAfter": 2}
