"""Copied curl commands, judged by pasting them into real shells: what arrives is, byte for byte, what was recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rpcbridge.inspector import curl
from tests.support import backend as backends
from tests.support.documents import question

SHELLS = [shell for shell in ("sh", "bash", "zsh") if shutil.which(shell)]
pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing")

# What shells, terminals, printf and curl make something else of.
NASTY = [
    "it's", "''", "a'\\''b", "$HOME ${HOME} $(id) `id`", "line\nline\r\n", "!! !$\n!ls", "\\n \\\\ \\", "100% %s %d %%", "@/etc/passwd", "@",
    "שלום עולם", "\u202edlrow", "tab\there", "\x03\nid\n\x04", "\x1b[201~\nid\n", "\x00", "nothing", " ", "\n", "\ufeff<a/>", "# no comment",
    "\x851", "-\x1f", "--\t", "\\0101", "-d x", "half \ud800 a character",
]  # fmt: skip


@pytest.fixture(scope="module")
def echo() -> Iterator[backends.Backend]:
    with backends.running(backends.reply(b"heard")) as backend:
        yield backend


def pasted(command: str, echo: backends.Backend, shell: str = "sh") -> backends.Request:
    """The request that arrives when `command` is run by `shell`."""
    echo.requests.clear()
    done = subprocess.run([shell], input=command.encode(), capture_output=True, timeout=30, env={"PATH": os.environ["PATH"], "HOME": "/nowhere"})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"heard", b""), command
    (request,) = echo.requests
    return request


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("body", NASTY, ids=ascii)
def test_the_platforms_request_arrives_as_it_was_recorded(body: str, shell: str, echo: backends.Backend):
    request = pasted(curl.to_bridge(question(body), echo.url) or "", echo, shell)
    assert (request.method, request.target, request.body) == ("POST", "/voicenter", body.encode("utf-8", "replace"))
    assert request.headers["content-type"] == "text/xml; charset=utf-8"


@settings(max_examples=120, deadline=None)
@given(body=st.text(min_size=1, max_size=200) | st.text("'\"\\$`!%@\n\r\t\x1b\x03{}ש ", min_size=1))
@example(body="x" * 16_384)
@example(body="א" * 16_384)
@example(body="'" * 16_384)
@example(body="\x01" * 16_384)
def test_whatever_stands_in_a_body_no_shell_reads_it(body: str, echo: backends.Backend):
    assert pasted(curl.to_bridge(question(body), echo.url) or "", echo).body == body.encode("utf-8", "replace")


@given(body=st.text())
def test_what_is_pasted_presses_no_key(body: str):
    command = curl.to_bridge(question("x" + body), "http://127.0.0.1") or ""
    assert command.replace("\n", "").isprintable()


@pytest.mark.parametrize("dialect", ["json", "jsonrpc"])
def test_a_dialect_has_its_content_type(dialect: str, echo: backends.Backend):
    request = pasted(curl.to_bridge(question("{}", dialect=dialect), echo.url) or "", echo)
    assert request.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_backends_request_arrives_with_its_headers(shell: str, echo: backends.Backend):
    seen = question(url=echo.url, event={"digits": "it's $1"})
    request = pasted(curl.to_backend(seen) or "", echo, shell)
    sent = seen["stations"]["backend_request"]
    assert (request.method, request.target, request.body) == ("POST", "/ivr/action", sent["body"].encode())
    left_out = {"webhook-signature", "webhook-timestamp"}
    expected = {name.lower(): value for name, value in sent["headers"] if name not in left_out}
    assert {name: value for name, value in request.headers.items() if name not in ("host", "content-length")} == expected


def test_a_question_in_a_query_is_a_get(echo: backends.Backend):
    seen = question()
    seen["stations"]["backend_request"] |= {"method": "GET", "url": f"{echo.url}/a/../b?caller_name=%D7%93&x[]={{y}}&z=it's", "body": "", "size": 0}
    request = pasted(curl.to_backend(seen) or "", echo)
    assert (request.method, request.target, request.body) == ("GET", "/a/../b?caller_name=%D7%93&x[]={y}&z=it's", b"")


def test_what_must_be_given_is_said():
    seen = question()
    wire = {"caller_number": "CALLER_ID", "called_number": "DID", "digits": "DTMF", "caller_name": "CALLER_NAME"}
    first = (curl.to_bridge(seen, "http://b", fields=wire) or "").splitlines()[0]
    assert first == "# masked when it was recorded, and to be given: CALLER_ID, CALLER_NAME, DID"
    said = [line for line in (curl.to_backend(seen) or "").splitlines() if line.startswith("#")]
    assert said == [
        "# masked when it was recorded, and to be given: caller_number, caller_name, called_number, X-Tenant, Authorization",
        "# webhook-signature is left out: it held for that moment and that body",
    ]


def test_the_secret_of_the_path_is_a_placeholder():
    command = curl.to_bridge(question(), "http://b:1/", secret=True) or ""
    assert "'http://b:1/voicenter/SECRET'" in command
    assert "# SECRET stands for the secret of the path" in command
    assert "SECRET" not in (curl.to_bridge(question(), "http://b") or "")


def test_a_body_of_which_only_the_beginning_was_recorded_is_said():
    seen = question("x" * 16_384)
    seen["stations"]["platform_request"]["size"] = 99_999
    assert "# the body had 99999 bytes, only its beginning was recorded" in (curl.to_bridge(seen, "http://b") or "")


def test_a_hop_that_was_not_taken_has_no_command():
    seen = question("")
    seen["stations"]["backend_request"] = None
    assert (curl.to_bridge(seen, "http://b"), curl.to_backend(seen)) == (None, None)


@given(name=st.text(min_size=1), value=st.text())
@example(name="X-A", value="\nid\n")
def test_nothing_of_a_header_or_a_remark_reaches_the_shell(name: str, value: str):
    seen = question(masked=[name])
    seen["stations"]["backend_request"]["headers"] = [[name, value], ["X-Fine", value], [name, "***"]]
    lines = (curl.to_backend(seen) or "").split("\n")
    assert [line for line in lines if not line.startswith(("# ", "curl ", "  -"))] == []
    assert all(line.isprintable() for line in lines)
