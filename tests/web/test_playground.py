"""The playground of a real bridge: what `rpcbridge translate` says, as a page; nothing kept, nothing sent."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.test_call import rpcbridge
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import reply
from tests.support.calls import as_json, xml
from tests.web.test_fixtures import CASES, one, payload

JSON = {"Accept": "application/json"}
FAULTY = '{\n  "action": "call",\n  "target": "0501234567",\n  "ring_timout": 20,\n  "on_failure": {"menu": "m", "prompt": "p", "loops": "a few"}\n}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("playground")


@pytest.fixture(scope="module")
def backend() -> Iterator[backends.Backend]:
    with backends.running(reply({"action": "hangup"})) as running:
        yield running


@pytest.fixture(scope="module")
def bridge(folder: Path, backend: backends.Backend) -> Iterator[bridges.Running]:
    with bridges.running(folder, f'[backend]\nurl = "{backend.url}"\nauth = "bearer a-secret-token"\n[debug]\nenabled = true\n') as running:
        yield running


def form(fields: dict[str, str]) -> tuple[bytes, str]:
    """A multipart form as browsers write it, and its Content-Type."""
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    return ("".join(parts) + "--edge--\r\n").encode(), "multipart/form-data; boundary=edge"


def sent(bridge: bridges.Running, fields: dict[str, str], **headers: str) -> bridges.Reply:
    """The page, asked for with its form filled in."""
    page = bridge.get("/debug/playground")
    token = re.search(r'name="csrf_token" value="([^"]*)"', page.body.decode())
    assert token is not None
    body, kind = form({"csrf_token": html.unescape(token[1])} | fields)
    cookie = {"Cookie": page.headers["set-cookie"].partition(";")[0]} if "set-cookie" in page.headers else {}
    return bridge.post(body, "/debug/playground", Content_Type=kind, **cookie, **headers)


def said(bridge: bridges.Running, **fields: str) -> dict:
    """The translation as JSON. `reading` is the form's `as`."""
    got = sent(bridge, {("as" if name == "reading" else name): value for name, value in fields.items()}, **JSON)
    assert got.status == 200, got.body
    return json.loads(got.body)


def shown(bridge: bridges.Running, **fields: str) -> str:
    got = sent(bridge, fields)
    assert got.status == 200, got.body
    return got.body.decode()


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_the_command_line_says(case: str, bridge: bridges.Running, backend: backends.Backend):
    request, answer = payload(case, "platform_request"), payload(case, "backend_response")
    try:
        text = request.decode()
    except UnicodeDecodeError:
        text = request.decode("windows-1255")
    found = said(bridge, text=text, answer=answer.decode())
    done = rpcbridge(
        "translate", str(one(case, "platform_request")), "--answer", str(one(case, "backend_response")), "--json",
        RPCBRIDGE_BACKEND__URL=backend.url, RPCBRIDGE_BACKEND__AUTH="bearer a-secret-token", RPCBRIDGE_CONFIG="/dev/null",
    )  # fmt: skip
    expected = json.loads(done.stdout)
    for name in expected.keys() - {"notes", "problems", "repairs"}:
        assert found[name] == expected[name], name
    assert [(one["path"], one["message"]) for one in found["repairs"]] == [(one["path"], one["message"]) for one in expected["repairs"]]


def test_an_answer_becomes_a_reply_in_every_dialect_or_in_one(bridge: bridges.Running):
    found = said(bridge, text='{"action": "call", "target": "05"}', called_number="0730000001")
    assert [reply["dialect"] for reply in found["replies"]] == ["xmlrpc", "json", "jsonrpc"]
    assert all("0730000001" in reply["body"] for reply in found["replies"])
    assert [reply["dialect"] for reply in said(bridge, text='{"action": "hangup"}', dialect="json")["replies"]] == ["json"]
    page = shown(bridge, text=xml().decode(), answer='{"action": "hangup"}')
    assert re.findall("<h3>(Reply in .*?)</h3>", page) == ["Reply in xmlrpc", "Reply in json", "Reply in jsonrpc"]


def test_every_fault_has_its_line(bridge: bridges.Running):
    found = said(bridge, text=FAULTY)
    assert [(one["file"], one["line"], one["path"]) for one in found["problems"]] == [("the answer", 4, "ring_timout"), ("the answer", 5, "on_failure.loops")]
    page = shown(bridge, text=FAULTY.replace("\n", "\r\n"))
    assert "the answer, line 4" in page
    assert "unknown key, did you mean ring_timeout?" in page
    assert "It cannot be used: the caller hears the fallback instead." in page
    assert "the answer, line 2:3" in shown(bridge, text='{"action": "menu",\n  x}')


def test_a_request_shows_its_stations(bridge: bridges.Running):
    page = shown(bridge, text=as_json().decode())
    assert re.findall("<h3>(.*?)</h3>", page) == ["The call, as it was read", "Event", "Your backend is asked"]
    assert "the reply depends on your backend&#39;s answer" in page
    assert "a-secret-token" not in page


def test_what_is_neither_says_so(bridge: bridges.Running):
    for text in ("", "hello", "[]", "{}"):
        found = said(bridge, text=text)
        assert [one["kind"] for one in found["problems"]] == ["not_recognized"]
        assert found["problems"][0]["message"].endswith("say which it is meant to be above")
    assert said(bridge, text="{}", reading="answer")["outcome"] == "fallback"
    assert said(bridge, text='{"action": "hangup"}', reading="answer", answer="{}")["notes"][-1].startswith("the second text is not read")
    assert sent(bridge, {"text": "{}", "platform": "none"}).status == 400


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '{"action": "<script>alert(1)</script>"}', '</textarea><script>alert(1)</script>', '{"action": "hangup", "prompt": "<img src=x onerror=alert(1)>"}'])
def test_hostile_texts_are_text(text: str, bridge: bridges.Running):
    page = shown(bridge, text=text, answer=text, called_number='"><script>alert(1)</script>')
    assert "<script>" not in page
    assert "<img" not in page
    assert page.count("</textarea>") == 2


def test_nothing_is_stored_sent_or_logged(bridge: bridges.Running, backend: backends.Backend, folder: Path):
    before = len(backend.requests)
    said(bridge, text=xml(IVR_UNIQUE_ID="only-played", CALLER_ID="0549998877").decode(), answer='{"action": "hangup", "prompt": "only-played"}')
    bridge.post(xml(IVR_UNIQUE_ID="recorded"))
    bridges.awaited(lambda: bridge.get("/debug/call.json?id=recorded", **JSON).status == 200, 20)
    assert len(backend.requests) == before + 1
    with closing(sqlite3.connect(folder / "rpcbridge.db")) as database:
        dump = "\n".join(database.iterdump())
    for text in (dump, bridge.log.read_text()):
        assert "only-played" not in text
        assert "0549998877" not in text


def test_samples_fill_the_form_without_a_script(bridge: bridges.Running):
    offered = json.loads(bridge.get("/debug/playground", **JSON).body)["samples"]
    assert {sample["platform"] for sample in offered} == {"voicenter", "mediaservice", None}
    for number, sample in enumerate(offered):
        page = bridge.get(f"/debug/playground?sample={number}").body.decode()
        assert html.escape(sample["text"], quote=False).replace("'", "&#39;") in page.replace("&#34;", '"')
        about = {name: sample[name] for name in ("platform", "callback") if sample.get(name)}
        assert said(bridge, text=sample["text"], **about)["ok"] == ("faults" not in sample["title"]), sample["title"]
    for odd in ("99", "-1", "x", ""):
        assert bridge.get(f"/debug/playground?sample={odd}").status == 200


def test_texts_beyond_the_limit_are_refused(bridge: bridges.Running):
    found = sent(bridge, {"text": "<a>" + "x" * 300_000}, **JSON)
    assert found.status == 413 or "server.max_body" in found.body.decode()


def test_a_text_that_declares_another_encoding_is_read_as_what_was_pasted(bridge: bridges.Running):
    text = xml(CALLER_NAME="שלום").decode().replace("<?xml version='1.0'?>", '<?xml version="1.0" encoding="windows-1255"?>')
    assert said(bridge, text=text)["event"]["caller_name"] == "שלום"
