"""bytes <-> MethodCall, MethodResponse, Fault, in any of the wire forms. Pure: no I/O, no telephony, no clock.

The bridge reads calls and writes replies; the emulated phone system writes calls and reads
replies. Each dialect is one module (or a reader and a writer) with the same four functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rpcbridge.codec import json_call, xmlrpc_plain, xmlrpc_reader, xmlrpc_writer
from rpcbridge.codec.faults import CODES, fault_of
from rpcbridge.codec.text import to_utf8
from rpcbridge.codec.values import Fault, Lexical, MethodCall, MethodResponse, Value
from rpcbridge.errors import CallError, NotWellFormed, Repair

__all__ = [
    "CODES", "DIALECTS", "Fault", "Lexical", "MethodCall", "MethodResponse", "Value",
    "content_type", "decode_call", "decode_reply", "encode_call", "encode_reply", "fault_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Dialect:
    content_type: str
    read_call: Callable[[bytes], MethodCall]
    read_response: Callable[[bytes], MethodResponse | Fault]
    write_call: Callable[[MethodCall], str]
    write_response: Callable[[MethodResponse | Fault], str]


_XMLRPC = _Dialect(
    "text/xml; charset=utf-8",
    xmlrpc_reader.read_call, xmlrpc_reader.read_response,
    xmlrpc_writer.write_call, xmlrpc_writer.write_response,
)  # fmt: skip
_JSON = _Dialect(
    "application/json; charset=utf-8",
    json_call.read_call, json_call.read_response,
    json_call.write_call, json_call.write_response,
)  # fmt: skip

DIALECTS = {"xmlrpc": _XMLRPC, "json": _JSON}

# The dialect is told by the text itself, never by a Content-Type.
_BY_FIRST = {b"<": "xmlrpc", b"{": "json", b"[": "json"}


def decode_call(body: bytes) -> MethodCall:
    """The call in `body`, whatever its dialect. Raises CallError and nothing else."""
    plain = xmlrpc_plain.read_call(body)
    if plain is not None:
        return plain
    text, dialect, call_repairs = _text(body)
    try:
        call = DIALECTS[dialect].read_call(text)
    except CallError as error:
        error.dialect = dialect
        raise
    if not call_repairs:
        return call
    return MethodCall(call.method, call.params, call.dialect, (*call_repairs, *call.repairs))


def decode_reply(body: bytes) -> MethodResponse | Fault:
    """The reply in `body`. Raises CallError and nothing else."""
    text, dialect, _ = _text(body)
    return DIALECTS[dialect].read_response(text)


def encode_reply(response: MethodResponse | Fault, dialect: str, *, numeric_references: bool = False) -> bytes:
    """`response` in `dialect`, in the profile every client reads; `numeric_references`: XML in ASCII only.

    Raises EncodeError.
    """
    text = DIALECTS[dialect].write_response(response)
    return _bytes(text, numeric_references and dialect == "xmlrpc")


def encode_call(call: MethodCall) -> bytes:
    """`call` in its dialect, as a phone system would write it. Raises EncodeError."""
    return _bytes(DIALECTS[call.dialect].write_call(call), False)


def content_type(dialect: str) -> str:
    """The Content-Type of a body in `dialect`."""
    return DIALECTS[dialect].content_type


def _text(body: bytes) -> tuple[bytes, str, tuple[Repair, ...]]:
    text, repairs = to_utf8(body)
    begin = text.lstrip(b" \t\r\n")[:20]
    dialect = _BY_FIRST.get(begin[:1])
    if dialect is None:
        shape = f"text that begins with {begin.decode(errors='replace')!r}" if begin else "empty"
        raise NotWellFormed(f"the body is {shape}, neither XML nor JSON")
    return text, dialect, repairs


def _bytes(text: str, ascii_only: bool) -> bytes:
    return text.encode("ascii", "xmlcharrefreplace") if ascii_only else text.encode()
