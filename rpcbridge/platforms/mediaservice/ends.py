"""The end of a call, told once; and what timers do."""

from __future__ import annotations

from dataclasses import replace

from rpcbridge.domain.events import ABSENT, CallEnded, Maybe, RecordingReady
from rpcbridge.platforms.conversation import Order, Step, Told
from rpcbridge.platforms.mediaservice.answers import recording_name
from rpcbridge.platforms.mediaservice.session import Session
from rpcbridge.platforms.mediaservice.turn import (
    END,
    EXPIRE,
    LIMIT,
    SPLIT,
    START_RECORDING,
    STOP_RECORDING,
    stepped,
)
from rpcbridge.platforms.shapes import Receipt


def ended(session: Session, receipt: Receipt, name: str, raw: Maybe[object] = ABSENT) -> tuple[Session, tuple[Told, ...]]:
    """The call as one that is over, and the report of it unless that was made before."""
    if session.reported:
        return replace(session, phase="ended"), ()
    now = receipt.occurred_at.timestamp()
    over = session.ended if session.ended is not None else now
    event = CallEnded(
        **session.about(), event_id=receipt.event_id, occurred_at=receipt.occurred_at, platform=name,
        target=ABSENT if session.target is None else session.target,
        call_status=ABSENT if session.status is None else session.status,
        hangup_cause=ABSENT if session.cause is None else session.cause,
        ended_by=session.ended_by or "unknown", duration=max(0, round(over - session.started)),
        ring_duration=ABSENT if session.ring_seconds is None else round(session.ring_seconds), estimated=True,
        state=session.state, raw=raw,
    )  # fmt: skip
    over_now = replace(session, phase="ended", reported=True, ended=over, fresh=False)
    return over_now, (Told(event, f"ended:{session.key}"),)


def due(name: str, session: Session, receipt: Receipt, platform: str, *, again: bool) -> Step:
    """What a timer does: it reports the end, or tells the platform something. Nothing where that is no longer due."""
    if name in (END, EXPIRE):
        over, events = ended(session, receipt, platform)
        step = stepped(over, events=events, timers={END: None})
        return step if name == END else Step(kept=over.kept(0.0), events=events, timers={END: None, EXPIRE: None})
    order = _order(name, session)
    if order is None or (again and not order.repeats):
        return Step(about=session.about())
    if name == SPLIT:
        session = replace(session, splits=session.splits + 1)
    if name == LIMIT:
        session = replace(session, ended_by=session.ended_by or "bridge")
    return stepped(session, order=order)


def failed(name: str, session: Session, receipt: Receipt, platform: str, problem: str) -> Step:
    """What follows where an order was not carried out. A split is tried again when the IVR asks the next time."""
    if name != START_RECORDING:
        return Step(about=session.about())
    event = RecordingReady(
        **session.about(), event_id=receipt.event_id, occurred_at=receipt.occurred_at, platform=platform,
        recording={"name": recording_name(session), "ok": False, "reason": problem},
    )  # fmt: skip
    return Step(about=session.about(), events=(Told(event, f"no-recording:{session.key}:{session.recordings}"),))


def split_order(session: Session) -> Order | None:
    """What takes the person out of the connection, None where no callAnswered told of it."""
    if not session.connection:
        return None
    return Order("splitconnection", {"replyId": session.reply_id, "connectionId": session.connection}, session.base_url, repeats=False)


def recording_order(session: Session, *, on: bool) -> Order | None:
    """What begins or ends a recording of the connection, None where no callAnswered told of it."""
    if not session.connection:
        return None
    body = {"replyId": session.reply_id, "connectionId": session.connection}
    if on:
        return Order("startrecording", {"recordingFileName": recording_name(session), **body}, session.base_url)
    return Order("stoprecording", body, session.base_url)


def _order(name: str, session: Session) -> Order | None:
    if name == SPLIT:
        return split_order(session) if session.phase == "transferring" else None
    if name == LIMIT:
        whom = (session.other or session.person) if session.direction == "inbound" else session.person
        # Of a call that came in it is a connection that is limited, of one that we placed the whole call.
        limited = ("connected",) if session.direction == "inbound" else ("connected", "ivr", "transferring")
        if session.phase not in limited or not whom or not session.reply_id:
            return None
        body = {"participantId": whom, "replyId": session.reply_id, "sessionId": session.session_id}
        return Order("hangupparticipant", body, session.base_url)
    return recording_order(session, on=name == START_RECORDING) if name in (START_RECORDING, STOP_RECORDING) else None
