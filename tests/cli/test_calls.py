"""`rpcbridge calls` on what a real bridge keeps of calls that it carries on: listed, shown without what opens doors, purged from every table."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import databases
from tests.support.backend import Backend, reply
from tests.support.bridge import Running, awaited
from tests.support.on_the_line import DIAL, MENU, OnTheLine, names, settings

NUMBERS = ("0540000000", "0730000000", "0501234567", "Dana")


@dataclass
class Place:
    bridge: Running
    backend: Backend
    database: str
    folder: Path

    def rpcbridge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RPCBRIDGE_")}
        command = [sys.executable, "-m", "rpcbridge", "calls", *arguments, "-c", str(self.folder / "rpcbridge.toml")]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, timeout=60, env=clean)

    def found(self, secret: str) -> list[str]:
        """Every table and column in which `secret` stands."""
        engine = sqlalchemy.create_engine(re.sub("^postgresql:", "postgresql+psycopg:", self.database))
        places = []
        with engine.connect() as connection:
            for table in sqlalchemy.inspect(engine).get_table_names():
                for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings():
                    texts = {name: value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for name, value in row.items()}
                    places += [f"{table}.{name}" for name, text in texts.items() if secret in text]
        engine.dispose()
        return places


@pytest.fixture(scope="module", params=databases.KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("calls")
    database = databases.fresh(request.param, folder)
    with ExitStack() as stack:
        backend = stack.enter_context(backends.running(reply(MENU)))
        backend.take = reply(b"", 204)
        toml = settings(backend.url, database=database, more="[debug]\nenabled = true\n")
        yield Place(stack.enter_context(bridges.running(folder, toml)), backend, database, folder)


def test_what_is_kept_of_a_call_is_listed_shown_and_forgotten(place: Place):
    call = OnTheLine(place.bridge, "s-under-way")
    call.in_ivr()
    place.backend.behave = reply(DIAL)
    over = OnTheLine(place.bridge, "s-over")
    over.begin()
    assert over.answered("target").status == 200
    assert over.event("calledPartyDrop", "target")["action"] == "drop"
    assert over.completed().status == 200
    assert awaited(lambda: place.backend.events("call_ended", call_id="s-over"))

    listed = json.loads(place.rpcbridge("list", "--json").stdout)
    assert {row["call_id"]: (row["is"], row["turns"]) for row in listed if row["turns"]} == {"s-under-way": ("under way", 1), "s-over": ("ended", 1)}
    assert {row["platform"] for row in listed} == {"mediaservice"}

    shown = place.rpcbridge("show", "s-under-way")
    assert shown.returncode == 0, shown.stderr
    [kept] = json.loads(shown.stdout)["under_way"]
    assert {name: kept[name] for name in ("platform", "questions", "state", "status", "menu", "direction")} == {
        "platform": "mediaservice", "questions": 1, "state": MENU["state"], "status": "ivr", "menu": "main", "direction": "inbound",
    }  # fmt: skip
    assert kept["seen_at"] < kept["kept_until"]
    for secret in ("s-under-way-reply-c", "s-under-way-command-1"):
        assert secret not in shown.stdout

    awaited(lambda: place.found("s-over").count("exchanges.call_id") == 6)  # four callbacks, two events
    assert place.found(NUMBERS[2])
    for call_id in ("s-over", "s-under-way"):
        purged = place.rpcbridge("purge", call_id)
        assert (purged.returncode, purged.stderr) == (0, "")
        assert purged.stdout.startswith("forgotten: 1 under way, ")
        assert place.found(call_id) == []
    assert [place.found(number) for number in NUMBERS] == [[]] * len(NUMBERS)
    assert place.found("split") == place.found("expire") == place.found("limit") == [], "nor a timer"
    place.backend.behave = reply(MENU)
    heard = call.command()
    assert (names(heard), heard["hangup"]) == (["sorry"], True), "the call is not known any more"
