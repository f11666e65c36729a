"""An answer in Mediaservice's own words, read as the contract's action: for the record, which knows no platform. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rpcbridge.domain.actions import AnyAction, Call, Hangup, Menu, Prompt
from rpcbridge.platforms.shapes import Native


def action_of(native: Native) -> AnyAction:
    """What an answer means, as nearly as the contract has a word for it."""
    value = native.value
    action = value.get("action")
    if action in ("call", "connect", "httpcall"):
        return Call(target=str(value.get("destAddr") or value.get("participantId") or ""), record=value.get("callRecording") is True)
    if action == "drop":
        return Hangup()
    prompt = _prompt(value.get("phrases") or ())
    if value.get("hangup") is True:
        return Hangup(prompt=prompt)
    dtmf = value.get("dtmf")
    collected = dtmf.get("maxDigits", 1) if isinstance(dtmf, Mapping) else 0
    return Menu(menu="", prompt=prompt or Prompt(name=""), max_digits=collected if isinstance(collected, int) else 1)


def _prompt(phrases: Sequence[Any]) -> Prompt | None:
    """All that is played, as one prompt."""
    said = [_said(phrase) for phrase in phrases if isinstance(phrase, Mapping)]
    if not said:
        return None
    spoken = any("awsTTSParameters" in phrase for phrase in phrases if isinstance(phrase, Mapping))
    return Prompt(text=" ".join(said)) if spoken else Prompt(name=" ".join(said))


def _said(phrase: Mapping[str, Any]) -> str:
    spoken = phrase.get("awsTTSParameters")
    return str(spoken.get("Text", "")) if isinstance(spoken, Mapping) else str(phrase.get("fileName", phrase.get("format", "")))
