"""What a part hands back, how it is shown, and the file that keeps it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.payloads import ROOT

_PACKAGES = ("rpcbridge", "gunicorn", "flask", "werkzeug", "lxml", "pycurl", "marshmallow", "structlog", "requests", "urllib3")


class RunFailed(Exception):
    """A measurement that is worth nothing: an error, a wrong reply, a server that ended."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: rounds, the seconds of each, and whether it is only a look whether all of it runs."""

    rounds: int
    seconds: float
    quick: bool = False
    debug: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that was promised, beside the one that was measured."""

    what: str
    measured: float
    bound: float
    at_least: bool = True
    unit: str = "x"

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


@dataclass(slots=True)
class Outcome:
    """All that a part measured, and its targets."""

    figures: dict[str, Any]
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose first column is words and whose others are figures."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def show_targets(console: Console, targets: Sequence[Target]) -> None:
    """PASS or FAIL, one line each."""
    for target in targets:
        word = "[bold green]PASS[/]" if target.met else "[bold red]FAIL[/]"
        sign = ">=" if target.at_least else "<="
        console.print(f"{word} {target.what}: {target.measured:.3f}{target.unit}, target {sign} {target.bound:g}{target.unit}")


def machine() -> dict[str, Any]:
    """The facts without which a figure says nothing; no names of machines or people."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release().split("-")[0],
        "load_before": os.getloadavg(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "commit": _commit(),
        "wrk": _wrk_version(),
    }


def save(folder: Path, started: datetime, facts: Mapping[str, Any], size: Mapping[str, Size], parts: Mapping[str, Outcome]) -> Path:
    """Everything measured, as one JSON file named for the time it began."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{started:%Y-%m-%dT%H%M%SZ}.json"
    written = {
        name: {
            "size": asdict(size[name]),
            "figures": outcome.figures,
            "notes": outcome.notes,
            "targets": [asdict(target) | {"met": target.met} for target in outcome.targets],
        }
        for name, outcome in parts.items()
    }
    file.write_text(json.dumps({"started": f"{started:%Y-%m-%dT%H:%M:%SZ}", "machine": facts, "parts": written}, indent=1) + "\n")
    return file


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _commit() -> str:
    return _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])


def _wrk_version() -> str:
    return " ".join(_said(["wrk", "--version"]).split()[:2])


def _said(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return "missing"
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
