"""How gunicorn runs the bridge: one place for `rpcbridge serve` and for gunicorn.conf.py."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from rpcbridge import affinity
from rpcbridge.app import build
from rpcbridge.errors import ConfigurationError
from rpcbridge.master import Master
from rpcbridge.plan import configured
from rpcbridge.settings import Settings
from rpcbridge.web.body import CLOSE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def gunicorn_options(master: Master) -> dict[str, Any]:
    """gunicorn's settings and hooks for the configuration in force."""

    def pre_request(_: Any, request: Any) -> None:
        if master.draining():  # a kept connection would outlive the drain, and its next call meet the stop
            request.force_close()

    def post_worker_init(worker: Any) -> None:
        _close_the_door_at_the_end(worker)
        master.serve_while(lambda: bool(worker.alive))
        if master.stopping():  # gunicorn loses a SIGTERM that reaches a worker in its first milliseconds
            worker.alive = False

    hooks = {"on_starting": master.take_charge, "post_worker_init": post_worker_init, "pre_request": pre_request}
    if master.plan.settings.server.pin_workers:
        hooks |= {"pre_fork": affinity.give_place, "post_fork": affinity.stay_on_one_core}
    return gunicorn_settings(master.plan.settings) | hooks


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings alone."""
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


def _close_the_door_at_the_end(worker: Any) -> None:
    """A gthread worker that stops takes who has connected, and closes its listeners.

    gunicorn keeps them open, unheard, until its last call is finished: who connects meanwhile waits for that
    and is reset. Closed, they refuse at once, and a caller's request goes elsewhere or is tried again.
    """
    if not hasattr(worker, "set_accept_enabled"):
        return  # another worker class, by somebody's own options
    enable = worker.set_accept_enabled

    def set_accept_enabled(enabled: bool) -> None:
        enable(enabled)
        if enabled:
            return
        if worker.ppid != os.getppid():  # the master was killed: gunicorn stops then, but serves kept connections for ever so long
            worker.alive = False
        if worker.alive:
            return
        for listener in worker.sockets:
            before = -1
            while worker.nr_conns > before:  # until nobody is left in the queue
                before = worker.nr_conns
                worker.accept(listener)
            listener.close()
        worker.sockets = []

    worker.set_accept_enabled = set_accept_enabled


@cache
def this_master() -> Master:
    """The one of bare gunicorn: made as the master reads gunicorn.conf.py, and the same one in every worker."""
    return Master(configured(), configured)


def wsgi_application() -> WSGIApplication:
    """The application for wsgi.py. Exits with every fault where there is one."""
    try:
        return application_of(this_master())
    except ConfigurationError as error:
        sys.exit(error.report())


def application_of(master: Master) -> WSGIApplication:
    """The application of one worker, from the configuration that its master has checked."""
    built = build(master.plan, master.draining, master.ending, affinity.cores_for_others())
    if master.plan.settings.events.deliver:
        built.deliverer.start()
        atexit.register(built.deliverer.close)
    if master.plan.carries_calls:  # those that a process which is gone has left; else with the first call
        built.timers.start()
    gc.freeze()  # what stands now stays: the collector need not look at it again
    return _under_gunicorn(built.app)


def _under_gunicorn(app: WSGIApplication) -> WSGIApplication:
    """`app`, handed gunicorn's way to end a connection.

    Says once when the server gives it one call at a time: the next caller would wait behind the first.
    """
    warned = False

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        nonlocal warned
        if not environ["wsgi.multithread"] and not warned:
            warned = True
            hint = "start gunicorn where gunicorn.conf.py is, or use `rpcbridge serve`"
            structlog.get_logger().warning("one_call_at_a_time", hint=hint)
        # WSGI has no word for it, and gunicorn drops an application's own Connection header.
        environ[CLOSE] = getattr(getattr(start_response, "__self__", None), "force_close", None)
        return app(environ, start_response)

    return application
