"""Which of Mediaservice's fields says which of the contract's, as paths into its JSON: for the record. Literals only.

Several names of an action beside one path are said by it together; of several paths with one name the reply has one.
"""

from __future__ import annotations

from collections.abc import Mapping

# A callback's, by the contract's name. Where a callback has no such field, the bridge knows it of the call.
FIELDS: Mapping[str, str] = {
    "call_id": "sessionId", "caller_number": "callingParty", "caller_name": "displayName", "called_number": "calledParty",
    "digits": "dtmfParams.dtmfMatch", "recording.name": "recordingFileName", "recording.size_bytes": "fileSize",
    "alarm_type": "type", "error": "error",
}  # fmt: skip


def _played(prompt: str, phrases: str = "phrases") -> dict[str, str]:
    """The first of some phrases: a recording, a text that is spoken, or a URL."""
    return {f"{phrases}.0.fileName": prompt, f"{phrases}.0.awsTTSParameters.Text": prompt, f"{phrases}.0.url": prompt}


_COLLECTED = {
    "dtmf.maxDigits": "max_digits", "dtmf.terminationKey": "finish_key", "dtmf.betweenTimeout": "digit_timeout",
    "getIVRCommandAfter": "loop_delay",
}  # fmt: skip
_LANGUAGE = {"phrases.0.awsTTSParameters.LanguageCode": "language"}

# A reply's, by the contract's action.
REPLY_FIELDS: Mapping[str, Mapping[str, str]] = {
    "menu": _played("prompt") | _LANGUAGE | _COLLECTED,
    "say_digits": {"phrases": "intro_prompt digits prompt"} | _COLLECTED,
    "call": {
        "destAddr": "target dial_strings", "sipFrom": "caller_number", "displayName": "caller_name", "maxRingTime": "ring_timeout",
        "callRecording": "record", **_played("caller_prompt"), **_played("caller_prompt", "greeting.caller.phrases"),
        **_played("target_prompt", "greeting.callee.phrases"),
    },
    "hangup": _played("prompt") | _LANGUAGE | {"dropCode": "cause"},
    "go_to_layer": {},
    "record": _played("prompt") | _LANGUAGE | {"getIVRCommandAfter": "max_duration"},
}  # fmt: skip
