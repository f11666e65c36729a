"""Signed requests through the whole bridge: whoever knows a secret can check them, also while it is replaced."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import Request, reply
from tests.support.calls import xml

OLD, NEW, STRANGE = ("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
ANSWER = {"action": "hangup"}


def toml(url: str, *secrets: str, encoding: str = "json") -> str:
    return f'[backend]\nurl = "{url}"\nencoding = "{encoding}"\nsecrets = {json.dumps(secrets)}\n[debug]\nenabled = true\n'


def verified(request: Request, secret: str) -> bool:
    try:
        Webhook(secret).verify(request.body, request.headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def exchanged(folder: Path, backend: backends.Backend, *secrets: str, encoding: str = "json") -> tuple[list[Request], str]:
    """A question and an event of a bridge with these secrets, as the backend got them, and what the bridge logged and showed."""
    backend.requests.clear()
    for left in folder.glob("rpcbridge.db*"):  # else the same report is a duplicate of the last one
        left.unlink()
    with bridges.running(folder, toml(backend.url, *secrets, encoding=encoding)) as bridge:
        bridge.post(xml(CALLER_NAME="דנה"))
        bridge.post(xml("HANGUP_CALL"))
        pages = [bridge.get(f"/debug/exchanges/{seen['id']}", Accept="application/json") for seen in bridges.awaited(lambda: _all(bridge))]
        shown = b"".join(page.body for page in pages).decode()
        assert "webhook-timestamp" in shown or not secrets
    return backend.requests, bridge.log.read_text() + shown


def _all(bridge: bridges.Running) -> list[dict]:
    """The question, the report of a hang-up, its delivery: as soon as all of them are recorded."""
    seen = json.loads(bridge.get("/debug/exchanges", Accept="application/json").body)["exchanges"]
    return seen if {one["method"] for one in seen} == {"GET_IVR_ACTION", "HANGUP_CALL", "call_ended"} else []


@pytest.mark.parametrize("encoding", ["json", "form"])
def test_every_post_is_signed_and_a_secret_can_be_replaced(backend: backends.Backend, tmp_path, encoding: str):
    backend.behave = reply(ANSWER)
    for secrets in ((OLD,), (NEW, OLD), (NEW,)):
        requests, shown = exchanged(tmp_path, backend, *secrets, encoding=encoding)
        assert [request.target for request in requests] == ["/ivr/action", "/ivr/events"]
        for request in requests:
            assert {secret for secret in (OLD, NEW, STRANGE) if verified(request, secret)} == set(secrets)
            assert not verified(Request(request.method, request.target, request.headers, request.body + b" "), secrets[0])
            assert request.headers["webhook-signature"] not in shown
        assert not any(secret.removeprefix("whsec_") in shown for secret in secrets)


def test_a_get_is_never_signed_and_its_events_are(backend: backends.Backend, tmp_path):
    backend.behave = reply(ANSWER)
    (question, event), _ = exchanged(tmp_path, backend, NEW, encoding="query")
    assert question.method == "GET"
    assert "webhook-signature" not in question.headers
    assert "webhook-timestamp" not in question.headers
    assert (event.method, verified(event, NEW)) == ("POST", True)


def test_without_a_secret_nothing_is_signed(backend: backends.Backend, tmp_path):
    backend.behave = reply(ANSWER)
    for request in exchanged(tmp_path, backend)[0]:
        assert "webhook-signature" not in request.headers
        assert request.headers["webhook-id"]


def test_a_secret_that_is_none_stops_the_start_and_is_not_shown(tmp_path):
    (tmp_path / "rpcbridge.toml").write_text(toml("http://127.0.0.1:1", "whsec_c2hvcnQ="), "utf-8")
    done = subprocess.run([sys.executable, "-m", "rpcbridge", "serve"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "rpcbridge.toml:4: backend.secrets: expected a list of whsec_" in done.stderr
    assert "got one of 5 bytes" in done.stderr
    assert "c2hvcnQ" not in done.stdout + done.stderr


def snippet(language: str) -> str:
    """How the README says that a backend in this language checks a request."""
    readme = (bridges.ROOT / "README.md").read_text("utf-8")
    section = readme.partition("### Check the signature")[2]
    return re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1]


def judged_by_python(request: Request, secret: str) -> bool:
    names: dict = {}
    exec(snippet("python").replace("whsec_...", secret), names)
    try:
        names["verified"](request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def judged_by_php(request: Request, secret: str) -> bool:
    """As in a web server: the headers in $_SERVER, the body in php://stdin for php://input, which the command line has not."""
    program = snippet("php").replace("whsec_...", secret).replace("php://input", "php://stdin").removeprefix("<?php\n")
    server = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    before = f"$_SERVER = json_decode({json.dumps(json.dumps(server))}, true) + $_SERVER;"
    done = subprocess.run(["php", "-r", f"{before}\n{program}\necho 'verified';"], input=request.body, capture_output=True, timeout=20)
    assert done.stdout in (b"verified", b""), done
    return done.stdout == b"verified"


@pytest.mark.parametrize(
    "judged",
    [judged_by_python, pytest.param(judged_by_php, marks=pytest.mark.skipif(shutil.which("php") is None, reason="no php here"))],
)
def test_what_the_readme_says_of_checking_works(backend: backends.Backend, tmp_path, judged):
    backend.behave = reply(ANSWER)
    for request in exchanged(tmp_path, backend, NEW, OLD)[0]:
        assert judged(request, NEW)
        assert judged(request, OLD)
        assert not judged(request, STRANGE)
        assert not judged(Request(request.method, request.target, request.headers, request.body + b" "), NEW)
        late = request.headers | {"webhook-timestamp": str(int(request.headers["webhook-timestamp"]) - 301)}
        assert not judged(Request(request.method, request.target, late, request.body), NEW)
        assert not judged(Request(request.method, request.target, {}, request.body), NEW)
