"""Trouble that somebody should know of: told to one URL, once for the whole installation, and again when it is over."""

from rpcbridge.alerts.alerts import Alerts

__all__ = ["Alerts"]
