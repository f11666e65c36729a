"""Where the fields of a JSON text stand: path -> line, found by walking the tokens. What cannot be told is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# No field of a contract lies deeper; a text may.
_DEEPEST = 8
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_CONSTANTS = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True, slots=True)
class Places:
    """The line of each field (`on_failure.loops`, `dial_strings.0`); each key that is repeated, with its first and last line."""

    lines: dict[str, int] = field(default_factory=dict)
    repeated: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a text stops being JSON, and why."""

    message: str
    line: int
    column: int


def places(body: bytes) -> Places:
    """The places of the fields of `body`; none where it is not JSON."""
    try:
        text = _text(body)
        json.loads(text)
    except (ValueError, RecursionError):
        return Places()
    root, repeated = _walked(text)
    return Places(_flat(root), repeated)


def spot(body: bytes) -> Spot | None:
    """Where `body` stops being JSON; None where that cannot be told."""
    try:
        text = _text(body)
        json.loads(text)
    except UnicodeDecodeError as error:
        if error.encoding != "utf-8":
            return None
        before, byte = error.object[: error.start].decode("utf-8", "surrogatepass"), error.object[error.start]
        return _spot(f"the byte 0x{byte:02x} is not UTF-8", before, len(before))
    except json.JSONDecodeError as error:
        return Spot(error.msg[:1].lower() + error.msg[1:].removesuffix(" at"), error.lineno, error.colno)
    except (ValueError, RecursionError):
        return None
    constant = next((found for found in _TOKEN.finditer(text) if found[0] in _CONSTANTS), None)
    return _spot(f"{constant[0]} is no JSON value", text, constant.start()) if constant else None


def _spot(message: str, text: str, offset: int) -> Spot:
    return Spot(message, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _text(body: bytes) -> str:
    """The text as `json.loads` takes it from bytes."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    return body.decode(json.detect_encoding(body), "surrogatepass")


@dataclass(slots=True)
class _Node:
    """A field's line and the fields inside it."""

    line: int
    inside: dict[str, _Node] = field(default_factory=dict)


@dataclass(slots=True)
class _Open:
    """An object or array that has begun: its node, and where in it we are (`index` -1: an object)."""

    node: _Node
    path: str
    index: int
    key: str | None = None


def _walked(text: str) -> tuple[_Node, dict[str, tuple[int, int]]]:
    """The tree of fields of a valid JSON text; of a key that is repeated the last counts, as for json.loads."""
    root, repeated, stack = _Node(1), dict[str, tuple[int, int]](), list[_Open]()
    for mark, line in _marks(text):
        top = stack[-1] if stack else None
        if mark in "]}":
            stack.pop()
        elif mark == "," and top is not None:
            top.index, top.key = (top.index + 1, None) if top.index >= 0 else (-1, None)
        elif mark == ":":
            continue
        elif top is not None and top.index < 0 and top.key is None:
            top.key = json.loads(mark)
            before = top.node.inside.get(top.key)
            if before is not None and len(stack) <= _DEEPEST:
                path = _joined(top.path, top.key)
                repeated[path] = (repeated.get(path, (before.line,))[0], line)
            top.node.inside[top.key] = _Node(line)
        else:
            _value(mark, line, root, stack)
    return root, repeated


def _value(mark: str, line: int, root: _Node, stack: list[_Open]) -> None:
    """A value begins: an item of an array gets its node here, a member has its own already."""
    node, path = root, ""
    if stack:
        top = stack[-1]
        name = str(top.index) if top.key is None else top.key
        node = top.node.inside.setdefault(name, _Node(line))
        path = _joined(top.path, name) if len(stack) <= _DEEPEST else top.path
    if mark in "{[":
        stack.append(_Open(node, path, 0 if mark == "[" else -1))


def _marks(text: str) -> Iterator[tuple[str, int]]:
    """Every token, with its line."""
    line, seen = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", seen, found.start())
        seen = found.start()
        yield found[0], line


def _flat(root: _Node) -> dict[str, int]:
    """Path -> line. Where two fields have one path (`a.b` and `b` in `a`), neither is there: never guess."""
    found: dict[str, int] = {}
    ambiguous: set[str] = set()
    waiting = [("", root, 1)]
    while waiting:
        path, node, depth = waiting.pop()
        for name, inner in node.inside.items():
            here = _joined(path, name)
            if here in found:
                ambiguous.add(here)
            found[here] = inner.line
            if depth < _DEEPEST:
                waiting.append((here, inner, depth + 1))
    return {path: line for path, line in found.items() if path not in ambiguous}


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
