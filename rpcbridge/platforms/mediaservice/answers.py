"""What an action does to a call: at the call's level (newCall, callEvent), or while the IVR has it (getIvrCommand)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rpcbridge.domain.actions import AnyAction, Call, Hangup, Menu, Record
from rpcbridge.errors import AnswerRejected, NoUsableAnswer, Problem, Repair
from rpcbridge.platforms.conversation import Step
from rpcbridge.platforms.mediaservice.phrases import drop
from rpcbridge.platforms.mediaservice.session import Session, written
from rpcbridge.platforms.mediaservice.tables import drop_code
from rpcbridge.platforms.mediaservice.turn import (
    AFTER_REPLY,
    END,
    LINGER,
    SPLIT,
    START_RECORDING,
    Rules,
    echoed,
    hung_up,
    reference,
    stepped,
)
from rpcbridge.platforms.shapes import Native

Answer = AnyAction | Native


def at_call_level(rules: Rules, session: Session, answer: Answer, now: float, *, by: str = "backend") -> Step:
    """The answer to newCall or callEvent. What the IVR has to play is kept, and served when it asks. Raises AnswerRejected."""
    if isinstance(answer, Native):
        return _native_call(session, answer, now, by)
    action = rules.phrases.meant(answer)
    if isinstance(action, Call):
        return dialling(rules, session, action, now)
    if isinstance(action, Hangup) and action.prompt is None:
        code = drop_code(action.cause)
        return stepped(hung_up(session, code, by), drop(action.cause) | reference(session), served=answer, timers={END: LINGER})
    _, repairs = rules.phrases.played(action)  # what cannot be played is to be known now
    _recordable(rules, action)
    return _to_ivr(session, action, repairs)


def dialling(rules: Rules, session: Session, call: Call, now: float, *, greeted: bool = False) -> Step:
    """The person is connected to somebody else."""
    members, repairs = rules.phrases.dialled(call, _shown_number(session), greeted=greeted)
    session = replace(
        session, phase="dialing", playing=written(call), fresh=False, target=call.target, status="unknown", cause=None,
        dialled=now, answered=None, ring_seconds=None, max_duration=call.max_duration, splits=0, loops_left=0,
        recordings=session.recordings + call.record,
    )  # fmt: skip
    if call.record:
        members |= {"callRecording": True, "recordingFileName": recording_name(session)}
    return stepped(session, members | reference(session), served=call, repairs=repairs)


def at_media_level(rules: Rules, session: Session, answer: Answer, now: float, *, by: str = "backend") -> Step:
    """The answer to getIvrCommand. Raises AnswerRejected, or NoUsableAnswer for what cannot be done now."""
    if isinstance(answer, Native):
        return _native_media(rules, session, answer, by)
    action = rules.phrases.meant(answer)
    if isinstance(action, Call):
        return _transferred(rules, session, action)
    members, repairs = rules.phrases.played(action)
    if isinstance(action, Hangup):
        ended = hung_up(session, drop_code(action.cause), by)
        return stepped(ended, echoed(session, members), served=answer, timers={END: LINGER}, repairs=repairs)
    timers = {}
    _recordable(rules, action)
    if isinstance(action, Record):
        if not session.connection:
            raise NoUsableAnswer("no_connection", "record: no callAnswered told of the IVR's connection, so nothing can be recorded")
        session, timers = replace(session, recordings=session.recordings + 1), {START_RECORDING: AFTER_REPLY}
    session = playing(session, action)
    return stepped(session, echoed(session, members), served=answer, timers=timers, needed="dtmf" in members, repairs=repairs)


def playing(session: Session, action: AnyAction) -> Session:
    """The call with `action` being played: its menu is the one whose digits come next."""
    session = replace(session, phase="ivr", playing=written(action), fresh=False, loops_left=0, buffer="")
    if isinstance(action, Menu):
        return replace(session, loops_left=action.loops - 1, menu=action.menu, previous_menu=session.menu)
    return session


def _recordable(rules: Rules, action: AnyAction) -> None:
    if isinstance(action, Record) and not rules.reachable:
        needed = "mediaservice.url, .domain and .private_key_file are set"
        raise AnswerRejected([Problem("action", f"mediaservice begins a recording by an order: only where {needed}")], "not_supported")


def recording_name(session: Session) -> str:
    """Made by us and never twice, so that no prompt is overwritten by a recording."""
    return f"rec-{session.key}-{session.recordings}.mp3"


def _to_ivr(session: Session, answer: Answer, repairs: tuple[Repair, ...]) -> Step:
    session = replace(session, phase="ivr", playing=written(answer), fresh=True)
    return stepped(session, {"action": "ivr"} | reference(session), served=answer, deferred=True, repairs=repairs)


def _shown_number(session: Session) -> str | None:
    """Whose number a target sees unless the action says another: the one that the person dialled, or was dialled from."""
    return session.caller_number if session.direction == "outbound" else session.called_number


def _transferred(rules: Rules, session: Session, call: Call) -> Step:
    """The IVR's answer cannot dial: the person is taken out of its connection first, and dialled then."""
    rules.phrases.dialled(call, _shown_number(session), greeted=True)  # what cannot be dialled is to be known now
    way, repairs = way_out(rules, session)
    members = rules.phrases.before_transfer(call, hangup=way == "hangup")
    return _leaving(session, call, members, way, repairs)


def _leaving(session: Session, answer: Answer, members: dict[str, Any], way: str, repairs: tuple[Repair, ...]) -> Step:
    tries = 0 if way == "split" else 1  # a split counts itself when it is ordered
    session = replace(session, phase="transferring", playing=written(answer), fresh=False, splits=tries, buffer="", loops_left=0)
    timers = {SPLIT: AFTER_REPLY} if way == "split" else {}
    return stepped(session, echoed(session, members), served=answer, timers=timers, repairs=repairs)


def way_out(rules: Rules, session: Session) -> tuple[str, tuple[Repair, ...]]:
    """How the person leaves the IVR, `split` or `hangup`, and why it is not as configured. Raises AnswerRejected."""
    if rules.section.transfer == "hangup":
        return "hangup", ()
    if not rules.reachable:
        needed = "mediaservice.url, .domain and .private_key_file are set"
        message = f'mediaservice can dial from within its IVR only where {needed}, or mediaservice.transfer = "hangup"'
        raise AnswerRejected([Problem("action", message)], "not_supported")
    if not session.connection:
        return "hangup", (Repair("transfer", "", "no callAnswered told of the IVR's connection: the IVR hangs up instead"),)
    return "split", ()


def _native_call(session: Session, answer: Native, now: float, by: str) -> Step:
    value = {**answer.value, **reference(session)}
    match answer.value.get("action"):
        case None:  # what the IVR is to play: it is kept
            return _to_ivr(session, answer, ())
        case "ivr":
            return stepped(replace(session, phase="ivr", playing=None, fresh=False), value, served=answer)
        case "drop":
            ended = hung_up(session, str(answer.value.get("dropCode", "dropNoMsg")), by)
            return stepped(ended, value, served=answer, timers={END: LINGER})
        case _:
            target = answer.value.get("destAddr")
            session = replace(
                session, phase="dialing", playing=written(answer), fresh=False, target=target if isinstance(target, str) else None,
                status="unknown", cause=None, dialled=now, answered=None, ring_seconds=None, max_duration=0, splits=0, loops_left=0,
            )  # fmt: skip
            return stepped(session, value, served=answer)


def _native_media(rules: Rules, session: Session, answer: Native, by: str) -> Step:
    action = answer.value.get("action")
    if action is None:
        members = echoed(session, answer.value)
        if answer.value.get("hangup") is True:
            return stepped(hung_up(session, "dropNoMsg", by), members, served=answer, timers={END: LINGER})
        session = replace(session, phase="ivr", playing=written(answer), fresh=False, loops_left=0, buffer="", menu=None)
        return stepped(session, members, served=answer, needed="dtmf" in members)
    if action == "drop":
        ended = hung_up(session, str(answer.value.get("dropCode", "dropNoMsg")), by)
        return stepped(ended, echoed(session, {"phrases": [], "hangup": True}), served=answer, timers={END: LINGER})
    if action == "ivr":
        raise AnswerRejected([Problem("native.action", "ivr answers newCall and callEvent; the IVR has the call already: give phrases")])
    way, repairs = way_out(rules, session)
    members = {"phrases": [], "hangup": True} if way == "hangup" else {"phrases": [], "hangup": False, "getIVRCommandAfter": 2}
    return _leaving(session, answer, members, way, repairs)
