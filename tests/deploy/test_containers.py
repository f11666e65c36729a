"""Dockerfile, compose file and configuration: what they name is there, and what belongs together agrees.

There is no Docker where the tests run; what needs it is not tested here.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.files import DEPLOY, known, settings
from tests.support.bridge import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BRIDGES = {name: service for name, service in SERVICES.items() if name.startswith("rpcbridge-")}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
NGINX = (DEPLOY / "nginx.conf").read_text("utf-8")
TEXTS = {path.name: path.read_text("utf-8") for path in DEPLOY.iterdir() if path.is_file()}
VARIABLES = sorted({(name, found) for name, text in TEXTS.items() for found in re.findall(r"RPCBRIDGE_[A-Z_]*[A-Z]", text)})


@pytest.mark.parametrize(("file", "variable"), VARIABLES)
def test_every_variable_is_a_setting(file: str, variable: str):
    path = variable.removeprefix("RPCBRIDGE_").lower().replace("__", ".")
    if path == "config":
        return
    table = known()
    assert path in table or table[path.removesuffix("_file")].secret


def test_the_configuration_is_usable():
    checked = subprocess.run(
        [sys.executable, "-m", "rpcbridge", "check-config", "-c", str(DEPLOY / "rpcbridge.toml")],
        capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "The configuration is usable." in checked.stdout
    assert "note:" not in checked.stdout


def test_nginx_and_the_bridge_agree():
    in_force = settings()
    assert f"client_max_body_size    {in_force.server.max_body // 1024}k;" in NGINX
    read_timeout = re.search(r"proxy_read_timeout +([0-9]+)s;", NGINX)
    assert read_timeout
    assert in_force.backend.deadline < int(read_timeout[1]) <= in_force.backend.deadline + 3
    kept = re.search(r"^ +keepalive_timeout ([0-9]+)s;", NGINX, re.MULTILINE)
    assert kept
    assert in_force.server.drain > int(kept[1])
    assert in_force.platforms["voicenter"].networks == ("192.0.2.0/24",)  # as in nginx's geo
    assert "192.0.2.0/24 0;" in NGINX
    assert f"server {in_force.server.bind} " in NGINX


def test_the_bridges_are_published_on_loopback_where_nginx_looks_for_them():
    published = [port for bridge in BRIDGES.values() for port in bridge["ports"]]
    assert published == ["127.0.0.1:8080:8080", "127.0.0.1:8081:8080"]
    assert all(f"server {port.rpartition(':')[0]} " in NGINX for port in published)
    assert not any("ports" in service for name, service in SERVICES.items() if name not in BRIDGES)


def test_the_gateway_of_their_network_is_a_trusted_proxy():
    (network,) = COMPOSE["networks"]["bridge"]["ipam"]["config"]
    assert ipaddress.ip_address(network["gateway"]) in ipaddress.ip_network(network["subnet"])
    assert f"{network['gateway']}/32" in settings().server.trusted_proxies


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name: str):
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    for mount in service.get("volumes", []):
        source = mount.partition(":")[0]
        assert (DEPLOY / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
    for needed, how in service.get("depends_on", {}).items():
        assert "healthcheck" in SERVICES[needed]
        assert how == {"condition": "service_healthy"}
    for file in (value for key, value in service.get("environment", {}).items() if key.endswith("_FILE")):
        assert file.removeprefix("/run/secrets/") in service["secrets"]


@pytest.mark.parametrize("name", BRIDGES)
def test_a_bridge_is_held_tight_and_can_stop(name: str):
    bridge = BRIDGES[name]
    assert bridge["read_only"] is True
    assert bridge["cap_drop"] == ["ALL"]
    assert (DEPLOY / bridge["build"]["context"] / bridge["build"]["dockerfile"]).is_file()
    in_force = settings()
    assert int(bridge["stop_grace_period"].removesuffix("s")) > in_force.server.drain + in_force.backend.deadline + 6


def test_every_secret_is_explained_and_none_is_in_the_clone():
    readme = (DEPLOY / "README.md").read_text("utf-8")
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"secrets/{name}"}
        assert f"deploy/secrets/{name}" in readme
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_shop_s_command_is_one():
    """It is run as the container does, with another module path: the wheel's is there only when installed."""
    command = SERVICES["shop"]["command"]
    assert command[:3] == ["python", "-m", "rpcbridge.examples.shop"]
    said = subprocess.run([sys.executable, ROOT / "examples" / "shop.py", *command[3:], "--help"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def copied() -> list[str]:
    """What the image is built from."""
    lines = re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in shlex.split(line)[:-1]]


@pytest.mark.parametrize("source", copied())
def test_what_the_image_is_built_from_is_sent_along(source: str):
    assert (ROOT / source).exists()
    assert not ignored(source)


@pytest.mark.parametrize("source", ["rpcbridge.toml", "rpcbridge.db", ".git", ".venv", "deploy/secrets/database_url", "examples/rpcbridge.toml"])
def test_nothing_else_is_sent_along(source: str):
    assert ignored(source)


def ignored(path: str) -> bool:
    """Whether .dockerignore leaves it out: the last line that matches it, or a folder above it, counts."""
    found = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!")
        parts = [str(part) for part in (Path(path), *Path(path).parents)]
        if line and not line.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in parts if part != "."):
            found = not line.startswith("!")
    return found


def test_the_image_s_health_check_is_python_that_asks_livez(tmp_path: Path):
    check = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert check
    program, option, code = yaml.safe_load(check[1])
    assert (program, option) == ("python", "-c")
    assert "'/livez'" in code
    compile(code, "HEALTHCHECK", "exec")


def test_the_image_runs_as_nobody_in_particular():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert re.search(r'^CMD \["rpcbridge", "serve"\]$', DOCKERFILE, re.MULTILINE)
