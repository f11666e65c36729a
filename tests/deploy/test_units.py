"""The systemd units, as systemd itself reads and judges them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, settings

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed: sudo apt-get install systemd")
UNITS = ["rpcbridge.service", "rpcbridge-deliver.service"]
AT_MOST = 2.0  # of 10, as `systemd-analyze security` counts what a unit is exposed to


def options(unit: str) -> list[tuple[str, str]]:
    lines = (DEPLOY / unit).read_text("utf-8").splitlines()
    return [(name, value) for name, sign, value in (line.partition("=") for line in lines) if sign and not name.startswith("#")]


def value(unit: str, name: str) -> str:
    (found,) = [value for key, value in options(unit) if key == name]
    return found


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line(unit: str, tmp_path: Path):
    text = (DEPLOY / unit).read_text("utf-8")
    program = Path(sys.executable).parent / "rpcbridge"  # it is looked for where the unit says
    (tmp_path / unit).write_text(text.replace("/opt/rpcbridge/bin/rpcbridge", str(program)), "utf-8")
    checked = subprocess.run([str(ANALYZE), "verify", "--man=no", str(tmp_path / unit)], capture_output=True, text=True)
    about_it = [line for line in checked.stderr.splitlines() if unit in line]
    assert (checked.returncode, about_it) == (0, []), checked.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_little_is_open_to_it(unit: str):
    judged = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", f"--threshold={AT_MOST * 10:.0f}", "--no-pager", str(DEPLOY / unit)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout + judged.stderr


@needs_systemd
def test_a_worker_may_choose_its_core_and_what_records_beside_it_may_step_behind():
    """Both calls are in a group that is forbidden as a whole, and allowed by name after it."""
    group = subprocess.run([str(ANALYZE), "syscall-filter", "@resources"], capture_output=True, text=True).stdout
    assert "sched_setaffinity" in group
    assert "setpriority" in group
    filters = [value for name, value in options("rpcbridge.service") if name == "SystemCallFilter"]
    assert filters.index("sched_setaffinity setpriority") > filters.index("~@privileged @resources")


def test_the_stop_has_the_time_it_takes():
    in_force = settings()
    seconds = int(value("rpcbridge.service", "TimeoutStopSec").removesuffix("s"))
    assert seconds > in_force.server.drain + in_force.backend.deadline + 6
    seconds = int(value("rpcbridge-deliver.service", "TimeoutStopSec").removesuffix("s"))
    assert seconds > in_force.events.attempt_timeout


def test_both_units_are_held_equally_tight():
    tight = re.compile("Protect|Restrict|Private|System|Capab|Ambient|NoNew|Lock|Memory|Keyring|Device|Remove|UMask|Dynamic|User|State|Work")
    own = {("SystemCallFilter", "sched_setaffinity setpriority"), ("MemoryMax", "1G"), ("MemoryMax", "512M")}
    one, other = ({option for option in options(unit) if tight.match(option[0])} - own for unit in UNITS)
    assert one == other


@pytest.mark.parametrize("unit", UNITS)
def test_every_secret_it_names_is_handed_over(unit: str):
    text = (DEPLOY / unit).read_text("utf-8")
    handed = re.findall(r"LoadCredential=(\w+):/etc/rpcbridge/secrets/\1$", text, re.MULTILINE)
    assert sorted(handed) == sorted(re.findall(r"RPCBRIDGE_\w+_FILE=%d/(\w+)$", text, re.MULTILINE))
    assert handed
