"""One behaviour on SQLite and on PostgreSQL: what goes in comes out, newest first, bounded, under many processes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy
from ulid import ULID

from rpcbridge import db
from rpcbridge.backend.requests import RequestWriter
from rpcbridge.domain.actions import Call, Menu, Prompt
from rpcbridge.domain.events import ActionRejected
from rpcbridge.domain.origins import made, replayed
from rpcbridge.errors import DatabaseError
from rpcbridge.exchange import Attempt, Exchange, Hop
from rpcbridge.redaction import Redactor
from rpcbridge.schemas import events
from rpcbridge.settings import Backend
from rpcbridge.trace.noting import noted
from rpcbridge.trace.record import Recorder
from rpcbridge.trace.store import _STEPS, Store, ulid_floor
from rpcbridge.transport import HttpReply
from tests.support.bridge import ROOT
from tests.trace.conftest import START

GIB = 2**30
TABLES = ("exchanges", "exchange_documents")
RECORDER = Recorder(Redactor(b"k" * 32, {"CALLER_ID": "number", "TARGET": "number"}), ())


def fill(store: Store, exchange: Callable[..., Exchange], count: int) -> None:
    store.add([RECORDER.row(noted(exchange(number))) for number in range(count)], 0, START)


def test_an_exchange_comes_back_with_everything_that_is_kept_of_it(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 1)
    found = store.exchange(exchange(0).id)
    assert found is not None
    assert found["received_at"] == "2026-11-20T21:27:03.123Z"
    assert [found[name] for name in ("platform", "call_id", "method", "outcome", "action", "menu", "attempts")][:6] == [
        "voicenter", "call0", "GET_IVR_ACTION", "answered", "call", "main",
    ]  # fmt: skip
    assert (found["total_ms"], found["backend_ms"], found["deadline_ms"]) == (900.0, 500.0, 4000.0)
    assert found["attempts"] == [
        {"number": 1, "started_ms": 100.0, "ms": 200.0, "status": 0, "reason": "refused", "message": "nobody there"},
        {"number": 2, "started_ms": 500.0, "ms": 300.0, "status": 200, "reason": "", "message": ""},
    ]
    stations = found["stations"]
    assert list(stations) == ["platform_request", "event", "backend_request", "backend_response", "platform_response"]
    event = stations["event"]
    assert [event[name] for name in ("caller_number", "called_number", "caller_name", "digits", "menu", "call_id")] == [
        "********67", "********67", "***", "****", "main", "call0",
    ]  # fmt: skip
    assert json.loads(stations["backend_request"]["body"]) == event
    assert len(stations["backend_request"]["body"]) < stations["backend_request"]["size"]
    assert stations["backend_request"]["headers"] == [["Authorization", "***"]]
    assert stations["backend_response"]["body"] == '{"action":"call","target":"********21"}'


def test_a_delivery_says_which_attempt_it_was(store: Store, exchange: Callable[..., Exchange]):
    hop = Hop(attempts=[Attempt(10.1, 0.2, "refused", 0, "nobody there")])
    seen = exchange(0, method="call_ended", outcome="postponed", attempt=3, hop=hop, platform_request=b"", platform_response=b"")
    store.add([RECORDER.row(noted(seen))], 0, START)
    (listed,) = store.recent(1)
    assert (listed["method"], listed["outcome"], listed["attempts"], listed["call_id"]) == ("call_ended", "postponed", 3, "call0")
    found = store.exchange(seen.id)
    assert found is not None
    assert [attempt["number"] for attempt in found["attempts"]] == [3]


def test_nothing_that_may_not_be_read_is_in_the_database(store: Store, exchange: Callable[..., Exchange], url: str):
    fill(store, exchange, 3)
    engine = db.opened(url, patience=5)
    with db.reading(engine) as connection:
        everything = repr([connection.execute(sqlalchemy.text(f"SELECT * FROM {table}")).all() for table in TABLES])
    engine.dispose()
    for secret in ("0541234567", "0731234567", "0507654321", "Dana", "1234", "secret-token"):
        assert secret not in everything.replace("01KAH", "")


STATE = {"pin": "482913", "phone": 541234567, "seen": {"0507654321": ["Dana", 99881]}, "caller_name": "Dana Levi", "step": "4"}
REJECTED = ActionRejected(
    event_id="01KAHEJ5JBREJECTED00000000", occurred_at=START, platform="voicenter", call_id="call0", direction="inbound",
    caller_number="0541234567", caller_name="Dana Levi", called_number="0731234567", reason="invalid_answer",
    problems=(("digits", 'expected digits, got "482 913"'), ("0507654321", "unknown key"), ("target", "expected a text, got 99881")),
    served={"action": "call", "target": "0507654321", "caller_name": "Dana Levi", "prompt": {"text": "Dial 0507654321"}},
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["json", "form"])
@pytest.mark.parametrize("kind", ["question", "rejected"])
def test_nothing_that_may_not_be_read_is_in_what_a_state_or_a_rejected_answer_holds(
    store: Store, exchange: Callable[..., Exchange], url: str, kind: str, encoding: str
):
    content = {**exchange(0).content, "turn": 3, "state": STATE} if kind == "question" else events.dump(REJECTED)
    sent = RequestWriter(Backend(encoding=encoding)).written("http://b", content, "")
    hop = Hop(sent, HttpReply(200, json.dumps({"action": "hangup", "state": STATE}).encode()), [])
    store.add([RECORDER.row(noted(exchange(0, content=content, hop=hop)))], 0, START)
    engine = db.opened(url, patience=5)
    with db.reading(engine) as connection:
        everything = repr([connection.execute(sqlalchemy.text(f"SELECT * FROM {table}")).all() for table in TABLES])
    engine.dispose()
    for secret in ("0541234567", "541234567", "0731234567", "0507654321", "Dana", "482913", "482 913", "482+913", "99881"):
        assert secret not in everything
    found = store.exchange(exchange(0).id)
    assert found is not None
    event = found["stations"]["event"]
    if kind == "question":
        assert (event["turn"], event["state"]["step"], event["state"]["pin"]) == (3, "4", "******")
    else:
        assert event["rejected"]["reason"] == "invalid_answer"
        assert event["rejected"]["problems"][1]["message"] == "unknown key"
    assert list(event) == list(content)


def test_the_newest_come_first_in_pages_and_by_call(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 7)
    first = store.recent(4)
    assert [row["call_id"] for row in first] == ["call0", "call2", "call1", "call0"]
    assert "document" not in first[0]
    rest = store.recent(4, before=first[-1]["id"])
    assert [row["id"] for row in first + rest] == sorted((row["id"] for row in first + rest), reverse=True)
    assert len(rest) == 3
    assert {row["call_id"] for row in store.recent(9, call_id="call1")} == {"call1"}
    assert store.exchange("0" * 26) is None


def test_bounded_by_count(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 10)
    store.prune(4, timedelta(days=1), GIB, START)
    assert [row["id"] for row in store.recent(99)] == [exchange(number).id for number in (9, 8, 7, 6)]


def test_what_is_new_takes_the_place_of_what_is_old_a_portion_at_a_time(store: Store, exchange: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rpcbridge.trace.store._FORGOTTEN_AT_ONCE", 3)
    fill(store, exchange, 10)
    store.outdate(4, timedelta(days=1), GIB, START)
    assert store.counts() == (10, 0)
    for number, left in ((10, 8), (11, 6), (12, 7)):  # three each time, until six are gone, one added each time
        store.add([RECORDER.row(noted(exchange(number)))], 0, START)
        assert store.counts() == (left, 0)
    assert store.forget() is False
    assert [row["id"] for row in store.recent(99)] == [exchange(number).id for number in range(12, 5, -1)]


def test_bounded_by_bytes(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 10)
    sizes = [row["size"] for row in store.recent(99)]
    store.prune(99, timedelta(days=1), sum(sizes[:3]), START)
    assert [row["id"] for row in store.recent(99)] == [exchange(number).id for number in (9, 8, 7)]
    assert store.exchange(exchange(6).id) is None


def test_a_call_comes_whole_the_oldest_first(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 7)
    of_call = [exchange(number).id for number in (0, 3, 6)]
    assert [row["id"] for row in store.of_call("call0")] == of_call
    documents = store.documents_of("call0")
    assert [document["id"] for document in documents] == of_call
    assert documents[0]["stations"]["event"]["menu"] == "main"
    assert [document["id"] for document in store.documents_of("call0", 2)] == of_call[:2]
    assert store.purge("call0") == 3
    assert store.documents_of("call0") == []
    assert len(store.recent(99)) == 4


def test_what_was_recorded_before_has_no_place_in_newer_tables(url: str):
    engine = db.opened(url, patience=5)
    older = [lambda connection: connection.exec_driver_sql("CREATE TABLE exchanges (id varchar(26) PRIMARY KEY, document text)")]
    older[0:0] = [_STEPS[0]]
    db.prepare(engine, "exchanges", [lambda connection: [step(connection) for step in older]])
    store = Store(engine)
    store.prepare()
    assert store.counts() == (0, 0)
    engine.dispose()


def test_the_columns_say_what_the_caller_did_and_where_it_led_masked(store: Store, exchange: Callable[..., Exchange]):
    menu = Menu(menu="m2", prompt=Prompt(name="p"))
    call = Call(target="0507654321", on_failure=menu)
    question = {**exchange(0).content, "turn": 2, "digits": "7"}
    store.add([RECORDER.row(noted(exchange(0, served=lambda: menu, content=question))), RECORDER.row(noted(exchange(1, served=lambda: call)))], 0, START)
    pressed, dialled = store.documents_of("call0")[0], store.documents_of("call1")[0]
    names = ("event", "turn", "menu", "digits", "next_menu", "failure_menu", "origin")
    assert [pressed[name] for name in names] == ["action_requested", 2, "main", "7", "m2", "", ""]
    assert [dialled[name] for name in names] == ["action_requested", None, "main", "****", "", "m2", ""]
    assert pressed["masked"] == ["caller_number", "caller_name", "called_number"]
    assert dialled["masked"] == ["caller_number", "caller_name", "called_number", "digits"]
    assert pressed["served"] == {
        "action": "menu", "menu": "m2", "prompt": "p", "loops": 1, "loop_delay": 3, "max_digits": 1, "validate_digits": False,
    }  # fmt: skip
    assert dialled["served"]["target"] == "********21"
    assert dialled["seq"] == pressed["seq"] + 1


def test_a_call_that_no_phone_system_placed_says_so(store: Store, exchange: Callable[..., Exchange]):
    for number, origin in enumerate(("phone", "drill", "replay")):
        content = {**exchange(number).content, "call_id": made(origin, exchange(number).id, of=exchange(9).id)}
        store.add([RECORDER.row(noted(exchange(number, content=content)))], 0, START)
    assert [row["origin"] for row in store.recent(9)] == ["replay", "drill", "phone"]
    assert replayed(store.recent(1)[0]["call_id"]) == exchange(9).id


def test_bounded_by_age(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 10)
    store.add([], 5, START - timedelta(hours=1))
    store.add([], 2, START + timedelta(seconds=8))
    assert store.counts() == (10, 7)
    store.prune(99, timedelta(seconds=3), GIB, START + timedelta(seconds=10))
    assert store.counts() == (3, 2)


def test_odd_texts_are_stored(store: Store, exchange: Callable[..., Exchange]):
    odd = exchange(0, platform_request=b"\x00\xff<\xe9>" * 9000, method="a\0b", detail="\ud800 half", outcome="refused", content=None)
    store.add([RECORDER.row(noted(odd))], 0, START)
    found = store.exchange(odd.id)
    assert found is not None
    assert (found["method"], found["detail"]) == ("ab", "? half")
    assert found["stations"]["platform_request"]["size"] == 45_000
    assert len(found["stations"]["platform_request"]["body"]) <= 16_384


def test_many_processes_make_the_tables_at_once_and_share_the_key(url: str):
    program = f"from rpcbridge import db; from rpcbridge.trace.store import Store; print(Store(db.opened({url!r}, patience=20)).prepare().hex())"
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    keys = {process.communicate(timeout=60)[0] for process in started}
    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64


def test_many_writers_at_once_lose_nothing(url: str, exchange: Callable[..., Exchange]):
    stores = [Store(db.opened(url, patience=20)) for _ in range(4)]
    stores[0].prepare()

    def write(store: Store, begin: int) -> None:
        for number in range(begin, begin + 50):
            store.add([RECORDER.row(noted(exchange(number)))], 0, START)
            store.recent(5)

    threads = [threading.Thread(target=write, args=(store, 50 * place)) for place, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].counts() == (200, 0)
    for store in stores:
        store.engine.dispose()


def test_tables_of_a_newer_rpcbridge_are_left_alone(store: Store, url: str):
    engine = db.opened(url, patience=5)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE rpcbridge_schema SET version = 99"))
    with pytest.raises(DatabaseError, match="version 99, this rpcbridge knows 2: run the newer rpcbridge"):
        store.prepare()
    engine.dispose()


def test_the_smallest_ulid_of_a_moment():
    assert ulid_floor(START) == str(ULID.from_datetime(START))[:10] + "0" * 16


def test_steps_are_questions_and_ends_of_the_calls_asked_for(store: Store, exchange: Callable[..., Exchange]):
    fill(store, exchange, 4)
    report = exchange(4, method="HANGUP_CALL", outcome="stored", content={"event": "call_ended", "call_id": "call1"})
    delivery = exchange(5, method="call_ended", outcome="delivered", content={"event": "call_ended", "call_id": "call1"})
    replay = exchange(6, content={**exchange(0).content, "call_id": made("replay", "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC")})
    store.add([RECORDER.row(noted(seen)) for seen in (report, delivery, replay)], 0, START)
    numbers = [exchange(number).id for number in range(7)]

    def found(**asked: object) -> list[int]:
        return [numbers.index(row["id"]) for row in store.steps(99, **asked)]

    assert found() == [4, 3, 2, 1, 0], "not the delivery, and not what nobody dialled"
    assert found(origin=None) == [6, 4, 3, 2, 1, 0]
    assert found(origin="replay") == [6]
    assert len(store.steps(2)) == 2
    assert found(platform="another") == found(called_key="0" * 16) == found(until=START - timedelta(days=1)) == []
    assert found(called_key=RECORDER.pseudonym("0731234567"), since=START - timedelta(days=1), platform="voicenter") == [4, 3, 2, 1, 0]
    assert store.steps(1, origin="replay")[0].items() >= {"menu": "main", "digits": "****", "event": "action_requested"}.items()


def test_what_no_database_takes_finds_nothing_and_breaks_nothing(store: Store, exchange: Callable[..., Exchange]):
    """PostgreSQL refuses a NUL; an address may hold one."""
    fill(store, exchange, 1)
    assert store.exchange("\0") is None
    assert store.recent(9, call_id="no\0such", before="\0") == []
    assert store.documents_of("no\0such") == store.of_call("no\0such") == store.steps(9, platform="no\0such") == []
