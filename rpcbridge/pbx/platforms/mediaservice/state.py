"""What Mediaservice's emulation keeps of a call for itself, and the ids that follow from it. Pure: a call's ids come from its own id.

A session is one call, a connection links two participants: the person, and either the IVR or the target of a dial.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any

from rpcbridge.pbx.progress import Progress
from rpcbridge.pbx.reading import Reader

# new: the platform has asked what to do. placing: an outbound call rings. ivr, dialing, connected: what the person hears.
PHASES = ("new", "placing", "ivr", "dialing", "connected", "over")
_MANY = 10_000  # connections, commands: more than any call has


@dataclass(slots=True)
class Own:
    """connection, commands: how many there were. person_called: the person is the called party of the connection.

    reference: sessionReferenceId as it was answered last, as JSON; "" before. buffer: the digits since the last flush.
    playing: tells what plays from anything else. recording: the file's name while the connection is recorded. ring: seconds
    that an outbound call rings at most.
    """

    phase: str = "new"
    outbound: bool = False
    person_called: bool = False
    connection: int = 0
    commands: int = 0
    reference: str = ""
    buffer: str = ""
    playing: str = ""
    recording: str = ""
    ring: int = 30

    def as_json(self) -> dict[str, Any]:
        """What `read` reads again."""
        return asdict(self)


def read(given: Reader) -> Own:
    """The state in a page's JSON; what is wrong with it stands in the reader's problems."""
    own = Own(
        given.choice("phase", PHASES), given.flag("outbound"), given.flag("person_called"), given.whole("connection", 0, _MANY),
        given.whole("commands", 0, _MANY), given.text("reference"), given.text("buffer"), given.text("playing"), given.text("recording"),
        given.whole("ring", 1, 86_400),
    )  # fmt: skip
    if own.reference and not isinstance(_parsed(own.reference), dict):
        given.refuse("reference", "expected the JSON of an object")
    return own


def own(call: Progress) -> Own:
    """The state of `call`."""
    if not isinstance(call.own, Own):
        call.own = Own()
    return call.own


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def id_of(call: Progress, what: str, number: int = 0) -> str:
    """An id as the platform makes them: another for each thing of each call."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"rpcbridge:{call.call_id}/{what}/{number}"))


def reply_id(call: Progress, what: str, number: int) -> str:
    """A replyId: it looks like a JWT, and is none."""
    return f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{uuid.UUID(id_of(call, f'reply to {what}', number)).hex}.{number}"


def person(call: Progress) -> str:
    """The participantId of the person on the line."""
    return id_of(call, "person")


def other(call: Progress) -> str:
    """The participantId of the other side of the connection: the IVR's, or the target's."""
    return id_of(call, "other", own(call).connection)


def connection(call: Progress) -> str:
    """The connectionId."""
    return id_of(call, "connection", own(call).connection)


def person_number(call: Progress) -> str:
    """The number of the person on the line."""
    return call.caller.called_number if own(call).outbound else call.caller.caller_number


def other_number(call: Progress) -> str:
    """The number at the other side of the connection."""
    if own(call).phase in ("dialing", "connected"):
        return call.target
    return call.caller.caller_number if own(call).outbound else call.caller.called_number
