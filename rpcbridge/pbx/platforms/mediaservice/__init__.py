"""Mediaservice, emulated: `EMULATED` is its side of a call, `Tenant` (in tenant.py) its API and its calls over HTTP.

What its document leaves open is a switch of `Behaviour`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rpcbridge.pbx.platforms.mediaservice.behaviour import Behaviour, variants
from rpcbridge.pbx.platforms.mediaservice.emulated import Mediaservice

if TYPE_CHECKING:
    from rpcbridge.pbx.platforms.mediaservice.tenant import Tenant
    from rpcbridge.transport import Transport

__all__ = ["EMULATED", "Behaviour", "Mediaservice", "serve", "variants"]

EMULATED = Mediaservice()


def serve(url: str, transport: Transport, address: tuple[str, int]) -> Tenant:
    """A tenant that calls the bridge at `url`, its API at `address`, of whatever domain. Raises OSError."""
    from rpcbridge.pbx.platforms.mediaservice.tenant import (
        Tenant,  # here: a bridge that serves needs no server of the emulation's
    )

    return Tenant(url, transport, domain="", address=address)
