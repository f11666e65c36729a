"""Processes, as Linux tells of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def children(pid: int, said: str = "") -> list[int]:
    """The living children of a process whose command line says so."""
    found = []
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if said in command(child)]


def command(pid: int) -> str:
    """Its command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
