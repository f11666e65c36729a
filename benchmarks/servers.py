"""The servers of a measurement: each started here, read from /proc, and stopped by its own process id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.payloads import ROOT
from benchmarks.report import RunFailed
from rpcbridge.plan import configured
from rpcbridge.serving import gunicorn_settings

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_CONFIG = "rpcbridge.toml"
_FOREIGN = ("RPCBRIDGE_", "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "PORT")


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, and whose it is; in MiB all that is resident, its share of it, and what is its own."""

    of: str
    rss: float
    pss: float
    uss: float
    threads: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens, and its worker processes, if it has any."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    workers: tuple[int, ...] = ()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """Seconds of CPU that the master, all workers and what records beside them have taken. Raises RunFailed when a worker has gone."""
        if tuple(_children(self.process.pid)) != self.workers:
            raise RunFailed(f"a worker of {self.name} ended:\n{_tail(self.log)}")
        return self.cpu_of_workers() + sum(_cpu(pid) for pid in self.beside())

    def cpu_of_workers(self) -> float:
        """The same without what records beside them: whoever waits for a reply waits for this."""
        return sum(_cpu(pid) for pid in (self.process.pid, *self.workers))

    def beside(self) -> list[int]:
        """The processes that record beside the workers, as many as there are by now."""
        return [pid for worker in self.workers for pid in _children(worker)]

    def settled(self) -> float:
        """`cpu`, once the server has nothing more to do: what it does behind a reply's back counts too."""
        before = self.cpu()
        for _ in range(25):
            time.sleep(0.2)
            after = self.cpu()
            if after - before <= 2 * _TICK:
                return after
            before = after
        return before

    def memory(self) -> list[Memory]:
        """Of each worker, and of what records beside it."""
        self.cpu()  # are they still the same?
        read = [_memory(f"worker {number}", pid) for number, pid in enumerate(self.workers, 1)]
        return read + [_memory(f"beside worker {number}", pid) for number, pid in enumerate(self.beside(), 1)]


def forget_settings() -> None:
    """Take out of our own environment what would change a server behind our back."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]


@contextmanager
def backend(folder: Path, delay: float = 0.0) -> Iterator[Server]:
    """The benchmark's backend."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.backend", "--port", str(port), "--delay", str(delay)]
    with _started("backend", port, command, folder, sign="listening") as server:
        yield server


@contextmanager
def contender(name: str, application: str, folder: Path) -> Iterator[Server]:
    """`application` under gunicorn, with the very options of the `rpcbridge` that was started in `folder`."""
    port = _free_port()
    settings = configured(folder / _CONFIG).settings
    options = {key: value for key, value in gunicorn_settings(settings).items() if isinstance(value, (int, str))}
    options |= {"bind": f"127.0.0.1:{port}", "proc_name": name}
    file = folder / f"{name}.conf.py"
    hooks = "from rpcbridge.affinity import give_place as pre_fork, stay_on_one_core as post_fork\n"
    file.write_text(hooks + "".join(f"{key} = {value!r}\n" for key, value in options.items()))
    command = [sys.executable, "-m", "gunicorn", "-c", str(file), application]
    with _started(name, port, command, folder, workers=settings.server.workers) as server:
        yield server


@contextmanager
def rpcbridge(
    folder: Path, backend: str, notes: list[str], *, debug: bool, database: str = "", workers: int | None = None, more: str = ""
) -> Iterator[Server]:
    """`rpcbridge serve` as anybody runs it, its log written to a file; says in `notes` what could not be switched on."""
    port = _free_port()
    file = folder / _CONFIG
    plain = f'[server]\nbind = "127.0.0.1:{port}"\n' + (f"workers = {workers}\n" if workers else "")
    plain += f'[backend]\nurl = "{backend}"\n' + _database(database) + more
    fault = _fault(file, plain + _debug(folder, database)) if debug else "not asked for"
    if fault:
        notes.append(f"rpcbridge runs without [debug]{'' if database else ' and [database]'}: {fault}")
        if fault := _fault(file, plain):
            raise RunFailed(fault)
    number = configured(file).settings.server.workers
    command = [sys.executable, "-m", "rpcbridge", "serve", "-c", str(file)]
    with _started("rpcbridge", port, command, folder, workers=number) as server:
        yield server


def _debug(folder: Path, database: str) -> str:
    """The sections that keep every exchange for a look at it."""
    return "[debug]\nenabled = true\n" + ("" if database else _database(f"sqlite:///{folder / 'exchanges.sqlite'}"))


def _database(url: str) -> str:
    return f'[database]\nurl = "{url}"\n' if url else ""


def _fault(file: Path, toml: str) -> str:
    """Write the configuration; "" where rpcbridge takes it, else what it says."""
    file.write_text(toml)
    command = [sys.executable, "-m", "rpcbridge", "check-config", "-c", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, env=_environment(), cwd=file.parent, check=False)
    return "" if run.returncode == 0 else (run.stderr or run.stdout).replace(f"{file.parent}/", "").strip()


@contextmanager
def _started(name: str, port: int, command: Sequence[str], folder: Path, *, sign: str = "", workers: int = 0) -> Iterator[Server]:
    log = folder / f"{name}.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stderr, stderr=stderr, env=_environment(), cwd=folder)
    try:
        _wait(name, port, process, log, sign or "Booting worker", workers or 1)
        yield Server(name, port, process, log, tuple(_children(process.pid)))
        if process.poll() is not None:
            raise RunFailed(f"{name} ended with {process.returncode}:\n{_tail(log)}")
    finally:
        _stop(process)


def _wait(name: str, port: int, process: subprocess.Popen[bytes], log: Path, sign: str, times: int) -> None:
    """Until the log says `sign` so many times, and the port listens."""
    for _ in range(600):
        if process.poll() is not None:
            raise RunFailed(f"{name} ended at once:\n{_tail(log)}")
        with socket.socket() as probe:
            if log.read_text(errors="replace").count(sign) >= times and probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RunFailed(f"{name} did not start within 30 s:\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Ours, and the repository's modules can be imported."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the command's name: state, ppid, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(_stat(int(entry.name))[1]) == pid:
                found.append(int(entry.name))
        except (OSError, IndexError):
            continue  # it ended while we looked
    return sorted(found)


def _cpu(pid: int) -> float:
    user, system = _stat(pid)[11:13]
    return (int(user) + int(system)) * _TICK


def _memory(of: str, pid: int) -> Memory:
    kib: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        kib[name] = float(value.split()[0])
    own = kib["Private_Clean"] + kib["Private_Dirty"]
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return Memory(of, kib["Rss"] / 1024, kib["Pss"] / 1024, own / 1024, threads)
