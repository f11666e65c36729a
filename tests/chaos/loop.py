"""An event loop in a thread: callers and backend live in it, so that a scenario reads from top to bottom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def running() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        do(loop, _cancelled())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def do(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], seconds: float = 120.0) -> Any:
    """What `work` gives, done in the loop."""
    return asyncio.run_coroutine_threadsafe(work, loop).result(seconds)


async def _cancelled() -> None:
    await asyncio.sleep(_A_MOMENT)  # who is just being accepted would be left with an open socket
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(_A_MOMENT)  # until what was aborted is closed


_A_MOMENT = 0.1  # seconds
