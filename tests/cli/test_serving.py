"""`serve`, bare gunicorn, check-config, version, help: as a stranger meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_call import rpcbridge
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import xml
from tests.support.profile import check_reply


def asked(bridge: bridges.Running) -> str:
    reply = bridge.post(xml())
    return check_reply(reply.status, reply.headers, reply.body)["ACTION"]


def test_serve_runs_from_any_folder(backend: backends.Backend, tmp_path: Path):
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n') as bridge:
        assert asked(bridge) == "HANGUP"
        assert "Using worker: gthread" in bridge.log.read_text()
    assert bridge.process.returncode == 0


def test_bare_gunicorn_runs_with_the_projects_configuration(backend: backends.Backend, tmp_path: Path):
    gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n', command=gunicorn, cwd=bridges.ROOT) as bridge:
        assert asked(bridge) == "HANGUP"
        assert "Using worker: gthread" in bridge.log.read_text()
        assert bridge.lines("one_call_at_a_time") == []


def test_a_worker_that_takes_one_call_at_a_time_says_so(backend: backends.Backend, tmp_path: Path):
    gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:app", "--worker-class", "sync", "--threads", "1"]
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n', command=gunicorn, cwd=bridges.ROOT) as bridge:
        assert asked(bridge) == asked(bridge) == "HANGUP"
        assert bridge.last_line("one_call_at_a_time")
        assert len(bridge.lines("one_call_at_a_time")) == 1


def test_serve_takes_gunicorns_arguments_from_the_environment(backend: backends.Backend, tmp_path: Path):
    toml = f'[backend]\nurl = "{backend.url}"\n'
    with bridges.running(tmp_path, toml, GUNICORN_CMD_ARGS="--workers 3 --log-level debug") as bridge:
        assert asked(bridge) == "HANGUP"
        assert "workers: 3" in bridge.log.read_text()


@pytest.mark.parametrize("command", [["-m", "rpcbridge", "serve"], ["-m", "gunicorn", "wsgi:app"]])
def test_a_faulty_configuration_does_not_start(tmp_path: Path, command: list[str]):
    (tmp_path / "rpcbridge.toml").write_text('[backend]\nulr = "x"\n[fallback]\naction = "menu"\n', "utf-8")
    environment = {"PATH": "/usr/bin:/bin", "RPCBRIDGE_CONFIG": str(tmp_path / "rpcbridge.toml")}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=30, cwd=bridges.ROOT
    )
    assert done.returncode != 0
    assert "rpcbridge.toml:2: backend.ulr: unknown key, did you mean url?" in done.stderr
    assert "Traceback" not in done.stderr


def check(tmp_path: Path, toml: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    (tmp_path / "rpcbridge.toml").write_text(toml, "utf-8")
    return rpcbridge("check-config", "-c", str(tmp_path / "rpcbridge.toml"), *arguments, **variables)


def test_check_config_shows_what_is_in_force_and_where_it_comes_from(tmp_path: Path):
    toml = '[backend]\nurl = "http://127.0.0.1:8090"\nauth = "bearer hunter2hunter2"\n[backend.breaker]\nfailures = 7\n'
    variables = {"RPCBRIDGE_BACKEND__DEADLINE": "3s", "RPCBRIDGE_VOICENTER__CREDENTIALS": "pbx:hunter2hunter2", "PORT": "9000"}
    variables["RPCBRIDGE_BACKEND__SECRETS"] = f"whsec_hunter2hunter2hu{'A' * 16} whsec_{'A' * 32}"
    done = check(tmp_path, toml, "--json", **variables)
    assert done.returncode == 0, done.stderr
    rows = {row["setting"]: row for row in json.loads(done.stdout)["settings"]}
    assert rows["backend.deadline"] == {"setting": "backend.deadline", "value": "3s", "source": "RPCBRIDGE_BACKEND__DEADLINE"}
    assert rows["server.bind"]["value"] == "127.0.0.1:9000"
    assert rows["backend.url"]["source"].endswith("rpcbridge.toml:2")
    assert (rows["backend.breaker.failures"]["value"], rows["backend.breaker.interval"]["value"]) == ("7", "5s")
    assert rows["backend.breaker.failures"]["source"].endswith("rpcbridge.toml:5")
    for secret in ("backend.auth", "backend.secrets", "voicenter.credentials"):
        assert rows[secret]["value"] == "set (not shown)"
    assert "hunter2" not in done.stdout + done.stderr
    assert "hunter2" not in check(tmp_path, toml, **variables).stdout


def test_check_config_says_that_no_fallback_is_configured(tmp_path: Path):
    done = check(tmp_path, '[backend]\nurl = "http://127.0.0.1:8090"\n')
    assert "no [fallback] is configured" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("", "backend.url: missing, and required"),
        ("[fallback]\naction = 'menu'\nmenu = 'm'\n", "fallback.prompt: missing, and required"),
        ("[fallback]\naction = 'menu'\nmenu = 'm'\nprompt = {text = 'hi'}\n", "fallback.prompt.text: voicenter cannot play a text"),
        ("[[route]]\ncalled_number = '1'\nfallback = {action = 'hangup', caus = 3}\n", "route 1.fallback.caus: unknown key"),
        ("[[route]]\ncalled_number='1'\nurl='http://a'\n[[route]]\ncalled_number='1'\nurl='http://b'\n", "routed twice"),
        ("[prompts.welcome]\nvoicentre = 'x'\n", "prompts.welcome.voicentre: unknown platform, did you mean voicenter?"),
        ("[prompts.welcome]\nvoicenter = {file = 'x', text = 'y'}\n", "prompts.welcome.voicenter: expected exactly one of"),
        ("[prompts.welcome]\nvoicenter = {text = 'hi'}\n", "prompts.welcome.voicenter: voicenter cannot play a text"),
        ("[backend]\nurl = 'http://x'\nca_file = '/no/such/file'\n", "backend.ca_file: no such file"),
        ("[backend\n", "rpcbridge.toml:1: not valid TOML"),
    ],
)
def test_check_config_names_every_kind_of_fault(tmp_path: Path, toml: str, fault: str):
    done = check(tmp_path, toml)
    assert done.returncode == 2
    assert fault in done.stderr


def test_check_config_names_all_faults_at_once_and_no_password(tmp_path: Path):
    toml = "[backend]\nurl = 'http://user:hunter2@x'\ndeadlin = '1s'\n[fallback]\naction = 'menu'\nmenu = 'm'\n"
    done = check(tmp_path, toml)
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[1:]] == ["backend.url", "backend.deadlin", "fallback.prompt"]
    assert "hunter2" not in done.stderr


def test_check_config_says_faults_in_json_too(tmp_path: Path):
    done = check(tmp_path, "[backend]\nulr = 'x'\n", "--json")
    assert done.returncode == 2
    said = json.loads(done.stdout)
    assert (said["ok"], said["problems"][0]["setting"]) == (False, "backend.ulr")


def test_a_file_that_cannot_be_read_is_the_only_fault(tmp_path: Path):
    assert "backend.url" not in check(tmp_path, "[backend\nurl = 'http://x'\n").stderr


def test_a_windows_editors_bom_does_no_harm(tmp_path: Path):
    assert check(tmp_path, "\ufeff[backend]\nurl = 'http://x'\n").returncode == 0


def test_a_number_that_is_none_is_a_fault_and_breaks_no_other_verb(tmp_path: Path):
    done = check(tmp_path, "[backend]\nurl = 'http://x'\n", WEB_CONCURRENCY="x")
    assert done.returncode == 2
    assert "WEB_CONCURRENCY: server.workers: expected a whole number" in done.stderr
    assert rpcbridge("version", WEB_CONCURRENCY="x").returncode == 0
    assert "PORT: expected a port number" in rpcbridge("demo", PORT="abc").stderr


def test_check_config_shows_which_backend_and_fallback_serve_whom(tmp_path: Path):
    toml = "[backend]\nurl = 'http://x'\n[[route]]\ncalled_prefix = '073'\nurl = 'http://y'\nfallback = {action = 'hangup', cause = 17}\n"
    assert 'numbers that begin with 073: http://y, fallback {"action": "hangup", "cause": 17}' in check(tmp_path, toml).stdout


@pytest.mark.parametrize(
    ("toml", "culprit"),
    [("[server]\ntrusted_proxies = ['10.0.0.1', '300.1.1.1']\n", '"300.1.1.1"'), ("[backend.headers]\nAccept = 'x'\n", 'the header "Accept"')],
)
def test_a_fault_inside_a_list_or_table_names_the_culprit(tmp_path: Path, toml: str, culprit: str):
    assert f"got {culprit}" in check(tmp_path, toml).stderr


def test_a_file_that_is_not_there_is_said_so():
    done = rpcbridge("check-config", "-c", "/no/such/rpcbridge.toml")
    assert done.returncode == 2
    assert "/no/such/rpcbridge.toml: cannot be read: No such file" in done.stderr


def test_version_and_help():
    assert rpcbridge("version").stdout == rpcbridge("--version").stdout
    said = rpcbridge("--help").stdout
    for verb in ("demo", "serve", "reload", "check-config", "call", "version"):
        assert f"  {verb}" in said
        assert rpcbridge(verb, "--help").returncode == 0
