"""XML-RPC bytes -> values. The spec is generous in a few places and senders in many; each leniency has its reason.

Works on the UTF-8 bytes that text.to_utf8 gives. Keeps the lexical text of every scalar.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from lxml import etree

from rpcbridge.codec.guard import purified
from rpcbridge.codec.limits import MAX_DEPTH, MAX_VALUES
from rpcbridge.codec.values import Fault, Lexical, MethodCall, MethodResponse, Value
from rpcbridge.errors import CallError, NotACall, NotWellFormed

_Element = etree._Element
_BLANK = " \t\r\n"
_METHOD_NAME = re.compile(rb"<methodName>\s*([A-Za-z0-9_.:/]{1,80})\s*</methodName>")
_NO_VALUE = etree.Element("value")


class _Parser(threading.local):
    """One kept parser per thread: making one costs more than a parse, and sharing one queues the threads."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
            remove_comments=True, remove_pis=True, collect_ids=False,
        )  # fmt: skip


_LOCAL = _Parser()


def read_call(text: bytes) -> MethodCall:
    """A methodCall. Raises CallError; its `method` is set where the name could be read."""
    try:
        root = _root(text, "methodCall")
    except NotACall as error:  # a foreign element, say: a caller may be waiting all the same
        named = _METHOD_NAME.search(text[:4096])
        error.method = named[1].decode() if named else None
        raise
    method: str | None = None
    params: _Element | None = None
    for child in root:
        if child.tag == "methodName" and method is None:
            method = (child.text or "").strip(_BLANK)
            if len(child):
                raise NotACall(f"{_at(child)}: <methodName> holds an element instead of a name")
        elif child.tag == "params" and params is None:
            params = child
        else:
            raise NotACall(f"{_at(child)}: <{child.tag}> is out of place in <methodCall>", method)
    if not method:
        raise NotACall("the call has no <methodName>")
    try:
        return MethodCall(method, () if params is None else _params(params))
    except CallError as error:
        error.method = method
        raise


def read_response(text: bytes) -> MethodResponse | Fault:
    """A methodResponse's param (the first, where a sender writes more), or a fault. Raises CallError."""
    root = _root(text, "methodResponse")
    if len(root) != 1:
        raise NotACall("a <methodResponse> holds either <params> or <fault>")
    if root[0].tag == "fault":
        return _fault(root[0])
    if root[0].tag != "params":
        raise NotACall(f"{_at(root[0])}: <{root[0].tag}> is out of place in <methodResponse>")
    params = _params(root[0])
    if not params:
        raise NotACall("a response has one param, this has none")
    return MethodResponse(params[0])


def _root(text: bytes, tag: str) -> _Element:
    if text.count(b"<value") > MAX_VALUES:  # before a tree of them takes its memory
        raise NotACall(f"more than {MAX_VALUES} values in one body")
    try:
        root = etree.fromstring(purified(text), _LOCAL.parser)
    except etree.XMLSyntaxError as error:
        # Nested too deeply even for libxml2 is no different from nested too deeply for us: the call is there to be read.
        too_deep = error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT  # type: ignore[attr-defined]  # the stubs know none
        kind = NotACall if too_deep else NotWellFormed
        raise kind(f"line {error.lineno}: {_first_sentence(error.msg)}") from None
    if root.tag != tag:
        raise NotACall(f"the document is a <{root.tag}>, not a <{tag}>")
    return root


def _params(params: _Element) -> tuple[Value, ...]:
    values = []
    for param in params:
        if param.tag != "param" or len(param) != 1 or param[0].tag != "value":
            raise NotACall(f"{_at(param)}: <params> holds <param> elements of one <value> each")
        values.append(_value(param[0], 1))
    return tuple(values)


def _fault(element: _Element) -> Fault:
    if len(element) == 1 and element[0].tag == "value":
        value = _value(element[0], 1)
        if isinstance(value, dict):
            code, message = value.get("faultCode"), value.get("faultString")
            if isinstance(code, Lexical) and code.type == "int" and len(code) <= 11 and type(message) is str:
                return Fault(int(code), message)
    raise NotACall(f"{_at(element)}: <fault> needs a struct of faultCode (int) and faultString")


def _value(element: _Element, depth: int) -> Value:
    parts = list(element)
    if not parts:
        return element.text or ""  # the spec: "If no type is indicated, the type is string."
    typed, text, tail = parts[0], element.text, parts[0].tail
    if len(parts) > 1 or (text and text.strip(_BLANK)) or (tail and tail.strip(_BLANK)):
        raise NotACall(f"{_at(element)}: a <value> holds text or one type, not both or two")
    tag = typed.tag
    if tag == "string":
        if len(typed):
            raise NotACall(f"{_at(typed)}: <string> holds an element instead of text")
        return typed.text or ""
    read = _TYPES.get(tag)
    if read is None:
        raise NotACall(f"{_at(typed)}: <{tag}> is no type of a value")
    if depth > MAX_DEPTH:
        raise NotACall(f"{_at(typed)}: values are nested deeper than {MAX_DEPTH}")
    return read(typed, depth)


def _scalar(type: str, pattern: str) -> Callable[[_Element, int], Value]:
    fits = re.compile(pattern).fullmatch

    def read(element: _Element, depth: int) -> Value:
        text = (element.text or "").strip(_BLANK)
        if len(element) or not fits(text):
            raise NotACall(f"{_at(element)}: {text[:40]!r} is no {element.tag}")
        return Lexical(text, type)

    return read


def _nil(element: _Element, depth: int) -> None:
    if len(element) or (element.text or "").strip(_BLANK):
        raise NotACall(f"{_at(element)}: <nil> holds nothing")


def _array(element: _Element, depth: int) -> list[Value]:
    if len(element) == 0:
        return []
    if len(element) > 1 or element[0].tag != "data":
        raise NotACall(f"{_at(element)}: an <array> holds one <data>")
    return [_value(_expected(child, "value"), depth + 1) for child in element[0]]


def _struct(element: _Element, depth: int) -> dict[str, Value]:
    members: dict[str, Value] = {}
    for member in element:
        if member.tag != "member":
            raise NotACall(f"{_at(member)}: <{member.tag}> stands where <member> belongs")
        parts = list(member)
        if len(parts) == 2 and parts[1].tag == "name":  # XML-RPC.NET and others write the value first
            parts.reverse()
        elif len(parts) == 1:  # a member without a value is one without text
            parts.append(_NO_VALUE)
        if len(parts) != 2 or parts[0].tag != "name" or parts[1].tag != "value":
            raise NotACall(f"{_at(member)}: a <member> holds one <name> and one <value>")
        name = parts[0].text or ""
        if len(parts[0]) or (not name and parts[1] is _NO_VALUE):
            raise NotACall(f"{_at(member)}: a <member> needs a <name>, a text")
        members[name] = _value(parts[1], depth + 1)  # of a repeated name the last one wins, as in most clients
    return members


def _expected(element: _Element, tag: str) -> _Element:
    if element.tag != tag:
        raise NotACall(f"{_at(element)}: <{element.tag}> stands where <{tag}> belongs")
    return element


def _at(element: _Element) -> str:
    return f"line {element.sourceline}"


def _first_sentence(message: str | None) -> str:
    return (message or "not well-formed XML").split(", line ")[0]


_INTEGER = r"[+-]?[0-9]+"
# One way only to match any text: with two, a long number that fails in the end takes quadratic time.
_DOUBLE = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_DATE = r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9]{2}:?[0-9]{2}:?[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"

_TYPES: dict[object, Callable[[_Element, int], Value]] = {
    **{tag: _scalar("int", _INTEGER) for tag in ("int", "i4", "i8", "i1", "i2", "biginteger")},
    **{tag: _scalar("double", _DOUBLE) for tag in ("double", "float", "bigdecimal")},
    **{tag: _scalar("dateTime.iso8601", _DATE) for tag in ("dateTime.iso8601", "dateTime")},
    "boolean": _scalar("boolean", "[01]|[Tt]rue|[Ff]alse|TRUE|FALSE"),
    "base64": _scalar("base64", r"[A-Za-z0-9+/=\s]*"),
    "nil": _nil,
    "array": _array,
    "struct": _struct,
}
