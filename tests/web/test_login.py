"""The inspector's door in a real bridge of three workers: who gets a session, which POSTs are believed, what every response says to browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from tests.support import bridge as bridges
from tests.support import databases
from tests.support.bridge import Reply

TOKEN = "a-token-of-20-letters"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CSRF = re.compile(r'name="csrf(?:_|-)token" (?:value|content)="([0-9a-f]{64})"')


def config(database: str, *, token: str = TOKEN, more: str = "") -> str:
    asked = f'token = "{token}"' if token else ""
    return f'''[backend]
url = "http://127.0.0.1:9"
[database]
url = "{database}"
[debug]
enabled = true
{asked}
{more}
'''


@dataclass
class Browser:
    """As much of a browser as matters here: it keeps cookies, and says which site asks."""

    bridge: bridges.Running
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Reply:
        return self._sent("GET", path, b"", HTML | headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Reply:
        return self._sent("POST", path, urlencode(fields).encode(), HTML | FORM | headers)

    def _sent(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        got = self.bridge.post(body, path, method, **cookies, **headers)
        for name, morsel in SimpleCookie(got.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
        return got

    def csrf(self, path: str = "/debug/login") -> str:
        """The token of a page."""
        found = CSRF.search(self.get(path).body.decode())
        assert found
        return found[1]

    def log_in(self, token: str = TOKEN, next: str = "", **headers: str) -> Reply:
        return self.post("/debug/login", {"csrf_token": self.csrf(), "token": token, "next": next}, **headers)


@pytest.fixture(scope="module", params=databases.KINDS)
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("login")
    with bridges.running(folder, config(databases.fresh(request.param, folder)), WEB_CONCURRENCY="3") as bridge:
        yield bridge


def test_a_browser_is_led_to_the_form_and_back_to_where_it_wanted_to_go(guarded: bridges.Running):
    browser = Browser(guarded)
    wanted = "/debug/?call_id=a%20b"
    got = browser.get(wanted)
    assert (got.status, got.headers["location"]) == (303, "/debug/login?next=/debug/?call_id%3Da%2520b")
    assert b'value="/debug/?call_id=a%20b"' in browser.get(got.headers["location"]).body
    got = browser.log_in(next=wanted)
    assert (got.status, got.headers["location"]) == (303, wanted)
    for _ in range(12):  # whichever worker it is
        assert browser.get(wanted).status == 200
    assert browser.get("/debug/login").headers["location"] == "/debug/"


def test_each_worker_takes_a_form_that_another_made(guarded: bridges.Running):
    for _ in range(12):
        browser = Browser(guarded)
        assert browser.log_in().status == 303
        assert browser.get("/debug/").status == 200


def test_the_session_s_cookie_is_for_nobody_else(guarded: bridges.Running):
    said = Browser(guarded).log_in().headers["set-cookie"]
    assert re.fullmatch(r"rpcbridge_session=[\w.-]+; Expires=[^;]+; Max-Age=43200; HttpOnly; Path=/debug; SameSite=Strict", said), said
    assert TOKEN not in said
