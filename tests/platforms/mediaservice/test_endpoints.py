"""The operations' fields: what is taken, put right, and refused before anything is sent; how their paths are found."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rpcbridge.platforms.mediaservice.endpoints import ENDPOINTS, checked, found
from rpcbridge.platforms.operations import NoSuchOperation, UnusableRequest, WrongMethod
from tests.support.bridge import ROOT
from tests.support.mediaservice import valid_request

DOCUMENT = (ROOT / "docs" / "mediaservice.md").read_text("utf-8")

CRYPTO = [{"suite": "AES_CM_128_HMAC_SHA1_80", "id": 1, "config": "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"}]
WHOLE: dict[str, dict[str, Any]] = {
    "placeivrcall": {
        "sipFrom": "0730000000", "xHeaders": {"x-a": "1", "X-B": ["2", "3"]}, "sessionReferenceId": {"rb": "k"}, "sipDiversion": "123456",
        "displayName": "Shop", "callerPrivacy": False, "contactParameters": {"a": "b"}, "sipDiversionParameters": {"reason": "no-answer"},
        "pHeaders": {"p-asserted-identity": "sip:a@b"}, "contactUserParameters": {"c": "d"}, "destAddr": "sip:0540000000@trunk.example",
        "mediaserviceId": "m", "maxRingTime": 12.5,
    },
    "placeremotecall": {
        "codec": "GSM", "sessionReferenceId": "20000", "destinationUri": "sip:user@domain.example", "telephoneEventPayloadType": 101,
        "sourceUser": "1234567", "receivePort": 20000, "receiveIp": "192.0.2.12", "crypto": CRYPTO, "callbackBaseUrl": "https://ivr.example.com/cb",
    },
    "promptfile.move": {"bucketRegion": "eu-north-1", "bucketName": "b", "kmsKey": "k", "objectKey": "o/p", "type": "s3"},
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_right_goes_as_it_came(name: str):
    assert set(WHOLE[name]) == set(ENDPOINTS[name].schema.fields)
    assert ENDPOINTS[name].load(WHOLE[name]) == WHOLE[name]
    valid_request(ENDPOINTS[name].target("a"), "POST", WHOLE[name])


def test_what_is_meant_is_put_right():
    given = {"destAddr": " sip:a@b ", "sipFrom": 730000000, "maxRingTime": "30", "callerPrivacy": "true", "displayName": None}
    assert ENDPOINTS["placeivrcall"].load(given) == {"destAddr": "sip:a@b", "sipFrom": "730000000", "maxRingTime": 30, "callerPrivacy": True}
    assert ENDPOINTS["answerremotecall"].load({"replyId": "r", "codec": "pcma"}) == {"replyId": "r", "codec": "PCMA"}


def problems(name: str, given: object) -> dict[str, str]:
    with pytest.raises(UnusableRequest) as caught:
        ENDPOINTS[name].load(given)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_every_problem_is_named_at_once():
    found = problems("placeivrcall", {
        "destAdr": "x", "maxRingTime": "soon", "sessionReferenceId": "k", "callerPrivacy": "maybe",
        "xHeaders": {"x-a": "b\r\nVia: c", "y": "1", "x-b c": "1"}, "sipDiversionParameters": {"reason": "a;b=c"}, "pHeaders": [],
    })  # fmt: skip
    assert found == {
        "destAdr": "unknown key, did you mean destAddr?",
        "destAddr": "missing, and required",
        "maxRingTime": 'expected a number above 0, at most 86400, got "soon"',
        "sessionReferenceId": 'expected an object, got "k"',
        "callerPrivacy": 'expected true or false, got "maybe"',
        "xHeaders.x-a": 'expected a text on one line, got "b\\r\\nVia: c"',
        "xHeaders.y": "expected a header that begins with x-",
        "xHeaders.x-b c": "cannot be a name: expected letters, digits and -",
        "sipDiversionParameters.reason": 'expected a text without < > ;, got "a;b=c"',
        "pHeaders": 'expected an object of headers such as {"p-name": "text"}, of at most 50, got an array',
    }


@pytest.mark.parametrize(
    ("name", "given", "path", "said"),
    [
        ("placeivrcall", {"destAddr": "0540000000"}, "destAddr", 'expected a SIP URI such as "sip:0501234567@trunk.example", got "0540000000"'),
        ("placeivrcall", {"destAddr": "sip:a@b\r\nX: y"}, "destAddr", "expected a SIP URI"),
        ("placeivrcall", {"destAddr": "sip:a@b", "maxRingTime": float("inf")}, "maxRingTime", "expected a number"),
        ("placeivrcall", {"destAddr": "sip:a@b", "xHeaders": {"x-a": [["b"]]}}, "xHeaders.x-a", "expected a text, got an array"),
        ("placeivrcall", {"destAddr": "sip:a@b", "xHeaders": {f"x-{n}": "" for n in range(51)}}, "xHeaders", "of at most 50"),
        ("placeivrcall", {"destAddr": "sip:a@b", "xHeaders": {"x-a": [""] * 51}}, "xHeaders.x-a", "at most 50 values"),
        ("splitconnection", {"replyId": "r"}, "connectionId", "missing, and required"),
        ("splitconnection", {"replyId": {}, "connectionId": "c"}, "replyId", "expected an id as a callback gave it, got an object"),
        ("splitconnection", [], "body", "expected an object"),
        ("splitconnection", None, "body", "expected an object"),
        ("answerremotecall", {"replyId": "r", "codec": "GSM"}, "codec", 'expected one of PCMA, PCMU, got "GSM"'),
        ("answerremotecall", {"replyId": "r", "receiveIp": "localhost"}, "receiveIp", "expected an IP address"),
        ("answerremotecall", {"replyId": "r", "receivePort": 65_536}, "receivePort", "expected 1 to 65535"),
        ("answerremotecall", {"replyId": "r", "crypto": [{"suite": "s", "id": 1}]}, "crypto.0.config", "missing, and required"),
        ("answerremotecall", {"replyId": "r", "crypto": CRYPTO * 21}, "crypto", "at most 20 objects"),
        ("placeremotecall", {"destinationUri": "sip:a@b", "callbackBaseUrl": "ftp://a"}, "callbackBaseUrl", "expected a URL"),
        ("promptfile.move", {"bucketRegion": "r", "bucketName": "b", "type": "gcs"}, "type", 'expected one of s3, got "gcs"'),
        ("promptfile", {"nxt": "a"}, "nxt", "did you mean next?"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_names_the_field_the_value_and_the_fix(name: str, given: object, path: str, said: str):
    assert said in problems(name, given)[path]


@pytest.mark.parametrize("name", ["answerremotecall", "placeremotecall", "sendremotecallringback", "hangupcall"])
def test_remote_calls_go_to_the_twin_that_takes_our_token(name: str):
    for path in (name, f"{name}jwt"):
        assert found("POST", [path]) == (path, "")
        assert ENDPOINTS[path].target() == f"{name}jwt"


@pytest.mark.parametrize(
    ("method", "path", "name", "target"),
    [
        ("GET", "promptfile", "promptfile", "promptfile"),
        ("PUT", "promptfile/a b.wav", "promptfile.upload", "promptfile/a%20b.wav"),
        ("GET", "promptfile/url", "promptfile.download", "promptfile/url"),
        ("GET", "promptfile/url/url", "promptfile.url", "promptfile/url/url"),
        ("DELETE", "promptfile/%2e%2e", "promptfile.delete", "promptfile/%252e%252e"),
        ("POST", "promptfile/a?b#c/move", "promptfile.move", "promptfile/a%3Fb%23c/move"),
        ("GET", "promptfile/שלום.wav/url", "promptfile.url", "promptfile/%D7%A9%D7%9C%D7%95%D7%9D.wav/url"),
    ],
)
def test_a_path_is_found_and_sent_encoded(method: str, path: str, name: str, target: str):
    operation, file = found(method, path.split("/"))
    assert operation == name
    assert ENDPOINTS[operation].target(file) == target


def test_other_paths_and_methods():
    for path in ("", "placeivrcalls", "placeivrcall/x", "promptfile/a/b", "promptfile/a/url/x", "../placeivrcall"):
        with pytest.raises(NoSuchOperation, match="known: placeivrcall, "):
            found("POST", path.split("/"))
    with pytest.raises(WrongMethod) as caught:
        found("PATCH", ["promptfile", "a"])
    assert caught.value.allowed == ("PUT", "GET", "DELETE")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\x00", "a\nb", "\u202eabc", "א" * 128, "\ud800"])
def test_a_file_s_name_leads_nowhere_else(name: str):
    with pytest.raises(UnusableRequest, match="filename: expected a file's name"):
        checked(name)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_our_document_names_its_path_its_method_and_every_field(name: str):
    endpoint = ENDPOINTS[name]
    path = endpoint.path if endpoint.sent_as != endpoint.path else endpoint.path.removesuffix("jwt")
    (row,) = re.findall(rf"^\| `{re.escape(path)}` \| {endpoint.method} \|(.*)\|$", DOCUMENT, re.MULTILINE)
    for field in endpoint.schema.fields.values():
        assert re.search(rf"\b{field.name}\b", row)
        assert bool(field.required) == (f"**{field.name}**" in row)
