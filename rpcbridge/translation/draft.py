"""A translation as it comes about: each station as it is reached, each finding with the line it stands on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

from rpcbridge.errors import AnswerRejected, CallError, NoUsableAnswer, Repair
from rpcbridge.platforms import UnusableCall
from rpcbridge.translation.places import Places, places, spot
from rpcbridge.translation.shapes import Finding, Reply, Request, Translation
from rpcbridge.transport import HttpRequest

_SAYS_LINE = re.compile(r"line (\d+): (.*)", re.DOTALL)


class Draft:
    """Filled in by the translator. `text` is the one being read: findings are in it."""

    def __init__(self, request: Request, dialects: tuple[str, ...]) -> None:
        self.request = request
        self.dialects = dialects
        self.event: dict[str, Any] | None = None
        self.backend_request: HttpRequest | None = None
        self.answer: dict[str, Any] | None = None
        self.replies: tuple[Reply, ...] = ()
        self.outcome = ""
        self.id: str | None = None
        self.unanswered = False
        self._reason = ""
        self._repairs: list[Finding] = []
        self._problems: list[Finding] = []
        self._remarks: list[Finding] = []
        self.begin("request", b"")

    def begin(self, text: str, body: bytes) -> None:
        """Turn to `body`, the `request` or the `answer`."""
        self._text, self._body, self._places = text, body, Places()
        if body.lstrip()[:1] != b"<":
            self._places = places(body)
        for path, (first, last) in self._places.repeated.items():
            self.remark(text, "repeated", f"stands on line {first} too; the last one counts", path, last)

    def repaired(self, repairs: Iterable[Repair]) -> None:
        """Count `repairs`, each once: every dialect of a reply finds the same."""
        for repair in repairs:
            found = Finding(self._text, repair.kind, repair.path, repair.detail, self._places.lines.get(repair.path))
            if found not in self._repairs:
                self._repairs.append(found)

    def remark(self, text: str, kind: str, message: str, path: str = "", line: int | None = None) -> None:
        """Note what is no problem and still worth knowing."""
        self._remarks.append(Finding(text, kind, path, message, line))

    def failed(self, error: CallError | UnusableCall | NoUsableAnswer) -> None:
        """Note every problem `error` names, in the order of their lines."""
        self._reason = "invalid_params" if isinstance(error, UnusableCall) else error.reason
        if isinstance(error, UnusableCall | AnswerRejected):
            lines = self._places.lines
            found = [Finding(self._text, self._reason, p.path, p.message, lines.get(p.path)) for p in error.problems]
            self._problems += sorted(found, key=lambda finding: finding.line or sys.maxsize)
        else:
            self._problems.append(self._located(str(error)))

    def _located(self, message: str) -> Finding:
        """A problem of the text as a whole: its line is in the codec's message, or where the JSON breaks off."""
        if said := _SAYS_LINE.fullmatch(message):
            return Finding(self._text, self._reason, "", said[2], int(said[1]))
        if self._reason == "not_json" and (broken := spot(self._body)):
            return Finding(self._text, self._reason, "", f"not JSON: {broken.message}", broken.line, broken.column)
        return Finding(self._text, self._reason, "", message)

    def finished(self) -> Translation:
        """The translation as far as it came."""
        return Translation(
            request=self.request if self.request.method else None,
            event=self.event, backend_request=self.backend_request, answer=self.answer,
            replies=self.replies, outcome=self.outcome, reason=self._reason,
            repairs=tuple(self._repairs), problems=tuple(self._problems), remarks=tuple(self._remarks),
        )  # fmt: skip
