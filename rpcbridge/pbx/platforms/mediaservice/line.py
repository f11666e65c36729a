"""How Mediaservice posts its callbacks and takes the replies: one that it cannot use raises an alarm, which is posted too. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from rpcbridge.errors import ReplyError
from rpcbridge.pbx.asking import Asking, Request
from rpcbridge.pbx.platforms.mediaservice.callbacks import Bodies
from rpcbridge.pbx.platforms.mediaservice.replies import ALARM, FAILED, Alarming, json_object, reference_in
from rpcbridge.pbx.platforms.mediaservice.state import own
from rpcbridge.pbx.progress import Progress

T = TypeVar("T")


def asked(call: Progress, callback: str, fields: Mapping[str, Any], read: Callable[[dict[str, Any]], T], bodies: Bodies) -> Asking[T]:
    """What `read` makes of the reply. Raises ReplyError, after the alarm."""
    try:
        try:
            came = yield _request(callback, fields, question=True)
        except ReplyError as error:  # an HTTP status that is no answer
            raise Alarming(list(error.problems), ALARM[callback], FAILED[callback]) from None
        reply = json_object(callback, came.body)
        found = read(reply)
    except Alarming as alarm:
        with suppress(ReplyError):
            yield _request("alarm", bodies.alarm(call, alarm.type, alarm.error), question=False)
        raise
    own(call).reference = reference_in(reply) or own(call).reference
    return found


def told(callback: str, fields: Mapping[str, Any]) -> Asking[bool]:
    """Whether a notification was acknowledged."""
    try:
        yield _request(callback, fields, question=False)
    except ReplyError:
        return False
    return True


def _request(callback: str, fields: Mapping[str, Any], *, question: bool) -> Request:
    body = json.dumps(fields, ensure_ascii=False).encode()
    return Request(callback, body, "application/json", callback, fields, question)
