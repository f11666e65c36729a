"""A real bridge with its inspector on, the example backend behind it, and calls that are placed through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcbridge import db
from rpcbridge.pbx import discovered
from rpcbridge.pbx.scripted import PhoneSystem, Script
from rpcbridge.trace.store import Store
from rpcbridge.transport import Transport
from tests.support import bridge as bridges
from tests.support import shop

TOKEN = "a-token-of-32-characters-or-more-1"  # where a test wants the login form
TOML = """
[backend]
url = "{backend}"
[database]
url = "{database}"
[fallback]
action = "hangup"
prompt = "technical_problem"
[debug]
enabled = true
{more}
"""


@dataclass(frozen=True)
class Inspected:
    """A bridge whose inspector is open. `store` is where it records."""

    bridge: bridges.Running
    store: Store

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.bridge.port}"

    def call(self, *presses: str, **script: Any) -> str:
        """The id of a whole call: `call("1", "1", "1234")` presses these keys and hangs up. All of it is recorded by then."""
        made = Script(presses, **script)
        turns = list(PhoneSystem(discovered()["voicenter"], self.bridge.url, Transport()).place(made))
        self.recorded(made.call_id, len(turns) + 1)  # and the delivery of its end to the backend
        return made.call_id

    def recorded(self, call_id: str, count: int) -> list[dict[str, Any]]:
        """The exchanges of a call, oldest first, as soon as there are so many."""

        def look() -> list[dict[str, Any]]:
            found = self.store.of_call(call_id)
            return found if len(found) >= count else []

        return bridges.awaited(look, 20)


@contextmanager
def inspected(folder: Path, more: str = "", *, workers: int = 4, backend: str = "") -> Iterator[Inspected]:
    """`more` goes on in the [debug] section, and after it; without `backend` it is the example backend."""
    if not backend:
        with shop.running() as url, inspected(folder, more, workers=workers, backend=url) as running:
            yield running
        return
    database = f"sqlite:///{folder / 'rpcbridge.db'}"
    toml = TOML.format(backend=backend, database=database, more=more)
    engine = db.opened(database, patience=5)
    try:
        store = Store(engine)
        store.prepare()
        with bridges.running(folder, toml, WEB_CONCURRENCY=str(workers)) as bridge:
            yield Inspected(bridge, store)
    finally:
        engine.dispose()
