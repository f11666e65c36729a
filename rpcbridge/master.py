"""What a gunicorn master does for the bridge: it drains before it stops, and checks before it reloads.

Knows the arbiter, gunicorn's master, as an argument only: its handlers of SIGTERM and SIGHUP are
wrapped, everything else is left to it. gunicorn itself is not imported.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import structlog

from rpcbridge import log
from rpcbridge.errors import ConfigurationError
from rpcbridge.plan import Plan

_SERVING, _DRAINING, _STOPPING = range(3)


class Master:
    """The configuration in force, and whether it is about to stop: workers know both from here, over the fork.

    A worker never reads the configuration itself. So one that is forked anew, whenever that is, serves what
    was checked, and not what stands half edited in the file at that moment.
    """

    def __init__(self, plan: Plan, read: Callable[[], Plan]) -> None:
        self.plan = plan
        self._read = read
        self._stage = mmap.mmap(-1, 1)  # one byte, shared with every worker, also with those forked later
        self._alive: Callable[[], bool] = lambda: True

    def draining(self) -> bool:
        """Whether SIGTERM has come; in the master and in every worker."""
        return self._stage[0] >= _DRAINING

    def stopping(self) -> bool:
        """Whether workers are being stopped."""
        return self._stage[0] == _STOPPING

    def ending(self) -> bool:
        """In a worker: whether it is about to stop, with the bridge or, as at a reload, to make room for another."""
        return self.draining() or not self._alive()

    def serve_while(self, alive: Callable[[], bool]) -> None:
        """In a worker: what tells whether it goes on."""
        self._alive = alive

    def take_charge(self, arbiter: Any) -> None:
        """gunicorn's hook `on_starting`: from here on the two signals are handled as this class does."""
        log.configure()
        stop, reload = arbiter.handle_term, arbiter.handle_hup
        arbiter.handle_term = lambda: self._drain(stop)
        arbiter.handle_hup = lambda: self._reload(arbiter, reload)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))

    def _drain(self, stop: Callable[[], None]) -> None:
        """The first SIGTERM: not ready any more, and stop in a while. The second one, an alarm's or a person's: stop."""
        wait = 0.0 if self.draining() else self.plan.settings.server.drain
        self._stage[0] = _DRAINING if wait else _STOPPING
        signal.setitimer(signal.ITIMER_REAL, wait)  # a forked worker does not inherit it; 0 takes it back
        if not wait:
            return stop()
        structlog.get_logger().info("draining", seconds=wait)

    def _reload(self, arbiter: Any, reload: Callable[[], None]) -> None:
        """SIGHUP: gunicorn reloads, or every fault is said and nothing changes."""
        problems = self._faults(arbiter)
        if problems:
            structlog.get_logger().error("reload_refused", problems=problems)
            return
        structlog.get_logger().info("reloading", config=self.plan.settings.file or None)
        reload()

    def _faults(self, arbiter: Any) -> list[str]:
        """Take up the configuration as it stands now; or keep the old one, and all that is wrong with the new."""
        try:
            plan = self._read()
        except ConfigurationError as error:
            return [str(problem) for problem in error.problems]
        except Exception as error:  # whatever it was, what serves goes on serving
            return [f"{type(error).__name__}: {error}"]
        app, before = arbiter.app, (self.plan, arbiter.app.cfg)
        self.plan = plan
        try:
            app.do_load_config()  # gunicorn's own options, as its reload will read them: it exits where they are faulty
            problems = list(_unbindable(address for address in app.cfg.address if address not in before[1].address))
        except SystemExit:
            problems = ["gunicorn's own options cannot be used, it has said why above this line"]
        if problems:
            self.plan, app.cfg = before
        return problems


def _unbindable(addresses: Iterable[Any]) -> Iterator[str]:
    """A new address that is taken: gunicorn would try it for five seconds and then exit, with all workers."""
    for host, port in (address[:2] for address in addresses if isinstance(address, tuple)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                yield f"server.bind: cannot listen on {host}:{port}: {error.strerror}"
