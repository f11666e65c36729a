"""What a phone system's folder offers, and how the folders are found. One folder per platform; they never import each other."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from rpcbridge.codec import MethodCall, MethodResponse, Reply
from rpcbridge.domain.actions import AnyAction, Catalogue
from rpcbridge.domain.events import Event
from rpcbridge.errors import Problem, Repair, RpcbridgeError, listed
from rpcbridge.redaction import Sensitivity

Kind = Literal["question", "notification"]


class UnusableCall(RpcbridgeError):
    """A known method's parameters cannot be used; `problems` names each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(listed(problems))


@dataclass(frozen=True, slots=True)
class Description:
    """What system.methodHelp and system.methodSignature say of a method: the types of its result and its parameters."""

    help: str
    signature: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the bridge itself says of an event: its id (ULID), the time of receipt (UTC), whether `raw` goes along."""

    event_id: str
    occurred_at: datetime
    include_raw: bool = False


@dataclass(frozen=True, slots=True)
class Native:
    """An answer in the platform's own shape, validated by the platform."""

    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What from_domain needs to know of the configuration beside the platform's own section."""

    catalogue: Catalogue
    strict: bool = False


class Platform(Protocol):
    """One phone system. Every method is pure: no I/O, no clock."""

    name: str
    methods: Mapping[str, Kind]
    descriptions: Mapping[str, Description]
    sensitive: Mapping[str, Sensitivity]  # the platform's own fields that a record must not show as they are
    fields: Mapping[str, str]  # a request's: the contract's name of an event's field -> the platform's
    # A reply's, by the contract's action: the platform's name -> the action's field, `on_failure.menu` for one in an object.
    reply_fields: Mapping[str, Mapping[str, str]]

    def to_domain(self, call: MethodCall, receipt: Receipt) -> tuple[Event, tuple[Repair, ...]]:
        """The event `call` reports. Raises UnusableCall with every problem."""

    def called_number(self, call: MethodCall) -> str | None:
        """The number that was called, as far as it can be read: it chooses the backend and the fallback."""

    def shares(self, call: MethodCall) -> bool:
        """Whether an identical request in flight at the same time may share this one's answer."""

    def same_as(self, call: MethodCall) -> str:
        """What a second report of the same happening has in common with `call`; "" where nothing tells."""

    def is_native(self, answer: object) -> bool:
        """Whether a backend's top-level answer is in the platform's own shape."""

    def load_native(self, answer: object, path: str) -> tuple[Native, tuple[Repair, ...]]:
        """The platform's own shape, validated. Raises AnswerRejected with every problem under `path`."""

    def action_of(self, native: Native) -> AnyAction:
        """What an answer in the platform's own shape means in the contract's words."""

    def from_domain(
        self, action: AnyAction | Native, called_number: str | None, dialect: str
    ) -> tuple[MethodResponse, tuple[Repair, ...]]:
        """`action` as this platform's reply. Raises AnswerRejected for what the platform lacks."""

    def acknowledge(self, stored: bool) -> MethodResponse:
        """The reply to a notification."""

    def encode(self, response: Reply, dialect: str) -> bytes:
        """A response, a fault or the replies to a batch as bytes in `dialect`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request of the platform's, or an answer in its own shape, to try things with."""

    title: str
    text: str


class PlatformFolder(Protocol):
    """What a platform's package must define: its name, its settings section and how it is made.

    It may define SAMPLES too, a tuple of `Sample`.
    """

    NAME: str
    Section: type

    def make(self, section: Any, options: Options) -> Platform:
        """The platform, configured."""


def route(name: str) -> str:
    """The segment of a URL at which the platform of this name posts."""
    return name.replace("_", "-")


def discovered() -> dict[str, PlatformFolder]:
    """Every platform there is, by its name: each folder of this package."""
    folders = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__) if found.ispkg
    ]
    return {folder.NAME: folder for folder in folders}
