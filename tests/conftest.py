"""What several folders share: a backend that behaves as told; and that nothing is skipped where that was asked for."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from tests.support import backend as backends


@pytest.fixture
def backend() -> Iterator[backends.Backend]:
    """A backend of this test alone."""
    with backends.running(backends.reply({"action": "hangup"})) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With SKIP_NOTHING set a skipped test has failed: .ci/run installs all that any test needs, and nobody reads there what was skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("SKIP_NOTHING"):
        report.outcome = "failed"
        report.longrepr = f"skipped, with SKIP_NOTHING set: {report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr}"
    return report
