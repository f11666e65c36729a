"""What a phone system's folder offers, and how the folders are found. One folder per platform; they never import each other."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rpcbridge.codec import MethodCall, MethodResponse, Reply, Value
from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import Event
from rpcbridge.errors import Problem, Repair
from rpcbridge.platforms.conversation import Conversation, Found, Kept, Order, Step, Told
from rpcbridge.platforms.shapes import Description, Kind, Native, Options, Receipt, Sample, UnusableCall
from rpcbridge.redaction import Sensitivity

__all__ = [
    "Conversation", "Description", "Found", "Kept", "Kind", "Native", "Options", "Order", "Platform", "PlatformFolder", "Receipt",
    "Sample", "Step", "Told", "UnusableCall", "discovered", "route",
]  # fmt: skip


class Platform(Protocol):
    """One phone system. Every method is pure: no I/O, no clock."""

    name: str
    methods: Mapping[str, Kind]
    dialects: tuple[str, ...]  # the wire forms it speaks, the one first that is spoken where nothing tells
    methods_in_path: bool  # whether the last segment of the URL it posts to names the method
    conversation: Conversation | None  # where the bridge carries its calls on; None where the phone system does
    authenticates: bool  # whether `refusal` asks for anything
    statuses: Mapping[str, int]  # the HTTP status of a reply by the exchange's outcome, where it is not 200
    descriptions: Mapping[str, Description]
    sensitive: Mapping[str, Sensitivity]  # the platform's own fields that a record must not show as they are
    # A request's: the contract's name of an event's field -> the platform's. Either may be a path into objects and lists, as in
    # `dtmfParams.dtmfMatch`; a reply's may, too: `phrases.0.fileName`.
    fields: Mapping[str, str]
    # A reply's, by the contract's action: the platform's name -> the action's field, `on_failure.menu` for one in an object;
    # several with blanks between them where one member says them together.
    reply_fields: Mapping[str, Mapping[str, str]]

    def faults(self) -> tuple[Problem, ...]:
        """What is wrong with its settings beyond each of them by itself."""

    def refusal(self, header: Callable[[str], str], now: float) -> str:
        """Why a request may not enter for what its headers say (by their names), "" where it may. now: seconds since 1970."""

    def method_named(self, segment: str, body: bytes) -> str:
        """The method that the last segment of a URL stands for, where `methods_in_path`; `segment` itself where none."""

    def methods_of(self, body: Value) -> tuple[str, ...]:
        """The methods of which `body` may be the parameter, by its fields alone, where `methods_in_path`."""

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

    def stopgap(self, action: AnyAction, method: str, called_number: str | None, dialect: str) -> MethodResponse:
        """The fallback as the reply to a question of which nothing else is known. Never fails."""

    def acknowledge(self, stored: bool) -> MethodResponse:
        """The reply to a notification."""

    def encode(self, response: Reply, dialect: str) -> bytes:
        """A response, a fault or the replies to a batch as bytes in `dialect`."""


class PlatformFolder(Protocol):
    """What a platform's package must define: its name, its settings section and how it is made.

    It may define SAMPLES too, a tuple of `Sample`.
    """

    NAME: str
    Section: type

    def make(self, section: Any, options: Options) -> Platform:
        """The platform, configured."""

    def in_use(self, section: Any) -> bool:
        """Whether these settings say that this phone system calls. Its door is closed else; so is it asked whether it can play the fallback."""


def route(name: str) -> str:
    """The segment of a URL at which the platform of this name posts."""
    return name.replace("_", "-")


def discovered() -> dict[str, PlatformFolder]:
    """Every platform there is, by its name: each folder of this package. Those first for which nothing has to be set."""
    folders = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__) if found.ispkg
    ]
    return {folder.NAME: folder for folder in sorted(folders, key=lambda folder: not folder.in_use(folder.Section()))}
