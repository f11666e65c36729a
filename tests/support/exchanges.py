"""Which exchanges stand in `fixtures/`: a case is whole when it also has what the bridge replies."""

from __future__ import annotations

from pathlib import Path

from tests.support.bridge import ROOT

FIXTURES = ROOT / "fixtures"


def whole(platform: str) -> list[Path]:
    """The folders of a platform's cases that have every station up to the reply."""
    return sorted(folder for folder in (FIXTURES / platform).iterdir() if list(folder.glob("platform_response.*")))


PLATFORMS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir() and whole(folder.name))
