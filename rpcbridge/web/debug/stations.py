"""The five stations of a recorded exchange as a page shows them: laid out, in colours, and raw on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import JsonLexer, XmlLexer

from rpcbridge.codec import laid_out

_KEPT = 16_384  # characters of a payload that are recorded
_COLOURED = 8192  # characters: colours cost a millisecond for each kilobyte, and callers wait for the same processor

_TITLES = {
    "platform_request": "Phone system asks",
    "event": "Event",
    "backend_request": "Backend is asked",
    "backend_response": "Backend answers",
    "platform_response": "Phone system is answered",
}
_NOTHING = Markup("")
_FORMATTER = HtmlFormatter(nowrap=True, classprefix="p-")
_FORMS = {"<": "xml", "{": "json", "[": "json"}
_LEXERS = {"<": XmlLexer(), "{": JsonLexer(), "[": JsonLexer()}


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


def station_views(document: Mapping[str, Any]) -> list[StationView]:
    """The five of a document, in the order in which the exchange passes them."""
    stations = document["stations"]
    return [_event(title, stations[name]) if name == "event" else _view(name, title, stations[name]) for name, title in _TITLES.items()]


def coloured(text: str) -> Markup:
    """A payload as HTML with classes for its colours; as it is where nothing can be made of it."""
    lexer = _LEXERS.get(text.lstrip()[:1])
    if lexer is None or len(text) > _COLOURED:
        return escape(text)
    try:
        # The formatter escapes all text itself: it writes nothing but spans of its own.
        return Markup(highlight(text, lexer, _FORMATTER).rstrip("\n"))  # noqa: S704
    except Exception:  # a view that fails falls back to what was recorded
        return escape(text)


def _event(title: str, event: Mapping[str, Any] | None) -> StationView:
    text = dumps(event, indent=2, ensure_ascii=False) if event else ""
    return StationView("event", title, event is not None, form="json", shown=coloured(text))


def _view(name: str, title: str, station: Mapping[str, Any] | None) -> StationView:
    if station is None or not (station.get("size") or "url" in station or "status" in station):
        return StationView(name, title, False)
    line = f"{station['method']} {station['url']}" if "url" in station else f"HTTP {station['status']}" if "status" in station else ""
    body, size = station["body"] or "", station["size"]
    pretty = _laid_out(body)
    return StationView(
        name, title, True, line, tuple((header[0], header[1]) for header in station.get("headers", ())),
        _FORMS.get(pretty.lstrip()[:1], ""), coloured(pretty),
        "" if pretty == body else body, size, size > _KEPT,
    )  # fmt: skip


def _laid_out(body: str) -> str:
    try:
        return laid_out(body)
    except Exception:  # as above
        return body
