"""Settings: file, environment, flags -> one frozen value, or every fault at once. Knows no platform by name."""

from rpcbridge.settings.load import load
from rpcbridge.settings.sections import SECTIONS, Alerts, Api, Backend, Capture, Database, Events, General, Route, Settings
from rpcbridge.settings.table import Setting, settings_of

__all__ = [
    "SECTIONS", "Alerts", "Api", "Backend", "Capture", "Database", "Events", "General", "Route", "Setting", "Settings", "load",
    "settings_of",
]  # fmt: skip
