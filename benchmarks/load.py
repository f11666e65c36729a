"""Runs wrk with load.lua, and takes nothing but clean runs."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import payloads
from benchmarks.report import RunFailed

SCRIPT = Path(__file__).with_name("load.lua")
_ERRORS = ("wrong", "connect_errors", "read_errors", "write_errors", "status_errors", "timeouts")
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw. Every reply was right, or there would be no Load."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    connections: int
    whole_rounds: int
    whole_rounds_seconds: float

    @property
    def rate(self) -> float:
        """Requests a second over the whole run."""
        return self.requests / self.seconds

    @property
    def held_rate(self) -> float:
        """Requests a second over whole rounds of all connections, the first two left out.

        Where calls are held for a second they end in bursts, and it is chance whether the last
        burst falls before or behind the end of the run; whole rounds begin and end with a burst.
        """
        if self.whole_rounds < 1:
            raise RunFailed("the run was too short for a whole round of all connections")
        return self.whole_rounds * self.connections / self.whole_rounds_seconds


def drive(url: str, wanted: Sequence[str], *, connections: int, seconds: float) -> Load:
    """Ask `url` over `connections` for `seconds`. Raises RunFailed for any error or any reply without all of `wanted`."""
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s", "--timeout", "15s", "-s", str(SCRIPT), url, "--",
        str(payloads.QUESTION_FILE), payloads.CALL_ID, str(next(_runs)), str(connections), *wanted,
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    seen = _result(run)
    failures = {name: seen[name] for name in _ERRORS if seen[name]}
    if failures:
        raise RunFailed(f"{seen['requests']} requests to {url}: {failures}; the first wrong reply: {seen['sample'] or 'none'}")
    if not seen["requests"]:
        raise RunFailed(f"{url} answered nothing in {seconds:g} s")
    return Load(connections=connections, **{name: seen[name] for name in Load.__dataclass_fields__ if name != "connections"})


def _result(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    for line in run.stdout.splitlines():
        if line.startswith("RESULT "):
            seen: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return seen
    raise RunFailed(f"wrk ended with {run.returncode}: {run.stderr.strip() or run.stdout.strip()}")
