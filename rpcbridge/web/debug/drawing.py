"""A ladder as SVG that stands alone: the page's own colours, written out for whatever program opens the file."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from rpcbridge.inspector import story
from rpcbridge.inspector.exports import Around, Documents, File, made
from rpcbridge.inspector.ladder import Ladder, laid_out, shortened

_STATIC = Path(__file__).parent / "static"
# Of its own: a command draws, too, and has no application.
_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_COLOUR = re.compile(r"--([\w-]+): light-dark\(([^,()]+), ([^,()]+)\)")


def alone(ladder: Ladder, name: str) -> str:
    """The file, `name` above it: no link, no script, nothing from elsewhere; light, or dark where the reader prefers that."""
    return _TEMPLATES.get_template("ladder.svg").render(ladder=ladder, name=shortened(name, 120), css=_style())


def ladder_of(told: story.Story) -> Ladder:
    """The ladder of a call."""
    return laid_out([part.seen for part in told.parts], {part.id: part.short for part in told.parts})


def as_svg(documents: Documents, around: Around) -> File:
    """The ladder of a call as a file."""
    told = story.told(documents)
    name = f"{f'A {told.origin}, no real caller: call' if told.origin else 'Call'} {told.call_id}"
    return made(documents, "svg", "image/svg+xml", alone(ladder_of(told), name))


@functools.cache
def _style() -> str:
    """The ladder's rules with the colours of the pages: many programs that show SVG know no variables of CSS."""
    rules = re.sub(r"/\*.*?\*/\s*", "", (_STATIC / "ladder.css").read_text("utf-8"), flags=re.DOTALL)
    colours = _COLOUR.findall((_STATIC / "debug.css").read_text("utf-8"))
    light, dark = ({name: either[which] for name, *either in colours} for which in (0, 1))
    return f"{_written(rules, light)}@media (prefers-color-scheme: dark) {{\n{_written(rules, dark)}}}\n"


def _written(rules: str, colours: Mapping[str, str]) -> str:
    return re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], rules)
