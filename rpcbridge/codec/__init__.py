"""bytes <-> MethodCall, MethodResponse, Fault, in any of the wire forms. Pure: no I/O, no telephony, no clock.

The bridge reads calls and writes replies; the emulated phone system writes calls and reads
replies. Each dialect is one module (or a reader and a writer); both JSON ones stand on json_text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from rpcbridge.codec import json_call, json_rpc, json_text, rest, xmlrpc_plain, xmlrpc_reader, xmlrpc_writer
from rpcbridge.codec.faults import CODES, fault_of
from rpcbridge.codec.limits import MAX_ITEMS
from rpcbridge.codec.pretty import laid_out
from rpcbridge.codec.text import readable, to_utf8
from rpcbridge.codec.values import Batch, BatchResponse, Fault, Lexical, MethodCall, MethodResponse, Reply, Value
from rpcbridge.errors import CallError, NotACall, NotWellFormed, Repair

__all__ = [
    "CODES", "DIALECTS", "MAX_ITEMS", "REST", "Batch", "BatchResponse", "Fault", "Lexical", "MethodCall", "MethodResponse", "Reply",
    "Value", "content_type", "decode_call", "decode_reply", "decode_request", "dialect_of", "encode_call", "encode_reply",
    "fault_of", "laid_out", "readable",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Dialect:
    content_type: str
    write_call: Callable[[MethodCall], str]
    write_response: Callable[[MethodResponse | Fault], str]


REST = rest.NAME
_JSON_TYPE = "application/json; charset=utf-8"
DIALECTS = {
    "xmlrpc": _Dialect("text/xml; charset=utf-8", xmlrpc_writer.write_call, xmlrpc_writer.write_response),
    "json": _Dialect(_JSON_TYPE, json_call.write_call, json_call.write_response),
    "jsonrpc": _Dialect(_JSON_TYPE, json_rpc.write_call, json_rpc.write_response),
}
_FORMS = {**DIALECTS, rest.NAME: _Dialect(_JSON_TYPE, rest.write_call, rest.write_response)}

# Of the dialects that name their method in the body, the text itself tells which one it is, never a Content-Type.
_BY_FIRST = {b"<": "xmlrpc", b"{": "json", b"[": "json"}
# What may stand before it: blanks, and the marks of UTF-8 and UTF-16 (whose NULs are gone by then).
_MARKS = re.compile(rb"\A(?:\s|\xef\xbb\xbf|\xff\xfe|\xfe\xff)+")
_JSON_RPC = re.compile(rb"""["'{,\s]jsonrpc["']?\s*:""")


def decode_request(body: bytes, method: str = "") -> MethodCall | Batch:
    """The call or the batch of calls in `body`, whatever its dialect. Raises CallError and nothing else.

    method: where the URL names it; the body is then plain JSON, its parameter.
    """
    if method:
        return rest.read_call(body, method)
    plain = xmlrpc_plain.read_call(body)
    if plain is not None:
        return plain
    try:
        text, dialect, repairs = _text(body)
    except CallError as error:
        error.dialect = dialect_of(body)
        raise
    try:
        call = xmlrpc_reader.read_call(text) if dialect == "xmlrpc" else _json_call(text)
    except CallError as error:
        error.dialect = error.dialect or dialect
        raise
    return replace(call, repairs=(*repairs, *call.repairs)) if repairs else call


def decode_call(body: bytes, method: str = "") -> MethodCall:
    """The one call in `body`, as `decode_request` reads it. Raises CallError and nothing else."""
    call = decode_request(body, method)
    if isinstance(call, Batch):
        raise NotACall(f"one call is expected, this is a batch of {len(call.items)}", dialect=call.dialect)
    return call


def decode_reply(body: bytes) -> MethodResponse | Fault:
    """The reply in `body`. Raises CallError and nothing else."""
    text, dialect, _ = _text(body)
    if dialect == "xmlrpc":
        return xmlrpc_reader.read_response(text)
    parsed = json_text.parse(text)
    is_rpc = isinstance(parsed.raw, dict) and json_rpc.speaks(parsed.raw)
    return json_rpc.response_in(parsed) if is_rpc else json_call.response_in(parsed)


def dialect_of(head: bytes) -> str:
    """The dialect of a body that cannot be read, as far as its beginning tells."""
    head = _MARKS.sub(b"", head.lstrip(b" \t\r\n\0")[:4096].replace(b"\0", b""))
    dialect = _BY_FIRST.get(head[:1], "xmlrpc")
    return "jsonrpc" if dialect == "json" and _JSON_RPC.search(head) else dialect


def _json_call(text: bytes) -> MethodCall | Batch:
    try:
        parsed = json_text.parse(text)
    except CallError as error:
        error.dialect = dialect_of(text)
        raise
    if not json_rpc.speaks(parsed.raw):
        return json_call.call_in(parsed)
    try:
        return json_rpc.call_in(parsed)
    except CallError as error:
        error.dialect = "jsonrpc"
        raise


def encode_reply(response: Reply, dialect: str, *, numeric_references: bool = False) -> bytes:
    """`response` in `dialect`, in the profile every client reads; `numeric_references`: XML in ASCII only.

    Raises EncodeError.
    """
    if isinstance(response, BatchResponse):
        return _bytes(json_rpc.write_response(response), False)
    text = _FORMS[dialect].write_response(response)
    return _bytes(text, numeric_references and dialect == "xmlrpc")


def encode_call(call: MethodCall) -> bytes:
    """`call` in its dialect, as a phone system would write it. Raises EncodeError."""
    return _bytes(_FORMS[call.dialect].write_call(call), False)


def content_type(dialect: str) -> str:
    """The Content-Type of a body in `dialect`."""
    return _FORMS[dialect].content_type


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
