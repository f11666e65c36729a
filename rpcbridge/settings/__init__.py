"""Settings: file, environment, flags -> one frozen value, or every fault at once. Knows no platform by name."""

from rpcbridge.settings.load import load
from rpcbridge.settings.sections import Backend, General, Route, Server, Settings
from rpcbridge.settings.table import Setting, settings_of

__all__ = ["Backend", "General", "Route", "Server", "Setting", "Settings", "load", "settings_of"]
