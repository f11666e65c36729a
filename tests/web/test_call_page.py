"""The page of a call at a real bridge: what went wrong, every turn, every attempt, in words and as a drawing; and nothing foreign in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import Behaviour, in_turn, raw, reply
from tests.support.bridge import awaited
from tests.support.calls import as_json, xml
from tests.support.markup import elements, strangers

TOML = """
[backend]
url = "{backend}"
deadline = "3s"
[fallback]
action = "menu"
menu = "sorry"
prompt = "technical_problem"
[events]
retry_after = ["1s"]
[database]
url = "{database}"
[debug]
enabled = true
[capture]
secret_menus = ["pin"]
"""
JSON = {"Accept": "application/json"}
ABOUT = {"DID": "0731234567", "CALLER_ID": "0541112233", "CALLER_NAME": "Dana Levi"}
HEBREW = "תפריט ראשי"
ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
MENU = {"action": "menu", "menu": "main", "prompt": "welcome"}


@pytest.fixture(scope="module")
def backend() -> Iterator[backends.Backend]:
    with backends.running(reply(MENU)) as running:
        running.take = reply(b"", 204)
        yield running


@pytest.fixture(scope="module")
def bridge(backend: backends.Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("call")
    with bridges.running(folder, TOML.format(backend=backend.url, database=f"sqlite:///{folder}/x.db")) as running:
        yield running


def seen(bridge: bridges.Running, call_id: str, count: int) -> dict:
    """The page of a call as JSON, once so many of its exchanges are recorded."""

    def look() -> dict:
        got = bridge.get(f"/debug/call?id={quote(call_id)}", **JSON)
        content: dict = json.loads(got.body)
        return content if got.status == 200 and len(content["exchanges"]) >= count else {}

    return awaited(look, 20)


def page(bridge: bridges.Running, call_id: str) -> str:
    got = bridge.get(f"/debug/call?id={quote(call_id)}")
    assert got.status == 200, got.body
    return got.body.decode()


@pytest.fixture(scope="module")
def story(bridge: bridges.Running, backend: backends.Backend) -> dict:
    """A call with repairs, retries, a fallback, Hebrew, masked digits, an answer of the platform's own; reported and delivered."""
    turns: list[tuple[dict[str, object], Behaviour]] = [
        ({"MENU": "-1"}, reply(MENU | {"menu": " main ", "max_digits": "2"})),
        ({"MENU": "main", "DTMF": "2"}, in_turn(reply(b"", 503), reply(b"", 502), reply(MENU | {"menu": HEBREW, "max_digits": 4, "loops": 3}))),
        ({"MENU": HEBREW, "DTMF": "123456"}, reply({"action": "say_digits", "digits": "0547", "menu": "code", "prompt": "more", "intro_prompt": "your_code"})),
        ({"MENU": "code", "DTMF": "1"}, reply(MENU | {"max_digits": "four"})),
        ({"MENU": "sorry"}, reply({"ACTION": "HANGUP", "DATA": {"HANGUP_REC": "bye", "HANGUP_CAUSE": 16}})),
    ]
    awaited(lambda: _numbered(bridge), 20)
    for sent, behave in turns:
        backend.behave = behave
        bridge.post(xml(IVR_UNIQUE_ID="story", **ABOUT, **sent))
    bridge.post(xml("HANGUP_CALL", IVR_UNIQUE_ID="story", DID=ABOUT["DID"], CALLER_ID=ABOUT["CALLER_ID"], CALL_STATUS="NOANSWER"))
    return seen(bridge, "story", 8)


def _numbered(bridge: bridges.Running) -> bool:
    """Whether the bridge counts turns by now: the first question of all may come before its database is ready."""
    bridge.post(xml(IVR_UNIQUE_ID="warm"))
    return any(one["turn"] for one in seen(bridge, "warm", 1)["exchanges"])


def test_the_page_opens_with_what_went_wrong_and_where(bridge: bridges.Running, story: dict):
    assert [(trouble["where"], trouble["what"], trouble["grave"]) for trouble in story["troubles"]] == [
        ("Turn 4", "the caller got the fallback: invalid_answer", True),
        ("Turn 2", "2 attempts failed (HTTP 503, HTTP 502), a later one was answered", False),
    ]
    assert story["summary"] == "5 turns, 1 fallback"
    assert story["ended"] == "The call ended; the call to ********55: no answer; lasted 2 min 5 s, rang for 15 s."
    html = page(bridge, "story")
    wrong = story["troubles"][0]["id"]
    assert f'<a href="#e-{wrong}">Turn 4</a>: the caller got the fallback: invalid_answer.' in html
    assert f'id="e-{wrong}"' in html
    assert html.index("invalid_answer") < html.index("<svg") < html.index("Turn by turn")


def test_every_turn_tells_what_the_caller_did_and_heard(bridge: bridges.Running, story: dict):
    told = {seen["name"]: (seen["done"], seen["heard"]) for seen in story["exchanges"]}
    assert told["Turn 1"] == ("calls", ['hears "welcome"; up to 2 digits wanted (menu main)'])
    assert told["Turn 2"][0] == "presses 2 in the menu main"
    assert told["Turn 3"] == (
        f"presses 6 digits (masked here) in the menu ⁨{HEBREW}⁩",
        ['hears "your_code"', "hears 4 digits (masked here)", 'hears "more"; up to 1 digit wanted (menu code)'],
    )
    assert told["Turn 4"][1] == ['hears "technical_problem"; up to 1 digit wanted (menu sorry)']
    assert told["Turn 5"][1] == ['hears "bye"', "is hung up on (cause 16, normal call clearing)"]
    html = page(bridge, "story")
    for _, sentences in told.values():
        for sentence in sentences:
            assert sentence.replace('"', "&#34;") in html


def test_the_ladder_has_every_exchange_attempt_and_the_fallback_and_leads_to_the_turns(bridge: bridges.Running, story: dict):
    html = page(bridge, "story")
    drawing = html[html.index("<svg") : html.index("</svg>")]
    for seen in story["exchanges"]:
        assert f'href="#e-{seen["id"]}"' in drawing
        assert f'id="e-{seen["id"]}"' in html
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    for label in ("phone system", "rpcbridge", "backend", "▲ FALLBACK: invalid_answer", "attempt 3 · POST /ivr/action", "stored", "call_ended", "2 repairs"):
        assert label in texts
    assert [text.split(",")[0] for text in texts if "failed" in text] == ["attempt 1 failed: HTTP 503", "attempt 2 failed: HTTP 502"]
    assert any(HEBREW in text for text in texts)
    assert "<title" in drawing
    assert "<desc" in drawing


def test_every_turn_has_its_five_stations_in_colours_and_raw(bridge: bridges.Running, story: dict):
    html = page(bridge, "story")
    assert re.findall("<h4>(.*?)</h4>", html)[:5] == ["Phone system asks", "Event", "Backend is asked", "Backend answers", "Phone system is answered"]
    assert html.count("<h4>") == 5 * len(story["exchanges"])
    assert '&lt;methodName&gt;</span>GET_IVR_ACTION' in html
    assert '<span class="p-nt">"event"</span>' in html
    raw = story["exchanges"][0]["stations"]["platform_request"]["body"]
    assert raw.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;") in html


def test_the_fields_say_where_they_came_from(bridge: bridges.Running, story: dict):
    html = page(bridge, "story")
    # Two fewer where the database did not answer in time: `turn` and `state` are absent then.
    assert re.search("Request → event: 1[35] fields: 7 renamed, 2 coerced, [68] added, 3 redacted", html)
    assert "Answer → reply: 9 fields: 7 renamed, 2 coerced, 3 defaulted, 2 added" in html
    assert '<span class="kind k-fallback">fallback</span>' in html
    assert "-1&#34; → null" in html


def test_nothing_that_must_not_be_read_is_on_the_page_or_in_the_json(bridge: bridges.Running, story: dict):
    bridge.post(xml(IVR_UNIQUE_ID="pin", MENU="pin", DTMF="73", **ABOUT))
    seen(bridge, "pin", 1)
    for text in (page(bridge, "story"), json.dumps(story), page(bridge, "pin"), json.dumps(seen(bridge, "pin", 1))):
        for secret in ("0731234567", "0541112233", "Dana", "123456", "0547", "0500000555", ">73<", '"73"', "presses 7 3"):
            assert secret not in text, secret


def test_an_exchange_leads_to_its_place_in_its_call_and_has_the_same_parts(bridge: bridges.Running, story: dict):
    turn = story["exchanges"][3]
    html = bridge.get(f"/debug/exchanges/{turn['id']}").body.decode()
    assert f'href="/debug/call?id=story#e-{turn["id"]}"' in html
    assert "Answer → reply: 9 fields: 7 renamed, 2 added, 7 fallback" in html
    assert "The caller presses 1 in the menu code" in html
    assert '<span class="p-nt">' in html


def test_an_attack_in_any_field_is_text_everywhere(bridge: bridges.Running, backend: backends.Backend):
    prompts = {"file": ATTACK, "voice": ATTACK, "language": ATTACK}
    answers: list[object] = [
        {"action": "menu", "menu": ATTACK, "prompt": ATTACK, "state": {ATTACK: ATTACK}},
        {"action": "menu", "menu": ATTACK, "prompt": prompts},
        {"action": "say_digits", "digits": f"1{ATTACK}", "menu": ATTACK, "prompt": ATTACK, "intro_prompt": ATTACK},
        {"action": "call", "target": ATTACK, "caller_name": ATTACK, "hold_music": ATTACK, "dial_strings": [ATTACK], "on_failure": {"menu": ATTACK, "prompt": ATTACK}},
        {"action": ATTACK, ATTACK: ATTACK},
        {"ACTION": "HANGUP", "DATA": {"HANGUP_REC": ATTACK}},
        ATTACK.encode(),
    ]  # fmt: skip
    every = dict.fromkeys(("DID", "CALLER_ID", "CALLER_NAME", "DTMF", "PREVIOUS_MENU", ATTACK), ATTACK)
    for make in (xml, as_json):
        for number, answer in enumerate(answers):
            backend.behave = reply(answer)
            bridge.post(make(IVR_UNIQUE_ID="attack", MENU=f"{number}{ATTACK}", **every))
    backend.behave = raw(f"HTTP/1.1 200 OK\r\nContent-Type: {ATTACK}\r\nContent-Length: 2\r\n\r\nxx".encode())
    bridge.post(xml(IVR_UNIQUE_ID="attack", MENU=ATTACK, **every))
    bridge.post(xml("HANGUP_CALL", IVR_UNIQUE_ID="attack", CALL_STATUS=ATTACK, TARGET=ATTACK))
    content = seen(bridge, "attack", 17)
    html = page(bridge, "attack")
    assert "&lt;script&gt;" in html[html.index("<svg") : html.index("</svg>")]
    assert list(strangers(html)) == []
    for one in content["exchanges"]:
        assert list(strangers(bridge.get(f"/debug/exchanges/{one['id']}").body.decode())) == []


def test_an_attack_in_a_call_s_id_is_text_too(bridge: bridges.Running, backend: backends.Backend):
    backend.behave = reply(MENU)
    call_id = ATTACK.replace(" ", "")
    bridge.post(xml(IVR_UNIQUE_ID=call_id))
    seen(bridge, call_id, 1)
    assert list(strangers(page(bridge, call_id))) == []
    assert list(strangers(bridge.get(f"/debug/call?id={quote(ATTACK + 'x')}").body.decode())) == []


def test_a_call_nobody_placed_is_marked_and_a_replay_leads_to_what_it_repeats(bridge: bridges.Running, backend: backends.Backend):
    backend.behave = reply(MENU)
    ulid, other = "01M7YDT7EEJPMYWN3P4917K6D3", "01M7YDT84VP31JSK7HSS163B67"
    for call_id, mark in ((f"rb-phone-{ulid}", "phone: no real caller"), (f"rb-replay-{ulid}-of-{other}", f'replay of <a href="/debug/exchanges/{other}">')):
        bridge.post(xml(IVR_UNIQUE_ID=call_id))
        seen(bridge, call_id, 1)
        assert mark in page(bridge, call_id)


def test_a_call_of_very_many_exchanges_says_that_not_all_are_shown(bridge: bridges.Running, backend: backends.Backend):
    backend.behave = reply({"action": "hangup"})
    for _ in range(203):
        bridge.post(as_json(IVR_UNIQUE_ID="long"))
    content = seen(bridge, "long", 200)
    assert len(content["exchanges"]) == 200
    awaited(lambda: seen(bridge, "long", 200)["more"], 20)
    html = page(bridge, "long")
    assert "more than 200 exchanges: the first 200 are shown" in html
    ids = [attributes["id"] for _, attributes in elements(html) if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_a_call_that_is_not_kept_is_not_found_in_both_forms(bridge: bridges.Running):
    got = bridge.get("/debug/call?id=nobody", **JSON)
    assert (got.status, json.loads(got.body)) == (404, {"error": "No exchange of call nobody is kept: it is too old, was dropped, or never was."})
    assert "No exchange of call nobody is kept" in bridge.get("/debug/call?id=nobody").body.decode()
    assert bridge.get("/debug/call").status == 404


def test_a_database_that_cannot_be_read_says_so(bridge: bridges.Running, backend: backends.Backend, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("none")
    with bridges.running(folder, TOML.format(backend=backend.url, database=f"sqlite:///{folder}/none/x.db")) as broken:
        assert broken.get("/debug/call?id=x", **JSON).status == 503
        assert b"The exchanges cannot be read" in broken.get("/debug/call?id=x").body
