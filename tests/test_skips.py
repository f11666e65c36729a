"""What a machine lacks is skipped and said so, and fails where nothing may be skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bridge import ROOT

TESTS = """
import pytest
def test_of_a_program(): pytest.skip("no such program")
@pytest.mark.skipif(True, reason="no such other")
def test_of_another(): pass
@pytest.mark.xfail(strict=True)
def test_that_must_fail(): assert False
"""


@pytest.mark.parametrize(("variable", "code", "outcome"), [("", 0, "2 skipped, 1 xfailed"), ("1", 1, "1 failed, 1 xfailed, 1 error")])
def test_nothing_is_skipped_where_that_was_asked_for(tmp_path: Path, variable: str, code: int, outcome: str):
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(tmp_path), "-rs", "-p", "tests.conftest", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"SKIP_NOTHING": variable}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, outcome in done.stdout) == (code, True), done.stdout + done.stderr
    assert all(reason in done.stdout for reason in ("no such program", "no such other"))
