"""Mediaservice's phrases as what a caller hears: recordings, texts, digits one by one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rpcbridge.domain.actions import Prompt
from rpcbridge.pbx.scene import Play, Say

# A recording of one digit is named after it, in whatever way; a text of single digits is spelt.
_DIGIT_FILE = re.compile(r"(?:(?:.*[^0-9a-zA-Z])?digits?[-_/ ]?|(?:.*/)?)([0-9])(?:[-_][a-zA-Z]{2,5})?(?:\.\w+)?", re.ASCII)
_SPELT = re.compile(r"[0-9](?:[ ,.]+[0-9])*[.]?", re.ASCII)


def steps(phrases: Sequence[Mapping[str, Any]]) -> tuple[Play | Say, ...]:
    """What is heard, digits that follow each other as one."""
    heard: list[Play | Say] = []
    for step in map(_step, phrases):
        if isinstance(step, Say) and heard and isinstance(heard[-1], Say):
            heard[-1] = Say(heard[-1].digits + step.digits)
        else:
            heard.append(step)
    return tuple(heard)


def language(phrases: Sequence[Mapping[str, Any]]) -> str:
    """The language of the first text that is spoken, "" where only recordings are played."""
    return next(_languages(phrases), "")


def _languages(phrases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for phrase in phrases:
        code = phrase["awsTTSParameters"].get("LanguageCode") if phrase["format"] == "awstts" else None
        if isinstance(code, str):
            yield code


def _step(phrase: Mapping[str, Any]) -> Play | Say:
    if phrase["format"] == "file":
        name: str = phrase["fileName"]
        digit = _DIGIT_FILE.fullmatch(name)
        return Say(digit[1]) if digit else Play(Prompt(name=name))
    text: str = phrase["awsTTSParameters"]["Text"]
    return Say("".join(filter(str.isdigit, text))) if _SPELT.fullmatch(text.strip()) else Play(Prompt(text=text))
