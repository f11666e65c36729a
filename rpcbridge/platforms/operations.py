"""Operations that a platform offers to your backend beside its calls, as `/api/<platform>/...` serves them.

A platform's package that has some defines `operations(section)`, which is called once in each worker, after the fork.
What serves them knows no platform by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rpcbridge.errors import Problem, RpcbridgeError, listed
from rpcbridge.platforms.conversation import Order

Takes = Literal["nothing", "json", "file"]
# What became of a request that failed. not_done: surely nothing, it may be repeated. refused: the platform said no, and would again.
# unclear: nobody knows; whoever repeats it may have it done twice.
Outcome = Literal["not_done", "refused", "unclear"]


class NoSuchOperation(RpcbridgeError):
    """The platform has nothing at this path."""


class WrongMethod(RpcbridgeError):
    """There is something at this path, by other methods: `allowed`."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"this path takes {', '.join(self.allowed)}")


class UnusableRequest(RpcbridgeError):
    """Nothing was sent: `problems` names every field, what came, and the fix."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(listed(self.problems))


class PlatformFailed(RpcbridgeError):
    """The platform did not do it, as far as is known.

    `reason` is short and stable: one of transport.REASONS, `http_4xx` and its like, `refused_by_platform`, `unreadable`,
    `not_configured` or `unknown_site`. `status` is the platform's, 0 for none; `wait` the seconds it asks for.
    """

    def __init__(self, reason: str, message: str, outcome: Outcome, status: int = 0, wait: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.outcome = outcome
        self.status = status
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that comes as it is read: `read(n)` gives up to n bytes, none at its end."""

    read: Callable[[int], bytes]
    length: int
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What a request says: its query, and the JSON value or the file in its body."""

    query: Mapping[str, str]
    value: object = None
    file: Upload | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """A file that goes on as it comes. `length` is None where the platform does not say it; `close` ends it, early too."""

    content_type: str
    length: int | None
    chunks: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing the platform can do. `name` holds nothing of the request, so that it may be logged.

    `most` bounds a file in bytes, by the setting `bound`; `seconds` bounds all of it. `run` raises UnusableRequest and PlatformFailed.
    """

    name: str
    takes: Takes
    seconds: float
    run: Callable[[Given], Mapping[str, Any] | Download]
    most: int = 0
    bound: str = ""


class Operations(Protocol):
    """What one platform offers. For all threads of a process."""

    def find(self, method: str, segments: Sequence[str]) -> Operation:
        """What `method` does at this path, given decoded. Raises NoSuchOperation, WrongMethod or UnusableRequest."""

    def tell(self, order: Order, seconds: float) -> None:
        """Have the platform do what the bridge itself wants of it. Raises OrderFailed, whose text may be logged."""


class Offering(Protocol):
    """What the package of such a platform defines beside the names of PlatformFolder."""

    def operations(self, section: Any) -> Operations:
        """Its operations, ready to be used."""
