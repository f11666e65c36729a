"""A request's JSON body, or the refusal that says what it is instead."""

from __future__ import annotations

import json
import time
from typing import Any, NoReturn

from flask import g, request

from rpcbridge.errors import CallError, NotACall, UnsupportedEncoding
from rpcbridge.web.api.problems import Refusal
from rpcbridge.web.body import BodyReader

_READING = 10.0  # seconds that a body may take to come: it is small


def json_value(bodies: BodyReader) -> Any:
    """The JSON value in the body. Raises Refusal."""
    if not (request.is_json or not request.mimetype):
        raise Refusal(415, "not_json", f"send Content-Type: application/json, got {request.mimetype[:60]}")
    try:
        body = bodies.read(request.environ, time.monotonic() + _READING)
    except NotACall as error:  # of the body's reader: it is too large
        raise Refusal(413, "too_large", str(error)) from None
    except UnsupportedEncoding as error:
        raise Refusal(415, "encoded", str(error)) from None
    except CallError as error:
        raise Refusal(400, "not_readable", str(error)) from None
    g.api_body_taken = True
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "not_json", f"the body is no JSON: {str(error)[:80]}") from None


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
