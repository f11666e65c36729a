"""The least that any Python proxy costs: Flask and urllib3 pass the bytes on, unread, in both directions.

gunicorn runs it as `benchmarks.bare_proxy:create('http://127.0.0.1:PORT')`.
"""

from __future__ import annotations

import urllib3
from flask import Flask, Response, request

IDLE_CONNECTIONS = 512  # kept open, so that none is opened twice; more are opened while needed


def create(backend: str) -> Flask:
    """The application of one process."""
    app = Flask(__name__, static_folder=None)
    url = f"{backend}/voicenter"
    pool = urllib3.PoolManager(num_pools=1, maxsize=IDLE_CONNECTIONS, block=False, retries=False, timeout=4.0)
    headers = {"Content-Type": "text/xml"}

    @app.post("/voicenter")
    def voicenter() -> Response:
        reply = pool.request("POST", url, body=request.get_data(), headers=headers)
        return Response(reply.data, reply.status, content_type=reply.headers["Content-Type"])

    return app
