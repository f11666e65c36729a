"""One tenant of an emulated Mediaservice over HTTP: its API on this machine, and its calls with one bridge.

No prompt is waited for. Only where the bridge may send an order does a call wait for it, for seconds at most.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from rpcbridge.pbx.asking import Command
from rpcbridge.pbx.call import begun
from rpcbridge.pbx.platforms.mediaservice.api import BASE, SITE, Api
from rpcbridge.pbx.platforms.mediaservice.behaviour import Behaviour
from rpcbridge.pbx.platforms.mediaservice.calls import Calls
from rpcbridge.pbx.platforms.mediaservice.emulated import Mediaservice
from rpcbridge.pbx.platforms.mediaservice.state import Own
from rpcbridge.pbx.progress import Caller
from rpcbridge.pbx.scripted import PhoneSystem, Script, Turn
from rpcbridge.pbx.served import Came, Given, Served
from rpcbridge.transport import Transport

DOMAIN = "customer.example"


class Tenant:
    """The API from entering to leaving it; `callbacks` is the bridge's URL for the platform.

    domain: the tenant's, under which the API is; "" for any, and callbacks name none. hybrid: callbacks name a base URL of their own for the API. told_within: seconds that an order may take to come.
    """

    def __init__(
        self,
        callbacks: str,
        transport: Transport,
        *,
        behaviour: Behaviour | None = None,
        domain: str = DOMAIN,
        address: tuple[str, int] = ("127.0.0.1", 0),
        hybrid: bool = False,
        told_within: float = 3.0,
    ) -> None:
        self.calls = Calls()
        self._api = Api(domain, self.calls)
        self._served = Served(self._api.answer, address)
        self._callbacks = callbacks
        self._transport = transport
        self._emulated = Mediaservice(behaviour, domain, self._served.url + SITE if hybrid else "")
        self._told_within = told_within

    @property
    def url(self) -> str:
        """The base URL of the API, as the bridge is configured with it."""
        return self._served.url + BASE

    @property
    def requests(self) -> tuple[Came, ...]:
        """Whatever the API was asked."""
        return self._served.requests

    @property
    def files(self) -> dict[str, bytes]:
        """The prompt storage."""
        return self._api.files

    def fail(self, operation: str, *answers: Given) -> None:
        """What an operation answers the next times; with status 200 it does what it should, after the delay."""
        self._api.fails[operation] = list(answers)

    def __enter__(self) -> Self:
        self._served.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._served.__exit__(kind, error, trace)

    def place(self, script: Script) -> Iterator[Turn]:
        """An inbound call, turn by turn."""
        return self._system(script.call_id).place(script)

    def take(self, script: Script, seconds: float = 10.0) -> Iterator[Turn]:
        """The next call that the bridge places, whoever is called doing as `script` says. Raises TimeoutError."""
        body = self.calls.placed(seconds)
        if body is None:
            raise TimeoutError(f"nobody was to be called within {seconds} s")
        called = str(body["destAddr"]).partition(":")[2].partition("@")[0]
        session = replace(script, call_id=secrets.token_hex(16))
        caller = Caller(called, str(body.get("sipFrom", "")), str(body.get("displayName", "")), self._emulated.dialects[0])
        call = begun(self._emulated, caller, session.call_id, time.time())
        call.progress.own = Own(
            outbound=True, reference=json.dumps(body.get("sessionReferenceId", {})), ring=max(1, round(body.get("maxRingTime", 30)))
        )
        return self._system(session.call_id).play(call, call.question(), session)

    def _system(self, call_id: str) -> PhoneSystem:
        return PhoneSystem(
            self._emulated, self._callbacks, self._transport, listen=partial(self._listened, call_id), posted=partial(self.calls.learn, call_id)
        )

    def _listened(self, call_id: str, seconds: int) -> Sequence[Command]:
        return self.calls.told(call_id, min(seconds, self._told_within))
