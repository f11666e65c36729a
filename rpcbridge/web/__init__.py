"""The bridge's own HTTP surface. Flask only; knows no platform by name."""

from rpcbridge.web.health import add_health
from rpcbridge.web.surface import Surface, create

__all__ = ["Surface", "add_health", "create"]
