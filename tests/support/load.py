"""Many callers at once, who ask /readyz before each call and count what became of every one."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass, field

from tests.support.calls import as_json

_HEADERS = {"Content-Type": "application/json"}


@dataclass
class Load:
    """`callers` threads, half of them over kept connections. They stop at a 503 of /readyz, or when `enough` is set."""

    port: int
    callers: int = 64
    answered: list[float] = field(default_factory=list)  # when, by the monotonic clock
    lost: list[str] = field(default_factory=list)
    refused: int = 0  # connections that were not accepted: nothing was sent over them
    polite: bool = True
    enough: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._calls, args=(number % 2 == 0,)) for number in range(self.callers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.enough.set()
        self.join()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def reach(self, count: int) -> None:
        """Wait until so many calls are answered."""
        before = time.monotonic()
        while len(self.answered) < count and time.monotonic() < before + 60:
            time.sleep(0.02)
        assert len(self.answered) >= count, self.lost[:5]

    def _calls(self, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.enough.is_set():
            try:
                if self.polite and _reply(connection, "GET", "/readyz")[0] == 503:
                    break
                if not keep:
                    connection.close()
                status, body = _reply(connection, "POST", "/voicenter", as_json(IVR_UNIQUE_ID=uuid.uuid4().hex))
            except ConnectionRefusedError:
                self.refused += 1
                break
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{'kept' if keep else 'fresh'}: {error!r}")
                break
            if status == 200 and json.loads(body).get("ACTION") == "MENU":
                self.answered.append(time.monotonic())
            else:
                self.lost.append(f"{status} {body!r}")
            if not keep:
                connection.close()
        connection.close()


def _reply(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection.request(method, path, body, _HEADERS)
    response = connection.getresponse()
    return response.status, response.read()
