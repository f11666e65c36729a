"""`rpcbridge tail` beside real bridges: what any of them records, what was missed, and a database that goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from rpcbridge import db
from rpcbridge.cli.tail import line_of
from rpcbridge.domain.origins import made
from rpcbridge.exchange import Exchange
from rpcbridge.trace.noting import noted
from rpcbridge.trace.store import Store
from tests.cli.test_call import rpcbridge
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import databases
from tests.support.backend import reply
from tests.support.bridge import awaited
from tests.support.calls import xml
from tests.trace.conftest import exchange
from tests.trace.test_store import RECORDER

__all__ = ["exchange"]

ULID = "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"
TOML = '[backend]\nurl = "{backend}"\n[database]\nurl = "{database}"\n[debug]\nenabled = true\n'


def _heeds_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)



class Tail:
    """The command as it runs, its output in files."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, error: Path) -> None:
        self.process = process
        self._out, self._error = out, error

    @property
    def lines(self) -> list[str]:
        return self._out.read_text("utf-8").splitlines()

    @property
    def remarks(self) -> list[str]:
        return self._error.read_text("utf-8").splitlines()

    def said(self, count: int) -> list[str]:
        """The lines, once there are so many."""
        awaited(lambda: len(self.lines) >= count or self.process.poll() is not None, 30)
        return self.lines


@contextmanager
def tailing(config: Path, *arguments: str, **variables: str) -> Iterator[Tail]:
    command = [sys.executable, "-m", "rpcbridge", "tail", "-c", str(config), *arguments]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables}
    out, error = (config.parent / f"{uuid.uuid4().hex}.{name}" for name in ("out", "err"))
    with out.open("wb") as stdout, error.open("wb") as stderr:
        # As from a terminal: where the tests were started in the background, Ctrl-C is ignored by all that they start.
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment, preexec_fn=_heeds_ctrl_c)
    try:
        yield Tail(process, out, error)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, error.read_text("utf-8")


@pytest.fixture(scope="module", params=databases.KINDS)
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("tail")
    with backends.running(reply({"action": "menu", "menu": "main", "prompt": "welcome"})) as backend:
        toml = TOML.format(backend=backend.url, database=databases.fresh(request.param, folder))
        with bridges.running(folder, toml, WEB_CONCURRENCY="3") as bridge:
            bridge.post(xml(IVR_UNIQUE_ID="before"))
            awaited(lambda: json.loads(bridge.get("/debug/", Accept="application/json").body)["calls"], 20)
            yield bridge


def config_of(bridge: bridges.Running) -> Path:
    return bridge.log.parent / "rpcbridge.toml"


def test_what_any_worker_records_is_one_line_each(bridge: bridges.Running):
    with tailing(config_of(bridge)) as tail:
        assert "before" in tail.said(1)[0]
        begin = len(tail.lines)
        for number in range(12):
            bridge.post(xml(IVR_UNIQUE_ID=f"many{number:02}"))
        bridge.post(xml(IVR_UNIQUE_ID=made("phone", ULID), MENU="main", DTMF="2"))
        bridge.post(b"junk")
        lines = tail.said(begin + 14)[begin:]
    assert sorted(word for line in lines for word in line.split() if word.startswith("many")) == [f"many{number:02}" for number in range(12)]
    assert "********00 → ********00  voicenter  turn 1 (start) → menu main" in lines[0]
    (phone,) = (line for line in lines if "rb-phone" in line)
    assert "main [2] → menu main" in phone
    assert phone.split()[-3:] == ["answered", "phone", "rb-phone-01KB0Q8ZJ5T"]
    assert sum("no known method" in line and "refused" in line for line in lines) == 1


def test_one_call_as_json(bridge: bridges.Running):
    bridge.post(xml(IVR_UNIQUE_ID="json-1"))
    with tailing(config_of(bridge), "--json", "--call", "json") as tail:
        tail.said(1)
        for name, lines in (("other", 1), ("json-1", 2), ("json-2", 3)):  # each worker writes when it will
            bridge.post(xml(IVR_UNIQUE_ID=name))
            tail.said(lines)
        found = [json.loads(line) for line in tail.said(3)]
    assert [row["call_id"] for row in found] == ["json-1", "json-1", "json-2"]
    assert [row["turn"] for row in found][:2] == [1, 2]
    assert "document" not in found[0]
    assert list(found[0])[:4] == ["id", "seq", "received_at", "call_id"]


def test_the_last_lines_come_first_as_many_as_are_asked_for(bridge: bridges.Running):
    for number in range(3):
        bridge.post(xml(IVR_UNIQUE_ID=f"last{number}"))
        awaited(lambda number=number: recorded(bridge, f"last{number}"))
    with tailing(config_of(bridge), "-n", "2", "--call", "last") as tail:
        assert [line.split()[-1] for line in tail.said(2)] == ["last1", "last2"]
    with tailing(config_of(bridge), "-n", "0", "--call", "last") as tail:
        # A question each second: whoever tails may begin to look after any of them.
        awaited(lambda: (bridge.post(xml(IVR_UNIQUE_ID="last9")) and time.sleep(1)) or tail.lines, 30)
        assert {line.split()[-1] for line in tail.lines} == {"last9"}


def recorded(bridge: bridges.Running, call_id: str) -> list[dict]:
    return json.loads(bridge.get(f"/debug/exchanges?call_id={call_id}", Accept="application/json").body)["exchanges"]


def configured(folder: Path, url: str) -> Path:
    config = folder / "rpcbridge.toml"
    config.write_text(TOML.format(backend="http://127.0.0.1:9", database=url), "utf-8")
    return config


@pytest.mark.parametrize(("arguments", "said"), [((), "… 3 exchanges were not seen"), (("--json",), '{"missed": 3, "message"')])
def test_what_was_missed_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store = Store(db.opened(url, patience=5))
    store.prepare()

    def dropped() -> list[str]:
        """Those of before it began are not its own: some more, until it says so."""
        store.add([], 3, datetime.now(UTC))
        time.sleep(1)
        return tail.lines

    with tailing(configured(tmp_path, url), *arguments) as tail:
        assert awaited(dropped, 30)[0].startswith(said)
    store.engine.dispose()


def test_a_database_that_goes_away_is_said_once_and_waited_for(tmp_path: Path, exchange: Callable[..., Exchange]):
    url = databases.fresh("postgresql", tmp_path)
    store = Store(db.opened(url, patience=5))
    store.prepare()
    with tailing(configured(tmp_path, url)) as tail:
        place = count(1)
        awaited(lambda: more(store, exchange, next(place)) or time.sleep(0.5) or tail.lines, 30)
        allow(url, connections=False)
        awaited(lambda: tail.remarks, 30)
        time.sleep(2)  # four more looks that fail: it is said once all the same
        allow(url, connections=True)
        awaited(lambda: len(tail.remarks) > 1, 30)
        before = len(tail.lines)
        more(store, exchange, next(place))
        tail.said(before + 1)
    assert ["the database cannot be read" in tail.remarks[0], tail.remarks[1:]] == [True, ["… the database can be read again"]]
    store.engine.dispose()


def more(store: Store, exchange: Callable[..., Exchange], place: int) -> None:
    store.add([RECORDER.row(noted(exchange(place)))], 0, datetime.now(UTC))


def allow(url: str, *, connections: bool) -> None:
    """Let a database of PostgreSQL's be used, or by nobody."""
    engine = create_engine(db.opened(url, patience=5).url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = db.opened(url, patience=5).url.database
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}"))
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name})
    engine.dispose()


def test_nothing_to_reach_is_3_and_a_faulty_configuration_2(tmp_path: Path):
    config = configured(tmp_path, "sqlite:////no/such/folder/x.db")
    done = rpcbridge("tail", "-c", str(config))
    assert done.returncode == 3
    assert "The database cannot be used (SQLite)" in done.stderr
    config.write_text("[backend]\nulr = 'x'\n", "utf-8")
    assert rpcbridge("tail", "-c", str(config)).returncode == 2


def test_who_has_read_enough_may_go(bridge: bridges.Running):
    command = f"{sys.executable} -m rpcbridge tail -c {config_of(bridge)} -n 1 --json"
    with subprocess.Popen(["bash", "-c", f"set -o pipefail; {command} | head -n 1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shell:
        for number in range(50):
            bridge.post(xml(IVR_UNIQUE_ID=f"read{number}"))
            if shell.poll() is not None:
                break
            time.sleep(0.2)
        out, error = shell.communicate(timeout=30)
    assert (shell.returncode, len(out.splitlines()), error) == (0, 1, "")


ROW = {
    "received_at": "2026-11-20T21:27:03.123Z", "caller": "", "called": "", "dialect": "xmlrpc", "platform": "voicenter", "event": "",
    "turn": None, "menu": "", "digits": "", "method": "", "action": "", "next_menu": "", "total_ms": 0.4, "outcome": "refused", "reason": "",
    "origin": "", "call_id": "",
}  # fmt: skip


def test_no_text_of_a_stranger_moves_the_terminal():
    question = ROW | {"event": "action_requested", "turn": 2, "menu": "\x1b[2Jmain\n\u202e[bold]", "call_id": "\x07" * 20, "outcome": "fallback", "reason": "timeout"}
    line = line_of(question).plain
    assert line.isprintable()
    assert "turn 2 ?[2Jmain??[bold]" in line
    assert line_of(ROW).plain == "21:27:03.123  xmlrpc  voicenter  no known method  0 ms  refused"
