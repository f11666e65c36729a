"""What a call's backend last returned as `state`, and how often it was asked: in the database, for any worker on any machine."""

from rpcbridge.calls.calls import Calls, Remembered, storable_state
from rpcbridge.calls.store import Store

__all__ = ["Calls", "Remembered", "Store", "storable_state"]
