"""Translating without sending: what a request or an answer would become, station by station. No I/O, no clock.

The command line prints it, a page of the inspector shows the same.
"""

from rpcbridge.translation.recognized import recognized
from rpcbridge.translation.report import Names, as_object, located, notes
from rpcbridge.translation.shapes import Finding, Reply, Request, Translation
from rpcbridge.translation.translator import NOT_SHOWN, Translator

__all__ = [
    "NOT_SHOWN", "Finding", "Names", "Reply", "Request", "Translation", "Translator", "as_object", "located", "notes", "recognized",
]  # fmt: skip
