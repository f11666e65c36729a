"""The list of calls over 100,000 stored exchanges: the whole page for every filter, and what its index costs who records."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from rich.console import Console
from sqlalchemy import text
from ulid import ULID

from benchmarks import databases
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from rpcbridge import db
from rpcbridge.app import build
from rpcbridge.domain.origins import made, origin_of
from rpcbridge.plan import configured
from rpcbridge.redaction import Redactor
from rpcbridge.trace.store import Store

EXCHANGES = 100_000
BOUND = 150.0  # milliseconds of a page
SIZE = Size(rounds=5, seconds=0.0)
QUICK = Size(rounds=1, seconds=0.0, quick=True)
_BATCH = 256  # rows of one transaction, as a recorder writes them under load
_DOCUMENT = b'{"stations": {"event": {"call_status": "answered"}}, "filler": "' + b"x" * 3000 + b'"}'
_CALLER = "0541234567"


def run(size: Size, console: Console) -> Outcome:
    """Milliseconds of a page of 50 calls, and rows a second with and without the index."""
    outcome, times, inserts, count = Outcome({}), {}, [], 2_000 if size.quick else EXCHANGES
    with databases.running() as server, tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as folder:
        for kind in ("sqlite", "postgresql"):
            url = databases.fresh(kind, Path(folder), server)
            _filled(url, _calls(count))
            some = count // 5
            both = [[_filled(databases.fresh(kind, Path(folder), server), _calls(some), indexed=indexed) for indexed in (True, False)] for _ in range(size.rounds)]
            rate, bare = (max(rates) for rates in zip(*both, strict=True))
            inserts.append([kind, f"{rate:,.0f}", f"{bare:,.0f}", f"{rate / bare:.2f}x"])
            filters = _filters(url)
            times[kind] = _pages(url, size.rounds, filters)
            of_one = databases.fresh(kind, Path(folder), server)
            _filled(of_one, _one_call(count))
            times[kind] |= _pages(of_one, size.rounds, {"all of one call": {}})
            slowest = max(filters, key=lambda name: times[kind][name]["best"])
            outcome.targets.append(Target(f"page of calls, {kind}, slowest filter ({slowest}), best", times[kind][slowest]["best"], BOUND, at_least=False, unit=" ms"))
            outcome.figures[kind] = {"pages": times[kind], "rows_a_second": rate, "rows_a_second_without_index": bare}
    rows = [[name, *(f"{times[kind][name][what]:.0f}" for kind in times for what in ("best", "median"))] for name in times["sqlite"]]
    console.print(table(f"inspector: a page of calls over {count:,} exchanges, milliseconds", ["filter", "SQLite\nbest", "median", "PostgreSQL\nbest", "median"], rows))
    console.print(table("inspector: exchanges recorded a second", ["", "with the index", "without", "ratio"], inserts))
    return outcome


def _filters(url: str) -> dict[str, dict[str, str]]:
    """Every filter as it finds much, and as it finds nothing, which takes longest."""
    store = Store(db.opened(url, patience=30))
    (newest,) = store.recent(1)
    store.engine.dispose()
    day = datetime.now(UTC) - timedelta(days=1)
    return {
        "none": {}, "older": {"before": str(newest["seq"] // 2)}, "call": {"call": newest["call_id"]}, "call, begins": {"call": newest["call_id"][:3]},
        "call, nothing": {"call": "none"}, "number": {"number": _CALLER}, "number, nothing": {"number": "1"}, "menu": {"menu": "menu3"},
        "menu, nothing": {"menu": "none"}, "digits": {"digits": "3"}, "digits, nothing": {"digits": "33"}, "menu and digits": {"menu": "menu3", "digits": "3"},
        **{f"outcome {outcome}": {"outcome": outcome} for outcome in ("not_stored", "dead_letter", "fallback", "refused", "postponed", "ended", "under_way")},
        "reason": {"reason": "timeout"}, "platform": {"platform": "voicenter"}, "platform, nothing": {"platform": "none"},
        "origin phone": {"origin": "phone"}, "origin drill, nothing": {"origin": "drill"}, "kind rest": {"kind": "rest"}, "last 15m": {"last": "15m"},
        "last 7d": {"last": "7d"}, "a day ago": {"from": f"{day:%Y-%m-%dT%H:00}", "until": f"{day + timedelta(hours=1):%Y-%m-%dT%H:00}"},
        "menu and ended": {"menu": "menu3", "outcome": "ended"}, "menu, nothing, and ended": {"menu": "none", "outcome": "ended"},
        "everything": {"menu": "menu3", "digits": "3", "outcome": "fallback", "platform": "voicenter", "origin": "real", "last": "7d"},
    }  # fmt: skip


def _pages(url: str, rounds: int, filters: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """The application's own answers, without a server around it; the first one of each filter does not count."""
    settings = {"backend.url": "http://127.0.0.1:9", "database.url": url, "debug.enabled": True, "capture.max_exchanges": EXCHANGES * 2}
    client = build(configured(Path("/dev/null"), settings, environment={})).app.test_client()
    structlog.reset_defaults()
    found = {}
    for name, wanted in filters.items():
        times = []
        for _ in range(rounds + 1):
            started = time.perf_counter()
            answer = client.get(f"/debug/?{urlencode(wanted)}")
            times.append((time.perf_counter() - started) * 1000)
            if answer.status_code != 200:
                raise RunFailed(f"{name}: {answer.status_code} {answer.text[:200]}")
        found[name] = {"best": min(times[1:]), "median": statistics.median(times[1:]), "worst": max(times[1:])}
    return found


def _filled(url: str, rows: Iterator[dict[str, Any]], *, indexed: bool = True) -> float:
    """Rows a second into an empty database."""
    store = Store(db.opened(url, patience=30))
    key = store.prepare()
    if not indexed:
        with store.engine.begin() as connection:
            connection.execute(text("DROP INDEX exchanges_of_call"))
    keys = Redactor(key, {})
    kept = [row | {"caller_key": keys.pseudonym(row["caller_key"]), "called_key": keys.pseudonym(row["called_key"])} for row in rows]
    started = time.perf_counter()
    for begin in range(0, len(kept), _BATCH):
        store.add(kept[begin : begin + _BATCH], 0, datetime.now(UTC))
    seconds = time.perf_counter() - started
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("ANALYZE"))  # as its autovacuum does within a minute
    store.engine.dispose()
    return len(kept) / seconds


def _calls(count: int) -> Iterator[dict[str, Any]]:
    """Calls of three to eight questions, each with its report and its delivery; one question in a hundred gets the fallback."""
    chance = random.Random(7)
    begin = datetime.now(UTC) - timedelta(seconds=count)
    given = 0
    for number in range(count):
        moment = begin + timedelta(seconds=number * 7)
        call_id = made("phone", str(ULID.from_datetime(moment))) if chance.random() < 0.02 else f"{chance.getrandbits(128):032x}"
        caller = _CALLER if number % 500 == 0 else f"05{chance.randrange(10**8):08}"
        about = {"call_id": call_id, "origin": origin_of(call_id), "caller": "********00", "caller_key": caller}
        about |= {"called": "********00", "called_key": f"07300000{chance.randrange(40):02}"}
        turns = chance.randrange(3, 9)
        rows = [_row(moment, about, turn=turn, menu=f"menu{chance.randrange(30)}", digits=str(chance.randrange(10)), **_came(chance)) for turn in range(1, turns + 1)]
        rows.append(_row(moment, about, method="HANGUP_CALL", event="call_ended", outcome="stored", attempts=0, backend_ms=0.0))
        rows.append(_row(moment, about, method="call_ended", event="call_ended", outcome="delivered", dialect="json"))
        if chance.random() < 0.03:
            rows.append(_row(moment, {"call_id": "", "caller": "", "caller_key": "", "called": "", "called_key": ""}, method="", event="", outcome="refused"))
        for row in rows:
            if given == count:
                return
            given += 1
            yield row


def _one_call(count: int) -> Iterator[dict[str, Any]]:
    """What a load test that knows one call id leaves behind."""
    begin = datetime.now(UTC) - timedelta(seconds=count)
    about = {"call_id": "one", "caller": "********00", "caller_key": "1", "called": "********00", "called_key": "2"}
    for number in range(count):
        yield _row(begin + timedelta(seconds=number), about, turn=number)


def _came(chance: random.Random) -> dict[str, Any]:
    return {"outcome": "fallback", "reason": "timeout"} if chance.random() < 0.01 else {}


def _row(moment: datetime, about: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    row = {
        "id": str(ULID.from_datetime(moment)), "platform": "voicenter", "method": "GET_IVR_ACTION", "dialect": "xmlrpc", "outcome": "answered",
        "action": "menu", "reason": "", "event": "action_requested", "turn": None, "menu": "", "digits": "", "next_menu": "menu1", "failure_menu": "",
        "origin": "", "attempts": 1, "repairs": 0, "backend_ms": 40.0, "total_ms": 45.0, "size": len(_DOCUMENT), "document": _DOCUMENT,
    }  # fmt: skip
    return row | about | changes
