"""A real bridge: gunicorn in a process of its own, from a configuration written to a folder."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    """A port that nobody listens on, below those that the kernel gives to connections: one of them could take it before a bridge does."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


@dataclass
class Running:
    """A bridge that listens."""

    port: int
    process: subprocess.Popen
    log: Path
    path: str = "/voicenter"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    def post(self, body: bytes, path: str | None = None, method: str = "POST", **headers: str) -> Reply:
        """One request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        started = time.monotonic()
        names = {name.replace("_", "-"): value for name, value in (self.headers | headers).items()}
        connection.request(method, path or self.path, body, names)
        response = connection.getresponse()
        data = response.read()
        seconds = time.monotonic() - started
        connection.close()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, data, seconds)

    def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """One look at a page of the bridge's own."""
        return self.post(b"", path, method, **headers)

    def said(self, *texts: str) -> str:
        """The log, as soon as it holds all of these."""
        before = time.monotonic()
        while not all(text in (log := self.log.read_text()) for text in texts) and time.monotonic() < before + 20:
            time.sleep(0.02)
        assert all(text in log for text in texts), log
        return log

    def lines(self, event: str = "exchange") -> list[dict]:
        """The log's lines of one kind."""
        whole, _, _ = self.log.read_text().rpartition("\n")  # the last line may still be written
        found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def lines_of(self, call_id: str, method: str) -> list[dict]:
        """The log's lines of exchanges of one method in one call."""
        return [line for line in self.lines() if (line.get("call_id"), line["method"]) == (call_id, method)]

    def last_line(self, event: str = "exchange", **said: object) -> dict:
        """The newest line of one kind that says so; lines are written just after the reply."""
        return awaited(lambda: [line for line in self.lines(event) if said.items() <= line.items()])[-1]


def awaited(look: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What `look` finds, as soon as it finds anything: at the latest after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    assert found, "it did not come"
    return found


@contextmanager
def running(
    folder: Path, toml: str, *, command: list[str] | None = None, cwd: Path | None = None, logs: bool = True, **variables: str
) -> Iterator[Running]:
    """`rpcbridge serve` (or another command) until the block ends; must stop by itself on SIGTERM."""
    port = free_port()
    config, log = folder / "rpcbridge.toml", folder / "stderr.log"
    config.write_text(toml, "utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RPCBRIDGE_")}
    if "[database]" not in toml:
        clean["RPCBRIDGE_DATABASE__URL"] = f"sqlite:///{folder / 'rpcbridge.db'}"  # wherever `cwd` is
    environment = clean | {"PORT": str(port), "RPCBRIDGE_CONFIG": str(config), "WEB_CONCURRENCY": "1"} | variables
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "rpcbridge", "serve"], stderr=stderr, stdout=stderr, env=environment,
            cwd=cwd or folder,
        )  # fmt: skip
    try:
        _wait(port, process, log, "Booting worker" if logs else "")
        yield Running(port, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _wait(port: int, process: subprocess.Popen, log: Path, sign: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise AssertionError(f"the bridge ended at once:\n{log.read_text()}")
        with socket.socket() as probe:
            # Listening is the master; a line of the worker says that requests are served.
            if probe.connect_ex(("127.0.0.1", port)) == 0 and sign in log.read_text():
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port} after 15 s:\n{log.read_text()}")
