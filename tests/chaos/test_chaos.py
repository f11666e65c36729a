"""A short form of every row of `make chaos`: nothing lost, nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.row import SHORT, Missing
from tests.chaos.rows import ROWS
from tests.support.bridge import ROOT

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("name", ROWS)
def test_what_breaks_costs_no_request(name: str, tmp_path: Path):
    try:
        row = ROWS[name](tmp_path, SHORT)
    except Missing as reason:
        pytest.skip(str(reason))
    assert row.problems == [], row
    assert (row.lost, row.wrong) == (0, 0)
    assert row.tried == row.survived + row.refused + row.reset  # every request is accounted for


def test_every_row_stands_in_the_operators_page():
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in ROWS)
