"""JSON text <-> plain values, for both JSON dialects: strictly first, then once leniently for unquoted keys and the like.

Numbers are taken as text, so that 15616841651, 0.10 or a 34-digit id come through as they were
written. Knows nothing of calls but the member names by which a broken one is told.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import pyjson5

from rpcbridge.codec.limits import MAX_DEPTH, MAX_VALUES
from rpcbridge.codec.values import Lexical, Value
from rpcbridge.errors import EncodeError, NotACall, NotWellFormed, Repair

_METHOD = re.compile(r'\s*\{.*?"(?:METHOD|method)"\s*:\s*"([A-Za-z0-9_.:/]{1,80})"', re.DOTALL)
_CONSTANT = re.compile(rb"\b(?:NaN|Infinity)\b")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """An object or array as a parser gave it, and its source.

    numbers: what a lenient reading put aside, None after a strict one; repairs: that it was lenient.
    """

    raw: Any
    source: bytes
    numbers: list[Lexical] | None = None
    repairs: tuple[Repair, ...] = ()

    def settled(self) -> tuple[Value, tuple[Repair, ...]]:
        """The whole in the codec's values, and every repair. Raises NotACall (too deep, too many), NotWellFormed."""
        value, more = _settled(self.raw, self.numbers, self.source)
        return value, (*self.repairs, *more)

    def member(self, name: str) -> Value:
        """One member of an object alone, None where there is none. Raises as `settled` does."""
        return _settled(self.raw.get(name), self.numbers, self.source)[0]


def parse(text: bytes) -> Parsed:
    """The object or array in `text`. Raises NotWellFormed, or NotACall for one that is nested too deeply."""
    source = text.decode()
    try:
        return Parsed(json.loads(source, parse_int=_integer, parse_float=_double, parse_constant=_refused), text)
    except RecursionError:
        named = _METHOD.match(source[:4096])
        raise NotACall(f"values are nested deeper than {MAX_DEPTH}", named[1] if named else None) from None
    except ValueError:
        raw, numbers = _lenient(source)
    return Parsed(raw, text, numbers, (Repair("lenient_json", "", "read as JSON5: quote the keys"),))


def dump(value: Value) -> str:
    """Compact JSON. Raises EncodeError for what JSON cannot carry."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise EncodeError(f"JSON cannot carry this: {error}") from None
    return _LONE_SURROGATE.sub("", text)


def _integer(text: str) -> Lexical:
    return Lexical(text, "int")


def _double(text: str) -> Lexical:
    return Lexical(text, "double")


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


# What a number may stand between; strings, comments and names are passed over whole.
_TOKEN = re.compile(
    # What is not closed runs to the end, else every quote in it would be tried again; pyjson5 refuses it.
    # Nothing gives back what it took (`*+`): the places to go back to would take 60 bytes for every one of the text.
    r"""(?P<skip>"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|//[^\n\r\u2028\u2029]*|/\*.*?(?:\*/|\Z)|[^\W\d][\w$]*|\$[\w$]*)"""
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
