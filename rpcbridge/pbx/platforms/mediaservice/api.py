"""Mediaservice's REST API as it is emulated: what each operation does, and the prompt storage. Answers values; serves nothing itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from rpcbridge.pbx.asking import Command
from rpcbridge.pbx.platforms.mediaservice.calls import Calls
from rpcbridge.pbx.platforms.mediaservice.replies import is_sip
from rpcbridge.pbx.served import Came, Given

BASE, SITE = "/mediaservice", "/site"  # of the region, and of a hybrid site
_PAGE = 2  # files of one page of the list: few, so that there is a second page soon

# The operations of a call under way, and what each must name.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "splitconnection": ("replyId", "connectionId"), "interruptivrcommand": ("replyId", "sessionId"),
    "hangupparticipant": ("participantId", "replyId"), "hangupremoteparticipant": ("participantId", "replyId"),
    "startrecording": ("recordingFileName", "replyId", "connectionId"), "stoprecording": ("replyId", "connectionId"),
}  # fmt: skip


class Api:
    """One tenant's, of any domain where `domain` is "". `fails`: what an operation answers instead, the next times it is asked."""

    def __init__(self, domain: str, calls: Calls) -> None:
        self.fails: dict[str, list[Given]] = {}
        self.files: dict[str, bytes] = {}
        self._domain = domain
        self._calls = calls
        self._lock = threading.Lock()

    def answer(self, came: Came) -> Given:
        """What a request is answered; what it tells a call is with the call by then."""
        parts = [unquote(part) for part in urlsplit(came.path).path.split("/")]
        if f"/{parts[1]}" not in (BASE, SITE) or len(parts) < 4 or self._domain not in ("", parts[2]):
            return _failed(404, "no such path")
        operation, rest = parts[3], parts[4:]
        with self._lock:
            failures = self.fails.get(operation)
            failure = failures.pop(0) if failures else None
        if failure is not None and failure.status != 200:
            return failure
        answer = self._files(came, rest) if operation == "promptfile" else self._told(came, operation)
        return answer if failure is None else Given(answer.status, answer.body, failure.delay, answer.headers)

    def _told(self, came: Came, operation: str) -> Given:
        if came.method != "POST":
            return _failed(405, "POST alone")
        try:
            body = json.loads(came.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return _failed(400, "the body is no JSON object")
        if operation == "placeivrcall":
            if not is_sip(body.get("destAddr")):
                return _failed(400, "destAddr is no SIP URI")
            self._calls.place(body)
            return Given()
        missing = [name for name in NEEDED.get(operation, ()) if not body.get(name)]
        if operation not in NEEDED or missing:
            return _failed(404 if operation not in NEEDED else 400, ", ".join(missing) or "no such operation")
        return Given() if self._calls.tell(Command(operation, body)) else _failed(404, "no such call")

    def _files(self, came: Came, rest: list[str]) -> Given:
        """The prompt storage. What `move` did to a file is that it is gone."""
        match came.method, rest:
            case "GET", []:
                return self._listed(parse_qs(urlsplit(came.path).query).get("next", [""])[0])
            case "PUT", [name]:
                self.files[name] = came.body
                return Given()
            case ("GET" | "DELETE" | "POST", [name, *_]) if name not in self.files:
                return _failed(404, "no such file")
            case "GET", [name]:
                return Given(body=self.files[name], headers={"Content-Type": "audio/mpeg"})
            case "GET", [name, "url"]:
                return _json({"success": True, "url": f"https://storage.example/{name}?signature=x"})
            case ("DELETE", [name]) | ("POST", [name, "move"]):
                del self.files[name]
                return Given()
        return _failed(404, "no such operation")

    def _listed(self, after: str) -> Given:
        names = sorted(name for name in self.files if name > after)
        page = names[:_PAGE]
        files = [{"name": name, "size": len(self.files[name])} for name in page]
        return _json({"success": True, "files": files, "next": page[-1] if len(names) > _PAGE else None})


def _json(value: Mapping[str, Any], status: int = 200) -> Given:
    return Given(status, json.dumps(value).encode())


def _failed(status: int, reason: str) -> Given:
    return _json({"success": False, "reason": reason}, status)
