"""The straight line of one request, and how calls that the bridge itself carries on go along it."""

from rpcbridge.bridge.carrier import Carrier, Send, UnknownCall
from rpcbridge.bridge.line import Bridge
from rpcbridge.exchange import Surroundings

__all__ = ["Bridge", "Carrier", "Send", "Surroundings", "UnknownCall"]
