"""Calls that the bridge carries on, as they stand between two of their requests, and what is to be done in them later.

In the database, for any worker on any machine. Knows nothing of phone systems: a call is a JSON object to it.
"""

from rpcbridge.sessions.row import Lasting, Row, Saved
from rpcbridge.sessions.sessions import Sessions
from rpcbridge.sessions.store import Listed, Store
from rpcbridge.sessions.timers import Due, Timers

__all__ = ["Due", "Lasting", "Listed", "Row", "Saved", "Sessions", "Store", "Timers"]
