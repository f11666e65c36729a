"""The shapes of what Mediaservice is answered, every field of the vendor's document.

Two vocabularies that have little in common. The call level (newCall, callEvent) says what becomes of
participants, by `action`; the media level (getIvrCommand) says what is played and which digits are
collected, and has no `action`. Written for native answers, so they read as all answers are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from rpcbridge.errors import shown
from rpcbridge.platforms.mediaservice.wire.fields import Kept, Known, Line, Names, Parameters, Seconds
from rpcbridge.platforms.mediaservice.wire.words import (
    ACTIONS,
    CALL_EVENT_ACTIONS,
    CODECS,
    DROP_CODES,
    PHRASE_FORMATS,
    RINGBACK_TONES,
)
from rpcbridge.schemas.fields import AnswerSchema, Flag, Text, Whole


class Phrase(AnswerSchema):
    """One of phrases': a recording (`file`) or a text that is spoken (`awstts`)."""

    format = Known(*PHRASE_FORMATS, required=True)
    region = Text(empty=True)  # AWS's, where the text is spoken
    aws_tts_parameters = Kept(data_key="awsTTSParameters")  # as Amazon Polly has them: Text, VoiceId, OutputFormat, LanguageCode, …
    google_tts_parameters = Kept(data_key="googleTTSParameters")
    cache_time_to_live = Text(empty=True, data_key="cacheTimeToLive")
    refresh_cache = Flag(data_key="refreshCache")
    file_name = Text(data_key="fileName")

    def problems(self, data: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with the keys; also what the format needs and is not there."""
        found = super().problems(data, given)
        word = given.get("format")
        format = word.strip().lower() if isinstance(word, str) else ""
        if format == "file" and "fileName" not in given:
            found["fileName"] = ['missing, and required by the format "file"']
        parameters = given.get("awsTTSParameters")
        if format == "awstts" and parameters is None:
            found["awsTTSParameters"] = ['missing, and required by the format "awstts"']
        elif format == "awstts" and isinstance(parameters, Mapping) and not (text_of(parameters.get("Text"))):
            found["awsTTSParameters"] = {"Text": [f"expected the text that is spoken, got {shown(parameters.get('Text'))}"]}
        return found


class PhraseField(fields.Field[Any]):
    """A phrase. One whose format is another word is kept whole: there are more formats than the document still names."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return dict(value) if is_other_phrase(value) else _PHRASE.load(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value if is_other_phrase(value) else _PHRASE.dump(value)


_PHRASE = Phrase()
_MOST_PHRASES = 200  # nobody listens longer, and a caller waits while they are read


class Phrases(fields.List[Any]):
    """What is played, in its order; counted before any is read."""

    def __init__(self, **options: Any) -> None:
        super().__init__(PhraseField(), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(f"expected an array of phrases, got {shown(value)}")
        if len(value) > _MOST_PHRASES:
            raise ValidationError(f"expected at most {_MOST_PHRASES} phrases, got {len(value)}")
        return super()._deserialize(value, attr, data, **rest)


class Played(AnswerSchema):
    """greeting's caller and callee"""

    phrases = Phrases()


class Greeting(AnswerSchema):
    """greeting: played before the participants are connected."""

    play_mode = Text(empty=True, data_key="playMode")  # "calleeFirst"; the other words are lost
    caller = fields.Nested(Played)
    callee = fields.Nested(Played)


class Destination(fields.Field["str | list[Any]"]):
    """destAddr: a SIP URI, or an array of objects of which the document lost the members."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str | list[Any]:
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            return value
        if text_of(value):
            uri: str = _URI.deserialize(value)
            return uri
        raise ValidationError(f"expected a SIP URI or an array of objects, got {shown(value)}")


_URI = Line()


# What an action cannot be without.
_NEEDED = {"call": ("destAddr",), "connect": ("participantId",), "httpcall": ("codec", "receiveIp", "receivePort")}


class NewCallAnswer(AnswerSchema):
    """newCall"""

    action = Known(*ACTIONS, required=True)
    caller_privacy = Flag(data_key="callerPrivacy")
    call_recording = Flag(data_key="callRecording")
    contact_parameters = Parameters(data_key="contactParameters")
    contact_user_parameters = Parameters(data_key="contactUserParameters")
    dest_addr = Destination(data_key="destAddr")
    display_name = Line(empty=True, data_key="displayName")
    drop_code = Known(*DROP_CODES, data_key="dropCode")
    greeting = fields.Nested(Greeting)
    max_ring_time = Seconds(data_key="maxRingTime")
    monitor_dest_addr = Line(data_key="monitorDestAddr")
    monitor_p_headers = Parameters(several=True, removes=True, data_key="monitorPHeaders")
    monitor_x_headers = Parameters(several=True, removes=True, data_key="monitorXHeaders")
    participant_id = Line(data_key="participantId")
    p_headers = Parameters(several=True, data_key="pHeaders")
    ringback_tone = Known(*RINGBACK_TONES, data_key="ringbackTone")
    recording_file_name = Line(data_key="recordingFileName")
    session_reference_id = Kept(data_key="sessionReferenceId")
    sip_diversion = Line(empty=True, data_key="sipDiversion")
    sip_diversion_parameters = Parameters(data_key="sipDiversionParameters")
    sip_from = Line(empty=True, data_key="sipFrom")
    sip_pai = Line(empty=True, data_key="sipPAI")
    sip_rpid = Line(empty=True, data_key="sipRPID")
    sip_to = Line(empty=True, data_key="sipTo")
    x_headers = Parameters(several=True, data_key="xHeaders")
    monitor_sip_from = Line(empty=True, data_key="monitorSipFrom")

    def problems(self, data: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with the keys; also what the action needs and is not there."""
        found = super().problems(data, given)
        action = text_of(given.get("action")).lower()
        missing = [name for name in _NEEDED.get(action, ()) if name in self._known and name not in given]
        return found | {name: [f'missing, and required by the action "{action}"'] for name in missing}


class CallEventAnswer(NewCallAnswer):
    """callEvent: as newCall, and what belongs to httpcall."""

    action = Known(*CALL_EVENT_ACTIONS, required=True)
    codec = Known(*CODECS)
    receive_ip = Line(data_key="receiveIp")
    receive_port = Line(data_key="receivePort")  # a text in the document
    copy_headers = Names(data_key="copyHeaders")


class Encryption(AnswerSchema):
    """dtmf.encryption: later requests shall carry the digits hashed."""

    type = Text(required=True)  # "md5"; whether there are others is lost
    salt = Text(empty=True)


class Dtmf(AnswerSchema):
    """dtmf: which digits are collected; times in seconds. The document has it from a sample alone."""

    flush = Flag()
    encryption = fields.Nested(Encryption)
    max_digits = Whole(1, data_key="maxDigits")
    first_timeout = Seconds(data_key="firstTimeout")
    between_timeout = Seconds(data_key="betweenTimeout")
    termination_key = Text(empty=True, data_key="terminationKey")


class BackgroundPrompt(AnswerSchema):
    """backgroundPrompt: played after the phrases and between commands, until it is stopped or the session ends."""

    file_name = Text(data_key="fileName")
    url = Text()
    repeat_pause = Seconds(data_key="repeatPause")
    stop = Flag()


class IvrCommand(AnswerSchema):
    """getIvrCommand"""

    session_id = Text(data_key="sessionId")
    session_reference_id = Kept(data_key="sessionReferenceId")
    dtmf = fields.Nested(Dtmf)
    phrases = Phrases()
    background_prompt = fields.Nested(BackgroundPrompt, data_key="backgroundPrompt")
    barge_in = Text(data_key="bargeIn")  # "current", "all"; the list is lost
    recorded_callback = Flag(data_key="recordedCallback")
    hangup = Flag()
    get_ivr_command_after = Seconds(data_key="getIVRCommandAfter")  # the document's own capitals
    reply_id = Text(data_key="replyId")


class CallIdentifier(AnswerSchema):
    """getCallIdentifier"""

    session_id = Text(data_key="sessionId")
    session_reference_id = Kept(data_key="sessionReferenceId")


class RemoteCallAnswer(AnswerSchema):
    """newRemoteCall"""

    session_reference_id = Text(data_key="sessionReferenceId")  # a text, here alone of all answers


def is_other_phrase(value: Any) -> bool:
    """Whether `value` is a phrase in a format that is not among the known ones."""
    format = text_of(value.get("format")) if isinstance(value, Mapping) else ""
    return bool(format) and format.lower() not in PHRASE_FORMATS


def text_of(value: Any) -> str:
    """`value` without outer blanks, "" for what is no text."""
    return value.strip() if isinstance(value, str) else ""


# The answers by callback; any other callback is answered with an empty object.
REPLIES: Mapping[str, AnswerSchema] = {
    "newCall": NewCallAnswer(),
    "callEvent": CallEventAnswer(),
    "getIvrCommand": IvrCommand(),
    "getCallIdentifier": CallIdentifier(),
    "newRemoteCall": RemoteCallAnswer(),
}
