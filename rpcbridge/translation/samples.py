"""Answers of a backend to try things with: title -> text. The last one has faults, to show how they are named."""

from __future__ import annotations

from collections.abc import Mapping

ANSWERS: Mapping[str, str] = {
    "an answer: menu": """{
  "action": "menu",
  "menu": "main",
  "prompt": "welcome",
  "max_digits": 1
}""",
    "an answer: call, and a menu if nobody answers": """{
  "action": "call",
  "target": "0580000000",
  "ring_timeout": 20,
  "on_failure": {"menu": "voicemail", "prompt": "nobody_there"}
}""",
    "an answer with faults": """{
  "action": "call",
  "target": "0580000000",
  "ring_timout": 20,
  "on_failure": {
    "menu": "voicemail",
    "prompt": "nobody_there",
    "loops": "a few"
  }
}""",
}
