"""What an integrator writes by hand: Flask, xmlrpc.client and requests; the same REST backend, the same reply.

It does less than rpcbridge: no checks of what comes in or of what the backend answers, no fallback
but to hang up, no retries, no routes, no log. gunicorn runs it as
`benchmarks.hand_written:create('http://127.0.0.1:PORT')`.
"""

from __future__ import annotations

import threading
import uuid
import xmlrpc.client
from datetime import UTC, datetime
from typing import Any

import requests
from flask import Flask, Response, request

HANGUP = {"STATUS": 0, "ACTION": "HANGUP", "LANGUAGE": "he", "DATA": {}}


class _Sessions(threading.local):
    """A Session of each thread's own: it keeps its connection, and one for all is not safe with threads."""

    def __init__(self) -> None:
        self.session = requests.Session()


def create(backend: str) -> Flask:
    """The application of one process."""
    app = Flask(__name__, static_folder=None)
    sessions = _Sessions()

    @app.post("/voicenter")
    def voicenter() -> Response:
        (fields,), method = xmlrpc.client.loads(request.get_data())
        question = method == "GET_IVR_ACTION"
        url = f"{backend}/ivr/action" if question else f"{backend}/ivr/events"
        try:
            answer = sessions.session.post(url, json=_event(fields, question), timeout=4)
            answer.raise_for_status()
            reply = _reply(answer.json()) if question else {"STATUS": 0}
        except (requests.RequestException, ValueError, KeyError):
            reply = HANGUP if question else {"STATUS": 1}
        return Response(xmlrpc.client.dumps((reply,), methodresponse=True), content_type="text/xml; charset=utf-8")

    return app


def _event(fields: dict[str, Any], question: bool) -> dict[str, Any]:
    event = {
        "event": "action_requested" if question else "call_ended",
        "event_id": str(uuid.uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "platform": "voicenter",
        "call_id": fields["IVR_UNIQUE_ID"],
        "caller_number": fields["CALLER_ID"],
        "called_number": fields["DID"],
    }
    if question:
        menu, previous = fields.get("MENU"), fields.get("PREVIOUS_MENU")
        event |= {
            "reason": "input" if fields.get("DTMF") else "call_started",
            "caller_name": fields.get("CALLER_NAME"),
            "menu": None if menu == "-1" else menu,
            "previous_menu": None if previous == "-1" else previous,
            "digits": fields.get("DTMF", ""),
        }
    else:
        event |= {"status": fields.get("CALL_STATUS"), "duration": fields.get("CALL_DURATION")}
    return event


def _reply(action: dict[str, Any]) -> dict[str, Any]:
    return {"STATUS": 0, "ACTION": action["action"].upper(), "LANGUAGE": action.get("language", "he"), "DATA": _data(action)}


def _data(action: dict[str, Any]) -> dict[str, Any]:
    if action["action"] == "menu":
        return {
            "REC": action["prompt"],
            "LOOP": action.get("loops", 1),
            "DELAY": action.get("loop_delay", 3),
            "SIZE": action.get("max_digits", 1),
            "MENU": action["menu"],
            "VALIDATION": int(action.get("validate_digits", False)),
        }
    if action["action"] == "call":
        return {
            "TARGET": action["target"],
            "CALLERID": action.get("caller_number", ""),
            "CALLERNAME": action.get("caller_name", ""),
            "CALL_MAX_DIAL": action.get("ring_timeout", 60),
            "CALL_MAX": action.get("max_duration", 3600),
            "REC_STATUS": int(action.get("record", False)),
        }
    return {"HANGUP_REC": action["prompt"]} if "prompt" in action else {}
