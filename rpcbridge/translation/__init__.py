"""Translating without sending: what a request or an answer would become, station by station. No I/O, no clock.

The command line prints it; a page may show the same.
"""

from rpcbridge.translation.recognized import recognized
from rpcbridge.translation.shapes import Finding, Reply, Request, Translation
from rpcbridge.translation.translator import NOT_SHOWN, Translator

__all__ = ["NOT_SHOWN", "Finding", "Reply", "Request", "Translation", "Translator", "recognized"]
