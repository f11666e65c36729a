"""The vendor's JSON method call: `{"METHOD": ..., "DATA": {...}}` and its replies, both directions."""

from __future__ import annotations

import re

from rpcbridge.codec.json_text import Parsed, dump
from rpcbridge.codec.values import Fault, MethodCall, MethodResponse
from rpcbridge.errors import CallError, NotACall


def call_in(parsed: Parsed) -> MethodCall:
    """A call. Raises CallError; its `method` is set where the name could be read."""
    raw = parsed.raw
    if isinstance(raw, list):
        raise NotACall("an array of METHOD calls is not supported: send one call a request, or a batch of JSON-RPC 2.0")
    method = parsed.member("METHOD")
    if type(method) is not str or not method.strip():
        raise NotACall("METHOD: expected the method's name, a text")
    try:
        value, repairs = parsed.settled()
    except CallError as error:
        error.method = method.strip()
        raise
    assert isinstance(value, dict)
    params = (value["DATA"],) if "DATA" in value else ()
    return MethodCall(method.strip(), params, "json", repairs)


def response_in(parsed: Parsed) -> MethodResponse | Fault:
    """A reply, or the fault that a JSON error reply stands for. Raises CallError."""
    value, _ = parsed.settled()
    if isinstance(value, dict) and isinstance(error := value.get("ERROR"), dict):
        code, message = error.get("code"), error.get("message")
        if isinstance(code, str) and re.fullmatch("-?[0-9]{1,10}", code) and isinstance(message, str):
            return Fault(int(code), message)
    return MethodResponse(value)


def write_response(response: MethodResponse | Fault) -> str:
    """A reply. Raises EncodeError for what the wire cannot carry."""
    if isinstance(response, Fault):
        return dump({"STATUS": 1, "ERROR": {"code": response.code, "message": response.message}})
    return dump(response.value)


def write_call(call: MethodCall) -> str:
    """A call, as the platform writes it."""
    return dump({"METHOD": call.method, **({"DATA": call.params[0]} if call.params else {})})
