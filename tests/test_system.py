"""The methods the bridge has of its own, against Voicenter, without any I/O."""

from __future__ import annotations

import pytest

from rpcbridge import system
from rpcbridge.codec import MAX_ITEMS, Fault, MethodCall, MethodResponse
from rpcbridge.errors import CallError, InvalidParams, NotACall, OutOfPlace, UnknownMethod
from rpcbridge.platforms import Options, discovered

FOLDER = discovered()["voicenter"]
PLATFORM = FOLDER.make(FOLDER.Section(), Options({}, False))
OWN = ["system.getCapabilities", "system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall"]


def answer(method: str, *params: object, dialect: str = "xmlrpc") -> object:
    call = MethodCall(method, params, dialect)
    assert system.kind_of(call, PLATFORM) is None
    return system.answered(call, PLATFORM).value


def test_every_method_is_listed():
    assert answer("system.listMethods") == ["GET_IVR_ACTION", "HANGUP_CALL", *OWN]


@pytest.mark.parametrize("params", [(), ({},), ([],)])
def test_an_empty_struct_or_array_is_no_parameter(params: tuple):
    assert answer("system.listMethods", *params) == answer("system.listMethods")


def test_every_method_that_is_listed_has_help_and_a_signature():
    types = {"int", "string", "struct", "array"}
    for method in answer("system.listMethods"):
        assert len(answer("system.methodHelp", method)) > 20
        (signature,) = answer("system.methodSignature", f" {method} ")
        assert set(signature) <= types
    assert answer("system.methodSignature", "HANGUP_CALL") == [["struct", "struct"]]
    assert set(PLATFORM.descriptions) == set(PLATFORM.methods)


def test_capabilities_name_their_specifications():
    capabilities = answer("system.getCapabilities")
    assert set(capabilities) == {"xmlrpc", "introspection", "system.multicall", "faults_interop", "json-rpc"}
    for capability in capabilities.values():
        assert set(capability) == {"specUrl", "specVersion"}
        assert capability["specUrl"].startswith("http")
        assert type(capability["specVersion"]) is int


def test_the_vendor_s_json_has_its_status_beside_the_result():
    assert answer("system.methodSignature", "HANGUP_CALL", dialect="json") == {"STATUS": 0, "RESULT": [["struct", "struct"]]}
    assert answer("system.methodSignature", "HANGUP_CALL", dialect="jsonrpc") == [["struct", "struct"]]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("system.listMethods", ("x",)), ("system.listMethods", ({}, {})), ("system.getCapabilities", ({"a": "b"},)),
        ("system.methodHelp", ()), ("system.methodHelp", ("HANGUP_CALL", "x")), ("system.methodHelp", (["HANGUP_CALL"],)),
        ("system.methodHelp", (None,)), ("system.methodHelp", ("HANGUP",)), ("system.methodSignature", ("",)),
        ("system.methodSignature", ({"name": "HANGUP_CALL"},)),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(method: str, params: tuple):
    with pytest.raises(InvalidParams) as error:
        answer(method, *params)
    assert str(error.value).startswith(method)


@pytest.mark.parametrize("method", ["system.listMethod", "rpc.discover", "hangup_call"])
def test_an_unknown_method_names_the_nearest(method: str):
    with pytest.raises(UnknownMethod, match="unknown method"):
        answer(method)
    with pytest.raises(UnknownMethod, match=r"did you mean system\.listMethods\?"):
        answer("system.listMethod")


@pytest.mark.parametrize("method", [*OWN])
def test_nothing_is_done_where_nobody_reads_the_answer(method: str):
    with pytest.raises(NotACall, match="without an id"):
        system.kind_of(MethodCall(method, dialect="jsonrpc", unanswered=True), PLATFORM)
    with pytest.raises(OutOfPlace, match="a caller waits"):
        system.kind_of(MethodCall("GET_IVR_ACTION", dialect="jsonrpc", unanswered=True), PLATFORM)
    assert system.kind_of(MethodCall("HANGUP_CALL", dialect="jsonrpc", unanswered=True), PLATFORM) == "notification"


@pytest.mark.parametrize("params", [(), ("x",), ({"methodName": "x"},), ([], []), ([{}] * (MAX_ITEMS + 1),)])
def test_multicall_takes_one_array_of_at_most_20(params: tuple):
    with pytest.raises(InvalidParams, match=r"system\.multicall takes"):
        system.items_of(MethodCall(system.MULTICALL, params))


def test_multicall_s_items_are_calls_or_say_why_not():
    items = [
        {"methodName": " HANGUP_CALL ", "params": [{"DID": "1"}]}, {"methodName": "x"}, "x", {"params": []},
        {"methodName": ["x"], "params": []}, {"methodName": "HANGUP_CALL", "params": {"DID": "1"}},
    ]  # fmt: skip
    one, two, *errors = system.items_of(MethodCall(system.MULTICALL, (items,), "jsonrpc", (), "id"))
    assert one == MethodCall("HANGUP_CALL", ({"DID": "1"},), "jsonrpc")
    assert two == MethodCall("x", (), "jsonrpc")
    assert [type(error) for error in errors] == [NotACall] * 4
    assert errors[-1].method == "HANGUP_CALL"
    assert system.items_of(MethodCall(system.MULTICALL, ([],))) == []


@pytest.mark.parametrize(
    ("item", "error"),
    [(MethodCall("GET_IVR_ACTION", id="1"), OutOfPlace), (NotACall("x", "GET_IVR_ACTION", id="1"), OutOfPlace),
     (MethodCall("system.multicall", id="1"), OutOfPlace), (InvalidParams("x", id="1"), InvalidParams)],
)  # fmt: skip
def test_what_may_not_stand_among_others(item: MethodCall | CallError, error: type):
    with pytest.raises(error) as raised:
        system.allowed_among_others(item, PLATFORM)
    assert raised.value.id == "1"


def test_results_are_arrays_and_faults_structs():
    assert system.result_of(MethodResponse({"STATUS": 0})) == [{"STATUS": 0}]
    assert system.result_of(Fault(-32601, "x")) == {"faultCode": -32601, "faultString": "x"}
