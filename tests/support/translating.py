"""A translator as the command line makes it, for a configuration given as text."""

from __future__ import annotations

from pathlib import Path

from rpcbridge.plan import configured
from rpcbridge.translation import Translator


def translator(folder: Path, toml: str = "[backend]\nurl = 'http://backend.example'\n") -> Translator:
    config = folder / "translator.toml"
    config.write_text(toml, "utf-8")
    plan = configured(config)
    settings = plan.settings
    return Translator(plan.platforms["voicenter"], plan.routes, settings.backend, settings.server.max_body)
