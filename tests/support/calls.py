"""Voicenter's requests, as bytes."""

from __future__ import annotations

import json
import xmlrpc.client

QUESTION = {
    "DID": "0730000000", "CALLER_ID": "0540000000", "CALLER_NAME": "017W", "IVR_UNIQUE_ID": "ced4619f30fc17182d8e41ddf4d6869X",
    "DTMF": "", "MENU": "-1", "PREVIOUS_MENU": "-1",
}  # fmt: skip
HANGUP = {
    "DID": "0730000000", "CALLER_ID": "0540000000", "IVR_UNIQUE_ID": "ced4619f30fc17182d8e41ddf4d6869X",
    "TARGET": "0500000555", "CALL_DURATION": 125, "CALL_DAILTIME": 15, "CALL_STATUS": "ANSWERED",
}  # fmt: skip


def xml(method: str = "GET_IVR_ACTION", data: object = None, **changes: object) -> bytes:
    return xmlrpc.client.dumps((_data(method, data, changes),), method).encode()


def as_json(method: str = "GET_IVR_ACTION", data: object = None, **changes: object) -> bytes:
    return json.dumps({"METHOD": method, "DATA": _data(method, data, changes)}).encode()


def _data(method: str, data: object, changes: dict) -> object:
    if data is not None:
        return data
    return (QUESTION if method == "GET_IVR_ACTION" else HANGUP) | changes
