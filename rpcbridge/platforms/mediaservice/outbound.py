"""What the backend wants by itself: a call placed, an action now, a recording; and how a call stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError, fields

from rpcbridge.domain.actions import AnyAction, Call
from rpcbridge.errors import AnswerRejected, Problem
from rpcbridge.platforms.conversation import Order, Step
from rpcbridge.platforms.mediaservice.ends import recording_order, split_order
from rpcbridge.platforms.mediaservice.phrases import DIALLABLE
from rpcbridge.platforms.mediaservice.session import Session, written
from rpcbridge.platforms.mediaservice.turn import Rules, reference, stepped
from rpcbridge.platforms.shapes import Native, Receipt
from rpcbridge.schemas.actions import DAY
from rpcbridge.schemas.fields import AnswerSchema, Text, Whole, problems_of

RING_TIMEOUT = 30  # seconds, as of a call action


class _Wanted(AnswerSchema):
    """POST /api/calls"""

    to = Text(required=True)
    caller_number = Text()
    caller_name = Text()
    ring_timeout = Whole(1, DAY)
    max_duration = Whole(1, DAY)
    reference = Text()
    state = fields.Raw(allow_none=True)
    action = fields.Raw()


_WANTED = _Wanted()


def placed(rules: Rules, wanted: Mapping[str, Any], key: str, call_id: str, receipt: Receipt) -> Step:
    """A call, and the order that places it. The first getIvrCommand serves `action`, or asks. Raises AnswerRejected."""
    given, problems = _read(wanted)
    action = _action(given, problems, rules)
    problems += [
        Problem(name, DIALLABLE) for name in ("to", "caller_number") if name in given and not rules.phrases.is_diallable(given[name])
    ]
    if not given.get("caller_name", "").isprintable():
        problems.append(Problem("caller_name", "expected one line without control characters"))
    if not rules.reachable:
        problems.append(Problem("", "no call can be placed: set mediaservice.url, .domain and .private_key_file"))
    if problems:
        raise AnswerRejected(problems, "invalid_request")
    now = receipt.occurred_at.timestamp()
    session = Session(
        key=key, call_id=call_id, phase="dialing", direction="outbound", caller_number=given.get("caller_number"),
        caller_name=given.get("caller_name"), called_number=given["to"], reference=given.get("reference"), state=given.get("state"),
        playing=None if action is None else written(action), fresh=action is not None, target=given["to"], status="unknown",
        started=now, dialled=now, max_duration=given.get("max_duration", 0), placing="sent",
    )  # fmt: skip
    body = {"destAddr": rules.phrases.destination(given["to"]), "maxRingTime": given.get("ring_timeout", RING_TIMEOUT)}
    body |= {wire: given[name] for wire, name in (("sipFrom", "caller_number"), ("displayName", "caller_name")) if name in given}
    return stepped(session, order=Order("placeivrcall", body | reference(session), repeats=False))


def acted(rules: Rules, session: Session, action: AnyAction | Native) -> Step:
    """An action now: within the IVR it interrupts and is served; a connected person is taken out of the connection for it."""
    if isinstance(action, Call):
        rules.phrases.dialled(action, session.called_number)
    elif not isinstance(action, Native):
        rules.phrases.played(action)
    if session.phase == "ivr" and session.command:
        order = Order("interruptivrcommand", {"replyId": session.command, "sessionId": session.session_id}, session.base_url)
        return stepped(replace(session, playing=written(action), fresh=True), order=order)
    split = split_order(session) if session.phase == "connected" else None
    if split is None:
        _refused(f"the call is {session.phase}: an action takes effect in the IVR, or while the person is connected")
    leaving = replace(session, phase="transferring", playing=written(action), fresh=False, splits=1)
    return stepped(leaving, order=split)


def recording(session: Session, on: bool) -> Step:
    """A recording of the connection begins or ends."""
    if session.phase not in ("ivr", "connected") or not session.connection:
        _refused(f"the call is {session.phase}: only a connection that callAnswered told of can be recorded")
    session = replace(session, recordings=session.recordings + 1) if on else session
    return stepped(session, order=recording_order(session, on=on))


def shown(session: Session) -> dict[str, Any]:
    """A call's last known state."""
    said = session.about() | {
        "status": _status(session), "turn": session.turn, "menu": session.menu, "target": session.target,
        "call_status": session.status, "hangup_cause": session.cause, "ended_by": session.ended_by or None, "state": session.state,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None or name in ("menu", "state")}


def _status(session: Session) -> str:
    if session.placing == "unclear" and session.phase == "dialing":
        return "unclear"
    return {"deciding": "ivr", "transferring": "dialing", "ending": "ended"}.get(session.phase, session.phase)


def _read(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    try:
        return dict(_WANTED.load(wanted)), []
    except ValidationError as error:
        return dict(error.valid_data) if isinstance(error.valid_data, dict) else {}, list(problems_of(error))


def _action(given: Mapping[str, Any], problems: list[Problem], rules: Rules) -> AnyAction | None:
    """The action in a request, tried out: what cannot be played is to be known before anybody's phone rings."""
    if given.get("action") is None:
        return None
    try:
        return rules.phrases.tried(given["action"])
    except AnswerRejected as error:
        problems += [Problem(f"action.{problem.path}" if problem.path else "action", problem.message) for problem in error.problems]
        return None


def _refused(message: str) -> None:
    raise AnswerRejected([Problem("", message)], "wrong_phase")
