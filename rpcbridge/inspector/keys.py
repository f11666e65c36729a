"""Our key in the requests of a call that the bridge carries on: the recorded one never goes out again, the new call's takes its place. Pure.

A request that carried the recorded key would move a real caller's call on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rpcbridge.codec import MethodCall, Value, decode_reply
from rpcbridge.codec.values import Fault
from rpcbridge.errors import CallError
from rpcbridge.inspector.documents import Document, unmasked_json
from rpcbridge.platforms import Conversation

CALL = "rb-replay-call"  # in place of the new call's id while a request is made
_MARK = "rb-replay-key"  # in place of the recorded one until a reply says the new call's


def of(talk: Conversation, request: MethodCall, seen: Document) -> Iterator[str]:
    """The keys in a recorded request and in its reply."""
    yield talk.key_of(request)[1]
    yield in_reply(talk, seen["stations"]["platform_response"]["body"].encode("utf-8", "replace"))


def in_reply(talk: Conversation | None, reply: bytes) -> str:
    """The key that a reply says, "" where it says none."""
    value = _value(reply)
    return talk.key_in(value) if talk is not None and isinstance(value, dict) else ""


def cleared(body: bytes, recorded: Collection[str]) -> bytes:
    """A request without the recorded keys, wherever they stand in it."""
    for key in recorded:
        body = body.replace(key.encode(), _MARK.encode())
    return body


def renewed(body: bytes, key: str) -> bytes:
    """A request with the new call's key, as soon as that is known."""
    return body.replace(_MARK.encode(), key.encode()) if key else body


def token(number: int) -> str:
    """What stands for a capability that is not in the record: nobody can do anything with it."""
    return f"rb-replay-{number}"


def _value(reply: bytes) -> Value:
    try:
        read = decode_reply(unmasked_json(reply.decode("utf-8", "replace")).encode())
    except CallError:
        return None
    return None if isinstance(read, Fault) else read.value
