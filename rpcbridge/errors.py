"""Everything that can go wrong, as one tree, and the two words for what was wrong with an input.

RpcbridgeError
├── ConfigurationError      the operator's: settings that cannot be used (all of them at once)
├── CallError               the phone system's: its request is not a call we can answer
│   ├── NotWellFormed       bytes that are neither XML nor JSON
│   ├── UnsupportedEncoding an encoding label nobody knows
│   ├── NotACall            well formed, but no method call
│   │   └── OutOfPlace      ... or one where it cannot be answered
│   ├── UnknownMethod       a call of a method this platform does not have
│   └── InvalidParams       a call of the bridge's own methods with parameters they do not take
├── ReplyError              the phone system's reply cannot be read (emulator only)
├── StepError               a step of an emulated call that cannot be taken (emulator only)
├── EncodeError             ours: a value the wire cannot carry
├── DatabaseError           the database's: tables we do not understand
├── NotStored               the database's: an event is not on disk, so it is not acknowledged
├── OrderFailed             the phone system's: it did not do what it was told, or nobody knows
├── TransportError          the network's: no HTTP reply was had
└── NoUsableAnswer          the backend's: the caller gets the fallback instead
    └── AnswerRejected      ... because its answer names what cannot be used, field by field

Wire protocols' own numbers (XML-RPC fault codes, HTTP status) live where they are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one input: where (`on_failure.loops`), what, with the fix, and in which file and line."""

    path: str
    message: str
    source: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.message) if part)


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that was put right while reading: its kind (a short stable name), where, and what."""

    kind: str
    path: str
    detail: str = ""


def shown(value: object) -> str:
    """`value` for an error message: its JSON, cut short; the shape alone for what holds more values."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 42 else text[:40] + '…"'


def nearest(word: str, known: Sequence[str]) -> str:
    """` (did you mean X?)` for the known word nearest to `word`, else their list."""
    close = get_close_matches(word[:80], known, 1, 0.6)  # it notes the place of every character: 60 bytes for each
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def listed(problems: Iterable[Problem]) -> str:
    """All problems in one line, for a log or a fault."""
    return "; ".join(str(problem) for problem in problems)


class RpcbridgeError(Exception):
    """Root of every error this package raises on purpose."""


class ConfigurationError(RpcbridgeError):
    """Settings that cannot be used; `problems` holds all of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(listed(self.problems))

    def report(self) -> str:
        """Every fault, a line each, for a person."""
        return "\n".join(["The configuration cannot be used:", *(f"  {problem}" for problem in self.problems)])


class CallError(RpcbridgeError):
    """A request that is not a call we can answer.

    `method` is the method's name where it could still be read: a caller may be waiting behind
    it. `dialect` is the wire form the sender used, so that the refusal is written in the same;
    `id` is JSON-RPC's, None where there is none or it could not be read.
    """

    reason: ClassVar[str] = "not_a_call"

    def __init__(
        self, message: str, method: str | None = None, dialect: str | None = None, id: str | None = None
    ) -> None:
        super().__init__(message)
        self.method = method
        self.dialect = dialect
        self.id = id


class NotWellFormed(CallError):
    """Bytes that are neither well-formed XML nor JSON; the message says where."""

    reason = "not_well_formed"


class UnsupportedEncoding(CallError):
    """The text declares an encoding that nobody knows."""

    reason = "unsupported_encoding"


class NotACall(CallError):
    """Well formed, but not a method call."""


class OutOfPlace(NotACall):
    """A call where it cannot be answered, such as a caller's question in a batch: refused, whatever its method."""


class UnknownMethod(CallError):
    """A call of a method the platform does not have."""

    reason = "unknown_method"


class InvalidParams(CallError):
    """A call of the bridge's own methods with parameters they do not take."""

    reason = "invalid_params"


class ReplyError(RpcbridgeError):
    """A reply that the emulated phone system cannot use; `problems` says why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(listed(self.problems))


class StepError(RpcbridgeError):
    """A step that an emulated call cannot take, or a state it never was in; `problems` names each field."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(listed(self.problems))


class EncodeError(RpcbridgeError):
    """A value the wire cannot carry: a bug on our side, never the caller's."""


class DatabaseError(RpcbridgeError):
    """A database that cannot be used as it is."""


class NotStored(RpcbridgeError):
    """An event that is not on disk, as far as is known in time."""

    reason: ClassVar[str] = "database"


class OrderFailed(RpcbridgeError):
    """Something that the phone system was told to do and did not.

    outcome: `not_done`, surely nothing; `refused`, it said no; `unclear`, perhaps it did.
    """

    def __init__(self, message: str, outcome: str = "not_done") -> None:
        super().__init__(message)
        self.outcome = outcome


class TransportError(RpcbridgeError):
    """No HTTP reply was had. `reason` is one of transport.REASONS."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NoUsableAnswer(RpcbridgeError):
    """The backend gave nothing the caller can hear; `reason` is the short name logs and metrics use."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


# A person reads them; an answer of 256 KiB can hold a hundred thousand, and telling those takes seconds.
MOST_PROBLEMS = 50


class AnswerRejected(NoUsableAnswer):
    """The backend answered, and the answer cannot be used: every field that is wrong, at once, up to MOST_PROBLEMS."""

    def __init__(self, problems: Iterable[Problem], reason: str = "invalid_answer") -> None:
        self.problems = tuple(problems)
        if (more := len(self.problems) - MOST_PROBLEMS) > 0:
            self.problems = (*self.problems[:MOST_PROBLEMS], Problem("", f"and {more} more"))
        super().__init__(reason, listed(self.problems))
