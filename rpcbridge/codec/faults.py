"""Fault codes, from the "Specification for Fault Code Interoperability" that XML-RPC and JSON-RPC share."""

from __future__ import annotations

from rpcbridge.codec.values import Fault
from rpcbridge.errors import CallError

CODES = {
    "not_well_formed": -32700,
    "unsupported_encoding": -32701,
    "not_a_call": -32600,
    "unknown_method": -32601,
    "invalid_params": -32602,
    "internal": -32603,
}


def fault_of(error: CallError) -> Fault:
    """The fault that answers `error`."""
    return Fault(CODES[error.reason], str(error), error.id)
