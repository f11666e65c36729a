"""No number, name or long input of any fixture is left anywhere that somebody looks: not in the tables, on a page, in an export or in the log.

Routes are found in the application, fixtures in their folders: a page or a platform is tested by being there.
"""

from __future__ import annotations

import html
import http.client
import io
import itertools
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
import sqlalchemy
from werkzeug.routing import AnyConverter, Rule

from rpcbridge.codec import Batch, decode_request
from rpcbridge.domain.actions import Catalogue
from rpcbridge.errors import CallError
from rpcbridge.platforms import Options, Platform, discovered
from rpcbridge.redaction import CONTRACT
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import databases, inspector
from tests.support.backend import reply
from tests.support.exchanges import PLATFORMS, Case, Playing, whole

TOML = """
[backend]
url = "{backend}"
[database]
url = "{database}"
[debug]
enabled = true
[mediaservice]
secret = "only-the-platform-knows-it-4711"
"""
SECRET = "only-the-platform-knows-it-4711"
# What holds the events that have yet to be delivered and the state of calls; SECURITY.md says what is in it and for how long.
NEEDED_AS_IT_IS = {"outbox", "calls", "sessions", "session_timers"}
ACCEPTS = ("text/html", "application/json")
LISTENS = 2.0  # seconds to a stream, with calls coming
# What stands in a rule's place that holds no id: for a page whose address has a word of its own, add its words here.
WORDS: dict[str, tuple[str, ...]] = {}
QUERIES = ("id", "call_id")  # by which pages are asked for one call


@dataclass(frozen=True)
class Played:
    """All fixtures of one platform, gone through a bridge and recorded."""

    bridge: bridges.Running
    database: str
    secrets: frozenset[str]
    exchanges: tuple[str, ...]
    calls: tuple[str, ...]
    again: Callable[[], None]


def cases(platform: str) -> list[Case]:
    return [Case(folder) for folder in whole(platform)]


def secrets_of(content: Any, name: str = "") -> Iterator[str]:
    """What must not be read of an event or an answer."""
    if isinstance(content, dict):
        for inner, value in content.items():
            yield from secrets_of(value, inner)
    elif isinstance(content, list):
        for value in content:
            yield from secrets_of(value, name)
    elif isinstance(content, str):
        kind = CONTRACT.get(name)
        if (kind == "digits" and len(content) >= 4) or (kind == "number" and re.search("[0-9]", content)) or (kind == "name" and len(content) > 2):
            yield content


def secrets_in(case: Case, platform: Platform) -> Iterator[str]:
    """What must not be read of what the phone system itself says: its own fields tell what they hold."""
    try:
        call = decode_request(case.bytes("platform_request"), case.path.rpartition("/")[2] if platform.methods_in_path else "")
    except CallError:
        return
    for item in call.items if isinstance(call, Batch) else (call,):
        for param in getattr(item, "params", ()):
            yield from _sensitive(param, "", platform)


def _sensitive(value: Any, name: str, platform: Platform) -> Iterator[str]:
    if isinstance(value, dict):
        for inner, content in value.items():
            yield from _sensitive(content, name if platform.sensitive.get(name) == "state" else inner, platform)
    elif isinstance(value, list):
        for content in value:
            yield from _sensitive(content, name, platform)
    elif isinstance(value, str):
        yield from _secret(value, platform.sensitive.get(name))


def _secret(value: str, kind: str | None) -> Iterator[str]:
    if kind in ("number", "state"):
        yield from re.findall(r"\+?[0-9]{4,}", value)
    elif (kind == "digits" and len(value) >= 4) or (kind == "name" and len(value) > 2) or (kind == "token" and len(value) > 20):
        yield value


@contextmanager
def playing(platform: str, kind: str, folder: Path) -> Iterator[Played]:
    secrets = {
        secret for case in cases(platform) for station in ("event", "backend_response") if case.has(station)
        for secret in secrets_of(case.json(station))
    }  # fmt: skip
    known = made(platform)
    secrets |= {secret for case in cases(platform) for secret in secrets_in(case, known)}
    secrets |= {" ".join(secret) for secret in secrets if secret.isdigit()}  # as it is spoken
    secrets.add(SECRET)
    database = databases.fresh(kind, folder)
    with backends.running(reply({})) as backend:
        backend.take = reply(b"", 204)
        toml = TOML.format(backend=backend.url, database=database)
        with bridges.running(folder, toml, WEB_CONCURRENCY="2") as bridge:

            def post(body: bytes, path: str) -> bridges.Reply:
                return bridge.post(body, path.replace("/mediaservice/", f"/mediaservice/{SECRET}/"))

            def answer(body: bytes) -> None:
                backend.behave = reply(body)

            def play() -> None:
                for case in cases(platform):
                    assert Playing(post, answer).play(case).status in (200, 204)

            play()
            exchanges, calls = recorded(bridge, database)
            yield Played(bridge, database, frozenset(secrets), exchanges, calls, play)


def made(platform: str) -> Platform:
    """A platform with nothing configured."""
    folder = discovered()[platform]
    return folder.make(folder.Section(), Options(_NO_PROMPTS))


_NO_PROMPTS: Catalogue = {}


def recorded(bridge: bridges.Running, database: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids of all exchanges and of their calls, once every line of the log has its exchange."""
    assert bridge.get("/debug/").status == 200, "the tables are there"
    engine = opened(database)

    def look() -> list[tuple[str, str]]:
        with engine.connect() as connection:
            rows = [(str(id), str(call)) for id, call in connection.exec_driver_sql("SELECT id, call_id FROM exchanges")]
            waiting = connection.exec_driver_sql("SELECT count(*) FROM outbox WHERE status = 'pending'").scalar_one()
        return rows if not waiting and len(rows) == len(bridge.lines()) else []

    try:
        rows = bridges.awaited(look, 30)
    finally:
        engine.dispose()
    return tuple(sorted(id for id, _ in rows)), tuple(sorted({call for _, call in rows} - {""}))


def opened(database: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(re.sub("^postgresql:", "postgresql+psycopg:", database))


@pytest.fixture(scope="module", params=list(itertools.product(PLATFORMS, databases.KINDS)), ids="-".join)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with playing(*request.param, tmp_path_factory.mktemp("numbers")) as all_of_it:
        yield all_of_it


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    """A bridge that nobody called: what its pages say is the program's own, such as the numbers a form begins with."""
    folder = tmp_path_factory.mktemp("untouched")
    with bridges.running(folder, TOML.format(backend="http://127.0.0.1:9", database=databases.fresh("sqlite", folder))) as bridge:
        yield bridge


def found_in(text: str, secrets: frozenset[str]) -> set[str]:
    """The secrets that stand in a text as words of their own, however it writes them."""
    unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text)
    written = "\n".join({text, unescaped, html.unescape(text), html.unescape(unescaped), unquote_plus(text)})
    return {secret for secret in secrets if secret in written and _alone(secret).search(written)}


def _alone(secret: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])")


def test_the_fixtures_have_something_to_hide():
    for platform in PLATFORMS:
        secrets = {secret for case in cases(platform) if case.has("event") for secret in secrets_of(case.json("event"))}
        assert len(secrets) >= 3, platform
        assert found_in(" ".join(case.bytes("platform_request").decode("utf-8", "replace") for case in cases(platform)), frozenset(secrets)), platform


def test_the_search_finds_a_secret_however_it_is_written():
    secrets = frozenset({"0541112233", "דנה לוי", 'Dana "D" Levi'})
    for text in (
        "<td>0541112233</td>", "CALLER_ID=0541112233&x", "tel:+0541112233.", json.dumps({"x": "דנה לוי"}), json.dumps("דנה לוי", ensure_ascii=False),
        quote("דנה לוי"), "&#1491;&#1504;&#1492; לוי", "Dana &#34;D&#34; Levi", "Dana &quot;D&quot; Levi",
    ):  # fmt: skip
        assert found_in(text, secrets), text
    assert not found_in("********33 90541112233 0541112233x", secrets)


def test_the_tables_hold_none(played: Played):
    engine = opened(played.database)
    searched = 0
    with engine.connect() as connection:
        for table in set(sqlalchemy.inspect(engine).get_table_names()) - NEEDED_AS_IT_IS:
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings():
                for column, value in row.items():
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
                    assert found_in(text, played.secrets) == set(), f"{table}.{column}"
                    searched += 1
    engine.dispose()
    assert searched > 20 * len(played.exchanges), "the documents and the columns of every exchange"


RULES = [rule for rule in inspector.rules() if "GET" in (rule.methods or ()) and rule.endpoint not in ("debug.login", "debug.static")]


@pytest.mark.parametrize("rule", sorted(RULES, key=str), ids=str)
def test_no_page_and_no_export_shows_any(played: Played, untouched: bridges.Running, rule: Rule):
    answered = 0
    for path in paths(rule, played):
        for accept in ACCEPTS:
            status, body, streams = looked_at(played.bridge, path, accept, played.again)
            answered += status == 200
            found = {secret for text in texts_of(body) for secret in found_in(text, played.secrets)}
            if found and not rule.arguments:
                _, body, _ = looked_at(untouched, rule.rule, accept, lambda: None)
                found -= {secret for text in texts_of(body) for secret in found_in(text, played.secrets)}
            assert found == set(), f"{path} as {accept}"
            if streams:  # it says the same to everybody
                return
    assert answered, f"no address of {rule} was answered: add what stands in its places to WORDS"


def paths(rule: Rule, played: Played) -> Iterator[str]:
    """Every address of one route: all ids of exchanges and of calls in its places, or in its query where it has no places."""
    choices = []
    for name in sorted(rule.arguments):
        converter = rule._converters[name]
        words = tuple(converter.items) if isinstance(converter, AnyConverter) else WORDS.get(name, ())
        choices.append([(name, value) for value in words or (*played.exchanges, *played.calls)])
    for chosen in itertools.product(*choices):
        path = inspector.filled(rule, **dict(chosen))
        yield path
        if all(name in WORDS or isinstance(rule._converters[name], AnyConverter) for name in rule.arguments):
            yield from (f"{path}?{name}={quote(call, safe='')}" for name in QUERIES for call in played.calls)


def looked_at(bridge: bridges.Running, path: str, accept: str, again: Callable[[], None]) -> tuple[int, bytes, bool]:
    """Status and body of a page; of a stream what it says of what was and while calls come. And whether it is one."""
    connection = http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Accept": accept, "Last-Event-ID": "0"})
        response = connection.getresponse()
        if "event-stream" not in response.getheader("Content-Type", ""):
            return response.status, response.read(), False
        again()
        assert connection.sock is not None
        connection.sock.settimeout(LISTENS)
        said = b""
        try:
            while some := response.read1(65_536):
                said += some
        except TimeoutError:
            pass
        return response.status, said, True
    finally:
        connection.close()


def texts_of(body: bytes) -> Iterator[str]:
    """What can be read in a body, also in an archive."""
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                yield name + "\n" + archive.read(name).decode("utf-8", "replace")
    else:
        yield body.decode("utf-8", "replace")


def test_what_is_needed_to_recognise_a_number_is_left(played: Played):
    shown = "".join(played.bridge.get(f"/debug/exchanges/{id}").body.decode() for id in played.exchanges)
    tails = {secret[-2:] for secret in played.secrets if re.fullmatch("[0-9]{9,}", secret)}
    assert tails
    for tail in tails:
        assert re.search(rf"\*{{5,}}{tail}(?![0-9])", shown), tail


def test_the_log_has_none(played: Played):
    log = played.bridge.log.read_text()
    assert len(log.splitlines()) >= len(played.exchanges)
    assert found_in(log, played.secrets) == set()
