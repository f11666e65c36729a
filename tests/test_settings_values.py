"""What each kind of setting may look like, [[route]], and what no setting alone can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rpcbridge.errors import ConfigurationError
from rpcbridge.platforms import discovered
from rpcbridge.settings import Alerts, Route, Settings, load, settings_of

SECTIONS = {name: folder.Section for name, folder in discovered().items()}
SECRET = "whsec_" + "c2VjcmV0" * 5


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(text: str, environment: dict[str, str] | None = None) -> Settings:
    Path("rpcbridge.toml").write_text(text, "utf-8")
    return load(None, environment or {}, {}, SECTIONS)


def faults(text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        loaded(text, environment)
    return [str(problem) for problem in refused.value.problems]


def setting(path: str, written: str) -> Any:
    """The value of one setting written so in the file."""
    section, key = path.split(".")
    read = loaded(f"[{section}]\n{key} = {written}\n")
    return getattr(read.platforms.get(section) or getattr(read, section), key)


@pytest.mark.parametrize(
    ("path", "written", "read"),
    [
        ("backend.deadline", '"4s"', 4.0),
        ("backend.connect_timeout", '"800ms"', 0.8),
        ("backend.attempt_timeout", '"1.5s"', 1.5),
        ("backend.deadline", '" 2m "', 120.0),
        ("backend.deadline", '"1h"', 3600.0),
        ("server.drain", '"0s"', 0.0),
        ("server.drain", '"0ms"', 0.0),
        ("server.drain", '"10s"', 10.0),
        ("server.max_body", '"512B"', 512),
        ("server.max_body", '"256KiB"', 262_144),
        ("server.max_body", '"1 MiB"', 1_048_576),
        ("server.trusted_proxies", "[]", ()),
        ("server.trusted_proxies", '["192.0.2.0/24", "192.0.2.77", "2001:db8::/32"]', ("192.0.2.0/24", "192.0.2.77/32", "2001:db8::/32")),
        ("voicenter.networks", '["192.0.2.5/24"]', ("192.0.2.0/24",)),
        ("server.bind", '"0.0.0.0:0"', "0.0.0.0:0"),
        ("server.bind", '"localhost:08080"', "localhost:8080"),
        ("server.bind", '"[::]:8080"', "[::]:8080"),
        ("server.workers", "64", 64),
        ("server.workers", '"4"', 4),
        ("backend.url", '"http://127.0.0.1:8090/"', "http://127.0.0.1:8090"),
        ("backend.url", '"https://backend.example/base/path"', "https://backend.example/base/path"),
        ("backend.url", '"http://[::1]:8090"', "http://[::1]:8090"),
        ("backend.proxy", '""', ""),
        ("backend.proxy", '"http://proxy.example:3128"', "http://proxy.example:3128"),
        ("backend.action_path", '"/v1/{platform}/{event}/{call_id}?did={called_number}"', "/v1/{platform}/{event}/{call_id}?did={called_number}"),
        ("backend.events_path", '"/"', "/"),
        ("backend.encoding", '"form"', "form"),
        ("backend.auth", '"bearer abc.def"', "bearer abc.def"),
        ("backend.auth", '"basic user:pass:word"', "basic user:pass:word"),
        ("backend.auth", '""', ""),
        ("backend.headers", '{X-A = "1", x-b = ""}', (("X-A", "1"), ("x-b", ""))),
        ("backend.verify", "false", False),
        ("backend.verify", '"no"', False),
        ("backend.include_raw", '"ON"', True),
        ("alerts.url", '""', ""),
        ("alerts.url", '"https://hooks.example/services/T0/B0/x?key=a/b"', "https://hooks.example/services/T0/B0/x?key=a/b"),
        ("alerts.url", '"http://127.0.0.1:9/hook/"', "http://127.0.0.1:9/hook/"),
        ("alerts.secrets", f'["{SECRET}"]', (SECRET,)),
        ("alerts.interval", '"5m"', 300.0),
        ("voicenter.secret", '"0123456789abcdef"', "0123456789abcdef"),
        ("voicenter.credentials", '"pbx:twelve-chars"', "pbx:twelve-chars"),
        ("voicenter.credentials", '"a:with:colons:in:it"', "a:with:colons:in:it"),
        ("voicenter.credentials", '""', ""),
        ("voicenter.silent_prompt", '" שקט "', "שקט"),
    ],
)  # fmt: skip
def test_good_values_are_read(path: str, written: str, read: object):
    assert setting(path, written) == read


@pytest.mark.parametrize(
    ("path", "written"),
    [
        *[("backend.deadline", written) for written in ("4", '"4"', '"4 s"', '"0s"', '"0ms"', '"-1s"', '"4S"', '"1e3s"', '"٤s"', "true", '""')],
        *[("server.drain", written) for written in ("0", '"0"', '""', '"-1s"', '"25h"', '"none"', "false")],
        *[("server.max_body", written) for written in ("1024", '"1024"', '"1MB"', '"0KiB"', '"-1B"', '"1.5MiB"', '"1mib"')],
        *[("server.trusted_proxies", written) for written in ('"10.0.0.0/8"', '["10.0.0.0/33"]', '["any"]', "[10]", '[""]')],
        *[("server.bind", written) for written in ("8080", '"8080"', '":8080"', '"127.0.0.1"', '"127.0.0.1:"', '"127.0.0.1:65536"', '"a:http"')],
        *[("server.workers", written) for written in ("0", "65", "2.0", "true", '"2.0"', '"two"', '"-1"', '"٢"', "[2]")],
        *[("server.threads", written) for written in ("8", "4097")],
        *[("backend.url", written) for written in ('"backend"', '"//backend"', '"ftp://backend"', '"http://"', '"http://a?b=1"', '"http://a#b"',
          '"http://user@a"', '"http://a:0"', '"http://a:99999"', '"http://a b"', '"http://a\\\\b"', '"http://[::1"', "1")],
        *[("backend.action_path", written) for written in ('"ivr"', '""', '"//ivr"', '"/a b"', '"/#a"', '"/שם"', '"/{who}"', '"/{call_id"', '"/}"',
          '"/{}"', '"/{{call_id}}"')],
        *[("backend.auth", written) for written in ('"secret"', '"bearer"', '"bearer "', '"bearer a b"', '"Bearer a"', '"basic user"', '"basic :p"',
          '"basic us er:p"', '"bearer a\\n"', "5")],
        *[("backend.headers", written) for written in ('"X: 1"', '["X"]', '{"X Y" = "1"}', '{"" = "1"}', "{X = 1}", '{X = "a\\r\\nb"}', '{X = "ש"}')],
        *[("backend.headers", f'{{{name} = "1"}}') for name in ("Authorization", "content-type", "Content-Length", "Transfer-Encoding", "connection",
          "Idempotency-Key", "traceparent", "RPCBridge-Deadline", "webhook-id")],
        *[("backend.encoding", written) for written in ('"xml"', '"JSON"', '""', "1")],
        *[("backend.verify", written) for written in ('"maybe"', "1", '""')],
        *[("voicenter.secret", written) for written in ('"short"', '"has/slash/has/slash"', '"has space has space"', f'"{"x" * 129}"', '"סודסודסודסודסוד"')],
        *[("voicenter.credentials", written) for written in ('"pbx"', '"pbx:short"', '"pbx:eleven-char"', '":twelve-chars"', '"twelve-chars:"',
          '"pbx:with a blank in it"', '"us er:twelve-chars"', f'"pbx:{"x" * 129}"', '"pbx:סודסודסודסוד"', '["pbx:twelve-chars"]')],
        *[("alerts.url", written) for written in ('"hooks.example/x"', '"ftp://a/x"', '"http://user:pass@a/x"', '"http://a/x#b"', '"http://a/x y"',
          '"http://a?b=ש"', '"http://?b"', '["http://a"]', "1")],
        *[("alerts.secrets", written) for written in ('["secret"]', '["whsec_c2VjcmV0"]', '[""]', "[1]", "5")],
        *[("alerts.interval", written) for written in ('"0s"', '"25h"', "300")],
        ("voicenter.language", '"fr"'),
        ("voicenter.silent_prompt", '"a\\u0000b"'),
    ],
)  # fmt: skip
def test_bad_values_are_refused_with_what_is_expected_and_the_line(path: str, written: str):
    section, key = path.split(".")
    (fault,) = faults(f"[{section}]\n{key} = {written}\n")
    assert fault.startswith(f"rpcbridge.toml:2: {path}: expected ")


def test_lists_and_tables_come_from_the_file_only():
    environment = {"RPCBRIDGE_SERVER__TRUSTED_PROXIES": "10.0.0.0/8", "RPCBRIDGE_BACKEND__HEADERS": "X: 1"}
    headers, proxies = faults("", environment)
    assert headers.startswith("RPCBRIDGE_BACKEND__HEADERS: backend.headers: expected a table")
    assert proxies.startswith("RPCBRIDGE_SERVER__TRUSTED_PROXIES: server.trusted_proxies: expected a list")
    assert "in the file" in headers
    assert "in the file" in proxies


def test_signing_secrets_may_come_from_a_variable_or_a_file(tmp_path: Path):
    (tmp_path / "secrets").write_text(f"{SECRET}\n{SECRET}AAAA\n", "utf-8")
    both = (SECRET, f"{SECRET}AAAA")
    assert loaded("", {"RPCBRIDGE_ALERTS__SECRETS": " ".join(both)}).alerts.secrets == both
    assert loaded("", {"RPCBRIDGE_ALERTS__SECRETS_FILE": str(tmp_path / "secrets")}).alerts.secrets == both


def test_the_url_of_the_hook_is_never_shown_whole():
    (fault,) = faults('[alerts]\nurl = "https://hooks.example/secret path"\n')
    assert "secret path" not in fault
    read = loaded('[alerts]\nurl = "https://hooks.example?key=secret"\n').alerts
    assert "secret" not in repr(read)
    (row,) = (row for row in settings_of(Alerts, "alerts") if row.key == "url")
    assert row.reader.show(read.url) == "https://hooks.example/***"


ROUTES = """
[[route]]
called_number = "0730000001"
url = "http://127.0.0.1:1/"

[[route]]
called_prefix = "073"
fallback = { action = "hangup" }
"""


def test_routes_are_read_in_their_order():
    first, second = loaded(ROUTES).routes
    assert first == Route(called_number="0730000001", url="http://127.0.0.1:1")
    assert second == Route(called_prefix="073", fallback={"action": "hangup"})
    assert (first.source, second.source) == ("rpcbridge.toml:2", "rpcbridge.toml:6")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[route]]\nurl = 'http://a'\n", "rpcbridge.toml:1: route 1: expected exactly one of called_number, called_prefix"),
        (
            "[[route]]\nurl = 'http://a'\ncalled_number = '1'\ncalled_prefix = '1'\n",
            "rpcbridge.toml:1: route 1: expected exactly one of called_number, called_prefix",
        ),
        ("[[route]]\nurl = 'http://a'\ncalled_number = ''\n", "route 1: expected exactly one of called_number, called_prefix"),
        ("[[route]]\ncalled_number = '1'\n", "rpcbridge.toml:1: route 1: expected url, fallback or both"),
        ("[[route]]\ncalled_number = '1'\nurl = 'a'\nfallback = {}\n", "route 1.url: expected an http or https URL"),
        ("[[route]]\ncalled_number = '1'\nurl = 'http://a'\nprefix = '1'\n", "route 1.prefix: unknown key, did you mean called_prefix?"),
        (f"{ROUTES}[[route]]\ncalled_number = 1\ncalled_prefix = '2'\nurl = 'http://a'\n", "rpcbridge.toml:10: route 3.called_number: expected a text"),
        ("[route]\ncalled_number = '1'\nurl = 'http://a'\n", "rpcbridge.toml:1: route: expected [[route]] tables"),
        ("route = 5\n", "route: expected [[route]] tables"),
    ],
)  # fmt: skip
def test_a_route_s_faults_are_named_with_its_line(text: str, message: str):
    (fault,) = faults(text)
    assert message in fault


def test_fallback_and_prompts_are_tables():
    read = loaded('[fallback]\naction = "hangup"\n[prompts.welcome]\nvoicenter = "w"\n', {"RPCBRIDGE_FALLBACK__CAUSE": "16"})
    assert (read.fallback, read.prompts) == ({"action": "hangup", "cause": "16"}, {"welcome": {"voicenter": "w"}})
    assert faults('fallback = "hangup"\n') == ['rpcbridge.toml:1: fallback: expected a [fallback] table, got "hangup"']
    assert faults("prompts = 5\n") == ["rpcbridge.toml:1: prompts: expected a [prompts] table, got 5"]


@pytest.mark.parametrize(("calls", "threads"), [(512, 512), (600, 512), (9, 9), (4095, 4000)])
def test_as_many_calls_as_threads_are_refused(calls: int, threads: int):
    # A thread must be left for the fallback that caller number max_calls + 1 gets.
    (fault,) = faults(f"[server]\nthreads = {threads}\nmax_calls = {calls}\n")
    assert fault.startswith("rpcbridge.toml:3: server.max_calls: ")
    assert "server.threads" in fault


def test_max_calls_leaves_eight_threads_by_default():
    assert loaded("[server]\nthreads = 100\n").server.call_limit == 92
    assert loaded("[server]\nthreads = 100\nmax_calls = 99\n").server.call_limit == 99
    assert loaded("[server]\nthreads = 9\n").server.call_limit == 1


@pytest.mark.parametrize("key", ["connect_timeout", "attempt_timeout"])
def test_no_time_out_is_longer_than_the_deadline(key: str):
    (fault,) = faults(f'[backend]\ndeadline = "1s"\n{key} = "1001ms"\n')
    assert fault == f"rpcbridge.toml:3: backend.{key}: longer than backend.deadline (1s)"
    assert getattr(loaded(f'[backend]\ndeadline = "1s"\n{key} = "1s"\n').backend, key) == 1.0


def test_the_authorities_file_must_be_there(tmp_path: Path):
    (fault,) = faults('[backend]\nca_file = "/none.pem"\n')
    assert fault == "rpcbridge.toml:2: backend.ca_file: no such file: /none.pem"
    (tmp_path / "ca.pem").write_text("x", "utf-8")
    assert loaded('[backend]\nca_file = "ca.pem"\n').backend.ca_file == "ca.pem"
