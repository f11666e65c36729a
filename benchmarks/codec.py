"""The codec alone: rpcbridge.codec beside xmlrpc.client, on the vendor's own payloads.

The contenders take turns within a round, so that what slows the machine down slows both.
"""

from __future__ import annotations

import statistics
import time
import xmlrpc.client
from collections.abc import Callable
from typing import Any

from rich.console import Console

from benchmarks import payloads
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from rpcbridge.codec import MethodCall, MethodResponse, decode_call, encode_reply

DECODE, ENCODE = 2.0, 1.5  # times as fast as xmlrpc.client
SIZE = Size(rounds=40, seconds=0.05)
QUICK = Size(rounds=3, seconds=0.01, quick=True)

Contender = Callable[[], Any]


def run(size: Size, console: Console) -> Outcome:
    """Microseconds per call of both, for each payload."""
    outcome = Outcome({})
    rows = []
    for name, bound, ours, theirs in _pairs():
        mine, others = _interleaved(ours, theirs, size)
        figures = _figures(mine, others)
        outcome.figures[name] = figures
        outcome.targets.append(Target(f"{name}, best against best", figures["ratio_of_bests"], bound))
        rows.append(_row(name, figures, bound))
    columns = ["µs a call", "ours\nbest", "ours\nmedian", "theirs\nbest", "theirs\nmedian", "ratio of\nbests", "ratio of\nmedians", "target"]
    console.print(table("codec: ours beside xmlrpc.client (theirs)", columns, rows))
    return outcome


def _pairs() -> list[tuple[str, float, Contender, Contender]]:
    pairs = [(f"decode {method}", DECODE, *_decoders(body)) for method, body in payloads.requests().items()]
    return pairs + [(f"encode {action}", ENCODE, *_encoders(body)) for action, body in payloads.replies().items()]


def _decoders(body: bytes) -> tuple[Contender, Contender]:
    call: MethodCall = decode_call(body)
    params, method = xmlrpc.client.loads(body)
    if (call.method, _words(call.params)) != (method, _words(params)):
        raise RunFailed(f"the two decoders read {method} differently")
    return lambda: decode_call(body), lambda: xmlrpc.client.loads(body)


def _encoders(body: bytes) -> tuple[Contender, Contender]:
    (value,), _ = xmlrpc.client.loads(body)
    response, params = MethodResponse(value), (value,)
    for written in (encode_reply(response, "xmlrpc"), xmlrpc.client.dumps(params, methodresponse=True)):
        if xmlrpc.client.loads(written)[0] != params:
            raise RunFailed("an encoder writes another value than it was given")
    # What goes over the wire is bytes: both are asked for bytes.
    return lambda: encode_reply(response, "xmlrpc"), lambda: xmlrpc.client.dumps(params, methodresponse=True).encode()


def _words(params: tuple[Any, ...]) -> list[dict[str, str]]:
    """The params as texts: our decoder keeps a number's text, xmlrpc.client makes an int of it."""
    return [{name: str(value) for name, value in struct.items()} for struct in params]


def _interleaved(ours: Contender, theirs: Contender, size: Size) -> tuple[list[float], list[float]]:
    """Seconds per call in each round: ours, theirs, ours, theirs ..."""
    counts = [_calls_within(contender, size.seconds) for contender in (ours, theirs)]
    mine, others = [], []
    for _ in range(size.rounds):
        mine.append(_timed(ours, counts[0]))
        others.append(_timed(theirs, counts[1]))
    return mine, others


def _calls_within(contender: Contender, seconds: float) -> int:
    _timed(contender, 100)  # warm
    return max(10, int(seconds / _timed(contender, 100)))


def _timed(contender: Contender, calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        contender()
    return (time.perf_counter() - started) / calls


def _figures(mine: list[float], others: list[float]) -> dict[str, Any]:
    return {
        "ours_us": [round(seconds * 1e6, 3) for seconds in mine],
        "xmlrpc_client_us": [round(seconds * 1e6, 3) for seconds in others],
        "ratio_of_bests": min(others) / min(mine),
        "ratio_of_medians": statistics.median(others) / statistics.median(mine),
    }


def _row(name: str, figures: dict[str, Any], bound: float) -> list[str]:
    cells = [name]
    for contender in ("ours_us", "xmlrpc_client_us"):
        cells += [f"{min(figures[contender]):.1f}", f"{statistics.median(figures[contender]):.1f}"]
    return [*cells, f"{figures['ratio_of_bests']:.2f}x", f"{figures['ratio_of_medians']:.2f}x", f">= {bound:.1f}x"]
