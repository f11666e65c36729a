"""A running gunicorn master as Linux's /proc shows it: its command line, environment and working directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class NoMaster(Exception):
    """The process is not there, is none of ours, or may not be looked at; the message says which."""


@dataclass(frozen=True, slots=True)
class RunningMaster:
    """words: the command line from the program on, such as `rpcbridge serve -c FILE` or `gunicorn wsgi:app`."""

    pid: int
    words: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


def found(pid: int) -> RunningMaster:
    """The master with this process id. Raises NoMaster."""
    try:
        words = _words(pid)
        parent = _parent(pid)
        if not words:
            raise NoMaster(f"process {pid} is neither gunicorn nor rpcbridge serve")
        if words == _words(parent):
            raise NoMaster(f"process {pid} is a worker; its master is {parent}")
        return RunningMaster(pid, words, _environment(pid), Path(f"/proc/{pid}/cwd").readlink())
    except PermissionError:
        raise NoMaster(f"process {pid} belongs to somebody else: run this as the same user, or as root") from None
    except (FileNotFoundError, ProcessLookupError):
        raise NoMaster(f"there is no process {pid}, or this system has no /proc to find it in") from None


def pid_in(file: Path) -> int:
    """The process id in a pid file. Raises NoMaster."""
    try:
        return int(file.read_text("ascii"))
    except OSError as error:
        raise NoMaster(f"{file}: cannot be read: {error.strerror}. Is the bridge running?") from None
    except ValueError:
        raise NoMaster(f"{file}: holds no process id") from None


def _words(pid: int) -> tuple[str, ...]:
    """The command line without the interpreter and its options, the program by its name alone; () for a stranger."""
    words = _strings(pid, "cmdline")
    while words and (words[0].startswith("-") or Path(words[0]).name.startswith("python")):
        del words[0]
    if not words:
        return ()
    program = Path(words[0]).name
    ours = program == "gunicorn" or (program == "rpcbridge" and words[1:2] == ["serve"])
    return (program, *words[1:]) if ours else ()


def _environment(pid: int) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in _strings(pid, "environ") if "=" in entry)


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    return int(status.partition("\nPPid:")[2].split()[0])


def _strings(pid: int, name: str) -> list[str]:
    return [os.fsdecode(part) for part in Path(f"/proc/{pid}/{name}").read_bytes().split(b"\0") if part]
