"""Voicenter's words and the contract's. From the vendor's "External IVR" document, 5.1 and 5.2."""

from __future__ import annotations

from collections.abc import Mapping

from rpcbridge.redaction import Sensitivity

# CALL_STATUS, an open set: ANSWER and ANSWERED both occur, newer interfaces know more.
CALL_STATUS = {
    "ANSWER": "answered",
    "ANSWERED": "answered",
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "cancelled",
    # "This status is usually a sign that the dialled number is not recognised", says the document.
    "CONGESTION": "congestion",
    "CHANUNAVAIL": "unavailable",
    "DONTCALL": "rejected",
    "TORTURE": "rejected",
    "INVALIDARGS": "failed",
}

# What the platform's own voice speaks; anything else is another language to it.
LANGUAGES = ("he", "en")

# The start of a call: "will be "-1" at the beginning of the call".
NO_MENU = "-1"

# Members whose type in the document's samples differs from its tables (voicenter.as_sampled).
_JSON_AS_TEXT = frozenset({"CALL_MAX_DIAL", "CALL_MAX", "REC_STATUS"})
SAMPLED_AS_TEXT = {
    "xmlrpc": frozenset({"REC_STATUS", "NEXT_MENU_LOOP", "NEXT_MENU_WAIT", "NEXT_MENU_SIZE"}),
    "json": _JSON_AS_TEXT,
    "jsonrpc": _JSON_AS_TEXT,  # no sample shows it; it is JSON
}

# What system.methodHelp says.
HELP = {
    "GET_IVR_ACTION": (
        "Asks what a caller hears next. Takes one struct of DID, CALLER_ID, CALLER_NAME, IVR_UNIQUE_ID, DTMF, MENU and "
        "PREVIOUS_MENU, all optional; answers a struct of STATUS, ACTION, LANGUAGE and DATA."
    ),
    "HANGUP_CALL": (
        "Reports the end of a call. Takes one struct of DID, CALLER_ID, CALLER_NAME, IVR_UNIQUE_ID, TARGET, CALL_DURATION, "
        "CALL_DAILTIME, CALL_TIME_EPOCH, CALL_START_EPOCH and CALL_STATUS, all optional; answers a struct of STATUS, 0 when the "
        "report is stored, else 1."
    ),
}

# What a record must not show as it is. The times look like phone numbers and are none.
SENSITIVE: Mapping[str, Sensitivity] = {
    "DID": "number", "CALLER_ID": "number", "TARGET": "number", "CALLERID": "number", "DIALSTRINGS": "number",
    "CALLER_NAME": "name", "CALLERNAME": "name",
    "DTMF": "digits", "DIGITS": "digits", "DTMF_PLAY": "digits",
    "IVR_UNIQUE_ID": "plain", "CALL_TIME_EPOCH": "plain", "CALL_START_EPOCH": "plain",
}  # fmt: skip
