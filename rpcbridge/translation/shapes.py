"""What a translation found, as plain values: every station of an exchange, every finding with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcbridge.codec import Value
from rpcbridge.transport import HttpRequest


@dataclass(frozen=True, slots=True)
class Finding:
    """One repair, problem or remark: in which text (`request` or `answer`), where in it, and what.

    `kind` is the repair's kind, or the short reason a log line gives for the problem. `line` and
    `column` count from 1 and are None where they cannot be told.
    """

    text: str
    kind: str
    path: str
    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """The phone system's call as it was read. `kind`: `question`, `notification`, or "" for a method nobody knows."""

    method: str
    dialect: str
    params: tuple[Value, ...] = ()
    kind: str = ""
    called_number: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the phone system gets: the exact bytes. about: to what, where it is not this very request."""

    dialect: str
    content_type: str
    body: bytes
    about: str = ""


@dataclass(frozen=True, slots=True)
class Translation:
    """A request, an answer, or a whole exchange in translation; what does not apply or was not reached is None or empty.

    event: the contract's JSON. backend_request: values of secret headers are not in it. answer:
    the action with its defaults, or `native`. replies: one a dialect. outcome: as in the log
    (`answered`, `continued`, `fallback`, `stored`, `noted`, `not_stored`, `refused`), "" for a question that awaits
    its answer or a text that is neither; reason: the `fallback_reason` of what went wrong.
    """

    request: Request | None = None
    event: Mapping[str, Any] | None = None
    backend_request: HttpRequest | None = None
    answer: Mapping[str, Any] | None = None
    replies: tuple[Reply, ...] = ()
    outcome: str = ""
    reason: str = ""
    repairs: tuple[Finding, ...] = ()
    problems: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
