"""Which of the two a text is, a phone system's request or a backend's answer, by its shape alone."""

from __future__ import annotations

import json
import re
from typing import Any

from rpcbridge.codec import MethodCall, decode_request
from rpcbridge.codec.text import to_utf8
from rpcbridge.errors import CallError
from rpcbridge.platforms import Platform

_REQUEST_KEYS = ("METHOD", "jsonrpc", "method")
_ANSWER_KEYS = ("action", "native")
# For a text that is no JSON as it stands: the first of these keys tells. The vendor's own writing leaves the quotes out.
_FIRST_KEY = re.compile(rb"""[{,]\s*["']?(METHOD|jsonrpc|method|action|native)["']?\s*:""")


def recognized(body: bytes, platform: Platform) -> str:
    """`request` or `answer`; else a sentence that says what came instead, for whoever has to decide."""
    try:
        text, _ = to_utf8(body)
    except CallError:
        text = body.strip()
    begin = text.lstrip()[:20]
    if begin.startswith(b"<") and not platform.methods_in_path:
        return "request"
    if platform.methods_in_path and begin.startswith(b"{"):
        return _by_fields(text, platform)
    if not begin.startswith((b"{", b"[")):
        return f"it begins with {begin.decode(errors='replace')!r}" if begin else "it is empty"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        key = _FIRST_KEY.search(text)
        return "request" if key and key[1].decode() in _REQUEST_KEYS else "answer"
    return _by_keys(value, platform)


def _by_fields(text: bytes, platform: Platform) -> str:
    """Of a phone system whose requests name no method: by what its callbacks hold."""
    try:
        call = decode_request(text, "?")
    except CallError:
        return "answer"
    value = call.params[0] if isinstance(call, MethodCall) else None
    if not isinstance(value, dict) or any(key in value for key in _ANSWER_KEYS) or not value:
        return "answer" if value else "it is an empty object"
    return "request" if platform.methods_of(value) else f"its keys are {', '.join(list(value)[:5])}"


def _by_keys(value: Any, platform: Platform) -> str:
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return "it is an array"
    if any(key in first for key in _REQUEST_KEYS):
        return "request"
    if isinstance(value, dict) and (any(key in value for key in _ANSWER_KEYS) or platform.is_native(value)):
        return "answer"
    keys = ", ".join(list(first)[:5])
    return f"its keys are {keys}" if keys else "it is an empty object"
