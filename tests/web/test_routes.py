"""Every route of the inspector, with a token and without one: which POSTs are believed, what each response says to browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from tests.support import bridge as bridges
from tests.support import inspector
from tests.support.bridge import Reply
from tests.support.visitor import BEARER, HTML, Browser, config


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("guarded")
    with bridges.running(folder, config(f"sqlite:///{folder}/x.db"), WEB_CONCURRENCY="3") as bridge:
        yield bridge


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("local")
    with bridges.running(folder, config(f"sqlite:///{folder}/x.db", token=""), WEB_CONCURRENCY="3") as bridge:
        yield bridge


def test_without_a_token_there_is_no_login(local: bridges.Running):
    for method in ("GET", "POST"):
        assert local.post(b"", "/debug/login", method, **HTML).status == 404
    assert local.get("/debug/login", Via="1.1 proxy").status == 403
    assert local.get("/debug/", **BEARER).status == 200
    assert b"Log out" not in local.get("/debug/").body


RULES = sorted(inspector.rules(), key=str)
POSTS = [rule for rule in RULES if "POST" in (rule.methods or ())]


@pytest.mark.parametrize("rule", POSTS, ids=str)
def test_every_post_needs_a_csrf_token_also_without_a_login(local: bridges.Running, guarded: bridges.Running, rule: Rule):
    path = inspector.filled(rule)
    own, foreign = Browser(local), Browser(local)
    if rule.endpoint not in ("debug.enter", "debug.logout"):
        assert own.post(path, {}).status == 403
        assert own.post(path, {"csrf_token": foreign.csrf("/debug/")}).status == 403
        assert own.post(path, {"csrf_token": own.csrf("/debug/")}).status != 403
    browser = Browser(guarded)
    browser.log_in()
    assert browser.post(path, {}).status == 403


def test_a_visit_without_a_login_has_a_token_that_every_worker_knows(local: bridges.Running):
    browser = Browser(local)
    token = browser.csrf("/debug/")
    assert re.fullmatch("[A-Za-z0-9_-]{22}", browser.cookies["rpcbridge_visit"])
    for _ in range(12):
        assert browser.csrf("/debug/") == token
    browser.cookies["rpcbridge_visit"] = "x<script>"
    assert browser.csrf("/debug/") != token
    assert browser.cookies["rpcbridge_visit"] != "x<script>"


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_response_says_what_browsers_may_do_with_it(local: bridges.Running, guarded: bridges.Running, rule: Rule):
    path = inspector.filled(rule)
    for bridge, headers in ((local, {}), (guarded, BEARER), (guarded, HTML), (guarded, {}), (guarded, {"Sec_Fetch_Site": "cross-site"})):
        for method in ("HEAD", "POST", "DELETE", "OPTIONS"):
            said_by(bridge.post(b"", path, method, **headers))
    said_by(local.get("/debug/none"))
    said_by(guarded.get("/debug"))


def said_by(got: Reply) -> None:
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert got.headers["content-security-policy"] == policy
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["x-frame-options"] == "DENY"
    assert got.headers["cross-origin-opener-policy"] == got.headers["cross-origin-resource-policy"] == "same-origin"
    assert got.headers["referrer-policy"] == "same-origin"
    assert "microphone=()" in got.headers["permissions-policy"]
    assert got.headers["cache-control"] in ("no-store", "no-cache")
