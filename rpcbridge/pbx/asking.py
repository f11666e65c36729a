"""What passes between an emulated phone system and whoever carries its requests. Pure: a generator yields, bytes come back.

Between two things that the caller hears a platform may ask several questions, send notifications, and wait for what the
bridge tells it over the platform's own API. All of that is one `Asking`: no request is ever under way between two steps.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from rpcbridge.errors import ReplyError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What the phone system posts. `callback`: the path below the platform's own, "" for that itself.

    question: an answer decides how the call goes on; else it is a notification. fields: what `body` says, for whoever shows it.
    """

    callback: str
    body: bytes
    content_type: str
    method: str
    fields: Mapping[str, Any]
    question: bool


@dataclass(frozen=True, slots=True)
class Listen:
    """Whether the bridge commands anything: the phone system would go on by itself after `seconds`."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Understood:
    """What the last reply was taken for: the platform's name of the action, and its fields."""

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """What the bridge tells the phone system over the platform's API: the operation, and its body."""

    operation: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Came:
    """What came back: the reply's bytes, or the commands that were listened for."""

    body: bytes = b""
    commands: tuple[Command, ...] = field(default=())


NOTHING = Came()

# Yields what it wants, is sent what came of it, and returns what it was for. A request that was refused is thrown as ReplyError.
Asking: TypeAlias = Generator[Request | Listen | Understood, Came, T]


class Peer(Protocol):
    """Carries what an emulated call wants to the bridge, over HTTP or within its process."""

    def post(self, request: Request) -> bytes:
        """The reply's bytes. Raises ReplyError where it cannot be one."""

    def listen(self, seconds: int) -> Sequence[Command]:
        """The commands that came, each once."""

    def understood(self, name: str, data: Mapping[str, Any]) -> None:
        """What the last reply was taken for."""


def conducted(asking: Asking[T], peer: Peer) -> T:
    """What `asking` returns, after all it wanted. Raises what it raises, ReplyError for a reply that cannot be used."""
    try:
        wanted = next(asking)
        while True:
            match wanted:
                case Listen():
                    wanted = asking.send(Came(commands=tuple(peer.listen(wanted.seconds))))
                case Understood():
                    peer.understood(wanted.name, wanted.data)
                    wanted = asking.send(NOTHING)
                case Request():
                    wanted = _posted(wanted, asking, peer)
    except StopIteration as end:
        value: T = end.value
        return value


def _posted(request: Request, asking: Asking[T], peer: Peer) -> Request | Listen | Understood:
    try:
        came = Came(peer.post(request))
    except ReplyError as error:
        return asking.throw(error)
    return asking.send(came)
