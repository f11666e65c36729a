"""Odd requests at the inspector's door, from somebody who has no token: a clean refusal to each, in time, and nothing left behind."""

from __future__ import annotations

import gzip
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.hostile.attacks import MAX_BODY, Script, head
from tests.hostile.test_attacks import sent
from tests.support import bridge as bridges

pytestmark = pytest.mark.alone
SECONDS = 2.0
TOKEN = "a-token-of-20-letters"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
TOML = """
[backend]
url = "http://127.0.0.1:9"
[database]
url = "sqlite:///{folder}/door.db"
[debug]
enabled = true
token = "{token}"
"""


@dataclass(frozen=True)
class Post:
    """A body to the login form; CSRF and VISIT in it become the right ones."""

    name: str
    body: bytes
    kind: str = FORM
    headers: dict[str, str] = field(default_factory=dict)
    ends: tuple[int, ...] = (403,)


def part(name: bytes, value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)


POSTS = [
    Post("a wrong token", b"csrf_token=CSRF&token=wrong"),
    Post("many tokens", b"csrf_token=CSRF&" + b"token=wrong&" * 15_000),
    Post("many fields", b"csrf_token=CSRF&" + b"&".join(b"%d=" % n for n in range(30_000))),
    Post("a token of 200,000 letters", b"csrf_token=CSRF&token=" + b"x" * 200_000),
    Post("a token of odd letters", b"csrf_token=CSRF&token=%00%ff%ed%a0%80%F0%9F%98%80"),
    Post("a csrf token of odd letters", b"csrf_token=%00%ff%ed%a0%80"),
    Post("a csrf token of 200,000 letters", b"csrf_token=" + b"0" * 200_000),
    Post("nothing but percent signs", b"%" * 200_000),
    Post("no form at all", b"<x>", "text/xml"),
    Post("json", b'{"csrf_token": "CSRF", "token": "wrong"}', "application/json"),
    Post("another character set", "csrf_token=CSRF&token=wrong".encode("utf-16"), f"{FORM}; charset=utf-16"),
    Post("a character set nobody knows", b"csrf_token=CSRF&token=wrong", f"{FORM}; charset=klingon"),
    Post("parts", part(b"csrf_token", b"CSRF") + part(b"token", b"wrong") + b"--b--\r\n", MULTIPART),
    Post("5,000 parts", part(b"csrf_token", b"CSRF") + part(b"a", b"") * 4_000 + b"--b--\r\n", MULTIPART, ends=(413,)),
    Post("a file for a token", part(b"csrf_token", b"CSRF") + part(b'token"; filename="x', b"x" * 100_000) + b"--b--\r\n", MULTIPART),
    Post("parts without an end", part(b"csrf_token", b"CSRF") + b"--b\r\n" + b"a: b\r\n" * 30_000, MULTIPART, ends=(403, 413)),
    Post("parts without a boundary", part(b"csrf_token", b"CSRF"), "multipart/form-data"),
    Post("a boundary of 5,000 letters", b"x" * 10_000, "multipart/form-data; boundary=" + "x" * 5_000),
    Post("a body too large", b"x" * (MAX_BODY + 1), ends=(413,)),
    Post("a body that inflates", gzip.compress(b"x" * 50_000_000), headers={"Content-Encoding": "gzip"}, ends=(413,)),
    Post("a body that does not inflate", b"x", headers={"Content-Encoding": "gzip"}, ends=(400,)),
    *[
        Post(f"the header {name}: {value[:20]!r}", b"csrf_token=CSRF&token=wrong", headers={name: value})
        for name, value in (
            ("X-CSRF-Token", "\xff\xfe"), ("X-CSRF-Token", "0" * 8_000), ("Origin", "http://["), ("Origin", "\xff"), ("Origin", "," * 8_000),
            ("Sec-Fetch-Site", "\xff"), ("Sec-Fetch-Site", "same-origin, cross-site"), ("Authorization", "Bearer \xff"), ("Authorization", "Basic " + "=" * 8_000),
            ("Authorization", "Bearer"), ("Accept", "," * 8_000), ("Accept", "text/html;q=nan"), ("Accept", "*/*;" * 2_000), ("X-Forwarded-For", "1," * 4_000),
            ("X-Forwarded-Proto", "https\xff"), ("X-Forwarded-Host", "127.0.0.1"), ("HX-Request", "true"), ("Accept-Charset", "\xff"),
        )
    ],
]  # fmt: skip
COOKIES = [
    "rpcbridge_session=", "rpcbridge_session=..", "rpcbridge_session=a.b.c", "rpcbridge_session=" + "." * 7_000, "rpcbridge_session=" + "A" * 7_000,
    "rpcbridge_session=AAAAAAAAAAAAAAAAAAAAAA.////////////.x", 'rpcbridge_session="\\377\\000"', "rpcbridge_session=\xff; rpcbridge_session=\xfe",
    "rpcbridge_visit=" + "A" * 22, "; " * 3_000, "a=b; " * 1_500, "=; ==;;;", "rpcbridge_session", "$Version=1; rpcbridge_session=x; $Path=/",
]  # fmt: skip
PLACES = [
    "/debug/static/../entrance.py", "/debug/static/..%2fentrance.py", "/debug/static/%2e%2e/entrance.py", "/debug/static/..%5centrance.py",
    "/debug/static//etc/passwd", "/debug/static/%00", "/debug/static/debug.css%00.js", "/debug/static/debug.css/", "/debug/static/debug.css/../htmx.min.js",
    "/debug/static/./htmx.min.js", "/debug/static", "/debug/login/../", "/debug/login%2f..%2f", "/debug//", "/debug/;x", "//debug/", "/%64ebug/", "/debug%2f",
    "/DEBUG/", "/debug/login/x", "/debug/exchanges/" + "A" * 3_000, "/debug?" + "a=" * 1_500,
]  # fmt: skip


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("inspector")
    with bridges.running(folder, TOML.format(folder=folder, token=TOKEN) + '[server]\ntrusted_proxies = ["127.0.0.1"]\n') as bridge:
        yield bridge
        assert "Traceback" not in (log := bridge.log.read_text())
        assert "internal_error" not in log
        assert bridge.get("/debug/", Authorization=f"Bearer {TOKEN}").status == 200


ADDRESSES = itertools.count()


def stranger() -> dict[str, str]:
    """Another each time, so that nobody is refused for guessing before."""
    number = next(ADDRESSES)
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


@pytest.mark.parametrize("post", POSTS, ids=lambda post: post.name)
def test_a_form(door: bridges.Running, post: Post):
    form = door.get("/debug/login")
    (csrf,) = re.findall(rb'name="csrf_token" value="([0-9a-f]+)"', form.body)
    cookie = form.headers["set-cookie"].partition(";")[0]
    headers = stranger() | {"Content-Type": post.kind, "Cookie": cookie} | post.headers
    got = door.post(post.body.replace(b"CSRF", csrf), "/debug/login", **headers)
    assert got.status in (post.ends if "HTTP" not in post.name else (401, 403))
    assert got.seconds < SECONDS
    assert "rpcbridge_session" not in got.headers.get("set-cookie", "")
    assert "content-security-policy" in got.headers


@pytest.mark.parametrize("cookie", COOKIES, ids=lambda cookie: cookie[:40])
def test_a_cookie(door: bridges.Running, cookie: str):
    for path, status in (("/debug/", 401), ("/debug/login", 200), ("/debug/static/htmx.min.js", 401)):
        got = door.get(path, Cookie=cookie, **stranger())
        assert got.status == status
        assert got.seconds < SECONDS


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path[:40])
def test_a_path(door: bridges.Running, path: str):
    for method in ("GET", "HEAD", "POST", "PUT"):
        got = door.post(b"x", path, method, Accept="text/html", **stranger())
        assert got.status in (303, 403, 404, 405), method
        assert b"import" not in got.body
        assert b"root:" not in got.body


def test_whoever_sends_a_form_slowly_holds_a_thread_no_longer_than_a_form_may_take(door: bridges.Running):
    cookie = door.get("/debug/login").headers["set-cookie"].partition(";")[0]
    trickling = head(1000, f"Cookie: {cookie}", f"Content-Type: {FORM}", path="/debug/login") + b"a"
    started = time.monotonic()
    assert sent(door.port, Script("trickle", (trickling, *[b"a"] * 60), ("HTTP 400",), pause=0.25, seconds=20.0)) == "HTTP 400"
    assert time.monotonic() - started < 20


def test_what_a_stranger_sends_without_a_cookie_is_not_even_read(door: bridges.Running):
    started = time.monotonic()
    assert sent(door.port, Script("no cookie", (head(1000, f"Content-Type: {FORM}", path="/debug/login"),), ("HTTP 403",), seconds=5.0)) == "HTTP 403"
    assert time.monotonic() - started < SECONDS


def test_the_folder_has_no_file_that_may_not_be_seen():
    folder = Path(bridges.ROOT, "rpcbridge", "web", "debug", "static")
    assert {path.suffix for path in folder.iterdir()} <= {".css", ".js", ".txt", ".md"}
