"""JSON-RPC 2.0, both directions: requests, notifications, batches, ids as they came, and what is refused."""

from __future__ import annotations

import json

import pytest

from rpcbridge.codec import (
    Batch,
    BatchResponse,
    Fault,
    Lexical,
    MethodCall,
    MethodResponse,
    content_type,
    decode_call,
    decode_reply,
    decode_request,
    dialect_of,
    encode_call,
    encode_reply,
)
from rpcbridge.errors import CallError, NotACall, NotWellFormed


def request(**members: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": "M"} | members)


def refused(body: str) -> CallError:
    with pytest.raises(CallError) as error:
        decode_request(body.encode())
    assert error.value.dialect == "jsonrpc"
    return error.value


def test_a_request_with_params_by_name():
    body = '{"jsonrpc": "2.0", "method": " HANGUP_CALL ", "params": {"DID": "073", "CALL_TIME_EPOCH": 15616841651}, "id": "a", "x": 1}'
    data = {"DID": "073", "CALL_TIME_EPOCH": "15616841651"}
    assert decode_call(body.encode()) == MethodCall("HANGUP_CALL", (data,), "jsonrpc", (), "a", False)


@pytest.mark.parametrize(
    ("params", "read"),
    [([{"A": "b"}], ({"A": "b"},)), (["b"], ("b",)), ([], ()), ({}, ({},)), (None, ()), ([1, [2]], ("1", ["2"]))],
)
def test_params_by_place(params: object, read: tuple):
    assert decode_call(request(params=params, id=1).encode()).params == read


def test_params_may_be_left_out():
    assert decode_call(request(id=1).encode()).params == ()


@pytest.mark.parametrize(
    "id", ["1", "0", "-7", "15616841651", "1.0", "1.50", "1e3", "1E+02", "9" * 60, '"a"', '""', '"1"', '"א\\n\\""', "null"]
)
@pytest.mark.parametrize("reply", [MethodResponse({"A": 1}), Fault(-32601, "no")])
def test_an_id_comes_back_as_it_came(id: str, reply: MethodResponse | Fault):
    call = decode_call(f'{{"jsonrpc": "2.0", "method": "M", "id": {id}}}'.encode())
    assert not call.unanswered
    answer = MethodResponse(reply.value, call.id) if isinstance(reply, MethodResponse) else Fault(-32601, "no", call.id)
    body = encode_reply(answer, "jsonrpc")
    assert body.endswith(f'"id":{id}}}'.encode())
    read = decode_reply(body)
    assert (read.id, type(read.id)) == (call.id, type(call.id))


def test_an_id_read_leniently_comes_back_too():
    call = decode_call(b"{jsonrpc: '2.0', method: 'M', params: {A: 5}, id: 15616841651}")
    assert (call.params, call.id, [repair.kind for repair in call.repairs]) == (({"A": "5"},), "15616841651", ["lenient_json"])
    assert encode_reply(MethodResponse(1, call.id), "jsonrpc") == b'{"jsonrpc":"2.0","result":1,"id":15616841651}'


def test_without_an_id_it_is_a_notification():
    call = decode_call(request(params={}).encode())
    assert (call.id, call.unanswered) == (None, True)


@pytest.mark.parametrize("id", [{}, [], True, False, [1]])
def test_an_id_that_is_no_scalar_is_refused(id: object):
    error = refused(request(id=id))
    assert (type(error), error.method, error.id) == (NotACall, None, None)
    assert str(error).startswith("id: expected a text, a JSON number or null, got ")


@pytest.mark.parametrize("id", ["+5", ".5", "5."])
def test_an_id_that_json_has_no_number_for_is_refused(id: str):
    assert str(refused(f"{{jsonrpc: '2.0', method: 'M', id: {id}}}")).startswith("id: ")


@pytest.mark.parametrize("version", ["1.0", "2", "", 2.0, 2, None, ["2.0"]])
def test_another_version_is_refused(version: object):
    error = refused(json.dumps({"jsonrpc": version, "method": "M", "id": 5}))
    assert (type(error), error.method, error.id) == (NotACall, None, "5")
    assert 'expected the text "2.0"' in str(error)


@pytest.mark.parametrize("method", [None, "", " ", 1, ["M"], {}, True])
def test_a_method_s_name_is_a_text(method: object):
    error = refused(request(method=method, id=5))
    assert (type(error), error.id) == (NotACall, "5")
    assert str(error).startswith("method: ")


@pytest.mark.parametrize("params", ["bar", 1, True])
def test_params_are_an_object_or_an_array(params: object):
    error = refused(request(params=params, id="i"))
    assert (error.method, error.id) == ("M", "i"), "a caller may be waiting behind it"
    error = refused(request(params=params))
    assert (error.method, error.id) == (None, None)


def test_method_and_id_are_known_where_only_the_params_are_refused():
    deep = refused(f'{{"jsonrpc": "2.0", "method": "M", "params": {"[" * 40 + "]" * 40}, "id": 15616841651}}')
    assert (deep.method, deep.id) == ("M", "15616841651")
    many = refused(request(params=[1] * 6_000, id="x"))
    assert (many.method, many.id) == ("M", "x")
    assert refused('{"jsonrpc": "2.0", "method": "M", "params": ' + "[" * 100_000).method == "M"


@pytest.mark.parametrize(
    "body", ['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', "{'jsonrpc' : '2.0', method", '[{"jsonrpc": "2.0"},{]']
)
def test_broken_text_is_told_by_its_beginning(body: str):
    assert isinstance(refused(body), NotWellFormed)


@pytest.mark.parametrize(
    ("head", "dialect"),
    [(b"<methodCall", "xmlrpc"), (b"", "xmlrpc"), (b"jsonrpc:", "xmlrpc"), (b' {"METHOD"', "json"), (b'{"jsonrpc":"2.0"', "jsonrpc"),
     (b'[{"jsonrpc" :', "jsonrpc"), (b"{jsonrpc:", "jsonrpc"), (b'{"METHOD": "jsonrpc"', "json")],
)  # fmt: skip
def test_a_body_s_beginning_tells_its_dialect(head: bytes, dialect: str):
    assert dialect_of(head) == dialect


def test_a_batch_is_read_item_by_item():
    body = f'[{request(id=1)}, {request()}, 5, {request(id="a", params=1)}, {{"foo": "boo"}}]'
    batch = decode_request(body.encode())
    assert isinstance(batch, Batch)
    one, two, three, four, five = batch.items
    assert one == MethodCall("M", (), "jsonrpc", (), "1")
    assert two == MethodCall("M", (), "jsonrpc", (), None, True)
    assert isinstance(three, NotACall)
    assert isinstance(four, NotACall)
    assert isinstance(five, NotACall)
    assert [(item.method, item.id) for item in (three, four, five)] == [(None, None), ("M", "a"), (None, None)]


def test_a_batch_read_leniently_counts_one_repair():
    batch = decode_request(b"[{jsonrpc: '2.0', method: 'M', id: 7},]")
    assert ([item.id for item in batch.items], [repair.kind for repair in batch.repairs]) == (["7"], ["lenient_json"])


@pytest.mark.parametrize("count", [0, 21])
def test_a_batch_holds_1_to_20(count: int):
    assert f"this one {count}" in str(refused(f"[{','.join([request(id=1)] * count)}]"))
    assert len(decode_request(f"[{','.join([request(id=1)] * 20)}]".encode()).items) == 20


def test_where_one_call_is_due_a_batch_is_refused():
    with pytest.raises(NotACall, match="this is a batch of 1"):
        decode_call(f"[{request(id=1)}]".encode())


def test_an_array_of_the_vendor_s_calls_is_no_batch():
    with pytest.raises(NotACall, match="batch") as error:
        decode_request(b'[{"METHOD": "M"}]')
    assert error.value.dialect == "json"


def test_replies_to_a_batch_stand_in_one_array():
    body = encode_reply(BatchResponse((MethodResponse("x", Lexical("1", "int")), Fault(-32600, "no"))), "jsonrpc")
    assert body == b'[{"jsonrpc":"2.0","result":"x","id":1},{"jsonrpc":"2.0","error":{"code":-32600,"message":"no"},"id":null}]'


@pytest.mark.parametrize("body", ['{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","error":{"code":"x"},"id":1}',
                                  '{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":"x"},"id":1}'])  # fmt: skip
def test_a_response_that_is_none_is_refused(body: str):
    with pytest.raises(CallError):
        decode_reply(body.encode())


def test_a_call_is_written_as_a_request_or_a_notification():
    data = {"DID": "073", "CALL_TIME_EPOCH": 15616841651}
    request = json.loads(encode_call(MethodCall("M", (data,), "jsonrpc", id="a")))
    assert request == {"jsonrpc": "2.0", "method": "M", "params": data, "id": "a"}
    notification = json.loads(encode_call(MethodCall("M", ("x",), "jsonrpc", unanswered=True)))
    assert notification == {"jsonrpc": "2.0", "method": "M", "params": ["x"]}


def test_it_travels_as_json():
    assert content_type("jsonrpc") == content_type("json")
