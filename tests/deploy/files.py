"""deploy/ as the tests read it."""

from __future__ import annotations

from rpcbridge.platforms import discovered
from rpcbridge.settings import SECTIONS, General, Setting, Settings, load, settings_of
from tests.support.bridge import ROOT

DEPLOY = ROOT / "deploy"
PLATFORMS = {name: folder.Section for name, folder in discovered().items()}


def settings(**variables: str) -> Settings:
    """What deploy/rpcbridge.toml says."""
    return load(DEPLOY / "rpcbridge.toml", variables, {}, PLATFORMS)


def known() -> dict[str, Setting]:
    """Every setting by its path."""
    sections = {"": General, **SECTIONS, **PLATFORMS}
    return {setting.path: setting for name, section in sections.items() for setting in settings_of(section, name)}
