"""Recording in a process of its own beside a worker, as the worker sees it: started, asked, and started anew when it is gone.

A worker's threads share one interpreter and one core, so whatever it records itself is taken from its calls. What is
noted goes to the other process through a pair of sockets, never through a file; so do the settings and their secrets.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from rpcbridge.trace.frames import received, send
from rpcbridge.trace.noted import Noted
from rpcbridge.trace.writer import Keeping, Written

_ANSWER = 15.0  # seconds for a batch: of a database that does not answer, the other process says so sooner
_PAUSE = 2.0  # seconds from one start to the next: each takes a third of a second of somebody's core
_LAST = 1.0  # seconds for what it has in hand at the end
_PACKAGE = Path(__file__).resolve().parents[2]


class Beside:
    """One process, started with the first batch: so after the fork. One thread may `write`, another one `close`."""

    def __init__(self, keeping: Keeping, cores: Iterable[int]) -> None:
        """`cores`: where it may run; the worker may be kept on one of them."""
        self._told = (Noted._fields, astuple(keeping), tuple(cores))
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: socket.socket | None = None
        self._pause_ends = 0.0
        self._closed = False
        atexit.register(self.close)  # before anybody's thread registers: so it runs after the last batch

    def write(self, batch: Sequence[bytes], dropped: int) -> Written:
        """As `Writer.write`. What was under way when the other process went counts as not kept, whether it was written or not."""
        try:
            pipe = self._running()
            send(pipe, (tuple(batch), dropped))
            return Written(*received(pipe))
        except Exception as error:  # whatever it was, what else is said would not be understood
            return Written(False, self._given_up(error))

    def close(self) -> None:
        """Have it end, with what it has in hand; gives up on it after a moment."""
        self._closed = True
        process, pipe = self._process, self._pipe
        if process is not None and pipe is not None:
            with suppress(OSError):
                pipe.shutdown(socket.SHUT_WR)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LAST)
            process.kill()
            process.wait()
            pipe.close()
        atexit.unregister(self.close)

    def _running(self) -> socket.socket:
        """The way to the other process, which is started where there is none."""
        if self._pipe is None or self._process is None:
            time.sleep(max(0.0, self._pause_ends - time.monotonic()))
            if self._closed:
                raise EOFError
            self._pause_ends = time.monotonic() + _PAUSE
            self._process, self._pipe = _started()
            send(self._pipe, self._told)
        return self._pipe

    def _given_up(self, error: Exception) -> str:
        """End what does not work any more; why it does not."""
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is None or pipe is None:
            return f"the recorder cannot be started: {type(error).__name__}: {error}"
        pipe.close()
        if isinstance(error, TimeoutError):
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LAST)  # it ends by itself where it finds nobody at the other end
        process.kill()
        ended = process.wait()
        if isinstance(error, TimeoutError):
            return f"the recorder did not answer within {_ANSWER:g} s"
        how = f"exit code {ended}" if ended >= 0 else signal.strsignal(-ended)
        return f"the recorder has ended: {how}"


def _started() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Without a file of ours but its end of the pipe and standard error, and in no group whose signals are for us."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            # The very rpcbridge that we are, wherever it was found, and nothing that lies in the folder we run in.
            found = os.pathsep.join(filter(None, (str(_PACKAGE), os.environ.get("PYTHONPATH"))))
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "rpcbridge.trace"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": found},
                process_group=0,
            )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    ours.settimeout(_ANSWER)
    return process, ours
