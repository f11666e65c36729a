"""A reply's bytes laid out for a reader: lines and indentation, nothing else. What is sent is one line."""

from __future__ import annotations

import json
import re

# A member begins a line, and so does the end of a struct that holds any.
_BREAK = re.compile(r"(?=<member>)|(?<!<struct>)(?=</struct>)")


def laid_out(body: bytes) -> str:
    """A reply as the codec writes it, in lines."""
    text = body.decode()
    if not text.startswith("<"):
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    lines, depth = [], 0
    for piece in _BREAK.split(text.replace("?>", "?>\n", 1)):
        lines.append("  " * (depth - piece.startswith("</struct>")) + piece)
        depth += piece.count("<struct>") - piece.count("</struct>")
    return "\n".join(lines)
