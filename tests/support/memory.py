"""How much memory a stranger's bodies cost for good: read in a process of their own, measured after a warm-up.

Run as a module: `python -m tests.support.memory MODULE FUNCTION [ARGUMENT ...]`.
"""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rpcbridge.codec import decode_call
from rpcbridge.errors import CallError

WARM_UP = 10  # bodies: the parser's own buffers have reached their size by then


def growth(bodies: Callable[..., Iterator[bytes]], *arguments: str) -> float:
    """MiB that decoding all `bodies(*arguments)` leaves behind; `bodies` is a function of a test module."""
    command = [sys.executable, "-W", "ignore", "-m", __name__, bodies.__module__, bodies.__name__, *arguments]
    root = Path(__file__).parents[2]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=root)
    return float(run.stdout)


def _resident() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _measure(module: str, function: str, *arguments: str) -> float:
    before = 0.0
    for number, body in enumerate(getattr(importlib.import_module(module), function)(*arguments)):
        with contextlib.suppress(CallError):
            decode_call(body)
        if number == WARM_UP:
            before = _resident()
    return _resident() - before


if __name__ == "__main__":
    print(_measure(*sys.argv[1:]))
