"""Bridges that are killed, stopped and started again on the same port."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.bridge import awaited, free_port

_TOML = """
[server]
workers = {workers}
[backend]
url = "{backend}"
deadline = "{deadline:g}s"
[fallback]
action = "menu"
menu = "fallback"
prompt = "sorry"
[database]
url = "{database}"
[debug]
enabled = {debug}
[events]
attempt_timeout = "2s"
lease = "{lease:g}s"
retry_after = [{retries}]
"""


@dataclass
class Bridge:
    """A gunicorn master with its workers, in a process group of its own."""

    folder: Path
    backend: str
    database: str
    deadline: float = 4.0
    lease: float = 1.0
    workers: int = 2
    debug: bool = True
    more: str = ""  # of the configuration
    variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    groups: list[int] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Bridge:
        self.folder.mkdir(exist_ok=True)
        retries = ", ".join(['"250ms"'] * 200)
        (self.folder / "rpcbridge.toml").write_text(
            _TOML.format(
                backend=self.backend, deadline=self.deadline, database=self.database, debug=str(self.debug).lower(),
                lease=self.lease, retries=retries, workers=self.workers,
            ) + self.more,
            "utf-8",
        )  # fmt: skip
        self.start()
        self.serves()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            for group in self.groups:  # what a killed master has left behind, and nobody else
                _signalled(group, signal.SIGKILL)

    @property
    def log(self) -> str:
        return (self.folder / "stderr.log").read_text("utf-8", "replace")

    def start(self) -> None:
        """A master with new workers; it may take a while until it serves."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RPCBRIDGE_")}
        clean.pop("WEB_CONCURRENCY", None)
        environment = clean | {"PORT": str(self.port), "RPCBRIDGE_CONFIG": str(self.folder / "rpcbridge.toml")} | self.variables
        with (self.folder / "stderr.log").open("ab") as stderr:
            command = [sys.executable, "-m", "rpcbridge", "serve"]
            self.process = subprocess.Popen(
                command, stderr=stderr, stdout=stderr, env=environment, cwd=self.folder, start_new_session=True
            )
        self.groups.append(self.process.pid)

    def serves(self, seconds: float = 30.0) -> float:
        """Wait until this master's workers answer; how long that took. One that gave up is started again, as a supervisor does."""
        before = time.monotonic()
        while not self._ready():
            assert time.monotonic() < before + seconds, f"it does not serve after {seconds:g} s:\n{self.log[-3000:]}"
            if self.process is None or self.process.poll() is not None:
                self.start()
            time.sleep(0.05)
        return time.monotonic() - before

    def worker_pids(self) -> list[int]:
        """The workers of the present master."""
        assert self.process is not None
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_worker(self) -> int:
        """kill -9 of one worker; its process id."""
        victim = awaited(self.worker_pids)[0]
        os.kill(victim, signal.SIGKILL)
        return int(victim)

    def kill_master(self) -> list[int]:
        """kill -9 of the master alone; the process ids of its workers, orphans now."""
        assert self.process is not None
        orphans = self.worker_pids()
        self.process.kill()
        self.process.wait(10)
        return orphans

    def kill_all(self) -> None:
        """kill -9 of master and workers at once, as when a machine is gone."""
        assert self.process is not None
        _signalled(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def reload(self) -> None:
        """SIGHUP, and wait until all workers are new."""
        assert self.process is not None
        before = set(self.worker_pids())
        self.process.send_signal(signal.SIGHUP)
        awaited(lambda: len(self.worker_pids()) == self.workers and not before & set(self.worker_pids()), 40)

    def said(self, event: str) -> int:
        """How many lines of this event the log holds."""
        return self.log.count(f'"event":"{event}"')

    def page(self, path: str, seconds: float = 10.0) -> bytes:
        """One of the bridge's own pages, as JSON where it has that."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as connection:
            connection.request("GET", path, headers={"Accept": "application/json, text/plain;q=0.5"})
            return connection.getresponse().read()

    def _ready(self) -> bool:
        """All workers of this very master are there, and one of them answers."""
        if self.process is None or self.process.poll() is not None:
            return False
        pids, log = self.worker_pids(), self.log
        if len(pids) < self.workers or not all(f"Booting worker with pid: {pid}\n" in log for pid in pids):
            return False
        try:
            return self.page("/livez", seconds=1.0).startswith(b"ok")
        except (OSError, http.client.HTTPException):
            return False


def ended(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _signalled(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
