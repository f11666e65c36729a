"""Requests and replies to try things with: what is sent as a call begins, as a key is pressed, and when it is over."""

from __future__ import annotations

from rpcbridge.platforms import Sample

_XML = """<?xml version="1.0" encoding="utf-8"?>
<methodCall>
  <methodName>{method}</methodName>
  <params><param><value><struct>
{members}
  </struct></value></param></params>
</methodCall>"""


def _xml(method: str, members: dict[str, str | int]) -> str:
    types = {str: "string", int: "int"}
    lines = [f"    <member><name>{name}</name><value><{types[type(v)]}>{v}</{types[type(v)]}></value></member>" for name, v in members.items()]
    return _XML.format(method=method, members="\n".join(lines))


_BEGINS: dict[str, str | int] = {
    "DID": "0770000000", "CALLER_ID": "0550000000", "CALLER_NAME": "Example Caller", "IVR_UNIQUE_ID": "ced4619f30fc17182d8e41ddf4d6869X",
    "DTMF": "", "MENU": "-1", "PREVIOUS_MENU": "-1",
}  # fmt: skip
_ENDS: dict[str, str | int] = {
    "DID": "0770000000", "CALLER_ID": "0550000000", "IVR_UNIQUE_ID": "ced4619f30fc17182d8e41ddf4d6869X", "TARGET": "0580000000",
    "CALL_TIME_EPOCH": 1561684165, "CALL_START_EPOCH": 1561684161, "CALL_DURATION": 125, "CALL_DAILTIME": 15, "CALL_STATUS": "ANSWER",
}  # fmt: skip

SAMPLES = (
    Sample("GET_IVR_ACTION, a call begins", _xml("GET_IVR_ACTION", _BEGINS)),
    Sample("GET_IVR_ACTION in JSON, 1 is pressed", """{
  "METHOD": "GET_IVR_ACTION",
  "DATA": {
    "DID": "0770000000",
    "CALLER_ID": "0550000000",
    "CALLER_NAME": "Example Caller",
    "IVR_UNIQUE_ID": "ced4619f30fc17182d8e41ddf4d6869X",
    "DTMF": "1",
    "MENU": "main",
    "PREVIOUS_MENU": "-1"
  }
}"""),
    Sample("HANGUP_CALL, a call has ended", _xml("HANGUP_CALL", _ENDS)),
    Sample("an answer in Voicenter's own shape", """{
  "ACTION": "MENU",
  "DATA": {"REC": "welcome", "LOOP": 1, "DELAY": 3, "SIZE": 1, "MENU": "main", "VALIDATION": 0}
}"""),
)  # fmt: skip
