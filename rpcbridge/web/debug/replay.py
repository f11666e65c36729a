"""Replay: a form of what can be changed in a recorded turn or call, and, once it is sent, what came back then and now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from flask import Blueprint, Response, request

from rpcbridge.inspector import keys, replay
from rpcbridge.inspector.comparison import Compared, compared
from rpcbridge.simulation import Simulation
from rpcbridge.web.debug.page import Debug, shown
from rpcbridge.web.tracing import traceparent

# Seconds after which no further turn is sent: a backend that hangs would hold this thread for a deadline each.
_LONGEST = 30.0
_PREFIX = "set-"


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The page, and what its form sends."""
    if debug.phone is None:
        return
    phone = debug.phone

    @blueprint.get("/replay")
    def replay_form() -> Response:
        id = request.args.get("id", "").strip()
        try:
            script = _script(debug, id)
        except replay.NotReplayable as error:
            return _refused(error)
        return _form(200, script, id, debug, {})

    @blueprint.post("/replay")
    def replay_now() -> Response:
        id = request.form.get("id", "").strip()
        given = {name.removeprefix(_PREFIX): value for name, value in request.form.items() if name.startswith(_PREFIX)}
        try:
            script = _script(debug, id)
        except replay.NotReplayable as error:
            return _refused(error)
        call_id = phone.replay_id(script.of)
        try:
            bodies = replay.requests(script, _changed(script, given), call_id, as_masked="as_masked" in request.form)
        except replay.NotReplayable as error:
            return _form(422, script, id, debug, given, error)
        results = list(_sent(debug, phone, script, bodies))
        content = {"id": id, "call_id": call_id, "turns": [asdict(result) | {"same": result.same} for result in results], "unsent": len(bodies) - len(results)}
        return shown(200, content, "replayed.html", id=id, call_id=call_id, results=results, unsent=content["unsent"],
                     longest=_LONGEST, same=all(result.same for result in results), revealed=debug.reveal)  # fmt: skip


def _script(debug: Debug, id: str) -> replay.Script:
    """What an id names, an exchange's or a call's. Raises NotReplayable."""
    return debug.trace.looked_up(lambda store: replay.script_of(id, store.exchange, store.documents_of, debug.platforms))


def _changed(script: replay.Script, given: Mapping[str, str]) -> dict[str, str]:
    """What the form says otherwise than the record; a masked field left empty is not given."""
    recorded = {field.key: field for field in script.fields}
    return {
        key: value for key, value in given.items()
        if key not in recorded or value != ("" if recorded[key].masked else recorded[key].value)
    }  # fmt: skip


def _sent(debug: Debug, phone: Simulation, script: replay.Script, bodies: Sequence[bytes]) -> Iterator[Compared]:
    """Each turn as it comes back; what is shown of it is masked as every record is."""
    end = time.monotonic() + _LONGEST
    trace, key = traceparent(""), ""
    for step, request_body in zip(script.steps, bodies, strict=True):
        if time.monotonic() > end:
            return
        body = keys.renewed(request_body, key)
        seen = phone.replay(script.platform.name, body, trace, step.callback)
        key = key or keys.in_reply(script.platform.conversation, seen.platform_response)
        masked = debug.trace.document(seen)["stations"]["platform_response"]["body"].encode("utf-8", "replace")
        yield compared(
            script, step, body, seen.platform_response, round((seen.finished - seen.arrived) * 1000, 1), shown=masked,
            note=seen.fallback_reason if seen.outcome == "fallback" else "", key=key,
        )  # fmt: skip


def _form(
    status: int, script: replay.Script, id: str, debug: Debug, given: Mapping[str, str], error: replay.NotReplayable | None = None
) -> Response:
    is_call = script.of != id.upper()
    problems = {problem.path: problem.message for problem in error.problems} if error else {}
    seen_in = Counter(field.key for step in script.steps for field in step.fields)
    common = [field for field in script.fields if seen_in[field.key] > 1 or len(script.steps) == 1]
    content = {
        "id": id, "is_call": is_call, "fields": [asdict(field) for field in script.fields],
        "turns": [{"number": step.number, "exchange": step.seen["id"], "method": step.seen["method"]} for step in script.steps],
        "problems": [{"field": path, "message": message} for path, message in problems.items()],
    }  # fmt: skip
    return shown(status, content, "replay.html", id=id, is_call=is_call, script=script, common=common, given=given, problems=problems,
                 loose=[problem for problem in problems.items() if problem[0] not in {field.key for field in script.fields}],
                 revealed=debug.reveal)  # fmt: skip


def _refused(error: replay.NotReplayable) -> Response:
    return shown(404 if isinstance(error, replay.NotKept) else 409, {"error": str(error)}, "error.html", title="This cannot be replayed", detail=str(error))
