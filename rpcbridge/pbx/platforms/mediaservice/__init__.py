"""Mediaservice, emulated: `EMULATED` is its side of a call, `Tenant` (in tenant.py) its API and its calls over HTTP.

What its document leaves open is a switch of `Behaviour`.
"""

from rpcbridge.pbx.platforms.mediaservice.behaviour import Behaviour, variants
from rpcbridge.pbx.platforms.mediaservice.emulated import Mediaservice

__all__ = ["EMULATED", "Behaviour", "Mediaservice", "variants"]

EMULATED = Mediaservice()
