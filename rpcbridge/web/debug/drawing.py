"""A ladder as SVG that stands alone: the page's own colours, written out for whatever program opens the file."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from flask import render_template

from rpcbridge.inspector.ladder import Ladder

_STATIC = Path(__file__).parent / "static"
_COLOUR = re.compile(r"--([\w-]+): light-dark\(([^,()]+), ([^,()]+)\)")


def alone(ladder: Ladder) -> str:
    """The file: no link, no script, nothing from elsewhere; light, or dark where the reader prefers that."""
    return render_template("ladder.svg", ladder=ladder, css=_style())


@functools.cache
def _style() -> str:
    """The ladder's rules with the colours of the pages: many programs that show SVG know no variables of CSS."""
    rules = re.sub(r"/\*.*?\*/\s*", "", (_STATIC / "ladder.css").read_text("utf-8"), flags=re.DOTALL)
    colours = _COLOUR.findall((_STATIC / "debug.css").read_text("utf-8"))
    light, dark = ({name: either[which] for name, *either in colours} for which in (0, 1))
    return f"{_written(rules, light)}@media (prefers-color-scheme: dark) {{\n{_written(rules, dark)}}}\n"


def _written(rules: str, colours: Mapping[str, str]) -> str:
    return re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], rules)
