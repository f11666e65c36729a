"""`rpcbridge serve`: the bridge under gunicorn, from any folder."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from rpcbridge.cli.configuration import checked, config_option
from rpcbridge.serving import gunicorn_options, wsgi_application


class _Server(BaseApplication):
    """gunicorn with our options, and GUNICORN_CMD_ARGS over them."""

    def __init__(self, options: dict[str, Any], file: Path | None, overrides: dict[str, Any]) -> None:
        self._options = options
        self._file = file
        self._overrides = overrides
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        given = self.cfg.parser().parse_args(shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")))
        for name, value in vars(given).items():
            if value is not None and name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return wsgi_application(self._file, self._overrides)


@click.command()
@config_option
@click.option("--bind", metavar="HOST:PORT", help="Address to listen on (over server.bind and PORT).")
@click.option("--backend", metavar="URL", help="Your backend's base URL (over backend.url).")
def serve(file: Path | None, bind: str | None, backend: str | None) -> None:
    """Run the bridge.

    The configuration comes from rpcbridge.toml and RPCBRIDGE_... variables; it is checked before
    anything starts. Stop it with Ctrl-C or SIGTERM: calls in flight are finished first.
    """
    overrides = {path: value for path, value in (("server.bind", bind), ("backend.url", backend)) if value}
    options = gunicorn_options(checked(file, overrides).settings)
    sys.argv = sys.argv[:1]  # gunicorn must not read our arguments
    _Server(options, file.resolve() if file else None, overrides).run()
