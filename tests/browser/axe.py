"""axe-core, an independent judge of accessibility, run inside a page."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.bridge import ROOT

AXE = ROOT / "tests" / "judges" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("critical", "serious")


def no_serious_fault(page: Page) -> None:
    """Nothing that axe-core calls serious or critical on the page as it stands now."""
    page.evaluate(_source())  # evaluated from outside: the page's own policy would refuse it as a script
    found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
    faults = [_told(violation) for violation in found if violation["impact"] in GRAVE]
    assert not faults, f"{page.url}\n" + "\n".join(faults)


@functools.cache
def _source() -> str:
    if not AXE.is_file():
        pytest.skip("axe-core is missing: install npm, then `make test`")
    return AXE.read_text("utf-8")


def _told(violation: dict[str, Any]) -> str:
    """The rule, and every element that breaks it with what to do about it."""
    lines = [f"{violation['impact']}: {violation['id']}: {violation['help']} ({violation['helpUrl']})"]
    for node in violation["nodes"]:
        lines += [f"  {node['target'][-1]}  {node['html'][:200]}", *(f"    {line.strip()}" for line in node["failureSummary"].splitlines()[1:])]
    return "\n".join(lines)
