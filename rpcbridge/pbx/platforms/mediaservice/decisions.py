"""What a reply to newCall or callEvent means for the person on the line: `ivr`, `call` or `drop`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcbridge.domain.actions import Prompt
from rpcbridge.pbx.platforms.mediaservice.heard import steps
from rpcbridge.pbx.platforms.mediaservice.replies import action_in
from rpcbridge.pbx.scene import Dial, Play

_RINGS = 30  # seconds, where maxRingTime is not said: unknown
# A Q.850 cause for each dropCode; the other way is the bridge's.
CAUSES = {"busy": 17, "numberNotFound": 1, "numberNotActive": 22, "dropNoMsg": 16, "temporarilyUnavailable": 41}


@dataclass(frozen=True, slots=True)
class Decision:
    """`action`, and the whole reply that holds it."""

    action: str
    reply: Mapping[str, Any]

    @property
    def cause(self) -> int | None:
        """Why the call is dropped."""
        return CAUSES.get(self.reply.get("dropCode", ""))

    @property
    def recording(self) -> str:
        """The file that the connection is recorded to, "" for none."""
        return str(self.reply["recordingFileName"]) if self.reply.get("callRecording") is True else ""

    def dial(self) -> Dial:
        """The target that is rung; of a SIP URI its user part is what a person knows."""
        reply = self.reply
        user = reply["destAddr"].partition(":")[2].partition("@")[0]
        return Dial(
            user, max(1, round(reply.get("maxRingTime", _RINGS))), None, bool(self.recording), caller_number=reply.get("sipFrom"),
            caller_name=reply.get("displayName", ""), target_prompt=_greeting(reply, "callee"), greeting=_greeting(reply, "caller"),
        )  # fmt: skip


def decision_in(callback: str, reply: dict[str, Any]) -> Decision:
    """Raises Alarming."""
    return Decision(action_in(callback, reply), reply)


def _greeting(reply: Mapping[str, Any], side: str) -> Prompt | None:
    """What one side hears before both are connected: the first of its phrases."""
    phrases = reply.get("greeting", {}).get(side, {}).get("phrases", [])
    return next((step.prompt for step in steps(phrases) if isinstance(step, Play)), None)
