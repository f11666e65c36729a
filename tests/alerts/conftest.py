"""A hook that receives alerts, a clock that is set, and processes that share a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcbridge import db
from rpcbridge.alerts.hook import Hook
from rpcbridge.alerts.store import Store
from rpcbridge.alerts.teller import Teller
from rpcbridge.alerts.trouble import Trouble
from rpcbridge.settings import Alerts as Section
from tests.support import backend as backends
from tests.support import databases

SECRET = "whsec_" + "c2VjcmV0" * 5
MINUTE = 60.0
START = 1_795_230_720.0  # 2026-11-21T03:12:00Z


class Clock:
    """Stands still until it is set."""

    now = START

    def __call__(self) -> float:
        return self.now


class Process:
    """One process's teller, driven by hand."""

    def __init__(self, url: str, hook: str, clock: Clock, interval: float) -> None:
        self._engine = db.opened(url, patience=5)
        self._clock = clock
        self.teller = Teller(Store(self._engine), Hook(Section(hook, (SECRET,))), interval, clock)
        self.open: set[str] = set()

    def round(self, kind: str = "", *, last: bool = False, **reasons: int) -> float:
        """A round in which so much of a kind was counted since the last one."""
        counted = Trouble(kind)
        for reason, count in reasons.items():
            for _ in range(count):
                counted.count(reason, self._clock.now)
        return self.teller.round({kind: counted} if kind else {}, self.open, last=last)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def hook() -> Iterator[backends.Backend]:
    with backends.running(backends.reply(b"", 204, "")) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=databases.KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.fresh(request.param, tmp_path)


@pytest.fixture
def process(url: str, hook: backends.Backend, clock: Clock) -> Iterator[Callable[..., Process]]:
    """Makes processes on one database, unless another is named."""
    made: list[Process] = []

    def make(interval: float = 5 * MINUTE, database: str = url) -> Process:
        made.append(Process(database, f"{hook.url}/services/T0?key=k", clock, interval))
        return made[-1]

    yield make
    for one in made:
        one.close()


def told(hook: backends.Backend) -> list[dict[str, Any]]:
    """What came since the last look."""
    said = [request.json for request in hook.requests]
    hook.requests.clear()
    return said


def texts(hook: backends.Backend) -> list[str]:
    return [said["text"] for said in told(hook)]
