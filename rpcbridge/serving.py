"""How gunicorn runs the bridge: one place for `rpcbridge serve` and for gunicorn.conf.py."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from rpcbridge.app import build, configured
from rpcbridge.errors import ConfigurationError
from rpcbridge.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings for this configuration."""
    server = settings.server
    options: dict[str, Any] = {
        "bind": [server.bind],
        # gthread: a question waits for the backend, and a thread that waits costs nothing.
        "worker_class": "gthread",
        "workers": server.workers,
        "threads": server.threads,
        "worker_connections": server.threads * 2,
        # Short: a client that said `Connection: close` in a way gunicorn does not know waits this long.
        "keepalive": 2,
        "timeout": 30,
        "graceful_timeout": int(settings.backend.deadline) + 6,
        "control_socket_disable": True,
        "proc_name": "rpcbridge",
    }
    if Path("/dev/shm").is_dir():  # noqa: S108  # a heartbeat on a slow disk would block the worker
        options["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
    return options


def wsgi_application(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> WSGIApplication:
    """The application, from this process's configuration. Exits with every fault where there is one."""
    try:
        app = build(configured(file, overrides))
    except ConfigurationError as error:
        sys.exit(error.report())
    return _warned_once(app)


def _warned_once(app: WSGIApplication) -> WSGIApplication:
    """`app`, saying once when the server gives it one call at a time: the next caller would wait behind the first."""
    warned = False

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        nonlocal warned
        if not environ["wsgi.multithread"] and not warned:
            warned = True
            hint = "start gunicorn where gunicorn.conf.py is, or use `rpcbridge serve`"
            structlog.get_logger().warning("one_call_at_a_time", hint=hint)
        return app(environ, start_response)

    return application
