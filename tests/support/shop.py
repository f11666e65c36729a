"""The example backend, examples/shop.py, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.bridge import ROOT


@contextmanager
def running() -> Iterator[str]:
    """Its URL, on a free port, as soon as it listens."""
    command = [sys.executable, str(ROOT / "examples" / "shop.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield program.stdout.readline().split()[-1]  # "The shop's backend listens on http://…"
        finally:
            program.terminate()
            program.wait(10)
