"""The queue behind the calls: nothing is held up, nothing is lost unsaid."""

from __future__ import annotations

import subprocess
import sys
import threading

from rpcbridge.background import Batches
from tests.support.bridge import awaited


def test_everything_put_down_is_taken_in_order_and_in_batches():
    taken: list[list[int]] = []
    batches: Batches[int] = Batches("test", lambda items, dropped: taken.append(items), limit=10_000, size=100, pause=0.01)
    for number in range(1000):
        batches.put(number)
    batches.close()
    assert [number for batch in taken for number in batch] == list(range(1000))
    assert max(map(len, taken)) <= 100


def test_many_threads_lose_nothing():
    taken: list[int] = []
    batches: Batches[int] = Batches("test", lambda items, dropped: taken.extend(items), limit=100_000, pause=0.001)
    threads = [threading.Thread(target=lambda n=n: [batches.put(n * 1000 + i) for i in range(1000)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches.close()
    assert sorted(taken) == list(range(8000))


def test_what_finds_the_queue_full_is_counted_and_nobody_waits():
    blocked, entered, seen = threading.Event(), threading.Event(), []

    def take(items: list[str], dropped: int) -> None:
        entered.set()
        blocked.wait(10)
        seen.append((items, dropped))

    batches: Batches[str] = Batches("test", take, limit=10, pause=0.001)
    batches.put("first")
    assert entered.wait(5)  # the thread is now stuck with it
    for _ in range(25):
        batches.put("x" * 4, 4)
    blocked.set()
    batches.close()
    assert seen == [(["first"], 0), (["xxxx", "xxxx"], 23)]


def test_a_batch_that_fails_is_counted_and_the_thread_lives_on():
    seen = []

    def take(items: list[int], dropped: int) -> None:
        if items == [1]:
            raise RuntimeError("no")
        seen.append((items, dropped))

    batches: Batches[int] = Batches("test", take, limit=10, pause=0.001)
    batches.put(1)
    awaited(lambda: not batches._waiting)
    batches.put(2)
    awaited(lambda: seen)
    assert seen == [([2], 1)]


def test_what_waits_is_written_when_the_process_ends():
    program = (
        "from rpcbridge.background import Batches\n"
        "b = Batches('t', lambda items, dropped: print(len(items), flush=True), limit=99, pause=5)\n"
        "[b.put(n) for n in range(42)]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "42\n"
