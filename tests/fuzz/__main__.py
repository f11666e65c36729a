"""`python -m tests.fuzz SECONDS`: throws inputs until the time is up, and writes what it finds as files.

Hypothesis shrinks a finding before it is written. A finding that is known already (the same line of the same
check) is not written twice in one run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import checks, inputs

FOUND = Path(__file__).parent / "found"
FOLDER = "tests/hostile/findings"
_ROUND = 400  # inputs between two looks at the clock


@dataclass
class Target:
    """One thing that is fuzzed; `kind` names its files."""

    kind: str
    inputs: st.SearchStrategy[bytes]
    check: Callable[[bytes], None]
    runs: int = 0
    seconds: float = 0.0
    found: dict[str, Path] = field(default_factory=dict)

    def round(self, number: int) -> None:
        """As many inputs as a round has; a finding ends it."""
        last = b""

        @seed(number)
        @settings(
            max_examples=_ROUND, deadline=None, database=None, report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        )  # fmt: skip
        @given(self.inputs)
        def run(body: bytes) -> None:
            nonlocal last
            self.runs += 1
            try:
                self.check(body)
            except BaseException as error:
                if _where(error) in self.found:
                    return
                last = body
                raise

        started = time.monotonic()
        try:
            with contextlib.redirect_stdout(None):
                run()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self._note(error, last)
        finally:
            self.seconds += time.monotonic() - started

    def _note(self, error: BaseException, body: bytes) -> None:
        FOUND.mkdir(exist_ok=True)
        path = FOUND / f"{hashlib.sha256(body).hexdigest()[:10]}.{self.kind}.bin"
        path.write_bytes(body)
        self.found[_where(error)] = path
        said = "".join(traceback.format_exception_only(error)).strip()[:600]
        print(f"\n{path}\n  {_where(error)}\n  {said}\n", flush=True)


def _where(error: BaseException) -> str:
    """The deepest line of ours: two findings that break there are one."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/tests/fuzz/checks" in f.filename or "/rpcbridge/" in f.filename]
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else repr(error)[:80]


def fuzz(budget: float, start: int) -> int:
    """Every target in turn until `budget` seconds are over; the number of findings."""
    with tempfile.TemporaryDirectory() as folder:
        app = checks.App(Path(folder))
        targets = [
            Target("body", inputs.BODY, checks.check_decode),
            Target("request", inputs.REQUEST, app.check),
            Target("answer", inputs.ANSWER, checks.check_answer),
        ]
        end, number = time.monotonic() + budget, start
        while time.monotonic() < end:
            for target in targets:
                target.round(number)
            number += 1
        app.close()
    for target in targets:
        rate = target.runs / max(target.seconds, 0.001)
        print(f"{target.kind:8} {target.runs:8} inputs {rate:7.0f} a second {len(target.found):4} findings")
    return sum(len(target.found) for target in targets)


def main() -> None:
    """Runs for the seconds that are asked for, 120 where none are."""
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    start = int(os.environ.get("SEED") or time.time())
    print(f"seed {start}, {budget:g} s", flush=True)
    out = sys.stderr
    with open(os.devnull, "w") as quiet:
        sys.stderr = quiet  # the bridge's log
        count = fuzz(budget, start)
        sys.stderr = out
    if count:
        print(f"Each file is a finding. Move it to {FOLDER}/<what it shows>.<kind>.bin: a test replays all of them there.")
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
