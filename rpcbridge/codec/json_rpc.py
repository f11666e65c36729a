"""JSON-RPC 2.0, both directions: `{"jsonrpc": "2.0", "method": ..., "params": ..., "id": ...}`, batches, errors.

The words in quotes are those of the specification, https://www.jsonrpc.org/specification
"""

from __future__ import annotations

import re
from typing import Any

from rpcbridge.codec.json_text import Parsed, dump
from rpcbridge.codec.limits import MAX_ITEMS
from rpcbridge.codec.values import Batch, BatchResponse, Fault, Lexical, MethodCall, MethodResponse, Value
from rpcbridge.errors import CallError, NotACall, Repair, shown

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def speaks(raw: Any) -> bool:
    """Whether parsed JSON is meant as JSON-RPC. An array always is, unless it holds the vendor's METHOD calls."""
    if isinstance(raw, list):
        names = {name for item in raw if isinstance(item, dict) for name in ("jsonrpc", "METHOD") if name in item}
        return names != {"METHOD"}
    return "jsonrpc" in raw


def call_in(parsed: Parsed) -> MethodCall | Batch:
    """A request, a notification or a batch. Raises CallError; its `method` and `id` are set where they could be read."""
    if isinstance(parsed.raw, list):
        return _batch(parsed)
    try:
        value, repairs = parsed.settled()
    except CallError as error:
        _named(error, parsed)
        raise
    return _call(value, repairs)


def _named(error: CallError, parsed: Parsed) -> None:
    """Tell `error` the method and the id of a request whose params are beyond reading: a caller may be waiting."""
    method = parsed.member("method")
    if type(method) is str and "id" in parsed.raw:
        error.id = _id(parsed.member("id"))
        error.method = method.strip()


def _batch(parsed: Parsed) -> Batch:
    if not 1 <= len(parsed.raw) <= MAX_ITEMS:
        raise NotACall(f"a batch holds 1 to {MAX_ITEMS} requests, this one {len(parsed.raw)}")
    value, repairs = parsed.settled()
    assert isinstance(value, list)
    return Batch(tuple(_item(item) for item in value), repairs)


def _item(value: Value) -> MethodCall | CallError:
    try:
        return _call(value, ())
    except CallError as error:
        return error


def _call(value: Value, repairs: tuple[Repair, ...]) -> MethodCall:
    if not isinstance(value, dict):
        raise NotACall(f"a request is an object, got {shown(value)}")
    id, unanswered = _id(value.get("id")), "id" not in value
    version, method, params = value.get("jsonrpc"), value.get("method"), value.get("params")
    if type(version) is not str or version != "2.0":
        raise NotACall(f'jsonrpc: expected the text "2.0", got {shown(version)}', id=id)
    if type(method) is not str or not method.strip():
        raise NotACall("method: expected the method's name, a text", id=id)
    method = method.strip()
    if not isinstance(params, dict | list | None):
        # Without an id it is no valid notification either, so it gets the plain error.
        named = None if unanswered else method
        raise NotACall(f"params: expected an object or an array, got {shown(params)}", named, id=id)
    by_place = tuple(params) if isinstance(params, list) else () if params is None else (params,)
    return MethodCall(method, by_place, "jsonrpc", repairs, id, unanswered)


def _id(id: Value) -> str | None:
    # "An identifier established by the Client that MUST contain a String, Number, or NULL value if included."
    is_number = isinstance(id, Lexical) and _NUMBER.fullmatch(id) is not None
    if id is None or type(id) is str or is_number:
        return id  # type: ignore[return-value]  # a Lexical is a str
    raise NotACall(f"id: expected a text, a JSON number or null, got {shown(id)}")


def response_in(parsed: Parsed) -> MethodResponse | Fault:
    """A result, or the fault that an error object stands for. Raises CallError."""
    value, _ = parsed.settled()
    assert isinstance(value, dict)
    id, error = _id(value.get("id")), value.get("error")
    if "result" in value and error is None:
        return MethodResponse(value["result"], id)
    if isinstance(error, dict) and value.get("result") is None:
        code, message = error.get("code"), error.get("message")
        if isinstance(code, str) and re.fullmatch("-?[0-9]{1,10}", code) and isinstance(message, str):
            return Fault(int(code), message, id)
    raise NotACall("a response holds either a result, or an error with code (an integer) and message (a text)")


def write_response(response: MethodResponse | Fault | BatchResponse) -> str:
    """A reply, with its id as it came. Raises EncodeError for what the wire cannot carry."""
    if isinstance(response, BatchResponse):
        return f"[{','.join(write_response(one) for one in response.responses)}]"
    if isinstance(response, Fault):
        said = '"error":' + dump({"code": response.code, "message": response.message})
    else:
        said = '"result":' + dump(response.value)
    return f'{{"jsonrpc":"2.0",{said},"id":{_written(response.id)}}}'


def write_call(call: MethodCall) -> str:
    """A request, or a notification where nobody waits for the answer; one struct goes as params by name."""
    params = call.params[0] if len(call.params) == 1 and isinstance(call.params[0], dict) else list(call.params)
    id = "" if call.unanswered else f',"id":{_written(call.id)}'
    return f'{{"jsonrpc":"2.0","method":{dump(call.method)},"params":{dump(params)}{id}}}'


def _written(id: str | None) -> str:
    return str(id) if isinstance(id, Lexical) else dump(id)
