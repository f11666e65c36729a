"""The customer's backend: where a question or event goes, how often it is tried, and what came back."""

from rpcbridge.backend.breaker import Breakers
from rpcbridge.backend.client import Client
from rpcbridge.backend.faults import FAULTS, Faulty
from rpcbridge.backend.flight import Flights
from rpcbridge.backend.record import Record
from rpcbridge.backend.routes import Routes, Target

__all__ = ["FAULTS", "Breakers", "Client", "Faulty", "Flights", "Record", "Routes", "Target"]
