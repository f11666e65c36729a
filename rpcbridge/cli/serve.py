"""`rpcbridge serve`: the bridge under gunicorn, from any folder."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
import structlog

from rpcbridge import log
from rpcbridge.cli.configuration import checked, config_option, notes
from rpcbridge.master import Master
from rpcbridge.plan import Plan, configured
from rpcbridge.serving import application_of, gunicorn_options


@click.command(short_help="Run the bridge.")
@config_option
@click.option("--bind", metavar="HOST:PORT", help="Address to listen on (over server.bind and PORT).")
@click.option("--backend", metavar="URL", help="Your backend's base URL (over backend.url).")
def serve(file: Path | None, bind: str | None, backend: str | None) -> None:
    """Run the bridge.

    The configuration comes from rpcbridge.toml and RPCBRIDGE_... variables; it is checked before
    anything starts. Stop it with Ctrl-C or SIGTERM: calls in flight are finished first. SIGHUP (or
    `rpcbridge reload`) checks the configuration again and takes it up.
    """
    overrides = overridden(bind, backend)
    file = file.resolve() if file else None
    current = checked(file, overrides)
    _say_what_starts(current)
    sys.argv = sys.argv[:1]  # gunicorn must not read our arguments
    _server(Master(current, lambda: configured(file, overrides))).run()


def overridden(bind: str | None, backend: str | None) -> dict[str, Any]:
    """What the options stand over."""
    return {path: value for path, value in (("server.bind", bind), ("backend.url", backend)) if value}


def _say_what_starts(current: Plan) -> None:
    log.configure()
    line, settings = structlog.get_logger(), current.settings
    paths = [f"/{name.replace('_', '-')}" for name in current.platforms]
    line.info("starting", bind=settings.server.bind, backend=settings.backend.url, paths=paths, config=settings.file or None)
    for note in notes(current):
        line.warning("configuration_note", note=note)


def _server(master: Master) -> Any:
    """gunicorn with our options, and GUNICORN_CMD_ARGS over them; both are read again at every reload."""
    # Imported here: gunicorn reads WEB_CONCURRENCY as it is imported, and fails where it is no number.
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self) -> None:
            for name, value in gunicorn_options(master).items():
                self.cfg.set(name, value)
            given = self.cfg.parser().parse_args(shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")))
            for name, value in vars(given).items():
                if value is not None and name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return application_of(master)

    return Server()
