"""`/api/calls`: a call placed, an action now, a recording, and how a call stands. Knows no platform by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, g

from rpcbridge.bridge import Carrier, UnknownCall
from rpcbridge.errors import AnswerRejected, NotStored, OrderFailed, Problem
from rpcbridge.web.api.given import json_value
from rpcbridge.web.api.problems import Refusal, unusable
from rpcbridge.web.body import BodyReader

_RECORDING = {"start": True, "stop": False}


def add(blueprint: Blueprint, carrier: Carrier, bodies: BodyReader) -> None:
    """Add the routes."""

    @blueprint.post("/calls")
    def placed() -> Response:
        wanted = _object(bodies, "calls")
        return _json(202, _done(lambda: carrier.place(wanted)))

    @blueprint.post("/calls/<call_id>/action")
    def acted(call_id: str) -> Response:
        answer = _object(bodies, "calls.action")
        return _json(202, _done(lambda: carrier.act(call_id, answer)))

    @blueprint.post("/calls/<call_id>/recording")
    def recorded(call_id: str) -> Response:
        given = _object(bodies, "calls.recording")
        wish = given.get("recording")
        on = _RECORDING.get(wish) if isinstance(wish, str) else None
        strangers = [Problem(str(name)[:80], "unknown key, known: recording") for name in given if name != "recording"]
        if on is None or strangers:
            wrong = [Problem("recording", 'expected "start" or "stop"')] if on is None else []
            raise unusable([*strangers, *wrong])
        return _json(202, _done(lambda: carrier.record(call_id, on=on)))

    @blueprint.get("/calls/<call_id>")
    def shown(call_id: str) -> Response:
        g.api_operation = "calls"
        return _json(200, _done(lambda: carrier.shown(call_id)))


def _object(bodies: BodyReader, operation: str) -> Mapping[str, Any]:
    g.api_operation = operation
    value = json_value(bodies)
    if not isinstance(value, dict):
        raise unusable([Problem("", "expected an object")])
    return value


def _done(do: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return do()
    except UnknownCall:
        raise Refusal(404, "unknown_call", "nothing is kept of a call of this id") from None
    except AnswerRejected as error:
        if error.reason == "wrong_phase":
            raise Refusal(409, error.reason, str(error)) from None
        raise unusable(error.problems) from None
    except NotStored as error:
        text = f"{error}: nothing was done"
        raise Refusal(503, "database", text, headers={"Retry-After": "1"}) from None
    except OrderFailed as error:
        raise Refusal(502, "order_failed", str(error), outcome=error.outcome) from None


def _json(status: int, answer: Mapping[str, Any]) -> Response:
    return Response(json.dumps(answer) + "\n", status, content_type="application/json")
