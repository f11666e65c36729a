"""`python -m benchmarks [codec|proxies|capture|held|memory|outbox|mediaservice|inspector ...]`: run the parts, show them, keep them, judge them."""

from __future__ import annotations

import importlib
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from benchmarks import servers
from benchmarks.report import Outcome, RunFailed, Size, machine, save, show_targets

PARTS = ("codec", "proxies", "capture", "held", "memory", "outbox", "mediaservice", "inspector")
NEED_WRK = {"proxies", "capture", "held", "memory"}
RESULTS = Path(__file__).with_name("results")
WIDTH = 110  # columns; a narrower terminal wraps the tables instead of losing figures


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--rounds", type=click.IntRange(1), help="Rounds of each part, instead of its own number.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Length of a round, instead of the part's own.")
@click.option("--quick", is_flag=True, help="Only see that all of it runs; the figures are worth little.")
@click.option("--no-debug", is_flag=True, help="Run rpcbridge without its [debug] section and database.")
@click.option("--results", type=click.Path(path_type=Path), default=RESULTS, help="Folder for the JSON file.")
def main(parts: Sequence[str], rounds: int | None, seconds: float | None, quick: bool, no_debug: bool, results: Path) -> None:
    """Measure rpcbridge. Without PARTS all of them: codec, proxies, capture, held, memory, outbox, mediaservice, inspector.

    Exits with 1 where a target is missed, with 2 where a run is worth nothing.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    chosen = [part for part in PARTS if part in (parts or PARTS)]
    _check_tools(chosen)
    servers.forget_settings()
    console, started, facts = Console(), datetime.now(UTC), machine()
    console.width = max(console.width, WIDTH)
    console.print(f"{facts['cpu']}, {facts['cores']} cores, {facts['python']}, commit {facts['commit']}")
    modules = {part: importlib.import_module(f"benchmarks.{part}") for part in chosen}
    sizes = {part: _size(module, rounds, seconds, quick, no_debug) for part, module in modules.items()}
    outcomes: dict[str, Outcome] = {}
    failed = _run_all(modules, sizes, outcomes, console)
    file = save(results, started, facts, sizes, outcomes)
    console.print(f"\nEverything is in {file}", soft_wrap=True)
    sys.exit(2 if failed else _verdict(console, outcomes))


def _run_all(modules: dict[str, Any], sizes: dict[str, Size], outcomes: dict[str, Outcome], console: Console) -> bool:
    """Fill in `outcomes`, part by part; True where one could not be measured, and with it the rest."""
    try:
        for part, module in modules.items():
            outcomes[part] = _run(module, sizes[part], console)
    except RunFailed as failure:
        console.print("[bold red]This run is worth nothing:[/]", escape(str(failure)), soft_wrap=True)
        return True
    return False


def _run(module: Any, size: Size, console: Console) -> Outcome:
    console.print()
    outcome: Outcome = module.run(size, console)
    for note in outcome.notes:
        console.print("Note:", escape(note), soft_wrap=True)
    show_targets(console, outcome.targets)
    return outcome


def _size(module: Any, rounds: int | None, seconds: float | None, quick: bool, no_debug: bool) -> Size:
    own: Size = module.QUICK if quick else module.SIZE
    return replace(own, rounds=rounds or own.rounds, seconds=seconds or own.seconds, debug=not no_debug)


def _check_tools(parts: Sequence[str]) -> None:
    if NEED_WRK & set(parts) and shutil.which("wrk") is None:
        print("wrk, the load generator, is missing. Install it with:", file=sys.stderr)
        print("  sudo apt-get install wrk", file=sys.stderr)
        sys.exit(2)


def _verdict(console: Console, outcomes: dict[str, Outcome]) -> int:
    missed = [target.what for outcome in outcomes.values() for target in outcome.targets if not target.met]
    if missed:
        console.print(f"[bold red]Missed:[/] {'; '.join(missed)}", soft_wrap=True)
    return 1 if missed else 0


if __name__ == "__main__":
    main()
