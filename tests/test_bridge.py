"""The line's nets: a bug in one of several calls loses neither the others' replies nor their lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from rpcbridge import db
from rpcbridge.backend import Breakers, Client, Routes, Target
from rpcbridge.bridge import Bridge, Surroundings
from rpcbridge.calls import Calls
from rpcbridge.calls import Store as CallStore
from rpcbridge.codec import decode_reply
from rpcbridge.exchange import Exchange
from rpcbridge.outbox import Outbox
from rpcbridge.outbox import Store as EventStore
from rpcbridge.platforms import Options, discovered
from rpcbridge.schemas import actions
from rpcbridge.settings import Backend
from rpcbridge.transport import Transport
from tests.support import backend as backends
from tests.support.calls import HANGUP, QUESTION, as_json, xml

FOLDER = discovered()["voicenter"]


class Buggy(type(FOLDER.make(FOLDER.Section(), Options({}, False)))):
    """A Voicenter with bugs: the call `reads` cannot be read, the reply to `writes` cannot be written, nobody can tell what an own answer means."""

    def to_domain(self, call, receipt):
        if call.params[0]["IVR_UNIQUE_ID"] == "reads":
            raise RuntimeError("a bug")
        return super().to_domain(call, receipt)

    def encode(self, response, dialect):
        if getattr(response, "id", None) == "writes" and getattr(response, "value", None) == {"STATUS": 0}:
            raise RuntimeError("a bug")
        return super().encode(response, dialect)

    def action_of(self, native):
        raise RuntimeError("a bug")


def stored(folder: Path) -> list[dict]:
    """The events in the outbox, without what is in them."""
    store = EventStore(db.opened(f"sqlite:///{folder / 'x.db'}", patience=5))
    store.prepare()
    return store.of_status("pending", 99)[::-1]


@pytest.fixture
def handled(tmp_path: Path, request: pytest.FixtureRequest):
    """Hands a body to a bridge with that platform: the exchange, everything that was observed, the bugs reported."""
    closing: list[Callable[[], None]] = []
    with backends.running(getattr(request, "param", backends.reply(b"", 204))) as backend:
        seen: list[Exchange] = []
        bugs: list[str] = []
        ids = count(1)
        around = Surroundings(time.monotonic, lambda: datetime.now(UTC), lambda: f"id-{next(ids)}", seen.append, bugs.append)
        breakers = Breakers(5, 5.0, clock=time.monotonic)
        client = Client(Backend(url=backend.url), Transport(), breakers, clock=time.monotonic, now=around.now, sleep=time.sleep)

        def handle(body: bytes, max_calls: int = 9, folder: Path = tmp_path):
            engine = db.opened(f"sqlite:///{folder / 'x.db'}", patience=2, durable=True)
            outbox, calls = Outbox(EventStore(engine)), Calls(CallStore(engine))
            closing.extend((outbox.close, calls.close))
            routes = Routes(Target(backend.url, actions.HANG_UP), {}, [])
            bridge = Bridge(client, routes, outbox, calls, around, deadline=2.0, max_calls=max_calls)
            platform = Buggy(FOLDER.Section(), Options({}, False))
            exchange = bridge.handle(platform, lambda deadline: body, time.monotonic(), f"00-{'a' * 32}-{'b' * 16}-01")
            return exchange, seen, bugs

        yield handle
        for close in closing:
            close()


def hang_up(id: str) -> dict:
    return {"jsonrpc": "2.0", "method": "HANGUP_CALL", "params": HANGUP | {"IVR_UNIQUE_ID": id}, "id": id}


def test_a_bug_in_one_of_a_batch_leaves_the_others_their_replies(handled, tmp_path: Path):
    exchange, seen, bugs = handled(json.dumps([hang_up(id) for id in ("one", "reads", "writes", "two")]).encode())
    replies = json.loads(exchange.platform_response)
    assert [(reply["id"], reply["result"]) for reply in replies] == [
        ("one", {"STATUS": 0}), ("reads", {"STATUS": 1}), ("writes", {"STATUS": 1}), ("two", {"STATUS": 0}),
    ]  # fmt: skip
    assert [one.outcome for one in seen] == ["stored", "not_stored", "not_stored", "stored", "unpacked"]
    assert [row["call_id"] for row in stored(tmp_path)] == ["one", "writes", "two"]
    assert len(bugs) == 2


def test_a_bug_in_one_of_a_multicall_leaves_the_others_their_results(handled):
    items = [{"methodName": "HANGUP_CALL", "params": [HANGUP | {"IVR_UNIQUE_ID": id}]} for id in ("one", "reads", "two")]
    exchange, _, bugs = handled(json.dumps({"jsonrpc": "2.0", "method": "system.multicall", "params": [items], "id": 1}).encode())
    assert json.loads(exchange.platform_response)["result"] == [[{"STATUS": 0}], [{"STATUS": 1}], [{"STATUS": 0}]]
    assert len(bugs) == 1


def test_each_of_several_has_an_id_the_common_trace_and_its_own_request(handled):
    exchange, seen, _ = handled(json.dumps([hang_up("one"), 5]).encode())
    one, two, whole = seen
    assert whole is exchange
    assert len({one.id, two.id, whole.id}) == 3
    assert one.traceparent == two.traceparent == whole.traceparent
    assert one.deadline == whole.deadline
    assert json.loads(one.platform_request) == hang_up("one") | {"params": {k: str(v) for k, v in hang_up("one")["params"].items()}}
    assert json.loads(one.platform_response)["result"] == {"STATUS": 0}
    assert two.platform_request == b""


def test_what_xml_cannot_carry_loses_no_item(handled):
    nil = xml("system.multicall", [{"methodName": "HANGUP_CALL", "params": [HANGUP | {"EXTRA": "nil"}]}])
    exchange, seen, bugs = handled(nil.replace(b"<string>nil</string>", b"<nil/>"))
    assert (seen[0].outcome, exchange.outcome, bugs) == ("stored", "unpacked", [])


def test_without_a_place_nothing_is_stored_and_all_is_answered(handled, tmp_path: Path):
    batch = [hang_up("one"), {"jsonrpc": "2.0", "method": "system.listMethods", "id": 2}]
    exchange, seen, _ = handled(json.dumps(batch).encode(), max_calls=0)
    one, two = json.loads(exchange.platform_response)
    assert one["result"] == {"STATUS": 1}
    assert "HANGUP_CALL" in two["result"]
    assert [line.fallback_reason for line in seen] == ["too_many_calls", "", ""]
    assert stored(tmp_path) == []


def test_a_report_is_stored_once_and_acknowledged_as_often_as_it_comes(handled, tmp_path: Path):
    _, seen, _ = handled(json.dumps([hang_up("one"), hang_up("two"), hang_up("one")]).encode())
    assert [one.outcome for one in seen] == ["stored", "stored", "duplicate", "unpacked"]
    assert [json.loads(one.platform_response)["result"] for one in seen[:3]] == [{"STATUS": 0}] * 3
    assert [row["call_id"] for row in stored(tmp_path)] == ["one", "two"]


@pytest.mark.parametrize("written", [xml, as_json])
def test_what_is_not_on_disk_is_not_acknowledged(handled, tmp_path: Path, written):
    exchange, (seen,), bugs = handled(written("HANGUP_CALL"), folder=tmp_path / "no" / "such")
    assert (seen.outcome, seen.fallback_reason, bugs) == ("not_stored", "database", [])
    assert seen.detail == "OperationalError: unable to open database file for writing: No such file or directory"
    assert decode_reply(exchange.platform_response).value == {"STATUS": "1"}


def test_a_question_is_answered_without_a_database(handled, tmp_path: Path):
    exchange, (seen,), bugs = handled(xml(), folder=tmp_path / "no" / "such")
    assert (seen.outcome, bugs) == ("fallback", [])  # the backend's answer is empty
    assert not {"turn", "state"} & set(seen.content)
    assert decode_reply(exchange.platform_response).value["ACTION"] == "HANGUP"


@pytest.mark.parametrize("dialect", ["params", "list"])
def test_a_bug_behind_a_question_still_gives_an_action(handled, dialect: str):
    data = QUESTION | {"IVR_UNIQUE_ID": "reads"}
    body = {"jsonrpc": "2.0", "method": "GET_IVR_ACTION", "params": data if dialect == "params" else [data], "id": 1.0}
    exchange, _, bugs = handled(json.dumps(body).encode())
    assert json.loads(exchange.platform_response)["result"]["ACTION"] == "HANGUP"
    assert exchange.platform_response.endswith(b'"id":1.0}')
    assert len(bugs) == 1


OWN = b'{"ACTION": "HANGUP", "DATA": {"HANGUP_REC": "bye"}}'


@pytest.mark.parametrize("handled", [backends.reply(OWN)], indirect=True)
def test_no_caller_waits_for_what_a_record_alone_says(handled):
    """What an answer in the platform's own shape means in the contract's words is asked by who records it."""
    exchange, _, bugs = handled(xml("GET_IVR_ACTION", QUESTION))
    assert (exchange.outcome, exchange.action, bugs) == ("answered", "native", [])
    assert b"HANGUP" in exchange.platform_response
    with pytest.raises(RuntimeError):
        exchange.served()
