"""Settings: which source wins, what every kind of value may look like, and that all faults are named at once."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rpcbridge.errors import ConfigurationError, Problem
from rpcbridge.platforms import discovered
from rpcbridge.settings import Backend, General, Settings, load, settings_of
from rpcbridge.settings.sections import Breaker, Server

SECTIONS = {name: folder.Section for name, folder in discovered().items()}
SECRET = "hunter2-hunter2-hunter2"
SIGNING = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(text: str | None = None, environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """The settings of ./rpcbridge.toml, an environment and flags (`server__bind` is server.bind)."""
    if text is not None:
        Path("rpcbridge.toml").write_text(text, "utf-8")
    overrides = {name.replace("__", "."): value for name, value in flags.items()}
    return load(None, environment or {}, overrides, SECTIONS)


def faults(text: str | None = None, environment: Mapping[str, str] | None = None, **flags: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as refused:
        loaded(text, environment, **flags)
    return refused.value.problems


def fault(*arguments: Any, **flags: Any) -> str:
    (problem,) = faults(*arguments, **flags)
    return str(problem)


def test_without_anything_the_defaults_hold():
    read = loaded()
    assert (read.server, read.backend) == (Server(), Backend())
    assert (read.platforms, read.sources) == ({name: section() for name, section in SECTIONS.items()}, {})
    assert (read.strict, read.fallback, read.routes, read.prompts) == (False, None, (), {})


def test_the_environment_beats_the_file_and_a_flag_beats_both():
    text = '[server]\nbind = "127.0.0.1:1111"\nworkers = 3\nthreads = 100\n'
    environment = {"RPCBRIDGE_SERVER__WORKERS": "4", "RPCBRIDGE_SERVER__BIND": "127.0.0.1:2222"}
    read = loaded(text, environment, server__bind="127.0.0.1:3333")
    assert (read.server.threads, read.server.workers, read.server.bind) == (100, 4, "127.0.0.1:3333")
    assert read.sources == {
        "server.threads": "rpcbridge.toml:4",
        "server.workers": "RPCBRIDGE_SERVER__WORKERS",
        "server.bind": "command line",
    }


def test_a_named_file_is_read_instead_of_the_one_in_the_working_directory(tmp_path: Path):
    Path("rpcbridge.toml").write_text("nonsense", "utf-8")
    other = tmp_path / "other.toml"
    other.write_text("strict = true\n", "utf-8")
    read = load(other, {}, {}, SECTIONS)
    assert (read.strict, read.sources) == (True, {"strict": f"{other}:1"})


def test_a_named_file_that_cannot_be_read_is_a_fault(tmp_path: Path):
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[voicenter]\nsilent_prompt = "\xe9"\n')
    for file, message in ((tmp_path / "none.toml", "No such file"), (tmp_path, "directory"), (latin, "not UTF-8")):
        with pytest.raises(ConfigurationError, match=message) as refused:
            load(file, {}, {}, SECTIONS)
        assert refused.value.problems[0].source == str(file)


def test_a_file_that_is_no_toml_is_refused_with_its_line():
    (problem,) = faults("[server]\nworkers = 2\nbind = \n")
    assert problem.source == "rpcbridge.toml:3"
    assert "not valid TOML" in problem.message


@pytest.mark.parametrize(
    ("environment", "bind"),
    [
        ({"PORT": "9000"}, "0.0.0.0:9000"),
        ({"PORT": ""}, "0.0.0.0:8000"),
        ({"PORT": "9000", "RPCBRIDGE_SERVER__BIND": "127.0.0.1:7000"}, "127.0.0.1:7000"),
    ],
)
def test_port_replaces_the_port_alone(environment: dict, bind: str):
    assert loaded('[server]\nbind = "0.0.0.0:8000"\n', environment).server.bind == bind


def test_port_replaces_the_default_port_and_a_flag_beats_it():
    assert loaded(None, {"PORT": "9000"}).server.bind == "127.0.0.1:9000"
    assert loaded('[server]\nbind = "[::1]:8000"\n', {"PORT": "9000"}).server.bind == "[::1]:9000"
    assert loaded(None, {"PORT": "9000"}, server__bind="127.0.0.1:7000").server.bind == "127.0.0.1:7000"


@pytest.mark.parametrize("port", ["http", "65536", "-1", "80 80", "/dev/null"])
def test_a_port_that_is_none_is_a_fault_of_port(port: str):
    assert fault(None, {"PORT": port}).startswith("PORT: server.bind: expected an address")


def test_web_concurrency_sets_the_workers_unless_the_setting_does():
    assert loaded("[server]\nworkers = 3\n", {"WEB_CONCURRENCY": "5"}).server.workers == 5
    assert loaded(None, {"WEB_CONCURRENCY": "5", "RPCBRIDGE_SERVER__WORKERS": "7"}).server.workers == 7
    assert loaded("", {"WEB_CONCURRENCY": ""}).server.workers == 2
    assert fault(None, {"WEB_CONCURRENCY": "many"}).startswith("WEB_CONCURRENCY: server.workers: expected a whole number")


def test_a_secret_may_come_from_a_file(tmp_path: Path):
    (tmp_path / "auth").write_text(f"bearer {SECRET}\n", "utf-8")
    (tmp_path / "secret").write_text(f"  {SECRET}\n", "utf-8")
    read = loaded(
        None,
        {
            "RPCBRIDGE_BACKEND__AUTH_FILE": str(tmp_path / "auth"),
            "RPCBRIDGE_VOICENTER__SECRET_FILE": str(tmp_path / "secret"),
        },
    )
    assert (read.backend.auth, read.platforms["voicenter"].secret) == (f"bearer {SECRET}", SECRET)
    assert read.sources["backend.auth"] == "RPCBRIDGE_BACKEND__AUTH_FILE"


def test_a_secret_s_file_that_cannot_be_read_is_a_fault():
    assert fault(None, {"RPCBRIDGE_BACKEND__AUTH_FILE": "/none"}) == (
        "RPCBRIDGE_BACKEND__AUTH_FILE: backend.auth: the file it names cannot be read"
    )


def test_only_secrets_are_read_from_files(tmp_path: Path):
    (tmp_path / "url").write_text("http://127.0.0.1:1", "utf-8")
    refused = fault(None, {"RPCBRIDGE_BACKEND__URL_FILE": str(tmp_path / "url")})
    assert refused == "RPCBRIDGE_BACKEND__URL_FILE: backend.url: only a secret can be read from a file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[backend]\n\ndeadlin = '4s'\n", "rpcbridge.toml:3: backend.deadlin: unknown key, did you mean deadline?"),
        ("[backends]\nurl = 'http://a'\n", "rpcbridge.toml:1: backends: unknown section or key, did you mean backend?"),
        ("strikt = true\n", "rpcbridge.toml:1: strikt: unknown section or key, did you mean strict?"),
        (
            "[server]\n[voicenter]\nas_sample = true\n",
            "rpcbridge.toml:3: voicenter.as_sample: unknown key, did you mean as_sampled?",
        ),
        ("[backend.retries]\ncount = 3\n", "rpcbridge.toml:1: backend.retries: unknown key, "),
        ("[backend]\n[backend.breaker]\nfailurs = 3\n", "rpcbridge.toml:3: backend.breaker.failurs: unknown key, did you mean failures?"),
        ("[backend.braker]\nfailures = 3\n", "rpcbridge.toml:1: backend.braker: unknown key, did you mean breaker?"),
        ("[backend]\nbreaker = 3\n", "rpcbridge.toml:2: backend.breaker: expected a [backend.breaker] table, got 3"),
        ("[backend]\nbreaker.failures = 0\n", "rpcbridge.toml:2: backend.breaker.failures: expected a whole number from 1 to 1000, got 0"),
        ("backend = { breaker = { interval = 5 } }\n", "rpcbridge.toml:1: backend.breaker.interval: expected a duration"),
        ("[server]\nzzz = 1\n", "rpcbridge.toml:2: server.zzz: unknown key, known: bind, workers, threads, "),
        ("server.bindd = 'x'\n", "server.bindd: unknown key, did you mean bind?"),
    ],
)
def test_an_unknown_key_names_its_line_and_the_nearest_known_one(text: str, message: str):
    assert message in fault(text)


def test_an_unknown_variable_names_the_nearest_known_key():
    assert (
        fault(None, {"RPCBRIDGE_BACKEND__ULR": "x"}) == "RPCBRIDGE_BACKEND__ULR: backend.ulr: unknown key, did you mean url?"
    )
    assert "did you mean server?" in fault(None, {"RPCBRIDGE_SERVR__BIND": "x"})
    assert fault(None, {"RPCBRIDGE_BACKEND__BREAKER__INTERVL": "x"}).endswith("unknown key, did you mean interval?")
    assert fault(None, {"RPCBRIDGE_BACKEND__BRAKER__INTERVAL": "x"}).endswith("unknown key, did you mean breaker?")
    assert fault(None, {"RPCBRIDGE_BACKEND__BREAKER": "x"}).endswith("one of its keys must follow, known: failures, interval")
    assert fault(None, None, server__threds=5).startswith("command line: server.threds: unknown key, did you mean threads?")


def test_a_section_in_a_section_is_read_from_file_environment_and_flags():
    text = "[backend]\nurl = 'http://a'\n[backend.breaker]\nfailures = 3\n"
    read = loaded(text, {"RPCBRIDGE_BACKEND__BREAKER__INTERVAL": "250ms"})
    assert (read.backend.url, read.backend.breaker) == ("http://a", Breaker(failures=3, interval=0.25))
    assert read.sources["backend.breaker.failures"] == "rpcbridge.toml:4"
    assert read.sources["backend.breaker.interval"] == "RPCBRIDGE_BACKEND__BREAKER__INTERVAL"
    assert loaded(text, None, backend__breaker__failures=9).backend.breaker.failures == 9


def test_signing_secrets_come_from_the_file_a_variable_or_a_file_of_their_own(tmp_path: Path):
    old, new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.b64encode(bytes(64)).decode()
    (tmp_path / "secrets").write_text(f"{new}\n{old}\n", "utf-8")
    assert loaded(f'[backend]\nsecrets = ["{old}"]\n').backend.secrets == (old,)
    assert loaded("", {"RPCBRIDGE_BACKEND__SECRETS": f"{new} {old}"}).backend.secrets == (new, old)
    assert loaded(None, {"RPCBRIDGE_BACKEND__SECRETS_FILE": str(tmp_path / "secrets")}).backend.secrets == (new, old)
    assert loaded("").backend.secrets == ()


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "got one without whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w", "got one that is no base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8I", "got one of 15 bytes"),
        ("whsec_" + "A" * 88, "got one of 66 bytes"),
    ],
)
def test_a_malformed_signing_secret_is_refused_and_never_shown(secret: str, said: str):
    for message in (fault(f'[backend]\nsecrets = ["{secret}"]\n'), fault("", {"RPCBRIDGE_BACKEND__SECRETS": secret})):
        assert message.endswith(said)
        assert "backend.secrets: expected a list of whsec_ and the base64 of 24 to 64 bytes" in message
        assert secret.removeprefix("whsec_") not in message


@pytest.mark.parametrize("name", ["BACKEND__SECRETS", "VOICENTER__SECRET"])
def test_a_secret_of_nothing_but_blanks_is_a_fault(name: str):
    assert "is empty, which would leave the door open" in fault(None, {f"RPCBRIDGE_{name}": "  "})


def test_other_variables_are_nobody_s_business():
    assert (
        loaded(None, {"RPCBRIDGE_CONFIG": "x", "RPCBRIDGES": "y", "PATH": "z", "rpcbridge_server__bind": "q"}).sources == {}
    )


def test_all_faults_of_all_sources_come_at_once():
    text = '[server]\nworkers = 0\nthreads = "many"\n[backend]\nurl = "ftp://x"\nwrong = 1\n[[route]]\nurl = "http://a"\n'
    problems = faults(text, {"PORT": "x", "RPCBRIDGE_BACKEND__DEADLINE": "soon"}, voicenter__language="fr")
    assert {problem.path for problem in problems} == {
        "server.workers", "server.threads", "backend.url", "backend.wrong", "route 1", "server.bind", "backend.deadline",
        "voicenter.language",
    }  # fmt: skip
    assert all(problem.source for problem in problems)


@pytest.mark.parametrize(
    "text",
    [
        f'[backend]\nauth = "digest {SECRET}"\n',
        f'[backend]\nauth = ["{SECRET}"]\n',
        f'[backend]\nheaders = "{SECRET}"\n',
        f'[backend.headers]\nAuthorization = "{SECRET}"\n',
        f'[backend.headers]\nX-Key = "{SECRET}\\n"\n',
        f'[backend]\nautth = "{SECRET}"\n',
        f'[voicenter]\nsecret = "{SECRET}/"\n',
        f'[voicenter]\nsecret = ["{SECRET}"]\n',
        f'[voicenter]\nsecret = "{SECRET}\n',
        f'[voicenter]\ncredentials = "{SECRET}"\n',
        f'[voicenter]\ncredentials = ["{SECRET}"]\n',
        f'[backend]\nsecrets = ["{SECRET}"]\n',
        f'[backend]\nsecrets = {{ a = "{SECRET}" }}\n',
    ],
)
def test_a_secret_never_shows_in_a_fault(text: str):
    assert SECRET not in fault(text)


def test_a_bad_secret_from_the_environment_or_a_file_does_not_show_either(tmp_path: Path):
    (tmp_path / "auth").write_text(f"digest {SECRET}", "utf-8")
    assert SECRET not in fault(None, {"RPCBRIDGE_BACKEND__AUTH": f"digest {SECRET}"})
    assert SECRET not in fault(None, {"RPCBRIDGE_BACKEND__AUTH_FILE": str(tmp_path / "auth")})
    assert SECRET not in fault(None, None, backend__auth=f"digest {SECRET}")


@pytest.mark.parametrize(
    "written", ["[backend]\nurl", "[backend]\nproxy", "[[route]]\nfallback = {}\ncalled_number = '1'\nurl"]
)
def test_credentials_in_a_url_do_not_show_in_a_fault(written: str):
    assert SECRET not in fault(f'{written} = "http://user:{SECRET}@backend"\n')


def test_secrets_never_show_in_a_repr():
    read = loaded(
        f'[backend]\nauth = "basic me:{SECRET}"\nsecrets = ["whsec_{SIGNING}"]\n[backend.headers]\nX-Key = "{SECRET}"\n'
        f'[voicenter]\nsecret = "{SECRET}"\ncredentials = "me:{SECRET}"\n'
    )
    assert (read.backend.auth, read.backend.headers) == (f"basic me:{SECRET}", (("X-Key", SECRET),))
    assert SECRET not in repr(read)
    assert SIGNING not in repr(read)
    assert SECRET not in str(read.sources)


def test_every_setting_has_a_help_line_and_a_default_its_reader_takes():
    for name, section in {"": General, "server": Server, "backend": Backend, **SECTIONS}.items():
        for setting in settings_of(section, name):
            assert setting.help, setting.path
            assert setting.reader.expected, setting.path
            assert "secret" not in setting.key or setting.secret, setting.path
