"""A payload laid out for a reader: lines and indents, values untouched. What cannot be read stays as it is."""

from __future__ import annotations

import json
import re

# Blanks between tags, but for those that are a value.
_BLANKS = re.compile(r"(</[^<>]*>|/>|\?>)\s+(?=<)|(<[^/<>?]*>)\s+(?=<[^/])")
# A member begins a line, and so does the end of a struct that holds any.
_BREAK = re.compile(r"(?=<member>)|(?<!<struct>)(?=</struct>)")


def laid_out(text: str) -> str:
    """`text`, XML-RPC or JSON, one member a line."""
    if text.lstrip()[:1] == "<":
        return _xml(text.strip())
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _xml(text: str) -> str:
    text = _BLANKS.sub(lambda found: found[1] or found[2], text)
    lines, depth = [], 0
    for piece in _BREAK.split(text.replace("?>", "?>\n", 1)):
        lines.append("  " * (depth - piece.startswith("</struct>")) + piece)
        depth = max(0, depth + piece.count("<struct>") - piece.count("</struct>"))
    return "\n".join(lines)
