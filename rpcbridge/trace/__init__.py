"""Exchanges as they were seen: redacted when recorded, bounded, in the database, the same for every worker."""

from rpcbridge.trace.follow import Follower
from rpcbridge.trace.queries import Queries, Search
from rpcbridge.trace.recorder import Trace
from rpcbridge.trace.store import Store

__all__ = ["Follower", "Queries", "Search", "Store", "Trace"]
