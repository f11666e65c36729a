"""`rpcbridge translate` as a stranger meets it: files and pipes in, text, JSON or bytes out, exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from rpcbridge.cli import main
from rpcbridge.codec import DIALECTS
from rpcbridge.platforms import discovered
from rpcbridge.schemas.jsonschema import actions_schema, events_schema
from tests.cli.test_call import rpcbridge
from tests.support.bridge import ROOT
from tests.support.calls import as_json, xml
from tests.translation.test_translator import ALONE, ANSWERS
from tests.web.test_fixtures import CASES, one, payload

KEYS = ["ok", "outcome", "reason", "request", "event", "backend_request", "answer", "replies", "repairs", "problems", "notes"]
ENVIRONMENT = {"RPCBRIDGE_CONFIG": os.devnull}


def translate(*arguments: object, given: bytes = b"", **variables: str) -> Result:
    result = CliRunner().invoke(main, ["translate", *map(str, arguments)], input=given, env=ENVIRONMENT | variables)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def said(*arguments: object, given: bytes = b"", code: int = 0) -> dict:
    result = translate("--json", *arguments, given=given)
    assert result.exit_code == code, result.output
    found = json.loads(result.stdout)
    assert list(found) == KEYS
    assert found["ok"] == (not found["problems"]) == (code == 0)
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_fixtures_exchange(case: str):
    found = said(one(case, "platform_request"), "--answer", one(case, "backend_response"))
    assert found["event"] == json.loads(payload(case, "event"))
    jsonschema.validate(found["event"], events_schema(), jsonschema.Draft202012Validator)
    assert json.loads(found["backend_request"]["body"]) == found["event"]
    assert [reply["body"] for reply in found["replies"]] == [payload(case, "platform_response").decode()]
    if case in ANSWERS:
        jsonschema.validate(found["answer"], actions_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("case", CASES)
def test_every_fixtures_request_from_standard_input(case: str):
    found = said("-", given=payload(case, "platform_request"))
    assert found["event"] == json.loads(payload(case, "event"))
    assert len(found["replies"]) == (case not in ANSWERS)


@pytest.mark.parametrize("case", ALONE)
def test_the_raw_reply_is_the_fixtures_bytes(case: str):
    reply = one(case, "platform_response")
    dialect = "json" if reply.suffix == ".json" else "xmlrpc"
    number = json.loads(payload(case, "event"))["called_number"]
    result = translate(one(case, "backend_response"), "--did", number, "--dialect", dialect, "--raw")
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, reply.read_bytes(), "")
    result = translate(one(case, "platform_request"), "--answer", one(case, "backend_response"), "--raw")
    assert (result.exit_code, result.stdout_bytes) == (0, reply.read_bytes())


@pytest.mark.parametrize("case", CASES)
def test_a_person_can_read_it(case: str):
    result = translate(one(case, "platform_request"), "--answer", one(case, "backend_response"))
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout, "no colours where there is no terminal"
    for heading in ("# Event", "# REST call", "# Reply in "):
        assert f"\n{heading}" in result.stdout
    event = result.stdout.split("# Event\n")[1].split("\n\n")[0]
    assert json.loads(event) == json.loads(payload(case, "event")), "what is printed can be copied"
    body = result.stdout.split("# REST call\n")[1].split("\n\n")[1].split("\n")[0]
    assert json.loads(body) == json.loads(event)


def test_an_answer_alone_shows_every_dialect_or_one():
    answer = one("action_menu", "backend_response")
    assert [line for line in translate(answer).stdout.split("\n") if line.startswith("# Reply")] == [
        f"# Reply in {dialect}, laid out for reading" for dialect in DIALECTS
    ]
    assert [reply["dialect"] for reply in said(answer, "--dialect", "json")["replies"]] == ["json"]


def test_an_answers_problems_have_file_line_and_field_and_the_fallback_is_shown(tmp_path: Path):
    answer = tmp_path / "answer.json"
    answer.write_text('{"action": "call", "target": "1",\n "ring_timeout": "soon",\n "on_failure": {"menu": "m",\n "loops": 100}}')
    config = tmp_path / "rpcbridge.toml"
    config.write_text('[backend]\nurl = "http://x"\n[fallback]\naction = "hangup"\nprompt = "sorry"\n')
    result = translate(answer, "-c", config, "--dialect", "json")
    assert result.exit_code == 1
    assert result.stdout.startswith("# Cannot be used: the caller hears the fallback instead (3)\n")
    assert f'{answer}:2: ring_timeout: expected an integer, got "soon" (invalid_answer)\n' in result.stdout
    assert f"{answer}:4: on_failure.loops: expected 1 to 99, got 100 (invalid_answer)\n" in result.stdout
    assert f"{answer}: on_failure.prompt: missing, and required (invalid_answer)\n" in result.stdout
    assert '"HANGUP_REC": "sorry"' in result.stdout
    assert "no [fallback]" not in result.stdout
    assert "no [fallback] is configured" in translate(answer).stdout


def test_raw_writes_the_fallback_and_says_why_beside_it():
    result = translate("-", "--raw", "--dialect", "json", given=b'{"action": }')
    assert (result.exit_code, result.stdout_bytes) == (1, b'{"STATUS":0,"ACTION":"HANGUP","LANGUAGE":"HE","DATA":{}}')
    assert result.stderr == "stdin:1:12: not JSON: expecting value (not_json)\n"


def test_a_broken_request_shows_the_line_and_the_fault():
    result = translate(given=b"<methodCall>\n<foo/></methodCall>")
    assert result.exit_code == 1
    assert "stdin:2: <foo> is no element of XML-RPC (not_a_call)\n" in result.stdout
    assert "# Reply in xmlrpc (a fault)" in result.stdout


@pytest.mark.parametrize("body", [b"", b"\n", b"\x80\x81\xfe" * 100, bytes(range(256)), b"{}", b"[]", b'"x"', b"\0" * 1000])
def test_what_is_neither_is_said_so_with_what_to_do(body: bytes):
    result = translate(given=body)
    assert result.exit_code == 1
    assert "--as request or --as answer" in result.stdout
    assert said(given=body, code=1)["problems"][0]["kind"] == "not_recognized"
    for reading in ("request", "answer"):
        assert said("--as", reading, given=body, code=1)["replies"], "told which it is, it says what a caller gets"


def test_hebrew_in_windows_1255():
    found = said(given=payload("question_windows_1255", "platform_request"))
    assert found["event"] == json.loads(payload("question_windows_1255", "event"))
    answer = '{"action": "hangup",\n "prompt": "שלום"}'
    (problem,) = said(given=answer.encode("windows-1255"), code=1)["problems"]
    assert (problem["line"], problem["column"]) == (2, 13)
    assert "שלום" in translate(given=answer.encode()).stdout


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (xml(X="x" * 1_000_000), "the body is larger than 262144 bytes (server.max_body)"),
        (as_json(X="x" * 1_000_000), "the body is larger than 262144 bytes (server.max_body)"),
        (b'{"action": "hangup", "state": "' + b"x" * 1_000_000 + b'"}', "the answer is larger than 262144 bytes"),
    ],
    ids=["xml", "json", "answer"],
)
def test_a_file_of_a_megabyte_is_refused_as_the_bridge_would(body: bytes, message: str):
    found = said(given=body, code=1)
    assert [problem["message"] for problem in found["problems"]] == [message]
    assert found["replies"]


def test_signatures_are_left_out_as_everything_of_one_attempt_is(tmp_path: Path):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for encoding, added in (("json", "Rpcbridge-Attempt, webhook-timestamp and webhook-signature\n"), ("query", "and Rpcbridge-Attempt\n")):
        config = tmp_path / f"{encoding}.toml"
        config.write_text(f'[backend]\nurl = "http://b"\nencoding = "{encoding}"\nsecrets = ["{secret}"]\n')
        result = translate("-c", config, given=xml())
        assert secret not in result.output
        assert "webhook-signature:" not in result.stdout
        assert added in result.stdout


def test_secrets_are_masked_and_routes_honoured(tmp_path: Path):
    config = tmp_path / "rpcbridge.toml"
    config.write_text(
        '[backend]\nauth = "bearer hunter2hunter2"\nheaders = { X-Tenant = "hunter3" }\n'
        '[[route]]\ncalled_prefix = "073"\nurl = "http://tenant.example"\n'
    )
    for form in ([], ["--json"]):
        result = translate("-c", config, *form, given=xml())
        assert result.exit_code == 0, result.output
        assert "hunter" not in result.output
        assert "http://tenant.example/ivr/action" in result.stdout
        assert "backend.example" not in result.stdout
    result = translate("-c", config, given=xml(DID="1"))
    assert "Authorization: (not shown)\n" in result.stdout
    assert "note: no backend.url is configured: http://backend.example stands for it\n" in result.stdout


def test_a_faulty_configuration_is_usage_but_a_missing_backend_is_none(tmp_path: Path):
    config = tmp_path / "rpcbridge.toml"
    config.write_text("[backend]\ndeadlin = '4s'\n")
    result = translate("-c", config, given=xml())
    assert result.exit_code == 2
    assert "backend.deadlin: unknown key, did you mean deadline?" in result.stderr
    assert "backend.url" not in result.stderr
    config.write_text("[backend]\nurl = 'ftp://x'\n")
    assert translate("-c", config, given=xml()).exit_code == 2
    assert translate("-c", tmp_path / "none.toml", given=xml()).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (["/no/such/file"], b"", "No such file"),
        (["/tmp"], b"", "Is a directory"),
        (["-", "--answer", "/no/such/file"], b"", "No such file"),
        (["-", "--answer", "-"], b"", "cannot both be standard input"),
        (["--platform", "voicentre"], b"", "'voicentre' is not"),
        (["--dialect", "soap"], b"", "is not one of"),
        (["--raw"], b'{"action": "hangup"}', "choose its dialect"),
        (["--raw"], xml(), "has none without --answer"),
        (["--raw", "--json"], xml(), "exclude each other"),
        (["--did", "1"], xml(), "--did goes with an answer alone"),
        (["--dialect", "json"], xml(), "--dialect goes with an answer alone"),
        (["--as", "answer", "--answer", str(one("action_menu", "backend_response"))], b"{}", "an answer itself"),
    ],
)  # fmt: skip
def test_wrong_usage_is_two(arguments: list[str], given: bytes, message: str):
    result = translate(*arguments, given=given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_platforms_are_the_discovered_ones():
    for name in discovered():
        assert translate("--platform", name, given=b'{"action": "hangup"}').exit_code == 0


def test_nothing_reaches_the_terminal_that_it_might_obey():
    for body in (as_json("M\x1b[2J", data={"a\x9b": "\x1b]0;x\x07"}), b'{"action": "hangup", "\\u001b[2J": 1, "prompt": "\\u009b2J"}'):
        shown = translate(given=body).stdout
        assert not [char for char in shown if char != "\n" and (ord(char) < 32 or 127 <= ord(char) < 160)]


def test_it_is_the_same_every_time_and_needs_no_network():
    case = one("get_ivr_action_xml", "platform_request")
    done = rpcbridge("translate", str(case), RPCBRIDGE_CONFIG=os.devnull)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == translate(case).stdout


def test_the_readme_shows_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    section = (ROOT / "README.md").read_text("utf-8").split("## Translate without a phone\n")[1].split("\n## ")[0]
    answer, command, broken, sound, *_ = re.findall(r"```\w*\n(.*?)```", section, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    arguments = command.split()[2:]
    Path("answer.json").write_text(answer)
    assert translate(*arguments).stdout == broken
    Path("answer.json").write_text(answer.replace("ring_timout", "ring_timeout").replace('"a few"', "2"))
    assert translate(*arguments).stdout == sound


def at_a_terminal(*arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code and what a terminal shows."""
    master, terminal = pty.openpty()
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm", "COLUMNS": "40", **ENVIRONMENT, **variables}
    program = subprocess.Popen(
        [sys.executable, "-m", "rpcbridge", "translate", *arguments], stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(master, 65_536)
        except OSError:  # how a pty says that nobody writes any more
            break
    os.close(master)
    return program.wait(20), shown.decode()


def test_a_terminal_without_input_is_told_the_usage():
    code, shown = at_a_terminal()
    assert code == 2
    assert "Usage: " in shown
    assert "rpcbridge translate request.xml --answer answer.json" in shown


def test_a_terminal_gets_colours_unless_told_not_to():
    answer = str(ROOT / "fixtures/voicenter/action_hangup/backend_response.json")
    assert "\x1b[" in at_a_terminal(answer)[1]
    code, shown = at_a_terminal(answer, NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in shown
    assert "# Reply in xmlrpc, laid out for reading\r\n" in shown
    assert '  <member><name>STATUS</name><value><int>0</int></value></member>\r\n' in shown, "a line is a line, whatever the width"


NEW_CALL = ROOT / "fixtures" / "mediaservice" / "new_call_menu"


def test_a_callback_of_a_call_that_the_bridge_carries_on():
    request, answer = NEW_CALL / "platform_request.json", NEW_CALL / "backend_response.json"
    found = translate(request, "--answer", answer, "--platform", "mediaservice")
    assert found.exit_code == 0, found.output
    assert "# newCall (question) in rest, called number 0730001122" in found.stdout
    assert "# Reply in rest, to the getIvrCommand that follows, laid out for reading" in found.stdout
    raw = translate(request, "--answer", answer, "--platform", "mediaservice", "--callback", "newCall", "--raw")
    assert json.loads(raw.stdout)["action"] == "ivr"
    replies = said(request, "--answer", answer, "--platform", "mediaservice")["replies"]
    assert [reply.get("about") for reply in replies] == [None, "to the getIvrCommand that follows"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--callback", "newCall"], "a request of voicenter names its method itself"),
        (["--platform", "mediaservice", "--callback", "new_call"], "mediaservice has no new_call, but newCall"),
        (["--platform", "mediaservice", "--as", "answer", "--dialect", "xmlrpc"], "mediaservice speaks rest"),
    ],
)
def test_what_a_platform_does_not_speak_is_wrong_usage(arguments: list[str], why: str):
    found = translate("-", *arguments, given=b"{}")
    assert (found.exit_code, why in " ".join(found.output.split())) == (2, True), found.output
