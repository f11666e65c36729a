"""Mediaservice's words and the contract's: callbacks, drop codes, SIP responses, and what must not be read in a record."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rpcbridge.platforms.shapes import Kind
from rpcbridge.redaction import Sensitivity

# Three callbacks ask ("decision callbacks"), all others report.
METHODS: Mapping[str, Kind] = {
    "newCall": "question", "getIvrCommand": "question", "callEvent": "question",
    "callAnswered": "notification", "callNotify": "notification", "recordingReady": "notification", "sessionCompleted": "notification",
    "getCallIdentifier": "notification", "newRemoteCall": "notification", "fileRecorded": "notification", "alarm": "notification",
}  # fmt: skip

HELP = {
    "newCall": "A new call: whether it is connected to the IVR, dialled elsewhere or dropped.",
    "getIvrCommand": "What the IVR plays next, and which digits it collects.",
    "callEvent": "Somebody hung up, could not be reached or was split off: what becomes of the one who remains.",
    "callAnswered": "Two participants are connected.",
    "callNotify": "A phone rings; or a call changed.",
    "recordingReady": "A recording was uploaded, or failed.",
    "sessionCompleted": "The call is over.",
    "getCallIdentifier": "Asks for what is kept with a session.",
    "newRemoteCall": "A call for somebody with an RTP endpoint.",
    "fileRecorded": "A file was recorded.",
    "alarm": "Something unexpected happened.",
}

DROP_CODES = ("busy", "error", "numberNotFound", "numberNotActive", "dropNoMsg", "temporarilyUnavailable")

# Q.850 cause -> dropCode; any other cause is an `error`.
_DROP = {
    17: "busy",
    1: "numberNotFound", 2: "numberNotFound", 3: "numberNotFound", 28: "numberNotFound",
    22: "numberNotActive",
    16: "dropNoMsg",
    **dict.fromkeys((18, 19, 20, 27, 31, 34, 38, 41, 42, 44, 47), "temporarilyUnavailable"),
}  # fmt: skip

# SIP response -> Q.850 cause, after RFC 3398.
_CAUSE = {
    404: 1, 403: 21, 408: 102, 410: 22, 480: 18, 484: 28, 486: 17, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 600: 17, 603: 21,
}  # fmt: skip

_STATUS = {
    486: "busy", 600: "busy",
    408: "no_answer", 480: "no_answer", 487: "no_answer",  # 487 where the caller is still there: nobody picked up in time
    403: "rejected", 603: "rejected",
    502: "unavailable",
    500: "congestion", 503: "congestion", 504: "congestion",
    404: "invalid_number", 410: "invalid_number", 484: "invalid_number", 604: "invalid_number",
    402: "not_allowed",
}  # fmt: skip

# `Q.850;cause=16` in a SIP Reason header; `SIP;cause=200` is a response code, not a cause.
_Q850 = re.compile(r"Q\.850\s*;\s*(?:[^,;]*;\s*)*?cause\s*=\s*([0-9]{1,3})\b", re.IGNORECASE)

# What a record must not show as it is. Ids and times may look like phone numbers and are none. replyId lets whoever has it
# act upon the call, and the platform's own key for media stands in `config`: neither may be of use to a reader of records.
SENSITIVE: Mapping[str, Sensitivity] = {
    **dict.fromkeys(
        (
            "callingParty", "calledParty", "fromUser", "paiNumber", "user", "remoteUser", "callingPartyNumber", "remotePartyNumber",
            "sourceUser", "destinationUri", "destAddr", "sipFrom", "sipTo", "sipPAI", "sipRPID", "sipDiversion", "diversionHeaders",
            "referredBy", "monitorDestAddr", "monitorSipFrom",
        ),
        "number",
    ),
    "displayName": "name",
    "dtmfBuffer": "digits", "dtmfMatch": "digits",
    "Text": "spoken", "text": "spoken",  # of a phrase, and of a prompt in an answer
    # Names and values of the customer's own.
    **dict.fromkeys(
        (
            "xHeaders", "pHeaders", "monitorXHeaders", "monitorPHeaders", "sipDiversionParameters", "contactParameters",
            "contactUserParameters",
        ),
        "state",
    ),
    "replyId": "token", "config": "token", "salt": "token",
    **dict.fromkeys(
        (
            "sessionId", "sipCallId", "participantId", "remoteParticipantId", "connectionId", "callerParticipantId", "calleeParticipantId",
            "traceId", "httpTransactionId", "callId", "rb", "recordingFileName", "fileSize", "size_bytes",
        ),
        "plain",
    ),
}  # fmt: skip


def drop_code(cause: int | None) -> str:
    """The dropCode that says `cause`; none is a normal end."""
    return "dropNoMsg" if cause is None else _DROP.get(cause, "error")


def cause_of(sip: int | None, reason: str) -> int | None:
    """The Q.850 cause in a SIP Reason header, else the one that a SIP response stands for, else None."""
    if found := _Q850.search(reason):
        return int(found[1]) if int(found[1]) <= 127 else None
    return None if sip is None else _CAUSE.get(sip)


def status_of(sip: int | None, *, failed: bool, cancelled: bool = False) -> str:
    """The contract's call_status for a leg that was not answered. cancelled: the caller hung up first."""
    if cancelled and sip in (None, 487):
        return "cancelled"
    if sip is None:
        return "failed" if failed else "unknown"
    return _STATUS.get(sip, "failed")
