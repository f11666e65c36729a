"""What is a platform's own in an emulated call: how it asks, what it can use of a reply, how it reports the end."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rpcbridge.pbx.asking import Asking, Command
from rpcbridge.pbx.progress import Kept, Progress
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, Scene, Talk

if TYPE_CHECKING:
    from rpcbridge.pbx.scripted import Script, Turn
    from rpcbridge.transport import Transport


class Emulated(Protocol):
    """One platform's. Pure. Where an `Asking` raises ReplyError, it names everything that the platform could not use."""

    name: str  # the platform's
    dialects: tuple[str, ...]  # the wire forms it speaks, its own first
    repeats: bool  # whether it plays a menu as often as it is told; else it asks each time
    operations: tuple[str, ...]  # what the bridge may tell it over its API while a call lasts

    def read_own(self, given: Reader) -> Kept | None:
        """What it keeps of a call for itself, from the JSON of a page: `own` of the progress. Notes what is wrong with it."""

    def begun(self, call: Progress) -> Asking[Scene]:
        """A call was just taken: what its caller hears first."""

    def pressed(self, call: Progress, step: Collect | None) -> Asking[Scene]:
        """The digits at `step` are in `call.digits`, "" for none; or, without a step, nothing was collected: what is heard next."""

    def dialled(self, call: Progress, step: Dial) -> Asking[Scene]:
        """What comes of dialling is in `call.outcome`."""

    def talked(self, call: Progress, step: Talk) -> Asking[Scene]:
        """The target of a conversation hung up. Asked only where its step is not the last one."""

    def commanded(self, call: Progress, command: Command) -> Asking[Scene]:
        """The bridge tells the platform something. What is heard of it may be nothing."""

    def ended(self, call: Progress) -> Asking[tuple[bool, str]]:
        """The caller is gone, or was hung up on: whether the report of that was acknowledged, and what its reply says."""


# What a page and `rpcbridge call` offer first: the README's examples are of it.
_FIRST = "voicenter"


class Placing(Protocol):
    """Places calls by scripts; entered, it serves the platform's API as well."""

    def __enter__(self) -> Placing: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def place(self, script: Script) -> Iterator[Turn]:
        """The call, turn by turn."""


def serving(name: str) -> Callable[[str, Transport, tuple[str, int]], Placing] | None:
    """Makes a phone system that calls a bridge's URL, and serves its API at an address; None for a platform without one."""
    found: Callable[[str, Transport, tuple[str, int]], Placing] | None = getattr(importlib.import_module(f"{__name__}.{name}"), "serve", None)
    return found


def discovered() -> dict[str, Emulated]:
    """Every emulated platform, by its name: each module of this package, called like the platform."""
    found: list[Emulated] = [importlib.import_module(f"{__name__}.{one.name}").EMULATED for one in pkgutil.iter_modules(__path__)]
    return {one.name: one for one in sorted(found, key=lambda one: (one.name != _FIRST, one.name))}
