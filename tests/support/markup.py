"""What a page is made of: its elements and their attributes, for tests that nothing foreign became one of them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

# What the pages of the inspector are made of.
OURS = {
    "a", "article", "body", "button", "code", "dd", "desc", "details", "div", "dl", "dt", "form", "g", "h1", "h2", "h3", "h4", "head", "header", "html",
    "input", "label", "li", "link", "main", "meta", "nav", "ol", "p", "path", "pre", "rect", "section", "small", "span", "strong", "style", "summary",
    "svg", "table", "tbody", "td", "text", "th", "thead", "time", "title", "tr", "ul",
}  # fmt: skip


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every element of a page with its attributes."""
    parser = _Elements()
    parser.feed(html)
    return parser.found


def strangers(html: str) -> Iterator[str]:
    """What must not be in a page: scripts from elsewhere, elements and attributes that could do anything."""
    for tag, attributes in elements(html):
        if tag == "script" and str(attributes.get("src", "")).startswith("/debug/static/"):
            continue
        if tag not in OURS:
            yield tag
        yield from (f"{tag} {name}" for name in attributes if name.startswith("on") or name in ("style", "srcdoc"))
        yield from (f"{tag} {name}={value}" for name, value in attributes.items() if name in ("href", "src") and not str(value).startswith(("/debug", "#")) and value != "data:,")
