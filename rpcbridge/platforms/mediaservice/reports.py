"""Callbacks that report something beside the call itself: recordings, alarms, calls for others, and who a session is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rpcbridge.domain.events import ABSENT, PlatformAlarm, RecordingReady, RemoteCallOffered
from rpcbridge.platforms.conversation import Step, Told
from rpcbridge.platforms.mediaservice.session import Session
from rpcbridge.platforms.mediaservice.turn import Turn, reference

_NAMES = ("recordingFileName", "fileName", "file", "name")  # fileRecorded's fields are documented nowhere


def recorded(turn: Turn, session: Session | None, platform: str) -> Step:
    """recordingReady."""
    name, ok = turn.text("recording_file_name"), turn.text("event") != "recordingFailed"
    recording: dict[str, Any] = {"name": name, "ok": ok}
    if isinstance(size := turn.said.get("file_size"), int):
        recording["size_bytes"] = size
    if reason := turn.text("reason"):
        recording["reason"] = reason
    return _recording(turn, session, platform, recording, f"recorded:{turn.text('session_id')}:{name}:{ok}")


def filed(turn: Turn, session: Session | None, platform: str) -> Step:
    """fileRecorded, whatever it holds: only its name is documented."""
    name = next((value for key in _NAMES if isinstance(value := turn.raw.get(key), str) and value), "")
    return _recording(turn, session, platform, {"name": str(name), "ok": True}, "")


def _recording(turn: Turn, session: Session | None, platform: str, recording: dict[str, Any], same_as: str) -> Step:
    if recording["ok"] and recording["name"]:
        recording["url"] = f"/api/mediaservice/promptfile/{quote(recording['name'], safe='')}/url"
    about = _about(turn, session)
    event = RecordingReady(
        **about, event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=platform, recording=recording,
        raw=turn.kept_raw,
    )  # fmt: skip
    return Step(about=about, events=(Told(event, same_as),))


def alarmed(turn: Turn, session: Session | None, platform: str) -> Step:
    """An alarm: of a call where it names one. The same again is another alarm."""
    call_id = turn.text("session_id")
    about: Mapping[str, Any] = session.about() if session else {"call_id": call_id} if call_id else {}
    details = dict(turn.said.get("error_details") or {})
    details |= {wire: turn.raw[wire] for wire in ("status", "participantId", "user", "callId") if turn.raw.get(wire) is not None}
    event = PlatformAlarm(
        **about, event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=platform,
        alarm_type=turn.text("type"), error=turn.text("error"), details=details or ABSENT, raw=turn.kept_raw,
    )  # fmt: skip
    return Step(about=about, events=(Told(event),))


def offered(turn: Turn, platform: str) -> Step:
    """newRemoteCall: a call for somebody with an RTP endpoint, who gets all that came with it."""
    about = {"call_id": turn.text("session_id") or f"rb-{turn.receipt.event_id}", "direction": "inbound"}
    if number := turn.text("source_user"):
        about["caller_number"] = number
    event = RemoteCallOffered(
        **about, event_id=turn.receipt.event_id, occurred_at=turn.receipt.occurred_at, platform=platform, raw=turn.raw,
    )  # fmt: skip
    return Step(about=about, reply={"sessionReferenceId": turn.receipt.event_id}, events=(Told(event, f"offered:{turn.text('reply_id') or turn.receipt.event_id}"),))


def identified(turn: Turn, session: Session | None) -> Step:
    """getCallIdentifier: the bridge knows what is kept with a session."""
    reply = {"sessionId": turn.text("session_id"), **(reference(session) if session else {"sessionReferenceId": {}})}
    return Step(about=session.about() if session else {}, reply=reply)


def _about(turn: Turn, session: Session | None) -> dict[str, Any]:
    if session is not None:
        return session.about()
    call_id = "".join(turn.text("session_id").split()) or f"rb-{turn.receipt.event_id}"
    return {"call_id": call_id, "direction": "inbound"}
