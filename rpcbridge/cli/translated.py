"""A translation in print: for a person to read and to copy from, or as one JSON object. Knows nothing of files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from rpcbridge.codec import laid_out
from rpcbridge.translation import Finding, Request, Translation
from rpcbridge.transport import HttpRequest

Names = Mapping[str, str]

# What the phone system gets when something cannot be used, and what its reply then is.
_HAPPENS = {
    "fallback": ": the caller hears the fallback instead",
    "not_stored": ": the phone system is told that the event was not stored",
    "refused": ": the phone system gets a fault",
}
_OUTCOMES = {
    "answered": "", "fallback": " (the fallback)", "stored": " (as soon as the event is on disk)",
    "not_stored": " (not stored)", "refused": " (a fault)", "introspected": "",
}  # fmt: skip
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a terminal might obey


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
        page.section(f"Reply in {reply.dialect}{_OUTCOMES[found.outcome]}, laid out for reading", laid_out(reply.body.decode()))
    page.notes([*(located(remark, names) for remark in found.remarks), *notes, *_next(found)])


def as_object(found: Translation, names: Names, notes: Iterable[str]) -> dict[str, Any]:
    """The same as JSON."""
    sent, request = found.backend_request, found.request
    return {
        "ok": not found.problems,
        "outcome": found.outcome or None,
        "reason": found.reason or None,
        "request": request and {
            "method": request.method, "dialect": request.dialect, "kind": request.kind or None,
            "called_number": request.called_number, "params": list(request.params),
        },
        "event": found.event,
        "backend_request": sent and {
            "method": sent.method, "url": sent.url, "headers": dict(sent.headers), "body": None if sent.body is None else sent.body.decode(),
        },
        "answer": found.answer,
        "replies": [
            {"dialect": reply.dialect, "content_type": reply.content_type, "body": reply.body.decode()} for reply in found.replies
        ],
        "repairs": [_finding(repair, names) for repair in found.repairs],
        "problems": [_finding(problem, names) for problem in found.problems],
        "notes": [*(located(remark, names) for remark in found.remarks), *notes],
    }  # fmt: skip


def located(finding: Finding, names: Names) -> str:
    """`answer.json:4: on_failure.loops: expected ... (invalid_answer)`, as far as it is known."""
    place = ":".join(str(part) for part in (names[finding.text], finding.line, finding.column) if part is not None)
    return _plain(": ".join(part for part in (place, finding.path, finding.message) if part) + f" ({finding.kind})")


def _finding(finding: Finding, names: Names) -> dict[str, Any]:
    return {
        "file": names[finding.text], "line": finding.line, "column": finding.column, "kind": finding.kind,
        "path": finding.path or None, "message": finding.message,
    }  # fmt: skip


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


def _plain(text: str) -> str:
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


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
        self._console.print(Text(_plain(text), style), soft_wrap=True)
