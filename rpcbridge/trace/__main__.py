"""The process that records beside a worker: `python -m rpcbridge.trace`, which nobody but `beside.py` starts.

Reads batches from its standard input, a socket, and answers each with what became of it. Ends when the worker
does, however that ends: then there is nothing more to read. Waits for nobody else and starts nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from rpcbridge.trace.frames import received, send
from rpcbridge.trace.noted import Noted

_NICENESS = 5  # calls first, where there are fewer cores than work


def main() -> None:
    """Record until the worker has gone."""
    # Who stops all of a unit's processes means the worker, which has its last exchanges still.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=0) as pipe, suppress(EOFError, OSError):
        fields, keeping, cores = received(pipe)
        if fields != Noted._fields:  # what it hands over would be taken for something else, and not be masked as what it is
            sys.exit("rpcbridge was replaced under a worker that runs: reload it, and exchanges are recorded again")
        _leave_the_worker_s_core(cores)
        _record(pipe, keeping)


def _leave_the_worker_s_core(cores: tuple[int, ...]) -> None:
    if cores:
        with suppress(AttributeError, OSError):
            os.sched_setaffinity(0, cores)


def _record(pipe: socket.socket, keeping: tuple[Any, ...]) -> None:
    # Here, for it takes a third of a second: not on the worker's core, and not open to signals.
    from rpcbridge.trace.writer import Keeping, Writer

    with suppress(OSError):
        os.nice(_NICENESS)
    writer = Writer(Keeping(*keeping), lambda: datetime.now(UTC))
    while True:
        batch, dropped = received(pipe)
        send(pipe, tuple(writer.write(batch, dropped)))
        del batch  # it may be a while until the next one


if __name__ == "__main__":
    main()
