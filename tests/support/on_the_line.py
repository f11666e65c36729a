"""Calls on Mediaservice over HTTP: callbacks posted to a real bridge, each and its reply judged; and a stand-in for its API."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support import backend as backends
from tests.support.bridge import Reply, Running, awaited
from tests.support.mediaservice import valid_callback, valid_reply, valid_request
from tests.support.rsa_keys import private_file

DOMAIN = "customer.example"
MENU: dict[str, Any] = {"action": "menu", "menu": "main", "prompt": "welcome", "max_digits": 1, "state": {"cart": [1, "שלום"]}}
DIAL: dict[str, Any] = {"action": "call", "target": "0501234567", "max_duration": 600}
SORRY = '[fallback]\naction = "menu"\nmenu = "fallback"\nprompt = "sorry"\n'


def settings(backend: str, *, database: str = "", platform: str = "", folder: Path | None = None, more: str = "", section: str = "") -> str:
    """A configuration. platform: where the stand-in for the API is; folder: for the key that is needed then."""
    reached = f'url = "{platform}/mediaservice"\nprivate_key_file = "{private_file(folder)}"\n' if folder else ""
    kept = f'[database]\nurl = "{database}"\n' if database else ""
    return f'[backend]\nurl = "{backend}"\n{kept}{SORRY}[mediaservice]\ndomain = "{DOMAIN}"\n{reached}{section}{more}'


@dataclass
class OnTheLine:
    """One call. `bridge` may be changed between two callbacks; `reference` is what the bridge gave, as the platform carries it along."""

    bridge: Running
    session: str
    path: str = "/mediaservice"
    reference: Any = None
    number: int = 0
    seconds: list[float] = field(default_factory=list)

    def sent(self, callback: str, **body: Any) -> Reply:
        """The reply as it came."""
        carried = {} if self.reference is None else {"sessionReferenceId": self._carried(callback)}
        body = carried | body
        valid_callback(callback, body)
        reply = self.bridge.post(json.dumps(body).encode(), f"{self.path}/{callback}", Content_Type="application/json")
        self.seconds.append(reply.seconds)
        return reply

    def post(self, callback: str, **body: Any) -> Any:
        """The reply's JSON."""
        reply = self.sent(callback, **body)
        assert reply.status == 200, reply
        said = json.loads(reply.body)
        valid_reply(callback, said)
        self.reference = said.get("sessionReferenceId", self.reference)
        return said

    def begin(self, **more: Any) -> Any:
        """newCall."""
        who = {"callingParty": "0540000000", "calledParty": "0730000000", "displayName": "Dana"}
        return self.post("newCall", sessionId=self.session, **who | more)

    def answered(self, callee: str = "ivr", connection: str = "c", **more: Any) -> Reply:
        """callAnswered; of the IVR's leg, unless another callee is named."""
        body = {
            "callerParticipantId": f"{self.session}-person", "calleeParticipantId": f"{self.session}-{callee}",
            "connectionId": f"{self.session}-{connection}", "replyId": f"{self.session}-reply-{connection}", "monitoringParticipant": False,
        }  # fmt: skip
        return self.sent("callAnswered", **body | more)

    def in_ivr(self) -> Any:
        """newCall, the IVR's leg, and the first getIvrCommand, whose reply this is."""
        assert self.begin()["action"] == "ivr"
        assert self.answered().status == 200
        return self.command()

    def command(self, digits: str = "", **more: Any) -> Any:
        """getIvrCommand."""
        return self.post("getIvrCommand", **self.next_command(digits), **more)

    def next_command(self, digits: str = "") -> dict[str, Any]:
        """The body of a getIvrCommand."""
        self.number += 1
        pressed = {"dtmfParams": {"dtmfMatch": digits, "reason": "maxDigits"}} if digits else {}
        return {"sessionId": self.session, "replyId": f"{self.session}-command-{self.number}", **pressed}

    def event(self, name: str, who: str = "person", connection: str = "c", **more: Any) -> Any:
        """callEvent."""
        return self.post("callEvent", **self.event_body(name, who, connection), **more)

    def event_body(self, name: str, who: str = "person", connection: str = "c") -> dict[str, Any]:
        """The body of a callEvent."""
        return {
            "sessionId": self.session, "event": name, "domain": DOMAIN, "participantId": f"{self.session}-{who}",
            "connectionId": f"{self.session}-{connection}",
        }  # fmt: skip

    def completed(self) -> Reply:
        """sessionCompleted."""
        return self.sent("sessionCompleted", sessionId=self.session, domain=DOMAIN)

    def _carried(self, callback: str) -> Any:
        """The reference as this callback has it: an object, or one as text."""
        return self.reference if callback in ("callAnswered", "sessionCompleted") else json.dumps(self.reference)


def names(reply: Any) -> list[str]:
    """The files that the IVR plays."""
    return [phrase["fileName"] for phrase in reply["phrases"]]


def workers(bridge: Running) -> list[int]:
    """The process ids of a bridge's workers."""
    pid = bridge.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_workers(bridge: Running) -> None:
    """kill -9 of all workers; the master starts others."""
    before = awaited(lambda: workers(bridge))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    awaited(lambda: len(workers(bridge)) == len(before) and not set(before) & set(workers(bridge)), 20)


@dataclass
class Together:
    """What is done at the same time, each in a thread of its own; `results` in the order of `work`, once its block is left."""

    work: tuple[Any, ...]
    results: list[Any] = field(default_factory=list)

    def __enter__(self) -> Together:
        self.results = [None] * len(self.work)
        self._threads = [threading.Thread(target=self._one, args=(place,)) for place in range(len(self.work))]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(30)

    def _one(self, place: int) -> None:
        try:
            self.results[place] = self.work[place]()
        except Exception as error:
            self.results[place] = error


def together(*work: Any) -> Together:
    """A block during which all of `work` is done."""
    return Together(work)


@contextmanager
def platform_api() -> Iterator[backends.Backend]:
    """Mediaservice's API: does what it is told. `behave` may be changed."""
    with backends.running(backends.reply({"success": True})) as running:
        yield running


def orders(api: backends.Backend, session: str = "") -> list[tuple[str, dict[str, Any]]]:
    """What the platform was told (of one session): operation and body, each of them judged."""
    found = []
    for request in list(api.requests):
        path = urlsplit(request.target).path.removeprefix("/mediaservice")
        assert path.startswith(f"/{DOMAIN}/")
        assert request.headers["authorization"].startswith("Bearer ey")
        valid_request(path, request.method, request.json)
        if session in request.body.decode():
            found.append((path.rpartition("/")[2], request.json))
    return found
