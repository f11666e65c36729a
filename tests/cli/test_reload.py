"""SIGHUP and `rpcbridge reload`: what is faulty is refused and nothing stops; what is good is taken up without a loss."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_call import rpcbridge
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import xml
from tests.support.load import Load
from tests.support.profile import check_reply

pytestmark = pytest.mark.alone

SERVE = [sys.executable, "-m", "rpcbridge", "serve"]
GUNICORN = [sys.executable, "-m", "gunicorn", "wsgi:app"]
BOTH = pytest.mark.parametrize("command", [SERVE, GUNICORN], ids=["serve", "gunicorn"])
FAULTY = '[server]\nthreads = 5\n[backend]\nulr = "x"\n'


def asked(bridge: bridges.Running) -> str:
    reply = bridge.post(xml())
    return check_reply(reply.status, reply.headers, reply.body)["ACTION"]


def until(bridge: bridges.Running, action: str) -> None:
    """Wait until the bridge answers with it."""
    before = time.monotonic()
    while asked(bridge) != action:
        assert time.monotonic() < before + 15, bridge.log.read_text()
        time.sleep(0.05)


def write(folder: Path, toml: str) -> None:
    (folder / "rpcbridge.toml").write_text(toml, "utf-8")


@pytest.fixture
def other() -> Iterator[backends.Backend]:
    """Another backend, which answers otherwise."""
    with backends.running(backends.reply({"action": "menu", "menu": "main", "prompt": "welcome"})) as running:
        yield running


@BOTH
def test_a_good_configuration_is_taken_up(backend, other, tmp_path: Path, command: list[str]):
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n', command=command, cwd=bridges.ROOT) as bridge:
        assert asked(bridge) == "HANGUP"
        write(tmp_path, f'[server]\nthreads = 20\nworkers = 3\n[backend]\nurl = "{other.url}"\n')
        bridge.process.send_signal(signal.SIGHUP)
        until(bridge, "MENU")
        assert '"event":"reloading"' in bridge.log.read_text()
        bridge.process.send_signal(signal.SIGHUP)  # and once more: the handlers are still ours
        assert bridge.said("Handling signal: hup").count("reload_refused") == 0


@BOTH
def test_a_faulty_one_is_refused_with_every_fault_and_the_old_one_serves_on(backend, tmp_path: Path, command: list[str]):
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n', command=command, cwd=bridges.ROOT) as bridge:
        write(tmp_path, FAULTY)
        bridge.process.send_signal(signal.SIGHUP)
        log = bridge.said('"event":"reload_refused"')
        (line,) = bridge.lines("reload_refused")
        assert line["level"] == "error"
        threads, key, url = line["problems"]
        assert "rpcbridge.toml:2: server.threads: expected" in threads
        assert "rpcbridge.toml:4: backend.ulr: unknown key" in key
        assert url.startswith("backend.url: missing, and required")
        assert asked(bridge) == "HANGUP"
        # A worker that dies is replaced by one with the configuration that was checked, not with what the file says now.
        os.kill(int(log.partition("Booting worker with pid: ")[2].split()[0]), signal.SIGKILL)
        bridge.said("was sent SIGKILL")
        assert asked(bridge) == "HANGUP"
        assert log.count("Handling signal: hup") == 1


def test_no_call_is_lost_while_workers_change(tmp_path: Path):
    answer = backends.slow(0.5, backends.reply({"action": "menu", "menu": "main", "prompt": "welcome"}))
    with backends.running(answer) as backend:
        toml = f'[backend]\nurl = "{backend.url}"\n'
        with bridges.running(tmp_path, toml, WEB_CONCURRENCY="2") as bridge, Load(bridge.port, polite=False) as load:
            for count in (100, 200, 300):
                load.reach(count)
                bridge.process.send_signal(signal.SIGHUP)
            load.reach(500)
            load.enough.set()
            load.join()
            assert len(bridge.lines("reloading")) == 3
    assert (load.lost, load.refused) == ([], 0)


def test_the_address_can_change_to_a_free_one_and_not_to_a_taken_one(backend, tmp_path: Path):
    def bound_to(host: str) -> str:  # the variable PORT stands over the port
        return f'[server]\nbind = "{host}:1"\n[backend]\nurl = "{backend.url}"\n'

    with bridges.running(tmp_path, bound_to("127.0.0.1")) as bridge, socket.create_server(("127.0.0.3", bridge.port)):
        for taken in ("127.0.0.3", "0.0.0.0"):
            write(tmp_path, bound_to(taken))
            bridge.process.send_signal(signal.SIGHUP)
            bridge.said(f"server.bind: cannot listen on {taken}:{bridge.port}: Address already in use")
            assert asked(bridge) == "HANGUP"
        write(tmp_path, bound_to("127.0.0.2"))
        bridge.process.send_signal(signal.SIGHUP)
        bridge.said(f"Listening at: http://127.0.0.2:{bridge.port}")
        socket.create_connection(("127.0.0.2", bridge.port), timeout=5).close()


def test_gunicorns_own_options_are_checked_as_well(backend, tmp_path: Path):
    own = tmp_path / "own.py"
    good = "from rpcbridge.serving import gunicorn_options, this_master\nglobals().update(gunicorn_options(this_master()))\n"
    own.write_text(good, "utf-8")
    command = [*GUNICORN, "-c", str(own)]
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n', command=command, cwd=bridges.ROOT) as bridge:
        own.write_text(good + "timeout = 'soon'\n", "utf-8")
        bridge.process.send_signal(signal.SIGHUP)
        bridge.said("gunicorn's own options cannot be used")
        assert asked(bridge) == "HANGUP"


@BOTH
def test_the_verb_checks_and_signals(backend, other, tmp_path: Path, command: list[str]):
    pidfile = tmp_path / "bridge.pid"
    toml = f'[voicenter]\nlanguage = "en"\n[backend]\nurl = "{backend.url}"\n'
    with bridges.running(
        tmp_path, toml, command=command, cwd=bridges.ROOT, GUNICORN_CMD_ARGS=f"--pid {pidfile}"
    ) as bridge:
        write(tmp_path, FAULTY)
        done = rpcbridge("reload", str(bridge.process.pid))
        assert (done.returncode, done.stdout) == (2, "")
        assert "rpcbridge.toml:4: backend.ulr: unknown key, did you mean url?" in done.stderr
        assert "Handling signal" not in bridge.log.read_text()
        write(tmp_path, f'[backend]\nurl = "{other.url}"\n')
        done = rpcbridge("reload", "--pidfile", str(pidfile))
        assert done.returncode == 0, done.stderr
        assert f"{tmp_path / 'rpcbridge.toml'} is usable, with the environment of process {bridge.process.pid}" in done.stdout
        until(bridge, "MENU")


def test_the_verb_reads_what_the_master_reads(backend, tmp_path: Path):
    """The master's environment, working directory and arguments; not those of who calls the verb."""
    command = [*SERVE, "-c", "mine.toml", "--backend", backend.url]
    (tmp_path / "mine.toml").write_text('[fallback]\naction = "hangup"\n', "utf-8")
    with bridges.running(tmp_path, "", command=command, RPCBRIDGE_BACKEND__DEADLINE="3s") as bridge:
        pid = str(bridge.process.pid)
        done = rpcbridge("reload", pid, RPCBRIDGE_BACKEND__DEADLINE="nonsense")
        assert done.returncode == 0, done.stderr
        assert "mine.toml is usable" in done.stdout
        bridge.said('"event":"reloading"')
        (tmp_path / "mine.toml").write_text('[backend]\nconnect_timeout = "3500ms"\n', "utf-8")
        assert "connect_timeout: longer than backend.deadline (3s)" in rpcbridge("reload", pid).stderr
        (tmp_path / "their.toml").write_text("strict = 3\n", "utf-8")
        assert "their.toml:1: strict: expected" in rpcbridge("reload", pid, "-c", str(tmp_path / "their.toml")).stderr


def test_a_worker_is_not_signalled(backend, tmp_path: Path):
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n') as bridge:
        worker = bridge.log.read_text().partition("Booting worker with pid: ")[2].split()[0]
        done = rpcbridge("reload", worker)
        assert done.returncode == 3
        assert f"process {worker} is a worker; its master is {bridge.process.pid}" in done.stderr


def test_a_stranger_or_nobody_is_not_signalled(tmp_path: Path):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        done = rpcbridge("reload", str(stranger.pid))
        assert (done.returncode, stranger.poll()) == (3, None)
        assert f"process {stranger.pid} is neither gunicorn nor rpcbridge serve" in done.stderr
        stranger.kill()
    done = rpcbridge("reload", str(stranger.pid))
    assert done.returncode == 3
    assert f"there is no process {stranger.pid}" in done.stderr


@pytest.mark.parametrize(("content", "wrong"), [(None, "cannot be read: No such file"), ("", "no process id"), ("-1", "no process -1")])
def test_a_pid_file_that_names_nobody(tmp_path: Path, content: str | None, wrong: str):
    if content is not None:
        (tmp_path / "pid").write_text(content, "ascii")
    done = rpcbridge("reload", "--pidfile", str(tmp_path / "pid"))
    assert done.returncode == 3
    assert wrong in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [(), ("1", "--pidfile", "x"), ("none",), ("0",)])
def test_one_process_must_be_named(arguments: tuple[str, ...]):
    assert rpcbridge("reload", *arguments).returncode == 2
