"""What every verb that reads the configuration shares."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from rpcbridge.errors import ConfigurationError
from rpcbridge.plan import Plan, configured

USAGE = 2
UNREACHABLE = 3


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """-c/--config FILE"""
    return click.option(
        "-c", "--config", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Configuration file [default: RPCBRIDGE_CONFIG, else rpcbridge.toml here, if there is one]",
    )(command)  # fmt: skip


def notes(current: Plan) -> list[str]:
    """What is usable, and still worth knowing."""
    settings, found = current.settings, []
    if settings.fallback is None:
        found.append("no [fallback] is configured: a caller is hung up on without a word when the backend fails")
    for name, section in settings.platforms.items():
        guarded = section.secret or section.networks or section.credentials or current.platforms[name].authenticates
        if current.in_use(name) and not guarded:
            keys = f"{name}.secret, {name}.networks or {name}.credentials"
            found.append(f"anybody who reaches /{name.replace('_', '-')} may post: set {keys}")
    if not settings.backend.verify:
        found.append("backend.verify is false: whoever answers in the backend's place is believed")
    return found


def checked(
    file: Path | None,
    overrides: dict[str, Any] | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    as_json: bool = False,
) -> Plan:
    """The checked configuration; prints every fault and exits 2 where it has any."""
    try:
        return configured(file, overrides, environment)
    except ConfigurationError as error:
        if as_json:
            faults = [{"where": p.source, "setting": p.path, "message": p.message} for p in error.problems]
            click.echo(json.dumps({"ok": False, "problems": faults}, indent=2, ensure_ascii=False))
            sys.exit(USAGE)
        click.echo(error.report(), err=True)
        sys.exit(USAGE)
