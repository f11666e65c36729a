"""A real HTTP server that keeps no file in memory: what comes is hashed, what goes is made while it goes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = bytes(range(256)) * 256  # 64 KiB


@dataclass
class PromptStore:
    """`came` is size and hash of each file that was stored; `serves` the size of the one it gives, `pause` seconds between its pieces."""

    url: str = ""
    came: list[tuple[str, int, str]] = field(default_factory=list)
    serves: int = 0
    pause: float = 0.0


@contextmanager
def running() -> Iterator[PromptStore]:
    store = PromptStore()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            left = size = int(self.headers["Content-Length"])
            digest = hashlib.sha256()
            while left and (piece := self.rfile.read(min(left, 65_536))):
                digest.update(piece)
                left -= len(piece)
            if not left:
                store.came.append((self.path, size, digest.hexdigest()))
                self._reply(b'{"success": true}', "application/json")

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "audio/wav")
            self.send_header("Content-Length", str(store.serves))
            self.end_headers()
            left = store.serves
            while left:
                piece = PIECE[:left]
                self.wfile.write(piece)
                left -= len(piece)
                time.sleep(store.pause)

        def _reply(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def handle(self) -> None:
            with suppress(OSError):  # the bridge has gone
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
