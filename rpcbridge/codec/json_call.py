"""The JSON method call: `{"METHOD": ..., "DATA": {...}}` and its replies, both directions.

Read strictly first, then once leniently for the vendor's own unquoted keys. Numbers are taken as
text, so that 15616841651, 0.10 or a 34-digit id come through as they were written.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import pyjson5

from rpcbridge.codec.limits import MAX_DEPTH, MAX_VALUES
from rpcbridge.codec.values import Fault, Lexical, MethodCall, MethodResponse, Value
from rpcbridge.errors import CallError, EncodeError, NotACall, NotWellFormed, Repair

_METHOD = re.compile(r'"METHOD"\s*:\s*"([A-Za-z0-9_.:/]{1,80})"')
_CONSTANT = re.compile(rb"\b(?:NaN|Infinity)\b")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_call(text: bytes) -> MethodCall:
    """A call. Raises CallError; its `method` is set where the name could be read."""
    raw, numbers, repairs = _parsed(text)
    if isinstance(raw, list):
        raise NotACall("a batch of calls is not supported: send one call a request")
    if "jsonrpc" in raw:
        raise NotACall("JSON-RPC 2.0 is not supported: send METHOD and DATA")
    method = raw.get("METHOD")
    if type(method) is not str or not method.strip():
        raise NotACall("METHOD: expected the method's name, a text")
    try:
        value, more = _settled(raw, numbers, text)
    except CallError as error:
        error.method = method.strip()
        raise
    assert isinstance(value, dict)
    params = (value["DATA"],) if "DATA" in value else ()
    return MethodCall(method.strip(), params, "json", (*repairs, *more))


def read_response(text: bytes) -> MethodResponse | Fault:
    """A reply, or the fault that a JSON error reply stands for. Raises CallError."""
    raw, numbers, _ = _parsed(text)
    value, _ = _settled(raw, numbers, text)
    if isinstance(value, dict) and isinstance(error := value.get("ERROR"), dict):
        code, message = error.get("code"), error.get("message")
        if isinstance(code, str) and re.fullmatch("-?[0-9]{1,10}", code) and isinstance(message, str):
            return Fault(int(code), message)
    return MethodResponse(value)


def write_response(response: MethodResponse | Fault) -> str:
    """A reply. Raises EncodeError for what the wire cannot carry."""
    if isinstance(response, Fault):
        return _dump({"STATUS": 1, "ERROR": {"code": response.code, "message": response.message}})
    return _dump(response.value)


def write_call(call: MethodCall) -> str:
    """A call, as the platform writes it."""
    return _dump({"METHOD": call.method, **({"DATA": call.params[0]} if call.params else {})})


def _dump(value: Value) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise EncodeError(f"JSON cannot carry this: {error}") from None
    return _LONE_SURROGATE.sub("", text)


def _parsed(text: bytes) -> tuple[Any, list[Lexical] | None, tuple[Repair, ...]]:
    """An object or array; the numbers that a lenient reading put aside; that it was one."""
    source = text.decode()
    try:
        return json.loads(source, parse_int=_integer, parse_float=_double, parse_constant=_refused), None, ()
    except RecursionError:
        named = _METHOD.search(source[:4096])
        raise NotACall(f"values are nested deeper than {MAX_DEPTH}", named[1] if named else None) from None
    except ValueError:
        raw, numbers = _lenient(source)
    return raw, numbers, (Repair("lenient_json", "", "read as JSON5: quote the keys"),)


def _integer(text: str) -> Lexical:
    return Lexical(text, "int")


def _double(text: str) -> Lexical:
    return Lexical(text, "double")


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


# What a number may stand between; strings, comments and names are passed over whole.
_TOKEN = re.compile(
    # What is not closed runs to the end, else every quote in it would be tried again; pyjson5 refuses it.
    r"""(?P<skip>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|//[^\n\r\u2028\u2029]*|/\*.*?(?:\*/|\Z)|[^\W\d][\w$]*|\$[\w$]*)"""
    r"|(?P<refused>[+-]?0(?:[xX][0-9a-fA-F]*|[0-9]+))"
    r"|(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)",
    re.DOTALL,
)


def _lenient(source: str) -> tuple[Any, list[Lexical]]:
    """The JSON5 value of `source` with every number replaced by its place in the list beside it.

    pyjson5 has no hook for numbers and would round them; it never sees one.
    """
    numbers: list[Lexical] = []

    def numbered(token: re.Match[str]) -> str:
        if token["skip"] is not None:
            return token[0]
        if token["refused"] is not None:
            raise NotWellFormed(f"{_line(source, token.start())}: {token[0][:40]} is no JSON number, write it as text")
        numbers.append(Lexical(token[0], "int" if token[0].lstrip("+-").isdigit() else "double"))
        return f" {len(numbers) - 1} "

    replaced = _TOKEN.sub(numbered, source)
    try:
        return pyjson5.decode(replaced, MAX_DEPTH), numbers
    except pyjson5.Json5NestingTooDeep:
        raise NotACall(f"values are nested deeper than {MAX_DEPTH}") from None
    except pyjson5.Json5Exception as error:
        near = re.search(r"near (\d+)", str(error))
        place = _line(replaced, int(near[1]) + 1 if near else len(replaced))
        raise NotWellFormed(f"{place}: {_reason(error)}") from None


def _line(source: str | bytes, offset: int) -> str:
    head = source[:offset]
    return "line " + str(1 + (head.count("\n") if isinstance(head, str) else head.count(b"\n")))


def _reason(error: Exception) -> str:
    return re.sub(r"\s*near \d+", "", str(error.args[0] if error.args else error)) or "not JSON"


def _settled(raw: Any, numbers: list[Lexical] | None, source: bytes) -> tuple[Value, tuple[Repair, ...]]:
    """`raw` in the codec's values, bounded in depth and count."""
    repairs: list[Repair] = []
    count = 0

    def text(value: str) -> str:
        if value.isascii() or not _LONE_SURROGATE.search(value):
            return value
        repairs.append(Repair("lone_surrogate", "", "half a character replaced"))
        return _LONE_SURROGATE.sub("\ufffd", value)

    def walk(value: Any, depth: int) -> Value:
        nonlocal count
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            raise NotACall(f"values are nested deeper than {MAX_DEPTH}, or more than {MAX_VALUES} in one body")
        if isinstance(value, Lexical) or value is None:
            return value
        if isinstance(value, str):
            return text(value)
        if isinstance(value, dict):
            return {text(name): walk(member, depth + 1) for name, member in value.items()}
        if isinstance(value, list):
            return [walk(item, depth + 1) for item in value]
        if isinstance(value, bool):
            return Lexical("true" if value else "false", "boolean")
        if numbers is not None and isinstance(value, int) and value < len(numbers):
            return numbers[value]
        place = _CONSTANT.search(source)
        raise NotWellFormed(f"{_line(source, place.start() if place else 0)}: NaN and Infinity are no JSON values")

    return walk(raw, 1), tuple(repairs)
