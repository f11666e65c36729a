"""HTTP archives, judged by the schema of npm's har-schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from rpcbridge.inspector.har import archive
from tests.support.bridge import ROOT
from tests.support.documents import question, unanswered

SCHEMAS = ROOT / "tests" / "judges" / "node_modules" / "har-schema" / "lib"
judged = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="npm is missing, or `make test` was not used")


def valid(archived: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of an archive, once the schema has nothing against it."""
    schemas = [json.loads(file.read_text("utf-8")) for file in SCHEMAS.glob("*.json")]
    registry = Registry().with_resources((schema["$id"].removesuffix("#"), Resource.from_contents(schema)) for schema in schemas)
    jsonschema.Draft6Validator({"$ref": "har.json"}, registry=registry, format_checker=jsonschema.FormatChecker()).validate(archived)
    return archived["log"]["entries"]


@judged
def test_an_answered_question_is_two_entries():
    outer, inner = valid(archive([question()], "http://127.0.0.1:8080", "0.1.0"))
    assert (outer["request"]["method"], outer["request"]["url"]) == ("POST", "http://127.0.0.1:8080/voicenter")
    assert outer["request"]["postData"] == {"mimeType": "text/xml; charset=utf-8", "text": "<methodCall/>"}
    assert (outer["startedDateTime"], outer["time"], outer["timings"]["wait"]) == ("2026-11-20T21:27:03.123Z", 12.5, 12.5)
    assert (outer["response"]["status"], outer["response"]["content"]["text"]) == (200, "<methodResponse/>")
    assert (inner["startedDateTime"], inner["time"]) == ("2026-11-20T21:27:03.125Z", 8.5)
    assert json.loads(inner["response"]["content"]["text"]) == {"action": "menu", "menu": "main", "prompt": "welcome"}
    assert inner["comment"] == "attempt 1 at the backend"
    assert outer["_exchange"] == inner["_exchange"]


@judged
def test_what_is_masked_is_said():
    archived = archive([question()], "http://b", "0.1.0", {"voicenter": True})
    outer, inner = valid(archived)
    assert outer["request"]["url"] == "http://b/voicenter/SECRET"
    assert outer["request"]["comment"] == "masked when it was recorded: caller_number, caller_name, called_number"
    masked = [header["name"] for header in inner["request"]["headers"] if header.get("comment")]
    assert masked == ["X-Tenant", "Authorization", "webhook-signature"]
    assert "masked when the call was recorded" in archived["log"]["comment"]


@judged
def test_an_attempt_that_failed_has_status_0_and_says_why():
    outer, *attempts = valid(archive([unanswered()], "http://b", "0.1.0"))
    assert outer["comment"] == "GET_IVR_ACTION fallback (refused)"
    assert [(one["response"]["status"], one["response"]["_error"]) for one in attempts] == [(0, "refused: Failed to connect")] * 2
    assert [one["startedDateTime"] for one in attempts] == ["2026-11-20T21:27:03.124Z", "2026-11-20T21:27:03.174Z"]


@judged
def test_of_several_attempts_the_last_has_the_reply():
    seen = question()
    seen["attempts"] = [{**seen["attempts"][0], "number": 1, "status": 503}, {**seen["attempts"][0], "number": 2}]
    _, first, second = valid(archive([seen], "http://b", "0.1.0"))
    assert [one["response"]["status"] for one in (first, second)] == [503, 200]
    assert (first["response"]["content"]["text"], first["response"]["statusText"]) == ("", "Service Unavailable")
    assert second["response"]["content"]["text"]


@judged
def test_a_delivery_a_notification_without_reply_and_a_query_are_valid():
    delivery, silent, asked = question(""), question(), question()
    silent["stations"]["platform_response"] = {"size": 0, "body": ""}
    asked["stations"]["backend_request"] |= {"method": "GET", "url": "http://b/x?event=action_requested&digits=&key=***", "size": 0, "body": ""}
    asked["stations"]["platform_request"]["size"] = 99_999
    entries = valid(archive([delivery, silent, asked], "http://b", "0.1.0"))
    assert len(entries) == 5
    assert [one["response"]["status"] for one in entries].count(204) == 1
    (query,) = (one["request"]["queryString"] for one in entries if one["request"]["method"] == "GET")
    assert [pair["name"] for pair in query] == ["event", "digits", "key"]
    assert any(one["request"].get("postData", {}).get("comment") == "the beginning of 99999 bytes" for one in entries)


@judged
def test_no_exchange_at_all_is_an_empty_archive():
    assert valid(archive([], "http://b", "0.1.0")) == []
