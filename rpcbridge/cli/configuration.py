"""What every verb that reads the configuration shares."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rpcbridge.app import Plan, load_settings, plan
from rpcbridge.errors import ConfigurationError

USAGE = 2
UNREACHABLE = 3


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """-c/--config FILE"""
    return click.option(
        "-c", "--config", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Configuration file [default: RPCBRIDGE_CONFIG, else rpcbridge.toml here, if there is one]",
    )(command)  # fmt: skip


def checked(file: Path | None, overrides: dict[str, Any] | None = None) -> Plan:
    """The checked configuration; prints every fault and exits 2 where it has any."""
    try:
        return plan(load_settings(file, overrides))
    except ConfigurationError as error:
        click.echo("The configuration cannot be used:", err=True)
        for problem in error.problems:
            click.echo(f"  {problem}", err=True)
        sys.exit(USAGE)
