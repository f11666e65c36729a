"""Each worker on a core of its own, also the one that replaces another."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from rpcbridge.affinity import free_place
from tests.support import bridge as bridges
from tests.support.bridge import awaited

pytestmark = pytest.mark.alone

CORES = os.sched_getaffinity(0)


def workers(bridge: bridges.Running) -> dict[int, frozenset[int]]:
    """The cores of every worker's threads."""
    children = Path(f"/proc/{bridge.process.pid}/task/{bridge.process.pid}/children").read_text().split()
    found = {}
    for pid in map(int, children):
        threads: set[frozenset[int]] = set()
        with suppress(FileNotFoundError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    threads.add(frozenset(os.sched_getaffinity(int(thread))))
        if threads:
            found[pid] = frozenset().union(*threads)
    return found


def test_workers_are_spread_over_the_cores_and_their_threads_stay_together(tmp_path: Path):
    with bridges.running(tmp_path, '[backend]\nurl = "http://127.0.0.1:1"\n', WEB_CONCURRENCY="2") as bridge:
        awaited(lambda: len(workers(bridge)) == 2 and bridge.log.read_text().count("Booting") == 2)
        first = awaited(lambda: {pid: cores for pid, cores in workers(bridge).items() if len(cores) == 1 or len(CORES) == 1})
        assert len(set(first.values())) == min(2, len(CORES))
        gone = next(iter(first))
        os.kill(gone, signal.SIGKILL)
        awaited(lambda: len(workers(bridge)) == 2 and gone not in workers(bridge))
        awaited(lambda: sorted(map(sorted, workers(bridge).values())) == sorted(map(sorted, first.values())))
        assert os.sched_getaffinity(bridge.process.pid) == CORES


def test_it_can_be_switched_off(tmp_path: Path):
    toml = '[backend]\nurl = "http://127.0.0.1:1"\n[server]\npin_workers = false\n'
    with bridges.running(tmp_path, toml, WEB_CONCURRENCY="2") as bridge:
        awaited(lambda: bridge.log.read_text().count("Booting") == 2)
        assert set(workers(bridge).values()) == {frozenset(CORES)}


@pytest.mark.parametrize(("taken", "place"), [([], 0), ([0, 1], 2), ([1], 0), ([0, 2, None], 1)])
def test_a_place_that_is_free_again_is_taken_first(taken: list[int | None], place: int):
    assert free_place(taken) == place
