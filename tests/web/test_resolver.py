"""A name server that never answers must not hold the caller: its own network, its own resolv.conf, a real bridge."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bridge import ROOT
from tests.support.profile import check_reply

pytestmark = pytest.mark.alone

POSSIBLE = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip")


@pytest.mark.skipif(not POSSIBLE, reason="needs root, unshare and ip (util-linux, iproute2)")
def test_a_resolver_that_never_answers_does_not_outlast_the_deadline(tmp_path: Path):
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-m", "tests.support.silent_resolver", str(tmp_path)],
        capture_output=True, text=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    status, headers, body, seconds, line = json.loads(done.stdout)
    assert check_reply(status, headers, body.encode())["ACTION"] == "HANGUP"
    assert line["fallback_reason"] == "connect_timeout"
    assert seconds < 1 + 0.6
