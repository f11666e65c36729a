"""What is sent and what is answered in every measurement, taken from the fixtures."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CASES = ROOT / "fixtures" / "voicenter"

# The question every load asks, and the id in it that the load generator makes new with each request:
# rpcbridge lets identical questions in flight share one request to the backend, which would be cheating here.
QUESTION_FILE = _CASES / "reply_menu_xml" / "platform_request.xml"
QUESTION = QUESTION_FILE.read_bytes()
CALL_ID = "ced4619f30fc17182d8e41ddf4d6869X"

# The answer to it, as the backend's action and as the reply that Voicenter wants.
_ACTION = json.loads((_CASES / "reply_menu_xml" / "backend_response.json").read_bytes())
ACTION = json.dumps(_ACTION, separators=(",", ":")).encode()
REPLY = (_CASES / "reply_menu_xml" / "platform_response.xml").read_bytes()

# What tells a right answer from any other: no fallback names this recording.
IN_ACTION = ('"action":"menu"', '"prompt":"record_filename"')
IN_REPLY = ("<string>MENU</string>", "<string>record_filename</string>")


def requests() -> dict[str, bytes]:
    """The vendor's own requests, by method."""
    cases = {"GET_IVR_ACTION": "get_ivr_action_xml", "HANGUP_CALL": "hangup_call_xml"}
    return {method: (_CASES / case / "platform_request.xml").read_bytes() for method, case in cases.items()}


def replies() -> dict[str, bytes]:
    """The vendor's own replies, by ACTION."""
    cases = {"MENU": "reply_menu_xml", "CALL": "reply_call_xml", "SAYDIGITS": "reply_saydigits_xml"}
    return {action: (_CASES / case / "platform_response.xml").read_bytes() for action, case in cases.items()}
