"""Emulated phone systems: what one does in a call, and what its caller hears. What is a platform's own stands in wires/."""

from rpcbridge.pbx.call import MAX_TURNS, Call, begun
from rpcbridge.pbx.progress import OUTCOMES, Caller
from rpcbridge.pbx.scene import Scene, as_json
from rpcbridge.pbx.wires import Wire, discovered

__all__ = ["MAX_TURNS", "OUTCOMES", "Call", "Caller", "Scene", "Wire", "as_json", "begun", "discovered"]
