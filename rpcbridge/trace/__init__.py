"""Exchanges as they were seen: redacted when recorded, bounded, in the database, the same for every worker."""

from rpcbridge.trace.recorder import Trace

__all__ = ["Trace"]
