"""Which exchanges stand in `fixtures/`, and how they are played: a case is whole when it also has what the bridge replies."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.bridge import ROOT, Reply

FIXTURES = ROOT / "fixtures"
# Opens the doors of phone systems that else have to be set up, and changes nothing of what they get.
OPEN = '[mediaservice]\nnetworks = ["127.0.0.1/32"]\n'
KEY = "$KEY"  # in a case: the bridge's own key of the call

Post = Callable[[bytes, str], Reply]


@dataclass(frozen=True)
class Case:
    """One fixture."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def path(self) -> str:
        """Where it is posted to."""
        told = self._told()
        return f"/{self.folder.parent.name.replace('_', '-')}" + (f"/{told['callback']}" if told else "")

    @property
    def carried_on(self) -> bool:
        """Whether it is one of several requests of a call that the bridge carries on."""
        return bool(self._told())

    @property
    def before(self) -> list[Case]:
        """The cases that come before it in the same call."""
        return [Case(self.folder.parent / name) for name in self._told().get("after", ())]

    def has(self, station: str) -> bool:
        return bool(list(self.folder.glob(f"{station}.*")))

    def bytes(self, station: str) -> bytes:
        (path,) = self.folder.glob(f"{station}.*")
        return path.read_bytes()

    def json(self, station: str) -> Any:
        return json.loads(self.bytes(station))

    def _told(self) -> dict[str, Any]:
        path = self.folder / "case.json"
        return json.loads(path.read_bytes()) if path.is_file() else {}


@dataclass
class Playing:
    """One call after another, each with ids of its own where the bridge would else take it for one that it knows."""

    post: Post
    answer: Callable[[bytes], None]  # what the backend answers next
    key: str = KEY
    ids: dict[str, str] = field(default_factory=dict)

    def play(self, case: Case) -> Reply:
        """The reply to a case, in a new call, after those that come before it."""
        self.key, self.ids = KEY, {}
        for earlier in case.before:
            self.step(earlier)
        return self.step(case)

    def step(self, case: Case) -> Reply:
        """The reply to the next request of the call under way."""
        if case.carried_on:
            self._rename(case)
        if case.has("backend_response"):
            self.answer(self.written(case.bytes("backend_response")))
        reply = self.post(self.written(case.bytes("platform_request")), case.path)
        if self.key == KEY:
            self.key = _key_in(reply.body) or KEY
        return reply

    def written(self, text: bytes) -> bytes:
        """A case's text with the ids of this call."""
        for old, new in {**self.ids, KEY: self.key}.items():
            text = text.replace(old.encode(), new.encode())
        return text

    def _rename(self, case: Case) -> None:
        id = case.json("platform_request").get("sessionId")
        if id and id not in self.ids:
            self.ids[id] = f"{id[:-4]}{secrets.token_hex(2)}"


def _key_in(reply: bytes) -> str:
    try:
        told = json.loads(reply)
    except ValueError:
        return ""
    reference = told.get("sessionReferenceId") if isinstance(told, dict) else None
    return str(reference.get("rb", "")) if isinstance(reference, dict) else ""


def whole(platform: str) -> list[Path]:
    """The folders of a platform's cases that have every station up to the reply."""
    return sorted(folder for folder in (FIXTURES / platform).iterdir() if list(folder.glob("platform_response.*")))


PLATFORMS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir() and whole(folder.name))
