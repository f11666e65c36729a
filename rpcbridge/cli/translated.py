"""A translation in print: for a person to read and to copy from, or as one JSON object. Knows nothing of files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from rpcbridge.codec import laid_out
from rpcbridge.translation import Finding, Names, Request, Translation
from rpcbridge.translation.report import located, plain
from rpcbridge.transport import HttpRequest

# What the phone system gets when something cannot be used, and what its reply then is.
_HAPPENS = {
    "fallback": ": the caller hears the fallback instead",
    "not_stored": ": the phone system is told that the event was not stored",
    "refused": ": the phone system gets a fault",
}
_OUTCOMES = {
    "answered": "", "continued": " (by what was decided before)", "noted": " (the backend is told nothing)", "fallback": " (the fallback)", "stored": " (as soon as the event is on disk)",
    "not_stored": " (not stored)", "refused": " (a fault)", "introspected": "",
}  # fmt: skip


def show(found: Translation, names: Names, notes: Iterable[str]) -> None:
    """Print it. Nothing is wrapped or marked: what is printed can be copied."""
    page = _Page()
    if found.request is not None:
        page.section(_call(found.request), _json(_data(found.request)))
    if found.event is not None:
        page.section("Event", _json(found.event))
    if found.backend_request is not None:
        page.section("REST call", _http(found.backend_request))
    if found.answer is not None:
        page.section("Answer, with its defaults", _json(found.answer))
    dropped = [repair for repair in found.repairs if repair.kind == "dropped"]
    page.findings("Put right", [repair for repair in found.repairs if repair not in dropped], names, "yellow")
    page.findings("Dropped, the phone system lacks it", dropped, names, "yellow")
    if found.problems:
        page.findings(f"Cannot be used{_HAPPENS.get(found.outcome, '')}", found.problems, names, "red")
    for reply in found.replies:
        about = f", {reply.about}" if reply.about else _OUTCOMES[found.outcome]
        page.section(f"Reply in {reply.dialect}{about}, laid out for reading", laid_out(reply.body.decode()))
    page.notes([*(located(remark, names) for remark in found.remarks), *notes, *_next(found)])


def _call(request: Request) -> str:
    kind = f" ({request.kind})" if request.kind else ""
    called = f", called number {request.called_number}" if request.called_number else ""
    return f"{request.method}{kind} in {request.dialect}{called}"


def _data(request: Request) -> Any:
    """The parameters; the one that there nearly always is on its own."""
    return request.params[0] if len(request.params) == 1 else request.params


def _http(request: HttpRequest) -> str:
    head = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in request.headers)]
    body = [] if request.body is None else ["", request.body.decode()]
    return "\n".join([*head, *body])


def _next(found: Translation) -> list[str]:
    """What to try next."""
    if found.backend_request is not None and not found.outcome:
        return ["the reply depends on your backend's answer: add --answer FILE"]
    return []


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


class _Page:
    """Headings, texts under them, a blank line between."""

    def __init__(self) -> None:
        colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
        self._console = Console(highlight=False, soft_wrap=True, color_system=colours)
        self._begun = False

    def section(self, heading: str, *lines: str, style: str = "") -> None:
        if self._begun:
            self._console.print()
        self._begun = True
        self._print(f"# {heading}", "bold cyan")
        for line in lines:
            self._print(line, style)

    def findings(self, heading: str, findings: Sequence[Finding], names: Names, style: str) -> None:
        if findings:
            self.section(f"{heading} ({len(findings)})", *(located(finding, names) for finding in findings), style=style)

    def notes(self, notes: Sequence[str]) -> None:
        if notes:
            self._console.print()
        for note in notes:
            self._print(f"note: {note}", "dim")

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(plain(text), style), soft_wrap=True)
