"""The benchmarks run, and compare like with like. Whether anything is fast is never asserted here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import backend, bare_proxy, hand_written, load, memory, payloads, servers
from benchmarks.__main__ import PARTS
from tests.support.bridge import ROOT
from tests.support.calls import xml

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.backend(tmp_path_factory.mktemp("benchmark")) as running:
        yield running


def test_the_codec_part_runs_and_keeps_what_it_measured(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks", "codec", "--quick", "--results", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=os.environ | {"COLUMNS": "80"})
    assert run.returncode in (0, 1), run.stderr  # 1: a target is missed, which is nothing to a test
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    names = {"decode GET_IVR_ACTION", "decode HANGUP_CALL", "encode MENU", "encode CALL", "encode SAYDIGITS"}
    assert set(kept["parts"]["codec"]["figures"]) == names
    assert all(name in run.stdout for name in names)
    assert "…" not in run.stdout  # no table loses a figure
    assert kept["machine"]["cores"]
    assert socket.gethostname() not in kept["machine"].values()


@pytest.mark.parametrize("contender", [bare_proxy, hand_written], ids=["bare", "hand-written"])
def test_a_contender_answers_as_the_bridge_does(contender, server: servers.Server):
    reply = contender.create(server.url).test_client().post("/voicenter", data=payloads.QUESTION)
    assert reply.status_code == 200
    assert reply.content_type == "text/xml; charset=utf-8"
    assert xmlrpc.client.loads(reply.data) == xmlrpc.client.loads(payloads.REPLY)
    assert all(text in reply.text for text in payloads.IN_REPLY)


def test_what_is_written_by_hand_also_acknowledges_and_hangs_up(server: servers.Server):
    client = hand_written.create(server.url).test_client()
    assert xmlrpc.client.loads(client.post("/voicenter", data=xml("HANGUP_CALL")).data)[0] == ({"STATUS": 0},)
    client = hand_written.create(f"{server.url}/nowhere").test_client()
    assert xmlrpc.client.loads(client.post("/voicenter", data=xml()).data)[0] == (hand_written.HANGUP,)


@pytest.mark.parametrize("piece", [1, 7, 150, 10_000])
def test_the_backend_takes_requests_in_pieces_of_any_size(server: servers.Server, piece: int):
    request = b"POST /ivr/action HTTP/1.1\r\nHost: x\r\nCONTENT-length:  4\r\n\r\n\r\n\r\n" + b"GET /x HTTP/1.1\r\n\r\n"
    expected = backend.ANSWERS[b"/ivr/action"] + backend.NOT_FOUND
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        for start in range(0, len(request), piece):
            connection.sendall(request[start : start + piece])
        with connection.makefile("rb") as stream:
            assert stream.read(len(expected)) == expected


def test_what_is_measured_is_what_is_sent():
    assert payloads.QUESTION.count(payloads.CALL_ID.encode()) == 1
    assert len(payloads.CALL_ID) == 32  # load.lua writes ids of this length
    assert load.SCRIPT.is_file()
    assert all(text in payloads.REPLY.decode() for text in payloads.IN_REPLY)
    assert all(text in payloads.ACTION.decode() for text in payloads.IN_ACTION)
    body, other = memory.unique_tags(), memory.unique_tags()
    assert body != other
    assert 55_000 < len(body) < 100_000


def test_every_part_has_its_page():
    page = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    assert all(f"`{part}`" in page for part in PARTS)
