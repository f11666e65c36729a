"""A translation as JSON, its findings as lines, what else is worth knowing of it: for the command line and for the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rpcbridge.translation.shapes import Finding, Translation
from rpcbridge.translation.translator import Translator

Names = Mapping[str, str]  # `request`, `answer` or "" (neither) -> what the text is called where it came from

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a terminal might obey


def as_object(found: Translation, names: Names, more: Iterable[str]) -> dict[str, Any]:
    """The whole translation as JSON. `more`: notes beside its own remarks."""
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
            {"dialect": reply.dialect, "content_type": reply.content_type, "body": reply.body.decode()} | ({"about": reply.about} if reply.about else {})
            for reply in found.replies
        ],
        "repairs": [_finding(repair, names) for repair in found.repairs],
        "problems": [_finding(problem, names) for problem in found.problems],
        "notes": [*(located(remark, names) for remark in found.remarks), *more],
    }  # fmt: skip


def located(finding: Finding, names: Names) -> str:
    """`answer.json:4: on_failure.loops: expected ... (invalid_answer)`, as far as it is known."""
    place = ":".join(str(part) for part in (names[finding.text], finding.line, finding.column) if part is not None)
    return plain(": ".join(part for part in (place, finding.path, finding.message) if part) + f" ({finding.kind})")


def notes(found: Translation, translator: Translator, called_number: str | None = None) -> Iterator[str]:
    """What is an example in it, and what a configuration lacks. `called_number`: of an answer alone."""
    if found.backend_request is not None:
        added = ["Rpcbridge-Deadline-Ms", "Rpcbridge-Attempt"]
        if translator.backend.secrets and found.backend_request.body is not None:
            added += ["webhook-timestamp", "webhook-signature"]
        kept = ", turn and state those of a call's first question" if "turn" in (found.event or {}) else ""
        yield f"event_id, occurred_at and traceparent are examples{kept}; each attempt adds {', '.join(added[:-1])} and {added[-1]}"
    routes, called = translator.routes, found.request.called_number if found.request else called_number
    if found.outcome == "fallback" and not translator.has_fallback and routes.of(called).fallback == routes.default.fallback:
        yield "no [fallback] is configured: the caller is hung up on without a word"


def plain(text: str) -> str:
    """`text` without what a terminal might obey."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _finding(finding: Finding, names: Names) -> dict[str, Any]:
    return {
        "file": names[finding.text], "line": finding.line, "column": finding.column, "kind": finding.kind,
        "path": finding.path or None, "message": finding.message,
    }  # fmt: skip
