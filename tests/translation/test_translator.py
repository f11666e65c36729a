"""Translating is what the bridge does, without the wires: fixtures, faults with their lines, and the bridge itself as judge."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rpcbridge.codec import DIALECTS, laid_out
from rpcbridge.translation import NOT_SHOWN, Translation, Translator, recognized
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import as_json, xml
from tests.support.translating import translator
from tests.web.test_fixtures import CASES, SEVERAL, one, payload

ANSWERS = [case for case in CASES if json.loads(payload(case, "backend_response"))]
REPORTS = [case for case in CASES if case not in ANSWERS]
ALONE = [case for case in ANSWERS if not case.endswith("_jsonrpc")]  # an answer alone does not tell JSON-RPC's id
CONFIGURATION = """
[backend]
url = "{url}"
[fallback]
action = "call"
target = "0501234567"
[[route]]
called_number = "0731111111"
fallback = {{ action = "hangup", prompt = "closed" }}
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return translator(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("case", CASES)
def test_a_fixture_from_request_to_reply(plain: Translator, case: str):
    found = plain.exchange(payload(case, "platform_request"), payload(case, "backend_response"))
    expected = json.loads(payload(case, "backend_request"))
    assert found.problems == ()
    assert found.event == json.loads(payload(case, "event"))
    sent = found.backend_request
    assert (sent.method, sent.url) == (expected["method"], f"http://backend.example{expected['path']}")
    of_an_attempt = ("Rpcbridge-Attempt", "Rpcbridge-Deadline-Ms")
    assert {k: v for k, v in expected["headers"].items() if k not in of_an_attempt}.items() <= dict(sent.headers).items()
    assert json.loads(sent.body) == found.event
    assert [reply.body for reply in found.replies] == [payload(case, "platform_response")]
    assert found.outcome == ("stored" if case in REPORTS else "answered")


@pytest.mark.parametrize("case", CASES)
def test_the_shape_tells_a_request_from_an_answer(plain: Translator, case: str):
    assert recognized(payload(case, "platform_request"), plain.platform) == "request"
    for text in one(case, "platform_request").parent.glob("as_printed.*"):
        if not case.startswith("reply_"):
            assert recognized(text.read_bytes(), plain.platform) == "request"
    if case in ANSWERS:
        assert recognized(payload(case, "backend_response"), plain.platform) == "answer"


@pytest.mark.parametrize("case", ALONE)
def test_an_answer_alone_becomes_a_reply_in_every_dialect(plain: Translator, case: str):
    number = json.loads(payload(case, "event"))["called_number"]
    found = plain.answer(payload(case, "backend_response"), number, list(DIALECTS))
    assert [reply.dialect for reply in found.replies] == list(DIALECTS)
    assert payload(case, "platform_response") in [reply.body for reply in found.replies]


@pytest.mark.parametrize("case", ANSWERS)
def test_a_reply_laid_out_says_the_same(plain: Translator, case: str):
    for reply in plain.answer(payload(case, "backend_response"), None, list(DIALECTS)).replies:
        shown = laid_out(reply.body.decode())
        assert "\n  " in shown
        if reply.body.startswith(b"<"):
            assert _texts(shown.encode()) == _texts(reply.body)
            assert "".join(line.strip() for line in shown.split("\n")) == reply.body.decode()
        else:
            assert json.loads(shown) == json.loads(reply.body)


def _texts(body: bytes) -> list[tuple[str, str]]:
    return [(element.tag, (element.text or "").strip()) for element in ElementTree.fromstring(body).iter()]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory):
    """A real bridge with a real backend, and a translator of the same configuration."""
    folder = tmp_path_factory.mktemp("judge")
    with backends.running(backends.reply({})) as backend:
        toml = CONFIGURATION.format(url=backend.url)
        with bridges.running(folder, toml) as bridge:
            yield bridge, backend, translator(folder, toml)


BROKEN_ANSWERS = [
    b"", b"null", b"[]", b"{}", b"<html>", b"{", b'{"action": NaN}', b"\xff\xfe\xff", b'{"action": "menu"}', b"[" * 50_000, b" " * 300_000,
    b'{"action": "menu", "menu": "m", "prompt": {"text": "hi"}}', b'{"action": "call", "target": "1", "after_call": "ask"}',
    b'{"native": {"ACTION": "MENUE"}}', b'{"native": {"ACTION": "HANGUP"}, "x": 1}', b'{"ACTION": "VO", "DATA": {"LAYER": "x"}}',
    b'{"ACTION": "CALL", "DATA": {"TARGET": "1"}, "state": 5}', b'{"action": "hangup", "action": "record"}',
    '{"action": "hangup", "prompt": "שלום"}'.encode("windows-1255"),
]  # fmt: skip


@pytest.mark.parametrize("answer", BROKEN_ANSWERS, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("did", ["0730000000", "0731111111"])
def test_an_odd_answer_gets_the_bridges_own_reply(judge, answer: bytes, did: str):
    bridge, backend, same = judge
    backend.behave = backends.reply(answer)
    request = xml(DID=did, DTMF=str(len(answer)))
    found = same.exchange(request, answer)
    assert [reply.body for reply in found.replies] == [bridge.post(request).body]
    assert bool(found.problems) == (found.outcome == "fallback")
    assert {problem.text for problem in found.problems} <= {"answer"}


BROKEN_REQUESTS = [
    b"", b"x", b"\x00\xff" * 50, b"<", b"<html>", b"<?xml version='1.0' encoding='klingon'?><methodCall/>", b"[]", b"{", b'{"jsonrpc": "2.0"}',
    b'{"jsonrpc": "2.0", "method": "GET_IVR_ACTION", "params": [1], "id": 1.0}', b'{"jsonrpc": "2.0", "method": "GET_IVR_ACTION"}',
    b'{"jsonrpc": "2.0", "method": "HANGUP_CALL", "params": 5, "id": "a"}', b'{"jsonrpc": "2.0", "method": "X", "id": 15616841651}',
    b'[{"METHOD": "HANGUP_CALL"}]', b'{"jsonrpc": "2.0", "method": "' + b"x" * 300_000, xml("system.listMethods", {}),
    as_json("system.methodHelp", "X"), b'{"jsonrpc": "2.0", "method": "system.methodSignature", "params": ["HANGUP_CALL"], "id": 1}',
    xml("GET_IVR_ACTIO"), as_json("HANGUP"), xml(MENU=[1]), as_json(MENU={}), as_json("HANGUP_CALL", data=[1]), as_json(data=[]),
    xml()[:-40], b'{"METHOD": "GET_IVR_ACTION", "DATA": ' + b"[" * 40 + b"]" * 40 + b"}", xml(X="x" * 300_000),
    b'{"METHOD": "GET_IVR_ACTION", "DATA": {"X": "' + b"x" * 300_000 + b'"}}', as_json(DID=" 0731111111 ", DTMF=["1"]),
]  # fmt: skip


@pytest.mark.parametrize("request_", BROKEN_REQUESTS, ids=lambda body: repr(body[:30]))
def test_an_odd_request_gets_the_bridges_own_reply(judge, request_: bytes):
    bridge, backend, same = judge
    backend.behave = backends.reply({"action": "record"})
    found = same.exchange(request_, b'{"action": "record"}')
    assert [reply.body for reply in found.replies] == [bridge.post(request_).body]


def test_a_notification_without_an_id_gets_no_reply(plain: Translator):
    found = plain.exchange(b'{"jsonrpc": "2.0", "method": "HANGUP_CALL", "params": {"DID": "1"}}')
    assert (found.outcome, found.replies, [remark.kind for remark in found.remarks]) == ("stored", (), ["no_reply"])
    assert found.backend_request is not None


@pytest.mark.parametrize("case", SEVERAL)
def test_several_calls_are_to_be_translated_one_by_one(plain: Translator, case: str):
    found = plain.exchange(payload(case, "platform_request"))
    assert (found.replies, found.event, found.backend_request) == ((), None, None)
    assert "translate one of them" in found.problems[0].message


def test_a_value_that_cannot_stand_in_a_path_gets_the_fallback(tmp_path: Path):
    found = translator(tmp_path, "[backend]\nurl = 'http://x'\naction_path = '/{called_number}'\n").exchange(xml(DID=".."))
    assert (found.outcome, found.reason, found.backend_request) == ("fallback", "unsafe_path", None)
    assert found.event["called_number"] == ".."


def test_the_called_number_chooses_the_backend_and_a_forms_body_is_written(tmp_path: Path):
    toml = "[backend]\nurl = 'http://x'\nencoding = 'form'\n[[route]]\ncalled_prefix = '073'\nurl = 'http://y/base'\n"
    sent = translator(tmp_path, toml).exchange(xml()).backend_request
    assert sent.url == "http://y/base/ivr/action"
    assert sent.body.startswith(b"event=action_requested&event_id=01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC&")
    assert dict(sent.headers)["Content-Type"] == "application/x-www-form-urlencoded"


def test_the_platforms_own_fields_go_along_where_configured(tmp_path: Path):
    found = translator(tmp_path, "[backend]\nurl = 'http://x'\ninclude_raw = true\n").exchange(xml(FOO="bar"))
    assert found.event["raw"]["FOO"] == "bar"


def test_a_call_is_taken_for_fresh_where_its_state_is_kept(tmp_path: Path):
    for toml, turn, keeps in (("", 1, True), ("keep_state = false\n", None, False)):
        same = translator(tmp_path, f"[backend]\nurl = 'http://x'\n{toml}")
        question, report = same.exchange(xml(DTMF="1", MENU="main")).event, same.exchange(xml("HANGUP_CALL")).event
        assert (question.get("turn"), "state" in question, "state" in report) == (turn, keeps, keeps)
        assert (question.get("state"), report.get("state")) == (None, None)


def test_no_secret_is_in_a_translation(tmp_path: Path):
    toml = '[backend]\nurl = "http://x"\nauth = "basic user:hunter2hunter2"\nheaders = { X-Key = "hunter3", x-other = "hunter4" }\n'
    found = translator(tmp_path, toml).exchange(xml(), b"{}")
    headers = dict(found.backend_request.headers)
    assert (headers["Authorization"], headers["X-Key"], headers["x-other"]) == (NOT_SHOWN, NOT_SHOWN, NOT_SHOWN)
    assert headers["Accept"] == "application/json"
    for secret in ("hunter", "dXNlcjpo"):
        assert secret not in repr(found)


ANSWER = b"""{
  "action": "call", "target": 972501234567,
  "record": "maybe",
  "lops": 1,
  "on_failure": {
    "menu": "m",
    "loops": 100
  },
  "dial_strings": ["a",
    {}]
}"""


def places_of(found: Translation) -> dict[str, int | None]:
    return {problem.path: problem.line for problem in found.problems}


def test_every_problem_of_an_answer_has_its_line(plain: Translator):
    found = plain.answer(ANSWER, None, ["json"])
    assert places_of(found) == {
        "record": 3, "lops": 4, "on_failure.loops": 7, "on_failure.prompt": None, "dial_strings.1": 10,
    }  # fmt: skip
    assert {problem.kind for problem in found.problems} == {"invalid_answer"}


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (b'{"native": {\n"ACTION": "VO",\n"DATA": {"LAYER": "x",\n"X": 1}}, "y": 1}', {
            "native.DATA.LAYER": 3, "native.DATA.X": 4, "native.DATA.RECORD": None, "native.DATA.LOOP": None,
            "native.DATA.DELAY": None, "y": 4,
        }),
        (b'{"ACTION":\n"MENUE"}', {"ACTION": 1}),
        (b'{"action": "menu",\n"menu": "m", "prompt":\n{"text": "hi"}}', {"prompt.text": 3}),
        (b'\n{"action": "menue"}', {"action": 2}),
        (b'\n{"aktion": "menu", "native": 1}', {"native": 2, "aktion": 2}),
    ],
)  # fmt: skip
def test_native_answers_and_prompts_too(plain: Translator, answer: bytes, lines: dict):
    assert places_of(plain.answer(answer, None, ["xmlrpc"])) == lines


def test_a_repair_has_its_line_and_is_counted_once_for_all_dialects(plain: Translator):
    found = plain.answer(b'{"action": "menu", "menu": "m", "prompt": "p",\n"loops": "2",\n"finish_key": "#"}', None, ["xmlrpc", "json"])
    assert [(repair.kind, repair.path, repair.line) for repair in found.repairs] == [("type", "loops", 2), ("dropped", "finish_key", 3)]


def test_a_repeated_key_is_remarked(plain: Translator):
    found = plain.answer(b'{"action": "hangup",\n"action": "record"}', None, ["json"])
    (remark,) = found.remarks
    assert (remark.path, remark.line, remark.message) == ("action", 2, "stands on line 1 too; the last one counts")
    assert found.answer["action"] == "record"


def test_a_json_fault_has_line_and_column(plain: Translator):
    (problem,) = plain.answer(b'{"action": "hangup",\n "prompt": }', None, ["json"]).problems
    assert (problem.kind, problem.line, problem.column) == ("not_json", 2, 12)


def test_a_broken_request_has_the_codecs_line(plain: Translator):
    (problem,) = plain.exchange(b"<methodCall>\n<methodName>x</methodName>\n<foo/></methodCall>").problems
    assert (problem.line, problem.message) == (3, "<foo> is no element of XML-RPC")
    (problem,) = plain.exchange(as_json(MENU={}).replace(b'"MENU"', b'\n"MENU"')).problems
    assert (problem.path, problem.line) == ("DATA.MENU", 2)


def test_what_was_read_of_a_method_nobody_knows_is_shown(plain: Translator):
    found = plain.exchange(as_json("GET_IVR_ACTIO"))
    assert (found.request.method, found.request.kind, found.outcome) == ("GET_IVR_ACTIO", "", "refused")
    assert found.request.params[0]["DID"] == "0730000000"


def test_an_answer_to_a_notification_is_not_read(plain: Translator):
    found = plain.exchange(xml("HANGUP_CALL"), b"<html>")
    assert (found.outcome, found.problems) == ("stored", ())
    assert [remark.kind for remark in found.remarks] == ["ignored"]


def test_the_called_number_stands_in_for_a_caller_number(plain: Translator):
    (reply,) = plain.answer(b'{"action": "call", "target": "1"}', "0739999999", ["json"]).replies
    assert json.loads(reply.body)["DATA"]["CALLERID"] == "0739999999"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<html>", "request"), (b"  <?xml version='1.0'?><methodCall>", "request"), (b'{"METHOD": 1}', "request"),
        (b'{METHOD: "x"', "request"), (b'{"jsonrpc": "2.0", "method": "x"}', "request"), (b'[{"jsonrpc": "2.0"}]', "request"),
        ('{"METHOD": "x"}'.encode("utf-16"), "request"),
        (b'{"action": 1}', "answer"), (b'{"native": {}}', "answer"), (b'{"ACTION": "MENU"}', "answer"), (b'{"action": }', "answer"),
        (b'{"action": "menu", "state": {"method": 1}, }', "answer"), (b'\xef\xbb\xbf{"action": 1}', "answer"), (b"{", "answer"),
        (b"", "it is empty"), (b" \n", "it is empty"), (b"[]", "it is an array"), (b"{}", "it is an empty object"),
        (b'{"acton": 1}', "its keys are acton"), (b"\x80\x81\x82", "it begins with "), (b'"menu"', "it begins with "),
    ],
)  # fmt: skip
def test_shapes(plain: Translator, body: bytes, expected: str):
    assert recognized(body, plain.platform).startswith(expected)
