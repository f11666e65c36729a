"""The values that a platform and those who use it pass to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rpcbridge.domain.actions import Catalogue
from rpcbridge.errors import Problem, RpcbridgeError, listed

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


@dataclass(frozen=True, slots=True)
class Sample:
    """A request of the platform's, or an answer in its own shape, to try things with. method: of a request that does not name it."""

    title: str
    text: str
    method: str = ""
