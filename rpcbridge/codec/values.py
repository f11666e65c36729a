"""What both wires meet in: calls, responses and faults as plain values. No I/O, no telephony.

A scalar is kept as its lexical text. Perl writes a phone number as `<int>0730000000</int>`, so
the wire's tag is a remark, not a type: the field's own schema decides later what the text means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rpcbridge.errors import CallError, Repair


class Lexical(str):
    """The text of a scalar that carried a type on the wire (`int`, `double`, `boolean`, ...)."""

    __slots__ = ("type",)
    type: str

    def __new__(cls, text: str, type: str) -> Lexical:
        self = super().__new__(cls, text)
        self.type = type
        return self


# Reading yields str, Lexical, None, list and dict; int is for writing only.
Value: TypeAlias = "str | int | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True)
class MethodCall:
    """One call of a remote method, whatever wire it came over.

    id: JSON-RPC's, a Lexical where it was a number, None where it was null or the dialect has none.
    unanswered: a JSON-RPC notification, which has no id: its sender reads no reply.
    """

    method: str
    params: tuple[Value, ...] = ()
    dialect: str = "xmlrpc"
    repairs: tuple[Repair, ...] = ()
    id: str | None = None
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Several calls in one request; an item that is no call is the error that says why. JSON-RPC alone has it."""

    items: tuple[MethodCall | CallError, ...]
    repairs: tuple[Repair, ...] = ()
    dialect: str = "jsonrpc"


@dataclass(frozen=True, slots=True)
class MethodResponse:
    """The value a method call is answered with, and the call's id."""

    value: Value
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """The refusal of something that is not a call of a known method; `code` is one of faults.CODES' numbers."""

    code: int
    message: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResponse:
    """The replies to a batch, in its order; at least one."""

    responses: tuple[MethodResponse | Fault, ...]


Reply: TypeAlias = "MethodResponse | Fault | BatchResponse"
