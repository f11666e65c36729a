"""`rpcbridge reload`: a running bridge takes up its changed configuration, once that has been checked."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from rpcbridge.cli.configuration import UNREACHABLE, checked, config_option
from rpcbridge.cli.process import NoMaster, RunningMaster, found, pid_in
from rpcbridge.cli.serve import overridden, serve


@click.command(short_help="Check the configuration, and have a running bridge take it up.")
@click.argument("pid", type=click.IntRange(min=1), required=False)
@click.option("--pidfile", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Read PID from a file.")
@config_option
def reload(pid: int | None, pidfile: Path | None, file: Path | None) -> None:
    """Check the configuration, and have a running bridge take it up.

    PID is the master's: of `rpcbridge serve`, or of gunicorn. The configuration is read as that process
    reads it, with its environment, in its working directory. With a fault, every one is named and
    nothing is signalled (exit code 2); else the process gets SIGHUP and changes its workers,
    without losing a call in flight.

    \b
    rpcbridge reload 4711
    rpcbridge reload --pidfile /run/rpcbridge.pid
    """
    if (pid is None) == (pidfile is None):
        raise click.UsageError("name one process: its PID, or --pidfile FILE")
    given = file.resolve() if file else None  # before the working directory is the master's
    try:
        master = found(pid_in(pidfile) if pidfile else pid or 0)
        os.chdir(master.folder)
    except (NoMaster, OSError) as error:
        _fail(str(error))
    itself, overrides = _serve_arguments(master)
    plan = checked(given or itself, overrides, master.environment)
    try:
        os.kill(master.pid, signal.SIGHUP)
    except OSError as error:
        _fail(f"process {master.pid} cannot be signalled: {error.strerror}")
    click.echo(f"{plan.settings.file or 'The configuration'} is usable, with the environment of process {master.pid}")
    click.echo(f"and in its working directory {master.folder}. It was told to take it up; its log says how that went.")


def _serve_arguments(master: RunningMaster) -> tuple[Path | None, dict[str, Any]]:
    """The file and the overrides that `rpcbridge serve` was started with; none for gunicorn."""
    if master.words[0] != "rpcbridge":
        return None, {}
    given = serve.make_context("serve", list(master.words[2:]), resilient_parsing=True).params
    return given["file"], overridden(given["bind"], given["backend"])


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(UNREACHABLE)
