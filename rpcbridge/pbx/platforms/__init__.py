"""What is a platform's own in an emulated call: how it asks, what it can use of a reply, how it reports the end."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rpcbridge.codec import MethodCall, Value
from rpcbridge.domain.actions import AnyAction
from rpcbridge.pbx.progress import Progress


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable reply: the platform's name for the action, its fields, and what they mean in the contract's words."""

    name: str
    data: Mapping[str, Any]
    action: AnyAction


class Emulated(Protocol):
    """One platform's. Pure."""

    name: str  # the platform's

    def question(self, call: Progress) -> MethodCall:
        """What a caller shall hear next."""

    def answer(self, value: Value) -> Answer:
        """The reply to a question. Raises ReplyError with everything that the platform could not use."""

    def ended(self, call: Progress) -> MethodCall:
        """The report of the call's end."""

    def acknowledged(self, value: Value) -> tuple[bool, str]:
        """Whether the reply to a report acknowledges it, and what it says. Raises ReplyError where it is no such reply."""


def discovered() -> dict[str, Emulated]:
    """Every emulated platform, by its name: each module of this package."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.EMULATED.name: module.EMULATED for module in modules}
