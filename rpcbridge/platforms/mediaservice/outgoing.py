"""From the settings to what they set up: the client, what /api offers, who checks callbacks; or every fault with them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rpcbridge.errors import OrderFailed, Problem
from rpcbridge.platforms.conversation import Order
from rpcbridge.platforms.mediaservice import endpoints
from rpcbridge.platforms.mediaservice.client import Client, Region
from rpcbridge.platforms.mediaservice.endpoints import ENDPOINTS, Endpoint
from rpcbridge.platforms.mediaservice.keys import UnusableKey, private_key, public_key
from rpcbridge.platforms.mediaservice.section_outgoing import Outgoing
from rpcbridge.platforms.mediaservice.tokens import Tokens, Verifier
from rpcbridge.platforms.operations import Download, Given, Operation, PlatformFailed, UnusableRequest
from rpcbridge.transport import Tls, Transport

_NEEDED = ("url", "domain", "private_key_file")  # all of them, or the API is not called
_ASKING = ("url", "private_key_file", "site_urls")  # who sets one of these wants it to be
_SITE = "siteBaseUrl"  # of the query: the site of the call, as its callbacks say it


def faults(section: Outgoing) -> Iterator[Problem]:
    """What is wrong with the settings together, and with the files they name."""
    asking = [f"mediaservice.{name}" for name in _ASKING if getattr(section, name)]
    if asking:
        missing = [name for name in _NEEDED if not getattr(section, name)]
        yield from (Problem(f"mediaservice.{name}", f"missing, and needed beside {', '.join(asking)}") for name in missing)
    if section.private_key_file:
        try:
            private_key(section.private_key_file)
        except UnusableKey as error:
            yield Problem("mediaservice.private_key_file", f"{section.private_key_file} {error}")
    for file in section.public_key_files:
        try:
            public_key(file)
        except UnusableKey as error:
            yield Problem("mediaservice.public_key_files", f"{file} {error}")
    credentials: str = getattr(section, "credentials", "")  # of the other part of the section
    if credentials and section.public_key_files and section.signature_header.lower() == "authorization":
        message = "cannot stand in the header that holds the callback's token: take one of them out, or name another mediaservice.signature_header"
        yield Problem("mediaservice.credentials", message)
    if section.ca_file and not Path(section.ca_file).is_file():
        yield Problem("mediaservice.ca_file", f"no such file: {section.ca_file}")


def is_reachable(section: Outgoing) -> bool:
    """Whether the settings say where the API is, and how to be let in."""
    return all(getattr(section, name) for name in _NEEDED)


def client_of(section: Outgoing) -> Client | None:
    """The client, None where the API is not configured. Call it after the fork. Raises UnusableKey for a key that was good at the start."""
    if not is_reachable(section):
        return None
    tokens = Tokens(
        private_key(section.private_key_file), dict(section.claims), section.token_lifetime, section.key_id, now=time.time
    )  # fmt: skip
    transport = Transport(
        idle_connections=0, connect_timeout=section.connect_timeout, tls=Tls(True, section.ca_file), proxy=section.proxy
    )  # fmt: skip
    region = Region(section.url, section.domain, section.site_urls)
    return Client(region, tokens, transport, clock=time.monotonic, sleep=time.sleep)


def verifier_of(section: Outgoing) -> Verifier | None:
    """Who checks the tokens of callbacks; None where no key is configured. Keys that cannot be used are left out: nobody has them."""
    keys = []
    for file in section.public_key_files:
        with suppress(UnusableKey):
            keys.append(public_key(file))
    return Verifier(keys, section.signature_header) if section.public_key_files else None


class Offered:
    """What /api serves of Mediaservice: its own operations, by its own paths, checked before anything is sent."""

    def __init__(self, client: Client | None, section: Outgoing) -> None:
        self._client = client
        self._section = section

    def find(self, method: str, segments: Sequence[str]) -> Operation:
        """The operation at a path of the platform's after `/{domain}/`."""
        name, file = endpoints.found(method, segments)
        endpoint, section = ENDPOINTS[name], self._section
        transfer = "file" in (endpoint.takes, endpoint.gives)

        def run(given: Given) -> Mapping[str, Any] | Download:
            return self._run(name, endpoint, file, given)

        seconds = section.transfer_timeout if transfer else section.timeout
        return Operation(endpoint.path, endpoint.takes, seconds, run, section.max_prompt, "mediaservice.max_prompt")

    def tell(self, order: Order, seconds: float) -> None:
        """Carry out what the bridge wants of a call. What goes wrong is said without a word of the request or of the platform's."""
        if self._client is None:
            raise OrderFailed("not_configured: mediaservice.url is not set")
        try:
            self._client.send(order.operation, order.body, base_url=order.base_url, seconds=min(seconds, self._section.timeout))
        except UnusableRequest as error:
            raise OrderFailed(f"cannot be sent: {', '.join(problem.path for problem in error.problems)}") from None
        except PlatformFailed as error:
            status = f", HTTP {error.status}" if error.status else ""
            raise OrderFailed(f"{error.reason}{status}", error.outcome) from None

    def _run(self, name: str, endpoint: Endpoint, file: str, given: Given) -> Mapping[str, Any] | Download:
        site, query = given.query.get(_SITE, ""), {key: value for key, value in given.query.items() if key != _SITE}
        if endpoint.takes != "nothing" and query:
            message = f"unknown query parameter: this operation takes {_SITE} alone there"
            raise UnusableRequest(Problem(key[:80], message) for key in query)
        value = query if endpoint.takes == "nothing" else given.value
        if endpoint.takes != "file":
            endpoint.load(value)
        if self._client is None:
            needed = ", ".join(f"mediaservice.{setting}" for setting in _NEEDED)
            raise PlatformFailed("not_configured", f"the bridge does not know its API: set {needed}", "not_done")
        if endpoint.gives == "file":
            return self._client.download(file, base_url=site, seconds=self._section.transfer_timeout)
        if given.file is not None:
            return self._client.upload(file, given.file, base_url=site, seconds=self._section.transfer_timeout)
        assert isinstance(value, Mapping)
        return self._client.send(name, value, filename=file, base_url=site, seconds=self._section.timeout)
