"""The closed lists of the vendor's document, as it prints them. A list that it lost is not here: those words are open.

What the platform sends may always be another word; only what we send is held to these.
"""

from __future__ import annotations

# The list of `action` is lost ("it can take four values"). `ivr` is known from newCall's own text, `call`
# and `drop` from its fields, `connect` from participantId's; httpcall stands in callEvent's fields alone.
ACTIONS = ("call", "ivr", "drop", "connect")
CALL_EVENT_ACTIONS = (*ACTIONS, "httpcall")

DROP_CODES = ("busy", "error", "numberNotFound", "numberNotActive", "dropNoMsg", "temporarilyUnavailable")
RINGBACK_TONES = ("default", "silent", "remoteGenerated")  # callEvent's text names the first two only
CODECS = ("PCMU", "PCMA", "GSM")
PRIVACY = ("public", "secret")

CALL_EVENTS = (
    "callingPartyDrop", "calledPartyDrop", "callingPartyFailure", "calledPartyFailure", "callerConnectionSplit", "calleeConnectionSplit",
)  # fmt: skip
CALL_NOTIFICATIONS = ("ringing", "reInvite", "update")
RECORDING_EVENTS = ("recordingSuccessful", "recordingFailed")

ALARM_TYPES = ("sessionError", "callEventError", "newCallEventError", "emergencyFallback", "ivrCommandError", "callError")
ALARM_ERRORS = (
    "maxDuration", "No response to callEvent request",
    "Invalid sip address: <address>",  # the address stands in its place: what comes only begins so
    "callEvent response with unknown action", "No action provided in callEvent response", "newCall response empty",
    "newCall response without action", "newCall response with unknown action", "newCall request failed", "triggeredByAlways",
    "triggeredByError", "phraseError", "mediaServerError", "Empty body in getIvrCommand response", "getIvrCommand request error",
    "IVR command failed", "RTP media timeout", "invalidSdp", "sessionExpired", "cancelFailed", "phraseRemoteCacheTimeout",
)  # fmt: skip

# Formats of a phrase whose fields are known. Others exist (Google's speech, a URL, recording, echo); their names are lost.
PHRASE_FORMATS = ("file", "awstts")
