"""The phone: a keypad that plays a phone system against this very bridge, one step a request, the exchange beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from rpcbridge.errors import DatabaseError, Problem, StepError
from rpcbridge.simulation import Simulation, Taken
from rpcbridge.web.debug.page import Debug, shown
from rpcbridge.web.debug.stations import station_views
from rpcbridge.web.tracing import traceparent

_LARGEST = 64 * 1024  # bytes of one step: a session holds a few texts of at most 4,096 characters

# What each fault of the drill is called on the page, after "Your backend".
_FAULTS = {
    "": "answers as ever",
    "down": "is down",
    "slow": "does not answer",
    "500": "answers 500",
    "garbage": "answers HTML",
    "wrong_action": "unknown action",
}
_DIALECTS = {"xmlrpc": "XML-RPC", "json": "JSON", "jsonrpc": "JSON-RPC 2.0", "rest": "REST"}


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The page, and the steps of a call."""
    if debug.phone is None:
        return
    place = debug.phone

    @blueprint.get("/phone")
    def phone() -> Response:
        told = {"choices": place.choices, "dialects": place.dialects, "deadline_ms": place.deadline_ms, "breaker_failures": place.breaker_failures}
        return shown(200, told, "phone.html", faults=_FAULTS, names=_DIALECTS, revealed=debug.reveal, **told)

    @blueprint.post("/phone/<step>")
    def phone_step(step: str) -> Response:
        take = _STEPS.get(step)
        if take is None:
            return _refused(404, [Problem("", f"no such step, known: {', '.join(_STEPS)}")])
        try:
            taken = take(place, _given())
        except StepError as error:
            return _refused(400, error.problems)
        except RequestEntityTooLarge:
            return _refused(413, [Problem("", f"the step is larger than {_LARGEST} bytes")])
        return _json(200, taken.as_json() | _seen(debug, taken))


def _given() -> dict[str, Any]:
    """The step's JSON object. Raises StepError."""
    request.max_content_length = _LARGEST
    try:
        given = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise StepError([Problem("", "the step is no JSON")]) from None
    if not isinstance(given, dict):
        raise StepError([Problem("", "expected a JSON object")])
    return given


_STEPS: Mapping[str, Callable[[Simulation, dict[str, Any]], Taken]] = {
    "call": lambda place, given: place.begin(given, traceparent("")),
    "press": lambda place, given: place.press(given.get("session"), given.get("digits"), traceparent("")),
    "dialled": lambda place, given: place.dialled(given.get("session"), given.get("outcome"), traceparent("")),
    "talked": lambda place, given: place.talked(given.get("session"), traceparent("")),
    "hangup": lambda place, given: place.hang_up(given.get("session"), traceparent("")),
}


def _seen(debug: Debug, taken: Taken) -> dict[str, Any]:
    """The exchanges behind a step as the trace keeps them, so masked: key facts of one, and the stations of each, the newest first."""
    if taken.exchange is None:
        return {"exchange": None, "turn": ""}
    try:
        documents = {seen.id: debug.trace.document(seen) for seen in taken.exchanges}
    except DatabaseError as error:
        return {"exchange": None, "turn": render_template("_phone_turn.html", seen=None, error=str(error))}
    told = {name: documents[taken.exchange.id][name] for name in _TOLD}
    html = [render_template("_phone_turn.html", seen=seen, views=station_views(seen)) for seen in documents.values()]
    return {"exchange": told, "turn": "".join(reversed(html))}


_TOLD = ("id", "call_id", "outcome", "action", "reason", "method", "attempts", "backend_ms", "total_ms", "deadline_ms")


def _refused(status: int, problems: Any) -> Response:
    said = [{"field": problem.path, "message": problem.message} for problem in problems]
    return _json(status, {"error": "; ".join(str(problem) for problem in problems), "problems": said})


def _json(status: int, content: Mapping[str, Any]) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, content_type="application/json")
