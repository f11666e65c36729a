"""A call that nobody made: to show what becomes of a request where nothing is kept of its call. Pure."""

from __future__ import annotations

from rpcbridge.codec import REST, MethodCall, Value
from rpcbridge.domain.actions import AnyAction, Call, Menu, Prompt
from rpcbridge.platforms.mediaservice.session import Session, written
from rpcbridge.platforms.mediaservice.turn import Turn

_MENU = Menu(menu="main", prompt=Prompt(name="welcome"))
_CALL = Call(target="0580000000")
_IN_THE_IVR = ("getIvrCommand", "sessionCompleted", "getCallIdentifier", "fileRecorded")
_BEGINS = ("newCall", "newRemoteCall")


def supposed(turn: Turn, key: str) -> Session | None:
    """A call from 0550000000 to 0770000000: in a menu, being dialled, or on the way out of the IVR, whichever the callback is about."""
    if turn.method in _BEGINS or (turn.method == "alarm" and not turn.text("session_id")):
        return None
    event = turn.text("event")
    if turn.method in _IN_THE_IVR:
        return _session(turn, key, "ivr", _MENU)
    if event.endswith("ConnectionSplit"):
        return _session(turn, key, "transferring", _CALL)
    return _session(turn, key, "connected" if event in ("calledPartyDrop", "recordingSuccessful", "recordingFailed") else "dialing", _CALL)


def asks(session: Session) -> MethodCall:
    """The IVR's first request."""
    body: dict[str, Value] = {"sessionId": session.session_id, "sessionReferenceId": {"rb": session.key}, "replyId": "the request's own"}
    return MethodCall("getIvrCommand", (body,), REST)


def _session(turn: Turn, key: str, phase: str, action: AnyAction) -> Session:
    session_id = "".join(turn.text("session_id").split()) or "9bb07660-c747-11ea-afa0-bd07728b0000"
    return Session(
        key=key, call_id=session_id, session_id=session_id, phase=phase, caller_number="0550000000", called_number="0770000000", turn=1,
        playing=written(action), menu=action.menu if isinstance(action, Menu) else None, started=turn.now,
        target=action.target if isinstance(action, Call) else None, status="unknown" if isinstance(action, Call) else None,
        dialled=turn.now if isinstance(action, Call) else None,
    )  # fmt: skip
