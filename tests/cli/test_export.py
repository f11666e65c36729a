"""`rpcbridge export` on what a real bridge recorded of a whole call, while it runs, and the same files from its pages."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from tests.cli.test_call import rpcbridge
from tests.inspector.test_cassette import JSON, NUMBERS, recorded, run
from tests.inspector.test_har import judged, valid
from tests.support import bridge as bridges
from tests.support import shop
from tests.support.bridge import awaited

SECRET = "a-secret-in-the-path"


@dataclass
class Recorded:
    """A call that was recorded, the bridge that did, and its backend."""

    bridge: bridges.Running
    backend: str
    call_id: str
    folder: Path

    def export(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "rpcbridge", "export", "-c", str(self.folder / "rpcbridge.toml"), *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RPCBRIDGE_")}
        environment = clean | {"RPCBRIDGE_DATABASE__URL": f"sqlite:///{self.folder / 'rpcbridge.db'}"}
        return subprocess.run(command, capture_output=True, cwd=self.folder, timeout=60, env=environment)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("export")
    with shop.running() as backend:
        toml = f'[backend]\nurl = "{backend}"\n[debug]\nenabled = true\n[voicenter]\nsecret = "{SECRET}"\n'
        with bridges.running(folder, toml) as bridge:
            done = rpcbridge("call", "--url", f"{bridge.url}/{SECRET}", "--caller", NUMBERS[0], "--did", NUMBERS[1], "--press", "1,1,1234", "--json")
            call_id = json.loads(done.stdout.splitlines()[0])["sent"]["IVR_UNIQUE_ID"]
            awaited(lambda: recorded(bridge, call_id), 20)
            yield Recorded(bridge, backend, call_id, folder)


def got(call: Recorded, ending: str, id: str | None = None) -> bridges.Reply:
    return call.bridge.get(f"/debug/call.{ending}?id={id or call.call_id}", **JSON)


def clean(text: str) -> str:
    """`text`, which holds nothing that was masked."""
    for secret in (*NUMBERS, SECRET):
        assert not re.search(rf"(?<![0-9a-z]){secret}(?![0-9a-z])", text.replace("TURN_4_DIGITS=1234", "")), secret
    return text


@judged
def test_har(call: Recorded):
    reply = got(call, "har")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.headers["content-disposition"] == f'attachment; filename="call_{call.call_id[:8]}.har"'
    entries = valid(json.loads(clean(reply.body.decode())))
    assert len(entries) == 5 + 4 + 1, "the questions and the report, the backend's answers, the delivery"
    assert entries[0]["request"]["url"] == f"http://127.0.0.1:{call.bridge.port}/voicenter/SECRET"
    done = call.export(call.call_id, "--format", "har")
    assert (done.returncode, len(valid(json.loads(clean(done.stdout.decode()))))) == (0, 10)


def test_json(call: Recorded):
    documents = json.loads(clean(got(call, "json").body.decode()))
    assert [seen["method"] for seen in documents] == ["GET_IVR_ACTION"] * 4 + ["HANGUP_CALL", "call_ended"]
    assert list(documents[0]["stations"]) == ["platform_request", "event", "backend_request", "backend_response", "platform_response"]
    assert "caller" in documents[0]
    assert not any(name.endswith("_key") for seen in documents for name in seen), "two files could be linked by them"
    done = call.export(call.call_id, "--format", "json", "-o", "-")
    assert json.loads(done.stdout) == documents


def test_pytest(call: Recorded, tmp_path: Path):
    reply = got(call, "zip")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(reply.body)) as packed:
        assert packed.namelist() == [f"test_call_{call.call_id[:8]}.py", f"cassette_{call.call_id[:8]}.json"]
        packed.extractall(tmp_path)
    for file in tmp_path.iterdir():
        clean(file.read_text("utf-8"))
    done = run(tmp_path / packed.namelist()[0], call.backend, TURN_4_DIGITS="1234")
    assert done.returncode == 0, done.stdout


def test_a_zip_is_written_beside_or_where_it_is_said(call: Recorded, tmp_path: Path):
    for arguments, file in (([], call.folder / f"call_{call.call_id[:8]}.zip"), (["-o", str(tmp_path / "x.zip")], tmp_path / "x.zip")):
        done = call.export(call.call_id, "--format", "pytest", *arguments)
        assert (done.returncode, done.stdout) == (0, b"")
        assert file.name in done.stderr.decode()
        assert zipfile.is_zipfile(file)
    done = call.export(call.call_id, "--format", "pytest", "-o", "-")
    assert zipfile.is_zipfile(io.BytesIO(done.stdout))


def test_svg(call: Recorded):
    reply = got(call, "svg")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/svg+xml")
    drawing = etree.fromstring(clean(reply.body.decode()).encode())
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert "GET_IVR_ACTION" in "".join(drawing.itertext())
    assert call.export(call.call_id, "--format", "svg").stdout == reply.body


@pytest.mark.parametrize("ending", ["har", "json", "svg", "zip"])
def test_a_call_of_which_nothing_is_kept(ending: str, call: Recorded):
    for id in ("unknown", "../x", "%22%0d%0a", "x" * 300):
        reply = got(call, ending, id)
        assert (reply.status, list(json.loads(reply.body))) == (404, ["error"])
    assert call.bridge.get(f"/debug/call.{ending}").status == 404
    assert call.bridge.get("/debug/call.exe?id=1").status == 404


def test_exit_codes(call: Recorded, tmp_path: Path):
    done = call.export("unknown", "--format", "har")
    assert (done.returncode, done.stderr) == (1, b"Nothing is recorded of a call unknown.\n")
    assert call.export(call.call_id, "--format", "exe").returncode == 2
    assert call.export(call.call_id).returncode == 2
    assert call.export(call.call_id, "--format", "har", "-o", str(tmp_path / "none" / "x.har")).returncode == 2
    away = rpcbridge("export", "x", "--format", "har", RPCBRIDGE_BACKEND__URL="http://b", RPCBRIDGE_DATABASE__URL=f"sqlite:///{tmp_path}/none/x.db", RPCBRIDGE_CONFIG=os.devnull)
    assert away.returncode == 3


def test_each_exchange_offers_its_hops_as_curl(call: Recorded):
    documents = json.loads(got(call, "json").body)
    page = call.bridge.get(f"/debug/exchanges/{documents[3]['id']}").body.decode()
    assert re.findall(r"<summary>curl, (.*?)</summary>", page) == ["phone system → bridge", "bridge → backend"]
    clean(page)
    assert "/voicenter/SECRET" in page
    assert "masked when it was recorded, and to be given: CALLER_ID, CALLER_NAME, DID, DTMF" in page
