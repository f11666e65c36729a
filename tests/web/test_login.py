"""The inspector's door in a real bridge of three workers: who gets a session, and for how long."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support import bridge as bridges
from tests.support import databases
from tests.support.visitor import BEARER, FORM, TOKEN, Browser, config


@pytest.fixture(scope="module", params=databases.KINDS)
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("login")
    with bridges.running(folder, config(databases.fresh(request.param, folder)), WEB_CONCURRENCY="3") as bridge:
        yield bridge


def test_a_browser_is_led_to_the_form_and_back_to_where_it_wanted_to_go(guarded: bridges.Running):
    browser = Browser(guarded)
    wanted = "/debug/?call=a%20b"
    got = browser.get(wanted)
    assert (got.status, got.headers["location"]) == (303, "/debug/login?next=/debug/?call%3Da%2520b")
    assert b'value="/debug/?call=a%20b"' in browser.get(got.headers["location"]).body
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


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/debug/", "https:/debug/", "https:evil.example",
        "javascript:alert(1)", "data:text/html,x", "/", "/voicenter", "/debugger", "debug/", "/debug/../livez", "/debug/%2e%2e/livez", "/debug/%2E./livez",
        "/debug//evil.example", "/debug\\evil", "/debug/x\\..\\..", "/debug/\r\nSet-Cookie: a=b", "/debug/ x", "/debug/x#y", "/debug/é", "/debug/?é",
        "/debug/login", "/debug/login/?next=/debug/login", "/debug/logout", "/debug/" + "x" * 3000,
    ],
)  # fmt: skip
def test_the_login_leads_nowhere_else(guarded: bridges.Running, elsewhere: str):
    browser = Browser(guarded)
    assert browser.log_in(next=elsewhere).headers["location"] == "/debug/"
    got = browser.get("/debug/login?" + urlencode({"next": elsewhere}))
    assert (got.status, got.headers["location"]) == (303, "/debug/")
    assert b'name="next" value="/debug/"' in Browser(guarded).get("/debug/login?" + urlencode({"next": elsewhere})).body


def test_the_login_leads_to_any_page(guarded: bridges.Running):
    for page in ("/debug", "/debug/", "/debug/exchanges/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/debug/calls/a%2Fb.c/", "/debug/?call_id=%D7%90&menu=a+b//c"):
        assert Browser(guarded).log_in(next=page).headers["location"] == page


def test_a_link_in_a_mail_finds_whoever_is_logged_in(guarded: bridges.Running):
    """SameSite=Strict keeps the cookie away from such a link: the form asks once more by itself, as a page of ours."""
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    got = Browser(guarded).get("/debug/exchanges/x", **link)
    assert got.status == 303
    got = Browser(guarded).get(got.headers["location"], **link)
    assert (got.status, got.headers["refresh"]) == (200, "0; url=/debug/exchanges/x")
    assert "refresh" not in Browser(guarded).get("/debug/login", Sec_Fetch_Site="same-origin").headers


def test_a_wrong_token_is_said_and_logged_and_never_written(guarded: bridges.Running):
    for wrong in ("wrong", "", TOKEN + "x", TOKEN[:-1], "é" * 20):
        got = Browser(guarded).log_in(wrong)
        assert got.status == 403
        assert b"That is not the token." in got.body
        assert "set-cookie" not in got.headers
    assert guarded.last_line("request_refused", platform="debug", reason="token")["client"] == "127.0.0.1"
    assert TOKEN[:-1] not in guarded.log.read_text()


def test_programs_get_401_and_browsers_the_form(guarded: bridges.Running):
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}, {"Accept": "text/event-stream"}):
        for path in ("/debug", "/debug/", "/debug/none", "/debug/static/htmx.min.js"):
            got = guarded.get(path, **headers)
            assert (got.status, got.headers["www-authenticate"]) == (401, 'Bearer realm="rpcbridge debug"'), path
        assert guarded.post(b"x" * 100, "/debug/", "DELETE", **headers).status == 401
    assert json.loads(guarded.get("/debug/", Accept="application/json").body) == {"error": "forbidden"}
    assert Browser(guarded).get("/debug/none").headers["location"] == "/debug/login"
    assert Browser(guarded).post("/debug/logout", {}).headers["location"] == "/debug/login"
    part = guarded.get("/debug/", HX_Request="true")
    assert (part.status, part.headers["hx-redirect"]) == (401, "/debug/login")
    basic = "Basic " + b64encode(f"anyone:{TOKEN}".encode()).decode()
    for right in (BEARER, {"Authorization": basic}):
        assert guarded.get("/debug/", **right).status == 200
    assert guarded.get("/debug/static/debug.css").status == 200, "the form has to look like something"


def test_a_proxy_s_own_password_does_not_lock_anybody_out(guarded: bridges.Running):
    browser = Browser(guarded)
    proxy = {"Authorization": "Basic " + b64encode(b"proxy:its own").decode()}
    assert browser.get("/debug/", **proxy).status == 303
    assert browser.log_in(**proxy).status == 303
    assert browser.get("/debug/", **proxy).status == 200


def test_whoever_logs_out_is_out(guarded: bridges.Running):
    browser = Browser(guarded)
    browser.log_in()
    assert b"Log out" in browser.get("/debug/").body
    got = browser.post("/debug/logout", {"csrf_token": browser.csrf("/debug/")})
    assert (got.status, got.headers["location"]) == (303, "/debug/login")
    assert re.search(r"rpcbridge_session=; Expires=Thu, 01 Jan 1970 .*Max-Age=0; HttpOnly; Path=/debug; SameSite=Strict", got.headers["set-cookie"])
    assert browser.get("/debug/").status == 303


def test_a_tampered_cookie_is_no_session(guarded: bridges.Running):
    browser = Browser(guarded)
    browser.log_in()
    cookie = browser.cookies["rpcbridge_session"]
    id, begun, signature = cookie.split(".")
    other = "B" if cookie[0] == "A" else "A"
    for forged in (cookie[:-2], f"{other}{cookie[1:]}", f"{id}.zzzzzz.{signature}", f"{id}.{begun}.", "x", "..", "a" * 4000):
        browser.cookies["rpcbridge_session"] = forged
        assert browser.get("/debug/").status == 303, forged
    browser.cookies["rpcbridge_session"] = cookie
    assert browser.get("/debug/").status == 200


class TestCSRF:
    """Logging out stands for every POST: the door is the same."""

    @pytest.fixture
    def browser(self, guarded: bridges.Running) -> Browser:
        browser = Browser(guarded)
        browser.log_in()
        return browser

    def test_a_page_s_own_form_and_script_are_believed(self, browser: Browser):
        token = browser.csrf("/debug/")
        kept = dict(browser.cookies)
        for fields, headers in (
            ({"csrf_token": token}, {}),
            ({}, {"X_CSRF_Token": token}),
            ({"csrf_token": "the header comes first"}, {"X_CSRF_Token": token}),
            ({"csrf_token": token}, {"Origin": f"http://127.0.0.1:{browser.bridge.port}"}),
            ({"csrf_token": token}, {"Sec_Fetch_Site": "same-origin", "Origin": "http://the.name.that.the.proxy.has"}),
        ):  # fmt: skip
            browser.cookies = dict(kept)
            assert browser.post("/debug/logout", fields, **headers).status == 303, (fields, headers)

    def test_nothing_else_is(self, browser: Browser, guarded: bridges.Running):
        token, other = browser.csrf("/debug/"), Browser(guarded)
        before = other.csrf()
        other.log_in()
        own = {"csrf_token": token}
        for fields, headers in (
            ({}, {}),
            ({"csrf_token": ""}, {}),
            ({"csrf_token": token[:-1]}, {}),
            ({"csrf_token": "é"}, {}),
            ({"csrf_token": other.csrf("/debug/")}, {}),
            ({"csrf_token": before}, {}),
            (own, {"X_CSRF_Token": "wrong"}),
            (own, {"Content-Type": "text/plain"}),
            (own, {"Origin": "null"}),
            (own, {"Origin": "https://evil.example"}),
            (own, {"Origin": f"http://127.0.0.1:{guarded.port + 1}"}),
            (own, {"Origin": f"http://127.0.0.1:{guarded.port}.evil.example"}),
            (own, {"Origin": f"http://evil.example/http://127.0.0.1:{guarded.port}"}),
            (own, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}),
            (own, {"Sec_Fetch_Site": "same-site"}),
        ):  # fmt: skip
            got = browser.post("/debug/logout", fields, **headers)
            assert (got.status, got.headers["content-type"]) == (403, "text/plain; charset=utf-8"), (fields, headers)
        browser.cookies["rpcbridge_visit"] = "A" * 22
        assert browser.post("/debug/logout", {"csrf_token": before}).status == 403, "a session's token is its own"
        assert browser.get("/debug/").status == 200

    def test_it_says_what_is_missing(self, browser: Browser, guarded: bridges.Running):
        assert b"X-CSRF-Token" in browser.post("/debug/logout", {}).body
        assert b"another site" in browser.post("/debug/logout", {}, Sec_Fetch_Site="cross-site").body
        assert "csrf_token" in json.loads(browser.post("/debug/logout", {}, Accept="application/json").body)["error"]
        for reason in ("csrf", "cross_site"):
            assert guarded.last_line("request_refused", platform="debug", reason=reason)

    def test_the_login_itself_needs_one(self, guarded: bridges.Running):
        browser = Browser(guarded)
        token = browser.csrf()
        browser.cookies = {}
        for fields in ({}, {"csrf_token": token}):
            assert browser.post("/debug/login", fields | {"token": TOKEN}).status == 403

    def test_a_bearer_token_is_enough_and_a_password_is_not(self, guarded: bridges.Running):
        assert guarded.post(b"", "/debug/logout", **BEARER).status == 303
        basic = {"Authorization": "Basic " + b64encode(f"anyone:{TOKEN}".encode()).decode()}
        assert guarded.post(b"", "/debug/logout", **basic).status == 403
        assert guarded.post(b"", "/debug/logout", **BEARER, Origin="https://evil.example").status == 403


def test_no_page_of_another_site_can_have_anything_loaded(guarded: bridges.Running):
    for mode, dest in (("no-cors", "script"), ("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe"), ("navigate", "object"), ("websocket", "empty")):
        for site in ("cross-site", "same-site"):
            for path in ("/debug/", "/debug/static/debug.css", "/debug/login"):
                got = guarded.get(path, **BEARER, Sec_Fetch_Site=site, Sec_Fetch_Mode=mode, Sec_Fetch_Dest=dest)
                assert got.status == 403, (site, mode, dest, path)
    assert guarded.get("/debug/", **BEARER, Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document").status == 200


def test_changing_the_token_ends_every_session_and_changing_it_back_does_not_matter(tmp_path: Path):
    database = f"sqlite:///{tmp_path}/x.db"
    with bridges.running(tmp_path, config(database)) as bridge:
        browser = Browser(bridge)
        browser.log_in()
        token = browser.csrf("/debug/")
    with bridges.running(tmp_path, config(database, token="another-token-of-some")) as bridge:
        browser.bridge = bridge
        assert browser.get("/debug/").status == 303
        assert browser.post("/debug/login", {"csrf_token": token, "token": "another-token-of-some"}).status == 403
        assert browser.log_in("another-token-of-some").status == 303
        assert browser.get("/debug/").status == 200


def test_two_machines_on_one_database_know_each_other_s_sessions(tmp_path: Path):
    toml = config(databases.fresh("postgresql", tmp_path))
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with bridges.running(one, toml) as first, bridges.running(other, toml) as second:
        browser = Browser(first)
        form = {"csrf_token": browser.csrf(), "token": TOKEN}
        browser.bridge = second
        assert browser.post("/debug/login", form).status == 303
        token = browser.csrf("/debug/")
        browser.bridge = first
        assert browser.get("/debug/").status == 200
        assert browser.post("/debug/logout", {"csrf_token": token}).status == 303


def test_a_session_ends(tmp_path: Path):
    with bridges.running(tmp_path, config(f"sqlite:///{tmp_path}/x.db").replace("enabled = true", 'enabled = true\nsession = "2s"')) as bridge:
        browser = Browser(bridge)
        assert "Max-Age=2;" in browser.log_in().headers["set-cookie"]
        assert browser.get("/debug/").status == 200
        assert bridges.awaited(lambda: browser.get("/debug/").status == 303, 10)


def test_who_guesses_is_not_heard_for_a_while_and_who_is_logged_in_does_not_notice(tmp_path: Path):
    more = '[server]\ntrusted_proxies = ["127.0.0.1"]'
    with bridges.running(tmp_path, config(f"sqlite:///{tmp_path}/x.db", more=more)) as bridge:
        browser, stranger = Browser(bridge), {"X_Forwarded_For": "203.0.113.9"}
        browser.log_in(**stranger)
        for attempt in range(5):
            assert bridge.get("/debug/", Authorization=f"Bearer {attempt}", **stranger).status == 401
            assert Browser(bridge).log_in(f"{attempt}", **stranger).status == 403
        got = bridge.get("/debug/", **BEARER, **stranger)
        assert got.status == 429
        assert 0 < int(got.headers["retry-after"]) <= 60
        assert Browser(bridge).log_in(**stranger).status == 429
        assert bridge.last_line("request_refused", platform="debug", reason="too_many")["client"] == "203.0.113.9"
        assert browser.get("/debug/", **stranger).status == 200
        assert bridge.get("/debug/", **BEARER, X_Forwarded_For="203.0.113.10").status == 200


def test_a_cookie_of_a_login_by_https_never_goes_out_in_the_clear(tmp_path: Path):
    more = '[server]\ntrusted_proxies = ["127.0.0.1"]'
    with bridges.running(tmp_path, config(f"sqlite:///{tmp_path}/x.db", more=more)) as bridge:
        by_proxy = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https"}
        browser = Browser(bridge)
        assert "; Secure;" in browser.get("/debug/login", **by_proxy).headers["set-cookie"]
        assert "; Secure;" in browser.log_in(**by_proxy).headers["set-cookie"]
        own = {"X_Forwarded_Host": "inspector.example", "Origin": "https://inspector.example"}
        assert Browser(bridge).log_in(**by_proxy, **own).status == 303
        assert Browser(bridge).log_in(X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="http").headers["set-cookie"].count("Secure") == 0


def test_without_a_database_nobody_logs_in_and_everybody_is_told_why(tmp_path: Path):
    with bridges.running(tmp_path, config(f"sqlite:///{tmp_path}/none/x.db")) as bridge:
        browser = Browser(bridge, {"rpcbridge_session": "a.b.c"})
        for got in (browser.get("/debug/"), Browser(bridge).get("/debug/login"), Browser(bridge).post("/debug/login", {"token": TOKEN})):
            assert got.status in (403, 503)
            assert str(tmp_path) not in got.body.decode(), "what is wrong with it is not a stranger's business"
        assert (got := Browser(bridge).get("/debug/login")).status == 503
        assert b"nobody can log in while the database cannot be read" in got.body
        assert b"The exchanges cannot be read" in bridge.get("/debug/", **BEARER).body
        assert bridge.lines("internal_error") == []


def test_what_is_posted_is_bounded(guarded: bridges.Running):
    for sent in (b"token=" + b"x" * 300_000, gzip.compress(b"x" * 300_000)):
        encoding = {} if sent[:1] == b"t" else {"Content-Encoding": "gzip"}
        got = guarded.post(sent, "/debug/logout", **BEARER, **FORM, **encoding)
        assert (got.status, b"server.max_body" in got.body) == (413, True)
    assert guarded.post(b"x", "/debug/logout", **BEARER, Content_Encoding="br").status == 400


def test_only_get_and_post_are_there(guarded: bridges.Running):
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "QUERY"):
        assert guarded.post(b"", "/debug/", method, **BEARER).status == 405
        assert guarded.post(b"", "/debug/", method).status == 401


def test_static_files_are_kept_by_the_browser_and_asked_for_again(guarded: bridges.Running):
    got = guarded.get("/debug/static/htmx.min.js", **BEARER)
    assert (got.status, got.headers["cache-control"]) == (200, "no-cache")
    assert "javascript" in got.headers["content-type"]
    assert guarded.get("/debug/static/htmx.min.js", **BEARER, If_None_Match=got.headers["etag"]).status == 304


def test_looking_is_not_recorded(guarded: bridges.Running):
    browser = Browser(guarded)
    browser.log_in()
    for _ in range(3):
        for path in ("/debug/", "/debug/exchanges/x", "/debug/static/debug.css"):
            browser.get(path)
    assert guarded.lines() == []
    assert b"0 exchanges kept" in browser.get("/debug/").body
