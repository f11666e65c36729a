"""The emulated phone system plays whole calls against a running bridge and the example backend."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import shop as shops
from tests.support.bridge import awaited


def rpcbridge(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "rpcbridge", *arguments], capture_output=True, text=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **variables},
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    """The example backend and a bridge in front of it."""
    with shops.running() as url, bridges.running(tmp_path_factory.mktemp("shop"), f'[backend]\nurl = "{url}"\n') as bridge:
        yield bridge


def play(bridge: bridges.Running, *arguments: str) -> list[dict]:
    done = rpcbridge("call", "--url", bridge.url, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("dialect", ["xmlrpc", "json", "jsonrpc"])
def test_an_order_is_looked_up(shop, dialect: str):
    turns = play(shop, "--dialect", dialect, "--press", "1,1,1234")
    assert [turn["action"] for turn in turns] == ["MENU", "MENU", "MENU", "SAYDIGITS", ""]
    assert turns[3]["data"]["DIGITS"] == "0547"
    assert turns[3]["heard"][0] == 'hears "your_code_he", then the digits 0 5 4 7 (he)'
    assert turns[3]["sent"]["DTMF"] == "1234"
    assert [turn["sent"].get("MENU") for turn in turns[:4]] == ["-1", "language", "main_he", "order_he"]
    assert turns[-1]["method"] == "HANGUP_CALL"
    assert turns[-1]["heard"] == ["is acknowledged (STATUS 0)"]


@pytest.mark.parametrize("outcome", ["busy", "noanswer"])
def test_a_failed_call_goes_on_in_the_next_menu(shop, outcome: str):
    turns = play(shop, "--press", "2,2,1", "--outcome", outcome)
    assert [turn["action"] for turn in turns] == ["MENU", "MENU", "CALL", "SILENTRECORD", ""]
    assert turns[3]["sent"]["MENU"] == "nobody_en"
    assert turns[-1]["sent"]["CALL_STATUS"] == outcome.upper()


def test_an_answered_call_ends_with_the_conversation(shop):
    turns = play(shop, "--press", "2,2")
    assert [turn["action"] for turn in turns] == ["MENU", "MENU", "CALL", ""]
    sent = turns[-1]["sent"]
    assert (sent["CALL_STATUS"], sent["TARGET"]) == ("ANSWER", "0501234567")
    assert sent["CALL_DURATION"] > sent["CALL_DAILTIME"] > 0


def test_silence_plays_the_prompt_as_often_as_the_action_says(shop):
    turns = play(shop, "--press", "1,1,")
    assert "stays silent: the prompt plays 3 times, 3 s after each" in turns[2]["heard"]
    assert turns[3]["action"] == "HANGUP"


def test_more_digits_than_size_are_cut(shop):
    turns = play(shop, "--press", "1,1,123456")
    assert turns[3]["sent"]["DTMF"] == "1234"


def test_a_person_can_read_it(shop):
    done = rpcbridge("call", "--url", shop.url, "--press", "1,9", "--did", "0731111111", "--caller", "0549999999")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout, "no colours where there is no terminal"
    assert "0549999999 calls 0731111111" in done.stdout
    assert "is hung up on (cause 16, normal call clearing)" in done.stdout


def test_a_bridge_that_is_not_there_is_said_so():
    done = rpcbridge("call", "--url", "http://127.0.0.1:1/voicenter/a-very-secret-segment")
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    assert "secret-segment" not in done.stderr


def test_credentials_in_the_url_are_sent_and_not_printed(backend: backends.Backend, tmp_path):
    toml = f'[backend]\nurl = "{backend.url}"\n[voicenter]\ncredentials = "pbx:p@ss:word/12345"\n'
    with bridges.running(tmp_path, toml) as bridge:
        for url, code in (("pbx:p%40ss%3Aword%2F12345@", 0), ("pbx:p%40ss-wrong-12345@", 1), ("", 1)):
            done = rpcbridge("call", "--url", bridge.url.replace("//", f"//{url}"))
            assert done.returncode == code, done.stderr
            assert ("the credentials are wrong" in done.stderr) == (code == 1)
            assert "p%40ss" not in done.stdout + done.stderr
            assert "p@ss" not in done.stdout + done.stderr
    done = rpcbridge("call", "--url", "http://pbx:p%40ss-word-12345@127.0.0.1:1/voicenter")
    assert (done.returncode, "p%40ss" in done.stderr) == (3, False)


def test_keys_that_no_phone_has_are_refused():
    done = rpcbridge("call", "--press", "1,abc")
    assert done.returncode == 2
    assert "'abc' is not made of 0-9, * and #" in done.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "line 1: <html> is no element of XML-RPC"),
        (b'{"STATUS": 0}', "ACTION: missing, and mandatory"),
        (b'{"STATUS": 1, "ERROR": {"code": -32601, "message": "what?"}}', "fault -32601: what?"),
        (b'{"STATUS":0,"ACTION":"CALL","LANGUAGE":"HE","DATA":{"TARGET":"1"}}', "DATA.REC_STATUS: missing, and mandatory"),
    ],
)
def test_a_reply_that_voicenter_could_not_use_fails(backend: backends.Backend, body: bytes, said: str):
    backend.behave = backends.reply(body)
    done = rpcbridge("call", "--url", f"{backend.url}/voicenter")
    assert done.returncode == 1
    assert said in done.stderr


NOBODY = '[backend]\nurl = "http://127.0.0.1:1"\ndeadline = "1s"\n'


def test_a_hang_up_is_acknowledged_while_the_backend_is_down(tmp_path):
    with bridges.running(tmp_path, NOBODY) as bridge:
        assert play(bridge)[-1]["heard"] == ["is acknowledged (STATUS 0)"]


def test_a_hang_up_that_is_not_acknowledged_fails(tmp_path):
    with bridges.running(tmp_path, f'{NOBODY}[database]\nurl = "sqlite:///{tmp_path}/no/such/folder/x.db"\n') as bridge:
        done = rpcbridge("call", "--url", bridge.url)
    assert done.returncode == 1
    assert "did not acknowledge HANGUP_CALL" in done.stderr


def test_a_backend_that_leads_in_circles_is_left(backend: backends.Backend, tmp_path):
    backend.behave = backends.reply({"action": "menu", "menu": "m", "prompt": "p", "max_digits": 0})
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n') as bridge:
        done = rpcbridge("call", "--url", bridge.url)
    assert done.returncode == 1
    assert "in circles" in done.stderr


def test_the_demo_runs_what_it_prints():
    port = bridges.free_port()
    # As a script's `&` starts it: SIGINT ignored. SIGTERM must end it all the same.
    command = f"trap '' INT; exec {sys.executable} -m rpcbridge demo"
    demo = subprocess.Popen(
        ["bash", "-c", command], env={"PATH": "/usr/bin:/bin", "PORT": str(port)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=bridges.ROOT,
    )  # fmt: skip
    try:
        printed: list[str] = []
        while " tail -c " not in (line := demo.stdout.readline()):
            printed.append(line)
        printed.append(line)
        curl = next(line for line in printed if line.startswith("curl "))
        said = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=20).stdout
        assert said in "".join(printed)
        assert "<string>MENU</string>" in said
        for command in [line for line in printed if "rpcbridge call" in line]:
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, cwd=bridges.ROOT)
            assert done.returncode == 0, done.stderr
            assert "is acknowledged" in done.stdout
        tail = shlex.split(line)  # it runs until it is stopped, so a call is exported instead, from the same configuration
        call = re.search(r"call ([0-9a-f]{32})", done.stdout)[1]  # type: ignore[index]
        awaited(lambda: subprocess.run([tail[0], "export", call, "--format", "json", "-o", "-", *tail[2:]], capture_output=True, cwd=bridges.ROOT).returncode == 0, 20)
    finally:
        demo.terminate()
        started = time.monotonic()
        assert demo.wait(20) == 0
        demo.stdout.close()
    assert time.monotonic() - started < 15


def test_the_demo_says_when_its_port_is_taken(backend: backends.Backend):
    done = rpcbridge("demo", PORT=str(backend.port))
    assert done.returncode == 3
    assert "PORT=" in done.stderr


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"jsonrpc": "2.0", "result": {"STATUS": 0, "ACTION": "HANGUP", "LANGUAGE": "HE", "DATA": {}}, "id": "other"}, "another request"),
        ({"STATUS": 0, "ACTION": "HANGUP", "LANGUAGE": "HE", "DATA": {}}, "another request"),
        ({"jsonrpc": "2.0", "error": {"code": -32600, "message": "no"}, "id": None}, "fault -32600: no"),
    ],
)
def test_a_reply_to_another_request_is_not_taken(backend: backends.Backend, reply: dict, said: str):
    backend.behave = backends.reply(reply)
    done = rpcbridge("call", "--dialect", "jsonrpc", "--url", f"{backend.url}/voicenter")
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
