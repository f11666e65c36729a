"""What a search finds, on each kind of database."""

from __future__ import annotations

from collections.abc import Callable

from rpcbridge.exchange import Exchange
from rpcbridge.redaction import Redactor
from rpcbridge.trace.noting import noted
from rpcbridge.trace.queries import Queries, Search
from rpcbridge.trace.record import Recorder
from rpcbridge.trace.store import Store
from tests.trace.conftest import START

RECORDER = Recorder(Redactor(b"k" * 32, {}), ())


def test_a_lost_report_is_made_good_by_the_same_report_alone(store: Store, exchange: Callable[..., Exchange]):
    def keep(number: int, method: str, outcome: str) -> None:
        content = {"event": "", "platform": "p", "call_id": "c"}
        store.add([RECORDER.row(noted(exchange(number, method=method, outcome=outcome, content=content)))], 0, START)

    def lost() -> int:
        return len(Queries(store.engine).page(Search(outcome="not_stored"), 10).calls)

    keep(1, "callAnswered", "not_stored")
    keep(2, "callNotify", "stored")
    assert lost() == 1
    keep(3, "callAnswered", "noted")
    assert lost() == 0
