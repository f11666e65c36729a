"""Emulated phone systems: what one does in a call, and what its caller hears. What is a platform's own stands in platforms/."""

from rpcbridge.pbx.call import MAX_TURNS, Call, begun
from rpcbridge.pbx.platforms import Emulated, discovered
from rpcbridge.pbx.progress import OUTCOMES, Caller
from rpcbridge.pbx.scene import Scene, as_json

__all__ = ["MAX_TURNS", "OUTCOMES", "Call", "Caller", "Emulated", "Scene", "as_json", "begun", "discovered"]
