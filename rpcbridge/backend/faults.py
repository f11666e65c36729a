"""A backend that fails as told, for the fault drill: a transport that sends nothing, and takes the time the failure takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from rpcbridge.errors import TransportError
from rpcbridge.transport import HttpReply, HttpRequest, Transport


def _down(seconds: float, sleep: Callable[[float], None]) -> NoReturn:
    raise TransportError("refused", "fault drill: the connection was refused, as it is where nothing listens")


def _slow(seconds: float, sleep: Callable[[float], None]) -> NoReturn:
    sleep(seconds)
    raise TransportError("timeout", f"fault drill: no answer within {seconds * 1000:.0f} ms")


def _said(status: int, content_type: str, body: bytes) -> Callable[[float, Callable[[float], None]], HttpReply]:
    return lambda seconds, sleep: HttpReply(status, body, content_type)


FAULTS: Mapping[str, Callable[[float, Callable[[float], None]], HttpReply]] = {
    "down": _down,
    "slow": _slow,
    "500": _said(500, "text/plain", b"Internal Server Error"),
    "garbage": _said(200, "text/html", b"<!doctype html><title>Welcome</title><h1>It works!</h1>"),
    "wrong_action": _said(200, "application/json", b'{"action": "dance"}'),
}


class Faulty(Transport):
    """Every request ends in the same fault of FAULTS."""

    def __init__(self, fault: str, sleep: Callable[[float], None]) -> None:
        super().__init__()
        self._fault = FAULTS[fault]
        self._sleep = sleep

    def send(self, request: HttpRequest, seconds: float) -> HttpReply:
        return self._fault(seconds, self._sleep)
