"""The shapes of Voicenter's requests and replies, from the tables of the vendor's document.

The order of a reply's fields here is the order of its members on the wire.
"""

from __future__ import annotations

from marshmallow import fields

from rpcbridge.schemas.actions import DAY, HAS_DIGIT, MOST_DIAL_STRINGS
from rpcbridge.schemas.fields import AnswerSchema, GivenSchema, Text, Texts, Whole

_INT32 = 2**31 - 1  # the safe reply profile has no wider integer


class _Request(GivenSchema):
    """Every field but the method is optional; unknown ones are kept in `raw`."""

    called_number = Text(empty=True, data_key="DID")
    caller_number = Text(empty=True, data_key="CALLER_ID")
    caller_name = Text(empty=True, data_key="CALLER_NAME")
    call_id = Text(empty=True, data_key="IVR_UNIQUE_ID")


class ActionRequest(_Request):
    """GET_IVR_ACTION"""

    digits = Text(empty=True, data_key="DTMF")
    menu = Text(empty=True, data_key="MENU")
    previous_menu = Text(empty=True, data_key="PREVIOUS_MENU")


class HangupRequest(_Request):
    """HANGUP_CALL. CALL_DAILTIME is the wire's own spelling; the times are any integer, as received."""

    target = Text(empty=True, data_key="TARGET")
    platform_call_time = Whole(data_key="CALL_TIME_EPOCH")
    platform_call_start = Whole(data_key="CALL_START_EPOCH")
    duration = Whole(data_key="CALL_DURATION")
    ring_duration = Whole(data_key="CALL_DAILTIME")
    call_status = Text(empty=True, data_key="CALL_STATUS")


class _MenuData(AnswerSchema):
    REC = Text(required=True)
    LOOP = Whole(1, 99, required=True)
    DELAY = Whole(0, 600, required=True)
    SIZE = Whole(0, 32, required=True)
    MENU = Text(empty=True, required=True)
    VALIDATION = Whole(0, 1, required=True)


class MenuData(_MenuData):
    """MENU"""


class SayDigitsData(_MenuData):
    """SAYDIGITS"""

    SAYDIGITSRECORD = Text(required=True)
    DIGITS = Text(HAS_DIGIT, "a text with at least one digit", required=True)


class CallData(AnswerSchema):
    """CALL. The mandatory fields with a default get it where a native answer leaves them out."""

    TARGET = Text(required=True)
    CALLERID = Text(empty=True)
    CALLERNAME = Text(empty=True)
    CALLER_REC = Text(empty=True)
    MOH_CLASS = Text(empty=True)
    TARGET_REC = Text(empty=True)
    CALL_MAX_DIAL = Whole(1, DAY)
    CALL_MAX = Whole(1, DAY)
    NEXT_MENU = Text(empty=True)
    NEXT_MENU_RECORD = Text(empty=True)
    NEXT_MENU_LOOP = Whole(1, 99)
    NEXT_MENU_SIZE = Whole(0, 32)
    NEXT_MENU_WAIT = Whole(0, 600)
    REC_STATUS = Whole(0, 1)
    DTMF_PLAY = Text(empty=True)
    DIALSTRINGS = Texts(MOST_DIAL_STRINGS)


class HangupData(AnswerSchema):
    """HANGUP"""

    HANGUP_REC = Text(empty=True)
    HANGUP_CAUSE = Whole(0, 127)


class LayerData(AnswerSchema):
    """VO"""

    LAYER = Whole(0, _INT32, required=True)
    RECORD = Text(required=True)
    LOOP = Whole(1, 99, required=True)
    DELAY = Whole(0, 600, required=True)


class RecordData(AnswerSchema):
    """SILENTRECORD"""

    REC = Text(empty=True)
    MAXDURATION = Whole(1, DAY)


class Reply(AnswerSchema):
    """The reply to GET_IVR_ACTION. Its STATUS and LANGUAGE are filled in where a native answer leaves them out."""

    STATUS = Whole()
    ACTION = Text(required=True)
    LANGUAGE = Text()
    DATA = fields.Raw()


ACTION_REQUEST = ActionRequest()
HANGUP_REQUEST = HangupRequest()
REPLY = Reply()
DATA: dict[str, AnswerSchema] = {
    "MENU": MenuData(),
    "CALL": CallData(),
    "SAYDIGITS": SayDigitsData(),
    "VO": LayerData(),
    "SILENTRECORD": RecordData(),
    "HANGUP": HangupData(),
}
