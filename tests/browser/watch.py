"""What goes wrong in a browser without anybody looking: the console, errors of scripts, blocked and failed requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# A request that fails is told by itself, with its address. Of pages, a test asks the status itself.
_TOLD_ELSEWHERE = re.compile(r"Failed to load resource: the server responded with a status of")


@dataclass
class Watch:
    """Collects the faults of all pages of its contexts. What breaks the Content-Security-Policy is an error of the console."""

    faults: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch this context too."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("requestfailed", self._failed)
        context.on("response", self._refused)

    def expect(self, pattern: str) -> None:
        """Such a fault is what the test is about: it must come, and is no fault then."""
        self._expected.append(pattern)

    def verdict(self) -> list[str]:
        """What must not have happened, and what should have and did not."""
        missing = [f"expected, and never came: {pattern}" for pattern in self._expected if not any(re.search(pattern, fault) for fault in self.faults)]
        return [fault for fault in self.faults if not any(re.search(pattern, fault) for pattern in self._expected)] + missing

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert") and not _TOLD_ELSEWHERE.match(message.text):
            self.faults.append(f"console {message.type}: {message.text} ({message.location['url']})")

    def _error(self, error: WebError) -> None:
        self.faults.append(f"script error: {error.error}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by the browser itself: a page was left while something still came
            self.faults.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _refused(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.faults.append(f"refused: {response.request.method} {response.url}: {response.status}")
