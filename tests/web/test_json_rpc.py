"""JSON-RPC 2.0 over HTTP, and several calls in one request: the specification's examples, and what a caller must not lose."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from typing import Any

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import HANGUP, QUESTION, as_json, xml
from tests.support.profile import check_reply

MENU = {"action": "menu", "menu": "m", "prompt": "p"}
TOML = """
[backend]
url = "{url}"
deadline = "800ms"
[fallback]
action = "menu"
menu = "fallback"
prompt = "technical_problem"
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory):
    with (
        backends.running(backends.reply(MENU)) as backend,
        bridges.running(tmp_path_factory.mktemp("json_rpc"), TOML.format(url=backend.url)) as bridge,
    ):
        yield bridge, backend


@pytest.fixture
def talk(line):
    """Posts a body and gives the JSON that came back, None for a 204; the backend is well and has heard nothing yet."""
    bridge, backend = line
    backend.behave, backend.take = backends.reply(MENU), backends.reply(b"", 204)
    backend.requests.clear()

    def post(body: object, tables: bool = False) -> Any:
        reply = bridge.post(body if isinstance(body, bytes) else json.dumps(body).encode())
        if reply.status == 204:
            assert reply.body == b""
            return None
        check_reply(reply.status, reply.headers, reply.body, tables=tables)
        return json.loads(reply.body)

    return post


def request(method: str = "HANGUP_CALL", id: object = 1, **params: object) -> dict:
    data = (QUESTION if method == "GET_IVR_ACTION" else HANGUP) | params
    return {"jsonrpc": "2.0", "method": method, "params": data, "id": id}


def notification(method: str = "HANGUP_CALL", **params: object) -> dict:
    return {name: value for name, value in request(method, **params).items() if name != "id"}


def codes(replies: list[dict]) -> list[tuple[object, object]]:
    """The id and the error's code of each, or its result."""
    return [(reply["id"], reply["error"]["code"] if "error" in reply else reply["result"]) for reply in replies]


def lines_of(bridge: bridges.Running, trace: str, count: int) -> list[dict]:
    """The log's lines of the requests of one trace, as soon as there are `count`; deliveries come when they come."""
    before = time.monotonic()
    while time.monotonic() < before + 3:
        found = [line for line in bridge.lines() if line["trace_id"] == trace and line["method"] != "call_ended"]
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{len(found)} lines")


def of_trace(backend: backends.Backend, trace: str) -> list[backends.Request]:
    """The events that came of one trace."""
    return [event for event in backend.events() if event.headers["traceparent"][3:35] == trace]


# The specification, section 7, "Examples"; its methods are not ours, so they are unknown here.
@pytest.mark.parametrize(
    ("sent", "code", "id"),
    [
        (b'{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', -32601, "1"),
        (b'{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', -32601, 1),
        (b'{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}', -32601, 3),
        (b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700, None),
        (b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600, None),
        (b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]', -32700, None),
        (b"[]", -32600, None),
    ],
)
def test_the_specifications_single_replies(talk, sent: bytes, code: int, id: object):
    reply = talk(sent)
    assert list(reply) == ["jsonrpc", "error", "id"]
    assert (reply["error"]["code"], reply["id"]) == (code, id)


@pytest.mark.parametrize(
    "sent", [b'{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', b'{"jsonrpc": "2.0", "method": "foobar"}',
             b'[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]'],
)  # fmt: skip
def test_the_specifications_notifications(talk, line, sent: bytes):
    assert talk(sent) is None
    assert line[1].questions == []


@pytest.mark.parametrize(
    ("sent", "replies"),
    [
        (b"[1]", [(None, -32600)]),
        (b"[1,2,3]", [(None, -32600)] * 3),
        (
            b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method": "notify_hello", '
            b'"params": [7]}, {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"}, {"foo": "boo"}, {"jsonrpc": '
            b'"2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"}, {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
            [("1", -32601), ("2", -32601), (None, -32600), ("5", -32601), ("9", -32601)],
        ),
    ],
)
def test_the_specifications_batches(talk, sent: bytes, replies: list):
    assert codes(talk(sent)) == replies


@pytest.mark.parametrize("id", ["1", "15616841651", "1.0", '"a"', '"א"', "null"])
def test_a_question_is_answered_with_its_id_as_it_came(line, talk, id: str):
    body = json.dumps(request("GET_IVR_ACTION", 0)).replace('"id": 0', f'"id": {id}').encode()
    talk(body, tables=True)
    raw = line[0].post(body).body
    assert raw.startswith(b'{"jsonrpc":"2.0","result":{"STATUS":0,"ACTION":"MENU","LANGUAGE":"HE","DATA":{"REC":"p",')
    assert raw.endswith(f'}}}},"id":{id}}}'.encode())


def test_a_question_s_params_may_be_a_list_of_one(talk, line):
    assert talk(request("GET_IVR_ACTION") | {"params": [QUESTION]})["result"]["DATA"]["MENU"] == "m"
    assert line[1].questions[0].json["called_number"] == QUESTION["DID"]


@pytest.mark.parametrize("params", [None, [], 5, "x", [1], [QUESTION, QUESTION], QUESTION | {"MENU": []}, json.loads("[" * 40 + "]" * 40)])
@pytest.mark.parametrize("id", ["q", "", 0, None])
def test_a_question_whose_params_are_unusable_gets_the_fallback(talk, line, params: object, id: object):
    reply = talk(request("GET_IVR_ACTION", id) | {"params": params}, tables=True)
    assert (reply["result"]["DATA"]["MENU"], reply["id"]) == ("fallback", id)
    assert line[1].questions == []


def test_a_question_whose_backend_fails_gets_the_fallback(talk, line):
    line[1].behave = backends.slow(3, backends.reply(MENU))
    assert talk(request("GET_IVR_ACTION", "q"), tables=True)["result"]["DATA"]["MENU"] == "fallback"


@pytest.mark.parametrize("status", [204, 500])
def test_a_hang_up_is_acknowledged(talk, line, status: int):
    line[1].take = backends.reply(b"", status)
    assert talk(request(IVR_UNIQUE_ID=f"status-{status}"), tables=True) == {"jsonrpc": "2.0", "result": {"STATUS": 0}, "id": 1}
    bridges.awaited(lambda: line[1].events("call_ended", call_id=f"status-{status}"))


def test_a_hang_up_is_not_acknowledged_where_it_cannot_be_stored(tmp_path):
    toml = TOML.format(url="http://127.0.0.1:1") + f'[database]\nurl = "sqlite:///{tmp_path}/no/such/folder/x.db"\n'
    with bridges.running(tmp_path, toml) as bridge:
        reply = bridge.post(json.dumps([request(id="a"), notification(), request(id="b")]).encode())
        check_reply(reply.status, reply.headers, reply.body, tables=False)
        assert codes(json.loads(reply.body)) == [("a", {"STATUS": 1}), ("b", {"STATUS": 1})]
        reply = bridge.post(json.dumps(notification()).encode())
        assert (reply.status, reply.body) == (204, b"")
        bridge.said('"outcome":"unpacked"')
        assert [line["outcome"] for line in bridge.lines() if line["method"] == "HANGUP_CALL"] == ["not_stored"] * 4


@pytest.mark.parametrize("params", [None, 5, [1]])
def test_a_hang_up_without_a_struct_is_not_acknowledged(talk, params: object):
    assert talk(request() | {"params": params})["result"] == {"STATUS": 1}


@pytest.mark.parametrize(
    "envelope", [{"jsonrpc": "1.0"}, {"jsonrpc": 2.0}, {"id": {}}, {"id": [1]}, {"id": True}, {"method": ["GET_IVR_ACTION"]}]
)
def test_what_is_not_json_rpc_2_0_is_refused(talk, line, envelope: dict):
    reply = talk(request("GET_IVR_ACTION", 7) | envelope)
    assert reply["error"]["code"] == -32600
    assert reply["id"] == (None if "id" in envelope else 7)
    assert line[1].questions == []


def test_a_notified_hang_up_is_delivered(talk, line):
    bridge, backend = line
    trace = "a" * 31 + "1"
    reply = bridge.post(json.dumps(notification(IVR_UNIQUE_ID="notified")).encode(), traceparent=f"00-{trace}-{'b' * 16}-01")
    assert (reply.status, reply.body) == (204, b"")
    assert lines_of(bridge, trace, 1)[0]["outcome"] == "stored"
    (sent,) = bridges.awaited(lambda: backend.events("call_ended", call_id="notified"))
    assert sent.headers["traceparent"][3:35] == trace
    assert backend.questions == []


def test_a_notified_question_is_refused_aloud(talk, line):
    reply = talk(notification("GET_IVR_ACTION"))
    assert (reply["error"]["code"], reply["id"]) == (-32600, None)
    assert "a caller waits" in reply["error"]["message"]
    assert line[1].questions == []


def test_a_notified_question_is_refused_aloud_in_a_batch_too(talk):
    assert codes(talk([notification("GET_IVR_ACTION"), notification()])) == [(None, -32600)]


def test_a_notification_of_what_only_answers_is_logged_as_refused(line, talk):
    trace = "a" * 31 + "2"
    body = {"jsonrpc": "2.0", "method": "system.listMethods"}
    assert line[0].post(json.dumps(body).encode(), traceparent=f"00-{trace}-{'b' * 16}-01").status == 204
    (said,) = lines_of(line[0], trace, 1)
    assert (said["outcome"], said["method"], said["fallback_reason"]) == ("refused", "system.listMethods", "not_a_call")


def test_a_batch_is_answered_in_its_order_and_each_item_is_an_exchange(line, talk):
    bridge, backend = line
    batch = [
        request(id="first", IVR_UNIQUE_ID="one"), request("GET_IVR_ACTION", 2), request(id=3, IVR_UNIQUE_ID="two"),
        {"jsonrpc": "2.0", "method": "system.multicall", "params": [[]], "id": 4}, 5, notification(IVR_UNIQUE_ID="three"),
        {"jsonrpc": "2.0", "method": "system.methodSignature", "params": ["HANGUP_CALL"], "id": 6},
    ]  # fmt: skip
    trace = "a" * 31 + "3"
    reply = bridge.post(json.dumps(batch).encode(), traceparent=f"00-{trace}-{'b' * 16}-01")
    check_reply(reply.status, reply.headers, reply.body, tables=False)
    replies = json.loads(reply.body)
    assert codes(replies) == [
        ("first", {"STATUS": 0}), (2, -32600), (3, {"STATUS": 0}), (4, -32600), (None, -32600), (6, [["struct", "struct"]]),
    ]  # fmt: skip
    assert "send it by itself" in replies[1]["error"]["message"]
    sent = bridges.awaited(lambda: found if len(found := of_trace(backend, trace)) == 3 else [])
    assert {event.json["call_id"] for event in sent} == {"one", "two", "three"}
    assert len({event.json["event_id"] for event in sent}) == 3
    assert backend.questions == []
    lines = lines_of(bridge, trace, 8)
    assert [(line["method"], line["outcome"]) for line in lines] == [
        ("HANGUP_CALL", "stored"), ("GET_IVR_ACTION", "refused"), ("HANGUP_CALL", "stored"), ("system.multicall", "refused"),
        ("", "refused"), ("HANGUP_CALL", "stored"), ("system.methodSignature", "introspected"), ("batch", "unpacked"),
    ]  # fmt: skip
    assert {line["dialect"] for line in lines} == {"jsonrpc"}
    assert lines[-1]["level"] == "info"


@pytest.mark.parametrize("count", [0, 21])
def test_a_batch_of_none_or_too_many_gets_one_error(talk, line, count: int):
    reply = talk([request()] * count)
    assert (reply["error"]["code"], reply["id"]) == (-32600, None)
    assert line[1].questions == []


def test_a_batch_of_twenty_is_answered(talk, line):
    batch = [request(id=number, IVR_UNIQUE_ID=f"twenty-{number}") for number in range(20)]
    assert codes(talk(batch)) == [(number, {"STATUS": 0}) for number in range(20)]
    wanted = {f"twenty-{number}" for number in range(20)}
    bridges.awaited(lambda: wanted <= {event.json["call_id"] for event in line[1].events("call_ended")})


@pytest.mark.alone
def test_a_batch_has_one_deadline(tmp_path):
    """However long the database keeps everybody waiting."""
    toml = TOML.format(url="http://127.0.0.1:1")
    with bridges.running(tmp_path, toml) as bridge:
        assert json.loads(bridge.post(json.dumps(request(IVR_UNIQUE_ID="before")).encode()).body)["result"] == {"STATUS": 0}
        other = sqlite3.connect(tmp_path / "rpcbridge.db", isolation_level=None, timeout=5)
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        reply = bridge.post(json.dumps([request(id=number, IVR_UNIQUE_ID=f"late-{number}") for number in range(10)]).encode())
        assert time.monotonic() - started < 1.4
        other.execute("ROLLBACK")
        other.close()
        assert codes(json.loads(reply.body)) == [(number, {"STATUS": 1}) for number in range(10)]
        bridge.said('"outcome":"unpacked"')
        lines = [line for line in bridge.lines() if line["method"] == "HANGUP_CALL" and line["call_id"] != "before"]
        assert [(line["outcome"], line["fallback_reason"]) for line in lines] == [("not_stored", "database")] * 10


@pytest.mark.parametrize("written", [xml, as_json], ids=["xml", "json"])
def test_multicall_is_answered_item_by_item(talk, line, written):
    call_id = f"several-{written.__name__}"
    items = [
        {"methodName": "HANGUP_CALL", "params": [HANGUP | {"IVR_UNIQUE_ID": call_id}]}, {"methodName": "GET_IVR_ACTION", "params": [QUESTION]},
        {"methodName": "system.multicall", "params": [[]]}, "x", {"methodName": "HANGUP_CALL", "params": "x"}, {"methodName": "nope"},
    ]  # fmt: skip
    reply = line[0].post(written("system.multicall", items))
    value = check_reply(reply.status, reply.headers, reply.body, tables=False)
    results = value["RESULT"] if isinstance(value, dict) else value
    assert [result if isinstance(result, list) else result["faultCode"] for result in results] == [
        [{"STATUS": 0}], -32600, -32600, -32600, [{"STATUS": 1}], -32601,
    ]  # fmt: skip
    bridges.awaited(lambda: line[1].events("call_ended", call_id=call_id))
    assert (len(line[1].events("call_ended", call_id=call_id)), line[1].questions) == (1, [])


def test_multicall_s_items_have_lines_of_their_own(line, talk):
    trace = "a" * 31 + "4"
    items = [{"methodName": "HANGUP_CALL", "params": [HANGUP | {"CALLER_NAME": None}]}] * 2
    body = {"jsonrpc": "2.0", "method": "system.multicall", "params": [items], "id": "m"}
    reply = line[0].post(json.dumps(body).encode(), traceparent=f"00-{trace}-{'b' * 16}-01")
    assert json.loads(reply.body) == {"jsonrpc": "2.0", "result": [[{"STATUS": 0}]] * 2, "id": "m"}
    assert [(line["method"], line["outcome"]) for line in lines_of(line[0], trace, 3)] == [
        ("HANGUP_CALL", "stored"), ("HANGUP_CALL", "duplicate"), ("system.multicall", "unpacked"),
    ]  # fmt: skip


def test_the_vendor_s_json_answers_system_methods_beside_a_status(talk):
    assert talk({"METHOD": "system.methodSignature", "DATA": "HANGUP_CALL"}) == {"STATUS": 0, "RESULT": [["struct", "struct"]]}
    assert talk({"METHOD": "system.methodHelp", "DATA": "nope"})["ERROR"]["code"] == -32602


def test_identical_json_rpc_questions_in_flight_share_one_call(talk, line):
    line[1].behave = backends.slow(0.3, backends.reply(MENU))
    said: list[object] = []
    body = request("GET_IVR_ACTION", "shared", IVR_UNIQUE_ID="shared-rpc")
    threads = [threading.Thread(target=lambda: said.append(talk(body)["id"])) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (said, len(line[1].questions)) == (["shared"] * 4, 1)
