"""The five stations of a recorded exchange as a page shows them: laid out, in colours, and raw on demand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from markupsafe import Markup, escape

from rpcbridge.codec import laid_out
from rpcbridge.inspector.documents import is_cut

# Characters: colours cost a millisecond for each kilobyte, forty for text that is made to be slow, and callers wait for the same processor.
_COLOURED = 4096

_TITLES = {
    "platform_request": "Phone system asks",
    "event": "Event",
    "backend_request": "Backend is asked",
    "backend_response": "Backend answers",
    "platform_response": "Phone system is answered",
}
_NOTHING = Markup("")
_FORMS = {"<": "xml", "{": "json", "[": "json"}


@dataclass(frozen=True, slots=True)
class StationView:
    """One station. `there`: the exchange came so far. `line` and `headers` came with the payload.

    form: `xml`, `json` or "". shown: the payload laid out, as HTML. raw: as it was recorded, "" where that is what is shown. size: bytes, None where
    there is no payload of its own. cut: only its beginning was kept.
    """

    name: str
    title: str
    there: bool
    line: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    form: str = ""
    shown: Markup = _NOTHING
    raw: str = ""
    size: int | None = None
    cut: bool = False


def station_views(document: Mapping[str, Any], *, colours: bool = True) -> list[StationView]:
    """The five of a document, in the order in which the exchange passes them; `colours`: they are worth their while."""
    stations, html = document["stations"], coloured if colours else escape
    return [_event(title, stations[name], html) if name == "event" else _view(name, title, stations[name], html) for name, title in _TITLES.items()]


def coloured(text: str) -> Markup:
    """A payload as HTML with classes for its colours; as it is where nothing can be made of it."""
    form = _form(text)
    if not form or len(text) > _COLOURED:
        return escape(text)
    try:
        return _painter()(text, form)
    except Exception:  # a view that fails falls back to what was recorded
        return escape(text)


def _form(text: str) -> str:
    return _FORMS.get(text.lstrip()[:1], "")


@functools.cache
def _painter() -> Callable[[str, str], Markup]:
    """What colours a payload of a form; the library is loaded by who looks at pages, and by nobody else."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import JsonLexer, XmlLexer

    formatter, lexers = HtmlFormatter(nowrap=True, classprefix="p-"), {"xml": XmlLexer(), "json": JsonLexer()}
    # The formatter escapes all text itself: it writes nothing but spans of its own.
    return lambda text, form: Markup(highlight(text, lexers[form], formatter).rstrip("\n"))  # noqa: S704


def _event(title: str, event: Mapping[str, Any] | None, html: Callable[[str], Markup]) -> StationView:
    text = dumps(event, indent=2, ensure_ascii=False) if event else ""
    return StationView("event", title, event is not None, form="json", shown=html(text))


def _view(name: str, title: str, station: Mapping[str, Any] | None, html: Callable[[str], Markup]) -> StationView:
    if station is None or not (station.get("size") or "url" in station or "status" in station):
        return StationView(name, title, False)
    line = f"{station['method']} {station['url']}" if "url" in station else f"HTTP {station['status']}" if "status" in station else ""
    body, size = station["body"] or "", station["size"]
    pretty = _laid_out(body)
    return StationView(
        name, title, True, line, tuple((header[0], header[1]) for header in station.get("headers", ())),
        _form(pretty), html(pretty),
        "" if pretty == body else body, size, is_cut({"size": size, "body": body}),
    )  # fmt: skip


def _laid_out(body: str) -> str:
    try:
        return laid_out(body)
    except Exception:  # as above
        return body
