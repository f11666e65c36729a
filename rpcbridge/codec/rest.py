"""Plain JSON whose method stands in the URL: a body and nothing around it, both directions."""

from __future__ import annotations

from rpcbridge.codec.json_text import dump, parse
from rpcbridge.codec.text import to_utf8
from rpcbridge.codec.values import Fault, MethodCall, MethodResponse
from rpcbridge.errors import CallError

NAME = "rest"


def read_call(body: bytes, method: str) -> MethodCall:
    """The call of `method` whose only parameter is the body. Raises CallError, its `method` and `dialect` set."""
    try:
        text, repairs = to_utf8(body)
        parsed = parse(text)
        value, more = parsed.settled()
    except CallError as error:
        error.method, error.dialect = method, NAME
        raise
    return MethodCall(method, (value,), NAME, (*repairs, *more))


def write_call(call: MethodCall) -> str:
    """A call's body, as the platform writes it."""
    return dump(call.params[0] if call.params else {})


def write_response(response: MethodResponse | Fault) -> str:
    """A reply's body. Raises EncodeError for what JSON cannot carry."""
    if isinstance(response, Fault):
        return dump({"success": False, "error": {"code": response.code, "message": response.message}})
    return dump(response.value)
