"""Requests and an answer to try things with: a call comes in, a key is pressed, somebody does not answer, something cannot be played."""

from __future__ import annotations

from rpcbridge.platforms.shapes import Sample

SAMPLES = (
    Sample("newCall, a call comes in", """{
  "sessionId": "9bb07660-c747-11ea-afa0-bd07728b8800",
  "sipCallId": "a84b4c76e66710",
  "ivrServer": "127.0.0.1",
  "callingPartyPrivacy": "public",
  "callingParty": "0550000000",
  "displayName": "Example Caller",
  "calledParty": "0770000000",
  "xHeaders": {},
  "pHeaders": {}
}""", "newCall"),
    Sample("getIvrCommand, 1 is pressed", """{
  "sessionId": "9bb07660-c747-11ea-afa0-bd07728b8800",
  "sessionReferenceId": "{\\"rb\\":\\"01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC\\"}",
  "ivrServer": "127.0.0.1",
  "dtmfBuffer": "1",
  "dtmfParams": {"dtmfMatch": "1"},
  "replyId": "example"
}""", "getIvrCommand"),
    Sample("callEvent, the target is busy", """{
  "sessionId": "9bb07660-c747-11ea-afa0-bd07728b8800",
  "event": "calledPartyFailure",
  "connectionId": "da9ce5c0-c787-11eb-a47c-c9c4e460ef16",
  "participantId": "da9cbeb0-c787-11eb-a47c-c9c4e460ef16",
  "sessionReferenceId": "{\\"rb\\":\\"01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC\\"}",
  "sipResponseCode": 486
}""", "callEvent"),
    Sample("alarm, something could not be played", """{
  "type": "ivrCommandError",
  "error": "phraseError",
  "domain": "tenant.example",
  "sessionId": "9bb07660-c747-11ea-afa0-bd07728b8800"
}""", "alarm"),
    Sample("an answer in Mediaservice's own shape", """{
  "native": {
    "phrases": [{"format": "file", "fileName": "welcome"}],
    "dtmf": {"flush": true, "maxDigits": 1, "firstTimeout": 30},
    "hangup": false,
    "getIVRCommandAfter": 3
  }
}"""),
)  # fmt: skip
