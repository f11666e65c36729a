"""A translator as the command line makes it, for a configuration given as text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rpcbridge.plan import configured
from rpcbridge.translation import Translator

EVENT_ID = "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"
OCCURRED_AT = datetime(2026, 11, 20, 21, 27, 3, 123_000, UTC)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def translator(folder: Path, toml: str = "[backend]\nurl = 'http://backend.example'\n") -> Translator:
    config = folder / "translator.toml"
    config.write_text(toml, "utf-8")
    plan = configured(config)
    settings = plan.settings
    return Translator(
        plan.platforms["voicenter"], plan.routes, settings.backend, settings.server.max_body, EVENT_ID, OCCURRED_AT, TRACEPARENT
    )
