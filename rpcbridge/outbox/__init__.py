"""Events on their way to the backend: on disk before they are acknowledged, delivered at least once, in order per call.

Knows nothing of HTTP: whoever delivers is handed over. The store speaks SQLite and PostgreSQL.
"""

from rpcbridge.outbox.delivery import Deliverer, Delivery, Plan
from rpcbridge.outbox.notice import Claimed, Notice
from rpcbridge.outbox.outbox import Outbox
from rpcbridge.outbox.store import Store

__all__ = ["Claimed", "Deliverer", "Delivery", "Notice", "Outbox", "Plan", "Store"]
