"""The judge of replies is judged: it takes the good ones and refuses every single fault."""

from __future__ import annotations

import copy
import json
import xmlrpc.client
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.profile import check_reply

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
MENU = {"REC": "r", "LOOP": 2, "DELAY": 1, "SIZE": 4, "MENU": "m", "VALIDATION": 1}
CALL = {"TARGET": "054", "CALLERID": "", "CALLERNAME": "דוד", "CALL_MAX_DIAL": 35, "CALL_MAX": 600, "REC_STATUS": 1}
DATA = {
    "MENU": MENU,
    "CALL": CALL
    | {"NEXT_MENU": "n", "NEXT_MENU_LOOP": 3, "NEXT_MENU_WAIT": 1, "NEXT_MENU_SIZE": 4, "DIALSTRINGS": ["SIP/1@a"]},
    "HANGUP": {"HANGUP_REC": "blank", "HANGUP_CAUSE": 16},
    "SAYDIGITS": MENU | {"SAYDIGITSRECORD": "blank", "DIGITS": "054"},
    "VO": {"LAYER": 3, "RECORD": "r", "LOOP": 1, "DELAY": 0},
    "SILENTRECORD": {},
}
ACK = {"STATUS": 0}
CONTENT_TYPE = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}


def reply(action: str = "MENU", **data: object) -> dict[str, Any]:
    return {"STATUS": 0, "ACTION": action, "LANGUAGE": "he", "DATA": copy.deepcopy(DATA[action]) | data}


def xml(value: object) -> str:
    written = xmlrpc.client.dumps((value,), methodresponse=True, encoding="utf-8")
    return HEAD + written[written.index("<methodResponse>") :].replace("\n", "")


def judged(body: str | bytes, form: str, status: int = 200, sampled: bool = False, **headers: str | None) -> object:
    raw = body.encode() if isinstance(body, str) else body
    given = {"content-type": CONTENT_TYPE[form], "content-length": str(len(raw))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return check_reply(status, {name: value for name, value in given.items() if value is not None}, raw, sampled=sampled)


def refused(message: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises(AssertionError, match=message):
        judged(*arguments, **options)


@pytest.mark.parametrize("value", [ACK, {"STATUS": 1}, *map(reply, DATA)], ids=str)
def test_good_replies_pass_in_both_dialects(value: dict):
    assert judged(xml(value), "xml") == value
    assert judged(json.dumps(value, ensure_ascii=False), "json") == value


def test_faults_pass_in_both_dialects():
    fault = {"faultCode": -32601, "faultString": "no such method"}
    value = (
        xml(fault).removeprefix(HEAD + "<methodResponse><params><param>").removesuffix("</param></params></methodResponse>")
    )
    assert judged(f"{HEAD}<methodResponse><fault>{value}</fault></methodResponse>", "xml") == fault
    error = {"STATUS": 1, "ERROR": {"code": -32601, "message": "no such method"}}
    assert judged(json.dumps(error), "json") == error


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        ("status 201", {"status": 201}),
        ("status 500", {"status": 500}),
        ("Content-Type is text/html", {"content_type": "text/html; charset=utf-8"}),
        ("Content-Type is text/xml$", {"content_type": "text/xml"}),
        ("Content-Type is none", {"content_type": None}),
        ("Content-Length is missing", {"content_length": None}),
        ("Content-Length is 7", {"content_length": "7"}),
        ("content-encoding", {"content_encoding": "gzip"}),
        ("location", {"location": "/"}),
        ("transfer-encoding", {"transfer_encoding": "chunked"}),
    ],
)
def test_what_breaks_clients_in_the_http_reply_is_refused(message: str, changes: dict):
    refused(message, xml(ACK), "xml", **changes)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("begins with", lambda body: "\n" + body),
        ("begins with", lambda body: "\ufeff" + body),
        ("begins with", lambda body: body.removeprefix(HEAD)),
        ("begins with", lambda body: body.replace('"1.0"', "'1.0'")),
        ("begins with", lambda body: body.replace("utf-8", "UTF-8")),
        ("well-formed", lambda body: body.replace("</methodResponse>", "</methodCall>")),
        ("well-formed", lambda body: body.replace("he<", "&#1;<")),
        ("well-formed", lambda body: body + body),
        ("DOCTYPE", lambda body: body.replace(HEAD, HEAD + "<!DOCTYPE methodResponse>")),
        ("comment", lambda body: body + "<!-- -->"),
        ("processing instruction", lambda body: body.replace("<params>", "<?x?><params>")),
        ("CDATA", lambda body: body.replace("he<", "<![CDATA[he]]><")),
        ("attributes", lambda body: body.replace("<struct>", '<struct a="b">', 1)),
        ("i8", lambda body: body.replace("int>", "i8>")),
        ("i4", lambda body: body.replace("int>", "i4>")),
        ("nil", lambda body: body.replace("<string>he</string>", "<nil/>")),
        ("boolean", lambda body: body.replace("<int>1</int>", "<boolean>1</boolean>")),
        ("holds text", lambda body: body.replace("<string>he</string>", "he")),
        ("holds 0 elements", lambda body: body.replace("<string>he</string>", "")),
        ("32 bits", lambda body: body.replace("<int>4<", "<int>2147483648<")),
        ("plain integer", lambda body: body.replace("<int>4<", "<int>+4<")),
        ("plain integer", lambda body: body.replace("<int>4<", "<int> 4<")),
        ("twice: ACTION", lambda body: body.replace("LANGUAGE", "ACTION")),
        ("not 1", lambda body: body.replace("</params>", "<param><value><string/></value></param></params>")),
        ("methodCall", lambda body: body.replace("methodResponse", "methodCall")),
    ],
)  # fmt: skip
def test_what_breaks_clients_in_the_xml_is_refused(message: str, change: Callable[[str], str]):
    body = change(xml(reply()))
    assert body != xml(reply())
    refused(message, body, "xml")


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("begins with", "\ufeff{}"),
        ("begins with", "[]"),
        ("not JSON", "{STATUS: 0}"),
        ("not JSON", '{"STATUS": 0,}'),
        ("twice: STATUS", '{"STATUS": 0, "STATUS": 0}'),
        ("no JSON value", '{"STATUS": NaN}'),
        ("0.0 is not", '{"STATUS": 0.0}'),
        ("True is not", '{"STATUS": true}'),
        ("32 bits", '{"STATUS": 0, "X": 2147483648}'),
        ("XML could not carry", '{"STATUS": 0, "X": "\\u0001"}'),
        ("not 0 or 1", '{"STATUS": "0"}'),
        ("not 0 or 1", "{}"),
        ("error reply", '{"STATUS": 0, "ERROR": {"code": 1, "message": ""}}'),
        ("ERROR holds", '{"STATUS": 1, "ERROR": {"code": "1", "message": ""}}'),
    ],
)
def test_what_breaks_clients_in_the_json_is_refused(message: str, body: str):
    refused(message, body, "json")


def test_bytes_that_are_not_utf_8_are_refused():
    refused("not JSON in UTF-8", b'{"STATUS": "\xf9"}', "json")
    refused("well-formed", xml(reply(MENU="ש")).encode().replace("ש".encode(), b"\xf9"), "xml")


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("members are", {"STATUS": 0, "ACTION": "MENU"}),
        ("members are", {"STATUS": 0, "EXTRA": 1}),
        ("not 0 or 1", reply() | {"STATUS": 2}),
        ("not 0 or 1", reply() | {"STATUS": "0"}),
        ("ACTION is 'DANCE'", reply() | {"ACTION": "DANCE"}),
        ("ACTION is ' MENU'", reply() | {"ACTION": " MENU"}),
        ("not he or en", reply() | {"LANGUAGE": "fr"}),
        ("no struct", reply() | {"DATA": []}),
        ("CALL_MAX is '600', documented as int", reply("CALL", CALL_MAX="600")),
        ("REC_STATUS is '1', documented as int", reply("CALL", REC_STATUS="1")),
        ("REC_STATUS is 2", reply("CALL", REC_STATUS=2)),
        ("TARGET is 54, documented as str", reply("CALL", TARGET=54)),
        ("DIALSTRINGS is 'SIP', documented as list", reply("CALL", DIALSTRINGS="SIP")),
        ("not only texts", reply("CALL", DIALSTRINGS=[1])),
        ("DIGITS is 547, documented as str", reply("SAYDIGITS", DIGITS=547)),
        ("without a digit", reply("SAYDIGITS", DIGITS="*")),
        ("VALIDATION is 2", reply(VALIDATION=2)),
        ("LOOP is -1", reply(LOOP=-1)),
        ("HANGUP has no member REC", reply("HANGUP", REC="x")),
    ],
)
def test_what_breaks_the_document_s_tables_is_refused(message: str, value: dict, form: str):
    refused(message, xml(value) if form == "xml" else json.dumps(value), form)


@pytest.mark.parametrize(
    ("action", "name"), [(action, name) for action in ("MENU", "SAYDIGITS", "VO") for name in DATA[action]]
)
def test_every_mandatory_member_is_missed(action: str, name: str):
    value = reply(action)
    del value["DATA"][name]
    refused(f"{action} lacks the mandatory {name}", xml(value), "xml")


@pytest.mark.parametrize("name", CALL)
def test_every_mandatory_member_of_a_call_is_missed(name: str):
    value = reply("CALL")
    del value["DATA"][name]
    refused(f"CALL lacks the mandatory {name}", json.dumps(value), "json")


def test_the_types_of_the_document_s_samples_pass_only_when_asked_for():
    as_xml = xml(reply("CALL", REC_STATUS="1", NEXT_MENU_LOOP="3", NEXT_MENU_WAIT="1", NEXT_MENU_SIZE="4"))
    as_json = json.dumps(reply("CALL", CALL_MAX_DIAL="25", CALL_MAX="3200", REC_STATUS="0"))
    for body, form in ((as_xml, "xml"), (as_json, "json")):
        judged(body, form, sampled=True)
        refused("documented as int", body, form)
    refused("REC_STATUS is sampled", xml(reply("CALL")), "xml", sampled=True)
