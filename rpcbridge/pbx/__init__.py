"""Emulated phone systems: what one does in a call, and what its caller hears. What is a platform's own stands in platforms/."""

from rpcbridge.pbx.asking import Asking, Came, Command, Listen, Peer, Request, Understood, conducted
from rpcbridge.pbx.call import MAX_TURNS, Call, begun
from rpcbridge.pbx.platforms import Emulated, discovered
from rpcbridge.pbx.progress import OUTCOMES, Caller
from rpcbridge.pbx.scene import Scene, as_json

__all__ = [
    "MAX_TURNS",
    "OUTCOMES",
    "Asking",
    "Call",
    "Caller",
    "Came",
    "Command",
    "Emulated",
    "Listen",
    "Peer",
    "Request",
    "Scene",
    "Understood",
    "as_json",
    "begun",
    "conducted",
    "discovered",
]  # fmt: skip
