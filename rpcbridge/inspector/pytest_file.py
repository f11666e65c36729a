"""The test file beside a cassette: plain Python that a backend's author keeps. It needs pytest, and nothing of rpcbridge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Given:
    """A value that was masked when it was recorded: a harmless sample stands for it, or (None) it has to be given."""

    name: str
    value: str | None
    remark: str


def code(name: str, cassette: str, about: str, given: Sequence[Given]) -> str:
    """The text of test_<name>.py. `cassette`: the file beside it; `about`: one line that says which call it is."""
    return _CODE.replace("@NAME@", name).replace("@CASSETTE@", cassette).replace("@ABOUT@", _plain(about)).replace("@GIVEN@", _given(given))


def _given(given: Sequence[Given]) -> str:
    if not given:
        return "# Nothing of this call was masked.\nGIVEN = {}"
    lines = [f"    {json.dumps(one.name)}: {_literal(one.value)},  # {_plain(one.remark)}" for one in given]
    return "\n".join([_ABOUT_GIVEN, "GIVEN = {", *lines, "}"])


def _literal(value: str | None) -> str:
    return "None" if value is None else json.dumps(value)


def _plain(text: str) -> str:
    """`text` as it may stand in a comment or a docstring, whoever wrote it: one line, no quote marks or backslashes."""
    return "".join(character if character.isprintable() and character not in "\"'\\" else "_" for character in text)


_ABOUT_GIVEN = """\
# What was masked when the call was recorded. Give what is None, here or in the
# environment under the same name in capitals (TURN_4_DIGITS=1234): until then the
# tests that need it fail. The others are samples: put in real ones if your backend
# looks at them. For a header, "" means that it is not sent."""

_CODE = '''\
"""A recorded call, placed once more against your backend alone, turn by turn.

@ABOUT@

Each test sends your backend a question as rpcbridge sent it then, and holds the
answer against the one that was recorded, in @CASSETTE@.
All it needs is pytest:

    BACKEND_URL=http://127.0.0.1:8090 pytest test_@NAME@.py

Made anew in every run: call_id (one for all turns), event_id and the headers that
repeat it, occurred_at. Left out: signatures and traceparent. Everything else is as
it was recorded, turn and state included. The turns run in their order.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import uuid
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, urlencode, urlsplit

import pytest

@GIVEN@

CALL = json.loads(Path(__file__).with_name("@CASSETTE@").read_text("utf-8"))
BACKEND_URL = os.environ.get("BACKEND_URL", CALL["backend_url"]).rstrip("/")
PATIENCE = 10  # seconds for an answer


@pytest.fixture(scope="module")
def names() -> dict:
    """What the {names} in the cassette stand for, in this run of the call."""
    return {"call_id": f"rb-test-{uuid.uuid4()}"}


@pytest.mark.parametrize("turn", [pytest.param(t, id=t["name"]) for t in CALL["turns"]])
def test_the_backend_answers_as_it_did(turn: dict, names: dict) -> None:
    prepare(turn, names)
    status, body = send(turn["request"], names)
    assert 200 <= status < 300, f"HTTP {status}: {body[:500]!r}"
    answer = read(body)
    if "state" in answer:
        names["state"] = answer["state"]
    recorded = filled(turn["answer"], names)
    if recorded is None:  # turn["unanswered"] says why: any answer is better
        return
    assert masked_like(recorded, answer) == recorded, f"{turn['name']}: another answer"


def prepare(turn: dict, names: dict) -> None:
    """Make the values that this turn needs, in `names`."""
    names["event_id"] = f"01{uuid.uuid4().hex[:24]}".upper()
    names["occurred_at"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    needed = set(re.findall(r"{(\\w+)}", json.dumps(turn["request"])))
    for name in sorted(needed & set(GIVEN)):
        names[name] = os.environ.get(name.upper(), GIVEN[name])
        if names[name] is None:
            said = f"{name} was masked when the call was recorded. Give it in GIVEN,"
            fail(f"{said} or in the environment as {name.upper()}")
    state = turn["request"]["event"].get("state")
    if state != "{state}":
        names["state"] = state
    elif "state" not in names:
        said = "state was masked when the call was recorded."
        fail(f"{said} It comes of the turns before: run them, too")


def fail(said: str) -> NoReturn:
    """End the test with one plain sentence."""
    pytest.fail(said, pytrace=False)


def filled(value: object, names: dict, spelled=str) -> object:
    """`value` with what each {name} in it stands for."""
    if isinstance(value, dict):
        return {key: filled(inner, names, spelled) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(item, names, spelled) for item in value]
    if value == "{state}":
        return names["state"]
    if not isinstance(value, str):
        return value

    def meant(found: re.Match) -> str:
        return spelled(names[found[1]]) if found[1] in names else found[0]

    return re.sub(r"{(\\w+)}", meant, value)


def send(request: dict, names: dict) -> tuple[int, bytes]:
    """The status and body of the backend's answer."""
    backend = urlsplit(BACKEND_URL)
    path = filled(request["path"], names, lambda text: quote(text, safe=""))
    event = filled(request["event"], names)
    body = None
    if request["encoding"] == "json":
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    elif request["encoding"] == "form":
        body = urlencode(flat(event)).encode()
    else:
        path += f"{'&' if '?' in path else '?'}{urlencode(flat(event))}"
    headers = filled(request["headers"], names)
    headers = {name: value for name, value in headers.items() if value}
    https = backend.scheme == "https"
    connect = http.client.HTTPSConnection if https else http.client.HTTPConnection
    connection = connect(backend.netloc, timeout=PATIENCE)
    try:
        connection.request(request["method"], backend.path + path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError as error:
        fail(f"{BACKEND_URL} cannot be reached: {error}")
    finally:
        connection.close()


def flat(event: dict) -> dict:
    """The event for a form or a query: null is left out, what is no text is JSON."""
    return {
        name: value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in event.items()
        if value is not None
    }


def read(body: bytes) -> dict:
    """The answer, which is one JSON object."""
    try:
        answer = json.loads(body)
    except ValueError:
        fail(f"the answer is no JSON: {body[:500]!r}")
    assert isinstance(answer, dict), "the answer is no JSON object"
    return answer


def masked_like(recorded: object, answer: object) -> object:
    """`answer`, masked where `recorded` is and the two may have been the same.

    A `*` stands for one character, three of them for any text.
    """
    if isinstance(recorded, dict) and isinstance(answer, dict):
        return {key: masked_like(recorded.get(key), answer[key]) for key in answer}
    if isinstance(recorded, list) and isinstance(answer, list):
        rest = answer[len(recorded) :]
        return [*map(masked_like, recorded, answer), *rest]
    if not isinstance(recorded, str) or "*" not in recorded or recorded == "*":
        return answer
    said = answer if isinstance(answer, str) else json.dumps(answer)
    pattern = "".join(map(pattern_of, re.split(r"(\\*+)", recorded)))
    return recorded if re.fullmatch(pattern, said, re.DOTALL) else answer


def pattern_of(part: str) -> str:
    """The regular expression for what stands between, or behind, the masks."""
    if not part.startswith("*"):
        return re.escape(part)
    return ".*" if part == "***" else "." * len(part)
'''
