"""What Mediaservice's document leaves open: one switch each, with the values it may have. The first is the one taken for likely.

Nothing here was verified with a live tenant; so whoever builds on it must get along with every value of every switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

Answered = Literal["before_command", "after_command", "never"]
ReplyIds = Literal["each_command", "one_a_call"]
RoundEnds = Literal["command_after", "first_timeout"]
Silence = Literal["no_params", "empty_match"]
Reasons = Literal["words", "other_words", "absent"]
KeyAlone = Literal["key", "empty"]
Buffer = Literal["sent", "absent", "before_match"]
Reference = Literal["documented", "text", "object", "text_twice"]
Hangup = Literal["completed", "event"]
SplitOrder = Literal["caller_first", "callee_first"]
NoAnswer = Literal["480", "408", "487"]
Gone = Literal["leg_failed", "silent"]
Recording = Literal["before_completed", "after_completed", "failed"]
Types = Literal["documented", "drifting"]
Completed = Literal["sent", "lost"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the emulated platform behaves."""

    answered: Answered = "before_command"  # when an inbound call that goes to the IVR yields callAnswered
    reply_ids: ReplyIds = "each_command"  # getIvrCommand's
    round_ends: RoundEnds = "command_after"  # what closes a round in which nothing is pressed: getIVRCommandAfter, or dtmf.firstTimeout
    silence: Silence = "no_params"  # whether dtmfParams is there when nothing was pressed
    reasons: Reasons = "words"  # dtmfParams.reason but for terminationKey, the one that is documented
    key_alone: KeyAlone = "key"  # dtmfMatch, where nothing but the termination key was pressed
    buffer: Buffer = "sent"  # dtmfBuffer; before_match: it comes alone first where fewer digits were pressed than are wanted
    reference: Reference = "documented"  # sessionReferenceId: text in some callbacks, an object in others; or one of them in all
    hangup: Hangup = "completed"  # what follows hangup:true: sessionCompleted, or a callEvent of the IVR's leg first
    split: SplitOrder = "caller_first"  # the order of the two callEvents
    no_answer: NoAnswer = "480"  # sipResponseCode of a target that does not answer
    gone: Gone = "leg_failed"  # whether the leg that rings reports its failure as well, when the caller hangs up meanwhile
    recording: Recording = "before_completed"  # when recordingReady comes, and what it says
    types: Types = "documented"  # drifting: numbers for texts and texts for numbers, as in the document's samples
    completed: Completed = "sent"  # lost: sessionCompleted never comes


def variants() -> Mapping[str, Behaviour]:
    """The likely behaviour, and each other value of each switch, by a name such as `split=callee_first`."""
    likely = Behaviour()
    hints: dict[str, Any] = get_type_hints(Behaviour)
    others = {
        f"{switch.name}={value}": replace(likely, **{switch.name: value})
        for switch in fields(Behaviour) for value in get_args(hints[switch.name]) if value != getattr(likely, switch.name)
    }  # fmt: skip
    return {"likely": likely, **others}


# What dtmfParams.reason may say: as many digits as are wanted; fewer, and no more for a while; nothing at all.
REASONS: Mapping[str, tuple[str, str, str]] = {
    "words": ("maxDigits", "betweenTimeout", "firstTimeout"),
    "other_words": ("max_digits_reached", "timeout", "timeout"),
    "absent": ("", "", ""),
}
