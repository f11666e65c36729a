"""Independent judges: XML-RPC and JSON-RPC clients that others wrote, against a running bridge."""

from __future__ import annotations

import json
import shutil
import subprocess
import xmlrpc.client

import jsonrpclib
import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import HANGUP, QUESTION
from tests.test_contract import REPLIES

JUDGES = bridges.ROOT / "tests" / "judges"
HEBREW = {"action": "call", "target": "05", "caller_name": "דוד & <בניו>", "dial_strings": ["SIP/1@a", "SIP/2@b"]}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory):
    with (
        backends.running(backends.reply({})) as backend,
        bridges.running(tmp_path_factory.mktemp("judges"), f'[backend]\nurl = "{backend.url}"\n') as bridge,
    ):
        yield bridge, backend


@pytest.mark.parametrize(("answer", "action", "data"), REPLIES)
def test_pythons_client_reads_every_action(line, answer: dict, action: str, data: dict):
    bridge, backend = line
    backend.behave = backends.reply(answer)
    with xmlrpc.client.ServerProxy(bridge.url) as voicenter:
        assert voicenter.GET_IVR_ACTION(QUESTION) == {"STATUS": 0, "ACTION": action, "LANGUAGE": "he", "DATA": data}


def test_pythons_client_reads_hebrew_arrays_acknowledgements_and_faults(line):
    bridge, backend = line
    backend.behave = backends.reply(HEBREW)
    with xmlrpc.client.ServerProxy(bridge.url + "/", encoding="windows-1255") as voicenter:
        reply = voicenter.GET_IVR_ACTION(QUESTION | {"CALLER_NAME": "שלום"})
        assert (reply["DATA"]["CALLERNAME"], reply["DATA"]["DIALSTRINGS"]) == ("דוד & <בניו>", ["SIP/1@a", "SIP/2@b"])
        assert backend.questions[-1].json["caller_name"] == "שלום"
        assert voicenter.HANGUP_CALL(HANGUP) == {"STATUS": 0}
        with pytest.raises(xmlrpc.client.Fault) as fault:
            voicenter.NO_SUCH_METHOD({})
    assert fault.value.faultCode == -32601


def test_pythons_client_reads_what_the_bridge_says_of_itself(line):
    with xmlrpc.client.ServerProxy(line[0].url) as voicenter:
        methods = voicenter.system.listMethods()
        assert methods == sorted(methods)
        assert {"GET_IVR_ACTION", "HANGUP_CALL", "system.listMethods", "system.multicall"} < set(methods)
        assert voicenter.system.methodSignature("HANGUP_CALL") == [["struct", "struct"]]
        assert "what a caller hears next" in voicenter.system.methodHelp("GET_IVR_ACTION")
        assert voicenter.system.getCapabilities()["xmlrpc"] == {"specUrl": "http://www.xmlrpc.com/spec", "specVersion": 1}
        with pytest.raises(xmlrpc.client.Fault) as fault:
            voicenter.system.methodHelp("NO_SUCH_METHOD")
    assert fault.value.faultCode == -32602


def test_pythons_multicall_gets_every_result(line):
    bridge, backend = line
    backend.behave = backends.reply(b"", 204)
    with xmlrpc.client.ServerProxy(bridge.url) as voicenter:
        calls = xmlrpc.client.MultiCall(voicenter)
        calls.HANGUP_CALL(HANGUP)
        calls.system.methodSignature("HANGUP_CALL")
        calls.GET_IVR_ACTION(QUESTION)
        calls.HANGUP_CALL(HANGUP)
        results = calls()
        assert (results[0], results[1], results[3]) == ({"STATUS": 0}, [["struct", "struct"]], {"STATUS": 0})
        with pytest.raises(xmlrpc.client.Fault) as fault:
            results[2]
    assert fault.value.faultCode == -32600
    assert "send it by itself" in fault.value.faultString


def test_a_json_rpc_client_asks_reports_and_is_refused(line):
    bridge, backend = line
    backend.behave = backends.reply(HEBREW)
    voicenter = jsonrpclib.ServerProxy(bridge.url)
    assert voicenter.GET_IVR_ACTION(**QUESTION)["DATA"]["CALLERNAME"] == HEBREW["caller_name"]
    assert voicenter.GET_IVR_ACTION(QUESTION)["ACTION"] == "CALL"
    assert voicenter.HANGUP_CALL(**HANGUP) == {"STATUS": 0}
    assert "HANGUP_CALL" in voicenter.system.listMethods()
    assert voicenter.system.multicall([{"methodName": "HANGUP_CALL", "params": [HANGUP]}]) == [[{"STATUS": 0}]]
    with pytest.raises(jsonrpclib.ProtocolError) as error:
        voicenter.NO_SUCH_METHOD()
    assert error.value.args[0][0] == -32601
    voicenter("close")()


def test_a_json_rpc_client_sends_a_batch(line):
    # A notification only inside a batch: by itself this client takes its 204 for an error.
    bridge, backend = line
    backend.behave = backends.reply(b"", 204)
    backend.requests.clear()
    voicenter = jsonrpclib.ServerProxy(bridge.url)
    batch = jsonrpclib.MultiCall(voicenter)
    batch.HANGUP_CALL(**HANGUP | {"IVR_UNIQUE_ID": "batch-1"})
    batch._notify.HANGUP_CALL(**HANGUP | {"IVR_UNIQUE_ID": "batch-2"})
    batch.system.methodSignature("HANGUP_CALL")
    assert list(batch()) == [{"STATUS": 0}, [["struct", "struct"]]]
    bridges.awaited(lambda: all(backend.events("call_ended", call_id=f"batch-{number}") for number in (1, 2)))
    voicenter("close")()


@pytest.mark.skipif(not (JUDGES / "node_modules" / "xmlrpc").is_dir(), reason="npm is missing, or `make test` was not used")
def test_nodes_client_reads_every_action(line):
    bridge, backend = line
    answers = [answer for answer, _, _ in REPLIES] + [HEBREW]
    backend.behave = backends.in_turn(*(backends.reply(answer) for answer in answers), backends.reply(b"", 204))
    node = shutil.which("node") or shutil.which("nodejs")
    calls = [["GET_IVR_ACTION", QUESTION]] * len(answers) + [["HANGUP_CALL", HANGUP], ["NO_SUCH_METHOD", {}]]
    calls += [["system.listMethods", {}], ["system.multicall", [{"methodName": "HANGUP_CALL", "params": [HANGUP]}]]]
    done = subprocess.run(
        [node, "client.js", bridge.url], input=json.dumps(calls), capture_output=True, text=True, cwd=JUDGES, timeout=30
    )
    assert done.returncode == 0, done.stderr
    *replies, acknowledged, fault, listed, several = json.loads(done.stdout)
    expected = [{"STATUS": 0, "ACTION": action, "LANGUAGE": "he", "DATA": data} for _, action, data in REPLIES]
    assert [reply["value"] for reply in replies[:-1]] == expected
    assert replies[-1]["value"]["DATA"]["CALLERNAME"] == "דוד & <בניו>"
    assert acknowledged["value"] == {"STATUS": 0}
    assert fault["fault"] == -32601
    assert "system.multicall" in listed["value"]
    assert several["value"] == [[{"STATUS": 0}]]
